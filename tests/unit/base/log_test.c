#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

/* stderr is a pipe while a test runs; what was logged is read from its other end. */
static int reading;
static int saved_stderr;

static int capture(void **state)
{
    (void)state;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return -1;
    }
    saved_stderr = dup(STDERR_FILENO);
    reading = ends[0];
    (void)fcntl(reading, F_SETFL, O_NONBLOCK);
    int result = dup2(ends[1], STDERR_FILENO) < 0 ? -1 : 0;
    (void)close(ends[1]);
    (void)unsetenv("JOURNAL_STREAM");
    rs_log_init("rollstatd");
    return result;
}

static int release(void **state)
{
    (void)state;
    (void)dup2(saved_stderr, STDERR_FILENO);
    (void)close(saved_stderr);
    return close(reading);
}

static const char *logged(void)
{
    static char text[16384];
    ssize_t size = read(reading, text, sizeof text - 1);
    text[size > 0 ? size : 0] = '\0';
    return text;
}

/* "2026-11-23T07:54:01.123Z rollstatd info: ..." */
static void expect_stamped(const char *line, const char *rest)
{
    const char *shape = "0000-00-00T00:00:00.000Z ";
    for (size_t i = 0; shape[i] != '\0'; i++) {
        if (shape[i] == '0') {
            assert_in_range(line[i], '0', '9');
        } else {
            assert_int_equal(line[i], shape[i]);
        }
    }
    assert_string_equal(line + strlen(shape), rest);
}

static void test_a_line_has_time_program_and_level(void **state)
{
    (void)state;
    rs_log(RS_LOG_INFO, "%d partitions", 3);
    expect_stamped(logged(), "rollstatd info: 3 partitions\n");
    rs_log(RS_LOG_ERROR, "x");
    expect_stamped(logged(), "rollstatd error: x\n");
}

static void test_levels_filter(void **state)
{
    (void)state;
    enum rs_log_level level = RS_LOG_INFO;
    rs_log(RS_LOG_DEBUG, "hidden");
    assert_string_equal(logged(), "");
    assert_int_equal(rs_log_level_parse("debug", &level), 0);
    rs_log_set_level(level);
    rs_log(RS_LOG_DEBUG, "shown");
    expect_stamped(logged(), "rollstatd debug: shown\n");
    assert_int_equal(rs_log_level_parse("error", &level), 0);
    rs_log_set_level(level);
    rs_log(RS_LOG_WARNING, "hidden");
    assert_string_equal(logged(), "");
    assert_int_equal(rs_log_level_parse("warning", &level), 0);
    assert_int_equal(level, RS_LOG_WARNING);
    assert_int_equal(rs_log_level_parse("Info", &level), RS_EINVAL);
    assert_int_equal(level, RS_LOG_WARNING);
}

static void test_the_journal_gets_priorities(void **state)
{
    (void)state;
    struct stat info;
    char stream[64];
    assert_int_equal(fstat(STDERR_FILENO, &info), 0);
    (void)snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)info.st_dev,
                   (unsigned long long)info.st_ino);
    (void)setenv("JOURNAL_STREAM", stream, 1);
    rs_log_init("rollstatd");
    rs_log(RS_LOG_ERROR, "a");
    rs_log(RS_LOG_WARNING, "b");
    rs_log(RS_LOG_INFO, "c");
    assert_string_equal(logged(), "<3>a\n<4>b\n<6>c\n");
    /* Reports and errors before the start, too. */
    rs_log_text(RS_LOG_ERROR, "two\nlines\n", 10);
    assert_string_equal(logged(), "<3>two\n<3>lines\n");
    /* Inherited from elsewhere: this stderr is not the journal. */
    (void)setenv("JOURNAL_STREAM", "1:2", 1);
    rs_log_init("rollstatd");
    rs_log_text(RS_LOG_ERROR, "as it is\n", 9);
    assert_string_equal(logged(), "as it is\n");
    rs_log(RS_LOG_INFO, "d");
    expect_stamped(logged(), "rollstatd info: d\n");
}

static void test_json_lines(void **state)
{
    char text[5000];

    (void)state;
    rs_log_set_form(RS_LOG_JSON);
    rs_log(RS_LOG_WARNING, "key \"a\\b\"\n of \xc3\xa4\xff");
    const char *line = logged();
    assert_memory_equal(line, "{\"time\":\"2", 10);
    assert_string_equal(line + strlen("{\"time\":\"0000-00-00T00:00:00.000Z"),
                        "\",\"program\":\"rollstatd\",\"level\":\"warning\",\"message\":"
                        "\"key \\\"a\\\\b\\\"  of \xc3\xa4?\"}\n");
    /* A long one is cut between characters, and still an object. */
    memset(text, '"', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    rs_log(RS_LOG_INFO, "%s", text);
    line = logged();
    size_t size = strlen(line);
    assert_in_range(size, 4000, 4096);
    assert_string_equal(line + size - 5, "\\\"\"}\n");
    rs_log_set_level(RS_LOG_ERROR); /* has no part in reports */
    rs_log_text(RS_LOG_WARNING, "two\nlines", 9);
    line = logged();
    assert_non_null(strstr(line, "\"message\":\"two\"}\n{\"time\":"));
    assert_non_null(strstr(line, "\"message\":\"lines\"}\n"));
    rs_log_set_form(RS_LOG_TEXT);
}

static void test_one_message_is_one_line(void **state)
{
    (void)state;
    rs_log(RS_LOG_INFO, "a\nb\x1b[31m\tc\x7F");
    expect_stamped(logged(), "rollstatd info: a b [31m c \n");
}

static void test_long_messages_are_cut_between_characters(void **state)
{
    (void)state;
    char text[9001];
    for (size_t i = 0; i < 9000; i += 3) {
        memcpy(text + i, "\xE2\x82\xAC", 4);
    }
    rs_log(RS_LOG_INFO, "%s", text);
    const char *line = logged();
    size_t size = strlen(line);
    assert_in_range(size, 4096 - 3, 4096);
    assert_string_equal(line + size - 4, "\xE2\x82\xAC\n");
    assert_string_equal(logged(), "");
}

static void test_a_full_pipe_drops_and_counts(void **state)
{
    (void)state;
    uint64_t before = rs_log_dropped();
    char text[1001];
    memset(text, 'x', 1000);
    text[1000] = '\0';
    for (int i = 0; i < 200; i++) {
        rs_log(RS_LOG_INFO, "%s", text);
    }
    uint64_t dropped = rs_log_dropped() - before;
    assert_in_range(dropped, 100, 199);
    size_t lines = 0;
    for (const char *got = logged(); *got != '\0'; got = logged()) {
        for (; *got != '\0'; got++) {
            lines += *got == '\n';
        }
    }
    assert_int_equal(lines, 200 - dropped);
    rs_log(RS_LOG_INFO, "again");
    expect_stamped(logged(), "rollstatd info: again\n");
}

static void test_a_pipe_without_reader_does_not_kill(void **state)
{
    (void)state;
    uint64_t before = rs_log_dropped();
    int other = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(dup2(other, reading) >= 0);
    assert_int_equal(close(other), 0);
    rs_log(RS_LOG_INFO, "nobody reads this");
    assert_int_equal(rs_log_dropped() - before, 1);
}

static void test_a_closed_socket_does_not_kill(void **state)
{
    (void)state;
    int ends[2];
    uint64_t before = rs_log_dropped();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    assert_true(dup2(ends[0], STDERR_FILENO) >= 0);
    assert_int_equal(close(ends[0]), 0);
    assert_int_equal(close(ends[1]), 0);
    rs_log(RS_LOG_INFO, "nobody reads this");
    assert_int_equal(rs_log_dropped() - before, 1);
}

static void test_a_full_disk_drops_and_counts(void **state)
{
    (void)state;
    uint64_t before = rs_log_dropped();
    int pipe_end = dup(STDERR_FILENO);
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(pipe_end >= 0 && full >= 0 && dup2(full, STDERR_FILENO) >= 0);
    rs_log(RS_LOG_INFO, "no room for this");
    assert_true(dup2(pipe_end, STDERR_FILENO) >= 0);
    assert_int_equal(rs_log_dropped() - before, 1);
    rs_log(RS_LOG_INFO, "again");
    expect_stamped(logged(), "rollstatd info: again\n");
    assert_int_equal(close(full) + close(pipe_end), 0);
}

/* A limit on the size of files stands for the disk: a write takes what there is room for. */
static void test_a_torn_line_does_not_swallow_the_next(void **state)
{
    (void)state;
    char text[4096] = "";
    char path[] = "/tmp/rs-log-XXXXXX";
    struct rlimit before;
    int pipe_end = dup(STDERR_FILENO);
    int file = mkostemp(path, O_APPEND | O_CLOEXEC);
    assert_true(pipe_end >= 0 && file >= 0 && dup2(file, STDERR_FILENO) >= 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    const struct rlimit small = {.rlim_cur = 60, .rlim_max = before.rlim_max};
    (void)signal(SIGXFSZ, SIG_IGN);
    uint64_t dropped = rs_log_dropped();
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    rs_log(RS_LOG_INFO, "a line that is longer than what is left");
    rs_log(RS_LOG_INFO, "b");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    rs_log(RS_LOG_INFO, "c");
    rs_log(RS_LOG_INFO, "d");
    assert_true(dup2(pipe_end, STDERR_FILENO) >= 0);
    assert_int_equal(rs_log_dropped() - dropped, 2);
    assert_true(pread(file, text, sizeof text - 1, 0) > 60);
    assert_int_equal(text[60], '\n');
    char *next = strchr(text + 61, '\n');
    assert_non_null(next);
    *next = '\0';
    expect_stamped(text + 61, "rollstatd info: c");
    expect_stamped(next + 1, "rollstatd info: d\n");
    assert_int_equal(unlink(path) + close(file) + close(pipe_end), 0);
}

static void test_bursts_are_limited_per_second(void **state)
{
    (void)state;
    struct rs_log_limit limit = {0};
    int64_t now = 5000000;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(rs_log_allowed(&limit, 2, now + i), i < 2);
    }
    assert_int_equal(limit.left_out, 8);
    assert_string_equal(logged(), "");
    assert_false(rs_log_allowed(&limit, 2, now + 999999));
    assert_true(rs_log_allowed(&limit, 2, now + 1000000));
    expect_stamped(logged(), "rollstatd info: 9 messages like the next one were left out\n");
    assert_true(rs_log_allowed(&limit, 2, now + 1000001));
    assert_false(rs_log_allowed(&limit, 2, now + 1000002));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_line_has_time_program_and_level, capture, release),
        cmocka_unit_test_setup_teardown(test_levels_filter, capture, release),
        cmocka_unit_test_setup_teardown(test_the_journal_gets_priorities, capture, release),
        cmocka_unit_test_setup_teardown(test_json_lines, capture, release),
        cmocka_unit_test_setup_teardown(test_one_message_is_one_line, capture, release),
        cmocka_unit_test_setup_teardown(test_long_messages_are_cut_between_characters, capture, release),
        cmocka_unit_test_setup_teardown(test_a_full_pipe_drops_and_counts, capture, release),
        cmocka_unit_test_setup_teardown(test_a_pipe_without_reader_does_not_kill, capture, release),
        cmocka_unit_test_setup_teardown(test_a_closed_socket_does_not_kill, capture, release),
        cmocka_unit_test_setup_teardown(test_a_full_disk_drops_and_counts, capture, release),
        cmocka_unit_test_setup_teardown(test_a_torn_line_does_not_swallow_the_next, capture, release),
        cmocka_unit_test_setup_teardown(test_bursts_are_limited_per_second, capture, release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
