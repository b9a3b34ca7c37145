/* top text: columns of a terminal. Widths count cells as wcwidth(3) says, two for most Chinese characters;
 * the locale must be a UTF-8 one. Control characters and broken bytes show as '?'.
 * Thread: any. */
#ifndef RS_SINK_TOP_TEXT_H
#define RS_SINK_TOP_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/number.h"

int rs_top_width(const char *text);

/* Appends `text` in exactly `width` cells: cut with "…" when longer, padded with blanks left or right. */
void rs_top_put(struct rs_buf *out, const char *text, int width, bool right);

/* A number in about 7 significant digits; never fewer than its integer part has. Integers stay as they are,
 * and so do decimals unless `inexact` (a quotient or root) or of 16 or 17 digits, which is how the noise of a
 * sum of doubles looks. Returns `text`, or `out` of RS_NUMBER_TEXT_MAX bytes. */
const char *rs_top_brief(const char *text, bool inexact, char *out);

/* Up to `capacity` - 1 characters as wide ones, terminated. */
void rs_top_wide(const char *text, wchar_t *out, size_t capacity);

#endif
