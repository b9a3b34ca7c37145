/* group key: which group an event belongs to, from its `by` fields. A key is built for every event, so it
 * is raw bytes: each part its presence and its value as decoded. Its text, as Redis shows it, is made only
 * when a group is emitted.
 * Thread: a plan is immutable after loading. */
#ifndef RS_TRANSFORM_PLAN_GROUP_KEY_H
#define RS_TRANSFORM_PLAN_GROUP_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/config/config.h"
#include "base/slice.h"
#include "schemas/program.h"
#include "transform/plan/slots.h"

#define RS_GROUP_KEY_MAX 1024 /* raw bytes of one group's key */

struct rs_key_component {
    int slot;
    struct rs_field_type type;
};

struct rs_key_plan {
    struct rs_key_component *parts;
    size_t count; /* 0: one group with the empty key */
};

#define RS_KEY_TOO_LONG   SIZE_MAX
#define RS_KEY_NOT_FINITE (SIZE_MAX - 1) /* a double with a declared scale is NaN or infinite */

/* Reads `by` (NULL: absent) of an aggregate; wrong: complaints, false. */
bool rs_key_plan_load(struct rs_config *config, struct rs_slots *slots, const struct rs_config_node *node,
                      struct rs_key_plan *out);
bool rs_key_plan_same(const struct rs_key_plan *a, const struct rs_key_plan *b);

/* Writes the raw key, at most RS_GROUP_KEY_MAX bytes; returns its size, RS_KEY_TOO_LONG or
 * RS_KEY_NOT_FINITE. */
size_t rs_key_build(const struct rs_key_plan *plan, const struct rs_value *values,
                    uint8_t out[RS_GROUP_KEY_MAX]);
uint32_t rs_key_hash(struct rs_slice raw);
/* Appends "<v1>:<v2>", each percent-encoded, null as %null, a lone "index" as %69ndex. `raw` was built
 * by this plan. */
void rs_key_render(const struct rs_key_plan *plan, struct rs_slice raw, struct rs_buf *out);
/* The raw key of which rs_key_render makes `text`; its size, or RS_KEY_TOO_LONG: there is none that this plan
 * could build. */
size_t rs_key_parse(const struct rs_key_plan *plan, struct rs_slice text, uint8_t out[RS_GROUP_KEY_MAX]);
/* The same of the key that rollstat-publish writes into a record, where a lone "index" stands as it is. `scratch`: its
 * content is lost. */
size_t rs_key_parse_record(const struct rs_key_plan *plan, struct rs_slice text, struct rs_buf *scratch,
                           uint8_t out[RS_GROUP_KEY_MAX]);
/* The raw key of the group that others are folded into, which no values make; its text is "%other:<owner>", since no
 * encoded text has '%' before an o. `owner`: of the partition, not empty. */
size_t rs_key_other(struct rs_slice owner, uint8_t out[RS_GROUP_KEY_MAX]);
/* Whether foreign bytes could have been built by this plan: what rs_key_render relies on. */
bool rs_key_valid(const struct rs_key_plan *plan, struct rs_slice raw);

#endif
