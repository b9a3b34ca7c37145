/* time_parts: a time as its pieces, which the readers of texts and of patterns fill in. For base/time alone.
 * Thread: any; nothing is kept. */
#ifndef RS_BASE_TIME_PARTS_H
#define RS_BASE_TIME_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/time/zone.h"

struct rs_time_parts {
    int year;
    int month;
    int day;
    int hour;
    int minute;
    int second;
    int nanosecond;
    bool has_offset;
    int32_t offset_s; /* east of Greenwich */
};

/* `zone` is for times without an offset. *out_us changes only on success.
 * Errors: RS_ERECORD: no such date or time of day, or outside the years 1 to 9999. */
RS_MUST_USE int rs_parts_to_us(const struct rs_time_parts *p, const struct rs_zone *zone, int64_t *out_us,
                               struct rs_error *error);

#endif
