/* mock_kafka: librdkafka's mock cluster for unit tests, with what all of them need of it. Every function
 * asserts (cmocka) that it succeeded: call them on the test's thread. Thread: one. Owns: the cluster and a
 * producer of its own. */
#ifndef RS_TESTS_LIB_MOCK_KAFKA_H
#define RS_TESTS_LIB_MOCK_KAFKA_H

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers of requests in Kafka's protocol, for rd_kafka_mock_push_request_errors. */
#define RS_MOCK_PRODUCE      0
#define RS_MOCK_OFFSET_FETCH 9

struct rs_mock_kafka {
    rd_kafka_mock_cluster_t *cluster;
    rd_kafka_t *producer; /* the cluster lives in it; connected to it from the first record on */
    bool connected;
};

void rs_mock_kafka_open(struct rs_mock_kafka *mock, int brokers);
void rs_mock_kafka_close(struct rs_mock_kafka *mock); /* half-open ones, too */

void rs_mock_kafka_topic(struct rs_mock_kafka *mock, const char *topic, int partitions);
const char *rs_mock_kafka_brokers(const struct rs_mock_kafka *mock); /* bootstrap.servers */

/* For a client of the cluster that logs nothing. The caller's, or the client's that is made with it. */
rd_kafka_conf_t *rs_mock_kafka_conf(const struct rs_mock_kafka *mock);
void rs_mock_kafka_set(rd_kafka_conf_t *conf, const char *name, const char *value);

/* Key NULL: none; timestamp 0: now. Not there before the flush. */
void rs_mock_kafka_produce(struct rs_mock_kafka *mock, const char *topic, int32_t partition, const char *key,
                           const char *value, int64_t timestamp_ms);
void rs_mock_kafka_flush(struct rs_mock_kafka *mock);

/* A consumer of partitions 0 to `partitions` - 1 from this offset on (RD_KAFKA_OFFSET_BEGINNING and the
 * like). */
rd_kafka_t *rs_mock_kafka_reader(const struct rs_mock_kafka *mock, const char *topic, int32_t partitions,
                                 int64_t from);

#endif
