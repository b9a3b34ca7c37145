/* lifecycle: a partition's way through the worker, from the assignment until it is let go, as one table of
 * event × phase → action, next phase. Every change of phase in this room is a row of it (lifecycle.c) and
 * happens in rs_worker_partition_event.
 *
 *     assigned
 *        │
 *        ▼     claim              restored           the worker ends
 *     WAITING ───────▶ RESTORING ─────────▶ RUNNING ─────────────────▶ CLOSING ───┐
 *        ▲                 │                 │ │ ▲                         │      │ all is published
 *        │ lost, in doubt  │                 │ │ │ assigned again          │      │ and sealed, or
 *        ├─────────────────┴─────────────────┘ │ ├────────────┐            │      │ no time is left
 *        │                             revoked │ │     30 s   │            │      │
 *        │                                     └▶SERVING ──▶ LEAVING ──────┼──────┤
 *        │                                           │          │          │      ▼
 *        │ assigned again                            │ lost     │ lost     │     let go
 *        └──────────────────────────────── DROPPED ◀─┴──────────┴──────────┘      ▲
 *                                             │ end of the turn                   │
 *                                             └───────────────────────────────────┘
 *
 *     What cannot go on becomes STOPPED (or FENCED) and waits for an operator; from SERVING and LEAVING it
 *     becomes BROKEN: let go at the end of the turn, or STOPPED if it is assigned again before that.
 *
 * Thread:    the worker's own.
 * Invariant: a partition has a state (owned->state) in RUNNING, SERVING, LEAVING and CLOSING, and none in
 *            DROPPED and FENCED, for what it held may be published by nobody but its owner.
 *            In WAITING and DROPPED the state log is released and says nothing of the partition.
 *            Only the phases that rs_phase_owns names make batches, for the sink and for the state log. */
#ifndef RS_TRANSFORM_WORKER_LIFECYCLE_H
#define RS_TRANSFORM_WORKER_LIFECYCLE_H

#include <stdbool.h>

#include "base/error.h"

struct rs_worker_partition;
struct rs_state_event;
struct rs_view_batch;
struct rs_worker;

/* Others see the fewer phases of enum rs_partition_phase: snapshot.c. */
enum rs_phase {
    RS_PHASE_WAITING,   /* to be claimed at claim_due_us */
    RS_PHASE_RESTORING, /* the claim is on its way, or in the log, and the state before it is being read */
    RS_PHASE_RUNNING,   /* records are applied, views published, batches sealed */
    RS_PHASE_SERVING,   /* the same after it was revoked, until another has claimed it or leave_by_us */
    RS_PHASE_LEAVING,   /* revoked, takes no more input: what is dirty is published and sealed */
    RS_PHASE_CLOSING,   /* the same because the worker ends: nobody has said that it is to be another's */
    RS_PHASE_DROPPED,   /* was to go and is another's now: let go at the end of the turn */
    RS_PHASE_STOPPED,   /* cannot go on before somebody mends what `error` says */
    RS_PHASE_BROKEN,    /* it was leaving and failed: let go at the end of the turn, without another report */
    RS_PHASE_FENCED, /* another publishes it, and there is no state log that would decide between the two */
    RS_PHASE_COUNT,
    RS_PHASE_GONE = RS_PHASE_COUNT, /* let go: the partition's memory is free */
};

enum rs_life {
    RS_LIFE_NONE,
    /* the source */
    RS_LIFE_ASSIGNED, /* again: it is here already. Not while the worker ends */
    RS_LIFE_REVOKED,
    RS_LIFE_SOURCE_STOPPED, /* cause: error */
    /* time, and the worker */
    RS_LIFE_CLAIM_DUE,
    RS_LIFE_SERVED, /* on for long enough, or there is no reason to serve it on */
    RS_LIFE_LEFT,   /* nothing keeps it here */
    RS_LIFE_END,    /* the worker ends */
    /* the state log; cause: log */
    RS_LIFE_STATE, /* a piece of the state before the claim */
    RS_LIFE_CLAIMED,
    RS_LIFE_LOST,
    RS_LIFE_UNSURE,
    RS_LIFE_LOG_FAILED,
    /* the sink; cause: batch */
    RS_LIFE_FENCED,
    RS_LIFE_FENCED_FOR_GOOD, /* by a log that knows no claims of others */
    /* what an action or a batch came to */
    RS_LIFE_NOT_CLAIMED, /* error */
    RS_LIFE_RESTORED,    /* log */
    RS_LIFE_UNREADY,     /* error: cannot be restored yet */
    RS_LIFE_UNREADABLE,  /* error: cannot be restored at all */
    RS_LIFE_UNWRITTEN,   /* memory ran out while its state was written */
    RS_LIFE_FAILED,      /* error */
    RS_LIFE_COUNT,
};

/* What an event brings with it. Its actions set `error` for an event that they make follow. */
struct rs_cause {
    const struct rs_state_event *log;
    const struct rs_view_batch *batch;
    struct rs_error error;
};

/* Moves the partition to the row's next phase, then acts; what the action came to is the next event. An event
 * without a row for the phase is a fault of the program. False: the partition was let go, `owned` is free. */
bool rs_worker_partition_event_with(struct rs_worker *worker, struct rs_worker_partition *owned,
                                    enum rs_life event, struct rs_cause *cause);
bool rs_worker_partition_event(struct rs_worker *worker, struct rs_worker_partition *owned,
                               enum rs_life event);

/* Steps of a turn: what time and the state log bring. */
void rs_worker_claims(struct rs_worker *worker);
void rs_worker_log_events(struct rs_worker *worker);
void rs_worker_commits(struct rs_worker *worker);
void rs_worker_leaving(struct rs_worker *worker);
/* No partition takes more input; each is let go once what it has is published and sealed. */
void rs_worker_end(struct rs_worker *worker);

/* Its records are applied. */
static inline bool rs_phase_reads(enum rs_phase phase)
{
    return phase == RS_PHASE_RUNNING || phase == RS_PHASE_SERVING;
}

/* No more input, the rest goes out. */
static inline bool rs_phase_drains(enum rs_phase phase)
{
    return phase == RS_PHASE_LEAVING || phase == RS_PHASE_CLOSING;
}

/* The claim is this instance's as far as it knows: it may publish and seal. */
static inline bool rs_phase_owns(enum rs_phase phase)
{
    return rs_phase_reads(phase) || rs_phase_drains(phase);
}

#endif
