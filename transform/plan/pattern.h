/* pattern: a POSIX extended regular expression that has to match a whole text, compiled to a table of states.
 * Matching is one look-up for each character: it never goes back, allocates nothing, takes no lock, and what a
 * text holds makes no difference. So what could be a catastrophe for an engine with backtracking, or for one that
 * makes its states while it reads, is refused when the configuration is read: a pattern of more states than
 * RS_PATTERN_STATES_MAX, and back-references, which no table can follow.
 *   - Characters are code points of UTF-8: `.` is one character, any but NUL.
 *   - Classes such as [:alpha:], and \w \W \s \S, are those of the C locale: ASCII alone.
 * Source: subset construction (M. Rabin, D. Scott, 1959) over K. Thompson's automaton (1968).
 * Thread: immutable after compiling; any number of threads may match.
 * Limits: those below; the table takes 4 bytes for each state and class of characters. */
#ifndef RS_TRANSFORM_PLAN_PATTERN_H
#define RS_TRANSFORM_PLAN_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/slice.h"

#define RS_PATTERN_SIZE_MAX 4096 /* bytes of its text */
#define RS_PATTERN_NODES_MAX                                                                                 \
    8192 /* of the automaton before states are made of it: repetitions count as written out */
#define RS_PATTERN_STATES_MAX 4096
#define RS_PATTERN_REPEAT_MAX 1000 /* in {m,n} */
#define RS_PATTERN_DEPTH_MAX  32   /* of brackets */

struct rs_pattern;

/* Errors: RS_ECONFIG: the text says what is wrong and what to write; RS_ENOMEM. */
RS_MUST_USE int rs_pattern_compile(const char *text, struct rs_pattern **out, struct rs_error *error);
void rs_pattern_free(struct rs_pattern **pattern);

/* False also for what is not UTF-8. */
bool rs_pattern_matches(const struct rs_pattern *pattern, struct rs_slice text);

/* How many states its table has. */
size_t rs_pattern_states(const struct rs_pattern *pattern);

#endif
