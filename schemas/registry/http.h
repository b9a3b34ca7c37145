/* registry http: one question to one URL of a registry, within limits.
 * What it refuses by itself: redirects (they could lead a password elsewhere), other protocols, compressed
 * bodies (it asks for none, so that nothing can swell), a peer whose certificate is not for the name in the URL.
 * Proxies named by the environment are not used.
 * Thread: one; it waits. `stop` may be set by any.
 * Limits: the configured time-out for all of a question, RS_REGISTRY_BODY_MAX for the body, 64 KiB of headers. */
#ifndef RS_SCHEMAS_REGISTRY_HTTP_H
#define RS_SCHEMAS_REGISTRY_HTTP_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"
#include "schemas/registry/config.h"

struct rs_registry_http;

/* `config` and `stop` are borrowed: once that is true, questions end at once. RS_ENOMEM. */
RS_MUST_USE int rs_registry_http_new(const struct rs_registry_config *config, const _Atomic bool *stop,
                                     struct rs_registry_http **out, struct rs_error *error);
void rs_registry_http_free(struct rs_registry_http **http);

/* GET of `path` ("/schemas/ids/7") below URL number `url`. The body replaces what is in `body`. RS_EIO: there
 * was no answer. RS_ELIMIT: an answer of status 200 is larger than RS_REGISTRY_BODY_MAX. The text names neither
 * secrets nor bytes of the answer. */
RS_MUST_USE int rs_registry_http_get(struct rs_registry_http *http, size_t url, const char *path,
                                     struct rs_buf *body, long *status, struct rs_error *error);

/* The same for a POST of `sent`, a document of the registry's. */
RS_MUST_USE int rs_registry_http_post(struct rs_registry_http *http, size_t url, const char *path,
                                      struct rs_slice sent, struct rs_buf *body, long *status,
                                      struct rs_error *error);

/* Appends `text` as a part of a path. */
void rs_registry_http_escape(const char *text, struct rs_buf *out);

#endif
