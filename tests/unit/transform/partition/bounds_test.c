/* What becomes of events that an aggregate does not take. */
#include "tests/unit/transform/engine_run.h"

static bool put_letter(void *self, const struct rs_dead_letter *letter)
{
    rs_buf_printf(self, "%lld %s\n", (long long)letter->record->offset, rs_reason_name(letter->reason));
    return true;
}

static const struct rs_dead_letter_ops letter_ops = {.put = put_letter};

static void expect_letters(const char *stream, const char *aggregates, const struct tick *ticks, size_t count,
                           const char *expected)
{
    struct run r;
    struct rs_buf letters = {0};
    const struct rs_dead_letter_sink sink = {&letters, &letter_ops};
    start(&r, stream, aggregates);
    for (size_t i = 0; i < count; i++) {
        tick_log_add(&r.log, &ticks[i]);
    }
    assert_int_equal(rs_partition_apply(r.partition, tick_log_seal(&r.log), count, &sink), count);
    rs_buf_char(&letters, '\0');
    assert_string_equal((const char *)letters.data, expected);
    rs_buf_fini(&letters);
    stop(&r);
}

/* ---- late ---- */

#define LATE_STREAM(letters)                                                                                 \
    "streams:\n  ticks: {topic: t, schema: tick.avsc, time: at, lateness: 10s, expire: 1h, "                 \
    "dead_letters: " letters "}\n"
#define WINDOWED(name, size, more)                                                                           \
    "  " name ": {stream: ticks, window: {tumbling: " size "}, stats: {n: count()}" more "}\n"

/* 1: late for ten seconds alone. 2: late for a minute, too. */
static const struct tick late_ticks[] = {
    {.at_us = 100 * SECOND}, {.at_us = 70 * SECOND}, {.at_us = 10 * SECOND}, {.at_us = 101 * SECOND}};

static void test_each_aggregate_says_what_becomes_of_late_events(void **state)
{
    static const struct {
        const char *stream, *aggregates, *letters;
    } cases[] = {
        {LATE_STREAM("{late: true}"), WINDOWED("a", "10s", "") WINDOWED("b", "1m", ""), "2 late\n"},
        {LATE_STREAM("{late: true}"), WINDOWED("a", "10s", ""), "1 late\n2 late\n"},
        {LATE_STREAM("{late: false}"), WINDOWED("a", "10s", "") WINDOWED("b", "1m", ""), ""},
        {LATE_STREAM("{late: true}"), WINDOWED("a", "10s", ", late: drop"), ""},
        {LATE_STREAM("{late: false}"), WINDOWED("a", "10s", ", late: dead_letter"), "1 late\n2 late\n"},
        /* One of those that call it late keeps it; what another one takes is no dead letter. */
        {LATE_STREAM("{late: false}"), WINDOWED("a", "10s", ", late: dead_letter") WINDOWED("b", "1m", ""),
         "2 late\n"},
        {LATE_STREAM("{late: false}"), WINDOWED("a", "10s", "") WINDOWED("b", "1m", ", late: dead_letter"),
         "2 late\n"},
        {LATE_STREAM("{late: true}"),
         WINDOWED("a", "10s", ", late: drop") WINDOWED("b", "1m", ", late: drop"), ""},
        {LATE_STREAM("{late: true}"),
         WINDOWED("a", "10s",
                  ", late: drop") "  c: {stream: ticks, window: {all: true}, stats: {n: count()}}\n",
         ""},
        {LATE_STREAM("false"), WINDOWED("a", "10s", ", late: drop"), ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        expect_letters(cases[i].stream, cases[i].aggregates, late_ticks, 4, cases[i].letters);
    }
}

static void test_late_is_refused_where_it_says_nothing(void **state)
{
    static const char stream[] = "time: at, lateness: 10s";
    (void)state;
    expect_complaint(stream, "window: {all: true}, late: drop, stats: {v: count()}",
                     "test.yaml:6:49: no event is late for a window that never ends\n");
    expect_complaint(stream, "window: {tumbling: 1s}, late: keep, stats: {v: count()}",
                     "test.yaml:6:52: late is dead_letter or drop\n");
    expect_complaint("time: at, dead_letters: false",
                     "window: {tumbling: 1s}, late: dead_letter, stats: {v: count()}",
                     "test.yaml:6:52: stream ticks has no dead letters: late can only be drop\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_aggregate_says_what_becomes_of_late_events),
        cmocka_unit_test(test_late_is_refused_where_it_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
