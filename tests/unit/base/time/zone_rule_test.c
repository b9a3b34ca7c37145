#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/time/zone_rule.h"

static struct rs_zone_rule rule_of(const char *text)
{
    struct rs_zone_rule rule = {0};
    if (!rs_zone_rule_parse(text, &rule)) {
        fail_msg("%s was refused", text);
    }
    return rule;
}

static void test_changes_of_a_year(void **state)
{
    (void)state;
    struct rs_zone_change pair[2];
    struct rs_zone_rule rule = rule_of("EST5EDT,M3.2.0,M11.1.0");
    assert_int_equal(rule.std_s, -18000);
    assert_int_equal(rule.dst_s, -14400);
    rs_zone_rule_year(&rule, 2021, pair);
    assert_int_equal(pair[0].at_s, 1615705200); /* 2021-03-14T07:00Z */
    assert_int_equal(pair[0].offset_s, -14400);
    assert_int_equal(pair[1].at_s, 1636264800); /* 2021-11-07T06:00Z */
    assert_int_equal(pair[1].offset_s, -18000);
    assert_int_equal(rs_zone_rule_at(&rule, 1615705199), -18000);
    assert_int_equal(rs_zone_rule_at(&rule, 1615705200), -14400);
    assert_int_equal(rs_zone_rule_at(&rule, 1636264800), -18000);
}

static void test_southern_summer_spans_the_new_year(void **state)
{
    (void)state;
    struct rs_zone_change pair[2];
    struct rs_zone_rule rule = rule_of("AEST-10AEDT,M10.1.0,M4.1.0/3");
    rs_zone_rule_year(&rule, 2021, pair);
    assert_int_equal(pair[0].at_s, 1617465600); /* 2021-04-03T16:00Z */
    assert_int_equal(pair[0].offset_s, 36000);
    assert_int_equal(pair[1].at_s, 1633190400); /* 2021-10-02T16:00Z */
    assert_int_equal(pair[1].offset_s, 39600);
    assert_int_equal(rs_zone_rule_at(&rule, 1609459200), 39600); /* 2021-01-01 */
    assert_int_equal(rs_zone_rule_at(&rule, 1625097600), 36000); /* 2021-07-01 */
}

static void test_days_of_the_year(void **state)
{
    (void)state;
    struct rs_zone_change pair[2];
    struct rs_zone_rule rule = rule_of("<A0>0<B1>-1:30,J60/0,365/1:02:03");
    assert_int_equal(rule.dst_s, 5400);
    rs_zone_rule_year(&rule, 2024, pair);
    assert_int_equal(pair[0].at_s, 1709251200);               /* J60 is 1 March in every year */
    assert_int_equal(pair[1].at_s, 1735603200 + 3723 - 5400); /* day 365 of a leap year is 31 December */
    rs_zone_rule_year(&rule, 2023, pair);
    assert_int_equal(pair[0].at_s, 1677628800);
    assert_int_equal(pair[1].at_s, 1704067200 + 3723 - 5400);
}

static void test_times_outside_the_day(void **state)
{
    (void)state;
    struct rs_zone_change pair[2];
    struct rs_zone_rule rule = rule_of("<-02>2<-01>,M3.5.0/-1,M10.5.0/0");
    rs_zone_rule_year(&rule, 2024, pair);
    assert_int_equal(pair[0].at_s, 1711846800); /* 2024-03-31T01:00Z */
    assert_int_equal(pair[1].at_s, 1729990800); /* 2024-10-27T01:00Z */
}

static void test_daylight_saving_all_year(void **state)
{
    (void)state;
    struct rs_zone_rule rule = rule_of("XXX3EDT4,0/0,J365/23");
    for (int64_t at = 1577836800; at < 1672531200; at += 3607) {
        assert_int_equal(rs_zone_rule_at(&rule, at), -14400);
    }
}

static void test_without_daylight_saving(void **state)
{
    (void)state;
    struct rs_zone_rule rule = rule_of("<+0530>-5:30");
    assert_false(rule.has_dst);
    assert_int_equal(rule.std_s, 19800);
}

static void test_broken_rules_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "EST",
                                      "ES5",
                                      "EST5EDT",
                                      "EST5EDT,M3.2.0",
                                      "EST5EDT,M3.2.0,M11.1.0x",
                                      "EST5EDT,M13.2.0,M11.1.0",
                                      "EST5EDT,M3.6.0,M11.1.0",
                                      "EST5EDT,M3.0.0,M11.1.0",
                                      "EST5EDT,M3.2.7,M11.1.0",
                                      "EST5EDT,J0,M11.1.0",
                                      "EST5EDT,366,M11.1.0",
                                      "EST5EDT,M3.2.0/168,M11.1.0",
                                      "EST27",
                                      "<EST5",
                                      "EST5:60",
                                      "EST5EDT,M3.2.0/2:,M11.1.0",
                                      "EST5 EDT,M3.2.0,M11.1.0"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct rs_zone_rule rule;
        if (rs_zone_rule_parse(bad[i], &rule)) {
            fail_msg("%s was read", bad[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes_of_a_year),
        cmocka_unit_test(test_southern_summer_spans_the_new_year),
        cmocka_unit_test(test_days_of_the_year),
        cmocka_unit_test(test_times_outside_the_day),
        cmocka_unit_test(test_daylight_saving_all_year),
        cmocka_unit_test(test_without_daylight_saving),
        cmocka_unit_test(test_broken_rules_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
