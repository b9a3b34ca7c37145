#include "schemas/registry/answer.h"

#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Counted before anything is parsed, so that nothing recurses into what is too deep. */
size_t rs_registry_json_depth(struct rs_slice text)
{
    size_t depth = 0;
    size_t deepest = 0;
    bool inside = false;

    for (size_t i = 0; i < text.size; i++) {
        switch (text.data[i]) {
        case '"': inside = !inside; break;
        case '\\': i += inside ? 1 : 0; break;
        case '[':
        case '{':
            depth += inside ? 0 : 1;
            deepest = depth > deepest ? depth : deepest;
            break;
        case ']':
        case '}': depth -= !inside && depth > 0 ? 1 : 0; break;
        default: break;
        }
    }
    return deepest;
}

static json_t *parse(struct rs_slice body)
{
    if (rs_registry_json_depth(body) > RS_REGISTRY_BODY_DEPTH) {
        return NULL;
    }
    json_t *root = json_loadb((const char *)body.data, body.size, JSON_REJECT_DUPLICATES, NULL);
    if (root && !json_is_object(root)) {
        json_decref(root);
        return NULL;
    }
    return root;
}

static int no_answer(struct rs_error *error, const char *what)
{
    return rs_fail(error, RS_EIO, "its answer %s: is this the URL of a schema registry?", what);
}

/* ---- references ---- */

static int read_reference(const json_t *item, struct rs_registry_reference *out, struct rs_error *error)
{
    const json_t *subject = json_object_get(item, "subject");
    const json_t *version = json_object_get(item, "version");

    if (!json_is_string(subject) || !json_is_integer(version) || json_integer_value(version) < 1 ||
        json_integer_value(version) > INT_MAX) {
        return no_answer(error, "has a reference without subject and version");
    }
    size_t size = json_string_length(subject);
    if (size == 0 || size > RS_REGISTRY_REFERENCE_TEXT) {
        return rs_fail(error, RS_ESCHEMA,
                       "a subject that it refers to has a name of %zu bytes; 1 to %d can be", size,
                       RS_REGISTRY_REFERENCE_TEXT);
    }
    out->version = (int)json_integer_value(version);
    out->subject = strdup(json_string_value(subject));
    return out->subject ? 0 : rs_fail(error, RS_ENOMEM, "out of memory");
}

static int read_references(const json_t *list, struct rs_registry_schema *out, struct rs_error *error)
{
    size_t count = json_array_size(list);

    if (!list || json_is_null(list) || (json_is_array(list) && count == 0)) {
        return 0;
    }
    if (!json_is_array(list)) {
        return no_answer(error, "has references that are no list");
    }
    if (count > RS_REGISTRY_REFERENCES_MAX) {
        return rs_fail(error, RS_ESCHEMA, "it has %zu references; at most %d are followed", count,
                       RS_REGISTRY_REFERENCES_MAX);
    }
    out->references = calloc(count, sizeof *out->references);
    if (!out->references) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    int code = 0;
    for (size_t i = 0; i < count && code == 0; i++) {
        code = read_reference(json_array_get(list, i), &out->references[out->reference_count++], error);
    }
    return code;
}

/* ---- the schema ---- */

/* The type is absent where it is Avro: registries before 5.5 knew no other. */
static int check_type(const json_t *type, struct rs_error *error)
{
    if (!type || json_is_null(type)) {
        return 0;
    }
    if (!json_is_string(type)) {
        return no_answer(error, "has a schemaType that is no text");
    }
    const char *text = json_string_value(type);
    if (strcmp(text, "AVRO") == 0) {
        return 0;
    }
    bool told = strcmp(text, "JSON") == 0 || strcmp(text, "PROTOBUF") == 0;
    return rs_fail(error, RS_ESCHEMA, "it is of %s, not of AVRO", told ? text : "another type");
}

static int read_text(const json_t *schema, struct rs_registry_schema *out, struct rs_error *error)
{
    if (!json_is_string(schema)) {
        return no_answer(error, "has no schema");
    }
    size_t size = json_string_length(schema);
    if (size > RS_REGISTRY_SCHEMA_MAX) {
        return rs_fail(error, RS_ESCHEMA, "it has %zu bytes; at most %zu are read", size,
                       RS_REGISTRY_SCHEMA_MAX);
    }
    size_t depth = rs_registry_json_depth(rs_slice_of(json_string_value(schema), size));
    if (depth > RS_REGISTRY_SCHEMA_DEPTH) {
        return rs_fail(error, RS_ESCHEMA, "it nests %zu levels deep; at most %d are read", depth,
                       RS_REGISTRY_SCHEMA_DEPTH);
    }
    out->text = malloc(size + 1);
    if (!out->text) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    memcpy(out->text, json_string_value(schema), size);
    out->text[size] = '\0';
    out->size = size;
    return 0;
}

int rs_registry_answer_read(struct rs_slice body, struct rs_registry_schema *out, struct rs_error *error)
{
    struct rs_registry_schema read = {0};
    json_t *root = parse(body);

    if (!root) {
        return no_answer(error, "is no JSON object");
    }
    int code = check_type(json_object_get(root, "schemaType"), error);
    if (code == 0) {
        code = read_text(json_object_get(root, "schema"), &read, error);
    }
    if (code == 0) {
        code = read_references(json_object_get(root, "references"), &read, error);
    }
    json_decref(root);
    if (code != 0) {
        rs_registry_schema_fini(&read);
        return code;
    }
    *out = read;
    return 0;
}

void rs_registry_schema_fini(struct rs_registry_schema *schema)
{
    for (size_t i = 0; i < schema->reference_count; i++) {
        free(schema->references[i].subject);
    }
    free(schema->references);
    free(schema->text);
    *schema = (struct rs_registry_schema){0};
}

int rs_registry_answer_code(struct rs_slice body)
{
    json_t *root = parse(body);
    json_int_t code = root ? json_integer_value(json_object_get(root, "error_code")) : 0;

    json_decref(root);
    return code > 0 && code <= INT_MAX ? (int)code : 0;
}

int rs_registry_answer_explain(const char *url, long status, int told, const char *may,
                               struct rs_error *error)
{
    if (status >= 300 && status < 400) {
        return rs_fail(error, RS_EIO,
                       "%s answers %ld, a redirect, which is not followed: give the URL that it leads to",
                       url, status);
    }
    if (status == 401 || status == 403) {
        return rs_fail(
            error, RS_EIO,
            "%s answers %ld: look at `username` and `password_file`, or `token_file`, and at what this "
            "user may %s",
            url, status, may);
    }
    if (status == 404) {
        return rs_fail(
            error, RS_EIO,
            "%s answers 404 with error code %d, which does not say that there is no such schema (%d "
            "does): is this the URL of a schema registry?",
            url, told, RS_REGISTRY_NO_SCHEMA);
    }
    return rs_fail(error, RS_EIO, "%s answers %ld", url, status);
}

int rs_registry_answer_id(struct rs_slice body, uint32_t *id, struct rs_error *error)
{
    json_t *root = parse(body);
    const json_t *value = root ? json_object_get(root, "id") : NULL;
    json_int_t number = json_is_integer(value) ? json_integer_value(value) : -1;
    const char *lacks = root ? "has no id" : "is no JSON object";

    json_decref(root);
    if (number < 0 || number > INT32_MAX) {
        return no_answer(error, lacks);
    }
    *id = (uint32_t)number;
    return 0;
}

/* Bytes beyond ASCII are shown as '?', too: a terminal may be told what to do by them. */
void rs_registry_answer_message(struct rs_slice body, char out[RS_REGISTRY_MESSAGE_MAX + 1])
{
    json_t *root = parse(body);
    const char *text = root ? json_string_value(json_object_get(root, "message")) : NULL;
    size_t size = 0;

    for (; text && *text != '\0' && size < RS_REGISTRY_MESSAGE_MAX; text++) {
        bool plain = *text >= ' ' && *text <= '~';
        out[size] = '?';
        if (plain) {
            out[size] = *text;
        }
        size++;
    }
    out[size] = '\0';
    if (text && *text != '\0') {
        memcpy(out + size - 3, "...", 3);
    }
    json_decref(root);
}
