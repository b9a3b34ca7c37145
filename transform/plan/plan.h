/* plan: a configuration compiled for the event path: what of a stream's records is decoded, judged and
 * added where.
 * Thread: immutable after rs_engine_load; any number of partitions share it. */
#ifndef RS_TRANSFORM_PLAN_PLAN_H
#define RS_TRANSFORM_PLAN_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/view.h"
#include "schemas/decoder.h"
#include "schemas/stream.h"
#include "transform/pane/pane.h"
#include "transform/pane/window.h"
#include "transform/plan/condition.h"
#include "transform/plan/group_key.h"
#include "transform/plan/rules.h"
#include "transform/plan/stats.h"
#include "transform/plan/trading.h"

/* Aggregates of one stream: their outcomes for an event are bits of one word. */
#define RS_STREAM_AGGREGATES_MAX 64
/* Panes in one window: a group of 1 h by 1 s has 3,600. */
#define RS_WINDOW_PANES_MAX 100000

/* Events that a group keeps, with `last` on an append stream. */
#define RS_WINDOW_LAST_MAX 100000

struct rs_plan;

/* What is shown of a window without events: nothing, counts and sums of 0, what the window before showed, or its bounds
 * alone. */
enum rs_fill { RS_FILL_NONE, RS_FILL_ZERO, RS_FILL_PREVIOUS, RS_FILL_NULL };

struct rs_aggregate {
    uint32_t index;
    const char *name;
    const struct rs_config_node *node; /* while loading */
    struct rs_plan *plan;
    uint32_t position; /* among the aggregates of its stream */
    struct rs_key_plan by;
    uint32_t key;                       /* number in plan->keys */
    const struct rs_condition *where;   /* NULL: all */
    bool where_by_only;                 /* looks at `by` fields alone: all events of a group fare alike */
    const struct rs_sessions *calendar; /* its own `calendar`, else the stream's; NULL: none */
    struct rs_window window;
    struct rs_zone *zone; /* owned: of `window: {zone}` */
    bool upsert;
    bool expires;
    int64_t max_groups;         /* in a partition */
    bool folds;                 /* what is beyond goes into the group of others, else it is rejected */
    bool keeps_late, says_late; /* late events become dead letters; it is said of this aggregate itself */
    uint32_t history;
    bool only_closed;  /* `publish: closed`: the hash holds the newest window that has ended */
    enum rs_fill fill; /* tumbling with history alone */
    int64_t delay_us;  /* shown so much later; > 0 with only_closed alone */
    struct rs_stats stats;
    uint32_t *inputs; /* those its statistics use, ascending */
    uint32_t input_count;
    struct rs_pane_layout *layout;
    size_t pane_size;
    bool needs_previous;
    bool *empty_fields;   /* by field: shown by a window without events too, which is so of counts and sums */
    uint32_t stat_fields; /* then window_start and window_end unless `all`, event_time, events, revision with
                             history */
    uint64_t fingerprint; /* of all that the state's meaning depends on */
    uint64_t former_fingerprint; /* as states of head formats 1 and 2 have it: not of which input is which */
    struct rs_aggregate_meta *meta;
};

struct rs_plan {
    const struct rs_stream *stream;
    bool partial; /* types of fields are not known, after a complaint: fit for finding faults alone */
    struct rs_slots slots;
    int scales[RS_SLOTS_MAX];      /* by slot, -1: none declared */
    uint16_t scaled[RS_SLOTS_MAX]; /* slots with a scale */
    size_t scaled_count;
    const struct rs_sessions *calendar; /* of the stream; NULL: none */
    struct rs_rules rules;
    struct rs_inputs inputs;
    int64_t step_us; /* event times go on by so much without anybody's confirmation: times.c */
    int time_slot;
    enum rs_time_form time_form;
    int id_slots[RS_STREAM_ID_MAX];
    uint32_t id_count;               /* 0: no deduplication */
    int version_slot;                /* -1: append */
    int value_slot;                  /* -1: none */
    const struct rs_key_plan **keys; /* distinct ones */
    uint32_t key_count;
    uint32_t finest_key; /* the one of most fields */
    struct rs_aggregate **aggregates;
    uint32_t aggregate_count;
    uint64_t asked;       /* aggregates, by position, that judge each event: `where`, registers */
    uint64_t taking;      /* the others take all of them, */
    uint64_t taking_keys; /* by these keys */
    struct rs_decoder *decoder;
};

struct rs_engine {
    struct rs_arena arena;
    const struct rs_streams *streams;
    struct rs_plan *plans; /* one per stream */
    size_t plan_count;
    struct rs_plan *unknown; /* of aggregates that name no stream: only their other faults are looked for */
    struct rs_aggregate *aggregates;
    struct rs_aggregate_meta *metas;
    size_t aggregate_count;
    struct rs_tradings tradings;
};

/* ---- aggregate.c ---- */
/* Reads one aggregate; wrong: complaints, false. Everything but its layout and meta is then set. */
bool rs_aggregate_load_window(struct rs_config *config, struct rs_engine *engine,
                              const struct rs_config_node *parent, struct rs_aggregate *a);
bool rs_aggregate_load(struct rs_config *config, struct rs_engine *engine, const struct rs_config_node *key,
                       const struct rs_config_node *node, struct rs_aggregate *out);
/* Names that would collide with keys of our own or spoil the key's form are refused. */
bool rs_aggregate_name_usable(const char *name);

/* ---- bounds.c ---- */
/* `late`, `max_groups` and `overflow`, once `by` and the window are known. */
bool rs_aggregate_load_bounds(struct rs_config *config, const struct rs_config_node *node,
                              struct rs_aggregate *a);

/* ---- publish.c ---- */
const char *rs_fill_name(enum rs_fill fill);
/* `publish`, `delay` and `fill`, once window and history are known. */
bool rs_aggregate_load_publishing(struct rs_config *config, const struct rs_config_node *node,
                                  struct rs_aggregate *a);

/* ---- plan.c ---- */
/* First pass: fields that every stream decodes, rules, scale. */
void rs_plan_begin(struct rs_config *config, struct rs_engine *engine, const struct rs_stream *stream,
                   struct rs_plan *out);
/* Second pass: shared keys and the decoder. */
RS_MUST_USE int rs_plan_finish(struct rs_engine *engine, struct rs_plan *plan, struct rs_error *error);
void rs_plan_fini(struct rs_plan *plan);

/* ---- meta.c ---- */
/* Layout, names of fields, JSON for rs:meta. A collision of names is a complaint. */
RS_MUST_USE int rs_aggregate_finish(struct rs_config *config, struct rs_engine *engine,
                                    struct rs_aggregate *aggregate, struct rs_error *error);

#endif
