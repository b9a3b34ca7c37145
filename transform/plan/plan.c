#include "transform/plan/plan.h"

#include <string.h>

/* A scaled double is an integer of 64 bits. */
#define RS_SCALED_DIGITS 18
#define STEP_LEAST_US    1000000

/* ---- first pass ---- */

static void load_scale(struct rs_config *config, struct rs_plan *plan, const struct rs_config_node *key,
                       const struct rs_config_node *scales)
{
    const char *path = rs_config_text(key);
    int slot = path ? rs_slots_want(&plan->slots, config, key, path) : -1;
    int64_t scale = -1;
    if (slot < 0) {
        return;
    }
    if (!rs_config_int(config, scales, path, 0, 18, &scale)) {
        plan->slots.types[slot] = (struct rs_field_type){0}; /* meant to be a decimal of some scale */
        plan->partial = true;
        return;
    }
    if (!rs_field_type_known(&plan->slots.types[slot])) {
        return;
    }
    if (plan->slots.types[slot].kind != RS_VALUE_DOUBLE) {
        rs_config_complain(config, key, "scale is for float and double fields, and %s is %s", path,
                           rs_field_type_name(&plan->slots.types[slot]));
        return;
    }
    plan->scales[slot] = (int)scale;
    plan->scaled[plan->scaled_count++] = (uint16_t)slot;
    /* Whoever asks for the field from here on gets the decimal: rules, where, keys, statistics. */
    plan->slots.types[slot].kind = RS_VALUE_DECIMAL;
    plan->slots.types[slot].precision = RS_SCALED_DIGITS;
    plan->slots.types[slot].scale = (int)scale;
}

static void load_scales(struct rs_config *config, struct rs_plan *plan)
{
    const struct rs_config_node *node =
        plan->stream->node ? rs_config_get(plan->stream->node, "scale") : NULL;
    if (!node) {
        return;
    }
    if (rs_config_kind(node) != RS_CONFIG_MAPPING) {
        rs_config_complain(config, node,
                           "scale is a mapping from field to digits after the point, as in {price: 4}");
        return;
    }
    for (size_t i = 0; i < rs_config_size(node); i++) {
        const struct rs_config_node *key;
        const struct rs_config_node *value;
        rs_config_pair(node, i, &key, &value);
        load_scale(config, plan, key, node);
    }
}

/* Paths of the stream itself were checked when it was loaded; a fault here is still a complaint, never lost.
 */
static int stream_slot(struct rs_config *config, struct rs_plan *plan, const char *path)
{
    return path ? rs_slots_want(&plan->slots, config, plan->stream->node, path) : -1;
}

/* Scales come before rules and aggregates, which all see a scaled double as the decimal that it then is. */
void rs_plan_begin(struct rs_config *config, struct rs_engine *engine, const struct rs_stream *stream,
                   struct rs_plan *out)
{
    memset(out->scales, -1, sizeof out->scales);
    out->stream = stream;
    out->partial = !stream->schema;
    out->slots.arena = &engine->arena;
    out->slots.schema = stream->schema ? rs_schema_root(stream->schema) : NULL;
    out->inputs.slots = &out->slots;
    out->inputs.scales = out->scales;
    out->inputs.gate = -1;
    out->time_slot = stream_slot(config, out, stream->time_path);
    out->time_form = stream->time_form;
    out->inputs.time_slot = out->time_slot;
    out->inputs.time_form = out->time_form;
    for (size_t i = 0; i < stream->id_count; i++) {
        out->id_slots[out->id_count++] = stream_slot(config, out, stream->id_paths[i]);
    }
    out->version_slot = stream->upsert ? stream_slot(config, out, stream->version_path) : -1;
    out->value_slot = stream->upsert ? stream_slot(config, out, stream->value_path) : -1;
    load_scales(config, out);
    if (stream->node) { /* what is wrong is told; rules are read for their other faults */
        (void)rs_trading_load(config, &engine->arena, &engine->tradings, stream->node, &out->calendar);
    }
    out->slots.calendar = out->calendar;
    rs_rules_load(config, &out->slots, stream->node ? rs_config_get(stream->node, "rules") : NULL,
                  &out->rules);
}

/* ---- second pass ---- */

/* Aggregates with the same group fields share a key, which is then built and hashed once for each event. */
static int share_key(struct rs_engine *engine, struct rs_plan *plan, struct rs_aggregate *a,
                     struct rs_error *error)
{
    for (uint32_t i = 0; i < plan->key_count; i++) {
        if (rs_key_plan_same(plan->keys[i], &a->by)) {
            a->key = i;
            return 0;
        }
    }
    const struct rs_key_plan **keys =
        rs_arena_grow(&engine->arena, plan->keys, plan->key_count, sizeof(struct rs_key_plan *));
    if (!keys) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    plan->keys = keys;
    a->key = plan->key_count;
    keys[plan->key_count++] = &a->by;
    return 0;
}

static void note_where(struct rs_plan *plan, const struct rs_aggregate *a)
{
    uint64_t bit = UINT64_C(1) << a->position;
    if (a->where || a->upsert) {
        plan->asked |= bit;
    } else {
        plan->taking |= bit;
        plan->taking_keys |= UINT64_C(1) << a->key;
    }
}

static int make_decoder(struct rs_engine *engine, struct rs_plan *plan, struct rs_error *error)
{
    const struct rs_stream *stream = plan->stream;
    const struct rs_frame_registry *registry = engine->streams->registry;
    int rc = 0;
    if (stream->format == RS_FORMAT_JSON) {
        rc = rs_decoder_new_json(plan->slots.schema, stream->framing.framing, plan->slots.decoded,
                                 plan->slots.count, stream->limits, &stream->json, &plan->decoder, error);
        return rc < 0 ? rs_error_prefix(error, "stream %s", stream->name) : 0;
    }
    RS_ASSERT(rs_frame_schema(registry, stream->writer) == plan->slots.schema);
    rc = rs_decoder_new(registry, stream->framing.framing, stream->writer, plan->slots.decoded,
                        plan->slots.count, stream->limits, &plan->decoder, error);
    return rc < 0 ? rs_error_prefix(error, "stream %s", stream->name) : 0;
}

/* What event times may go on by at once: see partition/times.c. */
static int64_t step_of(const struct rs_plan *plan)
{
    int64_t shortest_us = INT64_MAX;
    for (uint32_t i = 0; i < plan->aggregate_count; i++) {
        int64_t size_us = plan->aggregates[i]->window.size_us;
        shortest_us = size_us > 0 && size_us < shortest_us ? size_us : shortest_us;
    }
    int64_t step_us = (shortest_us == INT64_MAX ? 0 : shortest_us) + plan->stream->lateness_us;
    return step_us > STEP_LEAST_US ? step_us : STEP_LEAST_US;
}

/* The key with the most fields tells sources of events apart best (partition/times.c). */
int rs_plan_finish(struct rs_engine *engine, struct rs_plan *plan, struct rs_error *error)
{
    for (uint32_t i = 0; i < plan->aggregate_count; i++) {
        int rc = share_key(engine, plan, plan->aggregates[i], error);
        if (rc < 0) {
            return rc;
        }
        note_where(plan, plan->aggregates[i]);
    }
    plan->step_us = step_of(plan);
    for (uint32_t k = 1; k < plan->key_count; k++) {
        if (plan->keys[k]->count > plan->keys[plan->finest_key]->count) {
            plan->finest_key = k;
        }
    }
    return make_decoder(engine, plan, error);
}

void rs_plan_fini(struct rs_plan *plan)
{
    rs_decoder_free(&plan->decoder);
    rs_rules_fini(&plan->rules);
}
