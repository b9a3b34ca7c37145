#include "tests/bench/slices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/cpu_clock.h"
#include "transform/pane/pane.h"

#define VALUES 4096 /* different slices; a window takes them in turn */
#define STEPS  32768
#define TURNS  5

/* A window of `size` slices that moves by one: the oldest goes, one comes, and the whole is asked for. Slices and
 * aggregates are panes in a ring. */
struct window {
    const struct rs_pane_layout *layout;
    size_t pane_size, size, room;
    const uint8_t *values; /* VALUES panes of one event each */
    uint8_t *slices, *aggregates;
    uint8_t *whole;
    size_t front, left, right, accumulated, back, end; /* positions, ever growing; front <= … <= end */
};

static void require(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "table_bench: %s\n", what);
        abort();
    }
}

static uint8_t *slice(const struct window *w, size_t at)
{
    return w->slices + at % w->room * w->pane_size;
}

static uint8_t *aggregate(const struct window *w, size_t at)
{
    return w->aggregates + at % w->room * w->pane_size;
}

static const uint8_t *value(const struct window *w, size_t number)
{
    return w->values + number % VALUES * w->pane_size;
}

static void copy(const struct window *w, void *to, const void *from)
{
    rs_pane_copy(w->layout, to, from);
}

static void merge(const struct window *w, void *into, const void *from)
{
    rs_pane_merge(w->layout, into, from);
}

/* The newest slice into the running aggregate behind `back`. */
static void push(struct window *w, const void *pane)
{
    copy(w, slice(w, w->end), pane);
    copy(w, aggregate(w, w->end), pane);
    if (w->end > w->back) {
        merge(w, aggregate(w, w->end), aggregate(w, w->end - 1));
    }
    w->end++;
}

/* Of both: what is in front, and what came since. */
static void ask(struct window *w)
{
    if (w->front < w->back) {
        copy(w, w->whole, aggregate(w, w->front));
        if (w->back < w->end) {
            merge(w, w->whole, aggregate(w, w->end - 1));
        }
    } else {
        copy(w, w->whole, aggregate(w, w->end - 1));
    }
}

/* ---- two-stacks: when the front is empty, all behind it is turned over at once ---- */

static void two_stacks_step(struct window *w, const void *pane)
{
    if (w->front == w->back) {
        for (size_t at = w->end; at-- > w->front;) {
            copy(w, aggregate(w, at), slice(w, at));
            if (at + 1 < w->end) {
                merge(w, aggregate(w, at), aggregate(w, at + 1));
            }
        }
        w->back = w->end;
    }
    w->front++;
    push(w, pane);
    ask(w);
}

/* ---- DABA (Tangwongsan, Hirzel, Schneider, 2017): the same, a step of it at a time ----
 *
 * Aggregates reach, in [front, left) and [accumulated, back), from a slice to `back`; in [left, right) to `right`;
 * in [right, accumulated) from `right` to the slice; behind `back` from there. */

static void daba_mend(struct window *w)
{
    if (w->front == w->back) {
        w->left = w->right = w->accumulated = w->back = w->end;
        return;
    }
    if (w->left == w->back) {
        w->left = w->front;
        w->accumulated = w->back = w->end;
    }
    if (w->left == w->right) {
        w->left++;
        w->right++;
        w->accumulated++;
        return;
    }
    if (w->right < w->accumulated) {
        merge(w, aggregate(w, w->left), aggregate(w, w->accumulated - 1));
    }
    if (w->accumulated < w->back) {
        merge(w, aggregate(w, w->left), aggregate(w, w->accumulated));
    }
    w->left++;
    w->accumulated--;
    copy(w, aggregate(w, w->accumulated), slice(w, w->accumulated));
    if (w->accumulated + 1 < w->back) {
        merge(w, aggregate(w, w->accumulated), aggregate(w, w->accumulated + 1));
    }
}

static void daba_push(struct window *w, const void *pane)
{
    push(w, pane);
    daba_mend(w);
}

static void daba_step(struct window *w, const void *pane)
{
    w->front++;
    daba_mend(w);
    daba_push(w, pane);
    ask(w);
}

/* ---- what the engine does with sums: one comes, one is taken away ---- */

static void subtract_step(struct window *w, const void *pane)
{
    rs_pane_subtract(w->layout, w->whole, slice(w, w->front));
    w->front++;
    copy(w, slice(w, w->end), pane);
    rs_pane_merge_sums(w->layout, w->whole, pane);
    w->end++;
}

/* ---- measuring ---- */

struct way {
    const char *name;
    void (*push)(struct window *w, const void *pane); /* NULL: as push */
    void (*step)(struct window *w, const void *pane);
    bool sums_only;
};

static const struct way ways[] = {
    {"two-stacks", NULL, two_stacks_step, false},
    {"DABA", daba_push, daba_step, false},
    {"merged and subtracted", NULL, subtract_step, true},
};

static uint8_t *panes(const struct rs_pane_layout *layout, size_t count)
{
    size_t size = rs_pane_size(layout);
    uint8_t *made = malloc(count * size);
    require(made != NULL, "out of memory");
    for (size_t i = 0; i < count; i++) {
        rs_pane_init(layout, made + i * size);
    }
    return made;
}

/* The panes that are measured hold nothing outside of themselves. */
static void open_window(struct window *w, const struct rs_pane_layout *layout, const uint8_t *values,
                        size_t size)
{
    *w = (struct window){.layout = layout, .pane_size = rs_pane_size(layout), .size = size, .room = size + 2};
    w->values = values;
    w->slices = panes(layout, w->room);
    w->aggregates = panes(layout, w->room);
    w->whole = panes(layout, 1);
}

static void close_window(struct window *w)
{
    free(w->slices);
    free(w->aggregates);
    free(w->whole);
}

/* Against all slices put together anew. */
static void check(const struct window *w)
{
    struct rs_buf expected = {0};
    struct rs_buf got = {0};
    uint8_t *anew = panes(w->layout, 1);
    for (size_t at = w->front; at < w->end; at++) {
        merge(w, anew, value(w, at));
    }
    rs_pane_save(w->layout, anew, &expected);
    rs_pane_save(w->layout, w->whole, &got);
    require(w->end - w->front == w->size, "a window has lost slices");
    require(expected.size == got.size && memcmp(expected.data, got.data, got.size) == 0, "a window is wrong");
    rs_buf_fini(&expected);
    rs_buf_fini(&got);
    free(anew);
}

static double measure(const struct way *way, const struct rs_pane_layout *layout, const uint8_t *values,
                      size_t size)
{
    double least = 1e18;
    struct window w;
    open_window(&w, layout, values, size);
    for (size_t i = 0; i < size; i++) {
        (way->push ? way->push : push)(&w, value(&w, i));
        merge(&w, w.whole, value(&w, i));
    }
    for (int turn = 0; turn < TURNS; turn++) {
        double start = cpu_ns();
        for (size_t i = 0; i < STEPS; i++) {
            way->step(&w, value(&w, w.end));
        }
        double each = (cpu_ns() - start) / STEPS;
        least = each < least ? each : least;
        if (!way->sums_only) {
            check(&w);
        }
    }
    close_window(&w);
    return least;
}

static int slices_of(const struct rs_stat_spec *stat, bool sums)
{
    static const size_t sizes[] = {60, 600, 3600};
    const struct rs_num_type type = {RS_NUM_INT64, 0, true};
    struct rs_pane_layout *layout;
    struct rs_error error;
    if (rs_pane_layout_new(stat, 1, &type, 1, &layout, &error) != 0) {
        fprintf(stderr, "table_bench: %s\n", error.text);
        return 2;
    }
    uint8_t *values = panes(layout, VALUES);
    for (size_t i = 0; i < VALUES; i++) {
        const struct rs_num number = {.present = true, .i = (int64_t)(i * 2654435761u % 1000003)};
        (void)rs_pane_add(layout, values + i * rs_pane_size(layout), &number, (int64_t)i, (int64_t)i);
    }
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        printf("%s, %zu slices: ", stat->name, sizes[s]);
        for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
            if (sums || !ways[i].sums_only) {
                printf("%s%s %.0f ns", i ? ", " : "", ways[i].name,
                       measure(&ways[i], layout, values, sizes[s]));
            }
        }
        printf(" a slice\n");
    }
    free(values);
    rs_pane_layout_free(&layout);
    return 0;
}

int slices_bench(void)
{
    static const struct rs_stat_spec sum = {RS_STAT_SUM, "sum", 0, -1, NULL};
    static const struct rs_stat_spec range = {RS_STAT_RANGE, "range", 0, -1, NULL};
    int rc = slices_of(&sum, true);
    return rc ? rc : slices_of(&range, false);
}
