#include "sink/redis/rights.h"

#include <stdio.h>
#include <string.h>

#include "sink/redis/sentinel.h"

#define WORDS_MAX 5

enum lack { LACK_NOTHING, LACK_COMMAND, LACK_KEYS, LACK_CHANNELS };

/* K stands for the probe's key, C for its channel, S for the digest of "return 1". In the order of need: HSET
 * only where DEL may take the key away again, or nothing is done at all. */
static const char *const probes[][WORDS_MAX + 1] = {
    {"INFO", "server"},
    {"PING"},
    {"SCRIPT", "LOAD", "return 1"},
    {"EVALSHA", "S", "0"},
    {"GET", "K"},
    {"MGET", "K"},
    {"SET", "K", "1", "XX"},
    {"DEL", "K"},
    {"HSET", "K", "f", "v"},
    {"DEL", "K"},
    {"HDEL", "K", "f"},
    {"HMGET", "K", "f"},
    {"ZADD", "K", "XX", "0", "m"},
    {"ZREM", "K", "m"},
    {"ZREMRANGEBYSCORE", "K", "0", "0"},
    {"ZREMRANGEBYRANK", "K", "0", "0"},
    {"PUBLISH", "C", ""},
    {"WATCH", "K"},
};
/* Last: a user without DISCARD stays in the transaction, if EXEC is missing too. One that had something refused is not
 * carried out by EXEC. */
static const char *const ends[][WORDS_MAX + 1] = {{"DISCARD"}, {"EXEC"}};
static const char *const begin[WORDS_MAX + 1] = {"MULTI"};
/* What looks after what earlier versions and fail-overs left, and --forget and --take-over. */
static const char *const spare[][WORDS_MAX + 1] = {
    {"HGET", "K", "f"},        {"HLEN", "K"},          {"HKEYS", "K"}, {"HSCAN", "K", "0"}, {"ZCARD", "K"},
    {"ZRANGE", "K", "0", "0"}, {"RENAMENX", "K", "K"}, {"SCAN", "0"},
};
/* Of each aggregate: its keys and its channel may be let in or shut out by patterns of their own. Last what readers would
 * hear, outside of a transaction that is given up. */
static const char *const own[][WORDS_MAX + 1] = {
    {"GET", "A"}, {"GET", "A:%probe"}, {"PUBLISH", "A:updates", ""}};
#define COUNT(a) (sizeof(a) / sizeof *(a))
#define DIGEST   "e0e1f9fabfc9d4800c877a703b823ac0578ff8db" /* SHA-1 of "return 1" */

static enum lack judge(const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ERROR || !strstr(reply->str, "NOPERM")) { /* EXEC says more in front */
        return LACK_NOTHING; /* an error of another kind: it was let through */
    }
    if (strstr(reply->str, "channel")) {
        return LACK_CHANNELS;
    }
    return strstr(reply->str, " key") ? LACK_KEYS : LACK_COMMAND;
}

/* What is looked through, and what was found. */
struct search {
    redisContext *context;
    const char *prefix, *aggregate; /* aggregate: NULL before the first */
    bool dry;                       /* a transaction is open: nothing is done */
    bool keys, channels;            /* some are missing */
    bool broken;                    /* the connection is */
    struct rs_buf *out;
};

/* "A" and what stands behind it is the aggregate's key; its words begin with no other 'A'. */
static const char *word_of(const struct search *search, const char *word, char *room, size_t size)
{
    if (word[0] == 'A' && (word[1] == '\0' || word[1] == ':')) {
        snprintf(room, size, "%s:%s%s", search->prefix, search->aggregate, word + 1);
    } else if (strcmp(word, "K") == 0) {
        snprintf(room, size, "%s:owners:%%probe", search->prefix);
    } else if (strcmp(word, "C") == 0) {
        snprintf(room, size, "%s:owners:probe", search->prefix);
    } else {
        return strcmp(word, "S") == 0 ? DIGEST : word;
    }
    return room;
}

static enum lack probe(struct search *search, const char *const *words)
{
    char rooms[WORDS_MAX][RS_REDIS_PREFIX_MAX + 512];
    const char *argv[WORDS_MAX];
    int argc = 0;
    for (; words[argc]; argc++) {
        argv[argc] = word_of(search, words[argc], rooms[argc], sizeof rooms[argc]);
    }
    redisReply *reply = search->broken ? NULL : redisCommandArgv(search->context, argc, argv, NULL);
    if (!reply) {
        search->broken = true;
        return LACK_NOTHING;
    }
    enum lack lack = judge(reply);
    freeReplyObject(reply);
    search->keys |= lack == LACK_KEYS;
    search->channels |= lack == LACK_CHANNELS;
    return lack;
}

static void put_command(struct rs_buf *out, const char *const *words)
{
    rs_buf_text(out, out->size > 0 ? ", +" : "+");
    for (const char *c = words[0]; *c; c++) {
        rs_buf_char(out, (char)(*c | 0x20)); /* letters in lower case */
    }
    rs_buf_text(out, strcmp(words[0], "SCRIPT") == 0 ? "|load" : "");
}

static void try_all(struct search *search, const char *const (*list)[WORDS_MAX + 1], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (probe(search, list[i]) == LACK_COMMAND) {
            put_command(search->out, list[i]);
        }
    }
}

static void try_needed(struct search *search)
{
    bool may_delete = true;
    for (size_t i = 0; i < COUNT(probes); i++) {
        const char *const *words = probes[i];
        if (strcmp(words[0], "HSET") == 0 && !may_delete && !search->dry) {
            continue;
        }
        bool again = strcmp(words[0], "DEL") == 0 && strcmp(probes[i - 1][0], "HSET") == 0;
        enum lack lack = probe(search, words);
        may_delete &= strcmp(words[0], "DEL") != 0 || lack == LACK_NOTHING;
        if (lack == LACK_COMMAND && !again) {
            put_command(search->out, words);
        }
    }
}

void rs_redis_rights_missing(redisContext *context, const char *prefix, const char *const *aggregates,
                             size_t count, struct rs_buf *out)
{
    struct search search = {.context = context, .prefix = prefix, .out = out};
    struct rs_buf commands = {0};
    search.dry = probe(&search, begin) == LACK_NOTHING;
    try_needed(&search);
    if (!search.dry) {
        put_command(out, begin);
    }
    search.out = &commands; /* are told already */
    for (size_t i = 0; i < count; i++) {
        search.aggregate = aggregates[i];
        try_all(&search, own, search.dry ? COUNT(own) : COUNT(own) - 1);
    }
    search.out = out;
    try_all(&search, ends, COUNT(ends));
    rs_buf_fini(&commands);
    if (search.keys) {
        rs_buf_printf(out, "%s~%s:*", out->size > 0 ? ", " : "", prefix);
    }
    if (search.channels) {
        rs_buf_printf(out, "%s&%s:*", out->size > 0 ? ", " : "", prefix);
    }
}

void rs_redis_rights_spare(redisContext *context, const char *prefix, struct rs_buf *out)
{
    struct search search = {.context = context, .prefix = prefix, .out = out};
    if (probe(&search, begin) == LACK_NOTHING) {
        try_all(&search, spare, COUNT(spare));
        (void)probe(&search, ends[0]);
    }
}

/* On a connection of its own, as the writer's has calls under way, and the next answer would be theirs. */
void rs_redis_rights_text(const struct rs_redis_config *config, char *out, size_t size)
{
    enum rs_redis_fault fault = RS_REDIS_FINE;
    struct rs_error error = {0};
    struct rs_buf rights = {0};
    redisContext *context = NULL;
    out[0] = '\0';
    if (rs_redis_open_master(&config->address, config->connect_timeout_us, config->timeout_us, &context,
                             &fault, &error) != 0) {
        return;
    }
    rs_redis_rights_missing(context, config->prefix, NULL, 0, &rights);
    redisFree(context);
    if (rights.size > 0 && !rights.failed) {
        snprintf(out, size, "Redis: user %.100s lacks rights: %.*s (%s: %s)",
                 config->address.username[0] ? config->address.username : "default", (int)rights.size,
                 (const char *)rights.data, rs_redis_fault_name(RS_REDIS_NOPERM),
                 rs_redis_fault_hint(RS_REDIS_NOPERM));
    }
    rs_buf_fini(&rights);
}
