/* The partitions of a durable log: finding, adding, dropping them, and speaking of them. */
#include "transform/statelog/protocol_internal.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/array.h"

struct rs_log_owners *rs_log_owners_of(struct rs_durable_log *log, uint32_t worker)
{
    RS_ASSERT(worker < log->options.workers);
    return &log->workers[worker];
}

struct rs_log_owner *rs_durable_find(struct rs_durable_log *log, struct rs_partition_id key)
{
    struct rs_log_owners *parts = rs_log_owners_of(log, key.worker);

    for (size_t i = 0; i < parts->count; i++) {
        if (parts->items[i]->key.stream == key.stream && parts->items[i]->key.partition == key.partition) {
            return parts->items[i];
        }
    }
    return NULL;
}

void rs_log_owner_free(struct rs_log_owner *owner)
{
    rs_state_reader_free(&owner->reader);
    free(owner);
}

struct rs_log_owner *rs_durable_add(struct rs_durable_log *log, struct rs_partition_id key)
{
    struct rs_log_owners *parts = rs_log_owners_of(log, key.worker);

    struct rs_log_owner **items =
        rs_array_grow(parts->items, parts->count, &parts->capacity, 8, sizeof(struct rs_log_owner *));
    if (!items) {
        return NULL;
    }
    parts->items = items;
    struct rs_log_owner *owner = calloc(1, sizeof *owner);
    if (owner) {
        owner->key = key;
        parts->items[parts->count++] = owner;
    }
    return owner;
}

/* The append log forgets in any case, so that no answer to an earlier ownership reaches the next one. A
 * batch of the partition that is being handed over ends here, since its chunks are the reader's. */
void rs_durable_forget(struct rs_durable_log *log, struct rs_partition_id key)
{
    struct rs_log_owners *parts = rs_log_owners_of(log, key.worker);
    struct rs_log_owner *owner = rs_durable_find(log, key);

    log->options.io.ops->forget(log->options.io.self, key);
    if (!owner) {
        return;
    }
    if (parts->handing == owner) {
        parts->handing = NULL;
    }
    for (size_t i = 0; i < parts->count; i++) {
        if (parts->items[i] == owner) {
            parts->items[i] = parts->items[--parts->count];
            break;
        }
    }
    rs_log_owner_free(owner);
}

const struct rs_stream *rs_durable_stream(const struct rs_durable_log *log, const struct rs_log_owner *owner)
{
    return &log->options.streams->items[owner->key.stream];
}

uint64_t rs_durable_identity(const struct rs_durable_log *log, struct rs_partition_id key)
{
    return rs_state_identity(log->options.streams->group, log->options.streams->items[key.stream].name,
                             key.partition);
}

void rs_durable_report(const struct rs_durable_log *log, enum rs_log_level level,
                       const struct rs_log_owner *owner, const struct rs_error *why)
{
    struct rs_error line = *why;

    (void)rs_error_prefix(&line, "stream %s partition %" PRId32, rs_durable_stream(log, owner)->name,
                          owner->key.partition);
    rs_report(&log->options.report, level, "%s", line.text);
}
