#include "base/time/sessions.h"

#include <stdlib.h>

#include "base/time/civil.h"

#define DAYS_TO_MONDAY 3 /* 1970-01-01 was a Thursday */

static int by_day(const void *key, const void *item)
{
    int64_t day = *(const int64_t *)key;
    int64_t other = ((const struct rs_session_day *)item)->day;
    return (day > other) - (day < other);
}

const struct rs_session_hours *rs_sessions_of(const struct rs_sessions *sessions, int64_t day)
{
    const struct rs_session_day *special =
        sessions->special_count == 0
            ? NULL
            : bsearch(&day, sessions->special, sessions->special_count, sizeof *sessions->special, by_day);
    if (special) {
        return special->hours;
    }
    int64_t monday = day + DAYS_TO_MONDAY;
    return &sessions->week[monday - rs_floor_div(monday, 7) * 7];
}

/* Zones know the years 1 to 9999, and hours may be of the day before or after. */
static int64_t utc_of(const struct rs_sessions *sessions, int64_t day, int32_t seconds)
{
    int64_t known = day <= RS_DAY_MIN ? RS_DAY_MIN + 1 : day >= RS_DAY_MAX ? RS_DAY_MAX - 1 : day;
    return rs_zone_to_utc(sessions->zone, known * RS_US_PER_DAY + seconds * RS_US_PER_SECOND) +
           (day - known) * RS_US_PER_DAY;
}

static int64_t opening(const struct rs_sessions *sessions, int64_t day, const struct rs_session_hours *hours)
{
    return utc_of(sessions, day, hours->sessions[0].open_s);
}

/* Where clocks change while it trades, a close that they do not show is told as a later moment: never one behind
 * the next opening. */
static struct rs_trading_day describe(const struct rs_sessions *sessions, int64_t day)
{
    const struct rs_session_hours *hours = rs_sessions_of(sessions, day);
    int64_t next = day + 1;
    while (rs_sessions_of(sessions, next)->count == 0) {
        next++;
    }
    struct rs_trading_day out = {.day = day,
                                 .open_us = opening(sessions, day, hours),
                                 .close_us = utc_of(sessions, day, hours->sessions[hours->count - 1].close_s),
                                 .next_us = opening(sessions, next, rs_sessions_of(sessions, next))};
    out.close_us = out.close_us < out.next_us ? out.close_us : out.next_us;
    return out;
}

/* The day after next may have begun, since clocks of zones are up to 26 hours apart from each other. */
struct rs_trading_day rs_sessions_day_at(const struct rs_sessions *sessions, int64_t t)
{
    int64_t local_us = t + rs_zone_offset_at(sessions->zone, t) * RS_US_PER_SECOND;
    int64_t day = rs_floor_div(local_us, RS_US_PER_DAY) + 2;
    for (;; day--) {
        const struct rs_session_hours *hours = rs_sessions_of(sessions, day);
        if (hours->count > 0 && opening(sessions, day, hours) <= t) {
            return describe(sessions, day);
        }
    }
}

struct rs_trading_day rs_sessions_day_from(const struct rs_sessions *sessions, int64_t day)
{
    while (rs_sessions_of(sessions, day)->count == 0) {
        day++;
    }
    return describe(sessions, day);
}

struct rs_session_span rs_sessions_span_at(const struct rs_sessions *sessions, int64_t t)
{
    struct rs_trading_day day = rs_sessions_day_at(sessions, t);
    const struct rs_session_hours *hours = rs_sessions_of(sessions, day.day);
    int64_t closed_us = day.open_us;
    for (size_t i = 0; i < hours->count; i++) {
        int64_t open_us = utc_of(sessions, day.day, hours->sessions[i].open_s);
        int64_t close_us = utc_of(sessions, day.day, hours->sessions[i].close_s);
        int64_t limit_us =
            i + 1 < hours->count ? utc_of(sessions, day.day, hours->sessions[i + 1].open_s) : day.next_us;
        close_us = close_us < limit_us ? close_us : limit_us;
        if (t < open_us) {
            return (struct rs_session_span){closed_us, open_us, false};
        }
        if (t < close_us) {
            return (struct rs_session_span){open_us, close_us, true};
        }
        closed_us = close_us;
    }
    return (struct rs_session_span){closed_us, day.next_us, false};
}
