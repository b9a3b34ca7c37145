/* ndjson: one JSON value per line (LF, CR LF or CR) over an input; empty lines are skipped, a byte order mark
 * too.
 * Thread: one.
 * Limits: RS_ROW_MAX bytes a line. */
#ifndef RS_INGEST_READ_NDJSON_H
#define RS_INGEST_READ_NDJSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "ingest/encode/cell.h"
#include "ingest/encode/json.h"
#include "ingest/read/input.h"

struct rs_ndjson {
    struct rs_input *input; /* borrowed */
    struct rs_json *json;
    uint64_t line; /* of the next row */
    bool begun;
};

RS_MUST_USE int rs_ndjson_init(struct rs_ndjson *ndjson, struct rs_input *input, struct rs_error *error);
void rs_ndjson_fini(struct rs_ndjson *ndjson);

/* 1: a value, cells[0] is its root; valid until the next call. 0: the end. RS_ERECORD: the line is not JSON,
 * *at is the byte where; raw is the line (empty when it was too long to keep). Other negative: give up. */
RS_MUST_USE int rs_ndjson_next(struct rs_ndjson *ndjson, const struct rs_cell **cells, struct rs_slice *raw,
                               uint64_t *line, size_t *at, struct rs_error *error);

#endif
