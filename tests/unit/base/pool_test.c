#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/pool.h"

static void blocks_are_apart_and_aligned(void **state)
{
    (void)state;
    static uint8_t *blocks[10000];
    struct rs_pool pool;
    rs_pool_init(&pool, 33);
    assert_int_equal(pool.block_size, 48);
    for (size_t i = 0; i < 10000; i++) {
        blocks[i] = rs_pool_get(&pool);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % 16, 0);
        memset(blocks[i], (int)(i % 251), 48);
    }
    for (size_t i = 0; i < 10000; i++) {
        assert_int_equal(blocks[i][0], i % 251);
        assert_int_equal(blocks[i][47], i % 251);
    }
    assert_int_equal(pool.used_blocks, 10000);
    assert_int_equal(rs_pool_used_bytes(&pool), 480000);
    assert_true(pool.total_bytes >= 480000 && pool.total_bytes < 480000 + 300 * 1024);
    rs_pool_fini(&pool);
    assert_int_equal(pool.total_bytes, 0);
}

static void returned_blocks_are_used_again_first(void **state)
{
    (void)state;
    struct rs_pool pool;
    rs_pool_init(&pool, 1);
    void *a = rs_pool_get(&pool);
    void *b = rs_pool_get(&pool);
    size_t total = pool.total_bytes;
    rs_pool_put(&pool, a);
    rs_pool_put(&pool, NULL);
    rs_pool_put(&pool, b);
    assert_int_equal(pool.used_blocks, 0);
    assert_ptr_equal(rs_pool_get(&pool), b);
    assert_ptr_equal(rs_pool_get(&pool), a);
    for (int i = 0; i < 100000; i++) {
        rs_pool_put(&pool, rs_pool_get(&pool));
    }
    assert_int_equal(pool.total_bytes, total);
    assert_int_equal(pool.used_blocks, 2);
    rs_pool_fini(&pool);
}

static void blocks_larger_than_a_first_chunk(void **state)
{
    (void)state;
    struct rs_pool pool;
    rs_pool_init(&pool, 65536);
    uint8_t *a = rs_pool_get(&pool);
    uint8_t *b = rs_pool_get(&pool);
    memset(a, 1, 65536);
    memset(b, 2, 65536);
    assert_int_equal(a[65535], 1);
    rs_pool_fini(&pool);
    assert_non_null(rs_pool_get(&pool));
    rs_pool_fini(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_apart_and_aligned),
        cmocka_unit_test(returned_blocks_are_used_again_first),
        cmocka_unit_test(blocks_larger_than_a_first_chunk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
