/* inputs: what of an event the statistics of a stream are made of: fields and formulas, each once.
 * Thread: one while loading; read only afterwards. */
#ifndef RS_TRANSFORM_PLAN_INPUTS_H
#define RS_TRANSFORM_PLAN_INPUTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/config/config.h"
#include "schemas/event_time.h"
#include "transform/pane/pane.h"
#include "transform/plan/formula.h"
#include "transform/plan/slots.h"

/* How a decoded field becomes a statistic's input. Fingerprints hold the numbers: new ones go to the end. */
enum rs_convert {
    RS_CONVERT_INT,     /* int and long */
    RS_CONVERT_DECIMAL, /* INT64 or INT128 by its precision */
    RS_CONVERT_DOUBLE,
    RS_CONVERT_SCALED,   /* float and double with a declared `scale` */
    RS_CONVERT_PRESENCE, /* count(x) of a field that is no number */
    RS_CONVERT_FORMULA,  /* INT64 or INT128 by what its result may be */
    RS_CONVERT_GATE,     /* 1 where its condition holds, else absent: gates.h */
    RS_CONVERT_GATED,    /* another input, where a gate's condition holds */
    RS_CONVERT_TIME,     /* microseconds since the epoch, as seconds of scale 6 */
    RS_CONVERT_IDENTITY, /* distinct(x) of a field that is no number: INT128, see identity.h */
};

struct rs_input {
    int slot; /* of a formula: the first of its fields */
    const struct rs_formula *formula;
    const struct rs_schema *schema; /* of a field's values */
    enum rs_convert convert;
    struct rs_num_type type;
    enum rs_time_form time_form; /* of a time */
    bool event_time;             /* it is that of the event, $event_time */
    uint8_t plain; /* kind of a value that is the input as it stands: its `i`, unless it is wide */
    const struct rs_condition *condition; /* of a gate, */
    const struct rs_sessions *calendar;   /* for $in_session in it, */
    const char *where;                    /* and as it is written; also of what is gated */
    const struct rs_input *inner;         /* of what is gated */
    uint32_t back;                        /* its gate is the input so many before it */
};

#define RS_INPUT_NEVER_PLAIN UINT8_MAX /* no kind of value */
#define RS_INPUTS_MAX        1024      /* of a stream */

/* The numeric inputs of a stream, shared by all its aggregates. */
struct rs_inputs {
    struct rs_slots *slots;
    const int *scales; /* by slot: the declared scale of a float or double; -1: none. At least RS_SLOTS_MAX */
    struct rs_input *items;
    struct rs_num_type *types; /* the same, as rs_pane_layout_new takes them */
    size_t count;
    int gate;      /* of whoever asks for inputs now: number of a gate; negative: none */
    int time_slot; /* of the time of an event */
    enum rs_time_form time_form;
};

/* What a field may be. */
enum rs_wanted {
    RS_WANT_NUMBER,
    RS_WANT_ANY,      /* one that is no number can only be counted */
    RS_WANT_IDENTITY, /* one of any type: which value it has */
    RS_WANT_TIME,     /* a number or a timestamp, or $event_time */
};

/* Number of the input of a field, or of the formula [text, end), behind the gate, added if new; -1 after a
 * complaint. */
int rs_inputs_want(struct rs_config *config, struct rs_inputs *inputs, const struct rs_config_node *where,
                   enum rs_wanted wanted, const char *path);
int rs_inputs_want_formula(struct rs_config *config, struct rs_inputs *inputs,
                           const struct rs_config_node *where, const char *text, const char *end);

/* The same of one that is made; *input is copied. */
int rs_inputs_add(struct rs_config *config, struct rs_inputs *inputs, const struct rs_config_node *where,
                  const struct rs_input *input);

/* What input `number` reads of an event: what is gated, where the gate lets it pass; NULL: nothing. */
const struct rs_input *rs_inputs_open(const struct rs_inputs *inputs, size_t number,
                                      const struct rs_value *values);

#endif
