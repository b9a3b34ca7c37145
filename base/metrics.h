/* metrics: Prometheus text, exposition format 0.0.4.
 * Threads count in plain variables of their own and hand out snapshots; a scrape writes those straight into
 * the text. So counting costs nothing, and what exists only while it is owned (partitions) needs no registry.
 * Thread: a text belongs to its caller. */
#ifndef RS_BASE_METRICS_H
#define RS_BASE_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/histogram.h"

enum rs_metric_type { RS_METRIC_COUNTER, RS_METRIC_GAUGE, RS_METRIC_HISTOGRAM };

/* A label; a list ends with a NULL name. Values are escaped as the format wants. */
struct rs_label {
    const char *name;
    const char *value;
};

/* "# HELP" and "# TYPE" lines; then its samples, all of them before the next family. */
void rs_metrics_family(struct rs_buf *out, const char *name, enum rs_metric_type type, const char *help);
void rs_metrics_integer(struct rs_buf *out, const char *name, const struct rs_label *labels, int64_t value);
void rs_metrics_unsigned(struct rs_buf *out, const char *name, const struct rs_label *labels, uint64_t value);
/* Microseconds, written as seconds, exactly. */
void rs_metrics_seconds(struct rs_buf *out, const char *name, const struct rs_label *labels,
                        int64_t value_us);
/* In seconds. */
void rs_metrics_histogram(struct rs_buf *out, const char *name, const struct rs_label *labels,
                          const struct rs_histogram *histogram);

#endif
