/* redis_tls: TLS of a connection to Redis (`rediss://`), where the hiredis at hand has it (1.0 and newer).
 * The server's certificate has to be signed by a CA that is trusted and to name the host. Files are read anew
 * for each connection, so that certificates can be exchanged while the daemon runs.
 * Thread: the connection's. */
#ifndef RS_SINK_REDIS_TLS_H
#define RS_SINK_REDIS_TLS_H

#include <stdbool.h>

#include <hiredis/hiredis.h>

#include "base/error.h"
#include "sink/redis/config.h"

/* On a connection that is open and has sent nothing. Waits as long as the connection's time-out lets reads wait.
 * RS_EREDIS names what is wrong and with which file or name; never what a file holds. *late: only time was up. */
RS_MUST_USE int rs_redis_tls_begin(redisContext *context, const struct rs_redis_address *address, bool *late,
                                   struct rs_error *error);

#endif
