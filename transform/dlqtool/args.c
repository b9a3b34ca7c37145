/* The command line. */
#include <string.h>

#include "base/clock.h"
#include "base/time/text.h"
#include "base/unit.h"
#include "transform/dlqtool/internal.h"

#define TIMEOUT_S     30
#define TIMEOUT_S_MAX 3600
#define POSITIONS_MAX 1000

static const struct rs_option options[] = {
    {"config", 'c', "FILE", "the configuration, see rollstat.yaml(5)"},
    {"stream", 's', "NAME", "only letters of this stream"},
    {"partition", 'p', "N", "only of this partition of the input"},
    {"reason", 'r', "NAME[,NAME]...", "only of these reasons"},
    {"field", 'f', "PATH", "only about this field, or a part of it"},
    {"rule", '\0', "TEXT", "only of rules that have this in their text"},
    {"schema", '\0', "ID", "only of this writer's schema, as list shows it (confluent:42)"},
    {"since", '\0', "TIME", "only letters since then: ISO 8601, or a duration before now (2h)"},
    {"until", '\0', "TIME", "only letters before then"},
    {"pending", '\0', NULL, "only those not replayed to their stream's topic yet"},
    {"limit", 'n', "N", "the first N of them"},
    {"json", 'j', NULL, "one JSON object a line; not for export, which is NDJSON"},
    {"output", 'o', "FILE", "export: NDJSON into this file; else on standard output"},
    {"raw", '\0', "DIR", "export: each value as it is, in a file of its own"},
    {"to", '\0', "TOPIC", "replay: into this topic, by key, in place of where they came from"},
    {"dry-run", '\0', NULL, "replay: only say what would be done; writes nothing"},
    {"force", '\0', NULL, "replay: also what would be rejected again"},
    {"rate", '\0', "N", "replay: at most N a second"},
    {"timeout", 't', "SECONDS", "how long broker or schema registry may take to answer (default 30)"},
    {NULL, '\0', NULL, NULL}};

const struct rs_program_info rs_dlq_info = {
    .name = "rollstat-dlq",
    .synopsis = "-c FILE [OPTION]... list | stats | show [LETTER]... | export | replay",
    .summary =
        "Reads the dead-letter topics of a configuration: which records were rejected, why, and where in\n"
        "the message. Replays them after the mend.",
    .options = options,
    .footer =
        "Commands:\n"
        "  list    a line for each letter: LETTER, when, from where, reason, field and byte, schema, text\n"
        "  stats   how many, by reason, field, schema and hour\n"
        "  show    the bytes, decoded as far as they go, with the byte that is wrong marked; LETTER is\n"
        "          TOPIC:PARTITION:OFFSET as in list; none: all\n"
        "  export  the original bytes, for other tools\n"
        "  replay  the original key, value, headers and time into the topic that they came from, each once,\n"
        "          however often it is given and wherever it is cut short; not what would be rejected again\n"
        "A payload is shown by show and export alone.\n"
        "\n"
        "Exit codes: 0 ok; 1 usage or configuration, or no such letter; 2 environment (broker, files);\n"
        "3 replay: some letters were not sent.",
};

/* ---- command line ---- */

static int take_operand(struct rs_dlq_request *request, const char *value, struct rs_error *error)
{
    static const char *const commands[] = {"list", "stats", "show", "export", "replay", NULL};
    struct rs_dlq_filter *filter = &request->filter;
    if (request->command) {
        const char **positions = (const char **)filter->positions;
        if (filter->position_count == POSITIONS_MAX) {
            return rs_usage_fail(&rs_dlq_info, error, "more than %d letters; use a filter", POSITIONS_MAX);
        }
        positions[filter->position_count++] = value;
        return 0;
    }
    for (size_t i = 0; commands[i]; i++) {
        if (strcmp(value, commands[i]) == 0) {
            request->command = value;
            return 0;
        }
    }
    const char *nearest = rs_nearest_name(value, commands);
    return rs_usage_fail(&rs_dlq_info, error, "there is no command \"%s\"%s%s%s", value,
                         nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
}

static int take_time(const char *name, const char *text, int64_t *out, struct rs_error *error)
{
    struct rs_error ignored;
    int64_t ago_us = 0;
    if (rs_duration_parse(text, &ago_us, &ignored) == 0) {
        *out = rs_clock_wall(rs_clock_system()) - ago_us;
        return 0;
    }
    return rs_time_parse_iso(rs_slice_text(text), NULL, out, &ignored) == 0
               ? 0
               : rs_usage_fail(
                     &rs_dlq_info, error,
                     "--%s: \"%s\" is neither a time such as 2026-03-01T09:00 nor a duration such as 2h",
                     name, text);
}

static const char **text_of(struct rs_dlq_request *request, const char *name)
{
    const struct {
        const char *name;
        const char **text;
    } texts[] = {{"config", &request->config},
                 {"stream", &request->stream},
                 {"reason", &request->filter.reasons},
                 {"field", &request->filter.field},
                 {"rule", &request->filter.rule},
                 {"schema", &request->filter.schema},
                 {"output", &request->output},
                 {"raw", &request->raw},
                 {"to", &request->to}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (strcmp(texts[i].name, name) == 0) {
            return texts[i].text;
        }
    }
    return NULL;
}

static bool *flag_of(struct rs_dlq_request *request, const char *name)
{
    const struct {
        const char *name;
        bool *flag;
    } flags[] = {{"json", &request->json},
                 {"pending", &request->pending},
                 {"dry-run", &request->dry_run},
                 {"force", &request->force}};
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (strcmp(flags[i].name, name) == 0) {
            return flags[i].flag;
        }
    }
    return NULL;
}

static int take(void *ctx, const struct rs_option *option, const char *value, struct rs_error *error)
{
    struct rs_dlq_request *request = ctx;
    RS_ASSERT(request != NULL);
    if (!option) {
        return take_operand(request, value, error);
    }
    const char *name = option->name;
    const char **text = text_of(request, name);
    bool *flag = flag_of(request, name);
    if (text) {
        *text = value;
        return 0;
    }
    if (flag) {
        *flag = true;
        return 0;
    }
    if (strcmp(name, "since") == 0) {
        return take_time(name, value, &request->filter.since_us, error);
    }
    if (strcmp(name, "until") == 0) {
        return take_time(name, value, &request->filter.until_us, error);
    }
    if (strcmp(name, "partition") == 0) {
        return rs_usage_number(&rs_dlq_info, name, value, 0, INT32_MAX, &request->filter.partition, error);
    }
    if (strcmp(name, "limit") == 0) {
        return rs_usage_number(&rs_dlq_info, name, value, 1, INT64_MAX, &request->limit, error);
    }
    if (strcmp(name, "rate") == 0) {
        return rs_usage_number(&rs_dlq_info, name, value, 1, 1000000, &request->rate, error);
    }
    return rs_usage_number(&rs_dlq_info, name, value, 1, TIMEOUT_S_MAX, &request->timeout_s, error);
}

bool rs_dlq_is(const struct rs_dlq_request *request, const char *command)
{
    return strcmp(request->command, command) == 0;
}

static int check_reasons(const struct rs_dlq_request *request, struct rs_error *error)
{
    const char *names[RS_REASON_COUNT] = {0};
    char text[64];
    struct rs_slice wrong = rs_dlq_filter_wrong_reason(&request->filter);
    if (!wrong.data) {
        return 0;
    }
    for (unsigned i = RS_REASON_NONE + 1; i < RS_REASON_COUNT; i++) {
        names[i - 1] = rs_reason_name((enum rs_reason)i);
    }
    (void)snprintf(text, sizeof text, "%.*s", (int)(wrong.size < 60 ? wrong.size : 60),
                   (const char *)wrong.data);
    const char *nearest = rs_nearest_name(text, names);
    return rs_usage_fail(&rs_dlq_info, error, "--reason: there is no reason \"%s\"%s%s%s", text,
                         nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
}

static int check_request(const struct rs_dlq_request *request, struct rs_error *error)
{
    if (!request->config) {
        return rs_usage_fail(&rs_dlq_info, error, "--config FILE is missing");
    }
    if (!request->command) {
        return rs_usage_fail(&rs_dlq_info, error,
                             "a command is missing: list, stats, show, export or replay");
    }
    if (request->filter.position_count > 0 && (rs_dlq_is(request, "list") || rs_dlq_is(request, "stats"))) {
        return rs_usage_fail(&rs_dlq_info, error, "\"%s\": LETTER is for show, export and replay",
                             request->filter.positions[0]);
    }
    if ((request->output || request->raw) && !rs_dlq_is(request, "export")) {
        return rs_usage_fail(&rs_dlq_info, error, "--output and --raw are for export");
    }
    if ((request->to || request->dry_run || request->force || request->rate > 0) &&
        !rs_dlq_is(request, "replay")) {
        return rs_usage_fail(&rs_dlq_info, error, "--to, --dry-run, --force and --rate are for replay");
    }
    if (request->pending && rs_dlq_is(request, "replay")) {
        return rs_usage_fail(&rs_dlq_info, error,
                             "--pending is for the others; replay sends no letter twice anyway");
    }
    if (request->output && request->raw) {
        return rs_usage_fail(&rs_dlq_info, error, "--output and --raw exclude each other");
    }
    if (request->json && rs_dlq_is(request, "export")) {
        return rs_usage_fail(&rs_dlq_info, error, "--json is for the others; export is NDJSON anyway");
    }
    return check_reasons(request, error);
}

int rs_dlq_read_arguments(int argc, char **argv, struct rs_dlq_request *request, struct rs_error *error)
{
    static const char *positions[POSITIONS_MAX];
    *request = (struct rs_dlq_request){
        .timeout_s = TIMEOUT_S,
        .filter = {.partition = -1, .since_us = INT64_MIN, .until_us = INT64_MAX, .positions = positions}};
    int rc = rs_usage_read(&rs_dlq_info, argc, argv, take, request, error);
    return rc == 0 ? check_request(request, error) : rc;
}
