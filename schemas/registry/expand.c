#include "schemas/registry/expand.h"

#include <jansson.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/registry/answer.h"

#define LOAD_FLAGS    (JSON_DECODE_ANY | JSON_REJECT_DUPLICATES)
#define NAME_MAX_SIZE 1024 /* of a full name; a longer one is left to the parser */

struct expansion {
    json_t *definitions; /* full name → [definition, the namespace around it] */
    json_t *emitted;     /* full name → true */
    struct rs_error *error;
    int code; /* sticky */
};

static int fail(struct expansion *e, enum rs_code code, const char *text)
{
    e->code = e->code ? e->code : rs_fail(e->error, code, "%s", text);
    return e->code;
}

/* ---- names ---- */

static bool is_definition(const json_t *node)
{
    static const char *const kinds[] = {"record", "error", "enum", "fixed"};
    const char *type = json_string_value(json_object_get(node, "type"));

    for (size_t i = 0; type && i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(type, kinds[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool join(const char *space, const char *name, char out[NAME_MAX_SIZE])
{
    bool whole = strchr(name, '.') || space[0] == '\0';
    int size = snprintf(out, NAME_MAX_SIZE, "%s%s%s", whole ? "" : space, whole ? "" : ".", name);

    return size > 0 && size < NAME_MAX_SIZE;
}

static bool full_name(const json_t *node, const char *space, char out[NAME_MAX_SIZE])
{
    const char *name = json_string_value(json_object_get(node, "name"));
    const char *own = json_string_value(json_object_get(node, "namespace"));

    return name && join(own ? own : space, name, out);
}

static void space_of(const char *full, char out[NAME_MAX_SIZE])
{
    const char *dot = strrchr(full, '.');
    size_t size = dot ? (size_t)(dot - full) : 0;

    memcpy(out, full, size);
    out[size] = '\0';
}

/* ---- what the others define ---- */

static void collect(struct expansion *e, json_t *node, const char *space, size_t depth);

static void collect_definition(struct expansion *e, json_t *node, const char *space, size_t depth)
{
    char full[NAME_MAX_SIZE];
    char inner[NAME_MAX_SIZE];

    if (!full_name(node, space, full)) {
        return;
    }
    const json_t *known = json_array_get(json_object_get(e->definitions, full), 0);
    if (known && !json_equal(known, node)) {
        (void)fail(e, RS_ESCHEMA, "two of the schemas that it refers to define one name in two ways");
        return;
    }
    json_t *entry = json_pack("[O, s]", node, space);
    if (!entry || json_object_set_new(e->definitions, full, entry) != 0) {
        (void)fail(e, RS_ENOMEM, "out of memory");
        return;
    }
    space_of(full, inner);
    size_t i;
    json_t *field;
    json_array_foreach(json_object_get(node, "fields"), i, field)
    {
        collect(e, json_object_get(field, "type"), inner, depth + 1);
    }
}

static void collect(struct expansion *e, json_t *node, const char *space, size_t depth)
{
    size_t i;
    json_t *branch;

    if (depth > RS_REGISTRY_SCHEMA_DEPTH || e->code) {
        return;
    }
    json_array_foreach(node, i, branch)
    {
        collect(e, branch, space, depth + 1);
    }
    if (!json_is_object(node)) {
        return;
    }
    if (is_definition(node)) {
        collect_definition(e, node, space, depth);
        return;
    }
    collect(e, json_object_get(node, "type"), space, depth + 1);
    collect(e, json_object_get(node, "items"), space, depth + 1);
    collect(e, json_object_get(node, "values"), space, depth + 1);
}

/* ---- putting them in ---- */

static json_t *expand(struct expansion *e, json_t *node, const char *space, size_t depth);

/* Replaces a member by what it expands to. */
static void expand_member(struct expansion *e, json_t *object, const char *key, const char *space,
                          size_t depth)
{
    json_t *member = json_object_get(object, key);
    json_t *expanded = member ? expand(e, member, space, depth) : NULL;

    if (expanded && json_object_set_new(object, key, expanded) != 0) {
        (void)fail(e, RS_ENOMEM, "out of memory");
    }
}

static void expand_fields(struct expansion *e, json_t *record, const char *space, size_t depth)
{
    const json_t *fields = json_object_get(record, "fields");
    json_t *list = json_array();
    size_t i;
    json_t *field;

    json_array_foreach(fields, i, field)
    {
        json_t *copy = json_copy(field);
        expand_member(e, copy, "type", space, depth);
        if (json_array_append_new(list, copy) != 0) {
            (void)fail(e, RS_ENOMEM, "out of memory");
        }
    }
    if (json_object_set_new(record, "fields", list) != 0) {
        (void)fail(e, RS_ENOMEM, "out of memory");
    }
}

/* It may stand in another namespace than where it was written: its name is given in full. */
static json_t *define(struct expansion *e, json_t *node, const char *space, size_t depth)
{
    char full[NAME_MAX_SIZE];
    char inner[NAME_MAX_SIZE];
    json_t *copy = json_copy(node);

    if (!copy || !full_name(node, space, full)) {
        return copy;
    }
    /* Inside of a definition that is put in later: it was put in by itself already. */
    if (json_object_get(e->emitted, full) && json_object_get(e->definitions, full)) {
        json_decref(copy);
        return json_string(full);
    }
    space_of(full, inner);
    const char *name = inner[0] != '\0' ? full + strlen(inner) + 1 : full;
    if (json_object_set_new(e->emitted, full, json_true()) != 0 ||
        json_object_set_new(copy, "name", json_string(name)) != 0 ||
        json_object_set_new(copy, "namespace", json_string(inner)) != 0) {
        (void)fail(e, RS_ENOMEM, "out of memory");
    }
    if (json_is_array(json_object_get(copy, "fields"))) {
        expand_fields(e, copy, inner, depth + 1);
    }
    return copy;
}

/* A name that is no type of another schema, which all the primitive ones are, stays as it is. */
static json_t *use(struct expansion *e, const char *name, const char *space, size_t depth)
{
    char full[NAME_MAX_SIZE];

    if (!join(space, name, full)) {
        return json_string(name);
    }
    const json_t *entry = json_object_get(e->definitions, full);
    if (!entry || json_object_get(e->emitted, full)) {
        return json_string(entry && strchr(full, '.') ? full : name);
    }
    return define(e, json_array_get(entry, 0), json_string_value(json_array_get(entry, 1)), depth);
}

static json_t *expand_object(struct expansion *e, json_t *node, const char *space, size_t depth)
{
    const json_t *type = json_object_get(node, "type");

    if (is_definition(node)) {
        return define(e, node, space, depth);
    }
    if (json_is_string(type) && json_object_size(node) == 1) { /* {"type": "Name"} */
        return use(e, json_string_value(type), space, depth);
    }
    if (json_is_object(type) && json_object_size(node) == 1) { /* around another: what is inside says all */
        return expand(e, json_object_get(node, "type"), space, depth + 1);
    }
    json_t *copy = json_copy(node);
    if (copy && !json_is_string(type)) {
        expand_member(e, copy, "type", space, depth + 1);
    }
    if (copy) {
        expand_member(e, copy, "items", space, depth + 1);
        expand_member(e, copy, "values", space, depth + 1);
    }
    return copy;
}

static json_t *expand(struct expansion *e, json_t *node, const char *space, size_t depth)
{
    json_t *out = NULL;

    if (depth > RS_REGISTRY_SCHEMA_DEPTH) {
        (void)fail(e, RS_ESCHEMA, "with the schemas that it refers to it nests too deep");
    } else if (json_is_string(node)) {
        out = use(e, json_string_value(node), space, depth);
    } else if (json_is_array(node)) {
        size_t i;
        json_t *branch;
        out = json_array();
        json_array_foreach(node, i, branch)
        {
            if (e->code || json_array_append_new(out, expand(e, branch, space, depth + 1)) != 0) {
                break;
            }
        }
    } else {
        out = json_is_object(node) ? expand_object(e, node, space, depth) : json_deep_copy(node);
    }
    if (!out) {
        (void)fail(e, RS_ENOMEM, "out of memory");
    }
    return out;
}

static int load(struct rs_slice text, json_t **out, struct rs_error *error)
{
    if (rs_registry_json_depth(text) <= RS_REGISTRY_SCHEMA_DEPTH) {
        *out = json_loadb((const char *)text.data, text.size, LOAD_FLAGS, NULL);
    }
    return *out ? 0 : rs_fail(error, RS_ESCHEMA, "it, or a schema that it refers to, is no JSON");
}

static int put(const json_t *root, struct rs_buf *out, struct rs_error *error)
{
    char *text = json_dumps(root, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(17));

    if (text) {
        rs_buf_text(out, text);
    }
    bool whole = text && !out->failed;
    free(text);
    return whole ? 0 : rs_fail(error, RS_ENOMEM, "out of memory");
}

int rs_registry_expand(struct rs_slice text, const struct rs_slice *others, size_t count, struct rs_buf *out,
                       struct rs_error *error)
{
    struct expansion e = {.definitions = json_object(), .emitted = json_object(), .error = error};
    json_t *root = NULL;
    json_t *whole = NULL;

    if (!e.definitions || !e.emitted) {
        (void)fail(&e, RS_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < count && e.code == 0; i++) {
        json_t *other = NULL;
        e.code = load(others[i], &other, error);
        collect(&e, other, "", 0);
        json_decref(other);
    }
    if (e.code == 0) {
        e.code = load(text, &root, error);
    }
    if (e.code == 0) {
        whole = expand(&e, root, "", 0);
    }
    if (e.code == 0) {
        e.code = put(whole, out, error);
    }
    json_decref(whole);
    json_decref(root);
    json_decref(e.definitions);
    json_decref(e.emitted);
    return e.code;
}

/* ---- comparing ---- */

bool rs_registry_same_json(struct rs_slice a, struct rs_slice b)
{
    struct rs_error error;
    json_t *one = NULL;
    json_t *other = NULL;
    bool same = load(a, &one, &error) == 0 && load(b, &other, &error) == 0 && json_equal(one, other) == 1;

    json_decref(one);
    json_decref(other);
    return same;
}

uint64_t rs_registry_json_digest(struct rs_slice text)
{
    struct rs_error error;
    struct sha256_ctx sha;
    uint8_t digest[SHA256_DIGEST_SIZE];
    uint64_t out = 0;
    json_t *root = NULL;
    char *sorted = load(text, &root, &error) == 0
                       ? json_dumps(root, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS)
                       : NULL;

    sha256_init(&sha);
    if (sorted) {
        sha256_update(&sha, strlen(sorted), (const uint8_t *)sorted);
    } else {
        sha256_update(&sha, text.size, text.data);
    }
    sha256_digest(&sha, sizeof digest, digest);
    memcpy(&out, digest, sizeof out);
    free(sorted);
    json_decref(root);
    return out;
}
