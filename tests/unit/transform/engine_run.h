/* engine_run: one partition of an engine, driven record by record, and what it emits as lines of text. */
#ifndef RS_TESTS_UNIT_TRANSFORM_ENGINE_RUN_H
#define RS_TESTS_UNIT_TRANSFORM_ENGINE_RUN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/engine_fixture.h"

#define SECOND INT64_C(1000000)

__attribute__((unused)) static const char append_stream[] =
    "streams:\n"
    "  ticks: {topic: t, schema: tick.avsc, time: at, lateness: 10s, expire: 1h}\n";

/* Every operation as one line: "view KEY CHANGE: fields", "history KEY SCORE: fields", "drop KEY". */
static inline void note(void *ctx, const struct rs_aggregate_meta *meta, const struct rs_op *op)
{
    static const char *const kinds[] = {"", "view", "history", "drop"};
    struct rs_buf *out = ctx;
    rs_buf_printf(out, "%s %s/%.*s", kinds[op->kind], meta->name, (int)op->key.size,
                  (const char *)op->key.data);
    if (op->kind != RS_OP_DROP) {
        struct rs_buf fields = {0};
        op_text(meta, op, &fields);
        rs_buf_printf(out, " %lld%s: %s", (long long)(op->kind == RS_OP_VIEW ? op->change_ms : op->score_ms),
                      op->flags & RS_OP_FIRST ? " first" : "", (const char *)fields.data);
        rs_buf_fini(&fields);
    }
    rs_buf_char(out, '\n');
}

struct run {
    struct fixture fixture;
    struct rs_partition *partition;
    struct tick_log log;
};

static inline void start(struct run *r, const char *stream, const char *aggregates)
{
    struct rs_error error;
    struct rs_buf yaml = {0};
    memset(r, 0, sizeof *r);
    rs_buf_printf(&yaml, "%saggregates:\n%s", stream, aggregates);
    rs_buf_char(&yaml, '\0');
    if (!fixture_open(&r->fixture, (const char *)yaml.data)) {
        fail_msg("%s", (const char *)r->fixture.complaints.data);
    }
    rs_buf_fini(&yaml);
    assert_int_equal(rs_partition_new(r->fixture.engine, 0, 0, &r->partition, &error), 0);
}

static inline void stop(struct run *r)
{
    rs_partition_free(&r->partition);
    fixture_close(&r->fixture);
    tick_log_free(&r->log);
}

/* Applies ticks one call each, so that the offset of each is its place in `ticks`. */
static inline void apply(struct run *r, const struct tick *ticks, size_t count)
{
    size_t before = r->log.count;
    for (size_t i = 0; i < count; i++) {
        tick_log_add(&r->log, &ticks[i]);
    }
    assert_int_equal(rs_partition_apply(r->partition, tick_log_seal(&r->log) + before, count, NULL), count);
}

static inline void assert_emits(struct run *r, const char *expected)
{
    struct rs_buf lines = {0};
    partition_drain(&r->fixture, r->partition, note, &lines);
    rs_buf_char(&lines, '\0');
    assert_string_equal((const char *)lines.data, expected);
    rs_buf_fini(&lines);
}

static inline void assert_events(struct run *r, uint64_t applied, uint64_t late, uint64_t duplicate,
                                 uint64_t rejected, uint64_t filtered)
{
    struct rs_partition_status s;
    rs_partition_status(r->partition, &s);
    assert_int_equal(s.events.applied, applied);
    assert_int_equal(s.events.late, late);
    assert_int_equal(s.events.duplicate, duplicate);
    assert_int_equal(s.events.rejected, rejected);
    assert_int_equal(s.events.filtered, filtered);
    assert_int_equal(s.events.consumed, applied + late + duplicate + rejected + filtered);
}

static inline struct rs_view_batch *emit_all(struct run *r)
{
    struct rs_view_batch *batch = rs_view_batch_new();
    assert_non_null(batch);
    while (rs_partition_emit(r->partition, batch, 1 << 20)) {
    }
    return batch;
}

/* Of the stream `ticks` and the aggregate `g`, each in one line of its own. */
static inline void expect_complaint(const char *stream, const char *aggregate, const char *complaint)
{
    struct fixture f;
    struct rs_buf yaml = {0};
    rs_buf_printf(
        &yaml,
        "streams:\n  ticks: {topic: t, schema: tick.avsc, %s}\naggregates:\n  g: {stream: ticks, %s}\n",
        stream, aggregate);
    rs_buf_char(&yaml, '\0');
    assert_false(fixture_open(&f, (const char *)yaml.data));
    assert_string_equal((const char *)f.complaints.data, complaint);
    rs_buf_fini(&yaml);
    fixture_close(&f);
}

#endif
