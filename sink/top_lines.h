/* top lines: a table as lines of text, for the terminal and for --once.
 * Thread: one. */
#ifndef RS_SINK_TOP_LINES_H
#define RS_SINK_TOP_LINES_H

#include "base/buf.h"
#include "sink/top_model.h"

#define RS_TOP_WIDTH_MAX 40 /* cells of one column on a terminal */

/* Cells each column needs for its name (and `mark` more, for the sign of the sorted column), its unit and the
 * shown rows [first, first + count), at most `most`. */
void rs_top_measure(const struct rs_top_table *table, size_t first, size_t count, int mark, int most,
                    int *widths);

/* Appends one line without its end, beginning with column `from`. */
void rs_top_names(const struct rs_top_table *table, const int *widths, size_t from, int sorted,
                  bool descending, struct rs_buf *out);
bool rs_top_has_units(const struct rs_top_table *table);
void rs_top_units(const struct rs_top_table *table, const int *widths, size_t from, struct rs_buf *out);
void rs_top_row(const struct rs_top_table *table, const struct rs_top_row *row, const int *widths,
                size_t from, struct rs_buf *out);

/* The whole table with a title, at most `limit` rows, lines without blanks at their ends. False: out of
 * memory. */
bool rs_top_print(const struct rs_top_table *table, size_t limit, struct rs_buf *out);

#endif
