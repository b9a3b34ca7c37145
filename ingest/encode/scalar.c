#include "ingest/encode/scalar.h"

#include <endian.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/config/config.h"
#include "base/number.h"
#include "base/utf8.h"
#include "ingest/encode/comma.h"
#include "ingest/encode/put.h"

static int refuse(struct rs_error *error, const char *text)
{
    return rs_fail(error, RS_ERECORD, "%s", text);
}

static bool is_text(const struct rs_cell *cell)
{
    return cell->kind == RS_CELL_TEXT || cell->kind == RS_CELL_STRING || cell->kind == RS_CELL_UTF8;
}

/* A float as the number it is written as: the digits of its double would be digits that nobody wrote. `text`
 * holds them. Other cells stay as they are. */
static const struct rs_cell *as_digits(const struct rs_cell *cell, struct rs_cell *number, char *text)
{
    if (cell->kind != RS_CELL_FLOAT) {
        return cell;
    }
    *number = *cell;
    number->kind = RS_CELL_NUMBER;
    number->text = rs_slice_of(text, rs_float_format((float)cell->d, text));
    return number;
}

static bool text_is(struct rs_slice text, const char *word)
{
    return strncasecmp((const char *)text.data, word, text.size) == 0 && word[text.size] == '\0';
}

/* What is said of a cell that cannot be what the field needs, whatever it holds. */
static int not_a(const struct rs_cell *cell, const char *wanted, struct rs_error *error)
{
    if (cell->kind == RS_CELL_NULL || cell->kind == RS_CELL_ABSENT) {
        return rs_fail(error, RS_ERECORD, "is null, which the schema does not allow; %s is needed", wanted);
    }
    if (cell->kind == RS_CELL_TEXT && cell->text.size == 0) {
        return rs_fail(error, RS_ERECORD, "is empty; %s is needed", wanted);
    }
    return rs_fail(error, RS_ERECORD, "is not %s", wanted);
}

/* ---- numbers ---- */

/* Up to 18 plain digits, which is nearly all there is; false: leave it to the general reader. */
static bool short_integer(struct rs_slice text, int64_t *out)
{
    size_t i = text.size > 0 && text.data[0] == '-';
    int64_t value = 0;
    if (text.size == i || text.size - i > 18) {
        return false;
    }
    for (size_t k = i; k < text.size; k++) {
        unsigned digit = (unsigned)text.data[k] - '0';
        if (digit > 9) {
            return false;
        }
        value = value * 10 + digit;
    }
    *out = i == 1 ? -value : value;
    return true;
}

static int read_integer(const struct rs_cell *cell, const char *wanted, int64_t *out, struct rs_error *error)
{
    struct rs_cell number;
    char digits[RS_NUMBER_TEXT_MAX];
    cell = as_digits(cell, &number, digits);
    if (cell->kind == RS_CELL_INT64) {
        *out = cell->i;
        return 0;
    }
    if ((!is_text(cell) && cell->kind != RS_CELL_NUMBER) || cell->text.size == 0) {
        return not_a(cell, wanted, error);
    }
    if (short_integer(cell->text, out)) {
        return 0;
    }
    if (is_text(cell) && memchr(cell->text.data, '.', cell->text.size)) {
        return rs_fail(
            error, RS_ERECORD,
            "is not %s: it has a point, which may stand before a fraction or between thousands; write "
            "whole numbers in digits alone",
            wanted);
    }
    rs_i128 wide = 0;
    int rc = rs_decimal_parse(cell->text, 0, &wide, error);
    if (rc != 0) {
        return not_a(cell, wanted, error);
    }
    if (wide < INT64_MIN || wide > INT64_MAX) {
        return refuse(error, "does not fit into 64 bits");
    }
    *out = (int64_t)wide;
    return 0;
}

static int encode_int(const struct rs_cell *cell, const struct rs_schema *type, struct rs_buf *out,
                      struct rs_error *error)
{
    int64_t value = 0;
    int rc = read_integer(cell, "an integer", &value, error);
    if (rc != 0) {
        return rc;
    }
    if (type->kind == RS_AVRO_INT && (value < INT32_MIN || value > INT32_MAX)) {
        return refuse(error, "does not fit into 32 bits, which an int has; the schema would need a long");
    }
    rs_put_long(out, value);
    return 0;
}

/* JSON has no infinity and no NaN: both come as texts, or not at all. */
static int read_double(const struct rs_cell *cell, double *out, struct rs_error *error)
{
    if (cell->kind == RS_CELL_DOUBLE || cell->kind == RS_CELL_FLOAT) {
        *out = cell->d;
        return 0;
    }
    if (cell->kind == RS_CELL_INT64) {
        *out = (double)cell->i;
        return *out < 0x1p63 && (int64_t)*out == cell->i
                   ? 0
                   : refuse(error,
                            "is an integer that no double holds exactly; the schema would need a long");
    }
    if (!is_text(cell) && cell->kind != RS_CELL_NUMBER) {
        return not_a(cell, "a number", error);
    }
    struct rs_slice text = cell->text;
    bool negative = text.size > 0 && text.data[0] == '-';
    struct rs_slice word = rs_slice_of(text.data + negative, text.size - negative);
    if (cell->kind != RS_CELL_NUMBER && text_is(word, "infinity")) {
        *out = negative ? -INFINITY : INFINITY;
        return 0;
    }
    if (cell->kind != RS_CELL_NUMBER && text_is(text, "nan")) {
        *out = NAN;
        return 0;
    }
    int rc = text.size == 0 ? RS_ERECORD : rs_double_parse(text, out, error);
    if (rc != 0) {
        return not_a(cell, "a number", error);
    }
    return isfinite(*out) ? 0 : refuse(error, "is too large for a double");
}

static int encode_double(const struct rs_cell *cell, struct rs_buf *out, struct rs_error *error)
{
    double value = 0;
    int rc = read_double(cell, &value, error);
    if (rc == 0) {
        uint64_t bits;
        memcpy(&bits, &value, sizeof bits);
        bits = htole64(bits);
        rs_put_raw(out, rs_slice_of(&bits, sizeof bits));
    }
    return rc;
}

static int encode_float(const struct rs_cell *cell, struct rs_buf *out, struct rs_error *error)
{
    double value = 0;
    int rc = read_double(cell, &value, error);
    if (rc != 0) {
        return rc;
    }
    float f = (float)value;
    if (isfinite(value) && !isfinite(f)) {
        return refuse(error, "is too large for a float");
    }
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    bits = htole32(bits);
    rs_put_raw(out, rs_slice_of(&bits, sizeof bits));
    return 0;
}

/* [-]digits[.digits] of at most 18 digits at `scale`: nearly all there is, without 128-bit arithmetic; false:
 * leave it to the general reader, also where it is no number. */
static bool short_decimal(struct rs_slice text, int scale, int64_t *out)
{
    const uint8_t *p = text.data;
    const uint8_t *end = p + text.size;
    const uint8_t *point = NULL;
    int64_t value = 0;
    bool negative = p < end && *p == '-';
    p += negative;
    size_t digits = (size_t)(end - p);
    for (; p < end && digits <= 18; p++) {
        unsigned digit = *p - (unsigned)'0';
        if (digit <= 9) {
            value = value * 10 + digit;
        } else if (*p == '.' && !point && p + 1 < end && p > text.data + negative) {
            point = p;
        } else {
            return false;
        }
    }
    int fraction = point ? (int)(end - point - 1) : 0;
    int more = scale - fraction;
    if (digits == 0 || more < 0 || (int)digits - (point != NULL) + more > 18) {
        return false;
    }
    value *= (int64_t)rs_pow10_u64[more];
    *out = negative ? -value : value;
    return true;
}

static int read_decimal(const struct rs_cell *cell, int scale, rs_i128 *out, struct rs_error *error)
{
    struct rs_cell number;
    char digits[RS_NUMBER_TEXT_MAX];
    cell = as_digits(cell, &number, digits);
    if (cell->kind == RS_CELL_INT64) {
        char text[RS_NUMBER_TEXT_MAX];
        size_t size = rs_int64_format(cell->i, text);
        return rs_decimal_parse(rs_slice_of(text, size), scale, out, error);
    }
    if (cell->kind == RS_CELL_DOUBLE && isfinite(cell->d)) {
        return refuse(error, "a decimal is taken from its digits, not from a double");
    }
    if ((!is_text(cell) && cell->kind != RS_CELL_NUMBER) || cell->text.size == 0) {
        return not_a(cell, "a decimal number", error);
    }
    int64_t narrow = 0;
    if (short_decimal(cell->text, scale, &narrow)) {
        *out = narrow;
        return 0;
    }
    return rs_decimal_parse(cell->text, scale, out, error);
}

/* Characters U+0000 to U+00FF to bytes, in place behind `out`'s end; -1: another character. */
static long put_characters(struct rs_slice text, struct rs_buf *out)
{
    size_t n = 0;
    if (!rs_utf8_valid(text.data, text.size) || !rs_buf_reserve(out, text.size)) {
        return -1;
    }
    uint8_t *to = out->data + out->size;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (c >= 0x80) {
            if (c > 0xC3) {
                return -1;
            }
            c = (uint8_t)((c & 0x03) << 6 | (text.data[++i] & 0x3F));
        }
        to[n++] = c;
    }
    out->size += n;
    return (long)n;
}

/* Two's complement, as Avro's JSON encoding shows it: a character a byte. */
static int read_stored_decimal(const struct rs_cell *cell, rs_i128 *out, struct rs_error *error)
{
    struct rs_buf bytes = {0};
    rs_u128 value = 0;
    bool good = put_characters(cell->text, &bytes) >= 0;
    bool failed = bytes.failed;
    size_t from = 0;
    uint8_t sign = good && bytes.size > 0 && (bytes.data[0] & 0x80) != 0 ? 0xFF : 0;
    while (good && bytes.size - from > sizeof value && bytes.data[from] == sign) {
        from++;
    }
    bool fits = good && bytes.size > 0 && bytes.size - from <= sizeof value &&
                (from == 0 || (bytes.data[from] & 0x80) == (sign & 0x80));
    value = sign != 0 ? ~value : value;
    for (size_t i = from; fits && i < bytes.size; i++) {
        value = value << 8 | bytes.data[i];
    }
    bool any = bytes.size > 0;
    rs_buf_fini(&bytes);
    if (failed) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    if (!fits) {
        return refuse(error, good && any
                                 ? "has more than 38 digits"
                                 : "is not the bytes of a decimal, one character U+0000 to U+00FF each");
    }
    *out = (rs_i128)value;
    return 0;
}

/* Bytes that an integer of 64 bits needs in two's complement. */
static size_t narrow_size(int64_t value)
{
    uint64_t magnitude = (uint64_t)(value < 0 ? ~value : value);
    unsigned bits = magnitude == 0 ? 0 : 64 - (unsigned)__builtin_clzll(magnitude);
    return bits / 8 + 1; /* one bit for the sign */
}

/* Two's complement, big-endian; as few bytes as keep the sign, or all of a fixed. */
static void put_decimal(rs_i128 value, const struct rs_schema *type, struct rs_buf *out)
{
    uint8_t bytes[sizeof value];
    size_t size = sizeof bytes;
    if (type->kind == RS_AVRO_BYTES && value >= INT64_MIN && value <= INT64_MAX) {
        size = narrow_size((int64_t)value);
        uint64_t big_endian = htobe64((uint64_t)value << (64 - 8 * size));
        rs_put_bytes(out, rs_slice_of(&big_endian, size));
        return;
    }
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)((rs_u128)value >> (8 * (sizeof bytes - 1 - i)));
    }
    uint8_t sign = value < 0 ? 0xFF : 0;
    while (size > 1 && bytes[sizeof bytes - size] == sign &&
           (bytes[sizeof bytes - size + 1] & 0x80) == (sign & 0x80)) {
        size--;
    }
    if (type->kind == RS_AVRO_BYTES) {
        rs_put_bytes(out, rs_slice_of(bytes + sizeof bytes - size, size));
        return;
    }
    for (size_t i = sizeof bytes; i < type->fixed_size; i++) {
        rs_put_raw(out, rs_slice_of(&sign, 1));
    }
    size = type->fixed_size < sizeof bytes ? type->fixed_size : sizeof bytes;
    rs_put_raw(out, rs_slice_of(bytes + sizeof bytes - size, size));
}

/* What no number has: of a decimal's bytes one is likely to be like this. */
static bool looks_like_bytes(const struct rs_cell *cell)
{
    bool found = false;
    for (size_t i = 0; cell->kind == RS_CELL_STRING && i < cell->text.size && !found; i++) {
        found = cell->text.data[i] < ' ' || cell->text.data[i] > '~';
    }
    return found;
}

/* The schema parser has made sure that a fixed holds its precision. */
static int encode_decimal(const struct rs_encoder *e, const struct rs_cell *cell,
                          const struct rs_schema *type, struct rs_buf *out, struct rs_error *error)
{
    rs_i128 value = 0;
    int rc = e->avro_json && cell->kind == RS_CELL_STRING ? read_stored_decimal(cell, &value, error)
                                                          : read_decimal(cell, type->scale, &value, error);
    if (rc == RS_ERECORD && !e->avro_json && looks_like_bytes(cell)) {
        struct rs_error plain = *error;
        return rs_fail(error, RS_ERECORD,
                       "%s; --format avro-json reads decimals that are written as their bytes", plain.text);
    }
    if (rc != 0) {
        return rc;
    }
    rs_u128 magnitude = value < 0 ? -(rs_u128)value : (rs_u128)value;
    if (type->precision < RS_I128_DIGITS && magnitude >= rs_pow10_u128(type->precision)) {
        return rs_fail(error, RS_ERECORD, "has more than %d digits, %d of them behind the point",
                       type->precision, type->scale);
    }
    put_decimal(value, type, out);
    return 0;
}

/* ---- texts ---- */

static int encode_boolean(const struct rs_cell *cell, struct rs_buf *out, struct rs_error *error)
{
    uint8_t value = 0;
    if (cell->kind == RS_CELL_BOOLEAN || (cell->kind == RS_CELL_INT64 && (cell->i & 1) == cell->i)) {
        value = cell->i != 0;
    } else if (is_text(cell) && (text_is(cell->text, "true") || text_is(cell->text, "1"))) {
        value = 1;
    } else if (!is_text(cell) || !(text_is(cell->text, "false") || text_is(cell->text, "0"))) {
        return not_a(cell, "true or false", error);
    }
    rs_put_raw(out, rs_slice_of(&value, 1));
    return 0;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* 8-4-4-4-12 hexadecimal digits (RFC 4122). */
static bool read_uuid(struct rs_slice text, uint8_t out[16])
{
    size_t n = 0;
    if (text.size != 36) {
        return false;
    }
    for (size_t i = 0; i < 36; i++) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (text.data[i] != '-') {
                return false;
            }
            continue;
        }
        int digit = hex_digit(text.data[i]);
        if (digit < 0) {
            return false;
        }
        out[n / 2] = (uint8_t)(out[n / 2] << 4 | digit);
        n++;
    }
    return true;
}

static int encode_string(const struct rs_cell *cell, const struct rs_schema *type, struct rs_buf *out,
                         struct rs_error *error)
{
    uint8_t uuid[16] = {0};
    struct rs_cell text;
    char written[RS_ENCODE_TIME_TEXT_MAX];
    if (rs_encode_write_time(cell, written, &text)) {
        cell = &text;
    }
    if (!is_text(cell) && cell->kind != RS_CELL_BYTES) {
        return not_a(cell, "a string", error);
    }
    if (!rs_utf8_valid(cell->text.data, cell->text.size)) {
        return refuse(error, "is not valid UTF-8");
    }
    if (type->logical == RS_LOGICAL_UUID && !read_uuid(cell->text, uuid)) {
        return not_a(cell, "a uuid (8-4-4-4-12 hexadecimal digits)", error);
    }
    rs_put_bytes(out, cell->text);
    return 0;
}

/* Where the schema says decimal but not validly, a number is meant, and its characters are not to be stored.
 */
static bool is_number(const struct rs_cell *cell)
{
    double ignored;
    struct rs_error error;
    bool number = cell->kind == RS_CELL_NUMBER || cell->kind == RS_CELL_INT64 || cell->kind == RS_CELL_DOUBLE;
    return number ||
           (is_text(cell) && cell->text.size > 0 && rs_double_parse(cell->text, &ignored, &error) == 0);
}

static int read_bytes(const struct rs_cell *cell, const struct rs_schema *type, struct rs_buf *out,
                      struct rs_error *error)
{
    if (type->ignored && is_number(cell)) {
        return rs_fail(error, RS_ERECORD, "is a number, and the schema's type is %s", type->ignored);
    }
    if (cell->kind == RS_CELL_BYTES || cell->kind == RS_CELL_UTF8) {
        rs_put_raw(out, cell->text);
        return 0;
    }
    if (!is_text(cell)) {
        return not_a(cell, "a text that stands for bytes", error);
    }
    if (put_characters(cell->text, out) < 0) {
        return out->failed
                   ? rs_fail(error, RS_ENOMEM, "out of memory")
                   : refuse(error,
                            "stands for bytes, one character U+0000 to U+00FF each; this one does not");
    }
    return 0;
}

/* The length goes in front of what is only measured by writing it. */
static int encode_bytes(const struct rs_cell *cell, const struct rs_schema *type, struct rs_buf *out,
                        struct rs_error *error)
{
    uint8_t prefix[RS_ZIGZAG_MAX];
    size_t start = out->size;
    int rc = read_bytes(cell, type, out, error);
    size_t count = out->size - start;
    size_t size = rs_zigzag((int64_t)count, prefix);
    if (rc == 0 && rs_buf_reserve(out, size)) {
        memmove(out->data + start + size, out->data + start, count);
        memcpy(out->data + start, prefix, size);
        out->size += size;
    }
    return rc;
}

static int encode_fixed(const struct rs_cell *cell, const struct rs_schema *type, struct rs_buf *out,
                        struct rs_error *error)
{
    uint8_t uuid[16] = {0};
    if (type->logical == RS_LOGICAL_UUID && is_text(cell) && read_uuid(cell->text, uuid)) {
        rs_put_raw(out, rs_slice_of(uuid, sizeof uuid));
        return 0;
    }
    size_t start = out->size;
    int rc = read_bytes(cell, type, out, error);
    if (rc == 0 && out->size - start != type->fixed_size) {
        return rs_fail(error, RS_ERECORD, "is %zu bytes long, the schema fixes %zu", out->size - start,
                       type->fixed_size);
    }
    return rc;
}

static int no_symbol(const struct rs_schema *type, struct rs_slice text, struct rs_error *error)
{
    const char **names = calloc(type->symbol_count + 1, sizeof *names);
    const char *nearest = NULL;
    char shown[RS_NAME_SHOWN_MAX + 1];
    rs_name_show(text, shown);
    for (size_t i = 0; names && i < type->symbol_count; i++) {
        names[i] = type->symbols[i];
    }
    if (names) {
        nearest = rs_nearest_name(shown, names);
    }
    if (nearest) {
        (void)rs_fail(error, RS_ERECORD, "is not a symbol of %s; did you mean %s?", type->name, nearest);
    } else {
        (void)rs_fail(error, RS_ERECORD, "is not a symbol of %s (%s%s%s)", type->name, type->symbols[0],
                      type->symbol_count > 1 ? ", " : "", type->symbol_count > 1 ? type->symbols[1] : "");
    }
    free(names);
    return RS_ERECORD;
}

static int encode_enum(const struct rs_cell *cell, const struct rs_schema *type, struct rs_buf *out,
                       struct rs_error *error)
{
    if (!is_text(cell) || cell->text.size == 0) {
        return not_a(cell, "a symbol", error);
    }
    for (size_t i = 0; i < type->symbol_count; i++) {
        const char *symbol = type->symbols[i];
        if (strncmp(symbol, (const char *)cell->text.data, cell->text.size) == 0 &&
            symbol[cell->text.size] == '\0') {
            rs_put_long(out, (int64_t)i);
            return 0;
        }
    }
    return no_symbol(type, cell->text, error);
}

/* ---- entry ---- */

bool rs_encode_is_null(const struct rs_encoder *encoder, const struct rs_cell *cell)
{
    if (cell->kind == RS_CELL_TEXT) {
        return cell->text.size == 0 ||
               (encoder->null_text.data && rs_slice_equal(cell->text, encoder->null_text));
    }
    return cell->kind == RS_CELL_NULL || cell->kind == RS_CELL_ABSENT;
}

static int encode_null(const struct rs_encoder *e, const struct rs_cell *cell, struct rs_error *error)
{
    return rs_encode_is_null(e, cell) ? 0 : refuse(error, "is not null, which is all the schema allows");
}

/* Defaults in a schema are of the plain type: times are integers, decimals characters. */
static int encode_plain(struct rs_encoder *e, const struct rs_schema *type, const struct rs_cell *cell,
                        struct rs_buf *out, struct rs_error *error)
{
    switch (type->kind) {
    case RS_AVRO_NULL: return encode_null(e, cell, error);
    case RS_AVRO_BOOLEAN: return encode_boolean(cell, out, error);
    case RS_AVRO_INT:
    case RS_AVRO_LONG: return encode_int(cell, type, out, error);
    case RS_AVRO_FLOAT: return encode_float(cell, out, error);
    case RS_AVRO_DOUBLE: return encode_double(cell, out, error);
    case RS_AVRO_BYTES: return encode_bytes(cell, type, out, error);
    case RS_AVRO_STRING: return encode_string(cell, type, out, error);
    case RS_AVRO_FIXED: return encode_fixed(cell, type, out, error);
    case RS_AVRO_ENUM: return encode_enum(cell, type, out, error);
    case RS_AVRO_ARRAY:
    case RS_AVRO_MAP:
    case RS_AVRO_UNION:
    case RS_AVRO_RECORD: break;
    }
    return rs_fail(error, RS_EINVAL, "not a scalar type");
}

static int read_stored_time(const struct rs_cell *cell, enum rs_logical logical, int64_t *out,
                            struct rs_error *error)
{
    int64_t value = 0;
    if (read_integer(cell, "a number", &value, error) != 0) {
        return rs_fail(error, RS_ERECORD, "is not the number that a %s is stored as (--time-format avro)",
                       rs_schema_logical_name(logical));
    }
    if (!rs_encode_stored_in_range(logical, value)) {
        return rs_fail(error, RS_ERECORD, "is outside what a %s can be", rs_schema_logical_name(logical));
    }
    *out = value;
    return 0;
}

static int encode_any(struct rs_encoder *e, const struct rs_schema *type, const struct rs_cell *cell,
                      struct rs_buf *out, struct rs_error *error)
{
    int rc;
    if (type->logical == RS_LOGICAL_NONE || type->logical == RS_LOGICAL_UUID || e->schema_defaults) {
        rc = encode_plain(e, type, cell, out, error);
    } else if (type->logical == RS_LOGICAL_DECIMAL) {
        rc = encode_decimal(e, cell, type, out, error);
    } else {
        int64_t value = 0;
        rc = e->stored_times && (is_text(cell) || cell->kind == RS_CELL_NUMBER)
                 ? read_stored_time(cell, type->logical, &value, error)
                 : rs_encode_read_time(e->time, type->logical, cell, &value, error);
        if (rc == 0) {
            rs_put_long(out, value);
        }
    }
    return rc;
}

static bool is_numeric(const struct rs_schema *type)
{
    return type->logical == RS_LOGICAL_DECIMAL ||
           (type->logical == RS_LOGICAL_NONE &&
            (type->kind == RS_AVRO_INT || type->kind == RS_AVRO_LONG || type->kind == RS_AVRO_FLOAT ||
             type->kind == RS_AVRO_DOUBLE));
}

/* A text that is to be a number, with a comma before its fraction if the user has said so. */
static int encode_number(struct rs_encoder *e, const struct rs_schema *type, const struct rs_cell *cell,
                         struct rs_buf *out, struct rs_error *error)
{
    char text[RS_COMMA_TEXT_MAX];
    struct rs_cell number = *cell;
    if (e->decimal_comma) {
        int rc = rs_comma_number(cell->text, text, &number.text, error);
        number.kind = rc == 1 ? (uint8_t)RS_CELL_NUMBER : number.kind; /* nothing is left to be guessed */
        return rc < 0 ? rc : encode_any(e, type, &number, out, error);
    }
    int rc = encode_any(e, type, cell, out, error);
    if (rc == RS_ERECORD && rs_comma_likely(cell->text)) {
        struct rs_error plain = *error;
        return rs_fail(error, RS_ERECORD,
                       "%s; with --decimal-comma a comma stands before the fraction, as in 1.234,56",
                       plain.text);
    }
    return rc;
}

int rs_encode_scalar(struct rs_encoder *e, const struct rs_schema *type, const struct rs_cell *cell,
                     struct rs_buf *out, struct rs_error *error)
{
    bool text = cell->kind == RS_CELL_TEXT || cell->kind == RS_CELL_STRING;
    int rc = text && is_numeric(type) ? encode_number(e, type, cell, out, error)
                                      : encode_any(e, type, cell, out, error);
    if (rc != 0) {
        e->fault_at = cell->at;
    }
    return rc;
}
