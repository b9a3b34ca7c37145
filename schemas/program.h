/* program: an Avro schema compiled once into a flat op list that walks the bytes of one message.
 * Running validates everything (varints, indexes, booleans, UTF-8, lengths, block counts and sizes, item
 * budget, depth, no trailing bytes), extracts the wanted fields, and never allocates.
 * Source: Avro 1.11.1 specification, "Binary Encoding".
 * Thread: a program is immutable after compiling; any number of threads may run it.
 * Limits: struct rs_program_limits. */
#ifndef RS_SCHEMAS_PROGRAM_H
#define RS_SCHEMAS_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/number.h"
#include "base/reason.h"
#include "base/slice.h"
#include "schemas/schema.h"

struct rs_program;

struct rs_program_limits {
    uint32_t depth;        /* records, arrays and maps in one another; default 64 */
    uint32_t items;        /* array and map items of one message; default 100000 */
    bool lenient_trailing; /* bytes behind the last field are passed by */
    bool lenient_utf8;     /* so are bytes that are no UTF-8, in texts that are not wanted */
};
#define RS_PROGRAM_ITEMS_MAX      10000000 /* limits.items may be 1 to this */
#define RS_PROGRAM_DEPTH_MAX      256      /* limits.depth may be 1 to this */
#define RS_PROGRAM_SLOTS_MAX      65535
#define RS_PROGRAM_JSON_MAX       ((size_t)64 * 1024 * 1024) /* text of one message */
#define RS_PROGRAM_LIMITS_DEFAULT ((struct rs_program_limits){.depth = 64, .items = 100000})

/* What a field's value looks like after extraction. */
enum rs_value_kind {
    RS_VALUE_NULL = 0, /* null, or the wanted path runs through another branch of a union */
    RS_VALUE_BOOLEAN,  /* i: 0 or 1 */
    RS_VALUE_INT,      /* i: int, long, date (days), time-millis/micros as stored, enum (symbol index) */
    RS_VALUE_TIME,    /* timestamp-millis/micros/nanos and local-timestamp-*. i: microseconds since the epoch,
                         floored; nanos: what is left of nanoseconds. Milliseconds that do not fit are
                         INT64_MIN or INT64_MAX: it is for who uses the field to ask rs_time_in_range */
    RS_VALUE_DECIMAL, /* i64 or wide: unscaled, at the type's scale; `wide` tells which */
    RS_VALUE_DOUBLE,  /* d: float and double */
    RS_VALUE_BYTES,   /* s: string, bytes, fixed, uuid; borrowed from the message, or of a default from the
                         program */
};

struct rs_value {
    uint8_t kind;   /* enum rs_value_kind */
    bool wide;      /* DECIMAL: the value is in w, else in i */
    uint16_t nanos; /* TIME: 0 to 999 */
    union {
        int64_t i;
        double d;
        rs_i128 w;
        struct rs_slice s;
    };
};

/* A decimal that was read the long way, or computed: narrow wherever it fits. */
static inline void rs_value_set_decimal(struct rs_value *value, rs_i128 unscaled)
{
    value->kind = RS_VALUE_DECIMAL;
    value->wide = unscaled < INT64_MIN || unscaled > INT64_MAX;
    if (value->wide) {
        value->w = unscaled;
    } else {
        value->i = (int64_t)unscaled;
    }
}

/* Static type of an extracted field, known when compiled. */
struct rs_field_type {
    enum rs_value_kind kind; /* never NULL */
    bool nullable;
    int precision, scale; /* DECIMAL */
    const struct rs_schema
        *schema; /* of the value itself, unions with null stripped; for enum symbols, logical types */
};

/* An int or long that stands for nothing but its number. */
static inline bool rs_field_is_plain_integer(const struct rs_field_type *type)
{
    return type->kind == RS_VALUE_INT && type->schema->kind != RS_AVRO_ENUM &&
           type->schema->logical == RS_LOGICAL_NONE;
}

/* Resolves a dotted path of record fields ("price", "venue.country"). A union is passed through when it is of
 * null and one other type. Errors (RS_ECONFIG): no such field (names the nearest), or a type that cannot be
 * one value. */
RS_MUST_USE int rs_schema_field_type(const struct rs_schema *schema, const char *path,
                                     struct rs_field_type *out, struct rs_error *error);

/* Compiles `schema` to extract paths[0..count) into slots 0..count. A path may be named twice; where it is NULL,
 * the slot is left to others. Takes no ownership; `schema` must outlive the program.
 * Errors: RS_ESCHEMA, RS_ECONFIG as rs_schema_field_type, RS_ENOMEM. */
RS_MUST_USE int rs_program_compile(const struct rs_schema *schema, const char *const *paths, size_t count,
                                   struct rs_program_limits limits, struct rs_program **out,
                                   struct rs_error *error);
/* As rs_program_compile, for messages that `writer` wrote: paths are those of `reader`, and the values are as
 * rs_schema_field_type says of it. What is wanted is resolved (schemas/resolve.h), a field that the writer
 * lacks being its default; what nobody wants is checked as its writer's type and passed by. Values that the
 * reader has no place for (a symbol, a branch of a union) are refused when they come, as
 * RS_REASON_SCHEMA_INCOMPATIBLE. Borrows `writer` for the program's life, `reader` for the call. Takes as
 * long as the schemas are large: not for the event path.
 * Errors: also RS_ESCHEMA: no value of a wanted field can be read. The text is a clause about "it", the
 * writer: the path, both types, why, and what to do. */
RS_MUST_USE int rs_program_resolve(const struct rs_schema *writer, const struct rs_schema *reader,
                                   const char *const *paths, size_t count, struct rs_program_limits limits,
                                   struct rs_program **out, struct rs_error *error);
void rs_program_free(struct rs_program **program);

/* Walks one bare message. Returns RS_REASON_NONE and fills values[0..count), or why the message is not
 * acceptable and the byte where (*at, may be NULL: the start of the value, or of the run of fixed-width
 * values, that is wrong); then values are unspecified. */
enum rs_reason rs_program_run(const struct rs_program *program, struct rs_slice message,
                              struct rs_value *values, size_t *at);

/* Op list as text, one op a line, for `rollstat-schema explain`. */
struct rs_buf;
void rs_program_explain(const struct rs_program *program, struct rs_buf *out);

/* Walks one bare message with the same checks and appends it as JSON (Avro's JSON encoding of unions is
 * replaced by the plain value; bytes and fixed as "\u00XX" text, decimals as exact numbers, timestamps as ISO
 * 8601 strings, dates as YYYY-MM-DD; a decimal of more than 38 digits as its bytes; a float that is not
 * finite as the text NaN, Infinity or -Infinity; a time out of the years 1 to 9999 as its number).
 * RS_REASON_TOO_LARGE: the text would be longer than RS_PROGRAM_JSON_MAX. */
enum rs_reason rs_program_json(const struct rs_program *program, struct rs_slice message, struct rs_buf *out,
                               size_t *at);

#endif
