#include "ingest/read/row_file.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"
#include "ingest/read/container.h"
#include "ingest/read/csv.h"
#include "ingest/read/ndjson.h"
#include "ingest/read/record_cells.h"
#include "ingest/read/schema_equal.h"
#include "schemas/program.h"

enum format { FORMAT_CSV, FORMAT_NDJSON, FORMAT_AVRO };

struct rs_row_file {
    const struct rs_row_context *context;
    struct rs_input *input;
    enum format format;
    struct rs_row_plan *plan; /* NULL: records are taken as they are, or the file is empty */
    struct rs_arena arena;
    struct rs_slice *columns; /* CSV header; AVRO fields of the writer */
    size_t column_count;

    struct rs_csv csv;
    struct rs_cells cells;
    struct rs_ndjson ndjson;
    struct rs_container *container;
    struct rs_program *program;    /* of the writer's schema */
    struct rs_record_cells record; /* of another schema, on its way */
    bool any;                      /* a row was read, good or bad */
    bool reported_mixed;
};

static int no_memory(struct rs_error *error)
{
    return rs_fail(error, RS_ENOMEM, "out of memory");
}

/* ---- format ---- */

static bool ends_with(const char *name, size_t size, const char *suffix)
{
    size_t length = strlen(suffix);
    return size >= length && strncasecmp(name + size - length, suffix, length) == 0;
}

/* Of a path without the suffix of what packed the file. */
static size_t plain_size(const char *path)
{
    static const char *const packed[] = {".gz", ".zst", ".bz2", ".xz"};
    size_t size = strlen(path);
    for (size_t i = 0; i < sizeof packed / sizeof packed[0]; i++) {
        if (ends_with(path, size, packed[i])) {
            return size - strlen(packed[i]);
        }
    }
    return size;
}

/* A container tells itself by its first bytes, also on stdin. */
static bool begins_like_container(const struct rs_input *in)
{
    return in->end - in->begin >= 4 && memcmp(in->data + in->begin, "Obj\x01", 4) == 0;
}

static int find_format(struct rs_row_file *f, const char *path, struct rs_error *error)
{
    const char *named = f->context->options->format;
    size_t size = plain_size(path);
    if (named) {
        f->format = strcmp(named, "csv") == 0    ? FORMAT_CSV
                    : strcmp(named, "avro") == 0 ? FORMAT_AVRO
                                                 : FORMAT_NDJSON;
        return 0;
    }
    if (ends_with(path, size, ".ndjson") || ends_with(path, size, ".jsonl") ||
        ends_with(path, size, ".json")) {
        f->format = FORMAT_NDJSON;
        return 0;
    }
    while (f->input->end - f->input->begin < 4 && !f->input->eof) {
        int rc = rs_input_more(f->input, error);
        if (rc < 0) {
            return rc;
        }
    }
    f->format = ends_with(path, size, ".avro") || begins_like_container(f->input) ? FORMAT_AVRO : FORMAT_CSV;
    return 0;
}

/* ---- opening ---- */

static int add_column(struct rs_row_file *f, struct rs_slice name, struct rs_error *error)
{
    const char *kept = rs_arena_slice(&f->arena, name);
    if (!kept) {
        return no_memory(error);
    }
    f->columns[f->column_count++] = rs_slice_of(kept, name.size);
    return 0;
}

static int make_columns(struct rs_row_file *f, size_t count, struct rs_error *error)
{
    f->columns = rs_arena_array(&f->arena, count + 1, sizeof *f->columns);
    return f->columns ? 0 : no_memory(error);
}

static int split_columns(struct rs_row_file *f, const char *names, struct rs_error *error)
{
    size_t count = 1;
    for (const char *p = names; *p != '\0'; p++) {
        count += *p == ',';
    }
    int rc = make_columns(f, count, error);
    for (const char *p = names; rc == 0 && f->column_count < count; p += strcspn(p, ",") + 1) {
        rc = add_column(f, rs_slice_of(p, strcspn(p, ",")), error);
    }
    return rc;
}

RS_PRINTF(2, 3)
static void note(const struct rs_row_file *f, const char *format, ...)
{
    const struct rs_rows_options *options = f->context->options;
    struct rs_buf line = {0};
    va_list args;
    if (!options->note) {
        return;
    }
    va_start(args, format);
    rs_buf_printf(&line, "%s: ", f->input->name);
    rs_buf_vprintf(&line, format, args);
    va_end(args);
    const char *text = rs_buf_cstr(&line);
    if (text) {
        options->note(options->note_self, text);
    }
    rs_buf_fini(&line);
}

static void note_unused(const struct rs_row_file *f)
{
    struct rs_buf text = {0};
    for (size_t i = 0; rs_row_plan_unused(f->plan, i); i++) {
        rs_buf_printf(&text, "%s\"%s\"", i == 0 ? "" : ", ", rs_row_plan_unused(f->plan, i));
    }
    if (text.size > 0) {
        note(f, "columns that no field takes: %.*s", (int)text.size, (const char *)text.data);
    }
    rs_buf_fini(&text);
}

/* A file without rows is no fault, but seldom what was meant. */
static void note_no_rows(const struct rs_row_file *f)
{
    const volatile sig_atomic_t *stop = f->context->options->stop;
    if (f->any || (stop && *stop != 0)) {
        return;
    }
    if (f->format == FORMAT_CSV && f->csv.line_end == RS_CSV_LINE_END_UNKNOWN && f->column_count == 0) {
        note(f, "is empty, it holds no rows");
    } else if (f->format == FORMAT_CSV && !f->context->options->columns) {
        note(f, "holds a header row and no other; where the first row is data, --columns names the columns");
    } else {
        note(f, "holds no %s", f->format == FORMAT_AVRO ? "records" : "rows");
    }
}

static void note_mixed(struct rs_row_file *f)
{
    if (f->csv.mixed_line != 0 && !f->reported_mixed) {
        f->reported_mixed = true;
        note(f, "line %llu ends with %s, those before with %s; each of them ends a row",
             (unsigned long long)f->csv.mixed_line,
             rs_csv_line_end_name((enum rs_csv_line_end)f->csv.mixed_end),
             rs_csv_line_end_name((enum rs_csv_line_end)f->csv.line_end));
    }
}

static int make_plan(struct rs_row_file *f, enum rs_row_plan_source source, struct rs_error *error)
{
    int rc = rs_row_plan_new(f->context->mapping, source, f->columns, f->column_count, &f->plan, error);
    if (rc != 0) {
        (void)rs_error_prefix(error, "%s", f->input->name);
        return rc;
    }
    note_unused(f);
    return 0;
}

static int keep_head(struct rs_row_file *f, struct rs_slice head, struct rs_error *error)
{
    return !f->context->rejects
               ? 0
               : rs_rejects_head(f->context->rejects, head, f->format == FORMAT_AVRO, f->input->name, error);
}

/* A delimiter in words. */
static const char *delimiter_name(char delimiter, char text[4])
{
    (void)snprintf(text, 4, "'%c'", delimiter);
    return delimiter == '\t' ? "\\t" : text;
}

/* A comma needs no word; a header row that tells another one is believed, and the user is told. */
static int set_delimiter(struct rs_row_file *f, const char *path, struct rs_error *error)
{
    const struct rs_rows_options *options = f->context->options;
    char text[4];
    if (options->delimiter != '\0') {
        f->csv.delimiter = options->delimiter;
        return 0;
    }
    if (ends_with(path, plain_size(path), ".tsv")) {
        f->csv.delimiter = '\t';
        return 0;
    }
    int rc = options->columns ? 0 : rs_csv_find_delimiter(&f->csv, &f->csv.delimiter, error);
    if (rc == 0 && f->csv.delimiter != ',') {
        note(f, "cells are taken to be separated by %s, as the header row is; --delimiter says otherwise",
             delimiter_name(f->csv.delimiter, text));
    }
    return rc;
}

/* The row's cells do not fit: another delimiter, of which the row has `fit` (SIZE_MAX: any), may be what is meant. Not
 * where the user has said which. */
static void hint_delimiter(const struct rs_row_file *f, struct rs_slice row, size_t fit,
                           struct rs_error *error)
{
    char text[4];
    struct rs_error plain = *error;
    if (f->context->options->delimiter != '\0') {
        return;
    }
    for (const char *p = RS_CSV_DELIMITERS ","; *p != '\0'; p++) {
        size_t n = *p == f->csv.delimiter ? 0 : rs_csv_count(row, *p);
        if (n > 0 && (fit == SIZE_MAX || n == fit)) {
            (void)rs_fail(error, (enum rs_code)plain.code, "%s; perhaps --delimiter %s", plain.text,
                          delimiter_name(*p, text));
            return;
        }
    }
}

static int open_csv(struct rs_row_file *f, const char *path, struct rs_error *error)
{
    const struct rs_rows_options *options = f->context->options;
    struct rs_csv_row row = {0};
    size_t at = 0;
    rs_csv_init(&f->csv, f->input, ',');
    int rc = set_delimiter(f, path, error);
    if (rc == 0 && options->columns) {
        rc = split_columns(f, options->columns, error);
        rc = rc == 0 ? keep_head(f, rs_slice_of("", 0), error) : rc;
        return rc == 0 ? make_plan(f, RS_ROW_PLAN_COLUMNS, error) : rc;
    }
    rc = rc == 0 ? rs_csv_next(&f->csv, &f->cells, &row, &at, error) : rc;
    if (rc == RS_ERECORD) {
        error->code = RS_EUSAGE;
        (void)rs_error_prefix(error, "%s: the header row", f->input->name);
        return RS_EUSAGE;
    }
    if (rc <= 0) {
        return rc; /* an empty file has no rows either */
    }
    rc = make_columns(f, f->cells.count, error);
    for (size_t i = 0; rc == 0 && i < f->cells.count; i++) {
        rc = add_column(f, f->cells.items[i].text, error);
    }
    rc = rc == 0 ? keep_head(f, row.raw, error) : rc;
    rc = rc == 0 ? make_plan(f, RS_ROW_PLAN_COLUMNS, error) : rc;
    if (rc == RS_EUSAGE) {
        hint_delimiter(f, row.raw, SIZE_MAX, error);
    }
    return rc;
}

static int open_ndjson(struct rs_row_file *f, struct rs_error *error)
{
    int rc = rs_ndjson_init(&f->ndjson, f->input, error);
    rc = rc == 0 ? keep_head(f, rs_slice_of("", 0), error) : rc;
    return rc == 0 ? make_plan(f, RS_ROW_PLAN_KEYS, error) : rc;
}

static bool has_rules(const struct rs_mapping *mapping)
{
    for (const struct rs_mapping_rule *rule = mapping->rules; rule; rule = rule->next) {
        if (rule->column || rule->text) {
            return true;
        }
    }
    return false;
}

static int open_other_schema(struct rs_row_file *f, const struct rs_schema *writer, struct rs_error *error)
{
    if (writer->kind != RS_AVRO_RECORD) {
        return rs_fail(error, RS_EUSAGE, "%s: holds %s values, records are needed", f->input->name,
                       rs_schema_kind_name(writer->kind));
    }
    int rc = make_columns(f, writer->field_count, error);
    for (size_t i = 0; rc == 0 && i < writer->field_count; i++) {
        rc = add_column(f, rs_slice_text(writer->fields[i].name), error);
    }
    return rc == 0 ? make_plan(f, RS_ROW_PLAN_KEYS, error) : rc;
}

static int open_avro(struct rs_row_file *f, struct rs_error *error)
{
    int rc = rs_container_open(f->input, &f->container, error);
    if (rc != 0) {
        return rc;
    }
    const struct rs_schema *writer = rs_container_schema(f->container);
    rc = rs_program_compile(writer, NULL, 0, RS_PROGRAM_LIMITS_DEFAULT, &f->program, error);
    if (rc == 0) {
        rc = keep_head(f, rs_slice_text(rs_container_schema_json(f->container)), error);
    }
    if (rc == 0 && (has_rules(f->context->mapping) || !rs_schema_equal(writer, f->context->schema))) {
        rc = open_other_schema(f, writer, error);
    }
    return rc;
}

int rs_row_file_open(const struct rs_row_context *context, const char *path, struct rs_row_file **out,
                     struct rs_error *error)
{
    struct rs_row_file *f = calloc(1, sizeof *f);
    if (!f) {
        return no_memory(error);
    }
    f->context = context;
    int rc = rs_input_open(path, context->options->stop, &f->input, error);
    if (rc == 0) {
        rc = find_format(f, path, error);
    }
    if (rc == 0) {
        rc = f->format == FORMAT_CSV      ? open_csv(f, path, error)
             : f->format == FORMAT_NDJSON ? open_ndjson(f, error)
                                          : open_avro(f, error);
    }
    if (rc != 0) {
        rs_row_file_close(&f);
        return rc;
    }
    *out = f;
    return 0;
}

void rs_row_file_close(struct rs_row_file **file)
{
    struct rs_row_file *f = *file;
    if (!f) {
        return;
    }
    rs_row_plan_free(&f->plan);
    rs_csv_fini(&f->csv);
    rs_cells_fini(&f->cells);
    rs_ndjson_fini(&f->ndjson);
    rs_container_free(&f->container);
    rs_program_free(&f->program);
    rs_record_cells_fini(&f->record);
    rs_arena_fini(&f->arena);
    rs_input_close(&f->input);
    free(f);
    *file = NULL;
}

const struct rs_input *rs_row_file_input(const struct rs_row_file *file)
{
    return file->input;
}

/* ---- rows ---- */

/* "FILE:LINE:COLUMN: " in front of the text; the row may span lines. */
static int place(const struct rs_row_file *f, const struct rs_row *row, size_t at, struct rs_error *error)
{
    const uint8_t *data = row->raw.data;
    uint64_t line = row->line;
    size_t begin = 0;
    at = at < row->raw.size ? at : row->raw.size;
    for (size_t i = 0; i < at; i++) {
        if (data[i] == '\n' || (data[i] == '\r' && i + 1 < row->raw.size && data[i + 1] != '\n')) {
            line++;
            begin = i + 1;
        }
    }
    size_t column = 1;
    for (size_t i = begin; i < at; i++) {
        column += (data[i] & 0xC0) != 0x80; /* continuation bytes are no characters of their own */
    }
    return rs_error_prefix(error, "%s:%llu:%zu", f->input->name, (unsigned long long)line, column);
}

static int next_csv(struct rs_row_file *f, struct rs_buf *out, struct rs_row *row, struct rs_error *error)
{
    struct rs_csv_row read = {0};
    size_t at = 0;
    uint32_t fault = 0;
    int rc = rs_csv_next(&f->csv, &f->cells, &read, &at, error);
    note_mixed(f);
    row->raw = read.raw;
    row->line = read.line;
    if (rc == 1 && f->cells.count != f->column_count) {
        at = f->cells.count > f->column_count ? f->cells.items[f->column_count].at : read.raw.size;
        rc = rs_fail(error, RS_ERECORD, "the row has %zu cells, %s %zu", f->cells.count,
                     f->context->options->columns ? "--columns" : "the header", f->column_count);
        hint_delimiter(f, read.raw, f->column_count - 1, error);
    } else if (rc == 1) {
        rc = rs_row_plan_encode(f->plan, f->cells.items, out, &fault, error);
        at = fault;
        rc = rc == 0 ? 1 : rc;
    }
    return rc == RS_ERECORD ? place(f, row, at, error) : rc;
}

static int next_ndjson(struct rs_row_file *f, struct rs_buf *out, struct rs_row *row, struct rs_error *error)
{
    const struct rs_cell *cells = NULL;
    size_t at = 0;
    uint32_t fault = 0;
    int rc = rs_ndjson_next(&f->ndjson, &cells, &row->raw, &row->line, &at, error);
    if (rc == 1) {
        rc = rs_row_plan_encode(f->plan, cells, out, &fault, error);
        at = fault;
        rc = rc == 0 ? 1 : rc;
    }
    return rc == RS_ERECORD ? place(f, row, at, error) : rc;
}

/* A record of another schema: read as a row of NDJSON, with cells of the types that the record has. */
static int convert(struct rs_row_file *f, struct rs_slice datum, struct rs_buf *out, struct rs_error *error)
{
    uint32_t fault = 0;
    int rc = rs_record_cells_make(&f->record, rs_container_schema(f->container), datum, error);
    return rc == 0 ? rs_row_plan_encode(f->plan, f->record.cells.items, out, &fault, error) : rc;
}

static int take_record(struct rs_row_file *f, struct rs_slice datum, struct rs_buf *out,
                       struct rs_error *error)
{
    enum rs_reason reason = rs_program_run(f->program, datum, NULL, NULL);
    if (reason != RS_REASON_NONE) {
        return rs_fail(error, RS_ERECORD, "%s", rs_reason_text(reason));
    }
    if (f->plan) {
        return convert(f, datum, out, error);
    }
    rs_buf_put(out, datum.data, datum.size);
    return out->failed ? no_memory(error) : 0;
}

static int next_avro(struct rs_row_file *f, struct rs_buf *out, struct rs_row *row, uint64_t *lost,
                     struct rs_error *error)
{
    struct rs_slice datum = {0};
    int rc = rs_container_next(f->container, &datum, &row->line, lost, error);
    row->raw = datum;
    if (rc == 1) {
        *lost = 1;
        rc = take_record(f, datum, out, error);
        rc = rc == 0 ? 1 : rc;
    }
    return rc == RS_ERECORD
               ? rs_error_prefix(error, "%s: record %llu", f->input->name, (unsigned long long)row->line)
               : rc;
}

int rs_row_file_next(struct rs_row_file *f, struct rs_buf *out, struct rs_row *row, uint64_t *lost,
                     struct rs_error *error)
{
    int rc = 0;
    row->file = f->input->name;
    *lost = 1;
    if (f->format == FORMAT_AVRO) {
        rc = next_avro(f, out, row, lost, error);
    } else if (f->plan) {
        rc = f->format == FORMAT_CSV ? next_csv(f, out, row, error) : next_ndjson(f, out, row, error);
    }
    if (rc == 0) {
        note_no_rows(f);
    }
    f->any = true;
    return rc;
}
