/* json_check: the reader of JSON messages against the decoder of Avro messages, and against jansson.
 * A message that the Avro decoder takes is written as JSON, and has to be read as the same values; then its text is
 * damaged: what is still taken has to be JSON to jansson too. */
#ifndef RS_TESTS_JSON_CHECK_H
#define RS_TESTS_JSON_CHECK_H

#include "schemas/program.h"
#include "tests/lib/random.h"

struct rs_json_check;

/* NULL: messages of the schema cannot be told from their text. `paths` are those whose values are compared. */
struct rs_json_check *rs_json_check_new(const struct rs_schema *schema, const char *const *paths,
                                        size_t count, struct rs_program_limits limits);
void rs_json_check_free(struct rs_json_check **check);

/* NULL: all is right; else what is not. `values` are those of the Avro message that `json` shows. */
const char *rs_json_check_run(struct rs_json_check *check, struct rs_random *random, struct rs_slice json,
                              const struct rs_value *values);
/* Texts read, damaged, and of these accepted. */
void rs_json_check_counts(uint64_t out[3]);

#endif
