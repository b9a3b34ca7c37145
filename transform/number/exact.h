/* exact: whole numbers of any size a statistic can need, and the one rounding at its end.
 * Built on GMP's mpn layer, whose numbers live where the caller puts them: nothing here allocates.
 * Thread: the owner of the objects.
 * Limits: RS_EXACT_LIMBS limbs (asserted). The longest come of doubles: (n^2 * sum of third powers)^2 * n^2 is
 * 2 * 104 + 2 limbs, and (n * sum of squares)^3 * n^2 is 3 * 69 + 2. */
#ifndef RS_TRANSFORM_NUMBER_EXACT_H
#define RS_TRANSFORM_NUMBER_EXACT_H

#include <gmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/number.h"

#define RS_EXACT_LIMBS 224

_Static_assert(GMP_LIMB_BITS == 64, "a limb of GMP is one of ours");

/* Sign and magnitude; zero has size 0 and is not negative. Least significant limb first, the last is not
 * zero. */
struct rs_exact {
    bool negative;
    uint32_t size;
    mp_limb_t limb[RS_EXACT_LIMBS];
};

void rs_exact_set_u128(struct rs_exact *out, rs_u128 value);
void rs_exact_set_i128(struct rs_exact *out, rs_i128 value);
/* Two's complement, least significant limb first. */
void rs_exact_set_limbs(struct rs_exact *out, const uint64_t *limb, size_t limbs);
/* A magnitude times 2^(64 * at). */
void rs_exact_set_magnitude(struct rs_exact *out, const uint64_t *limb, size_t limbs, size_t at,
                            bool negative);

/* `out` is none of the others. */
void rs_exact_multiply(struct rs_exact *out, const struct rs_exact *a, const struct rs_exact *b);
void rs_exact_multiply_u64(struct rs_exact *number, uint64_t factor);
void rs_exact_multiply_pow10(struct rs_exact *number, int exponent); /* 0..2 * RS_SCALE_MAX */
void rs_exact_shift_limbs(struct rs_exact *number, size_t limbs);    /* times 2^(64 * limbs) */
/* `out` may be either. */
void rs_exact_subtract(struct rs_exact *out, const struct rs_exact *a, const struct rs_exact *b);

/* The double nearest to numerator / denominator * 2^exponent, halves to even, subnormals included; an
 * infinity where that is beyond the largest double. The denominator is not zero. */
double rs_exact_ratio(const struct rs_exact *numerator, const struct rs_exact *denominator, int exponent);
/* The double nearest to the square root of it. Both are positive (the numerator may be zero); the exponent is
 * even. */
double rs_exact_root(const struct rs_exact *numerator, const struct rs_exact *denominator, int exponent);

/* As rs_decimal_format, for up to 3 limbs of magnitude. */
size_t rs_exact_format(const struct rs_exact *number, int scale, char *out);

#endif
