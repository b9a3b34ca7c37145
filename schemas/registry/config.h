/* registry config: where a schema registry is, and how it is asked: `schemas: {registry: …}`.
 * Passwords and tokens stay in their files, which are read anew for every question: one that is exchanged
 * while the daemon runs counts from the next question on.
 * Thread: immutable after loading.
 * Owns: nothing; strings live as long as the arena they were read into. */
#ifndef RS_SCHEMAS_REGISTRY_CONFIG_H
#define RS_SCHEMAS_REGISTRY_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/config/config.h"

#define RS_REGISTRY_URLS_MAX 8

struct rs_registry_config {
    const char *urls[RS_REGISTRY_URLS_MAX]; /* without '/' at the end */
    size_t url_count;                       /* 0: no registry */
    const char *username, *password_file;   /* NULL: none, as all that follow */
    const char *token_file;
    const char *ca, *certificate, *key; /* PEM */
    const char *cache;                  /* directory */
    int64_t timeout_us;                 /* of one question */
};

/* Reads the value of `schemas.registry`: a URL, or a mapping. Complains about what is wrong; paths start from
 * the configuration's directory. False: out of memory. */
RS_MUST_USE bool rs_registry_config_read(struct rs_config *config, const struct rs_config_node *node,
                                         struct rs_arena *arena, struct rs_registry_config *out);

/* Warns of files that cannot be read from here, and of secrets that would go unencrypted: for who runs the
 * daemon, or checks that. `node` may be NULL. */
void rs_registry_config_look(struct rs_config *config, const struct rs_config_node *node,
                             const struct rs_registry_config *read);

#endif
