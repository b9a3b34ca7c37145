/* wants: fields of a schema that a program can be asked for. */
#ifndef RS_TESTS_FUZZ_WANTS_H
#define RS_TESTS_FUZZ_WANTS_H

#include "schemas/program.h"

#define RS_WANTS_MAX     8
#define RS_WANT_PATH_MAX 192

struct rs_wants {
    char texts[RS_WANTS_MAX][RS_WANT_PATH_MAX];
    const char *paths[RS_WANTS_MAX];
    size_t count;
    bool wide;
};

/* The first RS_WANTS_MAX fields that are one value, in the order of the schema. `wide`: also decimals that may have more
 * digits than are read: a value that has is refused where it is wanted, and only there. */
void rs_wants_collect(struct rs_wants *wants, const struct rs_schema *schema, bool wide);

bool rs_wants_same(const struct rs_value *a, const struct rs_value *b);

#endif
