/* kafka ask: questions to brokers whose answers are waited for, none longer than it is told to.
 * librdkafka's own functions are not all so: rd_kafka_query_watermark_offsets before 2.3 goes on waiting
 * while the broker is away, for minutes. What is asked for here is asked in another way, which has a bound in
 * every version. A thread that serves others asks nothing at all, not even this: see ingest/kafka/asker.c.
 * Thread: any. */
#ifndef RS_BASE_KAFKA_ASK_H
#define RS_BASE_KAFKA_ASK_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* The first offset of a partition and the one after its last record that this client may read; within
 * `timeout_ms`, both together. Changes `low` and `high` only on success. */
rd_kafka_resp_err_t rs_kafka_ask_ends(rd_kafka_t *client, const char *topic, int32_t partition,
                                      int timeout_ms, int64_t *low, int64_t *high);

/* The first record of a partition whose time is `time_ms` or later; -1: there is none. Changes `offset` only on
 * success. */
rd_kafka_resp_err_t rs_kafka_ask_time(rd_kafka_t *client, const char *topic, int32_t partition,
                                      int64_t time_ms, int timeout_ms, int64_t *offset);

/* How many partitions a topic has, as whoever answers first knows it. An answer about another topic is
 * RD_KAFKA_RESP_ERR__FAIL. Changes `count` only on success. */
rd_kafka_resp_err_t rs_kafka_ask_partitions(rd_kafka_t *client, const char *topic, int timeout_ms,
                                            int32_t *count);

/* Hands the names of all topics that this client may see to `take`; what that returns, if it is not 0, ends it and
 * is put into *taken. */
typedef int rs_kafka_take_topic(void *ctx, const char *topic, struct rs_error *error);
rd_kafka_resp_err_t rs_kafka_ask_topics(rd_kafka_t *client, int timeout_ms, rs_kafka_take_topic *take,
                                        void *ctx, int *taken, struct rs_error *error);

/* Whether the cluster names one of its brokers as its controller, who makes and describes topics. Where it does not
 * (librdkafka's mock) every such request would time out. */
bool rs_kafka_ask_controller(rd_kafka_t *client, int timeout_ms);

/* Whether waiting for a broker, or for another one, may change the answer. */
bool rs_kafka_is_away(rd_kafka_resp_err_t code);

#endif
