/* Answers of a schema registry: texts with a 0 between them. The first is an answer; all of them, or the schemas in
 * them, are put together. An answer is taken or refused with words; what is put together is JSON that holds its limits,
 * and put together once more stays the same. */
#include "base/buf.h"
#include "schemas/registry/answer.h"
#include "schemas/registry/expand.h"
#include "schemas/schema.h"
#include "tests/fuzz/fuzz.h"

#define TEXTS_MAX 6

static void check_answer(struct rs_slice body)
{
    struct rs_registry_schema schema = {0};
    struct rs_error error = {0};
    int code = rs_registry_answer_read(body, &schema, &error);
    if (code != 0) {
        rs_fuzz_require((code == RS_EIO || code == RS_ESCHEMA) && error.text[0] != '\0',
                        "an error says nothing");
        rs_fuzz_require(!schema.text && !schema.references, "a refused answer leaves something");
        (void)rs_registry_answer_code(body);
        return;
    }
    rs_fuzz_require(schema.text && schema.size <= RS_REGISTRY_SCHEMA_MAX &&
                        strlen(schema.text) <= schema.size,
                    "the schema of an answer");
    rs_fuzz_require(schema.reference_count <= RS_REGISTRY_REFERENCES_MAX, "too many references");
    for (size_t i = 0; i < schema.reference_count; i++) {
        rs_fuzz_require(strlen(schema.references[i].subject) <= RS_REGISTRY_REFERENCE_TEXT, "a long subject");
    }
    rs_registry_schema_fini(&schema);
}

static void check_same(struct rs_slice a, struct rs_slice b)
{
    bool same = rs_registry_same_json(a, b);
    rs_fuzz_require(same == rs_registry_same_json(b, a), "sameness goes one way");
    rs_fuzz_require(!same || rs_registry_json_digest(a) == rs_registry_json_digest(b),
                    "the same has other digests");
}

static void check_expanded(const struct rs_slice *texts, size_t count)
{
    struct rs_buf first = {0};
    struct rs_buf second = {0};
    struct rs_error error = {0};
    size_t most = 64;
    for (size_t i = 0; i < count; i++) {
        most += 64 * texts[i].size;
    }
    int code = rs_registry_expand(texts[0], texts + 1, count - 1, &first, &error);
    rs_fuzz_require(code == 0 || (code == RS_ESCHEMA && error.text[0] != '\0'), "an error says nothing");
    if (code == 0) {
        struct rs_slice once = rs_buf_slice(&first);
        rs_fuzz_require(once.size > 0 && once.size <= most, "the size of what was put together");
        rs_fuzz_require(rs_registry_json_depth(once) <= RS_REGISTRY_SCHEMA_DEPTH, "it nests too deep");
        rs_fuzz_require(rs_registry_expand(once, NULL, 0, &second, &error) == 0, error.text);
        rs_fuzz_require(rs_registry_same_json(once, rs_buf_slice(&second)), "put together again it changes");
        struct rs_schema_document *document = NULL;
        if (rs_schema_parse("fuzz", (const char *)once.data, once.size, &document, &error) == 0) {
            rs_schema_free(&document);
        }
    }
    rs_buf_fini(&first);
    rs_buf_fini(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rs_slice rest = rs_slice_of(data, size);
    struct rs_slice texts[TEXTS_MAX];
    uint8_t *copies[TEXTS_MAX];
    size_t count = 0;
    while (count < TEXTS_MAX && (count == 0 || rest.size > 0)) {
        struct rs_slice text = rs_fuzz_part(&rest);
        copies[count] = rs_fuzz_exactly(text);
        texts[count] = rs_slice_of(copies[count], text.size);
        count++;
    }
    check_answer(texts[0]);
    check_same(texts[0], texts[count - 1]);
    check_expanded(texts, count);
    for (size_t i = 0; i < count; i++) {
        free(copies[i]);
    }
    return 0;
}
