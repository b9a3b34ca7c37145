/* time_pattern: times in a form of the user's own, told by a pattern like strptime's.
 * Thread: any; a pattern is immutable. */
#ifndef RS_BASE_TIME_PATTERN_H
#define RS_BASE_TIME_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "base/time/zone.h"

/* Conversions: %Y (4 digits) %m %d %H %M %S %f (1 to 9 digits of a fraction) %j
 * (day of the year) %b (English month, short or long) %z (Z, +hh:mm, +hhmm, +hh) %s (seconds since 1970,
 * signed) %%; blank runs match blank runs; everything else matches itself. Numbers may have fewer digits
 * where a non-digit follows. */
struct rs_time_pattern {
    const char *text; /* borrowed */
    bool has_zone;    /* %z or %s: the zone argument is not used */
};
/* RS_EINVAL: an unknown conversion, or one that leaves the date open (a date needs %Y with %m and %d or %b
 * and %d or %j, or %s alone). */
RS_MUST_USE int rs_time_pattern_check(const char *text, struct rs_time_pattern *out, struct rs_error *error);
/* *out_ns is what is left below the microsecond, 0 to 999. */
RS_MUST_USE int rs_time_parse_pattern(const struct rs_time_pattern *pattern, struct rs_slice text,
                                      const struct rs_zone *zone, int64_t *out_us, int *out_ns,
                                      struct rs_error *error);

#endif
