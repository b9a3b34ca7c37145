/* state records: the records of a state log as tests write them. */
#ifndef RS_TESTS_UNIT_TRANSFORM_STATE_RECORDS_H
#define RS_TESTS_UNIT_TRANSFORM_STATE_RECORDS_H

#include <string.h>

#include "base/record.h"
#include "base/source.h"
#include "transform/statelog/record.h"

#define TEST_IDENTITY UINT64_C(0x1122334455667788)

static inline struct rs_state_record test_record(enum rs_record_kind kind, uint8_t owner)
{
    struct rs_state_record record = {.kind = kind, .identity = TEST_IDENTITY};
    memset(record.owner.bytes, owner, sizeof record.owner.bytes);
    return record;
}

static inline struct rs_state_record test_claim(uint8_t owner)
{
    struct rs_state_record record = test_record(RS_RECORD_CLAIM, owner);
    record.claim = (struct rs_claim){.from_offset = -1,
                                     .wall_us = INT64_C(1700000000000000),
                                     .fingerprint = UINT64_C(0xfedcba9876543210),
                                     .instance = rs_slice_text("host:4711"),
                                     .version = rs_slice_text("0.1.0")};
    return record;
}

static inline struct rs_state_record test_rebuild(uint8_t owner, int64_t from_offset)
{
    struct rs_state_record record = test_claim(owner);
    record.claim.flags = RS_CLAIM_REBUILD;
    record.claim.from_offset = from_offset;
    return record;
}

static inline struct rs_state_record test_chunk(uint8_t owner, uint64_t batch, uint32_t sequence,
                                                const char *payload)
{
    struct rs_state_record record = test_record(RS_RECORD_CHUNK, owner);
    record.chunk = (struct rs_chunk){.batch = batch, .sequence = sequence, .payload = rs_slice_text(payload)};
    return record;
}

/* A seal whose numbers all differ. */
static inline struct rs_state_record test_seal(uint8_t owner, uint64_t batch, uint32_t chunks,
                                               uint64_t checksum, int64_t next_offset)
{
    struct rs_state_record record = test_record(RS_RECORD_SEAL, owner);
    record.seal = (struct rs_seal_record){
        .batch = batch,
        .chunks = chunks,
        .checksum = checksum,
        .seal = {.next_offset = next_offset,
                 .stream_time_us = INT64_C(1700000000000001),
                 .now_shown_us = INT64_C(1700000000000002),
                 .events = {.consumed = 150,
                            .applied = 100,
                            .late = 20,
                            .duplicate = 15,
                            .rejected = 10,
                            .filtered = 5}},
        .sweep_start = -1,
        .head = rs_slice_text("the head"),
    };
    return record;
}

#endif
