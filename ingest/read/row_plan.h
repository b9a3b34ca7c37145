/* row plan: which column, constant or default each field of a schema takes its value from.
 * Made once per file (its columns decide), then run once per row. Fields take the column of their own name
 * (nested ones "venue.country") unless a mapping says otherwise; what no column supplies is the default,
 * null, or an error that names all such fields at once.
 * Thread: one.
 * Owns:   its copies; borrows the mapping and the schema. */
#ifndef RS_INGEST_READ_ROW_PLAN_H
#define RS_INGEST_READ_ROW_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "ingest/encode/cell.h"
#include "ingest/encode/encode.h"
#include "schemas/schema.h"

/* ---- the mapping: what the command line or the caller says about fields ---- */

struct rs_mapping_rule {
    const char *path;   /* of a field */
    const char *column; /* --map; NULL: not this */
    const char *text;   /* --const */
    const char *format; /* --time-format */
    struct rs_mapping_rule *next;
};

struct rs_mapping {
    struct rs_arena arena;
    const struct rs_schema *schema;
    struct rs_mapping_rule *rules;
    struct rs_time_rule time; /* of fields without a rule of their own */
    struct rs_zone *zone;
    struct rs_slice null_text;
    bool ignore_unknown;
    bool decimal_comma; /* in the rows, not in --const */
    bool avro_json;     /* the same */
    bool stored_times;  /* --time-format avro */
    bool time_given;    /* --time-format of all fields; without, Avro's JSON encoding means avro */
};

/* `schema` is a record. */
void rs_mapping_init(struct rs_mapping *mapping, const struct rs_schema *schema);
void rs_mapping_fini(struct rs_mapping *mapping);
/* "field=column" and "field=value".
 * Errors: RS_EUSAGE (no such field: names the nearest; said twice), RS_ENOMEM. */
RS_MUST_USE int rs_mapping_map(struct rs_mapping *mapping, const char *text, struct rs_error *error);
RS_MUST_USE int rs_mapping_const(struct rs_mapping *mapping, const char *text, struct rs_error *error);
/* Zone of times that carry none. Before any format. */
RS_MUST_USE int rs_mapping_zone(struct rs_mapping *mapping, const char *name, struct rs_error *error);
/* "FORMAT" for all times, "field=FORMAT" for one field; besides the rules of base/time/rule.h "avro": the number
 * that the type stores. */
RS_MUST_USE int rs_mapping_time(struct rs_mapping *mapping, const char *text, struct rs_error *error);

/* The format is "avro". */
static inline bool rs_mapping_stored(const char *format)
{
    return format && strcmp(format, "avro") == 0;
}

/* ---- the plan ---- */

enum rs_row_plan_source {
    RS_ROW_PLAN_COLUMNS, /* rows are arrays of cells in the order of `columns` */
    RS_ROW_PLAN_KEYS,    /* rows are one JSON object; `columns` are the keys it may have, or none: any */
    RS_ROW_PLAN_FIELDS,  /* rows are arrays of cells, one per column of the plan, some ABSENT */
};

#define RS_ROW_PLAN_ABSENT UINT32_MAX

struct rs_row_plan;

/* Errors: RS_EUSAGE: fields without a source (all are named), columns named twice; RS_ENOMEM. */
RS_MUST_USE int rs_row_plan_new(const struct rs_mapping *mapping, enum rs_row_plan_source source,
                                const struct rs_slice *columns, size_t count, struct rs_row_plan **out,
                                struct rs_error *error);
void rs_row_plan_free(struct rs_row_plan **plan);

/* Encodes one row behind `out`. KEYS: cells[0] is the object. On RS_ERECORD the text names the field (and its
 * column) and why, *at is the byte of the row, and `out` is as it was. */
RS_MUST_USE int rs_row_plan_encode(struct rs_row_plan *plan, const struct rs_cell *cells, struct rs_buf *out,
                                   uint32_t *at, struct rs_error *error);

/* Columns given that no field takes; NULL behind the last. */
const char *rs_row_plan_unused(const struct rs_row_plan *plan, size_t index);
/* Columns the plan reads; FIELDS: the paths of all fields that can be set. */
size_t rs_row_plan_column_count(const struct rs_row_plan *plan);
const char *rs_row_plan_column(const struct rs_row_plan *plan, size_t index);

#endif
