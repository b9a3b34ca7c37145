#include "transform/number/exact.h"

#include <math.h>
#include <string.h>

/* Bits of a quotient that decide a rounding: 53, one for the half, and what normalising may take; the rest is
 * sticky. */
#define RATIO_BITS 65
#define ROOT_BITS  (2 * RATIO_BITS)

#define DOUBLE_BITS   53
#define DOUBLE_LOWEST (-1074) /* exponent of the smallest subnormal */

/* ---- setting ---- */

static void normalise(struct rs_exact *number)
{
    while (number->size > 0 && number->limb[number->size - 1] == 0) {
        number->size--;
    }
    number->negative &= number->size > 0;
}

void rs_exact_set_u128(struct rs_exact *out, rs_u128 value)
{
    out->negative = false;
    out->limb[0] = (mp_limb_t)value;
    out->limb[1] = (mp_limb_t)(value >> 64);
    out->size = 2;
    normalise(out);
}

void rs_exact_set_i128(struct rs_exact *out, rs_i128 value)
{
    rs_exact_set_u128(out, value < 0 ? -(rs_u128)value : (rs_u128)value);
    out->negative = value < 0;
}

void rs_exact_set_limbs(struct rs_exact *out, const uint64_t *limb, size_t limbs)
{
    RS_ASSERT(limbs > 0 && limbs <= RS_EXACT_LIMBS);
    out->negative = limb[limbs - 1] >> 63 != 0;
    out->size = (uint32_t)limbs;
    memcpy(out->limb, limb, limbs * sizeof *limb);
    if (out->negative) {
        mpn_neg(out->limb, out->limb, (mp_size_t)limbs);
    }
    normalise(out);
}

void rs_exact_set_magnitude(struct rs_exact *out, const uint64_t *limb, size_t limbs, size_t at,
                            bool negative)
{
    RS_ASSERT(limbs <= RS_EXACT_LIMBS && at <= RS_EXACT_LIMBS - limbs);
    out->negative = negative;
    out->size = limbs == 0 ? 0 : (uint32_t)(at + limbs);
    memset(out->limb, 0, at * sizeof *limb);
    memcpy(out->limb + at, limb, limbs * sizeof *limb);
    normalise(out);
}

/* ---- arithmetic ---- */

void rs_exact_multiply(struct rs_exact *out, const struct rs_exact *a, const struct rs_exact *b)
{
    const struct rs_exact *longer = a->size >= b->size ? a : b;
    const struct rs_exact *shorter = longer == a ? b : a;

    RS_ASSERT(a->size + b->size <= RS_EXACT_LIMBS && out != a && out != b);
    out->size = 0;
    if (shorter->size > 0) {
        mpn_mul(out->limb, longer->limb, longer->size, shorter->limb, shorter->size);
        out->size = a->size + b->size;
    }
    out->negative = a->negative != b->negative;
    normalise(out);
}

void rs_exact_multiply_u64(struct rs_exact *number, uint64_t factor)
{
    if (number->size == 0 || factor == 1) {
        return;
    }
    RS_ASSERT(number->size < RS_EXACT_LIMBS);
    number->limb[number->size] = mpn_mul_1(number->limb, number->limb, number->size, factor);
    number->size++;
    normalise(number);
}

void rs_exact_multiply_pow10(struct rs_exact *number, int exponent)
{
    for (; exponent > 0; exponent -= 19) {
        rs_exact_multiply_u64(number, (uint64_t)rs_pow10_u128(exponent < 19 ? exponent : 19));
    }
}

void rs_exact_shift_limbs(struct rs_exact *number, size_t limbs)
{
    if (number->size == 0 || limbs == 0) {
        return;
    }
    RS_ASSERT(limbs <= RS_EXACT_LIMBS - number->size);
    memmove(number->limb + limbs, number->limb, number->size * sizeof(mp_limb_t));
    memset(number->limb, 0, limbs * sizeof(mp_limb_t));
    number->size += (uint32_t)limbs;
}

/* Magnitudes; the longer one first. */
static void add_magnitudes(struct rs_exact *out, const struct rs_exact *a, const struct rs_exact *b)
{
    mp_limb_t carry = 0;

    RS_ASSERT(a->size < RS_EXACT_LIMBS);
    uint32_t size = a->size;
    if (b->size > 0) {
        carry = mpn_add(out->limb, a->limb, a->size, b->limb, b->size);
    } else if (out != a) {
        memcpy(out->limb, a->limb, a->size * sizeof a->limb[0]);
    }
    out->limb[size] = carry;
    out->size = size + 1;
}

static int compare_magnitudes(const struct rs_exact *a, const struct rs_exact *b)
{
    if (a->size != b->size) {
        return a->size < b->size ? -1 : 1;
    }
    return a->size == 0 ? 0 : mpn_cmp(a->limb, b->limb, a->size);
}

/* As a sum with the sign of `b` turned: magnitudes add up where the signs agree, else the smaller one is
 * taken from the larger. */
void rs_exact_subtract(struct rs_exact *out, const struct rs_exact *a, const struct rs_exact *b)
{
    bool b_negative = !b->negative; /* of what is added */
    bool swap = compare_magnitudes(a, b) < 0;
    const struct rs_exact *larger = swap ? b : a;
    const struct rs_exact *smaller = swap ? a : b;
    bool negative = swap ? b_negative : a->negative;

    if (a->negative == b_negative) {
        add_magnitudes(out, larger, smaller);
    } else {
        uint32_t size = larger->size;
        if (smaller->size > 0) {
            mpn_sub(out->limb, larger->limb, size, smaller->limb, smaller->size);
        } else if (out != larger) {
            memcpy(out->limb, larger->limb, size * sizeof larger->limb[0]);
        }
        out->size = size;
    }
    out->negative = negative;
    normalise(out);
}

/* ---- rounding ---- */

/* limb[0..size), at least RATIO_BITS - 1 bits, times 2^exponent, a little more where `sticky`. */
static double round_limbs(const mp_limb_t *limb, size_t size, bool sticky, int exponent)
{
    int zeros = __builtin_clzll(limb[size - 1]);
    uint64_t top = limb[size - 1] << zeros;

    exponent += 64 * (int)(size - 1) - zeros;
    if (size > 1) {
        top |= zeros == 0 ? 0 : limb[size - 2] >> (64 - zeros);
        sticky |= limb[size - 2] << zeros != 0;
    }
    for (size_t i = 0; i + 2 < size; i++) {
        sticky |= limb[i] != 0;
    }
    int drop = 64 - DOUBLE_BITS;
    if (exponent + drop < DOUBLE_LOWEST) {
        drop = DOUBLE_LOWEST - exponent;
    }
    if (drop > 64) {
        return 0.0; /* below half of the smallest subnormal */
    }
    uint64_t kept = drop == 64 ? 0 : top >> drop;
    uint64_t half = UINT64_C(1) << (drop - 1);
    uint64_t rest = drop == 64 ? top : top & (2 * half - 1);
    kept += rest > half || (rest == half && (sticky || (kept & 1) != 0));
    return ldexp((double)kept, exponent + drop); /* exact: at most 53 bits, at a place they can stand */
}

static long bit_length(const struct rs_exact *number)
{
    return 64 * (long)number->size - __builtin_clzll(number->limb[number->size - 1]);
}

/* floor(numerator * 2^(64 * limbs) / denominator) for the `limbs` that gives at least `bits` bits and less
 * than 64 more; the quotient takes up to 4 limbs. *sticky: whether anything was cut off. Returns its size. */
static size_t quotient(const struct rs_exact *numerator, const struct rs_exact *denominator, int bits,
                       mp_limb_t out[5], int *limbs, bool *sticky)
{
    mp_limb_t shifted[RS_EXACT_LIMBS + 8];
    mp_limb_t remainder[RS_EXACT_LIMBS];
    long missing = bits + bit_length(denominator) - bit_length(numerator);
    long shift = missing >= 0 ? (missing + 63) / 64 : -(-missing / 64);
    size_t skip = shift < 0 ? (size_t)-shift : 0;
    size_t pad = shift > 0 ? (size_t)shift : 0;
    size_t size = numerator->size - skip + pad;

    RS_ASSERT(size <= RS_EXACT_LIMBS + 8 && size - denominator->size < 5);
    for (size_t i = 0; i < skip; i++) {
        *sticky |= numerator->limb[i] != 0;
    }
    memset(shifted, 0, pad * sizeof(mp_limb_t));
    memcpy(shifted + pad, numerator->limb + skip, (numerator->size - skip) * sizeof(mp_limb_t));
    mpn_tdiv_qr(out, remainder, 0, shifted, (mp_size_t)size, denominator->limb, denominator->size);
    *sticky |= mpn_zero_p(remainder, denominator->size) == 0;
    size_t count = size - denominator->size + 1;
    while (out[count - 1] == 0) {
        count--;
    }
    *limbs = (int)shift;
    return count;
}

double rs_exact_ratio(const struct rs_exact *numerator, const struct rs_exact *denominator, int exponent)
{
    mp_limb_t out[5];
    int limbs = 0;
    bool sticky = false;

    RS_ASSERT(denominator->size > 0);
    if (numerator->size == 0) {
        return 0.0;
    }
    size_t size = quotient(numerator, denominator, RATIO_BITS, out, &limbs, &sticky);
    double magnitude = round_limbs(out, size, sticky, exponent - 64 * limbs);
    return numerator->negative != denominator->negative ? -magnitude : magnitude;
}

double rs_exact_root(const struct rs_exact *numerator, const struct rs_exact *denominator, int exponent)
{
    mp_limb_t out[5];
    mp_limb_t root[3];
    mp_limb_t remainder[5];
    int limbs = 0;
    bool sticky = false;

    RS_ASSERT(denominator->size > 0 && !denominator->negative && !numerator->negative && exponent % 2 == 0);
    if (numerator->size == 0) {
        return 0.0;
    }
    /* The root of the floor has the same floor as the root; what the floor cut off only ever makes it
     * inexact. */
    size_t size = quotient(numerator, denominator, ROOT_BITS, out, &limbs, &sticky);
    sticky |= mpn_sqrtrem(root, remainder, out, (mp_size_t)size) != 0;
    return round_limbs(root, (size + 1) / 2, sticky, (exponent - 64 * limbs) / 2);
}

/* ---- text ---- */

/* Up to 192 bits: the number is cut at 10^38 into two that fit 128 bits. */
size_t rs_exact_format(const struct rs_exact *number, int scale, char *out)
{
    const rs_u128 ten38 = rs_pow10_u128(38);
    struct rs_exact divisor;
    mp_limb_t high[3];
    mp_limb_t low[2];
    char digits[64];
    char padded[40];

    RS_ASSERT(number->size <= 3);
    if (number->size < 3) {
        rs_u128 value = (number->size > 1 ? (rs_u128)number->limb[1] << 64 : 0) |
                        (number->size > 0 ? number->limb[0] : 0);
        return rs_decimal_place(digits, rs_u128_digits(value, digits), number->negative, scale, out);
    }
    rs_exact_set_u128(&divisor, ten38);
    mpn_tdiv_qr(high, low, 0, number->limb, 3, divisor.limb, 2);
    size_t count = rs_u128_digits((rs_u128)high[1] << 64 | high[0], digits);
    /* One more digit in front keeps the zeros that lead the lower half. */
    rs_u128_digits(((rs_u128)low[1] << 64 | low[0]) + ten38, padded);
    memcpy(digits + count, padded + 1, 38);
    return rs_decimal_place(digits, count + 38, number->negative, scale, out);
}
