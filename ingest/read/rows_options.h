/* rows_options: what rollstat-publish and rollstatd --replay may be told about the files that they read.
 * Thread: one per object. */
#ifndef RS_INGEST_READ_ROWS_OPTIONS_H
#define RS_INGEST_READ_ROWS_OPTIONS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* NDJSON in Avro's JSON encoding. */
#define RS_ROWS_AVRO_JSON "avro-json"

/* Options common to both commands. Parsed by rs_rows_option so that they are spelled alike. Zero-initialised
 * is valid. */
struct rs_rows_options {
    const char *format;  /* csv, ndjson, avro, avro-json; NULL: by the file's name or first bytes, else csv */
    const char *columns; /* a,b,c: no header row */
    char delimiter;      /* 0: as the header row tells, else ',' (tab for .tsv) */
    bool decimal_comma;  /* numbers are written 1.234,56 */
    const char **maps;   /* "field=column" */
    size_t map_count;
    const char **consts; /* "field=value" */
    size_t const_count;
    const char *
        *time_formats; /* "FORMAT" or "field=FORMAT": iso (default), period, s, ms, us, ns, avro, pattern */
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
    {"format", '\0', "FORMAT",                                                                               \
     "csv, ndjson, avro, or avro-json (NDJSON as kafka-avro-console-consumer prints it);\n"                  \
     "default: by the file name, else csv"},                                                                 \
        {"columns", '\0', "A,B,C", "names of the CSV columns; the file has no header row"},                  \
        {"delimiter", '\0', "CHAR",                                                                          \
         "between CSV cells; \\t is a tab; default: as the header row tells, else ','"},                     \
        {"decimal-comma", '\0', NULL, "numbers are written 1.234,56; points stand between thousands"},       \
        {"map", '\0', "FIELD=COLUMN", "take FIELD from COLUMN; may be repeated"},                            \
        {"const", '\0', "FIELD=VALUE", "the same VALUE for FIELD in every row; may be repeated"},            \
        {"time-format", '\0', "[FIELD=]FORMAT",                                                              \
         "of all times or of one field: iso (default), period (2026, 2026-Q1, 2026-03),\n"                   \
         "s, ms, us, ns since 1970, avro (the number that is stored),\n"                                     \
         "or a pattern such as \"%Y-%m-%d %H:%M:%S.%f\""},                                                   \
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

#endif
