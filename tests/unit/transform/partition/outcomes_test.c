/* When a line about rejected, late, filtered and duplicate records is due, and what it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "transform/partition/outcomes.h"

#define SECOND INT64_C(1000000)

static const struct rs_stream stream = {.name = "sales",
                                        .topic = "t",
                                        .dead_letter_topic = "t.dlq",
                                        .dead_letters = true,
                                        .time_path = "sold_at",
                                        .id_paths = (const char *const[]){"nr"},
                                        .id_count = 1,
                                        .lateness_us = 30 * SECOND,
                                        .max_future_us = 30 * SECOND};

struct fixture {
    struct rs_outcome_watch watch;
    struct rs_outcomes now;
    int64_t us;
    enum rs_log_level level;
    char text[1024];
    int lines;
};

/* Each second for so long; the newest line stays in `text`. */
static void run_for(struct fixture *f, int64_t seconds)
{
    for (int64_t i = 0; i < seconds; i++) {
        char text[sizeof f->text];
        enum rs_log_level level = RS_LOG_DEBUG;
        if (rs_outcomes_judge(&f->watch, &stream, &f->now, f->us, &level, text, sizeof text)) {
            f->lines++;
            f->level = level;
            memcpy(f->text, text, sizeof text);
        }
        f->us += SECOND;
    }
}

static void reject(struct fixture *f, enum rs_reason reason, int64_t offset)
{
    const struct rs_reject_example example = {.partition = 2,
                                              .offset = offset,
                                              .event_us = 3600 * SECOND + 1500,
                                              .record_us = 0,
                                              .text = "price: must be > 0"};
    f->now.events.consumed++;
    f->now.events.rejected++;
    rs_outcomes_reject(&f->now, reason, &example);
}

static void good(struct fixture *f, uint64_t count)
{
    f->now.events.consumed += count;
    f->now.events.applied += count;
}

static void test_silence_and_good_events_say_nothing(void **state)
{
    struct fixture f = {0};
    (void)state;
    run_for(&f, 300);
    for (int i = 0; i < 100; i++) {
        good(&f, 50);
        run_for(&f, 7);
    }
    assert_int_equal(f.lines, 0);
}

static void test_rejected_records_are_told_soon_and_then_each_minute(void **state)
{
    struct fixture f = {0};
    (void)state;
    run_for(&f, 100);
    for (int64_t i = 0; i < 1200; i++) {
        reject(&f, RS_REASON_FUTURE, i);
    }
    run_for(&f, 5);
    assert_int_equal(f.lines, 0);
    run_for(&f, 1);
    assert_int_equal(f.lines, 1);
    assert_int_equal(f.level, RS_LOG_WARNING);
    assert_non_null(strstr(f.text,
                           "stream sales: in the last 5 s 1200 of 1200 records were rejected: 1200 future; "
                           "for example partition 2 offset 1199: its sold_at is 1h after the record's Kafka "
                           "time, and max_future allows 30s"));
    assert_non_null(strstr(f.text, "; they are in topic t.dlq"));
    for (int64_t i = 0; i < 600; i++) {
        reject(&f, RS_REASON_FUTURE, i);
        run_for(&f, 1);
    }
    assert_true(f.lines >= 9 && f.lines <= 11);
    run_for(&f, 600);
    assert_true(f.lines >= 10 && f.lines <= 12); /* the rest of the last minute, and then no more */
}

static void test_reasons_come_by_their_number(void **state)
{
    struct fixture f = {0};
    (void)state;
    good(&f, 10);
    for (int64_t i = 0; i < 3; i++) {
        reject(&f, RS_REASON_TOMBSTONE, i);
        reject(&f, RS_REASON_UTF8, i);
    }
    for (int64_t i = 0; i < 7; i++) {
        reject(&f, RS_REASON_RULE, 40 + i);
    }
    run_for(&f, 6);
    assert_int_equal(f.lines, 1);
    assert_non_null(
        strstr(f.text, "13 of 23 records were rejected: 7 rule, 3 tombstone, 3 utf8; for example partition "
                       "2 offset 46: price: must be > 0"));
    /* What was told is not told again. */
    reject(&f, RS_REASON_UTF8, 99);
    run_for(&f, 70);
    assert_int_equal(f.lines, 2);
    assert_non_null(
        strstr(f.text, "1 of 1 records were rejected: 1 utf8; for example partition 2 offset 99"));
}

static void test_what_may_be_meant_is_told_less_and_less(void **state)
{
    struct fixture f = {0};
    (void)state;
    for (int i = 0; i < 4 * 3600; i++) {
        f.now.events.consumed++;
        f.now.events.filtered++;
        run_for(&f, 1);
    }
    assert_true(f.lines >= 6 && f.lines <= 10);
    assert_int_equal(f.level, RS_LOG_INFO);
    assert_non_null(strstr(f.text, " records were filtered: no aggregate's `where` takes them"));
    /* Once some are taken it is new again. */
    good(&f, 1);
    run_for(&f, 70);
    int before = f.lines;
    f.now.events.consumed += 20;
    f.now.events.filtered += 20;
    run_for(&f, 70);
    assert_int_equal(f.lines, before + 1);
    assert_non_null(strstr(f.text, "all 20 records were filtered"));
}

static void test_late_ones_and_duplicates(void **state)
{
    struct fixture f = {0};
    (void)state;
    good(&f, 10);
    f.now.events.consumed += 11;
    f.now.events.late += 11;
    run_for(&f, 70);
    assert_int_equal(f.lines, 1);
    assert_int_equal(f.level, RS_LOG_WARNING);
    assert_non_null(
        strstr(f.text, "11 of 21 records were late: every window that could hold them is final (lateness: "
                       "30s)"));
    good(&f, 10);
    f.now.events.consumed += 9;
    f.now.events.late += 9;
    run_for(&f, 200);
    assert_int_equal(f.lines, 1);
    f.now.events.consumed += 5;
    f.now.events.duplicate += 5;
    run_for(&f, 70);
    assert_int_equal(f.lines, 2);
    assert_non_null(strstr(f.text, "all 5 records were duplicates: their nr came before, within `dedup`"));
}

static void test_sums_keep_an_example(void **state)
{
    struct fixture one = {0}, other = {0};
    struct rs_outcomes sum = {0};
    (void)state;
    reject(&one, RS_REASON_RULE, 7);
    good(&other, 3);
    rs_outcomes_add(&sum, &one.now);
    rs_outcomes_add(&sum, &other.now);
    assert_int_equal(sum.events.consumed, 4);
    assert_int_equal(sum.rejected[RS_REASON_RULE], 1);
    assert_int_equal(sum.newest[RS_REASON_RULE].offset, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silence_and_good_events_say_nothing),
        cmocka_unit_test(test_rejected_records_are_told_soon_and_then_each_minute),
        cmocka_unit_test(test_reasons_come_by_their_number),
        cmocka_unit_test(test_what_may_be_meant_is_told_less_and_less),
        cmocka_unit_test(test_late_ones_and_duplicates),
        cmocka_unit_test(test_sums_keep_an_example),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
