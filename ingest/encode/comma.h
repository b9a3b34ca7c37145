/* comma: numbers as most of Europe writes them, 1.234,56, to how the rest of this program reads them, 1234.56.
 * Thread: any. */
#ifndef RS_INGEST_ENCODE_COMMA_H
#define RS_INGEST_ENCODE_COMMA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/slice.h"

#define RS_COMMA_TEXT_MAX 512

/* 1: *number is the number in `out`. 0: there is neither comma nor point in the text, which is to be read as it is.
 * RS_ERECORD: a point that stands elsewhere than between thousands, a second comma, or more than
 * RS_COMMA_TEXT_MAX bytes. Whether the rest is a number is for its reader to say. */
RS_MUST_USE int rs_comma_number(struct rs_slice text, char out[RS_COMMA_TEXT_MAX], struct rs_slice *number,
                                struct rs_error *error);

/* A number with a decimal comma may be meant. */
bool rs_comma_likely(struct rs_slice text);

#endif
