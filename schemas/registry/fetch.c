#include "schemas/registry/fetch.h"

#include <stdlib.h>
#include <string.h>

#include "schemas/registry/answer.h"
#include "schemas/registry/expand.h"

/* A schema and, in `schemas[1…]`, those that it refers to, each once. They are found breadth first: the list
 * is its own queue. */
struct tree {
    struct rs_registry_schema schemas[RS_REGISTRY_REFERENCES_MAX + 1];
    size_t count;
    const struct rs_registry_reference *names[RS_REGISTRY_REFERENCES_MAX + 1]; /* of each but the first */
    size_t bytes;
};

/* ---- one answer ---- */

/* RS_EINVAL: there is no such schema; RS_ESCHEMA: there is, but it is not to be used. */
static int get(struct rs_registry_fetch *f, size_t url, const char *path, struct rs_registry_schema *out,
               struct rs_error *error)
{
    struct rs_buf body = {0};
    long status = 0;

    f->requests++;
    int code = rs_registry_http_get(f->http, url, path, &body, &status, error);
    f->answered = f->answered || status != 0;
    if (code == RS_ELIMIT) {
        /* Whoever was to answer with a page of another kind would not begin it like this. */
        bool json = body.size > 0 && body.data[0] == '{';
        code = json ? rs_fail(error, RS_ESCHEMA, "the registry's answer has more than %zu bytes",
                              RS_REGISTRY_BODY_MAX)
                    : rs_fail(error, RS_EIO, "%s answers with more than %zu bytes that are no JSON",
                              f->config->urls[url], RS_REGISTRY_BODY_MAX);
    } else if (code == 0 && status == 200) {
        code = rs_registry_answer_read(rs_buf_slice(&body), out, error);
        code = code == RS_EIO ? rs_error_prefix(error, "%s", f->config->urls[url]) : code;
    } else if (code == 0) {
        int told = rs_registry_answer_code(rs_buf_slice(&body));
        code = status == 404 && told == RS_REGISTRY_NO_SCHEMA
                   ? rs_fail(error, RS_EINVAL, "%s says that there is no such schema", f->config->urls[url])
                   : rs_registry_answer_explain(f->config->urls[url], status, told, "read", error);
    }
    f->failures += code == RS_EIO ? 1 : 0;
    rs_buf_fini(&body);
    return code;
}

/* ---- what it refers to ---- */

static bool listed(const struct tree *tree, const struct rs_registry_reference *name)
{
    for (size_t i = 1; i < tree->count; i++) {
        if (tree->names[i]->version == name->version && strcmp(tree->names[i]->subject, name->subject) == 0) {
            return true;
        }
    }
    return false;
}

static int count_bytes(struct tree *tree, const struct rs_registry_schema *schema, struct rs_error *error)
{
    tree->bytes += schema->size;
    return tree->bytes <= RS_REGISTRY_SCHEMA_MAX
               ? 0
               : rs_fail(error, RS_ESCHEMA, "with the schemas that it refers to it has more than %zu bytes",
                         RS_REGISTRY_SCHEMA_MAX);
}

/* A reference that is missing is the registry's to mend: the schema itself is there. */
static int get_reference(struct rs_registry_fetch *f, size_t url, struct tree *tree,
                         const struct rs_registry_reference *name, struct rs_error *error)
{
    struct rs_buf path = {0};

    if (listed(tree, name)) {
        return 0;
    }
    if (tree->count > RS_REGISTRY_REFERENCES_MAX) {
        return rs_fail(error, RS_ESCHEMA, "with the schemas that it refers to it has more than %d references",
                       RS_REGISTRY_REFERENCES_MAX);
    }
    rs_buf_text(&path, "/subjects/");
    rs_registry_http_escape(name->subject, &path);
    rs_buf_printf(&path, "/versions/%d?deleted=true", name->version);
    const char *text = rs_buf_cstr(&path);
    struct rs_registry_schema *schema = &tree->schemas[tree->count];
    int code = text ? get(f, url, text, schema, error) : rs_fail(error, RS_ENOMEM, "out of memory");
    rs_buf_fini(&path);
    if (code == 0) {
        tree->names[tree->count++] = name;
        return count_bytes(tree, schema, error);
    }
    return code == RS_EINVAL ? rs_fail(error, RS_EIO, "%s has the schema, but not one that it refers to",
                                       f->config->urls[url])
                             : code;
}

static int get_references(struct rs_registry_fetch *f, size_t url, struct tree *tree, struct rs_error *error)
{
    int code = count_bytes(tree, &tree->schemas[0], error);

    for (size_t i = 0; i < tree->count && code == 0; i++) {
        for (size_t k = 0; k < tree->schemas[i].reference_count && code == 0; k++) {
            code = get_reference(f, url, tree, &tree->schemas[i].references[k], error);
        }
    }
    return code;
}

static int put_together(const struct tree *tree, struct rs_buf *schema, struct rs_error *error)
{
    struct rs_slice others[RS_REGISTRY_REFERENCES_MAX];
    struct rs_slice text = rs_slice_of(tree->schemas[0].text, tree->schemas[0].size);

    if (tree->count == 1) {
        rs_buf_put(schema, text.data, text.size);
        return schema->failed ? rs_fail(error, RS_ENOMEM, "out of memory") : 0;
    }
    for (size_t i = 1; i < tree->count; i++) {
        others[i - 1] = rs_slice_of(tree->schemas[i].text, tree->schemas[i].size);
    }
    return rs_registry_expand(text, others, tree->count - 1, schema, error);
}

static int get_whole(struct rs_registry_fetch *f, size_t url, const struct rs_registry_key *key,
                     struct rs_buf *schema, struct rs_error *error)
{
    char path[2 * RS_REGISTRY_KEY_TEXT];
    struct tree *tree = calloc(1, sizeof *tree);

    if (!tree) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    rs_registry_key_path(key, path);
    rs_buf_reset(schema);
    int code = get(f, url, path, &tree->schemas[0], error);
    tree->count = 1;
    if (code == 0) {
        code = get_references(f, url, tree, error);
    }
    if (code == 0) {
        code = put_together(tree, schema, error);
    }
    for (size_t i = 0; i < tree->count; i++) {
        rs_registry_schema_fini(&tree->schemas[i]);
    }
    free(tree);
    return code;
}

/* ---- all URLs ---- */

static enum rs_registry_outcome outcome_of(int code)
{
    switch (code) {
    case 0: return RS_REGISTRY_FOUND;
    case RS_EINVAL: return RS_REGISTRY_UNKNOWN;
    case RS_ESCHEMA: return RS_REGISTRY_REFUSED;
    default: return RS_REGISTRY_FAILED;
    }
}

/* The error is that of the outcome, of failures the first: that of the URL that answered last. */
enum rs_registry_outcome rs_registry_fetch(struct rs_registry_fetch *f, const struct rs_registry_key *key,
                                           struct rs_buf *schema, struct rs_error *error)
{
    enum rs_registry_outcome outcome = RS_REGISTRY_FAILED;
    size_t first = f->preferred;

    f->answered = false;
    for (size_t i = 0; i < f->config->url_count; i++) {
        struct rs_error one;
        size_t url = (first + i) % f->config->url_count;
        enum rs_registry_outcome now = outcome_of(get_whole(f, url, key, schema, &one));
        if (now == RS_REGISTRY_FOUND || now == RS_REGISTRY_REFUSED) {
            f->preferred = url;
            *error = now == RS_REGISTRY_REFUSED ? one : *error;
            return now;
        }
        if (now == RS_REGISTRY_UNKNOWN && outcome != RS_REGISTRY_UNKNOWN) {
            f->preferred = url;
            outcome = now;
            *error = one;
        } else if (i == 0) {
            *error = one;
        }
    }
    return outcome;
}
