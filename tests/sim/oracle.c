/* What must be true, whatever happens: judged from the outside, as things land in the log, in Redis and among
 * the dead letters. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "tests/lib/partition_state.h"
#include "tests/sim/reference.h"
#include "transform/group/changes.h"
#include "transform/partition/seal.h"
#include "transform/statelog/reader.h"

/* Of one partition, beside its reference. */
struct oracle_part {
    struct reference *reference;
    bool *lettered;
    struct hashes written; /* history members that Redis has ever held */
    struct hashes lost;    /* those that a loss of the store took, or turned back */
    struct claimed {
        int64_t offset, next;
    } * claims;
    size_t claim_count, claim_capacity;
    struct sealed {
        int64_t claim, next;
    } * seals;
    size_t seal_count, seal_capacity;
};

/* ---- sets of hashes ---- */

static void hashes_add(struct hashes *set, uint64_t hash)
{
    if (set->count == set->capacity) {
        set->capacity = set->capacity * 2 + 64;
        set->items = realloc(set->items, set->capacity * sizeof *set->items);
        if (!set->items) {
            abort();
        }
    }
    set->items[set->count++] = hash;
}

static bool hashes_have(const struct hashes *set, uint64_t hash)
{
    for (size_t i = set->count; i-- > 0;) {
        if (set->items[i] == hash) {
            return true;
        }
    }
    return false;
}

static void hashes_remove(struct hashes *set, uint64_t hash)
{
    for (size_t i = set->count; i-- > 0;) {
        if (set->items[i] == hash) {
            set->items[i] = set->items[--set->count];
        }
    }
}

static uint64_t member_hash(uint32_t aggregate, struct rs_slice key, int64_t score, struct rs_slice fields)
{
    uint64_t hash = XXH3_64bits_withSeed(key.data, key.size, (uint64_t)score * 31 + aggregate);
    return fields.size ? XXH3_64bits_withSeed(fields.data, fields.size, hash) : hash;
}

static uint64_t op_hash(const struct rs_op *op)
{
    return member_hash(op->aggregate, op->key, op->score_ms, op->fields);
}

/* ---- life ---- */

void oracle_begin(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->partition_count; i++) {
        struct oracle_part *o = sim_alloc(sizeof *o);
        o->reference = reference_new(sim, i);
        o->lettered = sim_alloc(sim->feeds[i].count + 1);
        sim->oracles[i] = o;
        sim->topics[i].sealed_next = sim->topics[i].sealed_ever = -1;
        sim->topics[i].rebuild_from = RS_OFFSET_BEGINNING;
        sim->topics[i].claim = -1;
        sim->topics[i].sealed_at = -1;
    }
}

void oracle_free(struct sim *sim)
{
    for (uint32_t i = 0; i < PARTITIONS_MAX; i++) {
        struct oracle_part *o = sim->oracles[i];
        if (o) {
            reference_free(o->reference);
            free(o->lettered);
            free(o->written.items);
            free(o->lost.items);
            free(o->claims);
            free(o->seals);
            free(o);
        }
    }
}

/* ---- Redis: every value is a fold, and none goes back ---- */

static void check_step(struct sim *sim, struct shelf *s, const struct rs_view_batch *batch,
                       const struct rs_op *op)
{
    int64_t score = op->kind == RS_OP_VIEW ? op->change_ms : op->score_ms;
    const struct entry *e = shelf_find(s, op->kind, op->aggregate, op->key, score);
    if (e &&
        (batch->offset < e->offset || (batch->offset == e->offset && batch->now_shown_us < e->shown_us))) {
        sim_wrong(
            sim, "partition %u: Redis goes back: group %.*s was shown as of offset %" PRId64 ", now %" PRId64,
            place_of_batch(sim, batch), (int)op->key.size, (const char *)op->key.data, e->offset,
            batch->offset);
    }
}

static void check_value(struct sim *sim, const struct rs_view_batch *batch, const struct rs_op *op)
{
    struct reference *r = sim->oracles[place_of_batch(sim, batch)]->reference;
    const struct rs_view_batch *expected = reference_render(r, batch->offset, batch->now_shown_us);
    struct rs_op found;
    if (op->kind == RS_OP_DROP) {
        if (!reference_dropped(r, batch->offset, op)) {
            sim_wrong(sim, "partition %u: group %.*s is dropped, and had not expired",
                      place_of_batch(sim, batch), (int)op->key.size, (const char *)op->key.data);
        }
        return;
    }
    if (op_takes_back(op)) {
        return;
    }
    if (!reference_find(expected, op, &found)) {
        sim_wrong(sim,
                  "partition %u: Redis gets group %.*s, %s %" PRId64 ", which is not in the fold of %" PRId64,
                  place_of_batch(sim, batch), (int)op->key.size, (const char *)op->key.data,
                  op->kind == RS_OP_VIEW ? "view" : "window", op->score_ms, batch->offset);
        return;
    }
    if (!rs_slice_equal(found.fields, op->fields) ||
        (op->kind == RS_OP_VIEW && found.change_ms != op->change_ms)) {
        struct rs_buf a = {0};
        struct rs_buf b = {0};
        op_text(&sim->world->metas[op->aggregate], op, &a);
        op_text(&sim->world->metas[op->aggregate], &found, &b);
        sim_wrong(sim,
                  "partition %u: group %.*s in Redis is not the fold of %" PRId64 " shown as of %" PRId64
                  "\n    is        %s\n    should be %s",
                  place_of_batch(sim, batch), (int)op->key.size, (const char *)op->key.data, batch->offset,
                  batch->now_shown_us, (const char *)a.data, (const char *)b.data);
        rs_buf_fini(&a);
        rs_buf_fini(&b);
    }
}

/* Where events come as they are made, and most clocks are right, the time that is shown keeps to the
 * daemon's: steps and max_future are seconds here. */
#define FAR_US    (100 * SECOND)
#define STRAYS_US (60 * SECOND)

static void check_shown(struct sim *sim, const struct rs_view_batch *batch)
{
    uint32_t place = place_of_batch(sim, batch);
    const struct feed *f = &sim->feeds[place];
    bool judged = f->live && !sim->world->config.upsert && f->wrong_us >= FAR_US &&
                  !reference_outvoted(sim->oracles[place]->reference, batch->offset);
    if (judged && !sim->clock_jumped && batch->now_shown_us > sim->clock.wall_us + STRAYS_US) {
        sim_wrong(sim,
                  "partition %u: a wrong clock made the time that is shown run %" PRId64
                  " s ahead of offset %" PRId64,
                  place, (batch->now_shown_us - sim->clock.wall_us) / SECOND, batch->offset);
    }
}

void oracle_batch(struct sim *sim, const struct rs_view_batch *batch)
{
    struct oracle_part *o = sim->oracles[place_of_batch(sim, batch)];
    struct rs_op op;
    size_t cursor = 0;
    if (batch->offset < 0 || (size_t)batch->offset > sim->feeds[place_of_batch(sim, batch)].count) {
        sim_wrong(sim, "partition %u: a batch is as of offset %" PRId64, place_of_batch(sim, batch),
                  batch->offset);
        return;
    }
    if (sim->names_taken) {
        sim_wrong(sim, "partition %u: a batch is written under another consumer group's names",
                  place_of_batch(sim, batch));
    }
    check_shown(sim, batch);
    while (rs_batch_next(batch, &cursor, &op)) {
        check_value(sim, batch, &op);
        if (op.kind != RS_OP_DROP && !op_takes_back(&op)) {
            check_step(sim, &sim->store.shelves[place_of_batch(sim, batch)], batch, &op);
        }
        if (op.kind == RS_OP_HISTORY && !op_takes_back(&op)) {
            hashes_add(&o->written, op_hash(&op));
        }
    }
}

void oracle_submits(struct process *p, const struct rs_view_batch *batch)
{
    const struct pipe *pipe = &p->pipes[place_of_batch(p->sim, batch)];
    if (batch->op_count > 0 && batch->epoch == pipe->barrier_epoch && batch->token == pipe->barrier_token &&
        batch->offset < pipe->barrier) {
        sim_wrong(p->sim,
                  "process %u partition %u: publishes offset %" PRId64 ", and Redis had shown %" PRId64,
                  p->number, place_of_batch(p->sim, batch), batch->offset, pipe->barrier);
    }
}

void oracle_robbed(struct sim *sim, uint32_t partition, const struct entry *e)
{
    if (e->kind == RS_OP_HISTORY) {
        hashes_add(&sim->oracles[partition]->lost,
                   member_hash(e->aggregate, entry_key(e), e->score, (struct rs_slice){0}));
    }
}

void oracle_loses(struct sim *sim, struct store *next)
{
    sim->store_lost_once = true;
    for (uint32_t i = 0; i < sim->partition_count; i++) {
        const struct shelf *old = &sim->store.shelves[i];
        for (size_t k = 0; k < old->count; k++) {
            const struct entry *e = &old->entries[k];
            struct entry *left = shelf_find(&next->shelves[i], e->kind, e->aggregate, entry_key(e), e->score);
            bool same = left && rs_slice_equal(entry_fields(left), entry_fields(e));
            if (e->kind == RS_OP_HISTORY && (!same || e->lost)) {
                hashes_add(&sim->oracles[i]->lost,
                           member_hash(e->aggregate, entry_key(e), e->score, (struct rs_slice){0}));
            }
        }
        for (size_t k = 0; k < next->shelves[i].count; k++) {
            struct entry *e = &next->shelves[i].entries[k];
            const struct entry *was =
                shelf_find(&sim->store.shelves[i], e->kind, e->aggregate, entry_key(e), e->score);
            e->ghost = !was || was->ghost;
        }
    }
}

/* ---- dead letters: in their topic before the seal that covers them ---- */

void oracle_lettered(struct sim *sim, uint32_t partition, int64_t offset)
{
    sim->oracles[partition]->lettered[offset] = true;
    if (!reference_letter(sim->oracles[partition]->reference, offset)) {
        sim_wrong(sim, "partition %u: a dead letter for offset %" PRId64 ", which is a good record",
                  partition, offset);
    }
}

/* ---- the log, read by hand ---- */

#define OWNER_AT   16
#define FLAGS_AT   40
#define TOKEN_AT   32
#define BATCH_AT   40
#define CHUNK_SEQ  48
#define SEAL_COUNT 48
#define SEAL_NEXT  60
#define SEAL_SHOWN 76
#define SEAL_SUMS  84

static uint64_t get64(const uint8_t *bytes)
{
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static uint32_t get32(const uint8_t *bytes)
{
    uint32_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

void oracle_appends(struct sim *sim, const struct process *p, uint32_t partition, struct rs_slice bytes)
{
    if (bytes.data[4] != RS_RECORD_SEAL) {
        return;
    }
    const struct oracle_part *o = sim->oracles[partition];
    int64_t next = (int64_t)get64(bytes.data + SEAL_NEXT);
    for (int64_t i = 0; i < next; i++) {
        if (reference_letter(o->reference, i) && !o->lettered[i]) {
            sim_wrong(sim,
                      "process %u partition %u: seals %" PRId64 " before the dead letter of offset %" PRId64
                      " is safe",
                      p->number, partition, next, i);
        }
    }
}

static void check_sums(struct sim *sim, uint32_t partition, const uint8_t *seal)
{
    int64_t next = (int64_t)get64(seal + SEAL_NEXT);
    uint64_t sums[6];
    memcpy(sums, seal + SEAL_SUMS, sizeof sums);
    struct rs_accounting e = reference_counts(sim->oracles[partition]->reference, next);
    if (sums[0] != sums[1] + sums[2] + sums[3] + sums[4] + sums[5]) {
        sim_wrong(sim, "partition %u: the accounting sealed at %" PRId64 " does not balance", partition,
                  next);
    }
    if (sums[0] != e.consumed || sums[1] != e.applied || sums[2] != e.late || sums[3] != e.duplicate ||
        sums[4] != e.rejected || sums[5] != e.filtered) {
        sim_wrong(sim, "partition %u: the accounting sealed at %" PRId64 " is not that of the input",
                  partition, next);
    }
}

/* ---- the state at a seal ---- */

struct restoring {
    struct sim *sim;
    uint32_t partition;
    const struct rs_view_batch *expected;
    bool *seen;
    size_t cursor, place; /* behind what was found last: both are in the same order for the most part */
};

static int restore_batch(struct rs_state_reader *reader, const struct rs_state_record *record,
                         struct rs_partition *fresh, struct rs_error *error)
{
    size_t count = 0;
    const struct rs_slice *chunks = rs_state_reader_chunks(reader, &count);
    int rc = rs_partition_restore_batch(fresh, record->seal.head, error);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = rs_partition_restore_chunk(fresh, chunks[i], error);
    }
    return rc;
}

/* A deletion that the log says is done is not asked for again, unless a group under the key was dropped since:
 * whoever restores it would delete the keys of a group that has come back. Entries of one key are alike. */
static void follow_deletions(struct sim *sim, uint32_t partition, struct rs_slice chunk, struct hashes *done)
{
    struct rs_reader reader = {.rest = chunk};
    while (reader.rest.size) {
        struct rs_slice kind = rs_read_bytes(&reader, 1);
        uint32_t size = rs_read_u32(&reader);
        struct rs_slice entry = rs_read_bytes(&reader, size);
        uint64_t hash = XXH3_64bits(entry.data, entry.size);
        if (kind.data[0] == RS_ENTRY_CLEARED) {
            hashes_add(done, hash);
        } else if (kind.data[0] == RS_ENTRY_DROPPED) {
            hashes_remove(done, hash);
        } else if (kind.data[0] == RS_ENTRY_DELETE && hashes_have(done, hash)) {
            sim_wrong(sim, "partition %u: the log asks again for a deletion that is done", partition);
        }
    }
}

static struct rs_partition *fresh_partition(struct sim *sim, uint32_t partition)
{
    struct rs_error error;
    struct rs_partition *fresh = NULL;
    if (rs_partition_new(sim->world->fixture.engine, stream_of(sim, partition), partition_of(sim, partition),
                         &fresh, &error) < 0) {
        abort();
    }
    return fresh;
}

static int read_log(struct sim *sim, uint32_t partition, struct rs_state_reader *reader,
                    struct rs_partition **fresh, struct rs_error *error)
{
    const struct topic *t = &sim->topics[partition];
    struct hashes done = {0};
    int rc = 0;
    for (int64_t i = t->first; rc == 0 && i < t->end; i++) {
        struct rs_state_record record;
        enum rs_verdict verdict = RS_VERDICT_VOID;
        struct rs_slice bytes = rs_slice_of(t->records[i].bytes, t->records[i].size);
        rc = rs_state_reader_feed(reader, i, bytes, &record, &verdict, error);
        if (rs_state_reader_anew(reader)) {
            rs_partition_free(fresh);
            *fresh = fresh_partition(sim, partition);
            done.count = 0;
        }
        if (rc == 0 && verdict == RS_VERDICT_BATCH) {
            rc = restore_batch(reader, &record, *fresh, error);
            size_t count = 0;
            const struct rs_slice *chunks = rs_state_reader_chunks(reader, &count);
            for (size_t k = 0; rc == 0 && k < count; k++) {
                follow_deletions(sim, partition, chunks[k], &done);
            }
        }
    }
    free(done.items);
    return rc == 0 ? rs_state_reader_end(reader, t->first, t->end, error) : rc;
}

static void note_op(const struct sim *sim, const char *what, const struct rs_op *op)
{
    struct rs_buf text = {0};
    if (sim->verbose) {
        op_text(&sim->world->metas[op->aggregate], op, &text);
        sim_note(sim, "  %s kind %d a%u/%.*s %lld: %s", what, (int)op->kind, op->aggregate, (int)op->key.size,
                 (const char *)op->key.data, (long long)op->score_ms, (const char *)text.data);
        rs_buf_fini(&text);
    }
}

/* What a restored partition would say now: all of it right, all views among it. */
static void see_restored(void *ctx, const struct rs_op *op)
{
    struct restoring *r = ctx;
    struct rs_op e;
    if (op_takes_back(op) ||
        (op->kind == RS_OP_DROP && reference_dropped(r->sim->oracles[r->partition]->reference,
                                                     r->sim->topics[r->partition].sealed_next, op))) {
        return;
    }
    for (size_t left = r->expected->op_count; left > 0; left--) {
        if (!rs_batch_next(r->expected, &r->cursor, &e)) {
            r->cursor = r->place = 0;
            (void)rs_batch_next(r->expected, &r->cursor, &e);
        }
        size_t place = r->place++;
        if (e.kind == op->kind && e.aggregate == op->aggregate && rs_slice_equal(e.key, op->key) &&
            e.score_ms == op->score_ms && rs_slice_equal(e.fields, op->fields)) {
            r->seen[place] = true;
            return;
        }
    }
    note_op(r->sim, "restored", op);
    sim_wrong(r->sim,
              "partition %u: restored from the log as of %" PRId64 ", group %.*s (kind %d, %" PRId64
              ") is not the fold of the input",
              r->partition, r->sim->topics[r->partition].sealed_next, (int)op->key.size,
              (const char *)op->key.data, (int)op->kind, op->score_ms);
}

/* What it would not say must have been in Redis: a window whose member was acknowledged. */
static void check_unsaid(struct restoring *r)
{
    const struct oracle_part *o = r->sim->oracles[r->partition];
    struct rs_op e;
    size_t cursor = 0;
    for (size_t i = 0; rs_batch_next(r->expected, &cursor, &e); i++) {
        if (r->seen[i] || e.kind == RS_OP_DROP || op_takes_back(&e) ||
            (e.kind == RS_OP_HISTORY && hashes_have(&o->written, op_hash(&e)))) {
            continue;
        }
        note_op(r->sim, "expected", &e);
        sim_wrong(r->sim,
                  "partition %u: restored from the log as of %" PRId64 ", group %.*s has no %s %" PRId64
                  ", and Redis never had it",
                  r->partition, r->sim->topics[r->partition].sealed_next, (int)e.key.size,
                  (const char *)e.key.data, e.kind == RS_OP_VIEW ? "view" : "window", e.score_ms);
    }
}

/* Returns the size of the state. */
static uint64_t compare_restored(struct sim *sim, uint32_t partition, struct rs_partition *fresh)
{
    const struct topic *t = &sim->topics[partition];
    struct reference *reference = sim->oracles[partition]->reference;
    struct rs_buf bytes = {0};
    struct restoring r = {.sim = sim, .partition = partition};
    r.expected = reference_render(reference, t->sealed_next, t->sealed_shown);
    r.seen = sim_alloc(r.expected->op_count + 1);
    drain(fresh, t->sealed_shown, see_restored, &r);
    check_unsaid(&r);
    rs_partition_save(fresh, &bytes);
    if (!sim->failed &&
        !rs_slice_equal(rs_buf_slice(&bytes), reference_bytes(reference, t->sealed_next, t->sealed_shown))) {
        sim_wrong(
            sim, "partition %u: the state restored from the log is not the fold of the input before %" PRId64,
            partition, t->sealed_next);
    }
    uint64_t size = bytes.size;
    rs_buf_fini(&bytes);
    free(r.seen);
    return size;
}

/* A sweep begins when the log is twice what the one before it came to, and takes its place when it is done.
 * It takes the state, and what changes meanwhile; how long that is hangs on an estimate of what groups take
 * up. With so little state most of a batch is its head, with up to 4 KiB of times of its own, and its seal;
 * and who takes over begins anew with the sweep that its predecessor was at. */
#define SWEEP_TIMES 6
#define BESIDE      16384

static void check_size(struct sim *sim, uint32_t partition, const struct rs_state_reading *reading,
                       uint64_t state)
{
    struct topic *t = &sim->topics[partition];
    t->state_most = state > t->state_most ? state : t->state_most;
    uint64_t sweep = SWEEP_TIMES * t->state_most + BESIDE;
    if (reading->sweep_start > 0 && reading->sweep_start != t->sweep_start) {
        t->sweep_start = reading->sweep_start;
        t->sweep_bytes = reading->sweep_bytes;
        t->state_most = state;
        if (t->sweep_bytes > sweep) {
            sim_wrong(sim, "partition %u: a sweep of %" PRIu64 " bytes for %" PRIu64 " bytes of state",
                      partition, t->sweep_bytes, state);
        }
    }
    uint64_t before = sim->sweep_floor > 2 * t->sweep_bytes ? sim->sweep_floor : 2 * t->sweep_bytes;
    if (t->bytes > before + sweep) {
        sim_wrong(sim,
                  "partition %u: the state log holds %" PRIu64 " bytes, the last sweep had %" PRIu64
                  ", the state has %" PRIu64,
                  partition, t->bytes, t->sweep_bytes, state);
    }
}

static void check_state(struct sim *sim, uint32_t partition)
{
    struct topic *t = &sim->topics[partition];
    struct rs_state_reader *reader = NULL;
    struct rs_partition *fresh = fresh_partition(sim, partition);
    struct rs_state_reading reading = {0};
    struct rs_error error;
    int rc = rs_state_reader_new(topic_identity(sim, partition), &reader, &error);
    rc = rc == 0 ? read_log(sim, partition, reader, &fresh, &error) : rc;
    if (rc == 0) {
        rs_state_reader_result(reader, &reading);
        rc = reading.sealed ? rs_partition_restore_end(fresh, &reading.seal, NULL, &error) : 0;
    }
    sim->stats.restores++;
    if (rc != 0) {
        sim_wrong(sim, "partition %u: the log does not restore: %s", partition, error.text);
    } else if (reading.sealed ? reading.seal.next_offset != t->sealed_next : t->sealed_next != -1) {
        sim_wrong(sim, "partition %u: the log restores to %" PRId64 ", sealed is %" PRId64, partition,
                  reading.sealed ? reading.seal.next_offset : -1, t->sealed_next);
    } else if (reading.sealed) {
        uint64_t state = compare_restored(sim, partition, fresh);
        if (sim->calm) {
            check_size(sim, partition, &reading, state);
        }
    }
    rs_partition_free(&fresh);
    rs_state_reader_free(&reader);
}

/* ---- records as they land ---- */

static void landed_claim(struct sim *sim, uint32_t partition, int64_t offset, const uint8_t *bytes)
{
    struct topic *t = &sim->topics[partition];
    struct oracle_part *o = sim->oracles[partition];
    memcpy(t->owner, bytes + OWNER_AT, sizeof t->owner);
    t->owned = true;
    t->claim = offset;
    t->claimant = NULL;
    t->batch = t->open_batch = t->chunks = 0;
    if (get32(bytes + FLAGS_AT) & RS_CLAIM_REBUILD) {
        t->sealed_next = t->sealed_at = -1;
    }
    if (o->claim_count == o->claim_capacity) {
        o->claim_capacity = o->claim_capacity * 2 + 16;
        o->claims = realloc(o->claims, o->claim_capacity * sizeof *o->claims);
    }
    int64_t next = t->sealed_next < 0 ? t->rebuild_from : t->sealed_next;
    o->claims[o->claim_count++] = (struct claimed){offset, next};
    sim->stats.claims++;
}

static void landed_chunk(struct sim *sim, uint32_t partition, const uint8_t *bytes)
{
    struct topic *t = &sim->topics[partition];
    uint64_t batch = get64(bytes + BATCH_AT);
    uint32_t sequence = get32(bytes + CHUNK_SEQ);
    if (batch != t->batch + 1 || sequence != t->chunks) {
        sim_wrong(sim,
                  "partition %u: chunk %u of batch %" PRIu64 " stands where chunk %" PRIu64
                  " of batch %" PRIu64 " is due",
                  partition, sequence, batch, t->chunks, t->batch + 1);
    }
    t->chunks = sequence + 1;
}

static void landed_seal(struct sim *sim, uint32_t partition, int64_t offset, const uint8_t *bytes)
{
    struct topic *t = &sim->topics[partition];
    struct oracle_part *o = sim->oracles[partition];
    int64_t next = (int64_t)get64(bytes + SEAL_NEXT);
    if (get64(bytes + BATCH_AT) != t->batch + 1 || get32(bytes + SEAL_COUNT) != t->chunks) {
        sim_wrong(sim, "partition %u: the seal at %" PRId64 " does not fit its chunks", partition, offset);
    }
    if (next < 0 || (size_t)next > sim->feeds[partition].count || next < t->sealed_next) {
        sim_wrong(sim, "partition %u: sealed is %" PRId64 ", and now %" PRId64, partition, t->sealed_next,
                  next);
        return;
    }
    t->batch++;
    t->chunks = 0;
    t->sealed_next = next;
    t->sealed_ever = next > t->sealed_ever ? next : t->sealed_ever;
    t->sealed_at = offset;
    t->sealed_shown = (int64_t)get64(bytes + SEAL_SHOWN);
    t->seals++;
    if (o->seal_count == o->seal_capacity) {
        o->seal_capacity = o->seal_capacity * 2 + 64;
        o->seals = realloc(o->seals, o->seal_capacity * sizeof *o->seals);
    }
    o->seals[o->seal_count++] = (struct sealed){t->claim, next};
    sim->stats.seals++;
    check_sums(sim, partition, bytes);
    check_state(sim, partition);
}

void oracle_landed(struct sim *sim, uint32_t partition, int64_t offset)
{
    const struct topic *t = &sim->topics[partition];
    const uint8_t *bytes = t->records[offset].bytes;
    if (bytes[4] == RS_RECORD_CLAIM) {
        landed_claim(sim, partition, offset, bytes);
    } else if (t->owned && memcmp(t->owner, bytes + OWNER_AT, sizeof t->owner) == 0) {
        if ((int64_t)get64(bytes + TOKEN_AT) != t->claim) {
            sim_wrong(sim,
                      "partition %u: the record at %" PRId64 " names the claim at %" PRId64
                      ", its owner's stands at %" PRId64,
                      partition, offset, (int64_t)get64(bytes + TOKEN_AT), t->claim);
        }
        if (bytes[4] == RS_RECORD_CHUNK) {
            landed_chunk(sim, partition, bytes);
        } else {
            landed_seal(sim, partition, offset, bytes);
        }
    }
}

void oracle_trimmed(struct sim *sim, uint32_t partition)
{
    check_state(sim, partition);
}

void oracle_claimed(struct sim *sim, uint32_t partition, uint64_t token, int64_t next_offset)
{
    const struct oracle_part *o = sim->oracles[partition];
    for (size_t i = 0; i < o->claim_count; i++) {
        if (o->claims[i].offset == (int64_t)token) {
            if (o->claims[i].next != next_offset) {
                sim_wrong(sim,
                          "partition %u: the claim at %" PRIu64 " begins the input at %" PRId64
                          ", and not at %" PRId64,
                          partition, token, next_offset, o->claims[i].next);
            }
            return;
        }
    }
    sim_wrong(sim, "partition %u: no claim stands at %" PRIu64, partition, token);
}

void oracle_committed(struct sim *sim, uint32_t partition, uint64_t token, int64_t next_offset)
{
    const struct oracle_part *o = sim->oracles[partition];
    for (size_t i = o->seal_count; i-- > 0;) {
        if (o->seals[i].claim == (int64_t)token && o->seals[i].next == next_offset) {
            return;
        }
    }
    sim_wrong(sim, "partition %u: the owner of the claim at %" PRIu64 " believes that it sealed %" PRId64,
              partition, token, next_offset);
}

/* ---- the end ---- */

/* A window that Redis lost after it had acknowledged it, and whose panes are gone since: nobody can bring it
 * back. */
static bool excused(struct sim *sim, uint32_t partition, const struct rs_op *op, int64_t shown_us)
{
    struct oracle_part *o = sim->oracles[partition];
    struct rs_op held;
    return op->kind == RS_OP_HISTORY &&
           hashes_have(&o->lost, member_hash(op->aggregate, op->key, op->score_ms, (struct rs_slice){0})) &&
           !reference_find(reference_held(o->reference, (int64_t)sim->feeds[partition].count, shown_us), op,
                           &held);
}

static const char *lacking(struct sim *sim, uint32_t partition, const struct rs_view_batch *expected,
                           int64_t shown_us)
{
    struct shelf *s = &sim->store.shelves[partition];
    struct rs_op op;
    size_t cursor = 0;
    while (rs_batch_next(expected, &cursor, &op)) {
        if (op_takes_back(&op) || reference_pushed_out(sim, expected, &op)) {
            continue;
        }
        int64_t score = op.kind == RS_OP_VIEW ? op.change_ms : op.score_ms;
        const struct entry *e =
            op.kind == RS_OP_DROP ? NULL : shelf_find(s, op.kind, op.aggregate, op.key, score);
        bool right = e && rs_slice_equal(entry_fields(e), op.fields) && e->score == score;
        if (op.kind != RS_OP_DROP && !right && !excused(sim, partition, &op, shown_us)) {
            if (sim->telling) {
                note_op(sim, "lacking", &op);
            }
            return e ? "Redis holds another value" : "Redis lacks a value";
        }
    }
    return NULL;
}

static const char *superfluous(struct sim *sim, uint32_t partition, const struct rs_view_batch *expected)
{
    const struct shelf *s = &sim->store.shelves[partition];
    for (size_t i = 0; i < s->count; i++) {
        const struct entry *e = &s->entries[i];
        struct rs_op op = {
            .kind = e->kind, .aggregate = e->aggregate, .key = entry_key(e), .score_ms = e->score};
        struct rs_op found;
        if (!e->ghost && !reference_find(expected, &op, &found)) {
            if (sim->telling) {
                op.fields = entry_fields(e);
                note_op(sim, "superfluous", &op);
            }
            return "Redis holds a value that should not be there";
        }
    }
    return NULL;
}

/* So long after the time that the events had led to every window of those who are not ahead of it has ended
 * and drained. A partition without input gets there at the pace of the clock. */
#define QUIET_US (60 * SECOND)

/* NULL: all is as it has to be in the end: shown as of a time that a partition at rest must have reached,
 * and all that is due by then, with what has its time from its own group's clock. What was ahead of the
 * others is owed its windows' ends when that time comes to them. */
static const char *unsettled(struct sim *sim, uint32_t partition)
{
    const struct topic *t = &sim->topics[partition];
    const struct feed *f = &sim->feeds[partition];
    const struct shelf *s = &sim->store.shelves[partition];
    int64_t count = (int64_t)f->count;
    if (t->sealed_next != count) {
        return "not all of the input is sealed";
    }
    if (s->fenced && s->fence.offset > count) {
        return "the fence is beyond the input";
    }
    struct reference *r = sim->oracles[partition]->reference;
    int64_t led_us = reference_front(r);
    int64_t least_us = led_us == RS_TIME_NONE ? RS_TIME_NONE : led_us + QUIET_US;
    int64_t shown_us =
        s->fenced ? s->fence.now_shown_us : least_us; /* none: who has nothing to say is slow to ask */
    if (shown_us < least_us) {
        return "the time that is shown stands still";
    }
    const struct rs_view_batch *expected = reference_render(r, count, shown_us);
    const char *what = lacking(sim, partition, expected, shown_us);
    return what ? what : superfluous(sim, partition, expected);
}

bool oracle_settled(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->partition_count; i++) {
        if (unsettled(sim, i)) {
            return false;
        }
    }
    return true;
}

void oracle_end(struct sim *sim)
{
    sim->telling = true;
    for (uint32_t i = 0; i < sim->partition_count && !sim->failed; i++) {
        const char *what = unsettled(sim, i);
        if (what) {
            sim_wrong(sim, "partition %u, after healing: %s", i, what);
        }
        reference_check(sim->oracles[i]->reference, (int64_t)sim->feeds[i].count, sim->shown_end_us);
        if (sim->windows) { /* when days have ended, too */
            reference_check(sim->oracles[i]->reference, (int64_t)sim->feeds[i].count,
                            sim->shown_end_us + 50 * HOUR);
        }
        check_state(sim, i);
    }
}
