/* civil: days of the calendar, and the range of times that all of rollstat takes.
 * Proleptic Gregorian calendar, years 1 to 9999, no leap seconds.
 * Thread: any; plain values. */
#ifndef RS_BASE_TIME_CIVIL_H
#define RS_BASE_TIME_CIVIL_H

#include <stdbool.h>
#include <stdint.h>

#define RS_US_PER_SECOND INT64_C(1000000)
#define RS_US_PER_DAY    INT64_C(86400000000)
#define RS_TIME_MIN_US   (INT64_C(-62135596800) * RS_US_PER_SECOND)     /* 0001-01-01T00:00:00Z */
#define RS_TIME_MAX_US   (INT64_C(253402300800) * RS_US_PER_SECOND - 1) /* 9999-12-31T23:59:59.999999Z */
#define RS_DAY_MIN       INT64_C(-719162)                               /* 0001-01-01 */
#define RS_DAY_MAX       INT64_C(2932896)                               /* 9999-12-31 */

/* The mathematical floor of a / b; b > 0. */
static inline int64_t rs_floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static inline bool rs_time_in_range(int64_t us)
{
    return us >= RS_TIME_MIN_US && us <= RS_TIME_MAX_US;
}

/* Days since 1970-01-01 of a valid date (Howard Hinnant, "chrono-compatible low-level date algorithms"). */
int64_t rs_days_from_civil(int year, int month, int day);
void rs_civil_from_days(int64_t days, int *year, int *month, int *day);
bool rs_civil_valid(int year, int month, int day); /* years 1..9999 */

#endif
