/* arena: bump allocation for things that live and die together, such as strings of a configuration.
 * Owns:   its blocks; nothing is freed before fini.
 * Thread: one at a time.
 * Zero-initialised is valid and empty. */
#ifndef RS_BASE_ARENA_H
#define RS_BASE_ARENA_H

#include <stddef.h>

#include "base/slice.h"

struct rs_arena_block;

struct rs_arena {
    struct rs_arena_block *blocks; /* newest first */
    size_t used;                   /* of the newest block */
    size_t total;                  /* bytes taken from malloc */
};

void rs_arena_fini(struct rs_arena *arena); /* frees everything; leaves it valid and empty */

/* Zeroed memory for any type; NULL when out of memory. size 0 gives a valid pointer. */
void *rs_arena_alloc(struct rs_arena *arena, size_t size);
/* As rs_arena_alloc for count * size, checked for overflow. */
void *rs_arena_array(struct rs_arena *arena, size_t count, size_t size);
/* Zero-terminated copies; NULL when out of memory. */
char *rs_arena_text(struct rs_arena *arena, const char *text);
char *rs_arena_slice(struct rs_arena *arena, struct rs_slice bytes);
/* `path` as it is meant by who writes it in `directory`: an absolute one stays as it is. A copy. */
char *rs_arena_path(struct rs_arena *arena, const char *directory, const char *path);

#endif
