#include "base/time/rule.h"

#include <string.h>

#include "base/time/text.h"

#define NS_PER_US INT64_C(1000)

int rs_time_rule_parse(const char *text, const struct rs_zone *zone, struct rs_time_rule *out,
                       struct rs_error *error)
{
    static const struct {
        const char *name;
        enum rs_time_rule_kind kind;
    } names[] = {{"iso", RS_TIME_RULE_ISO},   {"period", RS_TIME_RULE_PERIOD}, {"s", RS_TIME_RULE_SECONDS},
                 {"ms", RS_TIME_RULE_MILLIS}, {"us", RS_TIME_RULE_MICROS},     {"ns", RS_TIME_RULE_NANOS}};
    struct rs_time_rule rule = {.kind = RS_TIME_RULE_PATTERN, .zone = zone};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(text, names[i].name) == 0) {
            rule.kind = names[i].kind;
            *out = rule;
            return 0;
        }
    }
    if (!strchr(text, '%')) {
        return rs_fail(error, RS_EINVAL,
                       "\"%s\" is no time format; use iso, period, s, ms, us, ns or a pattern such as "
                       "\"%%Y-%%m-%%d %%H:%%M:%%S\"",
                       text);
    }
    int rc = rs_time_pattern_check(text, &rule.pattern, error);
    if (rc == 0) {
        *out = rule;
    }
    return rc;
}

static int check_range(int64_t us, struct rs_exact_time *out, struct rs_error *error)
{
    if (!rs_time_in_range(us)) {
        return rs_fail(error, RS_ERECORD, "is a time outside the years 1 to 9999");
    }
    *out = (struct rs_exact_time){.us = us};
    return 0;
}

/* 128 bits hold every year there is. */
int rs_time_rule_nanos(const struct rs_time_rule *rule, struct rs_slice text, rs_i128 *ns,
                       struct rs_error *error)
{
    static const int scales[] = {
        [RS_TIME_RULE_SECONDS] = 9, [RS_TIME_RULE_MILLIS] = 6, [RS_TIME_RULE_MICROS] = 3};
    int scale = rule->kind == RS_TIME_RULE_NANOS ? 0 : scales[rule->kind];
    if (text.size == 0) {
        return rs_fail(error, RS_ERECORD, "is empty; a time is needed");
    }
    return rs_decimal_parse(text, scale, ns, error);
}

static int read_count(const struct rs_time_rule *rule, struct rs_slice text, struct rs_exact_time *out,
                      struct rs_error *error)
{
    rs_i128 ns = 0;
    int rc = rs_time_rule_nanos(rule, text, &ns, error);
    if (rc != 0) {
        return rc;
    }
    const int64_t min = RS_TIME_MIN_US;
    const int64_t max = RS_TIME_MAX_US;
    rs_i128 wide = ns / NS_PER_US - (ns % NS_PER_US < 0);
    if (wide < min || wide > max) {
        return rs_fail(error, RS_ERECORD, "is a time outside the years 1 to 9999");
    }
    *out = (struct rs_exact_time){.us = (int64_t)wide, .ns = (int)(ns - wide * NS_PER_US)};
    return 0;
}

int rs_time_rule_read(const struct rs_time_rule *rule, const struct rs_zone *zone, struct rs_slice text,
                      struct rs_exact_time *out, struct rs_error *error)
{
    int64_t days = 0;
    int rc = 0;
    if (text.size == 0) {
        return rs_fail(error, RS_ERECORD, "is empty; a time is needed");
    }
    switch (rule->kind) {
    case RS_TIME_RULE_ISO: return rs_time_parse_iso_exact(text, zone, &out->us, &out->ns, error);
    case RS_TIME_RULE_PATTERN:
        return rs_time_parse_pattern(&rule->pattern, text, zone, &out->us, &out->ns, error);
    case RS_TIME_RULE_PERIOD:
        rc = rs_period_parse(text, &days, error);
        return rc != 0 ? rc : check_range(rs_zone_to_utc(zone, days * RS_US_PER_DAY), out, error);
    case RS_TIME_RULE_SECONDS:
    case RS_TIME_RULE_MILLIS:
    case RS_TIME_RULE_MICROS:
    case RS_TIME_RULE_NANOS: break;
    }
    return read_count(rule, text, out, error);
}
