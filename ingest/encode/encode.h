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
 * Avro's JSON encoding (avro_json), as Java's JsonEncoder and kafka-avro-console-consumer print it, is another
 * matter: decimals are their bytes, times the numbers that are stored, and each value of a union but null is an
 * object of one member, named after its branch: {"string": "x"}. Such objects are taken without avro_json, too,
 * where no value of the branch can look like them.
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
#include "ingest/encode/cell.h"
#include "ingest/encode/scalar.h"
#include "schemas/schema.h"

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

/* Number of the null branch; -1: none, or not a union. */
long rs_schema_null_branch(const struct rs_schema *type);

#endif
