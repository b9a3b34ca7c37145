/* fuzz: what the harnesses share. An input of several texts has a byte 0 between them, so that inputs can be read and
 * written by hand.
 * Thread: one. */
#ifndef RS_TESTS_FUZZ_H
#define RS_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/slice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void rs_fuzz_require(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "fuzz: %s\n", what);
        abort();
    }
}

/* What stands before the next byte 0, which is passed by; all, if there is none. */
static inline struct rs_slice rs_fuzz_part(struct rs_slice *rest)
{
    const uint8_t *stop = rest->size > 0 ? memchr(rest->data, 0, rest->size) : NULL;
    size_t size = stop ? (size_t)(stop - rest->data) : rest->size;
    struct rs_slice part = rs_slice_of(rest->data, size);
    size_t used = size + (stop != NULL);
    *rest = rs_slice_of(used > 0 ? rest->data + used : rest->data, rest->size - used);
    return part;
}

/* In memory that ends where the bytes end, for a sanitizer to see a step beyond. To be freed. */
static inline uint8_t *rs_fuzz_exactly(struct rs_slice bytes)
{
    uint8_t *copy = malloc(bytes.size + (bytes.size == 0));
    rs_fuzz_require(copy != NULL, "out of memory");
    if (bytes.size > 0) {
        memcpy(copy, bytes.data, bytes.size);
    }
    return copy;
}

/* The same with a 0 behind it. */
static inline char *rs_fuzz_text(struct rs_slice bytes)
{
    char *copy = malloc(bytes.size + 1);
    rs_fuzz_require(copy != NULL, "out of memory");
    if (bytes.size > 0) {
        memcpy(copy, bytes.data, bytes.size);
    }
    copy[bytes.size] = '\0';
    return copy;
}

#endif
