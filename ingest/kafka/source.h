/* kafka source: the input streams as a member of a consumer group.
 * Two consumers of librdkafka's do it: one is the group's member and fetches nothing, the other fetches and
 * knows no group. So a rebalance touches nothing that is being read; within one consumer it pauses all.
 *
 * Partitions are spread over the workers when they are assigned, each to the worker with the fewest, and stay
 * there as long as they are owned. The records of a worker's partitions arrive in one queue of librdkafka's,
 * which it reads in batches and sleeps on through an eventfd. Nothing is ever paused: a worker that takes no
 * more leaves records in the queue, and past its bounds librdkafka stops fetching.
 *
 * Rebalancing is cooperative, and the group waits for nobody. An assigned partition is told to its worker
 * (ASSIGNED) and fetched only once the worker has answered with an offset (`start`), however long that takes.
 * A revoked partition is told to its worker (REVOKED) and fetched until that lets go of it (`done`): between
 * the two the group has it given to another, and both may read it. Who counts is the state log's to say.
 *
 * Where the input is read from is the caller's business (the state log decides): offsets committed to Kafka
 * are for lag monitoring only. An offset that retention has removed stops the partition with an error;
 * nothing is skipped silently. The offset may be changed at any time (`start` again): the fetch is ended, the
 * worker draws a line, and fetching begins anew, so that nothing of before the line is passed on.
 *
 * Topics of patterns are looked for every few seconds, and the subscription follows what was found: one that is gone
 * is given back. The subscription names topics, so that no pattern is understood in two ways.
 *
 * Thread: one control thread calls everything here but the table; the table as base/source.h says.
 * Owns:   the librdkafka instance and its threads.
 * Limits: RS_KAFKA_BATCH records a run. */
#ifndef RS_INGEST_KAFKA_SOURCE_H
#define RS_INGEST_KAFKA_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/config/config.h"
#include "base/error.h"
#include "base/report.h"
#include "base/source.h"
#include "schemas/stream.h"

#define RS_KAFKA_BATCH 1024

struct rs_kafka_source;

struct rs_kafka_source_options {
    const struct rs_streams *streams;   /* outlives the source */
    const struct rs_config_node *kafka; /* the `kafka` section, checked by rs_kafka_config_check */
    uint32_t workers;
    /* Where there are patterns: a topic that there is. Returns the input that it is, made if need be; NULL: none of
     * ours. Called on the control thread, with each look for topics. */
    const struct rs_stream *(*topic_seen)(void *ctx, const char *topic);
    void *topic_ctx;
    const struct rs_clock *clock;
    /* Lines for the log, on the control thread; librdkafka's own among them. */
    struct rs_report report;
};

RS_MUST_USE int rs_kafka_source_new(const struct rs_kafka_source_options *options,
                                    struct rs_kafka_source **out, struct rs_error *error);
/* Closes first if need be. The workers have stopped by then. */
void rs_kafka_source_free(struct rs_kafka_source **source);

struct rs_source rs_kafka_source_table(struct rs_kafka_source *source);

/* Serves what happened: rebalances, answers of workers, errors, statistics. Call when the descriptor is
 * readable and at least every 100 ms. Waits for no broker: what has to be asked is asked by a thread of its
 * own, and its answer is served here when it is there. */
void rs_kafka_source_poll(struct rs_kafka_source *source);
int rs_kafka_source_fd(const struct rs_kafka_source *source);

/* Whether the group has other members, to which the partitions go at once when this one leaves. */
enum rs_other_members {
    RS_OTHER_MEMBERS_UNKNOWN,  /* not asked, or no answer yet */
    RS_OTHER_MEMBERS_NONE,     /* this one is alone, or leaves nothing to others */
    RS_OTHER_MEMBERS_POSSIBLE, /* there are, or nobody says: the brokers may refuse it or be away */
};
void rs_kafka_source_ask_other_members(struct rs_kafka_source *source);
enum rs_other_members rs_kafka_source_other_members(const struct rs_kafka_source *source);
/* Begins to leave the group; polling goes on with it. Once it has left, or after `timeout_ms`, all partitions
 * are REVOKED, and read until their workers let go. */
void rs_kafka_source_leave(struct rs_kafka_source *source, int timeout_ms);
/* The same, and waits for it. */
void rs_kafka_source_close(struct rs_kafka_source *source, int timeout_ms);

/* The cluster's id, from the metadata that is known: asks nobody. Empty where the group was joined and the
 * brokers still gave none (older than 0.10.1). False: not known yet. Control thread. */
#define RS_KAFKA_CLUSTER_MAX 128
bool rs_kafka_source_cluster(struct rs_kafka_source *source, char out[RS_KAFKA_CLUSTER_MAX]);

struct rs_kafka_source_status {
    bool joined;           /* a first assignment arrived, be it an empty one */
    bool topics_missing;   /* at least one topic does not exist */
    bool brokers_down;     /* no broker answers */
    char brokers_why[384]; /* brokers_down: which one was tried last and what it said */
    uint32_t partitions;   /* owned, and those revoked of which a worker has not let go */
    uint32_t stopped;      /* of these: cannot go on */
    uint64_t skipped;      /* records that came again below the expected offset */
    uint64_t rebalances;
    const char *fatal; /* NULL, or why the consumer cannot go on at all; lives as long as the source */
};
void rs_kafka_source_status(struct rs_kafka_source *source, struct rs_kafka_source_status *out);
/* Of a stream with a pattern: topics were looked for and it takes none. Control thread. */
bool rs_kafka_source_finds_none(const struct rs_kafka_source *source, size_t stream);
/* The topic of this input was looked for and does not exist. Control thread. */
bool rs_kafka_source_topic_missing(const struct rs_kafka_source *source, size_t stream);

#endif
