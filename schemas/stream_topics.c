/* The topics of a stream, those of its dead letters, and the inputs that come of them. */
#include <stdio.h>
#include <string.h>

#include "schemas/stream_internal.h"

static bool valid_topic(const char *text)
{
    size_t size = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    return text[size] == '\0' && size > 0 && size <= RS_TOPIC_NAME_MAX && strcmp(text, ".") != 0 &&
           strcmp(text, "..") != 0;
}

static void check_topic(struct rs_stream_loader *l, const struct rs_config_node *where, const char *topic)
{
    if (topic && !valid_topic(topic)) {
        rs_config_complain(l->config, where, "a topic's name has 1 to %d letters, digits, '.', '_' and '-'",
                           RS_TOPIC_NAME_MAX);
    }
}

/* ---- dead letters ---- */

/* "<topic>.dlq", which may be longer than Kafka takes where the topic's own name is not. */
static void name_dead_letters(struct rs_stream_loader *l, struct rs_stream *stream)
{
    char topic[RS_TOPIC_NAME_MAX + 8];
    int size = snprintf(topic, sizeof topic, "%.*s.dlq", RS_TOPIC_NAME_MAX, stream->topic);
    if (stream->dead_letters && valid_topic(stream->topic) && size > RS_TOPIC_NAME_MAX) {
        rs_config_complain(
            l->config, stream->topic_node,
            "the topic of its dead letters, this name with .dlq behind it, would have %d "
            "characters; Kafka allows %d: give another one with `dead_letters: {topic: NAME}`, "
            "or keep none with `dead_letters: false`",
            size, RS_TOPIC_NAME_MAX);
    }
    stream->dead_letter_topic = rs_stream_keep(l, topic);
}

/* Those of the input, once its topic is known. */
void rs_stream_find_dead_letters(struct rs_stream_loader *l, struct rs_stream *stream)
{
    const struct rs_config_node *letters = rs_config_get(stream->node, "dead_letters");
    if (!stream->topic) {
        return;
    }
    if (!stream->dead_letter_named) {
        name_dead_letters(l, stream);
    } else if (strcmp(stream->dead_letter_topic, stream->topic) == 0) {
        rs_config_complain(l->config, rs_config_get(letters, "topic"),
                           "dead letters may not go back into the topic they come from");
    }
}

static void read_dead_letters(struct rs_stream_loader *l, const struct rs_config_node *node,
                              struct rs_stream *stream)
{
    const struct rs_config_node *letters = rs_config_get(node, "dead_letters");
    stream->dead_letters = true;
    if (letters && rs_config_kind(letters) != RS_CONFIG_MAPPING) {
        rs_config_bool(l->config, node, "dead_letters", &stream->dead_letters);
    } else if (letters) {
        static const char *const known[] = {"topic", "late", NULL};
        rs_config_expect_mapping(l->config, letters, "dead_letters", known);
        rs_config_bool(l->config, letters, "late", &stream->dead_letter_late);
        stream->dead_letter_topic = rs_stream_read_text(l, letters, "topic");
        stream->dead_letter_named = stream->dead_letter_topic != NULL;
        check_topic(l, rs_config_get(letters, "topic"), stream->dead_letter_topic);
    }
    rs_stream_find_dead_letters(l, stream);
}

/* ---- topics ---- */

static bool is_list(const struct rs_config_node *list)
{
    return list && rs_config_kind(list) == RS_CONFIG_SEQUENCE;
}

/* NULL: what stands there is no text. */
static const char *listed(const struct rs_config_node *list, size_t index)
{
    const char *text = rs_config_text(rs_config_item(list, index));
    return text && *text != '\0' ? text : NULL;
}

/* The address is the same wherever in a list the topic stands, and whatever else stands there. */
void rs_stream_name_input(struct rs_stream_loader *l, const char *topic, struct rs_stream *stream)
{
    char text[600];
    stream->listed = true;
    stream->topic = rs_stream_keep(l, topic);
    (void)snprintf(text, sizeof text, "%s.%s", stream->name, topic);
    stream->input = rs_stream_keep(l, text);
    (void)snprintf(text, sizeof text, "%s topic %s", stream->name, topic);
    stream->label = rs_stream_keep(l, text);
}

static void become_listed(struct rs_stream_loader *l, const struct rs_config_node *where, const char *topic,
                          struct rs_stream *stream)
{
    stream->topic_node = where;
    rs_stream_name_input(l, topic, stream);
    check_topic(l, where, stream->topic);
}

/* Whether it is /RE/; *out is what stands between the slashes. */
static bool is_pattern(const struct rs_config_node *node, struct rs_slice *out)
{
    const char *text = node ? rs_config_text(node) : NULL;
    size_t size = text ? strlen(text) : 0;
    if (size <= 2 || text[0] != '/' || text[size - 1] != '/') {
        return false;
    }
    *out = rs_slice_of(text + 1, size - 2);
    return true;
}

static void check_list(struct rs_stream_loader *l, const struct rs_config_node *list,
                       const struct rs_stream *stream)
{
    size_t count = rs_config_size(list);
    if (count == 0 || count > RS_STREAM_TOPICS_MAX) {
        rs_config_complain(l->config, list, "`topics` is a list of 1 to %d topics", RS_STREAM_TOPICS_MAX);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const struct rs_config_node *where = rs_config_item(list, i);
        const char *topic = listed(list, i);
        bool again = topic && stream->topic && strcmp(topic, stream->topic) == 0;
        for (size_t j = 0; topic && j < i && !again; j++) {
            again = listed(list, j) && strcmp(topic, listed(list, j)) == 0;
        }
        if (!topic) {
            rs_config_complain(l->config, where, "`topics` is a list of names of topics");
        } else if (again) {
            rs_config_complain(l->config, where, "topic \"%s\" is named twice", topic);
        }
    }
}

static void read_pattern(struct rs_stream_loader *l, const struct rs_config_node *where,
                         struct rs_stream *stream)
{
    struct rs_slice text = {0};
    if (!is_pattern(where, &text)) {
        rs_config_complain(
            l->config, where,
            "`topics` is a list of topics, as in topics: [A, B], or a regular expression between "
            "slashes, as in topics: '/^market\\..*$/'; for one topic there is `topic`");
        return;
    }
    stream->pattern_text = rs_arena_slice(&l->memory->arena, text);
    if (!stream->pattern_text) {
        l->failed = true;
        return;
    }
    stream->pattern = rs_topic_pattern_read(l, where, stream->pattern_text);
}

/* `topic` is the stream's own one, and its first input; else the first of the list is. */
void rs_stream_read_topics(struct rs_stream_loader *l, const struct rs_config_node *node,
                           struct rs_stream *stream)
{
    const struct rs_config_node *list = rs_config_get(node, "topics");
    if (rs_config_get(node, "topic")) {
        stream->topic = rs_stream_read_text(l, node, "topic");
        stream->topic_node = rs_config_get(node, "topic");
        check_topic(l, stream->topic_node, stream->topic);
    } else if (!list) {
        rs_config_complain(l->config, node, "`topic` is missing: the Kafka topic the events are in");
    }
    if (is_list(list)) {
        check_list(l, list, stream);
        if (!rs_config_get(node, "topic") && rs_config_size(list) > 0 && listed(list, 0)) {
            become_listed(l, rs_config_item(list, 0), listed(list, 0), stream);
        }
    } else if (list) {
        read_pattern(l, list, stream);
    }
    stream->several = rs_stream_further_topics(node) > 0;
    read_dead_letters(l, node, stream);
}

size_t rs_stream_further_topics(const struct rs_config_node *node)
{
    const struct rs_config_node *list =
        node && rs_config_kind(node) == RS_CONFIG_MAPPING ? rs_config_get(node, "topics") : NULL;
    size_t count = is_list(list) ? rs_config_size(list) : 0;
    struct rs_slice pattern = {0};
    if (is_pattern(list, &pattern)) {
        return RS_STREAM_TOPICS_MAX;
    }
    return count > 0 && !rs_config_get(node, "topic") ? count - 1 : count;
}

void rs_stream_add_topics(struct rs_stream_loader *l, const struct rs_stream *stream)
{
    const struct rs_config_node *list = stream->unread ? NULL : rs_config_get(stream->node, "topics");
    size_t count = is_list(list) ? rs_config_size(list) : 0;
    for (size_t i = stream->listed ? 1 : 0; i < count && !l->failed; i++) {
        if (!listed(list, i) || (stream->topic && strcmp(listed(list, i), stream->topic) == 0)) {
            continue; /* complained about */
        }
        size_t index = l->streams->count;
        struct rs_stream *input = &l->streams->items[index];
        *input = *stream;
        input->index = (uint32_t)index;
        become_listed(l, rs_config_item(list, i), listed(list, i), input);
        if (!l->failed) {
            rs_stream_find_dead_letters(l, input);
        }
        l->streams->count = index + 1;
    }
}
