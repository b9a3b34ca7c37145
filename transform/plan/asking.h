/* asking: schemas that only a registry knows, for programs that look at messages beside the daemon. They ask as the
 * daemon does, look into its cache, and write nothing there.
 * Thread: one; the registry has its own. */
#ifndef RS_TRANSFORM_PLAN_ASKING_H
#define RS_TRANSFORM_PLAN_ASKING_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/registry/registry.h"
#include "transform/plan/load.h"

/* From now on the engine learns; *out stays NULL where the configuration has no registry. `loaded` is of
 * RS_LOAD_JUDGE. Warnings of the registry go to stderr. To be freed (rs_registry_free) before `loaded` is closed.
 * Errors: RS_ENOMEM, or those of beginning to ask. */
RS_MUST_USE int rs_asking_begin(const struct rs_loaded *loaded, struct rs_registry **out,
                                struct rs_error *error);

/* Asks `waits` again and again until it says no. False: it said yes for that long. */
bool rs_asking_await(bool (*waits)(void *self), void *self, int64_t timeout_us);

/* How patiently: a registry has `timeout_us` to answer. Once it was silent that long, the same schema is not waited
 * for again, and another for half a second, until it speaks. */
struct rs_asking_patience {
    int64_t timeout_us;
    bool silent; /* waited for in vain, last for the schema `silent_key` */
    struct rs_registry_key silent_key;
};
/* As rs_asking_await, for the schema `key`. */
bool rs_asking_await_schema(struct rs_asking_patience *patience, const struct rs_registry_key *key,
                            bool (*waits)(void *self), void *self);

#endif
