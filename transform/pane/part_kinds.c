#include "transform/pane/part_kinds.h"

#include "transform/pane/distinct.h"
#include "transform/pane/ewma.h"
#include "transform/pane/profile.h"
#include "transform/pane/quantile.h"
#include "transform/pane/series.h"

const struct rs_part_kind *rs_part_kind_of(enum rs_stat_kind kind)
{
    switch (kind) {
    case RS_STAT_QUANTILE:
    case RS_STAT_MEDIAN: return &rs_part_quantile;
    case RS_STAT_PROFILE: return &rs_part_profile;
    case RS_STAT_EWMA: return &rs_part_ewma;
    case RS_STAT_LAG: return &rs_part_lag;
    case RS_STAT_TWA: return &rs_part_twa;
    case RS_STAT_DRAWDOWN: return &rs_part_drawdown;
    case RS_STAT_PCT_DRAWDOWN: return &rs_part_pct_drawdown;
    case RS_STAT_REALIZED_VARIANCE: return &rs_part_realized_variance;
    case RS_STAT_DISTINCT: return &rs_part_distinct;
    default: return NULL;
    }
}
