#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <sched.h>

#include "base/queue.h"

static struct rs_queue *queue_of(size_t capacity, bool pollable)
{
    struct rs_error error;
    struct rs_queue *queue = NULL;
    assert_int_equal(rs_queue_new(capacity, pollable, &queue, &error), 0);
    return queue;
}

static bool readable(const struct rs_queue *queue)
{
    struct pollfd fd = {.fd = rs_queue_fd(queue), .events = POLLIN};
    return poll(&fd, 1, 0) == 1 && (fd.revents & POLLIN) != 0;
}

static void first_in_first_out_and_bounded(void **state)
{
    (void)state;
    int items[5];
    struct rs_queue *queue = queue_of(3, false);
    assert_int_equal(rs_queue_fd(queue), -1);
    assert_null(rs_queue_pop(queue));
    for (int round = 0; round < 7; round++) {
        for (int i = 0; i < 3; i++) {
            assert_true(rs_queue_push(queue, &items[i]));
        }
        assert_false(rs_queue_push(queue, &items[3]));
        assert_int_equal(rs_queue_size(queue), 3);
        assert_ptr_equal(rs_queue_pop(queue), &items[0]);
        assert_true(rs_queue_push(queue, &items[4]));
        assert_ptr_equal(rs_queue_pop(queue), &items[1]);
        assert_ptr_equal(rs_queue_wait(queue, 0), &items[2]);
        assert_ptr_equal(rs_queue_wait(queue, -1), &items[4]);
        assert_null(rs_queue_pop(queue));
    }
    rs_queue_free(&queue);
    assert_null(queue);
    rs_queue_free(&queue);
}

static void descriptor_is_readable_while_there_is_something(void **state)
{
    (void)state;
    int item;
    struct rs_queue *queue = queue_of(2, true);
    assert_false(readable(queue));
    assert_true(rs_queue_push(queue, &item));
    assert_true(rs_queue_push(queue, &item));
    assert_true(readable(queue));
    (void)rs_queue_pop(queue);
    assert_true(readable(queue));
    (void)rs_queue_pop(queue);
    assert_false(readable(queue));
    rs_queue_close(queue);
    assert_true(readable(queue));
    rs_queue_free(&queue);
}

static void waiting_ends_with_the_timeout_or_the_close(void **state)
{
    (void)state;
    int item;
    struct rs_queue *queue = queue_of(2, false);
    assert_null(rs_queue_wait(queue, 1000));
    assert_true(rs_queue_push(queue, &item));
    rs_queue_close(queue);
    assert_false(rs_queue_push(queue, &item));
    assert_ptr_equal(rs_queue_wait(queue, -1), &item);
    assert_null(rs_queue_wait(queue, -1));
    rs_queue_free(&queue);
}

#define PUSHERS  3
#define PER_PUSH 20000

struct item {
    unsigned pusher;
    int number;
};

struct pusher {
    struct rs_queue *queue;
    struct item items[PER_PUSH];
};

static void *push_all(void *argument)
{
    struct pusher *p = argument;
    for (int i = 0; i < PER_PUSH; i++) {
        while (!rs_queue_push(p->queue, &p->items[i])) {
            (void)sched_yield();
        }
    }
    return NULL;
}

static void nothing_is_lost_or_reordered_between_threads(void **state)
{
    (void)state;
    static struct pusher pushers[PUSHERS];
    struct rs_queue *queue = queue_of(16, true);
    pthread_t threads[PUSHERS];
    int next[PUSHERS] = {0};
    for (unsigned i = 0; i < PUSHERS; i++) {
        pushers[i].queue = queue;
        for (int k = 0; k < PER_PUSH; k++) {
            pushers[i].items[k] = (struct item){i, k};
        }
        assert_int_equal(pthread_create(&threads[i], NULL, push_all, &pushers[i]), 0);
    }
    for (int got = 0; got < PUSHERS * PER_PUSH; got++) {
        const struct item *item = rs_queue_wait(queue, -1);
        assert_non_null(item);
        assert_int_equal(item->number, next[item->pusher]);
        next[item->pusher]++;
    }
    for (unsigned i = 0; i < PUSHERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(rs_queue_size(queue), 0);
    assert_false(readable(queue));
    rs_queue_free(&queue);
}

static void *wait_for_close(void *queue)
{
    return rs_queue_wait(queue, -1);
}

static void close_wakes_all_who_wait(void **state)
{
    (void)state;
    struct rs_queue *queue = queue_of(1, false);
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, wait_for_close, queue), 0);
    }
    rs_queue_close(queue);
    for (int i = 0; i < 3; i++) {
        void *result = &threads;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_null(result);
    }
    rs_queue_free(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_in_first_out_and_bounded),
        cmocka_unit_test(descriptor_is_readable_while_there_is_something),
        cmocka_unit_test(waiting_ends_with_the_timeout_or_the_close),
        cmocka_unit_test(nothing_is_lost_or_reordered_between_threads),
        cmocka_unit_test(close_wakes_all_who_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
