/* registry fetch: a schema from a registry, with all that it refers to, whichever of its URLs answers.
 * Thread: one; it waits. */
#ifndef RS_SCHEMAS_REGISTRY_FETCH_H
#define RS_SCHEMAS_REGISTRY_FETCH_H

#include "schemas/registry/asker.h"
#include "schemas/registry/http.h"
#include "schemas/registry/key.h"

struct rs_registry_fetch {
    struct rs_registry_http *http;
    const struct rs_registry_config *config;
    size_t preferred; /* the URL that answered last */
    uint64_t requests, failures;
    bool answered; /* in the last fetch there was an HTTP answer, whatever it said */
};

/* One try at each URL at most. FOUND: the schema, which stands alone, replaces what is in `schema`. Else the
 * error's text says why, with the mend. An unknown key is asked for at every URL, as one that follows another
 * may lag: the first that has it wins, and one that says no is enough where none has. */
enum rs_registry_outcome rs_registry_fetch(struct rs_registry_fetch *fetch, const struct rs_registry_key *key,
                                           struct rs_buf *schema, struct rs_error *error);

#endif
