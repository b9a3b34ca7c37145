#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/time/calendar.h"
#include "base/time/civil.h"
#include "base/time/text.h"
#include "tests/lib/random.h"

#define SECOND RS_US_PER_SECOND
#define HOUR   (3600 * SECOND)
#define DAY    RS_US_PER_DAY

static const char *const zones[] = {"UTC",
                                    "+05:45",
                                    "America/New_York",
                                    "America/St_Johns",
                                    "Pacific/Apia",
                                    "America/Sao_Paulo",
                                    "Asia/Shanghai",
                                    "Australia/Lord_Howe"};

static struct rs_zone *zone_of(const char *name)
{
    struct rs_error error;
    struct rs_zone *zone = NULL;
    if (rs_zone_load(name, &zone, &error) != 0) {
        fail_msg("%s: %s", name, error.text);
    }
    return zone;
}

static int64_t at(const char *text)
{
    struct rs_error error;
    int64_t us = 0;
    assert_int_equal(rs_time_parse_iso(rs_slice_text(text), NULL, &us, &error), 0);
    return us;
}

static void expect_cell(const char *zone_name, enum rs_calendar_unit unit, const char *inside,
                        const char *start, const char *end)
{
    struct rs_zone *zone = zone_of(zone_name);
    const struct rs_calendar calendar = {.unit = unit, .zone = zone};
    struct rs_calendar_cell cell = rs_calendar_at(&calendar, at(inside));
    assert_int_equal(cell.start_us, at(start));
    assert_int_equal(cell.end_us, at(end));
    assert_int_equal(rs_calendar_start(&calendar, cell.number), at(start));
    rs_zone_free(&zone);
}

static void test_known_cells(void **state)
{
    (void)state;
    expect_cell("UTC", RS_CALENDAR_DAY, "2026-11-30T18:00:00Z", "2026-11-30", "2026-12-01");
    expect_cell("America/New_York", RS_CALENDAR_DAY, "2026-03-08T12:00:00Z", "2026-03-08T05:00:00Z",
                "2026-03-09T04:00:00Z");
    expect_cell("America/New_York", RS_CALENDAR_DAY, "2026-11-01T12:00:00Z", "2026-11-01T04:00:00Z",
                "2026-11-02T05:00:00Z");
    /* Midnight does not exist; a day was left out; clocks went back over midnight. */
    expect_cell("America/Sao_Paulo", RS_CALENDAR_DAY, "2017-10-15T03:00:00Z", "2017-10-15T03:00:00Z",
                "2017-10-16T02:00:00Z");
    expect_cell("Pacific/Apia", RS_CALENDAR_DAY, "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z",
                "2011-12-31T10:00:00Z");
    expect_cell("Pacific/Apia", RS_CALENDAR_DAY, "2011-12-30T09:59:59Z", "2011-12-29T10:00:00Z",
                "2011-12-30T10:00:00Z");
    expect_cell("America/St_Johns", RS_CALENDAR_DAY, "2010-11-07T03:00:00Z", "2010-11-07T02:30:00Z",
                "2010-11-08T03:30:00Z");
    /* Weeks begin on Mondays, also over a year's end; leap days; before 1970. */
    expect_cell("UTC", RS_CALENDAR_WEEK, "2021-01-01", "2020-12-28", "2021-01-04");
    expect_cell("UTC", RS_CALENDAR_WEEK, "1969-12-29", "1969-12-29", "1970-01-05");
    expect_cell("UTC", RS_CALENDAR_MONTH, "2024-02-29", "2024-02-01", "2024-03-01");
    expect_cell("UTC", RS_CALENDAR_MONTH, "1900-02-28", "1900-02-01", "1900-03-01");
    expect_cell("Asia/Shanghai", RS_CALENDAR_QUARTER, "2026-03-31T15:59:59Z", "2025-12-31T16:00:00Z",
                "2026-03-31T16:00:00Z");
    expect_cell("Asia/Shanghai", RS_CALENDAR_YEAR, "2025-12-31T16:00:00Z", "2025-12-31T16:00:00Z",
                "2026-12-31T16:00:00Z");
}

/* From any moment on, cells follow each other without a gap, and each says of its bounds what it said of the
 * moment. */
static void test_cells_are_a_partition(void **state)
{
    (void)state;
    struct rs_random seed = rs_random_of_run();
    for (size_t z = 0; z < sizeof zones / sizeof *zones; z++) {
        struct rs_zone *zone = zone_of(zones[z]);
        for (int unit = RS_CALENDAR_DAY; unit <= RS_CALENDAR_YEAR; unit++) {
            const struct rs_calendar calendar = {.unit = (enum rs_calendar_unit)unit, .zone = zone};
            for (int round = 0; round < 200; round++) {
                int64_t t = rs_random_between(&seed, -73000, 73000) * DAY +
                            rs_random_between(&seed, 0, 86399999) * 1000;
                struct rs_calendar_cell cell = rs_calendar_at(&calendar, t);
                assert_true(cell.start_us <= t && t < cell.end_us);
                struct rs_calendar_cell last = rs_calendar_at(&calendar, cell.end_us - 1);
                struct rs_calendar_cell next = rs_calendar_at(&calendar, cell.end_us);
                assert_memory_equal(&last, &cell, sizeof cell);
                assert_int_equal(rs_calendar_at(&calendar, cell.start_us).number, cell.number);
                assert_int_equal(next.start_us, cell.end_us);
                assert_true(next.number > cell.number);
            }
        }
        rs_zone_free(&zone);
    }
}

static void test_shortest_and_longest(void **state)
{
    (void)state;
    static const struct {
        const char *zone;
        enum rs_calendar_unit unit;
        int64_t shortest_us, longest_us;
    } known[] = {
        {"UTC", RS_CALENDAR_DAY, DAY, DAY},
        {"UTC", RS_CALENDAR_MONTH, 28 * DAY, 31 * DAY},
        {"UTC", RS_CALENDAR_QUARTER, 90 * DAY, 92 * DAY},
        {"UTC", RS_CALENDAR_YEAR, 365 * DAY, 366 * DAY},
        {"Australia/Lord_Howe", RS_CALENDAR_DAY, 23 * HOUR, 24 * HOUR + HOUR / 2},
        {"+05:45", RS_CALENDAR_WEEK, 7 * DAY, 7 * DAY},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct rs_zone *zone = zone_of(known[i].zone);
        struct rs_calendar calendar;
        rs_calendar_init(&calendar, known[i].unit, zone);
        if (strcmp(known[i].zone, "Australia/Lord_Howe") == 0) {
            /* It kept Sydney's hour until 1981, and half an hour's summer time since. */
            assert_in_range(calendar.shortest_us, 22 * HOUR, 24 * HOUR - HOUR / 2);
            assert_in_range(calendar.longest_us, 24 * HOUR + HOUR / 2, 26 * HOUR);
        } else {
            assert_int_equal(calendar.shortest_us, known[i].shortest_us);
            assert_int_equal(calendar.longest_us, known[i].longest_us);
        }
        rs_zone_free(&zone);
    }
}

/* Nothing that is no time leads out of range, or into a loop. */
static void test_times_beyond_all(void **state)
{
    (void)state;
    static const int64_t times[] = {INT64_MIN, INT64_MAX, RS_TIME_MIN_US, RS_TIME_MAX_US, RS_TIME_MIN_US - 1};
    for (size_t z = 0; z < sizeof zones / sizeof *zones; z++) {
        struct rs_zone *zone = zone_of(zones[z]);
        for (int unit = RS_CALENDAR_DAY; unit <= RS_CALENDAR_YEAR; unit++) {
            const struct rs_calendar calendar = {.unit = (enum rs_calendar_unit)unit, .zone = zone};
            for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
                struct rs_calendar_cell cell = rs_calendar_at(&calendar, times[i]);
                assert_true(cell.start_us < cell.end_us);
                assert_true(i < 2 || (cell.start_us <= times[i] && times[i] < cell.end_us));
            }
        }
        rs_zone_free(&zone);
    }
}

static void test_part_of_an_hour(void **state)
{
    (void)state;
    static const struct {
        const char *zone;
        int64_t part_us;
    } known[] = {{"UTC", 0},
                 {"America/New_York", 0},
                 {"Asia/Kolkata", HOUR / 2},
                 {"+05:45", 3 * HOUR / 4},
                 {"America/St_Johns", HOUR / 2},
                 {"Australia/Lord_Howe", -1},
                 {"Asia/Kathmandu", -1}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct rs_zone *zone = zone_of(known[i].zone);
        int64_t part = -2;
        assert_int_equal(rs_zone_hour_part(zone, &part), known[i].part_us >= 0);
        if (known[i].part_us >= 0) {
            assert_int_equal(part, known[i].part_us);
        }
        rs_zone_free(&zone);
    }
}

static void test_names(void **state)
{
    (void)state;
    for (int unit = RS_CALENDAR_DAY; unit <= RS_CALENDAR_YEAR; unit++) {
        enum rs_calendar_unit found;
        assert_true(rs_calendar_unit_find(rs_calendar_unit_name((enum rs_calendar_unit)unit), &found));
        assert_int_equal(found, unit);
    }
    enum rs_calendar_unit found;
    assert_false(rs_calendar_unit_find("fortnight", &found));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_cells),          cmocka_unit_test(test_cells_are_a_partition),
        cmocka_unit_test(test_shortest_and_longest), cmocka_unit_test(test_times_beyond_all),
        cmocka_unit_test(test_part_of_an_hour),      cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests_name("calendar", tests, NULL, NULL);
}
