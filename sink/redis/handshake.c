#include "sink/redis/handshake.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

bool rs_redis_info_value(const char *info, const char *name, char *out, size_t capacity)
{
    const char *line = strstr(info, name);
    if (!line) {
        return false;
    }
    line += strlen(name);
    size_t size = strcspn(line, "\r\n");
    if (size >= capacity) {
        return false;
    }
    memcpy(out, line, size);
    out[size] = '\0';
    return true;
}

static int read_run_id(redisContext *context, char *out, enum rs_redis_fault *fault, struct rs_error *error)
{
    const char *argv[2] = {"INFO", "server"};
    redisReply *reply = rs_redis_ask(context, 2, argv, NULL, fault, error);
    if (!reply) {
        return error->code;
    }
    if (reply->type != REDIS_REPLY_STRING ||
        !rs_redis_info_value(reply->str, "run_id:", out, RS_REDIS_RUN_ID_MAX)) {
        out[0] = '\0';
    }
    freeReplyObject(reply);
    return 0;
}

/* Loaded with every connection: a server that restarted has forgotten the script, and from here on only
 * its digest is sent. */
static int load_script(redisContext *context, const char *text, char *sha, enum rs_redis_fault *fault,
                       struct rs_error *error)
{
    const char *argv[3] = {"SCRIPT", "LOAD", text};
    redisReply *reply = rs_redis_ask(context, 3, argv, NULL, fault, error);
    if (!reply) {
        return error->code;
    }
    bool good = reply->type == REDIS_REPLY_STRING && reply->len == RS_REDIS_SHA_SIZE;
    if (good) {
        memcpy(sha, reply->str, RS_REDIS_SHA_SIZE + 1);
    }
    freeReplyObject(reply);
    if (!good) {
        *fault = RS_REDIS_PROTOCOL;
        return rs_fail(error, RS_EREDIS, "SCRIPT LOAD: no digest in the answer");
    }
    return 0;
}

static int make_nonblocking(redisContext *context, enum rs_redis_fault *fault, struct rs_error *error)
{
    int flags = fcntl(context->fd, F_GETFL);
    if (flags < 0 || fcntl(context->fd, F_SETFL, flags | O_NONBLOCK) < 0) {
        *fault = RS_REDIS_IO;
        return rs_fail(error, RS_EIO, "cannot make the socket non-blocking: errno %d", errno);
    }
    context->flags &= ~REDIS_BLOCK;
    return 0;
}

int rs_redis_shake_hands(redisContext *context, struct rs_redis_handshake *out, enum rs_redis_fault *fault,
                         struct rs_error *error)
{
    int code = read_run_id(context, out->run_id, fault, error);
    if (code == 0) {
        code = load_script(context, rs_redis_script_text(), out->sha, fault, error);
    }
    if (code == 0) {
        code = load_script(context, rs_redis_meta_script_text(), out->meta_sha, fault, error);
    }
    return code == 0 ? make_nonblocking(context, fault, error) : code;
}
