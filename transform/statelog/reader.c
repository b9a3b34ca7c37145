#include "transform/statelog/reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/buf.h"

/* Where a batch of the owner begins, and how many bytes stand before it. */
struct start {
    int64_t offset;
    uint64_t before;
};

struct rs_state_reader {
    uint64_t identity;
    int64_t first; /* -1: nothing was read */
    int64_t next;
    bool claimed;  /* a claim was read: the owner is known, and not presumed */
    bool anew;     /* the last record made void what came before it */
    bool numbered; /* sealed_batch is known; not where a log was trimmed */
    bool headless; /* the open batch lost its first chunks to a trim */
    bool open;     /* a chunk came whose seal has not */
    bool whole;    /* a sweep, a rebuild or the very beginning is here: nothing of the state is missing */
    bool damaged;  /* `damage` says how; a REBUILD mends it */
    bool doubtful; /* it is damage only if the presumed owner is the owner */
    uint64_t sealed_batch; /* of the owner; 0: none yet */
    uint64_t open_batch;
    uint64_t open_sum;
    uint32_t open_chunks;
    struct rs_buf payloads;  /* of the open batch, one behind the other */
    struct rs_slice *chunks; /* their extents; data is set when the seal is there */
    size_t chunk_count, chunk_capacity;
    struct start *starts; /* of batches since the owner's claim, ascending */
    size_t start_count, start_capacity;
    struct rs_state_reading reading;
    uint64_t before_sweep; /* bytes before reading.sweep_start */
    struct rs_error damage;
};

int rs_state_reader_new(uint64_t identity, struct rs_state_reader **out, struct rs_error *error)
{
    struct rs_state_reader *r = calloc(1, sizeof *r);
    if (!r) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    r->identity = identity;
    r->first = -1;
    r->reading = (struct rs_state_reading){
        .rebuild_from = -1, .start_from = -1, .claim = -1, .first = -1, .sweep_start = -1};
    *out = r;
    return 0;
}

void rs_state_reader_free(struct rs_state_reader **reader)
{
    struct rs_state_reader *r = *reader;
    if (r) {
        rs_buf_fini(&r->payloads);
        free(r->chunks);
        free(r->starts);
        free(r);
        *reader = NULL;
    }
}

const struct rs_slice *rs_state_reader_chunks(const struct rs_state_reader *reader, size_t *count)
{
    *count = reader->chunk_count;
    return reader->chunks;
}

bool rs_state_reader_anew(const struct rs_state_reader *reader)
{
    return reader->anew;
}

void rs_state_reader_result(const struct rs_state_reader *reader, struct rs_state_reading *out)
{
    *out = reader->reading;
    out->bytes_since = out->sweep_start >= 0 ? out->bytes - reader->before_sweep : 0;
}

/* ---- memory ---- */

/* Everything that taking `record` may need, so that a failure changes nothing. */
static int reserve(struct rs_state_reader *r, const struct rs_state_record *record, struct rs_error *error)
{
    size_t more = record->kind == RS_RECORD_CHUNK ? record->chunk.payload.size : 0;
    struct rs_slice *chunks =
        rs_array_grow(r->chunks, r->chunk_count, &r->chunk_capacity, 16, sizeof *chunks);
    r->chunks = chunks ? chunks : r->chunks;
    struct start *starts = rs_array_grow(r->starts, r->start_count, &r->start_capacity, 16, sizeof *starts);
    r->starts = starts ? starts : r->starts;
    bool enough = chunks && starts && rs_buf_reserve(&r->payloads, more);
    r->payloads.failed = false;
    return enough ? 0 : rs_fail(error, RS_ENOMEM, "out of memory for a batch of the state log");
}

static void close_batch(struct rs_state_reader *r)
{
    r->open = false;
    r->headless = false;
    r->open_sum = 0;
    r->open_chunks = 0;
}

/* The payloads of the last batch stay until the next feed. */
static void forget_payloads(struct rs_state_reader *r)
{
    if (!r->open) {
        rs_buf_reset(&r->payloads);
        r->chunk_count = 0;
    }
}

/* ---- claims ---- */

static void take_over(struct rs_state_reader *r, int64_t token, const struct rs_owner *owner)
{
    close_batch(r);
    forget_payloads(r);
    r->sealed_batch = 0;
    r->start_count = 0;
    r->reading.owner = *owner;
    r->reading.claim = token;
}

static void begin_anew(struct rs_state_reader *r)
{
    r->anew = true;
    r->damaged = r->doubtful = false;
    r->whole = false;
    r->reading.sealed = false;
    r->reading.seal = (struct rs_seal){0};
    r->reading.start_from = -1;
    r->reading.sweep_start = -1;
    r->reading.sweep_bytes = 0;
}

static void sweep_from(struct rs_state_reader *r, int64_t offset, uint64_t before, uint64_t bytes)
{
    r->whole = true;
    r->before_sweep = before;
    r->reading.sweep_start = offset;
    r->reading.sweep_bytes = bytes;
}

static enum rs_verdict take_claim(struct rs_state_reader *r, int64_t offset,
                                  const struct rs_state_record *record)
{
    take_over(r, offset, &record->owner);
    r->claimed = true;
    r->numbered = true;
    if (!(record->claim.flags & RS_CLAIM_REBUILD)) {
        if (record->claim.flags & RS_CLAIM_START && !r->reading.sealed && r->reading.start_from == -1) {
            r->reading.start_from = record->claim.from_offset;
        }
        return RS_VERDICT_CLAIM;
    }
    begin_anew(r);
    r->reading.rebuild_from = record->claim.from_offset;
    sweep_from(r, offset, r->reading.bytes, 0);
    return RS_VERDICT_REBUILD;
}

/* Before the first claim of a trimmed log: a record of another owner than the presumed one, and of a later
 * claim. One that was made where this log has records would be among them: then the record is of a topic that
 * was here before. */
static bool supersedes(const struct rs_state_reader *r, int64_t offset, const struct rs_state_record *record)
{
    int64_t first = r->first < 0 ? offset : r->first;
    return !r->claimed && record->kind != RS_RECORD_CLAIM && record->token > r->reading.claim &&
           record->token < first;
}

static void presume(struct rs_state_reader *r, const struct rs_state_record *record)
{
    if (r->reading.claim >= 0) {
        begin_anew(r);
    }
    take_over(r, record->token, &record->owner);
    r->numbered = false;
}

/* ---- batches ---- */

static void begin_batch(struct rs_state_reader *r, int64_t offset, uint64_t batch)
{
    r->open = true;
    r->open_batch = batch;
    r->starts[r->start_count++] = (struct start){.offset = offset, .before = r->reading.bytes};
}

/* The first batch of a trimmed log may have lost its first chunks: a broker that fell before it had noted the
 * trim gives back what stood before, from wherever its file began. What is left of such a batch is worth
 * nothing, and it takes a sweep to be without it. */
static void begin_headless(struct rs_state_reader *r, uint64_t batch, uint32_t chunks)
{
    r->open = true;
    r->headless = true;
    r->open_batch = batch;
    r->open_chunks = chunks;
}

/* Opens the batch that this chunk or seal, which has `chunks` before it, belongs to. */
static int open_batch(struct rs_state_reader *r, int64_t offset, uint64_t batch, uint32_t chunks,
                      struct rs_error *error)
{
    if (r->open) {
        return r->open_batch == batch
                   ? 0
                   : rs_fail(error, RS_ESTATE,
                             "batch %llu begins before batch %llu of the same owner was sealed",
                             (unsigned long long)batch, (unsigned long long)r->open_batch);
    }
    if (!r->numbered && chunks > 0) {
        begin_headless(r, batch, chunks);
    } else if (r->numbered && batch != r->sealed_batch + 1) {
        return rs_fail(error, RS_ESTATE, "batch %llu where batch %llu of its owner is due",
                       (unsigned long long)batch, (unsigned long long)r->sealed_batch + 1);
    } else {
        begin_batch(r, offset, batch);
    }
    return 0;
}

/* Chunks are kept by size alone, since `payloads` may move while it grows: place_chunks gives them
 * addresses when the seal is there. */
static int take_chunk(struct rs_state_reader *r, int64_t offset, const struct rs_state_record *record,
                      enum rs_verdict *verdict, struct rs_error *error)
{
    const struct rs_chunk *chunk = &record->chunk;
    int rc = open_batch(r, offset, chunk->batch, chunk->sequence, error);
    if (rc == 0 && chunk->sequence != r->open_chunks) {
        rc = rs_fail(error, RS_ESTATE, "chunk %u of batch %llu where its chunk %u is due", chunk->sequence,
                     (unsigned long long)chunk->batch, r->open_chunks);
    }
    if (rc < 0) {
        return rc;
    }
    r->open_chunks++;
    if (r->headless) {
        *verdict = RS_VERDICT_VOID;
        return 0;
    }
    r->open_sum = rs_chunk_sum(r->open_sum, record->sum);
    rs_buf_put(&r->payloads, chunk->payload.data, chunk->payload.size);
    r->chunks[r->chunk_count++] = (struct rs_slice){.size = chunk->payload.size};
    *verdict = RS_VERDICT_CHUNK;
    return 0;
}

/* The sum of a batch without its first chunks cannot be right; their number can, since chunks are
 * numbered. */
static int check_seal(const struct rs_state_reader *r, int64_t offset, const struct rs_seal_record *seal,
                      struct rs_error *error)
{
    if (seal->chunks != r->open_chunks) {
        return rs_fail(error, RS_ESTATE, "the seal of batch %llu is for %u chunks, and %u are there",
                       (unsigned long long)seal->batch, seal->chunks, r->open_chunks);
    }
    if (!r->headless && seal->checksum != r->open_sum) {
        return rs_fail(error, RS_ESTATE, "the checksum in the seal of batch %llu is not that of its chunks",
                       (unsigned long long)seal->batch);
    }
    if (seal->sweep_start > offset) {
        return rs_fail(error, RS_ESTATE, "a seal whose sweep begins later, at offset %lld",
                       (long long)seal->sweep_start);
    }
    return 0;
}

static const struct start *find_start(const struct rs_state_reader *r, int64_t offset)
{
    size_t low = 0;
    size_t high = r->start_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (r->starts[middle].offset < offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < r->start_count && r->starts[low].offset == offset ? &r->starts[low] : NULL;
}

static void place_chunks(struct rs_state_reader *r)
{
    const uint8_t *at = r->payloads.data;
    for (size_t i = 0; i < r->chunk_count; i++) {
        r->chunks[i].data = at;
        at += r->chunks[i].size;
    }
}

/* A sweep is complete here only if a batch of this very owner begins where it says: what a predecessor had
 * swept, or what was trimmed since, is not counted. Nor is a start that the owner foresaw wrongly because
 * somebody else's record came between. */
static void count_batch(struct rs_state_reader *r, const struct rs_seal_record *seal, uint64_t size)
{
    const struct start *start = find_start(r, seal->sweep_start);
    r->reading.sealed = true;
    r->reading.seal = seal->seal;
    r->reading.start_from = -1;
    r->reading.rebuild_from = -1;
    if (start) {
        sweep_from(r, start->offset, start->before, r->reading.bytes + size - start->before);
    }
    place_chunks(r);
}

/* A seal without chunks opens its batch itself. Also the seal of a batch that counts for nothing tells its
 * number, from which on those that follow are checked. */
static int take_seal(struct rs_state_reader *r, int64_t offset, const struct rs_state_record *record,
                     uint64_t size, enum rs_verdict *verdict, struct rs_error *error)
{
    const struct rs_seal_record *seal = &record->seal;
    int rc = open_batch(r, offset, seal->batch, seal->chunks, error);
    if (rc == 0) {
        rc = check_seal(r, offset, seal, error);
    }
    if (rc < 0) {
        return rc;
    }
    *verdict = r->headless ? RS_VERDICT_VOID : RS_VERDICT_BATCH;
    if (!r->headless) {
        count_batch(r, seal, size);
    }
    r->numbered = true;
    r->sealed_batch = seal->batch;
    close_batch(r);
    return 0;
}

/* ---- records ---- */

/* A claim takes over whatever came before. All else counts only if it is the owner's: what a former owner
 * still had under way is void, and no damage. */
static int judge(struct rs_state_reader *r, int64_t offset, const struct rs_state_record *record,
                 uint64_t size, enum rs_verdict *verdict, struct rs_error *error)
{
    if (record->kind == RS_RECORD_CLAIM) {
        *verdict = take_claim(r, offset, record);
        return 0;
    }
    if (!r->claimed && offset == 0) {
        /* Nothing was trimmed here, so its writer claimed another log, which was here before this one. */
        return rs_fail(error, RS_ESTATE,
                       "the log does not begin with a claim: its topic was deleted and made again while an "
                       "instance was writing to it");
    }
    if (supersedes(r, offset, record)) {
        presume(r, record);
    }
    if (record->token != r->reading.claim ||
        memcmp(&record->owner, &r->reading.owner, sizeof record->owner) != 0) {
        *verdict = RS_VERDICT_VOID;
        return 0;
    }
    return record->kind == RS_RECORD_CHUNK ? take_chunk(r, offset, record, verdict, error)
                                           : take_seal(r, offset, record, size, verdict, error);
}

static bool rebuilds(const struct rs_state_record *record)
{
    return record->kind == RS_RECORD_CLAIM && record->claim.flags & RS_CLAIM_REBUILD;
}

/* What is right in itself, and comes next. A rebuild may stand behind anything. */
static int read_record(const struct rs_state_reader *r, int64_t offset, struct rs_slice bytes,
                       struct rs_state_record *record, struct rs_error *error)
{
    int rc = rs_state_record_read(bytes, record, error);
    if (rc == 0 && record->identity != r->identity) {
        rc = rs_fail(error, RS_ESTATE, "the record belongs to another group, stream or partition");
    }
    if (rc == 0 && r->first >= 0 && offset != r->next && !rebuilds(record)) {
        rc = rs_fail(error, RS_ESTATE, "the record follows offset %lld: others are missing, or came twice",
                     (long long)r->next - 1);
    }
    return rc;
}

static void note_record(struct rs_state_reader *r, int64_t offset, size_t size)
{
    if (r->first < 0) {
        r->first = offset;
        r->reading.first = offset;
    }
    r->next = offset + 1;
    r->reading.bytes += size;
    if (r->first == 0 && r->reading.sweep_start < 0) {
        sweep_from(r, 0, 0, 0);
    }
}

static int note_damage(struct rs_state_reader *r, int64_t offset, struct rs_error *error)
{
    (void)rs_error_prefix(error, "offset %lld", (long long)offset);
    r->damaged = true;
    r->damage = *error;
    return error->code;
}

static bool mends(const struct rs_state_reader *r, int64_t offset, const struct rs_state_record *record)
{
    return rebuilds(record) || (r->doubtful && supersedes(r, offset, record));
}

/* All memory is reserved before anything is decided, so that the same record can come again after RS_ENOMEM. Behind
 * damage records are only counted, until one comes that mends it. */
int rs_state_reader_feed(struct rs_state_reader *reader, int64_t offset, struct rs_slice bytes,
                         struct rs_state_record *record, enum rs_verdict *verdict, struct rs_error *error)
{
    struct rs_state_reader *r = reader;
    RS_ASSERT(offset >= 0);
    forget_payloads(r);
    r->anew = false;
    int rc = read_record(r, offset, bytes, record, error);
    bool readable = rc == 0;
    bool passed_by = r->damaged && !(readable && mends(r, offset, record));
    if (rc == 0 && !passed_by) {
        rc = reserve(r, record, error);
        if (rc < 0) {
            return rc;
        }
        rc = judge(r, offset, record, bytes.size, verdict, error);
    }
    note_record(r, offset, bytes.size);
    if (passed_by) {
        /* What cannot be read may have been a claim: from either on the owner is no longer in doubt. */
        r->doubtful = r->doubtful && readable && record->kind != RS_RECORD_CLAIM;
        *error = r->damage;
        return error->code;
    }
    r->doubtful = rc != 0 && readable && !r->claimed;
    return rc == 0 ? 0 : note_damage(r, offset, error);
}

/* ---- the end ---- */

static int missing(struct rs_error *error, int64_t from, int64_t to)
{
    return rs_fail(error, RS_ESTATE,
                   "offset %lld: the log's records from here to offset %lld could not be read",
                   (long long)from, (long long)to - 1);
}

/* Whole means: read from the log's first offset on, to the end, and either never trimmed or with a full
 * state since. If the log was trimmed while it was read (`first` further on than our beginning), what was
 * read still counts. */
int rs_state_reader_end(const struct rs_state_reader *reader, int64_t first, int64_t end,
                        struct rs_error *error)
{
    const struct rs_state_reader *r = reader;
    if (r->damaged) {
        *error = r->damage;
        return error->code;
    }
    int64_t begun = r->first < 0 ? end : r->first;
    if (first < begun) {
        return missing(error, first, begun);
    }
    if (r->first >= 0 && r->next < end) {
        return missing(error, r->next, end);
    }
    if (first > 0 && !r->whole) {
        return rs_fail(
            error, RS_ESTATE,
            "offset %lld: what stood before this was deleted, and no sweep since then has the whole "
            "state; the topic's retention must be unlimited (retention.ms and retention.bytes -1)",
            (long long)first);
    }
    return 0;
}
