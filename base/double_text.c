/* Shortest text of a double by Schubfach: R. Giulietti, "The Schubfach way to render doubles" (2021). Names
 * follow the paper: v = c * 2^q is the double, Rv its rounding interval, 10^k the power of the shortest
 * candidates. */
#include <string.h>

#include "base/double_table.h"
#include "base/number.h"

#define MANTISSA_BITS       52
#define EXPONENT_MIN        (-1074) /* q of subnormals */
#define FLOAT_MANTISSA_BITS 23
#define FLOAT_EXPONENT_MIN  (-149)

struct decimal {
    uint64_t digits; /* value = digits * 10^exponent */
    int exponent;
};

/* Logarithms by multiplication: right for all exponents of doubles (section 9.3 gives the ranges). A shift of
 * a negative number rounds down on every compiler we build with, which is what floor asks for. */
static int floor_log2_pow10(int e)
{
    return (e * 1741647) >> 19;
}
static int floor_log10_pow2(int e)
{
    return (e * 1262611) >> 22;
}
static int floor_log10_three_quarters_pow2(int e)
{
    return (e * 1262611 - 524031) >> 22;
}

/* The top of g * cp, with the lowest bit set where bits below were not all zero ("round to odd",
 * section 9.6). g is at most one unit too large, which adds less than 2 at the position tested. */
static uint64_t round_to_odd(const uint64_t g[2], uint64_t cp)
{
    rs_u128 low = (rs_u128)g[1] * cp;
    rs_u128 sum = (rs_u128)g[0] * cp + (uint64_t)(low >> 64);

    return (uint64_t)(sum >> 64) | ((uint64_t)sum > 1);
}

/* Of the multiples of 10^(k+1) and then of 10^k beside v, the one inside Rv, or the nearer of two. */
static struct decimal shortest(uint64_t c, int q, bool irregular)
{
    uint64_t odd = c & 1; /* the ends of Rv belong to it only for even c */
    int k = irregular ? floor_log10_three_quarters_pow2(q) : floor_log10_pow2(q);
    int h = q + floor_log2_pow10(-k) + 1;
    const uint64_t *g = rs_double_table[-k - RS_DOUBLE_TABLE_MIN];
    uint64_t middle = round_to_odd(g, (4 * c) << h);
    uint64_t lower = round_to_odd(g, (4 * c - 2 + irregular) << h) + odd;
    uint64_t upper = round_to_odd(g, (4 * c + 2) << h) - odd;
    uint64_t s = middle / 4;

    if (s >= 10) {
        uint64_t tens = s / 10;
        bool below = lower <= 40 * tens;
        bool above = 40 * tens + 40 <= upper;
        if (below != above) {
            return (struct decimal){tens + above, k + 1};
        }
    }
    bool below = lower <= 4 * s;
    bool above = 4 * s + 4 <= upper;
    if (below != above) {
        return (struct decimal){s + above, k};
    }
    bool up = middle > 4 * s + 2 || (middle == 4 * s + 2 && (s & 1) != 0);
    return (struct decimal){s + up, k};
}

static struct decimal decompose(uint64_t bits)
{
    uint64_t fraction = bits & ((UINT64_C(1) << MANTISSA_BITS) - 1);
    int exponent = (int)((bits >> MANTISSA_BITS) & 0x7ff);
    uint64_t c = exponent == 0 ? fraction : fraction | UINT64_C(1) << MANTISSA_BITS;
    int q = EXPONENT_MIN + (exponent == 0 ? 0 : exponent - 1);

    if (q <= 0 && q > -MANTISSA_BITS - 1 && (c & ((UINT64_C(1) << -q) - 1)) == 0) {
        return (struct decimal){c >> -q, 0}; /* an integer below 2^53 is its own shortest text */
    }
    return shortest(c, q, fraction == 0 && exponent > 1);
}

/* Rv is all that tells a float from the double of the same value: its ends lie half a unit of the float's own
 * last place away. */
static struct decimal decompose_float(uint32_t bits)
{
    uint32_t fraction = bits & ((UINT32_C(1) << FLOAT_MANTISSA_BITS) - 1);
    int exponent = (int)(bits >> FLOAT_MANTISSA_BITS & 0xff);
    uint32_t c = exponent == 0 ? fraction : fraction | UINT32_C(1) << FLOAT_MANTISSA_BITS;
    int q = FLOAT_EXPONENT_MIN + (exponent == 0 ? 0 : exponent - 1);

    if (q <= 0 && q > -FLOAT_MANTISSA_BITS - 1 && (c & ((UINT32_C(1) << -q) - 1)) == 0) {
        return (struct decimal){c >> -q, 0};
    }
    return shortest(c, q, fraction == 0 && exponent > 1);
}

static size_t put_zeros(char *out, int count)
{
    memset(out, '0', (size_t)count);
    return (size_t)count;
}

/* d.ddde+xx */
static size_t put_scientific(const char *digits, size_t count, int exponent, char *out)
{
    size_t at = 0;

    out[at++] = digits[0];
    if (count > 1) {
        out[at++] = '.';
        memcpy(out + at, digits + 1, count - 1);
        at += count - 1;
    }
    out[at++] = 'e';
    out[at++] = exponent < 0 ? '-' : '+';
    return at + rs_u64_digits((uint64_t)(exponent < 0 ? -exponent : exponent), out + at);
}

/* Number::toString of ECMA-262: `point` digits stand before the decimal point. */
static size_t put_notation(const char *digits, size_t count, int point, char *out)
{
    size_t at = 0;

    if (point > 21 || point <= -6) {
        return put_scientific(digits, count, point - 1, out);
    }
    if (point <= 0) {
        out[at++] = '0';
        out[at++] = '.';
        at += put_zeros(out + at, -point);
        memcpy(out + at, digits, count);
        return at + count;
    }
    if ((size_t)point >= count) {
        memcpy(out, digits, count);
        return count + put_zeros(out + count, point - (int)count);
    }
    memcpy(out, digits, (size_t)point);
    out[point] = '.';
    memcpy(out + point + 1, digits + point, count - (size_t)point);
    return count + 1;
}

static size_t put_decimal(struct decimal d, bool negative, char *out)
{
    char digits[20];
    size_t sign = 0;

    if (negative) {
        out[sign++] = '-';
    }
    size_t count = rs_u64_digits(d.digits, digits);
    int point = (int)count + d.exponent;
    while (digits[count - 1] == '0') {
        count--;
    }
    return sign + put_notation(digits, count, point, out + sign);
}

size_t rs_double_format(double value, char *out)
{
    uint64_t bits = 0;

    memcpy(&bits, &value, sizeof bits);
    RS_ASSERT((bits >> MANTISSA_BITS & 0x7ff) != 0x7ff);
    if (bits << 1 == 0) {
        out[0] = '0';
        return 1;
    }
    return put_decimal(decompose(bits), bits >> 63 != 0, out);
}

size_t rs_float_format(float value, char *out)
{
    uint32_t bits = 0;

    memcpy(&bits, &value, sizeof bits);
    RS_ASSERT((bits >> FLOAT_MANTISSA_BITS & 0xff) != 0xff);
    if (bits << 1 == 0) {
        out[0] = '0';
        return 1;
    }
    return put_decimal(decompose_float(bits), bits >> 31 != 0, out);
}
