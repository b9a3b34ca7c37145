/* Views a second into Redis, and the CPU time on both sides, for views of ten fields:
 * sink_bench PORT [VIEWS [GROUPS [CONNECTIONS]]], with a redis-server at 127.0.0.1:PORT that may be emptied.
 */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/number.h"
#include "sink/redis/sink.h"

#define BATCHES     16
#define BATCH_BYTES (64 * 1024)

static const char *const fields[] = {"trades",       "volume",      "price_open", "price_high",
                                     "price_low",    "price_close", "vwap",       "sd",
                                     "window_start", "window_end",  "event_time", "events"};
static const struct rs_aggregate_meta meta = {
    .name = "t1m", .stream = "trades", .history = 10, .fields = fields, .field_count = 12, .json = "{}"};

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

/* Ten of the twelve fields: sd is absent, as with one event, and so is event_time. */
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
    put_number(batch, 8, 1733900400000, 0);
    put_number(batch, 9, 1733900460000, 0);
    put_number(batch, 11, n % 1000, 0);
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

static double redis_cpu_s(const struct rs_redis_config *config)
{
    enum rs_redis_fault fault;
    struct rs_error error;
    redisContext *context = NULL;
    const char *argv[2] = {"INFO", "cpu"};
    double total = 0;
    if (rs_redis_open(&config->address, 1000000, 5000000, &context, &fault, &error) != 0) {
        fprintf(stderr, "sink_bench: %s\n", error.text);
        exit(2);
    }
    redisReply *reply = rs_redis_ask(context, 2, argv, NULL, &fault, &error);
    static const char *const names[] = {"used_cpu_sys:", "used_cpu_user:"};
    for (size_t i = 0; reply && i < 2; i++) {
        const char *line = strstr(reply->str, names[i]);
        total += line ? strtod(line + strlen(names[i]), NULL) : 0;
    }
    if (reply) {
        freeReplyObject(reply);
    }
    redisFree(context);
    return total;
}

int main(int argc, char **argv)
{
    struct rs_redis_config config;
    struct rs_redis_sink *sink = NULL;
    struct rs_error error;
    if (argc < 2) {
        fprintf(stderr, "usage: sink_bench PORT [VIEWS [GROUPS [CONNECTIONS]]]\n");
        return 1;
    }
    rs_redis_config_default(&config);
    memcpy(config.address.host, "127.0.0.1", sizeof "127.0.0.1");
    config.address.port = atoi(argv[1]);
    config.connections = argc > 4 ? (uint32_t)atoi(argv[4]) : 1;
    struct bench b = {.views = argc > 2 ? strtoull(argv[2], NULL, 10) : 500000,
                      .groups = argc > 3 ? (uint32_t)atoi(argv[3]) : 10000};
    struct rs_redis_sink_options options = {.group = "g",
                                            .config = &config,
                                            .metas = &meta,
                                            .meta_count = 1,
                                            .workers = 1,
                                            .clock = rs_clock_system()};
    double redis_before = redis_cpu_s(&config);
    if (rs_redis_sink_new(&options, &sink, &error) != 0) {
        fprintf(stderr, "sink_bench: %s\n", error.text);
        return 2;
    }
    rs_redis_sink_cluster(sink, "bench");
    b.table = rs_redis_sink_table(sink);
    double cpu_before = cpu_s();
    int64_t begun_us = rs_clock_mono(options.clock);
    write_views(&b);
    double wall = (double)(rs_clock_mono(options.clock) - begun_us) / 1e6;
    double cpu = cpu_s() - cpu_before;
    double redis_cpu = redis_cpu_s(&config) - redis_before;
    double views = (double)b.views;
    struct rs_redis_status status;
    rs_redis_sink_status(sink, &status);
    printf("views %" PRIu64
           "  views/s %.0f  our CPU %.2f us/view  Redis CPU %.2f us/view  call %.2f ms  %.0f bytes/view\n",
           b.views, views / wall, cpu / views * 1e6, redis_cpu / views * 1e6,
           (double)status.round_trip_sum_us / (double)status.round_trip_count / 1e3,
           (double)status.bytes / views);
    while (b.idle) {
        struct rs_view_batch *batch = b.idle;
        b.idle = batch->next;
        rs_view_batch_free(&batch);
    }
    rs_redis_sink_free(&sink);
    return status.views == b.views ? 0 : 2;
}
