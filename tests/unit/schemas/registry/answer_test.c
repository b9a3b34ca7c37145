/* What an answer of a registry is taken for: every answer is one of three things, and none shows its bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/registry/answer.h"

static int answer_code(const char *body, struct rs_registry_schema *out, struct rs_error *error)
{
    *out = (struct rs_registry_schema){0};
    return rs_registry_answer_read(rs_slice_text(body), out, error);
}

static void expect(const char *body, int code, const char *why)
{
    struct rs_registry_schema schema;
    struct rs_error error = {0};
    assert_int_equal(answer_code(body, &schema, &error), code);
    assert_null(schema.text);
    if (!strstr(error.text, why) || strstr(error.text, "SECRET")) {
        fail_msg("%s: %s", body, error.text);
    }
}

static void test_schemas(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{\"schema\": \"\\\"int\\\"\"}",
        "{\"schema\": \"\\\"int\\\"\", \"schemaType\": \"AVRO\", \"references\": []}",
        ("{\"schema\": \"\\\"int\\\"\", \"schemaType\": null, \"references\": null, \"maxId\": 9, "
         "\"ruleSet\": {}}"),
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct rs_registry_schema schema;
        struct rs_error error = {0};
        assert_int_equal(answer_code(bodies[i], &schema, &error), 0);
        assert_string_equal(schema.text, "\"int\"");
        assert_int_equal(schema.size, 5);
        assert_int_equal(schema.reference_count, 0);
        rs_registry_schema_fini(&schema);
    }
}

static void test_references(void **state)
{
    (void)state;
    struct rs_registry_schema schema;
    struct rs_error error = {0};
    assert_int_equal(
        answer_code("{\"schema\": \"{}\", \"references\": [{\"name\": \"n\", \"subject\": \"a b\", "
                    "\"version\": 2}, {\"subject\": \"c\", \"version\": 1}]}",
                    &schema, &error),
        0);
    assert_int_equal(schema.reference_count, 2);
    assert_string_equal(schema.references[0].subject, "a b");
    assert_int_equal(schema.references[0].version, 2);
    rs_registry_schema_fini(&schema);
}

/* Nobody has spoken: it is worth asking again. */
static void test_no_answers(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "",
        "<html>SECRET</html>",
        "[]",
        "{\"schema\": \"SECRET",
        "{\"schema\": 7}",
        "{\"error_code\": 40403, \"message\": \"SECRET\"}",
        "{\"schema\": \"{}\", \"schema\": \"SECRET\"}",
        "{\"schema\": \"{}\", \"schemaType\": 7}",
        "{\"schema\": \"{}\", \"references\": {}}",
        "{\"schema\": \"{}\", \"references\": [7]}",
        "{\"schema\": \"{}\", \"references\": [{\"subject\": \"SECRET\"}]}",
        "{\"schema\": \"{}\", \"references\": [{\"subject\": \"SECRET\", \"version\": 0}]}",
        "{\"schema\": \"{}\", \"references\": [{\"subject\": \"SECRET\", \"version\": 4294967296}]}",
        "{\"schema\": \"{}\", \"x\": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        expect(bodies[i], RS_EIO, "is this the URL of a schema registry?");
    }
}

/* It has, and what it has is not to be used. */
static void test_what_is_refused(void **state)
{
    (void)state;
    expect("{\"schema\": \"SECRET\", \"schemaType\": \"JSON\"}", RS_ESCHEMA, "it is of JSON, not of AVRO");
    expect("{\"schema\": \"SECRET\", \"schemaType\": \"PROTOBUF\"}", RS_ESCHEMA,
           "it is of PROTOBUF, not of AVRO");
    expect("{\"schema\": \"SECRET\", \"schemaType\": \"SECRET\"}", RS_ESCHEMA,
           "it is of another type, not of AVRO");
    expect("{\"schema\": \"{}\", \"references\": [{\"subject\": \"\", \"version\": 1}]}", RS_ESCHEMA,
           "of 0 bytes");
}

static void test_too_many_bytes(void **state)
{
    (void)state;
    static const char head[] = "{\"schema\": \"";
    size_t size = RS_REGISTRY_SCHEMA_MAX + 1;
    char *body = malloc(sizeof head + size + 3);
    assert_non_null(body);
    memcpy(body, head, sizeof head - 1);
    memset(body + sizeof head - 1, ' ', size);
    memcpy(body + sizeof head - 1 + size, "\"}", 3);
    expect(body, RS_ESCHEMA, "it has 1048577 bytes; at most 1048576 are read");
    memset(body + sizeof head - 1, '[', size);
    memcpy(body + sizeof head - 1 + 600, "\"}", 3);
    expect(body, RS_ESCHEMA, "it nests 600 levels deep; at most 512 are read");
    free(body);
}

static void test_error_codes(void **state)
{
    (void)state;
    assert_int_equal(rs_registry_answer_code(rs_slice_text("{\"error_code\": 40403, \"message\": \"x\"}")),
                     40403);
    assert_int_equal(rs_registry_answer_code(rs_slice_text("{\"error_code\": \"40403\"}")), 0);
    assert_int_equal(rs_registry_answer_code(rs_slice_text("{\"error_code\": 1e300}")), 0);
    assert_int_equal(rs_registry_answer_code(rs_slice_text("40403")), 0);
    assert_int_equal(rs_registry_answer_code(rs_slice_of(NULL, 0)), 0);
}

static void test_ids(void **state)
{
    static const char *const none[] = {"{}",
                                       "{\"id\": -1}",
                                       "{\"id\": 2147483648}",
                                       "{\"id\": \"7\"}",
                                       "{\"id\": 7.0}",
                                       "{\"id\": null}",
                                       "7",
                                       "",
                                       "{\"id\": 1e3}",
                                       "{\"id\": 7, \"id\": 8}"};
    uint32_t id = 0;
    struct rs_error error;
    (void)state;
    assert_int_equal(rs_registry_answer_id(rs_slice_text("{\"id\": 2147483647}"), &id, &error), 0);
    assert_int_equal(id, 2147483647);
    assert_int_equal(rs_registry_answer_id(rs_slice_text("{\"id\": 0, \"version\": 3}"), &id, &error), 0);
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_int_equal(rs_registry_answer_id(rs_slice_text(none[i]), &id, &error), RS_EIO);
    }
    assert_int_equal(id, 0);
}

static void test_messages(void **state)
{
    char words[RS_REGISTRY_MESSAGE_MAX + 1];
    char body[RS_REGISTRY_MESSAGE_MAX + 100] = "{\"message\": \"";
    size_t head = strlen(body);
    (void)state;
    rs_registry_answer_message(rs_slice_text("{\"message\": \"a\\u001b[2J\\n\\u00e9\\u202e~\"}"), words);
    assert_string_equal(words, "a?[2J??????~");
    rs_registry_answer_message(rs_slice_text("{\"message\": 7}"), words);
    assert_string_equal(words, "");
    rs_registry_answer_message(rs_slice_text("no JSON"), words);
    assert_string_equal(words, "");
    for (size_t size = RS_REGISTRY_MESSAGE_MAX - 1; size <= RS_REGISTRY_MESSAGE_MAX + 1; size++) {
        memset(body + head, 'x', size);
        memcpy(body + head + size, "\"}", 3);
        rs_registry_answer_message(rs_slice_text(body), words);
        assert_int_equal(strlen(words), size < RS_REGISTRY_MESSAGE_MAX ? size : RS_REGISTRY_MESSAGE_MAX);
        assert_int_equal(strcmp(words + strlen(words) - 4, "x...") == 0, size > RS_REGISTRY_MESSAGE_MAX);
    }
}

static void test_depth(void **state)
{
    (void)state;
    assert_int_equal(rs_registry_json_depth(rs_slice_text("7")), 0);
    assert_int_equal(rs_registry_json_depth(rs_slice_text("[{\"a\": []}, {}]")), 3);
    assert_int_equal(rs_registry_json_depth(rs_slice_text("[\"[[[\\\"[[\"]")), 1);
    assert_int_equal(rs_registry_json_depth(rs_slice_text("]]]]")), 0);
    assert_int_equal(rs_registry_json_depth(rs_slice_text("\"\\")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schemas),        cmocka_unit_test(test_references),
        cmocka_unit_test(test_no_answers),     cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_too_many_bytes), cmocka_unit_test(test_error_codes),
        cmocka_unit_test(test_depth),          cmocka_unit_test(test_ids),
        cmocka_unit_test(test_messages),
    };
    return cmocka_run_group_tests_name("schemas.registry.answer", tests, NULL, NULL);
}
