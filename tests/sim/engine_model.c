#include "tests/sim/engine_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"

struct event {
    int aggregate;
    char key[64];
    int64_t time_us, offset, version;
    bool has_price;
    int64_t price, quantity;
    int64_t clock_before_us; /* of its group; MODEL_NONE: the first */
    bool gone;               /* its group was dropped, or its period given up */
    bool absent;             /* upsert: withdrawn or filtered */
    int64_t revision;        /* upsert: winning changes after the window's end */
};

/* Times of which the steady time is made. */
struct steady {
    int64_t *samples; /* all there ever were */
    size_t count, capacity, records;
    int64_t clock_us;
    size_t below;
};

struct dropped {
    int aggregate;
    char key[64];
    int64_t newest_us;
};

struct model {
    struct model_config config;
    struct steady steady, id_steady;
    uint64_t checked; /* records consumed before the last look for groups that expire */
    bool expiry_set;
    int64_t expire_at_us;
    struct dropped *dropped;
    size_t dropped_count, dropped_capacity;
    bool undecided;
    int64_t front_us, shown_us;
    struct event *events; /* append: applied ones; upsert: one for each register */
    size_t count, capacity;
    struct {
        char id[16];
        int64_t clock_us; /* steady time when it came */
        int64_t time_us;  /* its own, or that */
        bool before_back; /* it came before the steady time went back last */
    } * ids;
    size_t id_count, id_capacity;
    int64_t back_us;                                   /* to when that went */
    int64_t forgotten_newest_us[MODEL_AGGREGATES_MAX]; /* of dropped groups that are not remembered */
    int64_t upsert_clock_us;                           /* scratch */
    struct model_counts counts;
};

/* ---- arithmetic ---- */

static int64_t down(int64_t a, int64_t step)
{
    int64_t n = a / step;
    return (a % step != 0 && a < 0 ? n - 1 : n) * step;
}

static int64_t first_end(const struct model_aggregate *a, int64_t t)
{
    return down(t, a->every_us) + a->every_us;
}

static int64_t last_end(const struct model_aggregate *a, int64_t t)
{
    return down(t + a->size_us, a->every_us);
}

/* ---- life ---- */

struct model *model_new(const struct model_config *config)
{
    struct model *m = calloc(1, sizeof *m);
    if (!m) {
        abort();
    }
    m->config = *config;
    m->steady.clock_us = m->id_steady.clock_us = MODEL_NONE;
    m->front_us = m->shown_us = MODEL_NONE;
    for (int i = 0; i < MODEL_AGGREGATES_MAX; i++) {
        m->forgotten_newest_us[i] = MODEL_NONE;
    }
    return m;
}

void model_free(struct model *m)
{
    free(m->events);
    free(m->ids);
    free(m->dropped);
    free(m->steady.samples);
    free(m->id_steady.samples);
    free(m);
}

struct model_counts model_counts(const struct model *m)
{
    return m->counts;
}

bool model_undecided(const struct model *m)
{
    return m->undecided;
}

int64_t model_show(struct model *m, int64_t at_least_us)
{
    m->front_us = at_least_us > m->front_us ? at_least_us : m->front_us;
    m->shown_us = m->front_us > m->shown_us ? m->front_us : m->shown_us;
    return m->shown_us;
}

static void *more_room(void *items, size_t size, size_t count, size_t *capacity)
{
    if (count < *capacity) {
        return items;
    }
    *capacity = *capacity ? *capacity * 2 : 64;
    items = realloc(items, *capacity * size);
    if (!items) {
        abort();
    }
    return items;
}

/* ---- steady time ---- */

#define SAMPLES ((size_t)255)

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The samples that count, ascending. */
static size_t latest(const struct steady *s, int64_t out[SAMPLES])
{
    size_t count = s->count < SAMPLES ? s->count : SAMPLES;
    if (count > 0) {
        memcpy(out, s->samples + s->count - count, count * sizeof *out);
        qsort(out, count, sizeof *out, ascending);
    }
    return count;
}

/* The first 255 records, then every eighth. Returns whether the clock went back. */
static bool steady_add(struct steady *s, int64_t time_us, bool *sampled)
{
    int64_t sorted[SAMPLES];
    size_t number = s->records++;
    *sampled = number < SAMPLES || number % 8 == 0;
    if (!*sampled) {
        return false;
    }
    s->samples = more_room(s->samples, sizeof *s->samples, s->count, &s->capacity);
    s->samples[s->count++] = time_us;
    size_t count = latest(s, sorted);
    int64_t median = sorted[(count - 1) / 2];
    s->below = s->count > SAMPLES && median < s->clock_us ? s->below + 1 : 0;
    bool stays = s->below > 0 && s->below < SAMPLES;
    bool back = !stays && s->clock_us != MODEL_NONE && median < s->clock_us;
    if (!stays) {
        s->clock_us = median;
        s->below = 0;
    }
    return back;
}

/* ---- the time that is shown ---- */

static int64_t step_of(const struct model *m, int64_t gaps)
{
    int64_t sorted[SAMPLES];
    size_t count = latest(&m->steady, sorted);
    int64_t shortest = INT64_MAX;
    for (int i = 0; i < m->config.aggregate_count; i++) {
        int64_t size = m->config.aggregates[i].size_us;
        shortest = size && size < shortest ? size : shortest;
    }
    int64_t step = (shortest == INT64_MAX ? 0 : shortest) + (m->config.upsert ? 0 : m->config.lateness_us);
    step = step < 1000000 ? 1000000 : step;
    if (count >= 5) {
        size_t low = count / 4;
        size_t middle = (count - 1) / 2;
        size_t high = (count - 1) * 3 / 4;
        int64_t below = (sorted[middle] - sorted[low]) / (int64_t)(middle - low);
        int64_t above = (sorted[high] - sorted[middle]) / (int64_t)(high - middle);
        int64_t gap = (below < above ? below : above) / (m->steady.records > SAMPLES ? 8 : 1);
        step = gaps * gap > step ? gaps * gap : step;
    }
    return step;
}

/* The highest sample that is reached from the median step by step. */
static int64_t reached(const int64_t *sorted, size_t count, int64_t step)
{
    size_t at = (count - 1) / 2;
    while (at + 1 < count && sorted[at + 1] <= sorted[at] + step) {
        at++;
    }
    return sorted[at];
}

static void go_on(struct model *m, int64_t time_us, bool sampled)
{
    int64_t sorted[SAMPLES];
    size_t count = latest(&m->steady, sorted);
    int64_t step = step_of(m, 8);
    int64_t front = m->front_us;
    if (m->steady.records <= SAMPLES) {
        front = reached(sorted, count, step);
        front = m->shown_us != MODEL_NONE && m->front_us > front ? m->front_us : front;
    } else if (sampled && sorted[(count - 1) / 2] > front) {
        front = reached(sorted, count, step_of(m, 32));
    }
    m->front_us = time_us > front && time_us <= front + step ? time_us : front;
}

static struct event *add_event(struct model *m)
{
    if (m->count == m->capacity) {
        m->capacity = m->capacity ? m->capacity * 2 : 256;
        m->events = realloc(m->events, m->capacity * sizeof *m->events);
        if (!m->events) {
            abort();
        }
    }
    m->events[m->count] = (struct event){0};
    return &m->events[m->count++];
}

/* ---- judging ---- */

static void key_of(const struct model_aggregate *a, const struct tick *t, char out[64])
{
    const char *market = t->market ? t->market : "%null";
    const char *product = strcmp(t->product, "c d") == 0   ? "c%20d"
                          : strcmp(t->product, "e:f") == 0 ? "e%3Af"
                                                           : t->product;
    switch (a->by) {
    case 0: out[0] = '\0'; break;
    case 1: snprintf(out, 64, "%s", product); break;
    default: snprintf(out, 64, "%s:%s", market, product); break;
    }
}

static bool same_group(const struct event *e, int aggregate, const char *key)
{
    return !e->gone && e->aggregate == aggregate && strcmp(e->key, key) == 0;
}

/* Highest event time of a group; MODEL_NONE: there is no such group. */
static int64_t clock_of(const struct model *m, int aggregate, const char *key)
{
    int64_t clock = MODEL_NONE;
    for (size_t i = 0; i < m->count; i++) {
        if (same_group(&m->events[i], aggregate, key) && m->events[i].time_us > clock) {
            clock = m->events[i].time_us;
        }
    }
    return clock;
}

/* When the oldest id came. That cannot have been later than what the steady time went back to. */
static int64_t id_clock(const struct model *m)
{
    bool bounded = m->ids[0].before_back && m->ids[0].clock_us > m->back_us;
    return bounded ? m->back_us : m->ids[0].clock_us;
}

static bool duplicate(struct model *m, const struct tick *t, int64_t timestamp_us)
{
    if (!m->config.dedup) {
        return false;
    }
    int64_t ts = timestamp_us == RS_TIME_NONE ? t->at_us : timestamp_us;
    bool known = false;
    for (size_t i = 0; i < m->id_count; i++) {
        known |= t->id && strcmp(m->ids[i].id, t->id) == 0 && ts <= m->ids[i].time_us + m->config.dedup_us;
    }
    bool sampled;
    bool back = steady_add(&m->id_steady, ts, &sampled);
    int64_t clock_us = m->id_steady.clock_us;
    m->back_us = back ? clock_us : m->back_us;
    for (size_t i = 0; back && i < m->id_count; i++) {
        m->ids[i].before_back = true;
    }
    bool majority = m->id_steady.records >= SAMPLES;
    while (majority && m->id_count && id_clock(m) < clock_us - m->config.dedup_us) {
        memmove(m->ids, m->ids + 1, --m->id_count * sizeof *m->ids);
    }
    if (!t->id || known) {
        return known;
    }
    if ((int64_t)m->id_count == m->config.dedup_max) {
        memmove(m->ids, m->ids + 1, --m->id_count * sizeof *m->ids);
    }
    if (m->id_count == m->id_capacity) {
        m->id_capacity = m->id_capacity ? m->id_capacity * 2 : 64;
        m->ids = realloc(m->ids, m->id_capacity * sizeof *m->ids);
        if (!m->ids) {
            abort();
        }
    }
    snprintf(m->ids[m->id_count].id, sizeof m->ids->id, "%s", t->id);
    m->ids[m->id_count].clock_us = clock_us;
    m->ids[m->id_count].before_back = false;
    m->ids[m->id_count++].time_us = ts > clock_us ? ts : clock_us;
    return false;
}

static struct dropped *find_dropped(const struct model *m, int aggregate, const char *key)
{
    for (size_t i = 0; i < m->dropped_count; i++) {
        if (m->dropped[i].aggregate == aggregate && strcmp(m->dropped[i].key, key) == 0) {
            return &m->dropped[i];
        }
    }
    return NULL;
}

/* Those with the oldest times are forgotten, when there are too many. */
static void forget_dropped(struct model *m, int aggregate)
{
    size_t count = 0;
    size_t oldest = 0;
    for (size_t i = 0; i < m->dropped_count; i++) {
        if (m->dropped[i].aggregate == aggregate) {
            bool first = count++ == 0;
            m->undecided |= !first && m->dropped[i].newest_us == m->dropped[oldest].newest_us;
            oldest = first || m->dropped[i].newest_us < m->dropped[oldest].newest_us ? i : oldest;
        }
    }
    if (count > m->config.gone_max) {
        int64_t newest = m->dropped[oldest].newest_us;
        int64_t *forgotten = &m->forgotten_newest_us[aggregate];
        *forgotten = newest > *forgotten ? newest : *forgotten;
        m->dropped[oldest] = m->dropped[--m->dropped_count];
    }
}

static void remember_dropped(struct model *m, int aggregate, const char *key, int64_t newest_us)
{
    struct dropped *known = find_dropped(m, aggregate, key);
    if (known) {
        known->newest_us = newest_us > known->newest_us ? newest_us : known->newest_us;
        return;
    }
    m->dropped = more_room(m->dropped, sizeof *m->dropped, m->dropped_count, &m->dropped_capacity);
    struct dropped *fresh = &m->dropped[m->dropped_count++];
    *fresh = (struct dropped){.aggregate = aggregate, .newest_us = newest_us};
    snprintf(fresh->key, sizeof fresh->key, "%s", key);
    forget_dropped(m, aggregate);
}

static uint64_t live_groups(const struct model *m)
{
    uint64_t groups = 0;
    for (size_t i = 0; i < m->count; i++) {
        bool first = !m->events[i].gone;
        for (size_t k = 0; k < i && first; k++) {
            first = !same_group(&m->events[k], m->events[i].aggregate, m->events[i].key);
        }
        groups += first;
    }
    return groups;
}

/* Whether groups are looked at now: the steady time has reached the next multiple of a 64th of `expire`, and
 * an eighth as many records have come since the last time as there are groups. */
static bool check_due(struct model *m, bool back)
{
    int64_t step = m->config.expire_us / 64 > 1000000 ? m->config.expire_us / 64 : 1000000;
    int64_t next = down(m->steady.clock_us, step) + step;
    if (!m->expiry_set || (back && next < m->expire_at_us)) {
        m->expiry_set = true;
        m->expire_at_us = next;
    }
    uint64_t before = m->counts.consumed - 1;
    if (m->steady.clock_us < m->expire_at_us || (before - m->checked) * 8 < live_groups(m)) {
        return false;
    }
    m->expire_at_us = next;
    m->checked = before;
    return true;
}

static void expire(struct model *m, bool back)
{
    if (!m->config.expires || !check_due(m, back)) {
        return;
    }
    int64_t now_us = m->steady.clock_us;
    for (size_t i = 0; i < m->count; i++) {
        struct event *e = &m->events[i];
        if (e->gone) {
            continue;
        }
        int64_t clock = clock_of(m, e->aggregate, e->key);
        if (clock >= now_us - m->config.expire_us) {
            continue;
        }
        char key[64];
        memcpy(key, e->key, sizeof key);
        remember_dropped(m, e->aggregate, key, clock);
        for (size_t k = 0; k < m->count; k++) {
            if (same_group(&m->events[k], e->aggregate, key)) {
                m->events[k].gone = true;
            }
        }
    }
}

static bool where_holds(const struct model_aggregate *a, const struct tick *t)
{
    return !(a->only_buys && t->side != 0) && !(a->only_a && strcmp(t->product, "a") != 0);
}

enum outcome { FILTERED, LATE, APPLIED };

static void fill(struct event *e, int number, const char *key, int64_t offset, const struct tick *t)
{
    e->aggregate = number;
    snprintf(e->key, sizeof e->key, "%s", key);
    e->time_us = t->at_us;
    e->offset = offset;
    e->has_price = !t->no_price;
    e->price = t->price;
    e->quantity = t->quantity;
    e->version = t->revision;
}

static enum outcome apply_append(struct model *m, int number, int64_t offset, const struct tick *t)
{
    const struct model_aggregate *a = &m->config.aggregates[number];
    char key[64];
    if (!where_holds(a, t)) {
        return FILTERED;
    }
    key_of(a, t, key);
    int64_t clock = clock_of(m, number, key);
    const struct dropped *gone = find_dropped(m, number, key);
    int64_t judge = clock != MODEL_NONE ? clock : gone ? gone->newest_us : m->forgotten_newest_us[number];
    if (a->window != MODEL_ALL && judge != MODEL_NONE &&
        last_end(a, t->at_us) <= judge - m->config.lateness_us) {
        return LATE;
    }
    struct event *e = add_event(m);
    fill(e, number, key, offset, t);
    e->clock_before_us = clock;
    return APPLIED;
}

static enum outcome apply_upsert(struct model *m, int number, int64_t offset, const struct tick *t)
{
    const struct model_aggregate *a = &m->config.aggregates[number];
    char key[64];
    bool holds = where_holds(a, t);
    bool by_only =
        a->only_a && !a->only_buys && a->by > 0; /* `where` looks at nothing but product, a `by` field */
    if (!holds && by_only) {
        return FILTERED;
    }
    key_of(a, t, key);
    int64_t clock = clock_of(m, number, key);
    struct event *found = NULL;
    struct event *oldest = NULL;
    int64_t periods = 0;
    for (size_t i = 0; i < m->count; i++) {
        struct event *e = &m->events[i];
        if (same_group(e, number, key)) {
            periods++;
            found = e->time_us == t->at_us ? e : found;
            oldest = !oldest || e->time_us < oldest->time_us ? e : oldest;
        }
    }
    if (!found && oldest && periods == m->config.max_periods) {
        if (t->at_us < oldest->time_us) {
            return LATE;
        }
        oldest->gone = true;
    }
    bool fresh = !found;
    found = found ? found : add_event(m);
    if (fresh || t->revision >= found->version) {
        int64_t revision = found->revision;
        fill(found, number, key, offset, t);
        found->absent = t->no_price || !holds;
        bool passed = a->size_us && clock != MODEL_NONE && clock >= first_end(a, t->at_us);
        found->revision = revision + passed;
    }
    return APPLIED;
}

void model_apply(struct model *m, int64_t offset, int64_t timestamp_us, const struct tick *t)
{
    m->counts.consumed++;
    if (!t || t->no_time || (m->config.upsert && t->no_revision)) {
        m->counts.rejected++;
        return;
    }
    if (duplicate(m, t, timestamp_us)) {
        m->counts.duplicate++;
        return;
    }
    enum outcome best = FILTERED;
    for (int i = 0; i < m->config.aggregate_count; i++) {
        enum outcome o = m->config.upsert ? apply_upsert(m, i, offset, t) : apply_append(m, i, offset, t);
        best = o > best ? o : best;
    }
    m->counts.applied += best == APPLIED;
    m->counts.late += best == LATE;
    m->counts.filtered += best == FILTERED;
    bool sampled;
    bool back = steady_add(&m->steady, t->at_us, &sampled);
    if (sampled) {
        expire(m, back);
    }
    go_on(m, t->at_us, sampled);
}

/* ---- folding ---- */

struct fold {
    int64_t events, n, priced;
    int64_t sum_q, sum_qq, sum_p, sum_pq, sum_w;
    int64_t lo, hi;
    const struct event *first, *last; /* with a price */
    int64_t newest_us;
};

static bool before(const struct event *a, const struct event *b)
{
    return a->time_us < b->time_us || (a->time_us == b->time_us && a->offset < b->offset);
}

static struct fold fold_window(const struct model *m, int aggregate, const char *key, int64_t start,
                               int64_t end)
{
    struct fold f = {.newest_us = MODEL_NONE};
    for (size_t i = 0; i < m->count; i++) {
        const struct event *e = &m->events[i];
        if (!same_group(e, aggregate, key) || e->absent || e->time_us < start || e->time_us >= end) {
            continue;
        }
        f.events++;
        f.sum_q += e->quantity;
        f.sum_qq += e->quantity * e->quantity;
        f.newest_us = e->time_us > f.newest_us ? e->time_us : f.newest_us;
        if (!e->has_price) {
            continue;
        }
        f.lo = f.priced == 0 || e->price < f.lo ? e->price : f.lo;
        f.hi = f.priced == 0 || e->price > f.hi ? e->price : f.hi;
        f.priced++;
        f.sum_p += e->price;
        f.sum_pq += e->price * e->quantity;
        f.sum_w += e->quantity;
        f.first = !f.first || before(e, f.first) ? e : f.first;
        f.last = !f.last || before(f.last, e) ? e : f.last;
    }
    return f;
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

static void put_stats(struct rs_buf *out, const struct model_aggregate *a, const struct fold *f,
                      const int64_t *previous)
{
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
        put_ratio(out, "r", f->sum_q * 1000000, a->size_us);
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
        put_decimal(out, "window_start", down(start, 1000) / 1000, 0);
        put_decimal(out, "window_end", down(end, 1000) / 1000, 0);
    }
    if (event_us != MODEL_NONE) {
        put_decimal(out, "event_time", down(event_us, 1000) / 1000, 0);
    }
    put_decimal(out, "events", events, 0);
}

/* Last price before `start` in any earlier window of the group; NULL: none. Append streams. */
static const struct event *price_before(const struct model *m, int aggregate, const char *key, int64_t start)
{
    struct fold f = fold_window(m, aggregate, key, MODEL_NONE, start);
    return f.last;
}

/* Upsert: newest present period below `limit`; NULL: none. */
static const struct event *present_before(const struct model *m, int aggregate, const char *key,
                                          int64_t limit)
{
    const struct event *newest = NULL;
    for (size_t i = 0; i < m->count; i++) {
        const struct event *e = &m->events[i];
        if (same_group(e, aggregate, key) && !e->absent && e->time_us < limit &&
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
        const struct event *e = &m->events[i];
        bool in1 = e->time_us >= end1 - size && e->time_us < end1;
        bool in2 = e->time_us >= end2 - size && e->time_us < end2;
        if (same_group(e, aggregate, key) && in1 != in2) {
            return false;
        }
    }
    return true;
}

static void sliding_line(const struct lines *l, const struct model_aggregate *a)
{
    struct rs_buf text = {0};
    int64_t now_end = first_end(a, l->now_us);
    int64_t empty = last_end(a, l->clock_us) + a->every_us; /* so is every later one */
    now_end = empty < now_end ? empty : now_end;
    int64_t end = now_end;
    int64_t least = first_end(a, l->clock_us); /* below it the newest event is not in the window */
    while (end > least && same_content(l->m, l->aggregate, l->key, a->size_us, end - a->every_us, now_end)) {
        end -= a->every_us;
    }
    struct fold f = fold_window(l->m, l->aggregate, l->key, end - a->size_us, end);
    put_stats(&text, a, &f, NULL);
    put_tail(&text, true, end - a->size_us, end, f.newest_us, f.events);
    int64_t change = end > least ? end : l->clock_us;
    put_line(l, "hash", down(change, 1000) / 1000, &text, true);
}

static void view_line(const struct lines *l, const struct model_aggregate *a)
{
    struct rs_buf text = {0};
    bool all = a->window == MODEL_ALL;
    int64_t start = all ? MODEL_NONE : down(l->clock_us, a->size_us);
    int64_t end = all ? INT64_MAX : start + a->size_us;
    struct fold f = fold_window(l->m, l->aggregate, l->key, start, end);
    const struct event *previous = all ? NULL : price_before(l->m, l->aggregate, l->key, start);
    put_stats(&text, a, &f, previous ? &previous->price : NULL);
    put_tail(&text, !all, start, end, f.newest_us, f.events);
    put_line(l, "hash", down(l->clock_us, 1000) / 1000, &text, true);
}

static void window_line(const struct lines *l, const struct model_aggregate *a, int64_t end)
{
    struct rs_buf text = {0};
    int64_t start = end - a->size_us;
    struct fold f = fold_window(l->m, l->aggregate, l->key, start, end);
    if (f.events == 0) {
        return;
    }
    const struct event *previous = price_before(l->m, l->aggregate, l->key, start);
    put_stats(&text, a, &f, previous ? &previous->price : NULL);
    put_tail(&text, true, start, end, f.newest_us, f.events);
    int64_t revision = 0;
    for (size_t i = 0; i < l->m->count; i++) {
        const struct event *e = &l->m->events[i];
        revision += same_group(e, l->aggregate, l->key) && e->time_us >= start && e->time_us < end &&
                    e->clock_before_us != MODEL_NONE && e->clock_before_us >= end;
    }
    put_decimal(&text, "revision", revision, 0);
    put_line(l, "history", down(start, 1000) / 1000, &text, end > l->clock_us - l->m->config.lateness_us);
}

/* ---- upsert ---- */

static void upsert_line(const struct lines *l, const struct model_aggregate *a)
{
    struct rs_buf text = {0};
    const struct event *newest = present_before(l->m, l->aggregate, l->key, INT64_MAX);
    int64_t start = MODEL_NONE;
    int64_t end = newest ? newest->time_us + 1 : MODEL_NONE;
    if (newest && a->window == MODEL_LAST) {
        start = newest->time_us;
        for (int64_t i = 1; i < a->last; i++) {
            const struct event *earlier = present_before(l->m, l->aggregate, l->key, start);
            start = earlier ? earlier->time_us : start;
        }
    } else if (newest && a->window != MODEL_ALL) {
        end = first_end(a, newest->time_us);
        start = end - a->size_us;
    }
    struct fold f = fold_window(l->m, l->aggregate, l->key, start, end);
    const struct event *previous =
        newest ? present_before(l->m, l->aggregate, l->key, newest->time_us) : NULL;
    put_stats(&text, a, &f, previous ? &previous->price : NULL);
    put_tail(&text, newest && a->window != MODEL_ALL, start,
             newest && a->window == MODEL_LAST ? newest->time_us : end, f.newest_us, f.events);
    put_line(l, "hash", down(newest ? newest->time_us : l->clock_us, 1000) / 1000, &text, true);
}

static void upsert_window_line(const struct lines *l, const struct model_aggregate *a, int64_t end)
{
    struct rs_buf text = {0};
    int64_t start = end - a->size_us;
    int64_t revision = 0;
    bool some = false;
    for (size_t i = 0; i < l->m->count; i++) {
        const struct event *e = &l->m->events[i];
        if (same_group(e, l->aggregate, l->key) && e->time_us >= start && e->time_us < end) {
            revision += e->revision;
            some = true;
        }
    }
    if (!some) {
        return;
    }
    struct fold f = fold_window(l->m, l->aggregate, l->key, start, end);
    const struct event *newest = f.events ? present_before(l->m, l->aggregate, l->key, end) : NULL;
    const struct event *previous =
        newest ? present_before(l->m, l->aggregate, l->key, newest->time_us) : NULL;
    put_stats(&text, a, &f, previous ? &previous->price : NULL);
    put_tail(&text, true, start, end, f.newest_us, f.events);
    put_decimal(&text, "revision", revision, 0);
    put_line(l, "history", down(start, 1000) / 1000, &text, true);
}

/* ---- all ---- */

/* The first window that ends after `end` and has an event in it. */
static int64_t next_end(const struct lines *l, const struct model_aggregate *a, int64_t end)
{
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < l->m->count; i++) {
        const struct event *e = &l->m->events[i];
        if (same_group(e, l->aggregate, l->key) && last_end(a, e->time_us) > end) {
            int64_t first = first_end(a, e->time_us);
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
    } else {
        view_line(l, a);
    }
    if (!a->history) {
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
        const struct event *e = &m->events[i];
        bool known = e->gone;
        for (size_t k = 0; k < i && !known; k++) {
            known = same_group(&m->events[k], e->aggregate, e->key);
        }
        if (!known) {
            int64_t clock_us = clock_of(m, e->aggregate, e->key);
            int64_t now_us =
                clock_us > now_shown_us ? clock_us : now_shown_us; /* its own word counts for it */
            struct lines l = {m, e->aggregate, e->key, see, ctx, now_us, clock_us};
            group_lines(&l);
        }
    }
}

/* ---- configuration ---- */

static void window_yaml(const struct model_aggregate *a, struct rs_buf *out)
{
    switch (a->window) {
    case MODEL_TUMBLING: rs_buf_printf(out, "{tumbling: %lldms}", (long long)a->size_us / 1000); break;
    case MODEL_SLIDING:
        rs_buf_printf(out, "{sliding: %lldms, every: %lldms}", (long long)a->size_us / 1000,
                      (long long)a->every_us / 1000);
        break;
    case MODEL_ALL: rs_buf_text(out, "{all: true}"); break;
    case MODEL_LAST: rs_buf_printf(out, "{last: %lld}", (long long)a->last); break;
    }
}

static void aggregate_yaml(const struct model_aggregate *a, int number, struct rs_buf *out)
{
    static const char *const bys[] = {"[]", "[product]", "[market, product]"};
    rs_buf_printf(out, "  a%d:\n    stream: ticks\n    by: %s\n    window: ", number, bys[a->by]);
    window_yaml(a, out);
    if (a->only_buys || a->only_a) {
        rs_buf_printf(out, "\n    where: {%s%s%s}", a->only_buys ? "side: BUY" : "",
                      a->only_buys && a->only_a ? ", " : "", a->only_a ? "product: a" : "");
    }
    rs_buf_text(out, a->history ? "\n    history: 100000\n    stats:\n" : "\n    stats:\n");
    rs_buf_text(out,
                "      n: count()\n      np: count(price)\n      v: sum(quantity)\n      mq: mean(quantity)\n"
                "      lo: min(price)\n      hi: max(price)\n      f: first(price)\n      l: last(price)\n"
                "      w: vwap(price, quantity)\n      var: variance(quantity)\n");
    if (a->rate) {
        rs_buf_text(out, "      r: rate(quantity)\n");
    }
    if (a->change) {
        rs_buf_text(out, "      c: change(price)\n      pc: pct_change(price)\n");
    }
}

void model_yaml(const struct model_config *c, struct rs_buf *out)
{
    rs_buf_text(out, "streams:\n  ticks:\n    topic: t\n    schema: tick.avsc\n    time: at\n");
    if (c->upsert) {
        rs_buf_printf(out, "    upsert: {version: revision, value: price, max_periods: %lld}\n",
                      (long long)c->max_periods);
    } else {
        rs_buf_printf(out, "    lateness: %lldms\n", (long long)c->lateness_us / 1000);
        if (c->max_future_us) {
            rs_buf_printf(out, "    max_future: %lldms\n", (long long)c->max_future_us / 1000);
        } else {
            rs_buf_text(out, "    max_future: 36500d\n");
        }
    }
    if (c->expires) {
        rs_buf_printf(out, "    expire: %lldms\n", (long long)c->expire_us / 1000);
    } else if (!c->upsert) {
        rs_buf_text(out, "    expire: 30000d\n");
    }
    if (c->dedup) {
        rs_buf_printf(out, "    id: id\n    dedup: %lldms\n    dedup_max: %lld\n",
                      (long long)c->dedup_us / 1000, (long long)c->dedup_max);
    }
    rs_buf_text(out, "aggregates:\n");
    for (int i = 0; i < c->aggregate_count; i++) {
        aggregate_yaml(&c->aggregates[i], i, out);
    }
}
