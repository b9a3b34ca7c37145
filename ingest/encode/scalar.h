/* encode_scalar: one cell as a value of a type that holds no other, after the encoder's rules (encode.h).
 * Thread: one per encoder. */
#ifndef RS_INGEST_ENCODE_SCALAR_H
#define RS_INGEST_ENCODE_SCALAR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"
#include "ingest/encode/cell.h"
#include "ingest/encode/time.h"
#include "schemas/schema.h"

struct rs_json;

struct rs_encoder {
    const struct rs_time_rule *time; /* of the value at hand; never NULL */
    struct rs_slice null_text;       /* TEXT that means null besides the empty one; data NULL: none */
    bool ignore_unknown;             /* keys of JSON objects that no field takes */
    bool decimal_comma;              /* numbers in TEXT and STRING are written 1.234,56 */
    bool avro_json;                  /* STRING and OBJECT are Avro's JSON encoding */
    bool stored_times;    /* numbers and texts are what a time is stored as; `time` counts for no others */
    bool schema_defaults; /* cells are a default as a schema writes it: bytes as characters, times as integers
                           */
    uint32_t fault_at;    /* of the cell that was refused */
    struct rs_json *json; /* for TEXT that holds JSON; made when first needed */
};

/* The cell means null where null is allowed: NULL, ABSENT, or an empty TEXT. */
bool rs_encode_is_null(const struct rs_encoder *encoder, const struct rs_cell *cell);

/* Everything but arrays, maps, records and unions. */
RS_MUST_USE int rs_encode_scalar(struct rs_encoder *encoder, const struct rs_schema *type,
                                 const struct rs_cell *cell, struct rs_buf *out, struct rs_error *error);

#endif
