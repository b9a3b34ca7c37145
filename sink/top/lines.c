#include "sink/top/lines.h"

#include <stdlib.h>
#include <string.h>

#include "sink/top/text.h"

#define GAP        "  "
#define GAP_CELLS  2
#define MARK_CELLS (GAP_CELLS + 2)
#define NARROW     8 /* a group's column is not made narrower than that */

static int larger(int a, int b)
{
    return a > b ? a : b;
}

static const char *cell_text(const struct rs_top_table *table, const struct rs_top_row *row, size_t column,
                             const struct rs_top_layout *layout, char *brief)
{
    const char *text = row->cells[column];
    bool number = table->columns[column].kind == RS_TOP_NUMBER;
    return layout->screen && number && text ? rs_top_brief(text, table->columns[column].inexact, brief)
                                            : text;
}

void rs_top_measure(const struct rs_top_table *table, size_t first, size_t count,
                    struct rs_top_layout *layout)
{
    char brief[RS_NUMBER_TEXT_MAX];
    for (size_t i = 0; i < table->column_count; i++) {
        const struct rs_top_column *column = &table->columns[i];
        int width = rs_top_width(column->name) + layout->screen;
        width = larger(width, column->unit ? rs_top_width(column->unit) : 0);
        for (size_t row = first; row < first + count && row < table->shown_count; row++) {
            const char *cell = cell_text(table, table->shown[row], i, layout, brief);
            width = larger(width, cell ? rs_top_width(cell) : 0);
        }
        layout->widths[i] = layout->screen && width > RS_TOP_WIDTH_MAX ? RS_TOP_WIDTH_MAX : width;
    }
}

/* ---- which columns ---- */

/* Cells of columns [from, to), each with a gap. */
static int total(const int *widths, size_t from, size_t to)
{
    int sum = 0;
    for (size_t i = from; i < to; i++) {
        sum += widths[i] + GAP_CELLS;
    }
    return sum;
}

/* Takes cells off the widest of the first `count` columns until they have `room`, or all are narrow. */
static void squeeze(int *widths, size_t count, int room)
{
    while (total(widths, 0, count) > room) {
        size_t widest = 0;
        for (size_t i = 1; i < count; i++) {
            widest = widths[i] > widths[widest] ? i : widest;
        }
        if (widths[widest] <= NARROW) {
            return;
        }
        widths[widest]--;
    }
}

static size_t count_fixed(const struct rs_top_table *table)
{
    size_t count = 0;
    while (count < table->column_count && table->columns[count].part >= 0) {
        count++;
    }
    return count;
}

void rs_top_fit(const struct rs_top_table *table, size_t skip, int cells, struct rs_top_layout *layout)
{
    size_t count = table->column_count;
    int *widths = layout->widths;
    int room = cells + GAP_CELLS; /* no gap before the first column */
    layout->fixed = count_fixed(table);
    layout->from = layout->fixed;
    layout->to = count;
    if (total(widths, 0, count) <= room || layout->fixed == count) {
        return;
    }
    layout->from += skip < count - layout->fixed ? skip : count - layout->fixed - 1;
    room -= layout->from > layout->fixed ? MARK_CELLS : 0;
    squeeze(widths, layout->fixed, room - MARK_CELLS - total(widths, layout->from, layout->from + 1));
    room -= total(widths, 0, layout->fixed);
    if (total(widths, layout->from, count) <= room) {
        return;
    }
    while (layout->to > layout->from + 1 && total(widths, layout->from, layout->to) > room - MARK_CELLS) {
        layout->to--;
    }
}

static size_t first_column(const struct rs_top_layout *layout)
{
    return layout->fixed > 0 ? 0 : layout->from;
}

static size_t next_column(const struct rs_top_layout *layout, size_t column)
{
    return column + 1 == layout->fixed ? layout->from : column + 1;
}

/* ---- lines ---- */

static void put_cell(const struct rs_top_table *table, size_t column, const char *text,
                     const struct rs_top_layout *layout, const char *mark, struct rs_buf *out)
{
    rs_buf_text(out, column != first_column(layout) ? GAP : "");
    if (column == layout->from && column > layout->fixed) {
        rs_buf_text(out, mark);
        rs_buf_text(out, GAP);
    }
    rs_top_put(out, text ? text : "", layout->widths[column], table->columns[column].kind == RS_TOP_NUMBER);
}

void rs_top_names(const struct rs_top_table *table, const struct rs_top_layout *layout, int sorted,
                  bool descending, struct rs_buf *out)
{
    struct rs_buf name = {0};
    for (size_t i = first_column(layout); i < layout->to; i = next_column(layout, i)) {
        rs_buf_reset(&name);
        rs_buf_text(&name, table->columns[i].name);
        if ((int)i == sorted) {
            rs_buf_char(&name, descending ? 'v' : '^');
        }
        rs_buf_char(&name, '\0');
        put_cell(table, i, name.failed ? "" : (const char *)name.data, layout, "<-", out);
    }
    rs_buf_text(out, layout->to < table->column_count ? GAP "->" : "");
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

void rs_top_units(const struct rs_top_table *table, const struct rs_top_layout *layout, struct rs_buf *out)
{
    for (size_t i = first_column(layout); i < layout->to; i = next_column(layout, i)) {
        put_cell(table, i, table->columns[i].unit, layout, GAP, out);
    }
}

void rs_top_row(const struct rs_top_table *table, const struct rs_top_row *row,
                const struct rs_top_layout *layout, struct rs_buf *out)
{
    char brief[RS_NUMBER_TEXT_MAX];
    for (size_t i = first_column(layout); i < layout->to; i = next_column(layout, i)) {
        put_cell(table, i, cell_text(table, row, i, layout, brief), layout, GAP, out);
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
    struct rs_top_layout layout = {.to = table->column_count};
    size_t count = limit < table->shown_count ? limit : table->shown_count;
    layout.widths = calloc(table->column_count + 1, sizeof *layout.widths);
    if (!layout.widths) {
        return false;
    }
    rs_top_measure(table, 0, count, &layout);
    rs_buf_printf(out, "%s (%s), %zu of %zu groups\n", table->name, table->window, count, table->row_count);
    rs_top_names(table, &layout, -1, false, out);
    end_line(out);
    if (rs_top_has_units(table)) {
        rs_top_units(table, &layout, out);
        end_line(out);
    }
    for (size_t row = 0; row < count; row++) {
        rs_top_row(table, table->shown[row], &layout, out);
        end_line(out);
    }
    free(layout.widths);
    return !out->failed;
}
