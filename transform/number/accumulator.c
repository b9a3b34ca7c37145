#include "transform/number/accumulator.h"

#include <stdlib.h>

/* ---- integers ---- */

static rs_u128 magnitude128(rs_i128 x)
{
    return x < 0 ? -(rs_u128)x : (rs_u128)x;
}

/* out = a * b, schoolbook on 64-bit halves. */
static void multiply128(rs_u128 a, rs_u128 b, uint64_t out[4])
{
    uint64_t a0 = (uint64_t)a;
    uint64_t a1 = (uint64_t)(a >> 64);
    uint64_t b0 = (uint64_t)b;
    uint64_t b1 = (uint64_t)(b >> 64);
    rs_u128 low = (rs_u128)a0 * b0;
    rs_u128 middle = (rs_u128)a0 * b1 + (uint64_t)(low >> 64);
    rs_u128 other = (rs_u128)a1 * b0 + (uint64_t)middle;
    rs_u128 high = (rs_u128)a1 * b1 + (uint64_t)(middle >> 64) + (uint64_t)(other >> 64);

    out[0] = (uint64_t)low;
    out[1] = (uint64_t)other;
    out[2] = (uint64_t)high;
    out[3] = (uint64_t)(high >> 64);
}

void rs_product128_add(uint64_t sum[RS_PRODUCT128_LIMBS], rs_i128 a, rs_i128 b)
{
    uint64_t product[RS_PRODUCT128_LIMBS] = {0};

    multiply128(magnitude128(a), magnitude128(b), product);
    if ((a < 0) != (b < 0)) {
        rs_limbs_subtract(sum, product, RS_PRODUCT128_LIMBS);
    } else {
        rs_limbs_add(sum, product, RS_PRODUCT128_LIMBS);
    }
}

/* ---- doubles: states ----
 * sum[0] says what the rest is: one of the three states below, or the number of the full-width limb that
 * sum[1] stands for. Spilled: sum[1] is a pointer to full_limbs limbs. */
#define EMPTY   UINT64_MAX
#define SPILLED (UINT64_MAX - 1)
#define LOST    (UINT64_MAX - 2)

/* A limb below this in magnitude at the top leaves room for one more addition of its like. */
#define HEADROOM (UINT64_C(1) << 62)

const struct rs_super_kind rs_super_sum = {.compact_limbs = 4, .full_limbs = 34, .lowest = -1088};
const struct rs_super_kind rs_super_product = {.compact_limbs = 6, .full_limbs = 67, .lowest = -2176};
const struct rs_super_kind rs_super_cube = {.compact_limbs = 8, .full_limbs = 101, .lowest = -3264};
const struct rs_super_kind rs_super_fourth = {.compact_limbs = 10, .full_limbs = 133, .lowest = -4352};

_Static_assert(sizeof(uint64_t *) <= sizeof(uint64_t), "a pointer fits a limb");

/* What is added: a magnitude in full-width limbs from `at` on. */
struct term {
    const uint64_t *limb;
    uint32_t size;
    uint32_t at;
    bool negative;
};

static uint64_t *spilled(const uint64_t *sum)
{
    uint64_t *full = NULL;

    memcpy(&full, &sum[1], sizeof full);
    return full;
}

void rs_super_init(const struct rs_super_kind *kind, uint64_t *sum)
{
    memset(sum, 0, rs_super_size(kind));
    sum[0] = EMPTY;
}

void rs_super_fini(const struct rs_super_kind *kind, uint64_t *sum)
{
    if (sum[0] == SPILLED) {
        free(spilled(sum));
    }
    rs_super_init(kind, sum);
}

bool rs_super_lost(const uint64_t *sum)
{
    return sum[0] == LOST;
}

size_t rs_super_heap_bytes(const struct rs_super_kind *kind, const uint64_t *sum)
{
    return sum[0] == SPILLED ? rs_super_full_bytes(kind) : 0;
}

/* ---- doubles: reading ---- */

static void negate(uint64_t *limb, uint32_t size)
{
    uint64_t carry = 1;

    for (uint32_t i = 0; i < size; i++) {
        limb[i] = ~limb[i] + carry;
        carry &= limb[i] == 0;
    }
}

static void trim(struct rs_super_value *value)
{
    uint32_t low = 0;

    while (value->size > 0 && value->limb[value->size - 1] == 0) {
        value->size--;
    }
    while (low < value->size && value->limb[low] == 0) {
        low++;
    }
    value->size -= low;
    value->at = value->size == 0 ? 0 : value->at + low;
    memmove(value->limb, value->limb + low, value->size * sizeof value->limb[0]);
}

void rs_super_read(const struct rs_super_kind *kind, const uint64_t *sum, struct rs_super_value *out)
{
    const uint64_t *limb = sum[0] == SPILLED ? spilled(sum) : sum + 1;

    out->negative = false;
    out->size = 0;
    out->at = 0;
    if (sum[0] == EMPTY || sum[0] == LOST) {
        return;
    }
    out->size = sum[0] == SPILLED ? kind->full_limbs : kind->compact_limbs;
    out->at = sum[0] == SPILLED ? 0 : (uint32_t)sum[0];
    memcpy(out->limb, limb, out->size * sizeof(uint64_t));
    out->negative = out->limb[out->size - 1] >> 63 != 0;
    if (out->negative) {
        negate(out->limb, out->size);
    }
    trim(out);
}

/* ---- doubles: adding ---- */

/* limb[at..) += term, a negative one as its complement, so that signs cost no branch. */
static inline void accumulate(uint64_t *limb, uint32_t limbs, uint32_t at, const struct term *term)
{
    uint64_t sign = term->negative ? UINT64_MAX : 0;
    unsigned char carry = term->negative;
    uint32_t i = 0;

    for (; i < term->size; i++) {
        carry = rs_add_carry(carry, &limb[at + i], term->limb[i] ^ sign);
    }
    for (i += at; i < limbs && carry != term->negative; i++) { /* else the rest adds nothing */
        carry = rs_add_carry(carry, &limb[i], sign);
    }
}

static inline bool has_headroom(const struct rs_super_kind *kind, const uint64_t *sum)
{
    return sum[kind->compact_limbs] + HEADROOM < 2 * HEADROOM;
}

/* Whether the compact limbs can take the term without wrapping. */
static inline bool fits(const struct rs_super_kind *kind, const uint64_t *sum, const struct term *term)
{
    uint64_t base = sum[0];
    uint64_t end = base + kind->compact_limbs;
    uint64_t term_end = term->at + term->size;

    if (base >= LOST || term->at < base || term_end > end) {
        return false;
    }
    return has_headroom(kind, sum) && (term_end < end || term->limb[term->size - 1] < HEADROOM);
}

/* Centres the compact limbs on limbs low..high, which they can hold. */
static void place(const struct rs_super_kind *kind, uint64_t *sum, uint32_t low, uint32_t high)
{
    uint32_t slack = (kind->compact_limbs - (high - low)) / 2;
    uint32_t base = low < slack ? 0 : low - slack;
    uint32_t last = kind->full_limbs - kind->compact_limbs;

    rs_super_init(kind, sum);
    sum[0] = base > last ? last : base;
}

static struct term term_of(const struct rs_super_value *value)
{
    return (struct term){value->limb, value->size, value->at, value->negative};
}

/* False: it is lost. */
static bool spill(const struct rs_super_kind *kind, uint64_t *sum, const struct rs_super_value *value)
{
    uint64_t *full = calloc(kind->full_limbs, sizeof *full);
    struct term term = term_of(value);

    sum[0] = LOST;
    if (!full) {
        return false;
    }
    accumulate(full, kind->full_limbs, value->at, &term);
    sum[0] = SPILLED;
    memcpy(&sum[1], &full, sizeof full);
    return true;
}

/* The term does not fit the compact limbs as they stand: moves them if what is there and the term fit in
 * together with a limb of headroom, or else spills, which it returns. */
static bool make_room(const struct rs_super_kind *kind, uint64_t *sum, const struct term *term)
{
    struct rs_super_value value;
    uint32_t low = term->at;
    uint32_t high = term->at + term->size;

    rs_super_read(kind, sum, &value);
    if (value.size > 0) {
        low = value.at < low ? value.at : low;
        high = value.at + value.size > high ? value.at + value.size : high;
    }
    if (high < kind->full_limbs) {
        high++;
    }
    if (high - low > kind->compact_limbs) {
        return spill(kind, sum, &value);
    }
    place(kind, sum, low, high);
    struct term held = term_of(&value);
    if (value.size > 0) {
        accumulate(sum + 1, kind->compact_limbs, value.at - (uint32_t)sum[0], &held);
    }
    return false;
}

/* This and what calls it return whether the sum has just moved to the heap. */
static bool add_term(const struct rs_super_kind *kind, uint64_t *sum, const struct term *term)
{
    bool moved = false;

    if (term->size == 0 || sum[0] == LOST) {
        return false;
    }
    if (sum[0] != SPILLED && !fits(kind, sum, term)) {
        moved = make_room(kind, sum, term);
    }
    if (sum[0] == SPILLED) {
        accumulate(spilled(sum), kind->full_limbs, term->at, term);
    } else if (sum[0] != LOST) {
        accumulate(sum + 1, kind->compact_limbs, term->at - (uint32_t)sum[0], term);
    }
    return moved;
}

/* Zero limbs at the ends may be what does not fit. */
static bool add_trimmed(const struct rs_super_kind *kind, uint64_t *sum, struct term term)
{
    while (term.size > 0 && term.limb[term.size - 1] == 0) {
        term.size--;
    }
    while (term.size > 0 && *term.limb == 0) {
        term.limb++;
        term.at++;
        term.size--;
    }
    return add_term(kind, sum, &term);
}

/* ---- doubles: terms ---- */

struct parts {
    uint64_t mantissa; /* |x| = mantissa * 2^exponent */
    int exponent;
    bool negative;
};

static inline struct parts parts_of(double x)
{
    uint64_t bits = 0;

    memcpy(&bits, &x, sizeof bits);
    int exponent = (int)(bits >> 52 & 0x7ff);
    uint64_t fraction = bits & ((UINT64_C(1) << 52) - 1);
    return (struct parts){
        .mantissa = exponent == 0 ? fraction : fraction | UINT64_C(1) << 52,
        .exponent = (exponent == 0 ? 1 : exponent) - 1075,
        .negative = bits >> 63 != 0,
    };
}

/* Adds limb[0..size) * 2^exponent; shifts it into place, for which limb[size] is room. Inlined for its
 * constant size. */
static inline __attribute__((always_inline)) bool add_shifted(const struct rs_super_kind *kind, uint64_t *sum,
                                                              uint64_t *limb, uint32_t size, int exponent,
                                                              bool negative)
{
    uint32_t position = (uint32_t)(exponent - kind->lowest);
    uint32_t shift = position % 64;
    struct term term = {.limb = limb, .size = size + 1, .at = position / 64, .negative = negative};

    limb[size] = 0;
    for (uint32_t i = size; i > 0; i--) { /* in two steps: a shift by 64 is none */
        limb[i] = limb[i] << shift | limb[i - 1] >> 1 >> (63 - shift);
    }
    limb[0] <<= shift;
    if (fits(kind, sum, &term)) {
        accumulate(sum + 1, kind->compact_limbs, term.at - (uint32_t)sum[0], &term);
        return false;
    }
    return add_trimmed(kind, sum, term);
}

bool rs_super_add(const struct rs_super_kind *kind, uint64_t *sum, double x)
{
    struct parts p = parts_of(x);
    uint64_t limb[2] = {p.mantissa};

    return add_shifted(kind, sum, limb, 1, p.exponent, p.negative);
}

bool rs_super_add_product(const struct rs_super_kind *kind, uint64_t *sum, double x, double y)
{
    struct parts p = parts_of(x);
    struct parts q = parts_of(y);
    rs_u128 product = (rs_u128)p.mantissa * q.mantissa;
    uint64_t limb[3] = {(uint64_t)product, (uint64_t)(product >> 64)};

    return add_shifted(kind, sum, limb, 2, p.exponent + q.exponent, p.negative != q.negative);
}

bool rs_super_add_scaled(const struct rs_super_kind *kind, uint64_t *sum, rs_i128 factor, double x)
{
    struct parts p = parts_of(x);
    uint64_t limb[5];

    multiply128(magnitude128(factor), p.mantissa, limb);
    return add_shifted(kind, sum, limb, 4, p.exponent, p.negative != (factor < 0));
}

/* Of 159 bits. */
bool rs_super_add_cube(uint64_t *sum, double x)
{
    struct parts p = parts_of(x);
    uint64_t limb[5];

    multiply128((rs_u128)p.mantissa * p.mantissa, p.mantissa, limb);
    return add_shifted(&rs_super_cube, sum, limb, 3, 3 * p.exponent, p.negative);
}

/* Of 212 bits. */
bool rs_super_add_fourth(uint64_t *sum, double x)
{
    struct parts p = parts_of(x);
    rs_u128 square = (rs_u128)p.mantissa * p.mantissa;
    uint64_t limb[5];

    multiply128(square, square, limb);
    return add_shifted(&rs_super_fourth, sum, limb, 4, 4 * p.exponent, false);
}

void rs_super_add_value(const struct rs_super_kind *kind, uint64_t *sum, const struct rs_super_value *value)
{
    struct term term = term_of(value);

    RS_ASSERT(value->size <= kind->full_limbs && value->at <= kind->full_limbs - value->size);
    (void)add_term(kind, sum, &term);
}

/* What mostly happens: both are compact and stand at the same place. */
static bool merge_aligned(const struct rs_super_kind *kind, uint64_t *into, const uint64_t *from,
                          bool subtract)
{
    if (into[0] >= LOST || into[0] != from[0] || !has_headroom(kind, into) || !has_headroom(kind, from)) {
        return false;
    }
    if (subtract) {
        rs_limbs_subtract(into + 1, from + 1, kind->compact_limbs);
    } else {
        rs_limbs_add(into + 1, from + 1, kind->compact_limbs);
    }
    return true;
}

/* A sum that was lost makes the other lost too: a number that lacks a part of it must not look right. */
void rs_super_merge(const struct rs_super_kind *kind, uint64_t *into, const uint64_t *from, bool subtract)
{
    struct rs_super_value value;

    if (merge_aligned(kind, into, from, subtract)) {
        return;
    }
    if (rs_super_lost(from)) {
        rs_super_fini(kind, into);
        into[0] = LOST;
        return;
    }
    rs_super_read(kind, from, &value);
    value.negative ^= subtract;
    rs_super_add_value(kind, into, &value);
}

void rs_super_copy(const struct rs_super_kind *kind, uint64_t *to, const uint64_t *from)
{
    rs_super_fini(kind, to);
    if (from[0] == SPILLED) {
        rs_super_merge(kind, to, from, false);
    } else {
        memcpy(to, from, rs_super_size(kind));
    }
}
