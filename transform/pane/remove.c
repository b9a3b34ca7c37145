#include "transform/pane/wide.h"

/* ---- what cannot be taken away ---- */

static bool is_key(const void *pane, uint32_t slot, const struct rs_pane_key *key)
{
    const struct rs_pane_key *held = rs_pane_at_const(pane, slot);
    return held->time_us == key->time_us && held->order == key->order;
}

static bool is_value(enum rs_num_kind kind, const void *pane, uint32_t slot, const struct rs_num *num)
{
    const void *held = rs_pane_at_const(pane, slot);
    switch (kind) {
    case RS_NUM_INT64: return *(const int64_t *)held == num->i;
    case RS_NUM_INT128: return rs_load128(held) == num->w;
    case RS_NUM_DOUBLE: return *(const double *)held == num->d;
    }
    return true;
}

/* Whether the event is one of the pane's extrema, or its first or last one, of an input. */
static bool is_extreme(const struct rs_pane_layout *layout, const void *pane, const struct rs_num *inputs,
                       const struct rs_pane_key *key)
{
    for (size_t i = 0; i < layout->input_count; i++) {
        const struct rs_pane_input *in = &layout->inputs[i];
        const struct rs_num *num = &inputs[in->input];
        if ((in->shape & ~(unsigned)(RS_PANE_SUM | RS_PANE_SQUARES)) == 0 || !rs_num_counts(in->kind, num)) {
            continue;
        }
        if ((in->min != 0 && is_value(in->kind, pane, in->min, num)) ||
            (in->max != 0 && is_value(in->kind, pane, in->max, num)) ||
            (in->first != 0 && is_key(pane, in->first_key, key)) ||
            (in->last != 0 && is_key(pane, in->last_key, key))) {
            return true;
        }
    }
    return false;
}

/* ---- sums ---- */

/* Of either form. Returns whether a narrow sum has wrapped. */
static bool take_limbs(uint64_t *sum, size_t limbs, rs_i128 value)
{
    uint64_t all[RS_PRODUCT64_LIMBS] = {(uint64_t)value, (uint64_t)((rs_u128)value >> 64), 0};
    uint64_t before = sum[limbs - 1];

    all[2] = (uint64_t)((int64_t)all[1] >> 63);
    rs_limbs_subtract(sum, all, limbs);
    return rs_wrapped(before, ~all[limbs - 1], sum[limbs - 1]) >> 63 != 0;
}

/* sum - a * b = ~(~sum + a * b): the negative of the smallest number there is would be none. */
static void take_product128(uint64_t *sum, rs_i128 a, rs_i128 b)
{
    for (size_t i = 0; i < RS_PRODUCT128_LIMBS; i++) {
        sum[i] = ~sum[i];
    }
    rs_product128_add(sum, a, b);
    for (size_t i = 0; i < RS_PRODUCT128_LIMBS; i++) {
        sum[i] = ~sum[i];
    }
}

static bool take_input(const struct rs_pane_layout *layout, const struct rs_pane_input *in, void *pane,
                       const struct rs_num *num)
{
    uint64_t *sum = rs_pane_at(pane, in->sum);
    uint64_t *squares = rs_pane_at(pane, in->squares);
    bool wrapped = false;

    switch (in->kind) {
    case RS_NUM_INT64:
        if (in->sum != 0) {
            wrapped = take_limbs(sum, rs_pane_sum_limbs(layout, RS_NUM_INT64), num->i);
        }
        if (in->squares != 0) {
            wrapped |=
                take_limbs(squares, rs_pane_product_limbs(layout, RS_NUM_INT64), (rs_i128)num->i * num->i);
        }
        break;
    case RS_NUM_INT128:
        if (in->sum != 0) {
            (void)take_limbs(sum, RS_SUM128_LIMBS, num->w);
        }
        if (in->squares != 0) {
            take_product128(squares, num->w, num->w);
        }
        break;
    case RS_NUM_DOUBLE:
        if (in->sum != 0) {
            (void)rs_super_add(&rs_super_sum, sum, -num->d);
        }
        if (in->squares != 0) {
            (void)rs_super_add_product(&rs_super_product, squares, -num->d, num->d);
        }
        break;
    }
    return wrapped;
}

static bool take_products(const struct rs_pane_layout *layout, const struct rs_pane_pair *pair, uint64_t *sum,
                          const struct rs_num *x, const struct rs_num *w)
{
    enum rs_num_kind x_kind = layout->inputs[pair->x].kind;
    enum rs_num_kind w_kind = layout->inputs[pair->w].kind;

    switch (pair->kind) {
    case RS_NUM_INT64:
        return take_limbs(sum, rs_pane_product_limbs(layout, RS_NUM_INT64), (rs_i128)x->i * w->i);
    case RS_NUM_INT128: take_product128(sum, rs_num_widened(x_kind, x), rs_num_widened(w_kind, w)); break;
    case RS_NUM_DOUBLE:
        if (x_kind != RS_NUM_DOUBLE) {
            (void)rs_super_add_scaled(&rs_super_product, sum, rs_num_widened(x_kind, x), -w->d);
        } else if (w_kind != RS_NUM_DOUBLE) {
            (void)rs_super_add_scaled(&rs_super_product, sum, rs_num_widened(w_kind, w), -x->d);
        } else {
            (void)rs_super_add_product(&rs_super_product, sum, -x->d, w->d);
        }
        break;
    }
    return false;
}

static bool take_weight(const struct rs_pane_layout *layout, enum rs_num_kind kind, uint64_t *sum,
                        const struct rs_num *w)
{
    switch (kind) {
    case RS_NUM_INT64: return take_limbs(sum, rs_pane_sum_limbs(layout, RS_NUM_INT64), w->i);
    case RS_NUM_INT128: (void)take_limbs(sum, RS_SUM128_LIMBS, w->w); break;
    case RS_NUM_DOUBLE: (void)rs_super_add(&rs_super_sum, sum, -w->d); break;
    }
    return false;
}

static bool take_pair(const struct rs_pane_layout *layout, const struct rs_pane_pair *pair, void *pane,
                      const struct rs_num *inputs)
{
    enum rs_num_kind w_kind = layout->inputs[pair->w].kind;
    const struct rs_num *x = &inputs[pair->x_input];
    const struct rs_num *w = &inputs[pair->w_input];

    if (!rs_num_counts(layout->inputs[pair->x].kind, x) || !rs_num_counts(w_kind, w)) {
        return false;
    }
    bool wrapped = take_products(layout, pair, rs_pane_at(pane, pair->products), x, w);
    if (!pair->shares_weights) {
        wrapped |= take_weight(layout, w_kind, rs_pane_at(pane, pair->weights), w);
    }
    return wrapped;
}

/* ---- all together ---- */

bool rs_pane_remove(const struct rs_pane_layout *layout, void *pane, const struct rs_num *inputs,
                    int64_t time_us, int64_t order)
{
    const struct rs_pane_form form = rs_pane_form(layout, pane);
    const struct rs_pane_key key = {time_us, order};
    struct rs_pane_head *head = form.pane;
    bool wrapped = false;

    /* Parts cannot give back what was added to them; powers and joints could, and nobody has needed it yet. */
    if (layout->joined || layout->part_count > 0 || head->events <= 1 || (head->events & RS_PANE_LOST) != 0 ||
        is_extreme(form.layout, form.pane, inputs, &key)) {
        return false;
    }
    for (size_t i = 0; i < form.layout->input_count; i++) {
        const struct rs_pane_input *in = &form.layout->inputs[i];
        const struct rs_num *num = &inputs[in->input];
        if (rs_num_counts(in->kind, num)) {
            if (in->count != 0) {
                *(uint64_t *)rs_pane_at(form.pane, in->count) -= 1;
            }
            wrapped |= take_input(form.layout, in, form.pane, num);
        }
    }
    for (size_t i = 0; i < form.layout->pair_count; i++) {
        wrapped |= take_pair(form.layout, &form.layout->pairs[i], form.pane, inputs);
    }
    head->events--;
    return !wrapped;
}
