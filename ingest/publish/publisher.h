/* publisher: encoded events to one Kafka topic, idempotent, acks=all.
 * Messages are queued, sent in batches and retried by librdkafka; a failure comes back once a message's time
 * is up, or at once where librdkafka refuses the message, as it does with all after a fatal error. Where the
 * queue is full `put` waits for room, which is how a slow broker slows the caller down.
 * Thread: put, flush, statistics, interrupt: any. The callbacks run on the publisher's own thread, never
 *         inside a call.
 * Limits: the stage (ingest/publish/stage.h), where events wait 2 ms at most for others of their partition
 *         unless linger.ms is smaller; the queue (queue.buffering.max.messages and .kbytes, here 100,000 and 64 MiB
 *         unless configured). */
#ifndef RS_INGEST_PUBLISH_PUBLISHER_H
#define RS_INGEST_PUBLISH_PUBLISHER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/config/config.h"
#include "base/error.h"
#include "base/slice.h"

struct rs_publisher;

struct rs_publisher_failure {
    struct rs_slice key;
    struct rs_slice value;
    void *tag;
    const char *text;
};

struct rs_publisher_options {
    const struct rs_config_node *kafka; /* checked; NULL: none */
    const char *topic;
    const char *brokers; /* instead of the section's; NULL: none */
    int64_t timeout_ms;  /* of one message, waiting for room included; 0: the section's message.timeout.ms,
                            else 30 s */
    void (*on_failure)(void *self, const struct rs_publisher_failure *failure); /* may be NULL */
    void (*on_log)(void *self, int level, const char *text); /* syslog level; may be NULL */
    /* No broker has answered for a second or two: for whom is waited and why; and that they answer again. May
     * be NULL. */
    void (*on_wait)(void *self, const char *text);
    void *self;
};

struct rs_publisher_statistics {
    uint64_t published; /* taken by put */
    uint64_t delivered; /* acknowledged by all in-sync replicas */
    uint64_t failed;
    uint64_t queued;
    uint64_t bytes; /* of keys and values taken */
};

/* Errors: RS_ECONFIG, RS_ENOMEM, RS_EBROKER. Does not wait for a broker. */
RS_MUST_USE int rs_publisher_new(const struct rs_publisher_options *options, struct rs_publisher **out,
                                 struct rs_error *error);
/* Gives up what is still queued, without callbacks. */
void rs_publisher_free(struct rs_publisher **publisher);

/* Waits until a broker has answered for the topic. RS_ETIMEOUT (names the last fault), RS_EBROKER (the topic
 * cannot be written), RS_EINVAL: interrupted. */
RS_MUST_USE int rs_publisher_connect(struct rs_publisher *publisher, int64_t timeout_ms,
                                     struct rs_error *error);

/* Copies and queues. key.data NULL: none. RS_ETIMEOUT: no room within the timeout; RS_ERECORD: the message is
 * too large; RS_EPRODUCER: a fatal error, nothing can be published any more; RS_EINVAL: interrupted. */
RS_MUST_USE int rs_publisher_put(struct rs_publisher *publisher, struct rs_slice key, struct rs_slice value,
                                 void *tag, struct rs_error *error);

/* Waits until nothing is queued. RS_ETIMEOUT: something still is; RS_EINVAL: interrupted. Failures are
 * counted and told by the callback before this returns. */
RS_MUST_USE int rs_publisher_flush(struct rs_publisher *publisher, int64_t timeout_ms,
                                   struct rs_error *error);

/* Makes the waiting calls of all threads return, now and from now on. Async-signal-safe. false: goes on
 * again. */
void rs_publisher_interrupt(struct rs_publisher *publisher, bool on);

void rs_publisher_statistics(struct rs_publisher *publisher, struct rs_publisher_statistics *out);

#endif
