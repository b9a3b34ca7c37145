/* engine_sim: the engine in virtual time under seeds, against engine_model.
 * Each seed makes a configuration and a log, and drives one partition through it with everything that can
 * happen to it: batches of any size, emissions of any budget, several batches in flight, batches refused or
 * applied with the reply lost, a store that is wiped, state saved and loaded, or sealed bit by bit and
 * restored after a crash, shown time that runs ahead. A second partition takes the same log in one go. In the
 * end, and at steps of idle time after it, the store must hold exactly what the model says; both partitions
 * must have the same bytes; the accounting must be the model's.
 *
 * With --sessions every seed has windows by session.
 *
 *   engine_sim [--sessions] [--from S] [--seeds N] [--seed S] */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/partition_state.h"
#include "tests/lib/random.h"
#include "tests/sim/engine_log.h"
#include "tests/sim/engine_model.h"
#include "transform/partition/internal.h"

#define SECOND        INT64_C(1000000)
#define IN_FLIGHT_MAX 3
#define TICKS_MAX     400

/* ---- store: what Redis would hold ---- */

struct entry {
    enum rs_op_kind kind;
    uint32_t aggregate;
    int64_t score;
    char *key;
    char *line; /* as the model writes it */
};

struct store {
    struct entry *entries;
    size_t count, capacity;
    bool wiped;
};

static void forget(struct store *s, size_t i)
{
    free(s->entries[i].key);
    free(s->entries[i].line);
    s->entries[i] = s->entries[--s->count];
}

static void store_clear(struct store *s)
{
    while (s->count) {
        forget(s, s->count - 1);
    }
}

static bool entry_is(const struct entry *e, const struct rs_op *op)
{
    return e->aggregate == op->aggregate && strlen(e->key) == op->key.size &&
           memcmp(e->key, op->key.data, op->key.size) == 0;
}

static void store_apply(struct store *s, const struct rs_aggregate_meta *meta, const struct rs_op *op)
{
    for (size_t i = s->count; i-- > 0;) {
        const struct entry *e = &s->entries[i];
        bool replaced = e->kind == op->kind &&
                        (op->kind == RS_OP_VIEW || (e->score >= op->score_ms && e->score <= op->last_ms));
        if (entry_is(e, op) && (op->kind == RS_OP_DROP || replaced)) {
            forget(s, i);
        }
    }
    if (op->kind == RS_OP_DROP || (op->flags & RS_OP_SESSION && op->field_count == 0)) {
        return;
    }
    if (s->count == s->capacity) {
        s->capacity = s->capacity ? s->capacity * 2 : 64;
        s->entries = realloc(s->entries, s->capacity * sizeof *s->entries);
    }
    int64_t score = op->kind == RS_OP_VIEW ? op->change_ms : op->score_ms;
    struct rs_buf line = {0};
    rs_buf_printf(&line, "%s a%u/%.*s %lld ", op->kind == RS_OP_VIEW ? "hash" : "history", op->aggregate,
                  (int)op->key.size, (const char *)op->key.data, (long long)score);
    op_text(meta, op, &line);
    s->entries[s->count++] = (struct entry){.kind = op->kind,
                                            .aggregate = op->aggregate,
                                            .score = score,
                                            .key = strndup((const char *)op->key.data, op->key.size),
                                            .line = strdup((const char *)line.data)};
    rs_buf_fini(&line);
}

/* Only the newest are kept, as meta says. */
static void store_trim(struct store *s, const struct rs_aggregate_meta *meta, const struct rs_op *op)
{
    for (;;) {
        uint32_t count = 0;
        size_t oldest = 0;
        for (size_t i = 0; i < s->count; i++) {
            const struct entry *e = &s->entries[i];
            if (e->kind == RS_OP_HISTORY && entry_is(e, op)) {
                oldest = count++ == 0 || e->score < s->entries[oldest].score ? i : oldest;
            }
        }
        if (count <= meta->history) {
            return;
        }
        forget(s, oldest);
    }
}

/* ---- one run ---- */

struct run {
    uint64_t seed;
    struct rs_random chance;
    struct model_config config;
    struct fixture fixture;
    struct model *model;
    struct tick_log log;
    struct tick ticks[TICKS_MAX]; /* what each record is; those that cannot be read: product NULL */
    struct rs_partition *partition, *plain;
    struct store store;
    bool durable; /* state goes to a log and comes from it, else it is saved and loaded as a whole */
    struct engine_log state_log;
    struct rs_view_batch *flight[IN_FLIGHT_MAX];
    size_t in_flight;
    size_t applied;
    int64_t now_us;
    bool dense;
    bool failed;
};

static void complain(struct run *r, const char *what, const char *line)
{
    if (!r->failed) {
        fprintf(stderr, "engine_sim: seed %" PRIu64 ": %s\n", r->seed, what);
    }
    if (line) {
        fprintf(stderr, "    %s\n", line);
    }
    r->failed = true;
}

/* ---- configurations ---- */

static void random_window(struct rs_random *c, const struct model_config *config, struct model_aggregate *a)
{
    static const int64_t sizes[] = {1, 2, 5, 10, 60};
    int64_t kind = rs_random_between(c, 0, config->upsert ? 3 : 2);
    a->window = (enum model_window)kind;
    int64_t unit = rs_random_between(c, 1, 4) * SECOND / 4;
    if (a->window == MODEL_TUMBLING) {
        a->size_us = a->every_us = unit * sizes[rs_random_between(c, 0, 4)];
    } else if (a->window == MODEL_SLIDING) {
        a->every_us = unit * rs_random_between(c, 1, 3);
        a->size_us = rs_random_one_in(c, 2) ? a->every_us * rs_random_between(c, 2, 80)
                                            : a->every_us + unit * rs_random_between(c, 1, 7);
    } else {
        a->last = rs_random_between(c, 1, 7);
    }
    bool sized = a->size_us != 0;
    /* A period given up takes nothing back from the store: what is left of its window depends on when it was
     * emitted. */
    bool settled = !config->upsert || (a->window == MODEL_TUMBLING && config->max_periods == 10000);
    a->history = sized && settled && rs_random_one_in(c, 2);
    a->rate = sized && rs_random_one_in(c, 2);
    a->change = config->upsert || a->window == MODEL_TUMBLING;
}

/* Enough panes in one group that its windows are kept running, and events that fall back into the middle of
 * them. */
static void make_dense(struct run *r)
{
    struct rs_random *c = &r->chance;
    struct model_aggregate *a = &r->config.aggregates[0];
    bool history = rs_random_one_in(c, 2);
    *a = (struct model_aggregate){
        .window = MODEL_SLIDING, .every_us = SECOND / 4, .history = history, .rate = true};
    a->size_us = a->every_us * rs_random_between(c, 30, 120);
    r->config.aggregate_count = 1;
    r->config.lateness_us = rs_random_between(c, 0, 30) * SECOND;
    r->config.dedup = false;
}

/* Chance of its own, so that other seeds stay what they are. Gaps are about as long as what lies between events. */
static void make_sessions(struct run *r)
{
    struct rs_random c = {r->seed + 77};
    struct model_config *config = &r->config;
    int64_t longest_us = 0;
    config->upsert = r->dense = false;
    for (int i = 0; i < config->aggregate_count; i++) {
        struct model_aggregate *a = &config->aggregates[i];
        if (i == 0 || !rs_random_one_in(&c, 3)) {
            a->window = MODEL_SESSION;
            a->size_us = a->every_us =
                rs_random_between(&c, 1, rs_random_one_in(&c, 2) ? 8 : 80) * SECOND / 4;
            a->history = !rs_random_one_in(&c, 4);
            a->keep = rs_random_one_in(&c, 4) ? 0 : rs_random_between(&c, 1, 5);
            a->rate = true;
        } else if (a->window == MODEL_LAST) {
            a->window = MODEL_ALL;
        }
        a->change = a->window == MODEL_TUMBLING || a->window == MODEL_SESSION;
        longest_us = a->size_us > longest_us ? a->size_us : longest_us;
    }
    config->expires = rs_random_one_in(&c, 3);
    config->expire_us = longest_us + config->lateness_us + rs_random_between(&c, 0, 60) * SECOND;
    config->expire_us = config->expire_us < SECOND ? SECOND : config->expire_us;
}

static void random_config(struct run *r)
{
    struct rs_random *c = &r->chance;
    struct model_config *config = &r->config;
    config->upsert = rs_random_one_in(c, 4);
    config->lateness_us = rs_random_between(c, 0, 3) == 0 ? 0 : rs_random_between(c, 1, 40) * SECOND / 2;
    config->max_periods = rs_random_one_in(c, 3) ? rs_random_between(c, 7, 20) : 10000;
    config->dedup = rs_random_one_in(c, 3);
    config->dedup_us = rs_random_between(c, 1, 30) * SECOND;
    config->dedup_max = rs_random_one_in(c, 2) ? rs_random_between(c, 1, 20) : 100000;
    config->aggregate_count = (int)rs_random_between(c, 1, MODEL_AGGREGATES_MAX);
    int64_t longest_us = 0;
    for (int i = 0; i < config->aggregate_count; i++) {
        struct model_aggregate *a = &config->aggregates[i];
        random_window(c, config, a);
        a->by = (int)rs_random_between(c, 0, 2);
        a->only_buys = rs_random_one_in(c, 4);
        a->only_a = rs_random_one_in(c, 6);
        longest_us = a->size_us > longest_us ? a->size_us : longest_us;
    }
    r->dense = !config->upsert && rs_random_one_in(c, 6);
    if (r->dense) {
        make_dense(r);
        longest_us = config->aggregates[0].size_us;
    }
    config->expires = !config->upsert && rs_random_one_in(c, 3);
    config->expire_us =
        (longest_us + config->lateness_us + rs_random_between(c, 0, 60) * SECOND) / 1000 * 1000;
    if (config->expire_us < SECOND) {
        config->expire_us = SECOND;
    }
    config->gone_max = rs_random_one_in(c, 3) ? (size_t)rs_random_between(c, 1, 4) : 1000;
}

/* ---- logs ---- */

static struct tick random_tick(struct run *r, int64_t clock_us)
{
    static const char *const products[] = {"a", "b", "c d", "e:f"};
    static const char *const markets[] = {NULL, "x", "y"};
    static const char *const ids[] = {"1", "2", "3",  "4",  "5",  "6",  "7",
                                      "8", "9", "10", "11", "12", "13", "14"};
    struct rs_random *c = &r->chance;
    struct tick t = {.product = products[rs_random_between(c, 0, 3)],
                     .market = markets[rs_random_between(c, 0, 2)]};
    t.id = rs_random_one_in(c, 8) ? NULL : ids[rs_random_between(c, 0, 13)];
    t.side = (int)rs_random_between(c, 0, 2);
    t.at_us = clock_us - (rs_random_one_in(c, 3) ? rs_random_between(c, 0, 30 * SECOND)
                                                 : rs_random_between(c, 0, SECOND));
    if (rs_random_one_in(c, 2)) {
        t.at_us -= t.at_us % (SECOND / 4); /* on the edges of windows */
    }
    t.no_time = rs_random_one_in(c, 60);
    t.no_price = rs_random_one_in(c, 5);
    t.price = rs_random_between(c, -300, 1000);
    t.quantity = rs_random_between(c, 0, 9);
    t.revision = rs_random_between(c, 0, 3);
    t.no_revision = rs_random_one_in(c, 60);
    return t;
}

/* Producers whose clocks are wrong: by when, and which records are theirs. */
enum wrong { WRONG_NEVER, WRONG_ONCE, WRONG_PRODUCER, WRONG_PASSING, WRONG_KINDS };

struct wrong_clock {
    enum wrong kind;
    int64_t by_us;
    size_t from, to;     /* passing: of all producers */
    const char *product; /* a producer is known by its product */
    int share;           /* one in so many of its records, too */
};

static struct wrong_clock random_wrong(struct rs_random *c, size_t count)
{
    static const char *const products[] = {"a", "b", "c d", "e:f"};
    struct wrong_clock w = {
        .kind = rs_random_one_in(c, 2) ? WRONG_NEVER : (enum wrong)rs_random_between(c, 1, WRONG_KINDS - 1)};
    w.by_us = rs_random_between(c, 20, 600) * SECOND * (rs_random_one_in(c, 3) ? -1 : 1);
    w.from = (size_t)rs_random_between(c, 0, (int64_t)count - 1);
    w.to = w.from + (w.kind == WRONG_ONCE ? 1 : (size_t)rs_random_between(c, 1, (int64_t)count));
    w.product = products[rs_random_between(c, 0, 3)];
    w.share = (int)rs_random_between(c, 1, 3);
    return w;
}

static int64_t wrong_by(const struct wrong_clock *w, size_t i, const struct tick *t)
{
    bool mine = w->kind == WRONG_PRODUCER ? strcmp(t->product, w->product) == 0 && i % (size_t)w->share == 0
                                          : i >= w->from && i < w->to;
    return w->kind != WRONG_NEVER && mine ? w->by_us : 0;
}

static void random_log(struct run *r)
{
    struct rs_random *c = &r->chance;
    size_t count = (size_t)rs_random_between(c, 1, rs_random_one_in(c, 5) ? TICKS_MAX : 120);
    int64_t pace = rs_random_one_in(c, 2) ? SECOND / 2 : rs_random_between(c, 1, 8) * SECOND;
    if (r->dense) {
        count = (size_t)rs_random_between(c, 100, 350);
        pace = SECOND / 2;
    }
    int64_t clock_us = rs_random_one_in(c, 4) ? -50 * SECOND : rs_random_between(c, 0, 2000) * SECOND;
    struct wrong_clock wrong = random_wrong(c, count);
    for (size_t i = 0; i < count; i++) {
        clock_us +=
            rs_random_one_in(c, 40) ? rs_random_between(c, 0, 100) * SECOND : rs_random_between(c, 0, pace);
        r->ticks[i] = random_tick(r, clock_us);
        int64_t by_us = wrong_by(&wrong, i, &r->ticks[i]);
        r->ticks[i].at_us += by_us;
        if (rs_random_one_in(c, 50)) {
            r->ticks[i].product = NULL;
            tick_log_add_bytes(&r->log, "\x07", 1);
        } else {
            tick_log_add(&r->log, &r->ticks[i]);
        }
        if (rs_random_one_in(c, 2)) {
            r->log.records[i].timestamp_us = clock_us + by_us + rs_random_between(c, 0, 3) * SECOND;
        }
    }
    (void)tick_log_seal(&r->log);
}

/* ---- what happens ---- */

static void apply_some(struct run *r, size_t count)
{
    const struct rs_record *records = r->log.records + r->applied;
    if (count > r->log.count - r->applied) {
        count = r->log.count - r->applied;
    }
    if (rs_partition_apply(r->partition, records, count, NULL) != count) {
        complain(r, "records were not taken", NULL);
    }
    for (size_t i = 0; i < count; i++) {
        const struct tick *t = &r->ticks[r->applied + i];
        model_apply(r->model, records[i].offset, records[i].timestamp_us, t->product ? t : NULL);
    }
    r->applied += count;
    if (r->now_us != INT64_MIN) {
        r->now_us = model_show(r->model, r->now_us);
    }
}

/* What was shown once never goes back; before, it may. */
static void show(struct run *r, int64_t now_us)
{
    r->now_us = model_show(r->model, now_us);
    if (r->now_us != INT64_MIN) {
        rs_partition_show(r->partition, r->now_us);
    }
}

static bool emit(struct run *r, size_t budget)
{
    struct rs_view_batch *batch = rs_view_batch_new();
    (void)rs_partition_emit(r->partition, batch, budget);
    r->now_us = model_show(r->model, r->now_us);
    if (batch->ops.failed || batch->now_shown_us != r->now_us) {
        complain(r, "an emission is not as of the time shown", NULL);
    }
    if (batch->op_count == 0) {
        rs_view_batch_free(&batch);
        return false;
    }
    r->flight[r->in_flight++] = batch;
    return true;
}

static void settle(struct run *r, bool written, bool told)
{
    size_t count;
    const struct rs_aggregate_meta *metas = rs_engine_metas(r->fixture.engine, &count);
    struct rs_view_batch *batch = r->flight[0];
    struct rs_op op;
    size_t cursor = 0;
    while (written && rs_batch_next(batch, &cursor, &op)) {
        store_apply(&r->store, &metas[op.aggregate], &op);
        if (op.flags & RS_OP_SESSION && op.kind == RS_OP_HISTORY) {
            store_trim(&r->store, &metas[op.aggregate], &op);
        }
    }
    batch->result = told ? RS_BATCH_APPLIED : RS_BATCH_BEHIND;
    rs_partition_settle(r->partition, batch);
    rs_view_batch_free(&batch);
    r->in_flight--;
    for (size_t i = 0; i < r->in_flight; i++) {
        r->flight[i] = r->flight[i + 1];
    }
}

/* One that remembers as few dropped groups as the model does. */
static int new_partition(const struct run *r, struct rs_partition **out, struct rs_error *error)
{
    int rc = rs_partition_new(r->fixture.engine, 0, 0, out, error);
    for (uint32_t i = 0; rc == 0 && i < (*out)->group_sets; i++) {
        (*out)->groups[i].gone.max = (uint32_t)r->config.gone_max;
    }
    return rc;
}

static void reload(struct run *r)
{
    struct rs_error error;
    struct rs_buf bytes = {0};
    struct rs_buf again = {0};
    show(r, r->now_us);
    rs_partition_save(r->partition, &bytes);
    struct rs_partition *fresh = NULL;
    if (new_partition(r, &fresh, &error) < 0 || rs_partition_load(fresh, rs_buf_slice(&bytes), &error) < 0) {
        complain(r, "saved state does not load", error.text);
        rs_partition_free(&fresh);
        rs_buf_fini(&bytes);
        return;
    }
    rs_partition_save(fresh, &again);
    if (!rs_slice_equal(rs_buf_slice(&bytes), rs_buf_slice(&again))) {
        complain(r, "loaded state saves differently", NULL);
    }
    rs_buf_fini(&bytes);
    rs_buf_fini(&again);
    while (r->in_flight) {
        settle(r, rs_random_one_in(&r->chance, 2), true); /* whatever the old one was told */
    }
    if (rs_partition_republishing(r->partition)) {
        rs_partition_republish(fresh); /* how far that had come is no part of the state */
    }
    rs_partition_free(&r->partition);
    r->partition = fresh;
    if (r->now_us != INT64_MIN) {
        rs_partition_show(fresh, r->now_us);
    }
}

/* A batch for the state log: begun, filled bit by bit among everything else, sealed. */
static void work_on_batch(struct run *r)
{
    struct rs_random *c = &r->chance;
    if (!r->state_log.open) {
        bool sweep = !r->state_log.sweeping && rs_random_one_in(c, 3);
        struct rs_state_plan plan = {.sweep_begins = sweep};
        if (sweep || r->state_log.sweeping) {
            plan.slice_bytes = (uint64_t)rs_random_between(c, 1, 3000);
        }
        show(r, r->now_us);
        engine_log_begin(&r->state_log, r->partition, plan);
        return;
    }
    for (int64_t i = rs_random_between(c, 1, 4); i > 0 && r->state_log.open; i--) {
        if (!engine_log_step(&r->state_log, r->partition)) {
            complain(r, "a batch cannot be filled", NULL);
            return;
        }
    }
}

/* Only what was sealed is left; the records behind it are read again. */
static void crash(struct run *r)
{
    struct rs_error error;
    struct rs_partition *fresh = NULL;
    int64_t next = 0;
    size_t from = 0;
    engine_log_give_up(&r->state_log);
    show(r, r->now_us);
    if (new_partition(r, &fresh, &error) < 0 || engine_log_restore(&r->state_log, fresh, &next, &error) < 0) {
        complain(r, "sealed state does not restore", error.text);
        rs_partition_free(&fresh);
        return;
    }
    while (r->in_flight) {
        settle(r, rs_random_one_in(&r->chance, 2), true);
    }
    rs_partition_free(&r->partition);
    r->partition = fresh;
    while (from < r->applied && r->log.records[from].offset < next) {
        from++;
    }
    if (rs_partition_apply(fresh, r->log.records + from, r->applied - from, NULL) != r->applied - from) {
        complain(r, "records were not taken again", NULL);
    }
    if (r->now_us != INT64_MIN) {
        rs_partition_show(fresh, r->now_us);
    }
}

static void wipe(struct run *r)
{
    store_clear(&r->store);
    r->store.wiped = true;
    rs_partition_republish(r->partition);
}

static void drain(struct run *r)
{
    for (;;) {
        while (r->in_flight) {
            settle(r, true, true);
        }
        if (!emit(r, 100000)) {
            return;
        }
    }
}

static void something(struct run *r)
{
    struct rs_random *c = &r->chance;
    switch (rs_random_between(c, 0, 15)) {
    case 0:
    case 1:
    case 2:
    case 3:
        apply_some(
            r, (size_t)(rs_random_one_in(c, 3) ? rs_random_between(c, 1, 150) : rs_random_between(c, 1, 10)));
        break;
    case 4:
    case 5:
    case 6:
        if (r->in_flight < IN_FLIGHT_MAX) {
            (void)emit(r, (size_t)rs_random_between(c, 1, 3000));
        }
        break;
    case 7:
    case 8:
        if (r->in_flight) {
            bool told = !rs_random_one_in(c, 4);
            settle(r, told || rs_random_one_in(c, 2), told);
        }
        break;
    case 9:
        if (r->now_us != INT64_MIN && rs_random_one_in(c, 3)) {
            show(r, r->now_us + rs_random_between(c, 0, 5 * SECOND));
        }
        break;
    case 10:
        if (!r->durable && rs_random_one_in(c, 6)) {
            reload(r);
        }
        break;
    case 11:
        if (r->durable && rs_random_one_in(c, 3)) {
            crash(r);
        }
        break;
    case 12:
    case 13:
    case 14:
        if (r->durable) {
            work_on_batch(r);
        }
        break;
    default:
        if (rs_random_one_in(c, 12)) {
            wipe(r);
        }
        break;
    }
}

/* ---- comparing ---- */

struct compared {
    struct run *run;
    bool *seen;
};

static void match(void *ctx, const char *line, bool held)
{
    struct compared *c = ctx;
    const struct store *s = &c->run->store;
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(s->entries[i].line, line) == 0) {
            c->seen[i] = true;
            return;
        }
    }
    if (held || !s->wiped) {
        complain(c->run, "the store lacks", line);
    }
}

static void compare_store(struct run *r)
{
    struct compared c = {r, calloc(r->store.count + 1, 1)};
    model_lines(r->model, r->now_us, match, &c);
    for (size_t i = 0; i < r->store.count; i++) {
        if (!c.seen[i]) {
            complain(r, "the model knows nothing of", r->store.entries[i].line);
        }
    }
    free(c.seen);
}

static void compare_counts(struct run *r)
{
    struct rs_partition_status s;
    struct model_counts m = model_counts(r->model);
    rs_partition_status(r->partition, &s);
    if (s.events.consumed != m.consumed || s.events.applied != m.applied || s.events.late != m.late ||
        s.events.duplicate != m.duplicate || s.events.rejected != m.rejected ||
        s.events.filtered != m.filtered) {
        complain(r, "the accounting differs", NULL);
    }
    if (s.dirty_views != 0 || s.pending_history != 0) {
        complain(r, "something is still to be emitted", NULL);
    }
    for (uint32_t i = 0; i < (uint32_t)r->config.aggregate_count; i++) {
        struct rs_aggregate_status a;
        if (!rs_partition_aggregate_status(r->partition, i, &a) ||
            a.events.consumed != a.events.applied + a.events.late + a.events.duplicate + a.events.rejected +
                                     a.events.filtered) {
            complain(r, "an aggregate's accounting does not balance", NULL);
        }
    }
}

static void compare_plain(struct run *r)
{
    struct rs_buf a = {0};
    struct rs_buf b = {0};
    rs_partition_show(r->plain, r->now_us);
    partition_drain(&r->fixture, r->plain, NULL, NULL);
    rs_partition_save(r->partition, &a);
    rs_partition_save(r->plain, &b);
    if (!rs_slice_equal(rs_buf_slice(&a), rs_buf_slice(&b))) {
        complain(r, "the partition that took all in one go has other bytes", NULL);
    }
    rs_buf_fini(&a);
    rs_buf_fini(&b);
}

static void finish(struct run *r)
{
    while (r->applied < r->log.count) {
        apply_some(r, r->log.count);
    }
    if (rs_partition_apply(r->plain, r->log.records, r->log.count, NULL) != r->log.count) {
        complain(r, "records were not taken", NULL);
    }
    show(r, r->now_us);
    if (r->now_us == INT64_MIN || model_undecided(r->model)) {
        return; /* not one event could be read; or there is no telling which group is forgotten */
    }
    for (int step = 0; step < 4 && !r->failed; step++) {
        drain(r);
        compare_store(r);
        compare_counts(r);
        compare_plain(r);
        int64_t due = rs_partition_next_due(r->partition);
        if (due <= r->now_us) {
            complain(r, "what is due has passed already", NULL);
        }
        show(r,
             r->now_us + (rs_random_one_in(&r->chance, 2) ? rs_random_between(&r->chance, 0, 3 * SECOND)
                                                          : rs_random_between(&r->chance, 0, 100 * SECOND)));
    }
}

static bool run_seed(uint64_t seed, bool sessions)
{
    struct rs_error error;
    struct rs_buf yaml = {0};
    struct run r = {.seed = seed, .chance = {seed}, .now_us = INT64_MIN};
    random_config(&r);
    if (sessions) {
        make_sessions(&r);
    }
    model_yaml(&r.config, &yaml);
    rs_buf_char(&yaml, '\0');
    r.model = model_new(&r.config);
    if (!fixture_open(&r.fixture, (const char *)yaml.data) || new_partition(&r, &r.partition, &error) < 0 ||
        new_partition(&r, &r.plain, &error) < 0) {
        complain(&r, "the configuration does not load", (const char *)r.fixture.complaints.data);
    } else {
        random_log(&r);
        r.durable = rs_random_one_in(&r.chance, 2);
        if (r.durable) {
            rs_partition_seal_enable(r.partition, 0);
        }
        while (r.applied < r.log.count && !r.failed) {
            something(&r);
        }
        finish(&r);
    }
    if (r.failed) {
        fprintf(stderr, "%s\n", (const char *)yaml.data);
    }
    while (r.in_flight) {
        rs_view_batch_free(&r.flight[--r.in_flight]);
    }
    engine_log_free(&r.state_log);
    rs_partition_free(&r.partition);
    rs_partition_free(&r.plain);
    fixture_close(&r.fixture);
    model_free(r.model);
    store_clear(&r.store);
    free(r.store.entries);
    tick_log_free(&r.log);
    rs_buf_fini(&yaml);
    return !r.failed;
}

int main(int argc, char **argv)
{
    uint64_t first = 1;
    uint64_t count = 400;
    bool sessions = argc > 1 && strcmp(argv[1], "--sessions") == 0;
    for (int i = 1 + sessions; i + 1 < argc; i += 2) {
        uint64_t value = strtoull(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--seeds") == 0) {
            count = value;
        } else if (strcmp(argv[i], "--seed") == 0) {
            first = value;
            count = 1;
        } else if (strcmp(argv[i], "--from") == 0) {
            first = value;
        } else {
            fprintf(stderr, "usage: engine_sim [--sessions] [--from S] [--seeds N] [--seed S]\n");
            return 1;
        }
    }
    uint64_t failed = 0;
    for (uint64_t seed = first; seed < first + count; seed++) {
        failed += !run_seed(seed, sessions);
    }
    printf("engine_sim: %" PRIu64 " seeds from %" PRIu64 ", %" PRIu64 " failed\n", count, first, failed);
    return failed != 0;
}
