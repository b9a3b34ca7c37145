#include "base/time/calendar.h"

#include <string.h>

#include "base/time/civil.h"

#define FIRST_YEAR     1800
#define LAST_YEAR      2440
#define US_PER_HOUR    (INT64_C(3600) * RS_US_PER_SECOND)
#define DAYS_TO_MONDAY 3 /* 1970-01-01 was a Thursday */
/* Ends of windows lie behind the newest time there can be; all else beyond is no time. */
#define MARGIN_US (4000 * RS_US_PER_DAY)

static const char *const unit_names[] = {"day", "week", "month", "quarter", "year", "trading day", "session"};
#define CIVIL_UNITS RS_CALENDAR_TRADING_DAY /* those before it */

const char *rs_calendar_unit_name(enum rs_calendar_unit unit)
{
    return unit_names[unit];
}

bool rs_calendar_unit_find(const char *name, enum rs_calendar_unit *out)
{
    for (size_t i = 0; i < CIVIL_UNITS; i++) {
        if (strcmp(name, unit_names[i]) == 0) {
            *out = (enum rs_calendar_unit)i;
            return true;
        }
    }
    return false;
}

static int64_t number_of_day(enum rs_calendar_unit unit, int64_t day)
{
    if (unit == RS_CALENDAR_DAY) {
        return day;
    }
    if (unit == RS_CALENDAR_WEEK) {
        return rs_floor_div(day + DAYS_TO_MONDAY, 7);
    }
    int year;
    int month;
    int ignored;
    rs_civil_from_days(day, &year, &month, &ignored);
    switch (unit) {
    case RS_CALENDAR_MONTH: return (int64_t)year * 12 + month - 1;
    case RS_CALENDAR_QUARTER: return (int64_t)year * 4 + (month - 1) / 3;
    default: return year;
    }
}

static int64_t first_day(enum rs_calendar_unit unit, int64_t number)
{
    int64_t months = 12;
    switch (unit) {
    case RS_CALENDAR_DAY: return number;
    case RS_CALENDAR_WEEK: return number * 7 - DAYS_TO_MONDAY;
    case RS_CALENDAR_MONTH: months = 1; break;
    case RS_CALENDAR_QUARTER: months = 3; break;
    default: break;
    }
    int64_t month = number * months;
    int64_t year = rs_floor_div(month, 12);
    return rs_days_from_civil((int)year, (int)(month - year * 12) + 1, 1);
}

/* Zones know the years 1 to 9999. */
static int64_t midnight(const struct rs_zone *zone, int64_t day)
{
    int64_t known = day < RS_DAY_MIN ? RS_DAY_MIN : day > RS_DAY_MAX ? RS_DAY_MAX : day;
    return rs_zone_to_utc(zone, known * RS_US_PER_DAY) + (day - known) * RS_US_PER_DAY;
}

/* ---- of an exchange ---- */

static int64_t session_start(const struct rs_calendar *calendar, int64_t number)
{
    bool day = calendar->unit == RS_CALENDAR_TRADING_DAY;
    int64_t date = day ? number : rs_floor_div(number, 2);
    struct rs_trading_day trading = rs_sessions_day_from(calendar->sessions, date);
    return day || trading.day != date || number == 2 * date ? trading.open_us : trading.close_us;
}

static struct rs_calendar_cell session_at(const struct rs_calendar *calendar, int64_t t)
{
    struct rs_trading_day day = rs_sessions_day_at(calendar->sessions, t);
    if (calendar->unit == RS_CALENDAR_TRADING_DAY) {
        return (struct rs_calendar_cell){day.open_us, day.next_us, day.day};
    }
    return t < day.close_us ? (struct rs_calendar_cell){day.open_us, day.close_us, 2 * day.day}
                            : (struct rs_calendar_cell){day.close_us, day.next_us, 2 * day.day + 1};
}

/* ---- cells ---- */

int64_t rs_calendar_start(const struct rs_calendar *calendar, int64_t number)
{
    if (calendar->sessions) {
        return session_start(calendar, number);
    }
    return midnight(calendar->zone, first_day(calendar->unit, number));
}

/* The date that clocks show tells the cell, but for the hour before midnight that is shown once more when
 * they went back over midnight: it belongs to the day that has begun. */
struct rs_calendar_cell rs_calendar_at(const struct rs_calendar *calendar, int64_t t)
{
    t = t < RS_TIME_MIN_US - MARGIN_US ? RS_TIME_MIN_US - MARGIN_US : t;
    t = t > RS_TIME_MAX_US + MARGIN_US ? RS_TIME_MAX_US + MARGIN_US : t;
    if (calendar->sessions) {
        return session_at(calendar, t);
    }
    int64_t local_us = t + rs_zone_offset_at(calendar->zone, t) * RS_US_PER_SECOND;
    struct rs_calendar_cell cell = {.number =
                                        number_of_day(calendar->unit, rs_floor_div(local_us, RS_US_PER_DAY))};
    cell.start_us = rs_calendar_start(calendar, cell.number);
    while (t < cell.start_us) {
        cell.start_us = rs_calendar_start(calendar, --cell.number);
    }
    cell.end_us = rs_calendar_start(calendar, cell.number + 1);
    while (t >= cell.end_us) {
        cell.start_us = cell.end_us;
        cell.end_us = rs_calendar_start(calendar, ++cell.number + 1);
    }
    return cell;
}

static void measure(struct rs_calendar *calendar, int64_t size_us)
{
    if (size_us > 0 && (calendar->shortest_us == 0 || size_us < calendar->shortest_us)) {
        calendar->shortest_us = size_us;
    }
    calendar->longest_us = size_us > calendar->longest_us ? size_us : calendar->longest_us;
}

void rs_calendar_init(struct rs_calendar *calendar, enum rs_calendar_unit unit, const struct rs_zone *zone)
{
    *calendar = (struct rs_calendar){.unit = unit, .zone = zone};
    int64_t number = number_of_day(unit, rs_days_from_civil(FIRST_YEAR, 1, 1));
    int64_t last = number_of_day(unit, rs_days_from_civil(LAST_YEAR, 1, 1));
    int64_t start_us = rs_calendar_start(calendar, number);
    while (number <= last) {
        int64_t end_us = rs_calendar_start(calendar, ++number);
        measure(calendar, end_us - start_us);
        start_us = end_us;
    }
}

void rs_calendar_init_sessions(struct rs_calendar *days, struct rs_calendar *sessions,
                               const struct rs_sessions *of)
{
    *days = (struct rs_calendar){.unit = RS_CALENDAR_TRADING_DAY, .zone = of->zone, .sessions = of};
    *sessions = (struct rs_calendar){.unit = RS_CALENDAR_SESSION, .zone = of->zone, .sessions = of};
    int64_t last = rs_days_from_civil(LAST_YEAR, 1, 1);
    for (int64_t date = rs_days_from_civil(FIRST_YEAR, 1, 1); date <= last; date++) {
        struct rs_trading_day day = rs_sessions_day_from(of, date);
        measure(days, day.next_us - day.open_us);
        measure(sessions, day.close_us - day.open_us);
        measure(sessions, day.next_us - day.close_us);
        date = day.day;
    }
}

bool rs_zone_hour_part(const struct rs_zone *zone, int64_t *out_us)
{
    int64_t last_us = rs_days_from_civil(LAST_YEAR, 1, 1) * RS_US_PER_DAY;
    int64_t part = -1;
    for (int64_t at_us = 0; zone && at_us < last_us; at_us += RS_US_PER_DAY) {
        int64_t offset_us = rs_zone_offset_at(zone, at_us) * RS_US_PER_SECOND;
        int64_t now = offset_us - rs_floor_div(offset_us, US_PER_HOUR) * US_PER_HOUR;
        if (part >= 0 && now != part) {
            return false;
        }
        part = now;
    }
    *out_us = part > 0 ? part : 0;
    return true;
}
