#include "sink/redis_commands.h"

#include <string.h>

static void begin(struct rs_buf *out, size_t arguments)
{
    rs_buf_reset(out);
    rs_buf_printf(out, "*%zu\r\n", arguments);
}

static void put_word(struct rs_buf *out, const char *text)
{
    rs_buf_printf(out, "$%zu\r\n%s\r\n", strlen(text), text);
}

static void put_fence_key(struct rs_buf *out, const char *prefix, const char *group,
                          const struct rs_redis_fence_entry *entry)
{
    struct rs_buf key = {0};
    rs_fence_key(&key, prefix, group, entry->topic, entry->partition);
    rs_buf_printf(out, "$%zu\r\n", key.size);
    rs_buf_put(out, key.data, key.size);
    rs_buf_text(out, "\r\n");
    out->failed |= key.failed;
    rs_buf_fini(&key);
}

void rs_redis_command_info(struct rs_buf *out)
{
    begin(out, 1);
    put_word(out, "INFO");
}

void rs_redis_command_fences(struct rs_buf *out, const char *prefix, const char *group,
                             const struct rs_redis_fences *fences)
{
    begin(out, 1 + fences->count);
    put_word(out, fences->count == 0 ? "PING" : "MGET");
    for (size_t i = 0; i < fences->count; i++) {
        put_fence_key(out, prefix, group, &fences->items[i]);
    }
}
