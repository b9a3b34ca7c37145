/* short_number: numbers in seven bits a byte, least significant first, in as few bytes as there can be ("LEB128").
 * Thread: one. */
#ifndef RS_TRANSFORM_PANE_SHORT_NUMBER_H
#define RS_TRANSFORM_PANE_SHORT_NUMBER_H

#include "base/buf.h"
#include "base/reader.h"

static inline void rs_write_number(struct rs_buf *out, uint64_t value)
{
    for (; value > 0x7f; value >>= 7) {
        rs_buf_char(out, (char)(uint8_t)(value | 0x80));
    }
    rs_buf_char(out, (char)value);
}

/* One that is longer than need be makes the reader fail. */
static inline uint64_t rs_read_number(struct rs_reader *in)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        struct rs_slice byte = rs_read_bytes(in, 1);
        if (!byte.data) {
            return 0;
        }
        uint64_t bits = byte.data[0] & 0x7f;
        value |= bits << shift;
        if (byte.data[0] > 0x7f) {
            continue;
        }
        if ((byte.data[0] == 0 && shift > 0) || bits << shift >> shift != bits) {
            break;
        }
        return value;
    }
    in->failed = true;
    return 0;
}

#endif
