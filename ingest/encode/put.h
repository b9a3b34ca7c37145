/* put: Avro's binary encoding of the smallest pieces (Avro 1.11.1 specification, "Binary Encoding").
 * Inline, since each is a handful of instructions on the publisher's path per field.
 * Thread: any; nothing is kept. */
#ifndef RS_INGEST_ENCODE_PUT_H
#define RS_INGEST_ENCODE_PUT_H

#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/slice.h"

#define RS_ZIGZAG_MAX 10

/* Zigzag varint; returns its length. */
static inline size_t rs_zigzag(int64_t value, uint8_t out[RS_ZIGZAG_MAX])
{
    uint64_t n = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
    size_t i = 0;
    for (; n > 0x7f; n >>= 7) {
        out[i++] = (uint8_t)(n | 0x80);
    }
    out[i++] = (uint8_t)n;
    return i;
}

static inline void rs_put_long(struct rs_buf *out, int64_t value)
{
    if (out->capacity - out->size >= RS_ZIGZAG_MAX || rs_buf_reserve(out, RS_ZIGZAG_MAX)) {
        out->size += rs_zigzag(value, out->data + out->size);
    }
}

static inline void rs_put_raw(struct rs_buf *out, struct rs_slice bytes)
{
    if (out->capacity - out->size >= bytes.size || rs_buf_reserve(out, bytes.size)) {
        if (bytes.size > 0) {
            memcpy(out->data + out->size, bytes.data, bytes.size);
        }
        out->size += bytes.size;
    }
}

/* bytes and string: length, then the bytes */
static inline void rs_put_bytes(struct rs_buf *out, struct rs_slice bytes)
{
    rs_put_long(out, (int64_t)bytes.size);
    rs_put_raw(out, bytes);
}

#endif
