/* part_kinds: which statistics are kept in parts, and of which kind.
 * Thread: any; constant. */
#ifndef RS_TRANSFORM_PANE_PART_KINDS_H
#define RS_TRANSFORM_PANE_PART_KINDS_H

#include "transform/pane/part_internal.h"

/* NULL: the statistic needs no part. */
const struct rs_part_kind *rs_part_kind_of(enum rs_stat_kind kind);

#endif
