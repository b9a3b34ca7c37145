#include "sink/top/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "base/utf8.h"

#define BRIEF_DIGITS  7
#define DOUBLE_DIGITS 15 /* every decimal of so many survives a double */

/* The code point of a valid sequence of `size` bytes. */
static wchar_t decode(const uint8_t *text, size_t size)
{
    static const uint8_t lead_bits[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t point = text[0] & lead_bits[size];
    for (size_t i = 1; i < size; i++) {
        point = point << 6 | (text[i] & 0x3Fu);
    }
    return (wchar_t)point;
}

/* One character of `text`: its bytes and cells. What cannot be shown is one byte and one cell, and not
 * printable. */
static size_t next_char(const char *text, int *cells, bool *printable)
{
    const uint8_t *bytes = (const uint8_t *)text;
    size_t size = rs_utf8_sequence(bytes, strnlen(text, 4));
    int width = size > 0 ? wcwidth(decode(bytes, size)) : -1;
    *printable = width >= 0;
    *cells = *printable ? width : 1;
    return size > 0 ? size : 1;
}

int rs_top_width(const char *text)
{
    int total = 0;
    int cells;
    bool printable;
    while (*text) {
        text += next_char(text, &cells, &printable);
        total += cells;
    }
    return total;
}

static void put_blanks(struct rs_buf *out, int count)
{
    for (int i = 0; i < count; i++) {
        rs_buf_char(out, ' ');
    }
}

/* Characters of `text` up to `width` cells; returns the cells. */
static int put_chars(struct rs_buf *out, const char *text, int width)
{
    int used = 0;
    while (*text) {
        int cells;
        bool printable;
        size_t size = next_char(text, &cells, &printable);
        if (used + cells > width) {
            break;
        }
        if (printable) {
            rs_buf_put(out, text, size);
        } else {
            rs_buf_char(out, '?');
        }
        used += cells;
        text += size;
    }
    return used;
}

void rs_top_put(struct rs_buf *out, const char *text, int width, bool right)
{
    int whole = rs_top_width(text);
    if (width <= 0) {
        return;
    }
    if (whole > width) {
        int used = put_chars(out, text, width - 1);
        rs_buf_text(out, rs_top_width("…") == 1 ? "…" : "~");
        put_blanks(out, width - 1 - used);
        return;
    }
    put_blanks(out, right ? width - whole : 0);
    put_chars(out, text, width);
    put_blanks(out, right ? 0 : width - whole);
}

void rs_top_wide(const char *text, wchar_t *out, size_t capacity)
{
    size_t used = 0;
    while (*text && used + 1 < capacity) {
        const uint8_t *bytes = (const uint8_t *)text;
        size_t size = rs_utf8_sequence(bytes, strnlen(text, 4));
        out[used++] = size > 0 ? decode(bytes, size) : L'?';
        text += size > 0 ? size : 1;
    }
    out[used] = L'\0';
}

static int significant_digits(const char *text)
{
    int count = 0;
    for (; *text && *text != 'e' && *text != 'E'; text++) {
        bool digit = *text >= '0' && *text <= '9';
        count += digit && (count > 0 || *text != '0');
    }
    return count;
}

static bool is_long(const char *text, bool inexact)
{
    int digits = significant_digits(text);
    bool power = strpbrk(text, "eE") != NULL; /* exact decimals are never written so */
    if (digits <= BRIEF_DIGITS || !(power || strchr(text, '.'))) {
        return false;
    }
    return inexact || power || digits == DOUBLE_DIGITS + 1 || digits == DOUBLE_DIGITS + 2;
}

static bool parse_double(const char *text, double *out)
{
    struct rs_error error;
    return rs_double_parse(rs_slice_text(text), out, &error) == 0;
}

const char *rs_top_brief(const char *text, bool inexact, char *out)
{
    double value;
    if (!is_long(text, inexact) || !parse_double(text, &value)) {
        return text;
    }
    if (fabs(value) >= 1e6 && fabs(value) < 1e21) {
        value = nearbyint(value);
    } else {
        char rounded[32];
        snprintf(rounded, sizeof rounded, "%.*e", BRIEF_DIGITS - 1, value);
        if (!parse_double(rounded, &value)) {
            return text;
        }
    }
    out[rs_double_format(value, out)] = '\0';
    return out;
}
