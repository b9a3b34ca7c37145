#include "schemas/schema.h"

#include <stdlib.h>

#include "base/file.h"
#include "schemas/schema_parse.h"

const char *rs_schema_kind_name(enum rs_schema_kind kind)
{
    static const char *const names[] = {"null",   "boolean", "int",  "long",  "float", "double", "bytes",
                                        "string", "fixed",   "enum", "array", "map",   "union",  "record"};
    RS_ASSERT((size_t)kind < sizeof names / sizeof names[0]);
    return names[kind];
}

const char *rs_schema_type_name(const struct rs_schema *schema)
{
    return schema->ignored != NULL ? schema->ignored : rs_schema_kind_name(schema->kind);
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

int rs_schema_load(const char *path, struct rs_schema_document **out, struct rs_error *error)
{
    struct rs_buf text = {0};
    int code = rs_file_read(path, RS_SCHEMA_BYTES_MAX, &text, error);
    if (code == RS_OK) {
        code = rs_schema_parse(path, text.size == 0 ? "" : (const char *)text.data, text.size, out, error);
    }
    rs_buf_fini(&text);
    return code;
}

void rs_schema_free(struct rs_schema_document **document)
{
    if (document == NULL || *document == NULL) {
        return;
    }
    rs_arena_fini(&(*document)->arena);
    free(*document);
    *document = NULL;
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
