/* row file: one file of rows in any of the formats, with the plan its columns ask for. Private to rows.
 * Thread: one. */
#ifndef RS_INGEST_READ_ROW_FILE_H
#define RS_INGEST_READ_ROW_FILE_H

#include "base/buf.h"
#include "ingest/read/rejects.h"
#include "ingest/read/row.h"
#include "ingest/read/row_plan.h"
#include "ingest/read/rows_options.h"

struct rs_row_file;

struct rs_row_context {
    const struct rs_rows_options *options;
    const struct rs_mapping *mapping;
    const struct rs_schema *schema;
    struct rs_rejects *rejects; /* NULL: none */
};

/* Opens, finds the format, reads what stands before the rows, makes the plan. Errors as rs_rows_open. */
RS_MUST_USE int rs_row_file_open(const struct rs_row_context *context, const char *path,
                                 struct rs_row_file **out, struct rs_error *error);
void rs_row_file_close(struct rs_row_file **file);

/* 1: a row: its datum behind what `out` holds, raw and line in `row`. 0: the end. RS_ERECORD: a bad row, the
 * text says where and why; *lost rows. Other negative: give up. */
RS_MUST_USE int rs_row_file_next(struct rs_row_file *file, struct rs_buf *out, struct rs_row *row,
                                 uint64_t *lost, struct rs_error *error);

const struct rs_input *rs_row_file_input(const struct rs_row_file *file);

#endif
