#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/time/text.h"
#include "base/utf8.h"
#include "transform/group/upsert.h"
#include "transform/partition/internal.h"
#include "transform/plan/identity.h"

_Static_assert(RS_GROUP_KEY_MAX == 1024, "the text of RS_REASON_KEY_TOO_LONG and the README say so");

/* ---- memory ---- */

int rs_batch_init(struct rs_batch *batch, const struct rs_plan *plan, struct rs_error *error)
{
    size_t keys = (size_t)RS_RECORD_BATCH_MAX * plan->key_count;
    batch->values = calloc(plan->slots.count + 1, sizeof *batch->values);
    batch->spans = calloc(plan->slots.session_count + 1, sizeof *batch->spans);
    batch->inputs = calloc(RS_RECORD_BATCH_MAX * plan->inputs.count + 1, sizeof *batch->inputs);
    batch->keys = calloc(keys + 1, sizeof *batch->keys);
    batch->flags = calloc((size_t)RS_RECORD_BATCH_MAX * plan->aggregate_count + 1, 1);
    batch->key_bytes = malloc(keys * RS_GROUP_KEY_MAX + 1);
    batch->text = malloc(plan->stream->format == RS_FORMAT_JSON ? (size_t)plan->stream->max_record_bytes : 1);
    if (!batch->text || !batch->values || !batch->spans || !batch->inputs || !batch->keys || !batch->flags ||
        !batch->key_bytes) {
        rs_batch_fini(batch);
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    return 0;
}

void rs_batch_fini(struct rs_batch *batch)
{
    free(batch->values);
    free(batch->spans);
    free(batch->inputs);
    free(batch->keys);
    free(batch->flags);
    free(batch->key_bytes);
    free(batch->text);
    memset(batch, 0, sizeof *batch);
}

/* ---- numbers ---- */

/* A double with a declared scale is that decimal from here on, whatever looks at it: rules, where, ids, keys,
 * statistics. What is not finite stays a double. */
static bool scale_values(const struct rs_plan *plan, struct rs_value *values)
{
    for (size_t i = 0; i < plan->scaled_count; i++) {
        struct rs_value *value = &values[plan->scaled[i]];
        int64_t scaled;
        if (value->kind != RS_VALUE_DOUBLE || !isfinite(value->d)) {
            continue;
        }
        if (!rs_double_to_scale(value->d, plan->scales[plan->scaled[i]], &scaled)) {
            return false;
        }
        *value = (struct rs_value){.kind = RS_VALUE_DECIMAL, .i = scaled};
    }
    return true;
}

/* Whether it is in session is asked once a stretch of time: events of one follow each other. */
static __attribute__((noinline)) void see_sessions(const struct rs_slots *slots,
                                                   struct rs_session_span *spans, int64_t time_us,
                                                   struct rs_value *values)
{
    for (size_t i = 0; i < slots->session_count; i++) {
        struct rs_session_span *span = &spans[i];
        if (time_us < span->from_us || time_us >= span->until_us) {
            *span = rs_sessions_span_at(slots->session[i].sessions, time_us);
        }
        values[slots->session[i].slot] = (struct rs_value){.kind = RS_VALUE_BOOLEAN, .i = span->open};
    }
}

void rs_batch_see_again(struct rs_partition *p, enum rs_reason reason, int rule)
{
    const struct rs_plan *plan = p->plan;
    struct rs_value *values = p->batch.values;
    uint64_t ignored;
    int64_t time_us;
    uint16_t nanos;
    if (plan->slots.session_count > 0 && values[plan->time_slot].kind != RS_VALUE_NULL &&
        rs_event_time(plan->time_form, &values[plan->time_slot], &time_us, &nanos)) {
        see_sessions(&plan->slots, p->batch.spans, time_us, values);
    }
    (void)scale_values(plan, values);
    switch (reason) {
    case RS_REASON_NOT_FINITE:
    case RS_REASON_COMPUTED:
    case RS_REASON_LATE:
    case RS_REASON_GROUP_LIMIT:
        if (rule < 0) {
            (void)rs_rules_check(&plan->rules, values, &ignored);
        }
        break;
    default: break;
    }
}

static bool convert_decimal(const struct rs_input *input, const struct rs_value *value, struct rs_num *out)
{
    rs_i128 w = value->wide ? value->w : value->i;
    if (input->type.kind == RS_NUM_INT128) {
        out->w = w;
        return true;
    }
    out->i = (int64_t)w;
    return out->i == w;
}

static enum rs_reason compute(const struct rs_input *input, const struct rs_value *values, struct rs_num *out)
{
    rs_i128 number = 0;
    enum rs_formula_result result = rs_formula_eval(input->formula, values, &number);
    if (result == RS_FORMULA_TOO_LARGE) {
        return RS_REASON_COMPUTED;
    }
    out->present = result == RS_FORMULA_NUMBER;
    if (!out->present) {
        out->d = result == RS_FORMULA_NOT_FINITE ? (double)NAN : 0;
    } else if (input->type.kind == RS_NUM_INT128) {
        out->w = number;
    } else {
        out->i = (int64_t)number;
    }
    return RS_REASON_NONE;
}

/* Kept out of the way of those that need none. */
static __attribute__((noinline)) int64_t time_us(const struct rs_input *input, const struct rs_value *value)
{
    int64_t us = 0;
    uint16_t nanos = 0;
    (void)rs_event_time(input->time_form, value, &us, &nanos);
    return us;
}

/* Of a field alone. A double with a scale that is not finite is absent like a null, but it is counted
 * (count_not_finite): NaN keeps the two apart. */
static inline __attribute__((always_inline)) enum rs_reason
convert_field(const struct rs_input *input, const struct rs_value *value, struct rs_num *out)
{
    out->present = value->kind != RS_VALUE_NULL;
    if (!out->present) {
        out->d = 0;
        return RS_REASON_NONE;
    }
    switch (input->convert) {
    case RS_CONVERT_DECIMAL: return convert_decimal(input, value, out) ? RS_REASON_NONE : RS_REASON_DECIMAL;
    case RS_CONVERT_DOUBLE: out->d = value->d; break;
    case RS_CONVERT_SCALED:
        if (value->kind == RS_VALUE_DOUBLE) { /* not finite: scale_values */
            out->present = false;
            out->d = (double)NAN;
            break;
        }
        out->i = value->i;
        break;
    case RS_CONVERT_INT: out->i = value->i; break;
    case RS_CONVERT_PRESENCE: out->i = 0; break;
    case RS_CONVERT_TIME: out->i = time_us(input, value); break;
    case RS_CONVERT_IDENTITY: out->w = rs_value_identity(input->schema, value); break;
    case RS_CONVERT_FORMULA:
    case RS_CONVERT_GATE:
    case RS_CONVERT_GATED: break;
    }
    return RS_REASON_NONE;
}

/* What a gate holds back is not looked at either: it is no reason to reject an event. Not inline, so that all
 * other inputs are converted as if there were no gates. */
static __attribute__((noinline)) enum rs_reason pass_gate(const struct rs_input *input,
                                                          const struct rs_value *values, struct rs_num *out)
{
    bool gate = input->convert == RS_CONVERT_GATE;
    bool open =
        gate ? rs_condition_eval(input->condition, values) == RS_TRUE : out[-(ptrdiff_t)input->back].present;
    if (open && !gate) {
        return input->formula ? compute(input->inner, values, out)
                              : convert_field(input->inner, &values[input->slot], out);
    }
    out->present = open;
    out->i = open; /* as a double 0 where it is absent */
    return RS_REASON_NONE;
}

static enum rs_reason convert(const struct rs_input *input, const struct rs_value *values, struct rs_num *out)
{
    switch (input->convert) {
    case RS_CONVERT_FORMULA: return compute(input, values, out);
    case RS_CONVERT_GATE:
    case RS_CONVERT_GATED: return pass_gate(input, values, out);
    default: return convert_field(input, &values[input->slot], out);
    }
}

static enum rs_reason convert_inputs(const struct rs_plan *plan, const struct rs_value *values,
                                     struct rs_num *out, bool *not_finite)
{
    const struct rs_input *input = plan->inputs.items;
    *not_finite = false;
    for (size_t left = plan->inputs.count; left > 0; left--, input++, out++) {
        const struct rs_value *value = &values[input->slot];
        if (value->kind == input->plain && !value->wide) {
            out->present = true;
            out->i = value->i;
            continue;
        }
        enum rs_reason reason = convert(input, values, out);
        if (reason != RS_REASON_NONE) {
            return reason;
        }
        *not_finite |= !out->present && isnan(out->d);
    }
    return RS_REASON_NONE;
}

/* ---- one record ---- */

static enum rs_reason decode(struct rs_partition *p, const struct rs_record *record)
{
    const struct rs_plan *plan = p->plan;
    const struct rs_stream *stream = plan->stream;
    if (record->value.size > (uint64_t)stream->max_record_bytes) {
        return RS_REASON_TOO_LARGE;
    }
    if (!p->learns) {
        return rs_decoder_run(plan->decoder, record->value, p->batch.text, p->batch.values, NULL);
    }
    return rs_batch_take_header(p, record)
               ? rs_decoder_run_learning(plan->decoder, &p->learned, record->value, p->batch.values, NULL)
               : RS_REASON_HEADERS;
}

enum rs_reason rs_batch_take_record(const struct rs_partition *p, const struct rs_record *record, int *slot)
{
    const struct rs_slots *slots = &p->plan->slots;
    const struct rs_record_place place = {.topic = rs_partition_topic(p), .partition = p->partition};
    return rs_record_run(slots->record, slots->record_count, &place, record, p->batch.values, slot);
}

/* A part of a microsecond counts as a whole one against max_future, so that "at most" means just that; against
 * max_past it need not be looked at, since it only brings the event nearer.
 * Periods of upsert streams name what an event is about, often the day that is not over: the future is no
 * fault there. */
static enum rs_reason judge_time(const struct rs_plan *plan, const struct rs_value *values,
                                 const struct rs_record *record, struct rs_judged *j)
{
    const struct rs_value *time = &values[plan->time_slot];
    if (time->kind == RS_VALUE_NULL ||
        (plan->version_slot >= 0 && values[plan->version_slot].kind == RS_VALUE_NULL)) {
        return RS_REASON_FIELD_NULL;
    }
    if (!rs_event_time(plan->time_form, time, &j->time_us, &j->nanos)) {
        return RS_REASON_TIME;
    }
    if (plan->version_slot >= 0 && j->nanos) {
        return RS_REASON_PERIOD;
    }
    int64_t ahead_us = plan->stream->max_future_us;
    if (plan->version_slot < 0 && record->timestamp_us != RS_TIME_NONE && ahead_us != INT64_MAX &&
        j->time_us - ahead_us + (j->nanos != 0) > record->timestamp_us) {
        return RS_REASON_FUTURE;
    }
    if (plan->stream->max_past_us != INT64_MAX && record->timestamp_us != RS_TIME_NONE &&
        j->time_us + plan->stream->max_past_us < record->timestamp_us) {
        return RS_REASON_PAST;
    }
    j->version = plan->version_slot >= 0 ? values[plan->version_slot].i : 0;
    return RS_REASON_NONE;
}

/* A formula is null where any of its fields is. */
static bool is_null(const struct rs_input *input, const struct rs_value *values)
{
    rs_i128 ignored;
    return input->formula ? rs_formula_eval(input->formula, values, &ignored) == RS_FORMULA_NULL
                          : values[input->slot].kind == RS_VALUE_NULL;
}

static bool withdrawn(const struct rs_plan *plan, const struct rs_aggregate *a, const struct rs_value *values)
{
    if (plan->value_slot >= 0) {
        return values[plan->value_slot].kind == RS_VALUE_NULL;
    }
    bool fields = false; /* a gate alone, or the time, says nothing of what was withdrawn */
    for (uint32_t i = 0; i < a->input_count; i++) {
        const struct rs_input *input = &plan->inputs.items[a->inputs[i]];
        if (input->convert == RS_CONVERT_GATE || input->event_time) {
            continue;
        }
        if (!is_null(input, values)) {
            return false;
        }
        fields = true;
    }
    return fields;
}

/* Which aggregates take the event; which distinct keys that needs. */
static uint64_t judge_where(struct rs_partition *p, uint32_t i, struct rs_judged *j)
{
    const struct rs_plan *plan = p->plan;
    uint64_t passes = plan->taking;
    uint64_t keys = plan->taking_keys;
    for (uint64_t left = plan->asked; left; left &= left - 1) {
        uint32_t k = (uint32_t)__builtin_ctzll(left);
        const struct rs_aggregate *a = plan->aggregates[k];
        bool holds = !a->where || rs_condition_eval(a->where, p->batch.values) == RS_TRUE;
        if (a->upsert) {
            unsigned flags = holds ? 0u : (unsigned)RS_REGISTER_FILTERED;
            flags |= withdrawn(plan, a, p->batch.values) ? (unsigned)RS_REGISTER_WITHDRAWN : 0u;
            p->batch.flags[i * plan->aggregate_count + k] = (uint8_t)flags;
            holds |= !a->where_by_only;
        }
        if (holds) {
            passes |= UINT64_C(1) << k;
            keys |= UINT64_C(1) << a->key;
        }
    }
    j->passes = passes;
    return keys;
}

/* Only the keys that an aggregate which takes the event groups by: a key that is too long for an aggregate
 * whose `where` is not passed rejects nothing. There is room: RS_GROUP_KEY_MAX for each key of each
 * record. */
static enum rs_reason build_keys(struct rs_partition *p, uint32_t i, uint64_t wanted)
{
    struct rs_batch *b = &p->batch;
    struct rs_event_key *keys = &b->keys[(size_t)i * p->plan->key_count];
    for (; wanted; wanted &= wanted - 1) {
        uint32_t k = (uint32_t)__builtin_ctzll(wanted);
        size_t size = rs_key_build(p->plan->keys[k], b->values, b->key_bytes + b->key_fill);
        if (size == RS_KEY_TOO_LONG || size == RS_KEY_NOT_FINITE) {
            return size == RS_KEY_TOO_LONG ? RS_REASON_KEY_TOO_LONG : RS_REASON_NOT_FINITE;
        }
        struct rs_slice bytes = rs_slice_of(b->key_bytes + b->key_fill, size);
        keys[k] = (struct rs_event_key){b->key_fill, (uint32_t)size, rs_key_hash(bytes)};
        b->key_fill += (uint32_t)size;
    }
    return RS_REASON_NONE;
}

/* Decimals are hashed in one width: the same number is the same id, however many bytes it came in. */
static struct rs_dedup_id hash_part(const struct rs_value *part)
{
    if (part->kind == RS_VALUE_BYTES) {
        return rs_dedup_hash(part->s);
    }
    if (part->kind == RS_VALUE_DECIMAL) {
        rs_i128 w = part->wide ? part->w : part->i;
        return rs_dedup_hash(rs_slice_of(&w, sizeof w));
    }
    return rs_dedup_hash(rs_slice_of(&part->i, sizeof part->i));
}

/* The id of several fields is the hash of theirs, which have one size: no two lists of fields run together into
 * the same bytes. Where a part is null there is no id. */
static __attribute__((noinline)) enum rs_reason
judge_parts(const struct rs_plan *plan, const struct rs_value *values, struct rs_judged *j)
{
    struct rs_dedup_id parts[RS_STREAM_ID_MAX];
    j->has_id = true;
    for (uint32_t i = 0; i < plan->id_count; i++) {
        const struct rs_value *part = &values[plan->id_slots[i]];
        if (part->kind == RS_VALUE_DOUBLE) { /* scale_values: not finite */
            return RS_REASON_NOT_FINITE;
        }
        if (part->kind == RS_VALUE_NULL) {
            j->has_id = false;
        } else {
            parts[i] = hash_part(part);
        }
    }
    if (j->has_id) {
        j->id = rs_dedup_hash(rs_slice_of(parts, plan->id_count * sizeof *parts));
    }
    return RS_REASON_NONE;
}

static enum rs_reason judge_id(const struct rs_plan *plan, const struct rs_value *values, struct rs_judged *j)
{
    if (plan->id_count > 1) {
        return judge_parts(plan, values, j);
    }
    const struct rs_value *id = plan->id_count > 0 ? &values[plan->id_slots[0]] : NULL;
    j->has_id = id && id->kind != RS_VALUE_NULL;
    if (!j->has_id) {
        return RS_REASON_NONE;
    }
    if (id->kind == RS_VALUE_DOUBLE) { /* scale_values: not finite */
        return RS_REASON_NOT_FINITE;
    }
    j->id = hash_part(id);
    return RS_REASON_NONE;
}

/* The first fault names the reason. Values are scaled before the rules look at them, since a rule judges
 * the decimal. */
static enum rs_reason judge_values(struct rs_partition *p, uint32_t i, const struct rs_record *record,
                                   struct rs_judged *j)
{
    const struct rs_plan *plan = p->plan;
    enum rs_reason reason = judge_time(plan, p->batch.values, record, j);
    if (reason != RS_REASON_NONE) {
        return reason;
    }
    if (__builtin_expect(plan->slots.session_count > 0, 0)) {
        see_sessions(&plan->slots, p->batch.spans, j->time_us, p->batch.values);
    }
    if (!scale_values(plan, p->batch.values)) {
        return RS_REASON_DECIMAL;
    }
    if (plan->rules.count > 0) {
        j->rule = rs_rules_check(&plan->rules, p->batch.values, &j->noted);
        if (j->rule >= 0) {
            return rs_rules_reason(&plan->rules, j->rule);
        }
    }
    reason = convert_inputs(plan, p->batch.values, p->batch.inputs + (size_t)i * plan->inputs.count,
                            &j->not_finite);
    if (reason != RS_REASON_NONE) {
        return reason;
    }
    reason = build_keys(p, i, judge_where(p, i, j));
    return reason != RS_REASON_NONE ? reason : judge_id(plan, p->batch.values, j);
}

/* The key of the group is that of the record: all aggregates have it (check_key_fields). */
static __attribute__((noinline, cold)) enum rs_reason
judge_tombstone(struct rs_partition *p, uint32_t i, const struct rs_record *record, struct rs_judged *j)
{
    struct rs_batch *b = &p->batch;
    if (!p->plan->stream->tombstones || p->plan->key_count == 0 || !record->key.data ||
        !rs_utf8_valid(record->key.data, record->key.size)) {
        return RS_REASON_TOMBSTONE;
    }
    size_t size =
        rs_key_parse_record(p->plan->keys[0], record->key, &p->key_text, b->key_bytes + b->key_fill);
    if (size == RS_KEY_TOO_LONG) {
        return RS_REASON_TOMBSTONE;
    }
    struct rs_slice bytes = rs_slice_of(b->key_bytes + b->key_fill, size);
    b->keys[(size_t)i * p->plan->key_count] =
        (struct rs_event_key){b->key_fill, (uint32_t)size, rs_key_hash(bytes)};
    b->key_fill += (uint32_t)size;
    j->passes = 0;
    j->has_id = false;
    j->tombstone = true;
    return RS_REASON_NONE;
}

void rs_batch_judge(struct rs_partition *p, uint32_t i, const struct rs_record *record)
{
    struct rs_judged *j = &p->batch.judged[i];
    j->rule = -1;
    j->noted = 0;
    j->tombstone = false;
    if (__builtin_expect(!record->value.data, 0)) {
        j->reason = judge_tombstone(p, i, record, j);
        return;
    }
    j->reason = decode(p, record);
    if (__builtin_expect(p->plan->slots.record_count > 0, 0) && j->reason == RS_REASON_NONE) {
        int slot = -1;
        j->reason = rs_batch_take_record(p, record, &slot);
    }
    if (j->reason == RS_REASON_NONE) {
        j->reason = judge_values(p, i, record, j);
    }
}
