/* Days and trading hours of the model, from what is known of New York's clocks in the winter half of 2023 and nothing
 * else: they went back on 2023-11-05 at 06:00 UTC, so that midnight was at 04:00 UTC up to that day, which had 25
 * hours, and at 05:00 UTC from the next day on. tests/sim/exchange.yaml says the hours to the engine. */
#include "tests/sim/engine_model_internal.h"

#define SECOND   INT64_C(1000000)
#define HOUR     (3600 * SECOND)
#define DAY      (24 * HOUR)
#define LONG_DAY (INT64_C(1699156800) * SECOND) /* 2023-11-05 04:00 UTC: midnight */

static const struct model_cell hours[] = {{2 * SECOND, 8 * SECOND}, {11 * SECOND, 17 * SECOND}};

int64_t model_midnight(bool of_the_long_day)
{
    return of_the_long_day ? LONG_DAY : LONG_DAY + 25 * HOUR;
}

static struct model_cell day_of(int64_t t)
{
    if (t < LONG_DAY) {
        int64_t start = model_down(t - 4 * HOUR, DAY) + 4 * HOUR;
        return (struct model_cell){start, start + DAY};
    }
    if (t < LONG_DAY + 25 * HOUR) {
        return (struct model_cell){LONG_DAY, LONG_DAY + 25 * HOUR};
    }
    int64_t start = model_down(t - 5 * HOUR, DAY) + 5 * HOUR;
    return (struct model_cell){start, start + DAY};
}

/* The trading day, or what lies between two; `since`: from one opening to the next. */
static struct model_cell exchange_cell(int64_t t, bool since)
{
    struct model_cell day = day_of(t);
    int64_t opens = day.start_us + hours[0].start_us;
    int64_t closes = day.start_us + hours[1].end_us;
    if (t < opens) {
        int64_t before = day_of(day.start_us - 1).start_us;
        return (struct model_cell){before + (since ? hours[0].start_us : hours[1].end_us), opens};
    }
    int64_t next = day.end_us + hours[0].start_us;
    if (since) {
        return (struct model_cell){opens, next};
    }
    return t < closes ? (struct model_cell){opens, closes} : (struct model_cell){closes, next};
}

bool model_by_calendar(const struct model_aggregate *a)
{
    return a->window == MODEL_DAY || a->window == MODEL_EXCHANGE;
}

struct model_cell model_cell_of(const struct model_aggregate *a, int64_t t)
{
    return a->window == MODEL_DAY ? day_of(t) : exchange_cell(t, a->since);
}

bool model_open_at(int64_t t)
{
    int64_t of_day = t - day_of(t).start_us;
    return (of_day >= hours[0].start_us && of_day < hours[0].end_us) ||
           (of_day >= hours[1].start_us && of_day < hours[1].end_us);
}
