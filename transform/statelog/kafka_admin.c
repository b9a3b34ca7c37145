/* What the keeper asks of brokers beside reading: topics and their settings, the group's offsets, trims. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/kafka/admin.h"
#include "base/kafka/ask.h"
#include "base/kafka/mend.h"
#include "transform/statelog/kafka_internal.h"

#define METADATA_MS 1000
#define SLICE_MS    100  /* between looks whether the log is being closed */
#define VISIBLE_MS  5000 /* for a topic just made to be seen */

void rs_kafka_log_remedy(rd_kafka_resp_err_t code, const char *operation, const char *topic, char *out,
                         size_t size)
{
    bool large =
        code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || code == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE;

    char command[RS_KAFKA_MEND_MAX];

    rs_kafka_mend_right(code, operation, topic, out, size);
    if (large) {
        rs_kafka_mend_settings(topic, "max.message.bytes=" RS_LOG_MESSAGE_BYTES, command, sizeof command);
        (void)snprintf(out, size, "; mend it with: %s", command);
    }
}

/* ---- asking ---- */

/* The answer; NULL: none within the time, or the log is being closed. Takes the queue. */
static rd_kafka_event_t *answer(struct rs_kafka_log *log, rd_kafka_queue_t *queue)
{
    rd_kafka_event_t *event = NULL;

    for (int waited = 0; !event && waited < RS_KAFKA_ADMIN_MS + 1000 && !atomic_load(&log->ending);
         waited += SLICE_MS) {
        event = rd_kafka_queue_poll(queue, SLICE_MS);
    }
    rd_kafka_queue_destroy(queue);
    return event;
}

/* ---- partitions ---- */

/* Number of partitions of a topic; 0 and *code when there is none. */
static int32_t count_partitions(struct rs_kafka_log *log, const char *name, rd_kafka_resp_err_t *code)
{
    int32_t count = 0;

    *code = rs_kafka_ask_partitions(log->consumer, name, METADATA_MS, &count);
    return count;
}

static enum rs_kafka_log_fitness no_metadata(const char *topic, rd_kafka_resp_err_t code,
                                             struct rs_error *error)
{
    char remedy[512];

    if (rs_kafka_is_away(code)) {
        return RS_KAFKA_LOG_UNKNOWN;
    }
    rs_kafka_log_remedy(code, "Describe", topic, remedy, sizeof remedy);
    (void)rs_fail(error, RS_EBROKER, "state log: topic %s cannot be looked at: %s%s", topic,
                  rd_kafka_err2str(code), remedy);
    return RS_KAFKA_LOG_UNFIT;
}

void rs_kafka_log_too_few(const struct rs_kafka_log_topic *topic, int32_t partition, int32_t partitions,
                          struct rs_error *error)
{
    char command[RS_KAFKA_MEND_MAX];

    rs_kafka_mend_partitions(topic->name, partition + 1, command, sizeof command);
    (void)rs_fail(error, RS_EBROKER,
                  "state log: topic %s has %" PRId32 " partitions, and none of the number %" PRId32
                  ", while its input %s has%s; mend it with: %s (at least)",
                  topic->name, partitions, partition, topic->stream->topic, topic->not_grown, command);
}

/* Waits for what a request to make or to grow a topic comes to. Takes the queue. */
static rd_kafka_resp_err_t topic_answer(struct rs_kafka_log *log, rd_kafka_queue_t *queue, char *why,
                                        size_t size)
{
    const char *text = NULL;
    rd_kafka_event_t *event = answer(log, queue);
    rd_kafka_resp_err_t code = rs_kafka_topic_answer(event, &text);

    (void)snprintf(why, size, "%s", text);
    if (event) {
        rd_kafka_event_destroy(event);
    }
    return code;
}

/* ---- making a topic ---- */

static struct rs_kafka_new_topic new_topic(const struct rs_kafka_log *log,
                                           const struct rs_kafka_log_topic *topic, int32_t partitions)
{
    return (struct rs_kafka_new_topic){
        .name = topic->name,
        .partitions = partitions,
        .replication_factor = log->options.replication_factor,
        .settings = rs_state_topic_settings,
    };
}

static rd_kafka_resp_err_t ask_to_create(struct rs_kafka_log *log, const struct rs_kafka_log_topic *topic,
                                         int32_t partitions, char *why, size_t size)
{
    const struct rs_kafka_new_topic fresh = new_topic(log, topic, partitions);

    if (!rs_kafka_ask_controller(log->consumer, METADATA_MS)) {
        (void)snprintf(why, size, "the cluster names no controller");
        return RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE;
    }
    rd_kafka_queue_t *queue = rd_kafka_queue_new(log->consumer);
    if (!rs_kafka_topic_make(log->consumer, &fresh, queue, NULL)) {
        rd_kafka_queue_destroy(queue);
        (void)snprintf(why, size, "librdkafka refuses its name, partitions or replication factor");
        return RD_KAFKA_RESP_ERR__INVALID_ARG;
    }
    return topic_answer(log, queue, why, size);
}

/* The message holds the whole command: the operator may have the right that this program lacks. */
static void cannot_create(const struct rs_kafka_log *log, const struct rs_kafka_log_topic *topic,
                          int32_t partitions, rd_kafka_resp_err_t code, const char *why,
                          struct rs_error *error)
{
    const struct rs_kafka_new_topic fresh = new_topic(log, topic, partitions);
    char command[RS_KAFKA_MEND_MAX];
    char remedy[512];

    rs_kafka_mend_topic(&fresh, command, sizeof command);
    rs_kafka_log_remedy(code, "Create", topic->name, remedy, sizeof remedy);
    (void)rs_fail(error, RS_EBROKER,
                  "state log: topic %s does not exist and cannot be made: %s; make it with: %s%s",
                  topic->name, why, command, remedy);
}

/* A topic, or its new partitions, are seen only once its metadata has gone round. */
static int32_t wait_until_seen(struct rs_kafka_log *log, const struct rs_kafka_log_topic *topic,
                               int32_t partitions)
{
    int64_t deadline = rs_clock_mono(log->options.clock) + VISIBLE_MS * INT64_C(1000);
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    int32_t count = 0;

    while (count < partitions && !atomic_load(&log->ending) && rs_clock_mono(log->options.clock) < deadline) {
        count = count_partitions(log, topic->name, &code);
        if (count < partitions) {
            (void)rd_kafka_poll(log->consumer, SLICE_MS);
        }
    }
    return count;
}

/* Another instance may make the topic at the same moment: then it is there, which is all that was wanted.
 * Its settings are looked at next, whoever made it. */
static enum rs_kafka_log_fitness create(struct rs_kafka_log *log, const struct rs_kafka_log_topic *topic,
                                        int32_t *partitions, struct rs_error *error)
{
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    char why[512] = "";
    int32_t wanted = count_partitions(log, topic->stream->topic, &code);

    if (wanted == 0) {
        return no_metadata(topic->stream->topic, code, error);
    }
    code = ask_to_create(log, topic, wanted, why, sizeof why);
    if (rs_kafka_is_away(code)) {
        return RS_KAFKA_LOG_UNKNOWN;
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
        cannot_create(log, topic, wanted, code, why, error);
        return RS_KAFKA_LOG_UNFIT;
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        rs_report(&log->options.report, RS_LOG_INFO,
                  "stream %s: made the topic %s with %" PRId32 " partitions for its state",
                  rs_stream_label(topic->stream), topic->name, wanted);
    }
    *partitions = wait_until_seen(log, topic, 1);
    return *partitions > 0 ? RS_KAFKA_LOG_FIT : RS_KAFKA_LOG_UNKNOWN;
}

/* ---- growing a topic ---- */

static rd_kafka_resp_err_t ask_to_grow(struct rs_kafka_log *log, const struct rs_kafka_log_topic *topic,
                                       int32_t partitions, char *why, size_t size)
{
    if (!rs_kafka_ask_controller(log->consumer, METADATA_MS)) {
        (void)snprintf(why, size, "the cluster names no controller");
        return RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE;
    }
    rd_kafka_NewPartitions_t *more = rd_kafka_NewPartitions_new(topic->name, (size_t)partitions, why, size);
    if (!more) {
        return RD_KAFKA_RESP_ERR__INVALID_ARG;
    }
    rd_kafka_AdminOptions_t *options =
        rs_kafka_admin_options(log->consumer, RD_KAFKA_ADMIN_OP_CREATEPARTITIONS, NULL);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(log->consumer);
    rd_kafka_CreatePartitions(log->consumer, &more, 1, options, queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_NewPartitions_destroy(more);
    return topic_answer(log, queue, why, size);
}

/* Kept for the message to a partition that has none in the log (rs_kafka_log_too_few): nobody else misses
 * it. */
static void set_not_grown(struct rs_kafka_log *log, struct rs_kafka_log_topic *topic,
                          rd_kafka_resp_err_t code, const char *why)
{
    char remedy[256] = "";

    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        rs_kafka_log_remedy(code, "Alter", topic->name, remedy, sizeof remedy);
    }
    pthread_mutex_lock(&log->lock);
    topic->not_grown[0] = '\0';
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        (void)snprintf(topic->not_grown, sizeof topic->not_grown, " (it could not be grown: %s%s)", why,
                       remedy);
    }
    pthread_mutex_unlock(&log->lock);
}

/* The input has got more partitions: so does its log. What cannot be done is told where a partition waits for
 * it; the others go on. Two instances may ask at once, and one of them is refused: the count decides. */
static enum rs_kafka_log_fitness grow(struct rs_kafka_log *log, struct rs_kafka_log_topic *topic,
                                      int32_t *partitions)
{
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    char why[512] = "";
    int32_t before = *partitions;
    int32_t wanted = count_partitions(log, topic->stream->topic, &code);

    if (wanted <= before) {
        return rs_kafka_is_away(code) ? RS_KAFKA_LOG_UNKNOWN : RS_KAFKA_LOG_FIT;
    }
    code = ask_to_grow(log, topic, wanted, why, sizeof why);
    bool asked = code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_INVALID_PARTITIONS;
    int32_t now = asked ? wait_until_seen(log, topic, wanted) : before;
    *partitions = now > before ? now : before;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        rs_report(&log->options.report, RS_LOG_INFO,
                  "stream %s: its input %s has %" PRId32 " partitions: grew the topic %s from %" PRId32
                  " to as many",
                  topic->stream->name, topic->stream->topic, wanted, topic->name, before);
    }
    set_not_grown(log, topic, *partitions >= wanted ? RD_KAFKA_RESP_ERR_NO_ERROR : code, why);
    return *partitions < wanted && (asked || rs_kafka_is_away(code)) ? RS_KAFKA_LOG_UNKNOWN
                                                                     : RS_KAFKA_LOG_FIT;
}

/* ---- settings ---- */

/* A record that the topic refused tells what its settings would have told. Without that its partition would be
 * claimed, fed and refused again for ever. */
static bool takes_what_it_has_to(struct rs_kafka_log *log, const struct rs_kafka_log_topic *topic,
                                 struct rs_error *error)
{
    char setting[48];
    char command[RS_KAFKA_MEND_MAX];

    pthread_mutex_lock(&log->lock);
    size_t refused = topic->refused_bytes;
    pthread_mutex_unlock(&log->lock);
    if (refused > 0) {
        (void)snprintf(setting, sizeof setting, "max.message.bytes=%zu", RS_LOG_MESSAGE_MAX);
        rs_kafka_mend_settings(topic->name, setting, command, sizeof command);
        (void)rs_fail(
            error, RS_ECONFIG,
            "state log: topic %s is not fit: it refused a record of %zu bytes, and its "
            "max.message.bytes has to be at least %zu (the largest record has to fit); mend it with: %s",
            topic->name, refused, RS_LOG_MESSAGE_MAX, command);
    }
    return refused == 0;
}

/* A right that is missing must not stop a pipeline whose topic may well be in order: it is warned of once,
 * and the topic is used until it refuses a record for its size. Only a broker that is away is asked again. */
static enum rs_kafka_log_fitness cannot_verify(struct rs_kafka_log *log, struct rs_kafka_log_topic *topic,
                                               rd_kafka_resp_err_t code, struct rs_error *error)
{
    char remedy[512];

    if (rs_kafka_is_away(code)) {
        return RS_KAFKA_LOG_UNKNOWN;
    }
    if (!takes_what_it_has_to(log, topic, error)) {
        return RS_KAFKA_LOG_UNFIT;
    }
    rs_kafka_log_remedy(code, "DescribeConfigs", topic->name, remedy, sizeof remedy);
    if (!topic->unverified_reported) {
        topic->unverified_reported = true;
        rs_report(&log->options.report, RS_LOG_WARNING,
                  "state log: the settings of topic %s cannot be verified: %s; it has to have "
                  "cleanup.policy=delete, retention.ms=-1, retention.bytes=-1 and max.message.bytes of at "
                  "least %zu%s",
                  topic->name, rd_kafka_err2str(code), RS_LOG_MESSAGE_MAX, remedy);
    }
    return RS_KAFKA_LOG_FIT;
}

static enum rs_kafka_log_fitness check_settings(struct rs_kafka_log *log, struct rs_kafka_log_topic *topic,
                                                struct rs_error *error)
{
    struct rs_state_topic_faults faults = {0};

    if (!rs_kafka_ask_controller(log->consumer, METADATA_MS)) {
        return cannot_verify(log, topic, RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE, error);
    }
    rd_kafka_queue_t *queue = rd_kafka_queue_new(log->consumer);
    rs_kafka_topic_describe(log->consumer, topic->name, queue, NULL);
    rd_kafka_event_t *event = answer(log, queue);
    if (!event) {
        return RS_KAFKA_LOG_UNKNOWN;
    }
    rd_kafka_resp_err_t code = rs_kafka_settings_answer(event, rs_state_topic_judge, &faults);
    rd_kafka_event_destroy(event);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return cannot_verify(log, topic, code, error);
    }
    return rs_state_topic_fit(topic->name, &faults, error) == 0 ? RS_KAFKA_LOG_FIT : RS_KAFKA_LOG_UNFIT;
}

/* Settings are checked whatever came before: also a topic that was just found missing may have been made
 * by somebody else meanwhile. */
enum rs_kafka_log_fitness rs_kafka_log_topic_check(struct rs_kafka_log *log, struct rs_kafka_log_topic *topic,
                                                   int32_t *partitions, struct rs_error *error)
{
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    enum rs_kafka_log_fitness fitness = RS_KAFKA_LOG_FIT;

    *partitions = count_partitions(log, topic->name, &code);
    if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC) {
        fitness = create(log, topic, partitions, error);
    } else if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        fitness = no_metadata(topic->name, code, error);
    } else {
        fitness = grow(log, topic, partitions);
    }
    return fitness == RS_KAFKA_LOG_FIT ? check_settings(log, topic, error) : fitness;
}

/* ---- the group's offsets ---- */

static void put_committed(rd_kafka_topic_partition_list_t *list, const rd_kafka_topic_partition_list_t *found)
{
    for (int i = 0; i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *at =
            !found ? NULL
                   : rd_kafka_topic_partition_list_find((rd_kafka_topic_partition_list_t *)found,
                                                        list->elems[i].topic, list->elems[i].partition);
        list->elems[i].offset =
            at && at->err == RD_KAFKA_RESP_ERR_NO_ERROR && at->offset >= 0 ? at->offset : -1;
    }
}

/* Three things may have failed: there is no answer, the request was refused, or its one group was. */
static rd_kafka_resp_err_t group_answer(rd_kafka_event_t *event, rd_kafka_topic_partition_list_t *list)
{
    size_t count = 0;

    if (!event || rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return !event ? RD_KAFKA_RESP_ERR__TIMED_OUT : rd_kafka_event_error(event);
    }
    const rd_kafka_group_result_t **groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
        rd_kafka_event_ListConsumerGroupOffsets_result(event), &count);
    if (count != 1) {
        return RD_KAFKA_RESP_ERR__FAIL;
    }
    const rd_kafka_error_t *refused = rd_kafka_group_result_error(groups[0]);
    if (refused) {
        return rd_kafka_error_code(refused);
    }
    put_committed(list, rd_kafka_group_result_partitions(groups[0]));
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* What the broker refuses for good counts as "nothing committed", with one warning: partitions start all
 * the same, and what is given up is only that a lost log is told from a first start. */
bool rs_kafka_log_committed(struct rs_kafka_log *log, rd_kafka_topic_partition_list_t *list)
{
    const char *group = log->options.streams->group;
    rd_kafka_ListConsumerGroupOffsets_t *request = rd_kafka_ListConsumerGroupOffsets_new(group, list);
    rd_kafka_AdminOptions_t *options =
        rs_kafka_admin_options(log->consumer, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, NULL);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(log->consumer);

    rd_kafka_ListConsumerGroupOffsets(log->consumer, &request, 1, options, queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_event_t *event = answer(log, queue);
    rd_kafka_resp_err_t code = group_answer(event, list);
    rd_kafka_ListConsumerGroupOffsets_destroy(request);
    if (event) {
        rd_kafka_event_destroy(event);
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR || rs_kafka_is_away(code)) {
        return code == RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    put_committed(list, NULL);
    if (!log->group_reported) {
        log->group_reported = true;
        rs_report(&log->options.report, RS_LOG_WARNING,
                  "state log: the offsets of group %s cannot be seen: %s; a state log that was lost would "
                  "not be told from a first start",
                  group, rd_kafka_err2str(code));
    }
    return true;
}

/* ---- trims ---- */

void rs_kafka_log_trim(struct rs_kafka_log *log, struct rs_kafka_log_note *note, int64_t before)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    const struct rs_kafka_log_topic *topic = &log->topics[note->key->stream];

    rd_kafka_topic_partition_list_add(list, topic->name, note->key->partition)->offset = before;
    rd_kafka_DeleteRecords_t *request = rd_kafka_DeleteRecords_new(list);
    rd_kafka_AdminOptions_t *options =
        rs_kafka_admin_options(log->consumer, RD_KAFKA_ADMIN_OP_DELETERECORDS, note);
    rd_kafka_DeleteRecords(log->consumer, &request, 1, options, log->answers);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_DeleteRecords_destroy(request);
    rd_kafka_topic_partition_list_destroy(list);
}

static rd_kafka_resp_err_t trimmed_to(rd_kafka_event_t *event, int64_t *offset)
{
    const rd_kafka_DeleteRecords_result_t *result = rd_kafka_event_DeleteRecords_result(event);
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);

    if (code != RD_KAFKA_RESP_ERR_NO_ERROR || !result) {
        return code;
    }
    const rd_kafka_topic_partition_list_t *list = rd_kafka_DeleteRecords_result_offsets(result);
    if (!list || list->cnt != 1) {
        return RD_KAFKA_RESP_ERR__FAIL;
    }
    *offset = list->elems[0].offset;
    return list->elems[0].err;
}

/* If the key was forgotten meanwhile, sending drops the note: the log is trimmed then, and nobody has to
 * know. */
static void trim_answer(struct rs_kafka_log *log, rd_kafka_event_t *event)
{
    struct rs_kafka_log_note *note = rd_kafka_event_opaque(event);
    const char *topic = log->topics[note->key->stream].name;
    int64_t offset = -1;
    rd_kafka_resp_err_t code = trimmed_to(event, &offset);
    bool good = code == RD_KAFKA_RESP_ERR_NO_ERROR;
    char remedy[512];
    struct rs_error error;

    rs_kafka_log_remedy(code, "Delete", topic, remedy, sizeof remedy);
    (void)rs_fail(&error, RS_EBROKER, "state log: topic %s partition %" PRId32 " cannot be trimmed: %s%s",
                  topic, note->key->partition, rd_kafka_err2str(code), remedy);
    pthread_mutex_lock(&log->lock);
    rs_kafka_log_notes_remove(&log->trims, note);
    log->status.trims += good ? 1 : 0;
    log->status.trims_refused += good ? 0 : 1;
    note->event.offset = good ? offset : -1;
    rs_kafka_log_send(log, note, good ? NULL : &error);
    pthread_mutex_unlock(&log->lock);
}

void rs_kafka_log_trim_answers(struct rs_kafka_log *log)
{
    rd_kafka_event_t *event = NULL;

    while ((event = rd_kafka_queue_poll(log->answers, 0))) {
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DELETERECORDS_RESULT) {
            trim_answer(log, event);
        }
        rd_kafka_event_destroy(event);
    }
}
