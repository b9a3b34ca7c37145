#include "transform/plan/stat_call.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/unit.h"
#include "transform/pane/span.h"

/* ---- reading ---- */

static const char *blanks(const char *at)
{
    while (*at == ' ' || *at == '\t') {
        at++;
    }
    return at;
}

bool rs_stat_name_letter(char c)
{
    return isalnum((unsigned char)c) || (c != '\0' && strchr("_.$-", c)) || (unsigned char)c >= 0x80;
}

/* NULL: none, or longer than `size`. */
static const char *word(const char *at, char *out, size_t size)
{
    size_t length = 0;
    for (; rs_stat_name_letter(*at); at++) {
        if (length + 1 == size) {
            return NULL;
        }
        out[length++] = *at;
    }
    out[length] = '\0';
    return length ? blanks(at) : NULL;
}

/* `half_life: ` in front of an argument, which no field and no formula begins with. */
static const char *label(const char *at, struct rs_slice *out)
{
    const char *end = at;
    while (isalnum((unsigned char)*end) || *end == '_') {
        end++;
    }
    const char *colon = blanks(end);
    if (end == at || *colon != ':') {
        return at;
    }
    *out = rs_slice_of(at, (size_t)(end - at));
    return blanks(colon + 1);
}

/* All up to the comma or bracket that ends the argument. NULL: it does not end, or is empty. */
static const char *argument(const char *at, struct rs_stat_call_arg *out)
{
    *out = (struct rs_stat_call_arg){0};
    at = label(at, &out->label);
    int depth = 0;
    const char *end = at;
    for (; depth > 0 || (*end != ',' && *end != ')'); end++) {
        if (*end == '\0') {
            return NULL;
        }
        depth += (*end == '(') - (*end == ')');
    }
    const char *last = end;
    while (last > at && (last[-1] == ' ' || last[-1] == '\t')) {
        last--;
    }
    out->text = rs_slice_of(at, (size_t)(last - at));
    return last > at ? end : NULL;
}

bool rs_stat_call_parse(const char *text, struct rs_stat_call *out)
{
    struct rs_stat_call_arg beyond;
    *out = (struct rs_stat_call){0};
    const char *at = word(blanks(text), out->name, sizeof out->name);
    if (!at || *at != '(') {
        return false;
    }
    at = blanks(at + 1);
    while (*at != ')') {
        if (out->count && *at != ',') {
            return false;
        }
        at = argument(blanks(out->count ? at + 1 : at),
                      out->count < RS_STAT_ARGS_MAX ? &out->args[out->count] : &beyond);
        if (!at) {
            return false;
        }
        out->count++;
    }
    return *blanks(at + 1) == '\0';
}

/* ---- what a statistic takes, in words ---- */

static size_t declared(const struct rs_known_stat *known)
{
    size_t count = 0;
    while (count < RS_STAT_ARGS_MAX && known->args[count].kind != RS_ARG_NONE) {
        count++;
    }
    return count;
}

bool rs_stat_arg_is_field(const struct rs_stat_arg *arg)
{
    return arg->kind == RS_ARG_FIELD || arg->kind == RS_ARG_ANY_FIELD || arg->kind == RS_ARG_TIME ||
           arg->kind == RS_ARG_ANY_VALUE;
}

/* "a number from 0 to 1" */
static void describe(const struct rs_stat_arg *arg, struct rs_buf *out)
{
    static const char *const words[] = {
        [RS_ARG_NONE] = "nothing",
        [RS_ARG_FIELD] = "a field",
        [RS_ARG_ANY_FIELD] = "a field",
        [RS_ARG_TIME] = "a field",
        [RS_ARG_ANY_VALUE] = "a field",
        [RS_ARG_NUMBER] = "a number",
        [RS_ARG_WHOLE] = "a whole number",
        [RS_ARG_DURATION] = "a duration such as 5m",
        [RS_ARG_SPAN] = "1d, 1w, 1mo, 1q or 1y",
    };
    rs_buf_text(out, words[arg->kind]);
    if (arg->least != arg->most) {
        rs_buf_printf(out, " from %lld to %lld", (long long)arg->least, (long long)arg->most);
    }
}

/* "one field", "one field or none", "two fields"; "a field, a number from 0 to 1 (q) and, where wanted, ..." */
static void describe_all(const struct rs_known_stat *known, struct rs_buf *out)
{
    size_t count = declared(known);
    bool fields = count == 1 || (count == 2 && !known->args[1].optional);
    for (size_t i = 0; i < count; i++) {
        fields &= rs_stat_arg_is_field(&known->args[i]);
    }
    if (count == 0 || fields) {
        rs_buf_text(out, count == 0                ? "nothing"
                         : count == 2              ? "two fields"
                         : known->args[0].optional ? "one field or none"
                                                   : "one field");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const struct rs_stat_arg *arg = &known->args[i];
        rs_buf_text(out, i == 0 ? "" : i + 1 < count ? ", " : " and ");
        describe(arg, out);
        if (!rs_stat_arg_is_field(arg)) {
            rs_buf_printf(out, " (%s)", arg->name);
        }
        rs_buf_text(out, arg->optional ? " or not" : "");
    }
}

static bool complain_arguments(struct rs_config *config, const struct rs_config_node *where,
                               const struct rs_known_stat *known)
{
    struct rs_buf takes = {0};
    describe_all(known, &takes);
    const char *text = rs_buf_cstr(&takes);
    bool plain = declared(known) == 1 && rs_stat_arg_is_field(&known->args[0]); /* needs no example */
    rs_config_complain(config, where, "%s takes %s%s%s", known->name, text ? text : "other arguments",
                       plain ? "" : ", as in ", plain ? "" : known->example);
    rs_buf_fini(&takes);
    return false;
}

static bool complain_constant(struct rs_config *config, const struct rs_config_node *where,
                              const struct rs_known_stat *known, const struct rs_stat_arg *arg)
{
    struct rs_buf wanted = {0};
    describe(arg, &wanted);
    const char *text = rs_buf_cstr(&wanted);
    rs_config_complain(config, where, "%s of %s is %s, as in %s", arg->name, known->name,
                       text ? text : "something else", known->example);
    rs_buf_fini(&wanted);
    return false;
}

/* ---- constants ---- */

static bool in_range(const struct rs_stat_arg *arg, const struct rs_stat_param *param)
{
    rs_i128 unit = (rs_i128)rs_pow10_u128(param->scale);
    return arg->least == arg->most || (param->value >= arg->least * unit && param->value <= arg->most * unit);
}

/* Zeros at the end of the fraction say nothing: 0.50 is 0.5. */
static bool read_number(struct rs_slice text, struct rs_stat_param *out)
{
    struct rs_error error;
    rs_i128 value = 0;
    const uint8_t *point = memchr(text.data, '.', text.size);
    while (point && text.data[text.size - 1] == '0') {
        text.size--;
    }
    size_t digits = point ? text.size - (size_t)(point + 1 - text.data) : 0;
    if (point && digits == 0) {
        text.size--;
    }
    for (size_t i = 0; i < text.size; i++) {
        if (!isdigit(text.data[i]) && text.data[i] != '.' && (i > 0 || text.data[i] != '-')) {
            return false; /* no exponents */
        }
    }
    if (digits > RS_STAT_PARAM_SCALE_MAX || rs_decimal_parse(text, (int)digits, &value, &error) < 0 ||
        value > INT64_MAX || value < INT64_MIN) {
        return false;
    }
    *out = (struct rs_stat_param){.given = true, .value = (int64_t)value, .scale = (int)digits};
    return true;
}

static bool read_duration(struct rs_slice text, struct rs_stat_param *out)
{
    struct rs_error error;
    char copy[64];
    if (text.size >= sizeof copy) {
        return false;
    }
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    *out = (struct rs_stat_param){.given = true};
    return rs_duration_parse(copy, &out->value, &error) == 0 && out->value > 0;
}

static bool read_constant(const struct rs_stat_arg *arg, struct rs_slice text, struct rs_stat_param *out)
{
    if (arg->kind == RS_ARG_DURATION) {
        return read_duration(text, out);
    }
    if (arg->kind == RS_ARG_SPAN) {
        *out = (struct rs_stat_param){.given = true};
        return rs_span_read(text, &out->value);
    }
    return read_number(text, out) && (arg->kind == RS_ARG_NUMBER || out->scale == 0) && in_range(arg, out);
}

void rs_stat_param_print(enum rs_arg_kind kind, const struct rs_stat_param *param, struct rs_buf *out)
{
    char text[RS_NUMBER_TEXT_MAX];
    if (kind == RS_ARG_DURATION) {
        rs_duration_format(param->value, text, sizeof text);
        rs_buf_text(out, text);
    } else if (kind == RS_ARG_SPAN) {
        rs_buf_text(out, rs_span_text(param->value));
    } else {
        rs_buf_put(out, text, rs_decimal_format(param->value, param->scale, text));
    }
}

/* ---- binding ---- */

/* Place of the argument in the statistic's row, or RS_STAT_ARGS_MAX: none that is free. */
static size_t place_of(const struct rs_known_stat *known, const struct rs_stat_call_arg *arg,
                       const struct rs_stat_args *bound)
{
    for (size_t i = 0; i < declared(known); i++) {
        bool named = rs_slice_equal(arg->label, rs_slice_text(known->args[i].name));
        if (!bound->items[i].given && (arg->label.size == 0 || named)) {
            return i;
        }
    }
    return RS_STAT_ARGS_MAX;
}

bool rs_stat_call_bind(struct rs_config *config, const struct rs_config_node *where,
                       const struct rs_known_stat *known, const struct rs_stat_call *call,
                       struct rs_stat_args *out)
{
    *out = (struct rs_stat_args){0};
    if (call->count > declared(known)) {
        return complain_arguments(config, where, known);
    }
    for (size_t i = 0; i < call->count; i++) {
        size_t place = place_of(known, &call->args[i], out);
        if (place == RS_STAT_ARGS_MAX) {
            return complain_arguments(config, where, known);
        }
        struct rs_stat_arg_value *value = &out->items[place];
        *value = (struct rs_stat_arg_value){.given = true, .text = call->args[i].text};
        if (!rs_stat_arg_is_field(&known->args[place]) &&
            !read_constant(&known->args[place], value->text, &value->param)) {
            return complain_constant(config, where, known, &known->args[place]);
        }
    }
    for (size_t i = 0; i < declared(known); i++) {
        if (!out->items[i].given && !known->args[i].optional) {
            return complain_arguments(config, where, known);
        }
    }
    return true;
}
