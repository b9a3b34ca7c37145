/* state record: what stands in a state log, byte by byte. All numbers little-endian.
 *
 *   0  "RSL"        magic
 *   3  u8           format, RS_RECORD_FORMAT
 *   4  u8           kind
 *   5  3 bytes      zero
 *   8  u64          identity: XXH3-64 of group, input, partition, each the seed of the next
 *                   (rs_state_identity): whose log this is
 *  16  16 bytes     owner: drawn at random for each claim
 *  32  i64          offset of the owner's claim, its fencing token; of a CLAIM, which does not know it yet: -1
 *  40  body         of the kind, below
 *      u64          XXH3-64 of all bytes before
 *
 *   CLAIM  u32 flags | i64 from_offset | i64 wall_us | u64 fingerprint |
 *          u16 n, n bytes instance | u16 n, n bytes version
 *   CHUNK  u64 batch | u32 sequence | rest: payload
 *   SEAL   u64 batch | u32 chunks | u64 checksum | i64 next_offset | i64 stream_time | i64 now_shown |
 *          u64 consumed applied late duplicate rejected filtered | i64 sweep_start | rest: head
 *
 * Batches of an owner are numbered from 1, chunks of a batch from 0. `checksum` is rs_chunk_sum over its
 * chunk records. Payload and head are the engine's (seal.h). Instance and version are cut at 255 bytes; they
 * are for people, and may be any bytes: whoever shows them escapes them.
 * Every format keeps the first four bytes and the checksum at the end, so that a newer record is told from a
 * damaged one.
 *
 * Thread: any; nothing is kept.
 * Errors: RS_ESTATE, with a text that says what is wrong; the caller puts topic, partition and offset in
 * front. */
#ifndef RS_TRANSFORM_STATELOG_RECORD_H
#define RS_TRANSFORM_STATELOG_RECORD_H

#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"
#include "transform/statelog/log.h"

#define RS_RECORD_FORMAT 1

enum rs_record_kind { RS_RECORD_CLAIM = 1, RS_RECORD_CHUNK = 2, RS_RECORD_SEAL = 3 };

/* Flags of a claim. */
#define RS_CLAIM_REBUILD 1u /* all before it is void: the state begins empty, the input at from_offset */
#define RS_CLAIM_START                                                                                       \
    2u /* if there is no state, and no claim before says otherwise, the input begins there */

struct rs_owner {
    uint8_t bytes[16];
};

struct rs_claim {
    uint32_t flags;
    int64_t from_offset;  /* REBUILD and START, else -1; of REBUILD it may be RS_OFFSET_BEGINNING */
    int64_t wall_us;      /* for people */
    uint64_t fingerprint; /* of the configuration of the stream and its aggregates; for people and tools */
    struct rs_slice instance; /* host, process; for people */
    struct rs_slice version;  /* of the program */
};

struct rs_chunk {
    uint64_t batch;
    uint32_t sequence;
    struct rs_slice payload;
};

struct rs_seal_record {
    uint64_t batch;
    uint32_t chunks;
    uint64_t checksum;
    struct rs_seal seal;
    int64_t sweep_start; /* offset of the first record of the sweep that this batch completes; -1: it
                            completes none */
    struct rs_slice head;
};

struct rs_state_record {
    enum rs_record_kind kind;
    uint64_t identity;
    struct rs_owner owner;
    int64_t token; /* offset of the owner's claim; CLAIM: -1 */
    uint64_t sum;  /* the record's own XXH3-64 */
    union {
        struct rs_claim claim;
        struct rs_chunk chunk;
        struct rs_seal_record seal;
    };
};

uint64_t rs_state_identity(const char *group, const char *input, int32_t partition);

/* Appends the record's bytes; sum is not read, nor a claim's token. Returns the record's XXH3-64. Failure is
 * in out->failed. */
uint64_t rs_state_record_write(const struct rs_state_record *record, struct rs_buf *out);
/* Slices point into `bytes`. Everything is checked but identity and order. */
RS_MUST_USE int rs_state_record_read(struct rs_slice bytes, struct rs_state_record *out,
                                     struct rs_error *error);

/* One step of a seal's checksum over the sums of its chunks; begins with 0: XXH3-64 of both numbers in turn.
 */
uint64_t rs_chunk_sum(uint64_t so_far, uint64_t sum);

#endif
