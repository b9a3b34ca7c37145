/* array: room at the end of an array that doubles when it is full.
 *
 *     struct row *rows = rs_array_grow(list->rows, list->count, &list->capacity, 64, sizeof *rows);
 *     if (!rows) {
 *         return false;
 *     }
 *     list->rows = rows;
 *     list->rows[list->count++] = row;
 *
 * Thread: its owner's. */
#ifndef RS_BASE_ARRAY_H
#define RS_BASE_ARRAY_H

#include <stddef.h>

/* Doubles the array, or makes it with room for `first` items. */
void *rs_array_double(void *items, size_t *capacity, size_t first, size_t item_size);

/* The array with room for one item behind `count` others; it may have moved. NULL: out of memory, and the
 * array and *capacity are as they were. An array begins as NULL with a capacity of 0. */
static inline void *rs_array_grow(void *items, size_t count, size_t *capacity, size_t first, size_t item_size)
{
    return count < *capacity ? items : rs_array_double(items, capacity, first, item_size);
}

#endif
