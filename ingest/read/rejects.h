/* rejects: the file of --rejects. Keeps bad rows byte for byte, so that they can be mended and published
 * again: CSV rows behind the header of their file, NDJSON lines, Avro records in a container of their own.
 * Thread: one. */
#ifndef RS_INGEST_READ_REJECTS_H
#define RS_INGEST_READ_REJECTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

struct rs_rejects;

/* Creates the file, or empties it.
 * Errors: RS_EUSAGE, RS_ENOMEM. */
RS_MUST_USE int rs_rejects_open(const char *path, struct rs_rejects **out, struct rs_error *error);
void rs_rejects_free(struct rs_rejects **rejects);

/* What stands in front of the rows that follow: a CSV header row, or (avro) the JSON of a schema; empty:
 * nothing. One file holds rows of one kind: RS_EUSAGE when rows with another head are kept already. */
RS_MUST_USE int rs_rejects_head(struct rs_rejects *rejects, struct rs_slice head, bool avro, const char *file,
                                struct rs_error *error);
RS_MUST_USE int rs_rejects_put(struct rs_rejects *rejects, struct rs_slice raw, struct rs_error *error);
RS_MUST_USE int rs_rejects_finish(struct rs_rejects *rejects, struct rs_error *error);

#endif
