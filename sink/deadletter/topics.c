#include "sink/deadletter/topics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/kafka/admin.h"
#include "base/kafka/ask.h"
#include "base/kafka/client.h"
#include "base/kafka/mend.h"

#define LOOK_MS      1000
#define AWAY_US      INT64_C(1000000) /* to the next try when no broker answered, */
#define MISSING_US   INT64_C(5000000) /* when the topic could not be made, */
#define REPORT_AGAIN 60               /* and every so many of these it is reported again */

enum state {
    UNKNOWN, /* dead letters are sent: the broker will say */
    ASKED,   /* the same, with a request under way */
    THERE,
    MISSING,
};

struct topic {
    const char *name; /* NULL: none, or an earlier stream has the same one */
    size_t first;     /* the stream whose entry counts */
    enum state state;
    bool was_missing;
    uint32_t tries; /* since it is missing */
    int64_t ask_at_us;
    char why[RS_DEAD_LETTER_MISSING_MAX];
};

struct rs_dead_letter_topics {
    struct rs_dead_letter_topics_options options;
    struct topic *items; /* by stream */
    size_t count;        /* behind the last that has one: further inputs may come */
    rd_kafka_t *producer;
    rd_kafka_queue_t *answers;
};

/* Streams may share a topic: the entry of the first then stands for all of them. */
struct rs_dead_letter_topics *rs_dead_letter_topics_new(const struct rs_dead_letter_topics_options *options)
{
    struct rs_dead_letter_topics *topics = calloc(1, sizeof *topics);
    struct topic *items = calloc(options->streams + 1, sizeof *items);
    if (!topics || !items) {
        free(topics);
        free(items);
        return NULL;
    }
    *topics = (struct rs_dead_letter_topics){.options = *options, .items = items};
    for (size_t i = 0; i < options->streams; i++) {
        rs_dead_letter_topics_add(topics, i);
    }
    return topics;
}

void rs_dead_letter_topics_add(struct rs_dead_letter_topics *topics, size_t stream)
{
    const char *const *names = topics->options.topics;
    const char *name = names[stream];
    size_t first = name ? 0 : stream;
    while (first < stream && (!names[first] || strcmp(names[first], name) != 0)) {
        first++;
    }
    topics->count = name && stream >= topics->count ? stream + 1 : topics->count;
    topics->items[stream].first = first;
    topics->items[stream].name = first == stream ? name : NULL;
}

void rs_dead_letter_topics_free(struct rs_dead_letter_topics **out)
{
    struct rs_dead_letter_topics *topics = *out;
    if (!topics) {
        return;
    }
    rs_dead_letter_topics_close(topics);
    free(topics->items);
    free(topics);
    *out = NULL;
}

void rs_dead_letter_topics_open(struct rs_dead_letter_topics *topics, rd_kafka_t *producer, int wake_fd)
{
    topics->producer = producer;
    topics->answers = rd_kafka_queue_new(producer);
    rs_kafka_queue_wakes(topics->answers, wake_fd);
}

/* What was asked is answered no more. It is asked again with the next producer. */
void rs_dead_letter_topics_close(struct rs_dead_letter_topics *topics)
{
    if (!topics->producer) {
        return;
    }
    rs_kafka_queue_free(&topics->answers);
    topics->producer = NULL;
    for (size_t i = 0; i < topics->count; i++) {
        if (topics->items[i].state == ASKED) {
            topics->items[i].state = topics->items[i].was_missing ? MISSING : UNKNOWN;
        }
    }
}

/* ---- asking ---- */

struct rs_kafka_new_topic rs_dead_letter_topic_new(const char *name, int32_t replication_factor)
{
    static const char *const settings[][2] = {
        {"cleanup.policy", "delete"}, {"retention.ms", RS_DEAD_LETTER_RETENTION_MS}, {NULL, NULL}};

    return (struct rs_kafka_new_topic){
        .name = name,
        .partitions = -1,
        .replication_factor = replication_factor > 0 ? replication_factor : -1,
        .settings = settings,
    };
}

/* Making it is the question: who may make it need not ask whether it is there, and nobody's settings but ours
 * make it by the way. */
static void ask(struct rs_dead_letter_topics *topics, struct topic *topic)
{
    const struct rs_kafka_new_topic fresh =
        rs_dead_letter_topic_new(topic->name, topics->options.replication_factor);
    bool asked = rs_kafka_topic_make(topics->producer, &fresh, topics->answers, topic);
    topic->state = asked ? ASKED : THERE; /* the broker will say what it has against the name */
}

/* ---- answers ---- */

static void found(struct rs_dead_letter_topics *topics, struct topic *topic, bool made)
{
    if (made || topic->was_missing) {
        rs_report(&topics->options.report, RS_LOG_INFO,
                  made ? "dead letters: made the topic %s; its records stay for 30 days"
                       : "dead letters: topic %s is there now; they go on",
                  topic->name);
    }
    topic->state = THERE;
}

static void unknown(struct rs_dead_letter_topics *topics, struct topic *topic)
{
    topic->state = topic->was_missing ? MISSING : UNKNOWN;
    topic->ask_at_us = rs_clock_mono(topics->options.clock) + AWAY_US;
}

static void missing(struct rs_dead_letter_topics *topics, struct topic *topic, const char *why)
{
    const struct rs_kafka_new_topic fresh =
        rs_dead_letter_topic_new(topic->name, topics->options.replication_factor);
    char command[RS_KAFKA_MEND_MAX];

    rs_kafka_mend_topic(&fresh, command, sizeof command);
    snprintf(
        topic->why, sizeof topic->why,
        "dead letters: topic %s does not exist and cannot be made: %.200s; a partition with an event that "
        "is not acceptable waits for it. Make it with: %s",
        topic->name, why, command);
    if (topic->tries++ % REPORT_AGAIN == 0) {
        rs_report(&topics->options.report, RS_LOG_ERROR, "%s", topic->why);
    }
    topic->state = MISSING;
    topic->was_missing = true;
    topic->ask_at_us = rs_clock_mono(topics->options.clock) + MISSING_US;
}

/* It could not be made, which matters only where it is not there. */
static void not_made(struct rs_dead_letter_topics *topics, struct topic *topic, const char *why)
{
    int32_t partitions = 0;
    switch (rs_kafka_ask_partitions(topics->producer, topic->name, LOOK_MS, &partitions)) {
    case RD_KAFKA_RESP_ERR_NO_ERROR: found(topics, topic, false); break;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC: missing(topics, topic, why); break;
    default: unknown(topics, topic); break; /* away, or we may not see it: the next dead letter will tell */
    }
}

static void take_answer(struct rs_dead_letter_topics *topics, rd_kafka_event_t *event)
{
    struct topic *topic = rd_kafka_event_opaque(event);
    const char *why = NULL;
    rd_kafka_resp_err_t code = rs_kafka_topic_answer(event, &why);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
        found(topics, topic, code == RD_KAFKA_RESP_ERR_NO_ERROR);
    } else if (rs_kafka_is_away(code)) {
        unknown(topics, topic);
    } else {
        not_made(topics, topic, why);
    }
}

/* True: a topic that was missing is there, and what waits for it may go. */
bool rs_dead_letter_topics_serve(struct rs_dead_letter_topics *topics)
{
    int64_t now = rs_clock_mono(topics->options.clock);
    rd_kafka_event_t *event = NULL;
    bool came = false;
    if (!topics->producer) {
        return false;
    }
    while ((event = rd_kafka_queue_poll(topics->answers, 0))) {
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_CREATETOPICS_RESULT) {
            take_answer(topics, event);
        }
        rd_kafka_event_destroy(event);
    }
    for (size_t i = 0; i < topics->count; i++) {
        struct topic *topic = &topics->items[i];
        if (topic->state == THERE && topic->was_missing) {
            topic->was_missing = false;
            topic->tries = 0;
            came = true;
        }
        if (topic->name && (topic->state == UNKNOWN || topic->state == MISSING) && now >= topic->ask_at_us) {
            ask(topics, topic);
        }
    }
    return came;
}

/* ---- what is known ---- */

void rs_dead_letter_topics_doubt(struct rs_dead_letter_topics *topics, size_t stream)
{
    struct topic *topic = &topics->items[topics->items[stream].first];
    if (topic->state == THERE) {
        topic->state = UNKNOWN;
        topic->ask_at_us = 0;
    }
}

bool rs_dead_letter_topics_missing(const struct rs_dead_letter_topics *topics, size_t stream)
{
    const struct topic *topic = &topics->items[topics->items[stream].first];
    return topic->was_missing && topic->state != THERE;
}

size_t rs_dead_letter_topics_report(const struct rs_dead_letter_topics *topics,
                                    char out[RS_DEAD_LETTER_MISSING_MAX])
{
    size_t count = 0;
    out[0] = '\0';
    for (size_t i = 0; i < topics->count; i++) {
        if (topics->items[i].name && rs_dead_letter_topics_missing(topics, i) && count++ == 0) {
            snprintf(out, RS_DEAD_LETTER_MISSING_MAX, "%s", topics->items[i].why);
        }
    }
    return count;
}
