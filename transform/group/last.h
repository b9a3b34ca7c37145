/* last: the newest events of one group of an append stream, for windows `last: N`. Which those are is told by
 * their keys, time and then order, so that any order of arrival ends in the same ones: an event older than the
 * oldest of a full group can be in no window any more, and is late.
 *
 *   oldest ─▶ chunk ─▶ chunk ─▶ … ─▶ chunk ◀─ newest        each of up to 16 events, in the order of their keys
 *
 * The group's one pane is kept running: an event comes in, and what falls out is taken away again. Extrema
 * cannot be taken away: where one of them falls out, the pane is stale, and made anew from the events when it
 * is next asked for. So an event costs the same whatever N is.
 * Thread: the owning worker.
 * Limits: RS_WINDOW_LAST_MAX events a group. */
#ifndef RS_TRANSFORM_GROUP_LAST_H
#define RS_TRANSFORM_GROUP_LAST_H

#include "transform/group/group.h"

/* An event as it is kept: one bit for each input that is there, one more that is set while the state log does not hold
 * the event; then the inputs' values, of 8 bytes or 16, zero where there is none. */
struct rs_last_event {
    int64_t time_us;
    int64_t order;
    uint64_t words[];
};

struct rs_last_chunk {
    uint32_t older, newer; /* RS_NONE: none */
    uint16_t first, count; /* which places hold events */
    uint32_t changed;      /* how many of them the state log does not hold */
    uint64_t events[];
};

void rs_last_init(struct rs_groups *gs);
bool rs_last_reserve(struct rs_groups *gs, uint32_t events); /* false: out of memory */

/* Fetches what adding to one of these groups and taking away from it will touch, as rs_groups_look_up does. */
void rs_last_prefetch(const struct rs_groups *gs, const uint32_t *found, uint32_t count);

/* Adds an event that is not late. Needs room. */
void rs_last_add(struct rs_groups *gs, uint32_t number, const struct rs_event *event);
/* Frees the events; the pane is the caller's. */
void rs_last_clear(struct rs_groups *gs, uint32_t number);
/* The group's pane, of all events that it keeps. */
const void *rs_last_pane(struct rs_groups *gs, uint32_t number);
/* Time of its oldest event. */
int64_t rs_last_oldest_us(const struct rs_groups *gs, uint32_t number);

/* ---- for the state log ---- */
struct rs_last_cursor {
    uint32_t chunk; /* RS_NONE: no event is left */
    uint32_t at;
};
/* The events of a group from the oldest on: all of them, or those alone that the state log does not hold. */
struct rs_last_cursor rs_last_begin(const struct rs_groups *gs, uint32_t number, bool all);
/* The next one, NULL: none is left. */
const struct rs_last_event *rs_last_next(const struct rs_groups *gs, struct rs_last_cursor *cursor, bool all);
/* From now on the log holds the one that came last. */
void rs_last_told(struct rs_groups *gs, const struct rs_last_cursor *cursor);
/* Puts an event in its place; among N newer ones it has none, and one of the same key gives way to it. Needs
 * room. */
void rs_last_restore(struct rs_groups *gs, uint32_t number, const struct rs_last_event *event);

/* Of an event, as it is kept. */
size_t rs_last_event_bytes(const struct rs_aggregate *aggregate);

static inline bool rs_last_present(const struct rs_last_event *e, uint32_t i)
{
    return e->words[i / 64] >> (i % 64) & 1;
}

#endif
