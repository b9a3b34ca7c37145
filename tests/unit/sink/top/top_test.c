/* rollstat-top: widths of texts, the table, and the program itself, once and in a terminal. */
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "sink/top/lines.h"
#include "sink/top/text.h"
#include "tests/unit/sink/redis_server.h"

static const char trades_meta[] =
    "{\"stream\":\"trades\",\"by\":[\"exchange\",\"product\"],\"window\":{\"sliding\":\"5m\",\"every\":"
    "\"1s\"},\"stats\":{"
    "\"trades\":{\"expression\":\"count()\"},\"volume\":{\"expression\":\"sum(quantity)\",\"unit\":\"MB\"},"
    "\"price\":{\"expression\":\"ohlc(price)\",\"unit\":\"CNY\"}},\"history\":10}";
static const char gdp_meta[] =
    "{\"stream\":\"ind\",\"by\":[\"region\",\"name\"],\"window\":{\"last\":5},\"stats\":{"
    "\"value\":{\"expression\":\"last(value)\",\"unit\":\"亿元\"}},\"history\":0}";

#define PATIENCE_US INT64_C(60000000)

/* ---- texts ---- */

static const char *put(const char *text, int width, bool right)
{
    static struct rs_buf out;
    rs_buf_reset(&out);
    rs_top_put(&out, text, width, right);
    rs_buf_char(&out, '|');
    rs_buf_char(&out, '\0');
    assert_false(out.failed);
    return (const char *)out.data;
}

static void test_texts_fill_their_cells(void **state)
{
    (void)state;
    assert_int_equal(rs_top_width(""), 0);
    assert_int_equal(rs_top_width("abc"), 3);
    assert_int_equal(rs_top_width("广东é"), 5);
    assert_int_equal(rs_top_width("a\x01\xFF"), 3);
    assert_string_equal(put("ab", 4, false), "ab  |");
    assert_string_equal(put("ab", 4, true), "  ab|");
    assert_string_equal(put("广东", 5, false), "广东 |");
    assert_string_equal(put("广东", 5, true), " 广东|");
    assert_string_equal(put("abcdef", 4, false), "abc…|");
    assert_string_equal(put("广东省", 4, false), "广… |");
    assert_string_equal(put("广东省", 5, false), "广东…|");
    assert_string_equal(put("a\x1b[2Jb", 6, false), "a?[2Jb|");
    assert_string_equal(put("\xE5\xB9", 3, false), "?? |");
    assert_string_equal(put("x", 0, false), "|");
}

static void test_long_numbers_are_brief(void **state)
{
    static const struct {
        const char *text;
        bool inexact;
        const char *brief;
    } cases[] = {
        {"0.33333333333333331", true, "0.3333333"},
        {"-64123.456789012", true, "-64123.46"},
        {"1234567.8", true, "1234568"},
        {"98765432109.8765", true, "98765432110"},
        {"999999.96", true, "1000000"},
        {"0.00001234567890123", true, "0.00001234568"},
        {"12.5", true, "12.5"},
        {"1234.567", true, "1234.567"},
        {"12345678901234567", true, "12345678901234567"},
        {"1.2345678901234567e-10", false, "1.234568e-10"},
        {"1.5e+21", true, "1.5e+21"},
        {"1.7976931348623157e+308", true, "1.797693e+308"},
        {"0.30000000000000004", false, "0.3"}, /* a sum of doubles */
        {"12345678.12345678", false, "12345678"},
        {"64123.45000001", false, "64123.45000001"}, /* exact decimals */
        {"12345678901234567890.12", false, "12345678901234567890.12"},
        {"not.a.number", true, "not.a.number"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[RS_NUMBER_TEXT_MAX];
        assert_string_equal(rs_top_brief(cases[i].text, cases[i].inexact, out), cases[i].brief);
    }
}

/* ---- the table ---- */

static struct rs_top_table *new_table(void)
{
    struct rs_top_table *table = NULL;
    struct rs_error error;
    assert_int_equal(rs_top_table_new("t", trades_meta, NULL, &table, &error), 0);
    return table;
}

static void set_row(struct rs_top_table *table, const char *key, const char *trades, const char *volume)
{
    struct rs_error error;
    struct rs_slice values[9] = {0};
    values[0] = rs_slice_text(trades);
    values[1] = volume ? rs_slice_text(volume) : rs_slice_of(NULL, 0);
    values[6] = rs_slice_text("1733900400000");
    struct rs_top_row *row = rs_top_row_at(table, rs_slice_text(key), true);
    assert_non_null(row);
    assert_int_equal(rs_top_row_set(table, row, values, &error), 0);
}

static void test_columns_come_from_the_description(void **state)
{
    static const char *const names[] = {"exchange",     "product",    "trades",    "volume",
                                        "price_open",   "price_high", "price_low", "price_close",
                                        "window_start", "event_time", "events"};
    struct rs_top_table *table = new_table();
    (void)state;
    assert_int_equal(table->column_count, 11);
    for (size_t i = 0; i < 11; i++) {
        assert_string_equal(table->columns[i].name, names[i]);
        assert_int_equal(rs_top_column(table, names[i]), (int)i);
    }
    assert_int_equal(table->field_count, 9);
    assert_string_equal(table->fields[0], "trades");
    assert_string_equal(table->columns[7].unit, "CNY");
    assert_null(table->columns[2].unit);
    assert_string_equal(table->window, "sliding 5m, every 1s");
    assert_int_equal(rs_top_column(table, "none"), -1);
    rs_top_table_free(&table);
}

static void test_bad_descriptions_are_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "[]",
                                      "{",
                                      "{\"by\":[1],\"stats\":{}}",
                                      "{\"by\":[],\"stats\":{\"a\":{}}}",
                                      "{\"by\":[],\"stats\":3}"};
    struct rs_top_table *table = NULL;
    struct rs_error error;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(rs_top_table_new("t", bad[i], NULL, &table, &error), RS_ESTATE);
        assert_null(table);
    }
}

static void test_cells_are_readable(void **state)
{
    struct rs_top_table *table = new_table();
    (void)state;
    set_row(table, "A%20%3Ab:%null", "12", "0.5");
    struct rs_top_row *row = rs_top_row_at(table, rs_slice_text("A%20%3Ab:%null"), false);
    assert_non_null(row);
    assert_string_equal(row->cells[0], "A :b");
    assert_string_equal(row->cells[1], "(null)");
    assert_string_equal(row->cells[2], "12");
    assert_null(row->cells[4]);
    assert_string_equal(row->cells[8], "2024-12-11 07:00:00");
    assert_null(rs_top_row_at(table, rs_slice_text("none"), false));
    rs_top_table_free(&table);
}

static void expect_order(struct rs_top_table *table, int column, bool descending, const char *filter,
                         const char *expected)
{
    struct rs_error error;
    char text[128] = "";
    assert_int_equal(rs_top_arrange(table, column, descending, filter, &error), 0);
    for (size_t i = 0; i < table->shown_count; i++) {
        strncat(text, table->shown[i]->key, 2);
    }
    assert_string_equal(text, expected);
}

static void test_rows_are_sorted_and_filtered(void **state)
{
    struct rs_top_table *table = new_table();
    (void)state;
    set_row(table, "c:x", "10", NULL);
    set_row(table, "b:x", "9", "100.5");
    set_row(table, "a:y", "100", "99");
    set_row(table, "d:Yy", "9", "-1");
    expect_order(table, -1, false, NULL, "a:b:c:d:");
    expect_order(table, -1, true, "", "d:c:b:a:");
    expect_order(table, 2, false, NULL, "b:d:c:a:");
    expect_order(table, 2, true, NULL, "a:c:b:d:");
    expect_order(table, 3, false, NULL, "d:a:b:c:"); /* no value: last, also downwards */
    expect_order(table, 3, true, NULL, "b:a:d:c:");
    expect_order(table, 1, true, "y", "a:d:");
    expect_order(table, 0, false, "100", "a:b:");
    expect_order(table, 0, false, "zz", "");
    rs_top_row_at(table, rs_slice_text("b:x"), false)->marked = true;
    rs_top_sweep(table);
    assert_int_equal(table->row_count, 1);
    expect_order(table, -1, false, NULL, "b:");
    rs_top_table_free(&table);
}

static const char wide_meta[] = "{\"stream\":\"s\",\"by\":[\"place\"],\"window\":{\"all\":true},\"stats\":{"
                                "\"mean\":{\"expression\":\"mean(x)\"},"
                                "\"sum\":{\"expression\":\"sum(x)\",\"unit\":\"km\"}}}";

/* The three lines of a table with one row on a terminal of `cells`, each ended with '|'. */
static const char *lines(struct rs_top_table *table, size_t skip, int cells, int sorted)
{
    static struct rs_buf out;
    int widths[8];
    struct rs_top_layout layout = {.screen = true, .widths = widths};
    rs_buf_reset(&out);
    rs_top_measure(table, 0, 10, &layout);
    rs_top_fit(table, skip, cells, &layout);
    rs_top_names(table, &layout, sorted, true, &out);
    rs_buf_text(&out, "|\n");
    rs_top_units(table, &layout, &out);
    rs_buf_text(&out, "|\n");
    rs_top_row(table, table->shown[0], &layout, &out);
    rs_buf_text(&out, "|");
    rs_buf_char(&out, '\0');
    assert_false(out.failed);
    return (const char *)out.data;
}

static void test_columns_scroll_beside_the_group(void **state)
{
    struct rs_top_table *table = NULL;
    struct rs_error error;
    struct rs_slice values[4] = {rs_slice_text("0.33333333333333331"), rs_slice_text("12.25"),
                                 rs_slice_text("0"), rs_slice_text("3")};
    (void)state;
    assert_int_equal(rs_top_table_new("t", wide_meta, NULL, &table, &error), 0);
    struct rs_top_row *row = rs_top_row_at(table, rs_slice_text("Shenzhen%20Bay"), true);
    assert_int_equal(rs_top_row_set(table, row, values, &error), 0);
    assert_int_equal(rs_top_arrange(table, -1, false, NULL, &error), 0);
    const char *whole = "place              mean    sum  event_time            events|\n"
                        "                            km                              |\n"
                        "Shenzhen Bay  0.3333333  12.25  1970-01-01 00:00:00        3|";
    assert_string_equal(lines(table, 0, 61, -1), whole);
    assert_string_equal(lines(table, 2, 61, -1), whole); /* nothing to scroll */
    assert_string_equal(lines(table, 0, 34, -1), "place              mean    sum  ->|\n"
                                                 "                            km|\n"
                                                 "Shenzhen Bay  0.3333333  12.25|");
    assert_string_equal(lines(table, 1, 48, 2), "place         <-   sumv  event_time           ->|\n"
                                                "                     km                     |\n"
                                                "Shenzhen Bay      12.25  1970-01-01 00:00:00|");
    assert_string_equal(lines(table, 2, 46, -1), "place         <-  event_time            events|\n"
                                                 "                                              |\n"
                                                 "Shenzhen Bay      1970-01-01 00:00:00        3|");
    assert_string_equal(lines(table, 9, 30, -1), "place         <-   events|\n"
                                                 "                         |\n"
                                                 "Shenzhen Bay            3|");
    assert_string_equal(lines(table, 0, 25, -1), "place            mean  ->|\n"
                                                 "                     |\n"
                                                 "Shenzhen …  0.3333333|");
    rs_top_table_free(&table);
}

/* ---- the program ---- */

static struct redis_server server;
static redisContext *redis;

static int start(void **state)
{
    (void)state;
    setlocale(LC_CTYPE, "C.UTF-8");
    if (!redis_server_available()) {
        return 0;
    }
    redis_server_start(&server, 0, NULL);
    redis = redis_server_connect(&server);
    freeReplyObject(redis_do(redis, "HSET rs:meta trades_5m %s gdp %s", trades_meta, gdp_meta));
    freeReplyObject(redis_do(
        redis, "HSET rs:trades_5m:SDE:A%%20b trades 12 volume 100.5 price_open 1 price_high 3 price_low "
               "0.5 price_close 2.25 window_start 1733900400000 window_end 1733900700000 event_time "
               "1733900459123 events 12"));
    freeReplyObject(redis_do(
        redis, "HSET rs:trades_5m:BDE:%%null trades 2 volume 9 price_open 10 price_high 30 price_low 5 "
               "price_close 20 window_start 1733900400000 event_time 1733900459000 events 2"));
    freeReplyObject(
        redis_do(redis, "HSET rs:trades_5m:GZ:x trades 0 volume 0 window_start 1733900460000 events 0"));
    freeReplyObject(redis_do(redis, "ZADD rs:trades_5m:index 3 SDE:A%%20b 2 BDE:%%null 4 GZ:x 1 dropped:x"));
    freeReplyObject(
        redis_do(redis, "HSET rs:gdp:中国:数字经济核心产业增加值 value 127555 window_start 1577836800000 "
                        "event_time 1672531200000 events 3"));
    freeReplyObject(redis_do(
        redis, "HSET rs:gdp:广东:基站 value 30.5 window_start 1577836800000 event_time 1672531200000 "
               "events 3"));
    freeReplyObject(redis_do(redis, "ZADD rs:gdp:index 1 中国:数字经济核心产业增加值 2 广东:基站"));
    return 0;
}

static int stop(void **state)
{
    (void)state;
    if (redis) {
        redisFree(redis);
    }
    redis_server_kill(&server);
    return 0;
}

static void need_redis(void)
{
    if (!redis) {
        print_message("skipped: there is no redis-server in PATH\n");
        skip();
    }
}

/* The arguments are what blanks separate; '~' stands for a blank within one. Never returns. */
static void be_program(const char *arguments)
{
    char words[512];
    char url[64];
    char *argv[16] = {"rollstat-top", "-r", url};
    int count = 3;
    snprintf(url, sizeof url, "redis://127.0.0.1:%d", server.port);
    snprintf(words, sizeof words, "%s", arguments);
    for (char *word = strtok(words, " "); word && count < 15; word = strtok(NULL, " ")) {
        for (char *at = strchr(word, '~'); at; at = strchr(at, '~')) {
            *at = ' ';
        }
        argv[count++] = word;
    }
    execv(RS_TOP_PROGRAM, argv);
    _exit(127);
}

/* Runs the program with stderr into stdout; its text in a static buffer. Without a shell: the path to the
 * program may hold anything. */
static const char *run(const char *arguments, int *exit_code)
{
    static char text[65536];
    int out[2];
    assert_int_equal(pipe(out), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(out[1], STDOUT_FILENO);
        dup2(out[1], STDERR_FILENO);
        close(out[0]);
        close(out[1]);
        be_program(arguments);
    }
    close(out[1]);
    size_t size = 0;
    for (ssize_t got = 1; got > 0 && size + 1 < sizeof text; size += got > 0 ? (size_t)got : 0) {
        got = read(out[0], text + size, sizeof text - 1 - size);
    }
    text[size] = '\0';
    close(out[0]);
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    *exit_code = WEXITSTATUS(status);
    return text;
}

static void test_prints_once(void **state)
{
    int code;
    (void)state;
    need_redis();
    const char *text = run("--once trades_5m gdp", &code);
    assert_int_equal(code, 0);
    assert_string_equal(
        text, "trades_5m (sliding 5m, every 1s), 3 of 3 groups\n"
              "exchange  product  trades  volume  price_open  price_high  price_low  price_close  "
              "window_start         "
              "event_time               events\n"
              "                               MB         CNY         CNY        CNY          CNY\n"
              "BDE       (null)        2       9          10          30          5           20  2024-12-11 "
              "07:00:00  "
              "2024-12-11 07:00:59           2\n"
              "GZ        x             0       0                                                  2024-12-11 "
              "07:01:00  "
              "                              0\n"
              "SDE       A b          12   100.5           1           3        0.5         2.25  2024-12-11 "
              "07:00:00  "
              "2024-12-11 07:00:59.123      12\n"
              "\n"
              "gdp (last 5), 2 of 2 groups\n"
              "region  name                     value  window_start         event_time           events\n"
              "                                  亿元\n"
              "中国    数字经济核心产业增加值  127555  2020-01-01 00:00:00  2023-01-01 00:00:00       3\n"
              "广东    基站                      30.5  2020-01-01 00:00:00  2023-01-01 00:00:00       3\n");
}

static void test_prints_sorted_filtered_limited(void **state)
{
    int code;
    (void)state;
    need_redis();
    const char *text = run("--sort volume:desc --limit 1 --zone +08:00 trades_5m", &code);
    assert_int_equal(code, 0);
    assert_non_null(strstr(text, "1 of 3 groups\n"));
    assert_non_null(strstr(text, "SDE       A b          12   100.5"));
    assert_non_null(strstr(text, "2024-12-11 15:00:00"));
    assert_null(strstr(text, "BDE"));
    text = run("--filter 广 gdp", &code);
    assert_int_equal(code, 0);
    assert_non_null(strstr(text, "1 of 2 groups\n"));
    assert_null(strstr(text, "中国"));
}

static void test_lists_aggregates(void **state)
{
    int code;
    (void)state;
    need_redis();
    const char *text = run("", &code);
    assert_int_equal(code, 0);
    assert_string_equal(
        text, "gdp                      last 5                            2 groups  stream ind\n"
              "trades_5m                sliding 5m, every 1s              4 groups  stream trades\n");
}

/* Runs the program with a stdout that nobody reads: what it says on stderr. */
static const char *run_unread(const char *aggregate, int *exit_code)
{
    static char text[4096];
    int out[2];
    int complaints[2];
    assert_int_equal(pipe(out), 0);
    assert_int_equal(pipe(complaints), 0);
    close(out[0]);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char url[64];
        snprintf(url, sizeof url, "redis://127.0.0.1:%d", server.port);
        dup2(out[1], STDOUT_FILENO);
        dup2(complaints[1], STDERR_FILENO);
        close(complaints[0]);
        execl(RS_TOP_PROGRAM, "rollstat-top", "-r", url, "--once", aggregate, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    close(complaints[1]);
    size_t size = 0;
    for (ssize_t got = 1; got > 0 && size + 1 < sizeof text; size += got > 0 ? (size_t)got : 0) {
        got = read(complaints[0], text + size, sizeof text - 1 - size);
    }
    text[size] = '\0';
    close(complaints[0]);
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    *exit_code = WEXITSTATUS(status);
    return text;
}

static void test_ends_quietly_when_nobody_reads(void **state)
{
    int code;
    (void)state;
    need_redis();
    assert_string_equal(run_unread("trades_5m", &code), "");
    assert_int_equal(code, 2);
    assert_string_equal(run_unread(NULL, &code), "");
    assert_int_equal(code, 2);
}

static void test_says_what_is_wrong(void **state)
{
    static const struct {
        const char *arguments;
        int code;
        const char *text;
    } cases[] = {
        {"trades_5n", 1, "rollstat-top: there is no aggregate \"trades_5n\"; did you mean \"trades_5m\"?"},
        {"--sort vol gdp", 1, "rollstat-top: --sort: gdp has no column \"vol\""},
        {"--sort value:up gdp", 1, "--sort is COLUMN, COLUMN:asc or COLUMN:desc"},
        {"--limit 0 gdp", 1, "--limit is a number from 1 to 100000"},
        {"--interval 1us gdp", 1, "--interval is a time of at least 50ms"},
        {"--zone Nowhere/At_all gdp", 1, "Nowhere/At_all"},
        {"--prefix a~b gdp", 1, "a prefix has printable ASCII characters without blanks"},
        {"--prefix none gdp", 2, "there are no aggregates under none: in this Redis"},
        {"-r cluster://h gdp", 1, "cluster:// is not available in this version"},
        {"-r redis://127.0.0.1:1 gdp", 2, "is Redis running, and reachable at the configured url?"},
        {"--password-file /nonexistent gdp", 2, "cannot open \"/nonexistent\""},
        {"--bogus", 1, "--bogus"},
    };
    (void)state;
    need_redis();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int code;
        const char *text = run(cases[i].arguments, &code);
        if (!strstr(text, cases[i].text)) {
            fail_msg("%s: %s", cases[i].arguments, text);
        }
        assert_int_equal(code, cases[i].code);
    }
    int code;
    assert_string_equal(run("--version", &code), "rollstat 0.1.0\n");
    assert_int_equal(code, 0);
}

/* ---- in a terminal ---- */

struct terminal {
    pid_t pid;
    int fd;
    char text[1 << 20]; /* all that was written to it */
    size_t size;
};

static void open_program(struct terminal *t)
{
    struct winsize size = {.ws_row = 20, .ws_col = 90};
    t->size = 0;
    t->pid = forkpty(&t->fd, NULL, NULL, &size);
    assert_true(t->pid >= 0);
    if (t->pid == 0) {
        char url[64];
        snprintf(url, sizeof url, "redis://127.0.0.1:%d", server.port);
        setenv("TERM", "xterm", 1);
        setenv("LC_ALL", "C.UTF-8", 1);
        execl(RS_TOP_PROGRAM, "rollstat-top", "-r", url, "-i", "50ms", "trades_5m", "gdp", (char *)NULL);
        _exit(127);
    }
}

/* Reads until `text` has come, a minute at most. NULL: until the program closes the terminal. */
static bool shows(struct terminal *t, const char *text)
{
    int64_t end = rs_clock_mono(rs_clock_system()) + PATIENCE_US;
    while (!(text && strstr(t->text, text)) && rs_clock_mono(rs_clock_system()) < end) {
        struct pollfd fd = {.fd = t->fd, .events = POLLIN};
        if (poll(&fd, 1, 100) <= 0) {
            continue;
        }
        ssize_t got = read(t->fd, t->text + t->size, sizeof t->text - 1 - t->size);
        if (got <= 0) {
            return !text;
        }
        t->size += (size_t)got;
        t->text[t->size] = '\0';
    }
    return text && strstr(t->text, text);
}

static void forget_shown(struct terminal *t)
{
    t->size = 0;
    t->text[0] = '\0';
}

static void type(struct terminal *t, const char *keys)
{
    assert_int_equal(write(t->fd, keys, strlen(keys)), (ssize_t)strlen(keys));
}

/* Waits for the end and returns wait's status; the terminal must have been restored. */
static int close_program(struct terminal *t)
{
    int status = -1;
    assert_true(shows(t, NULL));
    assert_non_null(strstr(t->text, "\x1b[?1049l")); /* left the alternate screen */
    assert_int_equal(waitpid(t->pid, &status, 0), t->pid);
    close(t->fd);
    return status;
}

/* Waits a minute at most; -1: it had to be killed. */
static int wait_for_end(pid_t pid)
{
    int64_t end = rs_clock_mono(rs_clock_system()) + PATIENCE_US;
    int status = -1;
    while (rs_clock_mono(rs_clock_system()) < end) {
        if (waitpid(pid, &status, WNOHANG) == pid) {
            return status;
        }
        poll(NULL, 0, 10);
    }
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    return -1;
}

static void test_ends_with_its_terminal(void **state)
{
    static struct terminal t;
    (void)state;
    need_redis();
    open_program(&t);
    assert_true(shows(&t, "q quit"));
    close(t.fd);
    int status = wait_for_end(t.pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0); /* as with SIGHUP */
}

static void test_shows_more_columns(void **state)
{
    static struct terminal t;
    (void)state;
    need_redis();
    freeReplyObject(redis_do(redis, "HSET rs:meta wide %s", wide_meta));
    freeReplyObject(redis_do(redis, "HSET rs:wide:x mean 0.33333333333333331 sum 1 event_time 0 events 3"));
    freeReplyObject(redis_do(redis, "ZADD rs:wide:index 1 x"));
    open_program(&t);
    assert_true(shows(&t, "Left/Right"));
    assert_non_null(strstr(t.text, "columns 1-5 of 9"));
    assert_non_null(strstr(t.text, "  ->"));
    assert_null(strstr(t.text, "event_time"));
    type(&t, "\x1bOC");
    assert_true(shows(&t, "<-"));
    type(&t, "\x1bOC\x1bOC\x1bOC\x1bOC");
    assert_true(shows(&t, "event_time"));
    forget_shown(&t);
    type(&t, "\x1bOD\x1bOD\x1bOD\x1bOD\x1bOD");
    assert_true(shows(&t, "trades"));
    forget_shown(&t);
    type(&t, "<"); /* the last column: scrolled to */
    assert_true(shows(&t, "eventsv") || shows(&t, "events^"));
    type(&t, "q");
    int status = close_program(&t);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    int code;
    assert_non_null(strstr(run("--once wide", &code), "0.33333333333333331"));
    freeReplyObject(redis_do(redis, "HDEL rs:meta wide"));
}

static void test_follows_updates_and_keys(void **state)
{
    static struct terminal t;
    (void)state;
    need_redis();
    open_program(&t);
    assert_true(shows(&t, "q quit"));
    assert_non_null(strstr(t.text, "[trades_5m]"));
    assert_non_null(strstr(t.text, "100.5"));
    freeReplyObject(redis_do(redis, "HSET rs:trades_5m:SDE:A%%20b volume 777.125"));
    freeReplyObject(redis_do(redis, "PUBLISH rs:trades_5m:updates SDE:A%%20b"));
    assert_true(shows(&t, "777.125"));
    freeReplyObject(redis_do(redis, "HSET rs:trades_5m:NEU:x trades 4711 events 1"));
    freeReplyObject(redis_do(redis, "PUBLISH rs:trades_5m:updates NEU:x"));
    assert_true(shows(&t, "4711"));
    forget_shown(&t);
    type(&t, ">");
    assert_true(shows(&t, "^")); /* curses sends what is new only */
    type(&t, "/neu\r");
    assert_true(shows(&t, "with /neu/"));
    type(&t, "\x1b");
    type(&t, "p");
    assert_true(shows(&t, "PAUSED"));
    type(&t, "p");
    forget_shown(&t);
    type(&t, "\t");
    assert_true(shows(&t, "中国"));
    assert_true(shows(&t, "亿元"));
    struct winsize size = {.ws_row = 6, .ws_col = 30};
    forget_shown(&t);
    assert_int_equal(ioctl(t.fd, TIOCSWINSZ, &size), 0);
    assert_true(shows(&t, "gdp"));
    type(&t, "q");
    int status = close_program(&t);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    freeReplyObject(redis_do(redis, "DEL rs:trades_5m:NEU:x"));
}

static void test_signals_restore_the_terminal(void **state)
{
    static struct terminal t;
    static const int ends[] = {SIGTERM, SIGINT, SIGHUP};
    (void)state;
    need_redis();
    for (size_t i = 0; i < 3; i++) {
        open_program(&t);
        assert_true(shows(&t, "q quit"));
        kill(t.pid, ends[i]);
        int status = close_program(&t);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        forget_shown(&t);
    }
    open_program(&t);
    assert_true(shows(&t, "q quit"));
    kill(t.pid, SIGABRT);
    int status = close_program(&t);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

/* How often a process has waited so far. */
static long count_waits(pid_t pid)
{
    char path[64];
    char line[256];
    long waits = -1;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        if (strncmp(line, "voluntary_ctxt_switches:", 24) == 0) {
            waits = strtol(line + 24, NULL, 10);
        }
    }
    fclose(file);
    return waits;
}

static void test_comes_back_with_redis(void **state)
{
    static struct terminal t;
    (void)state;
    need_redis();
    int port = server.port;
    open_program(&t);
    assert_true(shows(&t, "q quit"));
    redisFree(redis);
    redis = NULL;
    redis_server_kill(&server);
    assert_true(shows(&t, "trying again"));
    forget_shown(&t);
    poll(NULL, 0, 700); /* past the first retry */
    long before = count_waits(t.pid);
    poll(NULL, 0, 1000);
    assert_in_range(count_waits(t.pid) - before, 0, 10); /* -i 50ms alone would be 20 */
    redis_server_start(&server, port, NULL);
    redis = redis_server_connect(&server);
    freeReplyObject(redis_do(redis, "HSET rs:trades_5m:BACK:x trades 9 events 1"));
    freeReplyObject(redis_do(redis, "ZADD rs:trades_5m:index 1 BACK:x"));
    assert_true(shows(&t, "BACK"));
    type(&t, "q");
    int status = close_program(&t);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts_fill_their_cells),
        cmocka_unit_test(test_long_numbers_are_brief),
        cmocka_unit_test(test_columns_come_from_the_description),
        cmocka_unit_test(test_bad_descriptions_are_refused),
        cmocka_unit_test(test_cells_are_readable),
        cmocka_unit_test(test_rows_are_sorted_and_filtered),
        cmocka_unit_test(test_columns_scroll_beside_the_group),
        cmocka_unit_test(test_prints_once),
        cmocka_unit_test(test_prints_sorted_filtered_limited),
        cmocka_unit_test(test_lists_aggregates),
        cmocka_unit_test(test_says_what_is_wrong),
        cmocka_unit_test(test_ends_quietly_when_nobody_reads),
        cmocka_unit_test(test_ends_with_its_terminal),
        cmocka_unit_test(test_shows_more_columns),
        cmocka_unit_test(test_follows_updates_and_keys),
        cmocka_unit_test(test_signals_restore_the_terminal),
        cmocka_unit_test(test_comes_back_with_redis),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
