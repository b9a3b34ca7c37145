/* usage: command lines of the programs, read alike everywhere, from one table that also makes the help.
 * Long options (--name VALUE, --name=VALUE), short ones (-c VALUE, -cVALUE); "--" ends them.
 * "-" alone is an operand.
 * --help and --version are known to every program.
 * Thread: one. Borrows argv and the table. */
#ifndef RS_BASE_USAGE_H
#define RS_BASE_USAGE_H

#include <stddef.h>
#include <stdint.h>

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

/* Takes an option, with its value unless it is a flag, or an operand (option NULL). 0, or an error. */
typedef int rs_usage_take(void *ctx, const struct rs_option *option, const char *value,
                          struct rs_error *error);

#define RS_USAGE_SHOWN 1

/* Hands options and operands to `take` in their order until one fails. --help and --version print on standard
 * output and end the reading: RS_USAGE_SHOWN. RS_EUSAGE: an unknown option (with the nearest known one), a
 * missing or an unwanted value; the text ends with "See `prog --help`." */
RS_MUST_USE int rs_usage_read(const struct rs_program_info *program, int argc, char **argv,
                              rs_usage_take *take, void *ctx, struct rs_error *error);

/* A whole number, the value of --name. RS_EUSAGE. */
RS_MUST_USE int rs_usage_number(const struct rs_program_info *program, const char *name, const char *text,
                                int64_t min, int64_t max, int64_t *out, struct rs_error *error);

/* An RS_EUSAGE error whose text ends with "See `prog --help`."; for what the program itself finds wrong. */
int rs_usage_fail(const struct rs_program_info *program, struct rs_error *error, const char *format, ...)
    RS_PRINTF(3, 4);

/* "prog: text" on stderr. */
void rs_usage_complain(const struct rs_program_info *program, const struct rs_error *error);
/* What a program that this error ends exits with: whether its user or its surroundings have to change. */
int rs_usage_exit(const struct rs_error *error);

#endif
