/* source: where records come from. Kafka in the daemon, files in a replay, arrays in tests.
 * Records of a partition come in offset order and belong to exactly one worker.
 * Thread: take, release, done and lag on the worker's thread that is named; each worker its own batch. */
#ifndef RS_BASE_SOURCE_H
#define RS_BASE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/record.h"

enum rs_source_event_kind {
    RS_SOURCE_RECORDS,  /* a run of records of one partition, ascending offsets */
    RS_SOURCE_ASSIGNED, /* the partition is the worker's: it answers with `start`, or keeps one that was
                           revoked and of which it has not let go */
    RS_SOURCE_REVOKED,  /* it is to be another's, or is already: records still come; answer with `done` */
    RS_SOURCE_STOPPED,  /* the partition cannot go on: `error` says why and how to mend it */
};

struct rs_source_event {
    enum rs_source_event_kind kind;
    uint32_t stream;
    int32_t partition;
    const struct rs_record *records;
    size_t count;
    const struct rs_error *error;
    bool has_start; /* ASSIGNED: where to begin if there is no state is said by `start`, an offset or
                      RS_OFFSET_BEGINNING; else at the oldest record */
    int64_t start;
};

struct rs_source_ops {
    /* Next event for the worker; never blocks. false: nothing now. Records live until `release`; while a run
     * is held no other run comes, but all other events do, so that a worker that waits for room hears of a
     * revocation. */
    bool (*take)(void *self, uint32_t worker, struct rs_source_event *out);
    void (*release)(void *self, uint32_t worker);
    /* Begin reading an assigned partition at `offset` (RS_OFFSET_BEGINNING: the oldest there is), or, at any
     * time while the partition is owned, read on from there instead: before or behind where the reading
     * stands, also when it has STOPPED. From the call on no record of the earlier reading comes, and none of
     * its STOPPED; a run that is held stays held. The newest call counts. RS_EINVAL: not owned. */
    RS_MUST_USE int (*start)(void *self, uint32_t stream, int32_t partition, int64_t offset,
                             struct rs_error *error);
    /* No record of it comes, and none is fetched, until the next `start`. A run that is held stays held. */
    void (*pause)(void *self, uint32_t stream, int32_t partition);
    /* The worker has let go of a revoked partition: no record of it comes any more. */
    void (*done)(void *self, uint32_t stream, int32_t partition);
    /* Offset after the newest record known in the partition; -1: not known. Cheap. */
    int64_t (*end_offset)(void *self, uint32_t stream, int32_t partition);
    /* For lag monitoring only: the input is durable up to here. May be NULL. */
    void (*committed)(void *self, uint32_t stream, int32_t partition, int64_t next_offset);
    int (*wake_fd)(void *self, uint32_t worker); /* readable when `take` has something; -1: poll */
};

#define RS_OFFSET_BEGINNING (-2)

struct rs_source {
    void *self;
    const struct rs_source_ops *ops;
};

#endif
