/* Redis: one store for all, judged and written as write_batch.lua does, and each process's connection to it.
 * The way of a batch is the real sink's: it is sent again until Redis has answered for it, whatever happened
 * to the connection, and a loss of the store is known to the process before it gets an answer from what came
 * after. */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/cluster.h"

struct flight_node {
    struct rs_view_batch *batch;
    uint64_t number;
    bool applied;
    int64_t arrive_us;
    struct flight_node *next;
};

/* ---- store ---- */

static void blob_drop(struct blob *blob)
{
    if (--blob->holders == 0) {
        free(blob);
    }
}

static struct blob *blob_new(struct rs_slice key, struct rs_slice fields)
{
    struct blob *blob = sim_alloc(sizeof *blob + key.size + fields.size + 1);
    blob->holders = 1;
    blob->key_size = (uint32_t)key.size;
    blob->size = (uint32_t)(key.size + fields.size);
    if (key.size) {
        memcpy(blob->bytes, key.data, key.size);
    }
    if (fields.size) {
        memcpy(blob->bytes + key.size, fields.data, fields.size);
    }
    return blob;
}

void store_free(struct store *store)
{
    for (uint32_t i = 0; i < PARTITIONS_MAX; i++) {
        for (size_t k = 0; k < store->shelves[i].count; k++) {
            blob_drop(store->shelves[i].entries[k].blob);
        }
        free(store->shelves[i].entries);
    }
    *store = (struct store){0};
}

static void store_copy(struct store *to, const struct store *from)
{
    store_free(to);
    *to = *from;
    for (uint32_t i = 0; i < PARTITIONS_MAX; i++) {
        struct shelf *s = &to->shelves[i];
        s->capacity = s->count + 16;
        s->entries = sim_alloc(s->capacity * sizeof *s->entries);
        for (size_t k = 0; k < s->count; k++) {
            s->entries[k] = from->shelves[i].entries[k];
            s->entries[k].blob->holders++;
        }
    }
}

struct entry *shelf_find(struct shelf *s, enum rs_op_kind kind, uint32_t aggregate, struct rs_slice key,
                         int64_t score)
{
    for (size_t i = 0; i < s->count; i++) {
        struct entry *e = &s->entries[i];
        if (e->kind == kind && e->aggregate == aggregate && (kind == RS_OP_VIEW || e->score == score) &&
            rs_slice_equal(entry_key(e), key)) {
            return e;
        }
    }
    return NULL;
}

static void shelf_set(struct shelf *s, const struct rs_op *op, const struct rs_view_batch *batch)
{
    int64_t score = op->kind == RS_OP_VIEW ? op->change_ms : op->score_ms;
    struct entry *e = shelf_find(s, op->kind, op->aggregate, op->key, score);
    bool lost = e && e->lost;
    if (e) {
        blob_drop(e->blob);
    } else {
        if (s->count == s->capacity) {
            s->capacity = s->capacity * 2 + 32;
            s->entries = realloc(s->entries, s->capacity * sizeof *s->entries);
            if (!s->entries) {
                abort();
            }
        }
        e = &s->entries[s->count++];
    }
    *e = (struct entry){.kind = op->kind,
                        .aggregate = op->aggregate,
                        .score = score,
                        .blob = blob_new(op->key, op->fields),
                        .offset = batch->offset,
                        .shown_us = batch->now_shown_us,
                        .lost = lost,
                        .ghost = batch->token < s->token_seen};
}

static void shelf_drop(struct sim *sim, struct shelf *s, const struct rs_op *op,
                       const struct rs_view_batch *batch)
{
    for (size_t i = s->count; i-- > 0;) {
        if (s->entries[i].aggregate == op->aggregate && rs_slice_equal(entry_key(&s->entries[i]), op->key)) {
            if (batch->token < s->token_seen) {
                oracle_robbed(sim, place_of_batch(sim, batch), &s->entries[i]);
            }
            blob_drop(s->entries[i].blob);
            s->entries[i] = s->entries[--s->count];
        }
    }
}

/* What a session takes the place of. */
static void shelf_clear(struct shelf *s, const struct rs_op *op)
{
    for (size_t i = s->count; i-- > 0;) {
        struct entry *e = &s->entries[i];
        if (e->kind == RS_OP_HISTORY && e->aggregate == op->aggregate && e->score >= op->score_ms &&
            e->score <= op->last_ms && rs_slice_equal(entry_key(e), op->key)) {
            blob_drop(e->blob);
            s->entries[i] = s->entries[--s->count];
        }
    }
}

/* Only the newest are kept. */
static void shelf_trim(struct shelf *s, const struct rs_op *op, uint32_t keep)
{
    for (;;) {
        uint32_t count = 0;
        size_t oldest = 0;
        for (size_t i = 0; i < s->count; i++) {
            struct entry *e = &s->entries[i];
            if (e->kind == RS_OP_HISTORY && e->aggregate == op->aggregate &&
                rs_slice_equal(entry_key(e), op->key)) {
                oldest = count++ == 0 || e->score < s->entries[oldest].score ? i : oldest;
            }
        }
        if (count <= keep) {
            return;
        }
        blob_drop(s->entries[oldest].blob);
        s->entries[oldest] = s->entries[--s->count];
    }
}

static void shelf_write(struct sim *sim, struct shelf *s, const struct rs_op *op,
                        const struct rs_view_batch *batch)
{
    bool session = op->flags & RS_OP_SESSION;
    if (op->kind == RS_OP_DROP) {
        shelf_drop(sim, s, op, batch);
        return;
    }
    if (session && (op->field_count == 0 || op->last_ms > op->score_ms)) {
        shelf_clear(s, op);
    }
    if (!session || op->field_count > 0) {
        shelf_set(s, op, batch);
    }
    if (session) {
        shelf_trim(s, op, sim->world->metas[op->aggregate].history);
    }
}

/* ---- one batch ---- */

static void judge(struct shelf *s, struct rs_view_batch *batch)
{
    struct rs_redis_fence mine = rs_redis_fence_of(batch);
    batch->result = rs_redis_fence_judge(s->fenced ? &s->fence : NULL, &mine);
    if (s->fenced && rs_batch_hears_fence(batch, batch->result)) {
        batch->fence_offset = s->fence.offset;
        batch->fence_now_shown_us = s->fence.now_shown_us;
    }
    if (batch->result == RS_BATCH_BEHIND) {
        s->fence.token = mine.token;
    }
    if (batch->result == RS_BATCH_APPLIED) {
        s->fence = mine;
        s->fenced = true;
    }
}

static void note_ops(const struct sim *sim, const struct rs_view_batch *batch)
{
    struct rs_op op;
    size_t cursor = 0;
    while (sim->verbose && rs_batch_next(batch, &cursor, &op)) {
        sim_note(sim, "    %s a%u/%.*s %lld",
                 op.kind == RS_OP_VIEW      ? "view"
                 : op.kind == RS_OP_HISTORY ? "window"
                                            : "drop",
                 op.aggregate, (int)op.key.size, (const char *)op.key.data, (long long)op.score_ms);
    }
}

/* Owners stand as long as anything of their group does. */
static void scan_shelf(const struct shelf *s, struct rs_view_batch *batch)
{
    rs_buf_reset(&batch->scanned);
    for (size_t i = 0; i < s->count; i++) {
        if (s->entries[i].aggregate == batch->scan_aggregate) {
            rs_batch_scanned_put(batch, entry_key(&s->entries[i]));
        }
    }
    batch->scan_cursor = 0;
}

static void write_batch(struct process *p, struct rs_view_batch *batch)
{
    struct sim *sim = p->sim;
    uint32_t partition = place_of_batch(sim, batch);
    struct shelf *s = &sim->store.shelves[partition];
    struct rs_op op;
    size_t cursor = 0;
    rs_buf_reset(&batch->conflicts);
    if (batch->scan) {
        batch->result = RS_BATCH_APPLIED;
        scan_shelf(s, batch);
        return;
    }
    if (sim->names_taken) {
        rs_buf_reset(&batch->refusal);
        rs_buf_text(&batch->refusal, "the names belong to another consumer group");
        batch->result = RS_BATCH_REFUSED;
    } else {
        judge(s, batch);
    }
    sim->stats.batches++;
    sim_note(sim,
             "process %u partition %u: batch token %llu offset %lld shown %lld, %u operations: result %d",
             p->number, partition, (unsigned long long)batch->token, (long long)batch->offset,
             (long long)batch->now_shown_us, batch->op_count, batch->result);
    if (batch->result != RS_BATCH_APPLIED) {
        return;
    }
    /* A loss takes the fence too: until the owner is back, a former owner's batch is not refused. What it
     * writes of a group that has expired since nobody will delete. */
    s->token_seen = batch->token > s->token_seen ? batch->token : s->token_seen;
    oracle_batch(sim, batch);
    note_ops(sim, batch);
    while (rs_batch_next(batch, &cursor, &op)) {
        shelf_write(sim, s, &op, batch);
    }
}

/* ---- another consumer group ---- */

void redis_taken(struct sim *sim, bool taken)
{
    if (sim->names_taken != taken) {
        sim->names_taken = taken;
        sim_note(sim, taken ? "another consumer group takes the names over"
                            : "the names are given over to this consumer group");
    }
}

/* While it has the names it writes under them. It does so once the owner knows: who neither writes nor asks
 * between two commands of an operator hears of neither. */
static void others_write(struct sim *sim, uint32_t partition)
{
    struct store next = {0};
    struct shelf *s = &next.shelves[partition];
    store_copy(&next, &sim->store);
    for (size_t i = 0; i < s->count; i++) {
        struct blob *theirs = blob_new(entry_key(&s->entries[i]), (struct rs_slice){0});
        blob_drop(s->entries[i].blob);
        s->entries[i].blob = theirs;
    }
    oracle_loses(sim, &next);
    store_free(&sim->store);
    sim->store = next;
    sim_note(sim, "partition %u: another consumer group has written over %zu values", partition, s->count);
}

/* ---- a process's connection ---- */

static void connect_anew(struct process *p)
{
    if (p->epoch != p->sim->store_epoch) {
        p->epoch = p->sim->store_epoch;
        p->generation++;
        sim_note(p->sim, "process %u: learns that Redis was lost", p->number);
    }
}

static struct flight_node *flight_find(const struct process *p, uint64_t number)
{
    struct flight_node *node = p->flights;
    while (node && node->number != number) {
        node = node->next;
    }
    return node;
}

static void hand_back(struct process *p, struct flight_node *node)
{
    struct flight_node **link = &p->flights;
    while (*link != node) {
        link = &(*link)->next;
    }
    *link = node->next;
    struct rs_view_batch *batch = node->batch;
    rs_view_batches_push(&p->finished, batch);
    free(node);
    uint32_t place = place_of_batch(p->sim, batch);
    if (batch->result == RS_BATCH_REFUSED && p->sim->names_taken &&
        (int64_t)batch->token == p->sim->topics[place].claim) {
        others_write(p->sim, place);
    }
    if (batch->result == RS_BATCH_BEHIND) {
        struct pipe *pipe = &p->pipes[place];
        pipe->barrier = batch->fence_offset;
        pipe->barrier_epoch = batch->epoch;
        pipe->barrier_token = batch->token;
    }
    process_wake(p);
}

static sim_fire arrive;

/* All that is unanswered is sent again, in order. */
static void send_again(struct process *p)
{
    struct sim *sim = p->sim;
    int64_t at = sim_now(sim) + sim_delay(sim);
    p->connection++;
    connect_anew(p);
    for (struct flight_node *node = p->flights; node; node = node->next) {
        at += rs_random_between(&sim->chance, 0, 2) * MS;
        node->applied = false;
        node->arrive_us = at;
        sim_at(sim, at, arrive, p, node->number << 24 | (p->connection & 0xFFFFFF));
    }
}

static void replied(struct sim *sim, void *subject, uint64_t tag)
{
    struct process *p = subject;
    struct flight_node *node = flight_find(p, tag >> 24);
    if (!node || (tag & 0xFFFFFF) != (p->connection & 0xFFFFFF) || !p->alive || p->dying) {
        return;
    }
    if (p->paused) {
        sim_at(sim, p->resume_us + MS, replied, p, tag);
        return;
    }
    bool cut = rs_random_one_in(&sim->chance, sim->faults.cut) || sim->store_away_us > sim_now(sim);
    if (cut || p->epoch != sim->store_epoch) {
        send_again(p);
        return;
    }
    if (rs_random_one_in(&sim->chance, sim->faults.unanswered)) {
        node->batch->result = RS_BATCH_NONE;
    }
    if (node != p->flights) {
        sim_at(sim, sim_now(sim) + MS, replied, p, tag); /* answers come in order */
        return;
    }
    hand_back(p, node);
}

static void arrive(struct sim *sim, void *subject, uint64_t tag)
{
    struct process *p = subject;
    struct flight_node *node = flight_find(p, tag >> 24);
    if (!node || node->applied || (tag & 0xFFFFFF) != (p->connection & 0xFFFFFF)) {
        return;
    }
    if (p->alive && p->epoch != sim->store_epoch) {
        send_again(p); /* another server, or another life of it: the old connection is dead */
        return;
    }
    if (p->epoch != sim->store_epoch) {
        return;
    }
    if (sim->store_away_us > sim_now(sim)) {
        sim_at(sim, sim->store_away_us + rs_random_between(&sim->chance, 0, 50) * MS, arrive, p, tag);
        return;
    }
    node->applied = true;
    if (rs_random_one_in(&sim->chance, sim->faults.unanswered * 2)) {
        node->batch->result = RS_BATCH_NONE;
        sim_at(sim, sim_now(sim) + sim_delay(sim), replied, p, tag);
        return;
    }
    write_batch(p, node->batch);
    sim_at(sim, sim_now(sim) + sim_delay(sim), replied, p, tag);
}

/* ---- the sink's table ---- */

static void sink_submit(void *self, struct rs_view_batch **batch)
{
    struct process *p = self;
    struct sim *sim = p->sim;
    struct flight_node *node = sim_alloc(sizeof *node);
    struct flight_node **link = &p->flights;
    bool acts = process_acts(p);
    node->batch = *batch;
    *batch = NULL;
    oracle_submits(p, node->batch);
    node->number = ++p->flight_number;
    node->arrive_us = sim_now(sim) + sim_delay(sim);
    node->batch->result = RS_BATCH_NONE;
    for (; *link; link = &(*link)->next) {
        int64_t before = (*link)->arrive_us;
        node->arrive_us = before > node->arrive_us ? before : node->arrive_us;
    }
    *link = node;
    if (acts) {
        sim_at(sim, node->arrive_us, arrive, p, node->number << 24 | (p->connection & 0xFFFFFF));
    }
}

static struct rs_view_batch *sink_finished(void *self, uint32_t worker)
{
    struct process *p = self;
    (void)worker;
    return rs_view_batches_pop(&p->finished);
}

static uint64_t sink_generation(void *self)
{
    struct process *p = self;
    if (p->generation_seen != p->generation) {
        p->generation_seen = p->generation;
        for (uint32_t i = 0; i < PARTITIONS_MAX; i++) {
            p->pipes[i].barrier = 0;
        }
    }
    return p->generation;
}

static int sink_wake_fd(void *self, uint32_t worker)
{
    (void)self;
    (void)worker;
    return 0;
}

static const struct rs_view_sink_ops sink_ops = {
    .submit = sink_submit,
    .finished = sink_finished,
    .generation = sink_generation,
    .wake_fd = sink_wake_fd,
};

struct rs_view_sink redis_table(struct process *p)
{
    return (struct rs_view_sink){.self = p, .ops = &sink_ops};
}

void redis_free(struct process *p)
{
    rs_view_batches_fini(&p->finished);
}

void flights_free(struct process *p)
{
    while (p->flights) {
        struct flight_node *node = p->flights;
        p->flights = node->next;
        rs_view_batch_free(&node->batch);
        free(node);
    }
}

/* ---- losses ---- */

void redis_copy(struct sim *sim)
{
    if (sim->copy_count == COPIES_MAX) {
        store_free(&sim->copies[0]);
        memmove(&sim->copies[0], &sim->copies[1], (COPIES_MAX - 1) * sizeof sim->copies[0]);
        sim->copies[--sim->copy_count] = (struct store){0};
    }
    store_copy(&sim->copies[sim->copy_count++], &sim->store);
}

static void learn(struct sim *sim, void *subject, uint64_t number)
{
    struct process *p = subject;
    (void)number;
    if (p->alive && p->paused) {
        sim_at(sim, p->resume_us + MS, learn, p, 0);
    } else if (p->alive && p->epoch != sim->store_epoch) {
        send_again(p);
        process_wake(p);
    }
}

static void lose(struct sim *sim, struct store *next)
{
    for (uint32_t i = 0; i < sim->partition_count; i++) {
        next->shelves[i].token_seen = sim->store.shelves[i].token_seen;
    }
    oracle_loses(sim, next);
    store_free(&sim->store);
    sim->store = *next;
    *next = (struct store){0};
    sim->store_epoch++;
    sim->stats.losses++;
    for (uint32_t i = 0; i < sim->process_count; i++) {
        struct process *p = sim->processes[i];
        if (p->alive) {
            sim_at(sim, sim_now(sim) + rs_random_between(&sim->chance, 0, 2000) * MS, learn, p, 0);
        }
    }
}

void redis_failover(struct sim *sim)
{
    if (sim->copy_count) {
        size_t at = (size_t)rs_random_between(&sim->chance, 0, (int64_t)sim->copy_count - 1);
        struct store next = {0};
        store_copy(&next, &sim->copies[at]);
        sim_note(sim, "Redis fails over");
        lose(sim, &next);
    }
}

void redis_wipe(struct sim *sim)
{
    struct store next = {0};
    sim_note(sim, "Redis is wiped");
    lose(sim, &next);
    while (sim->copy_count) {
        store_free(&sim->copies[--sim->copy_count]);
    }
}
