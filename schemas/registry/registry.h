/* registry: a schema registry, asked without anybody waiting.
 * Whoever needs a schema asks for it and goes on; a thread of the registry's own looks into the cache, asks the
 * registry, and calls back with what it came to. Where nobody answers, it asks again, later each time, for as
 * long as the question is repeated: whoever asked waits, and `why` says for what.
 *
 *     ask ─▶ cache ─▶ each URL ─▶ FOUND, UNKNOWN, REFUSED ─▶ learn
 *              │          └▶ FAILED: again after 250 ms, 500 ms, … 30 s, each time a random part of it less
 *              └▶ FOUND ─▶ learn, and compared with what the registry has, once it answers
 *
 * An id never changes its schema. Where the registry has another than the cache, the cached one stays in use and
 * the difference is told: either the registry was replaced, and then the cache has to be emptied by whoever did
 * that, or it lies. Without a cache a second answer that is not the first one is a failure.
 *
 * Thread: any, but rs_registry_free, which is for the thread that made it; `learn` and reports come on the
 *         registry's own thread. None of these calls waits for a network or a disk, but for rs_registry_free,
 *         which waits until the thread has ended: the question under way is given up.
 * Limits: RS_REGISTRY_QUESTIONS; more are refused until there is room. */
#ifndef RS_SCHEMAS_REGISTRY_REGISTRY_H
#define RS_SCHEMAS_REGISTRY_REGISTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/report.h"
#include "schemas/registry/asker.h"
#include "schemas/registry/config.h"

#define RS_REGISTRY_QUESTIONS 1024

struct rs_registry;

struct rs_registry_options {
    const struct rs_registry_config *config; /* borrowed; has a URL */
    const struct rs_clock *clock;
    struct rs_report report;
    bool look_only; /* for programs beside the daemon: its cache is read, never written, and not compared */
};

RS_MUST_USE int rs_registry_new(const struct rs_registry_options *options, struct rs_registry **out,
                                struct rs_error *error);
void rs_registry_free(struct rs_registry **registry);

/* What others see of it. */
struct rs_registry_asker rs_registry_asker(struct rs_registry *registry);

struct rs_registry_status {
    uint64_t requests, failures;      /* HTTP, and those of them that said nothing of use */
    uint64_t found, unknown, refused; /* schemas, each time one was asked for */
    uint64_t from_cache;              /* of those found */
    uint64_t changed;                 /* schemas that are not what they were */
    size_t waiting;                   /* questions without an answer */
    bool failing;                     /* the last question had no answer */
    int64_t failing_since_us;         /* monotonic */
    char why[RS_ERROR_TEXT_MAX];      /* failing */
    const char *url;                  /* the one that is asked first */
};
void rs_registry_status(struct rs_registry *registry, struct rs_registry_status *out);

#endif
