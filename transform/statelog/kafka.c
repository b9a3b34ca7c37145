/* The table that workers call, and the log's life; see kafka_internal.h for what is shared. */
#include "transform/statelog/kafka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/kafka/config.h"
#include "transform/statelog/kafka_internal.h"

#define DEFAULT_BYTES ((size_t)2 << 20)

char *rs_kafka_log_topic(const char *group, const char *input)
{
    char *name = NULL;

    return asprintf(&name, "%s.state.%s", group, input) < 0 ? NULL : name;
}

/* Stamped with the key's epoch and generation as they are now: whether anybody still waits for the answer,
 * and whether its refusal concerns the present ownership, is decided by comparing them when it comes. */
static struct rs_kafka_log_note *note_new(struct rs_kafka_log_partition *key, struct rs_partition_id who,
                                          enum rs_append_event_kind kind, size_t size)
{
    struct rs_kafka_log_note *note = calloc(1, sizeof *note + size);

    if (note) {
        note->key = key;
        note->worker = who.worker;
        note->epoch = key->epoch;
        note->generation = key->generation;
        note->event = (struct rs_append_event){.kind = kind, .id = who, .offset = -1, .committed = -1};
        note->size = size;
    }
    return note;
}

/* Only the array of pointers moves. A key stays where it is until the log is freed, since notes and the
 * keeper point at it. */
static bool make_room(struct rs_kafka_log_topic *topic, int32_t partition)
{
    size_t count = (size_t)partition + 1;

    if (count <= topic->key_count) {
        return true;
    }
    struct rs_kafka_log_partition **grown =
        realloc(topic->keys, count * sizeof(struct rs_kafka_log_partition *));
    if (!grown) {
        return false;
    }
    memset(grown + topic->key_count, 0, (count - topic->key_count) * sizeof(struct rs_kafka_log_partition *));
    topic->keys = grown;
    topic->key_count = count;
    return true;
}

/* The key, made if need be; NULL: out of memory. Needs the lock. */
static struct rs_kafka_log_partition *obtain(struct rs_kafka_log *log, struct rs_partition_id who)
{
    struct rs_kafka_log_topic *topic = &log->topics[who.stream];

    RS_ASSERT(who.stream < log->options.streams->count && who.partition >= 0 &&
              who.worker < log->options.workers);
    if (!make_room(topic, who.partition)) {
        return NULL;
    }
    struct rs_kafka_log_partition *key = topic->keys[who.partition];
    if (!key) {
        key = calloc(1, sizeof *key);
        if (!key) {
            return NULL;
        }
        key->stream = who.stream;
        key->partition = who.partition;
        topic->keys[who.partition] = key;
    }
    key->worker = who.worker;
    return key;
}

/* Has the keeper look at the topic where that is needed for this key. Needs the lock. */
static void want_topic(struct rs_kafka_log *log, const struct rs_kafka_log_partition *key)
{
    if (!rs_kafka_log_fit(log, key)) {
        log->topics[key->stream].check = true;
        rs_wake(log->keeper_fd);
    }
}

/* ---- the table ---- */

/* A key with nothing under way may always append: one whose broker is away does not take the room of all. */
static int full(struct rs_kafka_log *log, const struct rs_kafka_log_partition *key, uint32_t worker,
                size_t size, struct rs_error *error)
{
    bool idle = !key->sent && !key->waiting.first;

    if (idle || log->status.pending_bytes + size <= log->options.max_bytes) {
        return 0;
    }
    log->workers[worker].wants_room = true;
    return rs_fail(error, RS_ELIMIT, "state log: %zu bytes are under way already", log->options.max_bytes);
}

/* A record behind one that was refused is refused at once, though the worker may not know of that yet:
 * nothing of an ownership may stand behind a record that is missing. It is counted as pending first,
 * because sending the answer takes it off again. */
static void append_note(struct rs_kafka_log *log, struct rs_kafka_log_partition *key,
                        struct rs_kafka_log_note *note)
{
    log->status.pending++;
    log->status.pending_bytes += note->size;
    if (key->refused) {
        struct rs_error error;
        (void)rs_fail(&error, RS_EBROKER, "state log: an earlier record was refused");
        note->event.kind = RS_APPEND_REFUSED;
        rs_kafka_log_send(log, note, &error);
        return;
    }
    rs_kafka_log_notes_push(&key->waiting, note);
    want_topic(log, key);
    rs_kafka_log_pump(log, key);
}

/* A record of 0 bytes is refused here, since a note of size 0 is taken for one that carries no record. */
static int append_locked(struct rs_kafka_log *log, struct rs_partition_id who, struct rs_slice bytes,
                         uint64_t cookie, struct rs_error *error)
{
    if (log->stopping) {
        return rs_fail(error, RS_EBROKER, "state log: it is being closed");
    }
    if (bytes.size == 0 || bytes.size > RS_LOG_RECORD_MAX) {
        return rs_fail(error, RS_EINVAL, "state log: a record of %zu bytes; 1 to %zu are possible",
                       bytes.size, RS_LOG_RECORD_MAX);
    }
    struct rs_kafka_log_partition *key = obtain(log, who);
    int rc = !key ? 0 : full(log, key, who.worker, bytes.size, error);
    if (rc != 0) {
        return rc;
    }
    struct rs_kafka_log_note *note = !key ? NULL : note_new(key, who, RS_APPEND_DONE, bytes.size);
    if (!note) {
        return rs_fail(error, RS_ENOMEM, "state log: out of memory");
    }
    memcpy(note->bytes, bytes.data, bytes.size);
    note->event.cookie = cookie;
    append_note(log, key, note);
    return 0;
}

static int table_append(void *self, struct rs_partition_id who, struct rs_slice bytes, uint64_t cookie,
                        struct rs_error *error)
{
    struct rs_kafka_log *log = self;

    pthread_mutex_lock(&log->lock);
    int rc = append_locked(log, who, bytes, cookie, error);
    pthread_mutex_unlock(&log->lock);
    return rc;
}

/* The note for BROKEN is made now, while running out of memory can still be returned: later, the reading
 * can end without needing any. */
static int read_locked(struct rs_kafka_log *log, struct rs_partition_id who, int64_t until,
                       struct rs_error *error)
{
    struct rs_kafka_log_partition *key = log->stopping ? NULL : obtain(log, who);
    struct rs_kafka_log_note *note = !key ? NULL : note_new(key, who, RS_APPEND_BROKEN, 0);

    if (log->stopping) {
        return rs_fail(error, RS_EBROKER, "state log: it is being closed");
    }
    if (!note) {
        return rs_fail(error, RS_ENOMEM, "state log: out of memory");
    }
    RS_ASSERT(key->phase == RS_KAFKA_LOG_IDLE && until >= 0);
    key->phase = RS_KAFKA_LOG_WANTED;
    key->broken = note;
    key->until = until;
    key->first = key->next = key->committed = -1;
    want_topic(log, key);
    rs_wake(log->keeper_fd);
    return 0;
}

static int table_read(void *self, struct rs_partition_id who, int64_t until, struct rs_error *error)
{
    struct rs_kafka_log *log = self;

    pthread_mutex_lock(&log->lock);
    int rc = read_locked(log, who, until, error);
    pthread_mutex_unlock(&log->lock);
    return rc;
}

/* Listed before it is asked for: the keeper may get the answer before this call returns, and takes the
 * note off the list. What never gets an answer is freed with the list. librdkafka is called without the
 * lock. */
static int table_trim(void *self, struct rs_partition_id who, int64_t before, struct rs_error *error)
{
    struct rs_kafka_log *log = self;

    pthread_mutex_lock(&log->lock);
    struct rs_kafka_log_partition *key = obtain(log, who);
    struct rs_kafka_log_note *note = !key ? NULL : note_new(key, who, RS_APPEND_TRIMMED, 0);
    if (note) {
        rs_kafka_log_notes_push(&log->trims, note);
    }
    pthread_mutex_unlock(&log->lock);
    if (!note) {
        return rs_fail(error, RS_ENOMEM, "state log: out of memory");
    }
    rs_kafka_log_trim(log, note, before);
    return 0;
}

/* What is on its way cannot be called back. With a new epoch its answer is nobody's, and with a new
 * generation its refusal does not refuse the records of the next ownership, which may begin at once. */
static void table_forget(void *self, struct rs_partition_id who)
{
    struct rs_kafka_log *log = self;

    pthread_mutex_lock(&log->lock);
    struct rs_kafka_log_partition *key = rs_kafka_log_find(log, who.stream, who.partition);
    if (key) {
        key->epoch++;
        key->generation++;
        key->refused = false;
        rs_kafka_log_abandon(log, key);
        if (log->workers[who.worker].ended == key) {
            log->workers[who.worker].ended = NULL;
        }
    }
    pthread_mutex_unlock(&log->lock);
}

/* The next note that somebody wants to hear of; it lives until the next call. */
static bool take_note(struct rs_kafka_log *log, struct rs_kafka_log_worker *worker,
                      struct rs_append_event *out)
{
    struct rs_kafka_log_note *note = NULL;

    pthread_mutex_lock(&log->lock);
    while ((note = rs_kafka_log_notes_pop(&worker->notes)) && note->epoch != note->key->epoch) {
        rs_kafka_log_note_free(note);
    }
    if (note && note->event.kind == RS_APPEND_REFUSED && note->generation == note->key->generation) {
        note->key->generation++;
        note->key->refused = false;
    }
    pthread_mutex_unlock(&log->lock);
    if (!note) {
        return false;
    }
    worker->held = note;
    *out = note->event;
    out->error = note->error;
    return true;
}

static bool take_once(struct rs_kafka_log *log, uint32_t index, struct rs_append_event *out)
{
    return take_note(log, &log->workers[index], out) || rs_kafka_log_read_take(log, index, out);
}

static void let_go(struct rs_kafka_log_worker *worker)
{
    rs_kafka_log_note_free(worker->held);
    worker->held = NULL;
    if (worker->held_message) {
        rd_kafka_message_destroy(worker->held_message);
        worker->held_message = NULL;
    }
}

/* The descriptor is drained only when nothing was found, and then everything is looked at once more: what comes
 * after that look wakes again, and what came between the two looks may be more than the one event returned. */
static bool table_take(void *self, uint32_t index, struct rs_append_event *out)
{
    struct rs_kafka_log *log = self;
    struct rs_kafka_log_worker *worker = &log->workers[index];

    let_go(worker);
    if (take_once(log, index, out)) {
        return true;
    }
    rs_wake_clear(worker->wake_fd);
    if (!take_once(log, index, out)) {
        return false;
    }
    rs_wake(worker->wake_fd);
    return true;
}

static int table_wake_fd(void *self, uint32_t index)
{
    struct rs_kafka_log *log = self;

    return log->workers[index].wake_fd;
}

struct rs_append_log rs_kafka_log_table(struct rs_kafka_log *log)
{
    static const struct rs_append_log_ops ops = {
        .append = table_append,
        .read = table_read,
        .trim = table_trim,
        .forget = table_forget,
        .take = table_take,
        .wake_fd = table_wake_fd,
    };

    return (struct rs_append_log){.self = log, .ops = &ops};
}

/* ---- life ---- */

static int name_topic(struct rs_kafka_log *log, const struct rs_stream *input, struct rs_error *error)
{
    struct rs_kafka_log_topic *topic = &log->topics[input->index];

    topic->stream = input;
    free(topic->name); /* of a try that failed */
    topic->name = rs_kafka_log_topic(log->options.streams->group, rs_stream_input(input));
    return topic->name ? 0 : rs_fail(error, RS_ENOMEM, "state log: out of memory");
}

/* Descriptors are -1 before anything else can fail: rs_kafka_log_free closes all others. */
static int allocate(struct rs_kafka_log *log, struct rs_error *error)
{
    const struct rs_streams *streams = log->options.streams;

    log->workers = calloc(log->options.workers, sizeof *log->workers);
    for (uint32_t i = 0; log->workers && i < log->options.workers; i++) {
        log->workers[i].wake_fd = -1;
    }
    log->topics = calloc(rs_streams_room(streams) + 1, sizeof *log->topics);
    if (!log->topics || !log->workers) {
        return rs_fail(error, RS_ENOMEM, "state log: out of memory");
    }
    for (size_t i = 0; i < streams->count; i++) {
        int rc = name_topic(log, &streams->items[i], error);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

int rs_kafka_log_add(struct rs_kafka_log *log, const struct rs_stream *input, struct rs_error *error)
{
    int rc = name_topic(log, input, error);

    return rc == 0 ? rs_kafka_log_open_topic(log, &log->topics[input->index], error) : rc;
}

static int open_descriptors(struct rs_kafka_log *log, struct rs_error *error)
{
    int rc = rs_wake_open(&log->keeper_fd, error);

    for (uint32_t i = 0; i < log->options.workers; i++) {
        rc = rc == 0 ? rs_wake_open(&log->workers[i].wake_fd, error) : rc;
    }
    return rc == 0 ? 0 : rs_error_prefix(error, "state log");
}

int rs_kafka_log_new(const struct rs_kafka_log_options *options, struct rs_kafka_log **out,
                     struct rs_error *error)
{
    struct rs_kafka_log *log = calloc(1, sizeof *log);

    if (!log) {
        rd_kafka_conf_destroy(options->conf);
        return rs_fail(error, RS_ENOMEM, "state log: out of memory");
    }
    log->options = *options;
    log->options.conf = NULL;
    log->options.max_bytes = options->max_bytes > 0 ? options->max_bytes : DEFAULT_BYTES;
    log->keeper_fd = -1;
    pthread_mutex_init(&log->lock, NULL);
    int rc = allocate(log, error);
    if (rc == 0) {
        rc = open_descriptors(log, error);
    }
    if (rc == 0) {
        rc = rs_kafka_log_keeper_open(log, options->conf, error);
    }
    if (rc == 0) {
        rc = rs_kafka_log_writer_open(log, options->conf, error);
    }
    rd_kafka_conf_destroy(options->conf);
    if (rc != 0) {
        rs_kafka_log_free(&log);
        return rc;
    }
    *out = log;
    return 0;
}

size_t rs_kafka_log_stop(struct rs_kafka_log *log, int64_t within_us)
{
    pthread_mutex_lock(&log->lock);
    log->stopping = true;
    log->deadline_us = rs_clock_mono(log->options.clock) + within_us;
    pthread_mutex_unlock(&log->lock);
    rs_kafka_log_writer_close(log);
    rs_kafka_log_keeper_close(log);
    return log->status.pending;
}

static void free_notes(struct rs_kafka_log_notes *notes)
{
    struct rs_kafka_log_note *note = NULL;

    while ((note = rs_kafka_log_notes_pop(notes))) {
        rs_kafka_log_note_free(note);
    }
}

static void free_topic(struct rs_kafka_log_topic *topic)
{
    for (size_t i = 0; i < topic->key_count; i++) {
        struct rs_kafka_log_partition *key = topic->keys[i];
        if (key) {
            free_notes(&key->waiting);
            rs_kafka_log_note_free(key->broken);
            free(key);
        }
    }
    free(topic->keys);
    free(topic->name);
}

/* Also of a log that was made only in part. The threads end first: from then on nobody else sees the
 * notes. */
void rs_kafka_log_free(struct rs_kafka_log **pointer)
{
    struct rs_kafka_log *log = *pointer;

    if (!log) {
        return;
    }
    (void)rs_kafka_log_stop(log, 0);
    for (uint32_t i = 0; log->workers && i < log->options.workers; i++) {
        free_notes(&log->workers[i].notes);
        rs_kafka_log_note_free(log->workers[i].held);
        rs_wake_close(&log->workers[i].wake_fd);
    }
    for (size_t i = 0; log->topics && i < log->options.streams->count; i++) {
        free_topic(&log->topics[i]);
    }
    free_notes(&log->trims);
    rs_wake_close(&log->keeper_fd);
    free(log->topics);
    free(log->workers);
    pthread_mutex_destroy(&log->lock);
    free(log);
    *pointer = NULL;
}

/* ---- status ---- */

void rs_kafka_log_status(struct rs_kafka_log *log, struct rs_kafka_log_status *out)
{
    pthread_mutex_lock(&log->lock);
    *out = log->status;
    out->writable = out->writable && log->producer;
    for (size_t i = 0; i < log->options.streams->count; i++) {
        out->topics_ready += log->topics[i].ready ? 1 : 0;
    }
    pthread_mutex_unlock(&log->lock);
}

bool rs_kafka_log_reading(struct rs_kafka_log *log, uint32_t stream, int32_t partition,
                          struct rs_kafka_log_reading *out)
{
    pthread_mutex_lock(&log->lock);
    const struct rs_kafka_log_partition *key = rs_kafka_log_find(log, stream, partition);
    bool reading = key && key->phase != RS_KAFKA_LOG_IDLE;
    if (reading) {
        *out = (struct rs_kafka_log_reading){.first = key->first, .next = key->next, .until = key->until};
    }
    pthread_mutex_unlock(&log->lock);
    return reading;
}
