/* wire: the primitives of Avro's binary encoding, read with every check. For schemas/, and for the readers of
 * container files in ingest/read: headers and blocks, the extent of records, and the cells of records that a
 * program has accepted.
 * A reader takes the position and the end of the message and returns the position behind the value, or NULL
 * with the reason in the place of the value: two registers, so that the position never has to live in memory
 * (through an out-parameter the position would be stored and reloaded at each op, which alone costs more than
 * the reading).
 * Thread: any; nothing is kept.
 * Source: Avro 1.11.1 specification, "Binary Encoding". */
#ifndef RS_SCHEMAS_WIRE_H
#define RS_SCHEMAS_WIRE_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/number.h"
#include "base/reason.h"
#include "base/slice.h"
#include "base/utf8.h"

#define RS_WIRE_INLINE      static inline __attribute__((always_inline))
#define RS_WIRE_LIKELY(x)   __builtin_expect((x), 1)
#define RS_WIRE_UNLIKELY(x) __builtin_expect((x), 0)

/* Longest varints of the two integer types: ceil(32 / 7) and ceil(64 / 7) bytes. */
#define RS_WIRE_INT_BYTES  5
#define RS_WIRE_LONG_BYTES 10

struct rs_wire_number {
    const uint8_t *p; /* NULL: refused */
    uint64_t value;   /* or the reason */
};

RS_WIRE_INLINE struct rs_wire_number rs_wire_refused(enum rs_reason reason)
{
    return (struct rs_wire_number){NULL, reason};
}

/* A varint of any length; the tenth byte may only hold the 64th bit. */
struct rs_wire_number rs_wire_varint_slow(const uint8_t *p, const uint8_t *end);

RS_WIRE_INLINE struct rs_wire_number rs_wire_varint(const uint8_t *p, const uint8_t *end)
{
    if (RS_WIRE_LIKELY(p < end && *p < 0x80)) {
        return (struct rs_wire_number){p + 1, *p};
    }
    return rs_wire_varint_slow(p, end);
}

RS_WIRE_INLINE int64_t rs_wire_zigzag(uint64_t raw)
{
    return (int64_t)(raw >> 1 ^ (0 - (raw & 1)));
}

/* A varint that has to fit 32 bits, still zigzag-coded. */
RS_WIRE_INLINE struct rs_wire_number rs_wire_int(const uint8_t *p, const uint8_t *end)
{
    struct rs_wire_number number = rs_wire_varint(p, end);
    if (RS_WIRE_UNLIKELY(number.p && (number.value > UINT32_MAX || number.p - p > RS_WIRE_INT_BYTES))) {
        return rs_wire_refused(RS_REASON_VARINT);
    }
    return number;
}

/* Index of an enum or a union: below `count`. */
RS_WIRE_INLINE struct rs_wire_number rs_wire_index(const uint8_t *p, const uint8_t *end, uint64_t count,
                                                   enum rs_reason out_of_range)
{
    struct rs_wire_number number = rs_wire_int(p, end);
    if (RS_WIRE_UNLIKELY(!number.p)) {
        return number;
    }
    if (RS_WIRE_UNLIKELY((number.value & 1) != 0 || number.value >> 1 >= count)) {
        return rs_wire_refused(out_of_range);
    }
    number.value >>= 1;
    return number;
}

/* Length of bytes or a string: not negative, not more than what follows. */
RS_WIRE_INLINE struct rs_wire_number rs_wire_length(const uint8_t *p, const uint8_t *end)
{
    struct rs_wire_number number = rs_wire_varint(p, end);
    if (RS_WIRE_UNLIKELY(!number.p)) {
        return number;
    }
    if (RS_WIRE_UNLIKELY((number.value & 1) != 0 || number.value >> 1 > (uint64_t)(end - number.p))) {
        return rs_wire_refused(RS_REASON_LENGTH);
    }
    number.value >>= 1;
    return number;
}

RS_WIRE_INLINE uint64_t rs_wire_load(const uint8_t *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return le64toh(word);
}

#define RS_WIRE_HIGH_BITS UINT64_C(0x8080808080808080)

/* Whether all bytes are below 0x80. `end` is that of the message: short texts are read with one load that may
 * run past them, though not past it. */
RS_WIRE_INLINE bool rs_wire_ascii(const uint8_t *s, size_t size, const uint8_t *end)
{
    if (size >= 8) {
        uint64_t seen = rs_wire_load(s) | rs_wire_load(s + size - 8);
        for (size_t i = 8; RS_WIRE_UNLIKELY(i + 8 < size); i += 8) {
            seen |= rs_wire_load(s + i);
        }
        return (seen & RS_WIRE_HIGH_BITS) == 0;
    }
    if (size == 0) {
        return true;
    }
    if (RS_WIRE_LIKELY(end - s >= 8)) {
        return (rs_wire_load(s) << (64 - 8 * size) & RS_WIRE_HIGH_BITS) == 0;
    }
    uint8_t seen = 0;
    for (size_t i = 0; i < size; i++) {
        seen |= s[i];
    }
    return seen < 0x80;
}

RS_WIRE_INLINE bool rs_wire_utf8(const uint8_t *s, size_t size, const uint8_t *end)
{
    return RS_WIRE_LIKELY(rs_wire_ascii(s, size, end)) || rs_utf8_valid(s, size);
}

/* Two's complement, big-endian, any length; no bytes at all are a zero, as some writers have it. False when
 * the value has more than `digits` decimal digits (at most RS_I128_DIGITS are taken). */
bool rs_wire_decimal(const uint8_t *s, size_t size, int digits, rs_i128 *out);

/* 8-4-4-4-12 hexadecimal digits, either case (RFC 4122: input is case-insensitive). */
bool rs_wire_uuid(const uint8_t *s, size_t size);
/* That form, in lower case, of the 16 bytes of a uuid that is a fixed. */
#define RS_WIRE_UUID_TEXT 36
void rs_wire_uuid_text(const uint8_t bytes[16], char out[RS_WIRE_UUID_TEXT]);

RS_WIRE_INLINE bool rs_wire_fits_64(rs_i128 value)
{
    return value >= INT64_MIN && value <= INT64_MAX;
}

/* Header of an array or map block. */
struct rs_wire_block {
    uint64_t count;           /* 0: the end */
    const uint8_t *block_end; /* NULL: the writer did not say */
};

/* `empty_items`: the items take no bytes, so that only the budget bounds them. *items is what is left of the
 * budget. */
struct rs_wire_number rs_wire_block(const uint8_t *p, const uint8_t *end, bool empty_items, uint64_t *items,
                                    struct rs_wire_block *out);

#endif
