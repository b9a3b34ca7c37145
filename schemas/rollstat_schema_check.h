/* rollstat_schema_check: `rollstat-schema check`: how two versions of a schema get along. Private to
 * rollstat-schema.
 * Thread: one. */
#ifndef RS_SCHEMAS_ROLLSTAT_SCHEMA_CHECK_H
#define RS_SCHEMAS_ROLLSTAT_SCHEMA_CHECK_H

#include <stdbool.h>

#include "base/usage.h"
#include "schemas/schema.h"

/* Whether that is something --need can ask for. */
bool rs_schema_check_knows(const char *need);

/* Prints how the schema in the file `path` gets along with the old one. Returns the program's exit code: 3
 * where they are not as compatible as `need` asks. */
int rs_schema_check_run(const struct rs_program_info *info, const struct rs_schema_document *old,
                        const char *path, const char *need, bool json);

#endif
