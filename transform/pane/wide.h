/* wide: how a pane leaves the narrow form; the forms are in internal.h.
 * Thread: the pane's.
 * Errors: where memory runs out the pane is lost: see rs_pane_whole. */
#ifndef RS_TRANSFORM_PANE_WIDE_H
#define RS_TRANSFORM_PANE_WIDE_H

#include "transform/pane/internal.h"

/* A pane by the layout that it has now. */
struct rs_pane_form {
    const struct rs_pane_layout *layout;
    void *pane;
};
struct rs_pane_const_form {
    const struct rs_pane_layout *layout;
    const void *pane;
};

static inline bool rs_pane_is_wide(const void *pane)
{
    return (((const struct rs_pane_head *)pane)->events & RS_PANE_WIDE) != 0;
}

/* Of a wide pane: what is on the heap. */
static inline void *rs_pane_on_heap(const void *pane)
{
    uint64_t address = ((const struct rs_pane_head *)pane)->events & ~RS_PANE_WIDE;
    void *heap = NULL;

    memcpy(&heap, &address, sizeof heap);
    return heap;
}

/* Of a pane in any form: its head. */
static inline const struct rs_pane_head *rs_pane_head_of(const void *pane)
{
    return rs_pane_is_wide(pane) ? rs_pane_on_heap(pane) : pane;
}

/* A wide pane can be lost as well: one that was lost has been merged into it. */
static inline bool rs_pane_is_lost(const void *pane)
{
    return (rs_pane_head_of(pane)->events & RS_PANE_LOST) != 0;
}

static inline struct rs_pane_form rs_pane_form(const struct rs_pane_layout *layout, void *pane)
{
    if (rs_pane_is_wide(pane)) {
        return (struct rs_pane_form){layout->wide, rs_pane_on_heap(pane)};
    }
    return (struct rs_pane_form){layout, pane};
}

static inline struct rs_pane_const_form rs_pane_const_form(const struct rs_pane_layout *layout,
                                                           const void *pane)
{
    if (rs_pane_is_wide(pane)) {
        return (struct rs_pane_const_form){layout->wide, rs_pane_on_heap(pane)};
    }
    return (struct rs_pane_const_form){layout, pane};
}

/* Of a pane that is narrow and not lost, in a layout that has a wide one. False: it is lost now. */
bool rs_pane_widen(const struct rs_pane_layout *layout, void *pane);
/* An event was added to a narrow pane, and at least one sum has wrapped: puts that right. Returns the bytes that
 * the pane now has on the heap beyond what it had. */
size_t rs_pane_widen_added(const struct rs_pane_layout *layout, void *pane, const struct rs_num *inputs);
/* Adds the sums and counts of a pane to those of another, or takes them away, in any of the forms. */
void rs_pane_combine(const struct rs_pane_layout *layout, void *into, const void *from, bool subtract);

#endif
