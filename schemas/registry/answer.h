/* registry answer: what a schema registry's answers say, read as bytes that may be anything.
 * The documents are those of Confluent's REST interface (Schema Registry API reference, "Schemas" and
 * "Subjects"): {"schema": TEXT, "schemaType": …, "references": […]}, or {"error_code": N, "message": …}.
 * Nothing of an answer's bytes gets into messages, since logs and pages would show it.
 * Thread: any; pure.
 * Limits: those below. */
#ifndef RS_SCHEMAS_REGISTRY_ANSWER_H
#define RS_SCHEMAS_REGISTRY_ANSWER_H

#include <stddef.h>

#include "base/error.h"
#include "base/slice.h"

#define RS_REGISTRY_BODY_MAX       ((size_t)4 << 20) /* of an answer: JSON in JSON has twice the bytes at worst */
#define RS_REGISTRY_SCHEMA_MAX     ((size_t)1 << 20) /* of a schema, its references put in */
#define RS_REGISTRY_BODY_DEPTH     32
#define RS_REGISTRY_SCHEMA_DEPTH   512 /* of the schema's JSON; of its types the parser judges */
#define RS_REGISTRY_REFERENCES_MAX 64  /* in one schema, and of one with all that they refer to */
#define RS_REGISTRY_REFERENCE_TEXT 512 /* bytes of a subject */

struct rs_registry_reference {
    char *subject;
    int version;
};

struct rs_registry_schema {
    char *text; /* the schema's JSON */
    size_t size;
    struct rs_registry_reference *references;
    size_t reference_count;
};

/* RS_EIO: this is no answer of a registry, which may be mended there: it is worth asking again. RS_ESCHEMA:
 * the registry has spoken, and what it has there is not to be used: another type than Avro, too large, too
 * deep, too many references. The text says which. RS_ENOMEM. */
RS_MUST_USE int rs_registry_answer_read(struct rs_slice body, struct rs_registry_schema *out,
                                        struct rs_error *error);
void rs_registry_schema_fini(struct rs_registry_schema *schema);

/* The `error_code` of an answer; 0: it has none. */
int rs_registry_answer_code(struct rs_slice body);

/* How deep arrays and objects nest in JSON, or in what is none: brackets outside of strings are counted. */
size_t rs_registry_json_depth(struct rs_slice text);

#endif
