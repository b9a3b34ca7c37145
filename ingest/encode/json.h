/* json: a JSON text as cells, through yajl, whose callbacks hand numbers over as they are written.
 * Stricter than yajl: a key may not repeat, and a surrogate escape needs its other half.
 * Thread: one.
 * Limits: RS_JSON_DEPTH_MAX levels of nesting. */
#ifndef RS_INGEST_ENCODE_JSON_H
#define RS_INGEST_ENCODE_JSON_H

#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "ingest/encode/cell.h"

#define RS_JSON_DEPTH_MAX 64

struct rs_json;

RS_MUST_USE int rs_json_new(struct rs_json **out, struct rs_error *error);
void rs_json_free(struct rs_json **json);

/* Parses one value; cells and their texts live until the next call. `text` must stay as long. RS_ERECORD: not
 * JSON, *at is the byte where. */
RS_MUST_USE int rs_json_parse(struct rs_json *json, struct rs_slice text, const struct rs_cell **cells,
                              size_t *at, struct rs_error *error);

#endif
