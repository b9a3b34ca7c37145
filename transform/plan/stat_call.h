/* stat_call: a statistic as it is written, `ewma(price, half_life: 5m)`: its name and the texts of its arguments,
 * and what they are once it is known which ones the statistic takes.
 * Thread: one while loading. */
#ifndef RS_TRANSFORM_PLAN_STAT_CALL_H
#define RS_TRANSFORM_PLAN_STAT_CALL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/config/config.h"
#include "transform/plan/known_stats.h"

struct rs_stat_call {
    char name[64];
    size_t count; /* of arguments; there may be more than are kept */
    struct rs_stat_call_arg {
        struct rs_slice label; /* "half_life"; empty: it has its place in the row */
        struct rs_slice text;  /* without blanks around it */
    } args[RS_STAT_ARGS_MAX];
};

/* Arguments in the order in which the statistic declares them. */
struct rs_stat_args {
    struct rs_stat_arg_value {
        bool given;
        struct rs_slice text;       /* of a field or formula */
        struct rs_stat_param param; /* of a constant */
    } items[RS_STAT_ARGS_MAX];
};

/* False: `text` is not name(argument, ...). *out points into `text`. */
bool rs_stat_call_parse(const char *text, struct rs_stat_call *out);

/* Gives each argument its place and reads the constants. Wrong: a complaint that shows how this one is written. */
bool rs_stat_call_bind(struct rs_config *config, const struct rs_config_node *where,
                       const struct rs_known_stat *known, const struct rs_stat_call *call,
                       struct rs_stat_args *out);

/* A field or formula; else a constant. */
bool rs_stat_arg_is_field(const struct rs_stat_arg *arg);

/* Appends a constant as normalised: "0.99", "5m". */
void rs_stat_param_print(enum rs_arg_kind kind, const struct rs_stat_param *param, struct rs_buf *out);

/* What names of schemas are made of, and '.'. */
bool rs_stat_name_letter(char c);

#endif
