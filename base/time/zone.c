#include "base/time/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/time/civil.h"
#include "base/time/cursor.h"
#include "base/time/zone_rule.h"

/* A zone is a list of moments at which the offset changes. Tables end (in slim files long ago, in 2037 in fat
 * ones): the rule from the footer is written out as more entries as far as calendars look through all their cells
 * (calendar.h), which takes 16 bytes for each, and asked directly after that, which takes ten times as long. */
#define ZONE_FILE_MAX    ((size_t)1 << 20)
#define ZONE_UNROLL_YEAR 2440
#define ZONE_NAME_MAX    64
#define SECONDS_PER_DAY  INT64_C(86400)
#define OFFSET_BOUND_S   INT64_C(93600) /* RFC 8536 section 3.2: offsets lie within 26 hours */

struct change {
    int64_t at_s;
    int32_t offset_s; /* from then on */
};

struct rs_zone {
    int32_t first_offset_s; /* before the first change */
    bool has_rule;
    bool no_memory; /* why loading failed */
    struct rs_zone_rule rule;
    struct change *changes;
    size_t count;
    size_t capacity;
};

/* ---- TZif, RFC 8536 section 3 ---- */

struct header {
    uint8_t version;
    size_t utc_count;
    size_t std_count;
    size_t leap_count;
    size_t time_count;
    size_t type_count;
    size_t name_size;
};

#define HEADER_SIZE 44

static uint32_t big32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t big_time(const uint8_t *p, size_t width)
{
    return width == 4 ? (int32_t)big32(p) : (int64_t)((uint64_t)big32(p) << 32 | big32(p + 4));
}

static bool read_header(struct rs_slice in, struct header *h)
{
    if (in.size < HEADER_SIZE || memcmp(in.data, "TZif", 4) != 0) {
        return false;
    }
    *h = (struct header){
        .version = in.data[4],
        .utc_count = big32(in.data + 20),
        .std_count = big32(in.data + 24),
        .leap_count = big32(in.data + 28),
        .time_count = big32(in.data + 32),
        .type_count = big32(in.data + 36),
        .name_size = big32(in.data + 40),
    };
    /* Counts past the file's own limit cannot be true, and would overflow sums. */
    return h->utc_count <= ZONE_FILE_MAX && h->std_count <= ZONE_FILE_MAX && h->leap_count <= ZONE_FILE_MAX &&
           h->time_count <= ZONE_FILE_MAX && h->type_count >= 1 && h->type_count <= 256 &&
           h->name_size <= ZONE_FILE_MAX;
}

static size_t body_size(const struct header *h, size_t width)
{
    return h->time_count * (width + 1) + h->type_count * 6 + h->name_size + h->leap_count * (width + 4) +
           h->std_count + h->utc_count;
}

static bool add_change(struct rs_zone *zone, int64_t at_s, int32_t offset_s)
{
    struct change *changes = rs_array_grow(zone->changes, zone->count, &zone->capacity, 256, sizeof *changes);
    if (!changes) {
        zone->no_memory = true;
        return false;
    }
    zone->changes = changes;
    zone->changes[zone->count++] = (struct change){at_s, offset_s};
    return true;
}

static bool read_offset(const uint8_t *types, size_t index, int32_t *out)
{
    int32_t offset = (int32_t)big32(types + index * 6);
    *out = offset;
    return offset > -OFFSET_BOUND_S && offset < OFFSET_BOUND_S;
}

static bool read_body(struct rs_zone *zone, const uint8_t *body, const struct header *h, size_t width)
{
    const uint8_t *indexes = body + h->time_count * width;
    const uint8_t *types = indexes + h->time_count;
    if (!read_offset(types, 0, &zone->first_offset_s)) {
        return false;
    }
    for (size_t i = 0; i < h->time_count; i++) {
        int64_t at_s = big_time(body + i * width, width);
        bool ascending = i == 0 || at_s > zone->changes[i - 1].at_s;
        int32_t offset;
        if (!ascending || indexes[i] >= h->type_count || !read_offset(types, indexes[i], &offset) ||
            !add_change(zone, at_s, offset)) {
            return false;
        }
    }
    return true;
}

/* "\n<rule>\n" at the end; an empty rule says that nothing is known. */
static bool read_footer(struct rs_zone *zone, struct rs_slice in)
{
    char rule[128];
    if (in.size < 2 || in.data[0] != '\n') {
        return false;
    }
    const uint8_t *end = memchr(in.data + 1, '\n', in.size - 1);
    if (!end || (size_t)(end - in.data) > sizeof rule) {
        return false;
    }
    size_t size = (size_t)(end - in.data) - 1;
    memcpy(rule, in.data + 1, size);
    rule[size] = '\0';
    zone->has_rule = size > 0;
    return size == 0 || rs_zone_rule_parse(rule, &zone->rule);
}

static bool read_file(struct rs_zone *zone, struct rs_slice in)
{
    struct header h;
    if (!read_header(in, &h) || in.size - HEADER_SIZE < body_size(&h, 4)) {
        return false;
    }
    if (h.version < '2') {
        return read_body(zone, in.data + HEADER_SIZE, &h, 4);
    }
    size_t first = HEADER_SIZE + body_size(&h, 4);
    struct rs_slice second = rs_slice_of(in.data + first, in.size - first);
    if (!read_header(second, &h) || second.size - HEADER_SIZE < body_size(&h, 8) ||
        !read_body(zone, second.data + HEADER_SIZE, &h, 8)) {
        return false;
    }
    size_t used = HEADER_SIZE + body_size(&h, 8);
    return read_footer(zone, rs_slice_of(second.data + used, second.size - used));
}

static int year_of(int64_t at_s)
{
    int year;
    int month;
    int day;
    rs_civil_from_days(rs_floor_div(at_s, SECONDS_PER_DAY), &year, &month, &day);
    return year;
}

/* Of two changes at one moment the later one stands: daylight saving time all year ends as it begins. */
static bool continue_table(struct rs_zone *zone, struct rs_zone_change next)
{
    struct change *last = zone->count > 0 ? &zone->changes[zone->count - 1] : NULL;
    if (last && next.at_s < last->at_s) {
        return true;
    }
    if (last && next.at_s == last->at_s) {
        last->offset_s = next.offset_s;
        return true;
    }
    return add_change(zone, next.at_s, next.offset_s);
}

static bool unroll_rule(struct rs_zone *zone)
{
    if (!zone->has_rule || !zone->rule.has_dst) {
        return true;
    }
    int64_t last = zone->count > 0 ? zone->changes[zone->count - 1].at_s : 0;
    if (last < 0 || last > RS_TIME_MAX_US / RS_US_PER_SECOND) {
        return true;
    }
    for (int year = year_of(last); year <= ZONE_UNROLL_YEAR; year++) {
        struct rs_zone_change pair[2];
        rs_zone_rule_year(&zone->rule, year, pair);
        for (size_t i = 0; i < 2; i++) {
            if (!continue_table(zone, pair[i])) {
                return false;
            }
        }
    }
    return true;
}

/* ---- loading ---- */

static bool name_is_plain(const char *name)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";
    size_t size = strlen(name);
    return size > 0 && size <= ZONE_NAME_MAX && name[0] != '/' && strspn(name, allowed) == size;
}

static int unknown_zone(const char *name, struct rs_error *error)
{
    return rs_fail(
        error, RS_EINVAL,
        "unknown time zone \"%.64s\": write an IANA name such as Europe/Berlin (from the tzdata package), "
        "UTC, or an offset such as +08:00",
        name);
}

static int load_named(const char *name, struct rs_zone *zone, struct rs_error *error)
{
    char path[512];
    struct rs_buf content = {0};
    const char *directory = secure_getenv("TZDIR");
    int length = snprintf(path, sizeof path, "%s/%s", directory ? directory : "/usr/share/zoneinfo", name);
    if (!name_is_plain(name) || length < 0 || (size_t)length >= sizeof path) {
        return unknown_zone(name, error);
    }
    int result = rs_file_read(path, ZONE_FILE_MAX, &content, error);
    if (result == RS_EIO || result == RS_EINVAL) {
        result = unknown_zone(name, error);
    } else if (result == 0 && (!read_file(zone, rs_buf_slice(&content)) || !unroll_rule(zone))) {
        result = zone->no_memory ? rs_fail(error, RS_ENOMEM, "out of memory for a time zone")
                                 : rs_fail(error, RS_EINVAL, "the zone file \"%s\" is damaged", path);
    }
    rs_buf_fini(&content);
    return result;
}

static bool is_offset(const char *name, int32_t *out_s)
{
    struct rs_slice text = rs_slice_text(name);
    struct rs_cursor c = {text.data, text.data + text.size};
    return (name[0] == '+' || name[0] == '-') && rs_cursor_offset(&c, out_s) && c.at == c.end;
}

int rs_zone_load(const char *name, struct rs_zone **out, struct rs_error *error)
{
    if (strcmp(name, "UTC") == 0 || strcmp(name, "Z") == 0) {
        *out = NULL;
        return 0;
    }
    struct rs_zone *zone = calloc(1, sizeof *zone);
    if (!zone) {
        return rs_fail(error, RS_ENOMEM, "out of memory for a time zone");
    }
    int result = is_offset(name, &zone->first_offset_s) ? 0 : load_named(name, zone, error);
    if (result != 0) {
        rs_zone_free(&zone);
        return result;
    }
    *out = zone;
    return 0;
}

void rs_zone_free(struct rs_zone **zone)
{
    if (!*zone) {
        return;
    }
    free((*zone)->changes);
    free(*zone);
    *zone = NULL;
}

/* ---- asking ---- */

static int64_t floor_seconds(int64_t us)
{
    return rs_floor_div(us, RS_US_PER_SECOND);
}

/* Offset at a moment, and the moment until which it holds (a lower bound past the table). */
static int32_t offset_until(const struct rs_zone *zone, int64_t at_s, int64_t *until_s)
{
    size_t low = 0;
    size_t high = zone->count; /* changes[low - 1].at_s <= at_s < changes[high].at_s */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (zone->changes[middle].at_s <= at_s) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low < zone->count) {
        *until_s = zone->changes[low].at_s;
    } else if (zone->has_rule && zone->rule.has_dst) {
        *until_s = at_s + 1;
        return rs_zone_rule_at(&zone->rule, at_s);
    } else {
        *until_s = INT64_MAX;
    }
    return low > 0 ? zone->changes[low - 1].offset_s : zone->first_offset_s;
}

int32_t rs_zone_offset_at(const struct rs_zone *zone, int64_t utc_us)
{
    int64_t until_s;
    return !zone ? 0 : offset_until(zone, floor_seconds(utc_us), &until_s);
}

int64_t rs_zone_to_utc(const struct rs_zone *zone, int64_t local_us)
{
    if (!zone) {
        return local_us;
    }
    /* Around the local time, read as UTC, lie within that bound all offsets it can have. */
    int64_t local_s = floor_seconds(local_us);
    int64_t until_s;
    int32_t before = offset_until(zone, local_s - OFFSET_BOUND_S, &until_s);
    if (local_s + OFFSET_BOUND_S < until_s) {
        return local_us - before * RS_US_PER_SECOND;
    }
    int64_t ignored;
    const int32_t candidates[] = {before, offset_until(zone, local_s - before, &ignored),
                                  offset_until(zone, local_s + OFFSET_BOUND_S, &ignored)};
    int64_t best = INT64_MAX;
    for (size_t i = 0; i < sizeof candidates / sizeof *candidates; i++) {
        int64_t moment = local_s - candidates[i];
        if (offset_until(zone, moment, &ignored) == candidates[i] && moment < best) {
            best = moment;
        }
    }
    int64_t offset_s = best != INT64_MAX ? local_s - best : before;
    return local_us - offset_s * RS_US_PER_SECOND;
}
