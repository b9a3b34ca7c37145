/* inputs: what of an event the statistics of a stream are made of: fields and formulas, each once.
 * Thread: one while loading; read only afterwards. */
#ifndef RS_TRANSFORM_PLAN_INPUTS_H
#define RS_TRANSFORM_PLAN_INPUTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/config/config.h"
#include "transform/pane/pane.h"
#include "transform/plan/formula.h"
#include "transform/plan/slots.h"

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

/* Number of the input of a field, or of the formula [text, end), added if new; -1 after a complaint.
 * `any_type`: the field need not be a number; it can only be counted then. */
int rs_inputs_want(struct rs_config *config, struct rs_inputs *inputs, const struct rs_config_node *where,
                   bool any_type, const char *path);
int rs_inputs_want_formula(struct rs_config *config, struct rs_inputs *inputs,
                           const struct rs_config_node *where, const char *text, const char *end);

#endif
