/* profile: a part of a pane that sums a quantity by steps of a price: the step that holds price p is number
 * floor(p / step), and is shown by the price where it begins.
 * It holds RS_PROFILE_LEVELS steps at most. With one more the step is doubled, as often as need be, which joins two
 * neighbours each time; so it is the least of the doubled steps at which all prices that came take no more, whatever
 * their order. Sums stay exact, and the step that is in use is a field of its own.
 * Both inputs are INT64, the step is not finer than the price's last digit and more than 0.
 * Thread: the pane's. */
#ifndef RS_TRANSFORM_PANE_PROFILE_H
#define RS_TRANSFORM_PANE_PROFILE_H

#include "transform/pane/part_internal.h"

#define RS_PROFILE_LEVELS 256

extern const struct rs_part_kind rs_part_profile;

#endif
