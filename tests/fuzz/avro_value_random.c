#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "avro_random.h"
#include "base/number.h"
#include "base/time/text.h"

void rs_avro_must(int answer, const char *what)
{
    if (answer != 0) {
        fprintf(stderr, "libavro: %s: %s\n", what, avro_strerror());
        exit(2);
    }
}

/* ---- values ---- */

struct filler {
    struct rs_random *random;
    unsigned nodes; /* what is left */
};

static void fill(struct filler *f, const struct rs_schema *schema, avro_value_t *value);

static uint64_t pick(struct filler *f, uint64_t bound)
{
    return rs_random_below(f->random, bound);
}

/* Small numbers are as likely as large ones, and the ends are not left out. */
static int64_t random_integer(struct rs_random *random, int bits)
{
    uint64_t raw = rs_random_next(random) >> (64 - bits) >> rs_random_below(random, (uint64_t)bits);
    int64_t limit = bits == 64 ? INT64_MAX : (INT64_C(1) << (bits - 1)) - 1;
    switch (rs_random_below(random, 20)) {
    case 0: return limit;
    case 1: return -limit - 1;
    default: return (int64_t)(raw >> 1) * ((raw & 1) != 0 ? -1 : 1);
    }
}

static double random_double(struct rs_random *random)
{
    static const double special[] = {0.0, -0.0, NAN, INFINITY, -INFINITY, 0.1, 1e300, -5e-324};
    if (rs_random_one_in(random, 4)) {
        return special[rs_random_below(random, 8)];
    }
    double number;
    uint64_t bits = rs_random_next(random);
    memcpy(&number, &bits, sizeof number);
    return number;
}

static size_t random_text(struct rs_random *random, char *out)
{
    static const char *const pieces[] = {"a",
                                         "Z",
                                         " ",
                                         "\"",
                                         "\\",
                                         "\n",
                                         "\xc3\xa9",
                                         "\xe2\x82\xac",
                                         "\xe5\xb9\xbf",
                                         "\xf0\x9f\x98\x80",
                                         "0123456789",
                                         "\x7f",
                                         "\xc2\x80",
                                         "\xef\xbf\xbf"};
    size_t size = 0;
    size_t count = rs_random_below(random, rs_random_one_in(random, 8) ? 20 : 6);
    for (size_t i = 0; i < count; i++) {
        const char *piece = pieces[rs_random_below(random, sizeof pieces / sizeof pieces[0])];
        memcpy(out + size, piece, strlen(piece));
        size += strlen(piece);
    }
    out[size] = '\0';
    return size;
}

static void random_uuid(struct rs_random *random, char out[37])
{
    for (size_t i = 0; i < 36; i++) {
        out[i] = i == 8 || i == 13 || i == 18 || i == 23
                     ? '-'
                     : "0123456789abcdefABCDEF"[rs_random_below(random, 22)];
    }
    out[36] = '\0';
}

static void fill_string(struct filler *f, const struct rs_schema *schema, avro_value_t *value)
{
    char text[256];
    if (schema->logical == RS_LOGICAL_UUID) {
        random_uuid(f->random, text);
    } else {
        random_text(f->random, text);
    }
    rs_avro_must(avro_value_set_string_len(value, text, strlen(text) + 1), "set string");
}

static __int128 power_of_ten(int digits)
{
    __int128 power = 1;
    for (int i = 0; i < digits; i++) {
        power *= 10;
    }
    return power;
}

/* A decimal within its precision, in `size` bytes. */
static void random_decimal(struct rs_random *random, int precision, uint8_t *out, size_t size)
{
    int digits = (int)rs_random_below(random, (uint64_t)precision) + 1;
    __int128 bound = power_of_ten(digits);
    unsigned __int128 raw = (unsigned __int128)rs_random_next(random) << 64 | rs_random_next(random);
    __int128 number = (__int128)(raw % (unsigned __int128)bound);
    if (rs_random_one_in(random, 10)) {
        number = bound - 1;
    }
    number = rs_random_one_in(random, 2) ? -number : number;
    for (size_t i = size; i-- > 0;) {
        out[i] = (uint8_t)number;
        number >>= 8;
    }
}

/* Bytes that a decimal of so many digits needs: a digit takes less than half a byte, and there is the sign.
 */
static size_t decimal_bytes(int precision)
{
    return (size_t)precision / 2 + 1;
}

static void fill_bytes(struct filler *f, const struct rs_schema *schema, avro_value_t *value)
{
    uint8_t bytes[64];
    size_t size = pick(f, 20);
    if (schema->logical == RS_LOGICAL_DECIMAL) {
        size = decimal_bytes(schema->precision) + pick(f, 3);
        random_decimal(f->random, schema->precision, bytes, size);
    } else {
        for (size_t i = 0; i < size; i++) {
            bytes[i] = (uint8_t)rs_random_next(f->random);
        }
    }
    rs_avro_must(avro_value_set_bytes(value, bytes, size), "set bytes");
}

static void fill_fixed(struct filler *f, const struct rs_schema *schema, avro_value_t *value)
{
    uint8_t bytes[64];
    for (size_t i = 0; i < schema->fixed_size; i++) {
        bytes[i] = (uint8_t)rs_random_next(f->random);
    }
    if (schema->logical == RS_LOGICAL_DECIMAL) {
        random_decimal(f->random, schema->precision, bytes, schema->fixed_size);
    }
    rs_avro_must(avro_value_set_fixed(value, bytes, schema->fixed_size), "set fixed");
}

static void fill_long(struct filler *f, const struct rs_schema *schema, avro_value_t *value)
{
    int64_t number = random_integer(f->random, 64);
    bool millis = schema->logical == RS_LOGICAL_TIMESTAMP_MILLIS ||
                  schema->logical == RS_LOGICAL_LOCAL_TIMESTAMP_MILLIS;
    if (schema->logical != RS_LOGICAL_NONE && pick(f, 2) == 0) {
        number = INT64_C(1700000000000000) + random_integer(f->random, 40);
    }
    number = millis ? number / 1000 : number;
    rs_avro_must(avro_value_set_long(value, number), "set long");
}

static void fill_union(struct filler *f, const struct rs_schema *schema, avro_value_t *value)
{
    size_t branch = pick(f, schema->branch_count);
    if (f->nodes == 0) {
        branch = 0; /* null, or something that ends, as schemas are made */
    }
    avro_value_t inside = {0};
    rs_avro_must(avro_value_set_branch(value, (int)branch, &inside), "set branch");
    fill(f, schema->branches[branch], &inside);
}

static void fill_items(struct filler *f, const struct rs_schema *schema, avro_value_t *value)
{
    size_t count = f->nodes == 0 ? 0 : pick(f, pick(f, 10) == 0 ? 12 : 4);
    for (size_t i = 0; i < count; i++) {
        avro_value_t item = {0};
        if (schema->kind == RS_AVRO_ARRAY) {
            rs_avro_must(avro_value_append(value, &item, NULL), "append");
        } else {
            char key[300];
            size_t size = random_text(f->random, key);
            snprintf(key + size, sizeof key - size, "%zu", i); /* libavro keeps one value per key */
            rs_avro_must(avro_value_add(value, key, &item, NULL, NULL), "add");
        }
        fill(f, schema->items, &item);
    }
}

static void fill_record(struct filler *f, const struct rs_schema *schema, avro_value_t *value)
{
    for (size_t i = 0; i < schema->field_count; i++) {
        avro_value_t field = {0};
        rs_avro_must(avro_value_get_by_index(value, i, &field, NULL), "get field");
        fill(f, schema->fields[i].type, &field);
    }
}

static void fill(struct filler *f, const struct rs_schema *schema, avro_value_t *value)
{
    f->nodes -= f->nodes > 0;
    switch (schema->kind) {
    case RS_AVRO_NULL: rs_avro_must(avro_value_set_null(value), "set null"); break;
    case RS_AVRO_BOOLEAN: rs_avro_must(avro_value_set_boolean(value, (int)pick(f, 2)), "set boolean"); break;
    case RS_AVRO_INT:
        rs_avro_must(avro_value_set_int(value, (int32_t)random_integer(f->random, 32)), "set int");
        break;
    case RS_AVRO_LONG: fill_long(f, schema, value); break;
    case RS_AVRO_FLOAT:
        rs_avro_must(avro_value_set_float(value, (float)random_double(f->random)), "set float");
        break;
    case RS_AVRO_DOUBLE:
        rs_avro_must(avro_value_set_double(value, random_double(f->random)), "set double");
        break;
    case RS_AVRO_BYTES: fill_bytes(f, schema, value); break;
    case RS_AVRO_STRING: fill_string(f, schema, value); break;
    case RS_AVRO_FIXED: fill_fixed(f, schema, value); break;
    case RS_AVRO_ENUM:
        rs_avro_must(avro_value_set_enum(value, (int)pick(f, schema->symbol_count)), "set enum");
        break;
    case RS_AVRO_ARRAY:
    case RS_AVRO_MAP: fill_items(f, schema, value); break;
    case RS_AVRO_UNION: fill_union(f, schema, value); break;
    case RS_AVRO_RECORD: fill_record(f, schema, value); break;
    }
}

void rs_random_value(struct rs_random *random, const struct rs_schema *schema, avro_value_t *value,
                     unsigned nodes)
{
    struct filler filler = {.random = random, .nodes = nodes};
    fill(&filler, schema, value);
}
