/* Topics by pattern: what a pattern takes, and the inputs that come of it while a program runs. */
#include <stdio.h>
#include <string.h>

#include "schemas/stream_internal.h"

/* ---- topics that no pattern takes ---- */

bool rs_streams_state_topic(const struct rs_streams *streams, const char *topic)
{
    size_t size = strlen(streams->group);
    if (!topic || strncmp(topic, streams->group, size) != 0) {
        return false;
    }
    return strncmp(topic + size, ".state.", 7) == 0 || strcmp(topic + size, ".partials") == 0 ||
           strncmp(topic + size, ".partials.", 10) == 0;
}

/* Whether "<topic>.dlq" is where the stream's dead letters of some topic go, be it read already or not. */
static bool gets_letters(const struct rs_streams *streams, const struct rs_stream *stream, const char *topic)
{
    char base[RS_TOPIC_NAME_MAX + 1];
    size_t size = strlen(topic);
    if (!stream->dead_letters) {
        return false;
    }
    if (stream->dead_letter_named) {
        return strcmp(stream->dead_letter_topic, topic) == 0;
    }
    if (size <= 4 || size > RS_TOPIC_NAME_MAX || strcmp(topic + size - 4, ".dlq") != 0) {
        return false;
    }
    (void)snprintf(base, sizeof base, "%.*s", (int)(size - 4), topic);
    const struct rs_stream *input = rs_streams_by_topic(streams, base);
    return (input && rs_stream_same(input, stream)) || rs_topic_pattern_matches(stream->pattern, base);
}

static bool never_taken(const struct rs_streams *streams, const char *topic)
{
    bool own = strncmp(topic, "__", 2) == 0 || rs_streams_state_topic(streams, topic);
    for (size_t i = 0; i < streams->named && !own; i++) {
        own = gets_letters(streams, &streams->items[i], topic);
    }
    return own;
}

bool rs_stream_takes(const struct rs_streams *streams, const struct rs_stream *stream, const char *topic)
{
    const struct rs_stream *first = &streams->items[stream->first];
    return rs_topic_pattern_matches(first->pattern, topic) && !never_taken(streams, topic);
}

bool rs_streams_have_patterns(const struct rs_streams *streams)
{
    bool any = false;
    for (size_t i = 0; i < streams->named; i++) {
        any = any || streams->items[i].pattern;
    }
    return any;
}

/* ---- inputs ---- */

static int refuse_second(const struct rs_stream *one, const struct rs_stream *other, const char *topic,
                         struct rs_error *error)
{
    return rs_fail(
        error, RS_ECONFIG,
        "the patterns of streams \"%s\" and \"%s\" both take the topic \"%s\", so that neither of them reads "
        "it: make them narrower, so that one takes it",
        one->name, other->name, topic);
}

/* The stream whose pattern takes it; an explicit reader elsewhere counts, too. */
static int find_taker(const struct rs_streams *streams, const char *topic, const struct rs_stream **out,
                      struct rs_error *error)
{
    *out = NULL;
    for (size_t i = 0; i < streams->named; i++) {
        if (!rs_stream_takes(streams, &streams->items[i], topic)) {
            continue;
        }
        if (*out) {
            return refuse_second(*out, &streams->items[i], topic, error);
        }
        *out = &streams->items[i];
    }
    return 0;
}

static int check_room(const struct rs_streams *streams, const struct rs_stream *stream, const char *topic,
                      struct rs_error *error)
{
    size_t of_stream = 0;
    for (size_t i = 0; i < streams->count; i++) {
        of_stream += streams->items[i].topic && rs_stream_same(&streams->items[i], stream);
    }
    if (of_stream >= RS_STREAM_TOPICS_MAX || streams->count >= streams->capacity) {
        return rs_fail(
            error, RS_ELIMIT,
            "stream \"%s\" reads %zu topics, the most there can be, and leaves out \"%s\" and whatever else "
            "its pattern takes: make it narrower, or several streams of it",
            stream->name, of_stream, topic);
    }
    return 0;
}

/* Of the names that come of the topic. */
static int check_names(const struct rs_streams *streams, const struct rs_stream *stream, const char *topic,
                       struct rs_error *error)
{
    size_t state = strlen(streams->group) + strlen(".state.") + strlen(stream->name) + 1 + strlen(topic);
    size_t letters = stream->dead_letters && !stream->dead_letter_named ? strlen(topic) + 4 : 0;
    char input[600];
    (void)snprintf(input, sizeof input, "%s.%s", stream->name, topic);
    if (state > RS_TOPIC_NAME_MAX || letters > RS_TOPIC_NAME_MAX) {
        return rs_fail(
            error, RS_ECONFIG,
            "stream \"%s\" cannot read the topic \"%s\": the names of the topics for its state and its dead "
            "letters would have %zu and %zu characters, and Kafka allows %d: use a shorter group or stream "
            "name, or another `dead_letters: {topic: NAME}`",
            stream->name, topic, state, letters, RS_TOPIC_NAME_MAX);
    }
    for (size_t i = 0; i < streams->count; i++) {
        const struct rs_stream *other = &streams->items[i];
        if (other->topic && strcmp(rs_stream_input(other), input) == 0) {
            return rs_fail(
                error, RS_ECONFIG,
                "stream \"%s\" cannot read the topic \"%s\": its state would be in the topic %s.state.%s, "
                "where that of stream \"%s\" is: give one of these streams another name",
                stream->name, topic, streams->group, input, other->name);
        }
    }
    return 0;
}

int rs_streams_take(struct rs_streams *streams, const char *topic, const struct rs_stream **out,
                    struct rs_error *error)
{
    const struct rs_stream *taker = NULL;
    *out = rs_streams_by_topic(streams, topic);
    if (*out) {
        return 0;
    }
    int rc = find_taker(streams, topic, &taker, error);
    if (rc != 0 || !taker) {
        return rc;
    }
    rc = check_room(streams, taker, topic, error);
    if (rc == 0) {
        rc = check_names(streams, taker, topic, error);
    }
    if (rc != 0) {
        return rc;
    }
    struct rs_stream_loader loader = {.streams = streams, .memory = streams->memory};
    struct rs_stream *input = &streams->items[streams->count];
    *input = *taker;
    input->index = (uint32_t)streams->count;
    input->found = true;
    input->topic_node = rs_config_get(taker->node, "topics");
    rs_stream_name_input(&loader, topic, input);
    if (!loader.failed) {
        rs_stream_find_dead_letters(&loader, input);
    }
    *out = input;
    return loader.failed ? rs_fail(error, RS_ENOMEM, "out of memory") : 1;
}

void rs_streams_admit(struct rs_streams *streams)
{
    streams->count = streams->count + 1;
}

int rs_streams_learn(void *streams, const char *topic, struct rs_error *error)
{
    const struct rs_stream *input = NULL;
    int rc = rs_streams_take(streams, topic, &input, error);
    if (rc == 1) {
        rs_streams_admit(streams);
    }
    return rc == RS_ENOMEM ? rc : 0;
}
