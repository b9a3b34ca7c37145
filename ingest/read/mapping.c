#include <stdlib.h>
#include <string.h>

#include "base/config/config.h"
#include "ingest/read/row_plan.h"

void rs_mapping_init(struct rs_mapping *mapping, const struct rs_schema *schema)
{
    *mapping = (struct rs_mapping){.schema = schema};
}

void rs_mapping_fini(struct rs_mapping *mapping)
{
    rs_zone_free(&mapping->zone);
    rs_arena_fini(&mapping->arena);
    *mapping = (struct rs_mapping){0};
}

static const struct rs_schema *record_of(const struct rs_schema *type)
{
    long null_branch = rs_schema_null_branch(type);
    if (type->kind == RS_AVRO_UNION && type->branch_count == 2 && null_branch >= 0) {
        type = type->branches[1 - null_branch];
    }
    return type->kind == RS_AVRO_RECORD ? type : NULL;
}

static int no_field(const struct rs_schema *record, const char *path, const char *name,
                    struct rs_error *error)
{
    const char **names = calloc(record->field_count + 1, sizeof *names);
    const char *nearest = NULL;
    for (size_t i = 0; names && i < record->field_count; i++) {
        names[i] = record->fields[i].name;
    }
    if (names) {
        nearest = rs_nearest_name(name, names);
    }
    if (nearest) {
        (void)rs_fail(error, RS_EUSAGE, "the schema has no field \"%s\"; did you mean \"%s\"?", path,
                      nearest);
    } else {
        (void)rs_fail(error, RS_EUSAGE, "the schema has no field \"%s\"", path);
    }
    free(names);
    return RS_EUSAGE;
}

/* Walks "a.b.c" through records, and through unions of null and a record. */
static int check_path(const struct rs_mapping *m, const char *path, struct rs_error *error)
{
    const struct rs_schema *record = m->schema;
    const char *name = path;
    for (;;) {
        size_t size = strcspn(name, ".");
        const struct rs_schema_field *found = NULL;
        for (size_t i = 0; record && i < record->field_count; i++) {
            if (strncmp(record->fields[i].name, name, size) == 0 && record->fields[i].name[size] == '\0') {
                found = &record->fields[i];
            }
        }
        if (!found) {
            return !record ? rs_fail(error, RS_EUSAGE, "\"%s\" goes into a field that is no record", path)
                           : no_field(record, path, name, error);
        }
        if (name[size] == '\0') {
            return 0;
        }
        record = record_of(found->type);
        name += size + 1;
    }
}

static struct rs_mapping_rule *find_rule(const struct rs_mapping *m, const char *path)
{
    for (struct rs_mapping_rule *rule = m->rules; rule; rule = rule->next) {
        if (strcmp(rule->path, path) == 0) {
            return rule;
        }
    }
    return NULL;
}

static struct rs_mapping_rule *rule_for(struct rs_mapping *m, const char *path)
{
    struct rs_mapping_rule *rule = find_rule(m, path);
    if (!rule) {
        rule = rs_arena_alloc(&m->arena, sizeof *rule);
        if (rule) {
            rule->path = path;
            rule->next = m->rules;
            m->rules = rule;
        }
    }
    return rule;
}

/* Splits "field=value" and finds the rule of the field. */
static int open_rule(struct rs_mapping *m, const char *option, const char *text,
                     struct rs_mapping_rule **rule, const char **value, struct rs_error *error)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text) {
        return rs_fail(error, RS_EUSAGE, "%s %s: FIELD=%s is needed", option, text,
                       strcmp(option, "--map") == 0 ? "COLUMN" : "VALUE");
    }
    const char *path = rs_arena_slice(&m->arena, rs_slice_of(text, (size_t)(equals - text)));
    *value = rs_arena_text(&m->arena, equals + 1);
    if (!path || !*value) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    int rc = check_path(m, path, error);
    if (rc != 0) {
        (void)rs_error_prefix(error, "%s %s", option, text);
        return rc;
    }
    *rule = rule_for(m, path);
    return *rule ? 0 : rs_fail(error, RS_ENOMEM, "out of memory");
}

static int check_single(const struct rs_mapping_rule *rule, struct rs_error *error)
{
    if (rule && (rule->column || rule->text)) {
        return rs_fail(error, RS_EUSAGE, "the field \"%s\" has two sources; give one --map or --const",
                       rule->path);
    }
    return 0;
}

int rs_mapping_map(struct rs_mapping *m, const char *text, struct rs_error *error)
{
    struct rs_mapping_rule *rule = NULL;
    const char *value = NULL;
    int rc = open_rule(m, "--map", text, &rule, &value, error);
    if (rc == 0) {
        rc = check_single(rule, error);
    }
    if (rc == 0 && rule) {
        rule->column = value;
    }
    return rc;
}

int rs_mapping_const(struct rs_mapping *m, const char *text, struct rs_error *error)
{
    struct rs_mapping_rule *rule = NULL;
    const char *value = NULL;
    int rc = open_rule(m, "--const", text, &rule, &value, error);
    if (rc == 0) {
        rc = check_single(rule, error);
    }
    if (rc == 0 && rule) {
        rule->text = value;
    }
    return rc;
}

int rs_mapping_zone(struct rs_mapping *m, const char *name, struct rs_error *error)
{
    struct rs_zone *zone = NULL;
    int rc = rs_zone_load(name, &zone, error);
    if (rc != 0) {
        error->code = RS_EUSAGE;
        (void)rs_error_prefix(error, "--time-zone");
        return RS_EUSAGE;
    }
    rs_zone_free(&m->zone);
    m->zone = zone;
    m->time.zone = zone;
    return 0;
}

/* Characters of a field's path before an '=': otherwise the '=' belongs to the format. */
static bool names_field(const char *text)
{
    size_t size = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.");
    return size > 0 && text[size] == '=';
}

static int check_format(const struct rs_mapping *m, const char *format, struct rs_time_rule *out,
                        struct rs_error *error)
{
    if (rs_mapping_stored(format)) {
        return 0;
    }
    int rc = rs_time_rule_parse(format, m->zone, out, error);
    if (rc != 0) {
        (void)rs_error_prefix(error, "--time-format");
        error->code = RS_EUSAGE;
        return RS_EUSAGE;
    }
    return 0;
}

int rs_mapping_time(struct rs_mapping *m, const char *text, struct rs_error *error)
{
    struct rs_mapping_rule *rule = NULL;
    const char *format = NULL;
    struct rs_time_rule time;
    int rc;
    if (!names_field(text)) {
        format = rs_arena_text(&m->arena, text);
        if (!format) {
            return rs_fail(error, RS_ENOMEM, "out of memory");
        }
        m->time_given = true;
        m->stored_times = rs_mapping_stored(format);
        return check_format(m, format, &m->time, error);
    }
    rc = open_rule(m, "--time-format", text, &rule, &format, error);
    if (rc == 0) {
        rc = check_format(m, format, &time, error);
    }
    if (rc == 0 && rule) {
        rule->format = format;
    }
    return rc;
}
