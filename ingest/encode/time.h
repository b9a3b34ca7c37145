/* encode_time: cells as dates, times and timestamps.
 * Thread: any; nothing is kept. */
#ifndef RS_INGEST_ENCODE_TIME_H
#define RS_INGEST_ENCODE_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/time/rule.h"
#include "ingest/encode/cell.h"
#include "schemas/schema.h"

/* What the long or int of a date, time or timestamp holds for this cell. */
RS_MUST_USE int rs_encode_read_time(const struct rs_time_rule *rule, enum rs_logical logical,
                                    const struct rs_cell *cell, int64_t *out, struct rs_error *error);

/* The number is one that a date, time or timestamp of this kind can hold: years 1 to 9999, one day. */
bool rs_encode_stored_in_range(enum rs_logical logical, int64_t value);

/* A TIME, NANOS, DATE or CLOCK cell as the text cell in ISO 8601 that is read as the same; false: another
 * kind, or outside the years 1 to 9999. */
#define RS_ENCODE_TIME_TEXT_MAX 48
bool rs_encode_write_time(const struct rs_cell *cell, char *text, struct rs_cell *out);

#endif
