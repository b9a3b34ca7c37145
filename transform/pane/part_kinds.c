#include "transform/pane/part_kinds.h"

#include "transform/pane/distinct.h"
#include "transform/pane/profile.h"
#include "transform/pane/quantile.h"

const struct rs_part_kind *rs_part_kind_of(enum rs_stat_kind kind)
{
    switch (kind) {
    case RS_STAT_QUANTILE:
    case RS_STAT_MEDIAN: return &rs_part_quantile;
    case RS_STAT_PROFILE: return &rs_part_profile;
    case RS_STAT_DISTINCT: return &rs_part_distinct;
    default: return NULL;
    }
}
