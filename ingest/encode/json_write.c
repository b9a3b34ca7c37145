#include "ingest/encode/json_write.h"

#include <math.h>
#include <string.h>

#include "base/number.h"
#include "base/time/text.h"
#include "base/time/us.h"
#include "base/time/write.h"
#include "schemas/wire.h"

#define DEPTH_MAX     300 /* the decoder has refused what is deeper than 64; this guards the stack */
#define PATH_MAX_SIZE 1024

struct writer {
    const struct rs_json_options *options;
    const uint8_t *p;
    const uint8_t *end;
    struct rs_buf *out;
    struct rs_error *error;
    char path[PATH_MAX_SIZE]; /* of the field at hand */
    size_t path_size;
    unsigned inside; /* arrays and maps around it: no path leads there */
    unsigned depth;
};

static int write_value(struct writer *w, const struct rs_schema *type);

static int damaged(struct writer *w)
{
    (void)rs_fail(w->error, RS_ERECORD, "the event is no valid Avro");
    return RS_ERECORD;
}

static int get(struct writer *w, struct rs_wire_number number, uint64_t *out)
{
    if (!number.p) {
        return damaged(w);
    }
    w->p = number.p;
    *out = number.value;
    return 0;
}

static int get_long(struct writer *w, int64_t *out)
{
    uint64_t raw = 0;
    int rc = get(w, rs_wire_varint(w->p, w->end), &raw);
    *out = rs_wire_zigzag(raw);
    return rc;
}

static int get_fixed(struct writer *w, size_t size, struct rs_slice *out)
{
    if (size > (size_t)(w->end - w->p)) {
        return damaged(w);
    }
    *out = rs_slice_of(w->p, size);
    w->p += size;
    return 0;
}

static int get_bytes(struct writer *w, struct rs_slice *out)
{
    uint64_t size = 0;
    int rc = get(w, rs_wire_length(w->p, w->end), &size);
    return rc == 0 ? get_fixed(w, (size_t)size, out) : rc;
}

static void put_integer(struct writer *w, int64_t value)
{
    char text[RS_NUMBER_TEXT_MAX];
    rs_buf_put(w->out, text, rs_int64_format(value, text));
}

/* ---- times ---- */

/* The form that is declared for the field at hand; NULL: none. */
static const struct rs_time_rule *declared(const struct writer *w)
{
    for (size_t i = 0; i < w->options->time_count && w->inside == 0; i++) {
        const char *path = w->options->times[i].path;
        if (strlen(path) == w->path_size && memcmp(path, w->path, w->path_size) == 0) {
            return &w->options->times[i].rule;
        }
    }
    return NULL;
}

static int put_form(struct writer *w, const struct rs_time_rule *rule, const struct rs_zone *zone,
                    struct rs_exact_time time)
{
    struct rs_buf text = {0};
    int rc = rs_time_rule_write(rule, zone, time, &text, w->error);
    if (rc == 0 && rs_time_rule_counts(rule)) {
        rs_buf_put(w->out, text.data, text.size);
    } else if (rc == 0) {
        rs_buf_json_string(w->out, rs_buf_slice(&text));
    }
    rs_buf_fini(&text);
    return rc == 0 ? 0 : rs_error_prefix(w->error, "%.*s", (int)w->path_size, w->path);
}

static bool stored_time(enum rs_logical logical, int64_t value, struct rs_exact_time *out)
{
    *out = (struct rs_exact_time){.us = value};
    switch (logical) {
    case RS_LOGICAL_TIMESTAMP_MILLIS:
    case RS_LOGICAL_LOCAL_TIMESTAMP_MILLIS: out->us = rs_us_from_millis(value); return true;
    case RS_LOGICAL_TIMESTAMP_MICROS:
    case RS_LOGICAL_LOCAL_TIMESTAMP_MICROS: return true;
    case RS_LOGICAL_TIMESTAMP_NANOS:
    case RS_LOGICAL_LOCAL_TIMESTAMP_NANOS: out->us = rs_us_from_nanos(value, &out->ns); return true;
    default: return false;
    }
}

/* A number is of the type's own unit where no form is declared. */
static int write_long(struct writer *w, const struct rs_schema *type)
{
    static const struct rs_time_rule iso = {.kind = RS_TIME_RULE_ISO};
    const struct rs_time_rule *rule = declared(w);
    struct rs_exact_time time;
    int64_t value = 0;
    int rc = get_long(w, &value);
    if (rc == 0 && stored_time(type->logical, value, &time) && (rule || rs_time_in_range(time.us))) {
        return put_form(w, rule ? rule : &iso, rule ? rule->zone : NULL, time);
    }
    put_integer(w, value);
    return rc;
}

/* A date is the local one, hence written without a zone. */
static int write_int(struct writer *w, const struct rs_schema *type)
{
    const struct rs_time_rule *rule = declared(w);
    char text[RS_TIME_TEXT_MAX];
    int64_t value = 0;
    int rc = get_long(w, &value);
    bool date = rc == 0 && type->logical == RS_LOGICAL_DATE && value >= RS_DAY_MIN && value <= RS_DAY_MAX;
    if (date && rule && rule->kind != RS_TIME_RULE_ISO) {
        return put_form(w, rule, NULL, (struct rs_exact_time){.us = value * RS_US_PER_DAY});
    }
    if (date) {
        rs_buf_json_string(w->out, rs_slice_of(text, rs_date_format(value, text)));
    } else {
        put_integer(w, value);
    }
    return rc;
}

/* ---- other scalars ---- */

static void put_number(struct writer *w, double value, const char *text, size_t size)
{
    if (isfinite(value)) {
        rs_buf_text(w->out, value == 0 && signbit(value) ? "-" : "");
        rs_buf_put(w->out, text, size);
    } else {
        rs_buf_text(w->out, isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    }
}

static int write_float(struct writer *w)
{
    char text[RS_NUMBER_TEXT_MAX];
    struct rs_slice bytes = {0};
    uint32_t bits;
    float value;
    int rc = get_fixed(w, sizeof bits, &bytes);
    if (rc == 0) {
        memcpy(&bits, bytes.data, sizeof bits);
        bits = le32toh(bits);
        memcpy(&value, &bits, sizeof value);
        put_number(w, (double)value, text, isfinite(value) ? rs_float_format(value, text) : 0);
    }
    return rc;
}

static int write_double(struct writer *w)
{
    char text[RS_NUMBER_TEXT_MAX];
    struct rs_slice bytes = {0};
    double value;
    int rc = get_fixed(w, sizeof value, &bytes);
    if (rc == 0) {
        uint64_t bits = rs_wire_load(bytes.data);
        memcpy(&value, &bits, sizeof value);
        put_number(w, value, text, isfinite(value) ? rs_double_format(value, text) : 0);
    }
    return rc;
}

static void put_characters(struct writer *w, struct rs_slice bytes)
{
    rs_buf_char(w->out, '"');
    for (size_t i = 0; i < bytes.size; i++) {
        uint8_t c = bytes.data[i];
        if (c < ' ' || c > '~' || c == '"' || c == '\\') {
            rs_buf_printf(w->out, "\\u%04x", (unsigned)c);
        } else {
            rs_buf_char(w->out, (char)c);
        }
    }
    rs_buf_char(w->out, '"');
}

static int write_bytes(struct writer *w, const struct rs_schema *type)
{
    char text[RS_NUMBER_TEXT_MAX];
    rs_i128 value = 0;
    struct rs_slice bytes = {0};
    int rc = type->kind == RS_AVRO_FIXED ? get_fixed(w, type->fixed_size, &bytes) : get_bytes(w, &bytes);
    if (rc != 0) {
        return rc;
    }
    if (type->logical == RS_LOGICAL_DECIMAL &&
        rs_wire_decimal(bytes.data, bytes.size, type->precision, &value)) {
        rs_buf_put(w->out, text, rs_decimal_format(value, type->scale, text));
    } else if (type->logical == RS_LOGICAL_UUID && bytes.size == 16) {
        rs_wire_uuid_text(bytes.data, text);
        rs_buf_json_string(w->out, rs_slice_of(text, RS_WIRE_UUID_TEXT));
    } else {
        put_characters(w, bytes);
    }
    return 0;
}

static int write_string(struct writer *w)
{
    struct rs_slice text = {0};
    int rc = get_bytes(w, &text);
    rs_buf_json_string(w->out, text);
    return rc;
}

static int write_boolean(struct writer *w)
{
    struct rs_slice byte = {0};
    int rc = get_fixed(w, 1, &byte);
    rs_buf_text(w->out, rc == 0 && *byte.data != 0 ? "true" : "false");
    return rc;
}

static int write_enum(struct writer *w, const struct rs_schema *type)
{
    uint64_t index = 0;
    int rc = get(w, rs_wire_index(w->p, w->end, type->symbol_count, RS_REASON_ENUM_INDEX), &index);
    if (rc == 0) {
        rs_buf_json_string(w->out, rs_slice_text(type->symbols[index]));
    }
    return rc;
}

/* ---- composites ---- */

/* Whether the reader could take the bare value for another branch's, or for a name of this one. */
static bool needs_name(const struct rs_schema *type, const struct rs_schema *branch)
{
    size_t others = 0;
    for (size_t i = 0; i < type->branch_count; i++) {
        others += type->branches[i] != branch && type->branches[i]->kind != RS_AVRO_NULL;
    }
    bool named = branch->kind == RS_AVRO_MAP;
    for (size_t i = 0; branch->kind == RS_AVRO_RECORD && i < branch->field_count; i++) {
        named = named || strcmp(branch->fields[i].name, rs_schema_branch_name(branch)) == 0;
    }
    return branch->kind != RS_AVRO_NULL && (others > 0 || named);
}

static int write_union(struct writer *w, const struct rs_schema *type)
{
    uint64_t index = 0;
    int rc = get(w, rs_wire_index(w->p, w->end, type->branch_count, RS_REASON_UNION_INDEX), &index);
    if (rc != 0) {
        return rc;
    }
    const struct rs_schema *branch = type->branches[index];
    if (!needs_name(type, branch)) {
        return write_value(w, branch);
    }
    rs_buf_char(w->out, '{');
    rs_buf_json_string(w->out, rs_slice_text(rs_schema_branch_name(branch)));
    rs_buf_char(w->out, ':');
    rc = write_value(w, branch);
    rs_buf_char(w->out, '}');
    return rc;
}

static int write_item(struct writer *w, const struct rs_schema *type, bool first)
{
    int rc = 0;
    rs_buf_text(w->out, first ? "" : ",");
    if (type->kind == RS_AVRO_MAP) {
        rc = write_string(w);
        rs_buf_char(w->out, ':');
    }
    return rc == 0 ? write_value(w, type->items) : rc;
}

static int write_items(struct writer *w, const struct rs_schema *type)
{
    bool first = true;
    uint64_t budget = UINT32_MAX; /* the decoder's has been kept */
    int rc = 0;
    rs_buf_char(w->out, type->kind == RS_AVRO_ARRAY ? '[' : '{');
    w->inside++;
    for (struct rs_wire_block block = {.count = 1}; rc == 0 && block.count > 0;) {
        uint64_t ignored = 0;
        rc = get(w, rs_wire_block(w->p, w->end, false, &budget, &block), &ignored);
        for (uint64_t i = 0; rc == 0 && i < block.count; i++, first = false) {
            rc = write_item(w, type, first);
        }
    }
    w->inside--;
    rs_buf_char(w->out, type->kind == RS_AVRO_ARRAY ? ']' : '}');
    return rc;
}

/* false: too long for any path that is declared. */
static bool enter_field(struct writer *w, const char *name)
{
    size_t size = strlen(name);
    if (size + 1 > sizeof w->path - w->path_size) {
        return false;
    }
    if (w->path_size > 0) {
        w->path[w->path_size++] = '.';
    }
    memcpy(w->path + w->path_size, name, size);
    w->path_size += size;
    return true;
}

static int write_record(struct writer *w, const struct rs_schema *type)
{
    int rc = 0;
    rs_buf_char(w->out, '{');
    for (size_t i = 0; rc == 0 && i < type->field_count; i++) {
        size_t path_size = w->path_size;
        bool entered = enter_field(w, type->fields[i].name);
        w->inside += !entered;
        rs_buf_text(w->out, i == 0 ? "" : ",");
        rs_buf_json_string(w->out, rs_slice_text(type->fields[i].name));
        rs_buf_char(w->out, ':');
        rc = write_value(w, type->fields[i].type);
        w->inside -= !entered;
        w->path_size = path_size;
    }
    rs_buf_char(w->out, '}');
    return rc;
}

static int write_composite(struct writer *w, const struct rs_schema *type)
{
    if (w->depth == DEPTH_MAX) {
        return damaged(w);
    }
    w->depth++;
    int rc = type->kind == RS_AVRO_RECORD  ? write_record(w, type)
             : type->kind == RS_AVRO_UNION ? write_union(w, type)
                                           : write_items(w, type);
    w->depth--;
    return rc;
}

static int write_value(struct writer *w, const struct rs_schema *type)
{
    switch (type->kind) {
    case RS_AVRO_NULL: rs_buf_text(w->out, "null"); return 0;
    case RS_AVRO_BOOLEAN: return write_boolean(w);
    case RS_AVRO_INT: return write_int(w, type);
    case RS_AVRO_LONG: return write_long(w, type);
    case RS_AVRO_FLOAT: return write_float(w);
    case RS_AVRO_DOUBLE: return write_double(w);
    case RS_AVRO_BYTES:
    case RS_AVRO_FIXED: return write_bytes(w, type);
    case RS_AVRO_STRING: return write_string(w);
    case RS_AVRO_ENUM: return write_enum(w, type);
    case RS_AVRO_ARRAY:
    case RS_AVRO_MAP:
    case RS_AVRO_UNION:
    case RS_AVRO_RECORD: break;
    }
    return write_composite(w, type);
}

int rs_json_write(const struct rs_schema *schema, const struct rs_json_options *options,
                  struct rs_slice datum, struct rs_buf *out, struct rs_error *error)
{
    const uint8_t *start = datum.data ? datum.data : (const uint8_t *)"";
    struct writer w = {.options = options, .p = start, .end = start + datum.size, .out = out, .error = error};
    int rc = write_value(&w, schema);
    if (rc == 0 && w.p != w.end) {
        rc = damaged(&w);
    }
    return rc == 0 && out->failed ? rs_fail(error, RS_ENOMEM, "out of memory") : rc;
}
