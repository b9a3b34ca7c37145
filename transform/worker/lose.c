/* Losing a partition to another's claim, dropping what is in doubt, and stopping what cannot go on. Actions
 * of lifecycle.c. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "transform/worker/internal.h"

#define UNSURE_US        (100 * RS_WORKER_MS) /* doubled with each claim in a row that came to nothing */
#define UNSURE_DOUBLINGS 6
/* At once, after it was given back: claims of the other that were under way are few. */
#define RECLAIMS_MAX 3

/* ---- dropping ---- */

/* Forgets what is known of the partition; whoever still has it claims it anew after a while, and the log
 * decides. The new epoch is what keeps answers of the sink to batches of the old claim from counting: they
 * may come at any time, even after the next claim was won. The state goes with its counters taken (counts.c).
 * What outlives the drop is told where it is declared: doubted, fenced, kept_us, the scan that is wanted. */
static void drop(struct rs_worker *worker, struct rs_worker_partition *owned, int64_t after_us)
{
    worker->options.log.ops->release(worker->options.log.self, rs_worker_partition_id(worker, owned));
    rs_worker_partition_free_state(worker, owned);
    rs_worker_partition_forget_run(worker, owned);
    owned->claim_due_us = worker->now_us + after_us;
    owned->epoch = ++worker->next_epoch; /* what is still with the sink is another's now */
    owned->in_flight = 0;
    owned->asking = owned->asked = owned->touched = owned->refused = owned->scanning = false;
    owned->at_end = false;
    owned->ahead_reported = 0;
    owned->commit = RS_COMMIT_NOT;
    owned->quiet_until = 0;
    owned->quiet_shown_us = RS_TIME_NONE;
}

/* The group will take the partition away, or it was a mere rebuild: whoever is still assigned after a while
 * claims again. Where the group has just given it back, the claim is of the one who had it in between. That
 * one may not have heard yet that it is to go; it waits then, so that the two do not take it from each other
 * in turns. */
static int64_t lost_wait(const struct rs_worker *worker, struct rs_worker_partition *owned)
{
    if (!rs_worker_partition_kept_lately(worker, owned) || owned->kept_reclaims >= RECLAIMS_MAX) {
        return RS_WORKER_RECLAIM_US;
    }
    owned->kept_reclaims++;
    return 0;
}

static void report_lost(struct rs_worker *worker, struct rs_worker_partition *owned, enum rs_log_level level)
{
    rs_worker_partition_trouble(worker, owned, level,
                                "stream %s partition %" PRId32
                                ": the state log has another claim, so this instance drops it",
                                rs_stream_label(owned->stream), owned->partition);
}

enum rs_life rs_lose_claimed(struct rs_worker *worker, struct rs_worker_partition *owned,
                             struct rs_cause *cause)
{
    (void)cause;
    report_lost(worker, owned, RS_LOG_WARNING);
    drop(worker, owned, lost_wait(worker, owned));
    return RS_LIFE_NONE;
}

enum rs_life rs_lose_handed_over(struct rs_worker *worker, struct rs_worker_partition *owned,
                                 struct rs_cause *cause)
{
    (void)cause;
    report_lost(worker, owned, RS_LOG_INFO);
    drop(worker, owned, RS_WORKER_RECLAIM_US);
    return RS_LIFE_NONE;
}

/* Where claims in a row come to nothing, the log has trouble of its own: each waits twice as long. */
enum rs_life rs_lose_unsure(struct rs_worker *worker, struct rs_worker_partition *owned,
                            struct rs_cause *cause)
{
    int64_t after_us = UNSURE_US << (owned->unsure < UNSURE_DOUBLINGS ? owned->unsure : UNSURE_DOUBLINGS);

    rs_worker_partition_trouble(worker, owned, RS_LOG_WARNING,
                                "stream %s partition %" PRId32
                                ": the state log is read again, it is not sure what it holds: %s",
                                rs_stream_label(owned->stream), owned->partition, cause->log->error->text);
    owned->unsure++;
    owned->doubted = true;
    drop(worker, owned, after_us);
    return RS_LIFE_NONE;
}

enum rs_life rs_lose_unready(struct rs_worker *worker, struct rs_worker_partition *owned,
                             struct rs_cause *cause)
{
    rs_worker_partition_trouble(worker, owned, RS_LOG_ERROR,
                                "stream %s partition %" PRId32 ": cannot be restored yet: %s",
                                rs_stream_label(owned->stream), owned->partition, cause->error.text);
    owned->doubted = true;
    drop(worker, owned, RS_WORKER_AGAIN_US);
    return RS_LIFE_NONE;
}

enum rs_life rs_lose_unwritten(struct rs_worker *worker, struct rs_worker_partition *owned,
                               struct rs_cause *cause)
{
    (void)cause;
    rs_report(&worker->options.report, RS_LOG_ERROR,
              "stream %s partition %" PRId32 ": memory ran out while its state was written; it is read again",
              rs_stream_label(owned->stream), owned->partition);
    drop(worker, owned, RS_WORKER_AGAIN_US);
    return RS_LIFE_NONE;
}

/* ---- the fence ---- */

/* The key that a message about the fence names; the caller frees it. */
static void fence_key(const struct rs_worker *worker, const struct rs_worker_partition *owned, bool old,
                      struct rs_buf *out)
{
    if (old) {
        rs_fence_key_old(out, worker->options.prefix, rs_stream_input(owned->stream), owned->partition);
    } else {
        rs_worker_fence_key(worker, owned, out);
    }
    rs_buf_char(out, '\0');
}

/* The log decides who owns, so it is asked by a claim. A token may also be left over from a state topic
 * that was deleted: offsets began at 0 again, no claim passes it for a long time, and only an operator can
 * know. So each message says what to do then. */
enum rs_life rs_lose_fenced(struct rs_worker *worker, struct rs_worker_partition *owned,
                            struct rs_cause *cause)
{
    struct rs_buf key = {0};

    fence_key(worker, owned, cause->batch->fence_old, &key);
    rs_worker_partition_trouble(
        worker, owned, RS_LOG_WARNING,
        "stream %s partition %" PRId32
        ": Redis has a newer token, so this instance drops it. If no other instance of group %s runs, "
        "the state topic was deleted and created again: delete the Redis key %s",
        rs_stream_label(owned->stream), owned->partition, worker->options.streams->group,
        key.failed ? "of the partition's fence" : (const char *)key.data);
    rs_buf_fini(&key);
    drop(worker, owned, lost_wait(worker, owned));
    return RS_LIFE_NONE;
}

/* One that was to go has been taken over, which is how it should be. */
enum rs_life rs_lose_published(struct rs_worker *worker, struct rs_worker_partition *owned,
                               struct rs_cause *cause)
{
    (void)cause;
    rs_report(&worker->options.report, RS_LOG_INFO,
              "stream %s partition %" PRId32 ": another instance publishes it now, so this one drops it",
              rs_stream_label(owned->stream), owned->partition);
    drop(worker, owned, RS_WORKER_RECLAIM_US);
    return RS_LIFE_NONE;
}

/* ---- what cannot go on ---- */

/* The text is the reason that /status shows from now on. What it waited for is over with it. */
RS_PRINTF(3, 4)
static void fail(struct rs_worker *worker, struct rs_worker_partition *owned, const char *format, ...)
{
    char text[RS_ERROR_TEXT_MAX];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    rs_report(&worker->options.report, RS_LOG_ERROR, "%s", text);
    memcpy(owned->error, text, sizeof owned->error);
    owned->doubted = owned->fenced = false;
    owned->at_end = false;
    owned->commit = RS_COMMIT_NOT;
}

enum rs_life rs_lose_fail(struct rs_worker *worker, struct rs_worker_partition *owned, struct rs_cause *cause)
{
    fail(worker, owned, "%s", cause->error.text);
    return RS_LIFE_NONE;
}

enum rs_life rs_lose_log(struct rs_worker *worker, struct rs_worker_partition *owned, struct rs_cause *cause)
{
    fail(worker, owned, "%s", cause->log->error->text);
    rs_worker_partition_free_state(worker, owned);
    return RS_LIFE_NONE;
}

/* Nothing is written to a log that holds what this program cannot read, so it is released. */
enum rs_life rs_lose_unreadable(struct rs_worker *worker, struct rs_worker_partition *owned,
                                struct rs_cause *cause)
{
    const char *stream = owned->stream->name;
    const char *input = rs_stream_input(owned->stream);

    worker->options.log.ops->release(worker->options.log.self, rs_worker_partition_id(worker, owned));
    fail(worker, owned,
         "stream %s partition %" PRId32 ": state log %s.state.%s partition %" PRId32
         ": %s. To read its input again: rollstatd -c FILE --rebuild --stream %s, then restart",
         rs_stream_label(owned->stream), owned->partition, worker->options.streams->group, input,
         owned->partition, cause->error.text, stream);
    rs_worker_partition_free_state(worker, owned);
    return RS_LIFE_NONE;
}

/* What it holds may be published by nobody but its owner. */
enum rs_life rs_lose_for_good(struct rs_worker *worker, struct rs_worker_partition *owned,
                              struct rs_cause *cause)
{
    struct rs_buf key = {0};

    fence_key(worker, owned, cause->batch->fence_old, &key);
    fail(worker, owned,
         "stream %s partition %" PRId32
         ": another instance publishes it with a newer token, so this one drops it. If no other instance of "
         "group %s runs, a clock was ahead: delete the Redis key %s and restart",
         rs_stream_label(owned->stream), owned->partition, worker->options.streams->group,
         key.failed ? "of the partition's fence" : (const char *)key.data);
    rs_buf_fini(&key);
    rs_worker_partition_free_state(worker, owned);
    return RS_LIFE_NONE;
}
