#include "schemas/stream.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schemas/stream_load.h"

#define NAME_MAX_SIZE  64
#define GROUP_MAX_SIZE 200 /* it begins the names of topics, which Kafka ends at 249 */

const char *rs_stream_keep(struct rs_stream_loader *l, const char *text)
{
    if (text == NULL) {
        return NULL;
    }
    const char *copy = rs_arena_text(&l->memory->arena, text);
    l->failed = l->failed || copy == NULL;
    return copy;
}

/* Letters, digits, '.', '_' and '-': what Kafka takes in topics, and what needs no escaping in Redis keys. */
static bool plain_name(const char *text, size_t max)
{
    size_t size = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    return size > 0 && size <= max && text[size] == '\0';
}

/* ---- schemas ---- */

static const char *join_path(struct rs_stream_loader *l, const char *directory, const char *path)
{
    if (path[0] == '/') {
        return rs_stream_keep(l, path);
    }
    struct rs_buf joined = {0};
    rs_buf_printf(&joined, "%s/%s", directory, path);
    rs_buf_char(&joined, '\0');
    const char *kept = joined.failed ? NULL : rs_stream_keep(l, (const char *)joined.data);
    l->failed = l->failed || joined.failed;
    rs_buf_fini(&joined);
    return kept;
}

static const struct rs_stream_schema *add_schema(struct rs_stream_loader *l,
                                                 const struct rs_config_node *where, const char *path)
{
    struct rs_streams_memory *memory = l->memory;
    struct rs_stream_schema *grown =
        realloc(memory->schemas, (memory->schema_count + 1) * sizeof(*memory->schemas));
    if (grown == NULL) {
        l->failed = true;
        return NULL;
    }
    memory->schemas = grown;
    struct rs_stream_schema *added = &grown[memory->schema_count];
    *added = (struct rs_stream_schema){.path = path};
    struct rs_error error;
    if (rs_schema_load(path, &added->document, &error) != RS_OK) {
        l->failed = l->failed || error.code == RS_ENOMEM;
        rs_config_complain(l->config, where, "%s", error.text);
        return NULL;
    }
    if (rs_frame_add(memory->registry, rs_schema_root(added->document), &added->number, &error) != RS_OK) {
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
    if (full == NULL) {
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
    if (path == NULL || *path == '\0') {
        rs_config_complain(l->config, value, "the schema with id %u needs the path of its file", id);
        return;
    }
    const struct rs_stream_schema *schema = rs_stream_schema(l, value, path);
    struct rs_error error;
    if (schema == NULL) {
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
    bool library =
        dladdr(&here, &info) != 0 && info.dli_fname != NULL && strstr(info.dli_fname, ".so") != NULL;
    if (realpath(library ? info.dli_fname : "/proc/self/exe", path) == NULL) {
        return false;
    }
    for (char *slash = strrchr(path, '/'); slash != NULL && slash != path; slash = strrchr(path, '/')) {
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

static void read_schemas(struct rs_stream_loader *l, const struct rs_config_node *root)
{
    l->directory = installed_schemas(l);
    const struct rs_config_node *node = rs_config_get(root, "schemas");
    static const char *const known[] = {"directory", "ids", NULL};
    if (node == NULL) {
        return;
    }
    rs_config_expect_mapping(l->config, node, "schemas", known);
    if (rs_config_kind(node) != RS_CONFIG_MAPPING) {
        return;
    }
    const char *directory = NULL;
    if (rs_config_string(l->config, node, "directory", &directory) && directory != NULL) {
        l->directory = join_path(l, rs_config_directory(l->config), directory);
    }
    const struct rs_config_node *ids = rs_config_get(node, "ids");
    if (ids == NULL || l->failed) {
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

/* ---- streams ---- */

static void read_stream(struct rs_stream_loader *l, const struct rs_config_node *root, size_t index)
{
    const struct rs_config_node *key = NULL;
    const struct rs_config_node *node = NULL;
    rs_config_pair(rs_config_get(root, "streams"), index, &key, &node);
    struct rs_stream *stream = &l->streams->items[index];
    stream->index = (uint32_t)index;
    stream->name = rs_stream_keep(l, rs_config_text(key));
    stream->node = node;
    if (l->failed) {
        return;
    }
    if (!plain_name(stream->name, NAME_MAX_SIZE)) {
        rs_config_complain(l->config, key, "a stream's name has 1 to %d letters, digits, '.', '_' and '-'",
                           NAME_MAX_SIZE);
    }
    rs_stream_read(l, node, stream);
    if (!l->failed && stream->schema != NULL) {
        rs_stream_read_key(l, root, stream);
    }
}

static void read_streams(struct rs_stream_loader *l, const struct rs_config_node *root)
{
    const struct rs_config_node *node = rs_config_get(root, "streams");
    if (node == NULL) {
        rs_config_complain(l->config, root, "`streams` is missing: there is nothing to read");
        return;
    }
    if (rs_config_kind(node) != RS_CONFIG_MAPPING || rs_config_size(node) == 0) {
        rs_config_complain(l->config, node,
                           "`streams` is a mapping from names to settings, with one stream at least");
        return;
    }
    size_t count = rs_config_size(node);
    l->streams->items = rs_arena_array(&l->memory->arena, count, sizeof(struct rs_stream));
    if (l->streams->items == NULL) {
        l->failed = true;
        return;
    }
    l->streams->count = count;
    for (size_t i = 0; i < count && !l->failed; i++) {
        read_stream(l, root, i);
    }
}

static void read_group(struct rs_stream_loader *l, const struct rs_config_node *root)
{
    const char *group = "rollstat";
    if (rs_config_string(l->config, root, "group", &group) && !plain_name(group, GROUP_MAX_SIZE)) {
        rs_config_complain(
            l->config, rs_config_get(root, "group"),
            "`group` has 1 to %d letters, digits, '.', '_' and '-': it begins the names of topics",
            GROUP_MAX_SIZE);
    }
    l->streams->group = rs_stream_keep(l, group);
}

static struct rs_streams *new_streams(void)
{
    struct rs_error error;
    struct rs_streams *streams = calloc(1, sizeof *streams);
    struct rs_streams_memory *memory = calloc(1, sizeof *memory);
    if (streams == NULL || memory == NULL || rs_frame_registry_new(&memory->registry, &error) != RS_OK) {
        free(streams);
        free(memory);
        return NULL;
    }
    streams->memory = memory;
    streams->registry = memory->registry;
    return streams;
}

int rs_streams_load(struct rs_config *config, struct rs_streams **out, struct rs_error *error)
{
    *out = NULL;
    const struct rs_config_node *root = rs_config_root(config);
    if (root == NULL || rs_config_kind(root) != RS_CONFIG_MAPPING) {
        return rs_fail(error, RS_ECONFIG, "the configuration is not a mapping with `streams` in it");
    }
    struct rs_streams *streams = new_streams();
    if (streams == NULL) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    size_t before = rs_config_complaints(config);
    struct rs_stream_loader loader = {.config = config, .streams = streams, .memory = streams->memory};
    read_group(&loader, root);
    read_schemas(&loader, root);
    if (!loader.failed) {
        read_streams(&loader, root);
    }
    if (loader.failed) {
        rs_streams_free(&streams);
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    int code = rs_config_complaints(config) == before
                   ? RS_OK
                   : rs_fail(error, RS_ECONFIG, "the configuration of the streams is wrong");
    if (code != RS_OK && (loader.unreadable || streams->count == 0)) {
        rs_streams_free(&streams);
    }
    *out = streams;
    return code;
}

void rs_streams_free(struct rs_streams **streams)
{
    if (streams == NULL || *streams == NULL) {
        return;
    }
    struct rs_streams_memory *memory = (*streams)->memory;
    for (size_t i = 0; i < memory->schema_count; i++) {
        rs_schema_free(&memory->schemas[i].document);
    }
    free(memory->schemas);
    rs_frame_registry_free(&memory->registry);
    rs_arena_fini(&memory->arena);
    free(memory);
    free(*streams);
    *streams = NULL;
}

const struct rs_stream *rs_streams_find(const struct rs_streams *streams, const char *name)
{
    for (size_t i = 0; i < streams->count; i++) {
        if (strcmp(streams->items[i].name, name) == 0) {
            return &streams->items[i];
        }
    }
    return NULL;
}
