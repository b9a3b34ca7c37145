#include "tests/fuzz/wants.h"

#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 4

static const struct rs_schema *record_in(const struct rs_schema *type)
{
    for (size_t i = 0; type->kind == RS_AVRO_UNION && type->branch_count <= 2 && i < type->branch_count;
         i++) {
        if (type->branches[i]->kind == RS_AVRO_RECORD) {
            return type->branches[i];
        }
    }
    return type->kind == RS_AVRO_RECORD ? type : NULL;
}

static void collect(struct rs_wants *wants, const struct rs_schema *root, const struct rs_schema *record,
                    const char *prefix, unsigned depth)
{
    for (size_t i = 0; i < record->field_count && wants->count < RS_WANTS_MAX; i++) {
        char path[RS_WANT_PATH_MAX];
        struct rs_field_type type;
        struct rs_error error;
        int size = snprintf(path, sizeof path, "%s%s%s", prefix, *prefix ? "." : "", record->fields[i].name);
        if (size < 0 || (size_t)size >= sizeof path) {
            continue;
        }
        const struct rs_schema *inner = record_in(record->fields[i].type);
        if (rs_schema_field_type(root, path, &type, &error) == 0) {
            if (type.kind == RS_VALUE_DECIMAL && type.precision > RS_I128_DIGITS && !wants->wide) {
                continue;
            }
            memcpy(wants->texts[wants->count], path, sizeof path);
            wants->paths[wants->count] = wants->texts[wants->count];
            wants->count++;
        } else if (inner && depth > 0) {
            collect(wants, root, inner, path, depth - 1);
        }
    }
}

void rs_wants_collect(struct rs_wants *wants, const struct rs_schema *schema, bool wide)
{
    wants->count = 0;
    wants->wide = wide;
    if (schema->kind == RS_AVRO_RECORD) {
        collect(wants, schema, schema, "", DEPTH_MAX);
    }
}

bool rs_wants_same(const struct rs_value *a, const struct rs_value *b)
{
    if (a->kind != b->kind) {
        return false;
    }
    switch (a->kind) {
    case RS_VALUE_NULL: return true;
    case RS_VALUE_TIME: return a->i == b->i && a->nanos == b->nanos;
    case RS_VALUE_DECIMAL: return a->wide == b->wide && (a->wide ? a->w == b->w : a->i == b->i);
    case RS_VALUE_DOUBLE: return memcmp(&a->d, &b->d, sizeof a->d) == 0 || (a->d != a->d && b->d != b->d);
    case RS_VALUE_BYTES: return rs_slice_equal(a->s, b->s);
    default: return a->i == b->i;
    }
}
