/* Sessions: what an event begins, extends and joins, what is late, what history has in the end, and that a restart
 * at any point changes nothing. */
#include "tests/unit/transform/seal_run.h"

#include "tests/lib/random.h"
#include "transform/partition/internal.h"

#define GAP (10 * SECOND)

static const char stream[] = "streams:\n  ticks: {topic: t, schema: tick.avsc, time: at, lateness: 60s}\n";
static const char sessions[] =
    "  s:\n    stream: ticks\n    by: [product]\n    window: {session: 10s}\n    history: 2\n"
    "    stats: {n: count(), q: sum(quantity)}\n";

static struct tick tick_at(int64_t seconds)
{
    return (struct tick){.product = "p", .at_us = seconds * SECOND, .quantity = 1};
}

static void apply_at(struct run *r, const int64_t *seconds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct tick t = tick_at(seconds[i]);
        apply(r, &t, 1);
    }
}

#define AT(r, ...)                                                                                           \
    apply_at(r, (const int64_t[]){__VA_ARGS__}, sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

/* "[first last revision] …", oldest first, in seconds. */
static void assert_sessions(const struct run *r, const char *expected)
{
    const struct rs_groups *gs = &r->partition->groups[0];
    struct rs_buf text = {0};
    for (uint32_t at = rs_group_at(gs, 0)->oldest; at != RS_NONE; at = rs_node_at(gs, at)->newer) {
        const struct rs_node *node = rs_node_at(gs, at);
        rs_buf_printf(&text, "[%lld %lld %u]", (long long)(node->start_us / SECOND),
                      (long long)(rs_pane_newest_us(node->pane) / SECOND), node->revision);
    }
    rs_buf_char(&text, '\0');
    assert_string_equal((const char *)text.data, expected);
    rs_buf_fini(&text);
}

/* ---- one event at a time ---- */

static void test_less_than_a_gap_is_one_session(void **state)
{
    (void)state;
    struct run r;
    start(&r, stream, sessions);
    AT(&r, 100, 109, 119);
    assert_sessions(&r, "[100 109 0][119 119 0]"); /* 10 s later: the next */
    AT(&r, 128, 138);
    assert_sessions(&r, "[100 109 0][119 128 0][138 138 0]");
    AT(&r, 129); /* 9 s before the next */
    assert_sessions(&r, "[100 109 0][119 138 1]");
    stop(&r);
}

static void test_extends_to_both_sides(void **state)
{
    (void)state;
    struct run r;
    start(&r, stream, sessions);
    AT(&r, 100, 150);
    AT(&r, 91);
    assert_sessions(&r, "[91 100 1][150 150 0]");
    AT(&r, 105, 141); /* the second is open: no revision */
    assert_sessions(&r, "[91 105 2][141 150 0]");
    AT(&r, 125); /* ended by the group's clock when it came */
    assert_sessions(&r, "[91 105 2][125 125 1][141 150 0]");
    stop(&r);
}

static void test_joins(void **state)
{
    (void)state;
    struct run r;
    start(&r, stream, sessions);
    AT(&r, 100, 115, 130, 160);
    assert_sessions(&r, "[100 100 0][115 115 0][130 130 0][160 160 0]");
    AT(&r, 108);
    assert_sessions(&r, "[100 115 1][130 130 0][160 160 0]");
    AT(&r, 122);
    assert_sessions(&r, "[100 130 2][160 160 0]");
    AT(&r, 139, 148, 152); /* with the newest, step by step */
    assert_sessions(&r, "[100 160 5]");
    assert_events(&r, 9, 0, 0, 0, 0);
    assert_int_equal(r.partition->groups[0].pane_count, 1);
    assert_int_equal(rs_rest_at(&r.partition->groups[0], 0)->pane_count, 1);
    stop(&r);
}

/* Watermark 200 - 60 = 140: what would begin a session that ended by then is late, unless one that is open holds
 * it. */
static void test_late(void **state)
{
    (void)state;
    struct run r;
    start(&r, stream, sessions);
    AT(&r, 115, 200);
    AT(&r, 130); /* its session would have ended at 140 */
    assert_events(&r, 2, 1, 0, 0, 0);
    AT(&r, 131);
    assert_events(&r, 3, 1, 0, 0, 0);
    assert_sessions(&r, "[115 115 0][131 131 1][200 200 0]");
    AT(&r, 124); /* it would join two, but comes too late */
    assert_events(&r, 3, 2, 0, 0, 0);
    stop(&r);

    start(&r, stream, sessions);
    for (int64_t s = 100; s <= 200; s += 9) {
        AT(&r, s);
    }
    AT(&r, 120, 101); /* of the session that goes on */
    assert_events(&r, 14, 0, 0, 0, 0);
    AT(&r, 99);
    assert_events(&r, 14, 1, 0, 0, 0);
    assert_sessions(&r, "[100 199 0]");
    stop(&r);
}

/* ---- history ---- */

static void test_history_is_corrected(void **state)
{
    (void)state;
    struct run r;
    start(&r, stream, sessions);
    AT(&r, 100, 115, 130, 150);
    assert_emits(&r, "view s/p 150000 first: n=1 q=1 window_start=150000 window_end=160000 event_time=150000 "
                     "events=1\n"
                     "history s/p 150000: \n" /* whatever another owner said of it */
                     "history s/p 100000: n=1 q=1 window_start=100000 window_end=110000 event_time=100000 "
                     "events=1 revision=0\n"
                     "history s/p 115000: n=1 q=1 window_start=115000 window_end=125000 event_time=115000 "
                     "events=1 revision=0\n"
                     "history s/p 130000: n=1 q=1 window_start=130000 window_end=140000 event_time=130000 "
                     "events=1 revision=0\n");
    /* Two of them become one: what the second was goes first, and the oldest is among the newest two again. */
    AT(&r, 122);
    assert_emits(&r, "view s/p 150000: n=1 q=1 window_start=150000 window_end=160000 event_time=150000 "
                     "events=1\n"
                     "history s/p 115001: \n"
                     "history s/p 100000: n=1 q=1 window_start=100000 window_end=110000 event_time=100000 "
                     "events=1 revision=0\n"
                     "history s/p 115000: n=3 q=3 window_start=115000 window_end=140000 event_time=130000 "
                     "events=3 revision=1\n");
    /* The next goes on: what it was goes from history. */
    rs_partition_show(r.partition, 170 * SECOND);
    assert_emits(&r, "history s/p 150000: n=1 q=1 window_start=150000 window_end=160000 event_time=150000 "
                     "events=1 revision=0\n");
    AT(&r, 159, 165);
    assert_emits(&r, "view s/p 165000: n=3 q=3 window_start=150000 window_end=175000 event_time=165000 "
                     "events=3\n"
                     "history s/p 150000: \n"
                     "history s/p 100000: n=1 q=1 window_start=100000 window_end=110000 event_time=100000 "
                     "events=1 revision=0\n"
                     "history s/p 115000: n=3 q=3 window_start=115000 window_end=140000 event_time=130000 "
                     "events=3 revision=1\n");
    rs_partition_show(r.partition, 175 * SECOND - 1);
    assert_emits(&r, "");
    rs_partition_show(r.partition, 175 * SECOND);
    assert_emits(&r, "history s/p 150000: n=3 q=3 window_start=150000 window_end=175000 event_time=165000 "
                     "events=3 revision=0\n");
    stop(&r);
}

/* As many final ones stay as history keeps, and no more. */
static void test_final_sessions_leave(void **state)
{
    (void)state;
    struct run r;
    start(&r, stream, sessions);
    for (int64_t i = 0; i < 100; i++) {
        AT(&r, 20 * i);
        struct rs_view_batch *batch = emit_all(&r);
        batch->result = RS_BATCH_APPLIED;
        rs_partition_settle(r.partition, batch);
        rs_view_batch_free(&batch);
    }
    /* The clock is 1980, the watermark 1920: final is what ends at or before 1910. */
    assert_sessions(&r, "[1880 1880 0][1900 1900 0][1920 1920 0][1940 1940 0][1960 1960 0][1980 1980 0]");
    assert_int_equal(r.partition->groups[0].owed, 0);
    stop(&r);
}

static void test_owed_is_what_has_ended(void **state)
{
    (void)state;
    struct run r;
    start(&r, stream, sessions);
    AT(&r, 100, 115, 130);
    assert_int_equal(r.partition->groups[0].owed, 2);
    AT(&r, 108);
    assert_int_equal(r.partition->groups[0].owed, 1);
    AT(&r, 122); /* all is one that goes on */
    assert_int_equal(r.partition->groups[0].owed, 0);
    AT(&r, 140);
    assert_int_equal(r.partition->groups[0].owed, 1);
    stop(&r);
}

static const char ended_alone[] = "  s:\n    stream: ticks\n    by: [product]\n    window: {session: 10s}\n"
                                  "    history: 2\n    publish: closed\n    stats: {n: count()}\n";

static void settle(struct run *r, struct rs_view_batch *batch, enum rs_batch_result result)
{
    batch->result = result;
    rs_partition_settle(r->partition, batch);
    rs_view_batch_free(&batch);
}

/* Where none has ended there is no group, also when one had. */
static void test_ended_ones_alone(void **state)
{
    (void)state;
    struct run r;
    start(&r, stream, ended_alone);
    AT(&r, 100, 101);
    assert_emits(&r, "drop s/p\n"); /* whatever another owner said of it */
    AT(&r, 102);
    assert_emits(&r, "");
    AT(&r, 117);
    assert_emits(
        &r, "view s/p 112000 first: n=3 window_start=100000 window_end=112000 event_time=102000 events=3\n"
            "history s/p 100000: n=3 window_start=100000 window_end=112000 event_time=102000 events=3 "
            "revision=0\n");
    AT(&r, 109); /* joins both, and that goes on */
    assert_emits(&r, "drop s/p\n");
    rs_partition_show(r.partition, 127 * SECOND);
    assert_emits(
        &r, "view s/p 127000 first: n=5 window_start=100000 window_end=127000 event_time=117000 events=5\n"
            "history s/p 100000: n=5 window_start=100000 window_end=127000 event_time=117000 events=5 "
            "revision=1\n");
    AT(&r, 140); /* the one before is still there when the next goes on */
    rs_partition_show(r.partition, 150 * SECOND);
    assert_emits(&r,
                 "view s/p 150000: n=1 window_start=140000 window_end=150000 event_time=140000 events=1\n"
                 "history s/p 140000: n=1 window_start=140000 window_end=150000 event_time=140000 events=1 "
                 "revision=0\n");
    AT(&r, 149);
    assert_emits(&r, "view s/p 127000: n=5 window_start=100000 window_end=127000 event_time=117000 events=5\n"
                     "history s/p 140000: \n");
    stop(&r);
}

/* The deletion says nothing of what was sent before it, and is repeated until it is done. */
static void test_what_was_in_flight_when_none_is_left(void **state)
{
    (void)state;
    for (int applied = 0; applied < 4; applied++) {
        struct run r;
        start(&r, stream, ended_alone);
        AT(&r, 100, 115);
        struct rs_view_batch *shown = emit_all(&r);
        AT(&r, 108);
        struct rs_view_batch *gone = emit_all(&r);
        assert_int_equal(shown->op_count, 3); /* with what another owner said of the open one */
        assert_int_equal(gone->op_count, 1);
        settle(&r, shown, applied & 1 ? RS_BATCH_APPLIED : RS_BATCH_BEHIND);
        settle(&r, gone, applied & 2 ? RS_BATCH_APPLIED : RS_BATCH_BEHIND);
        assert_emits(&r, applied & 2 ? "" : "drop s/p\n");
        rs_partition_show(r.partition, 125 * SECOND);
        assert_emits(
            &r,
            "view s/p 125000 first: n=3 window_start=100000 window_end=125000 event_time=115000 events=3\n"
            "history s/p 100000: n=3 window_start=100000 window_end=125000 event_time=115000 events=3 "
            "revision=1\n");
        stop(&r);
    }
}

static void test_change_compares_with_the_session_before(void **state)
{
    (void)state;
    struct run r;
    start(&r, stream,
          "  s:\n    stream: ticks\n    by: [product]\n    window: {session: 10s}\n"
          "    stats: {c: change(quantity), r: rate(quantity)}\n");
    struct tick t = tick_at(100);
    t.quantity = 5;
    apply(&r, &t, 1);
    t = tick_at(500);
    t.quantity = 8;
    apply(&r, &t, 1);
    t = tick_at(510);
    t.quantity = 7;
    apply(&r, &t, 1);
    t = tick_at(514);
    t.quantity = 7;
    apply(&r, &t, 1);
    assert_emits(&r, "view s/p 514000 first: c=-1 r=1 window_start=510000 window_end=524000 "
                     "event_time=514000 events=2\n");
    t = tick_at(505); /* joins both: 27 in 24 seconds, and 5 is what was before */
    t.quantity = 5;
    apply(&r, &t, 1);
    assert_emits(&r, "view s/p 514000: c=2 r=1.125 window_start=500000 window_end=524000 event_time=514000 "
                     "events=4\n");
    stop(&r);
}

/* ---- against all events, and restarts ---- */

#define EVENTS  70
#define MEMBERS 200
#define KEEP    3

struct member {
    int64_t score;
    char text[200];
};

/* What Redis would hold of one group. */
struct store {
    struct member members[MEMBERS];
    size_t count;
    char view[200];
};

static void cut(struct store *s, int64_t from, int64_t to)
{
    for (size_t i = s->count; i-- > 0;) {
        if (s->members[i].score >= from && s->members[i].score <= to) {
            memmove(&s->members[i], &s->members[i + 1], (s->count - i - 1) * sizeof *s->members);
            s->count--;
        }
    }
}

static void put(struct store *s, int64_t score, const char *text)
{
    size_t at = s->count;
    assert_true(s->count < MEMBERS);
    while (at > 0 && s->members[at - 1].score > score) {
        s->members[at] = s->members[at - 1];
        at--;
    }
    s->members[at].score = score;
    snprintf(s->members[at].text, sizeof s->members[at].text, "%s", text);
    s->count++;
    if (s->count > KEEP) {
        cut(s, s->members[0].score, s->members[0].score);
    }
}

static void take(void *ctx, const struct rs_aggregate_meta *meta, const struct rs_op *op)
{
    struct store *s = ctx;
    struct rs_buf text = {0};
    op_text(meta, op, &text);
    char *revision = strstr((char *)text.data, " revision="); /* what order it was decides */
    if (revision) {
        *revision = '\0';
    }
    if (op->kind == RS_OP_VIEW) {
        snprintf(s->view, sizeof s->view, "%s", (const char *)text.data);
    } else {
        assert_int_equal(op->kind, RS_OP_HISTORY);
        cut(s, op->score_ms, op->last_ms);
        if (op->field_count) {
            put(s, op->score_ms, (const char *)text.data);
        }
    }
    rs_buf_fini(&text);
}

static int by_time(const void *a, const void *b)
{
    int64_t x = ((const struct tick *)a)->at_us;
    int64_t y = ((const struct tick *)b)->at_us;
    return (x > y) - (x < y);
}

/* From the events in the order of their times, without the engine. */
static void expect(const struct tick *ticks, int64_t now_us, struct store *out)
{
    struct tick sorted[EVENTS];
    memcpy(sorted, ticks, sizeof sorted);
    qsort(sorted, EVENTS, sizeof *sorted, by_time);
    *out = (struct store){0};
    for (size_t first = 0, end = 0; first < EVENTS; first = end) {
        int64_t sum = sorted[first].quantity;
        for (end = first + 1; end < EVENTS && sorted[end].at_us - sorted[end - 1].at_us < GAP; end++) {
            sum += sorted[end].quantity;
        }
        char text[200];
        long long start_ms = rs_floor_ms(sorted[first].at_us);
        long long last_ms = rs_floor_ms(sorted[end - 1].at_us);
        snprintf(text, sizeof text,
                 "n=%zu q=%lld window_start=%lld window_end=%lld event_time=%lld events=%zu", end - first,
                 (long long)sum, start_ms, last_ms + GAP / 1000, last_ms, end - first);
        if (sorted[end - 1].at_us + GAP <= now_us) {
            put(out, start_ms, text);
        }
        snprintf(out->view, sizeof out->view, "%s", text);
    }
}

static void assert_stores(const struct store *a, const struct store *b)
{
    assert_string_equal(a->view, b->view);
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        assert_int_equal(a->members[i].score, b->members[i].score);
        assert_string_equal(a->members[i].text, b->members[i].text);
    }
}

static const char kept[] =
    "  s:\n    stream: ticks\n    by: [product]\n    window: {session: 10s}\n    history: 3\n"
    "    stats: {n: count(), q: sum(quantity)}\n";

/* Apart by about a gap, out of order by less than lateness. */
static void make_ticks(struct rs_random *random, struct tick *ticks)
{
    static size_t order[EVENTS];
    int64_t time = rs_random_between(random, 0, 3) == 0 ? -500 * SECOND : 1000 * SECOND;
    struct tick sorted[EVENTS];
    for (size_t i = 0; i < EVENTS; i++) {
        time += rs_random_one_in(random, 3) ? rs_random_between(random, 0, 22) * SECOND
                                            : rs_random_between(random, 0, 8000000);
        sorted[i] = (struct tick){.product = "p", .at_us = time, .quantity = rs_random_between(random, 1, 9)};
        order[i] = i;
    }
    for (size_t i = 0; i < EVENTS; i += 7) { /* six steps of 22 s at most; most are far shorter */
        rs_random_shuffle(random, order + i, 7);
    }
    int64_t clock = INT64_MIN;
    for (size_t i = 0; i < EVENTS; i++) {
        ticks[i] = sorted[order[i]];
        if (clock != INT64_MIN && ticks[i].at_us + GAP <= clock - 60 * SECOND) {
            ticks[i].at_us = clock - 60 * SECOND; /* not late, whatever is open */
        }
        clock = ticks[i].at_us > clock ? ticks[i].at_us : clock;
    }
}

static void drain(struct run *r, struct store *store)
{
    partition_drain(&r->fixture, r->partition, take, store);
}

static int64_t end_all(struct run *r, struct store *store, int64_t beyond_us)
{
    struct rs_partition_status s;
    rs_partition_status(r->partition, &s);
    rs_partition_show(r->partition, s.stream_time_us + beyond_us);
    drain(r, store);
    assert_int_equal(s.events.applied, EVENTS);
    return s.stream_time_us + beyond_us;
}

/* One owner applies the events and publishes now and then. */
static void test_equals_all_events_sorted(void **state)
{
    (void)state;
    struct rs_random random = rs_random_of_run();
    for (int round = 0; round < 300; round++) {
        struct tick ticks[EVENTS];
        struct store got = {0};
        struct store wanted;
        struct run r;
        make_ticks(&random, ticks);
        start(&r, stream, kept);
        for (size_t i = 0; i < EVENTS; i++) {
            apply(&r, &ticks[i], 1);
            if (rs_random_one_in(&random, 3)) {
                drain(&r, &got);
            }
        }
        int64_t now = end_all(&r, &got, rs_random_one_in(&random, 2) ? 20 * SECOND : 0);
        expect(ticks, now, &wanted);
        assert_stores(&got, &wanted);
        assert_int_equal(r.partition->groups[0].owed, 0);
        stop(&r);
    }
}

/* It seals after `at` events, goes on and publishes for some more, and is gone; the next owner reads on from the
 * seal. */
static void restart_at(struct sealing *f, struct rs_random *random, const struct tick *ticks, size_t at)
{
    struct store store = {0};
    struct store wanted;
    struct run *w = open_writer(f, stream, kept);
    size_t reached = at + rs_random_below(random, EVENTS - at + 1);
    for (size_t i = 0; i < at; i++) {
        apply(w, &ticks[i], 1);
        if (rs_random_one_in(random, 4)) {
            drain(w, &store);
        }
        if (rs_random_one_in(random, 3)) {
            seal_changes(f, w);
        }
    }
    if (rs_random_one_in(random, 3)) {
        seal_sweep(f, w);
    } else {
        seal_changes(f, w);
    }
    struct run *next = open_restored(f, stream, kept);
    assert_same_bytes(w, next);
    for (size_t i = at; i < reached; i++) {
        apply(w, &ticks[i], 1);
        apply(next, &ticks[i], 1);
        if (rs_random_one_in(random, 4)) {
            drain(w, &store);
        }
    }
    struct rs_partition_status s;
    rs_partition_status(w->partition, &s);
    rs_partition_show(next->partition, s.now_shown_us); /* as the fence tells it */
    for (size_t i = reached; i < EVENTS; i++) {
        apply(next, &ticks[i], 1);
        if (rs_random_one_in(random, 4)) {
            drain(next, &store);
        }
    }
    int64_t now = end_all(next, &store, rs_random_one_in(random, 2) ? 20 * SECOND : 0);
    expect(ticks, now, &wanted);
    assert_stores(&store, &wanted);
}

static void test_restarts_anywhere(void **state)
{
    struct rs_random random = rs_random_of_run();
    for (size_t round = 0; round < 5; round++) {
        struct tick ticks[EVENTS];
        make_ticks(&random, ticks);
        for (size_t at = 1; at <= EVENTS; at++) {
            restart_at(*state, &random, ticks, at);
            teardown_sealing(state);
            assert_int_equal(setup_sealing(state), 0);
        }
    }
}

/* Taken back, windows and what was told of open ones go again. */
static void test_batches_that_are_lost(void **state)
{
    (void)state;
    struct rs_random random = rs_random_of_run();
    for (int round = 0; round < 200; round++) {
        struct tick ticks[EVENTS];
        struct store got = {0};
        struct store wanted;
        struct run r;
        make_ticks(&random, ticks);
        start(&r, stream, kept);
        for (size_t i = 0; i < EVENTS; i++) {
            apply(&r, &ticks[i], 1);
            if (rs_random_one_in(&random, 3)) {
                struct rs_view_batch *batch = emit_all(&r);
                batch->result = RS_BATCH_NONE;
                rs_partition_settle(r.partition, batch);
                rs_view_batch_free(&batch);
            } else if (rs_random_one_in(&random, 3)) {
                drain(&r, &got);
            }
        }
        expect(ticks, end_all(&r, &got, 20 * SECOND), &wanted);
        assert_stores(&got, &wanted);
        stop(&r);
    }
}

/* ---- damage ---- */

static struct rs_node *first_node(const struct run *r)
{
    return rs_node_at(&r->partition->groups[0], rs_group_at(&r->partition->groups[0], 0)->oldest);
}

/* A session that begins within the one before, or after its own last event, was never written. */
static void test_damage_is_found(void **state)
{
    struct sealing *f = *state;
    static const int64_t starts[] = {105, 125};
    for (size_t i = 0; i < 2; i++) {
        struct run *w = open_writer(f, stream, sessions);
        AT(w, 100, 120);
        rs_node_at(&w->partition->groups[0], first_node(w)->newer)->start_us = starts[i] * SECOND;
        seal_changes(f, w);
        struct run *r = open_run(f, stream, sessions);
        assert_int_equal(restore(f, r), RS_ESTATE);
        assert_non_null(strstr(f->error.text, "a session is damaged"));
        teardown_sealing(state);
        assert_int_equal(setup_sealing(state), 0);
        f = *state;
    }
}

/* ---- configuration ---- */

static void test_what_does_not_go_with_it(void **state)
{
    (void)state;
    expect_complaint(
        "time: at", "window: {session: 30s, every: 1s}, stats: {n: count()}",
        "test.yaml:6:52: a session takes no every: it ends when no event came for as long as its "
        "gap\n");
    expect_complaint("time: at", "window: {session: 30s, offset: 1s}, stats: {n: count()}",
                     "test.yaml:6:53: a session takes no offset: it begins with its first event\n");
    expect_complaint("time: at", "window: {session: 30s, zone: UTC}, stats: {n: count()}",
                     "test.yaml:6:51: a session takes no zone: it begins with its first event, whatever the "
                     "clocks say\n");
    expect_complaint("time: at", "window: {session: 1d, gap: 30s}, stats: {n: count()}",
                     "test.yaml:6:44: a session says its gap itself, as in {session: 30s}\n");
    expect_complaint("time: at, expire: 30s, lateness: 1s", "window: {session: 30s}, stats: {n: count()}",
                     "test.yaml:6:30: groups of stream ticks expire after 30s, before this window and its "
                     "lateness are over: expire must be at least 31s\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_less_than_a_gap_is_one_session),
        cmocka_unit_test(test_extends_to_both_sides),
        cmocka_unit_test(test_joins),
        cmocka_unit_test(test_late),
        cmocka_unit_test(test_history_is_corrected),
        cmocka_unit_test(test_final_sessions_leave),
        cmocka_unit_test(test_owed_is_what_has_ended),
        cmocka_unit_test(test_ended_ones_alone),
        cmocka_unit_test(test_what_was_in_flight_when_none_is_left),
        cmocka_unit_test(test_change_compares_with_the_session_before),
        cmocka_unit_test(test_equals_all_events_sorted),
        SEAL_TEST(test_restarts_anywhere),
        cmocka_unit_test(test_batches_that_are_lost),
        SEAL_TEST(test_damage_is_found),
        cmocka_unit_test(test_what_does_not_go_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
