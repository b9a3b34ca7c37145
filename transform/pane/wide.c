#include "transform/pane/wide.h"

#include <stdlib.h>

_Static_assert(sizeof(void *) <= sizeof(uint64_t), "an address fits `events`");

/* ---- limbs ---- */

/* out[0..limbs) = a number of `given` limbs, no more than `limbs` of it. */
static void extend(uint64_t *out, size_t limbs, const uint64_t *value, size_t given)
{
    uint64_t sign = (uint64_t)((int64_t)value[given - 1] >> 63);

    for (size_t i = 0; i < limbs; i++) {
        out[i] = i < given ? value[i] : sign;
    }
}

static void move_sum(uint64_t *sum, const uint64_t *value, size_t limbs, bool subtract)
{
    if (subtract) {
        rs_limbs_subtract(sum, value, limbs);
    } else {
        rs_limbs_add(sum, value, limbs);
    }
}

/* ---- from narrow to wide ---- */

static void copy_value(enum rs_num_kind kind, void *to, uint32_t to_slot, const void *from,
                       uint32_t from_slot)
{
    if (to_slot != 0) {
        memcpy(rs_pane_at(to, to_slot), rs_pane_at_const(from, from_slot), rs_pane_value_size(kind));
    }
}

static void copy_key(void *to, uint32_t to_slot, const void *from, uint32_t from_slot)
{
    if (to_slot != 0) {
        memcpy(rs_pane_at(to, to_slot), rs_pane_at_const(from, from_slot), sizeof(struct rs_pane_key));
    }
}

/* What has the same size in both forms. The last key of an input may be in the head. Parts move: the narrow pane
 * is emptied next. */
static void copy_values(const struct rs_pane_layout *wide, void *to, const struct rs_pane_layout *narrow,
                        const void *from)
{
    copy_key(to, wide->shared_first, from, narrow->shared_first);
    for (size_t i = 0; i < wide->input_count; i++) {
        const struct rs_pane_input *w = &wide->inputs[i];
        const struct rs_pane_input *n = &narrow->inputs[i];
        copy_value(w->kind, to, w->min, from, n->min);
        copy_value(w->kind, to, w->max, from, n->max);
        copy_value(w->kind, to, w->first, from, n->first);
        copy_value(w->kind, to, w->last, from, n->last);
        copy_key(to, w->first_key, from, n->first_key);
        copy_key(to, w->last_key, from, n->last_key);
    }
    for (size_t i = 0; i < wide->part_count; i++) {
        *(uint64_t *)rs_pane_at(to, wide->parts[i].at) = rs_pane_slot(from, &narrow->parts[i]);
    }
}

bool rs_pane_widen(const struct rs_pane_layout *layout, void *pane)
{
    const struct rs_pane_layout *wide = layout->wide;
    struct rs_pane_head *head = pane;
    struct rs_pane_head *heap = calloc(1, wide->size);
    uint64_t address = 0;

    if (!heap) {
        head->events |= RS_PANE_LOST;
        return false;
    }
    heap->events = head->events;
    heap->newest.time_us = head->newest.time_us;
    copy_values(wide, heap, layout, pane);
    for (size_t i = 1; i < layout->integer_count; i++) { /* but `events` */
        const struct rs_pane_integer *to = &wide->integers[i];
        const struct rs_pane_integer *from = &layout->integers[i];
        extend(rs_pane_at(heap, to->at), to->limbs, rs_pane_at(pane, from->at), from->limbs);
    }
    for (size_t i = 0; i < layout->super_count; i++) {
        const struct rs_pane_super *to = &wide->supers[i];
        memcpy(rs_pane_at(heap, to->at), rs_pane_at(pane, layout->supers[i].at), rs_super_size(to->kind));
    }
    const void *place = heap;
    memcpy(&address, &place, sizeof place);
    memcpy(pane, layout->empty, layout->size);
    head->events = RS_PANE_WIDE | address;
    return true;
}

/* ---- adding ---- */

static void move_value(uint64_t *sum, size_t limbs, rs_i128 value, bool subtract)
{
    const uint64_t both[2] = {(uint64_t)value, (uint64_t)((rs_u128)value >> 64)};
    uint64_t all[RS_PRODUCT64_LIMBS];

    extend(all, limbs, both, 2);
    move_sum(sum, all, limbs, subtract);
}

/* What is present of one input. */
static void move_input(const struct rs_pane_layout *layout, const struct rs_pane_input *in, void *pane,
                       const struct rs_num *x, bool subtract)
{
    if (in->kind != RS_NUM_INT64) {
        return;
    }
    if (in->sum != 0) {
        move_value(rs_pane_at(pane, in->sum), rs_pane_sum_limbs(layout, in->kind), x->i, subtract);
    }
    if (in->squares != 0) {
        move_value(rs_pane_at(pane, in->squares), rs_pane_product_limbs(layout, in->kind),
                   (rs_i128)x->i * x->i, subtract);
    }
    if (in->cubes != 0) {
        rs_power_move(rs_pane_at(pane, in->cubes), rs_pane_cube_limbs(layout, in->kind), x->i, 3, subtract);
    }
    if (in->fourths != 0) {
        rs_power_move(rs_pane_at(pane, in->fourths), rs_pane_fourth_limbs(layout, in->kind), x->i, 4,
                      subtract);
    }
}

static void move_joint(const struct rs_pane_layout *layout, const struct rs_pane_joint *joint, void *pane,
                       const struct rs_num *inputs, bool subtract)
{
    const struct rs_pane_input *a = &layout->inputs[joint->sums[0]];
    const struct rs_pane_input *b = &layout->inputs[joint->sums[1]];
    const struct rs_num *x = &inputs[joint->input[0]];
    const struct rs_num *y = &inputs[joint->input[1]];

    if (!rs_num_counts(a->kind, x) || !rs_num_counts(b->kind, y)) {
        return;
    }
    if (!joint->shares_sums) {
        move_input(layout, a, pane, x, subtract);
        move_input(layout, b, pane, y, subtract);
    }
    if (joint->kind == RS_NUM_INT64) {
        move_value(rs_pane_at(pane, joint->products), rs_pane_product_limbs(layout, joint->kind),
                   (rs_i128)x->i * y->i, subtract);
    }
}

/* What an event adds to sums of int64, added or taken away, in either layout. */
static void move_event(const struct rs_pane_layout *layout, void *pane, const struct rs_num *inputs,
                       bool subtract)
{
    size_t limbs = rs_pane_sum_limbs(layout, RS_NUM_INT64);
    size_t product_limbs = rs_pane_product_limbs(layout, RS_NUM_INT64);

    for (size_t i = 0; i < layout->single_count; i++) {
        const struct rs_pane_input *in = &layout->inputs[i];
        const struct rs_num *x = &inputs[in->input];
        if (x->present) {
            move_input(layout, in, pane, x, subtract);
        }
    }
    for (size_t i = 0; i < layout->joint_count; i++) {
        move_joint(layout, &layout->joints[i], pane, inputs, subtract);
    }
    for (size_t i = 0; i < layout->pair_count; i++) {
        const struct rs_pane_pair *pair = &layout->pairs[i];
        const struct rs_num *x = &inputs[pair->x_input];
        const struct rs_num *w = &inputs[pair->w_input];
        enum rs_num_kind w_kind = layout->inputs[pair->w].kind;
        if (!rs_num_counts(layout->inputs[pair->x].kind, x) || !rs_num_counts(w_kind, w)) {
            continue;
        }
        if (pair->kind == RS_NUM_INT64) {
            move_value(rs_pane_at(pane, pair->products), product_limbs, (rs_i128)x->i * w->i, subtract);
        }
        if (w_kind == RS_NUM_INT64 && !pair->shares_weights) {
            move_value(rs_pane_at(pane, pair->weights), limbs, w->i, subtract);
        }
    }
}

/* The event leaves the narrow sums again, which are then what they were before it, and comes into the wide
 * ones. */
size_t rs_pane_widen_added(const struct rs_pane_layout *layout, void *pane, const struct rs_num *inputs)
{
    move_event(layout, pane, inputs, true);
    if (!rs_pane_widen(layout, pane)) {
        return 0;
    }
    move_event(layout->wide, rs_pane_on_heap(pane), inputs, false);
    return layout->wide->size;
}

/* ---- merging ---- */

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* sum[i] += value[i] or its complement; leaves the last of both in *before and *term. */
ALWAYS_INLINE unsigned char move_limb(uint64_t *sum, uint64_t value, bool subtract, unsigned char carry,
                                      uint64_t *before, uint64_t *term)
{
    *before = *sum;
    *term = subtract ? ~value : value;
    return rs_add_carry(carry, sum, *term);
}

/* Both of one layout, as they mostly are. `subtract` is a constant. Returns whether a sum has wrapped. */
ALWAYS_INLINE bool move_alike(const struct rs_pane_layout *layout, void *into, const void *from,
                              bool subtract)
{
    const struct rs_pane_integer *slot = layout->integers + 1; /* the first is `events` */
    uint64_t wrapped = 0;

    for (size_t left = layout->integer_count - 1; left > 0; left--, slot++) {
        uint64_t *sum = rs_pane_at(into, slot->at);
        const uint64_t *value = rs_pane_at_const(from, slot->at);
        uint64_t before = 0;
        uint64_t term = 0;
        unsigned char carry = move_limb(sum, *value, subtract, subtract, &before, &term);
        for (size_t i = 1; i < slot->limbs; i++) {
            carry = move_limb(++sum, *++value, subtract, carry, &before, &term);
        }
        wrapped |= rs_wrapped(before, term, *sum);
    }
    return wrapped >> 63 != 0;
}

/* The other's numbers are made as wide as ours; where they are wider, ours is lost anyway. */
static void move_unlike(const struct rs_pane_form *to, const struct rs_pane_const_form *of, bool subtract)
{
    for (size_t i = 1; i < to->layout->integer_count; i++) {
        const struct rs_pane_integer *slot = &to->layout->integers[i];
        const struct rs_pane_integer *other = &of->layout->integers[i];
        uint64_t value[RS_FOURTH128_LIMBS];
        extend(value, slot->limbs, rs_pane_at_const(of->pane, other->at), other->limbs);
        move_sum(rs_pane_at(to->pane, slot->at), value, slot->limbs, subtract);
    }
}

/* Modulo 2^62, so that a count out of a damaged state is never taken for another form. */
ALWAYS_INLINE void move_events(struct rs_pane_head *to, const struct rs_pane_head *of, bool subtract)
{
    uint64_t lost = (to->events | of->events) & RS_PANE_LOST;
    uint64_t events = subtract ? to->events - of->events : to->events + of->events;

    to->events = (events & RS_PANE_EVENTS_MAX) | lost;
}

ALWAYS_INLINE void move_supers(const struct rs_pane_form *to, const struct rs_pane_const_form *of,
                               bool subtract)
{
    for (size_t i = 0; i < to->layout->super_count; i++) {
        const struct rs_pane_super *slot = &to->layout->supers[i];
        rs_super_merge(slot->kind, rs_pane_at(to->pane, slot->at),
                       rs_pane_at_const(of->pane, of->layout->supers[i].at), subtract);
    }
}

/* At least one is wide or lost, or is about to be. */
static void combine_apart(const struct rs_pane_layout *layout, void *into, const void *from, bool subtract,
                          bool widen)
{
    if ((widen || rs_pane_is_wide(from)) && !rs_pane_is_wide(into) && !rs_pane_is_lost(into)) {
        (void)rs_pane_widen(layout, into);
    }
    const struct rs_pane_form to = rs_pane_form(layout, into);
    const struct rs_pane_const_form of = rs_pane_const_form(layout, from);
    move_unlike(&to, &of, subtract);
    move_events(to.pane, of.pane, subtract);
    move_supers(&to, &of, subtract);
}

/* In a layout without narrow sums only damaged bytes can make one wrap: that leads nowhere else. */
ALWAYS_INLINE void combine(const struct rs_pane_layout *layout, void *into, const void *from, bool subtract)
{
    struct rs_pane_head *head = into;
    const struct rs_pane_head *other = from;

    if ((head->events | other->events) > RS_PANE_EVENTS_MAX) {
        combine_apart(layout, into, from, subtract, false);
        return;
    }
    if (move_alike(layout, into, from, subtract) && layout->narrow) {
        (void)move_alike(layout, into, from, !subtract); /* which is exact, wrapped or not */
        combine_apart(layout, into, from, subtract, true);
        return;
    }
    move_events(head, other, subtract);
    move_supers(&(struct rs_pane_form){layout, into}, &(struct rs_pane_const_form){layout, from}, subtract);
}

void rs_pane_combine(const struct rs_pane_layout *layout, void *into, const void *from, bool subtract)
{
    if (subtract) {
        combine(layout, into, from, true);
    } else {
        combine(layout, into, from, false);
    }
}
