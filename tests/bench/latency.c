/* latency: from publishing an event to its group's values being visible in Redis, and beside it to the same
 * event in the hands of a bare consumer.
 * Publishes trades at a fixed rate, each to another of so many groups that a group comes again only after two
 * seconds. One thread listens to the aggregate's updates channel, where a group's name appears in the same
 * transaction that wrote its values; another reads the topic with the settings rollstatd fetches with and
 * does nothing but note the time. Both see every event, so what else happens on the machine meets both.
 * Usage: latency BOOTSTRAP TOPIC PARTITIONS REDIS_PORT CHANNEL RATE SECONDS [MASK MASK]: the processors of
 * publisher and listener (a dashboard is elsewhere, as a rule), and of the bare consumer, as taskset has
 * them. Prints three lines "events p50_us p99_us p99.9_us max_us": visible in Redis, read by the bare
 * consumer, and how much later the former was than the latter, event by event. */
#include <errno.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib/avro_long.h"

#define WARM_UP_S     5  /* at least: the broker's JVM compiles meanwhile */
#define WARM_UP_MAX_S 60 /* and until both readers are at most so far behind: */
#define NEAR_MS       50
#define LOOK_MS       200
#define BATCH         1024

/* As ingest/kafka/source.c has them; what only newer versions know may be refused. */
static const char *const fetching[][2] = {
    {"group.id", "latency-bare"},           {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},  {"fetch.wait.max.ms", "100"},
    {"fetch.message.max.bytes", "1048576"}, {"fetch.max.bytes", "1048576"},
    {"queued.min.messages", "4000"},        {"queued.max.messages.kbytes", "4096"},
    {"socket.nagle.disable", "true"},       {"fetch.queue.backoff.ms", "10"},
};

/* The arrays are indexed by the number of the event. What is 0 did not happen. */
struct bench {
    const char *bootstrap, *topic, *channel;
    int redis_port, partitions;
    uint64_t client_cpus, reader_cpus; /* masks; 0: any */
    int64_t rate, seconds, groups;
    int64_t first, end; /* of the events that are measured */
    int64_t room;       /* for events */
    _Atomic int64_t shown_to, read_to;
    _Atomic int64_t *newest; /* 1 + number of the newest event of each group; 0: it was seen */
    int64_t *sent_us, *shown_us, *read_us;
    redisContext *redis;
    rd_kafka_t *consumer;
    rd_kafka_queue_t *queue;
    int wake;
    atomic_bool stop;
};

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

/* Threads that this one starts, librdkafka's too, inherit it. */
static void move_to(uint64_t mask)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    for (size_t cpu = 0; cpu < 64; cpu++) {
        if (mask >> cpu & 1) {
            CPU_SET(cpu, &set);
        }
    }
    if (mask != 0 && sched_setaffinity(0, sizeof set, &set) != 0) {
        perror("latency: processors");
    }
}

/* ---- Redis ---- */

static void shown(struct bench *bench, const char *name, int64_t at_us)
{
    int64_t group = strtoll(name + 1, NULL, 10);
    if (name[0] != 'G' || group < 0 || group >= bench->groups) {
        return;
    }
    int64_t event = atomic_exchange(&bench->newest[group], 0);
    if (event != 0) {
        bench->shown_us[event - 1] = at_us;
        atomic_store_explicit(&bench->shown_to, event, memory_order_relaxed);
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
    return ok && redisSetTimeout(bench->redis, (struct timeval){.tv_usec = LOOK_MS * 1000L}) == REDIS_OK;
}

static void *listen_to(void *opaque)
{
    struct bench *bench = opaque;
    move_to(bench->client_cpus);
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
            shown(bench, reply->element[2]->str, now_us());
        }
        freeReplyObject(reply);
    }
    return NULL;
}

/* ---- the bare consumer ---- */

/* All partitions forwarded into one queue that wakes by a descriptor, as a worker of rollstatd has them. */
static bool assign(struct bench *bench)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(bench->partitions);
    bench->queue = rd_kafka_queue_new(bench->consumer);
    for (int p = 0; p < bench->partitions; p++) {
        rd_kafka_topic_partition_list_add(list, bench->topic, p)->offset = RD_KAFKA_OFFSET_BEGINNING;
        rd_kafka_queue_t *own = rd_kafka_queue_get_partition(bench->consumer, bench->topic, p);
        rd_kafka_queue_forward(own, bench->queue);
        rd_kafka_queue_destroy(own);
    }
    rd_kafka_queue_io_event_enable(bench->queue, bench->wake, &(uint64_t){1}, sizeof(uint64_t));
    rd_kafka_resp_err_t err = rd_kafka_assign(bench->consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
    return err == RD_KAFKA_RESP_ERR_NO_ERROR;
}

static bool open_consumer(struct bench *bench)
{
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    bench->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    bool ok = bench->wake >= 0 && rd_kafka_conf_set(conf, "bootstrap.servers", bench->bootstrap, text,
                                                    sizeof text) == RD_KAFKA_CONF_OK;
    for (size_t i = 0; ok && i < sizeof fetching / sizeof fetching[0]; i++) {
        ok = rd_kafka_conf_set(conf, fetching[i][0], fetching[i][1], text, sizeof text) !=
             RD_KAFKA_CONF_INVALID;
    }
    bench->consumer = ok ? rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text) : NULL;
    if (!bench->consumer) {
        rd_kafka_conf_destroy(conf);
        return false;
    }
    return assign(bench);
}

/* The event's number stands where put_trade wrote it: a byte of length, then 't'. */
static void note_read(struct bench *bench, const rd_kafka_message_t *message, int64_t at_us)
{
    const char *text = message->payload;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR || message->len < 3 || text[1] != 't') {
        return;
    }
    int64_t event = 0;
    for (size_t i = 2; i < message->len && text[i] >= '0' && text[i] <= '9'; i++) {
        event = event * 10 + (text[i] - '0');
    }
    if (event < bench->room) {
        bench->read_us[event] = at_us;
        atomic_store_explicit(&bench->read_to, event + 1, memory_order_relaxed);
    }
}

static void *read_topic(void *opaque)
{
    struct bench *bench = opaque;
    static rd_kafka_message_t *batch[BATCH];
    move_to(bench->reader_cpus);
    while (!atomic_load(&bench->stop)) {
        uint64_t wakes = 0;
        struct pollfd fd = {.fd = bench->wake, .events = POLLIN};
        (void)poll(&fd, 1, LOOK_MS);
        (void)!read(bench->wake, &wakes, sizeof wakes);
        ssize_t count = 0;
        while ((count = rd_kafka_consume_batch_queue(bench->queue, 0, batch, BATCH)) > 0) {
            int64_t at_us = now_us();
            for (ssize_t i = 0; i < count; i++) {
                note_read(bench, batch[i], at_us);
                rd_kafka_message_destroy(batch[i]);
            }
        }
    }
    return NULL;
}

/* ---- publishing ---- */

static size_t put_bytes(uint8_t *out, const void *bytes, size_t count)
{
    size_t size = bytes_long(out, (int64_t)count);
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
    p += bytes_long(p, 0); /* side */
    p += bytes_long(p, 0); /* status */
    p += put_bytes(p, price, sizeof price);
    p += put_bytes(p, price, sizeof price);
    p += put_text(p, "CNY");
    p += bytes_long(p, 0); /* buyer */
    p += bytes_long(p, 0); /* seller */
    p += bytes_long(p, wall.tv_sec * INT64_C(1000000) + wall.tv_nsec / 1000);
    p += bytes_long(p, 0); /* published_at */
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

static void publish_one(struct bench *bench, rd_kafka_t *rk, int64_t n)
{
    uint8_t message[256];
    char product[32];
    int64_t group = n % bench->groups;
    snprintf(product, sizeof product, "G%" PRId64, group);
    size_t size = put_trade(message, product, n);
    bench->sent_us[n] = now_us();
    atomic_store(&bench->newest[group], n + 1);
    rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(bench->topic), RD_KAFKA_V_KEY(product, strlen(product)),
                      RD_KAFKA_V_VALUE(message, size), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                      RD_KAFKA_V_END);
    rd_kafka_poll(rk, 0);
}

/* Both have read what came while they were starting. */
static bool warm(struct bench *bench, int64_t n)
{
    int64_t near = n - bench->rate * NEAR_MS / 1000 - 1;
    return n >= bench->rate * WARM_UP_MAX_S ||
           (n >= bench->rate * WARM_UP_S && atomic_load(&bench->shown_to) >= near &&
            atomic_load(&bench->read_to) >= near);
}

static void publish(struct bench *bench, rd_kafka_t *rk)
{
    int64_t began = now_us();
    for (int64_t n = 0; bench->first == 0 || n < bench->end; n++) {
        wait_until(began + n * 1000000 / bench->rate);
        if (bench->first == 0 && warm(bench, n)) {
            bench->first = n;
            bench->end = n + bench->rate * bench->seconds;
        }
        publish_one(bench, rk, n);
    }
    rd_kafka_flush(rk, 10000);
}

/* ---- what came of it ---- */

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Of the events that have both times. */
static void report(const struct bench *bench, const int64_t *from_us, const int64_t *to_us)
{
    int64_t *delays = malloc((size_t)bench->room * sizeof *delays);
    size_t n = 0;
    for (int64_t i = bench->first; delays && i < bench->end; i++) {
        if (from_us[i] != 0 && to_us[i] != 0) {
            delays[n++] = to_us[i] - from_us[i];
        }
    }
    if (n > 0) {
        qsort(delays, n, sizeof *delays, by_size);
        printf("%zu %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n", n, delays[n / 2],
               delays[n * 99 / 100], delays[n * 999 / 1000], delays[n - 1]);
    } else {
        puts("0 0 0 0 0");
    }
    free(delays);
}

static bool run(struct bench *bench)
{
    pthread_t listener, reader;
    move_to(bench->reader_cpus);
    bool ok =
        open_consumer(bench) && subscribe(bench) && pthread_create(&listener, NULL, listen_to, bench) == 0;
    if (!ok) {
        return false;
    }
    ok = pthread_create(&reader, NULL, read_topic, bench) == 0;
    move_to(bench->client_cpus);
    rd_kafka_t *producer = ok ? producer_new(bench->bootstrap) : NULL;
    if (producer) {
        publish(bench, producer);
        wait_until(now_us() + 1500000);
        rd_kafka_destroy(producer);
    }
    atomic_store(&bench->stop, true);
    pthread_join(listener, NULL);
    if (ok) {
        pthread_join(reader, NULL);
    }
    return producer != NULL;
}

static void close_all(struct bench *bench)
{
    if (bench->redis) {
        redisFree(bench->redis);
    }
    if (bench->queue) {
        rd_kafka_queue_destroy(bench->queue);
    }
    if (bench->consumer) {
        rd_kafka_consumer_close(bench->consumer);
        rd_kafka_destroy(bench->consumer);
    }
    free(bench->newest);
    free(bench->sent_us);
    free(bench->shown_us);
    free(bench->read_us);
}

int main(int argc, char **argv)
{
    if (argc != 8 && argc != 10) {
        fputs("usage: latency BOOTSTRAP TOPIC PARTITIONS REDIS_PORT CHANNEL RATE SECONDS [MASK MASK]\n",
              stderr);
        return 1;
    }
    struct bench bench = {.bootstrap = argv[1],
                          .topic = argv[2],
                          .partitions = (int)strtol(argv[3], NULL, 10),
                          .redis_port = (int)strtol(argv[4], NULL, 10),
                          .channel = argv[5],
                          .rate = strtoll(argv[6], NULL, 10),
                          .client_cpus = argc > 8 ? strtoull(argv[8], NULL, 16) : 0,
                          .reader_cpus = argc > 8 ? strtoull(argv[9], NULL, 16) : 0};
    bench.seconds = strtoll(argv[7], NULL, 10);
    bench.room = bench.rate * (WARM_UP_MAX_S + bench.seconds);
    bench.groups = bench.rate * 2;
    bench.newest = calloc((size_t)bench.groups, sizeof *bench.newest);
    bench.sent_us = calloc((size_t)bench.room, sizeof *bench.sent_us);
    bench.shown_us = calloc((size_t)bench.room, sizeof *bench.shown_us);
    bench.read_us = calloc((size_t)bench.room, sizeof *bench.read_us);
    bool ok = bench.newest && bench.sent_us && bench.shown_us && bench.read_us && run(&bench);
    if (ok) {
        report(&bench, bench.sent_us, bench.shown_us);
        report(&bench, bench.sent_us, bench.read_us);
        report(&bench, bench.read_us, bench.shown_us);
    } else {
        fputs("latency: cannot start: no memory, no broker's address or no Redis\n", stderr);
    }
    close_all(&bench);
    return ok ? 0 : 2;
}
