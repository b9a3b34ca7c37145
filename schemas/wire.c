#include "schemas/wire.h"

/* Byte by byte, where fewer than eight bytes follow or the varint is longer than that. */
static struct rs_wire_number varint_bytewise(const uint8_t *p, const uint8_t *end)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < RS_WIRE_LONG_BYTES; i++) {
        if (p + i == end) {
            return rs_wire_refused(RS_REASON_TRUNCATED);
        }
        if (i == RS_WIRE_LONG_BYTES - 1 && p[i] > 1) {
            return rs_wire_refused(RS_REASON_VARINT);
        }
        value |= (uint64_t)(p[i] & 0x7f) << (7 * i);
        if (p[i] < 0x80) {
            return (struct rs_wire_number){p + i + 1, value};
        }
    }
    return rs_wire_refused(RS_REASON_VARINT);
}

/* Eight bytes at once: the first byte without a continuation bit ends the varint; then the 7-bit groups are
 * drawn together in three steps, pairs, quads, all. */
struct rs_wire_number rs_wire_varint_slow(const uint8_t *p, const uint8_t *end)
{
    if (end - p < 8) {
        return varint_bytewise(p, end);
    }
    uint64_t word = rs_wire_load(p);
    uint64_t stops = ~word & RS_WIRE_HIGH_BITS;
    if (stops == 0) {
        return varint_bytewise(p, end);
    }
    unsigned bits = (unsigned)__builtin_ctzll(stops) + 1;
    word &= UINT64_MAX >> (64 - bits) & ~RS_WIRE_HIGH_BITS;
    word = (word & UINT64_C(0x007f007f007f007f)) | (word & UINT64_C(0x7f007f007f007f00)) >> 1;
    word = (word & UINT64_C(0x00003fff00003fff)) | (word & UINT64_C(0x3fff00003fff0000)) >> 2;
    word = (word & UINT64_C(0x000000000fffffff)) | (word & UINT64_C(0x0fffffff00000000)) >> 4;
    return (struct rs_wire_number){p + bits / 8, word};
}

bool rs_wire_decimal(const uint8_t *s, size_t size, int digits, rs_i128 *out)
{
    uint8_t sign = size > 0 && s[0] >= 0x80 ? 0xff : 0;
    while (size > sizeof(rs_i128) && s[0] == sign) {
        s++;
        size--;
    }
    if (size > sizeof(rs_i128) || (size == sizeof(rs_i128) && (s[0] ^ sign) >= 0x80)) {
        return false;
    }
    size_t high_size = size > 8 ? size - 8 : 0;
    uint64_t high = sign == 0 ? 0 : UINT64_MAX;
    uint64_t low = high;
    for (size_t i = 0; i < high_size; i++) {
        high = high << 8 | s[i];
    }
    for (size_t i = high_size; i < size; i++) {
        low = low << 8 | s[i];
    }
    rs_i128 number = (rs_i128)((rs_u128)high << 64 | low);
    rs_i128 most = (rs_i128)rs_pow10_u128(digits < RS_I128_DIGITS ? digits : RS_I128_DIGITS) - 1;
    if (number > most || number < -most) {
        return false;
    }
    *out = number;
    return true;
}

static bool dash_at(size_t i)
{
    return i == 8 || i == 13 || i == 18 || i == 23;
}

bool rs_wire_uuid(const uint8_t *s, size_t size)
{
    if (size != RS_WIRE_UUID_TEXT) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        bool dash = dash_at(i);
        uint8_t folded = s[i] | 0x20;
        bool hex = (s[i] >= '0' && s[i] <= '9') || (folded >= 'a' && folded <= 'f');
        if (dash ? s[i] != '-' : !hex) {
            return false;
        }
    }
    return true;
}

void rs_wire_uuid_text(const uint8_t bytes[16], char out[RS_WIRE_UUID_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    size_t digit = 0;
    for (size_t i = 0; i < RS_WIRE_UUID_TEXT; i++) {
        if (dash_at(i)) {
            out[i] = '-';
        } else {
            out[i] = digits[bytes[digit / 2] >> (digit % 2 == 0 ? 4 : 0) & 15];
            digit++;
        }
    }
}

/* Size in bytes that follows a negative count. */
static struct rs_wire_number block_size(const uint8_t *p, const uint8_t *end)
{
    struct rs_wire_number size = rs_wire_varint(p, end);
    if (size.p && ((size.value & 1) != 0 || size.value >> 1 > (uint64_t)(end - size.p))) {
        return rs_wire_refused(RS_REASON_BLOCK);
    }
    size.value >>= size.p != NULL;
    return size;
}

struct rs_wire_number rs_wire_block(const uint8_t *p, const uint8_t *end, bool empty_items, uint64_t *items,
                                    struct rs_wire_block *out)
{
    struct rs_wire_number number = rs_wire_varint(p, end);
    if (!number.p) {
        return number;
    }
    int64_t count = rs_wire_zigzag(number.value);
    *out = (struct rs_wire_block){.count = count < 0 ? 0 - (uint64_t)count : (uint64_t)count};
    if (count < 0) {
        number = block_size(number.p, end);
        if (!number.p) {
            return number;
        }
        out->block_end = number.p + number.value;
    }
    if (out->count > *items) {
        return rs_wire_refused(RS_REASON_ITEMS);
    }
    const uint8_t *limit = !out->block_end ? end : out->block_end;
    if (!empty_items && out->count > (uint64_t)(limit - number.p)) {
        return rs_wire_refused(RS_REASON_BLOCK);
    }
    *items -= out->count;
    number.value = 0;
    return number;
}
