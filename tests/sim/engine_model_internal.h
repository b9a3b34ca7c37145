/* engine_model_internal: what the model keeps, between judging events (engine_model.c) and showing them
 * (engine_model_lines.c).
 * Thread: one. */
#ifndef RS_TESTS_ENGINE_MODEL_INTERNAL_H
#define RS_TESTS_ENGINE_MODEL_INTERNAL_H

#include "tests/sim/engine_model.h"

struct model_event {
    int aggregate;
    char key[64];
    int64_t time_us, offset, version;
    bool has_price;
    int64_t price, quantity;
    int64_t clock_before_us; /* of its group; MODEL_NONE: the first */
    bool news;               /* sessions: what it changed or began had ended by that */
    bool gone;               /* its group was dropped, or its period given up */
    bool absent;             /* upsert: withdrawn or filtered */
    int64_t revision;        /* upsert: winning changes after the window's end */
};

/* Times of which the steady time is made. */
struct steady {
    int64_t *samples; /* all there ever were */
    size_t count, capacity, records;
    int64_t clock_us;
    size_t below;
};

struct dropped {
    int aggregate;
    char key[64];
    int64_t newest_us;
};

struct model {
    struct model_config config;
    struct steady steady, id_steady;
    uint64_t checked; /* records consumed before the last look for groups that expire */
    bool expiry_set;
    int64_t expire_at_us;
    struct dropped *dropped;
    size_t dropped_count, dropped_capacity;
    bool undecided;
    int64_t front_us, shown_us;
    struct model_event *events; /* append: applied ones; upsert: one for each register */
    size_t count, capacity;
    struct {
        char id[16];
        int64_t clock_us; /* steady time when it came */
        int64_t time_us;  /* its own, or that */
        bool before_back; /* it came before the steady time went back last */
    } * ids;
    size_t id_count, id_capacity;
    int64_t back_us;                                   /* to when that went */
    int64_t forgotten_newest_us[MODEL_AGGREGATES_MAX]; /* of dropped groups that are not remembered */
    struct model_counts counts;
};

/* `a` down to a multiple of `step`. */
int64_t model_down(int64_t a, int64_t step);
/* Ends of the first and of the last window that hold an event of this time. */
int64_t model_first_end(const struct model_aggregate *a, int64_t t);
int64_t model_last_end(const struct model_aggregate *a, int64_t t);

/* Calendars: the window that holds a time. */
struct model_cell {
    int64_t start_us, end_us;
};
bool model_by_calendar(const struct model_aggregate *a);
struct model_cell model_cell_of(const struct model_aggregate *a, int64_t t);
bool model_open_at(int64_t t);

/* The events of a group in [start, end), the newest `newest` of them; 0: all. */
struct model_range {
    int aggregate;
    const char *key;
    int64_t start_us, end_us, newest;
};
bool model_in_range(const struct model *m, const struct model_range *range, const struct model_event *e);
bool model_before(const struct model_event *a, const struct model_event *b);
/* Statistics that keep more than sums: quantiles, distinct values, prices by steps, the order of events. */
void model_put_parts(const struct model *m, const struct model_range *range, struct rs_buf *out);

/* First and last event time of the session with an event of time t. */
struct model_session {
    int64_t first_us, last_us;
};
struct model_session model_session_of(const struct model *m, int aggregate, const char *key, int64_t t);

bool model_same_group(const struct model_event *e, int aggregate, const char *key);
/* Highest event time of a group; MODEL_NONE: there is no such group. */
int64_t model_clock_of(const struct model *m, int aggregate, const char *key);

#endif
