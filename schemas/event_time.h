/* event_time: what a decoded field says as the time of an event.
 * Thread: any; nothing is kept. */
#ifndef RS_SCHEMAS_EVENT_TIME_H
#define RS_SCHEMAS_EVENT_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time/civil.h"
#include "base/time/us.h"
#include "schemas/program.h"

/* A timestamp or date says by its type what it counts; of a plain int or long the configuration does. */
enum rs_time_form {
    RS_TIME_FORM_STAMP,
    RS_TIME_FORM_DATE,
    RS_TIME_FORM_SECONDS,
    RS_TIME_FORM_MILLIS,
    RS_TIME_FORM_MICROS,
    RS_TIME_FORM_NANOS,
};

/* For people, behind the field's name: what a plain number counts. */
static inline const char *rs_time_form_text(enum rs_time_form form)
{
    switch (form) {
    case RS_TIME_FORM_SECONDS: return " in seconds";
    case RS_TIME_FORM_MILLIS: return " in milliseconds";
    case RS_TIME_FORM_MICROS: return " in microseconds";
    case RS_TIME_FORM_NANOS: return " in nanoseconds";
    default: return "";
    }
}

/* Microseconds, at the ends of their range where a number reaches further. */
static inline int64_t rs_event_time_us(enum rs_time_form form, int64_t number, int *rest_ns)
{
    int64_t us = number;
    int64_t unit_us = form == RS_TIME_FORM_DATE      ? RS_US_PER_DAY
                      : form == RS_TIME_FORM_SECONDS ? RS_US_PER_SECOND
                      : form == RS_TIME_FORM_MILLIS  ? 1000
                                                     : 1;
    *rest_ns = 0;
    if (form == RS_TIME_FORM_NANOS) {
        return rs_us_from_nanos(number, rest_ns);
    }
    if (__builtin_mul_overflow(number, unit_us, &us)) {
        return number < 0 ? INT64_MIN : INT64_MAX;
    }
    return us;
}

/* False: outside the years 1 to 9999. The value is none that is null. */
static inline bool rs_event_time(enum rs_time_form form, const struct rs_value *value, int64_t *us,
                                 uint16_t *nanos)
{
    int rest_ns = 0;

    if (__builtin_expect(form == RS_TIME_FORM_STAMP, 1)) {
        *us = value->i;
        *nanos = value->nanos;
    } else {
        *us = rs_event_time_us(form, value->i, &rest_ns);
        *nanos = (uint16_t)rest_ns;
    }
    return rs_time_in_range(*us);
}

#endif
