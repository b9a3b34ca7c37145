#include "base/array.h"

#include <stdint.h>
#include <stdlib.h>

void *rs_array_double(void *items, size_t *capacity, size_t first, size_t item_size)
{
    if (*capacity > SIZE_MAX / 2 / item_size) {
        return NULL;
    }
    size_t wider = *capacity == 0 ? first : *capacity * 2;
    void *moved = realloc(items, wider * item_size);
    if (moved) {
        *capacity = wider;
    }
    return moved;
}
