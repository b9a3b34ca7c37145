#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/time/calendar.h"
#include "base/time/civil.h"
#include "base/time/sessions.h"
#include "base/time/text.h"
#include "tests/lib/random.h"

#define HOUR_S 3600
#define DAY    RS_US_PER_DAY

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

static const struct rs_session_hours none;
/* Of the evening before to the afternoon, with a break. */
static const struct rs_session_hours evening = {
    2, {{-7 * HOUR_S, 15 * HOUR_S}, {15 * HOUR_S + 1800, 16 * HOUR_S}}};
static const struct rs_session_hours round_the_clock = {1, {{0, 24 * HOUR_S}}};

static struct rs_sessions weekdays(const struct rs_session_hours *hours, const struct rs_zone *zone)
{
    struct rs_sessions sessions = {.zone = zone};
    for (int i = 0; i < 5; i++) {
        sessions.week[i] = *hours;
    }
    return sessions;
}

static void expect_day(const struct rs_sessions *sessions, const char *time, const char *open,
                       const char *close, const char *next)
{
    struct rs_trading_day day = rs_sessions_day_at(sessions, at(time));
    assert_int_equal(day.open_us, at(open));
    assert_int_equal(day.close_us, at(close));
    assert_int_equal(day.next_us, at(next));
    struct rs_trading_day same = rs_sessions_day_from(sessions, day.day);
    assert_memory_equal(&same, &day, sizeof day);
}

static void test_known_days(void **state)
{
    (void)state;
    struct rs_zone *zone = zone_of("America/Chicago");
    /* 2026-03-08 is the Sunday on which clocks go forward; the Wednesday is a holiday. */
    const struct rs_session_day special[] = {{at("2026-03-11") / DAY, &none}};
    struct rs_sessions sessions = weekdays(&evening, zone);
    sessions.special = special;
    sessions.special_count = 1;
    expect_day(&sessions, "2026-03-06T12:00:00Z", "2026-03-05T23:00:00Z", "2026-03-06T22:00:00Z",
               "2026-03-08T22:00:00Z");
    expect_day(&sessions, "2026-03-08T22:00:00Z", "2026-03-08T22:00:00Z", "2026-03-09T21:00:00Z",
               "2026-03-09T22:00:00Z");
    expect_day(&sessions, "2026-03-11T12:00:00Z", "2026-03-09T22:00:00Z", "2026-03-10T21:00:00Z",
               "2026-03-11T22:00:00Z");
    rs_zone_free(&zone);
}

static void test_spans(void **state)
{
    (void)state;
    struct rs_sessions sessions = weekdays(&evening, NULL);
    static const struct {
        const char *from, *until;
        bool open;
    } spans[] = {
        {"2026-11-29T17:00:00Z", "2026-11-30T15:00:00Z", true},
        {"2026-11-30T15:00:00Z", "2026-11-30T15:30:00Z", false},
        {"2026-11-30T15:30:00Z", "2026-11-30T16:00:00Z", true},
        {"2026-11-30T16:00:00Z", "2026-11-30T17:00:00Z", false},
        {"2026-11-30T17:00:00Z", "2026-12-01T15:00:00Z", true},
    };
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) {
        for (int64_t t = at(spans[i].from); t < at(spans[i].until); t += 60 * RS_US_PER_SECOND) {
            struct rs_session_span span = rs_sessions_span_at(&sessions, t);
            assert_int_equal(span.from_us, at(spans[i].from));
            assert_int_equal(span.until_us, at(spans[i].until));
            assert_int_equal(span.open, spans[i].open);
        }
    }
}

/* Whatever the clocks do: cells and spans follow each other without a gap, and a session lies in one cell. */
static void test_partition_of_time(void **state)
{
    (void)state;
    static const char *const zones[] = {"UTC", "America/New_York", "Pacific/Apia", "Australia/Lord_Howe"};
    static const struct rs_session_hours early = {
        2, {{HOUR_S + 1800, 2 * HOUR_S + 1800}, {23 * HOUR_S, 24 * HOUR_S}}};
    static const struct rs_session_hours *const hours[] = {&evening, &round_the_clock, &early};
    struct rs_random seed = rs_random_of_run();
    for (size_t i = 0; i < 4 * 3 * 300; i++) {
        struct rs_zone *zone = zone_of(zones[i % 4]);
        struct rs_sessions sessions = weekdays(hours[i / 4 % 3], zone);
        int64_t t =
            rs_random_between(&seed, -60000, 60000) * DAY + rs_random_between(&seed, 0, 86399999) * 1000;
        for (int unit = RS_CALENDAR_TRADING_DAY; unit <= RS_CALENDAR_SESSION; unit++) {
            const struct rs_calendar calendar = {
                .unit = (enum rs_calendar_unit)unit, .zone = zone, .sessions = &sessions};
            struct rs_calendar_cell cell = rs_calendar_at(&calendar, t);
            assert_true(cell.start_us <= t && t < cell.end_us);
            struct rs_calendar_cell last = rs_calendar_at(&calendar, cell.end_us - 1);
            assert_memory_equal(&last, &cell, sizeof cell);
            struct rs_calendar_cell next = rs_calendar_at(&calendar, cell.end_us);
            assert_int_equal(next.start_us, cell.end_us);
            assert_true(next.number > cell.number);
            assert_int_equal(rs_calendar_start(&calendar, cell.number), cell.start_us);
            struct rs_session_span span = rs_sessions_span_at(&sessions, t);
            assert_true(span.from_us <= t && t < span.until_us);
            assert_true(span.from_us >= cell.start_us || !span.open);
            assert_true(span.until_us <= cell.end_us);
        }
        rs_zone_free(&zone);
    }
}

static void test_lengths(void **state)
{
    (void)state;
    struct rs_zone *zone = zone_of("America/New_York");
    static const struct rs_session_hours hours = {1, {{9 * HOUR_S + 1800, 16 * HOUR_S}}};
    static const struct rs_session_hours half = {1, {{9 * HOUR_S + 1800, 13 * HOUR_S}}};
    struct rs_sessions sessions = weekdays(&hours, zone);
    const struct rs_session_day special[] = {
        {at("2026-11-26") / DAY, &none}, {at("2026-11-27") / DAY, &half}, {at("2026-11-30") / DAY, &none}};
    struct rs_calendar days;
    struct rs_calendar opened;
    sessions.special = special;
    sessions.special_count = 3;
    rs_calendar_init_sessions(&days, &opened, &sessions);
    assert_int_equal(days.longest_us, 4 * DAY);
    assert_int_equal(days.shortest_us, DAY); /* clocks change at weekends */
    assert_int_equal(opened.shortest_us, (3 * HOUR_S + 1800) * RS_US_PER_SECOND);
    assert_int_equal(opened.longest_us, 4 * DAY - (3 * HOUR_S + 1800) * RS_US_PER_SECOND);
    rs_zone_free(&zone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_days),
        cmocka_unit_test(test_spans),
        cmocka_unit_test(test_partition_of_time),
        cmocka_unit_test(test_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
