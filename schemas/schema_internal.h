/* schema internal: what the files that build a schema document share. Private to schemas/schema*.c.
 * Thread: one, until the document is whole. */
#ifndef RS_SCHEMAS_SCHEMA_INTERNAL_H
#define RS_SCHEMAS_SCHEMA_INTERNAL_H

#include <jansson.h>

#include "base/arena.h"
#include "base/error.h"
#include "schemas/schema.h"

struct rs_schema_document {
    struct rs_arena arena;
    const struct rs_schema *root;
    const char *json;
    const char *odd_name; /* see rs_schema_odd_name */
};

/* A default waits until all types are complete: it may be of a record that encloses it. */
struct rs_schema_default {
    struct rs_schema_default *next;
    const char *record;
    const struct rs_schema_field *field;
    json_t *value; /* borrowed from the JSON document */
};

struct rs_schema_parser {
    struct rs_schema_document *document;
    const char *name;
    struct rs_error *error;
    json_t *index; /* full name → position in `named` */
    struct rs_schema **named;
    size_t named_count, named_capacity;
    struct rs_schema_default *defaults;
    size_t types;
};

/* Where the parser is: a chain from the type at hand up to the root. */
struct rs_schema_place {
    const struct rs_schema_place *up;
    const char *label;             /* ".price", ".items"; NULL: "[part]", a union's branch */
    const char *ns;                /* enclosing namespace, "" for none */
    const struct rs_schema *owner; /* the type this one is a part of */
    size_t part;
    unsigned depth;
};

/* Sets RS_ESCHEMA "NAME: schema.price[1]: text" and returns its code. */
int rs_schema_bad(struct rs_schema_parser *p, const struct rs_schema_place *place, const char *format, ...)
    RS_PRINTF(3, 4);
int rs_schema_no_memory(struct rs_schema_parser *p);
/* Copy of `text` that is fit for a message: short, no control characters. */
const char *rs_schema_shown(struct rs_schema_parser *p, const char *text);

/* Reads logicalType, precision and scale of `object` into `node`. */
RS_MUST_USE int rs_schema_parse_logical(struct rs_schema_parser *p, const json_t *object,
                                        struct rs_schema *node);

/* Whether `value` can be the default of a field of this type. *left: comparisons still allowed; 0 afterwards
 * where they did not suffice. */
bool rs_schema_default_fits(const struct rs_schema *type, const json_t *value, uint32_t *left);
#define RS_SCHEMA_DEFAULT_STEPS 100000 /* of one default: branches of unions inside one another multiply */

/* Checks the defaults that were put aside. */
RS_MUST_USE int rs_schema_check_defaults(struct rs_schema_parser *p);

#endif
