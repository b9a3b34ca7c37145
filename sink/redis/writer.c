#include "sink/redis/writer.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "sink/redis/calls.h"
#include "sink/redis/commands.h"
#include "sink/redis/counts.h"
#include "sink/redis/fences.h"
#include "sink/redis/handshake.h"
#include "sink/redis/rights.h"
#include "sink/redis/script.h"

#define BACKOFF_MIN_US  INT64_C(50000)
#define BACKOFF_MAX_US  INT64_C(2000000)
#define CHECK_EVERY_US  INT64_C(1000000)
#define CHECK_CALLS     3 /* at most */
#define REPORT_EVERY_US INT64_C(10000000)

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
    bool identified; /* the packer knows the Kafka cluster */
    char sha[RS_REDIS_SHA_SIZE + 1], meta_sha[RS_REDIS_SHA_SIZE + 1];
    char run_id[RS_REDIS_RUN_ID_MAX]; /* of the server written to last; empty: none yet */
    bool suspect;                     /* it was a replica in between: what it holds may be another's data */
    struct rs_redis_fences fences;
    struct rs_redis_packer *packer;
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

static int64_t now_of(const struct rs_redis_writer *w)
{
    return rs_clock_mono(w->host.clock);
}

void rs_redis_writer_status(struct rs_redis_writer *w, struct rs_redis_status *out)
{
    rs_redis_counts_add_to(&w->counts, out);
}

/* ---- the queue ---- */

void rs_redis_writer_wake(struct rs_redis_writer *w)
{
    rs_wake(w->wake);
}

/* Woken only where nothing was waiting yet: the thread takes all that has come in one go. */
void rs_redis_writer_submit(struct rs_redis_writer *w, struct rs_view_batch *batch)
{
    batch->result = RS_BATCH_NONE;
    batch->taken_us = now_of(w);
    rs_buf_reset(&batch->conflicts);
    rs_redis_counts_submitted(&w->counts, batch);
    pthread_mutex_lock(&w->lock);
    bool idle = !w->intake.first;
    rs_view_batches_push(&w->intake, batch);
    pthread_mutex_unlock(&w->lock);
    if (idle) {
        rs_redis_writer_wake(w);
    }
}

/* Moves what was submitted to the thread's own queue. False: it is time to end. */
static bool take_intake(struct rs_redis_writer *w)
{
    rs_wake_clear(w->wake);
    pthread_mutex_lock(&w->lock);
    w->next = w->next ? w->next : w->intake.first;
    rs_view_batches_append(&w->queue, &w->intake);
    bool go_on = !w->stopping || (w->queue.first && now_of(w) < w->deadline_us);
    pthread_mutex_unlock(&w->lock);
    return go_on;
}

static void finish_head(struct rs_redis_writer *w)
{
    struct rs_view_batch *batch = rs_view_batches_pop(&w->queue);
    if (batch->result != RS_BATCH_APPLIED) {
        rs_buf_reset(&batch->conflicts);
    }
    rs_redis_counts_finished(&w->counts, batch, w->queue.first);
    w->host.finished(w->host.self, batch);
}

/* ---- failing ---- */

static int64_t backoff_us(struct rs_redis_writer *w)
{
    unsigned shift = w->attempts < 6 ? w->attempts : 6;
    int64_t full = BACKOFF_MIN_US << shift;
    full = full > BACKOFF_MAX_US ? BACKOFF_MAX_US : full;
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return full / 2 + (int64_t)(w->random % (uint64_t)(full / 2 + 1));
}

/* Everything unanswered is sent again, from the first call of its batch: a call that arrived does no harm
 * twice. */
static void rewind_queue(struct rs_redis_writer *w)
{
    for (struct rs_view_batch *batch = w->queue.first; batch; batch = batch->next) {
        batch->result = RS_BATCH_NONE;
        rs_buf_reset(&batch->conflicts);
    }
    w->next = w->queue.first;
    w->cursor = (struct rs_redis_cursor){0};
    w->calls = (struct rs_redis_calls){0};
    w->checks_inflight = 0;
    w->meta_inflight = false;
}

/* The connection goes, and with it what Redis still had to answer; all of that is sent again. The same
 * fault is reported every ten seconds at most, and only then are missing rights asked for, which takes a
 * connection. */
static void fail(struct rs_redis_writer *w, enum rs_redis_fault fault, bool write, const char *text)
{
    int64_t now = now_of(w);
    bool report = fault != w->reported || now - w->report_us >= REPORT_EVERY_US;
    char message[RS_ERROR_TEXT_MAX];
    snprintf(message, sizeof message, "Redis: %s (%s: %s)", text, rs_redis_fault_name(fault),
             rs_redis_fault_hint(fault));
    if (fault == RS_REDIS_NOPERM && report) {
        rs_redis_rights_text(w->host.config, w->rights, sizeof w->rights);
    }
    if (fault == RS_REDIS_NOPERM && w->rights[0] != '\0') {
        memcpy(message, w->rights, sizeof w->rights);
    }
    if (w->context) {
        redisFree(w->context);
        w->context = NULL;
    }
    rewind_queue(w);
    w->fault = fault;
    w->write_fault = write;
    w->suspect |= fault == RS_REDIS_READONLY || fault == RS_REDIS_MASTERDOWN;
    w->retry_us = now + backoff_us(w);
    w->attempts++;
    rs_redis_counts_connected(&w->counts, false);
    rs_redis_counts_error(&w->counts, fault, message);
    if (report) {
        w->reported = fault;
        w->report_us = now;
        w->mending = true;
        rs_report(&w->host.report, RS_LOG_ERROR, "%s", message);
    }
}

/* An answered check does not end a fault of writing: a Redis that refuses to write may well answer reads. */
static void succeed(struct rs_redis_writer *w, bool write)
{
    if (w->write_fault && !write) {
        return;
    }
    w->attempts = 0;
    w->write_fault = false;
    if (w->fault == RS_REDIS_FINE) {
        return;
    }
    w->fault = RS_REDIS_FINE;
    rs_redis_counts_fault(&w->counts, RS_REDIS_FINE);
    if (w->mending) { /* `reported` stays: what comes and goes is reported every ten seconds, not each time */
        w->mending = false;
        rs_report(&w->host.report, RS_LOG_INFO, "Redis: writing again");
    }
}

/* ---- connecting ---- */

static bool is_other_server(const struct rs_redis_writer *w, const char *run_id)
{
    return run_id[0] != '\0' && w->run_id[0] != '\0' && strcmp(run_id, w->run_id) != 0;
}

static void lose_server(struct rs_redis_writer *w, uint64_t generation, const char *how)
{
    w->host.lost(w->host.self, generation, how);
    rs_redis_fences_forget(&w->fences);
}

/* Another server, or one that was a replica in between, holds none of what was written, or another's data. */
static void judge_server(struct rs_redis_writer *w, const char *run_id)
{
    uint64_t generation;
    bool other = is_other_server(w, run_id);
    if (other) {
        w->host.restarted(w->host.self);
    }
    if ((other || w->suspect) && rs_redis_fences_generation(&w->fences, &generation)) {
        lose_server(w, generation,
                    other ? "Redis was restarted, or another server took over"
                          : "Redis had been made a replica");
    }
    w->suspect = false;
    memcpy(w->run_id, run_id, sizeof w->run_id);
}

/* Of a new connection nothing is taken for granted: here it is found out which server it is, and the first
 * calls look for our fences and write the descriptions. */
static void connect_writer(struct rs_redis_writer *w)
{
    const struct rs_redis_config *config = w->host.config;
    enum rs_redis_fault fault = RS_REDIS_FINE;
    struct rs_error error = {0};
    struct rs_redis_handshake hands = {0};
    redisContext *context = NULL;
    int code = rs_redis_open(&config->address, config->connect_timeout_us, config->timeout_us, &context,
                             &fault, &error);
    if (code == 0) {
        code = rs_redis_shake_hands(context, &hands, &fault, &error);
    }
    if (code != 0) {
        if (context) {
            redisFree(context);
        }
        fail(w, fault, false, error.text);
        return;
    }
    judge_server(w, hands.run_id);
    memcpy(w->sha, hands.sha, sizeof w->sha);
    memcpy(w->meta_sha, hands.meta_sha, sizeof w->meta_sha);
    w->context = context;
    w->check_us = 0; /* at once: it may have been emptied meanwhile */
    w->meta_wanted = true;
    rs_redis_counts_connected(&w->counts, true);
}

/* ---- sending ---- */

/* With nothing under way the time-out begins anew: Redis had nothing to answer until now. */
static int append_call(struct rs_redis_writer *w, struct rs_redis_call call)
{
    if (redisAppendFormattedCommand(w->context, (const char *)w->command.data, w->command.size) != REDIS_OK) {
        return RS_ENOMEM;
    }
    call.bytes = w->command.size;
    call.sent_us = now_of(w);
    if (w->calls.count == 0) {
        w->progress_us = call.sent_us;
    }
    rs_redis_calls_push(&w->calls, &call);
    return 0;
}

static int send_command(struct rs_redis_writer *w, struct rs_redis_call call)
{
    int code = w->command.failed ? RS_ENOMEM : append_call(w, call);
    w->checks_inflight += code == 0 && call.kind != RS_CALL_META;
    return code;
}

/* Of our own aggregates only, see write_meta.lua. */
static int send_meta(struct rs_redis_writer *w, bool all)
{
    struct rs_error error = {0};
    rs_buf_reset(&w->command);
    if (rs_redis_pack_meta(w->packer, w->meta_sha, all, &w->command, &error) != 0) {
        return RS_ENOMEM;
    }
    w->meta_inflight = true;
    w->meta_wanted &= !all;
    w->meta_generation = w->host.generation(w->host.self);
    return send_command(w, (struct rs_redis_call){.kind = RS_CALL_META});
}

static bool writes_meta(const struct rs_redis_writer *w)
{
    return w->number == 0 && w->host.meta_count > 0 && !w->meta_inflight;
}

static bool meta_due(const struct rs_redis_writer *w)
{
    return writes_meta(w) && (w->meta_wanted || w->meta_generation != w->host.generation(w->host.self));
}

/* Is it the same server, does it evict, is <prefix>:meta there, are our fences? One connection asks for all
 * what concerns the server. */
static int send_checks(struct rs_redis_writer *w)
{
    const struct rs_redis_writer_host *host = &w->host;
    int code = 0;
    if (w->number == 0) {
        rs_redis_command_info(&w->command);
        code = send_command(w, (struct rs_redis_call){.kind = RS_CALL_INFO});
    }
    if (code == 0 && writes_meta(w)) {
        code = send_meta(w, false);
    }
    if (code == 0) {
        rs_redis_command_fences(&w->command, host->config->prefix, host->group, &w->fences);
        code = send_command(w, (struct rs_redis_call){.kind = RS_CALL_FENCES, .entries = w->fences.count});
    }
    return code;
}

/* Nothing is written before it is known which Kafka cluster the consumer group belongs to. */
static bool identify(struct rs_redis_writer *w, int *code)
{
    char cluster[RS_REDIS_CLUSTER_MAX];
    struct rs_error error = {0};
    if (!w->identified && w->host.cluster(w->host.self, cluster)) {
        *code = rs_redis_packer_identify(w->packer, w->host.group, cluster, &error);
        w->identified = *code == 0;
        w->check_us = 0;
    }
    if (!w->identified && now_of(w) >= w->check_us) {
        w->check_us = now_of(w) + CHECK_EVERY_US; /* asleep until then, or woken by the news */
    }
    return w->identified;
}

/* A question about what Redis holds travels as a batch and is answered in its place among the others:
 * batches are finished in the order in which they were submitted. */
static int send_batch_call(struct rs_redis_writer *w)
{
    struct rs_view_batch *batch = w->next;
    struct rs_error error = {0};
    if (batch->scan) {
        w->next = batch->next;
        rs_redis_command_scan(&w->command, w->host.config->prefix, w->host.metas[batch->scan_aggregate].name,
                              batch->scan_cursor);
        return w->command.failed
                   ? RS_ENOMEM
                   : append_call(w,
                                 (struct rs_redis_call){.kind = RS_CALL_SCAN, .batch = batch, .last = true});
    }
    rs_buf_reset(&w->command);
    if (rs_redis_pack(w->packer, batch, w->sha, &w->cursor, &w->command, &error) != 0) {
        return RS_ENOMEM;
    }
    bool last = rs_redis_cursor_done(&w->cursor, batch);
    if (last) {
        w->next = batch->next;
        w->cursor = (struct rs_redis_cursor){0};
    }
    return append_call(w, (struct rs_redis_call){.kind = RS_CALL_BATCH, .batch = batch, .last = last});
}

/* Checks come first. If batches did, they would take all the room that answers make, and a loss would go
 * unnoticed just while there is much to write. */
static void fill_pipeline(struct rs_redis_writer *w)
{
    int code = 0;
    int64_t now = now_of(w);
    bool identified = identify(w, &code);
    if (identified && code == 0 && w->checks_inflight == 0 && now >= w->check_us &&
        rs_redis_calls_have_room(&w->calls, CHECK_CALLS)) {
        w->check_us = now + CHECK_EVERY_US;
        code = send_checks(w);
    }
    if (identified && code == 0 && meta_due(w) && rs_redis_calls_have_room(&w->calls, 1)) {
        code = send_meta(w, true);
    }
    while (identified && code == 0 && w->next && rs_redis_calls_take_batches(&w->calls)) {
        code = send_batch_call(w);
    }
    if (code != 0) {
        fail(w, RS_REDIS_IO, false, "out of memory while sending");
    }
}

/* ---- answers ---- */

static void note_replaced(struct rs_redis_writer *w, uint32_t count)
{
    if (count == 0) {
        return;
    }
    rs_redis_counts_replaced(&w->counts, count);
    rs_report(&w->host.report, RS_LOG_WARNING,
              "Redis: %" PRIu32 " keys under %s: held another type and were replaced; does "
              "another program write there?",
              count, w->host.config->prefix);
}

/* False: the fence is as good as it was. */
static bool judge_loss(struct rs_redis_writer *w, struct rs_redis_fence_entry *entry,
                       const struct rs_redis_fence *found)
{
    if (!rs_redis_fence_lost(entry, found)) {
        return false;
    }
    if (found) {
        w->host.lost(w->host.self, entry->generation, "writes that Redis had acknowledged are gone");
    } else {
        w->host.gone(w->host.self, entry->generation, entry->evicted);
    }
    return true;
}

/* What was found is compared with what we expected before the new is noted. A batch that was BEHIND has
 * left the offset that Redis held under our token. */
static void watch_fence(struct rs_redis_writer *w, const struct rs_view_batch *batch,
                        const struct rs_redis_answer *answer)
{
    struct rs_redis_fence_entry *entry = rs_redis_fences_at(&w->fences, batch);
    if (!entry) {
        return;
    }
    judge_loss(w, entry, answer->found ? &answer->fence : NULL);
    entry->owned = answer->result < RS_BATCH_FENCED;
    entry->evicted = w->host.evicted(w->host.self);
    entry->fence = rs_redis_fence_of(batch);
    if (answer->result == RS_BATCH_BEHIND) {
        entry->fence.offset = answer->fence.offset;
        entry->fence.now_shown_us = answer->fence.now_shown_us;
    }
    entry->generation = w->host.generation(w->host.self);
}

/* The fence is judged before the batch is handed back, so that a loss has raised the generation by then. */
static bool take_batch_answer(struct rs_redis_writer *w, const struct rs_redis_call *call,
                              const redisReply *reply)
{
    struct rs_view_batch *batch = call->batch;
    struct rs_redis_answer answer;
    struct rs_error error = {0};
    if (rs_redis_answer_read(reply, &answer, &batch->conflicts, &error) != 0 || batch->conflicts.failed) {
        fail(w, RS_REDIS_PROTOCOL, true, batch->conflicts.failed ? "out of memory" : error.text);
        return false;
    }
    if (answer.result == RS_BATCH_REFUSED) {
        rs_buf_reset(&batch->refusal);
        rs_redis_refusal_text(w->packer, reply, &batch->refusal);
    }
    watch_fence(w, batch, &answer);
    batch->fence_old = answer.fence_old;
    if (answer.lost) {
        w->host.lost(w->host.self, w->host.generation(w->host.self),
                     "an index or owner key held another type");
    }
    note_replaced(w, answer.replaced);
    if (answer.result > batch->result) { /* of several calls the worst: the batch is then published anew */
        batch->result = answer.result;
    }
    if (answer.found && rs_batch_hears_fence(batch, answer.result)) {
        batch->fence_offset = answer.fence.offset;
        batch->fence_now_shown_us = answer.fence.now_shown_us;
    }
    succeed(w, true);
    if (call->last) {
        RS_ASSERT(batch == w->queue.first);
        finish_head(w);
    }
    return true;
}

/* Answers stand in the order of the table as it was when they were asked for: since then entries may have
 * come, at its end. */
static void take_fences(struct rs_redis_writer *w, const struct rs_redis_call *call, const redisReply *reply)
{
    for (size_t i = 0; i < call->entries && i < reply->elements; i++) {
        const redisReply *element = reply->element[i];
        struct rs_redis_fence_entry *entry = &w->fences.items[i];
        struct rs_redis_fence fence;
        bool found = element->type == REDIS_REPLY_STRING &&
                     rs_redis_fence_parse(rs_slice_of(element->str, element->len), &fence);
        if (judge_loss(w, entry, found ? &fence : NULL)) {
            entry->owned = false;
        } else {
            entry->evicted = w->host.evicted(w->host.self);
        }
    }
}

/* A proxy may change the server behind a connection that lives on. */
static void take_info(struct rs_redis_writer *w, const redisReply *reply)
{
    char text[RS_REDIS_RUN_ID_MAX] = "";
    if (reply->type != REDIS_REPLY_STRING) {
        return;
    }
    if (rs_redis_info_value(reply->str, "run_id:", text, sizeof text) && is_other_server(w, text)) {
        uint64_t generation = w->host.generation(w->host.self);
        (void)rs_redis_fences_generation(&w->fences, &generation);
        w->host.restarted(w->host.self);
        lose_server(w, generation, "another server answers");
        memcpy(w->run_id, text, sizeof w->run_id);
    }
    if (rs_redis_info_value(reply->str, "evicted_keys:", text, sizeof text)) {
        w->host.counted(w->host.self, strtoull(text, NULL, 10));
    }
}

static bool take_meta(struct rs_redis_writer *w, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 2 ||
        reply->element[0]->type != REDIS_REPLY_INTEGER || reply->element[1]->type != REDIS_REPLY_INTEGER) {
        fail(w, RS_REDIS_PROTOCOL, true, "the answer is not one that the script gives");
        return false;
    }
    note_replaced(w, (uint32_t)reply->element[1]->integer);
    char text[512];
    if (rs_redis_forgotten_text(reply, w->host.config->prefix, text, sizeof text)) {
        rs_report(&w->host.report, RS_LOG_WARNING, "%s", text);
    }
    return true;
}

static bool take_scan(struct rs_redis_writer *w, struct rs_view_batch *batch, const redisReply *reply)
{
    struct rs_error error = {0};
    enum rs_redis_fault fault = rs_redis_scan_read(reply, batch, &error);
    if (fault != RS_REDIS_FINE) {
        fail(w, fault, false, error.text);
        return false;
    }
    batch->result = RS_BATCH_APPLIED;
    RS_ASSERT(batch == w->queue.first);
    finish_head(w);
    return true;
}

/* False: the connection is gone. */
static bool take_answer(struct rs_redis_writer *w, const struct rs_redis_call *call, const redisReply *reply)
{
    bool write = call->kind == RS_CALL_BATCH || call->kind == RS_CALL_META;
    if (call->kind == RS_CALL_SCAN) {
        return take_scan(w, call->batch, reply);
    }
    w->checks_inflight -= !write;
    w->meta_inflight &= call->kind != RS_CALL_META;
    if (reply->type == REDIS_REPLY_ERROR) {
        fail(w, rs_redis_fault_of_reply(reply->str), write, reply->str);
        return false;
    }
    if (call->kind == RS_CALL_BATCH) {
        return take_batch_answer(w, call, reply);
    }
    if (call->kind == RS_CALL_META && !take_meta(w, reply)) {
        return false;
    }
    if (call->kind == RS_CALL_FENCES && call->entries > 0) {
        take_fences(w, call, reply);
    } else if (call->kind == RS_CALL_INFO) {
        take_info(w, reply);
    }
    succeed(w, false); /* that a description could be written says nothing about views */
    return true;
}

static void read_answers(struct rs_redis_writer *w)
{
    void *raw = NULL;
    bool alive = true;
    errno = 0;
    if (redisBufferRead(w->context) != REDIS_OK) {
        fail(w, rs_redis_fault_of_context(w->context), false, w->context->errstr);
        return;
    }
    while (alive && redisGetReplyFromReader(w->context, &raw) == REDIS_OK && raw) {
        redisReply *reply = raw;
        if (w->calls.count == 0) {
            /* Redis says why before it hangs up: maxclients, protected mode. */
            fail(w,
                 reply->type == REDIS_REPLY_ERROR ? rs_redis_fault_of_reply(reply->str) : RS_REDIS_PROTOCOL,
                 false, reply->type == REDIS_REPLY_ERROR ? reply->str : "an answer that nobody asked for");
            alive = false;
        } else {
            struct rs_redis_call call = rs_redis_calls_pop(&w->calls);
            w->progress_us = now_of(w);
            rs_redis_counts_answered(&w->counts, call.kind == RS_CALL_BATCH ? call.bytes : 0,
                                     w->progress_us - call.sent_us);
            alive = take_answer(w, &call, reply);
        }
        freeReplyObject(reply);
    }
    if (alive && w->context->err) {
        fail(w, rs_redis_fault_of_context(w->context), false, w->context->errstr);
    }
}

/* ---- the thread ---- */

static int wait_ms(int64_t until_us, int64_t now_us)
{
    int64_t left_us = until_us - now_us;
    return left_us <= 0 ? 0 : left_us > 1000000 ? 1000 : (int)((left_us + 999) / 1000);
}

/* When a stop or the end of a pause is nearer than anything else. */
static int64_t earliest(struct rs_redis_writer *w, int64_t due_us)
{
    pthread_mutex_lock(&w->lock);
    if (w->stopping && w->deadline_us < due_us) {
        due_us = w->deadline_us;
    }
    pthread_mutex_unlock(&w->lock);
    return due_us;
}

/* The time-out is of progress, not of a call: behind a long queue a call may wait, as long as answers
 * come. */
static void exchange(struct rs_redis_writer *w)
{
    int done = 0;
    errno = 0;
    if (redisBufferWrite(w->context, &done) != REDIS_OK) {
        fail(w, rs_redis_fault_of_context(w->context), false, w->context->errstr);
        return;
    }
    int64_t now = now_of(w);
    int64_t due = w->calls.count > 0 ? w->progress_us + w->host.config->timeout_us : w->check_us;
    if (w->calls.count > 0 && now >= due) {
        fail(w, RS_REDIS_TIMEOUT, false, "no answer in time");
        return;
    }
    due = w->checks_inflight == 0 && w->check_us < due ? w->check_us : due;
    struct pollfd fds[2] = {{.fd = w->context->fd, .events = (short)(done ? POLLIN : POLLIN | POLLOUT)},
                            {.fd = w->wake, .events = POLLIN}};
    poll(fds, 2, wait_ms(earliest(w, due), now));
    if (fds[0].revents & (POLLIN | POLLERR | POLLHUP)) {
        read_answers(w);
    }
}

static void pause_disconnected(struct rs_redis_writer *w)
{
    struct pollfd fd = {.fd = w->wake, .events = POLLIN};
    poll(&fd, 1, wait_ms(earliest(w, w->retry_us), now_of(w)));
}

/* What is left at the end is handed back without a result, so that the worker knows it was not written. */
static void *run(void *argument)
{
    struct rs_redis_writer *w = argument;
    while (take_intake(w)) {
        if (w->context) {
            fill_pipeline(w);
        }
        if (w->context) {
            exchange(w);
        } else if (now_of(w) < w->retry_us) {
            pause_disconnected(w);
        } else {
            connect_writer(w);
        }
    }
    rewind_queue(w);
    while (w->queue.first) {
        finish_head(w);
    }
    return NULL;
}

/* The random numbers spread the attempts of several connections to the same Redis; they need not be good. */
int rs_redis_writer_start(const struct rs_redis_writer_host *host, uint32_t number,
                          struct rs_redis_writer **out, struct rs_error *error)
{
    struct rs_redis_writer *w = calloc(1, sizeof *w);
    if (!w) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    w->host = *host;
    w->number = number;
    rs_redis_counts_init(&w->counts, host->clock);
    w->random = ((uint64_t)now_of(w) << 8 | number) * UINT64_C(0x9E3779B97F4A7C15) | 1;
    pthread_mutex_init(&w->lock, NULL);
    int code = rs_wake_open(&w->wake, error);
    if (code == 0) {
        code = rs_redis_packer_new(host->config->prefix, host->metas, host->meta_count, &w->packer, error);
    }
    if (code == 0) { /* without SIGPIPE, too: hiredis writes with write(2) */
        code = rs_thread_start(&w->thread, run, w, "Redis", error);
    }
    if (code != 0) {
        w->joined = true;
        rs_redis_writer_free(&w);
        return code;
    }
    *out = w;
    return 0;
}

void rs_redis_writer_stop(struct rs_redis_writer *w, int64_t deadline_us)
{
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    w->deadline_us = deadline_us;
    pthread_mutex_unlock(&w->lock);
    rs_redis_writer_wake(w);
}

void rs_redis_writer_join(struct rs_redis_writer *w)
{
    if (!w->joined) {
        pthread_join(w->thread, NULL);
        w->joined = true;
    }
}

/* The thread has ended, and has given back all batches. */
void rs_redis_writer_free(struct rs_redis_writer **writer)
{
    struct rs_redis_writer *w = *writer;
    if (!w) {
        return;
    }
    RS_ASSERT(w->joined);
    if (w->context) {
        redisFree(w->context);
    }
    rs_wake_close(&w->wake);
    rs_redis_packer_free(&w->packer);
    rs_redis_fences_fini(&w->fences);
    rs_buf_fini(&w->command);
    rs_redis_counts_fini(&w->counts);
    pthread_mutex_destroy(&w->lock);
    free(w);
    *writer = NULL;
}
