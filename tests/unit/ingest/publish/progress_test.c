#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/publish/progress.h"

static void expect(struct rs_buf *text, const char *wanted)
{
    rs_buf_char(text, '\0');
    assert_false(text->failed);
    assert_string_equal((const char *)text->data, wanted);
    rs_buf_reset(text);
}

static void test_numbers(void **state)
{
    struct rs_buf text = {0};
    (void)state;
    rs_progress_number(&text, 0);
    expect(&text, "0");
    rs_progress_number(&text, 999);
    expect(&text, "999");
    rs_progress_number(&text, 1000);
    expect(&text, "1,000");
    rs_progress_number(&text, 1234567);
    expect(&text, "1,234,567");
    rs_progress_number(&text, UINT64_MAX);
    expect(&text, "18,446,744,073,709,551,615");
    rs_buf_fini(&text);
}

static void test_line(void **state)
{
    struct rs_progress p;
    struct rs_buf text = {0};
    (void)state;
    rs_progress_init(&p, 1000000);
    assert_false(rs_progress_due(&p, 1249999));
    assert_true(rs_progress_due(&p, 1250000));
    rs_progress_line(&p, 2000000, 5000, 100, 1000, &text);
    expect(&text, "5,000 rows  5,000/s  10%  ETA 0:09");
    assert_false(rs_progress_due(&p, 2000000));
    rs_progress_line(&p, 3000000, 5000, 100, 1000, &text); /* nothing more came: the rate falls */
    expect(&text, "5,000 rows  3,500/s  10%  ETA 0:18");
    rs_progress_line(&p, 4000000, 8000, 1000, 1000, &text);
    expect(&text, "8,000 rows  3,350/s  100%  ETA 0:00");
    rs_progress_line(&p, 5000000, 8000, 1, 100000, &text);
    expect(&text, "8,000 rows  2,345/s  0%  ETA 111:06:36");
    rs_progress_line(&p, 6000000, 8000, 5, 0, &text); /* a pipe has no size */
    expect(&text, "8,000 rows  1,641/s");
    rs_buf_fini(&text);
}

static void test_end(void **state)
{
    struct rs_progress p;
    struct rs_buf text = {0};
    (void)state;
    rs_progress_init(&p, 0);
    rs_progress_end(&p, 2500000, 1000000, &text);
    expect(&text, "in 2.50 s (400,000 rows/s)");
    rs_progress_end(&p, 0, 0, &text);
    expect(&text, "in 0.00 s (0 rows/s)");
    rs_buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_end),
    };
    return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
