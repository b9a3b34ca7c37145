#include "tests/sim/engine_model_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- arithmetic ---- */

int64_t model_down(int64_t a, int64_t step)
{
    int64_t n = a / step;
    return (a % step != 0 && a < 0 ? n - 1 : n) * step;
}

int64_t model_first_end(const struct model_aggregate *a, int64_t t)
{
    if (model_by_calendar(a)) {
        return model_cell_of(a, t).end_us;
    }
    return model_down(t, a->every_us) + a->every_us;
}

/* Of a session, what an event alone would have. */
int64_t model_last_end(const struct model_aggregate *a, int64_t t)
{
    if (model_by_calendar(a)) {
        return model_cell_of(a, t).end_us;
    }
    return a->window == MODEL_SESSION ? t + a->size_us : model_down(t + a->size_us, a->every_us);
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

static struct model_event *add_event(struct model *m)
{
    if (m->count == m->capacity) {
        m->capacity = m->capacity ? m->capacity * 2 : 256;
        m->events = realloc(m->events, m->capacity * sizeof *m->events);
        if (!m->events) {
            abort();
        }
    }
    m->events[m->count] = (struct model_event){0};
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

bool model_same_group(const struct model_event *e, int aggregate, const char *key)
{
    return !e->gone && e->aggregate == aggregate && strcmp(e->key, key) == 0;
}

int64_t model_clock_of(const struct model *m, int aggregate, const char *key)
{
    int64_t clock = MODEL_NONE;
    for (size_t i = 0; i < m->count; i++) {
        if (model_same_group(&m->events[i], aggregate, key) && m->events[i].time_us > clock) {
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
            first = !model_same_group(&m->events[k], m->events[i].aggregate, m->events[i].key);
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
    int64_t next = model_down(m->steady.clock_us, step) + step;
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
        struct model_event *e = &m->events[i];
        if (e->gone) {
            continue;
        }
        int64_t clock = model_clock_of(m, e->aggregate, e->key);
        if (clock >= now_us - m->config.expire_us) {
            continue;
        }
        char key[64];
        memcpy(key, e->key, sizeof key);
        remember_dropped(m, e->aggregate, key, clock);
        for (size_t k = 0; k < m->count; k++) {
            if (model_same_group(&m->events[k], e->aggregate, key)) {
                m->events[k].gone = true;
            }
        }
    }
}

static bool where_holds(const struct model_aggregate *a, const struct tick *t)
{
    return !(a->only_buys && t->side != 0) && !(a->only_a && strcmp(t->product, "a") != 0) &&
           !(a->only_open && !model_open_at(t->at_us));
}

/* ---- sessions ---- */

/* Grows by whatever is less than a gap away, until nothing is. */
struct model_session model_session_of(const struct model *m, int aggregate, const char *key, int64_t t)
{
    struct model_session s = {t, t};
    int64_t gap = m->config.aggregates[aggregate].size_us;
    for (bool grew = true; grew;) {
        grew = false;
        for (size_t i = 0; i < m->count; i++) {
            int64_t at = m->events[i].time_us;
            if (!model_same_group(&m->events[i], aggregate, key)) {
                continue;
            }
            if (at < s.first_us && s.first_us - at < gap) {
                s.first_us = at;
                grew = true;
            } else if (at > s.last_us && at - s.last_us < gap) {
                s.last_us = at;
                grew = true;
            }
        }
    }
    return s;
}

/* Whether a session that has not ended by `watermark` has the time within it. */
static bool open_session_holds(const struct model *m, int aggregate, const char *key, int64_t t,
                               int64_t watermark)
{
    int64_t gap = m->config.aggregates[aggregate].size_us;
    for (size_t i = 0; i < m->count; i++) {
        if (model_same_group(&m->events[i], aggregate, key)) {
            struct model_session s = model_session_of(m, aggregate, key, m->events[i].time_us);
            if (s.first_us <= t && t < s.last_us + gap && s.last_us + gap > watermark) {
                return true;
            }
        }
    }
    return false;
}

static bool is_news(const struct model *m, int aggregate, const char *key, int64_t t, int64_t clock)
{
    int64_t gap = m->config.aggregates[aggregate].size_us;
    bool touches = false;
    bool ended = false;
    for (size_t i = 0; i < m->count; i++) {
        int64_t at = m->events[i].time_us;
        if (model_same_group(&m->events[i], aggregate, key) && at - gap < t && t < at + gap) {
            struct model_session s = model_session_of(m, aggregate, key, at);
            touches = true;
            ended |= s.last_us + gap <= clock;
        }
    }
    return touches ? ended : clock != MODEL_NONE && t + gap <= clock;
}

/* ---- the newest events ---- */

bool model_before(const struct model_event *a, const struct model_event *b)
{
    return a->time_us < b->time_us || (a->time_us == b->time_us && a->offset < b->offset);
}

bool model_in_range(const struct model *m, const struct model_range *range, const struct model_event *e)
{
    if (!model_same_group(e, range->aggregate, range->key) || e->absent || e->time_us < range->start_us ||
        e->time_us >= range->end_us) {
        return false;
    }
    int64_t newer = 0;
    for (size_t i = 0; range->newest > 0 && i < m->count; i++) {
        newer +=
            model_same_group(&m->events[i], range->aggregate, range->key) && model_before(e, &m->events[i]);
    }
    return range->newest == 0 || newer < range->newest;
}

/* Whether as many that are newer are there already. */
static bool too_old(const struct model *m, int aggregate, const char *key, const struct model_event *e)
{
    int64_t newer = 0;
    for (size_t i = 0; i < m->count; i++) {
        newer += model_same_group(&m->events[i], aggregate, key) && model_before(e, &m->events[i]);
    }
    return newer >= m->config.aggregates[aggregate].last;
}

enum outcome { FILTERED, LATE, APPLIED };

static void fill(struct model_event *e, int number, const char *key, int64_t offset, const struct tick *t)
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
    int64_t clock = model_clock_of(m, number, key);
    const struct dropped *gone = find_dropped(m, number, key);
    const struct model_event this = {.time_us = t->at_us, .offset = offset};
    if (a->window == MODEL_LAST && too_old(m, number, key, &this)) {
        return LATE;
    }
    int64_t judge = clock != MODEL_NONE ? clock : gone ? gone->newest_us : m->forgotten_newest_us[number];
    if (a->window != MODEL_ALL && a->window != MODEL_LAST && judge != MODEL_NONE &&
        model_last_end(a, t->at_us) <= judge - m->config.lateness_us &&
        !(a->window == MODEL_SESSION &&
          open_session_holds(m, number, key, t->at_us, judge - m->config.lateness_us))) {
        return LATE;
    }
    bool news = a->window == MODEL_SESSION && is_news(m, number, key, t->at_us, clock);
    struct model_event *e = add_event(m);
    fill(e, number, key, offset, t);
    e->clock_before_us = clock;
    e->news = news;
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
    int64_t clock = model_clock_of(m, number, key);
    struct model_event *found = NULL;
    struct model_event *oldest = NULL;
    int64_t periods = 0;
    for (size_t i = 0; i < m->count; i++) {
        struct model_event *e = &m->events[i];
        if (model_same_group(e, number, key)) {
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
        bool passed = a->size_us && clock != MODEL_NONE && clock >= model_first_end(a, t->at_us);
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
