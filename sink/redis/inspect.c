#include "sink/redis/inspect.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "sink/redis/handshake.h"
#include "sink/redis/rights.h"
#include "sink/redis/sentinel.h"

#define FULL_PERCENT 90

struct inspection {
    const struct rs_redis_config *config;
    const char *group, *cluster;
    const struct rs_aggregate_meta *metas;
    size_t count;
    const struct rs_report *report;
    redisContext *context;
    const char *user;
    char where[RS_REDIS_TEXT_MAX];
};

/* ---- the server ---- */

/* "" where it is not told: a user without INFO is told of by the rights. */
static redisReply *info(struct inspection *i, const char *section)
{
    enum rs_redis_fault fault;
    struct rs_error error;
    const char *argv[2] = {"INFO", section};
    redisReply *reply = rs_redis_ask(i->context, 2, argv, NULL, &fault, &error);

    if (reply && reply->type != REDIS_REPLY_STRING) {
        freeReplyObject(reply);
        reply = NULL;
    }
    return reply;
}

static void value_of(const redisReply *reply, const char *name, char *out, size_t size)
{
    if (!reply || !rs_redis_info_value(reply->str, name, out, size)) {
        out[0] = '\0';
    }
}

static void look_at_role(struct inspection *i)
{
    char role[32], loading[8];
    redisReply *replication = info(i, "replication");
    redisReply *persistence = info(i, "persistence");

    value_of(replication, "role:", role, sizeof role);
    value_of(persistence, "\nloading:", loading, sizeof loading);
    if (strcmp(role, "slave") == 0) {
        rs_report(i->report, RS_LOG_ERROR, "Redis %s: readonly: %s", i->where,
                  rs_redis_fault_hint(RS_REDIS_READONLY));
    }
    if (strcmp(loading, "1") == 0) {
        rs_report(i->report, RS_LOG_ERROR, "Redis %s: loading: %s", i->where,
                  rs_redis_fault_hint(RS_REDIS_LOADING));
    }
    freeReplyObject(replication);
    freeReplyObject(persistence);
}

/* Views that are evicted are published again, and readers miss them until then. */
static void look_at_memory(struct inspection *i)
{
    char maximum[24], used[24], policy[40];
    redisReply *memory = info(i, "memory");

    value_of(memory, "\nmaxmemory:", maximum, sizeof maximum);
    value_of(memory, "\nused_memory:", used, sizeof used);
    value_of(memory, "\nmaxmemory_policy:", policy, sizeof policy);
    freeReplyObject(memory);
    uint64_t limit = strtoull(maximum, NULL, 10);
    uint64_t taken = strtoull(used, NULL, 10);
    if (limit == 0) {
        return;
    }
    if (strcmp(policy, "noeviction") != 0 && policy[0] != '\0') {
        rs_report(
            i->report, RS_LOG_WARNING,
            "Redis %s: it evicts keys at maxmemory (maxmemory-policy %s), and views are missing until they "
            "are published again; mend it with: redis-cli CONFIG SET maxmemory-policy noeviction",
            i->where, policy);
    }
    if (taken >= limit / 100 * FULL_PERCENT) {
        rs_report(i->report, RS_LOG_WARNING,
                  "Redis %s: %" PRIu64 " of %" PRIu64
                  " bytes of maxmemory are used; raise it, or keep fewer groups and less history",
                  i->where, taken, limit);
    }
}

/* ---- rights ---- */

static void look_at_rights(struct inspection *i)
{
    struct rs_buf missing = {0};
    struct rs_buf spare = {0};
    const char **names = calloc(i->count + 1, sizeof *names);

    for (size_t at = 0; names && at < i->count; at++) {
        names[at] = i->metas[at].name;
    }
    rs_redis_rights_missing(i->context, i->config->prefix, names, names ? i->count : 0, &missing);
    if (missing.size > 0) {
        rs_report(
            i->report, RS_LOG_ERROR,
            "Redis %s: user %s lacks rights: %.*s; mend it with: ACL SETUSER %s and these, or the line in "
            "rollstat.yaml(5) that gives all",
            i->where, i->user, (int)missing.size, (const char *)missing.data, i->user);
    }
    if (missing.size == 0) {
        rs_redis_rights_spare(i->context, i->config->prefix, &spare);
    }
    if (spare.size > 0) {
        rs_report(
            i->report, RS_LOG_WARNING,
            "Redis %s: user %s lacks rights: %.*s; views are written without, but not what a fail-over or an "
            "earlier version left is put right, and --forget and --take-over need them",
            i->where, i->user, (int)spare.size, (const char *)spare.data);
    }
    free(names);
    rs_buf_fini(&missing);
    rs_buf_fini(&spare);
}

/* ---- names ---- */

/* "group:cluster" of whoever has an aggregate; both have no ':' in them. */
static bool is_ours(const struct inspection *i, const char *owner)
{
    struct rs_buf mine = {0};
    size_t group = strcspn(owner, ":");
    const char *cluster = owner[group] == ':' ? owner + group + 1 : "";

    rs_key_append(&mine, rs_slice_text(i->group));
    bool same = mine.failed || (mine.size == group && memcmp(mine.data, owner, group) == 0);
    rs_buf_fini(&mine);
    return same && (strcmp(cluster, i->cluster) == 0 || cluster[0] == '\0' || i->cluster[0] == '\0');
}

static void look_at_name(struct inspection *i, const char *aggregate)
{
    enum rs_redis_fault fault;
    struct rs_error error;
    char key[RS_REDIS_PREFIX_MAX + 512];
    const char *argv[3] = {"HMGET", key, "%owner"};

    (void)snprintf(key, sizeof key, "%s:owners:%s", i->config->prefix, aggregate);
    redisReply *reply = rs_redis_ask(i->context, 3, argv, NULL, &fault, &error);
    const redisReply *owner =
        reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 1 ? reply->element[0] : NULL;
    if (owner && owner->type == REDIS_REPLY_STRING && !is_ours(i, owner->str)) {
        rs_report(
            i->report, RS_LOG_ERROR,
            "Redis %s: aggregate %s under %s: belongs to the consumer group and Kafka cluster %s; choose "
            "another redis.prefix or another name, or, where that group is gone for good: rollstatd -c FILE "
            "--take-over",
            i->where, aggregate, i->config->prefix, owner->str);
    }
    freeReplyObject(reply);
}

void rs_redis_inspect(const struct rs_redis_config *config, const char *group, const char *cluster,
                      const struct rs_aggregate_meta *metas, size_t count, const struct rs_report *report)
{
    struct inspection i = {.config = config,
                           .group = group,
                           .cluster = cluster,
                           .metas = metas,
                           .count = count,
                           .report = report};
    enum rs_redis_fault fault = RS_REDIS_FINE;
    struct rs_error error = {0};
    char version[32];

    i.user = config->address.username[0] ? config->address.username : "default";
    rs_redis_address_text(&config->address, i.where);
    if (rs_redis_open_master(&config->address, config->connect_timeout_us, config->timeout_us, &i.context,
                             &fault, &error) != 0) {
        rs_report(report, RS_LOG_ERROR, "Redis %s (%s: %s)", error.text, rs_redis_fault_name(fault),
                  rs_redis_fault_hint(fault));
        return;
    }
    redisReply *server = info(&i, "server");
    value_of(server, "redis_version:", version, sizeof version);
    freeReplyObject(server);
    rs_report(report, RS_LOG_INFO, "Redis %s: reached, %s%s as user %s", i.where,
              version[0] ? "version " : "version not told", version, i.user);
    look_at_role(&i);
    look_at_memory(&i);
    look_at_rights(&i);
    for (size_t at = 0; at < count; at++) {
        look_at_name(&i, metas[at].name);
    }
    if (i.context->err) {
        rs_report(report, RS_LOG_ERROR, "Redis %s: the connection broke: %s; is it overloaded, or stopped?",
                  i.where, i.context->errstr);
    }
    redisFree(i.context);
}
