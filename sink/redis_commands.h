/* redis commands: the plain commands of a writer, in Redis' protocol. The batches' calls are redis_script's.
 * Each replaces what `out` held; out->failed tells of memory. Keys made here are short and plain. */
#ifndef RS_SINK_REDIS_COMMANDS_H
#define RS_SINK_REDIS_COMMANDS_H

#include "base/buf.h"
#include "base/view.h"
#include "sink/redis_fences.h"

void rs_redis_command_info(struct rs_buf *out);
/* MGET of the fences of all partitions in the table; PING when there is none. */
void rs_redis_command_fences(struct rs_buf *out, const char *prefix, const char *group,
                             const struct rs_redis_fences *fences);

#endif
