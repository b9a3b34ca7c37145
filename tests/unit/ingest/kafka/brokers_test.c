/* What is said of brokers that go and come, in virtual time; statistics as librdkafka 2.0.2 gives them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/config/config.h"
#include "ingest/kafka/internal.h"
#include "tests/lib/mock_kafka.h"
#include "tests/lib/virtual_clock.h"

#define REFUSED_BY(address)                                                                                  \
    address ": Connect to ipv4#127.0.0.1:2 failed: Connection refused (after 0ms in state CONNECT)"

static struct rs_clock_virtual virtual;
static struct rs_kafka_source *source;
static char said[4096];

static void report(void *ctx, enum rs_log_level level, const char *text)
{
    size_t used = strlen(said);

    (void)ctx;
    (void)level;
    (void)snprintf(said + used, sizeof said - used, "%s\n", text);
}

static int setup(void **state)
{
    (void)state;
    said[0] = '\0';
    rs_clock_virtual_init(&virtual, 0);
    rs_clock_virtual_advance(&virtual, 1000000);
    source = calloc(1, sizeof *source);
    assert_non_null(source);
    source->options.clock = &virtual.clock;
    source->options.report = (struct rs_report){report, NULL};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(source);
    return 0;
}

/* What the fetcher's statistics say of two brokers, for so many seconds. */
static void statistics(const char *one, const char *two, const char *coordinator, int seconds)
{
    for (int i = 0; i < seconds; i++) {
        json_t *json = json_pack(
            "{s:{s:{s:s,s:i,s:i,s:s}, s:{s:s,s:i,s:i,s:s}, s:{s:s,s:i,s:i,s:s}}}", "brokers", /* */
            "k:1/1", "state", one, "rx", i, "waitresp_cnt", 1, "nodename", "k:1",             /* */
            "k:2/2", "state", two, "rx", 7, "waitresp_cnt", 0, "nodename", "k:2",             /* */
            "GroupCoordinator", "state", coordinator, "rx", 3, "waitresp_cnt", 1, "nodename", "k:2");
        assert_non_null(json);
        rs_clock_virtual_advance(&virtual, 1000000);
        rs_kafka_brokers_statistics(source, json);
        json_decref(json);
    }
}

static int lines_with(const char *wanted)
{
    int count = 0;

    for (const char *at = said; (at = strstr(at, wanted)); at++) {
        count++;
    }
    return count;
}

/* Which leads no partition of ours: nothing but the group's connection goes there. */
static void test_the_coordinator_that_was_away_is_back(void **state)
{
    (void)state;
    statistics("UP", "INIT", "UP", 30);
    assert_true(rs_kafka_broker_failed(source, REFUSED_BY("GroupCoordinator: k:2")));
    statistics("UP", "INIT", "TRY_CONNECT", 65);
    assert_int_equal(lines_with("Kafka broker k:2 is away: connection refused; trying again"), 1);
    assert_int_equal(lines_with("Kafka broker k:2 is still away, for 60 s now"), 1);
    statistics("UP", "INIT", "UP", 200);
    assert_int_equal(lines_with("Kafka broker k:2 answers again, after 65 s"), 1);
    assert_int_equal(lines_with("still away"), 1);
    assert_false(source->status.brokers_down);
}

static void test_a_broker_that_nobody_needs_any_more_is_not_away_for_ever(void **state)
{
    (void)state;
    statistics("UP", "UP", "INIT", 2);
    assert_true(rs_kafka_broker_failed(source, REFUSED_BY("k:2/2")));
    statistics("UP", "TRY_CONNECT", "INIT", 2);
    assert_int_equal(lines_with("Kafka broker k:2 is away"), 1);
    statistics("UP", "INIT", "INIT", 200);
    assert_int_equal(lines_with("still away"), 0);
    assert_true(rs_kafka_broker_failed(source, REFUSED_BY("k:2/2")));
    statistics("UP", "TRY_CONNECT", "INIT", 2);
    assert_int_equal(lines_with("Kafka broker k:2 is away"), 2);
}

/* While none answers librdkafka only pauses between attempts. */
static void test_all_are_needed_while_none_answers(void **state)
{
    (void)state;
    assert_true(rs_kafka_broker_failed(source, REFUSED_BY("k:2/bootstrap")));
    statistics("INIT", "INIT", "INIT", 65);
    assert_true(source->status.brokers_down);
    assert_string_equal(source->status.brokers_why, "k:2: connection refused");
    assert_int_equal(lines_with("still away"), 1);
}

/* Requests that wait for the group are no silence, those to a broker are. */
static void test_a_broker_that_hangs_is_away(void **state)
{
    (void)state;
    statistics("UP", "INIT", "UP", 100);
    assert_string_equal(said, "");
    for (int i = 0; i < 10; i++) {
        statistics("UP", "INIT", "UP", 1); /* of k:1 the number of responses stays */
    }
    assert_int_equal(lines_with("Kafka broker k:1 is away: it does not answer; trying again"), 1);
    statistics("UP", "INIT", "UP", 2);
    assert_int_equal(lines_with("Kafka broker k:1 answers again"), 1);
}

static void test_an_error_that_names_no_broker_is_not_kept(void **state)
{
    (void)state;
    assert_false(rs_kafka_broker_failed(
        source,
        "Failed to acquire SASL OAUTHBEARER token: Invalid sasl.oauthbearer.config: must not be empty"));
    assert_int_equal(source->brokers.count, 0);
}

/* ---- with librdkafka ---- */

#define PATIENCE_US (60 * INT64_C(1000000))

static struct rs_kafka_source *open_source(const char *text, struct rs_config **config)
{
    static struct rs_stream stream = {.name = "s", .topic = "t"};
    static const struct rs_streams streams = {.group = "g", .items = &stream, .count = 1};
    struct rs_kafka_source *opened = NULL;
    struct rs_error error = {0};

    assert_int_equal(rs_config_load_text("test", text, config, &error), 0);
    const struct rs_kafka_source_options options = {
        .streams = &streams,
        .kafka = rs_config_root(*config),
        .workers = 1,
        .clock = rs_clock_system(),
        .report = {report, NULL},
    };
    if (rs_kafka_source_new(&options, &opened, &error) != 0) {
        fail_msg("%s", error.text);
    }
    return opened;
}

/* Assigned, and never started. */
static void pump(struct rs_kafka_source *opened)
{
    struct rs_source table = rs_kafka_source_table(opened);
    struct rs_source_event event;

    rs_kafka_source_poll(opened);
    while (table.ops->take(table.self, 0, &event)) {
        if (event.kind == RS_SOURCE_REVOKED) {
            table.ops->done(table.self, event.stream, event.partition);
        }
    }
    (void)poll(NULL, 0, 2);
}

#define PUMP_UNTIL(condition, opened)                                                                        \
    do {                                                                                                     \
        int64_t until = rs_clock_mono(rs_clock_system()) + PATIENCE_US;                                      \
        while (!(condition) && rs_clock_mono(rs_clock_system()) < until) {                                   \
            pump(opened);                                                                                    \
        }                                                                                                    \
        assert_true(condition);                                                                              \
    } while (0)

/* In a process of its own that just ends: librdkafka 2.0.2 goes on asking for the token after its consumer
 * was closed, and falls over that. */
static void test_an_error_that_names_no_broker_is_told(void **state)
{
    int ended = 0;
    pid_t child = fork();

    (void)state;
    if (child == 0) {
        struct rs_config *config = NULL;
        int64_t until = rs_clock_mono(rs_clock_system()) + PATIENCE_US;
        struct rs_kafka_source *opened =
            open_source("bootstrap.servers: \"127.0.0.1:9\"\nsecurity.protocol: sasl_plaintext\n"
                        "sasl.mechanisms: OAUTHBEARER\nenable.sasl.oauthbearer.unsecure.jwt: true\n",
                        &config);
        while (lines_with("Failed to acquire SASL OAUTHBEARER token") == 0 &&
               rs_clock_mono(rs_clock_system()) < until) {
            pump(opened);
        }
        _exit(lines_with("Failed to acquire SASL OAUTHBEARER token") > 0 ? 0 : 1);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_true(WIFEXITED(ended));
    assert_int_equal(WEXITSTATUS(ended), 0);
}

/* The first of two partitions, neither of which is read, is led by the broker that is away. */
static void test_a_broker_that_is_away_hides_no_end_that_others_know(void **state)
{
    char text[512];
    struct rs_config *config = NULL;
    struct rs_mock_kafka mock;

    (void)state;
    rs_mock_kafka_open(&mock, 2);
    rs_mock_kafka_topic(&mock, "t", 2);
    (void)rd_kafka_mock_partition_set_leader(mock.cluster, "t", 0, 2);
    (void)rd_kafka_mock_partition_set_leader(mock.cluster, "t", 1, 1);
    (void)rd_kafka_mock_coordinator_set(mock.cluster, "group", "g", 1);
    rs_mock_kafka_produce(&mock, "t", 1, NULL, "v", 0);
    rs_mock_kafka_flush(&mock);
    (void)rd_kafka_mock_broker_set_down(mock.cluster, 2);
    (void)snprintf(text, sizeof text, "bootstrap.servers: \"%s\"\n", rs_mock_kafka_brokers(&mock));
    struct rs_kafka_source *opened = open_source(text, &config);
    struct rs_source table = rs_kafka_source_table(opened);
    PUMP_UNTIL(table.ops->end_offset(table.self, 0, 1) == 1, opened);
    assert_int_equal(table.ops->end_offset(table.self, 0, 0), -1);
    rs_kafka_source_free(&opened);
    rs_config_free(&config);
    rs_mock_kafka_close(&mock);
}

/* Five looks for it, each without an answer. */
static void look_in_vain(struct rs_kafka_source *opened)
{
    int64_t due_us = opened->topics_due_us;

    for (int looks = 0; looks < 5; looks++) {
        PUMP_UNTIL(opened->topics_due_us != due_us || lines_with("exists now") > 0, opened);
        assert_int_equal(lines_with("exists now"), 0);
        assert_int_not_equal(opened->topics_due_us, 0);
        assert_true(rs_kafka_source_topic_missing(opened, 0));
        due_us = opened->topics_due_us;
    }
}

static void test_a_missing_topic_is_not_there_because_nobody_says_so(void **state)
{
    char text[512];
    struct rs_config *config = NULL;
    struct rs_mock_kafka mock;

    (void)state;
    rs_mock_kafka_open(&mock, 1);
    rs_mock_kafka_topic(&mock, "t", 1);
    rd_kafka_mock_topic_set_error(mock.cluster, "t", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    (void)snprintf(text, sizeof text, "bootstrap.servers: \"%s\"\ntopic.metadata.refresh.interval.ms: 500\n",
                   rs_mock_kafka_brokers(&mock));
    struct rs_kafka_source *opened = open_source(text, &config);
    PUMP_UNTIL(lines_with("stream s: topic t does not exist") > 0, opened);
    (void)rd_kafka_mock_broker_set_down(mock.cluster, 1);
    look_in_vain(opened);
    rd_kafka_mock_topic_set_error(mock.cluster, "t", RD_KAFKA_RESP_ERR_NO_ERROR);
    (void)rd_kafka_mock_broker_set_up(mock.cluster, 1);
    PUMP_UNTIL(lines_with("stream s: topic t exists now") == 1, opened);
    PUMP_UNTIL(opened->status.joined, opened);
    rs_kafka_source_free(&opened);
    rs_config_free(&config);
    rs_mock_kafka_close(&mock);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_an_error_that_names_no_broker_is_told), /* first, while there is no other thread */
        TEST(test_the_coordinator_that_was_away_is_back),
        TEST(test_a_broker_that_nobody_needs_any_more_is_not_away_for_ever),
        TEST(test_all_are_needed_while_none_answers),
        TEST(test_a_broker_that_hangs_is_away),
        TEST(test_an_error_that_names_no_broker_is_not_kept),
        TEST(test_a_broker_that_is_away_hides_no_end_that_others_know),
        TEST(test_a_missing_topic_is_not_there_because_nobody_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
