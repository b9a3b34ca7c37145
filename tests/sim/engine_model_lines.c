/* What the model shows: each view and each ended window, folded and rendered anew from all the events. */
#include <stdlib.h>

#include "base/number.h"
#include "tests/sim/engine_model_internal.h"

/* ---- folding ---- */

struct fold {
    int64_t events, n, priced;
    int64_t sum_q, sum_qq, sum_p, sum_pq, sum_w;
    int64_t lo, hi;
    const struct model_event *first, *last; /* with a price */
    int64_t oldest_us, newest_us;
    struct model_range range;
};

static struct fold fold_range(const struct model *m, struct model_range range)
{
    struct fold f = {.oldest_us = INT64_MAX, .newest_us = MODEL_NONE, .range = range};
    for (size_t i = 0; i < m->count; i++) {
        const struct model_event *e = &m->events[i];
        if (!model_in_range(m, &range, e)) {
            continue;
        }
        f.events++;
        f.sum_q += e->quantity;
        f.sum_qq += e->quantity * e->quantity;
        f.newest_us = e->time_us > f.newest_us ? e->time_us : f.newest_us;
        f.oldest_us = e->time_us < f.oldest_us ? e->time_us : f.oldest_us;
        if (!e->has_price) {
            continue;
        }
        f.lo = f.priced == 0 || e->price < f.lo ? e->price : f.lo;
        f.hi = f.priced == 0 || e->price > f.hi ? e->price : f.hi;
        f.priced++;
        f.sum_p += e->price;
        f.sum_pq += e->price * e->quantity;
        f.sum_w += e->quantity;
        f.first = !f.first || model_before(e, f.first) ? e : f.first;
        f.last = !f.last || model_before(f.last, e) ? e : f.last;
    }
    return f;
}

static struct fold fold_window(const struct model *m, int aggregate, const char *key, int64_t start,
                               int64_t end)
{
    return fold_range(
        m, (struct model_range){.aggregate = aggregate, .key = key, .start_us = start, .end_us = end});
}

/* ---- rendering ---- */

static void put(struct rs_buf *out, const char *name, const char *text, size_t size)
{
    rs_buf_printf(out, " %s=%.*s", name, (int)size, text);
}

static void put_decimal(struct rs_buf *out, const char *name, int64_t value, int scale)
{
    char text[RS_NUMBER_TEXT_MAX];
    put(out, name, text, rs_decimal_format(value, scale, text));
}

static void put_ratio(struct rs_buf *out, const char *name, int64_t numerator, int64_t denominator)
{
    char text[RS_NUMBER_TEXT_MAX];
    put(out, name, text, rs_double_format((double)numerator / (double)denominator, text));
}

static int64_t length_of(const struct model_aggregate *a, const struct fold *f)
{
    if (model_by_calendar(a)) {
        return f->range.end_us - f->range.start_us;
    }
    return a->window == MODEL_SESSION ? f->newest_us - f->oldest_us + a->size_us : a->size_us;
}

static void put_stats(struct rs_buf *out, const struct model *m, const struct fold *f,
                      const int64_t *previous)
{
    const struct model_aggregate *a = &m->config.aggregates[f->range.aggregate];
    put_decimal(out, "n", f->events, 0);
    put_decimal(out, "np", f->priced, 0);
    put_decimal(out, "v", f->sum_q, 0);
    if (f->events) {
        put_ratio(out, "mq", f->sum_q, f->events);
    }
    if (f->priced) {
        put_decimal(out, "lo", f->lo, 2);
        put_decimal(out, "hi", f->hi, 2);
        put_decimal(out, "f", f->first->price, 2);
        put_decimal(out, "l", f->last->price, 2);
    }
    if (f->sum_w) {
        put_ratio(out, "w", f->sum_pq, 100 * f->sum_w);
    }
    if (f->events > 1) {
        put_ratio(out, "var", f->events * f->sum_qq - f->sum_q * f->sum_q, f->events * (f->events - 1));
    }
    if (a->rate && f->events) {
        put_ratio(out, "r", f->sum_q * 1000000, length_of(a, f));
    }
    if (a->parts) {
        model_put_parts(m, &f->range, out);
    }
    if (a->change && previous && f->last) {
        put_decimal(out, "c", f->last->price - *previous, 2);
        if (*previous != 0) {
            put_ratio(out, "pc", 100 * (f->last->price - *previous), *previous < 0 ? -*previous : *previous);
        }
    }
}

static void put_tail(struct rs_buf *out, bool window, int64_t start, int64_t end, int64_t event_us,
                     int64_t events)
{
    if (window) {
        put_decimal(out, "window_start", model_down(start, 1000) / 1000, 0);
        put_decimal(out, "window_end", model_down(end, 1000) / 1000, 0);
    }
    if (event_us != MODEL_NONE) {
        put_decimal(out, "event_time", model_down(event_us, 1000) / 1000, 0);
    }
    put_decimal(out, "events", events, 0);
}

/* Last price before `start` in any earlier window of the group; NULL: none. Append streams. */
static const struct model_event *price_before(const struct model *m, int aggregate, const char *key,
                                              int64_t start)
{
    struct fold f = fold_window(m, aggregate, key, MODEL_NONE, start);
    return f.last;
}

/* Upsert: newest present period below `limit`; NULL: none. */
static const struct model_event *present_before(const struct model *m, int aggregate, const char *key,
                                                int64_t limit)
{
    const struct model_event *newest = NULL;
    for (size_t i = 0; i < m->count; i++) {
        const struct model_event *e = &m->events[i];
        if (model_same_group(e, aggregate, key) && !e->absent && e->time_us < limit &&
            (!newest || e->time_us > newest->time_us)) {
            newest = e;
        }
    }
    return newest;
}

struct lines {
    const struct model *m;
    int aggregate;
    const char *key;
    model_line *see;
    void *ctx;
    int64_t now_us, clock_us;
};

static void put_line(const struct lines *l, const char *kind, int64_t score, struct rs_buf *text, bool held)
{
    struct rs_buf line = {0};
    rs_buf_char(text, '\0');
    rs_buf_printf(&line, "%s a%d/%s %lld%s", kind, l->aggregate, l->key, (long long)score,
                  (const char *)text->data);
    rs_buf_char(&line, '\0');
    if (line.failed || text->failed) {
        abort();
    }
    l->see(l->ctx, (const char *)line.data, held);
    rs_buf_fini(&line);
    rs_buf_fini(text);
}

/* ---- append ---- */

static bool same_content(const struct model *m, int aggregate, const char *key, int64_t size, int64_t end1,
                         int64_t end2)
{
    for (size_t i = 0; i < m->count; i++) {
        const struct model_event *e = &m->events[i];
        bool in1 = e->time_us >= end1 - size && e->time_us < end1;
        bool in2 = e->time_us >= end2 - size && e->time_us < end2;
        if (model_same_group(e, aggregate, key) && in1 != in2) {
            return false;
        }
    }
    return true;
}

static void sliding_line(const struct lines *l, const struct model_aggregate *a)
{
    struct rs_buf text = {0};
    int64_t now_end = model_first_end(a, l->now_us);
    int64_t empty = model_last_end(a, l->clock_us) + a->every_us; /* so is every later one */
    now_end = empty < now_end ? empty : now_end;
    int64_t end = now_end;
    int64_t least = model_first_end(a, l->clock_us); /* below it the newest event is not in the window */
    while (end > least && same_content(l->m, l->aggregate, l->key, a->size_us, end - a->every_us, now_end)) {
        end -= a->every_us;
    }
    struct fold f = fold_window(l->m, l->aggregate, l->key, end - a->size_us, end);
    put_stats(&text, l->m, &f, NULL);
    put_tail(&text, true, end - a->size_us, end, f.newest_us, f.events);
    int64_t change = end > least ? end : l->clock_us;
    put_line(l, "hash", model_down(change, 1000) / 1000, &text, true);
}

/* Of windows by the calendar the next one is empty, and so is every later one. */
static void since_line(const struct lines *l, const struct model_aggregate *a)
{
    struct rs_buf text = {0};
    struct model_cell cell = model_cell_of(a, l->clock_us);
    bool over = l->now_us >= cell.end_us;
    cell = over ? model_cell_of(a, cell.end_us) : cell;
    struct fold f = fold_window(l->m, l->aggregate, l->key, cell.start_us, cell.end_us);
    put_stats(&text, l->m, &f, NULL);
    put_tail(&text, true, cell.start_us, cell.end_us, f.newest_us, f.events);
    put_line(l, "hash", model_down(over ? cell.end_us : l->clock_us, 1000) / 1000, &text, true);
}

static void newest_line(const struct lines *l, const struct model_aggregate *a)
{
    struct rs_buf text = {0};
    struct fold f = fold_range(l->m, (struct model_range){.aggregate = l->aggregate,
                                                          .key = l->key,
                                                          .start_us = MODEL_NONE,
                                                          .end_us = INT64_MAX,
                                                          .newest = a->last});
    put_stats(&text, l->m, &f, NULL);
    put_tail(&text, true, f.oldest_us, f.newest_us, f.newest_us, f.events);
    put_line(l, "hash", model_down(l->clock_us, 1000) / 1000, &text, true);
}

static void view_line(const struct lines *l, const struct model_aggregate *a)
{
    struct rs_buf text = {0};
    bool all = a->window == MODEL_ALL;
    int64_t start = all ? MODEL_NONE : model_down(l->clock_us, a->size_us);
    int64_t end = all ? INT64_MAX : start + a->size_us;
    if (model_by_calendar(a)) {
        struct model_cell cell = model_cell_of(a, l->clock_us);
        start = cell.start_us;
        end = cell.end_us;
    }
    if (a->window == MODEL_SESSION) {
        struct model_session session = model_session_of(l->m, l->aggregate, l->key, l->clock_us);
        start = session.first_us;
        end = session.last_us + a->size_us;
    }
    struct fold f = fold_window(l->m, l->aggregate, l->key, start, end);
    const struct model_event *previous = all ? NULL : price_before(l->m, l->aggregate, l->key, start);
    put_stats(&text, l->m, &f, previous ? &previous->price : NULL);
    put_tail(&text, !all, start, end, f.newest_us, f.events);
    put_line(l, "hash", model_down(l->clock_us, 1000) / 1000, &text, true);
}

static void window_line(const struct lines *l, const struct model_aggregate *a, int64_t end)
{
    struct rs_buf text = {0};
    int64_t start = model_by_calendar(a) ? model_cell_of(a, end - 1).start_us : end - a->size_us;
    struct fold f = fold_window(l->m, l->aggregate, l->key, start, end);
    if (f.events == 0) {
        return;
    }
    const struct model_event *previous = price_before(l->m, l->aggregate, l->key, start);
    put_stats(&text, l->m, &f, previous ? &previous->price : NULL);
    put_tail(&text, true, start, end, f.newest_us, f.events);
    int64_t revision = 0;
    for (size_t i = 0; i < l->m->count; i++) {
        const struct model_event *e = &l->m->events[i];
        revision += model_same_group(e, l->aggregate, l->key) && e->time_us >= start && e->time_us < end &&
                    e->clock_before_us != MODEL_NONE && e->clock_before_us >= end;
    }
    put_decimal(&text, "revision", revision, 0);
    put_line(l, "history", model_down(start, 1000) / 1000, &text,
             end > l->clock_us - l->m->config.lateness_us);
}

/* ---- sessions ---- */

static int descending(const void *x, const void *y)
{
    int64_t a = *(const int64_t *)x;
    int64_t b = *(const int64_t *)y;
    return (a < b) - (a > b);
}

static void session_line(const struct lines *l, int64_t start, int64_t end)
{
    struct rs_buf text = {0};
    struct fold f = fold_window(l->m, l->aggregate, l->key, start, end);
    const struct model_event *previous = price_before(l->m, l->aggregate, l->key, start);
    int64_t revision = 0;
    put_stats(&text, l->m, &f, previous ? &previous->price : NULL);
    put_tail(&text, true, start, end, f.newest_us, f.events);
    for (size_t i = 0; i < l->m->count; i++) {
        const struct model_event *e = &l->m->events[i];
        revision +=
            model_same_group(e, l->aggregate, l->key) && e->time_us >= start && e->time_us < end && e->news;
    }
    put_decimal(&text, "revision", revision, 0);
    put_line(l, "history", model_down(start, 1000) / 1000, &text, true);
}

/* The newest that have ended, as many as are kept. */
static void session_lines(const struct lines *l, const struct model_aggregate *a)
{
    int64_t *times = calloc(l->m->count + 1, sizeof *times);
    size_t count = 0;
    int64_t shown = 0;
    if (!times) {
        abort();
    }
    for (size_t i = 0; i < l->m->count; i++) {
        if (model_same_group(&l->m->events[i], l->aggregate, l->key)) {
            times[count++] = l->m->events[i].time_us;
        }
    }
    qsort(times, count, sizeof *times, descending);
    for (size_t i = 0; i < count && (a->keep == 0 || shown < a->keep);) {
        struct model_session session = model_session_of(l->m, l->aggregate, l->key, times[i]);
        if (session.last_us + a->size_us <= l->now_us) {
            session_line(l, session.first_us, session.last_us + a->size_us);
            shown++;
        }
        while (i < count && times[i] >= session.first_us) {
            i++;
        }
    }
    free(times);
}

/* ---- upsert ---- */

static void upsert_line(const struct lines *l, const struct model_aggregate *a)
{
    struct rs_buf text = {0};
    const struct model_event *newest = present_before(l->m, l->aggregate, l->key, INT64_MAX);
    int64_t start = MODEL_NONE;
    int64_t end = newest ? newest->time_us + 1 : MODEL_NONE;
    if (newest && a->window == MODEL_LAST) {
        start = newest->time_us;
        for (int64_t i = 1; i < a->last; i++) {
            const struct model_event *earlier = present_before(l->m, l->aggregate, l->key, start);
            start = earlier ? earlier->time_us : start;
        }
    } else if (newest && a->window != MODEL_ALL) {
        end = model_first_end(a, newest->time_us);
        start = end - a->size_us;
    }
    struct fold f = fold_window(l->m, l->aggregate, l->key, start, end);
    const struct model_event *previous =
        newest ? present_before(l->m, l->aggregate, l->key, newest->time_us) : NULL;
    put_stats(&text, l->m, &f, previous ? &previous->price : NULL);
    put_tail(&text, newest && a->window != MODEL_ALL, start,
             newest && a->window == MODEL_LAST ? newest->time_us : end, f.newest_us, f.events);
    put_line(l, "hash", model_down(newest ? newest->time_us : l->clock_us, 1000) / 1000, &text, true);
}

static void upsert_window_line(const struct lines *l, const struct model_aggregate *a, int64_t end)
{
    struct rs_buf text = {0};
    int64_t start = end - a->size_us;
    int64_t revision = 0;
    bool some = false;
    for (size_t i = 0; i < l->m->count; i++) {
        const struct model_event *e = &l->m->events[i];
        if (model_same_group(e, l->aggregate, l->key) && e->time_us >= start && e->time_us < end) {
            revision += e->revision;
            some = true;
        }
    }
    if (!some) {
        return;
    }
    struct fold f = fold_window(l->m, l->aggregate, l->key, start, end);
    const struct model_event *newest = f.events ? present_before(l->m, l->aggregate, l->key, end) : NULL;
    const struct model_event *previous =
        newest ? present_before(l->m, l->aggregate, l->key, newest->time_us) : NULL;
    put_stats(&text, l->m, &f, previous ? &previous->price : NULL);
    put_tail(&text, true, start, end, f.newest_us, f.events);
    put_decimal(&text, "revision", revision, 0);
    put_line(l, "history", model_down(start, 1000) / 1000, &text, true);
}

/* ---- all ---- */

/* The first window that ends after `end` and has an event in it. */
static int64_t next_end(const struct lines *l, const struct model_aggregate *a, int64_t end)
{
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < l->m->count; i++) {
        const struct model_event *e = &l->m->events[i];
        if (model_same_group(e, l->aggregate, l->key) && model_last_end(a, e->time_us) > end) {
            int64_t first = model_first_end(a, e->time_us);
            int64_t of_it = first > end ? first : end + a->every_us;
            next = of_it < next ? of_it : next;
        }
    }
    return next;
}

static void group_lines(struct lines *l)
{
    const struct model_aggregate *a = &l->m->config.aggregates[l->aggregate];
    if (l->m->config.upsert) {
        upsert_line(l, a);
    } else if (a->window == MODEL_SLIDING) {
        sliding_line(l, a);
    } else if (a->window == MODEL_LAST) {
        newest_line(l, a);
    } else if (a->since) {
        since_line(l, a);
    } else {
        view_line(l, a);
    }
    if (!a->history) {
        return;
    }
    if (a->window == MODEL_SESSION) {
        session_lines(l, a);
        return;
    }
    for (int64_t end = next_end(l, a, MODEL_NONE); end <= l->now_us; end = next_end(l, a, end)) {
        if (l->m->config.upsert) {
            upsert_window_line(l, a, end);
        } else {
            window_line(l, a, end);
        }
    }
}

void model_lines(const struct model *m, int64_t now_shown_us, model_line *see, void *ctx)
{
    for (size_t i = 0; i < m->count; i++) {
        const struct model_event *e = &m->events[i];
        bool known = e->gone;
        for (size_t k = 0; k < i && !known; k++) {
            known = model_same_group(&m->events[k], e->aggregate, e->key);
        }
        if (!known) {
            int64_t clock_us = model_clock_of(m, e->aggregate, e->key);
            int64_t now_us =
                clock_us > now_shown_us ? clock_us : now_shown_us; /* its own word counts for it */
            struct lines l = {m, e->aggregate, e->key, see, ctx, now_us, clock_us};
            group_lines(&l);
        }
    }
}
