#include "base/arena.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>

struct rs_arena_block {
    struct rs_arena_block *next;
    size_t size; /* of data */
    alignas(max_align_t) unsigned char data[];
};

#define ARENA_BLOCK_SIZE 8192

void rs_arena_fini(struct rs_arena *arena)
{
    struct rs_arena_block *block = arena->blocks;
    while (block) {
        struct rs_arena_block *next = block->next;
        free(block);
        block = next;
    }
    *arena = (struct rs_arena){0};
}

static bool add_block(struct rs_arena *arena, size_t needed)
{
    size_t size = needed > ARENA_BLOCK_SIZE ? needed : ARENA_BLOCK_SIZE;
    struct rs_arena_block *block = calloc(1, sizeof *block + size);
    if (!block) {
        return false;
    }
    block->next = arena->blocks;
    block->size = size;
    arena->blocks = block;
    arena->used = 0;
    arena->total += sizeof *block + size;
    return true;
}

void *rs_arena_alloc(struct rs_arena *arena, size_t size)
{
    const size_t align = alignof(max_align_t);
    if (size > SIZE_MAX / 2) {
        return NULL;
    }
    size_t rounded = size == 0 ? align : (size + align - 1) / align * align;
    if (!arena->blocks || rounded > arena->blocks->size - arena->used) {
        if (!add_block(arena, rounded)) {
            return NULL;
        }
    }
    void *memory = arena->blocks->data + arena->used;
    arena->used += rounded;
    return memory;
}

void *rs_arena_array(struct rs_arena *arena, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) {
        return NULL;
    }
    return rs_arena_alloc(arena, total);
}

char *rs_arena_text(struct rs_arena *arena, const char *text)
{
    return rs_arena_slice(arena, rs_slice_text(text));
}

char *rs_arena_slice(struct rs_arena *arena, struct rs_slice bytes)
{
    size_t size;
    if (__builtin_add_overflow(bytes.size, 1, &size)) {
        return NULL;
    }
    char *copy = rs_arena_alloc(arena, size);
    if (copy && bytes.size > 0) {
        memcpy(copy, bytes.data, bytes.size);
    }
    return copy;
}

char *rs_arena_path(struct rs_arena *arena, const char *directory, const char *path)
{
    if (path[0] == '/') {
        return rs_arena_text(arena, path);
    }
    size_t size = strlen(directory) + 1 + strlen(path) + 1;
    char *joined = rs_arena_alloc(arena, size);
    if (joined) {
        (void)snprintf(joined, size, "%s/%s", directory, path);
    }
    return joined;
}
