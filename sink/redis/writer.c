#include "sink/redis/writer.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "sink/redis/internal.h"
#include "sink/redis/sentinel.h"

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
    batch->taken_us = rs_redis_writer_now(w);
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
    bool go_on = !w->stopping || (w->queue.first && rs_redis_writer_now(w) < w->deadline_us);
    pthread_mutex_unlock(&w->lock);
    return go_on;
}

/* ---- connecting ---- */

/* Another server, or one that was a replica in between, holds none of what was written, or another's data. */
static void judge_server(struct rs_redis_writer *w, const char *run_id)
{
    uint64_t generation;
    bool other = rs_redis_writer_is_other_server(w, run_id);
    if (other) {
        w->host.restarted(w->host.self);
    }
    if ((other || w->suspect) && rs_redis_fences_generation(&w->fences, &generation)) {
        rs_redis_writer_lose_server(w, generation,
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
    int code = rs_redis_open_master(&config->address, config->connect_timeout_us, config->timeout_us,
                                    &context, &fault, &error);
    if (code == 0) {
        code = rs_redis_shake_hands(context, &hands, &fault, &error);
    }
    if (code != 0) {
        if (context) {
            redisFree(context);
        }
        rs_redis_writer_fail(w, fault, false, error.text);
        return;
    }
    judge_server(w, hands.run_id);
    memcpy(w->sha, hands.sha, sizeof w->sha);
    memcpy(w->meta_sha, hands.meta_sha, sizeof w->meta_sha);
    w->context = context;
    rs_redis_writer_adopt(w);
    w->check_us = 0; /* at once: it may have been emptied meanwhile */
    w->meta_wanted = true;
    rs_redis_counts_connected(&w->counts, true);
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
        rs_redis_writer_fail(w, rs_redis_fault_of_context(w->context), false, w->context->errstr);
        return;
    }
    int64_t now = rs_redis_writer_now(w);
    int64_t due = w->calls.count > 0 ? w->progress_us + w->host.config->timeout_us : w->check_us;
    if (w->calls.count > 0 && now >= due) {
        rs_redis_writer_fail(w, RS_REDIS_TIMEOUT, false, "no answer in time");
        return;
    }
    bool asks = w->checks_inflight == 0 && w->native.phase == RS_NATIVE_PLAIN;
    due = asks && w->check_us < due ? w->check_us : due;
    struct pollfd fds[2] = {{.fd = w->context->fd, .events = (short)(done ? POLLIN : POLLIN | POLLOUT)},
                            {.fd = w->wake, .events = POLLIN}};
    poll(fds, 2, wait_ms(earliest(w, due), now));
    if (fds[0].revents & (POLLIN | POLLERR | POLLHUP)) {
        rs_redis_writer_read(w);
    }
}

static void pause_disconnected(struct rs_redis_writer *w)
{
    struct pollfd fd = {.fd = w->wake, .events = POLLIN};
    poll(&fd, 1, wait_ms(earliest(w, w->retry_us), rs_redis_writer_now(w)));
}

/* What is left at the end is handed back without a result, so that the worker knows it was not written. */
static void *run(void *argument)
{
    struct rs_redis_writer *w = argument;
    while (take_intake(w)) {
        if (w->context) {
            rs_redis_writer_fill(w);
        }
        if (w->context) {
            exchange(w);
        } else if (rs_redis_writer_now(w) < w->retry_us) {
            pause_disconnected(w);
        } else {
            connect_writer(w);
        }
    }
    rs_redis_writer_rewind(w);
    while (w->queue.first) {
        rs_redis_writer_finish_head(w);
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
    w->random = ((uint64_t)rs_redis_writer_now(w) << 8 | number) * UINT64_C(0x9E3779B97F4A7C15) | 1;
    pthread_mutex_init(&w->lock, NULL);
    int code = rs_wake_open(&w->wake, error);
    if (code == 0) {
        code = rs_redis_packer_new(host->config->prefix, host->metas, host->meta_count, &w->packer, error);
    }
    if (code == 0) {
        code = rs_redis_piecer_new(host->config->prefix, host->metas, host->meta_count, &w->piecer, error);
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
    rs_redis_piecer_free(&w->piecer);
    rs_redis_native_fini(&w->native);
    rs_redis_fences_fini(&w->fences);
    rs_buf_fini(&w->command);
    rs_redis_counts_fini(&w->counts);
    pthread_mutex_destroy(&w->lock);
    free(w);
    *writer = NULL;
}
