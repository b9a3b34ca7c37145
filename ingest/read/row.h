/* row: one row of a file, encoded.
 * Thread: that of the rows it comes from. */
#ifndef RS_INGEST_READ_ROW_H
#define RS_INGEST_READ_ROW_H

#include <stdint.h>

#include "base/slice.h"

struct rs_row {
    struct rs_slice key;   /* data NULL: none */
    struct rs_slice datum; /* bare Avro */
    struct rs_slice value; /* the message: framed Avro, or JSON */
    struct rs_slice raw;   /* the row as it was read (CSV, NDJSON); the record's bytes (Avro) */
    const char *file;
    uint64_t line; /* first line of the row, from 1; Avro: number of the record */
};

#endif
