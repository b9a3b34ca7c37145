/* Running a JSON program over a message. */
#include <string.h>

#include "schemas/json_internal.h"
#include "schemas/wire.h"

/* What a value is made of is no part of the frame of run_value, through which every field goes. */
#define APART __attribute__((noinline))

#define SEEN_WORDS 512 /* bits for fields, of all records that are open at once */

#define STEPS_MAX (RS_PROGRAM_DEPTH_MAX + 1)

/* The way to what is refused, from there to the message: noted on the way back, so that it costs nothing before. */
struct way {
    struct rs_place_step steps[STEPS_MAX];
    size_t count;
};

struct run {
    struct rs_json_cursor c;
    const struct rs_json_program *program;
    struct rs_value *values;
    uint8_t *text; /* where the next text goes */
    uint32_t depth;
    uint64_t items;  /* what is left of the budget */
    size_t words;    /* used of `seen` */
    struct way *way; /* NULL: nobody asks */
    uint64_t seen[SEEN_WORDS];
};

static enum rs_reason run_value(struct run *r, const struct rs_json_node *node);

static enum rs_reason fail_at(struct run *r, const uint8_t *p, enum rs_reason reason)
{
    r->c.p = p;
    return reason;
}

/* What is refused is, or lies in, this field or item. */
static __attribute__((noinline, cold)) enum rs_reason came_by(struct run *r, const char *name, uint64_t item,
                                                              enum rs_reason reason)
{
    struct way *way = r->way;
    if (way && way->count < STEPS_MAX) {
        way->steps[way->count++] = (struct rs_place_step){.name = name, .item = item};
    }
    return reason;
}

static void forget_way(struct run *r)
{
    if (r->way) {
        r->way->count = 0;
    }
}

/* What was read from `from` on is a value, or is refused there. */
static enum rs_reason judged(struct run *r, const uint8_t *from, enum rs_reason reason)
{
    return reason == RS_REASON_NONE ? reason : fail_at(r, from, reason);
}

static enum rs_reason expect(struct run *r, uint8_t wanted)
{
    if (r->c.p == r->c.end) {
        return RS_REASON_TRUNCATED;
    }
    if (*r->c.p != wanted) {
        return RS_REASON_JSON;
    }
    r->c.p++;
    return RS_REASON_NONE;
}

static void put(struct run *r, const struct rs_json_node *node, struct rs_value value)
{
    if (node->slot != RS_JSON_NOT_WANTED) {
        r->values[node->slot] = value;
    }
}

static void put_integer(struct run *r, const struct rs_json_node *node, enum rs_value_kind kind,
                        int64_t value)
{
    put(r, node, (struct rs_value){.kind = (uint8_t)kind, .i = value});
}

/* ---- texts ---- */

/* The text at hand without its escapes. It stays where it is, or goes to r->text, which `keep` lets later texts
 * come behind. */
static enum rs_reason take_text(struct run *r, bool keep, struct rs_slice *out)
{
    struct rs_json_text text = {0};
    const uint8_t *fault = r->c.p;
    size_t size = 0;
    r->c.p++; /* the quote */
    enum rs_reason reason = rs_json_text(&r->c, &text);
    *out = text.raw;
    if (reason != RS_REASON_NONE || !text.escaped) {
        return reason;
    }
    reason = rs_json_unescape(text.raw, r->text, &size, &fault);
    if (reason != RS_REASON_NONE) {
        return fail_at(r, fault, reason);
    }
    *out = rs_slice_of(r->text, size);
    r->text += keep ? size : 0;
    return RS_REASON_NONE;
}

static bool is_text(const struct run *r)
{
    return r->c.p < r->c.end && *r->c.p == '"';
}

static bool is_number(const struct run *r)
{
    return r->c.p < r->c.end && (*r->c.p == '-' || (*r->c.p >= '0' && *r->c.p <= '9'));
}

/* Whether the word stands here, as far as the message goes. */
static bool begins_word(const struct run *r, const char *word)
{
    struct rs_json_cursor here = r->c;
    return rs_json_word(&here, word) != RS_REASON_JSON;
}

/* What stands here is of another type, or no JSON at all. */
static enum rs_reason other_type(const struct run *r)
{
    if (r->c.p == r->c.end) {
        return RS_REASON_TRUNCATED;
    }
    bool value = *r->c.p == '{' || *r->c.p == '[' || *r->c.p == '"' || is_number(r) ||
                 begins_word(r, "true") || begins_word(r, "false") || begins_word(r, "null");
    return value ? RS_REASON_TYPE : RS_REASON_JSON;
}

static enum rs_reason run_string(struct run *r, const struct rs_json_node *node)
{
    const uint8_t *from = r->c.p;
    struct rs_slice text;
    if (!is_text(r)) {
        return other_type(r);
    }
    enum rs_reason reason = take_text(r, node->slot != RS_JSON_NOT_WANTED, &text);
    if (reason == RS_REASON_NONE && node->kind == RS_JSON_UUID && !rs_wire_uuid(text.data, text.size)) {
        return fail_at(r, from, RS_REASON_UUID);
    }
    put(r, node, (struct rs_value){.kind = RS_VALUE_BYTES, .s = text});
    return reason;
}

/* Bytes as characters; *out lies in r->text. */
static enum rs_reason take_bytes(struct run *r, struct rs_slice *out)
{
    const uint8_t *from = r->c.p;
    enum rs_reason reason = is_text(r) ? take_text(r, false, out) : other_type(r);
    if (reason != RS_REASON_NONE) {
        return reason;
    }
    if (out->size > 0) {
        memmove(r->text, out->data, out->size);
    }
    out->data = r->text;
    return rs_json_to_bytes(r->text, &out->size) ? RS_REASON_NONE : fail_at(r, from, RS_REASON_TYPE);
}

static APART enum rs_reason run_bytes(struct run *r, const struct rs_json_node *node)
{
    const uint8_t *from = r->c.p;
    struct rs_slice bytes = {0};
    enum rs_reason reason = take_bytes(r, &bytes);
    if (reason != RS_REASON_NONE) {
        return reason;
    }
    if (node->schema->logical == RS_LOGICAL_UUID && rs_wire_uuid(bytes.data, bytes.size)) {
        bytes.size = rs_json_uuid_to_bytes(r->text);
    }
    if (node->kind == RS_JSON_FIXED && bytes.size != node->schema->fixed_size) {
        return fail_at(r, from, RS_REASON_LENGTH);
    }
    if (node->slot != RS_JSON_NOT_WANTED) {
        r->text += bytes.size;
        put(r, node, (struct rs_value){.kind = RS_VALUE_BYTES, .s = bytes});
    }
    return RS_REASON_NONE;
}

static bool is_word(struct rs_slice text, const char *word)
{
    for (size_t i = 0; i < text.size; i++) {
        if (word[i] == '\0' || (uint8_t)word[i] != text.data[i]) {
            return false;
        }
    }
    return word[text.size] == '\0';
}

static enum rs_reason run_enum(struct run *r, const struct rs_json_node *node)
{
    const uint8_t *from = r->c.p;
    struct rs_slice text;
    if (!is_text(r)) {
        return other_type(r);
    }
    enum rs_reason reason = take_text(r, false, &text);
    if (reason != RS_REASON_NONE) {
        return reason;
    }
    for (size_t i = 0; i < node->schema->symbol_count; i++) {
        if (is_word(text, node->schema->symbols[i])) {
            put_integer(r, node, RS_VALUE_INT, (int64_t)i);
            return RS_REASON_NONE;
        }
    }
    return fail_at(r, from, RS_REASON_ENUM_SYMBOL);
}

/* ---- numbers ---- */

/* A number, or a text that holds one and nothing else. */
static enum rs_reason take_number(struct run *r, bool also_text, struct rs_json_number *out)
{
    const uint8_t *from = r->c.p;
    struct rs_slice text;
    if (is_number(r)) {
        return rs_json_number(&r->c, out);
    }
    if (!also_text || !is_text(r)) {
        return other_type(r);
    }
    enum rs_reason reason = take_text(r, false, &text);
    if (reason != RS_REASON_NONE) {
        return reason;
    }
    struct rs_json_cursor inner = {text.data, text.data + text.size};
    bool number = text.size > 0 && rs_json_number(&inner, out) == RS_REASON_NONE && inner.p == inner.end;
    return number ? RS_REASON_NONE : fail_at(r, from, RS_REASON_TYPE);
}

static enum rs_reason run_integer(struct run *r, const struct rs_json_node *node)
{
    const uint8_t *from = r->c.p;
    struct rs_json_number number;
    int64_t value = 0;
    enum rs_reason reason = take_number(r, false, &number);
    if (reason != RS_REASON_NONE) {
        return reason;
    }
    reason = rs_json_to_integer(&number, node->kind == RS_JSON_LONG, &value);
    put_integer(r, node, RS_VALUE_INT, value);
    return judged(r, from, reason);
}

static APART enum rs_reason run_double(struct run *r, const struct rs_json_node *node)
{
    const uint8_t *from = r->c.p;
    struct rs_json_number number;
    struct rs_slice text;
    double value = 0;
    enum rs_reason reason;
    if (is_text(r)) {
        reason = take_text(r, false, &text);
        reason = reason == RS_REASON_NONE && !rs_json_not_finite(text, &value)
                     ? fail_at(r, from, RS_REASON_TYPE)
                     : reason;
    } else {
        reason = take_number(r, false, &number);
        if (reason == RS_REASON_NONE) {
            reason = judged(r, from, rs_json_to_double(&number, node->kind == RS_JSON_FLOAT, &value));
        }
    }
    put(r, node, (struct rs_value){.kind = RS_VALUE_DOUBLE, .d = value});
    return reason;
}

static APART enum rs_reason run_decimal(struct run *r, const struct rs_json_node *node)
{
    const uint8_t *from = r->c.p;
    struct rs_json_number number;
    struct rs_value value;
    enum rs_reason reason = take_number(r, true, &number);
    if (reason != RS_REASON_NONE) {
        return reason;
    }
    reason = rs_json_to_decimal(&number, node->schema, &value);
    if (reason != RS_REASON_NONE) {
        return fail_at(r, from, reason);
    }
    put(r, node, value);
    return RS_REASON_NONE;
}

/* ---- times ---- */

static APART enum rs_reason run_time(struct run *r, const struct rs_json_node *node)
{
    const uint8_t *from = r->c.p;
    bool counts = node->rule && rs_time_rule_counts(node->rule);
    struct rs_value value;
    enum rs_reason reason;
    if (is_number(r) || counts) {
        struct rs_json_number number;
        reason = take_number(r, true, &number);
        if (reason == RS_REASON_NONE) {
            reason = judged(r, from, rs_json_count_to_time(&number, node, &value));
        }
    } else if (is_text(r)) {
        struct rs_slice text;
        reason = take_text(r, false, &text);
        if (reason == RS_REASON_NONE) {
            reason = judged(r, from, rs_json_text_to_time(text, node, &value));
        }
    } else {
        return other_type(r);
    }
    if (reason == RS_REASON_NONE) {
        put(r, node, value);
    }
    return reason;
}

static APART enum rs_reason run_date(struct run *r, const struct rs_json_node *node)
{
    const uint8_t *from = r->c.p;
    struct rs_slice text;
    int64_t days = 0;
    if (is_number(r) && !node->rule) {
        return run_integer(r, node);
    }
    if (!is_text(r)) {
        return is_number(r) ? RS_REASON_TIME_FORM : other_type(r);
    }
    enum rs_reason reason = take_text(r, false, &text);
    if (reason == RS_REASON_NONE) {
        reason = judged(r, from, rs_json_text_to_date(text, node, &days));
    }
    put_integer(r, node, RS_VALUE_INT, days);
    return reason;
}

static APART enum rs_reason run_boolean(struct run *r, const struct rs_json_node *node)
{
    if (r->c.p == r->c.end || (*r->c.p != 't' && *r->c.p != 'f')) {
        return other_type(r);
    }
    bool value = *r->c.p == 't';
    put_integer(r, node, RS_VALUE_BOOLEAN, value);
    return rs_json_word(&r->c, value ? "true" : "false");
}

/* ---- what holds values ---- */

static enum rs_reason open_depth(struct run *r)
{
    r->c.p++; /* the bracket or brace */
    return ++r->depth > r->program->limits.depth ? RS_REASON_DEPTH : RS_REASON_NONE;
}

/* Behind an item of an array or an object: whether another one follows (*more), or `close` does. */
static enum rs_reason next_item(struct run *r, uint8_t close, bool *more)
{
    rs_json_space(&r->c);
    if (r->c.p == r->c.end) {
        return RS_REASON_TRUNCATED;
    }
    *more = *r->c.p == ',';
    if (!*more && *r->c.p != close) {
        return RS_REASON_JSON;
    }
    r->c.p++;
    if (*more) {
        rs_json_space(&r->c);
    }
    return RS_REASON_NONE;
}

/* Whether an array or an object has nothing in it; then it is behind it. */
static bool is_empty(struct run *r, uint8_t close)
{
    rs_json_space(&r->c);
    bool empty = r->c.p < r->c.end && *r->c.p == close;
    r->c.p += empty;
    return empty;
}

static enum rs_reason take_colon(struct run *r)
{
    rs_json_space(&r->c);
    enum rs_reason reason = expect(r, ':');
    rs_json_space(&r->c);
    return reason;
}

/* A value of any kind; NULL: one that no field declares. */
static enum rs_reason run_any(struct run *r, const struct rs_json_node *node);

/* An array, or with `names` an object whose names are free. */
static APART enum rs_reason run_items(struct run *r, const struct rs_json_node *item, bool names)
{
    uint8_t close = names ? '}' : ']';
    bool more = true;
    uint64_t number = 0;
    enum rs_reason reason = open_depth(r);
    if (reason == RS_REASON_NONE && is_empty(r, close)) {
        more = false;
    }
    while (reason == RS_REASON_NONE && more) {
        struct rs_slice name;
        if (r->items-- == 0) {
            return RS_REASON_ITEMS;
        }
        if (names) {
            reason = is_text(r) ? take_text(r, false, &name) : expect(r, '"');
            reason = reason == RS_REASON_NONE ? take_colon(r) : reason;
        }
        if (reason == RS_REASON_NONE) {
            reason = run_any(r, item);
            reason = reason == RS_REASON_NONE ? reason : came_by(r, NULL, number, reason);
        }
        number++;
        reason = reason == RS_REASON_NONE ? next_item(r, close, &more) : reason;
    }
    r->depth--;
    return reason;
}

static enum rs_reason skip_value(struct run *r)
{
    struct rs_slice text;
    struct rs_json_number number;
    if (r->c.p == r->c.end) {
        return RS_REASON_TRUNCATED;
    }
    switch (*r->c.p) {
    case '{': return run_items(r, NULL, true);
    case '[': return run_items(r, NULL, false);
    case '"': return take_text(r, false, &text);
    case 't': return rs_json_word(&r->c, "true");
    case 'f': return rs_json_word(&r->c, "false");
    case 'n': return rs_json_word(&r->c, "null");
    default: return is_number(r) ? rs_json_number(&r->c, &number) : RS_REASON_JSON;
    }
}

static enum rs_reason run_any(struct run *r, const struct rs_json_node *node)
{
    return node ? run_value(r, node) : skip_value(r);
}

/* ---- records ---- */

static int compare_name(const struct rs_json_field *field, struct rs_slice name)
{
    size_t size = field->size < name.size ? field->size : name.size;
    int order = memcmp(field->name, name.data, size);
    return order != 0 ? order : (field->size > name.size) - (field->size < name.size);
}

/* Number of a record's field; the record's count where it has none of this name. */
static uint32_t find_field(const struct rs_json_program *program, const struct rs_json_node *node,
                           struct rs_slice name)
{
    const uint32_t *sorted = program->sorted + node->first;
    uint32_t from = 0;
    uint32_t to = node->count;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        int order = compare_name(&program->fields[node->first + sorted[middle]], name);
        if (order == 0) {
            return sorted[middle];
        }
        if (order < 0) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return node->count;
}

/* Most messages have their fields in the schema's order and without blanks: whether the very next one stands
 * here. */
static bool take_guess(struct run *r, const struct rs_json_node *node, uint32_t guess)
{
    const struct rs_json_field *field = &r->program->fields[node->first + guess];
    uint64_t words[2];
    if (guess >= node->count || field->head_size == 0 || r->c.end - r->c.p < (ptrdiff_t)sizeof words) {
        return false;
    }
    memcpy(words, r->c.p, sizeof words);
    if ((((words[0] ^ field->head[0]) & field->mask[0]) | ((words[1] ^ field->head[1]) & field->mask[1])) !=
        0) {
        return false;
    }
    r->c.p += field->head_size;
    rs_json_space(&r->c);
    return true;
}

/* The name of a field up to the value behind its colon. */
static enum rs_reason take_name(struct run *r, const struct rs_json_node *node, uint32_t guess,
                                uint32_t *number)
{
    struct rs_slice name;
    if (take_guess(r, node, guess)) {
        *number = guess;
        return RS_REASON_NONE;
    }
    if (!is_text(r)) {
        return expect(r, '"');
    }
    const uint8_t *from = r->c.p;
    enum rs_reason reason = take_text(r, false, &name);
    if (reason != RS_REASON_NONE) {
        return reason;
    }
    *number = find_field(r->program, node, name);
    if (*number == node->count && r->program->refuse_unknown) {
        return fail_at(r, from, RS_REASON_UNKNOWN_FIELD);
    }
    return take_colon(r);
}

/* Fields that were not there. */
static APART enum rs_reason fill_absent(struct run *r, const struct rs_json_node *node, const uint64_t *seen)
{
    for (uint32_t i = 0; i < node->count; i++) {
        const struct rs_json_field *field = &r->program->fields[node->first + i];
        if (seen[i / 64] >> i % 64 & 1) {
            continue;
        }
        if (field->absent == RS_JSON_MISSING) {
            return came_by(r, field->name, 0, RS_REASON_MISSING_FIELD);
        }
        for (uint32_t k = 0; k < field->value_count; k++) {
            const struct rs_json_default *filler = &r->program->defaults[field->first_value + k];
            r->values[filler->slot] = filler->value;
        }
    }
    return RS_REASON_NONE;
}

/* The name of one that the record does not declare is payload: the fault is the record's. */
static __attribute__((noinline, cold)) enum rs_reason
came_by_field(struct run *r, const struct rs_json_node *node, uint32_t number, enum rs_reason reason)
{
    if (number < node->count) {
        return came_by(r, r->program->fields[node->first + number].name, 0, reason);
    }
    forget_way(r);
    return reason;
}

static enum rs_reason run_fields(struct run *r, const struct rs_json_node *node, uint64_t *seen)
{
    uint32_t found = 0;
    uint32_t guess = 0;
    bool more = !is_empty(r, '}');
    while (more) {
        uint32_t number = 0;
        const uint8_t *from = r->c.p;
        enum rs_reason reason = take_name(r, node, guess, &number);
        if (reason != RS_REASON_NONE) {
            return reason;
        }
        const struct rs_json_node *value = NULL;
        if (number < node->count) {
            uint64_t bit = UINT64_C(1) << number % 64;
            if (seen[number / 64] & bit) {
                return came_by_field(r, node, number, fail_at(r, from, RS_REASON_DUPLICATE_FIELD));
            }
            seen[number / 64] |= bit;
            found++;
            guess = number + 1;
            value = &r->program->nodes[r->program->fields[node->first + number].node];
        } else if (r->items-- == 0) {
            return RS_REASON_ITEMS;
        }
        reason = run_any(r, value);
        if (reason != RS_REASON_NONE) {
            return came_by_field(r, node, number, reason);
        }
        reason = next_item(r, '}', &more);
        if (reason != RS_REASON_NONE) {
            return reason;
        }
    }
    return found == node->count ? RS_REASON_NONE : fill_absent(r, node, seen);
}

static APART enum rs_reason run_record(struct run *r, const struct rs_json_node *node)
{
    size_t words = (size_t)node->count / 64 + 1;
    enum rs_reason reason = open_depth(r);
    if (reason != RS_REASON_NONE || words > SEEN_WORDS - r->words) {
        return RS_REASON_DEPTH;
    }
    uint64_t *seen = r->seen + r->words;
    memset(seen, 0, words * sizeof *seen);
    r->words += words;
    reason = run_fields(r, node, seen);
    r->words -= words;
    r->depth--;
    return reason;
}

/* ---- unions ---- */

/* The name of a union's type as Avro's own JSON has it. */
static bool is_named(const struct rs_json_node *node, struct rs_slice name)
{
    const struct rs_schema *schema = node->schema;
    return rs_slice_equal(name,
                          rs_slice_text(schema->name ? schema->name : rs_schema_kind_name(schema->kind)));
}

/* The name that an object begins with, if it has any; the reader stays where it is. */
static bool peek_name(struct run *r, struct rs_slice *name)
{
    const struct rs_json_cursor here = r->c;
    r->c.p++;
    rs_json_space(&r->c);
    bool named = is_text(r) && take_text(r, false, name) == RS_REASON_NONE;
    r->c = here;
    return named;
}

/* {"type": value}, at its brace. */
static APART enum rs_reason run_wrapped(struct run *r, const struct rs_json_node *node)
{
    struct rs_slice name;
    enum rs_reason reason = open_depth(r);
    rs_json_space(&r->c);
    reason = reason == RS_REASON_NONE ? take_text(r, false, &name) : reason;
    reason = reason == RS_REASON_NONE ? take_colon(r) : reason;
    reason = reason == RS_REASON_NONE ? run_value(r, node) : reason;
    rs_json_space(&r->c);
    reason = reason == RS_REASON_NONE ? expect(r, '}') : reason;
    r->depth--;
    return reason;
}

/* An object where null or one other type may stand: is it the value, or the value in its wrapping? A record
 * that has a field of the type's name is never taken for its wrapping, nor is a map. */
static APART bool is_wrapped(struct run *r, const struct rs_json_node *node)
{
    struct rs_slice name;
    return node->kind != RS_JSON_MAP && peek_name(r, &name) && is_named(node, name) &&
           (node->kind != RS_JSON_RECORD || find_field(r->program, node, name) == node->count);
}

static bool is_container(const struct rs_json_node *node)
{
    return node->kind == RS_JSON_RECORD || node->kind == RS_JSON_MAP;
}

/* An object for a union of several types: named by its wrapping, or the first type that is an object itself. One
 * is chosen and no other tried, so that no message can make its reader try them all at every level. */
static enum rs_reason run_union_object(struct run *r, const struct rs_json_node *node)
{
    const struct rs_json_node *branches = &r->program->nodes[node->first];
    const struct rs_json_node *bare = NULL;
    struct rs_slice name;
    bool named = peek_name(r, &name);
    for (uint32_t i = 0; i < node->count; i++) {
        if (named && is_named(&branches[i], name)) {
            return run_wrapped(r, &branches[i]);
        }
        bare = !bare && is_container(&branches[i]) ? &branches[i] : bare;
    }
    return bare ? run_value(r, bare) : RS_REASON_TYPE;
}

/* The first type of several that takes the value. Only values that hold no others are tried more than once. */
static APART enum rs_reason run_union(struct run *r, const struct rs_json_node *node)
{
    const struct rs_json_node *branches = &r->program->nodes[node->first];
    const struct rs_json_cursor here = r->c;
    if (r->c.p < r->c.end && *r->c.p == '{') {
        return run_union_object(r, node);
    }
    enum rs_reason reason = other_type(r);
    for (uint32_t i = 0; i < node->count; i++) {
        if (is_container(&branches[i])) {
            continue;
        }
        r->c = here;
        forget_way(r);
        enum rs_reason found = run_value(r, &branches[i]);
        if (found == RS_REASON_NONE || (branches[i].kind == RS_JSON_ARRAY && found != RS_REASON_TYPE)) {
            return found;
        }
        reason = found == RS_REASON_TYPE ? reason : found;
    }
    r->c = here;
    forget_way(r);
    return reason;
}

static enum rs_reason run_value(struct run *r, const struct rs_json_node *node)
{
    if (node->nullable && r->c.p < r->c.end) {
        if (*r->c.p == 'n') {
            return rs_json_word(&r->c, "null"); /* all slots are null from the start */
        }
        if (*r->c.p == '{' && is_wrapped(r, node)) {
            return run_wrapped(r, node);
        }
    }
    switch ((enum rs_json_kind)node->kind) {
    case RS_JSON_NULL:
        return r->c.p < r->c.end && *r->c.p == 'n' ? rs_json_word(&r->c, "null") : other_type(r);
    case RS_JSON_BOOLEAN: return run_boolean(r, node);
    case RS_JSON_INT:
    case RS_JSON_LONG: return run_integer(r, node);
    case RS_JSON_FLOAT:
    case RS_JSON_DOUBLE: return run_double(r, node);
    case RS_JSON_DECIMAL: return run_decimal(r, node);
    case RS_JSON_STRING:
    case RS_JSON_UUID: return run_string(r, node);
    case RS_JSON_BYTES:
    case RS_JSON_FIXED: return run_bytes(r, node);
    case RS_JSON_ENUM: return run_enum(r, node);
    case RS_JSON_TIME: return run_time(r, node);
    case RS_JSON_DATE: return run_date(r, node);
    case RS_JSON_ARRAY:
        return r->c.p < r->c.end && *r->c.p == '[' ? run_items(r, &r->program->nodes[node->first], false)
                                                   : other_type(r);
    case RS_JSON_MAP:
        return r->c.p < r->c.end && *r->c.p == '{' ? run_items(r, &r->program->nodes[node->first], true)
                                                   : other_type(r);
    case RS_JSON_RECORD: return r->c.p < r->c.end && *r->c.p == '{' ? run_record(r, node) : other_type(r);
    case RS_JSON_UNION: return run_union(r, node);
    }
    return RS_REASON_TYPE;
}

/* ---- one message ---- */

static void begin(struct run *r, const struct rs_json_program *program, struct rs_slice json, uint8_t *text,
                  struct rs_value *values)
{
    r->c = (struct rs_json_cursor){json.data, json.data + json.size};
    r->program = program;
    r->values = values;
    r->text = text;
    r->depth = 0;
    r->items = program->limits.items;
    r->words = 0;
    r->way = NULL;
    for (size_t i = 0; i < program->slot_count; i++) {
        values[i].kind = RS_VALUE_NULL;
    }
}

static enum rs_reason run_message(struct run *r)
{
    rs_json_space(&r->c);
    enum rs_reason reason = run_value(r, &r->program->nodes[0]);
    if (reason == RS_REASON_NONE) {
        rs_json_space(&r->c);
        reason = r->c.p == r->c.end || r->program->limits.lenient_trailing ? reason : RS_REASON_TRAILING;
    }
    return reason;
}

enum rs_reason rs_json_program_place(const struct rs_json_program *program, struct rs_slice message,
                                     uint8_t *text, struct rs_value *values, struct rs_place *place)
{
    struct run r;
    struct way way;
    way.count = 0;
    begin(&r, program, message, text, values);
    r.way = &way;
    enum rs_reason reason = run_message(&r);
    place->at = (size_t)(r.c.p - message.data);
    rs_place_put_path(way.steps, way.count, true, place->path);
    return reason;
}

enum rs_reason rs_json_program_run(const struct rs_json_program *program, struct rs_slice message,
                                   uint8_t *text, struct rs_value *values, size_t *at)
{
    struct run r;
    begin(&r, program, message, text, values);
    enum rs_reason reason = run_message(&r);
    if (at) {
        *at = (size_t)(r.c.p - message.data);
    }
    for (size_t i = 0; i < program->copy_count; i++) {
        values[program->copies[i].to] = values[program->copies[i].from];
    }
    return reason;
}
