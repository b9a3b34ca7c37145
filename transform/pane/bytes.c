/* The byte form of a pane. Integers are minimal two's complement behind their length; a sum of doubles is its
 * magnitude without zero bytes at either end, behind length, sign and place. What an empty pane holds is not
 * written, so that equal panes give equal bytes.
 *
 *   events | newest | shared keys | inputs: count sum squares min max first last keys cubes fourths
 *          | pairs: products weights | joints: products | parts
 *
 * `events` 0 ends the pane, a count of 0 its input. The inputs of joints stand behind the others. */
#include <math.h>

#include "base/record.h"
#include "transform/pane/wide.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "limbs are written as they lie in memory");

#define INTEGER_BYTES_MAX (RS_FOURTH128_LIMBS * 8)

/* ---- writing ---- */

/* Two's complement in as few bytes as keep the sign; zero takes none. */
static void put_wide(struct rs_buf *out, const void *limbs, size_t size)
{
    const uint8_t *bytes = limbs;
    uint8_t fill = bytes[size - 1] >> 7 != 0 ? 0xff : 0;

    while (size > 0 && bytes[size - 1] == fill &&
           (size == 1 ? fill == 0 : bytes[size - 2] >> 7 == fill >> 7)) {
        size--;
    }
    rs_buf_char(out, (char)size);
    rs_buf_put(out, bytes, size);
}

/* The same for what most sums and values are: of one limb, or as small. */
static void put_integer(struct rs_buf *out, const void *limbs, size_t size)
{
    int64_t low = 0;
    int64_t high = 0;

    memcpy(&low, limbs, sizeof low);
    memcpy(&high, (const uint8_t *)limbs + (size == sizeof low ? 0 : sizeof low), sizeof high);
    if (size > 2 * sizeof low || (size > sizeof low && high != low >> 63) ||
        !rs_buf_reserve(out, 1 + sizeof low)) {
        put_wide(out, limbs, size);
        return;
    }
    uint64_t magnitude = (uint64_t)(low ^ low >> 63);
    int bits = magnitude == 0 ? 0 : 64 - __builtin_clzll(magnitude);
    size_t bytes = low == 0 ? 0 : (size_t)bits / 8 + 1; /* the sign takes a bit */
    out->data[out->size] = (uint8_t)bytes;
    memcpy(out->data + out->size + 1, &low, sizeof low);
    out->size += 1 + bytes;
}

static void put_u16(struct rs_buf *out, size_t value)
{
    const uint8_t bytes[2] = {(uint8_t)value, (uint8_t)(value >> 8)};

    rs_buf_put(out, bytes, sizeof bytes);
}

/* Length with the sign above it, place in bytes, magnitude. */
static void put_super(struct rs_buf *out, const struct rs_super_kind *kind, const uint64_t *sum)
{
    struct rs_super_value value;
    const uint8_t *bytes = (const uint8_t *)value.limb;

    if (rs_super_lost(sum)) {
        out->failed = true;
        return;
    }
    rs_super_read(kind, sum, &value);
    size_t size = value.size * sizeof(uint64_t);
    size_t skip = 0;
    while (size > 0 && bytes[size - 1] == 0) {
        size--;
    }
    while (skip < size && bytes[skip] == 0) {
        skip++;
    }
    put_u16(out, (size - skip) << 1 | value.negative);
    if (size > 0) {
        put_u16(out, value.at * sizeof(uint64_t) + skip);
        rs_buf_put(out, bytes + skip, size - skip);
    }
}

static void put_sum(struct rs_buf *out, const struct rs_pane_layout *layout, enum rs_num_kind kind,
                    const void *slot)
{
    if (kind == RS_NUM_DOUBLE) {
        put_super(out, &rs_super_sum, slot);
    } else {
        put_integer(out, slot, rs_pane_sum_limbs(layout, kind) * sizeof(uint64_t));
    }
}

static void put_products(struct rs_buf *out, const struct rs_pane_layout *layout, enum rs_num_kind kind,
                         const void *slot)
{
    if (kind == RS_NUM_DOUBLE) {
        put_super(out, &rs_super_product, slot);
    } else {
        put_integer(out, slot, rs_pane_product_limbs(layout, kind) * sizeof(uint64_t));
    }
}

static void put_powers(struct rs_buf *out, const struct rs_pane_layout *layout,
                       const struct rs_pane_input *in, const void *pane)
{
    if (in->cubes != 0 && in->kind == RS_NUM_DOUBLE) {
        put_super(out, &rs_super_cube, rs_pane_at_const(pane, in->cubes));
    } else if (in->cubes != 0) {
        put_integer(out, rs_pane_at_const(pane, in->cubes),
                    rs_pane_cube_limbs(layout, in->kind) * sizeof(uint64_t));
    }
    if (in->fourths != 0 && in->kind == RS_NUM_DOUBLE) {
        put_super(out, &rs_super_fourth, rs_pane_at_const(pane, in->fourths));
    } else if (in->fourths != 0) {
        put_integer(out, rs_pane_at_const(pane, in->fourths),
                    rs_pane_fourth_limbs(layout, in->kind) * sizeof(uint64_t));
    }
}

static void put_value(struct rs_buf *out, enum rs_num_kind kind, const void *slot)
{
    if (kind == RS_NUM_DOUBLE) {
        rs_buf_put(out, slot, sizeof(double));
    } else {
        put_integer(out, slot, rs_pane_value_size(kind));
    }
}

static void put_key(struct rs_buf *out, const struct rs_pane_key *key)
{
    put_integer(out, &key->time_us, sizeof key->time_us);
    put_integer(out, &key->order, sizeof key->order);
}

/* The keys of inputs that are in every event stand with the pane itself, once for all of them. */
static void put_input(struct rs_buf *out, const struct rs_pane_layout *layout, const struct rs_pane_input *in,
                      const void *pane)
{
    if (in->count != 0) {
        put_integer(out, rs_pane_at_const(pane, in->count), sizeof(uint64_t));
        if (rs_pane_count(pane, in) == 0) {
            return;
        }
    }
    if (in->sum != 0) {
        put_sum(out, layout, in->kind, rs_pane_at_const(pane, in->sum));
    }
    if (in->squares != 0) {
        put_products(out, layout, in->kind, rs_pane_at_const(pane, in->squares));
    }
    const uint32_t values[] = {in->min, in->max, in->first, in->last};
    for (size_t i = 0; i < 4; i++) {
        if (values[i] != 0) {
            put_value(out, in->kind, rs_pane_at_const(pane, values[i]));
        }
    }
    if (in->first != 0 && !in->counts_events) {
        put_key(out, rs_pane_at_const(pane, in->first_key));
    }
    if (in->last != 0 && !in->counts_events) {
        put_key(out, rs_pane_at_const(pane, in->last_key));
    }
    put_powers(out, layout, in, pane);
}

static void put_pane(struct rs_buf *out, const struct rs_pane_layout *layout, const void *pane)
{
    const struct rs_pane_head *head = pane;

    put_integer(out, &head->events, sizeof head->events);
    if (head->events == 0) {
        return;
    }
    put_integer(out, &head->newest.time_us, sizeof head->newest.time_us);
    if (layout->shared_last) {
        put_integer(out, &head->newest.order, sizeof head->newest.order);
    }
    if (layout->shared_first != 0) {
        put_key(out, rs_pane_at_const(pane, layout->shared_first));
    }
    for (size_t i = 0; i < layout->input_count; i++) {
        put_input(out, layout, &layout->inputs[i], pane);
    }
    for (size_t i = 0; i < layout->pair_count; i++) {
        const struct rs_pane_pair *pair = &layout->pairs[i];
        put_products(out, layout, pair->kind, rs_pane_at_const(pane, pair->products));
        if (!pair->shares_weights) {
            put_sum(out, layout, layout->inputs[pair->w].kind, rs_pane_at_const(pane, pair->weights));
        }
    }
    for (size_t i = 0; i < layout->joint_count; i++) {
        const struct rs_pane_joint *joint = &layout->joints[i];
        put_products(out, layout, joint->kind, rs_pane_at_const(pane, joint->products));
    }
    for (size_t i = 0; i < layout->part_count; i++) {
        rs_part_save(&layout->parts[i], rs_pane_slot(pane, &layout->parts[i]), out);
    }
}

/* A number takes as few bytes as it needs, so that both forms of a pane give the same. */
void rs_pane_save(const struct rs_pane_layout *layout, const void *pane, struct rs_buf *out)
{
    const struct rs_pane_const_form form = rs_pane_const_form(layout, pane);

    if (rs_pane_is_lost(pane)) {
        out->failed = true;
        return;
    }
    put_pane(out, form.layout, form.pane);
}

/* ---- reading: each returns false for bytes that rs_pane_save does not write ---- */

struct reader {
    const uint8_t *at;
    size_t left;
};

static const uint8_t *take(struct reader *r, size_t size)
{
    const uint8_t *at = r->at;

    if (size > r->left) {
        return NULL;
    }
    r->at += size;
    r->left -= size;
    return at;
}

/* A number can be written in one way only, or equal panes would not be equal bytes: any longer form is
 * refused. */
static bool get_integer(struct reader *r, void *out, size_t size)
{
    const uint8_t *head = take(r, 1);
    const uint8_t *bytes = !head || *head > size ? NULL : take(r, *head);
    uint8_t full[INTEGER_BYTES_MAX];

    if (!bytes) {
        return false;
    }
    size_t given = *head;
    uint8_t fill = given > 0 && bytes[given - 1] >> 7 != 0 ? 0xff : 0;
    bool longer = given == 1 ? bytes[0] == 0
                             : given > 1 && bytes[given - 1] == fill && bytes[given - 2] >> 7 == fill >> 7;
    if (longer) {
        return false; /* than need be */
    }
    memset(full, fill, size);
    memcpy(full, bytes, given);
    memcpy(out, full, size);
    return true;
}

static bool get_u16(struct reader *r, size_t *out)
{
    const uint8_t *bytes = take(r, 2);

    if (!bytes) {
        return false;
    }
    *out = (size_t)bytes[0] | (size_t)bytes[1] << 8;
    return true;
}

/* As put_super writes it and in no other form: no zero bytes at either end, and the topmost bit left to
 * the sign. */
static bool get_super(struct reader *r, const struct rs_super_kind *kind, uint64_t *sum)
{
    struct rs_super_value value = {0};
    size_t head = 0;
    size_t place = 0;

    if (!get_u16(r, &head)) {
        return false;
    }
    size_t size = head >> 1;
    if (size == 0) {
        return head == 0;
    }
    if (!get_u16(r, &place) || place + size > kind->full_limbs * sizeof(uint64_t)) {
        return false;
    }
    const uint8_t *bytes = take(r, size);
    if (!bytes || bytes[0] == 0 || bytes[size - 1] == 0) {
        return false;
    }
    value.negative = (head & 1) != 0;
    value.at = (uint32_t)(place / sizeof(uint64_t));
    value.size = (uint32_t)((place + size + 7) / sizeof(uint64_t)) - value.at;
    memcpy((uint8_t *)value.limb + place % sizeof(uint64_t), bytes, size);
    if (value.at + value.size == kind->full_limbs && value.limb[value.size - 1] >> 63 != 0) {
        return false; /* the sign's bit */
    }
    rs_super_add_value(kind, sum, &value);
    return true;
}

static bool get_sum(struct reader *r, const struct rs_pane_layout *layout, enum rs_num_kind kind, void *slot)
{
    return kind == RS_NUM_DOUBLE ? get_super(r, &rs_super_sum, slot)
                                 : get_integer(r, slot, rs_pane_sum_limbs(layout, kind) * sizeof(uint64_t));
}

static bool get_products(struct reader *r, const struct rs_pane_layout *layout, enum rs_num_kind kind,
                         void *slot)
{
    return kind == RS_NUM_DOUBLE
               ? get_super(r, &rs_super_product, slot)
               : get_integer(r, slot, rs_pane_product_limbs(layout, kind) * sizeof(uint64_t));
}

static bool get_powers(struct reader *r, const struct rs_pane_layout *layout, const struct rs_pane_input *in,
                       void *pane)
{
    size_t cube = rs_pane_cube_limbs(layout, in->kind) * sizeof(uint64_t);
    size_t fourth = rs_pane_fourth_limbs(layout, in->kind) * sizeof(uint64_t);

    if (in->kind == RS_NUM_DOUBLE) {
        return (in->cubes == 0 || get_super(r, &rs_super_cube, rs_pane_at(pane, in->cubes))) &&
               (in->fourths == 0 || get_super(r, &rs_super_fourth, rs_pane_at(pane, in->fourths)));
    }
    return (in->cubes == 0 || get_integer(r, rs_pane_at(pane, in->cubes), cube)) &&
           (in->fourths == 0 || get_integer(r, rs_pane_at(pane, in->fourths), fourth));
}

static bool get_value(struct reader *r, enum rs_num_kind kind, void *slot)
{
    if (kind != RS_NUM_DOUBLE) {
        return get_integer(r, slot, rs_pane_value_size(kind));
    }
    const uint8_t *bytes = take(r, sizeof(double));
    double value = 0;
    if (!bytes) {
        return false;
    }
    memcpy(&value, bytes, sizeof value);
    memcpy(slot, bytes, sizeof value);
    return isfinite(value) && !(value == 0 && signbit(value) != 0);
}

static bool get_key(struct reader *r, struct rs_pane_key *key)
{
    return get_integer(r, &key->time_us, sizeof key->time_us) &&
           get_integer(r, &key->order, sizeof key->order);
}

static bool get_values(struct reader *r, const struct rs_pane_input *in, void *pane)
{
    const uint32_t values[] = {in->min, in->max, in->first, in->last};

    for (size_t i = 0; i < 4; i++) {
        if (values[i] != 0 && !get_value(r, in->kind, rs_pane_at(pane, values[i]))) {
            return false;
        }
    }
    if (in->first != 0 && !in->counts_events && !get_key(r, rs_pane_at(pane, in->first_key))) {
        return false;
    }
    return in->last == 0 || in->counts_events || get_key(r, rs_pane_at(pane, in->last_key));
}

/* An input cannot have more values than the pane has events. */
static bool get_input(struct reader *r, const struct rs_pane_layout *layout, const struct rs_pane_input *in,
                      void *pane)
{
    if (in->count != 0) {
        uint64_t *count = rs_pane_at(pane, in->count);
        if (!get_integer(r, count, sizeof *count) || *count > rs_pane_events(pane)) {
            return false;
        }
        if (*count == 0) {
            return true;
        }
    }
    return (in->sum == 0 || get_sum(r, layout, in->kind, rs_pane_at(pane, in->sum))) &&
           (in->squares == 0 || get_products(r, layout, in->kind, rs_pane_at(pane, in->squares))) &&
           get_values(r, in, pane) && get_powers(r, layout, in, pane);
}

static bool get_pair(struct reader *r, const struct rs_pane_layout *layout, const struct rs_pane_pair *pair,
                     void *pane)
{
    return get_products(r, layout, pair->kind, rs_pane_at(pane, pair->products)) &&
           (pair->shares_weights ||
            get_sum(r, layout, layout->inputs[pair->w].kind, rs_pane_at(pane, pair->weights)));
}

static bool get_part(struct reader *r, const struct rs_part *part, void *pane)
{
    struct rs_reader in = {.rest = rs_slice_of(r->at, r->left)};
    bool read = rs_part_load(part, rs_pane_at(pane, part->at), &in, rs_pane_events(pane));

    return take(r, r->left - in.rest.size) && read;
}

static bool get_pane(struct reader *r, const struct rs_pane_layout *layout, void *pane)
{
    struct rs_pane_head *head = pane;
    uint64_t events = 0;

    if (!get_integer(r, &events, sizeof events) || events > RS_PANE_EVENTS_MAX) {
        return false;
    }
    head->events = events;
    if (events == 0) {
        return true;
    }
    if (!get_integer(r, &head->newest.time_us, sizeof head->newest.time_us) ||
        head->newest.time_us == RS_TIME_NONE ||
        (layout->shared_last && !get_integer(r, &head->newest.order, sizeof head->newest.order)) ||
        (layout->shared_first != 0 && !get_key(r, rs_pane_at(pane, layout->shared_first)))) {
        return false;
    }
    for (size_t i = 0; i < layout->input_count; i++) {
        if (!get_input(r, layout, &layout->inputs[i], pane)) {
            return false;
        }
    }
    for (size_t i = 0; i < layout->pair_count; i++) {
        if (!get_pair(r, layout, &layout->pairs[i], pane)) {
            return false;
        }
    }
    for (size_t i = 0; i < layout->joint_count; i++) {
        const struct rs_pane_joint *joint = &layout->joints[i];
        if (!get_products(r, layout, joint->kind, rs_pane_at(pane, joint->products))) {
            return false;
        }
    }
    for (size_t i = 0; i < layout->part_count; i++) {
        if (!get_part(r, &layout->parts[i], pane)) {
            return false;
        }
    }
    return true;
}

/* What no narrow pane can be: a wide one, or damaged. */
static bool get_wide(struct reader *r, const struct rs_pane_layout *layout, void *pane)
{
    return rs_pane_widen(layout, pane) && get_pane(r, layout->wide, rs_pane_on_heap(pane));
}

int rs_pane_load(const struct rs_pane_layout *layout, void *pane, struct rs_slice bytes, size_t *used,
                 struct rs_error *error)
{
    struct reader r = {.at = bytes.data, .left = bytes.size};

    rs_pane_fini(layout, pane);
    bool read = get_pane(&r, layout, pane);
    if (!read && layout->wide) {
        rs_pane_fini(layout, pane);
        r = (struct reader){.at = bytes.data, .left = bytes.size};
        read = get_wide(&r, layout, pane);
    }
    bool whole = rs_pane_whole(layout, pane);
    if (!read || !whole) {
        rs_pane_fini(layout, pane);
        return whole ? rs_fail(error, RS_ESTATE, "the bytes of a pane are damaged or of another layout")
                     : rs_fail(error, RS_ENOMEM, "no memory for what a pane holds");
    }
    *used = bytes.size - r.left;
    return 0;
}
