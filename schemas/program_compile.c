/* Schema and wanted paths to op list. */
#include <stdlib.h>
#include <string.h>

#include "schemas/program_resolve.h"

/* ---- wanted fields ---- */

static int compare_routes(const void *left, const void *right)
{
    const struct rs_program_route *a = left;
    const struct rs_program_route *b = right;
    for (size_t i = 0; i < a->count && i < b->count; i++) {
        if (a->steps[i] != b->steps[i]) {
            return a->steps[i] < b->steps[i] ? -1 : 1;
        }
    }
    /* One way is never the beginning of another: a field is either a value or a record. Then by slot. */
    return a->slot < b->slot ? -1 : a->slot > b->slot;
}

static bool same_route(const struct rs_program_route *a, const struct rs_program_route *b)
{
    return a->count == b->count && memcmp(a->steps, b->steps, a->count * sizeof *a->steps) == 0;
}

static int find_wants(struct rs_program_compiler *c, const struct rs_schema *schema, const char *const *paths,
                      size_t count, struct rs_error *error)
{
    if (count > RS_PROGRAM_SLOTS_MAX) {
        return rs_fail(error, RS_ECONFIG, "more than %d fields are wanted", RS_PROGRAM_SLOTS_MAX);
    }
    c->wants = calloc(count + 1, sizeof *c->wants);
    if (!c->wants) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        struct rs_field_type type;
        if (!paths[i]) {
            continue;
        }
        int code = rs_program_find(schema, paths[i], &type, &c->wants[c->want_count], error);
        if (code != 0) {
            return code;
        }
        c->wants[c->want_count++].slot = i;
    }
    qsort(c->wants, c->want_count, sizeof *c->wants, compare_routes);
    return 0;
}

/* Keeps one of the wants that go the same way, and has the others copied at the end. */
static size_t set_repeats_aside(struct rs_program_compiler *c)
{
    size_t kept = 0;
    for (size_t i = 0; i < c->want_count; i++) {
        if (kept > 0 && same_route(&c->wants[kept - 1], &c->wants[i])) {
            continue;
        }
        struct rs_program_route swapped = c->wants[kept];
        c->wants[kept++] = c->wants[i];
        c->wants[i] = swapped;
    }
    return kept;
}

static void emit_copies(struct rs_program_compiler *c, size_t kept)
{
    for (size_t i = kept; i < c->want_count; i++) {
        size_t first = 0;
        while (!same_route(&c->wants[first], &c->wants[i])) {
            first++;
        }
        rs_program_emit(c, (struct rs_program_op){.code = RS_PROGRAM_COPY,
                                                  .slot = (uint16_t)c->wants[i].slot,
                                                  .a = (uint32_t)c->wants[first].slot});
    }
}

static void compiler_fini(struct rs_program_compiler *c)
{
    for (size_t i = 0; i < c->want_count; i++) {
        free(c->wants[i].steps);
    }
    free(c->wants);
    free(c->subroutines);
}

/* `reader`: NULL where it is what wrote the messages. */
static int compile(struct rs_program_compiler *c, const struct rs_schema *reader, const char *const *paths,
                   size_t count, struct rs_error *error)
{
    const struct rs_schema *writer = c->program->schema;
    int code = find_wants(c, !reader ? writer : reader, paths, count, error);
    if (code != 0) {
        return code;
    }
    struct rs_program_part all = {.to = set_repeats_aside(c)};
    if (!reader || all.to == 0) {
        rs_program_emit_type(c, writer, all);
    } else {
        code = rs_program_emit_pair(c, writer, reader, all, error);
    }
    emit_copies(c, all.to);
    rs_program_emit(c,
                    (struct rs_program_op){.code = RS_PROGRAM_END, .a = c->program->limits.lenient_trailing});
    rs_program_emit_subroutines(c);
    return code == 0 && c->failed ? rs_fail(error, RS_ENOMEM, "out of memory") : code;
}

int rs_program_resolve(const struct rs_schema *writer, const struct rs_schema *reader,
                       const char *const *paths, size_t count, struct rs_program_limits limits,
                       struct rs_program **out, struct rs_error *error)
{
    RS_ASSERT(limits.depth >= 1 && limits.depth <= RS_PROGRAM_DEPTH_MAX);
    struct rs_program *program = calloc(1, sizeof *program);
    if (!program) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    program->schema = writer;
    program->limits = limits;
    program->slot_count = count;
    struct rs_program_compiler compiler = {.program = program, .paths = paths};
    int code = compile(&compiler, reader == writer ? NULL : reader, paths, count, error);
    compiler_fini(&compiler);
    if (code != 0) {
        rs_program_free(&program);
        return code;
    }
    *out = program;
    return 0;
}

int rs_program_compile(const struct rs_schema *schema, const char *const *paths, size_t count,
                       struct rs_program_limits limits, struct rs_program **out, struct rs_error *error)
{
    return rs_program_resolve(schema, schema, paths, count, limits, out, error);
}

void rs_program_free(struct rs_program **program)
{
    if (!program || !*program) {
        return;
    }
    free((*program)->ops);
    free(*(void **)&(*program)->notes);
    free((*program)->targets);
    free((*program)->constants);
    rs_arena_fini(&(*program)->arena);
    free(*program);
    *program = NULL;
}
