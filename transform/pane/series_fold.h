/* series fold: what is made of a series (series.h) when it is shown.
 * Thread: any; pure. */
#ifndef RS_TRANSFORM_PANE_SERIES_FOLD_H
#define RS_TRANSFORM_PANE_SERIES_FOLD_H

#include <string.h>

#include "transform/number/exact.h"
#include "transform/pane/internal.h"
#include "transform/pane/part_internal.h"

struct rs_series_entry {
    int64_t time_us;
    int64_t order;
    uint64_t value[]; /* one word, or two */
};

struct rs_series {
    uint32_t count, room;
    bool over; /* there were too many: it holds none */
    uint64_t entries[];
};

static inline size_t rs_series_entry_bytes(const struct rs_part *part)
{
    return sizeof(struct rs_series_entry) + (part->x.kind == RS_NUM_INT128 ? 2 : 1) * sizeof(uint64_t);
}

static inline const struct rs_series_entry *rs_series_at(const struct rs_part *part,
                                                         const struct rs_series *s, uint32_t i)
{
    return (const struct rs_series_entry *)(const void *)((const uint8_t *)s->entries +
                                                          i * rs_series_entry_bytes(part));
}

static inline struct rs_num rs_series_value(const struct rs_part *part, const struct rs_series_entry *e)
{
    struct rs_num num = {.present = true};
    memcpy(&num.w, e->value, rs_series_entry_bytes(part) - sizeof *e);
    return num;
}

/* False: it has no value. */
bool rs_series_mean_over_time(const struct rs_part *part, const struct rs_series *s, double *out);
bool rs_series_fall_in_percent(const struct rs_part *part, const struct rs_series *s, double *out);
bool rs_series_squared_returns(const struct rs_part *part, const struct rs_series *s, double *out);
/* Of whole numbers, in their units; of doubles. There is at least one value. */
void rs_series_fall(const struct rs_part *part, const struct rs_series *s, struct rs_exact *out);
double rs_series_fall_of_doubles(const struct rs_part *part, const struct rs_series *s);

#endif
