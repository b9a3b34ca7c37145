/* datum: random messages of a schema, without libavro: mutators make them by the thousand. */
#ifndef RS_TESTS_FUZZ_DATUM_H
#define RS_TESTS_FUZZ_DATUM_H

#include "base/buf.h"
#include "schemas/schema.h"
#include "tests/lib/random.h"

/* Appends a valid value of about `nodes` parts; arrays and maps in several blocks, with and without sizes. A type that
 * never ends is cut off, and what is written is then no value of it. */
void rs_random_datum(struct rs_random *random, const struct rs_schema *schema, unsigned nodes,
                     struct rs_buf *out);

#endif
