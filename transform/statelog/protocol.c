#include "transform/statelog/protocol.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/source.h"
#include "transform/statelog/protocol_internal.h"

#define SLICE_MAX    (UINT64_C(4) << 20)  /* of a sweep, in one batch, unless changes take more */
#define SLICE_OF     64                   /* batches that a sweep takes at most, where SLICE_MAX allows it */
#define FLOOR_SLICES 32                   /* smallest slice: this part of the floor */
#define CHANGES_MAX  (UINT64_C(32) << 20) /* a slice keeps up with changes to here */
#define LOOKED_AT    64                   /* events that lead to nothing, before the caller has its turn */
#define GROWTH       2                    /* a sweep begins when the log is so many times the live state */

/* What an append was; its cookie. */
enum { COOKIE_CLAIM = 1, COOKIE_CHUNK, COOKIE_SEAL };

/* ---- events for the worker ---- */

static bool put_event(struct rs_log_owner *owner, enum rs_state_event_kind kind, struct rs_state_event *out)
{
    *out = (struct rs_state_event){.kind = kind, .id = owner->id, .token = (uint64_t)owner->token};
    return true;
}

static bool over(struct rs_log_owner *owner, enum rs_state_event_kind kind, struct rs_state_event *out)
{
    owner->phase = RS_DURABLE_OVER;
    owner->open = owner->checking = false;
    rs_state_reader_free(&owner->reader);
    (void)put_event(owner, kind, out);
    out->error = &owner->error;
    return true;
}

static bool unsure(struct rs_log_owner *owner, const struct rs_error *error, struct rs_state_event *out)
{
    owner->error = *error;
    return over(owner, RS_STATE_UNSURE, out);
}

/* The log is not what it has to be. */
static bool broken(struct rs_durable_log *log, struct rs_log_owner *owner, struct rs_state_event *out)
{
    const struct rs_stream *stream = rs_durable_stream(log, owner);

    if (owner->error.class == RS_CLASS_RETRY) {
        return over(owner, owner->error.code == RS_ETRIMMED ? RS_STATE_LOST : RS_STATE_UNSURE, out);
    }
    (void)rs_error_prefix(&owner->error,
                          "stream %s partition %" PRId32 ": state log %s.state.%s partition %" PRId32,
                          rs_stream_label(stream), owner->id.partition, log->options.streams->group,
                          rs_stream_input(stream), owner->id.partition);
    size_t used = strlen(owner->error.text);
    (void)snprintf(owner->error.text + used, sizeof owner->error.text - used,
                   owner->error.code != RS_ESTATE
                       ? ". The partition of %s stops; restart when that is done"
                       : ". The partition stops, nothing is overwritten. To read its "
                         "input again: rollstatd -c FILE --rebuild --stream %s, then restart",
                   stream->name);
    return over(owner, RS_STATE_FAILED, out);
}

/* ---- appending ---- */

/* Nothing counts before the append log has taken the record: after RS_ELIMIT the same record comes again. */
static int append(struct rs_durable_log *log, struct rs_log_owner *owner, struct rs_state_record *record,
                  uint64_t cookie, uint64_t *sum, struct rs_error *error)
{
    struct rs_buf *scratch = &rs_log_owners_of(log, owner->id.worker)->scratch;

    record->identity = rs_durable_identity(log, owner->id);
    record->owner = owner->signature;
    record->token = owner->token;
    rs_buf_reset(scratch);
    uint64_t own = rs_state_record_write(record, scratch);
    if (scratch->failed) {
        return rs_fail(error, RS_ENOMEM, "state log: out of memory");
    }
    int rc =
        log->options.io.ops->append(log->options.io.self, owner->id, rs_buf_slice(scratch), cookie, error);
    if (rc == 0) {
        owner->written += scratch->size;
        *sum = own;
    }
    return rc;
}

/* ---- claiming ----
 *
 * Two instances may claim at once. The log has put both claims into one order, and that decides:
 *
 *     offset   5        6       7          8          9         10         11
 *            chunk    seal   CLAIM of A  CLAIM of B  chunk A   chunk B   …
 *            └── a state ──┘  A's token    B's token    void
 *
 * A reads up to 7 and B up to 8, and both restore the same state. A finds out with its next record, which is
 * acknowledged at 9 where 8 was due: it reads the log again, up to 9, sees the claim of B, and is LOST. B's
 * first record comes to stand at 10 where 9 was due. It reads the log again too, but finds no later claim:
 * what it overtook is a former owner's, which no reader counts. Until A writes it does not know that it has
 * lost; what it publishes meanwhile is refused once B's larger token is in the fence. */

static void draw(const struct rs_durable_log *log, struct rs_owner *out)
{
    if (log->options.draw) {
        log->options.draw(log->options.draw_ctx, out);
        return;
    }
    ssize_t got = getrandom(out->bytes, sizeof out->bytes, 0); /* so few bytes never come short */
    RS_ASSERT(got == (ssize_t)sizeof out->bytes);
}

/* The id is drawn anew for every claim, so that an earlier one whose fate is not known never passes for
 * this one: the claim that stands at our offset has to have it. */
static int send_claim(struct rs_durable_log *log, struct rs_log_owner *owner, struct rs_error *error)
{
    uint64_t sum = 0;
    struct rs_state_record record = {
        .kind = RS_RECORD_CLAIM,
        .claim = {.flags = owner->start != -1 ? RS_CLAIM_START : 0,
                  .from_offset = owner->start,
                  .wall_us = rs_clock_wall(log->options.clock),
                  .instance = rs_slice_text(log->options.instance ? log->options.instance : ""),
                  .version = rs_slice_text(RS_VERSION)},
    };

    if (log->options.fingerprints) {
        record.claim.fingerprint = log->options.fingerprints[owner->id.stream];
    }
    draw(log, &owner->signature);
    owner->phase = RS_DURABLE_CLAIMING;
    owner->token = -1;
    return append(log, owner, &record, COOKIE_CLAIM, &sum, error);
}

/* What came before is forgotten first: no event of an earlier ownership may be taken for one of this. */
static int durable_claim(void *self, struct rs_partition_id id, int64_t start, struct rs_error *error)
{
    struct rs_durable_log *log = self;

    rs_durable_forget(log, id);
    struct rs_log_owner *owner = rs_durable_add(log, id);
    if (!owner) {
        return rs_fail(error, RS_ENOMEM, "state log: out of memory");
    }
    owner->start = start;
    owner->sealing_sweep = owner->sweep_start = owner->trim_to = -1;
    owner->check_until = owner->sealed = -1;
    owner->status.claim = owner->status.sealed_at = -1;
    owner->status.restoring = true;
    int rc = send_claim(log, owner, error);
    if (rc != 0) {
        rs_durable_forget(log, id);
    }
    return rc;
}

/* The claim is in the log. Where nobody knows at which offset, another is made: it supersedes the first. */
static bool on_claim_appended(struct rs_durable_log *log, struct rs_log_owner *owner, int64_t offset,
                              struct rs_state_event *out)
{
    struct rs_error error;
    int rc = 0;

    if (offset < 0) {
        rc = send_claim(log, owner, &error);
        return rc != 0 && unsure(owner, &error, out);
    }
    owner->token = offset;
    owner->next = offset + 1;
    owner->status.claim = offset;
    owner->status.restore_until = offset;
    rc = rs_state_reader_new(rs_durable_identity(log, owner->id), &owner->reader, &error);
    if (rc == 0) {
        owner->phase = RS_DURABLE_READING;
        rc = log->options.io.ops->read(log->options.io.self, owner->id, offset, &error);
    }
    return rc != 0 && unsure(owner, &error, out);
}

/* ---- reading ---- */

static void hand_over(struct rs_log_owners *owners, struct rs_log_owner *owner,
                      const struct rs_seal_record *seal)
{
    owners->handing = owner;
    owners->head_handed = false;
    owners->head = seal->head;
    owners->seal = seal->seal;
    owners->handed = 0;
}

/* The next piece of the batch that is being handed over. */
static bool take_handed(struct rs_log_owners *owners, struct rs_state_event *out)
{
    size_t count = 0;

    if (!owners->handing) {
        return false;
    }
    const struct rs_slice *chunks = rs_state_reader_chunks(owners->handing->reader, &count);
    if (!owners->head_handed) {
        owners->head_handed = true;
        (void)put_event(owners->handing, RS_STATE_BATCH, out);
        out->bytes = owners->head;
        out->seal = owners->seal;
        return true;
    }
    if (owners->handed == count) {
        owners->handing = NULL;
        return false;
    }
    (void)put_event(owners->handing, RS_STATE_CHUNK, out);
    out->bytes = chunks[owners->handed++];
    return true;
}

/* Where the record makes void what came before, the worker hears that first; a batch that the same record
 * seals is handed over with the next calls. */
static bool on_record(struct rs_durable_log *log, struct rs_log_owner *owner,
                      const struct rs_append_event *event, struct rs_state_event *out)
{
    struct rs_state_record record;
    enum rs_verdict verdict;

    int rc =
        rs_state_reader_feed(owner->reader, event->offset, event->bytes, &record, &verdict, &owner->error);
    if (rc == RS_ENOMEM) {
        return broken(log, owner, out);
    }
    if (rc != 0) {
        return false; /* a rebuild further on may have mended it: the end decides */
    }
    owner->status.restored_records++;
    owner->status.restored_bytes += event->bytes.size;
    owner->status.restore_at = event->offset;
    if (verdict == RS_VERDICT_BATCH) {
        hand_over(rs_log_owners_of(log, owner->id.worker), owner, &record.seal);
    }
    return rs_state_reader_anew(owner->reader) ? put_event(owner, RS_STATE_VOID, out)
                                               : take_handed(rs_log_owners_of(log, owner->id.worker), out);
}

/* What the log is worth, once all of it was seen. */
static int judge(const struct rs_durable_log *log, const struct rs_log_owner *owner,
                 const struct rs_append_event *event, struct rs_state_reading *reading,
                 struct rs_error *error)
{
    int rc = rs_state_reader_end(owner->reader, event->offset, owner->token + 1, error);

    if (rc != 0) {
        return rc;
    }
    rs_state_reader_result(owner->reader, reading);
    if (reading->claim != owner->token ||
        memcmp(&reading->owner, &owner->signature, sizeof owner->signature) != 0) {
        return rs_fail(error, RS_ESTATE,
                       "offset %" PRId64
                       " does not hold the claim that was written there: the topic was deleted "
                       "and created again",
                       owner->token);
    }
    if (!reading->sealed && reading->rebuild_from == -1 && event->committed > 0) {
        return rs_fail(error, RS_ESTATE,
                       "it holds no state, but group %s has done its input up to offset %" PRId64
                       ": the state log was lost",
                       log->options.streams->group, event->committed);
    }
    return 0;
}

/* Reads the log again, to see whether another has claimed it by now. */
static bool check(struct rs_durable_log *log, struct rs_log_owner *owner, struct rs_state_event *out)
{
    struct rs_error error;
    int rc = rs_state_reader_new(rs_durable_identity(log, owner->id), &owner->reader, &error);

    if (rc == 0) {
        rc = log->options.io.ops->read(log->options.io.self, owner->id, owner->check_until, &error);
    }
    owner->checking = true;
    owner->check_until = -1;
    return rc != 0 && unsure(owner, &error, out);
}

/* Damage is for the owner to tell. A claimant who was slow may find what a later owner has left of the log:
 * it was trimmed past the claim, and a broker that fell before it had noted that gave a part of it back.
 * Whether there is a later owner is behind the claim. */
static bool doubt(struct rs_durable_log *log, struct rs_log_owner *owner, int64_t until,
                  struct rs_state_event *out)
{
    owner->doubted = true;
    owner->damage = owner->error;
    owner->check_until = until;
    rs_state_reader_free(&owner->reader);
    return check(log, owner, out);
}

/* Everything up to our claim was seen. Trimmed past it: another owns the partition. Not in order, and the
 * log goes on behind the claim: perhaps another owns it, so that is looked for before anything is called
 * damage. Else it is ours. */
static bool on_end(struct rs_durable_log *log, struct rs_log_owner *owner,
                   const struct rs_append_event *event, struct rs_state_event *out)
{
    struct rs_state_reading reading;

    if (event->offset > owner->token) {
        return over(owner, RS_STATE_LOST, out); /* only a later owner trims our claim away */
    }
    if (judge(log, owner, event, &reading, &owner->error) != 0) {
        return event->end > owner->token + 1 && owner->error.code == RS_ESTATE
                   ? doubt(log, owner, event->end - 1, out)
                   : broken(log, owner, out);
    }
    rs_state_reader_free(&owner->reader);
    owner->phase = RS_DURABLE_OWNED;
    owner->status.restoring = false;
    owner->written = reading.bytes_since;
    owner->base = 0;
    /* As much again may have changed meanwhile, or nothing: in between. */
    owner->live_bytes = reading.sweep_bytes - reading.sweep_bytes / 3;
    if (reading.sweep_start > event->offset) {
        owner->trim_to = reading.sweep_start;
    }
    (void)put_event(owner, RS_STATE_CLAIMED, out);
    out->sealed = reading.sealed;
    out->seal = reading.seal;
    if (!reading.sealed) {
        int64_t said = reading.rebuild_from != -1 ? reading.rebuild_from : reading.start_from;
        out->seal = (struct rs_seal){
            .next_offset = said != -1 ? said : RS_OFFSET_BEGINNING,
            .stream_time_us = RS_TIME_NONE,
            .now_shown_us = RS_TIME_NONE,
        };
    }
    return true;
}

/* ---- batches ---- */

/* Of the newest batch, what was no slice of a sweep. */
static uint64_t changes_of(const struct rs_log_owner *owner)
{
    return owner->batch_bytes > owner->slice_bytes ? owner->batch_bytes - owner->slice_bytes : 0;
}

/* As much as changes take, so that the log grows twice as fast as by changes alone while a sweep lasts, and
 * not for longer than it would take to double. */
static uint64_t slice(const struct rs_log_owner *owner, uint64_t floor)
{
    uint64_t bytes = owner->live_bytes / SLICE_OF < SLICE_MAX ? owner->live_bytes / SLICE_OF : SLICE_MAX;

    bytes = bytes > floor / FLOOR_SLICES ? bytes : floor / FLOOR_SLICES + 1;
    uint64_t changes = changes_of(owner);
    changes = changes < CHANGES_MAX ? changes : CHANGES_MAX;
    return bytes > changes ? bytes : changes;
}

/* Asked while no batch is open, so nothing is on its way and `next` is where the sweep's first record will
 * stand. If somebody else's record takes that place, on_gap gives the sweep up. */
static struct rs_state_plan durable_plan(void *self, struct rs_partition_id id)
{
    struct rs_durable_log *log = self;
    struct rs_log_owner *owner = rs_durable_find(log, id);
    uint64_t floor = log->options.sweep_floor != 0 ? log->options.sweep_floor : RS_SWEEP_FLOOR;
    struct rs_state_plan plan = {0};

    if (!owner || owner->phase != RS_DURABLE_OWNED || owner->open) {
        return plan;
    }
    uint64_t grown = owner->written - owner->base;
    if (!owner->sweeping && grown >= floor && grown >= GROWTH * owner->live_bytes) {
        owner->sweeping = true;
        owner->sweep_start = owner->next;
        owner->sweep_base = owner->written;
        owner->sweep_changes = 0;
        plan.sweep_begins = true;
    }
    if (owner->sweeping) {
        plan.slice_bytes = slice(owner, floor);
    }
    owner->slice_bytes = plan.slice_bytes;
    return plan;
}

static void open_batch(struct rs_log_owner *owner)
{
    if (!owner->open) {
        owner->open = true;
        owner->batch++;
        owner->batch_begun = owner->written;
        owner->chunks = 0;
        owner->chunk_sum = 0;
    }
}

/* A batch that the append log has no room for stays open, and its chunk's number is not used up. */
static int durable_chunk(void *self, struct rs_partition_id id, struct rs_slice bytes, struct rs_error *error)
{
    struct rs_durable_log *log = self;
    struct rs_log_owner *owner = rs_durable_find(log, id);
    uint64_t sum = 0;

    if (!owner || owner->phase != RS_DURABLE_OWNED) {
        return 0; /* the worker is about to hear of it */
    }
    open_batch(owner);
    struct rs_state_record record = {
        .kind = RS_RECORD_CHUNK,
        .chunk = {.batch = owner->batch, .sequence = owner->chunks, .payload = bytes},
    };
    int rc = append(log, owner, &record, COOKIE_CHUNK, &sum, error);
    if (rc == 0) {
        owner->chunks++;
        owner->chunk_sum = rs_chunk_sum(owner->chunk_sum, sum);
    }
    return rc;
}

/* After a gap `sweep_start` is -1, whatever the worker believes: then the seal ends no sweep, and nothing
 * is trimmed by it. */
static int durable_seal(void *self, struct rs_partition_id id, const struct rs_seal *seal,
                        struct rs_slice head, bool sweep_ends, struct rs_error *error)
{
    struct rs_durable_log *log = self;
    struct rs_log_owner *owner = rs_durable_find(log, id);
    uint64_t sum = 0;

    if (!owner || owner->phase != RS_DURABLE_OWNED) {
        return 0;
    }
    open_batch(owner);
    struct rs_state_record record = {
        .kind = RS_RECORD_SEAL,
        .seal = {.batch = owner->batch,
                 .chunks = owner->chunks,
                 .checksum = owner->chunk_sum,
                 .seal = *seal,
                 .sweep_start = sweep_ends ? owner->sweep_start : -1,
                 .head = head},
    };
    int rc = append(log, owner, &record, COOKIE_SEAL, &sum, error);
    if (rc == 0) {
        owner->sealing_offset = seal->next_offset;
        owner->sealing_sweep = record.seal.sweep_start;
    }
    return rc;
}

/* ---- sweeps and trims ---- */

static void trim(struct rs_durable_log *log, struct rs_log_owner *owner)
{
    struct rs_error error;

    if (owner->trim_to < 0 || owner->trimming) {
        return;
    }
    if (log->options.io.ops->trim(log->options.io.self, owner->id, owner->trim_to, &error) == 0) {
        owner->trimming = true;
        owner->trim_to = -1;
    }
}

/* A trim that failed is not asked for again by itself: the next sweep that is verified asks for a later
 * one. */
static void on_trimmed(struct rs_durable_log *log, struct rs_log_owner *owner,
                       const struct rs_append_event *event)
{
    owner->trimming = false;
    if (event->offset >= 0) {
        owner->status.trims++;
        owner->trim_reported = false;
        return;
    }
    if (!owner->trim_reported) {
        struct rs_error why = *event->error;
        owner->trim_reported = true;
        (void)rs_error_prefix(&why, "the state log grows, because it cannot be trimmed");
        rs_durable_report(log, RS_LOG_WARNING, owner, &why);
    }
}

/* All records of the sweep stand where they had to: it is whole, whatever others may have written before.
 * What merely changed meanwhile is not live state twice; but never more than half of it is taken for that,
 * since a group that was due anyway may be among what changed. */
static void sweep_verified(struct rs_log_owner *owner)
{
    uint64_t bytes = owner->written - owner->sweep_base;

    owner->trim_to = owner->sealing_sweep;
    owner->live_bytes = bytes - (owner->sweep_changes < bytes / 2 ? owner->sweep_changes : bytes / 2);
    owner->base = owner->sweep_base;
    owner->sweeping = false;
    owner->status.sweeps++;
}

/* ---- acknowledgements ---- */

/* The only place from which the log is trimmed: to the sweep whose seal is acknowledged here, with no gap
 * since it began, or to the one that the claim found complete. */
static bool on_sealed(struct rs_durable_log *log, struct rs_log_owner *owner, int64_t offset,
                      struct rs_state_event *out)
{
    owner->open = false;
    owner->batch_bytes = owner->written - owner->batch_begun;
    owner->sweep_changes += changes_of(owner);
    owner->status.batches++;
    owner->status.sealed_at = offset;
    if (owner->sealing_sweep >= 0) {
        sweep_verified(owner);
    }
    trim(log, owner);
    (void)put_event(owner, RS_STATE_COMMITTED, out);
    out->seal.next_offset = owner->sealing_offset;
    return true;
}

/* ---- gaps ---- */

/* Another has written in between: a new owner, or one whose records were still under way when we claimed. The
 * log tells which. A sweep is not continued over a gap: its first record might not be ours. */
static bool on_gap(struct rs_durable_log *log, struct rs_log_owner *owner, int64_t offset,
                   struct rs_state_event *out)
{
    owner->sweeping = false;
    owner->sweep_start = owner->sealing_sweep = -1;
    owner->check_until = offset;
    return !owner->checking && check(log, owner, out);
}

/* The log was read again, behind a gap or because of damage. In this order: a later claim ends all, also
 * where the log is damaged; then damage; then whether the latest claim is still ours. If another gap has
 * shown itself meanwhile, the log is read once more, and the seal that waits is told only after that. */
static bool on_checked(struct rs_durable_log *log, struct rs_log_owner *owner,
                       const struct rs_append_event *event, struct rs_state_event *out)
{
    struct rs_state_reading reading;

    rs_state_reader_result(owner->reader, &reading);
    rs_state_reader_free(&owner->reader);
    owner->checking = false;
    /* A later owner may have trimmed its own claim away too: what is gone tells of it then. */
    if (owner->superseded || event->offset > owner->token) {
        return over(owner, RS_STATE_LOST, out);
    }
    if (owner->doubted) {
        owner->error = owner->damage;
        return broken(log, owner, out);
    }
    if (reading.claim != owner->token ||
        memcmp(&reading.owner, &owner->signature, sizeof owner->signature) != 0) {
        return over(owner, RS_STATE_LOST, out);
    }
    if (owner->check_until >= 0) {
        return check(log, owner, out);
    }
    int64_t sealed = owner->sealed;
    owner->sealed = -1;
    return sealed >= 0 && on_sealed(log, owner, sealed, out);
}

/* Also behind damage, where the reader judges nothing. */
static bool later_claim(const struct rs_durable_log *log, const struct rs_log_owner *owner,
                        const struct rs_append_event *event)
{
    struct rs_state_record record;
    struct rs_error error;

    return event->offset > owner->token && rs_state_record_read(event->bytes, &record, &error) == 0 &&
           record.kind == RS_RECORD_CLAIM && record.identity == rs_durable_identity(log, owner->id);
}

/* Only its owner is of interest; damage is for whoever restores from it. */
static bool on_checked_record(const struct rs_durable_log *log, struct rs_log_owner *owner,
                              const struct rs_append_event *event, struct rs_state_event *out)
{
    struct rs_state_record record;
    enum rs_verdict verdict;
    struct rs_error error;

    owner->superseded = owner->superseded || later_claim(log, owner, event);
    return rs_state_reader_feed(owner->reader, event->offset, event->bytes, &record, &verdict, &error) ==
               RS_ENOMEM &&
           unsure(owner, &error, out);
}

/* We alone write, so what is acknowledged stands where `next` says. Further on, somebody else wrote in
 * between, and the log is read before a seal behind that gap is told. */
static bool on_appended(struct rs_durable_log *log, struct rs_log_owner *owner,
                        const struct rs_append_event *event, struct rs_state_event *out)
{
    struct rs_error error;

    if (event->cookie == COOKIE_CLAIM) {
        return owner->phase == RS_DURABLE_CLAIMING && on_claim_appended(log, owner, event->offset, out);
    }
    if (event->offset < 0) {
        (void)rs_fail(&error, RS_EBROKER, "the broker acknowledged a record without saying where it stands");
        return unsure(owner, &error, out);
    }
    if (event->offset < owner->next) {
        (void)rs_fail(&error, RS_EBROKER, "the broker acknowledged a record at an offset that was taken");
        return unsure(owner, &error, out);
    }
    bool gap = event->offset > owner->next;
    owner->next = event->offset + 1;
    if (gap && on_gap(log, owner, event->offset, out)) {
        return true;
    }
    if (event->cookie != COOKIE_SEAL) {
        return false;
    }
    if (owner->checking) {
        owner->sealed = event->offset;
        return false;
    }
    return on_sealed(log, owner, event->offset, out);
}

static bool on_io_event(struct rs_durable_log *log, struct rs_log_owner *owner,
                        const struct rs_append_event *event, struct rs_state_event *out)
{
    if (owner->phase == RS_DURABLE_OVER) {
        return false;
    }
    switch (event->kind) {
    case RS_APPEND_DONE: return on_appended(log, owner, event, out);
    case RS_APPEND_REFUSED: return unsure(owner, event->error, out);
    case RS_APPEND_RECORD:
        return owner->checking ? on_checked_record(log, owner, event, out)
                               : owner->phase == RS_DURABLE_READING && on_record(log, owner, event, out);
    case RS_APPEND_END:
        return owner->checking ? on_checked(log, owner, event, out)
                               : owner->phase == RS_DURABLE_READING && on_end(log, owner, event, out);
    case RS_APPEND_BROKEN: owner->error = *event->error; return broken(log, owner, out);
    case RS_APPEND_TRIMMED: on_trimmed(log, owner, event); break;
    }
    return false;
}

/* A batch that is being handed over goes first: its chunks live in the reader, whose next record ends
 * them. */
static bool durable_take(void *self, uint32_t worker, struct rs_state_event *out)
{
    struct rs_durable_log *log = self;
    struct rs_log_owners *owners = rs_log_owners_of(log, worker);
    struct rs_append_event event;

    if (take_handed(owners, out)) {
        return true;
    }
    for (int i = 0; i < LOOKED_AT; i++) {
        if (!log->options.io.ops->take(log->options.io.self, worker, &event)) {
            return false;
        }
        struct rs_log_owner *owner = rs_durable_find(log, event.id);
        if (owner && on_io_event(log, owner, &event, out)) {
            return true;
        }
    }
    *out = (struct rs_state_event){.kind = RS_STATE_MORE};
    return true;
}

/* ---- the table ---- */

static void durable_release(void *self, struct rs_partition_id id)
{
    rs_durable_forget(self, id);
}

static bool durable_status(void *self, struct rs_partition_id id, struct rs_state_log_status *out)
{
    struct rs_log_owner *owner = rs_durable_find(self, id);

    if (!owner) {
        return false;
    }
    *out = owner->status;
    out->log_bytes = owner->written - owner->base;
    out->live_bytes = owner->live_bytes;
    return true;
}

static int durable_wake_fd(void *self, uint32_t worker)
{
    struct rs_durable_log *log = self;

    return log->options.io.ops->wake_fd(log->options.io.self, worker);
}

static const struct rs_state_log_ops durable_ops = {
    .claim = durable_claim,
    .plan = durable_plan,
    .chunk = durable_chunk,
    .seal = durable_seal,
    .release = durable_release,
    .take = durable_take,
    .status = durable_status,
    .wake_fd = durable_wake_fd,
};

int rs_durable_log_new(const struct rs_durable_log_options *options, struct rs_durable_log **out,
                       struct rs_error *error)
{
    struct rs_durable_log *log = calloc(1, sizeof *log + options->workers * sizeof log->workers[0]);

    if (!log) {
        return rs_fail(error, RS_ENOMEM, "state log: out of memory");
    }
    log->options = *options;
    *out = log;
    return 0;
}

void rs_durable_log_free(struct rs_durable_log **pointer)
{
    struct rs_durable_log *log = *pointer;

    if (!log) {
        return;
    }
    for (uint32_t i = 0; i < log->options.workers; i++) {
        for (size_t j = 0; j < log->workers[i].count; j++) {
            rs_log_owner_free(log->workers[i].items[j]);
        }
        free(log->workers[i].items);
        rs_buf_fini(&log->workers[i].scratch);
    }
    free(log);
    *pointer = NULL;
}

struct rs_state_log rs_durable_log_table(struct rs_durable_log *log)
{
    return (struct rs_state_log){.self = log, .ops = &durable_ops};
}
