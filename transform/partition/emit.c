#include <string.h>

#include "transform/group/session.h"
#include "transform/partition/internal.h"
#include "transform/partition/show.h"

/* Groups taken from one aggregate before the next one has its turn. */
#define TURN_GROUPS 64

/* What of a batch is whose, to be acknowledged when it comes back. */
struct receipt {
    uint32_t set; /* among the aggregates of the stream */
    uint32_t group;
    uint32_t first_op;
    uint32_t epoch;
    uint16_t generation;
    uint16_t flags; /* enum receipt_flag */
};

enum receipt_flag {
    RECEIPT_VIEW = 1,
    RECEIPT_FIRST = 2,
    RECEIPT_HISTORY = 4,
    RECEIPT_DROP = 8,
    RECEIPT_STALE = 16, /* what is stale was taken away */
};

/* ---- emitting ---- */

static void render_key(struct rs_partition *p, const struct rs_groups *gs, const struct rs_group *g)
{
    rs_buf_reset(&p->key_text);
    rs_key_render(&gs->aggregate->by, rs_group_key(gs, g), &p->key_text);
}

static void mark_all(struct rs_groups *gs, uint32_t number, struct rs_group *g)
{
    if (gs->aggregate->history) {
        rs_rest_at(gs, number)->flight_from = RS_WINDOW_NEVER;
        g->history_from = rs_show_held_from(gs, number);
    }
    g->flags = (uint16_t)(g->flags & ~(unsigned)RS_GROUP_CUT);
    g->generation++; /* what is still in flight says nothing about what is sent from now on */
    rs_groups_touch(gs, number, g, RS_GROUP_VIEW | RS_GROUP_NEW);
}

static unsigned emit_drop(struct rs_partition *p, const struct rs_groups *gs, struct rs_view_batch *batch)
{
    rs_batch_drop(batch, gs->aggregate->index, rs_buf_slice(&p->key_text));
    return RECEIPT_DROP;
}

/* End of the first window that has to go out now; RS_WINDOW_NEVER: none. One run of windows of a group is in
 * flight at a time: what is acknowledged is then simply all before history_from. */
static int64_t first_ended(const struct rs_shower *s, uint32_t number, struct rs_group *g)
{
    struct rs_groups *gs = s->groups;
    if (gs->aggregate->history == 0 || rs_rest_at(gs, number)->flight_from != RS_WINDOW_NEVER ||
        g->history_from > s->now_us) {
        return RS_WINDOW_NEVER;
    }
    g->history_from = rs_show_next_end(gs, g, g->history_from);
    return g->history_from <= s->now_us ? g->history_from : RS_WINDOW_NEVER;
}

static bool goes_on(const struct rs_shower *s, int64_t from, int64_t end, size_t budget)
{
    return end <= s->now_us && (end == from || s->batch->ops.size < budget) && !s->batch->ops.failed;
}

/* Where each window is one pane, from pane to pane: to look for each would cost as many steps as there are panes, each
 * time. Returns the end of the first that has not gone out. */
static int64_t emit_panes(struct rs_shower *s, const struct rs_group *g, size_t budget, bool announced)
{
    const struct rs_groups *gs = s->groups;
    int64_t from = g->history_from;
    int64_t end = from;
    uint32_t at = rs_show_pane_ending(gs, g, from);
    while (goes_on(s, from, end, budget)) {
        rs_show_pane(s, at, announced && end == from);
        at = rs_node_at(gs, at)->newer;
        end = at == RS_NONE ? RS_WINDOW_NEVER : rs_node_first_end(gs, rs_node_at(gs, at));
    }
    return end;
}

/* The same where they are not. */
static int64_t emit_windows(struct rs_shower *s, uint32_t number, const struct rs_group *g, size_t budget,
                            bool announced)
{
    const struct rs_groups *gs = s->groups;
    int64_t from = g->history_from;
    int64_t end = from;
    while (goes_on(s, from, end, budget)) {
        rs_show_window(s, number, end, announced && end == from);
        end = rs_show_next_end(gs, g, rs_window_next_end(&gs->aggregate->window, end));
    }
    return end;
}

/* The first window goes out even beyond the budget, or a large one would never go. Unless a view announces the
 * change, it does: `announced`. */
static unsigned emit_history(struct rs_shower *s, uint32_t number, struct rs_group *g, size_t budget,
                             bool announced)
{
    struct rs_groups *gs = s->groups;
    int64_t from = g->history_from;
    g->history_from = rs_show_by_pane(gs) ? emit_panes(s, g, budget, announced)
                                          : emit_windows(s, number, g, budget, announced);
    rs_rest_at(gs, number)->flight_from = from;
    return RECEIPT_HISTORY;
}

/* Whether the store may have sessions of another owner. */
static bool untold(const struct rs_groups *gs, const struct rs_group *g)
{
    return rs_groups_sessions(gs) && gs->aggregate->history &&
           (g->flags & (RS_GROUP_NEW | RS_GROUP_CUT)) == RS_GROUP_NEW;
}

/* Where ended sessions alone are shown, one that goes on again may leave none: then there is no group to see, as before
 * its first one ended. What is in flight says nothing about it any more. */
static unsigned emit_nothing(struct rs_partition *p, struct rs_groups *gs, uint32_t number,
                             struct rs_view_batch *batch)
{
    struct rs_group *g = rs_group_at(gs, number);
    rs_session_unshown(gs, number);
    rs_rest_at(gs, number)->flight_from = RS_WINDOW_NEVER;
    g->history_from = rs_show_held_from(gs, number);
    g->generation++;
    g->flags |= RS_GROUP_NEW | RS_GROUP_CUT;
    (void)emit_drop(p, gs, batch);
    return RECEIPT_STALE;
}

/* Before anything is added to history: it keeps the newest only, and what is stale would push out what is not. What
 * the store has of a group that is new to this owner was said by another, who knew less. */
static unsigned emit_stale(struct rs_shower *s, uint32_t number, struct rs_group *g)
{
    if (untold(s->groups, g)) {
        rs_session_stale(s->groups, number);
        g->flags |= RS_GROUP_CUT;
    }
    if (!(g->flags & RS_GROUP_STALE)) {
        return 0;
    }
    g->flags = (uint16_t)(g->flags & ~(unsigned)RS_GROUP_STALE);
    rs_show_stale(s, number);
    return RECEIPT_STALE;
}

/* Whether the view changes as panes leave it. */
static bool drains(const struct rs_groups *gs)
{
    const struct rs_aggregate *a = gs->aggregate;
    return !a->upsert && !a->only_closed && a->window.kind == RS_WINDOW_SLIDING;
}

/* `ended`: windows go out, too. */
static bool view_due(const struct rs_groups *gs, uint32_t number, int64_t now_us, bool ended)
{
    const struct rs_group *g = rs_group_at(gs, number);
    if (gs->aggregate->only_closed) {
        return ended || g->flags & RS_GROUP_STALE || untold(gs, g);
    }
    if (g->flags & (RS_GROUP_VIEW | RS_GROUP_NEW)) {
        return true;
    }
    if (gs->aggregate->fill != RS_FILL_NONE && ended) {
        return true; /* of the window that begins */
    }
    return drains(gs) && rs_sliding_at(gs, number)->leave_due <= now_us;
}

static void reschedule(struct rs_groups *gs, uint32_t number, const struct rs_group *g, int64_t now_us)
{
    int64_t due = g->history_from > now_us ? g->history_from : RS_WINDOW_NEVER;
    if (drains(gs)) {
        int64_t leave = rs_sliding_at(gs, number)->leave_due;
        due = leave < due ? leave : due;
    }
    rs_schedule_at(gs, number, due);
}

/* Returns what was put into the batch. Until the sink has acknowledged a group's first publication, every
 * batch with something of the group claims it anew: whether the group is another's is known only then. */
static unsigned emit_group(struct rs_partition *p, struct rs_groups *gs, uint32_t number,
                           struct rs_view_batch *batch, size_t budget)
{
    struct rs_group *g = rs_group_at(gs, number);
    if (g->flags & (RS_GROUP_SILENT | RS_GROUP_CLEARED)) {
        g->flags = (uint16_t)(g->flags & ~(unsigned)RS_GROUP_VIEW);
        if (g->flags & RS_GROUP_DROPPED) {
            rs_groups_release(gs, number);
        }
        return 0;
    }
    render_key(p, gs, g);
    if (g->flags & RS_GROUP_DROPPED) {
        return emit_drop(p, gs, batch);
    }
    if (g->flags & RS_GROUP_AWAITS) {
        return 0;
    }
    int64_t now_us = rs_partition_now(p, gs, g);
    struct rs_shower s = {gs, p->scratch, batch, now_us, rs_buf_slice(&p->key_text)};
    bool ended = first_ended(&s, number, g) != RS_WINDOW_NEVER;
    unsigned put = 0;
    if (view_due(gs, number, now_us, ended)) {
        bool first = g->flags & RS_GROUP_NEW;
        if (rs_show_view(&s, number, first ? RS_OP_FIRST : 0)) {
            put = RECEIPT_VIEW | (first ? RECEIPT_FIRST : 0u);
        } else if (rs_groups_sessions(gs)) {
            put = emit_nothing(p, gs, number, batch);
        }
    }
    g->flags = (uint16_t)(g->flags & ~(unsigned)RS_GROUP_VIEW);
    unsigned stale = emit_stale(&s, number, g);
    if (ended) {
        put |= emit_history(&s, number, g, budget, put == 0);
    }
    put |= stale;
    reschedule(gs, number, g, now_us);
    return put;
}

static uint32_t take_group(struct rs_groups *gs)
{
    uint32_t number = rs_groups_pop(gs);
    return number == RS_NONE ? rs_schedule_pop(gs) : number;
}

static bool has_more(const struct rs_groups *gs)
{
    return gs->dirty_head != RS_NONE || rs_schedule_due(gs);
}

/* False: the batch is full. */
static bool emit_turn(struct rs_partition *p, uint32_t set, struct rs_view_batch *batch, size_t budget)
{
    struct rs_groups *gs = &p->groups[set];
    for (uint32_t i = 0; i < TURN_GROUPS; i++) {
        if (batch->ops.size >= budget || batch->ops.failed ||
            !rs_buf_reserve(&batch->receipt, sizeof(struct receipt))) {
            return false;
        }
        uint32_t number = take_group(gs);
        if (number == RS_NONE) {
            return true;
        }
        struct receipt receipt = {
            .set = set, .group = number, .first_op = batch->op_count, .epoch = p->epoch};
        receipt.flags = (uint16_t)emit_group(p, gs, number, batch, budget);
        receipt.generation = rs_group_at(gs, number)->generation;
        if (receipt.flags) {
            rs_buf_put(&batch->receipt, &receipt, sizeof receipt);
        }
    }
    return true;
}

/* ---- sending everything again ---- */

/* Groups that change come first: a store that was lost gets the newest numbers at once, and the rest bit by
 * bit. */
#define AGAIN_GROUPS 64

/* Dropped groups go to the front, since a group that is back under the same key waits for the deletion.
 * One that is in the list already has not been sent. */
static void again(struct rs_groups *gs, uint32_t number)
{
    struct rs_group *g = rs_group_at(gs, number);
    if (!rs_groups_live(gs, number) || g->flags & RS_GROUP_SILENT) {
        return;
    }
    if (g->flags & RS_GROUP_DROPPED) {
        if (!(g->flags & RS_GROUP_DIRTY)) {
            g->generation++; /* as in mark_all */
            rs_groups_push_front(gs, number, g);
        }
    } else {
        mark_all(gs, number, g);
    }
}

/* False: there is nothing to send again, or not now. */
static bool send_again(struct rs_partition *p)
{
    bool any = false;
    for (uint32_t i = 0; i < AGAIN_GROUPS && p->again_quota && p->again_set < p->group_sets;) {
        struct rs_groups *gs = &p->groups[p->again_set];
        if (p->again_at >= gs->groups.touched) {
            p->again_set++;
            p->again_at = 0;
            continue;
        }
        again(gs, p->again_at++);
        p->again_quota -= p->again_quota == UINT64_MAX ? 0 : 1;
        any = true;
        i++;
    }
    return any;
}

void rs_partition_republish(struct rs_partition *p)
{
    p->epoch++;
    p->again_set = 0;
    p->again_at = 0;
}

bool rs_partition_republishing(const struct rs_partition *p)
{
    return p->again_set < p->group_sets;
}

void rs_partition_republish_quota(struct rs_partition *p, uint64_t groups)
{
    p->again_quota = groups;
}

/* Aggregates take turns, and the one after that which filled the batch begins the next: none can keep the
 * others from being shown. Groups that have to be sent again come when nothing else is left. */
bool rs_partition_emit(struct rs_partition *p, struct rs_view_batch *batch, size_t budget_bytes)
{
    rs_partition_show_front(p);
    batch->offset = p->next_offset;
    batch->now_shown_us = p->now_shown_us;
    for (;;) {
        uint32_t idle = 0;
        for (uint32_t i = 0; i < p->group_sets; i++) {
            uint32_t set = (p->turn + i) % p->group_sets;
            if (!has_more(&p->groups[set])) {
                idle++;
            } else if (!emit_turn(p, set, batch, budget_bytes)) {
                p->turn = set + 1;
                return true;
            }
        }
        if (idle == p->group_sets && !send_again(p)) {
            return false;
        }
    }
}

/* ---- settling ---- */

/* From now on the group is kept, but never emitted: nothing of it is owed to the sink any more, so its
 * panes may leave as if all had been acknowledged. */
static void silence(struct rs_partition *p, struct rs_groups *gs, uint32_t number, struct rs_group *g)
{
    if (g->flags & RS_GROUP_SILENT) {
        return;
    }
    p->conflicts++;
    g->flags = (uint16_t)((g->flags | RS_GROUP_SILENT) & ~(unsigned)RS_GROUP_VIEW);
    g->history_from = RS_WINDOW_NEVER;
    if (gs->aggregate->history) {
        rs_rest_at(gs, number)->flight_from = RS_WINDOW_NEVER;
    }
    rs_schedule_at(gs, number, RS_WINDOW_NEVER);
    if (!gs->aggregate->upsert) {
        rs_group_settle(gs, number, RS_TIME_NONE);
    }
}

/* A window that ended while others of the group were in flight could not go with them: the group is put into
 * the dirty list for it. */
static void acknowledge(struct rs_partition *p, struct rs_groups *gs, const struct receipt *r,
                        struct rs_group *g)
{
    if (r->flags & RECEIPT_DROP) {
        rs_groups_release(gs, r->group);
        return;
    }
    if (r->flags & RECEIPT_FIRST) {
        g->flags = (uint16_t)(g->flags & ~(unsigned)RS_GROUP_NEW);
    }
    if (!(r->flags & RECEIPT_HISTORY)) {
        return;
    }
    struct rs_group_rest *rest = rs_rest_at(gs, r->group);
    int64_t from = rest->flight_from;
    rest->flight_from = RS_WINDOW_NEVER;
    if (!gs->aggregate->upsert) {
        rs_group_settle(gs, r->group, from);
    }
    if (g->history_from <= rs_partition_now(p, gs, g)) {
        rs_groups_touch(gs, r->group, g, 0);
    }
}

/* As if it had never been sent: the windows that were in flight are the next again. What changed meanwhile
 * is in the list already. */
static void take_back(struct rs_groups *gs, const struct receipt *r, struct rs_group *g)
{
    if (r->flags & RECEIPT_DROP) {
        if (!(g->flags & RS_GROUP_DIRTY)) {
            rs_groups_push_front(gs, r->group, g);
        }
        return;
    }
    unsigned again = r->flags & RECEIPT_VIEW ? RS_GROUP_VIEW : 0;
    if (r->flags & RECEIPT_STALE) {
        rs_session_stale(gs, r->group);
    }
    if (r->flags & RECEIPT_HISTORY) {
        g->history_from = rs_group_pending(gs, r->group);
        rs_rest_at(gs, r->group)->flight_from = RS_WINDOW_NEVER;
    }
    rs_groups_touch(gs, r->group, g, again);
}

static struct receipt receipt_at(const struct rs_view_batch *batch, size_t i)
{
    struct receipt r;
    memcpy(&r, batch->receipt.data + i * sizeof r, sizeof r);
    return r;
}

/* The group a receipt speaks of, or NULL when it is not that any more. */
static struct rs_group *receipt_group(const struct rs_partition *p, const struct receipt *r)
{
    const struct rs_groups *gs = &p->groups[r->set];
    if (r->epoch != p->epoch || r->group >= gs->groups.touched || !rs_groups_live(gs, r->group)) {
        return NULL;
    }
    struct rs_group *g = rs_group_at(gs, r->group);
    return g->generation == r->generation ? g : NULL;
}

/* Operation numbers ascend along the receipts: the last one that begins at or before `op`. */
static size_t receipt_of(const struct rs_view_batch *batch, size_t count, uint32_t op)
{
    size_t low = 0;
    size_t high = count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (receipt_at(batch, middle).first_op <= op) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

static void settle_conflicts(struct rs_partition *p, const struct rs_view_batch *batch, size_t count)
{
    for (size_t at = 0; count && at + sizeof(uint32_t) <= batch->conflicts.size; at += sizeof(uint32_t)) {
        uint32_t op;
        memcpy(&op, batch->conflicts.data + at, sizeof op);
        struct receipt r = receipt_at(batch, receipt_of(batch, count, op));
        struct rs_group *g = receipt_group(p, &r);
        if (g && !(r.flags & RECEIPT_DROP)) {
            silence(p, &p->groups[r.set], r.group, g);
        }
    }
}

/* Conflicts come first: a group that turns out to be another partition's is silent by then, and passed by. */
void rs_partition_settle(struct rs_partition *p, const struct rs_view_batch *batch)
{
    size_t count = batch->receipt.size / sizeof(struct receipt);
    bool applied = batch->result == RS_BATCH_APPLIED;
    if (applied) {
        settle_conflicts(p, batch, count);
    }
    for (size_t i = 0; i < count; i++) {
        /* Taken back from the last on: what goes to the front of a list ends in its old order. */
        struct receipt r = receipt_at(batch, applied ? i : count - 1 - i);
        struct rs_group *g = receipt_group(p, &r);
        if (!g || g->flags & RS_GROUP_SILENT) {
            continue;
        }
        if (applied) {
            acknowledge(p, &p->groups[r.set], &r, g);
        } else {
            take_back(&p->groups[r.set], &r, g);
        }
    }
}
