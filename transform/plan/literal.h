/* literal: a constant of the configuration, read exactly as a field's type would hold it.
 * Thread: immutable after parsing. */
#ifndef RS_TRANSFORM_PLAN_LITERAL_H
#define RS_TRANSFORM_PLAN_LITERAL_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/config/config.h"
#include "base/number.h"
#include "base/slice.h"
#include "schemas/program.h"

struct rs_literal {
    enum rs_value_kind kind; /* that of the field */
    rs_i128 w;               /* BOOLEAN, INT, TIME, DECIMAL */
    double d;
    struct rs_slice s;
};

enum rs_order { RS_ORDER_LESS = -1, RS_ORDER_EQUAL = 0, RS_ORDER_GREATER = 1, RS_ORDER_NONE = 2 /* NaN */ };

/* Reads the scalar `node` for a field. Wrong: a complaint, false. Text is copied into the arena. */
bool rs_literal_parse(struct rs_config *config, struct rs_arena *arena, const struct rs_config_node *node,
                      const char *path, const struct rs_field_type *type, struct rs_literal *out);
/* `value` is not null and of the literal's field. */
enum rs_order rs_literal_compare(const struct rs_value *value, const struct rs_literal *literal);

/* Orders two literals of one field. */
enum rs_order rs_literal_order(const struct rs_literal *a, const struct rs_literal *b);

#endif
