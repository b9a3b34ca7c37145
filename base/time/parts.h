/* time_parts: what the readers of times share; no other module includes it.
 * Thread: any; nothing is kept. */
#ifndef RS_BASE_TIME_PARTS_H
#define RS_BASE_TIME_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/time/text.h"

struct rs_cursor {
    const uint8_t *at;
    const uint8_t *end;
};

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

/* `min` to `max` (at most 9) decimal digits; -1 when there are fewer. */
int rs_cursor_digits(struct rs_cursor *c, size_t min, size_t max);
bool rs_cursor_take(struct rs_cursor *c, char wanted);
/* 1 to 9 digits after a point, as nanoseconds; -1 when there is none. */
int rs_cursor_fraction(struct rs_cursor *c);
/* Z, +hh:mm, +hhmm, +hh. */
bool rs_cursor_offset(struct rs_cursor *c, int32_t *out_s);

RS_MUST_USE int rs_parts_to_us(const struct rs_time_parts *p, const struct rs_zone *zone, int64_t *out_us,
                               struct rs_error *error);

#endif
