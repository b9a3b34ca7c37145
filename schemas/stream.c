#include "schemas/stream.h"

#include <stdlib.h>
#include <string.h>

#include "schemas/stream_internal.h"

#define NAME_MAX_SIZE  64
#define GROUP_MAX_SIZE 200 /* it begins the names of topics, which Kafka ends at 249 */

/* Letters, digits, '.', '_' and '-': what Kafka takes in topics, and what needs no escaping in Redis keys. */
static bool plain_name(const char *text, size_t max)
{
    size_t size = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    return size > 0 && size <= max && text[size] == '\0';
}

static void read_stream(struct rs_stream_loader *l, const struct rs_config_node *root, size_t index)
{
    const struct rs_config_node *key = NULL;
    const struct rs_config_node *node = NULL;
    rs_config_pair(rs_config_get(root, "streams"), index, &key, &node);
    struct rs_stream *stream = &l->streams->items[index];
    stream->index = stream->first = (uint32_t)index;
    stream->name = rs_stream_keep(l, rs_config_text(key));
    stream->node = node;
    if (l->failed) {
        return;
    }
    if (!plain_name(stream->name, NAME_MAX_SIZE)) {
        rs_config_complain(l->config, key, "a stream's name has 1 to %d letters, digits, '.', '_' and '-'",
                           NAME_MAX_SIZE);
    }
    rs_stream_read(l, node, stream);
    if (!l->failed && stream->schema) {
        rs_stream_read_key(l, root, stream);
    }
}

static size_t count_inputs(const struct rs_config_node *streams)
{
    size_t count = rs_config_size(streams);
    size_t inputs = count;
    for (size_t i = 0; i < count; i++) {
        const struct rs_config_node *key = NULL;
        const struct rs_config_node *node = NULL;
        rs_config_pair(streams, i, &key, &node);
        inputs += rs_stream_further_topics(node);
    }
    return inputs;
}

static void read_streams(struct rs_stream_loader *l, const struct rs_config_node *root)
{
    const struct rs_config_node *node = rs_config_get(root, "streams");
    if (!node) {
        rs_config_complain(l->config, root, "`streams` is missing: there is nothing to read");
        return;
    }
    if (rs_config_kind(node) != RS_CONFIG_MAPPING || rs_config_size(node) == 0) {
        rs_config_complain(l->config, node,
                           "`streams` is a mapping from names to settings, with one stream at least");
        return;
    }
    size_t count = rs_config_size(node);
    l->streams->capacity = count_inputs(node);
    l->streams->items = rs_arena_array(&l->memory->arena, l->streams->capacity, sizeof(struct rs_stream));
    if (!l->streams->items) {
        l->failed = true;
        return;
    }
    l->streams->count = l->streams->named = count;
    for (size_t i = 0; i < count && !l->failed; i++) {
        read_stream(l, root, i);
    }
    for (size_t i = 0; i < count && !l->failed; i++) {
        rs_stream_add_topics(l, &l->streams->items[i]);
    }
}

static void read_group(struct rs_stream_loader *l, const struct rs_config_node *root)
{
    const char *group = "rollstat";
    if (rs_config_string(l->config, root, "group", &group) && !plain_name(group, GROUP_MAX_SIZE)) {
        rs_config_complain(
            l->config, rs_config_get(root, "group"),
            "`group` has 1 to %d letters, digits, '.', '_' and '-': it begins the names of topics",
            GROUP_MAX_SIZE);
    }
    l->streams->group = rs_stream_keep(l, group);
}

static struct rs_streams *new_streams(void)
{
    struct rs_error error;
    struct rs_streams *streams = calloc(1, sizeof *streams);
    struct rs_streams_memory *memory = calloc(1, sizeof *memory);
    if (!streams || !memory || rs_frame_registry_new(&memory->registry, &error) != 0) {
        free(streams);
        free(memory);
        return NULL;
    }
    streams->memory = memory;
    streams->registry = memory->registry;
    return streams;
}

int rs_streams_load(struct rs_config *config, struct rs_streams **out, struct rs_error *error)
{
    *out = NULL;
    const struct rs_config_node *root = rs_config_root(config);
    if (!root || rs_config_kind(root) != RS_CONFIG_MAPPING) {
        return rs_fail(error, RS_ECONFIG, "the configuration is not a mapping with `streams` in it");
    }
    struct rs_streams *streams = new_streams();
    if (!streams) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    size_t before = rs_config_complaints(config);
    struct rs_stream_loader loader = {.config = config, .streams = streams, .memory = streams->memory};
    read_group(&loader, root);
    rs_stream_read_schemas(&loader, root);
    if (!loader.failed) {
        read_streams(&loader, root);
    }
    if (loader.failed) {
        rs_streams_free(&streams);
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    int code = rs_config_complaints(config) == before
                   ? 0
                   : rs_fail(error, RS_ECONFIG, "the configuration of the streams is wrong");
    *out = streams;
    return code;
}

void rs_streams_take_rows(struct rs_streams *streams)
{
    for (size_t i = 0; i < streams->count; i++) {
        struct rs_stream *stream = &streams->items[i];
        if (stream->format == RS_FORMAT_JSON) {
            stream->format = RS_FORMAT_AVRO;
            stream->framing.framing = RS_FRAMING_BARE;
        }
    }
}

void rs_streams_free(struct rs_streams **streams)
{
    if (!streams || !*streams) {
        return;
    }
    struct rs_streams_memory *memory = (*streams)->memory;
    for (size_t i = 0; i < memory->schema_count; i++) {
        rs_schema_free(&memory->schemas[i].document);
    }
    free(memory->schemas);
    for (size_t i = 0; i < (*streams)->named; i++) { /* further inputs share what the first has */
        rs_zone_free(&(*streams)->items[i].zone);
        rs_topic_pattern_free((*streams)->items[i].pattern);
    }
    rs_frame_registry_free(&memory->registry);
    rs_arena_fini(&memory->arena);
    free(memory);
    free(*streams);
    *streams = NULL;
}

const struct rs_stream *rs_streams_find(const struct rs_streams *streams, const char *name)
{
    for (size_t i = 0; i < streams->named; i++) {
        if (strcmp(streams->items[i].name, name) == 0) {
            return &streams->items[i];
        }
    }
    return NULL;
}

const struct rs_stream *rs_streams_by_topic(const struct rs_streams *streams, const char *topic)
{
    size_t count = streams->count;
    for (size_t i = 0; topic && i < count; i++) {
        if (streams->items[i].topic && strcmp(streams->items[i].topic, topic) == 0) {
            return &streams->items[i];
        }
    }
    return NULL;
}
