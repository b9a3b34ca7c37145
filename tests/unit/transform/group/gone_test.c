#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/record.h"
#include "transform/group/gone.h"

static struct rs_slice key_of(int number)
{
    static char text[16];
    return rs_slice_of(text, (size_t)snprintf(text, sizeof text, "k%d", number));
}

static void put(struct rs_gone *g, int number, int64_t newest_us)
{
    assert_true(rs_gone_reserve(g, (uint64_t)g->count + 1));
    rs_gone_put(g, (struct rs_gone_entry){rs_gone_hash(key_of(number)), newest_us});
}

static void test_only_its_own_time_counts(void **state)
{
    (void)state;
    struct rs_gone g;
    rs_gone_init(&g);
    assert_true(rs_gone_newest(&g, key_of(1)) == RS_TIME_NONE);
    put(&g, 1, 50);
    put(&g, 2, 70);
    put(&g, 1, 40); /* dropped again with less: what it has held before counts */
    put(&g, 2, 90);
    assert_int_equal(rs_gone_newest(&g, key_of(1)), 50);
    assert_int_equal(rs_gone_newest(&g, key_of(2)), 90);
    assert_true(rs_gone_newest(&g, key_of(3)) == RS_TIME_NONE);
    assert_int_equal(g.forgotten, 0);
    rs_gone_fini(&g);
}

/* Whatever the order in which groups went, the newest are known, and the rest by the newest of theirs. */
static void test_the_bound_keeps_the_newest_in_any_order(void **state)
{
    (void)state;
    enum { GROUPS = 1000, KEPT = 100 };
    for (int stride = 1; stride < 20; stride += 6) { /* 1, 7, 13, 19: none divides 1000 */
        struct rs_gone g;
        rs_gone_init(&g);
        g.max = KEPT;
        for (int i = 0; i < GROUPS; i++) {
            int number = i * stride % GROUPS;
            put(&g, number, number / 2 * 10); /* two and two the same */
        }
        assert_int_equal(g.count, KEPT);
        assert_int_equal(g.forgotten, GROUPS - KEPT);
        assert_int_equal(g.forgotten_newest_us, (GROUPS - KEPT - 1) / 2 * 10);
        for (int i = 0; i < GROUPS; i++) {
            int64_t expected = i < GROUPS - KEPT ? g.forgotten_newest_us : i / 2 * 10;
            assert_int_equal(rs_gone_newest(&g, key_of(i)), expected);
        }
        rs_gone_fini(&g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_its_own_time_counts),
        cmocka_unit_test(test_the_bound_keeps_the_newest_in_any_order),
    };
    return cmocka_run_group_tests_name("gone", tests, NULL, NULL);
}
