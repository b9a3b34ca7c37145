/* powers: exact sums of third and fourth powers of integers, as accumulator.h has them of first and second ones.
 * Thread: the owner of the memory.
 * Limits: fewer than 2^63 values in a sum.
 * Invariant: no sum can wrap but the narrow ones, which tell. With |x| <= 2^63 (int64) and |x| <= 2^127 (int128):
 *
 *     third powers of int64     < 2^189 * 2^63  =  2^252   <  2^255    4 limbs
 *     fourth powers of int64    < 2^252 * 2^63  =  2^315   <  2^319    5 limbs
 *     third powers of int128    < 2^381 * 2^63  =  2^444   <  2^447    7 limbs
 *     fourth powers of int128   < 2^508 * 2^63  =  2^571   <  2^575    9 limbs
 *
 * Narrow sums have two limbs, which is room for 100,000 events of numbers up to 2^27 in fourth powers. */
#ifndef RS_TRANSFORM_NUMBER_POWERS_H
#define RS_TRANSFORM_NUMBER_POWERS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/number.h"

#define RS_NARROW_CUBE_LIMBS   2
#define RS_NARROW_FOURTH_LIMBS 2
#define RS_CUBE64_LIMBS        4
#define RS_FOURTH64_LIMBS      5
#define RS_CUBE128_LIMBS       7
#define RS_FOURTH128_LIMBS     9

/* Numbers within these have powers of 126 and of 124 bits. */
#define RS_NARROW_CUBE_MAX   (INT64_C(1) << 42)
#define RS_NARROW_FOURTH_MAX (INT64_C(1) << 31)

static inline bool rs_beyond(int64_t x, int64_t most)
{
    return (uint64_t)x + (uint64_t)most > 2 * (uint64_t)most;
}

static inline bool rs_narrow_add(uint64_t sum[2], rs_u128 term)
{
    rs_i128 value = 0;

    memcpy(&value, sum, sizeof value);
    bool wrapped = __builtin_add_overflow(value, (rs_i128)term, &value);
    memcpy(sum, &value, sizeof value);
    return wrapped;
}

/* Modulo 2^128; they return whether the power or the sum has wrapped. */
static inline bool rs_narrow_cube_add(uint64_t sum[RS_NARROW_CUBE_LIMBS], int64_t x)
{
    rs_u128 value = (rs_u128)(rs_i128)x;
    bool wrapped = rs_narrow_add(sum, value * value * value);

    return wrapped || rs_beyond(x, RS_NARROW_CUBE_MAX);
}

static inline bool rs_narrow_fourth_add(uint64_t sum[RS_NARROW_FOURTH_LIMBS], int64_t x)
{
    rs_u128 value = (rs_u128)(rs_i128)x;
    rs_u128 square = value * value;
    bool wrapped = rs_narrow_add(sum, square * square);

    return wrapped || rs_beyond(x, RS_NARROW_FOURTH_MAX);
}

/* Adds x^power, or takes it away, modulo the width of the sum, which is one of those above. `power`: 3 or 4. */
void rs_power_move(uint64_t *sum, size_t limbs, rs_i128 x, unsigned power, bool subtract);

#endif
