#include <stdlib.h>

#include "base/record.h"
#include "transform/pane/joint.h"
#include "transform/pane/parts.h"

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

static void free_supers(const struct rs_pane_layout *layout, void *pane)
{
    for (size_t i = 0; i < layout->super_count; i++) {
        rs_super_fini(layout->supers[i].kind, rs_pane_at(pane, layout->supers[i].at));
    }
}

void rs_pane_fini(const struct rs_pane_layout *layout, void *pane)
{
    struct rs_pane_form form = rs_pane_form(layout, pane);

    free_supers(form.layout, form.pane);
    rs_parts_fini(form.layout, form.pane);
    if (form.pane != pane) {
        free(form.pane);
    }
    rs_pane_init(layout, pane);
}

/* Of a wide pane: a narrow one that holds only what every pane does is widened, and filled then. */
void rs_pane_copy(const struct rs_pane_layout *layout, void *to, const void *from)
{
    rs_pane_fini(layout, to);
    if (rs_pane_is_wide(from)) {
        rs_pane_merge(layout, to, from);
        return;
    }
    memcpy(to, from, layout->size);
    for (size_t i = 0; i < layout->super_count; i++) {
        const struct rs_pane_super *super = &layout->supers[i];
        rs_super_init(super->kind, rs_pane_at(to, super->at));
        rs_super_copy(super->kind, rs_pane_at(to, super->at), rs_pane_at_const(from, super->at));
    }
    rs_parts_copy(layout, to, from);
}

uint64_t rs_pane_events(const void *pane)
{
    return rs_pane_head_of(pane)->events & RS_PANE_EVENTS_MAX;
}

int64_t rs_pane_newest_us(const void *pane)
{
    return rs_pane_head_of(pane)->newest.time_us;
}

size_t rs_pane_heap_bytes(const struct rs_pane_layout *layout, const void *pane)
{
    const struct rs_pane_const_form form = rs_pane_const_form(layout, pane);
    size_t bytes = form.pane == pane ? 0 : form.layout->size;

    for (size_t i = 0; i < form.layout->super_count; i++) {
        const struct rs_pane_super *super = &form.layout->supers[i];
        bytes += rs_super_heap_bytes(super->kind, rs_pane_at_const(form.pane, super->at));
    }
    return bytes + rs_parts_heap_bytes(form.layout, form.pane);
}

bool rs_pane_whole(const struct rs_pane_layout *layout, const void *pane)
{
    const struct rs_pane_const_form form = rs_pane_const_form(layout, pane);

    for (size_t i = 0; i < form.layout->super_count; i++) {
        if (rs_super_lost(rs_pane_at_const(form.pane, form.layout->supers[i].at))) {
            return false;
        }
    }
    return rs_parts_whole(form.layout, form.pane) && !rs_pane_is_lost(pane);
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
 * time go the third way: there the order decides, and where that is equal too, the value.
 *
 * Powers and what two inputs have in common (joint.h) are added behind the rest, on a way of their own, so that
 * panes without any do not ask for them.
 *
 * Narrow sums may wrap on the way. That is looked at once, when all of the event is added. Where there are parts
 * they come after all else (rs_parts_add). */

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

/* What adding an event came to, beside the numbers. */
struct effect {
    bool wrapped; /* a narrow sum has */
    size_t heap_bytes;
};

static inline void note_moved(struct effect *effect, const struct rs_super_kind *kind, bool moved)
{
    effect->heap_bytes += moved ? rs_super_full_bytes(kind) : 0;
}

/* Both return whether a narrow sum has wrapped. */
ALWAYS_INLINE bool add_sum64(bool narrow, uint64_t *sum, int64_t x)
{
    if (narrow) {
        return rs_narrow_sum_add(sum, x);
    }
    rs_sum64_add(sum, x);
    return 0;
}

ALWAYS_INLINE bool add_product64(bool narrow, uint64_t *sum, int64_t a, int64_t b)
{
    if (narrow) {
        return rs_narrow_product_add(sum, a, b);
    }
    rs_product64_add(sum, a, b);
    return 0;
}

ALWAYS_INLINE void add_int64(const struct rs_pane_layout *layout, const struct rs_pane_input *in, void *pane,
                             int64_t x, const struct event *event, struct effect *effect)
{
    if (in->sum != 0) {
        effect->wrapped |= add_sum64(layout->narrow, rs_pane_at(pane, in->sum), x);
    }
    if (in->squares != 0) {
        effect->wrapped |= add_product64(layout->narrow, rs_pane_at(pane, in->squares), x, x);
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

static void add_double(const struct rs_pane_input *in, void *pane, double x, const struct event *event,
                       struct effect *effect)
{
    double value = x + 0.0; /* there is no -0 among extrema: its place beside 0 would depend on the order */

    if (in->sum != 0) {
        note_moved(effect, &rs_super_sum, rs_super_add(&rs_super_sum, rs_pane_at(pane, in->sum), x));
    }
    if (in->squares != 0) {
        note_moved(effect, &rs_super_product,
                   rs_super_add_product(&rs_super_product, rs_pane_at(pane, in->squares), x, x));
    }
    add_extrema(RS_NUM_DOUBLE, in, pane, &value, event);
}

/* Returns false for NaN and infinities. */
ALWAYS_INLINE bool add_input(const struct rs_pane_layout *layout, const struct rs_pane_input *in, void *pane,
                             const struct rs_num *num, const struct event *event, struct effect *effect)
{
    if (!num->present) {
        RS_ASSERT(!in->counts_events);
        return true;
    }
    if (!rs_num_finite(in->kind, num)) {
        return false;
    }
    if (in->count != 0) {
        *(uint64_t *)rs_pane_at(pane, in->count) += 1;
    }
    switch (in->kind) {
    case RS_NUM_INT64: add_int64(layout, in, pane, num->i, event, effect); break;
    case RS_NUM_INT128: add_int128(in, pane, num->w, event); break;
    case RS_NUM_DOUBLE: add_double(in, pane, num->d, event, effect); break;
    }
    return true;
}

static void add_weight(const struct rs_pane_layout *layout, enum rs_num_kind kind, uint64_t *sum,
                       const struct rs_num *w, struct effect *effect)
{
    switch (kind) {
    case RS_NUM_INT64: effect->wrapped |= add_sum64(layout->narrow, sum, w->i); break;
    case RS_NUM_INT128: rs_sum128_add(sum, w->w); break;
    case RS_NUM_DOUBLE: note_moved(effect, &rs_super_sum, rs_super_add(&rs_super_sum, sum, w->d)); break;
    }
}

/* Only events that have both count, for the weights too: these have a sum of their own, unless the price
 * is in every event. */
ALWAYS_INLINE void add_pair(const struct rs_pane_layout *layout, const struct rs_pane_pair *pair, void *pane,
                            const struct rs_num *inputs, struct effect *effect)
{
    const struct rs_pane_input *x_in = &layout->inputs[pair->x];
    const struct rs_pane_input *w_in = &layout->inputs[pair->w];
    const struct rs_num *x = &inputs[pair->x_input];
    const struct rs_num *w = &inputs[pair->w_input];
    uint64_t *products = rs_pane_at(pane, pair->products);

    if (!rs_num_counts(x_in->kind, x) || !rs_num_counts(w_in->kind, w)) {
        return;
    }
    switch (pair->kind) {
    case RS_NUM_INT64: effect->wrapped |= add_product64(layout->narrow, products, x->i, w->i); break;
    case RS_NUM_INT128:
        rs_product128_add(products, rs_num_widened(x_in->kind, x), rs_num_widened(w_in->kind, w));
        break;
    case RS_NUM_DOUBLE:
        note_moved(effect, &rs_super_product, rs_num_add_product(products, x_in->kind, x, w_in->kind, w));
        break;
    }
    if (!pair->shares_weights) {
        add_weight(layout, w_in->kind, rs_pane_at(pane, pair->weights), w, effect);
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

static struct rs_pane_added add_any(const struct rs_pane_layout *layout, void *pane,
                                    const struct rs_num *inputs, struct rs_pane_key key, bool may_widen)
{
    struct event event = event_of(layout, pane, key);
    struct effect effect = {0};
    bool finite = true;

    for (size_t i = 0; i < layout->single_count; i++) {
        const struct rs_pane_input *in = &layout->inputs[i];
        finite &= add_input(layout, in, pane, &inputs[in->input], &event, &effect);
    }
    for (size_t i = 0; i < layout->pair_count; i++) {
        add_pair(layout, &layout->pairs[i], pane, inputs, &effect);
    }
    if (layout->joined) {
        effect.wrapped |= rs_pane_add_joined(layout, pane, inputs, &effect.heap_bytes);
    }
    move_shared_keys(layout, pane, &event);
    ((struct rs_pane_head *)pane)->events++;
    if (effect.wrapped && may_widen) {
        effect.heap_bytes += rs_pane_widen_added(layout, pane, inputs);
    }
    return (struct rs_pane_added){finite, (uint32_t)effect.heap_bytes};
}

/* ---- adding, where every input is an int64 ----
 * The same in a third of the time, for what most inputs are once decimals are scaled: no calls, so that all
 * stays in registers, and the usual sets of slots as straight code, since the place of each follows from the
 * set. */

/* Called with a constant shape and form. Returns whether a sum has wrapped. */
ALWAYS_INLINE bool add_shape(bool narrow, unsigned shape, uint64_t *slot, int64_t x, int first_order,
                             int last_order)
{
    bool wrapped = false;

    if ((shape & RS_PANE_SUM) != 0) {
        wrapped = add_sum64(narrow, slot, x);
        slot += narrow ? RS_NARROW_SUM_LIMBS : RS_SUM64_LIMBS;
    }
    if ((shape & RS_PANE_SQUARES) != 0) {
        wrapped |= add_product64(narrow, slot, x, x);
        slot += narrow ? RS_NARROW_PRODUCT_LIMBS : RS_PRODUCT64_LIMBS;
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
    return wrapped;
}

#define ENDS   (RS_PANE_FIRST | RS_PANE_LAST)
#define RANGE  (RS_PANE_MIN | RS_PANE_MAX)
#define SPREAD (RS_PANE_SUM | RS_PANE_SQUARES)

/* `in_order`, a constant: the event comes after all that the pane holds. `narrow`, another: which form. */
ALWAYS_INLINE bool add_values(bool narrow, bool in_order, const struct rs_pane_input *in, void *pane,
                              int64_t x, const struct event *event)
{
    uint64_t *slot = rs_pane_at(pane, in->values);
    bool settled = in_order && in->counts_events;

    switch (in->shape) {
    case 0: return 0;
    case RS_PANE_SUM: return add_shape(narrow, RS_PANE_SUM, slot, x, 0, 0);
    case SPREAD: return add_shape(narrow, SPREAD, slot, x, 0, 0);
    case RANGE: return add_shape(narrow, RANGE, slot, x, 0, 0);
    case SPREAD | RANGE: return add_shape(narrow, SPREAD | RANGE, slot, x, 0, 0);
    default: break;
    }
    if (settled && in->shape == (SPREAD | RANGE | ENDS)) {
        return add_shape(narrow, SPREAD | RANGE | ENDS, slot, x, 1, 1);
    }
    if (settled && in->shape == (RANGE | ENDS)) {
        return add_shape(narrow, RANGE | ENDS, slot, x, 1, 1);
    }
    int first_order = in->first != 0 ? order_first(in, pane, event) : 0;
    int last_order = in->last != 0 ? order_last(in, pane, event) : 0;
    return add_shape(narrow, in->shape, slot, x, first_order, last_order);
}

ALWAYS_INLINE bool add_pair64(bool narrow, const struct rs_pane_pair *pair, void *pane,
                              const struct rs_num *inputs)
{
    const struct rs_num *x = &inputs[pair->x_input];
    const struct rs_num *w = &inputs[pair->w_input];

    if (!x->present || !w->present) {
        return 0;
    }
    bool wrapped = add_product64(narrow, rs_pane_at(pane, pair->products), x->i, w->i);
    if (!pair->shares_weights) {
        wrapped |= add_sum64(narrow, rs_pane_at(pane, pair->weights), w->i);
    }
    return wrapped;
}

/* Both ways of int64: what is present is finite, and no kind has to be asked for. */
ALWAYS_INLINE bool add_int64s(bool narrow, bool in_order, const struct rs_pane_layout *layout, void *pane,
                              const struct rs_num *inputs, const struct event *event)
{
    const struct rs_pane_input *in = layout->inputs;
    const struct rs_pane_pair *pair = layout->pairs;
    bool wrapped = false;

    for (size_t left = layout->single_count; left > 0; left--, in++) {
        const struct rs_num *num = &inputs[in->input];
        if (!num->present) {
            RS_ASSERT(!in->counts_events);
            continue;
        }
        if (in->count != 0) {
            *(uint64_t *)rs_pane_at(pane, in->count) += 1;
        }
        wrapped |= add_values(narrow, in_order, in, pane, num->i, event);
    }
    for (size_t left = layout->pair_count; left > 0; left--, pair++) {
        wrapped |= add_pair64(narrow, pair, pane, inputs);
    }
    ((struct rs_pane_head *)pane)->events++;
    return wrapped;
}

/* In the order of time, as events mostly come: first values stay and last ones move, without a look at the
 * keys. */
ALWAYS_INLINE bool add_int64s_in_order(bool narrow, const struct rs_pane_layout *layout, void *pane,
                                       const struct rs_num *inputs, struct rs_pane_key key)
{
    struct rs_pane_head *head = pane;
    const struct event event = {.key = key, .shared_first = 1, .shared_last = 1};

    bool wrapped = add_int64s(narrow, true, layout, pane, inputs, &event);
    head->newest.time_us = key.time_us;
    if (layout->shared_last) {
        head->newest.order = key.order;
    }
    return wrapped;
}

ALWAYS_INLINE bool add_int64s_in_any_order(bool narrow, const struct rs_pane_layout *layout, void *pane,
                                           const struct rs_num *inputs, struct rs_pane_key key)
{
    const struct event event = event_of(layout, pane, key);
    bool wrapped = add_int64s(narrow, false, layout, pane, inputs, &event);

    move_shared_keys(layout, pane, &event);
    return wrapped;
}

/* The first event goes the third way: it is the pane's first value too, which the second never sets. */
static inline bool is_in_order(const void *pane, int64_t time_us)
{
    const struct rs_pane_head *head = pane;

    return time_us > head->newest.time_us && head->newest.time_us != RS_TIME_NONE;
}

/* Every input is an int64, and there are joints or powers, which go behind the rest. `narrow` is a constant. */
ALWAYS_INLINE bool add_joined(bool narrow, const struct rs_pane_layout *layout, void *pane,
                              const struct rs_num *inputs, struct rs_pane_key key)
{
    bool wrapped = is_in_order(pane, key.time_us)
                       ? add_int64s_in_order(narrow, layout, pane, inputs, key)
                       : add_int64s_in_any_order(narrow, layout, pane, inputs, key);

    return rs_pane_add_joined64(layout, pane, inputs) || wrapped;
}

static struct rs_pane_added add_joined_narrow(const struct rs_pane_layout *layout, void *pane,
                                              const struct rs_num *inputs, struct rs_pane_key key)
{
    struct rs_pane_added added = {.finite = true};

    if (add_joined(true, layout, pane, inputs, key)) {
        added.heap_bytes = (uint32_t)rs_pane_widen_added(layout, pane, inputs);
    }
    return added;
}

/* Not inlined, so that it takes no registers from the way of nearly all events. */
static __attribute__((noinline)) struct rs_pane_added add_otherwise(const struct rs_pane_layout *layout,
                                                                    void *pane, const struct rs_num *inputs,
                                                                    struct rs_pane_key key)
{
    return layout->joined_int64 ? add_joined_narrow(layout, pane, inputs, key)
                                : add_any(layout, pane, inputs, key, true);
}

/* To a pane that is wide or lost: nothing that wraps matters. */
static __attribute__((noinline)) struct rs_pane_added add_apart(const struct rs_pane_layout *layout,
                                                                void *pane, const struct rs_num *inputs,
                                                                struct rs_pane_key key)
{
    struct rs_pane_form form = rs_pane_form(layout, pane);

    if (form.pane == pane || !(layout->all_int64 || layout->joined_int64)) {
        return add_any(form.layout, form.pane, inputs, key, false);
    }
    if (layout->joined_int64) {
        (void)add_joined(false, form.layout, form.pane, inputs, key);
    } else if (is_in_order(form.pane, key.time_us)) {
        (void)add_int64s_in_order(false, form.layout, form.pane, inputs, key);
    } else {
        (void)add_int64s_in_any_order(false, form.layout, form.pane, inputs, key);
    }
    return (struct rs_pane_added){.finite = true};
}

/* These two are the way of nearly all events. */
static struct rs_pane_added add_in_order(const struct rs_pane_layout *layout, void *pane,
                                         const struct rs_num *inputs, struct rs_pane_key key)
{
    struct rs_pane_added added = {.finite = true};

    if (add_int64s_in_order(true, layout, pane, inputs, key)) {
        added.heap_bytes = (uint32_t)rs_pane_widen_added(layout, pane, inputs);
    }
    return added;
}

static struct rs_pane_added add_in_any_order(const struct rs_pane_layout *layout, void *pane,
                                             const struct rs_num *inputs, struct rs_pane_key key)
{
    struct rs_pane_added added = {.finite = true};

    if (add_int64s_in_any_order(true, layout, pane, inputs, key)) {
        added.heap_bytes = (uint32_t)rs_pane_widen_added(layout, pane, inputs);
    }
    return added;
}

struct rs_pane_added rs_pane_add_sums(const struct rs_pane_layout *layout, void *pane,
                                      const struct rs_num *inputs, int64_t time_us, int64_t order)
{
    const struct rs_pane_key key = {time_us, order};

    if (((const struct rs_pane_head *)pane)->events > RS_PANE_EVENTS_MAX) {
        return add_apart(layout, pane, inputs, key);
    }
    if (!layout->all_int64) {
        return add_otherwise(layout, pane, inputs, key);
    }
    return is_in_order(pane, time_us) ? add_in_order(layout, pane, inputs, key)
                                      : add_in_any_order(layout, pane, inputs, key);
}

static struct rs_pane_added add_slowly(const struct rs_pane_layout *layout, void *pane,
                                       const struct rs_num *inputs, struct rs_pane_key key)
{
    struct rs_pane_added added = rs_pane_add_sums(layout, pane, inputs, key.time_us, key.order);

    if (layout->part_count > 0) {
        rs_parts_add(layout, pane, inputs, key, &added);
    }
    return added;
}

struct rs_pane_added rs_pane_add(const struct rs_pane_layout *layout, void *pane, const struct rs_num *inputs,
                                 int64_t time_us, int64_t order)
{
    const struct rs_pane_key key = {time_us, order};

    if (((const struct rs_pane_head *)pane)->events > RS_PANE_EVENTS_MAX || !layout->plain_int64s) {
        return add_slowly(layout, pane, inputs, key);
    }
    return is_in_order(pane, time_us) ? add_in_order(layout, pane, inputs, key)
                                      : add_in_any_order(layout, pane, inputs, key);
}

/* ---- merging ---- */

void rs_pane_subtract(const struct rs_pane_layout *layout, void *from, const void *gone)
{
    rs_pane_combine(layout, from, gone, true);
}

/* Like adding an event, with the other pane's values and keys in the place of one value and one key. `of`:
 * the input in the other's layout. */
ALWAYS_INLINE void merge_input(enum rs_num_kind kind, const struct rs_pane_input *in, void *into,
                               const struct rs_pane_input *of, const void *from, const struct event *shared)
{
    struct candidates c = {
        .min = rs_pane_at_const(from, of->min),
        .max = rs_pane_at_const(from, of->max),
        .first = rs_pane_at_const(from, of->first),
        .last = rs_pane_at_const(from, of->last),
    };

    if (in->first != 0) {
        struct event event = *shared;
        memcpy(&event.key, rs_pane_at_const(from, of->first_key), sizeof event.key);
        c.first_order = order_first(in, into, &event);
    }
    if (in->last != 0) {
        struct event event = *shared;
        memcpy(&event.key, rs_pane_at_const(from, of->last_key), sizeof event.key);
        c.last_order = order_last(in, into, &event);
    }
    take_extrema(kind, in, into, &c);
}

/* The two shared keys are compared each with its own: the other pane's first event is not its newest. */
static void merge_extrema(const struct rs_pane_layout *layout, void *into, const struct rs_pane_layout *of,
                          const void *from)
{
    const struct rs_pane_head *from_head = from;
    struct rs_pane_key newest = {.time_us = from_head->newest.time_us,
                                 .order = layout->shared_last ? from_head->newest.order : 0};
    struct event shared = event_of(layout, into, newest);

    if (layout->shared_first != 0) {
        shared.shared_first = compare_keys(rs_pane_at_const(from, of->shared_first),
                                           rs_pane_at_const(into, layout->shared_first));
    }
    for (size_t i = 0; i < layout->input_count; i++) {
        const struct rs_pane_input *in = &layout->inputs[i];
        const struct rs_pane_input *other = &of->inputs[i];
        switch (in->kind) {
        case RS_NUM_INT64: merge_input(RS_NUM_INT64, in, into, other, from, &shared); break;
        case RS_NUM_INT128: merge_input(RS_NUM_INT128, in, into, other, from, &shared); break;
        case RS_NUM_DOUBLE: merge_input(RS_NUM_DOUBLE, in, into, other, from, &shared); break;
        }
    }
    if (shared.shared_first < 0) {
        memcpy(rs_pane_at(into, layout->shared_first), rs_pane_at_const(from, of->shared_first),
               sizeof(struct rs_pane_key));
        shared.shared_first = 0; /* moved: the rest is about `newest` */
    }
    move_shared_keys(layout, into, &shared);
}

void rs_pane_merge_extrema(const struct rs_pane_layout *layout, void *into, const void *from)
{
    const struct rs_pane_form to = rs_pane_form(layout, into);
    const struct rs_pane_const_form of = rs_pane_const_form(layout, from);

    merge_extrema(to.layout, to.pane, of.layout, of.pane);
    rs_parts_merge(&to, &of);
}

/* An extremum may be merged twice, but not a part. */
struct rs_pane_added rs_pane_add_extrema(const struct rs_pane_layout *layout, void *into, const void *from,
                                         const struct rs_num *inputs, int64_t time_us, int64_t order)
{
    const struct rs_pane_form to = rs_pane_form(layout, into);
    const struct rs_pane_const_form of = rs_pane_const_form(layout, from);
    struct rs_pane_added added = {.finite = true};

    merge_extrema(to.layout, to.pane, of.layout, of.pane);
    rs_parts_add(layout, into, inputs, (struct rs_pane_key){time_us, order}, &added);
    return added;
}

void rs_pane_merge_sums(const struct rs_pane_layout *layout, void *into, const void *from)
{
    rs_pane_combine(layout, into, from, false);
}

void rs_pane_merge(const struct rs_pane_layout *layout, void *into, const void *from)
{
    rs_pane_combine(layout, into, from, false);
    rs_pane_merge_extrema(layout, into, from);
}

/* All that rs_pane_merge_extrema gives is taken from the empty pane. */
static void clear_extrema(const struct rs_pane_layout *layout, void *pane)
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

void rs_pane_clear_extrema(const struct rs_pane_layout *layout, void *pane)
{
    const struct rs_pane_form form = rs_pane_form(layout, pane);

    clear_extrema(form.layout, form.pane);
    rs_parts_fini(form.layout, form.pane);
}
