#include "base/nearest.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Longer names are not compared: two rows of the table fit on the stack, and no name of ours comes near. */
#define NAME_MAX_SIZE 64

/* Case and the choice of '-' or '_' are no difference worth a point. */
static char folded(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return (char)(c - 'A' + 'a');
    }
    if (c == '-') {
        return '_';
    }
    return c;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Damerau-Levenshtein distance in its restricted form (optimal string alignment): insert, delete, replace, or
 * swap two neighbours, each one point. */
static size_t distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
    size_t rows[3][NAME_MAX_SIZE + 1];
    size_t *before = rows[0];
    size_t *above = rows[1];
    size_t *row = rows[2];
    for (size_t j = 0; j <= b_size; j++) {
        above[j] = j;
    }
    for (size_t i = 1; i <= a_size; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            char x = folded(a[i - 1]);
            char y = folded(b[j - 1]);
            row[j] = least(least(above[j] + 1, row[j - 1] + 1), above[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == folded(b[j - 2]) && y == folded(a[i - 2])) {
                row[j] = least(row[j], before[j - 2] + 1);
            }
        }
        size_t *free_row = before;
        before = above;
        above = row;
        row = free_row;
    }
    return above[b_size];
}

const char *rs_nearest_name(const char *text, const char *const *known)
{
    size_t size = strlen(text);
    if (size == 0 || size > NAME_MAX_SIZE) {
        return NULL;
    }
    const char *nearest = NULL;
    size_t nearest_distance = SIZE_MAX;
    for (; *known; known++) {
        size_t known_size = strlen(*known);
        if (known_size > NAME_MAX_SIZE) {
            continue;
        }
        /* A third of the longer name may differ, but never all of the shorter one: "xy" is not near "by". */
        size_t longer = size > known_size ? size : known_size;
        size_t allowed = (longer + 1) / 3 - (longer == 2);
        size_t apart = distance(text, size, *known, known_size);
        if (apart <= allowed && apart < least(size, known_size) && apart < nearest_distance) {
            nearest = *known;
            nearest_distance = apart;
        }
    }
    return nearest;
}
