#include "transform/pane/internal.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/record.h"
#include "transform/pane/part_kinds.h"
#include "transform/pane/span.h"

/* What a statistic needs of its input x. */
enum need {
    NEED_SUM = RS_PANE_SUM,
    NEED_SQUARES = RS_PANE_SQUARES,
    NEED_MIN = RS_PANE_MIN,
    NEED_MAX = RS_PANE_MAX,
    NEED_FIRST = RS_PANE_FIRST,
    NEED_LAST = RS_PANE_LAST,
    NEED_VALUES = (1u << 6) - 1, /* all of the above */
    NEED_COUNT = 1u << 6,
    NEED_X = 1u << 7, /* an input at all; else it is optional */
    NEED_PAIR = 1u << 8,
    NEED_CUBES = 1u << 9,
    NEED_FOURTHS = 1u << 10,
    NEED_JOINT = 1u << 11,
    NEED_JOINT_X = 1u << 12, /* squares of the first of both */
    NEED_JOINT_W = 1u << 13, /* and of the second */
    NEED_PART = 1u << 14,    /* nothing but a part */
};

#define SKEWNESS (NEED_X | NEED_COUNT | NEED_SUM | NEED_SQUARES | NEED_CUBES)
#define KURTOSIS (SKEWNESS | NEED_FOURTHS)
#define JOINT    (NEED_X | NEED_JOINT)

static const struct {
    const char *name;
    unsigned needs;
} stats[] = {
    [RS_STAT_COUNT] = {"count", NEED_COUNT},
    [RS_STAT_SUM] = {"sum", NEED_X | NEED_SUM},
    [RS_STAT_MEAN] = {"mean", NEED_X | NEED_COUNT | NEED_SUM},
    [RS_STAT_MIN] = {"min", NEED_X | NEED_COUNT | NEED_MIN},
    [RS_STAT_MAX] = {"max", NEED_X | NEED_COUNT | NEED_MAX},
    [RS_STAT_RANGE] = {"range", NEED_X | NEED_COUNT | NEED_MIN | NEED_MAX},
    [RS_STAT_FIRST] = {"first", NEED_X | NEED_COUNT | NEED_FIRST},
    [RS_STAT_LAST] = {"last", NEED_X | NEED_COUNT | NEED_LAST},
    [RS_STAT_OHLC] = {"ohlc", NEED_X | NEED_COUNT | NEED_FIRST | NEED_MAX | NEED_MIN | NEED_LAST},
    [RS_STAT_VWAP] = {"vwap", NEED_X | NEED_PAIR},
    [RS_STAT_VARIANCE] = {"variance", NEED_X | NEED_COUNT | NEED_SUM | NEED_SQUARES},
    [RS_STAT_VARIANCE_POP] = {"variance_pop", NEED_X | NEED_COUNT | NEED_SUM | NEED_SQUARES},
    [RS_STAT_STDDEV] = {"stddev", NEED_X | NEED_COUNT | NEED_SUM | NEED_SQUARES},
    [RS_STAT_STDDEV_POP] = {"stddev_pop", NEED_X | NEED_COUNT | NEED_SUM | NEED_SQUARES},
    [RS_STAT_SKEWNESS] = {"skewness", SKEWNESS},
    [RS_STAT_SKEWNESS_POP] = {"skewness_pop", SKEWNESS},
    [RS_STAT_KURTOSIS] = {"kurtosis", KURTOSIS},
    [RS_STAT_KURTOSIS_POP] = {"kurtosis_pop", KURTOSIS},
    [RS_STAT_COVARIANCE] = {"covariance", JOINT},
    [RS_STAT_COVARIANCE_POP] = {"covariance_pop", JOINT},
    [RS_STAT_CORRELATION] = {"correlation", JOINT | NEED_JOINT_X | NEED_JOINT_W},
    [RS_STAT_SLOPE] = {"slope", JOINT | NEED_JOINT_W},
    [RS_STAT_INTERCEPT] = {"intercept", JOINT | NEED_JOINT_W},
    [RS_STAT_R2] = {"r2", JOINT | NEED_JOINT_X | NEED_JOINT_W},
    [RS_STAT_RATE] = {"rate", NEED_SUM},
    [RS_STAT_CHANGE] = {"change", NEED_X | NEED_COUNT | NEED_LAST},
    [RS_STAT_PCT_CHANGE] = {"pct_change", NEED_X | NEED_COUNT | NEED_LAST},
    [RS_STAT_LAG_PERIOD] = {"lag", NEED_X | NEED_COUNT | NEED_LAST},
    [RS_STAT_YOY] = {"yoy", NEED_X | NEED_COUNT | NEED_LAST},
    [RS_STAT_DERIVED] = {"arithmetic", 0},
    [RS_STAT_EWMA] = {"ewma", NEED_X | NEED_PART},
    [RS_STAT_LAG] = {"lag", NEED_X | NEED_PART},
    [RS_STAT_TWA] = {"twa", NEED_X | NEED_PART},
    [RS_STAT_DRAWDOWN] = {"drawdown", NEED_X | NEED_PART},
    [RS_STAT_PCT_DRAWDOWN] = {"pct_drawdown", NEED_X | NEED_PART},
    [RS_STAT_REALIZED_VARIANCE] = {"realized_variance", NEED_X | NEED_PART},
    [RS_STAT_PROFILE] = {"profile", NEED_X | NEED_PART},
    [RS_STAT_QUANTILE] = {"quantile", NEED_X | NEED_PART},
    [RS_STAT_DISTINCT] = {"distinct", NEED_X | NEED_PART},
    [RS_STAT_MEDIAN] = {"median", NEED_X | NEED_PART},
};

#define FIELDS_PER_STAT 4 /* at most: those of ohlc */

struct builder {
    const struct rs_stat_spec *stats;
    size_t stat_count;
    const struct rs_num_type *types;
    size_t type_count;
    unsigned *needs;            /* by number of the input in the event */
    int *slots;                 /* its number in layout->inputs, or -1 */
    unsigned (*joint_needs)[2]; /* by number of the joint: of its two inputs */
    size_t size;
    bool wide;
};

static uint32_t take(struct builder *b, size_t bytes)
{
    size_t at = b->size;

    b->size += bytes;
    return (uint32_t)at;
}

static uint32_t take_integer(struct rs_pane_layout *layout, struct builder *b, size_t limbs)
{
    uint32_t at = take(b, limbs * sizeof(uint64_t));

    layout->integers[layout->integer_count++] = (struct rs_pane_integer){at, (uint32_t)limbs};
    return at;
}

static uint32_t take_super(struct rs_pane_layout *layout, struct builder *b, const struct rs_super_kind *kind)
{
    uint32_t at = take(b, rs_super_size(kind));

    layout->supers[layout->super_count++] = (struct rs_pane_super){at, kind};
    return at;
}

static uint32_t take_sum(struct rs_pane_layout *layout, struct builder *b, enum rs_num_kind kind)
{
    layout->narrow |= kind == RS_NUM_INT64 && !b->wide;
    return kind == RS_NUM_DOUBLE ? take_super(layout, b, &rs_super_sum)
                                 : take_integer(layout, b, rs_pane_sum_limbs(layout, kind));
}

static uint32_t take_cubes(struct rs_pane_layout *layout, struct builder *b, enum rs_num_kind kind)
{
    layout->narrow |= kind == RS_NUM_INT64 && !b->wide;
    return kind == RS_NUM_DOUBLE ? take_super(layout, b, &rs_super_cube)
                                 : take_integer(layout, b, rs_pane_cube_limbs(layout, kind));
}

static uint32_t take_fourths(struct rs_pane_layout *layout, struct builder *b, enum rs_num_kind kind)
{
    layout->narrow |= kind == RS_NUM_INT64 && !b->wide;
    return kind == RS_NUM_DOUBLE ? take_super(layout, b, &rs_super_fourth)
                                 : take_integer(layout, b, rs_pane_fourth_limbs(layout, kind));
}

static uint32_t take_products(struct rs_pane_layout *layout, struct builder *b, enum rs_num_kind kind)
{
    layout->narrow |= kind == RS_NUM_INT64 && !b->wide;
    return kind == RS_NUM_DOUBLE ? take_super(layout, b, &rs_super_product)
                                 : take_integer(layout, b, rs_pane_product_limbs(layout, kind));
}

/* ---- what is asked for ---- */

static int check_input(const struct builder *b, const struct rs_stat_spec *spec, int input,
                       struct rs_error *error)
{
    if (input < 0 || (size_t)input >= b->type_count) {
        return rs_fail(error, RS_ECONFIG, "%s: %s needs %s", spec->name, stats[spec->kind].name,
                       spec->kind == RS_STAT_VWAP                    ? "a price and a weight"
                       : (stats[spec->kind].needs & NEED_JOINT) != 0 ? "two numeric fields"
                                                                     : "a numeric field");
    }
    if (b->types[input].scale < 0 || b->types[input].scale > RS_SCALE_MAX) {
        return rs_fail(error, RS_ECONFIG, "%s: the scale of its input is not within 0..%d", spec->name,
                       RS_SCALE_MAX);
    }
    return 0;
}

const char *rs_stat_fault(const struct rs_stat_spec *spec, const struct rs_num_type *inputs)
{
    const struct rs_part_kind *part = rs_part_kind_of(spec->kind);

    return part && part->fault
               ? part->fault(&inputs[spec->x], part->has_w ? &inputs[spec->w] : NULL, spec->params)
               : NULL;
}

/* A double may be NaN, which is passed by, so that its events have a count of their own. */
static bool counts_events(const struct rs_num_type *type)
{
    return type->required && type->kind != RS_NUM_DOUBLE;
}

/* A joint has its numbers in the event in ascending order. Returns its number, which several statistics may
 * share; what they need of both inputs is put together. */
static size_t gather_joint(struct rs_pane_layout *layout, struct builder *b, const struct rs_stat_spec *spec)
{
    bool swapped = spec->x > spec->w;
    uint32_t low = (uint32_t)(swapped ? spec->w : spec->x);
    uint32_t high = (uint32_t)(swapped ? spec->x : spec->w);
    unsigned needs = stats[spec->kind].needs;
    size_t i = 0;

    while (i < layout->joint_count &&
           (layout->joints[i].input[0] != low || layout->joints[i].input[1] != high)) {
        i++;
    }
    if (i == layout->joint_count) {
        layout->joints[layout->joint_count++] = (struct rs_pane_joint){
            .input = {low, high},
            .shares_sums = counts_events(&b->types[low]) && counts_events(&b->types[high])};
    }
    b->joint_needs[i][swapped] |= NEED_SUM | ((needs & NEED_JOINT_X) != 0 ? NEED_SQUARES : 0);
    b->joint_needs[i][!swapped] |= NEED_SUM | ((needs & NEED_JOINT_W) != 0 ? NEED_SQUARES : 0);
    return i;
}

static void gather_joint_needs(struct rs_pane_layout *layout, struct builder *b)
{
    for (size_t i = 0; i < b->stat_count; i++) {
        if ((stats[b->stats[i].kind].needs & NEED_JOINT) != 0) {
            (void)gather_joint(layout, b, &b->stats[i]);
        }
    }
    for (size_t i = 0; i < layout->joint_count; i++) {
        for (size_t k = 0; k < 2; k++) {
            b->needs[layout->joints[i].input[k]] |=
                NEED_X | (layout->joints[i].shares_sums ? b->joint_needs[i][k] : 0);
        }
    }
}

/* Where the price is in every event, the weights of a vwap are all the weights there are: then the sum of
 * the weight's input serves as well, and there has to be one. */
static int gather_needs(struct rs_pane_layout *layout, struct builder *b, struct rs_error *error)
{
    for (size_t i = 0; i < b->stat_count; i++) {
        const struct rs_stat_spec *spec = &b->stats[i];
        unsigned needs = stats[spec->kind].needs;
        if (spec->x < 0 && (needs & NEED_X) == 0) {
            continue;
        }
        int rc = check_input(b, spec, spec->x, error);
        const struct rs_part_kind *part = rs_part_kind_of(spec->kind);
        if (rc == 0 && ((needs & (NEED_PAIR | NEED_JOINT)) != 0 || (part && part->has_w))) {
            rc = check_input(b, spec, spec->w, error);
        }
        if (rc != 0) {
            return rc;
        }
        const char *fault = rs_stat_fault(spec, b->types);
        if (fault) {
            return rs_fail(error, RS_ECONFIG, "%s: %s", spec->name, fault);
        }
        if (part) {
            continue;
        }
        b->needs[spec->x] |= needs;
        if ((needs & NEED_PAIR) != 0) {
            b->needs[spec->w] |= NEED_X | (counts_events(&b->types[spec->x]) ? NEED_SUM : 0);
        }
    }
    gather_joint_needs(layout, b);
    return 0;
}

/* ---- slots ---- */

/* In the order in which add_shape walks over them. */
static void place_values(struct builder *b, struct rs_pane_input *in, unsigned needs)
{
    if ((needs & NEED_MIN) != 0) {
        in->min = take(b, rs_pane_value_size(in->kind));
    }
    if ((needs & NEED_MAX) != 0) {
        in->max = take(b, rs_pane_value_size(in->kind));
    }
    if ((needs & NEED_FIRST) != 0) {
        in->first = take(b, rs_pane_value_size(in->kind));
    }
    if ((needs & NEED_LAST) != 0) {
        in->last = take(b, rs_pane_value_size(in->kind));
    }
}

static void place_keys(struct rs_pane_layout *layout, struct builder *b, struct rs_pane_input *in)
{
    if (in->first != 0) {
        if (in->counts_events && layout->shared_first == 0) {
            layout->shared_first = take(b, sizeof(struct rs_pane_key));
        }
        in->first_key = in->counts_events ? layout->shared_first : take(b, sizeof(struct rs_pane_key));
    }
    if (in->last != 0) {
        in->last_key = in->counts_events ? (uint32_t)offsetof(struct rs_pane_head, newest)
                                         : take(b, sizeof(struct rs_pane_key));
    }
}

static void place_powers(struct rs_pane_layout *layout, struct builder *b, struct rs_pane_input *in,
                         unsigned needs)
{
    if ((needs & NEED_CUBES) != 0) {
        in->cubes = take_cubes(layout, b, in->kind);
        layout->joined = true;
    }
    if ((needs & NEED_FOURTHS) != 0) {
        in->fourths = take_fourths(layout, b, in->kind);
    }
}

/* From `values` on the slots of an input lie without gaps in the order of its shape, which add_shape
 * relies on: its count stands before them, its keys behind. */
static void place_inputs(struct rs_pane_layout *layout, struct builder *b)
{
    for (size_t i = 0; i < b->type_count; i++) {
        unsigned needs = b->needs[i];
        b->slots[i] = -1;
        if (needs == 0) {
            continue;
        }
        b->slots[i] = (int)layout->input_count;
        struct rs_pane_input *in = &layout->inputs[layout->input_count++];
        in->input = (uint32_t)i;
        in->kind = b->types[i].kind;
        in->scale = in->kind == RS_NUM_DOUBLE ? 0 : b->types[i].scale;
        in->counts_events = counts_events(&b->types[i]);
        if ((needs & NEED_COUNT) != 0 && !in->counts_events) {
            in->count = take_integer(layout, b, 1);
        }
        in->shape = needs & NEED_VALUES;
        in->values = (uint32_t)b->size;
        if ((needs & NEED_SUM) != 0) {
            in->sum = take_sum(layout, b, in->kind);
        }
        if ((needs & NEED_SQUARES) != 0) {
            in->squares = take_products(layout, b, in->kind);
        }
        place_values(b, in, needs);
        place_keys(layout, b, in);
        place_powers(layout, b, in, needs);
        layout->all_int64 &= in->kind == RS_NUM_INT64;
    }
    layout->single_count = layout->input_count;
}

static enum rs_num_kind wider(enum rs_num_kind a, enum rs_num_kind b)
{
    return a > b ? a : b; /* the enum's order is that of widening */
}

/* Returns the number of the pair, which several statistics may share. */
static int place_pair(struct rs_pane_layout *layout, struct builder *b, const struct rs_stat_spec *spec)
{
    uint32_t x = (uint32_t)b->slots[spec->x];
    uint32_t w = (uint32_t)b->slots[spec->w];

    for (size_t i = 0; i < layout->pair_count; i++) {
        if (layout->pairs[i].x == x && layout->pairs[i].w == w) {
            return (int)i;
        }
    }
    struct rs_pane_pair *pair = &layout->pairs[layout->pair_count++];
    pair->x = x;
    pair->w = w;
    pair->x_input = (uint32_t)spec->x;
    pair->w_input = (uint32_t)spec->w;
    pair->kind = wider(layout->inputs[x].kind, layout->inputs[w].kind);
    pair->products = take_products(layout, b, pair->kind);
    pair->shares_weights = layout->inputs[x].counts_events;
    pair->weights =
        pair->shares_weights ? layout->inputs[w].sum : take_sum(layout, b, layout->inputs[w].kind);
    return (int)layout->pair_count - 1;
}

/* The inputs of a joint: the first has the count of both. */
static uint32_t place_joint_input(struct rs_pane_layout *layout, struct builder *b,
                                  const struct rs_pane_joint *joint, unsigned needs, size_t which)
{
    const struct rs_pane_input *like = &layout->inputs[b->slots[joint->input[which]]];
    struct rs_pane_input *in = &layout->inputs[layout->input_count];

    in->input = like->input;
    in->kind = like->kind;
    in->scale = like->scale;
    in->shape = needs & NEED_VALUES;
    in->count = which == 0 ? take_integer(layout, b, 1) : 0;
    in->values = (uint32_t)b->size;
    in->sum = take_sum(layout, b, in->kind);
    if ((needs & NEED_SQUARES) != 0) {
        in->squares = take_products(layout, b, in->kind);
    }
    return (uint32_t)layout->input_count++;
}

static void place_joints(struct rs_pane_layout *layout, struct builder *b)
{
    for (size_t i = 0; i < layout->joint_count; i++) {
        struct rs_pane_joint *joint = &layout->joints[i];
        for (size_t k = 0; k < 2; k++) {
            joint->sums[k] = joint->shares_sums
                                 ? (uint32_t)b->slots[joint->input[k]]
                                 : place_joint_input(layout, b, joint, b->joint_needs[i][k], k);
        }
        joint->kind = wider(layout->inputs[joint->sums[0]].kind, layout->inputs[joint->sums[1]].kind);
        joint->products = take_products(layout, b, joint->kind);
    }
    layout->joined |= layout->joint_count > 0;
    layout->joined_int64 = layout->joined && layout->all_int64;
    layout->all_int64 &= !layout->joined_int64;
}

static bool same_part(const struct rs_part *a, const struct rs_part *b)
{
    bool same = a->kind == b->kind && a->x_input == b->x_input && a->w_input == b->w_input;

    for (size_t i = 0; same && i < a->kind->own_params; i++) {
        const struct rs_stat_param *p = &a->params[i];
        const struct rs_stat_param *q = &b->params[i];
        same = p->given == q->given && p->value == q->value && p->scale == q->scale;
    }
    return same;
}

/* Returns the number of the part, which several statistics may share. */
static int place_part(struct rs_pane_layout *layout, struct builder *b, const struct rs_stat_spec *spec,
                      const struct rs_part_kind *kind)
{
    struct rs_part part = {.kind = kind,
                           .x_input = (uint32_t)spec->x,
                           .w_input = kind->has_w ? (uint32_t)spec->w : 0,
                           .x = b->types[spec->x],
                           .w = kind->has_w ? b->types[spec->w] : (struct rs_num_type){0},
                           .params = spec->params};

    for (size_t i = 0; i < layout->part_count; i++) {
        if (same_part(&layout->parts[i], &part)) {
            return (int)i;
        }
    }
    part.at = take(b, sizeof(uint64_t));
    layout->parts[layout->part_count] = part;
    return (int)layout->part_count++;
}

/* ---- fields ---- */

static bool add_field(struct rs_pane_layout *layout, const struct rs_stat_spec *spec, enum rs_stat_kind kind,
                      int input, int pair, const char *suffix)
{
    size_t size = strlen(spec->name) + strlen(suffix) + 1;
    char *name = malloc(size);

    if (!name) {
        return false;
    }
    memcpy(name, spec->name, strlen(spec->name));
    memcpy(name + strlen(spec->name), suffix, strlen(suffix) + 1);
    layout->fields[layout->field_count++] =
        (struct rs_pane_field){.kind = kind, .name = name, .input = input, .pair = pair, .joint = -1};
    return true;
}

static bool add_joint_field(struct rs_pane_layout *layout, struct builder *b, const struct rs_stat_spec *spec)
{
    if (!add_field(layout, spec, spec->kind, b->slots[spec->x], -1, "")) {
        return false;
    }
    struct rs_pane_field *field = &layout->fields[layout->field_count - 1];
    field->joint = (int)gather_joint(layout, b, spec);
    field->swapped = spec->x > spec->w;
    return true;
}

static bool add_part_fields(struct rs_pane_layout *layout, struct builder *b, const struct rs_stat_spec *spec,
                            const struct rs_part_kind *kind)
{
    static const char *const single[] = {"", NULL};
    const char *const *suffixes = kind->suffixes ? kind->suffixes : single;
    int number = place_part(layout, b, spec, kind);

    for (size_t i = 0; suffixes[i]; i++) {
        RS_ASSERT(i < FIELDS_PER_STAT);
        if (!add_field(layout, spec, spec->kind, -1, -1, suffixes[i])) {
            return false;
        }
        struct rs_pane_field *field = &layout->fields[layout->field_count - 1];
        field->of_part = true;
        field->part = number;
        field->ask = (struct rs_part_ask){.field = i, .params = spec->params};
    }
    return true;
}

bool rs_stat_is_change(enum rs_stat_kind kind)
{
    return kind == RS_STAT_CHANGE || kind == RS_STAT_PCT_CHANGE;
}

bool rs_stat_over_span(const struct rs_stat_spec *spec)
{
    return rs_stat_is_change(spec->kind) && spec->params && spec->params[0].given;
}

/* Statistics that refer to the same period share its pane. */
static int place_reference(struct rs_pane_layout *layout, const struct rs_stat_spec *spec)
{
    if (spec->kind != RS_STAT_LAG_PERIOD && spec->kind != RS_STAT_YOY && !rs_stat_over_span(spec)) {
        return -1;
    }
    int64_t before = spec->kind == RS_STAT_YOY ? RS_SPAN_YEAR : spec->params[0].value;
    for (size_t i = 0; i < layout->reference_count; i++) {
        if (layout->references[i].before == before) {
            return (int)i;
        }
    }
    RS_ASSERT(layout->reference_count < RS_PANE_REFERENCES_MAX);
    layout->references[layout->reference_count].before = before;
    return (int)layout->reference_count++;
}

static bool add_fields(struct rs_pane_layout *layout, struct builder *b, const struct rs_stat_spec *spec)
{
    const struct rs_part_kind *part = rs_part_kind_of(spec->kind);
    if (part) {
        return add_part_fields(layout, b, spec, part);
    }
    int input = spec->x < 0 ? -1 : b->slots[spec->x];
    int pair = spec->kind == RS_STAT_VWAP ? place_pair(layout, b, spec) : -1;

    layout->needs_previous |= rs_stat_is_change(spec->kind) && !rs_stat_over_span(spec);
    if ((stats[spec->kind].needs & NEED_JOINT) != 0) {
        return add_joint_field(layout, b, spec);
    }
    if (spec->kind != RS_STAT_OHLC) {
        bool added = add_field(layout, spec, spec->kind, input, pair, "");
        if (added) {
            layout->fields[layout->field_count - 1].reference = place_reference(layout, spec);
        }
        return added;
    }
    return add_field(layout, spec, RS_STAT_FIRST, input, -1, "_open") &&
           add_field(layout, spec, RS_STAT_MAX, input, -1, "_high") &&
           add_field(layout, spec, RS_STAT_MIN, input, -1, "_low") &&
           add_field(layout, spec, RS_STAT_LAST, input, -1, "_close");
}

/* ---- the empty pane ---- */

/* Neutral elements, so that adding and merging need not ask whether there is a value yet. */
static void put_limit(uint8_t *slot, enum rs_num_kind kind, bool largest)
{
    const rs_i128 max128 = (rs_i128)(~(rs_u128)0 >> 1);
    int64_t limit64 = largest ? INT64_MAX : INT64_MIN;
    double limit = largest ? (double)INFINITY : -(double)INFINITY;

    switch (kind) {
    case RS_NUM_INT64: memcpy(slot, &limit64, sizeof limit64); break;
    case RS_NUM_INT128: rs_store128(slot, largest ? max128 : -max128 - 1); break;
    case RS_NUM_DOUBLE: memcpy(slot, &limit, sizeof limit); break;
    }
}

static void put_key(uint8_t *slot, int64_t limit)
{
    struct rs_pane_key key = {limit, limit};

    memcpy(slot, &key, sizeof key);
}

/* The keys are neutral as well: any event comes before the first of an empty pane, and after its last. */
static void fill_empty_input(uint8_t *empty, const struct rs_pane_input *in)
{
    if (in->min != 0) {
        put_limit(empty + in->min, in->kind, true);
    }
    if (in->max != 0) {
        put_limit(empty + in->max, in->kind, false);
    }
    if (in->first != 0) {
        put_limit(empty + in->first, in->kind, true);
        put_key(empty + in->first_key, INT64_MAX);
    }
    if (in->last != 0) {
        put_limit(empty + in->last, in->kind, false);
        put_key(empty + in->last_key, INT64_MIN);
    }
}

static bool fill_empty(struct rs_pane_layout *layout)
{
    const int64_t none = RS_TIME_NONE;

    layout->empty = calloc(1, layout->size);
    if (!layout->empty) {
        return false;
    }
    memcpy(layout->empty + offsetof(struct rs_pane_head, newest), &none, sizeof none);
    for (size_t i = 0; i < layout->input_count; i++) {
        fill_empty_input(layout->empty, &layout->inputs[i]);
    }
    for (size_t i = 0; i < layout->super_count; i++) {
        rs_super_init(layout->supers[i].kind, rs_pane_at(layout->empty, layout->supers[i].at));
    }
    return true;
}

/* ---- building ---- */

static bool allocate(struct rs_pane_layout *layout, struct builder *b)
{
    size_t inputs = b->type_count + 2 * b->stat_count; /* a joint has two of its own */

    layout->inputs = calloc(inputs + 1, sizeof *layout->inputs);
    layout->pairs = calloc(b->stat_count + 1, sizeof *layout->pairs);
    layout->joints = calloc(b->stat_count + 1, sizeof *layout->joints);
    layout->fields = calloc(FIELDS_PER_STAT * b->stat_count + 1, sizeof *layout->fields);
    layout->parts = calloc(b->stat_count + 1, sizeof *layout->parts);
    /* Of an input: count, sum, squares, cubes, fourths; of a pair: products, weights. */
    layout->integers = calloc(5 * inputs + 2 * b->stat_count + 1, sizeof *layout->integers);
    layout->supers = calloc(4 * inputs + 2 * b->stat_count + 1, sizeof *layout->supers);
    b->needs = calloc(b->type_count + 1, sizeof *b->needs);
    b->slots = calloc(b->type_count + 1, sizeof *b->slots);
    b->joint_needs = calloc(b->stat_count + 1, sizeof *b->joint_needs);
    return layout->inputs && layout->pairs && layout->joints && layout->fields && layout->parts &&
           layout->integers && layout->supers && b->needs && b->slots && b->joint_needs;
}

/* Whether a required input's last value is kept, whose key is then `newest` with its order. */
static bool shares_last(const struct builder *b)
{
    for (size_t i = 0; i < b->type_count; i++) {
        if ((b->needs[i] & NEED_LAST) != 0 && counts_events(&b->types[i])) {
            return true;
        }
    }
    return false;
}

/* `events` is the first of the integers, so that it is added up like any sum; the rest of the head is not,
 * and is left out by setting the size anew. */
static int build(struct rs_pane_layout *layout, struct builder *b, struct rs_error *error)
{
    int rc = gather_needs(layout, b, error);

    if (rc != 0) {
        return rc;
    }
    layout->shared_last = shares_last(b);
    layout->all_int64 = true;
    take_integer(layout, b, 1);
    b->size = layout->shared_last ? sizeof(struct rs_pane_head) : offsetof(struct rs_pane_head, newest.order);
    place_inputs(layout, b);
    for (size_t i = 0; i < b->stat_count; i++) {
        if (!add_fields(layout, b, &b->stats[i])) {
            return rs_fail(error, RS_ENOMEM, "no memory for a pane's layout");
        }
    }
    place_joints(layout, b);
    layout->size = b->size;
    layout->plain_int64s = layout->all_int64 && layout->part_count == 0;
    return fill_empty(layout) ? 0 : rs_fail(error, RS_ENOMEM, "no memory for a pane's layout");
}

static void free_layout(struct rs_pane_layout *l)
{
    if (!l) {
        return;
    }
    for (size_t i = 0; i < l->field_count; i++) {
        free(l->fields[i].name);
    }
    free(l->fields);
    free(l->integers);
    free(l->supers);
    free(l->pairs);
    free(l->joints);
    free(l->parts);
    free(l->inputs);
    free(l->empty);
    free(l);
}

static int new_layout(struct builder b, struct rs_pane_layout **out, struct rs_error *error)
{
    struct rs_pane_layout *layout = calloc(1, sizeof *layout);
    int rc = 0;

    if (!layout || !allocate(layout, &b)) {
        rc = rs_fail(error, RS_ENOMEM, "no memory for a pane's layout");
        goto out;
    }
    rc = build(layout, &b, error);
    if (rc == 0) {
        *out = layout;
        layout = NULL;
    }
out:
    free(b.needs);
    free(b.slots);
    free(b.joint_needs);
    free_layout(layout);
    return rc;
}

int rs_pane_layout_new(const struct rs_stat_spec *specs, size_t stat_count, const struct rs_num_type *inputs,
                       size_t input_count, struct rs_pane_layout **out, struct rs_error *error)
{
    struct builder b = {.stats = specs, .stat_count = stat_count, .types = inputs, .type_count = input_count};
    struct rs_pane_layout *layout = NULL;
    int rc = new_layout(b, &layout, error);

    if (rc == 0 && layout && layout->narrow) {
        b.wide = true;
        rc = new_layout(b, &layout->wide, error);
    }
    if (rc == 0) {
        *out = layout;
        layout = NULL;
    }
    rs_pane_layout_free(&layout);
    return rc;
}

void rs_pane_layout_free(struct rs_pane_layout **layout)
{
    if (*layout) {
        free_layout((*layout)->wide);
        free_layout(*layout);
    }
    *layout = NULL;
}

size_t rs_pane_size(const struct rs_pane_layout *layout)
{
    return layout->size;
}

bool rs_pane_needs_previous(const struct rs_pane_layout *layout)
{
    return layout->needs_previous;
}

size_t rs_stat_field_count(enum rs_stat_kind kind)
{
    const struct rs_part_kind *part = rs_part_kind_of(kind);
    size_t count = 0;

    if (!part || !part->suffixes) {
        return kind == RS_STAT_OHLC ? 4 : 1;
    }
    while (part->suffixes[count]) {
        count++;
    }
    return count;
}

bool rs_pane_has_parts(const struct rs_pane_layout *layout)
{
    return layout->part_count > 0;
}

size_t rs_pane_references(const struct rs_pane_layout *layout, const struct rs_pane_reference **out)
{
    *out = layout->references;
    return layout->reference_count;
}

size_t rs_pane_field_count(const struct rs_pane_layout *layout)
{
    return layout->field_count;
}

const char *rs_pane_field_name(const struct rs_pane_layout *layout, size_t field)
{
    RS_ASSERT(field < layout->field_count);
    return layout->fields[field].name;
}
