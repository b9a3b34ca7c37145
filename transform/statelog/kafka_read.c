/* Reading: the worker's end of its queue, and the keeper, which looks after topics and starts and stops what
 * is fetched. The keeper alone waits for answers of brokers. */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/kafka/ask.h"
#include "base/kafka/client.h"
#include "base/kafka/config.h"
#include "transform/statelog/kafka_internal.h"

#define SECOND_US INT64_C(1000000)
#define IDLE_MS   1000             /* between looks that nothing asked for */
#define RETRY_US  (SECOND_US / 5)  /* between questions that a broker did not answer */
#define ASK_MS    1000             /* for an answer about offsets */
#define STALL_US  (10 * SECOND_US) /* without a record: is the log still as long as it was? */
#define NUDGE_MS  50
#define TOGETHER  256 /* readings begun at once */

/* One worker's queue is bounded by bytes: `fetch.*` and `queued.max.messages.kbytes` are what it may hold. */
static const char *const settings[][2] = {
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"auto.commit.enable", "false"}, /* the same, for consumers without a group */
    {"auto.offset.reset", "error"},
    {"check.crcs", "true"},
    {"enable.partition.eof", "false"},
    {"fetch.wait.max.ms", "100"},
    {"fetch.error.backoff.ms", "50"},
    {"fetch.message.max.bytes", "4194304"},
    {"fetch.max.bytes", "16777216"},
    {"queued.min.messages", "100000"},
    {"queued.max.messages.kbytes", "8192"},
    {"socket.nagle.disable", "true"},
    {"topic.metadata.refresh.interval.ms", "5000"},
    {"statistics.interval.ms", "0"},
    {NULL, NULL},
};

/* ---- the worker's end ---- */

static bool next_batch(struct rs_kafka_log *log, struct rs_kafka_log_worker *worker)
{
    /* Under the lock, so that the keeper's `first_batch` tells records of this reading from earlier ones. */
    pthread_mutex_lock(&log->lock);
    worker->batch++;
    ssize_t count = rd_kafka_consume_batch_queue(worker->queue, 0, worker->messages, RS_KAFKA_LOG_BATCH);
    pthread_mutex_unlock(&log->lock);
    worker->at = 0;
    worker->count = count > 0 ? (size_t)count : 0;
    return worker->count > 0;
}

static struct rs_kafka_log_partition *key_of(struct rs_kafka_log *log, const rd_kafka_message_t *message)
{
    for (uint32_t i = 0; message->rkt && i < log->options.streams->count; i++) {
        if (log->topics[i].handle == message->rkt) {
            return rs_kafka_log_find(log, i, message->partition);
        }
    }
    return NULL;
}

/* What a fetch that failed means. Other errors librdkafka tries again by itself. Needs the lock. */
static void fetch_failed(struct rs_kafka_log *log, struct rs_kafka_log_partition *key,
                         const rd_kafka_message_t *message)
{
    struct rs_kafka_log_topic *topic = &log->topics[key->stream];
    char remedy[512];
    struct rs_error error;

    switch (message->err) {
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        (void)rs_fail(&error, RS_EBROKER,
                      "state log: topic %s partition %" PRId32 ": offset %" PRId64
                      " is not there any more: the log was trimmed while it was read",
                      topic->name, key->partition, key->next);
        break;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR__BAD_MSG:
        topic->ready = false;
        topic->check = true; /* what others have to append waits for it */
        rs_wake(log->keeper_fd);
        rs_kafka_log_remedy(message->err, "Read", topic->name, remedy, sizeof remedy);
        (void)rs_fail(&error, RS_EBROKER,
                      "state log: topic %s partition %" PRId32 " cannot be read at offset %" PRId64 ": %s%s",
                      topic->name, key->partition, key->next, rd_kafka_message_errstr(message), remedy);
        break;
    default: return;
    }
    rs_kafka_log_break(log, key, &error);
}

static void record_missing(struct rs_kafka_log *log, struct rs_kafka_log_partition *key)
{
    struct rs_error error;

    (void)rs_fail(&error, RS_EBROKER,
                  "state log: topic %s partition %" PRId32 ": the log goes on behind offset %" PRId64
                  ", but does not hold what was acknowledged there",
                  log->topics[key->stream].name, key->partition, key->until);
    rs_kafka_log_break(log, key, &error);
}

/* Whether the message is the next record of a reading that goes on. Needs the lock. */
static bool judge(struct rs_kafka_log *log, uint32_t index, const rd_kafka_message_t *message,
                  struct rs_append_event *out)
{
    struct rs_kafka_log_worker *worker = &log->workers[index];
    struct rs_kafka_log_partition *key = key_of(log, message);

    if (!key || key->phase != RS_KAFKA_LOG_FETCHING || key->worker != index ||
        worker->batch < key->first_batch) {
        return false;
    }
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        fetch_failed(log, key, message);
        return false;
    }
    if (message->offset > key->until && key->next <= key->until) {
        record_missing(log, key);
        return false;
    }
    if (message->offset < key->next || message->offset > key->until) {
        return false;
    }
    key->next = message->offset + 1;
    *out = (struct rs_append_event){
        .kind = RS_APPEND_RECORD,
        .id = {.worker = index, .stream = key->stream, .partition = key->partition},
        .offset = message->offset,
        .committed = -1,
        .bytes = rs_slice_of(message->payload, message->len),
    };
    worker->ended = message->offset == key->until ? key : NULL;
    return true;
}

/* Where the log ends came with what was fetched: nobody is asked. */
static int64_t known_end(const struct rs_kafka_log *log, const struct rs_kafka_log_partition *key)
{
    int64_t low = -1;
    int64_t high = -1;

    return rd_kafka_get_watermark_offsets(log->consumer, log->topics[key->stream].name, key->partition, &low,
                                          &high) == RD_KAFKA_RESP_ERR_NO_ERROR &&
                   high > 0
               ? high
               : 0;
}

/* `ended` is read without the lock: only this worker's own calls set and clear it. So librdkafka is asked
 * for the log's end before the lock is taken, not under it. */
static void put_end(struct rs_kafka_log *log, uint32_t index, struct rs_append_event *out)
{
    struct rs_kafka_log_worker *worker = &log->workers[index];
    int64_t end = known_end(log, worker->ended);

    pthread_mutex_lock(&log->lock);
    struct rs_kafka_log_partition *key = worker->ended;
    worker->ended = NULL;
    *out = (struct rs_append_event){
        .kind = RS_APPEND_END,
        .id = {.worker = index, .stream = key->stream, .partition = key->partition},
        .offset = key->first,
        .committed = key->committed,
        .end = end,
    };
    key->phase = RS_KAFKA_LOG_IDLE;
    rs_kafka_log_note_free(key->broken);
    key->broken = NULL;
    pthread_mutex_unlock(&log->lock);
    rs_wake(log->keeper_fd);
}

/* Once an empty queue, not again before something came: the keeper's question makes librdkafka look whether
 * there is room to fetch. */
static void ask_for_more(struct rs_kafka_log *log, struct rs_kafka_log_worker *worker)
{
    if (log->must_nudge && !worker->dry) {
        worker->dry = true;
        atomic_store(&worker->nudge, true);
        rs_wake(log->keeper_fd);
    }
}

/* The queue may still hold records of readings that have ended, or that belong to another worker by now:
 * they are dropped here. The message that is handed out lives until the next call, since the event points
 * into it. */
bool rs_kafka_log_read_take(struct rs_kafka_log *log, uint32_t index, struct rs_append_event *out)
{
    struct rs_kafka_log_worker *worker = &log->workers[index];

    if (worker->ended) {
        put_end(log, index, out);
        return true;
    }
    while (worker->at < worker->count || next_batch(log, worker)) {
        rd_kafka_message_t *message = worker->messages[worker->at++];
        pthread_mutex_lock(&log->lock);
        bool wanted = judge(log, index, message, out);
        pthread_mutex_unlock(&log->lock);
        if (wanted) {
            worker->dry = false;
            worker->held_message = message;
            return true;
        }
        rd_kafka_message_destroy(message);
    }
    ask_for_more(log, worker);
    return false;
}

/* ---- topics ---- */

/* What waits for a topic goes on, or learns that it cannot. Needs the lock. */
static void judge_keys(struct rs_kafka_log *log, struct rs_kafka_log_topic *topic,
                       const struct rs_error *unfit)
{
    for (size_t i = 0; i < topic->key_count; i++) {
        struct rs_kafka_log_partition *key = topic->keys[i];
        struct rs_error error;
        if (!key) {
            continue;
        }
        bool waits = key->waiting.first || key->phase == RS_KAFKA_LOG_WANTED;
        if (rs_kafka_log_fit(log, key)) {
            rs_kafka_log_pump(log, key);
        } else if (waits && unfit) {
            rs_kafka_log_break(log, key, unfit);
        } else if (waits) {
            rs_kafka_log_too_few(topic, key->partition, topic->partitions, &error);
            rs_kafka_log_break(log, key, &error);
        }
    }
}

/* The broker is asked without the lock and may take seconds. `check` is cleared before, so that whoever
 * wants the topic looked at meanwhile is not missed. */
static void look_at_topic(struct rs_kafka_log *log, struct rs_kafka_log_topic *topic)
{
    struct rs_error error = {0};
    int32_t partitions = 0;
    int64_t now = rs_clock_mono(log->options.clock);

    pthread_mutex_lock(&log->lock);
    bool due = topic->check && now >= topic->check_at_us;
    topic->check = topic->check && !due;
    pthread_mutex_unlock(&log->lock);
    if (!due) {
        return;
    }
    enum rs_kafka_log_fitness fitness = rs_kafka_log_topic_check(log, topic, &partitions, &error);
    now = rs_clock_mono(log->options.clock);
    pthread_mutex_lock(&log->lock);
    topic->check_at_us = now + (fitness == RS_KAFKA_LOG_UNKNOWN ? RETRY_US : RS_KAFKA_LOG_AGAIN_US);
    if (fitness == RS_KAFKA_LOG_UNKNOWN) {
        topic->check = true;
    } else {
        topic->refused_bytes = 0; /* this look has judged by it: a later one must not do so again */
        topic->ready = fitness == RS_KAFKA_LOG_FIT;
        topic->partitions = partitions;
        judge_keys(log, topic, fitness == RS_KAFKA_LOG_FIT ? NULL : &error);
    }
    pthread_mutex_unlock(&log->lock);
}

/* ---- beginning and ending readings ---- */

/* A reading that is being begun: the key may be forgotten while a broker is asked. */
struct begun {
    struct rs_kafka_log_partition *key;
    uint64_t epoch;
    int64_t until, first, committed;
};

static bool still_wanted(const struct begun *begun)
{
    return begun->key->phase == RS_KAFKA_LOG_WANTED && begun->key->epoch == begun->epoch;
}

static void visit_keys(struct rs_kafka_log *log, void (*visit)(void *ctx, struct rs_kafka_log_partition *key),
                       void *ctx)
{
    for (size_t i = 0; i < log->options.streams->count; i++) {
        for (size_t j = 0; j < log->topics[i].key_count; j++) {
            if (log->topics[i].keys[j]) {
                visit(ctx, log->topics[i].keys[j]);
            }
        }
    }
}

struct collected {
    struct rs_kafka_log *log;
    struct begun items[TOGETHER];
    size_t count;
};

static void collect_ended(void *ctx, struct rs_kafka_log_partition *key)
{
    struct collected *list = ctx;

    if (key->fetched && key->phase != RS_KAFKA_LOG_FETCHING && list->count < TOGETHER) {
        list->items[list->count++].key = key;
    }
}

static void stop_ended(struct rs_kafka_log *log)
{
    struct collected list = {.log = log};

    pthread_mutex_lock(&log->lock);
    visit_keys(log, collect_ended, &list);
    pthread_mutex_unlock(&log->lock);
    for (size_t i = 0; i < list.count; i++) {
        struct rs_kafka_log_partition *key = list.items[i].key;
        (void)rd_kafka_consume_stop(log->topics[key->stream].handle, key->partition);
        key->fetched = false;
    }
}

static void collect_wanted(void *ctx, struct rs_kafka_log_partition *key)
{
    struct collected *list = ctx;

    if (key->phase == RS_KAFKA_LOG_WANTED && !key->fetched && rs_kafka_log_fit(list->log, key) &&
        list->count < TOGETHER) {
        list->items[list->count++] = (struct begun){
            .key = key, .epoch = key->epoch, .until = key->until, .first = -1, .committed = -1};
    }
}

static void break_reading(struct rs_kafka_log *log, const struct begun *begun, const struct rs_error *error)
{
    pthread_mutex_lock(&log->lock);
    if (still_wanted(begun)) {
        rs_kafka_log_break(log, begun->key, error);
    }
    pthread_mutex_unlock(&log->lock);
}

static void no_beginning(struct rs_kafka_log *log, const struct begun *begun, rd_kafka_resp_err_t code)
{
    const char *topic = log->topics[begun->key->stream].name;
    char remedy[512];
    struct rs_error error;

    if (code != RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
        return; /* leaders change, brokers are away: it is asked again */
    }
    rs_kafka_log_remedy(code, "Read", topic, remedy, sizeof remedy);
    (void)rs_fail(&error, RS_EBROKER, "state log: topic %s partition %" PRId32 " cannot be read: %s%s", topic,
                  begun->key->partition, rd_kafka_err2str(code), remedy);
    break_reading(log, begun, &error);
}

/* The first offset of each log. A timestamp of OFFSET_BEGINNING asks for just that, for all partitions in one
 * request a broker. */
static void ask_beginnings(struct rs_kafka_log *log, struct collected *list)
{
    rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new((int)list->count);

    for (size_t i = 0; i < list->count; i++) {
        const struct rs_kafka_log_partition *key = list->items[i].key;
        rd_kafka_topic_partition_list_add(offsets, log->topics[key->stream].name, key->partition)->offset =
            RD_KAFKA_OFFSET_BEGINNING;
    }
    if (rd_kafka_offsets_for_times(log->consumer, offsets, ASK_MS) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        for (size_t i = 0; i < list->count; i++) {
            const rd_kafka_topic_partition_t *at = &offsets->elems[i];
            if (at->err == RD_KAFKA_RESP_ERR_NO_ERROR && at->offset >= 0) {
                list->items[i].first = at->offset;
            } else {
                no_beginning(log, &list->items[i], at->err);
            }
        }
    }
    rd_kafka_topic_partition_list_destroy(offsets);
}

/* What the group has committed says that a state was there. It says nothing where others have gone on behind
 * the claim: then the commit may be theirs. The log's end is asked for after the commit, so that no owner of
 * then is overlooked. */
static void pass_by_later_owners(struct rs_kafka_log *log, struct begun *begun)
{
    int64_t low = -1;
    int64_t high = -1;

    if (begun->first < 0 || begun->committed <= 0) {
        return;
    }
    if (rs_kafka_ask_ends(log->consumer, log->topics[begun->key->stream].name, begun->key->partition, ASK_MS,
                          &low, &high) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        begun->first = -1; /* asked again later */
    } else if (high > begun->until + 1) {
        begun->committed = -1;
    }
}

/* For logs that were never trimmed: has the group read the input before? */
static void ask_committed(struct rs_kafka_log *log, struct collected *list)
{
    rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new((int)list->count);

    for (size_t i = 0; i < list->count; i++) {
        const struct begun *begun = &list->items[i];
        if (begun->first == 0) {
            rd_kafka_topic_partition_list_add(offsets, log->topics[begun->key->stream].stream->topic,
                                              begun->key->partition);
        }
    }
    bool known = offsets->cnt == 0 || rs_kafka_log_committed(log, offsets);
    for (size_t i = 0; i < list->count; i++) {
        struct begun *begun = &list->items[i];
        const rd_kafka_topic_partition_t *at = rd_kafka_topic_partition_list_find(
            offsets, log->topics[begun->key->stream].stream->topic, begun->key->partition);
        if (at) {
            begun->first = known ? begun->first : -1; /* asked again later */
            begun->committed = at->offset;
            pass_by_later_owners(log, begun);
        }
    }
    rd_kafka_topic_partition_list_destroy(offsets);
}

static void trimmed_past(struct rs_kafka_log *log, const struct begun *begun)
{
    struct rs_error error;

    (void)rs_fail(&error, RS_ETRIMMED,
                  "state log: topic %s partition %" PRId32 " begins at offset %" PRId64
                  ", after the claim at %" PRId64 ": a later owner has trimmed it",
                  log->topics[begun->key->stream].name, begun->key->partition, begun->first, begun->until);
    break_reading(log, begun, &error);
}

static void cannot_fetch(struct rs_kafka_log *log, const struct begun *begun)
{
    struct rs_error error;

    (void)rs_fail(&error, RS_EBROKER, "state log: topic %s partition %" PRId32 " cannot be fetched: %s",
                  log->topics[begun->key->stream].name, begun->key->partition,
                  rd_kafka_err2str(rd_kafka_last_error()));
    pthread_mutex_lock(&log->lock);
    if (begun->key->phase == RS_KAFKA_LOG_FETCHING && begun->key->epoch == begun->epoch) {
        rs_kafka_log_break(log, begun->key, &error);
    }
    pthread_mutex_unlock(&log->lock);
}

/* All is set before librdkafka begins, because the first record may come at once. Batches that the worker
 * has taken from its queue until now may hold records of an earlier reading: hence `first_batch`. */
static void fetch(struct rs_kafka_log *log, const struct begun *begun)
{
    struct rs_kafka_log_partition *key = begun->key;

    pthread_mutex_lock(&log->lock);
    bool wanted = still_wanted(begun);
    struct rs_kafka_log_worker *worker = &log->workers[key->worker];
    if (wanted) {
        key->phase = RS_KAFKA_LOG_FETCHING;
        key->first = key->next = begun->first;
        key->committed = begun->committed;
        key->first_batch = worker->batch + 1;
        key->seen_next = -1;
        key->seen_us = rs_clock_mono(log->options.clock);
    }
    pthread_mutex_unlock(&log->lock);
    if (!wanted) {
        return;
    }
    key->fetched = rd_kafka_consume_start_queue(log->topics[key->stream].handle, key->partition, begun->first,
                                                worker->queue) == 0;
    if (!key->fetched) {
        cannot_fetch(log, begun);
    }
}

/* Returns whether some could not be begun yet. */
static bool begin_wanted(struct rs_kafka_log *log)
{
    struct collected list = {.log = log};
    bool again = false;

    pthread_mutex_lock(&log->lock);
    visit_keys(log, collect_wanted, &list);
    pthread_mutex_unlock(&log->lock);
    if (list.count == 0) {
        return false;
    }
    ask_beginnings(log, &list);
    ask_committed(log, &list);
    for (size_t i = 0; i < list.count; i++) {
        if (list.items[i].first < 0) {
            again = true;
        } else if (list.items[i].first > list.items[i].until) {
            trimmed_past(log, &list.items[i]);
        } else {
            fetch(log, &list.items[i]);
        }
    }
    return again || list.count == TOGETHER;
}

/* ---- looking after what is fetched ---- */

static void collect_stalled(void *ctx, struct rs_kafka_log_partition *key)
{
    struct collected *list = ctx;
    int64_t now = rs_clock_mono(list->log->options.clock);

    if (key->phase != RS_KAFKA_LOG_FETCHING || key->seen_next != key->next) {
        key->seen_next = key->next;
        key->seen_us = now;
    } else if (now - key->seen_us >= STALL_US && list->count < TOGETHER) {
        key->seen_us = now;
        list->items[list->count++] = (struct begun){.key = key, .epoch = key->epoch};
    }
}

/* A log that ends before the record it was to be read to lost it: an election of a replica that had not all.
 */
static void look_at_stalled(struct rs_kafka_log *log, const struct begun *begun)
{
    const char *topic = log->topics[begun->key->stream].name;
    int64_t low = -1;
    int64_t high = -1;
    struct rs_error error;

    if (rs_kafka_ask_ends(log->consumer, topic, begun->key->partition, ASK_MS, &low, &high) !=
        RD_KAFKA_RESP_ERR_NO_ERROR) {
        return;
    }
    pthread_mutex_lock(&log->lock);
    struct rs_kafka_log_partition *key = begun->key;
    bool same = key->phase == RS_KAFKA_LOG_FETCHING && key->epoch == begun->epoch;
    if (same && high <= key->until) {
        (void)rs_fail(&error, RS_EBROKER,
                      "state log: topic %s partition %" PRId32 " ends at offset %" PRId64
                      ", before the claim at %" PRId64 ": acknowledged records were lost (an unclean leader "
                      "election?)",
                      topic, key->partition, high, key->until);
        rs_kafka_log_break(log, key, &error);
    }
    pthread_mutex_unlock(&log->lock);
}

static void look_after(struct rs_kafka_log *log)
{
    struct collected stalled = {.log = log};

    pthread_mutex_lock(&log->lock);
    visit_keys(log, collect_stalled, &stalled);
    pthread_mutex_unlock(&log->lock);
    for (size_t i = 0; i < stalled.count; i++) {
        look_at_stalled(log, &stalled.items[i]);
    }
}

static void collect_fetched(void *ctx, struct rs_kafka_log_partition *key)
{
    struct collected *list = ctx;

    if (key->phase == RS_KAFKA_LOG_FETCHING && key->fetched && list->count < TOGETHER &&
        atomic_load(&list->log->workers[key->worker].nudge)) {
        list->items[list->count++].key = key;
    }
}

/* Past its bounds librdkafka before 2.2 looks at a queue again only when something wakes the broker's thread,
 * or after a second. Asking for the ends of a partition wakes it. */
static void nudge(struct rs_kafka_log *log)
{
    struct collected list = {.log = log};
    int64_t low = -1;
    int64_t high = -1;

    if (!log->must_nudge) {
        return;
    }
    pthread_mutex_lock(&log->lock);
    visit_keys(log, collect_fetched, &list);
    pthread_mutex_unlock(&log->lock);
    for (uint32_t i = 0; i < log->options.workers; i++) {
        atomic_store(&log->workers[i].nudge, false);
    }
    if (list.count > 0) {
        const struct rs_kafka_log_partition *key = list.items[0].key;
        (void)rs_kafka_ask_ends(log->consumer, log->topics[key->stream].name, key->partition, NUDGE_MS, &low,
                                &high);
    }
}

/* ---- the thread ---- */

static int next_look_ms(struct rs_kafka_log *log, bool again)
{
    int64_t wait_us = again ? RETRY_US : IDLE_MS * INT64_C(1000);
    int64_t now = rs_clock_mono(log->options.clock);

    pthread_mutex_lock(&log->lock);
    for (size_t i = 0; i < log->options.streams->count; i++) {
        int64_t due = log->topics[i].check ? log->topics[i].check_at_us - now : wait_us;
        wait_us = due < wait_us ? due : wait_us;
    }
    pthread_mutex_unlock(&log->lock);
    return wait_us < 0 ? 0 : (int)((wait_us + 999) / 1000);
}

/* Drained before the round, so that a wish that comes during it cuts the next wait short. What has ended
 * is stopped before anything begins: a partition that is to be read again is passed by while it is still
 * fetched. */
static void *run(void *argument)
{
    struct rs_kafka_log *log = argument;
    struct pollfd fd = {.fd = log->keeper_fd, .events = POLLIN};

    while (!atomic_load(&log->ending)) {
        rs_wake_clear(log->keeper_fd);
        (void)rd_kafka_poll(log->consumer, 0);
        for (size_t i = 0; i < log->options.streams->count; i++) {
            look_at_topic(log, &log->topics[i]);
        }
        stop_ended(log);
        bool again = begin_wanted(log);
        rs_kafka_log_trim_answers(log);
        nudge(log);
        look_after(log);
        (void)poll(&fd, 1, next_look_ms(log, again));
    }
    return NULL;
}

/* ---- opening and closing ---- */

/* What reading a log needs is set over what the operator has configured, and wins. */
static int make_conf(struct rs_kafka_log *log, const rd_kafka_conf_t *from, rd_kafka_conf_t **out,
                     struct rs_error *error)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_dup(from);
    int rc = rs_kafka_config_set_all(conf, settings, error);

    /* It joins no group. But where a coordinator says that it is none (any more), librdkafka (2.0.2
     * and 2.8.0) has the client's own group look for it in the midst of ListConsumerGroupOffsets, and follows
     * a null pointer in a client that has no group: rd_kafka_handle_OffsetFetch. */
    if (rc == 0) {
        rc = rs_kafka_config_set(conf, "group.id", log->options.streams->group, error);
    }
    if (rc != 0) {
        rd_kafka_conf_destroy(conf);
        return rc;
    }
    log->must_nudge = !rs_kafka_config_try(conf, "fetch.queue.backoff.ms", "5");
    rd_kafka_conf_set_opaque(conf, log);
    rd_kafka_conf_set_error_cb(conf, rs_kafka_log_on_error);
    *out = conf;
    return 0;
}

/* The entry of a pattern is no input, and has none. */
int rs_kafka_log_open_topic(struct rs_kafka_log *log, struct rs_kafka_log_topic *topic,
                            struct rs_error *error)
{
    if (!topic->stream->topic) {
        return 0;
    }
    if (topic->handle) { /* of a try that failed */
        rd_kafka_topic_destroy(topic->handle);
    }
    topic->handle = rd_kafka_topic_new(log->consumer, topic->name, NULL);
    return topic->handle ? 0
                         : rs_fail(error, RS_ECONFIG, "state log: topic %s: %s", topic->name,
                                   rd_kafka_err2str(rd_kafka_last_error()));
}

/* Records wake the worker by the descriptor that its notes use too, so that it polls one for both. Answers
 * to trims wake the keeper. */
static int open_queues(struct rs_kafka_log *log, struct rs_error *error)
{
    log->answers = rd_kafka_queue_new(log->consumer);
    rs_kafka_queue_wakes(log->answers, log->keeper_fd);
    for (uint32_t i = 0; i < log->options.workers; i++) {
        log->workers[i].queue = rd_kafka_queue_new(log->consumer);
        rs_kafka_queue_wakes(log->workers[i].queue, log->workers[i].wake_fd);
    }
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < log->options.streams->count; i++) {
        rc = rs_kafka_log_open_topic(log, &log->topics[i], error);
    }
    return rc;
}

int rs_kafka_log_keeper_open(struct rs_kafka_log *log, rd_kafka_conf_t *from, struct rs_error *error)
{
    rd_kafka_conf_t *conf = NULL;
    int rc = make_conf(log, from, &conf, error);

    if (rc == 0) {
        rc = rs_kafka_client_new(RD_KAFKA_CONSUMER, &conf, "state log", &log->consumer, error);
    }
    if (rc == 0) {
        rc = open_queues(log, error);
    }
    if (rc == 0) {
        rc = rs_thread_start(&log->keeper, run, log, "reading the state log", error);
    }
    log->keeper_runs = rc == 0;
    return rc;
}

/* librdkafka is told to leave the descriptor alone here; it is closed only when the log is freed. */
static void drop_worker(struct rs_kafka_log_worker *worker)
{
    for (; worker->at < worker->count; worker->at++) {
        rd_kafka_message_destroy(worker->messages[worker->at]);
    }
    if (worker->held_message) {
        rd_kafka_message_destroy(worker->held_message);
        worker->held_message = NULL;
    }
    rs_kafka_queue_free(&worker->queue);
}

static void stop_fetching(struct rs_kafka_log *log)
{
    for (size_t i = 0; i < log->options.streams->count; i++) {
        for (size_t j = 0; j < log->topics[i].key_count; j++) {
            struct rs_kafka_log_partition *key = log->topics[i].keys[j];
            if (key && key->fetched) {
                (void)rd_kafka_consume_stop(log->topics[i].handle, key->partition);
                key->fetched = false;
            }
        }
        if (log->topics[i].handle) {
            rd_kafka_topic_destroy(log->topics[i].handle);
            log->topics[i].handle = NULL;
        }
    }
}

/* In this order: the thread that starts fetches, the fetches, the queues that they fill, the consumer.
 * Trims under way are not waited for; their notes are freed with the log. */
void rs_kafka_log_keeper_close(struct rs_kafka_log *log)
{
    atomic_store(&log->ending, true);
    if (log->keeper_runs) {
        rs_wake(log->keeper_fd);
        (void)pthread_join(log->keeper, NULL);
        log->keeper_runs = false;
    }
    if (!log->consumer) {
        return;
    }
    stop_fetching(log);
    for (uint32_t i = 0; i < log->options.workers; i++) {
        drop_worker(&log->workers[i]);
    }
    rs_kafka_queue_free(&log->answers);
    rd_kafka_destroy(log->consumer);
    log->consumer = NULL;
}
