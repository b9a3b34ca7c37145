/* Any schema and any message: "schema 0 message". The three walks over a message (op list, JSON text, places) agree; a
 * program that wants something judges as one that wants nothing; running twice gives the same; and what is resolved
 * from the schema to itself is read as it is. */
#include "base/buf.h"
#include "schemas/program_place.h"
#include "tests/fuzz/schema_part.h"
#include "tests/fuzz/wants.h"

#define PREFIXES_MAX 300

static const struct rs_program_limits limits = {.depth = 12, .items = 500};

struct judged {
    enum rs_reason reason;
    size_t at;
    struct rs_value values[RS_WANTS_MAX];
};

static struct judged judge(const struct rs_program *program, struct rs_slice message)
{
    struct judged judged = {.at = SIZE_MAX};
    judged.reason = rs_program_run(program, message, judged.values, &judged.at);
    rs_fuzz_require(judged.at <= message.size, "the fault is behind the message");
    return judged;
}

static void same(const struct judged *a, const struct judged *b, size_t count, const char *what)
{
    rs_fuzz_require(a->reason == b->reason, what);
    for (size_t i = 0; a->reason == RS_REASON_NONE && i < count; i++) {
        rs_fuzz_require(rs_wants_same(&a->values[i], &b->values[i]), what);
    }
}

struct visits {
    const struct rs_program *program;
    size_t end;
    struct rs_buf json;
};

/* In the order of the bytes; each value can be shown by itself. */
static void visit(void *self, const struct rs_visited *value)
{
    struct visits *visits = self;
    rs_fuzz_require(value->place->at >= visits->end, "values overlap");
    rs_fuzz_require(value->datum.size <= value->size, "a value is longer than its place");
    rs_fuzz_require(strlen(value->place->path) < RS_PLACE_PATH_MAX, "a path has no end");
    visits->end = value->place->at + value->size;
    rs_buf_reset(&visits->json);
    rs_fuzz_require(rs_program_value_json(visits->program, value, &visits->json) == RS_REASON_NONE,
                    "a value that was visited cannot be shown");
}

static void check_walks(const struct rs_program *program, struct rs_slice message,
                        const struct judged *judged)
{
    struct rs_buf json = {0};
    struct rs_place place;
    size_t at = SIZE_MAX;
    struct visits visits = {.program = program, .json = {0}};
    const struct rs_visitor visitor = {.visit = visit, .self = &visits};
    enum rs_reason reason = rs_program_json(program, message, &json, &at);
    rs_fuzz_require(reason == judged->reason, "the JSON writer judges otherwise");
    /* `at` of the op list may be the start of a run of fixed-width values. */
    rs_fuzz_require(judged->at <= at && at <= message.size, "the JSON writer finds another place");
    reason = rs_program_visit(program, message, &visitor, &place);
    rs_fuzz_require(reason == judged->reason && place.at == at, "the visitor judges otherwise");
    rs_fuzz_require(visits.end <= message.size, "a value ends behind the message");
    rs_buf_fini(&json);
    rs_buf_fini(&visits.json);
}

static void check_places(const struct rs_program *program, struct rs_slice message,
                         const struct rs_wants *wants, const struct judged *judged)
{
    for (size_t i = 0; i < wants->count; i++) {
        size_t at = 0;
        bool found = rs_program_find_value(program, message, wants->paths[i], &at);
        const struct rs_value *value = &judged->values[i];
        rs_fuzz_require(at <= message.size, "a value begins behind the message");
        if (judged->reason != RS_REASON_NONE) {
            continue;
        }
        /* What has no bytes is not walked. */
        bool nowhere = value->kind == RS_VALUE_NULL || (value->kind == RS_VALUE_BYTES && value->s.size == 0);
        rs_fuzz_require(found || nowhere, "a value that was read has no place");
        if (value->kind == RS_VALUE_BYTES && value->s.size > 0) {
            rs_fuzz_require(value->s.data >= message.data + at, "bytes stand before their place");
        }
    }
}

/* No value begins with another of its type: a message that is cut off is refused. */
static void check_prefixes(const struct rs_program *program, struct rs_slice message)
{
    for (size_t size = message.size < PREFIXES_MAX ? message.size : 0; size-- > 0;) {
        struct rs_value values[RS_WANTS_MAX];
        struct rs_place place;
        uint8_t *cut = rs_fuzz_exactly(rs_slice_of(message.data, size));
        enum rs_reason reason = rs_program_run(program, rs_slice_of(cut, size), values, NULL);
        rs_fuzz_require(reason != RS_REASON_NONE, "a message that is cut off is taken");
        rs_fuzz_require(rs_program_visit(program, rs_slice_of(cut, size), NULL, &place) == reason,
                        "the visitor judges a message otherwise that is cut off");
        free(cut);
    }
}

/* An empty message may be at NULL. */
static void check_nothing(const struct rs_program *program, const struct judged *judged)
{
    const struct rs_slice nothing = {NULL, 0};
    struct rs_buf json = {0};
    struct rs_place place;
    rs_fuzz_require(judge(program, nothing).reason == judged->reason, "nothing at NULL is judged otherwise");
    rs_fuzz_require(rs_program_json(program, nothing, &json, NULL) == judged->reason, "nothing as JSON");
    rs_fuzz_require(rs_program_visit(program, nothing, NULL, &place) == judged->reason, "nothing visited");
    rs_buf_fini(&json);
}

static struct rs_program *compile(const struct rs_schema *schema, const struct rs_wants *wants, size_t count,
                                  bool resolve)
{
    struct rs_program *program = NULL;
    struct rs_error error = {0};
    int code = resolve ? rs_program_resolve(schema, schema, wants->paths, count, limits, &program, &error)
                       : rs_program_compile(schema, wants->paths, count, limits, &program, &error);
    rs_fuzz_require(code == 0, error.text);
    return program;
}

static void check(const struct rs_schema *schema, struct rs_slice message)
{
    struct rs_wants wants;
    struct rs_buf text = {0};
    rs_wants_collect(&wants, schema, false);
    struct rs_program *program = compile(schema, &wants, wants.count, false);
    struct rs_program *bare = compile(schema, &wants, 0, false);
    struct rs_program *resolved = compile(schema, &wants, wants.count, true);
    struct judged first = judge(program, message);
    struct judged again = judge(program, message);
    struct judged nothing = judge(bare, message);
    struct judged itself = judge(resolved, message);
    same(&first, &again, wants.count, "running twice differs");
    same(&first, &nothing, 0, "what is wanted changes the judgement");
    same(&first, &itself, wants.count, "resolving a schema to itself changes something");
    check_walks(program, message, &first);
    check_places(program, message, &wants, &first);
    if (first.reason == RS_REASON_NONE) {
        check_prefixes(program, message);
    }
    if (message.size == 0) {
        check_nothing(program, &first);
    }
    rs_program_explain(resolved, &text);
    rs_buf_fini(&text);
    rs_program_free(&program);
    rs_program_free(&bare);
    rs_program_free(&resolved);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rs_slice rest = rs_slice_of(data, size);
    struct rs_schema_document *document = NULL;
    if (rs_fuzz_schema(&rest, &document)) {
        uint8_t *message = rs_fuzz_exactly(rest);
        check(rs_schema_root(document), rs_slice_of(message, rest.size));
        free(message);
    }
    rs_schema_free(&document);
    return 0;
}
