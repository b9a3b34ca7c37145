/* pane internal: what the parts of pane share: where each number of a pane lies.
 * A pane begins with struct rs_pane_head; all else is found by offset. Every slot is a multiple of 8 bytes
 * and is aligned to 8 only, so that 128-bit numbers are read and written through memcpy.
 *
 * A pane has one of two forms. All begin narrow: sums of int64 in one limb, those of their products in two,
 * which is enough for nearly all groups. Where one would wrap, the pane as a whole moves to the heap and into
 * the layout `wide`, whose sums cannot wrap (accumulator.h). What stays in its place is `events`, by which all
 * forms are told apart:
 *
 *     0 … 2^62 - 1      the number of events: the pane is narrow, or in the wide layout itself
 *     2^62 + events     lost: there was no memory for the wide form, sums of integers mean nothing; so
 *                       does a pane that one was merged into, also in the wide layout
 *     2^63 + address    the pane is there, in the layout `wide`
 *
 * A pane never becomes narrow again but by being emptied, copied or loaded; that shows nowhere, since values
 * are all that is rendered, saved and merged.
 * Thread: immutable. */
#ifndef RS_TRANSFORM_PANE_INTERNAL_H
#define RS_TRANSFORM_PANE_INTERNAL_H

#include <math.h>

#include "transform/number/accumulator.h"
#include "transform/number/powers.h"
#include "transform/pane/pane.h"
#include "transform/pane/part_internal.h"

/* Orders events; first and last keep the key of the event they hold. */
struct rs_pane_key {
    int64_t time_us;
    int64_t order;
};

/* `newest` is the time of the newest event. Where the layout shares it as the key of every required input's
 * last value (shared_last), its order follows; else the slots begin there. */
#define RS_PANE_WIDE       (UINT64_C(1) << 63)
#define RS_PANE_LOST       (UINT64_C(1) << 62)
#define RS_PANE_EVENTS_MAX (RS_PANE_LOST - 1)

struct rs_pane_head {
    uint64_t events;
    struct rs_pane_key newest;
};

/* Offsets into the pane; 0 where there is no such slot (0 is `events`). */
struct rs_pane_input {
    uint32_t input; /* number in the event */
    enum rs_num_kind kind;
    int scale;
    bool counts_events; /* its value is in every event: `events` is its count, and it shares the keys */
    uint32_t count;     /* values added; 0 with counts_events */
    uint32_t sum;
    uint32_t squares;
    uint32_t min;
    uint32_t max;
    uint32_t first;
    uint32_t last;
    uint32_t first_key;
    uint32_t last_key;
    uint32_t values; /* sum, squares, min, max, first, last: those there are lie here one after the other */
    unsigned shape;  /* which there are: RS_PANE_... */
    uint32_t cubes;
    uint32_t fourths;
};
enum {
    RS_PANE_SUM = 1u << 0,
    RS_PANE_SQUARES = 1u << 1,
    RS_PANE_MIN = 1u << 2,
    RS_PANE_MAX = 1u << 3,
    RS_PANE_FIRST = 1u << 4,
    RS_PANE_LAST = 1u << 5,
};

/* vwap: over the events in which both are present. */
struct rs_pane_pair {
    uint32_t x; /* numbers in layout->inputs */
    uint32_t w;
    uint32_t x_input; /* numbers in the event */
    uint32_t w_input;
    enum rs_num_kind kind; /* of the products: the wider of both */
    uint32_t products;
    uint32_t weights; /* sum of w; where x is in every event, that of input w */
    bool shares_weights;
};

/* covariance to r2: over the events in which both are present. Where both are in every event, their sums are those
 * of the inputs themselves; else there are inputs for these events alone, behind the others in layout->inputs. Of
 * two that are statistics both of (x, y) and of (y, x) there is one, the input with the smaller number first. */
struct rs_pane_joint {
    uint32_t input[2];     /* numbers in the event */
    uint32_t sums[2];      /* numbers in layout->inputs */
    enum rs_num_kind kind; /* of the products: the wider of both */
    uint32_t products;
    bool shares_sums;
};

/* Counts and sums, in the order of their place: what merging adds and subtracting takes away. The narrow and
 * the wide layout list the same ones in the same order. */
struct rs_pane_integer {
    uint32_t at;
    uint32_t limbs;
};
struct rs_pane_super {
    uint32_t at;
    const struct rs_super_kind *kind;
};

struct rs_pane_field {
    enum rs_stat_kind kind; /* never OHLC: that is four fields */
    char *name;
    int input; /* numbers in layout->inputs, layout->pairs and layout->joints; -1: none */
    int pair;
    int reference; /* number among the layout's; -1: none */
    bool operand;  /* of a derived one */
    bool exact;    /* a derived one that is a decimal */
    int joint;
    bool swapped; /* the joint's first is the statistic's second */
    bool of_part;
    int part; /* number in layout->parts */
    struct rs_part_ask ask;
};

struct rs_pane_layout {
    size_t size;
    struct rs_pane_layout *wide; /* where sums of int64 are narrow; else NULL */
    bool narrow;                 /* there are such sums */
    uint8_t *empty;              /* an empty pane, to copy from */
    struct rs_pane_input *inputs;
    size_t input_count;
    size_t single_count; /* those before the inputs of joints */
    struct rs_pane_pair *pairs;
    size_t pair_count;
    struct rs_pane_joint *joints;
    size_t joint_count;
    struct rs_pane_integer *integers; /* `events` is the first */
    size_t integer_count;
    struct rs_pane_super *supers;
    size_t super_count;
    struct rs_part *parts;
    size_t part_count;
    struct rs_pane_field *fields;
    size_t field_count;
    struct rs_pane_reference references[RS_PANE_REFERENCES_MAX];
    size_t reference_count;
    const struct rs_derived *derived; /* borrowed; as rs_pane_layout_derive has it */
    size_t derived_count;
    uint32_t shared_first; /* key of all first values of inputs that count events; 0: none */
    bool shared_last;
    bool needs_previous;
    bool all_int64;    /* every input is, and there is nothing but what add_int64s adds */
    bool joined;       /* there are joints or powers: see joint.h */
    bool joined_int64; /* and every input is an int64 */
    bool plain_int64s; /* all_int64, and there are no parts */
};

/* NaN and infinities are passed by like what is not there. */
static inline bool rs_num_finite(enum rs_num_kind kind, const struct rs_num *num)
{
    return kind != RS_NUM_DOUBLE || isfinite(num->d);
}
static inline bool rs_num_counts(enum rs_num_kind kind, const struct rs_num *num)
{
    return num->present && rs_num_finite(kind, num);
}

/* An integer in the wider of both forms. */
static inline rs_i128 rs_num_widened(enum rs_num_kind kind, const struct rs_num *num)
{
    return kind == RS_NUM_INT64 ? num->i : num->w;
}

/* Adds a product of which at least one is a double; returns whether the sum has just moved to the heap. */
static inline bool rs_num_add_product(uint64_t *sum, enum rs_num_kind x_kind, const struct rs_num *x,
                                      enum rs_num_kind w_kind, const struct rs_num *w)
{
    if (x_kind != RS_NUM_DOUBLE) {
        return rs_super_add_scaled(&rs_super_product, sum, rs_num_widened(x_kind, x), w->d);
    }
    if (w_kind != RS_NUM_DOUBLE) {
        return rs_super_add_scaled(&rs_super_product, sum, rs_num_widened(w_kind, w), x->d);
    }
    return rs_super_add_product(&rs_super_product, sum, x->d, w->d);
}

/* Bytes of a min, max, first or last. */
static inline size_t rs_pane_value_size(enum rs_num_kind kind)
{
    return kind == RS_NUM_INT128 ? sizeof(rs_i128) : sizeof(int64_t);
}

/* Limbs of integer sums, by kind. */
static inline size_t rs_pane_sum_limbs(const struct rs_pane_layout *layout, enum rs_num_kind kind)
{
    if (kind != RS_NUM_INT64) {
        return RS_SUM128_LIMBS;
    }
    return layout->narrow ? RS_NARROW_SUM_LIMBS : RS_SUM64_LIMBS;
}
static inline size_t rs_pane_product_limbs(const struct rs_pane_layout *layout, enum rs_num_kind kind)
{
    if (kind != RS_NUM_INT64) {
        return RS_PRODUCT128_LIMBS;
    }
    return layout->narrow ? RS_NARROW_PRODUCT_LIMBS : RS_PRODUCT64_LIMBS;
}

static inline size_t rs_pane_cube_limbs(const struct rs_pane_layout *layout, enum rs_num_kind kind)
{
    if (kind != RS_NUM_INT64) {
        return RS_CUBE128_LIMBS;
    }
    return layout->narrow ? RS_NARROW_CUBE_LIMBS : RS_CUBE64_LIMBS;
}
static inline size_t rs_pane_fourth_limbs(const struct rs_pane_layout *layout, enum rs_num_kind kind)
{
    if (kind != RS_NUM_INT64) {
        return RS_FOURTH128_LIMBS;
    }
    return layout->narrow ? RS_NARROW_FOURTH_LIMBS : RS_FOURTH64_LIMBS;
}

static inline void *rs_pane_at(void *pane, uint32_t offset)
{
    return (uint8_t *)pane + offset;
}
static inline const void *rs_pane_at_const(const void *pane, uint32_t offset)
{
    return (const uint8_t *)pane + offset;
}

static inline uint64_t rs_pane_slot(const void *pane, const struct rs_part *part)
{
    return *(const uint64_t *)rs_pane_at_const(pane, part->at);
}

static inline uint64_t rs_pane_count(const void *pane, const struct rs_pane_input *in)
{
    return *(const uint64_t *)rs_pane_at_const(pane, in->count) & RS_PANE_EVENTS_MAX; /* it may be `events` */
}

static inline rs_i128 rs_load128(const void *slot)
{
    rs_i128 value = 0;
    memcpy(&value, slot, sizeof value);
    return value;
}
static inline void rs_store128(void *slot, rs_i128 value)
{
    memcpy(slot, &value, sizeof value);
}

#endif
