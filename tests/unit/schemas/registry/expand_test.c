/* Schemas that refer to others, put together; each result is read by the parser. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/registry/expand.h"
#include "schemas/schema.h"

#define MONEY "{\"type\": \"fixed\", \"name\": \"Money\", \"namespace\": \"b\", \"size\": 8}"

static void expect(const char *text, const char *const *others, size_t count, const char *canonical)
{
    struct rs_slice slices[8];
    struct rs_buf out = {0};
    struct rs_buf form = {0};
    struct rs_error error = {0};
    struct rs_schema_document *document = NULL;
    for (size_t i = 0; i < count; i++) {
        slices[i] = rs_slice_text(others[i]);
    }
    if (rs_registry_expand(rs_slice_text(text), slices, count, &out, &error) != 0 ||
        rs_schema_parse("s", (const char *)out.data, out.size, &document, &error) != 0) {
        fail_msg("%s: %.*s", error.text, (int)out.size, (const char *)out.data);
    }
    rs_schema_canonical(rs_schema_root(document), &form);
    assert_string_equal(rs_buf_cstr(&form), canonical);
    rs_schema_free(&document);
    rs_buf_fini(&form);
    rs_buf_fini(&out);
}

static void test_the_first_use_becomes_the_definition(void **state)
{
    (void)state;
    static const char *const others[] = {MONEY};
    expect("{\"type\": \"record\", \"name\": \"b.T\", \"fields\": [{\"name\": \"x\", \"type\": \"Money\"}, "
           "{\"name\": \"y\", \"type\": [\"null\", \"b.Money\"]}, {\"name\": \"z\", \"type\": {\"type\": "
           "\"map\", "
           "\"values\": \"Money\"}}]}",
           others, 1,
           "{\"name\":\"b.T\",\"type\":\"record\",\"fields\":[{\"name\":\"x\",\"type\":{\"name\":\"b.Money\","
           "\"type\":\"fixed\",\"size\":8}},{\"name\":\"y\",\"type\":[\"null\",\"b.Money\"]},{\"name\":\"z\","
           "\"type\":{\"type\":\"map\",\"values\":\"b.Money\"}}]}");
    expect("\"b.Money\"", others, 1, "{\"name\":\"b.Money\",\"type\":\"fixed\",\"size\":8}");
    expect("{\"type\": {\"type\": {\"type\": \"b.Money\"}}}", others, 1,
           "{\"name\":\"b.Money\",\"type\":\"fixed\",\"size\":8}");
}

/* A name without a namespace means the one around it, also where its definition moves elsewhere. */
static void test_names_keep_their_meaning(void **state)
{
    (void)state;
    static const char *const others[] = {
        "{\"type\": \"enum\", \"name\": \"Plain\", \"symbols\": [\"A\"]}",
        "{\"type\": \"record\", \"name\": \"c.R\", \"fields\": [{\"name\": \"i\", \"type\": {\"type\": "
        "\"fixed\", "
        "\"name\": \"Inner\", \"size\": 1}}, {\"name\": \"n\", \"type\": [\"null\", \"R\"]}]}",
    };
    expect("{\"type\": \"record\", \"name\": \"T\", \"fields\": [{\"name\": \"p\", \"type\": \"Plain\"}, "
           "{\"name\": \"i\", "
           "\"type\": \"c.Inner\"}, {\"name\": \"r\", \"type\": {\"type\": \"array\", \"items\": \"c.R\"}}]}",
           others, 2,
           "{\"name\":\"T\",\"type\":\"record\",\"fields\":[{\"name\":\"p\",\"type\":{\"name\":\"Plain\","
           "\"type\":\"enum\","
           "\"symbols\":[\"A\"]}},{\"name\":\"i\",\"type\":{\"name\":\"c.Inner\",\"type\":\"fixed\",\"size\":"
           "1}},"
           "{\"name\":\"r\",\"type\":{\"type\":\"array\",\"items\":{\"name\":\"c.R\",\"type\":\"record\","
           "\"fields\":["
           "{\"name\":\"i\",\"type\":\"c.Inner\"},{\"name\":\"n\",\"type\":[\"null\",\"c.R\"]}]}}}]}");
}

static void test_defaults_and_properties_stay(void **state)
{
    (void)state;
    struct rs_slice other = rs_slice_text(MONEY);
    struct rs_buf out = {0};
    struct rs_error error;
    assert_int_equal(
        rs_registry_expand(
            rs_slice_text("{\"type\":\"record\",\"name\":\"T\",\"fields\":[{\"name\":\"m\",\"type\":"
                          "\"b.Money\"},{\"name\":\"d\",\"type\":\"double\",\"default\":0.1,\"unit\":"
                          "\"b.Money\"}]}"),
            &other, 1, &out, &error),
        0);
    assert_non_null(strstr(rs_buf_cstr(&out), "\"default\":0.10000000000000001,\"unit\":\"b.Money\""));
    rs_buf_fini(&out);
}

static void test_what_is_refused(void **state)
{
    (void)state;
    struct rs_slice others[] = {rs_slice_text(MONEY),
                                rs_slice_text("{\"type\": \"fixed\", \"name\": \"b.Money\", \"size\": 9}")};
    struct rs_slice broken = rs_slice_text("{");
    struct rs_buf out = {0};
    struct rs_error error;
    assert_int_equal(rs_registry_expand(rs_slice_text("\"b.Money\""), others, 2, &out, &error), RS_ESCHEMA);
    assert_non_null(strstr(error.text, "define one name in two ways"));
    assert_int_equal(rs_registry_expand(rs_slice_text("\"b.Money\""), &broken, 1, &out, &error), RS_ESCHEMA);
    assert_int_equal(rs_registry_expand(broken, others, 1, &out, &error), RS_ESCHEMA);
    assert_int_equal(out.size, 0);
    rs_buf_fini(&out);
}

static void test_the_same_json(void **state)
{
    (void)state;
    struct rs_slice a = rs_slice_text("{\"type\": \"int\", \"x\": [1, 2]}");
    struct rs_slice b = rs_slice_text("{ \"x\":[1,2],\"type\":\"int\"}");
    struct rs_slice c = rs_slice_text("{ \"x\":[2,1],\"type\":\"int\"}");
    assert_true(rs_registry_same_json(a, b));
    assert_false(rs_registry_same_json(a, c));
    assert_false(rs_registry_same_json(a, rs_slice_text("{")));
    assert_true(rs_registry_json_digest(a) == rs_registry_json_digest(b));
    assert_true(rs_registry_json_digest(a) != rs_registry_json_digest(c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_use_becomes_the_definition),
        cmocka_unit_test(test_names_keep_their_meaning),
        cmocka_unit_test(test_defaults_and_properties_stay),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_the_same_json),
    };
    return cmocka_run_group_tests_name("schemas.registry.expand", tests, NULL, NULL);
}
