#include "transform/group/fold.h"

#include <stdlib.h>
#include <string.h>

/* With fewer panes folding them all is as fast. */
#define FOLD_MIN_PANES 24

struct rs_fold {
    int64_t lo, hi;               /* panes with lo <= start < hi are settled */
    uint32_t oldest;              /* oldest settled pane; RS_NONE: none is */
    uint32_t last;                /* newest settled pane */
    int64_t tails_of;             /* block whose tails are valid; NO_BLOCK */
    int64_t middle_lo, middle_hi; /* blocks folded into `middle`: [lo, hi); lo NO_BLOCK: none valid */
    uint32_t block_slices, block_count;
    int64_t *stamps; /* which block a place of the ring holds */
    uint8_t *sums, *middle, *tails, *blocks;
};

#define NO_BLOCK INT64_MIN

static const struct rs_pane_layout *layout_of(const struct rs_groups *gs)
{
    return gs->aggregate->layout;
}

/* ---- memory ---- */

static size_t pane_total(const struct rs_fold *fold)
{
    return 2 + (size_t)fold->block_slices + fold->block_count;
}

static size_t fold_bytes(const struct rs_groups *gs, const struct rs_fold *fold)
{
    return sizeof *fold + fold->block_count * sizeof *fold->stamps +
           pane_total(fold) * gs->aggregate->pane_size;
}

static uint8_t *pane_at(const struct rs_groups *gs, uint8_t *panes, uint64_t number)
{
    return panes + number * gs->aggregate->pane_size;
}

/* One piece of memory: the head, a stamp for each block of the ring, then panes: sums, middle, a tail for
 * each slice of a block, the blocks. A block is about as long as the square root of the window's panes, so
 * that there are about as many of them as tails, and a few more, since the window cuts those at its ends. */
static struct rs_fold *fold_new(struct rs_groups *gs)
{
    int64_t panes = rs_window_panes(&gs->aggregate->window);
    uint32_t slices = 1;
    while ((int64_t)slices * slices < panes) {
        slices++;
    }
    struct rs_fold shape = {.block_slices = slices, .block_count = (uint32_t)(panes / slices) + 3};
    struct rs_fold *fold = malloc(fold_bytes(gs, &shape));
    if (!fold) {
        return NULL;
    }
    *fold = shape;
    fold->stamps = (int64_t *)(fold + 1);
    fold->sums = (uint8_t *)(fold->stamps + fold->block_count);
    fold->middle = pane_at(gs, fold->sums, 1);
    fold->tails = pane_at(gs, fold->sums, 2);
    fold->blocks = pane_at(gs, fold->tails, fold->block_slices);
    for (size_t i = 0; i < pane_total(fold); i++) {
        rs_pane_init(layout_of(gs), pane_at(gs, fold->sums, i));
    }
    gs->fold_bytes += fold_bytes(gs, fold);
    return fold;
}

void rs_fold_free(struct rs_groups *gs, struct rs_fold **slot)
{
    struct rs_fold *fold = *slot;
    if (!fold) {
        return;
    }
    for (size_t i = 0; i < pane_total(fold); i++) {
        rs_groups_pane_empty(gs, pane_at(gs, fold->sums, i));
    }
    gs->fold_bytes -= fold_bytes(gs, fold);
    free(fold);
    *slot = NULL;
}

static void fold_reset(struct rs_groups *gs, struct rs_fold *fold, int64_t start_us)
{
    fold->lo = start_us;
    fold->hi = start_us;
    fold->oldest = RS_NONE;
    fold->last = RS_NONE;
    fold->tails_of = NO_BLOCK;
    fold->middle_lo = NO_BLOCK;
    for (uint32_t i = 0; i < fold->block_count; i++) {
        fold->stamps[i] = NO_BLOCK;
    }
    rs_groups_pane_empty(gs, fold->sums);
}

/* ---- blocks ---- */

static int64_t slice_of(const struct rs_groups *gs, int64_t start_us)
{
    const struct rs_window *w = &gs->aggregate->window;
    return (start_us - w->offset_us) / w->slice_us; /* exact: starts are multiples */
}

static int64_t block_of(const struct rs_groups *gs, const struct rs_fold *fold, int64_t start_us)
{
    return rs_floor_to(slice_of(gs, start_us), fold->block_slices) / fold->block_slices;
}

static uint32_t place_of(const struct rs_fold *fold, int64_t block)
{
    int64_t place = block % fold->block_count;
    return (uint32_t)(place < 0 ? place + fold->block_count : place);
}

/* The block's summary, emptied if its place in the ring was another's. */
static uint8_t *block_pane(struct rs_groups *gs, struct rs_fold *fold, int64_t block)
{
    uint32_t place = place_of(fold, block);
    uint8_t *pane = pane_at(gs, fold->blocks, place);
    if (fold->stamps[place] != block) {
        rs_groups_pane_empty(gs, pane);
        fold->stamps[place] = block;
    }
    return pane;
}

static bool block_empty(const struct rs_fold *fold, int64_t block)
{
    return fold->stamps[place_of(fold, block)] != block;
}

/* ---- moving on ---- */

/* Sums of all settled panes stand in one pane, from which those that leave can be subtracted. Extrema
 * cannot be taken back, so they are kept by block: a block is emptied only when its place in the ring is
 * needed again. */
static void settle_until(struct rs_groups *gs, const struct rs_group *g, struct rs_fold *fold, int64_t hi)
{
    uint32_t at = fold->last == RS_NONE ? rs_group_from(gs, g, fold->hi) : rs_node_at(gs, fold->last)->newer;
    while (at != RS_NONE && rs_node_at(gs, at)->start_us < hi) {
        const struct rs_node *node = rs_node_at(gs, at);
        rs_groups_pane_merge_sums(gs, fold->sums, node->pane);
        rs_groups_pane_merge_extrema(gs, block_pane(gs, fold, block_of(gs, fold, node->start_us)),
                                     node->pane);
        if (fold->tails_of == block_of(gs, fold, node->start_us)) {
            fold->tails_of = NO_BLOCK; /* the window is so short that it begins and ends in one block */
        }
        fold->oldest = fold->oldest == RS_NONE ? at : fold->oldest;
        fold->last = at;
        at = node->newer;
    }
    fold->hi = hi > fold->hi ? hi : fold->hi;
}

static void leave_oldest(struct rs_groups *gs, struct rs_fold *fold)
{
    const struct rs_node *node = rs_node_at(gs, fold->oldest);
    if (fold->oldest == fold->last) {
        fold->oldest = RS_NONE;
        fold->last = RS_NONE;
        rs_groups_pane_empty(gs, fold->sums);
        return;
    }
    rs_groups_pane_subtract(gs, fold->sums, node->pane);
    fold->oldest = node->newer;
}

static void leave_until(struct rs_groups *gs, struct rs_fold *fold, int64_t lo)
{
    while (fold->oldest != RS_NONE && rs_node_at(gs, fold->oldest)->start_us < lo) {
        leave_oldest(gs, fold);
    }
    fold->lo = lo;
    fold->hi = lo > fold->hi ? lo : fold->hi;
}

/* ---- extrema ---- */

/* The window begins in `block`, and settled panes lie beyond it. */
static void make_tails(struct rs_groups *gs, struct rs_fold *fold, int64_t block)
{
    int64_t first_slice = block * fold->block_slices;
    const struct rs_window *w = &gs->aggregate->window;
    int64_t next_us = (first_slice + fold->block_slices) * w->slice_us + w->offset_us;
    uint32_t at = fold->oldest;
    while (rs_node_at(gs, rs_node_at(gs, at)->newer)->start_us < next_us) {
        at = rs_node_at(gs, at)->newer;
    }
    for (int64_t i = fold->block_slices - 1; i >= 0; i--) {
        uint8_t *tail = pane_at(gs, fold->tails, (uint64_t)i);
        rs_groups_pane_clear_extrema(gs, tail);
        if (i + 1 < fold->block_slices) {
            rs_groups_pane_merge_extrema(gs, tail, pane_at(gs, fold->tails, (uint64_t)i + 1));
        }
        if (at != RS_NONE && rs_node_at(gs, at)->start_us == (first_slice + i) * w->slice_us + w->offset_us) {
            rs_groups_pane_merge_extrema(gs, tail, rs_node_at(gs, at)->pane);
            at = at == fold->oldest ? RS_NONE : rs_node_at(gs, at)->older;
        }
    }
    fold->tails_of = block;
}

static void make_middle(struct rs_groups *gs, struct rs_fold *fold, int64_t lo, int64_t hi)
{
    if (fold->middle_lo != lo || fold->middle_hi > hi) {
        rs_groups_pane_clear_extrema(gs, fold->middle);
        fold->middle_lo = lo;
        fold->middle_hi = lo;
    }
    for (; fold->middle_hi < hi; fold->middle_hi++) {
        if (!block_empty(fold, fold->middle_hi)) {
            rs_groups_pane_merge_extrema(gs, fold->middle, block_pane(gs, fold, fold->middle_hi));
        }
    }
}

/* Extrema of the settled panes into `out`. */
static void settled_extrema(struct rs_groups *gs, struct rs_fold *fold, void *out)
{
    int64_t first = block_of(gs, fold, rs_node_at(gs, fold->oldest)->start_us);
    int64_t last = block_of(gs, fold, rs_node_at(gs, fold->last)->start_us);
    if (first == last) {
        for (uint32_t at = fold->oldest;; at = rs_node_at(gs, at)->newer) {
            rs_pane_merge_extrema(layout_of(gs), out, rs_node_at(gs, at)->pane);
            if (at == fold->last) {
                return;
            }
        }
    }
    if (fold->tails_of != first) {
        make_tails(gs, fold, first);
    }
    make_middle(gs, fold, first + 1, last);
    int64_t tail = slice_of(gs, rs_node_at(gs, fold->oldest)->start_us) - first * fold->block_slices;
    rs_pane_merge_extrema(layout_of(gs), out, pane_at(gs, fold->tails, (uint64_t)tail));
    rs_pane_merge_extrema(layout_of(gs), out, fold->middle);
    rs_pane_merge_extrema(layout_of(gs), out, block_pane(gs, fold, last));
}

/* ---- the window ---- */

static uint32_t fold_plain(struct rs_groups *gs, const struct rs_group *g, int64_t start_us, int64_t end_us,
                           void *out)
{
    uint32_t oldest = RS_NONE;
    for (uint32_t at = rs_group_before(gs, g, end_us); at != RS_NONE; at = rs_node_at(gs, at)->older) {
        const struct rs_node *node = rs_node_at(gs, at);
        if (node->start_us < start_us) {
            break;
        }
        rs_pane_merge(layout_of(gs), out, node->pane);
        oldest = at;
    }
    return oldest;
}

/* Windows are asked for in ascending order as a rule, so that both ends only move on. Where they went
 * back, the fold begins anew: it could add what comes in before, but not take off again what it settled
 * behind the end. The newest pane still changes, and is merged last without ever being settled. */
static uint32_t fold_running(struct rs_groups *gs, const struct rs_group *g, struct rs_fold *fold,
                             int64_t start_us, int64_t end_us, void *out)
{
    int64_t newest_us = rs_node_at(gs, g->newest)->start_us;
    int64_t hi = end_us < newest_us ? end_us : newest_us;
    if (start_us < fold->lo ||
        (fold->hi > end_us && fold->last != RS_NONE && rs_node_at(gs, fold->last)->start_us >= end_us)) {
        fold_reset(gs, fold, start_us);
    }
    leave_until(gs, fold, start_us);
    if (hi > start_us) {
        settle_until(gs, g, fold, hi);
    }
    rs_pane_copy(layout_of(gs), out, fold->sums);
    rs_pane_clear_extrema(layout_of(gs), out);
    if (fold->oldest != RS_NONE) {
        settled_extrema(gs, fold, out);
    }
    if (newest_us < start_us || newest_us >= end_us) {
        return fold->oldest;
    }
    rs_pane_merge(layout_of(gs), out, rs_node_at(gs, g->newest)->pane);
    return fold->oldest == RS_NONE ? g->newest : fold->oldest;
}

/* Without memory for a fold, or where there are few panes, all of them are merged each time: slower, and
 * the same result. A window by the calendar is one pane, however many the group holds. */
uint32_t rs_fold_window(struct rs_groups *gs, uint32_t number, struct rs_fold **slot, int64_t start_us,
                        int64_t end_us, void *out)
{
    rs_pane_fini(layout_of(gs), out); /* scratch, which is not counted */
    if (!*slot && rs_rest_at(gs, number)->pane_count >= FOLD_MIN_PANES &&
        !gs->aggregate->window.by_calendar) {
        *slot = fold_new(gs);
        if (*slot) {
            fold_reset(gs, *slot, start_us);
        }
    }
    if (*slot) {
        return fold_running(gs, rs_group_at(gs, number), *slot, start_us, end_us, out);
    }
    return fold_plain(gs, rs_group_at(gs, number), start_us, end_us, out);
}

/* ---- changes behind the window's back ---- */

static void add_extrema(struct rs_groups *gs, void *into, const struct rs_node *node,
                        const struct rs_event *e)
{
    gs->heap_bytes +=
        rs_pane_add_extrema(layout_of(gs), into, node->pane, e->inputs, e->time_us, e->order).heap_bytes;
}

/* An event that is late, but not too late, goes into a pane that was settled already, so everything that
 * was derived from that pane has it added or is made again. Outside of [lo, hi) nothing was derived. */
void rs_fold_add(struct rs_groups *gs, struct rs_fold *fold, uint32_t number, bool fresh,
                 const struct rs_event *e)
{
    if (!fold) {
        return;
    }
    const struct rs_node *node = rs_node_at(gs, number);
    if (node->start_us < fold->lo || node->start_us >= fold->hi) {
        return;
    }
    if (fresh && (fold->oldest == RS_NONE || node->start_us < rs_node_at(gs, fold->oldest)->start_us)) {
        fold->oldest = number;
    }
    if (fresh && (fold->last == RS_NONE || node->start_us > rs_node_at(gs, fold->last)->start_us)) {
        fold->last = number;
    }
    int64_t block = block_of(gs, fold, node->start_us);
    struct rs_pane_added added = rs_pane_add_sums(layout_of(gs), fold->sums, e->inputs, e->time_us, e->order);
    gs->heap_bytes += added.heap_bytes; /* what is not finite is counted already */
    add_extrema(gs, block_pane(gs, fold, block), node, e);
    if (fold->tails_of == block) {
        fold->tails_of = NO_BLOCK;
    }
    if (fold->middle_lo != NO_BLOCK && block >= fold->middle_lo && block < fold->middle_hi) {
        add_extrema(gs, fold->middle, node, e);
    }
}

void rs_fold_leave(struct rs_groups *gs, struct rs_fold *fold, uint32_t number)
{
    if (fold && fold->oldest == number) {
        int64_t next = rs_node_at(gs, number)->start_us + gs->aggregate->window.slice_us;
        leave_until(gs, fold, next > fold->lo ? next : fold->lo);
    }
}
