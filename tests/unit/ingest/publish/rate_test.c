#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/publish/rate.h"

/* Events that go out in `seconds`, asking whenever the last answer said to. */
static int64_t run(struct rs_rate *rate, int64_t *now_us, int64_t seconds)
{
    int64_t end = *now_us + seconds * 1000000;
    int64_t count = 0;
    while (*now_us < end) {
        int64_t wait = rs_rate_take(rate, *now_us);
        count += wait == 0;
        assert_true(wait >= 0);
        *now_us += wait;
    }
    return count;
}

static void test_keeps_the_rate(void **state)
{
    static const int64_t rates[] = {1, 3, 1000, 123456};
    (void)state;
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        struct rs_rate rate;
        int64_t now = 5000000;
        rs_rate_init(&rate, rates[i], now);
        int64_t count = run(&rate, &now, 10);
        assert_in_range(count, rates[i] * 10, rates[i] * 10 + 1);
    }
}

static void test_a_pause_makes_no_burst(void **state)
{
    struct rs_rate rate;
    int64_t now = 0;
    int64_t burst = 0;
    (void)state;
    rs_rate_init(&rate, 1000, now);
    now += INT64_C(3600) * 1000000;
    while (rs_rate_take(&rate, now) == 0) {
        burst++;
    }
    assert_int_equal(burst, 100); /* a tenth of a second */
}

static void test_no_limit(void **state)
{
    struct rs_rate rate;
    (void)state;
    rs_rate_init(&rate, 0, 0);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(rs_rate_take(&rate, 0), 0);
    }
}

static void test_first_goes_at_once_then_waits(void **state)
{
    struct rs_rate rate;
    (void)state;
    rs_rate_init(&rate, 4, 7);
    assert_int_equal(rs_rate_take(&rate, 7), 0);
    assert_int_equal(rs_rate_take(&rate, 7), 250000);
    assert_int_equal(rs_rate_take(&rate, 100007), 150000);
    assert_int_equal(rs_rate_take(&rate, 250007), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keeps_the_rate),
        cmocka_unit_test(test_a_pause_makes_no_burst),
        cmocka_unit_test(test_no_limit),
        cmocka_unit_test(test_first_goes_at_once_then_waits),
    };
    return cmocka_run_group_tests_name("rate", tests, NULL, NULL);
}
