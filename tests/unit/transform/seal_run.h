/* seal_run: partitions that write batches of state and restore from them, on one engine_log; a teardown ends all
 * that a test has opened. */
#ifndef RS_TESTS_UNIT_TRANSFORM_SEAL_RUN_H
#define RS_TESTS_UNIT_TRANSFORM_SEAL_RUN_H

#include "tests/lib/partition_state.h"
#include "tests/sim/engine_log.h"
#include "tests/unit/transform/engine_run.h"

#define SEAL_RUNS_MAX 4

struct sealing {
    struct engine_log log;
    struct run runs[SEAL_RUNS_MAX];
    size_t count;
    struct rs_buf notes; /* of the last restoring, as text */
    struct rs_error error;
};

static inline int setup_sealing(void **state)
{
    *state = calloc(1, sizeof(struct sealing));
    return *state ? 0 : -1;
}

static inline int teardown_sealing(void **state)
{
    struct sealing *f = *state;
    for (size_t i = 0; i < f->count; i++) {
        stop(&f->runs[i]);
    }
    engine_log_free(&f->log);
    rs_buf_fini(&f->notes);
    free(f);
    return 0;
}

#define SEAL_TEST(name) cmocka_unit_test_setup_teardown(name, setup_sealing, teardown_sealing)

/* One that writes and reads no batch. */
static inline struct run *open_run(struct sealing *f, const char *stream, const char *aggregates)
{
    assert_true(f->count < SEAL_RUNS_MAX);
    struct run *r = &f->runs[f->count];
    start(r, stream, aggregates);
    f->count++;
    return r;
}

/* One with nothing in the log before it. */
static inline struct run *open_writer(struct sealing *f, const char *stream, const char *aggregates)
{
    struct run *r = open_run(f, stream, aggregates);
    rs_partition_seal_enable(r->partition, 0);
    return r;
}

/* The whole log into the partition of a fresh run. */
static inline int restore(struct sealing *f, struct run *into)
{
    int rc = 0;
    rs_buf_reset(&f->notes);
    for (size_t i = 0; rc == 0 && i < f->log.count; i++) {
        rc = engine_log_restore_batch(&f->log.batches[i], into->partition, &f->error);
    }
    if (rc == 0) {
        rc = rs_partition_restore_end(into->partition, &f->log.batches[f->log.count - 1].seal, &f->notes,
                                      &f->error);
    }
    rs_buf_char(&f->notes, '\0');
    return rc;
}

static inline struct run *open_restored(struct sealing *f, const char *stream, const char *aggregates)
{
    struct run *r = open_run(f, stream, aggregates);
    if (restore(f, r) != 0) {
        fail_msg("%s", f->error.text);
    }
    return r;
}

/* The rest of the batch under way. */
static inline void seal_rest(struct sealing *f, struct run *r)
{
    while (f->log.open) {
        assert_true(engine_log_step(&f->log, r->partition));
    }
}

static inline void seal_plan(struct sealing *f, struct run *r, struct rs_state_plan plan)
{
    engine_log_begin(&f->log, r->partition, plan);
    seal_rest(f, r);
}

/* What has changed. */
static inline void seal_changes(struct sealing *f, struct run *r)
{
    seal_plan(f, r, (struct rs_state_plan){0});
}

/* A whole sweep, which cuts off what came before. */
static inline void seal_sweep(struct sealing *f, struct run *r)
{
    seal_plan(f, r, (struct rs_state_plan){.sweep_begins = true, .slice_bytes = 100000});
    assert_int_equal(f->log.count, 1);
}

static inline void assert_same_bytes(const struct run *r, const struct run *s)
{
    struct rs_buf a = {0};
    struct rs_buf b = {0};
    rs_partition_save(r->partition, &a);
    rs_partition_save(s->partition, &b);
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
    rs_buf_fini(&a);
    rs_buf_fini(&b);
}

#endif
