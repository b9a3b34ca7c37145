/* program_default: fields that the writer does not have, from their defaults. Private to schemas/program*.c.
 * Thread: one, until the program is whole. */
#ifndef RS_SCHEMAS_PROGRAM_DEFAULT_H
#define RS_SCHEMAS_PROGRAM_DEFAULT_H

#include "schemas/program_emit.h"

/* Sets what is wanted of a field to what its default says. `part` is that of the field's type; the field has
 * a default.
 * Errors: RS_ESCHEMA: the default is no value that could have been read (a clause: "is no uuid"); RS_ENOMEM. */
RS_MUST_USE int rs_program_emit_default(struct rs_program_compiler *c, const struct rs_schema_field *field,
                                        struct rs_program_part part, struct rs_error *error);

#endif
