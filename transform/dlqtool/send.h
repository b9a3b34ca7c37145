/* send: letters of one partition of a dead-letter topic back into a topic, each once.
 *
 * Kafka has no write to two topics at once that this project would trust, so that a kill between sending and
 * noting it has to be survived. Each record that is sent carries the name of its letter; markers in the
 * dead-letter topic say what was sent:
 *
 *     begin(after) ─▶ batch: records ─▶ acknowledged ─▶ sent(letters, after) ─▶ … ─▶ end
 *
 * `after` are offsets of the other topic below which nothing lies that was sent and is not in a marker. Whoever
 * finds a session that did not end takes over: it begins with that session's `after`, waits until nothing of it
 * can be under way any more, and looks in the other topic, from there on, for records that carry names of
 * letters. These are sent, whether a marker says so or not.
 *
 * The session that began last is the one that goes on. Each looks, before every batch, whether another has begun
 * since, and then ends; a look is good for LOOK_US, and what is not delivered DELIVER_MS later is given up. So
 * TAKE_OVER_US after a session began, whatever another one sends is in the topic or never will be. Where offsets
 * to look from are asked for, that is before the markers are read: a session that begins meanwhile sends behind
 * them.
 * Thread: one. */
#ifndef RS_TRANSFORM_DLQTOOL_SEND_H
#define RS_TRANSFORM_DLQTOOL_SEND_H

#include "transform/dlqtool/internal.h"

#define RS_DLQ_LOOK_US      INT64_C(2000000)
#define RS_DLQ_DELIVER_MS   "6000"
#define RS_DLQ_TAKE_OVER_US INT64_C(10000000)

struct rs_dlq_sender;

/* `to` is borrowed. RS_ECONFIG, RS_ENOMEM. */
RS_MUST_USE int rs_dlq_sender_new(struct rs_dlq_tool *tool, const char *to, struct rs_dlq_sender **out,
                                  struct rs_error *error);
void rs_dlq_sender_free(struct rs_dlq_sender **sender);

/* Offsets of `to` and the markers of a partition, read in this order. Writes nothing. [*first, *end) is what the
 * partition holds. */
RS_MUST_USE int rs_dlq_sender_look(struct rs_dlq_sender *sender, const char *topic, int32_t partition,
                                   struct rs_dlq_marks *marks, int64_t *first, int64_t *end,
                                   struct rs_error *error);
/* Then: what an unfinished session has sent and not noted, where none is begun that would take it over. */
RS_MUST_USE int rs_dlq_sender_search(struct rs_dlq_sender *sender, struct rs_dlq_marks *marks,
                                     struct rs_error *error);
/* Or: begins a session, with what happened since the look, which ended at `end`. RS_EBROKER. */
RS_MUST_USE int rs_dlq_sender_begin(struct rs_dlq_sender *sender, struct rs_dlq_marks *marks, int64_t end,
                                    struct rs_error *error);
/* Into this partition of `to`, or, RD_KAFKA_PARTITION_UA, where the key says. Waits as long as --rate asks.
 * RS_EBROKER: it is not known whether it was sent, or another session has begun; the next run finds out. */
RS_MUST_USE int rs_dlq_sender_put(struct rs_dlq_sender *sender, const struct rs_dlq_letter *letter,
                                  int32_t partition, struct rs_error *error);
RS_MUST_USE int rs_dlq_sender_end(struct rs_dlq_sender *sender, struct rs_error *error);

struct rs_dlq_sent {
    uint64_t sent, refused; /* by the topic, for what they are */
};
struct rs_dlq_sent rs_dlq_sender_counts(const struct rs_dlq_sender *sender);

#endif
