/* stream internal: what the files that read a configuration's streams share. Private to schemas/stream*.c.
 * Thread: one, until the streams are loaded. */
#ifndef RS_SCHEMAS_STREAM_INTERNAL_H
#define RS_SCHEMAS_STREAM_INTERNAL_H

#include "base/arena.h"
#include "schemas/stream.h"

#define RS_STREAM_DURATION_MAX_US (INT64_C(36525) * 86400 * 1000000) /* a century */

struct rs_stream_schema {
    const char *path; /* as opened */
    struct rs_schema_document *document;
    size_t number; /* in the registry */
};

struct rs_streams_memory {
    struct rs_arena arena;
    struct rs_stream_schema *schemas;
    size_t schema_count;
    struct rs_frame_registry *registry;
};

struct rs_stream_loader {
    struct rs_config *config;
    struct rs_streams *streams;
    struct rs_streams_memory *memory;
    const char *directory; /* of schemas */
    bool has_ids, has_registry;
    bool failed; /* out of memory: sticky */
};

/* Copies that live as long as the streams; NULL after a failure, or for NULL. */
const char *rs_stream_keep(struct rs_stream_loader *l, const char *text);

/* stream_topics.c: the topic of the stream's first input, and what goes for the dead letters of all of them. */
void rs_stream_read_topics(struct rs_stream_loader *l, const struct rs_config_node *node,
                           struct rs_stream *stream);
/* stream_pattern.c: NULL after a complaint at `where`, or a failure. `text` is without its slashes. */
const struct rs_topic_pattern *rs_topic_pattern_read(struct rs_stream_loader *l,
                                                     const struct rs_config_node *where, const char *text);
void rs_topic_pattern_free(const struct rs_topic_pattern *pattern);
/* False where there is none. */
bool rs_topic_pattern_matches(const struct rs_topic_pattern *pattern, const char *topic);
/* Makes it the input of one of the stream's `topics`. */
void rs_stream_name_input(struct rs_stream_loader *l, const char *topic, struct rs_stream *stream);
/* Names its dead-letter topic, once its topic is known. */
void rs_stream_find_dead_letters(struct rs_stream_loader *l, struct rs_stream *stream);

/* How many further inputs the settings make at most, before they are read. */
size_t rs_stream_further_topics(const struct rs_config_node *node);
/* Adds the further ones of a stream that has all its settings. */
void rs_stream_add_topics(struct rs_stream_loader *l, const struct rs_stream *stream);

/* Reads where schemas are, and those that have ids; complains about what is wrong. */
void rs_stream_read_schemas(struct rs_stream_loader *l, const struct rs_config_node *root);

/* Schema of a file, loaded once however often it is named; NULL after a complaint at `where` or a failure. */
const struct rs_stream_schema *rs_stream_schema(struct rs_stream_loader *l,
                                                const struct rs_config_node *where, const char *path);

/* Reads the settings of one stream; complains about what is wrong. name and index are set already. */
void rs_stream_read(struct rs_stream_loader *l, const struct rs_config_node *node, struct rs_stream *stream);

/* stream_text.c: the text of a key that may be absent; NULL then, or after a complaint. Empty texts are complaints. */
const char *rs_stream_read_text(struct rs_stream_loader *l, const struct rs_config_node *node,
                                const char *key);
/* The same of a key that has to be there. */
const char *rs_stream_need_text(struct rs_stream_loader *l, const struct rs_config_node *node,
                                const char *key, const char *what);
/* Whether there is a field of a known type at *path. One that the schema lacks is complained about here alone:
 * its path becomes NULL. */
bool rs_stream_find_field(struct rs_stream_loader *l, const struct rs_config_node *where,
                          const struct rs_stream *stream, const char **path, struct rs_field_type *type);

/* stream_fields.c: `time`, `scale` and then `id`; they complain about what is wrong. */
void rs_stream_read_time(struct rs_stream_loader *l, const struct rs_config_node *node,
                         struct rs_stream *stream);
void rs_stream_read_scales(struct rs_stream_loader *l, const struct rs_config_node *node,
                           struct rs_stream *stream);
void rs_stream_read_id(struct rs_stream_loader *l, const struct rs_config_node *node,
                       struct rs_stream *stream);
/* A float or double with a declared scale is the decimal that it stands for. */
bool rs_stream_is_decimal(const struct rs_stream *stream, const char *path, const struct rs_field_type *type);

/* stream_json.c: `format`, then `json`, for which the schema is known already, if it is at all. Both complain about
 * what is wrong. */
void rs_stream_read_format(struct rs_stream_loader *l, const struct rs_config_node *node,
                           struct rs_stream *stream);
void rs_stream_read_json(struct rs_stream_loader *l, const struct rs_config_node *node,
                         struct rs_stream *stream);

/* stream_budget.c: `max_items`, `max_depth` and `lenient`; the format is known already. Complains about what is
 * wrong. */
void rs_stream_read_budget(struct rs_stream_loader *l, const struct rs_config_node *node,
                           struct rs_stream *stream);

/* Works out the publisher's key: `key`, or what the aggregates' `by` have in common. */
void rs_stream_read_key(struct rs_stream_loader *l, const struct rs_config_node *node,
                        struct rs_stream *stream);

#endif
