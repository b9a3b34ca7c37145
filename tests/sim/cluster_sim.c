/* cluster_sim: nothing lost, nothing twice, under seeds: see cluster.h.
 *
 *   cluster_sim [--windows] [--from S] [--seeds N] [--seed S] [--keep-going] [--verbose] [--quiet]
 *
 * With --windows there are sessions, days and trading sessions of New York, the newest N events, and statistics with a state
 * of their own.
 *
 * Prints what was wrong in the first seed that fails, and seeds per second. --verbose tells the story of a
 * seed. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/lib/virtual_clock.h"
#include "tests/sim/cluster.h"

#define SETTLE_US  (240 * SECOND) /* all must be right so long after the last fault */
#define SLOWEST_US (6 * SECOND)   /* what was sent before the faults ended has been answered by then */
#define BOUNCED_US (3 * SECOND)   /* until a partition that came back is claimed */
#define CALM_US                                                                                              \
    (25 * SECOND)               /* so long an owner may take to notice that it was displaced, and to be back \
                                 */
#define REPAIR_US (10 * SECOND) /* in which a loss of Redis has to be repaired */
#define STEPS_MAX 400000        /* of one seed: what needs more is going round in circles */

/* ---- for all ---- */

void *sim_alloc(size_t size)
{
    void *memory = calloc(1, size);
    if (!memory) {
        abort();
    }
    return memory;
}

void sim_wrong(struct sim *sim, const char *format, ...)
{
    va_list args;
    if (sim->failed && !sim->verbose) {
        return;
    }
    sim->failed = true;
    va_start(args, format);
    (void)vsnprintf(sim->trouble, sizeof sim->trouble, format, args);
    va_end(args);
    fprintf(stderr, "cluster_sim: seed %" PRIu64 " at %.3f s: %s\n", sim->seed,
            (double)(sim_now(sim) - sim->began_us) / 1e6, sim->trouble);
}

void sim_note(const struct sim *sim, const char *format, ...)
{
    va_list args;
    if (sim->verbose) {
        va_start(args, format);
        printf("%9.3f  ", (double)(sim_now(sim) - sim->began_us) / 1e6);
        vprintf(format, args);
        putchar('\n');
        va_end(args);
    }
}

int64_t sim_delay(struct sim *sim)
{
    struct rs_random *c = &sim->chance;
    if (rs_random_one_in(c, sim->faults.slow)) {
        return rs_random_between(c, 50, 5000) * MS;
    }
    return rs_random_one_in(c, 8) ? rs_random_between(c, 5, 60) * MS : rs_random_between(c, 300, 5000);
}

/* ---- timers: a heap by time, then order of setting ---- */

static bool sooner(const struct timer *a, const struct timer *b)
{
    return a->at_us < b->at_us || (a->at_us == b->at_us && a->order < b->order);
}

void sim_at(struct sim *sim, int64_t at_us, sim_fire *fire, void *subject, uint64_t number)
{
    if (sim->timer_count == sim->timer_capacity) {
        sim->timer_capacity = sim->timer_capacity * 2 + 256;
        sim->timers = realloc(sim->timers, sim->timer_capacity * sizeof *sim->timers);
        if (!sim->timers) {
            abort();
        }
    }
    struct timer timer = {at_us, sim->timer_order++, fire, subject, number};
    size_t i = sim->timer_count++;
    for (; i > 0 && sooner(&timer, &sim->timers[(i - 1) / 2]); i = (i - 1) / 2) {
        sim->timers[i] = sim->timers[(i - 1) / 2];
    }
    sim->timers[i] = timer;
}

static struct timer timers_pop(struct sim *sim)
{
    struct timer first = sim->timers[0];
    struct timer last = sim->timers[--sim->timer_count];
    size_t i = 0;
    for (size_t child = 1; child < sim->timer_count; child = 2 * i + 1) {
        if (child + 1 < sim->timer_count && sooner(&sim->timers[child + 1], &sim->timers[child])) {
            child++;
        }
        if (!sooner(&sim->timers[child], &last)) {
            break;
        }
        sim->timers[i] = sim->timers[child];
        i = child;
    }
    sim->timers[i] = last;
    return first;
}

/* ---- time ---- */

static int64_t next_time(const struct sim *sim)
{
    int64_t at = sim->timer_count ? sim->timers[0].at_us : INT64_MAX;
    for (uint32_t i = 0; i < sim->seat_count; i++) {
        const struct process *p = sim->seats[i];
        if (p && !p->paused && p->due_us < at) {
            at = p->due_us;
        }
    }
    return at;
}

static void fire_timers(struct sim *sim)
{
    while (sim->timer_count && sim->timers[0].at_us <= sim_now(sim)) {
        struct timer timer = timers_pop(sim);
        timer.fire(sim, timer.subject, timer.number);
    }
}

static void step_processes(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->seat_count; i++) {
        struct process *p = sim->seats[i];
        if (p && !p->paused && p->due_us <= sim_now(sim)) {
            process_step(p);
            if (sim->lazy_us && p->alive && p->due_us < sim_now(sim) + sim->lazy_us) {
                p->due_us = sim_now(sim) + sim->lazy_us;
            }
        }
    }
}

static void run_until(struct sim *sim, int64_t until_us)
{
    while (!sim->failed && next_time(sim) <= until_us) {
        int64_t at = next_time(sim);
        if (at > sim_now(sim)) {
            rs_clock_virtual_advance(&sim->clock, at - sim_now(sim));
        }
        fire_timers(sim);
        step_processes(sim);
        if (sim->stats.steps > STEPS_MAX) {
            sim_wrong(sim, "it goes round in circles");
        }
    }
    if (!sim->failed && until_us > sim_now(sim)) {
        rs_clock_virtual_advance(&sim->clock, until_us - sim_now(sim));
    }
}

/* ---- a seed ---- */

static bool anyone_paused(const struct sim *sim)
{
    for (uint32_t i = 0; i < sim->seat_count; i++) {
        if (sim->seats[i] && sim->seats[i]->paused) {
            return true;
        }
    }
    return false;
}

/* Somebody has to be there to do the work. */
static void keep_one(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->seat_count; i++) {
        const struct process *p = sim->seats[i];
        if (p && !p->paused && !p->stopping) {
            return;
        }
    }
    if (sim->seats[0]) {
        process_crash(sim->seats[0]);
    }
    (void)process_start(sim, 0);
}

static void settle(struct sim *sim, int64_t at_least_us)
{
    int64_t until_us = sim_now(sim) + SETTLE_US;
    run_until(sim, sim_now(sim) + at_least_us);
    while (!sim->failed && sim_now(sim) < until_us && !oracle_settled(sim)) {
        keep_one(sim);
        run_until(sim, sim_now(sim) + 2 * SECOND);
    }
}

/* Those who were paused for hours come back to a world that has gone on. */
static void wake_all(struct sim *sim)
{
    if (anyone_paused(sim)) {
        sim->lazy_us = rs_random_between(&sim->chance, 1, 10) * 60 * SECOND;
        while (!sim->failed && anyone_paused(sim)) {
            run_until(sim, sim_now(sim) + sim->lazy_us);
        }
        sim->lazy_us = 0;
        for (uint32_t i = 0; i < sim->seat_count; i++) {
            if (sim->seats[i]) {
                process_wake(sim->seats[i]);
            }
        }
        settle(sim, 20 * SECOND);
    }
}

/* A partition goes to another process and comes back, at once or after a while: whoever has it in the end has
 * claimed it soon, wherever the other's claim came in between. */
static void bounce(struct sim *sim)
{
    struct away away;
    if (sim->failed || !coordinator_gives_away(sim, &away)) {
        return;
    }
    run_until(sim, sim_now(sim) + (rs_random_one_in(&sim->chance, 3)
                                       ? rs_random_between(&sim->chance, 1, 12) * SECOND
                                       : rs_random_between(&sim->chance, 0, 200) * MS));
    if (sim->failed || sim->feeds[away.partition].owner != away.to || !away.from->alive || !away.to->alive) {
        return;
    }
    coordinator_gives_back(sim, &away);
    run_until(sim, sim_now(sim) + BOUNCED_US);
    if (!sim->failed && !coordinator_obeyed(sim, away.from, away.partition)) {
        run_until(sim, sim_now(sim) +
                           SECOND); /* one that was claimed a moment ago says so only with its next look */
    }
    const struct process *claimant =
        sim->topics[away.partition].claimant; /* a third: what it had under way long ago */
    if (!sim->failed && sim->feeds[away.partition].owner == away.from && !away.from->paused &&
        (claimant == away.from || claimant == away.to) &&
        !coordinator_obeyed(sim, away.from, away.partition)) {
        sim_wrong(sim, "process %u got partition %u back, and has no claim on it after %d s",
                  away.from->number, away.partition, (int)(BOUNCED_US / SECOND));
    }
}

static void live(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->seat_count; i++) {
        if (i == 0 || !rs_random_one_in(&sim->chance, 3)) {
            (void)process_start(sim, i);
        }
    }
    input_begin(sim);
    coordinator_begin(sim);
    fate_begin(sim);
    run_until(sim, sim->input_ends_us + rs_random_between(&sim->chance, 0, 4) * SECOND);
    int64_t over_us = fate_heal(sim);
    keep_one(sim);
    settle(sim, over_us - sim_now(sim) + SECOND);
    int64_t bounces = rs_random_one_in(&sim->chance, 2) ? rs_random_between(&sim->chance, 1, 3) : 0;
    if (bounces > 0) {
        run_until(sim, sim_now(sim) + SLOWEST_US);
    }
    for (; bounces > 0; bounces--) {
        bounce(sim);
    }
    wake_all(sim);
    if (rs_random_one_in(&sim->chance, 6) && !sim->failed) {
        settle(sim, CALM_US);
        redis_wipe(sim);
        run_until(sim, sim_now(sim) + REPAIR_US);
        if (!sim->failed && !oracle_settled(sim)) { /* something may just be due */
            run_until(sim, sim_now(sim) + SECOND);
        }
        if (!sim->failed && !oracle_settled(sim)) {
            sim_wrong(sim, "a loss of Redis is not repaired within %d s", (int)(REPAIR_US / SECOND));
        }
    }
    if (!sim->failed) {
        settle(sim, 0);
        oracle_end(sim);
    }
}

static void find_end(struct sim *sim)
{
    sim->shown_end_us = 0;
    for (uint32_t i = 0; i < sim->partition_count; i++) {
        for (size_t k = 0; k < sim->feeds[i].count; k++) {
            int64_t end_us = sim->feeds[i].ticks[k].at_us + 60 * SECOND;
            sim->shown_end_us = end_us > sim->shown_end_us ? end_us : sim->shown_end_us;
        }
    }
}

static void sim_free(struct sim *sim)
{
    sim->verbose = false;
    for (uint32_t i = 0; i < sim->process_count; i++) {
        process_free(sim->processes[i]);
    }
    topics_free(sim);
    store_free(&sim->store);
    while (sim->copy_count) {
        store_free(&sim->copies[--sim->copy_count]);
    }
    oracle_free(sim);
    workload_free(sim);
    free(sim->timers);
    free(sim);
}

struct totals {
    uint64_t seeds, failed, first_failed;
    uint64_t steps, crashes, batches, seals, claims, losses, trims;
};

static void tell_beginning(const struct sim *sim)
{
    struct rs_buf yaml = {0};
    if (sim->verbose) {
        world_yaml(sim->world, &yaml);
        printf("%.*s", (int)yaml.size, (const char *)yaml.data);
        rs_buf_fini(&yaml);
        for (uint32_t i = 0; i < sim->partition_count; i++) {
            for (size_t k = 0; k < sim->feeds[i].count; k++) {
                const struct tick *t = &sim->feeds[i].ticks[k];
                printf("partition %u offset %zu visible %.3f: %s:%s at %" PRId64 " id %s side %d\n", i, k,
                       (double)(sim->feeds[i].visible_us[k] - sim->began_us) / 1e6,
                       t->product ? t->market : "-", t->product ? t->product : "bad",
                       t->no_time ? -1 : t->at_us, t->id ? t->id : "-", t->side);
            }
        }
    }
}

static bool run_seed(uint64_t seed, bool windows, bool verbose, struct totals *totals)
{
    struct sim *sim = sim_alloc(sizeof *sim);
    sim->seed = seed;
    sim->verbose = verbose;
    sim->windows = windows;
    sim->chance.state = seed * UINT64_C(0xD1342543DE82EF95) + 1;
    wall_clock_begin(sim);
    sim->began_us = sim_now(sim);
    workload_make(sim);
    fate_draw(sim);
    find_end(sim);
    oracle_begin(sim);
    tell_beginning(sim);
    live(sim);
    bool failed = sim->failed;
    totals->seeds++;
    totals->failed += failed;
    totals->first_failed = failed && totals->failed == 1 ? seed : totals->first_failed;
    totals->steps += sim->stats.steps;
    totals->crashes += sim->stats.crashes;
    totals->batches += sim->stats.batches;
    totals->seals += sim->stats.seals;
    totals->claims += sim->stats.claims;
    totals->losses += sim->stats.losses;
    totals->trims += sim->stats.trims;
    sim_free(sim);
    return !failed;
}

struct options {
    uint64_t first, count;
    bool keep_going, verbose, windows;
};

static void print_totals(const struct totals *t, const struct options *options, double seconds)
{
    printf("cluster_sim: %" PRIu64 " seeds from %" PRIu64 ", %" PRIu64 " failed; %.0f seeds/s; %" PRIu64
           " steps, %" PRIu64 " kills, %" PRIu64 " claims, %" PRIu64 " seals, %" PRIu64 " trims, %" PRIu64
           " batches to Redis, %" PRIu64 " losses of Redis\n",
           t->seeds, options->first, t->failed, (double)t->seeds / seconds, t->steps, t->crashes, t->claims,
           t->seals, t->trims, t->batches, t->losses);
    if (t->failed) {
        printf("cluster_sim: reproduce with %s--seed %" PRIu64 " --verbose\n",
               options->windows ? "--windows " : "", t->first_failed);
    }
}

static double seconds_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool parse(int argc, char **argv, struct options *o)
{
    *o = (struct options){.first = 1, .count = 1000};
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (strcmp(argv[i], "--seeds") == 0 && more) {
            o->count = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--from") == 0 && more) {
            o->first = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--seed") == 0 && more) {
            o->first = strtoull(argv[++i], NULL, 10);
            o->count = 1;
        } else if (strcmp(argv[i], "--keep-going") == 0) {
            o->keep_going = true;
        } else if (strcmp(argv[i], "--windows") == 0) {
            o->windows = true;
        } else if (strcmp(argv[i], "--verbose") == 0) {
            o->verbose = true;
        } else {
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    struct options options;
    struct totals totals = {0};
    if (!parse(argc, argv, &options)) {
        fprintf(
            stderr,
            "usage: cluster_sim [--windows] [--from S] [--seeds N] [--seed S] [--keep-going] [--verbose]\n");
        return 1;
    }
    double began = seconds_now();
    for (uint64_t i = 0; i < options.count && (options.keep_going || totals.failed == 0); i++) {
        (void)run_seed(options.first + i, options.windows, options.verbose, &totals);
    }
    print_totals(&totals, &options, seconds_now() - began);
    worlds_close();
    return totals.failed != 0;
}
