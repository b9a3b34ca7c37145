/* schema_random: random Avro schemas. The same seed gives the same schemas everywhere. */
#ifndef RS_TESTS_SCHEMA_RANDOM_H
#define RS_TESTS_SCHEMA_RANDOM_H

#include "base/buf.h"
#include "tests/lib/random.h"

/* Schema JSON: a record with every kind of type in it, nested at most `depth` deep. */
void rs_random_schema(struct rs_random *random, unsigned depth, struct rs_buf *json);

#endif
