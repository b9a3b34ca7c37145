/* program place: where in a message something is: the value that makes it unacceptable, or a field's value.
 * For the few messages that somebody looks into: the op list (program.h) says only that one is refused, and
 * at about which byte, which keeps it fast. The walk over the schema makes the same checks in the same order,
 * writes no text, takes time in proportion to the bytes walked, and allocates nothing.
 * Thread: any; a plain function of its arguments. */
#ifndef RS_SCHEMAS_PROGRAM_PLACE_H
#define RS_SCHEMAS_PROGRAM_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/reason.h"
#include "base/slice.h"
#include "schemas/program.h"

/* Room for the path of a value, "venue.codes[3].name"; a longer one ends in "...". Names of the schema and
 * numbers of items alone: the keys of a map are payload, and not in it. */
#define RS_PLACE_PATH_MAX 256

struct rs_place {
    size_t at; /* of its first byte, the index of its union included; what cannot be read begins here */
    char path[RS_PLACE_PATH_MAX]; /* empty: the message itself */
};

/* One step down from the value above: a field of a record, or an item. */
struct rs_place_step {
    const char *name; /* NULL: an item */
    uint64_t item;
};

/* Writes the path of steps[0..count), or of the same from the last to the first. */
void rs_place_put_path(const struct rs_place_step *steps, size_t count, bool backwards,
                       char out[RS_PLACE_PATH_MAX]);

/* A value that has no values in it: its bytes, with the index of its union and its length. */
struct rs_visited {
    const struct rs_place *place;
    size_t size;
    const struct rs_schema *type; /* the branch, of a union */
    struct rs_slice datum;        /* its bytes without the index of its union: for rs_program_value_json */
};
struct rs_visitor {
    void (*visit)(void *self, const struct rs_visited *value);
    void *self;
};

/* Walks one bare message. RS_REASON_NONE, or why it is not acceptable; *place is then where. The visitor, which
 * may be NULL, sees each value before that. */
enum rs_reason rs_program_visit(const struct rs_program *program, struct rs_slice message,
                                const struct rs_visitor *visitor, struct rs_place *place);

/* Where the value of the record field `path` ("venue.country") is. False: it has none in this message (a union
 * on the way has another branch, or the message is not acceptable up to there). */
bool rs_program_find_value(const struct rs_program *program, struct rs_slice message, const char *path,
                           size_t *at);

/* Appends a visited value as rs_program_json does. */
enum rs_reason rs_program_value_json(const struct rs_program *program, const struct rs_visited *value,
                                     struct rs_buf *out);

#endif
