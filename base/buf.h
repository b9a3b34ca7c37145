/* buf: growing byte buffer for text and wire bytes.
 * Thread: whoever owns it.
 * Owns: its memory. A buffer that failed to grow keeps `failed` set and ignores further appends, so that a
 * run of appends is checked once, at its end. Zero-initialised is valid and empty. */
#ifndef RS_BASE_BUF_H
#define RS_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "base/slice.h"

struct rs_buf {
    uint8_t *data;
    size_t size;
    size_t capacity;
    bool failed;
};

void rs_buf_fini(struct rs_buf *buf);              /* frees; leaves it valid and empty */
void rs_buf_reset(struct rs_buf *buf);             /* empties, keeps the memory, clears `failed` */
bool rs_buf_grow(struct rs_buf *buf, size_t more); /* of rs_buf_reserve: where there is no room yet */
void rs_buf_text(struct rs_buf *buf, const char *text);
void rs_buf_char(struct rs_buf *buf, char c);
void rs_buf_printf(struct rs_buf *buf, const char *format, ...) RS_PRINTF(2, 3);
void rs_buf_vprintf(struct rs_buf *buf, const char *format, va_list args) RS_PRINTF(2, 0);
const char *
rs_buf_cstr(struct rs_buf *buf); /* zero-terminated view until the next append; NULL when that fails */
void rs_buf_json_string(struct rs_buf *buf,
                        struct rs_slice text); /* quoted, escaped; invalid UTF-8 as U+FFFD */

/* Writes the buffer to `file` and empties it. RS_ENOMEM: it had failed; RS_EIO: the output cannot be written. */
RS_MUST_USE int rs_buf_write(struct rs_buf *buf, FILE *file, struct rs_error *error);

/* Bytes from outside as a terminal may get them: what is not printable UTF-8 becomes '?'. */
void rs_buf_printable(struct rs_buf *buf, struct rs_slice text);

/* Room for `more` bytes; false sets `failed`. */
static inline bool rs_buf_reserve(struct rs_buf *buf, size_t more)
{
    bool room = buf->data && more <= buf->capacity - buf->size;
    return (room && !buf->failed) || rs_buf_grow(buf, more);
}

static inline void rs_buf_put(struct rs_buf *buf, const void *data, size_t size)
{
    if (size > 0 && rs_buf_reserve(buf, size)) {
        memcpy(buf->data + buf->size, data, size);
        buf->size += size;
    }
}

static inline struct rs_slice rs_buf_slice(const struct rs_buf *buf)
{
    return rs_slice_of(buf->data, buf->size);
}

#endif
