#include "transform/pane/moments.h"

#include <string.h>

#include "transform/pane/joint.h"

/* Of numbers that are mostly short: all of one would be 2 KiB. */
static void copy(struct rs_pane_number *to, const struct rs_pane_number *from)
{
    to->whole.negative = from->whole.negative;
    to->whole.size = from->whole.size;
    memcpy(to->whole.limb, from->whole.limb, from->whole.size * sizeof from->whole.limb[0]);
    to->exponent = from->exponent;
}

static void times(struct rs_pane_number *number, uint64_t factor)
{
    rs_exact_multiply_u64(&number->whole, factor);
}

static bool positive(const struct rs_pane_number *number)
{
    return number->whole.size > 0 && !number->whole.negative;
}

static double ratio(struct rs_pane_number *numerator, struct rs_pane_number *denominator)
{
    return rs_exact_ratio(&numerator->whole, &denominator->whole,
                          numerator->exponent - denominator->exponent);
}

/* The root of a ratio, with a sign. */
static double signed_root(bool negative, struct rs_pane_number *numerator, struct rs_pane_number *denominator)
{
    double root =
        rs_exact_root(&numerator->whole, &denominator->whole, numerator->exponent - denominator->exponent);

    return negative ? -root : root;
}

/* *out = n xy - x y; `work` is scratch. */
static void cross(struct rs_pane_number *out, uint64_t n, const struct rs_pane_number *xy,
                  const struct rs_pane_number *x, const struct rs_pane_number *y, struct rs_pane_number *work)
{
    copy(out, xy);
    times(out, n);
    rs_pane_number_multiply(work, x, y);
    rs_pane_number_subtract(out, work);
}

/* ---- of one input ---- */

/* s->a = N2. False where there is none, or all values are equal. */
static bool read_second(const struct rs_pane_sums *from, const struct rs_pane_input *in, uint64_t n,
                        struct rs_moment_scratch *s)
{
    if (!rs_pane_read_sum(from, in->kind, in->sum, &s->s1) ||
        !rs_pane_read_products(from, in->kind, in->squares, &s->s2) ||
        !rs_pane_read_cubes(from, in, &s->s3)) {
        return false;
    }
    cross(&s->a, n, &s->s2, &s->s1, &s->s1, &s->d);
    return positive(&s->a);
}

/* s->b = N3 = n (n S3 - S1 S2) - 2 S1 N2 */
static void third(uint64_t n, struct rs_moment_scratch *s)
{
    cross(&s->b, n, &s->s3, &s->s1, &s->s2, &s->d);
    times(&s->b, n);
    rs_pane_number_multiply(&s->c, &s->s1, &s->a);
    times(&s->c, 2);
    rs_pane_number_subtract(&s->b, &s->c);
}

bool rs_pane_skewness(const struct rs_pane_sums *from, const struct rs_pane_input *in, bool sample,
                      struct rs_moment_scratch *s, double *out)
{
    uint64_t n = rs_pane_count(from->pane, in);

    if ((sample && n < 3) || !read_second(from, in, n, s)) {
        return false;
    }
    third(n, s);
    bool negative = s->b.whole.negative;
    rs_pane_number_multiply(&s->c, &s->b, &s->b);
    rs_pane_number_multiply(&s->d, &s->a, &s->a);
    rs_pane_number_multiply(&s->b, &s->d, &s->a);
    if (sample) {
        times(&s->c, n);
        times(&s->c, n - 1);
        times(&s->b, n - 2);
        times(&s->b, n - 2);
    }
    *out = signed_root(negative, &s->c, &s->b);
    return true;
}

/* s->b = N4 - 3 N2^2, where N4 = n (n (n S4 - S1 S3) - 3 S1 (n S3 - S1 S2)) + 3 S1^2 N2 */
static void fourth_excess(uint64_t n, struct rs_moment_scratch *s)
{
    cross(&s->b, n, &s->s4, &s->s1, &s->s3, &s->d);
    times(&s->b, n);
    cross(&s->c, n, &s->s3, &s->s1, &s->s2, &s->d);
    rs_pane_number_multiply(&s->d, &s->s1, &s->c);
    times(&s->d, 3);
    rs_pane_number_subtract(&s->b, &s->d);
    times(&s->b, n);
    rs_pane_number_multiply(&s->c, &s->s1, &s->s1);
    rs_pane_number_multiply(&s->d, &s->c, &s->a);
    times(&s->d, 3);
    rs_pane_number_add(&s->b, &s->d);
    rs_pane_number_multiply(&s->c, &s->a, &s->a);
    copy(&s->d, &s->c);
    times(&s->d, 3);
    rs_pane_number_subtract(&s->b, &s->d);
}

/* With D = N4 - 3 N2^2: g2 = D / N2^2, G2 = (n - 1) ((n + 1) D + 6 N2^2) / ((n - 2) (n - 3) N2^2). */
bool rs_pane_kurtosis(const struct rs_pane_sums *from, const struct rs_pane_input *in, bool sample,
                      struct rs_moment_scratch *s, double *out)
{
    uint64_t n = rs_pane_count(from->pane, in);

    if ((sample && n < 4) || !read_second(from, in, n, s) || !rs_pane_read_fourths(from, in, &s->s4)) {
        return false;
    }
    fourth_excess(n, s);
    rs_pane_number_multiply(&s->c, &s->a, &s->a);
    if (sample) {
        times(&s->b, n + 1);
        copy(&s->d, &s->c);
        times(&s->d, 6);
        rs_pane_number_add(&s->b, &s->d);
        times(&s->b, n - 1);
        times(&s->c, n - 2);
        times(&s->c, n - 3);
    }
    *out = ratio(&s->b, &s->c);
    return true;
}

/* ---- of two ---- */

/* What a statistic reads: x is the independent one. */
struct joint {
    const struct rs_pane_joint *joint;
    const struct rs_pane_input *x;
    const struct rs_pane_input *y;
    uint64_t n;
};

/* s->s1, s->s2: sums of x and y; s->xy; s->a = Cxy. */
static bool read_joint(const struct rs_pane_sums *from, const struct joint *j, struct rs_moment_scratch *s)
{
    if (!rs_pane_read_sum(from, j->x->kind, j->x->sum, &s->s1) ||
        !rs_pane_read_sum(from, j->y->kind, j->y->sum, &s->s2) ||
        !rs_pane_read_products(from, j->joint->kind, j->joint->products, &s->xy)) {
        return false;
    }
    cross(&s->a, j->n, &s->xy, &s->s1, &s->s2, &s->d);
    return true;
}

/* s->s3 = Sxx, s->b = Cxx. False: it has no such sum, or all values are equal. */
static bool read_xx(const struct rs_pane_sums *from, const struct joint *j, struct rs_moment_scratch *s)
{
    if (!rs_pane_read_products(from, j->x->kind, j->x->squares, &s->s3)) {
        return false;
    }
    cross(&s->b, j->n, &s->s3, &s->s1, &s->s1, &s->d);
    return positive(&s->b);
}

/* s->s4 = Syy, s->c = Cyy */
static bool read_yy(const struct rs_pane_sums *from, const struct joint *j, struct rs_moment_scratch *s)
{
    if (!rs_pane_read_products(from, j->y->kind, j->y->squares, &s->s4)) {
        return false;
    }
    cross(&s->c, j->n, &s->s4, &s->s2, &s->s2, &s->d);
    return positive(&s->c);
}

/* Cxy / (n (n - 1) 10^(both scales)); n - 1 is n for the population's */
static bool covariance(const struct joint *j, bool sample, struct rs_moment_scratch *s, double *out)
{
    uint64_t less = sample ? 1 : 0;

    if (j->n <= less) {
        return false;
    }
    rs_exact_set_u128(&s->divisor, (rs_u128)j->n * (j->n - less));
    rs_exact_multiply_pow10(&s->divisor, j->x->scale + j->y->scale);
    *out = rs_exact_ratio(&s->a.whole, &s->divisor, s->a.exponent);
    return true;
}

/* Cxy 10^(scale of x) / (Cxx 10^(scale of y)) */
static bool slope(const struct rs_pane_sums *from, const struct joint *j, struct rs_moment_scratch *s,
                  double *out)
{
    if (!read_xx(from, j, s)) {
        return false;
    }
    rs_exact_multiply_pow10(&s->a.whole, j->x->scale);
    rs_exact_multiply_pow10(&s->b.whole, j->y->scale);
    *out = ratio(&s->a, &s->b);
    return true;
}

/* (Sy Sxx - Sx Sxy) / (Cxx 10^(scale of y)) */
static bool intercept(const struct rs_pane_sums *from, const struct joint *j, struct rs_moment_scratch *s,
                      double *out)
{
    if (!read_xx(from, j, s)) {
        return false;
    }
    rs_pane_number_multiply(&s->c, &s->s2, &s->s3);
    rs_pane_number_multiply(&s->d, &s->s1, &s->xy);
    rs_pane_number_subtract(&s->c, &s->d);
    rs_exact_multiply_pow10(&s->b.whole, j->y->scale);
    *out = ratio(&s->c, &s->b);
    return true;
}

/* Cxy^2 / (Cxx Cyy), or its root with the sign of Cxy; scales cancel */
static bool correlation(const struct rs_pane_sums *from, const struct joint *j, bool root,
                        struct rs_moment_scratch *s, double *out)
{
    if (!read_xx(from, j, s) || !read_yy(from, j, s)) {
        return false;
    }
    bool negative = s->a.whole.negative;
    rs_pane_number_multiply(&s->s3, &s->a, &s->a);
    rs_pane_number_multiply(&s->s4, &s->b, &s->c);
    *out = root ? signed_root(negative, &s->s3, &s->s4) : ratio(&s->s3, &s->s4);
    return true;
}

bool rs_pane_joint_value(const struct rs_pane_sums *from, const struct rs_pane_field *field,
                         struct rs_moment_scratch *s, double *out)
{
    const struct rs_pane_joint *joint = &from->layout->joints[field->joint];
    const struct joint j = {
        .joint = joint,
        .x = &from->layout->inputs[joint->sums[!field->swapped]],
        .y = &from->layout->inputs[joint->sums[field->swapped]],
        .n = rs_pane_joint_count(from->layout, from->pane, joint),
    };

    if (j.n == 0 || !read_joint(from, &j, s)) {
        return false;
    }
    switch (field->kind) {
    case RS_STAT_COVARIANCE: return covariance(&j, true, s, out);
    case RS_STAT_COVARIANCE_POP: return covariance(&j, false, s, out);
    case RS_STAT_SLOPE: return slope(from, &j, s, out);
    case RS_STAT_INTERCEPT: return intercept(from, &j, s, out);
    case RS_STAT_CORRELATION: return correlation(from, &j, true, s, out);
    default: return correlation(from, &j, false, s, out);
    }
}
