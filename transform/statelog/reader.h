/* state reader: the records of one state log, first to last, judged: which batches count and what they hold.
 *
 * The rules. A claim takes the log over; whoever wrote the latest claim owns it. A batch counts when all of
 * its records were written by the owner of that moment under that claim, its chunks are complete and its seal
 * is right. What others write after a claim is void; so are chunks that were never sealed before the next
 * claim or the end. Only a verified sweep is trimmed to (protocol.h), so a trimmed log must hold a sweep
 * in full (a seal with sweep_start at or after the log's first offset), or a claim with REBUILD: else state
 * is missing. Its claim is gone: the owner is whoever wrote under the latest claim that the records before
 * the next one name. A broker that falls may give back a part of what was deleted, and with it records of
 * earlier owners: they seem to count until one of a later claim comes, which makes them void.
 *
 * Everything else is damage, and stops the reading: an offset that is missing, a record that is not right, a
 * record of another log, a seal of the owner whose chunks are not all there, a batch number that is skipped.
 * Only a later claim with REBUILD mends it: whoever feeds on hears of the same damage until such a claim
 * comes. A log that begins at offset 0 is whole from its beginning, and begins with a claim. A trimmed one
 * may begin inside a batch, which is then void.
 * Errors: RS_ESTATE, with the offset in the text. RS_ENOMEM, and then the record was not taken: it may come
 * again.
 * Thread: one.
 * Owns: copies of the chunks of the open batch. */
#ifndef RS_TRANSFORM_STATELOG_READER_H
#define RS_TRANSFORM_STATELOG_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "transform/statelog/record.h"

struct rs_state_reader;

/* What a record turned out to be. */
enum rs_verdict {
    RS_VERDICT_CLAIM,   /* takes the log over; chunks open until here are void */
    RS_VERDICT_REBUILD, /* a claim that makes all before it void */
    RS_VERDICT_CHUNK,   /* of the owner: kept until its seal */
    RS_VERDICT_BATCH,   /* a seal that counts: rs_state_reader_chunks has what it seals */
    RS_VERDICT_VOID,    /* not the owner's, or of a batch whose first chunks were trimmed */
};

RS_MUST_USE int rs_state_reader_new(uint64_t identity, struct rs_state_reader **out, struct rs_error *error);
void rs_state_reader_free(struct rs_state_reader **reader);

/* The next record. *record: its parts, which point into `bytes`. */
RS_MUST_USE int rs_state_reader_feed(struct rs_state_reader *reader, int64_t offset, struct rs_slice bytes,
                                     struct rs_state_record *record, enum rs_verdict *verdict,
                                     struct rs_error *error);
/* After RS_VERDICT_BATCH, until the next feed: the payloads of its chunks, in order. */
const struct rs_slice *rs_state_reader_chunks(const struct rs_state_reader *reader, size_t *count);
/* Whether the last record fed made void all that came before it: a REBUILD, or the first of a later owner in
 * a trimmed log. */
bool rs_state_reader_anew(const struct rs_state_reader *reader);

/* After the last record: whether what was read is a whole state. `first`: the log's first offset. `end`: the
 * offset after the last record. RS_ESTATE: records are missing at the end, or what was trimmed is not made
 * good by a sweep. */
RS_MUST_USE int rs_state_reader_end(const struct rs_state_reader *reader, int64_t first, int64_t end,
                                    struct rs_error *error);

struct rs_state_reading {
    bool sealed;          /* at least one batch counts */
    struct rs_seal seal;  /* of the last batch that counts */
    int64_t rebuild_from; /* REBUILD after which nothing is sealed: read the input from here; else -1 */
    int64_t start_from; /* START, while nothing is sealed or rebuilt: as rebuild_from; the first one counts */
    struct rs_owner owner; /* the latest */
    int64_t claim;         /* offset of the latest claim, be it trimmed away or not; -1: none is known */
    int64_t first;         /* offset of the first record; -1: none */
    int64_t sweep_start;   /* of the newest complete sweep, REBUILD claim or the log's very beginning: what is
                              before   may be trimmed; -1: none */
    uint64_t bytes;        /* of all records */
    uint64_t bytes_since;  /* of those from sweep_start on */
    uint64_t sweep_bytes;  /* of the records of the newest complete sweep; 0: none */
};
void rs_state_reader_result(const struct rs_state_reader *reader, struct rs_state_reading *out);

#endif
