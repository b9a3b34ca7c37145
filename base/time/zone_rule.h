/* zone_rule: the rule in the footer of a zone file, as POSIX TZ writes it (RFC 8536 section 3.3.1).
 * Part of zone; no other module includes it.
 * Thread: any; plain values. */
#ifndef RS_BASE_TIME_ZONE_RULE_H
#define RS_BASE_TIME_ZONE_RULE_H

#include <stdbool.h>
#include <stdint.h>

struct rs_zone_day {
    char kind; /* 'J': day 1..365, 29 February never counted; 'N': day 0..365; 'M': month.week.weekday */
    int day;   /* J and N; weekday for M, 0 is Sunday */
    int month;
    int week;       /* 5: the last */
    int32_t time_s; /* local time of the change, may lie outside the day */
};

struct rs_zone_rule {
    int32_t std_s; /* east of Greenwich */
    int32_t dst_s;
    bool has_dst;
    struct rs_zone_day start;
    struct rs_zone_day end;
};

struct rs_zone_change {
    int64_t at_s;
    int32_t offset_s;
};

bool rs_zone_rule_parse(const char *text, struct rs_zone_rule *out);

/* The two changes of a year, the earlier first. */
void rs_zone_rule_year(const struct rs_zone_rule *rule, int year, struct rs_zone_change out[2]);

/* Offset at a moment; the rule has daylight saving time. */
int32_t rs_zone_rule_at(const struct rs_zone_rule *rule, int64_t at_s);

#endif
