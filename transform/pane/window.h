/* window: which windows an event time falls into, and when they end. Pure arithmetic.
 * Times are microseconds since the epoch. A window is [end - size, end); ends are multiples of `every`, behind
 * `offset`. Tumbling is sliding with every == size. Panes are slices of gcd(size, every), so that every window
 * is a run of whole panes.
 * A window by the calendar is one cell of it (base/time/calendar.h), and so is its pane: nothing is reckoned
 * with size, every and slice then. They are a cell's nominal length and, twice, that of the shortest.
 * A session is where its events are, which group/group.h knows; of the functions below only rs_window_ends and
 * rs_window_panes may be asked about one.
 * Thread: any; plain values. */
#ifndef RS_TRANSFORM_PANE_WINDOW_H
#define RS_TRANSFORM_PANE_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time/calendar.h"

enum rs_window_kind {
    RS_WINDOW_TUMBLING,
    RS_WINDOW_SLIDING, /* every < size, or since a cell of the calendar began: drains as shown time goes on */
    RS_WINDOW_ALL,     /* one pane, never final */
    RS_WINDOW_LAST,    /* the newest `last` events; of upsert streams, periods */
    RS_WINDOW_SESSION, /* events that follow each other within less than size_us, the gap */
};

struct rs_window {
    enum rs_window_kind kind;
    bool by_calendar;
    bool since; /* written so: sliding, of one pane */
    int64_t size_us;
    int64_t every_us;
    int64_t slice_us;
    int64_t offset_us; /* 0 <= offset < every */
    int64_t last;
    struct rs_calendar calendar;
    const char *zone; /* its name; NULL: none was given */
};

/* First time of a pane and end of a window that stand for "none". */
#define RS_WINDOW_NEVER INT64_MAX

void rs_window_init(struct rs_window *window, enum rs_window_kind kind, int64_t size_us, int64_t every_us);
/* Tumbling or sliding, by cells. The zone outlives the window. */
void rs_window_init_calendar(struct rs_window *window, enum rs_window_kind kind, enum rs_calendar_unit unit,
                             const struct rs_zone *zone);
/* By the trading days of an exchange, whose sessions outlive the window: tumbling by RS_CALENDAR_SESSION, or sliding by
 * RS_CALENDAR_TRADING_DAY. */
void rs_window_init_sessions(struct rs_window *window, enum rs_window_kind kind,
                             const struct rs_calendar *calendar);

/* Largest multiple of `step` that is not above `t`; mathematical floor. */
static inline int64_t rs_floor_to(int64_t t, int64_t step)
{
    int64_t rest = t % step;
    return t - (rest < 0 ? rest + step : rest);
}

/* Whole milliseconds, floor. */
static inline int64_t rs_floor_ms(int64_t us)
{
    return rs_floor_to(us, 1000) / 1000;
}

/* `all` and `last` have no ends: every_us and slice_us are 0, there is one slice, and ends are
 * RS_WINDOW_NEVER. Whoever treats all groups alike need not know which window they have. */
static inline bool rs_window_ends(const struct rs_window *w)
{
    return w->every_us != 0;
}

/* Multiple of `step`, behind the offset, that is not above t. */
static inline int64_t rs_window_floor(const struct rs_window *w, int64_t t, int64_t step)
{
    return rs_floor_to(t - w->offset_us, step) + w->offset_us;
}

/* Start of the pane that holds t. */
static inline int64_t rs_window_slice(const struct rs_window *w, int64_t t)
{
    if (!rs_window_ends(w)) {
        return 0;
    }
    return w->by_calendar ? rs_calendar_at(&w->calendar, t).start_us : rs_window_floor(w, t, w->slice_us);
}

/* The last end that is not above t. */
static inline int64_t rs_window_passed(const struct rs_window *w, int64_t t)
{
    return w->by_calendar ? rs_calendar_at(&w->calendar, t).start_us : rs_window_floor(w, t, w->every_us);
}

/* The end after this one. */
static inline int64_t rs_window_next_end(const struct rs_window *w, int64_t end)
{
    return w->by_calendar ? rs_calendar_at(&w->calendar, end).end_us : end + w->every_us;
}

/* End of the first window that holds t. */
static inline int64_t rs_window_first_end(const struct rs_window *w, int64_t t)
{
    if (!rs_window_ends(w)) {
        return RS_WINDOW_NEVER;
    }
    return w->by_calendar ? rs_calendar_at(&w->calendar, t).end_us : rs_window_passed(w, t) + w->every_us;
}

/* End of the last window that holds t. */
static inline int64_t rs_window_last_end(const struct rs_window *w, int64_t t)
{
    if (!rs_window_ends(w)) {
        return RS_WINDOW_NEVER;
    }
    return w->by_calendar ? rs_calendar_at(&w->calendar, t).end_us : rs_window_passed(w, t + w->size_us);
}

/* First end at which a pane that starts at `start` is no longer in the window. */
static inline int64_t rs_window_leave(const struct rs_window *w, int64_t start)
{
    return rs_window_next_end(w, rs_window_last_end(w, start));
}

/* Start of the window with this end; of the first one that ends behind, where none ends there. */
static inline int64_t rs_window_start(const struct rs_window *w, int64_t end)
{
    return w->by_calendar ? rs_calendar_at(&w->calendar, end - 1).start_us : end - w->size_us;
}

/* End of the pane that starts at `start`. */
static inline int64_t rs_window_slice_end(const struct rs_window *w, int64_t start)
{
    return w->by_calendar ? rs_calendar_at(&w->calendar, start).end_us : start + w->slice_us;
}

/* Ends by number: the last one that is not above t, and the other way round. */
static inline int64_t rs_window_number(const struct rs_window *w, int64_t t)
{
    return w->by_calendar ? rs_calendar_at(&w->calendar, t).number
                          : rs_floor_to(t - w->offset_us, w->every_us) / w->every_us;
}

static inline int64_t rs_window_end_at(const struct rs_window *w, int64_t number)
{
    return w->by_calendar ? rs_calendar_start(&w->calendar, number) : number * w->every_us + w->offset_us;
}

/* As it is written: "1d" to "1y" or "session" of a tumbling window by the calendar; "hour" to "year" or "session" of
 * `since`. */
const char *rs_window_cell_text(const struct rs_window *window);
const char *rs_window_since_text(const struct rs_window *window);

/* Panes in one window. */
int64_t rs_window_panes(const struct rs_window *window);

#endif
