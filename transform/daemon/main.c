/* rollstatd: the daemon, and the commands that look at its configuration. */
#include "transform/daemon/rollstatd.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/http.h"
#include "base/kafka/client.h"
#include "base/time/text.h"
#include "ingest/kafka/source.h"
#include "sink/redis/names.h"
#include "transform/partition/explain.h"
#include "transform/plan/plan.h"

#define EXPLAIN_GROUPS  10000
#define GROUPS_MAX      INT64_C(1000000000000)
#define PARTITIONS_MAX  100000
#define CLUSTER_WAIT_MS 10000
#define MMAP_FROM       (1280 << 10) /* bytes: a fetch, and what librdkafka adds to one */

static const struct rs_option options[] = {
    {"config", 'c', "FILE", "the configuration, see rollstat.yaml(5)"},
    {"check", '\0', NULL, "report all that is wrong in the configuration, and end"},
    {"sample", '\0', "FILE",
     "with --check: report how many events of FILE would be rejected, by which rules and\n"
     "reasons, and where the first of them stand"},
    {"against-running", '\0', NULL,
     "with --check: report what the instance that runs would refuse to reload"},
    {"connect", '\0', NULL,
     "with --check: also try Kafka, topics, rights, the schema registry and Redis;\n"
     "changes nothing"},
    {"create-topics", '\0', NULL, "make the topics of state and dead letters that are missing, and end"},
    {"input-partitions", '\0', "N",
     "with --create-topics: also make input topics that are missing, with N partitions"},
    {"reload", '\0', NULL,
     "have the instance that runs with this configuration read it again, and say what\ncame of it"},
    {"explain", '\0', NULL, "print what is read, kept and written, and end"},
    {"groups", '\0', "N", "with --explain: estimate memory for N groups (default 10000)"},
    {"log-level", '\0', "LEVEL", "error, warning, info or debug; overrides the configuration"},
    {"rebuild", '\0', NULL,
     "have the input of all partitions read again: what their state logs hold\nbecomes void"},
    {"from", '\0', "TIME", "with --rebuild: only records from this time on, as 2026-01-31T08:00:00Z"},
    {"forget", '\0', "NAME",
     "remove from Redis an aggregate that is no longer configured anywhere: its keys\nand its entry in "
     "<prefix>:meta"},
    {"take-over", '\0', NULL,
     "make the configured aggregates in Redis this group's: only where the consumer\ngroup or Kafka cluster "
     "that has "
     "them is gone for good"},
    {"replay", '\0', NULL,
     "run events from FILEs through the same engine, without Kafka and Redis, and\n"
     "print the resulting keys, one JSON object a line; the options below are for it"},
    {"stream", '\0', "NAME", "the stream the events belong to; with --rebuild: only this one"},
    {"partitions", '\0', "N", "spread the events as N partitions would (default 1)"},
    RS_ROWS_OPTIONS,
    {NULL, '\0', NULL, NULL},
};

static const struct rs_program_info program = {
    .name = "rollstatd",
    .synopsis =
        "-c FILE [--check [--connect] [--sample FILE [OPTION]...] | --explain | --reload\n                 "
        "| --create-topics | --rebuild | --forget NAME | --take-over | --replay [OPTION]... [FILE]...]",
    .summary = "Keeps current statistics of Kafka streams in Redis. Without one of the commands\n"
               "below it runs until it is told to stop.",
    .options = options,
    .footer = "\"-\" or no FILE is standard input.\n"
              "Exit codes: 0 ok; 1 usage or configuration; 2 environment (broker, files); 3 some input was "
              "rejected.",
};

struct command {
    enum rs_daemon_mode mode;
    const char *mode_name; /* option that chose it; NULL: run */
    const char *config;
    const char *for_replay; /* an option that only --replay has */
    const char *for_explain, *for_rebuild;
    const char *stream;
    const char *forget;
    const char *sample;
    bool against_running, connect;
    int64_t input_partitions;
    int64_t groups;
    bool has_level;
    enum rs_log_level level;
    struct rs_replay_options replay; /* its files are these: */
    const char **files;              /* room for all arguments */
    struct rs_rebuild_options rebuild;
};

/* ---- command line ---- */

/* 0; 1: the option is none of these; or an error. */
static int set_mode(struct command *command, const char *name, struct rs_error *error)
{
    static const struct {
        const char *name;
        enum rs_daemon_mode mode;
    } modes[] = {{"check", RS_DAEMON_CHECK},   {"explain", RS_DAEMON_EXPLAIN},
                 {"replay", RS_DAEMON_REPLAY}, {"rebuild", RS_DAEMON_REBUILD},
                 {"forget", RS_DAEMON_FORGET}, {"take-over", RS_DAEMON_TAKE_OVER},
                 {"reload", RS_DAEMON_RELOAD}, {"create-topics", RS_DAEMON_CREATE_TOPICS}};
    size_t at = 0;
    while (at < sizeof modes / sizeof *modes && strcmp(name, modes[at].name) != 0) {
        at++;
    }
    if (at == sizeof modes / sizeof *modes) {
        return 1;
    }
    enum rs_daemon_mode mode = modes[at].mode;
    if (command->mode_name && command->mode != mode) {
        return rs_usage_fail(&program, error, "--%s and --%s exclude each other", command->mode_name, name);
    }
    command->mode = mode;
    command->mode_name = name;
    return 0;
}

static int set_level(struct command *command, const char *text, struct rs_error *error)
{
    command->has_level = true;
    if (rs_log_level_parse(text, &command->level) != 0) {
        return rs_usage_fail(&program, error, "--log-level: \"%s\" is not one of error, warning, info, debug",
                             text);
    }
    return 0;
}

static int set_partitions(struct command *command, const char *text, struct rs_error *error)
{
    int64_t partitions = 0;
    int rc = rs_usage_number(&program, "partitions", text, 1, PARTITIONS_MAX, &partitions, error);

    command->replay.partitions = (int32_t)partitions;
    return rc;
}

/* Options that belong to --replay; the rest of them is common with rollstat-publish. */
static int set_replay_option(struct command *command, const char *name, const char *value,
                             struct rs_error *error)
{
    command->for_replay = name;
    if (strcmp(name, "partitions") == 0) {
        return set_partitions(command, value, error);
    }
    int rc = rs_rows_option(&command->replay.rows, name, value, error);
    RS_ASSERT(rc <= 0);
    return rc;
}

static int set_stream(struct command *command, const char *value)
{
    command->stream = value;
    command->replay.stream = value;
    command->rebuild.stream = value;
    return 0;
}

static int set_from(struct command *command, const char *value, struct rs_error *error)
{
    struct rs_error why;

    command->for_rebuild = "from";
    command->rebuild.has_from = true;
    if (rs_time_parse_iso(rs_slice_text(value), NULL, &command->rebuild.from_us, &why) != 0) {
        return rs_usage_fail(&program, error, "--from: %s", why.text);
    }
    if (command->rebuild.from_us < 0) {
        return rs_usage_fail(&program, error, "--from: \"%s\" is before 1970", value);
    }
    return 0;
}

static int set_option(struct command *command, const char *name, const char *value, struct rs_error *error)
{
    if (strcmp(name, "config") == 0) {
        command->config = value;
        return 0;
    }
    if (strcmp(name, "stream") == 0) {
        return set_stream(command, value);
    }
    if (strcmp(name, "from") == 0) {
        return set_from(command, value, error);
    }
    if (strcmp(name, "groups") == 0) {
        command->for_explain = name;
        return rs_usage_number(&program, name, value, 1, GROUPS_MAX, &command->groups, error);
    }
    if (strcmp(name, "log-level") == 0) {
        return set_level(command, value, error);
    }
    if (strcmp(name, "sample") == 0) {
        command->sample = value;
        return 0;
    }
    if (strcmp(name, "against-running") == 0) {
        command->against_running = true;
        return 0;
    }
    if (strcmp(name, "connect") == 0) {
        command->connect = true;
        return 0;
    }
    if (strcmp(name, "input-partitions") == 0) {
        return rs_usage_number(&program, name, value, 1, PARTITIONS_MAX, &command->input_partitions, error);
    }
    if (strcmp(name, "forget") == 0) {
        command->forget = value;
    }
    int rc = set_mode(command, name, error);
    return rc > 0 ? set_replay_option(command, name, value, error) : rc;
}

static int take(void *ctx, const struct rs_option *option, const char *value, struct rs_error *error)
{
    struct command *command = ctx;

    if (option) {
        return set_option(command, option->name, value, error);
    }
    command->files[command->replay.file_count++] = value;
    return 0;
}

static int check_command(const struct command *command, struct rs_error *error)
{
    if (!command->config) {
        return rs_usage_fail(&program, error, "--config FILE is missing");
    }
    if (command->mode != RS_DAEMON_REPLAY && command->replay.file_count > 0) {
        return rs_usage_fail(&program, error, "\"%s\": files are for --replay", command->replay.files[0]);
    }
    bool rows = command->mode == RS_DAEMON_REPLAY || command->sample;
    if (command->sample && command->mode != RS_DAEMON_CHECK) {
        return rs_usage_fail(&program, error, "--sample is for --check");
    }
    if (command->against_running && command->mode != RS_DAEMON_CHECK) {
        return rs_usage_fail(&program, error, "--against-running is for --check");
    }
    if (command->connect && command->mode != RS_DAEMON_CHECK) {
        return rs_usage_fail(&program, error, "--connect is for --check");
    }
    if (command->input_partitions > 0 && command->mode != RS_DAEMON_CREATE_TOPICS) {
        return rs_usage_fail(&program, error, "--input-partitions is for --create-topics");
    }
    if (command->sample && command->replay.partitions != 1) {
        return rs_usage_fail(&program, error, "--partitions is for --replay");
    }
    if (!rows && command->for_replay) {
        return rs_usage_fail(&program, error, "--%s is for --replay", command->for_replay);
    }
    if (!rows && command->mode != RS_DAEMON_REBUILD && command->stream) {
        return rs_usage_fail(&program, error, "--stream is for --replay, --rebuild and --check --sample");
    }
    if (command->mode != RS_DAEMON_REBUILD && command->for_rebuild) {
        return rs_usage_fail(&program, error, "--%s is for --rebuild", command->for_rebuild);
    }
    if (command->mode != RS_DAEMON_EXPLAIN && command->for_explain) {
        return rs_usage_fail(&program, error, "--%s is for --explain", command->for_explain);
    }
    return 0;
}

/* ---- commands ---- */

static int complain(const struct rs_error *error)
{
    rs_usage_complain(&program, error);
    return rs_usage_exit(error);
}

/* Topics of Kafka that are the daemon's own. */
static void explain_topics(const struct rs_settings *settings, struct rs_buf *out)
{
    const struct rs_streams *streams = settings->streams;

    rs_buf_text(out, "\nstate, kept over a restart:\n");
    if (settings->state_in_memory) {
        rs_buf_text(out, "  nothing (state: {log: memory}): the input is read again from its beginning\n");
        return;
    }
    for (size_t i = 0; i < streams->count; i++) {
        const struct rs_stream *stream = &streams->items[i];
        int64_t every_ms = settings->commit_every_us / 1000;
        if (stream->topic) {
            rs_buf_printf(out,
                          "  %s: topic %s.state.%s, as many partitions as %s; sealed every %" PRId64 " ms\n",
                          stream->name, streams->group, rs_stream_input(stream), stream->topic, every_ms);
        }
        if (stream->pattern && i < streams->named) {
            rs_buf_printf(out,
                          "  %s: topics %s.state.%s.TOPIC, as many partitions as TOPIC; sealed every %" PRId64
                          " ms\n",
                          stream->name, streams->group, stream->name, every_ms);
        }
    }
}

static int explain(const struct rs_settings *settings, int64_t groups)
{
    struct rs_buf text = {0};

    rs_engine_explain(settings->engine, settings->streams, settings->redis.prefix, (uint64_t)groups, &text);
    explain_topics(settings, &text);
    if (!text.failed) {
        (void)fwrite(text.data, 1, text.size, stdout);
    }
    bool failed = text.failed;
    rs_buf_fini(&text);
    return failed ? RS_EXIT_ENVIRONMENT : RS_EXIT_OK;
}

static int check(const struct rs_settings *settings, const char *path, bool against_running)
{
    size_t aggregates = 0;
    struct rs_error error;

    /* No fault: who checks before a restart does so beside the instance that has the address, and who asks that
     * instance knows of it. */
    if (settings->http_listen && !against_running && rs_http_listen_try(settings->http_listen, &error) != 0) {
        (void)fprintf(
            stderr,
            "%s: note: %s; unless this is by the instance that runs with this configuration, it will not "
            "start: choose another address with http: {listen: HOST:PORT}\n",
            path, error.text);
    }
    (void)rs_engine_metas(settings->engine, &aggregates);
    printf("%s: ok: %zu %s, %zu %s\n", path, settings->streams->named,
           settings->streams->named == 1 ? "stream" : "streams", aggregates,
           aggregates == 1 ? "aggregate" : "aggregates");
    return RS_EXIT_OK;
}

/* The file goes through the engine as with --replay, which reads a configuration of its own for that: of streams
 * of JSON it makes such of rows. What is to be said of the configuration has been. */
static int sample(struct command *command, struct rs_error *error)
{
    struct rs_settings settings;
    struct rs_buf said = {0};
    int rc = rs_settings_load(command->config, RS_DAEMON_REPLAY, &settings, &said, error);

    rs_buf_fini(&said);
    if (rc == 0) {
        command->replay.sample = true;
        command->files[0] = command->sample;
        command->replay.file_count = 1;
        rc = rs_replay(&settings, &command->replay, error);
        rs_settings_fini(&settings);
    }
    return rc;
}

/* Empty where no broker says: then it is compared with none. */
static int ask_cluster(const struct rs_settings *settings, char out[RS_KAFKA_CLUSTER_MAX],
                       struct rs_error *error)
{
    rd_kafka_conf_t *conf = NULL;
    rd_kafka_t *client = NULL;
    int rc = rs_settings_kafka(settings, &conf, error);

    out[0] = '\0';
    if (rc == 0) {
        rc = rs_kafka_client_new(RD_KAFKA_CONSUMER, &conf, "kafka", &client, error);
    }
    if (rc != 0) {
        return rc;
    }
    char *id = rd_kafka_clusterid(client, CLUSTER_WAIT_MS);
    if (id) {
        (void)snprintf(out, RS_KAFKA_CLUSTER_MAX, "%s", id);
        rd_kafka_mem_free(client, id);
    }
    rd_kafka_destroy(client);
    return 0;
}

static int forget(const struct rs_settings *settings, const char *name, struct rs_error *error)
{
    char cluster[RS_KAFKA_CLUSTER_MAX];
    size_t count = 0;
    uint64_t groups = 0;
    const struct rs_aggregate_meta *metas = rs_engine_metas(settings->engine, &count);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(metas[i].name, name) == 0) {
            return rs_fail(
                error, RS_EINVAL,
                "--forget %s: this aggregate is configured. Take it out of the configuration of every "
                "instance, restart them, and then forget it",
                name);
        }
    }
    if (!rs_aggregate_name_usable(name)) {
        return rs_fail(error, RS_EINVAL, "--forget: \"%s\" cannot be the name of an aggregate", name);
    }
    int rc = ask_cluster(settings, cluster, error);
    if (rc == 0) {
        rc = rs_redis_forget(&settings->redis, settings->streams->group, cluster, name, &groups, error);
    }
    if (rc == 0) {
        printf("aggregate %s: %" PRIu64 " groups and all that belongs to them removed from Redis\n", name,
               groups);
    }
    return rc;
}

static int take_over(const struct rs_settings *settings, struct rs_error *error)
{
    size_t count = 0;
    uint64_t fences = 0;
    const struct rs_aggregate_meta *metas = rs_engine_metas(settings->engine, &count);
    int rc = rs_redis_take_over(&settings->redis, settings->streams->group, metas, count, &fences, error);

    if (rc == 0) {
        printf("%zu aggregates are nobody's now, and %" PRIu64
               " fences of group %s are removed: the next instance of "
               "this group that publishes them owns them\n",
               count, fences, settings->streams->group);
    }
    return rc;
}

/* Each thread that allocates gets a heap of its own from glibc, eight for each core at most, and what another
 * thread frees stays in them. librdkafka's threads allocate what workers free: with two heaps the daemon is as
 * fast, and as much as a fifth smaller. What is larger than a fetch comes from the system and goes back there: glibc
 * otherwise takes to its heaps all sizes that were once freed, and keeps the holes. An operator's own numbers
 * count. */
static void limit_heaps(void)
{
#ifdef M_MMAP_THRESHOLD
    if (!secure_getenv("MALLOC_MMAP_THRESHOLD_")) {
        /* There is one thread yet. NOLINTNEXTLINE(concurrency-mt-unsafe) */
        (void)mallopt(M_MMAP_THRESHOLD, MMAP_FROM);
    }
#endif
#ifdef M_ARENA_MAX
    if (!secure_getenv("MALLOC_ARENA_MAX")) {
        /* There is one thread yet. NOLINTNEXTLINE(concurrency-mt-unsafe) */
        (void)mallopt(M_ARENA_MAX, 2);
    }
#endif
}

static int execute(struct command *command, struct rs_settings *settings, struct rs_error *error)
{
    switch (command->mode) {
    case RS_DAEMON_CHECK: {
        int rc = check(settings, command->config, command->against_running);
        if (rc == 0 && command->against_running) {
            rc = rs_running_compare(settings, error);
        }
        if (rc == 0 && command->connect) {
            rc = rs_connect_check(settings, command->config, error);
        }
        return rc == 0 && command->sample ? sample(command, error) : rc;
    }
    case RS_DAEMON_EXPLAIN: return explain(settings, command->groups);
    case RS_DAEMON_REPLAY: return rs_replay(settings, &command->replay, error);
    case RS_DAEMON_REBUILD: return rs_rebuild(settings, &command->rebuild, error);
    case RS_DAEMON_FORGET: return forget(settings, command->forget, error);
    case RS_DAEMON_TAKE_OVER: return take_over(settings, error);
    case RS_DAEMON_CREATE_TOPICS:
        return rs_connect_create_topics(settings, command->config, (int32_t)command->input_partitions, error);
    case RS_DAEMON_RELOAD: return rs_running_reload(settings, error);
    case RS_DAEMON_RUN: break;
    }
    const struct rs_daemon_options daemon = {.path = command->config, .has_level = command->has_level};
    rs_log_set_level(command->level);
    limit_heaps();
    return rs_daemon_run(settings, &daemon, error);
}

static int run(struct command *command, struct rs_error *error)
{
    struct rs_settings settings;
    struct rs_buf report = {0};
    int rc = rs_settings_load(command->config, command->mode, &settings, &report, error);

    if (rc == 0 && command->mode == RS_DAEMON_RUN) {
        rs_log_set_form(settings.log_form); /* also of what is to be said about the configuration */
    }
    if (report.size > 0) {
        rs_log_text(rc == 0 ? RS_LOG_WARNING : RS_LOG_ERROR, (const char *)report.data, report.size);
    }
    rs_buf_fini(&report);
    if (rc == 0) {
        rc = execute(command, &settings, error);
        rs_settings_fini(&settings);
    }
    if (rc >= 0 && (fflush(stdout) != 0 || ferror(stdout))) {
        rc = rs_fail(error, RS_EIO, "writing to standard output failed");
    }
    return rc < 0 ? complain(error) : rc;
}

static int main_command(struct command *command, int argc, char **argv)
{
    struct rs_error error = {0};

    int rc = rs_usage_read(&program, argc, argv, take, command, &error);
    if (rc == RS_USAGE_SHOWN) {
        return RS_EXIT_OK;
    }
    if (rc != 0 || check_command(command, &error) != 0) {
        return complain(&error);
    }
    return run(command, &error);
}

int main(int argc, char **argv)
{
    struct command command = {.groups = EXPLAIN_GROUPS, .replay = {.partitions = 1}};

    command.files = calloc((size_t)argc + 1, sizeof *command.files);
    command.replay.files = command.files;
    rs_log_init("rollstatd");
    if (!command.files) {
        fputs("rollstatd: out of memory\n", stderr);
        return RS_EXIT_ENVIRONMENT;
    }
    int code = main_command(&command, argc, argv);
    rs_rows_options_fini(&command.replay.rows);
    free(command.files);
    return code;
}
