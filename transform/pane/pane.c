#include <math.h>

#include "base/record.h"
#include "transform/pane/internal.h"

/* For functions that are called with a constant kind, shape or order, so that each gets code of its own. */
#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* Which of two events comes first; 0 only for the same event. */
static inline int compare_keys(const struct rs_pane_key *a, const struct rs_pane_key *b)
{
    if (a->time_us != b->time_us) {
        return a->time_us < b->time_us ? -1 : 1;
    }
    return a->order < b->order ? -1 : a->order > b->order;
}

/* ---- life ---- */

void rs_pane_init(const struct rs_pane_layout *layout, void *pane)
{
    memcpy(pane, layout->empty, layout->size);
}

void rs_pane_fini(const struct rs_pane_layout *layout, void *pane)
{
    for (size_t i = 0; i < layout->super_count; i++) {
        rs_super_fini(layout->supers[i].kind, rs_pane_at(pane, layout->supers[i].at));
    }
    rs_pane_init(layout, pane);
}

void rs_pane_copy(const struct rs_pane_layout *layout, void *to, const void *from)
{
    rs_pane_fini(layout, to);
    memcpy(to, from, layout->size);
    for (size_t i = 0; i < layout->super_count; i++) {
        const struct rs_pane_super *super = &layout->supers[i];
        rs_super_init(super->kind, rs_pane_at(to, super->at));
        rs_super_copy(super->kind, rs_pane_at(to, super->at), rs_pane_at_const(from, super->at));
    }
}

uint64_t rs_pane_events(const void *pane)
{
    return ((const struct rs_pane_head *)pane)->events;
}

int64_t rs_pane_newest_us(const void *pane)
{
    return ((const struct rs_pane_head *)pane)->newest.time_us;
}

size_t rs_pane_heap_bytes(const struct rs_pane_layout *layout, const void *pane)
{
    size_t bytes = 0;

    for (size_t i = 0; i < layout->super_count; i++) {
        bytes += rs_super_heap_bytes(layout->supers[i].kind, rs_pane_at_const(pane, layout->supers[i].at));
    }
    return bytes;
}

bool rs_pane_whole(const struct rs_pane_layout *layout, const void *pane)
{
    for (size_t i = 0; i < layout->super_count; i++) {
        if (rs_super_lost(rs_pane_at_const(pane, layout->supers[i].at))) {
            return false;
        }
    }
    return true;
}

/* ---- extrema ---- */

/* Slots are aligned to 8 bytes, which is less than an rs_i128 asks for. */
ALWAYS_INLINE bool less(enum rs_num_kind kind, const void *a, const void *b)
{
    switch (kind) {
    case RS_NUM_INT64: return *(const int64_t *)a < *(const int64_t *)b;
    case RS_NUM_INT128: return rs_load128(a) < rs_load128(b);
    case RS_NUM_DOUBLE: return *(const double *)a < *(const double *)b;
    }
    return false;
}

ALWAYS_INLINE void put_value(enum rs_num_kind kind, void *slot, const void *value)
{
    memcpy(slot, value, kind == RS_NUM_INT128 ? sizeof(rs_i128) : sizeof(int64_t));
}

/* Where values come from: one value in all places of an event's, or the slots of another pane. */
struct candidates {
    const void *min;
    const void *max;
    const void *first;
    const void *last;
    int first_order; /* of their keys against those in the pane */
    int last_order;
};

/* Equal keys come from partitions that share offsets: then the value decides, so that any order of merging
 * agrees. */
ALWAYS_INLINE void take_extrema(enum rs_num_kind kind, const struct rs_pane_input *in, void *pane,
                                const struct candidates *c)
{
    if (in->min != 0 && less(kind, c->min, rs_pane_at(pane, in->min))) {
        put_value(kind, rs_pane_at(pane, in->min), c->min);
    }
    if (in->max != 0 && less(kind, rs_pane_at(pane, in->max), c->max)) {
        put_value(kind, rs_pane_at(pane, in->max), c->max);
    }
    if (in->first != 0 && c->first_order <= 0 &&
        (c->first_order < 0 || less(kind, c->first, rs_pane_at(pane, in->first)))) {
        put_value(kind, rs_pane_at(pane, in->first), c->first);
    }
    if (in->last != 0 && c->last_order >= 0 &&
        (c->last_order > 0 || less(kind, rs_pane_at(pane, in->last), c->last))) {
        put_value(kind, rs_pane_at(pane, in->last), c->last);
    }
}

/* ---- adding ----
 *
 * An event goes one of three ways, and all of them leave the same bytes:
 *
 *     rs_pane_add ─┬─ some input is no int64 ──────▶ add_any                  input by input, by kind
 *                  └─ all ─┬─ later than the rest ─▶ add_int64s_in_order      keys are not compared
 *                          └─ else, or the first ──▶ add_int64s_in_any_order  keys decide first and last
 *
 * The second is the one that counts: decimals with a scale are int64, and events come mostly in the order of
 * time. It is the third one's code, compiled again with `in_order` a constant: an event later than all others
 * is last and not first. That holds for inputs that every event has (counts_events), which share the pane's
 * keys; one that can be absent has keys of its own, which are compared on all three ways. Events of the same
 * time go the third way: there the order decides, and where that is equal too, the value. */

/* An event, and how it stands to the keys that its required inputs share. */
struct event {
    struct rs_pane_key key;
    int shared_first;
    int shared_last;
};

static inline int order_first(const struct rs_pane_input *in, void *pane, const struct event *event)
{
    if (in->counts_events) {
        return event->shared_first;
    }
    struct rs_pane_key *key = rs_pane_at(pane, in->first_key);
    int order = compare_keys(&event->key, key);
    if (order < 0) {
        *key = event->key;
    }
    return order;
}

static inline int order_last(const struct rs_pane_input *in, void *pane, const struct event *event)
{
    if (in->counts_events) {
        return event->shared_last;
    }
    struct rs_pane_key *key = rs_pane_at(pane, in->last_key);
    int order = compare_keys(&event->key, key);
    if (order > 0) {
        *key = event->key;
    }
    return order;
}

ALWAYS_INLINE void add_extrema(enum rs_num_kind kind, const struct rs_pane_input *in, void *pane,
                               const void *value, const struct event *event)
{
    struct candidates c = {
        .min = value,
        .max = value,
        .first = value,
        .last = value,
        .first_order = in->first != 0 ? order_first(in, pane, event) : 0,
        .last_order = in->last != 0 ? order_last(in, pane, event) : 0,
    };

    take_extrema(kind, in, pane, &c);
}

static inline void add_int64(const struct rs_pane_input *in, void *pane, int64_t x, const struct event *event)
{
    if (in->sum != 0) {
        rs_sum64_add(rs_pane_at(pane, in->sum), x);
    }
    if (in->squares != 0) {
        rs_product64_add(rs_pane_at(pane, in->squares), x, x);
    }
    add_extrema(RS_NUM_INT64, in, pane, &x, event);
}

static void add_int128(const struct rs_pane_input *in, void *pane, rs_i128 x, const struct event *event)
{
    if (in->sum != 0) {
        rs_sum128_add(rs_pane_at(pane, in->sum), x);
    }
    if (in->squares != 0) {
        rs_product128_add(rs_pane_at(pane, in->squares), x, x);
    }
    add_extrema(RS_NUM_INT128, in, pane, &x, event);
}

static void add_double(const struct rs_pane_input *in, void *pane, double x, const struct event *event)
{
    double value = x + 0.0; /* there is no -0 among extrema: its place beside 0 would depend on the order */

    if (in->sum != 0) {
        rs_super_add(&rs_super_sum, rs_pane_at(pane, in->sum), x);
    }
    if (in->squares != 0) {
        rs_super_add_product(&rs_super_product, rs_pane_at(pane, in->squares), x, x);
    }
    add_extrema(RS_NUM_DOUBLE, in, pane, &value, event);
}

static inline bool is_finite(enum rs_num_kind kind, const struct rs_num *num)
{
    return kind != RS_NUM_DOUBLE || isfinite(num->d);
}

/* Returns false for NaN and infinities. */
static inline bool add_input(const struct rs_pane_input *in, void *pane, const struct rs_num *num,
                             const struct event *event)
{
    if (!num->present) {
        RS_ASSERT(!in->counts_events);
        return true;
    }
    if (!is_finite(in->kind, num)) {
        return false;
    }
    if (in->count != 0) {
        *(uint64_t *)rs_pane_at(pane, in->count) += 1;
    }
    switch (in->kind) {
    case RS_NUM_INT64: add_int64(in, pane, num->i, event); break;
    case RS_NUM_INT128: add_int128(in, pane, num->w, event); break;
    case RS_NUM_DOUBLE: add_double(in, pane, num->d, event); break;
    }
    return true;
}

static rs_i128 widened(enum rs_num_kind kind, const struct rs_num *num)
{
    return kind == RS_NUM_INT64 ? num->i : num->w;
}

static void add_product_doubles(const struct rs_pane_layout *layout, const struct rs_pane_pair *pair,
                                uint64_t *sum, const struct rs_num *x, const struct rs_num *w)
{
    enum rs_num_kind x_kind = layout->inputs[pair->x].kind;
    enum rs_num_kind w_kind = layout->inputs[pair->w].kind;

    if (x_kind != RS_NUM_DOUBLE) {
        rs_super_add_scaled(&rs_super_product, sum, widened(x_kind, x), w->d);
    } else if (w_kind != RS_NUM_DOUBLE) {
        rs_super_add_scaled(&rs_super_product, sum, widened(w_kind, w), x->d);
    } else {
        rs_super_add_product(&rs_super_product, sum, x->d, w->d);
    }
}

static void add_weight(enum rs_num_kind kind, uint64_t *sum, const struct rs_num *w)
{
    switch (kind) {
    case RS_NUM_INT64: rs_sum64_add(sum, w->i); break;
    case RS_NUM_INT128: rs_sum128_add(sum, w->w); break;
    case RS_NUM_DOUBLE: rs_super_add(&rs_super_sum, sum, w->d); break;
    }
}

/* Only events that have both count, for the weights too: these have a sum of their own, unless the price
 * is in every event. */
static inline void add_pair(const struct rs_pane_layout *layout, const struct rs_pane_pair *pair, void *pane,
                            const struct rs_num *inputs)
{
    const struct rs_pane_input *x_in = &layout->inputs[pair->x];
    const struct rs_pane_input *w_in = &layout->inputs[pair->w];
    const struct rs_num *x = &inputs[pair->x_input];
    const struct rs_num *w = &inputs[pair->w_input];
    uint64_t *products = rs_pane_at(pane, pair->products);

    if (!x->present || !w->present || !is_finite(x_in->kind, x) || !is_finite(w_in->kind, w)) {
        return;
    }
    switch (pair->kind) {
    case RS_NUM_INT64: rs_product64_add(products, x->i, w->i); break;
    case RS_NUM_INT128: rs_product128_add(products, widened(x_in->kind, x), widened(w_in->kind, w)); break;
    case RS_NUM_DOUBLE: add_product_doubles(layout, pair, products, x, w); break;
    }
    if (!pair->shares_weights) {
        add_weight(w_in->kind, rs_pane_at(pane, pair->weights), w);
    }
}

/* The shared keys move when all values have been judged by where they stood. */
static inline void move_shared_keys(const struct rs_pane_layout *layout, void *pane,
                                    const struct event *event)
{
    struct rs_pane_head *head = pane;

    if (layout->shared_first != 0 && event->shared_first < 0) {
        *(struct rs_pane_key *)rs_pane_at(pane, layout->shared_first) = event->key;
    }
    if (layout->shared_last) {
        if (event->shared_last > 0) {
            head->newest = event->key;
        }
    } else if (event->key.time_us > head->newest.time_us) {
        head->newest.time_us = event->key.time_us;
    }
}

static inline struct event event_of(const struct rs_pane_layout *layout, const void *pane,
                                    struct rs_pane_key key)
{
    const struct rs_pane_head *head = pane;
    struct event event = {.key = key};

    if (layout->shared_first != 0) {
        event.shared_first = compare_keys(&key, rs_pane_at_const(pane, layout->shared_first));
    }
    if (layout->shared_last) {
        event.shared_last = compare_keys(&key, &head->newest);
    }
    return event;
}

static bool add_any(const struct rs_pane_layout *layout, void *pane, const struct rs_num *inputs,
                    struct rs_pane_key key)
{
    struct event event = event_of(layout, pane, key);
    bool finite = true;

    for (size_t i = 0; i < layout->input_count; i++) {
        const struct rs_pane_input *in = &layout->inputs[i];
        finite &= add_input(in, pane, &inputs[in->input], &event);
    }
    for (size_t i = 0; i < layout->pair_count; i++) {
        add_pair(layout, &layout->pairs[i], pane, inputs);
    }
    move_shared_keys(layout, pane, &event);
    ((struct rs_pane_head *)pane)->events++;
    return finite;
}

/* ---- adding, where every input is an int64 ----
 * The same in a third of the time, for what most inputs are once decimals are scaled: no calls, so that all
 * stays in registers, and the usual sets of slots as straight code, since the place of each follows from the
 * set. */

/* Called with a constant shape. */
ALWAYS_INLINE void add_shape(unsigned shape, uint64_t *slot, int64_t x, int first_order, int last_order)
{
    if ((shape & RS_PANE_SUM) != 0) {
        rs_sum64_add(slot, x);
        slot += RS_SUM64_LIMBS;
    }
    if ((shape & RS_PANE_SQUARES) != 0) {
        rs_product64_add(slot, x, x);
        slot += RS_PRODUCT64_LIMBS;
    }
    if ((shape & RS_PANE_MIN) != 0) {
        if (x < (int64_t)*slot) {
            *slot = (uint64_t)x;
        }
        slot++;
    }
    if ((shape & RS_PANE_MAX) != 0) {
        if (x > (int64_t)*slot) {
            *slot = (uint64_t)x;
        }
        slot++;
    }
    if ((shape & RS_PANE_FIRST) != 0) {
        if (first_order <= 0 && (first_order < 0 || x < (int64_t)*slot)) {
            *slot = (uint64_t)x;
        }
        slot++;
    }
    if ((shape & RS_PANE_LAST) != 0 && last_order >= 0 && (last_order > 0 || x > (int64_t)*slot)) {
        *slot = (uint64_t)x;
    }
}

#define ENDS   (RS_PANE_FIRST | RS_PANE_LAST)
#define RANGE  (RS_PANE_MIN | RS_PANE_MAX)
#define SPREAD (RS_PANE_SUM | RS_PANE_SQUARES)

/* `in_order`, a constant: the event comes after all that the pane holds. */
ALWAYS_INLINE void add_values(bool in_order, const struct rs_pane_input *in, void *pane, int64_t x,
                              const struct event *event)
{
    uint64_t *slot = rs_pane_at(pane, in->values);
    bool settled = in_order && in->counts_events;

    switch (in->shape) {
    case 0: return;
    case RS_PANE_SUM: add_shape(RS_PANE_SUM, slot, x, 0, 0); return;
    case SPREAD: add_shape(SPREAD, slot, x, 0, 0); return;
    case RANGE: add_shape(RANGE, slot, x, 0, 0); return;
    case SPREAD | RANGE: add_shape(SPREAD | RANGE, slot, x, 0, 0); return;
    default: break;
    }
    if (settled && in->shape == (SPREAD | RANGE | ENDS)) {
        add_shape(SPREAD | RANGE | ENDS, slot, x, 1, 1);
    } else if (settled && in->shape == (RANGE | ENDS)) {
        add_shape(RANGE | ENDS, slot, x, 1, 1);
    } else {
        int first_order = in->first != 0 ? order_first(in, pane, event) : 0;
        int last_order = in->last != 0 ? order_last(in, pane, event) : 0;
        add_shape(in->shape, slot, x, first_order, last_order);
    }
}

static inline void add_pair64(const struct rs_pane_pair *pair, void *pane, const struct rs_num *inputs)
{
    const struct rs_num *x = &inputs[pair->x_input];
    const struct rs_num *w = &inputs[pair->w_input];

    if (!x->present || !w->present) {
        return;
    }
    rs_product64_add(rs_pane_at(pane, pair->products), x->i, w->i);
    if (!pair->shares_weights) {
        rs_sum64_add(rs_pane_at(pane, pair->weights), w->i);
    }
}

/* Both ways of int64: what is present is finite, and no kind has to be asked for. */
ALWAYS_INLINE void add_int64s(bool in_order, const struct rs_pane_layout *layout, void *pane,
                              const struct rs_num *inputs, const struct event *event)
{
    const struct rs_pane_input *in = layout->inputs;
    const struct rs_pane_pair *pair = layout->pairs;

    for (size_t left = layout->input_count; left > 0; left--, in++) {
        const struct rs_num *num = &inputs[in->input];
        if (!num->present) {
            RS_ASSERT(!in->counts_events);
            continue;
        }
        if (in->count != 0) {
            *(uint64_t *)rs_pane_at(pane, in->count) += 1;
        }
        add_values(in_order, in, pane, num->i, event);
    }
    for (size_t left = layout->pair_count; left > 0; left--, pair++) {
        add_pair64(pair, pane, inputs);
    }
    ((struct rs_pane_head *)pane)->events++;
}

/* In the order of time, as events mostly come: first values stay and last ones move, without a look at the
 * keys. */
static void add_int64s_in_order(const struct rs_pane_layout *layout, void *pane, const struct rs_num *inputs,
                                struct rs_pane_key key)
{
    struct rs_pane_head *head = pane;
    const struct event event = {.key = key, .shared_first = 1, .shared_last = 1};

    add_int64s(true, layout, pane, inputs, &event);
    head->newest.time_us = key.time_us;
    if (layout->shared_last) {
        head->newest.order = key.order;
    }
}

static void add_int64s_in_any_order(const struct rs_pane_layout *layout, void *pane,
                                    const struct rs_num *inputs, struct rs_pane_key key)
{
    const struct event event = event_of(layout, pane, key);

    add_int64s(false, layout, pane, inputs, &event);
    move_shared_keys(layout, pane, &event);
}

/* The first event goes the third way: it is the pane's first value too, which the second never sets. */
bool rs_pane_add(const struct rs_pane_layout *layout, void *pane, const struct rs_num *inputs,
                 int64_t time_us, int64_t order)
{
    const struct rs_pane_head *head = pane;
    const struct rs_pane_key key = {time_us, order};

    if (!layout->all_int64) {
        return add_any(layout, pane, inputs, key);
    }
    if (time_us > head->newest.time_us && head->newest.time_us != RS_TIME_NONE) {
        add_int64s_in_order(layout, pane, inputs, key);
    } else {
        add_int64s_in_any_order(layout, pane, inputs, key);
    }
    return true;
}

/* ---- merging ---- */

static void add_sums(const struct rs_pane_layout *layout, void *into, const void *from)
{
    for (size_t i = 0; i < layout->integer_count; i++) {
        const struct rs_pane_integer *slot = &layout->integers[i];
        rs_limbs_add(rs_pane_at(into, slot->at), rs_pane_at_const(from, slot->at), slot->limbs);
    }
    for (size_t i = 0; i < layout->super_count; i++) {
        const struct rs_pane_super *slot = &layout->supers[i];
        rs_super_merge(slot->kind, rs_pane_at(into, slot->at), rs_pane_at_const(from, slot->at), false);
    }
}

void rs_pane_subtract(const struct rs_pane_layout *layout, void *from, const void *gone)
{
    for (size_t i = 0; i < layout->integer_count; i++) {
        const struct rs_pane_integer *slot = &layout->integers[i];
        rs_limbs_subtract(rs_pane_at(from, slot->at), rs_pane_at_const(gone, slot->at), slot->limbs);
    }
    for (size_t i = 0; i < layout->super_count; i++) {
        const struct rs_pane_super *slot = &layout->supers[i];
        rs_super_merge(slot->kind, rs_pane_at(from, slot->at), rs_pane_at_const(gone, slot->at), true);
    }
}

/* Like adding an event, with the other pane's values and keys in the place of one value and one key. */
ALWAYS_INLINE void merge_input(enum rs_num_kind kind, const struct rs_pane_input *in, void *into,
                               const void *from, const struct event *shared)
{
    struct candidates c = {
        .min = rs_pane_at_const(from, in->min),
        .max = rs_pane_at_const(from, in->max),
        .first = rs_pane_at_const(from, in->first),
        .last = rs_pane_at_const(from, in->last),
    };

    if (in->first != 0) {
        struct event event = *shared;
        memcpy(&event.key, rs_pane_at_const(from, in->first_key), sizeof event.key);
        c.first_order = order_first(in, into, &event);
    }
    if (in->last != 0) {
        struct event event = *shared;
        memcpy(&event.key, rs_pane_at_const(from, in->last_key), sizeof event.key);
        c.last_order = order_last(in, into, &event);
    }
    take_extrema(kind, in, into, &c);
}

/* The two shared keys are compared each with its own: the other pane's first event is not its newest. */
void rs_pane_merge_extrema(const struct rs_pane_layout *layout, void *into, const void *from)
{
    const struct rs_pane_head *from_head = from;
    struct rs_pane_key newest = {.time_us = from_head->newest.time_us,
                                 .order = layout->shared_last ? from_head->newest.order : 0};
    struct event shared = event_of(layout, into, newest);

    if (layout->shared_first != 0) {
        shared.shared_first = compare_keys(rs_pane_at_const(from, layout->shared_first),
                                           rs_pane_at_const(into, layout->shared_first));
    }
    for (size_t i = 0; i < layout->input_count; i++) {
        const struct rs_pane_input *in = &layout->inputs[i];
        switch (in->kind) {
        case RS_NUM_INT64: merge_input(RS_NUM_INT64, in, into, from, &shared); break;
        case RS_NUM_INT128: merge_input(RS_NUM_INT128, in, into, from, &shared); break;
        case RS_NUM_DOUBLE: merge_input(RS_NUM_DOUBLE, in, into, from, &shared); break;
        }
    }
    if (shared.shared_first < 0) {
        memcpy(rs_pane_at(into, layout->shared_first), rs_pane_at_const(from, layout->shared_first),
               sizeof(struct rs_pane_key));
        shared.shared_first = 0; /* moved: the rest is about `newest` */
    }
    move_shared_keys(layout, into, &shared);
}

void rs_pane_merge(const struct rs_pane_layout *layout, void *into, const void *from)
{
    add_sums(layout, into, from);
    rs_pane_merge_extrema(layout, into, from);
}

/* All that rs_pane_merge_extrema gives is taken from the empty pane. */
void rs_pane_clear_extrema(const struct rs_pane_layout *layout, void *pane)
{
    size_t head = layout->shared_last ? sizeof(struct rs_pane_key) : sizeof(int64_t);
    size_t newest = offsetof(struct rs_pane_head, newest);

    memcpy(rs_pane_at(pane, (uint32_t)newest), layout->empty + newest, head);
    for (size_t i = 0; i < layout->input_count; i++) {
        const struct rs_pane_input *in = &layout->inputs[i];
        const uint32_t values[] = {in->min, in->max, in->first, in->last};
        const uint32_t keys[] = {in->first_key, in->last_key};
        for (size_t v = 0; v < 4; v++) {
            if (values[v] != 0) {
                memcpy(rs_pane_at(pane, values[v]), layout->empty + values[v], rs_pane_value_size(in->kind));
            }
        }
        for (size_t k = 0; k < 2; k++) {
            if (keys[k] != 0) {
                memcpy(rs_pane_at(pane, keys[k]), layout->empty + keys[k], sizeof(struct rs_pane_key));
            }
        }
    }
}
