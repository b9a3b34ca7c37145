/* redis names: what an operator may do about names under the prefix: take them over from a consumer group
 * that is gone, and forget an aggregate that is no longer configured. Each opens a connection of its own and
 * works in small pieces, so that Redis serves others in between; breaking one off half-way does no harm, and
 * it can be run again.
 * Thread: the caller's, which they block. */
#ifndef RS_SINK_REDIS_NAMES_H
#define RS_SINK_REDIS_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/view.h"
#include "sink/redis/config.h"

/* Makes the aggregates nobody's and removes the fences of `group`: whoever of `group` writes next owns them.
 * What readers see stays until then. `fences` gets how many were removed. RS_EREDIS, RS_ENOMEM. */
RS_MUST_USE int rs_redis_take_over(const struct rs_redis_config *config, const char *group,
                                   const struct rs_aggregate_meta *metas, size_t count, uint64_t *fences,
                                   struct rs_error *error);

/* Removes all keys of an aggregate and its entry in <prefix>:meta. `groups` gets how many it had.
 * RS_ESTATE: it is another consumer group's, or one of this name in another cluster ("": not known, it is
 * compared with none). RS_EREDIS, RS_ENOMEM. */
RS_MUST_USE int rs_redis_forget(const struct rs_redis_config *config, const char *group, const char *cluster,
                                const char *aggregate, uint64_t *groups, struct rs_error *error);

#endif
