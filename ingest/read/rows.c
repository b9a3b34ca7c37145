#include "ingest/read/rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ingest/encode/framing.h"
#include "ingest/encode/key.h"
#include "ingest/encode/message.h"
#include "ingest/encode/put.h"
#include "ingest/read/input.h"
#include "ingest/read/row_file.h"

struct rs_rows {
    const struct rs_stream *stream;
    const struct rs_rows_options *options;
    struct rs_mapping mapping;
    struct rs_framing_prefix prefix;
    struct rs_key_maker *key;
    struct rs_message_maker *message;
    struct rs_rejects *rejects;
    struct rs_row_context context;
    const char *const *paths;
    size_t path_count;
    size_t next_path;
    struct rs_row_file *file; /* NULL: between files */
    struct rs_buf value;
    uint64_t rows; /* good and bad */
    uint64_t rejected;
    uint64_t read_before; /* bytes of files that are done */
    uint64_t *totals;     /* per file; 0: not known */
};

static const char *const only_stdin[] = {"-"};

static int set_up_mapping(struct rs_rows *r, struct rs_error *error)
{
    const struct rs_rows_options *o = r->options;
    int rc = 0;
    r->mapping.ignore_unknown = o->ignore_unknown;
    r->mapping.decimal_comma = o->decimal_comma;
    r->mapping.avro_json = o->format && strcmp(o->format, RS_ROWS_AVRO_JSON) == 0;
    if (o->null_text) {
        r->mapping.null_text = rs_slice_text(o->null_text);
    }
    if (o->time_zone) {
        rc = rs_mapping_zone(&r->mapping, o->time_zone, error);
    }
    for (size_t i = 0; rc == 0 && i < o->time_format_count; i++) {
        rc = rs_mapping_time(&r->mapping, o->time_formats[i], error);
    }
    for (size_t i = 0; rc == 0 && i < o->map_count; i++) {
        rc = rs_mapping_map(&r->mapping, o->maps[i], error);
    }
    for (size_t i = 0; rc == 0 && i < o->const_count; i++) {
        rc = rs_mapping_const(&r->mapping, o->consts[i], error);
    }
    return rc;
}

static int set_up(struct rs_rows *r, struct rs_error *error)
{
    const struct rs_schema *schema = rs_schema_root(r->stream->schema);
    if (schema->kind != RS_AVRO_RECORD) {
        return rs_fail(error, RS_ECONFIG, "the schema of stream \"%s\" is no record", r->stream->name);
    }
    rs_mapping_init(&r->mapping, schema);
    r->context = (struct rs_row_context){.options = r->options, .mapping = &r->mapping, .schema = schema};
    int rc = set_up_mapping(r, error);
    if (rc == 0) {
        rc = rs_framing_prefix_of(r->stream, r->options->framing, &r->prefix, error);
    }
    if (rc == 0) {
        rc = rs_key_maker_new(r->stream, r->options->key, &r->key, error);
    }
    if (rc == 0) {
        rc = rs_message_maker_new(r->stream, &r->prefix, &r->message, error);
    }
    if (rc == 0 && r->options->rejects) {
        rc = rs_rejects_open(r->options->rejects, &r->rejects, error);
        r->context.rejects = r->rejects;
    }
    return rc;
}

/* Sizes are looked up at the start, so that progress knows the whole, and a misspelt name is found before
 * anything is published. Not by opening: a named pipe would be used up. */
static int measure(struct rs_rows *r, struct rs_error *error)
{
    struct stat rejects;
    const char *kept = r->options->rejects;
    bool exists = kept && stat(kept, &rejects) == 0;
    r->totals = calloc(r->path_count, sizeof *r->totals);
    if (!r->totals) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < r->path_count; i++) {
        struct stat st;
        bool is_stdin = strcmp(r->paths[i], "-") == 0;
        if ((is_stdin ? fstat(STDIN_FILENO, &st) : stat(r->paths[i], &st)) != 0) {
            return rs_fail(error, RS_EIO, "%s: cannot be opened: %s", r->paths[i], strerrordesc_np(errno));
        }
        if (exists && S_ISREG(st.st_mode) && st.st_dev == rejects.st_dev && st.st_ino == rejects.st_ino) {
            return rs_fail(error, RS_EUSAGE, "--rejects %s: is one of the files to read", kept);
        }
        r->totals[i] = S_ISREG(st.st_mode) && st.st_size > 0 ? (uint64_t)st.st_size : 0;
    }
    return 0;
}

static int next_file(struct rs_rows *r, struct rs_error *error)
{
    return rs_row_file_open(&r->context, r->paths[r->next_path++], &r->file, error);
}

static void close_file(struct rs_rows *r)
{
    r->read_before += rs_input_read(rs_row_file_input(r->file));
    rs_row_file_close(&r->file);
}

int rs_rows_open(const struct rs_stream *stream, const struct rs_rows_options *options,
                 const char *const *files, size_t file_count, struct rs_rows **out, struct rs_error *error)
{
    struct rs_rows *r = calloc(1, sizeof *r);
    if (!r) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    r->stream = stream;
    r->options = options;
    r->paths = file_count > 0 ? files : only_stdin;
    r->path_count = file_count > 0 ? file_count : 1;
    int rc = measure(r, error);
    if (rc == 0) {
        rc = set_up(r, error);
    }
    if (rc == 0) {
        rc = next_file(r, error);
    }
    if (rc != 0) {
        rs_rows_free(&r);
        return rc;
    }
    *out = r;
    return 0;
}

void rs_rows_free(struct rs_rows **rows)
{
    struct rs_rows *r = *rows;
    if (!r) {
        return;
    }
    rs_row_file_close(&r->file);
    rs_rejects_free(&r->rejects);
    rs_key_maker_free(&r->key);
    rs_message_maker_free(&r->message);
    rs_mapping_fini(&r->mapping);
    rs_buf_fini(&r->value);
    free(r->totals);
    free(r);
    *rows = NULL;
}

static bool ended(const struct rs_rows *r)
{
    const struct rs_rows_options *o = r->options;
    return (o->stop && *o->stop != 0) || (o->limit > 0 && r->rows >= o->limit);
}

/* What only the whole event shows: its key (which runs the decoder over it) and its size. */
static int finish_row(struct rs_rows *r, struct rs_row *out, struct rs_error *error)
{
    struct rs_slice datum = rs_slice_of(r->value.data + r->prefix.size, r->value.size - r->prefix.size);
    int rc = rs_key_make(r->key, datum, &out->key, error);
    if (rc == 0) {
        rc = rs_message_make(r->message, rs_buf_slice(&r->value), &out->value, error);
    }
    if (rc == RS_ERECORD) {
        return rs_error_prefix(error, "%s:%llu:1", out->file, (unsigned long long)out->line);
    }
    out->datum = datum;
    return rc == 0 ? 1 : rc;
}

int rs_rows_reject(struct rs_rows *rows, const struct rs_row *row, struct rs_error *error)
{
    rows->rejected++;
    return rows->rejects ? rs_rejects_put(rows->rejects, row->raw, error) : 0;
}

/* Keeps the error of the row unless keeping the row fails. */
static int reject(struct rs_rows *r, const struct rs_row *row, uint64_t lost, struct rs_error *error)
{
    struct rs_error failure;
    r->rows += lost;
    r->rejected += lost - 1;
    int rc = rs_rows_reject(r, row, &failure);
    if (rc != 0) {
        *error = failure;
        return rc;
    }
    return RS_ERECORD;
}

int rs_rows_next(struct rs_rows *r, struct rs_row *out, struct rs_error *error)
{
    for (;;) {
        uint64_t lost = 0;
        if (ended(r)) {
            return 0;
        }
        if (!r->file) {
            if (r->next_path == r->path_count) {
                return 0;
            }
            int rc = next_file(r, error);
            if (rc != 0) {
                return rc;
            }
        }
        *out = (struct rs_row){0};
        rs_buf_reset(&r->value);
        rs_put_raw(&r->value, rs_slice_of(r->prefix.bytes, r->prefix.size));
        int rc = rs_row_file_next(r->file, &r->value, out, &lost, error);
        if (r->options->stop && *r->options->stop != 0) {
            return 0; /* a row cut off by the signal is not a row */
        }
        if (rc == 0) {
            close_file(r);
            continue;
        }
        rc = rc == 1 ? finish_row(r, out, error) : rc;
        r->rows += rc == 1;
        return rc == RS_ERECORD ? reject(r, out, lost, error) : rc;
    }
}

uint64_t rs_rows_rejected(const struct rs_rows *rows)
{
    return rows->rejected;
}

void rs_rows_progress(const struct rs_rows *rows, uint64_t *read, uint64_t *total)
{
    *read = rows->read_before + (rows->file ? rs_input_read(rs_row_file_input(rows->file)) : 0);
    *total = 0;
    for (size_t i = 0; i < rows->path_count; i++) {
        if (rows->totals[i] == 0) {
            *total = 0;
            return;
        }
        *total += rows->totals[i];
    }
}

int rs_rows_finish(struct rs_rows *rows, struct rs_error *error)
{
    return rows->rejects ? rs_rejects_finish(rows->rejects, error) : 0;
}
