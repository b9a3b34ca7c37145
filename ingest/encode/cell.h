/* cell: one value of a row before it has a type, as a reader found it or a caller set it.
 * A CSV row is an array of TEXT cells. A JSON value is an array in document order in which every cell that
 * has children is followed by them; `end` leads past them to the next sibling. Numbers keep the digits as
 * written; nothing here passes through a double unless it was one.
 * Thread: whoever owns the row. */
#ifndef RS_INGEST_ENCODE_CELL_H
#define RS_INGEST_ENCODE_CELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

enum rs_cell_kind {
    RS_CELL_ABSENT = 0,
    RS_CELL_NULL,
    RS_CELL_TEXT,   /* text; read as whatever the field needs; empty means null where the field may be null */
    RS_CELL_STRING, /* text; a JSON string, unescaped */
    RS_CELL_NUMBER, /* text; a JSON number as written */
    RS_CELL_BOOLEAN, /* i */
    RS_CELL_OBJECT,
    RS_CELL_ARRAY,
    RS_CELL_INT64,  /* i */
    RS_CELL_DOUBLE, /* d */
    RS_CELL_TIME,   /* i: microseconds since the epoch */
    RS_CELL_BYTES,  /* text */
    /* values of an Avro record (record_cells.h) */
    RS_CELL_UTF8,  /* text; as RS_CELL_STRING, but where bytes are needed they are its own */
    RS_CELL_FLOAT, /* d: a finite float; where digits are needed they are the shortest of that float */
    RS_CELL_NANOS, /* i: nanoseconds since the epoch */
    RS_CELL_DATE,  /* i: days since the epoch */
    RS_CELL_CLOCK, /* i: microseconds since midnight */
};

struct rs_cell {
    uint8_t kind;         /* enum rs_cell_kind */
    uint32_t at;          /* byte of the row where the value begins, for messages */
    uint32_t end;         /* index of the next sibling */
    struct rs_slice name; /* key of a member of an object */
    union {
        struct rs_slice text;
        int64_t i;
        double d;
    };
};

/* Cells of one row, reused from row to row. Zero-initialised is valid and empty. */
struct rs_cells {
    struct rs_cell *items;
    size_t count;
    size_t capacity;
};

void rs_cells_fini(struct rs_cells *cells);
/* Makes room for more; false: out of memory. */
bool rs_cells_grow(struct rs_cells *cells);

/* A new cell at the end, with kind, at and end set; NULL: out of memory. May move the others. */
static inline struct rs_cell *rs_cells_add(struct rs_cells *cells, enum rs_cell_kind kind, size_t at)
{
    if (cells->count == cells->capacity && !rs_cells_grow(cells)) {
        return NULL;
    }
    struct rs_cell *cell = &cells->items[cells->count++];
    cell->kind = (uint8_t)kind;
    cell->at = (uint32_t)at;
    cell->end = (uint32_t)cells->count;
    cell->name = (struct rs_slice){0};
    return cell;
}

/* A column or key of the input, fit for a message: at most RS_NAME_SHOWN_MAX bytes, control characters as
 * '?'. */
#define RS_NAME_SHOWN_MAX 64
void rs_name_show(struct rs_slice name, char out[RS_NAME_SHOWN_MAX + 1]);

#endif
