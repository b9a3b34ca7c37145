#include "json_check.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/json_program.h"

#define DECIMAL_DIGITS 38 /* of more the text is the bytes */
#define DAMAGED        4  /* texts made of each good one */

struct rs_json_check {
    struct rs_json_program *program;
    size_t count;
    struct rs_value *values;
    char what[256];
};

static uint64_t counts[3];

/* ---- schemas ---- */

/* Types on the way, so that a recursive one ends. */
struct way {
    const struct rs_schema *schema;
    const struct way *up;
};

/* Whether a value's text tells what it is: a union of two types that are objects does not, nor does a decimal of
 * more digits than are shown. */
static bool is_plain(const struct rs_schema *schema, const struct way *up)
{
    const struct way here = {schema, up};
    size_t objects = 0;
    for (const struct way *w = up; w; w = w->up) {
        if (w->schema == schema) {
            return true;
        }
    }
    if (schema->logical == RS_LOGICAL_DECIMAL && schema->precision > DECIMAL_DIGITS) {
        return false;
    }
    for (size_t i = 0; i < schema->field_count; i++) {
        if (!is_plain(schema->fields[i].type, &here)) {
            return false;
        }
    }
    for (size_t i = 0; i < schema->branch_count; i++) {
        enum rs_schema_kind kind = schema->branches[i]->kind;
        objects += kind == RS_AVRO_RECORD || kind == RS_AVRO_MAP;
        if (objects > 1 || !is_plain(schema->branches[i], &here)) {
            return false;
        }
    }
    return !schema->items || is_plain(schema->items, &here);
}

struct rs_json_check *rs_json_check_new(const struct rs_schema *schema, const char *const *paths,
                                        size_t count, struct rs_program_limits limits)
{
    const struct rs_json_options options = {.refuse_unknown = true};
    struct rs_error error;
    if (!is_plain(schema, NULL)) {
        return NULL;
    }
    struct rs_json_check *check = calloc(1, sizeof *check);
    struct rs_value *values = calloc(count + 1, sizeof *values);
    if (!check || !values ||
        rs_json_program_compile(schema, paths, count, limits, &options, &check->program, &error) != 0) {
        fprintf(stderr, "json_check: %s\n", !check || !values ? "out of memory" : error.text);
        exit(1);
    }
    check->count = count;
    check->values = values;
    return check;
}

void rs_json_check_free(struct rs_json_check **check)
{
    if (*check) {
        rs_json_program_free(&(*check)->program);
        free((*check)->values);
        free(*check);
        *check = NULL;
    }
}

/* ---- texts ---- */

static bool same(const struct rs_value *a, const struct rs_value *b)
{
    if (a->kind != b->kind) {
        return false;
    }
    switch (a->kind) {
    case RS_VALUE_NULL: return true;
    case RS_VALUE_TIME: return a->i == b->i && a->nanos == b->nanos;
    case RS_VALUE_DECIMAL: return a->wide == b->wide && (a->wide ? a->w == b->w : a->i == b->i);
    case RS_VALUE_DOUBLE: /* the text of -0 is 0 */ return a->d == b->d || (isnan(a->d) && isnan(b->d));
    case RS_VALUE_BYTES: return rs_slice_equal(a->s, b->s);
    default: return a->i == b->i;
    }
}

/* In memory that ends where the text ends, for AddressSanitizer to see a step beyond it. */
static enum rs_reason run_exactly(struct rs_json_check *check, struct rs_slice json, uint8_t **copy,
                                  uint8_t **text, size_t *at)
{
    *copy = malloc(json.size + (json.size == 0));
    *text = malloc(json.size + (json.size == 0));
    if (!*copy || !*text) {
        fprintf(stderr, "json_check: out of memory\n");
        exit(1);
    }
    if (json.size > 0) {
        memcpy(*copy, json.data, json.size);
    }
    return rs_json_program_run(check->program, rs_slice_of(*copy, json.size), *text, check->values, at);
}

static const char *check_good(struct rs_json_check *check, struct rs_slice json,
                              const struct rs_value *values)
{
    uint8_t *copy;
    uint8_t *text;
    size_t at = 0;
    const char *fault = NULL;
    enum rs_reason reason = run_exactly(check, json, &copy, &text, &at);
    counts[0]++;
    if (reason != RS_REASON_NONE) {
        (void)snprintf(check->what, sizeof check->what, "its JSON is refused at %zu: %s", at,
                       rs_reason_name(reason));
        fault = check->what;
    }
    for (size_t i = 0; i < check->count && !fault; i++) {
        if (!same(&values[i], &check->values[i])) {
            (void)snprintf(check->what, sizeof check->what, "the value of slot %zu differs in JSON", i);
            fault = check->what;
        }
    }
    free(copy);
    free(text);
    return fault;
}

/* jansson holds no number beyond a double; any other fault of a text that we take is a difference. */
static const char *check_taken(struct rs_slice json)
{
    json_error_t error;
    json_t *root = json_loadb((const char *)json.data, json.size,
                              JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &error);
    bool refused = !root && json_error_code(&error) != json_error_numeric_overflow &&
                   json_error_code(&error) != json_error_null_byte_in_key;
    json_decref(root);
    return refused ? "jansson refuses JSON that we accept" : NULL;
}

static const char *check_damaged(struct rs_json_check *check, struct rs_random *random, struct rs_slice json)
{
    static const char signs[] = "\"\\{}[]:,0.eE-+ntfu\n\x01\x80\xc3\xff ";
    uint8_t *bytes = malloc(json.size + 1);
    if (!bytes) {
        return "out of memory";
    }
    memcpy(bytes, json.data, json.size);
    size_t size = json.size;
    for (uint64_t n = 1 + rs_random_below(random, 2); n > 0 && size > 0; n--) {
        size_t at = rs_random_below(random, size);
        uint64_t what = rs_random_below(random, 8);
        if (what == 0) {
            size = at;
        } else if (what == 1) {
            memmove(bytes + at, bytes + at + 1, --size - at);
        } else {
            bytes[at] = (uint8_t)signs[rs_random_below(random, sizeof signs - 1)];
        }
    }
    uint8_t *copy;
    uint8_t *text;
    size_t where = 0;
    const char *fault = NULL;
    counts[1]++;
    enum rs_reason reason = run_exactly(check, rs_slice_of(bytes, size), &copy, &text, &where);
    if (reason == RS_REASON_NONE) {
        counts[2]++;
        fault = check_taken(rs_slice_of(bytes, size));
    }
    if (where > size) {
        fault = "the fault's place is beyond the message";
    }
    if (fault) {
        fprintf(stderr, "%.*s\n", (int)size, (const char *)bytes);
    }
    free(copy);
    free(text);
    free(bytes);
    return fault;
}

const char *rs_json_check_run(struct rs_json_check *check, struct rs_random *random, struct rs_slice json,
                              const struct rs_value *values)
{
    const char *fault = check_good(check, json, values);
    for (int i = 0; i < DAMAGED && !fault; i++) {
        fault = check_damaged(check, random, json);
    }
    return fault;
}

void rs_json_check_counts(uint64_t out[3])
{
    memcpy(out, counts, sizeof counts);
}
