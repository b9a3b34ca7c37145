/* From sums to texts. Every derived number is a rational of whole numbers, with one rounding at the end. */
#include <math.h>
#include <stdlib.h>

#include "transform/number/exact.h"
#include "transform/pane/derived.h"
#include "transform/pane/moments.h"
#include "transform/pane/wide.h"

#define US_PER_SECOND 1000000

struct rs_pane_scratch {
    struct rs_pane_number a;
    struct rs_pane_number b;
    struct rs_exact product;
    struct rs_exact divisor;
    struct rs_super_value super;
    struct rs_moment_scratch moments;
    char text[RS_NUMBER_TEXT_MAX];
    struct rs_buf part; /* its text, which may be longer */
};

struct rs_pane_scratch *rs_pane_scratch_new(void)
{
    struct rs_pane_scratch *scratch = malloc(sizeof *scratch);

    if (scratch) {
        scratch->part = (struct rs_buf){0};
    }
    return scratch;
}

void rs_pane_scratch_free(struct rs_pane_scratch **scratch)
{
    if (*scratch) {
        rs_buf_fini(&(*scratch)->part);
    }
    free(*scratch);
    *scratch = NULL;
}

/* What one call of rs_pane_render works on. */
struct render {
    struct rs_pane_sums now;
    const struct rs_pane_layout *previous_layout;
    const void *previous;
    const struct rs_pane_layout *outer; /* of references: as they come */
    const struct rs_pane_earlier *earlier;
    int64_t window_us;
    struct rs_pane_scratch *scratch;
};

/* ---- reading: these return false for a sum that was lost ---- */

static bool read_sum(const struct render *r, enum rs_num_kind kind, uint32_t at, struct rs_pane_number *out)
{
    return rs_pane_read_sum(&r->now, kind, at, out);
}

static bool read_products(const struct render *r, enum rs_num_kind kind, uint32_t at,
                          struct rs_pane_number *out)
{
    return rs_pane_read_products(&r->now, kind, at, out);
}

/* ---- results: each returns the length of the text, 0 for no value ---- */

static size_t put_double(double value, char *text)
{
    return isfinite(value) ? rs_double_format(value, text) : 0;
}

/* The value of a min, max, first or last. */
static size_t put_slot(const struct rs_pane_input *in, const void *slot, char *text)
{
    switch (in->kind) {
    case RS_NUM_INT64: return rs_decimal_format(*(const int64_t *)slot, in->scale, text);
    case RS_NUM_INT128: return rs_decimal_format(rs_load128(slot), in->scale, text);
    case RS_NUM_DOUBLE: return put_double(*(const double *)slot, text);
    }
    return 0;
}

/* a - b of two such values. The difference of doubles is rounded correctly by the machine. */
static size_t put_difference(struct rs_pane_scratch *s, const struct rs_pane_input *in, const void *a,
                             const void *b, char *text)
{
    switch (in->kind) {
    case RS_NUM_INT64:
        return rs_decimal_format((rs_i128) * (const int64_t *)a - *(const int64_t *)b, in->scale, text);
    case RS_NUM_INT128:
        rs_exact_set_i128(&s->a.whole, rs_load128(a));
        rs_exact_set_i128(&s->b.whole, rs_load128(b));
        rs_exact_subtract(&s->product, &s->a.whole, &s->b.whole);
        return rs_exact_format(&s->product, in->scale, text);
    case RS_NUM_DOUBLE: return put_double(*(const double *)a - *(const double *)b, text);
    }
    return 0;
}

/* Exact for decimals; a sum of doubles is rounded here, and only here. */
static size_t render_sum(struct render *r, const struct rs_pane_input *in, char *text)
{
    struct rs_pane_scratch *s = r->scratch;

    if (in->kind == RS_NUM_INT64 && !r->now.lost) {
        const void *slot = rs_pane_at_const(r->now.pane, in->sum);
        return rs_decimal_format(r->now.layout->narrow ? *(const int64_t *)slot : rs_load128(slot), in->scale,
                                 text);
    }
    if (!read_sum(r, in->kind, in->sum, &s->a)) {
        return 0;
    }
    if (in->kind == RS_NUM_INT128) {
        return rs_exact_format(&s->a.whole, in->scale, text);
    }
    rs_exact_set_u128(&s->divisor, 1);
    return put_double(rs_exact_ratio(&s->a.whole, &s->divisor, s->a.exponent), text);
}

/* sum / (n * 10^scale) */
static size_t render_mean(struct render *r, const struct rs_pane_input *in, char *text)
{
    struct rs_pane_scratch *s = r->scratch;

    if (!read_sum(r, in->kind, in->sum, &s->a)) {
        return 0;
    }
    rs_exact_set_u128(&s->divisor, rs_pane_count(r->now.pane, in));
    rs_exact_multiply_pow10(&s->divisor, in->scale);
    return put_double(rs_exact_ratio(&s->a.whole, &s->divisor, s->a.exponent), text);
}

/* s->a / 10^scale per second */
static size_t put_rate(struct render *r, int scale, char *text)
{
    struct rs_pane_scratch *s = r->scratch;

    if (r->window_us <= 0) {
        return 0;
    }
    rs_exact_multiply_u64(&s->a.whole, US_PER_SECOND);
    rs_exact_set_u128(&s->divisor, (rs_u128)r->window_us);
    rs_exact_multiply_pow10(&s->divisor, scale);
    return put_double(rs_exact_ratio(&s->a.whole, &s->divisor, s->a.exponent), text);
}

static size_t render_event_rate(struct render *r, char *text)
{
    rs_exact_set_u128(&r->scratch->a.whole, rs_pane_events(r->now.pane));
    r->scratch->a.exponent = 0;
    return put_rate(r, 0, text);
}

/* sum(x w) / (sum(w) * 10^scale of x): that of w cancels */
static size_t render_vwap(struct render *r, const struct rs_pane_pair *pair, char *text)
{
    struct rs_pane_scratch *s = r->scratch;
    const struct rs_pane_input *x = &r->now.layout->inputs[pair->x];
    const struct rs_pane_input *w = &r->now.layout->inputs[pair->w];

    if (!read_products(r, pair->kind, pair->products, &s->a) || !read_sum(r, w->kind, pair->weights, &s->b) ||
        s->b.whole.size == 0) {
        return 0;
    }
    rs_exact_multiply_pow10(&s->b.whole, x->scale);
    return put_double(rs_exact_ratio(&s->a.whole, &s->b.whole, s->a.exponent - s->b.exponent), text);
}

/* s->a = n * squares - sum^2, which is n^2 times the population variance. Limbs of doubles are brought to one
 * exponent first; that of squares counts from twice that of sums. */
static bool read_deviation(struct render *r, const struct rs_pane_input *in)
{
    struct rs_pane_scratch *s = r->scratch;

    if (!read_sum(r, in->kind, in->sum, &s->b)) {
        return false;
    }
    rs_exact_multiply(&s->product, &s->b.whole, &s->b.whole);
    int square_exponent = 2 * s->b.exponent;
    if (!read_products(r, in->kind, in->squares, &s->a)) {
        return false;
    }
    rs_exact_multiply_u64(&s->a.whole, rs_pane_count(r->now.pane, in));
    int limbs = (s->a.exponent - square_exponent) / 64;
    if (s->product.size > 0 && limbs > 0) {
        rs_exact_shift_limbs(&s->a.whole, (size_t)limbs);
        s->a.exponent = square_exponent;
    } else if (limbs < 0) {
        rs_exact_shift_limbs(&s->product, (size_t)-limbs);
    }
    rs_exact_subtract(&s->a.whole, &s->a.whole, &s->product);
    return !s->a.whole.negative; /* never, unless the pane was loaded from damaged bytes */
}

/* deviation / (n (n - 1) * 10^(2 scale)), or its root; n - 1 is n for the population's. */
static size_t render_variance(struct render *r, const struct rs_pane_input *in, bool sample, bool root,
                              char *text)
{
    struct rs_pane_scratch *s = r->scratch;
    uint64_t n = rs_pane_count(r->now.pane, in);
    uint64_t less = sample ? 1 : 0;

    if (n <= less || !read_deviation(r, in)) {
        return 0;
    }
    rs_exact_set_u128(&s->divisor, (rs_u128)n * (n - less));
    rs_exact_multiply_pow10(&s->divisor, 2 * in->scale);
    return put_double(root ? rs_exact_root(&s->a.whole, &s->divisor, s->a.exponent)
                           : rs_exact_ratio(&s->a.whole, &s->divisor, s->a.exponent),
                      text);
}

/* ---- moments ---- */

static size_t render_moment(struct render *r, enum rs_stat_kind kind, const struct rs_pane_input *in,
                            char *text)
{
    bool sample = kind == RS_STAT_SKEWNESS || kind == RS_STAT_KURTOSIS;
    bool third = kind == RS_STAT_SKEWNESS || kind == RS_STAT_SKEWNESS_POP;
    struct rs_moment_scratch *s = &r->scratch->moments;
    double value = 0;
    bool there = third ? rs_pane_skewness(&r->now, in, sample, s, &value)
                       : rs_pane_kurtosis(&r->now, in, sample, s, &value);

    return there ? put_double(value, text) : 0;
}

static size_t render_joint(struct render *r, const struct rs_pane_field *field, char *text)
{
    double value = 0;

    return rs_pane_joint_value(&r->now, field, &r->scratch->moments, &value) ? put_double(value, text) : 0;
}

/* ---- against the previous pane ---- */

/* Doubles become whole multiples of the smallest that a sum can hold. Which power of two that is cancels
 * out. */
static void set_slot(struct rs_pane_scratch *s, const struct rs_pane_input *in, const void *slot,
                     struct rs_exact *out)
{
    uint64_t sum[8];

    switch (in->kind) {
    case RS_NUM_INT64: rs_exact_set_i128(out, *(const int64_t *)slot); break;
    case RS_NUM_INT128: rs_exact_set_i128(out, rs_load128(slot)); break;
    case RS_NUM_DOUBLE: /* one value alone always fits the compact form */
        rs_super_init(&rs_super_sum, sum);
        rs_super_add(&rs_super_sum, sum, *(const double *)slot);
        rs_super_read(&rs_super_sum, sum, &s->super);
        rs_exact_set_magnitude(out, s->super.limb, s->super.size, s->super.at, s->super.negative);
        break;
    }
}

/* 100 * (a - b) / |b|; scales cancel */
static size_t put_pct_change(struct rs_pane_scratch *s, const struct rs_pane_input *in, const void *a,
                             const void *b, char *text)
{
    set_slot(s, in, a, &s->a.whole);
    set_slot(s, in, b, &s->b.whole);
    if (s->b.whole.size == 0) {
        return 0;
    }
    rs_exact_subtract(&s->a.whole, &s->a.whole, &s->b.whole);
    rs_exact_multiply_u64(&s->a.whole, 100);
    s->b.whole.negative = false;
    return put_double(rs_exact_ratio(&s->a.whole, &s->b.whole, 0), text);
}

static size_t render_change(struct render *r, int input, bool percent, char *text)
{
    const struct rs_pane_input *in = &r->now.layout->inputs[input];

    if (!r->previous || rs_pane_count(r->previous, &r->previous_layout->inputs[input]) == 0) {
        return 0;
    }
    const void *now = rs_pane_at_const(r->now.pane, in->last);
    const void *before = rs_pane_at_const(r->previous, r->previous_layout->inputs[input].last);
    return percent ? put_pct_change(r->scratch, in, now, before, text)
                   : put_difference(r->scratch, in, now, before, text);
}

/* The period's own value, or how far this one is from it. */
static size_t render_reference(struct render *r, const struct rs_pane_field *field, char *text)
{
    const void *reference = r->earlier->references ? r->earlier->references[field->reference] : NULL;
    if (!reference) {
        return 0;
    }
    const struct rs_pane_const_form form = rs_pane_const_form(r->outer, reference);
    const struct rs_pane_input *in = &form.layout->inputs[field->input];
    if (rs_pane_count(form.pane, in) == 0) {
        return 0;
    }
    const void *then = rs_pane_at_const(form.pane, in->last);
    if (field->kind == RS_STAT_LAG_PERIOD) {
        return put_slot(in, then, text);
    }
    const struct rs_pane_input *now_in = &r->now.layout->inputs[field->input];
    const void *now = rs_pane_at_const(r->now.pane, now_in->last);
    return field->kind == RS_STAT_CHANGE ? put_difference(r->scratch, now_in, now, then, text)
                                         : put_pct_change(r->scratch, now_in, now, then, text);
}

/* ---- fields ---- */

static size_t render_extremum(struct render *r, const struct rs_pane_field *field,
                              const struct rs_pane_input *in, char *text)
{
    const void *min = rs_pane_at_const(r->now.pane, in->min);
    const void *max = rs_pane_at_const(r->now.pane, in->max);

    switch (field->kind) {
    case RS_STAT_MIN: return put_slot(in, min, text);
    case RS_STAT_MAX: return put_slot(in, max, text);
    case RS_STAT_RANGE: return put_difference(r->scratch, in, max, min, text);
    case RS_STAT_FIRST: return put_slot(in, rs_pane_at_const(r->now.pane, in->first), text);
    default: return put_slot(in, rs_pane_at_const(r->now.pane, in->last), text);
    }
}

/* Of a field that needs no value to be there. */
static size_t render_total(struct render *r, const struct rs_pane_field *field,
                           const struct rs_pane_input *in, char *text)
{
    switch (field->kind) {
    case RS_STAT_COUNT: return rs_u64_digits(rs_pane_count(r->now.pane, in), text);
    case RS_STAT_SUM: return render_sum(r, in, text);
    case RS_STAT_RATE:
        return read_sum(r, in->kind, in->sum, &r->scratch->a) ? put_rate(r, in->scale, text) : 0;
    default: return render_vwap(r, &r->now.layout->pairs[field->pair], text);
    }
}

/* Of one that is absent without a value. */
static size_t render_value(struct render *r, const struct rs_pane_field *field,
                           const struct rs_pane_input *in, char *text)
{
    if (rs_pane_count(r->now.pane, in) == 0) {
        return 0;
    }
    switch (field->kind) {
    case RS_STAT_MEAN: return render_mean(r, in, text);
    case RS_STAT_VARIANCE: return render_variance(r, in, true, false, text);
    case RS_STAT_VARIANCE_POP: return render_variance(r, in, false, false, text);
    case RS_STAT_STDDEV: return render_variance(r, in, true, true, text);
    case RS_STAT_STDDEV_POP: return render_variance(r, in, false, true, text);
    case RS_STAT_SKEWNESS:
    case RS_STAT_SKEWNESS_POP:
    case RS_STAT_KURTOSIS:
    case RS_STAT_KURTOSIS_POP: return render_moment(r, field->kind, in, text);
    case RS_STAT_CHANGE:
    case RS_STAT_PCT_CHANGE:
        return field->reference >= 0
                   ? render_reference(r, field, text)
                   : render_change(r, field->input, field->kind == RS_STAT_PCT_CHANGE, text);
    case RS_STAT_YOY: return render_reference(r, field, text);
    default: return render_extremum(r, field, in, text);
    }
}

static size_t render_field(struct render *r, const struct rs_pane_field *field, char *text)
{
    if (field->input < 0) {
        return field->kind == RS_STAT_COUNT ? rs_u64_digits(rs_pane_events(r->now.pane), text)
                                            : render_event_rate(r, text);
    }
    if (field->joint >= 0) {
        return render_joint(r, field, text);
    }
    const struct rs_pane_input *in = &r->now.layout->inputs[field->input];
    switch (field->kind) {
    case RS_STAT_COUNT:
    case RS_STAT_SUM:
    case RS_STAT_RATE:
    case RS_STAT_VWAP: return render_total(r, field, in, text);
    case RS_STAT_LAG_PERIOD: return render_reference(r, field, text);
    default: return render_value(r, field, in, text);
    }
}

/* Without memory for its text a field is absent. */
static size_t render_part(struct render *r, const struct rs_pane_field *field)
{
    const struct rs_part *part = &r->now.layout->parts[field->part];
    struct rs_part_ask ask = field->ask;
    struct rs_buf *out = &r->scratch->part;

    ask.window_us = r->window_us;
    rs_buf_reset(out);
    rs_part_render(part, rs_pane_slot(r->now.pane, part), &ask, out);
    return out->failed ? 0 : out->size;
}

/* Where its text is: of a part it may be long. */
static size_t render_any(struct render *r, const struct rs_pane_field *field, const char **text)
{
    if (field->of_part) {
        size_t size = render_part(r, field);
        *text = (const char *)r->scratch->part.data;
        return size;
    }
    *text = r->scratch->text;
    return render_field(r, field, r->scratch->text);
}

/* Operands are rendered first, then what is reckoned from them, and all is emitted in the order of the fields. */
static __attribute__((noinline)) void
render_derived(struct render *r, const struct rs_pane_layout *layout,
               void (*emit)(void *ctx, size_t field, const char *text, size_t size), void *ctx)
{
    struct rs_derived_text shown[RS_DERIVED_FIELDS_MAX];
    const char *text = NULL;

    for (size_t i = 0; i < layout->field_count; i++) {
        if (layout->fields[i].operand && layout->fields[i].kind != RS_STAT_DERIVED) {
            size_t size = render_any(r, &layout->fields[i], &text);
            shown[i].size = size <= sizeof shown[i].text ? size : 0;
            if (shown[i].size > 0) {
                memcpy(shown[i].text, text, size);
            }
        }
    }
    for (size_t i = 0; i < layout->derived_count; i++) {
        const struct rs_derived *d = &layout->derived[i];
        rs_derived_eval(d, shown, layout->fields[d->field].exact, &shown[d->field]);
    }
    for (size_t i = 0; i < layout->field_count; i++) {
        const struct rs_pane_field *field = &layout->fields[i];
        bool kept = field->operand || field->kind == RS_STAT_DERIVED;
        size_t size = kept ? shown[i].size : render_any(r, field, &text);
        if (size > 0) {
            emit(ctx, i, kept ? shown[i].text : text, size);
        }
    }
}

void rs_pane_render(const struct rs_pane_layout *layout, const void *pane, const void *previous,
                    int64_t window_us, struct rs_pane_scratch *scratch,
                    void (*emit)(void *ctx, size_t field, const char *text, size_t size), void *ctx)
{
    const struct rs_pane_earlier earlier = {.previous = previous};

    rs_pane_render_with(layout, pane, &earlier, window_us, scratch, emit, ctx);
}

void rs_pane_render_with(const struct rs_pane_layout *layout, const void *pane,
                         const struct rs_pane_earlier *earlier, int64_t window_us,
                         struct rs_pane_scratch *scratch,
                         void (*emit)(void *ctx, size_t field, const char *text, size_t size), void *ctx)
{
    const struct rs_pane_const_form now = rs_pane_const_form(layout, pane);
    struct render r = {.now = {now.layout, now.pane, rs_pane_is_lost(pane)},
                       .outer = layout,
                       .earlier = earlier,
                       .window_us = window_us,
                       .scratch = scratch};

    if (earlier->previous) {
        const struct rs_pane_const_form before = rs_pane_const_form(layout, earlier->previous);
        r.previous_layout = before.layout;
        r.previous = before.pane;
    }
    if (layout->derived_count > 0) {
        render_derived(&r, layout, emit, ctx);
        return;
    }
    for (size_t i = 0; i < layout->field_count; i++) {
        const char *text = NULL;
        size_t size = render_any(&r, &layout->fields[i], &text);
        if (size > 0) {
            emit(ctx, i, text, size);
        }
    }
}
