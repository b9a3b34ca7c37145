#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"

#define BUF_FIRST_CAPACITY 64

void rs_buf_fini(struct rs_buf *buf)
{
    free(buf->data);
    *buf = (struct rs_buf){0};
}

void rs_buf_reset(struct rs_buf *buf)
{
    buf->size = 0;
    buf->failed = false;
}

/* Doubling keeps a run of appends linear; SIZE_MAX / 2 is past any memory there is. */
static size_t grown_capacity(size_t capacity, size_t wanted)
{
    size_t grown = capacity < BUF_FIRST_CAPACITY ? BUF_FIRST_CAPACITY : capacity;
    while (grown < wanted) {
        grown *= 2;
    }
    return grown;
}

bool rs_buf_grow(struct rs_buf *buf, size_t more)
{
    if (buf->failed) {
        return false;
    }
    uint8_t *data = NULL;
    size_t capacity = 0;
    if (more <= SIZE_MAX / 4 && buf->size <= SIZE_MAX / 4) {
        capacity = grown_capacity(buf->capacity, buf->size + more);
        data = realloc(buf->data, capacity);
    }
    if (!data) {
        buf->failed = true;
        return false;
    }
    buf->data = data;
    buf->capacity = capacity;
    return true;
}

void rs_buf_text(struct rs_buf *buf, const char *text)
{
    rs_buf_put(buf, text, strlen(text));
}

void rs_buf_char(struct rs_buf *buf, char c)
{
    if (rs_buf_reserve(buf, 1)) {
        buf->data[buf->size++] = (uint8_t)c;
    }
}

void rs_buf_vprintf(struct rs_buf *buf, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (length < 0) {
        buf->failed = true;
        return;
    }
    size_t size = (size_t)length;
    if (rs_buf_reserve(buf, size + 1)) {
        (void)vsnprintf((char *)buf->data + buf->size, size + 1, format, args);
        buf->size += size;
    }
}

void rs_buf_printf(struct rs_buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    rs_buf_vprintf(buf, format, args);
    va_end(args);
}

const char *rs_buf_cstr(struct rs_buf *buf)
{
    if (!rs_buf_reserve(buf, 1)) {
        return NULL;
    }
    buf->data[buf->size] = '\0';
    return (const char *)buf->data;
}

static char short_escape(uint8_t c)
{
    switch (c) {
    case '"': return '"';
    case '\\': return '\\';
    case '\b': return 'b';
    case '\f': return 'f';
    case '\n': return 'n';
    case '\r': return 'r';
    case '\t': return 't';
    default: return '\0';
    }
}

static void json_escape(struct rs_buf *buf, uint8_t c)
{
    char letter = short_escape(c);
    if (letter != '\0') {
        rs_buf_char(buf, '\\');
        rs_buf_char(buf, letter);
    } else {
        rs_buf_printf(buf, "\\u%04x", (unsigned)c);
    }
}

/* Bytes that stand for themselves in a JSON string, from the start of `data`. */
static size_t json_plain(const uint8_t *data, size_t size)
{
    size_t at = 0;
    while (at < size && data[at] >= 0x20 && data[at] < 0x80 && data[at] != '"' && data[at] != '\\') {
        at++;
    }
    return at;
}

void rs_buf_json_string(struct rs_buf *buf, struct rs_slice text)
{
    rs_buf_char(buf, '"');
    size_t at = 0;
    while (at < text.size) {
        size_t plain = json_plain(text.data + at, text.size - at);
        rs_buf_put(buf, text.data + at, plain);
        at += plain;
        if (at == text.size) {
            break;
        }
        size_t length = rs_utf8_sequence(text.data + at, text.size - at);
        if (length == 0) {
            rs_buf_text(buf, "\xEF\xBF\xBD");
            at++;
        } else if (length == 1) {
            json_escape(buf, text.data[at]);
            at++;
        } else {
            rs_buf_put(buf, text.data + at, length);
            at += length;
        }
    }
    rs_buf_char(buf, '"');
}

int rs_buf_write(struct rs_buf *buf, FILE *file, struct rs_error *error)
{
    bool written = !buf->failed && fwrite(buf->data, 1, buf->size, file) == buf->size;
    int rc = written       ? 0
             : buf->failed ? rs_fail(error, RS_ENOMEM, "out of memory")
                           : rs_fail(error, RS_EIO, "the output cannot be written");
    rs_buf_reset(buf);
    return rc;
}

void rs_buf_printable(struct rs_buf *buf, struct rs_slice text)
{
    for (size_t at = 0; at < text.size;) {
        size_t length = rs_utf8_sequence(text.data + at, text.size - at);
        const uint8_t *c = text.data + at;
        bool control = length == 1 ? c[0] < 0x20 || c[0] == 0x7f : length == 2 && c[0] == 0xc2 && c[1] < 0xa0;
        if (length == 0 || control) {
            rs_buf_char(buf, '?');
        } else {
            rs_buf_put(buf, c, length);
        }
        at += length > 0 ? length : 1;
    }
}
