#include "base/config/config.h"

#include <stdlib.h>
#include <string.h>

#include "base/config/internal.h"
#include "base/file.h"

/* ---- loading ---- */

static const char *directory_of(struct rs_arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash) {
        return ".";
    }
    size_t size = slash == path ? 1 : (size_t)(slash - path);
    return rs_arena_slice(arena, rs_slice_of(path, size));
}

static int config_new(const char *name, bool is_path, struct rs_config **out, struct rs_error *error)
{
    struct rs_config *config = calloc(1, sizeof *config);
    if (!config) {
        return rs_fail(error, RS_ENOMEM, "out of memory for the configuration");
    }
    config->name = rs_arena_text(&config->arena, name);
    config->directory = is_path ? directory_of(&config->arena, name) : ".";
    config->notes = rs_arena_array(&config->arena, RS_CONFIG_NOTES_MAX, sizeof *config->notes);
    if (!config->name || !config->directory || !config->notes) {
        rs_config_free(&config);
        return rs_fail(error, RS_ENOMEM, "out of memory for the configuration");
    }
    *out = config;
    return 0;
}

int rs_config_load_file(const char *path, struct rs_config **out, struct rs_error *error)
{
    struct rs_buf text = {0};
    struct rs_config *config = NULL;
    int result = rs_file_read(path, RS_CONFIG_SIZE_MAX, &text, error);
    if (result == RS_EINVAL) {
        result = rs_fail(error, RS_ECONFIG, "%s", error->text);
    }
    if (result == 0) {
        result = config_new(path, true, &config, error);
    }
    if (result == 0) {
        rs_config_parse(config, (const char *)text.data, text.size);
        *out = config;
    }
    rs_buf_fini(&text);
    return result;
}

int rs_config_load_text(const char *name, const char *text, struct rs_config **out, struct rs_error *error)
{
    size_t size = strlen(text);
    if (size > RS_CONFIG_SIZE_MAX) {
        return rs_fail(error, RS_ECONFIG, "\"%s\" is larger than the limit of %zu bytes", name,
                       RS_CONFIG_SIZE_MAX);
    }
    struct rs_config *config = NULL;
    int result = config_new(name, false, &config, error);
    if (result == 0) {
        rs_config_parse(config, text, size);
        *out = config;
    }
    return result;
}

void rs_config_free(struct rs_config **config)
{
    if (!*config) {
        return;
    }
    rs_arena_fini(&(*config)->arena);
    free(*config);
    *config = NULL;
}

/* ---- structure ---- */

const struct rs_config_node *rs_config_root(const struct rs_config *config)
{
    return config->root;
}

const char *rs_config_directory(const struct rs_config *config)
{
    return config->directory;
}

enum rs_config_kind rs_config_kind(const struct rs_config_node *node)
{
    return node->kind;
}

size_t rs_config_size(const struct rs_config_node *node)
{
    return node->kind == RS_CONFIG_MAPPING ? node->count / 2 : node->count;
}

const struct rs_config_node *rs_config_item(const struct rs_config_node *sequence, size_t index)
{
    RS_ASSERT(sequence->kind == RS_CONFIG_SEQUENCE && index < sequence->count);
    return sequence->items[index];
}

void rs_config_pair(const struct rs_config_node *mapping, size_t index, const struct rs_config_node **key,
                    const struct rs_config_node **value)
{
    RS_ASSERT(mapping->kind == RS_CONFIG_MAPPING && index < mapping->count / 2);
    *key = mapping->items[2 * index];
    *value = mapping->items[2 * index + 1];
}

const struct rs_config_node *rs_config_get(const struct rs_config_node *mapping, const char *key)
{
    if (!mapping || mapping->kind != RS_CONFIG_MAPPING) {
        return NULL;
    }
    for (size_t i = 0; i < mapping->count; i += 2) {
        if (strcmp(mapping->items[i]->text, key) == 0) {
            return mapping->items[i + 1];
        }
    }
    return NULL;
}

const char *rs_config_text(const struct rs_config_node *scalar)
{
    return scalar->kind == RS_CONFIG_SCALAR ? scalar->text : NULL;
}

bool rs_config_empty(const struct rs_config_node *node)
{
    return node->kind == RS_CONFIG_NULL && node->text[0] == '\0';
}

const char *rs_config_shown(const struct rs_config_node *scalar)
{
    if (scalar->kind != RS_CONFIG_SCALAR) {
        return NULL;
    }
    return scalar->secret ? "(hidden)" : scalar->text;
}

bool rs_config_faulty(const struct rs_config_node *node)
{
    return node && node->faulty;
}
