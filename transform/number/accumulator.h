/* accumulator: exact sums. Integers in two's complement of a fixed number of limbs; doubles in a fixed-point
 * number wide enough for every double and every product of two ("superaccumulator": U. Kulisch, 1971). A limb
 * has 64 bits; limbs stand least significant first. All arithmetic is modulo the width, so that sums add and
 * subtract in any order to the same bits.
 *
 * Thread: the owner of the memory.
 * Limits: fewer than 2^63 values in a sum.
 * Invariant: no sum can wrap. With |x| <= 2^63 (int64) and |x| <= 2^127 (int128):
 *
 *     sum of int64         < 2^63   * 2^63  =  2^126   <  2^127    2 limbs
 *     products of int64    < 2^126  * 2^63  =  2^189   <  2^191    3 limbs
 *     sum of int128        < 2^127  * 2^63  =  2^190   <  2^191    3 limbs
 *     products of int128   < 2^254  * 2^63  =  2^317   <  2^319    5 limbs
 *
 * A narrow sum of int64 has a limb less and can wrap; each addition tells whether it did. Third and fourth powers
 * are in powers.h.
 *
 * and for doubles, |x| < 2^1024, of which the smallest unit is 2^-1074 (of a product: 2^-2148):
 *
 *     sum                  < 2^1024 * 2^63  =  2^1087    17 limbs above the point, 17 below (2^-1088)
 *     products             < 2^2048 * 2^63  =  2^2111    33 limbs above the point, 34 below (2^-2176)
 *     third powers         < 2^3072 * 2^63  =  2^3135    50 limbs above the point, 51 below (2^-3264)
 *     fourth powers        < 2^4096 * 2^63  =  2^4159    65 limbs above the point, 68 below (2^-4352)
 *
 * Products of a double and an int128 are < 2^1151 and have a unit of 2^-1074: within the latter. */
#ifndef RS_TRANSFORM_NUMBER_ACCUMULATOR_H
#define RS_TRANSFORM_NUMBER_ACCUMULATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "base/number.h"

#define RS_SUM64_LIMBS      2
#define RS_PRODUCT64_LIMBS  3
#define RS_SUM128_LIMBS     3
#define RS_PRODUCT128_LIMBS 5

#define RS_NARROW_SUM_LIMBS     (RS_SUM64_LIMBS - 1)
#define RS_NARROW_PRODUCT_LIMBS (RS_PRODUCT64_LIMBS - 1)

/* ---- integers ---- */

/* *limb += value + carry; returns the carry out. Limb by limb, since compilers keep 128-bit sums on the
 * stack, which costs as much as all the rest of an event; and with the machine's add-with-carry where there
 * is one. */
static inline unsigned char rs_add_carry(unsigned char carry, uint64_t *limb, uint64_t value)
{
#ifdef __x86_64__
    return _addcarry_u64(carry, *limb, value, (unsigned long long *)limb);
#else
    bool first = __builtin_add_overflow(*limb, value, limb);
    bool second = __builtin_add_overflow(*limb, (uint64_t)carry, limb);
    return first | second;
#endif
}

static inline void rs_limbs_add(uint64_t *into, const uint64_t *value, size_t limbs)
{
    unsigned char carry = 0;

    for (size_t i = 0; i < limbs; i++) {
        carry = rs_add_carry(carry, &into[i], value[i]);
    }
}

/* As the complement plus one. */
static inline void rs_limbs_subtract(uint64_t *from, const uint64_t *value, size_t limbs)
{
    unsigned char carry = 1;

    for (size_t i = 0; i < limbs; i++) {
        carry = rs_add_carry(carry, &from[i], ~value[i]);
    }
}

static inline void rs_sum64_add(uint64_t sum[RS_SUM64_LIMBS], int64_t x)
{
    uint64_t sign = (uint64_t)(x >> 63);
    unsigned char carry = rs_add_carry(0, &sum[0], (uint64_t)x);

    (void)rs_add_carry(carry, &sum[1], sign);
}

/* The top bit of what it returns is set where the addition has wrapped: both terms have one sign, and the sum
 * has the other. The topmost limbs decide. */
static inline uint64_t rs_wrapped(uint64_t before, uint64_t value, uint64_t after)
{
    return (before ^ after) & (value ^ after);
}

/* Narrow sums are added modulo 2^64, and those of products modulo 2^128: taking the value away again gives
 * what was there before, wrapped or not. They return whether the sum has wrapped; a caller can join the answers
 * of many and look once. */
static inline bool rs_narrow_sum_add(uint64_t sum[RS_NARROW_SUM_LIMBS], int64_t x)
{
    int64_t *value = (int64_t *)sum;

    return __builtin_add_overflow(*value, x, value);
}

static inline bool rs_narrow_product_add(uint64_t sum[RS_NARROW_PRODUCT_LIMBS], int64_t a, int64_t b)
{
    rs_i128 value = 0;

    memcpy(&value, sum, sizeof value);
    bool wrapped = __builtin_add_overflow(value, (rs_i128)a * b, &value);
    memcpy(sum, &value, sizeof value);
    return wrapped;
}

/* The two limbs of a value, and its sign above them, added to three. */
static inline void rs_limbs3_add(uint64_t sum[3], rs_i128 value)
{
    uint64_t high = (uint64_t)((rs_u128)value >> 64);
    uint64_t sign = (uint64_t)((int64_t)high >> 63);
    unsigned char carry = rs_add_carry(0, &sum[0], (uint64_t)value);

    carry = rs_add_carry(carry, &sum[1], high);
    (void)rs_add_carry(carry, &sum[2], sign);
}

static inline void rs_product64_add(uint64_t sum[RS_PRODUCT64_LIMBS], int64_t a, int64_t b)
{
    rs_limbs3_add(sum, (rs_i128)a * b);
}

static inline void rs_sum128_add(uint64_t sum[RS_SUM128_LIMBS], rs_i128 x)
{
    rs_limbs3_add(sum, x);
}

void rs_product128_add(uint64_t sum[RS_PRODUCT128_LIMBS], rs_i128 a, rs_i128 b);

/* ---- doubles ---- */

/* An accumulator takes rs_super_size bytes: a few limbs around the first value, and moves to one of full
 * width on the heap when a value or the sum leaves them. The value is all that counts: it is the same
 * whatever the way it came about, and rs_super_read is its one canonical form. Where memory runs out the
 * accumulator is lost: it holds nothing and says so, until it is freed. */
struct rs_super_kind {
    uint32_t compact_limbs;
    uint32_t full_limbs;
    int32_t lowest; /* limb 0 is in units of 2^lowest; a multiple of 64 */
};
/* Four limbs reach 64 bits below and 75 above the first double; six of products twice that less a little, and so
 * on. */
extern const struct rs_super_kind rs_super_sum;
extern const struct rs_super_kind rs_super_product;
extern const struct rs_super_kind rs_super_cube;
extern const struct rs_super_kind rs_super_fourth;

#define RS_SUPER_FULL_MAX 133 /* the largest of full_limbs */

static inline size_t rs_super_size(const struct rs_super_kind *kind)
{
    return (1 + kind->compact_limbs) * sizeof(uint64_t);
}

/* What one holds on the heap once it has moved there. */
static inline size_t rs_super_full_bytes(const struct rs_super_kind *kind)
{
    return kind->full_limbs * sizeof(uint64_t);
}

void rs_super_init(const struct rs_super_kind *kind, uint64_t *sum);
void rs_super_fini(const struct rs_super_kind *kind, uint64_t *sum); /* empty again */
bool rs_super_lost(const uint64_t *sum);
size_t rs_super_heap_bytes(const struct rs_super_kind *kind, const uint64_t *sum);

/* Need finite values. Return whether the sum has just moved to the heap. */
bool rs_super_add(const struct rs_super_kind *kind, uint64_t *sum, double x);
bool rs_super_add_product(const struct rs_super_kind *kind, uint64_t *sum, double x, double y);
bool rs_super_add_scaled(const struct rs_super_kind *kind, uint64_t *sum, rs_i128 factor, double x);
bool rs_super_add_cube(uint64_t *sum, double x);   /* of rs_super_cube, */
bool rs_super_add_fourth(uint64_t *sum, double x); /* and of rs_super_fourth */

/* Adds `from`, or takes it away. */
void rs_super_merge(const struct rs_super_kind *kind, uint64_t *into, const uint64_t *from, bool subtract);
void rs_super_copy(const struct rs_super_kind *kind, uint64_t *to, const uint64_t *from);

/* A magnitude of `size` limbs, neither the first nor the last of them zero, in units of 2^(kind->lowest + 64
 * * at). */
struct rs_super_value {
    bool negative;
    uint32_t size; /* 0: zero */
    uint32_t at;
    uint64_t limb[RS_SUPER_FULL_MAX];
};
void rs_super_read(const struct rs_super_kind *kind, const uint64_t *sum, struct rs_super_value *out);
/* Adds a value that fits: at + size <= kind->full_limbs. */
void rs_super_add_value(const struct rs_super_kind *kind, uint64_t *sum, const struct rs_super_value *value);

#endif
