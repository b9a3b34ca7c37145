#include "sink/redis_commands.h"

#include <stdio.h>
#include <string.h>

#include "sink/redis_config.h"

static void begin(struct rs_buf *out, size_t arguments)
{
    rs_buf_reset(out);
    rs_buf_printf(out, "*%zu\r\n", arguments);
}

static void put_word(struct rs_buf *out, const char *text)
{
    rs_buf_printf(out, "$%zu\r\n%s\r\n", strlen(text), text);
}

static void put_fence_key(struct rs_buf *out, const char *prefix, const struct rs_redis_fence_entry *entry)
{
    struct rs_buf key = {0};
    rs_redis_fence_key(&key, prefix, entry->stream_name, entry->partition);
    rs_buf_printf(out, "$%zu\r\n", key.size);
    rs_buf_put(out, key.data, key.size);
    rs_buf_text(out, "\r\n");
    out->failed |= key.failed;
    rs_buf_fini(&key);
}

static void put_meta_key(struct rs_buf *out, const char *prefix)
{
    char key[RS_REDIS_PREFIX_MAX + 8];
    snprintf(key, sizeof key, "%s:meta", prefix);
    put_word(out, key);
}

void rs_redis_command_info(struct rs_buf *out)
{
    begin(out, 1);
    put_word(out, "INFO");
}

void rs_redis_command_fences(struct rs_buf *out, const char *prefix, const struct rs_redis_fences *fences)
{
    begin(out, 1 + fences->count);
    put_word(out, fences->count == 0 ? "PING" : "MGET");
    for (size_t i = 0; i < fences->count; i++) {
        put_fence_key(out, prefix, &fences->items[i]);
    }
}

void rs_redis_command_meta_look(struct rs_buf *out, const char *prefix, const struct rs_aggregate_meta *metas)
{
    begin(out, 3);
    put_word(out, "HMGET");
    put_meta_key(out, prefix);
    put_word(out, metas[0].name);
}

void rs_redis_command_meta(struct rs_buf *out, const char *prefix, const struct rs_aggregate_meta *metas,
                           size_t count)
{
    begin(out, 2 + 2 * count);
    put_word(out, "HSET");
    put_meta_key(out, prefix);
    for (size_t i = 0; i < count; i++) {
        put_word(out, metas[i].name);
        put_word(out, metas[i].json);
    }
}

void rs_redis_command_meta_delete(struct rs_buf *out, const char *prefix)
{
    begin(out, 2);
    put_word(out, "DEL");
    put_meta_key(out, prefix);
}
