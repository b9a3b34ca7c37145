/* logarithm: logarithms and powers of two in whole numbers, so that they are the same on every machine.
 * Thread: any; pure. */
#ifndef RS_TRANSFORM_NUMBER_LOGARITHM_H
#define RS_TRANSFORM_NUMBER_LOGARITHM_H

#include <stdint.h>

#include "base/number.h"

/* 2^(fraction / 2^64) in units of 2^-62: from 2^62 to 2^63 - 1. Off by less than 2^-58 of itself. */
uint64_t rs_power_of_two(uint64_t fraction);

/* A number above zero: mantissa * 2^exponent, with the mantissa's topmost bit set and its lowest one not. */
struct rs_positive {
    rs_u128 mantissa;
    int exponent;
};
/* Of a value from 1 to 2^127 - 1; of a finite double above zero. */
struct rs_positive rs_positive_of_whole(rs_u128 value);
struct rs_positive rs_positive_of_double(double value);

/* ln(a / b), off by less than one unit in the double's last place; 0 where they are equal. */
double rs_log_of_ratio(struct rs_positive a, struct rs_positive b);

#endif
