/* bare_consumer: the floor of the pipeline bench. Reads a topic with librdkafka's batch interface, with the heaps
 * and the fetch settings of rollstatd (transform/daemon/main.c, ingest/kafka/source.c), and does nothing with
 * the records but count them and their bytes. Usage: bare_consumer BOOTSTRAP TOPIC PARTITIONS COUNT. Prints
 * "messages bytes user_us system_us wall_us". */
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define BATCH 1024

static const char *const settings[][2] = {
    {"group.id", "bare-consumer"},
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"auto.offset.reset", "earliest"},
    {"fetch.wait.max.ms", "100"},
    {"fetch.error.backoff.ms", "50"},
    {"fetch.message.max.bytes", "1048576"},
    {"fetch.max.bytes", "1048576"},
    {"socket.nagle.disable", "true"},
    /* The one difference: past a threshold librdkafka waits a second, which rollstatd cuts short by asking the
     * broker (ingest/kafka/control.c). */
    {"queued.min.messages", "1000000"},
    {"queued.max.messages.kbytes", "65536"},
};

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static int64_t time_us(struct timeval t)
{
    return t.tv_sec * INT64_C(1000000) + t.tv_usec;
}

static rd_kafka_t *consumer_new(const char *bootstrap)
{
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    bool ok = rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, text, sizeof text) == RD_KAFKA_CONF_OK;
    for (size_t i = 0; ok && i < sizeof settings / sizeof settings[0]; i++) {
        ok = rd_kafka_conf_set(conf, settings[i][0], settings[i][1], text, sizeof text) == RD_KAFKA_CONF_OK;
    }
    rd_kafka_t *rk = ok ? rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text) : NULL;
    if (!rk) {
        fprintf(stderr, "bare_consumer: %s\n", text);
        rd_kafka_conf_destroy(conf);
    }
    return rk;
}

/* All partitions forwarded into one queue, as a worker of rollstatd has them. */
static rd_kafka_queue_t *assign(rd_kafka_t *rk, const char *topic, int partitions)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
    for (int p = 0; p < partitions; p++) {
        rd_kafka_topic_partition_list_add(list, topic, p)->offset = RD_KAFKA_OFFSET_BEGINNING;
        rd_kafka_queue_t *own = rd_kafka_queue_get_partition(rk, topic, p);
        rd_kafka_queue_forward(own, queue);
        rd_kafka_queue_destroy(own);
    }
    rd_kafka_assign(rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return queue;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fputs("usage: bare_consumer BOOTSTRAP TOPIC PARTITIONS COUNT\n", stderr);
        return 1;
    }
    int64_t wanted = strtoll(argv[4], NULL, 10);
    int64_t messages = 0;
    int64_t bytes = 0;
    int64_t began = now_us();
    (void)mallopt(M_ARENA_MAX, 2);
    rd_kafka_t *rk = consumer_new(argv[1]);
    if (!rk) {
        return 2;
    }
    rd_kafka_queue_t *queue = assign(rk, argv[2], (int)strtol(argv[3], NULL, 10));
    static rd_kafka_message_t *batch[BATCH];
    while (messages < wanted) {
        ssize_t count = rd_kafka_consume_batch_queue(queue, 1000, batch, BATCH);
        for (ssize_t i = 0; i < count; i++) {
            messages += batch[i]->err == RD_KAFKA_RESP_ERR_NO_ERROR;
            bytes += (int64_t)batch[i]->len;
            rd_kafka_message_destroy(batch[i]);
        }
        rd_kafka_message_t *event = rd_kafka_consumer_poll(rk, 0);
        if (event) {
            rd_kafka_message_destroy(event);
        }
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n", messages, bytes,
           time_us(usage.ru_utime), time_us(usage.ru_stime), now_us() - began);
    rd_kafka_queue_destroy(queue);
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
    return 0;
}
