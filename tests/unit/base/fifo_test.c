#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/fifo.h"

struct letter {
    char name;
    struct letter *next;
};

RS_FIFO(letters, letter);

struct fixture {
    struct letter a, b, c;
    struct letters queue;
};

static struct fixture three(void)
{
    return (struct fixture){.a = {.name = 'a'}, .b = {.name = 'b'}, .c = {.name = 'c'}};
}

static void push_all(struct fixture *f)
{
    letters_push(&f->queue, &f->a);
    letters_push(&f->queue, &f->b);
    letters_push(&f->queue, &f->c);
}

/* What is in it, by following the links and by its last; then that it is whole. */
static void assert_holds(const struct letters *queue, const char *names)
{
    const struct letter *last = NULL;

    for (const struct letter *at = queue->first; at; at = at->next) {
        assert_int_equal(at->name, *names++);
        last = at;
    }
    assert_int_equal(*names, '\0');
    assert_ptr_equal(queue->last, last);
}

static void test_first_in_first_out(void **state)
{
    (void)state;
    struct fixture f = three();

    assert_null(letters_pop(&f.queue));
    push_all(&f);
    assert_holds(&f.queue, "abc");
    assert_ptr_equal(letters_pop(&f.queue), &f.a);
    assert_null(f.a.next);
    letters_push(&f.queue, &f.a);
    assert_holds(&f.queue, "bca");
    assert_ptr_equal(letters_pop(&f.queue), &f.b);
    assert_ptr_equal(letters_pop(&f.queue), &f.c);
    assert_ptr_equal(letters_pop(&f.queue), &f.a);
    assert_holds(&f.queue, "");
    assert_null(letters_pop(&f.queue));
}

static void test_a_stale_link_is_cut_by_a_push(void **state)
{
    (void)state;
    struct fixture f = three();

    f.a.next = &f.c;
    letters_push(&f.queue, &f.a);
    assert_holds(&f.queue, "a");
}

static void test_one_queue_behind_another(void **state)
{
    (void)state;
    struct fixture f = three();
    struct letters other = {0};

    letters_append(&f.queue, &other);
    assert_holds(&f.queue, "");
    letters_push(&other, &f.a);
    letters_push(&other, &f.b);
    letters_append(&f.queue, &other);
    assert_holds(&f.queue, "ab");
    assert_holds(&other, "");
    letters_append(&f.queue, &other);
    assert_holds(&f.queue, "ab");
    letters_push(&other, &f.c);
    letters_append(&f.queue, &other);
    assert_holds(&f.queue, "abc");
}

static void test_removing_from_any_place(void **state)
{
    (void)state;
    static const char *const left[] = {"bc", "ac", "ab"};

    for (size_t i = 0; i < 3; i++) {
        struct fixture f = three();
        struct letter *const items[] = {&f.a, &f.b, &f.c};
        push_all(&f);
        letters_remove(&f.queue, items[i]);
        assert_null(items[i]->next);
        assert_holds(&f.queue, left[i]);
        letters_push(&f.queue, items[i]);
        assert_ptr_equal(f.queue.last, items[i]);
    }
    struct fixture f = three();
    letters_push(&f.queue, &f.b);
    letters_remove(&f.queue, &f.b);
    assert_holds(&f.queue, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_in_first_out),
        cmocka_unit_test(test_a_stale_link_is_cut_by_a_push),
        cmocka_unit_test(test_one_queue_behind_another),
        cmocka_unit_test(test_removing_from_any_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
