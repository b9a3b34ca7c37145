#include "transform/plan/inputs.h"

#include <string.h>

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
static int add(struct rs_config *config, struct rs_inputs *inputs, const struct rs_config_node *where,
               const struct rs_input *input)
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
        rs_config_complain(config, where, "out of memory");
        return -1;
    }
    inputs->items = items;
    inputs->types = types;
    items[inputs->count] = *input;
    types[inputs->count] = input->type;
    return (int)inputs->count++;
}

static bool field_input(struct rs_config *config, struct rs_inputs *inputs,
                        const struct rs_config_node *where, bool any_type, const char *path,
                        struct rs_input *out)
{
    int slot = rs_slots_want(inputs->slots, config, where, path);
    if (slot < 0) {
        return false;
    }
    const struct rs_field_type *type = &inputs->slots->types[slot];
    if (!any_type && rs_field_type_known(type) && !numeric(type)) {
        rs_config_complain(config, where,
                           "%s is %s; statistics are made of int, long, float, double and decimal fields",
                           path, rs_field_type_name(type));
        return false;
    }
    *out = input_of(inputs, slot);
    return true;
}

int rs_inputs_want(struct rs_config *config, struct rs_inputs *inputs, const struct rs_config_node *where,
                   bool any_type, const char *path)
{
    struct rs_input wanted;
    return field_input(config, inputs, where, any_type, path, &wanted) ? add(config, inputs, where, &wanted)
                                                                       : -1;
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
