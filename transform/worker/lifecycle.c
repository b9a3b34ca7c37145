/* The table of a partition's life, and what moves it: its reasons are told row by row. */
#include "transform/worker/lifecycle.h"

#include "transform/worker/internal.h"

#define EVENTS_PER_TURN 64
#define BYTES_PER_TURN  ((size_t)512 << 10) /* of stored state: some milliseconds */

/* ---- the table ---- */

struct change {
    rs_worker_partition_action action; /* NULL: the event cannot come in this phase */
    enum rs_phase next;
};

static enum rs_life ignore(struct rs_worker *worker, struct rs_worker_partition *owned,
                           struct rs_cause *cause)
{
    (void)worker;
    (void)owned;
    (void)cause;
    return RS_LIFE_NONE;
}

#define IN(phase, action, next) [RS_PHASE_##phase] = {action, RS_PHASE_##next}

/* A row that is not here cannot happen:
 * - The log has been released in WAITING and DROPPED, so nothing comes from it; FENCED belongs to a log that
 *   speaks only when it is asked.
 * - An answer of the sink counts only if its batch is of this claim (epoch), and a batch is made only by who
 *   owns. So FENCED comes where the partition owns, or has stopped or broken since.
 * - Who has lost the partition on its way out goes at the end of the turn, before anything is due again. */
static const struct change table[RS_LIFE_COUNT][RS_PHASE_COUNT] = {
    /* It was revoked and is assigned again, or assigned twice. In each phase the log is listened to often for
     * a while (kept_us), since a claim of whoever had it in between may be under way. What was due later is
     * done now: there is no other instance left to wait for. While it was leaving, records were passed over,
     * so the input is read again from where it stood. Where the worker ends the event is not raised. */
    [RS_LIFE_ASSIGNED] =
        {
            IN(WAITING, rs_leave_keep_claim, WAITING),
            IN(RESTORING, rs_leave_keep, RESTORING),
            IN(RUNNING, rs_leave_keep, RUNNING),
            IN(SERVING, rs_leave_keep, RUNNING),
            IN(LEAVING, rs_leave_keep_reading, RUNNING),
            IN(DROPPED, rs_leave_keep_claim, WAITING),
            IN(STOPPED, rs_leave_keep, STOPPED),
            IN(BROKEN, rs_leave_keep, STOPPED), /* ours again, so that it has to be reported */
            IN(FENCED, rs_leave_keep, FENCED),
        },
    /* The group takes a second and more until the next owner hears of it, and may have taken the partition
     * for no reason but that its coordinator was away. All the while it is served; the next owner's claim, in
     * the log or at the fence, is what ends that. What does not run has nothing to hand over. */
    [RS_LIFE_REVOKED] =
        {
            IN(WAITING, rs_leave_let_go, GONE),
            IN(RESTORING, rs_leave_let_go, GONE),
            IN(RUNNING, rs_leave_serve_on, SERVING),
            IN(SERVING, rs_leave_serve_on, SERVING), /* the time begins anew */
            IN(LEAVING, ignore, LEAVING),            /* it goes with what is dirty and not sealed */
            IN(CLOSING, ignore, CLOSING),            /* the same */
            IN(DROPPED, ignore, DROPPED),            /* it goes at the end of the turn */
            IN(STOPPED, rs_leave_let_go, GONE),
            IN(BROKEN, rs_leave_let_go, GONE),
            IN(FENCED, rs_leave_let_go, GONE),
        },
    /* The state is kept: what it knows is published, and its memory counts, until it is let go. */
    [RS_LIFE_SOURCE_STOPPED] =
        {
            IN(WAITING, ignore, WAITING),     /* of a reading before the claim; a new one begins after it */
            IN(RESTORING, ignore, RESTORING), /* the same */
            IN(RUNNING, rs_lose_fail, STOPPED),
            IN(SERVING, rs_lose_fail, BROKEN),
            IN(LEAVING, rs_lose_fail, BROKEN),
            IN(CLOSING, rs_lose_fail, STOPPED),
            IN(DROPPED, rs_lose_fail, BROKEN),
            IN(STOPPED, rs_lose_fail, STOPPED), /* the newer reason is reported */
            IN(BROKEN, rs_lose_fail, BROKEN),
            IN(FENCED, rs_lose_fail, STOPPED),
        },

    /* A claim goes out from WAITING alone, so that there is one on its way at most: a second would make void
     * what is written under the first. */
    [RS_LIFE_CLAIM_DUE] =
        {
            IN(WAITING, rs_claim_send, RESTORING),
        },
    [RS_LIFE_NOT_CLAIMED] =
        {
            IN(RESTORING, rs_claim_later, WAITING),
        },
    [RS_LIFE_STATE] =
        {
            IN(RESTORING, rs_claim_restore, RESTORING),
        },
    /* The state is whole before the phase is RUNNING: no record is ever applied to half a state. */
    [RS_LIFE_CLAIMED] =
        {
            IN(RESTORING, rs_claim_won, RESTORING),
        },
    [RS_LIFE_RESTORED] =
        {
            IN(RESTORING, rs_claim_run, RUNNING),
        },
    /* Trouble that passes is tried again. A log that holds what this program cannot read is not: each claim
     * would be one more record in it, and the input may not reach back far enough to do without. */
    [RS_LIFE_UNREADY] =
        {
            IN(RESTORING, rs_lose_unready, WAITING),
        },
    [RS_LIFE_UNREADABLE] =
        {
            IN(RESTORING, rs_lose_unreadable, STOPPED),
        },

    /* Another claim is in the log. All that this instance holds is void from there on, so it is dropped at
     * once. Whoever is still assigned claims again after a while: the log decides. One that was to go has
     * found its successor, which is no trouble. In STOPPED and BROKEN a batch that was
     * sent before may tell. */
    [RS_LIFE_LOST] =
        {
            IN(RESTORING, rs_lose_claimed, WAITING),
            IN(RUNNING, rs_lose_claimed, WAITING),
            IN(SERVING, rs_lose_handed_over, DROPPED),
            IN(LEAVING, rs_lose_handed_over, DROPPED),
            IN(CLOSING, rs_lose_claimed, DROPPED),
            IN(STOPPED, rs_lose_claimed, WAITING),
            IN(BROKEN, rs_lose_handed_over, DROPPED),
        },
    /* Nobody knows whether an append is in the log. Claiming anew is the way to find out: what stands before
     * the claim's own offset is settled. */
    [RS_LIFE_UNSURE] =
        {
            IN(RESTORING, rs_lose_unsure, WAITING),
            IN(RUNNING, rs_lose_unsure, WAITING),
            IN(SERVING, rs_lose_unsure, DROPPED),
            IN(LEAVING, rs_lose_unsure, DROPPED),
            IN(CLOSING, rs_lose_unsure, DROPPED),
            IN(STOPPED, rs_lose_unsure, WAITING),
            IN(BROKEN, rs_lose_unsure, DROPPED),
        },
    /* A batch that is not written to its end leaves marks in the state with which no other could begin. */
    [RS_LIFE_UNWRITTEN] =
        {
            IN(RUNNING, rs_lose_unwritten, WAITING),
            IN(SERVING, rs_lose_unwritten, DROPPED),
            IN(LEAVING, rs_lose_unwritten, DROPPED),
            IN(CLOSING, rs_lose_unwritten, DROPPED),
        },
    /* The log says that it is damaged or refuses this instance for good. */
    [RS_LIFE_LOG_FAILED] =
        {
            IN(RESTORING, rs_lose_log, STOPPED),
            IN(RUNNING, rs_lose_log, STOPPED),
            IN(SERVING, rs_lose_log, BROKEN),
            IN(LEAVING, rs_lose_log, BROKEN),
            IN(CLOSING, rs_lose_log, STOPPED),
            IN(STOPPED, rs_lose_log, STOPPED),
            IN(BROKEN, rs_lose_log, BROKEN),
        },
    /* The input does not begin, or the counts of what is to be sealed do not balance. */
    [RS_LIFE_FAILED] =
        {
            IN(RUNNING, rs_lose_fail, STOPPED),
            IN(SERVING, rs_lose_fail, BROKEN),
            IN(LEAVING, rs_lose_fail, BROKEN),
            IN(CLOSING, rs_lose_fail, STOPPED),
        },

    /* Redis has a larger token, which is the offset of a later claim: the same as LOST, heard of earlier. */
    [RS_LIFE_FENCED] =
        {
            IN(RUNNING, rs_lose_fenced, WAITING),
            IN(SERVING, rs_lose_published, DROPPED),
            IN(LEAVING, rs_lose_published, DROPPED),
            IN(CLOSING, rs_lose_fenced, DROPPED),
            IN(STOPPED, rs_lose_fenced, WAITING),
            IN(BROKEN, rs_lose_published, DROPPED),
        },
    /* Without a log that knows of claims a token is the time of the claim. Claiming again would take the
     * partition back from an instance that may be right, and the two would do so in turns. */
    [RS_LIFE_FENCED_FOR_GOOD] =
        {
            IN(RUNNING, rs_lose_for_good, FENCED),
            IN(LEAVING, rs_lose_published, DROPPED),
            IN(CLOSING, rs_lose_for_good, FENCED),
            IN(STOPPED, rs_lose_for_good, FENCED),
            IN(BROKEN, rs_lose_published, DROPPED),
        },

    /* Nobody has claimed it. Then it goes with all it has: whoever comes later finds it sealed. */
    [RS_LIFE_SERVED] =
        {
            IN(SERVING, rs_leave_drain, LEAVING),
        },
    [RS_LIFE_LEFT] =
        {
            IN(SERVING, rs_leave_let_go, GONE), /* revoked before it had anything to show or to seal */
            IN(LEAVING, rs_leave_let_go, GONE),
            IN(CLOSING, rs_leave_let_go, GONE),
            IN(DROPPED, rs_leave_let_go, GONE),
            IN(BROKEN, rs_leave_let_go, GONE),
        },
    /* Raised once when the worker is told to end, and at the end of each turn for what is not on its way out
     * by itself: nothing stays that has nothing to hand over. */
    [RS_LIFE_END] =
        {
            IN(WAITING, rs_leave_let_go, GONE),
            IN(RESTORING, rs_leave_let_go, GONE),
            IN(RUNNING, rs_leave_drain, CLOSING),
            IN(SERVING, rs_leave_drain, LEAVING),
            IN(LEAVING, ignore, LEAVING), /* its time goes on as it began */
            IN(CLOSING, ignore, CLOSING), /* the same */
            IN(DROPPED, ignore, DROPPED), /* it goes at the end of the turn */
            IN(STOPPED, rs_leave_let_go, GONE),
            IN(BROKEN, rs_leave_let_go, GONE),
            IN(FENCED, rs_leave_let_go, GONE),
        },
};

/* The phase is changed before the action: an action that fails says so by an event of its own, which is
 * looked up in the new phase. So no action has to undo a change of phase, or to know which one it was. */
bool rs_worker_partition_event_with(struct rs_worker *worker, struct rs_worker_partition *owned,
                                    enum rs_life event, struct rs_cause *cause)
{
    while (event != RS_LIFE_NONE) {
        const struct change *change = &table[event][owned->phase];
        RS_ASSERT(change->action != NULL);
        owned->phase = change->next;
        event = change->action(worker, owned, cause);
        if (change->next == RS_PHASE_GONE) {
            return false;
        }
    }
    return true;
}

bool rs_worker_partition_event(struct rs_worker *worker, struct rs_worker_partition *owned,
                               enum rs_life event)
{
    struct rs_cause cause = {0};

    return rs_worker_partition_event_with(worker, owned, event, &cause);
}

/* ---- what the state log brings ---- */

/* COMMITTED is no event of the table: in every phase it ends a batch and nothing else. */
static void on_log_event(struct rs_worker *worker, struct rs_worker_partition *owned,
                         const struct rs_state_event *event)
{
    struct rs_cause cause = {.log = event};

    switch (event->kind) {
    case RS_STATE_BATCH:
    case RS_STATE_CHUNK:
    case RS_STATE_VOID: (void)rs_worker_partition_event_with(worker, owned, RS_LIFE_STATE, &cause); break;
    case RS_STATE_CLAIMED:
        (void)rs_worker_partition_event_with(worker, owned, RS_LIFE_CLAIMED, &cause);
        break;
    case RS_STATE_COMMITTED: rs_worker_partition_committed(worker, owned, event->seal.next_offset); break;
    case RS_STATE_LOST: (void)rs_worker_partition_event_with(worker, owned, RS_LIFE_LOST, &cause); break;
    case RS_STATE_UNSURE: (void)rs_worker_partition_event_with(worker, owned, RS_LIFE_UNSURE, &cause); break;
    case RS_STATE_FAILED:
        (void)rs_worker_partition_event_with(worker, owned, RS_LIFE_LOG_FAILED, &cause);
        break;
    case RS_STATE_MORE: break;
    }
}

/* In portions: while one partition is restored the others have their turns. */
void rs_worker_log_events(struct rs_worker *worker)
{
    const struct rs_state_log *log = &worker->options.log;
    struct rs_state_event event;
    size_t bytes = 0;

    for (int i = 0; i < EVENTS_PER_TURN && bytes < BYTES_PER_TURN; i++) {
        if (!log->ops->take(log->self, worker->options.index, &event)) {
            worker->log_more = false;
            return;
        }
        struct rs_worker_partition *owned = rs_worker_find(worker, event.id.stream, event.id.partition);
        bytes += event.bytes.size;
        if (event.kind == RS_STATE_MORE) {
            break;
        }
        if (owned) {
            on_log_event(worker, owned, &event);
        }
    }
    worker->log_more = true;
}

/* ---- what time brings ---- */

void rs_worker_claims(struct rs_worker *worker)
{
    for (size_t i = 0; i < worker->owned_count; i++) {
        struct rs_worker_partition *owned = worker->owned[i];
        if (owned->phase == RS_PHASE_WAITING && worker->now_us >= owned->claim_due_us) {
            (void)rs_worker_partition_event(worker, owned, RS_LIFE_CLAIM_DUE);
        }
    }
}

/* Partitions that were claimed together are due together: they take turns at what a turn may write. */
void rs_worker_commits(struct rs_worker *worker)
{
    struct rs_cause cause = {0};
    size_t first = worker->commit_next;

    rs_worker_commit_turn(worker);
    for (size_t i = 0; i < worker->owned_count; i++) {
        size_t at = (first + i) % worker->owned_count;
        struct rs_worker_partition *owned = worker->owned[at];
        if (rs_phase_owns(owned->phase)) {
            bool room = worker->commit_room > 0;
            enum rs_life event = rs_worker_partition_commit(worker, owned, &cause);
            (void)rs_worker_partition_event_with(worker, owned, event, &cause);
            worker->commit_next = room && worker->commit_room == 0 ? at + 1 : worker->commit_next;
        }
    }
}

/* What is over at the end of a turn. */
static enum rs_life leaving(const struct rs_worker *worker, const struct rs_worker_partition *owned)
{
    switch (owned->phase) {
    case RS_PHASE_SERVING: return worker->now_us >= owned->leave_by_us ? RS_LIFE_SERVED : RS_LIFE_NONE;
    case RS_PHASE_LEAVING:
    case RS_PHASE_CLOSING: return rs_leave_done(worker, owned) ? RS_LIFE_LEFT : RS_LIFE_NONE;
    case RS_PHASE_DROPPED:
    case RS_PHASE_BROKEN: return RS_LIFE_LEFT;
    default: return worker->stopping ? RS_LIFE_END : RS_LIFE_NONE;
    }
}

/* From the end, since those that are let go leave the list. */
void rs_worker_leaving(struct rs_worker *worker)
{
    for (size_t i = worker->owned_count; i-- > 0;) {
        struct rs_worker_partition *owned = worker->owned[i];
        enum rs_life event = RS_LIFE_NONE;
        do {
            event = leaving(worker, owned);
        } while (event != RS_LIFE_NONE && rs_worker_partition_event(worker, owned, event));
    }
}

void rs_worker_end(struct rs_worker *worker)
{
    worker->stopping = true;
    for (size_t i = worker->owned_count; i-- > 0;) {
        (void)rs_worker_partition_event(worker, worker->owned[i], RS_LIFE_END);
    }
}
