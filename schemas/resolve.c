#include "schemas/resolve.h"

#include <string.h>

const char *rs_break_name(enum rs_break kind)
{
    static const char *const names[] = {"none",
#define RS_BREAK_NAME(name, stable) stable,
                                        RS_BREAKS(RS_BREAK_NAME)
#undef RS_BREAK_NAME
    };
    return names[kind];
}

/* ---- names ---- */

static const char *unqualified(const char *name)
{
    const char *dot = strrchr(name, '.');
    return !dot ? name : dot + 1;
}

static bool listed(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool names_match(const struct rs_schema *writer, const struct rs_schema *reader)
{
    return strcmp(unqualified(writer->name), unqualified(reader->name)) == 0 ||
           listed(reader->aliases, reader->alias_count, writer->name);
}

static bool has_field(const struct rs_schema *record, const char *name)
{
    for (size_t i = 0; i < record->field_count; i++) {
        if (strcmp(record->fields[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

size_t rs_resolve_field(const struct rs_schema *writer, size_t field, const struct rs_schema *reader)
{
    const char *name = writer->fields[field].name;
    size_t found = SIZE_MAX;
    for (size_t i = 0; i < reader->field_count; i++) {
        const struct rs_schema_field *candidate = &reader->fields[i];
        if (strcmp(candidate->name, name) == 0) {
            return i;
        }
        if (found == SIZE_MAX && listed(candidate->aliases, candidate->alias_count, name) &&
            !has_field(writer, candidate->name)) {
            found = i;
        }
    }
    return found;
}

size_t rs_resolve_symbol(const struct rs_schema *writer, size_t symbol, const struct rs_schema *reader)
{
    size_t found = rs_schema_symbol(reader, writer->symbols[symbol]);
    return found != SIZE_MAX ? found : reader->symbol_default;
}

/* ---- logical types ---- */

/* Digits of a second in the unit of a time; family: what the number counts from. */
struct unit {
    int family; /* 0: none of these */
    int digits;
};

static struct unit unit_of(enum rs_logical logical)
{
    switch (logical) {
    case RS_LOGICAL_TIME_MILLIS: return (struct unit){1, 3};
    case RS_LOGICAL_TIME_MICROS: return (struct unit){1, 6};
    case RS_LOGICAL_TIMESTAMP_MILLIS: return (struct unit){2, 3};
    case RS_LOGICAL_TIMESTAMP_MICROS: return (struct unit){2, 6};
    case RS_LOGICAL_TIMESTAMP_NANOS: return (struct unit){2, 9};
    case RS_LOGICAL_LOCAL_TIMESTAMP_MILLIS: return (struct unit){3, 3};
    case RS_LOGICAL_LOCAL_TIMESTAMP_MICROS: return (struct unit){3, 6};
    case RS_LOGICAL_LOCAL_TIMESTAMP_NANOS: return (struct unit){3, 9};
    default: return (struct unit){0, 0};
    }
}

static bool decimal_holds(const struct rs_schema *writer, const struct rs_schema *reader)
{
    return reader->scale >= writer->scale &&
           reader->precision - reader->scale >= writer->precision - writer->scale;
}

static enum rs_break match_logical(const struct rs_schema *writer, const struct rs_schema *reader)
{
    if (writer->kind != reader->kind &&
        (writer->logical == RS_LOGICAL_DECIMAL || reader->logical == RS_LOGICAL_DECIMAL)) {
        return RS_BREAK_DECIMAL; /* between bytes and string */
    }
    /* The writer meant something that is not understood here: its digits are not those of the reader. */
    if (writer->ignored && reader->logical != RS_LOGICAL_NONE) {
        return RS_BREAK_LOGICAL;
    }
    if (writer->logical == RS_LOGICAL_NONE || reader->logical == RS_LOGICAL_NONE) {
        return RS_BREAK_NONE;
    }
    if (writer->logical == RS_LOGICAL_DECIMAL && reader->logical == RS_LOGICAL_DECIMAL) {
        return decimal_holds(writer, reader) ? RS_BREAK_NONE : RS_BREAK_DECIMAL;
    }
    struct unit from = unit_of(writer->logical);
    struct unit to = unit_of(reader->logical);
    bool finer = from.family != 0 && from.family == to.family && from.digits <= to.digits;
    return writer->logical == reader->logical || finer ? RS_BREAK_NONE : RS_BREAK_LOGICAL;
}

/* ---- types ---- */

static bool promotes(enum rs_schema_kind from, enum rs_schema_kind to)
{
    switch (from) {
    case RS_AVRO_INT: return to == RS_AVRO_LONG || to == RS_AVRO_FLOAT || to == RS_AVRO_DOUBLE;
    case RS_AVRO_LONG: return to == RS_AVRO_FLOAT || to == RS_AVRO_DOUBLE;
    case RS_AVRO_FLOAT: return to == RS_AVRO_DOUBLE;
    case RS_AVRO_STRING: return to == RS_AVRO_BYTES;
    case RS_AVRO_BYTES: return to == RS_AVRO_STRING;
    default: return false;
    }
}

enum rs_break rs_resolve_match(const struct rs_schema *writer, const struct rs_schema *reader)
{
    if (writer->kind != reader->kind && !promotes(writer->kind, reader->kind)) {
        return RS_BREAK_TYPE;
    }
    if (reader->name && !names_match(writer, reader)) {
        return RS_BREAK_NAME;
    }
    if (reader->kind == RS_AVRO_FIXED && writer->fixed_size != reader->fixed_size) {
        return RS_BREAK_FIXED_SIZE;
    }
    return match_logical(writer, reader);
}

/* ---- words ---- */

static void put_union(const struct rs_schema *type, struct rs_buf *out)
{
    rs_buf_text(out, type->branch_count == 0 ? "union of nothing" : "union of ");
    for (size_t i = 0; i < type->branch_count; i++) {
        rs_buf_text(out, i == 0 ? "" : i + 1 == type->branch_count ? " and " : ", ");
        rs_resolve_put_type(type->branches[i], out);
    }
}

void rs_resolve_put_type(const struct rs_schema *type, struct rs_buf *out)
{
    if (type->kind == RS_AVRO_UNION) {
        put_union(type, out);
    } else if (type->logical == RS_LOGICAL_DECIMAL) {
        rs_buf_printf(out, "decimal(%d, %d)", type->precision, type->scale);
    } else {
        const char *logical = rs_schema_logical_name(type->logical);
        rs_buf_text(out, logical ? logical : rs_schema_kind_name(type->kind));
    }
    if (type->kind == RS_AVRO_FIXED) {
        rs_buf_printf(out, " in %zu bytes", type->fixed_size);
    }
    if (type->name) {
        rs_buf_printf(out, " %.200s", type->name);
    }
}

static void put_decimal_why(const struct rs_schema *writer, const struct rs_schema *reader,
                            struct rs_buf *out)
{
    if (writer->logical != reader->logical) {
        rs_buf_text(out, "text is no decimal; add a field of the new type under another name");
        return;
    }
    int scale = reader->scale > writer->scale ? reader->scale : writer->scale;
    int before = reader->precision - reader->scale > writer->precision - writer->scale
                     ? reader->precision - reader->scale
                     : writer->precision - writer->scale;
    rs_buf_printf(out, "digits could be lost; a reader of decimal(%d, %d) would hold them all",
                  before + scale, scale);
}

static void put_logical_why(const struct rs_schema *writer, const struct rs_schema *reader,
                            struct rs_buf *out)
{
    struct unit from = unit_of(writer->logical);
    if (writer->ignored) {
        rs_buf_printf(out, "the writer's is %s", writer->ignored);
    } else if (from.family != 0 && from.family == unit_of(reader->logical).family) {
        rs_buf_printf(out, "the reader's unit is too coarse; give it %s",
                      rs_schema_logical_name(writer->logical));
    } else {
        rs_buf_text(out, "they mean different things; add a field of the new type under another name");
    }
}

void rs_resolve_put_why(enum rs_break kind, const struct rs_schema *writer, const struct rs_schema *reader,
                        struct rs_buf *out)
{
    switch (kind) {
    case RS_BREAK_NAME:
        rs_buf_printf(out, "if they are the same, give the reader's the alias \"%.200s\"", writer->name);
        break;
    case RS_BREAK_FIXED_SIZE:
        rs_buf_text(out, "a fixed keeps its size; add a field of the new type under another name");
        break;
    case RS_BREAK_SYMBOLS:
        rs_buf_text(out, "add them to the reader's symbols, or give its enum a \"default\"");
        break;
    case RS_BREAK_FIELD:
        rs_buf_text(out, "give the reader's field a \"default\", or the writer's name of it as an alias");
        break;
    case RS_BREAK_BRANCH: rs_buf_text(out, "add the type to the reader's union"); break;
    case RS_BREAK_DECIMAL: put_decimal_why(writer, reader, out); break;
    case RS_BREAK_LOGICAL: put_logical_why(writer, reader, out); break;
    case RS_BREAK_INVOLVED: rs_buf_text(out, "the schemas are too involved to be compared"); break;
    default:
        rs_buf_text(out,
                    "no promotion of Avro's leads there; keep the type, or add a field under another name");
        break;
    }
}
