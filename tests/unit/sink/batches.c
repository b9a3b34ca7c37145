#include "tests/unit/sink/batches.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *const fields[] = {"trades",     "volume", "window_start", "window_end",
                                     "event_time", "events", "revision"};
const struct rs_aggregate_meta test_metas[3] = {{.name = "t1m",
                                                 .stream = "trades",
                                                 .history = 3,
                                                 .fields = fields,
                                                 .field_count = 7,
                                                 .stat_count = 2,
                                                 .grouped = true,
                                                 .json = "{\"window\":\"1m\"}"},
                                                {.name = "total",
                                                 .stream = "trades",
                                                 .history = 0,
                                                 .fields = fields,
                                                 .field_count = 6,
                                                 .stat_count = 2,
                                                 .json = "{}"},
                                                {.name = "tally",
                                                 .stream = "trades",
                                                 .fields = fields,
                                                 .field_count = 6,
                                                 .stat_count = 2,
                                                 .grouped = true,
                                                 .json = "{}"}};

struct rs_view_batch *new_batch(int32_t partition, uint64_t token, int64_t offset, int64_t shown_us)
{
    struct rs_view_batch *batch = rs_view_batch_new();
    assert_non_null(batch);
    batch->stream_name = "trades";
    batch->topic = "t.trades";
    batch->partition = partition;
    batch->token = token;
    batch->offset = offset;
    batch->now_shown_us = shown_us;
    return batch;
}

void put_view(struct rs_view_batch *batch, uint32_t aggregate, uint32_t flags, const char *key,
              const char *const *values, int64_t change_ms)
{
    rs_batch_view_begin(batch, aggregate, flags, rs_slice_text(key));
    for (uint32_t i = 0; values[i]; i++) {
        if (values[i][0] != '\0') {
            rs_batch_field(batch, i, values[i], strlen(values[i]));
        }
    }
    rs_batch_end(batch, change_ms);
    assert_false(batch->ops.failed);
}

static void put_member(struct rs_view_batch *batch, int64_t score_ms, const char *events)
{
    char start[24];
    snprintf(start, sizeof start, "%lld", (long long)score_ms);
    rs_batch_field(batch, 2, start, strlen(start));
    rs_batch_field(batch, 5, events, strlen(events));
    rs_batch_field(batch, 6, "0", 1);
}

void put_history(struct rs_view_batch *batch, const char *key, int64_t score_ms, const char *events)
{
    rs_batch_history_begin(batch, 0, rs_slice_text(key), score_ms);
    put_member(batch, score_ms, events);
    rs_batch_end(batch, 0);
    assert_false(batch->ops.failed);
}

void put_session(struct rs_view_batch *batch, const char *key, int64_t score_ms, int64_t last_ms,
                 const char *events)
{
    rs_batch_session_begin(batch, 0, rs_slice_text(key), score_ms, last_ms);
    if (events) {
        put_member(batch, score_ms, events);
    }
    rs_batch_end(batch, 0);
    assert_false(batch->ops.failed);
}
