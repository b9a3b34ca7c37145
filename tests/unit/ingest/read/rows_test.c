#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "ingest/read/rows.h"
#include "tests/unit/ingest/support.h"

static const char trade[] =
    "{\"type\":\"record\",\"name\":\"T\",\"fields\":["
    "{\"name\":\"id\",\"type\":\"string\"},"
    "{\"name\":\"side\",\"type\":{\"type\":\"enum\",\"name\":\"Side\",\"symbols\":[\"BUY\",\"SELL\"]},"
    "\"default\":\"SELL\"},"
    "{\"name\":\"price\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":18,\"scale\":"
    "4}},"
    "{\"name\":\"buyer\",\"type\":[\"null\",\"string\"],\"default\":null},"
    "{\"name\":\"at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}}]}";

static const char nested[] =
    "{\"type\":\"record\",\"name\":\"N\",\"fields\":["
    "{\"name\":\"id\",\"type\":\"int\"},"
    "{\"name\":\"venue\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"V\",\"fields\":["
    "{\"name\":\"country\",\"type\":\"string\"},{\"name\":\"city\",\"type\":[\"null\",\"string\"]}]}]},"
    "{\"name\":\"tags\",\"type\":{\"type\":\"array\",\"items\":\"string\"},\"default\":[]}]}";

static void set(struct rs_rows_options *options, const char *name, const char *value)
{
    struct rs_error error;
    if (rs_rows_option(options, name, value, &error) != 0) {
        fail_msg("--%s %s: %s", name, value ? value : "", error.text);
    }
}

static void test_csv(void **state)
{
    struct rs_stream *s = support_stream(trade);
    (void)state;
    support_expect(
        s, NULL,
        support_text("a.csv", "id,side,price,buyer,at\n"
                              "1,BUY,12.5000,,2026-01-01T00:00:00Z\n"
                              "\"2\",,0.0001,bob,2026-01-01 00:00:00.5\n"),
        "2 (none) "
        "{\"id\":\"1\",\"side\":\"BUY\",\"price\":12.5,\"buyer\":null,\"at\":\"2026-01-01T00:00:00Z\"}\n"
        "3 (none) "
        "{\"id\":\"2\",\"side\":\"SELL\",\"price\":0.0001,\"buyer\":\"bob\",\"at\":\"2026-01-01T00:00:00."
        "5Z\"}\n"
        "end 0 rejected\n");
    support_stream_free(&s);
}

static void test_csv_faults(void **state)
{
    struct rs_stream *s = support_stream(trade);
    (void)state;
    support_expect(s, NULL,
                   support_text("a.csv", "id,price,buyer,at\n"
                                         "1,x,,2026-01-01T00:00:00Z\n"
                                         "\"two\nlines \xC3\xA9\",1.00001,,2026-01-01T00:00:00Z\n"
                                         "\"two\nlines \xC3\xA9\",1,\xFF,2026-01-01T00:00:00Z\n"
                                         "2,1,,yesterday\n"
                                         "3,1,\n"
                                         "4,1,,2026-01-01T00:00:00Z,,\n"
                                         "5,,,2026-01-01T00:00:00Z\n"
                                         "6,1,,2026-02-30\n"
                                         "7,1,,\n"
                                         "8,1,\"a\"b,2026-01-01T00:00:00Z\n"
                                         "9,123456789012345,,2026-01-01T00:00:00Z\n"),
                   "! @:2:3: price: not a number\n"
                   "! @:4:10: price: more than 4 digits after the point\n"
                   "! @:6:12: buyer: is not valid UTF-8\n"
                   "! @:7:6: at: not a time in ISO 8601, such as 2026-01-31 or 2026-01-31T23:59:59.5Z\n"
                   "! @:8:5: the row has 3 cells, the header 4\n"
                   "! @:9:27: the row has 6 cells, the header 4\n"
                   "! @:10:3: price: is empty; a decimal number is needed\n"
                   "! @:11:6: at: the date does not exist in the calendar\n"
                   "! @:12:6: at: is empty; a time is needed\n"
                   "! @:13:8: text behind a closing quote; double the quotes that belong to the cell\n"
                   "! @:14:3: price: has more than 18 digits, 4 of them behind the point\n"
                   "end 11 rejected\n");
    support_stream_free(&s);
}

static void remember(void *self, const char *text)
{
    struct rs_buf *notes = self;
    rs_buf_printf(notes, "%s\n", strchr(text, ':'));
}

/* What separates the cells is what the header row has between its own. */
static void test_delimiters(void **state)
{
    static const struct {
        const char *text;
        const char *wanted;
        const char *remark;
    } files[] = {
        {"id;price;at\n1;1;2026-01-01\n", "2",
         ": cells are taken to be separated by ';', as the header row is; "
         "--delimiter says otherwise\n"},
        {"\xEF\xBB\xBF\nid\tprice\tat\n1\t1\t2026-01-01\n", "3",
         ": cells are taken to be separated by \\t, as the header row is; --delimiter says otherwise\n"},
        {"id|price|\"a;b\"|at\n1|1||2026-01-01\n", "2",
         ": cells are taken to be separated by '|', as the header row is; --delimiter says otherwise\n"
         ": columns that no field takes: \"a;b\"\n"},
        {"id,price,at,\"a;b;c;d;e\"\n1,1,2026-01-01,\n", "2",
         ": columns that no field takes: \"a;b;c;d;e\"\n"},
        {"id;price, EUR;at\n1;1;2026-01-01\n",
         "stop EUSAGE: @: no column supplies: id, price, at. Use --map FIELD=COLUMN or --const FIELD=VALUE, "
         "perhaps --map price=id;price; "
         "perhaps --delimiter ';'\n",
         ""},
        {"id;price\n1;1\n",
         "stop EUSAGE: @: no column supplies: at. Use --map FIELD=COLUMN or --const FIELD=VALUE\n",
         ": cells are taken to be separated by ';', as the header row is; --delimiter says otherwise\n"},
        {"id,price,at\n1;1;2026-01-01\n",
         "! @:2:15: the row has 1 cells, the header 3; perhaps --delimiter ';'\nend 1 rejected\n", ""},
    };
    struct rs_stream *s = support_stream(trade);
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct rs_buf notes = {0};
        struct rs_buf good = {0};
        struct rs_rows_options o = {.note = remember, .note_self = &notes};
        rs_buf_printf(&good,
                      "%s (none) {\"id\":\"1\",\"side\":\"SELL\",\"price\":1,\"buyer\":null,"
                      "\"at\":\"2026-01-01T00:00:00Z\"}\nend 0 rejected\n%c",
                      files[i].wanted, '\0');
        support_expect(s, &o, support_text("d.csv", files[i].text),
                       strlen(files[i].wanted) == 1 ? (const char *)good.data : files[i].wanted);
        rs_buf_char(&notes, '\0');
        assert_string_equal((const char *)notes.data, files[i].remark);
        rs_buf_fini(&notes);
        rs_buf_fini(&good);
    }
    support_expect(s, &(struct rs_rows_options){.columns = "id,price,at"},
                   support_text("d.csv", "1;1;2026-01-01\n"),
                   "! @:1:15: the row has 1 cells, --columns 3; perhaps --delimiter ';'\nend 1 rejected\n");
    support_expect(s, &(struct rs_rows_options){.delimiter = ','}, support_text("d.csv", "id;price;at\n"),
                   "stop EUSAGE: @: no column supplies: id, price, at. Use --map FIELD=COLUMN or --const "
                   "FIELD=VALUE\n");
    support_stream_free(&s);
}

/* Numbers of the rows have their comma before the fraction; constants are the command line's. */
static void test_decimal_comma(void **state)
{
    static const char numbers[] =
        "{\"type\":\"record\",\"name\":\"N\",\"fields\":["
        "{\"name\":\"d\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":18,\"scale\":"
        "2}},"
        "{\"name\":\"x\",\"type\":[\"null\",\"double\"]},{\"name\":\"n\",\"type\":\"long\"},"
        "{\"name\":\"s\",\"type\":\"string\"},"
        "{\"name\":\"c\",\"type\":\"double\"}]}";
    struct rs_stream *s = support_stream(numbers);
    struct rs_rows_options o = {0};
    (void)state;
    set(&o, "decimal-comma", NULL);
    set(&o, "const", "c=1.5");
    support_expect(
        s, &o,
        support_text("n.csv", "d;x;n;s\n"
                              "1.234,56;1,5;1.000;1,2\n"
                              "-0,5;;7;1.2\n"
                              "1.5;1;1;\n"
                              "1,555;1;1;\n"
                              "1;1,2,3;1;\n"
                              "1;1;1,5;\n"),
        "2 (none) {\"d\":1234.56,\"x\":1.5,\"n\":1000,\"s\":\"1,2\",\"c\":1.5}\n"
        "3 (none) {\"d\":-0.5,\"x\":null,\"n\":7,\"s\":\"1.2\",\"c\":1.5}\n"
        "! @:4:1: d: has a point that does not stand between thousands; with --decimal-comma numbers "
        "are written 1.234,56\n"
        "! @:5:1: d: more than 2 digits after the point\n"
        "! @:6:3: x: has more than one comma; with --decimal-comma numbers are written 1.234,56\n"
        "! @:7:5: n: is not an integer\n"
        "end 4 rejected\n");
    support_expect(s, &o, support_text("n.ndjson", "{\"d\":\"1.234,5\",\"x\":1.5,\"n\":2.0,\"s\":\"1,2\"}\n"),
                   "1 (none) {\"d\":1234.5,\"x\":1.5,\"n\":2,\"s\":\"1,2\",\"c\":1.5}\n"
                   "end 0 rejected\n");
    rs_rows_options_fini(&o);
    support_expect(
        s, NULL, support_text("n.csv", "d;x;n;s;c\n1,5;1;1;;0\n1;1,5;1;;0\n1;1;1,5;;0\n"),
        "! @:2:1: d: not a number; with --decimal-comma a comma stands before the fraction, as in "
        "1.234,56\n"
        "! @:3:3: x: is not a number; with --decimal-comma a comma stands before the fraction, as in "
        "1.234,56\n"
        "! @:4:5: n: is not an integer; with --decimal-comma a comma stands before the fraction, as "
        "in 1.234,56\n"
        "end 3 rejected\n");
    support_stream_free(&s);
}

/* Times as they are stored, of all fields or one; Avro's JSON encoding means it unless another form is given. */
static void test_avro_json(void **state)
{
    static const char event[] =
        "{\"type\":\"record\",\"name\":\"E\",\"fields\":["
        "{\"name\":\"at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}},"
        "{\"name\":\"day\",\"type\":[\"null\",{\"type\":\"int\",\"logicalType\":\"date\"}],\"default\":null},"
        "{\"name\":\"venue\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"n.V\",\"fields\":["
        "{\"name\":\"c\",\"type\":\"string\"}]}],\"default\":null}]}";
    static const char one[] =
        "1 (none) {\"at\":\"1970-01-01T00:00:01Z\",\"day\":\"1970-01-03\",\"venue\":null}\n"
        "end 0 rejected\n";
    struct rs_stream *s = support_stream(event);
    struct rs_rows_options o = {0};
    (void)state;
    set(&o, "time-format", "avro");
    support_expect(s, &o, support_text("a.csv", "at,day\n1000,2\n"),
                   "2 (none) {\"at\":\"1970-01-01T00:00:01Z\","
                   "\"day\":\"1970-01-03\",\"venue\":null}\nend 0 rejected\n");
    support_expect(s, &o, support_text("a.ndjson", "{\"at\":1000,\"day\":{\"int\":2}}\n"), one);
    rs_rows_options_fini(&o);
    set(&o, "time-format", "s");
    set(&o, "time-format", "day=avro");
    support_expect(s, &o, support_text("a.ndjson", "{\"at\":1,\"day\":2}\n"), one);
    rs_rows_options_fini(&o);
    set(&o, "format", "avro-json");
    set(&o, "const", "day=1970-01-03");
    support_expect(s, &o, support_text("a", "{\"at\":1000,\"day\":{\"int\":9},\"venue\":null}\n"),
                   "! @:1:18: no field takes the key \"day\" (--ignore-unknown passes such keys by)\n"
                   "end 1 rejected\n");
    support_expect(s, &o, support_text("a", "{\"at\":1000,\"venue\":null}\n"), one);
    rs_rows_options_fini(&o);
    set(&o, "format", "avro-json");
    set(&o, "time-format", "iso");
    set(&o, "map", "venue.c=place.city");
    support_expect(s, &o,
                   support_text("a", "{\"at\":\"1970-01-01T00:00:01Z\",\"day\":{\"int\":2},"
                                     "\"place\":{\"n.Place\":{\"city\":\"X\"}}}\n"),
                   "! @:1:43: day: is a number where a date is needed\nend 1 rejected\n");
    support_expect(
        s, &o,
        support_text("a", "{\"at\":\"1970-01-01T00:00:01Z\",\"day\":null,"
                          "\"place\":{\"n.Place\":{\"city\":\"X\"}}}\n"),
        "1 (none) {\"at\":\"1970-01-01T00:00:01Z\",\"day\":null,\"venue\":{\"c\":\"X\"}}\nend 0 rejected\n");
    rs_rows_options_fini(&o);
    support_stream_free(&s);
}

static void test_csv_header_faults(void **state)
{
    struct rs_stream *s = support_stream(trade);
    (void)state;
    support_expect(
        s, NULL, support_text("a.csv", "id,side\n1,BUY\n"),
        "stop EUSAGE: @: no column supplies: price, at. Use --map FIELD=COLUMN or --const FIELD=VALUE\n");
    support_expect(s, NULL, support_text("a.csv", "ID,Prize,at,xx\n"),
                   "stop EUSAGE: @: no column supplies: id, price. Use --map FIELD=COLUMN or --const "
                   "FIELD=VALUE, perhaps "
                   "--map id=ID --map price=Prize\n");
    support_expect(s, NULL, support_text("a.csv", "id,price,at,id\n"),
                   "stop EUSAGE: @: the column \"id\" is there twice\n");
    support_expect(
        s, NULL, support_text("a.csv", "id,\"price\n"),
        "stop EUSAGE: @: the header row: a quoted cell is not closed before the end of the file\n");
    support_expect(s, NULL, support_text("a.csv", ""), "end 0 rejected\n");
    support_expect(s, NULL, support_text("a.csv", "id,price,at\n"), "end 0 rejected\n");
    support_expect(s, NULL, "/nonexistent/a.csv",
                   "stop EIO: @: cannot be opened: No such file or directory\n");
    support_stream_free(&s);
}

static void test_mapping(void **state)
{
    struct rs_stream *s = support_stream(trade);
    struct rs_rows_options o = {0};
    (void)state;
    set(&o, "columns", "px,when,who,nothing");
    set(&o, "map", "price=px");
    set(&o, "map", "at=when");
    set(&o, "map", "buyer=who");
    set(&o, "const", "id=k=v");
    set(&o, "const", "side=BUY");
    set(&o, "delimiter", ";");
    set(&o, "time-format", "%d/%m/%Y %H:%M:%S.%f");
    set(&o, "time-zone", "America/New_York");
    set(&o, "null", "NA");
    set(&o, "limit", "3");
    support_expect(
        s, &o,
        support_text("a.csv",
                     "1.5;08/10/2013 09:30:00.012;NA;\n2;8/10/2013 9:30:00.1;x;\nbad;x;x;\n4;x;x;\n"),
        "1 (none) "
        "{\"id\":\"k=v\",\"side\":\"BUY\",\"price\":1.5,\"buyer\":null,\"at\":\"2013-10-08T13:30:00.012Z\"}\n"
        "2 (none) "
        "{\"id\":\"k=v\",\"side\":\"BUY\",\"price\":2,\"buyer\":\"x\",\"at\":\"2013-10-08T13:30:00.1Z\"}\n"
        "! @:3:1: price (column \"px\"): not a number\n"
        "end 1 rejected\n");
    rs_rows_options_fini(&o);
    support_stream_free(&s);
}

/* Each line: option, value, what is said. */
static void expect_option(const struct rs_stream *s, const char *name, const char *value, const char *wanted)
{
    struct rs_rows_options o = {0};
    struct rs_error error;
    const char *file = support_text("a.csv", "id,price,at\n");
    int rc = rs_rows_option(&o, name, value, &error);
    if (rc == 0) {
        struct rs_rows *rows = NULL;
        rc = rs_rows_open(s, &o, &file, 1, &rows, &error);
        rs_rows_free(&rows);
    }
    assert_int_equal(rc, strcmp(name, "rejects") == 0 ? RS_EIO : RS_EUSAGE); /* a file is the environment's */
    /* What only shows with a file's columns begins with the file. */
    const char *text =
        strncmp(error.text, file, strlen(file)) == 0 ? error.text + strlen(file) + 2 : error.text;
    assert_string_equal(text, wanted);
    rs_rows_options_fini(&o);
}

static void test_wrong_options(void **state)
{
    struct rs_stream *s = support_stream(trade);
    (void)state;
    expect_option(s, "map", "prise=px",
                  "--map prise=px: the schema has no field \"prise\"; did you mean \"price\"?");
    expect_option(s, "map", "price", "--map price: FIELD=COLUMN is needed");
    expect_option(s, "map", "id.x=y", "--map id.x=y: \"id.x\" goes into a field that is no record");
    expect_option(s, "const", "=x", "--const =x: FIELD=VALUE is needed");
    expect_option(s, "const", "side=BUYY", "--const side: is not a symbol of Side; did you mean BUY?");
    expect_option(
        s, "time-format", "at=soon",
        "--time-format: \"soon\" is no time format; use iso, period, s, ms, us, ns or a pattern such as "
        "\"%Y-%m-%d %H:%M:%S\"");
    expect_option(s, "time-format", "when=iso", "--time-format when=iso: the schema has no field \"when\"");
    expect_option(s, "time-zone", "Mars/Olympus",
                  "--time-zone: unknown time zone \"Mars/Olympus\": write an IANA name such as Europe/Berlin "
                  "(from the tzdata "
                  "package), UTC, or an offset such as +08:00");
    expect_option(s, "key", "id,", "--key id,: a field's name is empty");
    expect_option(
        s, "key", "at",
        "key field \"at\": a key is made of strings, enums, integers, booleans, dates, decimals and uuids");
    expect_option(s, "framing", "confluent", "--framing confluent: the schema's id is needed, confluent:ID");
    expect_option(s, "framing", "avro", "--framing avro: bare, confluent:ID or single-object is needed");
    expect_option(s, "format", "cvs",
                  "--format cvs: csv, ndjson, avro or avro-json is needed; did you mean \"csv\"?");
    expect_option(s, "delimiter", "ab",
                  "--delimiter ab: one ASCII character is needed, and no quote; \\t is a tab");
    expect_option(s, "limit", "0", "--limit 0: a number of rows from 1 is needed");
    expect_option(s, "rejects", "/nonexistent/r",
                  "--rejects /nonexistent/r: cannot be written: No such file or directory");
    support_stream_free(&s);
}

/* Opening --rejects empties it: not when it is what is to be read. */
static void test_rejects_is_an_input(void **state)
{
    struct rs_stream *s = support_stream(trade);
    struct rs_buf content = {0};
    (void)state;
    const char *file = support_text("a.csv", "id,price,at\n");
    support_expect(s, &(struct rs_rows_options){.rejects = file}, file,
                   "stop EUSAGE: --rejects @: is one of the files to read\n");
    support_read(file, &content);
    assert_string_equal((const char *)content.data, "id,price,at\n");
    rs_buf_fini(&content);
    support_stream_free(&s);
}

static void test_source_twice(void **state)
{
    struct rs_stream *s = support_stream(trade);
    struct rs_rows_options o = {0};
    (void)state;
    set(&o, "map", "price=a");
    set(&o, "const", "price=1");
    support_expect(s, &o, support_text("a.csv", "id\n"),
                   "stop EUSAGE: the field \"price\" has two sources; give one --map or --const\n");
    rs_rows_options_fini(&o);
    support_stream_free(&s);
}

static void test_ndjson(void **state)
{
    struct rs_stream *s = support_stream(trade);
    struct rs_rows_options o = {0};
    (void)state;
    const char *file = support_text(
        "a.ndjson", "\xEF\xBB\xBF{\"id\":\"1\",\"price\":0.1,\"at\":\"2026-01-01T00:00:00Z\"}\r\n"
                    "\n"
                    "{\"at\":\"2026-01-01T00:00:00Z\",\"buyer\":\"\\u00e9\",\"price\":\"7\",\"id\":\"\","
                    "\"side\":\"BUY\"}\n"
                    "{\"id\":\"1\",\"price\":0.1}\n"
                    "{\"id\":\"1\",\"price\":0.12345,\"at\":\"2026-01-01T00:00:00Z\"}\n"
                    "{\"id\":\"1\",\"price\":0.1,\"at\":\"2026-01-01T00:00:00Z\",\"buyr\":\"x\"}\n"
                    "{\"id\":\"\xC3\xA9\",\"price\":0.1,\"at\":5}\n"
                    "{\"id\":1,\"price\":0.1,\"at\":5}\n"
                    "[1]\n"
                    "{\"id\":\"1\"\n"
                    "{\"id\":\"1\",\"id\":\"2\"}\n"
                    "{\"id\":null,\"price\":0.1,\"at\":\"2026-01-01T00:00:00Z\"}\n"
                    "{\"id\":\"z\",\"price\":123456789012.0001,\"at\":\"2026-01-01T00:00:00Z\"}");
    support_expect(
        s, NULL, file,
        "1 (none) "
        "{\"id\":\"1\",\"side\":\"SELL\",\"price\":0.1,\"buyer\":null,\"at\":\"2026-01-01T00:00:00Z\"}\n"
        "3 (none) "
        "{\"id\":\"\",\"side\":\"BUY\",\"price\":7,\"buyer\":\"\xC3\xA9\",\"at\":\"2026-01-01T00:00:00Z\"}\n"
        "! @:4:1: at: is missing\n"
        "! @:5:19: price: more than 4 digits after the point\n"
        "! @:6:58: no field takes the key \"buyr\"; did you mean \"buyer\"?\n"
        "! @:7:28: at: is a number where a time is needed; --time-format s, ms, us or ns says what it "
        "counts\n"
        "! @:8:7: id: is not a string\n"
        "! @:9:1: a row is one JSON object per line, this is something else\n"
        "! @:10:10: the JSON value is not complete\n"
        "! @:11:16: the object has the same key twice\n"
        "! @:12:7: id: is null, which the schema does not allow; a string is needed\n"
        "13 (none) "
        "{\"id\":\"z\",\"side\":\"SELL\",\"price\":123456789012.0001,\"buyer\":null,\"at\":\"2026-01-01T00:"
        "00:00Z\"}\n"
        "end 9 rejected\n");
    set(&o, "ignore-unknown", NULL);
    set(&o, "time-format", "ms");
    support_expect(
        s, &o, support_text("b.json", "{\"id\":\"1\",\"x\":{\"y\":[1]},\"price\":1,\"at\":1500}\n"),
        "1 (none) "
        "{\"id\":\"1\",\"side\":\"SELL\",\"price\":1,\"buyer\":null,\"at\":\"1970-01-01T00:00:01.5Z\"}\n"
        "end 0 rejected\n");
    rs_rows_options_fini(&o);
    support_stream_free(&s);
}

static void test_nested(void **state)
{
    struct rs_stream *s = support_stream(nested);
    struct rs_rows_options o = {0};
    (void)state;
    support_expect(s, NULL,
                   support_text("a.csv", "id,venue.country,venue.city,tags\n1,CN,,\"[\"\"a\"\",\"\"b\"\"]"
                                         "\"\n2,,,\n3,,Beijing,[]\n4,CN,x,[1]\n"),
                   "2 (none) {\"id\":1,\"venue\":{\"country\":\"CN\",\"city\":null},\"tags\":[\"a\",\"b\"]}\n"
                   "3 (none) {\"id\":2,\"venue\":null,\"tags\":[]}\n"
                   "4 (none) {\"id\":3,\"venue\":{\"country\":\"\",\"city\":\"Beijing\"},\"tags\":[]}\n"
                   "! @:5:8: tags: is not a string\n"
                   "end 1 rejected\n");
    support_expect(s, NULL,
                   support_text("a.jsonl", "{\"id\":1,\"venue\":{\"country\":\"CN\"}}\n{\"id\":2}\n{\"id\":3,"
                                           "\"venue\":{\"cuntry\":\"CN\",\"country\":\"x\"}}\n"),
                   "1 (none) {\"id\":1,\"venue\":{\"country\":\"CN\",\"city\":null},\"tags\":[]}\n"
                   "2 (none) {\"id\":2,\"venue\":null,\"tags\":[]}\n"
                   "! @:3:27: venue: no field takes the key \"cuntry\"; did you mean \"country\"?\n"
                   "end 1 rejected\n");
    set(&o, "map", "venue.country=place.code");
    set(&o, "const", "venue.city=X");
    support_expect(
        s, &o,
        support_text("b.jsonl", "{\"id\":1,\"place\":{\"code\":\"CN\"}}\n{\"id\":2,\"place.code\":\"DE\"}\n"),
        "1 (none) {\"id\":1,\"venue\":{\"country\":\"CN\",\"city\":\"X\"},\"tags\":[]}\n"
        "2 (none) {\"id\":2,\"venue\":{\"country\":\"DE\",\"city\":\"X\"},\"tags\":[]}\n"
        "end 0 rejected\n");
    rs_rows_options_fini(&o);
    support_stream_free(&s);
}

static void test_key(void **state)
{
    struct rs_stream *s = support_stream(trade);
    struct rs_rows_options o = {0};
    (void)state;
    set(&o, "key", "id,side,buyer,price");
    support_expect(
        s, &o, support_text("a.csv", "id,price,buyer,at\na:b %,1.50,,2026-01-01\n,0,x,2026-01-01\n"),
        "2 a%3Ab%20%25:SELL:%null:1.5 {\"id\":\"a:b "
        "%\",\"side\":\"SELL\",\"price\":1.5,\"buyer\":null,\"at\":\"2026-01-01T00:00:00Z\"}\n"
        "3 :SELL:x:0 "
        "{\"id\":\"\",\"side\":\"SELL\",\"price\":0,\"buyer\":\"x\",\"at\":\"2026-01-01T00:00:00Z\"}\n"
        "end 0 rejected\n");
    rs_rows_options_fini(&o);
    const char *paths[] = {"side"};
    s->key_paths = paths;
    s->key_count = 1;
    support_expect(
        s, NULL, support_text("a.csv", "id,price,at\n1,1,2026-01-01\n"),
        "2 SELL {\"id\":\"1\",\"side\":\"SELL\",\"price\":1,\"buyer\":null,\"at\":\"2026-01-01T00:00:00Z\"}\n"
        "end 0 rejected\n");
    support_stream_free(&s);
}

/* A double with a declared scale makes the key of the group it belongs to. */
static void test_key_of_a_scaled_double(void **state)
{
    struct rs_stream *s =
        support_stream("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"x\",\"type\":"
                       "[\"null\",\"double\"]}]}");
    static const struct rs_stream_scale scales[] = {{.path = "x", .digits = 2}};
    struct rs_rows_options o = {0};
    (void)state;
    set(&o, "key", "x");
    expect_option(
        s, "key", "x",
        "key field \"x\": a key is made of strings, enums, integers, booleans, dates, decimals and uuids");
    s->scales = scales;
    s->scale_count = 1;
    support_expect(s, &o, support_text("a.csv", "x\n19.990000000000002\n19.99\n\"\"\nNaN\n1e300\n-0.001\n"),
                   "2 19.99 {\"x\":19.990000000000002}\n"
                   "3 19.99 {\"x\":19.99}\n"
                   "4 %null {\"x\":null}\n"
                   "! @:5:1: x is part of the key, and NaN, infinite or too large for its declared scale\n"
                   "! @:6:1: x is part of the key, and NaN, infinite or too large for its declared scale\n"
                   "7 0 {\"x\":-0.001}\n"
                   "end 2 rejected\n");
    rs_rows_options_fini(&o);
    support_stream_free(&s);
}

static void expect_prefix(struct rs_stream *s, const char *framing, const void *wanted, size_t size)
{
    struct rs_rows_options o = {.framing = framing};
    struct rs_error error;
    struct rs_rows *rows = NULL;
    struct rs_row row;
    const char *file = support_text("a.csv", "id,price,at\nX,1,1970-01-01\n");
    assert_int_equal(rs_rows_open(s, &o, &file, 1, &rows, &error), 0);
    assert_int_equal(rs_rows_next(rows, &row, &error), 1);
    static const uint8_t datum[] = {2, 'X', 2, 4, 0x27, 0x10, 0, 0};
    assert_int_equal(row.value.size, size + sizeof datum);
    assert_true(size == 0 || memcmp(row.value.data, wanted, size) == 0);
    assert_memory_equal(row.value.data + size, datum, sizeof datum);
    assert_int_equal(row.datum.size, sizeof datum);
    assert_memory_equal(row.datum.data, datum, sizeof datum);
    rs_rows_free(&rows);
}

static void test_framing(void **state)
{
    struct rs_stream *s = support_stream(trade);
    uint8_t single[10] = {0xC3, 0x01};
    uint64_t crc = rs_schema_crc64(rs_schema_root(s->schema));
    (void)state;
    for (int i = 0; i < 8; i++) {
        single[2 + i] = (uint8_t)(crc >> (8 * i));
    }
    expect_prefix(s, NULL, "", 0);
    expect_prefix(s, "bare", "", 0);
    expect_prefix(s, "confluent:258", "\0\0\0\1\2", 5);
    expect_prefix(s, "single-object", single, sizeof single);
    s->framing.framing = RS_FRAMING_SINGLE_OBJECT;
    expect_prefix(s, NULL, single, sizeof single);
    expect_prefix(s, "bare", "", 0);
    s->framing.framing = RS_FRAMING_CONFLUENT;
    support_expect(
        s, NULL, support_text("a.csv", "id\n"),
        "stop EUSAGE: the stream \"s\" is framed as confluent: say which id the schema has, --framing "
        "confluent:ID\n");
    support_stream_free(&s);
}

static void test_rejects(void **state)
{
    struct rs_stream *s = support_stream(trade);
    struct rs_buf kept = {0};
    struct rs_buf out = {0};
    struct rs_rows_options o = {0};
    (void)state;
    o.rejects = support_path("rejects");
    const char *files[] = {
        support_text("a.csv", "id,price,at\r\n1,1,2026-01-01\r\n\"2\r\n\",x,2026-01-01\r\n3,1\r\n"),
        support_text("b.csv", "id,price,at\n4,x,2026-01-01\n"),
        support_text("c.csv", "price,id,at\n5,5,2026-01-01\nx,6,2026-01-01\n")};
    support_rows(s, &o, files, 2, &out);
    assert_non_null(strstr((const char *)out.data, "end 3 rejected"));
    support_read(o.rejects, &kept);
    assert_string_equal((const char *)kept.data,
                        "id,price,at\n\"2\r\n\",x,2026-01-01\n3,1\n4,x,2026-01-01\n");
    rs_buf_reset(&out);
    support_rows(s, &o, files, 3, &out);
    assert_non_null(strstr((const char *)out.data, "stop EUSAGE: --rejects"));
    const char *json = support_text("a.ndjson", "{}\n{x\n");
    rs_buf_reset(&out);
    support_rows(s, &o, &json, 1, &out);
    support_read(o.rejects, &kept);
    assert_string_equal((const char *)kept.data, "{}\n{x\n");
    rs_buf_fini(&kept);
    rs_buf_fini(&out);
    support_stream_free(&s);
}

/* What is no fault but seldom meant is said once a file: nothing in it but a header, line ends of several
 * kinds. */
static void test_remarks(void **state)
{
    static const struct {
        const char *name;
        const char *text;
        size_t rows, bad;
        const char *remarks;
    } files[] = {
        {"cr.csv", "id,price,at\r1,1,2026-01-01\r\"2\r\",1,2026-01-01\r", 2, 0, ""},
        {"cr.ndjson",
         "{\"id\":\"1\",\"price\":1,\"at\":\"2026-01-01\"}\r{\"id\":\"2\",\"price\":1,\"at\":\"2026-01-01\"}",
         2, 0, ""},
        {"mixed.csv", "id,price,at\n1,1,2026-01-01\n2,1,2026-01-01\r\n3,1,2026-01-01\r", 3, 0,
         ": line 3 ends with CR LF, those before with LF; each of them ends a row\n"},
        {"header.csv", "id,price,at\n", 0, 0,
         ": holds a header row and no other; where the first row is data, --columns names the columns\n"},
        {"header.csv", "id,price,at", 0, 0,
         ": holds a header row and no other; where the first row is data, --columns names the columns\n"},
        {"empty.csv", "", 0, 0, ": is empty, it holds no rows\n"},
        {"empty.csv", "\r\n\n", 0, 0, ": is empty, it holds no rows\n"},
        {"empty.ndjson", "\n", 0, 0, ": holds no rows\n"},
        {"bad.csv", "id,price,at\n1,x,2026-01-01\n", 0, 1, ""},
    };
    struct rs_stream *s = support_stream(trade);
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct rs_buf notes = {0};
        struct rs_rows_options o = {.note = remember, .note_self = &notes};
        struct rs_buf got = {0};
        const char *path = support_text(files[i].name, files[i].text);
        support_rows(s, &o, &path, 1, &got);
        size_t rows = 0;
        size_t bad = 0;
        for (const char *p = (const char *)got.data; *p != '\0'; p = strchr(p, '\n') + 1) {
            rows += *p >= '0' && *p <= '9';
            bad += *p == '!';
        }
        rs_buf_char(&notes, '\0');
        assert_int_equal(rows, files[i].rows);
        assert_int_equal(bad, files[i].bad);
        assert_string_equal((const char *)notes.data, files[i].remarks);
        rs_buf_fini(&notes);
        rs_buf_fini(&got);
    }
    support_stream_free(&s);
}

static void test_notes_gzip_and_progress(void **state)
{
    static const char text[] = "id,price,at,extra,\"x\ty\"\n1,1,2026-01-01,,\n";
    struct rs_stream *s = support_stream(trade);
    struct rs_buf notes = {0};
    struct rs_rows_options o = {.note = remember, .note_self = &notes};
    struct rs_error error;
    struct rs_rows *rows = NULL;
    struct rs_row row;
    uint64_t read = 0;
    uint64_t total = 0;
    (void)state;
    const char *files[] = {support_gzip("a.csv.gz", text, sizeof text - 1), support_text("b.csv", text)};
    assert_int_equal(rs_rows_open(s, &o, files, 2, &rows, &error), 0);
    assert_int_equal(rs_rows_next(rows, &row, &error), 1);
    assert_string_equal(row.file, files[0]);
    assert_int_equal(rs_rows_next(rows, &row, &error), 1);
    assert_string_equal(row.file, files[1]);
    assert_int_equal(rs_rows_next(rows, &row, &error), 0);
    assert_int_equal(rs_rows_next(rows, &row, &error), 0);
    rs_rows_progress(rows, &read, &total);
    assert_true(total > sizeof text);
    assert_int_equal(read, total);
    rs_buf_char(&notes, '\0');
    assert_string_equal((const char *)notes.data, ": columns that no field takes: \"extra\", \"x?y\"\n"
                                                  ": columns that no field takes: \"extra\", \"x?y\"\n");
    rs_rows_free(&rows);
    rs_buf_fini(&notes);
    support_stream_free(&s);
}

static void test_stop_and_too_large(void **state)
{
    struct rs_stream *s = support_stream(trade);
    volatile sig_atomic_t stop = 0;
    struct rs_rows_options o = {.stop = &stop};
    struct rs_error error;
    struct rs_rows *rows = NULL;
    struct rs_row row;
    (void)state;
    s->max_record_bytes = 12;
    const char *file =
        support_text("a.csv", "id,price,at\n1,1,1970-01-01\n12345678,1,1970-01-01\n3,1,1970-01-01\n");
    assert_int_equal(rs_rows_open(s, &o, &file, 1, &rows, &error), 0);
    assert_int_equal(rs_rows_next(rows, &row, &error), 1);
    assert_int_equal(rs_rows_next(rows, &row, &error), RS_ERECORD);
    assert_non_null(
        strstr(error.text, ":3:1: the event takes 15 bytes, max_record_bytes of the stream is 12"));
    stop = 1;
    assert_int_equal(rs_rows_next(rows, &row, &error), 0);
    rs_rows_free(&rows);
    support_stream_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_csv_faults),
        cmocka_unit_test(test_csv_header_faults),
        cmocka_unit_test(test_delimiters),
        cmocka_unit_test(test_decimal_comma),
        cmocka_unit_test(test_avro_json),
        cmocka_unit_test(test_mapping),
        cmocka_unit_test(test_wrong_options),
        cmocka_unit_test(test_source_twice),
        cmocka_unit_test(test_rejects_is_an_input),
        cmocka_unit_test(test_ndjson),
        cmocka_unit_test(test_nested),
        cmocka_unit_test(test_key),
        cmocka_unit_test(test_key_of_a_scaled_double),
        cmocka_unit_test(test_framing),
        cmocka_unit_test(test_rejects),
        cmocka_unit_test(test_remarks),
        cmocka_unit_test(test_notes_gzip_and_progress),
        cmocka_unit_test(test_stop_and_too_large),
    };
    return cmocka_run_group_tests_name("rows", tests, NULL, support_end);
}
