/* libavro's values as the text our decoder has to give, and as bytes in blocks that libavro would not write.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "avro_random.h"
#include "base/number.h"
#include "base/time/text.h"

__int128 rs_avro_integer(const uint8_t *bytes, size_t size)
{
    unsigned __int128 number = size > 0 && bytes[0] >= 0x80 ? ~(unsigned __int128)0 : 0;
    for (size_t i = 0; i < size; i++) {
        number = number << 8 | bytes[i];
    }
    return (__int128)number;
}

/* ---- text ---- */

static void put_integer(struct rs_buf *out, int64_t number)
{
    char text[RS_NUMBER_TEXT_MAX];
    rs_buf_put(out, text, rs_int64_format(number, text));
}

static void put_double(struct rs_buf *out, double number)
{
    char text[RS_NUMBER_TEXT_MAX];
    if (isnan(number)) {
        rs_buf_text(out, "\"NaN\"");
    } else if (isinf(number)) {
        rs_buf_text(out, number > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    } else {
        rs_buf_put(out, text, rs_double_format(number, text));
    }
}

static void put_bytes(struct rs_buf *out, const struct rs_schema *schema, const uint8_t *bytes, size_t size)
{
    if (schema->logical == RS_LOGICAL_DECIMAL) {
        char text[RS_NUMBER_TEXT_MAX];
        rs_buf_put(out, text, rs_decimal_format(rs_avro_integer(bytes, size), schema->scale, text));
        return;
    }
    rs_buf_char(out, '"');
    for (size_t i = 0; i < size; i++) {
        rs_buf_printf(out, "\\u%04x", (unsigned)bytes[i]);
    }
    rs_buf_char(out, '"');
}

static void put_time(struct rs_buf *out, int64_t us, int64_t stored)
{
    char text[RS_TIME_TEXT_MAX];
    if (rs_time_in_range(us)) {
        rs_buf_printf(out, "\"%.*s\"", (int)rs_time_format(us, text), text);
    } else {
        put_integer(out, stored);
    }
}

/* Whole seconds by the same writer as ever; the fraction is written here. */
static void put_nanos(struct rs_buf *out, int64_t ns)
{
    char text[RS_TIME_TEXT_MAX];
    char fraction[16];
    int64_t second = (int64_t)floorl((long double)ns / 1000000000);
    int rest = (int)(ns - (rs_i128)second * 1000000000);
    size_t size = rs_time_format(second * 1000000, text) - 1;
    rs_buf_printf(out, "\"%.*s", (int)size, text);
    if (rest != 0) {
        int length = snprintf(fraction, sizeof fraction, ".%09d", rest);
        while (fraction[length - 1] == '0') {
            length--;
        }
        rs_buf_put(out, fraction, (size_t)length);
    }
    rs_buf_text(out, "Z\"");
}

static void put_long(struct rs_buf *out, const struct rs_schema *schema, int64_t number)
{
    switch (schema->logical) {
    case RS_LOGICAL_TIMESTAMP_MILLIS:
    case RS_LOGICAL_LOCAL_TIMESTAMP_MILLIS:
        if (number > INT64_MAX / 1000 || number < INT64_MIN / 1000) {
            put_integer(out, number);
        } else {
            put_time(out, number * 1000, number);
        }
        break;
    case RS_LOGICAL_TIMESTAMP_MICROS: put_time(out, number, number); break;
    case RS_LOGICAL_TIMESTAMP_NANOS: put_nanos(out, number); break;
    default: put_integer(out, number); break;
    }
}

static void put_int(struct rs_buf *out, const struct rs_schema *schema, int32_t number)
{
    char text[RS_TIME_TEXT_MAX];
    if (schema->logical == RS_LOGICAL_DATE && number >= RS_DAY_MIN && number <= RS_DAY_MAX) {
        rs_buf_printf(out, "\"%.*s\"", (int)rs_date_format(number, text), text);
    } else {
        put_integer(out, number);
    }
}

static void text_number(const struct rs_schema *schema, const avro_value_t *value, struct rs_buf *out)
{
    int32_t i = 0;
    int64_t l = 0;
    float f = 0;
    double d = 0;
    switch (schema->kind) {
    case RS_AVRO_INT:
        rs_avro_must(avro_value_get_int(value, &i), "get int");
        put_int(out, schema, i);
        break;
    case RS_AVRO_LONG:
        rs_avro_must(avro_value_get_long(value, &l), "get long");
        put_long(out, schema, l);
        break;
    case RS_AVRO_FLOAT:
        rs_avro_must(avro_value_get_float(value, &f), "get float");
        put_double(out, (double)f);
        break;
    default:
        rs_avro_must(avro_value_get_double(value, &d), "get double");
        put_double(out, d);
        break;
    }
}

static void text_bytes(const struct rs_schema *schema, const avro_value_t *value, struct rs_buf *out)
{
    const void *bytes = NULL;
    size_t size = 0;
    const char *text = NULL;
    switch (schema->kind) {
    case RS_AVRO_BYTES:
        rs_avro_must(avro_value_get_bytes(value, &bytes, &size), "get bytes");
        put_bytes(out, schema, bytes, size);
        break;
    case RS_AVRO_FIXED:
        rs_avro_must(avro_value_get_fixed(value, &bytes, &size), "get fixed");
        put_bytes(out, schema, bytes, size);
        break;
    default:
        rs_avro_must(avro_value_get_string(value, &text, &size), "get string");
        rs_buf_json_string(out, rs_slice_of(text, size - 1));
        break;
    }
}

static void text_items(const struct rs_schema *schema, const avro_value_t *value, struct rs_buf *out)
{
    bool map = schema->kind == RS_AVRO_MAP;
    size_t count = 0;
    rs_avro_must(avro_value_get_size(value, &count), "get size");
    rs_buf_char(out, map ? '{' : '[');
    for (size_t i = 0; i < count; i++) {
        avro_value_t item = {0};
        const char *key = NULL;
        rs_avro_must(avro_value_get_by_index(value, i, &item, &key), "get item");
        rs_buf_text(out, i == 0 ? "" : ",");
        if (map) {
            rs_buf_json_string(out, rs_slice_text(key));
            rs_buf_char(out, ':');
        }
        rs_avro_text(schema->items, &item, out);
    }
    rs_buf_char(out, map ? '}' : ']');
}

static void text_record(const struct rs_schema *schema, const avro_value_t *value, struct rs_buf *out)
{
    for (size_t i = 0; i < schema->field_count; i++) {
        avro_value_t field = {0};
        rs_avro_must(avro_value_get_by_index(value, i, &field, NULL), "get field");
        rs_buf_printf(out, "%s\"%s\":", i == 0 ? "{" : ",", schema->fields[i].name);
        rs_avro_text(schema->fields[i].type, &field, out);
    }
    rs_buf_text(out, schema->field_count == 0 ? "{}" : "}");
}

static void text_union(const struct rs_schema *schema, const avro_value_t *value, struct rs_buf *out)
{
    int branch = 0;
    avro_value_t inside = {0};
    rs_avro_must(avro_value_get_discriminant(value, &branch), "get branch number");
    rs_avro_must(avro_value_get_current_branch(value, &inside), "get branch");
    rs_avro_text(schema->branches[branch], &inside, out);
}

void rs_avro_text(const struct rs_schema *schema, const avro_value_t *value, struct rs_buf *out)
{
    int number = 0;
    switch (schema->kind) {
    case RS_AVRO_NULL: rs_buf_text(out, "null"); break;
    case RS_AVRO_BOOLEAN:
        rs_avro_must(avro_value_get_boolean(value, &number), "get boolean");
        rs_buf_text(out, number != 0 ? "true" : "false");
        break;
    case RS_AVRO_ENUM:
        rs_avro_must(avro_value_get_enum(value, &number), "get enum");
        rs_buf_printf(out, "\"%s\"", schema->symbols[number]);
        break;
    case RS_AVRO_BYTES:
    case RS_AVRO_FIXED:
    case RS_AVRO_STRING: text_bytes(schema, value, out); break;
    case RS_AVRO_ARRAY:
    case RS_AVRO_MAP: text_items(schema, value, out); break;
    case RS_AVRO_UNION: text_union(schema, value, out); break;
    case RS_AVRO_RECORD: text_record(schema, value, out); break;
    default: text_number(schema, value, out); break;
    }
}

/* ---- bytes ---- */

static void put_varint(struct rs_buf *out, int64_t number)
{
    uint64_t raw = (uint64_t)number << 1 ^ (number < 0 ? UINT64_MAX : 0);
    for (; raw >= 0x80; raw >>= 7) {
        rs_buf_char(out, (char)(raw | 0x80));
    }
    rs_buf_char(out, (char)raw);
}

/* Everything but arrays, maps and what holds them is as libavro writes it. */
static void encode_scalar(const avro_value_t *value, struct rs_buf *out)
{
    char bytes[1024] = {0};
    avro_writer_t writer = avro_writer_memory(bytes, sizeof bytes);
    rs_avro_must(avro_value_write(writer, (avro_value_t *)value), "write scalar");
    rs_buf_put(out, bytes, (size_t)avro_writer_tell(writer));
    avro_writer_free(writer);
}

static void encode_block(struct rs_random *random, const struct rs_schema *schema, const avro_value_t *value,
                         size_t from, size_t count, struct rs_buf *out)
{
    struct rs_buf block = {0};
    for (size_t i = from; i < from + count; i++) {
        avro_value_t item = {0};
        const char *key = NULL;
        rs_avro_must(avro_value_get_by_index(value, i, &item, &key), "get item");
        if (schema->kind == RS_AVRO_MAP) {
            put_varint(&block, (int64_t)strlen(key));
            rs_buf_text(&block, key);
        }
        rs_random_encode(random, schema->items, &item, &block);
    }
    bool sized = rs_random_one_in(random, 2);
    put_varint(out, sized ? -(int64_t)count : (int64_t)count);
    if (sized) {
        put_varint(out, (int64_t)block.size);
    }
    rs_buf_put(out, block.data, block.size);
    rs_buf_fini(&block);
}

static void encode_items(struct rs_random *random, const struct rs_schema *schema, const avro_value_t *value,
                         struct rs_buf *out)
{
    size_t count = 0;
    rs_avro_must(avro_value_get_size(value, &count), "get size");
    for (size_t from = 0; from < count;) {
        size_t block = 1 + rs_random_below(random, count - from);
        encode_block(random, schema, value, from, block, out);
        from += block;
    }
    put_varint(out, 0);
}

void rs_random_encode(struct rs_random *random, const struct rs_schema *schema, const avro_value_t *value,
                      struct rs_buf *out)
{
    avro_value_t inside = {0};
    int branch = 0;
    switch (schema->kind) {
    case RS_AVRO_ARRAY:
    case RS_AVRO_MAP: encode_items(random, schema, value, out); break;
    case RS_AVRO_UNION:
        rs_avro_must(avro_value_get_discriminant(value, &branch), "get branch number");
        rs_avro_must(avro_value_get_current_branch(value, &inside), "get branch");
        put_varint(out, branch);
        rs_random_encode(random, schema->branches[branch], &inside, out);
        break;
    case RS_AVRO_RECORD:
        for (size_t i = 0; i < schema->field_count; i++) {
            rs_avro_must(avro_value_get_by_index(value, i, &inside, NULL), "get field");
            rs_random_encode(random, schema->fields[i].type, &inside, out);
        }
        break;
    default: encode_scalar(value, out); break;
    }
}
