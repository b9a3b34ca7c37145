/* prefetch: asks for a cache line that will be read or written soon.
 * Thread: any. */
#ifndef RS_BASE_PREFETCH_H
#define RS_BASE_PREFETCH_H

/* GCC takes a function that does nothing but prefetch for one without effect and leaves out the calls of it;
 * an empty statement of the assembler is an effect. */
static inline void rs_prefetch(const void *at)
{
    __builtin_prefetch(at);
    __asm__ volatile("");
}

#endif
