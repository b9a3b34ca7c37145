/* window: which windows an event time falls into, and when they end. Pure arithmetic.
 * Times are microseconds since the epoch. A window is [end - size, end); ends are multiples of `every`.
 * Tumbling is sliding with every == size. Panes are slices of gcd(size, every), so that every window is a run
 * of whole panes.
 * Thread: any; plain values. */
#ifndef RS_TRANSFORM_PANE_WINDOW_H
#define RS_TRANSFORM_PANE_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

enum rs_window_kind {
    RS_WINDOW_TUMBLING,
    RS_WINDOW_SLIDING, /* every < size: drains as shown time goes on */
    RS_WINDOW_ALL,     /* one pane, never final */
    RS_WINDOW_LAST,    /* upsert streams: the newest `last` periods */
};

struct rs_window {
    enum rs_window_kind kind;
    int64_t size_us;
    int64_t every_us;
    int64_t slice_us;
    int64_t last;
};

/* First time of a pane and end of a window that stand for "none". */
#define RS_WINDOW_NEVER INT64_MAX

void rs_window_init(struct rs_window *window, enum rs_window_kind kind, int64_t size_us, int64_t every_us);

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

static inline int64_t rs_window_slice(const struct rs_window *w, int64_t t)
{
    return rs_window_ends(w) ? rs_floor_to(t, w->slice_us) : 0;
}

/* End of the first window that holds t. */
static inline int64_t rs_window_first_end(const struct rs_window *w, int64_t t)
{
    return rs_window_ends(w) ? rs_floor_to(t, w->every_us) + w->every_us : RS_WINDOW_NEVER;
}

/* End of the last window that holds t. */
static inline int64_t rs_window_last_end(const struct rs_window *w, int64_t t)
{
    return rs_window_ends(w) ? rs_floor_to(t + w->size_us, w->every_us) : RS_WINDOW_NEVER;
}

/* First end at which a pane that starts at `start` is no longer in the window. */
static inline int64_t rs_window_leave(const struct rs_window *w, int64_t start)
{
    return rs_window_last_end(w, start) + w->every_us;
}

/* Panes in one window. */
int64_t rs_window_panes(const struct rs_window *window);

#endif
