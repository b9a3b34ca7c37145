/* Which letters were replayed, as markers say; markers that make no sense change nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "transform/dlqtool/internal.h"

static void expect_ranges(const struct rs_dlq_marks *marks, const char *expected)
{
    struct rs_buf text = {0};
    for (size_t i = 0; i < marks->count; i++) {
        rs_buf_printf(&text, "%lld-%lld ", (long long)marks->ranges[i].from, (long long)marks->ranges[i].to);
    }
    assert_string_equal(rs_buf_cstr(&text), expected);
    rs_buf_fini(&text);
}

static void add(struct rs_dlq_marks *marks, int64_t from, int64_t to)
{
    struct rs_error error;
    assert_int_equal(rs_dlq_marks_add(marks, from, to, &error), 0);
}

static void test_ranges_join(void **state)
{
    (void)state;
    struct rs_dlq_marks marks = {0};
    add(&marks, 10, 10);
    add(&marks, 12, 14);
    add(&marks, 0, 3);
    expect_ranges(&marks, "0-3 10-10 12-14 ");
    add(&marks, 11, 11);
    expect_ranges(&marks, "0-3 10-14 ");
    add(&marks, 5, 6);
    add(&marks, 4, 4);
    expect_ranges(&marks, "0-6 10-14 ");
    add(&marks, 2, 20);
    expect_ranges(&marks, "0-20 ");
    add(&marks, 7, 8);
    expect_ranges(&marks, "0-20 ");
    rs_dlq_marks_fini(&marks);
}

/* Against a table of yes and no. */
static void test_any_ranges_in_any_order(void **state)
{
    enum { OFFSETS = 300 };
    (void)state;
    for (unsigned seed = 1; seed <= 50; seed++) {
        struct rs_dlq_marks marks = {0};
        bool have[OFFSETS] = {false};
        uint64_t random = seed;
        for (int i = 0; i < 60; i++) {
            random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
            int64_t from = (int64_t)(random >> 33) % OFFSETS;
            int64_t to = from + (int64_t)(random >> 20) % 7;
            to = to < OFFSETS ? to : OFFSETS - 1;
            add(&marks, from, to);
            memset(have + from, true, (size_t)(to - from + 1));
        }
        for (int64_t i = 0; i < OFFSETS; i++) {
            assert_int_equal(rs_dlq_marks_have(&marks, i), have[i]);
        }
        for (size_t i = 1; i < marks.count; i++) {
            assert_true(marks.ranges[i].from > marks.ranges[i - 1].to + 1);
        }
        rs_dlq_marks_fini(&marks);
    }
}

/* ---- markers ---- */

/* "NAME=VALUE ...", names without "rollstat.". */
static void take(struct rs_dlq_marks *marks, int64_t offset, const char *text)
{
    char copy[256];
    char name[64];
    char *rest = NULL;
    struct rs_error error;
    struct rs_dlq_letter marker = {.offset = offset, .headers = rd_kafka_headers_new(8)};
    (void)snprintf(copy, sizeof copy, "%s", text);
    for (char *pair = strtok_r(copy, " ", &rest); pair; pair = strtok_r(NULL, " ", &rest)) {
        char *value = strchr(pair, '=');
        assert_non_null(value);
        *value++ = '\0';
        (void)snprintf(name, sizeof name, "rollstat.%s", pair);
        assert_int_equal(rd_kafka_header_add(marker.headers, name, -1, value, -1), 0);
    }
    assert_int_equal(rs_dlq_marks_take(marks, &marker, &error), 0);
    rd_kafka_headers_destroy(marker.headers);
}

#define A "replay_session=00000000000000aa "
#define B "replay_session=00000000000000bb "

static void test_sessions(void **state)
{
    (void)state;
    struct rs_dlq_marks marks = {.to = rs_slice_text("t")};
    take(&marks, 100, "replay=begin replay_to=t " A "replay_after=0:5,1:7");
    assert_true(marks.open);
    assert_int_equal(rs_dlq_marks_after(&marks, 0), 5);
    assert_int_equal(rs_dlq_marks_after(&marks, 1), 7);
    assert_int_equal(rs_dlq_marks_after(&marks, 2), -1);
    take(&marks, 101, "replay=sent replay_to=t " A "replay_letters=1-4,9 replay_after=1:12");
    assert_int_equal(rs_dlq_marks_after(&marks, 1), 12);
    assert_int_equal(marks.newest, 101);
    expect_ranges(&marks, "1-4 9-9 ");
    take(&marks, 102, "replay=begin replay_to=t " B "replay_letters=10 replay_after=0:50");
    assert_int_equal(rs_dlq_marks_after(&marks, 0), 50);
    assert_int_equal(rs_dlq_marks_after(&marks, 1), -1);
    /* What the first one has still to say of letters is true, and it neither ends nor moves the other. */
    take(&marks, 103, "replay=sent replay_to=t " A "replay_letters=20 replay_after=0:90");
    take(&marks, 104, "replay=end replay_to=t " A);
    assert_true(marks.open);
    assert_int_equal(marks.session, 0xbb);
    assert_int_equal(marks.newest, 102);
    assert_int_equal(rs_dlq_marks_after(&marks, 0), 50);
    expect_ranges(&marks, "1-4 9-10 20-20 ");
    take(&marks, 105, "replay=end replay_to=t " B);
    assert_false(marks.open);
    assert_int_equal(marks.damaged, 0);
    rs_dlq_marks_fini(&marks);
}

static void test_markers_that_make_no_sense(void **state)
{
    static const char *const wrong[] = {
        "replay=sent replay_to=t replay_letters=5", /* no session */
        "replay=sent replay_to=t replay_session=aa replay_letters=5",
        "replay=sent replay_to=t replay_session=0000000000000000 replay_letters=5",
        "replay=sent replay_to=t replay_session=00000000000000AA replay_letters=5",
        "replay=went replay_to=t " A "replay_letters=5",
        "replay=sent replay_to=t " A "replay_letters=5,x",
        "replay=sent replay_to=t " A "replay_letters=5-3",
        "replay=sent replay_to=t " A "replay_letters=5,100", /* its own offset */
        "replay=sent replay_to=t " A "replay_letters=-5",
        "replay=sent replay_to=t " A "replay_letters=1-2-3",
        "replay=sent replay_to=t " A "replay_letters=99999999999999999999",
        "replay=begin replay_to=t " A "replay_after=0",
        "replay=begin replay_to=t " A "replay_after=0:x",
        "replay=begin replay_to=t " A "replay_after=9999999999:1",
    };
    (void)state;
    struct rs_dlq_marks marks = {.to = rs_slice_text("t")};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        take(&marks, 100, wrong[i]);
        assert_int_equal(marks.damaged, i + 1);
        assert_int_equal(marks.count, 0);
        assert_false(marks.open);
    }
    take(&marks, 100, "replay=sent replay_to=other " A "replay_letters=5");
    assert_int_equal(marks.count, 0);
    assert_int_equal(marks.damaged, sizeof wrong / sizeof wrong[0]);
    rs_dlq_marks_fini(&marks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges_join),
        cmocka_unit_test(test_any_ranges_in_any_order),
        cmocka_unit_test(test_sessions),
        cmocka_unit_test(test_markers_that_make_no_sense),
    };
    return cmocka_run_group_tests_name("transform.dlqtool.marks", tests, NULL, NULL);
}
