/* condition: the `where` of an aggregate, compiled to a small tree over decoded values. Nulls as in SQL: a
 * comparison with null is unknown, not unknown is unknown, only true passes.
 * Thread: immutable after loading; any number of threads may evaluate. */
#ifndef RS_TRANSFORM_PLAN_CONDITION_H
#define RS_TRANSFORM_PLAN_CONDITION_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/config/config.h"
#include "schemas/program.h"
#include "transform/plan/literal.h"
#include "transform/plan/slots.h"

struct rs_condition;

enum rs_truth { RS_FALSE, RS_TRUE, RS_UNKNOWN };

enum rs_compare { RS_CMP_EQ, RS_CMP_NE, RS_CMP_LT, RS_CMP_LE, RS_CMP_GT, RS_CMP_GE };

/* Compiles the mapping `node`. Wrong: complaints, NULL. */
struct rs_condition *rs_condition_load(struct rs_config *config, struct rs_slots *slots,
                                       const struct rs_config_node *node);
enum rs_truth rs_condition_eval(const struct rs_condition *condition, const struct rs_value *values);
/* Number of the first pair of the mapping that does not hold; -1: all do. */
int rs_condition_failing(const struct rs_condition *condition, const struct rs_value *values);
/* Whether only slots for which allowed[slot] is set are looked at. */
bool rs_condition_within(const struct rs_condition *condition, const bool *allowed);

/* ---- shared with rules ---- */
/* Which comparison a key names ("lt"); false if it is none. Complains where the field's type has no order. */
bool rs_compare_parse(const char *key, enum rs_compare *out);
bool rs_compare_allowed(struct rs_config *config, const struct rs_config_node *where, const char *path,
                        const struct rs_field_type *type, enum rs_compare compare);
bool rs_compare_holds(enum rs_compare compare, enum rs_order order);

/* Literals sorted for `in`. */
struct rs_literal_set {
    struct rs_literal *items;
    size_t count;
};
bool rs_literal_set_load(struct rs_config *config, struct rs_arena *arena, const struct rs_config_node *node,
                         const char *path, const struct rs_field_type *type, struct rs_literal_set *out);
bool rs_literal_set_has(const struct rs_literal_set *set, const struct rs_value *value);

#endif
