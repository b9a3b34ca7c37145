/* What the simulated cluster works on: small configurations, and an input of a few dozen events a partition.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/cluster.h"

#define DAY_S             (INT64_C(24) * 3600)
#define WORLDS_OF_WINDOWS 48 /* to load a calendar takes as long as a seed */

static struct world *worlds[WORLDS];

/* ---- configurations ---- */

static void random_window(struct rs_random *c, const struct model_config *config, struct model_aggregate *a)
{
    static const int64_t sizes[] = {1, 2, 4, 8, 20};
    a->window = (enum model_window)rs_random_between(c, 0, config->upsert ? 3 : 2);
    int64_t unit = SECOND / 4;
    if (a->window == MODEL_TUMBLING) {
        a->size_us = a->every_us = unit * sizes[rs_random_between(c, 0, 4)];
    } else if (a->window == MODEL_SLIDING) {
        a->every_us = unit * rs_random_between(c, 1, 4);
        a->size_us = a->every_us * rs_random_between(c, 2, 8);
    } else {
        a->last = rs_random_between(c, 1, 5);
    }
    bool sized = a->size_us != 0;
    bool settled = !config->upsert || a->window == MODEL_TUMBLING;
    a->history = sized && settled && !rs_random_one_in(c, 3);
    a->rate = sized && rs_random_one_in(c, 2);
    a->change = config->upsert || a->window == MODEL_TUMBLING;
}

static void random_config(struct rs_random *c, struct model_config *config)
{
    int64_t longest_us = 0;
    config->upsert = rs_random_one_in(c, 5);
    config->lateness_us = rs_random_between(c, 0, 12) * SECOND / 4;
    config->max_future_us = rs_random_between(c, 1, 12) * SECOND / 4;
    config->max_periods = 10000;
    config->dedup = rs_random_one_in(c, 3);
    config->dedup_us = rs_random_between(c, 1, 12) * SECOND / 2;
    config->gone_max = 65536;
    config->dedup_max = rs_random_one_in(c, 2) ? rs_random_between(c, 1, 20) : 100000;
    config->aggregate_count = (int)rs_random_between(c, 1, 2);
    for (int i = 0; i < config->aggregate_count; i++) {
        struct model_aggregate *a = &config->aggregates[i];
        random_window(c, config, a);
        a->by = (int)rs_random_between(c, 1, 2);
        a->only_buys = rs_random_one_in(c, 5);
        longest_us = a->size_us > longest_us ? a->size_us : longest_us;
    }
    config->expires = !config->upsert && rs_random_one_in(c, 2);
    config->expire_us =
        (longest_us + config->lateness_us + rs_random_between(c, 0, 3) * SECOND) / 1000 * 1000;
    config->expire_us = config->expire_us < SECOND ? SECOND : config->expire_us;
}

/* Windows that the others have not: each kind turns up beside one whose step is seconds, as what is shown goes on by
 * steps of the shortest. */
static void other_window(struct rs_random *c, struct model_aggregate *a, bool first)
{
    static const enum model_window kinds[] = {MODEL_TUMBLING, MODEL_SESSION,  MODEL_SESSION,  MODEL_DAY,
                                              MODEL_DAY,      MODEL_EXCHANGE, MODEL_EXCHANGE, MODEL_LAST,
                                              MODEL_LAST,     MODEL_ALL};
    a->window = first ? kinds[rs_random_between(c, 0, 2)] : kinds[rs_random_between(c, 1, 9)];
    if (a->window == MODEL_DAY || a->window == MODEL_EXCHANGE) {
        a->size_us = a->every_us = DAY_S * SECOND;
        a->since = rs_random_one_in(c, 2);
        a->only_open = rs_random_one_in(c, 3);
    } else if (a->window == MODEL_LAST) {
        a->last = rs_random_between(c, 1, 12);
    } else if (a->window != MODEL_ALL) {
        a->size_us = a->every_us = rs_random_between(c, 1, rs_random_one_in(c, 3) ? 20 : 6) * SECOND / 4;
    }
    bool sized = a->size_us != 0;
    a->history = sized && !rs_random_one_in(c, 4);
    a->keep = a->window == MODEL_SESSION && !rs_random_one_in(c, 3) ? rs_random_between(c, 1, 5) : 0;
    a->rate = sized && rs_random_one_in(c, 2);
    a->change = sized && !a->since;
    a->parts = rs_random_one_in(c, 2);
}

static void other_windows(struct rs_random *c, struct model_config *config)
{
    int64_t longest_us = 0;
    config->upsert = false;
    config->aggregate_count = (int)rs_random_between(c, 2, 3);
    for (int i = 0; i < config->aggregate_count; i++) {
        struct model_aggregate *a = &config->aggregates[i];
        bool only_buys = rs_random_one_in(c, 5);
        *a = (struct model_aggregate){.by = (int)rs_random_between(c, 1, 2), .only_buys = only_buys};
        other_window(c, a, i == 0);
        config->exchange |= a->window == MODEL_EXCHANGE || a->only_open;
        longest_us = a->size_us > longest_us ? a->size_us : longest_us;
    }
    config->expires = rs_random_one_in(c, 2);
    config->expire_us = longest_us * (longest_us < DAY_S * SECOND ? 1 : 2) + config->lateness_us +
                        rs_random_between(c, 0, 3) * SECOND;
    config->expire_us = config->expire_us < SECOND ? SECOND : config->expire_us;
}

/* The other stream is the same under other names. */
static void put_renamed(const char *line, size_t size, struct rs_buf *out)
{
    if (size > 4 && memcmp(line, "  a", 3) == 0 && line[3] >= '0' && line[3] <= '9') {
        rs_buf_printf(out, "  b%.*s", (int)(size - 3), line + 3);
    } else if (size == 9 && memcmp(line, "  ticks:\n", 9) == 0) {
        rs_buf_text(out, "  tocks:\n");
    } else if (size == 13 && memcmp(line, "    topic: t\n", 13) == 0) {
        rs_buf_text(out, "    topic: u\n");
    } else if (size == 18 && memcmp(line, "    stream: ticks\n", 18) == 0) {
        rs_buf_text(out, "    stream: tocks\n");
    } else {
        rs_buf_put(out, line, size);
    }
}

static void put_double(struct rs_slice text, struct rs_buf *out)
{
    while (text.size) {
        const uint8_t *end = memchr(text.data, '\n', text.size);
        size_t size = (size_t)(end - text.data) + 1;
        put_renamed((const char *)text.data, size, out);
        text = rs_slice_of(text.data + size, text.size - size);
    }
}

/* Streams and aggregates of the configuration, and those of its double. */
void world_yaml(const struct world *world, struct rs_buf *out)
{
    static const char streams[] = "streams:\n";
    static const char aggregates[] = "aggregates:\n";
    struct rs_buf one = {0};
    model_yaml(&world->config, &one);
    const uint8_t *cut = memmem(one.data, one.size, aggregates, sizeof aggregates - 1);
    size_t head = (size_t)(cut - one.data);
    struct rs_slice first = rs_slice_of(one.data + sizeof streams - 1, head - (sizeof streams - 1));
    struct rs_slice second =
        rs_slice_of(cut + sizeof aggregates - 1, one.size - head - (sizeof aggregates - 1));
    rs_buf_put(out, one.data, head);
    if (world->stream_count == 2) {
        put_double(first, out);
    }
    rs_buf_put(out, cut, one.size - head);
    if (world->stream_count == 2) {
        put_double(second, out);
    }
    rs_buf_fini(&one);
}

const struct world *world_open(uint32_t number, bool windows)
{
    struct rs_random c = {number * UINT64_C(0x9E3779B97F4A7C15) + 11};
    struct rs_buf yaml = {0};
    struct world *w = worlds[number];
    if (w) {
        return w;
    }
    w = sim_alloc(sizeof *w);
    random_config(&c, &w->config);
    if (windows) {
        other_windows(&c, &w->config);
    }
    w->stream_count = rs_random_one_in(&c, 3) ? 2 : 1;
    world_yaml(w, &yaml);
    rs_buf_char(&yaml, '\0');
    if (yaml.failed || !fixture_open(&w->fixture, (const char *)yaml.data)) {
        fprintf(stderr, "cluster_sim: configuration %u does not load: %s\n%s\n", number,
                (const char *)w->fixture.complaints.data, (const char *)yaml.data);
        abort();
    }
    w->metas = rs_engine_metas(w->fixture.engine, &w->meta_count);
    rs_buf_fini(&yaml);
    worlds[number] = w;
    return w;
}

void worlds_close(void)
{
    for (size_t i = 0; i < WORLDS; i++) {
        if (worlds[i]) {
            fixture_close(&worlds[i]->fixture);
            free(worlds[i]);
            worlds[i] = NULL;
        }
    }
}

/* ---- input ---- */

/* Products of their own for each partition: a group is never in two of them. */
static struct tick random_tick(struct rs_random *c, uint32_t partition, int64_t clock_us)
{
    static const char *const products[PARTITIONS_MAX][3] = {
        {"a", "b", "c d"}, {"a1", "b1", "c1"}, {"a2", "e:f", "c2"}};
    static const char *const markets[] = {"x", "y"};
    static const char *const ids[] = {"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"};
    struct tick t = {.product = products[partition][rs_random_between(c, 0, rs_random_one_in(c, 2) ? 0 : 2)]};
    t.market = markets[rs_random_between(c, 0, 1)];
    t.id = rs_random_one_in(c, 6) ? NULL : ids[rs_random_between(c, 0, 11)];
    t.side = (int)rs_random_between(c, 0, 2);
    t.at_us = clock_us - (rs_random_one_in(c, 3) ? rs_random_between(c, 0, 5 * SECOND)
                                                 : rs_random_between(c, 0, SECOND / 2));
    if (rs_random_one_in(c, 2)) {
        t.at_us -= t.at_us % (SECOND / 4); /* on the edges of windows */
    }
    t.no_time = rs_random_one_in(c, 25);
    t.no_price = rs_random_one_in(c, 5);
    t.price = rs_random_between(c, -300, 1000);
    t.quantity = rs_random_between(c, 0, 9);
    t.revision = rs_random_between(c, 0, 3);
    t.no_revision = rs_random_one_in(c, 40);
    return t;
}

/* `wrong_us`: by how much the clock of a producer is wrong, which makes one event in `share`, from the record
 * `from` on and as long as `until` is not reached. */
struct producer {
    int64_t wrong_us, share;
    size_t from, until;
};

static struct producer random_producer(struct rs_random *c, size_t count)
{
    static const int64_t wrong_s[] = {-30 * DAY_S, -3600, -100, 15, 30, 100, 1000, 3600, 30 * DAY_S};
    struct producer p = {.wrong_us = wrong_s[rs_random_between(c, 0, 8)] * SECOND,
                         .share = rs_random_between(c, 3, 30)};
    p.until = count;
    if (rs_random_one_in(c, 2)) {
        p.from = (size_t)rs_random_between(c, 0, (int64_t)count - 1);
        p.until = p.from + (size_t)rs_random_between(c, 1, (int64_t)(count - p.from));
    }
    return p;
}

static bool sends(struct rs_random *c, const struct producer *p, size_t record)
{
    return record >= p->from && record < p->until && rs_random_one_in(c, p->share);
}

static void add_record(struct rs_random *c, struct feed *f, uint32_t partition, int64_t clock_us)
{
    size_t i = f->count++;
    f->ticks[i] = random_tick(c, partition, clock_us);
    if (rs_random_one_in(c, 30)) {
        f->ticks[i].product = NULL;
        tick_log_add_bytes(&f->log, "\x07", 1);
    } else {
        tick_log_add(&f->log, &f->ticks[i]);
    }
    if (rs_random_one_in(c, 2)) {
        f->log.records[i].timestamp_us = clock_us + rs_random_between(c, 0, 1) * SECOND;
    }
}

/* A day of the calendar ends while the input comes, live or as it was recorded the day before. */
void wall_clock_begin(struct sim *sim)
{
    int64_t wall_us = INT64_C(1700000000) * SECOND;
    if (sim->windows) {
        wall_us = model_midnight(false) - rs_random_between(&sim->chance, 1000, 1015) * SECOND;
    }
    rs_clock_virtual_init(&sim->clock, wall_us);
    rs_clock_virtual_advance(&sim->clock, 1000 * SECOND);
}

/* The times of a live feed are about the daemon's; the others were recorded long ago, and come faster than
 * they were made. */
static void make_feed(struct sim *sim, uint32_t partition, size_t count, int64_t pace_us)
{
    struct rs_random *c = &sim->chance;
    struct feed *f = &sim->feeds[partition];
    int64_t visible_us = sim_now(sim) + rs_random_between(c, 0, SECOND);
    f->live = rs_random_one_in(c, 3);
    int64_t clock_us = f->live ? visible_us - sim_now(sim) + sim->clock.wall_us
                               : 1000 * SECOND + rs_random_between(c, 0, SECOND);
    if (sim->windows && !f->live) {
        clock_us = model_midnight(true) - rs_random_between(c, 0, 15 * SECOND);
    }
    f->committed = -1;
    f->ticks = sim_alloc((count + 1) * sizeof *f->ticks);
    f->visible_us = sim_alloc((count + 1) * sizeof *f->visible_us);
    f->wrong = sim_alloc(count + 1);
    bool wrong = rs_random_one_in(c, 3);
    struct producer producer = random_producer(c, count);
    f->wrong_us = wrong ? producer.wrong_us : 0;
    while (f->count < count) {
        int64_t gap_us =
            rs_random_one_in(c, 15) ? rs_random_between(c, 0, 6 * SECOND) : rs_random_between(c, 0, pace_us);
        clock_us += gap_us;
        visible_us += !f->live && rs_random_one_in(c, 3) ? 0 : gap_us;
        f->visible_us[f->count] = visible_us;
        f->wrong[f->count] = wrong && sends(c, &producer, f->count);
        add_record(c, f, partition, clock_us + (f->wrong[f->count] ? producer.wrong_us : 0));
    }
    (void)tick_log_seal(&f->log);
    sim->input_ends_us = visible_us > sim->input_ends_us ? visible_us : sim->input_ends_us;
}

void workload_make(struct sim *sim)
{
    struct rs_random *c = &sim->chance;
    uint32_t worlds_of = sim->windows ? WORLDS_OF_WINDOWS : WORLDS;
    sim->world = world_open((uint32_t)rs_random_between(c, 0, worlds_of - 1), sim->windows);
    sim->partition_count = (uint32_t)rs_random_between(c, 1, PARTITIONS_MAX);
    sim->seat_count = (uint32_t)rs_random_between(c, 2, SEATS_MAX);
    sim->calm = rs_random_one_in(c, 40);
    for (uint32_t i = 0; i < sim->partition_count; i++) {
        make_feed(sim, i, (size_t)rs_random_between(c, 5, sim->calm ? 150 : 45),
                  rs_random_between(c, 1, 8) * SECOND / 10);
    }
}

void workload_free(struct sim *sim)
{
    for (uint32_t i = 0; i < PARTITIONS_MAX; i++) {
        tick_log_free(&sim->feeds[i].log);
        free(sim->feeds[i].ticks);
        free(sim->feeds[i].visible_us);
        free(sim->feeds[i].wrong);
    }
}
