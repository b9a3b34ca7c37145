/* latency: from publishing an event to its group's values being visible in Redis.
 * Publishes trades at a fixed rate, each to another of so many groups that a group comes again only after two
 * seconds, and listens to the aggregate's updates channel, where a group's name appears in the same script
 * that wrote its values. Usage: latency BOOTSTRAP TOPIC REDIS_PORT CHANNEL RATE SECONDS. Prints "events
 * p50_us p90_us p99_us max_us". */
#include <errno.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WARM_UP_S 5 /* the broker's JVM compiles meanwhile */

struct bench {
    const char *bootstrap, *topic, *channel;
    int redis_port;
    int64_t rate, total, warm_up, groups;
    _Atomic int64_t *sent_us; /* of the newest event of each group; 0: answered */
    int64_t *latencies_us;
    int64_t seen;
    redisContext *redis;
    atomic_bool stop;
};

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

/* ---- listening ---- */

static void take(struct bench *bench, const char *name, int64_t at_us)
{
    int64_t group = strtoll(name + 1, NULL, 10);
    if (name[0] != 'G' || group < 0 || group >= bench->groups) {
        return;
    }
    int64_t sent = atomic_exchange(&bench->sent_us[group], 0);
    if (sent != 0 && bench->seen < bench->total) {
        bench->latencies_us[bench->seen++] = at_us - sent;
    }
}

static bool subscribe(struct bench *bench)
{
    bench->redis = redisConnect("127.0.0.1", bench->redis_port);
    if (!bench->redis || bench->redis->err != 0) {
        return false;
    }
    redisReply *reply = redisCommand(bench->redis, "SUBSCRIBE %s", bench->channel);
    bool ok = reply && reply->type == REDIS_REPLY_ARRAY;
    freeReplyObject(reply);
    /* So that the listener looks at `stop` now and then. */
    return ok && redisSetTimeout(bench->redis, (struct timeval){.tv_usec = 200000}) == REDIS_OK;
}

static void *listen_to(void *opaque)
{
    struct bench *bench = opaque;
    while (!atomic_load(&bench->stop)) {
        redisReply *reply = NULL;
        if (redisGetReply(bench->redis, (void **)&reply) != REDIS_OK) {
            if (bench->redis->err != REDIS_ERR_IO || errno != EAGAIN) {
                break;
            }
            bench->redis->err = 0;
            continue;
        }
        if (reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 3 &&
            reply->element[2]->type == REDIS_REPLY_STRING) {
            take(bench, reply->element[2]->str, now_us());
        }
        freeReplyObject(reply);
    }
    return NULL;
}

/* ---- publishing ---- */

static size_t put_long(uint8_t *out, int64_t value)
{
    uint64_t bits = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
    size_t size = 0;
    for (; bits > 0x7f; bits >>= 7) {
        out[size++] = (uint8_t)(bits | 0x80);
    }
    out[size++] = (uint8_t)bits;
    return size;
}

static size_t put_bytes(uint8_t *out, const void *bytes, size_t count)
{
    size_t size = put_long(out, (int64_t)count);
    memcpy(out + size, bytes, count);
    return size + count;
}

static size_t put_text(uint8_t *out, const char *text)
{
    return put_bytes(out, text, strlen(text));
}

/* A trade as schemas/trade.avsc has it. */
static size_t put_trade(uint8_t *out, const char *product, int64_t number)
{
    char id[32];
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    uint8_t price[4] = {0x3b, 0x9a, 0xca, (uint8_t)number};
    uint8_t *p = out;
    snprintf(id, sizeof id, "t%" PRId64, number);
    p += put_text(p, id);
    p += put_text(p, "XA");
    p += put_text(p, product);
    p += put_text(p, "");
    p += put_long(p, 0); /* side */
    p += put_long(p, 0); /* status */
    p += put_bytes(p, price, sizeof price);
    p += put_bytes(p, price, sizeof price);
    p += put_text(p, "CNY");
    p += put_long(p, 0); /* buyer */
    p += put_long(p, 0); /* seller */
    p += put_long(p, wall.tv_sec * INT64_C(1000000) + wall.tv_nsec / 1000);
    p += put_long(p, 0); /* published_at */
    return (size_t)(p - out);
}

static rd_kafka_t *producer_new(const char *bootstrap)
{
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, text, sizeof text) != RD_KAFKA_CONF_OK ||
        rd_kafka_conf_set(conf, "linger.ms", "1", text, sizeof text) != RD_KAFKA_CONF_OK) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    return rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
}

static void wait_until(int64_t when_us)
{
    int64_t left = when_us - now_us();
    if (left > 0) {
        nanosleep(&(struct timespec){.tv_sec = left / 1000000, .tv_nsec = left % 1000000 * 1000}, NULL);
    }
}

static void publish(struct bench *bench, rd_kafka_t *rk)
{
    int64_t began = now_us();
    for (int64_t n = 0; n < bench->warm_up + bench->total; n++) {
        uint8_t message[256];
        char product[32];
        wait_until(began + n * 1000000 / bench->rate);
        int64_t group = n % bench->groups;
        snprintf(product, sizeof product, "G%" PRId64, group);
        size_t size = put_trade(message, product, n);
        if (n >= bench->warm_up) {
            atomic_store(&bench->sent_us[group], now_us());
        }
        rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(bench->topic), RD_KAFKA_V_KEY(product, strlen(product)),
                          RD_KAFKA_V_VALUE(message, size), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                          RD_KAFKA_V_END);
        rd_kafka_poll(rk, 0);
    }
    rd_kafka_flush(rk, 10000);
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void report(struct bench *bench)
{
    int64_t *l = bench->latencies_us;
    int64_t n = bench->seen;
    qsort(l, (size_t)n, sizeof *l, by_size);
    printf("%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n", n, n > 0 ? l[n / 2] : 0,
           n > 0 ? l[n * 9 / 10] : 0, n > 0 ? l[n * 99 / 100] : 0, n > 0 ? l[n - 1] : 0);
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        fputs("usage: latency BOOTSTRAP TOPIC REDIS_PORT CHANNEL RATE SECONDS\n", stderr);
        return 1;
    }
    struct bench bench = {.bootstrap = argv[1],
                          .topic = argv[2],
                          .channel = argv[4],
                          .redis_port = (int)strtol(argv[3], NULL, 10),
                          .rate = strtoll(argv[5], NULL, 10)};
    bench.total = bench.rate * strtoll(argv[6], NULL, 10);
    bench.warm_up = bench.rate * WARM_UP_S;
    bench.groups = bench.rate * 2;
    bench.sent_us = calloc((size_t)bench.groups, sizeof *bench.sent_us);
    bench.latencies_us = calloc((size_t)bench.total, sizeof *bench.latencies_us);
    rd_kafka_t *rk = producer_new(bench.bootstrap);
    pthread_t listener;
    bool ok = bench.sent_us && bench.latencies_us && rk && subscribe(&bench) &&
              pthread_create(&listener, NULL, listen_to, &bench) == 0;
    if (ok) {
        publish(&bench, rk);
        wait_until(now_us() + 1500000);
        atomic_store(&bench.stop, true);
        pthread_join(listener, NULL);
        report(&bench);
    } else {
        fputs("latency: cannot start: no memory, no broker's address or no Redis\n", stderr);
    }
    if (bench.redis) {
        redisFree(bench.redis);
    }
    if (rk) {
        rd_kafka_destroy(rk);
    }
    free(bench.sent_us);
    free(bench.latencies_us);
    return ok ? 0 : 2;
}
