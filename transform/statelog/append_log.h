/* append log: an append-only log per input partition, as Kafka gives it, and nothing more: append, read, trim.
 * What the records mean is protocol.h's business. Two implementations: Kafka (kafka.h), and a log in
 * virtual time for simulation, which delays, loses, repeats and reorders what Kafka may.
 * Everything is asynchronous: calls only begin something, `take` tells how it went.
 * Thread: every call on the thread of the partition's worker. */
#ifndef RS_TRANSFORM_STATELOG_APPEND_LOG_H
#define RS_TRANSFORM_STATELOG_APPEND_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "transform/statelog/log.h"

enum rs_append_event_kind {
    RS_APPEND_DONE,    /* `offset` is where the record stands; -1: it is in the log, but nobody knows where */
    RS_APPEND_REFUSED, /* the record may be in the log or not: `error` */
    RS_APPEND_RECORD,  /* reading: `bytes` stand at `offset` */
    RS_APPEND_END,     /* reading: done. `offset`: the log's first offset (the low watermark) when it began */
    RS_APPEND_BROKEN,  /* reading or the topic itself cannot go on: `error` names topic, partition, remedy.
                       RS_CLASS_RETRY: it may go another time. Else it is final */
    RS_APPEND_TRIMMED, /* `offset`: the log begins there now; -1: refused or failed, `error` */
};

struct rs_append_event {
    enum rs_append_event_kind kind;
    struct rs_partition_id id;
    uint64_t cookie; /* DONE, REFUSED: as given to append */
    int64_t offset;
    int64_t committed; /* END: offset that the consumer group has committed for the input partition; -1: none,
                          or not known. Asked for only where the log was never trimmed (it begins at 0), and
                          before the log's end is: where the log goes on behind `until`, it is -1, since
                          others may have sealed and committed there meanwhile */
    int64_t end;       /* END: offset after the newest record that was known of by then; 0: not known */
    struct rs_slice bytes; /* RECORD; lives until the next `take` of this worker */
    const struct rs_error *error;
};

struct rs_append_log_ops {
    /* Appends a record behind all earlier ones of this partition. Copies. DONE or REFUSED follows, in the order
     * of the appends. RS_ELIMIT: no room now, come again. Appends of one partition are never reordered; once one is
     * REFUSED all later ones that are under way are REFUSED too. */
    RS_MUST_USE int (*append)(void *self, struct rs_partition_id id, struct rs_slice bytes, uint64_t cookie,
                              struct rs_error *error);
    /* Reads the log from its first record to the one at `until`, inclusive: RECORD events in order, then END.
     * One reading of a partition at a time. */
    RS_MUST_USE int (*read)(void *self, struct rs_partition_id id, int64_t until, struct rs_error *error);
    /* Deletes the records before `before`. TRIMMED follows. One at a time of a partition. */
    RS_MUST_USE int (*trim)(void *self, struct rs_partition_id id, int64_t before, struct rs_error *error);
    /* Nothing of the partition is of interest any more: no event about it comes afterwards, also not of what is
     * under way. Records under way may still reach the log. */
    void (*forget)(void *self, struct rs_partition_id id);
    bool (*take)(void *self, uint32_t worker, struct rs_append_event *out);
    int (*wake_fd)(void *self, uint32_t worker); /* readable when `take` has something; -1: poll */
};

struct rs_append_log {
    void *self;
    const struct rs_append_log_ops *ops;
};

#endif
