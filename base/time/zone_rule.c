#include "base/time/zone_rule.h"

#include <string.h>

#include "base/slice.h"
#include "base/time/civil.h"
#include "base/time/cursor.h"

/* ---- parsing ---- */

static bool skip_name(struct rs_cursor *c)
{
    const uint8_t *start = c->at;
    if (rs_cursor_take(c, '<')) {
        while (c->at < c->end && *c->at != '>') {
            c->at++;
        }
        return rs_cursor_take(c, '>');
    }
    while (c->at < c->end && ((*c->at | 0x20) >= 'a' && (*c->at | 0x20) <= 'z')) {
        c->at++;
    }
    return c->at - start >= 3;
}

/* [+-]hh[:mm[:ss]], up to 167 hours. */
static bool read_clock(struct rs_cursor *c, int32_t *out_s)
{
    bool negative = rs_cursor_take(c, '-');
    if (!negative) {
        (void)rs_cursor_take(c, '+');
    }
    int hours = rs_cursor_digits(c, 1, 3);
    int minutes = rs_cursor_take(c, ':') ? rs_cursor_digits(c, 2, 2) : 0;
    int seconds = rs_cursor_take(c, ':') ? rs_cursor_digits(c, 2, 2) : 0;
    if (hours < 0 || hours > 167 || minutes < 0 || minutes > 59 || seconds < 0 || seconds > 59) {
        return false;
    }
    *out_s = (negative ? -1 : 1) * (hours * 3600 + minutes * 60 + seconds);
    return true;
}

/* POSIX counts west of Greenwich as positive. */
static bool read_offset(struct rs_cursor *c, int32_t *out_s)
{
    if (!read_clock(c, out_s) || *out_s <= -93600 || *out_s >= 93600) {
        return false;
    }
    *out_s = -*out_s;
    return true;
}

static bool read_month_day(struct rs_cursor *c, struct rs_zone_day *out)
{
    out->month = rs_cursor_digits(c, 1, 2);
    bool good = rs_cursor_take(c, '.');
    out->week = rs_cursor_digits(c, 1, 1);
    good = good && rs_cursor_take(c, '.');
    out->day = rs_cursor_digits(c, 1, 1);
    return good && out->month >= 1 && out->month <= 12 && out->week >= 1 && out->week <= 5 && out->day >= 0 &&
           out->day <= 6;
}

static bool read_day(struct rs_cursor *c, struct rs_zone_day *out)
{
    bool good;
    *out = (struct rs_zone_day){.time_s = 2 * 3600};
    if (rs_cursor_take(c, 'M')) {
        out->kind = 'M';
        good = read_month_day(c, out);
    } else {
        out->kind = rs_cursor_take(c, 'J') ? 'J' : 'N';
        out->day = rs_cursor_digits(c, 1, 3);
        good = out->day >= (out->kind == 'J') && out->day <= 365;
    }
    if (good && rs_cursor_take(c, '/')) {
        good = read_clock(c, &out->time_s);
    }
    return good;
}

bool rs_zone_rule_parse(const char *text, struct rs_zone_rule *out)
{
    struct rs_slice slice = rs_slice_text(text);
    struct rs_cursor c = {slice.data, slice.data + slice.size};
    struct rs_zone_rule rule = {0};
    if (!skip_name(&c) || !read_offset(&c, &rule.std_s)) {
        return false;
    }
    if (c.at < c.end) {
        rule.has_dst = true;
        rule.dst_s = rule.std_s + 3600;
        bool good = skip_name(&c);
        if (good && c.at < c.end && *c.at != ',') {
            good = read_offset(&c, &rule.dst_s);
        }
        good = good && rs_cursor_take(&c, ',') && read_day(&c, &rule.start);
        good = good && rs_cursor_take(&c, ',') && read_day(&c, &rule.end);
        if (!good || c.at != c.end) {
            return false;
        }
    }
    *out = rule;
    return true;
}

/* ---- asking ---- */

static int64_t month_day(const struct rs_zone_day *d, int year)
{
    int64_t first = rs_days_from_civil(year, d->month, 1);
    int64_t weekday = ((first + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
    int64_t day = first + (d->day - weekday + 7) % 7 + INT64_C(7) * (d->week - 1);
    int64_t next_month =
        d->month == 12 ? rs_days_from_civil(year + 1, 1, 1) : rs_days_from_civil(year, d->month + 1, 1);
    return day < next_month ? day : day - 7;
}

static int64_t day_of(const struct rs_zone_day *d, int year)
{
    if (d->kind == 'M') {
        return month_day(d, year);
    }
    int64_t first = rs_days_from_civil(year, 1, 1);
    if (d->kind == 'N') {
        return first + d->day;
    }
    bool past_leap_day = d->day >= 60 && rs_civil_valid(year, 2, 29);
    return first + d->day - 1 + past_leap_day;
}

void rs_zone_rule_year(const struct rs_zone_rule *rule, int year, struct rs_zone_change out[2])
{
    struct rs_zone_change start = {day_of(&rule->start, year) * 86400 + rule->start.time_s - rule->std_s,
                                   rule->dst_s};
    struct rs_zone_change end = {day_of(&rule->end, year) * 86400 + rule->end.time_s - rule->dst_s,
                                 rule->std_s};
    out[0] = start.at_s <= end.at_s ? start : end;
    out[1] = start.at_s <= end.at_s ? end : start;
}

int32_t rs_zone_rule_at(const struct rs_zone_rule *rule, int64_t at_s)
{
    int year;
    int month;
    int day;
    rs_civil_from_days(at_s / 86400 - (at_s % 86400 < 0), &year, &month, &day);
    int32_t offset = rule->std_s;
    /* A change may fall into the neighbouring year, and the last one of the year before is in force in
     * January. */
    for (int y = year - 1; y <= year + 1; y++) {
        struct rs_zone_change pair[2];
        rs_zone_rule_year(rule, y, pair);
        for (int i = 0; i < 2; i++) {
            if (pair[i].at_s <= at_s) {
                offset = pair[i].offset_s;
            }
        }
    }
    return offset;
}
