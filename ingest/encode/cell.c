#include "ingest/encode/cell.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/utf8.h"

void rs_cells_fini(struct rs_cells *cells)
{
    free(cells->items);
    *cells = (struct rs_cells){0};
}

bool rs_cells_grow(struct rs_cells *cells)
{
    struct rs_cell *items = rs_array_grow(cells->items, cells->count, &cells->capacity, 32, sizeof *items);
    if (!items) {
        return false;
    }
    cells->items = items;
    return true;
}

void rs_name_show(struct rs_slice name, char out[RS_NAME_SHOWN_MAX + 1])
{
    size_t size = rs_utf8_valid_until(name.data, name.size);
    size = rs_utf8_cut(name.data, size < RS_NAME_SHOWN_MAX ? size : RS_NAME_SHOWN_MAX);
    for (size_t i = 0; i < size; i++) {
        out[i] = (char)name.data[i];
        if (name.data[i] < 0x20 || name.data[i] == 0x7f) {
            out[i] = '?';
        }
    }
    out[size] = '\0';
}
