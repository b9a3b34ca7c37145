#include "transform/statelog/record.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/reader.h"
#include "base/source.h"
#include "base/utf8.h"

/* The oldest format that this version reads. */
#define RS_RECORD_OLDEST 1
#define HEAD_BYTES       40
#define SUM_BYTES        8
/* Of host and version, which are for people: a longer text is cut. */
#define TEXT_MAX 255

static const uint8_t magic[3] = {'R', 'S', 'L'};

uint64_t rs_state_identity(const char *group, const char *input, int32_t partition)
{
    /* Each hash is the seed of the next, so that ("ab", "c") and ("a", "bc") differ. */
    uint32_t little = htole32((uint32_t)partition);
    uint64_t hash = XXH3_64bits(group, strlen(group));
    hash = XXH3_64bits_withSeed(input, strlen(input), hash);
    return XXH3_64bits_withSeed(&little, sizeof little, hash);
}

uint64_t rs_chunk_sum(uint64_t so_far, uint64_t sum)
{
    const uint64_t both[2] = {htole64(so_far), htole64(sum)};
    return XXH3_64bits(both, sizeof both);
}

/* ---- writing ---- */

static void write_text(struct rs_slice text, struct rs_buf *out)
{
    size_t size = text.size <= TEXT_MAX ? text.size : rs_utf8_cut(text.data, TEXT_MAX);
    rs_buf_char(out, (char)(size & 0xff));
    rs_buf_char(out, (char)(size >> 8));
    rs_buf_put(out, text.data, size);
}

static void write_claim(const struct rs_claim *claim, struct rs_buf *out)
{
    rs_write_u32(out, claim->flags);
    rs_write_i64(out, claim->from_offset);
    rs_write_i64(out, claim->wall_us);
    rs_write_u64(out, claim->fingerprint);
    write_text(claim->instance, out);
    write_text(claim->version, out);
}

static void write_chunk(const struct rs_chunk *chunk, struct rs_buf *out)
{
    rs_write_u64(out, chunk->batch);
    rs_write_u32(out, chunk->sequence);
    rs_buf_put(out, chunk->payload.data, chunk->payload.size);
}

static void write_seal(const struct rs_seal_record *record, struct rs_buf *out)
{
    const struct rs_seal *seal = &record->seal;
    const struct rs_accounting *e = &seal->events;
    rs_write_u64(out, record->batch);
    rs_write_u32(out, record->chunks);
    rs_write_u64(out, record->checksum);
    rs_write_i64(out, seal->next_offset);
    rs_write_i64(out, seal->stream_time_us);
    rs_write_i64(out, seal->now_shown_us);
    const uint64_t counts[] = {e->consumed, e->applied, e->late, e->duplicate, e->rejected, e->filtered};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        rs_write_u64(out, counts[i]);
    }
    rs_write_i64(out, record->sweep_start);
    rs_buf_put(out, record->head.data, record->head.size);
}

/* No length is written: payload and head are what lies between the fixed part and the checksum of a record
 * whose length Kafka keeps. */
uint64_t rs_state_record_write(const struct rs_state_record *record, struct rs_buf *out)
{
    size_t start = out->size;
    const uint8_t head[] = {magic[0], magic[1], magic[2], RS_RECORD_FORMAT, (uint8_t)record->kind, 0, 0, 0};
    rs_buf_put(out, head, sizeof head);
    rs_write_u64(out, record->identity);
    rs_buf_put(out, record->owner.bytes, sizeof record->owner.bytes);
    rs_write_i64(out, record->kind == RS_RECORD_CLAIM ? -1 : record->token);
    switch (record->kind) {
    case RS_RECORD_CLAIM: write_claim(&record->claim, out); break;
    case RS_RECORD_CHUNK: write_chunk(&record->chunk, out); break;
    case RS_RECORD_SEAL: write_seal(&record->seal, out); break;
    }
    uint64_t sum = out->failed ? 0 : XXH3_64bits(out->data + start, out->size - start);
    rs_write_u64(out, sum);
    return sum;
}

/* ---- reading ---- */

static struct rs_slice read_text(struct rs_reader *reader)
{
    struct rs_slice size = rs_read_bytes(reader, 2);
    return rs_read_bytes(reader, size.data ? (size_t)(size.data[0] | size.data[1] << 8) : 0);
}

/* A flag that this version does not know may say anything about the records before, so the claim is
 * refused and not half understood. */
static int read_claim(struct rs_reader *reader, struct rs_claim *claim, struct rs_error *error)
{
    claim->flags = rs_read_u32(reader);
    claim->from_offset = rs_read_i64(reader);
    claim->wall_us = rs_read_i64(reader);
    claim->fingerprint = rs_read_u64(reader);
    claim->instance = read_text(reader);
    claim->version = read_text(reader);
    if (reader->failed || reader->rest.size > 0) {
        return rs_fail(error, RS_ESTATE, "a claim of a wrong length");
    }
    const uint32_t known = RS_CLAIM_REBUILD | RS_CLAIM_START;
    if (claim->flags & ~known || claim->flags == known) {
        return rs_fail(error, RS_ESTATE,
                       "a claim with flags %#x, of which this version knows %#x, one at a time", claim->flags,
                       known);
    }
    bool from_right = claim->from_offset >= 0 || claim->from_offset == RS_OFFSET_BEGINNING;
    if (claim->flags != 0 ? !from_right : claim->from_offset != -1) {
        return rs_fail(error, RS_ESTATE, "a claim that begins the input at offset %lld",
                       (long long)claim->from_offset);
    }
    return 0;
}

static int read_chunk(struct rs_reader *reader, struct rs_chunk *chunk, struct rs_error *error)
{
    chunk->batch = rs_read_u64(reader);
    chunk->sequence = rs_read_u32(reader);
    chunk->payload = reader->rest;
    if (reader->failed) {
        return rs_fail(error, RS_ESTATE, "a chunk of a wrong length");
    }
    return chunk->batch > 0 ? 0 : rs_fail(error, RS_ESTATE, "a chunk of batch 0");
}

/* In the order of write_seal; the layout is in record.h. */
static int read_seal(struct rs_reader *reader, struct rs_seal_record *record, struct rs_error *error)
{
    struct rs_seal *seal = &record->seal;
    struct rs_accounting *e = &seal->events;
    record->batch = rs_read_u64(reader);
    record->chunks = rs_read_u32(reader);
    record->checksum = rs_read_u64(reader);
    seal->next_offset = rs_read_i64(reader);
    seal->stream_time_us = rs_read_i64(reader);
    seal->now_shown_us = rs_read_i64(reader);
    uint64_t *counts[] = {&e->consumed, &e->applied, &e->late, &e->duplicate, &e->rejected, &e->filtered};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        *counts[i] = rs_read_u64(reader);
    }
    record->sweep_start = rs_read_i64(reader);
    record->head = reader->rest;
    if (reader->failed) {
        return rs_fail(error, RS_ESTATE, "a seal of a wrong length");
    }
    if (record->batch == 0) {
        return rs_fail(error, RS_ESTATE, "a seal of batch 0");
    }
    if (record->sweep_start < -1) {
        return rs_fail(error, RS_ESTATE, "a seal whose sweep begins at offset %lld",
                       (long long)record->sweep_start);
    }
    return 0;
}

/* Magic, length and checksum come first: only bytes that somebody wrote as they stand are worth a closer
 * look, and a newer format is told from a damaged byte. */
static int check_frame(struct rs_slice bytes, uint64_t *sum, struct rs_error *error)
{
    if (bytes.size < sizeof magic || memcmp(bytes.data, magic, sizeof magic) != 0) {
        return rs_fail(error, RS_ESTATE, "this is not a record of a state log");
    }
    if (bytes.size < HEAD_BYTES + SUM_BYTES) {
        return rs_fail(error, RS_ESTATE, "the record is cut short: %zu bytes", bytes.size);
    }
    size_t body = bytes.size - SUM_BYTES;
    struct rs_reader tail = {.rest = rs_slice_of(bytes.data + body, SUM_BYTES)};
    *sum = rs_read_u64(&tail);
    if (*sum != XXH3_64bits(bytes.data, body)) {
        return rs_fail(error, RS_ESTATE, "the record is damaged: its checksum does not match");
    }
    if (bytes.data[3] > RS_RECORD_FORMAT) {
        return rs_fail(error, RS_ESTATE,
                       "the record has format %d; this version reads up to %d: start the version that wrote "
                       "it, or rebuild",
                       bytes.data[3], RS_RECORD_FORMAT);
    }
    if (bytes.data[3] < RS_RECORD_OLDEST) {
        return rs_fail(error, RS_ESTATE, "the record has format %d; this version reads from %d on: rebuild",
                       bytes.data[3], RS_RECORD_OLDEST);
    }
    if (bytes.data[5] != 0 || bytes.data[6] != 0 || bytes.data[7] != 0) {
        return rs_fail(error, RS_ESTATE, "the record has bytes set that are zero in format %d",
                       RS_RECORD_FORMAT);
    }
    return 0;
}

int rs_state_record_read(struct rs_slice bytes, struct rs_state_record *out, struct rs_error *error)
{
    struct rs_state_record record = {0};
    int rc = check_frame(bytes, &record.sum, error);
    if (rc < 0) {
        return rc;
    }
    /* check_frame saw to it that the head is there. */
    struct rs_reader reader = {.rest = rs_slice_of(bytes.data + 8, bytes.size - 8 - SUM_BYTES)};
    record.identity = rs_read_u64(&reader);
    struct rs_slice owner = rs_read_bytes(&reader, sizeof record.owner.bytes);
    RS_ASSERT(owner.data);
    memcpy(record.owner.bytes, owner.data, sizeof record.owner.bytes);
    record.token = rs_read_i64(&reader);
    record.kind = (enum rs_record_kind)bytes.data[4];
    switch (record.kind) {
    case RS_RECORD_CLAIM: rc = read_claim(&reader, &record.claim, error); break;
    case RS_RECORD_CHUNK: rc = read_chunk(&reader, &record.chunk, error); break;
    case RS_RECORD_SEAL: rc = read_seal(&reader, &record.seal, error); break;
    default: rc = rs_fail(error, RS_ESTATE, "a record of the unknown kind %d", bytes.data[4]); break;
    }
    if (rc == 0 && (record.kind == RS_RECORD_CLAIM ? record.token != -1 : record.token < 0)) {
        rc = rs_fail(error, RS_ESTATE, "a record under a claim at offset %lld", (long long)record.token);
    }
    if (rc == 0) {
        *out = record;
    }
    return rc;
}
