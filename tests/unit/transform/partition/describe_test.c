#include "tests/lib/partition_state.h"
#include "tests/unit/transform/engine_run.h"

static void assert_described(struct run *r, uint32_t aggregate, const char *key, const char *expected)
{
    struct rs_buf json = {0};
    bool found = rs_partition_describe_group(r->partition, aggregate, rs_slice_text(key), &json);
    assert_int_equal(found, expected != NULL);
    assert_int_equal(json.size > 0, found);
    if (found) {
        assert_string_equal(rs_buf_cstr(&json), expected);
    }
    rs_buf_fini(&json);
}

static void test_panes_and_the_view(void **state)
{
    (void)state;
    struct run r;
    start(&r, append_stream,
          "  m:\n    stream: ticks\n    by: [market, product]\n    window: {tumbling: 10s}\n    history: 2\n"
          "    stats: {n: count(), hi: max(price), d: change(price)}\n");
    const struct tick ticks[] = {
        {.market = "A", .product = "x:y", .at_us = 1 * SECOND, .price = 150},
        {.market = "A", .product = "x:y", .at_us = 11 * SECOND, .price = 250},
        {.market = "A", .product = "x:y", .at_us = 2 * SECOND, .price = 175}, /* after its window's end */
        {.market = "B", .product = "x:y", .at_us = 12 * SECOND, .price = 1},
    };
    apply(&r, ticks, 4);
    assert_described(
        &r, 0, "A:x%3Ay",
        "{\"aggregate\":\"m\",\"key\":\"A:x%3Ay\",\"clock\":\"1970-01-01T00:00:11Z\","
        "\"shown_as_of\":\"1970-01-01T00:00:12Z\",\"window_not_acknowledged\":\"1970-01-01T00:00:10Z\","
        "\"view\":{\"n\":\"1\",\"hi\":\"2.5\",\"d\":\"0.75\",\"window_start\":\"10000\","
        "\"window_end\":\"20000\",\"event_time\":\"11000\",\"events\":\"1\"},\"panes\":["
        "{\"from\":\"1970-01-01T00:00:00Z\",\"to\":\"1970-01-01T00:00:10Z\",\"events\":2,"
        "\"newest_event\":\"1970-01-01T00:00:02Z\",\"late_within_lateness\":1,\"only_for_change\":false,"
        "\"stats\":{\"n\":\"2\",\"hi\":\"1.75\"}},"
        "{\"from\":\"1970-01-01T00:00:10Z\",\"to\":\"1970-01-01T00:00:20Z\",\"events\":1,"
        "\"newest_event\":\"1970-01-01T00:00:11Z\",\"late_within_lateness\":0,\"only_for_change\":false,"
        "\"stats\":{\"n\":\"1\",\"hi\":\"2.5\"}}]}");
    assert_described(&r, 0, "A:x:y", NULL);
    assert_described(&r, 0, "", NULL);
    assert_described(&r, 1, "A:x%3Ay", NULL);
    stop(&r);
}

/* Asking changes nothing of what is emitted later. */
static void test_describing_leaves_all_as_it_was(void **state)
{
    (void)state;
    struct run r;
    start(&r, append_stream,
          "  s:\n    stream: ticks\n    window: {sliding: 20s, every: 10s}\n    history: 3\n"
          "    stats: {n: count()}\n"
          "  a:\n    stream: ticks\n    window: {all: true}\n    stats: {n: count()}\n");
    const struct tick ticks[] = {{.at_us = 1 * SECOND}, {.at_us = 25 * SECOND}, {.at_us = 14 * SECOND}};
    struct rs_buf before = {0};
    struct rs_buf after = {0};
    struct rs_buf json = {0};
    apply(&r, ticks, 3);
    rs_partition_save(r.partition, &before);
    assert_true(rs_partition_describe_group(r.partition, 0, rs_slice_text(""), &json));
    assert_non_null(strstr(rs_buf_cstr(&json), "\"late_within_lateness\":1"));
    rs_buf_reset(&json);
    assert_true(rs_partition_describe_group(r.partition, 1, rs_slice_text(""), &json));
    assert_non_null(strstr(rs_buf_cstr(&json), "\"panes\":[{\"from\":null,\"to\":null,\"events\":3,"));
    rs_partition_save(r.partition, &after);
    assert_true(rs_slice_equal(rs_buf_slice(&before), rs_buf_slice(&after)));
    rs_buf_fini(&before);
    rs_buf_fini(&after);
    rs_buf_fini(&json);
    stop(&r);
}

static void test_registers(void **state)
{
    (void)state;
    struct run r;
    start(
        &r,
        "streams:\n  ticks: {topic: t, schema: tick.avsc, time: at, upsert: {version: revision, value: "
        "price}}\n",
        "  u:\n    stream: ticks\n    by: [product]\n    where: {quantity: {gt: 0}}\n    window: {last: 2}\n"
        "    stats: {v: last(price)}\n");
    const struct tick ticks[] = {
        {.product = "p", .at_us = 10 * SECOND, .price = 100, .quantity = 1, .revision = 1},
        {.product = "p", .at_us = 20 * SECOND, .price = 200, .quantity = 1, .revision = 7},
        {.product = "p", .at_us = 20 * SECOND, .no_price = true, .quantity = 1, .revision = 8},
        {.product = "p", .at_us = 30 * SECOND, .price = 300, .quantity = 0, .revision = 1},
    };
    apply(&r, ticks, 4);
    struct rs_buf json = {0};
    assert_true(rs_partition_describe_group(r.partition, 0, rs_slice_text("p"), &json));
    assert_non_null(strstr(
        rs_buf_cstr(&json),
        "\"registers\":[{\"period\":\"1970-01-01T00:00:10Z\",\"version\":1,\"offset\":0,\"revision\":0,"
        "\"withdrawn\":false,\"filtered\":false,\"stats\":{\"v\":\"1\"}},"
        "{\"period\":\"1970-01-01T00:00:20Z\",\"version\":8,\"offset\":2,\"revision\":0,"
        "\"withdrawn\":true,\"filtered\":false},"
        "{\"period\":\"1970-01-01T00:00:30Z\",\"version\":1,\"offset\":3,\"revision\":0,"
        "\"withdrawn\":false,\"filtered\":true}]}"));
    assert_non_null(strstr(rs_buf_cstr(&json), "\"view\":{\"v\":\"1\","));
    rs_buf_fini(&json);
    stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_panes_and_the_view),
        cmocka_unit_test(test_describing_leaves_all_as_it_was),
        cmocka_unit_test(test_registers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
