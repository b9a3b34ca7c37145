/* The control thread's side of a Kafka source: rebalances, answers of workers, errors, statistics. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/kafka/config.h"
#include "ingest/kafka/internal.h"

#define HIGHS_EVERY_US (5 * INT64_C(1000000))
#define REFUSED_MAX    8 /* fetches in a row of an offset that the log has and the broker refuses */

/* ---- partitions ---- */

static struct rs_source_partition *find_part(struct rs_kafka_source *source,
                                             const rd_kafka_topic_partition_t *entry)
{
    const struct rs_stream *stream = rs_streams_by_topic(source->options.streams, entry->topic);

    if (!stream) {
        return NULL;
    }
    pthread_mutex_lock(&source->mutex);
    struct rs_source_partition *partition = rs_source_partition_find(source, stream->index, entry->partition);
    pthread_mutex_unlock(&source->mutex);
    return partition;
}

static void fail(struct rs_kafka_source *source, const char *text)
{
    if (!source->status.fatal) {
        (void)rs_fail(&source->fatal, RS_EBROKER, "%s", text);
        source->status.fatal = source->fatal.text;
        rs_report(&source->options.report, RS_LOG_ERROR, "%s", text);
    }
}

static bool make_room(struct rs_kafka_table *table, int32_t number)
{
    size_t size = (size_t)number + 1;

    if (size <= table->size) {
        return true;
    }
    struct rs_source_partition **grown =
        realloc(table->partitions, size * sizeof(struct rs_source_partition *));
    if (!grown) {
        return false;
    }
    memset(grown + table->size, 0, (size - table->size) * sizeof(struct rs_source_partition *));
    table->partitions = grown;
    table->size = size;
    return true;
}

static uint32_t least_loaded(const struct rs_kafka_source *source)
{
    uint32_t best = 0;

    for (uint32_t i = 1; i < source->options.workers; i++) {
        if (source->workers[i].partitions < source->workers[best].partitions) {
            best = i;
        }
    }
    return best;
}

/* Its mails are part of it, so that the worker can be told of anything without needing memory. */
static struct rs_source_partition *part_new(struct rs_kafka_source *source, const struct rs_stream *stream,
                                            int32_t number)
{
    struct rs_source_partition *partition = calloc(1, sizeof *partition);

    if (!partition) {
        return NULL;
    }
    partition->stream = stream;
    partition->number = number;
    partition->worker = least_loaded(source);
    partition->phase = RS_KAFKA_CLAIMING;
    partition->hold = RS_KAFKA_OURS;
    partition->assigned = (struct rs_kafka_mail){.kind = RS_SOURCE_ASSIGNED, .partition = partition};
    partition->revoked = (struct rs_kafka_mail){.kind = RS_SOURCE_REVOKED, .partition = partition};
    partition->stopped = (struct rs_kafka_mail){.kind = RS_SOURCE_STOPPED, .partition = partition};
    partition->fence = (struct rs_kafka_mail){.partition = partition};
    partition->refused_at = -1;
    partition->start = stream->start == RS_START_EARLIEST ? RS_KAFKA_START_KNOWN : RS_KAFKA_START_ASKED;
    partition->start_at = -1;
    partition->fetched_us = INT64_MAX;
    partition->told = -1;
    atomic_init(&partition->committed, -1);
    atomic_init(&partition->out_of_range, -1);
    atomic_init(&partition->delivered, -1);
    atomic_init(&partition->fetched_to, -1);
    atomic_init(&partition->high, -1);
    return partition;
}

static void part_free(struct rs_kafka_source *source, struct rs_source_partition *partition)
{
    pthread_mutex_lock(&source->mutex);
    source->tables[partition->stream->index].partitions[partition->number] = NULL;
    pthread_mutex_unlock(&source->mutex);
    source->workers[partition->worker].partitions--;
    source->status.partitions--;
    source->status.stopped -= atomic_load(&partition->has_stopped) ? 1 : 0;
    if (partition->queue) {
        rd_kafka_queue_destroy(partition->queue);
    }
    free(partition);
}

/* librdkafka cuts the forwarding of a queue when it ends the fetch, which is a moment after the call that
 * asked for it has returned. Its main thread serves calls in order, so the answer to any later one tells that
 * it is done. */
static void await_end(struct rs_kafka_source *source)
{
    rd_kafka_topic_partition_list_t *owned = NULL;

    if (rd_kafka_assignment(source->fetcher, &owned) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_topic_partition_list_destroy(owned);
    }
}

/* Nothing is fetched any more when it returns. */
void rs_kafka_parts_free(struct rs_kafka_source *source)
{
    (void)rd_kafka_assign(source->fetcher, NULL);
    await_end(source);
    for (size_t i = 0; i < source->options.streams->count; i++) {
        for (size_t j = 0; j < source->tables[i].size; j++) {
            if (source->tables[i].partitions[j]) {
                part_free(source, source->tables[i].partitions[j]);
            }
        }
    }
}

static void log_kafka_error(struct rs_kafka_source *source, const char *what, rd_kafka_error_t *error)
{
    if (error) {
        rs_report(&source->options.report, RS_LOG_ERROR, "%s: %s", what, rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
    }
}

/* ---- fetching ---- */

static rd_kafka_topic_partition_list_t *list_of(const struct rs_source_partition *partition, int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    rd_kafka_topic_partition_list_add(list, partition->stream->topic, partition->number)->offset = offset;
    return list;
}

/* The queue is forwarded before the first fetch, so that no record ever shows up in the consumer queue. */
static void begin_fetch(struct rs_kafka_source *source, struct rs_source_partition *partition, int64_t offset)
{
    if (!partition->queue) {
        partition->queue =
            rd_kafka_queue_get_partition(source->fetcher, partition->stream->topic, partition->number);
    }
    if (!partition->queue) {
        fail(source, "out of memory while a partition was assigned");
        return;
    }
    rd_kafka_queue_forward(partition->queue, source->workers[partition->worker].queue);
    atomic_store(&partition->high, -1);
    rd_kafka_topic_partition_list_t *list =
        list_of(partition, offset == RS_OFFSET_BEGINNING ? RD_KAFKA_OFFSET_BEGINNING : offset);
    rd_kafka_error_t *refused = rd_kafka_incremental_assign(source->fetcher, list);
    partition->fetched = !refused;
    partition->fetched_us = rs_clock_mono(source->options.clock);
    log_kafka_error(source, "starting a partition", refused);
    rd_kafka_topic_partition_list_destroy(list);
}

/* Reading from elsewhere is giving the partition up and taking it again. Seeking would be one call, but it
 * fails or is forgotten while a partition is starting or refused for its offset. When the call returns,
 * librdkafka has outdated all records of it that wait in queues. */
static void end_fetch(struct rs_kafka_source *source, struct rs_source_partition *partition)
{
    source->status.stopped -= atomic_exchange(&partition->has_stopped, false) ? 1 : 0;
    if (partition->fetched) {
        rd_kafka_topic_partition_list_t *list = list_of(partition, RD_KAFKA_OFFSET_INVALID);
        log_kafka_error(source, "restarting a partition",
                        rd_kafka_incremental_unassign(source->fetcher, list));
        rd_kafka_topic_partition_list_destroy(list);
        await_end(source);
    }
    partition->fetched = false;
    partition->fetched_us = INT64_MAX;
    pthread_mutex_lock(&source->mutex);
    partition->ends.state = RS_KAFKA_ENDS_IDLE;
    pthread_mutex_unlock(&source->mutex);
    atomic_store(&partition->fetched_to, -1);
    atomic_store(&partition->out_of_range, -1);
}

static void drop_part(struct rs_kafka_source *source, struct rs_source_partition *partition)
{
    end_fetch(source, partition);
    part_free(source, partition);
}

/* A restart alone does not help: the state log says where to read on. Only a claim that voids it does. */
static void stop_part(struct rs_kafka_source *source, struct rs_source_partition *partition, int64_t offset,
                      int64_t low, int64_t high)
{
    const char *stream = partition->stream->name;
    const char *topic = partition->stream->topic;

    if (high >= 0 && offset > high) {
        (void)rs_fail(
            &partition->stop_error, RS_ESTATE,
            "stream %s: topic %s partition %d ends at offset %" PRId64 ", but offset %" PRId64
            " is to be read: the topic was deleted and created again, or truncated. To read it from its "
            "beginning: rollstatd -c FILE --rebuild --stream %s, then restart",
            stream, topic, partition->number, high, offset, stream);
    } else if (low > offset) {
        (void)rs_fail(
            &partition->stop_error, RS_ESTATE,
            "stream %s: topic %s partition %d: offset %" PRId64 " is gone: retention has removed %" PRId64
            " records that were never read (the oldest kept is %" PRId64
            "). Raise retention.ms of the topic. To begin anew with what is left: rollstatd -c FILE "
            "--rebuild --stream %s, then restart",
            stream, topic, partition->number, offset, low - offset, low, stream);
    } else {
        (void)rs_fail(&partition->stop_error, RS_ESTATE,
                      "stream %s: topic %s partition %d: offset %" PRId64
                      " is out of range, and the broker does not say what it has. Restart when it does",
                      stream, topic, partition->number, offset);
    }
    atomic_store(&partition->has_stopped, true);
    source->status.stopped++;
    rs_kafka_mail_send(source, &partition->stopped);
}

/* Fetches once more from where the worker stands. */
static void fetch_again(struct rs_kafka_source *source, struct rs_source_partition *partition)
{
    pthread_mutex_lock(&source->mutex);
    if (partition->phase == RS_KAFKA_READING) {
        partition->start_offset = RS_KAFKA_GO_ON;
        partition->phase = RS_KAFKA_RESTARTING;
    }
    pthread_mutex_unlock(&source->mutex);
}

/* The error tells of an offset, but not of which fetch: one that was ended may have left it behind. So the
 * log is asked; the answer comes to on_ends. */
static void on_refused(struct rs_kafka_source *source, struct rs_source_partition *partition, int64_t offset)
{
    pthread_mutex_lock(&source->mutex);
    if (partition->phase == RS_KAFKA_READING) {
        partition->ends = (struct rs_kafka_ends){
            .state = RS_KAFKA_ENDS_ASKED, .number = ++source->ends_asked, .refused = offset};
    }
    pthread_mutex_unlock(&source->mutex);
    rs_wake(source->asker.fd);
}

/* Retention may take the oldest record between its search and the fetch. */
static void on_ends(struct rs_kafka_source *source, struct rs_source_partition *partition)
{
    pthread_mutex_lock(&source->mutex);
    struct rs_kafka_ends ends = partition->ends;
    bool known = ends.state == RS_KAFKA_ENDS_KNOWN;
    partition->ends.state = known ? RS_KAFKA_ENDS_IDLE : partition->ends.state;
    bool reading = partition->phase == RS_KAFKA_READING;
    bool oldest = partition->start_offset == RS_OFFSET_BEGINNING && atomic_load(&partition->delivered) < 0;
    pthread_mutex_unlock(&source->mutex);
    if (!known || !reading || atomic_load(&partition->has_stopped)) {
        return;
    }
    partition->refused_times = ends.refused == partition->refused_at ? partition->refused_times + 1 : 1;
    partition->refused_at = ends.refused;
    bool there = ends.low >= 0 && (oldest || ends.low <= ends.refused) && ends.refused <= ends.high;
    if (there && partition->refused_times <= REFUSED_MAX) {
        fetch_again(source, partition);
    } else {
        stop_part(source, partition, ends.refused, ends.low, ends.high);
    }
}

/* The worker hears of the assignment once it is known where to begin. */
static void tell_assigned(struct rs_kafka_source *source, struct rs_source_partition *partition)
{
    pthread_mutex_lock(&source->mutex);
    bool tell = partition->start == RS_KAFKA_START_ANSWERED && partition->hold == RS_KAFKA_OURS;
    partition->start = tell ? RS_KAFKA_START_KNOWN : partition->start;
    pthread_mutex_unlock(&source->mutex);
    if (tell) {
        rs_kafka_mail_send(source, &partition->assigned);
    }
}

/* Decided under the mutex and done without it, since librdkafka may take its time. A partition that the
 * worker has let go of is dropped, whatever else was wanted of it. */
static void serve_part(struct rs_kafka_source *source, struct rs_source_partition *partition)
{
    int64_t refused = atomic_exchange(&partition->out_of_range, -1);

    if (refused >= 0 && !atomic_load(&partition->has_stopped)) {
        on_refused(source, partition, refused);
    }
    on_ends(source, partition);
    tell_assigned(source, partition);
    pthread_mutex_lock(&source->mutex);
    bool gone = partition->hold == RS_KAFKA_GONE;
    bool begins = !gone && partition->phase == RS_KAFKA_READY;
    bool ends = !gone && partition->phase == RS_KAFKA_RESTARTING;
    int64_t offset = partition->start_offset;
    partition->phase = begins ? RS_KAFKA_READING : ends ? RS_KAFKA_FETCH_ENDED : partition->phase;
    pthread_mutex_unlock(&source->mutex);
    if (gone) {
        drop_part(source, partition);
    } else if (begins) {
        begin_fetch(source, partition, offset);
    } else if (ends) {
        end_fetch(source, partition);
        rs_kafka_mail_send(source, &partition->fence);
    }
}

void rs_kafka_control_answers(struct rs_kafka_source *source)
{
    if (!atomic_exchange(&source->answered, false)) {
        return;
    }
    for (size_t i = 0; i < source->options.streams->count; i++) {
        for (size_t j = 0; j < source->tables[i].size; j++) {
            if (source->tables[i].partitions[j]) {
                serve_part(source, source->tables[i].partitions[j]);
            }
        }
    }
}

/* ---- rebalancing ---- */

/* It comes back before the worker has let go of it, perhaps before it has heard of the revocation. It is told
 * all the same, since another may have had the partition in between. false: it has let go. */
static bool take_back(struct rs_kafka_source *source, struct rs_source_partition *partition)
{
    pthread_mutex_lock(&source->mutex);
    bool kept = partition->hold != RS_KAFKA_GONE;
    bool known = partition->start == RS_KAFKA_START_KNOWN || partition->start == RS_KAFKA_START_ANSWERED;
    bool tell = partition->hold == RS_KAFKA_REVOKED && known;
    partition->start = tell ? RS_KAFKA_START_KNOWN : partition->start;
    (void)rs_kafka_mail_cancel(source, &partition->revoked);
    partition->hold = kept ? RS_KAFKA_OURS : partition->hold;
    pthread_mutex_unlock(&source->mutex);
    if (tell) {
        rs_kafka_mail_send(source, &partition->assigned);
    } else if (!known) {
        rs_wake(source->asker.fd);
    }
    return kept;
}

/* One that the worker still has is given back to it. One that it has let go of is made anew: nothing that
 * is on its way for the old one may reach the new. */
static void add_part(struct rs_kafka_source *source, const rd_kafka_topic_partition_t *entry)
{
    const struct rs_stream *stream = rs_streams_by_topic(source->options.streams, entry->topic);
    struct rs_source_partition *partition = find_part(source, entry);

    if (!stream || (partition && take_back(source, partition))) {
        return;
    }
    if (partition) {
        drop_part(source, partition);
    }
    partition = part_new(source, stream, entry->partition);
    pthread_mutex_lock(&source->mutex);
    bool room = partition && make_room(&source->tables[stream->index], entry->partition);
    if (room) {
        source->tables[stream->index].partitions[entry->partition] = partition;
    }
    pthread_mutex_unlock(&source->mutex);
    if (!room) {
        free(partition);
        fail(source, "out of memory while a partition was assigned");
        return;
    }
    source->workers[partition->worker].partitions++;
    source->status.partitions++;
    if (partition->start == RS_KAFKA_START_KNOWN) {
        rs_kafka_mail_send(source, &partition->assigned);
    } else {
        rs_wake(source->asker.fd);
    }
}

/* The member's own assignment stays empty, whatever the group gives it, so that it fetches nothing. */
static void on_assign(struct rs_kafka_source *source, const rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_topic_partition_list_t *none = rd_kafka_topic_partition_list_new(0);

    log_kafka_error(source, "assignment", rd_kafka_incremental_assign(source->member, none));
    rd_kafka_topic_partition_list_destroy(none);
    for (int i = 0; i < list->cnt; i++) {
        add_part(source, &list->elems[i]);
    }
    source->status.joined = true;
    source->status.rebalances++;
    rs_report(&source->options.report, RS_LOG_INFO, "assigned %d partitions, %u owned now", list->cnt,
              source->status.partitions);
}

/* The group is answered at once and does not wait for the worker. Whether it was taken in time or has long
 * been another's makes no difference to the worker: the state log says who counts. */
static void revoke_part(struct rs_kafka_source *source, struct rs_source_partition *partition)
{
    pthread_mutex_lock(&source->mutex);
    bool ours = partition->hold == RS_KAFKA_OURS;
    partition->hold = ours ? RS_KAFKA_REVOKED : partition->hold;
    pthread_mutex_unlock(&source->mutex);
    if (ours) {
        rs_kafka_mail_send(source, &partition->revoked);
    }
}

static void on_revoke(struct rs_kafka_source *source, const rd_kafka_topic_partition_list_t *list)
{
    bool lost = rd_kafka_assignment_lost(source->member) != 0;
    rd_kafka_topic_partition_list_t *none = rd_kafka_topic_partition_list_new(0);

    log_kafka_error(source, "giving partitions back", rd_kafka_incremental_unassign(source->member, none));
    rd_kafka_topic_partition_list_destroy(none);
    for (int i = 0; i < list->cnt; i++) {
        struct rs_source_partition *partition = find_part(source, &list->elems[i]);
        if (partition) {
            revoke_part(source, partition);
        }
    }
    source->status.rebalances++;
    rs_report(&source->options.report, lost ? RS_LOG_WARNING : RS_LOG_INFO, "%s %d partitions",
              lost ? "lost" : "giving back", list->cnt);
}

static void on_rebalance(struct rs_kafka_source *source, rd_kafka_event_t *event)
{
    const rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(event);

    switch (rd_kafka_event_error(event)) {
    case RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS: on_assign(source, list); break;
    case RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS: on_revoke(source, list); break;
    default:
        rs_report(&source->options.report, RS_LOG_ERROR, "rebalance: %s", rd_kafka_event_error_string(event));
        (void)rd_kafka_assign(source->member, NULL);
        break;
    }
}

void rs_kafka_control_revoke_all(struct rs_kafka_source *source)
{
    for (size_t i = 0; i < source->options.streams->count; i++) {
        for (size_t j = 0; j < source->tables[i].size; j++) {
            if (source->tables[i].partitions[j]) {
                revoke_part(source, source->tables[i].partitions[j]);
            }
        }
    }
}

/* ---- what the group is told ---- */

#define COMMIT_EVERY_US INT64_C(1000000)

/* Only what is ours: an offset of ours could overwrite a later one of whoever has the partition now. */
void rs_kafka_control_commit(struct rs_kafka_source *source, bool at_once)
{
    int64_t now = rs_clock_mono(source->options.clock);

    if (now < source->commit_due_us && !at_once) {
        return;
    }
    source->commit_due_us = now + COMMIT_EVERY_US;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(0);
    pthread_mutex_lock(&source->mutex);
    for (size_t i = 0; i < source->options.streams->count; i++) {
        for (size_t j = 0; j < source->tables[i].size; j++) {
            struct rs_source_partition *partition = source->tables[i].partitions[j];
            int64_t committed = !partition ? -1 : atomic_load(&partition->committed);
            if (partition && committed > partition->told && partition->hold == RS_KAFKA_OURS) {
                rd_kafka_topic_partition_list_add(list, partition->stream->topic, partition->number)->offset =
                    committed;
                partition->told = committed;
            }
        }
    }
    pthread_mutex_unlock(&source->mutex);
    if (list->cnt > 0) {
        (void)rd_kafka_commit(source->member, list, 1);
    }
    rd_kafka_topic_partition_list_destroy(list);
}

/* Refused while the group rebalances: told again with the next. */
static void on_commit(struct rs_kafka_source *source, rd_kafka_event_t *event)
{
    const rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(event);

    if (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR_NO_ERROR || !list) {
        return;
    }
    for (int i = 0; i < list->cnt; i++) {
        struct rs_source_partition *partition = find_part(source, &list->elems[i]);
        if (partition) {
            partition->told = -1;
        }
    }
}

/* ---- errors and log lines ---- */

/* The broker gives a static id to whoever joined with it last, and tells the one before. */
static void report_instance_id_taken(struct rs_kafka_source *source)
{
    char id[128] = "";
    char text[RS_ERROR_TEXT_MAX];
    size_t size = sizeof id;

    (void)rd_kafka_conf_get(rd_kafka_conf(source->member), "group.instance.id", id, &size);
    (void)snprintf(
        text, sizeof text,
        "kafka: another member of group %s has joined with the same group.instance.id (\"%s\") and "
        "has taken over. Give each instance a group.instance.id of its own, or leave it out, and "
        "start this one again",
        source->options.streams->group, id);
    fail(source, text);
}

/* The consumer cannot go on. What is fatal arrives under any code: librdkafka says so only when it is asked.
 */
static bool on_fatal(struct rs_kafka_source *source)
{
    char reason[384] = "";
    rd_kafka_resp_err_t code = rd_kafka_fatal_error(source->member, reason, sizeof reason);

    if (code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID) {
        report_instance_id_taken(source);
    } else if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        fail(source, reason);
    }
    return code != RD_KAFKA_RESP_ERR_NO_ERROR;
}

static void on_error(struct rs_kafka_source *source, rd_kafka_event_t *event)
{
    if (on_fatal(source)) {
        return;
    }
    const char *text = rd_kafka_event_error_string(event);
    switch (rd_kafka_event_error(event)) {
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN: break; /* the statistics say so */
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__SSL:
        if (!rs_kafka_broker_failed(source, text)) { /* a token that cannot be had, for one */
            rs_report(&source->options.report, RS_LOG_WARNING, "%s", text);
        }
        break;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
        if (source->topics_due_us == 0) {
            source->topics_due_us = rs_clock_mono(source->options.clock);
        }
        break;
    default: rs_report(&source->options.report, RS_LOG_WARNING, "%s", text); break;
    }
}

static void on_log(struct rs_kafka_source *source, rd_kafka_event_t *event)
{
    const char *facility = NULL;
    const char *text = NULL;
    int level = 0;

    if (rd_kafka_event_log(event, &facility, &text, &level) == 0) {
        rs_report(&source->options.report, rs_kafka_log_level(facility, level), "%s: %s", facility, text);
    }
}

static void on_event(struct rs_kafka_source *source, rd_kafka_event_t *event)
{
    switch (rd_kafka_event_type(event)) {
    case RD_KAFKA_EVENT_REBALANCE: on_rebalance(source, event); break;
    case RD_KAFKA_EVENT_ERROR: on_error(source, event); break;
    case RD_KAFKA_EVENT_LOG: on_log(source, event); break;
    case RD_KAFKA_EVENT_STATS: rs_kafka_control_statistics(source, rd_kafka_event_stats(event)); break;
    case RD_KAFKA_EVENT_OFFSET_COMMIT: on_commit(source, event); break;
    default: break;
    }
}

void rs_kafka_serve_events(struct rs_kafka_source *source, rd_kafka_queue_t *queue, int timeout_ms)
{
    rd_kafka_event_t *event = NULL;

    while ((event = rd_kafka_queue_poll(queue, timeout_ms))) {
        on_event(source, event);
        rd_kafka_event_destroy(event);
        timeout_ms = 0;
    }
}

/* ---- waking broker threads ---- */

static bool lags(const struct rs_kafka_source *source, const struct rs_source_partition *partition)
{
    int64_t low = -1;
    int64_t high = -1;

    return partition && partition->fetched &&
           rd_kafka_get_watermark_offsets(source->fetcher, partition->stream->topic, partition->number, &low,
                                          &high) == RD_KAFKA_RESP_ERR_NO_ERROR &&
           high > atomic_load_explicit(&partition->delivered, memory_order_relaxed);
}

/* One partition at a time, each in turn: its leader's thread wakes, and with it the fetching of all it leads.
 */
static void nudge_stream(struct rs_kafka_source *source, const struct rs_kafka_table *table, uint32_t worker)
{
    for (size_t i = 0; i < table->size; i++) {
        size_t at = (source->nudge_next + i) % table->size;
        struct rs_source_partition *partition = table->partitions[at];
        if (partition && partition->worker == worker && lags(source, partition)) {
            pthread_mutex_lock(&source->mutex);
            partition->nudge = true;
            pthread_mutex_unlock(&source->mutex);
            rs_wake(source->asker.fd);
            source->nudge_next = at + 1;
            return;
        }
    }
}

void rs_kafka_control_nudge(struct rs_kafka_source *source)
{
    for (uint32_t worker = 0; worker < source->options.workers; worker++) {
        if (!atomic_exchange(&source->workers[worker].nudge, false)) {
            continue;
        }
        for (size_t i = 0; i < source->options.streams->count; i++) {
            nudge_stream(source, &source->tables[i], worker);
        }
    }
}

/* ---- ends that no fetch tells ---- */

/* Needs the mutex. */
static bool highs_under_way(const struct rs_kafka_source *source)
{
    for (size_t i = 0; i < source->options.streams->count; i++) {
        for (size_t j = 0; j < source->tables[i].size; j++) {
            const struct rs_source_partition *partition = source->tables[i].partitions[j];
            if (partition && partition->wants_high) {
                return true;
            }
        }
    }
    return false;
}

/* Needs the mutex. */
static void want_highs(struct rs_kafka_source *source)
{
    for (size_t i = 0; i < source->options.streams->count; i++) {
        for (size_t j = 0; j < source->tables[i].size; j++) {
            struct rs_source_partition *partition = source->tables[i].partitions[j];
            if (partition) {
                partition->wants_high = !partition->fetched || atomic_load(&partition->has_stopped);
            }
        }
    }
}

/* One round after the other, so that each has its turn also where those before it have no answer. */
void rs_kafka_control_highs(struct rs_kafka_source *source)
{
    int64_t now = rs_clock_mono(source->options.clock);

    if (now < source->highs_due_us) {
        return;
    }
    source->highs_due_us = now + HIGHS_EVERY_US;
    pthread_mutex_lock(&source->mutex);
    if (!highs_under_way(source)) {
        want_highs(source);
    }
    bool any = highs_under_way(source);
    pthread_mutex_unlock(&source->mutex);
    if (any) {
        rs_wake(source->asker.fd);
    }
}

/* ---- statistics ---- */

static int64_t integer(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    return json_is_integer(value) ? (int64_t)json_integer_value(value) : -1;
}

/* Only a partition of which nothing waits in a queue says how far the log was read. `ts` is read from the
 * same monotonic clock as ours. */
static void partition_statistics(struct rs_source_partition *partition, const json_t *numbers, int64_t ts)
{
    int64_t next = integer(numbers, "next_offset");

    if (next >= 0 && ts > partition->fetched_us && integer(numbers, "fetchq_cnt") == 0) {
        atomic_store_explicit(&partition->fetched_to, next, memory_order_relaxed);
    }
}

void rs_kafka_control_statistics(struct rs_kafka_source *source, const char *json)
{
    json_t *root = json_loads(json, 0, NULL);

    rs_kafka_brokers_statistics(source, root);
    for (size_t i = 0; i < source->options.streams->count; i++) {
        const char *name = source->options.streams->items[i].topic;
        const json_t *topic = !name ? NULL : json_object_get(json_object_get(root, "topics"), name);
        const json_t *partitions = json_object_get(topic, "partitions");
        const struct rs_kafka_table *table = &source->tables[i];
        for (size_t j = 0; j < table->size; j++) {
            char number[24];
            (void)snprintf(number, sizeof number, "%zu", j);
            if (table->partitions[j]) {
                partition_statistics(table->partitions[j], json_object_get(partitions, number),
                                     integer(root, "ts"));
            }
        }
    }
    json_decref(root);
}
