/* json_write: an Avro datum as a JSON message of a stream, as schemas/json_program.h reads it.
 * Decimals are their digits, times ISO 8601 in UTC or in the form that the stream's `json: {times}` declares, bytes
 * a character each; values of unions are bare where that leaves nothing open, else under the name of their
 * branch. No field is left out.
 * Thread: any; nothing is kept. */
#ifndef RS_INGEST_ENCODE_JSON_WRITE_H
#define RS_INGEST_ENCODE_JSON_WRITE_H

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"
#include "schemas/json_program.h"
#include "schemas/schema.h"

/* Appends to `out`. `datum` has passed the decoder.
 * Errors: RS_ERECORD: a time that its form cannot hold; the text names the field. RS_ENOMEM. */
RS_MUST_USE int rs_json_write(const struct rs_schema *schema, const struct rs_json_options *options,
                              struct rs_slice datum, struct rs_buf *out, struct rs_error *error);

#endif
