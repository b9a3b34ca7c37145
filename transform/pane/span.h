/* span: how long before a period is the one that it is compared with, by the calendar, in UTC.
 * Thread: any; plain values. */
#ifndef RS_TRANSFORM_PANE_SPAN_H
#define RS_TRANSFORM_PANE_SPAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/* As rs_pane_reference has them: none counts periods. */
enum rs_span {
    RS_SPAN_YEAR = 0,
    RS_SPAN_QUARTER = -1,
    RS_SPAN_MONTH = -2,
    RS_SPAN_WEEK = -3,
    RS_SPAN_DAY = -4,
};

/* "1d", "1w", "1mo", "1q" and "1y". */
bool rs_span_read(struct rs_slice text, int64_t *out);
const char *rs_span_text(int64_t span);

/* The same day so long before, at the same time. Of months, quarters and years, where there is no such day, or this is
 * the last of its month, the last of that month: what is told by the ends of months has one in leap years, too.
 * RS_TIME_NONE: before the year 1. */
int64_t rs_span_before(int64_t time_us, int64_t span);

#endif
