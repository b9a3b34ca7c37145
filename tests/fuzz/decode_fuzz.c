/* Messages: the first byte chooses a schema, the rest is the message. The op list and the JSON writer have to
 * agree on every input, and the framing must not crash on any. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "schemas/decoder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char trade_schema[] =
    "{\"type\":\"record\",\"name\":\"Trade\",\"fields\":["
    "{\"name\":\"id\",\"type\":\"string\"},"
    "{\"name\":\"side\",\"type\":{\"type\":\"enum\",\"name\":\"S\",\"symbols\":[\"A\",\"B\"]}},"
    "{\"name\":\"price\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":18,\"scale\":"
    "8}},"
    "{\"name\":\"buyer\",\"type\":[\"null\",\"string\"]},"
    "{\"name\":\"time\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}}]}";

static const char all_schema[] =
    "{\"type\":\"record\",\"name\":\"All\",\"fields\":["
    "{\"name\":\"b\",\"type\":\"boolean\"},{\"name\":\"i\",\"type\":\"int\"},"
    "{\"name\":\"f\",\"type\":\"float\"},{\"name\":\"d\",\"type\":\"double\"},"
    "{\"name\":\"x\",\"type\":{\"type\":\"fixed\",\"name\":\"F\",\"size\":5,"
    "\"logicalType\":\"decimal\",\"precision\":11}},"
    "{\"name\":\"u\",\"type\":{\"type\":\"string\",\"logicalType\":\"uuid\"}},"
    "{\"name\":\"m\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}},"
    "{\"name\":\"n\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-nanos\"}},"
    "{\"name\":\"w\",\"type\":[\"int\",\"string\",\"null\"]}]}";

static const char tree_schema[] = "{\"type\":\"record\",\"name\":\"Tree\",\"fields\":["
                                  "{\"name\":\"v\",\"type\":\"long\"},"
                                  "{\"name\":\"left\",\"type\":[\"null\",\"Tree\"]},"
                                  "{\"name\":\"right\",\"type\":[\"Tree\",\"null\"]},"
                                  "{\"name\":\"more\",\"type\":{\"type\":\"array\",\"items\":\"Tree\"}},"
                                  "{\"name\":\"named\",\"type\":{\"type\":\"map\",\"values\":\"Tree\"}}]}";

static const char blocks_schema[] =
    "{\"type\":\"record\",\"name\":\"Blocks\",\"fields\":["
    "{\"name\":\"nulls\",\"type\":{\"type\":\"array\",\"items\":\"null\"}},"
    "{\"name\":\"ints\",\"type\":{\"type\":\"array\",\"items\":\"int\"}},"
    "{\"name\":\"deep\",\"type\":{\"type\":\"array\",\"items\":{\"type\":\"map\","
    "\"values\":{\"type\":\"array\",\"items\":\"string\"}}}},"
    "{\"name\":\"last\",\"type\":\"int\"}]}";

static const char *const schemas[] = {trade_schema, all_schema, tree_schema, blocks_schema};
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
    must(rs_program_compile(rs_schema_root(s->document), paths[number], 2, limits, &s->program, &error),
         &error);
    must(rs_frame_registry_new(&s->registry, &error), &error);
    must(rs_frame_add(s->registry, rs_schema_root(s->document), &writer, &error), &error);
    must(rs_frame_add_id(s->registry, 7, writer, &error), &error);
    must(rs_decoder_new(s->registry, RS_FRAMING_AUTO, writer, paths[number], 2, limits, &s->decoder, &error),
         &error);
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
    static struct subject subjects[SCHEMAS]; /* kept from input to input */
    struct subject *subject = &subjects[data[0] % SCHEMAS];
    if (subject->program == NULL) {
        open_subject(subject, data[0] % SCHEMAS);
    }
    uint8_t *exact = malloc(size); /* ends where the message ends, so that a byte too far is seen */
    if (exact != NULL) {
        memcpy(exact, data + 1, size - 1);
        check(subject, rs_slice_of(exact, size - 1));
    }
    free(exact);
    return 0;
}
