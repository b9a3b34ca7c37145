#include "transform/pane/part_internal.h"

#include <stdlib.h>
#include <string.h>

#define LOST 1

_Static_assert(sizeof(void *) <= sizeof(uint64_t), "an address fits a slot");

/* ---- slots ---- */

bool rs_part_lost(uint64_t slot)
{
    return (slot & LOST) != 0;
}

static void *state_of(uint64_t slot)
{
    uint64_t address = slot & ~(uint64_t)LOST;
    void *state = NULL;

    memcpy(&state, &address, sizeof state);
    return state;
}

static uint64_t slot_of(const void *state, bool whole)
{
    uint64_t slot = 0;

    memcpy(&slot, &state, sizeof state);
    return whole ? slot : slot | LOST;
}

void rs_part_fini(const struct rs_part *part, uint64_t *slot)
{
    void *state = state_of(*slot);

    if (state && part->kind->free) {
        part->kind->free(part, state);
    } else {
        free(state);
    }
    *slot = 0;
}

size_t rs_part_heap_bytes(const struct rs_part *part, uint64_t slot)
{
    const void *state = state_of(slot);

    return state ? part->kind->heap_bytes(part, state) : 0;
}

void rs_part_add(const struct rs_part *part, uint64_t *slot, const struct rs_part_event *event, size_t *grown)
{
    void *state = state_of(*slot);

    if (!rs_part_lost(*slot)) {
        bool added = part->kind->add(part, &state, event, grown);
        *slot = slot_of(state, added);
    }
}

static void *copy_state(const struct rs_part *part, const void *state)
{
    if (part->kind->copy) {
        return part->kind->copy(part, state);
    }
    size_t bytes = part->kind->heap_bytes(part, state);
    void *copy = calloc(1, bytes);
    return copy ? memcpy(copy, state, bytes) : NULL;
}

uint64_t rs_part_copy(const struct rs_part *part, uint64_t slot)
{
    if (slot == 0 || rs_part_lost(slot)) {
        return slot & LOST;
    }
    const void *copy = copy_state(part, state_of(slot));
    return slot_of(copy, copy != NULL);
}

void rs_part_merge(const struct rs_part *part, uint64_t *into, uint64_t from)
{
    void *state = state_of(*into);

    if (from == 0 || rs_part_lost(*into)) {
        return;
    }
    if (rs_part_lost(from)) {
        *into |= LOST;
    } else if (*into == 0) {
        *into = rs_part_copy(part, from);
    } else {
        bool merged = part->kind->merge(part, &state, state_of(from));
        *into = slot_of(state, merged);
    }
}

/* ---- bytes: 0, or 1 and the state ---- */

void rs_part_save(const struct rs_part *part, uint64_t slot, struct rs_buf *out)
{
    const void *state = state_of(slot);

    if (rs_part_lost(slot)) {
        out->failed = true;
        return;
    }
    rs_buf_char(out, state ? 1 : 0);
    if (state) {
        part->kind->save(part, state, out);
    }
}

bool rs_part_load(const struct rs_part *part, uint64_t *slot, struct rs_reader *in, uint64_t events)
{
    struct rs_slice head = rs_read_bytes(in, 1);
    void *state = NULL;

    if (!head.data || head.data[0] > 1) {
        return false;
    }
    if (head.data[0] == 0) {
        return true;
    }
    int rc = part->kind->load(part, &state, in, events);
    *slot = slot_of(state, rc != RS_ENOMEM);
    return rc == 0 && !in->failed;
}

void rs_part_render(const struct rs_part *part, uint64_t slot, const struct rs_part_ask *ask,
                    struct rs_buf *out)
{
    if (!rs_part_lost(slot)) {
        part->kind->render(part, state_of(slot), ask, out);
    }
}
