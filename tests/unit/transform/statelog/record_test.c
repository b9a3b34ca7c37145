#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <xxhash.h>

#include "base/reader.h"
#include "tests/unit/transform/state_records.h"

static struct rs_buf bytes;

static int teardown(void **state)
{
    (void)state;
    rs_buf_fini(&bytes);
    return 0;
}

static void write_record(const struct rs_state_record *record)
{
    rs_buf_reset(&bytes);
    uint64_t sum = rs_state_record_write(record, &bytes);
    assert_false(bytes.failed);
    assert_true(sum == XXH3_64bits(bytes.data, bytes.size - sizeof sum));
}

static struct rs_state_record read_back(void)
{
    struct rs_state_record record;
    struct rs_error error = {0};
    int rc = rs_state_record_read(rs_buf_slice(&bytes), &record, &error);
    if (rc != 0) {
        fail_msg("%s", error.text);
    }
    return record;
}

/* The record's own sum put right again, so that what is behind it is looked at. */
static void sum_again(void)
{
    bytes.size -= sizeof(uint64_t);
    rs_write_u64(&bytes, XXH3_64bits(bytes.data, bytes.size));
}

static void assert_refused(const char *text)
{
    struct rs_state_record record = {.identity = 99};
    struct rs_error error = {0};
    assert_int_equal(rs_state_record_read(rs_buf_slice(&bytes), &record, &error), RS_ESTATE);
    if (!strstr(error.text, text)) {
        fail_msg("\"%s\" is not in \"%s\"", text, error.text);
    }
    assert_int_equal(record.identity, 99);
}

static void assert_text(struct rs_slice slice, const char *text)
{
    assert_int_equal(slice.size, strlen(text));
    assert_memory_equal(slice.data, text, slice.size);
}

static void test_a_claim_comes_back(void **state)
{
    (void)state;
    struct rs_state_record claim = test_rebuild(7, 4242);
    write_record(&claim);
    struct rs_state_record back = read_back();
    assert_int_equal(back.kind, RS_RECORD_CLAIM);
    assert_true(back.identity == TEST_IDENTITY);
    assert_int_equal(back.token, -1);
    assert_memory_equal(back.owner.bytes, claim.owner.bytes, 16);
    assert_int_equal(back.claim.flags, RS_CLAIM_REBUILD);
    assert_int_equal(back.claim.from_offset, 4242);
    assert_true(back.claim.wall_us == claim.claim.wall_us);
    assert_true(back.claim.fingerprint == claim.claim.fingerprint);
    assert_text(back.claim.instance, "host:4711");
    assert_text(back.claim.version, "0.1.0");
    claim.claim.flags = RS_CLAIM_START;
    write_record(&claim);
    back = read_back();
    assert_int_equal(back.claim.flags, RS_CLAIM_START);
    assert_int_equal(back.claim.from_offset, 4242);
    claim.claim.flags = RS_CLAIM_REBUILD;
    claim.claim.from_offset = RS_OFFSET_BEGINNING;
    write_record(&claim);
    assert_int_equal(read_back().claim.from_offset, RS_OFFSET_BEGINNING);
}

static void test_a_chunk_comes_back(void **state)
{
    (void)state;
    struct rs_state_record chunk = test_chunk(7, UINT64_MAX, UINT32_MAX, "payload");
    chunk.token = INT64_MAX;
    write_record(&chunk);
    struct rs_state_record back = read_back();
    assert_int_equal(back.kind, RS_RECORD_CHUNK);
    assert_true(back.token == INT64_MAX);
    assert_true(back.chunk.batch == UINT64_MAX);
    assert_true(back.chunk.sequence == UINT32_MAX);
    assert_text(back.chunk.payload, "payload");
    assert_true(back.chunk.payload.data > bytes.data && back.chunk.payload.data < bytes.data + bytes.size);
}

static void test_a_seal_comes_back(void **state)
{
    (void)state;
    struct rs_state_record seal = test_seal(7, 3, 2, 0xabcdef, 1000);
    seal.seal.sweep_start = 17;
    seal.token = 5;
    write_record(&seal);
    struct rs_state_record back = read_back();
    assert_int_equal(back.kind, RS_RECORD_SEAL);
    assert_int_equal(back.token, 5);
    assert_int_equal(back.seal.batch, 3);
    assert_int_equal(back.seal.chunks, 2);
    assert_int_equal(back.seal.checksum, 0xabcdef);
    assert_int_equal(back.seal.sweep_start, 17);
    assert_memory_equal(&back.seal.seal, &seal.seal.seal, sizeof seal.seal.seal);
    assert_text(back.seal.head, "the head");
}

/* The layout is a promise to the next version: the bytes are written out here. */
static void test_the_layout_is_the_documented_one(void **state)
{
    (void)state;
    static const uint8_t expected[] = {'R',  'S',  'L', 1, 2, 0, 0, 0, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33,
                                       0x22, 0x11, 5,   5, 5, 5, 5, 5, 5,    5,    5,    5,    5,    5,
                                       5,    5,    5,   5, 7, 6, 0, 0, 0,    0,    0,    0,    4,    3,
                                       2,    1,    0,   0, 0, 0, 9, 0, 0,    0,    'p',  'q'};
    static const uint8_t none[] = {255, 255, 255, 255, 255, 255, 255, 255};
    struct rs_state_record chunk = test_chunk(5, 0x01020304, 9, "pq");
    chunk.token = 0x0607;
    write_record(&chunk);
    assert_int_equal(bytes.size, sizeof expected + 8);
    assert_memory_equal(bytes.data, expected, sizeof expected);
    const struct rs_state_record claim = test_claim(5);
    write_record(&claim);
    assert_int_equal(bytes.size, 40 + 4 + 8 + 8 + 8 + 2 + 9 + 2 + 5 + 8);
    assert_memory_equal(bytes.data + 32, none, sizeof none);
    const struct rs_state_record seal = test_seal(5, 1, 0, 0, 0);
    write_record(&seal);
    assert_int_equal(bytes.size, 40 + 8 + 4 + 8 + 3 * 8 + 6 * 8 + 8 + 8 + 8);
}

static void test_records_follow_one_another_in_a_buffer(void **state)
{
    (void)state;
    const struct rs_state_record claim = test_claim(1);
    const struct rs_state_record chunk = test_chunk(1, 1, 0, "");
    write_record(&claim);
    size_t first = bytes.size;
    uint64_t sum = rs_state_record_write(&chunk, &bytes);
    struct rs_state_record back;
    struct rs_error error;
    struct rs_slice second = rs_slice_of(bytes.data + first, bytes.size - first);
    assert_int_equal(rs_state_record_read(second, &back, &error), 0);
    assert_true(back.sum == sum);
    assert_int_equal(back.chunk.payload.size, 0);
}

static void every_flip_is_seen(const struct rs_state_record *record)
{
    struct rs_state_record back;
    struct rs_error error;
    write_record(record);
    for (size_t bit = 0; bit < bytes.size * 8; bit++) {
        bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(rs_state_record_read(rs_buf_slice(&bytes), &back, &error), RS_ESTATE);
        bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    (void)read_back();
}

/* Each length in memory of exactly that size, so that a sanitizer sees a byte too far. */
static void every_truncation_is_seen(const struct rs_state_record *record)
{
    write_record(record);
    for (size_t size = 0; size < bytes.size; size++) {
        struct rs_state_record back;
        struct rs_error error;
        uint8_t *exact = malloc(size > 0 ? size : 1);
        assert_non_null(exact);
        memcpy(exact, bytes.data, size);
        assert_int_equal(rs_state_record_read(rs_slice_of(exact, size), &back, &error), RS_ESTATE);
        free(exact);
    }
}

/* Cut or grown, and summed again by somebody who knows how: the lengths still have to be right. */
static void test_wrong_lengths_under_a_right_checksum(void **state)
{
    (void)state;
    const struct rs_state_record records[] = {test_claim(1), test_seal(1, 1, 0, 0, 0),
                                              test_chunk(1, 1, 0, "")};
    static const size_t least[] = {0, 140, 52};
    for (size_t k = 0; k < sizeof records / sizeof *records; k++) {
        write_record(&records[k]);
        size_t whole = bytes.size;
        for (size_t size = 48; size < (records[k].kind == RS_RECORD_CLAIM ? whole : least[k] + 8); size++) {
            write_record(&records[k]);
            bytes.size = size;
            sum_again();
            assert_refused("of a wrong length");
        }
    }
    write_record(&records[0]);
    rs_buf_char(&bytes, '\0');
    sum_again();
    assert_refused("a claim of a wrong length");
}

static void test_every_flipped_bit_is_seen(void **state)
{
    (void)state;
    const struct rs_state_record records[] = {test_claim(1), test_rebuild(2, 5),
                                              test_chunk(1, 1, 0, "payload"), test_seal(1, 1, 1, 42, 100)};
    for (size_t k = 0; k < sizeof records / sizeof *records; k++) {
        every_flip_is_seen(&records[k]);
        every_truncation_is_seen(&records[k]);
    }
}

static void test_what_is_wrong_is_said(void **state)
{
    (void)state;
    const struct rs_state_record chunk = test_chunk(1, 1, 0, "payload");
    rs_buf_reset(&bytes);
    assert_refused("not a record of a state log");
    rs_buf_text(&bytes, "{\"price\": 1.0, \"quantity\": 5, \"side\": \"BUY\"}");
    assert_refused("not a record of a state log");
    write_record(&chunk);
    bytes.size = 30;
    assert_refused("cut short: 30 bytes");
    write_record(&chunk);
    bytes.data[bytes.size - 10] ^= 1;
    assert_refused("checksum does not match");
}

static void set_byte(const struct rs_state_record *record, size_t at, uint8_t value)
{
    write_record(record);
    bytes.data[at] = value;
    sum_again();
}

static void test_other_formats_and_kinds(void **state)
{
    (void)state;
    const struct rs_state_record chunk = test_chunk(1, 1, 0, "payload");
    set_byte(&chunk, 3, 2);
    assert_refused("has format 2; this version reads up to 1: start the version that wrote it, or rebuild");
    set_byte(&chunk, 3, 0);
    assert_refused("has format 0; this version reads from 1");
    set_byte(&chunk, 4, 0);
    assert_refused("unknown kind 0");
    set_byte(&chunk, 4, 4);
    assert_refused("unknown kind 4");
    for (size_t at = 5; at < 8; at++) {
        set_byte(&chunk, at, 1);
        assert_refused("zero in format 1");
    }
}

static void test_claims_that_cannot_be(void **state)
{
    (void)state;
    struct rs_state_record record = test_chunk(1, 1, 0, "x");
    record.token = -1;
    write_record(&record);
    assert_refused("a record under a claim at offset -1");
    record = test_seal(1, 1, 0, 0, 0);
    record.token = INT64_MIN;
    write_record(&record);
    assert_refused("a record under a claim at offset -9223372036854775808");
    record = test_claim(1);
    record.token = 5; /* not written */
    write_record(&record);
    assert_int_equal(read_back().token, -1);
    for (size_t at = 33; at < 40; at++) {
        bytes.data[at] = 0;
    }
    sum_again();
    assert_refused("a record under a claim at offset 255");
}

static void test_numbers_that_cannot_be(void **state)
{
    (void)state;
    struct rs_state_record record = test_chunk(1, 0, 0, "x");
    write_record(&record);
    assert_refused("a chunk of batch 0");
    record = test_seal(1, 0, 0, 0, 0);
    write_record(&record);
    assert_refused("a seal of batch 0");
    record = test_seal(1, 1, 0, 0, 0);
    record.seal.sweep_start = -2;
    write_record(&record);
    assert_refused("sweep begins at offset -2");
    record = test_claim(1);
    record.claim.flags = 4;
    write_record(&record);
    assert_refused("flags 0x4");
    record = test_rebuild(1, 5);
    record.claim.flags |= RS_CLAIM_START;
    write_record(&record);
    assert_refused("flags 0x3");
    record = test_rebuild(1, -3);
    record.claim.flags = RS_CLAIM_START;
    write_record(&record);
    assert_refused("begins the input at offset -3");
    record = test_claim(1);
    record.claim.from_offset = 0;
    write_record(&record);
    assert_refused("begins the input at offset 0");
    record = test_rebuild(1, -1);
    write_record(&record);
    assert_refused("begins the input at offset -1");
}

/* A name for people must never make a log that nobody can read. */
static void test_any_text_makes_a_claim(void **state)
{
    (void)state;
    static char text[70000];
    struct rs_state_record claim = test_claim(1);
    memset(text, 'x', sizeof text);
    text[254] = (char)0xc3;
    text[255] = (char)0xa9; /* a character across the limit */
    claim.claim.instance = rs_slice_of(text, sizeof text);
    claim.claim.version = rs_slice_of("\xff\x00\x1b", 3);
    write_record(&claim);
    struct rs_state_record back = read_back();
    assert_int_equal(back.claim.instance.size, 254);
    assert_true(rs_slice_equal(back.claim.version, rs_slice_of("\xff\x00\x1b", 3)));
    claim.claim.instance = rs_slice_of(NULL, 0);
    write_record(&claim);
    assert_int_equal(read_back().claim.instance.size, 0);
}

static void test_identities_differ(void **state)
{
    (void)state;
    uint64_t identity = rs_state_identity("market", "trades", 3);
    assert_true(identity == rs_state_identity("market", "trades", 3));
    assert_true(identity != rs_state_identity("market2", "trades", 3));
    assert_true(identity != rs_state_identity("market", "trade", 3));
    assert_true(identity != rs_state_identity("market", "trades", 4));
    assert_true(rs_state_identity("ab", "c", 0) != rs_state_identity("a", "bc", 0));
}

static void test_a_checksum_knows_the_order(void **state)
{
    (void)state;
    assert_true(rs_chunk_sum(rs_chunk_sum(0, 1), 2) != rs_chunk_sum(rs_chunk_sum(0, 2), 1));
    assert_true(rs_chunk_sum(0, 0) != 0);
    const uint64_t both[2] = {htole64(3), htole64(4)};
    assert_true(rs_chunk_sum(3, 4) == XXH3_64bits(both, sizeof both));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_claim_comes_back),
        TEST(test_a_chunk_comes_back),
        TEST(test_a_seal_comes_back),
        TEST(test_the_layout_is_the_documented_one),
        TEST(test_records_follow_one_another_in_a_buffer),
        TEST(test_every_flipped_bit_is_seen),
        TEST(test_wrong_lengths_under_a_right_checksum),
        TEST(test_what_is_wrong_is_said),
        TEST(test_other_formats_and_kinds),
        TEST(test_claims_that_cannot_be),
        TEST(test_numbers_that_cannot_be),
        TEST(test_any_text_makes_a_claim),
        TEST(test_identities_differ),
        TEST(test_a_checksum_knows_the_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
