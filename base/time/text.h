/* time_text: times in ISO 8601, to and from microseconds since 1970-01-01T00:00:00Z.
 * Proleptic Gregorian calendar, years 1 to 9999, no leap seconds (a second 60 is refused). No libc time
 * function is used: tzset and its kin are global to the process.
 * Thread: any; nothing is kept. */
#ifndef RS_BASE_TIME_TEXT_H
#define RS_BASE_TIME_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "base/time/zone.h"

#define RS_US_PER_SECOND INT64_C(1000000)
#define RS_US_PER_DAY    INT64_C(86400000000)
#define RS_TIME_MIN_US   (INT64_C(-62135596800) * RS_US_PER_SECOND)     /* 0001-01-01T00:00:00Z */
#define RS_TIME_MAX_US   (INT64_C(253402300800) * RS_US_PER_SECOND - 1) /* 9999-12-31T23:59:59.999999Z */
#define RS_DAY_MIN       INT64_C(-719162)                               /* 0001-01-01 */
#define RS_DAY_MAX       INT64_C(2932896)                               /* 9999-12-31 */

static inline bool rs_time_in_range(int64_t us)
{
    return us >= RS_TIME_MIN_US && us <= RS_TIME_MAX_US;
}

/* ---- civil days ---- */
/* Days since 1970-01-01 of a valid date (Howard Hinnant, "chrono-compatible low-level date algorithms"). */
int64_t rs_days_from_civil(int year, int month, int day);
void rs_civil_from_days(int64_t days, int *year, int *month, int *day);
bool rs_civil_valid(int year, int month, int day); /* years 1..9999 */

/* ---- parsing; all errors are RS_ERECORD, *out changes only on success ---- */
/* ISO 8601: YYYY-MM-DD, or YYYY-MM-DD(T| )hh:mm[:ss[(.|,)f{1,9}]][Z|(+|-)hh[[:]mm]]. Digits past microseconds
 * are floored, which keeps order. `zone` is for times without an offset. A date alone is its midnight. */
RS_MUST_USE int rs_time_parse_iso(struct rs_slice text, const struct rs_zone *zone, int64_t *out_us,
                                  struct rs_error *error);

/* The same without loss: *out_ns is what is left below the microsecond, 0 to 999. */
RS_MUST_USE int rs_time_parse_iso_exact(struct rs_slice text, const struct rs_zone *zone, int64_t *out_us,
                                        int *out_ns, struct rs_error *error);

/* YYYY-MM-DD to days since 1970-01-01. */
RS_MUST_USE int rs_date_parse(struct rs_slice text, int64_t *out_days, struct rs_error *error);

/* Start, in days since 1970-01-01, of a period: YYYY, YYYY-Hn, YYYY-Qn, YYYY-MM, YYYY-Www (ISO week) or
 * YYYY-MM-DD; the dash in front of a letter may be missing. */
RS_MUST_USE int rs_period_parse(struct rs_slice text, int64_t *out_days, struct rs_error *error);

/* ---- writing; the value must be in range; no terminator; the length is returned ---- */
#define RS_TIME_TEXT_MAX 32
/* 2026-01-01T00:00:00Z, 2026-01-01T00:00:00.5Z: the shortest fraction that is exact. */
size_t rs_time_format(int64_t us, char *out);
/* The same of us microseconds and ns (0 to 999) nanoseconds. */
size_t rs_time_format_exact(int64_t us, int ns, char *out);
/* 2026-01-01 */
size_t rs_date_format(int64_t days, char *out);

#endif
