/* Schema and wanted paths to a JSON program. */
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "schemas/json_internal.h"
#include "schemas/program_default.h"

#define GROW_FROM  32
#define NESTED_MAX 1000 /* records in one another: bounds the compiler's own recursion */
#define NOT_SHARED UINT32_MAX

/* A record without wanted fields: its node, for the next place that uses it. */
struct shared {
    const struct rs_schema *schema;
    uint32_t node;
};

/* A path that somebody wants, or gives a form of times for. */
struct route {
    struct rs_program_route way;
    const struct rs_time_rule *rule; /* NULL: it is wanted */
};

struct compiler {
    struct rs_json_program *program;
    size_t node_capacity, field_capacity, sorted_capacity, default_capacity, copy_capacity;
    struct route *routes;
    size_t route_count;
    uint32_t *path; /* steps from the root to the type at hand */
    size_t steps;
    struct shared *shared;
    size_t shared_count, shared_capacity;
    struct rs_error *error;
    int code; /* sticky: RS_ENOMEM, RS_ECONFIG */
};

static void compile_type(struct compiler *c, const struct rs_schema *type, uint32_t number);

static void fail(struct compiler *c)
{
    c->code = c->code == 0 ? rs_fail(c->error, RS_ENOMEM, "out of memory") : c->code;
}

/* Room for one node; its number. Nodes move when there are more, so that they are named by number. */
static uint32_t add_node(struct compiler *c)
{
    struct rs_json_program *p = c->program;
    struct rs_json_node *nodes =
        rs_array_grow(p->nodes, p->node_count, &c->node_capacity, GROW_FROM, sizeof *nodes);
    if (!nodes) {
        fail(c);
        return 0;
    }
    p->nodes = nodes;
    nodes[p->node_count] = (struct rs_json_node){.slot = RS_JSON_NOT_WANTED};
    return (uint32_t)p->node_count++;
}

/* ---- routes ---- */

/* Whether a route runs through the type at hand, or ends there. */
static bool runs_here(const struct compiler *c, const struct route *route)
{
    return route->way.count >= c->steps &&
           (c->steps == 0 || memcmp(route->way.steps, c->path, c->steps * sizeof *c->path) == 0);
}

static bool any_runs_here(const struct compiler *c)
{
    for (size_t i = 0; i < c->route_count; i++) {
        if (runs_here(c, &c->routes[i])) {
            return true;
        }
    }
    return false;
}

static void add_copy(struct compiler *c, size_t from, size_t to)
{
    struct rs_json_program *p = c->program;
    struct rs_json_copy *copies =
        rs_array_grow(p->copies, p->copy_count, &c->copy_capacity, GROW_FROM, sizeof *copies);
    if (!copies) {
        fail(c);
        return;
    }
    p->copies = copies;
    copies[p->copy_count++] = (struct rs_json_copy){.from = (uint16_t)from, .to = (uint16_t)to};
}

/* The slots and the form of times of the routes that end at the type at hand. */
static void end_routes(struct compiler *c, uint32_t number)
{
    for (size_t i = 0; i < c->route_count; i++) {
        const struct route *route = &c->routes[i];
        struct rs_json_node *node = &c->program->nodes[number];
        if (route->way.count != c->steps || !runs_here(c, route)) {
            continue;
        }
        if (route->rule) {
            node->rule = route->rule;
        } else if (node->slot == RS_JSON_NOT_WANTED) {
            node->slot = (uint16_t)route->way.slot;
        } else {
            add_copy(c, node->slot, route->way.slot);
        }
    }
}

/* ---- types ---- */

static enum rs_json_kind integer_kind(const struct rs_schema *type)
{
    if (type->logical >= RS_LOGICAL_TIMESTAMP_MILLIS) {
        return RS_JSON_TIME;
    }
    if (type->logical == RS_LOGICAL_DATE) {
        return RS_JSON_DATE;
    }
    return type->kind == RS_AVRO_INT ? RS_JSON_INT : RS_JSON_LONG;
}

static enum rs_json_kind kind_of(const struct rs_schema *type)
{
    bool decimal = type->logical == RS_LOGICAL_DECIMAL;
    switch (type->kind) {
    case RS_AVRO_NULL: return RS_JSON_NULL;
    case RS_AVRO_BOOLEAN: return RS_JSON_BOOLEAN;
    case RS_AVRO_INT:
    case RS_AVRO_LONG: return integer_kind(type);
    case RS_AVRO_FLOAT: return RS_JSON_FLOAT;
    case RS_AVRO_DOUBLE: return RS_JSON_DOUBLE;
    case RS_AVRO_BYTES: return decimal ? RS_JSON_DECIMAL : RS_JSON_BYTES;
    case RS_AVRO_STRING: return type->logical == RS_LOGICAL_UUID ? RS_JSON_UUID : RS_JSON_STRING;
    case RS_AVRO_FIXED: return decimal ? RS_JSON_DECIMAL : RS_JSON_FIXED;
    case RS_AVRO_ENUM: return RS_JSON_ENUM;
    case RS_AVRO_ARRAY: return RS_JSON_ARRAY;
    case RS_AVRO_MAP: return RS_JSON_MAP;
    case RS_AVRO_UNION: return RS_JSON_UNION;
    case RS_AVRO_RECORD: return RS_JSON_RECORD;
    }
    return RS_JSON_NULL;
}

static void add_default(struct compiler *c, struct rs_json_field *field, size_t slot, struct rs_value value)
{
    struct rs_json_program *p = c->program;
    struct rs_json_default *defaults =
        rs_array_grow(p->defaults, p->default_count, &c->default_capacity, GROW_FROM, sizeof *defaults);
    if (!defaults) {
        fail(c);
        return;
    }
    p->defaults = defaults;
    defaults[p->default_count++] = (struct rs_json_default){.slot = (uint16_t)slot, .value = value};
    field->value_count++;
}

static void set_default(struct compiler *c, struct rs_json_field *field, uint32_t number,
                        const struct rs_schema *type, const json_t *json);

/* What the default leaves out are the defaults of the inner fields, which are known already. */
static void set_record_default(struct compiler *c, struct rs_json_field *field,
                               const struct rs_json_node *node, const json_t *json)
{
    const struct rs_schema *record = node->schema;
    const uint32_t first = node->first;
    for (uint32_t i = 0; i < record->field_count && c->code == 0; i++) {
        const struct rs_json_field *inner = &c->program->fields[first + i];
        const json_t *value = json_object_get(json, inner->name);
        if (value) {
            set_default(c, field, inner->node, record->fields[i].type, value);
            continue;
        }
        for (uint32_t k = 0; k < inner->value_count && c->code == 0; k++) {
            const struct rs_json_default own = c->program->defaults[inner->first_value + k];
            add_default(c, field, own.slot, own.value);
        }
    }
}

/* What a default says for the slots at and below a node. */
static void set_default(struct compiler *c, struct rs_json_field *field, uint32_t number,
                        const struct rs_schema *type, const json_t *json)
{
    const struct rs_json_node *node = &c->program->nodes[number];
    const struct rs_schema *actual = rs_program_default_type(type, json);
    struct rs_value value;
    if (actual && actual->kind == RS_AVRO_NULL) {
        return;
    }
    if (node->kind == RS_JSON_RECORD) {
        set_record_default(c, field, node, json);
    } else if (node->slot != RS_JSON_NOT_WANTED) {
        int code = actual ? rs_program_default_value(&c->program->arena, actual, json, &value, c->error)
                          : RS_ESCHEMA;
        if (code == 0) {
            add_default(c, field, node->slot, value);
        } else if (code == RS_ENOMEM) {
            fail(c);
        } else {
            c->code = rs_fail(c->error, RS_ECONFIG, "the default of field '%s' is not a value of its type",
                              field->name);
        }
    }
}

static void keep_default(struct compiler *c, struct rs_json_field *field)
{
    json_t *json = json_loads(field->default_json, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    field->first_value = (uint32_t)c->program->default_count;
    if (!json) {
        fail(c);
        return;
    }
    set_default(c, field, field->node, field->type, json);
    json_decref(json);
}

/* From the inner records, which come behind those that hold them, to the outer: what the default of a record
 * leaves out are the defaults of its fields. */
static void keep_defaults(struct compiler *c)
{
    for (size_t i = c->program->field_count; i-- > 0 && c->code == 0;) {
        if (c->program->fields[i].absent == RS_JSON_ABSENT_DEFAULT) {
            keep_default(c, &c->program->fields[i]);
        }
    }
}

/* The name with its quotes and colon, for one comparison of two words. */
static void set_head(struct rs_json_field *field)
{
    uint8_t bytes[16] = {'"'};
    uint8_t mask[16] = {0};
    size_t size = (size_t)field->size + 3;
    if (size > sizeof bytes) {
        return;
    }
    memcpy(bytes + 1, field->name, field->size);
    bytes[size - 2] = '"';
    bytes[size - 1] = ':';
    memset(mask, 0xff, size);
    memcpy(field->head, bytes, sizeof bytes);
    memcpy(field->mask, mask, sizeof mask);
    field->head_size = (uint32_t)size;
}

static bool can_be_null(const struct rs_schema *type)
{
    if (type->kind != RS_AVRO_UNION) {
        return type->kind == RS_AVRO_NULL;
    }
    for (size_t i = 0; i < type->branch_count; i++) {
        if (type->branches[i]->kind == RS_AVRO_NULL) {
            return true;
        }
    }
    return false;
}

static void compile_field(struct compiler *c, const struct rs_schema *record, uint32_t number, uint32_t at)
{
    const struct rs_schema_field *source = &record->fields[number];
    uint32_t node = add_node(c);
    if (c->code != 0) {
        return;
    }
    c->path[c->steps++] = number;
    compile_type(c, source->type, node);
    c->steps--;
    c->program->fields[at] =
        (struct rs_json_field){.name = source->name,
                               .size = (uint32_t)strlen(source->name),
                               .node = node,
                               .type = source->type,
                               .default_json = source->default_json,
                               .absent = source->default_json        ? RS_JSON_ABSENT_DEFAULT
                                         : can_be_null(source->type) ? RS_JSON_ABSENT_NULL
                                                                     : RS_JSON_MISSING};
    set_head(&c->program->fields[at]);
}

static int by_name(const void *a, const void *b, void *context)
{
    const struct rs_json_field *fields = context;
    return strcmp(fields[*(const uint32_t *)a].name, fields[*(const uint32_t *)b].name);
}

/* Room for a record's fields, all in one piece; for one at least, so that there is something to point at where no
 * record has any. */
static bool reserve_fields(struct compiler *c, size_t count)
{
    struct rs_json_program *p = c->program;
    for (size_t i = 0; i == 0 || i < count; i++) {
        struct rs_json_field *fields =
            rs_array_grow(p->fields, p->field_count + i, &c->field_capacity, GROW_FROM, sizeof *fields);
        p->fields = fields ? fields : p->fields;
        uint32_t *sorted =
            rs_array_grow(p->sorted, p->field_count + i, &c->sorted_capacity, GROW_FROM, sizeof *sorted);
        p->sorted = sorted ? sorted : p->sorted;
        if (!fields || !sorted) {
            fail(c);
            return false;
        }
    }
    return true;
}

static void compile_record(struct compiler *c, const struct rs_schema *record, uint32_t number)
{
    struct rs_json_program *p = c->program;
    if (c->steps == NESTED_MAX) {
        c->code = rs_fail(c->error, RS_ECONFIG, "the schema's records nest deeper than %d", NESTED_MAX);
        return;
    }
    if (!reserve_fields(c, record->field_count)) {
        return;
    }
    uint32_t first = (uint32_t)p->field_count;
    p->field_count += record->field_count;
    p->nodes[number].first = first;
    p->nodes[number].count = (uint32_t)record->field_count;
    for (uint32_t i = 0; i < record->field_count && c->code == 0; i++) {
        p->sorted[first + i] = i;
        compile_field(c, record, i, first + i);
    }
    if (c->code == 0) {
        qsort_r(p->sorted + first, record->field_count, sizeof *p->sorted, by_name, p->fields + first);
    }
}

/* Branches stand side by side. */
static void compile_branches(struct compiler *c, const struct rs_schema *type, uint32_t number)
{
    uint32_t first = (uint32_t)c->program->node_count;
    for (size_t i = 0; i < type->branch_count; i++) {
        (void)add_node(c);
    }
    c->program->nodes[number].first = first;
    c->program->nodes[number].count = (uint32_t)type->branch_count;
    for (size_t i = 0; i < type->branch_count && c->code == 0; i++) {
        compile_type(c, type->branches[i], first + (uint32_t)i);
    }
}

static uint32_t find_shared(const struct compiler *c, const struct rs_schema *record)
{
    for (size_t i = 0; i < c->shared_count; i++) {
        if (c->shared[i].schema == record) {
            return c->shared[i].node;
        }
    }
    return NOT_SHARED;
}

static void share(struct compiler *c, const struct rs_schema *record, uint32_t number)
{
    struct shared *shared =
        rs_array_grow(c->shared, c->shared_count, &c->shared_capacity, GROW_FROM, sizeof *shared);
    if (!shared) {
        fail(c);
        return;
    }
    c->shared = shared;
    shared[c->shared_count++] = (struct shared){.schema = record, .node = number};
}

/* The fields of a record that was compiled elsewhere are used again: they hold no wanted ones. */
static void compile_or_share(struct compiler *c, const struct rs_schema *record, uint32_t number)
{
    bool wanted = any_runs_here(c);
    uint32_t elsewhere = wanted ? NOT_SHARED : find_shared(c, record);
    if (elsewhere == NOT_SHARED) {
        if (!wanted) {
            share(c, record, number);
        }
        compile_record(c, record, number);
        return;
    }
    c->program->nodes[number].first = c->program->nodes[elsewhere].first;
    c->program->nodes[number].count = c->program->nodes[elsewhere].count;
}

static void compile_items(struct compiler *c, const struct rs_schema *items, uint32_t number)
{
    uint32_t item = add_node(c);
    if (c->code == 0) {
        c->program->nodes[number].first = item;
        compile_type(c, items, item);
    }
}

static void compile_type(struct compiler *c, const struct rs_schema *type, uint32_t number)
{
    int null_branch = rs_program_null_branch(type);
    if (null_branch >= 0) {
        c->program->nodes[number].nullable = true;
        type = type->branches[1 - null_branch];
    } else if (type->kind == RS_AVRO_UNION && type->branch_count == 1) {
        type = type->branches[0];
    }
    c->program->nodes[number].schema = type;
    c->program->nodes[number].kind = (uint8_t)kind_of(type);
    end_routes(c, number);
    switch (type->kind) {
    case RS_AVRO_ARRAY:
    case RS_AVRO_MAP: compile_items(c, type->items, number); break;
    case RS_AVRO_UNION: compile_branches(c, type, number); break;
    case RS_AVRO_RECORD: compile_or_share(c, type, number); break;
    default: break;
    }
}

/* ---- building ---- */

static int add_route(struct compiler *c, const struct rs_schema *schema, const char *path, size_t slot,
                     const struct rs_time_rule *rule)
{
    struct rs_field_type ignored;
    struct route *route = &c->routes[c->route_count];
    int code = rs_program_find(schema, path, &ignored, &route->way, c->error);
    if (code == 0) {
        route->way.slot = slot;
        route->rule = rule;
        c->route_count++;
    }
    return code;
}

static int find_routes(struct compiler *c, const struct rs_schema *schema, const char *const *paths,
                       size_t count, const struct rs_json_options *options)
{
    int code = 0;
    c->routes = calloc(count + options->time_count + 1, sizeof *c->routes);
    c->path = calloc(NESTED_MAX + 1, sizeof *c->path);
    c->program = calloc(1, sizeof *c->program);
    if (!c->routes || !c->path || !c->program) {
        return rs_fail(c->error, RS_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < count && code == 0; i++) {
        code = paths[i] ? add_route(c, schema, paths[i], i, NULL) : 0;
    }
    for (size_t i = 0; i < options->time_count && code == 0; i++) {
        code = add_route(c, schema, options->times[i].path, 0, &options->times[i].rule);
    }
    return code;
}

static void compiler_fini(struct compiler *c)
{
    for (size_t i = 0; i < c->route_count; i++) {
        free(c->routes[i].way.steps);
    }
    free(c->routes);
    free(c->path);
    free(c->shared);
}

int rs_json_program_compile(const struct rs_schema *schema, const char *const *paths, size_t count,
                            struct rs_program_limits limits, const struct rs_json_options *options,
                            struct rs_json_program **out, struct rs_error *error)
{
    struct compiler c = {.error = error};
    RS_ASSERT(count < RS_JSON_NOT_WANTED);
    c.code = find_routes(&c, schema, paths, count, options);
    if (c.code == 0) {
        c.program->limits = limits;
        c.program->refuse_unknown = options->refuse_unknown;
        c.program->slot_count = count;
        uint32_t root = add_node(&c);
        if (c.code == 0) {
            compile_type(&c, schema, root);
        }
        if (c.code == 0) {
            keep_defaults(&c);
        }
    }
    compiler_fini(&c);
    if (c.code != 0) {
        rs_json_program_free(&c.program);
        return c.code;
    }
    *out = c.program;
    return 0;
}

void rs_json_program_free(struct rs_json_program **program)
{
    struct rs_json_program *p = program ? *program : NULL;
    if (!p) {
        return;
    }
    free(p->nodes);
    free(p->fields);
    free(p->sorted);
    free(p->defaults);
    free(p->copies);
    rs_arena_fini(&p->arena);
    free(p);
    *program = NULL;
}
