/* registry asker: what those who need schemas see of a registry: a table of functions, which a test has its own of.
 * Thread: any; none of the calls waits. */
#ifndef RS_SCHEMAS_REGISTRY_ASKER_H
#define RS_SCHEMAS_REGISTRY_ASKER_H

#include "base/error.h"
#include "base/slice.h"
#include "schemas/registry/key.h"

/* What a question came to. */
enum rs_registry_outcome {
    RS_REGISTRY_FOUND,
    RS_REGISTRY_UNKNOWN, /* the registry says that there is no such schema: 404 with its code 40403 */
    RS_REGISTRY_REFUSED, /* there is, and it is not to be used: no Avro, too large, too deep */
    RS_REGISTRY_FAILED,  /* nobody has said either; no answer, it is asked again */
};

struct rs_registry_answer {
    enum rs_registry_outcome outcome; /* FOUND, UNKNOWN or REFUSED */
    struct rs_slice schema;           /* FOUND: JSON that stands alone; lives during the call */
    const char *why;                  /* else */
};

/* Who asks. It outlives the registry; `learn` is called on the registry's thread. */
struct rs_registry_reader {
    void *self;
    void (*learn)(void *self, const struct rs_registry_key *key, const struct rs_registry_answer *answer);
};

struct rs_registry_asker {
    void *self;
    /* Asks, or says that the answer is still wanted: a question that nobody repeats for a minute is dropped.
     * Where there are too many, it has to be asked again, too. */
    void (*ask)(void *self, const struct rs_registry_reader *reader, const struct rs_registry_key *key);
    /* Why a question has no answer yet, for people. */
    void (*why)(void *self, const struct rs_registry_reader *reader, const struct rs_registry_key *key,
                struct rs_error *out);
};

#endif
