/* redis rights: which of the rights that rollstatd needs a Redis user lacks. Servers name the missing
 * command, key or channel only in part, inside a script not at all, and each version in its own words: so
 * each is tried. They are tried in a transaction that is given up: Redis judges rights when a command is queued,
 * and nothing of it is done. For a user without transactions one key under the prefix, <prefix>:owners:%probe, lives
 * for a moment. The whole list is deploy/redis-acl.
 * Thread: the caller's, which it blocks within the connection's time-outs. */
#ifndef RS_SINK_REDIS_RIGHTS_H
#define RS_SINK_REDIS_RIGHTS_H

#include <hiredis/hiredis.h>

#include "base/buf.h"
#include "sink/redis/config.h"

/* A sentence about the missing rights for people, asked on a connection of its own; empty: none is missing,
 * or it could not be asked. */
void rs_redis_rights_text(const struct rs_redis_config *config, char *out, size_t size);

/* Appends what is missing in the words of ACL SETUSER, "+zadd, &rs:*"; nothing: none is, or the connection broke.
 * Keys and channels of the `count` aggregates are tried, too. */
void rs_redis_rights_missing(redisContext *context, const char *prefix, const char *const *aggregates,
                             size_t count, struct rs_buf *out);
/* The same of commands without which views are written all the same. Only in a transaction: nothing where the user may
 * have none. */
void rs_redis_rights_spare(redisContext *context, const char *prefix, struct rs_buf *out);

#endif
