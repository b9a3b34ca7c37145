/* state log build: a log as Kafka has it, written record by record, and what the reader says of it. One of it
 * in a test program. */
#ifndef RS_TESTS_UNIT_TRANSFORM_STATE_LOG_BUILD_H
#define RS_TESTS_UNIT_TRANSFORM_STATE_LOG_BUILD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/transform/state_records.h"
#include "transform/statelog/reader.h"

#define RECORDS_MAX 256

/* A log as Kafka has it, and what the reader said of it: a letter for each record
 * (C claim, R rebuild, c chunk, B batch, v void, ! damage), ^ before it where it made void all before. */
static struct {
    struct rs_buf records[RECORDS_MAX];
    int64_t first, end;
    char verdicts[2 * RECORDS_MAX + 1];
    char contents[1024];   /* payloads of the batches that count: "a,b|c|" */
    struct rs_error error; /* the first */
    struct rs_state_reader *reader;
} log_;

/* Somebody who writes batches, in the log's order or long after having lost it. */
struct writer {
    uint8_t owner;
    int64_t token;
    uint64_t batch;
    uint32_t chunks;
    uint64_t sum;
};

static inline int setup(void **state)
{
    (void)state;
    log_.first = 0;
    log_.end = 0;
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    rs_state_reader_free(&log_.reader);
    for (size_t i = 0; i < RECORDS_MAX; i++) {
        rs_buf_fini(&log_.records[i]);
    }
    return 0;
}

static inline struct rs_buf *at(int64_t offset)
{
    return &log_.records[offset % RECORDS_MAX];
}

static inline uint64_t put(const struct rs_state_record *record)
{
    struct rs_buf *bytes = at(log_.end++);
    rs_buf_reset(bytes);
    uint64_t sum = rs_state_record_write(record, bytes);
    assert_false(bytes->failed);
    return sum;
}

static inline struct writer claim(uint8_t owner)
{
    const struct rs_state_record record = test_claim(owner);
    struct writer w = {.owner = owner, .token = log_.end, .batch = 1};
    (void)put(&record);
    return w;
}

static inline struct writer rebuild(uint8_t owner, int64_t from_offset)
{
    const struct rs_state_record record = test_rebuild(owner, from_offset);
    struct writer w = {.owner = owner, .token = log_.end, .batch = 1};
    (void)put(&record);
    return w;
}

static inline void chunk(struct writer *w, const char *payload)
{
    struct rs_state_record record = test_chunk(w->owner, w->batch, w->chunks++, payload);
    record.token = w->token;
    w->sum = rs_chunk_sum(w->sum, put(&record));
}

static inline void seal_sweep(struct writer *w, int64_t next_offset, int64_t sweep_start)
{
    struct rs_state_record record = test_seal(w->owner, w->batch++, w->chunks, w->sum, next_offset);
    record.token = w->token;
    record.seal.sweep_start = sweep_start;
    (void)put(&record);
    w->chunks = 0;
    w->sum = 0;
}

static inline void seal(struct writer *w, int64_t next_offset)
{
    seal_sweep(w, next_offset, -1);
}

static inline void batch(struct writer *w, const char *payload, int64_t next_offset)
{
    chunk(w, payload);
    seal(w, next_offset);
}

/* ---- reading ---- */

static inline void note_batch(void)
{
    size_t count = 0;
    const struct rs_slice *chunks = rs_state_reader_chunks(log_.reader, &count);
    size_t size = strlen(log_.contents);
    for (size_t i = 0; i < count; i++) {
        size += (size_t)snprintf(log_.contents + size, sizeof log_.contents - size, "%s%.*s",
                                 i > 0 ? "," : "", (int)chunks[i].size, (const char *)chunks[i].data);
        assert_true(size < sizeof log_.contents);
    }
    (void)snprintf(log_.contents + size, sizeof log_.contents - size, "|");
}

static inline void feed(int64_t offset, struct rs_slice bytes)
{
    static const char letters[] = {[RS_VERDICT_CLAIM] = 'C',
                                   [RS_VERDICT_REBUILD] = 'R',
                                   [RS_VERDICT_CHUNK] = 'c',
                                   [RS_VERDICT_BATCH] = 'B',
                                   [RS_VERDICT_VOID] = 'v'};
    struct rs_state_record record;
    struct rs_error error = {0};
    enum rs_verdict verdict = RS_VERDICT_VOID;
    int rc = rs_state_reader_feed(log_.reader, offset, bytes, &record, &verdict, &error);
    if (rc < 0) {
        assert_int_equal(rc, RS_ESTATE);
        assert_int_equal(error.code, rc);
        log_.error = log_.error.code == 0 ? error : log_.error;
    }
    if (rs_state_reader_anew(log_.reader)) {
        log_.contents[0] = '\0';
    }
    if (rc == 0 && verdict == RS_VERDICT_BATCH) {
        note_batch();
    }
    size_t count = strlen(log_.verdicts);
    if (rs_state_reader_anew(log_.reader) && verdict != RS_VERDICT_REBUILD) {
        log_.verdicts[count++] = '^';
    }
    log_.verdicts[count] = letters[verdict];
    if (rc < 0) {
        log_.verdicts[count] = '!';
    }
    log_.verdicts[count + 1] = '\0';
}

static inline void read_begin(void)
{
    struct rs_error error;
    rs_state_reader_free(&log_.reader);
    assert_int_equal(rs_state_reader_new(TEST_IDENTITY, &log_.reader, &error), 0);
    log_.verdicts[0] = '\0';
    log_.contents[0] = '\0';
    log_.error = (struct rs_error){0};
}

/* The record in memory of its own, which is gone afterwards, as a consumer's is. */
static inline void read_record(int64_t offset)
{
    size_t size = at(offset)->size;
    uint8_t *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, at(offset)->data, size);
    feed(offset, rs_slice_of(copy, size));
    memset(copy, 0xee, size);
    free(copy);
}

static inline int read_end(void)
{
    struct rs_error error = {0};
    int rc = rs_state_reader_end(log_.reader, log_.first, log_.end, &error);
    log_.error = rc < 0 ? error : log_.error;
    return rc;
}

static inline void read_all(void)
{
    read_begin();
    for (int64_t offset = log_.first; offset < log_.end; offset++) {
        read_record(offset);
    }
}

static inline struct rs_state_reading result(void)
{
    struct rs_state_reading reading;
    rs_state_reader_result(log_.reader, &reading);
    return reading;
}

static inline uint64_t bytes_between(int64_t from, int64_t to)
{
    uint64_t sum = 0;
    for (int64_t offset = from; offset < to; offset++) {
        sum += at(offset)->size;
    }
    return sum;
}

#endif
