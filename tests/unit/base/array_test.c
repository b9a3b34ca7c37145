#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/array.h"

static void test_it_doubles_from_the_first_size_on(void **state)
{
    uint32_t *items = NULL;
    size_t capacity = 0;
    size_t expected = 0;
    (void)state;
    for (size_t count = 0; count < 100; count++) {
        expected = count == expected ? (count == 0 ? 3 : count * 2) : expected;
        uint32_t *grown = rs_array_grow(items, count, &capacity, 3, sizeof *grown);
        assert_non_null(grown);
        assert_int_equal(capacity, expected);
        items = grown;
        items[count] = (uint32_t)count * 7;
    }
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(items[i], i * 7);
    }
    free(items);
}

static void test_where_there_is_room_nothing_moves(void **state)
{
    uint64_t items[4];
    size_t capacity = 4;
    (void)state;
    for (size_t count = 0; count < 4; count++) {
        assert_ptr_equal(rs_array_grow(items, count, &capacity, 3, sizeof *items), items);
    }
    assert_int_equal(capacity, 4);
}

/* Sizes that would wrap, one of them just. */
static void test_a_size_that_cannot_be_changes_nothing(void **state)
{
    const size_t sizes[] = {SIZE_MAX, SIZE_MAX / 2, SIZE_MAX / 16 + 1};
    uint64_t *items = malloc(sizeof *items);
    (void)state;
    assert_non_null(items);
    items[0] = 5;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t capacity = sizes[i];
        assert_null(rs_array_grow(items, capacity, &capacity, 1, sizeof *items));
        assert_int_equal(capacity, sizes[i]);
        assert_int_equal(items[0], 5);
    }
    free(items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_doubles_from_the_first_size_on),
        cmocka_unit_test(test_where_there_is_room_nothing_moves),
        cmocka_unit_test(test_a_size_that_cannot_be_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
