/* avro_random: random Avro schemas and random values of them, for tests that hold our decoder against
 * libavro. The same seed gives the same schemas and values everywhere. */
#ifndef RS_TESTS_AVRO_RANDOM_H
#define RS_TESTS_AVRO_RANDOM_H

#include <avro.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "schemas/schema.h"
#include "tests/fuzz/schema_random.h"
#include "tests/lib/random.h"

/* Fills `value`, which has to be empty, with something valid of about `nodes` parts at most. */
void rs_random_value(struct rs_random *random, const struct rs_schema *schema, avro_value_t *value,
                     unsigned nodes);

/* Encodes `value` with arrays and maps cut into random blocks, some of them with byte sizes: libavro writes
 * one block and never a size. */
void rs_random_encode(struct rs_random *random, const struct rs_schema *schema, const avro_value_t *value,
                      struct rs_buf *out);

/* What rs_program_json has to make of the value. */
void rs_avro_text(const struct rs_schema *schema, const avro_value_t *value, struct rs_buf *out);

/* Two's complement of at most 17 bytes. */
__int128 rs_avro_integer(const uint8_t *bytes, size_t size);

/* libavro's answers have to be good where we use it as an oracle; prints and exits otherwise. */
void rs_avro_must(int answer, const char *what);

#endif
