/* top lines: a table as lines of text, for the terminal and for --once.
 * Thread: one. */
#ifndef RS_SINK_TOP_LINES_H
#define RS_SINK_TOP_LINES_H

#include "base/buf.h"
#include "sink/top/model.h"

#define RS_TOP_WIDTH_MAX 40 /* cells of one column on a terminal */

/* Which columns a line has: the group's, then some of the others. */
struct rs_top_layout {
    bool screen;     /* long numbers and columns get shortened, and names leave room for the sorting sign */
    int *widths;     /* cells by column; the caller's memory */
    size_t fixed;    /* the group's columns [0, fixed) are always shown */
    size_t from, to; /* and of the others these */
};

/* Cells each column needs for its name, its unit and the shown rows [first, first + count). */
void rs_top_measure(const struct rs_top_table *table, size_t first, size_t count,
                    struct rs_top_layout *layout);

/* After rs_top_measure: as many whole columns as `cells` hold, one at least, beginning with number `skip` of
 * those that are not the group's; with the first when all fit. The group's columns get narrower where they
 * would leave no room. */
void rs_top_fit(const struct rs_top_table *table, size_t skip, int cells, struct rs_top_layout *layout);

/* Each appends one line without its end. Names: "<-" and "->" stand where columns are left out. */
void rs_top_names(const struct rs_top_table *table, const struct rs_top_layout *layout, int sorted,
                  bool descending, struct rs_buf *out);
bool rs_top_has_units(const struct rs_top_table *table);
void rs_top_units(const struct rs_top_table *table, const struct rs_top_layout *layout, struct rs_buf *out);
void rs_top_row(const struct rs_top_table *table, const struct rs_top_row *row,
                const struct rs_top_layout *layout, struct rs_buf *out);

/* The whole table with a title, at most `limit` rows, lines without blanks at their ends. False: out of
 * memory. */
bool rs_top_print(const struct rs_top_table *table, size_t limit, struct rs_buf *out);

#endif
