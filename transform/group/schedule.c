#include <stdlib.h>

#include "transform/group/groups.h"

/* Every group whose clock shown time has reached waits for the end of a window at most one window and one
 * step ahead: a window that is open now ends at the next such end, and the newest pane leaves the view a
 * window's size later. A ring of lists, by the ends' numbers, therefore takes the place of a heap, and when
 * shown time passes an end, the whole list becomes due by linking two ends.
 * Sessions end at any microsecond, which needs the heap. */

/* There is one list more than the ring has, for what is due. */
int rs_schedule_init(struct rs_schedule *s, const struct rs_aggregate *aggregate, struct rs_error *error)
{
    const struct rs_window *window = &aggregate->window;
    *s = (struct rs_schedule){.at = RS_SCHEDULE_NEVER, .window = window};
    bool ends = aggregate->history > 0 || (window->kind == RS_WINDOW_SLIDING && !aggregate->upsert);
    s->sessions = ends && window->kind == RS_WINDOW_SESSION;
    if (!ends || s->sessions) {
        return 0;
    }
    s->size = (window->by_calendar ? 1 : (uint32_t)(window->size_us / window->every_us)) + 3;
    s->heads = malloc((s->size + 1) * sizeof *s->heads);
    s->tails = malloc((s->size + 1) * sizeof *s->tails);
    if (!s->heads || !s->tails) {
        rs_schedule_fini(s);
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    for (uint32_t i = 0; i <= s->size; i++) {
        s->heads[i] = RS_NONE;
        s->tails[i] = RS_NONE;
    }
    return 0;
}

void rs_schedule_fini(struct rs_schedule *s)
{
    free(s->heads);
    free(s->tails);
    free(s->heap);
    *s = (struct rs_schedule){0};
}

/* ---- sessions: a heap ---- */

bool rs_schedule_cover(struct rs_schedule *s, uint32_t count)
{
    if (!s->sessions || count <= s->heap_capacity) {
        return true;
    }
    uint32_t capacity = count + count / 4 + 64;
    struct rs_due *grown = realloc(s->heap, capacity * sizeof *grown);
    if (!grown) {
        return false;
    }
    s->heap = grown;
    s->heap_capacity = capacity;
    return true;
}

static void heap_put(struct rs_groups *gs, uint32_t place, struct rs_due due)
{
    gs->schedule.heap[place] = due;
    rs_rest_at(gs, due.number)->due_list = place + 1;
}

/* Where `due` belongs at `place` or above it, and is put. */
static void heap_rise(struct rs_groups *gs, uint32_t place, struct rs_due due)
{
    const struct rs_due *heap = gs->schedule.heap;
    for (; place > 0 && heap[(place - 1) / 2].due_us > due.due_us; place = (place - 1) / 2) {
        heap_put(gs, place, heap[(place - 1) / 2]);
    }
    heap_put(gs, place, due);
}

static void heap_sink(struct rs_groups *gs, uint32_t place, struct rs_due due)
{
    const struct rs_schedule *s = &gs->schedule;
    for (;;) {
        uint32_t below = 2 * place + 1;
        below += below + 1 < s->heap_count && s->heap[below + 1].due_us < s->heap[below].due_us;
        if (below >= s->heap_count || s->heap[below].due_us >= due.due_us) {
            break;
        }
        heap_put(gs, place, s->heap[below]);
        place = below;
    }
    heap_put(gs, place, due);
}

static void heap_take(struct rs_groups *gs, struct rs_group_rest *g)
{
    struct rs_schedule *s = &gs->schedule;
    uint32_t place = g->due_list - 1;
    struct rs_due last = s->heap[--s->heap_count];
    g->due_list = 0;
    if (place == s->heap_count) {
        return;
    }
    if (place > 0 && s->heap[(place - 1) / 2].due_us > last.due_us) {
        heap_rise(gs, place, last);
    } else {
        heap_sink(gs, place, last);
    }
}

static void heap_at(struct rs_groups *gs, uint32_t number, int64_t due_us)
{
    struct rs_schedule *s = &gs->schedule;
    struct rs_group_rest *g = rs_rest_at(gs, number);
    if (g->due_list) {
        heap_take(gs, g);
    }
    if (due_us != RS_WINDOW_NEVER) {
        RS_ASSERT(s->heap_count < s->heap_capacity);
        heap_rise(gs, s->heap_count++, (struct rs_due){.due_us = due_us, .number = number});
    }
}

static bool heap_due(const struct rs_schedule *s)
{
    return s->heap_count > 0 && s->heap[0].due_us <= s->at;
}

static uint32_t heap_pop(struct rs_groups *gs)
{
    if (!heap_due(&gs->schedule)) {
        return RS_NONE;
    }
    uint32_t number = gs->schedule.heap[0].number;
    heap_take(gs, rs_rest_at(gs, number));
    return number;
}

/* ---- other windows: a ring of lists ---- */

static uint32_t list_of(const struct rs_schedule *s, int64_t due)
{
    int64_t place = due % s->size;
    return (uint32_t)(place < 0 ? place + s->size : place);
}

/* A list that was linked behind the due ones keeps its number in its groups: only at an end does it matter
 * which it is. */
static uint32_t actual_list(const struct rs_schedule *s, const uint32_t *ends, uint32_t number,
                            uint32_t noted)
{
    return ends[s->size] == number ? s->size : noted;
}

/* A group's due time may change while it waits, so it leaves its list from anywhere: hence links both
 * ways. */
static void unlink_group(struct rs_groups *gs, uint32_t number, struct rs_group_rest *g)
{
    struct rs_schedule *s = &gs->schedule;
    uint32_t noted = g->due_list - 1;
    if (g->due_prev == RS_NONE) {
        s->heads[actual_list(s, s->heads, number, noted)] = g->due_next;
    } else {
        rs_rest_at(gs, g->due_prev)->due_next = g->due_next;
    }
    if (g->due_next == RS_NONE) {
        s->tails[actual_list(s, s->tails, number, noted)] = g->due_prev;
    } else {
        rs_rest_at(gs, g->due_next)->due_prev = g->due_prev;
    }
    g->due_list = 0;
}

static void link_group(struct rs_groups *gs, uint32_t list, uint32_t number, struct rs_group_rest *g)
{
    struct rs_schedule *s = &gs->schedule;
    g->due_list = list + 1;
    g->due_next = RS_NONE;
    g->due_prev = s->tails[list];
    if (g->due_prev == RS_NONE) {
        s->heads[list] = number;
    } else {
        rs_rest_at(gs, g->due_prev)->due_next = number;
    }
    s->tails[list] = number;
}

void rs_schedule_at(struct rs_groups *gs, uint32_t number, int64_t due_us)
{
    struct rs_schedule *s = &gs->schedule;
    if (s->sessions) {
        heap_at(gs, number, due_us);
    }
    if (s->size == 0) {
        return;
    }
    struct rs_group_rest *g = rs_rest_at(gs, number);
    if (g->due_list) {
        unlink_group(gs, number, g);
    }
    if (due_us == RS_WINDOW_NEVER) {
        return;
    }
    int64_t due = rs_window_number(s->window, due_us);
    if (s->at == RS_SCHEDULE_NEVER || due <= s->at) {
        link_group(gs, s->size, number, g);
        return;
    }
    /* A group whose clock is far ahead of all others is due in a time for which there is no list: it is
     * looked at again before. */
    int64_t last = s->at + (int64_t)(s->size - 1);
    link_group(gs, list_of(s, due < last ? due : last), number, g);
}

/* The whole list at once, behind what is due already, in its order. */
static void make_due(struct rs_groups *gs, uint32_t list)
{
    struct rs_schedule *s = &gs->schedule;
    uint32_t head = s->heads[list];
    if (head == RS_NONE) {
        return;
    }
    uint32_t last = s->tails[s->size];
    if (last == RS_NONE) {
        s->heads[s->size] = head;
    } else {
        rs_rest_at(gs, last)->due_next = head;
        rs_rest_at(gs, head)->due_prev = last;
    }
    s->tails[s->size] = s->tails[list];
    s->heads[list] = RS_NONE;
    s->tails[list] = RS_NONE;
}

/* However far time jumps, each list of the ring is looked at once. The first call only sets where it begins:
 * until then everything went into the list of what is due. */
void rs_schedule_advance(struct rs_groups *gs, int64_t now_us)
{
    struct rs_schedule *s = &gs->schedule;
    if (s->sessions) {
        s->at = now_us > s->at ? now_us : s->at;
    }
    if (s->size == 0) {
        return;
    }
    int64_t to = rs_window_number(s->window, now_us);
    if (s->at == RS_SCHEDULE_NEVER) {
        s->at = to;
        return;
    }
    if (to <= s->at) {
        return;
    }
    int64_t steps = to - s->at;
    for (int64_t i = 1; i <= steps && i <= s->size; i++) {
        make_due(gs, list_of(s, s->at + i));
    }
    s->at = to;
}

bool rs_schedule_due(const struct rs_groups *gs)
{
    const struct rs_schedule *s = &gs->schedule;
    return s->sessions ? heap_due(s) : s->size && s->heads[s->size] != RS_NONE;
}

uint32_t rs_schedule_pop(struct rs_groups *gs)
{
    struct rs_schedule *s = &gs->schedule;
    if (s->sessions) {
        return heap_pop(gs);
    }
    uint32_t number = s->size ? s->heads[s->size] : RS_NONE;
    if (number != RS_NONE) {
        unlink_group(gs, number, rs_rest_at(gs, number));
    }
    return number;
}

int64_t rs_schedule_next(const struct rs_groups *gs)
{
    const struct rs_schedule *s = &gs->schedule;
    if (s->sessions) {
        bool waits = s->heap_count && s->at != RS_SCHEDULE_NEVER && !heap_due(s);
        return waits ? s->heap[0].due_us : RS_WINDOW_NEVER;
    }
    if (s->size == 0 || s->at == RS_SCHEDULE_NEVER) {
        return RS_WINDOW_NEVER;
    }
    for (uint32_t i = 1; i <= s->size; i++) {
        int64_t due = s->at + (int64_t)i;
        if (s->heads[list_of(s, due)] != RS_NONE) {
            return rs_window_end_at(s->window, due);
        }
    }
    return RS_WINDOW_NEVER;
}
