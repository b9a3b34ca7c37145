/* redis inspect: whether Redis is fit for what is configured, asked once and beside a daemon that may run: reachable,
 * a master, with all rights, without a policy that would evict views, and with names that are not another group's.
 * Nothing is changed, except that the rights of a user without transactions are tried (redis rights).
 * Thread: the caller's, which it blocks within the connection's time-outs. */
#ifndef RS_SINK_REDIS_INSPECT_H
#define RS_SINK_REDIS_INSPECT_H

#include <stddef.h>

#include "base/report.h"
#include "base/view.h"
#include "sink/redis/config.h"

/* Each finding is one report: ERROR: views could not be written; WARNING: something will be amiss; INFO: what is well.
 * `cluster` "": not known, it is compared with none. */
void rs_redis_inspect(const struct rs_redis_config *config, const char *group, const char *cluster,
                      const struct rs_aggregate_meta *metas, size_t count, const struct rs_report *report);

#endif
