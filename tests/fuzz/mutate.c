/* LLVMFuzzerCustomMutator of the harnesses whose input is RS_FUZZ_SCHEMAS schemas and a message of the first: schemas
 * stay schemas and messages become values of them, as bytes alone would take for ever to. With RS_FUZZ_JSON the message
 * is the JSON text of such a value. */
#include "base/buf.h"
#include "schemas/program.h"
#include "tests/fuzz/datum.h"
#include "tests/fuzz/evolve.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/schema_random.h"

#ifndef RS_FUZZ_JSON
#define RS_FUZZ_JSON 0
#endif

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);

struct input {
    struct rs_buf schemas[RS_FUZZ_SCHEMAS];
    struct rs_buf message;
};

static void put_slice(struct rs_buf *out, struct rs_slice bytes)
{
    rs_buf_reset(out);
    rs_buf_put(out, bytes.data, bytes.size);
}

static void mutate_bytes(struct rs_buf *buf)
{
    uint8_t bytes[8192];
    size_t size = buf->size < sizeof bytes ? buf->size : sizeof bytes;
    if (size > 0) {
        memcpy(bytes, buf->data, size);
    }
    size = LLVMFuzzerMutate(bytes, size, size + 64 < sizeof bytes ? size + 64 : sizeof bytes);
    rs_buf_reset(buf);
    rs_buf_put(buf, bytes, size);
}

static void put_message(struct rs_random *random, const struct rs_schema *schema, struct rs_buf *out)
{
    rs_buf_reset(out);
    struct rs_buf bytes = {0};
    struct rs_program *program = NULL;
    struct rs_error error;
    rs_random_datum(random, schema, 1 + (unsigned)rs_random_below(random, 30), RS_FUZZ_JSON ? &bytes : out);
    if (RS_FUZZ_JSON &&
        rs_program_compile(schema, NULL, 0, RS_PROGRAM_LIMITS_DEFAULT, &program, &error) == 0) {
        (void)rs_program_json(program, rs_buf_slice(&bytes), out, NULL);
    }
    rs_program_free(&program);
    rs_buf_fini(&bytes);
}

/* A value of the first schema, if it is one. */
static void renew_message(struct rs_random *random, struct input *input)
{
    struct rs_schema_document *document = NULL;
    struct rs_error error;
    const struct rs_buf *text = &input->schemas[0];
    if (text->size > 0 &&
        rs_schema_parse("fuzz", (const char *)text->data, text->size, &document, &error) == 0) {
        put_message(random, rs_schema_root(document), &input->message);
        rs_schema_free(&document);
    }
}

static void evolve(struct rs_random *random, const struct rs_buf *from, struct rs_buf *to)
{
    struct rs_buf changed = {0};
    if (from->size > 0 && rs_random_evolve(random, rs_buf_slice(from), &changed)) {
        put_slice(to, rs_buf_slice(&changed));
    }
    rs_buf_fini(&changed);
}

static void renew_schemas(struct rs_random *random, struct input *input)
{
    for (size_t i = 0; i < RS_FUZZ_SCHEMAS; i++) {
        if (i == 0) {
            rs_buf_reset(&input->schemas[0]);
            rs_random_schema(random, 1 + (unsigned)rs_random_below(random, 4), &input->schemas[0]);
        } else {
            put_slice(&input->schemas[i], rs_buf_slice(&input->schemas[0]));
        }
    }
}

static void mutate(struct rs_random *random, struct input *input)
{
    size_t which = (size_t)rs_random_below(random, RS_FUZZ_SCHEMAS);
    size_t other = RS_FUZZ_SCHEMAS - 1;
    switch (rs_random_below(random, 12)) {
    case 0: renew_schemas(random, input); break;
    case 1: mutate_bytes(&input->schemas[which]); return;
    case 2: renew_message(random, input); return;
    case 3:
        renew_message(random, input);
        mutate_bytes(&input->message);
        return;
    case 4:
    case 5:
    case 6: mutate_bytes(&input->message); return;
    case 7: evolve(random, &input->schemas[0], &input->schemas[0]); break;
    default: /* the reader, of two schemas */
        evolve(random, &input->schemas[other], &input->schemas[other]);
        break;
    }
    if (rs_random_below(random, 2) == 0) {
        renew_message(random, input);
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    struct rs_random random = {.state = seed};
    struct input input = {.message = {0}};
    struct rs_buf whole = {0};
    struct rs_slice rest = rs_slice_of(data, size);
    for (size_t i = 0; i < RS_FUZZ_SCHEMAS; i++) {
        put_slice(&input.schemas[i], rs_fuzz_part(&rest));
    }
    put_slice(&input.message, rest);
    mutate(&random, &input);
    for (size_t i = 0; i < RS_FUZZ_SCHEMAS; i++) {
        rs_buf_put(&whole, input.schemas[i].data, input.schemas[i].size);
        rs_buf_char(&whole, '\0');
        rs_buf_fini(&input.schemas[i]);
    }
    rs_buf_put(&whole, input.message.data, input.message.size);
    rs_buf_fini(&input.message);
    size = whole.size < most ? whole.size : most;
    memcpy(data, whole.data, size);
    rs_buf_fini(&whole);
    return size;
}
