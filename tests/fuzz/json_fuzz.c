/* JSON messages: "schema 0 text"; before the text may stand "!", which refuses unknown fields, and "@FORM" and a line end,
 * the form of times. What is taken is JSON to jansson, too; running
 * twice gives the same, and what is wanted changes no judgement. */
#include <jansson.h>

#include "schemas/json_program.h"
#include "tests/fuzz/schema_part.h"
#include "tests/fuzz/wants.h"

#define PREFIXES_MAX 400

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

/* Of all times and dates that are wanted. */
struct forms {
    struct rs_json_time items[RS_WANTS_MAX];
    size_t count;
};

static void set_form(struct forms *forms, const struct rs_schema *schema, const struct rs_wants *wants,
                     const struct rs_time_rule *rule)
{
    forms->count = 0;
    for (size_t i = 0; rule && i < wants->count; i++) {
        struct rs_field_type type;
        struct rs_error error;
        rs_fuzz_require(rs_schema_field_type(schema, wants->paths[i], &type, &error) == 0, "a field is gone");
        if (type.kind == RS_VALUE_TIME || type.schema->logical == RS_LOGICAL_DATE) {
            forms->items[forms->count++] = (struct rs_json_time){wants->paths[i], *rule};
        }
    }
}

static struct rs_json_program *compile(const struct rs_schema *schema, const struct rs_wants *wants,
                                       size_t count, const struct rs_json_options *options)
{
    struct rs_json_program *program = NULL;
    struct rs_error error = {0};
    int code = rs_json_program_compile(schema, wants->paths, count, limits, options, &program, &error);
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
    rs_fuzz_require(run(program, message, texts[0], values[0]) == judged, "programs judge otherwise");
    rs_fuzz_require(rs_json_program_run(program, message, texts[1], values[1], NULL) == judged,
                    "running twice judges otherwise");
    for (size_t i = 0; judged == RS_REASON_NONE && i < wants->count; i++) {
        rs_fuzz_require(rs_wants_same(&values[0][i], &values[1][i]), "running twice differs");
    }
    free(texts[0]);
    free(texts[1]);
}

/* An object that is cut off is none, unless nothing but blanks is missing. */
static void check_prefixes(const struct rs_json_program *program, struct rs_slice message)
{
    size_t size = message.size < PREFIXES_MAX ? message.size : 0;
    while (size > 0 && message.data[size - 1] != '}') {
        size--;
    }
    while (size-- > 0) {
        uint8_t *cut = rs_fuzz_exactly(rs_slice_of(message.data, size));
        uint8_t *text = rs_fuzz_exactly(rs_slice_of(message.data, size));
        struct rs_value values[RS_WANTS_MAX];
        rs_fuzz_require(run(program, rs_slice_of(cut, size), text, values) != RS_REASON_NONE,
                        "a message that is cut off is taken");
        free(cut);
        free(text);
    }
}

static void check(const struct rs_schema *schema, struct rs_json_options options,
                  const struct rs_time_rule *rule, struct rs_slice message)
{
    struct rs_wants wants;
    struct forms forms;
    rs_wants_collect(&wants, schema, false);
    set_form(&forms, schema, &wants, rule);
    options.times = forms.items;
    options.time_count = forms.count;
    struct rs_json_program *program = compile(schema, &wants, wants.count, &options);
    struct rs_json_program *bare = program ? compile(schema, &wants, 0, &options) : NULL;
    uint8_t *text = rs_fuzz_exactly(message);
    if (program && bare) {
        enum rs_reason reason = run(bare, message, text, NULL);
        rs_fuzz_require(reason != RS_REASON_NONE || is_json(message), "what is taken is no JSON");
        check_values(program, message, &wants, reason);
        if (reason == RS_REASON_NONE) {
            check_prefixes(program, message);
        }
    }
    free(text);
    rs_json_program_free(&program);
    rs_json_program_free(&bare);
}

/* What stands before the object: "!", and "@FORM" up to a line end. False: it is no form. */
static bool take_options(struct rs_slice *rest, struct rs_json_options *options, char form[64],
                         struct rs_time_rule *rule)
{
    struct rs_error error;
    options->refuse_unknown = rest->size > 0 && rest->data[0] == '!';
    *rest = rs_slice_of(rest->data + options->refuse_unknown, rest->size - options->refuse_unknown);
    form[0] = '\0';
    if (rest->size == 0 || rest->data[0] != '@') {
        return true;
    }
    const uint8_t *end = memchr(rest->data, '\n', rest->size);
    size_t size = end ? (size_t)(end - rest->data) - 1 : 0;
    if (!end || size >= 64) {
        return false;
    }
    memcpy(form, rest->data + 1, size);
    form[size] = '\0';
    *rest = rs_slice_of(end + 1, rest->size - size - 2);
    return form[0] != '\0' && strlen(form) == size && rs_time_rule_parse(form, NULL, rule, &error) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rs_slice rest = rs_slice_of(data, size);
    struct rs_schema_document *document = NULL;
    struct rs_json_options options = {.refuse_unknown = false};
    struct rs_time_rule rule;
    char form[64];
    if (rs_fuzz_schema(&rest, &document) && take_options(&rest, &options, form, &rule)) {
        uint8_t *message = rs_fuzz_exactly(rest);
        check(rs_schema_root(document), options, form[0] ? &rule : NULL, rs_slice_of(message, rest.size));
        free(message);
    }
    rs_schema_free(&document);
    return 0;
}
