#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "ingest/encode/encode.h"
#include "ingest/encode/json.h"
#include "ingest/encode/json_write.h"
#include "ingest/encode/message.h"
#include "tests/lib/schema_text.h"
#include "tests/unit/ingest/support.h"

/* Encodes JSON as Avro and writes that as JSON again. */
static void expect(const char *schema, const struct rs_json_options *options, const char *json,
                   const char *wanted)
{
    struct rs_schema_document *document = parse_schema(schema);
    struct rs_encoder encoder;
    struct rs_json *parser = NULL;
    const struct rs_cell *cells = NULL;
    struct rs_buf datum = {0};
    struct rs_buf out = {0};
    struct rs_error error;
    size_t at = 0;
    rs_encoder_init(&encoder);
    assert_int_equal(rs_json_new(&parser, &error), 0);
    assert_int_equal(rs_json_parse(parser, rs_slice_text(json), &cells, &at, &error), 0);
    if (rs_encode(&encoder, rs_schema_root(document), cells, 0, &datum, &error) != 0) {
        fail_msg("%s: %s", json, error.text);
    }
    int rc = rs_json_write(rs_schema_root(document), options, rs_buf_slice(&datum), &out, &error);
    rs_buf_char(&out, '\0');
    assert_string_equal(rc == 0 ? (const char *)out.data : error.text, wanted);
    if (rc == 0 && datum.size > 0) { /* cut anywhere it is refused */
        for (size_t size = 0; size < datum.size; size++) {
            assert_int_equal(
                rs_json_write(rs_schema_root(document), options, rs_slice_of(datum.data, size), &out, &error),
                RS_ERECORD);
        }
    }
    rs_buf_fini(&datum);
    rs_buf_fini(&out);
    rs_json_free(&parser);
    rs_encoder_fini(&encoder);
    rs_schema_free(&document);
}

static const struct rs_json_options plain = {0};

#define LOGICAL(type, logical) "{\"type\":\"" type "\",\"logicalType\":\"" logical "\"}"
#define FIELD(name, type)      "{\"name\":\"" name "\",\"type\":" type "}"
#define RECORD(fields)         "{\"type\":\"record\",\"name\":\"n.R\",\"fields\":[" fields "]}"

static void test_scalars(void **state)
{
    (void)state;
    expect("\"long\"", &plain, "-9223372036854775808", "-9223372036854775808");
    expect("\"boolean\"", &plain, "true", "true");
    expect("\"float\"", &plain, "0.1", "0.1");
    expect("\"double\"", &plain, "1e300", "1e+300");
    expect("\"double\"", &plain, "-0.0", "-0");
    expect("\"double\"", &plain, "\"-Infinity\"", "\"-Infinity\"");
    expect("\"float\"", &plain, "\"NaN\"", "\"NaN\"");
    expect("\"string\"", &plain, "\"a\\\"\\n\\u0000\xC3\xA9\"", "\"a\\\"\\n\\u0000\xC3\xA9\"");
    expect("\"bytes\"", &plain, "\"a\\\"\\\\\\u0000\\u00ff~\"", "\"a\\u0022\\u005c\\u0000\\u00ff~\"");
    expect("{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", &plain, "\"ab\"", "\"ab\"");
    expect("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}", &plain, "\"B\"", "\"B\"");
    expect("{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":38,\"scale\":4}", &plain,
           "1234567890123456789012345678901234.5600", "1234567890123456789012345678901234.56");
    expect("{\"type\":\"fixed\",\"name\":\"U\",\"size\":16,\"logicalType\":\"uuid\"}", &plain,
           "\"00112233-4455-6677-8899-aabbccddeeff\"", "\"00112233-4455-6677-8899-aabbccddeeff\"");
    expect(LOGICAL("int", "date"), &plain, "\"2026-01-31\"", "\"2026-01-31\"");
    expect(LOGICAL("int", "time-millis"), &plain, "\"00:00:01\"", "1000");
    expect(LOGICAL("long", "timestamp-nanos"), &plain, "\"2026-01-31T00:00:00.000000001Z\"",
           "\"2026-01-31T00:00:00.000000001Z\"");
    expect(LOGICAL("long", "local-timestamp-millis"), &plain, "\"2026-01-31T00:00:00.5\"",
           "\"2026-01-31T00:00:00.5Z\"");
}

/* Bare where the reader can take it for nothing else. */
static void test_composites(void **state)
{
    (void)state;
    expect("{\"type\":\"array\",\"items\":\"int\"}", &plain, "[1,2,3]", "[1,2,3]");
    expect("{\"type\":\"map\",\"values\":\"int\"}", &plain, "{\"a\":1,\"b\":2}", "{\"a\":1,\"b\":2}");
    expect("[\"null\",\"string\"]", &plain, "\"x\"", "\"x\"");
    expect("[\"null\",\"string\"]", &plain, "null", "null");
    expect("[\"null\",\"string\",\"bytes\"]", &plain, "\"x\"", "{\"string\":\"x\"}");
    expect("[\"null\",{\"type\":\"map\",\"values\":\"int\"}]", &plain, "{\"map\":1}",
           "{\"map\":{\"map\":1}}");
    expect("[\"null\"," RECORD(FIELD("a", "\"int\"")) "]", &plain, "{\"a\":1}", "{\"a\":1}");
    expect("[\"null\"," RECORD(FIELD("a", "\"int\"") "," FIELD("b", "[\"null\",\"n.R\"]")) "]", &plain,
           "{\"a\":1,\"b\":{\"a\":2,\"b\":null}}", "{\"a\":1,\"b\":{\"a\":2,\"b\":null}}");
    expect("[\"null\",{\"type\":\"record\",\"name\":\"R\",\"fields\":[" FIELD("R", "\"int\"") "]}]", &plain,
           "{\"R\":1}", "{\"R\":{\"R\":1}}");
}

/* Declared forms count for the very field, wherever it is but in arrays and maps. */
static void test_times(void **state)
{
    static const char at[] = RECORD(FIELD("at", LOGICAL("long", "timestamp-micros")) "," FIELD(
        "in", "[\"null\",{\"type\":\"record\",\"name\":\"I\",\"fields\":[" FIELD(
                  "at", LOGICAL("long", "timestamp-millis")) "," FIELD("day", LOGICAL("int", "date")) "]}]"));
    struct rs_json_time times[3] = {{.path = "at"}, {.path = "in.at"}, {.path = "in.day"}};
    const struct rs_json_options options = {.times = times, .time_count = 3};
    static const char json[] = "{\"at\":\"2026-01-02T03:04:05.5Z\",\"in\":{\"at\":\"2026-01-02T00:00:00Z\","
                               "\"day\":\"2026-01-02\"}}";
    struct rs_error error;
    (void)state;
    assert_int_equal(rs_time_rule_parse("s", NULL, &times[0].rule, &error), 0);
    assert_int_equal(rs_time_rule_parse("%d.%m.%Y", NULL, &times[1].rule, &error), 0);
    assert_int_equal(rs_time_rule_parse("%Y %j", NULL, &times[2].rule, &error), 0);
    expect(at, &options, json, "{\"at\":1767323045.5,\"in\":{\"at\":\"02.01.2026\",\"day\":\"2026 002\"}}");
    assert_int_equal(rs_time_rule_parse("%d.%m.%Y", NULL, &times[0].rule, &error), 0);
    expect(at, &options, json, "at: is a time that its form cannot hold without loss");
}

/* What is sent is what the stream's own reader takes. */
static void test_messages(void **state)
{
    struct rs_stream *s = support_stream(RECORD(FIELD("a", "\"int\"")));
    const struct rs_framing_prefix prefix = {.bytes = {0, 0, 0, 0, 7}, .size = 5};
    struct rs_message_maker *maker = NULL;
    struct rs_error error;
    struct rs_slice out = {0};
    (void)state;
    const struct rs_slice framed = rs_slice_of("\0\0\0\0\7\2", 6);
    assert_int_equal(rs_message_maker_new(s, &prefix, &maker, &error), 0);
    assert_int_equal(rs_message_make(maker, framed, &out, &error), 0);
    assert_true(rs_slice_equal(out, framed));
    rs_message_maker_free(&maker);
    s->format = RS_FORMAT_JSON;
    assert_int_equal(rs_message_maker_new(s, &prefix, &maker, &error), 0);
    assert_int_equal(rs_message_make(maker, framed, &out, &error), 0);
    assert_true(rs_slice_equal(out, rs_slice_of("\0\0\0\0\7{\"a\":1}", 12)));
    s->max_record_bytes = 11;
    assert_int_equal(rs_message_make(maker, framed, &out, &error), RS_ERECORD);
    assert_string_equal(error.text, "the event takes 12 bytes, max_record_bytes of the stream is 11");
    rs_message_maker_free(&maker);
    support_stream_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_scalars), cmocka_unit_test(test_composites),
                                       cmocka_unit_test(test_times), cmocka_unit_test(test_messages)};
    return cmocka_run_group_tests_name("json_write", tests, NULL, support_end);
}
