#include "transform/pane/derived.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "transform/number/exact.h"
#include "transform/pane/internal.h"

/* numerator / denominator * 10^exponent; the denominator is positive. */
struct rational {
    struct rs_exact numerator;
    struct rs_exact denominator;
    int exponent;
};

/* ---- operands ---- */

static void set_zero(struct rational *out)
{
    rs_exact_set_u128(&out->numerator, 0);
    rs_exact_set_u128(&out->denominator, 1);
    out->exponent = 0;
}

static void append_digit(struct rs_exact *number, mp_limb_t digit)
{
    if (number->size == 0) {
        rs_exact_set_u128(number, digit);
        return;
    }
    rs_exact_multiply_u64(number, 10);
    mp_limb_t carry = mpn_add_1(number->limb, number->limb, (mp_size_t)number->size, digit);
    if (carry) {
        number->limb[number->size++] = carry;
    }
}

/* -12.5e-7, as rs_decimal_format and rs_double_format write. */
static bool read_text(const struct rs_derived_text *shown, struct rational *out)
{
    const char *end = shown->text + shown->size;
    bool negative = shown->size > 0 && shown->text[0] == '-';
    bool fraction = false;
    const char *first = shown->text + negative;
    const char *at = first;
    set_zero(out);
    for (; at < end && (isdigit((unsigned char)*at) || (*at == '.' && !fraction)); at++) {
        if (*at == '.') {
            fraction = true;
            continue;
        }
        append_digit(&out->numerator, (mp_limb_t)(*at - '0'));
        out->exponent -= fraction;
    }
    bool digits = at > first;
    out->numerator.negative = negative && out->numerator.size > 0;
    if (at < end && *at == 'e') {
        bool down = at + 1 < end && at[1] == '-';
        int power = 0;
        for (at += 2; at < end && isdigit((unsigned char)*at) && power < 10000; at++) {
            power = 10 * power + *at - '0';
        }
        out->exponent += down ? -power : power;
    }
    return digits && at == end;
}

/* ---- steps: false where one has no result ---- */

static bool fits(size_t limbs)
{
    return limbs < RS_DERIVED_LIMBS_MAX;
}

/* number *= 10^power */
static bool scale(struct rs_exact *number, int power)
{
    const int digits_in_limb = 19;
    if (!fits(number->size + (size_t)(power / digits_in_limb) + 1)) {
        return number->size == 0;
    }
    rs_exact_multiply_pow10(number, power);
    return true;
}

static bool multiply_by(struct rs_exact *number, const struct rs_exact *factor)
{
    const struct rs_exact copy = *number;
    if (!fits((size_t)number->size + factor->size)) {
        return false;
    }
    rs_exact_multiply(number, &copy, factor);
    return true;
}

static bool same(const struct rs_exact *a, const struct rs_exact *b)
{
    return a->size == b->size && memcmp(a->limb, b->limb, a->size * sizeof *a->limb) == 0;
}

static bool align(struct rational *a, int exponent)
{
    int power = a->exponent - exponent;
    a->exponent = exponent;
    return power == 0 || scale(&a->numerator, power);
}

static bool subtract(struct rational *a, struct rational *b)
{
    int exponent = a->exponent < b->exponent ? a->exponent : b->exponent;
    if (!align(a, exponent) || !align(b, exponent)) {
        return false;
    }
    if (!same(&a->denominator, &b->denominator)) {
        if (!multiply_by(&a->numerator, &b->denominator) || !multiply_by(&b->numerator, &a->denominator) ||
            !multiply_by(&a->denominator, &b->denominator)) {
            return false;
        }
    }
    if (!fits((size_t)a->numerator.size + 1) || !fits((size_t)b->numerator.size + 1)) {
        return false;
    }
    rs_exact_subtract(&a->numerator, &a->numerator, &b->numerator);
    return true;
}

static void negate(struct rational *a)
{
    a->numerator.negative = !a->numerator.negative && a->numerator.size > 0;
}

static bool divide(struct rational *a, struct rational *b)
{
    if (b->numerator.size == 0) {
        return false;
    }
    bool negative = b->numerator.negative;
    b->numerator.negative = false;
    a->exponent -= b->exponent;
    if (!multiply_by(&a->numerator, &b->denominator) || !multiply_by(&a->denominator, &b->numerator)) {
        return false;
    }
    if (negative) {
        negate(a);
    }
    return true;
}

static bool join(enum rs_derived_op op, struct rational *a, struct rational *b)
{
    switch (op) {
    case RS_DERIVED_ADD: negate(b); return subtract(a, b);
    case RS_DERIVED_SUBTRACT: return subtract(a, b);
    case RS_DERIVED_MULTIPLY:
        a->exponent += b->exponent;
        return multiply_by(&a->numerator, &b->numerator) && multiply_by(&a->denominator, &b->denominator);
    case RS_DERIVED_DIVIDE: return divide(a, b);
    default: return false;
    }
}

/* ---- the result ---- */

static void drop_zeros(struct rational *r)
{
    struct rs_exact tenth = r->numerator;
    while (r->exponent < 0 && r->numerator.size > 0) {
        if (mpn_divrem_1(tenth.limb, 0, r->numerator.limb, (mp_size_t)r->numerator.size, 10) != 0) {
            return;
        }
        tenth.size = r->numerator.size - (tenth.limb[r->numerator.size - 1] == 0);
        r->numerator = tenth;
        r->exponent++;
    }
}

static size_t put_decimal(struct rational *r, char *text)
{
    drop_zeros(r);
    if (r->numerator.size == 0) {
        r->exponent = 0;
    }
    return r->numerator.size <= 3 && r->exponent <= 0 && r->exponent >= -RS_SCALE_MAX
               ? rs_exact_format(&r->numerator, -r->exponent, text)
               : 0;
}

static size_t put_double(struct rational *r, char *text)
{
    bool up = r->exponent > 0;
    if (!scale(up ? &r->numerator : &r->denominator, up ? r->exponent : -r->exponent)) {
        return 0;
    }
    double value = rs_exact_ratio(&r->numerator, &r->denominator, 0);
    return isfinite(value) ? rs_double_format(value, text) : 0;
}

void rs_derived_eval(const struct rs_derived *derived, const struct rs_derived_text *shown, bool exact,
                     struct rs_derived_text *out)
{
    struct rational stack[RS_DERIVED_STACK_MAX]; /* some KiB each, which are not cleared */
    size_t depth = 0;
    out->size = 0;
    for (size_t i = 0; i < RS_DERIVED_STACK_MAX; i++) {
        set_zero(&stack[i]);
    }
    for (size_t i = 0; i < derived->count; i++) {
        const struct rs_derived_step *step = &derived->steps[i];
        switch (step->op) {
        case RS_DERIVED_FIELD:
            if (!read_text(&shown[step->field], &stack[depth++])) {
                return;
            }
            break;
        case RS_DERIVED_CONSTANT:
            rs_exact_set_i128(&stack[depth].numerator, step->constant);
            rs_exact_set_u128(&stack[depth].denominator, 1);
            stack[depth++].exponent = -step->scale;
            break;
        case RS_DERIVED_NEGATE: negate(&stack[depth - 1]); break;
        case RS_DERIVED_ADD:
        case RS_DERIVED_SUBTRACT:
        case RS_DERIVED_MULTIPLY:
        case RS_DERIVED_DIVIDE:
            exact &= step->op != RS_DERIVED_DIVIDE;
            depth--;
            if (!join(step->op, &stack[depth - 1], &stack[depth])) {
                return;
            }
            break;
        }
    }
    out->size = exact ? put_decimal(&stack[0], out->text) : 0;
    if (out->size == 0) {
        out->size = put_double(&stack[0], out->text);
    }
}

/* ---- the layout ---- */

/* Numbers that are shown to their last digit. */
static bool exact_field(const struct rs_pane_layout *layout, const struct rs_pane_field *field)
{
    switch (field->kind) {
    case RS_STAT_COUNT:
    case RS_STAT_DISTINCT:
    case RS_STAT_PROFILE: return true; /* of which arithmetic knows the step alone */
    case RS_STAT_DERIVED: return field->exact;
    case RS_STAT_SUM:
    case RS_STAT_MIN:
    case RS_STAT_MAX:
    case RS_STAT_RANGE:
    case RS_STAT_FIRST:
    case RS_STAT_LAST:
    case RS_STAT_LAG_PERIOD:
    case RS_STAT_CHANGE: return layout->inputs[field->input].kind != RS_NUM_DOUBLE;
    case RS_STAT_QUANTILE:
    case RS_STAT_MEDIAN:
    case RS_STAT_LAG:
    case RS_STAT_DRAWDOWN: return layout->parts[field->part].x.kind != RS_NUM_DOUBLE;
    default: return false;
    }
}

void rs_pane_layout_derive(struct rs_pane_layout *layout, const struct rs_derived *derived, size_t count)
{
    RS_ASSERT(layout->field_count <= RS_DERIVED_FIELDS_MAX);
    layout->derived = derived;
    layout->derived_count = count;
    for (size_t i = 0; i < count; i++) {
        struct rs_pane_field *field = &layout->fields[derived[i].field];
        RS_ASSERT(field->kind == RS_STAT_DERIVED);
        field->exact = true;
        for (size_t k = 0; k < derived[i].count; k++) {
            const struct rs_derived_step *step = &derived[i].steps[k];
            if (step->op == RS_DERIVED_FIELD) {
                struct rs_pane_field *used = &layout->fields[step->field];
                used->operand = true;
                field->exact &= exact_field(layout, used);
            }
            field->exact &= step->op != RS_DERIVED_DIVIDE;
        }
    }
}
