#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sink/redis/commands.h"
#include "sink/redis/internal.h"

static bool take_batch_answer(struct rs_redis_writer *w, const struct rs_redis_call *call,
                              const redisReply *reply)
{
    struct rs_view_batch *batch = call->batch;
    struct rs_redis_answer answer;
    struct rs_error error = {0};
    if (rs_redis_answer_read(reply, &answer, &batch->conflicts, &error) != 0 || batch->conflicts.failed) {
        rs_redis_writer_fail(w, RS_REDIS_PROTOCOL, true,
                             batch->conflicts.failed ? "out of memory" : error.text);
        return false;
    }
    if (answer.result == RS_BATCH_REFUSED) {
        rs_buf_reset(&batch->refusal);
        rs_redis_refusal_text(w->packer, reply, &batch->refusal);
    }
    rs_redis_writer_settle(w, batch, call->last, &answer);
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
        if (rs_redis_writer_judge_loss(w, entry, found ? &fence : NULL)) {
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
    if (rs_redis_info_value(reply->str, "run_id:", text, sizeof text) &&
        rs_redis_writer_is_other_server(w, text)) {
        uint64_t generation = w->host.generation(w->host.self);
        (void)rs_redis_fences_generation(&w->fences, &generation);
        w->host.restarted(w->host.self);
        rs_redis_writer_lose_server(w, generation, "another server answers");
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
        rs_redis_writer_fail(w, RS_REDIS_PROTOCOL, true, "the answer is not one that the script gives");
        return false;
    }
    rs_redis_writer_note_replaced(w, (uint32_t)reply->element[1]->integer);
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
        rs_redis_writer_fail(w, fault, false, error.text);
        return false;
    }
    batch->result = RS_BATCH_APPLIED;
    RS_ASSERT(batch == w->queue.first);
    rs_redis_writer_finish_head(w);
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
        rs_redis_writer_fail(w, rs_redis_fault_of_reply(reply->str), write, reply->str);
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
    rs_redis_writer_succeed(w, false); /* that a description could be written says nothing about views */
    return true;
}

/* Its last answer is the end of a call. False: the connection is gone. */
static bool take_reply(struct rs_redis_writer *w, const redisReply *reply)
{
    struct rs_redis_call call;
    uint32_t left = rs_redis_calls_answer(&w->calls, &call);
    if (left == 0) {
        w->progress_us = rs_redis_writer_now(w);
        rs_redis_counts_answered(&w->counts,
                                 call.kind == RS_CALL_BATCH || call.kind == RS_CALL_PIECE ? call.bytes : 0,
                                 w->progress_us - call.sent_us);
    }
    return call.kind >= RS_CALL_ARM ? rs_redis_native_take(w, &call, left, reply)
                                    : take_answer(w, &call, reply);
}

/* A transaction is answered once for each of its commands, twice for each in fact, and nothing is to be known of
 * these answers but that they are no errors: they are not worth an allocation each. */
static redisReply queued = {.type = REDIS_REPLY_STATUS, .str = (char[]){"QUEUED"}, .len = 6};
static redisReply some_integer = {.type = REDIS_REPLY_INTEGER};

static bool reads_piece(const struct rs_redis_writer *w)
{
    return w->calls.count > 0 && w->calls.items[w->calls.first].kind == RS_CALL_PIECE;
}

static void *create_string(const redisReadTask *task, char *text, size_t size)
{
    struct rs_redis_writer *w = task->privdata;
    if (!task->parent && task->type == REDIS_REPLY_STATUS && size == queued.len &&
        memcmp(text, queued.str, size) == 0) {
        return &queued;
    }
    return w->default_replies->createString(task, text, size);
}

/* Only an item of the answer itself, which is where free_reply looks for it: a Redis that lies may send others. */
static void *create_integer(const redisReadTask *task, long long value)
{
    struct rs_redis_writer *w = task->privdata;
    bool item = task->parent && !task->parent->parent && task->parent->type == REDIS_REPLY_ARRAY;
    if (!item || !reads_piece(w)) {
        return w->default_replies->createInteger(task, value);
    }
    redisReply *parent = task->parent->obj;
    parent->element[task->idx] = &some_integer;
    return &some_integer;
}

static void free_reply(void *object)
{
    redisReply *reply = object;
    if (!reply || reply == &queued) {
        return;
    }
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++) {
        reply->element[i] = reply->element[i] == &some_integer ? NULL : reply->element[i];
    }
    freeReplyObject(reply);
}

void rs_redis_writer_adopt(struct rs_redis_writer *w)
{
    redisReader *reader = w->context->reader;
    w->default_replies = reader->fn;
    w->replies = *reader->fn;
    w->replies.createString = create_string;
    w->replies.createInteger = create_integer;
    w->replies.freeObject = free_reply;
    reader->fn = &w->replies;
    reader->privdata = w;
}

void rs_redis_writer_read(struct rs_redis_writer *w)
{
    void *raw = NULL;
    bool alive = true;
    errno = 0;
    if (redisBufferRead(w->context) != REDIS_OK) {
        rs_redis_writer_fail(w, rs_redis_fault_of_context(w->context), false, w->context->errstr);
        return;
    }
    while (alive && redisGetReplyFromReader(w->context, &raw) == REDIS_OK && raw) {
        redisReply *reply = raw;
        if (w->calls.count == 0) {
            /* Redis says why before it hangs up: maxclients, protected mode. */
            rs_redis_writer_fail(
                w, reply->type == REDIS_REPLY_ERROR ? rs_redis_fault_of_reply(reply->str) : RS_REDIS_PROTOCOL,
                false, reply->type == REDIS_REPLY_ERROR ? reply->str : "an answer that nobody asked for");
            alive = false;
        } else {
            alive = take_reply(w, reply);
        }
        free_reply(reply);
    }
    if (alive && w->context->err) {
        rs_redis_writer_fail(w, rs_redis_fault_of_context(w->context), false, w->context->errstr);
    }
}
