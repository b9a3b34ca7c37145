#include "transform/plan/pattern.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "transform/plan/pattern_internal.h"

#define CLASSES_MAX 256
#define CLASS_WORDS (CLASSES_MAX / 64)
#define STEPS_MAX   50000000 /* while states are made: a fraction of a second */
#define DEAD        0        /* the state from which nothing leads to a match */

struct rs_pattern {
    uint8_t ascii[128]; /* class of each */
    uint32_t
        *edges; /* ascending: where a class begins; those of a character are as many as are not above it */
    uint32_t
        *next; /* state by state, by class: where the next state begins; then whether a text may end there */
    uint32_t classes, states;
    uint32_t row; /* of a state: classes + 1 */
    uint32_t start;
};

enum node_kind { NODE_SET, NODE_FORK, NODE_BEGIN, NODE_END, NODE_MATCH };

struct node {
    enum node_kind kind;
    uint16_t set; /* number of a tree */
    uint16_t next, other;
};

struct builder {
    const struct rs_pattern_text *text;
    struct node *nodes;
    uint32_t node_count;
    uint64_t steps;
    bool too_large;
    struct rs_pattern *pattern;
    uint64_t (*members)[CLASS_WORDS]; /* by tree: classes of its set */
    uint64_t *sets;                   /* state by state: its nodes */
    uint32_t words;                   /* of a state's */
    uint32_t sets_room;
    uint32_t *index; /* of states by their nodes, open addressing; DEAD: free */
    uint16_t *stack;
};

#define INDEX_SIZE 8192 /* places for states */
_Static_assert(INDEX_SIZE >= 2 * RS_PATTERN_STATES_MAX, "half of them stay free");

/* ---- classes of characters that all sets take alike ---- */

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static uint32_t class_of(const struct rs_pattern *pattern, uint32_t character)
{
    uint32_t low = 0;
    uint32_t high = pattern->classes - 1;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (pattern->edges[middle] <= character) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static int make_classes(struct builder *b, struct rs_error *error)
{
    const struct rs_pattern_text *text = b->text;
    struct rs_pattern *p = b->pattern;
    p->edges = calloc(2 * (size_t)text->range_count + 1, sizeof *p->edges);
    b->members = calloc((size_t)text->count + 1, sizeof *b->members);
    if (!p->edges || !b->members) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    size_t count = 0;
    for (uint32_t i = 0; i < text->range_count; i++) {
        p->edges[count++] = text->ranges[i].low;
        p->edges[count++] = text->ranges[i].high + 1;
    }
    qsort(p->edges, count, sizeof *p->edges, by_number);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || p->edges[i] != p->edges[kept - 1]) {
            p->edges[kept++] = p->edges[i];
        }
    }
    p->classes = (uint32_t)kept + 1;
    p->row = p->classes + 1;
    if (p->classes > CLASSES_MAX) {
        return rs_fail(error, RS_ECONFIG, "it tells too many kinds of characters apart: write fewer of them");
    }
    for (uint32_t c = 0; c < 128; c++) {
        p->ascii[c] = (uint8_t)class_of(p, c);
    }
    for (uint32_t t = 0; t < text->count; t++) {
        const struct rs_tree *tree = &text->trees[t];
        for (uint32_t i = 0; tree->kind == RS_TREE_SET && i < tree->count; i++) {
            const struct rs_character_range *range = &text->ranges[tree->first + i];
            for (uint32_t c = class_of(p, range->low); c <= class_of(p, range->high); c++) {
                b->members[t][c / 64] |= UINT64_C(1) << (c % 64);
            }
        }
    }
    return 0;
}

/* ---- trees to nodes, each built in front of what follows it ---- */

static uint16_t add_node(struct builder *b, enum node_kind kind, uint32_t set, uint16_t next, uint16_t other)
{
    if (b->node_count == RS_PATTERN_NODES_MAX) {
        b->too_large = true;
        return 0;
    }
    b->nodes[b->node_count] = (struct node){kind, (uint16_t)set, next, other};
    return (uint16_t)b->node_count++;
}

static uint16_t build(struct builder *b, uint32_t tree, uint16_t next);

/* Optional copies lead past all those behind them. */
static uint16_t build_repeat(struct builder *b, const struct rs_tree *tree, uint16_t next)
{
    uint16_t at = next;
    if (tree->max == RS_PATTERN_ENDLESS) {
        at = add_node(b, NODE_FORK, 0, next, next);
        uint16_t body = build(b, tree->child, at);
        b->nodes[at].other = body;
    }
    for (uint32_t i = tree->min; tree->max != RS_PATTERN_ENDLESS && i < tree->max && !b->too_large; i++) {
        at = add_node(b, NODE_FORK, 0, next, build(b, tree->child, at));
    }
    for (uint32_t i = 0; i < tree->min && !b->too_large; i++) {
        at = build(b, tree->child, at);
    }
    return at;
}

/* Every call counts as a step, so that copies of nothing have a bound, too.
 * NOLINTNEXTLINE(misc-no-recursion): as deep as brackets and repetitions nest in the text */
static uint16_t build(struct builder *b, uint32_t number, uint16_t next)
{
    const struct rs_tree *tree = &b->text->trees[number];
    if (b->too_large || b->steps++ > 8 * (uint64_t)RS_PATTERN_NODES_MAX) {
        b->too_large = true;
        return next;
    }
    uint16_t at = next;
    switch (tree->kind) {
    case RS_TREE_SET: return add_node(b, NODE_SET, number, next, next);
    case RS_TREE_BEGIN: return add_node(b, NODE_BEGIN, 0, next, next);
    case RS_TREE_END: return add_node(b, NODE_END, 0, next, next);
    case RS_TREE_REPEAT: return build_repeat(b, tree, next);
    case RS_TREE_ALL:
        for (uint32_t c = tree->child; c != RS_PATTERN_NONE; c = b->text->trees[c].sibling) {
            at = build(b, c, at);
        }
        return at;
    case RS_TREE_ANY:
        at = build(b, tree->child, next);
        for (uint32_t c = b->text->trees[tree->child].sibling; c != RS_PATTERN_NONE;
             c = b->text->trees[c].sibling) {
            at = add_node(b, NODE_FORK, 0, at, build(b, c, next));
        }
        return at;
    }
    return at;
}

/* ---- nodes to states ---- */

static bool has(const uint64_t *set, uint32_t number)
{
    return set[number / 64] >> (number % 64) & 1;
}

/* Adds a node and all that can be reached from it with no character. Forks and beginnings are in the set as well:
 * they tell what has been seen. */
static void reach(struct builder *b, uint64_t *set, uint16_t from, bool at_begin, bool at_end)
{
    size_t depth = 0;
    b->stack[depth++] = from;
    while (depth > 0) {
        uint16_t at = b->stack[--depth];
        const struct node *node = &b->nodes[at];
        if (has(set, at)) {
            continue;
        }
        b->steps++;
        set[at / 64] |= UINT64_C(1) << (at % 64);
        if (node->kind == NODE_FORK || (node->kind == NODE_BEGIN && at_begin) ||
            (node->kind == NODE_END && at_end)) {
            b->stack[depth++] = node->next;
        }
        if (node->kind == NODE_FORK) {
            b->stack[depth++] = node->other;
        }
    }
}

/* Of what a text may end with: everything again, with the ends let through. */
static bool ends_well(struct builder *b, const uint64_t *set, bool at_begin, uint64_t *scratch)
{
    memset(scratch, 0, b->words * sizeof *scratch);
    for (uint32_t i = 0; i < b->node_count; i++) {
        if (has(set, i)) {
            reach(b, scratch, (uint16_t)i, at_begin, true);
        }
    }
    return has(scratch, 0);
}

static bool is_empty(const struct builder *b, const uint64_t *set)
{
    for (uint32_t i = 0; i < b->words; i++) {
        if (set[i]) {
            return false;
        }
    }
    return true;
}

static uint32_t slot_of(const struct builder *b, const uint64_t *set)
{
    uint64_t hash = 0;
    for (uint32_t i = 0; i < b->words; i++) {
        hash = (hash ^ set[i]) * UINT64_C(0x9E3779B97F4A7C15);
        hash ^= hash >> 29;
    }
    uint32_t slot = (uint32_t)(hash % INDEX_SIZE);
    while (b->index[slot] &&
           memcmp(b->sets + (size_t)b->index[slot] * b->words, set, b->words * sizeof *set) != 0) {
        slot = (slot + 1) % INDEX_SIZE;
    }
    return slot;
}

static bool grow(struct builder *b)
{
    struct rs_pattern *p = b->pattern;
    if (p->states < b->sets_room) {
        return true;
    }
    uint32_t room = b->sets_room ? 2 * b->sets_room : 64;
    RS_ASSERT(b->words > 0 && p->row > 0);
    uint64_t *sets = realloc(b->sets, (size_t)room * b->words * sizeof *sets);
    b->sets = sets ? sets : b->sets;
    uint32_t *next = realloc(p->next, (size_t)room * p->row * sizeof *next);
    p->next = next ? next : p->next;
    b->sets_room = sets && next ? room : b->sets_room;
    return sets && next;
}

/* The state that stands for a set of nodes, made if it is new. */
static int want_state(struct builder *b, const uint64_t *set, uint32_t *out, struct rs_error *error)
{
    struct rs_pattern *p = b->pattern;
    uint32_t slot = slot_of(b, set);
    *out = b->index[slot];
    if (*out || is_empty(b, set)) {
        return 0;
    }
    if (p->states == RS_PATTERN_STATES_MAX || b->steps > STEPS_MAX) {
        b->too_large = true;
        return 0;
    }
    if (!grow(b)) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    memcpy(b->sets + (size_t)p->states * b->words, set, b->words * sizeof *set);
    memset(p->next + (size_t)p->states * p->row, 0, p->row * sizeof *p->next);
    b->index[slot] = *out = p->states++;
    return 0;
}

/* Where each class leads from a state. */
static int follow(struct builder *b, uint32_t state, uint64_t *scratch, struct rs_error *error)
{
    struct rs_pattern *p = b->pattern;
    int rc = 0;
    for (uint32_t c = 0; rc == 0 && c < p->classes && !b->too_large; c++) {
        memset(scratch, 0, b->words * sizeof *scratch);
        for (uint32_t w = 0; w < b->words; w++) {
            for (uint64_t left = b->sets[(size_t)state * b->words + w]; left; left &= left - 1) {
                const struct node *node = &b->nodes[w * 64 + (uint32_t)__builtin_ctzll(left)];
                b->steps++;
                if (node->kind == NODE_SET && has(b->members[node->set], c)) {
                    reach(b, scratch, node->next, false, false);
                }
            }
        }
        b->too_large |= b->steps > STEPS_MAX;
        uint32_t next = DEAD;
        rc = want_state(b, scratch, &next, error);
        p->next[(size_t)state * p->row + c] = next * p->row;
    }
    return rc;
}

static int make_states(struct builder *b, uint16_t first, uint64_t *scratch, struct rs_error *error)
{
    struct rs_pattern *p = b->pattern;
    b->words = (b->node_count + 63) / 64;
    if (!grow(b)) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    memset(b->sets, 0, b->words * sizeof *b->sets);
    memset(p->next, 0, p->row * sizeof *p->next);
    p->states = 1;
    memset(scratch, 0, b->words * sizeof *scratch);
    reach(b, scratch, first, true, false);
    int rc = want_state(b, scratch, &p->start, error);
    b->index[slot_of(b, scratch)] = DEAD; /* none but the beginning of the text is at its beginning */
    for (uint32_t s = 1; rc == 0 && s < p->states && !b->too_large; s++) {
        rc = follow(b, s, scratch, error);
        p->next[(size_t)s * p->row + p->classes] =
            ends_well(b, b->sets + (size_t)s * b->words, s == p->start, scratch);
    }
    return rc;
}

/* ---- all together ---- */

static int compile(struct builder *b, uint64_t *scratch, struct rs_error *error)
{
    int rc = make_classes(b, error);
    if (rc < 0) {
        return rc;
    }
    uint16_t match = add_node(b, NODE_MATCH, 0, 0, 0);
    uint16_t first = build(b, b->text->root, match);
    b->steps = 0;
    if (!b->too_large) {
        rc = make_states(b, first, scratch, error);
    }
    return rc == 0 && b->too_large
               ? rs_fail(
                     error, RS_ECONFIG,
                     "it would need more than %d states: make what it repeats shorter, or write it without "
                     "a choice of where a part of it begins, as in .*x.{20}",
                     RS_PATTERN_STATES_MAX)
               : rc;
}

int rs_pattern_compile(const char *text, struct rs_pattern **out, struct rs_error *error)
{
    struct rs_pattern_text read;
    struct builder b = {.text = &read};
    uint64_t *scratch = calloc(RS_PATTERN_NODES_MAX / 64 + 1, sizeof *scratch);
    b.nodes = calloc(RS_PATTERN_NODES_MAX, sizeof *b.nodes);
    b.index = calloc(INDEX_SIZE, sizeof *b.index);
    b.stack = calloc(2 * (size_t)RS_PATTERN_NODES_MAX + 2, sizeof *b.stack);
    b.pattern = calloc(1, sizeof *b.pattern);
    int rc = rs_pattern_read(text, &read, error);
    if (rc == 0 && scratch && b.nodes && b.index && b.stack && b.pattern) {
        rc = compile(&b, scratch, error);
    } else if (rc == 0) {
        rc = rs_fail(error, RS_ENOMEM, "out of memory");
    }
    if (rc == 0) {
        *out = b.pattern;
        b.pattern = NULL;
    }
    rs_pattern_free(&b.pattern);
    rs_pattern_text_fini(&read);
    free(b.members);
    free(b.sets);
    free(b.stack);
    free(b.index);
    free(b.nodes);
    free(scratch);
    return rc;
}

void rs_pattern_free(struct rs_pattern **pattern)
{
    if (!*pattern) {
        return;
    }
    free((*pattern)->edges);
    free((*pattern)->next);
    free(*pattern);
    *pattern = NULL;
}

size_t rs_pattern_states(const struct rs_pattern *pattern)
{
    return pattern->states;
}

/* ---- matching ---- */

bool rs_pattern_matches(const struct rs_pattern *pattern, struct rs_slice text)
{
    size_t state = (size_t)pattern->start * pattern->row;
    for (size_t at = 0; at < text.size && state != DEAD;) {
        uint32_t character = text.data[at];
        uint32_t of = 0;
        if (character < 128) {
            of = pattern->ascii[character];
            at++;
        } else {
            size_t size = rs_utf8_sequence(text.data + at, text.size - at);
            if (size == 0) {
                return false;
            }
            character &= 0xFFu >> (size + 1);
            for (size_t i = 1; i < size; i++) {
                character = character << 6 | (text.data[at + i] & 0x3Fu);
            }
            of = class_of(pattern, character);
            at += size;
        }
        state = pattern->next[state + of];
    }
    return pattern->next[state + pattern->classes];
}
