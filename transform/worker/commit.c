/* The worker and the state log: sealing what changed, handing partitions over. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "transform/worker/internal.h"

#define STEPS_PER_TURN   8                      /* of filling a batch; then input gets its turn */
#define NO_ROOM_US       (2 * RS_WORKER_MS)     /* until a log that had no room is asked again */
#define STUCK_US         (10000 * RS_WORKER_MS) /* a batch under way for so long makes input wait */
#define BACKLOG_MAX      ((size_t)2 << 20)
#define AGAIN_US         (1000 * RS_WORKER_MS)  /* until a log that failed at once is asked again */
#define SERVE_ON_US      (30000 * RS_WORKER_MS) /* a partition that nobody else claims */
#define LEAVING_EVERY_US (200 * RS_WORKER_MS)   /* between its batches: what is sealed is not done again */

/* ---- dead letters ---- */

/* Dead letters are acknowledged before what they belong to counts as done. */
static bool letters_done(const struct rs_worker *worker, const struct rs_owned *owned, int64_t next_offset)
{
    const struct rs_dead_letter_sink *letters = &worker->options.letters;

    return letters->ops->acknowledged(letters->self, owned->stream->index, owned->partition) >= next_offset;
}

/* ---- one batch ---- */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static bool balanced(const struct rs_accounting *e)
{
    return e->consumed == e->applied + e->late + e->duplicate + e->rejected + e->filtered;
}

bool rs_owned_kept_lately(const struct rs_worker *worker, const struct rs_owned *owned)
{
    return owned->kept_us != 0 && worker->now_us - owned->kept_us < RS_WORKER_RECLAIM_US;
}

static bool listens_often(const struct rs_worker *worker, const struct rs_owned *owned)
{
    return owned->revoked || rs_owned_kept_lately(worker, owned);
}

int64_t rs_owned_silence_us(const struct rs_worker *worker, const struct rs_owned *owned)
{
    return listens_often(worker, owned) ? LEAVING_EVERY_US : RS_WORKER_SILENT_US;
}

static void begin(struct rs_worker *worker, struct rs_owned *owned)
{
    const struct rs_state_log *log = &worker->options.log;
    struct rs_partition_status status;

    rs_partition_status(owned->state, &status);
    owned->commit_begun_us = worker->now_us;
    owned->commit_due_us = worker->now_us + worker->options.commit_every_us;
    owned->commit_silent_us = worker->now_us + rs_owned_silence_us(worker, owned);
    if (listens_often(worker, owned)) {
        owned->commit_due_us = earlier(owned->commit_due_us, owned->commit_silent_us);
    }
    owned->commit_retry_us = worker->now_us;
    if (!balanced(&status.events)) {
        rs_owned_fail(worker, owned, RS_PARTITION_STOPPED,
                      "stream %s partition %" PRId32
                      ": the accounting does not balance before offset %" PRId64
                      ": nothing of it is sealed. This is a fault of the program; please report it",
                      owned->stream->name, owned->partition, owned->next_offset);
        return;
    }
    if (!rs_worker_remembers(worker)) {
        owned->seal = (struct rs_seal){.next_offset = owned->next_offset};
        owned->head = rs_slice_of(NULL, 0);
        owned->sweep_ends = false;
        owned->commit = RS_COMMIT_LETTERS;
        return;
    }
    rs_partition_seal_begin(owned->state, log->ops->plan(log->self, rs_owned_key(worker, owned)));
    owned->commit = RS_COMMIT_WRITING;
}

/* Sets when to come again where the log took nothing. */
static bool refused(struct rs_worker *worker, struct rs_owned *owned, int rc, const struct rs_error *error)
{
    if (rc == 0) {
        return false;
    }
    owned->commit_retry_us = worker->now_us + NO_ROOM_US;
    if (rc != RS_ELIMIT) {
        owned->commit_retry_us = worker->now_us + AGAIN_US;
        rs_worker_say(worker, RS_LOG_ERROR, "stream %s partition %" PRId32 ": not sealed yet: %s",
                      owned->stream->name, owned->partition, error->text);
    }
    return true;
}

/* False: nothing more can be done in this turn. */
static bool fill(struct rs_worker *worker, struct rs_owned *owned)
{
    const struct rs_state_log *log = &worker->options.log;
    struct rs_slice chunk;
    struct rs_error error;

    switch (rs_partition_seal_step(owned->state, &chunk)) {
    case RS_SEAL_WORKING: return true;
    case RS_SEAL_CHUNK: {
        int rc = log->ops->chunk(log->self, rs_owned_key(worker, owned), chunk, &error);
        if (refused(worker, owned, rc, &error)) {
            return false;
        }
        rs_partition_seal_taken(owned->state);
        return true;
    }
    case RS_SEAL_COMPLETE:
        rs_partition_seal_end(owned->state, &owned->seal, &owned->head, &owned->sweep_ends);
        owned->commit = RS_COMMIT_LETTERS;
        return false;
    case RS_SEAL_FAILED: break;
    }
    rs_worker_say(worker, RS_LOG_ERROR,
                  "stream %s partition %" PRId32
                  ": memory ran out while its state was written; it is read again",
                  owned->stream->name, owned->partition);
    rs_owned_claim_again(worker, owned, AGAIN_US);
    return false;
}

static void seal(struct rs_worker *worker, struct rs_owned *owned)
{
    const struct rs_state_log *log = &worker->options.log;
    struct rs_error error;

    if (!letters_done(worker, owned, owned->seal.next_offset)) {
        return;
    }
    int rc = log->ops->seal(log->self, rs_owned_key(worker, owned), &owned->seal, owned->head,
                            owned->sweep_ends, &error);
    if (!refused(worker, owned, rc, &error)) {
        owned->commit = RS_COMMIT_SENT;
    }
}

static bool unsealed(const struct rs_owned *owned)
{
    return owned->next_offset > owned->committed && owned->next_offset > 0;
}

static int64_t next_batch_us(const struct rs_worker *worker, const struct rs_owned *owned)
{
    if (unsealed(owned)) {
        return owned->commit_due_us;
    }
    bool listens =
        rs_worker_remembers(worker) && owned->phase == RS_PARTITION_RUNNING && owned->committed > 0;
    return listens ? owned->commit_silent_us : RS_WORKER_NEVER;
}

/* A turn of the partition's batch, the next one begun when it is due. */
static void go_on(struct rs_worker *worker, struct rs_owned *owned)
{
    if (owned->commit == RS_COMMIT_NOT && worker->now_us >= next_batch_us(worker, owned)) {
        begin(worker, owned);
    }
    if (worker->now_us < owned->commit_retry_us) {
        return;
    }
    for (int i = 0; i < STEPS_PER_TURN && owned->commit == RS_COMMIT_WRITING; i++) {
        if (!fill(worker, owned)) {
            break;
        }
    }
    if (owned->commit == RS_COMMIT_LETTERS) {
        seal(worker, owned);
    }
}

void rs_worker_commits(struct rs_worker *worker)
{
    for (size_t i = 0; i < worker->owned_count; i++) {
        struct rs_owned *owned = worker->owned[i];
        if (rs_owned_claimed(owned)) {
            go_on(worker, owned);
        }
    }
}

void rs_owned_committed(struct rs_worker *worker, struct rs_owned *owned, int64_t next_offset)
{
    const struct rs_source *source = &worker->options.source;

    if (owned->commit != RS_COMMIT_SENT) {
        return;
    }
    owned->commit = RS_COMMIT_NOT;
    owned->committed = next_offset;
    owned->doubted = false;
    if (source->ops->committed != NULL) {
        source->ops->committed(source->self, owned->stream->index, owned->partition, next_offset);
    }
}

int64_t rs_owned_commit_due(const struct rs_worker *worker, const struct rs_owned *owned)
{
    switch (owned->commit) {
    case RS_COMMIT_NOT: return next_batch_us(worker, owned);
    case RS_COMMIT_WRITING: return owned->commit_retry_us;
    case RS_COMMIT_LETTERS: return worker->now_us + NO_ROOM_US;
    case RS_COMMIT_SENT: break;
    }
    return RS_WORKER_NEVER;
}

bool rs_owned_commit_stuck(const struct rs_worker *worker, const struct rs_owned *owned)
{
    int64_t patience_us = STUCK_US + 2 * worker->options.commit_every_us;

    if (rs_owned_claimed(owned) && rs_partition_seal_backlog(owned->state) > BACKLOG_MAX) {
        return true;
    }
    return rs_owned_claimed(owned) && unsealed(owned) && owned->commit != RS_COMMIT_NOT &&
           worker->now_us - owned->commit_begun_us > patience_us;
}

/* ---- handing over ---- */

static void let_go(struct rs_worker *worker, struct rs_owned *owned)
{
    size_t at = 0;

    while (worker->owned[at] != owned) {
        at++;
    }
    rs_owned_forget_run(worker, owned);
    worker->options.log.ops->release(worker->options.log.self, rs_owned_key(worker, owned));
    worker->options.source.ops->done(worker->options.source.self, owned->stream->index, owned->partition);
    memmove(&worker->owned[at], &worker->owned[at + 1],
            (worker->owned_count - at - 1) * sizeof(struct rs_owned *));
    worker->owned_count--;
    rs_owned_free_state(worker, owned);
    free(owned->counted);
    free(owned);
}

/* No more input: what is dirty is published and sealed. */
void rs_owned_leave(struct rs_worker *worker, struct rs_owned *owned)
{
    if (owned->phase != RS_PARTITION_RUNNING) {
        let_go(worker, owned);
        return;
    }
    owned->phase = RS_PARTITION_LEAVING;
    owned->commit_due_us = worker->now_us;
    owned->leave_by_us = worker->now_us + worker->options.leave_within_us;
}

/* The group takes a second and more until the next owner hears of it, and may have taken the partition for no
 * reason but that its coordinator was away. All the while it is served; the next owner's claim, in the log or
 * at the fence, is what ends that. A log that does not remember knows no claims of others. */
void rs_owned_revoked(struct rs_worker *worker, struct rs_owned *owned)
{
    if (owned->phase == RS_PARTITION_LEAVING) {
        return; /* with what is dirty and not sealed */
    }
    owned->revoked = true;
    if (!rs_worker_remembers(worker) || owned->phase != RS_PARTITION_RUNNING) {
        rs_owned_leave(worker, owned);
        return;
    }
    if (owned->committed <= 0 && !unsealed(owned)) {
        let_go(worker, owned); /* there is nothing yet to show or to seal, nor would a seal tell of a claim */
        return;
    }
    owned->leave_by_us = worker->now_us + SERVE_ON_US;
    owned->commit_due_us = owned->commit_silent_us = worker->now_us;
}

/* While it left, records were passed over. */
static void read_again(struct rs_worker *worker, struct rs_owned *owned)
{
    const struct rs_source *source = &worker->options.source;
    int64_t from = owned->next_offset > 0 ? owned->next_offset : RS_OFFSET_BEGINNING;
    struct rs_error error;

    rs_owned_forget_run(worker, owned);
    owned->phase = RS_PARTITION_RUNNING;
    owned->at_end = false;
    if (source->ops->start(source->self, owned->stream->index, owned->partition, from, &error) != 0) {
        rs_owned_fail(worker, owned, RS_PARTITION_STOPPED, "%s", error.text);
    }
}

/* It was revoked and is assigned again, be it while it leaves. The log tells at once whether another has
 * claimed it meanwhile, and is listened to for a while, since a claim may still be under way. */
void rs_owned_keep(struct rs_worker *worker, struct rs_owned *owned)
{
    if (worker->stopping) {
        return;
    }
    owned->revoked = false;
    owned->kept_us = worker->now_us;
    owned->kept_reclaims = 0;
    owned->commit_silent_us = worker->now_us;
    if (owned->phase == RS_PARTITION_CLAIMING && owned->claim_due_us != RS_WORKER_NEVER) {
        owned->claim_due_us = worker->now_us;
    } else if (owned->phase == RS_PARTITION_LEAVING && owned->state != NULL) {
        read_again(worker, owned);
    } else if (owned->phase == RS_PARTITION_LEAVING) {
        owned->phase = RS_PARTITION_CLAIMING;
        owned->claim_due_us = worker->now_us;
    }
}

/* What is dirty goes out first, then the last batch; whichever does not happen in time is left to the
 * successor, which folds the same records again. */
static bool left(struct rs_worker *worker, struct rs_owned *owned)
{
    if (owned->state == NULL || worker->now_us >= owned->leave_by_us) {
        return true;
    }
    if (rs_owned_publishable(owned) || owned->in_flight > 0) {
        return false;
    }
    return owned->commit == RS_COMMIT_NOT && !unsealed(owned);
}

void rs_worker_leaving(struct rs_worker *worker)
{
    for (size_t i = worker->owned_count; i-- > 0;) {
        struct rs_owned *owned = worker->owned[i];
        if (owned->revoked && owned->phase == RS_PARTITION_RUNNING && worker->now_us >= owned->leave_by_us) {
            rs_owned_leave(worker, owned);
        }
        bool over = (owned->revoked || worker->stopping) && owned->phase != RS_PARTITION_RUNNING;
        if (owned->phase == RS_PARTITION_LEAVING ? left(worker, owned) : over) {
            let_go(worker, owned);
        }
    }
}
