#include "ingest/read/schema_equal.h"

#include <string.h>

/* Records being compared, innermost first: meeting a pair again inside itself adds nothing new. */
struct pair {
    const struct pair *up;
    const struct rs_schema *a;
    const struct rs_schema *b;
    unsigned *budget; /* comparisons left: records that use each other many times would take for ever */
};

#define RS_EQUAL_BUDGET 100000

static bool equal(const struct rs_schema *a, const struct rs_schema *b, const struct pair *in);

static bool equal_fields(const struct rs_schema *a, const struct rs_schema *b, const struct pair *in)
{
    const struct pair here = {.up = in, .a = a, .b = b, .budget = in->budget};
    for (const struct pair *p = in; p->up; p = p->up) {
        if (p->a == a && p->b == b) {
            return true;
        }
    }
    bool same = a->field_count == b->field_count;
    for (size_t i = 0; same && i < a->field_count; i++) {
        same = strcmp(a->fields[i].name, b->fields[i].name) == 0 &&
               equal(a->fields[i].type, b->fields[i].type, &here);
    }
    return same;
}

static bool equal_branches(const struct rs_schema *a, const struct rs_schema *b, const struct pair *in)
{
    bool same = a->branch_count == b->branch_count;
    for (size_t i = 0; same && i < a->branch_count; i++) {
        same = equal(a->branches[i], b->branches[i], in);
    }
    return same;
}

static bool equal(const struct rs_schema *a, const struct rs_schema *b, const struct pair *in)
{
    if (*in->budget == 0) {
        return false;
    }
    --*in->budget;
    if (a->kind != b->kind || a->logical != b->logical ||
        (a->logical == RS_LOGICAL_DECIMAL && (a->scale != b->scale || a->precision != b->precision))) {
        return false;
    }
    if (a->name && strcmp(a->name, b->name) != 0) {
        return false;
    }
    switch (a->kind) {
    case RS_AVRO_FIXED: return a->fixed_size == b->fixed_size;
    case RS_AVRO_ENUM: return rs_schema_same_symbols(a, b);
    case RS_AVRO_ARRAY:
    case RS_AVRO_MAP: return equal(a->items, b->items, in);
    case RS_AVRO_UNION: return equal_branches(a, b, in);
    case RS_AVRO_RECORD: return equal_fields(a, b, in);
    default: return true;
    }
}

bool rs_schema_equal(const struct rs_schema *a, const struct rs_schema *b)
{
    unsigned budget = RS_EQUAL_BUDGET;
    const struct pair root = {.budget = &budget};
    return equal(a, b, &root);
}
