/* fold: the content of a sliding window, kept running as the window moves on. Sums follow by adding panes
 * that come in and subtracting those that leave. Extrema cannot be subtracted: panes are summed up in
 * blocks of about the square root of their number; the block where the window begins has a fold of each of
 * its tails, and those in between are folded once per block. Moving on by one pane therefore costs a few
 * merges, whatever the size of the window.
 *
 *        lo                                                      hi
 *   ┆  ▏░░░▓▓▓▓▓▓▓▓▓▓▏▓▓▓▓▓▓▓▓▓▓▓▓▓▓▏▓▓▓▓▓▓▓▓▓▓▓▓▓▓▏▓▓▓▓▓▓▓▓  ┆ newest
 *          tails      └───── middle: whole blocks ───┘ last block   not settled
 *
 * The newest pane still changes with most events, so it is never settled and added at the end; an event
 * that falls into a settled pane is added to the sums as well. A fold is a cache: it can be dropped at any
 * time and is never saved.
 * Thread: the owning worker. */
#ifndef RS_TRANSFORM_GROUP_FOLD_H
#define RS_TRANSFORM_GROUP_FOLD_H

#include "transform/group/group.h"

/* Content of [start_us, end_us) into `out`, an initialised pane. *slot is the group's cache for windows asked
 * for in ascending order; it is made when the group has enough panes to be worth it. Returns the oldest pane
 * inside, or RS_NONE. */
uint32_t rs_fold_window(struct rs_groups *gs, uint32_t number, struct rs_fold **slot, int64_t start_us,
                        int64_t end_us, void *out);

/* An event was added to pane `number`; `fresh`: which had just been linked. `fold` may be NULL in these. */
void rs_fold_add(struct rs_groups *gs, struct rs_fold *fold, uint32_t number, bool fresh,
                 const struct rs_event *event);
/* The oldest pane of the group is about to go. */
void rs_fold_leave(struct rs_groups *gs, struct rs_fold *fold, uint32_t number);
void rs_fold_free(struct rs_groups *gs, struct rs_fold **fold);

#endif
