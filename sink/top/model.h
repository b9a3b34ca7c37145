/* top model: one aggregate as a table: its columns from <prefix>:meta, its rows from the hashes of its
 * groups. Columns: the parts of the group's key by their field names, the statistics in configuration order,
 * then the window's start, the newest event's time and the number of events.
 * Thread: one.
 * Owns: all texts. */
#ifndef RS_SINK_TOP_MODEL_H
#define RS_SINK_TOP_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "base/time/text.h"

enum rs_top_kind { RS_TOP_TEXT, RS_TOP_NUMBER, RS_TOP_TIME };

struct rs_top_column {
    char *name;
    char *unit; /* NULL: none */
    enum rs_top_kind kind;
    int part;     /* of the key; -1: a field of the hash. Parts come first. */
    bool inexact; /* a double whatever the input's type is */
};

struct rs_top_row {
    char *key;
    char **cells;    /* by column, ready to be shown; NULL: no value */
    double *numbers; /* by column, to sort by; NaN: none */
    bool dirty;      /* changed in Redis since it was read */
    bool marked;     /* the caller's own */
    int64_t changed_us;
};

struct rs_top_table {
    char *name;
    char *window; /* "tumbling 1m" */
    char *stream;
    struct rs_top_column *columns;
    size_t column_count;
    const char **fields; /* names of the columns that are fields, for HMGET */
    size_t field_count;
    bool grouped;               /* has group fields: keys of hashes go on behind the aggregate's name */
    const struct rs_zone *zone; /* borrowed; NULL: UTC */
    struct rs_top_row **rows;   /* by key */
    size_t row_count, row_capacity;
    struct rs_top_row **shown; /* sorted and filtered */
    size_t shown_count;
};

/* RS_ESTATE: the JSON is not what rollstatd writes. */
RS_MUST_USE int rs_top_table_new(const char *name, const char *meta_json, const struct rs_zone *zone,
                                 struct rs_top_table **out, struct rs_error *error);
void rs_top_table_free(struct rs_top_table **table);

/* Found, or made when `make`; NULL: not there, or out of memory. */
struct rs_top_row *rs_top_row_at(struct rs_top_table *table, struct rs_slice key, bool make);
/* Values by `fields`, data NULL: absent. RS_ENOMEM leaves the row as it was. */
RS_MUST_USE int rs_top_row_set(struct rs_top_table *table, struct rs_top_row *row,
                               const struct rs_slice *values, struct rs_error *error);
/* Frees all rows that are not marked, and takes the marks off. */
void rs_top_sweep(struct rs_top_table *table);

/* Number of a column; -1: there is none of that name. */
int rs_top_column(const struct rs_top_table *table, const char *name);
/* Fills `shown`: rows that hold `filter` in any cell (NULL or "": all; ASCII letters of any case), by
 * `column` (-1: by key), rows without a value last. */
RS_MUST_USE int rs_top_arrange(struct rs_top_table *table, int column, bool descending, const char *filter,
                               struct rs_error *error);

#endif
