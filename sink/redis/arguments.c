#include "sink/redis/arguments.h"

#include <string.h>

#include "base/number.h"

#define HEAD_MAX 24

/* Written by hand, since every value that goes to Redis comes through here. */
static size_t format_head(char mark, uint64_t number, uint8_t head[HEAD_MAX])
{
    size_t used = 0;
    head[used++] = (uint8_t)mark;
    if (number < 10) {
        head[used++] = (uint8_t)('0' + number);
    } else {
        used += rs_int64_format((int64_t)number, (char *)head + used);
    }
    head[used++] = '\r';
    head[used++] = '\n';
    return used;
}

static uint8_t *append(uint8_t *to, const void *data, size_t size)
{
    if (size > 0) {
        memcpy(to, data, size);
    }
    return to + size;
}

void rs_redis_put_count(struct rs_buf *out, uint32_t words)
{
    uint8_t head[HEAD_MAX];
    rs_buf_put(out, head, format_head('*', words, head));
}

void rs_redis_put_joined(struct rs_buf *out, struct rs_slice head, struct rs_slice middle,
                         struct rs_slice tail)
{
    uint8_t front[HEAD_MAX];
    size_t size = head.size + middle.size + tail.size;
    size_t used = format_head('$', size, front);
    if (!rs_buf_reserve(out, used + size + 2)) {
        return;
    }
    uint8_t *to = append(out->data + out->size, front, used);
    to = append(to, head.data, head.size);
    to = append(to, middle.data, middle.size);
    to = append(to, tail.data, tail.size);
    to[0] = '\r';
    to[1] = '\n';
    out->size += used + size + 2;
}

void rs_redis_put_bytes(struct rs_buf *out, const void *data, size_t size)
{
    rs_redis_put_joined(out, rs_slice_of(data, size), (struct rs_slice){0}, (struct rs_slice){0});
}

void rs_redis_put_text(struct rs_buf *out, const char *text)
{
    rs_redis_put_bytes(out, text, strlen(text));
}

void rs_redis_put_number(struct rs_buf *out, int64_t number)
{
    char text[RS_NUMBER_TEXT_MAX];
    rs_redis_put_bytes(out, text, rs_int64_format(number, text));
}

void rs_redis_put_words(struct rs_buf *out, const struct rs_buf *part)
{
    out->failed |= part->failed;
    rs_buf_put(out, part->data, part->size);
}
