#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sink/redis/calls.h"

/* Twice round the ring, so that it wraps with any number of calls in it. */
static void test_calls_are_answered_in_the_order_sent(void **state)
{
    struct rs_redis_calls calls = {0};
    int64_t sent = 0;
    int64_t answered = 0;
    (void)state;
    while (answered < 2 * RS_REDIS_INFLIGHT_CALLS) {
        for (size_t i = 0; i < 3 && rs_redis_calls_have_room(&calls, 1); i++) {
            rs_redis_calls_push(&calls, &(struct rs_redis_call){.kind = RS_CALL_BATCH, .sent_us = sent++});
        }
        assert_int_equal(rs_redis_calls_pop(&calls).sent_us, answered++);
        assert_int_equal(calls.count, sent - answered);
    }
}

static void test_room_is_of_calls(void **state)
{
    struct rs_redis_calls calls = {0};
    (void)state;
    for (size_t i = 0; i < RS_REDIS_INFLIGHT_CALLS; i++) {
        assert_true(rs_redis_calls_have_room(&calls, RS_REDIS_INFLIGHT_CALLS - i));
        assert_false(rs_redis_calls_have_room(&calls, RS_REDIS_INFLIGHT_CALLS - i + 1));
        assert_true(rs_redis_calls_take_batches(&calls));
        rs_redis_calls_push(&calls, &(struct rs_redis_call){.kind = RS_CALL_INFO});
    }
    assert_false(rs_redis_calls_take_batches(&calls));
    (void)rs_redis_calls_pop(&calls);
    assert_true(rs_redis_calls_take_batches(&calls));
}

static void test_batches_ask_for_bytes_too(void **state)
{
    struct rs_redis_calls calls = {0};
    (void)state;
    rs_redis_calls_push(&calls,
                        &(struct rs_redis_call){.kind = RS_CALL_BATCH, .bytes = RS_REDIS_INFLIGHT_BYTES - 1});
    assert_true(rs_redis_calls_take_batches(&calls));
    rs_redis_calls_push(&calls, &(struct rs_redis_call){.kind = RS_CALL_BATCH, .bytes = 1});
    assert_false(rs_redis_calls_take_batches(&calls));
    assert_true(rs_redis_calls_have_room(&calls, 1));
    (void)rs_redis_calls_pop(&calls);
    assert_int_equal(calls.bytes, 1);
    assert_true(rs_redis_calls_take_batches(&calls));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls_are_answered_in_the_order_sent),
        cmocka_unit_test(test_room_is_of_calls),
        cmocka_unit_test(test_batches_ask_for_bytes_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
