/* State logs: byte 0 tells whether the sums of records are put right first, so that what is behind them is
 * reached; byte 1 is the first offset; then records, each with its length in two bytes before it. Whatever
 * comes, the reader must not crash, must keep its books, and must say what a record says again in the same
 * bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/reader.h"
#include "transform/statelog/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define IDENTITY UINT64_C(0x1122334455667788)

static void require(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "state_fuzz: %s\n", what);
        abort();
    }
}

static void put_sum_right(uint8_t *record, size_t size)
{
    if (size >= sizeof(uint64_t)) {
        size_t body = size - sizeof(uint64_t);
        uint64_t sum = htole64(XXH3_64bits(record, body));
        memcpy(record + body, &sum, sizeof sum);
    }
}

/* Texts of a claim that are too long are cut when written: then the bytes differ. */
static void check_written(const struct rs_state_record *record, struct rs_slice bytes)
{
    struct rs_buf again = {0};
    uint64_t sum = rs_state_record_write(record, &again);
    bool cut = record->kind == RS_RECORD_CLAIM &&
               (record->claim.instance.size > 255 || record->claim.version.size > 255);
    require(again.failed || cut || (sum == record->sum && rs_slice_equal(rs_buf_slice(&again), bytes)),
            "a record is not written as it was read");
    rs_buf_fini(&again);
}

static volatile uint64_t touched; /* every byte of a batch is read, for the sanitizers' sake */

static void check_books(const struct rs_state_reader *reader, int64_t offset, uint64_t fed, bool batch)
{
    struct rs_state_reading reading;
    rs_state_reader_result(reader, &reading);
    require(reading.bytes == fed && reading.bytes_since <= fed && reading.sweep_bytes <= fed, "bytes");
    require(reading.sweep_start <= offset && reading.claim <= offset && reading.first <= offset, "offsets");
    size_t count = 0;
    const struct rs_slice *chunks = rs_state_reader_chunks(reader, &count);
    uint64_t held = 0;
    for (size_t i = 0; batch && i < count; i++) {
        touched = touched ^ XXH3_64bits(chunks[i].data, chunks[i].size);
        held += chunks[i].size;
    }
    require(held <= fed, "a batch holds more than was fed");
}

static bool feed(struct rs_state_reader *reader, int64_t offset, struct rs_slice bytes, uint64_t *fed)
{
    struct rs_state_record record;
    struct rs_error error = {0};
    enum rs_verdict verdict = RS_VERDICT_VOID;
    *fed += bytes.size;
    int rc = rs_state_reader_feed(reader, offset, bytes, &record, &verdict, &error);
    require(rc == 0 || (rc == error.code && error.text[0] != '\0'), "an error says nothing");
    if (rc == 0) {
        check_written(&record, bytes);
    }
    check_books(reader, offset, *fed, rc == 0 && verdict == RS_VERDICT_BATCH);
    return rc == 0;
}

/* The record in memory that ends where it ends. */
static bool feed_copy(struct rs_state_reader *reader, int64_t offset, struct rs_slice bytes, bool right,
                      uint64_t *fed)
{
    uint8_t *copy = malloc(bytes.size > 0 ? bytes.size : 1);
    require(copy != NULL, "out of memory");
    memcpy(copy, bytes.data, bytes.size);
    if (right) {
        put_sum_right(copy, bytes.size);
    }
    bool good = feed(reader, offset, rs_slice_of(copy, bytes.size), fed);
    free(copy);
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rs_state_reader *reader = NULL;
    struct rs_error error;
    if (size < 2 || rs_state_reader_new(IDENTITY, &reader, &error) < 0) {
        return 0;
    }
    int64_t first = data[1];
    int64_t offset = first;
    uint64_t fed = 0;
    bool good = true;
    for (size_t at = 2; at + 2 <= size; offset++) {
        size_t length = (size_t)(data[at] | data[at + 1] << 8);
        at += 2;
        length = length < size - at ? length : size - at;
        good = feed_copy(reader, offset, rs_slice_of(data + at, length), data[0] & 1, &fed);
        at += length;
    }
    int rc = rs_state_reader_end(reader, first, offset, &error);
    require(rc == 0 || error.text[0] != '\0', "an error says nothing");
    require(good || rc < 0, "damage is forgotten");
    rs_state_reader_free(&reader);
    return 0;
}
