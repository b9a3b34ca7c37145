#include "base/time/text.h"

#include "base/time/cursor.h"
#include "base/time/parts.h"

/* ---- ISO 8601 ---- */

static bool read_date(struct rs_cursor *c, struct rs_time_parts *p)
{
    p->year = rs_cursor_digits(c, 4, 4);
    bool good = p->year >= 0 && rs_cursor_take(c, '-');
    p->month = rs_cursor_digits(c, 2, 2);
    good = good && p->month >= 0 && rs_cursor_take(c, '-');
    p->day = rs_cursor_digits(c, 2, 2);
    return good && p->day >= 0;
}

static bool read_time_of_day(struct rs_cursor *c, struct rs_time_parts *p)
{
    p->hour = rs_cursor_digits(c, 2, 2);
    bool good = p->hour >= 0 && rs_cursor_take(c, ':');
    p->minute = rs_cursor_digits(c, 2, 2);
    if (!good || p->minute < 0) {
        return false;
    }
    if (!rs_cursor_take(c, ':')) {
        return true;
    }
    p->second = rs_cursor_digits(c, 2, 2);
    if (rs_cursor_take(c, '.') || rs_cursor_take(c, ',')) {
        p->nanosecond = rs_cursor_fraction(c);
    }
    return p->second >= 0 && p->nanosecond >= 0;
}

static bool read_iso(struct rs_cursor *c, struct rs_time_parts *p)
{
    if (!read_date(c, p)) {
        return false;
    }
    if (c->at == c->end) {
        return true;
    }
    if (!rs_cursor_take(c, 'T') && !rs_cursor_take(c, 't') && !rs_cursor_take(c, ' ')) {
        return false;
    }
    if (!read_time_of_day(c, p)) {
        return false;
    }
    if (c->at == c->end) {
        return true;
    }
    p->has_offset = true;
    return rs_cursor_offset(c, &p->offset_s) && c->at == c->end;
}

int rs_time_parse_iso_exact(struct rs_slice text, const struct rs_zone *zone, int64_t *out_us, int *out_ns,
                            struct rs_error *error)
{
    struct rs_cursor c = {text.data, text.data + text.size};
    struct rs_time_parts parts = {0};
    if (text.size == 0 || !read_iso(&c, &parts)) {
        return rs_fail(error, RS_ERECORD,
                       "not a time in ISO 8601, such as 2026-01-31 or 2026-01-31T23:59:59.5Z");
    }
    int rc = rs_parts_to_us(&parts, zone, out_us, error);
    if (rc == 0) {
        *out_ns = parts.nanosecond % 1000;
    }
    return rc;
}

int rs_time_parse_iso(struct rs_slice text, const struct rs_zone *zone, int64_t *out_us,
                      struct rs_error *error)
{
    int ns;
    return rs_time_parse_iso_exact(text, zone, out_us, &ns, error);
}

int rs_date_parse(struct rs_slice text, int64_t *out_days, struct rs_error *error)
{
    struct rs_cursor c = {text.data, text.data + text.size};
    struct rs_time_parts p = {0};
    if (text.size == 0 || !read_date(&c, &p) || c.at != c.end) {
        return rs_fail(error, RS_ERECORD, "not a date like 2026-01-31");
    }
    if (!rs_civil_valid(p.year, p.month, p.day)) {
        return rs_fail(error, RS_ERECORD, "the date does not exist in the calendar");
    }
    *out_days = rs_days_from_civil(p.year, p.month, p.day);
    return 0;
}

/* ---- periods ---- */

/* Monday of ISO week 1, the week that holds 4 January. 1970-01-01 was a Thursday. */
static int64_t first_week(int year)
{
    int64_t fourth = rs_days_from_civil(year, 1, 4);
    int64_t since_monday = ((fourth + 3) % 7 + 7) % 7;
    return fourth - since_monday;
}

/* Day on which part `number` of the year begins; INT64_MIN when there is no such part. */
static int64_t part_start(int year, char kind, int number)
{
    int count = kind == 'Q' ? 4 : kind == 'H' ? 2 : 53;
    if (number < 1 || number > count) {
        return INT64_MIN;
    }
    if (kind == 'W') {
        int64_t start = first_week(year) + INT64_C(7) * (number - 1);
        return start < first_week(year + 1) ? start : INT64_MIN;
    }
    return rs_days_from_civil(year, (number - 1) * (12 / count) + 1, 1);
}

static int64_t read_year_part(struct rs_cursor *c, int year)
{
    static const char kinds[] = {'Q', 'H', 'W'};
    for (size_t i = 0; i < sizeof kinds; i++) {
        if (rs_cursor_take(c, kinds[i])) {
            size_t digits = kinds[i] == 'W' ? 2 : 1;
            return part_start(year, kinds[i], rs_cursor_digits(c, digits, digits));
        }
    }
    return INT64_MIN;
}

/* INT64_MIN: not a period. */
static int64_t read_period(struct rs_cursor *c)
{
    int year = rs_cursor_digits(c, 4, 4);
    if (year < 1) {
        return INT64_MIN;
    }
    if (c->at == c->end) {
        return rs_days_from_civil(year, 1, 1);
    }
    bool dash = rs_cursor_take(c, '-');
    bool digit = c->at < c->end && *c->at >= '0' && *c->at <= '9';
    if (!dash || !digit) {
        return read_year_part(c, year);
    }
    int month = rs_cursor_digits(c, 2, 2);
    int day = c->at < c->end && rs_cursor_take(c, '-') ? rs_cursor_digits(c, 2, 2) : 1;
    return rs_civil_valid(year, month, day) ? rs_days_from_civil(year, month, day) : INT64_MIN;
}

int rs_period_parse(struct rs_slice text, int64_t *out_days, struct rs_error *error)
{
    struct rs_cursor c = {text.data, text.data + text.size};
    int64_t days = text.size == 0 ? INT64_MIN : read_period(&c);
    if (days == INT64_MIN || c.at != c.end) {
        return rs_fail(error, RS_ERECORD,
                       "not a period like 2026, 2026-H1, 2026-Q1, 2026-01, 2026-W05 or 2026-01-31");
    }
    if (days < RS_DAY_MIN) {
        return rs_fail(error, RS_ERECORD, "the time is outside the years 1 to 9999");
    }
    *out_days = days;
    return 0;
}

/* ---- writing ---- */

static char *put_digits(char *out, int value, size_t count)
{
    for (size_t i = count; i > 0; i--) {
        out[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
    return out + count;
}

size_t rs_date_format(int64_t days, char *out)
{
    int year;
    int month;
    int day;
    RS_ASSERT(days >= RS_DAY_MIN && days <= RS_DAY_MAX);
    rs_civil_from_days(days, &year, &month, &day);
    char *at = put_digits(out, year, 4);
    *at++ = '-';
    at = put_digits(at, month, 2);
    *at++ = '-';
    at = put_digits(at, day, 2);
    return (size_t)(at - out);
}

static char *put_fraction(char *out, int ns)
{
    size_t digits = 9;
    if (ns == 0) {
        return out;
    }
    while (ns % 10 == 0) {
        ns /= 10;
        digits--;
    }
    *out++ = '.';
    return put_digits(out, ns, digits);
}

size_t rs_time_format(int64_t us, char *out)
{
    return rs_time_format_exact(us, 0, out);
}

size_t rs_time_format_exact(int64_t us, int ns, char *out)
{
    RS_ASSERT(rs_time_in_range(us) && ns >= 0 && ns < 1000);
    int64_t days = us / RS_US_PER_DAY - (us % RS_US_PER_DAY < 0);
    int64_t of_day = us - days * RS_US_PER_DAY;
    int seconds = (int)(of_day / RS_US_PER_SECOND);
    char *at = out + rs_date_format(days, out);
    *at++ = 'T';
    at = put_digits(at, seconds / 3600, 2);
    *at++ = ':';
    at = put_digits(at, seconds / 60 % 60, 2);
    *at++ = ':';
    at = put_digits(at, seconds % 60, 2);
    at = put_fraction(at, (int)(of_day % RS_US_PER_SECOND) * 1000 + ns);
    *at++ = 'Z';
    return (size_t)(at - out);
}
