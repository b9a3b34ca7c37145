/* The `schemas` section of a configuration, and the files of schemas that it and the streams name. */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schemas/stream_internal.h"

const char *rs_stream_keep(struct rs_stream_loader *l, const char *text)
{
    if (!text) {
        return NULL;
    }
    const char *copy = rs_arena_text(&l->memory->arena, text);
    l->failed = l->failed || !copy;
    return copy;
}

static const char *join_path(struct rs_stream_loader *l, const char *directory, const char *path)
{
    const char *kept = rs_arena_path(&l->memory->arena, directory, path);
    l->failed = l->failed || !kept;
    return kept;
}

static const struct rs_stream_schema *add_schema(struct rs_stream_loader *l,
                                                 const struct rs_config_node *where, const char *path)
{
    struct rs_streams_memory *memory = l->memory;
    struct rs_stream_schema *grown =
        realloc(memory->schemas, (memory->schema_count + 1) * sizeof *memory->schemas);
    if (!grown) {
        l->failed = true;
        return NULL;
    }
    memory->schemas = grown;
    struct rs_stream_schema *added = &grown[memory->schema_count];
    *added = (struct rs_stream_schema){.path = path};
    struct rs_error error;
    if (rs_schema_load(path, &added->document, &error) != 0) {
        l->failed = l->failed || error.code == RS_ENOMEM;
        rs_config_complain(l->config, where, "%s", error.text);
        return NULL;
    }
    if (rs_frame_add(memory->registry, rs_schema_root(added->document), &added->number, &error) != 0) {
        rs_schema_free(&added->document);
        l->failed = true;
        return NULL;
    }
    memory->schema_count++;
    return added;
}

const struct rs_stream_schema *rs_stream_schema(struct rs_stream_loader *l,
                                                const struct rs_config_node *where, const char *path)
{
    const char *full = join_path(l, l->directory, path);
    if (!full) {
        return NULL;
    }
    for (size_t i = 0; i < l->memory->schema_count; i++) {
        if (strcmp(l->memory->schemas[i].path, full) == 0) {
            return &l->memory->schemas[i];
        }
    }
    return add_schema(l, where, full);
}

static bool parse_id(const char *text, uint32_t *out)
{
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value > UINT32_MAX) {
        return false;
    }
    *out = (uint32_t)value;
    return true;
}

static void read_id(struct rs_stream_loader *l, const struct rs_config_node *key,
                    const struct rs_config_node *value)
{
    uint32_t id = 0;
    if (!parse_id(rs_config_text(key), &id)) {
        rs_config_complain(l->config, key, "a schema id is a whole number from 0 to %u", UINT32_MAX);
        return;
    }
    const char *path = rs_config_text(value);
    if (!path || *path == '\0') {
        rs_config_complain(l->config, value, "the schema with id %u needs the path of its file", id);
        return;
    }
    const struct rs_stream_schema *schema = rs_stream_schema(l, value, path);
    struct rs_error error;
    if (!schema) {
        return;
    }
    int code = rs_frame_add_id(l->memory->registry, id, schema->number, &error);
    if (code == RS_EINVAL) {
        rs_config_complain(l->config, key, "%s", error.text);
    }
    l->failed = l->failed || code == RS_ENOMEM;
    l->has_ids = true;
}

/* Where this very program or library is installed: what was configured is another place where the files were
 * installed with a prefix of their own. The schemas are in share/rollstat/schemas of a directory above. */
static bool beside_program(char path[PATH_MAX])
{
    static const char here = 0;
    Dl_info info;
    char schemas[PATH_MAX];
    bool library = dladdr(&here, &info) != 0 && info.dli_fname && strstr(info.dli_fname, ".so");
    if (!realpath(library ? info.dli_fname : "/proc/self/exe", path)) {
        return false;
    }
    for (char *slash = strrchr(path, '/'); slash && slash != path; slash = strrchr(path, '/')) {
        *slash = '\0';
        int size = snprintf(schemas, sizeof schemas, "%s/share/rollstat/schemas", path);
        if (size > 0 && (size_t)size < sizeof schemas && access(schemas, X_OK) == 0) {
            memcpy(path, schemas, (size_t)size + 1);
            return true;
        }
    }
    return false;
}

static const char *installed_schemas(struct rs_stream_loader *l)
{
    char path[PATH_MAX];
    return beside_program(path) ? rs_stream_keep(l, path) : RS_SCHEMA_DIR;
}

void rs_stream_read_schemas(struct rs_stream_loader *l, const struct rs_config_node *root)
{
    l->directory = installed_schemas(l);
    const struct rs_config_node *node = rs_config_get(root, "schemas");
    static const char *const known[] = {"directory", "ids", "registry", NULL};
    if (!node) {
        return;
    }
    rs_config_expect_mapping(l->config, node, "schemas", known);
    if (rs_config_kind(node) != RS_CONFIG_MAPPING) {
        return;
    }
    const char *directory = NULL;
    if (rs_config_string(l->config, node, "directory", &directory) && directory) {
        l->directory = join_path(l, rs_config_directory(l->config), directory);
    }
    const struct rs_config_node *registry = rs_config_get(node, "registry");
    if (registry) {
        l->has_registry = true; /* also where it is complained about: what needs it is no further fault */
        l->failed |=
            !rs_registry_config_read(l->config, registry, &l->memory->arena, &l->streams->schema_registry);
    }
    const struct rs_config_node *ids = rs_config_get(node, "ids");
    if (!ids || l->failed) {
        return;
    }
    if (rs_config_kind(ids) != RS_CONFIG_MAPPING) {
        rs_config_complain(l->config, ids,
                           "`ids` is a mapping from schema ids to files, as in {7: trade.avsc}");
        return;
    }
    for (size_t i = 0; i < rs_config_size(ids); i++) {
        const struct rs_config_node *key = NULL;
        const struct rs_config_node *value = NULL;
        rs_config_pair(ids, i, &key, &value);
        read_id(l, key, value);
    }
}
