/* Windows of the newest events: any order of arrival and any mixture of batches and restarts end in the same
 * bytes; batches tell what came; damaged bytes are refused or harmless. What the statistics are is for
 * golden/test_last_events.py. */
#include "tests/lib/random.h"
#include "tests/unit/transform/seal_run.h"
#include "transform/group/last.h"
#include "transform/partition/internal.h"

#define EVENTS 400

static const char every_size[] =
    "  l1: {stream: ticks, by: [product], window: {last: 1}, stats: {n: count(price), v: sum(quantity)}}\n"
    "  l2: {stream: ticks, by: [product], window: {last: 2}, stats: {o: ohlc(price), b: sum(big)}}\n"
    "  l5: {stream: ticks, by: [market], window: {last: 5}, stats: {s: stddev(ratio), w: 'vwap(price, "
    "big)'}}\n"
    "  l16: {stream: ticks, by: [product], window: {last: 16}, stats: {m: min(quantity), l: last(price)}}\n"
    "  l17: {stream: ticks, by: [market], window: {last: 17}, stats: {n: count()}}\n"
    "  l100: {stream: ticks, by: [], window: {last: 100}, stats: {x: max(ratio), v: 'vwap(ratio, paid)'}}\n";

/* Times of their own, so that the order of arrival decides nothing. */
static void random_ticks(struct rs_random *random, struct tick *out)
{
    static const char *const products[] = {"a", "b", "c"};
    for (int i = 0; i < EVENTS; i++) {
        out[i] = (struct tick){.product = products[rs_random_below(random, 3)],
                               .market = rs_random_one_in(random, 3) ? NULL : "m",
                               .at_us = i * SECOND,
                               .no_price = rs_random_one_in(random, 4),
                               .price = rs_random_between(random, -50, 50),
                               .quantity = rs_random_one_in(random, 9) ? INT64_MAX : 3,
                               .ratio = rs_random_one_in(random, 9) ? 1e300 : (double)i / 4,
                               .big = rs_random_between(random, -1000, 1000),
                               .paid = rs_random_between(random, 0, 9)};
    }
}

/* Where each comes: most stay where they are, some go far. */
static void disturb(struct rs_random *random, struct tick *ticks)
{
    for (int i = 0; i < EVENTS; i++) {
        int other = (int)rs_random_below(random, rs_random_one_in(random, 4) ? EVENTS : (uint64_t)i + 1);
        if (rs_random_one_in(random, 2)) {
            struct tick kept = ticks[i];
            ticks[i] = ticks[other];
            ticks[other] = kept;
        }
    }
}

static int by_text(const void *a, const void *b)
{
    const char *const *x = a;
    const char *const *y = b;
    return strcmp(*x, *y);
}

/* What a partition shows, line by line in the order of the alphabet. */
static void shown(struct run *r, struct rs_buf *out)
{
    struct rs_buf text = {0};
    const char *lines[64];
    size_t count = 0;
    partition_drain(&r->fixture, r->partition, note, &text);
    rs_buf_char(&text, '\0');
    for (char *line = strtok((char *)text.data, "\n"); line; line = strtok(NULL, "\n")) {
        assert_true(count < sizeof lines / sizeof *lines);
        lines[count++] = line;
    }
    qsort(lines, count, sizeof *lines, by_text);
    for (size_t i = 0; i < count; i++) {
        rs_buf_printf(out, "%s\n", lines[i]);
    }
    rs_buf_char(out, '\0');
    rs_buf_fini(&text);
}

static void assert_same_views(struct run *a, struct run *b)
{
    struct rs_buf x = {0};
    struct rs_buf y = {0};
    shown(a, &x);
    shown(b, &y);
    assert_true(x.size > 100);
    assert_string_equal((const char *)x.data, (const char *)y.data);
    rs_buf_fini(&x);
    rs_buf_fini(&y);
}

/* Batches begin before some events and end behind them; what is shown in between must leave no trace. */
static void write_batches(struct rs_random *random, struct sealing *f, struct run *r,
                          const struct tick *ticks)
{
    for (int at = 0; at < EVENTS;) {
        int count = (int)rs_random_between(random, 1, EVENTS - at > 60 ? 60 : EVENTS - at);
        bool during = rs_random_one_in(random, 2);
        if (during) {
            engine_log_begin(
                &f->log, r->partition,
                (struct rs_state_plan){.sweep_begins = !f->log.sweeping && rs_random_one_in(random, 3),
                                       .slice_bytes = 3000});
        }
        apply(r, ticks + at, (size_t)count);
        at += count;
        if (during) {
            seal_rest(f, r);
        }
        if (rs_random_one_in(random, 3)) {
            partition_drain(&r->fixture, r->partition, NULL, NULL);
        }
    }
    seal_changes(f, r);
}

static void test_any_mixture_of_batches_and_restarts_ends_in_the_same_bytes(void **state)
{
    (void)state;
    struct rs_random random = rs_random_of_run();
    for (int round = 0; round < 12; round++) {
        void *each = NULL;
        struct tick ticks[EVENTS];
        assert_int_equal(setup_sealing(&each), 0);
        struct sealing *f = each;
        random_ticks(&random, ticks);
        disturb(&random, ticks);
        struct run *plain = open_run(f, append_stream, every_size);
        struct run *r = open_writer(f, append_stream, every_size);
        apply(plain, ticks, EVENTS);
        write_batches(&random, f, r, ticks);
        assert_same_bytes(plain, r);
        struct run *back = open_restored(f, append_stream, every_size);
        assert_same_bytes(plain, back);
        assert_same_views(back, plain);
        const struct tick late = {.product = "a", .market = "m", .at_us = -SECOND, .quantity = 1};
        const struct tick next = {.product = "a", .market = "m", .at_us = EVENTS * SECOND, .quantity = 1};
        apply(plain, &late, 1);
        apply(back, &late, 1);
        apply(plain, &next, 1);
        apply(back, &next, 1); /* their offsets are others, their times too */
        assert_same_views(back, plain);
        teardown_sealing(&each);
    }
}

/* ---- batches ---- */

static const char thousand[] =
    "  t: {stream: ticks, by: [product], window: {last: 1000}, stats: {v: sum(quantity), m: max(ratio)}}\n";

static void apply_many(struct run *r, int count, int64_t first_s)
{
    for (int i = 0; i < count; i++) {
        const struct tick t = {.product = "a", .at_us = (first_s + i) * SECOND, .quantity = i, .ratio = i};
        apply(r, &t, 1);
    }
}

/* Each event is told once, wherever in the window it came, and what fell out never. */
static void test_a_batch_tells_what_came(void **state)
{
    struct sealing *f = *state;
    struct run *r = open_writer(f, append_stream, thousand);
    apply_many(r, 1500, 1000);
    seal_changes(f, r);
    size_t all = f->log.batches[0].chunks.size;
    assert_true(all > 1000u * 33);
    assert_true(all < 1000u * 34);
    apply_many(r, 1, 5000);
    seal_changes(f, r);
    assert_true(f->log.batches[1].chunks.size < 150);
    apply_many(r, 1, 1700); /* among the others */
    seal_changes(f, r);
    assert_true(f->log.batches[2].chunks.size < 150);
    apply_many(r, 1, 1); /* late */
    seal_changes(f, r);
    assert_int_equal(f->log.batches[3].chunks.size, 0);
    assert_events(r, 1502, 1, 0, 0, 0);
    struct run *back = open_restored(f, append_stream, thousand);
    assert_same_bytes(r, back);
    seal_sweep(f, r);
    struct run *swept = open_restored(f, append_stream, thousand);
    assert_same_bytes(r, swept);
}

/* A group that goes takes its chunks with it, and one that comes back begins anew. */
static void test_a_group_that_expires_gives_its_events_back(void **state)
{
    struct sealing *f = *state;
    struct run *r = open_writer(f, append_stream, thousand); /* expire: 1h is set */
    const struct rs_groups *gs = &r->partition->groups[0];
    apply_many(r, 500, 0);
    uint32_t chunks = rs_slabs_live(&gs->chunks);
    assert_true(chunks >= 500 / 16 && chunks <= 500 / 16 + 1);
    assert_true(gs->chunks.item_size >= 16 * rs_last_event_bytes(gs->aggregate));
    struct rs_partition_status status;
    rs_partition_status(r->partition, &status);
    assert_true(status.memory_bytes > 500 * rs_last_event_bytes(gs->aggregate));
    for (int i = 0; i < 1500; i++) {
        const struct tick t = {.product = "b", .at_us = (100000 + i) * SECOND};
        apply(r, &t, 1);
    }
    assert_int_equal(r->partition->expired, 1);
    assert_true(rs_slabs_live(&gs->chunks) <= 1000 / 16 + 2);
    apply_many(r, 1, 10); /* never late: as with `all` */
    assert_events(r, 2001, 0, 0, 0, 0);
    seal_changes(f, r);
    struct run *back = open_restored(f, append_stream, thousand);
    assert_same_bytes(r, back);
}

/* ---- damage ---- */

static const char damaged[] =
    "  d: {stream: ticks, by: [product], window: {last: 3}, stats: {v: sum(quantity), m: max(ratio), b: "
    "last(big)}}\n"
    "  p: {stream: ticks, by: [product], window: {last: 1}, stats: {p: ohlc(price)}}\n";

/* Whatever is restored out of damaged bytes can be shown, saved and takes events. */
static void use(struct run *r)
{
    struct rs_buf bytes = {0};
    const struct tick t = {.product = "a", .at_us = 7 * SECOND, .quantity = 1, .ratio = 2};
    apply(r, &t, 1);
    partition_drain(&r->fixture, r->partition, NULL, NULL);
    rs_partition_save(r->partition, &bytes);
    rs_buf_fini(&bytes);
}

static void test_damaged_bytes_are_refused_or_harmless(void **state)
{
    struct sealing *f = *state;
    int refused = 0;
    struct run *w = open_writer(f, append_stream, damaged);
    const struct tick ticks[] = {{.product = "a", .at_us = SECOND, .quantity = 1, .ratio = 1},
                                 {.product = "a", .at_us = 3 * SECOND, .no_price = true, .ratio = 2},
                                 {.product = "a", .at_us = 2 * SECOND, .quantity = 3, .big = -4}};
    apply(w, ticks, 3);
    seal_changes(f, w);
    struct rs_buf *chunks = &f->log.batches[0].chunks;
    for (size_t bit = 32; bit < chunks->size * 8; bit++) {
        struct run r;
        chunks->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        start(&r, append_stream, damaged);
        int rc = restore(f, &r);
        assert_true(rc == 0 || rc == RS_ESTATE || rc == RS_ENOMEM);
        refused += rc != 0;
        if (rc == 0) {
            use(&r);
        }
        chunks->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        stop(&r);
    }
    assert_true(refused > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_mixture_of_batches_and_restarts_ends_in_the_same_bytes),
        SEAL_TEST(test_a_batch_tells_what_came),
        SEAL_TEST(test_a_group_that_expires_gives_its_events_back),
        SEAL_TEST(test_damaged_bytes_are_refused_or_harmless),
    };
    return cmocka_run_group_tests_name("last", tests, NULL, NULL);
}
