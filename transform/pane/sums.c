#include "transform/pane/sums.h"

static bool read_super(const struct rs_pane_sums *from, const struct rs_super_kind *kind, uint32_t at,
                       struct rs_pane_number *out)
{
    const uint64_t *sum = rs_pane_at_const(from->pane, at);
    struct rs_super_value value;

    if (rs_super_lost(sum)) {
        return false;
    }
    rs_super_read(kind, sum, &value);
    rs_exact_set_magnitude(&out->whole, value.limb, value.size, 0, value.negative);
    out->exponent = kind->lowest + 64 * (int)value.at;
    return true;
}

static bool read_integer(const struct rs_pane_sums *from, size_t limbs, uint32_t at,
                         struct rs_pane_number *out)
{
    if (from->lost) {
        return false;
    }
    rs_exact_set_limbs(&out->whole, rs_pane_at_const(from->pane, at), limbs);
    out->exponent = 0;
    return true;
}

bool rs_pane_read_sum(const struct rs_pane_sums *from, enum rs_num_kind kind, uint32_t at,
                      struct rs_pane_number *out)
{
    return kind == RS_NUM_DOUBLE ? read_super(from, &rs_super_sum, at, out)
                                 : read_integer(from, rs_pane_sum_limbs(from->layout, kind), at, out);
}

bool rs_pane_read_products(const struct rs_pane_sums *from, enum rs_num_kind kind, uint32_t at,
                           struct rs_pane_number *out)
{
    return kind == RS_NUM_DOUBLE ? read_super(from, &rs_super_product, at, out)
                                 : read_integer(from, rs_pane_product_limbs(from->layout, kind), at, out);
}

bool rs_pane_read_cubes(const struct rs_pane_sums *from, const struct rs_pane_input *in,
                        struct rs_pane_number *out)
{
    return in->kind == RS_NUM_DOUBLE
               ? read_super(from, &rs_super_cube, in->cubes, out)
               : read_integer(from, rs_pane_cube_limbs(from->layout, in->kind), in->cubes, out);
}

bool rs_pane_read_fourths(const struct rs_pane_sums *from, const struct rs_pane_input *in,
                          struct rs_pane_number *out)
{
    return in->kind == RS_NUM_DOUBLE
               ? read_super(from, &rs_super_fourth, in->fourths, out)
               : read_integer(from, rs_pane_fourth_limbs(from->layout, in->kind), in->fourths, out);
}

void rs_pane_number_multiply(struct rs_pane_number *out, const struct rs_pane_number *a,
                             const struct rs_pane_number *b)
{
    rs_exact_multiply(&out->whole, &a->whole, &b->whole);
    out->exponent = a->exponent + b->exponent;
}

/* The one with the higher exponent gets zero limbs below; zero has any exponent. */
static void align(struct rs_pane_number *a, struct rs_pane_number *b)
{
    struct rs_pane_number *higher = a->exponent >= b->exponent ? a : b;
    struct rs_pane_number *lower = higher == a ? b : a;

    if (lower->whole.size == 0) {
        lower->exponent = higher->exponent;
        return;
    }
    rs_exact_shift_limbs(&higher->whole, (size_t)(higher->exponent - lower->exponent) / 64);
    higher->exponent = lower->exponent;
}

void rs_pane_number_subtract(struct rs_pane_number *a, struct rs_pane_number *b)
{
    align(a, b);
    rs_exact_subtract(&a->whole, &a->whole, &b->whole);
}

void rs_pane_number_add(struct rs_pane_number *a, struct rs_pane_number *b)
{
    b->whole.negative = !b->whole.negative && b->whole.size > 0;
    rs_pane_number_subtract(a, b);
}
