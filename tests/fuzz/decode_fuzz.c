/* Messages: the first byte chooses a schema, the rest is the message. The op list and the JSON writer have to agree on
 * every input, and the framing must not crash on any. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "schemas/decoder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RECORD(name, fields) "{\"type\":\"record\",\"name\":\"" name "\",\"fields\":[" fields "]}"
#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define ARRAY(items) "{\"type\":\"array\",\"items\":" items "}"
#define MAP(values) "{\"type\":\"map\",\"values\":" values "}"
#define LOGICAL(type, logical) "{\"type\":\"" type "\",\"logicalType\":\"" logical "\"}"

static const char *const schemas[] = {
    RECORD("Trade", FIELD("id", "\"string\"") "," FIELD("side", "{\"type\":\"enum\",\"name\":\"S\",\"symbols\":[\"A\",\"B\"]}")
           "," FIELD("price", "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":18,\"scale\":8}") ","
           FIELD("buyer", "[\"null\",\"string\"]") "," FIELD("time", LOGICAL("long", "timestamp-micros"))),
    RECORD("All", FIELD("b", "\"boolean\"") "," FIELD("i", "\"int\"") "," FIELD("f", "\"float\"") "," FIELD("d", "\"double\"") ","
           FIELD("x", "{\"type\":\"fixed\",\"name\":\"F\",\"size\":5,\"logicalType\":\"decimal\",\"precision\":11}") ","
           FIELD("u", LOGICAL("string", "uuid")) "," FIELD("m", LOGICAL("long", "timestamp-millis")) ","
           FIELD("n", LOGICAL("long", "timestamp-nanos")) "," FIELD("w", "[\"int\",\"string\",\"null\"]")),
    RECORD("Tree", FIELD("v", "\"long\"") "," FIELD("left", "[\"null\",\"Tree\"]") "," FIELD("right", "[\"Tree\",\"null\"]") ","
           FIELD("more", ARRAY("\"Tree\"")) "," FIELD("named", MAP("\"Tree\""))),
    RECORD("Blocks", FIELD("nulls", ARRAY("\"null\"")) "," FIELD("ints", ARRAY("\"int\"")) ","
           FIELD("deep", ARRAY(MAP(ARRAY("\"string\"")))) "," FIELD("last", "\"int\"")),
};
static const char *const paths[][2] = {{"price", "buyer"}, {"x", "n"}, {"v", "left.v"}, {"last", "last"}};
enum { SCHEMAS = sizeof schemas / sizeof schemas[0] };

struct subject {
    struct rs_schema_document *document;
    struct rs_program *program;
    struct rs_frame_registry *registry;
    struct rs_decoder *decoder;
};

static void must(int code, const struct rs_error *error)
{
    if (code != RS_OK) {
        fprintf(stderr, "decode_fuzz: %s\n", error->text);
        abort();
    }
}

static void open_subject(struct subject *s, size_t number)
{
    struct rs_error error;
    size_t writer = 0;
    const struct rs_program_limits limits = {.depth = 20, .items = 1000};
    must(rs_schema_parse("fuzz", schemas[number], strlen(schemas[number]), &s->document, &error), &error);
    must(rs_program_compile(rs_schema_root(s->document), paths[number], 2, limits, &s->program, &error), &error);
    must(rs_frame_registry_new(&s->registry, &error), &error);
    must(rs_frame_add(s->registry, rs_schema_root(s->document), &writer, &error), &error);
    must(rs_frame_add_id(s->registry, 7, writer, &error), &error);
    must(rs_decoder_new(s->registry, RS_FRAMING_AUTO, writer, paths[number], 2, limits, &s->decoder, &error), &error);
}

static void close_subject(struct subject *s)
{
    rs_decoder_free(&s->decoder);
    rs_frame_registry_free(&s->registry);
    rs_program_free(&s->program);
    rs_schema_free(&s->document);
}

static void check(const struct subject *s, struct rs_slice message)
{
    struct rs_value values[2];
    size_t at = 0;
    size_t json_at = 0;
    struct rs_buf json = {0};
    enum rs_reason reason = rs_program_run(s->program, message, values, &at);
    enum rs_reason json_reason = rs_program_json(s->program, message, &json, &json_at);
    enum rs_reason framed = rs_decoder_run(s->decoder, message, values, NULL);
    rs_buf_fini(&json);
    bool agree = reason == json_reason && at <= message.size && json_at <= message.size;
    if (!agree || (framed == RS_REASON_NONE) < (reason == RS_REASON_NONE && message.size < 5)) {
        fprintf(stderr, "decode_fuzz: %s at %zu, %s at %zu, %s\n", rs_reason_name(reason), at,
                rs_reason_name(json_reason), json_at, rs_reason_name(framed));
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct subject subject = {0};
    open_subject(&subject, data[0] % SCHEMAS);
    uint8_t *exact = malloc(size); /* ends where the message ends, so that a byte too far is seen */
    if (exact != NULL) {
        memcpy(exact, data + 1, size - 1);
        check(&subject, rs_slice_of(exact, size - 1));
    }
    free(exact);
    close_subject(&subject);
    return 0;
}
