/* evolve: another version of a schema: one small change to its JSON, of those that people make, and of those that they
 * had better not. */
#ifndef RS_TESTS_FUZZ_EVOLVE_H
#define RS_TESTS_FUZZ_EVOLVE_H

#include "base/buf.h"
#include "base/slice.h"
#include "tests/lib/random.h"

/* Appends it; false: `text` is no JSON. */
bool rs_random_evolve(struct rs_random *random, struct rs_slice text, struct rs_buf *out);

#endif
