/* Messages: the first byte chooses a stream's schema, the rest is the message. The op list and the JSON
 * writer have to agree on every input, and the decoder, which is what the daemon runs, has to judge the
 * message as the JSON writer judges what is in its frame. The same bytes are read as those of another version
 * of the schema, which is resolved to this one. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "schemas/decoder.h"
#include "schemas/program_place.h"

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

/* What other versions of these records wrote; each resolves to the one above, and not every value does. */
static const char *const written[] = {
    "{\"type\":\"record\",\"name\":\"old.Trade\",\"fields\":["
    "{\"name\":\"buyer\",\"type\":[\"int\",\"bytes\",\"null\"]},"
    "{\"name\":\"more\",\"type\":{\"type\":\"array\",\"items\":\"old.Trade\"}},"
    "{\"name\":\"price\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":9,\"scale\":"
    "2}}]}",
    "{\"type\":\"record\",\"name\":\"All\",\"fields\":["
    "{\"name\":\"n\",\"type\":[{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"},\"int\",\"string\"]},"
    "{\"name\":\"x\",\"type\":{\"type\":\"fixed\",\"name\":\"o.F\",\"size\":5}}]}",
    "{\"type\":\"record\",\"name\":\"Tree\",\"fields\":["
    "{\"name\":\"left\",\"type\":[\"Tree\",\"null\",\"long\"]},{\"name\":\"v\",\"type\":\"int\"}]}",
    "{\"type\":\"record\",\"name\":\"Blocks\",\"fields\":["
    "{\"name\":\"nulls\",\"type\":{\"type\":\"array\",\"items\":\"null\"}},"
    "{\"name\":\"last\",\"type\":[\"int\"]}]}"};

static const char *const schemas[] = {trade_schema, all_schema, tree_schema, blocks_schema};
static const char *const paths[][2] = {{"price", "buyer"}, {"x", "n"}, {"v", "left.v"}, {"last", "last"}};
enum { SCHEMAS = sizeof schemas / sizeof schemas[0] };

/* Id of the stream's own schema, of another record, and of another version of its own. */
enum { OWN_ID = 7, OTHER_ID = 11, OLD_ID = 13 };

struct subject {
    struct rs_schema_document *document, *other, *old;
    size_t own, old_number;
    struct rs_program *program, *resolved;
    struct rs_program *old_program; /* wants nothing */
    struct rs_frame_registry *registry;
    struct rs_decoder *decoder;
};

static void must(int code, const struct rs_error *error)
{
    if (code != 0) {
        fprintf(stderr, "decode_fuzz: %s\n", error->text);
        abort();
    }
}

static void add_schema(struct subject *s, const char *text, uint32_t id, struct rs_schema_document **document,
                       size_t *writer)
{
    struct rs_error error;
    must(rs_schema_parse("fuzz", text, strlen(text), document, &error), &error);
    must(rs_frame_add(s->registry, rs_schema_root(*document), writer, &error), &error);
    must(rs_frame_add_id(s->registry, id, *writer, &error), &error);
}

static void open_subject(struct subject *s, size_t number)
{
    struct rs_error error;
    size_t writer = 0;
    const struct rs_program_limits limits = {.depth = 20, .items = 1000};
    must(rs_frame_registry_new(&s->registry, &error), &error);
    add_schema(s, schemas[(number + 1) % SCHEMAS], OTHER_ID, &s->other, &writer);
    add_schema(s, schemas[number], OWN_ID, &s->document, &s->own);
    add_schema(s, written[number], OLD_ID, &s->old, &s->old_number);
    must(rs_program_compile(rs_schema_root(s->old), NULL, 0, limits, &s->old_program, &error), &error);
    must(rs_program_compile(rs_schema_root(s->document), paths[number], 2, limits, &s->program, &error),
         &error);
    must(rs_program_resolve(rs_schema_root(s->old), rs_schema_root(s->document), paths[number], 2, limits,
                            &s->resolved, &error),
         &error);
    must(rs_decoder_new(s->registry, RS_FRAMING_AUTO, s->own, paths[number], 2, limits, &s->decoder, &error),
         &error);
}

static void agree(bool right, const char *what, enum rs_reason a, size_t a_at, enum rs_reason b, size_t b_at)
{
    if (!right) {
        fprintf(stderr, "decode_fuzz: %s: %s at %zu, %s at %zu\n", what, rs_reason_name(a), a_at,
                rs_reason_name(b), b_at);
        abort();
    }
}

static void check_bare(const struct subject *s, struct rs_slice message)
{
    struct rs_value values[2];
    size_t at = 0;
    size_t json_at = 0;
    struct rs_buf json = {0};
    enum rs_reason reason = rs_program_run(s->program, message, values, &at);
    enum rs_reason json_reason = rs_program_json(s->program, message, &json, &json_at);
    rs_buf_fini(&json);
    agree(reason == json_reason && at <= message.size && json_at <= message.size, "program", reason, at,
          json_reason, json_at);
    struct rs_place place;
    enum rs_reason place_reason = rs_program_visit(s->program, message, NULL, &place);
    agree(place_reason == json_reason && place.at == json_at, "place", place_reason, place.at, json_reason,
          json_at);
}

/* What resolving may find besides what is wrong with the writer's bytes. */
static bool is_of_the_reader(enum rs_reason reason)
{
    return reason == RS_REASON_SCHEMA_INCOMPATIBLE || reason == RS_REASON_DECIMAL ||
           reason == RS_REASON_UTF8 || reason == RS_REASON_UUID;
}

/* Whatever is wrong by the writer's schema is refused, and nothing else but what the reader cannot hold. */
static void check_resolved(const struct subject *s, struct rs_slice message)
{
    struct rs_value values[2];
    size_t at = 0;
    size_t wanted_at = 0;
    enum rs_reason reason = rs_program_run(s->resolved, message, values, &at);
    enum rs_reason wanted = rs_program_run(s->old_program, message, NULL, &wanted_at);
    agree(at <= message.size && (reason == wanted || is_of_the_reader(reason)) &&
              (wanted == RS_REASON_NONE || reason != RS_REASON_NONE),
          "resolution", reason, at, wanted, wanted_at);
}

/* What the decoder has to say, from the parts that it is made of. */
static enum rs_reason judge(const struct subject *s, struct rs_slice message, size_t *at)
{
    struct rs_slice datum = message;
    struct rs_buf json = {0};
    size_t writer = 0;
    enum rs_reason reason = rs_frame_split(s->registry, RS_FRAMING_AUTO, s->own, message, &writer, &datum);
    if (reason == RS_REASON_NONE && writer == s->old_number) {
        struct rs_value values[2];
        reason = rs_program_run(s->resolved, datum, values, at);
        *at += message.size - datum.size;
        return reason;
    }
    if (reason != RS_REASON_NONE || writer != s->own) {
        return reason != RS_REASON_NONE ? reason : RS_REASON_SCHEMA_INCOMPATIBLE;
    }
    reason = rs_program_json(s->program, datum, &json, at);
    rs_buf_fini(&json);
    *at += message.size - datum.size;
    if (reason != RS_REASON_NONE && datum.size == message.size &&
        rs_frame_looks_framed(s->registry, message)) {
        *at = 0;
        reason = RS_REASON_UNKNOWN_SCHEMA;
    }
    return reason;
}

/* `at` of the op list may be the start of a run of fixed-width values: it is never behind the JSON writer's.
 */
static void check_framed(const struct subject *s, struct rs_slice message)
{
    struct rs_value values[2];
    size_t at = 0;
    size_t wanted_at = 0;
    enum rs_reason reason = rs_decoder_run(s->decoder, message, NULL, values, &at);
    enum rs_reason wanted = judge(s, message, &wanted_at);
    agree(reason == wanted && at <= wanted_at, "decoder", reason, at, wanted, wanted_at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    static struct subject subjects[SCHEMAS]; /* kept from input to input */
    struct subject *subject = &subjects[data[0] % SCHEMAS];
    if (!subject->program) {
        open_subject(subject, data[0] % SCHEMAS);
    }
    uint8_t *exact = malloc(size); /* ends where the message ends, so that a byte too far is seen */
    if (exact) {
        memcpy(exact, data + 1, size - 1);
        check_bare(subject, rs_slice_of(exact, size - 1));
        check_resolved(subject, rs_slice_of(exact, size - 1));
        check_framed(subject, rs_slice_of(exact, size - 1));
    }
    free(exact);
    return 0;
}
