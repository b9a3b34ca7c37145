/* part internal: what a pane keeps on the heap for one statistic whose state has no fixed size.
 * The layout lists its parts. A part has a slot of 8 bytes in the pane, in both forms of it (internal.h):
 *
 *     0             nothing was added
 *     an address    its state, made by its kind
 *     address + 1   lost: there was no memory, or a count of the part ran over. Its fields are absent from then on
 *                   and the pane cannot be saved; what it holds is counted until it goes, if it holds anything
 *
 * A kind of part is a table of functions over such a state. Parts cannot be taken away from each other: where
 * panes slide they go with the extrema (rs_pane_clear_extrema, rs_pane_merge_extrema).
 * Thread: the pane's.
 * Invariant: a state is a function of the set of events that were added, whatever their order and whatever was
 * merged with what; that is, what it saves and renders is. It exists only if there is something to save. */
#ifndef RS_TRANSFORM_PANE_PART_INTERNAL_H
#define RS_TRANSFORM_PANE_PART_INTERNAL_H

#include "base/reader.h"
#include "transform/pane/pane.h"

struct rs_part_kind;

struct rs_part {
    const struct rs_part_kind *kind;
    uint32_t at;      /* its slot in the pane */
    uint32_t x_input; /* numbers in the event */
    uint32_t w_input; /* of a kind that has no `w`: unused */
    struct rs_num_type x;
    struct rs_num_type w;
    const struct rs_stat_param *params; /* of the statistic; NULL: it has none */
};

/* x and, of a kind that has one, w are present and finite; a double is never -0. */
struct rs_part_event {
    struct rs_num x;
    struct rs_num w;
    int64_t time_us;
    int64_t order;
};

/* Which field of a statistic is asked for. */
struct rs_part_ask {
    size_t field;                       /* number among the kind's suffixes */
    const struct rs_stat_param *params; /* as above; parts are shared, so it need not be the part's */
    int64_t window_us;                  /* of rs_pane_render */
};

/* Memory is asked for by calloc alone. All but `load` and `render` get a state that is there. */
struct rs_part_kind {
    const char *const
        *suffixes; /* of the names of its fields, up to NULL; no list: one, of the statistic's name */
    bool has_w;    /* it has two inputs, and events without either are passed by */
    /* The state depends on the first of the params: statistics over the same inputs share a part where they are equal. */
    size_t own_params;
    /* What is against such a statistic of these inputs, a sentence for people; NULL: nothing. May be NULL itself. */
    const char *(*fault)(const struct rs_num_type *x, const struct rs_num_type *w,
                         const struct rs_stat_param *params);
    /* *state NULL: the first event. *grown += bytes on the heap, never fewer than before. False: lost, with a
     * *state that is still good for heap_bytes and free; so with `merge` and `load`. */
    bool (*add)(const struct rs_part *part, void **state, const struct rs_part_event *event, size_t *grown);
    bool (*merge)(const struct rs_part *part, void **into, const void *from);
    /* Of a state that is more than one block of heap_bytes; else both are NULL themselves. A copy that is NULL: no
     * memory. */
    void *(*copy)(const struct rs_part *part, const void *state);
    void (*free)(const struct rs_part *part, void *state);
    size_t (*heap_bytes)(const struct rs_part *part, const void *state);
    /* Canonical: equal contents give equal bytes. */
    void (*save)(const struct rs_part *part, const void *state, struct rs_buf *out);
    /* Takes what `save` wrote and nothing else. `events`: of the pane. 0, RS_ESTATE or RS_ENOMEM. */
    int (*load)(const struct rs_part *part, void **state, struct rs_reader *in, uint64_t events);
    /* Appends the field's text; nothing: it has no value. `state` may be NULL. */
    void (*render)(const struct rs_part *part, const void *state, const struct rs_part_ask *ask,
                   struct rs_buf *out);
};

static inline int rs_compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* By the slot, which may be empty or lost. */
void rs_part_add(const struct rs_part *part, uint64_t *slot, const struct rs_part_event *event,
                 size_t *grown);
void rs_part_merge(const struct rs_part *part, uint64_t *into, uint64_t from);
uint64_t rs_part_copy(const struct rs_part *part, uint64_t slot);
void rs_part_fini(const struct rs_part *part, uint64_t *slot); /* empty again */
bool rs_part_lost(uint64_t slot);
size_t rs_part_heap_bytes(const struct rs_part *part, uint64_t slot);
void rs_part_save(const struct rs_part *part, uint64_t slot, struct rs_buf *out); /* lost: the buffer fails */
/* The slot is empty. False: damaged; or no memory, it is lost then. What was read is there to be freed. */
bool rs_part_load(const struct rs_part *part, uint64_t *slot, struct rs_reader *in, uint64_t events);
void rs_part_render(const struct rs_part *part, uint64_t slot, const struct rs_part_ask *ask,
                    struct rs_buf *out);

#endif
