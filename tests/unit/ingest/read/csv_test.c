#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/read/csv.h"
#include "tests/unit/ingest/support.h"

/* Rows as text: "LINE|cell|cell", bad ones as "LINE!BYTE text". */
static void read_rows(const char *path, char delimiter, struct rs_buf *out)
{
    struct rs_error error;
    struct rs_input *in = NULL;
    struct rs_csv csv;
    struct rs_cells cells = {0};
    struct rs_csv_row row = {0};
    size_t at = 0;
    int rc;
    assert_int_equal(rs_input_open(path, NULL, &in, &error), 0);
    rs_csv_init(&csv, in, delimiter);
    while ((rc = rs_csv_next(&csv, &cells, &row, &at, &error)) == 1 || rc == RS_ERECORD) {
        rs_buf_printf(out, "%llu", (unsigned long long)row.line);
        for (size_t i = 0; rc == 1 && i < cells.count; i++) {
            rs_buf_char(out, '|');
            rs_buf_put(out, cells.items[i].text.data, cells.items[i].text.size);
        }
        if (rc == RS_ERECORD) {
            rs_buf_printf(out, "!%zu %s", at, error.text);
        }
        rs_buf_char(out, '\n');
    }
    if (rc != 0) {
        rs_buf_printf(out, "stop %s", error.text);
    }
    rs_buf_char(out, '\0');
    rs_csv_fini(&csv);
    rs_cells_fini(&cells);
    rs_input_close(&in);
}

static void expect(const char *text, const char *wanted)
{
    struct rs_buf got = {0};
    read_rows(support_text("t.csv", text), ',', &got);
    assert_string_equal((const char *)got.data, wanted);
    rs_buf_fini(&got);
}

static void test_plain_rows(void **state)
{
    (void)state;
    expect("a,b,c\n1,2,3\n", "1|a|b|c\n2|1|2|3\n");
    expect("a,b,c\n1,2,3", "1|a|b|c\n2|1|2|3\n");
    expect("a,b\r\n1,\r\n,2\r\n", "1|a|b\n2|1|\n3||2\n");
    expect("a", "1|a\n");
    expect("", "");
    expect("a,", "1|a|\n");
    expect(",", "1||\n");
    expect(" a , b \n", "1| a | b \n");
}

static void test_quotes(void **state)
{
    (void)state;
    expect("\"a,b\",c\n", "1|a,b|c\n");
    expect("\"a\"\"b\",\"\"\"\",\"\"\n", "1|a\"b|\"|\n");
    expect("\"two\nlines\",x\nnext,y\n", "1|two\nlines|x\n3|next|y\n");
    expect("\"a\r\nb\"\r\nc\r\n", "1|a\r\nb\n3|c\n");
    expect("x,\"a\"", "1|x|a\n");
    expect("\"a\"\r", "1|a\n");
}

static void test_empty_lines_and_mark(void **state)
{
    (void)state;
    expect("\xEF\xBB\xBF"
           "a,b\n",
           "1|a|b\n");
    expect("\xEF\xBB\xBF\"a\"\n", "1|a\n");
    expect("\n\r\na\n\n\nb\n\n", "3|a\n6|b\n");
    expect("\r\r\na\r\r\rb\r", "3|a\n6|b\n");
    expect("\n", "");
}

/* CR alone ends a row too, as old spreadsheets write it; also mixed with the others. */
static void test_line_ends(void **state)
{
    (void)state;
    expect("a,b\r1,2\r3,4\r", "1|a|b\n2|1|2\n3|3|4\n");
    expect("a,b\r1,\r,4", "1|a|b\n2|1|\n3||4\n");
    expect("a,\"b\"\r\"1\",\"2\r3\"\r4,5\r", "1|a|b\n2|1|2\r3\n4|4|5\n");
    expect("a\rb,c\n", "1|a\n2|b|c\n");
    expect("\"a\"\rb\n", "1|a\n2|b\n");
    expect("a,b\r\r\n1,2\r\r\n", "1|a|b\n3|1|2\n"); /* a CR LF text that was made one once more */
    expect("a\rb\"c\rd\r",
           "1|a\n2!1 a quote inside a cell that does not begin with one; quote the whole cell and "
           "double the quotes in it\n3|d\n");
    expect("a\r\"b\rc\rd\r", "1|a\n2!0 a quoted cell is not closed before the end of the file\n3|c\n4|d\n");
}

static void test_faults(void **state)
{
    (void)state;
    expect("a\nb\"c,d\ne\n",
           "1|a\n2!1 a quote inside a cell that does not begin with one; quote the whole cell and "
           "double the quotes in it\n3|e\n");
    expect("\"a\"b,c\nd\n",
           "1!3 text behind a closing quote; double the quotes that belong to the cell\n2|d\n");
    expect("\"a\nb\"c\nd\n",
           "1!5 text behind a closing quote; double the quotes that belong to the cell\n3|d\n");
    expect("a\n\"b\nc\nd\n", "1|a\n2!0 a quoted cell is not closed before the end of the file\n3|c\n4|d\n");
    expect("x,\"b\"\"\n", "1!2 a quoted cell is not closed before the end of the file\n");
}

static void test_utf16(void **state)
{
    struct rs_buf got = {0};
    (void)state;
    const char *path = support_file("u.csv",
                                    "\xFF\xFE"
                                    "a\0",
                                    4);
    read_rows(path, ',', &got);
    assert_non_null(
        strstr((const char *)got.data, "is UTF-16; convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)"));
    rs_buf_fini(&got);
}

static void test_long_rows(void **state)
{
    struct rs_buf text = {0};
    struct rs_buf got = {0};
    (void)state;
    rs_buf_text(&text, "a\n");
    assert_true(rs_buf_reserve(&text, 3 * RS_ROW_MAX));
    memset(text.data + text.size, 'x', RS_ROW_MAX);
    text.size += RS_ROW_MAX; /* exactly the longest that is allowed */
    rs_buf_text(&text, "\nb\n");
    memset(text.data + text.size, 'x', RS_ROW_MAX + 1);
    text.size += RS_ROW_MAX + 1;
    rs_buf_text(&text, "\nc\n");
    read_rows(support_file("long.csv", text.data, text.size), ',', &got);
    assert_memory_equal(got.data, "1|a\n2|xxx", 9);
    assert_string_equal((const char *)got.data + 4 + 2 + RS_ROW_MAX + 1,
                        "3|b\n4!0 the row is longer than 1048576 bytes\n5|c\n");
    rs_buf_fini(&text);
    rs_buf_fini(&got);
}

/* An open quote takes nothing with it but its own line. */
static void test_open_quote_far_from_the_end(void **state)
{
    struct rs_buf text = {0};
    struct rs_buf got = {0};
    (void)state;
    rs_buf_text(&text, "a,\"open\n");
    for (int i = 0; i < 300000; i++) {
        rs_buf_text(&text, "12345,7\n");
    }
    read_rows(support_file("open.csv", text.data, text.size), ',', &got);
    const char *first = "1!2 the row is longer than 1048576 bytes; is a quoted cell not closed?\n2|12345|7\n";
    assert_memory_equal(got.data, first, strlen(first));
    assert_string_equal((const char *)got.data + got.size - 16, "300001|12345|7\n");
    rs_buf_fini(&text);
    rs_buf_fini(&got);
}

static void test_delimiters(void **state)
{
    struct rs_buf got = {0};
    (void)state;
    read_rows(support_text("t.tsv", "a\tb,c\n\"x\ty\"\tz\n"), '\t', &got);
    assert_string_equal((const char *)got.data, "1|a|b,c\n2|x\ty|z\n");
    rs_buf_fini(&got);
}

/* Random rows over many windows of the input: what was written is read, wherever the windows end. */
static void test_random_rows(void **state)
{
    static const char *const pieces[] = {"a",  "bc",   "",         "1.25", ",",        "\"",
                                         "\n", "\r\n", "\xC3\xA9", " ",    "xyzxyzxyz"};
    struct rs_buf text = {0};
    struct rs_buf wanted = {0};
    struct rs_buf got = {0};
    uint32_t x = 7;
    unsigned long line = 1;
    (void)state;
    for (int row = 0; row < 60000; row++) {
        rs_buf_printf(&wanted, "%lu", line);
        for (int cell = 0; cell < 3; cell++) {
            struct rs_buf value = {0};
            rs_buf_text(&value, "v");
            for (unsigned n = (x >> 28) % 4; n > 0; n--) {
                x = x * 1664525 + 1013904223;
                rs_buf_text(&value, pieces[(x >> 16) % (sizeof pieces / sizeof pieces[0])]);
            }
            x = x * 1664525 + 1013904223;
            bool quote = memchr(value.data, ',', value.size) || memchr(value.data, '"', value.size) ||
                         memchr(value.data, '\n', value.size) || (x >> 30) == 0;
            rs_buf_text(&text, cell == 0 ? "" : ",");
            rs_buf_text(&text, quote ? "\"" : "");
            rs_buf_char(&wanted, '|');
            for (size_t i = 0; i < value.size; i++) {
                rs_buf_text(&text, value.data[i] == '"' ? "\"" : "");
                rs_buf_char(&text, (char)value.data[i]);
                rs_buf_char(&wanted, (char)value.data[i]);
                line += value.data[i] == '\n';
            }
            rs_buf_text(&text, quote ? "\"" : "");
            rs_buf_fini(&value);
        }
        rs_buf_text(&text, (x >> 29) == 0 ? "\r\n" : (x >> 29) == 1 ? "\r" : "\n");
        rs_buf_char(&wanted, '\n');
        line++;
    }
    read_rows(support_file("random.csv", text.data, text.size), ',', &got);
    assert_true(text.size > 1000000);
    assert_int_equal(got.size - 1, wanted.size);
    assert_memory_equal(got.data, wanted.data, wanted.size);
    rs_buf_fini(&text);
    rs_buf_fini(&wanted);
    rs_buf_fini(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_rows),
        cmocka_unit_test(test_quotes),
        cmocka_unit_test(test_empty_lines_and_mark),
        cmocka_unit_test(test_line_ends),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_utf16),
        cmocka_unit_test(test_long_rows),
        cmocka_unit_test(test_open_quote_far_from_the_end),
        cmocka_unit_test(test_delimiters),
        cmocka_unit_test(test_random_rows),
    };
    return cmocka_run_group_tests_name("csv", tests, NULL, support_end);
}
