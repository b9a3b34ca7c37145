#include "transform/plan/writers.h"

#include <stdlib.h>
#include <string.h>

#define REASONS_SHOWN 3 /* streams whose reasons one complaint tells */

/* Whether the plan's stream reads what `schema` wrote; else the error says why not. */
static bool fits(const struct rs_plan *plan, const struct rs_schema *schema, struct rs_error *error)
{
    struct rs_program *program = NULL;
    int code = rs_program_resolve(schema, plan->slots.schema, plan->slots.decoded, plan->slots.count,
                                  plan->stream->limits, &program, error);
    rs_program_free(&program);
    return code == 0;
}

static const struct rs_config_node *ids_of(const struct rs_config *config)
{
    const struct rs_config_node *ids = rs_config_get(rs_config_get(rs_config_root(config), "schemas"), "ids");
    return ids && rs_config_kind(ids) == RS_CONFIG_MAPPING ? ids : NULL;
}

/* Schema of one id; NULL where the id was complained about. */
static const struct rs_schema *schema_of(const struct rs_engine *engine, const struct rs_config_node *ids,
                                         size_t i, const struct rs_config_node **key,
                                         const struct rs_config_node **value)
{
    const struct rs_frame_registry *registry = engine->streams->registry;
    rs_config_pair(ids, i, key, value);
    size_t number = rs_frame_find_id(registry, (uint32_t)strtoul(rs_config_text(*key), NULL, 10));
    return number < rs_frame_schema_count(registry) ? rs_frame_schema(registry, number) : NULL;
}

/* Part of a name behind the last point. */
static const char *last_part(const char *name)
{
    const char *dot = name ? strrchr(name, '.') : NULL;
    return dot ? dot + 1 : name;
}

/* Records of one name are most likely meant to be versions of each other: those streams are told first. */
static bool likely(const struct rs_plan *plan, const struct rs_schema *schema)
{
    const char *own = last_part(plan->slots.schema->name);
    const char *other = last_part(schema->name);
    return own && other && strcmp(own, other) == 0;
}

/* "for stream NAME, REASON; ..." of the streams that are likely (or of the others). */
static size_t put_reasons(const struct rs_engine *engine, const struct rs_schema *schema, bool of_likely,
                          struct rs_buf *out)
{
    size_t count = 0;
    struct rs_error error;
    for (size_t i = 0; i < engine->plan_count; i++) {
        const struct rs_plan *plan = &engine->plans[i];
        if (likely(plan, schema) != of_likely || count++ >= REASONS_SHOWN) {
            continue;
        }
        if (!fits(plan, schema, &error)) {
            rs_buf_printf(out, "%sfor stream %s, %s", count > 1 ? "; " : "", plan->stream->name, error.text);
        }
    }
    if (count > REASONS_SHOWN) {
        rs_buf_printf(out, "; and so for %zu more", count - REASONS_SHOWN);
    }
    return count;
}

/* An id that some streams cannot read is no fault, since the schemas are those of all streams. One that
 * none can read is, with the reasons of the streams for which it is most likely meant. */
static void check_id(struct rs_config *config, const struct rs_engine *engine,
                     const struct rs_config_node *ids, size_t number)
{
    const struct rs_config_node *key = NULL;
    const struct rs_config_node *value = NULL;
    const struct rs_schema *schema = schema_of(engine, ids, number, &key, &value);
    struct rs_buf why = {0};
    struct rs_error error;
    bool fit = !schema || engine->plan_count == 0;
    for (size_t i = 0; !fit && i < engine->plan_count; i++) {
        /* One whose own schema is not known may be the one that the id is for. */
        fit = !engine->plans[i].slots.schema || fits(&engine->plans[i], schema, &error);
    }
    if (fit) {
        return;
    }
    if (put_reasons(engine, schema, true, &why) == 0) {
        (void)put_reasons(engine, schema, false, &why);
    }
    rs_config_complain(config, value,
                       "no stream can read the schema with id %s, all its events would be refused: %.*s",
                       rs_config_text(key), (int)why.size, why.data ? (const char *)why.data : "");
    rs_buf_fini(&why);
}

/* A stream that takes framed events alone and can read none of the ids. What fits no stream at all has been
 * complained about. */
static void check_stream(struct rs_config *config, const struct rs_engine *engine,
                         const struct rs_config_node *ids, const struct rs_plan *plan)
{
    const struct rs_stream *stream = plan->stream;
    struct rs_error error = {0};
    if (stream->framing.framing != RS_FRAMING_CONFLUENT || engine->streams->schema_registry.url_count > 0 ||
        !stream->node || !plan->slots.schema) {
        return;
    }
    for (size_t i = 0; i < rs_config_size(ids); i++) {
        const struct rs_config_node *key = NULL;
        const struct rs_config_node *value = NULL;
        const struct rs_schema *schema = schema_of(engine, ids, i, &key, &value);
        if (!schema || fits(plan, schema, &error)) {
            return;
        }
    }
    rs_config_complain(config, rs_config_get(stream->node, "framing"),
                       "stream %s can read none of the schemas in `schemas.ids`, all its events would be "
                       "refused; of the last of them: %s",
                       stream->name, error.text);
}

void rs_writers_check(struct rs_config *config, const struct rs_engine *engine)
{
    const struct rs_config_node *ids = ids_of(config);
    for (size_t i = 0; ids && i < rs_config_size(ids); i++) {
        check_id(config, engine, ids, i);
    }
    for (size_t i = 0; ids && i < engine->plan_count; i++) {
        check_stream(config, engine, ids, &engine->plans[i]);
    }
}
