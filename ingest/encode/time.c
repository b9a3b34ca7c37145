#include "ingest/encode/time.h"

#include <string.h>

#include "base/number.h"
#include "base/time/text.h"
#include "base/time/us.h"

#define NS_PER_US INT64_C(1000)
#define US_PER_MS INT64_C(1000)

static int check_range(int64_t us, struct rs_exact_time *out, struct rs_error *error)
{
    if (!rs_time_in_range(us)) {
        return rs_fail(error, RS_ERECORD, "is a time outside the years 1 to 9999");
    }
    *out = (struct rs_exact_time){.us = us};
    return 0;
}

/* Cutting digits off is for the user to do, who knows whether they matter. */
static int too_fine(const char *type, const char *remedy, struct rs_error *error)
{
    return rs_fail(error, RS_ERECORD, "is finer than %s holds, and nothing is cut off unasked; %s", type,
                   remedy);
}

static bool is_text(const struct rs_cell *cell)
{
    return cell->kind == RS_CELL_TEXT || cell->kind == RS_CELL_STRING || cell->kind == RS_CELL_UTF8;
}

/* Times of an Avro record, which say themselves what they count. */
static int record_time(const struct rs_zone *zone, const struct rs_cell *cell, struct rs_exact_time *out,
                       struct rs_error *error)
{
    if (cell->kind == RS_CELL_NANOS) {
        out->us = rs_us_from_nanos(cell->i, &out->ns);
        return 0;
    }
    if (cell->i < RS_DAY_MIN || cell->i > RS_DAY_MAX) {
        return rs_fail(error, RS_ERECORD, "is a date outside the years 1 to 9999");
    }
    return check_range(rs_zone_to_utc(zone, cell->i * RS_US_PER_DAY), out, error);
}

/* More digits than a date or a year has, and nothing but them (and a fraction). */
static bool looks_like_count(struct rs_slice text)
{
    size_t digits = 0;
    for (size_t i = text.size > 0 && text.data[0] == '-'; i < text.size; i++) {
        if (text.data[i] >= '0' && text.data[i] <= '9') {
            digits++;
        } else if (text.data[i] != '.' || digits == 0) {
            return false;
        }
    }
    return digits > 8;
}

static int counts_what(struct rs_error *error)
{
    return rs_fail(error, RS_ERECORD,
                   "is a number where a time is needed; --time-format s, ms, us or ns says what it counts");
}

static int read_exact(const struct rs_time_rule *rule, const struct rs_zone *zone, const struct rs_cell *cell,
                      struct rs_exact_time *out, struct rs_error *error)
{
    if (cell->kind == RS_CELL_TIME) {
        return check_range(cell->i, out, error);
    }
    if (cell->kind == RS_CELL_NANOS || cell->kind == RS_CELL_DATE) {
        return record_time(zone, cell, out, error);
    }
    if (is_text(cell) || (cell->kind == RS_CELL_NUMBER && rs_time_rule_counts(rule))) {
        int rc = rs_time_rule_read(rule, zone, cell->text, out, error);
        return rc == RS_ERECORD && rule->kind == RS_TIME_RULE_ISO && looks_like_count(cell->text)
                   ? counts_what(error)
                   : rc;
    }
    if (cell->kind == RS_CELL_NUMBER) {
        return counts_what(error);
    }
    return rs_fail(error, RS_ERECORD, "is %s",
                   cell->kind == RS_CELL_NULL || cell->kind == RS_CELL_ABSENT
                       ? "null, which the schema does not allow; a time is needed"
                       : "not a time");
}

/* A date is the local one that is written, hence read without a zone. */
static int read_date(const struct rs_time_rule *rule, const struct rs_cell *cell, int64_t *out,
                     struct rs_error *error)
{
    struct rs_exact_time time = {0};
    int rc;
    if (is_text(cell) && cell->text.size > 0) {
        rc = rs_date_parse(cell->text, out, error);
        if (rc == 0 || (rule->kind != RS_TIME_RULE_PATTERN && rule->kind != RS_TIME_RULE_PERIOD)) {
            return rc;
        }
    }
    if (cell->kind == RS_CELL_NUMBER) {
        return rs_fail(error, RS_ERECORD, "is a number where a date is needed");
    }
    rc = read_exact(rule, NULL, cell, &time, error);
    if (rc == 0 && (time.us % RS_US_PER_DAY != 0 || time.ns != 0)) {
        return too_fine("a date", "give the day alone, or midnight", error);
    }
    if (rc == 0) {
        *out = rs_floor_div(time.us, RS_US_PER_DAY);
    }
    return rc;
}

static bool two_digits(const uint8_t *p, int limit, int64_t *out)
{
    unsigned tens = p[0] - (unsigned)'0';
    unsigned ones = p[1] - (unsigned)'0';
    *out = tens * 10 + ones;
    return tens <= 9 && ones <= 9 && *out < limit;
}

/* hh:mm[:ss[.fraction]] to nanoseconds of the day. */
static bool read_time_of_day(struct rs_slice text, int64_t *ns)
{
    int64_t h = 0;
    int64_t m = 0;
    int64_t s = 0;
    int64_t fraction = 0;
    const uint8_t *p = text.data;
    bool good = text.size >= 5 && two_digits(p, 24, &h) && p[2] == ':' && two_digits(p + 3, 60, &m) &&
                (text.size == 5 || (text.size >= 8 && p[5] == ':' && two_digits(p + 6, 60, &s))) &&
                (text.size <= 8 || (text.size >= 10 && text.size <= 18 && p[8] == '.'));
    for (size_t i = 9; good && i < text.size; i++) {
        good = p[i] >= '0' && p[i] <= '9';
    }
    for (size_t i = 9; i < 18; i++) {
        fraction = fraction * 10 + (good && i < text.size ? p[i] - '0' : 0);
    }
    *ns = ((h * 60 + m) * 60 + s) * RS_US_PER_SECOND * NS_PER_US + fraction;
    return good;
}

/* A number is taken to count the type's own unit since midnight, which is how rs_program_json shows it. */
static int read_clock(const struct rs_cell *cell, int64_t unit_us, int64_t *out, struct rs_error *error)
{
    int64_t ns = 0;
    int64_t limit = RS_US_PER_DAY / unit_us;
    rs_i128 count = 0;
    if (cell->kind == RS_CELL_NUMBER && rs_decimal_parse(cell->text, 0, &count, error) == 0 && count >= 0 &&
        count < limit) {
        *out = (int64_t)count;
        return 0;
    }
    if (cell->kind == RS_CELL_CLOCK && cell->i >= 0 && cell->i < RS_US_PER_DAY) {
        ns = cell->i * NS_PER_US;
    } else if (!is_text(cell) || !read_time_of_day(cell->text, &ns)) {
        return rs_fail(error, RS_ERECORD, "is not a time of day (hh:mm:ss.ffffff)");
    }
    if (ns % (unit_us * NS_PER_US) != 0) {
        return unit_us == 1
                   ? too_fine("time-micros", "round it first", error)
                   : too_fine("time-millis", "round it first, or give the schema time-micros", error);
    }
    *out = ns / (unit_us * NS_PER_US);
    return 0;
}

static int read_nanos(const struct rs_time_rule *rule, const struct rs_zone *zone, const struct rs_cell *cell,
                      int64_t *out, struct rs_error *error)
{
    struct rs_exact_time time = {0};
    rs_i128 ns = 0;
    int rc;
    if (rs_time_rule_counts(rule) && (is_text(cell) || cell->kind == RS_CELL_NUMBER)) {
        rc = rs_time_rule_nanos(rule, cell->text, &ns, error);
    } else if (cell->kind == RS_CELL_NANOS) {
        *out = cell->i;
        return 0;
    } else {
        rc = read_exact(rule, zone, cell, &time, error);
        ns = (rs_i128)time.us * NS_PER_US + time.ns;
    }
    if (rc != 0) {
        return rc;
    }
    if (ns < INT64_MIN || ns > INT64_MAX) {
        return rs_fail(error, RS_ERECORD,
                       "is outside the years 1677 to 2262, which nanoseconds in 64 bits reach");
    }
    *out = (int64_t)ns;
    return 0;
}

static int read_micros(const struct rs_time_rule *rule, const struct rs_zone *zone,
                       const struct rs_cell *cell, int64_t *out, struct rs_error *error)
{
    struct rs_exact_time time = {0};
    int rc = read_exact(rule, zone, cell, &time, error);
    if (rc == 0 && time.ns != 0) {
        return too_fine("timestamp-micros", "round it first, or give the schema timestamp-nanos", error);
    }
    if (rc == 0) {
        *out = time.us;
    }
    return rc;
}

static int read_millis(const struct rs_time_rule *rule, const struct rs_zone *zone,
                       const struct rs_cell *cell, int64_t *out, struct rs_error *error)
{
    struct rs_exact_time time = {0};
    int rc = read_exact(rule, zone, cell, &time, error);
    if (rc == 0 && (time.ns != 0 || time.us % US_PER_MS != 0)) {
        return too_fine("timestamp-millis",
                        "round it first, or give the schema timestamp-micros or timestamp-nanos", error);
    }
    if (rc == 0) {
        *out = rs_floor_div(time.us, US_PER_MS);
    }
    return rc;
}

int rs_encode_read_time(const struct rs_time_rule *rule, enum rs_logical logical, const struct rs_cell *cell,
                        int64_t *out, struct rs_error *error)
{
    switch (logical) {
    case RS_LOGICAL_DATE: return read_date(rule, cell, out, error);
    case RS_LOGICAL_TIME_MILLIS: return read_clock(cell, US_PER_MS, out, error);
    case RS_LOGICAL_TIME_MICROS: return read_clock(cell, 1, out, error);
    case RS_LOGICAL_TIMESTAMP_NANOS: return read_nanos(rule, rule->zone, cell, out, error);
    case RS_LOGICAL_LOCAL_TIMESTAMP_NANOS: return read_nanos(rule, NULL, cell, out, error);
    case RS_LOGICAL_TIMESTAMP_MICROS: return read_micros(rule, rule->zone, cell, out, error);
    case RS_LOGICAL_LOCAL_TIMESTAMP_MICROS: return read_micros(rule, NULL, cell, out, error);
    case RS_LOGICAL_TIMESTAMP_MILLIS: return read_millis(rule, rule->zone, cell, out, error);
    case RS_LOGICAL_LOCAL_TIMESTAMP_MILLIS: return read_millis(rule, NULL, cell, out, error);
    case RS_LOGICAL_NONE:
    case RS_LOGICAL_DECIMAL:
    case RS_LOGICAL_UUID: break;
    }
    return rs_fail(error, RS_EINVAL, "not a time");
}

bool rs_encode_stored_in_range(enum rs_logical logical, int64_t value)
{
    switch (logical) {
    case RS_LOGICAL_DATE: return value >= RS_DAY_MIN && value <= RS_DAY_MAX;
    case RS_LOGICAL_TIME_MILLIS: return value >= 0 && value < RS_US_PER_DAY / US_PER_MS;
    case RS_LOGICAL_TIME_MICROS: return value >= 0 && value < RS_US_PER_DAY;
    case RS_LOGICAL_TIMESTAMP_MILLIS:
    case RS_LOGICAL_LOCAL_TIMESTAMP_MILLIS:
        return value >= RS_TIME_MIN_US / US_PER_MS && value <= RS_TIME_MAX_US / US_PER_MS;
    case RS_LOGICAL_TIMESTAMP_MICROS:
    case RS_LOGICAL_LOCAL_TIMESTAMP_MICROS: return rs_time_in_range(value);
    case RS_LOGICAL_TIMESTAMP_NANOS:
    case RS_LOGICAL_LOCAL_TIMESTAMP_NANOS:
    case RS_LOGICAL_NONE:
    case RS_LOGICAL_DECIMAL:
    case RS_LOGICAL_UUID: break;
    }
    return true;
}

static size_t write_nanos(int64_t ns, char *text)
{
    int rest = 0;
    int64_t us = rs_us_from_nanos(ns, &rest);
    return rs_time_format_exact(us, rest, text);
}

/* hh:mm:ss, and the shortest fraction that is exact. */
static size_t write_clock(int64_t us, char *text)
{
    /* The day of the epoch: "1970-01-01T" in front, "Z" behind. */
    char time[RS_TIME_TEXT_MAX];
    size_t size = rs_time_format(us, time) - 12;
    memcpy(text, time + 11, size);
    return size;
}

bool rs_encode_write_time(const struct rs_cell *cell, char *text, struct rs_cell *out)
{
    size_t size = 0;
    if (cell->kind == RS_CELL_TIME && rs_time_in_range(cell->i)) {
        size = rs_time_format(cell->i, text);
    } else if (cell->kind == RS_CELL_NANOS) {
        size = write_nanos(cell->i, text);
    } else if (cell->kind == RS_CELL_DATE && cell->i >= RS_DAY_MIN && cell->i <= RS_DAY_MAX) {
        size = rs_date_format(cell->i, text);
    } else if (cell->kind == RS_CELL_CLOCK && cell->i >= 0 && cell->i < RS_US_PER_DAY) {
        size = write_clock(cell->i, text);
    } else {
        return false;
    }
    *out = *cell;
    out->kind = RS_CELL_UTF8;
    out->text = rs_slice_of(text, size);
    return true;
}
