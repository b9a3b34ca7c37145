/* Partitions of the Kafka source that move between the members of a group. */
#include "tests/lib/kafka_member.h"

static struct member first, second, deferred, newcomer;

static int setup(void **state)
{
    static const char *const topics[] = {"moving", "deferred"};

    (void)state;
    open_cluster(topics, sizeof topics / sizeof topics[0]);
    for (int32_t i = 0; i < PARTITIONS; i++) {
        produce("moving", i, 20);
        produce("deferred", i, 30);
    }
    open_member(&first, "moving", "moving", RS_OFFSET_BEGINNING);
    open_member(&deferred, "deferred", "deferred", RS_OFFSET_BEGINNING);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rs_kafka_source_free(&first.source);
    rs_kafka_source_free(&second.source);
    rs_kafka_source_free(&deferred.source);
    rs_kafka_source_free(&newcomer.source);
    close_cluster();
    return 0;
}

static void test_partitions_move_to_a_second_member_and_back(void **state)
{
    (void)state;
    PUMP_UNTIL(records_count(&first) == PARTITIONS * 20, &first, NOBODY);
    open_member(&second, "moving", "moving", 15);
    PUMP_UNTIL(assigned_count(&first) == 2 && assigned_count(&second) == 2, &first, &second);
    PUMP_UNTIL(records_count(&second) == 2 * 5, &first, &second);
    for (int i = 0; i < PARTITIONS; i++) {
        produce("moving", i, 10);
    }
    PUMP_UNTIL(records_count(&first) + records_count(&second) == PARTITIONS * 20 + 10 + PARTITIONS * 10,
               &first, &second);
    for (int i = 0; i < PARTITIONS; i++) {
        assert_true(first.seen[i].assigned != second.seen[i].assigned);
        assert_int_equal(first.seen[i].assignments, 1); /* what stayed was never taken away */
        assert_int_equal(first.seen[i].revocations, first.seen[i].assigned ? 0 : 1);
        assert_offsets(&first.seen[i], 0, first.seen[i].assigned ? 30 : 20);
        if (second.seen[i].assigned) {
            assert_offsets(&second.seen[i], 15, 15);
        }
    }
    first.start = 25;
    rs_kafka_source_free(&second.source);
    PUMP_UNTIL(assigned_count(&first) == PARTITIONS, &first, NOBODY);
    PUMP_UNTIL(records_count(&first) == 2 * 30 + 2 * (20 + 5), &first, NOBODY);
}

static void let_all_go(struct member *member)
{
    struct rs_kafka_source_status status;

    for (int32_t i = 0; i < PARTITIONS; i++) {
        if (member->seen[i].assigned) {
            let_go(member, i);
        }
    }
    PUMP_UNTIL((rs_kafka_source_status(member->source, &status), status.partitions == 0), member, NOBODY);
}

static void test_who_leaves_reads_on_until_the_workers_let_go(void **state)
{
    int before = records_count(&first);

    (void)state;
    first.keep_revoked = true;
    rs_kafka_source_close(first.source, 20000);
    assert_true(rd_kafka_consumer_closed(first.source->member));
    for (int32_t i = 0; i < PARTITIONS; i++) {
        produce("moving", i, 3);
    }
    PUMP_UNTIL(records_count(&first) == before + PARTITIONS * 3, &first, NOBODY);
    for (int i = 0; i < PARTITIONS; i++) {
        assert_true(first.seen[i].revocations > 0);
    }
    let_all_go(&first);
    for (int32_t i = 0; i < PARTITIONS; i++) {
        produce("moving", i, 3);
    }
    for (int i = 0; i < 100; i++) {
        pump(&first);
        (void)poll(NULL, 0, 2);
    }
    assert_int_equal(records_count(&first), before + PARTITIONS * 3);
}

static int revoked_count(const struct member *member)
{
    int count = 0;

    for (int i = 0; i < PARTITIONS; i++) {
        count += member->seen[i].revocations;
    }
    return count;
}

static void test_a_revoked_partition_is_read_by_both_until_one_lets_go(void **state)
{
    struct rs_kafka_source_status status;
    int32_t goes = -1;

    (void)state;
    PUMP_UNTIL(records_count(&deferred) == PARTITIONS * 30, &deferred, NOBODY);
    deferred.keep_revoked = true;
    open_member(&newcomer, "deferred", "deferred", 0);
    PUMP_UNTIL(assigned_count(&newcomer) == 2 && revoked_count(&deferred) == 2, &deferred, &newcomer);
    assert_int_equal(assigned_count(&deferred), PARTITIONS);
    for (int32_t i = 0; i < PARTITIONS; i++) {
        goes = deferred.seen[i].revocations > 0 ? i : goes;
        produce("deferred", i, 5);
    }
    PUMP_UNTIL(records_count(&deferred) == PARTITIONS * 35 && records_count(&newcomer) == 2 * 35, &deferred,
               &newcomer);
    start(&deferred, goes, 12); /* whoever has not let go may also read from elsewhere */
    PUMP_UNTIL(deferred.seen[goes].next == 35, &deferred, &newcomer);
    let_go(&deferred, goes);
    PUMP_UNTIL((rs_kafka_source_status(deferred.source, &status), status.partitions == PARTITIONS - 1),
               &deferred, &newcomer);
    produce("deferred", goes, 5);
    PUMP_UNTIL(newcomer.seen[goes].next == 40, &deferred, &newcomer);
    assert_int_equal(deferred.seen[goes].next, 35);
    struct rs_source table = rs_kafka_source_table(deferred.source);
    struct rs_error error;
    assert_int_equal(table.ops->start(table.self, 0, goes, 0, &error), RS_EINVAL);
}

/* Of the two that moved one is still read here, and the other was let go. */
static void test_what_comes_back_is_kept_or_read_anew(void **state)
{
    int32_t kept = -1;
    int32_t anew = -1;

    (void)state;
    for (int32_t i = 0; i < PARTITIONS; i++) {
        kept = deferred.seen[i].revocations > 0 && deferred.seen[i].assigned ? i : kept;
        anew = deferred.seen[i].assigned ? anew : i;
    }
    int count = deferred.seen[kept].count;
    deferred.start = 38;
    rs_kafka_source_free(&newcomer.source);
    PUMP_UNTIL(deferred.seen[kept].assignments == 2 && deferred.seen[anew].assignments == 2, &deferred,
               NOBODY);
    produce("deferred", kept, 5);
    PUMP_UNTIL(deferred.seen[kept].next == 40 && deferred.seen[anew].next == 40, &deferred, NOBODY);
    assert_int_equal(deferred.seen[kept].count, count + 5); /* nothing came again */
}

static void test_a_lost_session_interrupts_nothing(void **state)
{
    int lost = 0;

    (void)state;
    int before = deferred.seen[0].assignments;
    rd_kafka_mock_broker_set_down(mock.cluster, 1);
    PUMP_UNTIL(strstr(deferred.log, "lost 4 partitions") != NULL, &deferred, NOBODY);
    rd_kafka_mock_broker_set_up(mock.cluster, 1);
    for (int32_t i = 0; i < PARTITIONS; i++) {
        produce("deferred", i, 5);
        lost += deferred.seen[i].assigned;
    }
    assert_int_equal(lost, PARTITIONS);
    PUMP_UNTIL(deferred.seen[0].assignments == before + 1, &deferred, NOBODY);
    for (int32_t i = 0; i < PARTITIONS; i++) {
        PUMP_UNTIL(deferred.seen[i].next >= 40, &deferred, NOBODY);
    }
}

/* The worker hears of neither when a revocation is taken back before it has read of it. */
static void test_what_is_taken_back_in_time_is_not_told(void **state)
{
    struct rs_source_partition *partition = rs_source_partition_find(deferred.source, 0, 1);
    int assignments = deferred.seen[1].assignments;
    int revocations = deferred.seen[1].revocations;

    (void)state;
    rs_kafka_control_revoke_all(deferred.source);
    pthread_mutex_lock(&deferred.source->mutex);
    assert_true(partition->revoked.queued);
    assert_true(rs_kafka_mail_cancel(deferred.source, &partition->revoked));
    assert_false(rs_kafka_mail_cancel(deferred.source, &partition->revoked));
    pthread_mutex_unlock(&deferred.source->mutex);
    pump(&deferred);
    assert_int_equal(deferred.seen[1].assignments, assignments);
    assert_int_equal(deferred.seen[1].revocations, revocations);
    for (int i = 0; i < PARTITIONS; i++) {
        assert_true(i == 1 || deferred.seen[i].revocations > 0);
    }
}

/* The worker lets go while mail of a second assignment and revocation waits: it is not read from a part that
 * is freed. */
static void test_what_is_let_go_leaves_no_mail(void **state)
{
    struct rs_source_partition *partition = rs_source_partition_find(deferred.source, 0, 0);
    int revocations = deferred.seen[0].revocations;
    int assignments = deferred.seen[0].assignments;

    (void)state;
    assert_int_equal(partition->hold, RS_KAFKA_REVOKED);
    rs_kafka_mail_send(deferred.source, &partition->assigned);
    rs_kafka_mail_send(deferred.source, &partition->revoked);
    let_go(&deferred, 0);
    assert_false(partition->assigned.queued || partition->revoked.queued || partition->stopped.queued ||
                 partition->fence.queued);
    rs_kafka_source_poll(deferred.source);
    assert_null(rs_source_partition_find(deferred.source, 0, 0));
    pump(&deferred);
    assert_int_equal(deferred.seen[0].assignments, assignments);
    assert_int_equal(deferred.seen[0].revocations, revocations);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_partitions_move_to_a_second_member_and_back),
        cmocka_unit_test(test_who_leaves_reads_on_until_the_workers_let_go),
        cmocka_unit_test(test_a_revoked_partition_is_read_by_both_until_one_lets_go),
        cmocka_unit_test(test_what_comes_back_is_kept_or_read_anew),
        cmocka_unit_test(test_a_lost_session_interrupts_nothing),
        cmocka_unit_test(test_what_is_taken_back_in_time_is_not_told),
        cmocka_unit_test(test_what_is_let_go_leaves_no_mail),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
