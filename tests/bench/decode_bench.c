/* Decoding of trades: ns per record by rollstat's op list and by libavro, on the same bytes, and the ratio; and
 * the same bytes as another version of the schema wrote them, resolved to this one.
 * Usage: decode_bench SCHEMA [RECORDS [ROUNDS]] */
#include <avro.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "schemas/program.h"

struct bench {
    struct rs_schema_document *document;
    struct rs_buf bytes;
    size_t *ends; /* of the records in bytes */
    size_t count;
    uint64_t sum; /* of what was read, so that nothing is left out as unused */
};

/* ---- records ---- */

static void put_long(struct rs_buf *out, int64_t value)
{
    uint64_t raw = (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);
    for (; raw >= 0x80; raw >>= 7) {
        rs_buf_char(out, (char)(raw | 0x80));
    }
    rs_buf_char(out, (char)raw);
}

static void put_text(struct rs_buf *out, const char *text)
{
    put_long(out, (int64_t)strlen(text));
    rs_buf_text(out, text);
}

static void put_decimal(struct rs_buf *out, int64_t value)
{
    size_t size = 1;
    while (value >> (8 * size - 1) != 0 && value >> (8 * size - 1) != -1) {
        size++;
    }
    put_long(out, (int64_t)size);
    while (size-- > 0) {
        rs_buf_char(out, (char)(value >> (8 * size)));
    }
}

static void put_trade(struct rs_buf *out, size_t number)
{
    char text[32];
    snprintf(text, sizeof text, "GZDEX-%011zu", number);
    put_text(out, text);
    put_text(out, number % 3 == 0 ? "guangzhou" : "guiyang");
    snprintf(text, sizeof text, "product-%zu", number * 7919 % 10000);
    put_text(out, text);
    put_text(out, "dataset");
    put_long(out, (int64_t)(number % 3));
    put_long(out, 0);
    put_decimal(out, (int64_t)(number * 104729 % 1000000) * 1000000 + 100000000);
    put_decimal(out, (int64_t)(number * 31 % 1000) * 1000000 + 1000000);
    put_text(out, "CNY");
    put_long(out, 1);
    snprintf(text, sizeof text, "buyer-%zu", number % 1000);
    put_text(out, text);
    put_long(out, number % 5 == 0 ? 0 : 1);
    if (number % 5 != 0) {
        put_text(out, "seller-17");
    }
    put_long(out, INT64_C(1767225600000000) + (int64_t)number * 1000);
    put_long(out, 0);
}

/* A version of the schema that has the same bytes for a trade. Of the eight fields that are read, two have
 * other symbols, two another scale, one is of another kind, one says nothing of time. */
static const char written[] =
    "{\"type\":\"record\",\"name\":\"Trade\",\"fields\":[{\"name\":\"trade_id\",\"type\":\"bytes\"},"
    "{\"name\":\"exchange\",\"type\":\"string\"},{\"name\":\"product\",\"type\":\"string\"},"
    "{\"name\":\"category\",\"type\":\"string\"},{\"name\":\"side\",\"type\":{\"type\":\"enum\",\"name\":"
    "\"Side\",\"symbols\":[\"SELL\",\"BUY\",\"NONE\"]}},{\"name\":\"status\",\"type\":{\"type\":\"enum\","
    "\"name\":\"TradeStatus\",\"symbols\":[\"AMENDED\",\"EXECUTED\"]}},{\"name\":\"price\",\"type\":{"
    "\"type\":"
    "\"bytes\",\"logicalType\":\"decimal\",\"precision\":16,\"scale\":6}},{\"name\":\"quantity\",\"type\":{"
    "\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":15,\"scale\":3}},"
    "{\"name\":\"currency\",\"type\":\"string\"},{\"name\":\"purchaser\",\"type\":[\"null\",\"string\"]},"
    "{\"name\":\"seller\",\"type\":[\"null\",\"string\"]},{\"name\":\"executed_at\",\"type\":\"long\"},"
    "{\"name\":\"noted_at\",\"type\":[\"null\",\"long\"]}]}";

/* ---- both decoders ---- */

static void run_ours(struct bench *b, const struct rs_program *program)
{
    struct rs_value values[8];
    size_t start = 0;
    for (size_t i = 0; i < b->count; i++) {
        struct rs_slice message = rs_slice_of(b->bytes.data + start, b->ends[i] - start);
        if (rs_program_run(program, message, values, NULL) != RS_REASON_NONE) {
            fprintf(stderr, "decode_bench: record %zu is refused\n", i);
            exit(1);
        }
        b->sum += (uint64_t)values[6].i + (uint64_t)values[4].i + values[1].s.size;
        start = b->ends[i];
    }
}

static void run_libavro(struct bench *b, avro_reader_t reader, avro_value_t *value)
{
    size_t start = 0;
    for (size_t i = 0; i < b->count; i++) {
        avro_reader_memory_set_source(reader, (const char *)b->bytes.data + start,
                                      (int64_t)(b->ends[i] - start));
        avro_value_t field;
        int64_t time = 0;
        if (avro_value_reset(value) != 0 || avro_value_read(reader, value) != 0 ||
            avro_value_get_by_name(value, "executed_at", &field, NULL) != 0 ||
            avro_value_get_long(&field, &time) != 0) {
            fprintf(stderr, "decode_bench: libavro refuses record %zu: %s\n", i, avro_strerror());
            exit(1);
        }
        b->sum += (uint64_t)time;
        start = b->ends[i];
    }
}

/* The programs take turns, and the least of each counts. */
static void bench_ours(struct bench *b, const struct rs_program *const programs[2], size_t rounds,
                       double best[2])
{
    for (size_t i = 0; i < 2 * rounds; i++) {
        int64_t start = rs_clock_mono(rs_clock_system());
        run_ours(b, programs[i % 2]);
        double ns = (double)(rs_clock_mono(rs_clock_system()) - start) * 1000 / (double)b->count;
        best[i % 2] = i < 2 || ns < best[i % 2] ? ns : best[i % 2];
    }
}

static double bench_libavro(struct bench *b, size_t rounds)
{
    avro_schema_t schema = NULL;
    const char *json = rs_schema_json(b->document);
    if (avro_schema_from_json_length(json, strlen(json), &schema) != 0) {
        fprintf(stderr, "decode_bench: libavro refuses the schema: %s\n", avro_strerror());
        exit(1);
    }
    avro_value_iface_t *class = avro_generic_class_from_schema(schema);
    avro_value_t value;
    avro_generic_value_new(class, &value);
    avro_reader_t reader = avro_reader_memory("", 0);
    double best = 1e30;
    for (size_t i = 0; i < rounds; i++) {
        int64_t start = rs_clock_mono(rs_clock_system());
        run_libavro(b, reader, &value);
        double ns = (double)(rs_clock_mono(rs_clock_system()) - start) * 1000 / (double)b->count;
        best = ns < best ? ns : best;
    }
    avro_reader_free(reader);
    avro_value_decref(&value);
    avro_value_iface_decref(class);
    avro_schema_decref(schema);
    return best;
}

static void prepare(struct bench *b, const char *path, size_t count)
{
    struct rs_error error;
    if (rs_schema_load(path, &b->document, &error) != 0) {
        fprintf(stderr, "decode_bench: %s\n", error.text);
        exit(1);
    }
    b->count = count;
    b->ends = calloc(count, sizeof *b->ends);
    for (size_t i = 0; i < count && b->ends; i++) {
        put_trade(&b->bytes, i);
        b->ends[i] = b->bytes.size;
    }
    if (!b->ends || b->bytes.failed) {
        fprintf(stderr, "decode_bench: out of memory\n");
        exit(1);
    }
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: decode_bench SCHEMA [RECORDS [ROUNDS]]\n");
        return 1;
    }
    size_t count = argc > 2 ? strtoul(argv[2], NULL, 10) : 20000;
    size_t rounds = argc > 3 ? strtoul(argv[3], NULL, 10) : 20;
    struct bench bench = {0};
    prepare(&bench, argv[1], count);
    static const char *const paths[] = {"trade_id", "exchange", "product",     "side",
                                        "price",    "quantity", "executed_at", "status"};
    struct rs_schema_document *writer = NULL;
    struct rs_program *program = NULL;
    struct rs_program *resolved = NULL;
    struct rs_error error;
    const struct rs_schema *own = rs_schema_root(bench.document);
    if (rs_program_compile(own, paths, 8, RS_PROGRAM_LIMITS_DEFAULT, &program, &error) != 0 ||
        rs_schema_parse("written", written, strlen(written), &writer, &error) != 0 ||
        rs_program_resolve(rs_schema_root(writer), own, paths, 8, RS_PROGRAM_LIMITS_DEFAULT, &resolved,
                           &error) != 0) {
        fprintf(stderr, "decode_bench: %s\n", error.text);
        return 1;
    }
    double best[2];
    bench_ours(&bench, (const struct rs_program *[]){program, resolved}, rounds, best);
    double ours = best[0];
    double libavro = bench_libavro(&bench, rounds < 5 ? rounds : 5);
    printf("decode: %zu trades of %.0f bytes: rollstat %.1f ns, libavro %.1f ns, ratio %.1f (check %" PRIu64
           ")\n",
           count, (double)bench.bytes.size / (double)count, ours, libavro, libavro / ours, bench.sum);
    printf("resolve: as another version wrote them: %.1f ns, ratio %.2f\n", best[1], best[1] / best[0]);
    rs_program_free(&program);
    rs_program_free(&resolved);
    rs_schema_free(&writer);
    rs_schema_free(&bench.document);
    rs_buf_fini(&bench.bytes);
    free(bench.ends);
    return 0;
}
