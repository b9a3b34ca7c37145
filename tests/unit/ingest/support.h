/* What the tests of ingest share: files with a given content, a stream over a schema given as text, rows as
 * text. */
#ifndef RS_TESTS_INGEST_SUPPORT_H
#define RS_TESTS_INGEST_SUPPORT_H

#include <stddef.h>

#include "base/buf.h"
#include "ingest/read/rows.h"
#include "schemas/stream.h"

/* A new file in a directory of the test's own, with this content; the path lives until support_end. */
const char *support_file(const char *name, const void *content, size_t size);
const char *support_text(const char *name, const char *text);
const char *support_gzip(const char *name, const void *content, size_t size);
const char *support_path(const char *name);
int support_end(void **state); /* removes them all; to be a group's teardown */

/* Reads a whole file. */
void support_read(const char *path, struct rs_buf *out);

/* A stream named "s" over a schema; fails the test where the schema is wrong. Lives until
 * support_stream_free. */
struct rs_stream *support_stream(const char *schema_json);
void support_stream_free(struct rs_stream **stream);

/* All rows of the files as text, a line each: "LINE KEY JSON" or "! error"; then "end N rejected" or "stop:
 * error". options NULL: none. "(none)" stands for no key. */
void support_rows(const struct rs_stream *stream, const struct rs_rows_options *options,
                  const char *const *files, size_t count, struct rs_buf *out);

/* The same for one file, compared with `wanted`, in which "@" stands for the file's path. */
void support_expect(const struct rs_stream *stream, const struct rs_rows_options *options, const char *file,
                    const char *wanted);

#endif
