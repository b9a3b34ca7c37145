/* The command line. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/nearest.h"
#include "transform/tap/internal.h"

#define TIMEOUT_S     30
#define TIMEOUT_S_MAX 3600
#define RATE          50 /* lines a second that a person may still take in */
#define RATE_MAX      1000000

static const struct rs_option options[] = {
    {"config", 'c', "FILE", "the configuration, see rollstat.yaml(5)"},
    {"by", 'b', "FIELD=VALUE", "only events whose field has this value; may be given again"},
    {"verdict", 'v', "NAME[,NAME]...", "only applied, late, duplicate, filtered, rejected or unjudged ones"},
    {"reason", 'r', "NAME[,NAME]...", "only what is rejected for these reasons"},
    {"fields", 'f', "FIELD[,FIELD]...",
     "show the values of these fields; else no value of an event is shown"},
    {"from", '\0', "WHERE", "begin at the latest (default), the earliest, or an OFFSET of the partition"},
    {"topic", '\0', "NAME", "only this topic of the stream's"},
    {"partition", 'p', "N", "only this partition of the topic"},
    {"count", 'n', "N", "end after N lines"},
    {"end", 'e', NULL, "end where the topic ended when the reading began"},
    {"rate", '\0', "N/s",
     "at most N lines a second, and how many were left out\n"
     "(default 50/s in a terminal, else all; 0: all)"},
    {"json", 'j', NULL, "one JSON object a line"},
    {"timeout", 't', "SECONDS", "how long broker or schema registry may take to answer (default 30)"},
    {NULL, '\0', NULL, NULL}};

const struct rs_program_info rs_tap_info = {
    .name = "rollstat-tap",
    .synopsis = "-c FILE [OPTION]... STREAM",
    .summary =
        "Shows events of a stream as they come, each with what rollstatd makes of it: applied, late by how\n"
        "much, duplicate, filtered by which condition, or rejected, why and where in the message.",
    .options = options,
    .footer =
        "It reads with a client of its own, which belongs to no group, commits and writes nothing, and asks\n"
        "nothing of an instance. It knows nothing of what came before its first record: whether an event is "
        "late\n"
        "or a duplicate is judged as of there.\n"
        "\n"
        "Exit codes: 0 ok; 1 usage or configuration; 2 environment (broker, output).",
};

static const char *const verdicts[] = {"applied",  "late",     "duplicate", "filtered",
                                       "rejected", "unjudged", NULL};
_Static_assert(sizeof verdicts / sizeof verdicts[0] == RS_TAP_VERDICTS + 1, "each has a name");

const char *rs_tap_verdict_name(enum rs_tap_verdict verdict)
{
    return verdicts[verdict];
}

/* ---- lists ---- */

/* Up to the next comma into `out`, cut where it is longer than any name; *text is what follows, or NULL. */
static void cut(const char **text, char out[64])
{
    const char *comma = strchr(*text, ',');
    size_t size = comma ? (size_t)(comma - *text) : strlen(*text);
    (void)snprintf(out, 64, "%.*s", (int)(size < 63 ? size : 63), *text);
    *text = comma ? comma + 1 : NULL;
}

static int number_of(const char *const *names, const char *name)
{
    for (int i = 0; names[i]; i++) {
        if (strcmp(names[i], name) == 0) {
            return i;
        }
    }
    return -1;
}

static int unknown(const char *option, const char *what, const char *name, const char *const *names,
                   struct rs_error *error)
{
    const char *nearest = rs_nearest_name(name, names);
    return rs_usage_fail(&rs_tap_info, error, "--%s: there is no %s \"%s\"%s%s%s", option, what, name,
                         nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
}

static int take_verdicts(struct rs_tap_request *request, const char *text, struct rs_error *error)
{
    char name[64];
    while (text) {
        cut(&text, name);
        int number = number_of(verdicts, name);
        if (number < 0) {
            return unknown("verdict", "verdict", name, verdicts, error);
        }
        request->verdicts |= UINT32_C(1) << number;
    }
    return 0;
}

static int take_reasons(struct rs_tap_request *request, const char *text, struct rs_error *error)
{
    const char *names[RS_REASON_COUNT] = {0};
    char name[64];
    for (unsigned i = RS_REASON_NONE + 1; i < RS_REASON_COUNT; i++) {
        names[i - 1] = rs_reason_name((enum rs_reason)i);
    }
    while (text) {
        cut(&text, name);
        int number = number_of(names, name);
        if (number < 0) {
            return unknown("reason", "reason", name, names, error);
        }
        request->reasons[number + 1] = request->any_reason = true;
    }
    return 0;
}

static int take_text(const char *option, const char *value, const char **items, size_t *count,
                     struct rs_error *error)
{
    if (*count == RS_TAP_FIELDS_MAX) {
        return rs_usage_fail(&rs_tap_info, error, "--%s is given more than %d times", option,
                             RS_TAP_FIELDS_MAX);
    }
    items[(*count)++] = value;
    return 0;
}

/* ---- the rest ---- */

static int take_from(struct rs_tap_request *request, const char *value, struct rs_error *error)
{
    if (strcmp(value, "latest") == 0 || strcmp(value, "earliest") == 0) {
        request->from = value[0] == 'l' ? RS_TAP_LATEST : RS_TAP_EARLIEST;
        return 0;
    }
    struct rs_error ignored;
    return rs_usage_number(&rs_tap_info, "from", value, 0, INT64_MAX - 1, &request->from, &ignored) == 0
               ? 0
               : rs_usage_fail(&rs_tap_info, error,
                               "--from: \"%s\" is neither latest, earliest nor an offset", value);
}

/* "50" or "50/s" */
static int take_rate(struct rs_tap_request *request, const char *value, struct rs_error *error)
{
    char text[32];
    size_t size = strlen(value);
    size -= size > 2 && strcmp(value + size - 2, "/s") == 0 ? 2 : 0;
    (void)snprintf(text, sizeof text, "%.*s", (int)(size < sizeof text ? size : sizeof text), value);
    return rs_usage_number(&rs_tap_info, "rate", text, 0, RATE_MAX, &request->rate, error);
}

static int take_operand(struct rs_tap_request *request, const char *value, struct rs_error *error)
{
    if (request->stream) {
        return rs_usage_fail(&rs_tap_info, error, "\"%s\": one STREAM at a time", value);
    }
    request->stream = value;
    return 0;
}

static int take(void *ctx, const struct rs_option *option, const char *value, struct rs_error *error)
{
    struct rs_tap_request *request = ctx;
    const char *name = option ? option->name : "";
    RS_ASSERT(request != NULL);
    switch (option ? option->letter : -1) {
    case -1: return take_operand(request, value, error);
    case 'c': request->config = value; return 0;
    case 'b': return take_text(name, value, request->by, &request->by_count, error);
    case 'f': return take_text(name, value, request->fields, &request->field_count, error);
    case 'v': return take_verdicts(request, value, error);
    case 'r': return take_reasons(request, value, error);
    case 'p': return rs_usage_number(&rs_tap_info, name, value, 0, INT32_MAX, &request->partition, error);
    case 'n': return rs_usage_number(&rs_tap_info, name, value, 1, INT64_MAX, &request->count, error);
    case 't': return rs_usage_number(&rs_tap_info, name, value, 1, TIMEOUT_S_MAX, &request->timeout_s, error);
    case 'e': request->end = true; return 0;
    case 'j': request->json = true; return 0;
    default: break;
    }
    if (strcmp(name, "topic") == 0) {
        request->topic = value;
        return 0;
    }
    return strcmp(name, "from") == 0 ? take_from(request, value, error) : take_rate(request, value, error);
}

static int check_request(const struct rs_tap_request *request, struct rs_error *error)
{
    if (!request->config) {
        return rs_usage_fail(&rs_tap_info, error, "--config FILE is missing");
    }
    if (!request->stream) {
        return rs_usage_fail(&rs_tap_info, error, "STREAM is missing: the name of a stream of %s",
                             request->config);
    }
    if (request->any_reason && request->verdicts != 0 &&
        request->verdicts != UINT32_C(1) << RS_TAP_REJECTED) {
        return rs_usage_fail(&rs_tap_info, error, "--reason is of rejected ones; --verdict asks for others");
    }
    return 0;
}

int rs_tap_read_arguments(int argc, char **argv, struct rs_tap_request *request, struct rs_error *error)
{
    *request = (struct rs_tap_request){.timeout_s = TIMEOUT_S,
                                       .from = RS_TAP_LATEST,
                                       .partition = -1,
                                       .rate = isatty(STDOUT_FILENO) ? RATE : 0};
    int rc = rs_usage_read(&rs_tap_info, argc, argv, take, request, error);
    return rc == 0 ? check_request(request, error) : rc;
}
