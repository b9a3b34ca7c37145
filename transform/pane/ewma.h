/* ewma: the exponentially weighted mean of x by event time, ewma(x, half_life): sum(w x) / sum(w) with
 * w = 2^((t - T) / half_life), T the time of the newest event. The quotient does not hang on T, so that weights can be
 * whole numbers from a fixed scale: time is cut into blocks of one half-life, an event weighs 2^(t / half_life - block)
 * in units of 2^-62, and each block has the exact sums of what it holds. At the end blocks are put together by powers of
 * two, exactly, and rounded once.
 *
 * Blocks 64 and more below the newest are left out, whose events weigh less than 2^-63 of the newest each. Which
 * those are follows from the newest time alone, so that the state is a function of the set of events.
 * Error: a weight is off by less than 2^-58 of itself, the mean by less than 2^-57 of sum(w |x|) / sum(w), which is
 * within the rounding of a double where values have one sign.
 * Thread: the pane's. */
#ifndef RS_TRANSFORM_PANE_EWMA_H
#define RS_TRANSFORM_PANE_EWMA_H

#include "transform/pane/part_internal.h"

extern const struct rs_part_kind rs_part_ewma; /* params: the half-life in microseconds */

#endif
