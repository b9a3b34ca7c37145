/* The state log's protocol: claims, batches, ownership, sweeps, trims, over a log in memory that two
 * instances share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/source.h"
#include "tests/lib/fake_log.h"
#include "tests/lib/virtual_clock.h"
#include "transform/statelog/protocol.h"

#define INSTANCES 3

static const struct rs_partition_id key = {0, 0, 4};

struct instance {
    struct fake_io io;
    struct rs_durable_log *log;
    struct rs_state_log table;
    uint8_t owner;
    int said;
    char last_said[RS_ERROR_TEXT_MAX];
    struct rs_error error; /* of the last event that had one */
};

static struct fake_log shared;
static struct instance instances[INSTANCES];
static struct rs_stream stream = {.name = "trades", .topic = "t"};
static struct rs_streams streams = {.group = "g", .items = &stream, .count = 1};
static struct rs_clock_virtual clock_;
static uint8_t drawn;

static void draw(void *ctx, struct rs_owner *out)
{
    (void)ctx;
    memset(out->bytes, ++drawn, sizeof out->bytes);
}

static void report(void *ctx, enum rs_log_level level, const char *text)
{
    struct instance *i = ctx;
    (void)level;
    i->said++;
    (void)snprintf(i->last_said, sizeof i->last_said, "%s", text);
}

static void open_instance(struct instance *i)
{
    struct rs_error error;
    fake_io_init(&i->io, &shared);
    const struct rs_durable_log_options options = {
        .workers = 1,
        .io = fake_io_table(&i->io),
        .streams = &streams,
        .clock = &clock_.clock,
        .instance = "test",
        .draw = draw,
        .sweep_floor = 600,
        .report = {report, i},
    };
    assert_int_equal(rs_durable_log_new(&options, &i->log, &error), 0);
    i->table = rs_durable_log_table(i->log);
    i->said = 0;
}

static int setup(void **state)
{
    (void)state;
    memset(&shared, 0, sizeof shared);
    shared.committed = -1;
    rs_clock_virtual_init(&clock_, INT64_C(1700000000000000));
    for (int i = 0; i < INSTANCES; i++) {
        open_instance(&instances[i]);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (int i = 0; i < INSTANCES; i++) {
        rs_durable_log_free(&instances[i].log);
        fake_io_free(&instances[i].io);
    }
    fake_log_free(&shared);
    return 0;
}

/* ---- what an instance hears ---- */

/* Letters: b batch, c chunk, v void, C claimed, S committed, L lost, U unsure, F failed. Chunks and heads,
 * which are texts here, follow in parentheses. */
static const char *hears(struct instance *i)
{
    static char text[4096];
    static const char letters[] = "bcvCSLUF";
    struct rs_state_event event;
    size_t used = 0;
    text[0] = '\0';
    while (i->table.ops->take(i->table.self, 0, &event)) {
        if (event.kind == RS_STATE_MORE) {
            continue;
        }
        text[used++] = letters[event.kind];
        if (event.kind == RS_STATE_BATCH || event.kind == RS_STATE_CHUNK) {
            used += (size_t)snprintf(text + used, sizeof text - used, "(%.*s)", (int)event.bytes.size,
                                     (const char *)event.bytes.data);
        } else if (event.kind == RS_STATE_CLAIMED) {
            used += (size_t)snprintf(text + used, sizeof text - used, "%d@%d", (int)event.token,
                                     (int)event.seal.next_offset);
        } else if (event.kind == RS_STATE_COMMITTED) {
            used += (size_t)snprintf(text + used, sizeof text - used, "%d", (int)event.seal.next_offset);
        }
        if (event.error) {
            i->error = *event.error;
        }
        text[used] = '\0';
    }
    return text;
}

static void claim(struct instance *i)
{
    struct rs_error error;
    assert_int_equal(i->table.ops->claim(i->table.self, key, -1, &error), 0);
}

static void chunk(struct instance *i, const char *text)
{
    struct rs_error error;
    assert_int_equal(i->table.ops->chunk(i->table.self, key, rs_slice_text(text), &error), 0);
}

static void seal(struct instance *i, int64_t next_offset, const char *head, bool sweep_ends)
{
    struct rs_error error;
    const struct rs_seal what = {.next_offset = next_offset};
    assert_int_equal(i->table.ops->seal(i->table.self, key, &what, rs_slice_text(head), sweep_ends, &error),
                     0);
}

static void own(struct instance *i)
{
    claim(i);
    (void)hears(i);
}

/* A whole batch, whatever is heard of it. */
static void batch(struct instance *i, const char *text, int64_t next_offset, bool sweep_ends)
{
    chunk(i, text);
    seal(i, next_offset, "h", sweep_ends);
    (void)hears(i);
}

static struct rs_state_plan plan(struct instance *i)
{
    return i->table.ops->plan(i->table.self, key);
}

/* What becomes of its next append, and of those after it by further calls. */
static void next_fate(struct instance *i, enum fake_fate fate)
{
    fake_fate(&i->io, fate);
}

static struct instance *const a = &instances[0];
static struct instance *const b = &instances[1];
static struct instance *const c = &instances[2];

/* ---- claims ---- */

static void test_an_empty_log_begins_at_the_oldest_record(void **state)
{
    (void)state;
    claim(a);
    assert_string_equal(hears(a), "C0@-2");
}

static void test_a_successor_gets_all_sealed_batches_in_order(void **state)
{
    (void)state;
    own(a);
    chunk(a, "1");
    chunk(a, "2");
    seal(a, 10, "x", false);
    assert_string_equal(hears(a), "S10");
    seal(a, 12, "y", false); /* nothing changed but the input went on */
    assert_string_equal(hears(a), "S12");
    chunk(a, "never sealed");
    claim(b);
    assert_string_equal(hears(b), "b(x)c(1)c(2)b(y)C6@12");
}

static void test_a_claim_whose_offset_nobody_knows_is_made_again(void **state)
{
    (void)state;
    next_fate(a, FAKE_NO_OFFSET);
    claim(a);
    assert_string_equal(hears(a), "C1@-2");
}

static void test_a_claim_that_may_be_lost_is_unsure_and_the_log_decides(void **state)
{
    (void)state;
    next_fate(a, FAKE_LOST_ACK);
    claim(a);
    assert_string_equal(hears(a), "U");
    claim(a);
    assert_string_equal(hears(a), "C1@-2");
    next_fate(b, FAKE_LOST_RECORD);
    claim(b);
    assert_string_equal(hears(b), "U");
    claim(b);
    assert_string_equal(hears(b), "C2@-2");
}

static void test_a_claim_racing_a_claim(void **state)
{
    (void)state;
    next_fate(b, FAKE_DELAYED);
    claim(b);
    claim(a);
    fake_land(&b->io); /* behind a's */
    assert_string_equal(hears(a), "C0@-2");
    assert_string_equal(hears(b), "C1@-2");
    chunk(a, "void");
    seal(a, 5, "void", false);
    assert_string_equal(hears(a), "L");
    chunk(b, "counts");
    assert_string_equal(hears(b), ""); /* a's records lie in between: no claim among them */
    seal(b, 3, "h", false);
    assert_string_equal(hears(b), "S3");
    claim(c);
    assert_string_equal(hears(c), "b(h)c(counts)C6@3");
}

static void test_records_of_a_former_owner_that_were_under_way_are_void(void **state)
{
    (void)state;
    own(a);
    next_fate(a, FAKE_DELAYED);
    next_fate(a, FAKE_DELAYED);
    chunk(a, "late");
    seal(a, 9, "late", false);
    claim(b);
    assert_string_equal(hears(b), "C1@-2");
    fake_land(&a->io);
    assert_string_equal(hears(a), "L");
    chunk(b, "1");
    seal(b, 4, "h", false);
    assert_string_equal(hears(b), "S4");
    assert_int_equal(b->io.reads, 2);
    claim(c);
    assert_string_equal(hears(c), "b(h)c(1)C6@4");
}

/* ---- batches ---- */

static void test_a_seal_that_may_be_lost(void **state)
{
    (void)state;
    const enum fake_fate fates[] = {FAKE_LOST_ACK, FAKE_LOST_RECORD, FAKE_NO_OFFSET};
    const char *const found[] = {"b(h)c(1)C3@7", "C2@-2", "b(h)c(1)C3@7"};
    for (int i = 0; i < 3; i++) {
        (void)teardown(NULL);
        (void)setup(NULL);
        own(a);
        chunk(a, "1");
        next_fate(a, fates[i]);
        seal(a, 7, "h", false);
        assert_string_equal(hears(a), "U");
        assert_string_equal(hears(a), ""); /* nothing more until it claims again */
        claim(a);
        assert_string_equal(hears(a), found[i]);
    }
}

static void test_a_log_without_room_is_asked_again(void **state)
{
    (void)state;
    struct rs_error error;
    own(a);
    next_fate(a, FAKE_FINE);
    next_fate(a, FAKE_NO_ROOM);
    next_fate(a, FAKE_FINE);
    next_fate(a, FAKE_NO_ROOM);
    chunk(a, "1");
    assert_int_equal(a->table.ops->chunk(a->table.self, key, rs_slice_text("2"), &error), RS_ELIMIT);
    chunk(a, "2");
    const struct rs_seal what = {.next_offset = 8};
    assert_int_equal(a->table.ops->seal(a->table.self, key, &what, rs_slice_text("h"), false, &error),
                     RS_ELIMIT);
    seal(a, 8, "h", false);
    assert_string_equal(hears(a), "S8");
    claim(b);
    assert_string_equal(hears(b), "b(h)c(1)c(2)C4@8");
}

static void test_many_chunks_make_one_batch(void **state)
{
    (void)state;
    char text[16];
    own(a);
    for (int i = 0; i < 100; i++) {
        (void)snprintf(text, sizeof text, "%02d", i);
        chunk(a, text);
    }
    seal(a, 1, "h", false);
    assert_string_equal(hears(a), "S1");
    claim(b);
    const char *heard = hears(b);
    assert_int_equal(strlen(heard), strlen("b(h)") + 100 * strlen("c(00)") + strlen("C102@1"));
    assert_non_null(strstr(heard, "c(98)c(99)C102@1"));
}

/* ---- losing it ---- */

static void test_a_lost_owner_says_nothing_more_and_takes_nothing(void **state)
{
    (void)state;
    own(a);
    own(b);
    chunk(a, "1");
    assert_string_equal(hears(a), "L");
    int appends = a->io.appends;
    chunk(a, "2");
    seal(a, 3, "h", false);
    assert_int_equal(a->io.appends, appends);
    assert_int_equal(plan(a).slice_bytes, 0);
    assert_string_equal(hears(a), "");
}

static void test_nothing_is_heard_after_a_release(void **state)
{
    (void)state;
    own(a);
    chunk(a, "1");
    seal(a, 3, "h", false);
    a->table.ops->release(a->table.self, key);
    assert_string_equal(hears(a), "");
    claim(b);
    assert_string_equal(hears(b), "b(h)c(1)C3@3");
}

/* ---- sweeps and trims ---- */

/* One batch a call until a sweep begins. */
static void grow(struct instance *i, int64_t *next)
{
    while (!plan(i).sweep_begins) {
        batch(i, "0123456789012345678901234567890123456789", ++*next, false);
    }
}

static void test_a_verified_sweep_is_trimmed_to_and_the_log_stays_small(void **state)
{
    (void)state;
    int64_t next = 0;
    char wanted[16];
    struct rs_state_log_status status;
    own(a);
    for (int round = 1; round <= 20; round++) {
        grow(a, &next);
        int64_t begins = shared.end;
        chunk(a, "part one");
        seal(a, ++next, "h", false);
        (void)snprintf(wanted, sizeof wanted, "S%d", (int)next);
        assert_string_equal(hears(a), wanted);
        assert_int_equal(a->io.trims, round - 1);
        assert_true(plan(a).slice_bytes > 0);
        assert_false(plan(a).sweep_begins);
        batch(a, "part two", ++next, true);
        assert_int_equal(a->io.trims, round);
        assert_int_equal(shared.first, begins);
    }
    assert_true(a->table.ops->status(a->table.self, key, &status));
    assert_int_equal(status.sweeps, 20);
    assert_int_equal(status.trims, 20);
    assert_true(status.log_bytes < 1200);
    claim(b);
    const char *heard = hears(b);
    assert_memory_equal(heard, "b(h)c(part one)b(h)c(part two)C", 31);
}

static void test_a_sweep_is_not_trimmed_to_before_its_seal_is_acknowledged(void **state)
{
    (void)state;
    int64_t next = 0;
    own(a);
    grow(a, &next);
    chunk(a, "all");
    next_fate(a, FAKE_LOST_ACK);
    seal(a, ++next, "h", true);
    assert_string_equal(hears(a), "U");
    assert_int_equal(a->io.trims, 0);
    assert_int_equal(shared.first, 0);
    claim(a); /* the log shows that the sweep is whole: what is before it is not needed */
    (void)hears(a);
    batch(a, "more", ++next, false);
    assert_true(shared.first > 0);
}

static void test_a_sweep_of_a_predecessor_is_never_continued(void **state)
{
    (void)state;
    int64_t next = 0;
    own(a);
    grow(a, &next);
    batch(a, "half of it", ++next, false);
    own(b);
    batch(b, "x", ++next, false);
    assert_int_equal(shared.first, 0);
    assert_true(plan(b).sweep_begins); /* from its own first group on */
}

static void test_a_sweep_with_a_gap_is_not_trimmed_to(void **state)
{
    (void)state;
    int64_t next = 0;
    own(a);
    next_fate(a, FAKE_DELAYED);
    chunk(a, "late");
    own(b);
    grow(b, &next);
    fake_land(&a->io);
    batch(b, "all", ++next, true);
    assert_int_equal(b->io.trims, 0);
    assert_int_equal(shared.first, 0);
    assert_true(plan(b).sweep_begins);
}

static void test_a_gap_that_is_known_before_the_seal_ends_the_sweep(void **state)
{
    (void)state;
    int64_t next = 0;
    own(a);
    next_fate(a, FAKE_DELAYED);
    chunk(a, "late");
    own(b);
    grow(b, &next);
    fake_land(&a->io);
    chunk(b, "all");
    assert_string_equal(hears(b), "");
    seal(b, ++next, "h", true);
    (void)hears(b);
    assert_int_equal(b->io.trims, 0);
    assert_int_equal(shared.first, 0);
    claim(c);
    assert_non_null(strstr(hears(c), "b(h)c(all)C"));
    assert_true(plan(b).sweep_begins);
}

/* The broker fell before it had noted the trim, and what a former owner had under way is back: it is handed
 * out, and taken back as soon as a record of the later owner shows up. */
static void test_what_a_former_owner_left_in_a_log_that_lost_its_trim(void **state)
{
    (void)state;
    int64_t next = 4;
    own(a);
    next_fate(a, FAKE_DELAYED);
    next_fate(a, FAKE_DELAYED);
    chunk(a, "late");
    seal(a, 99, "late", false);
    own(b);
    fake_land(&a->io);
    seal(b, next, "empty", false);
    assert_string_equal(hears(b), "S4");
    grow(b, &next);
    int64_t begins = shared.end;
    batch(b, "all", ++next, true);
    assert_int_equal(shared.first, begins);
    shared.first = 2;
    claim(c);
    const char *heard = hears(c);
    assert_memory_equal(heard, "b(late)c(late)vb(empty)b(h)c(0123", 33);
    assert_non_null(strstr(heard, "b(h)c(all)C"));
    assert_null(strchr(strchr(heard, 'v') + 1, 'v'));
}

/* As large as changes are, not as the batch before, which had a slice too. */
static void test_a_slice_does_not_feed_on_itself(void **state)
{
    (void)state;
    static char changes[2000];
    static char clean[4000];
    int64_t next = 0;
    memset(changes, 'x', sizeof changes - 1);
    own(a);
    grow(a, &next);
    for (int i = 0; i < 30; i++) {
        uint64_t slice = plan(a).slice_bytes;
        assert_true(slice <= sizeof changes + 400);
        chunk(a, changes);
        struct rs_error error;
        assert_int_equal(a->table.ops->chunk(a->table.self, key, rs_slice_of(clean, slice), &error), 0);
        seal(a, ++next, "h", false);
        (void)hears(a);
    }
}

static void test_trimming_refused_is_told_once_and_tried_again(void **state)
{
    (void)state;
    int64_t next = 0;
    own(a);
    a->io.trim_refused = true;
    for (int i = 1; i <= 3; i++) {
        grow(a, &next);
        batch(a, "all", ++next, true);
        assert_int_equal(a->io.trims, i);
        assert_int_equal(a->said, 1);
    }
    assert_string_equal(a->last_said,
                        "stream trades partition 4: the state log grows, because it cannot be trimmed: "
                        "not authorized to delete records");
    a->io.trim_refused = false;
    grow(a, &next);
    batch(a, "all", ++next, true);
    assert_true(shared.first > 0);
}

/* ---- a log that is not right ---- */

static void test_a_head_trimmed_away_under_a_slow_reader(void **state)
{
    (void)state;
    a->io.read_broken = true;
    claim(a);
    assert_string_equal(hears(a), "U");
    claim(a);
    assert_string_equal(hears(a), "C1@-2");
}

static void test_a_claim_trimmed_away_by_a_later_owner_is_lost(void **state)
{
    (void)state;
    b->io.read_broken = b->io.read_trimmed = true; /* as the log on Kafka says it */
    claim(b);
    assert_string_equal(hears(b), "L");
    shared.end = 0;
    claim(a); /* and reads only when b has claimed and trimmed */
    claim(b);
    assert_string_equal(hears(b), "C1@-2");
    shared.first = 1;
    assert_string_equal(hears(a), "L");
}

/* The broker fell before it had noted a trim, and gave back a part of it, which is no state. */
static void lose_a_trim(void)
{
    int64_t next = 1;
    own(a);
    grow(a, &next);
    batch(a, "all", ++next, true);
    int64_t begins = shared.first;
    assert_true(begins > 0);
    batch(a, "more", ++next, false);
    batch(a, "yet more", ++next, false);
    shared.first = begins + 2; /* what is left of the sweep is not all of it */
}

/* It read slowly, and a later owner has trimmed the log past its claim. That is the later owner's log, and
 * not damaged. */
static void test_a_slow_claimant_of_a_log_that_lost_its_trim_has_lost(void **state)
{
    (void)state;
    lose_a_trim();
    claim(b);
    assert_non_null(strchr(hears(b), 'F')); /* nobody else claims it: damaged */
    assert_non_null(strstr(b->error.text, "what stood before this was deleted"));
    claim(b);
    claim(c);
    const char *heard = hears(b);
    assert_null(strchr(heard, 'F'));
    assert_non_null(strchr(heard, 'L'));
    assert_non_null(strchr(hears(c), 'F')); /* the newest claimant tells of it */
}

/* The later owner trims again, its own claim away too, before the slow one asks whether there is a later one.
 */
static void test_a_slow_claimant_of_a_log_that_is_trimmed_again_has_lost(void **state)
{
    (void)state;
    lose_a_trim();
    claim(b);
    claim(c);
    b->io.trims_at_read = b->io.reads + 2;
    const char *heard = hears(b);
    assert_null(strchr(heard, 'F'));
    assert_non_null(strchr(heard, 'L'));
}

static void test_damage_stops_the_partition_and_says_what_to_do(void **state)
{
    (void)state;
    own(a);
    batch(a, "1", 3, false);
    shared.records[1].data[40] ^= 4;
    claim(b);
    assert_string_equal(hears(b), "F");
    assert_non_null(
        strstr(b->error.text, "stream trades partition 4: state log g.state.trades partition 4: "));
    assert_non_null(strstr(b->error.text, "offset 1"));
    assert_non_null(strstr(b->error.text, "rollstatd -c FILE --rebuild --stream trades"));
    assert_int_equal(shared.end, 4); /* its claim, and nothing else */
}

static void test_a_log_that_was_lost_is_told_from_a_new_one(void **state)
{
    (void)state;
    shared.committed = 17;
    claim(a);
    assert_string_equal(hears(a), "F");
    assert_non_null(strstr(a->error.text, "up to offset 17: the state log was lost"));
    claim(b);
    assert_string_equal(hears(b), "F");
}

static void test_a_rebuild_makes_all_before_it_void(void **state)
{
    (void)state;
    own(a);
    batch(a, "1", 3, false);
    fake_log_rebuild(&shared, streams.group, stream.name, key.partition, 2);
    chunk(a, "2");
    assert_string_equal(hears(a), "L");
    claim(a);
    assert_string_equal(hears(a), "b(h)c(1)vC5@2");
    chunk(a, "new");
    seal(a, 4, "k", false);
    assert_string_equal(hears(a), "S4");
    claim(b);
    assert_string_equal(hears(b), "vb(k)c(new)C8@4");
}

static void claim_from(struct instance *i, int64_t start)
{
    struct rs_error error;
    assert_int_equal(i->table.ops->claim(i->table.self, key, start, &error), 0);
}

/* Where the input begins without state is decided once, by the first claim: whoever asks again later, be it before
 * anything was sealed, finds it in the log. */
static void test_the_first_claim_says_where_the_input_begins(void **state)
{
    (void)state;
    claim_from(a, 7);
    assert_string_equal(hears(a), "C0@7");
    claim_from(b, 50);
    assert_string_equal(hears(b), "C1@7");
    claim(a);
    assert_string_equal(hears(a), "C2@7");
    batch(a, "1", 9, false);
    claim_from(b, 50);
    assert_string_equal(hears(b), "b(h)c(1)C5@9");
    /* A rebuild says something else, and what was before it counts for nothing. */
    fake_log_rebuild(&shared, streams.group, stream.name, key.partition, 2);
    claim_from(a, 60);
    assert_string_equal(hears(a), "b(h)c(1)vC7@2");
}

static void test_a_start_is_no_excuse_for_a_log_that_was_lost(void **state)
{
    (void)state;
    shared.committed = 100;
    claim_from(a, 7);
    assert_string_equal(hears(a), "F");
    assert_non_null(strstr(a->error.text, "the state log was lost"));
}

static void test_another_groups_log_is_refused(void **state)
{
    (void)state;
    own(a);
    streams.group = "h";
    claim(b);
    assert_string_equal(hears(b), "F");
    streams.group = "g";
    assert_non_null(strstr(b->error.text, "another group"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_an_empty_log_begins_at_the_oldest_record),
        TEST(test_a_successor_gets_all_sealed_batches_in_order),
        TEST(test_a_claim_whose_offset_nobody_knows_is_made_again),
        TEST(test_a_claim_that_may_be_lost_is_unsure_and_the_log_decides),
        TEST(test_a_claim_racing_a_claim),
        TEST(test_records_of_a_former_owner_that_were_under_way_are_void),
        TEST(test_a_seal_that_may_be_lost),
        TEST(test_a_log_without_room_is_asked_again),
        TEST(test_many_chunks_make_one_batch),
        TEST(test_a_lost_owner_says_nothing_more_and_takes_nothing),
        TEST(test_nothing_is_heard_after_a_release),
        TEST(test_a_verified_sweep_is_trimmed_to_and_the_log_stays_small),
        TEST(test_a_sweep_is_not_trimmed_to_before_its_seal_is_acknowledged),
        TEST(test_a_sweep_of_a_predecessor_is_never_continued),
        TEST(test_a_sweep_with_a_gap_is_not_trimmed_to),
        TEST(test_a_gap_that_is_known_before_the_seal_ends_the_sweep),
        TEST(test_what_a_former_owner_left_in_a_log_that_lost_its_trim),
        TEST(test_a_slice_does_not_feed_on_itself),
        TEST(test_trimming_refused_is_told_once_and_tried_again),
        TEST(test_a_head_trimmed_away_under_a_slow_reader),
        TEST(test_a_claim_trimmed_away_by_a_later_owner_is_lost),
        TEST(test_a_slow_claimant_of_a_log_that_lost_its_trim_has_lost),
        TEST(test_a_slow_claimant_of_a_log_that_is_trimmed_again_has_lost),
        TEST(test_damage_stops_the_partition_and_says_what_to_do),
        TEST(test_a_log_that_was_lost_is_told_from_a_new_one),
        TEST(test_a_rebuild_makes_all_before_it_void),
        TEST(test_the_first_claim_says_where_the_input_begins),
        TEST(test_a_start_is_no_excuse_for_a_log_that_was_lost),
        TEST(test_another_groups_log_is_refused),
    };
    return cmocka_run_group_tests_name("durable_log", tests, NULL, NULL);
}
