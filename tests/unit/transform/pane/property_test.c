/* Laws of panes over random layouts, types and events. What a pane holds is compared by its saved bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "tests/lib/random.h"
#include "transform/pane/pane.h"

#define ROUNDS     250
#define INPUTS     3
#define EVENTS_MAX 80
#define STATS_MAX  12

struct event {
    struct rs_num inputs[INPUTS];
    int64_t time_us;
    int64_t order;
};

struct world {
    struct rs_random random;
    struct rs_num_type types[INPUTS];
    struct rs_stat_param params[STATS_MAX]; /* of quantiles: any from 0 to 1; else 1 to 100 */
    struct rs_pane_layout *layout;
    struct event events[EVENTS_MAX];
    size_t order[EVENTS_MAX];
    size_t count;
};

static size_t removed; /* by law_remove */

static struct rs_num random_num(struct world *w, const struct rs_num_type *type)
{
    struct rs_num num = {.present = type->required || rs_random_next(&w->random) % 8 != 0};
    uint64_t bits = rs_random_next(&w->random);
    switch (type->kind) {
    case RS_NUM_INT64: num.i = rs_random_int64(&w->random); break;
    case RS_NUM_INT128: num.w = rs_random_int128(&w->random); break;
    case RS_NUM_DOUBLE: /* any bits in some worlds, NaN among them; near one another in others */
        num.d = ldexp((double)rs_random_int64(&w->random), -40);
        if (type->scale != 0) {
            memcpy(&num.d, &bits, sizeof num.d);
        }
        break;
    }
    return num;
}

static void world_make(struct world *w)
{
    struct rs_stat_spec stats[STATS_MAX];
    struct rs_error error;
    size_t stat_count = 1 + rs_random_next(&w->random) % STATS_MAX;
    bool all_int64 = rs_random_next(&w->random) % 3 == 0; /* those have code of their own */
    for (size_t i = 0; i < INPUTS; i++) {
        w->types[i].kind = all_int64 ? RS_NUM_INT64 : (enum rs_num_kind)(rs_random_next(&w->random) % 3);
        w->types[i].scale = (int)(rs_random_next(&w->random) % 3) * 6;
        w->types[i].required = rs_random_next(&w->random) % 2 == 0;
    }
    for (size_t i = 0; i < stat_count; i++) {
        stats[i].kind = (enum rs_stat_kind)(rs_random_next(&w->random) % (RS_STAT_PCT_CHANGE + 1));
        stats[i].name = "s";
        stats[i].x = (int)(rs_random_next(&w->random) % INPUTS);
        stats[i].w = (int)(rs_random_next(&w->random) % INPUTS);
        bool whole = stats[i].kind == RS_STAT_EWMA || stats[i].kind == RS_STAT_LAG;
        w->params[i] = (struct rs_stat_param){true, rs_random_between(&w->random, whole, 100), whole ? 0 : 2};
        stats[i].params = &w->params[i];
    }
    assert_int_equal(rs_pane_layout_new(stats, stat_count, w->types, INPUTS, &w->layout, &error), 0);
    w->count = rs_random_next(&w->random) % (EVENTS_MAX + 1);
    for (size_t i = 0; i < w->count; i++) {
        for (size_t k = 0; k < INPUTS; k++) {
            w->events[i].inputs[k] = random_num(w, &w->types[k]);
        }
        w->events[i].time_us = (int64_t)(rs_random_next(&w->random) % 5) - 2;
        w->events[i].order = (int64_t)(rs_random_next(&w->random) % 20); /* equal keys happen */
        w->order[i] = i;
    }
}

static void *pane_new(const struct world *w)
{
    void *pane = malloc(rs_pane_size(w->layout));
    assert_non_null(pane);
    rs_pane_init(w->layout, pane);
    return pane;
}

static void pane_free(const struct world *w, void *pane)
{
    rs_pane_fini(w->layout, pane);
    free(pane);
}

/* Events order[from..to), in that order. */
static void add_range(const struct world *w, void *pane, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        const struct event *e = &w->events[w->order[i]];
        rs_pane_add(w->layout, pane, e->inputs, e->time_us, e->order);
    }
}

static void append(void *ctx, size_t field, const char *text, size_t size)
{
    struct rs_buf *out = ctx;
    rs_buf_printf(out, " %zu=%.*s", field, (int)size, text);
}

/* What the pane saves and what it renders. */
static void describe(const struct world *w, const void *pane, struct rs_buf *out)
{
    struct rs_pane_scratch *scratch = rs_pane_scratch_new();
    assert_non_null(scratch);
    rs_buf_reset(out);
    rs_pane_save(w->layout, pane, out);
    rs_pane_render(w->layout, pane, pane, 7000, scratch, append, out);
    rs_pane_scratch_free(&scratch);
    assert_false(out->failed);
}

static void assert_same(const struct world *w, const void *a, const void *b)
{
    struct rs_buf x = {0};
    struct rs_buf y = {0};
    describe(w, a, &x);
    describe(w, b, &y);
    assert_int_equal(x.size, y.size);
    assert_memory_equal(x.data, y.data, x.size);
    rs_buf_fini(&x);
    rs_buf_fini(&y);
}

static void for_each_world(void (*law)(struct world *w))
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->random = rs_random_of_run();
    for (int i = 0; i < ROUNDS; i++) {
        world_make(w);
        law(w);
        rs_pane_layout_free(&w->layout);
    }
    free(w);
}

static void law_order(struct world *w)
{
    void *a = pane_new(w);
    void *b = pane_new(w);
    add_range(w, a, 0, w->count);
    rs_random_shuffle(&w->random, w->order, w->count);
    add_range(w, b, 0, w->count);
    assert_same(w, a, b);
    pane_free(w, a);
    pane_free(w, b);
}

static void test_the_order_of_events_leaves_no_trace(void **state)
{
    (void)state;
    for_each_world(law_order);
}

/* Three parts, put together as (a + b) + c, and the other way round as (c + b) + a. */
static void law_merge(struct world *w)
{
    size_t i = rs_random_next(&w->random) % (w->count + 1);
    size_t k = i + rs_random_next(&w->random) % (w->count - i + 1);
    void *all = pane_new(w);
    void *parts[3] = {pane_new(w), pane_new(w), pane_new(w)};
    void *copy = pane_new(w);
    add_range(w, all, 0, w->count);
    rs_random_shuffle(&w->random, w->order, w->count);
    add_range(w, parts[0], 0, i);
    add_range(w, parts[1], i, k);
    add_range(w, parts[2], k, w->count);
    rs_pane_copy(w->layout, copy, parts[0]);
    rs_pane_merge(w->layout, copy, parts[1]);
    rs_pane_merge(w->layout, copy, parts[2]);
    assert_same(w, copy, all);
    rs_pane_copy(w->layout, copy, parts[2]);
    rs_pane_merge(w->layout, copy, parts[1]);
    rs_pane_merge(w->layout, copy, parts[0]);
    assert_same(w, copy, all);
    for (size_t p = 0; p < 3; p++) {
        pane_free(w, parts[p]);
    }
    pane_free(w, copy);
    pane_free(w, all);
}

static void test_merging_commutes_and_associates(void **state)
{
    (void)state;
    for_each_world(law_merge);
}

/* As a sliding window does it: sums go, extrema are folded anew from what stays. */
static void law_subtract(struct world *w)
{
    size_t i = rs_random_next(&w->random) % (w->count + 1);
    void *running = pane_new(w);
    void *gone = pane_new(w);
    void *stays = pane_new(w);
    add_range(w, running, 0, w->count);
    add_range(w, gone, 0, i);
    add_range(w, stays, i, w->count);
    rs_pane_subtract(w->layout, running, gone);
    assert_int_equal(rs_pane_events(running), w->count - i);
    rs_pane_clear_extrema(w->layout, running);
    rs_pane_merge_extrema(w->layout, running, stays);
    assert_true(rs_pane_newest_us(running) == rs_pane_newest_us(stays));
    assert_same(w, running, stays);
    rs_pane_merge(w->layout, running, gone);
    rs_pane_fini(w->layout, stays);
    add_range(w, stays, 0, w->count);
    assert_same(w, running, stays);
    pane_free(w, running);
    pane_free(w, gone);
    pane_free(w, stays);
}

static void test_what_was_merged_can_be_taken_away(void **state)
{
    (void)state;
    for_each_world(law_subtract);
}

static int by_key(const void *a, const void *b)
{
    const struct event *x = a;
    const struct event *y = b;
    if (x->time_us != y->time_us) {
        return x->time_us < y->time_us ? -1 : 1;
    }
    return (x->order > y->order) - (x->order < y->order);
}

/* Events leave from the oldest on, one by one: what is left is as if they had never been there, or has to be
 * made anew. */
static void law_remove(struct world *w)
{
    void *running = pane_new(w);
    void *stays = pane_new(w);
    if (w->count) {
        qsort(w->events, w->count, sizeof *w->events, by_key);
    }
    for (size_t i = 0; i < w->count; i++) {
        w->order[i] = i;
    }
    add_range(w, running, 0, w->count);
    for (size_t i = 0; i < w->count; i++) {
        const struct event *e = &w->events[i];
        rs_pane_fini(w->layout, stays);
        add_range(w, stays, i + 1, w->count);
        if (rs_pane_remove(w->layout, running, e->inputs, e->time_us, e->order)) {
            removed++;
        } else {
            rs_pane_fini(w->layout, running);
            add_range(w, running, i + 1, w->count);
        }
        assert_same(w, running, stays);
    }
    pane_free(w, running);
    pane_free(w, stays);
}

static void test_the_oldest_event_can_be_taken_away(void **state)
{
    (void)state;
    removed = 0;
    for_each_world(law_remove);
    assert_true(removed > ROUNDS);
}

/* Loading gives the same pane, which goes on as the first would have; every cut is refused. */
static void law_load(struct world *w)
{
    size_t half = w->count / 2;
    void *a = pane_new(w);
    void *b = pane_new(w);
    struct rs_buf bytes = {0};
    struct rs_error error;
    size_t used = 0;
    add_range(w, a, 0, half);
    rs_pane_save(w->layout, a, &bytes);
    for (size_t cut = 0; cut < bytes.size; cut++) {
        assert_int_equal(rs_pane_load(w->layout, b, rs_slice_of(bytes.data, cut), &used, &error), RS_ESTATE);
        assert_int_equal(rs_pane_events(b), 0);
    }
    size_t size = bytes.size;
    rs_buf_text(&bytes, "what follows");
    assert_int_equal(rs_pane_load(w->layout, b, rs_buf_slice(&bytes), &used, &error), 0);
    assert_int_equal(used, size);
    assert_same(w, a, b);
    add_range(w, a, half, w->count);
    add_range(w, b, half, w->count);
    assert_same(w, a, b);
    rs_buf_fini(&bytes);
    pane_free(w, a);
    pane_free(w, b);
}

static void test_a_pane_survives_saving_and_loading(void **state)
{
    (void)state;
    for_each_world(law_load);
}

/* Damaged bytes are refused, or are the canonical form of some other pane: then that pane saves as them, and
 * can be rendered, added to and merged. */
static void law_damage(struct world *w)
{
    void *a = pane_new(w);
    void *b = pane_new(w);
    struct rs_buf bytes = {0};
    struct rs_buf again = {0};
    struct rs_error error;
    add_range(w, a, 0, w->count);
    rs_pane_save(w->layout, a, &bytes);
    for (size_t bit = 0; bit < bytes.size * 8; bit++) {
        size_t used = 0;
        bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        int rc = rs_pane_load(w->layout, b, rs_buf_slice(&bytes), &used, &error);
        if (rc == 0) {
            rs_buf_reset(&again);
            rs_pane_save(w->layout, b, &again);
            assert_true(rs_slice_equal(rs_buf_slice(&again), rs_slice_of(bytes.data, used)));
            describe(w, b, &again);
            rs_pane_merge(w->layout, b, a);
            add_range(w, b, 0, w->count);
        } else {
            assert_int_equal(rc, RS_ESTATE);
            assert_int_equal(rs_pane_events(b), 0);
        }
        bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    rs_buf_fini(&bytes);
    rs_buf_fini(&again);
    pane_free(w, a);
    pane_free(w, b);
}

static void test_damaged_bytes_do_no_harm(void **state)
{
    (void)state;
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->random = rs_random_of_run();
    for (int i = 0; i < 40; i++) {
        world_make(w);
        w->count = w->count < 6 ? w->count : 6;
        law_damage(w);
        rs_pane_layout_free(&w->layout);
    }
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_order_of_events_leaves_no_trace),
        cmocka_unit_test(test_merging_commutes_and_associates),
        cmocka_unit_test(test_what_was_merged_can_be_taken_away),
        cmocka_unit_test(test_the_oldest_event_can_be_taken_away),
        cmocka_unit_test(test_a_pane_survives_saving_and_loading),
        cmocka_unit_test(test_damaged_bytes_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
