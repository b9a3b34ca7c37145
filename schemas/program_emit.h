/* program_emit: what compiling writes op lists with, and the ops of types that are read as they are. Private
 * to schemas/program*.c.
 * Thread: one, until the program is whole. */
#ifndef RS_SCHEMAS_PROGRAM_EMIT_H
#define RS_SCHEMAS_PROGRAM_EMIT_H

#include "schemas/program_ops.h"

/* One record that is called rather than written out. */
struct rs_program_subroutine {
    const struct rs_schema *schema;
    size_t start;
};

struct rs_program_compiler {
    struct rs_program *program;
    size_t op_capacity, target_capacity, constant_capacity;
    const char *const *paths;
    struct rs_program_route *wants; /* sorted by their steps, each way once */
    size_t want_count;
    struct rs_program_subroutine *subroutines; /* grows while it is worked through */
    size_t subroutine_count, subroutine_capacity;
    size_t landing;   /* newest op that something leads to: it must stay an op of its own */
    const char *note; /* field at hand */
    size_t pairs;     /* of writer's and reader's types that were looked at */
    bool dry;         /* nothing is written: only whether it could be */
    bool failed;      /* out of memory: sticky */
};

/* The part of `wants` that runs through the type at hand, after `steps` steps, and where the type stands. */
struct rs_program_part {
    size_t from, to;
    size_t steps;
    uint32_t depth; /* records, arrays and maps around it, counted from the frame's base */
    bool in_frame;  /* inside a loop or a subroutine: the base is not known */
};

/* Whether the type at hand is itself what is wanted, rather than what holds it. */
bool rs_program_is_leaf(const struct rs_program_compiler *c, struct rs_program_part part);

/* The part of a record's wants that runs through one of its fields: a run of its own, as the wants are sorted. */
struct rs_program_part rs_program_wants_of(const struct rs_program_compiler *c, struct rs_program_part part,
                                           size_t field);

/* Returns the number of the op; 0 after a failure. */
size_t rs_program_emit(struct rs_program_compiler *c, struct rs_program_op op);
void rs_program_emit_code(struct rs_program_compiler *c, enum rs_program_code code);
/* Jumps to the end are chained through `b` until the end is known; 0 ends the chain, as no jump is op 0. */
void rs_program_land_chain(struct rs_program_compiler *c, size_t jump);
/* Room for `count` targets; returns the number of the first. */
size_t rs_program_add_targets(struct rs_program_compiler *c, size_t count);
/* Makes a target of the op at `from` lead to the op that comes next. */
void rs_program_set_target(struct rs_program_compiler *c, size_t number, size_t from);
/* Sets all that is wanted of the type at hand to null. */
void rs_program_emit_nulls(struct rs_program_compiler *c, struct rs_program_part part);
/* The op that reads a value that is neither union, record, array nor map, kept or skipped. */
struct rs_program_op rs_program_simple_op(const struct rs_schema *type, bool keep);
/* What comes before the fields of a record that is written out; false: it is too deep, and nothing follows. */
bool rs_program_enter(struct rs_program_compiler *c, struct rs_program_part part);

/* The ops of a type that is read as it is. */
void rs_program_emit_type(struct rs_program_compiler *c, const struct rs_schema *type,
                          struct rs_program_part part);
/* The records that are called, behind everything else. */
void rs_program_emit_subroutines(struct rs_program_compiler *c);

#endif
