#include "schemas/registry/config.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define TIMEOUT_US (5 * INT64_C(1000000))

struct reading {
    struct rs_config *config;
    struct rs_arena *arena;
    struct rs_registry_config *out;
    bool failed; /* out of memory: sticky */
};

/* ---- URLs ---- */

static bool loopback(const char *host, size_t size)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (size == strlen(names[i]) && strncasecmp(host, names[i], size) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_http(const char *url)
{
    return strncasecmp(url, "http://", 7) == 0;
}

/* What follows the scheme up to the path. */
static const char *authority(const char *url, size_t *size)
{
    const char *host = strstr(url, "://") + 3;

    *size = strcspn(host, "/?#");
    return host;
}

static const char *fault(const char *url)
{
    if (!is_http(url) && strncasecmp(url, "https://", 8) != 0) {
        return "the URL of a registry begins with http:// or https://, as in http://localhost:8081";
    }
    for (const char *c = url; *c; c++) {
        if (!isgraph((unsigned char)*c)) {
            return "the URL of a registry has printable ASCII characters without blanks; others are "
                   "percent-encoded";
        }
    }
    size_t size = 0;
    const char *host = authority(url, &size);
    if (memchr(host, '@', size)) {
        return "a user in the URL of a registry would be shown in the log: use `username` and "
               "`password_file`";
    }
    if (size == 0 || host[0] == ':') {
        return "the URL of the registry has no host";
    }
    return strpbrk(host, "?#") ? "the URL of a registry ends with its path, without '?' or '#'" : NULL;
}

static void add_url(struct reading *r, const struct rs_config_node *node)
{
    const char *text = rs_config_text(node);

    if (rs_config_faulty(node)) {
        return;
    }
    const char *wrong = !text || *text == '\0' ? "the URL of the registry is missing" : fault(text);
    if (wrong) {
        rs_config_complain(r->config, node, "%s", wrong);
        return;
    }
    if (r->out->url_count == RS_REGISTRY_URLS_MAX) {
        rs_config_complain(r->config, node, "a registry has at most %d URLs", RS_REGISTRY_URLS_MAX);
        return;
    }
    char *kept = rs_arena_text(r->arena, text);
    r->failed = r->failed || !kept;
    for (size_t size = kept ? strlen(kept) : 0; size > 0 && kept[size - 1] == '/'; size--) {
        kept[size - 1] = '\0';
    }
    r->out->urls[r->out->url_count++] = kept;
}

static void read_urls(struct reading *r, const struct rs_config_node *section)
{
    const struct rs_config_node *url = rs_config_get(section, "url");
    const struct rs_config_node *urls = rs_config_get(section, "urls");

    if (url && urls) {
        rs_config_complain(r->config, urls,
                           "`url` and `urls` are two ways to say the same: use `urls` alone");
    } else if (url) {
        add_url(r, url);
    } else if (!urls) {
        rs_config_complain(r->config, section,
                           "the registry needs its URL: `url: http://localhost:8081`, or several as "
                           "`urls: [URL, URL]`");
    } else if (rs_config_kind(urls) != RS_CONFIG_SEQUENCE || rs_config_size(urls) == 0) {
        rs_config_complain(r->config, urls,
                           "`urls` is a list of the registry's URLs; of one it is `url: URL`");
    } else {
        for (size_t i = 0; i < rs_config_size(urls); i++) {
            add_url(r, rs_config_item(urls, i));
        }
    }
}

/* ---- files ---- */

static const char *keep_path(struct reading *r, const char *path)
{
    const char *kept = rs_arena_path(r->arena, rs_config_directory(r->config), path);

    r->failed = r->failed || !kept;
    return kept;
}

static const char *read_path(struct reading *r, const struct rs_config_node *section, const char *key)
{
    const char *path = NULL;

    if (!rs_config_string(r->config, section, key, &path) || !path) {
        return NULL;
    }
    if (*path == '\0') {
        rs_config_complain(r->config, rs_config_get(section, key), "`%s` is a path", key);
        return NULL;
    }
    return keep_path(r, path);
}

/* ---- the section ---- */

/* Judged by what is written, not by what it holds: a value may come from a variable that only the service has. */
static void check_secrets(struct reading *r, const struct rs_config_node *section)
{
    bool username = rs_config_get(section, "username") != NULL;
    const struct rs_config_node *token = rs_config_get(section, "token_file");

    if (username != (rs_config_get(section, "password_file") != NULL)) {
        rs_config_complain(r->config, section,
                           "`username` and `password_file` go together: the one without the other says who, "
                           "or how, but not both");
    }
    if (username && token) {
        rs_config_complain(
            r->config, token,
            "a registry is asked with a password or with a token: leave out one of `username` and "
            "`token_file`");
    }
    if ((rs_config_get(section, "certificate") != NULL) != (rs_config_get(section, "key") != NULL)) {
        rs_config_complain(r->config, section, "`certificate` and `key` go together");
    }
}

static void read_section(struct reading *r, const struct rs_config_node *section)
{
    static const char *const known[] = {"url",        "urls",  "username",    "password_file",
                                        "token_file", "ca",    "certificate", "key",
                                        "timeout",    "cache", NULL};
    const int64_t second = 1000000;
    const char *username = NULL;

    (void)rs_config_expect_mapping(r->config, section, "`registry`", known);
    read_urls(r, section);
    if (rs_config_string(r->config, section, "username", &username) && username) {
        r->out->username = rs_arena_text(r->arena, username);
        r->failed = r->failed || !r->out->username;
        if (*username == '\0' || strchr(username, ':')) {
            rs_config_complain(r->config, rs_config_get(section, "username"),
                               "`username` has at least one character, and no ':', which ends it in HTTP");
        }
    }
    r->out->password_file = read_path(r, section, "password_file");
    r->out->token_file = read_path(r, section, "token_file");
    r->out->ca = read_path(r, section, "ca");
    r->out->certificate = read_path(r, section, "certificate");
    r->out->key = read_path(r, section, "key");
    r->out->cache = read_path(r, section, "cache");
    (void)rs_config_duration(r->config, section, "timeout", second / 10, 60 * second, &r->out->timeout_us);
    check_secrets(r, section);
}

bool rs_registry_config_read(struct rs_config *config, const struct rs_config_node *node,
                             struct rs_arena *arena, struct rs_registry_config *out)
{
    struct reading r = {.config = config, .arena = arena, .out = out};

    *out = (struct rs_registry_config){.timeout_us = TIMEOUT_US};
    if (rs_config_kind(node) == RS_CONFIG_SCALAR) {
        add_url(&r, node);
    } else if (rs_config_kind(node) == RS_CONFIG_MAPPING) {
        read_section(&r, node);
    } else {
        rs_config_complain(
            config, node,
            "`registry` is the URL of a schema registry, as in http://localhost:8081, or a mapping "
            "with `url` in it");
    }
    return !r.failed;
}

/* ---- what only the service can be sure of ---- */

/* Credentials of systemd are there only while it runs. */
static void look_at_file(struct rs_config *config, const struct rs_config_node *section, const char *key,
                         const char *path)
{
    if (path && access(path, R_OK) != 0) {
        rs_config_warn(config, rs_config_get(section, key),
                       "`%s`: %s cannot be read from here: the registry cannot be asked without it", key,
                       path);
    }
}

static void look_at_url(struct rs_config *config, const struct rs_config_node *section, const char *url)
{
    size_t size = 0;
    const char *host = authority(url, &size);
    const char *close = host[0] == '[' ? memchr(host, ']', size) : NULL;
    const char *colon = close ? NULL : memchr(host, ':', size);
    size_t name = close ? (size_t)(close - host) + 1 : colon ? (size_t)(colon - host) : size;

    if (is_http(url) && !loopback(host, name)) {
        rs_config_warn(config, section,
                       "the registry's password or token goes to %s unencrypted: use https://", url);
    }
}

void rs_registry_config_look(struct rs_config *config, const struct rs_config_node *node,
                             const struct rs_registry_config *read)
{
    if (!node || rs_config_kind(node) != RS_CONFIG_MAPPING) {
        return;
    }
    look_at_file(config, node, "password_file", read->password_file);
    look_at_file(config, node, "token_file", read->token_file);
    look_at_file(config, node, "ca", read->ca);
    look_at_file(config, node, "certificate", read->certificate);
    look_at_file(config, node, "key", read->key);
    for (size_t i = 0; i < read->url_count && (read->password_file || read->token_file); i++) {
        look_at_url(config, node, read->urls[i]);
    }
}
