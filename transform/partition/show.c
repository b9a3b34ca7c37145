#include "transform/partition/show.h"

#include <string.h>

#include "transform/group/fold.h"
#include "transform/group/last.h"
#include "transform/group/session.h"
#include "transform/group/upsert.h"
#include "transform/pane/span.h"

/* One window's content on its way into a batch. */
struct content {
    const void *pane;
    struct rs_pane_earlier earlier;
    int64_t start_us, end_us; /* RS_TIME_NONE: not shown */
    int64_t event_us;         /* RS_TIME_NONE: not shown */
    uint64_t events;
    int64_t change_ms;
    int64_t before_us; /* length of that window */
    bool filled;       /* there are no events: `pane` is that of the window before */
};

/* ---- fields ---- */

static void emit_field(void *ctx, size_t field, const char *text, size_t size)
{
    rs_batch_field(ctx, (uint32_t)field, text, size);
}

static void emit_empty(void *ctx, size_t field, const char *text, size_t size)
{
    const struct rs_shower *s = ctx;
    if (s->groups->aggregate->empty_fields[field]) {
        rs_batch_field(s->batch, (uint32_t)field, text, size);
    }
}

static void put_int(struct rs_view_batch *b, uint32_t field, int64_t value)
{
    char text[RS_NUMBER_TEXT_MAX];
    rs_batch_field(b, field, text, rs_int64_format(value, text));
}

static void *emptied(const struct rs_groups *gs, void *pane)
{
    rs_pane_fini(gs->aggregate->layout, pane);
    rs_pane_init(gs->aggregate->layout, pane);
    return pane;
}

/* Statistics of a window without events. Rates of the window before are over its own length. */
static void put_filled(struct rs_shower *s, const struct content *c)
{
    struct rs_groups *gs = s->groups;
    const struct rs_aggregate *a = gs->aggregate;
    if (a->fill == RS_FILL_PREVIOUS) {
        rs_pane_render_with(a->layout, c->pane, &c->earlier, c->before_us, s->scratch, emit_field, s->batch);
    } else if (a->fill == RS_FILL_ZERO) {
        rs_pane_render(a->layout, emptied(gs, gs->total), NULL, 0, s->scratch, emit_empty, s);
    }
}

/* Without events only those statistics are shown that have a value even then (`empty_fields`). */
static void put_content(struct rs_shower *s, const struct content *c)
{
    const struct rs_aggregate *a = s->groups->aggregate;
    uint32_t field = a->stat_fields;
    int64_t cell_us = c->start_us == RS_TIME_NONE ? 0 : c->end_us - c->start_us;
    bool varies = a->window.by_calendar || rs_groups_sessions(s->groups);
    int64_t length_us = varies ? cell_us : a->window.size_us;
    if (c->filled) {
        put_filled(s, c);
    } else {
        rs_pane_render_with(a->layout, c->pane, &c->earlier, length_us, s->scratch,
                            c->events ? emit_field : emit_empty, c->events ? (void *)s->batch : (void *)s);
    }
    if (a->window.kind != RS_WINDOW_ALL) {
        if (c->start_us != RS_TIME_NONE) {
            put_int(s->batch, field, rs_floor_ms(c->start_us));
            put_int(s->batch, field + 1, rs_floor_ms(c->end_us));
        }
        field += 2;
    }
    if (c->event_us != RS_TIME_NONE) {
        put_int(s->batch, field, rs_floor_ms(c->event_us));
    }
    put_int(s->batch, field + 1, (int64_t)c->events);
    if (c->filled) {
        const char *name = rs_fill_name(a->fill);
        rs_batch_field(s->batch, a->meta->filled, name, strlen(name));
    }
}

static void put_revision(const struct rs_shower *s, uint64_t revision)
{
    put_int(s->batch, s->groups->aggregate->meta->field_count - 1, (int64_t)revision);
}

static void measure(struct content *c)
{
    c->events = rs_pane_events(c->pane);
    c->event_us = c->events ? rs_pane_newest_us(c->pane) : RS_TIME_NONE;
}

/* ---- append streams ---- */

/* Last values before the window: each input's own newest one is what `change` compares with. It nearly always stands in
 * the window before, and nothing else of that is looked at. */
static const void *previous_of(struct rs_groups *gs, const struct rs_node *node)
{
    if (!gs->aggregate->needs_previous || node->older == RS_NONE) {
        return NULL;
    }
    void *previous = emptied(gs, gs->previous);
    uint32_t at = node->older;
    while (at != RS_NONE &&
           !rs_pane_take_previous(gs->aggregate->layout, previous, rs_node_at(gs, at)->pane)) {
        at = rs_node_at(gs, at)->older;
    }
    return previous;
}

static void fill_from_node(struct rs_groups *gs, const struct rs_node *node, struct content *c)
{
    const struct rs_window *w = &gs->aggregate->window;
    c->pane = node->pane;
    c->earlier.previous = previous_of(gs, node);
    c->start_us = rs_window_ends(w) ? node->start_us : RS_TIME_NONE;
    c->end_us = rs_node_first_end(gs, node);
    measure(c);
}

/* It begins with its oldest event and ends with its newest. */
static void fill_last(struct rs_groups *gs, uint32_t number, struct content *c)
{
    c->pane = rs_last_pane(gs, number);
    measure(c);
    c->start_us = rs_last_oldest_us(gs, number);
    c->end_us = c->event_us;
}

/* The window that contains now, said by the smallest end with the same content: the first that holds the
 * newest event, or the first without the pane that left last. */
static void fill_sliding(const struct rs_shower *s, uint32_t number, struct content *c)
{
    struct rs_groups *gs = s->groups;
    const struct rs_group *g = rs_group_at(gs, number);
    struct rs_sliding_rest *sliding = rs_sliding_at(gs, number);
    const struct rs_window *w = &gs->aggregate->window;
    int64_t now_end = rs_window_first_end(w, s->now_us);
    uint32_t oldest =
        rs_fold_window(gs, number, &sliding->view, rs_window_start(w, now_end), now_end, gs->total);
    uint32_t left = oldest == RS_NONE ? g->newest : rs_node_at(gs, oldest)->older;
    int64_t left_us = left == RS_NONE ? sliding->gone_newest : rs_node_at(gs, left)->start_us;
    int64_t end = rs_window_first_end(w, rs_node_at(gs, g->newest)->start_us);
    if (left_us != RS_TIME_NONE && rs_window_leave(w, left_us) > end) {
        end = rs_window_leave(w, left_us);
        c->change_ms = rs_floor_ms(end);
    }
    c->pane = gs->total;
    c->end_us = end;
    c->start_us = rs_window_start(w, end);
    measure(c);
    sliding->leave_due =
        oldest == RS_NONE ? RS_WINDOW_NEVER : rs_window_last_end(w, rs_node_at(gs, oldest)->start_us);
}

/* ---- upsert streams ---- */

/* Folds registers [first, end) that are present, newest last; returns the newest one's number. */
static uint32_t fold_registers(struct rs_groups *gs, const struct rs_upsert_group *g, uint32_t first,
                               uint32_t end)
{
    uint32_t newest = RS_NONE;
    emptied(gs, gs->total);
    for (uint32_t i = first; i < end; i++) {
        const struct rs_register *r = rs_register_at(gs, g, i);
        if (rs_register_present(r)) {
            rs_register_fold(gs, r, NULL, gs->total);
            newest = i;
        }
    }
    return newest;
}

static uint32_t referred_register(const struct rs_groups *gs, const struct rs_upsert_group *g,
                                  const struct rs_pane_reference *reference, uint32_t newest)
{
    uint32_t at = newest;
    if (reference->before <= 0) {
        int64_t period_us = rs_span_before(rs_register_at(gs, g, newest)->period_us, reference->before);
        at = rs_upsert_from(gs, g, period_us);
        const struct rs_register *r = at < g->count ? rs_register_at(gs, g, at) : NULL;
        return r && r->period_us == period_us && rs_register_present(r) ? at : RS_NONE;
    }
    for (int64_t i = 0; i < reference->before && at != RS_NONE; i++) {
        at = rs_upsert_present_before(gs, g, at);
    }
    return at;
}

/* Of a span before only inputs that the newest has too are taken: else one would be compared with an older value. */
static void refer(struct rs_groups *gs, const struct rs_upsert_group *g, uint32_t newest)
{
    const struct rs_pane_reference *references;
    size_t count = rs_pane_references(gs->aggregate->layout, &references);
    for (size_t i = 0; i < count; i++) {
        uint32_t at = newest == RS_NONE ? RS_NONE : referred_register(gs, g, &references[i], newest);
        gs->referred[i] = NULL;
        if (at != RS_NONE) {
            void *pane = emptied(gs, gs->references + i * gs->aggregate->pane_size);
            rs_register_fold(gs, rs_register_at(gs, g, at),
                             references[i].before <= 0 ? rs_register_at(gs, g, newest) : NULL, pane);
            gs->referred[i] = pane;
        }
    }
}

static void fill_registers(struct rs_groups *gs, const struct rs_upsert_group *g, uint32_t first,
                           uint32_t end, struct content *c)
{
    uint32_t newest = fold_registers(gs, g, first, end);
    c->pane = gs->total;
    measure(c);
    uint32_t before = newest == RS_NONE ? RS_NONE : rs_upsert_present_before(gs, g, newest);
    if (gs->aggregate->needs_previous && before != RS_NONE) {
        rs_register_fold(gs, rs_register_at(gs, g, before), rs_register_at(gs, g, newest),
                         emptied(gs, gs->previous));
        c->earlier.previous = gs->previous;
    }
    if (gs->references) {
        refer(gs, g, newest);
        c->earlier.references = gs->referred;
    }
}

/* Number of the register with which the newest `last` present ones begin. */
static uint32_t last_from(const struct rs_groups *gs, const struct rs_upsert_group *g, uint32_t newest)
{
    uint32_t first = newest;
    for (int64_t i = 1; i < gs->aggregate->window.last; i++) {
        uint32_t before = rs_upsert_present_before(gs, g, first);
        if (before == RS_NONE) {
            break;
        }
        first = before;
    }
    return first;
}

/* Withdrawn registers are as if they were not there: where the window lies is told by the newest that
 * counts. */
static void fill_upsert(struct rs_groups *gs, const struct rs_upsert_group *g, struct content *c)
{
    const struct rs_window *w = &gs->aggregate->window;
    uint32_t newest = rs_upsert_present_before(gs, g, g->count);
    if (newest == RS_NONE) {
        fill_registers(gs, g, 0, 0, c);
        return;
    }
    int64_t newest_us = rs_register_at(gs, g, newest)->period_us;
    uint32_t first = 0;
    if (w->kind == RS_WINDOW_LAST) {
        first = last_from(gs, g, newest);
        c->start_us = rs_register_at(gs, g, first)->period_us;
        c->end_us = newest_us;
    } else if (w->kind != RS_WINDOW_ALL) {
        c->end_us = rs_window_first_end(w, newest_us);
        c->start_us = rs_window_start(w, c->end_us);
        first = rs_upsert_from(gs, g, c->start_us);
    }
    c->change_ms = rs_floor_ms(newest_us);
    fill_registers(gs, g, first, newest + 1, c);
}

static uint64_t fill_upsert_window(struct rs_groups *gs, const struct rs_upsert_group *g, struct content *c)
{
    uint32_t first = rs_upsert_from(gs, g, c->start_us);
    uint32_t end = rs_upsert_from(gs, g, c->end_us);
    uint64_t revision = 0;
    for (uint32_t i = first; i < end; i++) {
        revision += rs_register_at(gs, g, i)->revision;
    }
    fill_registers(gs, g, first, end, c);
    return revision;
}

/* ---- windows that have ended ---- */

/* The hash and the history each ask for ends that ascend, and so have a cache each. */
static struct rs_fold **fold_of(const struct rs_groups *gs, uint32_t number, bool view)
{
    if (gs->aggregate->upsert || gs->aggregate->window.kind != RS_WINDOW_SLIDING) {
        return NULL;
    }
    struct rs_sliding_rest *sliding = rs_sliding_at(gs, number);
    return view ? &sliding->view : &sliding->history;
}

/* The pane that begins there; RS_NONE: there is none. */
static uint32_t pane_at(const struct rs_groups *gs, const struct rs_group *g, int64_t start_us)
{
    uint32_t at = rs_group_from(gs, g, start_us);
    return at != RS_NONE && rs_node_at(gs, at)->start_us == start_us ? at : RS_NONE;
}

/* A window without events, behind that of `before`; its bounds are set. */
static void fill_gap(struct rs_groups *gs, const struct rs_node *before, struct content *c)
{
    struct content own = {0};
    fill_from_node(gs, before, &own);
    c->filled = true;
    c->pane = own.pane;
    c->earlier = own.earlier;
    c->before_us = own.end_us - own.start_us;
}

/* Only windows with content are asked for, so a tumbling one always has its pane, or with `fill` one before it. `fold`:
 * the cache of a sliding window's group, for ends that ascend. Returns the revision. */
static uint64_t fill_ended(struct rs_groups *gs, uint32_t number, int64_t end_us, struct rs_fold **fold,
                           struct content *c)
{
    struct rs_group *g = rs_group_at(gs, number);
    int64_t start_us = rs_window_start(&gs->aggregate->window, end_us);
    *c = (struct content){.start_us = start_us, .end_us = end_us, .event_us = RS_TIME_NONE};
    if (gs->aggregate->upsert) {
        return fill_upsert_window(gs, (struct rs_upsert_group *)g, c);
    }
    if (gs->aggregate->window.kind == RS_WINDOW_SLIDING) {
        (void)rs_fold_window(gs, number, fold, start_us, end_us, gs->total);
        c->pane = gs->total;
        measure(c);
    } else if (pane_at(gs, g, start_us) == RS_NONE) {
        fill_gap(gs, rs_node_at(gs, rs_group_before(gs, g, start_us)), c);
        return 0;
    } else {
        fill_from_node(gs, rs_node_at(gs, rs_group_from(gs, g, start_us)), c);
    }
    return rs_group_revision(gs, g, end_us);
}

/* What holds events before the end that has passed last: of its windows the last one that has ended. */
static int64_t newest_end(const struct rs_groups *gs, uint32_t number, int64_t now_us)
{
    const struct rs_window *w = &gs->aggregate->window;
    const struct rs_group *g = rs_group_at(gs, number);
    int64_t passed_us = rs_window_passed(w, now_us);
    int64_t start_us;
    if (gs->aggregate->upsert) {
        const struct rs_upsert_group *registers = (const struct rs_upsert_group *)g;
        uint32_t end = rs_upsert_from(gs, registers, passed_us);
        if (end == 0) {
            return RS_WINDOW_NEVER;
        }
        start_us = rs_register_at(gs, registers, end - 1)->period_us;
    } else {
        uint32_t at = rs_group_before(gs, g, passed_us);
        if (at == RS_NONE || rs_node_at(gs, at)->flags & RS_NODE_CARRY) {
            return RS_WINDOW_NEVER;
        }
        start_us = rs_node_at(gs, at)->start_us;
    }
    int64_t last = rs_window_last_end(w, start_us);
    int64_t end = last < passed_us ? last : passed_us;
    if (gs->aggregate->fill != RS_FILL_NONE) {
        end = rs_group_filled_until(gs, rs_node_at(gs, rs_group_before(gs, g, passed_us)), passed_us);
    }
    return end < rs_show_held_from(gs, number) ? RS_WINDOW_NEVER : end;
}

/* From now on history is told if it goes on again, even where that has not got it yet. Returns its end, NEVER where none
 * has ended. */
static int64_t fill_ended_session(struct rs_shower *s, uint32_t number, struct content *c)
{
    struct rs_groups *gs = s->groups;
    uint32_t at = rs_session_ended(gs, rs_group_at(gs, number), s->now_us);
    if (at == RS_NONE) {
        return RS_WINDOW_NEVER;
    }
    *c = (struct content){.event_us = RS_TIME_NONE};
    fill_from_node(gs, rs_node_at(gs, at), c);
    rs_node_at(gs, at)->flags |= RS_NODE_SHOWN;
    return c->end_us;
}

static int64_t fill_newest_ended(struct rs_shower *s, uint32_t number, struct content *c)
{
    struct rs_groups *gs = s->groups;
    int64_t end_us = newest_end(gs, number, s->now_us);
    if (end_us != RS_WINDOW_NEVER) {
        (void)fill_ended(gs, number, end_us, fold_of(gs, number, true), c);
    }
    return end_us;
}

static bool show_closed(struct rs_shower *s, uint32_t number, uint32_t flags)
{
    struct rs_groups *gs = s->groups;
    struct content c;
    int64_t end_us =
        rs_groups_sessions(gs) ? fill_ended_session(s, number, &c) : fill_newest_ended(s, number, &c);
    if (end_us == RS_WINDOW_NEVER) {
        return false;
    }
    rs_batch_view_begin(s->batch, gs->aggregate->index, flags, s->key);
    put_content(s, &c);
    rs_batch_end(s->batch, rs_floor_ms(end_us));
    return true;
}

/* With `fill` the view is that of the window that contains now, as far as windows behind the newest one with events are
 * filled. False: that is the newest one. */
static bool fill_open_gap(const struct rs_shower *s, const struct rs_group *g, struct content *c)
{
    struct rs_groups *gs = s->groups;
    const struct rs_window *w = &gs->aggregate->window;
    const struct rs_node *newest = rs_node_at(gs, g->newest);
    if (gs->aggregate->fill == RS_FILL_NONE || s->now_us < rs_window_first_end(w, newest->start_us)) {
        return false;
    }
    int64_t last = rs_group_last_filled(gs, newest);
    int64_t open = rs_window_first_end(w, s->now_us);
    c->end_us = open < last ? open : last;
    c->start_us = rs_window_start(w, c->end_us);
    c->change_ms = rs_floor_ms(c->start_us);
    fill_gap(gs, newest, c);
    return true;
}

/* ---- operations ---- */

/* A sliding view is computed as of shown time; any other ends with the group's newest pane or register. */
bool rs_show_view(struct rs_shower *s, uint32_t number, uint32_t flags)
{
    struct rs_groups *gs = s->groups;
    if (gs->aggregate->only_closed) {
        return show_closed(s, number, flags);
    }
    struct rs_group *g = rs_group_at(gs, number);
    struct content c = {
        .start_us = RS_TIME_NONE, .event_us = RS_TIME_NONE, .change_ms = rs_floor_ms(g->clock_us)};
    if (gs->aggregate->upsert) {
        fill_upsert(gs, (struct rs_upsert_group *)g, &c);
    } else if (gs->aggregate->window.kind == RS_WINDOW_SLIDING) {
        fill_sliding(s, number, &c);
    } else if (gs->last.capacity) {
        fill_last(gs, number, &c);
    } else if (!fill_open_gap(s, g, &c)) {
        fill_from_node(gs, rs_node_at(gs, g->newest), &c);
    }
    rs_batch_view_begin(s->batch, gs->aggregate->index, flags, s->key);
    put_content(s, &c);
    rs_batch_end(s->batch, c.change_ms);
    return true;
}

bool rs_show_by_pane(const struct rs_groups *gs)
{
    const struct rs_aggregate *a = gs->aggregate;
    return rs_groups_sessions(gs) ||
           (!a->upsert && a->window.kind == RS_WINDOW_TUMBLING && a->fill == RS_FILL_NONE);
}

uint32_t rs_show_pane_ending(const struct rs_groups *gs, const struct rs_group *group, int64_t end_us)
{
    return rs_groups_sessions(gs) ? rs_session_ended(gs, group, end_us)
                                  : rs_group_from(gs, group, rs_window_start(&gs->aggregate->window, end_us));
}

void rs_show_pane(struct rs_shower *s, uint32_t pane, bool announced)
{
    struct rs_groups *gs = s->groups;
    struct rs_node *node = rs_node_at(gs, pane);
    struct content c = {.event_us = RS_TIME_NONE};
    fill_from_node(gs, node, &c);
    if (rs_groups_sessions(gs)) {
        node->flags |= RS_NODE_SHOWN;
        rs_batch_session_begin(s->batch, gs->aggregate->index, s->key, rs_floor_ms(node->start_us),
                               rs_floor_ms(rs_pane_newest_us(node->pane)));
    } else {
        rs_batch_history_begin(s->batch, gs->aggregate->index, s->key, rs_floor_ms(node->start_us));
    }
    if (announced) {
        rs_batch_announce(s->batch);
    }
    put_content(s, &c);
    put_revision(s, node->revision);
    rs_batch_end(s->batch, 0);
}

/* A member with the session's own start may stay until the session takes its place, so that readers miss none. One
 * that goes on is none. */
static void cut_history(struct rs_shower *s, struct rs_node *node)
{
    const struct rs_groups *gs = s->groups;
    bool ended = rs_session_end(gs, node) <= s->now_us;
    int64_t from_ms = rs_floor_ms(node->start_us) + ended;
    int64_t last_ms = rs_floor_ms(rs_pane_newest_us(node->pane));
    node->flags &= ~(uint32_t)(RS_NODE_STALE | (ended ? 0 : RS_NODE_SHOWN));
    if (from_ms <= last_ms) {
        rs_batch_session_begin(s->batch, gs->aggregate->index, s->key, from_ms, last_ms);
        rs_batch_end(s->batch, 0);
    }
}

void rs_show_stale(struct rs_shower *s, uint32_t number)
{
    for (uint32_t at = rs_group_at(s->groups, number)->newest; at != RS_NONE;
         at = rs_node_at(s->groups, at)->older) {
        if (rs_node_at(s->groups, at)->flags & RS_NODE_STALE) {
            cut_history(s, rs_node_at(s->groups, at));
        }
    }
}

void rs_show_window(struct rs_shower *s, uint32_t number, int64_t end_us, bool announced)
{
    struct rs_groups *gs = s->groups;
    struct content c;
    uint64_t revision = fill_ended(gs, number, end_us, fold_of(gs, number, false), &c);
    rs_batch_history_begin(s->batch, gs->aggregate->index, s->key, rs_floor_ms(c.start_us));
    if (announced) {
        rs_batch_announce(s->batch);
    }
    put_content(s, &c);
    put_revision(s, revision);
    rs_batch_end(s->batch, 0);
}

int64_t rs_show_next_end(const struct rs_groups *gs, const struct rs_group *group, int64_t from)
{
    if (gs->aggregate->upsert) {
        return rs_upsert_next_end(gs, (const struct rs_upsert_group *)group, from);
    }
    return rs_group_next_end(gs, group, from);
}

int64_t rs_show_held_from(const struct rs_groups *gs, uint32_t number)
{
    if (!gs->aggregate->upsert) {
        return rs_group_held_from(gs, number);
    }
    const struct rs_upsert_group *g = (const struct rs_upsert_group *)rs_group_at(gs, number);
    if (g->count == 0) {
        return RS_WINDOW_NEVER;
    }
    return rs_window_first_end(&gs->aggregate->window, rs_register_at(gs, g, 0)->period_us);
}
