/* The worker and the state log: sealing what changed. */
#include <inttypes.h>

#include "transform/worker/internal.h"

#define STEPS_PER_TURN   8                      /* of filling a batch; then input gets its turn */
#define BYTES_AT_END     ((size_t)64 << 10)     /* written in a turn where input is awaited */
#define NO_ROOM_US       (2 * RS_WORKER_MS)     /* until a log that had no room is asked again */
#define STUCK_US         (10000 * RS_WORKER_MS) /* a batch under way for so long makes input wait */
#define BACKLOG_MAX      ((size_t)1 << 20)
#define LEAVING_EVERY_US (200 * RS_WORKER_MS) /* between its batches: what is sealed is not done again */

/* ---- dead letters ---- */

/* Dead letters are acknowledged before what they belong to counts as done. */
static bool dead_letters_done(const struct rs_worker *worker, const struct rs_worker_partition *owned,
                              int64_t next_offset)
{
    const struct rs_dead_letter_sink *letters = &worker->options.dead_letters;

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

bool rs_worker_partition_kept_lately(const struct rs_worker *worker, const struct rs_worker_partition *owned)
{
    return owned->kept_us != 0 && worker->now_us - owned->kept_us < RS_WORKER_RECLAIM_US;
}

static bool listens_often(const struct rs_worker *worker, const struct rs_worker_partition *owned)
{
    bool revoked = owned->phase == RS_PHASE_SERVING || owned->phase == RS_PHASE_LEAVING;

    return revoked || rs_worker_partition_kept_lately(worker, owned);
}

int64_t rs_worker_partition_silence_us(const struct rs_worker *worker,
                                       const struct rs_worker_partition *owned)
{
    return listens_often(worker, owned) ? LEAVING_EVERY_US : RS_WORKER_SILENT_US;
}

/* A step writes some hundred groups, which takes a tenth of a millisecond. In a backlog that does not
 * matter, and batches have to keep up with it. But where input is read to its end, the next event would wait
 * for all steps of all partitions: there little is written before input is looked at again, and the next
 * turn comes at once. */
void rs_worker_commit_turn(struct rs_worker *worker)
{
    worker->commit_room = worker->drained ? BYTES_AT_END : SIZE_MAX;
}

static void use_room(struct rs_worker *worker, size_t bytes)
{
    if (worker->commit_room != SIZE_MAX) {
        worker->commit_room -= bytes < worker->commit_room ? bytes : worker->commit_room;
    }
}

/* The batch is of the input up to next_offset as it stands now; what is applied from here on belongs to the
 * next one, although this one is written step by step (partition/seal.c). No state whose counts do not
 * balance is ever sealed, since whoever restores it could not tell what is missing. */
static enum rs_life begin(struct rs_worker *worker, struct rs_worker_partition *owned, struct rs_cause *cause)
{
    const struct rs_state_log *log = &worker->options.log;
    struct rs_partition_status status;

    rs_partition_status(owned->state, &status);
    owned->commit_begun_us = worker->now_us;
    owned->commit_due_us = worker->now_us + worker->options.commit_every_us;
    owned->commit_silent_us = worker->now_us + rs_worker_partition_silence_us(worker, owned);
    if (listens_often(worker, owned)) {
        owned->commit_due_us = earlier(owned->commit_due_us, owned->commit_silent_us);
    }
    owned->commit_retry_us = worker->now_us;
    if (!balanced(&status.events)) {
        (void)rs_fail(&cause->error, RS_ESTATE,
                      "stream %s partition %" PRId32
                      ": the accounting does not balance before offset %" PRId64
                      ": nothing of it is sealed. This is a fault of the program; please report it",
                      rs_stream_label(owned->stream), owned->partition, owned->next_offset);
        return RS_LIFE_FAILED;
    }
    if (!rs_worker_log_is_durable(worker)) {
        owned->seal = (struct rs_seal){.next_offset = owned->next_offset};
        owned->head = rs_slice_of(NULL, 0);
        owned->sweep_ends = false;
        owned->commit = RS_COMMIT_DEAD_LETTERS;
        return RS_LIFE_NONE;
    }
    rs_partition_seal_begin(owned->state, log->ops->plan(log->self, rs_worker_partition_id(worker, owned)));
    owned->commit = RS_COMMIT_WRITING;
    return RS_LIFE_NONE;
}

/* Sets when to come again where the log took nothing. */
static bool refused(struct rs_worker *worker, struct rs_worker_partition *owned, int rc,
                    const struct rs_error *error)
{
    if (rc == 0) {
        return false;
    }
    owned->commit_retry_us = worker->now_us + NO_ROOM_US;
    if (rc != RS_ELIMIT) {
        owned->commit_retry_us = worker->now_us + RS_WORKER_AGAIN_US;
        rs_report(&worker->options.report, RS_LOG_ERROR,
                  "stream %s partition %" PRId32 ": not sealed yet: %s", rs_stream_label(owned->stream),
                  owned->partition, error->text);
    }
    return true;
}

/* False: nothing more can be done in this turn. What is ready for the log goes also where the turn has no
 * room. */
static bool fill(struct rs_worker *worker, struct rs_worker_partition *owned, enum rs_life *event)
{
    const struct rs_state_log *log = &worker->options.log;
    struct rs_slice chunk;
    struct rs_error error;
    size_t before = rs_partition_seal_backlog(owned->state);

    if (worker->commit_room == 0 && !rs_partition_seal_ready(owned->state)) {
        return false;
    }
    switch (rs_partition_seal_step(owned->state, &chunk)) {
    case RS_SEAL_WORKING: use_room(worker, rs_partition_seal_backlog(owned->state) - before); return true;
    case RS_SEAL_CHUNK: {
        int rc = log->ops->chunk(log->self, rs_worker_partition_id(worker, owned), chunk, &error);
        if (refused(worker, owned, rc, &error)) {
            return false;
        }
        rs_partition_seal_taken(owned->state);
        return true;
    }
    case RS_SEAL_COMPLETE:
        rs_partition_seal_end(owned->state, &owned->seal, &owned->head, &owned->sweep_ends);
        owned->commit = RS_COMMIT_DEAD_LETTERS;
        return false;
    case RS_SEAL_FAILED: *event = RS_LIFE_UNWRITTEN; break;
    }
    return false;
}

static void seal(struct rs_worker *worker, struct rs_worker_partition *owned)
{
    const struct rs_state_log *log = &worker->options.log;
    struct rs_error error;

    if (!dead_letters_done(worker, owned, owned->seal.next_offset)) {
        return;
    }
    int rc = log->ops->seal(log->self, rs_worker_partition_id(worker, owned), &owned->seal, owned->head,
                            owned->sweep_ends, &error);
    if (!refused(worker, owned, rc, &error)) {
        owned->commit = RS_COMMIT_SENT;
    }
}

bool rs_worker_partition_unsealed(const struct rs_worker_partition *owned)
{
    return owned->next_offset > owned->committed && owned->next_offset > 0;
}

static int64_t next_batch_us(const struct rs_worker *worker, const struct rs_worker_partition *owned)
{
    if (rs_worker_partition_unsealed(owned)) {
        return owned->commit_due_us;
    }
    bool listens = rs_worker_log_is_durable(worker) && rs_phase_reads(owned->phase) && owned->committed > 0;
    return listens ? owned->commit_silent_us : RS_WORKER_NEVER;
}

/* WRITING ends with the last chunk, LETTERS when the dead letters before the seal's offset are
 * acknowledged, SENT when the log has answered. One batch at a time, so that an owner's seals count in the
 * order of their offsets. What the log has no room for is offered again, and keeps its place in the state
 * meanwhile. */
enum rs_life rs_worker_partition_commit(struct rs_worker *worker, struct rs_worker_partition *owned,
                                        struct rs_cause *cause)
{
    enum rs_life event = RS_LIFE_NONE;

    if (owned->commit == RS_COMMIT_NOT && worker->now_us >= next_batch_us(worker, owned) &&
        worker->commit_room > 0) {
        event = begin(worker, owned, cause);
    }
    if (event != RS_LIFE_NONE || worker->now_us < owned->commit_retry_us) {
        return event;
    }
    for (int i = 0; i < STEPS_PER_TURN && owned->commit == RS_COMMIT_WRITING; i++) {
        if (!fill(worker, owned, &event)) {
            break;
        }
    }
    if (owned->commit == RS_COMMIT_DEAD_LETTERS) {
        seal(worker, owned);
    }
    return event;
}

/* The group's offset follows the seal and never leads it: it is for those who watch the lag, the seal
 * decides. An answer to a batch that was given up is for nobody. */
void rs_worker_partition_committed(struct rs_worker *worker, struct rs_worker_partition *owned,
                                   int64_t next_offset)
{
    const struct rs_source *source = &worker->options.source;

    if (owned->commit != RS_COMMIT_SENT) {
        return;
    }
    owned->commit = RS_COMMIT_NOT;
    rs_histogram_add(&worker->durations.seal, worker->now_us - owned->commit_begun_us);
    owned->committed = next_offset;
    owned->doubted = false;
    if (source->ops->committed) {
        source->ops->committed(source->self, owned->stream->index, owned->partition, next_offset);
    }
}

int64_t rs_worker_partition_commit_due(const struct rs_worker *worker,
                                       const struct rs_worker_partition *owned)
{
    switch (owned->commit) {
    case RS_COMMIT_NOT: return next_batch_us(worker, owned);
    case RS_COMMIT_WRITING: return owned->commit_retry_us;
    case RS_COMMIT_DEAD_LETTERS: return worker->now_us + NO_ROOM_US;
    case RS_COMMIT_SENT: break;
    }
    return RS_WORKER_NEVER;
}

bool rs_worker_partition_commit_stuck(const struct rs_worker *worker, const struct rs_worker_partition *owned)
{
    int64_t patience_us = STUCK_US + 2 * worker->options.commit_every_us;

    if (rs_phase_owns(owned->phase) && rs_partition_seal_backlog(owned->state) > BACKLOG_MAX) {
        return true;
    }
    return rs_phase_owns(owned->phase) && rs_worker_partition_unsealed(owned) &&
           owned->commit != RS_COMMIT_NOT && worker->now_us - owned->commit_begun_us > patience_us;
}
