#include "base/queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct rs_queue {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    size_t capacity;
    size_t head;
    size_t count;
    bool closed;
    bool signalled; /* the eventfd holds a count */
    int fd;
    void *items[];
};

static void lock_init(struct rs_queue *queue)
{
    pthread_condattr_t monotonic;
    RS_ASSERT(pthread_mutex_init(&queue->lock, NULL) == 0);
    RS_ASSERT(pthread_condattr_init(&monotonic) == 0);
    RS_ASSERT(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0);
    RS_ASSERT(pthread_cond_init(&queue->filled, &monotonic) == 0);
    RS_ASSERT(pthread_condattr_destroy(&monotonic) == 0);
}

int rs_queue_new(size_t capacity, bool pollable, struct rs_queue **out, struct rs_error *error)
{
    RS_ASSERT(capacity > 0 && capacity <= UINT32_MAX);
    struct rs_queue *queue = calloc(1, sizeof *queue + capacity * sizeof queue->items[0]);
    if (queue == NULL) {
        return rs_fail(error, RS_ENOMEM, "out of memory for a queue of %zu items", capacity);
    }
    queue->capacity = capacity;
    queue->fd = -1;
    if (pollable) {
        queue->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (queue->fd < 0) {
            free(queue);
            return rs_fail(error, RS_EIO, "no eventfd for a queue: %s", strerrordesc_np(errno));
        }
    }
    lock_init(queue);
    *out = queue;
    return 0;
}

void rs_queue_free(struct rs_queue **queue)
{
    struct rs_queue *q = *queue;
    if (q == NULL) {
        return;
    }
    if (q->fd >= 0) {
        (void)close(q->fd);
    }
    (void)pthread_cond_destroy(&q->filled);
    (void)pthread_mutex_destroy(&q->lock);
    free(q);
    *queue = NULL;
}

static void lock(struct rs_queue *queue)
{
    RS_ASSERT(pthread_mutex_lock(&queue->lock) == 0);
}

static void unlock(struct rs_queue *queue)
{
    RS_ASSERT(pthread_mutex_unlock(&queue->lock) == 0);
}

/* The descriptor follows "not empty or closed" under the lock, at one system call per change between the two.
 */
static void update_fd(struct rs_queue *queue)
{
    bool wanted = queue->count > 0 || queue->closed;
    if (queue->fd < 0 || wanted == queue->signalled) {
        return;
    }
    if (wanted) {
        RS_ASSERT(eventfd_write(queue->fd, 1) == 0);
    } else {
        eventfd_t ignored;
        RS_ASSERT(eventfd_read(queue->fd, &ignored) == 0);
    }
    queue->signalled = wanted;
}

bool rs_queue_push(struct rs_queue *queue, void *item)
{
    RS_ASSERT(item != NULL);
    lock(queue);
    bool taken = !queue->closed && queue->count < queue->capacity;
    if (taken) {
        queue->items[(queue->head + queue->count) % queue->capacity] = item;
        queue->count++;
        update_fd(queue);
        RS_ASSERT(pthread_cond_signal(&queue->filled) == 0);
    }
    unlock(queue);
    return taken;
}

static void *take_oldest(struct rs_queue *queue)
{
    if (queue->count == 0) {
        return NULL;
    }
    void *item = queue->items[queue->head];
    queue->head = (queue->head + 1) % queue->capacity;
    queue->count--;
    update_fd(queue);
    return item;
}

void *rs_queue_pop(struct rs_queue *queue)
{
    lock(queue);
    void *item = take_oldest(queue);
    unlock(queue);
    return item;
}

static struct timespec deadline_after(int64_t timeout_us)
{
    struct timespec now;
    RS_ASSERT(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    int64_t nanoseconds = now.tv_nsec + timeout_us % 1000000 * 1000;
    now.tv_sec += (time_t)(timeout_us / 1000000 + nanoseconds / 1000000000);
    now.tv_nsec = (long)(nanoseconds % 1000000000);
    return now;
}

void *rs_queue_wait(struct rs_queue *queue, int64_t timeout_us)
{
    struct timespec deadline = deadline_after(timeout_us < 0 ? 0 : timeout_us);
    int result = 0;
    lock(queue);
    while (queue->count == 0 && !queue->closed && result == 0) {
        result = timeout_us < 0 ? pthread_cond_wait(&queue->filled, &queue->lock)
                                : pthread_cond_timedwait(&queue->filled, &queue->lock, &deadline);
    }
    RS_ASSERT(result == 0 || result == ETIMEDOUT);
    void *item = take_oldest(queue);
    unlock(queue);
    return item;
}

void rs_queue_close(struct rs_queue *queue)
{
    lock(queue);
    queue->closed = true;
    update_fd(queue);
    RS_ASSERT(pthread_cond_broadcast(&queue->filled) == 0);
    unlock(queue);
}

size_t rs_queue_size(struct rs_queue *queue)
{
    lock(queue);
    size_t count = queue->count;
    unlock(queue);
    return count;
}

int rs_queue_fd(const struct rs_queue *queue)
{
    return queue->fd;
}
