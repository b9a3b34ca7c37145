/* registry cache: schemas of a registry in files, so that a restart needs no registry.
 * A file holds one schema that stands alone, under the name of its key, with a checksum; it is written whole or
 * not at all. Ids never change their schema, so that nothing in it goes stale. A file that is damaged counts for
 * nothing, is told, and is written anew once the registry has answered.
 * Several instances may share a directory of one registry.
 * Thread: one.
 * Limits: RS_REGISTRY_CACHE_FILES, RS_REGISTRY_CACHE_BYTES; what was not used for longest goes. */
#ifndef RS_SCHEMAS_REGISTRY_CACHE_H
#define RS_SCHEMAS_REGISTRY_CACHE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/report.h"

#define RS_REGISTRY_CACHE_FILES 10000
#define RS_REGISTRY_CACHE_BYTES (UINT64_C(256) << 20)

struct rs_registry_cache;

/* The directory is made where it is missing; its parent has to be there. `look_only`: nothing is made, written or
 * removed; for programs beside the daemon, whose directory it is. RS_EIO: it cannot be used; the text says why.
 * RS_ENOMEM. `path` is copied. */
RS_MUST_USE int rs_registry_cache_open(const char *path, bool look_only, const struct rs_report *report,
                                       struct rs_registry_cache **out, struct rs_error *error);
void rs_registry_cache_free(struct rs_registry_cache **cache);

/* Appends the schema that is kept as `key` (letters, digits and '-'); false: there is none. */
bool rs_registry_cache_get(struct rs_registry_cache *cache, const char *key, struct rs_buf *out);
/* What cannot be written is told and does without. Nothing where it is only looked into. */
void rs_registry_cache_put(struct rs_registry_cache *cache, const char *key, struct rs_slice schema);

#endif
