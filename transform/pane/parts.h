/* parts: all parts of a pane at once, in either of its forms. Where the layout lists none they do nothing.
 * Thread: the pane's. */
#ifndef RS_TRANSFORM_PANE_PARTS_H
#define RS_TRANSFORM_PANE_PARTS_H

#include "transform/pane/wide.h"

/* By the layout that the pane has now. */
void rs_parts_fini(const struct rs_pane_layout *layout, void *pane);
void rs_parts_copy(const struct rs_pane_layout *layout, void *to,
                   const void *from); /* what `to` holds is lost */
void rs_parts_merge(const struct rs_pane_form *into, const struct rs_pane_const_form *from);
size_t rs_parts_heap_bytes(const struct rs_pane_layout *layout, const void *pane);
bool rs_parts_whole(const struct rs_pane_layout *layout, const void *pane);

/* An event, into the parts alone: *added grows with them. The pane may have left its narrow form, and its parts
 * with it. */
void rs_parts_add(const struct rs_pane_layout *layout, void *pane, const struct rs_num *inputs,
                  struct rs_pane_key key, struct rs_pane_added *added);

#endif
