/* redis status: what the writers have done and suffered, as it is shown.
 * Thread: any; plain values. */
#ifndef RS_SINK_REDIS_STATUS_H
#define RS_SINK_REDIS_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/histogram.h"
#include "sink/redis/connection.h"

struct rs_redis_status {
    bool connected;   /* all connections */
    int64_t since_us; /* wall time of the last change of `connected` */
    uint64_t generation;
    uint64_t batches, views, history, drops, bytes; /* acknowledged */
    uint64_t conflicts;              /* operations refused because another partition owns the group */
    uint64_t behind, fenced;         /* batches */
    uint64_t replaced;               /* keys that held another type */
    uint64_t connects, errors;       /* errors: failures of a connection, of any kind */
    uint64_t losses;                 /* how often the store was lost, wiped or went back */
    uint64_t queued;                 /* batches submitted and not yet finished */
    int64_t oldest_us;               /* age of the oldest of them; 0: none */
    enum rs_redis_fault fault;       /* what keeps it from writing now, else RS_REDIS_FINE */
    char last_error[512];            /* with the remedy; empty: none so far */
    int64_t last_error_us;           /* wall time */
    struct rs_histogram round_trips; /* of calls */
};

#endif
