/* series: values of x one by one in the order of their events, for statistics that need it:
 *
 *     lag(x, n)              the value n before the newest one. Only the newest n + 1 are kept. Of upsert streams it is
 *                            RS_STAT_LAG_PERIOD instead
 *     twa(x)                 the mean over time: each value counts until the next one comes, so that the newest does not
 *                            yet count; absent where no time lies between the first and the newest
 *     drawdown(x)            the largest fall from a running peak, 0 where there was none;
 *     pct_drawdown(x)        the same in percent of the peak, of peaks above zero
 *     realized_variance(x)   sum(r^2) of r = ln(x_i / x_i-1), of values above zero, each r a double off by less than one
 *                            unit in its last place; absent where there are fewer than two
 *
 * The last four keep every value of the pane, so that a late event finds its place, up to RS_SERIES_MAX: with
 * more they are absent, which is a function of the set of events like everything else. By time, then order, then value.
 * Thread: the pane's.
 * Limits: 24 bytes a value, 32 of a decimal with more than 18 digits, and as many again while it grows. */
#ifndef RS_TRANSFORM_PANE_SERIES_H
#define RS_TRANSFORM_PANE_SERIES_H

#include "transform/pane/part_internal.h"

#define RS_SERIES_MAX     50000
#define RS_SERIES_LAG_MAX 1000

extern const struct rs_part_kind rs_part_lag; /* params: n */
extern const struct rs_part_kind rs_part_twa;
extern const struct rs_part_kind rs_part_drawdown;
extern const struct rs_part_kind rs_part_pct_drawdown;
extern const struct rs_part_kind rs_part_realized_variance;

#endif
