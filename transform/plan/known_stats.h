/* known_stats: which statistics there are, and what arguments each takes.
 * Thread: any; constant. */
#ifndef RS_TRANSFORM_PLAN_KNOWN_STATS_H
#define RS_TRANSFORM_PLAN_KNOWN_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/config/config.h"
#include "transform/pane/pane.h"

#define RS_STAT_ARGS_MAX 4

enum rs_arg_kind {
    RS_ARG_NONE,
    RS_ARG_FIELD,     /* a numeric field or a formula; two at most, which are x and w */
    RS_ARG_ANY_FIELD, /* a field of any type, or a formula; counts as one of those two */
    RS_ARG_TIME,      /* a numeric field, a formula or a time; another of them */
    RS_ARG_ANY_VALUE, /* one of any type, whose values are told apart */
    RS_ARG_NUMBER,    /* exact: 0.99 */
    RS_ARG_WHOLE,     /* 10 */
    RS_ARG_DURATION,  /* 5m; more than none */
    RS_ARG_SPAN,      /* by the calendar: enum rs_span */
};

struct rs_stat_arg {
    enum rs_arg_kind kind;
    const char *name; /* a constant may be given by it: `half_life: 5m` */
    bool optional;
    int64_t least, most; /* numbers and whole numbers, both ends included; equal: any */
};

enum rs_unit_rule {
    RS_UNIT_NONE,
    RS_UNIT_FIELD, /* that of its first field */
    RS_UNIT_PERCENT,
    RS_UNIT_RATE, /* without a field: per second */
};

struct rs_known_stat {
    const char *name;
    enum rs_stat_kind kind; /* a later row of the same kind is another name for it */
    enum rs_unit_rule unit;
    struct rs_stat_arg args[RS_STAT_ARGS_MAX]; /* up to the first of kind RS_ARG_NONE */
    const char *example;
};

/* NULL: there is none, which is complained about at `where`. */
const struct rs_known_stat *rs_known_stat_find(struct rs_config *config, const struct rs_config_node *where,
                                               const char *name);

#endif
