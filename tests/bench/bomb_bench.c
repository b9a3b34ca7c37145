/* What a rejected message costs beside an accepted one of its size: bombs in Avro and in JSON, and what is ordinarily
 * wrong. Through the engine, so the dead letter with its field and byte is in it, and up to the sink.
 *
 *   bomb_bench DIRECTORY [ROUNDS]
 *
 * DIRECTORY holds hostile.avsc. ROUNDS (40): the least of so many counts. With 0 each is applied once, by
 * bomb_measured, whose instructions callgrind counts: tests/golden/test_bombs.py judges by these. Prints a line for
 * each; exit 1: a bomb is not rejected with the reason it should be. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/config/config.h"
#include "schemas/stream.h"
#include "tests/lib/avro_long.h"
#include "tests/lib/cpu_clock.h"
#include "transform/partition/partition.h"

#define AT       INT64_C(1700000000000000)
#define BATCH    16
#define DEEP     50000
#define ITEMS    100000 /* of the budget */
#define KEY_TEXT "123e4567-e89b-12d3-a456-426614174000"

struct bench {
    struct rs_config *config;
    struct rs_streams *streams;
    struct rs_engine *engine;
    struct rs_partition *p[2]; /* Avro, JSON */
    struct rs_dead_letter_sink sink;
    enum rs_reason reason; /* of the last letter */
    uint64_t letters;
    int64_t offset[2];
    int rounds;
};

/* ---- Avro ---- */

static void put_long(struct rs_buf *out, int64_t value)
{
    uint8_t bytes[BYTES_LONG_MAX];
    rs_buf_put(out, bytes, bytes_long(bytes, value));
}

static void put_text(struct rs_buf *out, const char *text, size_t size)
{
    put_long(out, (int64_t)size);
    rs_buf_put(out, text, size);
}

static void put_many(struct rs_buf *out, const char *text, size_t count)
{
    char chunk[4096];
    size_t size = strlen(text);
    size_t most = sizeof chunk / size;
    for (size_t i = 0; i < most; i++) {
        memcpy(chunk + i * size, text, size);
    }
    for (; count > most; count -= most) {
        rs_buf_put(out, chunk, most * size);
    }
    rs_buf_put(out, chunk, count * size);
}

/* The fields up to the list, with a name of `name` bytes. */
static void avro_begin(struct rs_buf *out, size_t name)
{
    put_long(out, 1);
    put_long(out, AT);
    put_long(out, (int64_t)name);
    put_many(out, "n", name);
    rs_buf_put(out, "\x01\0\0\0\0\0\0\xf8\x3f", 9); /* flag, x */
    put_text(out, KEY_TEXT, strlen(KEY_TEXT));
}

static const char avro_rest[] = "\0\0\0\0" /* ends of list, map and nulls; tree */
                                "12345\0\0\1\0";

/* An ordinary message of `size` bytes: texts of a few bytes in its list. */
static void avro_good(struct rs_buf *out, size_t size)
{
    avro_begin(out, 1);
    size_t left = size - out->size - sizeof avro_rest - 4;
    size_t count = size > out->size + sizeof avro_rest + 24 ? left / 11 : 0;
    for (size_t i = 0; i < count; i++) {
        if (i % 1000 == 0) {
            put_long(out, (int64_t)(count - i < 1000 ? count - i : 1000));
        }
        put_text(out, "good texts", 10);
    }
    rs_buf_char(out, '\0');
    rs_buf_put(out, avro_rest + 1, sizeof avro_rest - 2);
}

static void avro_ends(struct rs_buf *out)
{
    rs_buf_put(out, avro_rest, sizeof avro_rest - 1);
}

static void avro_null_items(struct rs_buf *out, int what)
{
    avro_begin(out, 1);
    rs_buf_put(out, "\0\0", 2); /* list, map */
    if (what == 0) {
        put_long(out, INT64_C(1) << 62);
    } else {
        put_long(out, 60000);
        put_long(out, 60000);
    }
    avro_ends(out);
}

static void avro_block(struct rs_buf *out, int size)
{
    avro_begin(out, 1);
    put_long(out, -1);
    put_long(out, size);
    put_text(out, "text", 4);
    avro_ends(out);
}

static void avro_deep(struct rs_buf *out, int depth)
{
    avro_begin(out, 1);
    rs_buf_put(out, "\0\0\0", 3);
    put_many(out, "\x02", (size_t)depth);
    rs_buf_put(out, avro_rest + 3, sizeof avro_rest - 4);
}

static void avro_gibibyte(struct rs_buf *out, int what)
{
    (void)what;
    avro_begin(out, 1);
    put_long(out, 1);
    put_long(out, INT64_C(1) << 30);
    rs_buf_text(out, "12345");
}

/* Each with an empty key and a zero. */
static void avro_map(struct rs_buf *out, int entries)
{
    avro_begin(out, 1);
    rs_buf_char(out, '\0');
    put_long(out, entries);
    static const char empty[4000];
    for (int left = entries; left > 0; left -= 2000) {
        rs_buf_put(out, empty, 2 * (size_t)(left < 2000 ? left : 2000));
    }
    avro_ends(out);
}

static void avro_overlong(struct rs_buf *out, int what)
{
    (void)what;
    put_long(out, 1);
    put_many(out, "\x80", 100);
    avro_ends(out);
}

/* Blocks of one item each, so many that they are too many. */
static void avro_blocks(struct rs_buf *out, int blocks)
{
    avro_begin(out, 1);
    for (int i = 0; i < blocks; i++) {
        put_long(out, 1);
        rs_buf_char(out, '\0');
    }
    avro_ends(out);
}

/* An ordinary message with its last byte wrong: all has been read by then. */
static void avro_late(struct rs_buf *out, int size)
{
    avro_good(out, (size_t)size);
    rs_buf_char(out, '\0');
}

static void avro_text(struct rs_buf *out, int size)
{
    avro_begin(out, 1);
    put_long(out, 1);
    put_long(out, size);
    put_many(out, "t", (size_t)size - 1);
    rs_buf_char(out, (char)0xFF);
    avro_ends(out);
}

static void avro_rule(struct rs_buf *out, int size)
{
    avro_good(out, (size_t)size);
    out->data[out->size - 2] = 0x7f; /* amount: 327 at most */
}

/* ---- JSON ---- */

static void json_begin(struct rs_buf *out)
{
    rs_buf_printf(out,
                  "{\"at\":%lld,\"name\":\"n\",\"flag\":true,\"x\":1.5,\"key\":\"%s\","
                  "\"map\":{},\"nulls\":[],\"five\":\"12345\"",
                  (long long)AT, KEY_TEXT);
}

static const char json_rest[] = ",\"tree\":{},\"list\":[],\"amount\":2.56}";

static void json_good(struct rs_buf *out, size_t size)
{
    json_begin(out);
    rs_buf_text(out, ",\"tree\":{},\"amount\":2.56,\"list\":[\"\"");
    while (out->size + 15 < size) {
        rs_buf_text(out, ",\"good texts\"");
    }
    rs_buf_text(out, "]}");
}

static void json_deep(struct rs_buf *out, int what)
{
    json_begin(out);
    rs_buf_text(out, what == 0 ? ",\"tree\":" : ",\"tree\":{},\"unknown\":");
    put_many(out, what == 0 ? "{\"next\":" : "[", DEEP);
}

static void json_number(struct rs_buf *out, int what)
{
    json_begin(out);
    rs_buf_text(out, ",\"tree\":{},\"list\":[],\"amount\":");
    if (what == 0) {
        put_many(out, "9", DEEP);
    } else {
        rs_buf_text(out, "1e999999999");
    }
    rs_buf_char(out, '}');
}

static void json_texts(struct rs_buf *out, int items)
{
    json_begin(out);
    rs_buf_text(out, ",\"tree\":{},\"list\":[\"\"");
    put_many(out, ",\"\"", (size_t)items - 1);
    rs_buf_text(out, "],\"amount\":2.56}");
}

static void json_numbers(struct rs_buf *out, int items)
{
    json_begin(out);
    rs_buf_text(out, ",\"unknown\":[0");
    put_many(out, ",0", (size_t)items - 1);
    rs_buf_char(out, ']');
    rs_buf_text(out, json_rest);
}

static void json_keys(struct rs_buf *out, int items)
{
    json_begin(out);
    rs_buf_text(out, ",\"unknown\":{\"\":0");
    put_many(out, ",\"\":0", (size_t)items - 1);
    rs_buf_char(out, '}');
    rs_buf_text(out, json_rest);
}

static void json_escapes(struct rs_buf *out, int what)
{
    json_begin(out);
    rs_buf_text(out, ",\"tree\":{},\"list\":[\"");
    put_many(out, "\\u4e00", DEEP / 6);
    rs_buf_text(out, what == 0 ? "\\ud800" : what == 1 ? "\xff" : "u");
    rs_buf_text(out, "\"],\"amount\":2.56}");
}

static void json_twice(struct rs_buf *out, int size)
{
    json_good(out, (size_t)size);
    out->size--;
    rs_buf_text(out, ",\"amount\":1}");
}

static void json_cut(struct rs_buf *out, int size)
{
    json_good(out, (size_t)size);
    out->size--;
}

static void json_rule(struct rs_buf *out, int size)
{
    (void)size;
    json_begin(out);
    rs_buf_text(out, ",\"tree\":{},\"list\":[],\"amount\":327.00}");
}

static void json_type(struct rs_buf *out, int size)
{
    json_good(out, (size_t)size);
    out->size -= 2;
    rs_buf_text(out, ",7]}");
}

/* ---- the bombs ---- */

static const struct bomb {
    const char *name;
    void (*make)(struct rs_buf *out, int size);
    int size;
    enum rs_reason reason;
    bool json;
    int like; /* not 0: made with that it is accepted, and compared with; else an ordinary message of its size is */
} bombs[] = {
    {"array of null with 2^62 items", avro_null_items, 0, RS_REASON_ITEMS, false, 0},
    {"array of null in two blocks of 60000", avro_null_items, 1, RS_REASON_ITEMS, false, 0},
    {"block of negative size", avro_block, -3, RS_REASON_BLOCK, false, 0},
    {"block of 2^31 bytes", avro_block, INT32_MAX, RS_REASON_BLOCK, false, 0},
    {"50 kB of nesting", avro_deep, DEEP, RS_REASON_DEPTH, false, 0},
    {"string of 1 GiB in 10 bytes", avro_gibibyte, 0, RS_REASON_LENGTH, false, 0},
    {"map of 10^5 empty keys and one", avro_map, ITEMS + 1, RS_REASON_ITEMS, false, 0},
    {"map of 10^7 empty keys", avro_map, 10000000, RS_REASON_TOO_LARGE, false, 0},
    {"overlong varint", avro_overlong, 0, RS_REASON_VARINT, false, 0},
    {"10^5 blocks of one item and one", avro_blocks, ITEMS + 1, RS_REASON_ITEMS, false, ITEMS},
    {"a byte too many behind 100 kB", avro_late, 100000, RS_REASON_TRAILING, false, 0},
    {"a text of 100 kB with its last byte wrong", avro_text, 100000, RS_REASON_UTF8, false, 0},
    {"a rule that does not hold, 100 bytes", avro_rule, 100, RS_REASON_RULE, false, 0},
    {"a byte too many behind 100 bytes", avro_late, 100, RS_REASON_TRAILING, false, 0},
    {"50,000 objects deep", json_deep, 0, RS_REASON_DEPTH, true, 0},
    {"50 kB of nesting nobody declared", json_deep, 1, RS_REASON_DEPTH, true, 0},
    {"decimal of 50,000 digits", json_number, 0, RS_REASON_NUMBER, true, 0},
    {"decimal of 1e999999999", json_number, 1, RS_REASON_NUMBER, true, 0},
    {"array of 10^5 texts and one", json_texts, ITEMS + 1, RS_REASON_ITEMS, true, ITEMS},
    {"array of 10^5 numbers nobody declared and one", json_numbers, ITEMS + 1, RS_REASON_ITEMS, true,
     ITEMS - 20},
    {"object of 10^5 empty keys and one", json_keys, ITEMS + 1, RS_REASON_ITEMS, true, ITEMS - 20},
    {"object of 10^7 empty keys", json_keys, 10000000, RS_REASON_TOO_LARGE, true, 0},
    {"8,000 escapes and half a pair", json_escapes, 0, RS_REASON_UTF8, true, 2},
    {"8,000 escapes and a wrong byte", json_escapes, 1, RS_REASON_UTF8, true, 0},
    {"a name twice behind 100 kB", json_twice, 100000, RS_REASON_DUPLICATE_FIELD, true, 0},
    {"cut short behind 100 kB", json_cut, 100000, RS_REASON_TRUNCATED, true, 0},
    {"a value of another type behind 100 kB", json_type, 100000, RS_REASON_TYPE, true, 0},
    {"a rule that does not hold", json_rule, 0, RS_REASON_RULE, true, 0},
};

static bool box_put(void *self, const struct rs_dead_letter *letter)
{
    struct bench *b = self;
    b->reason = letter->reason;
    b->letters++;
    return true;
}

static int64_t box_acknowledged(void *self, uint32_t stream, int32_t partition)
{
    (void)self, (void)stream, (void)partition;
    return INT64_MAX;
}

static const struct rs_dead_letter_ops box = {.put = box_put, .acknowledged = box_acknowledged};

static const char settings[] =
    "streams:\n"
    "  avro: {topic: a, schema: hostile.avsc, time: at, rules: {amount: {le: 300}}}\n"
    "  json: {topic: j, schema: hostile.avsc, time: at, format: json, rules: {amount: {le: 300}}}\n"
    "aggregates:\n"
    "  a: {stream: avro, by: [name], window: {all: true}, stats: {n: count(), sum: sum(amount)}}\n"
    "  j: {stream: json, by: [name], window: {all: true}, stats: {n: count(), sum: sum(amount)}}\n";

static void open_bench(struct bench *b, const char *directory)
{
    struct rs_error error;
    struct rs_buf text = {0};
    rs_buf_printf(&text, "group: bombs\nschemas: {directory: '%s'}\n%s", directory, settings);
    rs_buf_char(&text, '\0');
    b->sink = (struct rs_dead_letter_sink){.self = b, .ops = &box};
    if (text.failed || rs_config_load_text("bombs.yaml", (const char *)text.data, &b->config, &error) != 0 ||
        rs_streams_load(b->config, &b->streams, &error) != 0 ||
        rs_engine_load(b->config, b->streams, &b->engine, &error) != 0 ||
        rs_partition_new(b->engine, 0, 0, &b->p[0], &error) != 0 ||
        rs_partition_new(b->engine, 1, 0, &b->p[1], &error) != 0) {
        fprintf(stderr, "bomb_bench: %s\n", error.text);
        exit(1);
    }
    rs_buf_fini(&text);
}

static void close_bench(struct bench *b)
{
    rs_partition_free(&b->p[0]);
    rs_partition_free(&b->p[1]);
    rs_engine_free(&b->engine);
    rs_streams_free(&b->streams);
    rs_config_free(&b->config);
}

/* ---- measuring ---- */

/* Of this function callgrind makes one dump a call. */
__attribute__((noinline)) size_t bomb_measured(struct rs_partition *p, const struct rs_record *records,
                                               size_t count, const struct rs_dead_letter_sink *sink);
size_t bomb_measured(struct rs_partition *p, const struct rs_record *records, size_t count,
                     const struct rs_dead_letter_sink *sink)
{
    return rs_partition_apply(p, records, count, sink);
}

/* ns a message; `wanted`: its reason, RS_REASON_NONE where it is accepted. */
static double cost(struct bench *b, bool json, struct rs_slice message, enum rs_reason wanted)
{
    struct rs_record records[BATCH];
    size_t count = b->rounds ? BATCH : 2;
    double best = 0;
    for (int round = 0; round < (b->rounds ? b->rounds : 1); round++) {
        for (size_t i = 0; i < count; i++) {
            records[i] = (struct rs_record){.value = message,
                                            .offset = b->offset[json]++,
                                            .timestamp_us = AT,
                                            .key = rs_slice_of("k", 1)};
        }
        uint64_t before = b->letters;
        b->reason = RS_REASON_NONE;
        double start = cpu_ns();
        size_t taken = bomb_measured(b->p[json], records, count, &b->sink);
        double each = (cpu_ns() - start) / (double)count;
        if (taken != count || b->reason != wanted || b->letters - before != (wanted ? count : 0)) {
            fprintf(stderr, "bomb_bench: %zu taken, %llu rejected, reason %s, expected %s\n", taken,
                    (unsigned long long)(b->letters - before), rs_reason_name(b->reason),
                    rs_reason_name(wanted));
            exit(1);
        }
        best = round == 0 || each < best ? each : best;
    }
    return best;
}

static double measure(struct bench *b, const struct bomb *bomb)
{
    struct rs_buf bad = {0};
    struct rs_buf good = {0};
    bomb->make(&bad, bomb->size);
    /* What is larger than any message may be is compared with the largest that is accepted. */
    size_t size = bad.size > 1000000 ? 1000000 : bad.size;
    if (bomb->like) {
        bomb->make(&good, bomb->like);
    } else {
        (bomb->json ? json_good : avro_good)(&good, size);
    }
    if (bad.failed || good.failed) {
        fprintf(stderr, "bomb_bench: out of memory\n");
        exit(1);
    }
    double accepted = cost(b, bomb->json, rs_slice_of(good.data, good.size), RS_REASON_NONE);
    double rejected = cost(b, bomb->json, rs_slice_of(bad.data, bad.size), bomb->reason);
    printf("%s: %s: %zu bytes rejected as %s %.0f ns, %zu bytes accepted %.0f ns, times %.2f\n",
           bomb->json ? "JSON" : "Avro", bomb->name, bad.size, rs_reason_name(bomb->reason), rejected,
           good.size, accepted, rejected / accepted);
    rs_buf_fini(&bad);
    rs_buf_fini(&good);
    return rejected / accepted;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: bomb_bench DIRECTORY [ROUNDS]\n");
        return 1;
    }
    static struct bench bench;
    bench.rounds = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 40;
    open_bench(&bench, argv[1]);
    double worst = 0;
    for (size_t i = 0; i < sizeof bombs / sizeof bombs[0]; i++) {
        double times = measure(&bench, &bombs[i]);
        worst = times > worst ? times : worst;
    }
    if (bench.rounds) {
        printf("CPU of a rejected message to an accepted one of its size, the worst: %.2f (goal ≤ 3)\n",
               worst);
    }
    close_bench(&bench);
    return 0;
}
