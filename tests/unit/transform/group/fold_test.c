/* A running window against the same window folded from its panes, over sums and extrema of every kind of
 * number. */
#include "tests/unit/transform/engine_run.h"

#include "tests/lib/random.h"
#include "transform/group/fold.h"
#include "transform/partition/internal.h"

static const char aggregate[] =
    "  s:\n    stream: ticks\n    window: {sliding: 100s, every: 1s}\n    history: 1\n"
    "    stats:\n      n: count()\n      v: sum(quantity)\n      lo: min(big)\n      hi: max(ratio)\n      "
    "f: first(price)\n"
    "      l: last(price)\n      sd: stddev(ratio)\n      sb: sum(big)\n      mp: median(price)\n      mr: "
    "median(ratio)\n";

/* The window's content by merging its panes one by one. */
static void fold_simply(struct rs_groups *gs, int64_t start_us, int64_t end_us, void *out)
{
    rs_pane_fini(gs->aggregate->layout, out);
    rs_pane_init(gs->aggregate->layout, out);
    for (uint32_t at = rs_group_at(gs, 0)->oldest; at != RS_NONE; at = rs_node_at(gs, at)->newer) {
        const struct rs_node *node = rs_node_at(gs, at);
        if (node->start_us >= start_us && node->start_us < end_us) {
            rs_pane_merge(gs->aggregate->layout, out, node->pane);
        }
    }
}

static void assert_same(struct rs_groups *gs, const void *a, const void *b)
{
    struct rs_buf x = {0};
    struct rs_buf y = {0};
    rs_pane_save(gs->aggregate->layout, a, &x);
    rs_pane_save(gs->aggregate->layout, b, &y);
    assert_true(rs_slice_equal(rs_buf_slice(&x), rs_buf_slice(&y)));
    rs_buf_fini(&x);
    rs_buf_fini(&y);
}

/* What is counted on the heap is there: nothing was forgotten when parts came and went. */
static void assert_heap_counted(struct rs_groups *gs)
{
    struct rs_sliding_rest *rest = rs_sliding_at(gs, 0);
    size_t bytes = 0;
    rs_fold_free(gs, &rest->view);
    rs_fold_free(gs, &rest->history);
    for (uint32_t at = rs_group_at(gs, 0)->oldest; at != RS_NONE; at = rs_node_at(gs, at)->newer) {
        bytes += rs_pane_heap_bytes(gs->aggregate->layout, rs_node_at(gs, at)->pane);
    }
    assert_true(bytes > 0);
    assert_int_equal(gs->heap_bytes, bytes);
}

static void add_random(struct run *r, struct rs_random *random, int64_t clock_us)
{
    int64_t back = rs_random_next(random) % 4 ? 0 : (int64_t)(rs_random_next(random) % 90) * SECOND;
    const struct tick t = {.at_us = clock_us - back,
                           .no_price = rs_random_next(random) % 5 == 0,
                           .price = (int64_t)(rs_random_next(random) % 1000),
                           .quantity = (int64_t)(rs_random_next(random) % 100),
                           .ratio = (double)(int64_t)rs_random_next(random) / 1e9,
                           .big = (__int128)(int64_t)rs_random_next(random) * 1000000};
    apply(r, &t, 1);
}

static void test_running_equals_plain(void **state)
{
    (void)state;
    struct run r;
    struct rs_random random = rs_random_of_run();
    struct rs_fold *fold = NULL;
    uint64_t asked = 0;
    start(&r, "streams:\n  ticks: {topic: t, schema: tick.avsc, time: at, lateness: 1d}\n", aggregate);
    struct rs_groups *gs = &r.partition->groups[0];
    int64_t clock_us = 1000 * SECOND;
    int64_t end_us = clock_us;
    for (int step = 0; step < 2500; step++) {
        clock_us += (int64_t)(rs_random_next(&random) % 1500000);
        clock_us +=
            rs_random_next(&random) % 200 ? 0 : 250 * SECOND; /* longer than the window: all of it leaves */
        add_random(&r, &random, clock_us);
        if (rs_random_next(&random) % 3 == 0) {
            /* Mostly forward; now and then back, as when a late event asks for an older window again. */
            int64_t back =
                rs_random_next(&random) % 50 ? 0 : (int64_t)(rs_random_next(&random) % 60) * SECOND;
            end_us = rs_floor_to(clock_us, SECOND) + SECOND - back;
            (void)rs_fold_window(gs, 0, &fold, end_us - 100 * SECOND, end_us, gs->total);
            fold_simply(gs, end_us - 100 * SECOND, end_us, gs->previous);
            assert_same(gs, gs->total, gs->previous);
            asked++;
        }
        /* The engine tells only the folds it knows of, so this one is its group's view. */
        rs_sliding_at(gs, 0)->view = fold;
    }
    assert_true(asked > 700);
    assert_non_null(fold);
    assert_heap_counted(gs);
    stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_running_equals_plain),
    };
    return cmocka_run_group_tests_name("fold", tests, NULL, NULL);
}
