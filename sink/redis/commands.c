#include "sink/redis/commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sink/redis/arguments.h"

static void begin(struct rs_buf *out, uint32_t words)
{
    rs_buf_reset(out);
    rs_redis_put_count(out, words);
}

static void put_fence_key(struct rs_buf *out, const char *prefix, const char *group,
                          const struct rs_redis_fence_entry *entry)
{
    struct rs_buf key = {0};
    rs_fence_key(&key, prefix, group, entry->topic, entry->partition);
    rs_redis_put_bytes(out, key.data, key.size);
    out->failed |= key.failed;
    rs_buf_fini(&key);
}

void rs_redis_command_info(struct rs_buf *out)
{
    begin(out, 1);
    rs_redis_put_text(out, "INFO");
}

void rs_redis_command_fences(struct rs_buf *out, const char *prefix, const char *group,
                             const struct rs_redis_fences *fences)
{
    begin(out, (uint32_t)(1 + fences->count));
    rs_redis_put_text(out, fences->count == 0 ? "PING" : "MGET");
    for (size_t i = 0; i < fences->count; i++) {
        put_fence_key(out, prefix, group, &fences->items[i]);
    }
}

#define SCAN_COUNT "256"

void rs_redis_command_scan(struct rs_buf *out, const char *prefix, const char *aggregate, uint64_t cursor)
{
    struct rs_buf key = {0};
    char from[24];
    begin(out, 5);
    rs_redis_put_text(out, "HSCAN");
    rs_buf_printf(&key, "%s:owners:%s", prefix, aggregate);
    rs_redis_put_bytes(out, key.data, key.size);
    snprintf(from, sizeof from, "%" PRIu64, cursor);
    rs_redis_put_text(out, from);
    rs_redis_put_text(out, "COUNT");
    rs_redis_put_text(out, SCAN_COUNT);
    out->failed |= key.failed;
    rs_buf_fini(&key);
}

/* Beside groups the table has %owner, whose value holds a ':' and never names a partition, and %old, whose
 * value 1 could pass for one. */
enum rs_redis_fault rs_redis_scan_read(const redisReply *reply, struct rs_view_batch *batch,
                                       struct rs_error *error)
{
    char mine[RS_BATCH_OWNER_MAX];
    rs_buf_reset(&batch->scanned);
    if (reply->type == REDIS_REPLY_ERROR) {
        enum rs_redis_fault fault = rs_redis_fault_of_reply(reply->str);
        batch->scan_cursor = 0;
        rs_fail(error, RS_EREDIS, "HSCAN: %s", reply->str);
        return fault == RS_REDIS_NOPERM || fault == RS_REDIS_SCRIPT ? RS_REDIS_FINE : fault;
    }
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        reply->element[0]->type != REDIS_REPLY_STRING || reply->element[1]->type != REDIS_REPLY_ARRAY) {
        rs_fail(error, RS_EREDIS, "HSCAN: an answer of another kind than expected");
        return RS_REDIS_PROTOCOL;
    }
    const redisReply *pairs = reply->element[1];
    (void)rs_batch_owner(batch, mine);
    for (size_t i = 0; i + 1 < pairs->elements; i += 2) {
        const redisReply *key = pairs->element[i];
        const redisReply *owner = pairs->element[i + 1];
        if (key->type == REDIS_REPLY_STRING && owner->type == REDIS_REPLY_STRING &&
            strcmp(owner->str, mine) == 0 && strcmp(key->str, "%old") != 0) {
            rs_batch_scanned_put(batch, rs_slice_of(key->str, key->len));
        }
    }
    batch->scan_cursor = strtoull(reply->element[0]->str, NULL, 10);
    return RS_REDIS_FINE;
}

/* The names stand behind the two numbers that take_meta looks at. */
bool rs_redis_forgotten_text(const redisReply *reply, const char *prefix, char *out, size_t size)
{
    struct rs_buf names = {0};
    for (size_t i = 2; i < reply->elements; i++) {
        rs_buf_printf(&names, "%s%s", i > 2 ? ", " : "",
                      reply->element[i]->str ? reply->element[i]->str : "?");
    }
    bool any = names.size > 0 && !names.failed;
    if (any) {
        snprintf(
            out, size,
            "Redis: under %s: there are aggregates of this consumer group that are not configured here: "
            "%.*s. "
            "Their numbers stand still. Once no instance has them in its configuration: rollstatd -c FILE "
            "--forget NAME",
            prefix, names.size > 200 ? 200 : (int)names.size, (const char *)names.data);
    }
    rs_buf_fini(&names);
    return any;
}
