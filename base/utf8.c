#include "base/utf8.h"

#include <string.h>

/* Second bytes that a lead byte allows; the others are always 80..BF (Unicode 15, table 3-7). */
struct lead {
    size_t length;
    uint8_t second_min;
    uint8_t second_max;
};

static struct lead lead_of(uint8_t c)
{
    if (c >= 0xC2 && c <= 0xDF) {
        return (struct lead){2, 0x80, 0xBF};
    }
    if (c >= 0xE0 && c <= 0xEF) {
        return (struct lead){3, c == 0xE0 ? 0xA0 : 0x80, c == 0xED ? 0x9F : 0xBF};
    }
    if (c >= 0xF0 && c <= 0xF4) {
        return (struct lead){4, c == 0xF0 ? 0x90 : 0x80, c == 0xF4 ? 0x8F : 0xBF};
    }
    return (struct lead){0, 0, 0};
}

static bool is_continuation(uint8_t c)
{
    return (c & 0xC0) == 0x80;
}

size_t rs_utf8_sequence(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    if (data[0] < 0x80) {
        return 1;
    }
    struct lead lead = lead_of(data[0]);
    if (lead.length == 0 || size < lead.length || data[1] < lead.second_min || data[1] > lead.second_max) {
        return 0;
    }
    for (size_t i = 2; i < lead.length; i++) {
        if (!is_continuation(data[i])) {
            return 0;
        }
    }
    return lead.length;
}

/* Most text is ASCII: whole words without a high bit are passed over. */
static size_t skip_ascii(const uint8_t *data, size_t size)
{
    size_t at = 0;
    while (size - at >= sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, data + at, sizeof word);
        if ((word & UINT64_C(0x8080808080808080)) != 0) {
            break;
        }
        at += sizeof word;
    }
    while (at < size && data[at] < 0x80) {
        at++;
    }
    return at;
}

size_t rs_utf8_valid_until(const uint8_t *data, size_t size)
{
    size_t at = 0;
    for (;;) {
        at += skip_ascii(data + at, size - at);
        if (at == size) {
            return size;
        }
        size_t length = rs_utf8_sequence(data + at, size - at);
        if (length == 0) {
            return at;
        }
        at += length;
    }
}

bool rs_utf8_valid(const uint8_t *data, size_t size)
{
    return size == 0 || rs_utf8_valid_until(data, size) == size;
}

size_t rs_utf8_cut(const uint8_t *data, size_t size)
{
    size_t start = size;
    while (start > 0 && size - start < 4) {
        start--;
        if (!is_continuation(data[start])) {
            return rs_utf8_sequence(data + start, size - start) == 0 ? start : size;
        }
    }
    return start;
}
