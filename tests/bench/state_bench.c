/* What the state log costs: CPU an event, bytes, restoring, pauses, growth. Over the durable log and a log io
 * in memory, which keeps the records and acknowledges them at once. Prints; judges nothing.
 *
 *   state_bench [cpu|bytes|restore|pauses|growth]... */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/cpu_clock.h"
#include "tests/lib/engine_fixture.h"
#include "tests/lib/virtual_clock.h"
#include "transform/partition/internal.h"
#include "transform/partition/seal.h"
#include "transform/statelog/protocol.h"

#define SECOND   INT64_C(1000000)
#define BEGIN_US (1700000040 * SECOND) /* a full minute */
#define RATE     ((size_t)200000)      /* events a second of their own time; a batch each second */
#define STEP_NS  (1000000000 / (int64_t)RATE)
#define TURN     2048              /* events, then the batch gets its turn, as in a worker */
#define STEPS    8                 /* of the batch in its turn */
#define BACKLOG  ((size_t)1 << 20) /* written and not taken: input waits */

static const struct rs_partition_id id = {0, 0, 0};

static const char stats[] =
    "      n: count()\n      volume: sum(quantity)\n      low: min(paid)\n      high: max(paid)\n"
    "      first: first(paid)\n      last: last(paid)\n      vwap: vwap(paid, quantity)\n"
    "      sd: stddev(paid)\n";

static void require(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "state_bench: %s\n", what);
        abort();
    }
}

static uint64_t next(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* ---- a log in memory ---- */

struct memory_record {
    uint8_t *bytes;
    size_t size;
};

struct memory_log {
    struct memory_record *records; /* by offset; before `first` they are freed */
    int64_t first, end, capacity;
    uint64_t bytes, appended; /* held, and ever written */
    uint64_t acks[64];        /* cookies, of the records before `end` in turn */
    size_t ack_first, ack_count;
    int64_t read_at, read_until; /* read_at > read_until: nothing is read */
    bool end_due, trimmed_due;
};

static int memory_append(void *self, struct rs_partition_id of, struct rs_slice bytes, uint64_t cookie,
                         struct rs_error *error)
{
    struct memory_log *m = self;
    (void)of;
    if (m->ack_count == sizeof m->acks / sizeof *m->acks) {
        return rs_fail(error, RS_ELIMIT, "no room");
    }
    if (m->end == m->capacity) {
        m->capacity = m->capacity * 2 + 1024;
        m->records = realloc(m->records, (size_t)m->capacity * sizeof *m->records);
        require(m->records != NULL, "out of memory");
    }
    uint8_t *copy = malloc(bytes.size);
    require(copy != NULL, "out of memory");
    memcpy(copy, bytes.data, bytes.size);
    m->records[m->end++] = (struct memory_record){copy, bytes.size};
    m->bytes += bytes.size;
    m->appended += bytes.size;
    m->acks[(m->ack_first + m->ack_count++) % (sizeof m->acks / sizeof *m->acks)] = cookie;
    return 0;
}

static int memory_read(void *self, struct rs_partition_id of, int64_t until, struct rs_error *error)
{
    struct memory_log *m = self;
    (void)of;
    (void)error;
    m->read_at = m->first;
    m->read_until = until;
    m->end_due = true;
    return 0;
}

static int memory_trim(void *self, struct rs_partition_id of, int64_t before, struct rs_error *error)
{
    struct memory_log *m = self;
    (void)of;
    (void)error;
    for (; m->first < before; m->first++) {
        m->bytes -= m->records[m->first].size;
        free(m->records[m->first].bytes);
    }
    m->trimmed_due = true;
    return 0;
}

static void memory_forget(void *self, struct rs_partition_id of)
{
    struct memory_log *m = self;
    (void)of;
    m->ack_count = 0;
    m->read_at = m->read_until + 1;
    m->end_due = m->trimmed_due = false;
}

static bool memory_take(void *self, uint32_t worker, struct rs_append_event *out)
{
    struct memory_log *m = self;
    (void)worker;
    *out = (struct rs_append_event){.id = id, .committed = -1};
    if (m->ack_count > 0) {
        out->kind = RS_APPEND_DONE;
        out->cookie = m->acks[m->ack_first];
        out->offset = m->end - (int64_t)m->ack_count--;
        m->ack_first = (m->ack_first + 1) % (sizeof m->acks / sizeof *m->acks);
    } else if (m->read_at <= m->read_until) {
        out->kind = RS_APPEND_RECORD;
        out->offset = m->read_at;
        out->bytes = rs_slice_of(m->records[m->read_at].bytes, m->records[m->read_at].size);
        m->read_at++;
    } else if (m->end_due) {
        out->kind = RS_APPEND_END;
        out->offset = m->first;
        m->end_due = false;
    } else if (m->trimmed_due) {
        out->kind = RS_APPEND_TRIMMED;
        out->offset = m->first;
        m->trimmed_due = false;
    } else {
        return false;
    }
    return true;
}

static int memory_wake_fd(void *self, uint32_t worker)
{
    (void)self;
    (void)worker;
    return -1;
}

static const struct rs_append_log_ops memory_ops = {
    .append = memory_append,
    .read = memory_read,
    .trim = memory_trim,
    .forget = memory_forget,
    .take = memory_take,
    .wake_fd = memory_wake_fd,
};

static void memory_free(struct memory_log *m)
{
    for (; m->first < m->end; m->first++) {
        free(m->records[m->first].bytes);
    }
    free(m->records);
}

/* ---- a partition and its log ---- */

enum { BUCKETS = 6 };
static const double bucket_ms[BUCKETS] = {1, 2, 5, 10, 20, 1e9};

/* How long single calls took. */
struct pauses {
    uint64_t counts[BUCKETS];
    double worst_ns;
};

struct world {
    struct fixture fixture;
    struct rs_partition *partition;
    struct memory_log io;
    struct rs_clock_virtual clock;
    struct rs_durable_log *durable;
    struct rs_state_log log;
    bool open, sealing;
    uint64_t sweep_begun; /* bytes appended when the newest sweep began */
    uint64_t largest;     /* of the log, in bytes */
    struct rs_seal seal;
    struct rs_slice head;
    bool sweep_ends;
    struct pauses *begins, *steps, *applies; /* NULL: not asked for */
};

static void note_pause(struct pauses *pauses, double since_ns)
{
    double took = cpu_ns() - since_ns;
    size_t i = 0;
    while (took > bucket_ms[i] * 1e6) {
        i++;
    }
    pauses->counts[i]++;
    pauses->worst_ns = took > pauses->worst_ns ? took : pauses->worst_ns;
}

static void new_partition(struct world *w)
{
    struct rs_error error;
    rs_partition_free(&w->partition);
    require(rs_partition_new(w->fixture.engine, 0, 0, &w->partition, &error) == 0, "no partition");
}

/* Claims the log and restores what it holds. */
static void claim(struct world *w)
{
    struct rs_error error;
    struct rs_state_event event;
    struct rs_buf notes = {0};
    bool claimed = false;
    require(w->log.ops->claim(w->log.self, id, -1, &error) == 0, "no claim");
    while (!claimed && w->log.ops->take(w->log.self, 0, &event)) {
        int rc = 0;
        switch (event.kind) {
        case RS_STATE_BATCH: rc = rs_partition_restore_batch(w->partition, event.bytes, &error); break;
        case RS_STATE_CHUNK: rc = rs_partition_restore_chunk(w->partition, event.bytes, &error); break;
        case RS_STATE_MORE: break;
        default:
            require(event.kind == RS_STATE_CLAIMED, "the log is not whole");
            claimed = true;
            if (event.sealed) {
                rc = rs_partition_restore_end(w->partition, &event.seal, &notes, &error);
            } else {
                rs_partition_seal_enable(w->partition, 0);
            }
        }
        require(rc == 0, "not restored");
    }
    rs_buf_fini(&notes);
}

static void open_world(struct world *w, const char *window, uint64_t sweep_floor)
{
    struct rs_error error;
    struct rs_buf yaml = {0};
    memset(w, 0, sizeof *w);
    rs_buf_printf(
        &yaml,
        "streams:\n  ticks: {topic: t, schema: tick.avsc, time: at, lateness: 10s, expire: 2h}\n"
        "aggregates:\n  a:\n    stream: ticks\n    by: [market, product]\n    window: %s\n    stats:\n%s",
        window, stats);
    rs_buf_char(&yaml, '\0');
    require(fixture_open(&w->fixture, (const char *)yaml.data), "the configuration is wrong");
    rs_buf_fini(&yaml);
    rs_clock_virtual_init(&w->clock, BEGIN_US);
    const struct rs_durable_log_options options = {.workers = 1,
                                                   .io = {.self = &w->io, .ops = &memory_ops},
                                                   .streams = w->fixture.streams,
                                                   .clock = &w->clock.clock,
                                                   .sweep_floor = sweep_floor};
    require(rs_durable_log_new(&options, &w->durable, &error) == 0, "no log");
    w->log = rs_durable_log_table(w->durable);
    w->io.read_until = -1;
    new_partition(w);
}

static void close_world(struct world *w)
{
    rs_partition_free(&w->partition);
    rs_durable_log_free(&w->durable);
    memory_free(&w->io);
    fixture_close(&w->fixture);
}

/* ---- batches, as the worker makes them ---- */

static void begin(struct world *w)
{
    double start = cpu_ns();
    struct rs_state_plan plan = w->log.ops->plan(w->log.self, id);
    rs_partition_seal_begin(w->partition, plan);
    if (w->begins) {
        note_pause(w->begins, start);
    }
    w->sweep_begun = plan.sweep_begins ? w->io.appended : w->sweep_begun;
    w->open = true;
}

static void hear(struct world *w)
{
    struct rs_state_event event;
    w->largest = w->io.bytes > w->largest ? w->io.bytes : w->largest;
    while (w->log.ops->take(w->log.self, 0, &event)) {
        require(event.kind == RS_STATE_COMMITTED || event.kind == RS_STATE_MORE, "the log was lost");
        w->sealing = w->sealing && event.kind != RS_STATE_COMMITTED;
    }
}

static void step(struct world *w)
{
    struct rs_slice chunk;
    struct rs_error error;
    switch (rs_partition_seal_step(w->partition, &chunk)) {
    case RS_SEAL_WORKING: break;
    case RS_SEAL_CHUNK:
        if (w->log.ops->chunk(w->log.self, id, chunk, &error) == 0) {
            rs_partition_seal_taken(w->partition);
        }
        break;
    case RS_SEAL_COMPLETE:
        rs_partition_seal_end(w->partition, &w->seal, &w->head, &w->sweep_ends);
        require(w->log.ops->seal(w->log.self, id, &w->seal, w->head, w->sweep_ends, &error) == 0, "no seal");
        w->open = false;
        w->sealing = true;
        break;
    case RS_SEAL_FAILED: require(false, "memory ran out");
    }
}

static void turn(struct world *w)
{
    for (int i = 0; i < STEPS && w->open; i++) {
        double start = cpu_ns();
        step(w);
        if (w->steps) {
            note_pause(w->steps, start);
        }
    }
    hear(w);
}

static void seal_all(struct world *w)
{
    begin(w);
    while (w->open || w->sealing) {
        turn(w);
    }
}

/* Applies records; after every `each` of them a batch is begun. 0: none ever. */
static void drive(struct world *w, const struct rs_record *records, size_t count, size_t each)
{
    size_t since = 0;
    for (size_t at = 0; at < count; at += TURN) {
        size_t size = count - at < TURN ? count - at : TURN;
        while (w->open && rs_partition_seal_backlog(w->partition) > BACKLOG) {
            turn(w);
        }
        double start = w->applies ? cpu_ns() : 0;
        require(rs_partition_apply(w->partition, records + at, size, NULL) == size, "not all was applied");
        if (w->applies) {
            note_pause(w->applies, start);
        }
        since += size;
        if (each > 0 && since >= each && !w->open && !w->sealing) {
            begin(w);
            since = 0;
        }
        if (w->open || w->sealing) {
            turn(w);
        }
    }
}

/* ---- events ---- */

/* Each event another group in turn, or one by chance; times ascend. */
static void add_events(struct tick_log *log, size_t count, uint64_t groups, bool by_chance, int64_t from_us,
                       int64_t step_ns)
{
    uint64_t seed = 88172645463325252u;
    char product[32];
    for (size_t i = 0; i < count; i++) {
        uint64_t group = by_chance ? next(&seed) % groups : i % groups;
        (void)snprintf(product, sizeof product, "P%07llu", (unsigned long long)group);
        struct tick t = {.market = "XSHG", .product = product};
        t.at_us = from_us + (int64_t)i * step_ns / 1000;
        t.paid = (int64_t)(10000 + next(&seed) % 1000);
        t.quantity = (int64_t)(1 + next(&seed) % 100);
        tick_log_add(log, &t);
    }
}

static uint64_t input_bytes(const struct tick_log *log)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < log->count; i++) {
        bytes += log->records[i].value.size;
    }
    return bytes;
}

/* ---- cases ---- */

/* The same events with and without batches, in turns; the least of the rounds counts. */
static void bench_cpu(void)
{
    struct tick_log log = {0};
    double best[2] = {1e18, 1e18};
    const size_t count = 5 * RATE;
    const size_t warm = RATE;
    add_events(&log, warm + count, 10000, true, BEGIN_US, STEP_NS);
    const struct rs_record *records = tick_log_seal(&log);
    for (int round = 0; round < 20; round++) {
        struct world w;
        size_t each = round % 2 ? RATE : 0;
        open_world(&w, "{tumbling: 1m}", 0);
        if (each) {
            claim(&w);
        }
        drive(&w, records, warm, each);
        double start = cpu_ns();
        drive(&w, records + warm, count, each);
        double took = (cpu_ns() - start) / (double)count;
        best[round % 2] = took < best[round % 2] ? took : best[round % 2];
        close_world(&w);
    }
    printf("engine alone, 10,000 groups: %.1f ns an event; with a batch each %zu events: %.1f ns\n", best[0],
           RATE, best[1]);
    printf("state log: CPU over the engine alone: %.1f %% (goal ≤ 10 %%)\n", 100 * (best[1] / best[0] - 1));
    tick_log_free(&log);
}

static void bench_bytes(void)
{
    for (uint64_t groups = 1000; groups <= 100000; groups *= 10) {
        struct tick_log log = {0};
        struct world w;
        const size_t count = 10 * RATE;
        add_events(&log, count, groups, true, BEGIN_US, STEP_NS);
        const struct rs_record *records = tick_log_seal(&log);
        open_world(&w, "{tumbling: 1m}", 0);
        claim(&w);
        drive(&w, records, count, RATE);
        printf("state log bytes an input byte, %6llu groups at %zu events a second: %.2f\n",
               (unsigned long long)groups, RATE, (double)w.io.appended / (double)input_bytes(&log));
        close_world(&w);
        tick_log_free(&log);
    }
}

/* Whatever is in the log is the newest state: one batch of all there is. */
static void bench_restore(uint64_t groups, size_t panes)
{
    struct tick_log log = {0};
    struct world w;
    struct rs_partition_status status;
    double best = 1e18;
    open_world(&w, panes > 1 ? "{sliding: 10m, every: 1m}" : "{tumbling: 1m}", 0);
    add_events(&log, groups * panes, groups, false, BEGIN_US, (int64_t)(60 * 1000000000ull / groups));
    const struct rs_record *records = tick_log_seal(&log);
    claim(&w);
    drive(&w, records, log.count, 0);
    seal_all(&w);
    for (int round = 0; round < 3; round++) {
        new_partition(&w);
        double start = cpu_ns();
        claim(&w);
        double took = cpu_ns() - start;
        best = took < best ? took : best;
    }
    rs_partition_status(w.partition, &status);
    printf("restore %llu panes in %llu groups: %.2f s of CPU, %.0f MiB of log (goal < 2 s)\n",
           (unsigned long long)status.panes, (unsigned long long)status.groups, best / 1e9,
           (double)w.io.bytes / (1 << 20));
    close_world(&w);
    tick_log_free(&log);
}

static void print_pauses(const char *what, const struct pauses *p)
{
    printf("pauses, %s: longest %.2f ms; calls", what, p->worst_ns / 1e6);
    for (size_t i = 0; i < BUCKETS; i++) {
        if (i + 1 < BUCKETS) {
            printf(" ≤%.0f ms: %llu,", bucket_ms[i], (unsigned long long)p->counts[i]);
        } else {
            printf(" more: %llu (goal ≤ 20 ms)\n", (unsigned long long)p->counts[i]);
        }
    }
}

/* A million groups: all changed, changed again while a batch is open, swept, and expired at once; the same
 * without batches beside it. */
static void pauses_of(const struct rs_record *records, size_t groups, bool batches, struct pauses pauses[4])
{
    struct world w;
    open_world(&w, "{tumbling: 1m}", 0);
    if (batches) {
        claim(&w);
    }
    drive(&w, records, groups, 0);
    w.applies = &pauses[0];
    w.begins = &pauses[1];
    w.steps = &pauses[2];
    drive(&w, records + groups, 3 * groups, batches ? RATE : 0);
    while (w.open || w.sealing) {
        turn(&w);
    }
    for (int i = 0; batches && i < 200; i++) { /* nothing changes any more: sweeps alone */
        seal_all(&w);
    }
    w.applies = &pauses[3];
    drive(&w, records + 4 * groups, 1, 0);
    if (batches) {
        seal_all(&w);
    }
    close_world(&w);
}

static void bench_pauses(void)
{
    const uint64_t groups = 1000000;
    struct tick_log log = {0};
    struct tick last = {
        .market = "XSHG", .product = "P0000000", .at_us = BEGIN_US + INT64_C(4) * 3600 * SECOND};
    struct pauses without[4] = {0};
    struct pauses with[4] = {0};
    add_events(&log, groups, groups, false, BEGIN_US, 10000);
    add_events(&log, 3 * groups, groups, true, BEGIN_US + 20 * SECOND, 10000);
    tick_log_add(&log, &last);
    const struct rs_record *records = tick_log_seal(&log);
    pauses_of(records, groups, false, without);
    pauses_of(records, groups, true, with);
    print_pauses("apply of 2,048 events, without batches", &without[0]);
    print_pauses("apply of 2,048 events, with batches", &with[0]);
    print_pauses("begin of a batch", &with[1]);
    print_pauses("step of a batch", &with[2]);
    print_pauses("the event that expires 1,000,000 groups, without batches", &without[3]);
    print_pauses("the event that expires 1,000,000 groups, with batches", &with[3]);
    tick_log_free(&log);
}

/* The log at its largest, in sizes of the live state, and what is written while a sweep goes on; `churn`
 * events a batch. */
static void bench_growth(uint64_t groups, size_t churn)
{
    struct tick_log log = {0};
    struct world w;
    struct rs_state_log_status status = {0};
    double largest = 0;
    double most_added = 0;
    const size_t count = 400000;
    add_events(&log, groups, groups, false, BEGIN_US, 1000);
    add_events(&log, count, groups, true, BEGIN_US + SECOND, 1000);
    struct rs_record *records = (struct rs_record *)tick_log_seal(&log);
    open_world(&w, "{tumbling: 1m}", 0);
    claim(&w);
    drive(&w, records, groups, 0);
    seal_all(&w);
    const double live = (double)w.io.appended; /* one batch of all there is */
    int64_t offset = (int64_t)log.count;
    for (size_t at = 0; status.sweeps < 200; at = (at + churn) % (count - churn)) {
        struct rs_record *again = records + groups + at;
        for (size_t i = 0; i < churn; i++) {
            again[i].offset = offset++;
        }
        uint64_t sweeps = status.sweeps;
        drive(&w, again, churn, 0);
        seal_all(&w);
        (void)w.log.ops->status(w.log.self, id, &status);
        if (sweeps < 2 || sweeps == status.sweeps) {
            continue;
        }
        double added = (double)(w.io.appended - w.sweep_begun) / live;
        largest = (double)w.largest / live > largest ? (double)w.largest / live : largest;
        most_added = added > most_added ? added : most_added;
        w.largest = 0;
    }
    printf("log at its largest over 200 sweeps, %llu groups, %zu events a batch: %.2f × live state, of it "
           "%.2f by the sweep (goal < 3 + that)\n",
           (unsigned long long)groups, churn, largest, most_added);
    close_world(&w);
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
    if (wanted(argc, argv, "cpu")) {
        bench_cpu();
    }
    if (wanted(argc, argv, "bytes")) {
        bench_bytes();
    }
    if (wanted(argc, argv, "restore")) {
        bench_restore(100000, 10);
        bench_restore(1000000, 1);
    }
    if (wanted(argc, argv, "pauses")) {
        bench_pauses();
    }
    if (wanted(argc, argv, "growth")) {
        bench_growth(30000, 500);
        bench_growth(30000, 5000);
        bench_growth(30000, 60000);
    }
    return 0;
}
