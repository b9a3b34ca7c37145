/* stat: the statistics of an aggregate as loaded.
 * Thread: one while loading; read only afterwards. */
#ifndef RS_TRANSFORM_PLAN_STAT_H
#define RS_TRANSFORM_PLAN_STAT_H

#include <stddef.h>

#include "base/config/config.h"
#include "transform/pane/derived.h"
#include "transform/pane/pane.h"

struct rs_stat {
    struct rs_stat_spec spec;
    const char *expression;            /* as normalised: "sum(quantity)" */
    const char *unit;                  /* NULL: none */
    const struct rs_config_node *text; /* as written, while loading */
};

struct rs_stats {
    struct rs_stat *items;
    size_t count;
    struct rs_derived *derived; /* those of kind RS_STAT_DERIVED, each behind what it uses */
    size_t derived_count;
};

#endif
