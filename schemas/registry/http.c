#include "schemas/registry/http.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "schemas/registry/answer.h"

#define SECRET_MAX  ((size_t)64 << 10)
#define HEADERS_MAX ((size_t)64 << 10)
#define ACCEPT      "Accept: application/vnd.schemaregistry.v1+json, application/json"
#define SENT        "Content-Type: application/vnd.schemaregistry.v1+json"

struct rs_registry_http {
    const struct rs_registry_config *config;
    const _Atomic bool *stop;
    CURL *curl;
    struct curl_slist *headers, *headers_of_post;
    char text[CURL_ERROR_SIZE]; /* curl's, of the question under way */
    /* of the question under way */
    struct rs_buf *body;
    size_t header_bytes;
    bool too_large, too_many_headers, encoded;
};

/* ---- what curl calls ---- */

static size_t on_body(char *data, size_t one, size_t size, void *self)
{
    struct rs_registry_http *http = self;

    (void)one;
    if (size > RS_REGISTRY_BODY_MAX - http->body->size) {
        http->too_large = true;
        return 0;
    }
    rs_buf_put(http->body, data, size);
    return http->body->failed ? 0 : size;
}

static size_t on_header(char *data, size_t one, size_t size, void *self)
{
    static const char encoding[] = "content-encoding:";
    struct rs_registry_http *http = self;
    size_t at = sizeof encoding - 1;

    (void)one;
    http->header_bytes += size;
    http->too_many_headers = http->header_bytes > HEADERS_MAX;
    if (size > at && strncasecmp(data, encoding, at) == 0) {
        while (at < size && isspace((unsigned char)data[at])) {
            at++;
        }
        http->encoded = at < size && !(size - at >= 8 && strncasecmp(data + at, "identity", 8) == 0);
    }
    return http->too_many_headers || http->encoded ? 0 : size;
}

static int on_progress(void *self, curl_off_t all, curl_off_t got, curl_off_t out, curl_off_t sent)
{
    const struct rs_registry_http *http = self;

    (void)all;
    (void)got;
    (void)out;
    (void)sent;
    return atomic_load(http->stop) ? 1 : 0;
}

/* ---- life ---- */

static bool set_limits(CURL *curl, const struct rs_registry_config *config)
{
    long timeout_ms = (long)(config->timeout_us / 1000);

    return curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 16384L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK;
}

static bool set_tls(CURL *curl, const struct rs_registry_config *config)
{
    bool set = curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK;

    if (config->ca) {
        set = set && curl_easy_setopt(curl, CURLOPT_CAINFO, config->ca) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_CAPATH, NULL) == CURLE_OK;
    }
    if (config->certificate) {
        set = set && curl_easy_setopt(curl, CURLOPT_SSLCERT, config->certificate) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_SSLKEY, config->key) == CURLE_OK;
    }
    return set;
}

static bool set_calls(struct rs_registry_http *http)
{
    CURL *curl = http->curl;

    return curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, http->text) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_USERAGENT, "rollstat/" RS_VERSION) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEDATA, http) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HEADERDATA, http) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_XFERINFODATA, http) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L) == CURLE_OK;
}

/* The longer list, or NULL, where `list` may be what an earlier call could not make. */
static struct curl_slist *append(struct curl_slist *list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(list, line);

    if (!longer) {
        curl_slist_free_all(list);
    }
    return longer;
}

int rs_registry_http_new(const struct rs_registry_config *config, const _Atomic bool *stop,
                         struct rs_registry_http **out, struct rs_error *error)
{
    struct rs_registry_http *http = NULL;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) { /* counted: each has its cleanup */
        return rs_fail(error, RS_ENOMEM, "libcurl cannot be initialised");
    }
    http = calloc(1, sizeof *http);
    if (!http) {
        curl_global_cleanup();
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    http->config = config;
    http->stop = stop;
    http->curl = curl_easy_init();
    http->headers = curl_slist_append(NULL, ACCEPT);
    http->headers_of_post =
        append(append(append(NULL, ACCEPT), SENT), "Expect:"); /* nobody waits for a 100 */
    if (!http->curl || !http->headers || !http->headers_of_post || !set_limits(http->curl, config) ||
        !set_tls(http->curl, config) || !set_calls(http)) {
        rs_registry_http_free(&http);
        return rs_fail(error, RS_ENOMEM, "libcurl cannot be set up for a registry");
    }
    *out = http;
    return 0;
}

void rs_registry_http_free(struct rs_registry_http **http)
{
    if (!*http) {
        return;
    }
    curl_easy_cleanup((*http)->curl);
    curl_slist_free_all((*http)->headers);
    curl_slist_free_all((*http)->headers_of_post);
    free(*http);
    *http = NULL;
    curl_global_cleanup();
}

/* ---- secrets ---- */

static int read_secret(const char *path, struct rs_buf *out, struct rs_error *error)
{
    int code = rs_file_read(path, SECRET_MAX, out, error);

    while (code == 0 && out->size > 0 &&
           (out->data[out->size - 1] == '\n' || out->data[out->size - 1] == '\r')) {
        out->size--;
    }
    for (size_t i = 0; code == 0 && i < out->size; i++) {
        code = iscntrl(out->data[i]) ? rs_fail(error, RS_EIO, "%s holds more than one line", path) : 0;
    }
    if (code == 0 && out->size == 0) {
        code = rs_fail(error, RS_EIO, "%s is empty", path);
    }
    return code != 0 || rs_buf_cstr(out) ? code : rs_fail(error, RS_ENOMEM, "out of memory");
}

static int set_secret(struct rs_registry_http *http, struct rs_error *error)
{
    const struct rs_registry_config *config = http->config;
    const char *path = config->token_file ? config->token_file : config->password_file;
    struct rs_buf secret = {0};

    if (!path) {
        return 0;
    }
    int code = read_secret(path, &secret, error);
    bool set = code == 0;
    if (set && config->token_file) {
        set = curl_easy_setopt(http->curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER) == CURLE_OK &&
              curl_easy_setopt(http->curl, CURLOPT_XOAUTH2_BEARER, (const char *)secret.data) == CURLE_OK;
    } else if (set) {
        set = curl_easy_setopt(http->curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC) == CURLE_OK &&
              curl_easy_setopt(http->curl, CURLOPT_USERNAME, config->username) == CURLE_OK &&
              curl_easy_setopt(http->curl, CURLOPT_PASSWORD, (const char *)secret.data) == CURLE_OK;
    }
    if (secret.data) {
        explicit_bzero(secret.data, secret.capacity);
    }
    rs_buf_fini(&secret);
    return code != 0 || set ? code : rs_fail(error, RS_ENOMEM, "out of memory");
}

/* ---- a question ---- */

static int explain(const struct rs_registry_http *http, const char *url, CURLcode result,
                   struct rs_error *error)
{
    if (http->too_large) {
        return rs_fail(error, RS_ELIMIT, "its answer has more than %zu bytes", RS_REGISTRY_BODY_MAX);
    }
    if (http->encoded) {
        return rs_fail(error, RS_EIO, "%s answers compressed, which nobody asked for", url);
    }
    if (http->too_many_headers) {
        return rs_fail(error, RS_EIO, "%s answers with more than %zu bytes of headers", url, HEADERS_MAX);
    }
    if (result == CURLE_OPERATION_TIMEDOUT) {
        return rs_fail(error, RS_EIO, "%s did not answer within %lld ms", url,
                       (long long)(http->config->timeout_us / 1000));
    }
    return rs_fail(error, RS_EIO, "%s: %s", url,
                   http->text[0] != '\0' ? http->text : curl_easy_strerror(result));
}

/* `sent` NULL: a GET. */
static bool set_method(struct rs_registry_http *http, const struct rs_slice *sent)
{
    CURL *curl = http->curl;

    if (!sent) {
        return curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_HTTPHEADER, http->headers) == CURLE_OK;
    }
    return curl_easy_setopt(curl, CURLOPT_POST, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HTTPHEADER, http->headers_of_post) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)sent->size) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_POSTFIELDS, (const char *)sent->data) == CURLE_OK;
}

static int ask(struct rs_registry_http *http, size_t url, const char *path, const struct rs_slice *sent,
               struct rs_buf *body, long *status, struct rs_error *error)
{
    const char *base = http->config->urls[url];
    struct rs_buf whole = {0};

    rs_buf_printf(&whole, "%s%s", base, path);
    const char *text = rs_buf_cstr(&whole);
    rs_buf_reset(body);
    http->body = body;
    http->header_bytes = 0;
    http->too_large = http->too_many_headers = http->encoded = false;
    http->text[0] = '\0';
    int code = text && curl_easy_setopt(http->curl, CURLOPT_URL, text) == CURLE_OK && set_method(http, sent)
                   ? set_secret(http, error)
                   : rs_fail(error, RS_ENOMEM, "out of memory");
    rs_buf_fini(&whole);
    if (code != 0) {
        return code;
    }
    CURLcode result = curl_easy_perform(http->curl);
    *status = 0;
    (void)curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, status);
    if (result == CURLE_OK && !body->failed) {
        return 0;
    }
    code = explain(http, base, result, error);
    return code == RS_ELIMIT && *status != 200
               ? rs_fail(error, RS_EIO, "%s answers %ld with too many bytes", base, *status)
               : code;
}

int rs_registry_http_get(struct rs_registry_http *http, size_t url, const char *path, struct rs_buf *body,
                         long *status, struct rs_error *error)
{
    return ask(http, url, path, NULL, body, status, error);
}

int rs_registry_http_post(struct rs_registry_http *http, size_t url, const char *path, struct rs_slice sent,
                          struct rs_buf *body, long *status, struct rs_error *error)
{
    return ask(http, url, path, &sent, body, status, error);
}

void rs_registry_http_escape(const char *text, struct rs_buf *out)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (isalnum(*c) || strchr("-._~", *c)) {
            rs_buf_char(out, (char)*c);
        } else {
            rs_buf_printf(out, "%%%02X", *c);
        }
    }
}
