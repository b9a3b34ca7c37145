#include "sink/redis/commands.h"
#include "sink/redis/internal.h"

#define CHECK_EVERY_US INT64_C(1000000)
#define CHECK_CALLS    3 /* at most */

static int send_command(struct rs_redis_writer *w, struct rs_redis_call call)
{
    int code = w->command.failed ? RS_ENOMEM : rs_redis_writer_append(w, &w->command, call);
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
    if (code == 0 && rs_redis_writer_writes_meta(w)) {
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
        if (*code == 0) {
            *code = rs_redis_piecer_identify(w->piecer, w->host.group, cluster, &error);
        }
        w->identified = *code == 0;
        w->check_us = 0;
    }
    if (!w->identified && rs_redis_writer_now(w) >= w->check_us) {
        w->check_us = rs_redis_writer_now(w) + CHECK_EVERY_US; /* asleep until then, or woken by the news */
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
                   : rs_redis_writer_append(
                         w, &w->command,
                         (struct rs_redis_call){.kind = RS_CALL_SCAN, .batch = batch, .last = true});
    }
    int code = 0;
    if (rs_redis_native_begin(w, &code)) {
        return code;
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
    return rs_redis_writer_append(
        w, &w->command, (struct rs_redis_call){.kind = RS_CALL_BATCH, .batch = batch, .last = last});
}

/* While a piece is unanswered it may still have to be written again, before what comes after it. */
static bool takes_batches(const struct rs_redis_writer *w)
{
    return w->next && w->native.phase == RS_NATIVE_PLAIN && !w->native.busy &&
           rs_redis_calls_take_batches(&w->calls);
}

/* Checks come first. If batches did, they would take all the room that answers make, and a loss would go
 * unnoticed just while there is much to write. In a transaction there is no place for them: it ends first. */
void rs_redis_writer_fill(struct rs_redis_writer *w)
{
    int code = 0;
    int64_t now = rs_redis_writer_now(w);
    bool identified = identify(w, &code);
    if (identified && code == 0 && w->native.phase == RS_NATIVE_ARMED) {
        code = rs_redis_native_write(w);
    }
    bool plain = identified && w->native.phase == RS_NATIVE_PLAIN;
    if (plain && code == 0 && w->checks_inflight == 0 && now >= w->check_us &&
        rs_redis_calls_have_room(&w->calls, CHECK_CALLS)) {
        w->check_us = now + CHECK_EVERY_US;
        code = send_checks(w);
    }
    if (plain && code == 0 && rs_redis_writer_meta_due(w) && rs_redis_calls_have_room(&w->calls, 1)) {
        code = send_meta(w, true);
    }
    while (plain && code == 0 && takes_batches(w)) {
        code = send_batch_call(w);
    }
    if (code != 0) {
        rs_redis_writer_fail(w, RS_REDIS_IO, false, "out of memory while sending");
    }
}
