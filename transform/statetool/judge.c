#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "transform/partition/seal.h"
#include "transform/statetool/internal.h"

#define NO_ROW SIZE_MAX

int rs_judge_begin(struct rs_judged_log *log, uint64_t identity, struct rs_error *error)
{
    log->claim_row = NO_ROW;
    log->seal_row = NO_ROW;
    int rc = rs_state_reader_new(identity, &log->reader, error);
    if (rc == 0 && log->engine) {
        rc = rs_partition_new(log->engine, log->stream->index, log->partition, &log->state, error);
    }
    return rc;
}

void rs_judge_fini(struct rs_judged_log *log)
{
    rs_state_reader_free(&log->reader);
    rs_partition_free(&log->state);
    for (size_t i = 0; i < log->row_count; i++) {
        free(log->rows[i].text);
        free(log->rows[i].version);
    }
    free(log->rows);
    log->rows = NULL;
    log->row_count = 0;
}

/* ---- rows ---- */

static int add_row(struct rs_judged_log *log, int64_t offset, size_t size, struct rs_error *error)
{
    struct rs_log_row *rows = rs_array_grow(log->rows, log->row_count, &log->row_capacity, 64, sizeof *rows);
    if (!rows) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    log->rows = rows;
    log->rows[log->row_count++] = (struct rs_log_row){.offset = offset, .size = size};
    return 0;
}

/* A text from the log as a string of its own; NULL: out of memory. */
static char *keep_text(struct rs_slice text)
{
    struct rs_buf printable = {0};
    rs_buf_printable(&printable, text);
    const char *string = rs_buf_cstr(&printable);
    char *kept = string ? strdup(string) : NULL;
    rs_buf_fini(&printable);
    return kept;
}

/* What the record says of itself, kept past the life of its bytes. */
static int describe_row(struct rs_log_row *row, const struct rs_state_record *record, struct rs_error *error)
{
    row->record = *record;
    if (record->kind == RS_RECORD_SEAL) {
        row->record.seal.head.data = NULL;
    } else if (record->kind == RS_RECORD_CHUNK) {
        row->record.chunk.payload.data = NULL;
    } else {
        row->text = keep_text(record->claim.instance);
        row->version = keep_text(record->claim.version);
        row->record.claim.instance = row->record.claim.version = (struct rs_slice){0};
        if (!row->text || !row->version) {
            return rs_fail(error, RS_ENOMEM, "out of memory");
        }
    }
    return 0;
}

/* The fate of the rows of the open batch is known. */
static void settle_open(struct rs_judged_log *log, enum rs_fate fate)
{
    bool any = false;
    for (; log->open_row < log->row_count; log->open_row++) {
        struct rs_log_row *row = &log->rows[log->open_row];
        if (row->fate == RS_FATE_OPEN) {
            row->fate = fate;
            any = true;
        }
    }
    log->unsealed_batches += any && fate == RS_FATE_UNSEALED;
}

/* All rows before the last are. */
static void void_rows(struct rs_judged_log *log, enum rs_fate fate)
{
    log->batches = log->void_batches = log->unsealed_batches = 0;
    for (log->open_row = 0; log->open_row + 1 < log->row_count; log->open_row++) {
        struct rs_log_row *row = &log->rows[log->open_row];
        row->fate = fate;
        log->void_batches += fate == RS_FATE_VOID && row->record.kind == RS_RECORD_SEAL;
    }
    log->seal_row = NO_ROW;
    log->damage = (struct rs_error){0};
    log->restore_error = (struct rs_error){0};
}

/* ---- restoring ---- */

static int restore_batch(struct rs_judged_log *log, struct rs_slice head, struct rs_error *error)
{
    size_t count = 0;
    const struct rs_slice *chunks = rs_state_reader_chunks(log->reader, &count);
    int rc = rs_partition_restore_batch(log->state, head, error);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = rs_partition_restore_chunk(log->state, chunks[i], error);
    }
    return rc;
}

/* What a batch cannot be restored for is told once; the log itself goes on being judged. */
static void restore(struct rs_judged_log *log, const struct rs_state_record *record)
{
    struct rs_error *error = &log->restore_error;
    if (!log->engine || error->code < 0) {
        return;
    }
    if (restore_batch(log, record->seal.head, error) < 0) {
        (void)rs_error_prefix(error, "offset %lld", (long long)log->rows[log->row_count - 1].offset);
    }
}

static int restore_anew(struct rs_judged_log *log, struct rs_error *error)
{
    if (!log->engine) {
        return 0;
    }
    rs_partition_free(&log->state);
    return rs_partition_new(log->engine, log->stream->index, log->partition, &log->state, error);
}

/* ---- records ---- */

static void take_verdict(struct rs_judged_log *log, const struct rs_state_record *record,
                         enum rs_verdict verdict)
{
    size_t at = log->row_count - 1;
    struct rs_log_row *row = &log->rows[at];
    switch (verdict) {
    case RS_VERDICT_REBUILD:
    case RS_VERDICT_CLAIM:
        row->fate = RS_FATE_CLAIM;
        settle_open(log, RS_FATE_UNSEALED);
        log->claims++;
        log->claim_row = at;
        break;
    case RS_VERDICT_CHUNK: row->fate = RS_FATE_OPEN; break;
    case RS_VERDICT_BATCH:
        row->fate = RS_FATE_COUNTS;
        settle_open(log, RS_FATE_COUNTS);
        log->batches++;
        log->seal_row = at;
        restore(log, record);
        break;
    case RS_VERDICT_VOID:
        row->fate = RS_FATE_VOID;
        log->void_batches += record->kind == RS_RECORD_SEAL;
        break;
    }
}

/* The first damage is the reader's to tell; what follows is shown as what it seems to be. */
static int take_damaged(struct rs_judged_log *log, struct rs_slice bytes, const struct rs_error *damage,
                        struct rs_error *error)
{
    struct rs_log_row *row = &log->rows[log->row_count - 1];
    struct rs_state_record record;
    struct rs_error own = {0};
    bool first = log->damage.code == 0;
    bool readable = rs_state_record_read(bytes, &record, &own) == 0;
    row->fate = first ? RS_FATE_DAMAGE : readable ? RS_FATE_BEYOND : RS_FATE_UNREAD;
    int rc = readable ? describe_row(row, &record, error) : 0;
    if (rc == 0 && first) {
        log->damage = *damage;
        settle_open(log, RS_FATE_UNSEALED);
    }
    if (rc == 0 && !readable) {
        row->text = strdup(own.text);
        rc = row->text ? 0 : rs_fail(error, RS_ENOMEM, "out of memory");
    }
    return rc;
}

int rs_judge_record(void *ctx, int64_t offset, struct rs_slice bytes, struct rs_error *error)
{
    struct rs_judged_log *log = ctx;
    struct rs_state_record record;
    enum rs_verdict verdict = RS_VERDICT_VOID;
    struct rs_error damage = {0};
    int rc = add_row(log, offset, bytes.size, error);
    if (rc < 0) {
        return rc;
    }
    rc = rs_state_reader_feed(log->reader, offset, bytes, &record, &verdict, &damage);
    if (rc == RS_ESTATE) {
        return take_damaged(log, bytes, &damage, error);
    }
    if (rc < 0) {
        *error = damage;
        return rc;
    }
    rc = describe_row(&log->rows[log->row_count - 1], &record, error);
    if (rc == 0 && rs_state_reader_anew(log->reader)) {
        void_rows(log, verdict == RS_VERDICT_REBUILD ? RS_FATE_REBUILT : RS_FATE_VOID);
        rc = restore_anew(log, error);
    }
    if (rc == 0) {
        take_verdict(log, &record, verdict);
    }
    return rc;
}

void rs_judge_end(struct rs_judged_log *log)
{
    rs_state_reader_result(log->reader, &log->result);
    int rc = rs_state_reader_end(log->reader, log->first, log->end, &log->damage);
    if (rc == 0 && log->engine && log->restore_error.code == 0 && log->result.sealed) {
        struct rs_buf notes = {0}; /* what a start would tell of changed aggregates */
        rc = rs_partition_restore_end(log->state, &log->result.seal, &notes, &log->restore_error);
        rs_buf_fini(&notes);
    }
    RS_ASSERT(rc == 0 || log->damage.code < 0 || log->restore_error.code < 0);
}
