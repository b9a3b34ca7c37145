#include "sink/redis/names.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "sink/redis/sentinel.h"

#define CURSOR_MAX 32  /* 20 digits at most */
#define PIECE_MAX  256 /* members at once */
#define WORDS_MAX  (2 * PIECE_MAX + 8)

/* A command under construction: arguments lie in one buffer. */
struct words {
    struct rs_buf text;
    size_t ends[WORDS_MAX];
    size_t count;
};

static void word_end(struct words *words)
{
    RS_ASSERT(words->count < sizeof words->ends / sizeof *words->ends);
    words->ends[words->count++] = words->text.size;
}

static void word(struct words *words, const char *text)
{
    rs_buf_text(&words->text, text);
    word_end(words);
}

static void words_begin(struct words *words, const char *command)
{
    rs_buf_reset(&words->text);
    words->count = 0;
    word(words, command);
}

/* The reply, the caller's to free; NULL: `error` says why. */
static redisReply *send_words(redisContext *context, const struct words *words, struct rs_error *error)
{
    const char *argv[WORDS_MAX];
    size_t sizes[WORDS_MAX];
    enum rs_redis_fault fault;
    char name[16] = "";
    size_t begin = 0;
    if (words->text.failed) {
        rs_fail(error, RS_ENOMEM, "out of memory");
        return NULL;
    }
    for (size_t i = 0; i < words->count; i++) {
        argv[i] = (const char *)words->text.data + begin;
        sizes[i] = words->ends[i] - begin;
        begin = words->ends[i];
    }
    snprintf(name, sizeof name, "%.*s", (int)sizes[0], argv[0]);
    redisReply *reply = redisCommandArgv(context, (int)words->count, argv, sizes);
    if (reply && reply->type != REDIS_REPLY_ERROR) {
        return reply;
    }
    fault = reply ? rs_redis_fault_of_reply(reply->str) : rs_redis_fault_of_context(context);
    rs_fail(error, RS_EREDIS, "Redis: %s: %s (%s)", name, reply ? reply->str : context->errstr,
            rs_redis_fault_hint(fault));
    if (reply) {
        freeReplyObject(reply);
    }
    return NULL;
}

static int run_words(redisContext *context, const struct words *words, int64_t *number,
                     struct rs_error *error)
{
    redisReply *reply = send_words(context, words, error);
    if (!reply) {
        return error->code;
    }
    if (number) {
        *number = reply->integer;
    }
    freeReplyObject(reply);
    return 0;
}

static int open_context(const struct rs_redis_config *config, redisContext **out, struct rs_error *error)
{
    enum rs_redis_fault fault = RS_REDIS_FINE;
    return rs_redis_open_master(&config->address, config->connect_timeout_us, config->timeout_us, out, &fault,
                                error);
}

/* Whatever of its former owner is about to be written in a transaction is not: see write_batch.lua. */
static int tell_owner(redisContext *context, const struct rs_redis_config *config, const char *aggregate,
                      struct words *words, struct rs_error *error)
{
    words_begin(words, "HSET");
    rs_buf_printf(&words->text, "%s:owners", config->prefix);
    word_end(words);
    word(words, "%taken");
    word(words, aggregate);
    int code = run_words(context, words, NULL, error);
    words_begin(words, "HDEL");
    rs_buf_printf(&words->text, "%s:owners", config->prefix);
    word_end(words);
    word(words, "%taken");
    return code == 0 ? run_words(context, words, NULL, error) : code;
}

/* ---- taking over ---- */

/* One key names the owner of an aggregate and of each of its groups. What readers see is not touched. */
static int disown(redisContext *context, const struct rs_redis_config *config, const char *group,
                  const struct rs_aggregate_meta *metas, size_t count, struct words *words,
                  struct rs_error *error)
{
    int code = 0;
    for (size_t i = 0; code == 0 && i < count; i++) {
        words_begin(words, "DEL");
        rs_buf_printf(&words->text, "%s:owners:%s", config->prefix, metas[i].name);
        word_end(words);
        code = run_words(context, words, NULL, error);
        code = code == 0 ? tell_owner(context, config, metas[i].name, words, error) : code;
    }
    words_begin(words, "HDEL");
    rs_buf_printf(&words->text, "%s:owners", config->prefix);
    word_end(words);
    rs_key_append(&words->text, rs_slice_text(group));
    word_end(words);
    return code == 0 ? run_words(context, words, NULL, error) : code;
}

/* `prefix` and `group` as they are, for MATCH, in which some characters mean more than themselves. Behind
 * them stand topic and partition: that of an earlier version, <prefix>:fence:<stream>:<partition>, is not
 * meant, though the stream may have the name of the group. */
static void put_pattern(struct rs_buf *out, const char *prefix, const char *group)
{
    struct rs_buf key = {0};
    rs_buf_printf(&key, "%s:fence:", prefix);
    rs_key_append(&key, rs_slice_text(group));
    rs_buf_char(&key, ':');
    for (size_t i = 0; i < key.size; i++) {
        if (strchr("*?[]^\\-", key.data[i])) {
            rs_buf_char(out, '\\');
        }
        rs_buf_char(out, (char)key.data[i]);
    }
    rs_buf_text(out, "*:*");
    out->failed |= key.failed;
    rs_buf_fini(&key);
}

/* In pieces: Redis does nothing else while it deletes. */
static int delete_keys(redisContext *context, const redisReply *keys, struct words *words, uint64_t *deleted,
                       struct rs_error *error)
{
    for (size_t at = 0; at < keys->elements; at += PIECE_MAX) {
        int64_t number = 0;
        words_begin(words, "DEL");
        for (size_t i = at; i < keys->elements && i < at + PIECE_MAX; i++) {
            rs_buf_put(&words->text, keys->element[i]->str, keys->element[i]->len);
            word_end(words);
        }
        int code = run_words(context, words, &number, error);
        if (code != 0) {
            return code;
        }
        *deleted += (uint64_t)number;
    }
    return 0;
}

/* Sends a SCAN or HSCAN and moves `cursor` on. NULL: `error` says why. The caller frees the reply, whose second
 * element is an array. */
static redisReply *send_scan(redisContext *context, const struct words *words, const char *command,
                             char cursor[CURSOR_MAX], struct rs_error *error)
{
    redisReply *reply = send_words(context, words, error);
    if (!reply) {
        return NULL;
    }
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        reply->element[0]->type != REDIS_REPLY_STRING || reply->element[1]->type != REDIS_REPLY_ARRAY) {
        freeReplyObject(reply);
        (void)rs_fail(error, RS_EREDIS, "%s: an answer of another kind than expected", command);
        return NULL;
    }
    snprintf(cursor, CURSOR_MAX, "%s", reply->element[0]->str);
    return reply;
}

/* SCAN may name a key twice, or one that is gone by now. That does no harm, and only keys that were
 * deleted are counted. */
static int delete_fences(redisContext *context, const struct rs_redis_config *config, const char *group,
                         struct words *words, uint64_t *deleted, struct rs_error *error)
{
    char cursor[CURSOR_MAX] = "0";
    do {
        words_begin(words, "SCAN");
        word(words, cursor);
        word(words, "MATCH");
        put_pattern(&words->text, config->prefix, group);
        word_end(words);
        word(words, "COUNT");
        word(words, "1000");
        redisReply *reply = send_scan(context, words, "SCAN", cursor, error);
        if (!reply) {
            return error->code;
        }
        int code = delete_keys(context, reply->element[1], words, deleted, error);
        freeReplyObject(reply);
        if (code != 0) {
            return code;
        }
    } while (strcmp(cursor, "0") != 0);
    return 0;
}

/* The fences first: while the names are another's nobody of this group can write one. */
int rs_redis_take_over(const struct rs_redis_config *config, const char *group,
                       const struct rs_aggregate_meta *metas, size_t count, uint64_t *fences,
                       struct rs_error *error)
{
    redisContext *context = NULL;
    struct words words = {0};
    int code = open_context(config, &context, error);
    *fences = 0;
    if (code == 0) {
        code = delete_fences(context, config, group, &words, fences, error);
    }
    if (code == 0) {
        code = disown(context, config, group, metas, count, &words, error);
    }
    if (context) {
        redisFree(context);
    }
    rs_buf_fini(&words.text);
    return code;
}

/* ---- forgetting ---- */

/* As write_batch.lua has it: the same group, and no other cluster where both are known. */
static bool is_owner(const redisReply *reply, const struct rs_buf *group, const struct rs_buf *cluster)
{
    if (reply->type != REDIS_REPLY_STRING) {
        return true; /* it is nobody's */
    }
    if (reply->len < group->size || memcmp(reply->str, group->data, group->size) != 0) {
        return false;
    }
    struct rs_slice held = rs_slice_of(reply->str + group->size, reply->len - group->size);
    return held.size == 0 || cluster->size == 0 || rs_slice_equal(held, rs_buf_slice(cluster));
}

/* The script would refuse another's names, but nothing here goes through the script. */
static int check_owner(redisContext *context, const struct rs_redis_config *config, const char *group,
                       const char *cluster, const char *aggregate, struct words *words,
                       struct rs_error *error)
{
    struct rs_buf mine = {0};
    struct rs_buf here = {0};
    words_begin(words, "HGET");
    rs_buf_printf(&words->text, "%s:owners:%s", config->prefix, aggregate);
    word_end(words);
    word(words, "%owner");
    redisReply *reply = send_words(context, words, error);
    if (!reply) {
        return error->code;
    }
    rs_key_append(&mine, rs_slice_text(group));
    rs_buf_char(&mine, ':');
    rs_key_append(&here, rs_slice_text(cluster));
    int code = 0;
    if (mine.failed || here.failed) {
        code = rs_fail(error, RS_ENOMEM, "out of memory");
    } else if (!is_owner(reply, &mine, &here)) {
        code =
            rs_fail(error, RS_ESTATE,
                    "aggregate %s under prefix %s belongs to %s, not to group %s in this Kafka cluster (%s)",
                    aggregate, config->prefix, reply->str, group, cluster[0] ? cluster : "not known");
    }
    freeReplyObject(reply);
    rs_buf_fini(&mine);
    rs_buf_fini(&here);
    return code;
}

/* Hash and history of one group. An empty key is that of an aggregate without group fields or of one empty
 * value: both are forgotten. */
static void put_keys(struct words *words, const char *head, const redisReply *member)
{
    static const char *const ends[] = {"", ":history"};
    for (int i = 0; i < 2; i++) {
        rs_buf_printf(&words->text, "%s:", head);
        rs_buf_put(&words->text, member->str, member->len);
        rs_buf_text(&words->text, ends[i]);
        word_end(words);
        if (member->len == 0) {
            rs_buf_printf(&words->text, "%s%s", head, ends[i]);
            word_end(words);
        }
    }
}

/* `stride` is 2 where values stand between the members. The owner's entry stays until the end, so that
 * it can run this again if it was broken off. */
static int forget_members(redisContext *context, const char *head, const redisReply *members, size_t stride,
                          struct words *words, struct rs_error *error)
{
    size_t keys = 0;
    words_begin(words, "DEL");
    for (size_t i = 0; i < members->elements; i += stride) {
        const redisReply *member = members->element[i];
        if (member->len > 0 && member->str[0] == '%' &&
            (!strcmp(member->str, "%owner") || !strcmp(member->str, "%old"))) {
            continue;
        }
        put_keys(words, head, member);
        keys++;
        if (words->count > 2 * (size_t)PIECE_MAX) {
            int code = run_words(context, words, NULL, error);
            if (code != 0) {
                return code;
            }
            words_begin(words, "DEL");
            keys = 0;
        }
    }
    return keys > 0 ? run_words(context, words, NULL, error) : 0;
}

/* Readers hear of each group that is gone, as when one expires. */
static int take_from_index(redisContext *context, const char *head, const redisReply *members,
                           struct words *words, struct rs_error *error)
{
    words_begin(words, "ZREM");
    rs_buf_printf(&words->text, "%s:index", head);
    word_end(words);
    for (size_t i = 0; i < members->elements; i++) {
        rs_buf_put(&words->text, members->element[i]->str, members->element[i]->len);
        word_end(words);
    }
    int code = run_words(context, words, NULL, error);
    for (size_t i = 0; code == 0 && i < members->elements; i++) {
        words_begin(words, "PUBLISH");
        rs_buf_printf(&words->text, "%s:updates", head);
        word_end(words);
        rs_buf_put(&words->text, members->element[i]->str, members->element[i]->len);
        word_end(words);
        code = run_words(context, words, NULL, error);
    }
    return code;
}

/* Always from the front: what was forgotten is taken out of the index, until that is empty. */
static int forget_indexed(redisContext *context, const char *head, struct words *words, uint64_t *groups,
                          struct rs_error *error)
{
    for (;;) {
        char last[24];
        snprintf(last, sizeof last, "%d", PIECE_MAX - 1);
        words_begin(words, "ZRANGE");
        rs_buf_printf(&words->text, "%s:index", head);
        word_end(words);
        word(words, "0");
        word(words, last);
        redisReply *reply = send_words(context, words, error);
        if (!reply) {
            return error->code;
        }
        size_t found = reply->type == REDIS_REPLY_ARRAY ? reply->elements : 0;
        int code = found > 0 ? forget_members(context, head, reply, 1, words, error) : 0;
        code = found > 0 && code == 0 ? take_from_index(context, head, reply, words, error) : code;
        freeReplyObject(reply);
        *groups += found;
        if (code != 0 || found == 0) {
            return code;
        }
    }
}

/* Groups that have only a history left stand among the owners alone. */
static int forget_owned(redisContext *context, const char *head, const char *owners, struct words *words,
                        struct rs_error *error)
{
    char cursor[CURSOR_MAX] = "0";
    do {
        words_begin(words, "HSCAN");
        word(words, owners);
        word(words, cursor);
        word(words, "COUNT");
        word(words, "256");
        redisReply *reply = send_scan(context, words, "HSCAN", cursor, error);
        if (!reply) {
            return error->code;
        }
        int code = forget_members(context, head, reply->element[1], 2, words, error);
        freeReplyObject(reply);
        if (code != 0) {
            return code;
        }
    } while (strcmp(cursor, "0") != 0);
    return 0;
}

static int forget_names(redisContext *context, const struct rs_redis_config *config, const char *aggregate,
                        const char *head, const char *owners, struct words *words, struct rs_error *error)
{
    words_begin(words, "DEL");
    word(words, owners);
    rs_buf_printf(&words->text, "%s:index", head);
    word_end(words);
    int code = run_words(context, words, NULL, error);
    code = code == 0 ? tell_owner(context, config, aggregate, words, error) : code;
    words_begin(words, "HDEL");
    rs_buf_printf(&words->text, "%s:meta", config->prefix);
    word_end(words);
    word(words, aggregate);
    return code == 0 ? run_words(context, words, NULL, error) : code;
}

/* What says whose the aggregate is goes last. Until then the same can be run again. */
int rs_redis_forget(const struct rs_redis_config *config, const char *group, const char *cluster,
                    const char *aggregate, uint64_t *groups, struct rs_error *error)
{
    char head[512];
    char owners[512];
    redisContext *context = NULL;
    struct words words = {0};
    *groups = 0;
    snprintf(head, sizeof head, "%s:%s", config->prefix, aggregate);
    snprintf(owners, sizeof owners, "%s:owners:%s", config->prefix, aggregate);
    int code = open_context(config, &context, error);
    if (code == 0) {
        code = check_owner(context, config, group, cluster, aggregate, &words, error);
    }
    if (code == 0) {
        code = forget_indexed(context, head, &words, groups, error);
    }
    if (code == 0) {
        code = forget_owned(context, head, owners, &words, error);
    }
    if (code == 0) {
        code = forget_names(context, config, aggregate, head, owners, &words, error);
    }
    if (context) {
        redisFree(context);
    }
    rs_buf_fini(&words.text);
    return code;
}
