#include "sink/redis/sentinel.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "sink/redis/handshake.h"

#define LEAST_US INT64_C(10000)

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

/* What is left of the time for all of it, which does not grow with the number of sentinels. */
struct budget {
    int64_t connect_timeout_us, timeout_us;
    int64_t until_us; /* monotonic */
};

static int64_t within(const struct budget *budget, int64_t timeout_us)
{
    int64_t left_us = budget->until_us - rs_clock_mono(rs_clock_system());
    int64_t us = timeout_us < left_us ? timeout_us : left_us;
    return us > LEAST_US ? us : LEAST_US;
}

static int open_within(const struct rs_redis_address *address, const struct budget *budget,
                       redisContext **out, enum rs_redis_fault *fault, struct rs_error *error)
{
    return rs_redis_open(address, within(budget, budget->connect_timeout_us),
                         within(budget, budget->timeout_us), out, fault, error);
}

static int find_at(const struct rs_redis_address *sentinel, const struct budget *budget,
                   struct rs_redis_address *master, enum rs_redis_fault *fault, struct rs_error *error)
{
    char where[RS_REDIS_TEXT_MAX];
    redisContext *context = NULL;
    int code = open_within(sentinel, budget, &context, fault, error);
    if (code != 0) {
        return code; /* names the address */
    }
    code = ask(context, master, fault, error);
    redisFree(context);
    rs_redis_address_text(sentinel, where);
    return code == 0 ? 0 : rs_error_prefix(error, "%s", where);
}

/* Sentinels that have not heard of a fail-over yet name the former master. */
static int confirm(redisContext *context, const struct rs_redis_address *master, enum rs_redis_fault *fault,
                   struct rs_error *error)
{
    char role[16] = "";
    char where[RS_REDIS_TEXT_MAX];
    const char *argv[2] = {"INFO", "replication"};
    redisReply *reply = rs_redis_ask(context, 2, argv, NULL, fault, error);
    rs_redis_address_text(master, where);
    if (!reply) {
        return rs_error_prefix(error, "%s", where);
    }
    bool known =
        reply->type == REDIS_REPLY_STRING && rs_redis_info_value(reply->str, "role:", role, sizeof role);
    freeReplyObject(reply);
    if (known && strcmp(role, "master") == 0) {
        return 0;
    }
    return rs_fail(error, RS_EREDIS, "%s: it is not the master that the sentinels of %s take it for", where,
                   master->sentinels.service);
}

/* One sentinel's word, confirmed by the server that it names. */
static int open_by(const struct rs_redis_address *address, uint32_t number, const struct budget *budget,
                   redisContext **out, struct rs_error *error)
{
    const struct rs_redis_address sentinel = address_of(address, &address->sentinels.items[number]);
    struct rs_redis_address master = *address;
    enum rs_redis_fault ignored = RS_REDIS_FINE;
    master.sentinels.count = 0;
    int code = find_at(&sentinel, budget, &master, &ignored, error);
    if (code == 0) {
        code = open_within(&master, budget, out, &ignored, error);
    }
    if (code == 0) {
        code = confirm(*out, &master, &ignored, error);
    }
    if (code == 0 &&
        redisSetTimeout(*out, (struct timeval){.tv_sec = budget->timeout_us / 1000000,
                                               .tv_usec = budget->timeout_us % 1000000}) != REDIS_OK) {
        code = rs_fail(error, RS_EREDIS, "cannot set a timeout: %s", (*out)->errstr);
    }
    if (code != 0 && *out) {
        redisFree(*out);
        *out = NULL;
    }
    return code;
}

int rs_redis_open_master(const struct rs_redis_address *address, int64_t connect_timeout_us,
                         int64_t timeout_us, redisContext **out, enum rs_redis_fault *fault,
                         struct rs_error *error)
{
    const struct budget budget = {
        .connect_timeout_us = connect_timeout_us,
        .timeout_us = timeout_us,
        .until_us = rs_clock_mono(rs_clock_system()) + 2 * (connect_timeout_us + timeout_us),
    };
    struct rs_buf said = {0};
    struct rs_error why = {0};
    int code = RS_EREDIS;
    if (address->sentinels.count == 0) {
        return rs_redis_open(address, connect_timeout_us, timeout_us, out, fault, error);
    }
    *out = NULL;
    *fault = RS_REDIS_FINE;
    for (uint32_t i = 0; i < address->sentinels.count && code != 0; i++) {
        code = open_by(address, i, &budget, out, &why);
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
