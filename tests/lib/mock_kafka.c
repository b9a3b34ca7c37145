#include "tests/lib/mock_kafka.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define FLUSH_MS 60000

static rd_kafka_t *new_client(rd_kafka_type_t type, rd_kafka_conf_t *conf)
{
    char text[256] = "";
    rd_kafka_t *client = rd_kafka_new(type, conf, text, sizeof text);

    if (!client) {
        rd_kafka_conf_destroy(conf);
        fail_msg("%s", text);
    }
    return client;
}

static rd_kafka_conf_t *quiet_conf(void)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    rd_kafka_conf_set_log_cb(conf, NULL);
    return conf;
}

void rs_mock_kafka_open(struct rs_mock_kafka *mock, int brokers)
{
    memset(mock, 0, sizeof *mock);
    mock->producer = new_client(RD_KAFKA_PRODUCER, quiet_conf());
    mock->cluster = rd_kafka_mock_cluster_new(mock->producer, brokers);
    assert_non_null(mock->cluster);
}

void rs_mock_kafka_close(struct rs_mock_kafka *mock)
{
    if (mock->cluster) {
        rd_kafka_mock_cluster_destroy(mock->cluster);
    }
    if (mock->producer) {
        rd_kafka_destroy(mock->producer);
    }
    memset(mock, 0, sizeof *mock);
}

void rs_mock_kafka_topic(struct rs_mock_kafka *mock, const char *topic, int partitions)
{
    assert_int_equal(rd_kafka_mock_topic_create(mock->cluster, topic, partitions, 1),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
}

const char *rs_mock_kafka_brokers(const struct rs_mock_kafka *mock)
{
    return rd_kafka_mock_cluster_bootstraps(mock->cluster);
}

void rs_mock_kafka_set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char text[256] = "";

    if (rd_kafka_conf_set(conf, name, value, text, sizeof text) != RD_KAFKA_CONF_OK) {
        fail_msg("%s", text);
    }
}

rd_kafka_conf_t *rs_mock_kafka_conf(const struct rs_mock_kafka *mock)
{
    rd_kafka_conf_t *conf = quiet_conf();

    rs_mock_kafka_set(conf, "bootstrap.servers", rs_mock_kafka_brokers(mock));
    return conf;
}

void rs_mock_kafka_produce(struct rs_mock_kafka *mock, const char *topic, int32_t partition, const char *key,
                           const char *value, int64_t timestamp_ms)
{
    if (!mock->connected) {
        assert_true(rd_kafka_brokers_add(mock->producer, rs_mock_kafka_brokers(mock)) > 0);
        mock->connected = true;
    }
    rd_kafka_resp_err_t code = rd_kafka_producev(
        mock->producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
        RD_KAFKA_V_KEY(key, key ? strlen(key) : 0), RD_KAFKA_V_VALUE((void *)value, strlen(value)),
        RD_KAFKA_V_TIMESTAMP(timestamp_ms), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
    assert_int_equal(code, RD_KAFKA_RESP_ERR_NO_ERROR);
}

void rs_mock_kafka_flush(struct rs_mock_kafka *mock)
{
    assert_int_equal(rd_kafka_flush(mock->producer, FLUSH_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
}

rd_kafka_t *rs_mock_kafka_reader(const struct rs_mock_kafka *mock, const char *topic, int32_t partitions,
                                 int64_t from)
{
    rd_kafka_conf_t *conf = rs_mock_kafka_conf(mock);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);

    rs_mock_kafka_set(conf, "group.id", "reader");
    rs_mock_kafka_set(conf, "fetch.wait.max.ms", "10");
    rs_mock_kafka_set(conf, "fetch.error.backoff.ms", "10");
    rd_kafka_t *reader = new_client(RD_KAFKA_CONSUMER, conf);
    for (int32_t i = 0; i < partitions; i++) {
        rd_kafka_topic_partition_list_add(list, topic, i)->offset = from;
    }
    rd_kafka_resp_err_t code = rd_kafka_assign(reader, list);
    rd_kafka_topic_partition_list_destroy(list);
    assert_int_equal(code, RD_KAFKA_RESP_ERR_NO_ERROR);
    return reader;
}
