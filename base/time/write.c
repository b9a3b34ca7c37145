#include "base/time/write.h"

#include <stdlib.h>
#include <string.h>

#include "base/time/civil.h"
#include "base/time/text.h"

#define NS_PER_US INT64_C(1000)

static void put_count(const struct rs_time_rule *rule, struct rs_exact_time time, struct rs_buf *out)
{
    static const int scales[] = {[RS_TIME_RULE_SECONDS] = 9,
                                 [RS_TIME_RULE_MILLIS] = 6,
                                 [RS_TIME_RULE_MICROS] = 3,
                                 [RS_TIME_RULE_NANOS] = 0};
    char text[RS_NUMBER_TEXT_MAX];
    rs_buf_put(out, text,
               rs_decimal_format((rs_i128)time.us * NS_PER_US + time.ns, scales[rule->kind], text));
}

/* ---- patterns ---- */

/* A time taken apart, as it is to be shown. */
struct shown {
    int year, month, day, day_of_year;
    int second_of_day;
    int nanosecond;
    int32_t offset_s;
    int64_t seconds; /* since the epoch, of %s, with `negative` in front */
    bool negative;
};

/* Of a pattern that counts seconds "-1.5" is 1.5 seconds before the epoch: the fraction goes with the sign. */
static struct shown take_apart(const struct rs_zone *zone, struct rs_exact_time time, bool by_seconds)
{
    struct shown s = {.offset_s = rs_zone_offset_at(zone, time.us)};
    int64_t local = time.us + s.offset_s * RS_US_PER_SECOND;
    int64_t days = rs_floor_div(local, RS_US_PER_DAY);
    int64_t of_day = local - days * RS_US_PER_DAY;
    rs_civil_from_days(days, &s.year, &s.month, &s.day);
    s.day_of_year = (int)(days - rs_days_from_civil(s.year, 1, 1)) + 1;
    s.second_of_day = (int)(of_day / RS_US_PER_SECOND);
    s.nanosecond = (int)(of_day % RS_US_PER_SECOND * NS_PER_US) + time.ns;
    if (by_seconds) {
        rs_i128 ns = (rs_i128)time.us * NS_PER_US + time.ns;
        const rs_i128 ns_per_s = RS_US_PER_SECOND * NS_PER_US;
        s.negative = ns < 0;
        ns = s.negative ? -ns : ns;
        s.seconds = (int64_t)(ns / ns_per_s);
        s.nanosecond = (int)(ns % ns_per_s);
    }
    return s;
}

static void put_offset(int32_t offset_s, struct rs_buf *out)
{
    int32_t minutes = abs(offset_s) / 60;
    rs_buf_printf(out, "%c%02d:%02d", offset_s < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

/* The shortest fraction, of one digit at least. */
static void put_fraction(int nanosecond, struct rs_buf *out)
{
    char digits[] = "000000000";
    size_t size = sizeof digits - 1;
    for (size_t i = size; i > 0; i--, nanosecond /= 10) {
        digits[i - 1] = (char)('0' + nanosecond % 10);
    }
    while (size > 1 && digits[size - 1] == '0') {
        size--;
    }
    rs_buf_put(out, digits, size);
}

static void put_conversion(char conversion, const struct shown *s, struct rs_buf *out)
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    switch (conversion) {
    case 'Y': rs_buf_printf(out, "%04d", s->year); break;
    case 'm': rs_buf_printf(out, "%02d", s->month); break;
    case 'd': rs_buf_printf(out, "%02d", s->day); break;
    case 'H': rs_buf_printf(out, "%02d", s->second_of_day / 3600); break;
    case 'M': rs_buf_printf(out, "%02d", s->second_of_day / 60 % 60); break;
    case 'S': rs_buf_printf(out, "%02d", s->second_of_day % 60); break;
    case 'j': rs_buf_printf(out, "%03d", s->day_of_year); break;
    case 'f': put_fraction(s->nanosecond, out); break;
    case 'b': rs_buf_text(out, months[s->month - 1]); break;
    case 'z': put_offset(s->offset_s, out); break;
    case 's': rs_buf_printf(out, "%s%lld", s->negative ? "-" : "", (long long)s->seconds); break;
    default: rs_buf_char(out, conversion); break;
    }
}

static void put_pattern(const struct rs_time_rule *rule, const struct rs_zone *zone,
                        struct rs_exact_time time, struct rs_buf *out)
{
    const struct shown shown = take_apart(zone, time, strstr(rule->pattern.text, "%s") != NULL);
    for (const char *p = rule->pattern.text; *p != '\0'; p++) {
        if (*p == '%') {
            put_conversion(*++p, &shown, out);
        } else {
            rs_buf_char(out, *p);
        }
    }
}

/* ---- entry ---- */

static void put(const struct rs_time_rule *rule, const struct rs_zone *zone, struct rs_exact_time time,
                struct rs_buf *out)
{
    char text[RS_TIME_TEXT_MAX];
    int64_t local = time.us;
    switch (rule->kind) {
    case RS_TIME_RULE_ISO: rs_buf_put(out, text, rs_time_format_exact(time.us, time.ns, text)); break;
    case RS_TIME_RULE_PERIOD:
        local += rs_zone_offset_at(zone, time.us) * RS_US_PER_SECOND;
        rs_buf_put(out, text, rs_date_format(rs_floor_div(local, RS_US_PER_DAY), text));
        break;
    case RS_TIME_RULE_PATTERN: put_pattern(rule, zone, time, out); break;
    case RS_TIME_RULE_SECONDS:
    case RS_TIME_RULE_MILLIS:
    case RS_TIME_RULE_MICROS:
    case RS_TIME_RULE_NANOS: put_count(rule, time, out); break;
    }
}

/* A local time can be a few hours outside of the years that a moment is in. */
static bool in_range(const struct rs_zone *zone, int64_t us)
{
    return rs_time_in_range(us) && rs_time_in_range(us + rs_zone_offset_at(zone, us) * RS_US_PER_SECOND);
}

int rs_time_rule_write(const struct rs_time_rule *rule, const struct rs_zone *zone, struct rs_exact_time time,
                       struct rs_buf *out, struct rs_error *error)
{
    struct rs_exact_time read = {0};
    struct rs_error ignored;
    size_t start = out->size;
    if (!in_range(zone, time.us)) {
        return rs_fail(error, RS_ERECORD, "is a time outside the years 1 to 9999");
    }
    put(rule, zone, time, out);
    if (out->failed) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    struct rs_slice text = rs_slice_of(out->data + start, out->size - start);
    if (rs_time_rule_read(rule, zone, text, &read, &ignored) == 0 && read.us == time.us &&
        read.ns == time.ns) {
        return 0;
    }
    out->size = start;
    return rs_fail(error, RS_ERECORD, "is a time that its form cannot hold without loss");
}
