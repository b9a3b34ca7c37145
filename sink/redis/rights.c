#include "sink/redis/rights.h"

#include <stdio.h>
#include <string.h>

#include "sink/redis/sentinel.h"

#define WORDS_MAX 5

enum lack { LACK_NOTHING, LACK_COMMAND, LACK_KEYS, LACK_CHANNELS };

/* K stands for the probe's key, C for its channel, S for the digest of "return 1". In the order of need: HSET
 * only where DEL may take the key away again. */
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
    {"MULTI"}, /* last: a user without DISCARD stays in it, if EXEC is missing too */
    {"DISCARD"},
    {"EXEC"},
};
#define DIGEST "e0e1f9fabfc9d4800c877a703b823ac0578ff8db" /* SHA-1 of "return 1" */

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

/* False: the connection broke. */
static bool probe(redisContext *context, const char *const *words, const char *prefix, enum lack *lack)
{
    char key[RS_REDIS_PREFIX_MAX + 32];
    char channel[RS_REDIS_PREFIX_MAX + 32];
    const char *argv[WORDS_MAX];
    int argc = 0;
    snprintf(key, sizeof key, "%s:owners:%%probe", prefix);
    snprintf(channel, sizeof channel, "%s:owners:probe", prefix);
    for (; words[argc]; argc++) {
        const char *word = words[argc];
        argv[argc] = strcmp(word, "K") == 0   ? key
                     : strcmp(word, "C") == 0 ? channel
                     : strcmp(word, "S") == 0 ? DIGEST
                                              : word;
    }
    redisReply *reply = redisCommandArgv(context, argc, argv, NULL);
    if (!reply) {
        return false;
    }
    *lack = judge(reply);
    freeReplyObject(reply);
    return true;
}

static void put_command(struct rs_buf *out, const char *const *words)
{
    rs_buf_text(out, out->size > 0 ? ", +" : "+");
    for (const char *c = words[0]; *c; c++) {
        rs_buf_char(out, (char)(*c | 0x20)); /* letters in lower case */
    }
    rs_buf_text(out, strcmp(words[0], "SCRIPT") == 0 ? "|load" : "");
}

/* Appends the missing rights in the words of ACL SETUSER, "+zadd, &rs:*"; nothing: none is missing, or the
 * connection broke. */
static void missing_rights(redisContext *context, const char *prefix, struct rs_buf *out)
{
    bool keys = false, channels = false, may_delete = true;
    for (size_t i = 0; i < sizeof probes / sizeof *probes; i++) {
        const char *const *words = probes[i];
        enum lack lack = LACK_NOTHING;
        if (strcmp(words[0], "HSET") == 0 && !may_delete) {
            continue;
        }
        bool again = strcmp(words[0], "DEL") == 0 && strcmp(probes[i - 1][0], "HSET") == 0;
        if (!probe(context, words, prefix, &lack)) {
            return;
        }
        may_delete &= strcmp(words[0], "DEL") != 0 || lack == LACK_NOTHING;
        keys |= lack == LACK_KEYS;
        channels |= lack == LACK_CHANNELS;
        if (lack == LACK_COMMAND && !again) {
            put_command(out, words);
        }
    }
    if (keys) {
        rs_buf_printf(out, "%s~%s:*", out->size > 0 ? ", " : "", prefix);
    }
    if (channels) {
        rs_buf_printf(out, "%s&%s:*", out->size > 0 ? ", " : "", prefix);
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
    missing_rights(context, config->prefix, &rights);
    redisFree(context);
    if (rights.size > 0 && !rights.failed) {
        snprintf(out, size, "Redis: user %.100s lacks rights: %.*s (%s: %s)",
                 config->address.username[0] ? config->address.username : "default", (int)rights.size,
                 (const char *)rights.data, rs_redis_fault_name(RS_REDIS_NOPERM),
                 rs_redis_fault_hint(RS_REDIS_NOPERM));
    }
    rs_buf_fini(&rights);
}
