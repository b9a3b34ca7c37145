#include "transform/partition/internal.h"

#include <math.h>
#include <stdlib.h>

#include "transform/group/group.h"
#include "transform/group/upsert.h"
#include "transform/partition/outcomes.h"

/* ---- life ---- */

/* On failure what was made is for rs_partition_free, which takes half a partition. */
static int init(struct rs_partition *p, struct rs_error *error)
{
    const struct rs_plan *plan = p->plan;
    p->stream_time_us = RS_TIME_NONE;
    p->now_shown_us = RS_TIME_NONE;
    rs_steady_init(&p->steady);
    p->front = (struct rs_front){
        .at_us = RS_TIME_NONE, .run_us = RS_TIME_NONE, .run_other_us = RS_TIME_NONE, .left_us = RS_TIME_NONE};
    p->wall_us = RS_TIME_NONE;
    p->expire_at_us = plan->stream->expire_us == INT64_MAX ? INT64_MAX : RS_TIME_NONE;
    rs_dedup_init(&p->dedup, plan->stream->dedup_us, plan->stream->dedup_max);
    p->scratch = rs_pane_scratch_new();
    p->groups = calloc(plan->aggregate_count + 1, sizeof *p->groups);
    if (!p->scratch || !p->groups) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    for (uint32_t i = 0; i < plan->aggregate_count; i++) {
        int rc = rs_groups_init(&p->groups[i], plan->aggregates[i], error);
        p->group_sets++;
        if (rc < 0) {
            return rc;
        }
    }
    p->again_set = p->group_sets;
    p->again_quota = UINT64_MAX;
    return rs_batch_init(&p->batch, plan, error);
}

int rs_partition_new(const struct rs_engine *engine, uint32_t stream, int32_t partition,
                     struct rs_partition **out, struct rs_error *error)
{
    const struct rs_stream *input = &engine->streams->items[stream];
    RS_ASSERT(input->first < engine->plan_count);
    struct rs_partition *p = calloc(1, sizeof *p);
    if (!p) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    p->engine = engine;
    p->plan = &engine->plans[input->first];
    p->input = input;
    p->learns = rs_decoder_learned(p->plan->decoder) != NULL;
    p->by_header = p->learns && p->plan->stream->framing.header;
    p->partition = partition;
    rs_partition_name_others(p);
    int rc = init(p, error);
    if (rc < 0) {
        rs_partition_free(&p);
        return rc;
    }
    *out = p;
    return 0;
}

void rs_partition_free(struct rs_partition **partition)
{
    struct rs_partition *p = *partition;
    if (!p) {
        return;
    }
    for (uint32_t i = 0; i < p->group_sets; i++) {
        rs_groups_fini(&p->groups[i]);
    }
    free(p->groups);
    rs_batch_fini(&p->batch);
    if (p->learns) {
        rs_learned_table_fini(&p->learned, rs_decoder_learned(p->plan->decoder));
    }
    rs_dedup_fini(&p->dedup);
    rs_pane_scratch_free(&p->scratch);
    rs_buf_fini(&p->key_text);
    rs_buf_fini(&p->sealing.head);
    rs_buf_fini(&p->sealing.chunks.out);
    rs_buf_fini(&p->sealing.chunks.cuts);
    rs_restoring_fini(&p->restoring);
    free(p);
    *partition = NULL;
}

void rs_partition_renumber(struct rs_partition *p, int32_t partition)
{
    p->partition = partition;
    rs_partition_name_others(p);
}

/* ---- schemas ---- */

bool rs_partition_wants_schema(const struct rs_partition *p, struct rs_registry_key *key)
{
    *key = p->wanted_schema;
    return p->waits_for_schema;
}

bool rs_partition_ask_schema(struct rs_partition *p)
{
    const struct rs_program *program = NULL;
    struct rs_learned *learned = rs_decoder_learned(p->plan->decoder);

    p->waits_for_schema = p->waits_for_schema && rs_learned_find_key(learned, &p->learned, &p->wanted_schema,
                                                                     &program) == RS_LEARNED_WAITS;
    return p->waits_for_schema;
}

void rs_partition_schema_why(const struct rs_partition *p, struct rs_error *out)
{
    rs_learned_why(rs_decoder_learned(p->plan->decoder), &p->wanted_schema, out);
}

/* ---- shown time ---- */

int64_t rs_partition_next_due(const struct rs_partition *p)
{
    int64_t due = INT64_MAX;
    for (uint32_t i = 0; i < p->group_sets; i++) {
        int64_t next = rs_schedule_next(&p->groups[i]);
        if (next < INT64_MAX - p->groups[i].aggregate->delay_us) {
            next += p->groups[i].aggregate->delay_us;
            due = next < due ? next : due;
        }
    }
    return due;
}

/* ---- one aggregate, the pending records of a batch ---- */

/* What one aggregate makes of an event that passes its `where`. */
enum verdict { VERDICT_APPLIED, VERDICT_LATE, VERDICT_LIMITED, VERDICTS };

/* The same of the pending records: bit k is that of pending record k. */
struct outcomes {
    uint64_t of[VERDICTS];
};

static void note_verdict(struct outcomes *outcomes, uint32_t k, enum verdict verdict)
{
    outcomes->of[verdict] |= UINT64_C(1) << k;
}

/* Aggregates may differ about an event, and it is counted once: as the first in the order of the verdicts
 * that any of them has. One that no aggregate has a verdict on is filtered. */
static void reconcile(struct outcomes *outcomes)
{
    uint64_t taken = 0;
    for (int i = 0; i < VERDICTS; i++) {
        outcomes->of[i] &= ~taken;
        taken |= outcomes->of[i];
    }
}

static const struct rs_event_key *key_of(const struct rs_partition *p, const struct rs_groups *gs,
                                         uint32_t record)
{
    return rs_batch_key(p, record, gs->aggregate->key);
}

static bool passes(const struct rs_partition *p, const struct rs_groups *gs, uint32_t record)
{
    return p->batch.judged[record].passes >> gs->aggregate->position & 1;
}

/* `guess`: the first group with the record's hash before the batch began. */
static uint32_t find_group(const struct rs_partition *p, const struct rs_groups *gs,
                           const struct rs_event_key *key, uint32_t guess)
{
    struct rs_slice bytes = rs_batch_key_bytes(p, key);
    if (guess != RS_NONE) {
        const struct rs_group *g = rs_group_at(gs, guess);
        if (!(g->flags & RS_GROUP_DROPPED) && rs_group_key_is(gs, g, bytes)) {
            return guess;
        }
    }
    return rs_groups_find(gs, key->hash, bytes);
}

static bool full(const struct rs_groups *gs)
{
    return !gs->aggregate->folds && gs->count >= gs->aggregate->max_groups;
}

static void count_not_finite(const struct rs_partition *p, struct rs_groups *gs, uint32_t record)
{
    const struct rs_num *inputs = rs_batch_inputs(p, record);
    for (uint32_t i = 0; i < gs->aggregate->input_count; i++) {
        uint32_t number = gs->aggregate->inputs[i];
        if (!inputs[number].present && isnan(inputs[number].d)) {
            gs->not_finite++;
            return;
        }
    }
}

/* The one place where it is decided what becomes of an event in an aggregate. Changes nothing, so it can be
 * asked before anything is done (foresee) as well as when it is done (apply_event). `key`: of no account where
 * the group is there. Inline, or each event would pay for a call. */
static inline __attribute__((always_inline)) enum verdict
judge(const struct rs_groups *gs, uint32_t number, struct rs_slice key, int64_t time_us, int64_t order)
{
    const struct rs_group *g = number == RS_NONE ? NULL : rs_group_at(gs, number);
    bool late = gs->aggregate->upsert ? g && rs_upsert_late(gs, (const struct rs_upsert_group *)g, time_us)
                                      : rs_group_late(gs, g, key, time_us, order);
    if (late) {
        return VERDICT_LATE;
    }
    return !g && full(gs) ? VERDICT_LIMITED : VERDICT_APPLIED;
}

static uint32_t new_group(struct rs_groups *gs, const struct rs_target *target)
{
    uint32_t number = rs_groups_add(gs, target->hash, target->key);
    if (gs->aggregate->upsert) {
        rs_upsert_adopt(gs, (struct rs_upsert_group *)rs_group_at(gs, number));
    }
    return number;
}

/* An event whose own group is not there. Applied: *number is the group that it goes to, made if need be. */
static __attribute__((noinline)) enum verdict join(const struct rs_partition *p, struct rs_groups *gs,
                                                   const struct rs_event_key *key,
                                                   const struct rs_event *event, uint32_t *number)
{
    struct rs_target target = {rs_batch_key_bytes(p, key), key->hash, RS_NONE};
    bool folded = rs_partition_fold(p, gs, &target);
    enum verdict verdict = judge(gs, target.number, target.key, event->time_us, event->order);
    if (verdict == VERDICT_APPLIED) {
        gs->folded += folded;
        *number = target.number == RS_NONE ? new_group(gs, &target) : target.number;
    }
    return verdict;
}

static void change_register(const struct rs_partition *p, struct rs_groups *gs, uint32_t number,
                            uint32_t record, const struct rs_event *event)
{
    struct rs_change change = {
        .event = *event,
        .version = p->batch.judged[record].version,
        .flags = p->batch.flags[record * p->plan->aggregate_count + gs->aggregate->position],
    };
    rs_upsert_apply(gs, number, &change);
}

/* Room was reserved with the batch, so nothing here can fail in the middle. */
static enum verdict apply_event(struct rs_partition *p, struct rs_groups *gs, uint32_t record, int64_t offset,
                                uint32_t guess)
{
    const struct rs_event_key *key = key_of(p, gs, record);
    const struct rs_judged *j = &p->batch.judged[record];
    struct rs_event event = {j->time_us, rs_event_order(j->nanos, offset), rs_batch_inputs(p, record)};
    uint32_t number = find_group(p, gs, key, guess);
    enum verdict verdict;
    if (__builtin_expect(number == RS_NONE, 0)) {
        uint32_t joined = RS_NONE;
        verdict = join(p, gs, key, &event, &joined);
        number = joined;
    } else {
        verdict = judge(gs, number, (struct rs_slice){0}, event.time_us, event.order);
    }
    if (verdict != VERDICT_APPLIED) {
        gs->late += verdict == VERDICT_LATE;
        gs->limited += verdict == VERDICT_LIMITED;
        return verdict;
    }
    if (gs->aggregate->upsert) {
        change_register(p, gs, number, record, &event);
    } else {
        rs_group_add(gs, number, &event);
    }
    if (j->not_finite) {
        count_not_finite(p, gs, record);
    }
    return VERDICT_APPLIED;
}

/* Aggregate by aggregate, each over the whole batch: the cache misses of its look-ups overlap, and its
 * groups stay in the cache. */
static void apply_aggregate(struct rs_partition *p, struct rs_groups *gs, const struct rs_record *records,
                            struct outcomes *outcomes)
{
    uint32_t taken[RS_RECORD_BATCH_MAX]; /* numbers of pending records */
    uint32_t hashes[RS_RECORD_BATCH_MAX];
    uint32_t found[RS_RECORD_BATCH_MAX];
    uint32_t count = 0;
    for (uint32_t k = 0; k < p->batch.pending_count; k++) {
        if (passes(p, gs, p->batch.pending[k])) {
            taken[count] = k;
            hashes[count++] = key_of(p, gs, p->batch.pending[k])->hash;
        }
    }
    gs->filtered += p->batch.pending_count - count;
    if (count == 0) {
        return;
    }
    rs_groups_look_up(gs, hashes, count, found);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t record = p->batch.pending[taken[i]];
        note_verdict(outcomes, taken[i], apply_event(p, gs, record, records[record].offset, found[i]));
    }
}

/* Applies what is pending; every record of it is accounted for here. */
static void flush(struct rs_partition *p, const struct rs_record *records)
{
    uint32_t count = p->batch.pending_count;
    if (count == 0) {
        return;
    }
    struct outcomes outcomes = {0};
    for (uint32_t i = 0; i < p->group_sets; i++) {
        apply_aggregate(p, &p->groups[i], records, &outcomes);
    }
    reconcile(&outcomes);
    uint64_t applied = (uint64_t)__builtin_popcountll(outcomes.of[VERDICT_APPLIED]);
    uint64_t late = (uint64_t)__builtin_popcountll(outcomes.of[VERDICT_LATE]);
    uint64_t limited = (uint64_t)__builtin_popcountll(outcomes.of[VERDICT_LIMITED]);
    p->events.applied += applied;
    p->events.late += late;
    p->events.rejected += limited;
    p->events.filtered += count - applied - late - limited;
    p->batch.pending_count = 0;
}

/* ---- dead letters ---- */

static void note_reject(const struct rs_partition *p, const struct rs_record *record,
                        const struct rs_judged *j, enum rs_reason reason)
{
    const struct rs_reject_example example = {
        .partition = p->partition,
        .offset = record->offset,
        .event_us = j->time_us,
        .record_us = record->timestamp_us,
        .text = rs_letter_text(p, reason, j->rule),
    };
    if (p->outcomes) {
        rs_outcomes_reject(p->outcomes, reason, &example);
        p->outcomes->rules[j->rule >= 0 ? j->rule : 0] += j->rule >= 0;
    }
}

/* Rules that did not hold and rejected nothing, of a record that has been taken. */
static void count_noted(const struct rs_partition *p, uint64_t noted)
{
    for (; noted && p->outcomes; noted &= noted - 1) {
        p->outcomes->rules[p->plan->rules.noted[__builtin_ctzll(noted)]]++;
    }
}

/* What will become of the one record of the batch among the groups, before anything is changed: it may need a
 * dead letter, and there may be no room for one now. *kept: that of a late one is wanted. One that any aggregate
 * takes gets none: sent again, it would count there twice. */
static enum rs_reason foresee(const struct rs_partition *p, int64_t offset, bool *kept)
{
    const struct rs_judged *j = &p->batch.judged[0];
    int64_t order = rs_event_order(j->nanos, offset);
    struct outcomes outcomes = {0};
    *kept = false;
    for (uint32_t i = 0; i < p->group_sets && !outcomes.of[VERDICT_APPLIED]; i++) {
        const struct rs_groups *gs = &p->groups[i];
        if (passes(p, gs, 0)) {
            const struct rs_event_key *key = key_of(p, gs, 0);
            struct rs_slice bytes = rs_batch_key_bytes(p, key);
            struct rs_target target = {bytes, key->hash, rs_groups_find(gs, key->hash, bytes)};
            if (target.number == RS_NONE) {
                (void)rs_partition_fold(p, gs, &target);
            }
            enum verdict verdict = judge(gs, target.number, target.key, j->time_us, order);
            note_verdict(&outcomes, 0, verdict);
            *kept = *kept || (verdict == VERDICT_LATE && gs->aggregate->keeps_late);
        }
    }
    reconcile(&outcomes);
    if (outcomes.of[VERDICT_LATE]) {
        return RS_REASON_LATE;
    }
    return outcomes.of[VERDICT_LIMITED] ? RS_REASON_GROUP_LIMIT : RS_REASON_NONE;
}

/* ---- a batch ---- */

/* One record at a time where its outcome among the groups may need a dead letter, or registers may have to
 * grow. */
static bool one_by_one(const struct rs_partition *p)
{
    if (p->plan->stream->upsert) {
        return true;
    }
    for (uint32_t i = 0; i < p->group_sets; i++) {
        const struct rs_aggregate *a = p->groups[i].aggregate;
        bool near = !a->folds && p->groups[i].count + (int64_t)RS_RECORD_BATCH_MAX > a->max_groups;
        if (a->keeps_late || near) {
            return true;
        }
    }
    return false;
}

static bool reserve_registers(struct rs_partition *p, struct rs_groups *gs)
{
    if (!passes(p, gs, 0)) {
        return true;
    }
    const struct rs_event_key *key = key_of(p, gs, 0);
    return rs_upsert_reserve(gs, rs_groups_find(gs, key->hash, rs_batch_key_bytes(p, key)));
}

/* Everything that the batch may need, before it changes anything: from here on it cannot fail in the
 * middle. Batches of upsert streams are of one record, number 0 (one_by_one). */
static bool reserve(struct rs_partition *p, uint32_t count)
{
    if (p->plan->id_count > 0 && !rs_dedup_reserve(&p->dedup, count)) {
        return false;
    }
    for (uint32_t i = 0; i < p->group_sets; i++) {
        if (!rs_groups_reserve(&p->groups[i], count, p->batch.key_fill + p->others.size)) {
            return false;
        }
        if (p->plan->stream->upsert && p->batch.judged[0].reason == RS_REASON_NONE &&
            !reserve_registers(p, &p->groups[i])) {
            return false;
        }
    }
    return true;
}

static void consumed(struct rs_partition *p, const struct rs_record *record)
{
    p->events.consumed++;
    p->next_offset = record->offset + 1;
}

static bool reject(struct rs_partition *p, const struct rs_record *record, const struct rs_judged *j,
                   const struct rs_dead_letter_sink *letters)
{
    if (!rs_letter_put(p, letters, record, j->reason, j->rule)) {
        return false;
    }
    note_reject(p, record, j, j->reason);
    p->events.rejected++;
    p->rejected_early++;
    return true;
}

/* True: a duplicate. Remembering is left for when nothing can stop the record any more. */
static bool is_duplicate(const struct rs_partition *p, const struct rs_judged *j, int64_t timestamp_us)
{
    return j->has_id && rs_dedup_seen(&p->dedup, j->id, timestamp_us);
}

/* Nothing here needs room. A tombstone has no time of its own, so that time does not go on with it; ids have the
 * record's. The record is alone in its batch. */
static void withdraw(struct rs_partition *p, const struct rs_record *record)
{
    bool some = false;
    for (uint32_t i = 0; i < p->group_sets; i++) {
        struct rs_groups *gs = &p->groups[i];
        const struct rs_event_key *key = key_of(p, gs, 0);
        uint32_t number = rs_groups_find(gs, key->hash, rs_batch_key_bytes(p, key));
        if (number == RS_NONE) {
            gs->filtered++;
        } else {
            rs_upsert_withdraw(gs, number, rs_event_order(0, record->offset));
            some = true;
        }
    }
    if (p->plan->id_count > 0 && record->timestamp_us != RS_TIME_NONE) {
        rs_dedup_arrive(&p->dedup, NULL, record->timestamp_us);
    }
    p->events.applied += some;
    p->events.filtered += !some;
}

/* Groups that have to go go behind the record that showed it, which may be of one of them. */
static void pass_time(struct rs_partition *p, const struct rs_record *records, uint32_t i)
{
    if (rs_partition_pass_time(p, i, &records[i])) {
        flush(p, records); /* those before see the groups as they were */
        if (rs_partition_expires_now(p)) {
            rs_partition_expire(p);
        }
    }
}

/* Record i of the batch, in order. False: it has to wait, and with it all that follow. */
static bool advance(struct rs_partition *p, const struct rs_record *records, uint32_t i, bool alone,
                    const struct rs_dead_letter_sink *letters)
{
    const struct rs_judged *j = &p->batch.judged[i];
    const struct rs_record *record = &records[i];
    if (j->reason != RS_REASON_NONE) {
        if (j->reason == RS_DECODER_WAITS) {
            p->waits_for_schema = rs_batch_take_header(p, record) &&
                                  rs_decoder_key(&p->learned, record->value, &p->wanted_schema);
            return false;
        }
        return reject(p, record, j, letters);
    }
    if (j->tombstone) {
        withdraw(p, record);
        return true;
    }
    int64_t timestamp_us = record->timestamp_us == RS_TIME_NONE ? j->time_us : record->timestamp_us;
    bool duplicate = is_duplicate(p, j, timestamp_us);
    if (alone && !duplicate) {
        bool kept;
        enum rs_reason reason = foresee(p, record->offset, &kept);
        bool wanted = reason == RS_REASON_GROUP_LIMIT || (reason == RS_REASON_LATE && kept);
        if (wanted && !rs_letter_put(p, letters, record, reason, -1)) {
            return false;
        }
        if (reason == RS_REASON_GROUP_LIMIT) {
            note_reject(p, record, j, reason);
        }
    }
    if (p->plan->id_count > 0) {
        rs_dedup_arrive(&p->dedup, j->has_id ? &j->id : NULL, timestamp_us);
    }
    if (duplicate) {
        p->events.duplicate++;
        return true;
    }
    p->batch.pending[p->batch.pending_count++] = i;
    pass_time(p, records, i);
    return true;
}

/* Returns how many were taken. */
static uint32_t apply_batch(struct rs_partition *p, const struct rs_record *records, uint32_t count,
                            bool alone, const struct rs_dead_letter_sink *letters)
{
    p->batch.key_fill = 0;
    for (uint32_t i = 0; i < count; i++) {
        rs_batch_judge(p, i, &records[i]);
        if (p->batch.judged[i].has_id) {
            rs_dedup_prefetch(&p->dedup, p->batch.judged[i].id);
        }
    }
    if (!reserve(p, count)) {
        return 0;
    }
    uint32_t taken = 0;
    while (taken < count && advance(p, records, taken, alone, letters)) {
        consumed(p, &records[taken]);
        count_noted(p, p->batch.judged[taken].noted);
        taken++;
    }
    flush(p, records);
    return taken;
}

static void count_outcomes(const struct rs_partition *p, const struct rs_accounting *before)
{
    struct rs_accounting *sum = &p->outcomes->events;
    sum->consumed += p->events.consumed - before->consumed;
    sum->applied += p->events.applied - before->applied;
    sum->late += p->events.late - before->late;
    sum->duplicate += p->events.duplicate - before->duplicate;
    sum->rejected += p->events.rejected - before->rejected;
    sum->filtered += p->events.filtered - before->filtered;
}

void rs_partition_count_into(struct rs_partition *p, struct rs_outcomes *outcomes)
{
    p->outcomes = outcomes;
}

/* How large the runs are must make no difference to the state; where a record may have to stop the batch
 * in the middle, they are of one record. Shown time follows at the end, once for the whole run, and not
 * before the worker has begun to show. */
size_t rs_partition_apply(struct rs_partition *p, const struct rs_record *records, size_t count,
                          const struct rs_dead_letter_sink *letters)
{
    size_t taken = 0;
    struct rs_accounting before = p->events;
    p->waits_for_schema = false;
    while (taken < count) {
        bool alone = one_by_one(p);
        size_t room = alone ? 1 : RS_RECORD_BATCH_MAX;
        uint32_t size = (uint32_t)(count - taken < room ? count - taken : room);
        uint32_t done = apply_batch(p, records + taken, size, alone, letters);
        taken += done;
        if (done < size) {
            break;
        }
    }
    if (p->now_shown_us != RS_TIME_NONE) {
        rs_partition_show_front(p);
    }
    if (p->outcomes) {
        count_outcomes(p, &before);
    }
    return taken;
}
