/* The engine as a whole: events in, views out, exact texts; what the configuration is compiled to. */
#include "tests/lib/partition_state.h"
#include "tests/unit/transform/engine_run.h"
#include "transform/partition/explain.h"

static void test_tumbling_view_and_history(void **state)
{
    (void)state;
    struct run r;
    start(&r, append_stream,
          "  m1:\n    stream: ticks\n    by: [product]\n    window: {tumbling: 1m}\n    history: 10\n"
          "    stats: {n: count(), volume: sum(quantity), p: ohlc(price), vwap: 'vwap(price, quantity)'}\n");
    const struct tick first[] = {{.product = "a", .at_us = 10 * SECOND, .price = 150, .quantity = 2},
                                 {.product = "a", .at_us = 5 * SECOND, .price = 100, .quantity = 1},
                                 {.product = "b:c", .at_us = 59 * SECOND, .no_price = true, .quantity = 7}};
    apply(&r, first, 3);
    assert_emits(&r, "view m1/a 10000 first: n=2 volume=3 p_open=1 p_high=1.5 p_low=1 p_close=1.5 "
                     "vwap=1.3333333333333333 window_start=0 window_end=60000 event_time=10000 events=2\n"
                     "view m1/b%3Ac 59000 first: n=1 volume=7 window_start=0 window_end=60000 "
                     "event_time=59000 events=1\n");
    const struct tick second[] = {{.product = "a", .at_us = 61 * SECOND, .price = 200, .quantity = 1}};
    apply(&r, second, 1);
    assert_emits(
        &r, "view m1/a 61000: n=1 volume=1 p_open=2 p_high=2 p_low=2 p_close=2 vwap=2 window_start=60000 "
            "window_end=120000 event_time=61000 events=1\n"
            "history m1/a 0: n=2 volume=3 p_open=1 p_high=1.5 p_low=1 p_close=1.5 vwap=1.3333333333333333 "
            "window_start=0 window_end=60000 event_time=10000 events=2 revision=0\n"
            "history m1/b%3Ac 0: n=1 volume=7 window_start=0 window_end=60000 event_time=59000 events=1 "
            "revision=0\n");
    /* In time by a's own clock: the window ends at 60 s, the watermark is 51 s. */
    const struct tick third[] = {{.product = "a", .at_us = 20 * SECOND, .price = 300, .quantity = 1},
                                 {.product = "b:c", .at_us = 1 * SECOND, .price = 100, .quantity = 1}};
    apply(&r, third, 2);
    assert_emits(
        &r, "view m1/a 61000: n=1 volume=1 p_open=2 p_high=2 p_low=2 p_close=2 vwap=2 window_start=60000 "
            "window_end=120000 event_time=61000 events=1\n"
            "history m1/a 0: n=3 volume=4 p_open=1 p_high=3 p_low=1 p_close=3 vwap=1.75 window_start=0 "
            "window_end=60000 event_time=20000 events=3 revision=1\n"
            "view m1/b%3Ac 59000: n=2 volume=8 p_open=1 p_high=1 p_low=1 p_close=1 vwap=1 window_start=0 "
            "window_end=60000 event_time=59000 events=2\n"
            "history m1/b%3Ac 0: n=2 volume=8 p_open=1 p_high=1 p_low=1 p_close=1 vwap=1 window_start=0 "
            "window_end=60000 event_time=59000 events=2 revision=0\n");
    /* a's watermark reaches 60 s: its first window is final. */
    const struct tick fourth[] = {{.product = "a", .at_us = 70 * SECOND, .price = 300, .quantity = 1},
                                  {.product = "a", .at_us = 59 * SECOND, .price = 300, .quantity = 1}};
    apply(&r, fourth, 2);
    assert_events(&r, 7, 1, 0, 0, 0);
    struct rs_partition_status status;
    rs_partition_status(r.partition, &status);
    assert_int_equal(status.groups, 2);
    assert_int_equal(status.panes, 2);
    stop(&r);
}

static void test_sliding_view_drains(void **state)
{
    (void)state;
    struct run r;
    start(&r, append_stream,
          "  s:\n    stream: ticks\n    window: {sliding: 3s, every: 1s}\n    stats: {n: count(), v: "
          "sum(quantity), hi: "
          "max(quantity)}\n");
    const struct tick ticks[] = {{.at_us = 100000, .quantity = 5}, {.at_us = 1500000, .quantity = 2}};
    apply(&r, ticks, 2);
    assert_emits(
        &r, "view s/ 1500 first: n=2 v=7 hi=5 window_start=-1000 window_end=2000 event_time=1500 events=2\n");
    assert_int_equal(rs_partition_next_due(r.partition), 3 * SECOND);
    rs_partition_show(r.partition, 3 * SECOND - 1);
    assert_emits(&r, "");
    rs_partition_show(r.partition, 3 * SECOND);
    assert_emits(&r,
                 "view s/ 4000: n=1 v=2 hi=2 window_start=1000 window_end=4000 event_time=1500 events=1\n");
    assert_int_equal(rs_partition_next_due(r.partition), 4 * SECOND);
    rs_partition_show(r.partition, 900 * SECOND);
    assert_emits(&r, "view s/ 5000: n=0 v=0 window_start=2000 window_end=5000 events=0\n");
    assert_int_equal(rs_partition_next_due(r.partition), INT64_MAX);
    stop(&r);
}

static void test_a_sliding_window_that_every_does_not_divide(void **state)
{
    (void)state;
    struct run r;
    start(&r, append_stream,
          "  s:\n    stream: ticks\n    window: {sliding: 5s, every: 2s}\n    history: 9\n    stats: {v: "
          "sum(quantity)}\n");
    const struct tick ticks[] = {{.at_us = 1 * SECOND, .quantity = 1}, {.at_us = 5 * SECOND, .quantity = 10}};
    apply(&r, ticks, 2);
    /* The window that contains 5 s ends at 6 s and begins at 1 s; [-3,2) and [-1,4) have ended. */
    assert_emits(
        &r, "view s/ 5000 first: v=11 window_start=1000 window_end=6000 event_time=5000 events=2\n"
            "history s/ -3000: v=1 window_start=-3000 window_end=2000 event_time=1000 events=1 revision=0\n"
            "history s/ -1000: v=1 window_start=-1000 window_end=4000 event_time=1000 events=1 revision=0\n");
    /* In time; [-1,4) had ended by the group's clock, [1,6) and [3,8) had not. */
    const struct tick more[] = {{.at_us = 3 * SECOND, .quantity = 100}};
    apply(&r, more, 1);
    assert_emits(
        &r,
        "view s/ 5000: v=111 window_start=1000 window_end=6000 event_time=5000 events=3\n"
        "history s/ -1000: v=101 window_start=-1000 window_end=4000 event_time=3000 events=2 revision=1\n");
    rs_partition_show(r.partition, 8 * SECOND);
    assert_emits(
        &r, "view s/ 10000: v=10 window_start=5000 window_end=10000 event_time=5000 events=1\n"
            "history s/ 1000: v=111 window_start=1000 window_end=6000 event_time=5000 events=3 revision=0\n"
            "history s/ 3000: v=110 window_start=3000 window_end=8000 event_time=5000 events=2 revision=0\n");
    stop(&r);
}

static void test_upserts(void **state)
{
    (void)state;
    struct run r;
    start(&r,
          "streams:\n  ticks: {topic: t, schema: tick.avsc, time: at, upsert: {version: revision, value: "
          "price}}\n",
          "  l:\n    stream: ticks\n    by: [product]\n    window: {last: 2}\n"
          "    stats: {value: last(price), m: mean(price), c: change(price), pc: pct_change(price), n: "
          "count()}\n");
    const struct tick first[] = {{.product = "x", .at_us = 1 * SECOND, .price = 1000, .revision = 1},
                                 {.product = "x", .at_us = 3 * SECOND, .price = 3000, .revision = 1},
                                 {.product = "x", .at_us = 2 * SECOND, .price = 2000, .revision = 5},
                                 {.product = "x", .at_us = 2 * SECOND, .price = 9999, .revision = 4}};
    apply(&r, first, 4);
    assert_emits(&r, "view l/x 3000 first: value=30 m=25 c=10 pc=50 n=2 window_start=2000 window_end=3000 "
                     "event_time=3000 events=2\n");
    /* The newest is withdrawn; the same version again wins by its offset. */
    const struct tick second[] = {{.product = "x", .at_us = 3 * SECOND, .no_price = true, .revision = 2},
                                  {.product = "x", .at_us = 2 * SECOND, .price = 500, .revision = 5}};
    apply(&r, second, 2);
    assert_emits(
        &r, "view l/x 2000: value=5 m=7.5 c=-5 pc=-50 n=2 window_start=1000 window_end=2000 event_time=2000 "
            "events=2\n");
    const struct tick third[] = {{.product = "x", .at_us = 2 * SECOND, .no_price = true, .revision = 6},
                                 {.product = "x", .at_us = 1 * SECOND, .no_price = true, .revision = 6}};
    apply(&r, third, 2);
    assert_emits(&r, "view l/x 3000: n=0 events=0\n");
    assert_events(&r, 8, 0, 0, 0, 0);
    stop(&r);
}

static void test_keys_of_every_kind(void **state)
{
    (void)state;
    struct run r;
    start(&r, append_stream,
          "  k:\n    stream: ticks\n    by: [market, product, side, quantity, open, day, price, big]\n    "
          "window: {all: true}\n"
          "    stats: {n: count()}\n");
    const struct tick ticks[] = {
        {.product = "50%{a b}", .side = 1, .quantity = -3, .open = true, .day = -1, .price = 150, .big = 1},
        {.market = "",
         .product = "a-rather-long-name-of-a-product",
         .no_price = true,
         .at_us = SECOND,
         .big = ((__int128)1 << 100)}};
    apply(&r, ticks, 2);
    assert_emits(&r, "view k/%null:50%25%7Ba%20b%7D:SELL:-3:true:1969-12-31:1.5:0.0001 0 first: n=1 "
                     "event_time=0 events=1\n"
                     "view k/:a-rather-long-name-of-a-product:BUY:0:false:1970-01-01:%null:"
                     "126765060022822940149670320.5376 1000 first: n=1 event_time=1000 events=1\n");
    stop(&r);
}

/* ---- dead letters ---- */

struct letters {
    struct rs_buf text;
    int refuse; /* how many more are refused */
};

static bool put_letter(void *self, const struct rs_dead_letter *letter)
{
    struct letters *l = self;
    if (l->refuse > 0) {
        l->refuse--;
        return false;
    }
    rs_buf_printf(&l->text, "%lld %s: %s; %s %s %lld %s\n", (long long)letter->record->offset,
                  rs_reason_name(letter->reason), letter->text, letter->rule ? letter->rule : "-",
                  letter->field ? letter->field : "-", (long long)letter->byte,
                  letter->schema ? letter->schema : "-");
    return true;
}

static const struct rs_dead_letter_ops letter_ops = {.put = put_letter};

/* Applies the whole log, coming back as often as letters are refused. */
static void apply_with(struct run *r, struct letters *l)
{
    const struct rs_dead_letter_sink sink = {l, &letter_ops};
    const struct rs_record *records = r->log.records;
    size_t taken = 0;
    for (int turn = 0; taken < r->log.count && turn < 1000; turn++) {
        taken += rs_partition_apply(r->partition, records + taken, r->log.count - taken, &sink);
    }
    assert_int_equal(taken, r->log.count);
    rs_buf_char(&l->text, '\0');
}

static void fill_with_faults(struct run *r)
{
    static char long_name[1100];
    memset(long_name, 'x', sizeof long_name - 1);
    const struct tick good = {.product = "p", .at_us = 100 * SECOND, .price = 1, .quantity = 1, .id = "1"};
    struct tick t = good;
    struct rs_buf bytes = {0};
    tick_log_add(&r->log, &good);
    tick_log_add_bytes(&r->log, "", 1); /* 1: made a tombstone below */
    static const char large[5000];
    tick_log_add_bytes(&r->log, large, sizeof large);
    size_t size = tick_encode(&good, &bytes);
    tick_log_add_bytes(&r->log, bytes.data, size - 1);
    rs_buf_char(&bytes, 0);
    tick_log_add_bytes(&r->log, bytes.data, size + 1);
    rs_buf_fini(&bytes);
    t.no_time = true;
    tick_log_add(&r->log, &t);
    t = good;
    t.at_us = INT64_C(253402300800) * SECOND; /* the year 10000 */
    tick_log_add(&r->log, &t);
    t = good;
    t.id = NULL;
    t.at_us = 131 * SECOND; /* 7: its record says 100 s, lateness is 30 s */
    tick_log_add(&r->log, &t);
    t = good;
    t.id = NULL;
    t.price = 0;
    tick_log_add(&r->log, &t);
    t = good;
    t.id = NULL;
    t.product = long_name;
    tick_log_add(&r->log, &t);
    tick_log_add(&r->log, &good); /* a duplicate */
    t = good;
    t.id = "2";
    t.ratio = 1e300;
    tick_log_add(&r->log, &t);
    t = good;
    t.id = NULL;
    t.at_us = 10 * SECOND; /* late */
    tick_log_add(&r->log, &t);
    t = good;
    t.id = "3";
    t.product = "q";
    tick_log_add(&r->log, &t);
    t.id = "4";
    t.product = "r"; /* a third group */
    tick_log_add(&r->log, &t);
    t = good;
    t.id = "5";
    tick_log_add(&r->log, &t);
    (void)tick_log_seal(&r->log);
    r->log.records[1].value = (struct rs_slice){0};
    r->log.records[7].timestamp_us = 100 * SECOND;
}

static const char fault_stream[] = "streams:\n  ticks:\n    topic: t\n    schema: tick.avsc\n    time: at\n  "
                                   "  id: id\n    framing: bare\n    max_groups: 2\n"
                                   "    max_record_bytes: 4096\n    scale: {ratio: 2}\n    rules: {price: "
                                   "{gt: 0}}\n    dead_letters: {late: true}\n";
static const char fault_aggregate[] = "  a:\n    stream: ticks\n    by: [product]\n    window: {tumbling: "
                                      "10s}\n    stats: {n: count(), v: sum(ratio)}\n";
/* Then rule, field, byte and schema. */
static const char fault_letters[] =
    "1 tombstone: the record has no value; - - -1 -\n"
    "2 too_large: the record is larger than max_record_bytes; - - -1 bare\n"
    "3 length: a length is negative or larger than what follows; - paid 30 bare\n"
    "4 trailing_bytes: bytes follow the last field; - - 32 bare\n"
    "5 field_null: a field that is needed is null; - at 7 bare\n"
    "6 time_range: a time is outside the years 1 to 9999; - at 7 bare\n"
    "7 future: the event time lies beyond the record's time by more than max_future; - at 5 bare\n"
    "8 rule: rule price: gt 0 does not hold; price: gt 0 price 10 bare\n"
    "9 group_key_too_long: the values of the group's by fields take more than 1024 bytes; - - -1 bare\n"
    "11 decimal_range: a decimal has more digits than its precision or 38; - ratio 16 bare\n"
    "12 late: every window that could hold the event is final; - at 5 bare\n"
    "14 group_limit: the partition holds max_groups groups already; - - -1 bare\n";

static void test_dead_letters_one_each_and_the_good_ones_count(void **state)
{
    (void)state;
    /* However often there is no room for one, it comes once, in order, and nothing else is touched. */
    for (int refuse = 0; refuse < 5; refuse += 2) {
        struct run r;
        struct letters l = {.refuse = refuse};
        start(&r, fault_stream, fault_aggregate);
        fill_with_faults(&r);
        apply_with(&r, &l);
        assert_string_equal((const char *)l.text.data, fault_letters);
        assert_events(&r, 3, 1, 1, 11, 0);
        assert_emits(&r, "view a/p 100000 first: n=2 v=0 window_start=100000 window_end=110000 "
                         "event_time=100000 events=2\n"
                         "view a/q 100000 first: n=1 v=0 window_start=100000 window_end=110000 "
                         "event_time=100000 events=1\n");
        rs_buf_fini(&l.text);
        stop(&r);
    }
}

static void test_a_refused_letter_leaves_no_trace(void **state)
{
    (void)state;
    struct run r;
    struct letters l = {.refuse = 1};
    const struct rs_dead_letter_sink sink = {&l, &letter_ops};
    struct rs_buf before = {0};
    struct rs_buf after = {0};
    start(&r, fault_stream, fault_aggregate);
    fill_with_faults(&r);
    l.refuse = 0;
    assert_int_equal(rs_partition_apply(r.partition, r.log.records, 12, &sink), 12);
    rs_partition_save(r.partition, &before);
    l.refuse = 1;
    assert_int_equal(rs_partition_apply(r.partition, r.log.records + 12, 1, &sink), 0); /* the late one */
    rs_partition_save(r.partition, &after);
    assert_true(rs_slice_equal(rs_buf_slice(&before), rs_buf_slice(&after)));
    rs_buf_fini(&before);
    rs_buf_fini(&after);
    rs_buf_fini(&l.text);
    stop(&r);
}

/* ---- for people and for rs:meta ---- */

static uint64_t fingerprint_of(const char *stream, const char *aggregates)
{
    struct run r;
    start(&r, stream, aggregates);
    uint64_t fingerprint = rs_engine_fingerprint(r.fixture.engine, 0);
    stop(&r);
    return fingerprint;
}

static void test_a_fingerprint_changes_with_what_the_state_hangs_on(void **state)
{
    static const char *const others[] = {
        "  b: {stream: ticks, window: {tumbling: 1m}, stats: {n: count()}}\n",
        "  a: {stream: ticks, window: {tumbling: 2m}, stats: {n: count()}}\n",
        "  a: {stream: ticks, window: {tumbling: 1m}, by: [market], stats: {n: count()}}\n",
        ("  a: {stream: ticks, window: {tumbling: 1m}, stats: {n: count()}}\n"
         "  b: {stream: ticks, window: {tumbling: 1m}, stats: {n: count()}}\n"),
    };
    (void)state;
    const char *same = "  a: {stream: ticks, window: {tumbling: 1m}, stats: {n: count()}}\n";
    uint64_t fingerprint = fingerprint_of(append_stream, same);
    assert_true(fingerprint == fingerprint_of(append_stream, same));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_true(fingerprint != fingerprint_of(append_stream, others[i]));
    }
    assert_true(fingerprint !=
                fingerprint_of("streams:\n  ticks: {topic: u, schema: tick.avsc, time: at}\n", same));
}

static void test_meta(void **state)
{
    (void)state;
    struct run r;
    size_t count;
    start(&r, append_stream,
          "  m1:\n    stream: ticks\n    by: [market, product]\n    window: {sliding: 5m, every: 1s}\n    "
          "history: 7\n"
          "    stats:\n      n: count()\n      p: ohlc( price )\n      w: vwap(price,quantity)\n      r: "
          "rate()\n      o: open(ratio)\n"
          "  all:\n    stream: ticks\n    window: {all: true}\n    stats: {v: avg(quantity)}\n");
    const struct rs_aggregate_meta *metas = rs_engine_metas(r.fixture.engine, &count);
    assert_int_equal(count, 2);
    assert_string_equal(metas[0].json, "{\"stream\":\"ticks\",\"by\":[\"market\",\"product\"],\"window\":{"
                                       "\"sliding\":\"5m\",\"every\":\"1s\"},"
                                       "\"stats\":{\"n\":{\"expression\":\"count()\"},\"p\":{\"expression\":"
                                       "\"ohlc(price)\",\"unit\":\"EUR\"},"
                                       "\"w\":{\"expression\":\"vwap(price, quantity)\",\"unit\":\"EUR\"},"
                                       "\"r\":{\"expression\":\"rate()\",\"unit\":\"1/"
                                       "s\"},\"o\":{\"expression\":\"open(ratio)\"}},\"history\":7}");
    assert_string_equal(metas[1].json,
                        "{\"stream\":\"ticks\",\"by\":[],\"window\":{\"all\":true},\"stats\":{\"v\":{"
                        "\"expression\":\"avg(quantity)\",\"unit\":\"lots\"}},\"history\":0}");
    static const char *const names[] = {"n",          "p_open", "p_high",  "p_low",        "p_close",
                                        "w",          "r",      "o",       "window_start", "window_end",
                                        "event_time", "events", "revision"};
    assert_int_equal(metas[0].field_count, 13);
    for (size_t i = 0; i < 13; i++) {
        assert_string_equal(metas[0].fields[i], names[i]);
    }
    assert_int_equal(metas[1].field_count, 3);
    stop(&r);
}

static void test_explain(void **state)
{
    (void)state;
    struct run r;
    struct rs_buf out = {0};
    start(
        &r, append_stream,
        "  m1:\n    stream: ticks\n    by: [product]\n    window: {sliding: 1m, every: 1s}\n    history: 7\n"
        "    where: {side: BUY}\n    stats: {v: sum(quantity)}\n");
    rs_engine_explain(r.fixture.engine, r.fixture.streams, "rs", 1000, &out);
    rs_buf_char(&out, '\0');
    static const char *const parts[] = {
        "stream ticks\n  topic: t\n",
        "  fields read: at (timestamp, may be null), product (string), side (enum), quantity (long)\n",
        "  time: at, lateness 10s of each group's own clock, not ahead of the record's time by more than "
        "10s\n",
        "  groups expire: 1h\n",
        "  key: product\n",
        "aggregate m1 of stream ticks\n  window: sliding 1m every 1s, panes of 1s, 60 a window\n",
        "  statistics: v = sum(quantity) [lots]\n  where: only events that pass the condition\n",
        "1000 groups of one pane:",
        "  keys: rs:m1:<product> (hash), the same with :history (the newest 7 windows), rs:m1:index, channel "
        "rs:m1:updates\n",
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (!strstr((const char *)out.data, parts[i])) {
            fail_msg("lacks \"%s\":\n%s", parts[i], (const char *)out.data);
        }
    }
    rs_buf_fini(&out);
    stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tumbling_view_and_history),
        cmocka_unit_test(test_sliding_view_drains),
        cmocka_unit_test(test_a_sliding_window_that_every_does_not_divide),
        cmocka_unit_test(test_upserts),
        cmocka_unit_test(test_keys_of_every_kind),
        cmocka_unit_test(test_dead_letters_one_each_and_the_good_ones_count),
        cmocka_unit_test(test_a_refused_letter_leaves_no_trace),
        cmocka_unit_test(test_a_fingerprint_changes_with_what_the_state_hangs_on),
        cmocka_unit_test(test_meta),
        cmocka_unit_test(test_explain),
    };
    return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
