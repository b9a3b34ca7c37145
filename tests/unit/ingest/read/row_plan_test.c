/* Row plans: which column, constant or default a field takes its value from, and what is said where there is
 * none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/encode/json.h"
#include "ingest/read/row_plan.h"
#include "tests/lib/schema_text.h"

static const char trade[] = "{\"type\":\"record\",\"name\":\"T\",\"fields\":["
                            "{\"name\":\"id\",\"type\":\"string\"},"
                            "{\"name\":\"pieces\",\"type\":\"int\",\"default\":7},"
                            "{\"name\":\"note\",\"type\":[\"null\",\"string\"],\"default\":null}]}";

static const char nested[] =
    "{\"type\":\"record\",\"name\":\"N\",\"fields\":["
    "{\"name\":\"id\",\"type\":\"string\"},"
    "{\"name\":\"venue\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"V\",\"fields\":["
    "{\"name\":\"country\",\"type\":\"string\"},{\"name\":\"city\",\"type\":[\"null\",\"string\"]}]}]}]}";

struct fixture {
    struct rs_schema_document *document;
    struct rs_mapping mapping;
    struct rs_row_plan *plan;
    struct rs_json *json;
    struct rs_error error;
    uint32_t at;
};

static struct fixture open_fixture(const char *schema)
{
    struct fixture f = {0};
    f.document = parse_schema(schema);
    rs_mapping_init(&f.mapping, rs_schema_root(f.document));
    return f;
}

static void close_fixture(struct fixture *f)
{
    rs_row_plan_free(&f->plan);
    assert_null(f->plan);
    rs_json_free(&f->json);
    rs_mapping_fini(&f->mapping);
    rs_schema_free(&f->document);
}

/* `columns`: separated by blanks, in memory that is gone when this returns. */
static int try_plan(struct fixture *f, enum rs_row_plan_source source, const char *columns)
{
    char *copy = strdup(columns);
    char *rest = NULL;
    struct rs_slice given[8];
    size_t count = 0;
    assert_non_null(copy);
    for (char *name = strtok_r(copy, " ", &rest); name; name = strtok_r(NULL, " ", &rest)) {
        given[count++] = rs_slice_text(name);
    }
    int code = rs_row_plan_new(&f->mapping, source, given, count, &f->plan, &f->error);
    memset(copy, '#', strlen(columns));
    free(copy);
    return code;
}

static void make_plan(struct fixture *f, enum rs_row_plan_source source, const char *columns)
{
    if (try_plan(f, source, columns) != 0) {
        fail_msg("%s", f->error.text);
    }
}

static void expect_no_plan(struct fixture *f, enum rs_row_plan_source source, const char *columns,
                           const char *why)
{
    assert_int_equal(try_plan(f, source, columns), RS_EUSAGE);
    assert_null(f->plan);
    assert_string_equal(f->error.text, why);
}

static int encode(struct fixture *f, const struct rs_cell *cells, char hex[256])
{
    struct rs_buf out = {0};
    rs_buf_text(&out, "before");
    int code = rs_row_plan_encode(f->plan, cells, &out, &f->at, &f->error);
    assert_memory_equal(out.data, "before", 6);
    assert_true(code == 0 || out.size == 6);
    hex[0] = '\0';
    for (size_t i = 6; i < out.size; i++) {
        snprintf(hex + 2 * (i - 6), 3, "%02x", out.data[i]);
    }
    rs_buf_fini(&out);
    return code;
}

/* `texts`: one a cell, NULL for one that is absent, as of a value nobody set. */
static int encode_texts(struct fixture *f, const char *const *texts, size_t count, char hex[256])
{
    struct rs_cell cells[8] = {0};
    for (size_t i = 0; i < count; i++) {
        cells[i].end = (uint32_t)i + 1;
        cells[i].at = (uint32_t)(10 * i);
        if (texts[i]) {
            cells[i].kind = RS_CELL_TEXT;
            cells[i].text = rs_slice_text(texts[i]);
        }
    }
    return encode(f, cells, hex);
}

#define EXPECT_TEXTS(f, wanted, ...)                                                                         \
    do {                                                                                                     \
        const char *const texts[] = {__VA_ARGS__};                                                           \
        char hex[256];                                                                                       \
        if (encode_texts((f), texts, sizeof texts / sizeof *texts, hex) != 0) {                              \
            fail_msg("%s", (f)->error.text);                                                                 \
        }                                                                                                    \
        assert_string_equal(hex, (wanted));                                                                  \
    } while (0)

#define REFUSE_TEXTS(f, why, where, ...)                                                                     \
    do {                                                                                                     \
        const char *const texts[] = {__VA_ARGS__};                                                           \
        char hex[256];                                                                                       \
        assert_int_equal(encode_texts((f), texts, sizeof texts / sizeof *texts, hex), RS_ERECORD);           \
        assert_string_equal((f)->error.text, (why));                                                         \
        assert_int_equal((f)->at, (where));                                                                  \
    } while (0)

static int encode_json(struct fixture *f, const char *text, char hex[256])
{
    const struct rs_cell *cells = NULL;
    size_t at = 0;
    if (!f->json) {
        assert_int_equal(rs_json_new(&f->json, &f->error), 0);
    }
    assert_int_equal(rs_json_parse(f->json, rs_slice_text(text), &cells, &at, &f->error), 0);
    return encode(f, cells, hex);
}

static void expect_json(struct fixture *f, const char *text, const char *wanted)
{
    char hex[256];
    if (encode_json(f, text, hex) != 0) {
        fail_msg("%s: %s", text, f->error.text);
    }
    assert_string_equal(hex, wanted);
}

static void refuse_json(struct fixture *f, const char *text, const char *why, uint32_t where)
{
    char hex[256];
    assert_int_equal(encode_json(f, text, hex), RS_ERECORD);
    assert_string_equal(f->error.text, why);
    assert_int_equal(f->at, where);
}

/* ---- columns ---- */

static void test_columns_come_in_any_order(void **state)
{
    struct fixture f = open_fixture(trade);
    (void)state;
    make_plan(&f, RS_ROW_PLAN_COLUMNS, "note extra id pieces more");
    assert_int_equal(rs_row_plan_column_count(f.plan), 3);
    assert_string_equal(rs_row_plan_column(f.plan, 0), "id");
    assert_string_equal(rs_row_plan_unused(f.plan, 0), "extra");
    assert_string_equal(rs_row_plan_unused(f.plan, 1), "more");
    assert_null(rs_row_plan_unused(f.plan, 2));
    EXPECT_TEXTS(&f,
                 "02610602"
                 "0278",
                 "x", "-", "a", "3", "-");
    close_fixture(&f);
}

/* An empty cell is null, the default of a field that is no text, or an empty text. */
static void test_empty_cells(void **state)
{
    struct fixture f = open_fixture(trade);
    (void)state;
    make_plan(&f, RS_ROW_PLAN_COLUMNS, "id pieces note");
    EXPECT_TEXTS(&f, "000e00", "", "", "");
    close_fixture(&f);
}

static void test_what_no_column_supplies_is_the_default(void **state)
{
    struct fixture f = open_fixture(trade);
    (void)state;
    make_plan(&f, RS_ROW_PLAN_COLUMNS, "id");
    assert_int_equal(rs_row_plan_column_count(f.plan), 1);
    EXPECT_TEXTS(&f, "02610e00", "a");
    close_fixture(&f);
}

static void test_mapped_and_constant(void **state)
{
    struct fixture f = open_fixture(trade);
    (void)state;
    assert_int_equal(rs_mapping_map(&f.mapping, "id=name", &f.error), 0);
    assert_int_equal(rs_mapping_const(&f.mapping, "note=n", &f.error), 0);
    make_plan(&f, RS_ROW_PLAN_COLUMNS, "pieces name note");
    assert_string_equal(rs_row_plan_unused(f.plan, 0), "note");
    EXPECT_TEXTS(&f,
                 "02610202"
                 "026e",
                 "1", "a", "x");
    REFUSE_TEXTS(&f, "pieces: is not an integer", 0, "one", "a", "x");
    REFUSE_TEXTS(&f, "id (column \"name\"): is not valid UTF-8", 10, "1", "\xff", "x");
    close_fixture(&f);
}

static void test_a_constant_has_to_suit_its_field(void **state)
{
    struct fixture f = open_fixture(trade);
    (void)state;
    assert_int_equal(rs_mapping_const(&f.mapping, "pieces=many", &f.error), 0);
    expect_no_plan(&f, RS_ROW_PLAN_COLUMNS, "id", "--const pieces: is not an integer");
    close_fixture(&f);
}

static void test_all_that_is_missing_is_named(void **state)
{
    struct fixture f =
        open_fixture("{\"type\":\"record\",\"name\":\"T\",\"fields\":["
                     "{\"name\":\"price\",\"type\":\"int\"},{\"name\":\"id\",\"type\":\"string\"},"
                     "{\"name\":\"size\",\"type\":\"int\"}]}");
    (void)state;
    assert_int_equal(rs_mapping_map(&f.mapping, "id=name", &f.error), 0);
    expect_no_plan(
        &f, RS_ROW_PLAN_COLUMNS, "prise size",
        "no column supplies: price, id (column \"name\"). Use --map FIELD=COLUMN or --const FIELD=VALUE, "
        "perhaps --map price=prise");
    close_fixture(&f);
}

static void test_a_column_twice_is_refused(void **state)
{
    struct fixture f = open_fixture(trade);
    (void)state;
    expect_no_plan(&f, RS_ROW_PLAN_COLUMNS, "id note id", "the column \"id\" is there twice");
    close_fixture(&f);
}

/* ---- records in records ---- */

static void test_columns_of_a_nested_record(void **state)
{
    struct fixture f = open_fixture(nested);
    (void)state;
    make_plan(&f, RS_ROW_PLAN_COLUMNS, "id venue.city venue.country");
    EXPECT_TEXTS(&f,
                 "0261"
                 "02"
                 "046465"
                 "02"
                 "0242",
                 "a", "B", "de");
    EXPECT_TEXTS(&f,
                 "0261"
                 "02"
                 "046465"
                 "00",
                 "a", "", "de");
    EXPECT_TEXTS(&f, "026100", "a", "", ""); /* all of it empty: there is none */
    close_fixture(&f);
}

static void test_a_nullable_record_without_columns_is_null(void **state)
{
    struct fixture f = open_fixture(nested);
    (void)state;
    make_plan(&f, RS_ROW_PLAN_COLUMNS, "id");
    EXPECT_TEXTS(&f, "026100", "a");
    close_fixture(&f);
}

static void test_fields_that_nobody_set(void **state)
{
    struct fixture f = open_fixture(trade);
    (void)state;
    make_plan(&f, RS_ROW_PLAN_FIELDS, "");
    assert_int_equal(rs_row_plan_column_count(f.plan), 3);
    EXPECT_TEXTS(&f, "02610e00", "a", NULL, NULL);
    REFUSE_TEXTS(&f, "id: is missing", 0, NULL, "1", NULL);
    close_fixture(&f);
}

/* ---- keys of objects ---- */

static void test_keys(void **state)
{
    struct fixture f = open_fixture(trade);
    (void)state;
    make_plan(&f, RS_ROW_PLAN_KEYS, "");
    expect_json(&f, "{\"id\": \"a\", \"pieces\": 3, \"note\": \"x\"}", "026106020278");
    expect_json(&f, "{\"note\": null, \"id\": \"a\"}", "02610e00");
    refuse_json(&f, "{\"pieces\": 3}", "id: is missing", 0);
    refuse_json(&f, "[1]", "a row is one JSON object per line, this is something else", 0);
    refuse_json(&f, "{\"id\": \"a\", \"peices\": 3}",
                "no field takes the key \"peices\"; did you mean \"pieces\"?", 22);
    refuse_json(&f, "{\"id\": \"a\", \"colour\": 3}",
                "no field takes the key \"colour\" (--ignore-unknown passes such keys by)", 22);
    close_fixture(&f);
}

static void test_keys_that_are_passed_by(void **state)
{
    struct fixture f = open_fixture(trade);
    (void)state;
    f.mapping.ignore_unknown = true;
    make_plan(&f, RS_ROW_PLAN_KEYS, "");
    expect_json(&f, "{\"colour\": [1, {\"id\": 2}], \"id\": \"a\"}", "02610e00");
    close_fixture(&f);
}

/* A path finds the key that is spelt like it, and else leads through objects. */
static void test_keys_in_objects(void **state)
{
    struct fixture f = open_fixture(nested);
    (void)state;
    assert_int_equal(rs_mapping_map(&f.mapping, "id=who.name", &f.error), 0);
    assert_int_equal(rs_mapping_map(&f.mapping, "venue.country=land", &f.error), 0);
    make_plan(&f, RS_ROW_PLAN_KEYS, "");
    expect_json(&f, "{\"who\": {\"age\": 1, \"name\": \"a\"}, \"land\": \"de\"}",
                "0261"
                "02"
                "046465"
                "00");
    expect_json(&f, "{\"who.name\": \"b\", \"land\": \"de\", \"venue\": {\"city\": \"B\"}}",
                "0262"
                "02"
                "046465"
                "020242");
    refuse_json(&f, "{\"who\": \"a\", \"land\": \"de\"}", "id (column \"who.name\"): is missing", 0);
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_come_in_any_order),
        cmocka_unit_test(test_empty_cells),
        cmocka_unit_test(test_what_no_column_supplies_is_the_default),
        cmocka_unit_test(test_mapped_and_constant),
        cmocka_unit_test(test_a_constant_has_to_suit_its_field),
        cmocka_unit_test(test_all_that_is_missing_is_named),
        cmocka_unit_test(test_a_column_twice_is_refused),
        cmocka_unit_test(test_columns_of_a_nested_record),
        cmocka_unit_test(test_a_nullable_record_without_columns_is_null),
        cmocka_unit_test(test_fields_that_nobody_set),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_keys_that_are_passed_by),
        cmocka_unit_test(test_keys_in_objects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
