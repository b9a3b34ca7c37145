/* The input topic as each process sees it, and the consumer group's coordinator. */
#include <stdlib.h>

#include "tests/sim/cluster.h"

#define RUN 8 /* records handed out at once, at most */

int64_t input_end(const struct sim *sim, uint32_t partition)
{
    const struct feed *f = &sim->feeds[partition];
    int64_t end = 0;
    while ((size_t)end < f->count && f->visible_us[end] <= sim_now(sim)) {
        end++;
    }
    return end;
}

static void arrive(struct sim *sim, void *subject, uint64_t number)
{
    const struct feed *f = &sim->feeds[number];
    (void)subject;
    for (uint32_t i = 0; i < sim->process_count; i++) {
        if (sim->processes[i]->pipes[number].reading) {
            process_wake(sim->processes[i]);
        }
    }
    int64_t end = input_end(sim, (uint32_t)number);
    if ((size_t)end < f->count) {
        sim_at(sim, f->visible_us[end], arrive, NULL, number);
    }
}

void input_begin(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->partition_count; i++) {
        arrive(sim, NULL, i);
    }
}

/* ---- what the coordinator tells a process ---- */

static void deliver(struct sim *sim, void *subject, uint64_t number)
{
    struct process *p = subject;
    (void)sim;
    if (!p->alive) {
        return;
    }
    struct source_node *node = sim_alloc(sizeof *node);
    node->kind = (enum rs_source_event_kind)(number >> 8);
    node->partition = (uint32_t)(number & 255);
    source_nodes_push(&p->source_events, node);
    process_wake(p);
}

/* Through one connection: in order. */
static void tell(struct process *p, enum rs_source_event_kind kind, uint32_t partition)
{
    struct sim *sim = p->sim;
    int64_t at = sim_now(sim) + rs_random_between(&sim->chance, 0, 10) * MS;
    sim_note(sim, "coordinator: process %u partition %u: %s", p->number, partition,
             kind == RS_SOURCE_ASSIGNED ? "assigned" : "revoked");
    if (at < p->told_us) {
        at = p->told_us;
    }
    p->told_us = at;
    sim_at(sim, at, deliver, p, (uint64_t)kind << 8 | partition);
}

/* ---- coordinator ---- */

static struct process *some_member(struct sim *sim)
{
    struct process *members[SEATS_MAX];
    int64_t count = 0;
    for (uint32_t i = 0; i < sim->seat_count; i++) {
        struct process *p = sim->seats[i];
        if (p && p->alive && p->member && !p->stopping) {
            members[count++] = p;
        }
    }
    return count ? members[rs_random_between(&sim->chance, 0, count - 1)] : NULL;
}

static void assign(struct sim *sim, uint32_t partition)
{
    struct feed *f = &sim->feeds[partition];
    f->owner = some_member(sim);
    if (f->owner) {
        tell(f->owner, RS_SOURCE_ASSIGNED, partition);
    }
}

static void tick(struct sim *sim, void *subject, uint64_t number)
{
    (void)subject;
    (void)number;
    for (uint32_t i = 0; i < sim->partition_count; i++) {
        if (!sim->feeds[i].owner && sim_now(sim) >= sim->feeds[i].free_us) {
            assign(sim, i);
        }
    }
    sim_at(sim, sim_now(sim) + rs_random_between(&sim->chance, 50, 300) * MS + sim->lazy_us, tick, NULL, 0);
}

void coordinator_begin(struct sim *sim)
{
    tick(sim, NULL, 0);
}

void coordinator_move(struct sim *sim)
{
    struct feed *f = &sim->feeds[rs_random_between(&sim->chance, 0, sim->partition_count - 1)];
    if (f->owner && !f->owner->expired) {
        tell(f->owner, RS_SOURCE_REVOKED, (uint32_t)(f - sim->feeds));
        f->owner = NULL;
        f->free_us = sim_now(sim) +
                     (rs_random_one_in(&sim->chance, 2) ? 0 : rs_random_between(&sim->chance, 0, 6000) * MS);
    }
}

static bool calm(const struct process *p)
{
    return p && p->alive && p->member && !p->stopping && !p->paused && !p->expired;
}

struct look {
    const struct sim *sim;
    uint32_t partition;
    bool obeyed;
};

static void look(void *ctx, const struct rs_worker_snapshot *snapshot)
{
    struct look *l = ctx;
    for (size_t i = 0; i < snapshot->partition_count; i++) {
        const struct rs_worker_partition_status *s = &snapshot->partitions[i];
        l->obeyed = l->obeyed ||
                    (s->stream == stream_of(l->sim, l->partition) &&
                     s->partition == partition_of(l->sim, l->partition) && s->phase == RS_PARTITION_RUNNING &&
                     (int64_t)s->token == l->sim->topics[l->partition].claim);
    }
}

bool coordinator_obeyed(struct sim *sim, const struct process *p, uint32_t partition)
{
    struct look l = {.sim = sim, .partition = partition};
    if (p->alive) {
        rs_worker_snapshot(p->worker, look, &l);
    }
    return l.obeyed;
}

bool coordinator_gives_away(struct sim *sim, struct away *away)
{
    uint32_t partition = (uint32_t)rs_random_between(&sim->chance, 0, sim->partition_count - 1);
    struct process *from = sim->feeds[partition].owner;
    struct process *to = some_member(sim);
    if (!calm(from) || !calm(to) || from == to || !coordinator_obeyed(sim, from, partition)) {
        return false;
    }
    *away = (struct away){.partition = partition, .from = from, .to = to};
    tell(from, RS_SOURCE_REVOKED, partition);
    sim->feeds[partition].owner = to;
    tell(to, RS_SOURCE_ASSIGNED, partition);
    return true;
}

void coordinator_gives_back(struct sim *sim, const struct away *away)
{
    tell(away->to, RS_SOURCE_REVOKED, away->partition);
    sim->feeds[away->partition].owner = away->from;
    tell(away->from, RS_SOURCE_ASSIGNED, away->partition);
}

/* What a process owned is anybody's. */
static void disown(struct process *p, bool tell_it)
{
    struct sim *sim = p->sim;
    for (uint32_t i = 0; i < sim->partition_count; i++) {
        if (sim->feeds[i].owner == p) {
            sim->feeds[i].owner = NULL;
            p->to_lose |= tell_it ? 1u << i : 0;
        }
    }
}

void coordinator_gone(struct process *p)
{
    p->member = false;
    disown(p, false);
}

void coordinator_expire(struct process *p)
{
    if (p->alive && p->member && !p->expired) {
        sim_note(p->sim, "coordinator: process %u expired", p->number);
        p->expired = true;
        p->member = false;
        disown(p, true);
    }
}

static void hear(struct sim *sim, void *subject, uint64_t number)
{
    struct process *p = subject;
    (void)number;
    if (!p->alive || !p->expired || p->paused) { /* paused again: it joins nothing until it has resumed */
        return;
    }
    for (uint32_t i = 0; i < sim->partition_count; i++) {
        if (p->to_lose >> i & 1) {
            tell(p, RS_SOURCE_REVOKED, i);
        }
    }
    p->to_lose = 0;
    p->expired = false;
    p->member = !p->stopping;
}

/* It goes on with what it had until the group tells it; sometimes that takes long. */
void coordinator_resumed(struct process *p)
{
    struct sim *sim = p->sim;
    int64_t after = rs_random_one_in(&sim->chance, 3) ? rs_random_between(&sim->chance, 0, 15) * SECOND
                                                      : rs_random_between(&sim->chance, 0, 500) * MS;
    sim_at(sim, sim_now(sim) + after, hear, p, 0);
}

/* ---- the source's table ---- */

static bool take_event(struct process *p, struct rs_source_event *out)
{
    struct source_node *node = source_nodes_pop(&p->source_events);
    if (!node) {
        return false;
    }
    struct pipe *pipe = &p->pipes[node->partition];
    pipe->assigned = pipe->assigned || node->kind == RS_SOURCE_ASSIGNED;
    *out = (struct rs_source_event){.kind = node->kind,
                                    .stream = stream_of(p->sim, node->partition),
                                    .partition = partition_of(p->sim, node->partition)};
    free(node);
    return true;
}

static bool take_records(struct process *p, struct rs_source_event *out)
{
    struct sim *sim = p->sim;
    for (uint32_t i = 0; i < sim->partition_count && !p->run_lent; i++) {
        uint32_t partition = (p->turn + i) % sim->partition_count;
        struct pipe *pipe = &p->pipes[partition];
        int64_t ready = input_end(sim, partition) - (int64_t)pipe->at;
        if (!pipe->reading || ready <= 0) {
            continue;
        }
        size_t count = (size_t)rs_random_between(&sim->chance, 1, ready < RUN ? ready : RUN);
        *out = (struct rs_source_event){.kind = RS_SOURCE_RECORDS,
                                        .stream = stream_of(sim, partition),
                                        .partition = partition_of(sim, partition),
                                        .records = &sim->feeds[partition].log.records[pipe->at],
                                        .count = count};
        pipe->at += count;
        p->run_lent = true;
        p->turn = partition + 1;
        return true;
    }
    return false;
}

static bool source_take(void *self, uint32_t worker, struct rs_source_event *out)
{
    struct process *p = self;
    (void)worker;
    return !p->dying && (take_event(p, out) || take_records(p, out));
}

static void source_release(void *self, uint32_t worker)
{
    struct process *p = self;
    (void)worker;
    p->run_lent = false;
}

static int source_start(void *self, uint32_t stream, int32_t partition, int64_t offset,
                        struct rs_error *error)
{
    struct process *p = self;
    uint32_t place = place_of(p->sim, stream, partition);
    struct pipe *pipe = &p->pipes[place];
    (void)error;
    if (!process_acts(p)) {
        return 0;
    }
    if (!pipe->assigned) {
        sim_wrong(p->sim, "process %u starts partition %u that it was not given", p->number, place);
    }
    pipe->at = offset < 0 ? 0 : (size_t)offset;
    pipe->reading = true;
    return 0;
}

static void source_pause(void *self, uint32_t stream, int32_t partition)
{
    struct process *p = self;
    uint32_t place = place_of(p->sim, stream, partition);
    if (process_acts(p)) {
        p->pipes[place].reading = false;
    }
}

static void source_done(void *self, uint32_t stream, int32_t partition)
{
    struct process *p = self;
    uint32_t place = place_of(p->sim, stream, partition);
    struct feed *f = &p->sim->feeds[place];
    if (!process_acts(p)) {
        return;
    }
    p->pipes[place].assigned = false;
    p->pipes[place].reading = false;
    sim_note(p->sim, "process %u partition %u: done", p->number, place);
    if (f->owner == p && p->stopping) {
        f->owner = NULL;
    }
}

static int64_t source_end_offset(void *self, uint32_t stream, int32_t partition)
{
    struct process *p = self;
    return rs_random_one_in(&p->sim->chance, 10) && !p->sim->healed
               ? -1
               : input_end(p->sim, place_of(p->sim, stream, partition));
}

static void source_committed(void *self, uint32_t stream, int32_t partition, int64_t next_offset)
{
    struct process *p = self;
    uint32_t place = place_of(p->sim, stream, partition);
    const struct topic *t = &p->sim->topics[place];
    if (!process_acts(p)) {
        return;
    }
    if (next_offset > t->sealed_ever) {
        sim_wrong(p->sim, "process %u commits offset %lld of partition %u to the group, sealed is %lld",
                  p->number, (long long)next_offset, place, (long long)t->sealed_ever);
    }
    p->sim->feeds[place].committed = next_offset;
}

/* Nobody sleeps on it: whoever gets something is stepped. */
static int source_wake_fd(void *self, uint32_t worker)
{
    (void)self;
    (void)worker;
    return 0;
}

static const struct rs_source_ops source_ops = {
    .take = source_take,
    .release = source_release,
    .start = source_start,
    .pause = source_pause,
    .done = source_done,
    .end_offset = source_end_offset,
    .committed = source_committed,
    .wake_fd = source_wake_fd,
};

struct rs_source input_table(struct process *p)
{
    return (struct rs_source){.self = p, .ops = &source_ops};
}

void input_free(struct process *p)
{
    struct source_node *node = NULL;
    while ((node = source_nodes_pop(&p->source_events))) {
        free(node);
    }
}
