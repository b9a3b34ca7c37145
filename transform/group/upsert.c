#include "transform/group/upsert.h"

#include <stdlib.h>
#include <string.h>

#define REGISTERS_START 4

size_t rs_register_size(const struct rs_aggregate *aggregate)
{
    return sizeof(struct rs_register) + aggregate->input_count * sizeof(uint64_t[2]);
}

/* ---- memory ---- */

static struct rs_upsert_group *group_at(const struct rs_groups *gs, uint32_t number)
{
    return (struct rs_upsert_group *)rs_group_at(gs, number);
}

/* The registers of a group are one array, in the order of their periods. It may move here, and only here:
 * the event path inserts into what was reserved. */
bool rs_upsert_reserve(struct rs_groups *gs, uint32_t number)
{
    size_t size = rs_register_size(gs->aggregate);
    /* For a group that is there too: the event's own time may end it before the event is applied. */
    gs->spare = gs->spare ? gs->spare : malloc(REGISTERS_START * size);
    if (!gs->spare || number == RS_NONE) {
        return gs->spare != NULL;
    }
    struct rs_upsert_group *g = group_at(gs, number);
    if (g->count < g->capacity) {
        return true;
    }
    uint32_t wider = g->capacity ? g->capacity * 2 : REGISTERS_START;
    uint8_t *registers = realloc(g->registers, wider * size);
    if (!registers) {
        return false;
    }
    gs->register_bytes += (wider - g->capacity) * size;
    g->registers = registers;
    g->capacity = wider;
    return true;
}

void rs_upsert_adopt(struct rs_groups *gs, struct rs_upsert_group *group)
{
    RS_ASSERT(gs->spare && !group->registers);
    group->registers = gs->spare;
    group->capacity = REGISTERS_START;
    gs->spare = NULL;
    gs->register_bytes += REGISTERS_START * rs_register_size(gs->aggregate);
}

void rs_upsert_clear(struct rs_groups *gs, struct rs_upsert_group *group)
{
    gs->register_bytes -= group->capacity * rs_register_size(gs->aggregate);
    gs->pane_count -= group->count;
    free(group->registers);
    group->registers = NULL;
    group->count = 0;
    group->capacity = 0;
    group->group.history_from = RS_WINDOW_NEVER;
}

/* ---- finding ---- */

uint32_t rs_upsert_from(const struct rs_groups *gs, const struct rs_upsert_group *group, int64_t at_us)
{
    uint32_t low = 0;
    uint32_t high = group->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (rs_register_at(gs, group, middle)->period_us < at_us) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

uint32_t rs_upsert_present_before(const struct rs_groups *gs, const struct rs_upsert_group *group,
                                  uint32_t end)
{
    while (end > 0) {
        if (rs_register_present(rs_register_at(gs, group, --end))) {
            return end;
        }
    }
    return RS_NONE;
}

bool rs_upsert_late(const struct rs_groups *gs, const struct rs_upsert_group *group, int64_t period_us)
{
    return group->count >= gs->aggregate->plan->stream->max_periods &&
           period_us < rs_register_at(gs, group, 0)->period_us;
}

int64_t rs_upsert_next_end(const struct rs_groups *gs, const struct rs_upsert_group *group, int64_t from)
{
    const struct rs_window *w = &gs->aggregate->window;
    if (from == RS_WINDOW_NEVER) {
        return from;
    }
    uint32_t at = rs_upsert_from(gs, group, rs_window_start(w, from));
    return at == group->count ? RS_WINDOW_NEVER
                              : rs_window_first_end(w, rs_register_at(gs, group, at)->period_us);
}

/* ---- changing ---- */

/* All of the register but its period and revision: `present` and values of the last winner must not shine
 * through. */
static void store(const struct rs_aggregate *a, struct rs_register *r, const struct rs_change *c)
{
    r->version = c->version;
    r->offset = c->event.order;
    r->flags = c->flags | RS_REGISTER_CHANGED;
    memset(r->present, 0, sizeof r->present);
    for (uint32_t i = 0; i < a->input_count; i++) {
        const struct rs_num *n = &c->event.inputs[a->inputs[i]];
        r->values[i][0] = 0;
        r->values[i][1] = 0;
        if (!n->present) {
            continue;
        }
        r->present[i / 64] |= UINT64_C(1) << (i % 64);
        switch (a->plan->inputs.types[a->inputs[i]].kind) {
        case RS_NUM_INT64: memcpy(r->values[i], &n->i, sizeof n->i); break;
        case RS_NUM_INT128: memcpy(r->values[i], &n->w, sizeof n->w); break;
        case RS_NUM_DOUBLE: memcpy(r->values[i], &n->d, sizeof n->d); break;
        }
    }
}

/* A register becomes a pane by being added as an event, at its period, so that all statistics of upsert
 * streams are the same code as those of append streams. */
void rs_register_fold(const struct rs_groups *gs, const struct rs_register *r, const struct rs_register *like,
                      void *pane)
{
    const struct rs_aggregate *a = gs->aggregate;
    struct rs_num inputs[RS_INPUTS_MAX];
    uint32_t highest = a->input_count ? a->inputs[a->input_count - 1] + 1 : 0;

    memset(inputs, 0, highest * sizeof *inputs);
    for (uint32_t i = 0; i < a->input_count; i++) {
        struct rs_num *n = &inputs[a->inputs[i]];
        uint64_t mask = r->present[i / 64] & (like ? like->present[i / 64] : UINT64_MAX);
        n->present = mask >> (i % 64) & 1;
        switch (a->plan->inputs.types[a->inputs[i]].kind) {
        case RS_NUM_INT64: memcpy(&n->i, r->values[i], sizeof n->i); break;
        case RS_NUM_INT128: memcpy(&n->w, r->values[i], sizeof n->w); break;
        case RS_NUM_DOUBLE: memcpy(&n->d, r->values[i], sizeof n->d); break;
        }
    }
    (void)rs_pane_add(a->layout, pane, inputs, r->period_us,
                      r->period_us); /* not finite: counted when it came */
}

/* The room was reserved, and a full group makes it itself by giving up its oldest period. */
static struct rs_register *insert(struct rs_groups *gs, struct rs_upsert_group *g, uint32_t at,
                                  int64_t period_us)
{
    size_t size = rs_register_size(gs->aggregate);
    if (g->count >= gs->aggregate->plan->stream->max_periods) {
        /* The oldest goes: the new period is not older still, that would be late. */
        RS_ASSERT(at > 0);
        memmove(g->registers, g->registers + size, (at - 1) * size);
        at--;
    } else {
        RS_ASSERT(g->count < g->capacity);
        memmove(g->registers + (at + 1) * size, g->registers + at * size, (g->count - at) * size);
        g->count++;
        gs->pane_count++;
    }
    struct rs_register *r = rs_register_at(gs, g, at);
    memset(r, 0, size);
    r->period_us = period_us;
    return r;
}

static void won(struct rs_groups *gs, uint32_t number, struct rs_group *g, struct rs_register *r)
{
    if (gs->aggregate->history) {
        int64_t end = rs_window_first_end(&gs->aggregate->window, r->period_us);
        r->revision += g->clock_us != RS_TIME_NONE && g->clock_us >= end;
        g->history_from = end < g->history_from ? end : g->history_from;
    }
    rs_groups_changed(gs, number, g);
}

/* A change that loses leaves no trace, so the registers are those of the winners, whatever the order. An
 * open batch gets the group as it was before it is known who wins: at worst that was not needed yet. */
void rs_upsert_apply(struct rs_groups *gs, uint32_t number, const struct rs_change *change)
{
    struct rs_upsert_group *g = group_at(gs, number);
    int64_t period_us = change->event.time_us;
    uint32_t at = rs_upsert_from(gs, g, period_us);
    bool known = at < g->count && rs_register_at(gs, g, at)->period_us == period_us;
    rs_groups_change(gs, number, &g->group);
    struct rs_register *r = known ? rs_register_at(gs, g, at) : insert(gs, g, at, period_us);
    if (!known || change->version > r->version ||
        (change->version == r->version && change->event.order > r->offset)) {
        store(gs->aggregate, r, change);
        won(gs, number, &g->group, r);
    }
    if (period_us > g->group.clock_us) {
        g->group.clock_us = period_us;
    }
    gs->applied++;
}

/* The lowest version there is, of this record: what comes later wins by its version, or by its offset. So the
 * registers say all, and no tombstone has to be remembered. */
void rs_upsert_withdraw(struct rs_groups *gs, uint32_t number, int64_t order)
{
    struct rs_upsert_group *g = group_at(gs, number);
    rs_groups_change(gs, number, &g->group);
    for (uint32_t i = 0; i < g->count; i++) {
        struct rs_register *r = rs_register_at(gs, g, i);
        r->version = INT64_MIN;
        r->offset = order;
        r->flags = RS_REGISTER_WITHDRAWN | RS_REGISTER_CHANGED;
        memset(r->present, 0, sizeof r->present);
        memset(r->values, 0, gs->aggregate->input_count * sizeof *r->values);
        won(gs, number, &g->group, r);
    }
    gs->applied++;
}

/* ---- restoring ---- */

void rs_upsert_restore(struct rs_groups *gs, struct rs_upsert_group *group, const struct rs_register *r)
{
    size_t size = rs_register_size(gs->aggregate);
    uint32_t at = rs_upsert_from(gs, group, r->period_us);
    bool known = at < group->count && rs_register_at(gs, group, at)->period_us == r->period_us;
    if (!known) {
        RS_ASSERT(group->count < group->capacity);
        memmove(group->registers + (at + 1) * size, group->registers + at * size, (group->count - at) * size);
        group->count++;
        gs->pane_count++;
    }
    memcpy(rs_register_at(gs, group, at), r, size);
}

void rs_upsert_remove_before(struct rs_groups *gs, struct rs_upsert_group *group, int64_t oldest_us)
{
    size_t size = rs_register_size(gs->aggregate);
    uint32_t gone = rs_upsert_from(gs, group, oldest_us);
    memmove(group->registers, group->registers + gone * size, (group->count - gone) * size);
    group->count -= gone;
    gs->pane_count -= gone;
}
