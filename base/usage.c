#include "base/usage.h"

#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/nearest.h"
#include "base/utf8.h"

#define OPTIONS_MAX 64
#define HELP_COLUMN 28

static const struct rs_option help_option = {"help", 'h', NULL, "Show this text."};
static const struct rs_option version_option = {"version", 'V', NULL, "Show the version."};

void rs_usage_init(struct rs_usage *usage, const struct rs_program_info *program, int argc, char **argv)
{
    *usage = (struct rs_usage){.program = program, .argc = argc, .argv = argv, .at = 1};
}

int rs_usage_fail(const struct rs_program_info *program, struct rs_error *error, const char *format, ...)
{
    struct rs_buf text = {0};
    va_list args;
    va_start(args, format);
    rs_buf_vprintf(&text, format, args);
    va_end(args);
    const char *shown = rs_buf_cstr(&text);
    int code = rs_fail(error, RS_EUSAGE, "%s. See `%s --help`.", shown != NULL ? shown : "wrong usage",
                       program->name);
    rs_buf_fini(&text);
    return code;
}

/* ---- finding ---- */

/* help and version are numbered behind the program's own options. */
static const struct rs_option *option_at(const struct rs_program_info *program, size_t index, size_t count)
{
    if (index < count) {
        return &program->options[index];
    }
    return index == count ? &help_option : index == count + 1 ? &version_option : NULL;
}

static size_t option_count(const struct rs_program_info *program)
{
    size_t count = 0;
    while (program->options[count].name != NULL) {
        count++;
    }
    return count;
}

static enum rs_usage_kind kind_of(size_t index, size_t count)
{
    return index < count ? RS_USAGE_OPTION : index == count ? RS_USAGE_HELP : RS_USAGE_VERSION;
}

static const struct rs_option *find_long(const struct rs_program_info *program, const char *name, size_t size,
                                         size_t *index)
{
    size_t count = option_count(program);
    const struct rs_option *option;
    for (*index = 0; (option = option_at(program, *index, count)) != NULL; (*index)++) {
        if (strlen(option->name) == size && memcmp(option->name, name, size) == 0) {
            return option;
        }
    }
    return NULL;
}

static const struct rs_option *find_letter(const struct rs_program_info *program, char letter, size_t *index)
{
    size_t count = option_count(program);
    const struct rs_option *option;
    for (*index = 0; (option = option_at(program, *index, count)) != NULL; (*index)++) {
        if (option->letter == letter) {
            return option;
        }
    }
    return NULL;
}

static int unknown_option(const struct rs_program_info *program, const char *name, size_t size,
                          struct rs_error *error)
{
    char text[OPTIONS_MAX + 1];
    const char *known[OPTIONS_MAX + 1];
    size_t count = option_count(program);
    size_t used = 0;
    RS_ASSERT(count + 2 <= OPTIONS_MAX);
    for (size_t i = 0; i < count + 2; i++) {
        known[used++] = option_at(program, i, count)->name;
    }
    known[used] = NULL;
    size_t shown = size < OPTIONS_MAX ? size : rs_utf8_cut((const uint8_t *)name, OPTIONS_MAX);
    (void)snprintf(text, sizeof text, "%.*s", (int)shown, name);
    const char *nearest = rs_nearest_name(text, known);
    if (nearest != NULL) {
        return rs_fail(error, RS_EUSAGE, "unknown option --%s; did you mean --%s? See `%s --help`.", text,
                       nearest, program->name);
    }
    return rs_usage_fail(program, error, "unknown option --%s", text);
}

/* ---- reading ---- */

static int take_value(struct rs_usage *usage, const struct rs_option *option, const char *attached,
                      struct rs_usage_item *out, struct rs_error *error)
{
    if (attached != NULL) {
        out->value = attached;
        return 0;
    }
    if (usage->at >= usage->argc) {
        return rs_usage_fail(usage->program, error, "option --%s needs a value (%s)", option->name,
                             option->value);
    }
    out->value = usage->argv[usage->at++];
    return 0;
}

static int read_long(struct rs_usage *usage, const char *name, struct rs_usage_item *out,
                     struct rs_error *error)
{
    const char *equals = strchr(name, '=');
    size_t size = equals != NULL ? (size_t)(equals - name) : strlen(name);
    size_t index;
    const struct rs_option *option = find_long(usage->program, name, size, &index);
    if (option == NULL) {
        return unknown_option(usage->program, name, size, error);
    }
    *out = (struct rs_usage_item){.kind = kind_of(index, option_count(usage->program)), .option = index};
    if (option->value != NULL) {
        return take_value(usage, option, equals != NULL ? equals + 1 : NULL, out, error);
    }
    if (equals != NULL) {
        return rs_usage_fail(usage->program, error, "option --%s takes no value", option->name);
    }
    return 0;
}

static int read_letter(struct rs_usage *usage, struct rs_usage_item *out, struct rs_error *error)
{
    const char *at = usage->cluster;
    char letter = at[0];
    const char *rest = at[1] != '\0' ? at + 1 : NULL;
    size_t index;
    const struct rs_option *option = find_letter(usage->program, letter, &index);
    usage->cluster = rest;
    if (option == NULL) {
        /* A letter outside ASCII is several bytes: all of the rest is shown. */
        int shown = (unsigned char)letter < 0x80 ? 1 : (int)strlen(at);
        return rs_usage_fail(usage->program, error, "unknown option -%.*s", shown, at);
    }
    *out = (struct rs_usage_item){.kind = kind_of(index, option_count(usage->program)), .option = index};
    if (option->value == NULL) {
        return 0;
    }
    usage->cluster = NULL;
    return take_value(usage, option, rest, out, error);
}

int rs_usage_next(struct rs_usage *usage, struct rs_usage_item *out, struct rs_error *error)
{
    if (usage->cluster != NULL) {
        return read_letter(usage, out, error);
    }
    if (usage->at >= usage->argc) {
        *out = (struct rs_usage_item){.kind = RS_USAGE_END};
        return 0;
    }
    const char *argument = usage->argv[usage->at++];
    if (usage->operands_only || argument[0] != '-' || argument[1] == '\0') {
        *out = (struct rs_usage_item){.kind = RS_USAGE_OPERAND, .value = argument};
        return 0;
    }
    if (strcmp(argument, "--") == 0) {
        usage->operands_only = true;
        return rs_usage_next(usage, out, error);
    }
    if (argument[1] == '-') {
        return read_long(usage, argument + 2, out, error);
    }
    usage->cluster = argument + 1;
    return read_letter(usage, out, error);
}

/* ---- texts ---- */

static void print_option(const struct rs_option *option, FILE *out)
{
    char head[128];
    char letter[5] = "    ";
    if (option->letter != '\0') {
        (void)snprintf(letter, sizeof letter, "-%c, ", option->letter);
    }
    int width = snprintf(head, sizeof head, "  %s--%s%s%s", letter, option->name,
                         option->value != NULL ? " " : "", option->value != NULL ? option->value : "");
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

void rs_usage_help(const struct rs_program_info *program, FILE *out)
{
    (void)fprintf(out, "Usage: %s %s\n\n%s\n\nOptions:\n", program->name, program->synopsis,
                  program->summary);
    for (const struct rs_option *option = program->options; option->name != NULL; option++) {
        print_option(option, out);
    }
    print_option(&help_option, out);
    print_option(&version_option, out);
    if (program->footer != NULL) {
        (void)fprintf(out, "\n%s\n", program->footer);
    }
}

void rs_usage_version(FILE *out)
{
    (void)fprintf(out, "rollstat %s\n", RS_VERSION);
}

void rs_usage_complain(const struct rs_program_info *program, const struct rs_error *error)
{
    char text[RS_ERROR_TEXT_MAX + 64];
    int size = snprintf(text, sizeof(text), "%s: %s\n", program->name, error->text);
    rs_log_text(RS_LOG_ERROR, text, size < (int)sizeof(text) ? (size_t)size : sizeof(text) - 1);
}
