/* random: the one source of random numbers for tests, SplitMix64 (Steele, Lea, Flood: Fast Splittable
 * Pseudorandom Number Generators, 2014). The same seed gives the same numbers everywhere; every seed is good,
 * 0 among them. What a seed means to the simulations hangs on these functions: changing one changes every
 * seed's story. Thread: a source belongs to its caller. */
#ifndef RS_TESTS_LIB_RANDOM_H
#define RS_TESTS_LIB_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/number.h"

struct rs_random {
    uint64_t state;
};

static inline uint64_t rs_random_next(struct rs_random *random)
{
    uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* From 0 to bound - 1. */
static inline uint64_t rs_random_below(struct rs_random *random, uint64_t bound)
{
    return rs_random_next(random) % bound;
}

/* From low to high, both among them. */
static inline int64_t rs_random_between(struct rs_random *random, int64_t low, int64_t high)
{
    return low + (int64_t)rs_random_below(random, (uint64_t)(high - low + 1));
}

/* True once in n times; n 0: never, and no number is drawn. */
static inline bool rs_random_one_in(struct rs_random *random, int64_t n)
{
    return n > 0 && rs_random_below(random, (uint64_t)n) == 0;
}

/* For property tests: from RS_SEED in the environment, else the same each time; printed. */
static inline struct rs_random rs_random_of_run(void)
{
    const char *text = getenv("RS_SEED");
    struct rs_random random = {text ? strtoull(text, NULL, 0) : 1};
    printf("seed %#llx\n", (unsigned long long)random.state);
    return random;
}

/* Of all magnitudes, the extremes among them. */
static inline int64_t rs_random_int64(struct rs_random *random)
{
    int64_t value = (int64_t)rs_random_next(random);
    value >>= rs_random_below(random, 64);
    uint64_t pick = rs_random_below(random, 32);
    return pick == 0 ? INT64_MIN : pick == 1 ? INT64_MAX : value;
}

/* Up to 38 digits. */
static inline rs_i128 rs_random_int128(struct rs_random *random)
{
    const rs_i128 limit = (rs_i128)rs_pow10_u128(38) - 1;
    rs_u128 high = rs_random_next(random);
    rs_i128 value = (rs_i128)(high << 64 | rs_random_next(random));
    value >>= rs_random_below(random, 128);
    uint64_t pick = rs_random_below(random, 32);
    return pick == 0 ? limit : pick == 1 ? -limit : value % (limit + 1);
}

static inline void rs_random_shuffle(struct rs_random *random, size_t *order, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t j = (size_t)rs_random_below(random, i);
        size_t kept = order[i - 1];
        order[i - 1] = order[j];
        order[j] = kept;
    }
}

#endif
