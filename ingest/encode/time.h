/* encode_time: cells as dates, times and timestamps.
 * Thread: any; nothing is kept. */
#ifndef RS_INGEST_ENCODE_TIME_H
#define RS_INGEST_ENCODE_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/time/pattern.h"
#include "base/time/zone.h"
#include "ingest/encode/cell.h"
#include "schemas/schema.h"

enum rs_time_rule_kind {
    RS_TIME_RULE_ISO,
    RS_TIME_RULE_PERIOD, /* 2026, 2026-03, 2026-Q1, ...: the start of the period */
    RS_TIME_RULE_PATTERN,
    RS_TIME_RULE_SECONDS, /* since the epoch, digits after a point allowed; the rest alike */
    RS_TIME_RULE_MILLIS,
    RS_TIME_RULE_MICROS,
    RS_TIME_RULE_NANOS,
};

struct rs_time_rule {
    enum rs_time_rule_kind kind;
    struct rs_time_pattern pattern; /* PATTERN */
    const struct rs_zone *zone;     /* for texts without an offset; NULL: UTC */
};

/* iso, period, s, ms, us, ns, or a pattern. Borrows `text`.
 * Errors: RS_EINVAL. */
RS_MUST_USE int rs_time_rule_parse(const char *text, const struct rs_zone *zone, struct rs_time_rule *out,
                                   struct rs_error *error);

/* What the long or int of a date, time or timestamp holds for this cell. */
RS_MUST_USE int rs_encode_read_time(const struct rs_time_rule *rule, enum rs_logical logical,
                                    const struct rs_cell *cell, int64_t *out, struct rs_error *error);

/* A TIME, NANOS, DATE or CLOCK cell as the text cell in ISO 8601 that is read as the same; false: another
 * kind, or outside the years 1 to 9999. */
#define RS_ENCODE_TIME_TEXT_MAX 48
bool rs_encode_write_time(const struct rs_cell *cell, char *text, struct rs_cell *out);

#endif
