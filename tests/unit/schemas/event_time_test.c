/* What numbers of each unit are as times of events, at the ends of every range and beyond. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schemas/event_time.h"

static void test_units(void **state)
{
    (void)state;
    static const struct {
        enum rs_time_form form;
        int64_t number, us;
        uint16_t nanos;
        bool right;
    } cases[] = {
        {RS_TIME_FORM_STAMP, 1700000000123456, 1700000000123456, 7, true},
        {RS_TIME_FORM_STAMP, RS_TIME_MAX_US + 1, RS_TIME_MAX_US + 1, 7, false},
        {RS_TIME_FORM_DATE, 19675, 19675 * RS_US_PER_DAY, 0, true},
        {RS_TIME_FORM_DATE, RS_DAY_MIN, RS_TIME_MIN_US, 0, true},
        {RS_TIME_FORM_DATE, RS_DAY_MIN - 1, RS_TIME_MIN_US - RS_US_PER_DAY, 0, false},
        {RS_TIME_FORM_DATE, INT64_MAX, INT64_MAX, 0, false},
        {RS_TIME_FORM_SECONDS, 1700000000, 1700000000000000, 0, true},
        {RS_TIME_FORM_SECONDS, -1, -1000000, 0, true},
        {RS_TIME_FORM_SECONDS, 253402300799, RS_TIME_MAX_US - 999999, 0, true},
        {RS_TIME_FORM_SECONDS, 253402300800, RS_TIME_MAX_US + 1, 0, false},
        {RS_TIME_FORM_SECONDS, -62135596800, RS_TIME_MIN_US, 0, true},
        {RS_TIME_FORM_SECONDS, -62135596801, RS_TIME_MIN_US - 1000000, 0, false},
        {RS_TIME_FORM_SECONDS, INT64_MAX, INT64_MAX, 0, false},
        {RS_TIME_FORM_SECONDS, INT64_MIN, INT64_MIN, 0, false},
        {RS_TIME_FORM_MILLIS, 1700000000123, 1700000000123000, 0, true},
        {RS_TIME_FORM_MILLIS, 253402300799999, RS_TIME_MAX_US - 999, 0, true},
        {RS_TIME_FORM_MILLIS, 253402300800000, RS_TIME_MAX_US + 1, 0, false},
        {RS_TIME_FORM_MILLIS, INT64_MAX, INT64_MAX, 0, false},
        {RS_TIME_FORM_MICROS, RS_TIME_MIN_US, RS_TIME_MIN_US, 0, true},
        {RS_TIME_FORM_MICROS, RS_TIME_MIN_US - 1, RS_TIME_MIN_US - 1, 0, false},
        {RS_TIME_FORM_NANOS, 1700000000123456789, 1700000000123456, 789, true},
        {RS_TIME_FORM_NANOS, -1, -1, 999, true},
        {RS_TIME_FORM_NANOS, INT64_MIN, INT64_MIN / 1000 - 1, 192, true},
        {RS_TIME_FORM_NANOS, INT64_MAX, INT64_MAX / 1000, 807, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rs_value value = {.kind = RS_VALUE_INT, .i = cases[i].number};
        int64_t us = 1;
        uint16_t nanos = 1;
        value.nanos = cases[i].form == RS_TIME_FORM_STAMP ? 7 : 0;
        assert_int_equal(rs_event_time(cases[i].form, &value, &us, &nanos), cases[i].right);
        assert_true(us == cases[i].us);
        assert_int_equal(nanos, cases[i].nanos);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_units),
    };
    return cmocka_run_group_tests_name("schemas.event_time", tests, NULL, NULL);
}
