/* rollstat-top: the current views of aggregates as a table, live in a terminal or once as text. */
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/config/config.h"
#include "base/file.h"
#include "base/usage.h"
#include "sink/top/lines.h"
#include "sink/top/screen.h"
#include "sink/top/source.h"

#define GROUPS_MAX 100000

enum option {
    OPT_CONFIG,
    OPT_REDIS,
    OPT_PASSWORD,
    OPT_PREFIX,
    OPT_ONCE,
    OPT_SORT,
    OPT_FILTER,
    OPT_LIMIT,
    OPT_INTERVAL,
    OPT_ZONE
};

static const struct rs_option options[] = {
    [OPT_CONFIG] = {"config", 'c', "FILE",
                    "Take url, password and prefix from the `redis` section of rollstatd's file."},
    [OPT_REDIS] = {"redis", 'r', "URL",
                   "Where Redis is: redis://HOST:PORT/DB or unix:///PATH.\n"
                   "Default: $ROLLSTAT_REDIS, else redis://localhost:6379/0."},
    [OPT_PASSWORD] = {"password-file", '\0', "FILE",
                      "Read the password from a file (other users can see a URL)."},
    [OPT_PREFIX] = {"prefix", '\0', "TEXT", "What keys begin with. Default: rs."},
    [OPT_ONCE] = {"once", '1', NULL, "Print the tables once as text and end; so without a terminal."},
    [OPT_SORT] = {"sort", 's', "COLUMN[:desc]", "Sort by a column. Default: by group."},
    [OPT_FILTER] = {"filter", 'f', "TEXT", "Only groups with TEXT in any column."},
    [OPT_LIMIT] = {"limit", 'n', "N", "Show at most N groups of an aggregate. Default: 1000."},
    [OPT_INTERVAL] = {"interval", 'i', "TIME", "Draw anew this often. Default: 500ms."},
    [OPT_ZONE] = {"zone", 'z', "ZONE", "Show times in this zone, as Asia/Shanghai. Default: UTC."},
    {NULL, '\0', NULL, NULL},
};

static const struct rs_program_info program = {
    .name = "rollstat-top",
    .synopsis = "[OPTION]... [AGGREGATE]...",
    .summary = "Shows the current statistics of aggregates that rollstatd keeps in Redis. Without an "
               "AGGREGATE it lists "
               "those there are.",
    .options = options,
    .footer =
        "In the terminal: q quits, / filters, < and > choose the column to sort by, r reverses, p pauses,\n"
        "Tab or 1 to 9 choose the aggregate, Up, Down and page keys scroll the groups, Left and Right the\n"
        "columns of a table that is wider than the terminal; there numbers have about 7 digits.\n"
        "Exit codes: 0 ok, 1 usage or configuration, 2 Redis, the terminal or a file cannot be used.\n",
};

struct settings {
    struct rs_redis_config redis;
    bool once, descending;
    char sort[128];
    const char *filter, *redis_url, *password_file, *config_file, *prefix;
    int64_t limit, interval_us;
    struct rs_zone *zone;
    const char **names;
    size_t name_count;
};

/* ---- settings ---- */

static int parse_sort(const char *text, struct settings *out, struct rs_error *error)
{
    const char *colon = strchr(text, ':');
    size_t size = colon ? (size_t)(colon - text) : strlen(text);
    out->descending = colon && strcmp(colon + 1, "desc") == 0;
    if (size == 0 || size >= sizeof out->sort ||
        (colon && !out->descending && strcmp(colon + 1, "asc") != 0)) {
        return rs_usage_fail(&program, error, "--sort is COLUMN, COLUMN:asc or COLUMN:desc");
    }
    memcpy(out->sort, text, size);
    out->sort[size] = '\0';
    return 0;
}

static int parse_limit(const char *text, struct settings *out, struct rs_error *error)
{
    char *end;
    long value = strtol(text, &end, 10);
    if (*end || end == text || value < 1 || value > GROUPS_MAX) {
        return rs_usage_fail(&program, error, "--limit is a number from 1 to %d", GROUPS_MAX);
    }
    out->limit = value;
    return 0;
}

static int parse_interval(const char *text, struct settings *out, struct rs_error *error)
{
    if (rs_duration_parse(text, &out->interval_us, error) != 0 || out->interval_us < 50000) {
        return rs_usage_fail(&program, error, "--interval is a time of at least 50ms, as 500ms or 2s");
    }
    return 0;
}

static int take(void *ctx, const struct rs_option *option, const char *value, struct rs_error *error)
{
    struct settings *out = ctx;
    if (!option) {
        out->names[out->name_count++] = value;
        return 0;
    }
    switch ((enum option)(option - options)) {
    case OPT_CONFIG: out->config_file = value; break;
    case OPT_REDIS: out->redis_url = value; break;
    case OPT_PASSWORD: out->password_file = value; break;
    case OPT_PREFIX: out->prefix = value; break;
    case OPT_ONCE: out->once = true; break;
    case OPT_FILTER: out->filter = value; break;
    case OPT_SORT: return parse_sort(value, out, error);
    case OPT_LIMIT: return parse_limit(value, out, error);
    case OPT_INTERVAL: return parse_interval(value, out, error);
    case OPT_ZONE: return rs_zone_load(value, &out->zone, error);
    }
    return 0;
}

static int load_config_file(struct settings *out, struct rs_error *error)
{
    struct rs_config *config = NULL;
    struct rs_buf report = {0};
    int code = rs_config_load_file(out->config_file, &config, error);
    if (code == 0) {
        static const char *const used[] = {"redis", NULL};
        rs_config_use_only(config, used);
        code = rs_redis_config_load(config, &out->redis, error);
    }
    /* What was wrong when the file was loaded left the section incomplete without a word of its own. */
    if (config && rs_config_complaints(config) > 0) {
        rs_config_report(config, &report);
        size_t size = report.size > 0 ? report.size - 1 : 0;
        code = rs_fail(error, RS_ECONFIG, "%.*s", (int)size, size > 0 ? (const char *)report.data : "");
    }
    rs_buf_fini(&report);
    rs_config_free(&config);
    return code;
}

static int read_password(struct settings *out, struct rs_error *error)
{
    char *password = out->redis.address.password;
    struct rs_buf text = {0};
    int code = rs_file_read(out->password_file, RS_REDIS_SECRET_MAX - 1, &text, error);
    if (code == 0) {
        (void)snprintf(password, RS_REDIS_SECRET_MAX, "%.*s", (int)text.size, (const char *)text.data);
        password[strcspn(password, "\r\n")] = '\0';
        code = password[0] != '\0' ? 0 : rs_fail(error, RS_ECONFIG, "\"%s\" is empty", out->password_file);
    }
    if (code != 0) {
        (void)rs_error_prefix(error, "--password-file");
    }
    rs_buf_fini(&text);
    return code;
}

static int settle_redis(struct settings *out, struct rs_error *error)
{
    const char *url = out->redis_url;
    int code = out->config_file ? load_config_file(out, error) : 0;
    if (!url && !out->config_file) {
        url = secure_getenv("ROLLSTAT_REDIS");
    }
    if (code == 0 && url) {
        code = rs_redis_url_parse(url, &out->redis.address, error);
    }
    if (code == 0 && out->prefix) {
        const char *fault = rs_redis_prefix_fault(out->prefix);
        code = fault ? rs_usage_fail(&program, error, "--prefix: %s", fault) : 0;
    }
    if (code == 0 && out->prefix) {
        snprintf(out->redis.prefix, sizeof out->redis.prefix, "%s", out->prefix);
    }
    if (code == 0 && out->password_file) {
        code = read_password(out, error);
    }
    return code;
}

/* RS_USAGE_SHOWN: help or version was printed. */
static int read_settings(int argc, char **argv, struct settings *out, struct rs_error *error)
{
    out->names = calloc((size_t)argc + 1, sizeof *out->names);
    if (!out->names) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    int code = rs_usage_read(&program, argc, argv, take, out, error);
    return code == 0 ? settle_redis(out, error) : code;
}

/* ---- what to show ---- */

static const struct rs_top_aggregate *find_aggregate(const struct rs_top_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i].name, name) == 0) {
            return &list->items[i];
        }
    }
    return NULL;
}

static int unknown_aggregate(const struct rs_top_list *list, const char *name, struct rs_error *error)
{
    const char **known = calloc(list->count + 1, sizeof *known);
    for (size_t i = 0; known && i < list->count; i++) {
        known[i] = list->items[i].name;
    }
    const char *nearest = known ? rs_nearest_name(name, known) : NULL;
    rs_fail(error, RS_EUSAGE,
            "there is no aggregate \"%s\"%s%s%s; without a name, those there are get listed", name,
            nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
    free(known);
    return error->code;
}

static int make_tables(const struct settings *settings, const struct rs_top_list *list,
                       struct rs_top_table **tables, struct rs_error *error)
{
    for (size_t i = 0; i < settings->name_count; i++) {
        const struct rs_top_aggregate *aggregate = find_aggregate(list, settings->names[i]);
        if (!aggregate) {
            return unknown_aggregate(list, settings->names[i], error);
        }
        int code = rs_top_table_new(aggregate->name, aggregate->json, settings->zone, &tables[i], error);
        if (code != 0) {
            return code;
        }
        if (settings->sort[0] && rs_top_column(tables[i], settings->sort) < 0) {
            return rs_fail(error, RS_EUSAGE, "--sort: %s has no column \"%s\"", aggregate->name,
                           settings->sort);
        }
    }
    return 0;
}

/* A reader that has closed the pipe has seen enough: an error without a text. */
static int write_out(const struct rs_buf *text, struct rs_error *error)
{
    if (text->failed) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    if (fwrite(text->data, 1, text->size, stdout) != text->size || fflush(stdout) != 0) {
        bool unread = errno == EPIPE;
        rs_fail(error, RS_EIO, "cannot write the output");
        if (unread) {
            error->text[0] = '\0';
        }
        return error->code;
    }
    return 0;
}

static int print_once(struct rs_top_source *source, const struct settings *settings,
                      struct rs_top_table **tables, struct rs_error *error)
{
    struct rs_buf text = {0};
    int code = 0;
    for (size_t i = 0; code == 0 && i < settings->name_count; i++) {
        struct rs_top_table *table = tables[i];
        int column = settings->sort[0] ? rs_top_column(table, settings->sort) : -1;
        code = rs_top_source_load(source, table, GROUPS_MAX, 0, error);
        if (code == 0) {
            code = rs_top_arrange(table, column, settings->descending, settings->filter, error);
        }
        rs_buf_text(&text, i > 0 ? "\n" : "");
        if (code == 0 && !rs_top_print(table, (size_t)settings->limit, &text)) {
            code = rs_fail(error, RS_ENOMEM, "out of memory");
        }
    }
    if (code == 0) {
        code = write_out(&text, error);
    }
    rs_buf_fini(&text);
    return code;
}

static int print_list(struct rs_top_source *source, const struct settings *settings,
                      const struct rs_top_list *list, struct rs_error *error)
{
    struct rs_buf text = {0};
    int code = 0;
    for (size_t i = 0; code == 0 && i < list->count; i++) {
        struct rs_top_table *table = NULL;
        int64_t groups = 0;
        code = rs_top_table_new(list->items[i].name, list->items[i].json, settings->zone, &table, error);
        if (code == 0) {
            code = rs_top_source_groups(source, table->name, &groups, error);
        }
        if (code == 0) {
            rs_buf_printf(&text, "%-24s %-24s %10lld groups  stream %s\n", table->name, table->window,
                          (long long)groups, table->stream);
        }
        rs_top_table_free(&table);
    }
    if (code == 0) {
        code = write_out(&text, error);
    }
    rs_buf_fini(&text);
    return code;
}

static int show_tables(struct rs_top_source *source, const struct settings *settings,
                       const struct rs_top_list *list, struct rs_error *error)
{
    struct rs_top_table **tables = calloc(settings->name_count, sizeof(struct rs_top_table *));
    if (!tables) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    int code = make_tables(settings, list, tables, error);
    if (code == 0 && (settings->once || !isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO))) {
        code = print_once(source, settings, tables, error);
    } else if (code == 0) {
        const char *no_colour = secure_getenv("NO_COLOR");
        struct rs_top_view view = {.source = source,
                                   .tables = tables,
                                   .count = settings->name_count,
                                   .interval_us = settings->interval_us,
                                   .limit = (size_t)settings->limit,
                                   .most = GROUPS_MAX,
                                   .sort = settings->sort[0] ? settings->sort : NULL,
                                   .descending = settings->descending,
                                   .filter = settings->filter,
                                   .colour = !no_colour || !*no_colour};
        code = rs_top_screen_run(&view, error);
    }
    for (size_t i = 0; i < settings->name_count; i++) {
        rs_top_table_free(&tables[i]);
    }
    free(tables);
    return code;
}

static int show(const struct settings *settings, struct rs_error *error)
{
    struct rs_top_source source = {.config = &settings->redis};
    struct rs_top_list list = {0};
    int code = rs_top_source_open(&source, error);
    if (code == 0) {
        code = rs_top_source_list(&source, &list, error);
    }
    if (code == 0 && list.count == 0) {
        code = rs_fail(error, RS_EREDIS,
                       "there are no aggregates under %s: in this Redis; has rollstatd run with this "
                       "url, database and prefix?",
                       settings->redis.prefix);
    }
    if (code == 0) {
        code = settings->name_count == 0 ? print_list(&source, settings, &list, error)
                                         : show_tables(&source, settings, &list, error);
    }
    rs_top_list_fini(&list);
    rs_top_source_close(&source);
    return code;
}

/* Widths of characters need a UTF-8 locale; a bare environment has none. Numbers keep their point. */
static locale_t choose_locale(void)
{
    locale_t chosen = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    if (chosen && strcmp(nl_langinfo_l(CODESET, chosen), "UTF-8") != 0) {
        freelocale(chosen);
        chosen = (locale_t)0;
    }
    if (!chosen) {
        chosen = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    }
    if (chosen) {
        uselocale(chosen);
    }
    return chosen;
}

int main(int argc, char **argv)
{
    struct settings settings = {.limit = 1000, .interval_us = 500000};
    struct rs_error error = {0};
    locale_t locale = choose_locale();
    signal(SIGPIPE, SIG_IGN);
    rs_redis_config_default(&settings.redis);
    int code = read_settings(argc, argv, &settings, &error);
    if (code == 0) {
        code = show(&settings, &error);
    }
    free(settings.names);
    rs_zone_free(&settings.zone);
    if (locale) {
        uselocale(LC_GLOBAL_LOCALE);
        freelocale(locale);
    }
    if (code == 0 || code == RS_USAGE_SHOWN) {
        return RS_EXIT_OK;
    }
    if (error.text[0]) {
        rs_usage_complain(&program, &error);
    }
    bool usage = code == RS_EUSAGE || code == RS_ECONFIG || code == RS_EINVAL;
    return usage ? RS_EXIT_USAGE : RS_EXIT_ENVIRONMENT;
}
