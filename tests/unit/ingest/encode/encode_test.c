#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/encode/encode.h"
#include "ingest/encode/json.h"
#include "tests/lib/random.h"
#include "tests/lib/schema_text.h"
#include "tests/unit/ingest/support.h"

/* Zone NULL: none. */
static struct rs_time_rule time_rule(const char *text, const struct rs_zone *zone)
{
    struct rs_time_rule rule;
    struct rs_error error;
    if (rs_time_rule_parse(text, zone, &rule, &error) != 0) {
        fail_msg("%s: %s", text, error.text);
    }
    return rule;
}

static struct rs_cell text_cell(const char *text)
{
    return (struct rs_cell){.kind = RS_CELL_TEXT, .end = 1, .text = rs_slice_text(text)};
}

/* Of the encoders that follow. */
static bool avro_json, stored_times;

static int encode(const struct rs_schema_document *document, const struct rs_cell *cells,
                  const struct rs_time_rule *time, struct rs_buf *out, struct rs_error *error)
{
    struct rs_encoder encoder;
    rs_encoder_init(&encoder);
    encoder.avro_json = avro_json;
    encoder.stored_times = stored_times;
    if (time) {
        encoder.time = time;
    }
    int rc = rs_encode(&encoder, rs_schema_root(document), cells, 0, out, error);
    rs_encoder_fini(&encoder);
    return rc;
}

/* The bytes in hexadecimal, or "! text". */
static void expect_cells(const char *schema, const struct rs_cell *cells, const struct rs_time_rule *time,
                         const char *wanted)
{
    struct rs_schema_document *document = parse_schema(schema);
    struct rs_buf out = {0};
    struct rs_buf hex = {0};
    struct rs_error error;
    if (encode(document, cells, time, &out, &error) == 0) {
        for (size_t i = 0; i < out.size; i++) {
            rs_buf_printf(&hex, "%02x", out.data[i]);
        }
    } else {
        rs_buf_printf(&hex, "! %s", error.text);
    }
    rs_buf_char(&hex, '\0');
    assert_string_equal((const char *)hex.data, wanted);
    rs_buf_fini(&out);
    rs_buf_fini(&hex);
    rs_schema_free(&document);
}

static void expect_rule(const char *schema, const char *text, const struct rs_time_rule *time,
                        const char *wanted)
{
    const struct rs_cell cell = text_cell(text);
    expect_cells(schema, &cell, time, wanted);
}

static void expect(const char *schema, const char *text, const char *wanted)
{
    expect_rule(schema, text, NULL, wanted);
}

static void expect_json(const char *schema, const char *json, const char *wanted)
{
    struct rs_json *parser = NULL;
    struct rs_error error;
    const struct rs_cell *cells = NULL;
    size_t at = 0;
    assert_int_equal(rs_json_new(&parser, &error), 0);
    assert_int_equal(rs_json_parse(parser, rs_slice_text(json), &cells, &at, &error), 0);
    expect_cells(schema, cells, NULL, wanted);
    rs_json_free(&parser);
}

#define DECIMAL(precision, scale)                                                                            \
    "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":" #precision ",\"scale\":" #scale "}"
#define LOGICAL(type, logical) "{\"type\":\"" type "\",\"logicalType\":\"" logical "\"}"

/* What is said of a number that may be written as most of Europe writes it. */
#define COMMA "; with --decimal-comma a comma stands before the fraction, as in 1.234,56"

static void test_integers(void **state)
{
    (void)state;
    expect("\"int\"", "0", "00");
    expect("\"int\"", "-1", "01");
    expect("\"int\"", "64", "8001");
    expect("\"int\"", "2147483647", "feffffff0f");
    expect("\"int\"", "-2147483648", "ffffffff0f");
    expect("\"int\"", "2147483648",
           "! does not fit into 32 bits, which an int has; the schema would need a long");
    expect("\"long\"", "9223372036854775807", "feffffffffffffffff01");
    expect("\"long\"", "-9223372036854775808", "ffffffffffffffffff01");
    expect("\"long\"", "9223372036854775808", "! does not fit into 64 bits");
    expect("\"long\"", "+7", "0e");
    expect("\"long\"", "1e3", "d00f");
    expect_json("\"long\"", "7.0", "0e");
    expect_json("\"long\"", "7.5", "! is not an integer");
    static const char point[] =
        "! is not an integer: it has a point, which may stand before a fraction or between "
        "thousands; write whole numbers in digits alone";
    expect("\"int\"", "1.000", point);
    expect("\"long\"", "7.0", point);
    expect("\"long\"", "7.5", point);
    expect("\"long\"", "1.000.000", point);
    expect_json("\"long\"", "\"1.000\"", point);
    expect("\"long\"", "1,000", "! is not an integer" COMMA);
    expect(DECIMAL(9, 2), "1.000,50", "! not a number" COMMA);
    expect("\"long\"", "", "! is empty; an integer is needed");
    expect("\"long\"", "-", "! is not an integer");
    expect("\"long\"", " 7", "! is not an integer");
    expect("\"long\"", "0x7", "! is not an integer");
    expect_json("\"long\"", "12345678901234567890123", "! does not fit into 64 bits");
    expect_json("\"long\"", "\"12\"", "18");
    expect_json("\"long\"", "null", "! is null, which the schema does not allow; an integer is needed");
    expect_json("\"long\"", "true", "! is not an integer");
}

static void test_decimals(void **state)
{
    (void)state;
    expect(DECIMAL(9, 2), "0", "0200");
    expect(DECIMAL(9, 2), "1.27", "027f");
    expect(DECIMAL(9, 2), "1.28", "040080");
    expect(DECIMAL(9, 2), "-1.28", "0280");
    expect(DECIMAL(9, 2), "-1.29", "04ff7f");
    expect(DECIMAL(9, 2), "12.5", "0404e2");
    expect(DECIMAL(9, 2), "12.500", "0404e2");
    expect(DECIMAL(9, 2), "12.501", "! more than 2 digits after the point");
    expect(DECIMAL(9, 2), "9999999.99", "083b9ac9ff");
    expect(DECIMAL(9, 2), "10000000", "! has more than 9 digits, 2 of them behind the point");
    expect(DECIMAL(9, 2), "1e3",
           "06"
           "0186a0");
    expect(DECIMAL(9, 2), "+1.27", "027f");
    expect(DECIMAL(9, 2), ".5", "! not a number");
    expect(DECIMAL(9, 2), "5.", "! not a number");
    expect(DECIMAL(9, 2), "1,5", "! not a number" COMMA);
    expect(DECIMAL(9, 2), "NaN", "! not a number");
    expect(DECIMAL(9, 2), "", "! is empty; a decimal number is needed");
    expect_json(DECIMAL(9, 2), "0.1", "020a");
    expect_json(DECIMAL(9, 2), "\"0.1\"", "020a");
    expect_json(DECIMAL(38, 0), "99999999999999999999999999999999999999",
                "204b3b4ca85a86c47a098a223fffffffff");
    expect(DECIMAL(38, 38), "-0.99999999999999999999999999999999999999",
           "20b4c4b357a5793b85f675ddc000000001");
    expect(DECIMAL(38, 0), "100000000000000000000000000000000000000", "! more than 38 digits");
    expect("{\"type\":\"fixed\",\"name\":\"F\",\"size\":4,\"logicalType\":\"decimal\",\"precision\":9,"
           "\"scale\":0}",
           "-2", "fffffffe");
    expect("{\"type\":\"fixed\",\"name\":\"F\",\"size\":18,\"logicalType\":\"decimal\",\"precision\":30,"
           "\"scale\":0}",
           "-2", "fffffffffffffffffffffffffffffffffffe");
    struct rs_cell cell = {.kind = RS_CELL_DOUBLE, .end = 1, .d = 0.5};
    expect_cells(DECIMAL(9, 2), &cell, NULL, "! a decimal is taken from its digits, not from a double");
    cell = (struct rs_cell){.kind = RS_CELL_INT64, .end = 1, .i = -3};
    expect_cells(DECIMAL(9, 2), &cell, NULL, "04fed4");
}

/* The quick reader and the general one agree on every text of up to 19 digits around the limits. */
static void test_short_decimals_equal_long_ones(void **state)
{
    (void)state;
    struct rs_random random = {1};
    for (int i = 0; i < 20000; i++) {
        char text[64];
        char padded[96];
        uint64_t x = rs_random_next(&random);
        int fraction = (int)(x % 7);
        int64_t whole = (int64_t)(x >> (x % 40)) / 1000;
        int size =
            snprintf(text, sizeof text, "%s%lld", x & 8 ? "-" : "", (long long)(whole < 0 ? -whole : whole));
        if (fraction > 0) {
            size += snprintf(text + size, sizeof text - (size_t)size, ".%0*d", fraction, (int)(x % 10));
        }
        /* An exponent takes the text out of the quick reader's hands. */
        (void)snprintf(padded, sizeof padded, "%se0", text);
        struct rs_schema_document *document = parse_schema(DECIMAL(30, 6));
        struct rs_buf a = {0};
        struct rs_buf b = {0};
        struct rs_error error;
        const struct rs_cell cells[] = {text_cell(text), text_cell(padded)};
        int first = encode(document, &cells[0], NULL, &a, &error);
        int second = encode(document, &cells[1], NULL, &b, &error);
        assert_int_equal(first, second);
        assert_true(rs_slice_equal(rs_buf_slice(&a), rs_buf_slice(&b)));
        rs_buf_fini(&a);
        rs_buf_fini(&b);
        rs_schema_free(&document);
    }
}

static void test_floats(void **state)
{
    (void)state;
    expect("\"double\"", "0.1", "9a9999999999b93f");
    expect("\"double\"", "-1e-400", "0000000000000080");
    expect("\"double\"", "1e400", "! is not a number");
    expect("\"double\"", "NaN", "000000000000f87f");
    expect("\"double\"", "-Infinity", "000000000000f0ff");
    expect("\"double\"", "x", "! is not a number");
    expect("\"double\"", "", "! is empty; a number is needed");
    expect_json("\"double\"", "\"Infinity\"", "000000000000f07f");
    expect_json("\"double\"", "3", "0000000000000840");
    expect("\"float\"", "0.5", "0000003f");
    expect("\"float\"", "1e39", "! is too large for a float");
    struct rs_cell cell = {.kind = RS_CELL_INT64, .end = 1, .i = INT64_C(9007199254740993)};
    static const char inexact[] =
        "! is an integer that no double holds exactly; the schema would need a long";
    expect_cells("\"double\"", &cell, NULL, inexact);
    cell.i = INT64_MAX;
    expect_cells("\"double\"", &cell, NULL, inexact);
    cell.i = INT64_MIN;
    expect_cells("\"double\"", &cell, NULL, "000000000000e0c3");
}

static void test_texts(void **state)
{
    (void)state;
    expect("\"string\"", "", "00");
    expect("\"string\"", "h\xC3\xA9", "0668c3a9");
    expect("\"string\"", "\xC3", "! is not valid UTF-8");
    expect_json("\"string\"", "5", "! is not a string");
    expect("\"bytes\"", "a\xC3\xBF", "0461ff");
    expect("\"bytes\"", "\xC4\x80",
           "! stands for bytes, one character U+0000 to U+00FF each; this one does not");
    expect("\"bytes\"", "\xE2\x82\xAC",
           "! stands for bytes, one character U+0000 to U+00FF each; this one does not");
    expect("{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", "ab", "6162");
    expect("{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", "abc", "! is 3 bytes long, the schema fixes 2");
    expect("\"boolean\"", "TRUE", "01");
    expect("\"boolean\"", "0", "00");
    expect("\"boolean\"", "yes", "! is not true or false");
    expect_json("\"boolean\"", "true", "01");
    expect("\"null\"", "", "");
    expect("\"null\"", "x", "! is not null, which is all the schema allows");
    expect(LOGICAL("string", "uuid"), "123e4567-e89b-12d3-a456-426614174000",
           "4831323365343536372d653839622d313264332d613435362d343236363134313734303030");
    expect(LOGICAL("string", "uuid"), "123e4567e89b12d3a456426614174000",
           "! is not a uuid (8-4-4-4-12 hexadecimal digits)");
    expect("{\"type\":\"fixed\",\"name\":\"U\",\"size\":16,\"logicalType\":\"uuid\"}",
           "123E4567-e89b-12d3-a456-426614174000", "123e4567e89b12d3a456426614174000");
}

static void test_enums(void **state)
{
    static const char schema[] = "{\"type\":\"enum\",\"name\":\"Side\",\"symbols\":[\"BUY\",\"SELL\"]}";
    (void)state;
    expect(schema, "BUY", "00");
    expect(schema, "SELL", "02");
    expect(schema, "SEL", "! is not a symbol of Side; did you mean SELL?");
    expect(schema, "buy", "! is not a symbol of Side; did you mean BUY?");
    expect(schema, "neither-of-them", "! is not a symbol of Side (BUY, SELL)");
    expect(schema, "", "! is empty; a symbol is needed");
}

static void test_times(void **state)
{
    static const char micros[] = LOGICAL("long", "timestamp-micros");
    struct rs_error error;
    struct rs_time_rule rule;
    (void)state;
    expect(micros, "1970-01-01T00:00:00.000001Z", "02");
    expect(micros, "1969-12-31T23:59:59.999999Z", "01");
    expect(LOGICAL("long", "timestamp-millis"), "1970-01-01T00:00:00.001000000Z", "02");
    expect(LOGICAL("long", "timestamp-nanos"), "1970-01-01T00:00:00.000001Z", "d00f");
    expect(LOGICAL("long", "timestamp-nanos"), "1970-01-01T00:00:00.000000009Z", "12");
    expect(LOGICAL("long", "timestamp-nanos"), "1969-12-31T23:59:59.999999999Z", "01");
    expect(LOGICAL("long", "local-timestamp-nanos"), "1970-01-01T00:00:00.000001999", "9e1f");
    expect(micros, "", "! is empty; a time is needed");
    expect_json(micros, "5",
                "! is a number where a time is needed; --time-format s, ms, us or ns says what it counts");
    /* The same number in a CSV cell. */
    for (size_t i = 0; i < 4; i++) {
        static const char *const counts[] = {"1767225600", "1767225600.5", "1767225600000",
                                             "-1767225600000000"};
        expect(micros, counts[i],
               "! is a number where a time is needed; --time-format s, ms, us or ns says what it counts");
    }
    expect(LOGICAL("int", "date"), "1970-01-02", "02");
    expect(LOGICAL("int", "time-millis"), "00:00:00.001", "02");
    expect(LOGICAL("long", "time-micros"), "00:00:01", "80897a");
    expect(LOGICAL("long", "time-micros"), "24:00", "! is not a time of day (hh:mm:ss.ffffff)");
    expect(LOGICAL("long", "time-micros"), "12:3", "! is not a time of day (hh:mm:ss.ffffff)");
    rule = time_rule("s", NULL);
    expect_rule(micros, "1.000001", &rule, "82897a");
    expect_rule(micros, "-0.5", &rule, "bf843d");
    expect_rule(micros, "1.0000010", &rule, "82897a");
    expect_rule(micros, "1e99", &rule, "! more than 38 digits");
    expect_rule(micros, "253402300800", &rule, "! is a time outside the years 1 to 9999");
    rule = time_rule("ms", NULL);
    expect_rule(micros, "1", &rule, "d00f");
    rule = time_rule("ns", NULL);
    expect_rule(micros, "1000", &rule, "02");
    expect_rule(LOGICAL("long", "timestamp-nanos"), "1999", &rule, "9e1f");
    expect_rule(LOGICAL("long", "timestamp-nanos"), "9223372036854775808", &rule,
                "! is outside the years 1677 to 2262, which nanoseconds in 64 bits reach");
    rule = time_rule("period", NULL);
    expect_rule(micros, "1970", &rule, "00");
    expect_rule(LOGICAL("int", "date"), "1970-Q2", &rule, "b401");
    expect_rule(LOGICAL("int", "date"), "1970-01-03", &rule, "04");
    rule = time_rule("%d.%m.%Y", NULL);
    expect_rule(LOGICAL("int", "date"), "03.01.1970", &rule, "04");
    expect_rule(LOGICAL("int", "date"), "1970-01-03", &rule, "04");
    assert_int_equal(rs_time_rule_parse("iso8601", NULL, &rule, &error), RS_EINVAL);
    assert_int_equal(rs_time_rule_parse("%Q", NULL, &rule, &error), RS_EINVAL);
    rule = time_rule("%s.%f", NULL);
    expect_rule(LOGICAL("long", "timestamp-nanos"), "-0.000000001", &rule, "01");
    struct rs_cell cell = {.kind = RS_CELL_TIME, .end = 1, .i = -1};
    expect_cells(micros, &cell, NULL, "01");
    cell.i = -86400000000;
    expect_cells(LOGICAL("int", "date"), &cell, NULL, "01");
    expect_cells(LOGICAL("long", "timestamp-millis"), &cell, NULL, "ffefb252");
}

/* What the field's type cannot hold is refused, from whatever it comes. */
static void test_nothing_is_cut_off(void **state)
{
    (void)state;
    static const char millis[] =
        "! is finer than timestamp-millis holds, and nothing is cut off unasked; round it "
        "first, or give the schema timestamp-micros or timestamp-nanos";
    static const char micros[] =
        "! is finer than timestamp-micros holds, and nothing is cut off unasked; round it "
        "first, or give the schema timestamp-nanos";
    static const char date[] =
        "! is finer than a date holds, and nothing is cut off unasked; give the day alone, or midnight";
    static const char *const rules[] = {"iso", "%Y-%m-%dT%H:%M:%S.%fZ", "%s.%f", "s", "ms", "us", "ns"};
    static const char *const texts[][7] = {
        {"1970-01-01T00:00:00.001001Z", "1970-01-01T00:00:00.001001Z", "0.001001", "0.001001", "1.001",
         "1001", "1001000"},
        {"1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z", "-0.000001", "-0.000001", "-0.001",
         "-1", "-1000"},
        {"1970-01-01T00:00:00.001000001Z", "1970-01-01T00:00:00.001000001Z", "0.001000001", "0.001000001",
         "1.000001", "1000.001", "1000001"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        const struct rs_time_rule rule = time_rule(rules[i], NULL);
        for (size_t k = 0; k < 3; k++) {
            expect_rule(LOGICAL("long", "timestamp-millis"), texts[k][i], &rule, millis);
            expect_rule(LOGICAL("long", "local-timestamp-millis"), texts[k][i], &rule, millis);
        }
        expect_rule(LOGICAL("long", "timestamp-micros"), texts[2][i], &rule, micros);
        expect_rule(LOGICAL("long", "local-timestamp-micros"), texts[2][i], &rule, micros);
    }
    const struct rs_time_rule rule = time_rule("%d.%m.%Y %H:%M", NULL);
    expect_rule(LOGICAL("int", "date"), "03.01.1970 00:00", &rule, "04");
    expect_rule(LOGICAL("int", "date"), "03.01.1970 00:01", &rule, date);
    struct rs_cell cell = {.kind = RS_CELL_TIME, .end = 1, .i = -1};
    expect_cells(LOGICAL("int", "date"), &cell, NULL, date);
    expect_cells(LOGICAL("long", "timestamp-millis"), &cell, NULL, millis);
    expect(LOGICAL("int", "time-millis"), "00:00:00.0011",
           "! is finer than time-millis holds, and nothing is cut off unasked; round it first, or give the "
           "schema "
           "time-micros");
    expect(LOGICAL("long", "time-micros"), "23:59:59.9999999",
           "! is finer than time-micros holds, and nothing is cut off unasked; round it first");
    expect(LOGICAL("int", "time-millis"), "00:00:00.001000000", "02");
}

static void test_zone(void **state)
{
    struct rs_error error;
    struct rs_zone *zone = NULL;
    (void)state;
    assert_int_equal(rs_zone_load("+01:00", &zone, &error), 0);
    const struct rs_time_rule rule = time_rule("iso", zone);
    expect_rule(LOGICAL("long", "timestamp-millis"), "1970-01-01T01:00:00.001", &rule, "02");
    expect_rule(LOGICAL("long", "timestamp-millis"), "1970-01-01T00:00:00.001Z", &rule, "02");
    expect_rule(LOGICAL("long", "local-timestamp-millis"), "1970-01-01T00:00:00.001", &rule, "02");
    rs_zone_free(&zone);
}

static void test_unions(void **state)
{
    (void)state;
    expect("[\"null\",\"string\"]", "", "00");
    expect("[\"null\",\"string\"]", "x", "020278");
    expect("[\"string\",\"null\"]", "", "02");
    expect("[\"string\",\"null\"]", "x", "000278");
    expect("[\"null\",\"long\"]", "x", "! is not an integer");
    expect_json("[\"null\",\"string\"]", "null", "00");
    expect_json("[\"null\",\"string\"]", "\"\"", "0200");
    expect_json("[\"null\",\"long\",\"string\"]", "\"5\"", "040235");
    expect_json("[\"null\",\"long\",\"string\"]", "5", "020a");
    expect_json("[\"null\",\"long\",\"double\"]", "0.5", "04000000000000e03f");
    expect("[\"null\",\"long\",\"string\"]", "5", "020a");
    expect("[\"null\",\"long\",\"string\"]", "5a", "04043561");
    expect_json("[\"int\",\"boolean\"]", "\"x\"", "! no branch of the union takes this value");
    expect_json("[\"int\",\"boolean\"]", "null", "! no branch of the union takes this value");
}

/* Avro's JSON encoding; `wanted` as of expect. */
static void expect_avro_json(const char *schema, const char *json, const char *wanted)
{
    avro_json = true;
    expect_json(schema, json, wanted);
    avro_json = false;
}

#define UNION_OF(what) "[\"null\"," what "]"
#define RECORD_R                                                                                             \
    "{\"type\":\"record\",\"name\":\"R\",\"namespace\":\"n.s\",\"fields\":[{\"name\":\"a\",\"type\":["       \
    "\"null\","                                                                                              \
    "\"int\"]},{\"name\":\"string\",\"type\":\"int\",\"default\":1}]}"

/* Values of unions under the name of their branch, by whom it is decided whatever else they could be. */
static void test_unions_of_avro_json(void **state)
{
    static const char no_union[] = "! is no value of a union in Avro's JSON encoding, such as {\"int\": …} "
                                   "or null; --format ndjson reads "
                                   "values without the name of their branch";
    (void)state;
    expect_avro_json("[\"null\",\"string\"]", "{\"string\":\"x\"}", "020278");
    expect_avro_json("[\"string\",\"null\"]", "null", "02");
    expect_avro_json("[\"int\",\"long\"]", "{\"long\":5}", "020a");
    expect_avro_json("[\"null\",\"string\",\"bytes\"]", "{\"bytes\":\"\\u00ff\"}", "0402ff");
    expect_avro_json(UNION_OF(RECORD_R), "{\"n.s.R\":{\"a\":{\"int\":3},\"string\":2}}", "02020604");
    expect_avro_json(UNION_OF("{\"type\":\"map\",\"values\":\"int\"}"), "{\"map\":{\"map\":1}}",
                     "0202066d61700200");
    expect_avro_json(UNION_OF("{\"type\":\"array\",\"items\":" UNION_OF("\"int\"") "}"),
                     "{\"array\":[null,{\"int\":1}]}", "020400020200");
    expect_avro_json(UNION_OF("\"int\""), "5", no_union);
    expect_avro_json(UNION_OF("\"int\""), "{\"long\":5}", no_union);
    expect_avro_json(UNION_OF("\"int\""), "{\"int\":5,\"x\":1}", no_union);
    expect_avro_json(UNION_OF("\"int\""), "{}", no_union);
    expect_avro_json(UNION_OF("\"int\""), "{\"int\":\"x\"}", "! is not an integer");
    expect_avro_json(
        UNION_OF(RECORD_R), "{\"R\":{}}",
        "! is no value of a union in Avro's JSON encoding, such as {\"n.s.R\": …} or null; --format "
        "ndjson reads values without the name of their branch");
}

/* The same without avro_json, where nothing else can be meant. */
static void test_wrapped_values(void **state)
{
    (void)state;
    expect_json("[\"null\",\"string\"]", "{\"string\":\"x\"}", "020278");
    expect_json("[\"null\",\"long\",\"string\"]", "{\"string\":\"5\"}", "040235");
    expect_json(UNION_OF(RECORD_R), "{\"n.s.R\":{\"a\":3}}", "02020602");
    expect_json("[\"null\",\"string\"," RECORD_R "]", "{\"string\":7}", "04000e");
    expect_json("[\"string\",{\"type\":\"map\",\"values\":\"string\"}]", "{\"string\":\"x\"}",
                "02020c737472696e67027800");
    expect_json(UNION_OF("\"int\""), "{\"int\":\"x\"}", "! is not an integer");
    expect_json(UNION_OF("\"int\""), "{\"int\":1,\"b\":2}", "! is not an integer");
    expect_json(UNION_OF(DECIMAL(9, 2)), "{\"bytes\":\"1.50\"}",
                "! is a decimal in Avro's JSON encoding, which holds its bytes; --format avro-json reads it");
    expect_json(UNION_OF(DECIMAL(9, 2)), "{\"bytes\":1.50}",
                "020400"
                "96");
}

/* A decimal is its bytes, one character each, of whatever length; times are the numbers that are stored. */
static void test_stored_values(void **state)
{
    static const char no_bytes[] = "! is not the bytes of a decimal, one character U+0000 to U+00FF each";
    (void)state;
    expect_avro_json(DECIMAL(9, 2), "\"\\u0000\\u0096\"", "040096");
    expect_avro_json(DECIMAL(9, 2), "\"12\"", "043132");
    expect_avro_json(DECIMAL(9, 2), "\"\\u00ff\\u00ff\"", "02ff");
    expect_avro_json(DECIMAL(9, 2),
                     "\"\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000"
                     "\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0001\"",
                     "0201");
    expect_avro_json(DECIMAL(9, 2), "\"\\u007f\\u00ff\\u00ff\\u00ff\\u00ff\"",
                     "! has more than 9 digits, 2 of them behind the point");
    expect_avro_json(DECIMAL(38, 2), "\"\\u007f2345678901234567\"", "! has more than 38 digits");
    expect_avro_json(DECIMAL(9, 2), "\"\"", no_bytes);
    expect_avro_json(DECIMAL(9, 2), "\"\\u0100\"", no_bytes);
    expect_avro_json(
        "{\"type\":\"fixed\",\"name\":\"F\",\"size\":3,\"logicalType\":\"decimal\",\"precision\":4}",
        "\"\\u00ff\\u00ff\\u00fe\"", "fffffe");
    stored_times = true;
    expect_json(LOGICAL("long", "timestamp-millis"), "-1", "01");
    expect("[\"null\"," LOGICAL("long", "timestamp-micros") "]", "1", "0202");
    expect_json(LOGICAL("int", "date"), "1", "02");
    expect_json(LOGICAL("int", "time-millis"), "86399999", "feefb252");
    expect_json(LOGICAL("int", "time-millis"), "86400000", "! is outside what a time-millis can be");
    expect_json(LOGICAL("long", "time-micros"), "-1", "! is outside what a time-micros can be");
    expect_json(LOGICAL("long", "timestamp-millis"), "253402300800000",
                "! is outside what a timestamp-millis can be");
    expect_json(LOGICAL("long", "timestamp-nanos"), "-9223372036854775808", "ffffffffffffffffff01");
    expect_json(LOGICAL("long", "timestamp-millis"), "1.5",
                "! is not the number that a timestamp-millis is stored as (--time-format avro)");
    expect(LOGICAL("long", "timestamp-millis"), "2026-01-01T00:00:00Z",
           "! is not the number that a timestamp-millis is stored as (--time-format avro)");
    stored_times = false;
}

static void test_containers(void **state)
{
    static const char nested[] = "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":"
                                 "\"int\"},{\"name\":\"b\",\"type\":[\"null\","
                                 "\"R\"],\"default\":null},{\"name\":\"c\",\"type\":\"string\",\"default\":"
                                 "\"\\u00e9\"},{\"name\":\"long\",\"type\":[\"null\",\"int\"]}]}";
    (void)state;
    expect_json("{\"type\":\"array\",\"items\":\"int\"}", "[]", "00");
    expect_json("{\"type\":\"array\",\"items\":\"int\"}", "[1,2]", "04020400");
    expect("{\"type\":\"array\",\"items\":\"int\"}", "[1,2]", "04020400");
    expect("{\"type\":\"array\",\"items\":\"int\"}", "1,2", "! this is not JSON");
    expect_json("{\"type\":\"array\",\"items\":\"int\"}", "{}",
                "! a JSON array is needed, this is an object");
    expect_json("{\"type\":\"map\",\"values\":\"int\"}", "{\"k\":1}", "02026b0200");
    expect_json(nested, "{\"a\":1}", "020004c3a900");
    expect_json(nested, "{\"b\":{\"a\":2,\"c\":\"x\",\"long\":3},\"a\":1,\"c\":\"\"}",
                "02020400027802060000");
    expect_json(nested, "{\"b\":{\"c\":\"x\"},\"a\":1}", "! b: a: is missing");
    expect_json(nested, "{\"a\":1,\"lon\":null}", "! no field takes the key \"lon\"; did you mean \"long\"?");
    expect_json(nested, "{\"a\":1,\"unrelated\":null}",
                "! no field takes the key \"unrelated\" (--ignore-unknown passes such keys by)");
    expect_json(nested, "[]", "! a JSON object is needed, this is an array");
}

/* The default of a union is of the first branch that it is a value of. */
static void test_defaults_of_unions(void **state)
{
    (void)state;
    static const struct {
        const char *type, *value, *bytes;
    } cases[] = {
        {"[\"double\",\"null\"]", "null", "02"},
        {"[\"null\",\"long\"]", "1", "0202"},
        {"[\"int\",\"string\",\"double\"]", "\"5\"", "020235"},
        {"[\"int\",\"string\",\"double\"]", "5", "000a"},
        {"[\"int\",\"double\"]", "0.5", "02000000000000e03f"},
        {"[\"int\",\"double\"]", "2.0", "020000000000000040"},
        {"[\"string\",\"bytes\"]", "\"a\"", "000261"},
        {"[\"bytes\",\"string\"]", "\"a\"", "000261"},
        {"[\"bytes\",\"string\"]", "\"\u0100\"", "0204c480"},
        {"[\"boolean\",{\"type\":\"array\",\"items\":\"int\"}]", "[1]", "02020200"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char schema[256];
        snprintf(schema, sizeof schema,
                 "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"x\",\"type\":%s,"
                 "\"default\":%s}]}",
                 cases[i].type, cases[i].value);
        expect_json(schema, "{}", cases[i].bytes);
    }
}

static void test_an_ignored_decimal_is_bytes(void **state)
{
    (void)state;
    static const char told[] =
        "! is a number, and the schema's type is bytes (its logicalType decimal is ignored: "
        "its scale, 127, is not from 0 to its precision, 64)";
    expect(DECIMAL(64, 127), "ab", "046162");
    expect(DECIMAL(64, 127), "19.99", told);
    expect_json(DECIMAL(64, 127), "19.99", told);
    expect_json(DECIMAL(64, 127), "\"19.99\"", told);
    expect_json(DECIMAL(64, 127), "\"\\u00ff\"", "02ff");
    expect(DECIMAL(64, 2), "19.99", "0407cf");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_decimals),
        cmocka_unit_test(test_short_decimals_equal_long_ones),
        cmocka_unit_test(test_floats),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_enums),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_nothing_is_cut_off),
        cmocka_unit_test(test_zone),
        cmocka_unit_test(test_unions),
        cmocka_unit_test(test_unions_of_avro_json),
        cmocka_unit_test(test_wrapped_values),
        cmocka_unit_test(test_stored_values),
        cmocka_unit_test(test_containers),
        cmocka_unit_test(test_defaults_of_unions),
        cmocka_unit_test(test_an_ignored_decimal_is_bytes),
    };
    return cmocka_run_group_tests_name("encode", tests, NULL, NULL);
}
