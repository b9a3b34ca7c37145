/* redis piece: operations of a batch as plain commands, to stand between MULTI and EXEC, and what has to be read
 * before they may. They leave in Redis what write_batch.lua would, once these hold, and hold until EXEC:
 *
 *   the fence is what the batch's partition wrote last, and lets the batch pass;
 *   the consumer group is this cluster's, and all aggregates of the stream are this consumer group's;
 *   groups of histories and of first publications are this partition's already.
 *
 * What asks for more is left to the script: deletions, and first publications of groups that nobody has yet.
 * Pieces are cut by what they cost Redis, about 0.3 ms each: it serves nobody else meanwhile.
 * Thread: one.
 * Owns: its buffers; borrows metas and prefix. */
#ifndef RS_SINK_REDIS_PIECE_H
#define RS_SINK_REDIS_PIECE_H

#include "sink/redis/script.h"

struct rs_redis_piece {
    struct rs_view_batch *batch; /* NULL: there is none */
    struct rs_redis_cursor from, to;
    bool last;               /* of its batch */
    bool first;              /* it holds first publications */
    struct rs_buf conflicts; /* as the batch's: reserved keys, which are not written */
    uint32_t commands;       /* in `body`; the first sets the fence */
    struct rs_buf
        reads; /* what judges names and owners: one HMGET and then one for each aggregate of the stream */
    uint32_t read_count;
    struct rs_buf body;
};
void rs_redis_piece_fini(struct rs_redis_piece *piece);

/* See rs_redis_op_cost: 60 views of ten fields, 0.3 ms. */
#define RS_REDIS_PIECE_COST 1400

struct rs_redis_piecer;
RS_MUST_USE int rs_redis_piecer_new(const char *prefix, const struct rs_aggregate_meta *metas, size_t count,
                                    struct rs_redis_piecer **out, struct rs_error *error);
void rs_redis_piecer_free(struct rs_redis_piecer **piecer);
/* Before the first piece; both as they are, unencoded. RS_ENOMEM. */
RS_MUST_USE int rs_redis_piecer_identify(struct rs_redis_piecer *piecer, const char *group,
                                         const char *cluster, struct rs_error *error);

/* What is next in `batch`. `firsts`: with first publications, as far as their groups are ours already. Ends with
 * the operation that brings its cost to `cost`. False:
 * it is the script's, too little to be worth it, or memory is short; there is no piece then. */
bool rs_redis_piece_pack(struct rs_redis_piecer *piecer, struct rs_view_batch *batch,
                         const struct rs_redis_cursor *from, bool firsts, uint32_t cost,
                         struct rs_redis_piece *out);

/* Appends WATCH, the piece's reads, GET of the fence, and MULTI: rs_redis_piece_answers of them. */
void rs_redis_piece_arm(struct rs_redis_piecer *piecer, const struct rs_redis_piece *piece,
                        struct rs_buf *out);
uint32_t rs_redis_piece_answers(const struct rs_redis_piece *piece);

/* Whether answer number `at` of those lets the piece be written. An answer that does not has to be followed by
 * DISCARD once all are there. `held`: the fence that is expected. Errors are the caller's. */
bool rs_redis_piece_permits(const struct rs_redis_piecer *piecer, const struct rs_redis_piece *piece,
                            uint32_t at, const redisReply *answer, const struct rs_redis_fence *held);

#endif
