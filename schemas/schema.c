#include "schemas/schema.h"

#include <string.h>

#include "schemas/schema_internal.h"

const char *rs_schema_kind_name(enum rs_schema_kind kind)
{
    static const char *const names[] = {"null",   "boolean", "int",  "long",  "float", "double", "bytes",
                                        "string", "fixed",   "enum", "array", "map",   "union",  "record"};
    RS_ASSERT((size_t)kind < sizeof names / sizeof names[0]);
    return names[kind];
}

const char *rs_schema_branch_name(const struct rs_schema *branch)
{
    return branch->name ? branch->name : rs_schema_kind_name(branch->kind);
}

const char *rs_schema_type_name(const struct rs_schema *schema)
{
    return schema->ignored ? schema->ignored : rs_schema_kind_name(schema->kind);
}

const char *rs_schema_logical_name(enum rs_logical logical)
{
    static const char *const names[] = {NULL,
                                        "decimal",
                                        "uuid",
                                        "date",
                                        "time-millis",
                                        "time-micros",
                                        "timestamp-millis",
                                        "timestamp-micros",
                                        "timestamp-nanos",
                                        "local-timestamp-millis",
                                        "local-timestamp-micros",
                                        "local-timestamp-nanos"};
    RS_ASSERT((size_t)logical < sizeof names / sizeof names[0]);
    return names[logical];
}

size_t rs_schema_symbol(const struct rs_schema *type, const char *text)
{
    for (size_t i = 0; i < type->symbol_count; i++) {
        if (strcmp(type->symbols[i], text) == 0) {
            return i;
        }
    }
    return SIZE_MAX;
}

bool rs_schema_same_symbols(const struct rs_schema *a, const struct rs_schema *b)
{
    bool same = a->symbol_count == b->symbol_count;
    for (size_t i = 0; same && i < a->symbol_count; i++) {
        same = strcmp(a->symbols[i], b->symbols[i]) == 0;
    }
    return same;
}

const struct rs_schema *rs_schema_root(const struct rs_schema_document *document)
{
    return document->root;
}

const char *rs_schema_odd_name(const struct rs_schema_document *document)
{
    return document->odd_name;
}

const char *rs_schema_json(const struct rs_schema_document *document)
{
    return document->json;
}
