#include "base/time/pattern.h"

#include <string.h>

#include "base/time/civil.h"
#include "base/time/cursor.h"
#include "base/time/parts.h"

#define CONVERSIONS "YmdHMSfjbzs%"

static unsigned bit_of(char conversion)
{
    const char *at = strchr(CONVERSIONS, conversion);
    return at && conversion != '\0' ? 1u << (at - CONVERSIONS) : 0;
}

static unsigned bits_of(const char *conversions)
{
    unsigned bits = 0;
    for (; *conversions != '\0'; conversions++) {
        bits |= bit_of(*conversions);
    }
    return bits;
}

static bool date_is_told(unsigned seen)
{
    static const char *const complete[] = {"Ymd", "Ybd", "Yj", "s"};
    unsigned date = seen & bits_of("Ymbdjs");
    for (size_t i = 0; i < sizeof complete / sizeof *complete; i++) {
        if (date == bits_of(complete[i])) {
            return (seen & bit_of('s')) == 0 || (seen & bits_of("HMSz")) == 0;
        }
    }
    return false;
}

static int note_conversion(char conversion, unsigned *seen, const char *text, struct rs_error *error)
{
    unsigned bit = bit_of(conversion);
    if (bit == 0) {
        return rs_fail(
            error, RS_EINVAL,
            "the time pattern \"%s\" has an unknown conversion; known are %%Y %%m %%d %%H %%M %%S %%f %%j "
            "%%b %%z %%s %%%%",
            text);
    }
    if (conversion != '%' && (*seen & bit) != 0) {
        return rs_fail(error, RS_EINVAL, "the time pattern \"%s\" has %%%c twice", text, conversion);
    }
    *seen |= bit;
    return 0;
}

int rs_time_pattern_check(const char *text, struct rs_time_pattern *out, struct rs_error *error)
{
    unsigned seen = 0;
    for (const char *at = strchr(text, '%'); at; at = strchr(at + 2, '%')) {
        int result = note_conversion(at[1], &seen, text, error);
        if (result != 0) {
            return result;
        }
    }
    if (!date_is_told(seen)) {
        return rs_fail(
            error, RS_EINVAL,
            "the time pattern \"%s\" leaves the date open; it needs %%Y %%m %%d, %%Y %%b %%d, %%Y %%j, or "
            "%%s alone",
            text);
    }
    *out = (struct rs_time_pattern){.text = text, .has_zone = (seen & bits_of("zs")) != 0};
    return 0;
}

/* ---- reading ---- */

struct reading {
    struct rs_time_parts parts;
    int day_of_year; /* 0: not told */
    bool by_seconds; /* %s */
    bool negative;
    int64_t seconds;
};

static const char *const months[] = {"january", "february", "march",     "april",   "may",      "june",
                                     "july",    "august",   "september", "october", "november", "december"};

static size_t same_letters(const struct rs_cursor *c, const char *name)
{
    size_t count = 0;
    while (name[count] != '\0' && c->at + count < c->end && (c->at[count] | 0x20) == name[count]) {
        count++;
    }
    return count;
}

static bool read_month(struct rs_cursor *c, int *out)
{
    for (int i = 0; i < 12; i++) {
        size_t same = same_letters(c, months[i]);
        if (same >= 3) {
            c->at += months[i][same] == '\0' ? same : 3;
            *out = i + 1;
            return true;
        }
    }
    return false;
}

static bool read_seconds(struct rs_cursor *c, struct reading *r)
{
    const uint8_t *start;
    r->by_seconds = true;
    r->negative = rs_cursor_take(c, '-');
    start = c->at;
    while (c->at < c->end && *c->at >= '0' && *c->at <= '9' && c->at - start < 12) {
        r->seconds = r->seconds * 10 + (*c->at++ - '0');
    }
    return c->at > start;
}

static bool read_number(struct rs_cursor *c, size_t min, size_t max, int *out)
{
    *out = rs_cursor_digits(c, min, max);
    return *out >= 0;
}

static bool read_conversion(struct rs_cursor *c, char conversion, struct reading *r)
{
    struct rs_time_parts *p = &r->parts;
    switch (conversion) {
    case 'Y': return read_number(c, 4, 4, &p->year);
    case 'm': return read_number(c, 1, 2, &p->month);
    case 'd': return read_number(c, 1, 2, &p->day);
    case 'H': return read_number(c, 1, 2, &p->hour);
    case 'M': return read_number(c, 1, 2, &p->minute);
    case 'S': return read_number(c, 1, 2, &p->second);
    case 'j': return read_number(c, 1, 3, &r->day_of_year) && r->day_of_year > 0;
    case 'f': p->nanosecond = rs_cursor_fraction(c); return p->nanosecond >= 0;
    case 'b': return read_month(c, &p->month);
    case 'z': p->has_offset = true; return rs_cursor_offset(c, &p->offset_s);
    case 's': return read_seconds(c, r);
    default: return rs_cursor_take(c, '%');
    }
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static bool match_blanks(struct rs_cursor *c, const char **pattern)
{
    const uint8_t *start = c->at;
    while (c->at < c->end && is_blank(*c->at)) {
        c->at++;
    }
    while (is_blank((uint8_t) * *pattern)) {
        (*pattern)++;
    }
    return c->at > start;
}

static bool match(struct rs_cursor *c, const char *pattern, struct reading *r)
{
    while (*pattern != '\0') {
        bool good;
        if (is_blank((uint8_t)*pattern)) {
            good = match_blanks(c, &pattern);
        } else if (*pattern == '%') {
            good = read_conversion(c, pattern[1], r);
            pattern += 2;
        } else {
            good = rs_cursor_take(c, *pattern++);
        }
        if (!good) {
            return false;
        }
    }
    return c->at == c->end;
}

/* "-1.5" is 1.5 seconds before the epoch. */
static int seconds_to_us(const struct reading *r, int64_t *out_us, int *out_ns, struct rs_error *error)
{
    int64_t us = r->seconds * RS_US_PER_SECOND + r->parts.nanosecond / 1000;
    int ns = r->parts.nanosecond % 1000;
    if (r->negative) {
        us = -us - (ns != 0);
        ns = ns ? 1000 - ns : 0;
    }
    if (!rs_time_in_range(us)) {
        return rs_fail(error, RS_ERECORD, "the time is outside the years 1 to 9999");
    }
    *out_us = us;
    *out_ns = ns;
    return 0;
}

int rs_time_parse_pattern(const struct rs_time_pattern *pattern, struct rs_slice text,
                          const struct rs_zone *zone, int64_t *out_us, int *out_ns, struct rs_error *error)
{
    struct rs_cursor c = {text.data, text.data + text.size};
    struct reading r = {0};
    if (text.size == 0 || !match(&c, pattern->text, &r)) {
        return rs_fail(error, RS_ERECORD,
                       "the text does not match the time pattern \"%s\" from its byte %zu on", pattern->text,
                       text.size == 0 ? (size_t)1 : (size_t)(c.at - text.data) + 1);
    }
    if (r.by_seconds) {
        return seconds_to_us(&r, out_us, out_ns, error);
    }
    if (r.day_of_year > 0) {
        if (!rs_civil_valid(r.parts.year, 1, 1) ||
            r.day_of_year > 365 + rs_civil_valid(r.parts.year, 2, 29)) {
            return rs_fail(error, RS_ERECORD, "the date does not exist in the calendar");
        }
        int64_t days = rs_days_from_civil(r.parts.year, 1, 1) + r.day_of_year - 1;
        rs_civil_from_days(days, &r.parts.year, &r.parts.month, &r.parts.day);
    }
    int rc = rs_parts_to_us(&r.parts, zone, out_us, error);
    if (rc == 0) {
        *out_ns = r.parts.nanosecond % 1000;
    }
    return rc;
}
