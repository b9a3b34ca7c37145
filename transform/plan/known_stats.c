#include "transform/plan/known_stats.h"

#include <string.h>

#include "base/buf.h"
#include "base/nearest.h"
#include "transform/pane/series.h"

/* How a row says which arguments it takes. */
#define FIELD(title)                                                                                         \
    {                                                                                                        \
        .kind = RS_ARG_FIELD, .name = (title)                                                                \
    }
#define TIME(title)                                                                                          \
    {                                                                                                        \
        .kind = RS_ARG_TIME, .name = (title)                                                                 \
    }
#define OPTIONAL_FIELD(title)                                                                                \
    {                                                                                                        \
        .kind = RS_ARG_FIELD, .name = (title), .optional = true                                              \
    }
#define OPTIONAL_ANY_FIELD(title)                                                                            \
    {                                                                                                        \
        .kind = RS_ARG_ANY_FIELD, .name = (title), .optional = true                                          \
    }

#define ANY_VALUE(title)                                                                                     \
    {                                                                                                        \
        .kind = RS_ARG_ANY_VALUE, .name = (title)                                                            \
    }
#define NUMBER(title, from, to)                                                                              \
    {                                                                                                        \
        .kind = RS_ARG_NUMBER, .name = (title), .least = (from), .most = (to)                                \
    }
#define WHOLE(title, from, to)                                                                               \
    {                                                                                                        \
        .kind = RS_ARG_WHOLE, .name = (title), .least = (from), .most = (to)                                 \
    }
#define DURATION(title)                                                                                      \
    {                                                                                                        \
        .kind = RS_ARG_DURATION, .name = (title)                                                             \
    }

#define OPTIONAL_SPAN(title)                                                                                 \
    {                                                                                                        \
        .kind = RS_ARG_SPAN, .name = (title), .optional = true                                               \
    }

static const struct rs_known_stat known_stats[] = {
    {"count", RS_STAT_COUNT, RS_UNIT_NONE, {OPTIONAL_ANY_FIELD("x")}, "count()"},
    {"sum", RS_STAT_SUM, RS_UNIT_FIELD, {FIELD("x")}, "sum(quantity)"},
    {"mean", RS_STAT_MEAN, RS_UNIT_FIELD, {FIELD("x")}, "mean(price)"},
    {"avg", RS_STAT_MEAN, RS_UNIT_FIELD, {FIELD("x")}, "avg(price)"},
    {"min", RS_STAT_MIN, RS_UNIT_FIELD, {FIELD("x")}, "min(price)"},
    {"max", RS_STAT_MAX, RS_UNIT_FIELD, {FIELD("x")}, "max(price)"},
    {"range", RS_STAT_RANGE, RS_UNIT_FIELD, {FIELD("x")}, "range(price)"},
    {"first", RS_STAT_FIRST, RS_UNIT_FIELD, {FIELD("x")}, "first(price)"},
    {"open", RS_STAT_FIRST, RS_UNIT_FIELD, {FIELD("x")}, "open(price)"},
    {"last", RS_STAT_LAST, RS_UNIT_FIELD, {FIELD("x")}, "last(price)"},
    {"close", RS_STAT_LAST, RS_UNIT_FIELD, {FIELD("x")}, "close(price)"},
    {"ohlc", RS_STAT_OHLC, RS_UNIT_FIELD, {FIELD("x")}, "ohlc(price)"},
    {"vwap", RS_STAT_VWAP, RS_UNIT_FIELD, {FIELD("price"), FIELD("weight")}, "vwap(price, quantity)"},
    {"variance", RS_STAT_VARIANCE, RS_UNIT_NONE, {FIELD("x")}, "variance(price)"},
    {"variance_pop", RS_STAT_VARIANCE_POP, RS_UNIT_NONE, {FIELD("x")}, "variance_pop(price)"},
    {"stddev", RS_STAT_STDDEV, RS_UNIT_FIELD, {FIELD("x")}, "stddev(price)"},
    {"stddev_pop", RS_STAT_STDDEV_POP, RS_UNIT_FIELD, {FIELD("x")}, "stddev_pop(price)"},
    {"skewness", RS_STAT_SKEWNESS, RS_UNIT_NONE, {FIELD("x")}, "skewness(price)"},
    {"skewness_pop", RS_STAT_SKEWNESS_POP, RS_UNIT_NONE, {FIELD("x")}, "skewness_pop(price)"},
    {"kurtosis", RS_STAT_KURTOSIS, RS_UNIT_NONE, {FIELD("x")}, "kurtosis(price)"},
    {"kurtosis_pop", RS_STAT_KURTOSIS_POP, RS_UNIT_NONE, {FIELD("x")}, "kurtosis_pop(price)"},
    {"covariance", RS_STAT_COVARIANCE, RS_UNIT_NONE, {TIME("x"), TIME("y")}, "covariance(price, quantity)"},
    {"covariance_pop",
     RS_STAT_COVARIANCE_POP,
     RS_UNIT_NONE,
     {TIME("x"), TIME("y")},
     "covariance_pop(price, quantity)"},
    {"correlation",
     RS_STAT_CORRELATION,
     RS_UNIT_NONE,
     {TIME("x"), TIME("y")},
     "correlation(price, quantity)"},
    {"slope", RS_STAT_SLOPE, RS_UNIT_NONE, {TIME("y"), TIME("x")}, "slope(price, $event_time)"},
    {"intercept", RS_STAT_INTERCEPT, RS_UNIT_FIELD, {TIME("y"), TIME("x")}, "intercept(price, quantity)"},
    {"r2", RS_STAT_R2, RS_UNIT_NONE, {TIME("y"), TIME("x")}, "r2(price, $event_time)"},
    {"quantile", RS_STAT_QUANTILE, RS_UNIT_FIELD, {FIELD("x"), NUMBER("q", 0, 1)}, "quantile(price, 0.99)"},
    {"median", RS_STAT_MEDIAN, RS_UNIT_FIELD, {FIELD("x")}, "median(price)"},
    {"profile",
     RS_STAT_PROFILE,
     RS_UNIT_NONE,
     {FIELD("price"), NUMBER("step", 0, 0), FIELD("quantity")},
     "profile(price, 0.01, quantity)"},
    {"distinct", RS_STAT_DISTINCT, RS_UNIT_NONE, {ANY_VALUE("x")}, "distinct(name)"},
    {"ewma", RS_STAT_EWMA, RS_UNIT_FIELD, {FIELD("x"), DURATION("half_life")}, "ewma(price, half_life: 5m)"},
    {"lag", RS_STAT_LAG, RS_UNIT_FIELD, {FIELD("x"), WHOLE("n", 1, RS_SERIES_LAG_MAX)}, "lag(price, 1)"},
    {"twa", RS_STAT_TWA, RS_UNIT_FIELD, {FIELD("x")}, "twa(price)"},
    {"drawdown", RS_STAT_DRAWDOWN, RS_UNIT_FIELD, {FIELD("x")}, "drawdown(price)"},
    {"pct_drawdown", RS_STAT_PCT_DRAWDOWN, RS_UNIT_PERCENT, {FIELD("x")}, "pct_drawdown(price)"},
    {"realized_variance", RS_STAT_REALIZED_VARIANCE, RS_UNIT_NONE, {FIELD("x")}, "realized_variance(price)"},
    {"rate", RS_STAT_RATE, RS_UNIT_RATE, {OPTIONAL_FIELD("x")}, "rate(quantity)"},
    {"change", RS_STAT_CHANGE, RS_UNIT_FIELD, {FIELD("x"), OPTIONAL_SPAN("over")}, "change(price, over: 1y)"},
    {"pct_change",
     RS_STAT_PCT_CHANGE,
     RS_UNIT_PERCENT,
     {FIELD("x"), OPTIONAL_SPAN("over")},
     "pct_change(price, over: 1mo)"},
    {"yoy", RS_STAT_YOY, RS_UNIT_PERCENT, {FIELD("x")}, "yoy(value)"},
};
#define KNOWN_COUNT (sizeof known_stats / sizeof *known_stats)

/* clang-format off: a line each, as they go one by one */
static const char *const planned_stats[] = {
    "topk",
    "zscore",
};
/* clang-format on */

static bool another_name(size_t row)
{
    for (size_t i = 0; i < row; i++) {
        if (known_stats[i].kind == known_stats[row].kind) {
            return true;
        }
    }
    return false;
}

/* "count, sum and mean": each statistic by its first name. */
static void list_available(struct rs_buf *out)
{
    const char *firsts[KNOWN_COUNT];
    size_t count = 0;
    for (size_t i = 0; i < KNOWN_COUNT; i++) {
        if (!another_name(i)) {
            firsts[count++] = known_stats[i].name;
        }
    }
    for (size_t i = 0; i < count; i++) {
        rs_buf_printf(out, "%s%s", i == 0 ? "" : i + 1 < count ? ", " : " and ", firsts[i]);
    }
}

/* A statistic that is planned is said not to be available yet, rather than not to exist. */
static void complain_unknown(struct rs_config *config, const struct rs_config_node *where, const char *name)
{
    const char *names[KNOWN_COUNT + 1] = {NULL};
    bool planned = false;
    for (size_t i = 0; i < sizeof planned_stats / sizeof *planned_stats; i++) {
        planned |= strcmp(planned_stats[i], name) == 0;
    }
    for (size_t i = 0; i < KNOWN_COUNT; i++) {
        names[i] = known_stats[i].name;
    }
    const char *near = planned ? NULL : rs_nearest_name(name, names);
    if (near) {
        rs_config_complain(config, where, "no statistic \"%s\"; did you mean \"%s\"?", name, near);
        return;
    }
    struct rs_buf available = {0};
    list_available(&available);
    const char *list = rs_buf_cstr(&available);
    rs_config_complain(config, where, "%s \"%s\"%s; there are %s", planned ? "statistic" : "no statistic",
                       name, planned ? " is not available in this version" : "", list ? list : "others");
    rs_buf_fini(&available);
}

const struct rs_known_stat *rs_known_stat_find(struct rs_config *config, const struct rs_config_node *where,
                                               const char *name)
{
    for (size_t i = 0; i < KNOWN_COUNT; i++) {
        if (strcmp(known_stats[i].name, name) == 0) {
            return &known_stats[i];
        }
    }
    complain_unknown(config, where, name);
    return NULL;
}
