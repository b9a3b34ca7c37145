/* Pieces of batches in transactions. On a connection stands, in turn:
 *
 *   PLAIN   nothing is open; scripts and checks may be sent
 *   ARMING  WATCH, reads, MULTI were sent; only answers may come. One that is not as expected, or an error, leads
 *           to DISCARD, PLAIN, and one call of the script, which finds out what is the matter
 *   ARMED   the piece may be written: EXEC does it, unless a watched key was touched since it was watched
 *
 * MULTI's answer is awaited too: were it refused, what follows would be carried out at once and unguarded. For the
 * same reason nothing stays open while there is nothing to write: a proxy may change the server behind an idle
 * connection. One that does so in the middle is noticed by the first answer, which is not QUEUED.
 *
 * A piece that is not answered as written (nothing from EXEC, a value of another type) is sent again by the script
 * before anything that comes after it: so no batch, and no question about what Redis holds, is sent beside a
 * piece, but what arms the next. */
#include "sink/redis/internal.h"

#include <stdio.h>
#include <string.h>

#include "sink/redis/arguments.h"
#include "sink/redis/rights.h"

#define DENIED_US    INT64_C(60000000) /* then transactions are tried again: rights may have been given */
#define TRIPS        64 /* of which the shortest counts: a busy machine makes the others longer */
#define FAR_US       INT64_C(700)
#define FAR_AWAY_US  INT64_C(4000)
#define FAR_PAUSE_US INT64_C(10000000)

void rs_redis_native_fini(struct rs_redis_native *native)
{
    rs_redis_piece_fini(&native->ready);
    rs_buf_fini(&native->conflicts);
}

/* ---- sending ---- */

/* One piece is under way at a time, so a distant Redis would wait for us. */
static bool waits_too_long(const struct rs_redis_writer *w)
{
    return w->next->next && rs_redis_writer_now(w) < w->native.far_until_us;
}

static void note_trip(struct rs_redis_native *native, int64_t trip_us, int64_t now_us)
{
    native->trip_us = native->trips == 0 || trip_us < native->trip_us ? trip_us : native->trip_us;
    if (++native->trips < TRIPS) {
        return;
    }
    native->trips = 0;
    native->far = native->trip_us > FAR_US;
    if (native->trip_us > FAR_AWAY_US) {
        native->far_until_us = now_us + FAR_PAUSE_US;
    }
}

/* What is expected in the fence is compared once it has been read, see permits. */
static bool may_be_native(struct rs_redis_writer *w)
{
    struct rs_redis_native *native = &w->native;
    const struct rs_view_batch *batch = w->next;
    const struct rs_redis_fence_entry *entry = rs_redis_fences_find(&w->fences, batch);
    return !native->scripted && !batch->scan && batch->op_count > 0 && entry && entry->owned &&
           entry->fence.token == batch->token && rs_redis_writer_now(w) >= native->denied_until_us &&
           !waits_too_long(w) &&
           rs_redis_piece_pack(w->piecer, w->next, &w->cursor, native->firsts_of != batch,
                               native->far ? 2 * RS_REDIS_PIECE_COST : RS_REDIS_PIECE_COST, &native->ready);
}

/* Nothing but answers may follow: MULTI would take it in. */
static int send_arm(struct rs_redis_writer *w)
{
    struct rs_redis_native *native = &w->native;
    rs_buf_reset(&w->command);
    rs_redis_piece_arm(w->piecer, &native->ready, &w->command);
    if (w->command.failed) {
        return RS_ENOMEM;
    }
    native->phase = RS_NATIVE_ARMING;
    native->permitted = true;
    return rs_redis_writer_append(
        w, &w->command,
        (struct rs_redis_call){.kind = RS_CALL_ARM, .answers = rs_redis_piece_answers(&native->ready)});
}

bool rs_redis_native_begin(struct rs_redis_writer *w, int *code)
{
    bool native = may_be_native(w);
    w->native.scripted = false;
    if (native) {
        *code = send_arm(w);
    }
    return native;
}

/* What was read before MULTI holds, or EXEC writes nothing. The next is armed in the same breath, unless
 * something else is to be sent, which has no place in a transaction. */
int rs_redis_native_write(struct rs_redis_writer *w)
{
    struct rs_redis_native *native = &w->native;
    struct rs_redis_piece *piece = &native->ready;
    RS_ASSERT(native->phase == RS_NATIVE_ARMED && piece->batch == w->next && !native->busy);
    rs_redis_put_count(&piece->body, 1);
    rs_redis_put_text(&piece->body, "EXEC");
    rs_buf_reset(&native->conflicts);
    rs_redis_put_words(&native->conflicts, &piece->conflicts);
    if (piece->body.failed || native->conflicts.failed) {
        return RS_ENOMEM;
    }
    native->phase = RS_NATIVE_PLAIN;
    native->busy = true;
    native->batch = piece->batch;
    native->from = piece->from;
    native->last = piece->last;
    w->next = piece->last ? piece->batch->next : piece->batch;
    w->cursor = piece->last ? (struct rs_redis_cursor){0} : piece->to;
    piece->batch = NULL;
    int code = rs_redis_writer_append(w, &piece->body,
                                      (struct rs_redis_call){.kind = RS_CALL_PIECE,
                                                             .batch = native->batch,
                                                             .answers = piece->commands + 1});
    if (code == 0 && w->next && !rs_redis_writer_checks_due(w) && may_be_native(w)) {
        code = send_arm(w);
    }
    return code;
}

/* ---- answers ---- */

static bool is_status(const redisReply *reply, const char *text)
{
    return reply->type == REDIS_REPLY_STATUS && strcmp(reply->str, text) == 0;
}

/* Scripts do without transactions, at twice the cost for Redis. Told once. */
static void deny(struct rs_redis_writer *w, const char *text)
{
    char rights[sizeof w->rights];
    w->native.denied_until_us = rs_redis_writer_now(w) + DENIED_US;
    if (w->native.denied_told) {
        return;
    }
    w->native.denied_told = true;
    rs_redis_rights_text(w->host.config, rights, sizeof rights);
    rs_report(&w->host.report, RS_LOG_WARNING,
              "%s%s: views are written without transactions, which costs Redis more CPU time",
              rights[0] ? "" : "Redis: ", rights[0] ? rights : text);
}

/* The script decides about the piece. */
static int give_up(struct rs_redis_writer *w, bool open)
{
    struct rs_redis_native *native = &w->native;
    native->phase = RS_NATIVE_PLAIN;
    native->scripted = true;
    if (native->ready.batch && native->ready.first) {
        native->firsts_of = native->ready.batch;
    }
    native->ready.batch = NULL;
    if (!open) {
        return 0;
    }
    rs_buf_reset(&w->command);
    rs_redis_put_count(&w->command, 1);
    rs_redis_put_text(&w->command, "DISCARD");
    return w->command.failed
               ? RS_ENOMEM
               : rs_redis_writer_append(w, &w->command, (struct rs_redis_call){.kind = RS_CALL_DISCARD});
}

/* A value of another type where names are kept is the script's to replace. A command that is not there, or not
 * allowed, is done without. */
static bool take_error(struct rs_redis_writer *w, const redisReply *reply)
{
    enum rs_redis_fault fault = rs_redis_fault_of_reply(reply->str);
    if (fault == RS_REDIS_NOPERM || strstr(reply->str, "unknown command")) {
        deny(w, reply->str);
        return true;
    }
    if (strncmp(reply->str, "WRONGTYPE", strlen("WRONGTYPE")) == 0) {
        return true;
    }
    rs_redis_writer_fail(w, fault, true, reply->str);
    return false;
}

static bool take_arm(struct rs_redis_writer *w, uint32_t left, const redisReply *reply)
{
    struct rs_redis_native *native = &w->native;
    struct rs_redis_piece *piece = &native->ready;
    if (reply->type == REDIS_REPLY_ERROR && !take_error(w, reply)) {
        return false;
    }
    if (piece->batch) {
        const struct rs_redis_fence_entry *entry = rs_redis_fences_find(&w->fences, piece->batch);
        native->permitted = native->permitted && entry && entry->owned &&
                            rs_redis_piece_permits(w->piecer, piece, rs_redis_piece_answers(piece) - left - 1,
                                                   reply, &entry->fence);
    }
    if (left > 0) {
        return true;
    }
    if (piece->batch && native->permitted) {
        native->phase = RS_NATIVE_ARMED;
        return true;
    }
    if (give_up(w, is_status(reply, "OK")) != 0) {
        rs_redis_writer_fail(w, RS_REDIS_IO, false, "out of memory while sending");
        return false;
    }
    return true;
}

/* Nothing of the piece was written, or not all of it: it is sent again, by the script, which says why or mends
 * it. What was to come after it waits. */
static bool redo(struct rs_redis_writer *w)
{
    struct rs_redis_native *native = &w->native;
    w->next = native->batch;
    w->cursor = native->from;
    native->busy = false;
    native->batch = NULL;
    native->scripted = true;
    native->ready.batch = NULL; /* what is being armed ends with DISCARD */
    return true;
}

/* NULL: there is none but of values of another type, which set `wrong`. */
static const char *error_in(const redisReply *reply, bool *wrong)
{
    for (size_t i = 0; i < reply->elements; i++) {
        const redisReply *element = reply->element[i];
        if (element->type == REDIS_REPLY_ERROR) {
            if (strncmp(element->str, "WRONGTYPE", strlen("WRONGTYPE")) != 0) {
                return element->str;
            }
            *wrong = true;
        }
    }
    return NULL;
}

static bool take_exec(struct rs_redis_writer *w, const struct rs_redis_call *call, const redisReply *reply)
{
    struct rs_redis_native *native = &w->native;
    struct rs_view_batch *batch = native->batch;
    struct rs_redis_fence_entry *entry = rs_redis_fences_find(&w->fences, batch);
    bool wrong = false;
    if (reply->type == REDIS_REPLY_NIL) {
        return redo(w);
    }
    const char *text = reply->type == REDIS_REPLY_ERROR ? reply->str : error_in(reply, &wrong);
    if (text) {
        rs_redis_writer_fail(w, rs_redis_fault_of_reply(text), true, text);
        return false;
    }
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements + 1 != call->answers || !entry) {
        rs_redis_writer_fail(w, RS_REDIS_PROTOCOL, true, "the answer is not one of a transaction");
        return false;
    }
    if (wrong) {
        return redo(w);
    }
    rs_redis_put_words(&batch->conflicts, &native->conflicts);
    if (batch->conflicts.failed) {
        rs_redis_writer_fail(w, RS_REDIS_PROTOCOL, true, "out of memory");
        return false;
    }
    native->busy = false;
    native->batch = NULL;
    note_trip(native, w->progress_us - call->sent_us, w->progress_us);
    rs_redis_writer_settle(
        w, batch, native->last,
        &(struct rs_redis_answer){.result = RS_BATCH_APPLIED, .found = true, .fence = entry->fence});
    return true;
}

/* There is no transaction, since another server answers; or the answer is an error. */
static bool lose_transaction(struct rs_redis_writer *w, const redisReply *reply)
{
    bool error = reply->type == REDIS_REPLY_ERROR;
    rs_redis_writer_fail(w, error ? rs_redis_fault_of_reply(reply->str) : RS_REDIS_PROTOCOL, true,
                         error ? reply->str : "the transaction is gone");
    return false;
}

/* A command that was not queued has been refused, and EXEC will write nothing. */
static bool take_queued(struct rs_redis_writer *w, const redisReply *reply)
{
    return is_status(reply, "QUEUED") || lose_transaction(w, reply);
}

bool rs_redis_native_take(struct rs_redis_writer *w, const struct rs_redis_call *call, uint32_t left,
                          const redisReply *reply)
{
    if (call->kind == RS_CALL_ARM) {
        return take_arm(w, left, reply);
    }
    if (reply->type == REDIS_REPLY_ERROR && rs_redis_fault_of_reply(reply->str) == RS_REDIS_NOPERM &&
        left == 0) {
        deny(w, reply->str); /* EXEC or DISCARD */
    }
    if (call->kind == RS_CALL_DISCARD) {
        if (is_status(reply, "OK")) {
            return true;
        }
        return lose_transaction(w, reply);
    }
    return left > 0 ? take_queued(w, reply) : take_exec(w, call, reply);
}
