/* What happens to the cluster. Every seed draws which kinds of faults it has at all: seeds with one kind find
 * what is buried where everything goes wrong at once. */
#include "tests/sim/cluster.h"

static int64_t rate(struct rs_random *c, int64_t low, int64_t high)
{
    return rs_random_one_in(c, 2) ? rs_random_between(c, low, high) : 0;
}

void fate_draw(struct sim *sim)
{
    struct rs_random *c = &sim->chance;
    struct faults *f = &sim->faults;
    *f = (struct faults){
        .refuse = rate(c, 8, 80),
        .blind = rate(c, 8, 80),
        .repeat = rate(c, 8, 80),
        .no_room = rate(c, 4, 30),
        .slow = rate(c, 10, 60),
        .trim_refused = rate(c, 2, 6),
        .cut = rate(c, 10, 100),
        .unanswered = rate(c, 20, 100),
        .leader = rs_random_one_in(c, 3),
        .failover = rs_random_one_in(c, 4),
        .wipe = rs_random_one_in(c, 5),
        .pause = rs_random_one_in(c, 2),
        .crash = rs_random_one_in(c, 2),
        .stop = rs_random_one_in(c, 3),
        .rebalance = rs_random_one_in(c, 2),
        .letters_full = rs_random_one_in(c, 4),
        .hours = rs_random_one_in(c, 6),
        .forgetful = rs_random_one_in(c, 4),
        .rebuild = rs_random_one_in(c, 12),
        .away = rs_random_one_in(c, 5),
        .clock = rs_random_one_in(c, 6),
    };
    sim->group_chance.state = sim->seed * UINT64_C(0xA24BAED4963EE407) + 1;
    f->second_group = rs_random_one_in(&sim->group_chance, 8);
    if (sim->calm) {
        *f = (struct faults){0};
    }
    sim->publish_every_us = rs_random_between(c, 1, 20) * 5 * MS;
    sim->commit_every_us = rs_random_between(c, 1, 10) * 50 * MS;
    sim->sweep_floor = (uint64_t)rs_random_between(c, 1, 16) * 256;
    sim->batch_bytes = rs_random_one_in(c, 2) ? (uint32_t)rs_random_between(c, 1, 600) : 4096;
    sim->batches = (uint32_t)rs_random_between(c, 2, 4);
    sim->history_limit = rs_random_one_in(c, 3) ? (uint64_t)rs_random_between(c, 1, 30) : 1000000;
    sim->leave_within_us = rs_random_between(c, 2, 30) * SECOND / 10;
    sim->session_us = rs_random_between(c, 3, 30) * SECOND / 10;
}

static struct process *some_process(struct sim *sim)
{
    struct process *p = sim->seats[rs_random_between(&sim->chance, 0, sim->seat_count - 1)];
    return p && p->alive && !p->dying ? p : NULL;
}

static void restart(struct sim *sim, void *subject, uint64_t seat)
{
    (void)subject;
    if (!sim->seats[seat]) {
        (void)process_start(sim, (uint32_t)seat);
    }
}

/* At one of the next calls that it makes to the outside, or now. */
static void crash(struct sim *sim)
{
    struct process *p = some_process(sim);
    if (!p) {
        return;
    }
    if (rs_random_one_in(&sim->chance, 3)) {
        process_crash(p);
    } else {
        p->fuse = rs_random_between(&sim->chance, 1, 40);
    }
}

static void pause_one(struct sim *sim)
{
    struct process *p = some_process(sim);
    struct rs_random *c = &sim->chance;
    if (!p) {
        return;
    }
    int64_t for_us =
        rs_random_one_in(c, 2) ? rs_random_between(c, 50, 2000) * MS : rs_random_between(c, 1, 12) * SECOND;
    if (sim->faults.hours && rs_random_one_in(c, 2)) {
        for_us = rs_random_between(c, 1, 4) * HOUR;
    }
    process_pause(p, for_us);
}

static void stop_one(struct sim *sim)
{
    struct process *p = some_process(sim);
    if (p && !p->stopping && !p->paused) {
        sim_note(sim, "process %u is asked to stop", p->number);
        p->stopping = true;
        rs_worker_stop(p->worker);
        process_wake(p);
    }
}

static void leader_goes(struct sim *sim)
{
    struct topic *t = &sim->topics[rs_random_between(&sim->chance, 0, sim->partition_count - 1)];
    int64_t for_us = rs_random_between(&sim->chance, 20, 1500) * MS;
    for_us += rs_random_one_in(&sim->chance, 8) ? rs_random_between(&sim->chance, 1, 20) * SECOND : 0;
    t->down_until_us = sim_now(sim) + for_us;
    sim_note(sim, "partition %d of the state log has no leader for a while", (int)(t - sim->topics));
    if (sim->faults.forgetful && t->first > 0) {
        topic_recalls(sim, (uint32_t)(t - sim->topics));
    }
}

static void letters_full(struct sim *sim)
{
    struct process *p = some_process(sim);
    if (p) {
        p->letters_full_until_us = sim_now(sim) + rs_random_between(&sim->chance, 10, 1500) * MS;
    }
}

static void redis_away(struct sim *sim)
{
    sim->store_away_us = sim_now(sim) + rs_random_between(&sim->chance, 50, 6000) * MS;
    sim_note(sim, "Redis cannot be reached for a while");
}

static void clock_jumps(struct sim *sim)
{
    sim->clock.wall_us += rs_random_between(&sim->chance, -3, 3) * HOUR;
    sim->clock_jumped = true;
    sim_note(sim, "the wall clock jumps");
}

static void rebuild(struct sim *sim)
{
    if (rs_random_one_in(&sim->chance, 3)) {
        topic_rebuilds(sim, (uint32_t)rs_random_between(&sim->chance, 0, sim->partition_count - 1));
    }
}

static void trouble(struct sim *sim, int64_t kind)
{
    const struct faults *f = &sim->faults;
    switch (kind) {
    case 0: f->crash ? crash(sim) : (void)0; break;
    case 1: f->pause ? pause_one(sim) : (void)0; break;
    case 2: f->stop ? stop_one(sim) : (void)0; break;
    case 3: f->leader ? leader_goes(sim) : (void)0; break;
    case 4: f->letters_full ? letters_full(sim) : (void)0; break;
    case 5: f->rebalance ? coordinator_move(sim) : (void)0; break;
    case 6: f->failover &&rs_random_one_in(&sim->chance, 2) ? redis_failover(sim) : (void)0; break;
    case 7: f->rebuild ? rebuild(sim) : (void)0; break;
    case 8: f->away ? redis_away(sim) : (void)0; break;
    case 9: f->clock ? clock_jumps(sim) : (void)0; break;
    default: f->wipe &&rs_random_one_in(&sim->chance, 3) ? redis_wipe(sim) : (void)0; break;
    }
}

static void next(struct sim *sim, void *subject, uint64_t number)
{
    struct rs_random *c = &sim->chance;
    (void)subject;
    (void)number;
    if (sim->healed) {
        return;
    }
    trouble(sim, rs_random_between(c, 0, 10));
    for (uint32_t i = 0; i < sim->seat_count; i++) {
        if (!sim->seats[i] && rs_random_one_in(c, 3)) {
            sim_at(sim, sim_now(sim) + rs_random_between(c, 0, 1000) * MS, restart, NULL, i);
        }
    }
    if (sim->faults.failover) {
        redis_copy(sim);
    }
    sim_at(sim, sim_now(sim) + rs_random_between(c, 20, 700) * MS, next, NULL, 0);
}

/* An operator gives the aggregates to another consumer group, and back. */
static void next_group(struct sim *sim, void *subject, uint64_t taken)
{
    struct rs_random *c = &sim->group_chance;
    (void)subject;
    if (sim->healed) {
        return;
    }
    redis_taken(sim, taken);
    sim_at(sim, sim_now(sim) + (taken ? rs_random_between(c, 50, 6000) : rs_random_between(c, 0, 8000)) * MS,
           next_group, NULL, !taken);
}

void fate_begin(struct sim *sim)
{
    if (sim->faults.second_group) {
        sim_at(sim, sim_now(sim) + rs_random_between(&sim->group_chance, 0, 8000) * MS, next_group, NULL,
               true);
    }
    sim_at(sim, sim_now(sim) + rs_random_between(&sim->chance, 0, SECOND), next, NULL, 0);
}

int64_t fate_heal(struct sim *sim)
{
    int64_t at_us = sim->store_away_us > sim_now(sim) ? sim->store_away_us : sim_now(sim);
    for (uint32_t i = 0; i < sim->partition_count; i++) {
        at_us = sim->topics[i].down_until_us > at_us ? sim->topics[i].down_until_us : at_us;
    }
    sim_note(sim, "all faults end");
    sim->healed = true;
    redis_taken(sim, false);
    sim->faults = (struct faults){0};
    for (uint32_t i = 0; i < sim->seat_count && sim->rebuilt; i++) {
        if (sim->seats[i]) { /* an owner without input does not hear of a rebuild: it has to be restarted */
            process_crash(sim->seats[i]);
        }
    }
    for (uint32_t i = 0; i < sim->seat_count; i++) {
        struct process *p = sim->seats[i];
        if (p) {
            p->fuse = -1;
        } else if (i == 0 || rs_random_one_in(&sim->chance, 2)) {
            (void)process_start(sim, i);
        }
    }
    return at_us;
}
