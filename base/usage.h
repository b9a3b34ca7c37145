/* usage: command lines of the programs, read alike everywhere.
 * Long options (--name VALUE, --name=VALUE), short ones (-c VALUE, -cVALUE); "--" ends them.
 * "-" alone is an operand.
 * --help and --version are known to every program. Nothing here prints or exits: the program does.
 * Thread: one. Borrows argv and the table. */
#ifndef RS_BASE_USAGE_H
#define RS_BASE_USAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

enum rs_exit {
    RS_EXIT_OK = 0,
    RS_EXIT_USAGE = 1,       /* usage or configuration */
    RS_EXIT_ENVIRONMENT = 2, /* broker, Redis, files */
    RS_EXIT_REJECTED = 3,    /* some input was rejected */
};

struct rs_option {
    const char *name;  /* without dashes: "config" */
    char letter;       /* 'c'; '\0': none */
    const char *value; /* name of the value in the help, "FILE"; NULL: a flag */
    const char *help;  /* one sentence; lines after '\n' are indented alike */
};

struct rs_program_info {
    const char *name;                /* "rollstat-publish" */
    const char *synopsis;            /* after the name: "-c FILE --stream NAME [OPTION]... FILE..." */
    const char *summary;             /* one paragraph */
    const struct rs_option *options; /* ends with a NULL name; without help and version */
    const char *footer;              /* after the options; NULL: none */
};

enum rs_usage_kind {
    RS_USAGE_OPTION,  /* options[option], with `value` unless it is a flag */
    RS_USAGE_OPERAND, /* `value` */
    RS_USAGE_HELP,
    RS_USAGE_VERSION,
    RS_USAGE_END,
};

struct rs_usage {
    const struct rs_program_info *program;
    int argc;
    char **argv;
    int at;              /* next argument */
    const char *cluster; /* rest of a run of short flags */
    bool operands_only;  /* after "--" */
};

struct rs_usage_item {
    enum rs_usage_kind kind;
    size_t option;
    const char *value;
};

void rs_usage_init(struct rs_usage *usage, const struct rs_program_info *program, int argc, char **argv);

/* Next item. RS_EUSAGE: an unknown option (with the nearest known one), a missing or an unwanted value; the
 * text ends with "See `prog --help`." */
RS_MUST_USE int rs_usage_next(struct rs_usage *usage, struct rs_usage_item *out, struct rs_error *error);

/* An RS_EUSAGE error whose text ends with "See `prog --help`."; for what the program itself finds wrong. */
int rs_usage_fail(const struct rs_program_info *program, struct rs_error *error, const char *format, ...)
    RS_PRINTF(3, 4);

void rs_usage_help(const struct rs_program_info *program, FILE *out);
void rs_usage_version(FILE *out); /* "rollstat 0.1.0" */
/* "prog: text" on stderr. */
void rs_usage_complain(const struct rs_program_info *program, const struct rs_error *error);

#endif
