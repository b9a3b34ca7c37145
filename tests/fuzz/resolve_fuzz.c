/* Any writer, any reader, any message: "writer 0 reader 0 message". What is wrong with the message as its writer's is
 * refused, and nothing else but what the reader has no place for; where the comparison of the schemas knows of no break,
 * the program is there and no value is refused; what is read has the kinds that the reader's schema says. */
#include "schemas/compat.h"
#include "schemas/program.h"
#include "tests/fuzz/schema_part.h"
#include "tests/fuzz/wants.h"

static const struct rs_program_limits limits = {.depth = 12, .items = 500};

static void tell(void *self, const struct rs_compat_break *found)
{
    bool *odd = self;
    rs_fuzz_require(found->kind != RS_BREAK_NONE && found->path && found->text && found->text[0],
                    "a break says nothing");
    *odd |= strlen(rs_break_name(found->kind)) == 0;
}

/* What resolving may find besides what is wrong with the writer's bytes. */
static bool is_of_the_reader(enum rs_reason reason)
{
    return reason == RS_REASON_SCHEMA_INCOMPATIBLE || reason == RS_REASON_DECIMAL ||
           reason == RS_REASON_UTF8 || reason == RS_REASON_UUID;
}

static void check_kinds(const struct rs_schema *reader, const struct rs_wants *wants,
                        const struct rs_value *values)
{
    for (size_t i = 0; i < wants->count; i++) {
        struct rs_field_type type;
        struct rs_error error;
        rs_fuzz_require(rs_schema_field_type(reader, wants->paths[i], &type, &error) == 0,
                        "a wanted field is gone");
        bool null = values[i].kind == RS_VALUE_NULL;
        rs_fuzz_require(values[i].kind == type.kind || (null && type.nullable),
                        "a value is not of its field's kind");
        if (!null && type.schema->kind == RS_AVRO_ENUM) {
            rs_fuzz_require(values[i].i >= 0 && (uint64_t)values[i].i < type.schema->symbol_count,
                            "no such symbol");
        }
        if (!null && type.schema->kind == RS_AVRO_FIXED && type.kind == RS_VALUE_BYTES) {
            rs_fuzz_require(values[i].s.size == type.schema->fixed_size, "a fixed of another size");
        }
    }
}

static void check_message(const struct rs_program *program, const struct rs_schema *writer,
                          const struct rs_schema *reader, const struct rs_wants *wants,
                          struct rs_slice message)
{
    struct rs_value values[RS_WANTS_MAX];
    struct rs_program *plain = NULL;
    struct rs_error error = {0};
    size_t at = SIZE_MAX;
    rs_fuzz_require(rs_program_compile(writer, NULL, 0, limits, &plain, &error) == 0, error.text);
    enum rs_reason wanted = rs_program_run(plain, message, NULL, NULL);
    enum rs_reason reason = rs_program_run(program, message, values, &at);
    rs_fuzz_require(at <= message.size, "the fault is behind the message");
    /* Decimals and texts that are read as bytes are taken as they are. */
    bool as_bytes = wanted == RS_REASON_DECIMAL || wanted == RS_REASON_UUID || wanted == RS_REASON_UTF8;
    rs_fuzz_require(as_bytes || reason == wanted || is_of_the_reader(reason), "resolving judges otherwise");
    rs_fuzz_require(as_bytes || wanted == RS_REASON_NONE || reason != RS_REASON_NONE,
                    "resolving takes what is wrong");
    if (reason == RS_REASON_NONE) {
        check_kinds(reader, wants, values);
    }
    rs_program_free(&plain);
}

static void check(const struct rs_schema *writer, const struct rs_schema *reader, struct rs_slice message)
{
    struct rs_wants wants;
    struct rs_program *program = NULL;
    struct rs_error error = {0};
    size_t breaks = 0;
    bool odd = false;
    rs_fuzz_require(rs_compat_check(writer, reader, tell, &odd, &breaks, &error) == 0, error.text);
    rs_wants_collect(&wants, reader, true);
    int code = rs_program_resolve(writer, reader, wants.paths, wants.count, limits, &program, &error);
    rs_fuzz_require(code == 0 || (code == RS_ESCHEMA && error.text[0] != '\0'), "an error says nothing");
    /* A default may be one by Avro's rules and still no value, as of a uuid. */
    bool of_default = code != 0 && strstr(error.text, "the default of that");
    rs_fuzz_require(code == 0 || breaks > 0 || of_default,
                    "nothing is said to break, and yet it does not resolve");
    if (code == 0) {
        check_message(program, writer, reader, &wants, message);
    }
    rs_program_free(&program);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rs_slice rest = rs_slice_of(data, size);
    struct rs_schema_document *writer = NULL;
    struct rs_schema_document *reader = NULL;
    if (rs_fuzz_schema(&rest, &writer) && rs_fuzz_schema(&rest, &reader)) {
        uint8_t *message = rs_fuzz_exactly(rest);
        check(rs_schema_root(writer), rs_schema_root(reader), rs_slice_of(message, rest.size));
        free(message);
    }
    rs_schema_free(&writer);
    rs_schema_free(&reader);
    return 0;
}
