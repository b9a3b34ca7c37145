#include "transform/plan/stats.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"

#define STATS_MAX 64

struct known {
    const char *name;
    enum rs_stat_kind kind;
    int min_fields, max_fields;
    bool has_unit; /* the unit of its first field */
};

static const struct known known_stats[] = {
    {"count", RS_STAT_COUNT, 0, 1, false},
    {"sum", RS_STAT_SUM, 1, 1, true},
    {"mean", RS_STAT_MEAN, 1, 1, true},
    {"avg", RS_STAT_MEAN, 1, 1, true},
    {"min", RS_STAT_MIN, 1, 1, true},
    {"max", RS_STAT_MAX, 1, 1, true},
    {"range", RS_STAT_RANGE, 1, 1, true},
    {"first", RS_STAT_FIRST, 1, 1, true},
    {"open", RS_STAT_FIRST, 1, 1, true},
    {"last", RS_STAT_LAST, 1, 1, true},
    {"close", RS_STAT_LAST, 1, 1, true},
    {"ohlc", RS_STAT_OHLC, 1, 1, true},
    {"vwap", RS_STAT_VWAP, 2, 2, true},
    {"variance", RS_STAT_VARIANCE, 1, 1, false},
    {"variance_pop", RS_STAT_VARIANCE_POP, 1, 1, false},
    {"stddev", RS_STAT_STDDEV, 1, 1, true},
    {"stddev_pop", RS_STAT_STDDEV_POP, 1, 1, true},
    {"rate", RS_STAT_RATE, 0, 1, false},
    {"change", RS_STAT_CHANGE, 1, 1, true},
    {"pct_change", RS_STAT_PCT_CHANGE, 1, 1, false},
};
#define KNOWN_COUNT (sizeof known_stats / sizeof *known_stats)

static const char available[] =
    "count, sum, mean, min, max, range, first, last, ohlc, vwap, variance, variance_pop, "
    "stddev, stddev_pop, rate, change and pct_change";

static const char *const planned_stats[] = {"quantile", "median",     "distinct", "topk",        "ewma",
                                            "twap",     "covariance", "slope",    "correlation", "zscore"};

/* ---- names ---- */

static const struct known *find_known(const char *name)
{
    for (size_t i = 0; i < KNOWN_COUNT; i++) {
        if (strcmp(known_stats[i].name, name) == 0) {
            return &known_stats[i];
        }
    }
    return NULL;
}

/* A statistic that is planned is said not to be available yet, rather than not to exist. */
static void complain_unknown(struct rs_config *config, const struct rs_config_node *where, const char *name)
{
    const char *names[KNOWN_COUNT + 1];
    for (size_t i = 0; i < sizeof planned_stats / sizeof *planned_stats; i++) {
        if (strcmp(planned_stats[i], name) == 0) {
            rs_config_complain(config, where,
                               "statistic \"%s\" is not available in this version; there are %s", name,
                               available);
            return;
        }
    }
    for (size_t i = 0; i < KNOWN_COUNT; i++) {
        names[i] = known_stats[i].name;
    }
    names[KNOWN_COUNT] = NULL;
    const char *near = rs_nearest_name(name, names);
    if (near) {
        rs_config_complain(config, where, "no statistic \"%s\"; did you mean \"%s\"?", name, near);
    } else {
        rs_config_complain(config, where, "no statistic \"%s\"; there are %s", name, available);
    }
}

/* ---- name(field, field) ---- */

struct expression {
    char name[64];
    struct {
        char path[256];          /* a field; else empty: */
        const char *start, *end; /* the text of a formula */
        const struct rs_formula *formula;
    } fields[2];
    int count;
};

static const char *blanks(const char *at)
{
    while (*at == ' ' || *at == '\t') {
        at++;
    }
    return at;
}

/* What names of schemas are made of, and '.'. */
static bool name_letter(char c)
{
    return isalnum((unsigned char)c) || strchr("_.$-", c) || (unsigned char)c >= 0x80;
}

/* NULL: none, or longer than `size`. */
static const char *word(const char *at, char *out, size_t size)
{
    size_t length = 0;
    for (; *at != '\0' && name_letter(*at); at++) {
        if (length + 1 == size) {
            return NULL;
        }
        out[length++] = *at;
    }
    out[length] = '\0';
    return length ? blanks(at) : NULL;
}

/* A field alone, or all up to the comma or bracket that ends the argument. NULL: it does not end. */
static const char *argument(const char *at, struct expression *out)
{
    const char *end = word(at, out->fields[out->count].path, sizeof out->fields[0].path);
    if (end && (*end == ',' || *end == ')')) {
        return end;
    }
    int depth = 0;
    out->fields[out->count].path[0] = '\0';
    for (end = at; depth > 0 || (*end != ',' && *end != ')'); end++) {
        if (*end == '\0') {
            return NULL;
        }
        depth += (*end == '(') - (*end == ')');
    }
    out->fields[out->count].start = at;
    out->fields[out->count].end = end;
    return end > at ? end : NULL;
}

static bool parse_expression(const char *text, struct expression *out)
{
    *out = (struct expression){0};
    const char *at = word(blanks(text), out->name, sizeof out->name);
    if (!at || *at != '(') {
        return false;
    }
    at = blanks(at + 1);
    while (*at != ')') {
        if (out->count == 2 || (out->count && *at != ',')) {
            return false;
        }
        at = argument(blanks(out->count ? at + 1 : at), out);
        if (!at) {
            return false;
        }
        out->count++;
    }
    return *blanks(at + 1) == '\0';
}

/* ---- inputs ---- */

static bool numeric(const struct rs_field_type *type)
{
    if (type->kind == RS_VALUE_INT) {
        return type->schema->kind != RS_AVRO_ENUM && type->schema->logical == RS_LOGICAL_NONE;
    }
    return type->kind == RS_VALUE_DECIMAL || type->kind == RS_VALUE_DOUBLE;
}

#define NEVER_PLAIN UINT8_MAX /* no kind of value */

/* A field that is no number can only be counted. Doubles are not `required` even where they are always
 * there, since NaN and infinities are passed by. */
static struct rs_input input_of(const struct rs_inputs *inputs, int slot)
{
    const struct rs_field_type *type = &inputs->slots->types[slot];
    struct rs_input input = {
        .slot = slot, .convert = RS_CONVERT_PRESENCE, .type = {.kind = RS_NUM_INT64}, .plain = NEVER_PLAIN};
    input.type.required = !type->nullable;
    if (!numeric(type)) {
        return input;
    }
    if (type->kind == RS_VALUE_INT) {
        input.convert = RS_CONVERT_INT;
        input.plain = RS_VALUE_INT;
    } else if (inputs->scales[slot] >= 0) {
        input.convert = RS_CONVERT_SCALED;
        input.plain = RS_VALUE_DECIMAL;
        input.type.scale = inputs->scales[slot];
        input.type.required = false; /* NaN and infinities are passed by */
    } else if (type->kind == RS_VALUE_DECIMAL) {
        input.convert = RS_CONVERT_DECIMAL;
        input.type.kind = type->precision <= 18 ? RS_NUM_INT64 : RS_NUM_INT128;
        input.type.scale = type->scale;
        input.plain = input.type.kind == RS_NUM_INT64 ? RS_VALUE_DECIMAL : NEVER_PLAIN;
    } else {
        input.convert = RS_CONVERT_DOUBLE;
        input.type.kind = RS_NUM_DOUBLE;
        input.type.required = false;
    }
    return input;
}

static struct rs_input input_of_formula(const struct rs_formula *formula)
{
    return (struct rs_input){.slot = rs_formula_slot(formula),
                             .formula = formula,
                             .convert = RS_CONVERT_FORMULA,
                             .type = {.kind = rs_formula_narrow(formula) ? RS_NUM_INT64 : RS_NUM_INT128,
                                      .scale = rs_formula_scale(formula),
                                      .required = rs_formula_required(formula)},
                             .plain = NEVER_PLAIN};
}

static bool same_formula(const struct rs_formula *a, const struct rs_formula *b)
{
    return a && b ? strcmp(rs_formula_text(a), rs_formula_text(b)) == 0 : a == b;
}

/* Statistics over one field, or one formula, share its input, and with it the slots in the pane. */
static int add_input(struct rs_inputs *inputs, const struct rs_input *input)
{
    for (size_t i = 0; i < inputs->count; i++) {
        if (inputs->items[i].slot == input->slot && same_formula(inputs->items[i].formula, input->formula)) {
            return (int)i;
        }
    }
    struct rs_input *items = rs_arena_grow(inputs->slots->arena, inputs->items, inputs->count, sizeof *items);
    struct rs_num_type *types =
        rs_arena_grow(inputs->slots->arena, inputs->types, inputs->count, sizeof *types);
    if (!items || !types) {
        return -1;
    }
    inputs->items = items;
    inputs->types = types;
    items[inputs->count] = *input;
    types[inputs->count] = input->type;
    return (int)inputs->count++;
}

static bool field_input(struct rs_config *config, struct rs_inputs *inputs,
                        const struct rs_config_node *where, enum rs_stat_kind kind, const char *path,
                        struct rs_input *out)
{
    int slot = rs_slots_want(inputs->slots, config, where, path);
    if (slot < 0) {
        return false;
    }
    const struct rs_field_type *type = &inputs->slots->types[slot];
    if (kind != RS_STAT_COUNT && rs_field_type_known(type) && !numeric(type)) {
        rs_config_complain(config, where,
                           "%s is %s; statistics are made of int, long, float, double and decimal fields",
                           path, rs_field_type_name(type));
        return false;
    }
    *out = input_of(inputs, slot);
    return true;
}

/* Input number of a statistic's argument, or -1 after a complaint. */
static int want_input(struct rs_config *config, struct rs_inputs *inputs, const struct rs_config_node *where,
                      enum rs_stat_kind kind, struct expression *e, int number)
{
    struct rs_input wanted;
    if (e->fields[number].path[0]) {
        if (!field_input(config, inputs, where, kind, e->fields[number].path, &wanted)) {
            return -1;
        }
    } else {
        e->fields[number].formula =
            rs_formula_load(config, inputs->slots, where, e->fields[number].start, e->fields[number].end);
        if (!e->fields[number].formula) {
            return -1;
        }
        wanted = input_of_formula(e->fields[number].formula);
    }
    int input = add_input(inputs, &wanted);
    if (input < 0) {
        rs_config_complain(config, where, "out of memory");
    }
    return input;
}

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

static const char *unit_for(const struct rs_inputs *inputs, const struct known *known,
                            const struct expression *e)
{
    if (known->kind == RS_STAT_PCT_CHANGE) {
        return "%";
    }
    if (known->kind == RS_STAT_RATE && e->count == 0) {
        return "1/s";
    }
    return known->has_unit && inputs->slots->schema && e->fields[0].path[0]
               ? unit_of(inputs->slots->schema, e->fields[0].path)
               : NULL; /* nobody says what a formula's is */
}

/* ---- one statistic ---- */

static bool usable_name(const char *name)
{
    size_t length = strlen(name);
    return length > 0 && length <= 100 && (isalpha((unsigned char)*name) || *name == '_') &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") == length;
}

static const char *argument_text(const struct expression *e, int number)
{
    return number >= e->count          ? ""
           : e->fields[number].formula ? rs_formula_text(e->fields[number].formula)
                                       : e->fields[number].path;
}

static const char *normalised(struct rs_arena *arena, const struct known *known, const struct expression *e)
{
    struct rs_buf text = {0};
    rs_buf_printf(&text, "%s(%s%s%s)", known->name, argument_text(e, 0), e->count == 2 ? ", " : "",
                  argument_text(e, 1));
    const char *kept = text.failed ? NULL : rs_arena_slice(arena, rs_buf_slice(&text));
    rs_buf_fini(&text);
    return kept;
}

static bool check_fields(struct rs_config *config, const struct rs_config_node *where,
                         const struct known *known, const struct expression *e)
{
    if (e->count >= known->min_fields && e->count <= known->max_fields) {
        return true;
    }
    const char *wanted = known->max_fields == 2   ? "two fields, as in vwap(price, quantity)"
                         : known->min_fields == 0 ? "one field or none"
                                                  : "one field";
    rs_config_complain(config, where, "%s takes %s", known->name, wanted);
    return false;
}

static bool load_stat(struct rs_config *config, struct rs_inputs *inputs, const struct rs_config_node *key,
                      const struct rs_config_node *value, struct rs_stat *out)
{
    struct expression e;
    const char *name = rs_config_text(key);
    const char *text = rs_config_text(value);
    if (!name || !usable_name(name)) {
        rs_config_complain(config, key, "a statistic's name is made of letters, digits, '_', '-' and '.'");
        return false;
    }
    if (!text || !parse_expression(text, &e)) {
        bool cut = text && strchr(text, '(') && !strchr(text, ')');
        rs_config_complain(config, value,
                           "a statistic is written as name(field), as in sum(quantity) or count()%s",
                           cut ? "; between braces one with a comma needs quotes" : "");
        return false;
    }
    const struct known *known = find_known(e.name);
    if (!known) {
        complain_unknown(config, value, e.name);
        return false;
    }
    if (!check_fields(config, value, known, &e)) {
        return false;
    }
    int x = e.count > 0 ? want_input(config, inputs, value, known->kind, &e, 0) : -1;
    int w = e.count > 1 ? want_input(config, inputs, value, known->kind, &e, 1) : -1;
    if ((e.count > 0 && x < 0) || (e.count > 1 && w < 0)) {
        return false;
    }
    out->spec = (struct rs_stat_spec){known->kind, rs_arena_text(inputs->slots->arena, name), x, w};
    out->expression = normalised(inputs->slots->arena, known, &e);
    out->unit = unit_for(inputs, known, &e);
    return out->spec.name && out->expression;
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
    return right;
}
