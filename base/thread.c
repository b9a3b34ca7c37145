#include "base/thread.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

int rs_thread_start(pthread_t *thread, void *(*run)(void *self), void *self, const char *who,
                    struct rs_error *error)
{
    sigset_t all;
    sigset_t before;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(thread, NULL, run, self);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc == 0 ? 0 : rs_fail(error, RS_ENOMEM, "no thread for %s: %s", who, strerrordesc_np(rc));
}

int rs_wake_open(int *fd, struct rs_error *error)
{
    *fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return *fd >= 0 ? 0 : rs_fail(error, RS_EIO, "no eventfd: %s", strerrordesc_np(errno));
}

void rs_wake_close(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

void rs_wake(int fd)
{
    const uint64_t one = 1;

    /* Fails only when the counter is full, and then the reader is awake anyway. */
    while (write(fd, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

void rs_wake_clear(int fd)
{
    uint64_t count = 0;

    while (read(fd, &count, sizeof count) < 0 && errno == EINTR) {
    }
}
