/* engine_model: what the engine has to show, computed the slow and simple way from the plain list of events.
 * It keeps every event for ever, judges them one after the other by the text of README "Semantics", and
 * renders each view and each ended window from scratch. Numbers are so small that one division of whole
 * numbers is the right rounding. Shared with the engine is nothing but how a number is spelled
 * (base/number.h). */
#ifndef RS_TESTS_ENGINE_MODEL_H
#define RS_TESTS_ENGINE_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "tests/lib/engine_fixture.h"

#define MODEL_AGGREGATES_MAX 4
#define MODEL_NONE           INT64_MIN

enum model_window {
    MODEL_TUMBLING,
    MODEL_SLIDING,
    MODEL_ALL,
    MODEL_LAST, /* upsert: periods; else events */
    MODEL_SESSION,
    MODEL_DAY,      /* of New York */
    MODEL_EXCHANGE, /* sessions of tests/sim/exchange.yaml */
};

struct model_aggregate {
    enum model_window window;
    int64_t size_us, every_us; /* session: the gap, both; calendars: a day, both */
    int64_t last;
    bool history;
    int64_t keep;   /* of it; 0: more than there ever are */
    int by;         /* 0: nothing, 1: product, 2: market and product */
    bool only_buys; /* where: {side: BUY} */
    bool only_a;    /* where: {product: a} */
    bool only_open; /* where: {$in_session: true} */
    bool since;     /* calendars: shown until the next begins */
    bool parts;     /* has statistics with a state of their own */
    bool change;    /* has change(price) and pct_change(price) */
    bool rate;
};

struct model_config {
    bool upsert;
    bool exchange; /* has a trading calendar */
    int64_t max_periods;
    int64_t lateness_us;
    int64_t max_future_us; /* no event is that far ahead of its record; 0: a century */
    bool expires;
    int64_t expire_us;
    bool dedup;
    int64_t dedup_us;
    int64_t dedup_max;
    size_t gone_max; /* dropped groups that an aggregate remembers */
    struct model_aggregate aggregates[MODEL_AGGREGATES_MAX];
    int aggregate_count;
};

struct model_counts {
    uint64_t consumed, applied, late, duplicate, rejected, filtered;
};

struct model;
struct model *model_new(const struct model_config *config);
void model_free(struct model *model);

/* The record with this offset: a tick, or one that cannot be read (NULL). */
void model_apply(struct model *model, int64_t offset, int64_t timestamp_us, const struct tick *tick);

struct model_counts model_counts(const struct model *model);
/* Time shown: as far as the events led it, and no less than `at_least_us`. MODEL_NONE: no event yet. */
int64_t model_show(struct model *model, int64_t at_least_us);
/* Two groups had the same newest time, and only one of them could be remembered: the text leaves open which.
 */
bool model_undecided(const struct model *model);

/* Each line "hash KEY CHANGE TEXT" or "history KEY SCORE TEXT", as store_lines gives them; of ended windows
 * those with a true last argument have to be there even after the store was lost once. */
typedef void model_line(void *ctx, const char *line, bool held);
void model_lines(const struct model *model, int64_t now_shown_us, model_line *see, void *ctx);

/* When a day of MODEL_DAY begins: the one that has 25 hours, or the one after it. */
int64_t model_midnight(bool of_the_long_day);

/* The configuration as YAML for the engine. */
void model_yaml(const struct model_config *config, struct rs_buf *out);

#endif
