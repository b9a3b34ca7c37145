#include "sink/top/model.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/buf.h"
#include "base/number.h"

/* ---- columns ---- */

static bool add_column(struct rs_top_table *table, const char *name, const char *unit, enum rs_top_kind kind,
                       int part)
{
    struct rs_top_column *columns = realloc(table->columns, (table->column_count + 1) * sizeof *columns);
    if (!columns) {
        return false;
    }
    table->columns = columns;
    struct rs_top_column *column = &columns[table->column_count];
    *column = (struct rs_top_column){
        .name = strdup(name), .unit = unit ? strdup(unit) : NULL, .kind = kind, .part = part};
    if (!column->name || (unit && !column->unit)) {
        free(column->name);
        free(column->unit);
        return false;
    }
    table->column_count++;
    return true;
}

static bool add_key_columns(struct rs_top_table *table, const json_t *by)
{
    size_t i;
    json_t *name;
    json_array_foreach(by, i, name)
    {
        if (!json_is_string(name) || !add_column(table, json_string_value(name), NULL, RS_TOP_TEXT, (int)i)) {
            return false;
        }
    }
    return true;
}

static bool gives_double(const char *expression)
{
    static const char *const functions[] = {"mean(",  "avg(",  "vwap(",      "variance",
                                            "stddev", "rate(", "pct_change("};
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        if (strncmp(expression, functions[i], strlen(functions[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* ohlc gives four fields. */
static bool add_statistic(struct rs_top_table *table, const char *name, const json_t *statistic)
{
    static const char *const endings[] = {"_open", "_high", "_low", "_close"};
    const char *expression = json_string_value(json_object_get(statistic, "expression"));
    const char *unit = json_string_value(json_object_get(statistic, "unit"));
    bool good = expression != NULL;
    if (!good || strncmp(expression, "ohlc(", 5) != 0) {
        good = good && add_column(table, name, unit, RS_TOP_NUMBER, -1);
        if (good) {
            table->columns[table->column_count - 1].inexact = gives_double(expression);
        }
        return good;
    }
    for (size_t i = 0; good && i < 4; i++) {
        char field[256];
        snprintf(field, sizeof field, "%s%s", name, endings[i]);
        good = add_column(table, field, unit, RS_TOP_NUMBER, -1);
    }
    return good;
}

static bool add_columns(struct rs_top_table *table, json_t *meta)
{
    const char *name;
    json_t *statistic;
    json_t *stats = json_object_get(meta, "stats");
    bool windowed = !json_is_true(json_object_get(json_object_get(meta, "window"), "all"));
    bool good = add_key_columns(table, json_object_get(meta, "by")) && json_is_object(stats);
    table->grouped = table->column_count > 0;
    json_object_foreach(stats, name, statistic)
    {
        good = good && add_statistic(table, name, statistic);
    }
    good = good && (!windowed || add_column(table, "window_start", NULL, RS_TOP_TIME, -1));
    return good && add_column(table, "event_time", NULL, RS_TOP_TIME, -1) &&
           add_column(table, "events", NULL, RS_TOP_NUMBER, -1);
}

static bool list_fields(struct rs_top_table *table)
{
    table->fields = calloc(table->column_count, sizeof *table->fields);
    for (size_t i = 0; table->fields && i < table->column_count; i++) {
        if (table->columns[i].part < 0) {
            table->fields[table->field_count++] = table->columns[i].name;
        }
    }
    return table->fields != NULL;
}

/* {"tumbling":"1m"} as "tumbling 1m". */
static char *describe_window(json_t *window)
{
    struct rs_buf text = {0};
    const char *name;
    json_t *value;
    json_object_foreach(window, name, value)
    {
        rs_buf_text(&text, text.size > 0 ? ", " : "");
        rs_buf_text(&text, name);
        if (json_is_string(value)) {
            rs_buf_printf(&text, " %s", json_string_value(value));
        } else if (json_is_integer(value)) {
            rs_buf_printf(&text, " %" JSON_INTEGER_FORMAT, json_integer_value(value));
        }
    }
    rs_buf_char(&text, '\0');
    char *copy = text.failed ? NULL : strdup((const char *)text.data);
    rs_buf_fini(&text);
    return copy;
}

int rs_top_table_new(const char *name, const char *meta_json, const struct rs_zone *zone,
                     struct rs_top_table **out, struct rs_error *error)
{
    json_error_t fault;
    json_t *meta = json_loads(meta_json, 0, &fault);
    struct rs_top_table *table = calloc(1, sizeof *table);
    int code = 0;
    if (!table) {
        code = rs_fail(error, RS_ENOMEM, "out of memory");
    } else if (!json_is_object(meta)) {
        code = rs_fail(error, RS_ESTATE, "the description of %s is not JSON", name);
    } else {
        const char *stream = json_string_value(json_object_get(meta, "stream"));
        table->zone = zone;
        table->name = strdup(name);
        table->stream = strdup(stream ? stream : "");
        table->window = describe_window(json_object_get(meta, "window"));
        if (!table->name || !table->stream || !table->window || !add_columns(table, meta) ||
            !list_fields(table)) {
            code =
                rs_fail(error, RS_ESTATE, "the description of %s lacks its group fields or statistics", name);
        }
    }
    json_decref(meta);
    if (code != 0) {
        rs_top_table_free(&table);
        return code;
    }
    *out = table;
    return 0;
}

/* ---- rows ---- */

static void free_cells(char **cells, size_t count)
{
    for (size_t i = 0; cells && i < count; i++) {
        free(cells[i]);
    }
    free(cells);
}

static void free_row(struct rs_top_row *row, size_t columns)
{
    free_cells(row->cells, columns);
    free(row->numbers);
    free(row->key);
    free(row);
}

void rs_top_table_free(struct rs_top_table **out)
{
    struct rs_top_table *table = *out;
    if (!table) {
        return;
    }
    for (size_t i = 0; i < table->row_count; i++) {
        free_row(table->rows[i], table->column_count);
    }
    for (size_t i = 0; i < table->column_count; i++) {
        free(table->columns[i].name);
        free(table->columns[i].unit);
    }
    free(table->rows);
    free(table->shown);
    free(table->columns);
    free(table->fields);
    free(table->name);
    free(table->stream);
    free(table->window);
    free(table);
    *out = NULL;
}

static int compare_key(const struct rs_top_row *row, struct rs_slice key)
{
    size_t size = strlen(row->key);
    int order = memcmp(row->key, key.data, size < key.size ? size : key.size);
    return order != 0 ? order : (size > key.size) - (size < key.size);
}

static size_t find_place(const struct rs_top_table *table, struct rs_slice key)
{
    size_t low = 0;
    size_t high = table->row_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_key(table->rows[middle], key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct rs_top_row *make_row(struct rs_top_table *table, size_t at, struct rs_slice key)
{
    struct rs_top_row **rows =
        rs_array_grow(table->rows, table->row_count, &table->row_capacity, 64, sizeof(struct rs_top_row *));
    if (!rows) {
        return NULL;
    }
    table->rows = rows;
    struct rs_top_row *row = calloc(1, sizeof *row);
    if (!row || !(row->key = strndup((const char *)key.data, key.size)) ||
        !(row->cells = calloc(table->column_count, sizeof *row->cells)) ||
        !(row->numbers = calloc(table->column_count, sizeof *row->numbers))) {
        if (row) {
            free_row(row, 0);
        }
        return NULL;
    }
    memmove(table->rows + at + 1, table->rows + at, (table->row_count - at) * sizeof(struct rs_top_row *));
    table->rows[at] = row;
    table->row_count++;
    return row;
}

struct rs_top_row *rs_top_row_at(struct rs_top_table *table, struct rs_slice key, bool make)
{
    if (memchr(key.data, '\0', key.size)) {
        return NULL; /* no key of ours: a zero byte would be encoded */
    }
    size_t at = find_place(table, key);
    if (at < table->row_count && compare_key(table->rows[at], key) == 0) {
        return table->rows[at];
    }
    return make ? make_row(table, at, key) : NULL;
}

void rs_top_sweep(struct rs_top_table *table)
{
    size_t kept = 0;
    for (size_t i = 0; i < table->row_count; i++) {
        struct rs_top_row *row = table->rows[i];
        if (row->marked) {
            row->marked = false;
            table->rows[kept++] = row;
        } else {
            free_row(row, table->column_count);
        }
    }
    table->row_count = kept;
    table->shown_count = 0; /* it may hold what was freed */
}

/* ---- cells ---- */

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Part number `part` of a key, percent-decoded; "%null" as "(null)". */
static char *decode_part(const char *key, int part)
{
    for (; part > 0; part--) {
        const char *colon = strchr(key, ':');
        if (!colon) {
            return strdup("");
        }
        key = colon + 1;
    }
    size_t size = strcspn(key, ":");
    char *text = malloc(size + sizeof "(null)");
    size_t used = 0;
    if (text && size == 5 && memcmp(key, "%null", 5) == 0) {
        memcpy(text, "(null)", sizeof "(null)");
        return text;
    }
    for (size_t i = 0; text && i < size; i++) {
        int high = key[i] == '%' && i + 2 < size ? hex_digit(key[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(key[i + 2]) : -1;
        bool escape = low >= 0 && high * 16 + low != 0;
        char c = key[i];
        if (escape) {
            c = (char)(high * 16 + low);
            i += 2;
        }
        text[used++] = c;
    }
    if (text) {
        text[used] = '\0';
    }
    return text;
}

/* Milliseconds since 1970 as "2026-01-31 09:30:00", with a fraction only where there is one. */
static char *show_time(const struct rs_zone *zone, double ms)
{
    char text[RS_TIME_TEXT_MAX + 1];
    if (!(fabs(ms) < 1e15)) {
        return NULL;
    }
    int64_t us = (int64_t)ms * 1000;
    us += rs_zone_offset_at(zone, us) * RS_US_PER_SECOND;
    if (!rs_time_in_range(us)) {
        return NULL;
    }
    size_t size = rs_time_format(us, text);
    text[size - 1] = '\0'; /* without Z */
    text[10] = ' ';
    return strdup(text);
}

static char *show_value(const struct rs_top_table *table, const struct rs_top_column *column,
                        struct rs_slice value, double number)
{
    char *time = column->kind == RS_TOP_TIME && !isnan(number) ? show_time(table->zone, number) : NULL;
    return time ? time : strndup((const char *)value.data, value.size);
}

static double read_number(struct rs_slice text)
{
    double number;
    struct rs_error error;
    return rs_double_parse(text, &number, &error) == 0 ? number : NAN;
}

int rs_top_row_set(struct rs_top_table *table, struct rs_top_row *row, const struct rs_slice *values,
                   struct rs_error *error)
{
    char **cells = calloc(table->column_count, sizeof *cells);
    double *numbers = calloc(table->column_count, sizeof *numbers);
    size_t field = 0;
    bool good = cells && numbers;
    for (size_t i = 0; good && i < table->column_count; i++) {
        const struct rs_top_column *column = &table->columns[i];
        numbers[i] = NAN;
        if (column->part >= 0) {
            cells[i] = decode_part(row->key, column->part);
            good = cells[i] != NULL;
        } else if (values[field++].data) {
            numbers[i] = read_number(values[field - 1]);
            cells[i] = show_value(table, column, values[field - 1], numbers[i]);
            good = cells[i] != NULL;
        }
    }
    if (!good) {
        free_cells(cells, table->column_count);
        free(numbers);
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    free_cells(row->cells, table->column_count);
    free(row->numbers);
    row->cells = cells;
    row->numbers = numbers;
    row->dirty = false;
    return 0;
}

/* ---- arranging ---- */

int rs_top_column(const struct rs_top_table *table, const char *name)
{
    for (size_t i = 0; i < table->column_count; i++) {
        if (strcmp(table->columns[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

struct order {
    int column;
    bool text, descending;
};

/* Rows without a value come last either way, and equal ones by key, so that the table does not dance. */
static int compare_rows(const void *left, const void *right, void *context)
{
    const struct rs_top_row *a = *(struct rs_top_row *const *)left;
    const struct rs_top_row *b = *(struct rs_top_row *const *)right;
    const struct order *order = context;
    int result = 0;
    if (order->column >= 0 && order->text) {
        const char *x = a->cells[order->column];
        const char *y = b->cells[order->column];
        result = strcmp(x ? x : "", y ? y : "");
    } else if (order->column >= 0) {
        double x = a->numbers[order->column];
        double y = b->numbers[order->column];
        if (isnan(x) || isnan(y)) {
            result = (isnan(x) != 0) - (isnan(y) != 0);
            return result != 0 ? result : strcmp(a->key, b->key);
        }
        result = (x > y) - (x < y);
    } else {
        result = strcmp(a->key, b->key);
    }
    result = order->descending ? -result : result;
    return result != 0 ? result : strcmp(a->key, b->key);
}

static bool passes(const struct rs_top_table *table, const struct rs_top_row *row, const char *filter)
{
    if (!filter || !*filter) {
        return true;
    }
    for (size_t i = 0; i < table->column_count; i++) {
        if (row->cells[i] && strcasestr(row->cells[i], filter)) {
            return true;
        }
    }
    return false;
}

int rs_top_arrange(struct rs_top_table *table, int column, bool descending, const char *filter,
                   struct rs_error *error)
{
    struct order order = {.column = column, .descending = descending};
    struct rs_top_row **shown = realloc(table->shown, (table->row_count + 1) * sizeof(struct rs_top_row *));
    if (!shown) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    table->shown = shown;
    table->shown_count = 0;
    order.text = column >= 0 && table->columns[column].kind == RS_TOP_TEXT;
    for (size_t i = 0; i < table->row_count; i++) {
        if (passes(table, table->rows[i], filter)) {
            shown[table->shown_count++] = table->rows[i];
        }
    }
    qsort_r(shown, table->shown_count, sizeof(struct rs_top_row *), compare_rows, &order);
    return 0;
}
