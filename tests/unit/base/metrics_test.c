#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/metrics.h"

static void assert_text(struct rs_buf *out, const char *expected)
{
    rs_buf_char(out, '\0');
    assert_false(out->failed);
    assert_string_equal((const char *)out->data, expected);
    rs_buf_fini(out);
}

static void test_families_and_samples(void **state)
{
    struct rs_buf out = {0};
    const struct rs_label labels[] = {{"stream", "trades"}, {"partition", "3"}, {NULL, NULL}};

    (void)state;
    rs_metrics_family(&out, "rollstat_events_total", RS_METRIC_COUNTER, "Events.");
    rs_metrics_unsigned(&out, "rollstat_events_total", labels, UINT64_MAX);
    rs_metrics_family(&out, "rollstat_lag", RS_METRIC_GAUGE, "Lag.");
    rs_metrics_integer(&out, "rollstat_lag", NULL, -7);
    assert_text(&out, "# HELP rollstat_events_total Events.\n"
                      "# TYPE rollstat_events_total counter\n"
                      "rollstat_events_total{stream=\"trades\",partition=\"3\"} 18446744073709551615\n"
                      "# HELP rollstat_lag Lag.\n"
                      "# TYPE rollstat_lag gauge\n"
                      "rollstat_lag -7\n");
}

static void test_texts_are_escaped(void **state)
{
    struct rs_buf out = {0};
    const struct rs_label labels[] = {{"name", "a\"b\\c\nd"}, {NULL, NULL}};

    (void)state;
    rs_metrics_family(&out, "x", RS_METRIC_GAUGE, "say \"a\\b\"\nc");
    rs_metrics_integer(&out, "x", labels, 0);
    assert_text(&out, "# HELP x say \"a\\\\b\"\\nc\n"
                      "# TYPE x gauge\n"
                      "x{name=\"a\\\"b\\\\c\\nd\"} 0\n");
}

static void test_seconds_are_exact(void **state)
{
    struct rs_buf out = {0};
    static const int64_t times[] = {
        0, 1, 500, 1000000, 1500000, -250000, -3000000, INT64_C(1767225730993157), INT64_MIN};

    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        rs_metrics_seconds(&out, "s", NULL, times[i]);
    }
    assert_text(&out, "s 0\ns 0.000001\ns 0.0005\ns 1\ns 1.5\ns -0.25\ns -3\ns 1767225730.993157\n"
                      "s -9223372036854.775808\n");
}

static void test_histogram_buckets_add_up(void **state)
{
    struct rs_buf out = {0};
    struct rs_histogram histogram = {{0}, 0, 0};
    struct rs_histogram other = {{0}, 0, 0};
    const struct rs_label labels[] = {{"worker", "0"}, {NULL, NULL}};
    static const int64_t times[] = {-5, 500, 501, 1000000, 600000000, 600000001};

    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        rs_histogram_add(i % 2 ? &other : &histogram, times[i]);
    }
    rs_histogram_merge(&histogram, &other);
    rs_metrics_family(&out, "d", RS_METRIC_HISTOGRAM, "Delay.");
    rs_metrics_histogram(&out, "d", labels, &histogram);
    assert_int_equal(histogram.count, 6);
    assert_text(&out, "# HELP d Delay.\n"
                      "# TYPE d histogram\n"
                      "d_bucket{worker=\"0\",le=\"0.0001\"} 1\n"
                      "d_bucket{worker=\"0\",le=\"0.0002\"} 1\n"
                      "d_bucket{worker=\"0\",le=\"0.0005\"} 2\n"
                      "d_bucket{worker=\"0\",le=\"0.001\"} 3\n"
                      "d_bucket{worker=\"0\",le=\"0.002\"} 3\n"
                      "d_bucket{worker=\"0\",le=\"0.005\"} 3\n"
                      "d_bucket{worker=\"0\",le=\"0.01\"} 3\n"
                      "d_bucket{worker=\"0\",le=\"0.02\"} 3\n"
                      "d_bucket{worker=\"0\",le=\"0.05\"} 3\n"
                      "d_bucket{worker=\"0\",le=\"0.1\"} 3\n"
                      "d_bucket{worker=\"0\",le=\"0.2\"} 3\n"
                      "d_bucket{worker=\"0\",le=\"0.5\"} 3\n"
                      "d_bucket{worker=\"0\",le=\"1\"} 4\n"
                      "d_bucket{worker=\"0\",le=\"2\"} 4\n"
                      "d_bucket{worker=\"0\",le=\"5\"} 4\n"
                      "d_bucket{worker=\"0\",le=\"10\"} 4\n"
                      "d_bucket{worker=\"0\",le=\"60\"} 4\n"
                      "d_bucket{worker=\"0\",le=\"600\"} 5\n"
                      "d_bucket{worker=\"0\",le=\"+Inf\"} 6\n"
                      "d_sum{worker=\"0\"} 1201.001002\n"
                      "d_count{worker=\"0\"} 6\n");
}

/* A sum that would overflow stays, and the count goes on. */
static void test_a_histogram_never_wraps(void **state)
{
    struct rs_histogram histogram = {{0}, 0, 0};

    (void)state;
    rs_histogram_add(&histogram, INT64_MAX);
    rs_histogram_add(&histogram, 1);
    assert_int_equal(histogram.sum_us, INT64_MAX);
    assert_int_equal(histogram.count, 2);
    assert_int_equal(histogram.buckets[RS_HISTOGRAM_BUCKETS - 1], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_families_and_samples),    cmocka_unit_test(test_texts_are_escaped),
        cmocka_unit_test(test_seconds_are_exact),       cmocka_unit_test(test_histogram_buckets_add_up),
        cmocka_unit_test(test_a_histogram_never_wraps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
