/* rows: files in, encoded events out. Shared by rollstat-publish and rollstatd --replay.
 * Reads CSV (RFC 4180), NDJSON and Avro container files, plain or gzip, from files or stdin; maps columns to
 * the fields of a stream's schema; encodes each row as an Avro datum. Decimals are taken from the digits as
 * written. A bad row is reported with file, line, column and reason, and reading goes on. Columns count
 * characters from 1.
 *   - CSV: the header row (or --columns) names the columns; columns that no field takes are noted once per
 *     file; an empty cell is null where the field may be null, else the empty text of a string, else the
 *     field's default
 *   - NDJSON: one object per line; a key that no field takes makes the row bad, as it may be a misspelt
 *     optional field, unless ignore_unknown; a key that is absent is the field's default or null
 *   - Avro: records of the stream's own schema are taken as they are, after the decoder has checked them;
 *     those of another schema are converted field by field (ingest/encode/encode.h)
 *
 * Thread: one per object. */
#ifndef RS_INGEST_READ_ROWS_H
#define RS_INGEST_READ_ROWS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "schemas/stream.h"

/* Options common to both commands. Parsed by rs_rows_option so that they are spelled alike. Zero-initialised
 * is valid. */
struct rs_rows_options {
    const char *format;  /* csv, ndjson, avro; NULL: by the file's name or first bytes, else csv */
    const char *columns; /* a,b,c: no header row */
    char delimiter;      /* 0: ',' (tab for .tsv) */
    const char **maps;   /* "field=column" */
    size_t map_count;
    const char **consts; /* "field=value" */
    size_t const_count;
    const char **time_formats; /* "FORMAT" or "field=FORMAT": iso (default), period, s, ms, us, ns, pattern */
    size_t time_format_count;
    const char *time_zone; /* for times that carry none; default UTC */
    const char *key;       /* field,field; NULL: the stream's */
    const char *framing;   /* bare, confluent:ID, single-object; NULL: the stream's, else bare */
    const char *null_text; /* CSV text that means null besides the empty cell; NULL: none */
    bool ignore_unknown;   /* NDJSON keys that no field takes */
    const char *rejects;   /* file that keeps bad rows; NULL: none */
    uint64_t limit;        /* stop after so many rows, good and bad; 0: no limit */

    /* set by the program */
    const volatile sig_atomic_t *stop;          /* not 0: the rows end here; NULL: never */
    void (*note)(void *self, const char *text); /* remarks: unused columns, a file without rows, mixed line
                                                   ends; NULL: none */
    void *note_self;
};

/* Entries for a program's table of options (base/usage.h), and what they set. rs_rows_option: 0 when `name`
 * was one of them, 1 when it belongs to the program, or RS_EUSAGE, RS_ENOMEM. Borrows `value`. */
#define RS_ROWS_OPTIONS                                                                                      \
    {"format", '\0', "FORMAT", "csv, ndjson or avro; default: by the file name, else csv"},                  \
        {"columns", '\0', "A,B,C", "names of the CSV columns; the file has no header row"},                  \
        {"delimiter", '\0', "CHAR", "between CSV cells; \\t is a tab; default ',' (tab for .tsv)"},          \
        {"map", '\0', "FIELD=COLUMN", "take FIELD from COLUMN; may be repeated"},                            \
        {"const", '\0', "FIELD=VALUE", "the same VALUE for FIELD in every row; may be repeated"},            \
        {"time-format", '\0', "[FIELD=]FORMAT",                                                              \
         "of all times or of one field: iso (default), period (2026, 2026-Q1, 2026-03),\n"                   \
         "s, ms, us, ns since 1970, or a pattern such as \"%Y-%m-%d %H:%M:%S.%f\""},                         \
        {"time-zone", '\0', "ZONE", "of times that carry none: UTC (default), +08:00, Asia/Shanghai"},       \
        {"key", '\0', "FIELD,...", "fields of the Kafka key; default: the stream's"},                        \
        {"framing", '\0', "FRAMING",                                                                         \
         "bare, confluent:ID or single-object; default: the stream's, else bare"},                           \
        {"null", '\0', "TEXT", "CSV text that means null besides the empty cell"},                           \
        {"ignore-unknown", '\0', NULL, "pass by NDJSON keys that no field takes; default: the row is bad"},  \
        {"rejects", '\0', "FILE", "keep bad rows as they were read"},                                        \
    {                                                                                                        \
        "limit", '\0', "N", "stop after N rows"                                                              \
    }
RS_MUST_USE int rs_rows_option(struct rs_rows_options *options, const char *name, const char *value,
                               struct rs_error *error);
void rs_rows_options_fini(struct rs_rows_options *options);

struct rs_row {
    struct rs_slice key;   /* data NULL: none */
    struct rs_slice value; /* framed Avro */
    struct rs_slice raw;   /* the row as it was read (CSV, NDJSON); the record's bytes (Avro) */
    const char *file;
    uint64_t line; /* first line of the row, from 1; Avro: number of the record */
};

struct rs_rows;

/* No files: stdin. Checks all options; the first file is opened and its columns are checked too, so that what
 * is wrong with the command line is known before anything is published. Borrows stream, options and files.
 * Errors: RS_EUSAGE, RS_ECONFIG, RS_EIO, RS_ENOMEM. */
RS_MUST_USE int rs_rows_open(const struct rs_stream *stream, const struct rs_rows_options *options,
                             const char *const *files, size_t file_count, struct rs_rows **out,
                             struct rs_error *error);
void rs_rows_free(struct rs_rows **rows);

/* 1: a row (valid until the next call); 0: the end; RS_ERECORD: a bad row, error names file:line:column and
 * why (already kept by --rejects), go on; other negative: give up (a later file's columns do not suit,
 * reading or --rejects failed). */
RS_MUST_USE int rs_rows_next(struct rs_rows *rows, struct rs_row *out, struct rs_error *error);

/* The row that rs_rows_next gave last is bad after all: counted and kept like the others.
 * Errors: RS_EIO, RS_ENOMEM. */
RS_MUST_USE int rs_rows_reject(struct rs_rows *rows, const struct rs_row *row, struct rs_error *error);

/* Bad rows so far; one error may stand for all records of a damaged container block. */
uint64_t rs_rows_rejected(const struct rs_rows *rows);

/* Bytes read so far (compressed) and in all; total 0 where not known (stdin). */
void rs_rows_progress(const struct rs_rows *rows, uint64_t *read, uint64_t *total);

/* Writes out what --rejects keeps. To be called once behind the last row.
 * Errors: RS_EIO. */
RS_MUST_USE int rs_rows_finish(struct rs_rows *rows, struct rs_error *error);

#endif
