#include "tests/sim/reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "tests/lib/partition_state.h"
#include "transform/partition/internal.h"
#include "transform/plan/group_key.h"

#define BUDGET ((size_t)1 << 24)
/* A seal and the batches to Redis around it are of a few prefixes, in turns. To render one is most of what a seed
 * takes. */
#define RENDERINGS 4

struct gone {
    int64_t offset; /* it has expired in the fold of so many records */
    uint64_t hash;
};

struct reference {
    struct sim *sim;
    uint32_t partition;
    size_t count;
    struct rs_buf states; /* of all prefixes, one behind the other */
    size_t *starts;
    struct rs_accounting *counts;
    struct gone *gone;
    size_t gone_count, gone_capacity;
    int64_t front_us;    /* where the events alone lead the time that is shown */
    int64_t outvoted_at; /* the first prefix that is of wrong clocks for the most part; INT64_MAX: none */
    struct rendering shown[RENDERINGS], held;
    uint64_t calls;
};

static struct rs_partition *fresh(struct sim *sim, uint32_t partition)
{
    struct rs_error error;
    struct rs_partition *p = NULL;
    if (rs_partition_new(sim->world->fixture.engine, stream_of(sim, partition), partition_of(sim, partition),
                         &p, &error) < 0) {
        abort();
    }
    return p;
}

static uint64_t gone_hash(uint32_t aggregate, struct rs_slice key)
{
    return XXH3_64bits_withSeed(key.data, key.size, aggregate);
}

static void note_gone(struct reference *r, int64_t offset, const struct rs_groups *gs,
                      const struct rs_group *g)
{
    struct rs_buf text = {0};
    rs_key_render(&gs->aggregate->by, rs_group_key(gs, g), &text);
    if (r->gone_count == r->gone_capacity) {
        r->gone_capacity = r->gone_capacity * 2 + 16;
        r->gone = realloc(r->gone, r->gone_capacity * sizeof *r->gone);
    }
    if (!r->gone || text.failed) {
        abort();
    }
    r->gone[r->gone_count++] = (struct gone){offset, gone_hash(gs->aggregate->index, rs_buf_slice(&text))};
    rs_buf_fini(&text);
}

/* Groups that expire are gone at once: here nobody has to delete their keys first, and one that comes back is
 * shown without waiting for that. */
static void let_go(struct reference *r, struct rs_partition *p, int64_t offset)
{
    for (uint32_t i = 0; i < p->group_sets; i++) {
        struct rs_groups *gs = &p->groups[i];
        for (uint32_t left = gs->dirty_count; left > 0; left--) {
            uint32_t number = rs_groups_pop(gs);
            struct rs_group *g = rs_group_at(gs, number);
            if (g->flags & RS_GROUP_DROPPED) {
                note_gone(r, offset, gs, g);
                rs_groups_release(gs, number);
            } else {
                rs_groups_push(gs, number, g);
            }
        }
    }
}

/* The first `count` records of the feed. */
static struct model *model_of(const struct sim *sim, uint32_t partition, int64_t count)
{
    const struct feed *f = &sim->feeds[partition];
    struct model *model = model_new(&sim->world->config);
    for (int64_t i = 0; i < count; i++) {
        const struct rs_record *record = &f->log.records[i];
        model_apply(model, record->offset, record->timestamp_us, f->ticks[i].product ? &f->ticks[i] : NULL);
    }
    return model;
}

/* The daemon's own clock bounds what so few events say. */
#define FEW_EVENTS 3

static uint64_t counted(const struct rs_accounting *e)
{
    return e->applied + e->late + e->filtered;
}

static void see_times(struct reference *r)
{
    const struct feed *f = &r->sim->feeds[r->partition];
    struct model *model = model_of(r->sim, r->partition, (int64_t)f->count);
    int64_t front_us = model_show(model, MODEL_NONE);
    model_free(model);
    uint64_t wrong = 0;
    r->outvoted_at = INT64_MAX;
    for (size_t i = 1; i <= f->count; i++) {
        wrong += f->wrong[i - 1] && counted(&r->counts[i]) > counted(&r->counts[i - 1]);
        if (wrong * 2 > counted(&r->counts[i]) && r->outvoted_at == INT64_MAX) {
            r->outvoted_at = (int64_t)i;
        }
    }
    r->front_us = counted(&r->counts[f->count]) < FEW_EVENTS ? RS_TIME_NONE : front_us;
}

struct reference *reference_new(struct sim *sim, uint32_t partition)
{
    const struct feed *f = &sim->feeds[partition];
    struct rs_partition *p = fresh(sim, partition);
    struct reference *r = sim_alloc(sizeof *r);
    r->sim = sim;
    r->partition = partition;
    r->count = f->count;
    r->starts = sim_alloc((f->count + 2) * sizeof *r->starts);
    r->counts = sim_alloc((f->count + 1) * sizeof *r->counts);
    r->held.offset = -1;
    for (size_t i = 0; i < RENDERINGS; i++) {
        r->shown[i].offset = -1;
    }
    for (size_t i = 0;; i++) {
        struct rs_partition_status status;
        rs_partition_status(p, &status);
        r->counts[i] = status.events;
        let_go(r, p, (int64_t)i);
        r->starts[i] = r->states.size;
        rs_partition_save(p, &r->states);
        if (i == f->count) {
            break;
        }
        if (rs_partition_apply(p, &f->log.records[i], 1, NULL) != 1) {
            abort();
        }
    }
    r->starts[f->count + 1] = r->states.size;
    see_times(r);
    rs_partition_free(&p);
    return r;
}

static void rendering_free(struct rendering *rendering)
{
    rs_partition_free(&rendering->emitted);
    rs_view_batch_free(&rendering->batch);
    rs_buf_fini(&rendering->bytes);
}

void reference_free(struct reference *r)
{
    if (r) {
        for (size_t i = 0; i < RENDERINGS; i++) {
            rendering_free(&r->shown[i]);
        }
        rendering_free(&r->held);
        rs_buf_fini(&r->states);
        free(r->starts);
        free(r->counts);
        free(r->gone);
        free(r);
    }
}

int64_t reference_front(const struct reference *r)
{
    return r->front_us;
}

bool reference_outvoted(const struct reference *r, int64_t offset)
{
    return offset >= r->outvoted_at;
}

struct rs_accounting reference_counts(const struct reference *r, int64_t offset)
{
    return r->counts[offset];
}

bool reference_dropped(const struct reference *r, int64_t offset, const struct rs_op *drop)
{
    uint64_t hash = gone_hash(drop->aggregate, drop->key);
    for (size_t i = 0; i < r->gone_count && r->gone[i].offset <= offset; i++) {
        if (r->gone[i].hash == hash) {
            return true;
        }
    }
    return false;
}

bool reference_letter(const struct reference *r, int64_t offset)
{
    return r->counts[offset + 1].rejected > r->counts[offset].rejected;
}

/* ---- any prefix ---- */

static struct rs_partition *at(struct reference *r, int64_t offset)
{
    struct rs_error error;
    struct rs_partition *p = fresh(r->sim, r->partition);
    struct rs_slice bytes =
        rs_slice_of(r->states.data + r->starts[offset], r->starts[offset + 1] - r->starts[offset]);
    if (rs_partition_load(p, bytes, &error) < 0) {
        sim_wrong(r->sim, "a saved state does not load: %s", error.text);
    }
    return p;
}

static void show(struct rs_partition *p, int64_t shown_us)
{
    if (shown_us != RS_TIME_NONE) {
        rs_partition_show(p, shown_us);
    }
}

static struct rs_view_batch *renewed(struct rendering *rendering, int64_t offset, int64_t shown_us)
{
    if (!rendering->batch) {
        rendering->batch = rs_view_batch_new();
    }
    rs_view_batch_reset(rendering->batch);
    rendering->offset = offset;
    rendering->shown_us = shown_us;
    return rendering->batch;
}

/* The one of this prefix, or the one that was not used for longest. */
static struct rendering *find_rendering(struct reference *r, int64_t offset, int64_t shown_us)
{
    struct rendering *oldest = r->shown;
    for (size_t i = 0; i < RENDERINGS; i++) {
        struct rendering *rendering = &r->shown[i];
        if (rendering->offset == offset && rendering->shown_us == shown_us) {
            return rendering;
        }
        oldest = rendering->used < oldest->used ? rendering : oldest;
    }
    return oldest;
}

static struct rendering *render(struct reference *r, int64_t offset, int64_t shown_us)
{
    struct rendering *rendering = find_rendering(r, offset, shown_us);
    rendering->used = ++r->calls;
    if (rendering->offset != offset || rendering->shown_us != shown_us) {
        struct rs_view_batch *batch = renewed(rendering, offset, shown_us);
        rs_partition_free(&rendering->emitted);
        rs_buf_reset(&rendering->bytes);
        rendering->emitted = at(r, offset);
        show(rendering->emitted, shown_us);
        if (rs_partition_emit(rendering->emitted, batch, BUDGET) || batch->ops.failed) {
            sim_wrong(r->sim, "a partition does not fit into one batch");
        }
    }
    return rendering;
}

const struct rs_view_batch *reference_render(struct reference *r, int64_t offset, int64_t shown_us)
{
    return render(r, offset, shown_us)->batch;
}

struct rs_slice reference_bytes(struct reference *r, int64_t offset, int64_t shown_us)
{
    struct rendering *rendering = render(r, offset, shown_us);
    if (rendering->emitted) {
        rendering->batch->result = RS_BATCH_APPLIED;
        rs_partition_settle(rendering->emitted, rendering->batch);
        drain(rendering->emitted, RS_TIME_NONE, NULL, NULL); /* what came up with that */
        rs_partition_save(rendering->emitted, &rendering->bytes);
        rs_partition_free(&rendering->emitted);
    }
    return rs_buf_slice(&rendering->bytes);
}

bool reference_pushed_out(const struct sim *sim, const struct rs_view_batch *batch, const struct rs_op *op)
{
    uint32_t newer = 0;
    struct rs_op other;
    size_t cursor = 0;
    while (op->kind == RS_OP_HISTORY && op->flags & RS_OP_SESSION && rs_batch_next(batch, &cursor, &other)) {
        newer += other.kind == RS_OP_HISTORY && other.aggregate == op->aggregate &&
                 other.score_ms > op->score_ms && !op_takes_back(&other) &&
                 rs_slice_equal(other.key, op->key);
    }
    return newer > 0 && newer >= sim->world->metas[op->aggregate].history;
}

bool reference_find(const struct rs_view_batch *batch, const struct rs_op *op, struct rs_op *found)
{
    size_t cursor = 0;
    while (rs_batch_next(batch, &cursor, found)) {
        if (found->kind == op->kind && !op_takes_back(found) && found->aggregate == op->aggregate &&
            (op->kind != RS_OP_HISTORY || found->score_ms == op->score_ms) &&
            rs_slice_equal(found->key, op->key)) {
            return true;
        }
    }
    return false;
}

void drain(struct rs_partition *p, int64_t shown_us, op_seen *see, void *ctx)
{
    struct rs_view_batch *batch = rs_view_batch_new();
    bool more = true;
    if (!batch) {
        abort();
    }
    show(p, shown_us);
    while (more) {
        struct rs_op op;
        size_t cursor = 0;
        rs_view_batch_reset(batch);
        more = rs_partition_emit(p, batch, BUDGET);
        while (see && rs_batch_next(batch, &cursor, &op)) {
            see(ctx, &op);
        }
        more |= batch->op_count > 0;
        batch->result = RS_BATCH_APPLIED;
        rs_partition_settle(p, batch);
    }
    rs_view_batch_free(&batch);
}

const struct rs_view_batch *reference_held(struct reference *r, int64_t offset, int64_t shown_us)
{
    if (r->held.offset != offset || r->held.shown_us != shown_us) {
        struct rs_view_batch *batch = renewed(&r->held, offset, shown_us);
        struct rs_partition *p = at(r, offset);
        drain(p, shown_us, NULL, NULL);
        rs_partition_republish(p);
        (void)rs_partition_emit(p, batch, BUDGET);
        rs_partition_free(&p);
    }
    return r->held.batch;
}

/* ---- against the model ---- */

struct compared {
    struct reference *reference;
    char **lines; /* of the reference */
    bool *seen;
    size_t count;
};

/* Of doubles that have no end the model says what it can. */
static bool about(const char *a, const char *b)
{
    double x = strtod(a + 4, NULL);
    double y = strtod(b + 4, NULL);
    bool of_those = memcmp(a, b, 4) == 0 && (memcmp(a, " co=", 4) == 0 || memcmp(a, " ew=", 4) == 0);
    return of_those && fabs(x - y) <= 1e-13 * (1 + fabs(y));
}

static bool same_line(const char *a, const char *b)
{
    while (*a != '\0' && *b != '\0') {
        size_t a_size = 1 + strcspn(a + 1, " ");
        size_t b_size = 1 + strcspn(b + 1, " ");
        if ((a_size != b_size || memcmp(a, b, a_size) != 0) && !(a_size > 4 && b_size > 4 && about(a, b))) {
            return false;
        }
        a += a_size;
        b += b_size;
    }
    return *a == *b;
}

static void match(void *ctx, const char *line, bool held)
{
    struct compared *c = ctx;
    (void)held;
    for (size_t i = 0; i < c->count; i++) {
        if (!c->seen[i] && same_line(c->lines[i], line)) {
            c->seen[i] = true;
            return;
        }
    }
    sim_wrong(c->reference->sim, "partition %u: the engine does not show what the model does: %s",
              c->reference->partition, line);
}

static char *line_of(const struct sim *sim, const struct rs_op *op)
{
    struct rs_buf line = {0};
    rs_buf_printf(&line, "%s a%u/%.*s %lld ", op->kind == RS_OP_VIEW ? "hash" : "history",
                  op->aggregate % (uint32_t)sim->world->config.aggregate_count, (int)op->key.size,
                  (const char *)op->key.data,
                  (long long)(op->kind == RS_OP_VIEW ? op->change_ms : op->score_ms));
    op_text(&sim->world->metas[op->aggregate], op, &line);
    return (char *)line.data;
}

static void compare_counts(const struct reference *r, const struct model *model, int64_t offset)
{
    struct model_counts m = model_counts(model);
    const struct rs_accounting *e = &r->counts[offset];
    if (e->consumed != m.consumed || e->applied != m.applied || e->late != m.late ||
        e->duplicate != m.duplicate || e->rejected != m.rejected || e->filtered != m.filtered) {
        sim_wrong(r->sim, "partition %u: the engine's accounting is not the model's", r->partition);
    }
}

void reference_check(struct reference *r, int64_t offset, int64_t shown_us)
{
    const struct rs_view_batch *batch = reference_render(r, offset, shown_us);
    struct model *model = model_of(r->sim, r->partition, offset);
    struct compared c = {.reference = r};
    struct rs_op op;
    size_t cursor = 0;
    c.lines = sim_alloc((batch->op_count + 1) * sizeof *c.lines);
    c.seen = sim_alloc(batch->op_count + 1);
    while (rs_batch_next(batch, &cursor, &op)) {
        if (op.kind != RS_OP_DROP && !op_takes_back(&op) && !reference_pushed_out(r->sim, batch, &op)) {
            c.lines[c.count++] = line_of(r->sim, &op);
        }
    }
    model_lines(model, shown_us, match, &c);
    for (size_t i = 0; i < c.count; i++) {
        if (!c.seen[i]) {
            sim_wrong(r->sim, "partition %u: the model knows nothing of %s", r->partition, c.lines[i]);
        }
        free(c.lines[i]);
    }
    compare_counts(r, model, offset);
    model_free(model);
    free(c.lines);
    free(c.seen);
}
