#include "sink/redis/config.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sink/redis/tls_missing.h"

#define RS_REDIS_PORT         6379
#define RS_SENTINEL_PORT      26379
#define RS_REDIS_DATABASE_MAX 1000000

void rs_redis_config_default(struct rs_redis_config *out)
{
    memset(out, 0, sizeof *out);
    memcpy(out->address.host, "localhost", sizeof "localhost");
    out->address.port = RS_REDIS_PORT;
    memcpy(out->prefix, "rs", sizeof "rs");
    out->publish_every_us = 100000;
    out->connect_timeout_us = 2000000;
    out->timeout_us = 3000000;
    out->connections = 1;
}

/* ---- URLs ---- */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Copies text[0, size) with %XX decoded. False: too long for `capacity`, a bad escape or a zero byte. */
static bool copy_decoded(const char *text, size_t size, char *out, size_t capacity)
{
    size_t used = 0;
    for (size_t i = 0; i < size; i++) {
        int c = (unsigned char)text[i];
        if (c == '%') {
            int high = i + 2 < size ? hex_value(text[i + 1]) : -1;
            int low = i + 2 < size ? hex_value(text[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return false;
            }
            c = high * 16 + low;
            i += 2;
        }
        if (c == 0 || used + 1 >= capacity) {
            return false;
        }
        out[used++] = (char)c;
    }
    out[used] = '\0';
    return true;
}

/* Digits only, 0..max. */
static bool parse_number(const char *text, size_t size, long max, int *out)
{
    long value = 0;
    if (size == 0 || size > 9) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        if (!isdigit((unsigned char)text[i])) {
            return false;
        }
        value = value * 10 + (text[i] - '0');
    }
    if (value > max) {
        return false;
    }
    *out = (int)value;
    return true;
}

static int parse_user(const char *text, size_t size, struct rs_redis_address *out, struct rs_error *error)
{
    const char *colon = memchr(text, ':', size);
    size_t user_size = colon ? (size_t)(colon - text) : size;
    if (!copy_decoded(text, user_size, out->username, sizeof out->username)) {
        return rs_fail(error, RS_ECONFIG,
                       "the user name in the Redis URL is too long or wrongly percent-encoded");
    }
    if (colon && !copy_decoded(colon + 1, size - user_size - 1, out->password, sizeof out->password)) {
        return rs_fail(error, RS_ECONFIG,
                       "the password in the Redis URL is too long or wrongly percent-encoded");
    }
    return 0;
}

/* An IPv6 address stands in brackets, since it is full of the character that begins the port. */
static int parse_host(const char *text, size_t size, char host_out[RS_REDIS_HOST_MAX], int *port,
                      struct rs_error *error)
{
    const char *host = text;
    size_t host_size = size;
    const char *rest = text + size;
    if (size > 0 && text[0] == '[') {
        const char *close = memchr(text, ']', size);
        if (!close) {
            return rs_fail(error, RS_ECONFIG, "the IPv6 address in the Redis URL lacks its ']'");
        }
        host = text + 1;
        host_size = (size_t)(close - host);
        rest = close + 1;
    } else {
        const char *colon = memchr(text, ':', size);
        if (colon) {
            host_size = (size_t)(colon - text);
            rest = colon;
        }
    }
    if (host_size == 0 || !copy_decoded(host, host_size, host_out, RS_REDIS_HOST_MAX)) {
        return rs_fail(error, RS_ECONFIG, "the Redis URL has no host or one that is too long");
    }
    if (rest == text + size) {
        return 0;
    }
    if (*rest != ':' || !parse_number(rest + 1, (size_t)(text + size - rest - 1), 65535, port) ||
        *port == 0) {
        return rs_fail(error, RS_ECONFIG, "the port in the Redis URL is not a number from 1 to 65535");
    }
    return 0;
}

/* `text` up to the path; *rest: behind user and password. A careless password may hold '@'. */
static int parse_authority(const char *text, size_t size, struct rs_redis_address *out, const char **rest,
                           struct rs_error *error)
{
    size_t user_size = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '@') {
            user_size = i + 1;
        }
    }
    *rest = text + user_size;
    return user_size > 0 ? parse_user(text, user_size - 1, out, error) : 0;
}

/* Options in a URL are refused and not ignored: whoever writes one expects it to count. */
static int parse_database(const char *path, struct rs_redis_address *out, struct rs_error *error)
{
    if (*path == '/' && path[1] != '\0' &&
        !parse_number(path + 1, strlen(path + 1), RS_REDIS_DATABASE_MAX, &out->database)) {
        return rs_fail(error, RS_ECONFIG,
                       "the database in the Redis URL is not a number: redis://HOST:PORT/0");
    }
    if (*path != '/' && *path != '\0') {
        return rs_fail(error, RS_ECONFIG, "the Redis URL has options; use the keys of the `redis` section");
    }
    return 0;
}

static int parse_tcp(const char *text, struct rs_redis_address *out, struct rs_error *error)
{
    size_t authority = strcspn(text, "/?#");
    const char *host;
    int code = parse_authority(text, authority, out, &host, error);
    out->port = RS_REDIS_PORT;
    if (code == 0) {
        code = parse_host(host, (size_t)(text + authority - host), out->host, &out->port, error);
    }
    return code == 0 ? parse_database(text + authority, out, error) : code;
}

static int parse_service(const char *path, struct rs_redis_address *out, struct rs_error *error)
{
    struct rs_redis_sentinels *sentinels = &out->sentinels;
    size_t size = *path == '/' ? strcspn(path + 1, "/?#") : 0;
    if (size == 0 || !copy_decoded(path + 1, size, sentinels->service, sizeof sentinels->service)) {
        return rs_fail(
            error, RS_ECONFIG,
            "a sentinel:// URL names the master behind the hosts, by the name that the sentinels know: "
            "sentinel://HOST:26379,HOST:26379/mymaster/0");
    }
    return parse_database(path + 1 + size, out, error);
}

static int parse_sentinels(const char *text, struct rs_redis_address *out, struct rs_error *error)
{
    struct rs_redis_sentinels *sentinels = &out->sentinels;
    size_t authority = strcspn(text, "/?#");
    const char *at;
    int code = parse_authority(text, authority, out, &at, error);
    while (code == 0 && at <= text + authority) {
        size_t left = (size_t)(text + authority - at);
        const char *comma = memchr(at, ',', left);
        struct rs_redis_sentinel *sentinel = &sentinels->items[sentinels->count];
        if (sentinels->count == RS_REDIS_SENTINELS_MAX) {
            return rs_fail(error, RS_ECONFIG, "a Redis URL names %d sentinels at most",
                           RS_REDIS_SENTINELS_MAX);
        }
        sentinel->port = RS_SENTINEL_PORT;
        code = parse_host(at, comma ? (size_t)(comma - at) : left, sentinel->host, &sentinel->port, error);
        sentinels->count++;
        at = comma ? comma + 1 : text + authority + 1;
    }
    return code == 0 ? parse_service(text + authority, out, error) : code;
}

/* With TLS, where the hiredis at hand has it. */
static int parse_secured(const char *text,
                         int (*parse)(const char *, struct rs_redis_address *, struct rs_error *),
                         struct rs_redis_address *out, struct rs_error *error)
{
    out->tls = true;
    return rs_redis_tls_missing() ? rs_fail(error, RS_ECONFIG, "%s", rs_redis_tls_missing())
                                  : parse(text, out, error);
}

/* The database is the one option there is, because behind a path there is no other place for it. */
static int parse_unix(const char *text, struct rs_redis_address *out, struct rs_error *error)
{
    const char *option = strchr(text, '?');
    size_t size = option ? (size_t)(option - text) : strlen(text);
    if (size == 0 || text[0] != '/' || !copy_decoded(text, size, out->path, sizeof out->path)) {
        return rs_fail(error, RS_ECONFIG,
                       "the path in the unix:// URL is not absolute or longer than %d bytes",
                       RS_REDIS_PATH_MAX - 1);
    }
    if (option && (strncmp(option, "?db=", 4) != 0 ||
                   !parse_number(option + 4, strlen(option + 4), RS_REDIS_DATABASE_MAX, &out->database))) {
        return rs_fail(error, RS_ECONFIG, "after '?' a unix:// URL may only have db=NUMBER");
    }
    return 0;
}

static const char *strip_scheme(const char *url, const char *scheme)
{
    size_t size = strlen(scheme);
    return strncasecmp(url, scheme, size) == 0 ? url + size : NULL;
}

/* A scheme that other clients know is said not to be available, rather than not to be one. */
int rs_redis_url_parse(const char *url, struct rs_redis_address *out, struct rs_error *error)
{
    struct rs_redis_address parsed = {0};
    const char *rest = NULL;
    int code;
    if ((rest = strip_scheme(url, "redis://"))) {
        code = parse_tcp(rest, &parsed, error);
    } else if ((rest = strip_scheme(url, "rediss://"))) {
        code = parse_secured(rest, parse_tcp, &parsed, error);
    } else if ((rest = strip_scheme(url, "unix://"))) {
        code = parse_unix(rest, &parsed, error);
    } else if ((rest = strip_scheme(url, "sentinel://"))) {
        code = parse_sentinels(rest, &parsed, error);
    } else if ((rest = strip_scheme(url, "sentinels://"))) {
        code = parse_secured(rest, parse_sentinels, &parsed, error);
    } else if (strip_scheme(url, "cluster://")) {
        code = rs_fail(
            error, RS_ECONFIG,
            "cluster:// is not available in this version; use redis://, rediss://, unix:// or sentinel://");
    } else {
        code = rs_fail(error, RS_ECONFIG,
                       "a Redis URL starts with redis://, rediss://, unix:// or sentinel://, as in "
                       "redis://localhost:6379/0");
    }
    if (code == 0) {
        *out = parsed;
    }
    return code;
}

static void put_host(struct rs_buf *out, const char *host, int port)
{
    rs_buf_printf(out, strchr(host, ':') ? "[%s]:%d" : "%s:%d", host, port);
}

void rs_redis_address_text(const struct rs_redis_address *address, char out[RS_REDIS_TEXT_MAX])
{
    const struct rs_redis_sentinels *sentinels = &address->sentinels;
    struct rs_buf text = {0};
    if (sentinels->count > 0) {
        rs_buf_text(&text, address->tls ? "sentinels://" : "sentinel://");
        for (uint32_t i = 0; i < sentinels->count; i++) {
            rs_buf_text(&text, i > 0 ? "," : "");
            put_host(&text, sentinels->items[i].host, sentinels->items[i].port);
        }
        rs_buf_printf(&text, "/%s/%d", sentinels->service, address->database);
    } else if (address->host[0] == '\0') {
        rs_buf_printf(&text, "unix://%s", address->path);
    } else {
        rs_buf_text(&text, address->tls ? "rediss://" : "redis://");
        put_host(&text, address->host, address->port);
        rs_buf_printf(&text, "/%d", address->database);
    }
    snprintf(out, RS_REDIS_TEXT_MAX, "%.*s", (int)text.size, text.data ? (const char *)text.data : "");
    rs_buf_fini(&text);
}

/* ---- the section ---- */

const char *rs_redis_prefix_fault(const char *prefix)
{
    size_t size = strlen(prefix);
    if (size == 0 || size >= RS_REDIS_PREFIX_MAX) {
        return "a prefix has 1 to 63 characters";
    }
    for (size_t i = 0; i < size; i++) {
        if (!isgraph((unsigned char)prefix[i])) {
            return "a prefix has printable ASCII characters without blanks";
        }
    }
    return NULL;
}

static void load_secret(struct rs_config *config, const struct rs_config_node *section, const char *key,
                        char *out)
{
    const char *text = NULL;
    if (!rs_config_string(config, section, key, &text) || !text) {
        return;
    }
    if (strlen(text) >= RS_REDIS_SECRET_MAX) {
        rs_config_complain(config, rs_config_get(section, key), "`%s` is longer than %d bytes", key,
                           RS_REDIS_SECRET_MAX - 1);
        return;
    }
    memcpy(out, text, strlen(text) + 1);
}

static void load_file(struct rs_config *config, const struct rs_config_node *section, const char *key,
                      char out[RS_REDIS_FILE_MAX])
{
    const char *path = NULL;
    if (!rs_config_string(config, section, key, &path) || !path) {
        return;
    }
    int size = path[0] == '/' ? snprintf(out, RS_REDIS_FILE_MAX, "%s", path)
                              : snprintf(out, RS_REDIS_FILE_MAX, "%s/%s", rs_config_directory(config), path);
    if (*path == '\0' || size < 0 || size >= RS_REDIS_FILE_MAX) {
        rs_config_complain(config, rs_config_get(section, key), "`%s` is %s", key,
                           *path == '\0' ? "empty" : "too long for a path");
    }
}

/* Without TLS they would silently count for nothing. */
static void load_tls(struct rs_config *config, const struct rs_config_node *section,
                     struct rs_redis_address *out)
{
    static const char *const keys[] = {"ca", "certificate", "key", "server_name", NULL};
    const char *name = NULL;
    load_file(config, section, "ca", out->ca);
    load_file(config, section, "certificate", out->certificate);
    load_file(config, section, "key", out->key);
    if (rs_config_string(config, section, "server_name", &name) && name) {
        if (*name == '\0' || strlen(name) >= RS_REDIS_HOST_MAX) {
            rs_config_complain(config, rs_config_get(section, "server_name"),
                               "`server_name` is a name of 1 to %d characters", RS_REDIS_HOST_MAX - 1);
        } else {
            memcpy(out->server_name, name, strlen(name) + 1);
        }
    }
    for (const char *const *key = keys; *key; key++) {
        const struct rs_config_node *node = rs_config_get(section, *key);
        if (node && !out->tls && !rs_config_faulty(rs_config_get(section, "url"))) {
            rs_config_complain(config, node,
                               "`%s` belongs to TLS: the URL has to begin with rediss:// or sentinels://",
                               *key);
        }
    }
    const struct rs_config_node *certificate = rs_config_get(section, "certificate");
    const struct rs_config_node *own_key = rs_config_get(section, "key");
    if (!certificate != !own_key) {
        rs_config_complain(config, certificate ? certificate : own_key,
                           "`certificate` and `key` belong together: give both");
    }
}

static void load_sentinel(struct rs_config *config, const struct rs_config_node *section,
                          struct rs_redis_address *out)
{
    static const char *const keys[] = {"username", "password", NULL};
    const struct rs_config_node *node = rs_config_get(section, "sentinel");
    struct rs_redis_sentinels *sentinels = &out->sentinels;
    if (!node || !rs_config_expect_mapping(config, node, "`sentinel`", keys)) {
        return;
    }
    load_secret(config, node, "username", sentinels->username);
    load_secret(config, node, "password", sentinels->password);
    if (sentinels->count == 0 && !rs_config_faulty(rs_config_get(section, "url"))) {
        rs_config_complain(config, node,
                           "`sentinel` says who we are to sentinels: the URL has to begin with sentinel://");
    } else if (sentinels->username[0] != '\0' && sentinels->password[0] == '\0' &&
               !rs_config_faulty(rs_config_get(node, "password"))) {
        rs_config_complain(config, node, "a user of sentinels needs a password: `password: !file PATH`");
    }
}

/* A user name without a password would silently count for nothing: authenticate sends none. */
static void load_address(struct rs_config *config, const struct rs_config_node *section,
                         struct rs_redis_address *out)
{
    const char *url = NULL;
    struct rs_error error = {0};
    if (rs_config_string(config, section, "url", &url) && url && rs_redis_url_parse(url, out, &error) != 0) {
        rs_config_complain(config, rs_config_get(section, "url"), "%s", error.text);
    }
    load_secret(config, section, "username", out->username);
    load_secret(config, section, "password", out->password);
    load_tls(config, section, out);
    load_sentinel(config, section, out);
    if (out->username[0] != '\0' && out->password[0] == '\0' &&
        !rs_config_faulty(rs_config_get(section, "password"))) {
        rs_config_complain(config, section, "a Redis user needs a password: `password: !file PATH`");
    }
}

static void load_prefix(struct rs_config *config, const struct rs_config_node *section, char *out)
{
    const char *prefix = NULL;
    if (!rs_config_string(config, section, "prefix", &prefix) || !prefix) {
        return;
    }
    const char *fault = rs_redis_prefix_fault(prefix);
    if (fault) {
        rs_config_complain(config, rs_config_get(section, "prefix"), "%s", fault);
        return;
    }
    memcpy(out, prefix, strlen(prefix) + 1);
}

/* Everything is looked at even after a fault, so that all faults are reported in one go. */
int rs_redis_config_load(struct rs_config *config, struct rs_redis_config *out, struct rs_error *error)
{
    static const char *const known[] = {"url",           "username", "password",        "ca",
                                        "certificate",   "key",      "server_name",     "prefix",
                                        "publish_every", "timeout",  "connect_timeout", "connections",
                                        "sentinel",      NULL};
    const int64_t second = 1000000;
    struct rs_redis_config loaded;
    int64_t connections = 1;
    size_t before = rs_config_complaints(config);
    const struct rs_config_node *root = rs_config_root(config);
    const struct rs_config_node *section = root ? rs_config_get(root, "redis") : NULL;
    rs_redis_config_default(&loaded);
    if (section) {
        rs_config_expect_mapping(config, section, "`redis`", known);
    }
    if (section && rs_config_kind(section) == RS_CONFIG_MAPPING) {
        load_address(config, section, &loaded.address);
        load_prefix(config, section, loaded.prefix);
        rs_config_duration(config, section, "publish_every", 1000, 3600 * second, &loaded.publish_every_us);
        rs_config_duration(config, section, "connect_timeout", 10000, 60 * second,
                           &loaded.connect_timeout_us);
        rs_config_duration(config, section, "timeout", 10000, 60 * second, &loaded.timeout_us);
        rs_config_int(config, section, "connections", 1, 64, &connections);
    }
    if (rs_config_complaints(config) != before) {
        return rs_fail(error, RS_ECONFIG, "the `redis` section is not acceptable");
    }
    loaded.connections = (uint32_t)connections;
    *out = loaded;
    return 0;
}
