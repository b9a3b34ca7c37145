#include "transform/pane/parts.h"

void rs_parts_fini(const struct rs_pane_layout *layout, void *pane)
{
    for (size_t i = 0; i < layout->part_count; i++) {
        rs_part_fini(&layout->parts[i], rs_pane_at(pane, layout->parts[i].at));
    }
}

void rs_parts_copy(const struct rs_pane_layout *layout, void *to, const void *from)
{
    for (size_t i = 0; i < layout->part_count; i++) {
        const struct rs_part *part = &layout->parts[i];
        *(uint64_t *)rs_pane_at(to, part->at) = rs_part_copy(part, rs_pane_slot(from, part));
    }
}

void rs_parts_merge(const struct rs_pane_form *into, const struct rs_pane_const_form *from)
{
    for (size_t i = 0; i < into->layout->part_count; i++) {
        const struct rs_part *part = &into->layout->parts[i];
        rs_part_merge(part, rs_pane_at(into->pane, part->at),
                      rs_pane_slot(from->pane, &from->layout->parts[i]));
    }
}

size_t rs_parts_heap_bytes(const struct rs_pane_layout *layout, const void *pane)
{
    size_t bytes = 0;

    for (size_t i = 0; i < layout->part_count; i++) {
        bytes += rs_part_heap_bytes(&layout->parts[i], rs_pane_slot(pane, &layout->parts[i]));
    }
    return bytes;
}

bool rs_parts_whole(const struct rs_pane_layout *layout, const void *pane)
{
    for (size_t i = 0; i < layout->part_count; i++) {
        if (rs_part_lost(rs_pane_slot(pane, &layout->parts[i]))) {
            return false;
        }
    }
    return true;
}

/* False: absent, NaN or an infinity; the latter two make *finite false. */
static bool take_input(enum rs_num_kind kind, const struct rs_num *num, struct rs_num *out, bool *finite)
{
    if (!rs_num_counts(kind, num)) {
        *finite &= !num->present;
        return false;
    }
    *out = *num;
    if (kind == RS_NUM_DOUBLE) {
        out->d += 0.0; /* there is no -0 */
    }
    return true;
}

void rs_parts_add(const struct rs_pane_layout *layout, void *pane, const struct rs_num *inputs,
                  struct rs_pane_key key, struct rs_pane_added *added)
{
    const struct rs_pane_form form = rs_pane_form(layout, pane);
    size_t grown = 0;

    for (size_t i = 0; i < form.layout->part_count; i++) {
        const struct rs_part *part = &form.layout->parts[i];
        struct rs_part_event event = {.time_us = key.time_us, .order = key.order};
        bool taken = take_input(part->x.kind, &inputs[part->x_input], &event.x, &added->finite);
        if (part->kind->has_w) {
            taken &= take_input(part->w.kind, &inputs[part->w_input], &event.w, &added->finite);
        }
        if (taken) {
            rs_part_add(part, rs_pane_at(form.pane, part->at), &event, &grown);
        }
    }
    added->heap_bytes += (uint32_t)grown;
}
