/* rollstat-publish: rows of files to a stream's topic, on top of librollstat. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/config/config.h"
#include "base/usage.h"
#include "ingest/publish/ahead.h"
#include "ingest/publish/check.h"
#include "ingest/publish/progress.h"
#include "ingest/publish/rate.h"
#include "ingest/publish/registered.h"
#include "ingest/publish/rollstat.h"
#include "ingest/read/rows.h"

#define SHOW_DEFAULT       100 /* bad rows on stderr */
#define FAILURES_SHOWN     10  /* events that were not delivered */
#define TIMEOUT_DEFAULT_MS 30000
/* librdkafka may tell some seconds late that a message has timed out while it was on its way. */
#define FLUSH_MORE_MS 10000
#define LOOK_EVERY    64 /* rows between two looks at the clock */

static const struct rs_option options_table[] = {
    {"config", 'c', "FILE", "the daemon's configuration: streams, schemas, kafka (required)"},
    {"stream", 's', "NAME", "stream to publish to (required)"},
    RS_ROWS_OPTIONS,
    {"registry", '\0', NULL,
     "framing confluent with the id that schemas: {registry} has for the schema\n(subject TOPIC-value)"},
    {"register", '\0', NULL, "the same, and register the schema where the registry does not have it"},
    {"brokers", '\0', "HOST:PORT,...", "instead of kafka: {bootstrap.servers}"},
    {"timeout", '\0', "DURATION", "for a broker to answer and for each event; default 30s"},
    {"rate", '\0', "N", "at most N rows a second"},
    {"dry-run", 'n', NULL, "read, check and encode, but publish nothing"},
    {"show", '\0', "N", "show the first N bad rows (default 100; 0: all); all are counted"},
    {"progress", '\0', NULL, "show progress also where stderr is no terminal"},
    {"quiet", 'q', NULL, "no progress, no notes"},
    {NULL, '\0', NULL, NULL},
};

static const struct rs_program_info program = {
    .name = "rollstat-publish",
    .synopsis = "-c FILE --stream NAME [OPTION]... [FILE|-]...",
    .summary = "Reads rows from CSV, NDJSON or Avro container files (plain, gzip, zstd, bzip2\n"
               "or xz; - or nothing: stdin), "
               "checks and\n"
               "encodes them with the stream's schema, and publishes them: idempotent, acks=all.",
    .options = options_table,
    .footer =
        "Columns go to the fields of the same name. Every bad row is reported as FILE:LINE:COLUMN: reason, "
        "and\n"
        "the others are published. The first event that cannot be delivered ends the run.\n"
        "SIGINT and SIGTERM end the reading; what was read is delivered and reported.\n"
        "Exit: 0 all published, 1 usage or configuration, 2 broker or files, 3 some rows were rejected.",
};

struct publish {
    const char *config_path;
    const char *stream_name;
    const char *brokers;
    int64_t timeout_ms;
    int64_t rate;
    uint64_t show;
    bool registry; /* asked for the schema's id */
    bool enter;    /* the schema, where the registry does not have it */
    char framing[RS_REGISTERED_FRAMING_MAX];
    bool dry_run;
    bool force_progress;
    bool quiet;
    struct rs_rows_options rows_options;
    const char **files;
    size_t file_count;

    struct rs_config *config;
    struct rs_streams *streams;
    struct rs_rows *rows;
    struct rs_ahead ahead;
    struct rs_check check;
    rollstat *publisher;
    struct rs_rate bucket;
    struct rs_progress progress;
    bool shows_progress;
    uint64_t good; /* handed to the publisher, or checked */
    uint64_t shown;
    struct rs_buf line;
};

static volatile sig_atomic_t stop_signal;
static _Atomic bool stop_asking;
static _Atomic(rollstat *) publisher_to_interrupt;
static atomic_uint_fast64_t failures;

static void on_signal(int number)
{
    stop_signal = number;
    atomic_store(&stop_asking, true);
    rollstat *publisher = atomic_load(&publisher_to_interrupt);
    if (publisher) {
        rollstat_interrupt(publisher, 1);
    }
}

static int64_t now_us(void)
{
    return rs_clock_mono(rs_clock_system());
}

/* ---- command line ---- */

static int parse_count(const char *option, const char *value, int64_t min, int64_t *out,
                       struct rs_error *error)
{
    char *end = NULL;
    errno = 0;
    long long n = strtoll(value, &end, 10);
    if (errno != 0 || end == value || *end != '\0' || n < min || n > RS_RATE_MAX) {
        return rs_usage_fail(&program, error, "--%s %s: a number from %" PRId64 " is needed", option, value,
                             min);
    }
    *out = n;
    return 0;
}

static int set_timeout(struct publish *p, const char *value, struct rs_error *error)
{
    int64_t us = 0;
    int rc = rs_duration_parse(value, &us, error);
    if (rc != 0 || us < 1000) {
        return rs_usage_fail(&program, error, "--timeout %s: a duration such as 10s or 500ms is needed",
                             value);
    }
    p->timeout_ms = us / 1000;
    return 0;
}

static int set_own(struct publish *p, const char *name, const char *value, struct rs_error *error)
{
    int64_t n = 0;
    int rc = 0;
    if (strcmp(name, "config") == 0) {
        p->config_path = value;
    } else if (strcmp(name, "stream") == 0) {
        p->stream_name = value;
    } else if (strcmp(name, "brokers") == 0) {
        p->brokers = value;
    } else if (strcmp(name, "timeout") == 0) {
        rc = set_timeout(p, value, error);
    } else if (strcmp(name, "rate") == 0) {
        rc = parse_count(name, value, 1, &p->rate, error);
    } else if (strcmp(name, "show") == 0) {
        rc = parse_count(name, value, 0, &n, error);
        p->show = n == 0 ? UINT64_MAX : (uint64_t)n;
    } else if (strcmp(name, "registry") == 0 || strcmp(name, "register") == 0) {
        p->registry = true;
        p->enter |= strcmp(name, "register") == 0;
    } else if (strcmp(name, "dry-run") == 0) {
        p->dry_run = true;
    } else if (strcmp(name, "progress") == 0) {
        p->force_progress = true;
    } else {
        p->quiet = true;
    }
    return rc;
}

static int take(void *ctx, const struct rs_option *option, const char *value, struct rs_error *error)
{
    struct publish *p = ctx;
    if (!option) {
        p->files[p->file_count++] = value;
        return 0;
    }
    int rc = rs_rows_option(&p->rows_options, option->name, value, error);
    if (rc == RS_EUSAGE) {
        char text[RS_ERROR_TEXT_MAX];
        (void)snprintf(text, sizeof text, "%s", error->text);
        return rs_usage_fail(&program, error, "%s", text);
    }
    return rc == 1 ? set_own(p, option->name, value, error) : rc;
}

/* RS_USAGE_SHOWN: help or version was printed. */
static int parse(struct publish *p, int argc, char **argv, struct rs_error *error)
{
    int rc = rs_usage_read(&program, argc, argv, take, p, error);
    if (rc == 0 && (!p->config_path || !p->stream_name)) {
        return rs_usage_fail(&program, error, "%s is needed", !p->config_path ? "-c FILE" : "--stream NAME");
    }
    return rc;
}

/* ---- what people see ---- */

static void erase_progress(const struct publish *p)
{
    if (p->shows_progress && p->progress.shown_us != p->progress.started_us) {
        (void)fputs(isatty(STDERR_FILENO) ? "\r\x1b[K" : "", stderr);
    }
}

static void show_progress(struct publish *p, int64_t now)
{
    uint64_t read = 0;
    uint64_t total = 0;
    rs_rows_progress(p->rows, &read, &total);
    rs_buf_reset(&p->line);
    rs_progress_line(&p->progress, now, p->good + rs_rows_rejected(p->rows), read, total, &p->line);
    if (!p->line.failed) {
        bool terminal = isatty(STDERR_FILENO) != 0;
        (void)fprintf(stderr, "%s%.*s%s", terminal ? "\r" : "", (int)p->line.size, (const char *)p->line.data,
                      terminal ? "\x1b[K" : "\n");
        (void)fflush(stderr);
    }
}

static void show_bad_row(struct publish *p, const char *text)
{
    if (p->shown == p->show) {
        erase_progress(p);
        (void)fprintf(stderr, "more bad rows are counted, but not shown (--show 0 shows all%s)\n",
                      !p->rows_options.rejects ? ", --rejects FILE keeps them" : "");
    } else if (p->shown < p->show) {
        erase_progress(p);
        (void)fprintf(stderr, "%s\n", text);
    }
    p->shown += p->shown <= p->show;
}

static void note(void *self, const char *text)
{
    const struct publish *p = self;
    if (!p->quiet) {
        (void)fprintf(stderr, "note: %s\n", text);
    }
}

/* On the publisher's thread. The tag is the number of the row. */
static void on_failure(void *self, const rollstat_failure *failure)
{
    (void)self;
    uint64_t n = atomic_fetch_add(&failures, 1);
    if (n < FAILURES_SHOWN) {
        (void)fprintf(stderr, "row %" PRIuPTR " was not delivered: %s\n", (uintptr_t)failure->tag,
                      failure->text);
    } else if (n == FAILURES_SHOWN) {
        (void)fputs("more rows were not delivered\n", stderr);
    }
}

/* On the publisher's thread. */
static void on_wait(void *self, const char *text)
{
    const struct publish *p = self;
    erase_progress(p);
    (void)fprintf(stderr, "%s: %s\n", program.name, text);
}

static int complain(const char *text)
{
    (void)fprintf(stderr, "%s: %s\n", program.name, text);
    return RS_EXIT_USAGE;
}

static int exit_code(int rc)
{
    switch (rc) {
    case RS_EUSAGE:
    case RS_ECONFIG:
    case RS_ESCHEMA:
    case RS_EINVAL: return RS_EXIT_USAGE;
    default: return RS_EXIT_ENVIRONMENT;
    }
}

/* ---- setting up ---- */

static int load_config(struct publish *p)
{
    struct rs_error error;
    static const char *const used[] = {"group", "schemas", "streams", "aggregates", "kafka", NULL};
    struct rs_buf report = {0};
    int rc = rs_config_load_file(p->config_path, &p->config, &error);
    if (rc != 0) {
        (void)complain(error.text);
        return exit_code(rc);
    }
    rs_config_use_only(p->config, used);
    if (!p->registry) {
        rs_config_pass_by(p->config, "schemas.registry");
    }
    if (p->dry_run) {
        rs_config_pass_by(p->config, "kafka");
    }
    rc = rs_config_root(p->config) ? rs_streams_load(p->config, &p->streams, &error) : RS_ECONFIG;
    if (rs_config_complaints(p->config) > 0) {
        rs_config_report(p->config, &report);
        (void)fprintf(stderr, "%.*s", (int)report.size, report.data ? (const char *)report.data : "");
        rs_buf_fini(&report);
        return RS_EXIT_USAGE;
    }
    if (rc != 0) {
        (void)complain(error.text);
        return exit_code(rc);
    }
    return RS_EXIT_OK;
}

static int no_stream(const struct publish *p)
{
    const char **names = calloc(p->streams->named + 1, sizeof *names);
    const char *nearest = NULL;
    for (size_t i = 0; names && i < p->streams->named; i++) {
        names[i] = p->streams->items[i].name;
    }
    if (names) {
        nearest = rs_nearest_name(p->stream_name, names);
    }
    (void)fprintf(stderr, "%s: %s has no stream \"%s\"", program.name, p->config_path, p->stream_name);
    if (nearest) {
        (void)fprintf(stderr, "; did you mean \"%s\"?", nearest);
    }
    (void)fputc('\n', stderr);
    free(names);
    return RS_EXIT_USAGE;
}

/* The schema's id is for one framing, and whoever gives an id has it already. */
static int check_framing(const struct publish *p, const struct rs_stream *stream, struct rs_error *error)
{
    const char *told = p->rows_options.framing;
    enum rs_framing framing = stream->framing.framing;
    bool confluent =
        told ? strcmp(told, "confluent") == 0 : framing == RS_FRAMING_CONFLUENT || framing == RS_FRAMING_AUTO;
    bool needs_id = told ? confluent : framing == RS_FRAMING_CONFLUENT;
    if (p->registry && stream->format == RS_FORMAT_JSON) {
        return rs_fail(error, RS_EUSAGE, "--registry is for Avro, and the messages of stream \"%s\" are JSON",
                       stream->name);
    }
    if (p->registry && !confluent) {
        return rs_fail(
            error, RS_EUSAGE,
            told ? "--registry finds the id for --framing confluent; it does not go with --framing %s"
                 : "--registry is for framing confluent, and the stream \"%s\" has another one",
            told ? told : stream->name);
    }
    if (!p->registry && needs_id && p->streams->schema_registry.url_count > 0) {
        return rs_fail(
            error, RS_EUSAGE,
            "framing confluent needs the schema's id: --registry asks the configured registry for it, "
            "--framing confluent:ID gives it");
    }
    return 0;
}

static int ask_registry(struct publish *p, const struct rs_stream *stream, struct rs_error *error)
{
    const struct rs_registered asked = {
        .registry = &p->streams->schema_registry,
        .stream = stream,
        .enter = p->enter && !p->dry_run,
        .timeout_us = p->timeout_ms * 1000,
        .stop = &stop_asking,
        .on_wait = on_wait,
        .self = p,
    };
    int rc = check_framing(p, stream, error);
    if (rc != 0 || !p->registry) {
        return rc;
    }
    rc = rs_registered_framing(&asked, p->framing, error);
    if (rc == RS_EUSAGE && p->enter && p->dry_run && asked.registry->url_count > 0) {
        note(p, "the schema is not registered yet; without --dry-run it would be");
        (void)snprintf(p->framing, sizeof p->framing, "confluent:0");
        rc = 0;
    }
    p->rows_options.framing = p->framing;
    return rc;
}

static int open_rows(struct publish *p)
{
    struct rs_error error;
    const struct rs_stream *stream = rs_streams_find(p->streams, p->stream_name);
    if (!stream) {
        return no_stream(p);
    }
    int code = ask_registry(p, stream, &error);
    if (code != 0) {
        (void)complain(error.text);
        return code == RS_EINVAL ? RS_EXIT_ENVIRONMENT : exit_code(code); /* a signal ended the asking */
    }
    p->rows_options.stop = &stop_signal;
    p->rows_options.note = note;
    p->rows_options.note_self = p;
    int rc = rs_rows_open(stream, &p->rows_options, p->files, p->file_count, &p->rows, &error);
    if (rc == 0) {
        rc = rs_ahead_init(&p->ahead, stream, &error);
    }
    if (rc == 0) {
        rc = rs_check_init(&p->check, stream, &error);
    }
    if (rc != 0) {
        (void)complain(error.text);
        return exit_code(rc);
    }
    return RS_EXIT_OK;
}

static int library_exit_code(int code)
{
    return code == ROLLSTAT_INVALID ? RS_EXIT_USAGE : RS_EXIT_ENVIRONMENT;
}

static int open_publisher(struct publish *p)
{
    rollstat_error error = {0};
    const rollstat_options options = {
        .size = sizeof options,
        .brokers = p->brokers,
        .key = p->rows_options.key,
        .framing = p->rows_options.framing,
        .timeout_ms = p->timeout_ms,
        .on_failure = on_failure,
        .on_wait = on_wait,
        .self = p,
    };
    p->publisher = rollstat_open(p->config_path, p->stream_name, &options, &error);
    if (!p->publisher) {
        (void)complain(error.text);
        return library_exit_code(error.code);
    }
    atomic_store(&publisher_to_interrupt, p->publisher);
    int code = rollstat_connect(p->publisher, p->timeout_ms, &error);
    if (code != ROLLSTAT_OK && code != ROLLSTAT_INTERRUPTED) {
        (void)complain(error.text);
        return library_exit_code(code);
    }
    return RS_EXIT_OK;
}

/* A second signal ends the program at once. */
static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

/* ---- the run ---- */

static void keep_rate(struct publish *p)
{
    int64_t wait_us;
    while (stop_signal == 0 && (wait_us = rs_rate_take(&p->bucket, now_us())) > 0) {
        struct timespec ts = {.tv_sec = wait_us / 1000000, .tv_nsec = wait_us % 1000000 * 1000};
        (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
    }
}

/* The number of a row as the opaque pointer that comes back with a failure. */
static void *tag_of(uint64_t number)
{
    uintptr_t bits = (uintptr_t)number;
    void *tag;
    memcpy(&tag, &bits, sizeof tag);
    return tag;
}

static void warn_of_future(struct publish *p, const struct rs_row *row)
{
    char text[512];
    int64_t now = rs_clock_wall(rs_clock_system());
    if (rs_ahead_look(&p->ahead, row->datum, now, text, sizeof text)) {
        erase_progress(p);
        (void)fprintf(stderr, "%s:%" PRIu64 ":1: warning: %s\n", row->file, row->line, text);
    }
}

/* The row is bad although its file and the schema allow it. RS_EXIT_OK: go on. */
static int reject_row(struct publish *p, const struct rs_row *row, const char *why)
{
    struct rs_error bad;
    (void)rs_fail(&bad, RS_ERECORD, "%s:%" PRIu64 ":1: %s", row->file, row->line, why);
    show_bad_row(p, bad.text);
    if (rs_rows_reject(p->rows, row, &bad) != 0) {
        (void)complain(bad.text);
        return RS_EXIT_ENVIRONMENT;
    }
    return RS_EXIT_OK;
}

/* RS_EXIT_OK: go on. */
static int publish_row(struct publish *p, const struct rs_row *row)
{
    rollstat_error error = {0};
    struct rs_error bad;
    if (p->rate > 0) {
        keep_rate(p);
    }
    uint64_t number = p->good + rs_rows_rejected(p->rows) + 1;
    if (rs_check_event(&p->check, row->datum, &bad) != 0) {
        return reject_row(p, row, bad.text);
    }
    warn_of_future(p, row);
    if (p->dry_run) {
        p->good++;
        return RS_EXIT_OK;
    }
    int code = rollstat_publish_bytes(p->publisher, row->key.data, row->key.size, row->value.data,
                                      row->value.size, tag_of(number), &error);
    if (code == ROLLSTAT_OK) {
        p->good++;
    } else if (code == ROLLSTAT_REJECTED) {
        return reject_row(p, row, error.text);
    } else if (code != ROLLSTAT_INTERRUPTED) {
        erase_progress(p);
        (void)complain(error.text);
        return RS_EXIT_ENVIRONMENT;
    }
    return RS_EXIT_OK;
}

static int run(struct publish *p)
{
    struct rs_error error;
    struct rs_row row;
    for (uint64_t n = 1; stop_signal == 0 && atomic_load_explicit(&failures, memory_order_relaxed) == 0;
         n++) {
        int rc = rs_rows_next(p->rows, &row, &error);
        if (rc == 0) {
            return RS_EXIT_OK;
        }
        if (rc == RS_ERECORD) {
            show_bad_row(p, error.text);
        } else if (rc < 0) {
            erase_progress(p);
            (void)complain(error.text);
            return exit_code(rc);
        } else {
            int code = publish_row(p, &row);
            if (code != RS_EXIT_OK) {
                return code;
            }
        }
        if (p->shows_progress && n % LOOK_EVERY == 0 && rs_progress_due(&p->progress, now_us())) {
            show_progress(p, now_us());
        }
    }
    return RS_EXIT_OK;
}

/* Waits for what is still on its way. */
static int deliver(struct publish *p, uint64_t *delivered, uint64_t *undelivered)
{
    rollstat_error error = {0};
    rollstat_statistics now = {.size = sizeof now};
    rollstat_interrupt(p->publisher, 0);
    int code = rollstat_flush(p->publisher, p->timeout_ms + FLUSH_MORE_MS, &error);
    erase_progress(p);
    if (code != ROLLSTAT_OK) {
        (void)complain(error.text);
    }
    rollstat_get_statistics(p->publisher, &now);
    *delivered = now.delivered;
    *undelivered = now.failed + now.queued;
    return *undelivered > 0 ? RS_EXIT_ENVIRONMENT : RS_EXIT_OK;
}

static void summarize(struct publish *p, uint64_t rows, uint64_t undelivered)
{
    char future[512];
    rs_buf_reset(&p->line);
    rs_buf_text(&p->line, p->dry_run ? "checked " : "published ");
    rs_progress_number(&p->line, rows);
    rs_buf_text(&p->line, " rows, ");
    rs_progress_number(&p->line, rs_rows_rejected(p->rows));
    rs_buf_text(&p->line, " rejected, ");
    if (undelivered > 0) {
        rs_progress_number(&p->line, undelivered);
        rs_buf_text(&p->line, " not delivered, ");
    }
    rs_progress_end(&p->progress, now_us(), rows, &p->line);
    if (!p->line.failed) {
        (void)fprintf(stderr, "%.*s\n", (int)p->line.size, (const char *)p->line.data);
    }
    if (rs_ahead_summary(&p->ahead, future, sizeof future)) {
        (void)fprintf(stderr, "warning: %s\n", future);
    }
}

static int finish(struct publish *p, int code)
{
    struct rs_error error;
    uint64_t rows = p->good;
    uint64_t undelivered = 0;
    if (p->publisher) {
        int sent = deliver(p, &rows, &undelivered);
        code = code == RS_EXIT_OK ? sent : code;
    }
    erase_progress(p);
    if (rs_rows_finish(p->rows, &error) != 0) {
        (void)complain(error.text);
        code = code == RS_EXIT_OK ? RS_EXIT_ENVIRONMENT : code;
    }
    summarize(p, rows, undelivered);
    return code == RS_EXIT_OK && rs_rows_rejected(p->rows) > 0 ? RS_EXIT_REJECTED : code;
}

static int work(struct publish *p)
{
    int code = load_config(p);
    catch_signals();
    if (code == RS_EXIT_OK) {
        code = open_rows(p);
    }
    if (code == RS_EXIT_OK && !p->dry_run) {
        code = open_publisher(p);
    }
    if (code != RS_EXIT_OK) {
        return code;
    }
    p->shows_progress = !p->quiet && (p->force_progress || isatty(STDERR_FILENO) != 0);
    rs_rate_init(&p->bucket, p->rate, now_us());
    rs_progress_init(&p->progress, now_us());
    return finish(p, run(p));
}

static void clean_up(struct publish *p)
{
    atomic_store(&publisher_to_interrupt, NULL);
    (void)rollstat_close(&p->publisher, 0, NULL);
    rs_rows_free(&p->rows);
    rs_ahead_fini(&p->ahead);
    rs_check_fini(&p->check);
    rs_streams_free(&p->streams);
    rs_config_free(&p->config);
    rs_rows_options_fini(&p->rows_options);
    rs_buf_fini(&p->line);
    free(p->files);
}

int main(int argc, char **argv)
{
    struct rs_error error;
    struct publish p = {.timeout_ms = TIMEOUT_DEFAULT_MS, .show = SHOW_DEFAULT};
    int code = RS_EXIT_USAGE;
    p.files = calloc((size_t)argc + 1, sizeof *p.files);
    if (!p.files) {
        return RS_EXIT_ENVIRONMENT;
    }
    switch (parse(&p, argc, argv, &error)) {
    case 0: code = work(&p); break;
    case RS_USAGE_SHOWN: code = RS_EXIT_OK; break;
    default: rs_usage_complain(&program, &error); break;
    }
    clean_up(&p);
    if (stop_signal != 0) {
        (void)raise(stop_signal); /* the handler is gone: whoever waits for us sees what ended us */
    }
    return code;
}
