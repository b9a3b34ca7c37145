/* The state of a partition as a state log holds it, damaged behind its checksums: edits of five bytes each (which piece, two
 * bytes where in it, what to do, a value) on the head and chunks of a batch that a partition wrote. It is restored or
 * refused with words; what is restored takes events, is shown and is written again. */
#include "base/buf.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/engine_fixture.h"
#include "transform/partition/seal.h"

#define PIECES_MAX 16
#define EVENTS     80
#define STEPS_MAX  10000

static const char yaml[] =
    "streams:\n"
    "  ticks: {topic: t, schema: tick.avsc, time: at, id: id, dedup: 1h}\n"
    "aggregates:\n"
    "  minute: {stream: ticks, by: [market, product], window: {tumbling: 1m},\n"
    "           history: 3, stats: {n: count(), p: ohlc(price), s: stddev(big)}}\n"
    "  slide: {stream: ticks, by: [product], window: {sliding: 10s, every: 1s},\n"
    "          stats: {n: count(), v: sum(quantity), m: max(ratio)}}\n"
    "  whole: {stream: ticks, by: [market], window: {all: true},\n"
    "          stats: {w: 'vwap(price, quantity)', l: last(paid)}}\n"
    "  moments: {stream: ticks, by: [product], window: {tumbling: 1m},\n"
    "            stats: {k: kurtosis(big), x: skewness(ratio), y: kurtosis(quantity),\n"
    "                    c: 'correlation(price, ratio)', t: 'slope(paid, $event_time)'}}\n"
    "  newest: {stream: ticks, by: [product], window: {last: 9},\n"
    "           stats: {v: sum(quantity), m: max(ratio), b: first(big)}}\n"
    "  series: {stream: ticks, by: [market], window: {tumbling: 1m},\n"
    "           stats: {l: 'lag(big, 2)', t: twa(price), d: drawdown(ratio), r: realized_variance(paid),\n"
    "                   e: 'ewma(ratio, 3s)', f: 'ewma(big, 1m)'}}\n"
    "  sketch: {stream: ticks, window: {sliding: 10m, every: 30s}, history: 1,\n"
    "          stats: {q: median(price), r: 'quantile(ratio, 0.9)', d: distinct(product)}}\n"
    "  runs: {stream: ticks, by: [product], window: {session: 7s}, history: 5,\n"
    "         stats: {n: count(), c: change(price), q: median(big), l: 'lag(price, 1)'}}\n"
    "  run: {stream: ticks, by: [market], window: {session: 1m}, history: 2,\n"
    "        stats: {r: rate(quantity), p: 'profile(price, 1, quantity)', e: 'ewma(ratio, 1m)'}}\n"
    "  day: {stream: ticks, by: [product], window: {tumbling: 1d, zone: America/New_York}, history: 2, fill: "
    "previous,\n"
    "        stats: {v: sum(quantity), d: distinct(big)}}\n"
    "  since: {stream: ticks, by: [market], window: {since: hour, zone: '+05:45'}, history: 1,\n"
    "          stats: {v: sum(quantity), q: 'quantile(price, 0.9)', t: twa(price)}}\n"
    "  total: {stream: ticks, window: {all: true},\n"
    "          stats: {q: median(big), r: 'quantile(ratio, 0.9)', d: distinct(ratio),\n"
    "                  p: 'profile(price, 2, quantity)'}}\n";

static struct fixture fixture;
static struct tick_log ticks;
static const struct rs_record *records;
static struct rs_buf pieces[PIECES_MAX]; /* the head, then the chunks */
static size_t piece_count;
static struct rs_seal seal;

static bool put_letter(void *self, const struct rs_dead_letter *letter)
{
    (void)self;
    return letter->text[0] != '\0';
}

static void apply(struct rs_partition *p, size_t from, size_t to)
{
    static const struct rs_dead_letter_ops ops = {.put = put_letter};
    const struct rs_dead_letter_sink letters = {.ops = &ops};
    rs_fuzz_require(rs_partition_apply(p, records + from, to - from, &letters) == to - from,
                    "events are not taken");
}

static struct rs_partition *open_partition(void)
{
    struct rs_partition *p = NULL;
    struct rs_error error = {0};
    rs_fuzz_require(rs_partition_new(fixture.engine, 0, 0, &p, &error) == 0, error.text);
    return p;
}

/* The whole state in one batch; `keep`: the pieces are those that are damaged from now on. */
static void write_state(struct rs_partition *p, bool keep)
{
    struct rs_slice piece = {0};
    bool ends = false;
    size_t count = 1;
    rs_partition_seal_begin(p, (struct rs_state_plan){.sweep_begins = true, .slice_bytes = 1000000});
    enum rs_seal_step step = RS_SEAL_WORKING;
    for (size_t i = 0; i < STEPS_MAX && step != RS_SEAL_COMPLETE; i++) {
        step = rs_partition_seal_step(p, &piece);
        rs_fuzz_require(step != RS_SEAL_FAILED, "a batch cannot become whole");
        if (step == RS_SEAL_CHUNK) {
            if (keep && count < PIECES_MAX) {
                rs_buf_put(&pieces[count++], piece.data, piece.size);
            }
            rs_partition_seal_taken(p);
        }
    }
    rs_fuzz_require(step == RS_SEAL_COMPLETE, "a batch does not end");
    struct rs_seal written;
    rs_partition_seal_end(p, &written, &piece, &ends);
    if (keep) {
        rs_buf_put(&pieces[0], piece.data, piece.size);
        piece_count = count;
        seal = written;
    }
}

static void end(void)
{
    tick_log_free(&ticks);
    fixture_close(&fixture);
    for (size_t i = 0; i < PIECES_MAX; i++) {
        rs_buf_fini(&pieces[i]);
    }
}

static void start(void)
{
    static const char *const names[] = {"a", "b", "c d:e"};
    bool loaded = fixture_open(&fixture, yaml);
    rs_fuzz_require(loaded, (const char *)fixture.complaints.data);
    for (int i = 0; i < EVENTS; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "%d", i);
        const struct tick tick = {.id = id,
                                  .market = names[i % 2],
                                  .product = names[i % 3],
                                  .at_us = INT64_C(1700000000000000) + i * INT64_C(7000000),
                                  .price = 1000 + i,
                                  .quantity = i,
                                  .ratio = i / 7.0,
                                  .big = i,
                                  .paid = i};
        tick_log_add(&ticks, &tick);
    }
    records = tick_log_seal(&ticks);
    struct rs_partition *p = open_partition();
    rs_partition_seal_enable(p, 0);
    apply(p, 0, EVENTS / 2);
    write_state(p, true);
    rs_partition_free(&p);
    (void)atexit(end);
}

static void edit(struct rs_buf *piece, size_t at, uint8_t what, uint8_t value)
{
    static const uint64_t numbers[] = {0,          1,         UINT32_MAX,        INT32_MAX,
                                       UINT64_MAX, INT64_MAX, UINT64_C(1) << 63, 1 << 20};
    if (piece->size == 0) {
        return;
    }
    at %= piece->size;
    switch (what % 5) {
    case 0: piece->data[at] = value; break;
    case 1: piece->data[at] ^= (uint8_t)(1 << value % 8); break;
    case 2: piece->size = at; break;
    case 3: {
        size_t size = value & 8 ? sizeof(uint64_t) : sizeof(uint32_t);
        memcpy(piece->data + at, &numbers[value % 8], size < piece->size - at ? size : piece->size - at);
        break;
    }
    default: piece->data[at] = (uint8_t)(piece->data[at] + value); break;
    }
}

static int restore(struct rs_partition *p, const struct rs_buf *changed, struct rs_error *error)
{
    struct rs_buf notes = {0};
    int code = 0;
    for (size_t i = 0; i < piece_count && code == 0; i++) {
        uint8_t *exact = rs_fuzz_exactly(rs_buf_slice(&changed[i]));
        struct rs_slice bytes = rs_slice_of(exact, changed[i].size);
        code = i == 0 ? rs_partition_restore_batch(p, bytes, error)
                      : rs_partition_restore_chunk(p, bytes, error);
        free(exact);
    }
    code = code == 0 ? rs_partition_restore_end(p, &seal, &notes, error) : code;
    rs_buf_fini(&notes);
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rs_buf changed[PIECES_MAX] = {{0}};
    struct rs_error error = {0};
    if (!records) {
        start();
    }
    for (size_t i = 0; i < piece_count; i++) {
        rs_buf_put(&changed[i], pieces[i].data, pieces[i].size);
    }
    for (size_t at = 0; piece_count > 0 && at + 5 <= size && at < 100; at += 5) {
        edit(&changed[data[at] % piece_count], (size_t)(data[at + 1] | data[at + 2] << 8), data[at + 3],
             data[at + 4]);
    }
    struct rs_partition *p = open_partition();
    int code = restore(p, changed, &error);
    rs_fuzz_require(code == 0 || (code == RS_ESTATE && error.text[0] != '\0'), "an error says nothing");
    rs_fuzz_require(code == 0 || size > 0, "what was written is not read");
    if (code == 0) {
        apply(p, EVENTS / 2, EVENTS);
        partition_drain(&fixture, p, NULL, NULL);
        write_state(p, false);
    }
    rs_partition_free(&p);
    for (size_t i = 0; i < PIECES_MAX; i++) {
        rs_buf_fini(&changed[i]);
    }
    return 0;
}
