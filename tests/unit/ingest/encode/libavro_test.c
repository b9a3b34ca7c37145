/* The publisher's own encoder against libavro: equal bytes for random values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <avro.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/time/text.h"
#include "ingest/encode/encode.h"
#include "schemas/schema.h"
#include "tests/lib/random.h"
#include "tests/unit/ingest/support.h"

#define VALUES 3000

static struct rs_random source = {1};

/* Small ones often, and the ends of the range. */
static int64_t random_long(unsigned bits)
{
    int64_t limit = bits == 64 ? INT64_MAX : (INT64_C(1) << (bits - 1)) - 1;
    switch (rs_random_next(&source) % 8) {
    case 0: return limit;
    case 1: return -limit - 1;
    case 2: return (int64_t)(rs_random_next(&source) % 3) - 1;
    default: break;
    }
    return (int64_t)rs_random_next(&source) >> (64 - bits + rs_random_next(&source) % bits);
}

/* Both sides of one value: cells for ours, an avro_value_t for theirs. Texts live in `memory`. */
struct twin {
    struct rs_cells cells;
    struct rs_buf memory;
};

static struct rs_slice keep(struct twin *t, const void *data, size_t size)
{
    assert_true(t->memory.capacity - t->memory.size >= size); /* reserved: earlier texts must not move */
    size_t start = t->memory.size;
    rs_buf_put(&t->memory, data, size);
    return rs_slice_of(t->memory.data + start, size);
}

static size_t add_cell(struct twin *t, enum rs_cell_kind kind, struct rs_slice name)
{
    struct rs_cell *cell = rs_cells_add(&t->cells, kind, 0);
    assert_non_null(cell);
    cell->name = name;
    return t->cells.count - 1;
}

static void add_text(struct twin *t, enum rs_cell_kind kind, struct rs_slice name, struct rs_slice text)
{
    size_t index = add_cell(t, kind, name);
    t->cells.items[index].text = text;
}

static void add_number(struct twin *t, enum rs_cell_kind kind, struct rs_slice name, int64_t value)
{
    size_t index = add_cell(t, kind, name);
    t->cells.items[index].i = value;
}

static void make(struct twin *t, const struct rs_schema *type, avro_value_t *theirs, struct rs_slice name);

static size_t random_string(char *out)
{
    static const char *const pieces[] = {"a",  "Z9", " ", "\xC3\xA9", "\xE5\x8C\x97", "\xF0\x9F\x98\x80",
                                         "\"", "xyz"};
    size_t n = 0;
    for (uint64_t left = rs_random_next(&source) % 12; left > 0; left--) {
        const char *piece = pieces[rs_random_next(&source) % 8];
        memcpy(out + n, piece, strlen(piece));
        n += strlen(piece);
    }
    out[n] = '\0';
    return n;
}

static void make_bytes(struct twin *t, const struct rs_schema *type, avro_value_t *theirs,
                       struct rs_slice name)
{
    uint8_t bytes[64];
    size_t size = type->kind == RS_AVRO_FIXED ? type->fixed_size : rs_random_next(&source) % sizeof bytes;
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)rs_random_next(&source);
    }
    add_text(t, RS_CELL_BYTES, name, keep(t, bytes, size));
    if (type->kind == RS_AVRO_FIXED) {
        assert_int_equal(avro_value_set_fixed(theirs, bytes, size), 0);
    } else {
        assert_int_equal(avro_value_set_bytes(theirs, bytes, size), 0);
    }
}

/* Two's complement the slow way: byte by byte until only the sign is left. */
static size_t twos_complement(rs_i128 value, uint8_t *out)
{
    uint8_t reversed[20];
    size_t n = 0;
    for (;;) {
        reversed[n] = (uint8_t)(value & 0xFF);
        value >>= 8;
        if ((value == 0 && (reversed[n] & 0x80) == 0) || (value == -1 && (reversed[n] & 0x80) != 0)) {
            break;
        }
        n++;
    }
    for (size_t i = 0; i <= n; i++) {
        out[i] = reversed[n - i];
    }
    return n + 1;
}

static void make_decimal(struct twin *t, const struct rs_schema *type, avro_value_t *theirs,
                         struct rs_slice name)
{
    rs_u128 magnitude =
        ((rs_u128)rs_random_next(&source) << 64 | rs_random_next(&source)) >> (rs_random_next(&source) % 128);
    magnitude %= rs_pow10_u128(1 + (int)(rs_random_next(&source) % (uint64_t)type->precision));
    rs_i128 value = rs_random_next(&source) % 2 == 0 ? (rs_i128)magnitude : -(rs_i128)magnitude;
    char text[RS_NUMBER_TEXT_MAX];
    size_t size = rs_decimal_format(value, type->scale, text);
    add_text(t, RS_CELL_NUMBER, name, keep(t, text, size));
    uint8_t bytes[64];
    size = twos_complement(value, bytes);
    if (type->kind == RS_AVRO_BYTES) {
        assert_int_equal(avro_value_set_bytes(theirs, bytes, size), 0);
        return;
    }
    uint8_t fixed[64];
    memset(fixed, value < 0 ? 0xFF : 0, type->fixed_size);
    memcpy(fixed + type->fixed_size - size, bytes, size);
    assert_int_equal(avro_value_set_fixed(theirs, fixed, type->fixed_size), 0);
}

static void make_time(struct twin *t, const struct rs_schema *type, avro_value_t *theirs,
                      struct rs_slice name)
{
    char text[RS_TIME_TEXT_MAX];
    int64_t span = INT64_C(4000000000000000);
    int64_t us = (int64_t)(rs_random_next(&source) % (uint64_t)span) - span / 2;
    int64_t per = type->logical == RS_LOGICAL_TIMESTAMP_MILLIS ? 1000 : 1;
    if (type->logical == RS_LOGICAL_DATE) {
        int64_t day = us / RS_US_PER_DAY;
        size_t size = rs_date_format(day, text);
        add_text(t, RS_CELL_STRING, name, keep(t, text, size));
        assert_int_equal(avro_value_set_int(theirs, (int32_t)day), 0);
        return;
    }
    us = us / per * per;
    size_t size = rs_time_format(us, text);
    add_text(t, RS_CELL_STRING, name, keep(t, text, size));
    assert_int_equal(avro_value_set_long(theirs, us / per), 0);
}

static void make_double(struct twin *t, const struct rs_schema *type, avro_value_t *theirs,
                        struct rs_slice name)
{
    char text[64];
    double value = (double)random_long(64) / (double)(1 + rs_random_next(&source) % 1000);
    if (type->kind == RS_AVRO_FLOAT) {
        float f = (float)value;
        size_t index = add_cell(t, RS_CELL_DOUBLE, name);
        t->cells.items[index].d = (double)f;
        assert_int_equal(avro_value_set_float(theirs, f), 0);
        return;
    }
    int size = snprintf(text, sizeof text, "%.17g", value);
    add_text(t, RS_CELL_TEXT, name, keep(t, text, (size_t)size));
    assert_int_equal(avro_value_set_double(theirs, value), 0);
}

static void make_items(struct twin *t, const struct rs_schema *type, avro_value_t *theirs,
                       struct rs_slice name)
{
    size_t index = add_cell(t, type->kind == RS_AVRO_MAP ? RS_CELL_OBJECT : RS_CELL_ARRAY, name);
    for (uint64_t i = 0, n = rs_random_next(&source) % 4; i < n; i++) {
        avro_value_t item;
        char key[16];
        struct rs_slice kept = {0};
        if (type->kind == RS_AVRO_MAP) {
            int size = snprintf(key, sizeof key, "k%d", (int)i);
            kept = keep(t, key, (size_t)size);
            assert_int_equal(avro_value_add(theirs, key, &item, NULL, NULL), 0);
        } else {
            assert_int_equal(avro_value_append(theirs, &item, NULL), 0);
        }
        make(t, type->items, &item, kept);
    }
    t->cells.items[index].end = (uint32_t)t->cells.count;
}

static void make_record(struct twin *t, const struct rs_schema *type, avro_value_t *theirs,
                        struct rs_slice name)
{
    size_t index = add_cell(t, RS_CELL_OBJECT, name);
    for (size_t i = 0; i < type->field_count; i++) {
        avro_value_t field;
        assert_int_equal(avro_value_get_by_index(theirs, i, &field, NULL), 0);
        make(t, type->fields[i].type, &field, rs_slice_text(type->fields[i].name));
    }
    t->cells.items[index].end = (uint32_t)t->cells.count;
}

static void make_union(struct twin *t, const struct rs_schema *type, avro_value_t *theirs,
                       struct rs_slice name)
{
    avro_value_t branch;
    size_t number = rs_random_next(&source) % type->branch_count;
    assert_int_equal(avro_value_set_branch(theirs, (int)number, &branch), 0);
    make(t, type->branches[number], &branch, name);
}

static void make_string(struct twin *t, avro_value_t *theirs, struct rs_slice name)
{
    char text[128];
    size_t size = random_string(text);
    add_text(t, RS_CELL_STRING, name, keep(t, text, size));
    assert_int_equal(avro_value_set_string(theirs, text), 0);
}

static void make_enum(struct twin *t, const struct rs_schema *type, avro_value_t *theirs,
                      struct rs_slice name)
{
    size_t number = rs_random_next(&source) % type->symbol_count;
    add_text(t, RS_CELL_STRING, name, rs_slice_text(type->symbols[number]));
    assert_int_equal(avro_value_set_enum(theirs, (int)number), 0);
}

static void make(struct twin *t, const struct rs_schema *type, avro_value_t *theirs, struct rs_slice name)
{
    int64_t number;
    if (type->logical == RS_LOGICAL_DECIMAL) {
        make_decimal(t, type, theirs, name);
        return;
    }
    if (type->logical != RS_LOGICAL_NONE) {
        make_time(t, type, theirs, name);
        return;
    }
    switch (type->kind) {
    case RS_AVRO_NULL:
        (void)add_cell(t, RS_CELL_NULL, name);
        assert_int_equal(avro_value_set_null(theirs), 0);
        break;
    case RS_AVRO_BOOLEAN:
        number = (int64_t)(rs_random_next(&source) & 1);
        add_number(t, RS_CELL_BOOLEAN, name, number);
        assert_int_equal(avro_value_set_boolean(theirs, (int)number), 0);
        break;
    case RS_AVRO_INT:
        number = random_long(32);
        add_number(t, RS_CELL_INT64, name, number);
        assert_int_equal(avro_value_set_int(theirs, (int32_t)number), 0);
        break;
    case RS_AVRO_LONG:
        number = random_long(64);
        add_number(t, RS_CELL_INT64, name, number);
        assert_int_equal(avro_value_set_long(theirs, number), 0);
        break;
    case RS_AVRO_FLOAT:
    case RS_AVRO_DOUBLE: make_double(t, type, theirs, name); break;
    case RS_AVRO_BYTES:
    case RS_AVRO_FIXED: make_bytes(t, type, theirs, name); break;
    case RS_AVRO_STRING: make_string(t, theirs, name); break;
    case RS_AVRO_ENUM: make_enum(t, type, theirs, name); break;
    case RS_AVRO_ARRAY:
    case RS_AVRO_MAP: make_items(t, type, theirs, name); break;
    case RS_AVRO_UNION: make_union(t, type, theirs, name); break;
    case RS_AVRO_RECORD: make_record(t, type, theirs, name); break;
    }
}

static void compare_one(const struct rs_schema *type, avro_value_iface_t *class)
{
    struct twin t = {0};
    avro_value_t theirs;
    struct rs_encoder encoder;
    struct rs_buf ours = {0};
    struct rs_error error;
    static char bytes[1 << 20];
    assert_true(rs_buf_reserve(&t.memory, 1 << 20));
    assert_int_equal(avro_generic_value_new(class, &theirs), 0);
    make(&t, type, &theirs, (struct rs_slice){0});
    rs_encoder_init(&encoder);
    if (rs_encode(&encoder, type, t.cells.items, 0, &ours, &error) != 0) {
        fail_msg("%s", error.text);
    }
    avro_writer_t writer = avro_writer_memory(bytes, sizeof bytes);
    assert_int_equal(avro_value_write(writer, &theirs), 0);
    assert_int_equal(ours.size, avro_writer_tell(writer));
    assert_true(memcmp(ours.data, bytes, ours.size) == 0);
    avro_writer_free(writer);
    avro_value_decref(&theirs);
    rs_encoder_fini(&encoder);
    rs_cells_fini(&t.cells);
    rs_buf_fini(&t.memory);
    rs_buf_fini(&ours);
}

static void compare(const char *json, size_t size)
{
    struct rs_schema_document *document = NULL;
    struct rs_error error;
    avro_schema_t schema;
    if (rs_schema_parse("t.avsc", json, size, &document, &error) != 0) {
        fail_msg("%s", error.text);
    }
    assert_int_equal(avro_schema_from_json_length(json, size, &schema), 0);
    avro_value_iface_t *class = avro_generic_class_from_schema(schema);
    assert_non_null(class);
    for (int i = 0; i < VALUES; i++) {
        compare_one(rs_schema_root(document), class);
    }
    avro_value_iface_decref(class);
    avro_schema_decref(schema);
    rs_schema_free(&document);
}

static void test_trade(void **state)
{
    struct rs_buf json = {0};
    (void)state;
    support_read("schemas/trade.avsc", &json);
    compare((const char *)json.data, json.size);
    rs_buf_fini(&json);
}

static void test_indicator(void **state)
{
    struct rs_buf json = {0};
    (void)state;
    support_read("schemas/indicator.avsc", &json);
    compare((const char *)json.data, json.size);
    rs_buf_fini(&json);
}

static void test_every_type(void **state)
{
    static const char json[] =
        "{\"type\":\"record\",\"name\":\"All\",\"fields\":["
        "{\"name\":\"n\",\"type\":\"null\"},{\"name\":\"b\",\"type\":\"boolean\"},{\"name\":\"i\",\"type\":"
        "\"int\"},"
        "{\"name\":\"l\",\"type\":\"long\"},{\"name\":\"f\",\"type\":\"float\"},{\"name\":\"d\",\"type\":"
        "\"double\"},"
        "{\"name\":\"y\",\"type\":\"bytes\"},{\"name\":\"s\",\"type\":\"string\"},"
        "{\"name\":\"x\",\"type\":{\"type\":\"fixed\",\"name\":\"X\",\"size\":7}},"
        "{\"name\":\"e\",\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\",\"C\"]}},"
        "{\"name\":\"a\",\"type\":{\"type\":\"array\",\"items\":{\"type\":\"map\",\"values\":\"long\"}}},"
        "{\"name\":\"m\",\"type\":{\"type\":\"map\",\"values\":[\"null\",\"string\"]}},"
        "{\"name\":\"u\",\"type\":[\"long\",\"null\",\"string\",\"boolean\",{\"type\":\"array\",\"items\":"
        "\"int\"}]},"
        "{\"name\":\"day\",\"type\":{\"type\":\"int\",\"logicalType\":\"date\"}},"
        "{\"name\":\"ms\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}},"
        "{\"name\":\"us\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}]},"
        "{\"name\":\"fd\",\"type\":{\"type\":\"fixed\",\"name\":\"FD\",\"size\":17,\"logicalType\":"
        "\"decimal\",\"precision\":38,\"scale\":12}},"
        "{\"name\":\"bd\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":38,"
        "\"scale\":0}},"
        "{\"name\":\"r\",\"type\":{\"type\":\"record\",\"name\":\"In\",\"fields\":[{\"name\":\"x\",\"type\":["
        "\"null\",\"X\"]},{\"name\":\"e\",\"type\":\"E\"}]}}"
        "]}";
    (void)state;
    compare(json, sizeof json - 1);
}

static void test_recursive(void **state)
{
    static const char json[] =
        "{\"type\":\"record\",\"name\":\"Tree\",\"fields\":[{\"name\":\"v\",\"type\":\"int\"},"
        "{\"name\":\"next\",\"type\":[\"null\",\"Tree\"]}]}";
    (void)state;
    compare(json, sizeof json - 1);
}

static void test_scalars(void **state)
{
    static const char *const schemas[] = {"\"long\"", "\"string\"", "[\"null\",\"double\"]",
                                          "{\"type\":\"array\",\"items\":\"bytes\"}"};
    (void)state;
    for (size_t i = 0; i < sizeof schemas / sizeof schemas[0]; i++) {
        compare(schemas[i], strlen(schemas[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trade),     cmocka_unit_test(test_indicator), cmocka_unit_test(test_every_type),
        cmocka_unit_test(test_recursive), cmocka_unit_test(test_scalars),
    };
    return cmocka_run_group_tests_name("encode_libavro", tests, NULL, NULL);
}
