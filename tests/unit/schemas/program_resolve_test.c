/* Messages of one schema read as another: pairs of types, the bytes of a value, and what becomes of it. */
#include <inttypes.h>
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
#include "tests/lib/bytes.h"
#include "tests/lib/schema_text.h"

#define LIMITS RS_PROGRAM_LIMITS_DEFAULT

static void put_value(const struct rs_value *v, struct rs_buf *out)
{
    char digits[64] = "";
    bool wide = v->kind == RS_VALUE_DECIMAL && v->wide; /* of other kinds it says nothing */
    rs_i128 number = wide ? v->w : v->i;
    switch ((enum rs_value_kind)v->kind) {
    case RS_VALUE_NULL: rs_buf_text(out, "null"); break;
    case RS_VALUE_BOOLEAN: rs_buf_text(out, v->i ? "true" : "false"); break;
    case RS_VALUE_INT: rs_buf_printf(out, "%" PRId64, v->i); break;
    case RS_VALUE_TIME: rs_buf_printf(out, "%" PRId64 "us+%uns", v->i, v->nanos); break;
    case RS_VALUE_DOUBLE: rs_buf_printf(out, "%.17g", v->d); break;
    case RS_VALUE_BYTES: rs_buf_printf(out, "'%.*s'", (int)v->s.size, (const char *)v->s.data); break;
    case RS_VALUE_DECIMAL:
        for (size_t i = sizeof digits - 2; i > 0 && (number != 0 || i == sizeof digits - 2); i--) {
            int digit = (int)(number % 10);
            memmove(digits + 1, digits, strlen(digits) + 1);
            digits[0] = (char)('0' + (digit < 0 ? -digit : digit));
            number /= 10;
        }
        rs_buf_printf(out, "%s%sm", (wide ? v->w : v->i) < 0 ? "-" : "", digits);
        break;
    }
}

/* What is found at `path`, as text: the value, the reason with its byte, or why there is no program. */
static void read_as(const char *writer, const char *reader, const char *path, const char *hex,
                    struct rs_buf *out)
{
    struct rs_schema_document *wrote = parse_schema(writer);
    struct rs_schema_document *wants = parse_schema(reader);
    struct rs_program *program = NULL;
    struct rs_error error = {0};
    struct rs_value value;
    uint8_t bytes[256];
    size_t size = bytes_unhex(bytes, hex);
    uint8_t *exact = malloc(size + (size == 0)); /* ASan sees a byte too far */
    assert_non_null(exact);
    memcpy(exact, bytes, size);
    size_t at = 0;
    int code =
        rs_program_resolve(rs_schema_root(wrote), rs_schema_root(wants), &path, 1, LIMITS, &program, &error);
    rs_schema_free(&wants); /* the program has no need of it */
    if (code != 0) {
        assert_int_equal(code, RS_ESCHEMA);
        rs_buf_text(out, error.text);
    } else {
        enum rs_reason reason = rs_program_run(program, rs_slice_of(exact, size), &value, &at);
        if (reason == RS_REASON_NONE) {
            put_value(&value, out);
        } else {
            rs_buf_printf(out, "%s at %zu", rs_reason_name(reason), at);
        }
    }
    free(exact);
    rs_program_free(&program);
    rs_schema_free(&wrote);
}

static void expect(const char *writer, const char *reader, const char *path, const char *hex,
                   const char *wanted)
{
    struct rs_buf found = {0};
    read_as(writer, reader, path, hex, &found);
    const char *text = rs_buf_cstr(&found);
    if (strcmp(text, wanted) != 0) {
        fail_msg("%s as %s, of %s: %s, not %s", writer, reader, hex, text, wanted);
    }
    rs_buf_fini(&found);
}

#define RECORD(name, fields) "{\"type\":\"record\",\"name\":\"" name "\",\"fields\":[" fields "]}"
#define FIELD(name, type)    "{\"name\":\"" name "\",\"type\":" type "}"
#define F(type)              RECORD("T", FIELD("f", type))

struct pair {
    const char *writer, *reader, *hex, *wanted;
};

/* Types of the one field of a record. */
static void expect_pairs(const struct pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char writer[512];
        char reader[512];
        assert_true(snprintf(writer, sizeof writer, F("%s"), pairs[i].writer) < (int)sizeof writer);
        assert_true(snprintf(reader, sizeof reader, F("%s"), pairs[i].reader) < (int)sizeof reader);
        expect(writer, reader, "f", pairs[i].hex, pairs[i].wanted);
    }
}
#define EXPECT_PAIRS(pairs) expect_pairs(pairs, sizeof(pairs) / sizeof((pairs)[0]))

#define KEEP "; keep the type, or add a field under another name"
#define NO   ": no promotion of Avro's leads there" KEEP

static void test_promotions(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {"\"int\"", "\"long\"", "03", "-2"},
        {"\"int\"", "\"float\"", "03", "-2"},
        {"\"int\"", "\"double\"", "03", "-2"},
        {"\"long\"", "\"float\"", "82 80 80 10", "16777216"}, /* 16777217 is no float */
        {"\"int\"", "\"float\"", "82 80 80 10", "16777216"},  /* as Java's (float) */
        {"\"long\"", "\"double\"", "82 80 80 10", "16777217"},
        {"\"float\"", "\"double\"", "00 00 80 3f", "1"},
        {"\"string\"", "\"bytes\"", "04 61 62", "'ab'"},
        {"\"bytes\"", "\"string\"", "04 61 62", "'ab'"},
        /* What the plain way refuses is refused here. */
        {"\"int\"", "\"long\"", "80 80 80 80 10", "varint at 0"},
        {"\"int\"", "\"double\"", "80", "truncated at 0"},
        {"\"int\"", "\"double\"", "02 00", "trailing_bytes at 1"},
        {"\"string\"", "\"bytes\"", "02 ff", "utf8 at 0"},
        {"\"bytes\"", "\"string\"", "02 ff", "utf8 at 0"},
        {"\"bytes\"", "\"string\"", "06 61 62", "length at 0"},
        {"\"long\"", "\"int\"", "02", "its field 'f' is long, not int" NO},
        {"\"double\"", "\"float\"", "02", "its field 'f' is double, not float" NO},
        {"\"string\"", "\"long\"", "02", "its field 'f' is string, not long" NO},
        {"{\"type\":\"array\",\"items\":\"int\"}", "\"int\"", "02", "its field 'f' is array, not int" NO},
    };
    EXPECT_PAIRS(pairs);
}

#define LOGICAL(kind, name) "{\"type\":\"" kind "\",\"logicalType\":\"" name "\"}"
#define DECIMAL(p, s)       "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":" #p ",\"scale\":" #s "}"
#define FIXED(name, size)   "{\"type\":\"fixed\",\"name\":\"" name "\",\"size\":" #size "}"
#define FIXED_DECIMAL(p, s)                                                                                  \
    "{\"type\":\"fixed\",\"name\":\"X\",\"size\":2,\"logicalType\":\"decimal\",\"precision\":" #p            \
    ",\"scale\":" #s "}"
#define OTHER "; add a field of the new type under another name"

static void test_times(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {LOGICAL("long", "timestamp-millis"), LOGICAL("long", "timestamp-micros"), "06", "3000us+0ns"},
        {LOGICAL("long", "timestamp-millis"), LOGICAL("long", "timestamp-nanos"), "05", "-3000us+0ns"},
        {LOGICAL("long", "timestamp-micros"), LOGICAL("long", "timestamp-nanos"), "06", "3us+0ns"},
        {LOGICAL("long", "timestamp-nanos"), LOGICAL("long", "timestamp-nanos"), "06", "0us+3ns"},
        {LOGICAL("long", "local-timestamp-millis"), LOGICAL("long", "local-timestamp-micros"), "06",
         "3000us+0ns"},
        {LOGICAL("int", "time-millis"), LOGICAL("long", "time-micros"), "06", "3000"},
        /* One of both says nothing: the number stays. */
        {LOGICAL("long", "timestamp-millis"), "\"long\"", "06", "3"},
        {LOGICAL("long", "timestamp-millis"), "\"double\"", "06", "3"},
        {"\"long\"", LOGICAL("long", "timestamp-millis"), "06", "3000us+0ns"},
        {"\"int\"", LOGICAL("long", "timestamp-millis"), "05", "-3000us+0ns"},
        {"\"int\"", LOGICAL("long", "timestamp-micros"), "05", "-3us+0ns"},
        {"\"int\"", LOGICAL("long", "timestamp-nanos"), "05", "-1us+997ns"},
        {"\"int\"", LOGICAL("int", "date"), "06", "3"},
        {LOGICAL("int", "date"), "\"long\"", "06", "3"},
        {LOGICAL("long", "timestamp-nanos"), LOGICAL("long", "timestamp-micros"), "06",
         "its field 'f' is timestamp-nanos, not timestamp-micros: the reader's unit is too coarse; give it "
         "timestamp-nanos"},
        {LOGICAL("long", "local-timestamp-micros"), LOGICAL("long", "timestamp-micros"), "06",
         "its field 'f' is local-timestamp-micros, not timestamp-micros: they mean different things" OTHER},
        {LOGICAL("int", "date"), LOGICAL("long", "timestamp-millis"), "06",
         "its field 'f' is date, not timestamp-millis: they mean different things" OTHER},
    };
    EXPECT_PAIRS(pairs);
}

static void test_decimals(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {DECIMAL(4, 2), DECIMAL(6, 4), "04 ff 85", "-12300m"},
        {DECIMAL(4, 2), DECIMAL(9, 2), "04 ff 85", "-123m"},
        {DECIMAL(4, 2), DECIMAL(38, 30), "04 7b 00", "decimal_range at 0"},
        {DECIMAL(4, 2), DECIMAL(38, 30), "02 7b", "1230000000000000000000000000000m"},
        {DECIMAL(40, 2), DECIMAL(42, 4), /* 38 digits here at most */
         "20 4b 3b 4c a8 5a 86 c4 7a 09 8a 22 3f ff ff ff ff", "decimal_range at 17"},
        {FIXED_DECIMAL(4, 2), FIXED_DECIMAL(4, 2), "ff 85", "-123m"},
        {DECIMAL(4, 2), "\"bytes\"", "04 61 62", "'ab'"},
        {"\"bytes\"", DECIMAL(4, 2), "04 ff 85", "-123m"},
        {"\"bytes\"", DECIMAL(4, 2), "04 7f ff", "decimal_range at 0"},
        {"[\"null\"," DECIMAL(4, 2) "]", "[" DECIMAL(5, 3) ",\"null\"]", "02 02 7b", "1230m"},
        {"[\"null\"," DECIMAL(4, 2) "]", "[" DECIMAL(5, 3) ",\"null\"]", "00", "null"},
        {DECIMAL(6, 4), DECIMAL(6, 2), "02 7b",
         "its field 'f' is decimal(6, 4), not decimal(6, 2): digits could be lost; a reader of decimal(8, 4) "
         "would hold them all"},
        {DECIMAL(6, 2), DECIMAL(6, 4), "02 7b",
         "its field 'f' is decimal(6, 2), not decimal(6, 4): digits could be lost; a reader of decimal(8, 4) "
         "would hold them all"},
        {"\"string\"", DECIMAL(6, 2), "02 31",
         "its field 'f' is string, not decimal(6, 2): text is no decimal" OTHER},
        {"\"double\"", DECIMAL(6, 2), "02 31", "its field 'f' is double, not decimal(6, 2)" NO},
        {DECIMAL(50, 40), DECIMAL(6, 2), "02 31",
         "its field 'f' is bytes, not decimal(6, 2): the writer's is bytes (its logicalType decimal is "
         "ignored: a scale above 38, here 40, is not supported)"},
    };
    EXPECT_PAIRS(pairs);
}

#define UUID_HEX                                                                                             \
    "48 32 66 31 65 36 35 61 30 2d 66 66 66 66 2d 31 31 65 65 2d 62 65 35 36 2d 30 32 34 32 61 63 31 32 30 " \
    "30 30 32"

static void test_bytes(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {"\"string\"", LOGICAL("string", "uuid"), UUID_HEX, "'2f1e65a0-ffff-11ee-be56-0242ac120002'"},
        {"\"bytes\"", LOGICAL("string", "uuid"), UUID_HEX, "'2f1e65a0-ffff-11ee-be56-0242ac120002'"},
        {"\"string\"", LOGICAL("string", "uuid"), "02 61", "uuid at 0"},
        {LOGICAL("string", "uuid"), "\"string\"", UUID_HEX, "'2f1e65a0-ffff-11ee-be56-0242ac120002'"},
        {LOGICAL("string", "uuid"), "\"bytes\"", "02 61", "uuid at 0"},
        {FIXED("a.X", 2), FIXED("b.X", 2), "61 62", "'ab'"},
        {FIXED("X", 2), FIXED("X", 3), "61 62",
         "its field 'f' is fixed in 2 bytes X, not fixed in 3 bytes X: a fixed keeps its size" OTHER},
        {FIXED("X", 2), FIXED("Y", 2), "61 62",
         "its field 'f' is fixed in 2 bytes X, not fixed in 2 bytes Y: if they are the same, give the "
         "reader's the alias \"X\""},
        {FIXED("n.X", 2), "{\"type\":\"fixed\",\"name\":\"Y\",\"size\":2,\"aliases\":[\"n.X\"]}", "61 62",
         "'ab'"},
    };
    EXPECT_PAIRS(pairs);
}

#define ENUM(name, symbols, more)                                                                            \
    "{\"type\":\"enum\",\"name\":\"" name "\",\"symbols\":[" symbols "]" more "}"

static void test_enums(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {ENUM("E", "\"A\",\"B\"", ""), ENUM("E", "\"B\",\"A\"", ""), "00", "1"},
        {ENUM("E", "\"A\",\"B\"", ""), ENUM("E", "\"B\",\"A\"", ""), "04", "enum_index at 0"},
        {ENUM("E", "\"A\",\"B\"", ""), ENUM("E", "\"C\",\"A\"", ""), "00", "1"},
        {ENUM("E", "\"A\",\"B\"", ""), ENUM("E", "\"C\",\"A\"", ""), "02", "schema_incompatible at 0"},
        {ENUM("E", "\"A\",\"B\"", ""), ENUM("E", "\"C\",\"A\"", ",\"default\":\"C\""), "02", "0"},
        {ENUM("a.E", "\"A\",\"B\"", ""), ENUM("b.E", "\"A\",\"B\"", ""), "02", "1"},
        {ENUM("E", "\"A\"", ""), ENUM("G", "\"A\"", ""), "00",
         "its field 'f' is enum E, not enum G: if they are the same, give the reader's the alias \"E\""},
        {ENUM("E", "\"A\"", ""), ENUM("G", "\"A\"", ",\"aliases\":[\"E\"]"), "00", "0"},
        {ENUM("E", "\"A\"", ""), "\"string\"", "00", "its field 'f' is enum E, not string" NO},
    };
    EXPECT_PAIRS(pairs);
}

static void test_unions(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {"\"int\"", "[\"null\",\"long\"]", "04", "2"},
        {"[\"int\"]", "\"long\"", "00 04", "2"},
        {"\"null\"", "[\"null\",\"long\"]", "", "null"},
        {"[\"null\",\"int\"]", "[\"double\",\"null\"]", "02 04", "2"},
        {"[\"null\",\"int\"]", "[\"double\",\"null\"]", "00", "null"},
        {"[\"null\",\"int\"]", "\"double\"", "02 04", "2"},
        {"[\"null\",\"int\"]", "\"double\"", "00", "schema_incompatible at 1"},
        {"[\"string\",\"int\",\"null\",\"long\"]", "[\"null\",\"double\"]", "02 04", "2"},
        {"[\"string\",\"int\",\"null\",\"long\"]", "[\"null\",\"double\"]", "04", "null"},
        {"[\"string\",\"int\",\"null\",\"long\"]", "[\"null\",\"double\"]", "06 06", "3"},
        {"[\"string\",\"int\",\"null\",\"long\"]", "[\"null\",\"double\"]", "00 02 61",
         "schema_incompatible at 1"},
        {"[\"string\",\"int\"]", "\"long\"", "04 00", "union_index at 0"},
        {"[\"string\",\"boolean\"]", "\"long\"", "00", "its field 'f' is string, not long" NO},
        {"\"null\"", "\"long\"", "", "its field 'f' is null, not long" NO},
        {"[\"null\",\"string\"]", "[\"null\",\"long\"]", "00", "its field 'f' is string, not long" NO},
        {"[\"null\"]", "[\"null\",\"long\"]", "00", "null"},
        {"[]", "\"long\"", "00", "union_index at 0"},
    };
    EXPECT_PAIRS(pairs);
}

static void test_records(void **state)
{
    (void)state;
    /* By name, in the writer's order; what nobody wants is checked and passed by. */
    const char *wrote = RECORD("T", FIELD("a", "\"string\"") "," FIELD("b", "\"int\"") "," FIELD(
                                        "c", "{\"type\":\"array\",\"items\":\"string\"}"));
    const char *wants = RECORD("T", FIELD("b", "\"long\"") "," FIELD("a", "\"bytes\""));
    expect(wrote, wants, "a", "02 78 04 02 02 79 00", "'x'");
    expect(wrote, wants, "b", "02 78 04 02 02 79 00", "2");
    expect(wrote, wants, "b", "02 78 04 02 02 ff 00", "utf8 at 4");
    /* Names and aliases. */
    const char *renamed = "{\"type\":\"record\",\"name\":\"new.U\",\"aliases\":[\"T\",\"old.V\"],\"fields\":"
                          "[{\"name\":\"z\",\"type\":\"long\",\"aliases\":[\"y\",\"b\"]}]}";
    expect(
        F("\"int\""), wants, "a", "02",
        "it has no field 'a': give the reader's field a \"default\", or the writer's name of it as an alias");
    expect(wrote, renamed, "z", "02 78 04 02 02 79 00",
           "it is record T, not record new.U: if they are the same, give the reader's the alias \"T\"");
    expect(RECORD("old.V", FIELD("b", "\"int\"")), renamed, "z", "06", "3");
    expect(RECORD("other.U", FIELD("z", "\"int\"") "," FIELD("b", "\"int\"")), renamed, "z", "06 08", "3");
    expect(RECORD("other.V", FIELD("b", "\"int\"")), renamed, "z", "06",
           "it is record other.V, not record new.U: if they are the same, give the reader's the alias "
           "\"other.V\"");
    expect("\"int\"", wants, "a", "02", "it is int, not record T" NO);
    /* A record in a record, from a nullable one, and a recursive writer. */
    const char *nested = RECORD("T", FIELD("r", "[\"null\"," RECORD("R", FIELD("x", "\"long\"")) "]"));
    expect(RECORD("T", FIELD("r", RECORD("R", FIELD("x", "\"int\"")))), nested, "r.x", "06", "3");
    expect(RECORD("T", FIELD("r", "[" RECORD("R", FIELD("x", "\"int\"")) ",\"null\"]")), nested, "r.x", "02",
           "null");
    expect(RECORD("T", FIELD("r", RECORD("R", FIELD("x", "\"string\"")))), nested, "r.x", "06",
           "its field 'r.x' is string, not long" NO);
    const char *tree = RECORD(
        "T", FIELD("x", "\"int\"") "," FIELD("r", "[\"null\",\"T\"]") "," FIELD("l", "[\"null\",\"T\"]"));
    const char *list = RECORD("T", FIELD("r", "[\"null\",\"T\"]") "," FIELD("x", "\"double\""));
    expect(tree, list, "r.x", "02 02 04 00 00 02 06 00 00", "2");
    expect(tree, list, "r.r.x", "02 02 04 02 06 00 00 00 00", "3");
}

/* Writer of no fields, reader of one with a default. */
static void expect_default(const char *type, const char *value, const char *path, const char *wanted)
{
    char reader[1024];
    assert_true(snprintf(reader, sizeof reader, RECORD("T", "{\"name\":\"f\",\"type\":%s,\"default\":%s}"),
                         type, value) < (int)sizeof reader);
    expect(RECORD("T", ""), reader, path, "", wanted);
    /* And where other fields come before and behind. */
    expect(RECORD("T", FIELD("a", "\"int\"") "," FIELD("b", "\"int\"")), reader, path, "02 04", wanted);
}

static void test_defaults(void **state)
{
    (void)state;
    static const struct {
        const char *type, *value, *wanted;
    } cases[] = {
        {"\"boolean\"", "true", "true"},
        {"\"int\"", "-3", "-3"},
        {"\"long\"", "9223372036854775807", "9223372036854775807"},
        {"\"float\"", "0.1", "0.10000000149011612"},
        {"\"double\"", "0.1", "0.10000000000000001"},
        {"\"double\"", "3", "3"},
        {"\"string\"", "\"a\\u00e9\"", "'a\xc3\xa9'"},
        {"\"bytes\"", "\"a\\u00e9\"", "'a\xe9'"},
        {FIXED("X", 2), "\"\\u00ff\\u0041\"", "'\xff\x41'"},
        {ENUM("E", "\"A\",\"B\"", ""), "\"B\"", "1"},
        {DECIMAL(4, 2), "\"\\u00ff\\u0085\"", "-123m"},
        {LOGICAL("long", "timestamp-millis"), "7", "7000us+0ns"},
        {LOGICAL("long", "timestamp-micros"), "7", "7us+0ns"},
        {LOGICAL("long", "timestamp-nanos"), "1007", "1us+7ns"},
        {LOGICAL("int", "date"), "7", "7"},
        {"[\"null\",\"long\"]", "null", "null"},
        {"[\"null\",\"long\"]", "5", "5"},
        {"[\"double\",\"null\"]", "5", "5"},
        {DECIMAL(4, 2), "\"\\u007f\\u00ff\"",
         "it has no field 'f', and the default of that has more digits than its precision or 38"},
        {LOGICAL("string", "uuid"), "\"\"", "it has no field 'f', and the default of that is no uuid"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect_default(cases[i].type, cases[i].value, "f", cases[i].wanted);
    }
#define INNER                                                                                                \
    RECORD("R", FIELD("x", "\"int\"") ",{\"name\":\"y\",\"type\":[\"null\",\"string\"],\"default\":\"d\"}")
    expect_default(INNER, "{\"x\":5}", "f.x", "5");
    expect_default(INNER, "{\"x\":5}", "f.y", "'d'");
    expect_default(INNER, "{\"x\":5,\"y\":null}", "f.y", "null");
    expect_default("[\"null\"," INNER "]", "null", "f.y", "null");
    expect_default("[" INNER ",\"null\"]", "{\"x\":5}", "f.y", "'d'");
}

/* Several fields at once, some twice, one of them by default: each slot gets its own. */
static void test_many_fields(void **state)
{
    (void)state;
    struct rs_schema_document *wrote =
        parse_schema(RECORD("T", FIELD("c", "[\"int\",\"null\"]") "," FIELD("a", "\"int\"")));
    struct rs_schema_document *wants = parse_schema(
        RECORD("T", FIELD("a", "\"double\"") ",{\"name\":\"b\",\"type\":\"int\",\"default\":9}," FIELD(
                        "c", "[\"null\",\"long\"]")));
    static const char *const paths[] = {"c", "b", "a", "b", "c"};
    struct rs_program *program = NULL;
    struct rs_error error;
    struct rs_value v[5];
    assert_int_equal(
        rs_program_resolve(rs_schema_root(wrote), rs_schema_root(wants), paths, 5, LIMITS, &program, &error),
        0);
    static const uint8_t message[] = {0, 6, 10};
    assert_int_equal(rs_program_run(program, rs_slice_of(message, 3), v, NULL), RS_REASON_NONE);
    assert_true(v[0].i == 3 && v[4].i == 3 && v[1].i == 9 && v[3].i == 9);
    assert_true(v[2].kind == RS_VALUE_DOUBLE && v[2].d == 5);
    rs_program_free(&program);
    rs_schema_free(&wrote);
    rs_schema_free(&wants);
}

/* Depth and items are those of the writer's bytes, whatever of them is wanted. */
static void test_limits(void **state)
{
    (void)state;
    struct rs_schema_document *wrote = parse_schema(
        RECORD("T", FIELD("f", "\"int\"") "," FIELD("n", "{\"type\":\"array\",\"items\":\"null\"}") "," FIELD(
                        "r", "[\"null\",\"T\"]")));
    struct rs_schema_document *wants = parse_schema(F("\"long\""));
    static const char *const path = "f";
    struct rs_program *program = NULL;
    struct rs_error error;
    struct rs_value v;
    const struct rs_program_limits limits = {.depth = 3, .items = 4};
    assert_int_equal(
        rs_program_resolve(rs_schema_root(wrote), rs_schema_root(wants), &path, 1, limits, &program, &error),
        0);
    static const uint8_t items[] = {2, 8, 0, 0};
    static const uint8_t many[] = {2, 8, 2, 0, 0};
    static const uint8_t deep[] = {2, 0, 2, 2, 0, 2, 2, 0, 2, 2, 0, 0};
    size_t at = 0;
    assert_int_equal(rs_program_run(program, rs_slice_of(items, 4), &v, &at), RS_REASON_NONE);
    assert_int_equal(rs_program_run(program, rs_slice_of(many, 5), &v, &at), RS_REASON_ITEMS);
    assert_int_equal(rs_program_run(program, rs_slice_of(deep, sizeof deep), &v, &at), RS_REASON_DEPTH);
    rs_program_free(&program);
    rs_schema_free(&wrote);
    rs_schema_free(&wants);
}

/* Three levels of unions of so many records, each of which holds the next level: a way through for each choice. */
#define SAME 60

static void test_a_bomb_of_unions(void **state)
{
    (void)state;
    struct rs_buf writer = {0};
    rs_buf_text(&writer, "{\"type\":\"record\",\"name\":\"T\",\"fields\":[");
    for (int level = 0; level < 3; level++) { /* the innermost is defined first */
        rs_buf_printf(&writer, "%s{\"name\":\"%c\",\"type\":[", level == 0 ? "" : ",", 'x' + level);
        for (int i = 0; i < SAME; i++) {
            rs_buf_printf(&writer,
                          "%s{\"type\":\"record\",\"name\":\"n%d.L%d\",\"fields\":[{\"name\":\"f\",\"type\":",
                          i == 0 ? "" : ",", i, level);
            for (int k = 0; level > 0 && k < SAME; k++) {
                rs_buf_printf(&writer, "%s\"n%d.L%d\"", k == 0 ? "[" : ",", k, level - 1);
            }
            rs_buf_text(&writer, level > 0 ? "]}]}" : "\"int\"}]}");
        }
        rs_buf_text(&writer, "]}");
    }
    rs_buf_text(&writer, "]}");
    const char *reader = RECORD(
        "T",
        FIELD("z", RECORD("L2", FIELD("f", RECORD("L1", FIELD("f", RECORD("L0", FIELD("f", "\"long\""))))))));
    expect(rs_buf_cstr(&writer), reader, "z.f.f.f", "00",
           "it is too involved: unions of records of one name, in one another");
    rs_buf_fini(&writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_promotions),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_decimals),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_enums),
        cmocka_unit_test(test_unions),
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_many_fields),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_a_bomb_of_unions),
    };
    return cmocka_run_group_tests_name("schemas.program_resolve", tests, NULL, NULL);
}
