#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/memory_source.h"

static struct rs_memory_source *source;
static struct rs_source table;
static struct rs_error error_;

static int setup(void **state)
{
    (void)state;
    assert_int_equal(rs_memory_source_new(2, 3, &source, &error_), 0);
    table = rs_memory_source_table(source);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rs_memory_source_free(&source);
    return 0;
}

static void append(int32_t partition, int count, int64_t skip)
{
    for (int i = 0; i < count; i++) {
        const struct rs_record record = {.value = rs_slice_text("v"), .timestamp_us = RS_TIME_NONE};
        assert_int_equal(rs_memory_source_append(source, 0, partition, &record, i == 0 ? skip : 0, &error_),
                         0);
    }
}

static struct rs_source_event next(uint32_t worker, enum rs_source_event_kind kind)
{
    struct rs_source_event event = {0};

    assert_true(table.ops->take(table.self, worker, &event));
    assert_int_equal(event.kind, kind);
    return event;
}

static void test_records_come_after_start_in_runs(void **state)
{
    struct rs_source_event event;

    (void)state;
    append(4, 5, 0);
    assert_int_equal(rs_memory_source_assign(source, 1, 0, 4, &error_), 0);
    assert_false(table.ops->take(table.self, 0, &event));
    assert_int_equal(next(1, RS_SOURCE_ASSIGNED).partition, 4);
    assert_false(table.ops->take(table.self, 1, &event));
    assert_int_equal(table.ops->start(table.self, 0, 4, 1, &error_), 0);
    event = next(1, RS_SOURCE_RECORDS);
    assert_int_equal(event.count, 3);
    assert_int_equal(event.records[0].offset, 1);
    assert_false(table.ops->take(table.self, 1, &event));
    table.ops->release(table.self, 1);
    event = next(1, RS_SOURCE_RECORDS);
    assert_int_equal(event.count, 1);
    assert_int_equal(event.records[0].offset, 4);
    assert_int_equal(rs_memory_source_taken(source, 0, 4), 4);
    assert_int_equal(rs_memory_source_started(source, 0, 4), 1);
}

static void test_offsets_skip_and_the_end_follows(void **state)
{
    (void)state;
    assert_int_equal(table.ops->end_offset(table.self, 0, 0), -1);
    append(0, 2, 0);
    append(0, 1, 7);
    assert_int_equal(table.ops->end_offset(table.self, 0, 0), 10);
    assert_int_equal(rs_memory_source_assign(source, 0, 0, 0, &error_), 0);
    (void)next(0, RS_SOURCE_ASSIGNED);
    assert_int_equal(table.ops->start(table.self, 0, 0, RS_OFFSET_BEGINNING, &error_), 0);
    struct rs_source_event event = next(0, RS_SOURCE_RECORDS);
    assert_int_equal(event.records[2].offset, 9);
}

static void test_events_come_while_a_run_is_held(void **state)
{
    struct rs_source_event event;

    (void)state;
    append(0, 6, 0);
    assert_int_equal(rs_memory_source_assign(source, 0, 0, 0, &error_), 0);
    (void)next(0, RS_SOURCE_ASSIGNED);
    assert_int_equal(table.ops->start(table.self, 0, 0, 0, &error_), 0);
    (void)next(0, RS_SOURCE_RECORDS);
    assert_int_equal(rs_memory_source_tell(source, RS_SOURCE_REVOKED, 0, 0, NULL, &error_), 0);
    assert_true(rs_memory_source_owned(source, 0, 0));
    (void)next(0, RS_SOURCE_REVOKED);
    table.ops->release(table.self, 0);
    (void)next(0, RS_SOURCE_RECORDS); /* until it is let go */
    table.ops->release(table.self, 0);
    table.ops->done(table.self, 0, 0);
    assert_false(rs_memory_source_owned(source, 0, 0));
    assert_false(table.ops->take(table.self, 0, &event));
    assert_int_equal(table.ops->start(table.self, 0, 0, 0, &error_), RS_EINVAL);
}

static void test_what_was_revoked_comes_back(void **state)
{
    (void)state;
    append(0, 6, 0);
    assert_int_equal(rs_memory_source_assign(source, 0, 0, 0, &error_), 0);
    (void)next(0, RS_SOURCE_ASSIGNED);
    assert_int_equal(table.ops->start(table.self, 0, 0, 0, &error_), 0);
    assert_int_equal(rs_memory_source_tell(source, RS_SOURCE_REVOKED, 0, 0, NULL, &error_), 0);
    assert_int_equal(rs_memory_source_assign(source, 0, 0, 0, &error_), 0);
    (void)next(0, RS_SOURCE_REVOKED);
    table.ops->done(table.self, 0, 0); /* it has not heard of the assignment */
    assert_true(rs_memory_source_owned(source, 0, 0));
    (void)next(0, RS_SOURCE_ASSIGNED);
    assert_int_equal(table.ops->start(table.self, 0, 0, 2, &error_), 0);
    assert_int_equal(next(0, RS_SOURCE_RECORDS).records[0].offset, 2);
    table.ops->release(table.self, 0);
    assert_int_equal(rs_memory_source_tell(source, RS_SOURCE_REVOKED, 0, 0, NULL, &error_), 0);
    (void)next(0, RS_SOURCE_REVOKED);
    assert_int_equal(rs_memory_source_assign(source, 0, 0, 0, &error_), 0);
    (void)next(0, RS_SOURCE_ASSIGNED); /* kept: it reads on where it was */
    assert_int_equal(next(0, RS_SOURCE_RECORDS).records[0].offset, 5);
}

static void test_a_stop_carries_its_reason(void **state)
{
    struct rs_error why;

    (void)state;
    (void)rs_fail(&why, RS_ESTATE, "gone");
    assert_int_equal(rs_memory_source_assign(source, 0, 0, 0, &error_), 0);
    (void)next(0, RS_SOURCE_ASSIGNED);
    assert_int_equal(rs_memory_source_tell(source, RS_SOURCE_STOPPED, 0, 0, &why, &error_), 0);
    assert_string_equal(next(0, RS_SOURCE_STOPPED).error->text, "gone");
    table.ops->committed(table.self, 0, 0, 12);
    assert_int_equal(rs_memory_source_committed(source, 0, 0), 12);
}

static void test_reading_starts_again_elsewhere(void **state)
{
    struct rs_source_event event;
    struct rs_error why;

    (void)state;
    (void)rs_fail(&why, RS_ESTATE, "gone");
    append(0, 6, 0);
    assert_int_equal(rs_memory_source_assign(source, 0, 0, 0, &error_), 0);
    (void)next(0, RS_SOURCE_ASSIGNED);
    assert_int_equal(table.ops->start(table.self, 0, 0, 0, &error_), 0);
    event = next(0, RS_SOURCE_RECORDS);
    assert_int_equal(table.ops->start(table.self, 0, 0, 5, &error_), 0);
    assert_int_equal(table.ops->start(table.self, 0, 0, 1, &error_), 0); /* the newest counts */
    assert_int_equal(event.records[0].offset, 0);                        /* the run stays on loan */
    assert_false(table.ops->take(table.self, 0, &event));
    table.ops->release(table.self, 0);
    assert_int_equal(next(0, RS_SOURCE_RECORDS).records[0].offset, 1);
    table.ops->release(table.self, 0);
    assert_int_equal(rs_memory_source_tell(source, RS_SOURCE_STOPPED, 0, 0, &why, &error_), 0);
    (void)next(0, RS_SOURCE_STOPPED);
    assert_false(table.ops->take(table.self, 0, &event));
    assert_int_equal(rs_memory_source_tell(source, RS_SOURCE_STOPPED, 0, 0, &why, &error_), 0);
    assert_int_equal(table.ops->start(table.self, 0, 0, 5, &error_), 0); /* revived, not told of the stop */
    assert_int_equal(next(0, RS_SOURCE_RECORDS).records[0].offset, 5);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_records_come_after_start_in_runs), TEST(test_offsets_skip_and_the_end_follows),
        TEST(test_events_come_while_a_run_is_held),  TEST(test_a_stop_carries_its_reason),
        TEST(test_reading_starts_again_elsewhere),   TEST(test_what_was_revoked_comes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
