/* letter box: dead letters kept in memory, for --replay, tests and simulation.
 * Thread: one. Owns: copies of the letters, at most `limit`; past that they are only counted. */
#ifndef RS_TESTS_LIB_DEAD_LETTER_BOX_H
#define RS_TESTS_LIB_DEAD_LETTER_BOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/dead_letter.h"
#include "base/error.h"

struct rs_dead_letter_box;

struct rs_boxed_dead_letter {
    uint32_t stream;
    int32_t partition;
    int64_t offset;
    int64_t timestamp_us;
    enum rs_reason reason;
    const char *text;
    struct rs_slice key, value; /* data NULL: none */
};

RS_MUST_USE int rs_dead_letter_box_new(size_t limit, struct rs_dead_letter_box **out, struct rs_error *error);
void rs_dead_letter_box_free(struct rs_dead_letter_box **box);
struct rs_dead_letter_sink rs_dead_letter_box_table(struct rs_dead_letter_box *box);

/* Full: put refuses. */
void rs_dead_letter_box_set_full(struct rs_dead_letter_box *box, bool full);
/* Held: letters that come stay unacknowledged until this is called with false. */
void rs_dead_letter_box_set_held(struct rs_dead_letter_box *box, bool held);

size_t rs_dead_letter_box_count(const struct rs_dead_letter_box *box); /* letters that can be read */
struct rs_boxed_dead_letter rs_dead_letter_box_at(const struct rs_dead_letter_box *box,
                                                  size_t index); /* valid until free */
/* All that came, also past the limit. RS_REASON_NONE: of any reason. */
uint64_t rs_dead_letter_box_total(const struct rs_dead_letter_box *box, enum rs_reason reason);

#endif
