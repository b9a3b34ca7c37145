/* Batches for the state log, and restoring from them: what they hold, as of when, under a changed
 * configuration, and out of damaged bytes. That any mixture of batches, events and crashes ends in the right
 * state is engine_sim's business. */
#include <unistd.h>

#include "tests/unit/transform/seal_run.h"
#include "transform/partition/internal.h"

#define MINUTES                                                                                              \
    "  m:\n    stream: ticks\n    by: [product]\n    window: {tumbling: 1m}\n    stats: {n: count()}\n"
#define TOTALS                                                                                               \
    "  t:\n    stream: ticks\n    by: [market]\n    window: {all: true}\n    stats: {v: sum(quantity)}\n"

static const char expiring_stream[] =
    "streams:\n  ticks: {topic: t, schema: tick.avsc, time: at, lateness: 10s, expire: 100s}\n";

static const struct tick some[] = {
    {.product = "a", .market = "x", .at_us = 5 * SECOND, .quantity = 1},
    {.product = "b", .market = "x", .at_us = 6 * SECOND, .quantity = 2},
    {.product = "a", .market = "y", .at_us = 70 * SECOND, .quantity = 4},
};

/* ---- what a batch holds ---- */

static void test_a_batch_is_as_of_its_beginning(void **state)
{
    struct sealing *f = *state;
    struct run *r = open_writer(f, append_stream, MINUTES TOTALS);
    struct run *s = open_run(f, append_stream, MINUTES TOTALS);
    apply(r, some, 2);
    apply(s, some, 2);
    engine_log_begin(&f->log, r->partition, (struct rs_state_plan){0});
    const struct tick later[] = {{.product = "a", .market = "x", .at_us = 7 * SECOND, .quantity = 100},
                                 {.product = "c", .market = "z", .at_us = 300 * SECOND, .quantity = 200}};
    apply(r, later, 2);
    seal_rest(f, r);
    assert_int_equal(f->log.batches[0].seal.next_offset, 2);
    struct run *t = open_restored(f, append_stream, MINUTES TOTALS);
    assert_same_bytes(t, s);
    assert_string_equal((const char *)f->notes.data, "");
    seal_changes(f, r); /* what changed meanwhile is in the next one */
    struct run *u = open_restored(f, append_stream, MINUTES TOTALS);
    assert_same_bytes(u, r);
}

static void test_only_what_changed_is_told_and_a_sweep_tells_the_rest(void **state)
{
    struct sealing *f = *state;
    char names[300][8];
    struct run *r = open_writer(f, append_stream, MINUTES);
    for (int i = 0; i < 300; i++) {
        (void)snprintf(names[i], sizeof names[i], "p%d", i);
        const struct tick t = {.product = names[i], .at_us = SECOND};
        apply(r, &t, 1);
    }
    seal_changes(f, r);
    size_t all = f->log.batches[0].chunks.size;
    apply(r, &some[0], 1);
    seal_changes(f, r);
    assert_true(f->log.batches[1].chunks.size < all / 100);
    seal_changes(f, r);
    assert_int_equal(f->log.batches[2].chunks.size, 0);
    int batches = 0;
    for (struct rs_state_plan plan = {.sweep_begins = true, .slice_bytes = 2000};
         f->log.sweeping || batches == 0; plan.sweep_begins = false) {
        seal_plan(f, r, plan);
        batches++;
        assert_true(batches < 100);
    }
    assert_true(batches > 3); /* the last one forgot all before the sweep */
    assert_int_equal(f->log.count, batches);
    struct run *s = open_restored(f, append_stream, MINUTES);
    assert_same_bytes(s, r);
}

#define MANY  60000
#define SOME  1000
#define AHEAD 20000 /* groups that are written early before the first chunk is taken */

/* `count` groups from number `from` on, one event each. */
static void apply_groups(struct run *r, int from, int count)
{
    static struct tick ticks[SOME];
    static char names[SOME][16];
    for (int done = 0; done < count; done += SOME) {
        for (int i = 0; i < SOME; i++) {
            (void)snprintf(names[i], sizeof names[i], "p%05d", from + done + i);
            ticks[i] = (struct tick){.product = names[i], .at_us = SECOND};
        }
        apply(r, ticks, SOME);
    }
}

/* What is written and not taken yet never runs out here: its buffer must not grow with the whole batch for
 * that. */
static void test_a_batch_that_is_written_early_all_the_time_keeps_its_buffer_small(void **state)
{
    struct sealing *f = *state;
    size_t largest = 0;
    struct run *r = open_writer(f, append_stream, MINUTES);
    struct run *s = open_run(f, append_stream, MINUTES);
    apply_groups(r, 0, MANY);
    apply_groups(s, 0, MANY);
    engine_log_begin(&f->log, r->partition, (struct rs_state_plan){0});
    int from = MANY - AHEAD;
    apply_groups(r, from, AHEAD);
    while (f->log.open) {
        assert_true(engine_log_step(&f->log, r->partition));
        largest = r->partition->sealing.chunks.out.capacity > largest
                      ? r->partition->sealing.chunks.out.capacity
                      : largest;
        if (from > 0) {
            from -= SOME;
            apply_groups(r, from, SOME);
        }
    }
    assert_true(f->log.batches[0].chunks.size > (4u << 20));
    assert_true(largest <= (4u << 20));
    struct run *t = open_restored(f, append_stream, MINUTES);
    assert_same_bytes(t, s);
}

/* What is there of an entry whose memory ran out in its middle is no entry. */
static void test_a_batch_fails_where_memory_ran_out_for_a_drop(void **state)
{
    struct sealing *f = *state;
    struct rs_slice chunk;
    struct run *r = open_writer(f, append_stream, MINUTES);
    struct rs_unsealed *unsealed = &r->partition->groups[0].unsealed;
    struct rs_gone_entry gone = {.hash = 1, .newest_us = 2};
    rs_groups_note_gone(&r->partition->groups[0], &gone);
    unsealed->drops.size -= 12;
    unsealed->drops.failed = true;
    unsealed->failed = true;
    rs_partition_seal_begin(r->partition, (struct rs_state_plan){0});
    assert_int_equal(rs_partition_seal_step(r->partition, &chunk), RS_SEAL_FAILED);
}

static void test_a_large_group_goes_in_several_chunks(void **state)
{
    struct sealing *f = *state;
    const char *stream =
        "streams:\n  ticks: {topic: t, schema: tick.avsc, time: at, lateness: 10s, expire: 10h}\n";
    const char *aggregate = "  w:\n    stream: ticks\n    window: {sliding: 30000s, every: 1s}\n"
                            "    stats: {n: count(), v: stddev(ratio), p: ohlc(price)}\n";
    struct run *r = open_writer(f, stream, aggregate);
    for (int i = 0; i < 6000; i++) {
        const struct tick t = {.product = "a", .at_us = i * SECOND, .ratio = 1.5 / (i + 1), .price = i};
        tick_log_add(&r->log, &t);
    }
    assert_int_equal(rs_partition_apply(r->partition, tick_log_seal(&r->log), 6000, NULL), 6000);
    seal_changes(f, r);
    int chunks = 0;
    for (size_t at = 0; at < f->log.batches[0].chunks.size; chunks++) {
        uint32_t size;
        memcpy(&size, f->log.batches[0].chunks.data + at, sizeof size);
        assert_true(size < 256 * 1024); /* far below what a broker takes in one record */
        at += sizeof size + size;
    }
    assert_true(chunks > 2);
    struct run *s = open_restored(f, stream, aggregate);
    assert_same_bytes(s, r);
}

/* Deleted while the batches were made: known when they are restored, but the group is freed only when it is
 * next emitted. A sweep in between must not ask for the deletion again, which would take what a successor
 * has published. */
static void test_a_sweep_after_restoring_repeats_no_deletion_that_was_done(void **state)
{
    struct sealing *f = *state;
    const struct tick old = {.product = "a", .at_us = 5 * SECOND, .quantity = 1};
    const struct tick back[] = {{.product = "c", .at_us = 300 * SECOND, .quantity = 1},
                                {.product = "c", .at_us = 300 * SECOND, .quantity = 1},
                                {.product = "c", .at_us = 300 * SECOND, .quantity = 1},
                                {.product = "a", .at_us = 300 * SECOND, .quantity = 2}};
    struct run *r = open_writer(f, expiring_stream, MINUTES);
    apply(r, &old, 1);
    seal_changes(f, r);
    apply(r, back, 4);
    seal_changes(f, r); /* dropped, and back */
    partition_drain(&r->fixture, r->partition, NULL, NULL);
    seal_changes(f, r); /* deleted */
    struct run *s = open_restored(f, expiring_stream, MINUTES);
    seal_sweep(f, s);
    struct run *t = open_restored(f, expiring_stream, MINUTES);
    assert_emits(t, "view m/c 300000 first: n=3 window_start=300000 window_end=360000 event_time=300000 "
                    "events=3\n"
                    "view m/a 300000 first: n=1 window_start=300000 window_end=360000 event_time=300000 "
                    "events=1\n");
    assert_same_bytes(s, r);
}

/* What came before a sweep is cut off: it says again which groups went, and how new they were. */
static void test_a_sweep_tells_of_dropped_groups_again(void **state)
{
    struct sealing *f = *state;
    const struct tick old = {.product = "a", .at_us = 5 * SECOND, .quantity = 1};
    const struct tick other = {.product = "b", .at_us = 5 * SECOND, .quantity = 1};
    const struct tick later[] = {{.product = "a", .at_us = 100 * SECOND, .quantity = 1},
                                 {.product = "c", .at_us = 300 * SECOND, .quantity = 1},
                                 {.product = "c", .at_us = 300 * SECOND, .quantity = 1},
                                 {.product = "c", .at_us = 300 * SECOND, .quantity = 1}};
    struct run *r = open_writer(f, expiring_stream, MINUTES);
    apply(r, later, 4);
    partition_drain(&r->fixture, r->partition, NULL, NULL);
    seal_changes(f, r);
    seal_sweep(f, r);
    struct run *s = open_restored(f, expiring_stream, MINUTES);
    assert_same_bytes(s, r);
    apply(s, &old, 1);
    assert_events(s, 4, 1, 0, 0, 0);
    apply(s, &other, 1);
    assert_events(s, 5, 1, 0, 0, 0);
}

static int views_emitted(struct run *r)
{
    struct rs_view_batch *batch = emit_all(r);
    struct rs_op op;
    size_t cursor = 0;
    int views = 0;
    while (rs_batch_next(batch, &cursor, &op)) {
        views += op.kind == RS_OP_VIEW;
    }
    rs_view_batch_free(&batch);
    return views;
}

/* A sweep may tell of the new group before it tells that the old one's keys are still to be deleted. */
static void test_a_group_that_is_back_waits_for_the_deletion_after_a_restore_too(void **state)
{
    struct sealing *f = *state;
    const struct tick first[] = {{.product = "z", .at_us = 5 * SECOND, .quantity = 1},
                                 {.product = "a", .at_us = 90 * SECOND, .quantity = 1},
                                 {.product = "b", .at_us = 120 * SECOND, .quantity = 1},
                                 {.product = "b", .at_us = 120 * SECOND, .quantity = 1},
                                 {.product = "b", .at_us = 120 * SECOND, .quantity = 1}};
    const struct tick back[] = {{.product = "c", .at_us = 300 * SECOND, .quantity = 1},
                                {.product = "c", .at_us = 300 * SECOND, .quantity = 1},
                                {.product = "c", .at_us = 300 * SECOND, .quantity = 1},
                                {.product = "c", .at_us = 300 * SECOND, .quantity = 1},
                                {.product = "c", .at_us = 300 * SECOND, .quantity = 1},
                                {.product = "c", .at_us = 300 * SECOND, .quantity = 1},
                                {.product = "a", .at_us = 300 * SECOND, .quantity = 2}};
    struct run *r = open_writer(f, expiring_stream, MINUTES);
    apply(r, first, 5);                                     /* z goes, */
    partition_drain(&r->fixture, r->partition, NULL, NULL); /* is deleted, and its place is free */
    apply(r, back, 7);                                      /* a and b go, a is back */
    seal_changes(f, r);
    seal_sweep(f, r);
    struct run *s = open_restored(f, expiring_stream, MINUTES);
    assert_int_equal(views_emitted(r), 1);
    assert_int_equal(views_emitted(s), 1);
}

/* ---- a changed configuration ---- */

static void test_fewer_ids_to_remember_keep_the_newest(void **state)
{
    struct sealing *f = *state;
    static const char *const ids[] = {"1", "2", "3", "4", "5"};
    static const char stream[] =
        "streams:\n  ticks: {topic: t, schema: tick.avsc, time: at, lateness: 10s, expire: 1h, "
        "id: id, dedup: 10m, dedup_max: %d}\n";
    char text[256];
    (void)snprintf(text, sizeof text, stream, 5);
    struct run *r = open_writer(f, text, MINUTES);
    for (int i = 0; i < 5; i++) {
        const struct tick t = {.product = "a", .at_us = SECOND, .quantity = 1, .id = ids[i]};
        apply(r, &t, 1);
    }
    seal_changes(f, r);
    (void)snprintf(text, sizeof text, stream, 3);
    struct run *s = open_restored(f, text, MINUTES);
    const struct tick again[] = {{.product = "a", .at_us = SECOND, .id = "5"},
                                 {.product = "a", .at_us = SECOND, .id = "1"}};
    apply(s, again, 2);
    assert_events(s, 6, 0, 1, 0, 0);
}

/* The log of these aggregates. */
static void fill_log(struct sealing *f, const char *aggregates)
{
    struct run *r = open_writer(f, append_stream, aggregates);
    apply(r, some, 3);
    seal_changes(f, r);
}

static void test_a_new_aggregate_begins_empty_and_says_since_when(void **state)
{
    struct sealing *f = *state;
    struct rs_aggregate_status status;
    fill_log(f, MINUTES);
    struct run *r = open_restored(f, append_stream, TOTALS MINUTES);
    assert_non_null(strstr((const char *)f->notes.data,
                           "aggregate t is new: in partition 0 of stream ticks it counts from offset 3 on"));
    assert_true(rs_partition_aggregate_status(r->partition, 0, &status));
    assert_int_equal(status.groups, 0);
    assert_int_equal(status.events.consumed, 0);
    assert_true(rs_partition_aggregate_status(r->partition, 1, &status));
    assert_int_equal(status.groups, 2);
    assert_int_equal(status.events.applied, 3);
    const struct tick more[] = {{.product = "a", .market = "x", .at_us = 71 * SECOND, .quantity = 9},
                                {.product = "a", .market = "x", .at_us = SECOND, .quantity = 9}};
    apply(r, more, 2);
    for (uint32_t i = 0; i < 2; i++) {
        assert_true(rs_partition_aggregate_status(r->partition, i, &status));
        assert_int_equal(status.events.consumed, status.events.applied + status.events.late);
    }
}

static void test_a_removed_aggregate_is_dropped_and_begins_anew_when_it_comes_back(void **state)
{
    struct sealing *f = *state;
    struct rs_aggregate_status status;
    fill_log(f, MINUTES TOTALS);
    struct run *r = open_restored(f, append_stream, MINUTES);
    assert_non_null(strstr((const char *)f->notes.data, "no longer configured, state dropped: t;"));
    seal_changes(f, r);
    struct run *s = open_restored(f, append_stream, TOTALS MINUTES);
    assert_true(rs_partition_aggregate_status(s->partition, 0, &status));
    assert_int_equal(status.groups, 0);
    assert_int_equal(status.events.consumed + status.events.applied + status.events.filtered, 0);
    assert_non_null(strstr((const char *)f->notes.data, "aggregate t is new"));
}

/* Nor are groups that it had dropped before it was removed its own when it is back. */
static void test_what_a_removed_aggregate_had_dropped_is_forgotten(void **state)
{
    struct sealing *f = *state;
    const char *both = "  w:\n    stream: ticks\n    by: [product]\n    where: {product: a}\n"
                       "    window: {tumbling: 1m}\n    stats: {n: count()}\n" MINUTES;
    const struct tick ticks[] = {{.product = "a", .at_us = 90 * SECOND},
                                 {.product = "c", .at_us = 300 * SECOND},
                                 {.product = "c", .at_us = 300 * SECOND}};
    struct run *writer = open_writer(f, expiring_stream, both);
    apply(writer, ticks, 3);
    partition_drain(&writer->fixture, writer->partition, NULL, NULL);
    seal_changes(f, writer);
    seal_sweep(f, writer); /* trims that away */
    seal_changes(f, open_restored(f, expiring_stream, MINUTES));
    struct run *back = open_restored(f, expiring_stream, both);
    seal_changes(f, back);
    assert_same_bytes(back, open_restored(f, expiring_stream, both));
}

static void test_a_change_that_stored_state_does_not_allow_is_refused(void **state)
{
    struct sealing *f = *state;
    static const char *const changed[] = {
        "  m:\n    stream: ticks\n    by: [product]\n    window: {tumbling: 2m}\n    stats: {n: count()}\n",
        "  m:\n    stream: ticks\n    by: [market]\n    window: {tumbling: 1m}\n    stats: {n: count()}\n",
        "  m:\n    stream: ticks\n    by: [product]\n    window: {tumbling: 1m}\n    stats: {n: "
        "sum(price)}\n",
        "  m:\n    stream: ticks\n    by: [product]\n    window: {tumbling: 1m}\n    history: 3\n    stats: "
        "{n: count()}\n",
    };
    fill_log(f, MINUTES);
    for (size_t i = 0; i < sizeof changed / sizeof *changed; i++) {
        struct run r;
        start(&r, append_stream, changed[i]);
        assert_int_equal(restore(f, &r), RS_ESTATE);
        assert_non_null(
            strstr(f->error.text, "aggregate m was changed in a way that its stored state does not allow"));
        assert_non_null(strstr(f->error.text, "read the input again"));
        assert_non_null(strstr(f->error.text, "new name"));
        stop(&r);
    }
}

/* ---- by the calendar ---- */

static const char monthly_stream[] =
    "streams:\n  ticks: {topic: t, schema: tick.avsc, time: at, lateness: 10s, expire: 40d}\n";

#define DAYS                                                                                                 \
    "  d:\n    stream: ticks\n    by: [product]\n    window: {tumbling: 1d, zone: America/New_York}\n"       \
    "    history: 5\n    stats: {n: count(), c: change(quantity)}\n"                                         \
    "  s:\n    stream: ticks\n    window: {since: day, zone: America/New_York}\n    history: 5\n"            \
    "    stats: {n: count()}\n"                                                                              \
    "  o:\n    stream: ticks\n    window: {sliding: 1h, every: 40m, offset: 5m}\n    history: 5\n"           \
    "    stats: {n: count()}\n"

/* A day of 23 hours, one of 25, and those around them. */
static void test_days_of_a_zone_are_restored(void **state)
{
    struct sealing *f = *state;
    struct run *r = open_writer(f, monthly_stream, DAYS);
    static const int64_t around_s[] = {1772953200, 1793505600};
    for (size_t i = 0; i < 2; i++) {
        for (int64_t hour = -40; hour < 40; hour += 3) {
            const struct tick t = {.product = hour % 2 ? "a" : "b",
                                   .at_us = (around_s[i] + hour * 3600) * SECOND,
                                   .quantity = hour};
            apply(r, &t, 1);
        }
        seal_changes(f, r);
        struct run *s = open_restored(f, monthly_stream, DAYS);
        assert_same_bytes(s, r);
    }
}

/* The same name of a zone, and other rules behind it. */
static void test_other_zone_data_is_told(void **state)
{
    struct sealing *f = *state;
    static const char aggregate[] = "  d:\n    stream: ticks\n    window: {tumbling: 1d, zone: Somewhere}\n"
                                    "    stats: {n: count()}\n";
    char directory[] = "/tmp/rs-zones-XXXXXX";
    char path[64];
    assert_non_null(mkdtemp(directory));
    (void)snprintf(path, sizeof path, "%s/Somewhere", directory);
    assert_int_equal(symlink("/usr/share/zoneinfo/Asia/Shanghai", path), 0);
    assert_int_equal(setenv("TZDIR", directory, 1), 0);
    struct run *r = open_writer(f, monthly_stream, aggregate);
    apply(r, some, 3);
    seal_changes(f, r);
    (void)open_restored(f, monthly_stream, aggregate);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/usr/share/zoneinfo/America/New_York", path), 0);
    struct run *t = open_run(f, monthly_stream, aggregate);
    assert_int_equal(restore(f, t), RS_ESTATE);
    assert_non_null(strstr(f->error.text, "a window begins where no day of Somewhere begins"));
    assert_int_equal(unsetenv("TZDIR"), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(directory), 0);
}

/* Inputs of one type are stored in the order in which the stream's aggregates name them: another aggregate in front may
 * turn it round. */
static void test_inputs_that_changed_places_are_told(void **state)
{
    struct sealing *f = *state;
    static const char alone[] = "  m:\n    stream: ticks\n    window: {all: true}\n"
                                "    stats: {q: sum(quantity), o: sum($offset)}\n";
    static const char behind[] = "  a:\n    stream: ticks\n    window: {all: true}\n"
                                 "    stats: {o: sum($offset)}\n"
                                 "  m:\n    stream: ticks\n    window: {all: true}\n"
                                 "    stats: {q: sum(quantity), o: sum($offset)}\n";
    struct run *r = open_writer(f, monthly_stream, alone);
    apply(r, some, 3);
    seal_changes(f, r);
    (void)open_restored(f, monthly_stream, alone);
    struct run *t = open_run(f, monthly_stream, behind);
    assert_int_equal(restore(f, t), RS_ESTATE);
    assert_non_null(strstr(f->error.text, "aggregate m was changed in a way"));
}

static void write_calendar(const char *path, const char *sessions)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fprintf(file, "zone: UTC\ndays: [mon, tue, wed, thu, fri, sat, sun]\nsessions: [\"%s\"]\n",
                        sessions) > 0);
    assert_int_equal(fclose(file), 0);
}

/* Days to come may be added to an exchange's calendar; those that are kept have to stay where they were. */
static void test_other_trading_days_are_told(void **state)
{
    struct sealing *f = *state;
    char directory[] = "/tmp/rs-calendar-XXXXXX";
    char path[64];
    char aggregate[256];
    assert_non_null(mkdtemp(directory));
    (void)snprintf(path, sizeof path, "%s/exchange.yaml", directory);
    (void)snprintf(aggregate, sizeof aggregate,
                   "  d:\n    stream: ticks\n    calendar: %s\n    window: {tumbling: session}\n"
                   "    history: 10\n    stats: {n: count()}\n",
                   path);
    write_calendar(path, "00:00-12:00");
    struct run *r = open_writer(f, monthly_stream, aggregate);
    apply(r, some, 3);
    seal_changes(f, r);
    struct run *s = open_restored(f, monthly_stream, aggregate);
    assert_same_bytes(s, r);
    write_calendar(path, "00:01-12:00");
    struct run *t = open_run(f, monthly_stream, aggregate);
    assert_int_equal(restore(f, t), RS_ESTATE);
    assert_non_null(strstr(f->error.text, "a window begins where no session of its calendar does"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(directory), 0);
}

/* ---- damage ---- */

/* The state log's checksums are in front of this; whatever comes through must not be trusted all the same. */
static void test_damaged_bytes_are_refused_or_harmless(void **state)
{
    struct sealing *f = *state;
    fill_log(f, MINUTES TOTALS);
    struct engine_batch *batch = &f->log.batches[0];
    struct rs_buf *const parts[] = {&batch->head, &batch->chunks};
    for (int part = 0; part < 2; part++) {
        for (size_t bit = part == 0 ? 0 : 32; bit < parts[part]->size * 8; bit++) {
            struct run r;
            parts[part]->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            start(&r, append_stream, MINUTES TOTALS);
            int rc = restore(f, &r);
            assert_true(rc == 0 || rc == RS_ESTATE || rc == RS_ENOMEM);
            parts[part]->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            stop(&r);
        }
    }
    for (size_t size = 0; size < batch->head.size; size++) {
        struct run r;
        start(&r, append_stream, MINUTES TOTALS);
        assert_int_equal(
            rs_partition_restore_batch(r.partition, rs_slice_of(batch->head.data, size), &f->error),
            RS_ESTATE);
        stop(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SEAL_TEST(test_a_batch_is_as_of_its_beginning),
        SEAL_TEST(test_only_what_changed_is_told_and_a_sweep_tells_the_rest),
        SEAL_TEST(test_a_batch_that_is_written_early_all_the_time_keeps_its_buffer_small),
        SEAL_TEST(test_a_batch_fails_where_memory_ran_out_for_a_drop),
        SEAL_TEST(test_a_large_group_goes_in_several_chunks),
        SEAL_TEST(test_a_group_that_is_back_waits_for_the_deletion_after_a_restore_too),
        SEAL_TEST(test_fewer_ids_to_remember_keep_the_newest),
        SEAL_TEST(test_a_sweep_after_restoring_repeats_no_deletion_that_was_done),
        SEAL_TEST(test_a_sweep_tells_of_dropped_groups_again),
        SEAL_TEST(test_a_new_aggregate_begins_empty_and_says_since_when),
        SEAL_TEST(test_a_removed_aggregate_is_dropped_and_begins_anew_when_it_comes_back),
        SEAL_TEST(test_what_a_removed_aggregate_had_dropped_is_forgotten),
        SEAL_TEST(test_a_change_that_stored_state_does_not_allow_is_refused),
        SEAL_TEST(test_days_of_a_zone_are_restored),
        SEAL_TEST(test_other_zone_data_is_told),
        SEAL_TEST(test_inputs_that_changed_places_are_told),
        SEAL_TEST(test_other_trading_days_are_told),
        SEAL_TEST(test_damaged_bytes_are_refused_or_harmless),
    };
    return cmocka_run_group_tests_name("seal", tests, NULL, NULL);
}
