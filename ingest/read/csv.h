/* csv: rows of comma-separated values (RFC 4180) over an input.
 * Quoted cells may hold delimiters, doubled quotes and line ends; rows end with LF, CR LF or CR; a byte order
 * mark is skipped, and so are empty lines. What else RFC 4180 forbids is refused, not guessed at.
 * Thread: one.
 * Limits: RS_ROW_MAX bytes a row, RS_CSV_CELLS_MAX cells. */
#ifndef RS_INGEST_READ_CSV_H
#define RS_INGEST_READ_CSV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "ingest/encode/cell.h"
#include "ingest/read/input.h"

#define RS_CSV_CELLS_MAX 10000

/* What may separate cells in place of the comma. */
#define RS_CSV_DELIMITERS ";\t|"

struct rs_csv {
    struct rs_input *input; /* borrowed */
    char delimiter;
    uint64_t line; /* where the next row begins */
    bool begun;
    struct rs_buf unquoted; /* text of quoted cells of this row */
    uint8_t line_end;       /* what ends the rows, of enum rs_csv_line_end */
    uint64_t mixed_line;    /* the first line that ends otherwise; 0: none */
    uint8_t mixed_end;
};

enum rs_csv_line_end { RS_CSV_LINE_END_UNKNOWN = 0, RS_CSV_LF, RS_CSV_CRLF, RS_CSV_CR };
const char *rs_csv_line_end_name(enum rs_csv_line_end end);

struct rs_csv_row {
    struct rs_slice raw; /* without its line end */
    uint64_t line;
};

void rs_csv_init(struct rs_csv *csv, struct rs_input *input, char delimiter);
void rs_csv_fini(struct rs_csv *csv);

/* How many of the bytes outside quotes are `c`. */
size_t rs_csv_count(struct rs_slice row, char c);

/* Before the first row: what separates its cells, as its first line tells. The comma where there is one outside
 * quotes, else whichever of RS_CSV_DELIMITERS there are most of, else the comma. `*out` stays as it is at the end
 * of the file. 0, or negative: as rs_input_more, UTF-16. */
RS_MUST_USE int rs_csv_find_delimiter(struct rs_csv *csv, char *out, struct rs_error *error);

/* 1: a row, its cells in `cells` (kind TEXT, `at` counted from the row's first byte); valid until the next
 * call. 0: the end. RS_ERECORD: the row is malformed; *at is the byte where, raw and line tell which; the
 * next call goes on with the line after the fault (after the first line of a row whose quotes do not close).
 * Other negative: give up. */
RS_MUST_USE int rs_csv_next(struct rs_csv *csv, struct rs_cells *cells, struct rs_csv_row *row, size_t *at,
                            struct rs_error *error);

#endif
