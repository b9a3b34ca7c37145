/* time write: a time in the form that a rule reads, without loss.
 * Thread: any; nothing is kept. */
#ifndef RS_BASE_TIME_WRITE_H
#define RS_BASE_TIME_WRITE_H

#include "base/buf.h"
#include "base/error.h"
#include "base/time/rule.h"

/* Appends the text, of a rule that counts the digits. `zone` is where the reader takes texts without an offset to
 * be. ISO 8601 and patterns with %z or %s leave nothing open; what the rule would read as another time, such as
 * digits below a pattern's last or the hour that a zone has twice, is refused.
 * Errors: RS_ERECORD, a clause about the value; RS_ENOMEM. */
RS_MUST_USE int rs_time_rule_write(const struct rs_time_rule *rule, const struct rs_zone *zone,
                                   struct rs_exact_time time, struct rs_buf *out, struct rs_error *error);

#endif
