#include "tests/unit/ingest/support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "schemas/program.h"
#include "tests/lib/error_name.h"
#include "tests/lib/schema_text.h"

static char directory[] = "/tmp/rollstat-ingest-XXXXXX";
static bool made;
static char *paths[256];
static size_t path_count;

const char *support_path(const char *name)
{
    if (!made) {
        assert_non_null(mkdtemp(directory));
        made = true;
    }
    assert_true(path_count < sizeof paths / sizeof paths[0]);
    char *path = NULL;
    assert_true(asprintf(&path, "%s/%zu-%s", directory, path_count, name) > 0);
    paths[path_count++] = path;
    return path;
}

const char *support_file(const char *name, const void *content, size_t size)
{
    const char *path = support_path(name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(content, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
    return path;
}

const char *support_text(const char *name, const char *text)
{
    return support_file(name, text, strlen(text));
}

const char *support_gzip(const char *name, const void *content, size_t size)
{
    const char *path = support_path(name);
    gzFile f = gzopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(gzwrite(f, content, (unsigned)size), (int)size);
    assert_int_equal(gzclose(f), Z_OK);
    return path;
}

int support_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < path_count; i++) {
        (void)unlink(paths[i]);
        free(paths[i]);
    }
    path_count = 0;
    if (made) {
        (void)rmdir(directory);
        made = false;
        memcpy(directory + strlen(directory) - 6, "XXXXXX", 6);
    }
    return 0;
}

void support_read(const char *path, struct rs_buf *out)
{
    FILE *f = fopen(path, "r");
    char chunk[4096];
    size_t n;
    assert_non_null(f);
    rs_buf_reset(out);
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0) {
        rs_buf_put(out, chunk, n);
    }
    (void)fclose(f);
    rs_buf_char(out, '\0');
    assert_false(out->failed);
    out->size--;
}

struct rs_stream *support_stream(const char *schema_json)
{
    struct rs_stream *stream = calloc(1, sizeof *stream);
    assert_non_null(stream);
    stream->name = "s";
    stream->topic = "topic";
    stream->max_record_bytes = 1024 * 1024;
    stream->limits = RS_PROGRAM_LIMITS_DEFAULT;
    stream->schema = parse_schema(schema_json);
    return stream;
}

void support_stream_free(struct rs_stream **stream)
{
    rs_schema_free(&(*stream)->schema);
    free(*stream);
    *stream = NULL;
}

static void put_row(const struct rs_program *program, const struct rs_row *row, struct rs_buf *out)
{
    size_t at = 0;
    rs_buf_printf(out, "%llu ", (unsigned long long)row->line);
    if (!row->key.data) {
        rs_buf_text(out, "(none)");
    }
    rs_buf_put(out, row->key.data, row->key.size);
    rs_buf_char(out, ' ');
    enum rs_reason reason = rs_program_json(program, row->value, out, &at);
    if (reason != RS_REASON_NONE) {
        rs_buf_text(out, rs_reason_name(reason));
    }
    rs_buf_char(out, '\n');
}

void support_rows(const struct rs_stream *stream, const struct rs_rows_options *options,
                  const char *const *files, size_t count, struct rs_buf *out)
{
    const struct rs_rows_options none = {0};
    struct rs_error error;
    struct rs_rows *rows = NULL;
    struct rs_program *program = NULL;
    struct rs_row row;
    int rc = rs_program_compile(rs_schema_root(stream->schema), NULL, 0, RS_PROGRAM_LIMITS_DEFAULT, &program,
                                &error);
    assert_int_equal(rc, 0);
    rc = rs_rows_open(stream, options ? options : &none, files, count, &rows, &error);
    if (rc == 0) {
        while ((rc = rs_rows_next(rows, &row, &error)) == 1 || rc == RS_ERECORD) {
            if (rc == 1) {
                put_row(program, &row, out);
            } else {
                rs_buf_printf(out, "! %s\n", error.text);
            }
        }
    }
    if (rc == 0) {
        assert_int_equal(rs_rows_finish(rows, &error), 0);
        rs_buf_printf(out, "end %llu rejected\n", (unsigned long long)rs_rows_rejected(rows));
    } else {
        rs_buf_printf(out, "stop %s: %s\n", error_name(rc), error.text);
    }
    rs_rows_free(&rows);
    rs_program_free(&program);
    rs_buf_char(out, '\0');
    assert_false(out->failed);
    out->size--;
}

/* `text` with each occurrence of the path as "@". */
static void hide_path(const char *text, const char *path, struct rs_buf *out)
{
    for (const char *hit; (hit = strstr(text, path)); text = hit + strlen(path)) {
        rs_buf_put(out, text, (size_t)(hit - text));
        rs_buf_char(out, '@');
    }
    rs_buf_text(out, text);
    rs_buf_char(out, '\0');
}

void support_expect(const struct rs_stream *stream, const struct rs_rows_options *options, const char *file,
                    const char *wanted)
{
    struct rs_buf got = {0};
    struct rs_buf hidden = {0};
    support_rows(stream, options, &file, 1, &got);
    hide_path((const char *)got.data, file, &hidden);
    assert_string_equal((const char *)hidden.data, wanted);
    rs_buf_fini(&got);
    rs_buf_fini(&hidden);
}
