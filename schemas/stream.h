/* stream: what a configuration says about one stream: topics, schema, framing, time, identity.
 * A stream reads one topic (`topic`), several (`topics: [A, B]`) or all that a pattern takes (`topics: /RE/`). One
 * topic of one stream is an *input*. Partitions are addressed by input and number, and an input is a `struct
 * rs_stream` of its own, with the settings of its stream. The first input of each stream stands in front, at the
 * stream's place in the configuration; the plan and the aggregates of the stream are known by it. Other inputs
 * follow, and those of patterns as they are found: inputs are only ever added, and nothing of one changes.
 * Shared by the publisher, the daemon and --replay. What is done with a stream's events (rules, aggregates)
 * belongs to transform and is only checked for presence here.
 * Paths of schemas are relative to `schemas.directory`, which is relative to the configuration's directory
 * and is where the project's own schemas are installed when it is not given.
 * Thread: immutable after loading, but for rs_streams_add, which one thread at a time calls: an input is whole before
 *         `count` counts it. A table by input has room for `capacity` of them.
 * Owns: schemas; programs are the caller's. Strings are its own copies, but `node` lives as long as the
 * configuration. */
#ifndef RS_SCHEMAS_STREAM_H
#define RS_SCHEMAS_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/config/config.h"
#include "base/error.h"
#include "schemas/event_time.h"
#include "schemas/frame.h"
#include "schemas/json_program.h"
#include "schemas/program.h"
#include "schemas/registry/config.h"
#include "schemas/schema.h"

#define RS_STREAM_ID_MAX 16 /* fields of an id */

/* Digits after the point at which a float or double is taken for a decimal. */
struct rs_stream_scale {
    const char *path;
    int digits;
};

enum rs_format { RS_FORMAT_AVRO, RS_FORMAT_JSON };

/* Where a group begins to read a partition of which it has no state. */
enum rs_start_kind { RS_START_EARLIEST, RS_START_LATEST, RS_START_TIME };

struct rs_topic_pattern;

struct rs_stream {
    const char *name;
    uint32_t index; /* of the input */
    uint32_t first; /* index of the stream's first input */
    /* What the input's state goes by: the stream's name for its own `topic`, "<stream>.<topic>" for one of its
     * `topics`, wherever that stands in a list. Read it with rs_stream_input. */
    const char *input;
    const char
        *label; /* names the input to people: "trades", "trades topic A"; read it with rs_stream_label */
    const char *topic; /* NULL: a pattern's own entry, which is no input; or there was a complaint */
    const struct rs_config_node *topic_node; /* what gives it its topic */
    bool listed;                             /* one of `topics` */
    bool found;                              /* by a pattern, while the program runs */
    bool several;                            /* its stream has, or may get, more inputs than this one */
    /* `topics: /RE/`, at the stream's first entry; it says of any name whether the stream reads it */
    const struct rs_topic_pattern *pattern;
    const char *pattern_text;      /* RE */
    const char *dead_letter_topic; /* "<topic>.dlq" unless `dead_letters: {topic: ...}` */
    bool dead_letter_named;        /* that was given */
    bool dead_letter_late; /* `dead_letters: {late: true}`; default false: late events are only counted */
    bool dead_letters;     /* `dead_letters: false` turns them off; then bad records are counted and logged */
    const char *schema_path;
    struct rs_schema_document *schema; /* NULL, after a complaint: nothing is known of its fields */
    enum rs_start_kind start;          /* `start: earliest|latest|TIME|-DURATION`; default earliest */
    int64_t start_us;                  /* TIME: records from this time on */
    bool unread; /* its settings are none at all: even whether it is an upsert stream is not known */
    const char *time_path; /* `time` */
    struct rs_field_type time_type;
    enum rs_time_form time_form; /* by its type, or by `time: {field: F, unit: s|ms|us|ns}` */
    const char *const *id_paths; /* `id: FIELD` or `id: [FIELDS]`; none: no deduplication */
    size_t id_count;
    int64_t dedup_us;      /* `dedup`; default 10m where `id` is set */
    int64_t dedup_max;     /* `dedup_max`; default 10000000 ids a partition */
    int64_t lateness_us;   /* `lateness`; default 30s; not allowed on upsert streams */
    int64_t max_future_us; /* `max_future`; default: lateness (upsert streams: none, INT64_MAX) */
    int64_t max_past_us;   /* `max_past`; default none, INT64_MAX */
    int64_t expire_us;     /* `expire`; default 7d; INT64_MAX for upsert streams unless set */
    bool expire_set;       /* `expire` was written in the configuration */
    bool upsert;
    bool tombstones; /* `upsert: {key_fields: [fields]}`, which are then the key: a record without a value
                        withdraws the group of its key */
    const char *version_path; /* `upsert: {version: F}`; integer field */
    const char *value_path; /* `upsert: {value: F}`: its null withdraws; NULL: every statistic's field null */
    int64_t max_periods;    /* `upsert: {max_periods: N}`; default 10000 per group */
    int64_t max_record_bytes;        /* default 1MiB */
    struct rs_program_limits limits; /* `max_items`, `max_depth`, `lenient: [trailing_bytes, utf8_unused]` */
    int64_t max_groups;              /* per partition and aggregate; default 10000000 */
    const char *const *key_paths; /* `key: [fields]`; default: the `by` fields that all its aggregates share,
                                     in the order of the first aggregate's `by` */
    size_t key_count;
    const struct rs_stream_scale *scales; /* `scale: {FIELD: digits}` */
    size_t scale_count;
    struct rs_frame_options
        framing;           /* `framing: auto|bare|confluent|confluent-header|single-object`, schema ids */
    size_t writer;         /* number of the stream's own schema in the registry */
    enum rs_format format; /* `format: avro|json` of its messages; default avro */
    struct rs_json_options json;       /* `json: {unknown: pass|refuse, times: {FIELD: FORM}, zone: NAME}` */
    struct rs_zone *zone;              /* owned: of `json: {zone}` */
    const struct rs_config_node *node; /* for transform: rules, scale */
};

struct rs_streams {
    const char *group;       /* `group`; default "rollstat" */
    struct rs_stream *items; /* inputs */
    _Atomic size_t count;    /* of inputs */
    size_t named;            /* of streams: the first so many inputs are the first of one each */
    size_t capacity;         /* of inputs that there can ever be */
    const struct rs_frame_registry *registry;  /* `schemas: {directory, ids: {ID: FILE}}` */
    struct rs_registry_config schema_registry; /* `schemas: {registry: …}`; no URL: none */
    struct rs_streams_memory *memory;
};

/* Reads `group`, `schemas` and `streams`; complaints go to `config`. Keys of `streams.*` that belong to
 * transform
 * (`rules`, `scale`) are allowed and left alone. Returns RS_ECONFIG when there were complaints; *out is then
 * fit for nothing but finding the faults of the aggregates in the same run: there may be no streams, and what
 * a stream lacks is NULL, as is the path of a field that its schema does not have. NULL: out of memory, or
 * the document is no mapping. The caller frees *out in any case. */
RS_MUST_USE int rs_streams_load(struct rs_config *config, struct rs_streams **out, struct rs_error *error);
/* From here on the messages are what rows of files are encoded to, for --replay: Avro, whatever the topics hold. */
void rs_streams_take_rows(struct rs_streams *streams);
void rs_streams_free(struct rs_streams **streams);
/* The scale that is declared for a field; -1: none. */
int rs_stream_scale_of(const struct rs_stream *stream, const char *path);
/* The first input of the stream of this name; NULL: there is none. */
const struct rs_stream *rs_streams_find(const struct rs_streams *streams, const char *name);
/* The input that is this topic; NULL: there is none. */
const struct rs_stream *rs_streams_by_topic(const struct rs_streams *streams, const char *topic);

/* ---- patterns ---- */

/* The topics of one stream, at most. */
#define RS_TOPIC_NAME_MAX    249 /* bytes; Kafka's own limit */
#define RS_STREAM_TOPICS_MAX 1000
/* Groups of one aggregate in one partition, as far as max_groups may be set. */
#define RS_STREAM_GROUPS_MAX INT64_C(1000000000)

/* Topics in which the daemon of this group keeps its state: "<group>.state.…" and "<group>.partials…". */
bool rs_streams_state_topic(const struct rs_streams *streams, const char *topic);
/* Whether the stream's pattern takes the topic. None takes one that the daemon writes (its state, dead letters of any
 * stream) or one of Kafka's own ("__…"). */
bool rs_stream_takes(const struct rs_streams *streams, const struct rs_stream *stream, const char *topic);
bool rs_streams_have_patterns(const struct rs_streams *streams);

/* Looks at a topic that there is. 0: *out is the input that it is already, NULL: no pattern takes it. 1: *out is a new
 * input, which is not counted before rs_streams_admit, so that tables by input can get their place for it first.
 * RS_ECONFIG: two streams would read it, or a name that comes of it is too long; RS_ELIMIT: the stream has as many
 * topics as there can be; RS_ENOMEM. */
RS_MUST_USE int rs_streams_take(struct rs_streams *streams, const char *topic, const struct rs_stream **out,
                                struct rs_error *error);
void rs_streams_admit(struct rs_streams *streams);
/* Both, for programs that look once at what there is; `streams` is a struct rs_streams. What is refused is passed by:
 * the daemon has told it. RS_ENOMEM. */
RS_MUST_USE int rs_streams_learn(void *streams, const char *topic, struct rs_error *error);

/* How many inputs a table has to have room for. */
static inline size_t rs_streams_room(const struct rs_streams *streams)
{
    size_t count = streams->count;
    return streams->capacity > count ? streams->capacity : count;
}

static inline const char *rs_stream_input(const struct rs_stream *stream)
{
    return stream->input ? stream->input : stream->name;
}

static inline const char *rs_stream_label(const struct rs_stream *stream)
{
    return stream->label ? stream->label : stream->name;
}

/* Whether two inputs are of the same stream. */
static inline bool rs_stream_same(const struct rs_stream *one, const struct rs_stream *other)
{
    return one->first == other->first;
}

#endif
