#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/thread.h"

static void *remember_mask(void *self)
{
    (void)pthread_sigmask(SIG_SETMASK, NULL, self);
    return NULL;
}

static void test_a_thread_has_no_signals_and_its_maker_keeps_them(void **state)
{
    (void)state;
    pthread_t thread;
    sigset_t mine;
    sigset_t its;
    struct rs_error error;

    (void)sigemptyset(&its);
    assert_int_equal(rs_thread_start(&thread, remember_mask, &its, "the test", &error), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(sigismember(&its, SIGTERM), 1);
    assert_int_equal(sigismember(&its, SIGPIPE), 1);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &mine), 0);
    assert_int_equal(sigismember(&mine, SIGTERM), 0);
}

static bool is_awake(int fd)
{
    struct pollfd at = {.fd = fd, .events = POLLIN};

    return poll(&at, 1, 0) == 1;
}

static void test_awake_until_it_is_cleared(void **state)
{
    (void)state;
    struct rs_error error;
    int fd = -1;

    assert_int_equal(rs_wake_open(&fd, &error), 0);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    assert_false(is_awake(fd));
    rs_wake_clear(fd); /* of one that sleeps: returns at once */
    rs_wake(fd);
    rs_wake(fd);
    assert_true(is_awake(fd));
    rs_wake_clear(fd);
    assert_false(is_awake(fd));
    int was = fd;
    rs_wake_close(&fd);
    assert_int_equal(fd, -1);
    assert_int_equal(fcntl(was, F_GETFD), -1);
    rs_wake_close(&fd);
}

static void test_a_full_counter_does_not_block(void **state)
{
    (void)state;
    struct rs_error error;
    int fd = -1;
    const uint64_t most = UINT64_MAX - 1;

    assert_int_equal(rs_wake_open(&fd, &error), 0);
    assert_int_equal(write(fd, &most, sizeof most), sizeof most);
    rs_wake(fd);
    assert_true(is_awake(fd));
    rs_wake_close(&fd);
}

static void test_no_descriptor_is_an_error(void **state)
{
    (void)state;
    struct rlimit before;
    struct rs_error error;
    int fd = 7;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max}),
                     0);
    int rc = rs_wake_open(&fd, &error);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(rc, RS_EIO);
    assert_int_equal(fd, -1);
    assert_string_equal(error.text, "no eventfd: Too many open files");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_thread_has_no_signals_and_its_maker_keeps_them),
        cmocka_unit_test(test_awake_until_it_is_cleared),
        cmocka_unit_test(test_a_full_counter_does_not_block),
        cmocka_unit_test(test_no_descriptor_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
