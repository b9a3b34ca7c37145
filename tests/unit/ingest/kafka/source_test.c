/* The Kafka source on librdkafka's mock cluster: reading, the end of a log, who else is in the group. */
#include <fcntl.h>
#include <unistd.h>

#include "tests/lib/kafka_member.h"
#include "tests/lib/refused_calloc.h"

static struct member reader, late_start, missing;

static int setup(void **state)
{
    static const char *const topics[] = {"reader", "late_start", "missing"};

    (void)state;
    open_cluster(topics, sizeof topics / sizeof topics[0]);
    rd_kafka_mock_topic_set_error(mock.cluster, "missing", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    for (int32_t i = 0; i < PARTITIONS; i++) {
        produce("reader", i, 100);
        produce("late_start", i, 50);
    }
    open_member(&reader, "reader", "reader", RS_OFFSET_BEGINNING);
    open_member(&late_start, "late", "late_start", 40);
    open_member(&missing, "missing", "missing", RS_OFFSET_BEGINNING);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rs_kafka_source_free(&reader.source);
    rs_kafka_source_free(&late_start.source);
    rs_kafka_source_free(&missing.source);
    close_cluster();
    return 0;
}

static void test_all_partitions_are_read_in_order_and_spread_evenly(void **state)
{
    int by_worker[WORKERS] = {0};
    struct rs_kafka_source_status status;

    (void)state;
    PUMP_UNTIL(records_count(&reader) >= PARTITIONS * 100, &reader, NOBODY);
    for (int i = 0; i < PARTITIONS; i++) {
        assert_offsets(&reader.seen[i], 0, 100);
        assert_int_equal(reader.seen[i].assignments, 1);
        by_worker[reader.seen[i].worker]++;
    }
    assert_int_equal(by_worker[0], 2);
    assert_int_equal(by_worker[1], 2);
    rs_kafka_source_status(reader.source, &status);
    assert_true(status.joined);
    assert_int_equal(status.partitions, PARTITIONS);
    assert_int_equal(status.skipped, 0);
    assert_null(status.fatal);
}

static void test_end_offset_follows_the_log(void **state)
{
    struct rs_source table = rs_kafka_source_table(reader.source);

    (void)state;
    PUMP_UNTIL(table.ops->end_offset(table.self, 0, 1) == 100, &reader, NOBODY);
    produce("reader", 1, 5);
    PUMP_UNTIL(reader.seen[1].count == 105, &reader, NOBODY);
    PUMP_UNTIL(table.ops->end_offset(table.self, 0, 1) == 105, &reader, NOBODY);
    assert_int_equal(table.ops->end_offset(table.self, 0, PARTITIONS), -1);
}

/* Markers of transactions occupy offsets too. The mock writes none, so the log is made to look as if its last
 * three records were markers, and statistics say how far it was read. */
static void test_the_last_record_is_the_end_where_markers_follow(void **state)
{
    struct rs_source table = rs_kafka_source_table(reader.source);
    struct rs_source_partition *partition = rs_source_partition_find(reader.source, 0, 0);
    int64_t delivered = atomic_load(&partition->delivered);

    (void)state;
    PUMP_UNTIL(table.ops->end_offset(table.self, 0, 0) == 100, &reader, NOBODY);
    assert_int_equal(delivered, 100);
    atomic_store(&partition->delivered, 97);
    atomic_store(&partition->fetched_to, -1);
    assert_int_equal(table.ops->end_offset(table.self, 0, 0), 100);
    rs_kafka_control_statistics(reader.source,
                                "{\"ts\":9000000000000000,\"topics\":{\"reader\":{\"partitions\":{\"0\":{"
                                "\"next_offset\":100,\"fetchq_cnt\":2}}}}}");
    assert_int_equal(table.ops->end_offset(table.self, 0, 0), 100); /* two records still wait in the queue */
    rs_kafka_control_statistics(reader.source,
                                "{\"ts\":9000000000000000,\"topics\":{\"reader\":{\"partitions\":{\"0\":{"
                                "\"next_offset\":100,\"fetchq_cnt\":0}}}}}");
    assert_int_equal(table.ops->end_offset(table.self, 0, 0), 97);
    rs_kafka_control_statistics(reader.source, "not json");
    assert_int_equal(table.ops->end_offset(table.self, 0, 0), 97);
    atomic_store(&partition->delivered,
                 -1); /* restored, and nothing has come since: it ends where reading began */
    int64_t expected = partition->expected;
    partition->expected = 98;
    assert_int_equal(table.ops->end_offset(table.self, 0, 0), 98);
    partition->expected = expected;
    rs_kafka_control_statistics(reader.source,
                                "{\"ts\":1,\"topics\":{\"reader\":{\"partitions\":{\"0\":{\"next_offset\":99,"
                                "\"fetchq_cnt\":0}}}}}");
    assert_int_equal(atomic_load(&partition->fetched_to), 100); /* told before the partition was fetched */
    atomic_store(&partition->delivered, delivered);
}

static void test_a_held_run_keeps_others_back(void **state)
{
    struct rs_source table = rs_kafka_source_table(reader.source);
    uint32_t worker = reader.seen[2].worker;
    struct rs_source_event event;

    (void)state;
    reader.keep_held = true;
    memset(reader.took, 0, sizeof reader.took);
    int before = reader.seen[2].count;
    produce("reader", 2, 3);
    PUMP_UNTIL(reader.took[worker], &reader, NOBODY);
    int taken = reader.seen[2].count - before;
    produce("reader", 2, 3);
    for (int i = 0; i < 50; i++) {
        rs_kafka_source_poll(reader.source);
        assert_false(table.ops->take(table.self, worker, &event));
        (void)poll(NULL, 0, 1);
    }
    assert_int_equal(reader.seen[2].count, before + taken);
    reader.keep_held = false;
    table.ops->release(table.self, worker);
    PUMP_UNTIL(reader.seen[2].count == before + 6, &reader, NOBODY);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(reader.seen[2].offsets[before + i], before + i);
    }
}

static void test_descriptor_wakes_a_sleeping_worker(void **state)
{
    struct rs_source table = rs_kafka_source_table(reader.source);
    uint32_t worker = reader.seen[3].worker;
    struct pollfd fd = {.fd = table.ops->wake_fd(table.self, worker), .events = POLLIN};
    struct rs_source_event event;

    (void)state;
    pump(&reader);
    while (table.ops->take(table.self, worker, &event)) {
        on_event(&reader, worker, &event);
    }
    assert_int_equal(poll(&fd, 1, 0), 0);
    produce("reader", 3, 1);
    assert_int_equal(poll(&fd, 1, 5000), 1);
    PUMP_UNTIL(reader.seen[3].count == 101, &reader, NOBODY);
}

static void test_reading_begins_where_the_worker_says(void **state)
{
    (void)state;
    PUMP_UNTIL(records_count(&late_start) >= PARTITIONS * 10, &late_start, NOBODY);
    for (int i = 0; i < PARTITIONS; i++) {
        assert_offsets(&late_start.seen[i], 40, 10);
    }
}

static void test_a_missing_topic_is_told_and_waited_for(void **state)
{
    struct rs_kafka_source_status status;

    (void)state;
    PUMP_UNTIL(strstr(missing.log, "does not exist") != NULL, &missing, NOBODY);
    assert_non_null(strstr(missing.log,
                           "stream missing: topic missing does not exist; waiting for it. Create it with: "
                           "kafka-topics.sh --bootstrap-server HOST:PORT --create --topic missing"));
    rs_kafka_source_status(missing.source, &status);
    assert_true(status.topics_missing);
    rd_kafka_mock_topic_set_error(mock.cluster, "missing", RD_KAFKA_RESP_ERR_NO_ERROR);
    PUMP_UNTIL(assigned_count(&missing) == PARTITIONS, &missing, NOBODY);
    PUMP_UNTIL((rs_kafka_source_status(missing.source, &status), !status.topics_missing), &missing, NOBODY);
}

static enum rs_other_members ask_other_members(struct member *member)
{
    rs_kafka_source_ask_other_members(member->source);
    PUMP_UNTIL(rs_kafka_source_other_members(member->source) != RS_OTHER_MEMBERS_UNKNOWN, member, NOBODY);
    return rs_kafka_source_other_members(member->source);
}

/* No answer is no answer: whoever takes it for "nobody" stops before the others have what was its own. Asking
 * holds nothing up meanwhile. */
static void test_a_group_that_cannot_be_listed_may_have_others(void **state)
{
    (void)state;
    assert_int_equal(ask_other_members(&reader), RS_OTHER_MEMBERS_NONE); /* the mock knows no such question */
    rd_kafka_mock_broker_set_down(mock.cluster, 1);
    assert_int_equal(ask_other_members(&reader), RS_OTHER_MEMBERS_POSSIBLE);
    rd_kafka_mock_broker_set_up(mock.cluster, 1);
}

static void test_the_group_is_told_what_is_sealed(void **state)
{
    struct rs_source table = rs_kafka_source_table(late_start.source);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    (void)state;
    table.ops->committed(table.self, 0, 2, 44);
    rd_kafka_topic_partition_t *entry = rd_kafka_topic_partition_list_add(list, "late_start", 2);
    int64_t until = rs_clock_mono(rs_clock_system()) + PATIENCE_US;
    do {
        pump(&late_start);
        assert_int_equal(rd_kafka_committed(late_start.source->member, list, 5000),
                         RD_KAFKA_RESP_ERR_NO_ERROR);
    } while (entry->offset != 44 && rs_clock_mono(rs_clock_system()) < until);
    assert_int_equal(entry->offset, 44);
    rd_kafka_topic_partition_list_destroy(list);
}

/* ---- settings ---- */

static struct rs_config *parse(const char *yaml)
{
    struct rs_config *parsed = NULL;
    struct rs_error error;

    assert_int_equal(rs_config_load_text("kafka.yaml", yaml, &parsed, &error), 0);
    return parsed;
}

/* A member that never joined is left to the process by older librdkafkas: what looks for leaks would see it. */
static void await_joined(struct rs_kafka_source *source)
{
    struct rs_kafka_source_status status = {0};
    int64_t until = rs_clock_mono(rs_clock_system()) + PATIENCE_US;

    while (!status.joined && rs_clock_mono(rs_clock_system()) < until) {
        struct pollfd fd = {.fd = rs_kafka_source_fd(source), .events = POLLIN};
        (void)poll(&fd, 1, 50);
        rs_kafka_source_poll(source);
        rs_kafka_source_status(source, &status);
    }
    assert_true(status.joined);
}

/* The section serves producers too: a message that may be larger than a fetch refused the consumer. */
static void test_a_fetch_holds_the_largest_message(void **state)
{
    static const struct {
        const char *yaml, *fetch;
    } cases[] = {
        {"message.max.bytes: 3000000\n", "3000000"},
        {"message.max.bytes: 1000\n", "1048576"},
        {"message.max.bytes: 3000000\nfetch.max.bytes: 4000000\n", "4000000"},
        {"message.max.bytes: 3000000\nfetch.max.bytes: 2000000\n", NULL},
    };
    struct rs_stream stream = {.name = "s", .topic = "reader"};
    const struct rs_streams streams = {.group = "fetches", .items = &stream, .count = 1};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char yaml[512];
        (void)snprintf(yaml, sizeof yaml, "bootstrap.servers: \"%s\"\n%s", rs_mock_kafka_brokers(&mock),
                       cases[i].yaml);
        struct rs_config *section = parse(yaml);
        const struct rs_kafka_source_options options = {.streams = &streams,
                                                        .kafka = rs_config_root(section),
                                                        .workers = WORKERS,
                                                        .clock = rs_clock_system()};
        struct rs_kafka_source *source = NULL;
        struct rs_error error;
        char fetch[32];
        size_t size = sizeof fetch;
        int rc = rs_kafka_source_new(&options, &source, &error);
        assert_int_equal(rc == 0, cases[i].fetch != NULL);
        if (rc == 0) {
            assert_int_equal(
                rd_kafka_conf_get(rd_kafka_conf(source->fetcher), "fetch.max.bytes", fetch, &size),
                RD_KAFKA_CONF_OK);
            assert_string_equal(fetch, cases[i].fetch);
            await_joined(source);
        }
        rs_kafka_source_free(&source);
        rs_config_free(&section);
    }
}

/* ---- out of memory ---- */

/* The source itself and its four arrays. Standard input stands for any descriptor that is not the source's. */
static void test_without_memory_it_closes_no_descriptor_but_its_own(void **state)
{
    struct rs_stream stream = {.name = "s", .topic = "reader"};
    const struct rs_streams streams = {.group = "g", .items = &stream, .count = 1};
    const struct rs_kafka_source_options options = {
        .streams = &streams, .workers = WORKERS, .clock = rs_clock_system()};
    int opened = fcntl(STDIN_FILENO, F_GETFD) < 0 ? open("/dev/null", O_RDONLY) : STDIN_FILENO;

    (void)state;
    assert_int_equal(opened, STDIN_FILENO);
    for (int which = 1; which <= 5; which++) {
        struct rs_kafka_source *source = NULL;
        struct rs_error error;
        refused_calloc = which;
        assert_int_equal(rs_kafka_source_new(&options, &source, &error), RS_ENOMEM);
        assert_int_equal(refused_calloc, 0);
        assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_partitions_are_read_in_order_and_spread_evenly),
        cmocka_unit_test(test_end_offset_follows_the_log),
        cmocka_unit_test(test_the_last_record_is_the_end_where_markers_follow),
        cmocka_unit_test(test_a_held_run_keeps_others_back),
        cmocka_unit_test(test_descriptor_wakes_a_sleeping_worker),
        cmocka_unit_test(test_reading_begins_where_the_worker_says),
        cmocka_unit_test(test_a_missing_topic_is_told_and_waited_for),
        cmocka_unit_test(test_the_group_is_told_what_is_sealed),
        cmocka_unit_test(test_a_group_that_cannot_be_listed_may_have_others),
        cmocka_unit_test(test_a_fetch_holds_the_largest_message),
        cmocka_unit_test(test_without_memory_it_closes_no_descriptor_but_its_own),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
