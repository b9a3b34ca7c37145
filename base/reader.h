/* reader: stored bytes back into numbers, little-endian. Running over the end is remembered, so that a run
 * of reads is checked once; what was read then is zero.
 * Thread: one. */
#ifndef RS_BASE_READER_H
#define RS_BASE_READER_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/slice.h"

struct rs_reader {
    struct rs_slice rest;
    bool failed;
};

static inline struct rs_slice rs_read_bytes(struct rs_reader *reader, size_t size)
{
    if (reader->failed || reader->rest.size < size) {
        reader->failed = true;
        return rs_slice_of(NULL, 0);
    }
    struct rs_slice bytes = rs_slice_of(reader->rest.data, size);
    reader->rest = rs_slice_of(reader->rest.data + size, reader->rest.size - size);
    return bytes;
}

static inline uint64_t rs_read_u64(struct rs_reader *reader)
{
    struct rs_slice bytes = rs_read_bytes(reader, sizeof(uint64_t));
    uint64_t value = 0;
    if (bytes.data) {
        memcpy(&value, bytes.data, sizeof value);
    }
    return le64toh(value);
}

static inline int64_t rs_read_i64(struct rs_reader *reader)
{
    return (int64_t)rs_read_u64(reader);
}

static inline uint32_t rs_read_u32(struct rs_reader *reader)
{
    struct rs_slice bytes = rs_read_bytes(reader, sizeof(uint32_t));
    uint32_t value = 0;
    if (bytes.data) {
        memcpy(&value, bytes.data, sizeof value);
    }
    return le32toh(value);
}

static inline void rs_write_u64(struct rs_buf *out, uint64_t value)
{
    uint64_t little = htole64(value);
    rs_buf_put(out, &little, sizeof little);
}

static inline void rs_write_i64(struct rs_buf *out, int64_t value)
{
    rs_write_u64(out, (uint64_t)value);
}

static inline void rs_write_u32(struct rs_buf *out, uint32_t value)
{
    uint32_t little = htole32(value);
    rs_buf_put(out, &little, sizeof little);
}

#endif
