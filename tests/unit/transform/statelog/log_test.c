#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/record.h"
#include "base/source.h"
#include "tests/lib/virtual_clock.h"
#include "transform/statelog/log.h"

#define WALL_MS INT64_C(1700000000000)

static struct rs_clock_virtual clock_;
static struct rs_memory_log *memory;
static struct rs_state_log table;

static int setup(void **state)
{
    struct rs_error error;

    (void)state;
    rs_clock_virtual_init(&clock_, WALL_MS * 1000);
    assert_int_equal(rs_memory_log_new(2, &clock_.clock, &memory, &error), 0);
    table = rs_memory_log_table(memory);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rs_memory_log_free(&memory);
    assert_null(memory);
    return 0;
}

static struct rs_partition_id key(uint32_t worker, uint32_t stream, int32_t partition)
{
    return (struct rs_partition_id){.worker = worker, .stream = stream, .partition = partition};
}

static struct rs_state_event claim(uint32_t worker, int32_t partition)
{
    struct rs_state_event event = {0};
    struct rs_error error;

    assert_int_equal(table.ops->claim(table.self, key(worker, 0, partition), -1, &error), 0);
    assert_true(table.ops->take(table.self, worker, &event));
    return event;
}

static void test_a_claim_restores_nothing_and_begins_at_the_oldest_record(void **state)
{
    (void)state;
    struct rs_state_event event = claim(1, 7);

    assert_int_equal(event.kind, RS_STATE_CLAIMED);
    assert_int_equal(event.id.worker, 1);
    assert_int_equal(event.id.partition, 7);
    assert_false(event.sealed);
    assert_int_equal(event.seal.next_offset, RS_OFFSET_BEGINNING);
    assert_true(event.seal.now_shown_us == RS_TIME_NONE);
    assert_false(table.ops->take(table.self, 1, &event));
}

static void test_tokens_grow_within_a_process_and_from_one_to_the_next(void **state)
{
    struct rs_error error;

    (void)state;
    assert_true(claim(0, 0).token == WALL_MS);
    assert_true(claim(1, 1).token == WALL_MS + 1); /* the same millisecond */
    rs_clock_virtual_advance(&clock_, 5000000);
    assert_true(claim(0, 0).token == WALL_MS + 5000);
    clock_.wall_us -= 3600 * INT64_C(1000000);
    assert_true(claim(0, 0).token == WALL_MS + 5001); /* the clock went back, the tokens do not */
    clock_.wall_us = (WALL_MS + 6000) * 1000;
    rs_memory_log_free(&memory);
    assert_int_equal(rs_memory_log_new(2, &clock_.clock, &memory, &error), 0);
    table = rs_memory_log_table(memory);
    assert_true(claim(0, 0).token == WALL_MS + 6000);
}

static void test_no_token_beyond_what_redis_can_compare(void **state)
{
    struct rs_error error;

    (void)state;
    clock_.wall_us = (int64_t)(RS_STATE_TOKEN_MAX * 1000 + 999);
    assert_true(claim(0, 0).token == RS_STATE_TOKEN_MAX);
    assert_int_equal(table.ops->claim(table.self, key(0, 0, 0), -1, &error), RS_ELIMIT);
}

static void test_commits_are_answered_in_order_and_to_their_worker(void **state)
{
    struct rs_state_event event = {0};
    struct rs_error error;

    (void)state;
    for (int64_t i = 0; i < 100; i++) {
        const struct rs_seal seal = {.next_offset = i};
        assert_int_equal(
            table.ops->seal(table.self, key(0, 0, (int32_t)i), &seal, rs_slice_of(NULL, 0), false, &error),
            0);
    }
    assert_false(table.ops->take(table.self, 1, &event));
    for (int64_t i = 0; i < 100; i++) {
        assert_true(table.ops->take(table.self, 0, &event));
        assert_int_equal(event.kind, RS_STATE_COMMITTED);
        assert_int_equal(event.id.partition, i);
        assert_int_equal(event.seal.next_offset, i);
    }
    assert_false(table.ops->take(table.self, 0, &event));
}

static void test_nothing_is_heard_of_a_released_partition(void **state)
{
    struct rs_state_event event = {0};
    struct rs_error error;

    (void)state;
    for (int32_t partition = 0; partition < 3; partition++) {
        assert_int_equal(table.ops->claim(table.self, key(0, partition == 2 ? 1 : 0, 1), -1, &error), 0);
        assert_int_equal(table.ops->claim(table.self, key(0, 0, 2), -1, &error), 0);
    }
    table.ops->release(table.self, key(0, 0, 2));
    for (int i = 0; i < 3; i++) {
        assert_true(table.ops->take(table.self, 0, &event));
        assert_int_equal(event.id.partition, 1);
        assert_int_equal(event.id.stream, i == 2 ? 1 : 0);
    }
    assert_false(table.ops->take(table.self, 0, &event));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_claim_restores_nothing_and_begins_at_the_oldest_record),
        TEST(test_tokens_grow_within_a_process_and_from_one_to_the_next),
        TEST(test_no_token_beyond_what_redis_can_compare),
        TEST(test_commits_are_answered_in_order_and_to_their_worker),
        TEST(test_nothing_is_heard_of_a_released_partition),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
