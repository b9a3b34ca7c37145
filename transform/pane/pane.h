/* pane: partial aggregate of one group over one time slice.
 * A pane is a flat block of layout->size bytes laid out once per aggregate; only what the aggregate's
 * statistics need is in it, and it may be moved as bytes. It is aligned to 8. Adding is a few nanoseconds and
 * never allocates but when a double's sum leaves the compact range, or one of int64 its narrow form, or a part
 * grows (part_internal.h).
 * Thread: the owning worker only.
 * Invariant: merge(a, b) == merge(b, a), bit for bit; subtract(merge(a, b), b) == a for all sums. Parts are
 * merged and cleared with the extrema. */
#ifndef RS_TRANSFORM_PANE_PANE_H
#define RS_TRANSFORM_PANE_PANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/number.h"

enum rs_stat_kind {
    RS_STAT_COUNT,
    RS_STAT_SUM,
    RS_STAT_MEAN,
    RS_STAT_MIN,
    RS_STAT_MAX,
    RS_STAT_RANGE,
    RS_STAT_FIRST,
    RS_STAT_LAST,
    RS_STAT_OHLC,         /* four fields: <name>_open _high _low _close */
    RS_STAT_VWAP,         /* (price x, weight w) */
    RS_STAT_VARIANCE,     /* sample, n-1 */
    RS_STAT_VARIANCE_POP, /* n */
    RS_STAT_STDDEV,
    RS_STAT_STDDEV_POP,
    RS_STAT_SKEWNESS,     /* G1 of the sample */
    RS_STAT_SKEWNESS_POP, /* g1 */
    RS_STAT_KURTOSIS,     /* G2 of the sample: excess over the normal distribution's */
    RS_STAT_KURTOSIS_POP, /* g2 */
    RS_STAT_COVARIANCE,   /* (x, w): sample, n-1 */
    RS_STAT_COVARIANCE_POP,
    RS_STAT_CORRELATION,
    RS_STAT_SLOPE,     /* of x over w, as in SQL: the dependent one stands first */
    RS_STAT_INTERCEPT, /* the same */
    RS_STAT_R2,
    RS_STAT_RATE,     /* rate(): events per second; rate(x): sum(x) per second */
    RS_STAT_QUANTILE, /* params: which, from 0 to 1; quantile.h */
    RS_STAT_MEDIAN,   /* that of 0.5 */
    RS_STAT_DISTINCT, /* distinct.h */
    RS_STAT_EWMA,     /* params: half-life; ewma.h */
    RS_STAT_LAG,      /* params: how far back; series.h, as those that follow */
    RS_STAT_TWA,
    RS_STAT_DRAWDOWN,
    RS_STAT_PCT_DRAWDOWN,
    RS_STAT_REALIZED_VARIANCE,
    RS_STAT_CHANGE,     /* last(x) - last(x) of the previous pane */
    RS_STAT_PCT_CHANGE, /* 100 * change / |previous|; absent when previous is 0 */
    RS_STAT_PROFILE, /* (price x, quantity w; params: step), two fields: <name> and <name>_step; profile.h */
    RS_STAT_DERIVED, /* of other fields, when they are shown: derived.h */
    RS_STAT_LAG_PERIOD, /* lag of an upsert stream: last(x) of a period so many before */
    RS_STAT_YOY,        /* pct_change against the period a year before */
};

enum rs_num_kind { RS_NUM_INT64, RS_NUM_INT128, RS_NUM_DOUBLE };
struct rs_num_type {
    enum rs_num_kind kind;
    int scale;     /* INT64, INT128: value = integer * 10^-scale; 0..RS_SCALE_MAX */
    bool required; /* the caller promises `present` in every event: the pane then keeps no count of its own
                      for it */
};

/* One numeric input of an event, already of its declared type. */
struct rs_num {
    bool present; /* false: null; the statistic passes it by */
    union {
        int64_t i;
        rs_i128 w;
        double d;
    };
};

/* A constant among a statistic's arguments: a number is value / 10^scale, a whole number has scale 0, and of a
 * duration the value is in microseconds. */
#define RS_STAT_PARAMS_MAX      3
#define RS_STAT_PARAM_SCALE_MAX 18
struct rs_stat_param {
    bool given;
    int64_t value;
    int scale; /* 0..RS_STAT_PARAM_SCALE_MAX, without zeros at the end */
};
struct rs_stat_params {
    struct rs_stat_param
        at[RS_STAT_PARAMS_MAX]; /* in the order in which the statistic declares its constants */
};

struct rs_stat_spec {
    enum rs_stat_kind kind;
    const char *name; /* as configured */
    int x;            /* input number, -1: none */
    int w;            /* second input (vwap, covariance to r2), -1: none */
    const struct rs_stat_param
        *params; /* its constants in the order of their declaration; NULL: it takes none */
};

/* change or pct_change; and one that is given a span to look back over, not the window before. */
bool rs_stat_is_change(enum rs_stat_kind kind);
bool rs_stat_over_span(const struct rs_stat_spec *spec);

struct rs_pane_layout; /* immutable */

/* `inputs` are the types of the numeric inputs 0..input_count.
 * Errors: RS_ECONFIG for a statistic over too few inputs. */
RS_MUST_USE int rs_pane_layout_new(const struct rs_stat_spec *stats, size_t stat_count,
                                   const struct rs_num_type *inputs, size_t input_count,
                                   struct rs_pane_layout **out, struct rs_error *error);
void rs_pane_layout_free(struct rs_pane_layout **layout);
size_t rs_pane_size(const struct rs_pane_layout *layout);         /* bytes, a multiple of 8 */
bool rs_pane_needs_previous(const struct rs_pane_layout *layout); /* change without a span */
bool rs_pane_has_parts(const struct rs_pane_layout *layout);      /* extrema take memory then */

void rs_pane_init(const struct rs_pane_layout *layout, void *pane);
void rs_pane_fini(const struct rs_pane_layout *layout, void *pane); /* frees what moved to the heap */

/* Number of events in the pane (nulls included) and the newest event time (RS_TIME_NONE if empty). */
uint64_t rs_pane_events(const void *pane);
int64_t rs_pane_newest_us(const void *pane);

/* A sum of doubles that leaves the compact range moves to the heap, and so does a whole pane when a sum of
 * int64 leaves 64 bits, or one of their products 128; parts are there anyway. These tell how much a pane holds
 * there, and whether all of it could be had. Where memory ran out, whole is false for good (until rs_pane_fini):
 * what hung on the lost sum or part renders as absent and the pane cannot be saved (the buffer fails), so that a
 * wrong number never leaves. */
size_t rs_pane_heap_bytes(const struct rs_pane_layout *layout, const void *pane);
bool rs_pane_whole(const struct rs_pane_layout *layout, const void *pane);

/* `time_us`, `order`: event time and tie-breaker (the record's offset) for first and last. NaN and infinities
 * are passed by. */
struct rs_pane_added {
    bool finite;         /* false: NaN or an infinity was met; the caller counts it */
    uint32_t heap_bytes; /* what the pane holds on the heap since then, beyond what it held */
};
struct rs_pane_added rs_pane_add(const struct rs_pane_layout *layout, void *pane, const struct rs_num *inputs,
                                 int64_t time_us, int64_t order);
/* Takes the oldest event of a pane away again, as if it had never been added. False: that cannot be done, since
 * it is one of the extrema, or the last one of an input; nothing in the pane counts then, and it has to be
 * made anew. */
bool rs_pane_remove(const struct rs_pane_layout *layout, void *pane, const struct rs_num *inputs,
                    int64_t time_us, int64_t order);
void rs_pane_merge(const struct rs_pane_layout *layout, void *into, const void *from);
/* Sums and counts only. Extrema, first, last, newest and parts are left as they were, or are anything: take them
 * from rs_pane_merge_extrema. */
struct rs_pane_added rs_pane_add_sums(const struct rs_pane_layout *layout, void *pane,
                                      const struct rs_num *inputs, int64_t time_us, int64_t order);
void rs_pane_merge_sums(const struct rs_pane_layout *layout, void *into, const void *from);
void rs_pane_subtract(const struct rs_pane_layout *layout, void *from, const void *gone);
void rs_pane_clear_extrema(const struct rs_pane_layout *layout, void *pane);
void rs_pane_merge_extrema(const struct rs_pane_layout *layout, void *into, const void *from);
/* An event was added to `from`, whose extrema were merged into `into` before: brings it there as well. */
struct rs_pane_added rs_pane_add_extrema(const struct rs_pane_layout *layout, void *into, const void *from,
                                         const struct rs_num *inputs, int64_t time_us, int64_t order);
void rs_pane_copy(const struct rs_pane_layout *layout, void *to, const void *from); /* `to` initialised */

/* Towards a pane to compare with, which is narrow and was empty: what it does not know yet of the last values that change
 * and pct_change look at is taken from an older pane, and nothing else. True: it knows all of them. */
bool rs_pane_take_previous(const struct rs_pane_layout *layout, void *previous, const void *older);

size_t rs_stat_field_count(enum rs_stat_kind kind);
/* What is against a statistic of these inputs, which are there: a sentence for people; NULL: nothing. */
const char *rs_stat_fault(const struct rs_stat_spec *spec, const struct rs_num_type *inputs);
/* Fields a layout renders, in order: names for rs_aggregate_meta. */
size_t rs_pane_field_count(const struct rs_pane_layout *layout);
const char *rs_pane_field_name(const struct rs_pane_layout *layout, size_t field);

/* Renders every field that has a value through `emit`, in order. A double beyond the largest is no value.
 * vwap over inputs of different types is exact too: the products are as wide as the wider of both. sums, min,
 * max, first, last, range, change of decimals are exact decimals; everything derived is the correctly rounded
 * double (round half even) in its shortest text. `window_us`: for rate. `previous`: NULL or the pane that
 * change refers to. `scratch` is one per thread. */
struct rs_pane_scratch; /* big integers reused between calls */
struct rs_pane_scratch *rs_pane_scratch_new(void);
void rs_pane_scratch_free(struct rs_pane_scratch **scratch);
void rs_pane_render(const struct rs_pane_layout *layout, const void *pane, const void *previous,
                    int64_t window_us, struct rs_pane_scratch *scratch,
                    void (*emit)(void *ctx, size_t field, const char *text, size_t size), void *ctx);

/* Earlier periods that fields refer to, in upsert streams: each is a pane of its own, in the order of this list.
 * Fewer than RS_PANE_REFERENCES_MAX. */
#define RS_PANE_REFERENCES_MAX 65
struct rs_pane_reference {
    int64_t before; /* > 0: how many present ones before the newest; else enum rs_span */
};
size_t rs_pane_references(const struct rs_pane_layout *layout, const struct rs_pane_reference **out);
/* As rs_pane_render; a reference is NULL where there is no such period, and all may be. */
struct rs_pane_earlier {
    const void *previous;
    const void *const *references;
};
void rs_pane_render_with(const struct rs_pane_layout *layout, const void *pane,
                         const struct rs_pane_earlier *earlier, int64_t window_us,
                         struct rs_pane_scratch *scratch,
                         void (*emit)(void *ctx, size_t field, const char *text, size_t size), void *ctx);

/* Byte form for the state log: self-contained, canonical (equal panes give equal bytes), versioned by the
 * caller. */
void rs_pane_save(const struct rs_pane_layout *layout, const void *pane, struct rs_buf *out);
/* `pane` initialised. *used: bytes taken.
 * Errors: RS_ESTATE; the pane is then empty. */
RS_MUST_USE int rs_pane_load(const struct rs_pane_layout *layout, void *pane, struct rs_slice bytes,
                             size_t *used, struct rs_error *error);

#endif
