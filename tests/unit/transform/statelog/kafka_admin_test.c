/* What the keeper of the state log asks of brokers, on librdkafka's mock cluster, which names no controller:
 * so topics can neither be made nor grown nor described, and what an operator is told then is looked at here.
 * What a real broker does is in tests/integration/kafka_state_topic.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/kept_reports.h"
#include "tests/lib/mock_kafka.h"
#include "transform/statelog/kafka_internal.h"

static struct rs_stream items[] = {{.name = "s", .index = 0, .topic = "in"}};
static const struct rs_streams streams = {.group = "g", .items = items, .count = 1};

struct fixture {
    struct rs_mock_kafka mock;
    struct rs_kafka_log log; /* as much of it as asking needs; nothing of it runs */
    struct rs_kafka_log_topic topic;
    struct rs_error error;
    struct kept_reports reports;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    char text[256] = "";
    assert_non_null(f);
    rs_mock_kafka_open(&f->mock, 1);
    f->topic = (struct rs_kafka_log_topic){.stream = &items[0], .name = (char *)"g.state.s"};
    f->log.topics = &f->topic;
    f->log.options = (struct rs_kafka_log_options){.streams = &streams,
                                                   .replication_factor = -1,
                                                   .clock = rs_clock_system(),
                                                   .report = kept_reports_to(&f->reports)};
    pthread_mutex_init(&f->log.lock, NULL);
    kept_reports_init(&f->reports);
    rd_kafka_conf_t *conf = rs_mock_kafka_conf(&f->mock);
    rs_mock_kafka_set(conf, "allow.auto.create.topics", "false");
    f->log.consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    assert_non_null(f->log.consumer);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    rd_kafka_destroy(f->log.consumer);
    rs_mock_kafka_close(&f->mock);
    pthread_mutex_destroy(&f->log.lock);
    kept_reports_fini(&f->reports);
    free(f);
    return 0;
}

/* Until the broker has answered at all: a slow one is "look again". */
static enum rs_kafka_log_fitness check(struct fixture *f, int32_t *partitions)
{
    enum rs_kafka_log_fitness fitness = RS_KAFKA_LOG_UNKNOWN;
    for (int i = 0; i < 60 && fitness == RS_KAFKA_LOG_UNKNOWN; i++) {
        fitness = rs_kafka_log_topic_check(&f->log, &f->topic, partitions, &f->error);
    }
    return fitness;
}

static void expect_text(const char *text, const char *part)
{
    if (!strstr(text, part)) {
        fail_msg("\"%s\" is not in \"%s\"", part, text);
    }
}

/* ---- what to do about an error ---- */

static void test_each_error_has_its_remedy(void **state)
{
    static const struct {
        rd_kafka_resp_err_t code;
        const char *operation, *remedy;
    } cases[] = {
        {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "Describe", " --operation Describe --topic t"},
        {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, "Create", " --operation Create --cluster"},
        {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, "Write", " --operation IdempotentWrite --cluster"},
        {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, "Write",
         " --entity-name t --add-config max.message.bytes=1048576"},
        {RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, "Write", " --add-config max.message.bytes=1048576"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512] = "before";
        rs_kafka_log_remedy(cases[i].code, cases[i].operation, "t", text, sizeof text);
        expect_text(text, cases[i].remedy);
        assert_int_equal(strncmp(text, "; ", 2), 0); /* it goes on a sentence */
    }
    char text[512] = "before";
    rs_kafka_log_remedy(RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, "Write", "t", text, sizeof text);
    assert_string_equal(text, "");
}

static void test_too_few_partitions_are_told_with_the_command(void **state)
{
    struct fixture *f = *state;
    rs_kafka_log_too_few(&f->topic, 4, 3, &f->error);
    assert_int_equal(f->error.code, RS_EBROKER);
    assert_string_equal(
        f->error.text,
        "state log: topic g.state.s has 3 partitions, and none of the number 4, while its input in "
        "has; mend it with: kafka-topics.sh --bootstrap-server HOST:PORT --alter --topic g.state.s "
        "--partitions 5 (at least)");
}

/* ---- the topic ---- */

static void test_settings_that_cannot_be_seen_are_believed_with_one_warning(void **state)
{
    struct fixture *f = *state;
    int32_t partitions = 0;
    rs_mock_kafka_topic(&f->mock, "in", 3);
    rs_mock_kafka_topic(&f->mock, "g.state.s", 3);
    assert_int_equal(check(f, &partitions), RS_KAFKA_LOG_FIT);
    assert_int_equal(partitions, 3);
    expect_text(f->reports.text, "the settings of topic g.state.s cannot be verified");
    expect_text(f->reports.text, "max.message.bytes of at least 561152");
    f->reports.text[0] = '\0';
    assert_int_equal(check(f, &partitions), RS_KAFKA_LOG_FIT);
    assert_string_equal(f->reports.text, "");
}

/* Believed no longer: else the partition would be claimed and its seal be refused for ever. */
static void test_settings_that_cannot_be_seen_are_judged_by_what_is_refused(void **state)
{
    struct fixture *f = *state;
    int32_t partitions = 0;
    rs_mock_kafka_topic(&f->mock, "in", 3);
    rs_mock_kafka_topic(&f->mock, "g.state.s", 3);
    f->topic.refused_bytes = 131200;
    assert_int_equal(check(f, &partitions), RS_KAFKA_LOG_UNFIT);
    assert_int_equal(f->error.code, RS_ECONFIG);
    assert_string_equal(
        f->error.text, "state log: topic g.state.s is not fit: it refused a record of 131200 bytes, and its "
                       "max.message.bytes has to be at least 561152 (the largest record has to fit); mend it "
                       "with: kafka-configs.sh --bootstrap-server HOST:PORT --alter --entity-type topics "
                       "--entity-name g.state.s --add-config max.message.bytes=561152");
    f->topic.refused_bytes = 0;
    assert_int_equal(check(f, &partitions), RS_KAFKA_LOG_FIT);
}

static void test_a_topic_that_cannot_grow_serves_what_it_has(void **state)
{
    struct fixture *f = *state;
    int32_t partitions = 0;
    rs_mock_kafka_topic(&f->mock, "in", 4);
    rs_mock_kafka_topic(&f->mock, "g.state.s", 2);
    assert_int_equal(check(f, &partitions), RS_KAFKA_LOG_FIT);
    assert_int_equal(partitions, 2);
    assert_string_equal(f->topic.not_grown, " (it could not be grown: the cluster names no controller)");
    rs_kafka_log_too_few(&f->topic, 2, partitions, &f->error);
    expect_text(f->error.text,
                "while its input in has (it could not be grown: the cluster names no controller); mend");
}

static void test_more_partitions_than_its_input_do_no_harm(void **state)
{
    struct fixture *f = *state;
    int32_t partitions = 0;
    rs_mock_kafka_topic(&f->mock, "in", 1);
    rs_mock_kafka_topic(&f->mock, "g.state.s", 2);
    assert_int_equal(check(f, &partitions), RS_KAFKA_LOG_FIT);
    assert_int_equal(partitions, 2);
    assert_string_equal(f->topic.not_grown, "");
}

static void test_a_topic_that_cannot_be_made_is_told_with_the_command(void **state)
{
    struct fixture *f = *state;
    int32_t partitions = 0;
    rs_mock_kafka_topic(&f->mock, "in", 3);
    rs_mock_kafka_topic(&f->mock, "g.state.s", 1);
    rd_kafka_mock_topic_set_error(f->mock.cluster, "g.state.s", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    f->log.options.replication_factor = 2;
    assert_int_equal(check(f, &partitions), RS_KAFKA_LOG_UNFIT);
    assert_int_equal(partitions, 0);
    assert_int_equal(f->error.code, RS_EBROKER);
    expect_text(f->error.text,
                "topic g.state.s does not exist and cannot be made: the cluster names no controller; "
                "make it with: kafka-topics.sh --bootstrap-server HOST:PORT --create --topic g.state.s "
                "--partitions 3 --replication-factor 2 --config cleanup.policy=delete "
                "--config retention.ms=-1 --config retention.bytes=-1 "
                "--config max.message.bytes=1048576");
}

/* The mock cluster names the topic's partitions beside the topic's error, which Kafka never does, and
 * librdkafka 2.4 to 2.8 follow a null pointer where they do not know such a partition yet: so the topic is
 * known before it is refused. One that is refused from the start: integration/kafka_refused.py. */
static rd_kafka_topic_t *know_topic(struct fixture *f, const char *name)
{
    rd_kafka_topic_t *topic = rd_kafka_topic_new(f->log.consumer, name, NULL);
    const struct rd_kafka_metadata *metadata = NULL;
    assert_non_null(topic);
    for (int i = 0; i < 60 && !metadata; i++) {
        (void)rd_kafka_metadata(f->log.consumer, 0, topic, &metadata, 1000);
    }
    assert_non_null(metadata);
    rd_kafka_metadata_destroy(metadata);
    return topic;
}

static void test_a_right_that_is_missing_is_named(void **state)
{
    struct fixture *f = *state;
    int32_t partitions = 0;
    rs_mock_kafka_topic(&f->mock, "in", 1);
    rs_mock_kafka_topic(&f->mock, "g.state.s", 1);
    rd_kafka_topic_t *known = know_topic(f, "g.state.s");
    rd_kafka_mock_topic_set_error(f->mock.cluster, "g.state.s", RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    assert_int_equal(check(f, &partitions), RS_KAFKA_LOG_UNFIT);
    expect_text(f->error.text,
                "topic g.state.s cannot be looked at: Broker: Topic authorization failed; grant the "
                "right with: kafka-acls.sh");
    expect_text(f->error.text, "--operation Describe --topic g.state.s");
    rd_kafka_topic_destroy(known);
}

static void test_a_broker_that_is_away_says_nothing_of_the_topic(void **state)
{
    struct fixture *f = *state;
    int32_t partitions = 7;
    rs_mock_kafka_topic(&f->mock, "in", 1);
    rs_mock_kafka_topic(&f->mock, "g.state.s", 1);
    rd_kafka_mock_broker_set_down(f->mock.cluster, 1);
    assert_int_equal(rs_kafka_log_topic_check(&f->log, &f->topic, &partitions, &f->error),
                     RS_KAFKA_LOG_UNKNOWN);
    assert_int_equal(partitions, 0);
    assert_string_equal(f->reports.text, "");
}

/* ---- the group's offsets ---- */

static void commit(struct fixture *f, int32_t partition, int64_t offset)
{
    rd_kafka_conf_t *conf = rs_mock_kafka_conf(&f->mock);
    rs_mock_kafka_set(conf, "group.id", "g");
    rd_kafka_t *member = rd_kafka_new(RD_KAFKA_CONSUMER, conf, NULL, 0);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    assert_non_null(member);
    rd_kafka_topic_partition_list_add(list, "in", partition)->offset = offset;
    assert_int_equal(rd_kafka_commit(member, list, 0), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(member);
}

static void test_offsets_of_the_group(void **state)
{
    struct fixture *f = *state;
    rs_mock_kafka_topic(&f->mock, "in", 2);
    commit(f, 1, 42);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(2);
    rd_kafka_topic_partition_list_add(list, "in", 0)->offset = 5;
    rd_kafka_topic_partition_list_add(list, "in", 1)->offset = 5;
    assert_true(rs_kafka_log_committed(&f->log, list));
    assert_int_equal(list->elems[0].offset, -1);
    assert_int_equal(list->elems[1].offset, 42);
    assert_string_equal(f->reports.text, "");
    rd_kafka_topic_partition_list_destroy(list);
}

static void test_offsets_that_cannot_be_seen_are_none_with_one_warning(void **state)
{
    struct fixture *f = *state;
    rs_mock_kafka_topic(&f->mock, "in", 1);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    for (int i = 0; i < 2; i++) {
        f->reports.text[0] = '\0';
        rd_kafka_mock_push_request_errors(f->mock.cluster, RS_MOCK_OFFSET_FETCH, 1,
                                          RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED);
        rd_kafka_topic_partition_list_del(list, "in", 0);
        rd_kafka_topic_partition_list_add(list, "in", 0)->offset = 5;
        assert_true(rs_kafka_log_committed(&f->log, list));
        assert_int_equal(list->elems[0].offset, -1);
        if (i == 0) {
            expect_text(f->reports.text,
                        "the offsets of group g cannot be seen: Broker: Group authorization failed");
        } else {
            assert_string_equal(f->reports.text, "");
        }
    }
    rd_kafka_topic_partition_list_destroy(list);
}

int main(void)
{
#define LIVE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_error_has_its_remedy),
        LIVE(test_too_few_partitions_are_told_with_the_command),
        LIVE(test_settings_that_cannot_be_seen_are_believed_with_one_warning),
        LIVE(test_settings_that_cannot_be_seen_are_judged_by_what_is_refused),
        LIVE(test_a_topic_that_cannot_grow_serves_what_it_has),
        LIVE(test_more_partitions_than_its_input_do_no_harm),
        LIVE(test_a_topic_that_cannot_be_made_is_told_with_the_command),
        LIVE(test_a_right_that_is_missing_is_named),
        LIVE(test_a_broker_that_is_away_says_nothing_of_the_topic),
        LIVE(test_offsets_of_the_group),
        LIVE(test_offsets_that_cannot_be_seen_are_none_with_one_warning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
