/* Every allocation of loading and applying fails once: an error or a shorter count comes back, nothing leaks
 * or breaks, and the same partition goes on as if nothing had been when there is memory again. */
#include "tests/lib/partition_state.h"
#include "tests/unit/transform/engine_run.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

static long until_failure = -1; /* -1: never */

static bool fails(void)
{
    return until_failure >= 0 && until_failure-- == 0;
}
void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}
void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}
void *__wrap_realloc(void *old, size_t size)
{
    return fails() ? NULL : __real_realloc(old, size);
}
void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return fails() ? NULL : __real_aligned_alloc(alignment, size);
}

static const char aggregates[] = "  a:\n    stream: ticks\n    by: [market, product]\n    window: {sliding: "
                                 "30s, every: 10s}\n    history: 4\n"
                                 "    where: {or: [{side: {in: [BUY, SELL]}}, {not: {product: {ge: zz}}}]}\n"
                                 "    stats: {n: count(), v: sum(quantity), p: ohlc(price)}\n"
                                 "  b:\n    stream: ticks\n    by: [product]\n    window: {tumbling: 10s}\n  "
                                 "  stats: {c: change(price), s: sum(big)}\n"
                                 "  l:\n    stream: ticks\n    by: [product]\n    window: {last: 3}\n"
                                 "    stats: {s: sum(quantity)}\n";
static const char stream[] =
    "streams:\n  ticks:\n    topic: t\n    schema: tick.avsc\n    time: at\n    id: id\n    lateness: 1m\n"
    "    rules: {price: {gt: 0, required: true}, product: {pattern: '[a-z0-9]*'}, side: {in: [BUY, SELL]}}\n";

static void test_loading(void **state)
{
    (void)state;
    struct run r;
    struct rs_error error;
    int refused = 0;
    start(&r, stream, aggregates);
    for (long n = 0;; n++) {
        struct rs_engine *engine = NULL;
        struct rs_partition *p = NULL;
        until_failure = n;
        int rc = rs_engine_load(r.fixture.config, r.fixture.streams, &engine, &error);
        if (rc == 0) {
            rc = rs_partition_new(engine, 0, 0, &p, &error);
        }
        bool reached = until_failure < 0;
        until_failure = -1;
        refused += rc < 0;
        rs_partition_free(&p);
        rs_engine_free(&engine);
        if (!reached) {
            assert_int_equal(rc, 0);
            break;
        }
    }
    assert_true(refused > 20);
    stop(&r);
}

static void fill(struct run *r)
{
    static char names[500][8];
    for (int i = 0; i < 500; i++) {
        snprintf(names[i], sizeof names[i], "p%d", i);
        const struct tick t = {
            .product = names[i], .id = names[i], .at_us = i * SECOND / 8, .price = 1 + i, .quantity = 1};
        tick_log_add(&r->log, &t);
    }
    (void)tick_log_seal(&r->log);
}

static void test_applying_goes_on_where_it_stopped(void **state)
{
    (void)state;
    struct run plain;
    struct rs_buf expected = {0};
    start(&plain, stream, aggregates);
    fill(&plain);
    assert_int_equal(rs_partition_apply(plain.partition, plain.log.records, 500, NULL), 500);
    rs_partition_save(plain.partition, &expected);
    stop(&plain);
    int stopped = 0;
    for (long n = 0;; n++) {
        struct run r;
        struct rs_buf bytes = {0};
        start(&r, stream, aggregates);
        fill(&r);
        until_failure = n;
        size_t taken = rs_partition_apply(r.partition, r.log.records, 500, NULL);
        bool reached = until_failure < 0;
        until_failure = -1;
        stopped += taken < 500;
        assert_int_equal(rs_partition_apply(r.partition, r.log.records + taken, 500 - taken, NULL),
                         500 - taken);
        rs_partition_save(r.partition, &bytes);
        assert_true(rs_slice_equal(rs_buf_slice(&bytes), rs_buf_slice(&expected)));
        rs_buf_fini(&bytes);
        stop(&r);
        if (!reached) {
            break;
        }
    }
    assert_true(stopped > 5);
    rs_buf_fini(&expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loading),
        cmocka_unit_test(test_applying_goes_on_where_it_stopped),
    };
    return cmocka_run_group_tests_name("no_memory", tests, NULL, NULL);
}
