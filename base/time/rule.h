/* rule: the form in which times are given: ISO 8601, periods, a pattern, or numbers that count a unit.
 * Thread: any; a rule is immutable.
 * Owns: nothing; texts and zones are borrowed. */
#ifndef RS_BASE_TIME_RULE_H
#define RS_BASE_TIME_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/number.h"
#include "base/slice.h"
#include "base/time/pattern.h"
#include "base/time/zone.h"

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

static inline bool rs_time_rule_counts(const struct rs_time_rule *rule)
{
    return rule->kind >= RS_TIME_RULE_SECONDS;
}

/* A time without loss; ns is what is left below the microsecond, 0 to 999. */
struct rs_exact_time {
    int64_t us;
    int ns;
};

/* What a text says. `zone` is for texts without an offset: the rule's own, unless the caller has a reason.
 * Errors (RS_ERECORD, a clause about the value): not of this form, or outside the years 1 to 9999. */
RS_MUST_USE int rs_time_rule_read(const struct rs_time_rule *rule, const struct rs_zone *zone,
                                  struct rs_slice text, struct rs_exact_time *out, struct rs_error *error);

/* The nanoseconds since the epoch that a number counts, for a rule that counts.
 * Errors (RS_ERECORD): not a number, or finer than a nanosecond. */
RS_MUST_USE int rs_time_rule_nanos(const struct rs_time_rule *rule, struct rs_slice text, rs_i128 *ns,
                                   struct rs_error *error);

#endif
