#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "ingest/encode/encode.h"
#include "ingest/read/record_cells.h"
#include "schemas/program.h"
#include "tests/lib/schema_text.h"
#include "tests/unit/ingest/support.h"

#define LOGICAL(type, logical) "{\"type\":\"" type "\",\"logicalType\":\"" logical "\"}"
#define DECIMAL(precision, scale)                                                                            \
    "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":" #precision ",\"scale\":" #scale "}"

/* What a value of one type becomes in a field of each of these. */
static const struct reader {
    const char *name;
    const char *type;
    const char *shown; /* the type to show the value of; NULL: the same */
} readers[] = {
    {"boolean", "\"boolean\"", NULL},
    {"int", "\"int\"", NULL},
    {"long", "\"long\"", NULL},
    {"float", "\"float\"", NULL},
    {"double", "\"double\"", NULL},
    {"decimal", DECIMAL(9, 2), NULL},
    {"string", "\"string\"", NULL},
    {"uuid", LOGICAL("string", "uuid"), NULL},
    {"bytes", "\"bytes\"", NULL},
    {"fixed", "{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", NULL},
    {"enum", "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"BUY\",\"SELL\"]}", NULL},
    {"date", LOGICAL("int", "date"), NULL},
    {"time-millis", LOGICAL("int", "time-millis"), NULL},
    {"time-micros", LOGICAL("long", "time-micros"), NULL},
    {"timestamp-millis", LOGICAL("long", "timestamp-millis"), NULL},
    {"timestamp-micros", LOGICAL("long", "timestamp-micros"), NULL},
    {"timestamp-nanos", LOGICAL("long", "timestamp-nanos"), "\"long\""},
    {"local-timestamp-micros", LOGICAL("long", "local-timestamp-micros"), NULL},
    {"array", "{\"type\":\"array\",\"items\":\"int\"}", NULL},
};
#define READERS (sizeof readers / sizeof readers[0])

#define BYTES(text)                                                                                          \
    {                                                                                                        \
        (const uint8_t *)(text), sizeof text - 1                                                             \
    }

static const struct writer {
    const char *type;
    struct rs_slice value;
    const char *wanted; /* readers that take it, each with the value as JSON; the others refuse it */
} writers[] = {
    {"\"int\"", BYTES("\x02"), "int=1 long=1 float=1 double=1 decimal=1 time-millis=1 time-micros=1"},
    {"\"long\"", BYTES("\xD0\x0F"),
     "int=1000 long=1000 float=1000 double=1000 decimal=1000 time-millis=1000 time-micros=1000"},
    {"\"float\"", BYTES("\xB8\x1E\x9D\x41"),
     "float=19.639999389648438 double=19.639999389648438 decimal=19.64"}, /* 19.64 */
    {"\"float\"", BYTES("\0\0\xE0\x40"), "int=7 long=7 float=7 double=7 decimal=7"},
    {"\"float\"", BYTES("\0\0\xC0\x7F"), "float=\"NaN\" double=\"NaN\""},
    {"\"double\"", BYTES("\x3D\x0A\xD7\xA3\x70\xFD\x33\x40"),
     "float=19.989999771118164 double=19.99 decimal=19.99"}, /* 19.99 */
    {"\"double\"", BYTES("\0\0\0\0\0\0\xF0\x7F"), "float=\"Infinity\" double=\"Infinity\""},
    {"\"boolean\"", BYTES("\x01"), "boolean=true"},
    {"\"string\"", BYTES("\x04\xC3\xA9"),
     "string=\"é\" bytes=\"\\u00c3\\u00a9\" fixed=\"\\u00c3\\u00a9\""}, /* é */
    {"\"string\"",
     BYTES("\x02"
           "7"),
     "int=7 long=7 float=7 double=7 decimal=7 string=\"7\" bytes=\"\\u0037\""},
    {"\"bytes\"", BYTES("\x04\xC3\xA9"), "string=\"é\" bytes=\"\\u00c3\\u00a9\" fixed=\"\\u00c3\\u00a9\""},
    {"\"bytes\"", BYTES("\x04\xFF\xFE"), "bytes=\"\\u00ff\\u00fe\" fixed=\"\\u00ff\\u00fe\""},
    {"\"bytes\"",
     BYTES("\x02"
           "7"),
     "string=\"7\" bytes=\"\\u0037\""},
    {"{\"type\":\"fixed\",\"name\":\"G\",\"size\":2}", BYTES("ab"),
     "string=\"ab\" bytes=\"\\u0061\\u0062\" fixed=\"\\u0061\\u0062\""},
    {"{\"type\":\"enum\",\"name\":\"G\",\"symbols\":[\"SELL\",\"BUY\"]}", BYTES("\x02"),
     "string=\"BUY\" bytes=\"\\u0042\\u0055\\u0059\" enum=\"BUY\""},
    {DECIMAL(9, 4), BYTES("\x06\x03\x0C\xDC"),
     "float=19.989999771118164 double=19.99 decimal=19.99"}, /* 19.99 */
    {LOGICAL("string", "uuid"),
     BYTES("\x48"
           "123e4567-e89b-12d3-a456-426614174000"),
     "string=\"123e4567-e89b-12d3-a456-426614174000\" uuid=\"123e4567-e89b-12d3-a456-426614174000\" "
     "bytes="
     "\"\\u0031\\u0032\\u0033\\u0065\\u0034\\u0035\\u0036\\u0037\\u002d\\u0065\\u0038\\u0039\\u0062\\u002d\\u"
     "0031\\u0032\\u0064\\u0033\\u002d\\u0061\\u0034\\u0035\\u0036\\u002d\\u0034\\u0032\\u0036\\u0036\\u0031"
     "\\u0034\\u0031\\u0037\\u0034\\u0030\\u0030\\u0030\""},
    {"{\"type\":\"fixed\",\"name\":\"U\",\"size\":16,\"logicalType\":\"uuid\"}",
     BYTES("\x12\x3e\x45\x67\xe8\x9b\x12\xd3\xa4\x56\x42\x66\x14\x17\x40\0"),
     "string=\"123e4567-e89b-12d3-a456-426614174000\" uuid=\"123e4567-e89b-12d3-a456-426614174000\" "
     "bytes="
     "\"\\u0031\\u0032\\u0033\\u0065\\u0034\\u0035\\u0036\\u0037\\u002d\\u0065\\u0038\\u0039\\u0062\\u002d\\u"
     "0031\\u0032\\u0064\\u0033\\u002d\\u0061\\u0034\\u0035\\u0036\\u002d\\u0034\\u0032\\u0036\\u0036\\u0031"
     "\\u0034\\u0031\\u0037\\u0034\\u0030\\u0030\\u0030\""},
    {LOGICAL("int", "date"), BYTES("\x02"),
     "string=\"1970-01-02\" date=\"1970-01-02\" timestamp-millis=\"1970-01-02T00:00:00Z\" "
     "timestamp-micros=\"1970-01-02T00:00:00Z\" timestamp-nanos=86400000000000 "
     "local-timestamp-micros=\"1970-01-02T00:00:00Z\""},
    {LOGICAL("int", "date"), BYTES("\xFE\xFF\xFF\xFF\x0F"), ""},
    {LOGICAL("int", "time-millis"), BYTES("\xDC\x0B"),
     "string=\"00:00:00.75\" time-millis=750 time-micros=750000"}, /* 00:00:00.750 */
    {LOGICAL("long", "time-micros"), BYTES("\x80\xE3\xC3\xDE\x1B"),
     "string=\"01:02:03\" time-millis=3723000 time-micros=3723000000"},
    {LOGICAL("int", "time-millis"), BYTES("\x01"), ""},
    {LOGICAL("long", "timestamp-millis"), BYTES("\x80\xF0\xB2\x52"),
     "string=\"1970-01-02T00:00:00Z\" date=\"1970-01-02\" timestamp-millis=\"1970-01-02T00:00:00Z\" "
     "timestamp-micros=\"1970-01-02T00:00:00Z\" timestamp-nanos=86400000000000 "
     "local-timestamp-micros=\"1970-01-02T00:00:00Z\""},
    {LOGICAL("long", "timestamp-millis"), BYTES("\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"), ""},
    {LOGICAL("long", "timestamp-micros"), BYTES("\xFF\xFF\xBA\xDD\x83\x05"),
     "string=\"1969-12-31T00:00:00Z\" date=\"1969-12-31\" timestamp-millis=\"1969-12-31T00:00:00Z\" "
     "timestamp-micros=\"1969-12-31T00:00:00Z\" timestamp-nanos=-86400000000000 "
     "local-timestamp-micros=\"1969-12-31T00:00:00Z\""},
    {LOGICAL("long", "timestamp-nanos"), BYTES("\xCE\x0F"),
     "string=\"1970-01-01T00:00:00.000000999Z\" timestamp-nanos=999"}, /* 999 */
    {LOGICAL("long", "timestamp-nanos"), BYTES("\x80\x80\xF8\x94\x92\xA5\x27"),
     "string=\"1970-01-02T00:00:00Z\" date=\"1970-01-02\" timestamp-millis=\"1970-01-02T00:00:00Z\" "
     "timestamp-micros=\"1970-01-02T00:00:00Z\" timestamp-nanos=86400000000000 "
     "local-timestamp-micros=\"1970-01-02T00:00:00Z\""},
    {"{\"type\":\"array\",\"items\":\"long\"}", BYTES("\x04\x02\x04\0"), "array=[1,2]"},
};

/* " NAME=VALUE" where the reader takes the value; nothing where it refuses it as a bad row. */
static void convert(const struct rs_record_cells *r, const struct reader *reader, struct rs_buf *out)
{
    struct rs_schema_document *document = parse_schema(reader->type);
    struct rs_program *program = NULL;
    struct rs_encoder encoder;
    struct rs_buf datum = {0};
    struct rs_error error;
    rs_encoder_init(&encoder);
    int rc = rs_encode(&encoder, rs_schema_root(document), r->cells.items, 0, &datum, &error);
    if (rc == 0) {
        struct rs_schema_document *shown = parse_schema(reader->shown ? reader->shown : reader->type);
        assert_int_equal(
            rs_program_compile(rs_schema_root(shown), NULL, 0, RS_PROGRAM_LIMITS_DEFAULT, &program, &error),
            0);
        rs_buf_printf(out, "%s%s=", out->size > 0 ? " " : "", reader->name);
        assert_int_equal(rs_program_json(program, rs_buf_slice(&datum), out, NULL), RS_REASON_NONE);
        rs_program_free(&program);
        rs_schema_free(&shown);
    } else {
        assert_int_equal(rc, RS_ERECORD);
    }
    rs_buf_fini(&datum);
    rs_encoder_fini(&encoder);
    rs_schema_free(&document);
}

static void test_every_pair(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof writers / sizeof writers[0]; i++) {
        struct rs_schema_document *document = parse_schema(writers[i].type);
        struct rs_record_cells r = {0};
        struct rs_buf got = {0};
        struct rs_error error;
        assert_int_equal(rs_record_cells_make(&r, rs_schema_root(document), writers[i].value, &error), 0);
        for (size_t k = 0; k < READERS; k++) {
            convert(&r, &readers[k], &got);
        }
        rs_buf_char(&got, '\0');
        if (strcmp((const char *)got.data, writers[i].wanted) != 0) {
            fail_msg("number %zu, %s: %s", i, writers[i].type, (const char *)got.data);
        }
        rs_buf_fini(&got);
        rs_record_cells_fini(&r);
        rs_schema_free(&document);
    }
}

/* Why a value is refused is said in the words of its own kind. */
static void test_refusals(void **state)
{
    static const struct {
        const char *writer;
        struct rs_slice value;
        const char *reader;
        const char *text;
    } cases[] = {
        {"\"bytes\"", BYTES("\x04\xFF\xFE"), "\"string\"", "is not valid UTF-8"},
        {"\"bytes\"",
         BYTES("\x02"
               "7"),
         "\"long\"", "is not an integer"},
        {"\"bytes\"",
         BYTES("\x02"
               "7"),
         DECIMAL(9, 2), "is not a decimal number"},
        {"\"float\"", BYTES("\x9A\x99\x99\x3E"), "\"int\"", "is not an integer"}, /* 0.3 */
        {"\"float\"", BYTES("\xB6\xF3\x9D\x3F"), DECIMAL(9, 2),
         "more than 2 digits after the point"}, /* 1.234 */
        {"\"float\"", BYTES("\0\0\xC0\x7F"), DECIMAL(9, 2), "is not a decimal number"},
        {"\"double\"", BYTES("\0\0\0\0\0\0\xF0\x7F"), DECIMAL(9, 2), "is not a decimal number"},
        {"\"string\"",
         BYTES("\x06"
               "abc"),
         "{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", "is 3 bytes long, the schema fixes 2"},
        {LOGICAL("long", "timestamp-nanos"), BYTES("\xCE\x0F"), LOGICAL("long", "timestamp-micros"),
         "is finer than timestamp-micros holds, and nothing is cut off unasked; round it first, or give the "
         "schema timestamp-nanos"},
        {LOGICAL("long", "timestamp-millis"), BYTES("\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"),
         LOGICAL("long", "timestamp-micros"), "is a time outside the years 1 to 9999"},
        {LOGICAL("long", "timestamp-millis"), BYTES("\x02"), "\"long\"", "is not an integer"},
        {LOGICAL("int", "date"), BYTES("\xFE\xFF\xFF\xFF\x0F"), LOGICAL("int", "date"),
         "is a date outside the years 1 to 9999"},
        {LOGICAL("int", "time-millis"), BYTES("\x80\xF0\xB2\x52"), LOGICAL("long", "time-micros"),
         "is not a time of day (hh:mm:ss.ffffff)"}, /* 24:00 */
        {"\"null\"", BYTES(""), "\"string\"", "is null, which the schema does not allow; a string is needed"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rs_schema_document *writer = parse_schema(cases[i].writer);
        struct rs_schema_document *reader = parse_schema(cases[i].reader);
        struct rs_record_cells r = {0};
        struct rs_encoder encoder;
        struct rs_buf datum = {0};
        struct rs_error error;
        rs_encoder_init(&encoder);
        assert_int_equal(rs_record_cells_make(&r, rs_schema_root(writer), cases[i].value, &error), 0);
        assert_int_equal(rs_encode(&encoder, rs_schema_root(reader), r.cells.items, 0, &datum, &error),
                         RS_ERECORD);
        assert_string_equal(error.text, cases[i].text);
        rs_buf_fini(&datum);
        rs_encoder_fini(&encoder);
        rs_record_cells_fini(&r);
        rs_schema_free(&writer);
        rs_schema_free(&reader);
    }
}

/* Texts of numbers move as their buffer grows; those of strings stay in the record. */
static void test_many_texts(void **state)
{
    struct rs_schema_document *document =
        parse_schema("{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":"
                     "\"R\",\"fields\":[{\"name\":\"i\",\"type\":"
                     "\"long\"},{\"name\":\"s\",\"type\":\"string\"}]}}");
    struct rs_record_cells r = {0};
    struct rs_buf record = {0};
    struct rs_error error;
    (void)state;
    rs_buf_put(&record, "\xD0\x0F", 2); /* 1000 items */
    for (int i = 0; i < 1000; i++) {
        uint8_t n[2] = {(uint8_t)(0x80 | ((2 * i) & 0x7F)), (uint8_t)((2 * i) >> 7)};
        rs_buf_put(&record, n, 2);
        rs_buf_put(&record, "\x02x", 2);
    }
    rs_buf_char(&record, '\0');
    assert_int_equal(rs_record_cells_make(&r, rs_schema_root(document), rs_buf_slice(&record), &error), 0);
    assert_int_equal(r.cells.count, 3001);
    for (size_t i = 0; i < 1000; i++) {
        char text[8];
        const struct rs_cell *cells = r.cells.items + 1 + 3 * i;
        (void)snprintf(text, sizeof text, "%zu", i);
        assert_int_equal(cells[0].kind, RS_CELL_OBJECT);
        assert_true(rs_slice_equal(cells[1].text, rs_slice_text(text)));
        assert_true(rs_slice_equal(cells[2].text, rs_slice_text("x")));
        assert_true(rs_slice_equal(cells[2].name, rs_slice_text("s")));
    }
    rs_buf_fini(&record);
    rs_record_cells_fini(&r);
    rs_schema_free(&document);
}

/* What the file's own schema lets stand, and nobody here can read. */
static void test_a_decimal_that_is_too_long(void **state)
{
    struct rs_schema_document *document = parse_schema(
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"x\",\"type\":" DECIMAL(46, 3) "}]}");
    struct rs_record_cells r = {0};
    struct rs_error error;
    struct rs_slice record =
        BYTES("\x22\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00");
    (void)state;
    assert_int_equal(rs_record_cells_make(&r, rs_schema_root(document), record, &error), RS_ERECORD);
    assert_string_equal(error.text,
                        "x: a decimal with more digits than its precision, or than 38, which is all that "
                        "can be read");
    rs_record_cells_fini(&r);
    rs_schema_free(&document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_pair),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_a_decimal_that_is_too_long),
        cmocka_unit_test(test_many_texts),
    };
    return cmocka_run_group_tests_name("record_cells", tests, NULL, NULL);
}
