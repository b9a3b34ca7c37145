#include "schemas/record_field.h"

#include <string.h>

#define HEADER_PREFIX "$header."

static const char *const names[] = {
    [RS_RECORD_TOPIC] = "$topic",   [RS_RECORD_PARTITION] = "$partition",
    [RS_RECORD_OFFSET] = "$offset", [RS_RECORD_TIMESTAMP] = "$timestamp",
    [RS_RECORD_KEY] = "$key",
};

bool rs_record_field_find(const char *path, enum rs_record_field *field, const char **header)
{
    size_t prefix = sizeof HEADER_PREFIX - 1;
    *header = NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(path, names[i]) == 0) {
            *field = (enum rs_record_field)i;
            return true;
        }
    }
    if (strncmp(path, HEADER_PREFIX, prefix) != 0 || path[prefix] == '\0') {
        return false;
    }
    *field = RS_RECORD_HEADER;
    *header = path + prefix;
    return true;
}

bool rs_record_field_is(const char *path)
{
    enum rs_record_field field;
    const char *header = NULL;
    return rs_record_field_find(path, &field, &header);
}

static struct rs_field_type type_of(enum rs_record_field field)
{
    static const struct rs_schema text = {.kind = RS_AVRO_STRING};
    static const struct rs_schema narrow = {.kind = RS_AVRO_INT};
    static const struct rs_schema wide = {.kind = RS_AVRO_LONG};
    static const struct rs_schema stamp = {.kind = RS_AVRO_LONG, .logical = RS_LOGICAL_TIMESTAMP_MILLIS};

    switch (field) {
    case RS_RECORD_PARTITION: return (struct rs_field_type){.kind = RS_VALUE_INT, .schema = &narrow};
    case RS_RECORD_OFFSET: return (struct rs_field_type){.kind = RS_VALUE_INT, .schema = &wide};
    case RS_RECORD_TIMESTAMP:
        return (struct rs_field_type){.kind = RS_VALUE_TIME, .nullable = true, .schema = &stamp};
    case RS_RECORD_TOPIC: return (struct rs_field_type){.kind = RS_VALUE_BYTES, .schema = &text};
    case RS_RECORD_KEY:
    case RS_RECORD_HEADER: break;
    }
    return (struct rs_field_type){.kind = RS_VALUE_BYTES, .nullable = true, .schema = &text};
}

/* Names of schemas may begin with a $ outside Avro's grammar. */
static bool schema_has(const struct rs_schema *schema, const char *path)
{
    size_t size = strcspn(path, ".");
    for (size_t i = 0; i < schema->field_count; i++) {
        const char *name = schema->fields[i].name;
        if (strlen(name) == size && memcmp(name, path, size) == 0) {
            return true;
        }
    }
    return false;
}

int rs_event_field_type(const struct rs_schema *schema, const char *path, struct rs_field_type *out,
                        struct rs_error *error)
{
    enum rs_record_field field;
    const char *header = NULL;
    bool of_record = rs_record_field_find(path, &field, &header);
    bool of_event = path[0] != '$' || schema_has(schema, path);

    if (!of_record && !of_event) {
        return rs_fail(error, RS_ECONFIG,
                       "%s has no field '%.100s', nor has its record: there are $topic, $partition, $offset, "
                       "$timestamp, $key and $header.NAME",
                       schema->name, path);
    }
    if (!of_record) {
        return rs_schema_field_type(schema, path, out, error);
    }
    if (of_event) {
        return rs_fail(
            error, RS_ECONFIG,
            "'%.100s' may be the record's own or the field of %s: give the field another name in the "
            "schema, with this one as an alias",
            path, schema->name);
    }
    *out = type_of(field);
    return 0;
}
