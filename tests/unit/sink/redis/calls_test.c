#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sink/redis/calls.h"

static struct rs_redis_call answered_call(struct rs_redis_calls *calls)
{
    struct rs_redis_call call;
    assert_int_equal(rs_redis_calls_answer(calls, &call), 0);
    return call;
}

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
        assert_int_equal(answered_call(&calls).sent_us, answered++);
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
    (void)answered_call(&calls);
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
    (void)answered_call(&calls);
    assert_int_equal(calls.bytes, 1);
    assert_true(rs_redis_calls_take_batches(&calls));
}

static void test_a_call_may_have_several_answers(void **state)
{
    struct rs_redis_calls calls = {0};
    struct rs_redis_call call;
    (void)state;
    rs_redis_calls_push(&calls, &(struct rs_redis_call){.kind = RS_CALL_ARM, .answers = 3, .bytes = 7});
    rs_redis_calls_push(&calls, &(struct rs_redis_call){.kind = RS_CALL_INFO});
    for (uint32_t left = 3; left-- > 0;) {
        assert_int_equal(calls.bytes, 7);
        assert_int_equal(rs_redis_calls_answer(&calls, &call), left);
        assert_int_equal(call.kind, RS_CALL_ARM);
    }
    assert_int_equal(calls.count, 1);
    assert_int_equal(calls.bytes, 0);
    assert_int_equal(answered_call(&calls).kind, RS_CALL_INFO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls_are_answered_in_the_order_sent),
        cmocka_unit_test(test_a_call_may_have_several_answers),
        cmocka_unit_test(test_room_is_of_calls),
        cmocka_unit_test(test_batches_ask_for_bytes_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
