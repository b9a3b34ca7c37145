/* The strict parser: what it accepts, what it refuses, and what it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/schema.h"
#include "tests/lib/random.h"
#include "tests/lib/schema_text.h"

#define RECORD(fields) "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" fields "]}"
#define FIELD(rest)    RECORD("{\"name\":\"f\"," rest "}")
#define DECIMAL(rest)  "{\"type\":\"bytes\",\"logicalType\":\"decimal\"" rest "}"

static const struct {
    const char *json;
    const char *text;
} refusals[] = {
    {"", "test:1:0: not valid JSON: unexpected token near end of file"},
    {"{\"type\":", "test:1:8: not valid JSON: unexpected token near end of file"},
    {"{\"type\":\"int\",\"type\":\"int\"}",
     "test:1:20: not valid JSON: duplicate object key near '\"type\"'"},
    {"\"int\" 1", "test:1:7: not valid JSON: end of file expected near '1'"},
    {"1", "test: schema: a type is a name, an array (union) or an object"},
    {"\"strin\"",
     "test: schema: the type 'strin' is not defined before its use here; did you mean 'string'?"},
    {"\"a b\"", "test: schema: 'a b' is not a name of a type"},
    {"\"\"", "test: schema: '' is not a name of a type"},
    {"\"a\\u0000\"", "test: schema: 'a' is not a name of a type"},
    {"{}", "test: schema: the type has no \"type\""},
    {"{\"type\":{\"type\":\"int\"}}",
     "test: schema: \"type\" of a type is not a name: write the inner type in its place"},
    {"{\"type\":\"recrd\"}",
     "test: schema: the type 'recrd' is not defined before its use here; did you mean 'record'?"},
    {"{\"type\":\"record\",\"fields\":[]}", "test: schema: a type of kind record needs a \"name\""},
    {"{\"type\":\"record\",\"name\":\"1\",\"fields\":[]}",
     "test: schema: the \"name\" of the record is not a name: letters, digits, '_', '$' and '-', not "
     "beginning with a digit or '-'"},
    {"{\"type\":\"record\",\"name\":\"a..b\",\"fields\":[]}",
     "test: schema: the \"name\" of the record is not a name: letters, digits, '_', '$' and '-', not "
     "beginning with a digit or '-'"},
    {"{\"type\":\"record\",\"name\":\"a\",\"namespace\":\".x\",\"fields\":[]}",
     "test: schema: \"namespace\" is not a name or names with dots between them"},
    {"{\"type\":\"record\",\"name\":\"int\",\"fields\":[]}",
     "test: schema: 'int' is the name of a primitive type and may not be defined"},
    {"{\"type\":\"fixed\",\"name\":\"a.long\",\"size\":1}",
     "test: schema: 'a.long' is the name of a primitive type and may not be defined"},
    {"{\"type\":\"record\",\"name\":\"R\"}", "test: schema: a record needs \"fields\", an array"},
    {"{\"type\":\"record\",\"name\":\"R\",\"doc\":1,\"fields\":[]}", "test: schema: \"doc\" is not a string"},
    {"{\"type\":\"record\",\"name\":\"R\",\"aliases\":[\"-\"],\"fields\":[]}",
     "test: schema: \"aliases\" holds something that is not a name"},
    {RECORD("1"), "test: schema[0]: a field has to be a JSON object"},
    {RECORD("{\"type\":\"int\"}"),
     "test: schema[0]: a field needs a \"name\" of letters, digits, '_', '$' and '-', not "
     "beginning with a digit or '-'"},
    {RECORD("{\"name\":\"a.b\",\"type\":\"int\"}"),
     "test: schema[0]: a field needs a \"name\" of letters, digits, '_', '$' and '-', not beginning with a "
     "digit or '-'"},
    {RECORD("{\"name\":\"f\"}"), "test: schema[0]: the field needs a \"type\""},
    {RECORD("{\"name\":\"f\",\"type\":\"int\"},{\"name\":\"f\",\"type\":\"int\"}"),
     "test: schema[1]: the record has the field 'f' twice"},
    {FIELD("\"type\":[\"null\",{\"type\":\"array\",\"items\":\"nul\"}]"),
     "test: schema.f[1].items: the type 'nul' is not defined before its use here; did you mean 'null'?"},
    {FIELD("\"type\":\"int\",\"order\":\"up\""),
     "test: schema[0]: \"order\" is not ascending, descending or ignore"},
    {RECORD("{\"name\":\"f\",\"type\":\"S\"},{\"name\":\"g\",\"type\":{\"type\":\"fixed\",\"name\":\"S\","
            "\"size\":1}}"),
     "test: schema.f: the type 'S' is not defined before its use here"},
    {RECORD("{\"name\":\"f\",\"type\":{\"type\":\"fixed\",\"name\":\"R\",\"size\":1}}"),
     "test: schema.f: 'R' is defined twice"},
    {"[\"int\",[\"null\"]]", "test: schema[1]: a union may not hold a union directly"},
    {"[\"int\",\"null\",\"int\"]", "test: schema[2]: the union holds 'int' twice"},
    {"[{\"type\":\"array\",\"items\":\"int\"},{\"type\":\"array\",\"items\":\"long\"}]",
     "test: schema[1]: the union holds 'array' twice"},
    {"[{\"type\":\"fixed\",\"name\":\"a.F\",\"size\":1},\"a.F\"]",
     "test: schema[1]: the union holds 'a.F' twice"},
    {"[\"int\",{\"type\":\"int\",\"logicalType\":\"date\"}]", "test: schema[1]: the union holds 'int' twice"},
    {"{\"type\":\"array\"}", "test: schema: an array needs \"items\""},
    {"{\"type\":\"map\"}", "test: schema: a map needs \"values\""},
    {"{\"type\":\"fixed\",\"name\":\"F\"}", "test: schema: a fixed needs a \"size\" from 0 to 2147483647"},
    {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":-1}",
     "test: schema: a fixed needs a \"size\" from 0 to 2147483647"},
    {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":1.0}",
     "test: schema: a fixed needs a \"size\" from 0 to 2147483647"},
    {"{\"type\":\"enum\",\"name\":\"E\"}", "test: schema: an enum needs \"symbols\", an array of names"},
    {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"a b\"]}",
     "test: schema: symbol number 2 of the enum is not a name"},
    {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"A\"]}",
     "test: schema: the enum has the symbol 'A' twice"},
    {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"],\"default\":\"B\"}",
     "test: schema: the enum's default 'B' is not one of its symbols"},
    {FIELD("\"type\":\"int\",\"default\":\"1\""),
     "test: the default of field 'f' of R is not a value of its type, int"},
    {FIELD("\"type\":[\"null\",\"int\"],\"default\":true"),
     "test: the default of field 'f' of R is not a value of any branch of its union"},
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        struct rs_schema_document *document = NULL;
        struct rs_error error = {0};
        int code = rs_schema_parse("test", refusals[i].json, strlen(refusals[i].json), &document, &error);
        assert_null(document);
        if (code != RS_ESCHEMA || strcmp(error.text, refusals[i].text) != 0) {
            fail_msg("%s: '%s', expected '%s'", refusals[i].json, error.text, refusals[i].text);
        }
    }
}

static void test_defaults(void **state)
{
    (void)state;
    static const struct {
        const char *type, *value;
        bool fits;
    } cases[] = {
        {"\"null\"", "null", true},
        {"\"null\"", "0", false},
        {"\"boolean\"", "true", true},
        {"\"boolean\"", "1", false},
        {"\"int\"", "-2147483648", true},
        {"\"int\"", "2147483648", false},
        {"\"int\"", "1.0", false},
        {"\"long\"", "9223372036854775807", true},
        {"\"float\"", "1", true},
        {"\"double\"", "1.5e3", true},
        {"\"double\"", "\"NaN\"", false},
        {"\"string\"", "\"\\u0000\"", true},
        {"\"bytes\"", "\"\\u0000\\u00FF\"", true},
        {"\"bytes\"", "\"\\u0100\"", false},
        {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", "\"\\u00FFa\"", true},
        {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", "\"abc\"", false},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}", "\"A\"", true},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}", "\"B\"", false},
        {"{\"type\":\"array\",\"items\":\"int\"}", "[1,2]", true},
        {"{\"type\":\"array\",\"items\":\"int\"}", "[1,\"a\"]", false},
        {"{\"type\":\"array\",\"items\":\"int\"}", "{}", false},
        {"{\"type\":\"map\",\"values\":\"int\"}", "{\"a\":1}", true},
        {"{\"type\":\"map\",\"values\":\"int\"}", "{\"a\":null}", false},
        {"[\"int\",\"null\"]", "1", true},
        {"[\"int\",\"null\"]", "null", true}, /* since Avro 1.12 */
        {"[\"null\",\"int\"]", "1", true},
        {"[\"null\",\"int\"]", "0.5", false},
        {"[\"null\",\"int\",{\"type\":\"array\",\"items\":[\"string\",\"null\"]}]", "[null,\"a\"]", true},
        {"[\"null\",\"int\",{\"type\":\"array\",\"items\":[\"string\",\"null\"]}]", "[0]", false},
        {"[]", "null", false},
        {"{\"type\":\"record\",\"name\":\"S\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},"
         "{\"name\":\"b\",\"type\":\"int\",\"default\":1}]}",
         "{\"a\":1}", true},
        {"{\"type\":\"record\",\"name\":\"S\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"}]}", "{}", false},
        {"{\"type\":\"record\",\"name\":\"S\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"}]}",
         "{\"a\":1,\"c\":2}", false},
        {"[{\"type\":\"array\",\"items\":\"R\"},\"null\"]", "[{\"f\":[]}]", true},
        {"[{\"type\":\"array\",\"items\":\"R\"},\"null\"]", "[{\"f\":[{}]}]", true},
        {"[{\"type\":\"array\",\"items\":\"R\"},\"null\"]", "[{\"f\":[1]}]", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char json[512];
        snprintf(json, sizeof json, FIELD("\"type\":%s,\"default\":%s"), cases[i].type, cases[i].value);
        struct rs_schema_document *document = NULL;
        struct rs_error error = {0};
        int code = rs_schema_parse("test", json, strlen(json), &document, &error);
        if ((code == 0) != cases[i].fits) {
            fail_msg("%s: %s", json, code == 0 ? "accepted" : error.text);
        }
        assert_true(code != 0 || rs_schema_root(document)->fields[0].has_default);
        rs_schema_free(&document);
    }
}

static void expect_logical(const char *json, enum rs_logical logical)
{
    struct rs_schema_document *document = parse_schema(json);
    assert_int_equal(rs_schema_root(document)->logical, logical);
    rs_schema_free(&document);
}

/* Each is its plain type, and tells why. */
static void test_invalid_logical_types_are_ignored(void **state)
{
    (void)state;
#define LOGICAL(type, more) "{\"type\":\"" type "\",\"logicalType\":\"" more "}"
#define FIXED(size, more)   "{\"type\":\"fixed\",\"name\":\"F\",\"size\":" size ",\"logicalType\":\"" more "}"
    static const struct {
        const char *json, *name;
    } cases[] = {
        {DECIMAL(""),
         "bytes (its logicalType decimal is ignored: it needs a precision, the number of digits, of 1 "
         "or more)"},
        {DECIMAL(",\"precision\":0"),
         "bytes (its logicalType decimal is ignored: it needs a precision, the number "
         "of digits, of 1 or more)"},
        {DECIMAL(",\"precision\":-3"),
         "bytes (its logicalType decimal is ignored: it needs a precision, the number "
         "of digits, of 1 or more)"},
        {DECIMAL(",\"precision\":\"9\""),
         "bytes (its logicalType decimal is ignored: it needs a precision, the "
         "number of digits, of 1 or more)"},
        {DECIMAL(",\"precision\":4,\"scale\":5"),
         "bytes (its logicalType decimal is ignored: its scale, 5, is not from 0 to its precision, 4)"},
        {DECIMAL(",\"precision\":4,\"scale\":-1"),
         "bytes (its logicalType decimal is ignored: its scale, -1, is not from 0 to its precision, 4)"},
        {DECIMAL(",\"precision\":64,\"scale\":127"),
         "bytes (its logicalType decimal is ignored: its scale, 127, is not from 0 to its precision, 64)"},
        {DECIMAL(",\"precision\":4,\"scale\":\"2\""),
         "bytes (its logicalType decimal is ignored: its scale is not an integer)"},
        {DECIMAL(",\"precision\":50,\"scale\":39"),
         "bytes (its logicalType decimal is ignored: a scale above 38, here 39, is not supported)"},
        {FIXED("4", "decimal\",\"precision\":10"),
         "fixed (its logicalType decimal is ignored: a fixed of 4 bytes holds at most 9 digits, not 10)"},
        {LOGICAL("string", "decimal\",\"precision\":9"),
         "string (its logicalType decimal is ignored: it belongs to bytes or fixed)"},
        {LOGICAL("int", "uuid\""),
         "int (its logicalType uuid is ignored: it belongs to string, or fixed of 16 bytes)"},
        {FIXED("15", "uuid\""),
         "fixed (its logicalType uuid is ignored: it belongs to string, or fixed of 16 bytes)"},
        {LOGICAL("long", "date\""), "long (its logicalType date is ignored: it belongs to int)"},
        {LOGICAL("long", "time-millis\""),
         "long (its logicalType time-millis is ignored: it belongs to int)"},
        {LOGICAL("int", "time-micros\""), "int (its logicalType time-micros is ignored: it belongs to long)"},
        {LOGICAL("int", "timestamp-millis\""),
         "int (its logicalType timestamp-millis is ignored: it belongs to long)"},
        {LOGICAL("string", "local-timestamp-nanos\""),
         "string (its logicalType local-timestamp-nanos is ignored: it belongs to long)"},
        {FIXED("12", "duration\""), "fixed"},
        {FIXED("11", "duration\""), "fixed"},
        {LOGICAL("long", "of-tomorrow\""), "long"},
        {"{\"type\":\"long\",\"logicalType\":7}", "long"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rs_schema_document *document = parse_schema(cases[i].json);
        assert_int_equal(rs_schema_root(document)->logical, RS_LOGICAL_NONE);
        assert_string_equal(rs_schema_type_name(rs_schema_root(document)), cases[i].name);
        rs_schema_free(&document);
    }
}

/* Branches that fit all but the last value multiply; there is an end to it. */
static void test_an_involved_default(void **state)
{
    (void)state;
    struct rs_buf json = {0};
    struct rs_schema_document *document = NULL;
    struct rs_error error = {0};
    rs_buf_text(&json, "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"f\",\"type\":[");
    for (int i = 0; i < 8; i++) {
        rs_buf_printf(&json,
                      "%s{\"type\":\"record\",\"name\":\"B%d\",\"fields\":[{\"name\":\"r\",\"type\":"
                      "[\"null\",\"R\"]}]}",
                      i ? "," : "", i);
    }
    rs_buf_text(&json, "],\"default\":");
    for (int i = 0; i < 30; i++) {
        rs_buf_text(&json, "{\"r\":{\"f\":");
    }
    rs_buf_text(&json, "1");
    for (int i = 0; i < 30; i++) {
        rs_buf_text(&json, "}}");
    }
    rs_buf_text(&json, "}]}");
    assert_int_equal(rs_schema_parse("test", (const char *)json.data, json.size, &document, &error),
                     RS_ESCHEMA);
    assert_string_equal(error.text, "test: the default of field 'f' of R is too involved");
    rs_buf_fini(&json);
}

static void test_names_outside_the_grammar(void **state)
{
    (void)state;
    static const struct {
        const char *json, *odd;
    } cases[] = {
        {FIELD("\"type\":\"int\""), NULL},
        {"{\"type\":\"record\",\"name\":\"com.acme.Outer$Inner\",\"fields\":[]}", "com.acme.Outer$Inner"},
        {"{\"type\":\"record\",\"name\":\"R\",\"namespace\":\"a.b-c\",\"fields\":[]}", "a.b-c"},
        {"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"unit-price\",\"type\":\"int\"},"
         "{\"name\":\"$x\",\"type\":\"int\"}]}",
         "unit-price"},
        {"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"\xe4\xbb\xb7\xe6\xa0\xbc\",\"type\":"
         "\"int\"}]}",
         "\xe4\xbb\xb7\xe6\xa0\xbc"},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"a-b\"]}", "a-b"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rs_schema_document *document = parse_schema(cases[i].json);
        const char *odd = rs_schema_odd_name(document);
        assert_true((!odd) == (!cases[i].odd));
        if (odd) {
            assert_string_equal(odd, cases[i].odd);
        }
        rs_schema_free(&document);
    }
}

static void test_logical_types(void **state)
{
    (void)state;
    expect_logical("{\"type\":\"int\",\"logicalType\":\"date\"}", RS_LOGICAL_DATE);
    expect_logical("{\"type\":\"int\",\"logicalType\":\"time-millis\"}", RS_LOGICAL_TIME_MILLIS);
    expect_logical("{\"type\":\"long\",\"logicalType\":\"time-micros\"}", RS_LOGICAL_TIME_MICROS);
    expect_logical("{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}", RS_LOGICAL_TIMESTAMP_MILLIS);
    expect_logical("{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}", RS_LOGICAL_TIMESTAMP_MICROS);
    expect_logical("{\"type\":\"long\",\"logicalType\":\"timestamp-nanos\"}", RS_LOGICAL_TIMESTAMP_NANOS);
    expect_logical("{\"type\":\"long\",\"logicalType\":\"local-timestamp-nanos\"}",
                   RS_LOGICAL_LOCAL_TIMESTAMP_NANOS);
    expect_logical("{\"type\":\"string\",\"logicalType\":\"uuid\"}", RS_LOGICAL_UUID);
    expect_logical("{\"type\":\"fixed\",\"name\":\"U\",\"size\":16,\"logicalType\":\"uuid\"}",
                   RS_LOGICAL_UUID);
    expect_logical("{\"type\":\"fixed\",\"name\":\"U\",\"size\":15,\"logicalType\":\"uuid\"}",
                   RS_LOGICAL_NONE);
    expect_logical("{\"type\":\"long\",\"logicalType\":\"date\"}", RS_LOGICAL_NONE);
    expect_logical("{\"type\":\"int\",\"logicalType\":\"timestamp-micros\"}", RS_LOGICAL_NONE);
    expect_logical("{\"type\":\"string\",\"logicalType\":\"decimal\"}", RS_LOGICAL_NONE);
    expect_logical("{\"type\":\"fixed\",\"name\":\"D\",\"size\":12,\"logicalType\":\"duration\"}",
                   RS_LOGICAL_NONE);
    expect_logical("{\"type\":\"int\",\"logicalType\":7}", RS_LOGICAL_NONE);
    struct rs_schema_document *document =
        parse_schema("{\"type\":\"fixed\",\"name\":\"F\",\"size\":4,"
                     "\"logicalType\":\"decimal\",\"precision\":9,\"scale\":9}");
    assert_int_equal(rs_schema_root(document)->logical, RS_LOGICAL_DECIMAL);
    assert_int_equal(rs_schema_root(document)->precision, 9);
    assert_int_equal(rs_schema_root(document)->scale, 9);
    rs_schema_free(&document);
}

static void test_names_and_namespaces(void **state)
{
    (void)state;
    struct rs_schema_document *document = parse_schema(
        "{\"type\":\"record\",\"name\":\"Outer\",\"namespace\":\"a.b\",\"doc\":\"d\",\"fields\":["
        "{\"name\":\"x\",\"unit\":\"CNY\",\"doc\":\"e\",\"type\":{\"type\":\"fixed\",\"name\":\"F\",\"size\":"
        "1}},"
        "{\"name\":\"y\",\"unit\":7,\"type\":{\"type\":\"record\",\"name\":\"c.Inner\",\"fields\":["
        "{\"name\":\"z\",\"type\":[\"null\",\"Inner\",\"a.b.F\"]}]}},"
        "{\"name\":\"w\",\"type\":{\"type\":\"F\"}},"
        "{\"name\":\"v\",\"type\":{\"type\":\"enum\",\"name\":\"N\",\"namespace\":\"\",\"symbols\":[]}}]}");
    const struct rs_schema *root = rs_schema_root(document);
    assert_string_equal(root->name, "a.b.Outer");
    assert_string_equal(root->doc, "d");
    assert_string_equal(root->fields[0].unit, "CNY");
    assert_string_equal(root->fields[0].doc, "e");
    assert_null(root->fields[1].unit);
    assert_string_equal(root->fields[0].type->name, "a.b.F");
    const struct rs_schema *inner = root->fields[1].type;
    assert_string_equal(inner->name, "c.Inner");
    assert_ptr_equal(inner->fields[0].type->branches[1], inner);
    assert_ptr_equal(inner->fields[0].type->branches[2], root->fields[0].type);
    assert_ptr_equal(root->fields[2].type, root->fields[0].type);
    assert_int_equal(root->fields[0].type->uses, 3);
    assert_string_equal(root->fields[3].type->name, "N");
    rs_schema_free(&document);
}

static void test_types_without_bytes(void **state)
{
    (void)state;
    struct rs_schema_document *document =
        parse_schema(RECORD("{\"name\":\"a\",\"type\":\"null\"},{\"name\":\"b\",\"type\":{\"type\":\"fixed\","
                            "\"name\":\"F\",\"size\":0}},"
                            "{\"name\":\"c\",\"type\":{\"type\":\"record\",\"name\":\"E\",\"fields\":[]}}"));
    assert_true(rs_schema_root(document)->zero_size);
    assert_int_equal(rs_schema_root(document)->zero_depth, 2);
    rs_schema_free(&document);
    document = parse_schema(FIELD("\"type\":\"R\""));
    assert_false(rs_schema_root(document)->zero_size);
    rs_schema_free(&document);
    document = parse_schema(FIELD("\"type\":[\"null\"]"));
    assert_false(rs_schema_root(document)->zero_size);
    rs_schema_free(&document);
}

/* ---- limits ---- */

static void expect_refusal(const char *json, size_t size, const char *end)
{
    struct rs_schema_document *document = NULL;
    struct rs_error error = {0};
    assert_int_equal(rs_schema_parse("test", json, size, &document, &error), RS_ESCHEMA);
    assert_non_null(strstr(error.text, end));
}

static char *nested(size_t depth)
{
    static const char open[] = "{\"type\":\"array\",\"items\":";
    char *json = malloc(depth * sizeof open + 16);
    assert_non_null(json);
    char *at = json;
    for (size_t i = 0; i < depth; i++) {
        at += sprintf(at, "%s", open);
    }
    at += sprintf(at, "\"int\"");
    memset(at, '}', depth);
    at[depth] = '\0';
    return json;
}

static void test_limits(void **state)
{
    (void)state;
    char *json = nested(RS_SCHEMA_DEPTH_MAX);
    struct rs_schema_document *document = parse_schema(json);
    rs_schema_free(&document);
    free(json);
    json = nested(RS_SCHEMA_DEPTH_MAX + 1);
    expect_refusal(json, strlen(json), "types are nested more than 64 deep");
    free(json);
    json = nested(5000);
    expect_refusal(json, strlen(json), "maximum parsing depth reached");
    free(json);
    char *large = malloc(RS_SCHEMA_BYTES_MAX + 1);
    assert_non_null(large);
    memset(large, ' ', RS_SCHEMA_BYTES_MAX + 1);
    expect_refusal(large, RS_SCHEMA_BYTES_MAX + 1, "larger than 1048576 bytes");
    free(large);
    struct rs_buf many = {0};
    rs_buf_text(&many, "{\"type\":\"record\",\"name\":\"R\",\"fields\":[");
    for (int i = 0; i < RS_SCHEMA_TYPES_MAX; i++) {
        rs_buf_printf(&many, "%s{\"name\":\"f%d\",\"type\":\"int\"}", i == 0 ? "" : ",", i);
    }
    rs_buf_text(&many, "]}");
    expect_refusal((const char *)many.data, many.size, "the schema holds more than 10000 types");
    rs_buf_fini(&many);
}

/* Random bytes and random cuts of a good schema: an error or a schema, never a crash (the sanitizers look
 * on). */
static void test_random_bytes(void **state)
{
    (void)state;
    struct rs_schema_document *trade = NULL;
    struct rs_error error;
    assert_int_equal(rs_schema_load("schemas/trade.avsc", &trade, &error), 0);
    const char *json = rs_schema_json(trade);
    size_t size = strlen(json);
    struct rs_random random = {1};
    char *copy = malloc(size);
    assert_non_null(copy);
    size_t refused = 0;
    for (int round = 0; round < 3000; round++) {
        memcpy(copy, json, size);
        for (int change = 0; change < 3; change++) {
            size_t at = rs_random_below(&random, size);
            copy[at] = "{}[]\",:\\ant01\xff"[rs_random_below(&random, 14)];
        }
        struct rs_schema_document *document = NULL;
        refused += rs_schema_parse("test", copy, size - rs_random_below(&random, 3), &document, &error) != 0;
        rs_schema_free(&document);
    }
    assert_true(refused > 1000);
    free(copy);
    rs_schema_free(&trade);
}

/* ---- the project's own schemas ---- */

static void test_own_schemas(void **state)
{
    (void)state;
    static const char *const paths[] = {"schemas/trade.avsc", "schemas/indicator.avsc"};
    for (size_t i = 0; i < 2; i++) {
        struct rs_schema_document *document = NULL;
        struct rs_error error = {0};
        if (rs_schema_load(paths[i], &document, &error) != 0) {
            fail_msg("%s", error.text);
        }
        const struct rs_schema *root = rs_schema_root(document);
        assert_int_equal(root->kind, RS_AVRO_RECORD);
        assert_true(root->field_count >= 10);
        for (size_t f = 0; f < root->field_count; f++) {
            assert_true(root->fields[f].doc && strlen(root->fields[f].doc) > 20);
            bool nullable = root->fields[f].type->kind == RS_AVRO_UNION;
            assert_true(!nullable || root->fields[f].has_default);
        }
        rs_schema_free(&document);
    }
}

static void test_load_errors(void **state)
{
    (void)state;
    struct rs_schema_document *document = NULL;
    struct rs_error error = {0};
    assert_int_not_equal(rs_schema_load("tests/no-such.avsc", &document, &error), 0);
    assert_non_null(strstr(error.text, "tests/no-such.avsc"));
    assert_int_not_equal(rs_schema_load("tests", &document, &error), 0);
    assert_null(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_names_outside_the_grammar),
        cmocka_unit_test(test_logical_types),
        cmocka_unit_test(test_invalid_logical_types_are_ignored),
        cmocka_unit_test(test_an_involved_default),
        cmocka_unit_test(test_names_and_namespaces),
        cmocka_unit_test(test_types_without_bytes),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_random_bytes),
        cmocka_unit_test(test_own_schemas),
        cmocka_unit_test(test_load_errors),
    };
    return cmocka_run_group_tests_name("schemas.schema", tests, NULL, NULL);
}
