/* slice: borrowed bytes. Travels by value; whoever lends them says how long they live.
 * Thread: any; a plain value. */
#ifndef RS_BASE_SLICE_H
#define RS_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct rs_slice {
    const uint8_t *data;
    size_t size;
};

static inline struct rs_slice rs_slice_of(const void *data, size_t size)
{
    return (struct rs_slice){.data = data, .size = size};
}

static inline struct rs_slice rs_slice_text(const char *text)
{
    return rs_slice_of(text, strlen(text));
}

static inline bool rs_slice_equal(struct rs_slice a, struct rs_slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

#endif
