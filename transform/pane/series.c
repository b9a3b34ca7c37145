#include "transform/pane/series.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "transform/number/accumulator.h"
#include "transform/number/exact.h"
#include "transform/number/logarithm.h"
#include "transform/pane/series_fold.h"

#define FIRST_ROOM 4

/* ---- where things are ---- */

static struct rs_series_entry *entry_at(const struct rs_part *part, struct rs_series *s, uint32_t i)
{
    return (struct rs_series_entry *)(void *)((uint8_t *)s->entries + i * rs_series_entry_bytes(part));
}

/* How many a part keeps; of all that are there, those are the newest. */
static uint32_t most_of(const struct rs_part *part)
{
    return part->kind == &rs_part_lag ? (uint32_t)part->params[0].value + 1 : RS_SERIES_MAX;
}

static size_t bytes_of(const struct rs_part *part, uint32_t room)
{
    return sizeof(struct rs_series) + room * rs_series_entry_bytes(part);
}

static int compare_values(enum rs_num_kind kind, const struct rs_num *a, const struct rs_num *b)
{
    switch (kind) {
    case RS_NUM_INT64: return (a->i > b->i) - (a->i < b->i);
    case RS_NUM_INT128: return (a->w > b->w) - (a->w < b->w);
    case RS_NUM_DOUBLE: return (a->d > b->d) - (a->d < b->d);
    }
    return 0;
}

static int compare(const struct rs_part *part, const struct rs_series_entry *a,
                   const struct rs_series_entry *b)
{
    if (a->time_us != b->time_us) {
        return a->time_us < b->time_us ? -1 : 1;
    }
    if (a->order != b->order) {
        return a->order < b->order ? -1 : 1;
    }
    struct rs_num x = rs_series_value(part, a);
    struct rs_num y = rs_series_value(part, b);
    return compare_values(part->x.kind, &x, &y);
}

/* ---- memory ---- */

static bool reserve(const struct rs_part *part, struct rs_series **slot, size_t *grown)
{
    struct rs_series *s = *slot;
    uint32_t room = s ? 2 * s->room : FIRST_ROOM;
    if (s && s->count < s->room) {
        return true;
    }
    struct rs_series *wider = calloc(1, bytes_of(part, room));
    if (!wider) {
        return false;
    }
    if (s) {
        memcpy(wider, s, bytes_of(part, s->count));
    }
    *grown += bytes_of(part, room) - (s ? bytes_of(part, s->room) : 0);
    wider->room = room;
    free(s);
    *slot = wider;
    return true;
}

static size_t series_heap_bytes(const struct rs_part *part, const void *state)
{
    return bytes_of(part, ((const struct rs_series *)state)->room);
}

/* ---- adding ---- */

/* Of those that are too many: a part that keeps the newest lets the others go, many at a time, so that each is
 * moved once; any other gives up. The room stays. */
static void bound(const struct rs_part *part, struct rs_series *s)
{
    uint32_t most = most_of(part);
    if (part->kind != &rs_part_lag) {
        s->over |= s->count > most;
        s->count = s->over ? 0 : s->count;
    } else if (s->count >= 2 * most) {
        memmove(s->entries, entry_at(part, s, s->count - most), most * rs_series_entry_bytes(part));
        s->count = most;
    }
}

static bool insert(const struct rs_part *part, struct rs_series **slot, const struct rs_series_entry *entry,
                   size_t *grown)
{
    if (*slot && (*slot)->over) {
        return true;
    }
    if (!reserve(part, slot, grown)) {
        return false;
    }
    struct rs_series *s = *slot;
    uint32_t low = 0;
    uint32_t high = s->count;
    if (high && compare(part, rs_series_at(part, s, high - 1), entry) <= 0) {
        low = high;
    }
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (compare(part, rs_series_at(part, s, middle), entry) <= 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    memmove(entry_at(part, s, low + 1), entry_at(part, s, low),
            (s->count - low) * rs_series_entry_bytes(part));
    memcpy(entry_at(part, s, low), entry, rs_series_entry_bytes(part));
    s->count++;
    bound(part, s);
    return true;
}

/* Words of an entry and of the largest value. */
#define ENTRY_WORDS (sizeof(struct rs_series_entry) / sizeof(uint64_t) + 2)

static bool series_add(const struct rs_part *part, void **state, const struct rs_part_event *event,
                       size_t *grown)
{
    uint64_t words[ENTRY_WORDS] = {0};
    struct rs_series *s = *state;
    struct rs_series_entry *entry = (struct rs_series_entry *)(void *)words;
    entry->time_us = event->time_us;
    entry->order = event->order;
    memcpy(entry->value, &event->x.w, rs_series_entry_bytes(part) - sizeof *entry);
    bool added = insert(part, &s, entry, grown);
    *state = s;
    return added;
}

static bool series_merge(const struct rs_part *part, void **into, const void *from)
{
    const struct rs_series *of = from;
    struct rs_series *s = *into;
    size_t ignored = 0;
    bool whole = true;
    for (uint32_t i = 0; whole && i < of->count; i++) {
        whole = insert(part, &s, rs_series_at(part, of, i), &ignored);
    }
    if (of->over) {
        s->over = true;
        s->count = 0;
    }
    *into = s;
    return whole;
}

/* ---- bytes ---- */

static uint32_t first_of(const struct rs_part *part, const struct rs_series *s)
{
    uint32_t most = most_of(part);
    return s->count > most ? s->count - most : 0;
}

static void series_save(const struct rs_part *part, const void *state, struct rs_buf *out)
{
    const struct rs_series *s = state;
    uint32_t first = first_of(part, s);
    rs_write_u32(out, s->over ? UINT32_MAX : s->count - first);
    for (uint32_t i = first; i < s->count; i++) {
        const struct rs_series_entry *e = rs_series_at(part, s, i);
        rs_write_i64(out, e->time_us);
        rs_write_i64(out, e->order);
        for (size_t k = 0; k < (rs_series_entry_bytes(part) - sizeof *e) / sizeof(uint64_t); k++) {
            rs_write_u64(out, e->value[k]);
        }
    }
}

static bool plausible(const struct rs_part *part, const struct rs_series_entry *e)
{
    const int64_t limit = INT64_C(1) << 60;
    struct rs_num value = rs_series_value(part, e);
    return e->time_us > -limit && e->time_us < limit && rs_num_counts(part->x.kind, &value) &&
           (part->x.kind != RS_NUM_DOUBLE || !(value.d == 0 && signbit(value.d)));
}

static int series_load(const struct rs_part *part, void **state, struct rs_reader *in, uint64_t events)
{
    uint32_t count = rs_read_u32(in);
    bool over = count == UINT32_MAX && part->kind != &rs_part_lag;
    if (in->failed || count == 0 || (!over && (count > most_of(part) || count > events))) {
        return RS_ESTATE;
    }
    uint32_t room = over ? FIRST_ROOM : count;
    if (in->rest.size / rs_series_entry_bytes(part) < (over ? 0 : count)) {
        return RS_ESTATE;
    }
    struct rs_series *s = calloc(1, bytes_of(part, room));
    if (!s) {
        return RS_ENOMEM;
    }
    *state = s;
    s->room = room;
    s->over = over;
    for (uint32_t i = 0; !over && i < count; i++) {
        struct rs_series_entry *e = entry_at(part, s, i);
        e->time_us = rs_read_i64(in);
        e->order = rs_read_i64(in);
        for (size_t k = 0; k < (rs_series_entry_bytes(part) - sizeof *e) / sizeof(uint64_t); k++) {
            e->value[k] = rs_read_u64(in);
        }
        if (in->failed || !plausible(part, e) || (i > 0 && compare(part, entry_at(part, s, i - 1), e) > 0)) {
            return RS_ESTATE;
        }
        s->count++;
    }
    return 0;
}

/* ---- rendering ---- */

static void put_value(const struct rs_part *part, const struct rs_num *num, struct rs_buf *out)
{
    char text[RS_NUMBER_TEXT_MAX];
    size_t size = 0;
    switch (part->x.kind) {
    case RS_NUM_INT64: size = rs_decimal_format(num->i, part->x.scale, text); break;
    case RS_NUM_INT128: size = rs_decimal_format(num->w, part->x.scale, text); break;
    case RS_NUM_DOUBLE: size = rs_double_format(num->d, text); break;
    }
    rs_buf_put(out, text, size);
}

static void lag_render(const struct rs_part *part, const void *state, const struct rs_part_ask *ask,
                       struct rs_buf *out)
{
    const struct rs_series *s = state;
    uint32_t back = (uint32_t)ask->params[0].value;
    if (s && s->count > back) {
        struct rs_num num = rs_series_value(part, rs_series_at(part, s, s->count - 1 - back));
        put_value(part, &num, out);
    }
}

static void put_double(double value, struct rs_buf *out)
{
    char text[RS_NUMBER_TEXT_MAX];
    if (isfinite(value)) {
        rs_buf_put(out, text, rs_double_format(value, text));
    }
}

static void twa_render(const struct rs_part *part, const void *state, const struct rs_part_ask *ask,
                       struct rs_buf *out)
{
    const struct rs_series *s = state;
    double mean = 0;
    (void)ask;
    if (s && rs_series_mean_over_time(part, s, &mean)) {
        put_double(mean, out);
    }
}

static void drawdown_render(const struct rs_part *part, const void *state, const struct rs_part_ask *ask,
                            struct rs_buf *out)
{
    const struct rs_series *s = state;
    (void)ask;
    if (!s || s->count == 0) {
        return;
    }
    if (part->x.kind == RS_NUM_DOUBLE) {
        put_double(rs_series_fall_of_doubles(part, s), out);
        return;
    }
    struct rs_exact exact;
    char text[RS_NUMBER_TEXT_MAX];
    rs_series_fall(part, s, &exact);
    rs_buf_put(out, text, rs_exact_format(&exact, part->x.scale, text));
}

static void pct_drawdown_render(const struct rs_part *part, const void *state, const struct rs_part_ask *ask,
                                struct rs_buf *out)
{
    const struct rs_series *s = state;
    double percent = 0;
    (void)ask;
    if (s && rs_series_fall_in_percent(part, s, &percent)) {
        put_double(percent, out);
    }
}

static void realized_variance_render(const struct rs_part *part, const void *state,
                                     const struct rs_part_ask *ask, struct rs_buf *out)
{
    const struct rs_series *s = state;
    double sum = 0;
    (void)ask;
    if (s && rs_series_squared_returns(part, s, &sum)) {
        put_double(sum, out);
    }
}

#define SERIES                                                                                               \
    .add = series_add, .merge = series_merge, .heap_bytes = series_heap_bytes, .save = series_save,          \
    .load = series_load

const struct rs_part_kind rs_part_lag = {SERIES, .own_params = 1, .render = lag_render};
const struct rs_part_kind rs_part_twa = {SERIES, .render = twa_render};
const struct rs_part_kind rs_part_drawdown = {SERIES, .render = drawdown_render};
const struct rs_part_kind rs_part_pct_drawdown = {SERIES, .render = pct_drawdown_render};
const struct rs_part_kind rs_part_realized_variance = {SERIES, .render = realized_variance_render};
