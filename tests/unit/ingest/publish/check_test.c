/* What rollstatd rejects although the schema allows it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "ingest/publish/check.h"
#include "tests/lib/bytes.h"
#include "tests/lib/schema_text.h"

#define TIME(type)       "{\"name\":\"at\",\"type\":[\"null\"," type "]}"
#define RECORD(fields)   "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" fields "]}"
#define LOGICAL(logical) "{\"type\":\"long\",\"logicalType\":\"" logical "\"}"

/* `wanted` NULL: nothing is against it. */
static void expect(const char *schema, enum rs_time_form form, const char *version, struct rs_slice datum,
                   const char *wanted)
{
    struct rs_schema_document *document = parse_schema(schema);
    const struct rs_stream stream = {.name = "s",
                                     .limits = RS_PROGRAM_LIMITS_DEFAULT,
                                     .schema = document,
                                     .time_path = "at",
                                     .time_form = form,
                                     .version_path = version};
    struct rs_check check;
    struct rs_error error;
    assert_int_equal(rs_check_init(&check, &stream, &error), 0);
    int rc = rs_check_event(&check, datum, &error);
    assert_int_equal(rc, wanted ? RS_ERECORD : 0);
    if (wanted) {
        assert_string_equal(error.text, wanted);
    }
    rs_check_fini(&check);
    rs_schema_free(&document);
}

static struct rs_slice time_value(uint8_t bytes[32], int64_t value)
{
    bytes[0] = 2; /* the union's second branch */
    return rs_slice_of(bytes, 1 + bytes_long(bytes + 1, value));
}

static void test_times(void **state)
{
    static const char micros[] = RECORD(TIME(LOGICAL("timestamp-micros")));
    uint8_t bytes[32];
    (void)state;
    expect(micros, RS_TIME_FORM_STAMP, NULL, time_value(bytes, 0), NULL);
    expect(micros, RS_TIME_FORM_STAMP, NULL, rs_slice_of("\0", 1),
           "at: is null, and it is the time of the event (rollstatd would reject the event: field_null)");
    expect(micros, RS_TIME_FORM_STAMP, NULL, time_value(bytes, RS_TIME_MAX_US), NULL);
    expect(micros, RS_TIME_FORM_STAMP, NULL, time_value(bytes, RS_TIME_MAX_US + 1),
           "at: is a time outside the years 1 to 9999 (rollstatd would reject the event: time_range)");
    expect(RECORD(TIME("\"long\"")), RS_TIME_FORM_SECONDS, NULL, time_value(bytes, 1700000000), NULL);
    expect(RECORD(TIME("\"long\"")), RS_TIME_FORM_SECONDS, NULL, time_value(bytes, INT64_C(1700000000000)),
           "at: is a time outside the years 1 to 9999 (rollstatd would reject the event: time_range)");
    expect(micros, RS_TIME_FORM_STAMP, NULL, rs_slice_of("", 0), "the bytes end inside a value");
}

static void test_upserts(void **state)
{
    static const char nanos[] =
        RECORD(TIME(LOGICAL("timestamp-nanos")) ",{\"name\":\"v\",\"type\":[\"null\",\"int\"]}");
    (void)state;
    expect(nanos, RS_TIME_FORM_STAMP, "v", rs_slice_of("\2\0\2\2", 4), NULL);
    expect(nanos, RS_TIME_FORM_STAMP, "v", rs_slice_of("\2\0\0", 3),
           "v: is null, and it is the version of the event (rollstatd would reject the event: field_null)");
    expect(nanos, RS_TIME_FORM_STAMP, "v", rs_slice_of("\2\2\2\2", 4),
           "at: is a period with a part of a microsecond (rollstatd would reject the event: period)");
    expect(nanos, RS_TIME_FORM_STAMP, NULL, rs_slice_of("\2\2\0", 3), NULL);
}

/* What the record says of itself is nothing that an event could lack. */
static void test_of_the_record(void **state)
{
    struct rs_schema_document *document = parse_schema(RECORD(TIME("\"long\"")));
    const struct rs_stream stream = {.name = "s",
                                     .limits = RS_PROGRAM_LIMITS_DEFAULT,
                                     .schema = document,
                                     .time_path = "$timestamp",
                                     .version_path = "$offset"};
    struct rs_check check;
    struct rs_error error;
    (void)state;
    assert_int_equal(rs_check_init(&check, &stream, &error), 0);
    assert_int_equal(rs_check_event(&check, rs_slice_of("\0", 1), &error), 0);
    assert_int_equal(rs_check_event(&check, rs_slice_of("\0\0", 2), &error), RS_ERECORD);
    rs_check_fini(&check);
    rs_schema_free(&document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_times), cmocka_unit_test(test_upserts),
                                       cmocka_unit_test(test_of_the_record)};
    return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
