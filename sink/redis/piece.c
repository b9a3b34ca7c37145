#include "sink/redis/piece.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sink/redis/arguments.h"

#define WORTH_IT 4 /* operations: fewer are better off with one round trip by the script */

struct aggregate {
    const struct rs_aggregate_meta *meta;
    struct rs_buf *names;     /* per field, as a word */
    uint32_t revision;        /* the field that only history has; field_count: none */
    struct rs_buf head;       /* "<prefix>:<aggregate>", and ':' where it has group fields */
    struct rs_buf owners;     /* "<prefix>:owners:<aggregate>", as a word */
    struct rs_buf index;      /* as words: ZADD's key */
    struct rs_buf publish;    /* the beginning of PUBLISH, up to the channel */
    struct rs_buf heads;      /* what is being gathered: score, key */
    struct rs_buf keys;       /* groups whose owners are looked up */
    uint32_t rows, key_count; /* in `heads`, in `keys` */
};

struct rs_redis_piecer {
    const char *prefix;
    size_t count;
    struct aggregate *aggregates;
    char *group_name;
    struct rs_buf group, cluster, owner; /* as in keys; owner: "<group>:<cluster>" */
    struct rs_buf absent, scratch;
};

void rs_redis_piece_fini(struct rs_redis_piece *piece)
{
    rs_buf_fini(&piece->conflicts);
    rs_buf_fini(&piece->reads);
    rs_buf_fini(&piece->body);
    piece->batch = NULL;
}

static void aggregate_fini(struct aggregate *a)
{
    for (uint32_t i = 0; a->names && i < a->meta->field_count; i++) {
        rs_buf_fini(&a->names[i]);
    }
    free(a->names);
    rs_buf_fini(&a->head);
    rs_buf_fini(&a->owners);
    rs_buf_fini(&a->index);
    rs_buf_fini(&a->publish);
    rs_buf_fini(&a->heads);
    rs_buf_fini(&a->keys);
}

static void put_name(struct rs_buf *out, const char *prefix, const char *middle, const char *name,
                     const char *end)
{
    struct rs_buf text = {0};
    rs_buf_printf(&text, "%s:%s%s%s", prefix, middle, name, end);
    out->failed |= text.failed;
    rs_redis_put_bytes(out, text.data, text.size);
    rs_buf_fini(&text);
}

/* What never changes is put into Redis' form once for all batches. */
static bool aggregate_init(struct aggregate *a, const char *prefix, const struct rs_aggregate_meta *meta)
{
    bool failed = false;
    a->meta = meta;
    a->revision = meta->field_count;
    a->names = calloc(meta->field_count + 1, sizeof *a->names);
    for (uint32_t i = 0; a->names && i < meta->field_count; i++) {
        rs_redis_put_text(&a->names[i], meta->fields[i]);
        failed |= a->names[i].failed;
        a->revision = strcmp(meta->fields[i], "revision") == 0 ? i : a->revision;
    }
    rs_buf_printf(&a->head, "%s:%s%s", prefix, meta->name, meta->grouped ? ":" : "");
    put_name(&a->owners, prefix, "owners:", meta->name, "");
    put_name(&a->index, prefix, "", meta->name, ":index");
    rs_redis_put_count(&a->publish, 3);
    rs_redis_put_text(&a->publish, "PUBLISH");
    put_name(&a->publish, prefix, "", meta->name, ":updates");
    return a->names && !failed && !a->head.failed && !a->owners.failed && !a->index.failed &&
           !a->publish.failed;
}

int rs_redis_piecer_new(const char *prefix, const struct rs_aggregate_meta *metas, size_t count,
                        struct rs_redis_piecer **out, struct rs_error *error)
{
    struct rs_redis_piecer *piecer = calloc(1, sizeof *piecer);
    bool good = piecer != NULL;
    if (good) {
        piecer->prefix = prefix;
        piecer->aggregates = calloc(count + 1, sizeof *piecer->aggregates);
        good = piecer->aggregates != NULL;
    }
    for (size_t i = 0; good && i < count; i++) {
        piecer->count = i + 1;
        good = aggregate_init(&piecer->aggregates[i], prefix, &metas[i]);
    }
    if (!good) {
        rs_redis_piecer_free(&piecer);
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    *out = piecer;
    return 0;
}

void rs_redis_piecer_free(struct rs_redis_piecer **piecer)
{
    struct rs_redis_piecer *p = *piecer;
    if (!p) {
        return;
    }
    for (size_t i = 0; i < p->count; i++) {
        aggregate_fini(&p->aggregates[i]);
    }
    free(p->aggregates);
    free(p->group_name);
    rs_buf_fini(&p->group);
    rs_buf_fini(&p->cluster);
    rs_buf_fini(&p->owner);
    rs_buf_fini(&p->absent);
    rs_buf_fini(&p->scratch);
    free(p);
    *piecer = NULL;
}

int rs_redis_piecer_identify(struct rs_redis_piecer *piecer, const char *group, const char *cluster,
                             struct rs_error *error)
{
    free(piecer->group_name);
    piecer->group_name = strdup(group);
    rs_buf_reset(&piecer->group);
    rs_buf_reset(&piecer->cluster);
    rs_buf_reset(&piecer->owner);
    rs_key_append(&piecer->group, rs_slice_text(group));
    rs_key_append(&piecer->cluster, rs_slice_text(cluster));
    rs_buf_put(&piecer->owner, piecer->group.data, piecer->group.size);
    rs_buf_char(&piecer->owner, ':');
    rs_buf_put(&piecer->owner, piecer->cluster.data, piecer->cluster.size);
    if (!piecer->group_name || piecer->group.failed || piecer->cluster.failed || piecer->owner.failed) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    return 0;
}

/* ---- operations ---- */

static void begin(struct rs_redis_piece *piece, uint32_t words, const char *command)
{
    rs_redis_put_count(&piece->body, words);
    rs_redis_put_text(&piece->body, command);
    piece->commands++;
}

static void put_key(struct rs_redis_piece *piece, const struct aggregate *a, struct rs_slice key,
                    const char *end)
{
    rs_redis_put_joined(&piece->body, rs_buf_slice(&a->head), a->meta->grouped ? key : (struct rs_slice){0},
                        rs_slice_text(end));
}

/* Names and values; the names of those that it lacks go to `absent`: a view replaces all fields of its hash. */
static uint32_t put_fields(struct rs_redis_piecer *piecer, struct rs_redis_piece *piece,
                           const struct aggregate *a, const struct rs_op *op)
{
    struct rs_op_field field;
    size_t cursor = 0;
    uint32_t absent = 0;
    rs_buf_reset(&piecer->absent);
    for (uint32_t at = 0; at < a->meta->field_count; at = field.field + 1) {
        bool more = rs_op_field_next(op, &cursor, &field);
        RS_ASSERT(!more || (field.field >= at && field.field < a->meta->field_count));
        field.field = more ? field.field : a->meta->field_count;
        for (; at < field.field; at++) {
            if (at != a->revision) {
                rs_redis_put_words(&piecer->absent, &a->names[at]);
                absent++;
            }
        }
        if (more) {
            rs_redis_put_words(&piece->body, &a->names[at]);
            rs_redis_put_bytes(&piece->body, field.text.data, field.text.size);
        }
    }
    piece->body.failed |= piecer->absent.failed;
    return absent;
}

static void put_publish(struct rs_redis_piece *piece, const struct aggregate *a, struct rs_slice key)
{
    rs_redis_put_words(&piece->body, &a->publish);
    rs_redis_put_bytes(&piece->body, key.data, key.size);
    piece->commands++;
}

/* See write_views in write_batch.lua. */
static void put_view(struct rs_redis_piecer *piecer, struct rs_redis_piece *piece, struct aggregate *a,
                     const struct rs_op *op)
{
    bool first = op->flags & RS_OP_FIRST;
    if (first || op->field_count == 0) {
        begin(piece, 2, "DEL"); /* fields that an earlier configuration wrote */
        put_key(piece, a, op->key, "");
    }
    if (op->field_count > 0) {
        begin(piece, 2 + 2 * op->field_count, "HSET");
        put_key(piece, a, op->key, "");
        uint32_t absent = put_fields(piecer, piece, a, op);
        if (absent > 0 && !first) {
            begin(piece, 2 + absent, "HDEL");
            put_key(piece, a, op->key, "");
            rs_redis_put_words(&piece->body, &piecer->absent);
        }
    }
    put_publish(piece, a, op->key);
    rs_redis_put_number(&a->heads, op->change_ms);
    rs_redis_put_bytes(&a->heads, op->key.data, op->key.size);
    a->rows++;
}

static void put_history(struct rs_redis_piecer *piecer, struct rs_redis_piece *piece, struct aggregate *a,
                        const struct rs_op *op)
{
    begin(piece, 4, "ZREMRANGEBYSCORE");
    put_key(piece, a, op->key, ":history");
    rs_redis_put_number(&piece->body, op->score_ms);
    rs_redis_put_number(&piece->body, op->last_ms);
    if (op->field_count == 0) {
        return;
    }
    rs_buf_reset(&piecer->scratch);
    rs_redis_history_json(&piecer->scratch, a->meta, op);
    piece->body.failed |= piecer->scratch.failed;
    begin(piece, 4, "ZADD");
    put_key(piece, a, op->key, ":history");
    rs_redis_put_number(&piece->body, op->score_ms);
    rs_redis_put_bytes(&piece->body, piecer->scratch.data, piecer->scratch.size);
    begin(piece, 4, "ZREMRANGEBYRANK");
    put_key(piece, a, op->key, ":history");
    rs_redis_put_number(&piece->body, 0);
    rs_redis_put_number(&piece->body, -1 - (int64_t)a->meta->history);
}

/* A first publication of one empty value may have to rename what an earlier version wrote. */
static bool is_scripts(const struct rs_redis_piecer *piecer, const struct rs_op *op, bool firsts)
{
    bool first = op->kind == RS_OP_VIEW && op->flags & RS_OP_FIRST;
    RS_ASSERT(op->aggregate < piecer->count);
    return op->kind == RS_OP_DROP ||
           (first && (!firsts || (op->key.size == 0 && piecer->aggregates[op->aggregate].meta->grouped)));
}

static void put_op(struct rs_redis_piecer *piecer, struct rs_redis_piece *piece, const struct rs_op *op)
{
    struct aggregate *a = &piecer->aggregates[op->aggregate];
    bool first = op->kind == RS_OP_VIEW && op->flags & RS_OP_FIRST;
    if (rs_redis_key_reserved(a->meta, op->key)) {
        uint32_t number = piece->to.op;
        rs_buf_put(&piece->conflicts, &number, sizeof number);
        return;
    }
    if (first || op->kind == RS_OP_HISTORY) {
        rs_redis_put_bytes(&a->keys, op->key.data, op->key.size);
        a->key_count++;
    }
    piece->first |= first;
    if (op->kind == RS_OP_VIEW) {
        put_view(piecer, piece, a, op);
    } else {
        put_history(piecer, piece, a, op);
        if (rs_redis_op_announced(op, piece->to.op == piece->from.op)) {
            put_publish(piece, a, op->key);
        }
    }
}

/* ---- pieces ---- */

static void put_fence(struct rs_redis_piecer *piecer, const struct rs_view_batch *batch, struct rs_buf *out)
{
    struct rs_buf *key = &piecer->scratch;
    rs_buf_reset(key);
    rs_fence_key(key, piecer->prefix, piecer->group_name, batch->topic, batch->partition);
    rs_redis_put_bytes(out, key->data, key->size);
    out->failed |= key->failed;
}

static void put_claim(struct rs_redis_piecer *piecer, struct rs_redis_piece *piece)
{
    char text[RS_REDIS_FENCE_TEXT_MAX];
    begin(piece, 3, "SET");
    put_fence(piecer, piece->batch, &piece->body);
    snprintf(text, sizeof text, "%" PRIu64 ":%" PRId64 ":%" PRId64, piece->batch->token, piece->batch->offset,
             piece->batch->now_shown_us);
    rs_redis_put_text(&piece->body, text);
}

/* Ends what was gathered for one aggregate. */
static void close_aggregate(struct rs_redis_piece *piece, struct aggregate *a)
{
    if (a->rows > 0) {
        begin(piece, 2 + 2 * a->rows, "ZADD");
        rs_redis_put_words(&piece->body, &a->index);
        rs_redis_put_words(&piece->body, &a->heads);
    }
    if (a->meta->stream_index == piece->batch->stream) {
        rs_redis_put_count(&piece->reads, 3 + a->key_count);
        rs_redis_put_text(&piece->reads, "HMGET");
        rs_redis_put_words(&piece->reads, &a->owners);
        rs_redis_put_text(&piece->reads, "%owner");
        rs_redis_put_words(&piece->reads, &a->keys);
        piece->read_count++;
    }
    rs_buf_reset(&a->heads);
    rs_buf_reset(&a->keys);
    a->rows = a->key_count = 0;
}

static void put_groups(struct rs_redis_piecer *piecer, struct rs_buf *out)
{
    put_name(out, piecer->prefix, "", "owners", "");
}

/* False: the piece ends before an operation that is the script's. */
static bool put_ops(struct rs_redis_piecer *piecer, struct rs_redis_piece *piece, bool firsts, uint32_t limit)
{
    struct rs_op op;
    size_t at = piece->from.at;
    for (uint32_t cost = 0; cost < limit && rs_batch_next(piece->batch, &at, &op);) {
        if (is_scripts(piecer, &op, firsts)) {
            return false;
        }
        put_op(piecer, piece, &op);
        cost += rs_redis_op_cost(&op);
        piece->to.at = at;
        piece->to.op++;
    }
    return true;
}

bool rs_redis_piece_pack(struct rs_redis_piecer *piecer, struct rs_view_batch *batch,
                         const struct rs_redis_cursor *from, bool firsts, uint32_t cost,
                         struct rs_redis_piece *out)
{
    out->batch = batch;
    out->from = out->to = *from;
    out->to.begun = true;
    rs_buf_reset(&out->conflicts);
    out->first = false;
    out->commands = out->read_count = 0;
    rs_buf_reset(&out->body);
    rs_buf_reset(&out->reads);
    put_claim(piecer, out);
    bool whole = put_ops(piecer, out, firsts, cost);
    uint32_t ops = out->to.op - from->op;
    rs_redis_put_count(&out->reads, 3);
    rs_redis_put_text(&out->reads, "HMGET");
    put_groups(piecer, &out->reads);
    rs_redis_put_bytes(&out->reads, piecer->group.data, piecer->group.size);
    out->read_count++;
    for (size_t i = 0; i < piecer->count; i++) {
        close_aggregate(out, &piecer->aggregates[i]);
    }
    out->last = rs_redis_cursor_done(&out->to, batch);
    bool worth_it =
        ops >= (whole ? WORTH_IT : 4 * WORTH_IT) || (whole && out->last && from->op > 0 && ops > 1);
    bool good = worth_it && !out->body.failed && !out->reads.failed && !out->conflicts.failed;
    out->batch = good ? batch : NULL;
    return good;
}

/* ---- before it is written ---- */

void rs_redis_piece_arm(struct rs_redis_piecer *piecer, const struct rs_redis_piece *piece,
                        struct rs_buf *out)
{
    rs_redis_put_count(out, 3);
    rs_redis_put_text(out, "WATCH");
    put_groups(piecer, out);
    put_fence(piecer, piece->batch, out);
    rs_redis_put_words(out, &piece->reads);
    rs_redis_put_count(out, 2);
    rs_redis_put_text(out, "GET");
    put_fence(piecer, piece->batch, out);
    rs_redis_put_count(out, 1);
    rs_redis_put_text(out, "MULTI");
}

uint32_t rs_redis_piece_answers(const struct rs_redis_piece *piece)
{
    return piece->read_count + 3;
}

static bool is_text(const redisReply *reply, struct rs_slice text)
{
    return reply->type == REDIS_REPLY_STRING && rs_slice_equal(rs_slice_of(reply->str, reply->len), text);
}

static bool is_ok(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_STATUS && strcmp(reply->str, "OK") == 0;
}

/* %owner first, then groups by the partition that owns each. */
static bool are_ours(const struct rs_redis_piecer *piecer, const struct rs_redis_piece *piece,
                     const redisReply *answer)
{
    char mine[RS_BATCH_OWNER_MAX];
    size_t size = rs_batch_owner(piece->batch, mine);
    bool good = answer->type == REDIS_REPLY_ARRAY && answer->elements > 0 &&
                is_text(answer->element[0], rs_buf_slice(&piecer->owner));
    for (size_t i = 1; good && i < answer->elements; i++) {
        good = is_text(answer->element[i], rs_slice_of(mine, size));
    }
    return good;
}

bool rs_redis_piece_permits(const struct rs_redis_piecer *piecer, const struct rs_redis_piece *piece,
                            uint32_t at, const redisReply *answer, const struct rs_redis_fence *held)
{
    struct rs_redis_fence found;
    struct rs_redis_fence mine = rs_redis_fence_of(piece->batch);
    if (at == 0 || at > piece->read_count + 1) {
        return is_ok(answer);
    }
    if (at == 1) {
        return answer->type == REDIS_REPLY_ARRAY && answer->elements == 1 &&
               is_text(answer->element[0], rs_buf_slice(&piecer->cluster));
    }
    if (at <= piece->read_count) {
        return are_ours(piecer, piece, answer);
    }
    return answer->type == REDIS_REPLY_STRING &&
           rs_redis_fence_parse(rs_slice_of(answer->str, answer->len), &found) &&
           rs_redis_fence_compare(&found, held) == 0 && found.token == mine.token &&
           rs_redis_fence_judge(&found, &mine) == RS_BATCH_APPLIED;
}
