#include "sink/top_lines.h"

#include <stdlib.h>
#include <string.h>

#include "sink/top_text.h"

#define GAP "  "

static int larger(int a, int b)
{
    return a > b ? a : b;
}

void rs_top_measure(const struct rs_top_table *table, size_t first, size_t count, int mark, int most,
                    int *widths)
{
    for (size_t i = 0; i < table->column_count; i++) {
        const struct rs_top_column *column = &table->columns[i];
        int width = rs_top_width(column->name) + mark;
        width = larger(width, column->unit ? rs_top_width(column->unit) : 0);
        for (size_t row = first; row < first + count && row < table->shown_count; row++) {
            const char *cell = table->shown[row]->cells[i];
            width = larger(width, cell ? rs_top_width(cell) : 0);
        }
        widths[i] = width < most ? width : most;
    }
}

static void put_cell(const struct rs_top_table *table, size_t column, const char *text, const int *widths,
                     size_t from, struct rs_buf *out)
{
    rs_buf_text(out, column > from ? GAP : "");
    rs_top_put(out, text ? text : "", widths[column], table->columns[column].kind == RS_TOP_NUMBER);
}

void rs_top_names(const struct rs_top_table *table, const int *widths, size_t from, int sorted,
                  bool descending, struct rs_buf *out)
{
    struct rs_buf name = {0};
    for (size_t i = from; i < table->column_count; i++) {
        rs_buf_reset(&name);
        rs_buf_text(&name, table->columns[i].name);
        if ((int)i == sorted) {
            rs_buf_char(&name, descending ? 'v' : '^');
        }
        rs_buf_char(&name, '\0');
        put_cell(table, i, name.failed ? "" : (const char *)name.data, widths, from, out);
    }
    out->failed |= name.failed;
    rs_buf_fini(&name);
}

bool rs_top_has_units(const struct rs_top_table *table)
{
    for (size_t i = 0; i < table->column_count; i++) {
        if (table->columns[i].unit) {
            return true;
        }
    }
    return false;
}

void rs_top_units(const struct rs_top_table *table, const int *widths, size_t from, struct rs_buf *out)
{
    for (size_t i = from; i < table->column_count; i++) {
        put_cell(table, i, table->columns[i].unit, widths, from, out);
    }
}

void rs_top_row(const struct rs_top_table *table, const struct rs_top_row *row, const int *widths,
                size_t from, struct rs_buf *out)
{
    for (size_t i = from; i < table->column_count; i++) {
        put_cell(table, i, row->cells[i], widths, from, out);
    }
}

static void end_line(struct rs_buf *out)
{
    while (out->size > 0 && out->data[out->size - 1] == ' ') {
        out->size--;
    }
    rs_buf_char(out, '\n');
}

bool rs_top_print(const struct rs_top_table *table, size_t limit, struct rs_buf *out)
{
    int *widths = calloc(table->column_count + 1, sizeof *widths);
    size_t count = limit < table->shown_count ? limit : table->shown_count;
    if (!widths) {
        return false;
    }
    rs_top_measure(table, 0, count, 0, INT32_MAX, widths);
    rs_buf_printf(out, "%s (%s), %zu of %zu groups\n", table->name, table->window, count, table->row_count);
    rs_top_names(table, widths, 0, -1, false, out);
    end_line(out);
    if (rs_top_has_units(table)) {
        rs_top_units(table, widths, 0, out);
        end_line(out);
    }
    for (size_t row = 0; row < count; row++) {
        rs_top_row(table, table->shown[row], widths, 0, out);
        end_line(out);
    }
    free(widths);
    return !out->failed;
}
