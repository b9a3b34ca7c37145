/* program_default: fields that a message does not have, from their defaults. Private to schemas/program*.c, and
 * json_compile.c.
 * Thread: one, until the program is whole. */
#ifndef RS_SCHEMAS_PROGRAM_DEFAULT_H
#define RS_SCHEMAS_PROGRAM_DEFAULT_H

#include <jansson.h>

#include "schemas/program_emit.h"

/* The type of which a default is a value: of a union the first branch that it fits. NULL: that takes too many
 * steps to find out. */
const struct rs_schema *rs_program_default_type(const struct rs_schema *type, const json_t *json);

/* The value of a default, of a type that is neither union, record, array nor map. Its bytes are in `arena`.
 * Errors: as rs_program_emit_default. */
RS_MUST_USE int rs_program_default_value(struct rs_arena *arena, const struct rs_schema *type,
                                         const json_t *json, struct rs_value *out, struct rs_error *error);

/* Sets what is wanted of a field to what its default says. `part` is that of the field's type; the field has
 * a default.
 * Errors: RS_ESCHEMA: the default is no value that could have been read (a clause: "is no uuid"); RS_ENOMEM. */
RS_MUST_USE int rs_program_emit_default(struct rs_program_compiler *c, const struct rs_schema_field *field,
                                        struct rs_program_part part, struct rs_error *error);

#endif
