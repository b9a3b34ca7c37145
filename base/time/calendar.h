/* calendar: days, weeks, months, quarters and years as the clocks of a time zone show them, and the days on which
 * an exchange trades.
 * A cell is [start, end) in UTC. Cells follow each other without gaps and are numbered: days since
 * 1970-01-01, weeks from Monday (ISO 8601) since that of 1969-12-29, months, quarters and years since year 0.
 * A cell begins at the first moment at which the zone's clocks show its first day or a later one. So a day has
 * 23 or 25 hours where clocks change; midnight that does not exist is the moment of the change, moved by what the
 * change began before it (as in Toronto in 1919); and a day that a zone left out has a number, but no cell.
 * Of an exchange (sessions.h), cells go from the opening of a trading day to the next opening, numbered by its date; or
 * to its last close, followed by the cell of what lies between, numbered by twice its date, and one more.
 * Times are microseconds since the epoch; beyond the years 1 to 9999 cells go on with the last offset.
 * Thread: any; immutable once made. */
#ifndef RS_BASE_TIME_CALENDAR_H
#define RS_BASE_TIME_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time/sessions.h"
#include "base/time/zone.h"

enum rs_calendar_unit {
    RS_CALENDAR_DAY,
    RS_CALENDAR_WEEK,
    RS_CALENDAR_MONTH,
    RS_CALENDAR_QUARTER,
    RS_CALENDAR_YEAR,
    RS_CALENDAR_TRADING_DAY, /* from one opening to the next */
    RS_CALENDAR_SESSION,     /* from an opening to the last close of its day, then to the next opening */
};

struct rs_calendar {
    enum rs_calendar_unit unit;
    const struct rs_zone *zone;         /* NULL: UTC; the caller's */
    const struct rs_sessions *sessions; /* of the last two units: the caller's */
    int64_t shortest_us, longest_us;    /* of all cells there are */
};

struct rs_calendar_cell {
    int64_t start_us, end_us;
    int64_t number;
};

/* Looks at every cell from 1800 to 2440: zones kept local time before, and by 2440 each rule has come round. */
void rs_calendar_init(struct rs_calendar *calendar, enum rs_calendar_unit unit, const struct rs_zone *zone);
/* Both units of an exchange at once, whose named days have to be of those years. A tenth of a second. */
void rs_calendar_init_sessions(struct rs_calendar *days, struct rs_calendar *sessions,
                               const struct rs_sessions *of);

/* The cell that holds t. Some 100 ns: for what happens once a window, not for every event. */
struct rs_calendar_cell rs_calendar_at(const struct rs_calendar *calendar, int64_t t);
/* Where a cell begins; that of the next one, where the zone left it out. */
int64_t rs_calendar_start(const struct rs_calendar *calendar, int64_t number);

const char *rs_calendar_unit_name(enum rs_calendar_unit unit); /* "day" … "year", "trading day", "session" */
/* False: there is no such unit, or it is of an exchange. */
bool rs_calendar_unit_find(const char *name, enum rs_calendar_unit *out);

/* Whether a zone's clocks have always been away from UTC by the same part of an hour since 1970, and by how
 * much, 0 <= *out_us < 1h: then its hours are those of UTC, that much earlier. */
bool rs_zone_hour_part(const struct rs_zone *zone, int64_t *out_us);

#endif
