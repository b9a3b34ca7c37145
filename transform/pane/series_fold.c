#include "transform/pane/series_fold.h"

#include <math.h>

#include "transform/number/accumulator.h"
#include "transform/number/logarithm.h"

static struct rs_num value_at(const struct rs_part *part, const struct rs_series *s, uint32_t i)
{
    return rs_series_value(part, rs_series_at(part, s, i));
}

static rs_i128 whole_of(const struct rs_part *part, const struct rs_num *num)
{
    return part->x.kind == RS_NUM_INT64 ? num->i : num->w;
}

/* ---- over time ---- */

/* sum(x dt) of each value until the next one comes. False: no memory. */
static bool read_area(const struct rs_part *part, const struct rs_series *s, struct rs_exact *out)
{
    uint64_t whole[RS_PRODUCT128_LIMBS] = {0};
    uint64_t sum[RS_SUPER_FULL_MAX + 1];
    struct rs_super_value value;
    rs_super_init(&rs_super_product, sum);
    for (uint32_t i = 0; i + 1 < s->count; i++) {
        struct rs_num num = value_at(part, s, i);
        int64_t lasts_us = rs_series_at(part, s, i + 1)->time_us - rs_series_at(part, s, i)->time_us;
        if (part->x.kind == RS_NUM_DOUBLE) {
            (void)rs_super_add_scaled(&rs_super_product, sum, lasts_us, num.d);
        } else {
            rs_product128_add(whole, whole_of(part, &num), lasts_us);
        }
    }
    if (part->x.kind != RS_NUM_DOUBLE) {
        rs_exact_set_limbs(out, whole, RS_PRODUCT128_LIMBS);
        return true;
    }
    bool there = !rs_super_lost(sum);
    if (there) {
        rs_super_read(&rs_super_product, sum, &value);
        rs_exact_set_magnitude(out, value.limb, value.size, value.size ? value.at : 0, value.negative);
    }
    rs_super_fini(&rs_super_product, sum);
    return there;
}

bool rs_series_mean_over_time(const struct rs_part *part, const struct rs_series *s, double *out)
{
    struct rs_exact area;
    struct rs_exact time;
    if (s->count < 2) {
        return false;
    }
    int64_t all_us = rs_series_at(part, s, s->count - 1)->time_us - rs_series_at(part, s, 0)->time_us;
    if (all_us == 0 || !read_area(part, s, &area)) {
        return false;
    }
    rs_exact_set_u128(&time, (rs_u128)all_us);
    bool whole = part->x.kind != RS_NUM_DOUBLE;
    if (whole) {
        rs_exact_multiply_pow10(&time, part->x.scale);
    }
    *out = rs_exact_ratio(&area, &time, whole ? 0 : rs_super_product.lowest);
    return true;
}

/* ---- falls ----
 * From each peak to the lowest value before the next one: the largest of these is the largest of all. Rounding keeps the
 * order of numbers, so that the largest of rounded ones is the largest, rounded. */

struct stretch {
    uint32_t next; /* where the next one begins */
    struct rs_num peak, low;
};

static bool below(const struct rs_part *part, const struct rs_num *a, const struct rs_num *b)
{
    return part->x.kind == RS_NUM_DOUBLE ? a->d < b->d : whole_of(part, a) < whole_of(part, b);
}

static bool next_stretch(const struct rs_part *part, const struct rs_series *s, struct stretch *t)
{
    if (t->next >= s->count) {
        return false;
    }
    t->peak = value_at(part, s, t->next);
    t->low = t->peak;
    for (t->next++; t->next < s->count; t->next++) {
        struct rs_num num = value_at(part, s, t->next);
        if (below(part, &t->peak, &num)) {
            break;
        }
        t->low = below(part, &num, &t->low) ? num : t->low;
    }
    return true;
}

/* peak - low takes 128 bits without a sign: neither is below -2^127. */
void rs_series_fall(const struct rs_part *part, const struct rs_series *s, struct rs_exact *out)
{
    struct stretch t = {0};
    rs_u128 largest = 0;
    while (next_stretch(part, s, &t)) {
        rs_u128 fall = (rs_u128)whole_of(part, &t.peak) - (rs_u128)whole_of(part, &t.low);
        largest = fall > largest ? fall : largest;
    }
    rs_exact_set_u128(out, largest);
}

double rs_series_fall_of_doubles(const struct rs_part *part, const struct rs_series *s)
{
    struct stretch t = {0};
    double largest = 0;
    while (next_stretch(part, s, &t)) {
        double fall = t.peak.d - t.low.d;
        largest = fall > largest ? fall : largest;
    }
    return largest;
}

/* A double in units of the smallest one there is. */
static void set_double(struct rs_exact *out, double value)
{
    int exponent = 0;
    double half = frexp(fabs(value), &exponent);
    uint64_t mantissa = (uint64_t)ldexp(half, 53);
    int shift = exponent - 53 + 1074;
    if (shift < 0) { /* a subnormal: those bits are zeros */
        mantissa >>= -shift;
        shift = 0;
    }
    uint64_t limbs[2] = {mantissa << (shift % 64), shift % 64 ? mantissa >> (64 - shift % 64) : 0};
    rs_exact_set_magnitude(out, limbs, limbs[1] ? 2 : limbs[0] ? 1 : 0, (size_t)shift / 64, value < 0);
}

static void set_value(const struct rs_part *part, struct rs_exact *out, const struct rs_num *num)
{
    if (part->x.kind == RS_NUM_DOUBLE) {
        set_double(out, num->d);
    } else {
        rs_exact_set_i128(out, whole_of(part, num));
    }
}

/* Of peaks above zero. */
bool rs_series_fall_in_percent(const struct rs_part *part, const struct rs_series *s, double *out)
{
    struct stretch t = {0};
    struct rs_exact peak;
    struct rs_exact fall;
    bool some = false;
    *out = 0;
    while (next_stretch(part, s, &t)) {
        set_value(part, &peak, &t.peak);
        if (peak.size == 0 || peak.negative) {
            continue;
        }
        some = true;
        set_value(part, &fall, &t.low);
        rs_exact_subtract(&fall, &peak, &fall);
        rs_exact_multiply_u64(&fall, 100);
        double percent = rs_exact_ratio(&fall, &peak, 0);
        *out = percent > *out ? percent : *out;
    }
    return some;
}

/* ---- returns ---- */

static bool positive(const struct rs_part *part, const struct rs_num *num, struct rs_positive *out)
{
    if (part->x.kind == RS_NUM_DOUBLE) {
        *out = num->d > 0 ? rs_positive_of_double(num->d) : *out;
        return num->d > 0;
    }
    rs_i128 whole = whole_of(part, num);
    *out = whole > 0 ? rs_positive_of_whole((rs_u128)whole) : *out;
    return whole > 0;
}

/* The squares are added exactly and rounded once. */
bool rs_series_squared_returns(const struct rs_part *part, const struct rs_series *s, double *out)
{
    uint64_t sum[RS_SUPER_FULL_MAX + 1];
    struct rs_super_value value;
    struct rs_positive before = {0};
    uint32_t count = 0;
    rs_super_init(&rs_super_product, sum);
    for (uint32_t i = 0; i < s->count; i++) {
        struct rs_num num = value_at(part, s, i);
        struct rs_positive now = {0};
        if (!positive(part, &num, &now)) {
            continue;
        }
        if (count++ > 0) {
            double r = rs_log_of_ratio(now, before);
            (void)rs_super_add_product(&rs_super_product, sum, r, r);
        }
        before = now;
    }
    bool there = count > 1 && !rs_super_lost(sum);
    if (there) {
        struct rs_exact numerator;
        struct rs_exact one;
        rs_super_read(&rs_super_product, sum, &value);
        rs_exact_set_magnitude(&numerator, value.limb, value.size, value.size ? value.at : 0, value.negative);
        rs_exact_set_u128(&one, 1);
        *out = rs_exact_ratio(&numerator, &one, rs_super_product.lowest);
    }
    rs_super_fini(&rs_super_product, sum);
    return there;
}
