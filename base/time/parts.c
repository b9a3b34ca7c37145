#include "base/time/parts.h"

#include "base/time/civil.h"

int rs_parts_to_us(const struct rs_time_parts *p, const struct rs_zone *zone, int64_t *out_us,
                   struct rs_error *error)
{
    if (!rs_civil_valid(p->year, p->month, p->day)) {
        return rs_fail(error, RS_ERECORD, "the date does not exist in the calendar");
    }
    if (p->hour < 0 || p->hour > 23 || p->minute < 0 || p->minute > 59 || p->second < 0 || p->second > 59) {
        return rs_fail(error, RS_ERECORD, "the time of day does not exist (00:00:00 to 23:59:59)");
    }
    int32_t of_day = p->hour * 3600 + p->minute * 60 + p->second;
    int64_t us = rs_days_from_civil(p->year, p->month, p->day) * RS_US_PER_DAY + of_day * RS_US_PER_SECOND +
                 p->nanosecond / 1000;
    us = p->has_offset ? us - p->offset_s * RS_US_PER_SECOND : rs_zone_to_utc(zone, us);
    if (!rs_time_in_range(us)) {
        return rs_fail(error, RS_ERECORD, "the time is outside the years 1 to 9999");
    }
    *out_us = us;
    return 0;
}
