/* Which rows are ahead of now, at the limit and beyond it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/publish/ahead.h"
#include "tests/lib/bytes.h"
#include "tests/lib/schema_text.h"

#define SECOND INT64_C(1000000)
#define NOW    (INT64_C(20000) * 86400 * SECOND) /* the beginning of a day */

struct fixture {
    struct rs_schema_document *schema;
    struct rs_stream stream;
    struct rs_ahead ahead;
    char text[512];
};

static void open_ahead(struct fixture *f, const char *schema, enum rs_time_form form)
{
    struct rs_error error;
    f->schema = parse_schema(schema);
    f->stream = (struct rs_stream){.name = "s",
                                   .limits = RS_PROGRAM_LIMITS_DEFAULT,
                                   .schema = f->schema,
                                   .time_path = "at",
                                   .time_form = form,
                                   .max_future_us = 30 * SECOND};
    assert_int_equal(rs_ahead_init(&f->ahead, &f->stream, &error), 0);
}

static void close_ahead(struct fixture *f)
{
    rs_ahead_fini(&f->ahead);
    rs_schema_free(&f->schema);
}

static bool look(struct fixture *f, int64_t value)
{
    uint8_t bytes[32] = {0};
    size_t size = bytes_long(bytes, value);
    return rs_ahead_look(&f->ahead, rs_slice_of(bytes, size), NOW, f->text, sizeof f->text);
}

static const char micros[] =
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"at\",\"type\":{\"type\":\"long\","
    "\"logicalType\":\"timestamp-micros\"}}]}";
static const char dates[] =
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"at\",\"type\":{\"type\":\"int\","
    "\"logicalType\":\"date\"}}]}";

static const char plain[] =
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"at\",\"type\":\"long\"}]}";

static void test_beyond_the_limit_only(void **state)
{
    struct fixture f = {0};
    (void)state;
    open_ahead(&f, micros, RS_TIME_FORM_STAMP);
    assert_false(look(&f, NOW - 3600 * SECOND));
    assert_false(look(&f, NOW + 30 * SECOND));
    assert_false(look(&f, INT64_MIN));
    assert_false(rs_ahead_summary(&f.ahead, f.text, sizeof f.text));
    assert_true(look(&f, NOW + 30 * SECOND + 1));
    assert_non_null(strstr(
        f.text, "its at is 30s ahead of this machine's clock, and max_future of the stream allows 30s"));
    assert_false(look(&f, NOW + 7200 * SECOND)); /* told once */
    assert_false(look(&f, INT64_MAX));
    assert_true(rs_ahead_summary(&f.ahead, f.text, sizeof f.text));
    assert_non_null(strstr(f.text, "3 of 6 rows are further ahead"));
    close_ahead(&f);
}

static void test_dates_and_no_datum(void **state)
{
    struct fixture f = {0};
    (void)state;
    open_ahead(&f, dates, RS_TIME_FORM_DATE);
    assert_false(look(&f, 20000));
    assert_true(look(&f, 20001));
    assert_non_null(strstr(f.text, "its at is 1d ahead"));
    close_ahead(&f);
    open_ahead(&f, plain, RS_TIME_FORM_SECONDS);
    assert_false(look(&f, NOW / SECOND + 30));
    assert_true(look(&f, NOW / SECOND + 31));
    assert_non_null(strstr(f.text, "its at is 31s ahead"));
    close_ahead(&f);
    open_ahead(&f, micros, RS_TIME_FORM_STAMP);
    assert_false(rs_ahead_look(&f.ahead, rs_slice_of("", 0), NOW, f.text, sizeof f.text));
    close_ahead(&f);
}

static void test_streams_without_a_limit(void **state)
{
    struct fixture f = {0};
    struct rs_error error;
    (void)state;
    open_ahead(&f, micros, RS_TIME_FORM_STAMP);
    rs_ahead_fini(&f.ahead);
    f.stream.max_future_us = INT64_MAX;
    assert_int_equal(rs_ahead_init(&f.ahead, &f.stream, &error), 0);
    assert_false(look(&f, INT64_MAX));
    close_ahead(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_beyond_the_limit_only),
        cmocka_unit_test(test_dates_and_no_datum),
        cmocka_unit_test(test_streams_without_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
