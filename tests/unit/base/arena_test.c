#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdalign.h>
#include <string.h>

#include "base/arena.h"

static void test_memory_is_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    struct rs_arena arena = {0};
    unsigned char *last = NULL;
    for (size_t size = 0; size < 20000; size += 37) {
        unsigned char *memory = rs_arena_alloc(&arena, size);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % alignof(max_align_t), 0);
        assert_ptr_not_equal(memory, last);
        for (size_t i = 0; i < size; i++) {
            assert_int_equal(memory[i], 0);
        }
        memset(memory, 0xAB, size);
        last = memory;
    }
    assert_true(arena.total > (size_t)20000 * 270);
    rs_arena_fini(&arena);
    assert_int_equal(arena.total, 0);
    assert_null(arena.blocks);
}

static void test_texts_are_copies(void **state)
{
    (void)state;
    struct rs_arena arena = {0};
    char text[] = "price";
    char *copy = rs_arena_text(&arena, text);
    char *part = rs_arena_slice(&arena, rs_slice_of(text + 1, 3));
    text[0] = text[1] = 'x';
    assert_string_equal(copy, "price");
    assert_string_equal(part, "ric");
    assert_string_equal(rs_arena_slice(&arena, rs_slice_of(NULL, 0)), "");
    rs_arena_fini(&arena);
}

static void test_paths_are_seen_from_a_directory(void **state)
{
    (void)state;
    struct rs_arena arena = {0};
    assert_string_equal(rs_arena_path(&arena, "/etc/rollstat", "trade.avsc"), "/etc/rollstat/trade.avsc");
    assert_string_equal(rs_arena_path(&arena, ".", "a/b"), "./a/b");
    assert_string_equal(rs_arena_path(&arena, "x", ""), "x/");
    const char *path = "/absolute";
    const char *kept = rs_arena_path(&arena, "x", path);
    assert_string_equal(kept, path);
    assert_ptr_not_equal(kept, path);
    rs_arena_fini(&arena);
}

static void test_sizes_that_overflow_are_refused(void **state)
{
    (void)state;
    struct rs_arena arena = {0};
    assert_null(rs_arena_alloc(&arena, SIZE_MAX));
    assert_null(rs_arena_alloc(&arena, SIZE_MAX / 2 + 1));
    assert_null(rs_arena_array(&arena, SIZE_MAX / 2, 3));
    assert_null(rs_arena_slice(&arena, rs_slice_of("", SIZE_MAX)));
    assert_non_null(rs_arena_array(&arena, 3, 5));
    rs_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_is_zeroed_aligned_and_apart),
        cmocka_unit_test(test_texts_are_copies),
        cmocka_unit_test(test_paths_are_seen_from_a_directory),
        cmocka_unit_test(test_sizes_that_overflow_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
