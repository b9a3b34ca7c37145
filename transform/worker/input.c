/* The worker's input: events of the source, limits, and the time that is shown. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/time/text.h"
#include "transform/worker/internal.h"

#define EVENTS_PER_STEP  16 /* then publishing gets its turn; also after so many records: */
#define RECORDS_PER_STEP 4096
#define REPORT_EVERY_US  (30 * INT64_C(1000000))
#define STILL_EVERY_US   (200 * RS_WORKER_MS) /* the same of one that is not read */
#define END_EVERY_US     (5 * RS_WORKER_MS) /* between looks at the end of a partition that brings nothing */
#define WATCH_AFTER_US   (5 * INT64_C(1000000))  /* a partition that is not restored by then */
#define UNOPPOSED_US     (30 * INT64_C(1000000)) /* of silence, until one group's word counts */
#define ADVANCE_MAX_US   (2 * INT64_C(1000000))
#define RECREATED_US     (30 * INT64_C(1000000)) /* the log's end stays below the fence for so long */

/* ---- records ---- */

static void applied(struct rs_worker *worker, struct rs_worker_partition *owned, size_t taken)
{
    rs_worker_partition_arrived(owned, worker->held.records);
    owned->next_offset = worker->held.records[taken - 1].offset + 1;
    owned->fed = true;
    owned->touched = true;
    owned->records_us = worker->now_us;
    if (worker->dirty_since_us == 0) {
        worker->dirty_since_us = worker->now_us;
    }
    worker->held.records += taken;
    worker->held.count -= taken;
}

/* Its own group takes an event at its word; whoever runs the producer should hear of it. A gap in the input
 * looks the same until most of the events are behind it. */
static void report_ahead(struct rs_worker *worker, struct rs_worker_partition *owned)
{
    struct rs_partition_status status;
    char time[RS_TIME_TEXT_MAX];
    char others[RS_TIME_TEXT_MAX];

    if (owned->ahead_reported_us != 0 && worker->now_us - owned->ahead_reported_us < REPORT_EVERY_US) {
        return;
    }
    rs_partition_status(owned->state, &status);
    if (status.events_ahead <= owned->ahead_reported) {
        return;
    }
    int time_size = (int)rs_time_format(status.ahead_time_us, time); /* neither is terminated */
    int others_size = (int)rs_time_format(status.ahead_of_us, others);
    rs_report(
        &worker->options.report, RS_LOG_WARNING,
        "stream %s partition %" PRId32 ": %" PRIu64
        " events are far ahead of the others, the latest at offset %" PRId64
        " with the time %.*s, where the others are at %.*s. They count in their own groups, and move no "
        "time of others. If there is no gap in the input, a producer's clock is wrong",
        rs_stream_label(owned->stream), owned->partition, status.events_ahead - owned->ahead_reported,
        status.ahead_offset, time_size, time, others_size, others);
    owned->ahead_reported = status.events_ahead;
    owned->ahead_reported_us = worker->now_us;
}

/* Applies the held run as far as there is room; what is left stays held. */
static void apply_held(struct rs_worker *worker)
{
    struct rs_worker_partition *owned = rs_worker_find(worker, worker->held.stream, worker->held.partition);

    if (!owned || !rs_phase_reads(owned->phase)) {
        rs_worker_release_run(worker);
        return;
    }
    if (worker->now_us >= worker->limits_due_us) {
        rs_worker_measure(worker);
    }
    enum rs_waiting limit = rs_worker_limit(worker);
    if (limit == RS_WAITING_NOT) {
        rs_partition_count_into(owned->state, &worker->outcomes[owned->stream->first]);
        rs_partition_witness(owned->state, rs_clock_wall(worker->options.clock));
        size_t taken = rs_partition_apply(owned->state, worker->held.records, worker->held.count,
                                          &worker->options.dead_letters);
        if (taken > 0) {
            applied(worker, owned, taken);
            report_ahead(worker, owned);
        }
        if (worker->held.count == 0) {
            rs_worker_release_run(worker);
            return;
        }
        if (rs_worker_await_schema(worker, owned, taken > 0)) {
            return;
        }
        limit = RS_WAITING_DEAD_LETTERS;
    }
    rs_worker_set_waiting(worker, limit);
    worker->retry_us = worker->now_us + RS_WORKER_RETRY_US;
}

/* ---- assignments ---- */

/* NULL: out of memory. The epoch is new even where the partition was here before, since batches of that
 * time may still be with the sink. The claim is due at once, and so is a first look at the input's end. */
static struct rs_worker_partition *add_owned(struct rs_worker *worker, const struct rs_source_event *event)
{
    struct rs_worker_partition **all = rs_array_grow(
        worker->owned, worker->owned_count, &worker->owned_capacity, 8, sizeof(struct rs_worker_partition *));
    if (!all) {
        return NULL;
    }
    worker->owned = all;
    struct rs_worker_partition *owned = calloc(1, sizeof *owned);
    if (!owned) {
        return NULL;
    }
    *owned = (struct rs_worker_partition){
        .stream = &worker->options.streams->items[event->stream],
        .start = event->has_start ? event->start : -1,
        .partition = event->partition,
        .epoch = ++worker->next_epoch,
        .phase = RS_PHASE_WAITING,
        .claim_due_us = worker->now_us,
        .end_offset = -1,
        .end_checked_us = worker->now_us - END_EVERY_US,
        .quiet_shown_us = RS_TIME_NONE,
        .arrived_us = RS_TIME_NONE,
        .committed = -1,
    };
    worker->owned[worker->owned_count++] = owned;
    return owned;
}

/* While the worker ends nothing is taken over or back: what is here goes, and the group gives it to another
 * when this member is out. */
static void on_assigned(struct rs_worker *worker, const struct rs_source_event *event)
{
    struct rs_worker_partition *owned = rs_worker_find(worker, event->stream, event->partition);

    if (worker->stopping) {
        return;
    }
    if (owned) {
        owned->start = event->has_start ? event->start : -1;
        (void)rs_worker_partition_event(worker, owned, RS_LIFE_ASSIGNED);
        return;
    }
    if (!add_owned(worker, event)) {
        rs_report(&worker->options.report, RS_LOG_ERROR,
                  "stream %s partition %" PRId32 ": out of memory, not taken over",
                  rs_stream_label(&worker->options.streams->items[event->stream]), event->partition);
    }
}

static void on_revoked(struct rs_worker *worker, const struct rs_source_event *event)
{
    struct rs_worker_partition *owned = rs_worker_find(worker, event->stream, event->partition);

    if (!owned) {
        worker->options.source.ops->done(worker->options.source.self, event->stream, event->partition);
    } else {
        (void)rs_worker_partition_event(worker, owned, RS_LIFE_REVOKED);
    }
}

static void on_stopped(struct rs_worker *worker, const struct rs_source_event *event)
{
    struct rs_worker_partition *owned = rs_worker_find(worker, event->stream, event->partition);

    if (owned) {
        struct rs_cause cause = {.error = *event->error};
        (void)rs_worker_partition_event_with(worker, owned, RS_LIFE_SOURCE_STOPPED, &cause);
    }
}

/* The silence of a partition is over when its records arrive, be they applied now or after a wait. */
static void on_records(struct rs_worker *worker, const struct rs_source_event *event)
{
    struct rs_worker_partition *owned = rs_worker_find(worker, event->stream, event->partition);

    worker->held = *event;
    worker->holding = true;
    if (owned) {
        owned->at_end = false;
    }
    apply_held(worker);
}

static void on_event(struct rs_worker *worker, const struct rs_source_event *event)
{
    switch (event->kind) {
    case RS_SOURCE_RECORDS: on_records(worker, event); break;
    case RS_SOURCE_ASSIGNED: on_assigned(worker, event); break;
    case RS_SOURCE_REVOKED: on_revoked(worker, event); break;
    case RS_SOURCE_STOPPED: on_stopped(worker, event); break;
    }
}

/* Records in portions, for publishing and sealing must have their turns also in a backlog. While a run is
 * held no other run comes, but all other events do: a worker that waits for room still hears of a
 * revocation. */
void rs_worker_source_events(struct rs_worker *worker)
{
    const struct rs_source *source = &worker->options.source;
    size_t records = 0;

    if (worker->holding) {
        apply_held(worker);
    }
    worker->drained = false;
    for (int i = 0; i < EVENTS_PER_STEP && records < RECORDS_PER_STEP; i++) {
        struct rs_source_event event;
        if (!source->ops->take(source->self, worker->options.index, &event)) {
            worker->drained = !worker->holding;
            return;
        }
        on_event(worker, &event);
        records += event.kind == RS_SOURCE_RECORDS ? event.count : 0;
    }
}

/* ---- the end of the log, and time ---- */

/* A fence ahead of the whole log cannot come from this log. */
static void check_recreated(struct rs_worker *worker, struct rs_worker_partition *owned)
{
    if (owned->quiet_until <= owned->end_offset || owned->behind_reported) {
        owned->behind_since_us = 0;
        return;
    }
    if (owned->behind_since_us == 0) {
        owned->behind_since_us = worker->now_us;
        return;
    }
    if (worker->now_us - owned->behind_since_us >= RECREATED_US) {
        struct rs_buf key = {0};
        rs_worker_fence_key(worker, owned, &key);
        owned->behind_reported = true;
        rs_worker_partition_trouble(
            worker, owned, RS_LOG_ERROR,
            "stream %s partition %" PRId32 ": Redis shows it up to offset %" PRId64
            ", but topic %s ends at %" PRId64 ": the topic seems to have been deleted and created "
            "again. Nothing of this partition is published "
            "before it gets there. If the topic is new, delete the Redis key %.*s",
            rs_stream_label(owned->stream), owned->partition, owned->quiet_until, owned->stream->topic,
            owned->end_offset, (int)key.size, (const char *)key.data);
        rs_buf_fini(&key);
    }
}

/* Time passes without input only at the end, and only once the worker has taken all that the source had:
 * whatever is still on its way is not silence. */
static void look_at_end(struct rs_worker *worker, struct rs_worker_partition *owned)
{
    owned->end_checked_us = worker->now_us;
    owned->end_offset = worker->options.source.ops->end_offset(worker->options.source.self,
                                                               owned->stream->index, owned->partition);
    bool reached = owned->end_offset >= 0 && owned->next_offset >= owned->end_offset;
    if (!reached) {
        owned->at_end =
            false; /* records that do not come: behind an open transaction, or a fetch that waits */
    } else if (!owned->at_end && worker->drained) {
        owned->at_end = true;
        owned->tick_us = worker->now_us;
    }
    if (owned->end_offset >= 0) {
        check_recreated(worker, owned);
    }
}

/* One that stopped, or has not been restored for a while: how far Kafka's log has grown meanwhile is told. */
static void watch_end(struct rs_worker *worker, struct rs_worker_partition *owned)
{
    owned->end_checked_us = worker->now_us;
    int64_t end = worker->options.source.ops->end_offset(worker->options.source.self, owned->stream->index,
                                                         owned->partition);
    owned->end_offset = end >= 0 ? end : owned->end_offset;
}

static bool stands_still(const struct rs_worker *worker, const struct rs_worker_partition *owned)
{
    switch (owned->phase) {
    case RS_PHASE_STOPPED:
    case RS_PHASE_BROKEN:
    case RS_PHASE_FENCED: return true;
    case RS_PHASE_WAITING:
    case RS_PHASE_RESTORING:
        return owned->unwell_us != 0 && worker->now_us - owned->unwell_us >= WATCH_AFTER_US;
    default: return false;
    }
}

/* A partition that is at its end stays there until records come or are known to be there; the others are
 * looked at more often. */
void rs_worker_end_offsets(struct rs_worker *worker)
{
    for (size_t i = 0; i < worker->owned_count; i++) {
        struct rs_worker_partition *owned = worker->owned[i];
        int64_t since = worker->now_us - owned->end_checked_us;
        bool due = (owned->fed && worker->drained) || since >= (owned->at_end ? 20 : 1) * END_EVERY_US;
        owned->fed = owned->fed && !worker->drained;
        if (due && rs_phase_reads(owned->phase)) {
            look_at_end(worker, owned);
        } else if (since >= STILL_EVERY_US && stands_still(worker, owned)) {
            watch_end(worker, owned);
        }
    }
}

/* Events at the end of the input that are far ahead of what is shown are believed where nothing speaks
 * against them, those of one group after a while; but not into the future. */
static void rest(const struct rs_worker *worker, struct rs_worker_partition *owned)
{
    int64_t ahead_us = owned->stream->max_future_us;
    int64_t limit_us = rs_clock_wall(worker->options.clock);

    limit_us += ahead_us < INT64_MAX - limit_us ? ahead_us : INT64_MAX - limit_us;
    rs_partition_rest(owned->state, limit_us, true);
    if (worker->now_us - owned->records_us >= UNOPPOSED_US) {
        rs_partition_unopposed(owned->state, limit_us);
    }
}

/* Called before new records are taken: whatever comes now, until now there was silence. A worker that was
 * kept from running knows nothing about the time it missed, hence the bound: shown time rather lags than runs
 * ahead of input. */
static void advance(struct rs_worker *worker, struct rs_worker_partition *owned)
{
    int64_t elapsed = worker->now_us - owned->tick_us;
    struct rs_partition_status status;

    owned->tick_us = worker->now_us;
    rest(worker, owned);
    rs_partition_status(owned->state, &status);
    if (status.now_shown_us == RS_TIME_NONE || elapsed <= 0) {
        return;
    }
    if (elapsed > ADVANCE_MAX_US) {
        elapsed = ADVANCE_MAX_US;
    }
    int64_t shown_us = status.now_shown_us + elapsed;
    if (shown_us >= rs_partition_next_due(owned->state)) {
        owned->touched = true;
    }
    rs_partition_show(owned->state, shown_us);
}

void rs_worker_advance(struct rs_worker *worker)
{
    for (size_t i = 0; i < worker->owned_count; i++) {
        struct rs_worker_partition *owned = worker->owned[i];
        if (rs_phase_reads(owned->phase) && owned->at_end) {
            advance(worker, owned);
        }
    }
}
