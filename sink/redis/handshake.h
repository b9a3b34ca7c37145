/* redis handshake: what a writer learns and prepares on a fresh connection: who the server is, the script.
 * Thread: the connection's. */
#ifndef RS_SINK_REDIS_HANDSHAKE_H
#define RS_SINK_REDIS_HANDSHAKE_H

#include "sink/redis/connection.h"
#include "sink/redis/script.h"

#define RS_REDIS_RUN_ID_MAX 64

struct rs_redis_handshake {
    char run_id[RS_REDIS_RUN_ID_MAX]; /* empty: the server does not tell */
    char sha[RS_REDIS_SHA_SIZE + 1];
    char meta_sha[RS_REDIS_SHA_SIZE + 1];
};

/* INFO server, SCRIPT LOAD of both scripts; afterwards the context is non-blocking: reads and writes return
 * at once. */
RS_MUST_USE int rs_redis_shake_hands(redisContext *context, struct rs_redis_handshake *out,
                                     enum rs_redis_fault *fault, struct rs_error *error);

/* Copies the value of "name:" in an INFO text. False: not there, or longer than `capacity`. */
bool rs_redis_info_value(const char *info, const char *name, char *out, size_t capacity);

#endif
