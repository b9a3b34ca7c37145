#include "ingest/encode/comma.h"

#include <string.h>

static bool digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* Of text[from, to): one to three digits, then a point and three digits once or more. */
static bool thousands(struct rs_slice text, size_t from, size_t to)
{
    size_t run = 0;
    bool first = true;
    for (size_t i = from; i < to; i++) {
        if (digit(text.data[i])) {
            run++;
        } else if (text.data[i] == '.' && run >= 1 && (first ? run <= 3 : run == 3)) {
            first = false;
            run = 0;
        } else {
            return false;
        }
    }
    return run == 3;
}

int rs_comma_number(struct rs_slice text, char out[RS_COMMA_TEXT_MAX], struct rs_slice *number,
                    struct rs_error *error)
{
    const uint8_t *comma = text.size > 0 ? memchr(text.data, ',', text.size) : NULL;
    const uint8_t *point = text.size > 0 ? memchr(text.data, '.', text.size) : NULL;
    size_t size = 0;
    if (!comma && !point) {
        return 0;
    }
    if (text.size > RS_COMMA_TEXT_MAX) {
        return rs_fail(error, RS_ERECORD, "is longer than %d bytes, which no number needs",
                       RS_COMMA_TEXT_MAX);
    }
    size_t sign = text.data[0] == '-' || text.data[0] == '+';
    size_t whole = comma ? (size_t)(comma - text.data) : text.size;
    if (point && !thousands(text, sign, whole)) {
        return rs_fail(error, RS_ERECORD,
                       "has a point that does not stand between thousands; with --decimal-comma numbers are "
                       "written 1.234,56");
    }
    if (comma && memchr(comma + 1, ',', text.size - whole - 1)) {
        return rs_fail(error, RS_ERECORD,
                       "has more than one comma; with --decimal-comma numbers are written 1.234,56");
    }
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] != '.') {
            char c = (char)text.data[i];
            out[size++] = (char)(c == ',' ? '.' : c);
        }
    }
    *number = rs_slice_of(out, size);
    return 1;
}

bool rs_comma_likely(struct rs_slice text)
{
    size_t i = text.size;
    while (i > 0 && digit(text.data[i - 1])) {
        i--;
    }
    return i < text.size && i > 1 && text.data[i - 1] == ',' && digit(text.data[i - 2]);
}
