/* What every statistic costs in every window, against a plain sum in a tumbling window of the same run. Prints a line per
 * pair; judges nothing.
 *
 *   table_bench [--quick] [--stat NAME] [--window NAME]
 *   table_bench slices     two-stacks and DABA beside merging and subtracting, over the same operator
 *
 * Events are 64 a second of event time, each of one of 64 groups at random, judged and looked up beforehand: what is
 * measured is whether they are late and adding them, in batches as the engine takes them. Windows are full by then. The
 * thread's CPU time counts, the least of the parts: other work on the machine only ever adds. Every other part also emits
 * all views each 8 seconds, which is what windows that slide have to do besides. Instructions are those of the adding
 * alone, where the kernel counts them. Under valgrind:
 *
 *   valgrind --tool=callgrind --toggle-collect=table_add table_bench --quick --stat sum --window tumbling
 *
 * counts them otherwise: of 32,768 events of the pair, and as many of the plain sum. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/slices.h"
#include "tests/lib/cpu_clock.h"
#include "tests/lib/engine_fixture.h"
#include "tests/lib/instructions.h"
#include "tests/lib/random.h"
#include "transform/group/group.h"
#include "transform/partition/internal.h"

#define SECOND      INT64_C(1000000)
#define BEGIN_US    (1700000000 * SECOND)
#define GROUPS      64
#define RATE        64 /* events a second of event time */
#define PART        4096
#define ADD_PARTS   8
#define VIEW_PARTS  2
#define MEASURED    (PART * (ADD_PARTS + VIEW_PARTS))
#define EMIT_EACH   (8 * RATE)
#define WARM_MAX    (3600 * RATE)
#define BATCH_BYTES 65536

struct named {
    const char *name, *text;
    size_t warm_s; /* until a window is full */
};

/* The first is what all others are measured against. */
static const struct named windows[] = {
    {"tumbling", "{tumbling: 1m}", 120},
    {"tumbling day", "{tumbling: 1d, zone: Europe/Berlin}", 120},
    {"sliding 60", "{sliding: 1m, every: 1s}", 120},
    {"sliding 600", "{sliding: 10m, every: 1s}", 660},
    {"sliding 3600", "{sliding: 1h, every: 1s}", 3600},
    {"sliding 60 of 1m", "{sliding: 1h, every: 1m}", 3600},
    {"since hour", "{since: hour}", 120},
    {"session", "{session: 30s}", 120},
    {"all", "{all: true}", 1200},
    {"last 1000", "{last: 1000}", 1200},
};

static const struct named stats[] = {
    {"sum", "sum(quantity)", 0},
    {"count", "count()", 0},
    {"mean", "mean(paid)", 0},
    {"min", "min(paid)", 0},
    {"range", "range(paid)", 0},
    {"first", "first(paid)", 0},
    {"last", "last(paid)", 0},
    {"ohlc", "ohlc(paid)", 0},
    {"vwap", "vwap(paid, quantity)", 0},
    {"rate", "rate(quantity)", 0},
    {"stddev", "stddev(paid)", 0},
    {"skewness", "skewness(paid)", 0},
    {"kurtosis", "kurtosis(paid)", 0},
    {"covariance", "covariance(paid, quantity)", 0},
    {"correlation", "correlation(paid, quantity)", 0},
    {"slope", "slope(paid, $event_time)", 0},
    {"sum of doubles", "sum(ratio)", 0},
    {"sum of 38 digits", "sum(big)", 0},
    {"median", "median(paid)", 0},
    {"quantile", "quantile(paid, 0.99)", 0},
    {"distinct", "distinct(quantity)", 0},
    {"profile", "profile(paid, 0.5, quantity)", 0},
    {"ewma", "'ewma(paid, half_life: 1m)'", 0},
    {"lag", "lag(paid, 1)", 0},
    {"twa", "twa(paid)", 0},
    {"drawdown", "drawdown(paid)", 0},
    {"pct_drawdown", "pct_drawdown(paid)", 0},
    {"realized_variance", "realized_variance(paid)", 0},
    {"change", "change(paid)", 0},
    {"sum where", "{stat: sum(quantity), where: {side: BUY}}", 0},
};

#define WINDOWS (sizeof windows / sizeof *windows)
#define STATS   (sizeof stats / sizeof *stats)

/* An event as it is when its batch has been judged and looked up. */
struct ready {
    uint32_t group;
    int64_t time_us, order;
    const struct rs_num *inputs;
};

struct course {
    struct fixture fixture;
    struct rs_partition *partition;
    struct rs_groups *groups;
    struct rs_view_batch *batch;
    struct ready *events;
    struct rs_num *inputs;
};

struct cost {
    double add_ns, instructions, view_ns, shown_ns, bytes;
};

static void require(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "table_bench: %s\n", what);
        abort();
    }
}

static void fill_log(struct tick_log *log)
{
    struct rs_random random = {1};
    char product[16];
    for (size_t i = 0; i < WARM_MAX + MEASURED; i++) {
        (void)snprintf(product, sizeof product, "P%07u", (unsigned)rs_random_below(&random, GROUPS));
        struct tick t = {.market = "XSHG", .product = product};
        t.at_us = BEGIN_US + (int64_t)i * SECOND / RATE;
        t.side = (int)rs_random_below(&random, 2);
        t.paid = rs_random_between(&random, 10000, 10999);
        t.quantity = rs_random_between(&random, 1, 100000);
        t.ratio = (double)t.quantity / 128;
        t.big = (rs_i128)t.quantity * 1000000007 * 1000000009;
        tick_log_add(log, &t);
    }
    (void)tick_log_seal(log);
}

/* False: this statistic is refused in this window, and why was said. */
static bool course_open(struct course *c, const struct named *stat, const struct named *window)
{
    struct rs_error error;
    struct rs_buf yaml = {0};
    *c = (struct course){.batch = rs_view_batch_new()};
    rs_buf_printf(
        &yaml,
        "streams:\n  ticks: {topic: t, schema: tick.avsc, time: at, lateness: 10s}\naggregates:\n  a:\n"
        "    stream: ticks\n    by: [market, product]\n    window: %s\n    stats:\n      x: %s\n",
        window->text, stat->text);
    rs_buf_char(&yaml, '\0');
    bool open = fixture_open(&c->fixture, (const char *)yaml.data);
    rs_buf_fini(&yaml);
    if (!open) {
        const char *why = (const char *)c->fixture.complaints.data;
        printf("%s, %s: refused, %.*s\n", stat->name, window->name, (int)strcspn(why, "\n"), why);
    } else {
        require(rs_partition_new(c->fixture.engine, 0, 0, &c->partition, &error) == 0, "no partition");
        c->groups = &c->partition->groups[0];
    }
    return open;
}

static void course_close(struct course *c)
{
    rs_partition_free(&c->partition);
    rs_view_batch_free(&c->batch);
    fixture_close(&c->fixture);
    free(c->events);
    free(c->inputs);
}

static void warm_up(struct course *c, const struct rs_record *records, size_t count)
{
    for (size_t at = 0; at < count; at += EMIT_EACH) {
        size_t size = count - at < EMIT_EACH ? count - at : EMIT_EACH;
        require(rs_partition_apply(c->partition, records + at, size, NULL) == size, "not all was applied");
        (void)partition_emit_all(c->partition, c->batch, BATCH_BYTES);
    }
}

static void make_ready(struct course *c, const struct rs_record *records)
{
    struct rs_partition *p = c->partition;
    size_t width = p->plan->inputs.count;
    c->events = calloc(MEASURED, sizeof *c->events);
    c->inputs = calloc(MEASURED * width + 1, sizeof *c->inputs);
    require(c->events && c->inputs, "out of memory");
    for (size_t i = 0; i < MEASURED; i++) {
        struct rs_num *inputs = c->inputs + i * width;
        p->batch.key_fill = 0;
        rs_batch_judge(p, 0, &records[i]);
        const struct rs_event_key *key = rs_batch_key(p, 0, 0);
        if (width > 0) {
            memcpy(inputs, rs_batch_inputs(p, 0), width * sizeof *inputs);
        }
        c->events[i] = (struct ready){rs_groups_find(c->groups, key->hash, rs_batch_key_bytes(p, key)),
                                      p->batch.judged[0].time_us, records[i].offset, inputs};
        require(c->events[i].group != RS_NONE, "a group is not there");
    }
}

/* Known to callgrind by its name. */
void table_add(struct rs_groups *gs, const struct ready *events, size_t count);
__attribute__((noinline)) void table_add(struct rs_groups *gs, const struct ready *events, size_t count)
{
    for (size_t at = 0; at < count; at += RS_RECORD_BATCH_MAX) {
        size_t end = at + RS_RECORD_BATCH_MAX < count ? at + RS_RECORD_BATCH_MAX : count;
        if (!rs_groups_reserve(gs, RS_RECORD_BATCH_MAX, 0)) {
            abort();
        }
        for (size_t i = at; i < end; i++) {
            const struct ready *e = &events[i];
            const struct rs_event event = {e->time_us, e->order, e->inputs};
            if (!rs_group_late(gs, rs_group_at(gs, e->group), (struct rs_slice){0}, e->time_us, e->order)) {
                rs_group_add(gs, e->group, &event);
            }
        }
    }
}

static uint64_t show(struct course *c, int64_t now_us)
{
    rs_partition_show(c->partition, now_us);
    return partition_emit_all(c->partition, c->batch, BATCH_BYTES);
}

static void measure_adds(struct course *c, int counter, struct cost *cost)
{
    cost->add_ns = 1e18;
    for (size_t part = 0; part < ADD_PARTS; part++) {
        const struct ready *events = c->events + part * PART;
        double counted = instructions(counter);
        double start = cpu_ns();
        table_add(c->groups, events, PART);
        double each = (cpu_ns() - start) / PART;
        cost->instructions += (instructions(counter) - counted) / PART / ADD_PARTS;
        cost->add_ns = each < cost->add_ns ? each : cost->add_ns;
        (void)show(c, events[PART - 1].time_us);
    }
}

/* Adding and emitting as they go together; not under the name that callgrind counts. */
static void measure_views(struct course *c, struct cost *cost)
{
    cost->shown_ns = 1e18;
    for (size_t part = ADD_PARTS; part < ADD_PARTS + VIEW_PARTS; part++) {
        uint64_t views = 0;
        double emitting = 0;
        double start = cpu_ns();
        for (size_t at = part * PART; at < (part + 1) * PART; at += EMIT_EACH) {
            for (size_t i = at; i < at + EMIT_EACH; i++) {
                const struct ready *e = &c->events[i];
                const struct rs_event event = {e->time_us, e->order, e->inputs};
                if (i % RS_RECORD_BATCH_MAX == 0 && !rs_groups_reserve(c->groups, RS_RECORD_BATCH_MAX, 0)) {
                    abort();
                }
                rs_group_add(c->groups, e->group, &event);
            }
            double shown = cpu_ns();
            views += show(c, c->events[at + EMIT_EACH - 1].time_us);
            emitting += cpu_ns() - shown;
        }
        double each = (cpu_ns() - start) / PART;
        if (each < cost->shown_ns) {
            cost->shown_ns = each;
            cost->view_ns = views ? emitting / (double)views : 0;
        }
    }
}

static bool run_pair(const struct named *stat, const struct named *window, const struct tick_log *log,
                     bool quick, struct cost *cost)
{
    struct course c;
    struct rs_partition_status status;
    size_t warm = window->warm_s * RATE;
    warm = quick && warm > (size_t)1200 * RATE ? (size_t)1200 * RATE : warm;
    *cost = (struct cost){0};
    bool open = course_open(&c, stat, window);
    if (open) {
        int counter = instruction_counter();
        warm_up(&c, log->records + WARM_MAX - warm, warm);
        make_ready(&c, log->records + WARM_MAX);
        measure_adds(&c, counter, cost);
        measure_views(&c, cost);
        rs_partition_status(c.partition, &status);
        cost->bytes = (double)status.memory_bytes / (double)status.groups;
        if (counter >= 0) {
            close(counter);
        }
    }
    course_close(&c);
    return open;
}

static void print_pair(const struct named *stat, const struct named *window, const struct cost *cost,
                       const struct cost *plain)
{
    printf("%s, %s: %.1f ns an event (%.2f of a sum), ", stat->name, window->name, cost->add_ns,
           cost->add_ns / plain->add_ns);
    if (cost->instructions > 0) {
        printf("%.0f instructions, ", cost->instructions);
    }
    printf("%.0f ns with views (%.2f), %.0f ns a view, %.0f bytes a group\n", cost->shown_ns,
           cost->shown_ns / plain->shown_ns, cost->view_ns, cost->bytes);
    (void)fflush(stdout);
}

static bool wanted(const char *name, const char *asked)
{
    return !asked || strcmp(name, asked) == 0;
}

/* The plain sum takes its turn again and again, for the machine changes; the least of it counts. */
static void measure_plain(const struct tick_log *log, bool quick, struct cost *plain)
{
    struct cost cost;
    require(run_pair(&stats[0], &windows[0], log, quick, &cost), "a plain sum is refused");
    if (plain->add_ns == 0 || cost.add_ns < plain->add_ns) {
        plain->add_ns = cost.add_ns;
    }
    if (plain->shown_ns == 0 || cost.shown_ns < plain->shown_ns) {
        plain->shown_ns = cost.shown_ns;
    }
}

static int run_table(bool quick, const char *stat, const char *window)
{
    struct tick_log log = {0};
    struct cost plain = {0};
    size_t pairs = 0;
    fill_log(&log);
    for (size_t i = 0; i < WINDOWS * STATS; i++) {
        const struct named *of = &stats[i % STATS];
        const struct named *in = &windows[i / STATS];
        struct cost cost;
        if (!wanted(of->name, stat) || !wanted(in->name, window)) {
            continue;
        }
        if (pairs++ % 8 == 0) {
            measure_plain(&log, quick, &plain);
        }
        if (run_pair(of, in, &log, quick, &cost)) {
            print_pair(of, in, &cost, &plain);
        }
    }
    tick_log_free(&log);
    return 0;
}

int main(int argc, char **argv)
{
    bool quick = false;
    const char *stat = NULL;
    const char *window = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "slices") == 0) {
            return slices_bench();
        }
        if (strcmp(argv[i], "--quick") == 0) {
            quick = true;
        } else if (strcmp(argv[i], "--stat") == 0 && i + 1 < argc) {
            stat = argv[++i];
        } else if (strcmp(argv[i], "--window") == 0 && i + 1 < argc) {
            window = argv[++i];
        } else {
            fprintf(stderr, "table_bench: what is %s?\n", argv[i]);
            return 2;
        }
    }
    return run_table(quick, stat, window);
}
