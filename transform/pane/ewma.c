#include "transform/pane/ewma.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "transform/number/accumulator.h"
#include "transform/number/exact.h"
#include "transform/number/logarithm.h"
#include "transform/pane/window.h"

#define BLOCKS_MAX   64
#define WEIGHT_LIMBS 2 /* of fewer than 2^62 events of less than 2^63 */

/* The words of a block: sum(w), then sum(w x), as whole numbers or, of doubles, an accumulator of products. */
struct block {
    int64_t number;
    uint64_t words[];
};

struct ewma {
    size_t actual, held; /* bytes on the heap, and the most they have been: that is what is told */
    uint32_t count, room;
    uint64_t blocks[]; /* ascending */
};

static const struct rs_super_kind *const super = &rs_super_product;

/* ---- where things are ---- */

static size_t sum_limbs(const struct rs_part *part)
{
    switch (part->x.kind) {
    case RS_NUM_INT64: return RS_PRODUCT64_LIMBS;
    case RS_NUM_INT128: return RS_PRODUCT128_LIMBS;
    case RS_NUM_DOUBLE: return rs_super_size(super) / sizeof(uint64_t);
    }
    return 0;
}

static size_t block_words(const struct rs_part *part)
{
    return 1 + WEIGHT_LIMBS + sum_limbs(part);
}

static size_t bytes_of(const struct rs_part *part, uint32_t room)
{
    return sizeof(struct ewma) + room * block_words(part) * sizeof(uint64_t);
}

static struct block *block_at(const struct rs_part *part, struct ewma *e, uint32_t i)
{
    return (struct block *)(void *)(e->blocks + i * block_words(part));
}

static const struct block *block_of(const struct rs_part *part, const struct ewma *e, uint32_t i)
{
    return (const struct block *)(const void *)(e->blocks + i * block_words(part));
}

static const uint64_t *sum_of(const struct block *b)
{
    return b->words + WEIGHT_LIMBS;
}

/* ---- memory ---- */

/* What is told never falls before all of it goes: blocks come and go with every half-life. */
static void note(struct ewma *e, size_t *grown)
{
    if (e->actual > e->held) {
        *grown += e->actual - e->held;
        e->held = e->actual;
    }
}

static void block_init(const struct rs_part *part, struct block *b, int64_t number)
{
    memset(b, 0, block_words(part) * sizeof(uint64_t));
    b->number = number;
    if (part->x.kind == RS_NUM_DOUBLE) {
        rs_super_init(super, b->words + WEIGHT_LIMBS);
    }
}

static void block_fini(const struct rs_part *part, struct ewma *e, struct block *b)
{
    if (part->x.kind == RS_NUM_DOUBLE) {
        e->actual -= rs_super_heap_bytes(super, sum_of(b));
        rs_super_fini(super, b->words + WEIGHT_LIMBS);
    }
}

/* Room for one block more. */
static bool reserve(const struct rs_part *part, struct ewma **slot)
{
    struct ewma *e = *slot;
    uint32_t room = e ? 2 * e->room : 1;
    if (e && e->count < e->room) {
        return true;
    }
    struct ewma *wider = calloc(1, bytes_of(part, room));
    if (!wider) {
        return false;
    }
    if (e) {
        memcpy(wider, e, bytes_of(part, e->count));
    }
    wider->actual += bytes_of(part, room) - (e ? bytes_of(part, e->room) : 0);
    wider->room = room;
    free(e);
    *slot = wider;
    return true;
}

static void ewma_free(const struct rs_part *part, void *state)
{
    struct ewma *e = state;
    for (uint32_t i = 0; i < e->count; i++) {
        block_fini(part, e, block_at(part, e, i));
    }
    free(e);
}

static size_t ewma_heap_bytes(const struct rs_part *part, const void *state)
{
    (void)part;
    return ((const struct ewma *)state)->held;
}

static bool lost(const struct rs_part *part, const struct block *b)
{
    return part->x.kind == RS_NUM_DOUBLE && rs_super_lost(sum_of(b));
}

/* ---- blocks ---- */

static void drop_old(const struct rs_part *part, struct ewma *e)
{
    int64_t newest = block_at(part, e, e->count - 1)->number;
    uint32_t gone = 0;
    while (block_at(part, e, gone)->number <= newest - BLOCKS_MAX) {
        block_fini(part, e, block_at(part, e, gone++));
    }
    if (gone) {
        e->count -= gone;
        memmove(e->blocks, block_at(part, e, gone), e->count * block_words(part) * sizeof(uint64_t));
    }
}

/* The block of this number, which may be new. *found NULL: it is too old. False: no memory. */
static bool find(const struct rs_part *part, struct ewma **slot, int64_t number, struct block **found)
{
    *found = NULL;
    if (*slot && number <= block_at(part, *slot, (*slot)->count - 1)->number - BLOCKS_MAX) {
        return true;
    }
    uint32_t at = *slot ? (*slot)->count : 0;
    while (at > 0 && block_at(part, *slot, at - 1)->number > number) {
        at--;
    }
    if (at > 0 && block_at(part, *slot, at - 1)->number == number) {
        *found = block_at(part, *slot, at - 1);
        return true;
    }
    if (!reserve(part, slot)) {
        return false;
    }
    struct ewma *e = *slot;
    memmove(block_at(part, e, at + 1), block_at(part, e, at),
            (e->count - at) * block_words(part) * sizeof(uint64_t));
    block_init(part, block_at(part, e, at), number);
    uint32_t before = ++e->count;
    drop_old(part, e);
    *found = block_at(part, e, at - (before - e->count));
    return true;
}

/* ---- adding ---- */

static uint64_t weight_of(int64_t time_us, int64_t half_life_us, int64_t *number)
{
    int64_t start_us = rs_floor_to(time_us, half_life_us);
    *number = start_us / half_life_us;
    return rs_power_of_two(
        (uint64_t)(((rs_u128)(uint64_t)(time_us - start_us) << 64) / (uint64_t)half_life_us));
}

static bool ewma_add(const struct rs_part *part, void **state, const struct rs_part_event *event,
                     size_t *grown)
{
    struct ewma *e = *state;
    struct block *b = NULL;
    int64_t number = 0;
    uint64_t weight = weight_of(event->time_us, part->params[0].value, &number);
    bool found = find(part, &e, number, &b);
    *state = e;
    if (!found || !b) {
        return found;
    }
    uint64_t *sum = b->words + WEIGHT_LIMBS;
    rs_sum64_add(b->words, (int64_t)weight);
    switch (part->x.kind) {
    case RS_NUM_INT64: rs_product64_add(sum, event->x.i, (int64_t)weight); break;
    case RS_NUM_INT128: rs_product128_add(sum, event->x.w, (rs_i128)weight); break;
    case RS_NUM_DOUBLE:
        if (rs_super_add_scaled(super, sum, (rs_i128)weight, event->x.d)) {
            e->actual += rs_super_full_bytes(super);
        }
        break;
    }
    note(e, grown);
    return !lost(part, b);
}

static bool ewma_merge(const struct rs_part *part, void **into, const void *from)
{
    const struct ewma *of = from;
    struct ewma *e = *into;
    bool whole = true;
    size_t ignored = 0;
    for (uint32_t i = of->count; whole && i-- > 0;) { /* the newest first: what is too old is never made */
        const struct block *other = block_of(part, of, i);
        struct block *b = NULL;
        whole = find(part, &e, other->number, &b);
        if (!whole || !b) {
            continue;
        }
        rs_limbs_add(b->words, other->words, WEIGHT_LIMBS);
        if (part->x.kind == RS_NUM_DOUBLE) {
            size_t before = rs_super_heap_bytes(super, sum_of(b));
            rs_super_merge(super, b->words + WEIGHT_LIMBS, sum_of(other), false);
            e->actual += rs_super_heap_bytes(super, sum_of(b)) - before;
        } else {
            rs_limbs_add(b->words + WEIGHT_LIMBS, sum_of(other), sum_limbs(part));
        }
        whole = !lost(part, b);
    }
    *into = e;
    if (e) {
        note(e, &ignored);
    }
    return whole;
}

static void *ewma_copy(const struct rs_part *part, const void *state)
{
    const struct ewma *e = state;
    struct ewma *copy = calloc(1, bytes_of(part, e->room));
    if (!copy) {
        return NULL;
    }
    copy->room = e->room;
    void *into = copy;
    copy->actual = bytes_of(part, copy->room);
    for (uint32_t i = 0; i < e->count; i++) {
        block_init(part, block_at(part, copy, i), block_of(part, e, i)->number);
        copy->count++;
    }
    if (!ewma_merge(part, &into, state)) {
        ewma_free(part, into);
        return NULL;
    }
    return into;
}

/* ---- bytes ---- */

static void ewma_save(const struct rs_part *part, const void *state, struct rs_buf *out)
{
    const struct ewma *e = state;
    struct rs_super_value value;
    rs_write_u32(out, e->count);
    for (uint32_t i = 0; i < e->count; i++) {
        const struct block *b = block_of(part, e, i);
        rs_write_i64(out, b->number);
        for (size_t k = 0; k < WEIGHT_LIMBS; k++) {
            rs_write_u64(out, b->words[k]);
        }
        if (part->x.kind != RS_NUM_DOUBLE) {
            for (size_t k = 0; k < sum_limbs(part); k++) {
                rs_write_u64(out, sum_of(b)[k]);
            }
            continue;
        }
        rs_super_read(super, sum_of(b), &value);
        rs_write_u32(out, value.size * 2 + value.negative);
        rs_write_u32(out, value.size ? value.at : 0);
        for (uint32_t k = 0; k < value.size; k++) {
            rs_write_u64(out, value.limb[k]);
        }
    }
}

static bool load_super(struct ewma *e, struct block *b, struct rs_reader *in)
{
    struct rs_super_value value = {0};
    uint32_t head = rs_read_u32(in);
    value.size = head / 2;
    value.negative = head % 2;
    value.at = rs_read_u32(in);
    if (in->failed || value.size > super->full_limbs || value.at > super->full_limbs - value.size ||
        (value.size == 0 && (value.at || value.negative))) {
        return false;
    }
    for (uint32_t k = 0; k < value.size; k++) {
        value.limb[k] = rs_read_u64(in);
    }
    if (in->failed || (value.size && (value.limb[0] == 0 || value.limb[value.size - 1] == 0))) {
        return false;
    }
    rs_super_add_value(super, b->words + WEIGHT_LIMBS, &value);
    e->actual += rs_super_heap_bytes(super, sum_of(b));
    return true;
}

static bool load_block(const struct rs_part *part, struct ewma *e, struct block *b, struct rs_reader *in)
{
    uint64_t weight = 0;
    block_init(part, b, rs_read_i64(in));
    for (size_t k = 0; k < WEIGHT_LIMBS; k++) {
        b->words[k] = rs_read_u64(in);
        weight |= b->words[k];
    }
    if (in->failed || weight == 0 || b->words[WEIGHT_LIMBS - 1] >> 62 != 0) {
        return false;
    }
    if (part->x.kind == RS_NUM_DOUBLE) {
        return load_super(e, b, in);
    }
    for (size_t k = 0; k < sum_limbs(part); k++) {
        b->words[WEIGHT_LIMBS + k] = rs_read_u64(in);
    }
    return true;
}

static int ewma_load(const struct rs_part *part, void **state, struct rs_reader *in, uint64_t events)
{
    uint32_t count = rs_read_u32(in);
    const int64_t limit = INT64_C(1) << 62;
    if (in->failed || count == 0 || count > BLOCKS_MAX || count > events) {
        return RS_ESTATE;
    }
    struct ewma *e = calloc(1, bytes_of(part, count));
    if (!e) {
        return RS_ENOMEM;
    }
    *state = e;
    e->room = count;
    e->actual = bytes_of(part, count);
    e->held = e->actual;
    for (uint32_t i = 0; i < count; i++) {
        struct block *b = block_at(part, e, i);
        bool right = load_block(part, e, b, in) && b->number < limit && b->number > -limit;
        e->count++;
        e->held = e->actual;
        if (!right || (i > 0 && b->number <= block_at(part, e, i - 1)->number)) {
            return RS_ESTATE;
        }
        if (lost(part, b)) {
            return RS_ENOMEM;
        }
    }
    return block_at(part, e, count - 1)->number - block_at(part, e, 0)->number < BLOCKS_MAX ? 0 : RS_ESTATE;
}

/* ---- rendering ---- */

static void add_exact(struct rs_exact *sum, struct rs_exact *term)
{
    if (term->size) {
        term->negative = !term->negative;
        rs_exact_subtract(sum, sum, term);
    }
}

/* sum(w x) of a block; of doubles in units of 2^super->lowest. */
static void read_sum(const struct rs_part *part, const struct block *b, struct rs_exact *out)
{
    struct rs_super_value value;
    if (part->x.kind != RS_NUM_DOUBLE) {
        rs_exact_set_limbs(out, sum_of(b), sum_limbs(part));
        return;
    }
    rs_super_read(super, sum_of(b), &value);
    rs_exact_set_magnitude(out, value.limb, value.size, value.size ? value.at : 0, value.negative);
}

static void ewma_render(const struct rs_part *part, const void *state, const struct rs_part_ask *ask,
                        struct rs_buf *out)
{
    const struct ewma *e = state;
    struct rs_exact numerator;
    struct rs_exact denominator;
    struct rs_exact term;
    char text[RS_NUMBER_TEXT_MAX];
    (void)ask;
    if (!e) {
        return;
    }
    rs_exact_set_u128(&numerator, 0);
    rs_exact_set_u128(&denominator, 0);
    int64_t oldest = block_of(part, e, 0)->number;
    for (uint32_t i = 0; i < e->count; i++) {
        const struct block *b = block_of(part, e, i);
        uint64_t factor = UINT64_C(1) << (b->number - oldest);
        read_sum(part, b, &term);
        rs_exact_multiply_u64(&term, factor);
        add_exact(&numerator, &term);
        rs_exact_set_limbs(&term, b->words, WEIGHT_LIMBS);
        rs_exact_multiply_u64(&term, factor);
        add_exact(&denominator, &term);
    }
    if (part->x.kind != RS_NUM_DOUBLE) {
        rs_exact_multiply_pow10(&denominator, part->x.scale);
    }
    double mean = rs_exact_ratio(&numerator, &denominator, part->x.kind == RS_NUM_DOUBLE ? super->lowest : 0);
    if (isfinite(mean)) {
        rs_buf_put(out, text, rs_double_format(mean, text));
    }
}

const struct rs_part_kind rs_part_ewma = {
    .own_params = 1,
    .add = ewma_add,
    .merge = ewma_merge,
    .copy = ewma_copy,
    .free = ewma_free,
    .heap_bytes = ewma_heap_bytes,
    .save = ewma_save,
    .load = ewma_load,
    .render = ewma_render,
};
