/* kafka reader: the records of a partition between two offsets, for programs that look into topics. Every call
 * answers within its time-out, a reading as long as records come within that time.
 * It belongs to no consumer group, commits nothing and writes nothing.
 * Thread: one. */
#ifndef RS_BASE_KAFKA_READER_H
#define RS_BASE_KAFKA_READER_H

#include <librdkafka/rdkafka.h>
#include <stdint.h>

#include "base/config/config.h"
#include "base/error.h"
#include "base/kafka/ask.h"

struct rs_kafka_reader;

/* `kafka`: the checked section of a configuration. RS_ECONFIG, RS_ENOMEM. */
RS_MUST_USE int rs_kafka_reader_new(const struct rs_config_node *kafka, int timeout_ms,
                                    struct rs_kafka_reader **out, struct rs_error *error);
void rs_kafka_reader_free(struct rs_kafka_reader **reader);

/* *count is 0 when there is no such topic. RS_EBROKER. */
RS_MUST_USE int rs_kafka_reader_partitions(struct rs_kafka_reader *reader, const char *topic, int32_t *count,
                                           struct rs_error *error);
/* Hands the names of all topics to `take`. RS_EBROKER, or what `take` returned. */
RS_MUST_USE int rs_kafka_reader_topics(struct rs_kafka_reader *reader, rs_kafka_take_topic *take, void *ctx,
                                       struct rs_error *error);
/* First offset, and the one after the last record. RS_EBROKER. */
RS_MUST_USE int rs_kafka_reader_extent(struct rs_kafka_reader *reader, const char *topic, int32_t partition,
                                       int64_t *first, int64_t *end, struct rs_error *error);

/* Takes a record, which is borrowed. 0: go on; anything else ends the reading and is what it returns. */
typedef int rs_kafka_take(void *ctx, const rd_kafka_message_t *message, struct rs_error *error);

#define RS_KAFKA_TRIMMED 1 /* past what is still to be read */

/* Hands the records of [first, end) to `take`. 0, RS_KAFKA_TRIMMED, what `take` returned, or RS_EBROKER. */
RS_MUST_USE int rs_kafka_reader_read(struct rs_kafka_reader *reader, const char *topic, int32_t partition,
                                     int64_t first, int64_t end, rs_kafka_take *take, void *ctx,
                                     struct rs_error *error);

#endif
