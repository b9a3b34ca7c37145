/* What panes hold on the heap is counted as it comes and goes: the count against a walk through all panes. */
#include "tests/unit/transform/engine_run.h"

#include "tests/lib/partition_state.h"
#include "tests/lib/random.h"
#include "transform/group/fold.h"
#include "transform/partition/internal.h"

static const char stream[] =
    "streams:\n  ticks: {topic: t, schema: tick.avsc, time: at, lateness: 2s, expire: 1h}\n";

/* The folds' sums are no part of a walk: only what lies in nodes. */
static uint64_t walked(const struct rs_groups *gs)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < gs->groups.touched; i++) {
        uint32_t at = rs_groups_live(gs, i) ? rs_group_at(gs, i)->oldest : RS_NONE;
        for (; at != RS_NONE; at = rs_node_at(gs, at)->newer) {
            bytes += rs_pane_heap_bytes(gs->aggregate->layout, rs_node_at(gs, at)->pane);
        }
    }
    return bytes;
}

static uint64_t memory_of(const struct rs_partition *p)
{
    struct rs_partition_status status;
    rs_partition_status(p, &status);
    return status.memory_bytes;
}

static const char totals[] = "  s:\n    stream: ticks\n    by: [product]\n    window: {all: true}\n"
                             "    stats: {v: sum(quantity), r: stddev(ratio)}\n";

/* The same groups twice, once with sums that stay narrow and compact. */
static uint64_t memory_with(int64_t quantity, double ratio, uint64_t *on_heap)
{
    struct run r;
    static char names[100][8];
    start(&r, stream, totals);
    for (int i = 0; i < 300; i++) {
        snprintf(names[i % 100], sizeof names[0], "p%d", i % 100);
        apply(&r,
              &(struct tick){.product = names[i % 100],
                             .at_us = SECOND,
                             .quantity = quantity,
                             .ratio = i < 100 ? 1 : ratio},
              1);
    }
    uint64_t bytes = memory_of(r.partition);
    *on_heap = walked(&r.partition->groups[0]);
    stop(&r);
    return bytes;
}

static void test_the_heap_counts_as_memory(void **state)
{
    (void)state;
    uint64_t plain_heap = 1;
    uint64_t wide_heap = 0;
    uint64_t spilled_heap = 0;
    uint64_t plain = memory_with(1, 1, &plain_heap);
    uint64_t wide = memory_with(INT64_MAX, 1, &wide_heap);
    uint64_t spilled = memory_with(1, 1e300, &spilled_heap);
    assert_int_equal(plain_heap, 0);
    assert_true(wide_heap >= UINT64_C(100) * 64);
    assert_int_equal(wide - plain, wide_heap);
    assert_true(spilled_heap >= UINT64_C(100) * 8 * (34 + 67));
    assert_int_equal(spilled - plain, spilled_heap);
}

static const char every_kind[] =
    "  t:\n    stream: ticks\n    by: [product]\n    window: {tumbling: 10s}\n    history: 2\n    stats:\n"
    "      v: sum(quantity)\n      sd: stddev(quantity)\n      c: change(price)\n      r: sum(ratio)\n"
    "      x: vwap(ratio, quantity)\n"
    "  s:\n    stream: ticks\n    by: [product]\n    window: {sliding: 100s, every: 1s}\n    history: 1\n"
    "    stats:\n      v: sum(quantity)\n      m: mean(ratio)\n      x: vwap(quantity, quantity)\n"
    "      d: stddev(ratio)\n"
    "  a:\n    stream: ticks\n    by: [product]\n    window: {all: true}\n    stats:\n"
    "      v: sum(quantity)\n      r: sum(ratio)\n      w: vwap(price, ratio)\n"
    "  l:\n    stream: ticks\n    by: [product]\n    window: {last: 7}\n    stats:\n"
    "      v: sum(quantity)\n      d: stddev(ratio)\n      w: vwap(price, ratio)\n      m: max(quantity)\n";

static const int64_t quantities[] = {1, 7, INT64_MAX, INT64_MIN, INT64_MAX / 3};
static const double ratios[] = {1, 2.5, 1e300, 1e-300, -7e150};

static void add_random(struct run *r, struct rs_random *random, int64_t clock_us)
{
    static const char *const products[] = {"a", "b", "c"};
    int64_t back = rs_random_next(random) % 4 ? 0 : (int64_t)(rs_random_next(random) % 30) * SECOND;
    bool tame = rs_random_next(random) % 8 != 0;
    apply(r,
          &(struct tick){.product = products[rs_random_next(random) % 3],
                         .at_us = clock_us - back,
                         .price = (int64_t)(rs_random_next(random) % 1000),
                         .quantity = quantities[rs_random_next(random) % (tame ? 2 : 5)],
                         .ratio = ratios[rs_random_next(random) % (tame ? 2 : 5)]},
          1);
}

static void assert_counted(const struct rs_partition *p, uint64_t *seen)
{
    for (uint32_t i = 0; i < p->group_sets; i++) {
        const struct rs_groups *gs = &p->groups[i];
        uint64_t nodes = walked(gs);
        assert_true(gs->aggregate->window.kind == RS_WINDOW_SLIDING ? gs->heap_bytes >= nodes
                                                                    : gs->heap_bytes == nodes);
        *seen += nodes;
    }
}

static void assert_restored_alike(const struct run *r)
{
    struct rs_partition *p = NULL;
    struct rs_error error;
    struct rs_buf bytes = {0};
    uint64_t seen = 0;
    rs_partition_save(r->partition, &bytes);
    assert_int_equal(rs_partition_new(r->fixture.engine, 0, 0, &p, &error), 0);
    assert_int_equal(rs_partition_load(p, rs_buf_slice(&bytes), &error), 0);
    for (uint32_t i = 0; i < p->group_sets; i++) {
        assert_int_equal(p->groups[i].heap_bytes, walked(&p->groups[i])); /* and there are no folds yet */
        seen += p->groups[i].heap_bytes;
    }
    assert_true(seen > 0);
    rs_partition_free(&p);
    rs_buf_fini(&bytes);
}

/* At last all groups are emptied: nothing is left of the count, the folds' share included. */
static void test_what_comes_also_goes(void **state)
{
    (void)state;
    struct run r;
    struct rs_random random = rs_random_of_run();
    int64_t clock_us = 1000 * SECOND;
    uint64_t seen = 0;
    start(&r, stream, every_kind);
    for (int step = 0; step < 1500; step++) {
        clock_us += (int64_t)(rs_random_next(&random) % 1500000);
        add_random(&r, &random, clock_us);
        if (step % 20 == 0) {
            rs_partition_show(r.partition, clock_us);
            partition_drain(&r.fixture, r.partition, NULL, NULL);
        }
        assert_counted(r.partition, &seen);
    }
    assert_true(seen > 0);
    assert_restored_alike(&r);
    bool folded = false;
    for (uint32_t i = 0; i < r.partition->group_sets; i++) {
        struct rs_groups *gs = &r.partition->groups[i];
        folded |= gs->fold_bytes > 0;
        for (uint32_t number = 0; number < gs->groups.touched; number++) {
            rs_group_clear(gs, number);
        }
        assert_int_equal(gs->heap_bytes, 0);
    }
    assert_true(folded);
    stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_heap_counts_as_memory),
        cmocka_unit_test(test_what_comes_also_goes),
    };
    return cmocka_run_group_tests_name("heap", tests, NULL, NULL);
}
