/* Nanoseconds per pane add and per rendered pane, for the layouts people will have, then of statistics alone against
 * a plain sum. Prints; judges nothing.
 *
 *   pane_bench             all of it
 *   pane_bench STATISTIC   adds events to panes of this statistic over int64, and no more: callgrind's count less that
 *                          of `none`, by 5,120,000, is instructions per event
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/number.h"
#include "transform/pane/pane.h"

#define EVENTS  256 /* stay in the first-level cache, as a batch does */
#define ROUNDS  20000
#define PANES   16 /* neighbouring events mostly are of different groups */
#define RENDERS 200000
#define TEXTS   65536
#define TURNS   5

struct bench_case {
    const char *name;
    enum rs_num_kind kind;
    bool required;
};

static const struct rs_stat_spec stats[] = {
    {RS_STAT_COUNT, "count", -1, -1, NULL}, {RS_STAT_SUM, "volume", 1, -1, NULL},
    {RS_STAT_MEAN, "mean", 0, -1, NULL},    {RS_STAT_MIN, "min", 0, -1, NULL},
    {RS_STAT_MAX, "max", 0, -1, NULL},      {RS_STAT_STDDEV, "sd", 0, -1, NULL},
    {RS_STAT_VWAP, "vwap", 0, 1, NULL},     {RS_STAT_OHLC, "price", 0, -1, NULL},
};

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static uint64_t next(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void fill(struct rs_num *num, enum rs_num_kind kind, int64_t value)
{
    *num = (struct rs_num){.present = true};
    switch (kind) {
    case RS_NUM_INT64: num->i = value; break;
    case RS_NUM_INT128: num->w = value; break;
    case RS_NUM_DOUBLE: num->d = (double)value / 10000; break;
    }
}

static void count_bytes(void *ctx, size_t field, const char *text, size_t size)
{
    (void)field;
    (void)text;
    *(size_t *)ctx += size;
}

/* PANES panes of one layout, in one block. */
struct bench {
    struct rs_pane_layout *layout;
    size_t size;
    uint8_t *panes;
    struct rs_num (*events)[2];
};

static void *pane_of(const struct bench *b, size_t number)
{
    return b->panes + number % PANES * b->size;
}

static double measure_add(const struct bench *b)
{
    double start = now_ns();

    for (int64_t r = 0; r < ROUNDS; r++) {
        for (int64_t i = 0; i < EVENTS; i++) {
            rs_pane_add(b->layout, pane_of(b, (size_t)i), b->events[i], i + r * EVENTS, i);
        }
    }
    return (now_ns() - start) / EVENTS / ROUNDS;
}

static double measure_render(const struct bench *b, struct rs_pane_scratch *scratch)
{
    size_t bytes = 0;
    double start = now_ns();

    for (size_t i = 0; i < RENDERS; i++) {
        rs_pane_render(b->layout, pane_of(b, i), NULL, 60000000, scratch, count_bytes, &bytes);
    }
    return (now_ns() - start) / RENDERS;
}

/* One pane comes into the first, another goes, as a window slides. */
static double measure_slide(const struct bench *b)
{
    double start = now_ns();

    for (size_t i = 0; i < RENDERS; i++) {
        rs_pane_merge(b->layout, b->panes, pane_of(b, 1 + i % (PANES - 1)));
        rs_pane_subtract(b->layout, b->panes, pane_of(b, 1 + (i + 1) % (PANES - 1)));
    }
    return (now_ns() - start) / RENDERS;
}

static void fill_events(struct bench *b, enum rs_num_kind kind)
{
    uint64_t seed = 42;

    for (size_t i = 0; i < EVENTS; i++) {
        fill(&b->events[i][0], kind, 3350000 + (int64_t)(next(&seed) % 10000));
        fill(&b->events[i][1], kind, 1 + (int64_t)(next(&seed) % 900));
    }
}

static void report(const struct bench *b, const char *name, struct rs_pane_scratch *scratch)
{
    struct rs_buf saved = {0};
    double add = measure_add(b);
    double render = measure_render(b, scratch);

    rs_pane_save(b->layout, b->panes, &saved);
    printf("%-18s %4zu bytes (saved %3zu)  add %6.1f ns  render %7.1f ns  merge and subtract %6.1f ns\n",
           name, b->size, saved.size, add, render, measure_slide(b));
    rs_buf_fini(&saved);
}

static bool bench_open(struct bench *b, const struct rs_stat_spec *specs, size_t count,
                       const struct bench_case *c)
{
    const struct rs_num_type types[] = {{c->kind, 4, c->required}, {c->kind, 0, c->required}};
    struct rs_error error;

    if (rs_pane_layout_new(specs, count, types, 2, &b->layout, &error) != 0) {
        fprintf(stderr, "pane_bench: %s\n", error.text);
        return false;
    }
    b->size = rs_pane_size(b->layout);
    b->panes = malloc(PANES * b->size);
    for (size_t i = 0; b->panes && i < PANES; i++) {
        rs_pane_init(b->layout, pane_of(b, i));
    }
    fill_events(b, c->kind);
    return b->panes != NULL;
}

static void bench_close(struct bench *b)
{
    for (size_t i = 0; b->panes && i < PANES; i++) {
        rs_pane_fini(b->layout, pane_of(b, i));
    }
    free(b->panes);
    rs_pane_layout_free(&b->layout);
}

static int run(const struct bench_case *c, struct rs_num (*events)[2], struct rs_pane_scratch *scratch)
{
    struct bench b = {.events = events};
    bool open = bench_open(&b, stats, sizeof stats / sizeof stats[0], c);

    if (open) {
        report(&b, c->name, scratch);
    }
    bench_close(&b);
    return open ? 0 : 2;
}

/* ---- statistics alone ---- */

static const struct rs_stat_spec alone[] = {
    {RS_STAT_SUM, "sum", 0, -1, NULL},           {RS_STAT_VARIANCE, "variance", 0, -1, NULL},
    {RS_STAT_SKEWNESS, "skewness", 0, -1, NULL}, {RS_STAT_KURTOSIS, "kurtosis", 0, -1, NULL},
    {RS_STAT_VWAP, "vwap", 0, 1, NULL},          {RS_STAT_COVARIANCE, "covariance", 0, 1, NULL},
    {RS_STAT_SLOPE, "slope", 0, 1, NULL},        {RS_STAT_CORRELATION, "correlation", 0, 1, NULL},
};
#define ALONE (sizeof alone / sizeof alone[0])

static int run_alone(const struct bench_case *c, struct rs_num (*events)[2], struct rs_pane_scratch *scratch)
{
    double sum = 0;

    for (size_t i = 0; i < ALONE; i++) {
        struct bench b = {.events = events};
        if (!bench_open(&b, &alone[i], 1, c)) {
            bench_close(&b);
            return 2;
        }
        double add = measure_add(&b);
        for (int k = 1; k < TURNS; k++) { /* the least counts: what else runs on the machine only ever adds */
            double again = measure_add(&b);
            add = again < add ? again : add;
        }
        sum = i == 0 ? add : sum;
        printf("%-18s %-12s %4zu bytes  add %6.1f ns (%5.2f of a sum)  render %7.1f ns  merge and subtract "
               "%6.1f ns\n",
               c->name, alone[i].name, b.size, add, add / sum, measure_render(&b, scratch),
               measure_slide(&b));
        bench_close(&b);
    }
    return 0;
}

/* Only adding, or nothing for `none`. */
static int run_one(const char *name, struct rs_num (*events)[2])
{
    static const struct bench_case narrow = {"", RS_NUM_INT64, true};
    struct bench b = {.events = events};

    for (size_t i = 0; i < ALONE; i++) {
        if (strcmp(alone[i].name, name) == 0 && bench_open(&b, &alone[i], 1, &narrow)) {
            (void)measure_add(&b);
            bench_close(&b);
        }
    }
    return 0;
}

static void run_text(void)
{
    static double values[TEXTS];
    uint64_t seed = 7;
    char text[RS_NUMBER_TEXT_MAX];
    size_t bytes = 0;

    for (size_t i = 0; i < TEXTS; i++) {
        values[i] = (double)(int64_t)(next(&seed) >> 1) / 1e12;
    }
    double start = now_ns();
    for (size_t i = 0; i < TEXTS; i++) {
        bytes += rs_double_format(values[i], text);
    }
    printf("%-18s %.1f ns (%zu bytes)\n", "text of a double", (now_ns() - start) / TEXTS, bytes);
}

int main(int argc, char **argv)
{
    static const struct bench_case cases[] = {
        {"int64, required", RS_NUM_INT64, true},
        {"int64, nullable", RS_NUM_INT64, false},
        {"int128, required", RS_NUM_INT128, true},
        {"double", RS_NUM_DOUBLE, false},
    };
    struct rs_num(*events)[2] = calloc(EVENTS, sizeof *events);
    struct rs_pane_scratch *scratch = rs_pane_scratch_new();
    int rc = !events || !scratch ? 2 : 0;

    if (rc == 0 && argc > 1) {
        rc = run_one(argv[1], events);
    }
    for (size_t i = 0; argc == 1 && rc == 0 && i < sizeof cases / sizeof cases[0]; i++) {
        rc = run(&cases[i], events, scratch);
    }
    for (size_t i = 0; argc == 1 && rc == 0 && i < sizeof cases / sizeof cases[0]; i++) {
        rc = run_alone(&cases[i], events, scratch);
    }
    if (argc == 1) {
        run_text();
    }
    rs_pane_scratch_free(&scratch);
    free(events);
    return rc;
}
