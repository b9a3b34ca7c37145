/* queue: bounded queue of pointers between threads.
 * Pushing never blocks: a full or closed queue refuses, and the caller keeps the item (back-pressure).
 * Popping can wait for a time, or a reader that sits in poll(2) watches the queue's file descriptor.
 * Thread: any number of pushers and poppers; free only when all are gone.
 * Owns:   the slots, not what the pointers point to. */
#ifndef RS_BASE_QUEUE_H
#define RS_BASE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct rs_queue;

/* With `pollable` the queue has a file descriptor (an eventfd); RS_EIO when the system gives none. */
RS_MUST_USE int rs_queue_new(size_t capacity, bool pollable, struct rs_queue **out, struct rs_error *error);
void rs_queue_free(struct rs_queue **queue);

/* false: full or closed, nothing was taken. `item` is not NULL. */
RS_MUST_USE bool rs_queue_push(struct rs_queue *queue, void *item);

/* Oldest item, or NULL at once when there is none. */
void *rs_queue_pop(struct rs_queue *queue);

/* Waits up to `timeout_us` of monotonic time (negative: for ever). NULL: timeout, or closed and drained. */
void *rs_queue_wait(struct rs_queue *queue, int64_t timeout_us);

/* Refuses pushes from now on and wakes everyone who waits; what is inside can still be popped. */
void rs_queue_close(struct rs_queue *queue);

size_t rs_queue_size(struct rs_queue *queue);

/* Readable while the queue holds something or is closed; never to be read by the caller. -1: not pollable. */
int rs_queue_fd(const struct rs_queue *queue);

#endif
