/* program_ops: the op list inside a program. Private to schemas/program*.c.
 * A record that is used in one place is written out where it stands; one that is used in several is a
 * subroutine unless a wanted field lies in it. So the list stays proportional to the schema, and recursion is
 * a call.
 *
 * Depth. The depth of a value is how many records, arrays and maps hold it, itself included; types without
 * bytes count for nothing, as they are not walked. Inside a subroutine or a loop the depth is the frame's
 * base plus what the compiler knows, so that CALL, BLOCKS and ENTER carry that known part; elsewhere it is
 * known outright.
 * Thread: as program.h. */
#ifndef RS_SCHEMAS_PROGRAM_OPS_H
#define RS_SCHEMAS_PROGRAM_OPS_H

#include "base/arena.h"
#include "schemas/program.h"

/* Op, function that does it, and what explain calls it. In comments: use of a and b; s: writes its slot. */
#define RS_PROGRAM_OPS(X)                                                                                    \
    X(END, end, "end")             /* nothing may follow */                                                  \
    X(SKIP, skip, "skip")          /* a: bytes */                                                            \
    X(BOOLEAN, boolean, "boolean") /* s */                                                                   \
    X(SKIP_BOOLEAN, skip_boolean, "skip boolean")                                                            \
    X(INT, int, "int") /* s */                                                                               \
    X(SKIP_INT, skip_int, "skip int")                                                                        \
    X(LONG, long, "long") /* s */                                                                            \
    X(SKIP_LONG, skip_long, "skip long")                                                                     \
    X(MILLIS, millis, "timestamp-millis") /* s */                                                            \
    X(NANOS, nanos, "timestamp-nanos")    /* s */                                                            \
    X(FLOAT, float, "float")              /* s */                                                            \
    X(DOUBLE, double, "double")           /* s */                                                            \
    X(ENUM, enum, "enum")                 /* s, a: symbols */                                                \
    X(SKIP_ENUM, skip_enum, "skip enum")  /* a: symbols */                                                   \
    X(BYTES, bytes, "bytes")              /* s */                                                            \
    X(SKIP_BYTES, skip_bytes, "skip bytes")                                                                  \
    X(STRING, string, "string") /* s */                                                                      \
    X(SKIP_STRING, skip_string, "skip string")                                                               \
    X(UUID, uuid, "uuid") /* s */                                                                            \
    X(SKIP_UUID, skip_uuid, "skip uuid")                                                                     \
    X(FIXED, fixed, "fixed")                         /* s, a: bytes */                                       \
    X(DECIMAL, decimal, "decimal")                   /* s, a: digits, b: largest quick value */              \
    X(SKIP_DECIMAL, skip_decimal, "skip decimal")    /* a: digits, b: largest quick value */                 \
    X(FIXED_DECIMAL, fixed_decimal, "fixed decimal") /* s, a: digits, b: bytes */                            \
    X(SKIP_FIXED_DECIMAL, skip_fixed_decimal, "skip fixed decimal") /* a: digits, b: bytes */                \
    X(NULLABLE, nullable, "nullable")            /* a: branch of null, b: ops ahead for null */              \
    X(NULLABLE_SLOT, nullable_slot, "nullable")  /* as NULLABLE; s: null */                                  \
    X(UNION, union, "union")                     /* a: branches, b: first in targets */                      \
    X(JUMP, jump, "jump")                        /* b: ops ahead */                                          \
    X(SET_NULL, set_null, "null")                /* s */                                                     \
    X(COPY, copy, "copy")                        /* s, a: slot copied from */                                \
    X(CONSTANT, constant, "default")             /* s, b: number of the constant */                          \
    X(ENUM_MAP, enum_map, "enum by name")        /* s, a: symbols, b: first in targets: reader's numbers */  \
    X(AS_DOUBLE, as_double, "as double")         /* s: of an integer, as those below */                      \
    X(AS_FLOAT, convert, "as float")             /* s */                                                     \
    X(AS_MILLIS, convert, "as timestamp-millis") /* s */                                                     \
    X(AS_NANOS, convert, "as timestamp-nanos")   /* s */                                                     \
    X(TIMES, convert, "times")                   /* s, b: factor */                                          \
    X(RESCALE, rescale, "rescale") /* s, a: digits appended | digits allowed << 8, kind: b is the factor */  \
    X(INCOMPATIBLE, incompatible, "incompatible")                                                            \
    X(BLOCKS, blocks, "blocks") /* a: depth, b: ops ahead of the end */                                      \
    X(NEXT, next, "next item")                                                                               \
    X(EMPTY_BLOCKS, empty_blocks, "blocks of nothing") /* a: depth */                                        \
    X(CALL, call, "call")                              /* a: depth, b: op called */                          \
    X(RETURN, return, "return")                                                                              \
    X(ENTER, enter, "enter record") /* a: depth */                                                           \
    X(TOO_DEEP, too_deep, "too deep")

enum rs_program_code {
#define RS_PROGRAM_ENUM(name, function, text) RS_PROGRAM_##name,
    RS_PROGRAM_OPS(RS_PROGRAM_ENUM)
#undef RS_PROGRAM_ENUM
        RS_PROGRAM_STOP, /* in no list: where running goes when it is done or refuses */
};

struct rs_program_op {
    uint8_t code; /* enum rs_program_code */
    uint8_t kind; /* enum rs_value_kind of what goes into the slot */
    uint16_t slot;
    uint32_t a;
    uint64_t b;
};

struct rs_program {
    const struct rs_schema *schema;
    struct rs_program_limits limits;
    struct rs_program_op *ops;
    const char **notes; /* per op: the field it belongs to, or NULL; names live in the schema */
    size_t op_count;
    uint32_t *targets; /* of unions: ops ahead; of enums: symbols */
    size_t target_count;
    struct rs_value *constants; /* defaults; their bytes are in `arena` */
    size_t constant_count;
    struct rs_arena arena;
    size_t slot_count;
};

/* Steps from the root to a field: the number of a field in each record on the way. */
struct rs_program_route {
    uint32_t *steps;
    size_t count;
    size_t slot;
};

/* rs_schema_field_type that also tells the way. *route is malloc'd steps; NULL: not wanted. */
RS_MUST_USE int rs_program_find(const struct rs_schema *schema, const char *path, struct rs_field_type *out,
                                struct rs_program_route *route, struct rs_error *error);

/* Looks through unions of one type, with or without null. */
const struct rs_schema *rs_program_strip_union(const struct rs_schema *type, bool *nullable);

/* Index of the null branch of a union of null and one other type, -1 for every other union. */
int rs_program_null_branch(const struct rs_schema *type);

#endif
