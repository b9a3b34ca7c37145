/* cpu_clock: CPU time of this thread, so that other work on the machine does not count. For programs that measure.
 * Thread: any. */
#ifndef RS_TESTS_CPU_CLOCK_H
#define RS_TESTS_CPU_CLOCK_H

#include <time.h>

static inline double cpu_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

#endif
