/* redis commands: the plain commands of a writer, in Redis' protocol. The batches' calls are redis_script's.
 * Each replaces what `out` held; out->failed tells of memory. Keys made here are short and plain.
 * Thread: any; nothing is kept. */
#ifndef RS_SINK_REDIS_COMMANDS_H
#define RS_SINK_REDIS_COMMANDS_H

#include <hiredis/hiredis.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/view.h"
#include "sink/redis/connection.h"
#include "sink/redis/fences.h"

void rs_redis_command_info(struct rs_buf *out);
/* HSCAN of an aggregate's owners: a piece from `cursor` on. */
void rs_redis_command_scan(struct rs_buf *out, const char *prefix, const char *aggregate, uint64_t cursor);
/* Keeps those that are the batch's partition's, and where to go on. A user without the right to look, or a
 * stray value, has nothing to tell: FINE. Else what is wrong with the answer, and `error`. */
enum rs_redis_fault rs_redis_scan_read(const redisReply *reply, struct rs_view_batch *batch,
                                       struct rs_error *error);
/* What an operator should read of write_meta.lua's answer; false: nothing. Whether another instance still
 * publishes an aggregate that is not configured here cannot be known here, so that only an operator removes
 * it. */
bool rs_redis_forgotten_text(const redisReply *reply, const char *prefix, char *out, size_t size);
/* MGET of the fences of all partitions in the table; PING when there is none. */
void rs_redis_command_fences(struct rs_buf *out, const char *prefix, const char *group,
                             const struct rs_redis_fences *fences);

#endif
