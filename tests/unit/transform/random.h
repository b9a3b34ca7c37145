/* random: numbers for property tests, from a seed that the test prints. RS_SEED in the environment sets
 * another. */
#ifndef RS_TESTS_UNIT_TRANSFORM_RANDOM_H
#define RS_TESTS_UNIT_TRANSFORM_RANDOM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/number.h"

static inline uint64_t test_seed(void)
{
    const char *text = getenv("RS_SEED");
    uint64_t seed = text == NULL ? UINT64_C(0x9e3779b97f4a7c15) : strtoull(text, NULL, 0) | 1;
    print_message("seed %#llx\n", (unsigned long long)seed);
    return seed;
}

static inline uint64_t test_next(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* Of all magnitudes, the extremes among them. */
static inline int64_t test_int64(uint64_t *seed)
{
    int64_t value = (int64_t)test_next(seed) >> test_next(seed) % 64;
    uint64_t pick = test_next(seed) % 32;
    return pick == 0 ? INT64_MIN : pick == 1 ? INT64_MAX : value;
}

/* Up to 38 digits. */
static inline rs_i128 test_int128(uint64_t *seed)
{
    const rs_i128 limit = (rs_i128)rs_pow10_u128(38) - 1;
    rs_i128 value = (rs_i128)((rs_u128)test_next(seed) << 64 | test_next(seed)) >> test_next(seed) % 128;
    uint64_t pick = test_next(seed) % 32;
    return pick == 0 ? limit : pick == 1 ? -limit : value % (limit + 1);
}

static inline void test_shuffle(uint64_t *seed, size_t *order, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t j = (size_t)(test_next(seed) % i);
        size_t kept = order[i - 1];
        order[i - 1] = order[j];
        order[j] = kept;
    }
}

#endif
