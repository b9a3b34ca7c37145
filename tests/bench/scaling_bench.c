/* What an event costs the engine as one thing grows and all others stay.
 *
 *   scaling_bench [ROUNDS]
 *
 * Events are 20,000 a second of event time, each of a group at random, in one partition. They are applied in
 * parts of 250,000; behind each part all views are emitted and settled. The thread's CPU time counts, the
 * least of all parts of all rounds: other work on the machine only ever adds. The cases take turns. Prints a
 * line per case. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/lib/cpu_clock.h"
#include "tests/lib/engine_fixture.h"

#define SECOND      INT64_C(1000000)
#define BEGIN_US    (1700000000 * SECOND)
#define RATE        20000
#define PART        ((size_t)250000)
#define PARTS       3
#define BATCH_BYTES 65536

static const char *const windows[] = {
    "{tumbling: 1m}",           "{tumbling: 5m}",           "{tumbling: 15m}", "{tumbling: 1h}",
    "{tumbling: 6h}",           "{tumbling: 1d}",           "{all: true}",     "{sliding: 5m, every: 1m}",
    "{sliding: 1h, every: 5m}", "{sliding: 1d, every: 1h}",
};

static const char *const stats[] = {
    "count()",        "sum(quantity)", "min(paid)",     "max(paid)",
    "first(paid)",    "last(paid)",    "stddev(paid)",  "vwap(paid, quantity)",
    "mean(paid)",     "sum(paid)",     "range(paid)",   "rate()",
    "mean(quantity)", "min(quantity)", "max(quantity)", "variance(quantity)",
};

struct load {
    const char *grows;
    size_t groups, windows, stats;
    size_t call;    /* events per call of rs_partition_apply */
    size_t sources; /* of one stream, each a second further behind than the one before */
};

struct cost {
    double event_ns, view_ns, group_bytes;
};

static const struct load loads[] = {
    {"groups", 1000, 1, 8, 1000, 1},          {"groups", 10000, 1, 8, 1000, 1},
    {"groups", 100000, 1, 8, 1000, 1},        {"groups", 1000000, 1, 8, 1000, 1},
    {"windows", 10000, 1, 8, 1000, 1},        {"windows", 10000, 2, 8, 1000, 1},
    {"windows", 10000, 3, 8, 1000, 1},        {"windows", 10000, 5, 8, 1000, 1},
    {"windows", 10000, 10, 8, 1000, 1},       {"statistics", 10000, 1, 1, 1000, 1},
    {"statistics", 10000, 1, 2, 1000, 1},     {"statistics", 10000, 1, 4, 1000, 1},
    {"statistics", 10000, 1, 8, 1000, 1},     {"statistics", 10000, 1, 16, 1000, 1},
    {"events a batch", 10000, 1, 8, 1, 1},    {"events a batch", 10000, 1, 8, 4, 1},
    {"events a batch", 10000, 1, 8, 16, 1},   {"events a batch", 10000, 1, 8, 64, 1},
    {"events a batch", 10000, 1, 8, 1000, 1}, {"sources", 10000, 1, 8, 1000, 1},
    {"sources", 10000, 1, 8, 1000, 2},        {"sources", 10000, 1, 8, 1000, 8},
    {"sources", 10000, 1, 8, 1000, 32},
};

#define LOADS (sizeof loads / sizeof loads[0])

static size_t value_of(const struct load *l)
{
    switch (l->grows[0]) {
    case 'g': return l->groups;
    case 'w': return l->windows;
    case 'e': return l->call;
    default: return l->grows[1] == 't' ? l->stats : l->sources;
    }
}

static uint64_t next(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* ---- events ---- */

/* Of one case: where its stream is. */
struct flow {
    const struct load *load;
    uint64_t seed;
    size_t made;
};

/* The first events go through the groups in order, so that all are there; the others are of one at random. */
static void make(struct flow *flow, size_t count, struct tick_log *log)
{
    const struct load *l = flow->load;
    const size_t groups = l->groups > 0 ? l->groups : 1;
    size_t first = flow->made;
    char product[32];
    for (size_t i = 0; i < count; i++, flow->made++) {
        size_t group = flow->made < groups ? flow->made : next(&flow->seed) % groups;
        int64_t behind_us = (int64_t)(next(&flow->seed) % l->sources) * SECOND;
        snprintf(product, sizeof product, "P%07zu", group);
        struct tick t = {.market = "XSHG", .product = product};
        t.at_us = BEGIN_US + (int64_t)flow->made * SECOND / RATE - behind_us;
        t.paid = (int64_t)(10000 + next(&flow->seed) % 1000);
        t.quantity = (int64_t)(1 + next(&flow->seed) % 100);
        tick_log_add(log, &t);
    }
    (void)tick_log_seal(log);
    for (size_t i = 0; i < count; i++) {
        log->records[i].offset += (int64_t)first;
    }
}

/* ---- a case ---- */

static void open_case(const struct load *l, struct fixture *f, struct rs_partition **p)
{
    struct rs_error error;
    struct rs_buf yaml = {0};
    rs_buf_text(&yaml,
                "streams:\n  ticks: {topic: t, schema: tick.avsc, time: at, lateness: 1m}\naggregates:\n");
    for (size_t w = 0; w < l->windows; w++) {
        rs_buf_printf(&yaml,
                      "  a%zu:\n    stream: ticks\n    by: [market, product]\n    window: %s\n    stats:\n",
                      w, windows[w]);
        for (size_t s = 0; s < l->stats; s++) {
            rs_buf_printf(&yaml, "      s%zu: %s\n", s, stats[s]);
        }
    }
    rs_buf_char(&yaml, '\0');
    if (!fixture_open(f, (const char *)yaml.data) || rs_partition_new(f->engine, 0, 0, p, &error) < 0) {
        fprintf(stderr, "scaling_bench: %s\n", (const char *)f->complaints.data);
        abort();
    }
    rs_buf_fini(&yaml);
}

static double apply(struct rs_partition *p, const struct tick_log *log, size_t call)
{
    double start = cpu_ns();
    for (size_t at = 0; at < log->count; at += call) {
        size_t count = log->count - at < call ? log->count - at : call;
        (void)!rs_partition_apply(p, log->records + at, count, NULL);
    }
    return (cpu_ns() - start) / (double)log->count;
}

static double emit(struct rs_partition *p, struct rs_view_batch *batch)
{
    double start = cpu_ns();
    uint64_t views = partition_emit_all(p, batch, BATCH_BYTES);
    return views ? (cpu_ns() - start) / (double)views : 0;
}

static void keep_least(double *least, double value)
{
    *least = *least == 0 || value < *least ? value : *least;
}

/* The first case that is the same but for its name: all dimensions share the point they start from. */
static size_t same_as(size_t number)
{
    const struct load *l = &loads[number];
    size_t i = 0;
    while (loads[i].groups != l->groups || loads[i].windows != l->windows || loads[i].stats != l->stats ||
           loads[i].call != l->call || loads[i].sources != l->sources) {
        i++;
    }
    return i;
}

static void run_case(const struct load *l, struct cost *cost)
{
    struct fixture f;
    struct rs_partition *p;
    struct rs_partition_status status;
    struct rs_view_batch *batch = rs_view_batch_new();
    struct flow flow = {.load = l, .seed = 88172645463325252u};
    open_case(l, &f, &p);
    for (size_t done = 0, part = 0; part <= PARTS; done += PART) {
        bool measured = done >= l->groups; /* before that the groups are made */
        struct tick_log log = {0};
        make(&flow, PART, &log);
        double event_ns = apply(p, &log, l->call);
        double view_ns = emit(p, batch);
        tick_log_free(&log);
        if (measured) {
            keep_least(&cost->event_ns, event_ns);
            keep_least(&cost->view_ns, view_ns);
        }
        part += measured;
    }
    rs_partition_status(p, &status);
    cost->group_bytes = (double)status.memory_bytes / (double)l->groups;
    if (status.events.applied != flow.made) {
        fprintf(stderr, "scaling_bench: %s %zu: not all applied\n", l->grows, value_of(l));
        abort();
    }
    rs_view_batch_free(&batch);
    rs_partition_free(&p);
    fixture_close(&f);
}

int main(int argc, char **argv)
{
    static struct cost costs[LOADS];
    long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : 3;
    for (long round = 0; round < rounds; round++) {
        for (size_t i = 0; i < LOADS; i++) {
            if (same_as(i) == i) {
                run_case(&loads[i], &costs[i]);
            }
        }
    }
    for (size_t i = 0; i < LOADS; i++) {
        const struct cost *cost = &costs[same_as(i)];
        printf("%s %zu: %.0f ns an event, %.0f ns a view, %.0f bytes a group\n", loads[i].grows,
               value_of(&loads[i]), cost->event_ns, cost->view_ns, cost->group_bytes);
    }
    return 0;
}
