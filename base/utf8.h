/* utf8: strict UTF-8 (RFC 3629): no surrogates, no overlong forms, nothing past U+10FFFF.
 * Thread: any; nothing is kept. */
#ifndef RS_BASE_UTF8_H
#define RS_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool rs_utf8_valid(const uint8_t *data, size_t size);

/* Length (1 to 4) of the valid sequence that `data` begins with; 0 when it is not valid or size is 0. */
size_t rs_utf8_sequence(const uint8_t *data, size_t size);

/* Offset of the first byte that is not part of a valid sequence; `size` when all are valid. */
size_t rs_utf8_valid_until(const uint8_t *data, size_t size);

/* The largest length <= `size` at which valid text can be cut without splitting a character. */
size_t rs_utf8_cut(const uint8_t *data, size_t size);

#endif
