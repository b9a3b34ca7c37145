#include "transform/plan/inputs.h"

#include <string.h>

#include "transform/plan/condition.h"

static bool numeric(const struct rs_field_type *type)
{
    if (type->kind == RS_VALUE_INT) {
        return type->schema->kind != RS_AVRO_ENUM && type->schema->logical == RS_LOGICAL_NONE;
    }
    return type->kind == RS_VALUE_DECIMAL || type->kind == RS_VALUE_DOUBLE;
}

/* Doubles are not `required` even where they are always
 * there, since NaN and infinities are passed by. */
static struct rs_input input_of(const struct rs_inputs *inputs, int slot, enum rs_wanted wanted)
{
    const struct rs_field_type *type = &inputs->slots->types[slot];
    struct rs_input input = {.slot = slot,
                             .convert = RS_CONVERT_PRESENCE,
                             .type = {.kind = RS_NUM_INT64},
                             .plain = RS_INPUT_NEVER_PLAIN};
    input.schema = type->schema;
    input.type.required = !type->nullable;
    if (!numeric(type)) {
        if (wanted == RS_WANT_IDENTITY) {
            input.convert = RS_CONVERT_IDENTITY;
            input.type.kind = RS_NUM_INT128;
        }
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
        input.plain = input.type.kind == RS_NUM_INT64 ? RS_VALUE_DECIMAL : RS_INPUT_NEVER_PLAIN;
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
                             .plain = RS_INPUT_NEVER_PLAIN};
}

static bool same_formula(const struct rs_formula *a, const struct rs_formula *b)
{
    return a && b ? strcmp(rs_formula_text(a), rs_formula_text(b)) == 0 : a == b;
}

/* ---- the list ---- */

int rs_inputs_add(struct rs_config *config, struct rs_inputs *inputs, const struct rs_config_node *where,
                  const struct rs_input *input)
{
    if (inputs->count == RS_INPUTS_MAX) {
        rs_config_complain(
            config, where,
            "the statistics of one stream are made of more than %d fields, formulas and conditions",
            RS_INPUTS_MAX);
        return -1;
    }
    struct rs_input *items = rs_arena_grow(inputs->slots->arena, inputs->items, inputs->count, sizeof *items);
    struct rs_num_type *types =
        rs_arena_grow(inputs->slots->arena, inputs->types, inputs->count, sizeof *types);
    if (!items || !types) {
        rs_config_complain(config, where, "out of memory");
        return -1;
    }
    inputs->items = items;
    inputs->types = types;
    items[inputs->count] = *input;
    types[inputs->count] = input->type;
    return (int)inputs->count++;
}

static const struct rs_condition *gate_of(const struct rs_inputs *inputs)
{
    return inputs->gate < 0 ? NULL : inputs->items[inputs->gate].condition;
}

/* The same input where a gate lets it pass: it may be missing then, and no value is it as it stands. */
static bool put_behind_gate(struct rs_inputs *inputs, struct rs_input *input)
{
    struct rs_input *inner = rs_arena_alloc(inputs->slots->arena, sizeof *inner);
    if (!inner) {
        return false;
    }
    const struct rs_input *gate = &inputs->items[inputs->gate];
    *inner = *input;
    input->convert = RS_CONVERT_GATED;
    input->type.required = false;
    input->plain = RS_INPUT_NEVER_PLAIN;
    input->inner = inner;
    input->condition = gate->condition;
    input->where = gate->where;
    input->back = (uint32_t)(inputs->count - (size_t)inputs->gate);
    return true;
}

static enum rs_convert conversion(const struct rs_input *input)
{
    return input->convert == RS_CONVERT_GATED ? input->inner->convert : input->convert;
}

/* Statistics over one field, or one formula, share its input, and with it the slots in the pane. */
static int add(struct rs_config *config, struct rs_inputs *inputs, const struct rs_config_node *where,
               struct rs_input *input)
{
    for (size_t i = 0; i < inputs->count; i++) {
        const struct rs_input *known = &inputs->items[i];
        if (conversion(known) == input->convert && known->slot == input->slot &&
            known->event_time == input->event_time && same_formula(known->formula, input->formula) &&
            known->condition == gate_of(inputs)) {
            return (int)i;
        }
    }
    if (inputs->gate >= 0 && !put_behind_gate(inputs, input)) {
        rs_config_complain(config, where, "out of memory");
        return -1;
    }
    return rs_inputs_add(config, inputs, where, input);
}

const struct rs_input *rs_inputs_open(const struct rs_inputs *inputs, size_t number,
                                      const struct rs_value *values)
{
    const struct rs_input *input = &inputs->items[number];
    switch (input->convert) {
    case RS_CONVERT_GATE: return NULL;
    case RS_CONVERT_GATED:
        return rs_condition_eval(input->condition, values) == RS_TRUE ? input->inner : NULL;
    default: return input;
    }
}

static const char event_time[] = "$event_time";

/* Microseconds at a scale of 6 are seconds. */
static struct rs_input input_of_time(int slot, enum rs_time_form form, bool required)
{
    return (struct rs_input){.slot = slot,
                             .convert = RS_CONVERT_TIME,
                             .time_form = form,
                             .type = {.kind = RS_NUM_INT64, .scale = 6, .required = required},
                             .plain = RS_INPUT_NEVER_PLAIN};
}

/* An event without a time is rejected, whatever the schema says of the field. */
static bool event_time_input(struct rs_config *config, const struct rs_inputs *inputs,
                             const struct rs_config_node *where, enum rs_wanted wanted, struct rs_input *out)
{
    if (wanted != RS_WANT_TIME) {
        rs_config_complain(
            config, where,
            "%s is an input of covariance, covariance_pop, correlation, slope, intercept and r2 "
            "alone, as in slope(price, %s)",
            event_time, event_time);
        return false;
    }
    *out = input_of_time(inputs->time_slot, inputs->time_form, true);
    out->event_time = true;
    return true;
}

static bool field_input(struct rs_config *config, struct rs_inputs *inputs,
                        const struct rs_config_node *where, enum rs_wanted wanted, const char *path,
                        struct rs_input *out)
{
    if (strcmp(path, event_time) == 0) {
        return event_time_input(config, inputs, where, wanted, out);
    }
    int slot = rs_slots_want(inputs->slots, config, where, path);
    if (slot < 0) {
        return false;
    }
    const struct rs_field_type *type = &inputs->slots->types[slot];
    if (wanted == RS_WANT_TIME && type->kind == RS_VALUE_TIME) {
        *out = input_of_time(slot, RS_TIME_FORM_STAMP, !type->nullable);
        return true;
    }
    if ((wanted == RS_WANT_NUMBER || wanted == RS_WANT_TIME) && rs_field_type_known(type) && !numeric(type)) {
        rs_config_complain(config, where,
                           "%s is %s; statistics are made of int, long, float, double and decimal fields",
                           path, rs_field_type_name(type));
        return false;
    }
    *out = input_of(inputs, slot, wanted);
    return true;
}

int rs_inputs_want(struct rs_config *config, struct rs_inputs *inputs, const struct rs_config_node *where,
                   enum rs_wanted wanted, const char *path)
{
    struct rs_input input;
    return field_input(config, inputs, where, wanted, path, &input) ? add(config, inputs, where, &input) : -1;
}

int rs_inputs_want_formula(struct rs_config *config, struct rs_inputs *inputs,
                           const struct rs_config_node *where, const char *text, const char *end)
{
    const struct rs_formula *formula = rs_formula_load(config, inputs->slots, where, text, end);
    if (!formula) {
        return -1;
    }
    struct rs_input wanted = input_of_formula(formula);
    return add(config, inputs, where, &wanted);
}
