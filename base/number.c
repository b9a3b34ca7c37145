#include "base/number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TEN_19 UINT64_C(10000000000000000000) /* the largest power of ten in 64 bits */

/* An exponent beyond this is as good as infinite, and sums with text lengths stay far from overflow. */
#define EXPONENT_CAP 1000000000

/* ---- powers and digits ---- */

const uint64_t rs_pow10_u64[20] = {
    1u,
    10u,
    100u,
    1000u,
    10000u,
    100000u,
    1000000u,
    10000000u,
    100000000u,
    1000000000u,
    10000000000u,
    100000000000u,
    1000000000000u,
    10000000000000u,
    100000000000000u,
    1000000000000000u,
    10000000000000000u,
    100000000000000000u,
    1000000000000000000u,
    TEN_19,
};

rs_u128 rs_pow10_u128(int exponent)
{
    RS_ASSERT(exponent >= 0 && exponent <= RS_I128_DIGITS);
    return exponent < 20 ? (rs_u128)rs_pow10_u64[exponent] : (rs_u128)rs_pow10_u64[exponent - 19] * TEN_19;
}

static const char pairs[] = "0001020304050607080910111213141516171819"
                            "2021222324252627282930313233343536373839"
                            "4041424344454647484950515253545556575859"
                            "6061626364656667686970717273747576777879"
                            "8081828384858687888990919293949596979899";

/* Exactly `count` digits, with leading zeros. */
static void put_digits(uint64_t value, size_t count, char *out)
{
    while (count >= 2) {
        memcpy(out + count - 2, pairs + 2 * (value % 100), 2);
        value /= 100;
        count -= 2;
    }
    if (count == 1) {
        out[0] = (char)('0' + value % 10);
    }
}

static size_t digit_count(uint64_t value)
{
    /* 1233/4096 is just above log10(2): right or one too small for every bit length up to 64. */
    size_t guess = (size_t)(((64 - __builtin_clzll(value | 1)) * 1233) >> 12);
    return guess + (value >= rs_pow10_u64[guess] || guess == 0);
}

size_t rs_u64_digits(uint64_t value, char *out)
{
    size_t count = digit_count(value);

    put_digits(value, count, out);
    return count;
}

size_t rs_u128_digits(rs_u128 value, char *out)
{
    if (value <= UINT64_MAX) {
        return rs_u64_digits((uint64_t)value, out);
    }
    rs_u128 high = value / TEN_19;
    size_t count = rs_u128_digits(high, out);
    put_digits((uint64_t)(value - high * TEN_19), 19, out + count);
    return count + 19;
}

/* ---- formatting ---- */

size_t rs_int64_format(int64_t value, char *out)
{
    uint64_t magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value;
    size_t sign = 0;

    if (value < 0) {
        out[sign++] = '-';
    }
    return sign + rs_u64_digits(magnitude, out + sign);
}

size_t rs_decimal_place(const char *digits, size_t count, bool negative, int scale, char *out)
{
    size_t at = 0;

    RS_ASSERT(scale >= 0 && scale <= RS_SCALE_MAX && count > 0);
    if (negative) {
        out[at++] = '-';
    }
    size_t after = (size_t)scale; /* digits after the point, of which `count` are given */
    while (after > 0 && count > 0 && digits[count - 1] == '0') {
        after--;
        count--;
    }
    if (count == 0) { /* it was zero */
        out[0] = '0';
        return 1;
    }
    size_t before = count > after ? count - after : 0;
    memcpy(out + at, digits, before);
    at += before;
    if (before == 0) {
        out[at++] = '0';
    }
    if (after > 0) {
        size_t given = count - before;
        out[at++] = '.';
        memset(out + at, '0', after - given);
        at += after - given;
        memcpy(out + at, digits + before, given);
        at += given;
    }
    return at;
}

size_t rs_decimal_format(rs_i128 value, int scale, char *out)
{
    rs_u128 magnitude = value < 0 ? -(rs_u128)value : (rs_u128)value;
    char digits[40];

    return rs_decimal_place(digits, rs_u128_digits(magnitude, digits), value < 0, scale, out);
}

/* ---- parsing ---- */

/* [+-]digits[.digits][(e|E)[+-]digits]: value = significand digits * 10^exponent. */
struct number_text {
    bool negative;
    struct rs_slice whole;    /* digits before the point, at least one */
    struct rs_slice fraction; /* digits after it */
    int64_t exponent;         /* as written, capped */
};

static size_t scan_digits(struct rs_slice text, size_t from)
{
    size_t at = from;

    while (at < text.size && text.data[at] >= '0' && text.data[at] <= '9') {
        at++;
    }
    return at - from;
}

static bool scan_exponent(struct rs_slice text, size_t at, int64_t *out)
{
    bool negative = false;
    int64_t value = 0;

    if (at < text.size && (text.data[at] == '+' || text.data[at] == '-')) {
        negative = text.data[at++] == '-';
    }
    size_t count = scan_digits(text, at);
    if (count == 0 || at + count != text.size) {
        return false;
    }
    for (size_t i = at; i < text.size && value < EXPONENT_CAP; i++) {
        value = value * 10 + (text.data[i] - '0');
    }
    *out = negative ? -value : value;
    return true;
}

static bool scan_number(struct rs_slice text, struct number_text *out)
{
    size_t at = 0;

    *out = (struct number_text){0};
    if (text.size > 0 && (text.data[0] == '+' || text.data[0] == '-')) {
        out->negative = text.data[at++] == '-';
    }
    out->whole = rs_slice_of(text.data + at, scan_digits(text, at));
    at += out->whole.size;
    if (out->whole.size == 0) {
        return false;
    }
    if (at < text.size && text.data[at] == '.') {
        at++;
        out->fraction = rs_slice_of(text.data + at, scan_digits(text, at));
        at += out->fraction.size;
        if (out->fraction.size == 0) {
            return false;
        }
    }
    if (at == text.size) {
        return true;
    }
    return (text.data[at] | 0x20) == 'e' && scan_exponent(text, at + 1, &out->exponent);
}

/* Significant digits as they are gathered: leading zeros dropped, trailing zeros only counted. */
struct gathered {
    rs_u128 value;
    size_t digits; /* in `value` */
    size_t zeros;  /* seen after them */
    bool overflow; /* more than RS_I128_DIGITS */
};

static void gather(struct gathered *g, struct rs_slice digits)
{
    for (size_t i = 0; i < digits.size; i++) {
        if (digits.data[i] == '0') {
            g->zeros += g->digits > 0;
            continue;
        }
        size_t more = g->zeros + 1;
        if (more > RS_I128_DIGITS - g->digits) {
            g->overflow = true;
            return;
        }
        g->value = g->value * rs_pow10_u128((int)more) + (digits.data[i] - 48u);
        g->digits += more;
        g->zeros = 0;
    }
}

int rs_decimal_parse(struct rs_slice text, int scale, rs_i128 *out, struct rs_error *error)
{
    struct number_text number;
    struct gathered g = {0};

    RS_ASSERT(scale >= 0 && scale <= RS_SCALE_MAX);
    if (!scan_number(text, &number)) {
        return rs_fail(error, RS_ERECORD, "not a number");
    }
    gather(&g, number.whole);
    gather(&g, number.fraction);
    if (g.overflow) {
        return rs_fail(error, RS_ERECORD, "more than %d digits", RS_I128_DIGITS);
    }
    if (g.value == 0) {
        *out = 0;
        return 0;
    }
    /* The last digit gathered stands at 10^-shift of the target's unit. */
    int64_t shift = number.exponent + (int64_t)g.zeros - (int64_t)number.fraction.size + scale;
    if (shift < 0) {
        return rs_fail(error, RS_ERECORD, "more than %d digits after the point", scale);
    }
    if (shift > RS_I128_DIGITS - (int64_t)g.digits) {
        return rs_fail(error, RS_ERECORD, "more than %d digits", RS_I128_DIGITS);
    }
    rs_i128 value = (rs_i128)(g.value * rs_pow10_u128((int)shift));
    *out = number.negative ? -value : value;
    return 0;
}

/* ---- doubles ---- */

/* A double is decided by 767 significant digits and whether anything but zeros follows (the longest exact
 * expansion of a midpoint between two doubles); what follows is stood for by one more digit. */
#define DECISIVE_DIGITS 770

/* Both factors are doubles without rounding. */
bool rs_double_exact(uint64_t digits, int64_t exponent, double *out)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

    if (digits > UINT64_C(1) << 53 || exponent < -22 || exponent > 22) {
        return false;
    }
    *out = exponent < 0 ? (double)digits / powers[-exponent] : (double)digits * powers[exponent];
    return true;
}

/* The digits without point or leading zeros go to `out`; returns their number and how many more there were.
 */
static size_t double_digits(const struct number_text *number, char *out, size_t *dropped)
{
    size_t count = 0;
    bool sticky = false;

    *dropped = 0;
    for (size_t i = 0; i < number->whole.size + number->fraction.size; i++) {
        bool whole = i < number->whole.size;
        char digit = (char)(whole ? number->whole.data[i] : number->fraction.data[i - number->whole.size]);
        if (count == 0 && digit == '0') {
            continue;
        }
        if (count < DECISIVE_DIGITS) {
            out[count++] = digit;
        } else {
            sticky |= digit != '0';
            *dropped += 1;
        }
    }
    if (sticky) {
        out[count - 1] |= 1; /* '0'..'9' stay digits; the 770th is past what can tie */
    }
    return count;
}

/* A number as its significant digits and where its point is. */
struct significand {
    char digits[DECISIVE_DIGITS];
    size_t count;
    int64_t exponent;
    bool negative;
};

/* False: not a number. */
static bool read_significand(struct rs_slice text, struct significand *out)
{
    struct number_text number;
    size_t dropped = 0;
    if (!scan_number(text, &number)) {
        return false;
    }
    out->count = double_digits(&number, out->digits, &dropped);
    out->exponent = number.exponent + (int64_t)dropped - (int64_t)number.fraction.size;
    out->negative = number.negative;
    return true;
}

/* The form for strtod and strtof, which glibc rounds correctly: without a point, so that no locale matters. */
#define PLAIN_TEXT_SIZE (DECISIVE_DIGITS + 32)
static void put_plain(const struct significand *number, char text[PLAIN_TEXT_SIZE])
{
    size_t count = number->count;
    memcpy(text, number->digits, count);
    text[count++] = 'e';
    count += rs_int64_format(number->exponent, text + count);
    text[count] = '\0';
}

int rs_double_parse(struct rs_slice text, double *out, struct rs_error *error)
{
    struct significand number;
    char plain[PLAIN_TEXT_SIZE];
    uint64_t small = 0;
    double value = 0;

    if (!read_significand(text, &number)) {
        return rs_fail(error, RS_ERECORD, "not a number");
    }
    for (size_t i = 0; i < number.count && number.count <= 19; i++) {
        small = small * 10 + (uint64_t)(number.digits[i] - '0');
    }
    if (number.count > 0 && (number.count > 19 || !rs_double_exact(small, number.exponent, &value))) {
        put_plain(&number, plain);
        value = strtod(plain, NULL);
    }
    if (!isfinite(value)) {
        return rs_fail(error, RS_ERECORD, "beyond the range of a double");
    }
    *out = number.negative ? -value : value;
    return 0;
}

int rs_float_parse(struct rs_slice text, float *out, struct rs_error *error)
{
    struct significand number;
    char plain[PLAIN_TEXT_SIZE];
    float value = 0;

    if (!read_significand(text, &number)) {
        return rs_fail(error, RS_ERECORD, "not a number");
    }
    if (number.count > 0) {
        put_plain(&number, plain);
        value = strtof(plain, NULL);
    }
    if (!isfinite(value)) {
        return rs_fail(error, RS_ERECORD, "beyond the range of a float");
    }
    *out = number.negative ? -value : value;
    return 0;
}

bool rs_double_to_scale(double value, int scale, int64_t *out)
{
    if (!isfinite(value)) {
        return false;
    }
    int exponent;
    double fraction = frexp(fabs(value), &exponent);
    uint64_t mantissa = (uint64_t)ldexp(fraction, 53); /* exact: value = mantissa * 2^(exponent - 53) */
    exponent -= 53;
    rs_u128 scaled = mantissa;
    for (int i = 0; i < scale; i++) {
        scaled *= 10; /* below 2^53 * 10^18 < 2^113 */
    }
    if (exponent > 10) {
        return mantissa == 0 ? (*out = 0, true) : false; /* at least 2^63 */
    }
    if (exponent >= 0) {
        scaled <<= exponent;
    } else if (exponent > -127) {
        rs_u128 unit = (rs_u128)1 << -exponent;
        rs_u128 rest = scaled & (unit - 1);
        scaled >>= -exponent;
        scaled += rest > unit / 2 || (rest == unit / 2 && (scaled & 1));
    } else {
        scaled = 0; /* below 2^-13 */
    }
    if (scaled > INT64_MAX) {
        return false;
    }
    *out = value < 0 ? -(int64_t)scaled : (int64_t)scaled;
    return true;
}
