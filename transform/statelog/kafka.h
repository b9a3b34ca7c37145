/* log kafka: append log over Kafka. An input's logs are the partitions of one topic, each the log of the input
 * partition of the same number: `<group>.state.<stream>` for the stream's own `topic`, and
 * `<group>.state.<stream>.<topic>` for one of its `topics`.
 *
 * Topics: before an input's first record is written or read its topic is made, if absent, with as many
 * partitions as the input and the settings a log needs, and looked at: records must stay until they are
 * trimmed (cleanup.policy=delete, retention.ms=-1, retention.bytes=-1) and a chunk must fit
 * (max.message.bytes). Until then what is appended waits. A topic that is not fit is BROKEN for the
 * partitions concerned, with the command that mends it; it is looked at again at the next append or reading.
 * A broker that cannot tell the settings is believed, with one warning, until it refuses a record for its size.
 *
 * Appending: one idempotent producer (acks=all, retries without end) for all partitions. Of one partition
 * only one record is on its way at a time; the others wait behind it, so that nothing of an ownership comes
 * after a record that was refused, whatever the producer's state. A producer that broke for good is replaced
 * in the background: what was on its way is REFUSED, what waited elsewhere goes through the new one.
 *
 * Reading: partitions start and end independently. The records of a worker's partitions arrive in one queue
 * of librdkafka's, which the worker reads in batches; past READ_AHEAD bytes in it librdkafka stops fetching.
 *
 * Thread: the table as append_log.h says; two threads of its own, one for deliveries, one for topics and
 * readings; new, stop, free one owner; status any.
 * Owns: a producer, a consumer without a group, copies of records under way: at most `max_bytes`.
 * Errors: of events: RS_EBROKER (may go another time) or RS_ECONFIG (the topic is not fit). RS_ETRIMMED: the
 * log was trimmed past the record that the reading was to end with, as only a later owner does. */
#ifndef RS_TRANSFORM_STATELOG_KAFKA_H
#define RS_TRANSFORM_STATELOG_KAFKA_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/report.h"
#include "schemas/stream.h"
#include "transform/statelog/append_log.h"
#include "transform/statelog/state_topic.h"

struct rs_kafka_log;

struct rs_kafka_log_options {
    rd_kafka_conf_t *conf;            /* Takes: brokers, security, log callback; the rest is set here */
    const struct rs_streams *streams; /* group, names, input topics; borrowed */
    uint32_t workers;
    int32_t replication_factor; /* of topics that are made; -1: the broker's default */
    size_t max_bytes;           /* of records under way; 0: 2 MiB. One record always fits */
    const struct rs_clock *clock;
    /* What an operator should read. Called on threads of its own. */
    struct rs_report report;
};

/* Does not wait for the broker. RS_ENOMEM, RS_EIO, RS_ECONFIG (a property is refused). */
RS_MUST_USE int rs_kafka_log_new(const struct rs_kafka_log_options *options, struct rs_kafka_log **out,
                                 struct rs_error *error);
struct rs_append_log rs_kafka_log_table(struct rs_kafka_log *log);

/* Makes room for an input that is not counted yet (rs_streams_take). RS_ENOMEM, RS_EBROKER. */
RS_MUST_USE int rs_kafka_log_add(struct rs_kafka_log *log, const struct rs_stream *input,
                                 struct rs_error *error);

/* Waits, for at most `within_us`, until what was appended is in the log, and ends the threads; returns how
 * many records were not acknowledged. Nothing is begun afterwards. */
size_t rs_kafka_log_stop(struct rs_kafka_log *log, int64_t within_us);
void rs_kafka_log_free(struct rs_kafka_log **log);

/* Name of an input's topic (rs_stream_input), to be freed; NULL: out of memory. */
char *rs_kafka_log_topic(const char *group, const char *input);

struct rs_kafka_log_status {
    uint64_t appended, refused; /* records */
    uint64_t trims, trims_refused;
    uint64_t pending, pending_bytes; /* records under way */
    uint64_t producers;              /* opened so far: more than one says how often it was replaced */
    uint64_t topics_ready;
    bool writable;         /* there is a producer, and the newest answer was no refusal */
    char last_error[256];  /* empty: none so far */
    int64_t last_error_us; /* wall time */
};
void rs_kafka_log_status(struct rs_kafka_log *log, struct rs_kafka_log_status *out);

/* How far a reading has come. */
struct rs_kafka_log_reading {
    int64_t first, next, until; /* offsets: the log's first one (-1: not known yet), the next, the last */
};
/* False: the partition is not being read. */
bool rs_kafka_log_reading(struct rs_kafka_log *log, uint32_t stream, int32_t partition,
                          struct rs_kafka_log_reading *out);

#endif
