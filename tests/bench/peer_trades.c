/* peer_trades: the topic on which tests/bench/peers compares rollstat with others, and the exact result.
 *
 *   peer_trades BOOTSTRAP TOPIC COUNT EXPECTED           a backlog of COUNT trades over half an hour of event time
 *   peer_trades BOOTSTRAP TOPIC COUNT SENT RATE GROUPS   COUNT trades from now on, RATE a second, over so many groups
 *
 * A trade is bare Avro of peer_services/trade.avsc, 71 bytes, 43 of them its id; its key is the product. With "-" for
 * BOOTSTRAP nothing is produced: the records are written in hex to standard output instead.
 *
 * The backlog is the same for the same COUNT. Its 10,000 groups (exchange, product) are drawn by Zipf's law with
 * exponent 0.8. Of eight trades one is up to 5 s behind its place in event time, the others up to 0.2 s. EXPECTED
 * gets a line a group with what its newest window of one minute holds: exchange, product, start of the window in ms,
 * count, volume, lowest and highest price in cents, and the sum of price × quantity as an integer in units of 2^-52.
 * The price on the wire is the double nearest to a whole number of cents. From 1 to below 1,024 every double is a
 * multiple of 2^-52, so the integer is exact, whatever the order: below 2^62 × 1,000 × COUNT, which 128 bits hold.
 *
 * The second form prices trade n at n + 1 and goes through the groups in turn, so that a group's highest price tells
 * which of its trades are in. SENT gets a line a trade with the time at which it was handed over, in µs since 1970. */
#include <errno.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/number.h"
#include "tests/lib/avro_long.h"

#define GROUPS         10000
#define PER_EXCHANGE   1000
#define FIRST_MS       INT64_C(1700000040000) /* a whole minute */
#define SPAN_MS        (INT64_C(30) * 60 * 1000)
#define WINDOW_MS      INT64_C(60000)
#define LEAST_CENTS    100
#define MOST_CENTS     99999
#define FRACTION_BITS  52
#define FLUSH_LIMIT_MS 60000
#define TRADE_MAX      128

struct newest {
    int64_t window_ms, count, volume, low_cents, high_cents;
    rs_u128 price_times_quantity;
};

struct trade {
    int64_t number, group, time_ms, quantity, side;
    double price;
};

static uint64_t random_state = UINT64_C(88172645463325252);
static uint64_t cumulated[GROUPS]; /* Zipf's weights, summed up, in units of 2^-32 */
static int64_t shuffled[GROUPS];
static int64_t cents[GROUPS];
static struct newest newest[GROUPS];

/* xorshift64*: S. Vigna, "An experimental exploration of Marsaglia's xorshift generators", 2016. */
static uint64_t draw(uint64_t bound)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (random_state * UINT64_C(2685821657736338717) >> 11) % bound;
}

/* ---- records ---- */

static size_t put_text(uint8_t *out, const char *text)
{
    size_t count = strlen(text);
    size_t size = bytes_long(out, (int64_t)count);
    memcpy(out + size, text, count);
    return size + count;
}

static size_t put_double(uint8_t *out, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    for (size_t i = 0; i < sizeof bits; i++) {
        out[i] = (uint8_t)(bits >> (8 * i));
    }
    return sizeof bits;
}

static size_t encode(uint8_t *out, const struct trade *trade, const char *product)
{
    char id[80];
    char exchange[16];
    uint8_t *p = out;
    snprintf(exchange, sizeof exchange, "X%02d", (int)(trade->group / PER_EXCHANGE));
    snprintf(id, sizeof id, "trade/%s/%s/%027" PRId64, exchange, product, trade->number);
    p += put_text(p, id);
    p += put_text(p, exchange);
    p += put_text(p, product);
    p += bytes_long(p, trade->time_ms);
    p += put_double(p, trade->price);
    p += bytes_long(p, trade->quantity);
    p += bytes_long(p, trade->side);
    return (size_t)(p - out);
}

/* ---- Kafka ---- */

static const char *const settings[][2] = {
    {"enable.idempotence",
     "true"}, /* what is sent again keeps its place: else the disorder is not what was drawn */
    {"linger.ms", "50"},
    {"batch.num.messages", "10000"},
    {"queue.buffering.max.messages", "1000000"},
    {"partitioner", "murmur2_random"}, /* as Java's clients do it, on whose partitions Kafka Streams relies */
    {"compression.type", "none"},
};

/* NULL: said why. */
static rd_kafka_t *producer_new(const char *bootstrap, bool paced)
{
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    bool ok = rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, text, sizeof text) == RD_KAFKA_CONF_OK;
    for (size_t i = 0; ok && i < sizeof settings / sizeof settings[0]; i++) {
        ok = rd_kafka_conf_set(conf, settings[i][0], settings[i][1], text, sizeof text) == RD_KAFKA_CONF_OK;
    }
    ok = ok && (!paced || rd_kafka_conf_set(conf, "linger.ms", "1", text, sizeof text) == RD_KAFKA_CONF_OK);
    rd_kafka_t *rk = ok ? rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text) : NULL;
    if (!rk) {
        fprintf(stderr, "peer_trades: %s\n", text);
        rd_kafka_conf_destroy(conf);
    }
    return rk;
}

/* Without a producer the record goes to standard output. */
static bool produce(rd_kafka_t *rk, const char *topic, const struct trade *trade)
{
    uint8_t record[TRADE_MAX];
    char product[16];
    snprintf(product, sizeof product, "P%04d", (int)(trade->group % PER_EXCHANGE));
    size_t size = encode(record, trade, product);
    if (!rk) {
        for (size_t i = 0; i < size; i++) {
            printf("%02x", record[i]);
        }
        return putchar('\n') != EOF;
    }
    rd_kafka_resp_err_t error;
    do {
        error = rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_KEY(product, strlen(product)),
                                  RD_KAFKA_V_VALUE(record, size), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                  RD_KAFKA_V_END);
        rd_kafka_poll(rk, error == RD_KAFKA_RESP_ERR__QUEUE_FULL ? 20 : 0);
    } while (error == RD_KAFKA_RESP_ERR__QUEUE_FULL);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        fprintf(stderr, "peer_trades: %s: %s\n", topic, rd_kafka_err2str(error));
    }
    return error == RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* ---- the backlog ---- */

static void prepare(void)
{
    double sum = 0;
    for (int64_t i = 0; i < GROUPS; i++) {
        sum += pow((double)(i + 1), -0.8);
        cumulated[i] = (uint64_t)ldexp(sum, 32);
        shuffled[i] = i;
    }
    /* Fisher and Yates: without it all the busy groups were of one exchange. */
    for (int64_t i = GROUPS - 1; i > 0; i--) {
        int64_t other = (int64_t)draw((uint64_t)i + 1);
        int64_t kept = shuffled[i];
        shuffled[i] = shuffled[other];
        shuffled[other] = kept;
    }
    for (size_t i = 0; i < GROUPS; i++) {
        cents[i] = 1000 + (int64_t)draw(49000);
        newest[i].window_ms = -1;
    }
}

static int64_t draw_group(void)
{
    uint64_t point = draw(cumulated[GROUPS - 1]);
    size_t low = 0;
    size_t high = GROUPS - 1;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (cumulated[middle] <= point) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return shuffled[low];
}

static struct trade draw_trade(int64_t number, int64_t count)
{
    struct trade trade = {.number = number, .group = draw_group()};
    int64_t behind = (int64_t)(draw(8) == 0 ? draw(5000) : draw(200));
    trade.time_ms = FIRST_MS + (number * SPAN_MS / count > behind ? number * SPAN_MS / count - behind : 0);
    int64_t *price = &cents[trade.group];
    *price += (int64_t)draw(21) - 10;
    *price = *price < LEAST_CENTS ? LEAST_CENTS : *price > MOST_CENTS ? MOST_CENTS : *price;
    trade.price = (double)*price / 100;
    trade.quantity = 1 + (int64_t)draw(1000);
    trade.side = (int64_t)draw(2);
    return trade;
}

static void expect(const struct trade *trade)
{
    struct newest *n = &newest[trade->group];
    int64_t window_ms = trade->time_ms / WINDOW_MS * WINDOW_MS;
    int64_t price = cents[trade->group];
    if (window_ms > n->window_ms) {
        *n = (struct newest){.window_ms = window_ms, .low_cents = price, .high_cents = price};
    }
    if (window_ms == n->window_ms) {
        n->count++;
        n->volume += trade->quantity;
        n->low_cents = price < n->low_cents ? price : n->low_cents;
        n->high_cents = price > n->high_cents ? price : n->high_cents;
        n->price_times_quantity += (rs_u128)ldexp(trade->price, FRACTION_BITS) * (rs_u128)trade->quantity;
    }
}

static bool write_expected(FILE *file)
{
    bool ok = true;
    for (int i = 0; i < GROUPS; i++) {
        const struct newest *n = &newest[i];
        ok = ok && (n->window_ms < 0 ||
                    fprintf(file,
                            "X%02d\tP%04d\t%" PRId64 "\t%" PRId64 "\t%" PRId64 "\t%" PRId64 "\t%" PRId64
                            "\t%016" PRIx64 "%016" PRIx64 "\n",
                            i / PER_EXCHANGE, i % PER_EXCHANGE, n->window_ms, n->count, n->volume,
                            n->low_cents, n->high_cents, (uint64_t)(n->price_times_quantity >> 64),
                            (uint64_t)n->price_times_quantity) > 0);
    }
    return ok;
}

static bool backlog(rd_kafka_t *rk, const char *topic, int64_t count, FILE *file)
{
    prepare();
    for (int64_t i = 0; i < count; i++) {
        struct trade trade = draw_trade(i, count);
        expect(&trade);
        if (!produce(rk, topic, &trade)) {
            return false;
        }
    }
    return write_expected(file);
}

/* ---- a steady rate ---- */

static int64_t now_us(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static bool steady(rd_kafka_t *rk, const char *topic, int64_t count, FILE *file, int64_t rate, int64_t groups)
{
    int64_t began_us = now_us(CLOCK_MONOTONIC);
    for (int64_t i = 0; i < count; i++) {
        int64_t left_us = began_us + i * 1000000 / rate - now_us(CLOCK_MONOTONIC);
        if (left_us > 0) {
            nanosleep(&(struct timespec){.tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000},
                      NULL);
        }
        int64_t sent_us = now_us(CLOCK_REALTIME);
        struct trade trade = {.number = i,
                              .group = i % groups,
                              .time_ms = sent_us / 1000,
                              .quantity = 1,
                              .price = (double)(i + 1)};
        if (!produce(rk, topic, &trade) || fprintf(file, "%" PRId64 "\n", sent_us) < 0) {
            return false;
        }
    }
    return true;
}

static int usage(void)
{
    fputs("usage: peer_trades BOOTSTRAP TOPIC COUNT EXPECTED\n"
          "       peer_trades BOOTSTRAP TOPIC COUNT SENT RATE GROUPS\n",
          stderr);
    return 2;
}

int main(int argc, char **argv)
{
    bool paced = argc == 7;
    int64_t count = argc > 3 ? strtoll(argv[3], NULL, 10) : 0;
    int64_t rate = paced ? strtoll(argv[5], NULL, 10) : 1;
    int64_t groups = paced ? strtoll(argv[6], NULL, 10) : 1;
    if ((argc != 5 && !paced) || count < 1 || rate < 1 || groups < 1 || groups > GROUPS) {
        return usage();
    }
    FILE *file = fopen(argv[4], "w");
    if (!file) {
        fprintf(stderr, "peer_trades: %s: %s\n", argv[4], strerror(errno));
        return 1;
    }
    bool dry = strcmp(argv[1], "-") == 0;
    rd_kafka_t *rk = dry ? NULL : producer_new(argv[1], paced);
    bool ok = dry || rk;
    ok = ok && (paced ? steady(rk, argv[2], count, file, rate, groups) : backlog(rk, argv[2], count, file));
    if (rk) {
        if (rd_kafka_flush(rk, FLUSH_LIMIT_MS) != RD_KAFKA_RESP_ERR_NO_ERROR) {
            fputs("peer_trades: the broker did not take all in time\n", stderr);
            ok = false;
        }
        rd_kafka_destroy(rk);
    }
    if (fclose(file) != 0) {
        fprintf(stderr, "peer_trades: %s: %s\n", argv[4], strerror(errno));
        ok = false;
    }
    return ok ? 0 : 1;
}
