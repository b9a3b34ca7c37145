/* pattern internal: what a pattern's text says, between the file that reads it and the one that makes states of
 * it. Private to pattern*.c.
 * Thread: one. */
#ifndef RS_TRANSFORM_PLAN_PATTERN_INTERNAL_H
#define RS_TRANSFORM_PLAN_PATTERN_INTERNAL_H

#include <stdint.h>

#include "transform/plan/pattern.h"

#define RS_PATTERN_CHARACTER_MAX 0x10FFFF
#define RS_PATTERN_NONE          UINT32_MAX
#define RS_PATTERN_ENDLESS       UINT32_MAX

enum rs_tree_kind {
    RS_TREE_SET,    /* one character of ranges[first .. first + count) */
    RS_TREE_ALL,    /* children one after the other, the last one first in the list */
    RS_TREE_ANY,    /* one of the children */
    RS_TREE_REPEAT, /* the child, min to max times */
    RS_TREE_BEGIN,  /* nothing, at the beginning of the text */
    RS_TREE_END,
};

struct rs_tree {
    enum rs_tree_kind kind;
    uint32_t child, sibling; /* RS_PATTERN_NONE: none */
    uint32_t first, count;
    uint32_t min, max;
};

struct rs_character_range {
    uint32_t low, high;
};

struct rs_pattern_text {
    struct rs_tree *trees;
    uint32_t count, root;
    struct rs_character_range *ranges; /* of each set: ascending, apart from each other */
    uint32_t range_count;
};

/* Errors as rs_pattern_compile. *out is the caller's to finish, also after an error. */
RS_MUST_USE int rs_pattern_read(const char *text, struct rs_pattern_text *out, struct rs_error *error);
void rs_pattern_text_fini(struct rs_pattern_text *text);

#endif
