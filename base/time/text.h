/* time_text: times in ISO 8601, to and from microseconds since 1970-01-01T00:00:00Z.
 * The calendar is that of civil.h; a second 60 is refused. No libc time function is used: tzset and its kin are
 * global to the process.
 * Thread: any; nothing is kept. */
#ifndef RS_BASE_TIME_TEXT_H
#define RS_BASE_TIME_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "base/time/civil.h"
#include "base/time/zone.h"

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
