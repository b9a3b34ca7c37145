#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/time/text.h"
#include "tests/lib/random.h"

#define SECOND RS_US_PER_SECOND

static struct rs_zone *zone_of(const char *name)
{
    struct rs_error error;
    struct rs_zone *zone = NULL;
    if (rs_zone_load(name, &zone, &error) != 0) {
        fail_msg("%s: %s", name, error.text);
    }
    return zone;
}

static void expect_utc(const struct rs_zone *zone, const char *local, const char *utc)
{
    struct rs_error error;
    int64_t got = 0;
    int64_t wanted = 1;
    assert_int_equal(rs_time_parse_iso(rs_slice_text(local), zone, &got, &error), 0);
    assert_int_equal(rs_time_parse_iso(rs_slice_text(utc), NULL, &wanted, &error), 0);
    if (got != wanted) {
        fail_msg("%s: %lld, not %lld", local, (long long)got, (long long)wanted);
    }
}

static void test_new_york(void **state)
{
    (void)state;
    struct rs_zone *zone = zone_of("America/New_York");
    expect_utc(zone, "2020-10-07T09:30:00", "2020-10-07T13:30:00");
    expect_utc(zone, "2020-12-07T09:30:00.25", "2020-12-07T14:30:00.25");
    /* 02:00 to 03:00 does not exist: moved forward by the hour. */
    expect_utc(zone, "2020-03-08T01:59:59.999999", "2020-03-08T06:59:59.999999");
    expect_utc(zone, "2020-03-08T02:00:00", "2020-03-08T07:00:00");
    expect_utc(zone, "2020-03-08T02:30:00", "2020-03-08T07:30:00");
    expect_utc(zone, "2020-03-08T03:30:00", "2020-03-08T07:30:00");
    /* 01:00 to 02:00 exists twice: the earlier. */
    expect_utc(zone, "2020-11-01T00:59:59", "2020-11-01T04:59:59");
    expect_utc(zone, "2020-11-01T01:30:00", "2020-11-01T05:30:00");
    expect_utc(zone, "2020-11-01T02:00:00", "2020-11-01T07:00:00");
    /* Long before the table (local mean time) and long after it. */
    expect_utc(zone, "1800-01-01T00:00:00", "1800-01-01T04:56:02");
    expect_utc(zone, "2500-07-01T12:00:00", "2500-07-01T16:00:00");
    expect_utc(zone, "2500-01-01T12:00:00", "2500-01-01T17:00:00");
    assert_int_equal(rs_zone_offset_at(zone, INT64_C(1604207999) * SECOND), -4 * 3600);
    assert_int_equal(rs_zone_offset_at(zone, INT64_C(1604210400) * SECOND - 1), -4 * 3600);
    assert_int_equal(rs_zone_offset_at(zone, INT64_C(1604210400) * SECOND), -5 * 3600);
    rs_zone_free(&zone);
    assert_null(zone);
    rs_zone_free(&zone);
}

static void test_uncommon_zones(void **state)
{
    (void)state;
    struct rs_zone *zone = zone_of("Asia/Shanghai");
    expect_utc(zone, "2021-06-01T08:00:00", "2021-06-01T00:00:00");
    rs_zone_free(&zone);
    zone = zone_of("Pacific/Apia"); /* 2011-12-30 was left out */
    expect_utc(zone, "2011-12-29T23:59:59", "2011-12-30T09:59:59");
    expect_utc(zone, "2011-12-30T12:00:00", "2011-12-30T22:00:00");
    expect_utc(zone, "2011-12-31T00:00:00", "2011-12-30T10:00:00");
    rs_zone_free(&zone);
    zone = zone_of("Australia/Lord_Howe"); /* half an hour of daylight saving */
    expect_utc(zone, "2021-04-04T01:45:00", "2021-04-03T14:45:00");
    expect_utc(zone, "2021-10-03T02:15:00", "2021-10-02T15:45:00");
    rs_zone_free(&zone);
    zone = zone_of("Europe/Dublin"); /* standard time in summer */
    expect_utc(zone, "2300-07-01T12:00:00", "2300-07-01T11:00:00");
    expect_utc(zone, "2300-01-01T12:00:00", "2300-01-01T12:00:00");
    rs_zone_free(&zone);
}

static void test_utc_and_fixed_offsets(void **state)
{
    (void)state;
    assert_null(zone_of("UTC"));
    assert_null(zone_of("Z"));
    assert_int_equal(rs_zone_offset_at(NULL, 5), 0);
    assert_int_equal(rs_zone_to_utc(NULL, 5), 5);
    struct rs_zone *zone = zone_of("-03:30");
    assert_int_equal(rs_zone_offset_at(zone, 0), -12600);
    expect_utc(zone, "2021-01-01T00:00:00", "2021-01-01T03:30:00");
    expect_utc(zone, "2021-01-01T00:00:00Z", "2021-01-01T00:00:00");
    rs_zone_free(&zone);
}

static void test_unknown_names_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",       "Mars/Olympus", "../../etc/passwd", "/etc/localtime", "Europe",
        "+25:00", "+1",           "Europe/Berlin ",   "zone.tab",       "Europe/../UTC"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct rs_error error;
        struct rs_zone *zone = NULL;
        char wanted[256];
        if (rs_zone_load(bad[i], &zone, &error) != RS_EINVAL) {
            fail_msg("%s was loaded", bad[i]);
        }
        (void)snprintf(
            wanted, sizeof wanted,
            "unknown time zone \"%s\": write an IANA name such as Europe/Berlin (from the tzdata package), "
            "UTC, or an offset such as +08:00",
            bad[i]);
        assert_string_equal(error.text, wanted);
        assert_null(zone);
    }
}

/* libc as the oracle, which reads the same files with other code. */
static void test_agrees_with_libc(void **state)
{
    (void)state;
    static const char *const names[] = {"America/New_York",    "Europe/Berlin", "Asia/Shanghai",
                                        "Africa/Casablanca",   "Pacific/Apia",  "Europe/Dublin",
                                        "Australia/Lord_Howe", "Asia/Tehran",   "America/St_Johns",
                                        "Antarctica/Troll",    "Asia/Kolkata",  "America/Nuuk"};
    struct rs_random random = {11};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct rs_zone *zone = zone_of(names[i]);
        (void)setenv("TZ", names[i], 1);
        tzset();
        for (int round = 0; round < 5000; round++) {
            /* 1900 to 2500 */
            time_t at = (time_t)(-2208988800 + (int64_t)rs_random_below(&random, UINT64_C(18934214400)));
            struct tm tm;
            assert_non_null(localtime_r(&at, &tm));
            int32_t offset = rs_zone_offset_at(zone, at * SECOND);
            if (offset != tm.tm_gmtoff) {
                fail_msg("%s at %lld: %d, not %ld", names[i], (long long)at, offset, tm.tm_gmtoff);
            }
            /* Back again: the moment itself, or the earlier of two with the same local time. */
            int64_t back = rs_zone_to_utc(zone, (at + offset) * SECOND);
            int64_t earlier = at * SECOND - back;
            if (earlier != 0 &&
                (earlier < 0 || back + rs_zone_offset_at(zone, back) * SECOND != (at + offset) * SECOND)) {
                fail_msg("%s at %lld: back to %lld", names[i], (long long)at, (long long)back);
            }
        }
        rs_zone_free(&zone);
    }
    (void)unsetenv("TZ");
    tzset();
}

/* ---- damaged files ---- */

static char directory[] = "/tmp/rs_zone_test_XXXXXX";
static char file[64];
static uint8_t good[4096];
static size_t good_size;

static int load_bytes(const uint8_t *bytes, size_t size)
{
    struct rs_error error;
    struct rs_zone *zone = NULL;
    FILE *out = fopen(file, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, size, out), size);
    assert_int_equal(fclose(out), 0);
    (void)setenv("TZDIR", directory, 1);
    int result = rs_zone_load("Test", &zone, &error);
    (void)unsetenv("TZDIR");
    if (result != 0) {
        char wanted[128];
        (void)snprintf(wanted, sizeof wanted, "the zone file \"%s\" is damaged", file);
        assert_string_equal(error.text, wanted);
    } else {
        (void)rs_zone_to_utc(zone, INT64_C(4102444800) * SECOND);
    }
    rs_zone_free(&zone);
    return result;
}

static int prepare_files(void **state)
{
    (void)state;
    FILE *in = fopen("/usr/share/zoneinfo/America/New_York", "rb");
    if (!mkdtemp(directory) || !in) {
        return -1;
    }
    (void)snprintf(file, sizeof file, "%s/Test", directory);
    good_size = fread(good, 1, sizeof good, in);
    return fclose(in);
}

static int remove_files(void **state)
{
    (void)state;
    (void)unlink(file);
    return rmdir(directory);
}

static void test_cut_files_are_refused(void **state)
{
    (void)state;
    assert_int_equal(load_bytes(good, good_size), 0);
    for (size_t size = 0; size < good_size; size += 7) {
        assert_int_equal(load_bytes(good, size), RS_EINVAL);
    }
    assert_int_equal(load_bytes(good, good_size - 1), RS_EINVAL);
}

/* Random changes from a fixed seed: whatever they do to the answer, nothing is read or written outside. */
static void test_changed_files_do_no_harm(void **state)
{
    (void)state;
    static uint8_t bytes[sizeof good];
    struct rs_random random = {3};
    for (int round = 0; round < 2000; round++) {
        memcpy(bytes, good, good_size);
        for (int change = 0; change < 3; change++) {
            size_t at = (size_t)rs_random_below(&random, change == 0 ? 44 : good_size);
            bytes[at] = (uint8_t)rs_random_next(&random);
        }
        (void)load_bytes(bytes, good_size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_york),
        cmocka_unit_test(test_uncommon_zones),
        cmocka_unit_test(test_utc_and_fixed_offsets),
        cmocka_unit_test(test_unknown_names_are_refused),
        cmocka_unit_test(test_agrees_with_libc),
        cmocka_unit_test(test_cut_files_are_refused),
        cmocka_unit_test(test_changed_files_do_no_harm),
    };
    return cmocka_run_group_tests(tests, prepare_files, remove_files);
}
