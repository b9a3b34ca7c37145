/* schema_part: the schema that an input begins with.
 * Thread: one. */
#ifndef RS_TESTS_FUZZ_SCHEMA_PART_H
#define RS_TESTS_FUZZ_SCHEMA_PART_H

#include "schemas/schema.h"
#include "tests/fuzz/fuzz.h"

/* Of what stands before the next byte 0; false: that is none. */
static inline bool rs_fuzz_schema(struct rs_slice *rest, struct rs_schema_document **out)
{
    struct rs_slice text = rs_fuzz_part(rest);
    struct rs_error error = {0};
    return rs_schema_parse("fuzz", text.size == 0 ? "" : (const char *)text.data, text.size, out, &error) ==
           0;
}

#endif
