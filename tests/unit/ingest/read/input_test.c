#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ingest/read/input.h"
#include "ingest/read/unpack.h"
#include "tests/unit/ingest/packing.h"
#include "tests/unit/ingest/support.h"

static int drain(struct rs_input *in, struct rs_buf *out, struct rs_error *error)
{
    int rc;
    while ((rc = rs_input_more(in, error)) == 1) {
        rs_buf_put(out, in->data + in->begin, in->end - in->begin);
        in->begin = in->end;
    }
    return rc;
}

static void expect_content(const char *path, const void *wanted, size_t size)
{
    struct rs_error error;
    struct rs_input *in = NULL;
    struct rs_buf got = {0};
    assert_int_equal(rs_input_open(path, NULL, &in, &error), 0);
    assert_int_equal(drain(in, &got, &error), 0);
    assert_true(in->eof);
    assert_int_equal(got.size, size);
    assert_true(size == 0 || memcmp(got.data, wanted, size) == 0);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(rs_input_read(in), st.st_size);
    rs_input_close(&in);
    assert_null(in);
    rs_buf_fini(&got);
}

static void expect_failure(const char *path, const char *text)
{
    struct rs_error error;
    struct rs_input *in = NULL;
    struct rs_buf got = {0};
    assert_int_equal(rs_input_open(path, NULL, &in, &error), 0);
    assert_int_equal(drain(in, &got, &error), RS_EIO);
    assert_non_null(strstr(error.text, text));
    rs_input_close(&in);
    rs_buf_fini(&got);
}

static char *make_content(size_t size)
{
    char *content = malloc(size);
    uint32_t x = 1;
    assert_non_null(content);
    for (size_t i = 0; i < size; i++) {
        x = x * 1664525 + 1013904223;
        content[i] = (char)('a' + (x >> 24) % 20);
    }
    return content;
}

static void test_plain(void **state)
{
    (void)state;
    char *content = make_content(700000);
    expect_content(support_file("plain", content, 700000), content, 700000);
    expect_content(support_file("one", "x", 1), "x", 1);
    expect_content(support_file("empty", "", 0), "", 0);
    free(content);
}

static void test_gzip(void **state)
{
    (void)state;
    char *content = make_content(900000);
    expect_content(support_gzip("big.gz", content, 900000), content, 900000);
    expect_content(support_gzip("empty.gz", "", 0), "", 0);
    free(content);
}

static void test_gzip_members_and_padding(void **state)
{
    struct rs_buf a = {0};
    struct rs_buf b = {0};
    (void)state;
    support_read(support_gzip("a.gz", "first ", 6), &a);
    support_read(support_gzip("b.gz", "second", 6), &b);
    rs_buf_put(&a, b.data, b.size);
    expect_content(support_file("ab.gz", a.data, a.size), "first second", 12);
    rs_buf_put(&a, "\0\0\0\0", 4);
    expect_content(support_file("padded.gz", a.data, a.size), "first second", 12);
    rs_buf_put(&a, "rubbish", 7);
    expect_failure(support_file("rubbish.gz", a.data, a.size), "damaged");
    rs_buf_fini(&a);
    rs_buf_fini(&b);
}

static void test_gzip_cut_and_damaged(void **state)
{
    char *content = make_content(100000);
    struct rs_buf packed = {0};
    (void)state;
    support_read(support_gzip("c.gz", content, 100000), &packed);
    expect_failure(support_file("cut.gz", packed.data, packed.size - 5), "the gzip data is cut off");
    packed.data[packed.size / 2] ^= 0x55;
    packed.data[packed.size / 2 + 1] ^= 0x55;
    expect_failure(support_file("bad.gz", packed.data, packed.size), "the gzip data is damaged");
    rs_buf_fini(&packed);
    free(content);
}

static const struct {
    enum rs_unpack_format format;
    const char *name;
} packings[] = {
    {RS_UNPACK_GZIP, "gzip"}, {RS_UNPACK_ZSTD, "zstd"}, {RS_UNPACK_BZIP2, "bzip2"}, {RS_UNPACK_XZ, "xz"}};

/* Each format: whole, empty, two streams one behind the other, padding, cut anywhere near its end, damaged. */
static void test_packed(void **state)
{
    char *content = make_content(900000);
    (void)state;
    for (size_t i = 0; i < sizeof packings / sizeof packings[0]; i++) {
        struct rs_buf packed = {0};
        struct rs_buf empty = {0};
        char wanted[64];
        pack(packings[i].format, content, 900000, &packed);
        pack(packings[i].format, "", 0, &empty);
        expect_content(support_file("whole", packed.data, packed.size), content, 900000);
        expect_content(support_file("empty", empty.data, empty.size), "", 0);
        (void)snprintf(wanted, sizeof wanted, "the %s data is cut off", packings[i].name);
        for (size_t cut = 1; cut < 40; cut += 3) {
            expect_failure(support_file("cut", packed.data, packed.size - cut), wanted);
        }
        (void)snprintf(wanted, sizeof wanted, "the %s data is damaged", packings[i].name);
        for (size_t at = packed.size / 2; at < packed.size / 2 + 8; at++) {
            packed.data[at] ^= 0x55;
        }
        expect_failure(support_file("damaged", packed.data, packed.size), wanted);
        rs_buf_reset(&packed);
        pack(packings[i].format, "first ", 6, &packed);
        pack(packings[i].format, "second", 6, &packed);
        expect_content(support_file("two", packed.data, packed.size), "first second", 12);
        rs_buf_put(&packed, "\0\0\0\0", 4);
        expect_content(support_file("padded", packed.data, packed.size), "first second", 12);
        rs_buf_put(&packed, "rubbish of some length", 22);
        expect_failure(support_file("rubbish", packed.data, packed.size), wanted);
        rs_buf_fini(&packed);
        rs_buf_fini(&empty);
    }
    free(content);
}

/* Streams that say they refer back further than the memory that a reader gives them. */
static void test_greedy(void **state)
{
    static const char zstd[] = "\x28\xb5\x2f\xfd\x00\x90\x01\x00\x00"; /* a window of 2^28 bytes */
    struct rs_buf xz = {0};
    (void)state;
    expect_failure(support_file("g.zst", zstd, sizeof zstd - 1),
                   "takes more than 128 MiB of memory to unpack");
    pack(RS_UNPACK_XZ, "x", 1, &xz);
    pack_greedy_xz(&xz);
    expect_failure(support_file("g.xz", xz.data, xz.size),
                   "takes more than 128 MiB of memory to unpack; unpack it with xz itself first");
    rs_buf_fini(&xz);
}

/* A file of another kind says what it is, before anything of it is taken for rows. */
static void test_foreign(void **state)
{
    struct rs_error error;
    struct rs_input *in = NULL;
    (void)state;
    const char *path = support_file("book.xlsx",
                                    "PK\x03\x04\x14\0\x06\0\x08\0\0\0\x21\0................"
                                    "[Content_Types].xml",
                                    49);
    assert_int_equal(rs_input_open(path, NULL, &in, &error), 0);
    assert_int_equal(rs_input_more(in, &error), RS_EUSAGE);
    assert_non_null(
        strstr(error.text, "book.xlsx: is an Excel workbook (xlsx); save the sheet as CSV in UTF-8"));
    rs_input_close(&in);
    expect_content(support_file("text", "BZh,a\n", 6), "BZh,a\n", 6);
    expect_content(support_file("text", "BZ", 2), "BZ", 2);
}

static void test_refused(void **state)
{
    struct rs_error error;
    struct rs_input *in = NULL;
    (void)state;
    assert_int_equal(rs_input_open("/nonexistent/x", NULL, &in, &error), RS_EIO);
    assert_string_equal(error.text, "/nonexistent/x: cannot be opened: No such file or directory");
    assert_int_equal(rs_input_open("/tmp", NULL, &in, &error), RS_EIO);
    assert_string_equal(error.text, "/tmp: is a directory, a file is needed");
    assert_null(in);
}

struct pipe_writer {
    int fd;
    const struct rs_buf *bytes;
};

/* Bytes that come one at a time, the gzip magic too. */
static void *dribble(void *arg)
{
    const struct pipe_writer *w = arg;
    for (size_t i = 0; i < w->bytes->size && write(w->fd, w->bytes->data + i, 1) == 1; i++) {
    }
    (void)close(w->fd);
    return NULL;
}

static void test_pipe(void **state)
{
    int fds[2];
    char path[32];
    pthread_t thread;
    struct rs_error error;
    struct rs_input *in = NULL;
    struct rs_buf packed = {0};
    struct rs_buf got = {0};
    (void)state;
    support_read(support_gzip("p.gz", "through a pipe", 14), &packed);
    assert_int_equal(pipe(fds), 0);
    struct pipe_writer writer = {.fd = fds[1], .bytes = &packed};
    (void)snprintf(path, sizeof path, "/dev/fd/%d", fds[0]);
    assert_int_equal(rs_input_open(path, NULL, &in, &error), 0);
    assert_int_equal(pthread_create(&thread, NULL, dribble, &writer), 0);
    assert_int_equal(drain(in, &got, &error), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(got.size, 14);
    assert_memory_equal(got.data, "through a pipe", 14);
    assert_int_equal(rs_input_read(in), packed.size);
    rs_input_close(&in);
    (void)close(fds[0]);
    rs_buf_fini(&packed);
    rs_buf_fini(&got);
}

static void test_stop_ends_a_wait(void **state)
{
    int fds[2];
    char path[32];
    struct rs_error error;
    struct rs_input *in = NULL;
    volatile sig_atomic_t stop = 0;
    (void)state;
    assert_int_equal(pipe(fds), 0);
    (void)snprintf(path, sizeof path, "/dev/fd/%d", fds[0]);
    assert_int_equal(rs_input_open(path, &stop, &in, &error), 0);
    assert_int_equal(write(fds[1], "abc", 3), 3);
    assert_int_equal(rs_input_more(in, &error), 1);
    stop = SIGINT;
    assert_int_equal(rs_input_more(in, &error), 0);
    assert_true(in->eof);
    rs_input_close(&in);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void test_lines(void **state)
{
    struct rs_error error;
    struct rs_input *in = NULL;
    char *content = make_content(600000);
    size_t end = 0;
    bool found = false;
    (void)state;
    content[400000] = '\n';
    const char *path = support_file("lines", content, 600000);
    assert_int_equal(rs_input_open(path, NULL, &in, &error), 0);
    assert_int_equal(rs_input_line(in, 0, 500000, &end, &error), 0);
    assert_int_equal(end, 400000);
    assert_int_equal(rs_input_line(in, 400001, 1000, &end, &error), 0);
    assert_true(end > 1000);
    assert_int_equal(rs_input_drop_line(in, &found, &error), 0);
    assert_true(found);
    assert_int_equal(rs_input_drop_line(in, &found, &error), 0);
    assert_false(found);
    assert_true(in->eof);
    assert_int_equal(in->begin, in->end);
    rs_input_close(&in);
    free(content);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_gzip),
        cmocka_unit_test(test_gzip_members_and_padding),
        cmocka_unit_test(test_gzip_cut_and_damaged),
        cmocka_unit_test(test_packed),
        cmocka_unit_test(test_greedy),
        cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_pipe),
        cmocka_unit_test(test_stop_ends_a_wait),
        cmocka_unit_test(test_lines),
    };
    return cmocka_run_group_tests_name("input", tests, NULL, support_end);
}
