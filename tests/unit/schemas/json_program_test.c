/* JSON messages: what every type takes and refuses, where, and why. That good messages hold what the same Avro
 * messages hold is shown on random schemas by tests/fuzz/differential.c. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/json_program.h"

#define TEXT_ROOM 4096

static struct rs_schema_document *document;
static struct rs_json_program *program;
static uint8_t text[TEXT_ROOM];
static struct rs_value v[8];
static size_t at;

static struct rs_json_options options;
static struct rs_program_limits limits = {.depth = 64, .items = 1000};

static void open_schema(const char *fields, const char *const *paths, size_t count)
{
    char json[4096];
    struct rs_error error = {0};
    int size =
        snprintf(json, sizeof json, "{\"type\": \"record\", \"name\": \"T\", \"fields\": [%s]}", fields);
    if (rs_schema_parse("test", json, (size_t)size, &document, &error) != 0 ||
        rs_json_program_compile(rs_schema_root(document), paths, count, limits, &options, &program, &error) !=
            0) {
        fail_msg("%s", error.text);
    }
}

static void close_schema(void)
{
    rs_json_program_free(&program);
    rs_schema_free(&document);
    options = (struct rs_json_options){0};
    limits = (struct rs_program_limits){.depth = 64, .items = 1000};
}

static enum rs_reason run(const char *json)
{
    return rs_json_program_run(program, rs_slice_text(json), text, v, &at);
}

static void takes(const char *json)
{
    enum rs_reason reason = run(json);
    if (reason != RS_REASON_NONE) {
        fail_msg("%s: %s at %zu", json, rs_reason_name(reason), at);
    }
}

static void refuses(const char *json, enum rs_reason wanted, size_t where)
{
    enum rs_reason reason = run(json);
    if (reason != wanted || at != where) {
        fail_msg("%s: %s at %zu, not %s at %zu", json, rs_reason_name(reason), at, rs_reason_name(wanted),
                 where);
    }
}

/* A record of one field "x" of the type, which is wanted. */
static void one_field(const char *type)
{
    static const char *const path[] = {"x"};
    char fields[1024];
    (void)snprintf(fields, sizeof fields, "{\"name\": \"x\", \"type\": %s}", type);
    open_schema(fields, path, 1);
}

/* Its value in JSON; the fault's place is counted from the value. */
static void value_is_refused(const char *value, enum rs_reason reason, size_t where)
{
    char json[256];
    (void)snprintf(json, sizeof json, "{\"x\":%s}", value);
    refuses(json, reason, where + 5);
}

static struct rs_value value_of(const char *value)
{
    char json[256];
    (void)snprintf(json, sizeof json, " {\"x\" : %s }\n", value);
    takes(json);
    return v[0];
}

static void is_text(struct rs_value value, const char *wanted, size_t size)
{
    assert_int_equal(value.kind, RS_VALUE_BYTES);
    assert_int_equal(value.s.size, size);
    assert_memory_equal(value.s.data, wanted, size);
}

static void test_whole_numbers(void **state)
{
    (void)state;
    one_field("\"long\"");
    static const struct {
        const char *json;
        int64_t value;
    } good[] = {{"0", 0},
                {"-0", 0},
                {"5", 5},
                {"5.0", 5},
                {"5e2", 500},
                {"12300e-2", 123},
                {"1E+3", 1000},
                {"0.0e99", 0},
                {"-17", -17},
                {"9223372036854775807", INT64_MAX},
                {"-9223372036854775808", INT64_MIN}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(value_of(good[i].json).kind, RS_VALUE_INT);
        assert_int_equal(v[0].i, good[i].value);
    }
    static const char *const ranges[] = {"9223372036854775808",
                                         "-9223372036854775809",
                                         "1.5",
                                         "1e19",
                                         "1e-1",
                                         "99999999999999999999999999999999999999999"};
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        value_is_refused(ranges[i], RS_REASON_NUMBER, 0);
    }
    value_is_refused("01", RS_REASON_JSON, 0);
    value_is_refused("-", RS_REASON_JSON, 1);
    value_is_refused("1.", RS_REASON_JSON, 2);
    value_is_refused("1e", RS_REASON_JSON, 2);
    value_is_refused("+1", RS_REASON_JSON, 0);
    value_is_refused(".5", RS_REASON_JSON, 0);
    value_is_refused("NaN", RS_REASON_JSON, 0);
    value_is_refused("\"5\"", RS_REASON_TYPE, 0);
    value_is_refused("true", RS_REASON_TYPE, 0);
    value_is_refused("null", RS_REASON_TYPE, 0);
    value_is_refused("{}", RS_REASON_TYPE, 0);
    close_schema();
    one_field("\"int\"");
    assert_int_equal(value_of("-2147483648").i, INT32_MIN);
    value_is_refused("2147483648", RS_REASON_NUMBER, 0);
    close_schema();
}

static void test_decimals(void **state)
{
    (void)state;
    one_field("{\"type\": \"bytes\", \"logicalType\": \"decimal\", \"precision\": 30, \"scale\": 4}");
    assert_int_equal(value_of("0.1").i, 1000);
    assert_int_equal(value_of("-19.99").i, -199900);
    assert_int_equal(value_of("\"19.9900\"").i, 199900);
    assert_int_equal(value_of("1e3").i, 10000000);
    assert_int_equal(value_of("900719925474099.3001").i, INT64_C(9007199254740993001)); /* no double has it */
    assert_false(v[0].wide);
    assert_true(value_of("12345678901234567890123456.7890").wide);
    assert_true(v[0].w ==
                (rs_i128)INT64_C(1234567890123456789) * INT64_C(100000000000) + INT64_C(1234567890));
    value_is_refused("0.00001", RS_REASON_NUMBER, 0);
    value_is_refused("\"\"", RS_REASON_TYPE, 0);
    value_is_refused("\"1 \"", RS_REASON_TYPE, 0);
    value_is_refused("100000000000000000000000000", RS_REASON_DECIMAL, 0);
    value_is_refused("false", RS_REASON_TYPE, 0);
    close_schema();
}

static void test_doubles(void **state)
{
    (void)state;
    one_field("\"double\"");
    assert_true(value_of("0.1").d == 0.1);
    assert_true(value_of("1e308").d == 1e308);
    assert_true(value_of("123456789012345678901234567890").d == 123456789012345678901234567890.0);
    assert_true(value_of("2.2250738585072011e-308").d == 2.2250738585072011e-308);
    assert_true(signbit(value_of("-0").d) != 0);
    assert_true(isnan(value_of("\"NaN\"").d) != 0);
    assert_true(value_of("\"-Infinity\"").d == -(double)INFINITY);
    value_is_refused("1e309", RS_REASON_NUMBER, 0);
    value_is_refused("\"1\"", RS_REASON_TYPE, 0);
    close_schema();
    one_field("\"float\"");
    assert_true(value_of("0.1").d == (double)0.1f);
    /* Just above the middle of two floats, where a double is that middle: rounding twice would go down. */
    assert_true(value_of("1.00000005960464477540").d == (double)1.00000011920928955078125f);
    assert_true(value_of("1.00000005960464477539").d == 1.0);
    value_is_refused("1e39", RS_REASON_NUMBER, 0);
    close_schema();
}

static void test_texts(void **state)
{
    (void)state;
    one_field("\"string\"");
    is_text(value_of("\"\""), "", 0);
    is_text(value_of("\"plain text of more than eight bytes\""), "plain text of more than eight bytes", 35);
    is_text(value_of("\"数据 é\""), "数据 é", 9);
    is_text(value_of("\"a\\\"b\\\\c\\/d\\b\\f\\n\\r\\t\""), "a\"b\\c/d\b\f\n\r\t", 12);
    is_text(value_of("\"\\u00e9\\u6570\\ud83d\\ude00\\u0000\""), "é数😀\0", 10);
    value_is_refused("\"\\x\"", RS_REASON_JSON, 1);
    value_is_refused("\"\\u12g4\"", RS_REASON_JSON, 1);
    value_is_refused("\"abc\\u12\"", RS_REASON_JSON, 4);
    value_is_refused("\"\\ud800\"", RS_REASON_UTF8, 1);
    value_is_refused("\"\\ude00\\ud83d\"", RS_REASON_UTF8, 1);
    value_is_refused("\"ab\x01\"", RS_REASON_JSON, 3);
    value_is_refused("\"0123456789\n\"", RS_REASON_JSON, 11);
    value_is_refused("\"ab\xff\"", RS_REASON_UTF8, 3);
    value_is_refused("\"0123456789\xed\xa0\x80\"", RS_REASON_UTF8, 11);
    value_is_refused("\"\\\xff\"", RS_REASON_UTF8, 2);
    value_is_refused("5", RS_REASON_TYPE, 0);
    refuses("{\"x\":\"ab", RS_REASON_TRUNCATED, 8);
    refuses("{\"x\":\"ab\\", RS_REASON_TRUNCATED, 8);
    close_schema();
}

static void test_bytes_enums_uuids(void **state)
{
    (void)state;
    one_field("\"bytes\"");
    is_text(value_of("\"\\u00ff\\u0000a\xc3\xa9\""), "\xff\0a\xe9", 4);
    value_is_refused("\"\\u0100\"", RS_REASON_TYPE, 0);
    close_schema();
    one_field("{\"type\": \"fixed\", \"name\": \"F\", \"size\": 2}");
    is_text(value_of("\"\\u0001\\u0080\""), "\x01\x80", 2);
    value_is_refused("\"abc\"", RS_REASON_LENGTH, 0);
    close_schema();
    one_field("{\"type\": \"fixed\", \"name\": \"F\", \"size\": 16, \"logicalType\": \"uuid\"}");
    is_text(value_of("\"123e4567-e89b-12d3-a456-42661417400F\""),
            "\x12\x3e\x45\x67\xe8\x9b\x12\xd3\xa4\x56\x42\x66\x14\x17\x40\x0f", 16);
    value_is_refused("\"123e4567-e89b-12d3-a456-42661417400\"", RS_REASON_LENGTH, 0);
    close_schema();
    one_field("{\"type\": \"string\", \"logicalType\": \"uuid\"}");
    is_text(value_of("\"123e4567-e89b-12d3-a456-426614174000\""), "123e4567-e89b-12d3-a456-426614174000", 36);
    value_is_refused("\"123e4567\"", RS_REASON_UUID, 0);
    close_schema();
    one_field("{\"type\": \"enum\", \"name\": \"E\", \"symbols\": [\"BUY\", \"SELL\"]}");
    assert_int_equal(value_of("\"SELL\"").i, 1);
    assert_int_equal(value_of("\"B\\u0055Y\"").i, 0);
    static const char *const none[] = {"\"\"", "\"SELLS\"", "\"SEL\"", "\"BUY\\u0000\"", "\"buy\""};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        value_is_refused(none[i], RS_REASON_ENUM_SYMBOL, 0);
    }
    value_is_refused("1", RS_REASON_TYPE, 0);
    close_schema();
}

static void is_time(struct rs_value value, int64_t us, int ns)
{
    assert_int_equal(value.kind, RS_VALUE_TIME);
    assert_int_equal(value.i, us);
    assert_int_equal(value.nanos, ns);
}

/* Opens one time field whose messages have `form`; NULL: none declared. */
static void time_field(const char *logical, const char *form, const struct rs_zone *zone)
{
    static struct rs_json_time times[1];
    struct rs_error error;
    char type[128];
    (void)snprintf(type, sizeof type, "{\"type\": \"%s\", \"logicalType\": \"%s\"}",
                   strcmp(logical, "date") == 0 ? "int" : "long", logical);
    if (form) {
        times[0].path = "x";
        assert_int_equal(rs_time_rule_parse(form, zone, &times[0].rule, &error), 0);
        options = (struct rs_json_options){.times = times, .time_count = 1};
    }
    one_field(type);
}

static void test_times(void **state)
{
    (void)state;
    time_field("timestamp-millis", NULL, NULL);
    is_time(value_of("1700000000123"), INT64_C(1700000000123000), 0);
    is_time(value_of("-1"), -1000, 0);
    is_time(value_of("9223372036854775807"), INT64_MAX, 0); /* for who uses it to refuse */
    is_time(value_of("\"2023-11-14T22:13:20.123Z\""), INT64_C(1700000000123000), 0);
    value_is_refused("\"2023-11-14T22:13:20.1234Z\"", RS_REASON_TIME_FORM, 0);
    value_is_refused("1.5", RS_REASON_TIME_FORM, 0);
    value_is_refused("\"yesterday\"", RS_REASON_TIME_FORM, 0);
    value_is_refused("true", RS_REASON_TYPE, 0);
    close_schema();
    time_field("timestamp-nanos", NULL, NULL);
    is_time(value_of("-1"), -1, 999);
    is_time(value_of("\"2023-11-14T22:13:20.123456789Z\""), INT64_C(1700000000123456), 789);
    close_schema();
    time_field("timestamp-micros", "ms", NULL);
    is_time(value_of("1700000000123"), INT64_C(1700000000123000), 0);
    is_time(value_of("1700000000123.456"), INT64_C(1700000000123456), 0);
    is_time(value_of("\"1700000000123\""), INT64_C(1700000000123000), 0);
    value_is_refused("1700000000123.4567", RS_REASON_TIME_FORM, 0);
    value_is_refused("\"2023-11-14T22:13:20Z\"", RS_REASON_TYPE, 0);
    close_schema();
    struct rs_zone *zone = NULL;
    struct rs_error error;
    assert_int_equal(rs_zone_load("+08:00", &zone, &error), 0);
    time_field("timestamp-micros", "%d/%m/%Y %H:%M:%S", zone);
    is_time(value_of("\"15\\/11/2023 06:13:20\""), INT64_C(1700000000000000), 0);
    value_is_refused("1700000000", RS_REASON_TIME_FORM, 0);
    close_schema();
    time_field("timestamp-millis", "iso", zone);
    is_time(value_of("\"2023-11-15T06:13:20\""), INT64_C(1700000000000000), 0);
    close_schema();
    rs_zone_free(&zone);
    time_field("date", NULL, NULL);
    assert_int_equal(value_of("19675").i, 19675);
    assert_int_equal(value_of("\"2023-11-14\"").i, 19675);
    value_is_refused("\"2023-11-14T00:00:00Z\"", RS_REASON_TIME_FORM, 0);
    close_schema();
    time_field("date", "%d.%m.%Y", NULL);
    assert_int_equal(value_of("\"14.11.2023\"").i, 19675);
    value_is_refused("19675", RS_REASON_TIME_FORM, 0);
    close_schema();
}

static void test_objects(void **state)
{
    (void)state;
    static const char *const paths[] = {"a", "r.b", "a", "s", "r.c"};
    open_schema("{\"name\": \"a\", \"type\": \"int\"},"
                "{\"name\": \"r\", \"type\": [\"null\", {\"type\": \"record\", \"name\": \"R\", \"fields\": ["
                "  {\"name\": \"b\", \"type\": \"int\"}, {\"name\": \"c\", \"type\": \"string\", "
                "\"default\": \"d\\u00e9\"}]}]},"
                "{\"name\": \"s\", \"type\": \"string\", \"default\": \"x\"},"
                "{\"name\": \"n\", \"type\": [\"null\", \"int\"]}",
                paths, 5);
    takes("{\"a\":1,\"r\":{\"b\":2,\"c\":\"z\"},\"s\":\"y\",\"n\":3}");
    assert_int_equal(v[0].i, 1);
    assert_int_equal(v[1].i, 2);
    assert_int_equal(v[2].i, 1);
    is_text(v[3], "y", 1);
    is_text(v[4], "z", 1);
    takes(
        "{ \"z\":{\"deep\":[1,{\"a\":null}]}, \"n\":null, \"r\":{\"b\":2}, \"\\u0061\":7 }"); /* any order */
    assert_int_equal(v[0].i, 7);
    is_text(v[3], "x", 1);
    is_text(v[4], "dé", 3);
    takes("{\"a\":1,\"r\":null}");
    assert_int_equal(v[1].kind, RS_VALUE_NULL);
    assert_int_equal(v[4].kind, RS_VALUE_NULL); /* no record, so no default of its field */
    takes("{\"a\":1,\"r\":{\"R\":{\"b\":5}}}"); /* as Avro's own JSON wraps it */
    assert_int_equal(v[1].i, 5);
    takes("{\"a\":1,\"n\":{\"int\":5}}");
    refuses("{\"r\":null}", RS_REASON_MISSING_FIELD, 10);
    refuses("{\"a\":1,\"r\":{}}", RS_REASON_MISSING_FIELD, 13);
    refuses("{\"a\":1,\"a\":1}", RS_REASON_DUPLICATE_FIELD, 7);
    refuses("{\"a\":1,\"\\u0061\":1}", RS_REASON_DUPLICATE_FIELD, 7);
    refuses("{\"a\":1,\"r\":5}", RS_REASON_TYPE, 11);
    refuses("{\"a\":1,\"n\":{\"long\":5}}", RS_REASON_TYPE, 11);
    refuses("{\"a\":1,\"z\":tru}", RS_REASON_JSON, 14);
    refuses("{\"a\":1,}", RS_REASON_JSON, 7);
    refuses("{\"a\" 1}", RS_REASON_JSON, 5);
    refuses("{a:1}", RS_REASON_JSON, 1);
    refuses("{\"a\":1", RS_REASON_TRUNCATED, 6);
    refuses("{\"a\":1}}", RS_REASON_TRAILING, 7);
    refuses("{\"a\":1} {\"a\":1}", RS_REASON_TRAILING, 8);
    refuses("", RS_REASON_TRUNCATED, 0);
    refuses("  ", RS_REASON_TRUNCATED, 2);
    refuses("[]", RS_REASON_TYPE, 0);
    refuses("null", RS_REASON_TYPE, 0);
    refuses("\xef\xbb\xbf{}", RS_REASON_JSON, 0);
    close_schema();
    options.refuse_unknown = true;
    one_field("\"int\"");
    refuses("{\"x\":1,\"y\":1}", RS_REASON_UNKNOWN_FIELD, 7);
    close_schema();
}

/* Defaults are written as Avro writes them, whatever form the messages have. */
/* Nothing to look up, and nothing to sort. */
static void test_a_record_without_fields(void **state)
{
    (void)state;
    open_schema("", NULL, 0);
    takes("{}");
    takes("{\"y\": [1, {}]}");
    refuses("{\"y\": [1, {]}", RS_REASON_JSON, 11);
    close_schema();
}

static void test_defaults(void **state)
{
    (void)state;
    static const char *const paths[] = {"d", "t", "r.a", "r.b", "e", "r.b"};
    static struct rs_json_time times[1];
    struct rs_error error;
    times[0].path = "t";
    assert_int_equal(rs_time_rule_parse("iso", NULL, &times[0].rule, &error), 0);
    options = (struct rs_json_options){.times = times, .time_count = 1};
    open_schema(
        "{\"name\": \"d\", \"type\": {\"type\": \"bytes\", \"logicalType\": \"decimal\", \"precision\": 9, "
        "\"scale\": 2}, \"default\": \"\\u0007\\u00cf\"},"
        "{\"name\": \"t\", \"type\": {\"type\": \"long\", \"logicalType\": \"timestamp-millis\"}, "
        "\"default\": 5},"
        "{\"name\": \"r\", \"type\": {\"type\": \"record\", \"name\": \"R\", \"fields\": ["
        "  {\"name\": \"a\", \"type\": [\"null\", \"int\"]},"
        "  {\"name\": \"b\", \"type\": \"string\", \"default\": \"inner\"}]}, \"default\": {\"a\": 7}},"
        "{\"name\": \"e\", \"type\": {\"type\": \"enum\", \"name\": \"E\", \"symbols\": [\"X\", \"Y\"]}, "
        "\"default\": \"Y\"}",
        paths, 6);
    takes("{}");
    assert_int_equal(v[0].i, 1999);
    is_time(v[1], 5000, 0);
    assert_int_equal(v[2].i, 7);
    is_text(v[3], "inner", 5);
    assert_int_equal(v[4].i, 1);
    is_text(v[5], "inner", 5);
    takes("{\"r\":{\"a\":null},\"t\":\"1970-01-01T00:00:01Z\",\"d\":\"20\"}");
    assert_int_equal(v[0].i, 2000);
    is_time(v[1], 1000000, 0);
    assert_int_equal(v[2].kind, RS_VALUE_NULL);
    is_text(v[3], "inner", 5);
    close_schema();
}

static void test_arrays_maps_unions(void **state)
{
    (void)state;
    static const char *const paths[] = {"a"};
    open_schema("{\"name\": \"a\", \"type\": \"int\"},"
                "{\"name\": \"l\", \"type\": {\"type\": \"array\", \"items\": \"int\"}, \"default\": []},"
                "{\"name\": \"m\", \"type\": {\"type\": \"map\", \"values\": \"int\"}, \"default\": {}},"
                "{\"name\": \"u\", \"type\": [\"null\", \"int\", \"string\", {\"type\": \"array\", "
                "\"items\": \"T\"}], "
                "\"default\": null},"
                "{\"name\": \"t\", \"type\": [\"null\", \"T\"], \"default\": null}",
                paths, 1);
    takes("{\"a\":1,\"l\":[1, 2,3],\"m\":{\"x\":1,\"\":2},\"u\":\"x\",\"t\":{\"a\":2,\"t\":{\"a\":3}}}");
    assert_int_equal(v[0].i, 1);
    takes("{\"a\":1,\"u\":{\"string\":\"x\"}}");
    takes("{\"a\":1,\"u\":[{\"a\":5},{\"a\":6,\"u\":7}]}");
    refuses("{\"a\":1,\"l\":[1,\"2\"]}", RS_REASON_TYPE, 14);
    refuses("{\"a\":1,\"l\":[1,]}", RS_REASON_JSON, 14);
    refuses("{\"a\":1,\"l\":[1 2]}", RS_REASON_JSON, 14);
    refuses("{\"a\":1,\"m\":{\"x\":null}}", RS_REASON_TYPE, 16);
    refuses("{\"a\":1,\"m\":{x:1}}", RS_REASON_JSON, 12);
    refuses("{\"a\":1,\"u\":1.5}", RS_REASON_NUMBER, 11);
    refuses("{\"a\":1,\"u\":{\"x\":1}}", RS_REASON_TYPE, 11);
    refuses("{\"a\":1,\"t\":{\"t\":null}}", RS_REASON_MISSING_FIELD, 21);
    close_schema();
}

/* What no message may cost: depth, items, and types of a union tried at every level. */
static void test_bounds(void **state)
{
    (void)state;
    static const char *const paths[] = {"x"};
    static char json[200000];
    size_t size = 0;
    limits = (struct rs_program_limits){.depth = 5, .items = 5};
    one_field("\"int\"");
    takes("{\"x\":1,\"y\":[[[[1]]]]}");
    refuses("{\"x\":1,\"y\":[[[[[1]]]]]}", RS_REASON_DEPTH, 16);
    refuses("{\"x\":1,\"y\":[1,2,3,4,5]}", RS_REASON_ITEMS, 20); /* y itself is an item */
    refuses("{\"x\":1,\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1}", RS_REASON_ITEMS, 41);
    memset(json, '[', sizeof json);
    assert_int_equal(rs_json_program_run(program, rs_slice_of(json, sizeof json), text, v, &at),
                     RS_REASON_TYPE);
    memcpy(json, "{\"y\":", 5);
    assert_int_equal(rs_json_program_run(program, rs_slice_of(json, sizeof json), text, v, &at),
                     RS_REASON_DEPTH);
    close_schema();
    limits = (struct rs_program_limits){.depth = 64, .items = 100000};
    open_schema(
        "{\"name\": \"x\", \"type\": [\"null\", \"string\", {\"type\": \"record\", \"name\": \"A\", "
        "\"fields\": "
        "[{\"name\": \"y\", \"type\": [\"null\", \"string\", \"A\", {\"type\": \"record\", \"name\": \"B\", "
        "\"fields\": [{\"name\": \"y\", \"type\": [\"null\", \"string\", \"A\", \"B\"]}]}]}]}]}",
        paths, 0);
    size = (size_t)snprintf(json, sizeof json, "{\"x\":");
    for (int i = 0; i < 60; i++) {
        size += (size_t)snprintf(json + size, sizeof json - size, "{\"y\":");
    }
    (void)snprintf(json + size, sizeof json - size, "5");
    refuses(json, RS_REASON_TYPE, size); /* at once: 2^60 attempts would not end */
    close_schema();
}

static void test_paths_that_are_not_there(void **state)
{
    (void)state;
    static const char *const paths[] = {"y"};
    struct rs_error error;
    one_field("\"int\"");
    struct rs_json_program *none = NULL;
    assert_int_equal(
        rs_json_program_compile(rs_schema_root(document), paths, 1, limits, &options, &none, &error),
        RS_ECONFIG);
    assert_null(none);
    close_schema();
}

/* Names of the schema and numbers of items; what only the message names is payload. */
static void test_where_it_is(void **state)
{
    static const struct {
        const char *json, *path;
        size_t at;
        enum rs_reason reason;
    } cases[] = {
        {"{\"r\": [{\"c\": {\"k\": 1}, \"d\": 2}], \"n\": 1}", "", 40, RS_REASON_NONE},
        {"{\"r\": [{\"c\": {\"k\": 1, \"s\": \"x\"}, \"d\": 2}], \"n\": 1}", "r[0].c[1]", 27, RS_REASON_TYPE},
        {"{\"r\": [{\"c\": {}, \"d\": 1}, {\"c\": {}}], \"n\": 1}", "r[1].d", 35, RS_REASON_MISSING_FIELD},
        {"{\"r\": [{\"c\": {}, \"d\": [1]}], \"n\": 1}", "r[0].d", 22, RS_REASON_TYPE},
        {"{\"r\": [{\"c\": {}, \"d\": {\"int\": \"x\"}}], \"n\": 1}", "r[0].d", 30, RS_REASON_TYPE},
        {"{\"r\": [], \"n\": 1, \"n\": 2}", "n", 18, RS_REASON_DUPLICATE_FIELD},
        {"{\"r\": [], \"z\": [1, [2, x]], \"n\": 1}", "", 23, RS_REASON_JSON},
        {"{\"r\": []}", "n", 9, RS_REASON_MISSING_FIELD},
        {"{\"r\": [{\"z\": [x", "r[0]", 14, RS_REASON_JSON},
        {"{\"r\": [], \"n\": 1} x", "", 18, RS_REASON_TRAILING},
        {"", "", 0, RS_REASON_TRUNCATED},
    };
    static const char *const wanted[] = {"n"};
    struct rs_place place;
    (void)state;
    open_schema(
        "{\"name\": \"r\", \"type\": {\"type\": \"array\", \"items\": {\"type\": \"record\", \"name\": "
        "\"V\", \"fields\": [{\"name\": \"c\", \"type\": {\"type\": \"map\", \"values\": \"int\"}}, "
        "{\"name\": \"d\", \"type\": [\"int\", \"string\"]}]}}}, {\"name\": \"n\", \"type\": \"int\"}",
        wanted, 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rs_slice json = rs_slice_text(cases[i].json);
        enum rs_reason reason = rs_json_program_place(program, json, text, v, &place);
        assert_int_equal(reason, run(cases[i].json));
        if (reason != cases[i].reason || place.at != at || strcmp(place.path, cases[i].path) != 0 ||
            place.at != cases[i].at) {
            fail_msg("%s: %s, \"%s\" at %zu", cases[i].json, rs_reason_name(reason), place.path, place.at);
        }
    }
    close_schema();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_numbers),
        cmocka_unit_test(test_decimals),
        cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_bytes_enums_uuids),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_objects),
        cmocka_unit_test(test_a_record_without_fields),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_arrays_maps_unions),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_where_it_is),
        cmocka_unit_test(test_paths_that_are_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
