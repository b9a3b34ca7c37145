/* json internal: a JSON program, and the pieces that JSON texts are read by. Private to schemas/json*.c.
 * A program is a tree of nodes: one for each type of the schema where it is used. A record that is used in
 * several places shares one node, so that recursion is a circle of nodes, unless a wanted field lies in it.
 * Thread: as json_program.h. */
#ifndef RS_SCHEMAS_JSON_INTERNAL_H
#define RS_SCHEMAS_JSON_INTERNAL_H

#include "base/arena.h"
#include "schemas/json_program.h"

enum rs_json_kind {
    RS_JSON_NULL,
    RS_JSON_BOOLEAN,
    RS_JSON_INT,
    RS_JSON_LONG,
    RS_JSON_FLOAT,
    RS_JSON_DOUBLE,
    RS_JSON_DECIMAL,
    RS_JSON_STRING,
    RS_JSON_UUID,
    RS_JSON_BYTES,
    RS_JSON_FIXED,
    RS_JSON_ENUM,
    RS_JSON_TIME,
    RS_JSON_DATE,
    RS_JSON_ARRAY,
    RS_JSON_MAP,
    RS_JSON_RECORD,
    RS_JSON_UNION,
};

#define RS_JSON_NOT_WANTED UINT16_MAX

struct rs_json_node {
    uint8_t kind; /* enum rs_json_kind */
    bool nullable;
    uint16_t slot; /* RS_JSON_NOT_WANTED */
    uint32_t first,
        count; /* RECORD: fields; UNION: branches (nodes); ARRAY, MAP: `first` is the items' node */
    const struct rs_time_rule *rule; /* TIME, DATE: as declared; NULL: ISO 8601 or the type's unit */
    const struct rs_schema *schema;  /* of the value itself, unions with null stripped */
};

/* What a field that is not there stands for. */
enum rs_json_absent { RS_JSON_MISSING, RS_JSON_ABSENT_NULL, RS_JSON_ABSENT_DEFAULT };

struct rs_json_field {
    const char *name;
    /* `"name":` as it stands in a message: two words and which of their bits count; size 0: it is longer. */
    uint64_t head[2], mask[2];
    uint32_t head_size;
    uint32_t size; /* of the name */
    uint32_t node;
    const struct rs_schema *type;      /* as declared: of the default */
    const char *default_json;          /* NULL: none */
    uint8_t absent;                    /* enum rs_json_absent */
    uint32_t first_value, value_count; /* ABSENT_DEFAULT: what goes into slots */
};

struct rs_json_default {
    uint16_t slot;
    struct rs_value value;
};

struct rs_json_copy {
    uint16_t from, to;
};

struct rs_json_program {
    struct rs_program_limits limits;
    bool refuse_unknown;
    size_t slot_count;
    struct rs_json_node *nodes; /* the first is the message */
    size_t node_count;
    struct rs_json_field *fields; /* of a record in its order */
    uint32_t *sorted;             /* the same, each record's by name: numbers within the record */
    size_t field_count;
    struct rs_json_default *defaults;
    size_t default_count;
    struct rs_json_copy *copies; /* paths that are named twice */
    size_t copy_count;
    struct rs_arena arena; /* texts of defaults */
};

/* ---- json_text.c: the pieces of JSON ---- */

/* Where a reader stands. A reader that fails has set `p` to what is wrong. */
struct rs_json_cursor {
    const uint8_t *p;
    const uint8_t *end;
};

/* A text between its quotes as it stands in the message: valid UTF-8, escapes not yet looked at. */
struct rs_json_text {
    struct rs_slice raw;
    bool escaped;
};

struct rs_json_number {
    struct rs_slice text;
    uint64_t digits; /* all of them as one integer; only if `exact` */
    int scale;       /* how many of them stand after the point */
    bool exact;      /* at most 19 digits and no exponent */
    bool negative;
};

void rs_json_blanks(struct rs_json_cursor *c);
/* Most messages have no blanks. */
static inline void rs_json_space(struct rs_json_cursor *c)
{
    if (c->p < c->end && *c->p <= ' ') {
        rs_json_blanks(c);
    }
}
/* `c` stands behind the opening quote, then behind the closing one. */
enum rs_reason rs_json_text(struct rs_json_cursor *c, struct rs_json_text *out);
/* Writes the text without its escapes; it never becomes longer. *size: how long. *fault: the escape that is
 * none. */
enum rs_reason rs_json_unescape(struct rs_slice raw, uint8_t *out, size_t *size, const uint8_t **fault);
enum rs_reason rs_json_number(struct rs_json_cursor *c, struct rs_json_number *out);
int rs_json_hex_digit(uint8_t c); /* -1: none */
/* "true", "false", "null" */
enum rs_reason rs_json_word(struct rs_json_cursor *c, const char *word);

/* ---- json_scalar.c: what stands for numbers, times and bytes ---- */

enum rs_reason rs_json_to_integer(const struct rs_json_number *number, bool wide, int64_t *out);
enum rs_reason rs_json_to_decimal(const struct rs_json_number *number, const struct rs_schema *schema,
                                  struct rs_value *out);
/* `single`: rounded to a float. */
enum rs_reason rs_json_to_double(const struct rs_json_number *number, bool single, double *out);
enum rs_reason rs_json_count_to_time(const struct rs_json_number *number, const struct rs_json_node *node,
                                     struct rs_value *out);
enum rs_reason rs_json_text_to_time(struct rs_slice text, const struct rs_json_node *node,
                                    struct rs_value *out);
enum rs_reason rs_json_text_to_date(struct rs_slice text, const struct rs_json_node *node, int64_t *out);
/* "NaN", "Infinity", "-Infinity" */
bool rs_json_not_finite(struct rs_slice text, double *out);
/* Characters up to U+00FF to bytes, in place. False: another character. */
bool rs_json_to_bytes(uint8_t *text, size_t *size);
/* The 36 characters of a uuid to its bytes, in place; returns how many: 16. */
size_t rs_json_uuid_to_bytes(uint8_t *text);

#endif
