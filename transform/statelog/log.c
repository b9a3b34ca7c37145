#include "transform/statelog/log.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/record.h"
#include "base/source.h"

/* Answers are ready the moment they are asked for, so a worker's list is as long as its unread answers. */
struct worker_events {
    struct rs_state_event *items;
    size_t first;
    size_t count;
    size_t capacity;
};

struct rs_memory_log {
    const struct rs_clock *clock;
    _Atomic uint64_t last_token;
    uint32_t worker_count;
    struct worker_events workers[];
};

static struct worker_events *events_of(struct rs_memory_log *log, uint32_t worker)
{
    RS_ASSERT(worker < log->worker_count);
    return &log->workers[worker];
}

/* Events are taken at the front without moving the others. Only when the end of the array is reached do
 * they move down, and only when nothing was taken does it grow. */
static int events_push(struct worker_events *events, const struct rs_state_event *event,
                       struct rs_error *error)
{
    if (events->first + events->count == events->capacity) {
        if (events->first > 0) {
            memmove(events->items, events->items + events->first, events->count * sizeof *events->items);
            events->first = 0;
        } else {
            struct rs_state_event *items =
                rs_array_grow(events->items, events->count, &events->capacity, 16, sizeof *items);
            if (!items) {
                return rs_fail(error, RS_ENOMEM, "state log: out of memory");
            }
            events->items = items;
        }
    }
    events->items[events->first + events->count++] = *event;
    return 0;
}

static uint64_t next_token(struct rs_memory_log *log)
{
    int64_t wall_ms = rs_clock_wall(log->clock) / 1000;
    uint64_t last = atomic_load(&log->last_token);
    uint64_t next = 0;

    do {
        next = wall_ms > 0 && (uint64_t)wall_ms > last ? (uint64_t)wall_ms : last + 1;
    } while (!atomic_compare_exchange_weak(&log->last_token, &last, next));
    return next;
}

/* The answer is ready at once and is taken like any other. A token from the wall clock lets the views of
 * this process win over those of an earlier one, as far as clocks agree. */
static int memory_claim(void *self, struct rs_partition_id id, int64_t start, struct rs_error *error)
{
    struct rs_memory_log *log = self;
    uint64_t token = next_token(log);

    if (token > RS_STATE_TOKEN_MAX) {
        return rs_fail(error, RS_ELIMIT,
                       "state log: the clock is so far ahead that no fencing token is left");
    }
    struct rs_state_event event = {
        .kind = RS_STATE_CLAIMED,
        .id = id,
        .token = token,
        .seal = {.next_offset = start != -1 ? start : RS_OFFSET_BEGINNING,
                 .stream_time_us = RS_TIME_NONE,
                 .now_shown_us = RS_TIME_NONE},
    };
    return events_push(events_of(log, id.worker), &event, error);
}

static int memory_chunk(void *self, struct rs_partition_id id, struct rs_slice bytes, struct rs_error *error)
{
    (void)self;
    (void)id;
    (void)bytes;
    (void)error;
    return 0;
}

static int memory_seal(void *self, struct rs_partition_id id, const struct rs_seal *seal,
                       struct rs_slice head, bool sweep_ends, struct rs_error *error)
{
    struct rs_state_event event = {.kind = RS_STATE_COMMITTED, .id = id, .seal = *seal};

    (void)head;
    (void)sweep_ends;
    return events_push(events_of(self, id.worker), &event, error);
}

static void memory_release(void *self, struct rs_partition_id id)
{
    struct worker_events *events = events_of(self, id.worker);
    size_t kept = 0;

    for (size_t i = 0; i < events->count; i++) {
        const struct rs_state_event *event = &events->items[events->first + i];
        if (event->id.stream != id.stream || event->id.partition != id.partition) {
            events->items[events->first + kept++] = *event;
        }
    }
    events->count = kept;
}

static bool memory_take(void *self, uint32_t worker, struct rs_state_event *out)
{
    struct worker_events *events = events_of(self, worker);

    if (events->count == 0) {
        return false;
    }
    *out = events->items[events->first];
    events->first++;
    events->count--;
    if (events->count == 0) {
        events->first = 0;
    }
    return true;
}

/* Answers appear only inside the worker's own calls, so there is never something to wake up for. */
static int memory_wake_fd(void *self, uint32_t worker)
{
    (void)events_of(self, worker);
    return -1;
}

static const struct rs_state_log_ops memory_ops = {
    .claim = memory_claim,
    .chunk = memory_chunk,
    .seal = memory_seal,
    .release = memory_release,
    .take = memory_take,
    .wake_fd = memory_wake_fd,
};

int rs_memory_log_new(uint32_t workers, const struct rs_clock *clock, struct rs_memory_log **out,
                      struct rs_error *error)
{
    struct rs_memory_log *log = calloc(1, sizeof *log + workers * sizeof log->workers[0]);

    if (!log) {
        return rs_fail(error, RS_ENOMEM, "state log: out of memory");
    }
    log->clock = clock;
    atomic_init(&log->last_token, 0);
    log->worker_count = workers;
    *out = log;
    return 0;
}

void rs_memory_log_free(struct rs_memory_log **log)
{
    if (!*log) {
        return;
    }
    for (uint32_t i = 0; i < (*log)->worker_count; i++) {
        free((*log)->workers[i].items);
    }
    free(*log);
    *log = NULL;
}

struct rs_state_log rs_memory_log_table(struct rs_memory_log *log)
{
    return (struct rs_state_log){.self = log, .ops = &memory_ops};
}
