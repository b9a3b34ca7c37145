#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/time/text.h"
#include "base/time/write.h"
#include "tests/lib/random.h"

static struct rs_time_rule rule_of(const char *form, const struct rs_zone *zone)
{
    struct rs_time_rule rule = {0};
    struct rs_error error;
    if (rs_time_rule_parse(form, zone, &rule, &error) != 0) {
        fail_msg("%s: %s", form, error.text);
    }
    return rule;
}

static struct rs_exact_time time_of(const char *iso)
{
    struct rs_exact_time time = {0};
    struct rs_error error;
    assert_int_equal(rs_time_parse_iso_exact(rs_slice_text(iso), NULL, &time.us, &time.ns, &error), 0);
    return time;
}

/* `wanted` NULL: refused, and nothing is appended. */
static void expect(const char *form, const char *zone_name, const char *iso, const char *wanted)
{
    struct rs_zone *zone = NULL;
    struct rs_error error;
    struct rs_buf out = {0};
    if (zone_name) {
        assert_int_equal(rs_zone_load(zone_name, &zone, &error), 0);
    }
    const struct rs_time_rule rule = rule_of(form, zone);
    rs_buf_text(&out, "before ");
    int rc = rs_time_rule_write(&rule, zone, time_of(iso), &out, &error);
    rs_buf_char(&out, '\0');
    if (!wanted) {
        assert_int_equal(rc, RS_ERECORD);
        assert_string_equal((const char *)out.data, "before ");
    } else {
        assert_int_equal(rc, 0);
        assert_string_equal((const char *)out.data + 7, wanted);
    }
    rs_buf_fini(&out);
    rs_zone_free(&zone);
}

static void test_forms(void **state)
{
    (void)state;
    expect("iso", NULL, "2026-01-02T03:04:05.000000001Z", "2026-01-02T03:04:05.000000001Z");
    expect("iso", "Asia/Shanghai", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z");
    expect("s", NULL, "1970-01-01T00:00:01.5Z", "1.5");
    expect("s", NULL, "1969-12-31T23:59:59.5Z", "-0.5");
    expect("ms", NULL, "1970-01-01T00:00:01.0000005Z", "1000.0005");
    expect("us", NULL, "1970-01-01T00:00:01.000000001Z", "1000000.001");
    expect("ns", NULL, "1970-01-01T00:00:01.000000001Z", "1000000001");
    expect("period", NULL, "2026-03-01T00:00:00Z", "2026-03-01");
    expect("period", "Asia/Shanghai", "2026-02-28T16:00:00Z", "2026-03-01");
    expect("period", NULL, "2026-03-01T00:00:01Z", NULL);
    expect("%Y-%m-%d %H:%M:%S.%f", NULL, "2026-01-02T03:04:05.25Z", "2026-01-02 03:04:05.25");
    expect("%Y-%m-%d %H:%M:%S.%f", NULL, "2026-01-02T03:04:05Z", "2026-01-02 03:04:05.0");
    expect("%d.%b.%Y %H:%M:%S", "Asia/Shanghai", "2026-01-02T23:04:05Z", "03.Jan.2026 07:04:05");
    expect("%Y %j %%", NULL, "2024-12-31T00:00:00Z", "2024 366 %");
    expect("%Y-%m-%d %H:%M %z", "-03:30", "2026-01-02T03:04:00Z", "2026-01-01 23:34 -03:30");
    expect("%s", NULL, "1969-12-31T23:59:59Z", "-1");
    expect("%s.%f", NULL, "1969-12-31T23:59:58.5Z", "-1.5");
    expect("%s.%f", NULL, "1970-01-01T00:00:01.000000001Z", "1.000000001");
}

/* What would be read as another time. */
static void test_refused(void **state)
{
    (void)state;
    expect("%Y-%m-%d %H:%M:%S", NULL, "2026-01-02T03:04:05.5Z", NULL);
    expect("%Y-%m-%d", NULL, "2026-01-02T03:04:05Z", NULL);
    expect("%s", NULL, "1970-01-01T00:00:01.5Z", NULL);
    expect("%Y-%m-%d %H:%M:%S", "America/New_York", "2026-11-01T05:30:00Z", "2026-11-01 01:30:00");
    expect("%Y-%m-%d %H:%M:%S", "America/New_York", "2026-11-01T06:30:00Z", NULL); /* the hour again */
    expect("%Y-%m-%d %H:%M:%S %z", "America/New_York", "2026-11-01T06:30:00Z", "2026-11-01 01:30:00 -05:00");
    expect("%Y-%m-%d %H:%M:%S", "Asia/Shanghai", "9999-12-31T23:00:00Z", NULL);
    expect("%Y-%m-%d %H:%M:%S", "-08:00", "0001-01-01T00:00:00Z", NULL);
}

/* Whatever is written is read as the same; what is refused is rare. */
static void test_random_times(void **state)
{
    static const char *const forms[] = {
        "iso", "s", "ms", "us", "ns", "%Y-%m-%d %H:%M:%S.%f", "%s.%f", "%b %d %Y %H:%M:%S.%f %z"};
    struct rs_random r = rs_random_of_run();
    (void)state;
    for (int i = 0; i < 20000; i++) {
        struct rs_error error;
        struct rs_buf out = {0};
        struct rs_exact_time read = {0};
        const struct rs_time_rule rule = rule_of(forms[i % 8], NULL);
        const struct rs_exact_time time = {.us = rs_random_between(&r, RS_TIME_MIN_US, RS_TIME_MAX_US),
                                           .ns = i % 3 == 0 ? (int)rs_random_below(&r, 1000) : 0};
        assert_int_equal(rs_time_rule_write(&rule, NULL, time, &out, &error), 0);
        assert_int_equal(rs_time_rule_read(&rule, NULL, rs_buf_slice(&out), &read, &error), 0);
        assert_true(read.us == time.us && read.ns == time.ns);
        rs_buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_forms), cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_random_times)};
    return cmocka_run_group_tests_name("time write", tests, NULL, NULL);
}
