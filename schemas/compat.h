/* compat: all that keeps a reader's schema from reading what a writer's schema wrote, for people. The whole
 * schemas are compared, as Avro has it and schemas/resolve.h refines it; what keeps one value of several from
 * being read (a symbol, a branch) counts, too.
 * Thread: any; nothing is kept.
 * Limits: comparisons of types are bounded; beyond, the schemas are called too involved. */
#ifndef RS_SCHEMAS_COMPAT_H
#define RS_SCHEMAS_COMPAT_H

#include "base/error.h"
#include "schemas/resolve.h"
#include "schemas/schema.h"

struct rs_compat_break {
    enum rs_break kind;
    const char
        *path; /* of the reader's type, "schema.venue.country", ".items", ".values"; "[1]": branch of the
                         writer's union */
    const char *text; /* both types, why, and what to do */
};

typedef void rs_compat_tell(void *self, const struct rs_compat_break *found);

/* Tells each break once. *count: how many; 0: everything that the writer can write is read.
 * Errors: RS_ENOMEM. */
RS_MUST_USE int rs_compat_check(const struct rs_schema *writer, const struct rs_schema *reader,
                                rs_compat_tell *tell, void *self, size_t *count, struct rs_error *error);

#endif
