/* Names of what a record says of itself: which there are, of what type, and what they are told apart from. */
#include "schemas/record_field.h"
#include "tests/lib/schema_text.h"

static const char plain[] =
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},"
    "{\"name\":\"$odd\",\"type\":\"double\"}]}";

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        bool found;
        enum rs_record_field field;
        const char *header;
    } cases[] = {
        {"$topic", true, RS_RECORD_TOPIC, NULL},
        {"$partition", true, RS_RECORD_PARTITION, NULL},
        {"$offset", true, RS_RECORD_OFFSET, NULL},
        {"$timestamp", true, RS_RECORD_TIMESTAMP, NULL},
        {"$key", true, RS_RECORD_KEY, NULL},
        {"$header.a", true, RS_RECORD_HEADER, "a"},
        {"$header.trace.id $x", true, RS_RECORD_HEADER, "trace.id $x"},
        {"$header.", false, RS_RECORD_TOPIC, NULL},
        {"$header", false, RS_RECORD_TOPIC, NULL},
        {"$topics", false, RS_RECORD_TOPIC, NULL},
        {"topic", false, RS_RECORD_TOPIC, NULL},
        {"", false, RS_RECORD_TOPIC, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum rs_record_field field = RS_RECORD_TOPIC;
        const char *header = NULL;
        assert_int_equal(rs_record_field_find(cases[i].path, &field, &header), cases[i].found);
        assert_int_equal(field, cases[i].field);
        assert_int_equal(header != NULL, cases[i].header != NULL);
        if (header) {
            assert_string_equal(header, cases[i].header);
        }
    }
}

static void test_types(void **state)
{
    (void)state;
    struct rs_schema_document *document = parse_schema(plain);
    const struct rs_schema *schema = rs_schema_root(document);
    static const struct {
        const char *path;
        enum rs_value_kind kind;
        bool nullable;
        enum rs_schema_kind schema;
    } cases[] = {
        {"$topic", RS_VALUE_BYTES, false, RS_AVRO_STRING},
        {"$partition", RS_VALUE_INT, false, RS_AVRO_INT},
        {"$offset", RS_VALUE_INT, false, RS_AVRO_LONG},
        {"$timestamp", RS_VALUE_TIME, true, RS_AVRO_LONG},
        {"$key", RS_VALUE_BYTES, true, RS_AVRO_STRING},
        {"$header.x", RS_VALUE_BYTES, true, RS_AVRO_STRING},
        {"a", RS_VALUE_INT, false, RS_AVRO_INT},
        {"$odd", RS_VALUE_DOUBLE, false, RS_AVRO_DOUBLE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rs_field_type type;
        struct rs_error error;
        assert_int_equal(rs_event_field_type(schema, cases[i].path, &type, &error), 0);
        assert_int_equal(type.kind, cases[i].kind);
        assert_int_equal(type.nullable, cases[i].nullable);
        assert_int_equal(type.schema->kind, cases[i].schema);
    }
    rs_schema_free(&document);
}

static void expect_refused(const char *json, const char *path, const char *text)
{
    struct rs_schema_document *document = parse_schema(json);
    struct rs_field_type type;
    struct rs_error error;
    assert_int_equal(rs_event_field_type(rs_schema_root(document), path, &type, &error), RS_ECONFIG);
    assert_string_equal(error.text, text);
    rs_schema_free(&document);
}

static void test_what_is_refused(void **state)
{
    (void)state;
    static const char both[] =
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"$key\",\"type\":\"int\"},"
        "{\"name\":\"$header\",\"type\":\"int\"}]}";
    expect_refused(
        plain, "$ofset",
        "R has no field '$ofset', nor has its record: there are $topic, $partition, $offset, $timestamp, "
        "$key and $header.NAME");
    expect_refused(plain, "$header.",
                   "R has no field '$header.', nor has its record: there are $topic, $partition, $offset, "
                   "$timestamp, $key and $header.NAME");
    expect_refused(plain, "b", "R has no field 'b'");
    expect_refused(
        both, "$key",
        "'$key' may be the record's own or the field of R: give the field another name in the schema, with "
        "this one as an alias");
    expect_refused(
        both, "$header.x",
        "'$header.x' may be the record's own or the field of R: give the field another name in the schema, "
        "with this one as an alias");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_what_is_refused),
    };
    return cmocka_run_group_tests_name("schemas.record_field", tests, NULL, NULL);
}
