/* joint: what is added behind the values of single inputs: third and fourth powers, and the sums over events in
 * which both of two inputs are present.
 * Thread: the pane's. */
#ifndef RS_TRANSFORM_PANE_JOINT_H
#define RS_TRANSFORM_PANE_JOINT_H

#include "transform/pane/internal.h"

/* Of one event, to a pane in this very layout, narrow or wide. Returns whether a narrow sum has wrapped;
 * *heap_bytes grows by what has moved to the heap. */
bool rs_pane_add_joined(const struct rs_pane_layout *layout, void *pane, const struct rs_num *inputs,
                        size_t *heap_bytes);

/* The same where every input is an int64. */
bool rs_pane_add_joined64(const struct rs_pane_layout *layout, void *pane, const struct rs_num *inputs);

/* Events of a joint: those in which both are. */
static inline uint64_t rs_pane_joint_count(const struct rs_pane_layout *layout, const void *pane,
                                           const struct rs_pane_joint *joint)
{
    return rs_pane_count(pane, &layout->inputs[joint->sums[0]]);
}

#endif
