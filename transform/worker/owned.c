/* What several files of the worker ask of a partition, or tell about it. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "transform/worker/internal.h"

#define REPORT_AGAIN_US (30 * INT64_C(1000000)) /* the same trouble of a partition */

bool rs_worker_log_is_durable(const struct rs_worker *worker)
{
    return worker->options.log.ops->plan != NULL;
}

struct rs_worker_partition *rs_worker_find(const struct rs_worker *worker, uint32_t stream, int32_t partition)
{
    for (size_t i = 0; i < worker->owned_count; i++) {
        struct rs_worker_partition *owned = worker->owned[i];
        if (owned->partition == partition && owned->stream->index == stream) {
            return owned;
        }
    }
    return NULL;
}

struct rs_partition_id rs_worker_partition_id(const struct rs_worker *worker,
                                              const struct rs_worker_partition *owned)
{
    return (struct rs_partition_id){
        .worker = worker->options.index,
        .stream = owned->stream->index,
        .partition = owned->partition,
    };
}

/* A partition that fails again and again for the same reason is not worth a line each time. */
void rs_worker_partition_trouble(struct rs_worker *worker, struct rs_worker_partition *owned,
                                 enum rs_log_level level, const char *format, ...)
{
    char text[RS_ERROR_TEXT_MAX];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    bool again =
        strcmp(text, owned->error) == 0 && worker->now_us - owned->error_reported_us < REPORT_AGAIN_US;
    if (!again) {
        rs_report(&worker->options.report, level, "%s", text);
        memcpy(owned->error, text, sizeof owned->error);
        owned->error_reported_us = worker->now_us;
    }
}

void rs_worker_fence_key(const struct rs_worker *worker, const struct rs_worker_partition *owned,
                         struct rs_buf *out)
{
    rs_fence_key(out, worker->options.prefix, worker->options.streams->group, owned->stream->topic,
                 owned->partition);
}

bool rs_worker_partition_publishable(const struct rs_worker_partition *owned)
{
    return owned->state && owned->asked && owned->touched && owned->next_offset >= owned->quiet_until;
}
