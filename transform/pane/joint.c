#include "transform/pane/joint.h"

struct effect {
    bool wrapped;
    size_t heap_bytes;
};

static void note_moved(struct effect *effect, const struct rs_super_kind *kind, bool moved)
{
    effect->heap_bytes += moved ? rs_super_full_bytes(kind) : 0;
}

/* ---- powers ---- */

static bool add_cube64(const struct rs_pane_layout *layout, uint64_t *sum, int64_t x)
{
    if (layout->narrow) {
        return rs_narrow_cube_add(sum, x);
    }
    rs_power_move(sum, RS_CUBE64_LIMBS, x, 3, false);
    return false;
}

static bool add_fourth64(const struct rs_pane_layout *layout, uint64_t *sum, int64_t x)
{
    if (layout->narrow) {
        return rs_narrow_fourth_add(sum, x);
    }
    rs_power_move(sum, RS_FOURTH64_LIMBS, x, 4, false);
    return false;
}

static void add_cube(const struct rs_pane_layout *layout, const struct rs_pane_input *in, uint64_t *sum,
                     const struct rs_num *x, struct effect *effect)
{
    switch (in->kind) {
    case RS_NUM_INT64: effect->wrapped |= add_cube64(layout, sum, x->i); break;
    case RS_NUM_INT128: rs_power_move(sum, RS_CUBE128_LIMBS, x->w, 3, false); break;
    case RS_NUM_DOUBLE: note_moved(effect, &rs_super_cube, rs_super_add_cube(sum, x->d)); break;
    }
}

static void add_fourth(const struct rs_pane_layout *layout, const struct rs_pane_input *in, uint64_t *sum,
                       const struct rs_num *x, struct effect *effect)
{
    switch (in->kind) {
    case RS_NUM_INT64: effect->wrapped |= add_fourth64(layout, sum, x->i); break;
    case RS_NUM_INT128: rs_power_move(sum, RS_FOURTH128_LIMBS, x->w, 4, false); break;
    case RS_NUM_DOUBLE: note_moved(effect, &rs_super_fourth, rs_super_add_fourth(sum, x->d)); break;
    }
}

/* ---- joints ---- */

static bool add_sum64(const struct rs_pane_layout *layout, uint64_t *sum, int64_t x)
{
    if (layout->narrow) {
        return rs_narrow_sum_add(sum, x);
    }
    rs_sum64_add(sum, x);
    return false;
}

static bool add_product64(const struct rs_pane_layout *layout, uint64_t *sum, int64_t x, int64_t y)
{
    if (layout->narrow) {
        return rs_narrow_product_add(sum, x, y);
    }
    rs_product64_add(sum, x, y);
    return false;
}

static void add_sum(const struct rs_pane_layout *layout, const struct rs_pane_input *in, uint64_t *sum,
                    const struct rs_num *x, struct effect *effect)
{
    switch (in->kind) {
    case RS_NUM_INT64: effect->wrapped |= add_sum64(layout, sum, x->i); break;
    case RS_NUM_INT128: rs_sum128_add(sum, x->w); break;
    case RS_NUM_DOUBLE: note_moved(effect, &rs_super_sum, rs_super_add(&rs_super_sum, sum, x->d)); break;
    }
}

/* Of the kind that is the wider of both. */
static void add_products(const struct rs_pane_layout *layout, enum rs_num_kind kind, uint64_t *sum,
                         enum rs_num_kind x_kind, const struct rs_num *x, enum rs_num_kind y_kind,
                         const struct rs_num *y, struct effect *effect)
{
    switch (kind) {
    case RS_NUM_INT64: effect->wrapped |= add_product64(layout, sum, x->i, y->i); break;
    case RS_NUM_INT128: rs_product128_add(sum, rs_num_widened(x_kind, x), rs_num_widened(y_kind, y)); break;
    case RS_NUM_DOUBLE:
        note_moved(effect, &rs_super_product, rs_num_add_product(sum, x_kind, x, y_kind, y));
        break;
    }
}

static void add_sums(const struct rs_pane_layout *layout, const struct rs_pane_input *in, void *pane,
                     const struct rs_num *x, struct effect *effect)
{
    if (in->count != 0) {
        *(uint64_t *)rs_pane_at(pane, in->count) += 1;
    }
    add_sum(layout, in, rs_pane_at(pane, in->sum), x, effect);
    if (in->squares != 0) {
        add_products(layout, in->kind, rs_pane_at(pane, in->squares), in->kind, x, in->kind, x, effect);
    }
}

static void add_joint(const struct rs_pane_layout *layout, const struct rs_pane_joint *joint, void *pane,
                      const struct rs_num *inputs, struct effect *effect)
{
    const struct rs_pane_input *a = &layout->inputs[joint->sums[0]];
    const struct rs_pane_input *b = &layout->inputs[joint->sums[1]];
    const struct rs_num *x = &inputs[joint->input[0]];
    const struct rs_num *y = &inputs[joint->input[1]];

    if (!rs_num_counts(a->kind, x) || !rs_num_counts(b->kind, y)) {
        return;
    }
    if (!joint->shares_sums) {
        add_sums(layout, a, pane, x, effect);
        add_sums(layout, b, pane, y, effect);
    }
    add_products(layout, joint->kind, rs_pane_at(pane, joint->products), a->kind, x, b->kind, y, effect);
}

bool rs_pane_add_joined(const struct rs_pane_layout *layout, void *pane, const struct rs_num *inputs,
                        size_t *heap_bytes)
{
    struct effect effect = {0};

    for (size_t i = 0; i < layout->single_count; i++) {
        const struct rs_pane_input *in = &layout->inputs[i];
        const struct rs_num *x = &inputs[in->input];
        if (in->cubes == 0 || !rs_num_counts(in->kind, x)) {
            continue;
        }
        add_cube(layout, in, rs_pane_at(pane, in->cubes), x, &effect);
        if (in->fourths != 0) {
            add_fourth(layout, in, rs_pane_at(pane, in->fourths), x, &effect);
        }
    }
    for (size_t i = 0; i < layout->joint_count; i++) {
        add_joint(layout, &layout->joints[i], pane, inputs, &effect);
    }
    *heap_bytes += effect.heap_bytes;
    return effect.wrapped;
}

/* ---- where every input is an int64 ---- */

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* These are called with a constant `narrow`, and return whether a sum has wrapped. */
ALWAYS_INLINE bool add_powers64(bool narrow, const struct rs_pane_input *in, void *pane, int64_t x)
{
    if (!narrow) {
        rs_power_move(rs_pane_at(pane, in->cubes), RS_CUBE64_LIMBS, x, 3, false);
        if (in->fourths != 0) {
            rs_power_move(rs_pane_at(pane, in->fourths), RS_FOURTH64_LIMBS, x, 4, false);
        }
        return false;
    }
    bool wrapped = rs_narrow_cube_add(rs_pane_at(pane, in->cubes), x);
    return in->fourths != 0 ? rs_narrow_fourth_add(rs_pane_at(pane, in->fourths), x) || wrapped : wrapped;
}

ALWAYS_INLINE bool add_narrow_or_not(bool narrow, uint64_t *products, int64_t x, int64_t y)
{
    if (narrow) {
        return rs_narrow_product_add(products, x, y);
    }
    rs_product64_add(products, x, y);
    return false;
}

ALWAYS_INLINE bool add_sums64(bool narrow, const struct rs_pane_input *in, void *pane, int64_t x)
{
    bool wrapped = false;

    if (in->count != 0) {
        *(uint64_t *)rs_pane_at(pane, in->count) += 1;
    }
    if (narrow) {
        wrapped = rs_narrow_sum_add(rs_pane_at(pane, in->sum), x);
    } else {
        rs_sum64_add(rs_pane_at(pane, in->sum), x);
    }
    return in->squares != 0 ? add_narrow_or_not(narrow, rs_pane_at(pane, in->squares), x, x) || wrapped
                            : wrapped;
}

ALWAYS_INLINE bool add_joint64(bool narrow, const struct rs_pane_layout *layout,
                               const struct rs_pane_joint *joint, void *pane, const struct rs_num *inputs)
{
    const struct rs_num *x = &inputs[joint->input[0]];
    const struct rs_num *y = &inputs[joint->input[1]];
    bool wrapped = false;

    if (!x->present || !y->present) {
        return false;
    }
    if (!joint->shares_sums) {
        wrapped = add_sums64(narrow, &layout->inputs[joint->sums[0]], pane, x->i);
        wrapped = add_sums64(narrow, &layout->inputs[joint->sums[1]], pane, y->i) || wrapped;
    }
    return add_narrow_or_not(narrow, rs_pane_at(pane, joint->products), x->i, y->i) || wrapped;
}

ALWAYS_INLINE bool add_joined64(bool narrow, const struct rs_pane_layout *layout, void *pane,
                                const struct rs_num *inputs)
{
    const struct rs_pane_input *in = layout->inputs;
    const struct rs_pane_joint *joint = layout->joints;
    bool wrapped = false;

    for (size_t left = layout->single_count; left > 0; left--, in++) {
        if (in->cubes != 0 && inputs[in->input].present) {
            wrapped = add_powers64(narrow, in, pane, inputs[in->input].i) || wrapped;
        }
    }
    for (size_t left = layout->joint_count; left > 0; left--, joint++) {
        wrapped = add_joint64(narrow, layout, joint, pane, inputs) || wrapped;
    }
    return wrapped;
}

bool rs_pane_add_joined64(const struct rs_pane_layout *layout, void *pane, const struct rs_num *inputs)
{
    return layout->narrow ? add_joined64(true, layout, pane, inputs)
                          : add_joined64(false, layout, pane, inputs);
}
