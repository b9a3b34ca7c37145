/* sums: the sums of a pane as whole numbers, and what statistics reckon with them before the one rounding.
 * Thread: the owner of the numbers. */
#ifndef RS_TRANSFORM_PANE_SUMS_H
#define RS_TRANSFORM_PANE_SUMS_H

#include "transform/number/exact.h"
#include "transform/pane/internal.h"

/* A sum as a whole number times 2^exponent (times a power of 10^-scale of its input). */
struct rs_pane_number {
    struct rs_exact whole;
    int exponent; /* a multiple of 64; 0 for integers */
};

/* The pane that is read, in the layout that it has now. */
struct rs_pane_sums {
    const struct rs_pane_layout *layout;
    const void *pane;
    bool lost; /* sums of integers mean nothing */
};

/* These return false for a sum that was lost. */
RS_MUST_USE bool rs_pane_read_sum(const struct rs_pane_sums *from, enum rs_num_kind kind, uint32_t at,
                                  struct rs_pane_number *out);
RS_MUST_USE bool rs_pane_read_products(const struct rs_pane_sums *from, enum rs_num_kind kind, uint32_t at,
                                       struct rs_pane_number *out);
RS_MUST_USE bool rs_pane_read_cubes(const struct rs_pane_sums *from, const struct rs_pane_input *in,
                                    struct rs_pane_number *out);
RS_MUST_USE bool rs_pane_read_fourths(const struct rs_pane_sums *from, const struct rs_pane_input *in,
                                      struct rs_pane_number *out);

/* `out` is none of the others. */
void rs_pane_number_multiply(struct rs_pane_number *out, const struct rs_pane_number *a,
                             const struct rs_pane_number *b);
/* a -= b; both are brought to one exponent. */
void rs_pane_number_subtract(struct rs_pane_number *a, struct rs_pane_number *b);
void rs_pane_number_add(struct rs_pane_number *a, struct rs_pane_number *b);

#endif
