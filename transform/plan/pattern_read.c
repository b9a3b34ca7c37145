/* The text of a pattern: POSIX extended regular expressions as glibc reads them in the C locale, less what has no
 * table of states or means nothing certain. */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "transform/plan/pattern_internal.h"

struct reader {
    const uint8_t *text;
    size_t size, at;
    int depth;
    struct rs_pattern_text *out;
    struct rs_error *error;
};

static uint32_t read_any(struct reader *r);

/* ---- trees ---- */

/* Room for all that the text can say was made before. */
static uint32_t add_tree(struct reader *r, enum rs_tree_kind kind)
{
    uint32_t number = r->out->count++;
    r->out->trees[number] =
        (struct rs_tree){.kind = kind, .child = RS_PATTERN_NONE, .sibling = RS_PATTERN_NONE};
    return number;
}

static void adopt(struct reader *r, uint32_t parent, uint32_t child)
{
    r->out->trees[child].sibling = r->out->trees[parent].child;
    r->out->trees[parent].child = child;
}

static uint32_t refuse(struct reader *r, const char *why)
{
    (void)rs_fail(r->error, RS_ECONFIG, "%s", why);
    return RS_PATTERN_NONE;
}

/* ---- sets ---- */

static uint32_t begin_set(struct reader *r)
{
    uint32_t set = add_tree(r, RS_TREE_SET);
    r->out->trees[set].first = r->out->range_count;
    return set;
}

static void add_range(struct reader *r, uint32_t low, uint32_t high)
{
    r->out->ranges[r->out->range_count++] = (struct rs_character_range){low, high};
}

static int by_low(const void *a, const void *b)
{
    uint32_t x = ((const struct rs_character_range *)a)->low;
    uint32_t y = ((const struct rs_character_range *)b)->low;
    return (x > y) - (x < y);
}

/* Sorted and joined; `inverted`: what is not in them. */
static void end_set(struct reader *r, uint32_t set, bool inverted)
{
    struct rs_tree *tree = &r->out->trees[set];
    struct rs_character_range *ranges = &r->out->ranges[tree->first];
    size_t count = r->out->range_count - tree->first;
    size_t kept = 0;
    if (count > 1) {
        qsort(ranges, count, sizeof *ranges, by_low);
    }
    for (size_t i = 0; i < count; i++) {
        if (kept && ranges[i].low <= ranges[kept - 1].high + 1) {
            ranges[kept - 1].high =
                ranges[i].high > ranges[kept - 1].high ? ranges[i].high : ranges[kept - 1].high;
        } else {
            ranges[kept++] = ranges[i];
        }
    }
    uint32_t low = 0;
    size_t gaps = 0;
    for (size_t i = 0; inverted && i <= kept; i++) {
        struct rs_character_range is = i < kept ? ranges[i]
                                                : (struct rs_character_range){RS_PATTERN_CHARACTER_MAX + 1,
                                                                              RS_PATTERN_CHARACTER_MAX + 1};
        if (is.low > low) {
            ranges[gaps++] = (struct rs_character_range){low, is.low - 1};
        }
        low = is.high + 1;
    }
    tree->count = (uint32_t)(inverted ? gaps : kept);
    r->out->range_count = tree->first + tree->count;
}

static const struct {
    const char *name;
    struct rs_character_range ranges[4];
} classes[] = {
    {"alpha", {{'A', 'Z'}, {'a', 'z'}}},
    {"digit", {{'0', '9'}}},
    {"alnum", {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}}},
    {"upper", {{'A', 'Z'}}},
    {"lower", {{'a', 'z'}}},
    {"space", {{'\t', '\r'}, {' ', ' '}}},
    {"blank", {{'\t', '\t'}, {' ', ' '}}},
    {"punct", {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}}},
    {"print", {{' ', '~'}}},
    {"graph", {{'!', '~'}}},
    {"cntrl", {{0, 31}, {127, 127}}},
    {"xdigit", {{'0', '9'}, {'A', 'F'}, {'a', 'f'}}},
};

static bool add_class(struct reader *r, const char *name, size_t size)
{
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        if (strlen(classes[i].name) != size || memcmp(classes[i].name, name, size) != 0) {
            continue;
        }
        for (size_t k = 0; k < 4 && classes[i].ranges[k].high; k++) {
            add_range(r, classes[i].ranges[k].low, classes[i].ranges[k].high);
        }
        return true;
    }
    return false;
}

/* ---- characters ---- */

static bool ahead(const struct reader *r, char c)
{
    return r->at < r->size && r->text[r->at] == (uint8_t)c;
}

static bool take(struct reader *r, char c)
{
    bool there = ahead(r, c);
    r->at += there;
    return there;
}

/* The text was checked to be UTF-8, and there is a character. */
static uint32_t take_character(struct reader *r)
{
    const uint8_t *at = r->text + r->at;
    size_t size = rs_utf8_sequence(at, r->size - r->at);
    uint32_t c = size == 1 ? at[0] : at[0] & (0xFFu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        c = c << 6 | (at[i] & 0x3Fu);
    }
    r->at += size;
    return c;
}

/* ---- brackets ---- */

static const char open_bracket[] = "Unmatched [, [^, [:, [., or [="; /* in the C library's words */

/* [:alpha:] behind its first bracket. */
static bool read_class(struct reader *r)
{
    const char *name = (const char *)r->text + r->at + 1;
    const char *end = memchr(name, ':', r->size - r->at - 1);
    if (!end || end[1] != ']') {
        (void)refuse(r, open_bracket);
        return false;
    }
    if (!add_class(r, name, (size_t)(end - name))) {
        (void)refuse(r, "there is no such class of characters; there are alpha, digit, alnum, upper, lower, "
                        "space, blank, punct, print, graph, cntrl and xdigit");
        return false;
    }
    r->at += (size_t)(end - name) + 3;
    return true;
}

static bool read_member(struct reader *r)
{
    if (take(r, '[')) {
        if (ahead(r, ':')) {
            return read_class(r);
        }
        if (ahead(r, '.') || ahead(r, '=')) {
            (void)refuse(r, "[. .] and [= =] have no meaning here: write the characters themselves");
            return false;
        }
        r->at--;
    }
    uint32_t low = take_character(r);
    uint32_t high = low;
    if (ahead(r, '-') && r->at + 1 < r->size && r->text[r->at + 1] != ']') {
        r->at++;
        if (r->at + 1 < r->size && r->text[r->at] == '[' && strchr(":.=", r->text[r->at + 1])) {
            (void)refuse(r, "a class of characters cannot end a range");
            return false;
        }
        high = take_character(r);
    }
    if (high < low) {
        (void)refuse(r, "Invalid range end");
        return false;
    }
    add_range(r, low, high);
    return true;
}

/* Behind the opening bracket. A bracket that closes is itself where it comes first. */
static uint32_t read_bracket(struct reader *r)
{
    bool inverted = take(r, '^');
    uint32_t set = begin_set(r);
    size_t first = r->at;
    while (!ahead(r, ']') || r->at == first) {
        if (r->at == r->size) {
            return refuse(r, open_bracket);
        }
        if (!read_member(r)) {
            return RS_PATTERN_NONE;
        }
    }
    r->at++;
    end_set(r, set, inverted);
    return set;
}

/* ---- atoms ---- */

static uint32_t read_escape(struct reader *r)
{
    if (r->at == r->size) {
        return refuse(r, "Trailing backslash");
    }
    uint8_t c = r->text[r->at];
    uint32_t set = begin_set(r);
    if (c == 'w' || c == 'W' || c == 's' || c == 'S') {
        (void)add_class(r, c == 'w' || c == 'W' ? "alnum" : "space", 5);
        if (c == 'w' || c == 'W') {
            add_range(r, '_', '_');
        }
        end_set(r, set, c < 'a');
        r->at++;
        return set;
    }
    if (c >= '1' && c <= '9') {
        return refuse(r, "back-references such as \\1 are not available: matching them has no bound");
    }
    if (c == 'd' || c == 'D') {
        return refuse(r, c == 'd' ? "\\d is not of POSIX: write [0-9]" : "\\D is not of POSIX: write [^0-9]");
    }
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '0' || c == '<' || c == '>' || c == '`' ||
        c == '\'') {
        return refuse(r,
                      "a backslash goes in front of a character that is no letter, digit or one of <>`', or "
                      "of w, W, s and S");
    }
    uint32_t wanted = take_character(r);
    add_range(r, wanted, wanted);
    end_set(r, set, false);
    return set;
}

static uint32_t read_group(struct reader *r)
{
    if (r->depth == RS_PATTERN_DEPTH_MAX) {
        return refuse(r, "its brackets nest deeper than 32");
    }
    r->depth++;
    uint32_t group = read_any(r);
    r->depth--;
    if (group != RS_PATTERN_NONE && !take(r, ')')) {
        return refuse(r, "Unmatched ( or \\(");
    }
    return group;
}

static uint32_t read_atom(struct reader *r)
{
    static const char nothing[] = "Invalid preceding regular expression";
    if (ahead(r, '*') || ahead(r, '+') || ahead(r, '?')) {
        return refuse(r, nothing);
    }
    if (ahead(r, '{')) {
        return refuse(r, "{ repeats what is in front of it; for the character itself write \\{");
    }
    if (take(r, '(')) {
        return read_group(r);
    }
    if (take(r, '[')) {
        return read_bracket(r);
    }
    if (take(r, '\\')) {
        return read_escape(r);
    }
    if (take(r, '^')) {
        return add_tree(r, RS_TREE_BEGIN);
    }
    if (take(r, '$')) {
        return add_tree(r, RS_TREE_END);
    }
    bool any = ahead(r, '.');
    uint32_t set = begin_set(r);
    uint32_t c = take_character(r);
    add_range(r, any ? 1 : c, any ? RS_PATTERN_CHARACTER_MAX : c);
    end_set(r, set, false);
    return set;
}

/* ---- repetitions ---- */

/* RS_PATTERN_ENDLESS: no number here. Larger ones than any that is allowed are all the same. */
static uint32_t read_number(struct reader *r)
{
    uint32_t number = RS_PATTERN_ENDLESS;
    while (r->at < r->size && r->text[r->at] >= '0' && r->text[r->at] <= '9') {
        number = number == RS_PATTERN_ENDLESS ? 0 : number;
        number = number > RS_PATTERN_REPEAT_MAX ? number : number * 10 + (r->text[r->at] - (uint32_t)'0');
        r->at++;
    }
    return number;
}

/* {m}, {m,}, {m,n} or {,n}, behind its brace. */
static bool read_counts(struct reader *r, uint32_t *min, uint32_t *max)
{
    *min = read_number(r);
    bool pair = take(r, ',');
    *max = pair ? read_number(r) : *min;
    if (!take(r, '}') || (*min == RS_PATTERN_ENDLESS && *max == RS_PATTERN_ENDLESS)) {
        (void)refuse(r, "Invalid content of \\{\\}");
        return false;
    }
    *min = *min == RS_PATTERN_ENDLESS ? 0 : *min;
    if (*min > RS_PATTERN_REPEAT_MAX || (*max != RS_PATTERN_ENDLESS && *max > RS_PATTERN_REPEAT_MAX)) {
        (void)refuse(r, "a repetition in {} is of 1000 times at most");
        return false;
    }
    if (*max < *min) {
        (void)refuse(r, "Invalid content of \\{\\}");
        return false;
    }
    return true;
}

/* An atom and the repetitions behind it. */
static uint32_t read_piece(struct reader *r)
{
    uint32_t piece = read_atom(r);
    while (piece != RS_PATTERN_NONE) {
        uint32_t min = ahead(r, '+') ? 1 : 0;
        uint32_t max = ahead(r, '?') ? 1 : RS_PATTERN_ENDLESS;
        if (take(r, '{')) {
            if (!read_counts(r, &min, &max)) {
                return RS_PATTERN_NONE;
            }
        } else if (!take(r, '*') && !take(r, '+') && !take(r, '?')) {
            break;
        }
        uint32_t repeat = add_tree(r, RS_TREE_REPEAT);
        r->out->trees[repeat].min = min;
        r->out->trees[repeat].max = max;
        adopt(r, repeat, piece);
        piece = repeat;
    }
    return piece;
}

static uint32_t read_all(struct reader *r)
{
    uint32_t all = add_tree(r, RS_TREE_ALL);
    while (r->at < r->size && !ahead(r, '|') && !(ahead(r, ')') && r->depth > 0)) {
        if (ahead(r, ')')) {
            return refuse(r, "Unmatched ) or \\)");
        }
        uint32_t piece = read_piece(r);
        if (piece == RS_PATTERN_NONE) {
            return piece;
        }
        adopt(r, all, piece);
    }
    return all;
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as RS_PATTERN_DEPTH_MAX */
static uint32_t read_any(struct reader *r)
{
    uint32_t any = add_tree(r, RS_TREE_ANY);
    do {
        uint32_t all = read_all(r);
        if (all == RS_PATTERN_NONE) {
            return all;
        }
        adopt(r, any, all);
    } while (take(r, '|'));
    return any;
}

/* A byte of the text makes three trees and five ranges at most: "(" is one of either kind of list, and "\W" is of
 * five ranges with two bytes. */
int rs_pattern_read(const char *text, struct rs_pattern_text *out, struct rs_error *error)
{
    *out = (struct rs_pattern_text){0};
    struct reader r = {.text = (const uint8_t *)text, .size = strlen(text), .out = out, .error = error};
    if (r.size > RS_PATTERN_SIZE_MAX) {
        return rs_fail(error, RS_ECONFIG, "it is longer than %d bytes", RS_PATTERN_SIZE_MAX);
    }
    if (!rs_utf8_valid(r.text, r.size)) {
        return rs_fail(error, RS_ECONFIG, "it is not UTF-8");
    }
    out->trees = calloc(3 * r.size + 4, sizeof *out->trees);
    out->ranges = calloc(5 * r.size + 4, sizeof *out->ranges);
    if (!out->trees || !out->ranges) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    out->root = read_any(&r);
    return out->root == RS_PATTERN_NONE ? error->code : 0;
}

void rs_pattern_text_fini(struct rs_pattern_text *text)
{
    free(text->trees);
    free(text->ranges);
    *text = (struct rs_pattern_text){0};
}
