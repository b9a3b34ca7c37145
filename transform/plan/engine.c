#include "transform/plan/engine.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "transform/plan/plan.h"
#include "transform/plan/rules_nulls.h"
#include "transform/plan/writers.h"

/* An aggregate's place in its stream is a bit of rs_judged.passes: hence the limit. */
static int join_stream(struct rs_config *config, struct rs_engine *engine, struct rs_aggregate *a,
                       const struct rs_config_node *key)
{
    struct rs_plan *plan = a->plan;
    if (plan->aggregate_count == RS_STREAM_AGGREGATES_MAX) {
        rs_config_complain(config, key, "stream %s has %d aggregates already, the most there can be",
                           plan->stream->name, RS_STREAM_AGGREGATES_MAX);
        return 0;
    }
    struct rs_aggregate **list =
        rs_arena_grow(&engine->arena, plan->aggregates, plan->aggregate_count, sizeof(struct rs_aggregate *));
    if (!list) {
        return RS_ENOMEM;
    }
    plan->aggregates = list;
    a->position = plan->aggregate_count;
    list[plan->aggregate_count++] = a;
    return 0;
}

/* The arrays have their full size from the start, because plans point into them. An aggregate with a fault
 * leaves its place to the next. */
static int load_aggregates(struct rs_config *config, struct rs_engine *engine)
{
    const struct rs_config_node *node = rs_config_get(rs_config_root(config), "aggregates");
    if (!node) {
        return 0;
    }
    if (rs_config_kind(node) != RS_CONFIG_MAPPING) {
        rs_config_complain(config, node, "aggregates is a mapping from name to aggregate");
        return 0;
    }
    size_t count = rs_config_size(node);
    engine->aggregates = rs_arena_array(&engine->arena, count + 1, sizeof *engine->aggregates);
    engine->metas = rs_arena_array(&engine->arena, count + 1, sizeof *engine->metas);
    if (!engine->aggregates || !engine->metas) {
        return RS_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        const struct rs_config_node *key;
        const struct rs_config_node *value;
        rs_config_pair(node, i, &key, &value);
        struct rs_aggregate *a = &engine->aggregates[engine->aggregate_count];
        *a = (struct rs_aggregate){.index = (uint32_t)engine->aggregate_count};
        a->meta = &engine->metas[engine->aggregate_count];
        if (rs_aggregate_load(config, engine, key, value, a)) {
            engine->aggregate_count++;
            if (join_stream(config, engine, a, key) < 0) {
                return RS_ENOMEM;
            }
        } else {
            rs_zone_free(&a->zone); /* its place is the next one's */
        }
    }
    return 0;
}

/* Also where there were complaints: what could be read has faults of its own here. */
static int finish(struct rs_config *config, struct rs_engine *engine, struct rs_error *error)
{
    for (size_t i = 0; i < engine->aggregate_count; i++) {
        if (engine->aggregates[i].plan->partial) {
            continue;
        }
        int rc = rs_aggregate_finish(config, engine, &engine->aggregates[i], error);
        if (rc < 0) {
            return rc;
        }
    }
    for (size_t i = 0; i < engine->plan_count; i++) {
        if (engine->plans[i].partial) {
            continue;
        }
        int rc = rs_plan_finish(engine, &engine->plans[i], error);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

/* Aggregates are finished also where others are faulty, so that all faults are reported at once. */
static int load(struct rs_config *config, struct rs_engine *engine, struct rs_error *error)
{
    static const struct rs_stream unknown = {
        .name = "", .unread = true, .expire_us = INT64_MAX, .max_periods = INT64_MAX};
    engine->plans = rs_arena_array(&engine->arena, engine->streams->named + 1, sizeof *engine->plans);
    if (!engine->plans) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    size_t before = rs_config_complaints(config);
    for (size_t i = 0; i < engine->streams->named; i++) {
        rs_plan_begin(config, engine, &engine->streams->items[i], &engine->plans[i]);
        engine->plan_count++;
    }
    engine->unknown = &engine->plans[engine->plan_count];
    rs_plan_begin(config, engine, &unknown, engine->unknown);
    if (load_aggregates(config, engine) < 0) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < engine->plan_count; i++) {
        rs_rules_check_nulls(config, &engine->plans[i]);
    }
    int rc = finish(config, engine, error);
    if (rc == 0) {
        rs_writers_check(config, engine);
    }
    if (rc == 0 && rs_config_complaints(config) != before) {
        rc = rs_fail(error, RS_ECONFIG, "the configuration of streams and aggregates is wrong");
    }
    return rc;
}

int rs_engine_load(struct rs_config *config, const struct rs_streams *streams, struct rs_engine **out,
                   struct rs_error *error)
{
    struct rs_engine *engine = calloc(1, sizeof *engine);
    if (!engine) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    engine->streams = streams;
    int rc = load(config, engine, error);
    if (rc < 0) {
        rs_engine_free(&engine);
        return rc;
    }
    *out = engine;
    return 0;
}

void rs_engine_free(struct rs_engine **engine)
{
    struct rs_engine *e = *engine;
    if (!e) {
        return;
    }
    for (size_t i = 0; i < e->plan_count; i++) {
        rs_plan_fini(&e->plans[i]);
    }
    for (size_t i = 0; i < e->aggregate_count; i++) {
        rs_pane_layout_free(&e->aggregates[i].layout);
        rs_zone_free(&e->aggregates[i].zone);
    }
    rs_tradings_fini(&e->tradings);
    rs_arena_fini(&e->arena);
    free(e);
    *engine = NULL;
}

int rs_engine_learn(struct rs_engine *engine, const struct rs_registry_asker *asker, struct rs_report report,
                    struct rs_error *error)
{
    for (size_t i = 0; i < engine->plan_count; i++) {
        struct rs_plan *plan = &engine->plans[i];
        int rc =
            rs_decoder_learn(plan->decoder, asker, plan->slots.decoded, plan->stream->name, report, error);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

const struct rs_aggregate_meta *rs_engine_metas(const struct rs_engine *engine, size_t *count)
{
    *count = engine->aggregate_count;
    return engine->metas;
}

const struct rs_rules *rs_engine_rules(const struct rs_engine *engine, uint32_t stream)
{
    return &engine->plans[stream].rules;
}

uint64_t rs_engine_fingerprint(const struct rs_engine *engine, uint32_t stream)
{
    const struct rs_stream *input = &engine->streams->items[stream];
    const struct rs_plan *plan = &engine->plans[input->first];
    const char *topic = input->topic ? input->topic : "";
    uint64_t hash = XXH3_64bits(input->name, strlen(input->name));
    hash = XXH3_64bits_withSeed(topic, strlen(topic), hash);
    for (uint32_t i = 0; i < plan->aggregate_count; i++) {
        const struct rs_aggregate *a = plan->aggregates[i];
        uint64_t little = htole64(a->fingerprint);
        hash = XXH3_64bits_withSeed(a->name, strlen(a->name), hash);
        hash = XXH3_64bits_withSeed(&little, sizeof little, hash);
    }
    return hash;
}
