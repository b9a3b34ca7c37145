/* JSON messages: "schema 0 text"; a text that begins with "!" is read with unknown fields refused. What is taken is JSON to jansson, too; running
 * twice gives the same, and what is wanted changes no judgement. */
#include <jansson.h>

#include "schemas/json_program.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/wants.h"

static const struct rs_program_limits limits = {.depth = 12, .items = 500};

/* jansson holds no number beyond a double or an int64, and no name with a 0 in it unless it is told. */
static bool is_json(struct rs_slice text)
{
    json_error_t error;
    json_t *root = json_loadb((const char *)text.data, text.size,
                              JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &error);
    bool good = root || json_error_code(&error) == json_error_numeric_overflow ||
                json_error_code(&error) == json_error_stack_overflow ||
                json_error_code(&error) == json_error_null_byte_in_key;
    json_decref(root);
    return good;
}

static struct rs_json_program *compile(const struct rs_schema *schema, const struct rs_wants *wants,
                                       size_t count, bool refuse_unknown)
{
    const struct rs_json_options options = {.refuse_unknown = refuse_unknown};
    struct rs_json_program *program = NULL;
    struct rs_error error = {0};
    int code = rs_json_program_compile(schema, wants->paths, count, limits, &options, &program, &error);
    rs_fuzz_require(code == 0 || error.text[0] != '\0', "an error says nothing");
    return program;
}

static enum rs_reason run(const struct rs_json_program *program, struct rs_slice message, uint8_t *text,
                          struct rs_value *values)
{
    size_t at = SIZE_MAX;
    enum rs_reason reason = rs_json_program_run(program, message, text, values, &at);
    rs_fuzz_require(reason == RS_REASON_NONE || at <= message.size, "the fault is behind the message");
    return reason;
}

static void check_values(const struct rs_json_program *program, struct rs_slice message,
                         const struct rs_wants *wants, enum rs_reason judged)
{
    struct rs_value values[2][RS_WANTS_MAX];
    uint8_t *texts[2] = {rs_fuzz_exactly(message), rs_fuzz_exactly(message)};
    for (size_t i = 0; i < 2; i++) {
        rs_fuzz_require(run(program, message, texts[i], values[i]) == judged, "programs judge otherwise");
    }
    for (size_t i = 0; judged == RS_REASON_NONE && i < wants->count; i++) {
        rs_fuzz_require(rs_wants_same(&values[0][i], &values[1][i]), "running twice differs");
    }
    free(texts[0]);
    free(texts[1]);
}

static void check(const struct rs_schema *schema, bool refuse_unknown, struct rs_slice message)
{
    struct rs_wants wants;
    rs_wants_collect(&wants, schema, false);
    struct rs_json_program *program = compile(schema, &wants, wants.count, refuse_unknown);
    struct rs_json_program *bare = program ? compile(schema, &wants, 0, refuse_unknown) : NULL;
    uint8_t *text = rs_fuzz_exactly(message);
    if (program && bare) {
        enum rs_reason reason = run(bare, message, text, NULL);
        rs_fuzz_require(reason != RS_REASON_NONE || is_json(message), "what is taken is no JSON");
        check_values(program, message, &wants, reason);
    }
    free(text);
    rs_json_program_free(&program);
    rs_json_program_free(&bare);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rs_slice rest = rs_slice_of(data, size);
    struct rs_slice text = rs_fuzz_part(&rest);
    struct rs_schema_document *document = NULL;
    struct rs_error error = {0};
    if (text.size == 0 || rest.size == 0 ||
        rs_schema_parse("fuzz", (const char *)text.data, text.size, &document, &error) != 0) {
        return 0;
    }
    bool refuse_unknown = rest.data[0] == '!'; /* which no JSON begins with */
    rest = refuse_unknown ? rs_slice_of(rest.data + 1, rest.size - 1) : rest;
    uint8_t *message = rs_fuzz_exactly(rest);
    check(rs_schema_root(document), refuse_unknown, rs_slice_of(message, rest.size));
    free(message);
    rs_schema_free(&document);
    return 0;
}
