#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/kafka/config.h"

static void assert_report(const char *text, const char *expected)
{
    struct rs_config *config = NULL;
    struct rs_error error;
    struct rs_buf report = {0};

    assert_int_equal(rs_config_load_text("t", text, &config, &error), 0);
    rs_kafka_config_check(config, rs_config_get(rs_config_root(config), "kafka"));
    rs_config_report(config, &report);
    rs_buf_char(&report, '\0');
    assert_string_equal((const char *)report.data, expected);
    rs_buf_fini(&report);
    rs_config_free(&config);
}

static void test_good_sections_have_no_complaints(void **state)
{
    (void)state;
    assert_report(
        "kafka: {bootstrap.servers: 'a:9092,b:9092', fetch.wait.max.ms: 7, security.protocol: plaintext}\n",
        "");
    assert_report("kafka: {metadata.broker.list: a, linger.ms: 0.5}\n", "");
}

static void test_complaints_have_places_and_near_names(void **state)
{
    (void)state;
    assert_report(
        "kafka:\n"
        "  bootstrap.server: a\n"
        "  fetch.wait.max.mss: 7\n"
        "  fetch.max.bytes: many\n"
        "  qqqqqqqqqqqqqqqqqqqqqqqqq: 1\n"
        "  linger.ms: [1]\n",
        "t:2:3: kafka: \"bootstrap.servers\" is missing\n"
        "t:2:3: librdkafka knows no property \"bootstrap.server\"; did you mean \"bootstrap.servers\"?\n"
        "t:3:3: librdkafka knows no property \"fetch.wait.max.mss\"; did you mean \"fetch.wait.max.ms\"?\n"
        "t:4:20: kafka: Invalid value for configuration property \"fetch.max.bytes\"\n"
        "t:5:3: librdkafka knows no property \"qqqqqqqqqqqqqqqqqqqqqqqqq\"\n"
        "t:6:14: kafka: a property is a name and one value\n");
}

static void test_what_rollstat_sets_is_refused(void **state)
{
    (void)state;
    assert_report(
        "kafka: {bootstrap.servers: a, group.id: x, acks: 1, auto.offset.reset: latest}\n",
        "t:1:31: kafka: \"group.id\" is set by rollstat itself: it is the root key \"group\"\n"
        "t:1:44: kafka: \"acks\" is set by rollstat itself: every event has to be on all in-sync replicas\n"
        "t:1:53: kafka: \"auto.offset.reset\" is set by rollstat itself: records that retention took must "
        "not "
        "be skipped in silence\n");
}

static void test_a_missing_section_and_one_of_another_kind(void **state)
{
    (void)state;
    assert_report("group: g\n",
                  "t:1:1: \"kafka\" is missing: at least kafka: {bootstrap.servers: HOST:PORT} is needed\n");
    assert_report("kafka: localhost:9092\n", "t:1:8: kafka: must be a mapping of librdkafka properties\n");
}

static void test_properties_are_applied(void **state)
{
    struct rs_config *config = NULL;
    struct rs_error error;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char value[64] = "";
    size_t size = sizeof value;

    (void)state;
    assert_int_equal(rs_config_load_text("t", "fetch.wait.max.ms: 7\n", &config, &error), 0);
    assert_int_equal(rs_kafka_config_apply(rs_config_root(config), conf, &error), 0);
    assert_int_equal(rd_kafka_conf_get(conf, "fetch.wait.max.ms", value, &size), RD_KAFKA_CONF_OK);
    assert_string_equal(value, "7");
    assert_int_equal(rs_kafka_config_set(conf, "fetch.wait.max.ms", "x", &error), RS_ECONFIG);
    assert_string_equal(error.text, "kafka: Invalid value for configuration property \"fetch.wait.max.ms\"");
    assert_true(rs_kafka_config_try(conf, "client.id", "me"));
    assert_false(rs_kafka_config_try(conf, "no.such.property", "1"));
    rd_kafka_conf_destroy(conf);
    rs_config_free(&config);
}

static void test_properties_are_set_up_to_the_one_that_is_refused(void **state)
{
    static const char *const good[][2] = {{"client.id", "me"}, {"linger.ms", "7"}, {NULL, NULL}};
    static const char *const bad[][2] = {
        {"client.id", "you"}, {"linger.ms", "x"}, {"client.id", "him"}, {NULL, NULL}};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    struct rs_error error;
    char value[64] = "";
    size_t size = sizeof value;

    (void)state;
    assert_int_equal(rs_kafka_config_set_all(conf, good, &error), 0);
    assert_int_equal(rd_kafka_conf_get(conf, "linger.ms", value, &size), RD_KAFKA_CONF_OK);
    assert_string_equal(value, "7");
    assert_int_equal(rs_kafka_config_set_all(conf, bad, &error), RS_ECONFIG);
    size = sizeof value;
    assert_int_equal(rd_kafka_conf_get(conf, "client.id", value, &size), RD_KAFKA_CONF_OK);
    assert_string_equal(value, "you");
    rd_kafka_conf_destroy(conf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_sections_have_no_complaints),
        cmocka_unit_test(test_complaints_have_places_and_near_names),
        cmocka_unit_test(test_what_rollstat_sets_is_refused),
        cmocka_unit_test(test_a_missing_section_and_one_of_another_kind),
        cmocka_unit_test(test_properties_are_applied),
        cmocka_unit_test(test_properties_are_set_up_to_the_one_that_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
