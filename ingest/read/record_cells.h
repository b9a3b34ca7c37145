/* record cells: one Avro record of a container as the cells of a row, each of the kind that its type has, so
 * that nothing is lost or guessed at on the way into another schema: bytes are bytes and not characters, a
 * float has the digits of a float, times keep their unit.
 * Thread: one.
 * Owns:   the cells and their texts. Texts of strings and bytes are borrowed from the record. */
#ifndef RS_INGEST_READ_RECORD_CELLS_H
#define RS_INGEST_READ_RECORD_CELLS_H

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"
#include "ingest/encode/cell.h"
#include "schemas/schema.h"

/* Reused from record to record. Zero-initialised is valid and empty. */
struct rs_record_cells {
    struct rs_cells cells;
    struct rs_buf texts; /* of numbers, which the record holds as bits */
};

void rs_record_cells_fini(struct rs_record_cells *r);

/* Fills r->cells with `record`, a whole value of `type` that a program of `type` has accepted (which bounds
 * depth and items). Valid until the next call, and as long as `record`.
 * Errors: RS_ENOMEM; RS_ERECORD where the record does not follow `type` after all. */
RS_MUST_USE int rs_record_cells_make(struct rs_record_cells *r, const struct rs_schema *type,
                                     struct rs_slice record, struct rs_error *error);

#endif
