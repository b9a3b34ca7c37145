#include "schemas/registry/subject.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/registry/answer.h"

static int refused(struct rs_slice body, const char *url, long status, struct rs_error *error)
{
    char words[RS_REGISTRY_MESSAGE_MAX + 1];

    rs_registry_answer_message(body, words);
    return rs_fail(error, RS_ESCHEMA, "%s refuses it%s: %s", url,
                   status == 409 ? " as incompatible with what is there" : "",
                   words[0] != '\0' ? words : "it does not say why");
}

static bool is_missing(long status, int told)
{
    return status == 404 && (told == RS_REGISTRY_NO_SUBJECT || told == RS_REGISTRY_NO_SCHEMA);
}

static enum rs_registry_outcome ask_one(struct rs_registry_http *http, const char *url, size_t number,
                                        const char *path, struct rs_slice sent, bool enter, uint32_t *id,
                                        struct rs_error *error)
{
    enum rs_registry_outcome outcome = RS_REGISTRY_FAILED;
    struct rs_buf body = {0};
    long status = 0;

    int code = rs_registry_http_post(http, number, path, sent, &body, &status, error);
    struct rs_slice answer = rs_buf_slice(&body);
    if (code == 0 && status == 200) {
        code = rs_registry_answer_id(answer, id, error);
        outcome = code == 0 ? RS_REGISTRY_FOUND : outcome;
        (void)(code == 0 ? 0 : rs_error_prefix(error, "%s", url));
    } else if (code == 0 && !enter && is_missing(status, rs_registry_answer_code(answer))) {
        outcome = RS_REGISTRY_UNKNOWN;
        (void)rs_fail(error, RS_EINVAL, "%s does not have it", url);
    } else if (code == 0 && (status == 409 || status == 422)) {
        outcome = RS_REGISTRY_REFUSED;
        (void)refused(answer, url, status, error);
    } else if (code == 0) {
        (void)rs_registry_answer_explain(url, status, rs_registry_answer_code(answer),
                                         enter ? "write" : "read", error);
    }
    rs_buf_fini(&body);
    return outcome;
}

enum rs_registry_outcome rs_registry_subject_ask(struct rs_registry_http *http,
                                                 const struct rs_registry_config *config,
                                                 const struct rs_registry_subject *subject, uint32_t *id,
                                                 struct rs_error *error)
{
    enum rs_registry_outcome outcome = RS_REGISTRY_FAILED;
    struct rs_buf path = {0};
    json_t *root = json_pack("{s:s}", "schema", subject->schema);
    char *sent = root ? json_dumps(root, JSON_COMPACT) : NULL;

    rs_buf_text(&path, "/subjects/");
    rs_registry_http_escape(subject->name, &path);
    rs_buf_text(&path, subject->enter ? "/versions" : "");
    const char *where = rs_buf_cstr(&path);
    if (!sent || !where) {
        (void)rs_fail(error, RS_ENOMEM, "out of memory");
    }
    for (size_t i = 0; sent && where && i < config->url_count; i++) {
        struct rs_error one;
        enum rs_registry_outcome now =
            ask_one(http, config->urls[i], i, where, rs_slice_text(sent), subject->enter, id, &one);
        if (now != RS_REGISTRY_FAILED || i == 0) {
            *error = one;
            outcome = now;
        }
        if (now != RS_REGISTRY_FAILED) {
            break;
        }
    }
    rs_buf_fini(&path);
    free(sent);
    json_decref(root);
    return outcome;
}
