#include "base/usage.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/nearest.h"
#include "base/utf8.h"

#define OPTIONS_MAX 64
#define HELP_COLUMN 28

static const struct rs_option help_option = {"help", 'h', NULL, "Show this text."};
static const struct rs_option version_option = {"version", 'V', NULL, "Show the version."};

int rs_usage_fail(const struct rs_program_info *program, struct rs_error *error, const char *format, ...)
{
    struct rs_buf text = {0};
    va_list args;
    va_start(args, format);
    rs_buf_vprintf(&text, format, args);
    va_end(args);
    const char *shown = rs_buf_cstr(&text);
    int code =
        rs_fail(error, RS_EUSAGE, "%s. See `%s --help`.", shown ? shown : "wrong usage", program->name);
    rs_buf_fini(&text);
    return code;
}

/* ---- texts ---- */

static void print_option(const struct rs_option *option, FILE *out)
{
    char head[128];
    char letter[5] = "    ";
    if (option->letter != '\0') {
        (void)snprintf(letter, sizeof letter, "-%c, ", option->letter);
    }
    int width = snprintf(head, sizeof head, "  %s--%s%s%s", letter, option->name, option->value ? " " : "",
                         option->value ? option->value : "");
    (void)fprintf(out, "%s", head);
    if (width >= HELP_COLUMN) {
        (void)fprintf(out, "\n");
        width = 0;
    }
    (void)fprintf(out, "%*s", HELP_COLUMN - width, "");
    for (const char *c = option->help; *c != '\0'; c++) {
        (void)fputc(*c, out);
        if (*c == '\n') {
            (void)fprintf(out, "%*s", HELP_COLUMN, "");
        }
    }
    (void)fprintf(out, "\n");
}

static void print_help(const struct rs_program_info *program, FILE *out)
{
    (void)fprintf(out, "Usage: %s %s\n\n%s\n\nOptions:\n", program->name, program->synopsis,
                  program->summary);
    for (const struct rs_option *option = program->options; option->name; option++) {
        print_option(option, out);
    }
    print_option(&help_option, out);
    print_option(&version_option, out);
    if (program->footer) {
        (void)fprintf(out, "\n%s\n", program->footer);
    }
}

/* ---- finding ---- */

/* Option number `index` of the program's own, then help and version; NULL: there are no more. */
static const struct rs_option *option_at(const struct rs_program_info *program, size_t index)
{
    const struct rs_option *own = program->options;
    for (; own->name; own++, index--) {
        if (index == 0) {
            return own;
        }
    }
    return index == 0 ? &help_option : index == 1 ? &version_option : NULL;
}

static const struct rs_option *find_long(const struct rs_program_info *program, const char *name, size_t size)
{
    const struct rs_option *option;
    for (size_t i = 0; (option = option_at(program, i)); i++) {
        if (strlen(option->name) == size && memcmp(option->name, name, size) == 0) {
            break;
        }
    }
    return option;
}

static const struct rs_option *find_letter(const struct rs_program_info *program, char letter)
{
    const struct rs_option *option;
    for (size_t i = 0; (option = option_at(program, i)) && option->letter != letter; i++) {
    }
    return option;
}

static int unknown_option(const struct rs_program_info *program, const char *name, size_t size,
                          struct rs_error *error)
{
    char text[OPTIONS_MAX + 1];
    const char *known[OPTIONS_MAX + 1];
    const struct rs_option *option;
    size_t used = 0;
    for (; (option = option_at(program, used)); used++) {
        RS_ASSERT(used < OPTIONS_MAX);
        known[used] = option->name;
    }
    known[used] = NULL;
    size_t shown = size < OPTIONS_MAX ? size : rs_utf8_cut((const uint8_t *)name, OPTIONS_MAX);
    (void)snprintf(text, sizeof text, "%.*s", (int)shown, name);
    const char *nearest = rs_nearest_name(text, known);
    if (nearest) {
        return rs_fail(error, RS_EUSAGE, "unknown option --%s; did you mean --%s? See `%s --help`.", text,
                       nearest, program->name);
    }
    return rs_usage_fail(program, error, "unknown option --%s", text);
}

/* ---- reading ---- */

struct reading {
    const struct rs_program_info *program;
    int argc;
    char **argv;
    int at; /* next argument */
    rs_usage_take *take;
    void *ctx;
};

/* `value`: what stands in the same argument; NULL: nothing. */
static int take_option(struct reading *r, const struct rs_option *option, const char *value,
                       struct rs_error *error)
{
    if (option == &help_option) {
        print_help(r->program, stdout);
        return RS_USAGE_SHOWN;
    }
    if (option == &version_option) {
        (void)fprintf(stdout, "rollstat %s\n", RS_VERSION);
        return RS_USAGE_SHOWN;
    }
    if (option->value && !value) {
        if (r->at >= r->argc) {
            return rs_usage_fail(r->program, error, "option --%s needs a value (%s)", option->name,
                                 option->value);
        }
        value = r->argv[r->at++];
    }
    return r->take(r->ctx, option, value, error);
}

static int read_long(struct reading *r, const char *name, struct rs_error *error)
{
    const char *equals = strchr(name, '=');
    size_t size = equals ? (size_t)(equals - name) : strlen(name);
    const struct rs_option *option = find_long(r->program, name, size);
    if (!option) {
        return unknown_option(r->program, name, size, error);
    }
    if (equals && !option->value) {
        return rs_usage_fail(r->program, error, "option --%s takes no value", option->name);
    }
    return take_option(r, option, equals ? equals + 1 : NULL, error);
}

/* A run of letters; behind one that takes a value, the rest is that. */
static int read_letters(struct reading *r, const char *letters, struct rs_error *error)
{
    int rc = 0;
    for (const char *at = letters; rc == 0 && *at != '\0'; at++) {
        const struct rs_option *option = find_letter(r->program, *at);
        if (!option) {
            /* A letter outside ASCII is several bytes: all of the rest is shown. */
            int shown = (unsigned char)*at < 0x80 ? 1 : (int)strlen(at);
            return rs_usage_fail(r->program, error, "unknown option -%.*s", shown, at);
        }
        if (option->value) {
            return take_option(r, option, at[1] != '\0' ? at + 1 : NULL, error);
        }
        rc = take_option(r, option, NULL, error);
    }
    return rc;
}

int rs_usage_read(const struct rs_program_info *program, int argc, char **argv, rs_usage_take *take,
                  void *ctx, struct rs_error *error)
{
    struct reading r = {program, argc, argv, 1, take, ctx};
    bool operands_only = false;
    int rc = 0;
    while (rc == 0 && r.at < argc) {
        const char *argument = argv[r.at++];
        if (operands_only || argument[0] != '-' || argument[1] == '\0') {
            rc = take(ctx, NULL, argument, error);
        } else if (strcmp(argument, "--") == 0) {
            operands_only = true;
        } else if (argument[1] == '-') {
            rc = read_long(&r, argument + 2, error);
        } else {
            rc = read_letters(&r, argument + 1, error);
        }
    }
    return rc;
}

int rs_usage_number(const struct rs_program_info *program, const char *name, const char *text, int64_t min,
                    int64_t max, int64_t *out, struct rs_error *error)
{
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < min || value > max) {
        return rs_usage_fail(program, error, "--%s: \"%s\" is not a whole number from %lld to %lld", name,
                             text, (long long)min, (long long)max);
    }
    *out = value;
    return 0;
}

void rs_usage_complain(const struct rs_program_info *program, const struct rs_error *error)
{
    char text[RS_ERROR_TEXT_MAX + 64];
    int size = snprintf(text, sizeof text, "%s: %s\n", program->name, error->text);
    rs_log_text(RS_LOG_ERROR, text, size < (int)sizeof text ? (size_t)size : sizeof text - 1);
}

int rs_usage_exit(const struct rs_error *error)
{
    switch (error->code) {
    case RS_EUSAGE:
    case RS_ECONFIG:
    case RS_ESCHEMA:
    case RS_EINVAL: return RS_EXIT_USAGE;
    default: return RS_EXIT_ENVIRONMENT;
    }
}
