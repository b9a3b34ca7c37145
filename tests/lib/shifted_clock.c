/* shifted_clock: preloaded into a program, moves its wall clock by as many microseconds as the file named in
 * SHIFTED_CLOCK holds (eight bytes, native order), which a test may change at any time. Steady clocks stay as they
 * are, as when an administrator sets the time. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *shift_us;

__attribute__((constructor)) static void map_file(void)
{
    const char *path = secure_getenv("SHIFTED_CLOCK");
    int fd = !path ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    void *at = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *shift_us, PROT_READ, MAP_SHARED, fd, 0);

    shift_us = at == MAP_FAILED ? NULL : at;
    if (fd >= 0) {
        (void)close(fd);
    }
}

static int64_t wall_ns(void)
{
    struct timespec now = {0, 0};

    (void)syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec + (shift_us ? *shift_us * 1000 : 0);
}

int clock_gettime(clockid_t id, struct timespec *out)
{
    if (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE) {
        return (int)syscall(SYS_clock_gettime, id, out);
    }
    int64_t now = wall_ns();
    out->tv_sec = (time_t)(now / 1000000000);
    out->tv_nsec = (long)(now % 1000000000);
    return 0;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    int64_t now = wall_ns();

    (void)zone;
    out->tv_sec = (time_t)(now / 1000000000);
    out->tv_usec = (suseconds_t)(now % 1000000000 / 1000);
    return 0;
}

time_t time(time_t *out)
{
    time_t now = (time_t)(wall_ns() / 1000000000);

    if (out) {
        *out = now;
    }
    return now;
}
