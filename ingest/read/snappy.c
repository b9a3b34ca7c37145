#include "ingest/read/snappy.h"

#include <string.h>

struct packed {
    const uint8_t *p;
    const uint8_t *end;
};

static bool get_length(struct packed *in, uint64_t *out)
{
    *out = 0;
    for (unsigned shift = 0; shift < 35 && in->p < in->end; shift += 7) {
        uint8_t byte = *in->p++;
        *out |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return true;
        }
    }
    return false;
}

/* Little-endian number of 1 to 4 bytes. */
static bool get_number(struct packed *in, size_t size, size_t *out)
{
    if ((size_t)(in->end - in->p) < size) {
        return false;
    }
    *out = 0;
    for (size_t i = 0; i < size; i++) {
        *out |= (size_t)in->p[i] << (8 * i);
    }
    in->p += size;
    return true;
}

static bool literal(struct packed *in, uint8_t tag, size_t total, struct rs_buf *out)
{
    size_t length = tag >> 2;
    if (length >= 60 && !get_number(in, length - 59, &length)) {
        return false;
    }
    length++;
    if (length > (size_t)(in->end - in->p) || length > total - out->size) {
        return false;
    }
    rs_buf_put(out, in->p, length);
    in->p += length;
    return true;
}

/* The copied run may overlap what it makes: byte by byte. The room was reserved for the whole. */
static bool copy(struct packed *in, uint8_t tag, size_t total, struct rs_buf *out)
{
    size_t length = (tag >> 2) + (size_t)1;
    size_t offset = 0;
    size_t size = (tag & 3) == 3 ? 4 : tag & 3;
    if (!get_number(in, size, &offset)) {
        return false;
    }
    if (size == 1) {
        length = ((tag >> 2) & 7) + (size_t)4;
        offset |= (size_t)(tag >> 5) << 8;
    }
    if (offset == 0 || offset > out->size || length > total - out->size) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        out->data[out->size + i] = out->data[out->size + i - offset];
    }
    out->size += length;
    return true;
}

bool rs_snappy_unpack(struct rs_slice packed, size_t limit, struct rs_buf *out)
{
    struct packed in = {.p = packed.data, .end = packed.data + packed.size};
    uint64_t total = 0;
    rs_buf_reset(out);
    if (!get_length(&in, &total) || total > limit || !rs_buf_reserve(out, (size_t)total)) {
        return false;
    }
    while (in.p < in.end) {
        uint8_t tag = *in.p++;
        if (!((tag & 3) == 0 ? literal(&in, tag, (size_t)total, out) : copy(&in, tag, (size_t)total, out))) {
            return false;
        }
    }
    return out->size == total;
}
