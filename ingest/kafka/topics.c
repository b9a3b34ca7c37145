/* The subscription: the topics that streams name, and those that their patterns take, as they come and go; and those that
 * are missing. */
#include <stdlib.h>
#include <string.h>

#include "ingest/kafka/internal.h"

#define LOOK_EVERY_US    (5 * INT64_C(1000000))
#define TOPICS_EVERY_US  (2 * INT64_C(1000000))  /* between looks for a missing topic */
#define TOPICS_REPORT_US (10 * INT64_C(1000000)) /* between lines about it */
/* A broker that has just started may not know all topics yet. */
#define GONE_LOOKS 3

void rs_kafka_names_fini(struct rs_kafka_names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        free(names->items[i]);
    }
    free(names->items);
    *names = (struct rs_kafka_names){0};
}

/* Whoever first hears of a topic when it is to fetch from it looks for the leaders only a second later. */
static int open_topic(struct rs_kafka_source *source, const struct rs_stream *input, struct rs_error *error)
{
    if (!input->topic || source->topics[input->index]) {
        return 0;
    }
    rd_kafka_topic_t *topic = rd_kafka_topic_new(source->fetcher, input->topic, NULL);
    if (!topic) {
        return rs_fail(error, RS_EBROKER, "kafka: topic %s: %s", input->topic,
                       rd_kafka_err2str(rd_kafka_last_error()));
    }
    source->topics[input->index] = topic;
    return 0;
}

static int subscribe(struct rs_kafka_source *source, struct rs_error *error)
{
    const struct rs_streams *streams = source->options.streams;
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new((int)streams->count);

    for (size_t i = 0; i < streams->count; i++) {
        if (streams->items[i].topic && (!streams->items[i].found || source->present[i])) {
            rd_kafka_topic_partition_list_add(topics, streams->items[i].topic, RD_KAFKA_PARTITION_UA);
        }
    }
    rd_kafka_resp_err_t err =
        topics->cnt > 0 ? rd_kafka_subscribe(source->member, topics) : rd_kafka_unsubscribe(source->member);
    rd_kafka_topic_partition_list_destroy(topics);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return rs_fail(error, RS_EBROKER, "kafka: subscribing: %s", rd_kafka_err2str(err));
    }
    return 0;
}

/* Without patterns all is known. With them the first look, a moment later, says what there is: to join with a part of
 * it would be to join twice. */
int rs_kafka_topics_begin(struct rs_kafka_source *source, struct rs_error *error)
{
    const struct rs_streams *streams = source->options.streams;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < streams->count; i++) {
        rc = open_topic(source, &streams->items[i], error);
    }
    if (rc == 0 && !rs_streams_have_patterns(streams)) {
        source->look_due_us = INT64_MAX;
        rc = subscribe(source, error);
    }
    return rc;
}

static bool take_names(struct rs_kafka_source *source, struct rs_kafka_names *out)
{
    pthread_mutex_lock(&source->mutex);
    *out = source->asker.names;
    source->asker.names = (struct rs_kafka_names){0};
    pthread_mutex_unlock(&source->mutex);
    return out->known;
}

/* Puts into `present` which topics of patterns there are; true: others than before. */
static bool look(struct rs_kafka_source *source, const struct rs_kafka_names *names, bool *present)
{
    const struct rs_streams *streams = source->options.streams;
    struct rs_error error;
    bool changed = false;

    for (size_t i = 0; i < names->count; i++) {
        const struct rs_stream *input =
            source->options.topic_seen(source->options.topic_ctx, names->items[i]);
        if (input && input->found && open_topic(source, input, &error) == 0) {
            present[input->index] = true;
        }
    }
    for (size_t i = 0; i < streams->count; i++) {
        bool unseen = source->present[i] && !present[i];
        source->unseen[i] = unseen ? (uint8_t)(source->unseen[i] + 1) : 0;
        present[i] = present[i] || (unseen && source->unseen[i] < GONE_LOOKS);
        if (present[i] != source->present[i]) {
            changed = true;
            rs_report(&source->options.report, RS_LOG_INFO, "stream %s: topic %s %s", streams->items[i].name,
                      streams->items[i].topic, present[i] ? "is read, as its pattern has it" : "is gone");
        }
    }
    return changed;
}

static void on_names(struct rs_kafka_source *source, const struct rs_kafka_names *names)
{
    size_t room = rs_streams_room(source->options.streams);
    bool *present = calloc(room, sizeof *present);
    struct rs_error error;

    if (!present) {
        return; /* the next look may have memory */
    }
    bool changed = look(source, names, present);
    memcpy(source->present, present, room * sizeof *present);
    free(present);
    if (changed || !source->subscribed) { /* what failed is tried again with the next look */
        source->subscribed = subscribe(source, &error) == 0;
        if (!source->subscribed) {
            rs_report(&source->options.report, RS_LOG_ERROR, "%s", error.text);
        }
    }
    source->looked = true;
}

void rs_kafka_control_look(struct rs_kafka_source *source)
{
    int64_t now = rs_clock_mono(source->options.clock);
    struct rs_kafka_names names = {0};

    if (source->look_due_us == INT64_MAX) {
        return;
    }
    if (take_names(source, &names)) {
        on_names(source, &names);
    }
    rs_kafka_names_fini(&names);
    if (now >= source->look_due_us) {
        source->look_due_us = now + LOOK_EVERY_US;
        atomic_store(&source->asker.names_wanted, true);
        rs_wake(source->asker.fd);
    }
}

bool rs_kafka_source_finds_none(const struct rs_kafka_source *source, size_t stream)
{
    const struct rs_streams *streams = source->options.streams;
    bool any = !streams->items[stream].pattern || !source->looked;

    for (size_t i = 0; i < streams->count; i++) {
        const struct rs_stream *input = &streams->items[i];
        any = any || (input->topic && rs_stream_same(input, &streams->items[stream]) &&
                      (!input->found || source->present[i]));
    }
    return !any;
}

/* ---- missing topics ---- */

static void report_missing(const struct rs_kafka_source *source, const struct rs_stream *stream)
{
    rs_report(&source->options.report, RS_LOG_ERROR,
              "stream %s: topic %s does not exist; waiting for it. Create it with: kafka-topics.sh "
              "--bootstrap-server HOST:PORT --create --topic %s --partitions N",
              stream->name, stream->topic, stream->topic);
}

static bool was_missing(struct rs_kafka_source *source, size_t stream)
{
    pthread_mutex_lock(&source->mutex);
    bool missing = source->asker.missing[stream];
    pthread_mutex_unlock(&source->mutex);
    return missing;
}

static void on_topics(struct rs_kafka_source *source, int64_t now)
{
    bool report = source->topics_reported_us == 0 || now - source->topics_reported_us >= TOPICS_REPORT_US;
    bool any = false;

    for (size_t i = 0; i < source->options.streams->count; i++) {
        const struct rs_stream *stream = &source->options.streams->items[i];
        if (!stream->topic || stream->found) {
            continue;
        }
        bool missing = was_missing(source, i);
        if (missing && (report || !source->missing[i])) {
            report_missing(source, stream);
            source->topics_reported_us = now;
        } else if (!missing && source->missing[i]) {
            rs_report(&source->options.report, RS_LOG_INFO, "stream %s: topic %s exists now", stream->name,
                      stream->topic);
        }
        source->missing[i] = missing;
        any = any || missing;
    }
    source->status.topics_missing = any;
    source->topics_due_us = any || atomic_load(&source->asker.topics_unsure) ? now + TOPICS_EVERY_US : 0;
}

/* librdkafka reports a missing topic once; operators need to see it until it is mended. */
void rs_kafka_control_topics(struct rs_kafka_source *source)
{
    int64_t now = rs_clock_mono(source->options.clock);

    if (atomic_exchange(&source->asker.topics_known, false)) {
        on_topics(source, now);
    } else if (source->topics_due_us != 0 && now >= source->topics_due_us) {
        source->topics_due_us = now + TOPICS_EVERY_US;
        atomic_store(&source->asker.topics_wanted, true);
        rs_wake(source->asker.fd);
    }
}
