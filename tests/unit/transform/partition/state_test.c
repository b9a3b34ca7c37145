/* Order, partitions and stored state: the same events give the same bytes. */
#include "tests/lib/partition_state.h"
#include "tests/lib/random.h"
#include "tests/unit/transform/engine_run.h"

/* ---- order and partitions ---- */

#define ORDER_EVENTS 3000

struct line {
    char text[256];
};
struct lines {
    struct line *items;
    size_t count;
};

static void keep_line(void *ctx, const struct rs_aggregate_meta *meta, const struct rs_op *op)
{
    struct lines *l = ctx;
    struct rs_buf fields = {0};
    op_text(meta, op, &fields);
    char *revision =
        strstr((char *)fields.data, " revision="); /* counts what order it was, so it may differ */
    if (revision) {
        *revision = '\0';
    }
    snprintf(l->items[l->count++].text, sizeof l->items->text, "%d %s/%.*s %lld %s", op->kind, meta->name,
             (int)op->key.size, (const char *)op->key.data,
             (long long)(op->kind == RS_OP_VIEW ? op->change_ms : op->score_ms), (const char *)fields.data);
    rs_buf_fini(&fields);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(((const struct line *)a)->text, ((const struct line *)b)->text);
}

/* The log in the order given, split by product over `partitions`; what is emitted in the end, sorted. */
static void run_order(const struct tick *ticks, const size_t *order, int partitions, struct lines *out)
{
    struct fixture f;
    struct rs_error error;
    struct rs_partition *p[8] = {0};
    struct rs_buf yaml = {0};
    rs_buf_printf(
        &yaml,
        "%saggregates:\n"
        "  w:\n    stream: ticks\n    by: [product]\n    window: {tumbling: 1m}\n    history: 1000\n"
        "    stats:\n      v: sum(quantity)\n      p: ohlc(price)\n      sd: stddev(ratio)\n      c: "
        "change(price)\n"
        "  s:\n    stream: ticks\n    by: [product]\n    window: {sliding: 50s, every: 20s}\n    history: "
        "1000\n"
        "    stats:\n      m: mean(ratio)\n      lo: min(price)\n"
        "  a:\n    stream: ticks\n    by: [product]\n    window: {all: true}\n"
        "    stats:\n      sum: sum(ratio)\n      var: variance(ratio)\n      f: first(price)\n      l: "
        "last(price)\n",
        "streams:\n  ticks: {topic: t, schema: tick.avsc, time: at, lateness: 10s}\n");
    rs_buf_char(&yaml, '\0');
    if (!fixture_open(&f, (const char *)yaml.data)) {
        fail_msg("%s", (const char *)f.complaints.data);
    }
    int64_t newest_us = INT64_MIN;
    for (int k = 0; k < partitions; k++) {
        assert_int_equal(rs_partition_new(f.engine, 0, k, &p[k], &error), 0);
        struct tick_log log = {0};
        for (size_t i = 0; i < ORDER_EVENTS; i++) {
            const struct tick *t = &ticks[order[i]];
            newest_us = t->at_us > newest_us ? t->at_us : newest_us;
            if ((t->product[0] - 'a') % partitions == k) {
                tick_log_add(&log, t);
            }
        }
        const struct rs_record *records = tick_log_seal(&log);
        assert_int_equal(rs_partition_apply(p[k], records, log.count, NULL), log.count);
        struct rs_partition_status s;
        rs_partition_status(p[k], &s);
        assert_int_equal(s.events.applied, log.count);
        tick_log_free(&log);
    }
    out->count = 0;
    for (int k = 0; k < partitions; k++) {
        rs_partition_show(p[k], newest_us);
        partition_drain(&f, p[k], keep_line, out);
        rs_partition_free(&p[k]);
    }
    qsort(out->items, out->count, sizeof *out->items, by_text);
    fixture_close(&f);
    rs_buf_fini(&yaml);
}

static void test_order_and_partitions_do_not_matter(void **state)
{
    (void)state;
    static struct tick ticks[ORDER_EVENTS];
    static size_t order[ORDER_EVENTS];
    static const char *const products[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    struct rs_random random = rs_random_of_run();
    struct lines plain = {malloc(20000 * sizeof(struct line)), 0};
    struct lines other = {malloc(20000 * sizeof(struct line)), 0};
    assert_non_null(plain.items);
    assert_non_null(other.items);
    for (size_t i = 0; i < ORDER_EVENTS; i++) {
        uint64_t group = rs_random_next(&random) % 8;
        /* Distinct times, so that first and last hang on no offset; group h is a day behind its neighbours.
         */
        ticks[i] = (struct tick){.product = products[group], .at_us = (int64_t)(i * 200000 + 1)};
        ticks[i].at_us -= group == 7 ? INT64_C(86400) * SECOND : 0;
        ticks[i].price = (int64_t)(rs_random_next(&random) % 100000);
        ticks[i].quantity = (int64_t)(rs_random_next(&random) % 100);
        ticks[i].ratio =
            (double)(int64_t)rs_random_next(&random) / (double)(1 + rs_random_next(&random) % 1000000);
        order[i] = i;
    }
    run_order(ticks, order, 1, &plain);
    assert_true(plain.count > 300);
    for (int turn = 0; turn < 20; turn++) {
        /* Each event moves by less than lateness: 10 s are 50 events. */
        for (size_t i = 0; i < ORDER_EVENTS; i += 50) {
            rs_random_shuffle(&random, order + i, 50);
        }
        run_order(ticks, order, 1 + turn % 8, &other);
        assert_int_equal(other.count, plain.count);
        for (size_t i = 0; i < plain.count; i++) {
            assert_string_equal(other.items[i].text, plain.items[i].text);
        }
        for (size_t i = 0; i < ORDER_EVENTS; i++) {
            order[i] = i;
        }
    }
    free(plain.items);
    free(other.items);
}

static void test_all_time_does_not_care_for_any_order(void **state)
{
    (void)state;
    static size_t order[500];
    struct rs_random random = rs_random_of_run();
    struct rs_buf expected = {0};
    for (int turn = 0; turn < 20; turn++) {
        struct run r;
        struct rs_buf lines = {0};
        start(
            &r, "streams:\n  ticks: {topic: t, schema: tick.avsc, time: at}\n",
            "  a:\n    stream: ticks\n    window: {all: true}\n    stats:\n      s: sum(ratio)\n"
            "      v: variance(ratio)\n      f: first(price)\n      l: last(price)\n      m: mean(price)\n");
        for (size_t i = 0; i < 500; i++) {
            order[i] = i;
        }
        rs_random_shuffle(&random, order, turn ? 500 : 0);
        for (size_t i = 0; i < 500; i++) {
            double ratio = (double)(order[i] * 7919 % 500) * 1e10 / 3 - 1e-10 * (double)order[i];
            const struct tick t = {
                .at_us = (int64_t)order[i] * 3600 * SECOND, .price = (int64_t)order[i], .ratio = ratio};
            apply(&r, &t, 1);
        }
        partition_drain(&r.fixture, r.partition, note, &lines);
        rs_buf_char(&lines, '\0');
        if (turn == 0) {
            expected = lines;
        } else {
            assert_string_equal((const char *)lines.data, (const char *)expected.data);
            rs_buf_fini(&lines);
        }
        stop(&r);
    }
    rs_buf_fini(&expected);
}

/* ---- stored state ---- */

static int load_bytes(struct run *r, struct rs_slice bytes, struct rs_error *error)
{
    struct rs_partition *fresh;
    assert_int_equal(rs_partition_new(r->fixture.engine, 0, 0, &fresh, error), 0);
    int rc = rs_partition_load(fresh, bytes, error);
    rs_partition_free(&fresh);
    return rc;
}

static void test_damaged_state_is_refused(void **state)
{
    (void)state;
    struct run r;
    struct rs_error error;
    struct rs_buf bytes = {0};
    start(
        &r, "streams:\n  ticks: {topic: t, schema: tick.avsc, time: at, id: id}\n",
        "  m:\n    stream: ticks\n    by: [product]\n    window: {sliding: 20s, every: 10s}\n    history: 5\n"
        "    stats: {v: sum(quantity), s: sum(ratio), f: first(price)}\n");
    const struct tick ticks[] = {{.product = "a", .at_us = 0, .ratio = 1e300, .id = "x"},
                                 {.product = "b", .at_us = 15 * SECOND, .ratio = 1e-300},
                                 {.product = "a", .at_us = 25 * SECOND},
                                 {.product = "a", .at_us = 5 * SECOND}};
    apply(&r, ticks, 4);
    rs_partition_save(r.partition, &bytes);
    assert_int_equal(load_bytes(&r, rs_buf_slice(&bytes), &error), 0);
    for (size_t i = 0; i < bytes.size; i++) {
        assert_int_equal(load_bytes(&r, rs_slice_of(bytes.data, i), &error), RS_ESTATE);
        bytes.data[i] ^= 0x10;
        assert_int_equal(load_bytes(&r, rs_buf_slice(&bytes), &error), RS_ESTATE);
        bytes.data[i] ^= 0x10;
    }
    bytes.data[3] = 1;
    assert_int_equal(load_bytes(&r, rs_buf_slice(&bytes), &error), RS_ESTATE);
    assert_string_equal(error.text, "stored state has format 1, and this version reads 2");
    bytes.data[3] = 2;
    struct run other;
    start(&other, append_stream,
          "  m:\n    stream: ticks\n    window: {all: true}\n    stats: {v: sum(quantity)}\n");
    assert_int_equal(load_bytes(&other, rs_buf_slice(&bytes), &error), RS_ESTATE);
    assert_string_equal(error.text, "stored state is of another definition of aggregate m");
    stop(&other);
    stop(&r);
    rs_buf_fini(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_and_partitions_do_not_matter),
        cmocka_unit_test(test_all_time_does_not_care_for_any_order),
        cmocka_unit_test(test_damaged_state_is_refused),
    };
    return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
