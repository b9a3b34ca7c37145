/* Reading of trades as JSON: ns of CPU per record by rollstat's JSON program, and by yajl's parser alone (no callbacks:
 * it only looks whether the bytes are JSON), in turns.
 * Usage: json_bench SCHEMA [RECORDS [ROUNDS]] */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yajl/yajl_parse.h>

#include "base/buf.h"
#include "schemas/json_program.h"
#include "tests/lib/cpu_clock.h"

#define FIELDS 8

struct bench {
    struct rs_schema_document *document;
    struct rs_json_program *program;
    struct rs_buf bytes;
    size_t *ends; /* of the records in bytes */
    size_t count;
    uint8_t text[1024];
    uint64_t sum; /* of what was read, so that nothing is left out as unused */
};

static void put_trade(struct rs_buf *out, size_t number)
{
    rs_buf_printf(
        out,
        "{\"trade_id\":\"GZDEX-%011zu\",\"exchange\":\"%s\",\"product\":\"product-%zu\",\"category\":"
        "\"dataset\","
        "\"side\":\"%s\",\"status\":\"EXECUTED\",\"price\":%zu.%02zu,\"quantity\":%zu,\"currency\":\"CNY\","
        "\"buyer\":\"buyer-%zu\",\"seller\":%s,\"executed_at\":%" PRId64 ",\"published_at\":null}",
        number, number % 3 == 0 ? "guangzhou" : "guiyang", number * 7919 % 10000,
        number % 2 == 0 ? "BUY" : "SELL", number * 104729 % 1000000, number % 100, number * 31 % 1000,
        number % 1000, number % 5 == 0 ? "null" : "\"seller-17\"",
        INT64_C(1767225600000000) + (int64_t)number * 1000);
}

static struct rs_slice record(const struct bench *b, size_t i)
{
    size_t start = i == 0 ? 0 : b->ends[i - 1];
    return rs_slice_of(b->bytes.data + start, b->ends[i] - start);
}

static double run_ours(struct bench *b)
{
    struct rs_value values[FIELDS];
    double start = cpu_ns();
    for (size_t i = 0; i < b->count; i++) {
        if (rs_json_program_run(b->program, record(b, i), b->text, values, NULL) != RS_REASON_NONE) {
            fprintf(stderr, "json_bench: record %zu is refused\n", i);
            exit(1);
        }
        b->sum += (uint64_t)values[6].i + (uint64_t)values[4].i + values[1].s.size;
    }
    return (cpu_ns() - start) / (double)b->count;
}

/* One handle for all, which is kinder to yajl than one for each message. */
static double run_yajl(struct bench *b)
{
    yajl_handle handle = yajl_alloc(NULL, NULL, NULL);
    if (!handle) {
        exit(1);
    }
    (void)yajl_config(handle, yajl_allow_multiple_values, 1);
    double start = cpu_ns();
    for (size_t i = 0; i < b->count; i++) {
        const struct rs_slice json = record(b, i);
        if (yajl_parse(handle, json.data, json.size) != yajl_status_ok) {
            fprintf(stderr, "json_bench: yajl refuses record %zu\n", i);
            exit(1);
        }
    }
    double ns = (cpu_ns() - start) / (double)b->count;
    yajl_free(handle);
    return ns;
}

static void prepare(struct bench *b, const char *path, size_t count)
{
    static const char *const paths[FIELDS] = {"trade_id", "exchange", "product",     "side",
                                              "price",    "quantity", "executed_at", "status"};
    const struct rs_json_options options = {0};
    struct rs_error error;
    if (rs_schema_load(path, &b->document, &error) != 0 ||
        rs_json_program_compile(rs_schema_root(b->document), paths, FIELDS, RS_PROGRAM_LIMITS_DEFAULT,
                                &options, &b->program, &error) != 0) {
        fprintf(stderr, "json_bench: %s\n", error.text);
        exit(1);
    }
    b->count = count;
    b->ends = calloc(count, sizeof *b->ends);
    for (size_t i = 0; i < count && b->ends; i++) {
        put_trade(&b->bytes, i);
        b->ends[i] = b->bytes.size;
    }
    if (!b->ends || b->bytes.failed) {
        fprintf(stderr, "json_bench: out of memory\n");
        exit(1);
    }
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: json_bench SCHEMA [RECORDS [ROUNDS]]\n");
        return 1;
    }
    size_t rounds = argc > 3 ? strtoul(argv[3], NULL, 10) : 20;
    static struct bench bench;
    prepare(&bench, argv[1], argc > 2 ? strtoul(argv[2], NULL, 10) : 20000);
    double ours = 1e30;
    double yajl = 1e30;
    for (size_t i = 0; i < rounds; i++) {
        double a = run_ours(&bench);
        double b = run_yajl(&bench);
        ours = a < ours ? a : ours;
        yajl = b < yajl ? b : yajl;
    }
    double size = (double)bench.bytes.size / (double)bench.count;
    printf("json: %zu trades of %.0f bytes: rollstat %.1f ns (%.2f a byte), yajl %.1f ns, ratio %.1f (check "
           "%" PRIu64 ")\n",
           bench.count, size, ours, ours / size, yajl, yajl / ours, bench.sum);
    rs_json_program_free(&bench.program);
    rs_schema_free(&bench.document);
    rs_buf_fini(&bench.bytes);
    free(bench.ends);
    return 0;
}
