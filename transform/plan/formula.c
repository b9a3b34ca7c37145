#include "transform/plan/formula.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "base/buf.h"

enum step_kind { STEP_FIELD, STEP_CONSTANT, STEP_ADD, STEP_SUBTRACT, STEP_MULTIPLY };

/* Postfix: a field or constant is laid on a stack, an operator takes two of it. */
struct step {
    enum step_kind kind;
    uint8_t left, right; /* ADD, SUBTRACT: powers of ten by which the sides grow first; one of them is 0 */
    uint16_t slot;       /* FIELD */
    rs_i128 constant;    /* CONSTANT */
};

struct rs_formula {
    struct step *steps;
    size_t count;
    const struct rs_slots *slots;
    const char *text;
    int scale;
    int slot;
    bool narrow, required;
};

/* ---- reading ---- */

/* What is known of a part of a formula before there are values. */
struct operand {
    int scale;
    rs_u128 bound;  /* of its magnitude; 0 beside unbounded: */
    bool unbounded; /* 128 bits may be too few */
};

struct reader {
    struct rs_config *config;
    const struct rs_config_node *where;
    struct rs_slots *slots;
    struct rs_formula *formula;
    const char *at, *end;
    int depth;
    struct rs_buf text;
    bool known; /* the types of all fields */
};

static bool read_sum(struct reader *r, struct operand *out);

static void skip_blanks(struct reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t')) {
        r->at++;
    }
}

static bool take(struct reader *r, char c)
{
    skip_blanks(r);
    bool there = r->at < r->end && *r->at == c;
    r->at += there;
    return there;
}

static bool add_step(struct reader *r, struct step step)
{
    if (r->formula->count == RS_FORMULA_STEPS_MAX) {
        rs_config_complain(r->config, r->where, "a formula has %d fields, constants and operators at most",
                           RS_FORMULA_STEPS_MAX);
        return false;
    }
    r->formula->steps[r->formula->count++] = step;
    return true;
}

/* What names of schemas are made of, and '.'. Where an operand begins a minus does not: one may stand within a
 * name, so that the operator is told apart by what is in front of it. */
static bool name_letter(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '$' || c == '-' ||
           (unsigned char)c >= 0x80;
}

static bool exact(const struct rs_field_type *type)
{
    return type->kind == RS_VALUE_DECIMAL || rs_field_is_plain_integer(type);
}

static bool check_type(struct reader *r, const char *path, const struct rs_field_type *type)
{
    if (exact(type)) {
        return true;
    }
    bool real = type->kind == RS_VALUE_DOUBLE;
    rs_config_complain(
        r->config, r->where,
        real ? "%s is %s, and formulas are exact: declare how many digits count, scale: {%s: 2}"
             : "%s is %s; formulas are made of int, long and decimal fields%s",
        path, rs_field_type_name(type), real ? path : ", and of float and double with a scale");
    return false;
}

static rs_u128 bound_of(const struct rs_field_type *type)
{
    if (type->kind == RS_VALUE_DECIMAL) {
        return rs_pow10_u128(type->precision < RS_I128_DIGITS ? type->precision : RS_I128_DIGITS) - 1;
    }
    return (rs_u128)1 << (type->schema->kind == RS_AVRO_INT ? 31 : 63);
}

static bool read_field(struct reader *r, const char *path, struct operand *out)
{
    int slot = rs_slots_want(r->slots, r->config, r->where, path);
    if (slot < 0) {
        return false;
    }
    const struct rs_field_type *type = &r->slots->types[slot];
    if (rs_field_type_known(type)) {
        if (!check_type(r, path, type)) {
            return false;
        }
        out->scale = type->kind == RS_VALUE_DECIMAL ? type->scale : 0;
        /* A double beyond its scale's digits is a decimal of 19 digits still. */
        bool real = type->schema->kind == RS_AVRO_FLOAT || type->schema->kind == RS_AVRO_DOUBLE;
        out->bound = real ? (rs_u128)1 << 63 : bound_of(type);
        r->formula->required &= !type->nullable && !real;
    } else {
        r->known = false;
    }
    r->formula->slot = r->formula->slot < 0 ? slot : r->formula->slot;
    return add_step(r, (struct step){.kind = STEP_FIELD, .slot = (uint16_t)slot});
}

static bool read_constant(struct reader *r, const char *text, struct operand *out)
{
    struct rs_error error;
    rs_i128 value = 0;
    const char *point = strchr(text, '.');
    int digits = point ? (int)strlen(point + 1) : 0;
    if (strspn(text, "0123456789.") != strlen(text) || digits > RS_SCALE_MAX ||
        rs_decimal_parse(rs_slice_text(text), digits, &value, &error) < 0) {
        rs_config_complain(r->config, r->where, "\"%s\" is no number such as 2 or 0.25", text);
        return false;
    }
    out->scale = digits;
    out->bound = (rs_u128)value;
    return add_step(r, (struct step){.kind = STEP_CONSTANT, .constant = value});
}

static bool complain_operand(struct reader *r)
{
    rs_config_complain(
        r->config, r->where,
        "a formula is made of fields, numbers, + - * and brackets, as in sum(price * pieces); a "
        "minus stands between blanks");
    return false;
}

static bool read_operand(struct reader *r, struct operand *out)
{
    char name[256];
    size_t size = 0;
    *out = (struct operand){0};
    if (take(r, '(')) {
        rs_buf_char(&r->text, '(');
        if (++r->depth > RS_FORMULA_DEPTH_MAX) {
            rs_config_complain(r->config, r->where, "brackets of a formula nest deeper than %d",
                               RS_FORMULA_DEPTH_MAX);
            return false;
        }
        if (!read_sum(r, out)) {
            return false;
        }
        r->depth--;
        rs_buf_char(&r->text, ')');
        return take(r, ')') || complain_operand(r);
    }
    skip_blanks(r);
    if (r->at < r->end && *r->at == '-') {
        return complain_operand(r);
    }
    for (; r->at < r->end && name_letter(*r->at) && size + 1 < sizeof name; r->at++) {
        name[size++] = *r->at;
    }
    name[size] = '\0';
    if (size == 0 || (r->at < r->end && name_letter(*r->at))) {
        return complain_operand(r);
    }
    rs_buf_text(&r->text, name);
    return isdigit((unsigned char)name[0]) ? read_constant(r, name, out) : read_field(r, name, out);
}

/* ---- what an operator makes of two operands ---- */

static void grow(struct operand *side, int digits)
{
    side->unbounded |= __builtin_mul_overflow(side->bound, rs_pow10_u128(digits), &side->bound);
    side->scale += digits;
}

static bool join_sum(struct reader *r, char sign, struct operand *left, struct operand right)
{
    struct step step = {.kind = sign == '+' ? STEP_ADD : STEP_SUBTRACT};
    int more = left->scale - right.scale;
    step.left = (uint8_t)(more < 0 ? -more : 0);
    step.right = (uint8_t)(more > 0 ? more : 0);
    grow(left, step.left);
    grow(&right, step.right);
    left->unbounded |= right.unbounded || __builtin_add_overflow(left->bound, right.bound, &left->bound);
    return add_step(r, step);
}

static bool join_product(struct reader *r, struct operand *left, struct operand right)
{
    left->scale += right.scale;
    left->unbounded |= right.unbounded || __builtin_mul_overflow(left->bound, right.bound, &left->bound);
    if (left->scale > RS_SCALE_MAX) {
        rs_config_complain(r->config, r->where,
                           "a product of the formula has %d digits after the point, and %d are the most",
                           left->scale, RS_SCALE_MAX);
        return false;
    }
    return add_step(r, (struct step){.kind = STEP_MULTIPLY});
}

static bool read_product(struct reader *r, struct operand *out)
{
    bool right = read_operand(r, out);
    while (right && take(r, '*')) {
        struct operand next;
        rs_buf_text(&r->text, " * ");
        right = read_operand(r, &next) && join_product(r, out, next);
    }
    return right;
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as RS_FORMULA_DEPTH_MAX */
static bool read_sum(struct reader *r, struct operand *out)
{
    bool right = read_product(r, out);
    while (right) {
        char sign = '\0';
        if (take(r, '+')) {
            sign = '+';
        } else if (take(r, '-')) {
            sign = '-';
        }
        struct operand next;
        if (sign == '\0') {
            break;
        }
        rs_buf_printf(&r->text, " %c ", sign);
        right = read_product(r, &next) && join_sum(r, sign, out, next);
    }
    return right;
}

/* ---- all together ---- */

static const struct rs_formula *finish(struct reader *r, const struct operand *all)
{
    struct rs_formula *f = r->formula;
    if (f->slot < 0) {
        rs_config_complain(r->config, r->where, "a formula needs a field at least");
        return NULL;
    }
    f->scale = all->scale;
    f->narrow = r->known && !all->unbounded && all->bound <= INT64_MAX;
    rs_buf_char(&r->text, '\0');
    f->text = r->text.failed ? NULL : rs_arena_text(r->slots->arena, (const char *)r->text.data);
    return f->text ? f : NULL;
}

const struct rs_formula *rs_formula_load(struct rs_config *config, struct rs_slots *slots,
                                         const struct rs_config_node *where, const char *text,
                                         const char *end)
{
    struct rs_formula *formula = rs_arena_alloc(slots->arena, sizeof *formula);
    struct reader r = {.config = config,
                       .where = where,
                       .slots = slots,
                       .formula = formula,
                       .at = text,
                       .end = end,
                       .known = true};
    struct operand all = {0};
    const struct rs_formula *out = NULL;
    if (formula) {
        *formula = (struct rs_formula){.slots = slots, .slot = -1, .required = true};
        formula->steps = rs_arena_array(slots->arena, RS_FORMULA_STEPS_MAX, sizeof *formula->steps);
    }
    if (!formula || !formula->steps) {
        rs_config_complain(config, where, "out of memory");
    } else if (read_sum(&r, &all)) {
        skip_blanks(&r);
        out = r.at == r.end || complain_operand(&r) ? finish(&r, &all) : NULL;
    }
    rs_buf_fini(&r.text);
    return out;
}

const char *rs_formula_text(const struct rs_formula *formula)
{
    return formula->text;
}

int rs_formula_scale(const struct rs_formula *formula)
{
    return formula->scale;
}

bool rs_formula_narrow(const struct rs_formula *formula)
{
    return formula->narrow;
}

bool rs_formula_required(const struct rs_formula *formula)
{
    return formula->required;
}

int rs_formula_slot(const struct rs_formula *formula)
{
    return formula->slot;
}

void rs_formula_fingerprint(const struct rs_formula *formula, struct rs_buf *out)
{
    for (size_t i = 0; i < formula->count; i++) {
        if (formula->steps[i].kind == STEP_FIELD) {
            const struct rs_field_type *type = &formula->slots->types[formula->steps[i].slot];
            rs_buf_printf(out, ";%d %d %d", (int)type->kind, (int)type->schema->kind, type->scale);
        }
    }
}

/* ---- evaluating ---- */

/* What 10 to the power of 38 is above of has more digits than are ever shown. */
static bool in_digits(rs_i128 number)
{
    const rs_i128 limit = (rs_i128)rs_pow10_u128(RS_I128_DIGITS);
    return number < limit && number > -limit;
}

/* False: the step does not fit. */
static bool join(const struct step *step, rs_i128 *left, rs_i128 right)
{
    bool out = false;
    if (step->kind == STEP_MULTIPLY) {
        return !__builtin_mul_overflow(*left, right, left);
    }
    if (step->left) {
        out = __builtin_mul_overflow(*left, (rs_i128)rs_pow10_u128(step->left), left);
    } else if (step->right) {
        out = __builtin_mul_overflow(right, (rs_i128)rs_pow10_u128(step->right), &right);
    }
    return !out && !(step->kind == STEP_ADD ? __builtin_add_overflow(*left, right, left)
                                            : __builtin_sub_overflow(*left, right, left));
}

static enum rs_formula_result load(const struct rs_value *value, rs_i128 *out)
{
    if (value->kind == RS_VALUE_NULL) {
        return RS_FORMULA_NULL;
    }
    if (value->kind == RS_VALUE_DOUBLE) { /* one with a scale that is not finite: judge.c */
        return RS_FORMULA_NOT_FINITE;
    }
    *out = value->wide ? value->w : value->i;
    return RS_FORMULA_NUMBER;
}

/* A null anywhere decides, whatever the numbers before it come to: so nulls are looked for first. */
enum rs_formula_result rs_formula_eval(const struct rs_formula *formula, const struct rs_value *values,
                                       rs_i128 *out)
{
    rs_i128 stack[RS_FORMULA_STEPS_MAX / 2 + 1] = {0};
    size_t depth = 0;
    bool fits = true;
    bool finite = true;
    const struct step *step = formula->steps;
    for (size_t left = formula->count; left > 0; left--, step++) {
        if (step->kind == STEP_FIELD) {
            enum rs_formula_result result = load(&values[step->slot], &stack[depth]);
            if (result == RS_FORMULA_NULL) {
                return result;
            }
            finite &= result == RS_FORMULA_NUMBER;
            stack[depth] = result == RS_FORMULA_NUMBER ? stack[depth] : 0;
            depth++;
        } else if (step->kind == STEP_CONSTANT) {
            stack[depth++] = step->constant;
        } else {
            depth--;
            fits &= join(step, &stack[depth - 1], stack[depth]);
        }
    }
    if (!finite) {
        return RS_FORMULA_NOT_FINITE;
    }
    *out = stack[0];
    return fits && in_digits(stack[0]) ? RS_FORMULA_NUMBER : RS_FORMULA_TOO_LARGE;
}
