/* The table that workers call; see ingest/kafka/internal.h for what they share with the control thread. */
#include <string.h>

#include "base/kafka/headers.h"
#include "ingest/kafka/internal.h"

#define NUDGE_US     (5 * INT64_C(1000))
#define NUDGE_DRY_US (15 * INT64_C(1000))

struct rs_source_partition *rs_source_partition_find(const struct rs_kafka_source *source, uint32_t stream,
                                                     int32_t number)
{
    const struct rs_kafka_table *table = &source->tables[stream];

    if (number < 0 || (size_t)number >= table->size) {
        return NULL;
    }
    return table->partitions[number];
}

void rs_kafka_mail_send(struct rs_kafka_source *source, struct rs_kafka_mail *mail)
{
    struct rs_kafka_worker *worker = &source->workers[mail->partition->worker];

    pthread_mutex_lock(&source->mutex);
    if (!mail->queued && mail->partition->hold != RS_KAFKA_GONE) {
        mail->queued = true;
        rs_kafka_mails_push(&worker->mails, mail);
        atomic_store(&worker->has_mail, true);
    }
    pthread_mutex_unlock(&source->mutex);
    rs_wake(worker->wake_fd);
}

bool rs_kafka_mail_cancel(struct rs_kafka_source *source, struct rs_kafka_mail *mail)
{
    struct rs_kafka_worker *worker = &source->workers[mail->partition->worker];

    if (!mail->queued) {
        return false;
    }
    rs_kafka_mails_remove(&worker->mails, mail);
    mail->queued = false;
    atomic_store(&worker->has_mail, worker->mails.first != NULL);
    return true;
}

static struct rs_kafka_mail *next_mail(struct rs_kafka_source *source, struct rs_kafka_worker *worker)
{
    pthread_mutex_lock(&source->mutex);
    struct rs_kafka_mail *mail = rs_kafka_mails_pop(&worker->mails);
    if (mail) {
        mail->queued = false;
        atomic_store(&worker->has_mail, worker->mails.first != NULL);
    }
    pthread_mutex_unlock(&source->mutex);
    return mail;
}

static void answer(struct rs_kafka_source *source)
{
    atomic_store(&source->answered, true);
    rs_wake(source->control_fd);
}

static void stand_at(struct rs_source_partition *partition, int64_t offset)
{
    partition->from_oldest = offset == RS_OFFSET_BEGINNING;
    partition->expected = partition->from_oldest ? 0 : offset;
    atomic_store(&partition->delivered, -1);
}

/* A partition is read from elsewhere: draws the line between what was fetched before and what will be. The
 * control thread has ended the fetch, and librdkafka passes nothing of an ended fetch on, so that only the
 * batch at hand may hold records of it. The next fetch begins once the line is drawn. */
static void draw_line(struct rs_kafka_source *source, const struct rs_kafka_worker *worker,
                      struct rs_source_partition *partition)
{
    pthread_mutex_lock(&source->mutex);
    bool ended = partition->phase == RS_KAFKA_FETCH_ENDED;
    bool paused = ended && partition->start_offset == RS_KAFKA_PAUSED;
    if (paused) {
        partition->phase = RS_KAFKA_CLAIMING;
        ended = false;
    }
    if (ended && partition->start_offset == RS_KAFKA_GO_ON) {
        bool untouched = partition->from_oldest && atomic_load(&partition->delivered) < 0;
        partition->start_offset = untouched ? RS_OFFSET_BEGINNING : partition->expected;
    } else if (ended) {
        stand_at(partition, partition->start_offset);
    }
    if (ended) {
        partition->first_batch = worker->batch + 1;
        partition->reading = true;
        partition->phase = RS_KAFKA_READY;
    }
    pthread_mutex_unlock(&source->mutex);
    if (ended) {
        answer(source);
    }
}

/* The worker may have asked to read on from elsewhere before it heard of the end. */
static bool still_stopped(struct rs_kafka_source *source, const struct rs_source_partition *partition)
{
    pthread_mutex_lock(&source->mutex);
    bool reading = partition->phase == RS_KAFKA_READING;
    pthread_mutex_unlock(&source->mutex);
    return reading && atomic_load(&partition->has_stopped);
}

/* A fence is for this side alone: it says behind which of its batches a restarted partition begins. An end
 * may be out of date when it is read: the worker may have asked to read on from elsewhere. */
static bool take_mail(struct rs_kafka_source *source, struct rs_kafka_worker *worker,
                      struct rs_source_event *out)
{
    struct rs_kafka_mail *mail = NULL;

    while ((mail = next_mail(source, worker))) {
        struct rs_source_partition *partition = mail->partition;
        if (mail == &partition->fence) {
            draw_line(source, worker, partition);
            continue;
        }
        if (mail == &partition->stopped && !still_stopped(source, partition)) {
            continue;
        }
        partition->reading = partition->reading && mail != &partition->stopped;
        *out = (struct rs_source_event){
            .kind = mail->kind,
            .stream = partition->stream->index,
            .partition = partition->number,
            .error = mail == &partition->stopped ? &partition->stop_error : NULL,
            .has_start = mail == &partition->assigned && partition->start_at != -1,
            .start = mail == &partition->assigned ? partition->start_at : -1,
        };
        return true;
    }
    return false;
}

/* Messages of a topic come many in a row, so the last answer mostly does, without comparing names. */
static const struct rs_stream *stream_of(struct rs_kafka_source *source, struct rs_kafka_worker *worker,
                                         const rd_kafka_message_t *message)
{
    if (!message->rkt) {
        return NULL;
    }
    if (message->rkt == worker->last_topic) {
        return worker->last_stream;
    }
    const char *topic = rd_kafka_topic_name(message->rkt);
    const struct rs_stream *stream = rs_streams_by_topic(source->options.streams, topic);
    if (stream) {
        worker->last_topic = message->rkt;
        worker->last_stream = stream;
    }
    return stream;
}

/* The partition that a message of the current batch belongs to; NULL: of no partition that is being read now. */
static struct rs_source_partition *part_of(struct rs_kafka_source *source, struct rs_kafka_worker *worker,
                                           const rd_kafka_message_t *message)
{
    const struct rs_stream *stream = stream_of(source, worker, message);

    if (!stream) {
        return NULL;
    }
    pthread_mutex_lock(&source->mutex);
    struct rs_source_partition *partition =
        rs_source_partition_find(source, stream->index, message->partition);
    bool mine =
        partition && partition->hold != RS_KAFKA_GONE && &source->workers[partition->worker] == worker;
    pthread_mutex_unlock(&source->mutex);
    return mine && partition->reading && worker->batch >= partition->first_batch ? partition : NULL;
}

/* The only error that ends a partition is an offset that is not there; librdkafka retries all others. */
static void message_failed(struct rs_kafka_source *source, struct rs_source_partition *partition,
                           const rd_kafka_message_t *message)
{
    if (!partition || message->err != RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
        return;
    }
    atomic_store(&partition->out_of_range, partition->expected >= 0 ? partition->expected : 0);
    atomic_store(&source->answered, true);
    rs_wake(source->control_fd);
}

static void drop_message(struct rs_kafka_worker *worker)
{
    rd_kafka_message_destroy(worker->messages[worker->at]);
    worker->at++;
}

/* Offsets below what is due come where a fetch began anew: those records were handed out before. */
static bool acceptable(struct rs_kafka_source *source, struct rs_source_partition *partition,
                       const rd_kafka_message_t *message)
{
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        message_failed(source, partition, message);
        return false;
    }
    if (!partition) {
        return false;
    }
    if (message->offset < partition->expected) {
        atomic_fetch_add_explicit(&source->skipped, 1, memory_order_relaxed);
        return false;
    }
    return true;
}

static void to_record(rd_kafka_message_t *message, struct rs_record *out)
{
    rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    int64_t timestamp_ms = rd_kafka_message_timestamp(message, &type);
    bool usable =
        type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && timestamp_ms >= 0 && timestamp_ms <= INT64_MAX / 1000;

    *out = (struct rs_record){
        .key = rs_slice_of(message->key, message->key_len),
        .value = rs_slice_of(message->payload, message->len),
        .offset = message->offset,
        .timestamp_us = usable ? timestamp_ms * 1000 : RS_TIME_NONE,
        .origin = message,
        .header = rs_kafka_header,
    };
}

/* The longest run of one partition from `at` on whose offsets ascend. */
static size_t build_run(struct rs_kafka_worker *worker, struct rs_source_partition *partition)
{
    const rd_kafka_message_t *first = worker->messages[worker->at];
    size_t run = 0;

    for (size_t i = worker->at; i < worker->count; i++) {
        rd_kafka_message_t *message = worker->messages[i];
        if (message->rkt != first->rkt || message->partition != first->partition ||
            message->offset < partition->expected || message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            break;
        }
        to_record(message, &worker->records[run++]);
        partition->expected = message->offset + 1;
    }
    return run;
}

static bool take_run(struct rs_kafka_source *source, struct rs_kafka_worker *worker,
                     struct rs_source_event *out)
{
    while (worker->at < worker->count) {
        const rd_kafka_message_t *message = worker->messages[worker->at];
        struct rs_source_partition *partition = part_of(source, worker, message);
        if (!acceptable(source, partition, message)) {
            drop_message(worker);
            continue;
        }
        worker->held = build_run(worker, partition);
        worker->at += worker->held;
        atomic_store_explicit(&partition->delivered, partition->expected, memory_order_relaxed);
        *out = (struct rs_source_event){
            .kind = RS_SOURCE_RECORDS,
            .stream = partition->stream->index,
            .partition = partition->number,
            .records = worker->records,
            .count = worker->held,
        };
        return true;
    }
    return false;
}

/* When half of what waited is gone it is time to fetch, and again and again once there is nothing. */
static void ask_for_more(struct rs_kafka_source *source, struct rs_kafka_worker *worker)
{
    size_t waiting = rd_kafka_queue_length(worker->queue);

    if (waiting > worker->peak) {
        worker->peak = waiting;
    }
    bool dry = waiting == 0 && worker->count == 0;
    if (!dry && (worker->peak <= RS_KAFKA_BATCH || waiting > worker->peak / 2)) {
        return;
    }
    int64_t now = rs_clock_mono(source->options.clock);
    if (now - worker->nudged_us < (dry ? NUDGE_DRY_US : NUDGE_US)) {
        return;
    }
    worker->nudged_us = now;
    worker->peak = waiting;
    atomic_store(&worker->nudge, true);
    rs_wake(source->control_fd);
}

static bool next_batch(struct rs_kafka_source *source, struct rs_kafka_worker *worker)
{
    ssize_t count = rd_kafka_consume_batch_queue(worker->queue, 0, worker->messages, RS_KAFKA_BATCH);

    worker->at = 0;
    worker->count = count > 0 ? (size_t)count : 0;
    worker->batch++;
    if (source->must_nudge) {
        ask_for_more(source, worker);
    }
    return worker->count > 0;
}

/* Mail first, since it changes what may be done with records. While a run is held there are no others: the
 * array of records is its. */
static bool worker_take(void *self, uint32_t index, struct rs_source_event *out)
{
    struct rs_kafka_source *source = self;
    struct rs_kafka_worker *worker = &source->workers[index];

    if (worker->held == 0 && worker->at == worker->count) {
        rs_wake_clear(worker->wake_fd); /* before looking, so that what comes while looking wakes again */
    }
    if (atomic_load(&worker->has_mail) && take_mail(source, worker, out)) {
        return true;
    }
    if (worker->held > 0) {
        return false;
    }
    do {
        if (take_run(source, worker, out)) {
            return true;
        }
    } while (next_batch(source, worker));
    return false;
}

static void worker_release(void *self, uint32_t index)
{
    struct rs_kafka_source *source = self;
    struct rs_kafka_worker *worker = &source->workers[index];

    for (size_t i = worker->at - worker->held; i < worker->at; i++) {
        rd_kafka_message_destroy(worker->messages[i]);
    }
    worker->held = 0;
}

void rs_kafka_worker_drop(struct rs_kafka_worker *worker)
{
    for (size_t i = worker->at - worker->held; i < worker->count; i++) {
        rd_kafka_message_destroy(worker->messages[i]);
    }
    worker->held = worker->at = worker->count = 0;
}

/* Needs the mutex. */
static void start_part(const struct rs_kafka_source *source, struct rs_source_partition *partition,
                       int64_t offset)
{
    switch (partition->phase) {
    case RS_KAFKA_CLAIMING:
    case RS_KAFKA_READY:
        stand_at(partition, offset);
        partition->first_batch = source->workers[partition->worker].batch + 1;
        partition->reading = true;
        partition->phase = RS_KAFKA_READY;
        break;
    case RS_KAFKA_READING:
        partition->reading = false;
        partition->phase = RS_KAFKA_RESTARTING;
        break;
    case RS_KAFKA_RESTARTING:
    case RS_KAFKA_FETCH_ENDED: partition->reading = false; break;
    }
    partition->start_offset = offset;
}

static int worker_start(void *self, uint32_t stream, int32_t number, int64_t offset, struct rs_error *error)
{
    struct rs_kafka_source *source = self;

    RS_ASSERT(offset >= 0 || offset == RS_OFFSET_BEGINNING);
    pthread_mutex_lock(&source->mutex);
    struct rs_source_partition *partition = rs_source_partition_find(source, stream, number);
    bool owned = partition && partition->hold != RS_KAFKA_GONE;
    if (owned) {
        start_part(source, partition, offset);
    }
    pthread_mutex_unlock(&source->mutex);
    if (!owned) {
        return rs_fail(error, RS_EINVAL, "stream %s: partition %d was not assigned to be started",
                       source->options.streams->items[stream].name, number);
    }
    answer(source);
    return 0;
}

/* As a start elsewhere that is not known yet. */
static void worker_pause(void *self, uint32_t stream, int32_t number)
{
    struct rs_kafka_source *source = self;

    pthread_mutex_lock(&source->mutex);
    struct rs_source_partition *partition = rs_source_partition_find(source, stream, number);
    if (partition && partition->hold != RS_KAFKA_GONE) {
        if (partition->phase == RS_KAFKA_READY) {
            partition->phase = RS_KAFKA_CLAIMING;
        } else if (partition->phase == RS_KAFKA_READING) {
            partition->phase = RS_KAFKA_RESTARTING;
        }
        partition->reading = false;
        partition->start_offset = RS_KAFKA_PAUSED;
    }
    pthread_mutex_unlock(&source->mutex);
    answer(source);
}

/* One that was assigned again meanwhile stays: the worker has yet to hear of it. */
static void worker_done(void *self, uint32_t stream, int32_t number)
{
    struct rs_kafka_source *source = self;

    pthread_mutex_lock(&source->mutex);
    struct rs_source_partition *partition = rs_source_partition_find(source, stream, number);
    if (partition && partition->hold != RS_KAFKA_GONE) {
        partition->reading = false;
    }
    if (partition && partition->hold == RS_KAFKA_REVOKED) {
        /* What is unread of an assignment and a revocation belongs together: the newest word is to let go. */
        (void)rs_kafka_mail_cancel(source, &partition->assigned);
        (void)rs_kafka_mail_cancel(source, &partition->revoked);
        (void)rs_kafka_mail_cancel(source, &partition->stopped);
        (void)rs_kafka_mail_cancel(source, &partition->fence);
        partition->hold = RS_KAFKA_GONE;
    }
    pthread_mutex_unlock(&source->mutex);
    answer(source);
}

/* Two may know: fetching tells where the log ends, and where nothing is fetched the asker has asked. */
static int64_t worker_end_offset(void *self, uint32_t stream, int32_t number)
{
    struct rs_kafka_source *source = self;
    int64_t low = -1;
    int64_t high = -1;

    pthread_mutex_lock(&source->mutex);
    struct rs_source_partition *partition = rs_source_partition_find(source, stream, number);
    pthread_mutex_unlock(&source->mutex);
    if (!partition) {
        return -1;
    }
    bool told = rd_kafka_get_watermark_offsets(source->fetcher, partition->stream->topic, number, &low,
                                               &high) == RD_KAFKA_RESP_ERR_NO_ERROR &&
                high >= 0;
    int64_t asked = atomic_load(&partition->high);
    high = told && high > asked ? high : asked;
    if (high < 0) {
        return -1;
    }
    /* Markers of transactions and compacted records occupy offsets that no record will have. When librdkafka
     * has read past them, the last record that came is the end, or before any came where reading began. */
    int64_t delivered = atomic_load_explicit(&partition->delivered, memory_order_relaxed);
    int64_t began = partition->expected > 0 ? partition->expected : 0;
    int64_t reached = delivered < 0 ? began : delivered;
    if (high <= atomic_load_explicit(&partition->fetched_to, memory_order_relaxed) && reached < high) {
        return reached;
    }
    return high;
}

static void worker_committed(void *self, uint32_t stream, int32_t number, int64_t next_offset)
{
    struct rs_kafka_source *source = self;

    pthread_mutex_lock(&source->mutex);
    struct rs_source_partition *partition = rs_source_partition_find(source, stream, number);
    if (partition) {
        atomic_store(&partition->committed, next_offset);
    }
    pthread_mutex_unlock(&source->mutex);
}

static int worker_wake_fd(void *self, uint32_t index)
{
    struct rs_kafka_source *source = self;

    return source->workers[index].wake_fd;
}

const struct rs_source_ops rs_kafka_worker_ops = {
    .take = worker_take,
    .release = worker_release,
    .start = worker_start,
    .pause = worker_pause,
    .done = worker_done,
    .end_offset = worker_end_offset,
    .committed = worker_committed,
    .wake_fd = worker_wake_fd,
};
