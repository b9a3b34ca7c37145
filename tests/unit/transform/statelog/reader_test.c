#include "tests/unit/transform/state_log_build.h"

static struct rs_state_reading assert_good(const char *verdicts, const char *contents)
{
    read_all();
    if (log_.error.code < 0 || read_end() < 0) {
        fail_msg("%s", log_.error.text);
    }
    assert_string_equal(log_.verdicts, verdicts);
    assert_string_equal(log_.contents, contents);
    struct rs_state_reading reading = result();
    assert_int_equal(reading.first, log_.end > log_.first ? log_.first : -1);
    assert_true(reading.bytes == bytes_between(log_.first, log_.end));
    uint64_t since = reading.sweep_start < 0 ? 0 : bytes_between(reading.sweep_start, log_.end);
    assert_true(reading.bytes_since == since);
    return reading;
}

static void assert_damage(const char *verdicts, const char *text)
{
    read_all();
    assert_string_equal(log_.verdicts, verdicts);
    assert_int_equal(read_end(), RS_ESTATE);
    if (!strstr(log_.error.text, text)) {
        fail_msg("\"%s\" is not in \"%s\"", text, log_.error.text);
    }
}

/* ---- what counts ---- */

static void test_an_empty_log_is_whole(void **state)
{
    (void)state;
    struct rs_state_reading reading = assert_good("", "");
    assert_false(reading.sealed);
    assert_int_equal(reading.claim, -1);
    assert_int_equal(reading.first, -1);
    assert_int_equal(reading.sweep_start, -1);
    assert_int_equal(reading.rebuild_from, -1);
}

static void test_batches_of_the_owner_count(void **state)
{
    (void)state;
    struct writer a = claim(1);
    chunk(&a, "one");
    chunk(&a, "two");
    seal(&a, 10);
    seal(&a, 20); /* nothing but the offset changed */
    batch(&a, "three", 30);
    struct rs_state_reading reading = assert_good("CccBBcB", "one,two||three|");
    assert_true(reading.sealed);
    assert_int_equal(reading.seal.next_offset, 30);
    assert_int_equal(reading.seal.events.consumed, 150);
    assert_int_equal(reading.claim, 0);
    assert_int_equal(reading.owner.bytes[0], 1);
    assert_int_equal(reading.sweep_start, 0); /* all of it is there */
    assert_int_equal(reading.sweep_bytes, 0);
}

static void test_chunks_without_a_seal_are_void(void **state)
{
    (void)state;
    struct writer a = claim(1);
    batch(&a, "kept", 10);
    chunk(&a, "lost");
    struct writer b = claim(2);
    batch(&b, "next", 11);
    chunk(&b, "open");
    struct rs_state_reading reading = assert_good("CcBcCcBc", "kept|next|");
    assert_int_equal(reading.seal.next_offset, 11);
    assert_int_equal(reading.claim, 4);
    assert_int_equal(reading.owner.bytes[0], 2);
}

/* The seal never reached the log, and its writer is gone: the successor goes on from the batch before. */
static void test_a_seal_lost_and_its_successor_present(void **state)
{
    (void)state;
    struct writer a = claim(1);
    batch(&a, "kept", 10);
    chunk(&a, "lost");
    struct writer b = claim(2);
    batch(&b, "again", 12);
    a.chunks = 1;
    seal(&a, 12); /* it comes after all, too late */
    batch(&b, "on", 13);
    assert_int_equal(assert_good("CcBcCcBvcB", "kept|again|on|").seal.next_offset, 13);
}

static void test_what_a_zombie_writes_is_void(void **state)
{
    (void)state;
    struct writer a = claim(1);
    batch(&a, "a1", 10);
    chunk(&a, "a2");
    struct writer b = claim(2);
    seal(&a, 20); /* the seal alone */
    chunk(&b, "b1");
    batch(&a, "a3", 30); /* a whole batch, amid one of the owner's */
    chunk(&b, "b2");
    seal(&b, 15);
    int64_t sweep = log_.end;
    chunk(&a, "a4"); /* a whole sweep */
    seal_sweep(&a, 40, sweep);
    chunk(&a, "a5");
    struct rs_state_reading reading = assert_good("CcBcCvcvvcBvvv", "a1|b1,b2|");
    assert_int_equal(reading.seal.next_offset, 15);
    assert_int_equal(reading.sweep_start, 0);
    assert_int_equal(reading.owner.bytes[0], 2);
}

static void test_a_zombie_may_write_anything(void **state)
{
    (void)state;
    struct writer a = claim(1);
    struct writer b = claim(2);
    a.batch = 77;
    a.chunks = 5;
    chunk(&a, "x");
    a.sum = 0;
    seal(&a, 99);
    a.batch = 3;
    chunk(&a, "y");
    a.batch = 4;
    a.chunks = 0;
    chunk(&a, "z");
    batch(&b, "b", 1);
    (void)assert_good("CCvvvvcB", "b|");
}

static void test_a_claim_racing_a_claim(void **state)
{
    (void)state;
    struct writer a = claim(1);
    struct writer b = claim(2);
    struct writer c = claim(3);
    batch(&b, "b", 5);
    batch(&a, "a", 6);
    batch(&c, "c", 7);
    b = claim(2); /* somebody comes again under the same id: a claim like any other */
    batch(&c, "c", 8);
    batch(&b, "B", 9);
    struct rs_state_reading reading = assert_good("CCCvvvvcBCvvcB", "c|B|");
    assert_int_equal(reading.claim, 9);
}

static void test_a_claim_at_the_end_keeps_what_was_sealed(void **state)
{
    (void)state;
    struct writer a = claim(1);
    batch(&a, "a", 5);
    (void)claim(2);
    struct rs_state_reading reading = assert_good("CcBC", "a|");
    assert_true(reading.sealed);
    assert_int_equal(reading.seal.next_offset, 5);
    assert_int_equal(reading.claim, 3);
}

/* ---- rebuilds ---- */

static void test_a_rebuild_makes_all_before_it_void(void **state)
{
    (void)state;
    struct writer a = claim(1);
    batch(&a, "a", 5);
    struct writer b = rebuild(2, 1234);
    batch(&a, "zombie", 6);
    struct rs_state_reading reading = assert_good("CcBRvv", "");
    assert_false(reading.sealed);
    assert_int_equal(reading.rebuild_from, 1234);
    assert_int_equal(reading.claim, 3);
    assert_int_equal(reading.sweep_start, 3);
    assert_int_equal(reading.sweep_bytes, 0);
    (void)claim(3); /* the daemon that takes over from the command */
    assert_int_equal(assert_good("CcBRvvC", "").rebuild_from, 1234);
    b = claim(4);
    batch(&b, "b", 1240);
    reading = assert_good("CcBRvvCCcB", "b|");
    assert_int_equal(reading.rebuild_from, -1);
    assert_true(reading.sealed);
    assert_int_equal(reading.sweep_start, 3);
}

static void test_a_rebuild_mends_damage_before_it(void **state)
{
    (void)state;
    struct writer a = claim(1);
    batch(&a, "a", 5);
    at(1)->data[40] ^= 1;
    struct writer b = rebuild(2, RS_OFFSET_BEGINNING);
    batch(&b, "b", 7);
    read_all();
    assert_string_equal(log_.verdicts, "C!!RcB");
    assert_int_equal(read_end(), 0);
    assert_string_equal(log_.contents, "b|");
    at(1)->data[40] ^= 1;
    at(3)->data[40] ^= 1; /* but not one that is damaged itself */
    assert_damage("CcB!!!", "offset 3: the record is damaged");
}

/* What is missing is found missing at the next record. If that is a rebuild, nothing is missing. */
static void test_a_rebuild_may_follow_a_gap(void **state)
{
    (void)state;
    struct writer a = claim(1);
    batch(&a, "a", 5);
    (void)rebuild(2, 100);
    read_begin();
    read_record(0);
    read_record(3);
    assert_string_equal(log_.verdicts, "CR");
    assert_int_equal(read_end(), 0);
    assert_int_equal(result().rebuild_from, 100);
}

static void test_damage_is_told_until_a_rebuild_comes(void **state)
{
    (void)state;
    struct writer a = claim(1);
    a.batch = 2;
    batch(&a, "a", 5);
    (void)claim(2);
    assert_damage("C!!!", "offset 1: batch 2 where batch 1 of its owner is due");
    assert_int_equal(result().claim, 0);
}

/* ---- trimmed logs ---- */

/* claim, batch, then a sweep over two batches from offset 3 to 7, then a batch and a claim. */
static void write_swept(void)
{
    struct writer a = claim(1);
    batch(&a, "old", 10);
    batch(&a, "s1", 20);
    chunk(&a, "s2");
    chunk(&a, "s3");
    seal_sweep(&a, 30, 3);
    batch(&a, "new", 40);
    (void)claim(2);
}

static void test_a_sweep_makes_up_for_what_is_trimmed(void **state)
{
    (void)state;
    write_swept();
    struct rs_state_reading reading = assert_good("CcBcBccBcBC", "old|s1|s2,s3|new|");
    assert_int_equal(reading.sweep_start, 3);
    assert_true(reading.sweep_bytes == bytes_between(3, 8));
    log_.first = 3;
    reading = assert_good("cBccBcBC", "s1|s2,s3|new|");
    assert_int_equal(reading.sweep_start, 3);
    assert_true(reading.sweep_bytes == bytes_between(3, 8));
    assert_int_equal(reading.claim, 10);
    assert_int_equal(reading.seal.next_offset, 40);
}

static void test_the_owner_of_a_trimmed_log_is_the_first_to_write(void **state)
{
    (void)state;
    write_swept();
    log_.first = 3;
    log_.end = 10;
    struct rs_state_reading reading = assert_good("cBccBcB", "s1|s2,s3|new|");
    assert_int_equal(reading.claim, 0);
    assert_int_equal(reading.owner.bytes[0], 1);
    struct writer z = {.owner = 9, .batch = 3};
    batch(&z, "zombie", 99);
    (void)assert_good("cBccBcBvv", "s1|s2,s3|new|");
}

/* a owns, then b, then c; each sweeps, and what the others had under way lands amid it. */
static void write_three_owners(void)
{
    struct writer a = claim(1);
    struct writer b = claim(2);
    chunk(&a, "a1");
    seal_sweep(&a, 10, 2);
    struct writer c = claim(3);
    batch(&a, "a2", 11);
    chunk(&b, "b1");
    seal_sweep(&b, 12, 7);
    chunk(&c, "c1");
    chunk(&a, "a3");
    seal_sweep(&c, 13, 9);
    batch(&b, "b2", 14);
}

/* Kafka may forget a trim when it falls. Whoever comes first is presumed to be the owner, until somebody of a
 * later claim is seen. */
static void test_a_log_that_gives_back_records_of_earlier_owners(void **state)
{
    static const char *const verdicts[] = {
        [4] = "CvvvvcvBvv", [5] = "cB^cB^cvBvv", [6] = "v^cB^cvBvv",
        [7] = "cB^cvBvv",   [8] = "v^cvBvv",     [9] = "cvBvv",
    };
    (void)state;
    write_three_owners();
    for (log_.first = 4; log_.first <= 9; log_.first++) {
        struct rs_state_reading reading = assert_good(verdicts[log_.first], "c1|");
        assert_int_equal(reading.claim, 4);
        assert_int_equal(reading.owner.bytes[0], 3);
        assert_int_equal(reading.seal.next_offset, 13);
        assert_int_equal(reading.sweep_start, 9);
    }
    log_.first = 5;
    log_.end = 9; /* b's sweep is no sweep of c */
    chunk(&(struct writer){.owner = 3, .token = 4, .batch = 1}, "half");
    assert_damage("cB^cB^c", "what stood before this was deleted");
    assert_false(result().sealed);
    assert_int_equal(result().sweep_start, -1);
}

static void test_a_later_owner_may_begin_with_a_seal(void **state)
{
    (void)state;
    write_three_owners();
    log_.first = 7;
    log_.end = 9;
    struct writer c = {.owner = 3, .token = 4, .batch = 6};
    seal_sweep(&c, 20, 9); /* of nothing */
    assert_int_equal(assert_good("cB^B", "|").seal.next_offset, 20);
    log_.end = 9;
    c.chunks = 2;
    seal_sweep(&c, 20, 9);
    assert_damage("cB^v", "what stood before this was deleted");
}

/* What is void may be anything, and who is void comes out only later. */
static void test_an_earlier_owners_damage_is_none(void **state)
{
    (void)state;
    log_.first = log_.end = 20;
    struct writer a = {.owner = 1, .token = 3, .batch = 7};
    struct writer b = {.owner = 2, .token = 9, .batch = 2};
    batch(&a, "a", 5);
    a.batch = 9;
    batch(&a, "skips one", 6);
    assert_damage("cB!!", "offset 22: batch 9 where batch 8 of its owner is due");
    chunk(&b, "b");
    seal_sweep(&b, 7, 24);
    read_all();
    assert_string_equal(log_.verdicts, "cB!!^cB");
    assert_string_equal(log_.contents, "b|");
    assert_int_equal(read_end(), 0);
    assert_int_equal(result().claim, 9);
    log_.end = 24;
    (void)claim(3); /* a's was the state that 3 took over */
    chunk(&b, "b");
    seal_sweep(&b, 7, 25);
    assert_damage("cB!!!!!", "offset 22: batch 9 where batch 8");
    log_.end = 24;
    rs_buf_reset(at(log_.end++)); /* which may have been a claim */
    chunk(&b, "b");
    seal_sweep(&b, 7, 25);
    assert_damage("cB!!!!!", "offset 22: batch 9 where batch 8");
}

/* Its claim would be here; so it stood in a topic of this name that was deleted. */
static void test_a_claim_that_the_log_does_not_have(void **state)
{
    (void)state;
    log_.first = log_.end = 20;
    struct writer x = {.owner = 9, .token = 20, .batch = 1};
    struct writer a = {.owner = 1, .token = 19, .batch = 1};
    batch(&x, "x", 99);
    chunk(&a, "a");
    seal_sweep(&a, 5, 22);
    x.token = 500;
    batch(&x, "x", 100);
    assert_int_equal(assert_good("vvcBvv", "a|").claim, 19);
    log_.end = 22;
    assert_damage("vv", "what stood before this was deleted");
    assert_int_equal(result().claim, -1);
}

static void test_another_claim_of_the_same_owner_id(void **state)
{
    (void)state;
    struct writer a = claim(1);
    batch(&a, "a", 5);
    a.token = 1;
    batch(&a, "b", 6);
    assert_int_equal(assert_good("CcBvv", "a|").seal.next_offset, 5);
}

/* Every place that a log may begin at: only those that lose nothing of the sweep are whole. */
static void test_a_head_trimmed_away_anywhere(void **state)
{
    static const char *const verdicts[] = {
        [0] = "CcBcBccBcBC", [1] = "cBcBccBcBC", [2] = "vcBccBcBC", [3] = "cBccBcBC",
        [4] = "vccBcBC",     [5] = "ccBcBC",     [6] = "vvcBC",     [7] = "vcBC",
        [8] = "cBC",         [9] = "vC",         [10] = "C",
    };
    (void)state;
    write_swept();
    for (log_.first = 0; log_.first <= 3; log_.first++) {
        read_all();
        assert_string_equal(log_.verdicts, verdicts[log_.first]);
        assert_int_equal(read_end(), 0);
        assert_int_equal(result().sweep_start, 3);
    }
    for (; log_.first < log_.end; log_.first++) {
        assert_damage(verdicts[log_.first], "what stood before this was deleted");
        assert_int_equal(result().sweep_start, -1);
    }
    assert_damage("", "what stood before this was deleted"); /* also the last record */
}

/* After a head without its beginning the numbers go on from there. */
static void test_what_follows_a_headless_batch_is_judged_as_ever(void **state)
{
    (void)state;
    write_swept();
    log_.first = 6;
    (void)put(&(struct rs_state_record){0}); /* room */
    log_.end = 8;
    struct writer a = {.owner = 1, .batch = 5};
    batch(&a, "skips one", 50);
    assert_damage("vv!!", "offset 8: batch 5 where batch 4 of its owner is due");
    log_.end = 8;
    log_.first = 5;
    struct rs_state_record record = test_chunk(1, 3, 2, "twice");
    at(6)->size = 0;
    (void)rs_state_record_write(&record, at(6));
    assert_damage("c!!", "offset 6: chunk 2 of batch 3 where its chunk 1 is due");
}

static void test_a_trimmed_log_that_begins_with_a_claim(void **state)
{
    (void)state;
    log_.first = 5;
    log_.end = 5;
    struct writer a = claim(1);
    batch(&a, "a", 5);
    assert_damage("CcB", "offset 5: what stood before this was deleted");
    int64_t sweep = log_.end;
    chunk(&a, "all");
    seal_sweep(&a, 6, sweep);
    assert_int_equal(assert_good("CcBcB", "a|all|").sweep_start, sweep);
    log_.end = 5;
    (void)rebuild(1, 50);
    assert_int_equal(assert_good("R", "").rebuild_from, 50);
}

static void test_a_predecessors_partial_sweep_is_not_counted(void **state)
{
    (void)state;
    struct writer a = claim(1);
    batch(&a, "half", 10);
    struct writer b = claim(2);
    chunk(&b, "other half");
    seal_sweep(&b, 20, 1);
    assert_int_equal(assert_good("CcBCcB", "half|other half|").sweep_start, 0);
    log_.first = 1;
    assert_damage("cBCcB", "what stood before this was deleted");
}

/* An owner that foresaw a start at which somebody else's record then came to stand. */
static void test_a_sweep_that_does_not_begin_with_a_batch_is_not_counted(void **state)
{
    (void)state;
    struct writer a = claim(1);
    struct writer z = {.owner = 9, .batch = 3};
    int64_t foreseen = log_.end;
    chunk(&z, "zombie");
    chunk(&a, "all");
    seal_sweep(&a, 20, foreseen);
    assert_int_equal(assert_good("CvcB", "all|").sweep_start, 0);
    chunk(&a, "x");
    chunk(&a, "y");
    seal_sweep(&a, 20, log_.end - 1);
    assert_int_equal(assert_good("CvcBccB", "all|x,y|").sweep_start, 0);
    seal_sweep(&a, 20, log_.end); /* of nothing: the seal is the batch */
    assert_int_equal(assert_good("CvcBccBB", "all|x,y||").sweep_start, 7);
}

static void test_the_newest_sweep_is_the_one(void **state)
{
    (void)state;
    struct writer a = claim(1);
    for (int64_t i = 0; i < 40; i++) {
        int64_t start = log_.end;
        batch(&a, "first half", i);
        chunk(&a, "second half");
        seal_sweep(&a, i, start);
        read_all();
        assert_int_equal(read_end(), 0);
        assert_int_equal(result().sweep_start, start);
        assert_true(result().sweep_bytes == bytes_between(start, log_.end));
        assert_true(result().bytes_since == result().sweep_bytes);
    }
}

/* ---- damage ---- */

static void test_a_chunk_that_is_missing(void **state)
{
    (void)state;
    struct writer a = claim(1);
    a.chunks = 1; /* chunk 0 */
    chunk(&a, "b");
    assert_damage("C!", "offset 1: chunk 1 of batch 1 where its chunk 0 is due");
    log_.end = 1;
    a = (struct writer){.owner = 1, .batch = 1};
    chunk(&a, "a");
    a.chunks = 2; /* chunk 1 */
    chunk(&a, "c");
    assert_damage("Cc!", "offset 2: chunk 2 of batch 1 where its chunk 1 is due");
    log_.end = 2;
    a.chunks = 2;
    seal(&a, 1); /* the last */
    assert_damage("Cc!", "offset 2: the seal of batch 1 is for 2 chunks, and 1 are there");
    log_.end = 1;
    a = (struct writer){.owner = 1, .batch = 1, .chunks = 1};
    seal(&a, 1); /* all */
    assert_damage("C!", "offset 1: the seal of batch 1 is for 1 chunks, and 0 are there");
}

static void test_chunks_that_are_swapped_or_twice(void **state)
{
    (void)state;
    struct writer a = claim(1);
    a.chunks = 1;
    chunk(&a, "b");
    a.chunks = 0;
    chunk(&a, "a");
    assert_damage("C!!", "offset 1: chunk 1 of batch 1 where its chunk 0 is due");
    log_.end = 1;
    a.chunks = 0;
    chunk(&a, "a");
    a.chunks = 0;
    chunk(&a, "a");
    assert_damage("Cc!", "offset 2: chunk 0 of batch 1 where its chunk 1 is due");
}

/* The right numbers over other contents: only the checksum tells. */
static void test_a_seal_of_other_chunks(void **state)
{
    (void)state;
    struct writer a = claim(1);
    chunk(&a, "a");
    a.sum = 0;
    chunk(&a, "b");
    seal(&a, 1);
    assert_damage("Ccc!", "offset 3: the checksum in the seal of batch 1 is not that of its chunks");
    log_.end = 1;
    a = (struct writer){.owner = 1, .batch = 1, .sum = 17};
    seal(&a, 1);
    assert_damage("C!", "offset 1: the checksum in the seal of batch 1");
}

static void test_batch_numbers_out_of_order(void **state)
{
    (void)state;
    struct writer a = claim(1);
    batch(&a, "a", 1);
    a.batch = 3;
    seal(&a, 2);
    assert_damage("CcB!", "offset 3: batch 3 where batch 2 of its owner is due");
    log_.end = 3;
    a.batch = 1;
    chunk(&a, "a");
    assert_damage("CcB!", "offset 3: batch 1 where batch 2 of its owner is due");
    log_.end = 3;
    a = (struct writer){.owner = 1, .batch = 2};
    chunk(&a, "b");
    a = (struct writer){.owner = 1, .batch = 3};
    chunk(&a, "c");
    assert_damage("CcBc!", "offset 4: batch 3 begins before batch 2 of the same owner was sealed");
    log_.end = 4;
    seal(&a, 2);
    assert_damage("CcBc!", "offset 4: batch 3 begins before batch 2 of the same owner was sealed");
    log_.end = 3;
    struct writer b = claim(2);
    b.batch = 3; /* as if it went on with its predecessor's */
    batch(&b, "b", 1);
    assert_damage("CcBC!!", "offset 4: batch 3 where batch 1 of its owner is due");
}

static void test_a_sweep_that_begins_after_its_end(void **state)
{
    (void)state;
    struct writer a = claim(1);
    seal_sweep(&a, 1, 2);
    assert_damage("C!", "offset 1: a seal whose sweep begins later, at offset 2");
}

static void test_a_record_of_another_log(void **state)
{
    (void)state;
    struct writer a = claim(1);
    batch(&a, "a", 5);
    struct rs_state_record other = test_claim(2);
    other.identity++;
    (void)put(&other);
    assert_damage("CcB!", "offset 3: the record belongs to another group, stream or partition");
    log_.end = 3;
    other = test_chunk(9, 1, 0, "of nobody"); /* also where it would be void */
    other.identity++;
    (void)put(&other);
    assert_damage("CcB!", "offset 3: the record belongs to another group, stream or partition");
}

static void test_a_void_record_has_to_be_right_too(void **state)
{
    (void)state;
    struct writer a = claim(1);
    (void)claim(2);
    chunk(&a, "zombie");
    at(2)->data[45] ^= 4;
    assert_damage("CC!", "offset 2: the record is damaged: its checksum does not match");
    rs_buf_reset(at(2));
    rs_buf_text(at(2), "{\"event\": \"of a producer that has the wrong topic\"}");
    assert_damage("CC!", "offset 2: this is not a record of a state log");
}

static void test_offsets_have_to_be_contiguous(void **state)
{
    (void)state;
    struct writer a = claim(1);
    batch(&a, "a", 5);
    batch(&a, "b", 6);
    read_begin();
    read_record(0);
    read_record(2);
    assert_string_equal(log_.verdicts, "C!");
    assert_non_null(strstr(log_.error.text, "offset 2: the record follows offset 0"));
    read_begin();
    read_record(0);
    read_record(0);
    assert_string_equal(log_.verdicts, "C!");
}

static void test_records_missing_at_either_end(void **state)
{
    (void)state;
    struct writer a = claim(1);
    batch(&a, "a", 5);
    read_begin();
    assert_int_equal(read_end(), RS_ESTATE);
    assert_non_null(strstr(log_.error.text, "offset 0: the log's records from here to offset 2 could not"));
    read_record(0);
    read_record(1);
    assert_int_equal(read_end(), RS_ESTATE);
    assert_non_null(strstr(log_.error.text, "offset 2: the log's records from here to offset 2 could not"));
    read_begin();
    read_record(1);
    read_record(2);
    assert_int_equal(read_end(), RS_ESTATE);
    assert_non_null(strstr(log_.error.text, "offset 0: the log's records from here to offset 0 could not"));
}

/* A topic that is deleted and made again under an instance begins with what that instance had under way. */
static void test_a_whole_log_begins_with_a_claim(void **state)
{
    (void)state;
    struct writer a = {.owner = 1, .batch = 7};
    batch(&a, "a", 500);
    (void)claim(2);
    assert_damage("!!!", "offset 0: the log does not begin with a claim");
    (void)rebuild(2, 0);
    assert_int_equal(read_end(), RS_ESTATE);
    read_all();
    assert_string_equal(log_.verdicts, "!!!R");
    assert_int_equal(read_end(), 0);
}

/* Every bit of a log that holds all there is: the damage is named at its offset, and nothing after it counts.
 */
static void test_every_flipped_bit_and_every_cut(void **state)
{
    (void)state;
    write_swept();
    for (int64_t offset = 0; offset < log_.end; offset++) {
        struct rs_buf *record = at(offset);
        char where[32];
        (void)snprintf(where, sizeof where, "offset %lld: ", (long long)offset);
        for (size_t bit = 0; bit < record->size * 8; bit++) {
            record->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            read_all();
            assert_int_equal(read_end(), RS_ESTATE);
            assert_int_equal(strncmp(log_.error.text, where, strlen(where)), 0);
            assert_int_equal(strspn(log_.verdicts, "CcB"), offset);
            record->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        for (size_t whole = record->size; record->size-- > 0;) {
            read_all();
            assert_int_equal(read_end(), RS_ESTATE);
            assert_int_equal(strspn(log_.verdicts, "CcB"), offset);
            if (record->size == 0) {
                record->size = whole;
                break;
            }
        }
    }
    read_all();
    assert_int_equal(read_end(), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_an_empty_log_is_whole),
        TEST(test_batches_of_the_owner_count),
        TEST(test_chunks_without_a_seal_are_void),
        TEST(test_a_seal_lost_and_its_successor_present),
        TEST(test_what_a_zombie_writes_is_void),
        TEST(test_a_zombie_may_write_anything),
        TEST(test_a_claim_racing_a_claim),
        TEST(test_a_claim_at_the_end_keeps_what_was_sealed),
        TEST(test_a_rebuild_makes_all_before_it_void),
        TEST(test_a_rebuild_mends_damage_before_it),
        TEST(test_a_rebuild_may_follow_a_gap),
        TEST(test_damage_is_told_until_a_rebuild_comes),
        TEST(test_a_sweep_makes_up_for_what_is_trimmed),
        TEST(test_the_owner_of_a_trimmed_log_is_the_first_to_write),
        TEST(test_a_log_that_gives_back_records_of_earlier_owners),
        TEST(test_a_later_owner_may_begin_with_a_seal),
        TEST(test_an_earlier_owners_damage_is_none),
        TEST(test_a_claim_that_the_log_does_not_have),
        TEST(test_another_claim_of_the_same_owner_id),
        TEST(test_a_head_trimmed_away_anywhere),
        TEST(test_what_follows_a_headless_batch_is_judged_as_ever),
        TEST(test_a_trimmed_log_that_begins_with_a_claim),
        TEST(test_a_predecessors_partial_sweep_is_not_counted),
        TEST(test_a_sweep_that_does_not_begin_with_a_batch_is_not_counted),
        TEST(test_the_newest_sweep_is_the_one),
        TEST(test_a_chunk_that_is_missing),
        TEST(test_chunks_that_are_swapped_or_twice),
        TEST(test_a_seal_of_other_chunks),
        TEST(test_batch_numbers_out_of_order),
        TEST(test_a_sweep_that_begins_after_its_end),
        TEST(test_a_record_of_another_log),
        TEST(test_a_void_record_has_to_be_right_too),
        TEST(test_offsets_have_to_be_contiguous),
        TEST(test_records_missing_at_either_end),
        TEST(test_a_whole_log_begins_with_a_claim),
        TEST(test_every_flipped_bit_and_every_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
