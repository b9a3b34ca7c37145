/* State that version 0.1 has stored (head format 1), read by this one. The bytes were written by that
 * version: three groups, of which it had dropped one by the highest event time, and four ids. */
#include "tests/lib/bytes.h"
#include "tests/unit/transform/seal_run.h"
#include "transform/partition/internal.h"

static const char stored_head_0[] = "010000000000000000000000000000000000000080d1f0080000000000000000"
                                    "000000000200000001000000010000006d5710eadfdedb4a4800000000000000"
                                    "0000000000000000800000000000000000000000000000000000000000000000"
                                    "0002000000000000000000000000000000000000000000000000000000000000"
                                    "0000000000000000000000000000000080";
static const char stored_chunks_0[] = "e1000000063c00000000000000000000000200000058f1988f0225cd654d3356"
                                      "d884e73cdf00e1f5050000000014a35d2f32a795fb56dedfe0ce8f35cb80d1f0"
                                      "0800000000024b00000000000000060000000500676f6e6500e1f50500000000"
                                      "80778e0600000000000000000000008000e1f505000000000100000000e1f505"
                                      "00000000000000000000000001010400e1f5050101024b000000000000000600"
                                      "000005006865726580d1f0080000000000688909000000000000000000000080"
                                      "80d1f008000000000100000080d1f00800000000000000000000000001010480"
                                      "d1f0080102";
static const char stored_head_1[] = "010000000000000000000000010000000000000080460a0c0000000001000000"
                                    "000000000300000001000000010000006d5710eadfdedb4a4800000000000000"
                                    "0000000000000000800000000000000000000000000000000000000000000000"
                                    "0004000000000000000000000000000000000000000000000000000000000000"
                                    "00000000000000000000e1f50500000000";
static const char stored_chunks_1[] = "07010000030e00000000000000060000000500676f6e65050e00000000000000"
                                      "060000000500676f6e65063c000000020000000000000002000000f074947e1e"
                                      "dc247345c429089cdccd5f80460a0c000000003f80cf7f021189e23c3faabcaf"
                                      "82594780460a0c00000000014b00000000000000060000000500686572658046"
                                      "0a0c000000008058840c00000000000000000000008000c2eb0b000000000100"
                                      "000000c2eb0b00000000000000000000000001010480460a0c0103024b000000"
                                      "00000000060000000500616c736fc0769f0b00000000ffffffffffffff7f0000"
                                      "000000000080802b530b0000000001000000802b530b00000000000000000000"
                                      "0000010104c0769f0b0104";

static const char stream[] = "streams:\n  ticks: {topic: t, schema: tick.avsc, time: at, lateness: 10s, "
                             "expire: 100s, id: id, dedup: 60s}\n";
static const char aggregate[] = "  m:\n    stream: ticks\n    by: [product]\n    window: {tumbling: 10s}\n"
                                "    history: 3\n    stats: {v: sum(quantity)}\n";

static void put_hex(const char *text, struct rs_buf *out)
{
    assert_true(rs_buf_reserve(out, strlen(text) / 2));
    out->size += bytes_unhex(out->data + out->size, text);
}

static void put_batch(struct engine_log *log, const char *head, const char *chunks)
{
    put_hex(head, &log->batches[log->count].head);
    put_hex(chunks, &log->batches[log->count].chunks);
    log->count++;
}

static void read_stored(struct sealing *f)
{
    struct engine_log *log = &f->log;
    log->capacity = 8;
    log->batches = calloc(log->capacity, sizeof *log->batches);
    assert_non_null(log->batches);
    put_batch(log, stored_head_0, stored_chunks_0);
    put_batch(log, stored_head_1, stored_chunks_1);
    log->batches[1].seal = (struct rs_seal){
        .next_offset = 5,
        .stream_time_us = 202 * SECOND,
        .now_shown_us = 202 * SECOND,
        .events = {.consumed = 5, .applied = 4, .duplicate = 1},
    };
}

/* The records before are not there: those of the run begin behind them. */
static void go_on(struct run *r, const struct tick *ticks, size_t count)
{
    struct rs_partition_status status;
    size_t before = r->log.count;
    rs_partition_status(r->partition, &status);
    for (size_t i = 0; i < count; i++) {
        tick_log_add(&r->log, &ticks[i]);
    }
    struct rs_record *records = r->log.records;
    (void)tick_log_seal(&r->log);
    for (size_t i = 0; i < count; i++) {
        records = r->log.records;
        records[before + i].offset = status.next_offset + (int64_t)i;
    }
    assert_int_equal(rs_partition_apply(r->partition, records + before, count, NULL), count);
}

static void discard(struct run *r)
{
    partition_drain(&r->fixture, r->partition, NULL, NULL);
}

static void test_stored_state_goes_on(void **state)
{
    struct sealing *f = *state;
    struct rs_partition_status s;
    read_stored(f);
    struct run *r = open_restored(f, stream, aggregate);
    rs_partition_status(r->partition, &s);
    assert_int_equal(s.groups, 2);
    assert_int_equal(s.expired_groups, 1);
    assert_int_equal(s.now_shown_us, 202 * SECOND);
    assert_int_equal(s.steady_time_us, RS_TIME_NONE); /* it begins with the next event */
    const struct tick more[] = {
        {.product = "here", .id = "3", .at_us = 203 * SECOND, .quantity = 9}, /* a duplicate */
        {.product = "here", .id = "5", .at_us = 203 * SECOND, .quantity = 5},
        {.product = "gone",
         .id = "6",
         .at_us = 75 * SECOND,
         .quantity = 5}, /* late: it may have been there */
        {.product = "never",
         .id = "7",
         .at_us = 75 * SECOND,
         .quantity = 5}, /* so may this one, for all it knew */
        {.product = "never", .id = "8", .at_us = 95 * SECOND, .quantity = 6}};
    go_on(r, more, 5);
    assert_events(r, 6, 2, 2, 0, 0);
    discard(r);
    const struct tick next = {.product = "here", .id = "9", .at_us = 211 * SECOND, .quantity = 7};
    go_on(r, &next, 1);
    assert_emits(r,
                 "view m/here 211000: v=7 window_start=210000 window_end=220000 event_time=211000 events=1\n"
                 "history m/here 200000: v=8 window_start=200000 window_end=210000 event_time=203000 "
                 "events=2 revision=0\n");
}

/* Batches of both formats stand in one log until a sweep has gone round. */
static void test_both_formats_in_one_log(void **state)
{
    struct sealing *f = *state;
    read_stored(f);
    struct run *r = open_restored(f, stream, aggregate);
    struct tick later[400];
    for (size_t i = 0; i < 400; i++) {
        later[i] = (struct tick){.product = "here", .at_us = (203 + (int64_t)i) * SECOND, .quantity = 1};
    }
    go_on(r, later, 400);
    seal_changes(f, r);
    assert_int_equal(f->log.count, 3);
    struct run *again = open_restored(f, stream, aggregate);
    assert_same_bytes(r, again);
    const struct tick old = {.product = "also", .at_us = 100 * SECOND, .quantity = 1}; /* dropped by now */
    go_on(again, &old, 1);
    struct rs_partition_status s;
    rs_partition_status(again->partition, &s);
    assert_int_equal(s.events.late, 1);
    assert_int_equal(s.expired_groups, 2);
}

/* Of what came before the new version knows no times: a few events with wrong clocks are no majority. */
static void test_first_events_move_nothing(void **state)
{
    struct sealing *f = *state;
    struct rs_partition_status s;
    read_stored(f);
    seal_changes(f, open_restored(f, stream, aggregate)); /* without any event */
    struct run *r = open_restored(f, stream, aggregate);
    const struct tick first[] = {{.product = "wrong", .id = "w", .at_us = 90000 * SECOND, .quantity = 1},
                                 {.product = "here", .id = "3", .at_us = 203 * SECOND, .quantity = 9},
                                 {.product = "here", .at_us = 203 * SECOND, .quantity = 9},
                                 {.product = "wrong", .at_us = 90001 * SECOND, .quantity = 1},
                                 {.product = "wrong", .at_us = 90002 * SECOND, .quantity = 1},
                                 {.product = "here", .id = "4", .at_us = 204 * SECOND, .quantity = 9}};
    go_on(r, first, 6);
    rs_partition_status(r->partition, &s);
    assert_int_equal(s.expired_groups, 1);
    assert_int_equal(s.groups, 3);
    assert_int_equal(s.events.duplicate, 3); /* ids 3 and 4 came before, and one was counted then */
}

static void test_other_formats_are_refused(void **state)
{
    struct sealing *f = *state;
    read_stored(f);
    struct run *r = open_run(f, stream, aggregate);
    for (uint8_t format = 0; format < 5; format += 4) {
        f->log.batches[0].head.data[0] = format;
        assert_int_equal(engine_log_restore_batch(&f->log.batches[0], r->partition, &f->error), RS_ESTATE);
    }
    assert_string_equal(f->error.text, "stored state has format 4, and this version reads 1 to 3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SEAL_TEST(test_stored_state_goes_on),
        SEAL_TEST(test_both_formats_in_one_log),
        SEAL_TEST(test_first_events_move_nothing),
        SEAL_TEST(test_other_formats_are_refused),
    };
    return cmocka_run_group_tests_name("seal_format", tests, NULL, NULL);
}
