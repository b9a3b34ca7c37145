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

struct rs_log_owner *rs_durable_find(struct rs_durable_log *log, struct rs_partition_id id)
{
    struct rs_log_owners *owners = rs_log_owners_of(log, id.worker);

    for (size_t i = 0; i < owners->count; i++) {
        if (owners->items[i]->id.stream == id.stream && owners->items[i]->id.partition == id.partition) {
            return owners->items[i];
        }
    }
    return NULL;
}

void rs_log_owner_free(struct rs_log_owner *owner)
{
    rs_state_reader_free(&owner->reader);
    free(owner);
}

struct rs_log_owner *rs_durable_add(struct rs_durable_log *log, struct rs_partition_id id)
{
    struct rs_log_owners *owners = rs_log_owners_of(log, id.worker);

    struct rs_log_owner **items =
        rs_array_grow(owners->items, owners->count, &owners->capacity, 8, sizeof(struct rs_log_owner *));
    if (!items) {
        return NULL;
    }
    owners->items = items;
    struct rs_log_owner *owner = calloc(1, sizeof *owner);
    if (owner) {
        owner->id = id;
        owners->items[owners->count++] = owner;
    }
    return owner;
}

/* The append log forgets in any case, so that no answer to an earlier ownership reaches the next one. A
 * batch of the partition that is being handed over ends here, since its chunks are the reader's. */
void rs_durable_forget(struct rs_durable_log *log, struct rs_partition_id id)
{
    struct rs_log_owners *owners = rs_log_owners_of(log, id.worker);
    struct rs_log_owner *owner = rs_durable_find(log, id);

    log->options.io.ops->forget(log->options.io.self, id);
    if (!owner) {
        return;
    }
    if (owners->handing == owner) {
        owners->handing = NULL;
    }
    for (size_t i = 0; i < owners->count; i++) {
        if (owners->items[i] == owner) {
            owners->items[i] = owners->items[--owners->count];
            break;
        }
    }
    rs_log_owner_free(owner);
}

const struct rs_stream *rs_durable_stream(const struct rs_durable_log *log, const struct rs_log_owner *owner)
{
    return &log->options.streams->items[owner->id.stream];
}

uint64_t rs_durable_identity(const struct rs_durable_log *log, struct rs_partition_id id)
{
    return rs_state_identity(log->options.streams->group,
                             rs_stream_input(&log->options.streams->items[id.stream]), id.partition);
}

void rs_durable_report(const struct rs_durable_log *log, enum rs_log_level level,
                       const struct rs_log_owner *owner, const struct rs_error *why)
{
    struct rs_error line = *why;

    (void)rs_error_prefix(&line, "stream %s partition %" PRId32,
                          rs_stream_label(rs_durable_stream(log, owner)), owner->id.partition);
    rs_report(&log->options.report, level, "%s", line.text);
}
