/* schema: an Avro schema as a tree, parsed strictly from its JSON.
 * libavro's parser accepts what the specification forbids and knows no logical types, hence our own model
 * (jansson reads the JSON). Named types may be referred to before the end of their own definition
 * (recursion).
 * Thread: immutable after parsing.
 * Owns: all nodes and strings. */
#ifndef RS_SCHEMAS_SCHEMA_H
#define RS_SCHEMAS_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

enum rs_schema_kind {
    RS_AVRO_NULL,
    RS_AVRO_BOOLEAN,
    RS_AVRO_INT,
    RS_AVRO_LONG,
    RS_AVRO_FLOAT,
    RS_AVRO_DOUBLE,
    RS_AVRO_BYTES,
    RS_AVRO_STRING,
    RS_AVRO_FIXED,
    RS_AVRO_ENUM,
    RS_AVRO_ARRAY,
    RS_AVRO_MAP,
    RS_AVRO_UNION,
    RS_AVRO_RECORD,
};

enum rs_logical {
    RS_LOGICAL_NONE,
    RS_LOGICAL_DECIMAL,
    RS_LOGICAL_UUID,
    RS_LOGICAL_DATE,
    RS_LOGICAL_TIME_MILLIS,
    RS_LOGICAL_TIME_MICROS,
    RS_LOGICAL_TIMESTAMP_MILLIS,
    RS_LOGICAL_TIMESTAMP_MICROS,
    RS_LOGICAL_TIMESTAMP_NANOS,
    RS_LOGICAL_LOCAL_TIMESTAMP_MILLIS,
    RS_LOGICAL_LOCAL_TIMESTAMP_MICROS,
    RS_LOGICAL_LOCAL_TIMESTAMP_NANOS,
};

struct rs_schema; /* one type */

struct rs_schema_field {
    const char *name;
    const char *doc;  /* NULL: none */
    const char *unit; /* value of the field's "unit" property, for rs:meta; NULL: none */
    const struct rs_schema *type;
    bool has_default;
    const char *default_json; /* the default as JSON text; NULL: none */
    const char *const *aliases;
    size_t alias_count;
};

struct rs_schema {
    enum rs_schema_kind kind;
    enum rs_logical logical;
    int precision, scale; /* DECIMAL */
    const char
        *ignored; /* why a logicalType that is known does not count, for people; NULL: none, or it counts */
    const char *name; /* full name; named kinds only */
    const char *doc;
    size_t fixed_size;
    const char *const *symbols; /* ENUM */
    size_t symbol_count;
    size_t symbol_default;      /* ENUM: number of its "default"; SIZE_MAX: none */
    const char *const *aliases; /* full names; named kinds only */
    size_t alias_count;
    const struct rs_schema_field *fields; /* RECORD */
    size_t field_count;
    const struct rs_schema *const *branches; /* UNION */
    size_t branch_count;
    const struct rs_schema *items; /* ARRAY items, MAP values */
    /* ---- facts the parser works out ---- */
    const struct rs_schema
        *definer; /* named kinds: the type whose part number `definer_part` defines it; NULL: root */
    size_t definer_part;
    uint32_t uses;       /* named kinds: places that use it, its definition included */
    uint16_t zero_depth; /* zero_size: records nested in it, itself included */
    bool zero_size;      /* null, fixed of size 0, record of such: its only value takes no bytes */
};

struct rs_schema_document;

#define RS_SCHEMA_BYTES_MAX ((size_t)1024 * 1024)
#define RS_SCHEMA_TYPES_MAX 10000 /* types written in one document */
#define RS_SCHEMA_DEPTH_MAX                                                                                  \
    64 /* types written inside types; also records without bytes inside such records */

/* Parses schema JSON (`name` stands in messages for where it came from). More than the specification asks is
 * refused only where a limit above is passed, or a JSON object repeats a key; {"type": "Name"} is taken for a
 * reference, as Java does. A logicalType that is unknown, does not suit its type or is not valid (a decimal
 * whose scale is above its precision) is ignored, as the specification says, and so is a decimal whose scale
 * is above RS_SCALE_MAX: the field is of its plain type, and whoever would use it otherwise is told why by
 * `ignored`. The default of a union is a value of any of its branches (1.12). Errors (RS_ESCHEMA) name the
 * place: line and column of bad JSON, or the path of the bad type. Names may also hold '$', '-' and letters
 * of any script: rs_schema_odd_name. */
RS_MUST_USE int rs_schema_parse(const char *name, const char *json, size_t size,
                                struct rs_schema_document **out, struct rs_error *error);
RS_MUST_USE int rs_schema_load(const char *path, struct rs_schema_document **out, struct rs_error *error);
void rs_schema_free(struct rs_schema_document **document);
const struct rs_schema *rs_schema_root(const struct rs_schema_document *document);
/* The first name that Avro's grammar (letters of ASCII, digits, '_') has not, such as Java's Outer$Inner;
 * NULL: none. Such names are read; to others who read the topic they may be none. */
const char *rs_schema_odd_name(const struct rs_schema_document *document);
/* The JSON as it was read, for libavro in the publisher. */
const char *rs_schema_json(const struct rs_schema_document *document);

/* Avro specification, "Parsing Canonical Form for Schemas" and "Schema Fingerprints". `schema` is a
 * document's root. */
void rs_schema_canonical(const struct rs_schema *schema, struct rs_buf *out);
uint64_t rs_schema_crc64(const struct rs_schema *schema);
void rs_schema_sha256(const struct rs_schema *schema, uint8_t out[32]);

/* Number of the enum's symbol `text`; SIZE_MAX: none. */
size_t rs_schema_symbol(const struct rs_schema *type, const char *text);
/* Whether two types have the same symbols in the same order, as types without any do. */
bool rs_schema_same_symbols(const struct rs_schema *a, const struct rs_schema *b);

const char *rs_schema_kind_name(enum rs_schema_kind kind);
/* The name of a union's branch in Avro's JSON encoding. */
const char *rs_schema_branch_name(const struct rs_schema *branch);
/* The kind, and why its logicalType is ignored where there is one: "bytes (its logicalType decimal is
 * ignored: …)". */
const char *rs_schema_type_name(const struct rs_schema *schema);
const char *rs_schema_logical_name(enum rs_logical logical); /* NULL for RS_LOGICAL_NONE */

#endif
