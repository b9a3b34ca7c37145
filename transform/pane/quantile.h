/* quantile: a part of a pane from which any quantile of a number can be had.
 * The q-th quantile of n values is the one at place ceil(q n) of them in ascending order, the first for q = 0:
 * SQL's percentile_disc. It is one of the values, so that a relative error can be stated for it, which cannot be
 * done for a mean of two.
 *
 * Up to RS_QUANTILE_EXACT values are kept as they are. Beyond it they are counted in bins: between a power of two
 * and the next there are 64 of equal width (as in HdrHistogram, G. Tene, 2012), zero has one of its own, and so has
 * either sign. The middle of a bin is within 1/128 of each value in it, relative to the value, which is less than
 * the 1 % that is promised; so a bin is never so wide that it matters where the values come from:
 *
 *     a double       is a whole number of 2^-1074, which are its bins; that holds for subnormal ones as well
 *     a decimal      is a whole number of 10^-scale
 *     below 2^7      of these units a bin holds one number and is exact
 *
 * The least and the greatest value are kept, too: no quantile is outside of them, and those for 0 and 1 are exact.
 * Limits: 2^45 - 1 values in a bin; with one more the part is lost.
 * Thread: the pane's. */
#ifndef RS_TRANSFORM_PANE_QUANTILE_H
#define RS_TRANSFORM_PANE_QUANTILE_H

#include "transform/pane/part_internal.h"

#define RS_QUANTILE_EXACT 32

extern const struct rs_part_kind rs_part_quantile;

#endif
