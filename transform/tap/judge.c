/* The engine itself, one record at a time, with the partitions' states as they are from the first record that was
 * read. Nothing is published: what waits to be is answered for as a store would that takes everything. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "transform/plan/plan.h"
#include "transform/tap/internal.h"

#define EMIT_EVERY 4096 /* records of a partition: bounds what is pending */
#define EMIT_BYTES ((size_t)256 << 10)

struct judged_partition {
    struct rs_partition *state; /* NULL: no record yet */
    uint32_t unemitted;
};

struct rs_tap_judge {
    const struct rs_engine *engine;
    struct rs_asking_patience patience;
    struct rs_view_batch *batch;
    struct rs_look looks[RS_STREAM_AGGREGATES_MAX];
    struct rs_tap_event *event; /* at hand */
    size_t count;
    struct judged_partition partitions[];
};

int rs_tap_judge_new(const struct rs_engine *engine, size_t slots, int64_t timeout_us,
                     struct rs_tap_judge **out, struct rs_error *error)
{
    struct rs_tap_judge *judge = calloc(1, sizeof *judge + slots * sizeof judge->partitions[0]);
    struct rs_view_batch *batch = judge ? rs_view_batch_new() : NULL;
    if (!batch) {
        free(judge);
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    judge->engine = engine;
    judge->patience.timeout_us = timeout_us;
    judge->count = slots;
    judge->batch = batch;
    *out = judge;
    return 0;
}

void rs_tap_judge_free(struct rs_tap_judge **judge)
{
    if (!*judge) {
        return;
    }
    for (size_t i = 0; i < (*judge)->count; i++) {
        rs_partition_free(&(*judge)->partitions[i].state);
    }
    rs_view_batch_free(&(*judge)->batch);
    free(*judge);
    *judge = NULL;
}

/* ---- rejected ---- */

static void keep(const char *text, char *out, size_t room)
{
    (void)snprintf(out, room, "%.*s", (int)room - 1, text ? text : "");
}

static bool put(void *self, const struct rs_dead_letter *letter)
{
    struct rs_tap_event *event = ((struct rs_tap_judge *)self)->event;
    event->reason = letter->reason;
    event->byte = letter->byte;
    keep(letter->text, event->text, sizeof event->text);
    keep(letter->rule, event->rule, sizeof event->rule);
    keep(letter->field, event->field, sizeof event->field);
    keep(letter->schema, event->schema, sizeof event->schema);
    return true;
}

static int64_t acknowledged(void *self, uint32_t stream, int32_t partition)
{
    (void)self;
    (void)stream;
    (void)partition;
    return INT64_MAX;
}

static const struct rs_dead_letter_ops ops = {.put = put, .acknowledged = acknowledged};

/* ---- one record ---- */

static bool waits(void *partition)
{
    return rs_partition_ask_schema(partition);
}

/* False: the registry does not say what the record's schema is, and the record is passed by. */
static bool apply(struct rs_tap_judge *judge, struct rs_partition *p, int *rc, struct rs_error *error)
{
    const struct rs_dead_letter_sink sink = {.self = judge, .ops = &ops};
    struct rs_tap_event *event = judge->event;
    struct rs_error why;
    struct rs_registry_key key;
    char name[RS_REGISTRY_KEY_TEXT];
    while (rs_partition_apply(p, &event->record, 1, &sink) != 1) {
        if (!rs_partition_wants_schema(p, &key)) {
            *rc = rs_fail(error, RS_ENOMEM, "out of memory");
            return false;
        }
        if (!rs_asking_await_schema(&judge->patience, &key, waits, p)) {
            rs_registry_key_name(&key, name);
            rs_partition_schema_why(p, &why);
            (void)snprintf(event->text, sizeof event->text,
                           "the schema registry does not say what schema %s is: %.400s", name, why.text);
            return false;
        }
    }
    return true;
}

static enum rs_tap_verdict verdict_of(const struct rs_accounting *before, const struct rs_accounting *now)
{
    return now->applied > before->applied       ? RS_TAP_APPLIED
           : now->late > before->late           ? RS_TAP_LATE
           : now->duplicate > before->duplicate ? RS_TAP_DUPLICATE
           : now->rejected > before->rejected   ? RS_TAP_REJECTED
                                                : RS_TAP_FILTERED;
}

static void look(struct rs_tap_judge *judge, const struct rs_partition *p)
{
    struct rs_tap_event *event = judge->event;
    bool told = event->verdict != RS_TAP_REJECTED && event->verdict != RS_TAP_DUPLICATE;
    event->time_us = rs_partition_look_time(p);
    event->looks = judge->looks;
    while (told && event->look_count < RS_STREAM_AGGREGATES_MAX &&
           rs_partition_look(p, (uint32_t)event->look_count, &judge->looks[event->look_count])) {
        event->look_count++;
    }
}

/* To the end: an answer may let out what had to wait for it. */
static int emit(struct rs_tap_judge *judge, struct rs_partition *p, struct rs_error *error)
{
    struct rs_view_batch *batch = judge->batch;
    do {
        rs_view_batch_reset(batch);
        (void)rs_partition_emit(p, batch, EMIT_BYTES);
        if (batch->ops.failed) {
            return rs_fail(error, RS_ENOMEM, "out of memory");
        }
        batch->result = RS_BATCH_APPLIED;
        rs_partition_settle(p, batch);
    } while (batch->op_count > 0);
    return 0;
}

int rs_tap_judge_run(struct rs_tap_judge *judge, struct rs_tap_event *event, struct rs_error *error)
{
    struct judged_partition *at = &judge->partitions[event->slot];
    struct rs_partition_status before;
    struct rs_partition_status now;
    int rc = 0;
    *event = (struct rs_tap_event){.input = event->input,
                                   .partition = event->partition,
                                   .slot = event->slot,
                                   .record = event->record,
                                   .verdict = RS_TAP_UNJUDGED,
                                   .time_us = RS_TIME_NONE,
                                   .byte = -1};
    judge->event = event;
    if (!at->state) {
        rc = rs_partition_new(judge->engine, event->input->index, event->partition, &at->state, error);
        if (rc < 0) {
            return rc;
        }
    }
    rs_partition_status(at->state, &before);
    if (apply(judge, at->state, &rc, error)) {
        rs_partition_status(at->state, &now);
        event->verdict = verdict_of(&before.events, &now.events);
        look(judge, at->state);
    }
    if (rc == 0 && ++at->unemitted >= EMIT_EVERY) {
        at->unemitted = 0;
        rc = emit(judge, at->state, error);
    }
    return rc;
}
