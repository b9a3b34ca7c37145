#include "sink/top/source.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sink/redis/sentinel.h"

#define FETCH_ROWS 512   /* HMGETs on their way at once */
#define KEY_MAX    66048 /* of a group's key, with room for prefix and aggregate */

/* ---- connections ---- */

int rs_top_source_open(struct rs_top_source *source, struct rs_error *error)
{
    const struct rs_redis_config *config = source->config;
    enum rs_redis_fault fault;
    if (rs_redis_open_master(&config->address, config->connect_timeout_us, config->timeout_us, &source->data,
                             &fault, error) == 0) {
        return 0;
    }
    char text[RS_ERROR_TEXT_MAX];
    snprintf(text, sizeof text, "%.700s; %s", error->text, rs_redis_fault_hint(fault));
    return rs_fail(error, RS_EREDIS, "%s", text);
}

void rs_top_source_close(struct rs_top_source *source)
{
    if (source->data) {
        redisFree(source->data);
    }
    if (source->updates) {
        redisFree(source->updates);
    }
    source->data = source->updates = NULL;
}

/* NULL: no answer, or not of this type. */
static redisReply *ask(struct rs_top_source *source, int argc, const char **argv, int type,
                       struct rs_error *error)
{
    enum rs_redis_fault fault = RS_REDIS_FINE;
    redisReply *reply = rs_redis_ask(source->data, argc, argv, NULL, &fault, error);
    if (reply && reply->type != type) {
        freeReplyObject(reply);
        rs_fail(error, RS_EREDIS, "%s %s: an answer of another kind than expected", argv[0], argv[1]);
        return NULL;
    }
    return reply;
}

/* ---- meta ---- */

void rs_top_list_fini(struct rs_top_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].name);
        free(list->items[i].json);
    }
    free(list->items);
    *list = (struct rs_top_list){0};
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct rs_top_aggregate *)a)->name, ((const struct rs_top_aggregate *)b)->name);
}

static int copy_list(const redisReply *reply, struct rs_top_list *out, struct rs_error *error)
{
    out->items = calloc(reply->elements / 2 + 1, sizeof *out->items);
    for (size_t i = 0; out->items && i + 1 < reply->elements; i += 2) {
        struct rs_top_aggregate *item = &out->items[out->count++];
        item->name = reply->element[i]->str ? strdup(reply->element[i]->str) : NULL;
        item->json = reply->element[i + 1]->str ? strdup(reply->element[i + 1]->str) : NULL;
        if (!item->name || !item->json) {
            return rs_fail(error, RS_ENOMEM, "out of memory");
        }
    }
    if (!out->items) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    qsort(out->items, out->count, sizeof *out->items, compare_names);
    return 0;
}

int rs_top_source_list(struct rs_top_source *source, struct rs_top_list *out, struct rs_error *error)
{
    char key[RS_REDIS_PREFIX_MAX + 8];
    const char *argv[2] = {"HGETALL", key};
    snprintf(key, sizeof key, "%s:meta", source->config->prefix);
    redisReply *reply = ask(source, 2, argv, REDIS_REPLY_ARRAY, error);
    if (!reply) {
        return error->code;
    }
    *out = (struct rs_top_list){0};
    int code = copy_list(reply, out, error);
    freeReplyObject(reply);
    if (code != 0) {
        rs_top_list_fini(out);
    }
    return code;
}

static void key_of(const struct rs_top_source *source, const char *aggregate, const char *suffix, char *out,
                   size_t capacity)
{
    snprintf(out, capacity, "%s:%s%s%s", source->config->prefix, aggregate, *suffix ? ":" : "", suffix);
}

int rs_top_source_groups(struct rs_top_source *source, const char *aggregate, int64_t *out,
                         struct rs_error *error)
{
    char key[512];
    const char *argv[2] = {"ZCARD", key};
    key_of(source, aggregate, "index", key, sizeof key);
    redisReply *reply = ask(source, 2, argv, REDIS_REPLY_INTEGER, error);
    if (!reply) {
        return error->code;
    }
    *out = reply->integer;
    freeReplyObject(reply);
    return 0;
}

/* ---- hashes ---- */

static int append_fetch(struct rs_top_source *source, const struct rs_top_table *table,
                        const struct rs_top_row *row, const char **argv, char *key, struct rs_error *error)
{
    snprintf(key, KEY_MAX, "%s:%s%s%s", source->config->prefix, table->name, table->grouped ? ":" : "",
             row->key);
    argv[0] = "HMGET";
    argv[1] = key;
    memcpy(argv + 2, table->fields, table->field_count * sizeof *argv);
    if (redisAppendCommandArgv(source->data, (int)(table->field_count + 2), argv, NULL) != REDIS_OK) {
        return rs_fail(error, RS_EREDIS, "HMGET: %s", source->data->errstr);
    }
    return 0;
}

/* Marks the row when its hash is there. */
static int take_fetch(struct rs_top_source *source, struct rs_top_table *table, struct rs_top_row *row,
                      struct rs_slice *values, int64_t now_us, struct rs_error *error)
{
    redisReply *reply = NULL;
    bool any = false;
    int code = 0;
    if (redisGetReply(source->data, (void **)&reply) != REDIS_OK) {
        return rs_fail(error, RS_EREDIS, "HMGET: %s", source->data->errstr);
    }
    if (reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "WRONGTYPE", 9) != 0) {
        code = rs_fail(error, RS_EREDIS, "HMGET: %s", reply->str);
    }
    for (size_t i = 0; i < table->field_count; i++) {
        const redisReply *element = i < reply->elements ? reply->element[i] : NULL;
        bool there = element && element->type == REDIS_REPLY_STRING;
        values[i] = there ? rs_slice_of(element->str, element->len) : rs_slice_of(NULL, 0);
        any |= there;
    }
    row->marked = any;
    if (code == 0 && any) {
        code = rs_top_row_set(table, row, values, error);
        row->changed_us = now_us;
    }
    freeReplyObject(reply);
    return code;
}

/* Fetches `count` rows in pipelined pieces. */
static int fetch_rows(struct rs_top_source *source, struct rs_top_table *table, struct rs_top_row **rows,
                      size_t count, int64_t now_us, struct rs_error *error)
{
    const char **argv = calloc(table->field_count + 2, sizeof *argv);
    struct rs_slice *values = calloc(table->field_count + 1, sizeof *values);
    char *key = malloc(KEY_MAX);
    int code = 0;
    if (!argv || !values || !key) {
        count = 0;
        code = rs_fail(error, RS_ENOMEM, "out of memory");
    }
    for (size_t at = 0; code == 0 && at < count; at += FETCH_ROWS) {
        size_t end = count - at < FETCH_ROWS ? count : at + FETCH_ROWS;
        for (size_t i = at; code == 0 && i < end; i++) {
            code = append_fetch(source, table, rows[i], argv, key, error);
        }
        for (size_t i = at; code == 0 && i < end; i++) {
            code = take_fetch(source, table, rows[i], values, now_us, error);
        }
    }
    free(argv);
    free(values);
    free(key);
    return code;
}

/* ---- tables ---- */

int rs_top_source_load(struct rs_top_source *source, struct rs_top_table *table, size_t most, int64_t now_us,
                       struct rs_error *error)
{
    char key[512];
    char last[24];
    const char *argv[4] = {"ZREVRANGE", key, "0", last};
    key_of(source, table->name, "index", key, sizeof key);
    snprintf(last, sizeof last, "%zu", most - 1);
    redisReply *reply = ask(source, 4, argv, REDIS_REPLY_ARRAY, error);
    if (!reply) {
        return error->code;
    }
    int code = 0;
    for (size_t i = 0; code == 0 && i < reply->elements; i++) {
        const redisReply *element = reply->element[i];
        struct rs_slice member = rs_slice_of(element->str ? element->str : "", element->len);
        if (member.size < KEY_MAX - 512 && !memchr(member.data, '\0', member.size) &&
            !rs_top_row_at(table, member, true)) {
            code = rs_fail(error, RS_ENOMEM, "out of memory");
        }
    }
    freeReplyObject(reply);
    if (code == 0) {
        code = fetch_rows(source, table, table->rows, table->row_count, now_us, error);
    }
    if (code == 0) {
        rs_top_sweep(table);
    }
    return code;
}

int rs_top_source_refresh(struct rs_top_source *source, struct rs_top_table *table, int64_t now_us,
                          struct rs_error *error)
{
    struct rs_top_row **dirty = calloc(table->row_count + 1, sizeof(struct rs_top_row *));
    size_t count = 0;
    bool gone = false;
    if (!dirty) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < table->row_count; i++) {
        table->rows[i]->marked = true;
        if (table->rows[i]->dirty) {
            dirty[count++] = table->rows[i];
        }
    }
    int code = fetch_rows(source, table, dirty, count, now_us, error);
    for (size_t i = 0; i < count; i++) {
        gone |= !dirty[i]->marked;
    }
    free(dirty);
    if (code == 0 && gone) {
        rs_top_sweep(table);
    }
    return code;
}

/* ---- updates ---- */

int rs_top_source_follow(struct rs_top_source *source, struct rs_top_table *const *tables, size_t count,
                         struct rs_error *error)
{
    const struct rs_redis_config *config = source->config;
    enum rs_redis_fault fault;
    int code = rs_redis_open_master(&config->address, config->connect_timeout_us, config->timeout_us,
                                    &source->updates, &fault, error);
    for (size_t i = 0; code == 0 && i < count; i++) {
        char channel[512];
        const char *argv[2] = {"SUBSCRIBE", channel};
        key_of(source, tables[i]->name, "updates", channel, sizeof channel);
        redisReply *reply = rs_redis_ask(source->updates, 2, argv, NULL, &fault, error);
        if (!reply) {
            return error->code;
        }
        freeReplyObject(reply);
    }
    if (code == 0) {
        int flags = fcntl(source->updates->fd, F_GETFL);
        if (flags < 0 || fcntl(source->updates->fd, F_SETFL, flags | O_NONBLOCK) < 0) {
            return rs_fail(error, RS_EREDIS, "cannot make the socket non-blocking");
        }
        source->updates->flags &= ~REDIS_BLOCK;
    }
    return code;
}

int rs_top_source_fd(const struct rs_top_source *source)
{
    return source->updates ? source->updates->fd : -1;
}

/* A message ["message", "<prefix>:<aggregate>:updates", key]. */
static void take_message(const struct rs_top_source *source, const redisReply *reply,
                         struct rs_top_table *const *tables, size_t count, size_t most)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3 || !reply->element[1]->str ||
        reply->element[2]->type != REDIS_REPLY_STRING || reply->element[2]->len >= KEY_MAX - 512) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        char channel[512];
        key_of(source, tables[i]->name, "updates", channel, sizeof channel);
        if (strcmp(channel, reply->element[1]->str) == 0) {
            struct rs_slice key = rs_slice_of(reply->element[2]->str, reply->element[2]->len);
            struct rs_top_row *row = rs_top_row_at(tables[i], key, tables[i]->row_count < most);
            if (row) {
                row->dirty = true;
            }
            return;
        }
    }
}

int rs_top_source_take(struct rs_top_source *source, struct rs_top_table *const *tables, size_t count,
                       size_t most, struct rs_error *error)
{
    void *raw = NULL;
    if (redisBufferRead(source->updates) != REDIS_OK) {
        return rs_fail(error, RS_EREDIS, "updates: %s", source->updates->errstr);
    }
    while (redisGetReplyFromReader(source->updates, &raw) == REDIS_OK && raw) {
        take_message(source, raw, tables, count, most);
        freeReplyObject(raw);
    }
    return source->updates->err ? rs_fail(error, RS_EREDIS, "updates: %s", source->updates->errstr) : 0;
}
