/* Messages written by hand, byte by byte, against what the specification says about them. Every message also
 * goes through rs_program_json and rs_program_visit, which walk the schema instead of the op list and have to
 * find the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "schemas/program.h"
#include "schemas/program_place.h"
#include "tests/lib/bytes.h"
#include "tests/lib/schema_text.h"

#define LIMITS RS_PROGRAM_LIMITS_DEFAULT

static struct rs_program *compile(const struct rs_schema_document *document, const char *const *paths,
                                  size_t count, struct rs_program_limits limits)
{
    struct rs_program *program = NULL;
    struct rs_error error = {0};
    if (rs_program_compile(rs_schema_root(document), paths, count, limits, &program, &error) != 0) {
        fail_msg("%s", error.text);
    }
    return program;
}

/* Bytes from hexadecimal text with blanks; the memory ends where they end, so that ASan sees a byte too far.
 */
static struct rs_slice bytes_of(const char *hex)
{
    uint8_t *bytes = malloc(strlen(hex) / 2 + 1);
    assert_non_null(bytes);
    size_t size = bytes_unhex(bytes, hex);
    uint8_t *exact = malloc(size == 0 ? 1 : size);
    assert_non_null(exact);
    memcpy(exact, bytes, size);
    free(bytes);
    return rs_slice_of(exact, size);
}

/* ---- acceptable or not ---- */

struct verdict {
    const char *schema;
    const char *hex;
    enum rs_reason reason;
    size_t at;
};

static void check_verdict(const struct verdict *v, struct rs_program_limits limits)
{
    struct rs_schema_document *document = parse_schema(v->schema);
    struct rs_program *program = compile(document, NULL, 0, limits);
    struct rs_slice message = bytes_of(v->hex);
    size_t at = SIZE_MAX;
    size_t json_at = SIZE_MAX;
    struct rs_buf json = {0};
    enum rs_reason found = rs_program_run(program, message, NULL, &at);
    enum rs_reason json_found = rs_program_json(program, message, &json, &json_at);
    struct rs_place place;
    assert_int_equal(rs_program_visit(program, message, NULL, &place), json_found);
    assert_int_equal(place.at, json_at);
    if (found != v->reason || at != v->at || json_found != found || json_at != at) {
        fail_msg("%s with %s: %s at %zu, as JSON %s at %zu, expected %s at %zu", v->schema, v->hex,
                 rs_reason_name(found), at, rs_reason_name(json_found), json_at, rs_reason_name(v->reason),
                 v->at);
    }
    rs_buf_fini(&json);
    free((void *)message.data);
    rs_program_free(&program);
    rs_schema_free(&document);
}

#define OK            RS_REASON_NONE
#define ENUM3         "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\",\"C\"]}"
#define FIXED4        "{\"type\":\"fixed\",\"name\":\"F\",\"size\":4}"
#define DECIMAL(p, s) "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":" #p ",\"scale\":" #s "}"
#define FIXED_DECIMAL                                                                                        \
    "{\"type\":\"fixed\",\"name\":\"F\",\"size\":4,\"logicalType\":\"decimal\",\"precision\":6,\"scale\":2}"
#define UUID         "{\"type\":\"string\",\"logicalType\":\"uuid\"}"
#define MILLIS       "{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}"
#define ARRAY(items) "{\"type\":\"array\",\"items\":" items "}"
#define MAP(values)  "{\"type\":\"map\",\"values\":" values "}"
#define LIST         "{\"type\":\"record\",\"name\":\"L\",\"fields\":[{\"name\":\"n\",\"type\":[\"null\",\"L\"]}]}"

static const struct verdict verdicts[] = {
    {"\"null\"", "", OK, 0},
    {"\"null\"", "00", RS_REASON_TRAILING, 0},
    {"\"boolean\"", "00", OK, 1},
    {"\"boolean\"", "01", OK, 1},
    {"\"boolean\"", "02", RS_REASON_BOOLEAN, 0},
    {"\"boolean\"", "", RS_REASON_TRUNCATED, 0},
    {"\"boolean\"", "01 00", RS_REASON_TRAILING, 1},
    /* varints */
    {"\"int\"", "", RS_REASON_TRUNCATED, 0},
    {"\"int\"", "80", RS_REASON_TRUNCATED, 0},
    {"\"int\"", "FF FF FF FF 0F", OK, 5},
    {"\"int\"", "FE FF FF FF 0F", OK, 5},
    {"\"int\"", "80 80 80 80 10", RS_REASON_VARINT, 0},
    {"\"int\"", "80 80 80 80 80 00", RS_REASON_VARINT, 0},
    {"\"int\"", "80 80 80 80 00", OK, 5},
    {"\"long\"", "FF FF FF FF FF FF FF FF FF 01", OK, 10},
    {"\"long\"", "FF FF FF FF FF FF FF FF FF 02", RS_REASON_VARINT, 0},
    {"\"long\"", "80 80 80 80 80 80 80 80 80 80 00", RS_REASON_VARINT, 0},
    {"\"long\"", "80 80 80 80 80 80 80 80 80", RS_REASON_TRUNCATED, 0},
    {"\"long\"", "80 80 80 80 80 80 80 80 01", OK, 9},
    {"\"long\"", "80 80 80 80 80 80 80 00", OK, 8},
    /* fixed width */
    {"\"float\"", "00 00 80", RS_REASON_TRUNCATED, 0},
    {"\"float\"", "00 00 80 3F", OK, 4},
    {"\"double\"", "00 00 00 00 00 00 F0", RS_REASON_TRUNCATED, 0},
    {"\"double\"", "00 00 00 00 00 00 F0 7F", OK, 8},
    {FIXED4, "00 00 00", RS_REASON_TRUNCATED, 0},
    {FIXED4, "00 00 00 00", OK, 4},
    /* lengths and text */
    {"\"bytes\"", "04 FF FE", OK, 3},
    {"\"bytes\"", "06 FF FE", RS_REASON_LENGTH, 0},
    {"\"bytes\"", "01", RS_REASON_LENGTH, 0},
    {"\"bytes\"", "FE FF FF FF FF FF FF FF FF 01", RS_REASON_LENGTH, 0},
    {"\"bytes\"", "FF FF FF FF FF FF FF FF FF 01", RS_REASON_LENGTH, 0},
    {"\"string\"", "00", OK, 1},
    {"\"string\"", "06 E2 82 AC", OK, 4},
    {"\"string\"", "04 E2 82", RS_REASON_UTF8, 0},
    {"\"string\"", "04 C0 80", RS_REASON_UTF8, 0},
    {"\"string\"", "06 ED A0 80", RS_REASON_UTF8, 0},
    {"\"string\"", "08 F4 90 80 80", RS_REASON_UTF8, 0},
    {"\"string\"", "14 61 62 63 64 65 66 67 68 69 FF", RS_REASON_UTF8, 0},
    {"\"string\"", "14 FF 62 63 64 65 66 67 68 69 6A", RS_REASON_UTF8, 0},
    {"\"string\"", "10 61 62 63 64 65 66 67 80", RS_REASON_UTF8, 0},
    {UUID, "48 31323334353637382d616263642d454630312d383930412d626364656630313233343536", OK, 37},
    {UUID, "48 31323334353637382d616263642d454630312d383930412d62636465663031323334356a", RS_REASON_UUID, 0},
    {UUID, "48 31323334353637382b616263642d454630312d383930412d626364656630313233343536", RS_REASON_UUID, 0},
    {UUID, "02 31", RS_REASON_UUID, 0},
    /* enums and unions */
    {ENUM3, "04", OK, 1},
    {ENUM3, "06", RS_REASON_ENUM_INDEX, 0},
    {ENUM3, "01", RS_REASON_ENUM_INDEX, 0},
    {ENUM3, "80 80 80 80 20", RS_REASON_VARINT, 0},
    {"[\"null\",\"int\"]", "00", OK, 1},
    {"[\"null\",\"int\"]", "02 02", OK, 2},
    {"[\"null\",\"int\"]", "02", RS_REASON_TRUNCATED, 1},
    {"[\"null\",\"int\"]", "04", RS_REASON_UNION_INDEX, 0},
    {"[\"int\",\"null\"]", "01", RS_REASON_UNION_INDEX, 0},
    {"[\"int\",\"string\",\"boolean\"]", "04 01", OK, 2},
    {"[\"int\",\"string\",\"boolean\"]", "02 02 61", OK, 3},
    {"[\"int\",\"string\",\"boolean\"]", "06 01", RS_REASON_UNION_INDEX, 0},
    {"[\"boolean\"]", "00 01", OK, 2},
    {"[\"boolean\"]", "02 01", RS_REASON_UNION_INDEX, 0},
    {"[]", "00", RS_REASON_UNION_INDEX, 0},
    /* decimals */
    {DECIMAL(3, 1), "04 03 E7", OK, 3},
    {DECIMAL(3, 1), "04 03 E8", RS_REASON_DECIMAL, 0},
    {DECIMAL(3, 1), "04 FC 19", OK, 3},
    {DECIMAL(3, 1), "04 FC 18", RS_REASON_DECIMAL, 0},
    {DECIMAL(3, 1), "00", OK, 1},
    {DECIMAL(3, 1), "28 0000000000000000000000000000000000000001", OK, 21},
    {DECIMAL(3, 1), "28 0100000000000000000000000000000000000001", RS_REASON_DECIMAL, 0},
    {DECIMAL(18, 0), "10 0DE0B6B3A763FFFF", OK, 9},
    {DECIMAL(18, 0), "10 0DE0B6B3A7640000", RS_REASON_DECIMAL, 0},
    {DECIMAL(19, 0), "10 8000000000000000", OK, 9},
    {DECIMAL(38, 0), "20 4B3B4CA85A86C47A098A223FFFFFFFFF", OK, 17},
    {DECIMAL(38, 0), "20 4B3B4CA85A86C47A098A224000000000", RS_REASON_DECIMAL, 0},
    {DECIMAL(50, 0), "20 4B3B4CA85A86C47A098A224000000000", OK, 17}, /* for who wants it, below */
    {DECIMAL(50, 0), "22 00FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", OK, 18},
    {DECIMAL(50, 0), "22 FF4B3B4CA85A86C47A098A224000000000", OK, 18},
    {FIXED_DECIMAL, "00 0F 42 3F", OK, 4},
    {FIXED_DECIMAL, "00 0F 42 40", RS_REASON_DECIMAL, 0},
    {FIXED_DECIMAL, "FF F0 BD C1", OK, 4},
    {FIXED_DECIMAL, "FF F0 BD", RS_REASON_TRUNCATED, 0},
    {MILLIS, "FE CF D7 E9 8B 81 A4 97 B9 02", RS_REASON_VARINT, 0},
    {MILLIS, "FE FF FF FF FF FF FF FF FF 01", OK, 10}, /* it is for who uses it to be in range */
    {MILLIS, "FF FF FF FF FF FF FF FF FF 01", OK, 10},
    {"{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}", "FE FF FF FF FF FF FF FF FF 01", OK, 10},
    {"{\"type\":\"long\",\"logicalType\":\"timestamp-nanos\"}", "FE FF FF FF FF FF FF FF FF 01", OK, 10},
    {"{\"type\":\"long\",\"logicalType\":\"local-timestamp-millis\"}", "FE FF FF FF FF FF FF FF FF 01", OK,
     10},
    {"{\"type\":\"int\",\"logicalType\":\"date\"}", "FE FF FF FF 0F", OK, 5},
    {MILLIS, "00", OK, 1},
    /* blocks */
    {ARRAY("\"int\""), "00", OK, 1},
    {ARRAY("\"int\""), "04 02 02 00", OK, 4},
    {ARRAY("\"int\""), "04 02 02", RS_REASON_TRUNCATED, 3},
    {ARRAY("\"int\""), "04 02 02 02 02 00", OK, 6},
    {ARRAY("\"int\""), "03 04 02 02 00", OK, 5},
    {ARRAY("\"int\""), "03 02 02 02 00", RS_REASON_BLOCK, 0},
    {ARRAY("\"int\""), "03 06 02 02 02 00", RS_REASON_BLOCK, 4},
    {ARRAY("\"int\""), "03 04 80 01 02 00", RS_REASON_BLOCK, 5},
    {ARRAY("\"int\""), "03 03 02 02 00", RS_REASON_BLOCK, 0},
    {ARRAY("\"int\""), "03 20 02 02 00", RS_REASON_BLOCK, 0},
    {ARRAY("\"int\""), "08 02 02 00", RS_REASON_BLOCK, 0},
    {ARRAY("\"int\""), "C0 9A 0C 02", RS_REASON_BLOCK, 0},
    {ARRAY("\"int\""), "C2 9A 0C 02", RS_REASON_ITEMS, 0},
    {ARRAY("\"int\""), "FF FF FF FF FF FF FF FF FF 01 00", RS_REASON_ITEMS, 0},
    {ARRAY("\"null\""), "C0 9A 0C 00", OK, 4},
    {ARRAY("\"null\""), "C2 9A 0C 00", RS_REASON_ITEMS, 0},
    {ARRAY("\"null\""), "C0 9A 0C 02 00", RS_REASON_ITEMS, 3},
    {ARRAY("\"null\""), "03 00 00", OK, 3},
    {ARRAY("\"null\""), "03 02 00 00", RS_REASON_BLOCK, 2},
    {ARRAY("{\"type\":\"fixed\",\"name\":\"Z\",\"size\":0}"), "C2 9A 0C 00", RS_REASON_ITEMS, 0},
    {ARRAY("{\"type\":\"record\",\"name\":\"Z\",\"fields\":[]}"), "C2 9A 0C 00", RS_REASON_ITEMS, 0},
    {ARRAY("{\"type\":\"record\",\"name\":\"Z\",\"fields\":[]}"), "06 00", OK, 2},
    {MAP("\"null\""), "02 02 61 00", OK, 4},
    {MAP("\"null\""), "02 02 FF 00", RS_REASON_UTF8, 1},
    {MAP("\"null\""), "01 04 02 61 00", OK, 5},
    {MAP("\"int\""), "02 02 61 02 00", OK, 5},
    {MAP("\"int\""), "02 02 61 02", RS_REASON_TRUNCATED, 4},
    {ARRAY(ARRAY("\"int\"")), "02 04 02 02 00 02 00 00", OK, 8},
    {ARRAY(MAP(ARRAY("\"boolean\""))), "02 02 02 61 02 02 00 00 00", RS_REASON_BOOLEAN, 5},
    /* recursion */
    {LIST, "02 02 00", OK, 3},
    {LIST, "02 02", RS_REASON_TRUNCATED, 2},
    {"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"r\",\"type\":\"R\"}]}", "", RS_REASON_DEPTH,
     0},
    {"{\"type\":\"record\",\"name\":\"T\",\"fields\":[{\"name\":\"c\",\"type\":" ARRAY("\"T\"") "}]}",
     "04 00 02 00 00 00", OK, 6},
};

static void test_verdicts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof verdicts / sizeof verdicts[0]; i++) {
        check_verdict(&verdicts[i], LIMITS);
    }
}

/* A list of n nodes is n records deep. */
static void test_depth_limit(void **state)
{
    (void)state;
    const struct rs_program_limits limits = {.depth = 4, .items = 10};
    static const struct verdict deep[] = {
        {LIST, "02 02 02 00", OK, 4},
        {LIST, "02 02 02 02 00", RS_REASON_DEPTH, 4},
        {ARRAY(ARRAY(ARRAY(ARRAY("\"int\"")))), "02 02 02 02 02 00 00 00 00", OK, 9},
        {ARRAY(ARRAY(ARRAY(ARRAY(ARRAY("\"int\""))))), "02 02 02 00 00 00 00", OK, 7},
        {ARRAY(ARRAY(ARRAY(ARRAY(ARRAY("\"int\""))))), "02 02 02 02 00 00 00 00 00", RS_REASON_DEPTH, 4},
        {ARRAY(ARRAY(ARRAY(ARRAY(ARRAY("\"null\""))))), "02 02 02 02 00 00 00 00 00", RS_REASON_DEPTH, 4},
        {ARRAY(ARRAY(
             "{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"b\",\"type\":"
             "{\"type\":\"record\",\"name\":\"B\",\"fields\":[{\"name\":\"c\",\"type\":"
             "{\"type\":\"record\",\"name\":\"C\",\"fields\":[{\"name\":\"d\",\"type\":\"int\"}]}}]}}]}")),
         "02 02 02 00 00", RS_REASON_DEPTH, 2},
        {ARRAY("\"int\""), "14 02 02 02 02 02 02 02 02 02 02 00", OK, 12},
        {ARRAY("\"int\""), "14 02 02 02 02 02 02 02 02 02 02 02 02 00", RS_REASON_ITEMS, 11},
    };
    for (size_t i = 0; i < sizeof deep / sizeof deep[0]; i++) {
        check_verdict(&deep[i], limits);
    }
}

/* Every prefix of a message is refused, none reads past its end (ASan), and no op list is longer than its
 * schema. */
static void test_every_prefix(void **state)
{
    (void)state;
    static const char schema[] =
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":["
        "{\"name\":\"a\",\"type\":\"string\"},{\"name\":\"b\",\"type\":" DECIMAL(
            18, 8) "},"
                   "{\"name\":\"c\",\"type\":[\"null\",\"double\"]},{\"name\":\"d\",\"type\":" MAP(
                       "\"long\"") "},"
                                   "{\"name\":\"e\",\"type\":\"long\"}]}";
    static const char hex[] =
        "06 616263 08 00BC614E 02 000000000000F03F 01 08 02 61 80 01 00 F8 C3 E1 A1 D6 BD 06";
    struct rs_schema_document *document = parse_schema(schema);
    static const char *const paths[] = {"a", "b", "c", "e"};
    struct rs_program *program = compile(document, paths, 4, LIMITS);
    struct rs_slice message = bytes_of(hex);
    struct rs_value values[4];
    assert_int_equal(rs_program_run(program, message, values, NULL), RS_REASON_NONE);
    for (size_t size = 0; size < message.size; size++) {
        uint8_t *prefix = malloc(size == 0 ? 1 : size);
        assert_non_null(prefix);
        memcpy(prefix, message.data, size);
        assert_int_not_equal(rs_program_run(program, rs_slice_of(prefix, size), values, NULL),
                             RS_REASON_NONE);
        free(prefix);
    }
    assert_int_equal(rs_program_run(program, (struct rs_slice){0}, values, NULL), RS_REASON_TRUNCATED);
    free((void *)message.data);
    rs_program_free(&program);
    rs_schema_free(&document);
}

/* ---- values ---- */

static const char wide_schema[] =
    "{\"type\":\"record\",\"name\":\"W\",\"fields\":["
    "{\"name\":\"boolean\",\"type\":\"boolean\"},"
    "{\"name\":\"int\",\"type\":\"int\"},"
    "{\"name\":\"gap\",\"type\":\"string\"},"
    "{\"name\":\"long\",\"type\":\"long\"},"
    "{\"name\":\"float\",\"type\":\"float\"},"
    "{\"name\":\"gap2\",\"type\":\"double\"},"
    "{\"name\":\"gap3\",\"type\":\"float\"},"
    "{\"name\":\"double\",\"type\":\"double\"},"
    "{\"name\":\"enum\",\"type\":" ENUM3 "},"
    "{\"name\":\"text\",\"type\":\"string\"},"
    "{\"name\":\"fixed\",\"type\":" FIXED4 "},"
    "{\"name\":\"price\",\"type\":" DECIMAL(
        18,
        8) "},"
           "{\"name\":\"big\",\"type\":" DECIMAL(
               30,
               10) "},"
                   "{\"name\":\"date\",\"type\":{\"type\":\"int\",\"logicalType\":\"date\"}},"
                   "{\"name\":\"millis\",\"type\":" MILLIS "},"
                   "{\"name\":\"micros\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}},"
                   "{\"name\":\"nanos\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-nanos\"}}]}";

static void test_values_of_all_kinds(void **state)
{
    (void)state;
    struct rs_schema_document *document = parse_schema(wide_schema);
    static const char *const paths[] = {"nanos", "micros",  "millis", "date",   "big",   "price",
                                        "fixed", "text",    "enum",   "double", "float", "long",
                                        "int",   "boolean", "price",  "nanos"};
    enum { COUNT = sizeof paths / sizeof paths[0] };
    struct rs_program *program = compile(document, paths, COUNT, LIMITS);
    struct rs_slice message =
        bytes_of("01 03 02 78 D7FF07 0000C0BF 0000000000000000 00000000 000000000000F83F 04 04"
                 "C3A9 01020304 04 FF00 1A 00C90F2DAA3C00000000000000 93 9A 0C 03 01 01");
    struct rs_value v[COUNT];
    size_t at = 0;
    assert_int_equal(rs_program_run(program, message, v, &at), RS_REASON_NONE);
    assert_int_equal(v[13].kind, RS_VALUE_BOOLEAN);
    assert_int_equal(v[13].i, 1);
    assert_int_equal(v[12].kind, RS_VALUE_INT);
    assert_int_equal(v[12].i, -2);
    assert_int_equal(v[11].i, -65516);
    assert_true(v[10].kind == RS_VALUE_DOUBLE && v[10].d == -1.5);
    assert_true(v[9].kind == RS_VALUE_DOUBLE && v[9].d == 1.5);
    assert_int_equal(v[8].kind, RS_VALUE_INT);
    assert_int_equal(v[8].i, 2);
    assert_true(v[7].kind == RS_VALUE_BYTES && rs_slice_equal(v[7].s, rs_slice_text("\xc3\xa9")));
    assert_true(rs_slice_equal(v[6].s, rs_slice_text("\x01\x02\x03\x04")));
    assert_true(v[5].kind == RS_VALUE_DECIMAL && !v[5].wide && v[5].i == -256);
    assert_true(v[4].kind == RS_VALUE_DECIMAL && v[4].wide);
    assert_true(v[4].w == (rs_i128)INT64_C(0xC90F2DAA3C) << 56);
    assert_true(v[3].kind == RS_VALUE_INT && v[3].i == -99978);
    assert_true(v[2].kind == RS_VALUE_TIME && v[2].i == -2000);
    assert_true(v[1].kind == RS_VALUE_TIME && v[1].i == -1);
    assert_true(v[0].kind == RS_VALUE_TIME && v[0].i == -1 && v[0].nanos == 999);
    assert_true(v[1].nanos == 0 && v[2].nanos == 0);
    assert_true(v[14].kind == RS_VALUE_DECIMAL && v[14].i == -256);
    assert_true(v[15].kind == RS_VALUE_TIME && v[15].i == -1 && v[15].nanos == 999);
    free((void *)message.data);
    rs_program_free(&program);
    rs_schema_free(&document);
}

/* Milliseconds beyond what microseconds in 64 bits hold are the ends of the range, which is no time. */
static void test_millis_beyond_micros(void **state)
{
    (void)state;
    struct rs_schema_document *document = parse_schema(
        "{\"type\":\"record\",\"name\":\"T\",\"fields\":[{\"name\":\"t\",\"type\":" MILLIS "}]}");
    static const char *const paths[] = {"t"};
    struct rs_program *program = compile(document, paths, 1, LIMITS);
    struct rs_value v;
    struct rs_slice high = bytes_of("FE FF FF FF FF FF FF FF FF 01");
    struct rs_slice low = bytes_of("FF FF FF FF FF FF FF FF FF 01");
    assert_int_equal(rs_program_run(program, high, &v, NULL), RS_REASON_NONE);
    assert_true(v.kind == RS_VALUE_TIME && v.i == INT64_MAX);
    assert_int_equal(rs_program_run(program, low, &v, NULL), RS_REASON_NONE);
    assert_true(v.kind == RS_VALUE_TIME && v.i == INT64_MIN);
    free((void *)high.data);
    free((void *)low.data);
    rs_program_free(&program);
    rs_schema_free(&document);
}

/* Of more digits than a number holds: harmless where nobody looks, refused where somebody does. */
static void test_wide_decimals(void **state)
{
    (void)state;
    struct rs_schema_document *document = parse_schema(
        "{\"type\":\"record\",\"name\":\"T\",\"fields\":[{\"name\":\"d\",\"type\":" DECIMAL(64, 2) "}]}");
    static const char *const paths[] = {"d"};
    struct rs_program *wanted = compile(document, paths, 1, LIMITS);
    struct rs_program *passed = compile(document, NULL, 0, LIMITS);
    struct rs_value v;
    struct rs_slice fits = bytes_of("02 7B");
    struct rs_slice wide = bytes_of("20 4B3B4CA85A86C47A098A224000000000");
    assert_int_equal(rs_program_run(wanted, fits, &v, NULL), RS_REASON_NONE);
    assert_true(v.kind == RS_VALUE_DECIMAL && v.i == 123);
    assert_int_equal(rs_program_run(passed, wide, NULL, NULL), RS_REASON_NONE);
    assert_int_equal(rs_program_run(wanted, wide, &v, NULL), RS_REASON_DECIMAL);
    free((void *)fits.data);
    free((void *)wide.data);
    rs_program_free(&wanted);
    rs_program_free(&passed);
    rs_schema_free(&document);
}

static const char venue_schema[] =
    "{\"type\":\"record\",\"name\":\"T\",\"fields\":["
    "{\"name\":\"a\",\"type\":[\"null\",\"long\"]},"
    "{\"name\":\"venue\",\"type\":[{\"type\":\"record\",\"name\":\"V\",\"fields\":["
    "{\"name\":\"country\",\"type\":\"string\"},{\"name\":\"code\",\"type\":[\"int\",\"null\"]}]},\"null\"]},"
    "{\"name\":\"other\",\"type\":[\"null\",\"V\"]},"
    "{\"name\":\"one\",\"type\":[\"long\"]}]}";

static void test_nulls_and_nested_fields(void **state)
{
    (void)state;
    struct rs_schema_document *document = parse_schema(venue_schema);
    static const char *const paths[] = {"one", "venue.code", "other.country", "a", "venue.country"};
    struct rs_program *program = compile(document, paths, 5, LIMITS);
    struct rs_value v[5];
    struct rs_slice full = bytes_of("02 08 00 04 4341 00 0E 02 02 58 02 00 0A");
    assert_int_equal(rs_program_run(program, full, v, NULL), RS_REASON_NONE);
    assert_true(v[0].kind == RS_VALUE_INT && v[0].i == 5);
    assert_true(v[1].kind == RS_VALUE_INT && v[1].i == 7);
    assert_true(v[2].kind == RS_VALUE_BYTES && rs_slice_equal(v[2].s, rs_slice_text("X")));
    assert_true(v[3].kind == RS_VALUE_INT && v[3].i == 4);
    assert_true(v[4].kind == RS_VALUE_BYTES && rs_slice_equal(v[4].s, rs_slice_text("CA")));
    struct rs_slice inner = bytes_of("00 00 02 43 02 00 00 0A");
    assert_int_equal(rs_program_run(program, inner, v, NULL), RS_REASON_NONE);
    assert_int_equal(v[1].kind, RS_VALUE_NULL);
    assert_int_equal(v[2].kind, RS_VALUE_NULL);
    assert_int_equal(v[3].kind, RS_VALUE_NULL);
    assert_true(v[4].kind == RS_VALUE_BYTES && rs_slice_equal(v[4].s, rs_slice_text("C")));
    struct rs_slice outer = bytes_of("00 02 00 00 0A");
    memset(v, 0xff, sizeof v);
    assert_int_equal(rs_program_run(program, outer, v, NULL), RS_REASON_NONE);
    assert_int_equal(v[1].kind, RS_VALUE_NULL);
    assert_int_equal(v[4].kind, RS_VALUE_NULL);
    assert_true(v[0].kind == RS_VALUE_INT && v[0].i == 5);
    free((void *)full.data);
    free((void *)inner.data);
    free((void *)outer.data);
    rs_program_free(&program);
    rs_schema_free(&document);
}

/* Unwanted values of fixed width are skipped together, but never across a place that a branch leads to. */
static void test_skips_are_merged_up_to_branches(void **state)
{
    (void)state;
    struct rs_schema_document *document = parse_schema(
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":[\"null\",\"double\"]},"
        "{\"name\":\"b\",\"type\":\"double\"},{\"name\":\"c\",\"type\":\"float\"},"
        "{\"name\":\"d\",\"type\":[\"null\",\"int\",\"float\"]},{\"name\":\"e\",\"type\":\"float\"},"
        "{\"name\":\"f\",\"type\":\"long\"}]}");
    static const char *const paths[] = {"f"};
    struct rs_program *program = compile(document, paths, 1, LIMITS);
    static const char *const messages[] = {
        "02 0000000000000000 0000000000000000 00000000 04 00000000 00000000 0A",
        "00 0000000000000000 00000000 00 00000000 0A",
        "00 0000000000000000 00000000 02 06 00000000 0A",
    };
    for (size_t i = 0; i < 3; i++) {
        struct rs_slice message = bytes_of(messages[i]);
        struct rs_value value;
        assert_int_equal(rs_program_run(program, message, &value, NULL), RS_REASON_NONE);
        assert_int_equal(value.i, 5);
        free((void *)message.data);
    }
    struct rs_buf text = {0};
    rs_program_explain(program, &text);
    rs_buf_char(&text, '\0');
    assert_non_null(strstr((const char *)text.data, "   2  skip of 12 bytes  (b)\n"));
    rs_buf_fini(&text);
    rs_program_free(&program);
    rs_schema_free(&document);
}

/* ---- field types ---- */

static void expect_field_error(const struct rs_schema_document *document, const char *path, const char *text)
{
    struct rs_field_type type;
    struct rs_error error = {0};
    assert_int_equal(rs_schema_field_type(rs_schema_root(document), path, &type, &error), RS_ECONFIG);
    assert_string_equal(error.text, text);
}

static void test_field_types(void **state)
{
    (void)state;
    struct rs_schema_document *document = parse_schema(venue_schema);
    struct rs_field_type type;
    struct rs_error error;
    assert_int_equal(rs_schema_field_type(rs_schema_root(document), "venue.code", &type, &error), 0);
    assert_int_equal(type.kind, RS_VALUE_INT);
    assert_true(type.nullable);
    assert_int_equal(type.schema->kind, RS_AVRO_INT);
    assert_int_equal(rs_schema_field_type(rs_schema_root(document), "one", &type, &error), 0);
    assert_false(type.nullable);
    assert_int_equal(rs_schema_field_type(rs_schema_root(document), "venue.country", &type, &error), 0);
    assert_true(type.nullable);
    expect_field_error(document, "venu", "T has no field 'venu'; did you mean 'venue'?");
    expect_field_error(document, "venue.kode", "V has no field 'kode'; did you mean 'code'?");
    expect_field_error(document, "zzzzzzzz", "T has no field 'zzzzzzzz'");
    expect_field_error(document, "", "T has no field ''");
    expect_field_error(document, "venue.", "V has no field ''");
    expect_field_error(
        document, "venue",
        "'venue' is not one value but of type record; name one of its fields, as in record.field");
    expect_field_error(document, "a.b",
                       "'a.b' cannot be reached: what holds it is not a record but of type long");
    rs_schema_free(&document);
    document =
        parse_schema("{\"type\":\"record\",\"name\":\"T\",\"fields\":[{\"name\":\"u\",\"type\":[\"null\","
                     "\"int\",\"long\"]},"
                     "{\"name\":\"l\",\"type\":" ARRAY("\"int\"") "}]}");
    expect_field_error(document, "u", "'u' is not one value but of type union");
    expect_field_error(document, "l", "'l' is not one value but of type array");
    rs_schema_free(&document);
    document = parse_schema(wide_schema);
    assert_int_equal(rs_schema_field_type(rs_schema_root(document), "big", &type, &error), 0);
    assert_int_equal(type.kind, RS_VALUE_DECIMAL);
    assert_int_equal(type.precision, 30);
    assert_int_equal(type.scale, 10);
    assert_int_equal(rs_schema_field_type(rs_schema_root(document), "nanos", &type, &error), 0);
    assert_int_equal(type.kind, RS_VALUE_TIME);
    rs_schema_free(&document);
}

/* ---- size of op lists ---- */

/* Written out, twenty levels of two references each would be a million records. */
static void test_shared_records_do_not_multiply(void **state)
{
    (void)state;
    struct rs_buf json = {0};
    rs_buf_text(&json,
                "{\"type\":\"record\",\"name\":\"Top\",\"fields\":[{\"name\":\"z\",\"type\":"
                "{\"type\":\"record\",\"name\":\"R0\",\"fields\":[{\"name\":\"v\",\"type\":\"boolean\"}]}}");
    for (int i = 1; i <= 20; i++) {
        rs_buf_printf(&json,
                      ",{\"name\":\"f%d\",\"type\":{\"type\":\"record\",\"name\":\"R%d\",\"fields\":["
                      "{\"name\":\"l\",\"type\":\"R%d\"},{\"name\":\"r\",\"type\":\"R%d\"}]}}",
                      i, i, i - 1, i - 1);
    }
    rs_buf_text(&json, "]}");
    rs_buf_char(&json, '\0');
    struct rs_schema_document *document = parse_schema((const char *)json.data);
    struct rs_program *program = compile(document, NULL, 0, LIMITS);
    struct rs_buf text = {0};
    rs_program_explain(program, &text);
    size_t lines = 0;
    for (size_t i = 0; i < text.size; i++) {
        lines += text.data[i] == '\n';
    }
    assert_true(lines < 100);
    size_t at = 0;
    assert_int_equal(rs_program_run(program, (struct rs_slice){0}, NULL, &at), RS_REASON_TRUNCATED);
    rs_buf_fini(&text);
    rs_buf_fini(&json);
    rs_program_free(&program);
    rs_schema_free(&document);
}

static void test_explain(void **state)
{
    (void)state;
    struct rs_schema_document *document = parse_schema(venue_schema);
    static const char *const paths[] = {"venue.country", "venue.code", "one"};
    struct rs_program *program = compile(document, paths, 3, LIMITS);
    struct rs_buf text = {0};
    rs_program_explain(program, &text);
    rs_buf_char(&text, '\0');
    assert_string_equal((const char *)text.data,
                        "   0  nullable, null is branch 0 and leads to 2  (a)\n"
                        "   1  skip long  (a)\n"
                        "   2  nullable, null is branch 1 and leads to 7  (venue)\n"
                        "   3  string -> slot 0  (country)\n"
                        "   4  nullable, null is branch 1 and leads to 6 -> slot 1  (code)\n"
                        "   5  int -> slot 1  (code)\n"
                        "   6  jump to 9  (venue)\n"
                        "   7  null -> slot 0  (venue)\n"
                        "   8  null -> slot 1  (venue)\n"
                        "   9  nullable, null is branch 0 and leads to 11  (other)\n"
                        "  10  call 14, depth +2  (other)\n"
                        "  11  union to 12  (one)\n"
                        "  12  long -> slot 2  (one)\n"
                        "  13  end\n"
                        "  14  skip string  (country)\n"
                        "  15  nullable, null is branch 1 and leads to 17  (code)\n"
                        "  16  skip int  (code)\n"
                        "  17  return\n");
    rs_buf_fini(&text);
    rs_program_free(&program);
    rs_schema_free(&document);
}

/* What is passed by where it is asked for, by name; a text that is wanted has to be one all the same. */
static void test_lenient(void **state)
{
    (void)state;
    static const char json[] =
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"string\"},"
        "{\"name\":\"b\",\"type\":\"string\"},{\"name\":\"m\",\"type\":{\"type\":\"map\",\"values\":\"int\"}}"
        "]}";
    static const char *const paths[] = {"a"};
    static const struct {
        const char *bytes;
        size_t size;
        enum rs_reason strict, trailing, utf8; /* where nothing is passed by; where one of both is */
    } messages[] = {
        {"\x02x\x02y\0", 5, RS_REASON_NONE, RS_REASON_NONE, RS_REASON_NONE},
        {"\x02x\x02y\0\x09", 6, RS_REASON_TRAILING, RS_REASON_NONE, RS_REASON_TRAILING},
        {"\x02x\x02\xff\0", 5, RS_REASON_UTF8, RS_REASON_UTF8, RS_REASON_NONE},
        {"\x02\xff\x02y\0", 5, RS_REASON_UTF8, RS_REASON_UTF8, RS_REASON_UTF8},
        {"\x02x\x02y\x02\x02\xff\x02\0", 9, RS_REASON_UTF8, RS_REASON_UTF8, RS_REASON_NONE},
    };
    struct rs_schema_document *document = NULL;
    struct rs_error error;
    assert_int_equal(rs_schema_parse("test", json, sizeof json - 1, &document, &error), 0);
    for (int mode = 0; mode < 3; mode++) {
        struct rs_program_limits limits = RS_PROGRAM_LIMITS_DEFAULT;
        struct rs_program *program = NULL;
        limits.lenient_trailing = mode == 1;
        limits.lenient_utf8 = mode == 2;
        assert_int_equal(rs_program_compile(rs_schema_root(document), paths, 1, limits, &program, &error), 0);
        for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
            struct rs_value value;
            struct rs_slice message = rs_slice_of(messages[i].bytes, messages[i].size);
            enum rs_reason expected = mode == 0   ? messages[i].strict
                                      : mode == 1 ? messages[i].trailing
                                                  : messages[i].utf8;
            assert_int_equal(rs_program_run(program, message, &value, NULL), expected);
        }
        rs_program_free(&program);
    }
    rs_schema_free(&document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_depth_limit),
        cmocka_unit_test(test_every_prefix),
        cmocka_unit_test(test_values_of_all_kinds),
        cmocka_unit_test(test_millis_beyond_micros),
        cmocka_unit_test(test_wide_decimals),
        cmocka_unit_test(test_nulls_and_nested_fields),
        cmocka_unit_test(test_skips_are_merged_up_to_branches),
        cmocka_unit_test(test_field_types),
        cmocka_unit_test(test_shared_records_do_not_multiply),
        cmocka_unit_test(test_explain),
        cmocka_unit_test(test_lenient),
    };
    return cmocka_run_group_tests_name("schemas.program", tests, NULL, NULL);
}
