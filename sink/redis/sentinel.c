#include "sink/redis/sentinel.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

static struct rs_redis_address address_of(const struct rs_redis_address *address,
                                          const struct rs_redis_sentinel *sentinel)
{
    struct rs_redis_address out = *address;
    memcpy(out.host, sentinel->host, sizeof out.host);
    out.port = sentinel->port;
    out.database = 0;
    memcpy(out.username, address->sentinels.username, sizeof out.username);
    memcpy(out.password, address->sentinels.password, sizeof out.password);
    out.sentinels.count = 0;
    return out;
}

/* The answer to GET-MASTER-ADDR-BY-NAME: [host, port]; nothing of a name that it does not know. */
static int read_master(const redisReply *reply, struct rs_redis_address *master, struct rs_error *error)
{
    if (reply->type == REDIS_REPLY_NIL || (reply->type == REDIS_REPLY_ARRAY && reply->elements == 0)) {
        return rs_fail(error, RS_EREDIS, "it knows no master called %s", master->sentinels.service);
    }
    const redisReply *host =
        reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 ? reply->element[0] : NULL;
    const redisReply *port = host ? reply->element[1] : NULL;
    char *end = NULL;
    long number = port && port->type == REDIS_REPLY_STRING ? strtol(port->str, &end, 10) : 0;
    if (!host || host->type != REDIS_REPLY_STRING || host->len == 0 || host->len >= sizeof master->host ||
        strlen(host->str) != host->len || number < 1 || number > 65535 || *end != '\0') {
        return rs_fail(error, RS_EREDIS, "its answer is not that of a sentinel");
    }
    memcpy(master->host, host->str, host->len + 1);
    master->port = (int)number;
    return 0;
}

static int ask(redisContext *context, struct rs_redis_address *master, enum rs_redis_fault *fault,
               struct rs_error *error)
{
    const char *argv[] = {"SENTINEL", "GET-MASTER-ADDR-BY-NAME", master->sentinels.service};
    redisReply *reply = rs_redis_ask(context, 3, argv, NULL, fault, error);
    if (!reply) {
        return error->code;
    }
    int code = read_master(reply, master, error);
    freeReplyObject(reply);
    return code;
}

static int find_at(const struct rs_redis_address *sentinel, int64_t connect_timeout_us, int64_t timeout_us,
                   struct rs_redis_address *master, enum rs_redis_fault *fault, struct rs_error *error)
{
    char where[RS_REDIS_TEXT_MAX];
    redisContext *context = NULL;
    int code = rs_redis_open(sentinel, connect_timeout_us, timeout_us, &context, fault, error);
    if (code != 0) {
        return code; /* names the address */
    }
    code = ask(context, master, fault, error);
    redisFree(context);
    rs_redis_address_text(sentinel, where);
    return code == 0 ? 0 : rs_error_prefix(error, "%s", where);
}

static int find(const struct rs_redis_address *address, int64_t connect_timeout_us, int64_t timeout_us,
                struct rs_redis_address *out, enum rs_redis_fault *fault, struct rs_error *error)
{
    struct rs_buf said = {0};
    struct rs_error why = {0};
    int code = RS_EREDIS;
    for (uint32_t i = 0; i < address->sentinels.count && code != 0; i++) {
        const struct rs_redis_address sentinel = address_of(address, &address->sentinels.items[i]);
        enum rs_redis_fault ignored = RS_REDIS_FINE;
        *out = *address;
        out->sentinels.count = 0;
        code = find_at(&sentinel, connect_timeout_us, timeout_us, out, &ignored, &why);
        rs_buf_printf(&said, "%s%s", said.size > 0 ? "; " : "", why.text);
    }
    if (code != 0) {
        *fault = RS_REDIS_SENTINEL;
        code = rs_fail(error, RS_EREDIS, "no sentinel tells where %s is: %.*s", address->sentinels.service,
                       (int)said.size, said.data ? (const char *)said.data : "");
    }
    rs_buf_fini(&said);
    return code;
}

/* Sentinels that have not heard of a fail-over yet name the former master. */
static int confirm(redisContext *context, const struct rs_redis_address *master, enum rs_redis_fault *fault,
                   struct rs_error *error)
{
    char where[RS_REDIS_TEXT_MAX];
    const char *argv[2] = {"INFO", "replication"};
    redisReply *reply = rs_redis_ask(context, 2, argv, NULL, fault, error);
    rs_redis_address_text(master, where);
    if (!reply) {
        return rs_error_prefix(error, "%s", where);
    }
    bool is = reply->type == REDIS_REPLY_STRING && strstr(reply->str, "role:master");
    freeReplyObject(reply);
    if (is) {
        return 0;
    }
    *fault = RS_REDIS_SENTINEL;
    return rs_fail(error, RS_EREDIS, "%s: it is not the master that the sentinels of %s take it for", where,
                   master->sentinels.service);
}

int rs_redis_open_master(const struct rs_redis_address *address, int64_t connect_timeout_us,
                         int64_t timeout_us, redisContext **out, enum rs_redis_fault *fault,
                         struct rs_error *error)
{
    struct rs_redis_address master;
    if (address->sentinels.count == 0) {
        return rs_redis_open(address, connect_timeout_us, timeout_us, out, fault, error);
    }
    *out = NULL;
    int code = find(address, connect_timeout_us, timeout_us, &master, fault, error);
    if (code == 0) {
        code = rs_redis_open(&master, connect_timeout_us, timeout_us, out, fault, error);
    }
    if (code == 0) {
        code = confirm(*out, &master, fault, error);
    }
    if (code != 0 && *out) {
        redisFree(*out);
        *out = NULL;
    }
    return code;
}
