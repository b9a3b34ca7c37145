#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "tests/lib/random.h"
#include "transform/group/index.h"

#define NUMBERS 2000

static uint32_t count_of(const struct rs_index *index, uint32_t hash, uint32_t number)
{
    uint32_t cursor = hash;
    uint32_t count = 0;
    for (uint32_t n = rs_index_next(index, hash, &cursor); n != RS_NONE;
         n = rs_index_next(index, hash, &cursor)) {
        count += n == number;
    }
    return count;
}

static void test_equal_hashes_are_all_found(void **state)
{
    (void)state;
    struct rs_index index = {0};
    assert_true(rs_index_reserve(&index, 40));
    for (uint32_t i = 0; i < 40; i++) {
        rs_index_insert(&index, 7, i);
    }
    for (uint32_t i = 0; i < 40; i++) {
        assert_int_equal(count_of(&index, 7, i), 1);
    }
    uint32_t cursor = 8;
    assert_int_equal(rs_index_next(&index, 8, &cursor), RS_NONE);
    rs_index_remove(&index, 7, 11);
    assert_int_equal(count_of(&index, 7, 11), 0);
    assert_int_equal(count_of(&index, 7, 12), 1);
    assert_int_equal(index.count, 39);
    rs_index_fini(&index);
}

static void test_room_keeps_it_four_fifths_full_at_most(void **state)
{
    (void)state;
    struct rs_index index = {0};
    assert_int_equal(rs_index_bytes(&index), 0);
    assert_true(rs_index_reserve(&index, 51));
    assert_int_equal(rs_index_bytes(&index), 64 * 8);
    assert_true(rs_index_reserve(&index, 52));
    assert_int_equal(rs_index_bytes(&index), 128 * 8);
    rs_index_fini(&index);
}

/* Hashes that differ in few bits make long runs around the end of the table, where removal has to shift
 * across it. */
static void test_random_inserts_and_removals(void **state)
{
    (void)state;
    static uint32_t hashes[NUMBERS];
    static bool in[NUMBERS];
    struct rs_random random = {12345};
    struct rs_index index = {0};
    memset(in, 0, sizeof in);
    for (int step = 0; step < 60000; step++) {
        uint64_t r = rs_random_next(&random);
        uint32_t i = (uint32_t)(r % NUMBERS);
        if (!in[i]) {
            hashes[i] = (r >> 40) % 3 ? (uint32_t)(0xFFFFFFE0u + (r >> 32) % 64) : (uint32_t)(r >> 32);
            assert_true(rs_index_reserve(&index, 1));
            rs_index_insert(&index, hashes[i], i);
        } else {
            rs_index_remove(&index, hashes[i], i);
        }
        in[i] = !in[i];
        uint32_t other = (uint32_t)((r >> 20) % NUMBERS);
        assert_int_equal(count_of(&index, hashes[other], other), in[other]);
    }
    for (uint32_t i = 0; i < NUMBERS; i++) {
        assert_int_equal(count_of(&index, hashes[i], i), in[i]);
    }
    rs_index_fini(&index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_hashes_are_all_found),
        cmocka_unit_test(test_room_keeps_it_four_fifths_full_at_most),
        cmocka_unit_test(test_random_inserts_and_removals),
    };
    return cmocka_run_group_tests_name("index", tests, NULL, NULL);
}
