/* hostile_tool: a topic in which most trades are broken, each in its own way, and what has to become of it.
 *
 *   hostile_tool BOOTSTRAP fill TOPIC PARTITIONS COUNT EVERY     COUNT trades, of which every EVERY-th is right; prints what
 *                                                                the right ones are: product, number, sum of quantities
 *   hostile_tool BOOTSTRAP letters TOPIC PARTITIONS COUNT EVERY  whether TOPIC holds the dead letter of each broken one
 *                                                                once, with its reason, bytes and key; prints the counts
 *
 * Trades are bare Avro of schemas/trade.avsc. No two are alike. TOPIC is new, and nobody else writes to it, so that the
 * offset of a trade is known. Exit: 0 done, 1 usage, 2 the broker refused or is away, 3 the letters are not right. */
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/avro_long.h"

#define GROUPS      997
#define TRADE_MAX   256
#define FIRST_US    INT64_C(1700000000000000)
#define UNITS       INT64_C(1000000)
#define KINDS       10
#define PATIENCE_MS 60000

struct trade {
    uint8_t bytes[TRADE_MAX];
    size_t size;
    char product[16];
    int64_t quantity;
    const char *reason; /* NULL: it is right */
};

static const char *const reasons[KINDS] = {"truncated", "trailing_bytes", "enum_index",    "utf8",
                                           "length",    "union_index",    "decimal_range", "varint",
                                           "rule",      "time_range"};

/* ---- trades ---- */

static void put_long(struct trade *t, int64_t value)
{
    t->size += bytes_long(t->bytes + t->size, value);
}

static void put_bytes(struct trade *t, const void *bytes, size_t size)
{
    put_long(t, (int64_t)size);
    memcpy(t->bytes + t->size, bytes, size);
    t->size += size;
}

static void put_text(struct trade *t, const char *text)
{
    put_bytes(t, text, strlen(text));
}

static void put_decimal(struct trade *t, int64_t value)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)((uint64_t)value >> (8 * (7 - i)));
    }
    put_bytes(t, bytes, sizeof bytes);
}

static struct trade make(int64_t number, int64_t every)
{
    char id[32];
    struct trade t = {.quantity = 1 + number % 1000};
    int kind = number % every == 0 ? -1 : (int)(number % KINDS);
    t.reason = kind < 0 ? NULL : reasons[kind];
    snprintf(id, sizeof id, "trade-%012" PRId64, number);
    snprintf(t.product, sizeof t.product, "P%03d", (int)(number % GROUPS));
    put_text(&t, id);
    if (kind == 4) {
        put_long(&t, INT64_C(1) << 62); /* the next text is so long */
    }
    put_text(&t, kind == 3 ? "X\x80" : "XA");
    put_text(&t, t.product);
    put_text(&t, "dataset");
    put_long(&t, kind == 2 ? 99 : number % 3);
    put_long(&t, 0);
    put_decimal(&t, kind == 8 ? 0 : kind == 6 ? INT64_C(1000000000000000000) : 100 * UNITS + number);
    put_decimal(&t, t.quantity * UNITS);
    put_text(&t, "CNY");
    put_long(&t, kind == 5 ? 7 : 0);
    put_long(&t, 0);
    if (kind == 7) {
        memset(t.bytes + t.size, 0x80, 11);
        t.size += 11;
    }
    put_long(&t, kind == 9 ? INT64_MIN : FIRST_US + number);
    put_long(&t, 0);
    t.size -= kind == 0;
    if (kind == 1) {
        put_long(&t, 0);
    }
    return t;
}

static int32_t partition_of(int64_t number, int32_t partitions)
{
    return (int32_t)(number % GROUPS % partitions);
}

/* ---- Kafka ---- */

static const char *const settings[][2] = {
    {"enable.idempotence", "true"}, /* what is sent again keeps its place */
    {"linger.ms", "50"},
    {"batch.num.messages", "10000"},
    {"queue.buffering.max.messages", "200000"},
    {"group.id", "hostile-tool"},
    {"enable.auto.commit", "false"},
    {"auto.offset.reset", "earliest"},
    {"log_level", "3"},
};

static rd_kafka_t *client_new(rd_kafka_type_t type, const char *bootstrap)
{
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    bool ok = rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, text, sizeof text) == RD_KAFKA_CONF_OK;
    for (size_t i = 0; ok && i < sizeof settings / sizeof settings[0]; i++) {
        ok = rd_kafka_conf_set(conf, settings[i][0], settings[i][1], text, sizeof text) == RD_KAFKA_CONF_OK;
    }
    rd_kafka_t *rk = ok ? rd_kafka_new(type, conf, text, sizeof text) : NULL;
    if (!rk) {
        fprintf(stderr, "hostile_tool: %s\n", text);
        rd_kafka_conf_destroy(conf);
        _Exit(2);
    }
    return rk;
}

static void fill(const char *bootstrap, const char *topic, int32_t partitions, int64_t count, int64_t every)
{
    static int64_t numbers[GROUPS];
    static int64_t quantities[GROUPS];
    rd_kafka_t *rk = client_new(RD_KAFKA_PRODUCER, bootstrap);
    for (int64_t i = 0; i < count; i++) {
        struct trade t = make(i, every);
        rd_kafka_resp_err_t error;
        do {
            error = rd_kafka_producev(
                rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition_of(i, partitions)),
                RD_KAFKA_V_KEY(t.product, strlen(t.product)), RD_KAFKA_V_VALUE(t.bytes, t.size),
                RD_KAFKA_V_TIMESTAMP(FIRST_US / 1000), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                RD_KAFKA_V_END);
            rd_kafka_poll(rk, error == RD_KAFKA_RESP_ERR__QUEUE_FULL ? 20 : 0);
        } while (error == RD_KAFKA_RESP_ERR__QUEUE_FULL);
        if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
            fprintf(stderr, "hostile_tool: %s: %s\n", topic, rd_kafka_err2str(error));
            _Exit(2);
        }
        numbers[i % GROUPS] += !t.reason;
        quantities[i % GROUPS] += t.reason ? 0 : t.quantity;
    }
    if (rd_kafka_flush(rk, 10 * PATIENCE_MS) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        fprintf(stderr, "hostile_tool: the broker did not take all in time\n");
        _Exit(2);
    }
    rd_kafka_destroy(rk);
    for (int i = 0; i < GROUPS; i++) {
        if (numbers[i] > 0) {
            printf("P%03d %" PRId64 " %" PRId64 "\n", i, numbers[i], quantities[i]);
        }
    }
}

/* ---- letters ---- */

struct awaited {
    int64_t *number[64]; /* by partition and offset: the trade, -1 once its letter was seen */
    int64_t size[64];
    int64_t letters, twice, wrong, missing;
    int64_t every;
};

static void await_all(struct awaited *a, int32_t partitions, int64_t count)
{
    for (int32_t p = 0; p < partitions; p++) {
        a->number[p] = calloc((size_t)count + 1, sizeof *a->number[p]);
        if (!a->number[p]) {
            _Exit(2);
        }
    }
    for (int64_t i = 0; i < count; i++) {
        int32_t p = partition_of(i, partitions);
        a->number[p][a->size[p]++] = i;
        a->missing += i % a->every != 0;
    }
}

static bool header(const rd_kafka_headers_t *headers, const char *name, char *out, size_t room)
{
    const void *value;
    size_t size;
    if (rd_kafka_header_get_last(headers, name, &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        size >= room) {
        return false;
    }
    memcpy(out, value, size);
    out[size] = '\0';
    return true;
}

/* The trade that a letter says it is of; NULL: none that there is. */
static int64_t *trade_of(struct awaited *a, int32_t partitions, const rd_kafka_headers_t *headers)
{
    char partition[16];
    char offset[32];
    if (!header(headers, "rollstat.partition", partition, sizeof partition) ||
        !header(headers, "rollstat.offset", offset, sizeof offset)) {
        return NULL;
    }
    long p = strtol(partition, NULL, 10);
    long long o = strtoll(offset, NULL, 10);
    return p < 0 || p >= partitions || o < 0 || o >= a->size[p] ? NULL : &a->number[p][o];
}

static void look_at(struct awaited *a, int32_t partitions, const rd_kafka_message_t *message)
{
    char reason[64];
    rd_kafka_headers_t *headers = NULL;
    a->letters++;
    int64_t *number = rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR
                          ? trade_of(a, partitions, headers)
                          : NULL;
    if (!number || *number < 0) {
        a->twice += number ? 1 : 0;
        a->wrong += number ? 0 : 1;
        return;
    }
    struct trade t = make(*number, a->every);
    *number = -1;
    bool right = t.reason && header(headers, "rollstat.reason", reason, sizeof reason) &&
                 strcmp(reason, t.reason) == 0 && message->len == t.size &&
                 memcmp(message->payload, t.bytes, t.size) == 0 && message->key_len == strlen(t.product) &&
                 memcmp(message->key, t.product, message->key_len) == 0;
    if (!right) {
        fprintf(stderr, "hostile_tool: letter %" PRId64 " is not right\n", message->offset);
    }
    a->wrong += !right;
    a->missing -= right;
}

static rd_kafka_t *reader_new(const char *bootstrap, const char *topic, int32_t partitions, int64_t *left)
{
    rd_kafka_t *rk = client_new(RD_KAFKA_CONSUMER, bootstrap);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
    for (int32_t p = 0; p < partitions; p++) {
        int64_t low = 0;
        int64_t high = 0;
        rd_kafka_resp_err_t error = rd_kafka_query_watermark_offsets(rk, topic, p, &low, &high, PATIENCE_MS);
        if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
            fprintf(stderr, "hostile_tool: %s: %s\n", topic, rd_kafka_err2str(error));
            _Exit(2);
        }
        *left += high - low;
        rd_kafka_topic_partition_list_add(list, topic, p)->offset = low;
    }
    rd_kafka_assign(rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return rk;
}

static int letters(const char *bootstrap, const char *topic, int32_t partitions, int64_t count, int64_t every)
{
    static struct awaited a;
    int64_t left = 0;
    a.every = every;
    await_all(&a, partitions, count);
    rd_kafka_t *rk = reader_new(bootstrap, topic, partitions, &left);
    while (left > 0) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(rk, PATIENCE_MS);
        if (!message || message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            fprintf(stderr, "hostile_tool: %s: %s\n", topic,
                    message ? rd_kafka_err2str(message->err) : "nothing comes");
            _Exit(2);
        }
        look_at(&a, partitions, message);
        rd_kafka_message_destroy(message);
        left--;
    }
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
    printf("letters %" PRId64 " twice %" PRId64 " wrong %" PRId64 " missing %" PRId64 "\n", a.letters,
           a.twice, a.wrong, a.missing);
    for (int32_t p = 0; p < partitions; p++) {
        free(a.number[p]);
    }
    return a.twice == 0 && a.wrong == 0 && a.missing == 0 ? 0 : 3;
}

int main(int argc, char **argv)
{
    int32_t partitions = argc == 7 ? (int32_t)strtol(argv[4], NULL, 10) : 0;
    int64_t count = argc == 7 ? strtoll(argv[5], NULL, 10) : 0;
    int64_t every = argc == 7 ? strtoll(argv[6], NULL, 10) : 0;
    if (partitions < 1 || partitions > 64 || count < 1 || every < 1) {
        fprintf(stderr, "usage: hostile_tool BOOTSTRAP fill|letters TOPIC PARTITIONS COUNT EVERY\n");
        return 1;
    }
    if (strcmp(argv[2], "letters") == 0) {
        return letters(argv[1], argv[3], partitions, count, every);
    }
    fill(argv[1], argv[3], partitions, count, every);
    return 0;
}
