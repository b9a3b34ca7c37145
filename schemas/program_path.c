/* Paths of fields: "price", "venue.country". */
#include <stdlib.h>
#include <string.h>

#include "base/config/config.h"
#include "schemas/program_ops.h"

int rs_program_null_branch(const struct rs_schema *type)
{
    if (type->kind != RS_AVRO_UNION || type->branch_count != 2) {
        return -1;
    }
    bool first = type->branches[0]->kind == RS_AVRO_NULL;
    return first ? 0 : type->branches[1]->kind == RS_AVRO_NULL ? 1 : -1;
}

const struct rs_schema *rs_program_strip_union(const struct rs_schema *type, bool *nullable)
{
    int null_branch = rs_program_null_branch(type);
    if (null_branch >= 0) {
        *nullable = true;
        return type->branches[1 - null_branch];
    }
    return type->kind == RS_AVRO_UNION && type->branch_count == 1 ? type->branches[0] : type;
}

static int no_such_field(const struct rs_schema *record, const char *name, struct rs_error *error)
{
    const char **known = calloc(record->field_count + 1, sizeof *known);
    if (!known) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < record->field_count; i++) {
        known[i] = record->fields[i].name;
    }
    const char *nearest = rs_nearest_name(name, known);
    rs_fail(error, RS_ECONFIG, "%s has no field '%.100s'%s%s%s", record->name, name,
            !nearest ? "" : "; did you mean '", !nearest ? "" : nearest, !nearest ? "" : "'?");
    free(known);
    return error->code;
}

static int find_field(const struct rs_schema *record, const char *name, size_t size, uint32_t *out,
                      struct rs_error *error)
{
    for (size_t i = 0; i < record->field_count; i++) {
        const char *field = record->fields[i].name;
        if (strlen(field) == size && memcmp(field, name, size) == 0) {
            *out = (uint32_t)i;
            return 0;
        }
    }
    char *copy = strndup(name, size);
    if (!copy) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    int code = no_such_field(record, copy, error);
    free(copy);
    return code;
}

static bool is_time(enum rs_logical logical)
{
    return logical >= RS_LOGICAL_TIMESTAMP_MILLIS;
}

static int value_kind(const struct rs_schema *type, enum rs_value_kind *out)
{
    switch (type->kind) {
    case RS_AVRO_BOOLEAN: *out = RS_VALUE_BOOLEAN; return 0;
    case RS_AVRO_INT:
    case RS_AVRO_LONG: *out = is_time(type->logical) ? RS_VALUE_TIME : RS_VALUE_INT; return 0;
    case RS_AVRO_ENUM: *out = RS_VALUE_INT; return 0;
    case RS_AVRO_FLOAT:
    case RS_AVRO_DOUBLE: *out = RS_VALUE_DOUBLE; return 0;
    case RS_AVRO_BYTES:
    case RS_AVRO_FIXED:
        *out = type->logical == RS_LOGICAL_DECIMAL ? RS_VALUE_DECIMAL : RS_VALUE_BYTES;
        return 0;
    case RS_AVRO_STRING: *out = RS_VALUE_BYTES; return 0;
    default: return -1;
    }
}

static int describe_field(const struct rs_schema *type, bool nullable, const char *path,
                          struct rs_field_type *out, struct rs_error *error)
{
    enum rs_value_kind kind = RS_VALUE_NULL;
    if (value_kind(type, &kind) != 0) {
        return rs_fail(error, RS_ECONFIG, "'%.100s' is not one value but of type %s%s", path,
                       rs_schema_kind_name(type->kind),
                       type->kind == RS_AVRO_RECORD ? "; name one of its fields, as in record.field" : "");
    }
    *out = (struct rs_field_type){.kind = kind,
                                  .nullable = nullable,
                                  .precision = type->precision,
                                  .scale = type->scale,
                                  .schema = type};
    return 0;
}

static size_t count_steps(const char *path)
{
    size_t count = 1;
    for (; *path != '\0'; path++) {
        count += *path == '.';
    }
    return count;
}

static int walk_path(const struct rs_schema *schema, const char *path, struct rs_field_type *out,
                     uint32_t *steps, struct rs_error *error)
{
    bool nullable = false;
    const struct rs_schema *type = rs_program_strip_union(schema, &nullable);
    const char *at = path;
    for (size_t i = 0;; i++) {
        if (type->kind != RS_AVRO_RECORD) {
            return rs_fail(error, RS_ECONFIG,
                           "'%.100s' cannot be reached: what holds it is not a record but of type %s", path,
                           rs_schema_kind_name(type->kind));
        }
        size_t size = strcspn(at, ".");
        int code = find_field(type, at, size, &steps[i], error);
        if (code != 0) {
            return code;
        }
        type = rs_program_strip_union(type->fields[steps[i]].type, &nullable);
        if (at[size] == '\0') {
            return describe_field(type, nullable, path, out, error);
        }
        at += size + 1;
    }
}

int rs_program_find(const struct rs_schema *schema, const char *path, struct rs_field_type *out,
                    struct rs_program_route *route, struct rs_error *error)
{
    size_t count = count_steps(path);
    uint32_t *steps = calloc(count, sizeof *steps);
    if (!steps) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    int code = walk_path(schema, path, out, steps, error);
    if (code == 0 && route) {
        route->steps = steps;
        route->count = count;
        return 0;
    }
    free(steps);
    return code;
}

int rs_schema_field_type(const struct rs_schema *schema, const char *path, struct rs_field_type *out,
                         struct rs_error *error)
{
    return rs_program_find(schema, path, out, NULL, error);
}
