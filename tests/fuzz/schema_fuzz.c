/* Schema JSON: an error with a text, or a schema that has a canonical form which parses to the same form and
 * can be compiled. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "schemas/program.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_canonical(const struct rs_schema_document *document)
{
    struct rs_buf first = {0};
    struct rs_buf second = {0};
    struct rs_schema_document *again = NULL;
    struct rs_error error;
    rs_schema_canonical(rs_schema_root(document), &first);
    if (rs_schema_parse("canonical", (const char *)first.data, first.size, &again, &error) != 0) {
        fprintf(stderr, "schema_fuzz: %s\n%.*s\n", error.text, (int)first.size, (const char *)first.data);
        abort();
    }
    rs_schema_canonical(rs_schema_root(again), &second);
    if (!rs_slice_equal(rs_buf_slice(&first), rs_buf_slice(&second)) ||
        rs_schema_crc64(rs_schema_root(document)) != rs_schema_crc64(rs_schema_root(again))) {
        fprintf(stderr, "schema_fuzz: the canonical form of a canonical form differs\n");
        abort();
    }
    rs_schema_free(&again);
    rs_buf_fini(&first);
    rs_buf_fini(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rs_schema_document *document = NULL;
    struct rs_program *program = NULL;
    struct rs_error error = {0};
    if (rs_schema_parse("fuzz", size == 0 ? "" : (const char *)data, size, &document, &error) != 0) {
        if (error.text[0] == '\0' || document) {
            abort();
        }
        return 0;
    }
    check_canonical(document);
    if (rs_program_compile(rs_schema_root(document), NULL, 0, RS_PROGRAM_LIMITS_DEFAULT, &program, &error) !=
        0) {
        abort();
    }
    struct rs_buf text = {0};
    rs_program_explain(program, &text);
    rs_program_run(program, rs_slice_of(data, size < 64 ? size : 64), NULL, NULL);
    rs_buf_fini(&text);
    rs_program_free(&program);
    rs_schema_free(&document);
    return 0;
}
