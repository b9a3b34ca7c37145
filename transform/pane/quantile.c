#include "transform/pane/quantile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "transform/pane/short_number.h"

#define SUB_BITS   6  /* 64 bins between two powers of two */
#define FIRST_ROOM 4  /* values */
#define FIRST_BINS 64 /* of no fewer bytes than the values that become bins */

/* A bin is a word: its number above, how many values it holds below. 0 is a place that is free. */
#define COUNT_BITS 45
#define COUNT_MAX  ((UINT64_C(1) << COUNT_BITS) - 1)
#define BIN_ZERO   (1u << 18) /* of the value 0; those of negative values are below */
#define BIN_LIMIT  (1u << 19)

/* Values are held as whole numbers in the order of the values: decimals as they are, doubles by their bits. */
struct quantile {
    rs_i128 min;
    rs_i128 max;
    uint64_t count;
    uint32_t room; /* values, or words of bins: a power of two then */
    uint32_t bins; /* that are in use; 0: the values are kept as they are */
    uint64_t words[];
};

/* ---- numbers ---- */

#define DOUBLE_SIGN (UINT64_C(1) << 63)

/* The bits of a negative double are turned round, all but the sign. There is no -0, so -1 is none. */
static int64_t turn(int64_t bits)
{
    return bits < 0 ? bits ^ INT64_MAX : bits;
}

static rs_i128 ordered(enum rs_num_kind kind, const struct rs_num *num)
{
    int64_t bits = 0;

    switch (kind) {
    case RS_NUM_INT64: return num->i;
    case RS_NUM_INT128: return num->w;
    case RS_NUM_DOUBLE: memcpy(&bits, &num->d, sizeof bits); return turn(bits);
    }
    return 0;
}

static double as_double(rs_i128 value)
{
    int64_t bits = turn((int64_t)value);
    double d = 0;

    memcpy(&d, &bits, sizeof d);
    return d;
}

/* Of a whole number: where its topmost bit is, and the six behind it. */
static uint32_t bin_of_whole(rs_u128 size)
{
    uint64_t high = (uint64_t)(size >> 64);
    int top = high != 0 ? 127 - __builtin_clzll(high) : 63 - __builtin_clzll((uint64_t)size);
    uint64_t seven =
        top >= SUB_BITS ? (uint64_t)(size >> (top - SUB_BITS)) : (uint64_t)size << (SUB_BITS - top);

    return 1 + ((uint32_t)top << SUB_BITS) + (uint32_t)(seven & ((1u << SUB_BITS) - 1));
}

/* The same from the bits of a double without its sign: of one with exponent e, as it stands in them, the topmost
 * bit is that of 2^(e - 1) * 2^52 smallest units. */
static uint32_t bin_of_bits(uint64_t bits)
{
    return bits >> 52 == 0 ? bin_of_whole(bits) : 1 + (uint32_t)(bits >> (52 - SUB_BITS)) + (51u << SUB_BITS);
}

static uint32_t bin_of(enum rs_num_kind kind, rs_i128 value)
{
    uint32_t bin = 0;

    if (value == 0) {
        return BIN_ZERO;
    }
    if (kind == RS_NUM_DOUBLE) {
        bin = bin_of_bits((uint64_t)turn((int64_t)value) & ~DOUBLE_SIGN);
    } else {
        bin = bin_of_whole(value < 0 ? -(rs_u128)value : (rs_u128)value);
    }
    return value < 0 ? BIN_ZERO - bin : BIN_ZERO + bin;
}

/* The middle of a bin of whole numbers from 2^top on. */
static rs_u128 middle_whole(uint32_t top, uint32_t sub)
{
    rs_u128 seven = (1u << SUB_BITS) + sub;

    if (top <= SUB_BITS) {
        return seven >> (SUB_BITS - top);
    }
    return (seven << (top - SUB_BITS)) + ((((rs_u128)1 << (top - SUB_BITS)) - 1) >> 1);
}

/* The bin of INT128_MIN, the last one, has it alone. */
static rs_i128 middle(enum rs_num_kind kind, uint32_t number)
{
    uint32_t bin = number < BIN_ZERO ? BIN_ZERO - number : number - BIN_ZERO;
    const rs_u128 limit = (rs_u128)1 << 127;

    if (bin == 0) {
        return 0;
    }
    uint32_t top = (bin - 1) >> SUB_BITS;
    uint32_t sub = (bin - 1) & ((1u << SUB_BITS) - 1);
    rs_u128 size = 0;
    if (kind == RS_NUM_DOUBLE && top >= 52) {
        size = (uint64_t)(top - 51) << 52 | (uint64_t)sub << (52 - SUB_BITS) | UINT64_C(1) << (51 - SUB_BITS);
    } else {
        size = middle_whole(top, sub);
    }
    if (kind == RS_NUM_DOUBLE) {
        return number < BIN_ZERO ? turn((int64_t)((uint64_t)size | DOUBLE_SIGN)) : (int64_t)size;
    }
    size = size > limit ? limit : size;
    return number < BIN_ZERO ? (rs_i128)(0 - size) : (rs_i128)size;
}

/* ---- memory ---- */

static size_t words_of(const struct rs_part *part, uint32_t room, bool exact)
{
    return exact && part->x.kind == RS_NUM_INT128 ? 2 * (size_t)room : room;
}

static size_t bytes_of(const struct rs_part *part, uint32_t room, bool exact)
{
    return sizeof(struct quantile) + words_of(part, room, exact) * sizeof(uint64_t);
}

static size_t quantile_heap_bytes(const struct rs_part *part, const void *state)
{
    const struct quantile *q = state;

    return bytes_of(part, q->room, q->bins == 0);
}

static struct quantile *quantile_new(const struct rs_part *part, uint32_t room, bool exact)
{
    struct quantile *q = calloc(1, bytes_of(part, room, exact));

    if (q) {
        q->room = room;
        q->min = (rs_i128)(~(rs_u128)0 >> 1);
        q->max = -q->min - 1;
    }
    return q;
}

/* ---- values as they are ---- */

static rs_i128 value_at(const struct rs_part *part, const struct quantile *q, size_t i)
{
    rs_i128 value = 0;

    if (part->x.kind != RS_NUM_INT128) {
        return (int64_t)q->words[i];
    }
    memcpy(&value, &q->words[2 * i], sizeof value);
    return value;
}

static void put_value(const struct rs_part *part, struct quantile *q, rs_i128 value)
{
    if (part->x.kind != RS_NUM_INT128) {
        q->words[q->count] = (uint64_t)value;
    } else {
        memcpy(&q->words[2 * q->count], &value, sizeof value);
    }
    q->count++;
}

/* False: no memory. */
static bool keep_value(const struct rs_part *part, struct quantile **slot, rs_i128 value, size_t *grown)
{
    struct quantile *q = *slot;

    if (q->count == q->room) {
        struct quantile *wider = quantile_new(part, 2 * q->room, true);
        if (!wider) {
            return false;
        }
        *grown += bytes_of(part, wider->room, true) - bytes_of(part, q->room, true);
        memcpy(wider->words, q->words, words_of(part, q->room, true) * sizeof(uint64_t));
        wider->count = q->count;
        free(q);
        *slot = q = wider;
    }
    put_value(part, q, value);
    return true;
}

/* ---- bins ---- */

/* The bins of near values are neighbours, which a product with a large odd number spreads. */
static uint32_t place_of(uint32_t bin, uint32_t room)
{
    return (uint32_t)((bin * UINT64_C(0x9e3779b97f4a7c15)) >> 40) & (room - 1);
}

static inline uint32_t bin_at(uint64_t word)
{
    return (uint32_t)(word >> COUNT_BITS);
}

/* There is a free place. False: the bin is full. */
static inline bool count_in(struct quantile *q, uint32_t bin, uint64_t values)
{
    uint32_t place = place_of(bin, q->room);

    while (q->words[place] != 0 && bin_at(q->words[place]) != bin) {
        place = (place + 1) & (q->room - 1);
    }
    if (values > COUNT_MAX - (q->words[place] & COUNT_MAX)) {
        return false;
    }
    if (q->words[place] == 0) {
        q->bins++;
        q->words[place] = (uint64_t)bin << COUNT_BITS;
    }
    q->words[place] += values;
    return true;
}

/* Three quarters of the places are in use at most. */
static bool widen(const struct rs_part *part, struct quantile **slot, size_t *grown)
{
    struct quantile *q = *slot;
    struct quantile *wider = quantile_new(part, 2 * q->room, false);

    if (!wider) {
        return false;
    }
    *grown += (size_t)q->room * sizeof(uint64_t);
    wider->min = q->min;
    wider->max = q->max;
    wider->count = q->count;
    for (uint32_t i = 0; i < q->room; i++) {
        if (q->words[i] != 0) {
            (void)count_in(wider, bin_at(q->words[i]), q->words[i] & COUNT_MAX); /* no more than it was */
        }
    }
    free(q);
    *slot = wider;
    return true;
}

static inline bool add_to_bin(const struct rs_part *part, struct quantile **slot, uint32_t bin,
                              uint64_t values, size_t *grown)
{
    struct quantile *q = *slot;

    if (q->bins >= q->room / 4 * 3 && !widen(part, slot, grown)) {
        return false;
    }
    return count_in(*slot, bin, values);
}

static inline bool bin_value(const struct rs_part *part, struct quantile **slot, rs_i128 value, size_t *grown)
{
    struct quantile *q = *slot;

    q->min = value < q->min ? value : q->min;
    q->max = value > q->max ? value : q->max;
    q->count++;
    return add_to_bin(part, slot, bin_of(part->x.kind, value), 1, grown);
}

/* From values as they are to bins. */
static bool make_bins(const struct rs_part *part, struct quantile **slot, size_t *grown)
{
    struct quantile *q = *slot;
    struct quantile *bins = quantile_new(part, FIRST_BINS, false);
    size_t before = bytes_of(part, q->room, true);
    size_t all = 0;
    bool made = bins != NULL;

    for (size_t i = 0; made && i < q->count; i++) {
        made = bin_value(part, &bins, value_at(part, q, i), &all);
    }
    if (!made) {
        free(bins);
        return false;
    }
    *grown += quantile_heap_bytes(part, bins) - before;
    free(q);
    *slot = bins;
    return true;
}

static bool quantile_add(const struct rs_part *part, void **state, const struct rs_part_event *event,
                         size_t *grown)
{
    struct quantile *q = *state;
    rs_i128 value = ordered(part->x.kind, &event->x);
    bool added = true;

    if (!q) {
        q = quantile_new(part, FIRST_ROOM, true);
        *grown += q ? bytes_of(part, FIRST_ROOM, true) : 0;
    }
    if (!q) {
        return false;
    }
    if (q->bins == 0 && q->count < RS_QUANTILE_EXACT) {
        added = keep_value(part, &q, value, grown);
    } else {
        added = (q->bins != 0 || make_bins(part, &q, grown)) && bin_value(part, &q, value, grown);
    }
    *state = q;
    return added;
}

/* ---- merging ---- */

static bool merge_values(const struct rs_part *part, struct quantile **slot, const struct quantile *from,
                         bool exact)
{
    bool added = true;
    size_t grown = 0;

    for (size_t i = 0; added && i < from->count; i++) {
        rs_i128 value = value_at(part, from, i);
        added = exact ? keep_value(part, slot, value, &grown) : bin_value(part, slot, value, &grown);
    }
    return added;
}

static bool merge_bins(const struct rs_part *part, struct quantile **slot, const struct quantile *from)
{
    struct quantile *q = *slot;
    bool added = true;
    size_t grown = 0;

    q->min = from->min < q->min ? from->min : q->min;
    q->max = from->max > q->max ? from->max : q->max;
    q->count += from->count;
    for (uint32_t i = 0; added && i < from->room; i++) {
        uint64_t word = from->words[i];
        added = word == 0 || add_to_bin(part, slot, bin_at(word), word & COUNT_MAX, &grown);
    }
    return added;
}

static bool quantile_merge(const struct rs_part *part, void **into, const void *from)
{
    struct quantile *q = *into;
    const struct quantile *other = from;
    bool exact = q->bins == 0 && other->bins == 0 && q->count + other->count <= RS_QUANTILE_EXACT;
    size_t grown = 0;
    bool merged = exact || q->bins != 0 || make_bins(part, &q, &grown);

    if (merged) {
        merged = other->bins == 0 ? merge_values(part, &q, other, exact) : merge_bins(part, &q, other);
    }
    *into = q;
    return merged;
}

/* ---- bytes ----
 *
 *     values as they are   count, at most 32 | values, ascending
 *     bins                 count | min | max | how many bins | by bin, ascending: its number less that of the last
 *                          one, its count */

static void sort_values(const struct rs_part *part, const struct quantile *q, rs_i128 out[RS_QUANTILE_EXACT])
{
    for (size_t i = 0; i < q->count; i++) {
        rs_i128 value = value_at(part, q, i);
        size_t at = i;
        for (; at > 0 && out[at - 1] > value; at--) {
            out[at] = out[at - 1];
        }
        out[at] = value;
    }
}

static void write_value(const struct rs_part *part, rs_i128 value, struct rs_buf *out)
{
    rs_write_u64(out, (uint64_t)value);
    if (part->x.kind == RS_NUM_INT128) {
        rs_write_u64(out, (uint64_t)((rs_u128)value >> 64));
    }
}

static void save_bins(const struct quantile *q, struct rs_buf *out)
{
    uint64_t *words = calloc(q->bins, sizeof *words);
    uint32_t count = 0;
    uint32_t before = 0;

    if (!words) {
        out->failed = true;
        return;
    }
    for (uint32_t i = 0; i < q->room; i++) {
        if (q->words[i] != 0) {
            words[count++] = q->words[i];
        }
    }
    qsort(words, count, sizeof *words, rs_compare_u64);
    rs_write_number(out, count);
    for (uint32_t i = 0; i < count; i++) {
        rs_write_number(out, bin_at(words[i]) - before);
        rs_write_number(out, words[i] & COUNT_MAX);
        before = bin_at(words[i]);
    }
    free(words);
}

static void quantile_save(const struct rs_part *part, const void *state, struct rs_buf *out)
{
    const struct quantile *q = state;
    rs_i128 values[RS_QUANTILE_EXACT];

    rs_write_number(out, q->count);
    if (q->bins != 0) {
        write_value(part, q->min, out);
        write_value(part, q->max, out);
        save_bins(q, out);
        return;
    }
    sort_values(part, q, values);
    for (size_t i = 0; i < q->count; i++) {
        write_value(part, values[i], out);
    }
}

/* Fails for what no value is. */
static rs_i128 read_value(const struct rs_part *part, struct rs_reader *in)
{
    uint64_t low = rs_read_u64(in);

    if (part->x.kind == RS_NUM_INT128) {
        return (rs_i128)((rs_u128)rs_read_u64(in) << 64 | low);
    }
    if (part->x.kind == RS_NUM_DOUBLE && (low == UINT64_MAX || !isfinite(as_double((int64_t)low)))) {
        in->failed = true;
    }
    return (int64_t)low;
}

static int load_values(const struct rs_part *part, struct quantile **q, struct rs_reader *in, uint64_t count)
{
    rs_i128 before = 0;
    size_t grown = 0;

    *q = quantile_new(part, FIRST_ROOM, true);
    if (!*q) {
        return RS_ENOMEM;
    }
    for (uint64_t i = 0; i < count; i++) {
        rs_i128 value = read_value(part, in);
        if (in->failed || (i > 0 && value < before)) {
            return RS_ESTATE;
        }
        if (!keep_value(part, q, value, &grown)) {
            return RS_ENOMEM;
        }
        before = value;
    }
    return count > 0 ? 0 : RS_ESTATE;
}

/* What is not yet there of the state's count is what the bins still have to bring. */
static int load_bins(const struct rs_part *part, struct quantile **q, struct rs_reader *in, uint64_t left)
{
    uint64_t bins = rs_read_number(in);
    uint32_t first = bin_of(part->x.kind, (*q)->min);
    uint32_t last = bin_of(part->x.kind, (*q)->max);
    uint64_t bin = 0;
    size_t grown = 0;

    for (uint64_t i = 0; i < bins; i++) {
        uint64_t step = rs_read_number(in);
        uint64_t values = rs_read_number(in);
        bin = step < BIN_LIMIT ? bin + step : BIN_LIMIT;
        if (in->failed || step == 0 || values == 0 || values > left || values > COUNT_MAX || bin > last ||
            (i == 0 && bin != first) || bin_of(part->x.kind, middle(part->x.kind, (uint32_t)bin)) != bin) {
            return RS_ESTATE;
        }
        if (!add_to_bin(part, q, (uint32_t)bin, values, &grown)) {
            return RS_ENOMEM;
        }
        left -= values;
    }
    return left == 0 && bin == last ? 0 : RS_ESTATE;
}

static int quantile_load(const struct rs_part *part, void **state, struct rs_reader *in, uint64_t events)
{
    struct quantile *q = NULL;
    uint64_t count = rs_read_number(in);
    int rc = RS_ESTATE;

    if (in->failed || count > events) {
        return RS_ESTATE;
    }
    if (count <= RS_QUANTILE_EXACT) {
        rc = load_values(part, &q, in, count);
        *state = q;
        return rc;
    }
    q = quantile_new(part, FIRST_BINS, false);
    if (!q) {
        return RS_ENOMEM;
    }
    *state = q;
    q->count = count;
    q->min = read_value(part, in);
    q->max = read_value(part, in);
    if (in->failed || q->min > q->max) {
        return RS_ESTATE;
    }
    rc = load_bins(part, &q, in, count);
    *state = q;
    return rc;
}

/* ---- showing ---- */

/* ceil(q n), from 1 to n. */
static uint64_t place_for(const struct rs_stat_param *q, uint64_t n)
{
    if (q->value <= 0) {
        return 1;
    }
    rs_u128 one = rs_pow10_u128(q->scale);
    rs_u128 place = ((rs_u128)q->value * n + one - 1) / one;
    return place > n ? n : (uint64_t)place;
}

static uint64_t count_up_to(const struct quantile *q, uint32_t bin)
{
    uint64_t count = 0;

    for (uint32_t i = 0; i < q->room; i++) {
        count += bin_at(q->words[i]) <= bin ? q->words[i] & COUNT_MAX : 0; /* a free one counts 0 */
    }
    return count;
}

/* The first bin up to which there are `place` values. Halving what is left takes as many looks at all bins as the
 * range of the values has binary digits, and no memory for putting them in order. */
static rs_i128 find_in_bins(const struct rs_part *part, const struct quantile *q, uint64_t place)
{
    uint32_t low = bin_of(part->x.kind, q->min);
    uint32_t high = bin_of(part->x.kind, q->max);

    if (place == 1 || place == q->count) {
        return place == 1 ? q->min : q->max;
    }
    while (low < high) {
        uint32_t half = low + (high - low) / 2;
        if (count_up_to(q, half) >= place) {
            high = half;
        } else {
            low = half + 1;
        }
    }
    rs_i128 value = middle(part->x.kind, low);
    value = value < q->min ? q->min : value;
    return value > q->max ? q->max : value;
}

static void quantile_render(const struct rs_part *part, const void *state, const struct rs_part_ask *ask,
                            struct rs_buf *out)
{
    const struct quantile *q = state;
    static const struct rs_stat_param half = {.given = true, .value = 5, .scale = 1}; /* the median */
    rs_i128 values[RS_QUANTILE_EXACT] = {0};
    rs_i128 value = 0;
    char text[RS_NUMBER_TEXT_MAX];

    if (!q) {
        return;
    }
    uint64_t place = place_for(ask->params ? ask->params : &half, q->count);
    if (q->bins == 0) {
        sort_values(part, q, values);
        value = values[place - 1];
    } else {
        value = find_in_bins(part, q, place);
    }
    rs_buf_put(out, text,
               part->x.kind == RS_NUM_DOUBLE ? rs_double_format(as_double(value), text)
                                             : rs_decimal_format(value, part->x.scale, text));
}

const struct rs_part_kind rs_part_quantile = {
    .add = quantile_add,
    .merge = quantile_merge,
    .heap_bytes = quantile_heap_bytes,
    .save = quantile_save,
    .load = quantile_load,
    .render = quantile_render,
};
