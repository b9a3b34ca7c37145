/* sentinel: which of several servers is the master, asked of Redis Sentinel at each connection.
 * The sentinels are asked one after the other, in the order of the URL, until one knows (guidelines for clients of
 * Redis Sentinel) and the server that it names says of itself that it is a master. All of them together have twice
 * the time-outs of a connection. Commands: AUTH, SENTINEL GET-MASTER-ADDR-BY-NAME, and of
 * the server itself INFO, since a sentinel may not have heard yet.
 * Thread: the connection's. */
#ifndef RS_SINK_REDIS_SENTINEL_H
#define RS_SINK_REDIS_SENTINEL_H

#include "sink/redis/connection.h"

/* As rs_redis_open, of the server that the address says, or the master that its sentinels know. With sentinels the
 * error (RS_REDIS_SENTINEL) names each that was of no use, and why. */
RS_MUST_USE int rs_redis_open_master(const struct rs_redis_address *address, int64_t connect_timeout_us,
                                     int64_t timeout_us, redisContext **out, enum rs_redis_fault *fault,
                                     struct rs_error *error);

#endif
