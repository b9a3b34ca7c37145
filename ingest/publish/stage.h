/* stage: events gathered per partition on their way into librdkafka.
 * Handed over one by one, events of many keys cost librdkafka more than three times what they cost in runs of
 * one partition: each call takes two locks and two clocks, and neighbours in memory end in different queues.
 * So keyed events wait here, for a moment, until there is a run of their partition. The partition of a key is
 * murmur2's, as in the Java client; how many partitions there are is what librdkafka tells its partitioner,
 * which sees the first event of every run. Events of a key keep their order.
 * Thread: any, under the owner's lock.
 * Limits: RS_STAGE_RUN events and RS_STAGE_BYTES bytes a partition, RS_STAGE_PARTITIONS_MAX partitions;
 *         beyond that events are handed over one by one. */
#ifndef RS_INGEST_PUBLISH_STAGE_H
#define RS_INGEST_PUBLISH_STAGE_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

#define RS_STAGE_RUN            256
#define RS_STAGE_BYTES          65536
#define RS_STAGE_PARTITIONS_MAX 256
#define RS_STAGE_OVERHEAD       128 /* what librdkafka reckons for the frame of a message, and more */

struct rs_stage_run {
    rd_kafka_message_t *messages; /* RS_STAGE_RUN of them; NULL until first used */
    size_t count;
    struct rs_buf bytes; /* of their keys and values; never moves */
};

struct rs_stage {
    rd_kafka_topic_t *topic;   /* borrowed */
    struct rs_stage_run *runs; /* one per partition */
    int32_t partitions;        /* as the runs are laid out; 0: not known */
    int32_t told;              /* by the partitioner, of late */
    size_t count;              /* events waiting */
    int32_t refused;         /* the run whose first event librdkafka refused in the last rs_stage_send; -1 */
    rd_kafka_resp_err_t why; /* it was */
    size_t max_bytes;        /* of one event in a request; set by the owner */
    bool direct;             /* nothing waits: what is asked for is latency; set by the owner */
};

/* Before the topic is made: sets its partitioner. */
void rs_stage_configure(struct rs_stage *stage, rd_kafka_topic_conf_t *conf);
void rs_stage_fini(struct rs_stage *stage);

enum rs_stage_result {
    RS_STAGE_TAKEN = 0, /* or: everything is handed over */
    RS_STAGE_FULL = 1,  /* librdkafka's queue has no room now; nothing was taken, or some events still wait */
};

/* An event that librdkafka refused, for whatever reason but a full queue. */
struct rs_stage_refusal {
    struct rs_buf bytes; /* its key, then its value; reused, freed by the owner */
    size_t key_size;
    void *tag;
    const char *text; /* why; librdkafka's, for ever */
};

/* Both return a result, or a negative code: RS_EPRODUCER (fatal error of the producer), RS_ERECORD (the event
 * is too large), RS_EBROKER, RS_ENOMEM. Events that wait when sending fails go on waiting, until the refused
 * one is taken out. key.data NULL: none. */
RS_MUST_USE int rs_stage_add(struct rs_stage *stage, struct rs_slice key, struct rs_slice value, void *tag,
                             struct rs_error *error);
RS_MUST_USE int rs_stage_send(struct rs_stage *stage, struct rs_error *error);
/* After rs_stage_send failed: takes the event out that was refused. false: there is none, or no memory. */
bool rs_stage_take_refused(struct rs_stage *stage, struct rs_stage_refusal *out);

#endif
