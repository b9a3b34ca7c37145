/* progress: the line that a publisher shows on a terminal while it works, and the one it ends with.
 * Thread: one. Time is handed in. */
#ifndef RS_INGEST_PUBLISH_PROGRESS_H
#define RS_INGEST_PUBLISH_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct rs_progress {
    int64_t started_us;
    int64_t shown_us; /* when the last line was made */
    uint64_t shown_rows;
    double rate; /* rows per second of late */
};

#define RS_PROGRESS_EVERY_US INT64_C(250000)

void rs_progress_init(struct rs_progress *progress, int64_t now_us);
/* A new line is due. */
bool rs_progress_due(const struct rs_progress *progress, int64_t now_us);
/* "1,234,567 rows  812,345/s  41%  ETA 0:12" (the last two where `total` is known). */
void rs_progress_line(struct rs_progress *progress, int64_t now_us, uint64_t rows, uint64_t read,
                      uint64_t total, struct rs_buf *out);
/* "in 1.52 s (812,345 rows/s)" */
void rs_progress_end(const struct rs_progress *progress, int64_t now_us, uint64_t rows, struct rs_buf *out);
/* 1,234,567 */
void rs_progress_number(struct rs_buf *out, uint64_t value);

#endif
