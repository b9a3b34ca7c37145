/* thread: threads of a library's own, and what wakes one that waits for descriptors.
 * Thread: any. */
#ifndef RS_BASE_THREAD_H
#define RS_BASE_THREAD_H

#include <pthread.h>

#include "base/error.h"

/* Signals are for the threads of the program: the new one has all of them blocked from its first moment on.
 * `who` is whose thread it is, for the message.
 * Errors: RS_ENOMEM. */
RS_MUST_USE int rs_thread_start(pthread_t *thread, void *(*run)(void *self), void *self, const char *who,
                                struct rs_error *error);

/* A descriptor that is readable from rs_wake until rs_wake_clear; it does not count, and nobody waits for it
 * but in poll. What a clear takes away has to be looked at after it, or it is missed.
 * Errors: RS_EIO, and then *fd is -1. */
RS_MUST_USE int rs_wake_open(int *fd, struct rs_error *error);
void rs_wake_close(int *fd); /* -1: nothing to do; leaves -1 */
void rs_wake(int fd);
void rs_wake_clear(int fd);

#endif
