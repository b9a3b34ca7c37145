/* formula: what a statistic is made of where that is not a field as it stands, `price * pieces - discount`:
 * + - * and brackets over fields and constants, exactly, in integers of 128 bits at a scale that is known when it
 * is compiled.
 *   - Fields are int, long, decimal, and float and double with a declared scale. One without is refused: each
 *     step would round, and the sums would depend on how a formula is written.
 *   - A null among the fields makes a null, and a scaled double that is not finite no number.
 *   - Nothing wraps: a result of more than RS_I128_DIGITS digits, or a step on the way beyond 128 bits, is told.
 * Thread: immutable after loading; evaluating allocates nothing.
 * Limits: those below. */
#ifndef RS_TRANSFORM_PLAN_FORMULA_H
#define RS_TRANSFORM_PLAN_FORMULA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/config/config.h"
#include "base/number.h"
#include "schemas/program.h"
#include "transform/plan/slots.h"

#define RS_FORMULA_STEPS_MAX 64 /* fields, constants and operators together */
#define RS_FORMULA_DEPTH_MAX 16 /* of brackets */

struct rs_formula;

enum rs_formula_result {
    RS_FORMULA_NUMBER,
    RS_FORMULA_NULL,
    RS_FORMULA_NOT_FINITE,
    RS_FORMULA_TOO_LARGE,
};

/* Reads the text [text, end), which stands in the configuration at `where`; wrong: complaints, NULL. Memory is
 * the slots' arena's. */
const struct rs_formula *rs_formula_load(struct rs_config *config, struct rs_slots *slots,
                                         const struct rs_config_node *where, const char *text,
                                         const char *end);

/* Equal formulas have the same text: "price * pieces". */
const char *rs_formula_text(const struct rs_formula *formula);
/* Of the result: digits after the point, whether int64 holds every one, and whether it may be missing. */
int rs_formula_scale(const struct rs_formula *formula);
bool rs_formula_narrow(const struct rs_formula *formula);
bool rs_formula_required(const struct rs_formula *formula);
/* The first of its fields. */
int rs_formula_slot(const struct rs_formula *formula);
/* Appends what the result hangs on beside the text: how each field is read. */
void rs_formula_fingerprint(const struct rs_formula *formula, struct rs_buf *out);

enum rs_formula_result rs_formula_eval(const struct rs_formula *formula, const struct rs_value *values,
                                       rs_i128 *out);

#endif
