/* durable log: the state log's protocol over an append log: claims, batches, seals, sweeps, trims.
 *
 * Claim: append CLAIM, wait for its offset X, read the log up to X; what counts of it (reader.h) is
 * handed to the worker. X is the fencing token. An acknowledgement without an offset, or none at all, is
 * settled by reading the log and looking for the claim's own owner id.
 * Ownership: only the owner writes, so acknowledged offsets are contiguous. At a gap the log is read again:
 * with another claim in it the partition is LOST; else they were records of a former owner that were still
 * under way, which are void. A refused append leaves open what happened: UNSURE, claim again, the log
 * decides.
 * Sweep: begins when the log has grown by twice the live state since the last one began. Only
 * when the seal that ends it is acknowledged with contiguous offsets is the log trimmed, to the sweep's first
 * record; a sweep that another owner had begun is never continued. A trim that is refused (rights) is
 * reported once and tried again later; the log then grows.
 *
 * Thread: as log.h; nothing is shared between workers.
 * Owns: its keys' state. The io is borrowed. */
#ifndef RS_TRANSFORM_STATELOG_PROTOCOL_H
#define RS_TRANSFORM_STATELOG_PROTOCOL_H

#include "base/clock.h"
#include "base/report.h"
#include "schemas/stream.h"
#include "transform/statelog/append_log.h"
#include "transform/statelog/log.h"
#include "transform/statelog/record.h"

struct rs_durable_log;

struct rs_durable_log_options {
    uint32_t workers;
    struct rs_append_log io;
    const struct rs_streams *streams; /* names for identities and messages */
    const struct rs_clock *clock;
    const char *instance; /* host and process, in claims; for people */
    /* Draws an owner id; any worker's thread. NULL: getrandom(2). */
    void (*draw)(void *ctx, struct rs_owner *out);
    void *draw_ctx;
    const uint64_t *fingerprints; /* by stream; in claims, for people */
    uint64_t sweep_floor;         /* bytes below which the log's growth starts no sweep; 0: RS_SWEEP_FLOOR */
    struct rs_report report;      /* on workers' threads */
};

#define RS_SWEEP_FLOOR (UINT64_C(4) << 20)

RS_MUST_USE int rs_durable_log_new(const struct rs_durable_log_options *options, struct rs_durable_log **out,
                                   struct rs_error *error);
void rs_durable_log_free(struct rs_durable_log **log);
struct rs_state_log rs_durable_log_table(struct rs_durable_log *log);

#endif
