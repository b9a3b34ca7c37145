/* rows: files in, encoded events out. Shared by rollstat-publish and rollstatd --replay.
 * Reads CSV (RFC 4180), NDJSON and Avro container files, plain or packed (input.h), from files or stdin; maps columns to
 * the fields of a stream's schema; encodes each row as an Avro datum. Decimals are taken from the digits as
 * written. A bad row is reported with file, line, column and reason, and reading goes on. Columns count
 * characters from 1.
 *   - CSV: the header row (or --columns) names the columns; columns that no field takes are noted once per
 *     file; an empty cell is null where the field may be null, else the empty text of a string, else the
 *     field's default
 *   - NDJSON: one object per line; a key that no field takes makes the row bad, as it may be a misspelt
 *     optional field, unless ignore_unknown; a key that is absent is the field's default or null
 *   - Avro's JSON encoding (avro-json): NDJSON, whose values are what Avro stores (ingest/encode/encode.h)
 *   - Avro: records of the stream's own schema are taken as they are, after the decoder has checked them;
 *     those of another schema are converted field by field (ingest/encode/encode.h)
 *
 * Thread: one per object. */
#ifndef RS_INGEST_READ_ROWS_H
#define RS_INGEST_READ_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "ingest/read/row.h"
#include "ingest/read/rows_options.h"
#include "schemas/stream.h"

struct rs_rows;

/* No files: stdin. Checks all options; the first file is opened and its columns are checked too, so that what
 * is wrong with the command line is known before anything is published. Borrows stream, options and files.
 * Errors: RS_EUSAGE, RS_ECONFIG, RS_EIO, RS_ENOMEM. */
RS_MUST_USE int rs_rows_open(const struct rs_stream *stream, const struct rs_rows_options *options,
                             const char *const *files, size_t file_count, struct rs_rows **out,
                             struct rs_error *error);
void rs_rows_free(struct rs_rows **rows);

/* 1: a row (valid until the next call); 0: the end; RS_ERECORD: a bad row, error names file:line:column and
 * why (already kept by --rejects), go on; other negative: give up (a later file's columns do not suit,
 * reading or --rejects failed). */
RS_MUST_USE int rs_rows_next(struct rs_rows *rows, struct rs_row *out, struct rs_error *error);

/* The row that rs_rows_next gave last is bad after all: counted and kept like the others.
 * Errors: RS_EIO, RS_ENOMEM. */
RS_MUST_USE int rs_rows_reject(struct rs_rows *rows, const struct rs_row *row, struct rs_error *error);

/* Bad rows so far; one error may stand for all records of a damaged container block. */
uint64_t rs_rows_rejected(const struct rs_rows *rows);

/* Bytes read so far (compressed) and in all; total 0 where not known (stdin). */
void rs_rows_progress(const struct rs_rows *rows, uint64_t *read, uint64_t *total);

/* Writes out what --rejects keeps. To be called once behind the last row.
 * Errors: RS_EIO. */
RS_MUST_USE int rs_rows_finish(struct rs_rows *rows, struct rs_error *error);

#endif
