/* What is said of a rejected record beyond its reason: rule, field, byte, schema. It is walked through once more
 * for that, or judged again where the reason leaves several fields, which costs about as much as the first time and
 * is paid by rejected records alone: judge.c keeps of a record what good ones need. */
#include <math.h>

#include "transform/partition/internal.h"

static bool by_rule(enum rs_reason reason, int rule)
{
    return rule >= 0 && (reason == RS_REASON_RULE || reason == RS_REASON_NOT_FINITE);
}

const char *rs_letter_text(const struct rs_partition *p, enum rs_reason reason, int rule)
{
    return by_rule(reason, rule) ? rs_rules_text(&p->plan->rules, rule) : rs_reason_text(reason);
}

/* ---- which field ---- */

/* The first of those that are taken for decimals whose number has too many digits. */
static int decimal_slot(const struct rs_plan *plan, const struct rs_value *values)
{
    int64_t scaled = 0;
    for (size_t i = 0; i < plan->scaled_count; i++) {
        const struct rs_value *value = &values[plan->scaled[i]];
        if (value->kind == RS_VALUE_DOUBLE && isfinite(value->d) &&
            !rs_double_to_scale(value->d, plan->scales[plan->scaled[i]], &scaled)) {
            return plan->scaled[i];
        }
    }
    for (size_t i = 0; i < plan->inputs.count; i++) {
        const struct rs_input *input = rs_inputs_open(&plan->inputs, i, values);
        if (!input) {
            continue;
        }
        const struct rs_value *value = &values[input->slot];
        if (input->convert == RS_CONVERT_DECIMAL && input->type.kind != RS_NUM_INT128 &&
            value->kind == RS_VALUE_DECIMAL && value->wide && (int64_t)value->w != value->w) {
            return input->slot;
        }
    }
    return -1;
}

/* The first field of the formula whose result is too large. */
static int computed_slot(const struct rs_plan *plan, const struct rs_value *values)
{
    rs_i128 ignored;
    for (size_t i = 0; i < plan->inputs.count; i++) {
        const struct rs_input *input = rs_inputs_open(&plan->inputs, i, values);
        const struct rs_formula *formula = input ? input->formula : NULL;
        if (formula && rs_formula_eval(formula, values, &ignored) == RS_FORMULA_TOO_LARGE) {
            return rs_formula_slot(formula);
        }
    }
    return -1;
}

static bool infinite(const struct rs_value *value)
{
    return value->kind == RS_VALUE_DOUBLE && !isfinite(value->d);
}

/* Where no rule forbids it, it is a part of a group's key or the id. */
static int not_finite_slot(const struct rs_plan *plan, const struct rs_value *values)
{
    for (uint32_t i = 0; i < plan->key_count; i++) {
        for (size_t k = 0; k < plan->keys[i]->count; k++) {
            if (infinite(&values[plan->keys[i]->parts[k].slot])) {
                return plan->keys[i]->parts[k].slot;
            }
        }
    }
    for (uint32_t i = 0; i < plan->id_count; i++) {
        if (infinite(&values[plan->id_slots[i]])) {
            return plan->id_slots[i];
        }
    }
    return -1;
}

/* Of a message that decodes; -1: of no field in particular. */
static int field_slot(const struct rs_plan *plan, const struct rs_value *values, enum rs_reason reason,
                      int rule)
{
    if (by_rule(reason, rule)) {
        return rs_rules_slot(&plan->rules, rule);
    }
    switch (reason) {
    case RS_REASON_FIELD_NULL:
        return values[plan->time_slot].kind == RS_VALUE_NULL ? plan->time_slot : plan->version_slot;
    case RS_REASON_TIME:
    case RS_REASON_PERIOD:
    case RS_REASON_FUTURE:
    case RS_REASON_PAST:
    case RS_REASON_LATE: return plan->time_slot;
    case RS_REASON_DECIMAL: return decimal_slot(plan, values);
    case RS_REASON_COMPUTED: return computed_slot(plan, values);
    case RS_REASON_NOT_FINITE: return not_finite_slot(plan, values);
    default: return -1;
    }
}

/* ---- where ---- */

/* Room for what the letter borrows. */
struct where {
    struct rs_place place;
    char schema[RS_DECODER_SCHEMA_MAX];
};

static enum rs_reason decode_again(struct rs_partition *p, struct rs_slice message, size_t *at)
{
    return p->learns ? rs_decoder_run_learning(p->plan->decoder, &p->learned, message, p->batch.values, at)
                     : rs_decoder_run(p->plan->decoder, message, p->batch.text, p->batch.values, at);
}

/* What is refused before any field is one, for `again` at byte `at`. Looking into it goes by its writer's schema: it
 * may find another fault, or none, where the stream's own refused the value. A registry that said "unknown" may have
 * to be asked again by now. */
static void place_undecodable(struct rs_partition *p, struct rs_dead_letter *letter, enum rs_reason again,
                              size_t at, struct where *where)
{
    enum rs_reason seen = rs_decoder_place(p->plan->decoder, &p->learned, letter->record->value,
                                           p->batch.text, p->batch.values, &where->place);
    letter->field = seen == again && where->place.path[0] ? where->place.path : NULL;
    letter->byte = (int64_t)(seen == again ? where->place.at : at);
}

/* Reasons that nothing but the decoding of a message can give. */
static bool by_decoding(enum rs_reason reason)
{
    switch (reason) {
    case RS_REASON_TRUNCATED:
    case RS_REASON_TRAILING:
    case RS_REASON_VARINT:
    case RS_REASON_BOOLEAN:
    case RS_REASON_ENUM_INDEX:
    case RS_REASON_UNION_INDEX:
    case RS_REASON_UTF8:
    case RS_REASON_LENGTH:
    case RS_REASON_BLOCK:
    case RS_REASON_ITEMS:
    case RS_REASON_DEPTH:
    case RS_REASON_UUID: return true;
    default: return false;
    }
}

/* What the reason itself says is not judged again: one walk over the message instead of two. JSON messages have more
 * reasons than bytes have; what a rule refuses is none of them. */
static bool find_fault(struct rs_partition *p, struct rs_dead_letter *letter, int rule, struct where *where)
{
    const struct rs_decoder *decoder = p->plan->decoder;
    struct rs_slice message = letter->record->value;
    bool json = p->plan->stream->format == RS_FORMAT_JSON;
    bool telling = json ? !by_rule(letter->reason, rule) : by_decoding(letter->reason);
    if (!telling || rs_decoder_place(decoder, &p->learned, message, p->batch.text, p->batch.values,
                                     &where->place) != letter->reason) {
        return false;
    }
    letter->field = where->place.path[0] ? where->place.path : NULL;
    letter->byte = (int64_t)where->place.at;
    return true;
}

static bool find_at_once(struct rs_partition *p, struct rs_dead_letter *letter, int rule, struct where *where)
{
    size_t at = 0;
    if (find_fault(p, letter, rule, where)) {
        return true;
    }
    /* A schema of the registry's is not at hand here, so that what is at hand might read other fields. */
    if (p->learns || !by_rule(letter->reason, rule)) {
        return false;
    }
    const char *field = p->plan->slots.paths[rs_rules_slot(&p->plan->rules, rule)];
    bool found = rs_decoder_find_value(p->plan->decoder, &p->learned, letter->record->value, field, &at);
    if (!found && p->plan->stream->format != RS_FORMAT_JSON) { /* of JSON no byte is known */
        return false;
    }
    letter->field = field;
    letter->byte = found ? (int64_t)at : letter->byte;
    return true;
}

/* The batch has been judged, and its room for values is free. */
static void find_place(struct rs_partition *p, struct rs_dead_letter *letter, int rule, struct where *where)
{
    const struct rs_plan *plan = p->plan;
    struct rs_slice message = letter->record->value;
    size_t at = 0;
    enum rs_reason again = decode_again(p, message, &at);
    if (again != RS_REASON_NONE) {
        place_undecodable(p, letter, again, at, where);
        return;
    }
    int slot = -1;
    if (rs_batch_take_record(p, letter->record, &slot) == RS_REASON_NONE) {
        if (letter->reason != RS_REASON_DECIMAL) { /* that is about what could not be scaled */
            rs_batch_see_again(p, letter->reason, rule);
        }
        slot = field_slot(plan, p->batch.values, letter->reason, rule);
    }
    if (slot >= 0) {
        letter->field = plan->slots.paths[slot];
        bool found = plan->slots.decoded[slot] &&
                     rs_decoder_find_value(plan->decoder, &p->learned, message, letter->field, &at);
        letter->byte = found ? (int64_t)at : letter->byte;
    }
}

bool rs_letter_put(struct rs_partition *p, const struct rs_dead_letter_sink *letters,
                   const struct rs_record *record, enum rs_reason reason, int rule)
{
    struct where where;
    if (!letters || !p->plan->stream->dead_letters) {
        return true;
    }
    struct rs_dead_letter letter = {
        .stream = p->input->index,
        .partition = p->partition,
        .record = record,
        .reason = reason,
        .text = rs_letter_text(p, reason, rule),
        .rule = by_rule(reason, rule) ? rs_rules_name(&p->plan->rules, rule) : NULL,
        .rule_reason = by_rule(reason, rule) ? rs_rules_own_reason(&p->plan->rules, rule) : NULL,
        .byte = -1,
    };
    bool readable = rs_batch_take_header(p, record);
    if (record->value.data && readable) {
        rs_decoder_schema_text(p->plan->decoder, &p->learned, record->value, reason, where.schema);
        letter.schema = where.schema;
    }
    bool looked_into = record->value.data && readable && reason != RS_REASON_TOO_LARGE;
    if (looked_into && !find_at_once(p, &letter, rule, &where)) {
        find_place(p, &letter, rule, &where);
    }
    return letters->ops->put(letters->self, &letter);
}
