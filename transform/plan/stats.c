#include "transform/plan/stats.h"

#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "transform/plan/arithmetic.h"
#include "transform/plan/gates.h"
#include "transform/plan/stat_call.h"

#define STATS_MAX 64
#define PATH_SIZE 256

static const char *const stat_keys[] = {"stat", "where", NULL};

/* A statistic on its way from its text into the plan. */
struct load {
    struct rs_config *config;
    struct rs_inputs *inputs;
    const struct rs_config_node *value; /* what is written of the statistic itself */
    const struct rs_config_node *where; /* NULL: no condition of its own */
    const struct rs_known_stat *known;
    struct rs_stat_args args;
    struct rs_stat *out;
    struct rs_buf text;    /* as normalised */
    char first[PATH_SIZE]; /* its first field; empty: a formula, or none */
    struct rs_stat_param *params;
    size_t fields, constants;
};

/* ---- units ---- */

/* The field's `unit` property, along a dotted path. */
static const char *unit_of(const struct rs_schema *schema, const char *path)
{
    size_t length = strcspn(path, ".");
    for (size_t i = 0; schema->kind == RS_AVRO_UNION && i < schema->branch_count; i++) {
        if (schema->branches[i]->kind != RS_AVRO_NULL) {
            schema = schema->branches[i];
            break;
        }
    }
    for (size_t i = 0; schema->kind == RS_AVRO_RECORD && i < schema->field_count; i++) {
        const struct rs_schema_field *field = &schema->fields[i];
        if (strncmp(field->name, path, length) == 0 && field->name[length] == '\0') {
            return path[length] ? unit_of(field->type, path + length + 1) : field->unit;
        }
    }
    return NULL;
}

static const char *unit_for(const struct load *l)
{
    switch (l->known->unit) {
    case RS_UNIT_NONE: return NULL;
    case RS_UNIT_PERCENT: return "%";
    case RS_UNIT_RATE: return l->fields == 0 ? "1/s" : NULL;
    case RS_UNIT_FIELD: break;
    }
    const struct rs_schema *schema = l->inputs->slots->schema;
    return schema && l->first[0] ? unit_of(schema, l->first) : NULL; /* nobody says what a formula's is */
}

/* ---- arguments ---- */

/* Whether the argument is a field alone, which is then in `path`. */
static bool plain_path(struct rs_slice text, char *path)
{
    for (size_t i = 0; i < text.size; i++) {
        if (!rs_stat_name_letter((char)text.data[i])) {
            return false;
        }
    }
    if (text.size >= PATH_SIZE) {
        return false;
    }
    memcpy(path, text.data, text.size);
    path[text.size] = '\0';
    return true;
}

static bool load_field(struct load *l, const struct rs_stat_arg *arg, struct rs_slice text)
{
    char path[PATH_SIZE];
    const char *start = (const char *)text.data;
    int input;
    if (plain_path(text, path)) {
        enum rs_wanted wanted = arg->kind == RS_ARG_TIME        ? RS_WANT_TIME
                                : arg->kind == RS_ARG_ANY_FIELD ? RS_WANT_ANY
                                : arg->kind == RS_ARG_ANY_VALUE ? RS_WANT_IDENTITY
                                                                : RS_WANT_NUMBER;
        input = rs_inputs_want(l->config, l->inputs, l->value, wanted, path);
        rs_buf_text(&l->text, path);
        if (l->fields == 0) {
            memcpy(l->first, path, sizeof path);
        }
    } else {
        input = rs_inputs_want_formula(l->config, l->inputs, l->value, start, start + text.size);
        rs_buf_text(&l->text, input < 0 ? "" : rs_formula_text(l->inputs->items[input].formula));
    }
    *(l->fields == 0 ? &l->out->spec.x : &l->out->spec.w) = input;
    l->fields++;
    return input >= 0;
}

/* Goes over all arguments, so that all faults are reported at once. One behind others that were left out is
 * written with its name. */
static bool load_arguments(struct load *l)
{
    bool right = true;
    bool gap = false;
    size_t written = 0;
    rs_buf_printf(&l->text, "%s(", l->known->name);
    for (size_t i = 0; i < RS_STAT_ARGS_MAX && l->known->args[i].kind != RS_ARG_NONE; i++) {
        const struct rs_stat_arg *arg = &l->known->args[i];
        const struct rs_stat_arg_value *value = &l->args.items[i];
        bool field = rs_stat_arg_is_field(arg);
        size_t constant = l->constants;
        l->constants += !field;
        RS_ASSERT(l->constants <= RS_STAT_PARAMS_MAX);
        if (!value->given) {
            gap = true;
            continue;
        }
        rs_buf_text(&l->text, written++ ? ", " : "");
        if (gap) {
            rs_buf_printf(&l->text, "%s: ", arg->name);
        }
        if (field) {
            right &= load_field(l, arg, value->text);
        } else {
            l->params[constant] = value->param;
            rs_stat_param_print(arg->kind, &value->param, &l->text);
        }
    }
    rs_buf_char(&l->text, ')');
    return right;
}

/* Of a statistic that takes no field the condition itself is what is counted. */
static bool load_gated(struct load *l)
{
    struct rs_inputs *inputs = l->inputs;
    inputs->gate = l->where ? rs_gate_want(l->config, inputs, l->where) : -1;
    int gate = inputs->gate;
    bool right = load_arguments(l) && (!l->where || gate >= 0);
    inputs->gate = -1;
    if (l->where) {
        l->out->spec.x = l->fields ? l->out->spec.x : gate;
        rs_buf_text(&l->text, " where ");
        rs_gate_print(l->where, true, &l->text);
    }
    return right;
}

/* Only what its inputs are decides whether it can be had. */
static bool fits_inputs(struct load *l)
{
    struct rs_stat_spec *spec = &l->out->spec;
    spec->params = l->constants ? l->params : NULL;
    const char *fault = l->inputs->slots->schema ? rs_stat_fault(spec, l->inputs->types) : NULL;
    if (fault) {
        rs_config_complain(l->config, l->value, "%s: %s, as in %s", l->known->name, fault, l->known->example);
    }
    return !fault;
}

/* ---- one statistic ---- */

static bool usable_name(const char *name)
{
    size_t length = strlen(name);
    return length > 0 && length <= 100 && (isalpha((unsigned char)*name) || *name == '_') &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") == length;
}

static bool read_call(struct load *l)
{
    struct rs_stat_call call;
    const char *text = rs_config_text(l->value);
    if (!text || !rs_stat_call_parse(text, &call)) {
        bool cut = text && strchr(text, '(') && !strchr(text, ')');
        rs_config_complain(l->config, l->value,
                           "a statistic is written as name(field), as in sum(quantity) or count()%s",
                           cut ? "; between braces one with a comma needs quotes" : "");
        return false;
    }
    l->known = rs_known_stat_find(l->config, l->value, call.name);
    return l->known && rs_stat_call_bind(l->config, l->value, l->known, &call, &l->args);
}

/* sum(quantity), or {stat: sum(quantity), where: {side: BUY}}. */
static bool take_parts(struct load *l, const struct rs_config_node *node)
{
    l->value = node;
    if (rs_config_kind(node) != RS_CONFIG_MAPPING) {
        return true;
    }
    bool known = rs_config_expect_mapping(l->config, node, "a statistic", stat_keys);
    l->value = rs_config_get(node, "stat");
    l->where = rs_config_get(node, "where");
    if (known && !l->value) {
        rs_config_complain(l->config, node,
                           "a statistic needs stat, as in {stat: sum(quantity), where: {side: BUY}}");
    }
    return known && l->value;
}

static bool check_ungated(const struct load *l)
{
    if (l->where) {
        rs_config_complain(
            l->config, l->where,
            "where chooses events, and arithmetic has none: give it to the statistics that are "
            "used");
    }
    return !l->where;
}

static bool load_stat(struct rs_config *config, struct rs_inputs *inputs, const struct rs_config_node *key,
                      const struct rs_config_node *node, struct rs_stat *out)
{
    struct load l = {.config = config, .inputs = inputs, .out = out};
    struct rs_arena *arena = inputs->slots->arena;
    const char *name = rs_config_text(key);
    if (!name || !usable_name(name)) {
        rs_config_complain(config, key, "a statistic's name is made of letters, digits, '_', '-' and '.'");
        return false;
    }
    out->spec = (struct rs_stat_spec){.name = rs_arena_text(arena, name), .x = -1, .w = -1};
    if (!take_parts(&l, node)) {
        return false;
    }
    out->text = l.value;
    if (rs_config_text(l.value) && rs_arithmetic_meant(rs_config_text(l.value))) {
        out->spec.kind = RS_STAT_DERIVED;
        return out->spec.name && check_ungated(&l);
    }
    if (!read_call(&l)) {
        return false;
    }
    out->spec.kind = l.known->kind;
    l.params = rs_arena_array(arena, RS_STAT_PARAMS_MAX, sizeof *l.params);
    if (l.params && load_gated(&l) && fits_inputs(&l)) {
        out->expression = l.text.failed ? NULL : rs_arena_slice(arena, rs_buf_slice(&l.text));
        out->unit = unit_for(&l);
    }
    rs_buf_fini(&l.text);
    return out->spec.name && out->expression;
}

static bool has_derived(const struct rs_stats *stats)
{
    for (size_t i = 0; i < stats->count; i++) {
        if (stats->items[i].spec.kind == RS_STAT_DERIVED) {
            return true;
        }
    }
    return false;
}

bool rs_stats_load(struct rs_config *config, struct rs_inputs *inputs, const struct rs_config_node *node,
                   struct rs_stats *out)
{
    *out = (struct rs_stats){0};
    size_t count = rs_config_kind(node) == RS_CONFIG_MAPPING ? rs_config_size(node) : 0;
    if (count == 0 || count > STATS_MAX) {
        rs_config_complain(config, node,
                           "stats is a mapping of up to %d statistics, as in {volume: sum(quantity)}",
                           STATS_MAX);
        return false;
    }
    out->items = rs_arena_array(inputs->slots->arena, count, sizeof *out->items);
    bool right = out->items != NULL;
    for (size_t i = 0; out->items && i < count; i++) {
        const struct rs_config_node *key;
        const struct rs_config_node *value;
        rs_config_pair(node, i, &key, &value);
        if (load_stat(config, inputs, key, value, &out->items[out->count])) {
            out->count++;
        } else {
            right = false;
        }
    }
    if (out->items && has_derived(out)) {
        right &= rs_arithmetic_load(config, inputs->slots->arena, node, out);
    }
    return right;
}
