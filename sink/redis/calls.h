/* redis calls: what was sent over a connection and is not answered yet. Redis answers in the order in which it
 * was asked, so answers need no names: each is that of the oldest call, which may have several.
 * Thread: the writer's.
 * Limits: RS_REDIS_INFLIGHT_CALLS calls; RS_REDIS_INFLIGHT_BYTES bytes, over which the last call may go. */
#ifndef RS_SINK_REDIS_CALLS_H
#define RS_SINK_REDIS_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/view.h"

#define RS_REDIS_INFLIGHT_CALLS 64
#define RS_REDIS_INFLIGHT_BYTES ((size_t)1 << 20)

/* ARM, PIECE, DISCARD: what begins, is and ends a transaction, see native.c. */
enum rs_redis_call_kind {
    RS_CALL_BATCH,
    RS_CALL_SCAN,
    RS_CALL_META,
    RS_CALL_FENCES,
    RS_CALL_INFO,
    RS_CALL_ARM,
    RS_CALL_PIECE,
    RS_CALL_DISCARD
};

struct rs_redis_call {
    enum rs_redis_call_kind kind;
    struct rs_view_batch *batch;
    bool last; /* of its batch */
    size_t bytes;
    size_t entries;   /* FENCES: how many of the table were asked for; 0: a PING */
    uint32_t answers; /* how many come; 0: one */
    uint32_t answered;
    int64_t sent_us;
};

/* Begins as zero, and is that again when the connection is gone. */
struct rs_redis_calls {
    struct rs_redis_call items[RS_REDIS_INFLIGHT_CALLS]; /* a ring */
    size_t first, count, bytes;
};

/* Whether so many more may be sent, and a batch's call: that one asks for bytes too. */
static inline bool rs_redis_calls_have_room(const struct rs_redis_calls *calls, size_t more)
{
    return calls->count + more <= RS_REDIS_INFLIGHT_CALLS;
}

static inline bool rs_redis_calls_take_batches(const struct rs_redis_calls *calls)
{
    return rs_redis_calls_have_room(calls, 1) && calls->bytes < RS_REDIS_INFLIGHT_BYTES;
}

/* Needs room. */
void rs_redis_calls_push(struct rs_redis_calls *calls, const struct rs_redis_call *call);
/* The oldest, of which there has to be one, gets an answer: returns how many more it waits for. It goes with
 * the last. */
uint32_t rs_redis_calls_answer(struct rs_redis_calls *calls, struct rs_redis_call *out);
#endif
