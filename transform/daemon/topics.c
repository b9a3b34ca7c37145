/* Which topics the streams read, and which the daemon writes: none of its own may lead back into one it
 * reads. Each input, each dead letter and each state has a topic; from an input records get into its
 * dead-letter topic, which another stream may read, and so on. A ring of these would copy a record that none
 * of its streams takes for ever. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transform/daemon/rollstatd.h"

#define RING_TEXT_MAX 512

static const struct rs_config_node *input_node(const struct rs_stream *stream)
{
    return stream->topic_node;
}

/* Where the name of its dead-letter topic comes from. */
static const struct rs_config_node *dead_letter_node(const struct rs_stream *stream)
{
    const struct rs_config_node *letters = rs_config_get(stream->node, "dead_letters");
    const struct rs_config_node *topic = NULL;

    if (letters && rs_config_kind(letters) == RS_CONFIG_MAPPING) {
        topic = rs_config_get(letters, "topic");
    }
    return topic ? topic : input_node(stream);
}

/* NULL: it writes none. */
static const char *dead_letter_topic_of(const struct rs_stream *stream)
{
    return stream->dead_letters ? stream->dead_letter_topic : NULL;
}

/* A topic that two streams read would be one set of partitions with two states. What one stream names twice is
 * complained about where it is read. */
static void check_inputs(struct rs_config *config, const struct rs_streams *streams)
{
    for (size_t i = 0; i < streams->count; i++) {
        const struct rs_stream *stream = &streams->items[i];
        const struct rs_stream *first = rs_streams_by_topic(streams, stream->topic);
        if (first && !rs_stream_same(first, stream)) {
            rs_config_complain(
                config, input_node(stream),
                "streams: \"%s\" and \"%s\" read the same topic \"%s\"; one stream can feed any "
                "number of aggregates",
                first->name, stream->name, stream->topic);
        }
        for (size_t j = 0; stream->topic && j < streams->named; j++) {
            const struct rs_stream *other = &streams->items[j];
            if (!rs_stream_same(other, stream) && rs_stream_takes(streams, other, stream->topic)) {
                rs_config_complain(
                    config, input_node(stream),
                    "streams: \"%s\" reads the topic \"%s\", which the pattern of \"%s\" takes, too; "
                    "make that narrower: one stream can feed any number of aggregates",
                    stream->name, stream->topic, other->name);
            }
        }
    }
}

/* ---- rings ---- */

static void add_to_ring(char *text, size_t *size, const char *topic)
{
    int more = snprintf(text + *size, RING_TEXT_MAX - *size, " -> %s", topic);

    *size = *size + (size_t)more < RING_TEXT_MAX ? *size + (size_t)more : RING_TEXT_MAX - 1;
}

/* Each topic has one reader at most and each reader one dead-letter topic, so there is one way to follow. A
 * ring is told once, by the first of its streams. */
static void check_ring(struct rs_config *config, const struct rs_streams *streams,
                       const struct rs_stream *start)
{
    char ring[RING_TEXT_MAX] = "";
    size_t size = 0;
    const struct rs_stream *at = start;

    for (size_t steps = 0; steps < streams->count && at && dead_letter_topic_of(at); steps++) {
        add_to_ring(ring, &size, dead_letter_topic_of(at));
        at = rs_streams_by_topic(streams, dead_letter_topic_of(at));
        if (!at || at->index < start->index) {
            return;
        }
        if (at == start) {
            break;
        }
    }
    if (at == start && size > 0 && rs_streams_by_topic(streams, start->topic) == start &&
        strcmp(dead_letter_topic_of(start), start->topic) !=
            0) { /* which is complained about where it is read */
        rs_config_complain(
            config, dead_letter_node(start),
            "streams: dead letters would go round for ever: %s%s; let one of these streams have a "
            "dead-letter topic that none reads, or `dead_letters: false`",
            start->topic, ring);
    }
}

/* ---- topics of the daemon's own ---- */

static void check_own(struct rs_config *config, const struct rs_streams *streams,
                      const struct rs_stream *stream)
{
    static const char why[] = "names beginning with GROUP.state. or GROUP.partials are the daemon's own";

    if (rs_streams_state_topic(streams, stream->topic)) {
        rs_config_complain(config, input_node(stream),
                           "streams: \"%s\" reads the topic \"%s\", in which rollstatd keeps its state (%s)",
                           stream->name, stream->topic, why);
    }
    if (rs_streams_state_topic(streams, dead_letter_topic_of(stream))) {
        rs_config_complain(
            config, dead_letter_node(stream),
            "streams: dead letters of \"%s\" would go into the topic \"%s\", in which rollstatd "
            "keeps its state (%s); choose another with `dead_letters: {topic: NAME}`",
            stream->name, dead_letter_topic_of(stream), why);
    }
}

static void state_topic(const struct rs_streams *streams, const struct rs_stream *stream, char *out,
                        size_t size)
{
    (void)snprintf(out, size, "%s.state.%s", streams->group, rs_stream_input(stream));
}

/* "<one>.x" of a topic x that the one's pattern takes may be what the other's name begins with. */
static bool begins_with(const struct rs_stream *longer, const struct rs_stream *one)
{
    size_t size = strlen(one->name);

    return strncmp(longer->name, one->name, size) == 0 && longer->name[size] == '.';
}

/* Of two patterns whichever takes its topic first would have the state's topic: that may be another after a restart. */
static void check_patterns(struct rs_config *config, const struct rs_streams *streams,
                           const struct rs_stream *stream)
{
    for (size_t i = 0; i < stream->index; i++) {
        const struct rs_stream *other = &streams->items[i];
        if (other->pattern && (begins_with(stream, other) || begins_with(other, stream))) {
            rs_config_complain(
                config, stream->node,
                "streams: the states of topics of \"%s\" and \"%s\" could be in one topic: give "
                "one of these streams a name that does not begin with the other's and a '.'",
                other->name, stream->name);
        }
    }
}

/* Each part of the name is fit for one. */
static void check_state(struct rs_config *config, const struct rs_streams *streams,
                        const struct rs_stream *stream)
{
    char name[4 * RS_TOPIC_NAME_MAX];

    state_topic(streams, stream, name, sizeof name);
    if (strlen(name) > RS_TOPIC_NAME_MAX) {
        rs_config_complain(config, stream->listed ? input_node(stream) : stream->node,
                           "streams: the state of \"%s\" would be in the topic %s, whose name has %zu "
                           "characters; Kafka allows %d: use a shorter group or stream name",
                           stream->name, name, strlen(name), RS_TOPIC_NAME_MAX);
    }
    for (size_t i = 0; i < stream->index; i++) {
        const struct rs_stream *other = &streams->items[i];
        if (stream->topic && other->topic && strcmp(rs_stream_input(other), rs_stream_input(stream)) == 0 &&
            !rs_stream_same(other, stream)) {
            rs_config_complain(
                config, stream->listed ? input_node(stream) : stream->node,
                "streams: the states of \"%s\" and \"%s\" would be in one topic, %s: give one of "
                "these streams another name",
                other->name, stream->name, name);
        }
    }
}

/* ---- names that Kafka takes for one ---- */

static bool collide(const char *one, const char *other)
{
    if (!one || !other || strcmp(one, other) == 0) {
        return false;
    }
    for (; *one != '\0' && *other != '\0'; one++, other++) {
        bool same = *one == *other || (*one == '.' && *other == '_') || (*one == '_' && *other == '.');
        if (!same) {
            return false;
        }
    }
    return *one == *other;
}

/* The input, the dead-letter topic and the state topic of a stream; NULL: none. */
static const char *nth_topic(const struct rs_stream *stream, size_t which, const char *state)
{
    if (which == 2) {
        return stream->topic ? state : NULL;
    }
    return which == 0 ? stream->topic : dead_letter_topic_of(stream);
}

/* Without memory the warnings are left out. */
static void check_collisions(struct rs_config *config, const struct rs_streams *streams)
{
    char(*states)[4 * RS_TOPIC_NAME_MAX] = calloc(streams->count + 1, sizeof *states);

    for (size_t i = 0; states && i < streams->count; i++) {
        state_topic(streams, &streams->items[i], states[i], sizeof states[i]);
    }
    for (size_t i = 0; states && i < 3 * streams->count; i++) {
        const struct rs_stream *stream = &streams->items[i / 3];
        const char *topic = nth_topic(stream, i % 3, states[i / 3]);
        for (size_t j = 0; j < i; j++) {
            const char *other = nth_topic(&streams->items[j / 3], j % 3, states[j / 3]);
            if (collide(topic, other)) {
                rs_config_warn(
                    config, i % 3 == 1 ? dead_letter_node(stream) : input_node(stream),
                    "streams: the topics %s and %s differ only in '.' and '_': Kafka refuses to make "
                    "one beside the other",
                    other, topic);
            }
        }
    }
    free(states);
}

void rs_settings_check_topics(const struct rs_settings *settings, enum rs_daemon_mode mode)
{
    const struct rs_streams *streams = settings->streams;

    check_inputs(settings->document, streams);
    if (mode == RS_DAEMON_REPLAY) {
        return;
    }
    for (size_t i = 0; i < streams->count; i++) {
        check_ring(settings->document, streams, &streams->items[i]);
        if (!settings->state_in_memory) {
            check_own(settings->document, streams, &streams->items[i]);
            check_state(settings->document, streams, &streams->items[i]);
            if (streams->items[i].pattern && i < streams->named) {
                check_patterns(settings->document, streams, &streams->items[i]);
            }
        }
    }
    check_collisions(settings->document, streams);
}
