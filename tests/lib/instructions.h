/* instructions: counts what this thread executes, where the kernel counts it. For programs that measure.
 * Thread: the one that opened the counter. */
#ifndef RS_TESTS_INSTRUCTIONS_H
#define RS_TESTS_INSTRUCTIONS_H

#include <linux/perf_event.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A descriptor; negative: they are not counted here. */
static inline int instruction_counter(void)
{
    struct perf_event_attr attr = {.type = PERF_TYPE_HARDWARE,
                                   .size = sizeof attr,
                                   .config = PERF_COUNT_HW_INSTRUCTIONS,
                                   .exclude_kernel = 1,
                                   .exclude_hv = 1};
    return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

/* So far; 0 without a counter. */
static inline double instructions(int counter)
{
    uint64_t value = 0;
    return counter >= 0 && read(counter, &value, sizeof value) == sizeof value ? (double)value : 0;
}

#endif
