/* number: exact numbers as they travel from a decoded event to a statistic, and their texts.
 * A decimal is an integer times 10^-scale. Integers are decimals of scale 0.
 * Thread: any; plain values. */
#ifndef RS_BASE_NUMBER_H
#define RS_BASE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

typedef __int128 rs_i128;
typedef unsigned __int128 rs_u128;

#define RS_SCALE_MAX   38
#define RS_I128_DIGITS 38 /* decimals of up to 38 digits are accepted */

/* Text of a number at most: sign, 39 digits, point, 38 zeros; a double needs at most 24. */
#define RS_NUMBER_TEXT_MAX 96

/* Reads [+-]digits[.digits][(e|E)[+-]digits] exactly into an integer at `scale`, without a double.
 * Errors (RS_ERECORD): not a number; more digits after the point than `scale` holds (unless zeros);
 * more than RS_I128_DIGITS digits. The text names the fault but not the bytes. */
RS_MUST_USE int rs_decimal_parse(struct rs_slice text, int scale, rs_i128 *out, struct rs_error *error);

/* Shortest exact decimal notation: no trailing zeros after the point, "0" for zero, never an exponent.
 * Writes at most RS_NUMBER_TEXT_MAX bytes, no terminator; returns the length. */
size_t rs_decimal_format(rs_i128 value, int scale, char *out);

/* The same for digits that are already text: `count` > 0 of them, without leading zeros unless "0". */
size_t rs_decimal_place(const char *digits, size_t count, bool negative, int scale, char *out);

size_t rs_int64_format(int64_t value, char *out);
/* Decimal digits without leading zeros, at most 20 and 39. */
size_t rs_u64_digits(uint64_t value, char *out);
size_t rs_u128_digits(rs_u128 value, char *out);
rs_u128 rs_pow10_u128(int exponent);    /* 0..RS_I128_DIGITS */
extern const uint64_t rs_pow10_u64[20]; /* 10^0 to 10^19 */

/* Shortest decimal that reads back as the same double (Schubfach, R. Giulietti 2021), in the notation of
 * ECMAScript Number::toString: plain for 1e-7 <= |x| < 1e21, else d.ddde+xx. Needs a finite x. -0 is "0".
 * Returns the length, at most 25. Calls from several threads are safe. */
size_t rs_double_format(double value, char *out);

/* The same for a float: shortest decimal that reads back as the same float, so that 19.99f is "19.99" and not
 * the digits of the double it widens to. */
size_t rs_float_format(float value, char *out);

/* Correctly rounded; accepts what JSON accepts plus a leading '+' and surrounding nothing. */
RS_MUST_USE int rs_double_parse(struct rs_slice text, double *out, struct rs_error *error);
/* digits * 10^exponent where that takes one operation on exact doubles, which rounds correctly (W. Clinger, 1990).
 * False: rs_double_parse knows the way. */
bool rs_double_exact(uint64_t digits, int64_t exponent, double *out);
/* The same for a float: not a double that is rounded once more. */
RS_MUST_USE int rs_float_parse(struct rs_slice text, float *out, struct rs_error *error);

/* Exact value of a double at a decimal scale, rounded half to even. False: not finite or out of the range of
 * int64. */
bool rs_double_to_scale(double value, int scale, int64_t *out);

#endif
