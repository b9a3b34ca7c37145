/* identity: what of a configuration the state in Kafka hangs on, as JSON; what of it must not change while there is
 * state. /status shows it, so that a new configuration can be compared with one that runs elsewhere.
 *     {"group": NAME, "log": "kafka" | "memory",
 *      "streams": {NAME: TOPIC | null},                 null: `topics`
 *      "inputs": {TOPIC: NAME},                         what its state goes by
 *      "aggregates": {NAME: {"fingerprint": HEX, …}}}   the rest as in rs:meta
 * Thread: the caller's.
 * Owns: nothing. */
#ifndef RS_TRANSFORM_DAEMON_IDENTITY_H
#define RS_TRANSFORM_DAEMON_IDENTITY_H

#include <jansson.h>

#include "transform/daemon/rollstatd.h"

/* The caller's to release; NULL: out of memory. `topics` (NULL: none): an object whose keys are topics that there are, so
 * that its patterns say which of them are its inputs. */
json_t *rs_identity_of(const struct rs_settings *settings, json_t *topics);
/* Appends a line for each thing that `fresh` may not have while state of `running` is there, with its remedy.
 * `running` may be anything that JSON can be. Returns how many. */
size_t rs_identity_compare(const json_t *running, const json_t *fresh, struct rs_buf *lines);
/* The same of settings. */
RS_MUST_USE int rs_settings_compare(const struct rs_settings *running, const struct rs_settings *fresh,
                                    struct rs_buf *lines, size_t *count, struct rs_error *error);

#endif
