/* letter topics: sees to it that the topics of dead letters are there: they are made, or it is told how to
 * make them. Nothing here waits for a broker but the look whether a topic that must not be made exists (a
 * second at most).
 * Thread: the one that serves the dead letters.
 * Owns: copies of the names. */
#ifndef RS_SINK_DEADLETTER_TOPICS_H
#define RS_SINK_DEADLETTER_TOPICS_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/kafka/admin.h"
#include "base/report.h"

/* Of topics that are made: people look at dead letters within a month or not at all. */
#define RS_DEAD_LETTER_RETENTION_MS "2592000000"
#define RS_DEAD_LETTER_MISSING_MAX  1280

/* What a topic of this name is made with. `replication_factor` <= 0: the broker's default. */
struct rs_kafka_new_topic rs_dead_letter_topic_new(const char *name, int32_t replication_factor);

struct rs_dead_letter_topics;

struct rs_dead_letter_topics_options {
    const char *const *topics; /* by stream; NULL: none; borrowed, as long as this lives */
    size_t streams;
    int32_t replication_factor;   /* of topics that are made; <= 0: the broker's default */
    const struct rs_clock *clock; /* borrowed */
    struct rs_report report;
};

/* NULL: out of memory. */
struct rs_dead_letter_topics *rs_dead_letter_topics_new(const struct rs_dead_letter_topics_options *options);
/* The name that options.topics has for it now: it had none before, or is the same. */
void rs_dead_letter_topics_add(struct rs_dead_letter_topics *topics, size_t stream);
void rs_dead_letter_topics_free(struct rs_dead_letter_topics **topics);

/* The producer to ask with; answers wake `wake_fd`. Closed before the producer is destroyed. */
void rs_dead_letter_topics_open(struct rs_dead_letter_topics *topics, rd_kafka_t *producer, int wake_fd);
void rs_dead_letter_topics_close(struct rs_dead_letter_topics *topics);

/* Asks what is due and takes answers. True: a topic that was missing is there. */
bool rs_dead_letter_topics_serve(struct rs_dead_letter_topics *topics);
/* A dead letter was refused because there is no such topic: it is looked for again. */
void rs_dead_letter_topics_doubt(struct rs_dead_letter_topics *topics, size_t stream);
/* It is not there and cannot be made: dead letters had better wait here. */
bool rs_dead_letter_topics_missing(const struct rs_dead_letter_topics *topics, size_t stream);
/* How many are missing; `out` gets what is to be done about the first. */
size_t rs_dead_letter_topics_report(const struct rs_dead_letter_topics *topics,
                                    char out[RS_DEAD_LETTER_MISSING_MAX]);

#endif
