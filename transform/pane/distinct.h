/* distinct: a part of a pane that tells how many different values there were.
 * Each value is known by a hash of 64 bits. Up to RS_DISTINCT_EXACT of them are kept, and their number is the answer;
 * integers, decimals of up to 18 digits and doubles have a hash of their own each, and any two other values share one
 * once in 2^64. Beyond it there are 2^12 registers of a HyperLogLog (P. Flajolet and others, 2007): the top 12 bits
 * of a hash choose one, which keeps the most zeros that the other 52 began with, and one more. The estimate is that
 * of O. Ertl, "New cardinality estimation algorithms for HyperLogLog sketches", 2017 (arXiv:1702.01284), algorithm 6,
 * which needs no correction of a bias anywhere. Its standard error is 1.04 / 2^6 = 1.625 %, and less for less than
 * some 10,000.
 * Thread: the pane's. */
#ifndef RS_TRANSFORM_PANE_DISTINCT_H
#define RS_TRANSFORM_PANE_DISTINCT_H

#include "transform/pane/part_internal.h"

#define RS_DISTINCT_EXACT 256

extern const struct rs_part_kind rs_part_distinct;

#endif
