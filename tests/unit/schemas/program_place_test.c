/* Where a value is, by path and byte. That the walk refuses what the op list refuses, and where, is tested beside
 * it in program_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "schemas/program_place.h"
#include "tests/lib/bytes.h"
#include "tests/lib/schema_text.h"

#define FIELD(name, type)  "{\"name\":\"" name "\",\"type\":" type "}"
#define RECORD(name, list) "{\"type\":\"record\",\"name\":\"" name "\",\"fields\":[" list "]}"

static const char nested[] = RECORD(
    "T",
    FIELD("id", "\"string\"") "," FIELD("none", "\"null\"") "," FIELD(
        "venue", "[\"null\"," RECORD("V", FIELD("open", "\"boolean\"") "," FIELD(
                                              "codes", "{\"type\":\"array\",\"items\":"
                                                       "\"string\"}")) "]") "," FIELD("rates", "{\"type\":"
                                                                                               "\"map\","
                                                                                               "\"values\":"
                                                                                               "\"int\"}"));

/* id "a"; a venue, open, with "x" and "yz"; rates of "k" and "l". */
static const char whole[] = "02 61  02 01 04 02 78 04 79 7A 00  04 02 6B 02 02 6C 04 00";

struct subject {
    struct rs_schema_document *document;
    struct rs_program *program;
    uint8_t bytes[256];
    struct rs_slice message;
    struct rs_buf seen;
};

static struct subject begin(const char *schema, const char *hex)
{
    struct subject s = {.document = parse_schema(schema)};
    struct rs_error error = {0};
    if (rs_program_compile(rs_schema_root(s.document), NULL, 0, RS_PROGRAM_LIMITS_DEFAULT, &s.program,
                           &error) != 0) {
        fail_msg("%s", error.text);
    }
    s.message.size = bytes_unhex(s.bytes, hex);
    return s;
}

static void end(struct subject *s)
{
    rs_buf_fini(&s->seen);
    rs_program_free(&s->program);
    rs_schema_free(&s->document);
}

static struct rs_slice message_of(const struct subject *s)
{
    return rs_slice_of(s->bytes, s->message.size);
}

static void expect_place(const char *schema, const char *hex, enum rs_reason reason, size_t at,
                         const char *path)
{
    struct subject s = begin(schema, hex);
    struct rs_place place;
    assert_int_equal(rs_program_visit(s.program, message_of(&s), NULL, &place), reason);
    assert_string_equal(place.path, path);
    assert_int_equal(place.at, at);
    end(&s);
}

static void test_the_path_of_what_is_wrong(void **state)
{
    (void)state;
    expect_place(nested, whole, RS_REASON_NONE, 19, "");
    expect_place(nested, "02 FF", RS_REASON_UTF8, 0, "id");
    expect_place(nested, "02 61 06", RS_REASON_UNION_INDEX, 2, "venue");
    expect_place(nested, "02 61 02 07", RS_REASON_BOOLEAN, 3, "venue.open");
    expect_place(nested, "02 61 02 01 04 02 78 04 79", RS_REASON_LENGTH, 7, "venue.codes[1]");
    expect_place(nested, "02 61 02 01 02 02 78 02 04 79", RS_REASON_LENGTH, 8,
                 "venue.codes[1]"); /* two blocks */
    expect_place(nested, "02 61 02 01 7E", RS_REASON_BLOCK, 4, "venue.codes");
    expect_place(nested, "02 61 00 02 02 FF 02 00", RS_REASON_UTF8, 4, "rates"); /* a key */
    expect_place(nested, "02 61 00 02 02 6B", RS_REASON_TRUNCATED, 6, "rates[0]");
    expect_place(nested, "02 61 00 00 55", RS_REASON_TRAILING, 4, "");
    expect_place("\"int\"", "", RS_REASON_TRUNCATED, 0, "");
}

static void visit(void *self, const struct rs_visited *value)
{
    struct subject *s = self;
    rs_buf_printf(&s->seen, "%zu+%zu %s ", value->place->at, value->size, value->place->path);
    assert_int_equal(rs_program_value_json(s->program, value, &s->seen), RS_REASON_NONE);
    rs_buf_char(&s->seen, '\n');
}

static void test_each_value_is_visited(void **state)
{
    (void)state;
    struct subject s = begin(nested, whole);
    struct rs_place place;
    const struct rs_visitor visitor = {.visit = visit, .self = &s};
    assert_int_equal(rs_program_visit(s.program, message_of(&s), &visitor, &place), RS_REASON_NONE);
    assert_string_equal(rs_buf_cstr(&s.seen), "0+2 id \"a\"\n2+0 none null\n3+1 venue.open true\n"
                                              "5+2 venue.codes[0] \"x\"\n7+3 venue.codes[1] \"yz\"\n"
                                              "14+1 rates[0] 1\n17+1 rates[1] 2\n");
    end(&s);
    s = begin(nested, "02 61 00 00");
    assert_int_equal(rs_program_visit(s.program, message_of(&s), &visitor, &place), RS_REASON_NONE);
    assert_string_equal(rs_buf_cstr(&s.seen), "0+2 id \"a\"\n2+0 none null\n2+1 venue null\n");
    end(&s);
}

static void expect_found(const struct subject *s, const char *path, bool found, size_t at)
{
    size_t where = 999;
    assert_int_equal(rs_program_find_value(s->program, message_of(s), path, &where), found);
    assert_int_equal(where, found ? at : 999);
}

static void test_the_value_of_a_field(void **state)
{
    (void)state;
    struct subject s = begin(nested, whole);
    expect_found(&s, "id", true, 0);
    expect_found(&s, "none", true, 2);
    expect_found(&s, "venue", true, 2);
    expect_found(&s, "venue.open", true, 3);
    expect_found(&s, "venue.codes", true, 4);
    expect_found(&s, "rates", true, 11);
    expect_found(&s, "rate", false, 0);
    expect_found(&s, "venue.closed", false, 0);
    expect_found(&s, "id.x", false, 0);
    end(&s);
    s = begin(nested, "02 61 00 00");
    expect_found(&s, "venue.open", false, 0);
    end(&s);
}

/* Long names, and a place that cannot be told in full. */
static void test_a_path_that_is_too_long(void **state)
{
    (void)state;
    struct rs_buf schema = {0};
    rs_buf_text(&schema, "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"");
    for (int i = 0; i < 125; i++) {
        rs_buf_text(&schema, "\xc3\xa9");
    }
    rs_buf_text(&schema, "\",\"type\":[\"null\",\"R\"]}]}");
    struct subject s = begin(rs_buf_cstr(&schema), "02 02 07");
    struct rs_place place;
    assert_int_equal(rs_program_visit(s.program, message_of(&s), NULL, &place), RS_REASON_UNION_INDEX);
    assert_int_equal(place.at, 2);
    assert_int_equal(strlen(place.path), 254);
    assert_string_equal(place.path + 248, "\xc3\xa9....");
    end(&s);
    rs_buf_fini(&schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_path_of_what_is_wrong),
        cmocka_unit_test(test_each_value_is_visited),
        cmocka_unit_test(test_the_value_of_a_field),
        cmocka_unit_test(test_a_path_that_is_too_long),
    };
    return cmocka_run_group_tests_name("schemas.program_place", tests, NULL, NULL);
}
