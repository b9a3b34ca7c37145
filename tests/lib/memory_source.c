#include "tests/lib/memory_source.h"

#include <stdlib.h>
#include <string.h>

#include "base/fifo.h"

struct memory_partition {
    uint32_t stream;
    int32_t partition;
    struct rs_record *records; /* keys and values are blocks of their own */
    size_t count, capacity;
    int64_t end; /* offset after the last record */
    bool owned, reading;
    bool leaving; /* revoked, and the worker has been told or is about to be */
    bool again;   /* assigned once more before the worker let go, and it has not heard of it */
    uint32_t worker;
    size_t at; /* next record to hand out */
    int64_t started, committed;
    uint64_t taken;
    struct memory_partition *next;
};

struct memory_event {
    enum rs_source_event_kind kind;
    struct memory_partition *partition;
    uint32_t worker;
    struct rs_error why;
    struct memory_event *next;
};

RS_FIFO(memory_events, memory_event);

struct rs_memory_source {
    uint32_t workers;
    size_t run;
    struct memory_partition *partitions;
    struct memory_events events;
    struct memory_event *current; /* its error is lent until the next take */
    struct memory_run *held;      /* by worker */
};

/* A run on loan, copied so that appending may move the log meanwhile. */
struct memory_run {
    struct rs_record *records;
    bool lent;
};

static struct memory_partition *find(const struct rs_memory_source *source, uint32_t stream,
                                     int32_t partition)
{
    struct memory_partition *p = source->partitions;

    while (p && (p->stream != stream || p->partition != partition)) {
        p = p->next;
    }
    return p;
}

static struct memory_partition *find_or_add(struct rs_memory_source *source, uint32_t stream,
                                            int32_t partition)
{
    struct memory_partition *p = find(source, stream, partition);
    struct memory_partition **link = &source->partitions;

    if (p) {
        return p;
    }
    p = calloc(1, sizeof *p);
    if (!p) {
        return NULL;
    }
    p->stream = stream;
    p->partition = partition;
    p->committed = -1;
    while (*link) {
        link = &(*link)->next;
    }
    *link = p;
    return p;
}

int rs_memory_source_new(uint32_t workers, size_t run, struct rs_memory_source **out, struct rs_error *error)
{
    struct rs_memory_source *source = calloc(1, sizeof *source);

    if (!source) {
        return rs_fail(error, RS_ENOMEM, "memory source: out of memory");
    }
    source->run = run;
    source->held = calloc(workers, sizeof *source->held);
    source->workers = !source->held ? 0 : workers;
    bool complete = source->held != NULL;
    for (uint32_t i = 0; complete && i < workers; i++) {
        source->held[i].records = calloc(run, sizeof(struct rs_record));
        complete = source->held[i].records != NULL;
    }
    if (!complete) {
        rs_memory_source_free(&source);
        return rs_fail(error, RS_ENOMEM, "memory source: out of memory");
    }
    *out = source;
    return 0;
}

static void partition_free(struct memory_partition *p)
{
    for (size_t i = 0; i < p->count; i++) {
        free((void *)p->records[i].key.data);
        free((void *)p->records[i].value.data);
    }
    free(p->records);
    free(p);
}

void rs_memory_source_free(struct rs_memory_source **pointer)
{
    struct rs_memory_source *source = *pointer;

    if (!source) {
        return;
    }
    while (source->partitions) {
        struct memory_partition *p = source->partitions;
        source->partitions = p->next;
        partition_free(p);
    }
    struct memory_event *event = NULL;
    while ((event = memory_events_pop(&source->events))) {
        free(event);
    }
    for (uint32_t i = 0; i < source->workers; i++) {
        free(source->held[i].records);
    }
    free(source->current);
    free(source->held);
    free(source);
    *pointer = NULL;
}

/* ---- filling ---- */

static bool copy(struct rs_slice from, struct rs_slice *to)
{
    *to = (struct rs_slice){.data = NULL, .size = 0};
    if (!from.data) {
        return true;
    }
    uint8_t *data = malloc(from.size + 1);
    if (!data) {
        return false;
    }
    memcpy(data, from.data, from.size);
    *to = rs_slice_of(data, from.size);
    return true;
}

static bool make_room(struct memory_partition *p)
{
    if (p->count < p->capacity) {
        return true;
    }
    size_t capacity = p->capacity == 0 ? 64 : p->capacity * 2;
    struct rs_record *grown = realloc(p->records, capacity * sizeof *grown);
    if (!grown) {
        return false;
    }
    p->records = grown;
    p->capacity = capacity;
    return true;
}

int rs_memory_source_append(struct rs_memory_source *source, uint32_t stream, int32_t partition,
                            const struct rs_record *record, int64_t skip, struct rs_error *error)
{
    struct memory_partition *p = find_or_add(source, stream, partition);

    if (!p || !make_room(p)) {
        return rs_fail(error, RS_ENOMEM, "memory source: out of memory");
    }
    struct rs_record stored = *record;
    stored.offset = p->end + skip;
    if (!copy(record->key, &stored.key) || !copy(record->value, &stored.value)) {
        free((void *)stored.key.data);
        return rs_fail(error, RS_ENOMEM, "memory source: out of memory");
    }
    p->records[p->count++] = stored;
    p->end = stored.offset + 1;
    return 0;
}

static int post(struct rs_memory_source *source, enum rs_source_event_kind kind, struct memory_partition *p,
                const struct rs_error *why, struct rs_error *error)
{
    struct memory_event *event = calloc(1, sizeof *event);

    if (!event) {
        return rs_fail(error, RS_ENOMEM, "memory source: out of memory");
    }
    event->kind = kind;
    event->partition = p;
    event->worker = p->worker;
    if (why) {
        event->why = *why;
    }
    memory_events_push(&source->events, event);
    return 0;
}

int rs_memory_source_assign(struct rs_memory_source *source, uint32_t worker, uint32_t stream,
                            int32_t partition, struct rs_error *error)
{
    struct memory_partition *p = find_or_add(source, stream, partition);

    if (!p) {
        return rs_fail(error, RS_ENOMEM, "memory source: out of memory");
    }
    RS_ASSERT(worker < source->workers && (!p->owned || (p->leaving && p->worker == worker)));
    p->again = p->owned;
    if (!p->owned) {
        p->reading = false;
        p->taken = 0;
    }
    p->owned = true;
    p->leaving = false;
    p->worker = worker;
    return post(source, RS_SOURCE_ASSIGNED, p, NULL, error);
}

int rs_memory_source_tell(struct rs_memory_source *source, enum rs_source_event_kind kind, uint32_t stream,
                          int32_t partition, const struct rs_error *why, struct rs_error *error)
{
    struct memory_partition *p = find(source, stream, partition);

    RS_ASSERT(p && p->owned);
    p->leaving = p->leaving || kind == RS_SOURCE_REVOKED;
    return post(source, kind, p, why, error);
}

/* ---- the table ---- */

static bool take_event(struct rs_memory_source *source, uint32_t worker, struct rs_source_event *out)
{
    struct memory_event *event = source->events.first;

    while (event && event->worker != worker) {
        event = event->next;
    }
    if (!event) {
        return false;
    }
    memory_events_remove(&source->events, event);
    free(source->current);
    source->current = event;
    if (event->kind == RS_SOURCE_STOPPED) {
        event->partition->reading = false;
    } else if (event->kind == RS_SOURCE_ASSIGNED) {
        event->partition->again = false;
    }
    *out = (struct rs_source_event){
        .kind = event->kind,
        .stream = event->partition->stream,
        .partition = event->partition->partition,
        .error = event->kind == RS_SOURCE_STOPPED ? &event->why : NULL,
    };
    return true;
}

static bool take_records(struct rs_memory_source *source, uint32_t worker, struct rs_source_event *out)
{
    for (struct memory_partition *p = source->partitions; p; p = p->next) {
        if (!p->reading || p->worker != worker || p->at == p->count) {
            continue;
        }
        size_t count = p->count - p->at < source->run ? p->count - p->at : source->run;
        memcpy(source->held[worker].records, &p->records[p->at], count * sizeof(struct rs_record));
        *out = (struct rs_source_event){
            .kind = RS_SOURCE_RECORDS,
            .stream = p->stream,
            .partition = p->partition,
            .records = source->held[worker].records,
            .count = count,
        };
        p->at += count;
        p->taken += count;
        source->held[worker].lent = true;
        return true;
    }
    return false;
}

static bool memory_take(void *self, uint32_t worker, struct rs_source_event *out)
{
    struct rs_memory_source *source = self;

    return take_event(source, worker, out) ||
           (!source->held[worker].lent && take_records(source, worker, out));
}

static void memory_release(void *self, uint32_t worker)
{
    struct rs_memory_source *source = self;

    source->held[worker].lent = false;
}

/* Whoever reads on from elsewhere hears no more that the earlier reading came to an end. */
static void forget_stop(struct rs_memory_source *source, const struct memory_partition *p)
{
    struct memory_event *next = NULL;

    for (struct memory_event *event = source->events.first; event; event = next) {
        next = event->next;
        if (event->partition == p && event->kind == RS_SOURCE_STOPPED) {
            memory_events_remove(&source->events, event);
            free(event);
        }
    }
}

static int memory_start(void *self, uint32_t stream, int32_t partition, int64_t offset,
                        struct rs_error *error)
{
    struct memory_partition *p = find(self, stream, partition);

    if (!p || !p->owned) {
        return rs_fail(error, RS_EINVAL, "memory source: partition %d was not assigned", partition);
    }
    forget_stop(self, p);
    p->started = offset;
    p->at = 0;
    while (p->at < p->count && p->records[p->at].offset < offset) {
        p->at++;
    }
    p->reading = true;
    return 0;
}

static void memory_pause(void *self, uint32_t stream, int32_t partition)
{
    struct memory_partition *p = find(self, stream, partition);

    RS_ASSERT(p && p->owned);
    p->reading = false;
}

static void memory_done(void *self, uint32_t stream, int32_t partition)
{
    struct memory_partition *p = find(self, stream, partition);

    if (p) {
        p->owned = p->again;
        p->leaving = p->reading = false;
    }
}

static int64_t memory_end_offset(void *self, uint32_t stream, int32_t partition)
{
    const struct memory_partition *p = find(self, stream, partition);

    return !p ? -1 : p->end;
}

static void memory_committed(void *self, uint32_t stream, int32_t partition, int64_t next_offset)
{
    find(self, stream, partition)->committed = next_offset;
}

static int memory_wake_fd(void *self, uint32_t worker)
{
    (void)self;
    (void)worker;
    return -1;
}

static const struct rs_source_ops memory_ops = {
    .take = memory_take,
    .release = memory_release,
    .start = memory_start,
    .pause = memory_pause,
    .done = memory_done,
    .end_offset = memory_end_offset,
    .committed = memory_committed,
    .wake_fd = memory_wake_fd,
};

struct rs_source rs_memory_source_table(struct rs_memory_source *source)
{
    return (struct rs_source){.self = source, .ops = &memory_ops};
}

void rs_memory_source_withhold(struct rs_memory_source *source, uint32_t stream, int32_t partition,
                               int64_t count)
{
    find(source, stream, partition)->end += count;
}

bool rs_memory_source_owned(const struct rs_memory_source *source, uint32_t stream, int32_t partition)
{
    const struct memory_partition *p = find(source, stream, partition);

    return p && p->owned;
}

int64_t rs_memory_source_started(const struct rs_memory_source *source, uint32_t stream, int32_t partition)
{
    return find(source, stream, partition)->started;
}

int64_t rs_memory_source_committed(const struct rs_memory_source *source, uint32_t stream, int32_t partition)
{
    return find(source, stream, partition)->committed;
}

uint64_t rs_memory_source_taken(const struct rs_memory_source *source, uint32_t stream, int32_t partition)
{
    return find(source, stream, partition)->taken;
}
