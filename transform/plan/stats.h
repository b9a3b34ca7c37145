/* stats: the statistics of an aggregate as they are written, `vwap: vwap(price, quantity)`.
 * Thread: one while loading. */
#ifndef RS_TRANSFORM_PLAN_STATS_H
#define RS_TRANSFORM_PLAN_STATS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/config/config.h"
#include "transform/pane/pane.h"
#include "transform/plan/formula.h"
#include "transform/plan/slots.h"

struct rs_stream;

/* How a decoded field becomes a statistic's input. */
enum rs_convert {
    RS_CONVERT_INT,     /* int and long */
    RS_CONVERT_DECIMAL, /* INT64 or INT128 by its precision */
    RS_CONVERT_DOUBLE,
    RS_CONVERT_SCALED,   /* float and double with a declared `scale` */
    RS_CONVERT_PRESENCE, /* count(x) of a field that is no number */
    RS_CONVERT_FORMULA,  /* INT64 or INT128 by what its result may be */
};

struct rs_input {
    int slot; /* of a formula: the first of its fields */
    const struct rs_formula *formula;
    enum rs_convert convert;
    struct rs_num_type type;
    uint8_t plain; /* kind of a value that is the input as it stands: its `i`, unless it is wide */
};

/* The numeric inputs of a stream, shared by all its aggregates. */
struct rs_inputs {
    struct rs_slots *slots;
    const int *scales; /* by slot: the declared scale of a float or double; -1: none. At least RS_SLOTS_MAX */
    struct rs_input *items;
    struct rs_num_type *types; /* the same, as rs_pane_layout_new takes them */
    size_t count;
};

struct rs_stat {
    struct rs_stat_spec spec;
    const char *expression; /* as normalised: "sum(quantity)" */
    const char *unit;       /* NULL: none */
};

struct rs_stats {
    struct rs_stat *items;
    size_t count;
};

/* Reads `stats`; wrong: complaints, false. */
bool rs_stats_load(struct rs_config *config, struct rs_inputs *inputs, const struct rs_config_node *node,
                   struct rs_stats *out);

#endif
