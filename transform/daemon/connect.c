/* --check --connect and --create-topics: who is asked, and how it is told. */
#include "transform/daemon/connect_kafka.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>

#include "schemas/registry/http.h"
#include "sink/redis/inspect.h"

#define ANY_SCHEMA                                                                                           \
    "/schemas/ids/1" /* the question that the daemon puts; whether there is one does not matter */

/* One line for each finding: what is well on standard output, the rest on standard error. */
struct telling {
    const char *path;
    size_t wrong;
};

static void tell(void *self, enum rs_log_level level, const char *text)
{
    struct telling *telling = self;

    if (level == RS_LOG_INFO) {
        printf("%s\n", text);
        return;
    }
    (void)fflush(stdout); /* so that lines stand in the order in which they were found */
    telling->wrong += level == RS_LOG_ERROR;
    (void)fprintf(stderr, "%s: %s%s\n", telling->path, level == RS_LOG_ERROR ? "" : "note: ", text);
}

static int outcome(const struct telling *telling, struct rs_error *error)
{
    return telling->wrong == 0 ? 0
                               : rs_fail(error, RS_EBROKER, "%zu %s to be mended first", telling->wrong,
                                         telling->wrong == 1 ? "thing has" : "things have");
}

static void look_at_url(struct rs_registry_http *http, const struct rs_registry_config *config, size_t url,
                        const struct rs_report *report)
{
    struct rs_buf body = {0};
    struct rs_error error;
    long status = 0;
    int rc = rs_registry_http_get(http, url, ANY_SCHEMA, &body, &status, &error);

    rs_buf_fini(&body);
    if (rc == RS_ELIMIT || (rc == 0 && (status == 200 || status == 404))) {
        rs_report(report, RS_LOG_INFO, "schema registry %s: reached", config->urls[url]);
    } else if (rc != 0) {
        rs_report(
            report, RS_LOG_ERROR,
            "schema registry %s: %s; is it running, and are the URL and `ca` in schemas.registry right?",
            config->urls[url], error.text);
    } else if (status == 401 || status == 403) {
        rs_report(report, RS_LOG_ERROR,
                  "schema registry %s: it refuses us (HTTP %ld); are username and password, or token, in "
                  "schemas.registry those of a user who may read schemas?",
                  config->urls[url], status);
    } else {
        rs_report(report, RS_LOG_ERROR,
                  "schema registry %s: HTTP %ld; is it a schema registry that is there?", config->urls[url],
                  status);
    }
}

static void look_at_registry(const struct rs_registry_config *config, const struct rs_report *report)
{
    static const _Atomic bool never = false;
    struct rs_registry_http *http = NULL;
    struct rs_error error;

    if (config->url_count == 0) {
        return;
    }
    if (rs_registry_http_new(config, &never, &http, &error) != 0) {
        rs_report(report, RS_LOG_ERROR, "schema registry: %s", error.text);
        return;
    }
    for (size_t i = 0; i < config->url_count; i++) {
        look_at_url(http, config, i, report);
    }
    rs_registry_http_free(&http);
}

int rs_connect_check(struct rs_settings *settings, const char *path, struct rs_error *error)
{
    struct telling telling = {.path = path};
    struct rs_connect connect = {.settings = settings, .report = {tell, &telling}};
    size_t count = 0;
    const struct rs_aggregate_meta *metas = rs_engine_metas(settings->engine, &count);

    (void)signal(SIGPIPE, SIG_IGN); /* hiredis writes to peers that may be gone */
    rs_connect_kafka(&connect);
    look_at_registry(&settings->streams->schema_registry, &connect.report);
    rs_redis_inspect(&settings->redis, settings->streams->group, connect.cluster, metas, count,
                     &connect.report);
    return outcome(&telling, error);
}

int rs_connect_create_topics(struct rs_settings *settings, const char *path, int32_t input_partitions,
                             struct rs_error *error)
{
    struct telling telling = {.path = path};
    struct rs_connect connect = {
        .settings = settings, .report = {tell, &telling}, .make = true, .input_partitions = input_partitions};

    rs_connect_kafka(&connect);
    return outcome(&telling, error);
}
