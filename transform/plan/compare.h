/* compare: one field of an event against another, exactly, whatever their types' scales are.
 * Thread: any; plain functions. */
#ifndef RS_TRANSFORM_PLAN_COMPARE_H
#define RS_TRANSFORM_PLAN_COMPARE_H

#include <stdbool.h>

#include "base/config/config.h"
#include "schemas/program.h"
#include "transform/plan/literal.h"

/* By how many powers of ten each side has to grow before they compare; one of them is 0. */
struct rs_alignment {
    uint8_t left, right;
};

/* Whether two fields can be compared; if not, a complaint. `ordered`: by more than eq and ne. Types that are
 * not known are let through. */
bool rs_fields_comparable(struct rs_config *config, const struct rs_config_node *where,
                          const char *const paths[2], const struct rs_field_type *const types[2],
                          struct rs_alignment *out);

/* Neither is null, and their fields are comparable. */
enum rs_order rs_values_order(const struct rs_value *left, const struct rs_value *right,
                              struct rs_alignment alignment);

#endif
