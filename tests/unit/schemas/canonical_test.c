/* Canonical forms and fingerprints against the vectors of Apache Avro and fastavro. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "schemas/schema.h"

#define DATA "tests/unit/schemas/data/"

static struct rs_schema_document *parse(const char *json, size_t size)
{
    struct rs_schema_document *document = NULL;
    struct rs_error error = {0};
    if (rs_schema_parse("vector", json, size, &document, &error) != 0) {
        fail_msg("%s", error.text);
    }
    return document;
}

static void expect_canonical(const struct rs_schema_document *document, const char *canonical)
{
    struct rs_buf text = {0};
    rs_schema_canonical(rs_schema_root(document), &text);
    rs_buf_char(&text, '\0');
    assert_false(text.failed);
    assert_string_equal((const char *)text.data, canonical);
    rs_buf_fini(&text);
}

/* ---- schema-tests.txt: <<KEY value, or <<KEY, lines, KEY ---- */

struct section {
    char key[32];
    struct rs_buf text;
};

static bool read_section(FILE *file, struct section *section)
{
    char line[4096];
    while (fgets(line, sizeof line, file)) {
        if (strncmp(line, "<<", 2) != 0) {
            continue;
        }
        line[strcspn(line, "\n")] = '\0';
        size_t size = strcspn(line + 2, " ");
        snprintf(section->key, sizeof section->key, "%.*s", (int)size, line + 2);
        rs_buf_reset(&section->text);
        if (line[2 + size] == ' ') {
            rs_buf_text(&section->text, line + 2 + size + 1);
            return true;
        }
        while (fgets(line, sizeof line, file) && strncmp(line, section->key, size) != 0) {
            rs_buf_text(&section->text, line);
        }
        return true;
    }
    return false;
}

static void test_apache_avro(void **state)
{
    (void)state;
    FILE *file = fopen(DATA "schema-tests.txt", "r");
    assert_non_null(file);
    struct section section = {0};
    struct rs_schema_document *document = NULL;
    int inputs = 0;
    int forms = 0;
    int fingerprints = 0;
    while (read_section(file, &section)) {
        if (strcmp(section.key, "INPUT") == 0) {
            rs_schema_free(&document);
            document = parse((const char *)section.text.data, section.text.size);
            inputs++;
            continue;
        }
        rs_buf_char(&section.text, '\0');
        if (strcmp(section.key, "canonical") == 0) {
            expect_canonical(document, (const char *)section.text.data);
            forms++;
        } else {
            assert_string_equal(section.key, "fingerprint");
            long long expected = strtoll((const char *)section.text.data, NULL, 10);
            assert_true(rs_schema_crc64(rs_schema_root(document)) == (uint64_t)expected);
            fingerprints++;
        }
    }
    rs_schema_free(&document);
    rs_buf_fini(&section.text);
    fclose(file);
    /* 35 lines begin with <<INPUT or name it; one of them is a comment about a schema that is not JSON. */
    assert_int_equal(inputs, 34);
    assert_int_equal(forms, 34);
    assert_int_equal(fingerprints, 26);
}

/* ---- fastavro ---- */

static struct rs_schema_document *parse_vector(const json_t *vector)
{
    char *json = json_dumps(json_object_get(vector, "original_schema"), JSON_ENCODE_ANY);
    assert_non_null(json);
    struct rs_schema_document *document = parse(json, strlen(json));
    free(json);
    return document;
}

static void hex_of(const uint8_t *bytes, size_t size, char *out)
{
    for (size_t i = 0; i < size; i++) {
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    }
}

static void test_fastavro_canonical_forms(void **state)
{
    (void)state;
    FILE *file = fopen(DATA "canonical-vectors.jsonl", "r");
    assert_non_null(file);
    char line[8192];
    int count = 0;
    for (; fgets(line, sizeof line, file); count++) {
        json_t *vector = json_loads(line, 0, NULL);
        assert_non_null(vector);
        struct rs_schema_document *document = parse_vector(vector);
        expect_canonical(document, json_string_value(json_object_get(vector, "canonical_form")));
        rs_schema_free(&document);
        json_decref(vector);
    }
    fclose(file);
    assert_int_equal(count, 29);
}

static void test_fastavro_fingerprints(void **state)
{
    (void)state;
    FILE *file = fopen(DATA "fingerprint-vectors.jsonl", "r");
    assert_non_null(file);
    char line[8192];
    int crc = 0;
    int sha = 0;
    int md5 = 0; /* not offered by rollstat: nothing in Kafka or the registries we speak to uses it */
    while (fgets(line, sizeof line, file)) {
        json_t *vector = json_loads(line, 0, NULL);
        assert_non_null(vector);
        struct rs_schema_document *document = parse_vector(vector);
        const char *algorithm = json_string_value(json_object_get(vector, "algorithm"));
        const char *expected = json_string_value(json_object_get(vector, "expected_fingerprint"));
        char found[65];
        if (strcmp(algorithm, "CRC-64-AVRO") == 0) {
            uint64_t crc64 = rs_schema_crc64(rs_schema_root(document));
            uint8_t little[8];
            for (size_t i = 0; i < 8; i++) {
                little[i] = (uint8_t)(crc64 >> (8 * i));
            }
            hex_of(little, 8, found);
            assert_string_equal(found, expected);
            crc++;
        } else if (strcasecmp(algorithm, "sha256") == 0 || strcmp(algorithm, "SHA-256") == 0) {
            uint8_t digest[32];
            rs_schema_sha256(rs_schema_root(document), digest);
            hex_of(digest, 32, found);
            assert_string_equal(found, expected);
            sha++;
        } else {
            md5++;
        }
        rs_schema_free(&document);
        json_decref(vector);
    }
    fclose(file);
    assert_int_equal(crc + sha + md5, 104);
    assert_int_equal(crc, 34);
    assert_int_equal(sha, 35);
}

static void test_recursion_and_references(void **state)
{
    (void)state;
    static const char json[] =
        "{\"type\":\"record\",\"name\":\"N\",\"namespace\":\"a.b\",\"doc\":\"x\",\"fields\":["
        "{\"name\":\"f\",\"type\":{\"type\":\"fixed\",\"name\":\"F\",\"size\":3,\"logicalType\":\"decimal\","
        "\"precision\":2}},"
        "{\"name\":\"g\",\"type\":[\"null\",\"N\",\"F\"],\"default\":null}]}";
    struct rs_schema_document *document = parse(json, sizeof json - 1);
    expect_canonical(document, "{\"name\":\"a.b.N\",\"type\":\"record\",\"fields\":["
                               "{\"name\":\"f\",\"type\":{\"name\":\"a.b.F\",\"type\":\"fixed\",\"size\":3}},"
                               "{\"name\":\"g\",\"type\":[\"null\",\"a.b.N\",\"a.b.F\"]}]}");
    rs_schema_free(&document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_apache_avro),
        cmocka_unit_test(test_fastavro_canonical_forms),
        cmocka_unit_test(test_fastavro_fingerprints),
        cmocka_unit_test(test_recursion_and_references),
    };
    return cmocka_run_group_tests_name("schemas.canonical", tests, NULL, NULL);
}
