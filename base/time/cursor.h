/* time_cursor: reads the pieces of a time from left to right. For base/time alone.
 * Thread: any; nothing is kept. */
#ifndef RS_BASE_TIME_CURSOR_H
#define RS_BASE_TIME_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rs_cursor {
    const uint8_t *at;
    const uint8_t *end;
};

/* `min` to `max` (at most 9) decimal digits; -1 when there are fewer. */
int rs_cursor_digits(struct rs_cursor *c, size_t min, size_t max);
bool rs_cursor_take(struct rs_cursor *c, char wanted);
/* 1 to 9 digits after a point, as nanoseconds; -1 when there is none. */
int rs_cursor_fraction(struct rs_cursor *c);
/* Z, +hh:mm, +hhmm, +hh. */
bool rs_cursor_offset(struct rs_cursor *c, int32_t *out_s);

#endif
