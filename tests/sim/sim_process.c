/* One instance of the daemon: a worker and its durable log, started, stepped, paused, stopped and killed.
 * Also its dead letters. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/cluster.h"

/* ---- dead letters ---- */

#define STEPS_A_SECOND                                                                                       \
    1500 /* what input, answers and 3 partitions' 20 ms give in the worst case is a third */

struct letter_node {
    uint32_t partition;
    int64_t offset;
    uint64_t number;
    struct letter_node *next;
};

static void letter_acknowledged(struct sim *sim, void *subject, uint64_t number)
{
    struct process *p = subject;
    struct letter_node **link = &p->letters;
    while (*link && (*link)->number != number) {
        link = &(*link)->next;
    }
    struct letter_node *node = *link;
    if (node && p->paused) {
        sim_at(sim, p->resume_us + MS, letter_acknowledged, p, number);
    } else if (node) {
        *link = node->next;
        free(node);
    }
}

/* `tag`: number, offset, partition. */
static void letter_lands(struct sim *sim, void *subject, uint64_t tag)
{
    struct process *p = subject;
    if (!p->alive && rs_random_one_in(&sim->chance, 2)) {
        return; /* it had not left the process */
    }
    oracle_lettered(sim, (uint32_t)(tag & 255), (int64_t)(tag >> 8 & 0xFFFFFF));
    sim_at(sim, sim_now(sim) + sim_delay(sim), letter_acknowledged, p, tag >> 32);
}

static bool letter_put(void *self, const struct rs_dead_letter *letter)
{
    struct process *p = self;
    struct sim *sim = p->sim;
    if (!process_acts(p)) {
        return true;
    }
    if (sim_now(sim) < p->letters_full_until_us || rs_random_one_in(&sim->chance, sim->faults.no_room)) {
        return false;
    }
    struct letter_node *node = sim_alloc(sizeof *node);
    *node = (struct letter_node){place_of(sim, letter->stream, letter->partition), letter->record->offset,
                                 ++p->letter_number, p->letters};
    p->letters = node;
    sim_at(sim, sim_now(sim) + sim_delay(sim), letter_lands, p,
           node->number << 32 | (uint64_t)node->offset << 8 | node->partition);
    return true;
}

static int64_t letter_durable(void *self, uint32_t stream, int32_t partition)
{
    const struct process *p = self;
    uint32_t place = place_of(p->sim, stream, partition);
    int64_t below = INT64_MAX;
    for (const struct letter_node *node = p->letters; node; node = node->next) {
        if (node->partition == place && node->offset < below) {
            below = node->offset;
        }
    }
    return below;
}

static const struct rs_dead_letter_ops letter_ops = {.put = letter_put, .acknowledged = letter_durable};

struct rs_dead_letter_sink letters_table(struct process *p)
{
    return (struct rs_dead_letter_sink){.self = p, .ops = &letter_ops};
}

/* ---- life ---- */

bool process_acts(struct process *p)
{
    if (p->dying) {
        return false;
    }
    if (p->fuse > 0 && --p->fuse == 0) {
        p->dying = true;
        return false;
    }
    return true;
}

void process_wake(struct process *p)
{
    if (p->due_us > sim_now(p->sim)) {
        p->due_us = sim_now(p->sim);
    }
}

static void draw_owner(void *ctx, struct rs_owner *out)
{
    struct process *p = ctx;
    uint64_t words[2] = {rs_random_next(&p->owner_chance), rs_random_next(&p->owner_chance)};
    memcpy(out->bytes, words, sizeof out->bytes);
}

static void report(void *ctx, enum rs_log_level level, const char *text)
{
    const struct process *p = ctx;
    sim_note(p->sim, "process %u says (%d): %s", p->number, (int)level, text);
    if (strstr(text, "The partition stops")) { /* no log here is ever damaged: an owner finds a state, a
                                                  former one has lost */
        sim_wrong(p->sim, "process %u: %s", p->number, text);
    }
}

static void open_log(struct process *p, const struct fixture *f)
{
    static const uint64_t fingerprints[] = {1, 2};
    struct rs_error error;
    const struct rs_durable_log_options options = {
        .workers = 1,
        .io = log_table(p),
        .streams = f->streams,
        .clock = &p->sim->clock.clock,
        .instance = "sim",
        .draw = draw_owner,
        .draw_ctx = p,
        .fingerprints = fingerprints,
        .sweep_floor = p->sim->sweep_floor,
        .report = {report, p},
    };
    if (rs_durable_log_new(&options, &p->durable, &error) != 0) {
        abort();
    }
}

static void open_worker(struct process *p, const struct fixture *f)
{
    struct rs_error error;
    const struct rs_worker_options options = {
        .engine = f->engine,
        .streams = f->streams,
        .source = input_table(p),
        .sink = redis_table(p),
        .dead_letters = letters_table(p),
        .log = witness_table(p),
        .clock = &p->sim->clock.clock,
        .prefix = "rs",
        .publish_every_us = p->sim->publish_every_us,
        .commit_every_us = p->sim->commit_every_us,
        .memory_limit = 64 << 20,
        .history_limit = p->sim->history_limit,
        .batches = p->sim->batches,
        .batch_bytes = p->sim->batch_bytes,
        .leave_within_us = p->sim->leave_within_us,
        .report = {report, p},
    };
    if (rs_worker_new(&options, &p->worker, &error) != 0) {
        abort();
    }
}

struct process *process_start(struct sim *sim, uint32_t seat)
{
    if (sim->process_count == PROCESSES_MAX) {
        return NULL;
    }
    struct process *p = sim_alloc(sizeof *p);
    p->sim = sim;
    p->number = sim->process_count;
    p->alive = p->member = true;
    p->fuse = -1;
    p->epoch = sim->store_epoch;
    p->generation = p->generation_seen = 1;
    p->owner_chance.state = sim->seed * 1000003 + p->number;
    p->due_us = sim_now(sim);
    sim->processes[sim->process_count++] = p;
    sim->seats[seat] = p;
    open_log(p, &sim->world->fixture);
    open_worker(p, &sim->world->fixture);
    sim_note(sim, "process %u starts", p->number);
    return p;
}

/* What it holds in memory is gone; what is under way outside may still arrive. */
static void end(struct process *p)
{
    p->alive = p->paused = false;
    p->dying = true;
    p->due_us = INT64_MAX;
    rs_worker_free(&p->worker);
    rs_durable_log_free(&p->durable);
    log_process_dies(p);
    log_free(p);
    input_free(p);
    redis_free(p);
    for (uint32_t i = 0; i < p->sim->seat_count; i++) {
        if (p->sim->seats[i] == p) {
            p->sim->seats[i] = NULL;
        }
    }
}

static void session_over(struct sim *sim, void *subject, uint64_t number)
{
    (void)sim;
    (void)number;
    coordinator_gone(subject);
}

void process_crash(struct process *p)
{
    sim_note(p->sim, "process %u dies", p->number);
    p->sim->stats.crashes++;
    end(p);
    sim_at(p->sim, sim_now(p->sim) + rs_random_between(&p->sim->chance, 0, p->sim->session_us), session_over,
           p, 0);
}

/* A worker sleeps until there is something to do. */
static void count_step(struct process *p)
{
    int64_t second = sim_now(p->sim) / SECOND;
    p->steps = second == p->steps_second ? p->steps + 1 : 0;
    p->steps_second = second;
    if (p->steps > STEPS_A_SECOND) {
        sim_wrong(p->sim, "process %u does not come to rest", p->number);
    }
}

void process_step(struct process *p)
{
    struct sim *sim = p->sim;
    int64_t due = rs_worker_step(p->worker);
    int64_t now = sim_now(sim);
    sim->stats.steps++;
    count_step(p);
    if (p->dying) {
        process_crash(p);
        return;
    }
    if (p->stopping && rs_worker_stopped(p->worker)) {
        sim_note(sim, "process %u has stopped", p->number);
        end(p);
        coordinator_gone(p);
        return;
    }
    p->due_us = due <= now ? now + rs_random_between(&sim->chance, 10, 300) : due;
}

static void session_ends(struct sim *sim, void *subject, uint64_t since_us)
{
    struct process *p = subject;
    (void)sim;
    if (p->paused && p->paused_us == (int64_t)since_us) {
        coordinator_expire(p);
    }
}

static void resume(struct sim *sim, void *subject, uint64_t since_us)
{
    struct process *p = subject;
    if (!p->alive || !p->paused || p->paused_us != (int64_t)since_us) {
        return;
    }
    sim_note(sim, "process %u resumes", p->number);
    p->paused = false;
    process_wake(p);
    coordinator_resumed(p);
}

void process_pause(struct process *p, int64_t for_us)
{
    struct sim *sim = p->sim;
    if (!p->alive || p->paused) {
        return;
    }
    sim_note(sim, "process %u is paused for %lld ms", p->number, (long long)(for_us / MS));
    p->paused = true;
    p->paused_us = sim_now(sim);
    p->resume_us = sim_now(sim) + for_us;
    sim_at(sim, sim_now(sim) + sim->session_us, session_ends, p, (uint64_t)p->paused_us);
    sim_at(sim, p->resume_us, resume, p, (uint64_t)p->paused_us);
}

void process_free(struct process *p)
{
    if (p->alive) {
        end(p);
    }
    log_free(p);
    appends_free(p);
    redis_free(p);
    flights_free(p);
    input_free(p);
    while (p->letters) {
        struct letter_node *node = p->letters;
        p->letters = node->next;
        free(node);
    }
    free(p);
}
