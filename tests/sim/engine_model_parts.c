/* Statistics that the engine keeps a state of its own for, from the list of the window's events. Of those that no whole
 * number is, as much is said as a long double holds: who compares allows for the rest (reference.c). */
#include <math.h>
#include <stdlib.h>

#include "base/number.h"
#include "tests/sim/engine_model_internal.h"

#define EXACT_MAX 32 /* values of which a quantile is one */
#define HALF_LIFE (3.0L * 1000000)

struct values {
    struct model_event *events; /* copies, in their order */
    size_t count;
};

static int by_order(const void *x, const void *y)
{
    return model_before(x, y) ? -1 : 1;
}

static int ascending(const void *x, const void *y)
{
    int64_t a = *(const int64_t *)x;
    int64_t b = *(const int64_t *)y;
    return (a > b) - (a < b);
}

static struct values values_of(const struct model *m, const struct model_range *range, bool priced)
{
    struct values v = {0};
    v.events = calloc(m->count + 1, sizeof *v.events);
    if (!v.events) {
        abort();
    }
    for (size_t i = 0; i < m->count; i++) {
        if (model_in_range(m, range, &m->events[i]) && (m->events[i].has_price || !priced)) {
            v.events[v.count++] = m->events[i];
        }
    }
    qsort(v.events, v.count, sizeof *v.events, by_order);
    return v;
}

static void put_decimal(struct rs_buf *out, const char *name, int64_t value, int scale)
{
    char text[RS_NUMBER_TEXT_MAX];
    size_t size = rs_decimal_format(value, scale, text);
    rs_buf_printf(out, " %s=%.*s", name, (int)size, text);
}

/* ---- by size ---- */

/* The middle of one of 64 bins between two powers of two. */
static int64_t middle(int64_t value)
{
    int64_t size = value < 0 ? -value : value;
    int64_t width = 1;
    while (size / width >= 128) {
        width *= 2;
    }
    size = size / width * width + (width - 1) / 2;
    return value < 0 ? -size : size;
}

/* `parts` of `whole`. */
static void put_quantile(struct rs_buf *out, const char *name, const int64_t *sorted, size_t count,
                         size_t parts, size_t whole, int scale)
{
    if (count == 0) {
        return;
    }
    size_t place = (parts * count + whole - 1) / whole;
    int64_t value = sorted[place - 1];
    if (count > EXACT_MAX && place > 1 && place < count) {
        value = middle(value);
        value = value < sorted[0] ? sorted[0] : value > sorted[count - 1] ? sorted[count - 1] : value;
    }
    put_decimal(out, name, value, scale);
}

static int64_t *numbers_of(const struct values *v, bool prices)
{
    int64_t *numbers = calloc(v->count + 1, sizeof *numbers);
    if (!numbers) {
        abort();
    }
    for (size_t i = 0; i < v->count; i++) {
        numbers[i] = prices ? v->events[i].price : v->events[i].quantity;
    }
    qsort(numbers, v->count, sizeof *numbers, ascending);
    return numbers;
}

/* By whole units, which are a hundred. */
static void put_profile(struct rs_buf *out, const struct values *priced)
{
    int64_t *sorted = numbers_of(priced, true);
    for (size_t i = 0; i < priced->count;) {
        char text[RS_NUMBER_TEXT_MAX];
        int64_t level = model_down(sorted[i], 100);
        int64_t sum = 0;
        for (size_t k = 0; k < priced->count; k++) {
            const struct model_event *e = &priced->events[k];
            sum += model_down(e->price, 100) == level ? e->quantity : 0;
        }
        size_t size = rs_decimal_format(level, 2, text);
        rs_buf_printf(out, "%s[%.*s,%lld]", i == 0 ? " pf=[" : ",", (int)size, text, (long long)sum);
        while (i < priced->count && model_down(sorted[i], 100) == level) {
            i++;
        }
    }
    if (priced->count > 0) {
        rs_buf_text(out, "] pf_step=1");
    }
    free(sorted);
}

/* ---- together, and in their order ---- */

static void put_correlation(struct rs_buf *out, const struct values *priced)
{
    int64_t n = (int64_t)priced->count;
    int64_t x = 0;
    int64_t y = 0;
    int64_t xx = 0;
    int64_t yy = 0;
    int64_t xy = 0;
    for (size_t i = 0; i < priced->count; i++) {
        const struct model_event *e = &priced->events[i];
        x += e->price;
        y += e->quantity;
        xx += e->price * e->price;
        yy += e->quantity * e->quantity;
        xy += e->price * e->quantity;
    }
    int64_t below_x = n * xx - x * x;
    int64_t below_y = n * yy - y * y;
    if (below_x != 0 && below_y != 0) {
        long double root = sqrtl((long double)below_x) * sqrtl((long double)below_y);
        rs_buf_printf(out, " co=%.18Lg", (long double)(n * xy - x * y) / root);
    }
}

static void put_ewma(struct rs_buf *out, const struct values *priced)
{
    long double sum = 0;
    long double weights = 0;
    if (priced->count == 0) {
        return;
    }
    int64_t newest_us = priced->events[priced->count - 1].time_us;
    for (size_t i = 0; i < priced->count; i++) {
        const struct model_event *e = &priced->events[i];
        long double weight = exp2l((long double)(e->time_us - newest_us) / HALF_LIFE);
        sum += weight * (long double)e->price;
        weights += weight;
    }
    rs_buf_printf(out, " ew=%.18Lg", sum / weights / 100);
}

void model_put_parts(const struct model *m, const struct model_range *range, struct rs_buf *out)
{
    struct values all = values_of(m, range, false);
    struct values priced = values_of(m, range, true);
    int64_t *prices = numbers_of(&priced, true);
    int64_t *quantities = numbers_of(&all, false);
    int64_t distinct = 0;
    for (size_t i = 0; i < priced.count; i++) {
        distinct += i == 0 || prices[i] != prices[i - 1];
    }
    put_quantile(out, "md", prices, priced.count, 1, 2, 2);
    put_quantile(out, "q9", quantities, all.count, 9, 10, 0);
    put_decimal(out, "ds", distinct, 0);
    put_correlation(out, &priced);
    put_profile(out, &priced);
    if (priced.count > 2) {
        put_decimal(out, "lg", priced.events[priced.count - 3].price, 2);
    }
    put_ewma(out, &priced);
    free(prices);
    free(quantities);
    free(all.events);
    free(priced.events);
}
