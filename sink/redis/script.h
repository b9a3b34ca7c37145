/* redis_script: batches as calls of write_batch.lua, and its answers.
 * A batch becomes one or more calls (EVALSHA), each small enough that Redis is busy with it for about half a
 * millisecond. Operations are sorted into sections by aggregate, so that names travel once; operations on
 * one key keep their order.
 * Thread: one.
 * Owns: its buffers; borrows metas and prefix. */
#ifndef RS_SINK_REDIS_SCRIPT_H
#define RS_SINK_REDIS_SCRIPT_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/view.h"

/* What an operation costs Redis, in units of about 0.2 us when it is a command by itself, and of twice that in
 * a script. */
static inline uint32_t rs_redis_op_cost(const struct rs_op *op)
{
    return 12 + op->field_count + (uint32_t)(op->fields.size / 128);
}

/* 45 views of ten fields, 0.5 ms. Lua's unpack stops near 8000 values, which is more than that. */
#define RS_REDIS_CALL_COST 1000
#define RS_REDIS_SHA_SIZE  40

/* The scripts, terminated. */
const char *rs_redis_script_text(void);
const char *rs_redis_meta_script_text(void);

/* <token>:<offset>:<now_shown> */
struct rs_redis_fence {
    uint64_t token;
    int64_t offset;
    int64_t now_shown_us;
};
#define RS_REDIS_FENCE_TEXT_MAX 64

/* False: not a fence. */
bool rs_redis_fence_parse(struct rs_slice text, struct rs_redis_fence *out);
/* Negative, 0, positive: by token, then offset, then what was shown. */
int rs_redis_fence_compare(const struct rs_redis_fence *a, const struct rs_redis_fence *b);
struct rs_redis_fence rs_redis_fence_of(const struct rs_view_batch *batch);
/* What the script does with a batch that finds `held` (NULL: none): APPLIED, BEHIND or FENCED. */
enum rs_batch_result rs_redis_fence_judge(const struct rs_redis_fence *held,
                                          const struct rs_redis_fence *mine);

/* A group named "index" would share its hash's key with the index: it is never written and counts as a
 * conflict. */
bool rs_redis_key_reserved(const struct rs_aggregate_meta *meta, struct rs_slice key);

/* Appends the key of a group's hash: "<prefix>:<aggregate>" and ":<key>" where the aggregate has group
 * fields. The history is the same with ":history". No two groups share a key, and no hash is another's
 * history: within an aggregate all keys have equally many parts, and no part holds a ':'. */
void rs_redis_group_key(struct rs_buf *out, const char *prefix, const struct rs_aggregate_meta *meta,
                        struct rs_slice key);

/* Whether a window is announced by itself. `foremost`: it is the first operation of what Redis does in one piece,
 * so the view that announces the group's change may have been in the piece before. */
bool rs_redis_op_announced(const struct rs_op *op, bool foremost);

/* Members of `history`, appended: {"statistic":"text",...,"window_start":ms,...}. Statistics are texts, since
 * most readers of JSON make doubles of numbers and would lose digits; times, `events` and `revision` are
 * integers below 2^53. */
void rs_redis_history_json(struct rs_buf *out, const struct rs_aggregate_meta *meta, const struct rs_op *op);

struct rs_redis_packer;
RS_MUST_USE int rs_redis_packer_new(const char *prefix, const struct rs_aggregate_meta *metas, size_t count,
                                    struct rs_redis_packer **out, struct rs_error *error);
void rs_redis_packer_free(struct rs_redis_packer **packer);
/* Before the first batch; both as they are, unencoded. RS_ENOMEM. */
RS_MUST_USE int rs_redis_packer_identify(struct rs_redis_packer *packer, const char *group,
                                         const char *cluster, struct rs_error *error);
/* Appends the call of write_meta.lua. `all`: or only what is missing. RS_ENOMEM. */
RS_MUST_USE int rs_redis_pack_meta(struct rs_redis_packer *packer, const char *sha, bool all,
                                   struct rs_buf *out, struct rs_error *error);

/* Where packing of a batch stands; zero at its beginning. */
struct rs_redis_cursor {
    size_t at;
    uint32_t op;
    bool begun;
};
bool rs_redis_cursor_done(const struct rs_redis_cursor *cursor, const struct rs_view_batch *batch);

/* Appends the next call of `batch` to `out` (a batch without operations is one call, which takes the fence).
 * Reserved keys are added to batch->conflicts. RS_ENOMEM: nothing was appended and the cursor stands. */
RS_MUST_USE int rs_redis_pack(struct rs_redis_packer *packer, struct rs_view_batch *batch, const char *sha,
                              struct rs_redis_cursor *cursor, struct rs_buf *out, struct rs_error *error);

struct rs_redis_answer {
    enum rs_batch_result result;
    bool found;                  /* a fence was there, and well-formed */
    struct rs_redis_fence fence; /* what it said */
    bool fence_old;              /* FENCED: by the fence of an earlier version */
    uint32_t replaced;           /* keys of another type */
    bool lost;                   /* one of them held other groups */
};
/* Conflicts are appended to `conflicts` (native uint32_t). RS_EREDIS: not an answer of the script. */
RS_MUST_USE int rs_redis_answer_read(const redisReply *reply, struct rs_redis_answer *out,
                                     struct rs_buf *conflicts, struct rs_error *error);
/* REFUSED: appends a sentence for people, with the remedy. */
void rs_redis_refusal_text(const struct rs_redis_packer *packer, const redisReply *reply, struct rs_buf *out);

#endif
