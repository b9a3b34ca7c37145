#include "sink/redis/script.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sink/redis/arguments.h"
#include "sink/redis/write_batch_lua.h"
#include "sink/redis/write_meta_lua.h"

const char *rs_redis_script_text(void)
{
    return write_batch_lua;
}

const char *rs_redis_meta_script_text(void)
{
    return write_meta_lua;
}

/* ---- fences ---- */

/* A decimal integer up to `end`; moves *at behind it. */
static bool read_integer(const char **at, const char *end, bool may_be_negative, int64_t *out)
{
    const char *p = *at;
    bool negative = may_be_negative && p < end && *p == '-';
    uint64_t value = 0;
    p += negative;
    const char *digits = p;
    for (; p < end && *p >= '0' && *p <= '9'; p++) {
        if (p - digits >= 19) {
            return false;
        }
        value = value * 10 + (uint64_t)(*p - '0');
    }
    if (p == digits || value > (uint64_t)INT64_MAX + negative) {
        return false;
    }
    *out = negative ? (int64_t)(0 - value) : (int64_t)value;
    *at = p;
    return true;
}

bool rs_redis_fence_parse(struct rs_slice text, struct rs_redis_fence *out)
{
    const char *at = (const char *)text.data;
    const char *end = at + text.size;
    int64_t token, offset, shown;
    if (text.size == 0 || !read_integer(&at, end, false, &token) || at == end || *at++ != ':' ||
        !read_integer(&at, end, true, &offset) || at == end || *at++ != ':' ||
        !read_integer(&at, end, true, &shown) || at != end) {
        return false;
    }
    *out = (struct rs_redis_fence){.token = (uint64_t)token, .offset = offset, .now_shown_us = shown};
    return true;
}

int rs_redis_fence_compare(const struct rs_redis_fence *a, const struct rs_redis_fence *b)
{
    if (a->token != b->token) {
        return a->token < b->token ? -1 : 1;
    }
    if (a->offset != b->offset) {
        return a->offset < b->offset ? -1 : 1;
    }
    return (a->now_shown_us > b->now_shown_us) - (a->now_shown_us < b->now_shown_us);
}

struct rs_redis_fence rs_redis_fence_of(const struct rs_view_batch *batch)
{
    return (struct rs_redis_fence){
        .token = batch->token, .offset = batch->offset, .now_shown_us = batch->now_shown_us};
}

/* Has to say what `fence` in write_batch.lua says. */
enum rs_batch_result rs_redis_fence_judge(const struct rs_redis_fence *held,
                                          const struct rs_redis_fence *mine)
{
    if (!held) {
        return RS_BATCH_APPLIED;
    }
    if (mine->token < held->token) {
        return RS_BATCH_FENCED;
    }
    if (mine->offset < held->offset ||
        (mine->offset == held->offset && mine->now_shown_us < held->now_shown_us)) {
        return RS_BATCH_BEHIND;
    }
    return RS_BATCH_APPLIED;
}

bool rs_redis_key_reserved(const struct rs_aggregate_meta *meta, struct rs_slice key)
{
    return meta->grouped && rs_slice_equal(key, rs_slice_text("index"));
}

bool rs_redis_op_announced(const struct rs_op *op, bool foremost)
{
    return op->kind == RS_OP_HISTORY && (foremost || op->flags & RS_OP_ANNOUNCED);
}

void rs_redis_group_key(struct rs_buf *out, const char *prefix, const struct rs_aggregate_meta *meta,
                        struct rs_slice key)
{
    rs_buf_printf(out, "%s:%s", prefix, meta->name);
    if (meta->grouped) {
        rs_buf_char(out, ':');
        rs_buf_put(out, key.data, key.size);
    }
}

void rs_redis_history_json(struct rs_buf *out, const struct rs_aggregate_meta *meta, const struct rs_op *op)
{
    struct rs_op_field field;
    size_t cursor = 0;
    char separator = '{';
    while (rs_op_field_next(op, &cursor, &field)) {
        RS_ASSERT(field.field < meta->field_count);
        rs_buf_char(out, separator);
        rs_buf_json_string(out, rs_slice_text(meta->fields[field.field]));
        rs_buf_char(out, ':');
        if (field.field < meta->stat_count || (meta->filled && field.field == meta->filled)) {
            rs_buf_json_string(out, field.text);
        } else {
            rs_buf_put(out, field.text.data, field.text.size);
        }
        separator = ',';
    }
    if (separator == '{') {
        rs_buf_char(out, '{');
    }
    rs_buf_char(out, '}');
}

/* ---- packing ---- */

enum section { SECTION_NONE, SECTION_VIEW, SECTION_FIRST, SECTION_DROP };

/* What is being gathered for one aggregate. Views (or drops) and history lie side by side, since they are
 * different keys; a drop ends both, and a view or history after it ends the drops. */
struct lane {
    enum section open;
    uint32_t rows;
    uint32_t shape_count;
    uint32_t *shape;       /* numbers of the fields that the rows have */
    struct rs_buf heads;   /* score, key; of drops: key */
    struct rs_buf numbers; /* operation numbers of first publications */
    struct rs_buf values;
    uint32_t history_rows;
    bool sessions; /* history is of sessions, all of it */
    struct rs_buf history_keys, history_numbers, history_told, history_members;
    struct rs_buf *names; /* per field: its name as an argument */
    struct rs_buf name;   /* the aggregate's name as an argument */
    uint32_t revision;    /* number of the field that only history has; field_count: none */
};

struct rs_redis_packer {
    const char *prefix;
    const struct rs_aggregate_meta *metas;
    size_t count;
    char *group_name;             /* as it is */
    struct rs_buf group, cluster; /* as in keys */
    struct lane *lanes;
    struct rs_buf body;
    struct rs_buf scratch;
    uint32_t arguments; /* in body */
    size_t bytes;       /* of all open sections, about */
};

static void lane_fini(struct lane *lane, uint32_t field_count)
{
    for (uint32_t i = 0; lane->names && i < field_count; i++) {
        rs_buf_fini(&lane->names[i]);
    }
    free(lane->names);
    free(lane->shape);
    rs_buf_fini(&lane->name);
    rs_buf_fini(&lane->heads);
    rs_buf_fini(&lane->numbers);
    rs_buf_fini(&lane->values);
    rs_buf_fini(&lane->history_keys);
    rs_buf_fini(&lane->history_numbers);
    rs_buf_fini(&lane->history_told);
    rs_buf_fini(&lane->history_members);
}

/* What never changes, the names of fields and aggregate, is put into Redis' form once for all batches. */
static bool lane_init(struct lane *lane, const struct rs_aggregate_meta *meta)
{
    bool failed = false;
    lane->names = calloc(meta->field_count + 1, sizeof *lane->names);
    lane->shape = calloc(meta->field_count + 1, sizeof *lane->shape);
    if (!lane->names || !lane->shape) {
        return false;
    }
    lane->revision = meta->field_count;
    for (uint32_t i = 0; i < meta->field_count; i++) {
        rs_redis_put_text(&lane->names[i], meta->fields[i]);
        failed |= lane->names[i].failed;
        if (strcmp(meta->fields[i], "revision") == 0) {
            lane->revision = i;
        }
    }
    /* "name:" where the aggregate has group fields: the beginning of its groups' keys. */
    struct rs_buf head = {0};
    rs_buf_printf(&head, "%s%s", meta->name, meta->grouped ? ":" : "");
    rs_redis_put_bytes(&lane->name, head.data, head.size);
    failed |= head.failed;
    rs_buf_fini(&head);
    return !failed && !lane->name.failed;
}

int rs_redis_packer_new(const char *prefix, const struct rs_aggregate_meta *metas, size_t count,
                        struct rs_redis_packer **out, struct rs_error *error)
{
    struct rs_redis_packer *packer = calloc(1, sizeof *packer);
    if (!packer) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    packer->prefix = prefix;
    packer->metas = metas;
    packer->count = count;
    packer->lanes = calloc(count + 1, sizeof *packer->lanes);
    bool good = packer->lanes != NULL;
    for (size_t i = 0; good && i < count; i++) {
        good = lane_init(&packer->lanes[i], &metas[i]);
    }
    if (!good) {
        rs_redis_packer_free(&packer);
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    *out = packer;
    return 0;
}

void rs_redis_packer_free(struct rs_redis_packer **packer)
{
    struct rs_redis_packer *p = *packer;
    if (!p) {
        return;
    }
    for (size_t i = 0; p->lanes && i < p->count; i++) {
        lane_fini(&p->lanes[i], p->metas[i].field_count);
    }
    free(p->lanes);
    free(p->group_name);
    rs_buf_fini(&p->group);
    rs_buf_fini(&p->cluster);
    rs_buf_fini(&p->body);
    rs_buf_fini(&p->scratch);
    free(p);
    *packer = NULL;
}

/* Names of the shape's fields, then of those the rows lack: a view replaces all fields of its hash. */
static uint32_t put_names(struct rs_redis_packer *packer, struct lane *lane, uint32_t field_count)
{
    struct rs_buf *body = &packer->body;
    uint32_t at = 0;
    uint32_t absent = 0;
    for (uint32_t i = 0; i < lane->shape_count; i++) {
        rs_redis_put_words(body, &lane->names[lane->shape[i]]);
    }
    for (uint32_t field = 0; field < field_count; field++) {
        if (at < lane->shape_count && lane->shape[at] == field) {
            at++;
        } else if (field != lane->revision) {
            rs_redis_put_words(body, &lane->names[field]);
            absent++;
        }
    }
    return absent;
}

static uint32_t count_absent(const struct lane *lane, uint32_t field_count)
{
    bool history_only = lane->revision < field_count;
    for (uint32_t i = 0; i < lane->shape_count; i++) {
        history_only &= lane->shape[i] != lane->revision;
    }
    return field_count - lane->shape_count - history_only;
}

/* V and F in write_batch.lua. The number of absent fields stands before their names, so they are counted
 * first. */
static void close_views(struct rs_redis_packer *packer, struct lane *lane, uint32_t field_count)
{
    struct rs_buf *body = &packer->body;
    bool first = lane->open == SECTION_FIRST;
    uint32_t absent = count_absent(lane, field_count);
    rs_redis_put_text(body, first ? "F" : "V");
    rs_redis_put_words(body, &lane->name);
    rs_redis_put_number(body, lane->rows);
    rs_redis_put_number(body, lane->shape_count);
    rs_redis_put_number(body, absent);
    RS_ASSERT(put_names(packer, lane, field_count) == absent);
    rs_redis_put_words(body, &lane->heads);
    if (first) {
        rs_redis_put_words(body, &lane->numbers);
    }
    rs_redis_put_words(body, &lane->values);
    packer->arguments += 5 + lane->shape_count + absent + lane->rows * (2 + first + lane->shape_count);
}

static void close_drops(struct rs_redis_packer *packer, struct lane *lane)
{
    rs_redis_put_text(&packer->body, "D");
    rs_redis_put_words(&packer->body, &lane->name);
    rs_redis_put_number(&packer->body, lane->rows);
    rs_redis_put_words(&packer->body, &lane->heads);
    packer->arguments += 3 + lane->rows;
}

static void close_open(struct rs_redis_packer *packer, size_t aggregate)
{
    struct lane *lane = &packer->lanes[aggregate];
    if (lane->open == SECTION_DROP) {
        close_drops(packer, lane);
    } else if (lane->open != SECTION_NONE) {
        close_views(packer, lane, packer->metas[aggregate].field_count);
    }
    lane->open = SECTION_NONE;
    lane->rows = 0;
    rs_buf_reset(&lane->heads);
    rs_buf_reset(&lane->numbers);
    rs_buf_reset(&lane->values);
}

/* H in write_batch.lua. */
static void close_history(struct rs_redis_packer *packer, size_t aggregate)
{
    struct lane *lane = &packer->lanes[aggregate];
    if (lane->history_rows > 0) {
        rs_redis_put_text(&packer->body, lane->sessions ? "S" : "H");
        rs_redis_put_words(&packer->body, &lane->name);
        rs_redis_put_number(&packer->body, packer->metas[aggregate].history);
        rs_redis_put_number(&packer->body, lane->history_rows);
        rs_redis_put_words(&packer->body, &lane->history_keys);
        rs_redis_put_words(&packer->body, &lane->history_numbers);
        rs_redis_put_words(&packer->body, &lane->history_told);
        rs_redis_put_words(&packer->body, &lane->history_members);
        packer->arguments += 4 + (lane->sessions ? 6 : 5) * lane->history_rows;
    }
    lane->history_rows = 0;
    rs_buf_reset(&lane->history_keys);
    rs_buf_reset(&lane->history_numbers);
    rs_buf_reset(&lane->history_told);
    rs_buf_reset(&lane->history_members);
}

static void open_section(struct rs_redis_packer *packer, size_t aggregate, enum section section)
{
    struct lane *lane = &packer->lanes[aggregate];
    if (lane->open == section) {
        return;
    }
    close_open(packer, aggregate);
    if (section == SECTION_DROP) {
        close_history(packer, aggregate);
    }
    lane->open = section;
}

/* Appends the fields' values; false when they are not the fields of the rows before, with nothing appended.
 */
static bool put_values(struct lane *lane, const struct rs_op *op, uint32_t field_count)
{
    struct rs_op_field field;
    size_t cursor = 0;
    size_t size = lane->values.size;
    uint32_t at = 0;
    bool same = true;
    for (; same && rs_op_field_next(op, &cursor, &field); at++) {
        RS_ASSERT(field.field < field_count && at < field_count);
        if (lane->rows == 0) {
            lane->shape[at] = field.field;
        }
        same = lane->rows == 0 || (at < lane->shape_count && lane->shape[at] == field.field);
        rs_redis_put_bytes(&lane->values, field.text.data, field.text.size);
    }
    if (lane->rows == 0) {
        lane->shape_count = at;
    } else if (!same || at != lane->shape_count) {
        lane->values.size = size;
        return false;
    }
    return true;
}

/* Rows of a section share one list of names: one with other fields ends it and begins the next. */
static void pack_view(struct rs_redis_packer *packer, const struct rs_op *op, uint32_t number)
{
    struct lane *lane = &packer->lanes[op->aggregate];
    uint32_t field_count = packer->metas[op->aggregate].field_count;
    enum section section = op->flags & RS_OP_FIRST ? SECTION_FIRST : SECTION_VIEW;
    open_section(packer, op->aggregate, section);
    if (!put_values(lane, op, field_count)) {
        close_open(packer, op->aggregate);
        lane->open = section;
        RS_ASSERT(put_values(lane, op, field_count));
    }
    rs_redis_put_number(&lane->heads, op->change_ms);
    rs_redis_put_bytes(&lane->heads, op->key.data, op->key.size);
    if (section == SECTION_FIRST) {
        rs_redis_put_number(&lane->numbers, number);
    }
    lane->rows++;
}

/* A drop that comes before it has to stay before it; views may follow each other on either side, since a
 * history is a key of its own. */
static void pack_history(struct rs_redis_packer *packer, const struct rs_op *op, uint32_t number, bool told)
{
    struct lane *lane = &packer->lanes[op->aggregate];
    bool sessions = op->flags & RS_OP_SESSION;
    if (lane->open == SECTION_DROP) {
        close_open(packer, op->aggregate);
    }
    if (lane->history_rows > 0 && lane->sessions != sessions) {
        close_history(packer, op->aggregate);
    }
    rs_buf_reset(&packer->scratch);
    if (op->field_count > 0) { /* no member: the session has not ended */
        rs_redis_history_json(&packer->scratch, &packer->metas[op->aggregate], op);
    }
    lane->sessions = sessions;
    lane->history_members.failed |= packer->scratch.failed;
    rs_redis_put_bytes(&lane->history_keys, op->key.data, op->key.size);
    rs_redis_put_number(&lane->history_numbers, number);
    rs_redis_put_number(&lane->history_told, told);
    rs_redis_put_number(&lane->history_members, op->score_ms);
    if (lane->sessions) {
        rs_redis_put_number(&lane->history_members, op->last_ms);
    }
    rs_redis_put_bytes(&lane->history_members, packer->scratch.data, packer->scratch.size);
    lane->history_rows++;
}

static void pack_drop(struct rs_redis_packer *packer, const struct rs_op *op)
{
    struct lane *lane = &packer->lanes[op->aggregate];
    open_section(packer, op->aggregate, SECTION_DROP);
    rs_redis_put_bytes(&lane->heads, op->key.data, op->key.size);
    lane->rows++;
}

/* A group with a name that Redis needs itself is a conflict and never written. A drop of one is not: there
 * is nothing to delete. */
static void pack_op(struct rs_redis_packer *packer, struct rs_view_batch *batch, const struct rs_op *op,
                    uint32_t number, bool foremost)
{
    RS_ASSERT(op->aggregate < packer->count);
    if (rs_redis_key_reserved(&packer->metas[op->aggregate], op->key)) {
        if (op->kind != RS_OP_DROP) {
            rs_buf_put(&batch->conflicts, &number, sizeof number);
        }
        return;
    }
    switch (op->kind) {
    case RS_OP_VIEW: pack_view(packer, op, number); break;
    case RS_OP_HISTORY: pack_history(packer, op, number, rs_redis_op_announced(op, foremost)); break;
    case RS_OP_DROP: pack_drop(packer, op); break;
    }
}

bool rs_redis_cursor_done(const struct rs_redis_cursor *cursor, const struct rs_view_batch *batch)
{
    return cursor->begun && cursor->op >= batch->op_count;
}

int rs_redis_packer_identify(struct rs_redis_packer *packer, const char *group, const char *cluster,
                             struct rs_error *error)
{
    free(packer->group_name);
    packer->group_name = strdup(group);
    rs_buf_reset(&packer->group);
    rs_buf_reset(&packer->cluster);
    rs_key_append(&packer->group, rs_slice_text(group));
    rs_key_append(&packer->cluster, rs_slice_text(cluster));
    if (!packer->group_name || packer->group.failed || packer->cluster.failed) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    return 0;
}

static void put_identity(const struct rs_redis_packer *packer, struct rs_buf *out)
{
    rs_redis_put_bytes(out, packer->group.data, packer->group.size);
    rs_redis_put_bytes(out, packer->cluster.data, packer->cluster.size);
}

static uint32_t count_aggregates(const struct rs_redis_packer *packer, uint32_t stream)
{
    uint32_t count = 0;
    for (size_t i = 0; i < packer->count; i++) {
        count += packer->metas[i].stream_index == stream;
    }
    return count;
}

static void put_keys(struct rs_redis_packer *packer, const struct rs_view_batch *batch, struct rs_buf *out)
{
    struct rs_buf *key = &packer->scratch;
    rs_redis_put_number(out, 2);
    rs_buf_reset(key);
    rs_fence_key(key, packer->prefix, packer->group_name, batch->topic, batch->partition);
    rs_redis_put_bytes(out, key->data, key->size);
    out->failed |= key->failed;
    rs_buf_reset(key);
    rs_fence_key_old(key, packer->prefix, batch->stream_name, batch->partition);
    rs_redis_put_bytes(out, key->data, key->size);
    out->failed |= key->failed;
}

/* 5: EVALSHA, the digest, the number 2 and two keys. 8: what comes before the names of the aggregates. */
static void put_head(struct rs_redis_packer *packer, const struct rs_view_batch *batch, const char *sha,
                     struct rs_buf *out)
{
    char owner[RS_BATCH_OWNER_MAX];
    uint32_t aggregates = count_aggregates(packer, batch->stream);
    RS_ASSERT(packer->group_name != NULL);
    rs_redis_put_count(out, packer->arguments + 5 + 8 + aggregates);
    rs_redis_put_text(out, "EVALSHA");
    rs_redis_put_bytes(out, sha, RS_REDIS_SHA_SIZE);
    put_keys(packer, batch, out);
    rs_redis_put_text(out, packer->prefix);
    rs_redis_put_bytes(out, owner, rs_batch_owner(batch, owner));
    rs_redis_put_number(out, (int64_t)batch->token);
    rs_redis_put_number(out, batch->offset);
    rs_redis_put_number(out, batch->now_shown_us);
    put_identity(packer, out);
    rs_redis_put_number(out, aggregates);
    for (size_t i = 0; i < packer->count; i++) {
        if (packer->metas[i].stream_index == batch->stream) {
            rs_redis_put_text(out, packer->metas[i].name);
        }
    }
}

/* The description as rs:meta has it: whose it is comes in front. */
static void put_description(struct rs_redis_packer *packer, const struct rs_aggregate_meta *meta,
                            struct rs_buf *out)
{
    struct rs_buf *text = &packer->scratch;
    rs_buf_reset(text);
    rs_buf_text(text, "{\"group\":");
    rs_buf_json_string(text, rs_slice_text(packer->group_name));
    rs_buf_text(text, ",\"cluster\":");
    rs_buf_json_string(text, rs_buf_slice(&packer->cluster));
    rs_buf_text(text, meta->json[1] == '}' ? "" : ",");
    rs_buf_text(text, meta->json + 1);
    rs_redis_put_bytes(out, text->data, text->size);
    out->failed |= text->failed;
}

/* 4: EVALSHA, the digest, the number 1 and one key. 4: prefix, group, cluster, `all`. */
int rs_redis_pack_meta(struct rs_redis_packer *packer, const char *sha, bool all, struct rs_buf *out,
                       struct rs_error *error)
{
    size_t before = out->size;
    rs_redis_put_count(out, (uint32_t)(4 + 4 + 2 * packer->count));
    rs_redis_put_text(out, "EVALSHA");
    rs_redis_put_bytes(out, sha, RS_REDIS_SHA_SIZE);
    rs_redis_put_number(out, 1);
    rs_buf_reset(&packer->scratch);
    rs_buf_printf(&packer->scratch, "%s:meta", packer->prefix);
    rs_redis_put_bytes(out, packer->scratch.data, packer->scratch.size);
    rs_redis_put_text(out, packer->prefix);
    put_identity(packer, out);
    rs_redis_put_text(out, all ? "1" : "0");
    for (size_t i = 0; i < packer->count; i++) {
        rs_redis_put_text(out, packer->metas[i].name);
        put_description(packer, &packer->metas[i], out);
    }
    if (out->failed) {
        out->failed = false;
        out->size = before;
        return rs_fail(error, RS_ENOMEM, "out of memory while packing descriptions");
    }
    return 0;
}

/* Between calls every section is closed, so `body` ends empty however the call before went. */
static void packer_clear(struct rs_redis_packer *packer)
{
    for (size_t i = 0; i < packer->count; i++) {
        close_open(packer, i);
        close_history(packer, i);
    }
}

/* The operations are packed first, because the head says how many arguments follow. */
int rs_redis_pack(struct rs_redis_packer *packer, struct rs_view_batch *batch, const char *sha,
                  struct rs_redis_cursor *cursor, struct rs_buf *out, struct rs_error *error)
{
    struct rs_redis_cursor next = {.at = cursor->at, .op = cursor->op, .begun = true};
    size_t before = out->size;
    size_t conflicts = batch->conflicts.size;
    struct rs_op op;
    rs_buf_reset(&packer->body);
    packer->arguments = 0;
    for (uint32_t cost = 0; cost < RS_REDIS_CALL_COST && rs_batch_next(batch, &next.at, &op);) {
        pack_op(packer, batch, &op, next.op, next.op == cursor->op);
        cost += rs_redis_op_cost(&op);
        next.op++;
    }
    packer_clear(packer);
    put_head(packer, batch, sha, out);
    rs_redis_put_words(out, &packer->body);
    if (out->failed || batch->conflicts.failed) {
        out->failed = false;
        out->size = before;
        batch->conflicts.failed = false;
        batch->conflicts.size = conflicts;
        return rs_fail(error, RS_ENOMEM, "out of memory while packing a batch");
    }
    *cursor = next;
    return 0;
}

/* ---- answers ---- */

static bool read_result(const redisReply *reply, enum rs_batch_result *out)
{
    static const struct {
        const char *text;
        enum rs_batch_result result;
    } known[] = {{"OK", RS_BATCH_APPLIED},
                 {"BEHIND", RS_BATCH_BEHIND},
                 {"FENCED", RS_BATCH_FENCED},
                 {"FENCED_OLD", RS_BATCH_FENCED},
                 {"REFUSED", RS_BATCH_REFUSED}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (reply->type == REDIS_REPLY_STRING && strcmp(reply->str, known[i].text) == 0) {
            *out = known[i].result;
            return true;
        }
    }
    return false;
}

static bool read_conflicts(const redisReply *reply, struct rs_buf *conflicts)
{
    for (size_t i = 4; i < reply->elements; i++) {
        const redisReply *element = reply->element[i];
        const char *at = element->str;
        int64_t number;
        if (element->type != REDIS_REPLY_STRING ||
            !read_integer(&at, element->str + element->len, false, &number) ||
            at != element->str + element->len || number > UINT32_MAX) {
            return false;
        }
        uint32_t op = (uint32_t)number;
        rs_buf_put(conflicts, &op, sizeof op);
    }
    return true;
}

/* Conflicts may have been appended before a fault is found. The batch is then sent again, which empties
 * them. */
int rs_redis_answer_read(const redisReply *reply, struct rs_redis_answer *out, struct rs_buf *conflicts,
                         struct rs_error *error)
{
    struct rs_redis_answer answer = {0};
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 4 ||
        !read_result(reply->element[0], &answer.result) || reply->element[1]->type != REDIS_REPLY_STRING ||
        reply->element[2]->type != REDIS_REPLY_INTEGER || reply->element[3]->type != REDIS_REPLY_INTEGER ||
        !read_conflicts(reply, conflicts)) {
        return rs_fail(error, RS_EREDIS, "the answer is not one that the script gives");
    }
    const redisReply *fence = reply->element[1];
    answer.found = rs_redis_fence_parse(rs_slice_of(fence->str, fence->len), &answer.fence);
    answer.fence_old = strcmp(reply->element[0]->str, "FENCED_OLD") == 0;
    answer.replaced = (uint32_t)reply->element[2]->integer;
    answer.lost = reply->element[3]->integer != 0;
    *out = answer;
    return 0;
}

/* The script says "<aggregate> <group>:<cluster>", or " <group>:<cluster>" where our group is another
 * cluster's. */
void rs_redis_refusal_text(const struct rs_redis_packer *packer, const redisReply *reply, struct rs_buf *out)
{
    const char *text = reply->element[1]->str;
    size_t name = strcspn(text, " ");
    const char *group = text[name] ? text + name + 1 : "";
    size_t size = strcspn(group, ":");
    const char *cluster = group[size] ? group + size + 1 : "";
    if (name > 0) {
        rs_buf_printf(out, "aggregate %.*s under prefix %s belongs to consumer group %.*s", (int)name, text,
                      packer->prefix, (int)size, group);
    } else {
        rs_buf_printf(out, "consumer group %.*s under prefix %s", (int)size, group, packer->prefix);
    }
    rs_buf_printf(out, name > 0 ? " (cluster %s)" : " belongs to cluster %s",
                  *cluster ? cluster : "not known");
    rs_buf_printf(
        out,
        ", not to group %s (cluster %.*s): give this one another redis.prefix or %s. If that one is gone "
        "for good: rollstatd -c FILE --take-over",
        packer->group_name, packer->cluster.size ? (int)packer->cluster.size : 9,
        packer->cluster.size ? (const char *)packer->cluster.data : "not known",
        name > 0 ? "aggregate name" : "group");
}
