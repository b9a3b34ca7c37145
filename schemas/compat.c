#include "schemas/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

#define STEPS_MAX 200000 /* comparisons of two types: branches of unions inside one another multiply */
#define SEEN_MAX  10000  /* pairs of records */

struct pair {
    const struct rs_schema *writer, *reader;
};

struct walk {
    rs_compat_tell *tell;
    void *self;
    struct rs_buf path;
    struct pair *seen; /* records that were compared, or are being compared */
    size_t seen_count, seen_capacity;
    size_t steps, breaks;
    bool silent; /* only whether there are breaks */
    bool stopped;
    bool failed; /* out of memory: sticky */
};

static void compare(struct walk *walk, const struct rs_schema *writer, const struct rs_schema *reader);

/* ---- telling ---- */

static void tell(struct walk *walk, enum rs_break kind, struct rs_buf *text)
{
    const char *path = walk->silent ? NULL : rs_buf_cstr(&walk->path);
    const char *words = walk->silent ? NULL : rs_buf_cstr(text);
    walk->breaks++;
    walk->failed = walk->failed || (!walk->silent && (!path || !words));
    if (path && words) {
        walk->tell(walk->self, &(struct rs_compat_break){kind, path, words});
    }
    rs_buf_fini(text);
}

static void tell_types(struct walk *walk, enum rs_break kind, const struct rs_schema *writer,
                       const struct rs_schema *reader)
{
    struct rs_buf text = {0};
    rs_resolve_put_type(writer, &text);
    rs_buf_text(&text, " is not read as ");
    rs_resolve_put_type(reader, &text);
    rs_buf_text(&text, ": ");
    rs_resolve_put_why(kind, writer, reader, &text);
    tell(walk, kind, &text);
}

/* ---- inside types ---- */

static void compare_inside(struct walk *walk, const char *label, const struct rs_schema *writer,
                           const struct rs_schema *reader)
{
    size_t size = walk->path.size;
    rs_buf_text(&walk->path, label);
    compare(walk, writer, reader);
    walk->path.size = size;
}

static bool was_seen(const struct walk *walk, const struct rs_schema *writer, const struct rs_schema *reader)
{
    for (size_t i = 0; i < walk->seen_count; i++) {
        if (walk->seen[i].writer == writer && walk->seen[i].reader == reader) {
            return true;
        }
    }
    return false;
}

static bool remember(struct walk *walk, const struct rs_schema *writer, const struct rs_schema *reader)
{
    struct pair *seen = rs_array_grow(walk->seen, walk->seen_count, &walk->seen_capacity, 16, sizeof *seen);
    if (!seen) {
        walk->failed = true;
        return false;
    }
    walk->seen = seen;
    seen[walk->seen_count++] = (struct pair){writer, reader};
    return true;
}

static void compare_field(struct walk *walk, const struct rs_schema *writer, size_t number,
                          const struct rs_schema *reader, const struct rs_schema_field *field)
{
    size_t size = walk->path.size;
    rs_buf_printf(&walk->path, ".%s", field->name);
    if (number < writer->field_count) {
        compare(walk, writer->fields[number].type, field->type);
    } else if (!field->has_default) {
        struct rs_buf text = {0};
        rs_buf_text(&text, "the writer has no such field, and there is no default: ");
        rs_resolve_put_why(RS_BREAK_FIELD, writer, reader, &text);
        tell(walk, RS_BREAK_FIELD, &text);
    }
    walk->path.size = size;
}

static void compare_records(struct walk *walk, const struct rs_schema *writer, const struct rs_schema *reader)
{
    if (was_seen(walk, writer, reader)) {
        return;
    }
    size_t *numbers = malloc((reader->field_count + 1) * sizeof *numbers); /* writer's, by reader's */
    if (!numbers || !remember(walk, writer, reader)) {
        walk->failed = true;
        free(numbers);
        return;
    }
    memset(numbers, 0xff, (reader->field_count + 1) * sizeof *numbers);
    for (size_t i = 0; i < writer->field_count; i++) {
        size_t number = rs_resolve_field(writer, i, reader);
        if (number != SIZE_MAX) {
            numbers[number] = i;
        }
    }
    for (size_t i = 0; i < reader->field_count && !walk->failed && !walk->stopped; i++) {
        compare_field(walk, writer, numbers[i], reader, &reader->fields[i]);
    }
    free(numbers);
}

static void compare_enums(struct walk *walk, const struct rs_schema *writer, const struct rs_schema *reader)
{
    struct rs_buf text = {0};
    size_t missing = 0;
    for (size_t i = 0; i < writer->symbol_count; i++) {
        if (rs_resolve_symbol(writer, i, reader) == SIZE_MAX) {
            rs_buf_printf(&text, "%s%.100s", missing == 0 ? "" : ", ", writer->symbols[i]);
            missing++;
        }
    }
    if (missing == 0) {
        return;
    }
    rs_buf_text(&text, missing == 1 ? " is no symbol of " : " are no symbols of ");
    rs_resolve_put_type(reader, &text);
    rs_buf_text(&text, ": ");
    rs_resolve_put_why(RS_BREAK_SYMBOLS, writer, reader, &text);
    tell(walk, RS_BREAK_SYMBOLS, &text);
}

static void compare_matched(struct walk *walk, const struct rs_schema *writer, const struct rs_schema *reader)
{
    switch (writer->kind) {
    case RS_AVRO_RECORD: compare_records(walk, writer, reader); break;
    case RS_AVRO_ENUM: compare_enums(walk, writer, reader); break;
    case RS_AVRO_ARRAY: compare_inside(walk, ".items", writer->items, reader->items); break;
    case RS_AVRO_MAP: compare_inside(walk, ".values", writer->items, reader->items); break;
    default: break;
    }
}

/* ---- unions ---- */

static bool is_read(struct walk *walk, const struct rs_schema *writer, const struct rs_schema *reader)
{
    bool silent = walk->silent;
    size_t breaks = walk->breaks;
    size_t seen = walk->seen_count;
    walk->silent = true;
    compare_matched(walk, writer, reader);
    bool read = walk->breaks == breaks;
    walk->silent = silent;
    walk->breaks = breaks;
    walk->seen_count = read ? walk->seen_count : seen;
    return read;
}

/* Branches of the very type and name go first, then those of its kind, then promotions. */
static bool is_candidate(const struct rs_schema *writer, const struct rs_schema *branch, int pass)
{
    bool same_kind = writer->kind == branch->kind;
    bool same = same_kind && (!writer->name || strcmp(writer->name, branch->name) == 0);
    int rank = same ? 0 : same_kind ? 1 : 2;
    return rank == pass && rs_resolve_match(writer, branch) == RS_BREAK_NONE;
}

/* The type of a union of one type and null: what keeps that from being read says more than that a branch is
 * missing. */
static const struct rs_schema *only_branch(const struct rs_schema *reader)
{
    const struct rs_schema *only = NULL;
    for (size_t i = 0; i < reader->branch_count; i++) {
        if (reader->branches[i]->kind == RS_AVRO_NULL) {
            continue;
        }
        if (only) {
            return NULL;
        }
        only = reader->branches[i];
    }
    return only;
}

static void compare_to_union(struct walk *walk, const struct rs_schema *writer,
                             const struct rs_schema *reader)
{
    const struct rs_schema *first = NULL;
    for (int pass = 0; pass < 3; pass++) {
        for (size_t i = 0; i < reader->branch_count && !walk->failed && !walk->stopped; i++) {
            if (!is_candidate(writer, reader->branches[i], pass)) {
                continue;
            }
            if (is_read(walk, writer, reader->branches[i])) {
                return;
            }
            first = !first ? reader->branches[i] : first;
        }
    }
    const struct rs_schema *only = only_branch(reader);
    if (first) {
        compare_matched(walk, writer, first);
    } else if (only && writer->kind != RS_AVRO_NULL && rs_resolve_match(writer, only) != RS_BREAK_TYPE) {
        tell_types(walk, rs_resolve_match(writer, only), writer, only);
    } else {
        tell_types(walk, RS_BREAK_BRANCH, writer, reader);
    }
}

static void compare_from_union(struct walk *walk, const struct rs_schema *writer,
                               const struct rs_schema *reader)
{
    for (size_t i = 0; i < writer->branch_count && !walk->failed; i++) {
        char label[32];
        snprintf(label, sizeof label, "[%zu]", i);
        compare_inside(walk, label, writer->branches[i], reader);
    }
}

/* Recursion is as deep as a schema is written: a record inside itself was seen. */
static void compare(struct walk *walk, const struct rs_schema *writer, const struct rs_schema *reader)
{
    if (walk->failed || walk->stopped) {
        return;
    }
    if (walk->steps++ >= STEPS_MAX || walk->seen_count >= SEEN_MAX) {
        walk->stopped = true;
        return;
    }
    if (writer->kind == RS_AVRO_UNION) {
        compare_from_union(walk, writer, reader);
        return;
    }
    if (reader->kind == RS_AVRO_UNION) {
        compare_to_union(walk, writer, reader);
        return;
    }
    enum rs_break kind = rs_resolve_match(writer, reader);
    if (kind != RS_BREAK_NONE) {
        tell_types(walk, kind, writer, reader);
    } else {
        compare_matched(walk, writer, reader);
    }
}

int rs_compat_check(const struct rs_schema *writer, const struct rs_schema *reader, rs_compat_tell *tell_it,
                    void *self, size_t *count, struct rs_error *error)
{
    struct walk walk = {.tell = tell_it, .self = self};
    rs_buf_text(&walk.path, "schema");
    compare(&walk, writer, reader);
    if (walk.stopped) {
        struct rs_buf text = {0};
        rs_resolve_put_why(RS_BREAK_INVOLVED, writer, reader, &text);
        walk.silent = false;
        walk.path.size = strlen("schema");
        tell(&walk, RS_BREAK_INVOLVED, &text);
    }
    bool failed = walk.failed || walk.path.failed;
    *count = walk.breaks;
    rs_buf_fini(&walk.path);
    free(walk.seen);
    return failed ? rs_fail(error, RS_ENOMEM, "out of memory") : 0;
}
