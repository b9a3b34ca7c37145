#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

static char path[] = "/tmp/rs_file_test_XXXXXX";

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    if (fd < 0 || write(fd, "hello", 5) != 5) {
        return -1;
    }
    return close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static void test_appends_the_content(void **state)
{
    (void)state;
    struct rs_buf out = {0};
    struct rs_error error;
    rs_buf_text(&out, ">");
    assert_int_equal(rs_file_read(path, 5, &out, &error), 0);
    assert_string_equal(rs_buf_cstr(&out), ">hello");
    rs_buf_fini(&out);
}

static void test_a_larger_file_is_refused(void **state)
{
    (void)state;
    struct rs_buf out = {0};
    struct rs_error error;
    char wanted[128];
    assert_int_equal(rs_file_read(path, 4, &out, &error), RS_EINVAL);
    (void)snprintf(wanted, sizeof wanted, "\"%s\" is larger than the limit of 4 bytes", path);
    assert_string_equal(error.text, wanted);
    rs_buf_fini(&out);
}

static void test_what_cannot_be_read_is_named(void **state)
{
    (void)state;
    struct rs_buf out = {0};
    struct rs_error error;
    assert_int_equal(rs_file_read("/nonexistent/x", 4, &out, &error), RS_EIO);
    assert_string_equal(error.text, "cannot open \"/nonexistent/x\": No such file or directory");
    assert_int_equal(rs_file_read("/", 4, &out, &error), RS_EIO);
    assert_string_equal(error.text, "cannot read \"/\": Is a directory");
    rs_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appends_the_content),
        cmocka_unit_test(test_a_larger_file_is_refused),
        cmocka_unit_test(test_what_cannot_be_read_is_named),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
