#include "base/view.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/record.h"

/* An operation in `ops` is this head, the key, then the fields; `size` counts all of it. Nothing is aligned:
 * heads are copied in and out, which compiles to plain loads and stores. */
struct op_head {
    int64_t change_ms; /* of a session in history: last_ms */
    int64_t score_ms;
    uint32_t size;
    uint32_t aggregate;
    uint32_t field_count;
    uint16_t key_size;
    uint8_t kind;
    uint8_t flags;
};

struct field_head {
    uint16_t field;
    uint16_t size;
};

struct rs_view_batch *rs_view_batch_new(void)
{
    return calloc(1, sizeof(struct rs_view_batch));
}

void rs_view_batch_free(struct rs_view_batch **batch)
{
    struct rs_view_batch *b = *batch;
    if (!b) {
        return;
    }
    rs_buf_fini(&b->ops);
    rs_buf_fini(&b->receipt);
    rs_buf_fini(&b->conflicts);
    rs_buf_fini(&b->refusal);
    rs_buf_fini(&b->scanned);
    free(b);
    *batch = NULL;
}

void rs_view_batches_fini(struct rs_view_batches *queue)
{
    struct rs_view_batch *batch = NULL;
    while ((batch = rs_view_batches_pop(queue))) {
        rs_view_batch_free(&batch);
    }
}

void rs_view_batch_reset(struct rs_view_batch *batch)
{
    struct rs_view_batch clean = {.ops = batch->ops,
                                  .receipt = batch->receipt,
                                  .conflicts = batch->conflicts,
                                  .refusal = batch->refusal,
                                  .scanned = batch->scanned,
                                  .arrived_us = RS_TIME_NONE,
                                  .event_us = RS_TIME_NONE};
    rs_buf_reset(&clean.ops);
    rs_buf_reset(&clean.receipt);
    rs_buf_reset(&clean.conflicts);
    rs_buf_reset(&clean.refusal);
    rs_buf_reset(&clean.scanned);
    *batch = clean;
}

static void op_begin(struct rs_view_batch *b, struct op_head head, struct rs_slice key)
{
    RS_ASSERT(!b->open && key.size <= RS_VIEW_KEY_MAX);
    b->open = true;
    b->open_at = b->ops.size;
    b->open_fields = 0;
    head.key_size = (uint16_t)key.size;
    rs_buf_put(&b->ops, &head, sizeof head);
    rs_buf_put(&b->ops, key.data, key.size);
}

void rs_batch_view_begin(struct rs_view_batch *b, uint32_t aggregate, uint32_t flags, struct rs_slice key)
{
    RS_ASSERT(flags <= UINT8_MAX);
    op_begin(b, (struct op_head){.kind = RS_OP_VIEW, .aggregate = aggregate, .flags = (uint8_t)flags}, key);
}

void rs_batch_history_begin(struct rs_view_batch *b, uint32_t aggregate, struct rs_slice key,
                            int64_t score_ms)
{
    op_begin(b, (struct op_head){.kind = RS_OP_HISTORY, .aggregate = aggregate, .score_ms = score_ms}, key);
}

void rs_batch_session_begin(struct rs_view_batch *b, uint32_t aggregate, struct rs_slice key,
                            int64_t score_ms, int64_t last_ms)
{
    RS_ASSERT(last_ms >= score_ms);
    op_begin(b,
             (struct op_head){.kind = RS_OP_HISTORY,
                              .aggregate = aggregate,
                              .flags = RS_OP_SESSION,
                              .score_ms = score_ms,
                              .change_ms = last_ms},
             key);
}

void rs_batch_field(struct rs_view_batch *b, uint32_t field, const char *text, size_t size)
{
    RS_ASSERT(b->open && field <= UINT16_MAX && size <= RS_VIEW_TEXT_MAX);
    struct field_head head = {.field = (uint16_t)field, .size = (uint16_t)size};
    if (!rs_buf_reserve(&b->ops, sizeof head + size)) {
        return;
    }
    uint8_t *to = b->ops.data + b->ops.size;
    memcpy(to, &head, sizeof head);
    memcpy(to + sizeof head, text, size);
    b->ops.size += sizeof head + size;
    b->open_fields++;
}

void rs_batch_announce(struct rs_view_batch *b)
{
    struct op_head head;
    RS_ASSERT(b->open);
    if (b->ops.failed) {
        return;
    }
    memcpy(&head, b->ops.data + b->open_at, sizeof head);
    RS_ASSERT(head.kind == RS_OP_HISTORY);
    head.flags |= RS_OP_ANNOUNCED;
    memcpy(b->ops.data + b->open_at, &head, sizeof head);
}

void rs_batch_end(struct rs_view_batch *b, int64_t change_ms)
{
    RS_ASSERT(b->open);
    b->open = false;
    size_t size = b->ops.size - b->open_at;
    if (size > UINT32_MAX) {
        b->ops.failed = true;
    }
    if (b->ops.failed) {
        return;
    }
    struct op_head head;
    memcpy(&head, b->ops.data + b->open_at, sizeof head);
    head.size = (uint32_t)size;
    head.change_ms = head.flags & RS_OP_SESSION ? head.change_ms : change_ms;
    head.field_count = b->open_fields;
    memcpy(b->ops.data + b->open_at, &head, sizeof head);
    b->op_count++;
}

void rs_batch_drop(struct rs_view_batch *b, uint32_t aggregate, struct rs_slice key)
{
    op_begin(b, (struct op_head){.kind = RS_OP_DROP, .aggregate = aggregate}, key);
    rs_batch_end(b, 0);
}

bool rs_batch_next(const struct rs_view_batch *b, size_t *cursor, struct rs_op *op)
{
    RS_ASSERT(!b->open);
    if (b->ops.failed || *cursor >= b->ops.size) {
        return false;
    }
    struct op_head head;
    const uint8_t *at = b->ops.data + *cursor;
    RS_ASSERT(b->ops.size - *cursor >= sizeof head);
    memcpy(&head, at, sizeof head);
    size_t fields_at = sizeof head + head.key_size;
    RS_ASSERT(head.size >= fields_at && head.size <= b->ops.size - *cursor);
    *op = (struct rs_op){
        .kind = (enum rs_op_kind)head.kind,
        .flags = head.flags,
        .aggregate = head.aggregate,
        .key = rs_slice_of(at + sizeof head, head.key_size),
        .change_ms = head.change_ms,
        .field_count = head.field_count,
        .score_ms = head.score_ms,
        .last_ms = head.flags & RS_OP_SESSION ? head.change_ms : head.score_ms,
        .fields = rs_slice_of(at + fields_at, head.size - fields_at),
    };
    *cursor += head.size;
    return true;
}

bool rs_op_field_next(const struct rs_op *op, size_t *cursor, struct rs_op_field *out)
{
    if (*cursor >= op->fields.size) {
        return false;
    }
    struct field_head head;
    size_t left = op->fields.size - *cursor;
    const uint8_t *at = op->fields.data + *cursor;
    RS_ASSERT(left >= sizeof head);
    memcpy(&head, at, sizeof head);
    RS_ASSERT(head.size <= left - sizeof head);
    *out = (struct rs_op_field){.field = head.field, .text = rs_slice_of(at + sizeof head, head.size)};
    *cursor += sizeof head + head.size;
    return true;
}

static bool key_plain(uint8_t c)
{
    return c > 0x20 && c != 0x7F && c != ':' && c != '%' && c != '{' && c != '}';
}

void rs_key_append(struct rs_buf *out, struct rs_slice part)
{
    static const char digits[] = "0123456789ABCDEF";
    if (part.size > SIZE_MAX / 4 || !rs_buf_reserve(out, 3 * part.size)) {
        out->failed = true;
        return;
    }
    uint8_t *to = out->data + out->size;
    for (size_t i = 0; i < part.size; i++) {
        uint8_t c = part.data[i];
        if (key_plain(c)) {
            *to++ = c;
        } else {
            *to++ = '%';
            *to++ = (uint8_t)digits[c >> 4];
            *to++ = (uint8_t)digits[c & 15];
        }
    }
    out->size = (size_t)(to - out->data);
}

void rs_fence_key(struct rs_buf *out, const char *prefix, const char *group, const char *topic,
                  int32_t partition)
{
    rs_buf_printf(out, "%s:fence:", prefix);
    rs_key_append(out, rs_slice_text(group));
    rs_buf_char(out, ':');
    rs_key_append(out, rs_slice_text(topic));
    rs_buf_printf(out, ":%" PRId32, partition);
}

size_t rs_batch_owner(const struct rs_view_batch *b, char out[RS_BATCH_OWNER_MAX])
{
    int size = !b->owner_topic
                   ? snprintf(out, RS_BATCH_OWNER_MAX, "%" PRId32, b->partition)
                   : snprintf(out, RS_BATCH_OWNER_MAX, "%s/%" PRId32, b->owner_topic, b->partition);
    RS_ASSERT(size > 0 && size < RS_BATCH_OWNER_MAX); /* Kafka ends a topic's name at 249 */
    return (size_t)size;
}

void rs_fence_key_old(struct rs_buf *out, const char *prefix, const char *stream_name, int32_t partition)
{
    rs_buf_printf(out, "%s:fence:%s:%" PRId32, prefix, stream_name, partition);
}

void rs_batch_scanned_put(struct rs_view_batch *b, struct rs_slice key)
{
    uint16_t size = (uint16_t)key.size;
    if (key.size <= RS_VIEW_KEY_MAX) {
        rs_buf_put(&b->scanned, &size, sizeof size);
        rs_buf_put(&b->scanned, key.data, key.size);
    }
}

bool rs_batch_scanned_next(const struct rs_view_batch *b, size_t *cursor, struct rs_slice *key)
{
    uint16_t size;
    if (b->scanned.failed || *cursor + sizeof size > b->scanned.size) {
        return false;
    }
    memcpy(&size, b->scanned.data + *cursor, sizeof size);
    *key = rs_slice_of(b->scanned.data + *cursor + sizeof size, size);
    *cursor += sizeof size + size;
    return true;
}
