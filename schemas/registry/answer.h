/* registry answer: what a schema registry's answers say, read as bytes that may be anything.
 * The documents are those of Confluent's REST interface (Schema Registry API reference, "Schemas" and
 * "Subjects"): {"schema": TEXT, "schemaType": …, "references": […]}, or {"error_code": N, "message": …}.
 * Nothing of an answer's bytes gets into messages, since logs and pages would show it, but for what a registry has
 * against a schema, which whoever wants it registered has to see: cut and cleaned.
 * Thread: any; pure.
 * Limits: those below. */
#ifndef RS_SCHEMAS_REGISTRY_ANSWER_H
#define RS_SCHEMAS_REGISTRY_ANSWER_H

#include <stddef.h>
#include <stdint.h>

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

#define RS_REGISTRY_NO_SUBJECT 40401 /* Confluent's: "Subject not found", */
#define RS_REGISTRY_NO_SCHEMA  40403 /* "Schema not found" */

/* What an HTTP status other than 200 means, with the mend; always RS_EIO. `may`: what was to be done, "read". */
int rs_registry_answer_explain(const char *url, long status, int told, const char *may,
                               struct rs_error *error);

/* The `id` of an answer. RS_EIO: it has none. */
RS_MUST_USE int rs_registry_answer_id(struct rs_slice body, uint32_t *id, struct rs_error *error);

/* The `message` of an answer in printable ASCII, at most RS_REGISTRY_MESSAGE_MAX bytes; empty: it has none. */
#define RS_REGISTRY_MESSAGE_MAX 1000
void rs_registry_answer_message(struct rs_slice body, char out[RS_REGISTRY_MESSAGE_MAX + 1]);

/* How deep arrays and objects nest in JSON, or in what is none: brackets outside of strings are counted. */
size_t rs_registry_json_depth(struct rs_slice text);

#endif
