#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "ingest/encode/json.h"
#include "tests/unit/ingest/support.h"

/* The cells as text: kind@at[name]text, children in parentheses. */
static void put_cell(const struct rs_cell *cells, uint32_t index, struct rs_buf *out)
{
    static const char kinds[] = "-nTSNBOA";
    const struct rs_cell *cell = &cells[index];
    rs_buf_printf(out, "%c%u", kinds[cell->kind], cell->at);
    if (cell->name.data) {
        rs_buf_printf(out, "[%.*s]", (int)cell->name.size, (const char *)cell->name.data);
    }
    if (cell->kind == RS_CELL_STRING || cell->kind == RS_CELL_NUMBER) {
        rs_buf_put(out, cell->text.data, cell->text.size);
    } else if (cell->kind == RS_CELL_BOOLEAN) {
        rs_buf_text(out, cell->i != 0 ? "true" : "false");
    } else if (cell->kind == RS_CELL_OBJECT || cell->kind == RS_CELL_ARRAY) {
        rs_buf_char(out, '(');
        for (uint32_t i = index + 1; i < cell->end; i = cells[i].end) {
            put_cell(cells, i, out);
            rs_buf_char(out, ' ');
        }
        rs_buf_char(out, ')');
    }
}

static struct rs_json *shared;

static void expect(const char *text, const char *wanted)
{
    struct rs_error error;
    struct rs_buf got = {0};
    const struct rs_cell *cells = NULL;
    size_t at = 0;
    if (rs_json_parse(shared, rs_slice_text(text), &cells, &at, &error) == 0) {
        put_cell(cells, 0, &got);
    } else {
        rs_buf_printf(&got, "!%zu %s", at, error.text);
    }
    rs_buf_char(&got, '\0');
    assert_string_equal((const char *)got.data, wanted);
    rs_buf_fini(&got);
}

static void test_values(void **state)
{
    (void)state;
    expect("{}", "O0()");
    expect("{\"a\":1,\"b\" : \"x\", \"c\":null,\"d\":[true,false,{}]}",
           "O0(N5[a]1 S13[b]x n22[c] A31[d](B32true B37false O43() ) )");
    expect("[]", "A0()");
    expect("\"x\"", "S0x");
    expect("12", "N012");
    expect("null", "n0");
}

static void test_numbers_keep_their_digits(void **state)
{
    (void)state;
    expect("[0.1,123456789012345678901234567890,-0,1.50,1e400,-2.5E-3]",
           "A0(N10.1 N5123456789012345678901234567890 N36-0 N391.50 N441e400 N50-2.5E-3 )");
}

static void test_strings(void **state)
{
    (void)state;
    expect("[\"a\\\"b\\\\\\n\",\"\\u00e9\",\"\\ud83d\\ude00\",\"\xC3\xA9\"]",
           "A0(S1a\"b\\\n S12\xC3\xA9 S21\xF0\x9F\x98\x80 S36\xC3\xA9 )");
    expect("{\"a\\u0062\":1}", "O0(N11[ab]1 )");
}

static void test_faults(void **state)
{
    (void)state;
    expect("", "!0 the JSON value is not complete");
    expect("{\"a\":1", "!6 the JSON value is not complete");
    expect("{\"a\":1}x", "!7 this is not JSON");
    expect("{\"a\":1} {\"b\":2}", "!0 more than one JSON value");
    expect("1 2", "!0 more than one JSON value");
    expect("\"abc", "!4 the JSON value is not complete");
    expect("{\"a\":1} \"x", "!10 the JSON value is not complete");
    expect("{'a':1}", "!1 this is not JSON");
    expect("{\"a\":01}", "!5 this is not JSON");
    expect("\"\xFF\"", "!1 this is not JSON");
    expect("\"\\ud83d\"", "!1 half of a surrogate pair is missing");
    expect("\"\\ude00\"", "!1 half of a surrogate pair is missing");
    expect("\"\\ud83d\\u0041\"", "!1 half of a surrogate pair is missing");
    expect("{\"a\":1}", "O0(N5[a]1 )"); /* goes on after faults */
}

static void test_repeated_keys(void **state)
{
    struct rs_buf text = {0};
    (void)state;
    expect("{\"a\":1,\"b\":2,\"a\":3}", "!17 the object has the same key twice");
    expect("{\"a\":{\"x\":1},\"b\":{\"x\":1}}", "O0(O5[a](N10[x]1 ) O17[b](N22[x]1 ) )");
    rs_buf_char(&text, '{');
    for (int i = 0; i < 100; i++) {
        rs_buf_printf(&text, "\"k%d\":%d,", i, i);
    }
    size_t last = text.size;
    rs_buf_printf(&text, "\"k41\":1}%c", '\0');
    char wanted[64];
    (void)snprintf(wanted, sizeof wanted, "!%zu the object has the same key twice", last + 6);
    expect((const char *)text.data, wanted);
    rs_buf_fini(&text);
}

static void test_depth(void **state)
{
    char text[200];
    char wanted[64];
    struct rs_error error;
    const struct rs_cell *cells = NULL;
    size_t at = 0;
    (void)state;
    memset(text, '[', 64);
    memset(text + 64, ']', 64);
    assert_int_equal(rs_json_parse(shared, rs_slice_of(text, 128), &cells, &at, &error), 0);
    assert_int_equal(cells[0].end, 64);
    memset(text, '[', 65);
    memset(text + 65, ']', 65);
    text[130] = '\0';
    (void)snprintf(wanted, sizeof wanted, "!64 values nest deeper than 64 levels");
    expect(text, wanted);
}

static int begin(void **state)
{
    struct rs_error error;
    (void)state;
    return rs_json_new(&shared, &error);
}

static int end(void **state)
{
    (void)state;
    rs_json_free(&shared);
    assert_null(shared);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),        cmocka_unit_test(test_numbers_keep_their_digits),
        cmocka_unit_test(test_strings),       cmocka_unit_test(test_faults),
        cmocka_unit_test(test_repeated_keys), cmocka_unit_test(test_depth),
    };
    return cmocka_run_group_tests_name("json", tests, begin, end);
}
