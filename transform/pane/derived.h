/* derived: statistics that are reckoned from others of their pane when it is shown, `100 * volume / total`.
 * Operands count as they are shown, each step is exact, and there is one rounding, at the end:
 *   - Without a division, of exact decimals alone, the result is an exact decimal; else, and where that had more
 *     than 3 limbs or RS_SCALE_MAX digits behind the point, the double nearest to it.
 *   - It is absent where an operand is absent or no number, a divisor is 0, the double would be infinite, or a
 *     step has more than RS_DERIVED_LIMBS_MAX limbs (some 1,500 digits).
 * Nothing of it is kept in a pane.
 * Thread: immutable; evaluating allocates nothing. */
#ifndef RS_TRANSFORM_PANE_DERIVED_H
#define RS_TRANSFORM_PANE_DERIVED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/number.h"
#include "transform/pane/pane.h"

#define RS_DERIVED_STEPS_MAX  64  /* operands and operators of one */
#define RS_DERIVED_STACK_MAX  20  /* operands that wait for an operator */
#define RS_DERIVED_LIMBS_MAX  80  /* no more than RS_EXACT_LIMBS */
#define RS_DERIVED_FIELDS_MAX 256 /* of a layout that has any */

enum rs_derived_op {
    RS_DERIVED_FIELD,
    RS_DERIVED_CONSTANT,
    RS_DERIVED_ADD,
    RS_DERIVED_SUBTRACT,
    RS_DERIVED_MULTIPLY,
    RS_DERIVED_DIVIDE,
    RS_DERIVED_NEGATE,
};

/* Postfix: fields and constants are laid on a stack, an operator takes its operands from it. */
struct rs_derived_step {
    enum rs_derived_op op;
    uint32_t field;
    int scale; /* of the constant */
    rs_i128 constant;
};

struct rs_derived {
    uint32_t field; /* which it fills, of kind RS_STAT_DERIVED */
    const struct rs_derived_step *steps;
    size_t count;
};

/* Says how the fields of kind RS_STAT_DERIVED come about, each behind those that it uses. What is pointed to
 * outlives the layout. */
void rs_pane_layout_derive(struct rs_pane_layout *layout, const struct rs_derived *derived, size_t count);

/* A value as it is shown. */
struct rs_derived_text {
    size_t size; /* 0: absent */
    char text[RS_NUMBER_TEXT_MAX];
};

/* `shown`: by number of the field. `exact`: all operands are decimals. */
void rs_derived_eval(const struct rs_derived *derived, const struct rs_derived_text *shown, bool exact,
                     struct rs_derived_text *out);

#endif
