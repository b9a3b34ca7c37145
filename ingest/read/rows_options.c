#include <stdlib.h>
#include <string.h>

#include "base/config/config.h"
#include "ingest/read/rows_options.h"

static int push(const char ***items, size_t *count, const char *value, struct rs_error *error)
{
    const char **grown = reallocarray(*items, *count + 1, sizeof *grown);
    if (!grown) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    grown[(*count)++] = value;
    *items = grown;
    return 0;
}

static int set_format(struct rs_rows_options *options, const char *value, struct rs_error *error)
{
    static const char *const known[] = {"csv", "ndjson", "avro", RS_ROWS_AVRO_JSON, NULL};
    for (size_t i = 0; known[i]; i++) {
        if (strcmp(value, known[i]) == 0) {
            options->format = known[i];
            return 0;
        }
    }
    const char *nearest = rs_nearest_name(value, known);
    return rs_fail(error, RS_EUSAGE, "--format %s: csv, ndjson, avro or avro-json is needed%s%s%s", value,
                   nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
}

static int set_delimiter(struct rs_rows_options *options, const char *value, struct rs_error *error)
{
    if (strcmp(value, "\\t") == 0 || strcmp(value, "tab") == 0) {
        options->delimiter = '\t';
        return 0;
    }
    if (strlen(value) != 1 || strchr("\"\r\n", value[0]) || (value[0] & 0x80) != 0) {
        return rs_fail(error, RS_EUSAGE,
                       "--delimiter %s: one ASCII character is needed, and no quote; \\t is a tab", value);
    }
    options->delimiter = value[0];
    return 0;
}

static int set_limit(struct rs_rows_options *options, const char *value, struct rs_error *error)
{
    uint64_t limit = 0;
    size_t size = strlen(value);
    for (size_t i = 0; i < size; i++) {
        unsigned digit = (unsigned)value[i] - '0';
        if (digit > 9 || size > 18) {
            limit = 0;
            break;
        }
        limit = limit * 10 + digit;
    }
    if (limit == 0) {
        return rs_fail(error, RS_EUSAGE, "--limit %s: a number of rows from 1 is needed", value);
    }
    options->limit = limit;
    return 0;
}

int rs_rows_option(struct rs_rows_options *options, const char *name, const char *value,
                   struct rs_error *error)
{
    const struct {
        const char *name;
        const char **to;
    } texts[] = {{"columns", &options->columns}, {"time-zone", &options->time_zone},
                 {"key", &options->key},         {"framing", &options->framing},
                 {"null", &options->null_text},  {"rejects", &options->rejects}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (strcmp(name, texts[i].name) == 0) {
            *texts[i].to = value;
            return 0;
        }
    }
    if (strcmp(name, "format") == 0) {
        return set_format(options, value, error);
    }
    if (strcmp(name, "delimiter") == 0) {
        return set_delimiter(options, value, error);
    }
    if (strcmp(name, "map") == 0) {
        return push(&options->maps, &options->map_count, value, error);
    }
    if (strcmp(name, "const") == 0) {
        return push(&options->consts, &options->const_count, value, error);
    }
    if (strcmp(name, "time-format") == 0) {
        return push(&options->time_formats, &options->time_format_count, value, error);
    }
    if (strcmp(name, "limit") == 0) {
        return set_limit(options, value, error);
    }
    if (strcmp(name, "ignore-unknown") == 0) {
        options->ignore_unknown = true;
        return 0;
    }
    if (strcmp(name, "decimal-comma") == 0) {
        options->decimal_comma = true;
        return 0;
    }
    return 1;
}

void rs_rows_options_fini(struct rs_rows_options *options)
{
    free(options->maps);
    free(options->consts);
    free(options->time_formats);
    *options = (struct rs_rows_options){0};
}
