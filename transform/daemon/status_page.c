/* Pages for people and probes: /livez, /readyz, /status. */
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "transform/daemon/identity.h"
#include "transform/daemon/numbers.h"

int rs_page_livez(void *ctx, struct rs_buf *body)
{
    const struct rs_daemon *daemon = ctx;

    if (rs_daemon_alive(daemon, RS_DAEMON_STUCK_US)) {
        rs_buf_text(body, "ok\n");
        return 200;
    }
    rs_buf_text(body, "a worker makes no progress\n");
    return 503;
}

int rs_page_readyz(void *ctx, struct rs_buf *body)
{
    const struct rs_daemon_health *health = rs_daemon_health(ctx);

    if (health->ready) {
        rs_buf_text(body, "ok\n");
        return 200;
    }
    rs_buf_put(body, health->lines.data, health->lines.size);
    if (health->count > RS_DAEMON_PROBLEMS) {
        rs_buf_printf(body, "and %zu more: see /status\n", health->count - RS_DAEMON_PROBLEMS);
    }
    return 503;
}

/* ---- /status ---- */

struct status_page {
    const struct rs_daemon *daemon;
    json_t *partitions, *workers, *aggregates;
};

static void set_unsigned(json_t *object, const char *name, uint64_t value)
{
    (void)json_object_set_new(object, name, json_integer((json_int_t)(value & INT64_MAX)));
}

static void set_integer(json_t *object, const char *name, int64_t value)
{
    (void)json_object_set_new(object, name, json_integer(value));
}

static void set_text(json_t *object, const char *name, const char *value)
{
    json_t *text = json_string(value);
    if (!text) { /* no UTF-8: texts of libraries and systems may be anything */
        struct rs_buf clean = {0};
        rs_buf_printable(&clean, rs_slice_text(value));
        text = json_stringn((const char *)clean.data, clean.size);
        rs_buf_fini(&clean);
    }
    (void)json_object_set_new(object, name, text);
}

/* Times in milliseconds since 1970; absent when there is none. */
static void set_time(json_t *object, const char *name, int64_t time_us)
{
    if (time_us != RS_TIME_NONE) {
        set_integer(object, name, time_us / 1000);
    }
}

static json_t *accounting(const struct rs_accounting *events)
{
    json_t *object = json_object();

    set_unsigned(object, "consumed", events->consumed);
    set_unsigned(object, "applied", events->applied);
    set_unsigned(object, "late", events->late);
    set_unsigned(object, "duplicate", events->duplicate);
    set_unsigned(object, "rejected", events->rejected);
    set_unsigned(object, "filtered", events->filtered);
    return object;
}

static void set_numbers(json_t *object, const struct rs_numbers *numbers, const struct rs_daemon *daemon,
                        const void *base)
{
    for (size_t i = 0; i < numbers->count; i++) {
        const struct rs_number *number = &numbers->rows[i];
        if (!number->key) {
            continue;
        }
        if (number->form == RS_NUMBER_ACCOUNTING) {
            (void)json_object_set_new(object, number->key, accounting(rs_number_accounting(number, base)));
            continue;
        }
        int64_t value = rs_number_value(number, daemon, base);
        switch (number->form) {
        case RS_NUMBER_FLAG: (void)json_object_set_new(object, number->key, json_boolean(value)); break;
        case RS_NUMBER_TIME: set_time(object, number->key, value); break;
        case RS_NUMBER_OFFSET: set_integer(object, number->key, value); break;
        default: set_unsigned(object, number->key, (uint64_t)value); break;
        }
    }
}

static json_t *partition_log(const struct rs_daemon *daemon, const struct rs_state_log_status *log)
{
    json_t *object = json_object();

    set_numbers(object, &rs_log_numbers, daemon, log);
    if (log->restoring) {
        set_integer(object, "restore_at", log->restore_at);
        set_integer(object, "restore_until", log->restore_until);
    }
    return object;
}

static json_t *partition(const struct status_page *page, const struct rs_worker_partition_status *status)
{
    json_t *object = json_object();
    const struct rs_stream *input = &page->daemon->settings->streams->items[status->stream];

    set_text(object, "stream", input->name);
    set_text(object, "topic", input->topic);
    set_integer(object, "partition", status->partition);
    set_text(object, "phase", rs_partition_phase_name(status->phase));
    set_text(object, "health", rs_health_name(status->health));
    if (status->health == RS_HEALTH_WAITS) {
        set_text(object, "waits_for", rs_waiting_name(status->waits_for));
    }
    if (status->health != RS_HEALTH_RUNS) {
        set_integer(object, "since_ms", (rs_clock_mono(page->daemon->clock) - status->since_us) / 1000);
        set_text(object, "why", status->why);
    }
    set_integer(object, "next_offset", status->state.next_offset);
    set_integer(object, "end_offset", status->end_offset);
    if (status->lag >= 0) {
        set_integer(object, "lag", status->lag);
    }
    set_integer(object, "committed", status->committed);
    (void)json_object_set_new(object, "at_end", json_boolean(status->at_end));
    if (status->quiet_until > 0) {
        set_integer(object, "quiet_until", status->quiet_until);
    }
    set_unsigned(object, "token", status->token);
    set_numbers(object, &rs_partition_numbers, page->daemon, status);
    if (status->has_log) {
        (void)json_object_set_new(object, "state_log", partition_log(page->daemon, &status->log));
    }
    if (status->error[0] != '\0') {
        set_text(object, "error", status->error);
    }
    return object;
}

static json_t *worker(const struct status_page *page, const struct rs_worker_snapshot *snapshot)
{
    json_t *object = json_object();

    set_numbers(object, &rs_worker_numbers, page->daemon, snapshot);
    set_text(object, "waiting_for", rs_waiting_name(snapshot->waiting_for));
    return object;
}

static void add_to(json_t *object, const char *name, uint64_t more)
{
    set_unsigned(object, name, (uint64_t)json_integer_value(json_object_get(object, name)) + more);
}

/* Every worker has its share of each aggregate. */
static void add_aggregate(struct status_page *page, const struct rs_worker_aggregate_status *status)
{
    size_t count = 0;
    const char *name = rs_engine_metas(page->daemon->settings->engine, &count)[status->aggregate].name;
    json_t *object = json_object_get(page->aggregates, name);

    if (!object) {
        object = json_object();
        (void)json_object_set_new(object, "events", accounting(&(struct rs_accounting){0}));
        (void)json_object_set_new(page->aggregates, name, object);
    }
    json_t *events = json_object_get(object, "events");
    add_to(events, "consumed", status->state.events.consumed);
    add_to(events, "applied", status->state.events.applied);
    add_to(events, "late", status->state.events.late);
    add_to(events, "duplicate", status->state.events.duplicate);
    add_to(events, "rejected", status->state.events.rejected);
    add_to(events, "filtered", status->state.events.filtered);
    add_to(object, "groups", status->state.groups);
    add_to(object, "panes", status->state.panes);
    add_to(object, "not_finite", status->state.not_finite);
    add_to(object, "folded", status->folded);
}

static void add_worker(void *ctx, const struct rs_worker_snapshot *snapshot)
{
    struct status_page *page = ctx;

    (void)json_array_append_new(page->workers, worker(page, snapshot));
    for (size_t i = 0; i < snapshot->partition_count; i++) {
        (void)json_array_append_new(page->partitions, partition(page, &snapshot->partitions[i]));
    }
    for (size_t i = 0; i < snapshot->aggregate_count; i++) {
        add_aggregate(page, &snapshot->aggregates[i]);
    }
}

static json_t *by_line(const struct rs_buf *lines)
{
    json_t *array = json_array();
    const char *at = (const char *)lines->data;
    size_t left = lines->size;

    while (left > 0) {
        const char *end = memchr(at, '\n', left);
        size_t size = !end ? left : (size_t)(end - at);
        (void)json_array_append_new(array, json_stringn(at, size));
        size += size < left ? 1 : 0;
        at += size;
        left -= size;
    }
    return array;
}

static json_t *kafka(const struct rs_daemon *daemon)
{
    struct rs_kafka_source_status status;
    json_t *object = json_object();

    rs_kafka_source_status(daemon->source, &status);
    set_text(object, "group", daemon->settings->streams->group);
    set_numbers(object, &rs_kafka_numbers, daemon, &status);
    return object;
}

static json_t *redis(const struct rs_daemon *daemon)
{
    struct rs_redis_status status;
    json_t *object = json_object();
    char address[RS_REDIS_TEXT_MAX];

    rs_redis_sink_status(daemon->sink, &status);
    rs_redis_address_text(&daemon->settings->redis.address, address);
    set_text(object, "address", address);
    set_numbers(object, &rs_redis_numbers, daemon, &status);
    set_integer(object, "oldest_batch_ms", status.oldest_us / 1000);
    if (status.last_error[0] != '\0') {
        set_text(object, "last_error", status.last_error);
        set_time(object, "last_error_time", status.last_error_us);
    }
    return object;
}

static json_t *schema_registry(const struct rs_daemon *daemon)
{
    struct rs_registry_status status;
    json_t *object = json_object();

    rs_registry_status(daemon->registry, &status);
    set_text(object, "url", status.url);
    set_numbers(object, &rs_registry_numbers, daemon, &status);
    if (status.failing) {
        set_integer(object, "failing_ms", (rs_clock_mono(daemon->clock) - status.failing_since_us) / 1000);
        set_text(object, "last_error", status.why);
    }
    return object;
}

/* Those that an event did not meet. */
static json_t *rules(const struct rs_daemon *daemon, size_t stream, const struct rs_outcomes *outcomes)
{
    const struct rs_rules *all = rs_engine_rules(daemon->settings->engine, (uint32_t)stream);
    json_t *object = json_object();

    for (size_t i = 0; i < all->count; i++) {
        if (outcomes->rules[i] == 0) {
            continue;
        }
        json_t *rule = json_object();
        const char *reason = rs_rules_own_reason(all, (int)i);
        set_text(rule, "on_fail", rs_on_fail_name(rs_rules_on_fail(all, (int)i)));
        if (reason) {
            set_text(rule, "reason", reason);
        }
        set_unsigned(rule, "events", outcomes->rules[i]);
        (void)json_object_set_new(object, rs_rules_name(all, (int)i), rule);
    }
    return object;
}

/* Since the process began. */
static json_t *streams(const struct rs_daemon *daemon)
{
    json_t *object = json_object();

    for (size_t i = 0; i < daemon->settings->streams->named; i++) {
        json_t *stream = json_object();
        json_t *rejected = json_object();
        struct rs_outcomes outcomes;
        rs_daemon_outcomes(daemon, (uint32_t)i, &outcomes);
        for (unsigned reason = RS_REASON_NONE + 1; reason < RS_REASON_COUNT; reason++) {
            if (outcomes.rejected[reason] > 0) {
                set_unsigned(rejected, rs_reason_name((enum rs_reason)reason), outcomes.rejected[reason]);
            }
        }
        (void)json_object_set_new(stream, "events", accounting(&outcomes.events));
        (void)json_object_set_new(stream, "rejected", rejected);
        (void)json_object_set_new(stream, "rules", rules(daemon, i, &outcomes));
        (void)json_object_set_new(object, daemon->settings->streams->items[i].name, stream);
    }
    return object;
}

static json_t *dead_letters(const struct rs_daemon *daemon)
{
    struct rs_dead_letters_status status;
    json_t *object = json_object();

    rs_dead_letters_status(daemon->dead_letters, &status);
    set_unsigned(object, "acknowledged", status.acknowledged);
    set_unsigned(object, "pending", status.pending);
    set_unsigned(object, "discarded", status.discarded);
    set_unsigned(object, "cut", status.cut);
    set_unsigned(object, "values_dropped", status.values_dropped);
    set_unsigned(object, "dropped", status.dropped);
    if (status.last_dropped[0] != '\0') {
        set_text(object, "last_dropped", status.last_dropped);
    }
    set_unsigned(object, "errors", status.errors);
    (void)json_object_set_new(object, "failing", json_boolean(status.failing));
    (void)json_object_set_new(object, "stalled", json_boolean(status.stalled));
    set_unsigned(object, "topics_missing", status.topics_missing);
    if (status.topics_missing > 0) {
        set_text(object, "missing", status.missing);
    }
    if (status.last_error[0] != '\0') {
        set_text(object, "last_error", status.last_error);
    }
    return object;
}

static json_t *state_log(const struct rs_daemon *daemon)
{
    struct rs_kafka_log_status status;
    json_t *object = json_object();

    set_text(object, "log", !daemon->kafka_log ? "memory" : "kafka");
    set_integer(object, "commit_every_ms", daemon->settings->commit_every_us / 1000);
    if (!daemon->kafka_log) {
        return object;
    }
    rs_kafka_log_status(daemon->kafka_log, &status);
    (void)json_object_set_new(object, "writable", json_boolean(status.writable));
    set_unsigned(object, "topics_ready", status.topics_ready);
    set_unsigned(object, "acknowledged", status.appended);
    set_unsigned(object, "refused", status.refused);
    set_unsigned(object, "pending", status.pending);
    set_unsigned(object, "pending_bytes", status.pending_bytes);
    set_unsigned(object, "trims", status.trims);
    set_unsigned(object, "trims_refused", status.trims_refused);
    set_unsigned(object, "producers", status.producers);
    if (status.last_error[0] != '\0') {
        set_text(object, "last_error", status.last_error);
        set_time(object, "last_error_time", status.last_error_us);
    }
    return object;
}

static json_t *reloads(const struct rs_daemon *daemon)
{
    const struct rs_daemon_reload *reload = &daemon->reload;
    json_t *object = json_object();

    set_unsigned(object, "asked", reload->asked);
    set_unsigned(object, "applied", reload->applied);
    set_unsigned(object, "refused", reload->refused);
    if (reload->last_us > 0) {
        set_time(object, "last", reload->last_us);
        set_text(object, "last_outcome", reload->last_refused ? "refused" : "applied");
    }
    if (reload->last_refused) {
        (void)json_object_set_new(object, "why", by_line(&reload->lines));
    }
    return object;
}

static int append(const char *buffer, size_t size, void *data)
{
    struct rs_buf *body = data;

    rs_buf_put(body, buffer, size);
    return body->failed ? -1 : 0;
}

int rs_page_status(void *ctx, struct rs_buf *body)
{
    struct rs_daemon *daemon = ctx;
    struct status_page page = {
        .daemon = daemon,
        .partitions = json_array(),
        .workers = json_array(),
        .aggregates = json_object(),
    };
    json_t *root = json_object();
    char host[HOST_NAME_MAX + 1] = "";
    const struct rs_daemon_health *health = rs_daemon_health(daemon);

    for (uint32_t i = 0; i < daemon->settings->workers; i++) {
        rs_worker_snapshot(daemon->workers[i].worker, add_worker, &page);
    }
    set_text(root, "version", RS_VERSION);
    (void)json_object_set_new(root, "ready", json_boolean(health->ready));
    if (!health->ready) {
        set_text(root, "not_ready", health->summary);
        (void)json_object_set_new(root, "problems", by_line(&health->lines));
    }
    set_time(root, "started", daemon->started_us);
    (void)gethostname(host, sizeof host - 1);
    set_text(root, "host", host);
    set_integer(root, "pid", getpid());
    (void)json_object_set_new(root, "reloads", reloads(daemon));
    (void)json_object_set_new(root, "configuration", rs_identity_of(daemon->settings, NULL));
    (void)json_object_set_new(root, "kafka", kafka(daemon));
    (void)json_object_set_new(root, "redis", redis(daemon));
    if (daemon->registry) {
        (void)json_object_set_new(root, "schema_registry", schema_registry(daemon));
    }
    (void)json_object_set_new(root, "streams", streams(daemon));
    (void)json_object_set_new(root, "dead_letters", dead_letters(daemon));
    (void)json_object_set_new(root, "state", state_log(daemon));
    (void)json_object_set_new(root, "workers", page.workers);
    (void)json_object_set_new(root, "aggregates", page.aggregates);
    (void)json_object_set_new(root, "partitions", page.partitions);
    int rc = json_dump_callback(root, append, body, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    json_decref(root);
    rs_buf_char(body, '\n');
    body->failed = body->failed || rc != 0;
    return 200;
}
