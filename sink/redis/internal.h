/* redis internal: one connection's writer from inside: what becomes of queue and connection (writer_state.c),
 * transactions (native.c), what is sent (writer_send.c) and answered (writer_answers.c), the thread (writer.c).
 * Thread: the writer's, but what `lock` guards. */
#ifndef RS_SINK_REDIS_INTERNAL_H
#define RS_SINK_REDIS_INTERNAL_H

#include <pthread.h>

#include "sink/redis/calls.h"
#include "sink/redis/counts.h"
#include "sink/redis/fences.h"
#include "sink/redis/handshake.h"
#include "sink/redis/piece.h"
#include "sink/redis/writer.h"

enum rs_redis_native_phase {
    RS_NATIVE_PLAIN,  /* no transaction is open: anything may be sent */
    RS_NATIVE_ARMING, /* WATCH ... MULTI are under way, and nothing may be sent */
    RS_NATIVE_ARMED,  /* all was answered as it should be: `ready` may be written */
};

struct rs_redis_native {
    enum rs_redis_native_phase phase;
    struct rs_redis_piece ready; /* ARMING, ARMED: the next */
    bool permitted;              /* ARMING: no answer so far forbids it */
    bool busy;                   /* a piece is written and not answered: */
    struct rs_view_batch *batch;
    struct rs_redis_cursor from;
    struct rs_buf conflicts;
    bool last;
    bool scripted;                         /* the next call is the script's */
    const struct rs_view_batch *firsts_of; /* this batch's first publications are the script's */
    int64_t denied_until_us;               /* Redis lets us have no transactions */
    bool denied_told;
    int64_t trip_us; /* shortest round trip of the pieces counted in `trips` */
    unsigned trips;
    bool far;             /* a round trip takes longer than a piece: pieces are larger */
    int64_t far_until_us; /* far away: what waits in a queue goes by scripts, of which many are under way */
};

struct rs_redis_writer {
    struct rs_redis_writer_host host;
    uint32_t number;
    pthread_t thread;
    bool joined;
    int wake; /* eventfd: something was submitted, or stop */
    struct rs_redis_counts counts;

    pthread_mutex_t lock; /* guards what follows up to the blank line */
    struct rs_view_batches intake;
    bool stopping;
    int64_t deadline_us;

    /* The thread's own. */
    struct rs_view_batches queue;  /* unfinished batches in the order submitted */
    struct rs_view_batch *next;    /* the first that is not sent completely */
    struct rs_redis_cursor cursor; /* in `next` */
    struct rs_redis_calls calls;
    unsigned checks_inflight;
    bool meta_inflight;
    redisContext *context;
    redisReplyObjectFunctions *default_replies, replies; /* how its answers become objects */
    bool identified;                                     /* the packers know the Kafka cluster */
    char sha[RS_REDIS_SHA_SIZE + 1], meta_sha[RS_REDIS_SHA_SIZE + 1];
    char run_id[RS_REDIS_RUN_ID_MAX]; /* of the server written to last; empty: none yet */
    bool suspect;                     /* it was a replica in between: what it holds may be another's data */
    struct rs_redis_fences fences;
    struct rs_redis_packer *packer;
    struct rs_redis_piecer *piecer;
    struct rs_redis_native native;
    struct rs_buf command;
    enum rs_redis_fault fault;
    bool write_fault; /* `fault` came from a write: only a write that succeeds ends it */
    unsigned attempts;
    int64_t retry_us, progress_us, check_us, report_us;
    enum rs_redis_fault reported;
    char rights[512]; /* what the user lacked when that was last asked; empty: nothing was found */
    bool mending;     /* a fault was told, and not yet that it is over */
    uint64_t meta_generation;
    bool meta_wanted; /* all descriptions, at once */
    uint64_t random;
};

static inline int64_t rs_redis_writer_now(const struct rs_redis_writer *w)
{
    return rs_clock_mono(w->host.clock);
}

/* ---- writer_state.c ---- */

/* Hands the head of the queue back. */
void rs_redis_writer_finish_head(struct rs_redis_writer *w);
/* Everything unanswered is to be sent again. */
void rs_redis_writer_rewind(struct rs_redis_writer *w);
/* The connection goes; what is unanswered is sent again. `write`: see write_fault. */
void rs_redis_writer_fail(struct rs_redis_writer *w, enum rs_redis_fault fault, bool write, const char *text);
void rs_redis_writer_succeed(struct rs_redis_writer *w, bool write);
bool rs_redis_writer_is_other_server(const struct rs_redis_writer *w, const char *run_id);
void rs_redis_writer_lose_server(struct rs_redis_writer *w, uint64_t generation, const char *how);
/* `command` goes out as `call`. RS_ENOMEM. */
RS_MUST_USE int rs_redis_writer_append(struct rs_redis_writer *w, const struct rs_buf *command,
                                       struct rs_redis_call call);
/* Whether it is this writer's to describe the aggregates, and all of them now. */
bool rs_redis_writer_writes_meta(const struct rs_redis_writer *w);
bool rs_redis_writer_meta_due(const struct rs_redis_writer *w);
/* Something other than batches wants to be sent, now. */
bool rs_redis_writer_checks_due(const struct rs_redis_writer *w);
void rs_redis_writer_note_replaced(struct rs_redis_writer *w, uint32_t count);
/* `found` is in the fence, or nothing. False: it is as good as it was. */
bool rs_redis_writer_judge_loss(struct rs_redis_writer *w, struct rs_redis_fence_entry *entry,
                                const struct rs_redis_fence *found);
/* A call of the batch was answered. */
void rs_redis_writer_settle(struct rs_redis_writer *w, struct rs_view_batch *batch, bool last,
                            const struct rs_redis_answer *answer);

/* ---- writer_send.c, writer_answers.c ---- */

/* Sends as much as may be under way. */
void rs_redis_writer_fill(struct rs_redis_writer *w);
/* Makes the new context's answers cheap. */
void rs_redis_writer_adopt(struct rs_redis_writer *w);
/* Takes the answers that are there. */
void rs_redis_writer_read(struct rs_redis_writer *w);

/* ---- native.c ---- */

/* Whether a piece of what is next is now being armed; false: it is the script's. RS_ENOMEM in `code`. */
bool rs_redis_native_begin(struct rs_redis_writer *w, int *code);
/* ARMED: writes the piece, and arms the next where there is one. RS_ENOMEM. */
RS_MUST_USE int rs_redis_native_write(struct rs_redis_writer *w);
/* An answer to ARM, PIECE or DISCARD; `left`: how many come after it. False: the connection is gone. */
bool rs_redis_native_take(struct rs_redis_writer *w, const struct rs_redis_call *call, uint32_t left,
                          const redisReply *reply);
void rs_redis_native_fini(struct rs_redis_native *native);

#endif
