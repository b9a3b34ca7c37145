#include "tests/fuzz/datum.h"

#include <endian.h>
#include <string.h>

#define DEPTH_MAX 40
#define SIZE_MOST ((size_t)1 << 14) /* records that hold one another twice, and so on, would double forever */

struct maker {
    struct rs_random *random;
    struct rs_buf *out;
    unsigned nodes;
    unsigned depth;
};

static void put(struct maker *m, const struct rs_schema *type);

static uint64_t pick(struct maker *m, uint64_t bound)
{
    return rs_random_below(m->random, bound);
}

static void put_varint(struct rs_buf *out, int64_t number)
{
    uint64_t raw = (uint64_t)number << 1 ^ (uint64_t)(number >> 63);
    for (; raw >= 0x80; raw >>= 7) {
        rs_buf_char(out, (char)(raw | 0x80));
    }
    rs_buf_char(out, (char)raw);
}

static void put_text(struct maker *m)
{
    static const char *const letters[] = {"a",    "Z", "0", "\"", "\\",           "\n",
                                          "\x7f", "é", "€", "𝄞",  "\xed\x9f\xbf", "/"};
    char text[128];
    size_t size = 0;
    for (uint64_t left = pick(m, pick(m, 8) == 0 ? 30 : 9); left > 0; left--) {
        const char *letter = letters[pick(m, pick(m, 3) == 0 ? 12 : 3)];
        memcpy(text + size, letter, strlen(letter));
        size += strlen(letter);
    }
    put_varint(m->out, (int64_t)size);
    rs_buf_put(m->out, text, size);
}

static void put_uuid(struct maker *m)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    put_varint(m->out, sizeof form - 1);
    for (size_t i = 0; i < sizeof form - 1; i++) {
        rs_buf_char(m->out, form[i] == '-' ? '-' : "0123456789abcdefABCDEF"[pick(m, 22)]);
    }
}

static void put_noise(struct maker *m, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        rs_buf_char(m->out, (char)rs_random_next(m->random));
    }
}

/* Two's complement of at most 17 bytes, longer than it has to be now and then. */
static void put_decimal(struct maker *m, int precision, size_t size)
{
    rs_i128 limit = (rs_i128)rs_pow10_u128(precision < RS_I128_DIGITS ? precision : RS_I128_DIGITS);
    rs_i128 number = rs_random_int128(m->random) % limit;
    for (size_t i = size; i > 0; i--) {
        unsigned shift = i > 16 ? 127 : 8 * (unsigned)(i - 1);
        rs_buf_char(m->out, (char)(number >> shift));
    }
}

static void put_bytes(struct maker *m, const struct rs_schema *type)
{
    bool decimal = type->logical == RS_LOGICAL_DECIMAL;
    size_t size = decimal ? 16 + pick(m, 2) : pick(m, 12);
    if (decimal && pick(m, 2) == 0) {
        size = 1; /* of any precision: it has one digit */
        put_varint(m->out, 1);
        rs_buf_char(m->out, (char)(pick(m, 19) - 9));
        return;
    }
    put_varint(m->out, (int64_t)size);
    if (decimal) {
        put_decimal(m, type->precision, size);
    } else {
        put_noise(m, size);
    }
}

static void put_real(struct maker *m, size_t size)
{
    static const double known[] = {0, 1, -1.5, 0.1, 1e300, 5e-324, 123456789};
    double number = known[pick(m, sizeof known / sizeof *known)];
    float narrow = (float)number;
    uint64_t bits = 0;
    if (pick(m, 3) == 0) {
        put_noise(m, size);
    } else if (size == sizeof narrow) {
        uint32_t half;
        memcpy(&half, &narrow, sizeof half);
        half = htole32(half);
        rs_buf_put(m->out, &half, sizeof half);
    } else {
        memcpy(&bits, &number, sizeof bits);
        bits = htole64(bits);
        rs_buf_put(m->out, &bits, sizeof bits);
    }
}

/* `items` in blocks; the size of one in bytes is known once it is written. */
static void put_items(struct maker *m, const struct rs_schema *type)
{
    uint64_t blocks = m->nodes == 0 ? 0 : pick(m, 3);
    for (; blocks > 0; blocks--) {
        struct rs_buf block = {0};
        struct rs_buf *out = m->out;
        int64_t count = 1 + (int64_t)pick(m, 4);
        bool sized = pick(m, 3) == 0;
        m->out = &block;
        for (int64_t i = 0; i < count; i++) {
            if (type->kind == RS_AVRO_MAP) {
                put_text(m);
            }
            put(m, type->items);
        }
        m->out = out;
        put_varint(out, sized ? -count : count);
        if (sized) {
            put_varint(out, (int64_t)block.size);
        }
        rs_buf_put(out, block.data, block.size);
        rs_buf_fini(&block);
    }
    put_varint(m->out, 0);
}

/* Where nothing more is to come, a branch that ends. */
static void put_union(struct maker *m, const struct rs_schema *type)
{
    size_t branch = type->branch_count > 0 ? pick(m, type->branch_count) : 0;
    for (size_t i = 0; m->nodes == 0 && i < type->branch_count; i++) {
        branch = type->branches[i]->kind < RS_AVRO_ARRAY ? i : branch;
    }
    put_varint(m->out, (int64_t)branch);
    if (type->branch_count > 0) {
        put(m, type->branches[branch]);
    }
}

static void put_fixed(struct maker *m, const struct rs_schema *type)
{
    if (type->logical == RS_LOGICAL_DECIMAL) {
        put_decimal(m, type->precision, type->fixed_size);
    } else {
        put_noise(m, type->fixed_size < 4096 ? type->fixed_size : 4096);
    }
}

static void put_long(struct maker *m, const struct rs_schema *type)
{
    int64_t number = rs_random_int64(m->random);
    if (type->logical != RS_LOGICAL_NONE && pick(m, 2) == 0) {
        number = INT64_C(1700000000000000) >> (10 * pick(m, 3));
    }
    put_varint(m->out, number);
}

static void put_record(struct maker *m, const struct rs_schema *type)
{
    for (size_t i = 0; i < type->field_count; i++) {
        put(m, type->fields[i].type);
    }
}

static void put_value(struct maker *m, const struct rs_schema *type)
{
    switch (type->kind) {
    case RS_AVRO_NULL: break;
    case RS_AVRO_BOOLEAN: rs_buf_char(m->out, (char)pick(m, 2)); break;
    case RS_AVRO_INT: put_varint(m->out, (int32_t)rs_random_int64(m->random)); break;
    case RS_AVRO_LONG: put_long(m, type); break;
    case RS_AVRO_FLOAT: put_real(m, sizeof(float)); break;
    case RS_AVRO_DOUBLE: put_real(m, sizeof(double)); break;
    case RS_AVRO_BYTES: put_bytes(m, type); break;
    case RS_AVRO_STRING:
        if (type->logical == RS_LOGICAL_UUID) {
            put_uuid(m);
        } else {
            put_text(m);
        }
        break;
    case RS_AVRO_FIXED: put_fixed(m, type); break;
    case RS_AVRO_ENUM: put_varint(m->out, (int64_t)pick(m, type->symbol_count + !type->symbol_count)); break;
    case RS_AVRO_ARRAY:
    case RS_AVRO_MAP: put_items(m, type); break;
    case RS_AVRO_UNION: put_union(m, type); break;
    case RS_AVRO_RECORD: put_record(m, type); break;
    }
}

static void put(struct maker *m, const struct rs_schema *type)
{
    if (m->depth >= DEPTH_MAX || m->out->size > SIZE_MOST) {
        return;
    }
    m->depth++;
    m->nodes -= m->nodes > 0;
    put_value(m, type);
    m->depth--;
}

void rs_random_datum(struct rs_random *random, const struct rs_schema *schema, unsigned nodes,
                     struct rs_buf *out)
{
    struct maker maker = {.random = random, .out = out, .nodes = nodes};
    put(&maker, schema);
}
