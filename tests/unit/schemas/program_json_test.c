/* Messages as JSON text, and what cannot be JSON. Refusals are tested beside the op list in program_test.c.
 */
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

static enum rs_reason decode(const char *schema, struct rs_slice message, struct rs_buf *out)
{
    struct rs_schema_document *document = parse_schema(schema);
    struct rs_program *program = NULL;
    struct rs_error error = {0};
    if (rs_program_compile(rs_schema_root(document), NULL, 0, RS_PROGRAM_LIMITS_DEFAULT, &program, &error) !=
        0) {
        fail_msg("%s", error.text);
    }
    enum rs_reason reason = rs_program_json(program, message, out, NULL);
    rs_program_free(&program);
    rs_schema_free(&document);
    return reason;
}

static void expect(const char *schema, const char *hex, const char *json)
{
    uint8_t bytes[256];
    struct rs_slice message = rs_slice_of(bytes, bytes_unhex(bytes, hex));
    struct rs_buf out = {0};
    assert_int_equal(decode(schema, message, &out), RS_REASON_NONE);
    rs_buf_char(&out, '\0');
    assert_false(out.failed);
    assert_string_equal((const char *)out.data, json);
    rs_buf_fini(&out);
}

#define LONG(logical) "{\"type\":\"long\",\"logicalType\":\"" logical "\"}"
#define INT(logical)  "{\"type\":\"int\",\"logicalType\":\"" logical "\"}"

static void test_scalars(void **state)
{
    (void)state;
    expect("\"null\"", "", "null");
    expect("\"boolean\"", "01", "true");
    expect("\"int\"", "FF FF FF FF 0F", "-2147483648");
    expect("\"long\"", "FF FF FF FF FF FF FF FF FF 01", "-9223372036854775808");
    expect("\"long\"", "FE FF FF FF FF FF FF FF FF 01", "9223372036854775807");
    expect("\"float\"", "00 00 C0 3F", "1.5");
    expect("\"double\"", "9A 99 99 99 99 99 B9 3F", "0.1");
    expect("\"double\"", "00 00 00 00 00 00 F0 7F", "\"Infinity\"");
    expect("\"double\"", "00 00 00 00 00 00 F0 FF", "\"-Infinity\"");
    expect("\"float\"", "00 00 C0 7F", "\"NaN\"");
    expect("\"string\"", "0E 61 22 5C 0A C3 A9 01", "\"a\\\"\\\\\\n\xc3\xa9\\u0001\"");
    expect("\"bytes\"", "06 00 41 FF", "\"\\u0000\\u0041\\u00ff\"");
    expect("{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", "80 01", "\"\\u0080\\u0001\"");
    expect("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}", "02", "\"B\"");
    expect("[\"null\",\"long\"]", "02 02", "1");
    expect("[\"null\",\"long\"]", "00", "null");
}

static void test_logical_types(void **state)
{
    (void)state;
    expect("{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":18,\"scale\":8}",
           "0A FF F4 3D 70 E0", "-1.973");
    expect("{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":38}",
           "20 4B3B4CA85A86C47A098A223FFFFFFFFF", "99999999999999999999999999999999999999");
    expect("{\"type\":\"fixed\",\"name\":\"F\",\"size\":2,\"logicalType\":\"decimal\",\"precision\":4,"
           "\"scale\":2}",
           "FF 38", "-2");
    expect(INT("date"), "00", "\"1970-01-01\"");
    expect(INT("date"), "01", "\"1969-12-31\"");
    expect(INT("date"), "FE FF FF FF 0F", "2147483647");
    expect(LONG("timestamp-millis"), "01", "\"1969-12-31T23:59:59.999Z\"");
    expect(LONG("timestamp-micros"), "02", "\"1970-01-01T00:00:00.000001Z\"");
    expect(LONG("timestamp-nanos"), "01", "\"1969-12-31T23:59:59.999999999Z\"");
    expect(LONG("timestamp-nanos"), "D0 0F", "\"1970-01-01T00:00:00.000001Z\"");
    expect(LONG("local-timestamp-nanos"), "9E 1F", "\"1970-01-01T00:00:00.000001999Z\"");
    expect(LONG("timestamp-millis"), "FE FF FF FF FF FF FF FF FF 01", "9223372036854775807");
    expect(LONG("local-timestamp-millis"), "FF FF FF FF FF FF FF FF FF 01", "-9223372036854775808");
    expect(LONG("timestamp-nanos"), "FE FF FF FF FF FF FF FF FF 01", "\"2262-04-11T23:47:16.854775807Z\"");
    expect(LONG("local-timestamp-micros"), "00", "\"1970-01-01T00:00:00Z\"");
    expect(LONG("timestamp-micros"), "FE FF FF FF FF FF FF FF FF 01", "9223372036854775807");
    expect(LONG("time-micros"), "02", "1");
    expect("{\"type\":\"string\",\"logicalType\":\"uuid\"}",
           "48 31323334353637382d616263642d454630312d383930412d626364656630313233343536",
           "\"12345678-abcd-EF01-890A-bcdef0123456\"");
    expect("{\"type\":\"fixed\",\"name\":\"U\",\"size\":16,\"logicalType\":\"uuid\"}",
           "000102030405060708090A0B0C0D0E0F", "\"00010203-0405-0607-0809-0a0b0c0d0e0f\"");
}

static void test_composites(void **state)
{
    (void)state;
    expect("{\"type\":\"array\",\"items\":\"int\"}", "04 02 04 01 02 06 00", "[1,2,3]");
    expect("{\"type\":\"array\",\"items\":\"null\"}", "06 00", "[null,null,null]");
    expect("{\"type\":\"map\",\"values\":\"int\"}", "02 02 61 02 02 02 62 04 00", "{\"a\":1,\"b\":2}");
    expect("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},"
           "{\"name\":\"b\",\"type\":[\"null\",\"R\"]}]}",
           "02 02 04 00", "{\"a\":1,\"b\":{\"a\":2,\"b\":null}}");
    expect("{\"type\":\"record\",\"name\":\"E\",\"fields\":[]}", "", "{}");
}

/* 100000 items of a record with 200 empty records are 80 MB of text out of four bytes. */
static void test_text_is_bounded(void **state)
{
    (void)state;
    struct rs_buf schema = {0};
    rs_buf_text(&schema, "{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"E\",\"fields\":[");
    for (int i = 0; i < 200; i++) {
        rs_buf_printf(&schema, "%s{\"name\":\"f%d\",\"type\":\"null\"}", i == 0 ? "" : ",", i);
    }
    rs_buf_text(&schema, "]}}");
    rs_buf_char(&schema, '\0');
    struct rs_buf out = {0};
    static const uint8_t bytes[] = {0xc0, 0x9a, 0x0c, 0x00};
    assert_int_equal(decode((const char *)schema.data, rs_slice_of(bytes, 4), &out), RS_REASON_TOO_LARGE);
    assert_true(out.size < RS_PROGRAM_JSON_MAX + 4096);
    rs_buf_fini(&schema);
    rs_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scalars),
        cmocka_unit_test(test_logical_types),
        cmocka_unit_test(test_composites),
        cmocka_unit_test(test_text_is_bounded),
    };
    return cmocka_run_group_tests_name("schemas.program_json", tests, NULL, NULL);
}
