/* Nanoseconds per event of the engine: decoded, judged, looked up and added; and per emitted view. Prints;
 * judges nothing.
 *
 *   engine_bench [apply|small|rules|window|session|last|emit|GROUPS]...
 *
 * Without arguments: all. GROUPS: `apply` with so many. What grows with what: scaling_bench. `window` drives a tumbling and a sliding aggregate through the same log
 * with the same emissions; where the kernel lets it, instructions are counted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/cpu_clock.h"
#include "tests/lib/engine_fixture.h"
#include "tests/lib/instructions.h"
#include "transform/group/group.h"
#include "transform/partition/internal.h"

#define SECOND      INT64_C(1000000)
#define BATCH_BYTES 65536
#define PARTS       40 /* that are measured; the least counts, since other work on the machine only adds */
#define KEY_BYTES   16 /* of fill_log's products: two strings with their lengths */

#define STATS 8

static const char *const stats[STATS] = {"n: count()",
                                         "volume: sum(quantity)",
                                         "low: min(paid)",
                                         "high: max(paid)",
                                         "first: first(paid)",
                                         "last: last(paid)",
                                         "vwap: vwap(paid, quantity)",
                                         "sd: stddev(paid)"};

/* ---- measuring ---- */

static uint64_t next(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* ---- logs ---- */

/* `rate` events a second over `groups` groups, of which each comes once at first; `mess_us`: how far behind the clock an event may be. */
static void fill_log(struct tick_log *log, size_t count, uint64_t groups, uint64_t rate, int64_t mess_us)
{
    uint64_t seed = 88172645463325252u;
    char product[32];
    for (size_t i = 0; i < count; i++) {
        uint64_t group = i < groups ? i : next(&seed) % groups;
        snprintf(product, sizeof product, "P%07llu", (unsigned long long)group);
        struct tick t = {.market = "XSHG", .product = product, .at_us = 1700000000 * SECOND};
        t.at_us += (int64_t)(i * (uint64_t)SECOND / rate);
        t.at_us -= mess_us ? (int64_t)(next(&seed) % (uint64_t)mess_us) : 0;
        t.paid = (int64_t)(10000 + next(&seed) % 1000);
        t.quantity = (int64_t)(1 + next(&seed) % 100);
        tick_log_add(log, &t);
    }
    (void)tick_log_seal(log);
}

static void open_stream(struct fixture *f, struct rs_partition **p, const char *stream, const char *window,
                        const char *more)
{
    struct rs_error error;
    struct rs_buf yaml = {0};
    rs_buf_printf(
        &yaml,
        "streams:\n  ticks: {topic: t, schema: tick.avsc, time: at, lateness: 10s%s}\naggregates:\n  a0:\n"
        "    stream: ticks\n    by: [market, product]\n    window: %s\n%s    stats:\n",
        stream, window, more);
    for (int i = 0; i < STATS; i++) {
        rs_buf_printf(&yaml, "      %s\n", stats[i]);
    }
    rs_buf_char(&yaml, '\0');
    if (!fixture_open(f, (const char *)yaml.data) || rs_partition_new(f->engine, 0, 0, p, &error) < 0) {
        fprintf(stderr, "engine_bench: %s\n", (const char *)f->complaints.data);
        abort();
    }
    rs_buf_fini(&yaml);
}

static void open_with(struct fixture *f, struct rs_partition **p, const char *window, const char *more)
{
    open_stream(f, p, "", window, more);
}

/* ---- cases ---- */

/* What a part of the log is measured as. Two partitions hold the same groups: one applies the records, in the
 * other they are only looked up and added, with hashes, keys and times made ready before. */
struct course {
    struct fixture f;
    struct rs_partition *p, *bare;
    struct tick_log log;
    struct lookup *lookups;             /* of a part */
    double apply_ns, decode_ns, add_ns; /* the least of the parts */
};

struct lookup {
    uint32_t hash;
    int32_t after_us; /* of the part's first event */
    char key[KEY_BYTES];
};

static void least(double *best, double start, size_t events)
{
    double each = (cpu_ns() - start) / (double)events;
    *best = each < *best ? each : *best;
}

static void prepare_lookups(struct course *c, const struct rs_record *records, size_t count)
{
    struct rs_partition *p = c->bare;
    int64_t first_us = 0;
    for (size_t i = 0; i < count; i++) {
        p->batch.key_fill = 0;
        rs_batch_judge(p, 0, &records[i]);
        const struct rs_event_key *key = rs_batch_key(p, 0, 0);
        int64_t time_us = p->batch.judged[0].time_us;
        first_us = i ? first_us : time_us;
        c->lookups[i] = (struct lookup){.hash = key->hash, .after_us = (int32_t)(time_us - first_us)};
        memcpy(c->lookups[i].key, rs_batch_key_bytes(p, key).data, KEY_BYTES);
    }
}

static void look_up_and_add(struct rs_groups *gs, const struct lookup *lookups, struct rs_event *event)
{
    uint32_t hashes[RS_RECORD_BATCH_MAX];
    uint32_t found[RS_RECORD_BATCH_MAX];
    int64_t first_us = event->time_us;
    for (uint32_t i = 0; i < RS_RECORD_BATCH_MAX; i++) {
        hashes[i] = lookups[i].hash;
    }
    rs_groups_look_up(gs, hashes, RS_RECORD_BATCH_MAX, found);
    for (uint32_t i = 0; i < RS_RECORD_BATCH_MAX; i++) {
        struct rs_slice wanted = rs_slice_of(lookups[i].key, sizeof lookups[i].key);
        uint32_t number = found[i];
        if (!rs_group_key_is(gs, rs_group_at(gs, number), wanted)) {
            number = rs_groups_find(gs, hashes[i], wanted);
        }
        event->order++;
        event->time_us = first_us + lookups[i].after_us;
        if (!rs_group_late(gs, rs_group_at(gs, number), rs_slice_of(NULL, 0), event->time_us, event->order)) {
            rs_group_add(gs, number, event);
        }
    }
    event->time_us = first_us;
}

/* Applying, decoding alone, and look-up and add alone, of the same records one after the other. */
static void measure_part(struct course *c, const struct rs_record *records, size_t count)
{
    struct rs_groups *gs = &c->bare->groups[0];
    prepare_lookups(c, records, count);
    struct rs_event event = {c->bare->batch.judged[0].time_us - c->lookups[count - 1].after_us,
                             records->offset, rs_batch_inputs(c->bare, 0)};
    double start = cpu_ns();
    for (size_t i = 0; i + RS_RECORD_BATCH_MAX <= count; i += RS_RECORD_BATCH_MAX) {
        look_up_and_add(gs, c->lookups + i, &event);
    }
    least(&c->add_ns, start, count);
    start = cpu_ns();
    for (size_t i = 0; i < count; i++) {
        (void)!rs_decoder_run(c->p->plan->decoder, records[i].value, NULL, c->p->batch.values, NULL);
    }
    least(&c->decode_ns, start, count);
    start = cpu_ns();
    (void)!rs_partition_apply(c->p, records, count, NULL);
    least(&c->apply_ns, start, count);
}

static void run_course(struct course *course, const char *window, uint64_t groups, size_t count,
                       struct rs_partition_status *status)
{
    struct course c = {.apply_ns = 1e18, .decode_ns = 1e18, .add_ns = 1e18};
    struct rs_error error;
    const size_t warm = count / 2;
    const size_t part = warm / PARTS / RS_RECORD_BATCH_MAX * RS_RECORD_BATCH_MAX;
    open_with(&c.f, &c.p, window, "");
    if (rs_partition_new(c.f.engine, 0, 0, &c.bare, &error) < 0) {
        abort();
    }
    fill_log(&c.log, count, groups, 1000000, 0);
    c.lookups = calloc(part, sizeof *c.lookups);
    (void)!rs_partition_apply(c.p, c.log.records, warm, NULL);
    (void)!rs_partition_apply(c.bare, c.log.records, warm, NULL);
    for (size_t at = warm; at + part <= count; at += part) {
        measure_part(&c, c.log.records + at, part);
    }
    rs_partition_status(c.p, status);
    free(c.lookups);
    rs_partition_free(&c.bare);
    rs_partition_free(&c.p);
    fixture_close(&c.f);
    tick_log_free(&c.log);
    *course = c;
}

static void bench_apply(uint64_t groups, size_t count)
{
    struct course c;
    struct rs_partition_status s;
    run_course(&c, "{tumbling: 1m}", groups, count, &s);
    printf("apply, %llu groups: %.1f ns an event; decode %.1f, look-up and add %.1f; %llu bytes a group\n",
           (unsigned long long)groups, c.apply_ns, c.decode_ns, c.add_ns,
           (unsigned long long)(s.memory_bytes / s.groups));
    printf("apply, times decode and look-up and add, %llu groups: %.2f (goal ≤ 1.5)\n",
           (unsigned long long)groups, c.apply_ns / (c.decode_ns + c.add_ns));
}

/* Windows of the newest events beside one that only adds, of the same log: full from the beginning on. */
static void bench_last(uint64_t groups)
{
    static const char *const windows[] = {"{all: true}", "{last: 10}", "{last: 1000}"};
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
        struct course c;
        struct rs_partition_status s;
        run_course(&c, windows[i], groups, 1000000, &s);
        printf("%-13s %llu groups: look-up and add %5.1f ns an event (goal of last: 1000: ≤ 50), apply %.1f, "
               "%llu "
               "bytes a group\n",
               windows[i], (unsigned long long)groups, c.add_ns, c.apply_ns,
               (unsigned long long)(s.memory_bytes / s.groups));
    }
}

/* What rules cost: two partitions take the same records in turns, one of a stream with eight of them. */
static void bench_rules(const char *name, const char *rules)
{
    struct fixture plain;
    struct fixture ruled;
    struct rs_partition *p;
    struct rs_partition *q;
    struct tick_log log = {0};
    const size_t count = 1000000;
    const size_t part = count / PARTS / RS_RECORD_BATCH_MAX * RS_RECORD_BATCH_MAX;
    double plain_ns = 1e18;
    double ruled_ns = 1e18;
    open_stream(&plain, &p, "", "{tumbling: 1m}", "");
    open_stream(&ruled, &q, rules, "{tumbling: 1m}", "");
    fill_log(&log, count, 10000, 1000000, 0);
    for (size_t at = 0; at + part <= count; at += part) {
        double start = cpu_ns();
        (void)!rs_partition_apply(p, log.records + at, part, NULL);
        least(&plain_ns, start, part);
        start = cpu_ns();
        (void)!rs_partition_apply(q, log.records + at, part, NULL);
        least(&ruled_ns, start, part);
    }
    printf("apply with 8 rules %s, 10000 groups: %.1f ns an event, %.1f more than without (goal ≤ 15)\n",
           name, ruled_ns, ruled_ns - plain_ns);
    rs_partition_free(&p);
    rs_partition_free(&q);
    fixture_close(&plain);
    fixture_close(&ruled);
    tick_log_free(&log);
}

static double drive(struct rs_partition *p, const struct tick_log *log, size_t from, size_t to, size_t step)
{
    struct rs_view_batch *batch = rs_view_batch_new();
    uint64_t views = 0;
    for (size_t at = from; at < to; at += step) {
        (void)!rs_partition_apply(p, log->records + at, step, NULL);
        views += partition_emit_all(p, batch, BATCH_BYTES);
    }
    rs_view_batch_free(&batch);
    return (double)views;
}

/* 100 groups, 5,000 events a second, views every 100 ms of event time: hours of events, so that the window is
 * full. */
static double bench_window(const char *name, const char *window)
{
    struct fixture f;
    struct rs_partition *p;
    struct tick_log log = {0};
    const size_t rate = 250;
    const size_t count = rate * 3600 * 2;
    int counter = instruction_counter();
    open_with(&f, &p, window, "");
    fill_log(&log, count, 20, rate, 0);
    const size_t part = count / 4;
    (void)drive(p, &log, 0, part * 3, rate);
    double before = instructions(counter);
    double start = cpu_ns();
    double views = drive(p, &log, part * 3, count, rate);
    double events = (double)part;
    double each = (cpu_ns() - start) / events;
    double counted = (instructions(counter) - before) / events;
    printf("%s: %6.1f ns an event, %.2f views an event", name, each, views / events);
    printf(counted > 0 ? ", %.0f instructions an event\n" : "\n", counted);
    if (counter >= 0) {
        close(counter);
    }
    rs_partition_free(&p);
    fixture_close(&f);
    tick_log_free(&log);
    return counted > 0 ? counted : each;
}

/* An event of each group, so far behind the round's begin; the least of the rounds. */
static void add_to_all(struct rs_groups *gs, struct rs_event *event, int64_t time_us, double *best)
{
    if (!rs_groups_reserve(gs, gs->count, 0)) {
        abort();
    }
    event->time_us = time_us;
    double start = cpu_ns();
    for (uint32_t number = 0; number < gs->count; number++) {
        event->order++;
        if (!rs_group_late(gs, rs_group_at(gs, number), rs_slice_of(NULL, 0), event->time_us, event->order)) {
            rs_group_add(gs, number, event);
        }
    }
    least(best, start, gs->count);
}

/* Each round begins two sessions in each group, joins them and goes on in what is joined. */
static void bench_session(void)
{
    struct fixture f;
    struct rs_partition *p;
    struct tick_log log = {0};
    double begin_ns = 1e18;
    double join_ns = 1e18;
    double go_on_ns = 1e18;
    open_with(&f, &p, "{session: 4s}", "    history: 10\n");
    fill_log(&log, 1000, 1000, 1000000, 0);
    (void)!rs_partition_apply(p, log.records, log.count, NULL);
    struct rs_groups *gs = &p->groups[0];
    struct rs_view_batch *batch = rs_view_batch_new();
    p->batch.key_fill = 0;
    rs_batch_judge(p, 0, &log.records[0]);
    struct rs_event event = {0, 1000, rs_batch_inputs(p, 0)};
    int64_t time_us = p->batch.judged[0].time_us;
    for (int round = 0; round < PARTS; round++) {
        time_us += 60 * SECOND;
        add_to_all(gs, &event, time_us, &begin_ns);
        add_to_all(gs, &event, time_us + 6 * SECOND, &begin_ns);
        add_to_all(gs, &event, time_us + 3 * SECOND, &join_ns);
        add_to_all(gs, &event, time_us + 7 * SECOND, &go_on_ns);
        (void)partition_emit_all(p, batch, BATCH_BYTES);
    }
    printf(
        "sessions, 1000 groups: %.1f ns an event that goes on, %.1f one that begins, %.1f one that joins two "
        "(goal ≤ 200)\n",
        go_on_ns, begin_ns, join_ns);
    rs_view_batch_free(&batch);
    rs_partition_free(&p);
    fixture_close(&f);
    tick_log_free(&log);
}

static void bench_emit(uint64_t groups)
{
    struct fixture f;
    struct rs_partition *p;
    struct tick_log log = {0};
    struct rs_view_batch *batch = rs_view_batch_new();
    open_with(&f, &p, "{tumbling: 1m}", "    history: 10\n");
    fill_log(&log, groups * 10, groups, 1000000, 0);
    (void)!rs_partition_apply(p, log.records, log.count, NULL);
    double best = 1e18;
    for (int round = 0; round < 5; round++) {
        rs_partition_republish(p);
        double start = cpu_ns();
        uint64_t views = partition_emit_all(p, batch, BATCH_BYTES);
        double each = (cpu_ns() - start) / (double)views;
        best = each < best ? each : best;
    }
    printf("emit and settle, %llu groups: %6.1f ns a view of 8 statistics\n", (unsigned long long)groups,
           best);
    rs_view_batch_free(&batch);
    rs_partition_free(&p);
    fixture_close(&f);
    tick_log_free(&log);
}

static bool wanted(int argc, char **argv, const char *name)
{
    bool found = argc == 1;
    for (int i = 1; i < argc; i++) {
        found |= strcmp(argv[i], name) == 0;
    }
    return found;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        uint64_t groups = strtoull(argv[i], NULL, 10);
        if (groups) {
            bench_apply(groups, 400000 + 3 * groups);
        }
    }
    if (wanted(argc, argv, "apply") || wanted(argc, argv, "small")) {
        bench_apply(10000, 1000000);
    }
    if (wanted(argc, argv, "apply")) {
        bench_apply(100000, 1000000);
        bench_apply(1000000, 3000000);
    }
    if (wanted(argc, argv, "rules")) {
        bench_rules("of numbers",
                    ", rules: {paid: {gt: 0, le: 1000000}, quantity: {ge: 1, le: 1000}, "
                    "side: {in: [BUY, SELL]}, day: {ge: 1970-01-01, lt: 2100-01-01}, open: {ne: true}}");
        bench_rules(
            "of texts and fields",
            ", rules: {paid: {gt: 0, le: 1000000}, quantity: {ge: 1, lt: {field: paid}}, "
            "side: {in: [BUY, SELL]}, product: {max_length: 16}, market: {ne: XXXX, pattern: '[A-Z]{4}'}}");
    }
    if (wanted(argc, argv, "last")) {
        bench_last(100);
    }
    if (wanted(argc, argv, "emit")) {
        bench_emit(10000);
    }
    if (wanted(argc, argv, "session")) {
        bench_session();
    }
    if (wanted(argc, argv, "window")) {
        double tumbling = bench_window("tumbling 1m", "{tumbling: 1m}");
        double sliding = bench_window("sliding 1h every 1s", "{sliding: 1h, every: 1s}");
        printf("sliding over tumbling: %.2f\n", sliding / tumbling);
    }
    return 0;
}
