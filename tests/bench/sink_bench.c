/* What a view costs Redis, written three ways in turn: by the sink, by the sink as a user who may not use
 * transactions (all by scripts), and as bare pipelined HSET, ZADD and PUBLISH without any guarantee. Beside each:
 * how long one EXEC or script keeps Redis from serving others, by Redis' own count, and what a reader of the same
 * Redis waits for a view meanwhile.
 *
 * sink_bench PORT [VIEWS [GROUPS [CONNECTIONS [ROUNDS]]]], with a redis-server at 127.0.0.1:PORT that may be
 * emptied. Views have ten fields. CPU time is the least of all rounds, as other programs can only add to it. */
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/number.h"
#include "sink/redis/sink.h"

#define BATCHES     16
#define BATCH_BYTES (64 * 1024)

static const char *const fields[] = {"trades",      "volume", "price_open",   "price_high", "price_low",
                                     "price_close", "vwap",   "window_start", "window_end", "events"};
static const struct rs_aggregate_meta meta = {
    .name = "t1m", .stream = "trades", .history = 10, .fields = fields, .field_count = 10, .json = "{}"};

struct bench {
    struct rs_view_sink table;
    uint64_t views, made;
    uint32_t groups;
    struct rs_view_batch *idle;
    unsigned busy;
};

static void put_number(struct rs_view_batch *batch, uint32_t field, int64_t number, int scale)
{
    char text[RS_NUMBER_TEXT_MAX];
    rs_batch_field(batch, field, text, rs_decimal_format(number, scale, text));
}

static void put_view(struct bench *b, struct rs_view_batch *batch)
{
    char key[32];
    uint64_t group = b->made % b->groups;
    int64_t n = (int64_t)b->made;
    size_t size = (size_t)snprintf(key, sizeof key, "SDE:product%%20%" PRIu64, group);
    rs_batch_view_begin(batch, 0, 0, rs_slice_of(key, size));
    put_number(batch, 0, n % 1000, 0);
    put_number(batch, 1, n * 37 % 10000000, 3);
    put_number(batch, 2, 10125 + n % 100, 2);
    put_number(batch, 3, 10225 + n % 100, 2);
    put_number(batch, 4, 10025 + n % 100, 2);
    put_number(batch, 5, 10150 + n % 100, 2);
    rs_batch_field(batch, 6, "101.38475619283", 15);
    put_number(batch, 7, 1733900400000, 0);
    put_number(batch, 8, 1733900460000, 0);
    put_number(batch, 9, n % 1000, 0);
    rs_batch_end(batch, 1733900400000 + n);
    b->made++;
}

static struct rs_view_batch *next_batch(struct bench *b)
{
    struct rs_view_batch *batch = b->idle;
    if (batch) {
        b->idle = batch->next;
        rs_view_batch_reset(batch);
    } else if (b->busy < BATCHES) {
        batch = rs_view_batch_new();
    }
    return batch;
}

static void collect(struct bench *b, int timeout_ms)
{
    struct pollfd fd = {.fd = b->table.ops->wake_fd(b->table.self, 0), .events = POLLIN};
    struct rs_view_batch *batch;
    poll(&fd, 1, timeout_ms);
    while ((batch = b->table.ops->finished(b->table.self, 0))) {
        batch->next = b->idle;
        b->idle = batch;
        b->busy--;
    }
}

static void write_views(struct bench *b)
{
    for (int64_t offset = 1; b->made < b->views; offset++) {
        struct rs_view_batch *batch = next_batch(b);
        while (!batch) {
            collect(b, 1000);
            batch = next_batch(b);
        }
        batch->stream_name = "trades";
        batch->topic = "trades";
        batch->partition = (int32_t)(offset % 8);
        batch->token = 1;
        batch->offset = offset;
        while (b->made < b->views && batch->ops.size < BATCH_BYTES) {
            put_view(b, batch);
        }
        b->busy++;
        b->table.ops->submit(b->table.self, &batch);
    }
    while (b->busy > 0) {
        collect(b, 1000);
    }
}

static double cpu_s(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static redisContext *connect_to(const struct rs_redis_config *config)
{
    enum rs_redis_fault fault;
    struct rs_error error;
    redisContext *context = NULL;
    if (rs_redis_open(&config->address, 1000000, 60000000, &context, &fault, &error) != 0) {
        fprintf(stderr, "sink_bench: %s\n", error.text);
        exit(2);
    }
    return context;
}

static redisReply *ask(redisContext *redis, const char *command)
{
    redisReply *reply = redisCommand(redis, command);
    if (!reply || reply->type == REDIS_REPLY_ERROR) {
        fprintf(stderr, "sink_bench: %s: %s\n", command, reply ? reply->str : redis->errstr);
        exit(2);
    }
    return reply;
}

static double redis_cpu_s(redisContext *redis)
{
    static const char *const names[] = {"used_cpu_sys:", "used_cpu_user:"};
    redisReply *reply = ask(redis, "INFO cpu");
    double total = 0;
    for (size_t i = 0; i < 2; i++) {
        const char *line = strstr(reply->str, names[i]);
        total += line ? strtod(line + strlen(names[i]), NULL) : 0;
    }
    freeReplyObject(reply);
    return total;
}

/* ---- how long one call takes, as Redis counts it ---- */

struct hold {
    double p50, p99, p999; /* ms; 0: none, or Redis is older than 7 */
};

static struct hold read_hold(redisContext *redis, const char *command)
{
    struct hold hold = {0};
    char name[64];
    redisReply *reply = ask(redis, "INFO latencystats");
    snprintf(name, sizeof name, "latency_percentiles_usec_%s:", command);
    const char *line = strstr(reply->str, name);
    if (line) {
        (void)sscanf(line + strlen(name), "p50=%lf,p99=%lf,p99.9=%lf", &hold.p50, &hold.p99, &hold.p999);
    }
    freeReplyObject(reply);
    return (struct hold){hold.p50 / 1e3, hold.p99 / 1e3, hold.p999 / 1e3};
}

/* ---- somebody who reads ---- */

#define WAITS_MAX 100000

struct reader {
    const struct rs_redis_config *config;
    uint32_t groups;
    _Atomic bool ends;
    int64_t waits_us[WAITS_MAX];
    size_t count;
    pthread_t thread;
};

static void *read_views(void *argument)
{
    struct reader *reader = argument;
    redisContext *redis = connect_to(reader->config);
    for (uint32_t n = 0; !atomic_load(&reader->ends); n += 7919) {
        int64_t begun_us = rs_clock_mono(rs_clock_system());
        redisReply *reply = redisCommand(redis, "HGETALL rs:t1m:SDE:product%%%%20%u", n % reader->groups);
        if (reader->count < WAITS_MAX) {
            reader->waits_us[reader->count++] = rs_clock_mono(rs_clock_system()) - begun_us;
        }
        freeReplyObject(reply);
        (void)poll(NULL, 0, 1);
    }
    redisFree(redis);
    return NULL;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double wait_ms(struct reader *reader, double part)
{
    size_t at = (size_t)((double)reader->count * part);
    return reader->count ? (double)reader->waits_us[at < reader->count ? at : reader->count - 1] / 1e3 : 0;
}

/* ---- three ways ---- */

struct outcome {
    double redis_us, ours_us, views_s; /* a view */
    double call_ms, bytes;
    struct hold hold;
    double reader_p50, reader_p99, reader_p999;
};

static void write_by_sink(struct bench *b, const struct rs_redis_config *config, struct outcome *out)
{
    struct rs_redis_sink *sink = NULL;
    struct rs_error error;
    struct rs_redis_status status;
    struct rs_redis_sink_options options = {.group = "g",
                                            .config = config,
                                            .metas = &meta,
                                            .meta_count = 1,
                                            .workers = 1,
                                            .clock = rs_clock_system()};
    if (rs_redis_sink_new(&options, &sink, &error) != 0) {
        fprintf(stderr, "sink_bench: %s\n", error.text);
        exit(2);
    }
    rs_redis_sink_cluster(sink, "bench");
    b->table = rs_redis_sink_table(sink);
    write_views(b);
    rs_redis_sink_status(sink, &status);
    out->call_ms = (double)status.round_trips.sum_us / (double)status.round_trips.count / 1e3;
    out->bytes = (double)status.bytes / (double)b->views;
    while (b->idle) {
        struct rs_view_batch *batch = b->idle;
        b->idle = batch->next;
        rs_view_batch_free(&batch);
    }
    rs_redis_sink_free(&sink);
    if (status.views != b->views) {
        fprintf(stderr, "sink_bench: %" PRIu64 " of %" PRIu64 " views were written\n", status.views,
                b->views);
        exit(2);
    }
}

/* The same views, 64 at a time. */
static void write_plainly(struct bench *b, const struct rs_redis_config *config)
{
    redisContext *redis = connect_to(config);
    struct rs_view_batch *batch = rs_view_batch_new();
    while (batch && b->made < b->views) {
        struct rs_op op;
        size_t cursor = 0;
        unsigned commands = 0;
        rs_view_batch_reset(batch);
        for (int i = 0; i < 64 && b->made < b->views; i++) {
            put_view(b, batch);
        }
        while (rs_batch_next(batch, &cursor, &op)) {
            struct rs_op_field field;
            size_t at = 0;
            char key[64], score[24];
            const char *words[2 + 2 * 10] = {"HSET", key};
            size_t sizes[2 + 2 * 10] = {4};
            int count = 2;
            sizes[1] = (size_t)snprintf(key, sizeof key, "rs:t1m:%.*s", (int)op.key.size, op.key.data);
            while (rs_op_field_next(&op, &at, &field)) {
                words[count] = fields[field.field];
                sizes[count++] = strlen(fields[field.field]);
                words[count] = (const char *)field.text.data;
                sizes[count++] = field.text.size;
            }
            redisAppendCommandArgv(redis, count, words, sizes);
            const char *name = key + strlen("rs:t1m:");
            snprintf(score, sizeof score, "%" PRId64, op.change_ms);
            redisAppendCommandArgv(redis, 4, (const char *[]){"ZADD", "rs:t1m:index", score, name}, NULL);
            redisAppendCommandArgv(redis, 3, (const char *[]){"PUBLISH", "rs:t1m:updates", name}, NULL);
            commands += 3;
        }
        for (; commands > 0; commands--) {
            void *reply = NULL;
            if (redisGetReply(redis, &reply) != REDIS_OK) {
                fprintf(stderr, "sink_bench: %s\n", redis->errstr);
                exit(2);
            }
            freeReplyObject(reply);
        }
    }
    rs_view_batch_free(&batch);
    redisFree(redis);
}

enum way { NATIVE, SCRIPTS, PLAIN, WAYS };
static const char *const way_names[WAYS] = {"sink", "sink, by scripts", "bare commands"};

static struct outcome measure(enum way way, const struct rs_redis_config *config, uint64_t views,
                              uint32_t groups)
{
    static struct reader reader;
    struct outcome out = {0};
    struct rs_redis_config as = *config;
    struct bench b = {.views = views, .groups = groups};
    redisContext *redis = connect_to(config);
    freeReplyObject(ask(redis, "FLUSHALL"));
    freeReplyObject(ask(redis, "CONFIG RESETSTAT"));
    if (way == SCRIPTS) {
        freeReplyObject(ask(redis, "ACL SETUSER sink_bench on >sink_bench ~* &* +@all -multi"));
        snprintf(as.address.username, sizeof as.address.username, "sink_bench");
        snprintf(as.address.password, sizeof as.address.password, "sink_bench");
    }
    reader = (struct reader){.config = config, .groups = groups};
    pthread_create(&reader.thread, NULL, read_views, &reader);
    double redis_before = redis_cpu_s(redis);
    double cpu_before = cpu_s();
    int64_t begun_us = rs_clock_mono(rs_clock_system());
    if (way == PLAIN) {
        write_plainly(&b, config);
    } else {
        write_by_sink(&b, &as, &out);
    }
    out.views_s = (double)views / ((double)(rs_clock_mono(rs_clock_system()) - begun_us) / 1e6);
    out.ours_us = (cpu_s() - cpu_before) / (double)views * 1e6;
    out.redis_us = (redis_cpu_s(redis) - redis_before) / (double)views * 1e6;
    atomic_store(&reader.ends, true);
    pthread_join(reader.thread, NULL);
    qsort(reader.waits_us, reader.count, sizeof reader.waits_us[0], by_size);
    out.reader_p50 = wait_ms(&reader, 0.5);
    out.reader_p99 = wait_ms(&reader, 0.99);
    out.reader_p999 = wait_ms(&reader, 0.999);
    out.hold = read_hold(redis, way == NATIVE ? "exec" : way == SCRIPTS ? "evalsha" : "hset");
    redisFree(redis);
    return out;
}

static void least(double *a, double b)
{
    *a = *a == 0 || b < *a ? b : *a;
}

int main(int argc, char **argv)
{
    struct rs_redis_config config;
    struct outcome best[WAYS] = {0};
    if (argc < 2) {
        fprintf(stderr, "usage: sink_bench PORT [VIEWS [GROUPS [CONNECTIONS [ROUNDS]]]]\n");
        return 1;
    }
    rs_redis_config_default(&config);
    memcpy(config.address.host, "127.0.0.1", sizeof "127.0.0.1");
    config.address.port = atoi(argv[1]);
    uint64_t views = argc > 2 ? strtoull(argv[2], NULL, 10) : 200000;
    uint32_t groups = argc > 3 ? (uint32_t)atoi(argv[3]) : 10000;
    config.connections = argc > 4 ? (uint32_t)atoi(argv[4]) : 1;
    int rounds = argc > 5 ? atoi(argv[5]) : 3;
    for (int round = 0; round < rounds; round++) {
        for (int way = 0; way < WAYS; way++) {
            struct outcome o = measure((enum way)way, &config, views, groups);
            printf(
                "redis, %s: views/s %.0f  our CPU %.2f us/view  Redis CPU %.2f us/view  call %.2f ms  %.0f "
                "bytes/view  hold p50 %.2f p99 %.2f p99.9 %.2f ms  reader p50 %.2f p99 %.2f p99.9 %.2f ms\n",
                way_names[way], o.views_s, o.ours_us, o.redis_us, o.call_ms, o.bytes, o.hold.p50, o.hold.p99,
                o.hold.p999, o.reader_p50, o.reader_p99, o.reader_p999);
            fflush(stdout);
            least(&best[way].redis_us, o.redis_us);
            least(&best[way].ours_us, o.ours_us);
            least(&best[way].hold.p999, o.hold.p999);
            least(&best[way].reader_p99, o.reader_p99);
        }
    }
    printf(
        "redis, CPU of a view against bare commands: %.2f us, %.2f x, by scripts %.2f x, least of %d rounds "
        "(goal 1.2 x)\n",
        best[NATIVE].redis_us, best[NATIVE].redis_us / best[PLAIN].redis_us,
        best[SCRIPTS].redis_us / best[PLAIN].redis_us, rounds);
    printf("redis, how long one call keeps it, p99.9: %.2f ms, by scripts %.2f ms (goal 1 ms)\n",
           best[NATIVE].hold.p999, best[SCRIPTS].hold.p999);
    printf("redis, what a reader waits, p99: %.2f ms, by scripts %.2f ms, bare %.2f ms (goal 2 ms)\n",
           best[NATIVE].reader_p99, best[SCRIPTS].reader_p99, best[PLAIN].reader_p99);
    return 0;
}
