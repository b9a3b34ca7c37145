/* dead letters: records that are not acceptable, into a Kafka topic per stream.
 * Key, value and headers are the original's, byte for byte. Added headers: rollstat.reason (stable name),
 * .text, .topic, .partition, .offset, .time (the record's own timestamp, ISO 8601; absent without one), and
 * .rule, .field, .byte and .schema where they are known: see base/dead_letter.h. A letter that the topic does not take, however alone it is sent, is cut until it fits, see message.h: headers
 * say what is missing, and the original is still in its own topic at that offset. What is refused even then,
 * or for another reason that lies in the record, is dropped: told with topic, partition and offset, and
 * counted.
 * Producer: idempotent, acks=all, partitioned by key. A topic that cannot be written (away, missing, not
 * authorised) is tried again for ever and loudly: letters are kept, `put` refuses when max_bytes are pending,
 * the partition waits.
 *
 * Thread: put and acknowledged any worker; one thread of its own talks to librdkafka; new, stop, free one
 * owner.
 * Owns: copies of pending letters, at most max_bytes (one letter always fits). */
#ifndef RS_SINK_DEADLETTER_DEAD_LETTERS_H
#define RS_SINK_DEADLETTER_DEAD_LETTERS_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/dead_letter.h"
#include "base/error.h"
#include "base/report.h"
#include "sink/deadletter/topics.h"

struct rs_dead_letters;

struct rs_dead_letters_options {
    rd_kafka_conf_t *conf;           /* Takes: brokers and security; what a producer needs is set here */
    const char *const *topics;       /* by stream; NULL: that stream's letters are not kept, only counted */
    const char *const *input_topics; /* by stream: header rollstat.topic */
    size_t streams;               /* with those that are added later, of which nothing is known yet: NULL */
    size_t max_bytes;             /* 0: 64 MiB */
    int32_t replication_factor;   /* of topics that are made; <= 0: the broker's default */
    const struct rs_clock *clock; /* borrowed */
    /* What an operator should read. Called on the thread of its own, rate-limited. */
    struct rs_report report;
};

/* Does not wait for the broker. Copies the topic names. RS_ENOMEM, RS_EIO, RS_ECONFIG (a property is
 * refused). */
RS_MUST_USE int rs_dead_letters_new(const struct rs_dead_letters_options *options,
                                    struct rs_dead_letters **out, struct rs_error *error);
/* What goes for an input that was not known; before anything of it is put. Any one thread. RS_ENOMEM. */
RS_MUST_USE int rs_dead_letters_add(struct rs_dead_letters *letters, uint32_t stream, const char *topic,
                                    const char *input_topic, struct rs_error *error);
struct rs_dead_letter_sink rs_dead_letters_table(struct rs_dead_letters *letters);

/* Sends what is pending, for at most `within_us`, and ends the thread; returns how many were not
 * acknowledged. `put` refuses afterwards. */
size_t rs_dead_letters_stop(struct rs_dead_letters *letters, int64_t within_us);
void rs_dead_letters_free(struct rs_dead_letters **letters);

struct rs_dead_letters_status {
    uint64_t acknowledged;   /* letters */
    uint64_t cut;            /* of them with something left out, because they were too large */
    uint64_t values_dropped; /* of these with an empty value */
    uint64_t dropped;        /* that no topic takes, however small */
    uint64_t discarded;      /* of streams without a topic */
    uint64_t pending, pending_bytes;
    uint64_t errors;                          /* deliveries that failed and are tried again */
    bool failing;                             /* the newest delivery failed */
    bool stalled;                             /* for ten seconds none was answered */
    size_t topics_missing;                    /* that could not be made */
    char missing[RS_DEAD_LETTER_MISSING_MAX]; /* what is to be done about the first of these */
    char last_error[512];                     /* with the topic; empty: none so far */
    int64_t last_error_us;                    /* wall time */
    char last_dropped[1024]; /* the newest dropped letter, by name, and why; empty: none so far */
};
void rs_dead_letters_status(struct rs_dead_letters *letters, struct rs_dead_letters_status *out);

#endif
