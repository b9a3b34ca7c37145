#include "base/unit.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct unit {
    const char *name;
    int64_t size;
};

/* Largest first: summed durations must go down. */
static const struct unit duration_units[] = {
    {"w", INT64_C(604800000000)}, {"d", INT64_C(86400000000)}, {"h", INT64_C(3600000000)},
    {"m", INT64_C(60000000)},     {"s", INT64_C(1000000)},     {"ms", INT64_C(1000)},
    {"us", INT64_C(1)},
};
#define DURATION_UNITS (sizeof duration_units / sizeof *duration_units)

static const struct unit byte_units[] = {
    {"", 1},
    {"B", 1},
    {"kB", INT64_C(1000)},
    {"MB", INT64_C(1000000)},
    {"GB", INT64_C(1000000000)},
    {"TB", INT64_C(1000000000000)},
    {"KiB", INT64_C(1) << 10},
    {"MiB", INT64_C(1) << 20},
    {"GiB", INT64_C(1) << 30},
    {"TiB", INT64_C(1) << 40},
};
#define BYTE_UNITS (sizeof byte_units / sizeof *byte_units)

static size_t digits_of(const char *text)
{
    return strspn(text, "0123456789");
}

static bool whole_number(const char *text, size_t digits, int64_t *out)
{
    int64_t value = 0;
    for (size_t i = 0; i < digits; i++) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, text[i] - '0', &value)) {
            return false;
        }
    }
    *out = value;
    return digits > 0;
}

static const struct unit *unit_named(const struct unit *units, size_t count, const char *name, size_t size)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(units[i].name) == size && memcmp(units[i].name, name, size) == 0) {
            return &units[i];
        }
    }
    return NULL;
}

static int not_a_duration(const char *text, struct rs_error *error)
{
    return rs_fail(error, RS_EINVAL,
                   "\"%.40s\" is not a duration: write it like 100ms, 30s, 5m, 1h30m, 7d or 2w", text);
}

static int duration_overflow(const char *text, struct rs_error *error)
{
    return rs_fail(error, RS_EINVAL,
                   "the duration \"%.40s\" is too long: at most about 292000 years can be told", text);
}

int rs_duration_parse(const char *text, int64_t *out_us, struct rs_error *error)
{
    int64_t total = 0;
    const struct unit *last = NULL;
    const char *at = text;
    if (strcmp(text, "0") == 0) {
        *out_us = 0;
        return 0;
    }
    do {
        size_t digits = digits_of(at);
        size_t letters = strspn(at + digits, "abcdefghijklmnopqrstuvwxyz");
        const struct unit *unit = unit_named(duration_units, DURATION_UNITS, at + digits, letters);
        if (digits == 0 || !unit || (last && unit->size >= last->size)) {
            return not_a_duration(text, error);
        }
        int64_t part;
        if (!whole_number(at, digits, &part) || __builtin_mul_overflow(part, unit->size, &part) ||
            __builtin_add_overflow(total, part, &total)) {
            return duration_overflow(text, error);
        }
        last = unit;
        at += digits + letters;
    } while (*at != '\0');
    *out_us = total;
    return 0;
}

void rs_duration_format(int64_t us, char *out, size_t size)
{
    RS_ASSERT(size > 0);
    uint64_t left = us < 0 ? -(uint64_t)us : (uint64_t)us;
    size_t used = 0;
    char text[RS_DURATION_TEXT_MAX] = "0s";
    if (us < 0) {
        text[used++] = '-';
    }
    /* From days on: nobody reads 7d1h as "1w1h". */
    for (size_t i = 1; i < DURATION_UNITS && left > 0; i++) {
        uint64_t unit = (uint64_t)duration_units[i].size;
        if (left >= unit) {
            used += (size_t)snprintf(text + used, sizeof text - used, "%llu%s",
                                     (unsigned long long)(left / unit), duration_units[i].name);
            left %= unit;
        }
    }
    (void)snprintf(out, size, "%s", text);
}

int rs_bytes_parse(const char *text, int64_t *out, struct rs_error *error)
{
    size_t digits = digits_of(text);
    const struct unit *unit = unit_named(byte_units, BYTE_UNITS, text + digits, strlen(text + digits));
    if (digits == 0 || !unit) {
        return rs_fail(error, RS_EINVAL, "\"%.40s\" is not a size: write it like 512, 64KiB, 1MiB or 2GB",
                       text);
    }
    int64_t value;
    if (!whole_number(text, digits, &value) || __builtin_mul_overflow(value, unit->size, &value)) {
        return rs_fail(error, RS_EINVAL, "the size \"%.40s\" is too large", text);
    }
    *out = value;
    return 0;
}
