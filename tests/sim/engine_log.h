/* engine log: the state log of engine_sim, reduced to what the engine sees of it: sealed batches, kept from
 * the beginning of the newest complete sweep on. */
#ifndef RS_TESTS_ENGINE_LOG_H
#define RS_TESTS_ENGINE_LOG_H

#include "transform/partition/seal.h"

struct engine_batch {
    struct rs_seal seal;
    struct rs_buf head;
    struct rs_buf chunks; /* u32 size and bytes of each */
};

struct engine_log {
    struct engine_batch *batches;
    size_t count, capacity;
    size_t sweep_from; /* batch in which the sweep under way began */
    bool sweeping, open;
    struct engine_batch filling;
};

/* The batch that is open is given up, as by a crash. */
void engine_log_give_up(struct engine_log *log);
void engine_log_free(struct engine_log *log);
void engine_log_begin(struct engine_log *log, struct rs_partition *p, struct rs_state_plan plan);
/* False: it failed. */
bool engine_log_step(struct engine_log *log, struct rs_partition *p);
RS_MUST_USE int engine_log_restore_batch(const struct engine_batch *batch, struct rs_partition *fresh,
                                         struct rs_error *error);
/* Into a fresh partition; with an empty log it is enabled. *next: input offset to go on from. */
RS_MUST_USE int engine_log_restore(const struct engine_log *log, struct rs_partition *fresh, int64_t *next,
                                   struct rs_error *error);

#endif
