/* encode: cells to Avro bytes after a schema.
 * Why not libavro's value API: it costs more per row than all the rest of the publisher together, knows no
 * logical types, and writes enum indexes and lengths it was given unchecked. A test holds this encoder to
 * libavro's bytes on random values; rollstat_publish_avro takes libavro's own values.
 *
 * What a text becomes is decided by the type alone:
 *   - int, long: an integer, also as 1e3; in a text no point, which may be one of thousands; a number in JSON
 * may be 7.0
 *   - decimal: the digits as written; more digits behind the point than the scale are refused unless zeros
 *   - float, double: correctly rounded (a float after the double); NaN, Infinity and -Infinity by name
 *   - boolean: true, false, 1, 0
 *   - enum: one of the symbols
 *   - string, uuid: UTF-8; a uuid in its 8-4-4-4-12 form
 *   - bytes, fixed: one character U+0000 to U+00FF per byte, as in Avro's JSON encoding
 *   - timestamps: after the time rule; digits finer than the type are refused, as with decimals, unless zeros
 *   - date: YYYY-MM-DD, else after the time rule, at midnight
 *   - time of day: hh:mm[:ss[.fraction]], not finer than the type
 *   - array, map, record, and unions of several types: JSON
 *
 * Values of an Avro record become what Avro's schema resolution makes of them: bytes that are UTF-8 a string,
 * a string its UTF-8 bytes, a float the double of the same value. Besides, a number of any type becomes any
 * other that holds its digits (those of a float are its shortest), and a time a string in ISO 8601; a time or
 * bytes never become a number, whose unit or meaning nobody knows.
 *
 * Unions: null where the cell is null or empty; else the one other branch, or the first branch that takes the
 * cell as it is (a JSON string as string before anything read out of it), or at all.
 *
 * Thread: one per encoder. */
#ifndef RS_INGEST_ENCODE_ENCODE_H
#define RS_INGEST_ENCODE_ENCODE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/time/pattern.h"
#include "base/time/text.h"
#include "ingest/encode/cell.h"
#include "schemas/schema.h"

enum rs_time_rule_kind {
    RS_TIME_RULE_ISO,
    RS_TIME_RULE_PERIOD, /* 2026, 2026-03, 2026-Q1, ...: the start of the period */
    RS_TIME_RULE_PATTERN,
    RS_TIME_RULE_SECONDS, /* since the epoch, digits after a point allowed; the rest alike */
    RS_TIME_RULE_MILLIS,
    RS_TIME_RULE_MICROS,
    RS_TIME_RULE_NANOS,
};

struct rs_time_rule {
    enum rs_time_rule_kind kind;
    struct rs_time_pattern pattern; /* PATTERN */
    const struct rs_zone *zone;     /* for texts without an offset; NULL: UTC */
};

/* iso, period, s, ms, us, ns, or a pattern. Borrows `text`.
 * Errors: RS_EINVAL. */
RS_MUST_USE int rs_time_rule_parse(const char *text, const struct rs_zone *zone, struct rs_time_rule *out,
                                   struct rs_error *error);

struct rs_json;

struct rs_encoder {
    const struct rs_time_rule *time; /* of the value at hand; never NULL */
    struct rs_slice null_text;       /* TEXT that means null besides the empty one; data NULL: none */
    bool ignore_unknown;             /* keys of JSON objects that no field takes */
    bool schema_defaults; /* cells are a default as a schema writes it: bytes as characters, times as integers
                           */
    uint32_t fault_at;    /* of the cell that was refused */
    struct rs_json *json; /* for TEXT that holds JSON; made when first needed */
};

void rs_encoder_init(struct rs_encoder *encoder);
void rs_encoder_fini(struct rs_encoder *encoder);

/* Appends cells[index] as a value of `type`. On RS_ERECORD the text says why (without bytes of the value),
 * fault_at where, and what was appended to `out` is to be cut off by the caller. Check out->failed once at
 * the end. */
RS_MUST_USE int rs_encode(struct rs_encoder *encoder, const struct rs_schema *type,
                          const struct rs_cell *cells, size_t index, struct rs_buf *out,
                          struct rs_error *error);

/* Appends the default that a schema gives a field. */
RS_MUST_USE int rs_encode_default(struct rs_encoder *encoder, const struct rs_schema_field *field,
                                  struct rs_buf *out, struct rs_error *error);

/* The cell means null where null is allowed: NULL, ABSENT, or an empty TEXT. */
bool rs_encode_is_null(const struct rs_encoder *encoder, const struct rs_cell *cell);

/* Number of the null branch; -1: none, or not a union. */
long rs_schema_null_branch(const struct rs_schema *type);

/* What the long or int of a date, time or timestamp holds for this cell. */
RS_MUST_USE int rs_encode_read_time(const struct rs_time_rule *rule, enum rs_logical logical,
                                    const struct rs_cell *cell, int64_t *out, struct rs_error *error);

/* A TIME, NANOS, DATE or CLOCK cell as the text cell in ISO 8601 that is read as the same; false: another
 * kind, or outside the years 1 to 9999. */
#define RS_ENCODE_TIME_TEXT_MAX 48
bool rs_encode_write_time(const struct rs_cell *cell, char *text, struct rs_cell *out);

/* Everything but arrays, maps, records and unions. */
RS_MUST_USE int rs_encode_scalar(struct rs_encoder *encoder, const struct rs_schema *type,
                                 const struct rs_cell *cell, struct rs_buf *out, struct rs_error *error);

#endif
