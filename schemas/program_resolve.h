/* program_resolve: the ops of a type that one schema wrote and another reads. Private to schemas/program*.c.
 * Thread: one, until the program is whole. */
#ifndef RS_SCHEMAS_PROGRAM_RESOLVE_H
#define RS_SCHEMAS_PROGRAM_RESOLVE_H

#include "schemas/program_emit.h"

/* Something of `reader` is wanted.
 * Errors: as rs_program_resolve. */
RS_MUST_USE int rs_program_emit_pair(struct rs_program_compiler *c, const struct rs_schema *writer,
                                     const struct rs_schema *reader, struct rs_program_part part,
                                     struct rs_error *error);

#endif
