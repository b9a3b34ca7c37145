/* numbers: what /metrics and /status tell in figures, a row each: its name on either page, and where it stands.
 * Thread: any; the tables are constant. */
#ifndef RS_TRANSFORM_DAEMON_NUMBERS_H
#define RS_TRANSFORM_DAEMON_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

#include "base/metrics.h"
#include "transform/daemon/internal.h"

enum rs_number_form {
    RS_NUMBER_COUNT,      /* unsigned, of any size */
    RS_NUMBER_FLAG,       /* bool */
    RS_NUMBER_OFFSET,     /* int64_t; negative: not known, and no metric */
    RS_NUMBER_TIME,       /* int64_t in microseconds; absent where it is RS_TIME_NONE */
    RS_NUMBER_ACCOUNTING, /* struct rs_accounting */
};

struct rs_number {
    const char *metric, *help; /* NULL: not on /metrics */
    const char *key;           /* NULL: not on /status */
    enum rs_metric_type type;
    enum rs_number_form form;
    size_t at, size; /* in the struct of the table; size 0: `value` tells it, in microseconds if a TIME */
    int64_t (*value)(const struct rs_daemon *daemon, const void *base);
};

/* The value of a row of any form but ACCOUNTING. */
int64_t rs_number_value(const struct rs_number *number, const struct rs_daemon *daemon, const void *base);
const struct rs_accounting *rs_number_accounting(const struct rs_number *number, const void *base);

/* A table, in the order of both pages. */
struct rs_numbers {
    const struct rs_number *rows;
    size_t count;
};

/* Of the struct that each is named after. */
extern const struct rs_numbers rs_partition_numbers; /* struct rs_worker_partition_status */
extern const struct rs_numbers rs_log_numbers;       /* struct rs_state_log_status */
extern const struct rs_numbers rs_counted_numbers;   /* struct rs_worker_partition_counts */
extern const struct rs_numbers rs_aggregate_numbers; /* struct rs_worker_aggregate_status */
extern const struct rs_numbers rs_worker_numbers;    /* struct rs_worker_snapshot */
extern const struct rs_numbers rs_kafka_numbers;     /* struct rs_kafka_source_status */
extern const struct rs_numbers rs_redis_numbers;     /* struct rs_redis_status */
extern const struct rs_numbers rs_registry_numbers;  /* struct rs_registry_status */

#endif
