#include "transform/plan/record_ops.h"

#include "base/utf8.h"

static enum rs_reason set_text(struct rs_slice text, struct rs_value *value)
{
    if (!text.data) {
        value->kind = RS_VALUE_NULL;
        return RS_REASON_NONE;
    }
    value->kind = RS_VALUE_BYTES;
    value->s = text;
    return rs_utf8_valid(text.data, text.size) ? RS_REASON_NONE : RS_REASON_UTF8;
}

static enum rs_reason set_header(const struct rs_record *record, const char *name, struct rs_value *value)
{
    struct rs_slice text = {0};
    if (record->header && !record->header(record, name, &text)) {
        return RS_REASON_HEADERS;
    }
    return set_text(text, value);
}

static void set_number(int64_t number, struct rs_value *value)
{
    value->kind = RS_VALUE_INT;
    value->i = number;
}

static void set_time(int64_t us, struct rs_value *value)
{
    value->kind = us == RS_TIME_NONE ? RS_VALUE_NULL : RS_VALUE_TIME;
    value->nanos = 0;
    value->i = us;
}

static enum rs_reason set(const struct rs_record_op *op, const struct rs_record_place *place,
                          const struct rs_record *record, struct rs_value *value)
{
    value->wide = false;
    switch (op->field) {
    case RS_RECORD_TOPIC: return set_text(rs_slice_text(place->topic), value);
    case RS_RECORD_PARTITION: set_number(place->partition, value); break;
    case RS_RECORD_OFFSET: set_number(record->offset, value); break;
    case RS_RECORD_TIMESTAMP: set_time(record->timestamp_us, value); break;
    case RS_RECORD_KEY: return set_text(record->key, value);
    case RS_RECORD_HEADER: return set_header(record, op->header, value);
    }
    return RS_REASON_NONE;
}

enum rs_reason rs_record_run(const struct rs_record_op *ops, size_t count,
                             const struct rs_record_place *place, const struct rs_record *record,
                             struct rs_value *values, int *slot)
{
    for (size_t i = 0; i < count; i++) {
        enum rs_reason reason = set(&ops[i], place, record, &values[ops[i].slot]);
        if (reason != RS_REASON_NONE) {
            *slot = ops[i].slot;
            return reason;
        }
    }
    return RS_REASON_NONE;
}
