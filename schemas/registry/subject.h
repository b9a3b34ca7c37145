/* registry subject: which id a schema has under a subject, and giving it one (Confluent's Schema Registry API
 * reference: POST /subjects/NAME and POST /subjects/NAME/versions).
 * Thread: one; it waits. */
#ifndef RS_SCHEMAS_REGISTRY_SUBJECT_H
#define RS_SCHEMAS_REGISTRY_SUBJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/registry/asker.h"
#include "schemas/registry/http.h"

struct rs_registry_subject {
    const char *name;
    const char *schema; /* Avro JSON that stands alone */
    bool enter;         /* register it; the same schema again gets the same id */
};

/* One try at each URL at most, in turn until one has spoken. FOUND: *id. UNKNOWN: there is no such subject, or
 * the schema is not among its versions. REFUSED: the registry does not want it, as where it is incompatible with
 * what is there; the text tells the registry's own words, cut and cleaned. FAILED: no answer of use. */
enum rs_registry_outcome rs_registry_subject_ask(struct rs_registry_http *http,
                                                 const struct rs_registry_config *config,
                                                 const struct rs_registry_subject *subject, uint32_t *id,
                                                 struct rs_error *error);

#endif
