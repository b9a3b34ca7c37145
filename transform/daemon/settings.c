/* The whole configuration: root keys, and each stage's own part. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/http.h"
#include "base/kafka/config.h"
#include "transform/daemon/rollstatd.h"

#define WORKERS_MAX     64
#define MEMORY_MIN      (INT64_C(16) << 20)
#define MEMORY_DEFAULT  (INT64_C(1) << 30)
#define HISTORY_DEFAULT 1000000
#define SECOND_US       INT64_C(1000000)
#define COMMIT_MIN_US   (SECOND_US / 20)
#define COMMIT_MAX_US   (60 * SECOND_US)
#define REPLICAS_MAX    1000

static const char *const root_keys[] = {"group",   "kafka",  "redis", "schemas", "streams", "aggregates",
                                        "workers", "limits", "http",  "log",     "state",   NULL};

/* Complains about unknown keys, and says whether there is a mapping to go on with all the same: one run names
 * all. */
static bool is_mapping(struct rs_config *config, const struct rs_config_node *node, const char *what,
                       const char *const *known)
{
    return node &&
           (rs_config_expect_mapping(config, node, what, known) || rs_config_kind(node) == RS_CONFIG_MAPPING);
}

static uint32_t cores(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);

    return count < 1 ? 1 : count > WORKERS_MAX ? WORKERS_MAX : (uint32_t)count;
}

static void load_workers(struct rs_config *config, const struct rs_config_node *root, struct rs_settings *out)
{
    const struct rs_config_node *node = rs_config_get(root, "workers");
    int64_t workers = cores();

    if (node && rs_config_kind(node) == RS_CONFIG_SCALAR && strcmp(rs_config_text(node), "auto") == 0) {
        node = NULL;
    }
    if (node) {
        (void)rs_config_int(config, root, "workers", 1, WORKERS_MAX, &workers);
    }
    out->workers = (uint32_t)workers;
}

static void load_limits(struct rs_config *config, const struct rs_config_node *root, struct rs_settings *out)
{
    static const char *const known[] = {"memory", "pending_history", NULL};
    const struct rs_config_node *limits = rs_config_get(root, "limits");

    out->memory_limit = MEMORY_DEFAULT;
    out->history_limit = HISTORY_DEFAULT;
    if (is_mapping(config, limits, "limits", known)) {
        (void)rs_config_bytes(config, limits, "memory", MEMORY_MIN, INT64_MAX, &out->memory_limit);
        (void)rs_config_int(config, limits, "pending_history", 1, INT64_MAX, &out->history_limit);
    }
}

static void check_listen(struct rs_config *config, const struct rs_config_node *where, const char *listen)
{
    struct rs_error error;

    if (rs_http_listen_check(listen, &error) != 0) {
        rs_config_complain(config, where, "http: %s", error.text);
    } else if (strncmp(listen, "127.", 4) != 0 && strncmp(listen, "[::1]", 5) != 0) {
        rs_config_warn(config, where,
                       "http: %s is not a loopback address: status and metrics are shown to whoever "
                       "reaches it",
                       listen);
    }
}

static void load_http(struct rs_config *config, const struct rs_config_node *root, struct rs_settings *out)
{
    static const char *const known[] = {"listen", NULL};
    const struct rs_config_node *http = rs_config_get(root, "http");

    out->http_listen = "127.0.0.1:9464";
    if (!http) {
        return;
    }
    if (rs_config_kind(http) == RS_CONFIG_SCALAR && strcmp(rs_config_text(http), "off") == 0) {
        out->http_listen = NULL;
        return;
    }
    if (rs_config_kind(http) != RS_CONFIG_MAPPING) {
        rs_config_complain(config, http, "http: must be {listen: HOST:PORT} or off");
    } else if (is_mapping(config, http, "http", known) &&
               rs_config_string(config, http, "listen", &out->http_listen) && rs_config_get(http, "listen")) {
        check_listen(config, rs_config_get(http, "listen"), out->http_listen);
    }
}

static void load_log_form(struct rs_config *config, const struct rs_config_node *log, struct rs_settings *out)
{
    const char *format = NULL;

    out->log_form = RS_LOG_TEXT;
    if (!rs_config_string(config, log, "format", &format) || !format) {
        return;
    }
    out->log_form = strcmp(format, "json") == 0 ? RS_LOG_JSON : RS_LOG_TEXT;
    if (out->log_form == RS_LOG_TEXT && strcmp(format, "text") != 0) {
        rs_config_complain(config, rs_config_get(log, "format"),
                           "log: format \"%s\" is neither text nor json", format);
    }
}

static void load_log(struct rs_config *config, const struct rs_config_node *root, struct rs_settings *out)
{
    static const char *const known[] = {"level", "format", NULL};
    const struct rs_config_node *log = rs_config_get(root, "log");
    const char *level = NULL;

    out->log_level = RS_LOG_INFO;
    if (!is_mapping(config, log, "log", known)) {
        return;
    }
    load_log_form(config, log, out);
    if (rs_config_string(config, log, "level", &level) && level &&
        rs_log_level_parse(level, &out->log_level) != 0) {
        rs_config_complain(config, rs_config_get(log, "level"),
                           "log: level \"%s\" is not one of error, warning, info, debug", level);
    }
}

static void load_state(struct rs_config *config, const struct rs_config_node *root, struct rs_settings *out)
{
    static const char *const known[] = {"log", "commit_every", "replication_factor", NULL};
    const struct rs_config_node *state = rs_config_get(root, "state");
    const char *log = "kafka";
    int64_t replicas = -1;

    out->commit_every_us = SECOND_US;
    out->replication_factor = -1;
    if (!is_mapping(config, state, "state", known)) {
        return;
    }
    (void)rs_config_string(config, state, "log", &log);
    (void)rs_config_duration(config, state, "commit_every", COMMIT_MIN_US, COMMIT_MAX_US,
                             &out->commit_every_us);
    if (rs_config_get(state, "replication_factor") &&
        rs_config_int(config, state, "replication_factor", 1, REPLICAS_MAX, &replicas)) {
        out->replication_factor = (int32_t)replicas;
    }
    out->state_in_memory = strcmp(log, "memory") == 0;
    if (!out->state_in_memory && strcmp(log, "kafka") != 0) {
        rs_config_complain(config, rs_config_get(state, "log"),
                           "state: log \"%s\" is not one of kafka, memory", log);
    }
}

/* --replay, --explain and --reload reach for neither Kafka nor Redis nor a registry: by hand they need no secrets of the
 * service. */
static void pass_by_connections(enum rs_daemon_mode mode, struct rs_config *config)
{
    static const char *const paths[] = {"kafka", "redis.url", "redis.username", "redis.password",
                                        "schemas.registry"};

    if (mode != RS_DAEMON_REPLAY && mode != RS_DAEMON_EXPLAIN && mode != RS_DAEMON_RELOAD) {
        return;
    }
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        rs_config_pass_by(config, paths[i]);
    }
}

/* Each part complains for itself; an error other than a complaint (no memory, no file) ends the reading. */
static int load_stages(enum rs_daemon_mode mode, struct rs_settings *out, struct rs_error *error)
{
    const struct rs_config_node *root = rs_config_root(out->document);

    out->kafka = rs_config_get(root, "kafka");
    if (out->kafka || mode != RS_DAEMON_REPLAY) {
        rs_kafka_config_check(out->document, out->kafka);
    }
    int rc = rs_redis_config_load(out->document, &out->redis, error);
    if (rc != 0 && rc != RS_ECONFIG) {
        return rc;
    }
    rc = rs_streams_load(out->document, &out->streams, error);
    if (!out->streams) {
        return rc;
    }
    if (mode == RS_DAEMON_REPLAY) {
        rs_streams_take_rows(out->streams);
    }
    rs_settings_check_topics(out, mode);
    if (mode == RS_DAEMON_RUN || mode == RS_DAEMON_CHECK) {
        rs_registry_config_look(out->document, rs_config_get(rs_config_get(root, "schemas"), "registry"),
                                &out->streams->schema_registry);
    }
    return rs_engine_load(out->document, out->streams, &out->engine, error);
}

/* Without a root there was a syntax error, which is complained about already. */
static int load_root(enum rs_daemon_mode mode, struct rs_settings *out, struct rs_error *error)
{
    const struct rs_config_node *root = rs_config_root(out->document);

    if (!is_mapping(out->document, root, "the configuration", root_keys)) {
        return 0;
    }
    load_workers(out->document, root, out);
    load_limits(out->document, root, out);
    load_http(out->document, root, out);
    load_log(out->document, root, out);
    load_state(out->document, root, out);
    return load_stages(mode, out, error);
}

int rs_settings_load(const char *path, enum rs_daemon_mode mode, struct rs_settings *out,
                     struct rs_buf *report, struct rs_error *error)
{
    memset(out, 0, sizeof *out);
    int rc = rs_config_load_file(path, &out->document, error);
    if (rc != 0) {
        return rc;
    }
    pass_by_connections(mode, out->document);
    rc = load_root(mode, out, error);
    rs_config_report(out->document, report);
    size_t complaints = rs_config_complaints(out->document);
    if (complaints > 0) {
        rc = rs_fail(error, RS_ECONFIG, "%s: %zu %s", path, complaints, complaints == 1 ? "error" : "errors");
    }
    if (rc != 0) {
        rs_settings_fini(out);
    }
    return rc;
}

/* Lines of librdkafka's; on threads of its own, which rs_log allows. */
static void client_log(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
    (void)client;
    rs_log(rs_kafka_log_level(facility, level), "%s: %s", facility, text);
}

int rs_settings_kafka(const struct rs_settings *settings, rd_kafka_conf_t **out, struct rs_error *error)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    int rc = rs_kafka_config_apply(settings->kafka, conf, error);

    if (rc != 0) {
        rd_kafka_conf_destroy(conf);
        return rc;
    }
    rd_kafka_conf_set_log_cb(conf, client_log);
    *out = conf;
    return 0;
}

void rs_settings_fini(struct rs_settings *settings)
{
    rs_engine_free(&settings->engine);
    rs_streams_free(&settings->streams);
    rs_config_free(&settings->document);
}
