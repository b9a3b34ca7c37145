/* Avro records into another file's schema, as rollstat-publish reads containers: "schema 0 message". A message becomes the
 * cells of a row, and those are encoded: what comes out is a message, and says the same where its type leaves no choice. */
#include "ingest/encode/encode.h"
#include "ingest/read/record_cells.h"
#include "schemas/program.h"
#include "tests/fuzz/schema_part.h"

static const struct rs_program_limits limits = {.depth = 12, .items = 500};

/* Types on the way, so that a recursive one ends. */
struct way {
    const struct rs_schema *type;
    const struct way *up;
};

/* A union of several types may take a value for another of them than it was. Not all digits of a decimal are shown. */
static bool no_choice(const struct rs_schema *type, const struct way *up)
{
    const struct way here = {type, up};
    for (const struct way *way = up; way; way = way->up) {
        if (way->type == type) {
            return true;
        }
    }
    if (type->logical == RS_LOGICAL_DECIMAL && type->precision > RS_I128_DIGITS) {
        return false;
    }
    if (type->kind == RS_AVRO_UNION && (type->branch_count > 2 || rs_schema_null_branch(type) < 0)) {
        return false;
    }
    for (size_t i = 0; i < type->branch_count; i++) {
        if (!no_choice(type->branches[i], &here)) {
            return false;
        }
    }
    for (size_t i = 0; i < type->field_count; i++) {
        if (!no_choice(type->fields[i].type, &here)) {
            return false;
        }
    }
    return !type->items || no_choice(type->items, &here);
}

static void check_encoded(const struct rs_program *program, const struct rs_schema *schema,
                          struct rs_slice message, struct rs_slice encoded)
{
    struct rs_buf before = {0};
    struct rs_buf after = {0};
    uint8_t *copy = rs_fuzz_exactly(encoded);
    rs_fuzz_require(rs_program_json(program, message, &before, NULL) == RS_REASON_NONE,
                    "the message is no message");
    rs_fuzz_require(rs_program_json(program, rs_slice_of(copy, encoded.size), &after, NULL) == RS_REASON_NONE,
                    "what was encoded is no message");
    rs_fuzz_require(!no_choice(schema, NULL) || rs_slice_equal(rs_buf_slice(&before), rs_buf_slice(&after)),
                    "what was encoded says something else");
    free(copy);
    rs_buf_fini(&before);
    rs_buf_fini(&after);
}

static void check(const struct rs_schema *schema, struct rs_slice message)
{
    struct rs_program *program = NULL;
    struct rs_record_cells cells = {.texts = {0}};
    struct rs_encoder encoder;
    struct rs_buf out = {0};
    struct rs_error error = {0};
    rs_fuzz_require(rs_program_compile(schema, NULL, 0, limits, &program, &error) == 0, error.text);
    rs_encoder_init(&encoder);
    if (rs_program_run(program, message, NULL, NULL) == RS_REASON_NONE) {
        int code = rs_record_cells_make(&cells, schema, message, &error);
        rs_fuzz_require(code == 0 || !no_choice(schema, NULL), error.text); /* a decimal that is too long */
        code = code != 0 ? code : rs_encode(&encoder, schema, cells.cells.items, 0, &out, &error);
        rs_fuzz_require(code == 0 || (code == RS_ERECORD && error.text[0] != '\0'), "an error says nothing");
        if (code == 0) {
            check_encoded(program, schema, message, rs_buf_slice(&out));
        }
    }
    rs_encoder_fini(&encoder);
    rs_record_cells_fini(&cells);
    rs_buf_fini(&out);
    rs_program_free(&program);
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
