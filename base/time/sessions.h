/* sessions: when an exchange trades: hours of each day of the week, holidays, days with other hours.
 * A trading day has one session or several with breaks between them; it may begin on the evening before. Its
 * times are those that the clocks of a zone show, as zone.h makes UTC of them.
 * Days count from 1970-01-01; times are microseconds since the epoch; hours are seconds behind the day's midnight.
 * Thread: any; immutable once made. */
#ifndef RS_BASE_TIME_SESSIONS_H
#define RS_BASE_TIME_SESSIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time/zone.h"

#define RS_SESSIONS_A_DAY 16

/* Of one day, ascending; none: it is closed. */
struct rs_session_hours {
    size_t count;
    struct rs_session {
        int32_t open_s, close_s; /* -86400 <= open < close <= 86400; no two overlap */
    } sessions[RS_SESSIONS_A_DAY];
};

struct rs_session_day {
    int64_t day;
    const struct rs_session_hours *hours;
};

/* The caller owns what it points to. At least one day of the week trades. Each trading day ends before the next
 * begins, as its own clocks show it. */
struct rs_sessions {
    const struct rs_zone *zone;
    struct rs_session_hours week[7]; /* Monday first */
    const struct rs_session_day
        *special; /* ascending: closed, or with other hours than that day of the week */
    size_t special_count;
};

const struct rs_session_hours *rs_sessions_of(const struct rs_sessions *sessions, int64_t day);

/* A trading day: from its first opening to its last close, and when the next one begins. */
struct rs_trading_day {
    int64_t day;
    int64_t open_us, close_us, next_us;
};
/* The last one that has begun by then, whether it has ended or not. Some 500 ns. */
struct rs_trading_day rs_sessions_day_at(const struct rs_sessions *sessions, int64_t t);
/* This day, or the first that trades behind it. */
struct rs_trading_day rs_sessions_day_from(const struct rs_sessions *sessions, int64_t day);

/* A stretch of time in which nothing opens or closes. */
struct rs_session_span {
    int64_t from_us, until_us;
    bool open;
};
struct rs_session_span rs_sessions_span_at(const struct rs_sessions *sessions, int64_t t);

#endif
