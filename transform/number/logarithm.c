#include "transform/number/logarithm.h"

#include <math.h>
#include <stdbool.h>

/* floor(a * b / 2^64) */
static uint64_t high_product(uint64_t a, uint64_t b)
{
    return (uint64_t)((rs_u128)a * b >> 64);
}

static int leading_zeros(rs_u128 value)
{
    uint64_t high = (uint64_t)(value >> 64);
    return high ? __builtin_clzll(high) : 64 + __builtin_clzll((uint64_t)value);
}

/* ---- powers of two ---- */

/* 2^(i / 16) * 2^63, and ln(2)^n / n! * 2^64 from n = 1 on, both cut off: the Taylor series of what the first four bits of
 * the fraction leave, which is below 1/16, has ten terms above 2^-64. */
static const uint64_t sixteenths[16] = {
    UINT64_C(0x8000000000000000), UINT64_C(0x85aac367cc487b14), UINT64_C(0x8b95c1e3ea8bd6e6),
    UINT64_C(0x91c3d373ab11c336), UINT64_C(0x9837f0518db8a96f), UINT64_C(0x9ef5326091a111ad),
    UINT64_C(0xa5fed6a9b15138ea), UINT64_C(0xad583eea42a14ac6), UINT64_C(0xb504f333f9de6484),
    UINT64_C(0xbd08a39f580c36be), UINT64_C(0xc5672a115506dadd), UINT64_C(0xce248c151f8480e3),
    UINT64_C(0xd744fccad69d6af4), UINT64_C(0xe0ccdeec2a94e111), UINT64_C(0xeac0c6e7dd24392e),
    UINT64_C(0xf5257d152486cc2c),
};
static const uint64_t terms[10] = {
    UINT64_C(0xb17217f7d1cf79ab), UINT64_C(0x3d7f7bff058b1d50), UINT64_C(0x0e35846b82505fc5),
    UINT64_C(0x0276556df749cee5), UINT64_C(0x005761ff9e299cc4), UINT64_C(0x000a184897c363c3),
    UINT64_C(0x0000ffe5fe2c4586), UINT64_C(0x0000162c0223a5c8), UINT64_C(0x000001b5253d395e),
    UINT64_C(0x0000001e4cf5158b),
};

uint64_t rs_power_of_two(uint64_t fraction)
{
    uint64_t coarse = sixteenths[fraction >> 60];
    uint64_t fine = fraction & (UINT64_MAX >> 4);
    uint64_t sum = 0;

    for (int n = 9; n >= 0; n--) {
        sum = terms[n] + high_product(sum, fine);
    }
    return (coarse + high_product(coarse, high_product(sum, fine))) >> 1;
}

/* ---- logarithms ---- */

#define LN2       UINT64_C(0xb17217f7d1cf79ab) /* * 2^64 */
#define ROOT_TWO  UINT64_C(0xb504f333f9de6484) /* * 2^63 */
#define ONE       (UINT64_C(1) << 62)
#define LOG_TERMS 13

struct rs_positive rs_positive_of_whole(rs_u128 value)
{
    int zeros = leading_zeros(value);
    return (struct rs_positive){value << zeros, -zeros};
}

struct rs_positive rs_positive_of_double(double value)
{
    int exponent = 0;
    double half = frexp(value, &exponent); /* from 1/2 on, below 1 */
    return (struct rs_positive){(rs_u128)(uint64_t)ldexp(half, 64) << 64, exponent - 128};
}

static bool above_root_two(rs_u128 a, rs_u128 b)
{
    return (rs_u128)(uint64_t)(a >> 64) << 63 > (rs_u128)(uint64_t)(b >> 64) * ROOT_TWO;
}

/* z = |a - b| / (a + b) as quotient * 2^exponent, the quotient's topmost of 64 bits set. */
static uint64_t quotient_of(rs_u128 a, rs_u128 b, int *exponent)
{
    rs_u128 difference = a > b ? a - b : b - a;
    rs_u128 half = (a >> 1) + (b >> 1);
    int difference_zeros = leading_zeros(difference);
    int half_zeros = leading_zeros(half);
    rs_u128 quotient = (difference << difference_zeros) / (uint64_t)((half << half_zeros) >> 64);

    *exponent = half_zeros - difference_zeros - 65;
    while (quotient >> 64 != 0) {
        quotient >>= 1;
        ++*exponent;
    }
    return (uint64_t)quotient;
}

/* ln(a / b) = 2 (z + z^3 / 3 + z^5 / 5 + …). The ratio is brought near 1 first, so that z is below 0.172, and 13 terms
 * reach 2^-64 of the first; what powers of two it took is added as so many times ln(2). */
double rs_log_of_ratio(struct rs_positive a, struct rs_positive b)
{
    int twos = a.exponent - b.exponent;
    int exponent = 0;

    if (above_root_two(a.mantissa, b.mantissa)) {
        a.mantissa >>= 1;
        twos++;
    } else if (above_root_two(b.mantissa, a.mantissa)) {
        b.mantissa >>= 1;
        twos--;
    }
    rs_i128 whole = (rs_i128)twos * LN2;
    if (a.mantissa == b.mantissa) {
        return ldexp((double)whole, -64);
    }
    uint64_t z = quotient_of(a.mantissa, b.mantissa, &exponent);
    uint64_t fixed = -64 - exponent < 64 ? z >> (-64 - exponent) : 0;
    uint64_t square = high_product(fixed, fixed);
    uint64_t sum = 0;
    for (uint64_t n = LOG_TERMS; n-- > 0;) {
        sum = ONE / (2 * n + 1) + high_product(sum, square);
    }
    rs_u128 product = (rs_u128)z * sum; /* 2 z sum is product * 2^(exponent - 61) */
    bool negative = a.mantissa < b.mantissa;
    if (twos == 0) {
        double size = ldexp((double)product, exponent - 61);
        return negative ? -size : size;
    }
    int shift = -exponent - 3;
    rs_i128 part = shift < 128 ? (rs_i128)(product >> shift) : 0;
    return ldexp((double)(whole + (negative ? -part : part)), -64);
}
