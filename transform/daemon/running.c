/* What one asks of an instance that runs: its pages say what it runs with, and its process is sent a signal. */
#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "transform/daemon/identity.h"

#define PAGE_MAX       ((size_t)64 << 20)
#define PAGE_WITHIN_MS 10000L
#define RELOAD_SECONDS 120 /* an orderly end takes half a minute where brokers are away */
#define EVERY_NS       100000000L

static size_t on_body(char *data, size_t one, size_t size, void *ctx)
{
    struct rs_buf *body = ctx;

    (void)one;
    if (size > PAGE_MAX - body->size) {
        return 0;
    }
    rs_buf_put(body, data, size);
    return body->failed ? 0 : size;
}

static bool set_up(CURL *curl, const char *url, struct rs_buf *body)
{
    return curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, PAGE_WITHIN_MS) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEDATA, body) == CURLE_OK;
}

/* /status of the instance at the configured address. */
static int ask(const struct rs_settings *settings, json_t **out, struct rs_error *error)
{
    char url[512];
    struct rs_buf body = {0};
    json_error_t why;

    if (!settings->http_listen) {
        return rs_fail(
            error, RS_ECONFIG,
            "`http: off`: an instance without pages is not asked; send its process SIGHUP, and look into its "
            "log");
    }
    (void)snprintf(url, sizeof url, "http://%s/status", settings->http_listen);
    CURL *curl = curl_easy_init();
    CURLcode code = curl && set_up(curl, url, &body) ? curl_easy_perform(curl) : CURLE_OUT_OF_MEMORY;
    curl_easy_cleanup(curl);
    *out = code == CURLE_OK ? json_loadb((const char *)body.data, body.size, 0, &why) : NULL;
    rs_buf_fini(&body);
    if (code != CURLE_OK) {
        return rs_fail(error, RS_EIO, "%s: %s; does an instance run with this configuration on this host?",
                       url, curl_easy_strerror(code));
    }
    return *out ? 0 : rs_fail(error, RS_EIO, "%s: the answer is not that of rollstatd", url);
}

int rs_running_compare(const struct rs_settings *fresh, struct rs_error *error)
{
    struct rs_buf lines = {0};
    json_t *status = NULL;
    json_t *identity = NULL;
    size_t refused = 0;
    int rc = ask(fresh, &status, error);

    if (rc == 0 && !json_is_object(json_object_get(status, "configuration"))) {
        rc = rs_fail(error, RS_EIO,
                     "http://%s/status has no configuration in it: is it another version that runs?",
                     fresh->http_listen);
    }
    if (rc == 0) {
        identity = rs_identity_of(fresh, json_object_get(json_object_get(status, "configuration"), "inputs"));
        rc = identity ? 0 : rs_fail(error, RS_ENOMEM, "out of memory");
    }
    if (rc == 0) {
        refused = rs_identity_compare(json_object_get(status, "configuration"), identity, &lines);
        (void)fwrite(lines.data ? (const char *)lines.data : "", 1, lines.size, stderr);
    }
    if (rc == 0 && refused > 0) {
        rc = rs_fail(error, RS_ECONFIG, "%zu %s not possible while it runs", refused,
                     refused == 1 ? "change is" : "changes are");
    } else if (rc == 0) {
        printf("the instance at %s would reload it\n", fresh->http_listen);
    }
    json_decref(identity);
    json_decref(status);
    rs_buf_fini(&lines);
    return rc;
}

/* ---- reload ---- */

static int64_t count_of(const json_t *status, const char *name)
{
    return json_integer_value(json_object_get(json_object_get(status, "reloads"), name));
}

static int64_t outcomes_of(const json_t *status)
{
    return count_of(status, "applied") + count_of(status, "refused");
}

/* What holds the address may be anything: no process that is seen to be another program is sent a signal. In the unit's
 * sandbox processes do not see each other, but the service manager has started both. */
static bool is_other_program(int64_t pid)
{
    char path[64];
    char name[32] = "";

    (void)snprintf(path, sizeof path, "/proc/%" PRId64 "/comm", pid);
    FILE *file = fopen(path, "re");
    bool read = file && fgets(name, sizeof name, file);
    if (file) {
        (void)fclose(file);
    }
    return read && strcmp(name, "rollstatd\n") != 0;
}

static int send_signal(const json_t *status, struct rs_error *error)
{
    char here[HOST_NAME_MAX + 1] = "";
    const char *host = json_string_value(json_object_get(status, "host"));
    int64_t pid = json_integer_value(json_object_get(status, "pid"));

    (void)gethostname(here, sizeof here - 1);
    if (!host || pid <= 1 || pid > INT_MAX) {
        return rs_fail(error, RS_EIO, "/status names no process: is it another version that runs?");
    }
    if (strcmp(host, here) != 0) {
        return rs_fail(error, RS_EINVAL, "it runs on host %s, and this is %s: reload it there", host, here);
    }
    if (is_other_program(pid)) {
        return rs_fail(error, RS_EINVAL,
                       "process %" PRId64 " of this host is no rollstatd: does it run in a container?", pid);
    }
    if (kill((pid_t)pid, SIGHUP) != 0) {
        return rs_fail(error, RS_EIO, "process %" PRId64 " cannot be sent SIGHUP: %s", pid,
                       strerrordesc_np(errno));
    }
    return 0;
}

static void print_why(const json_t *reloads)
{
    size_t i;
    json_t *line;

    json_array_foreach(json_object_get(reloads, "why"), i, line)
    {
        (void)fprintf(stderr, "%s\n", json_is_string(line) ? json_string_value(line) : "");
    }
}

/* Whether what was asked for after `before` has its outcome. One that was under way then is not ours; one that had been
 * asked for and not begun is: the file is read when it begins. */
static bool is_done(const json_t *status, const json_t *before)
{
    int64_t asked = count_of(status, "asked");
    bool ours = asked > count_of(before, "asked") || count_of(before, "asked") > outcomes_of(before);
    return ours && outcomes_of(status) == asked;
}

/* Between its parts' end and their beginning nothing answers. */
static int await(const struct rs_settings *settings, const json_t *before, json_t **out,
                 struct rs_error *error)
{
    const struct timespec pause = {.tv_nsec = EVERY_NS};
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    time_t until = now.tv_sec + RELOAD_SECONDS;
    while (now.tv_sec < until) {
        json_t *status = NULL;
        bool there = ask(settings, &status, error) == 0;
        if (there && !json_equal(json_object_get(status, "pid"), json_object_get(before, "pid"))) {
            json_decref(status);
            return rs_fail(error, RS_EIO, "the instance was started anew meanwhile: see its log");
        }
        if (there && is_done(status, before)) {
            *out = status;
            return 0;
        }
        json_decref(status);
        (void)nanosleep(&pause, NULL);
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
    }
    return rs_fail(error, RS_EIO, "no outcome within %d s: see the log of the instance", RELOAD_SECONDS);
}

int rs_running_reload(const struct rs_settings *settings, struct rs_error *error)
{
    json_t *before = NULL;
    json_t *after = NULL;
    int rc = ask(settings, &before, error);

    if (rc == 0) {
        rc = send_signal(before, error);
    }
    if (rc == 0) {
        rc = await(settings, before, &after, error);
    }
    const json_t *reloads = json_object_get(after, "reloads");
    const char *outcome = json_string_value(json_object_get(reloads, "last_outcome"));
    if (rc == 0 && (!outcome || strcmp(outcome, "applied") != 0)) {
        print_why(reloads);
        rc = rs_fail(error, RS_ECONFIG, "the instance goes on with what it had");
    } else if (rc == 0) {
        printf("applied\n");
    }
    json_decref(before);
    json_decref(after);
    return rc;
}
