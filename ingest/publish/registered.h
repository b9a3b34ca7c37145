/* registered: the id that a schema registry has for a stream's schema.
 * The subject is the topic's name and "-value" (TopicNameStrategy, what Confluent's serializers use unless told
 * otherwise). What the registry says is looked up once more by the id: events that would name another schema
 * than theirs are worse than none.
 * Thread: one; it waits. `stop` may be set by any, and by a signal's handler. */
#ifndef RS_INGEST_PUBLISH_REGISTERED_H
#define RS_INGEST_PUBLISH_REGISTERED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "schemas/registry/config.h"
#include "schemas/stream.h"

struct rs_registered {
    const struct rs_registry_config *registry;
    const struct rs_stream *stream;
    bool enter;         /* register the schema where the subject does not have it */
    int64_t timeout_us; /* of all questions; where there is no answer they are asked again */
    const _Atomic bool *stop;
    void (*on_wait)(void *self, const char *text); /* nobody has answered yet, and why; may be NULL */
    void *self;
};

#define RS_REGISTERED_FRAMING_MAX 32

/* "confluent:ID", for a framing.
 * Errors: RS_EUSAGE (no registry is configured; the subject does not have the schema, and `enter` is not set),
 * RS_ESCHEMA (the registry refuses it, or has another schema under the id), RS_EIO (no answer in time),
 * RS_EINVAL (stopped), RS_ENOMEM. */
RS_MUST_USE int rs_registered_framing(const struct rs_registered *asked, char out[RS_REGISTERED_FRAMING_MAX],
                                      struct rs_error *error);

#endif
