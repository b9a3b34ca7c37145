/* registry expand: a schema that refers to others, made into one that stands alone.
 * The first use of a type that another schema defines becomes its definition, so that the result has its names
 * in the order that Avro asks for ("Schema Declaration": a name is defined before it is used).
 * Thread: any; pure.
 * Limits: the sum of the texts is RS_REGISTRY_SCHEMA_MAX at most, which is the caller's to see to. */
#ifndef RS_SCHEMAS_REGISTRY_EXPAND_H
#define RS_SCHEMAS_REGISTRY_EXPAND_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"

/* `others[0, count)` are all that `text` refers to, and that those do. The result, which is no longer than all
 * of them and their full names, is appended to `out`. RS_ESCHEMA: one is no JSON, they define a name twice and
 * not alike, or the result nests too deep. RS_ENOMEM. */
RS_MUST_USE int rs_registry_expand(struct rs_slice text, const struct rs_slice *others, size_t count,
                                   struct rs_buf *out, struct rs_error *error);

/* Whether two texts are the same JSON, however it is written. */
bool rs_registry_same_json(struct rs_slice a, struct rs_slice b);
/* The same for the same JSON. */
uint64_t rs_registry_json_digest(struct rs_slice text);

#endif
