#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "transform/group/key_arena.h"
#include "transform/group/slabs.h"

static void test_items_stay_where_they_are(void **state)
{
    (void)state;
    struct rs_slabs slabs;
    rs_slabs_init(&slabs, 24);
    assert_true(rs_slabs_reserve(&slabs, 1));
    uint64_t *first = rs_slabs_at(&slabs, rs_slabs_take(&slabs));
    *first = 42;
    assert_true(rs_slabs_reserve(&slabs, 5000));
    for (uint32_t i = 1; i <= 5000; i++) {
        assert_int_equal(rs_slabs_take(&slabs), i);
    }
    assert_ptr_equal(rs_slabs_at(&slabs, 0), first);
    assert_int_equal(*first, 42);
    assert_int_equal(rs_slabs_live(&slabs), 5001);
    assert_int_equal(rs_slabs_bytes(&slabs), 5001 * 24);
    rs_slabs_fini(&slabs);
}

static void test_freed_items_come_back_last_first(void **state)
{
    (void)state;
    struct rs_slabs slabs;
    rs_slabs_init(&slabs, 8);
    assert_true(rs_slabs_reserve(&slabs, 3));
    for (int i = 0; i < 3; i++) {
        (void)rs_slabs_take(&slabs);
    }
    rs_slabs_give(&slabs, 1);
    rs_slabs_give(&slabs, 0);
    assert_int_equal(rs_slabs_live(&slabs), 1);
    assert_int_equal(rs_slabs_take(&slabs), 0);
    assert_int_equal(rs_slabs_take(&slabs), 1);
    assert_int_equal(rs_slabs_take(&slabs), 3);
    rs_slabs_fini(&slabs);
}

/* Past a few MiB slabs come out of larger chunks: numbers and addresses go on as before, each item on its
 * own. */
static void test_large_populations(void **state)
{
    (void)state;
    const uint32_t count = 90000;
    struct rs_slabs slabs;
    rs_slabs_init(&slabs, 192);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(rs_slabs_reserve(&slabs, 1));
        uint32_t number = rs_slabs_take(&slabs);
        memset(rs_slabs_at(&slabs, number), (int)(number % 251), 192);
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *item = rs_slabs_at(&slabs, i);
        assert_int_equal(item[0], i % 251);
        assert_int_equal(item[191], i % 251);
        assert_int_equal((uintptr_t)item % 64, 0);
    }
    rs_slabs_fini(&slabs);
}

static void test_covered_items_need_no_taking(void **state)
{
    (void)state;
    struct rs_slabs slabs;
    rs_slabs_init(&slabs, 64);
    assert_true(rs_slabs_cover(&slabs, 3000));
    memset(rs_slabs_at(&slabs, 2999), 1, 64);
    assert_true(rs_slabs_cover(&slabs, 10));
    assert_int_equal(rs_slabs_live(&slabs), 3000);
    rs_slabs_fini(&slabs);
}

static void test_keys_are_kept_and_their_room_used_again(void **state)
{
    (void)state;
    uint8_t key[RS_GROUP_KEY_MAX];
    struct rs_key_arena arena;
    rs_key_arena_init(&arena);
    memset(key, 7, sizeof key);
    const size_t sizes[] = {0, 1, 6, 7, 30, 1000, RS_GROUP_KEY_MAX};
    uint32_t refs[7];
    for (size_t i = 0; i < 7; i++) {
        key[0] = (uint8_t)i;
        assert_true(rs_key_arena_reserve(&arena, 1, sizes[i]));
        refs[i] = rs_key_arena_put(&arena, rs_slice_of(key, sizes[i]));
    }
    for (size_t i = 0; i < 7; i++) {
        key[0] = (uint8_t)i;
        assert_true(rs_slice_equal(rs_key_arena_get(&arena, refs[i]), rs_slice_of(key, sizes[i])));
    }
    size_t bytes = rs_key_arena_bytes(&arena);
    rs_key_arena_give(&arena, refs[4]);
    assert_int_equal(rs_key_arena_put(&arena, rs_slice_of(key, 28)),
                     refs[4]); /* 30 and 28 bytes: one size class */
    assert_int_equal(rs_key_arena_bytes(&arena), bytes);
    rs_key_arena_fini(&arena);
}

static void test_many_long_keys_cross_chunks(void **state)
{
    (void)state;
    static uint32_t refs[1000];
    uint8_t key[900];
    struct rs_key_arena arena;
    rs_key_arena_init(&arena);
    for (uint32_t i = 0; i < 1000; i++) {
        memset(key, (int)(i % 256), sizeof key);
        size_t size = 100 + i % 800;
        assert_true(rs_key_arena_reserve(&arena, 1, size));
        refs[i] = rs_key_arena_put(&arena, rs_slice_of(key, size));
    }
    for (uint32_t i = 0; i < 1000; i++) {
        struct rs_slice kept = rs_key_arena_get(&arena, refs[i]);
        assert_int_equal(kept.size, 100 + i % 800);
        assert_int_equal(kept.data[0], i % 256);
        assert_int_equal(kept.data[kept.size - 1], i % 256);
    }
    rs_key_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_items_stay_where_they_are),
        cmocka_unit_test(test_freed_items_come_back_last_first),
        cmocka_unit_test(test_large_populations),
        cmocka_unit_test(test_covered_items_need_no_taking),
        cmocka_unit_test(test_keys_are_kept_and_their_room_used_again),
        cmocka_unit_test(test_many_long_keys_cross_chunks),
    };
    return cmocka_run_group_tests_name("slabs", tests, NULL, NULL);
}
