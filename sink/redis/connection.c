#include "sink/redis/connection.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include "sink/redis/tls.h"

static const struct {
    const char *reply, *name, *hint;
} faults[RS_REDIS_FAULT_COUNT] = {[RS_REDIS_FINE] = {"", "fine", ""},
#define RS_REDIS_FAULT_ROW(name, reply, text, hint) [RS_REDIS_##name] = {reply, text, hint},
                                  RS_REDIS_FAULTS(RS_REDIS_FAULT_ROW)
#undef RS_REDIS_FAULT_ROW
};

const char *rs_redis_fault_name(enum rs_redis_fault fault)
{
    return faults[fault].name;
}

const char *rs_redis_fault_hint(enum rs_redis_fault fault)
{
    return faults[fault].hint;
}

/* The word in front decides where there is one. Only then is the text looked through, in which a script or
 * a proxy may quote an error of another kind. */
enum rs_redis_fault rs_redis_fault_of_reply(const char *text)
{
    static const char *const cluster[] = {"ASK ", "CLUSTERDOWN", "CROSSSLOT", "TRYAGAIN", NULL};
    for (int i = RS_REDIS_FINE + 1; i < RS_REDIS_SCRIPT; i++) {
        size_t size = strlen(faults[i].reply);
        if (size > 0 && strncmp(text, faults[i].reply, size) == 0) {
            return (enum rs_redis_fault)i;
        }
    }
    for (const char *const *word = cluster; *word; word++) {
        if (strncmp(text, *word, strlen(*word)) == 0) {
            return RS_REDIS_CLUSTER;
        }
    }
    if (strstr(text, "invalid password") || strstr(text, "invalid username-password")) {
        return RS_REDIS_WRONGPASS;
    }
    for (int i = RS_REDIS_FINE + 1; i < RS_REDIS_SCRIPT; i++) { /* Redis 6 puts the script's place in front */
        if (faults[i].reply[0] != '\0' && strstr(text, faults[i].reply)) {
            return (enum rs_redis_fault)i;
        }
    }
    /* A command that runs into the ACL inside a script: Redis before 7 and Redis 8 say ERR, only 7 NOPERM. */
    static const char *const refusals[] = {
        "can't run this command", "can't publish to the channel", "can't access at least one of the keys",
        "ACL failure in script",  "has no permissions",           NULL};
    for (const char *const *word = refusals; *word; word++) {
        if (strstr(text, *word)) {
            return RS_REDIS_NOPERM;
        }
    }
    return RS_REDIS_SCRIPT;
}

enum rs_redis_fault rs_redis_fault_of_context(const redisContext *context)
{
    if (context->err == REDIS_ERR_PROTOCOL) {
        return RS_REDIS_PROTOCOL;
    }
    if (context->err == REDIS_ERR_IO && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ETIMEDOUT)) {
        return RS_REDIS_TIMEOUT;
    }
    return RS_REDIS_IO;
}

/* errno is set to 0 first: hiredis says only that a connection failed, and whether time was up is told by
 * errno. */
redisReply *rs_redis_ask(redisContext *context, int argc, const char **argv, const size_t *sizes,
                         enum rs_redis_fault *fault, struct rs_error *error)
{
    errno = 0;
    redisReply *reply = redisCommandArgv(context, argc, argv, sizes);
    if (!reply) {
        *fault = rs_redis_fault_of_context(context);
        rs_fail(error, RS_EREDIS, "%s: %s", argv[0],
                *fault == RS_REDIS_TIMEOUT ? "no answer in time" : context->errstr);
        return NULL;
    }
    if (reply->type == REDIS_REPLY_ERROR) {
        *fault = rs_redis_fault_of_reply(reply->str);
        rs_fail(error, RS_EREDIS, "%s: %s", argv[0], reply->str);
        freeReplyObject(reply);
        return NULL;
    }
    *fault = RS_REDIS_FINE;
    return reply;
}

/* Servers before Redis 6 know no user names, and take AUTH with a password alone. */
static int authenticate(redisContext *context, const struct rs_redis_address *address,
                        enum rs_redis_fault *fault, struct rs_error *error)
{
    const char *argv[3] = {"AUTH", address->password, NULL};
    int argc = 2;
    if (address->password[0] == '\0') {
        return 0;
    }
    if (address->username[0] != '\0') {
        argv[1] = address->username;
        argv[2] = address->password;
        argc = 3;
    }
    redisReply *reply = rs_redis_ask(context, argc, argv, NULL, fault, error);
    if (!reply) {
        return error->code;
    }
    freeReplyObject(reply);
    return 0;
}

/* A connection begins with database 0, which needs no right to SELECT. */
static int select_database(redisContext *context, int database, enum rs_redis_fault *fault,
                           struct rs_error *error)
{
    char number[16];
    const char *argv[2] = {"SELECT", number};
    if (database == 0) {
        return 0;
    }
    snprintf(number, sizeof number, "%d", database);
    redisReply *reply = rs_redis_ask(context, 2, argv, NULL, fault, error);
    if (!reply) {
        return error->code;
    }
    freeReplyObject(reply);
    return 0;
}

static struct timeval timeval_of(int64_t us)
{
    return (struct timeval){.tv_sec = (time_t)(us / 1000000), .tv_usec = (suseconds_t)(us % 1000000)};
}

/* NULL: not connected. */
static redisContext *connect_within(const struct rs_redis_address *address, int64_t timeout_us,
                                    enum rs_redis_fault *fault, struct rs_error *error)
{
    struct timeval timeout = timeval_of(timeout_us);
    redisContext *context = address->host[0] == '\0'
                                ? redisConnectUnixWithTimeout(address->path, timeout)
                                : redisConnectWithTimeout(address->host, address->port, timeout);
    if (context && !context->err) {
        return context;
    }
    *fault = errno == ETIMEDOUT ? RS_REDIS_TIMEOUT : RS_REDIS_CONNECT;
    if (context) {
        rs_fail(error, RS_EREDIS, "cannot connect: %s", context->errstr);
        redisFree(context);
    } else {
        rs_fail(error, RS_ENOMEM, "out of memory");
    }
    return NULL;
}

static int set_up(redisContext *context, const struct rs_redis_address *address, int64_t timeout_us,
                  enum rs_redis_fault *fault, struct rs_error *error)
{
    *fault = RS_REDIS_CONNECT;
    if (redisSetTimeout(context, timeval_of(timeout_us)) != REDIS_OK) {
        return rs_fail(error, RS_EREDIS, "cannot set a timeout: %s", context->errstr);
    }
    if (address->host[0] != '\0' && redisEnableKeepAlive(context) != REDIS_OK) {
        return rs_fail(error, RS_EREDIS, "cannot set keepalive: %s", context->errstr);
    }
    bool late = false;
    int code = address->tls ? rs_redis_tls_begin(context, address, &late, error) : 0;
    *fault = late ? RS_REDIS_TIMEOUT : RS_REDIS_TLS;
    if (code == 0) {
        code = authenticate(context, address, fault, error);
    }
    return code == 0 ? select_database(context, address->database, fault, error) : code;
}

/* The address goes in front of every error: it has no password in it. */
int rs_redis_open(const struct rs_redis_address *address, int64_t connect_timeout_us, int64_t timeout_us,
                  redisContext **out, enum rs_redis_fault *fault, struct rs_error *error)
{
    char where[RS_REDIS_TEXT_MAX];
    *out = NULL;
    rs_redis_address_text(address, where);
    redisContext *context = connect_within(address, connect_timeout_us, fault, error);
    if (!context) {
        return rs_error_prefix(error, "%s", where);
    }
    int code = set_up(context, address, timeout_us, fault, error);
    if (code != 0) {
        redisFree(context);
        return rs_error_prefix(error, "%s", where);
    }
    *fault = RS_REDIS_FINE;
    *out = context;
    return 0;
}
