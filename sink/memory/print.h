/* memory print: a memory store's keys as NDJSON, for --replay.
 * Thread: one. */
#ifndef RS_SINK_MEMORY_PRINT_H
#define RS_SINK_MEMORY_PRINT_H

#include <stdio.h>

#include "base/error.h"
#include "base/view.h"
#include "sink/memory/group.h"

struct rs_memory_print {
    const char *prefix;
    const struct rs_aggregate_meta *metas;
    size_t meta_count;
    const struct rs_memory_groups *groups; /* by aggregate */
};

RS_MUST_USE int rs_memory_print(const struct rs_memory_print *what, FILE *out, struct rs_error *error);

#endif
