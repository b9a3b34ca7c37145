/* The pieces of a JSON text (RFC 8259), read with every check. */
#include <endian.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/utf8.h"
#include "schemas/json_internal.h"

#define ONES UINT64_C(0x0101010101010101)
#define HIGH UINT64_C(0x8080808080808080)

#define EXACT_DIGITS 19 /* every number of so many digits fits 64 bits */

void rs_json_blanks(struct rs_json_cursor *c)
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
static inline uint64_t equal_bytes(uint64_t word, uint8_t byte)
{
    uint64_t other = word ^ (ONES * byte);
    return (other - ONES) & ~other & HIGH;
}

/* How many of the bytes from `p` on are neither a quote nor a backslash nor a control character; *high: whether
 * one of them is no ASCII. */
static inline size_t plain_words(const uint8_t *p, const uint8_t *end, bool *high)
{
    const uint8_t *from = p;
    uint64_t seen = 0;
    while (end - p >= 8) {
        uint64_t word;
        memcpy(&word, p, sizeof word);
        word = le64toh(word);
        uint64_t control = (word - ONES * 0x20) & ~word & HIGH;
        uint64_t stop = control | equal_bytes(word, '"') | equal_bytes(word, '\\');
        if (stop) {
            unsigned bytes = (unsigned)__builtin_ctzll(stop) / 8;
            seen |= bytes == 0 ? 0 : word << (64 - 8 * bytes);
            *high |= (seen & HIGH) != 0;
            return (size_t)(p - from) + bytes;
        }
        seen |= word;
        p += 8;
    }
    *high |= (seen & HIGH) != 0;
    while (p < end && *p != '"' && *p != '\\' && *p >= 0x20) {
        *high |= *p >= 0x80;
        p++;
    }
    return (size_t)(p - from);
}

#ifdef __SSE2__
/* The same, sixteen bytes at a time. */
static inline size_t plain_bytes(const uint8_t *p, const uint8_t *end, bool *high)
{
    const uint8_t *from = p;
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i control = _mm_set1_epi8(0x1f);
    while (end - p >= 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i stops = _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash));
        stops = _mm_or_si128(stops, _mm_cmpeq_epi8(_mm_min_epu8(bytes, control), bytes));
        unsigned stop = (unsigned)_mm_movemask_epi8(stops);
        unsigned above = (unsigned)_mm_movemask_epi8(bytes);
        if (stop != 0) {
            unsigned count = (unsigned)__builtin_ctz(stop);
            *high |= (above & ((1U << count) - 1)) != 0;
            return (size_t)(p - from) + count;
        }
        *high |= above != 0;
        p += 16;
    }
    return (size_t)(p - from) + plain_words(p, end, high);
}
#else
static inline size_t plain_bytes(const uint8_t *p, const uint8_t *end, bool *high)
{
    return plain_words(p, end, high);
}
#endif

enum rs_reason rs_json_text(struct rs_json_cursor *c, struct rs_json_text *out)
{
    const uint8_t *from = c->p;
    bool high = false;
    out->escaped = false;
    for (;;) {
        c->p += plain_bytes(c->p, c->end, &high);
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
    if (high || out->escaped) { /* a byte behind a backslash was not looked at */
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

/* A run of digits, which may be none; *value goes on with them. */
static inline const uint8_t *take_digits(const uint8_t *p, const uint8_t *end, uint64_t *value)
{
    uint64_t sum = *value;
    for (; p < end && (uint8_t)(*p - '0') <= 9; p++) {
        sum = sum * 10 + (uint64_t)(*p - '0'); /* what wraps is not used: EXACT_DIGITS */
    }
    *value = sum;
    return p;
}

/* A digit has to stand at `p`. */
static enum rs_reason no_digit(struct rs_json_cursor *c, const uint8_t *p)
{
    c->p = p;
    return p == c->end ? RS_REASON_TRUNCATED : RS_REASON_JSON;
}

enum rs_reason rs_json_number(struct rs_json_cursor *c, struct rs_json_number *out)
{
    const uint8_t *end = c->end;
    out->negative = *c->p == '-';
    const uint8_t *first = c->p + out->negative;
    out->digits = 0;
    const uint8_t *p = take_digits(first, end, &out->digits);
    size_t count = (size_t)(p - first);
    size_t after = 0;
    if (count == 0) {
        return no_digit(c, p);
    }
    if (*first == '0' && count > 1) {
        c->p = first;
        return RS_REASON_JSON;
    }
    if (p < end && *p == '.') {
        const uint8_t *point = p++;
        p = take_digits(p, end, &out->digits);
        after = (size_t)(p - point) - 1;
        if (after == 0) {
            return no_digit(c, p);
        }
    }
    out->exact = count + after <= EXACT_DIGITS;
    out->scale = out->exact ? (int)after : 0;
    if (p < end && (*p | 0x20) == 'e') {
        uint64_t ignored = 0;
        p++;
        p += p < end && (*p == '+' || *p == '-');
        const uint8_t *exponent = p;
        p = take_digits(p, end, &ignored);
        if (p == exponent) {
            return no_digit(c, p);
        }
        out->exact = false;
    }
    out->text = rs_slice_of(c->p, (size_t)(p - c->p));
    c->p = p;
    return RS_REASON_NONE;
}
