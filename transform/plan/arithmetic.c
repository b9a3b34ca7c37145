#include "transform/plan/arithmetic.h"

#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "base/nearest.h"
#include "transform/pane/derived.h"
#include "transform/plan/stat_call.h"

#define NAME_SIZE 110 /* of a statistic, with what ohlc adds to it */
#define NAMES_MAX RS_DERIVED_FIELDS_MAX

/* All that may be named: fields in their order. */
struct names {
    struct name {
        char text[NAME_SIZE];
        size_t stat;
    } at[NAMES_MAX];
    size_t count;
};

enum state { UNSEEN, UNDER_WAY, DONE };

/* All arithmetic of an aggregate. */
struct load {
    struct rs_config *config;
    struct rs_arena *arena;
    const struct rs_config_node *node;
    struct rs_stats *stats;
    struct names names;
    struct rs_derived *by_stat; /* as read; steps NULL: not, or wrong */
    enum state *states;
};

/* What is known of an operand: a number has no unit, and leaves that of what it is multiplied with. */
struct operand {
    bool number;
    const char *unit;
};

struct reader {
    struct load *load;
    const struct rs_config_node *where;
    const char *name; /* of what is read */
    const char *at;
    struct rs_derived_step *steps;
    size_t count;
    size_t waiting; /* on the stack */
    bool names_any;
    int depth;
    struct rs_buf text;
};

static bool read_sum(struct reader *r, struct operand *out);
static bool load_derived(struct load *l, size_t number);

/* ---- which texts are meant ---- */

static const char *blanks(const char *at)
{
    return at + strspn(at, " \t");
}

static bool is_operator(char c)
{
    return c != '\0' && strchr("+-*/", c);
}

/* Behind the bracket that closes the one at `at`; NULL: none does. */
static const char *behind_bracket(const char *at)
{
    int depth = 0;
    for (; *at != '\0'; at++) {
        depth += (*at == '(') - (*at == ')');
        if (depth == 0) {
            return at + 1;
        }
    }
    return NULL;
}

bool rs_arithmetic_meant(const char *text)
{
    const char *at = blanks(text);
    if (*at == '(' || *at == '-') {
        return true;
    }
    const char *end = at;
    while (rs_stat_name_letter(*end)) {
        end++;
    }
    end = end > at ? blanks(end) : NULL;
    if (end && *end == '(') {
        end = behind_bracket(end);
        end = end ? blanks(end) : NULL;
    }
    return end && is_operator(*end);
}

/* ---- names ---- */

static void add_name(struct names *names, const char *name, const char *suffix, size_t stat)
{
    RS_ASSERT(names->count < NAMES_MAX);
    struct name *to = &names->at[names->count++];
    (void)snprintf(to->text, sizeof to->text, "%s%s", name, suffix);
    to->stat = stat;
}

static void list_names(struct load *l)
{
    for (size_t i = 0; i < l->stats->count; i++) {
        const struct rs_stat_spec *spec = &l->stats->items[i].spec;
        if (spec->kind == RS_STAT_PROFILE) {
            add_name(&l->names, "", "", i); /* no number, so nobody can name it */
            add_name(&l->names, spec->name, "_step", i);
            continue;
        }
        if (spec->kind != RS_STAT_OHLC) {
            add_name(&l->names, spec->name, "", i);
            continue;
        }
        add_name(&l->names, spec->name, "_open", i);
        add_name(&l->names, spec->name, "_high", i);
        add_name(&l->names, spec->name, "_low", i);
        add_name(&l->names, spec->name, "_close", i);
    }
}

/* The whole of an ohlc or a profile, which is no number. */
static bool is_whole(const struct load *l, enum rs_stat_kind kind, const char *name)
{
    for (size_t i = 0; i < l->stats->count; i++) {
        const struct rs_stat_spec *spec = &l->stats->items[i].spec;
        if (spec->kind == kind && strcmp(spec->name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether it is configured, or a field of what is, and did not load: that is told already. */
static bool wrong_itself(const struct load *l, const char *name)
{
    size_t count = l->stats->count < rs_config_size(l->node) ? rs_config_size(l->node) : 0;
    for (size_t i = 0; i < count; i++) {
        const struct rs_config_node *key;
        const struct rs_config_node *value;
        rs_config_pair(l->node, i, &key, &value);
        const char *other = rs_config_text(key);
        size_t length = other ? strlen(other) : 0;
        if (length && strncmp(name, other, length) == 0 && (name[length] == '\0' || name[length] == '_')) {
            return true;
        }
    }
    return false;
}

static void complain_name(const struct reader *r, const char *name)
{
    const struct load *l = r->load;
    if (is_whole(l, RS_STAT_PROFILE, name)) {
        rs_config_complain(l->config, r->where,
                           "%s is a profile, which is no number; of its fields %s_step is one", name, name);
        return;
    }
    if (is_whole(l, RS_STAT_OHLC, name)) {
        rs_config_complain(l->config, r->where,
                           "%s is ohlc: one of its fields is meant, as in %s_high - %s_low", name, name,
                           name);
        return;
    }
    if (wrong_itself(l, name)) {
        return;
    }
    const char *known[NAMES_MAX + 1] = {NULL};
    for (size_t i = 0; i < l->names.count; i++) {
        known[i] = l->names.at[i].text;
    }
    const char *near = rs_nearest_name(name, known);
    rs_config_complain(l->config, r->where, "this aggregate has no statistic \"%s\"%s%s%s%s%s", name,
                       near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "",
                       strchr(name, '-') ? "; a minus stands between blanks" : "",
                       strchr(name, '.')
                           ? "; those of other aggregates cannot be used, since an instance sees its own "
                             "partitions alone: divide where both are shown"
                           : "");
}

/* ---- reading ---- */

static bool complain_operand(const struct reader *r)
{
    rs_config_complain(r->load->config, r->where,
                       "arithmetic is made of names of statistics, numbers, + - * / and brackets, as in "
                       "high - low; a minus stands between blanks");
    return false;
}

static bool add_step(struct reader *r, struct rs_derived_step step)
{
    bool operand = step.op == RS_DERIVED_FIELD || step.op == RS_DERIVED_CONSTANT;
    if (r->count == RS_DERIVED_STEPS_MAX) {
        rs_config_complain(r->load->config, r->where,
                           "arithmetic has %d names, numbers and operators at most", RS_DERIVED_STEPS_MAX);
        return false;
    }
    r->waiting += operand;
    r->waiting -= !operand && step.op != RS_DERIVED_NEGATE;
    RS_ASSERT(r->waiting <= RS_DERIVED_STACK_MAX);
    r->steps[r->count++] = step;
    return true;
}

static bool take(struct reader *r, char c)
{
    r->at = blanks(r->at);
    bool there = *r->at == c;
    r->at += there;
    return there;
}

static bool read_number(struct reader *r, const char *text, struct operand *out)
{
    struct rs_error error;
    struct rs_derived_step step = {.op = RS_DERIVED_CONSTANT};
    const char *point = strchr(text, '.');
    size_t digits = point ? strlen(point + 1) : 0;
    if (strspn(text, "0123456789.") != strlen(text) || digits > RS_SCALE_MAX ||
        rs_decimal_parse(rs_slice_text(text), (int)digits, &step.constant, &error) < 0) {
        rs_config_complain(r->load->config, r->where, "\"%s\" is no number such as 2 or 0.25", text);
        return false;
    }
    step.scale = (int)digits;
    *out = (struct operand){.number = true};
    return add_step(r, step);
}

/* What is used is loaded first: units follow from its, and values are reckoned in this order. One that is under
 * way itself closes a circle. */
static bool use(struct reader *r, size_t field, struct operand *out)
{
    struct load *l = r->load;
    size_t number = l->names.at[field].stat;
    if (l->states[number] == UNDER_WAY) {
        bool itself = strcmp(l->names.at[field].text, r->name) == 0;
        rs_config_complain(l->config, r->where, "%s is made of itself%s%s", l->names.at[field].text,
                           itself ? "" : ", by way of ", itself ? "" : r->name);
        return false;
    }
    if (!load_derived(l, number)) {
        return false;
    }
    r->names_any = true;
    *out = (struct operand){.unit = l->stats->items[number].unit};
    return add_step(r, (struct rs_derived_step){.op = RS_DERIVED_FIELD, .field = (uint32_t)field});
}

static bool read_name(struct reader *r, const char *name, struct operand *out)
{
    const struct load *l = r->load;
    if (*blanks(r->at) == '(') {
        rs_config_complain(l->config, r->where,
                           "%s(...) cannot stand in arithmetic: give it a name of its own in stats, and use "
                           "that",
                           name);
        return false;
    }
    for (size_t i = 0; i < l->names.count; i++) {
        if (strcmp(l->names.at[i].text, name) == 0) {
            return use(r, i, out);
        }
    }
    complain_name(r, name);
    return false;
}

static bool read_bracket(struct reader *r, struct operand *out)
{
    rs_buf_char(&r->text, '(');
    if (r->depth == RS_ARITHMETIC_DEPTH_MAX) {
        rs_config_complain(r->load->config, r->where, "brackets of arithmetic nest deeper than %d",
                           RS_ARITHMETIC_DEPTH_MAX);
        return false;
    }
    r->depth++;
    bool right = read_sum(r, out);
    r->depth--;
    rs_buf_char(&r->text, ')');
    return right && (take(r, ')') || complain_operand(r));
}

static bool read_operand(struct reader *r, struct operand *out)
{
    char name[NAME_SIZE];
    size_t size = 0;
    if (take(r, '(')) {
        return read_bracket(r, out);
    }
    r->at = blanks(r->at);
    if (*r->at == '-') { /* after another one */
        return complain_operand(r);
    }
    for (; rs_stat_name_letter(*r->at) && size + 1 < sizeof name; r->at++) {
        name[size++] = *r->at;
    }
    name[size] = '\0';
    if (size == 0 || rs_stat_name_letter(*r->at)) {
        return complain_operand(r);
    }
    rs_buf_text(&r->text, name);
    return isdigit((unsigned char)name[0]) ? read_number(r, name, out) : read_name(r, name, out);
}

static bool read_signed(struct reader *r, struct operand *out)
{
    if (!take(r, '-')) {
        return read_operand(r, out);
    }
    rs_buf_char(&r->text, '-');
    return read_operand(r, out) && add_step(r, (struct rs_derived_step){.op = RS_DERIVED_NEGATE});
}

static bool read_product(struct reader *r, struct operand *out)
{
    bool right = read_signed(r, out);
    while (right) {
        struct operand next = {0};
        bool times = take(r, '*');
        if (!times && !take(r, '/')) {
            break;
        }
        rs_buf_text(&r->text, times ? " * " : " / ");
        right = read_signed(r, &next) &&
                add_step(r, (struct rs_derived_step){.op = times ? RS_DERIVED_MULTIPLY : RS_DERIVED_DIVIDE});
        if (!next.number) {
            out->unit = times && out->number ? next.unit : NULL;
        }
        out->number &= next.number;
    }
    return right;
}

static const char *common_unit(const struct operand *a, const struct operand *b)
{
    return a->unit && b->unit && strcmp(a->unit, b->unit) == 0 ? a->unit : NULL;
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as RS_ARITHMETIC_DEPTH_MAX */
static bool read_sum(struct reader *r, struct operand *out)
{
    bool right = read_product(r, out);
    while (right) {
        struct operand next = {0};
        bool plus = take(r, '+');
        if (!plus && !take(r, '-')) {
            break;
        }
        rs_buf_text(&r->text, plus ? " + " : " - ");
        right = read_product(r, &next) &&
                add_step(r, (struct rs_derived_step){.op = plus ? RS_DERIVED_ADD : RS_DERIVED_SUBTRACT});
        out->unit = common_unit(out, &next);
        out->number &= next.number;
    }
    return right;
}

static bool read_all(struct reader *r, struct operand *out)
{
    if (!read_sum(r, out)) {
        return false;
    }
    if (*blanks(r->at) != '\0') {
        return complain_operand(r);
    }
    if (!r->names_any) {
        rs_config_complain(r->load->config, r->where,
                           "arithmetic needs a statistic at least, as in 2 * high");
        return false;
    }
    return true;
}

/* ---- one after the other ---- */

static void read_derived(struct load *l, size_t number)
{
    struct rs_stat *stat = &l->stats->items[number];
    struct rs_derived *d = &l->by_stat[number];
    struct operand all = {0};
    struct reader r = {.load = l, .where = stat->text, .name = stat->spec.name};
    r.steps = rs_arena_array(l->arena, RS_DERIVED_STEPS_MAX, sizeof *r.steps);
    r.at = rs_config_text(stat->text);
    bool right = r.steps && r.at && read_all(&r, &all);
    stat->expression = right && !r.text.failed ? rs_arena_slice(l->arena, rs_buf_slice(&r.text)) : NULL;
    stat->unit = all.unit;
    rs_buf_fini(&r.text);
    for (size_t i = 0; i < l->names.count; i++) {
        d->field = l->names.at[i].stat == number ? (uint32_t)i : d->field;
    }
    d->count = r.count;
    d->steps = stat->expression ? r.steps : NULL;
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as there are statistics */
static bool load_derived(struct load *l, size_t number)
{
    if (l->stats->items[number].spec.kind != RS_STAT_DERIVED) {
        return true;
    }
    if (l->states[number] == UNSEEN) {
        l->states[number] = UNDER_WAY;
        read_derived(l, number);
        l->states[number] = DONE;
        if (l->by_stat[number].steps) {
            l->stats->derived[l->stats->derived_count++] = l->by_stat[number];
        }
    }
    return l->by_stat[number].steps != NULL;
}

bool rs_arithmetic_load(struct rs_config *config, struct rs_arena *arena, const struct rs_config_node *node,
                        struct rs_stats *stats)
{
    struct load l = {.config = config, .arena = arena, .node = node, .stats = stats};
    l.by_stat = rs_arena_array(arena, stats->count + 1, sizeof *l.by_stat);
    l.states = rs_arena_array(arena, stats->count + 1, sizeof *l.states);
    stats->derived = rs_arena_array(arena, stats->count + 1, sizeof *stats->derived);
    if (!l.by_stat || !l.states || !stats->derived) {
        rs_config_complain(config, node, "out of memory");
        return false;
    }
    list_names(&l);
    bool right = true;
    for (size_t i = 0; i < stats->count; i++) {
        right &= load_derived(&l, i);
    }
    return right;
}
