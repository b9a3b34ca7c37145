/* The pieces of a JSON text (RFC 8259), read with every check. */
#include <endian.h>
#include <string.h>

#include "base/utf8.h"
#include "schemas/json_internal.h"

#define ONES UINT64_C(0x0101010101010101)
#define HIGH UINT64_C(0x8080808080808080)

#define EXACT_DIGITS 19 /* every number of so many digits fits 64 bits */

void rs_json_space(struct rs_json_cursor *c)
{
    const uint8_t *p = c->p;
    while (p < c->end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) {
        p++;
    }
    c->p = p;
}

enum rs_reason rs_json_word(struct rs_json_cursor *c, const char *word)
{
    for (; *word != '\0'; word++, c->p++) {
        if (c->p == c->end) {
            return RS_REASON_TRUNCATED;
        }
        if (*c->p != (uint8_t)*word) {
            return RS_REASON_JSON;
        }
    }
    return RS_REASON_NONE;
}

/* ---- texts ---- */

/* A high bit for each byte that is `byte` (Mycroft). Bits above a true one may be wrong: only the lowest counts. */
static uint64_t equal_bytes(uint64_t word, uint8_t byte)
{
    uint64_t other = word ^ (ONES * byte);
    return (other - ONES) & ~other & HIGH;
}

/* How many of the bytes from `p` on are neither a quote nor a backslash nor a control character; *seen collects
 * their high bits. */
static size_t plain_bytes(const uint8_t *p, const uint8_t *end, uint64_t *seen)
{
    const uint8_t *from = p;
    while (end - p >= 8) {
        uint64_t word;
        memcpy(&word, p, sizeof word);
        word = le64toh(word);
        uint64_t control = (word - ONES * 0x20) & ~word & HIGH;
        uint64_t stop = control | equal_bytes(word, '"') | equal_bytes(word, '\\');
        if (stop) {
            unsigned bytes = (unsigned)__builtin_ctzll(stop) / 8;
            *seen |= bytes == 0 ? 0 : word << (64 - 8 * bytes);
            return (size_t)(p - from) + bytes;
        }
        *seen |= word;
        p += 8;
    }
    while (p < end && *p != '"' && *p != '\\' && *p >= 0x20) {
        *seen |= (uint64_t)*p << 56 | *p;
        p++;
    }
    return (size_t)(p - from);
}

enum rs_reason rs_json_text(struct rs_json_cursor *c, struct rs_json_text *out)
{
    const uint8_t *from = c->p;
    uint64_t seen = 0;
    out->escaped = false;
    for (;;) {
        c->p += plain_bytes(c->p, c->end, &seen);
        if (c->p == c->end) {
            return RS_REASON_TRUNCATED;
        }
        if (*c->p == '"') {
            break;
        }
        if (*c->p != '\\') {
            return RS_REASON_JSON; /* a control character */
        }
        if (c->end - c->p < 2) {
            return RS_REASON_TRUNCATED;
        }
        out->escaped = true;
        c->p += 2;
    }
    out->raw = rs_slice_of(from, (size_t)(c->p - from));
    if ((seen & HIGH) != 0 || out->escaped) { /* a byte behind a backslash was not looked at */
        size_t valid = rs_utf8_valid_until(from, out->raw.size);
        if (valid < out->raw.size) {
            c->p = from + valid;
            return RS_REASON_UTF8;
        }
    }
    c->p++;
    return RS_REASON_NONE;
}

int rs_json_hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    uint8_t lower = c | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The four digits of \uXXXX; -1: they are not there. */
static int32_t hex4(const uint8_t *p, const uint8_t *end)
{
    int32_t value = 0;
    if (end - p < 4) {
        return -1;
    }
    for (int i = 0; i < 4; i++) {
        int digit = rs_json_hex_digit(p[i]);
        if (digit < 0) {
            return -1;
        }
        value = value << 4 | digit;
    }
    return value;
}

static uint8_t *put_utf8(uint8_t *out, uint32_t code)
{
    if (code < 0x80) {
        *out++ = (uint8_t)code;
    } else if (code < 0x800) {
        *out++ = (uint8_t)(0xC0 | code >> 6);
        *out++ = (uint8_t)(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        *out++ = (uint8_t)(0xE0 | code >> 12);
        *out++ = (uint8_t)(0x80 | (code >> 6 & 0x3F));
        *out++ = (uint8_t)(0x80 | (code & 0x3F));
    } else {
        *out++ = (uint8_t)(0xF0 | code >> 18);
        *out++ = (uint8_t)(0x80 | (code >> 12 & 0x3F));
        *out++ = (uint8_t)(0x80 | (code >> 6 & 0x3F));
        *out++ = (uint8_t)(0x80 | (code & 0x3F));
    }
    return out;
}

/* \uXXXX, or the two of a character beyond U+FFFF; *p stands behind the u. Half a pair is no character. */
static enum rs_reason unicode_escape(const uint8_t **p, const uint8_t *end, uint8_t **out)
{
    int32_t code = hex4(*p, end);
    if (code < 0) {
        return RS_REASON_JSON;
    }
    *p += 4;
    if (code >= 0xD800 && code <= 0xDFFF) {
        int32_t low = end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u' ? hex4(*p + 2, end) : -1;
        if (code >= 0xDC00 || low < 0xDC00 || low > 0xDFFF) {
            return RS_REASON_UTF8;
        }
        *p += 6;
        code = 0x10000 + (code - 0xD800) * 0x400 + (low - 0xDC00);
    }
    *out = put_utf8(*out, (uint32_t)code);
    return RS_REASON_NONE;
}

enum rs_reason rs_json_unescape(struct rs_slice raw, uint8_t *out, size_t *size, const uint8_t **fault)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char stands_for[] = "\"\\/\b\f\n\r\t";
    const uint8_t *p = raw.data;
    const uint8_t *end = p + raw.size;
    uint8_t *at = out;
    while (p < end) {
        if (*p != '\\') {
            *at++ = *p++;
            continue;
        }
        *fault = p;
        const char *letter = p[1] == '\0' ? NULL : strchr(letters, p[1]);
        if (letter) {
            *at++ = (uint8_t)stands_for[letter - letters];
            p += 2;
            continue;
        }
        enum rs_reason reason = RS_REASON_JSON;
        if (p[1] == 'u') {
            p += 2;
            reason = unicode_escape(&p, end, &at);
        }
        if (reason != RS_REASON_NONE) {
            return reason;
        }
    }
    *size = (size_t)(at - out);
    return RS_REASON_NONE;
}

/* ---- numbers ---- */

static bool is_digit(const struct rs_json_cursor *c)
{
    return c->p < c->end && *c->p >= '0' && *c->p <= '9';
}

/* A run of digits, which has to be there; returns how many, 0: none. */
static size_t take_digits(struct rs_json_cursor *c, uint64_t *value)
{
    const uint8_t *from = c->p;
    uint64_t sum = *value;
    while (is_digit(c)) {
        sum = sum * 10 + (uint64_t)(*c->p++ - '0'); /* what wraps is not used: EXACT_DIGITS */
    }
    *value = sum;
    return (size_t)(c->p - from);
}

static enum rs_reason ends_early(const struct rs_json_cursor *c)
{
    return c->p == c->end ? RS_REASON_TRUNCATED : RS_REASON_JSON;
}

enum rs_reason rs_json_number(struct rs_json_cursor *c, struct rs_json_number *out)
{
    const uint8_t *from = c->p;
    uint64_t ignored = 0;
    out->negative = *c->p == '-';
    c->p += out->negative;
    out->digits = 0;
    const uint8_t *first = c->p;
    size_t whole = take_digits(c, &out->digits);
    if (whole == 0) {
        return ends_early(c);
    }
    if (*first == '0' && whole > 1) {
        c->p = first;
        return RS_REASON_JSON;
    }
    size_t after = 0;
    if (c->p < c->end && *c->p == '.') {
        c->p++;
        after = take_digits(c, &out->digits);
        if (after == 0) {
            return ends_early(c);
        }
    }
    out->exact = whole + after <= EXACT_DIGITS;
    out->scale = out->exact ? (int)after : 0;
    if (c->p < c->end && (*c->p | 0x20) == 'e') {
        c->p++;
        c->p += c->p < c->end && (*c->p == '+' || *c->p == '-');
        if (take_digits(c, &ignored) == 0) {
            return ends_early(c);
        }
        out->exact = false;
    }
    out->text = rs_slice_of(from, (size_t)(c->p - from));
    return RS_REASON_NONE;
}
