#include "transform/group/group.h"

#include "base/time/civil.h"
#include "transform/group/fold.h"
#include "transform/group/last.h"

static const struct rs_window *window_of(const struct rs_groups *gs)
{
    return &gs->aggregate->window;
}

static bool is_sliding(const struct rs_groups *gs)
{
    return window_of(gs)->kind == RS_WINDOW_SLIDING;
}

/* Whether panes are counted by group: without history nobody asks how many sessions there are. */
static bool counts_panes(const struct rs_groups *gs)
{
    return is_sliding(gs) || (rs_groups_sessions(gs) && gs->aggregate->history > 0);
}

int64_t rs_node_first_end(const struct rs_groups *gs, const struct rs_node *node)
{
    return rs_groups_sessions(gs) ? rs_session_end(gs, node)
                                  : rs_window_first_end(window_of(gs), node->start_us);
}

/* ---- finding panes ---- */

uint32_t rs_group_before(const struct rs_groups *gs, const struct rs_group *group, int64_t at_us)
{
    uint32_t number = group->newest;
    while (number != RS_NONE && rs_node_at(gs, number)->start_us >= at_us) {
        number = rs_node_at(gs, number)->older;
    }
    return number;
}

uint32_t rs_group_from(const struct rs_groups *gs, const struct rs_group *group, int64_t at_us)
{
    uint32_t before = rs_group_before(gs, group, at_us);
    return before == RS_NONE ? group->oldest : rs_node_at(gs, before)->newer;
}

/* Oldest session that ends at or after `from`; RS_NONE: none. */
static uint32_t session_from(const struct rs_groups *gs, const struct rs_group *group, int64_t from)
{
    uint32_t found = RS_NONE;
    for (uint32_t at = group->newest; at != RS_NONE; at = rs_node_at(gs, at)->older) {
        if (rs_session_end(gs, rs_node_at(gs, at)) < from) {
            break;
        }
        found = at;
    }
    return found;
}

/* ---- revisions ---- */

/* The list of a sliding pane ascends by window end and has each end once. Late events are rare, and near the
 * end of the same few windows: it is short. */
void rs_node_revise(struct rs_groups *gs, struct rs_node *node, int64_t end_us, uint32_t count)
{
    if (!is_sliding(gs)) {
        node->revision += count;
        return;
    }
    uint32_t *link = &node->revision;
    while (*link != RS_NONE) {
        struct rs_revision *entry = rs_slabs_at(&gs->revisions, *link);
        if (entry->end_us == end_us) {
            entry->count += count;
            return;
        }
        if (entry->end_us > end_us) {
            break;
        }
        link = &entry->next;
    }
    uint32_t number = rs_slabs_take(&gs->revisions);
    struct rs_revision *entry = rs_slabs_at(&gs->revisions, number);
    *entry = (struct rs_revision){.end_us = end_us, .count = count, .next = *link};
    *link = number;
}

/* The windows from first_end to last_end hold the event; those that end at or before the group's clock count
 * it as late news. Noted is the last such end: a window's revision is the sum over its panes of what is noted
 * at its end or after. */
static void note_revision(struct rs_groups *gs, struct rs_node *node, int64_t time_us, int64_t clock_us)
{
    const struct rs_window *w = window_of(gs);
    if (gs->aggregate->history == 0 || clock_us == RS_TIME_NONE ||
        clock_us < rs_window_first_end(w, time_us)) {
        return;
    }
    int64_t passed = rs_window_passed(w, clock_us);
    int64_t last = rs_window_last_end(w, time_us);
    rs_node_revise(gs, node, passed < last ? passed : last, 1);
}

/* A window's late events are noted at its panes, each at the last end that had passed when it came, which
 * is why those at a later end count too: that event was news for this window as well. */
uint64_t rs_group_revision(const struct rs_groups *gs, const struct rs_group *group, int64_t end_us)
{
    const struct rs_window *w = window_of(gs);
    int64_t start_us = rs_window_start(w, end_us);
    uint64_t revision = 0;
    for (uint32_t at = rs_group_before(gs, group, end_us); at != RS_NONE; at = rs_node_at(gs, at)->older) {
        const struct rs_node *node = rs_node_at(gs, at);
        if (node->start_us < start_us) {
            break;
        }
        if (!is_sliding(gs)) {
            return node->revision;
        }
        for (uint32_t i = node->revision; i != RS_NONE;) {
            const struct rs_revision *entry = rs_slabs_at(&gs->revisions, i);
            revision += entry->end_us >= end_us ? entry->count : 0;
            i = entry->next;
        }
    }
    return revision;
}

/* ---- linking ---- */

static uint32_t node_new(struct rs_groups *gs, int64_t start_us)
{
    uint32_t number = rs_slabs_take(&gs->panes);
    struct rs_node *node = rs_node_at(gs, number);
    *node = (struct rs_node){
        .start_us = start_us, .older = RS_NONE, .newer = RS_NONE, .revision = is_sliding(gs) ? RS_NONE : 0};
    rs_pane_init(gs->aggregate->layout, node->pane);
    gs->pane_count++;
    return number;
}

/* Links a new pane behind `older` (RS_NONE: as the oldest). */
static uint32_t insert_after(struct rs_groups *gs, uint32_t group, uint32_t older, int64_t start_us)
{
    struct rs_group *g = rs_group_at(gs, group);
    uint32_t number = node_new(gs, start_us);
    struct rs_node *node = rs_node_at(gs, number);
    uint32_t *from_older = older == RS_NONE ? &g->oldest : &rs_node_at(gs, older)->newer;
    node->older = older;
    node->newer = *from_older;
    *from_older = number;
    if (node->newer == RS_NONE) {
        g->newest = number;
    } else {
        rs_node_at(gs, node->newer)->older = number;
    }
    if (counts_panes(gs)) {
        rs_rest_at(gs, group)->pane_count++;
    }
    return number;
}

static void node_empty(struct rs_groups *gs, struct rs_node *node)
{
    rs_groups_pane_empty(gs, node->pane);
    gs->owed -= node->flags & RS_NODE_OWED ? 1 : 0;
    while (is_sliding(gs) && node->revision != RS_NONE) {
        uint32_t next = ((struct rs_revision *)rs_slabs_at(&gs->revisions, node->revision))->next;
        rs_slabs_give(&gs->revisions, node->revision);
        node->revision = next;
    }
}

static void node_free(struct rs_groups *gs, uint32_t number)
{
    node_empty(gs, rs_node_at(gs, number));
    rs_slabs_give(&gs->panes, number);
    gs->pane_count--;
}

static void node_remove(struct rs_groups *gs, uint32_t group, uint32_t number)
{
    struct rs_group *g = rs_group_at(gs, group);
    const struct rs_node *node = rs_node_at(gs, number);
    *(node->older == RS_NONE ? &g->oldest : &rs_node_at(gs, node->older)->newer) = node->newer;
    *(node->newer == RS_NONE ? &g->newest : &rs_node_at(gs, node->newer)->older) = node->older;
    if (counts_panes(gs)) {
        rs_rest_at(gs, group)->pane_count--;
    }
    node_free(gs, number);
}

struct rs_node *rs_group_replace(struct rs_groups *gs, uint32_t number, int64_t start_us)
{
    const struct rs_group *g = rs_group_at(gs, number);
    uint32_t before = rs_group_before(gs, g, start_us);
    uint32_t at = before == RS_NONE ? g->oldest : rs_node_at(gs, before)->newer;
    if (at == RS_NONE || rs_node_at(gs, at)->start_us != start_us) {
        return rs_node_at(gs, insert_after(gs, number, before, start_us));
    }
    struct rs_node *node = rs_node_at(gs, at);
    node_empty(gs, node);
    node->revision = is_sliding(gs) ? RS_NONE : 0;
    return node;
}

/* Unlike remove_oldest: while restoring there are no folds yet, and which pane left last is told by the
 * log. */
void rs_group_remove_before(struct rs_groups *gs, uint32_t number, int64_t oldest_us)
{
    const struct rs_group *g = rs_group_at(gs, number);
    while (g->oldest != RS_NONE && rs_node_at(gs, g->oldest)->start_us < oldest_us) {
        node_remove(gs, number, g->oldest);
    }
}

/* Clock, flags and key stay, and what a sliding group remembers of panes that left: the caller needs those
 * or sets them. */
void rs_group_clear(struct rs_groups *gs, uint32_t number)
{
    struct rs_group *group = rs_group_at(gs, number);
    if (is_sliding(gs)) {
        struct rs_sliding_rest *sliding = rs_sliding_at(gs, number);
        rs_fold_free(gs, &sliding->view);
        rs_fold_free(gs, &sliding->history);
    }
    if (counts_panes(gs)) {
        rs_rest_at(gs, number)->pane_count = 0;
    }
    for (uint32_t at = group->oldest; at != RS_NONE;) {
        uint32_t newer = rs_node_at(gs, at)->newer;
        node_free(gs, at);
        at = newer;
    }
    if (gs->last.capacity) {
        rs_last_clear(gs, number);
    }
    group->newest = RS_NONE;
    group->oldest = RS_NONE;
    group->trim_at_us = RS_WINDOW_NEVER;
    group->history_from = RS_WINDOW_NEVER;
}

/* ---- what the state log does not hold yet ---- */

/* A pane that is not the newest may lie anywhere: a batch has to look for it. */
static void note_changed(struct rs_groups *gs, uint32_t number, struct rs_group *g, struct rs_node *node)
{
    node->flags |= RS_NODE_CHANGED;
    if (is_sliding(gs)) {
        struct rs_sliding_rest *sliding = rs_sliding_at(gs, number);
        sliding->changed_from =
            node->start_us < sliding->changed_from ? node->start_us : sliding->changed_from;
    } else if (node->newer != RS_NONE) {
        g->flags |= RS_GROUP_SCATTERED;
    }
}

/* ---- leaving ---- */

/* Clock - lateness at which no window that holds the pane can change any more. Without history only the pane
 * itself counts; with it, a sliding window changes as long as any of its panes does. */
static int64_t final_at(const struct rs_groups *gs, const struct rs_node *node)
{
    const struct rs_window *w = window_of(gs);
    if (rs_groups_sessions(gs)) {
        return rs_session_final_at(gs, node);
    }
    int64_t last_end = rs_window_last_end(w, node->start_us);
    if (is_sliding(gs) && gs->aggregate->history) {
        return rs_window_last_end(w, last_end - 1);
    }
    return last_end;
}

/* Of a pane that is not the newest. The windows without events behind it are shown by what it holds. */
static bool acknowledged(const struct rs_groups *gs, uint32_t number, const struct rs_node *node)
{
    if (gs->aggregate->history == 0 || rs_group_at(gs, number)->flags & RS_GROUP_SILENT) {
        return true;
    }
    int64_t pending = rs_group_pending(gs, number);
    if (gs->aggregate->fill != RS_FILL_NONE) {
        return rs_window_first_end(window_of(gs), rs_node_at(gs, node->newer)->start_us) <= pending;
    }
    int64_t last_end =
        rs_groups_sessions(gs) ? rs_session_end(gs, node) : rs_window_last_end(window_of(gs), node->start_us);
    return last_end < pending;
}

/* Never the newest: there is always a pane behind it. Folds take it off while it is still there. */
static void remove_oldest(struct rs_groups *gs, uint32_t number)
{
    uint32_t oldest = rs_group_at(gs, number)->oldest;
    const struct rs_node *node = rs_node_at(gs, oldest);
    if (is_sliding(gs)) {
        struct rs_sliding_rest *sliding = rs_sliding_at(gs, number);
        rs_fold_leave(gs, sliding->view, oldest);
        rs_fold_leave(gs, sliding->history, oldest);
        sliding->gone_newest = node->start_us;
    }
    node_remove(gs, number, oldest);
}

/* `change` needs the last value before the oldest window that can still change. It may stand in any earlier
 * window, so a pane that goes leaves its last values to the next one, which from then on is no window of its
 * own. */
static void carry_over(struct rs_groups *gs, uint32_t number, struct rs_group *g)
{
    const struct rs_node *node = rs_node_at(gs, g->oldest);
    struct rs_node *heir = rs_node_at(gs, node->newer);
    rs_groups_change(gs, number, g);
    rs_groups_pane_merge(gs, heir->pane, node->pane);
    heir->flags |= RS_NODE_CARRY;
    note_changed(gs, number, g, heir);
    rs_groups_gather(gs, number, g);
}

/* The oldest pane goes when this one could, the newest only where nothing may go. Of sessions it is the one behind as
 * many as history keeps, since those may be needed again; sought from where it is nearer. */
static uint32_t judged_of(const struct rs_groups *gs, uint32_t number, const struct rs_group *g)
{
    bool carries = gs->aggregate->needs_previous;
    uint32_t at = carries ? rs_node_at(gs, g->oldest)->newer : g->oldest;
    uint64_t behind = rs_groups_sessions(gs) ? gs->aggregate->history : 0;
    if (behind == 0) {
        return at;
    }
    uint64_t first = behind + carries;
    uint64_t count = rs_rest_at(gs, number)->pane_count;
    if (count <= first + 1) {
        return g->newest;
    }
    uint64_t back = count - 1 - first;
    if (back < behind) {
        for (at = g->newest; back > 0; back--) {
            at = rs_node_at(gs, at)->older;
        }
        return at;
    }
    for (; behind > 0; behind--) {
        at = rs_node_at(gs, at)->newer;
    }
    return at;
}

/* Lets panes go that are final and whose windows the sink has acknowledged; sets trim_at_us. */
static void trim(struct rs_groups *gs, uint32_t number)
{
    struct rs_group *group = rs_group_at(gs, number);
    bool carries = gs->aggregate->needs_previous;
    group->trim_at_us = RS_WINDOW_NEVER;
    while (rs_window_ends(window_of(gs)) && group->oldest != group->newest) {
        uint32_t judged = judged_of(gs, number, group);
        const struct rs_node *node = rs_node_at(gs, judged);
        if (judged == group->newest || !acknowledged(gs, number, node)) {
            return;
        }
        int64_t at = final_at(gs, node) + gs->lateness_us;
        if (group->clock_us < at) {
            group->trim_at_us = at;
            return;
        }
        if (carries) {
            carry_over(gs, number, group);
        }
        remove_oldest(gs, number);
    }
}

/* ---- history ---- */

int64_t rs_group_last_filled(const struct rs_groups *gs, const struct rs_node *node)
{
    const struct rs_window *w = window_of(gs);
    int64_t number = rs_window_number(w, rs_window_first_end(w, node->start_us)) + gs->aggregate->history;
    int64_t last = rs_window_number(w, RS_TIME_MAX_US) + 1; /* a million long windows reach beyond all time */
    return rs_window_end_at(w, number < last ? number : last);
}

/* First end near enough to that of the next window with events, `first`, for its window to be filled. */
static int64_t first_filled(const struct rs_groups *gs, int64_t first)
{
    const struct rs_window *w = window_of(gs);
    int64_t number = rs_window_number(w, first) - gs->aggregate->history;
    int64_t least = rs_window_number(w, RS_TIME_MIN_US);
    return rs_window_end_at(w, number > least ? number : least);
}

int64_t rs_group_filled_until(const struct rs_groups *gs, const struct rs_node *node, int64_t end_us)
{
    int64_t last = rs_group_last_filled(gs, node);
    bool far =
        node->newer == RS_NONE ||
        end_us < first_filled(gs, rs_window_first_end(window_of(gs), rs_node_at(gs, node->newer)->start_us));
    return far && end_us > last ? last : end_us;
}

/* Smallest end >= `from` behind the pane `before`, with events or to be filled; `first`: of the next pane's window,
 * RS_WINDOW_NEVER: there is none. Of a longer gap only the windows beside those with events are filled, as many as are
 * kept: whether the next one is known yet then makes no difference. What a pane that carries last values had to fill
 * is acknowledged. */
static int64_t filled_end(const struct rs_groups *gs, uint32_t before, int64_t first, int64_t from)
{
    const struct rs_window *w = window_of(gs);
    if (before == RS_NONE || rs_node_at(gs, before)->flags & RS_NODE_CARRY) {
        return first;
    }
    const struct rs_node *node = rs_node_at(gs, before);
    int64_t end = rs_window_next_end(w, rs_window_first_end(w, node->start_us));
    end = from > end ? from : end;
    if (end > rs_group_last_filled(gs, node)) {
        int64_t least = first == RS_WINDOW_NEVER ? first : first_filled(gs, first);
        end = end < least ? least : end;
    }
    return end < first ? end : first;
}

/* Every window that holds a pane has content, so the first window of the first pane that is not too old is
 * the answer. Panes that only carry last values for `change` have no windows of their own. */
int64_t rs_group_next_end(const struct rs_groups *gs, const struct rs_group *group, int64_t from)
{
    const struct rs_window *w = window_of(gs);
    if (from == RS_WINDOW_NEVER) {
        return from;
    }
    uint32_t at = rs_groups_sessions(gs) ? session_from(gs, group, from)
                                         : rs_group_from(gs, group, rs_window_start(w, from));
    while (at != RS_NONE && rs_node_at(gs, at)->flags & RS_NODE_CARRY) {
        at = rs_node_at(gs, at)->newer;
    }
    int64_t first = RS_WINDOW_NEVER;
    if (at != RS_NONE) {
        first = rs_node_first_end(gs, rs_node_at(gs, at));
        first = first > from ? first : from;
    }
    if (gs->aggregate->fill != RS_FILL_NONE) {
        uint32_t before = at == RS_NONE ? group->newest : rs_node_at(gs, at)->older;
        return filled_end(gs, before, first, from);
    }
    return first;
}

/* A sliding window may still hold its newest panes while older ones of it have left: what it would show is
 * not what it was. So it may begin only behind the newest pane that left. */
int64_t rs_group_held_from(const struct rs_groups *gs, uint32_t number)
{
    const struct rs_group *group = rs_group_at(gs, number);
    const struct rs_window *w = window_of(gs);
    if (group->oldest == RS_NONE) {
        return RS_WINDOW_NEVER;
    }
    int64_t from = rs_node_first_end(gs, rs_node_at(gs, group->oldest));
    if (is_sliding(gs)) {
        int64_t gone = rs_sliding_at(gs, number)->gone_newest;
        if (gone != RS_TIME_NONE && rs_window_leave(w, gone) > from) {
            from = rs_window_leave(w, gone);
        }
    }
    return rs_group_next_end(gs, group, from);
}

/* The first window of a pane has ended by its group's clock and waits for the sink: counted, so that the
 * input can be made to wait. Not with a delay: what that holds back is let go by the input alone. */
static void owe(struct rs_groups *gs, uint32_t number, struct rs_node *node)
{
    const struct rs_group *g = rs_group_at(gs, number);
    int64_t pending = rs_group_pending(gs, number);
    int64_t first = rs_node_first_end(gs, node);
    if (gs->aggregate->delay_us == 0 && !(node->flags & (RS_NODE_OWED | RS_NODE_CARRY)) &&
        !(g->flags & RS_GROUP_SILENT) && first >= pending && first <= g->clock_us) {
        node->flags |= RS_NODE_OWED;
        gs->owed++;
    }
}

/* From the newest pane back, as far as what was acknowledged reaches: what is older was settled before. */
void rs_group_settle(struct rs_groups *gs, uint32_t number, int64_t from_us)
{
    /* Only windows with history are ever owed. */
    int64_t pending = rs_group_pending(gs, number);
    uint32_t newest = gs->aggregate->history ? rs_group_at(gs, number)->newest : RS_NONE;
    for (uint32_t at = newest; at != RS_NONE; at = rs_node_at(gs, at)->older) {
        struct rs_node *node = rs_node_at(gs, at);
        int64_t first = rs_node_first_end(gs, node);
        if (first < from_us) {
            break;
        }
        if (node->flags & RS_NODE_OWED && first < pending) {
            node->flags &= ~(uint32_t)RS_NODE_OWED;
            gs->owed--;
        }
    }
    trim(gs, number);
}

void rs_group_restored(struct rs_groups *gs, uint32_t number)
{
    const struct rs_group *group = rs_group_at(gs, number);
    for (uint32_t at = group->oldest; gs->aggregate->history && at != group->newest;
         at = rs_node_at(gs, at)->newer) {
        owe(gs, number, rs_node_at(gs, at));
    }
    trim(gs, number);
}

/* ---- adding ---- */

/* Events of one time or nearly so follow each other: the calendar is asked once a cell. */
static const struct rs_calendar_cell *cell_of(struct rs_groups *gs, int64_t time_us)
{
    if (time_us < gs->cell.start_us || time_us >= gs->cell.end_us) {
        gs->cell = rs_calendar_at(&window_of(gs)->calendar, time_us);
    }
    return &gs->cell;
}

static int64_t first_end_of(struct rs_groups *gs, int64_t time_us)
{
    return window_of(gs)->by_calendar ? cell_of(gs, time_us)->end_us
                                      : rs_window_first_end(window_of(gs), time_us);
}

static inline void pane_add(struct rs_groups *gs, void *pane, const struct rs_event *e)
{
    struct rs_pane_added added = rs_pane_add(gs->aggregate->layout, pane, e->inputs, e->time_us, e->order);
    gs->not_finite += !added.finite;
    gs->heap_bytes += added.heap_bytes;
}

/* ---- sessions ---- */

/* An event within a session changes neither end of it, so it cannot reach one that has left the state. */
static bool session_late(const struct rs_groups *gs, const struct rs_group *group, int64_t clock_us,
                         int64_t time_us)
{
    int64_t watermark_us = clock_us - gs->lateness_us;
    if (time_us + window_of(gs)->size_us > watermark_us) {
        return false;
    }
    uint32_t at = group ? rs_group_before(gs, group, time_us + 1) : RS_NONE;
    return at == RS_NONE || rs_session_end(gs, rs_node_at(gs, at)) <= time_us ||
           rs_session_end(gs, rs_node_at(gs, at)) <= watermark_us;
}

/* What an event does to a group. */
struct touch {
    uint32_t left, right; /* sessions that it touches; RS_NONE: none */
    uint32_t older;       /* the newest that begins before it or with it */
    int64_t ended_us;     /* where the left one ended before */
    bool late;            /* what it changes, or begins, had ended by the group's clock */
    bool stale;           /* history may have one of them, as it is not any more */
    bool lost;            /* and may have one member less now: of two, or of one that goes on */
};

/* Two at most: those on either side. In between there is room for none, since it would be less than a gap from
 * the event. */
static struct touch find_touched(const struct rs_groups *gs, const struct rs_group *g, int64_t time_us)
{
    struct touch touch = {.left = RS_NONE, .right = RS_NONE};
    touch.older = rs_group_before(gs, g, time_us + 1);
    uint32_t newer = touch.older == RS_NONE ? g->oldest : rs_node_at(gs, touch.older)->newer;
    if (touch.older != RS_NONE && time_us < rs_session_end(gs, rs_node_at(gs, touch.older))) {
        touch.left = touch.older;
        touch.ended_us = rs_session_end(gs, rs_node_at(gs, touch.left));
    }
    if (newer != RS_NONE && rs_node_at(gs, newer)->start_us < time_us + window_of(gs)->size_us) {
        touch.right = newer;
    }
    return touch;
}

static void judge_touched(const struct rs_groups *gs, const struct rs_group *g, int64_t time_us,
                          struct touch *touch)
{
    const uint32_t touched[] = {touch->left, touch->right};
    int64_t end_us = time_us + window_of(gs)->size_us;
    bool alone = touch->left == RS_NONE && touch->right == RS_NONE;
    bool joins = touch->left != RS_NONE && touch->right != RS_NONE;
    int64_t clock_us = rs_groups_delayed(gs, g->clock_us);
    int64_t now_us = gs->schedule.at > clock_us ? gs->schedule.at : clock_us; /* as far as is shown */
    touch->late = alone && end_us <= g->clock_us;
    for (size_t i = 0; i < 2; i++) {
        if (touched[i] != RS_NONE) {
            int64_t ended_us = rs_session_end(gs, rs_node_at(gs, touched[i]));
            touch->late |= ended_us <= g->clock_us;
            bool shown = rs_node_at(gs, touched[i])->flags & RS_NODE_SHOWN;
            touch->lost |= shown && (joins || (end_us > ended_us && end_us > now_us));
            touch->stale |= touch->lost || (shown && touch->left == RS_NONE);
        }
    }
}

/* The pane that the event goes into, as it is before it. */
static uint32_t make_way(struct rs_groups *gs, uint32_t number, const struct touch *touch, int64_t time_us)
{
    if (touch->left == RS_NONE && touch->right == RS_NONE) {
        return insert_after(gs, number, touch->older, time_us);
    }
    if (touch->left == RS_NONE) {
        rs_node_at(gs, touch->right)->start_us = time_us;
        return touch->right;
    }
    struct rs_node *node = rs_node_at(gs, touch->left);
    if (touch->right != RS_NONE) {
        rs_groups_pane_merge(gs, node->pane, rs_node_at(gs, touch->right)->pane);
        node->revision += rs_node_at(gs, touch->right)->revision;
        node->flags |= rs_node_at(gs, touch->right)->flags & (RS_NODE_SHOWN | RS_NODE_STALE);
        node_remove(gs, number, touch->right);
    }
    return touch->left;
}

/* Those that history lacks now, since it kept the newest only, are still held: all go out again. As long as no
 * more are held than it keeps, it never lacked one. */
static void refill(struct rs_groups *gs, uint32_t number, uint32_t held)
{
    struct rs_group *g = rs_group_at(gs, number);
    int64_t from = held > gs->aggregate->history ? rs_group_held_from(gs, number) : RS_WINDOW_NEVER;
    g->history_from = from < g->history_from ? from : g->history_from;
}

static void note_history(struct rs_groups *gs, uint32_t number, uint32_t at, const struct touch *touch,
                         uint32_t held)
{
    struct rs_group *g = rs_group_at(gs, number);
    struct rs_node *node = rs_node_at(gs, at);
    int64_t end_us = rs_session_end(gs, node);
    node->revision += touch->late;
    if (node->flags & RS_NODE_OWED && end_us > g->clock_us) { /* it goes on */
        node->flags &= ~(uint32_t)RS_NODE_OWED;
        gs->owed--;
    }
    bool was_next = touch->left != RS_NONE && g->history_from == touch->ended_us;
    g->history_from = was_next || end_us < g->history_from ? end_us : g->history_from;
    if (touch->stale) {
        node->flags |= RS_NODE_STALE;
        g->flags = (uint16_t)(g->flags | RS_GROUP_STALE);
    }
    if (touch->lost) {
        refill(gs, number, held);
    }
    owe(gs, number, node);
    if (at == g->newest && node->older != RS_NONE) {
        owe(gs, number, rs_node_at(gs, node->older));
    }
}

/* Most events are of the newest session or begin the next: the others have to be looked for. */
static __attribute__((noinline)) void session_add(struct rs_groups *gs, uint32_t number,
                                                  const struct rs_event *event)
{
    struct rs_group *g = rs_group_at(gs, number);
    bool history = gs->aggregate->history > 0;
    uint32_t held = history ? rs_rest_at(gs, number)->pane_count : 0;
    struct touch touch = find_touched(gs, g, event->time_us);
    if (history) {
        judge_touched(gs, g, event->time_us, &touch);
    }
    uint32_t at = make_way(gs, number, &touch, event->time_us);
    struct rs_node *node = rs_node_at(gs, at);
    pane_add(gs, node->pane, event);
    note_changed(gs, number, g, node);
    g->clock_us = event->time_us > g->clock_us ? event->time_us : g->clock_us;
    if (history) {
        note_history(gs, number, at, &touch, held);
    }
    bool same = (touch.left == RS_NONE) != (touch.right == RS_NONE); /* as many panes as before */
    if (!same || g->clock_us >= g->trim_at_us) {
        trim(gs, number);
    }
}

/* In the log a session stands as it was at one time or another: what it has grown to holds all of what it was. */
bool rs_session_restored(struct rs_groups *gs, uint32_t group, struct rs_node *node)
{
    int64_t end_us = rs_session_end(gs, node);
    if (rs_pane_events(node->pane) == 0 || rs_pane_newest_us(node->pane) < node->start_us ||
        (node->older != RS_NONE && rs_session_end(gs, rs_node_at(gs, node->older)) > node->start_us)) {
        return false;
    }
    while (node->newer != RS_NONE && rs_node_at(gs, node->newer)->start_us < end_us) {
        if (rs_session_end(gs, rs_node_at(gs, node->newer)) > end_us) {
            return false;
        }
        node_remove(gs, group, node->newer);
    }
    return true;
}

/* ---- adding, all together ---- */

bool rs_group_late_by_clock(const struct rs_groups *gs, const struct rs_group *group, struct rs_slice key,
                            int64_t time_us)
{
    const struct rs_window *w = window_of(gs);
    int64_t clock_us = group ? group->clock_us : rs_gone_newest(&gs->gone, key);
    if (clock_us == RS_TIME_NONE || time_us >= clock_us) {
        return false;
    }
    return rs_groups_sessions(gs) ? session_late(gs, group, clock_us, time_us)
                                  : rs_window_last_end(w, time_us) <= clock_us - gs->lateness_us;
}

static void add_to_folds(struct rs_groups *gs, uint32_t number, uint32_t pane, bool fresh,
                         const struct rs_event *e)
{
    struct rs_sliding_rest *sliding = rs_sliding_at(gs, number);
    rs_fold_add(gs, sliding->view, pane, fresh, e);
    rs_fold_add(gs, sliding->history, pane, fresh, e);
}

/* The event is not of the newest pane, or the group keeps events: no pane of those holds a time of its own. */
static void add_elsewhere(struct rs_groups *gs, uint32_t number, const struct rs_event *e)
{
    if (gs->last.capacity) {
        rs_last_add(gs, number, e);
        return;
    }
    struct rs_group *g = rs_group_at(gs, number);
    if (rs_groups_sessions(gs)) {
        session_add(gs, number, e);
        return;
    }
    int64_t start_us = window_of(gs)->by_calendar ? cell_of(gs, e->time_us)->start_us
                                                  : rs_window_slice(window_of(gs), e->time_us);
    uint32_t before = rs_group_before(gs, g, start_us);
    uint32_t at = before == RS_NONE ? g->oldest : rs_node_at(gs, before)->newer;
    bool fresh = at == RS_NONE || rs_node_at(gs, at)->start_us != start_us;
    uint32_t closed = g->newest;
    if (fresh) {
        at = insert_after(gs, number, before, start_us);
    }
    struct rs_node *node = rs_node_at(gs, at);
    pane_add(gs, node->pane, e);
    note_changed(gs, number, g, node);
    note_revision(gs, node, e->time_us, g->clock_us);
    if (is_sliding(gs)) {
        add_to_folds(gs, number, at, fresh, e);
    }
    if (at != g->newest) {
        closed = at;
    }
    g->clock_us = e->time_us > g->clock_us ? e->time_us : g->clock_us;
    if (gs->aggregate->history) {
        int64_t first = first_end_of(gs, e->time_us);
        if (gs->aggregate->fill != RS_FILL_NONE && g->history_from == RS_WINDOW_NEVER && before != RS_NONE) {
            /* The gap before it had been filled as far as one without an end is. */
            int64_t own = rs_window_first_end(window_of(gs), rs_node_at(gs, before)->start_us);
            first = rs_group_next_end(gs, g, rs_window_next_end(window_of(gs), own));
        }
        g->history_from = first < g->history_from ? first : g->history_from;
        if (closed != RS_NONE) {
            owe(gs, number, rs_node_at(gs, closed));
        }
    }
    trim(gs, number);
}

/* Nearly every event is of its group's newest pane. Then nothing is searched, and no window has ended by
 * it, since all that hold the pane end behind the event; panes are looked through only where the clock has
 * reached trim_at_us. */
void rs_group_add(struct rs_groups *gs, uint32_t number, const struct rs_event *event)
{
    struct rs_group *g = rs_group_at(gs, number);
    rs_groups_change(gs, number, g);
    struct rs_node *newest = g->newest == RS_NONE ? NULL : rs_node_at(gs, g->newest);
    if (!newest || !rs_node_holds(gs, newest, event->time_us)) {
        add_elsewhere(gs, number, event);
    } else {
        pane_add(gs, newest->pane, event);
        newest->flags |= RS_NODE_CHANGED;
        if (gs->aggregate->history && g->history_from > event->time_us) {
            int64_t first = first_end_of(gs, event->time_us);
            g->history_from = first < g->history_from ? first : g->history_from;
        }
        if (event->time_us > g->clock_us) {
            g->clock_us = event->time_us;
            if (event->time_us >= g->trim_at_us) {
                trim(gs, number);
            }
        }
    }
    gs->applied++;
    rs_groups_changed(gs, number, g);
}
