/* What an event's time may do to others.
 *
 * Its own group takes it at its word. The expiry of groups follows the steady time (steady.h), by which one
 * wrong clock moves nothing. What is shown of the other groups, whose windows drain and end with the time,
 * cannot lag behind by a thousand records: it follows the events themselves, as long as they go on step by
 * step. A step is the shortest window and the lateness, or eight times what lies between two records as a
 * rule, so that a stream of one event a day has steps of a week. An event further ahead than that is a jump,
 * and counts once it has a witness: the steady time, when most of the events are there; the daemon's own
 * clock, when the time is about now; or, when nothing comes after them, events of another group
 * (rs_partition_rest), or that nothing has spoken against them for a while (rs_partition_unopposed).
 *
 * The front is where that has led. A seal shows it first, so shown time carries it to the next owner; and the
 * seal's head holds the run that waits for a witness (run_us, run_other_us, run_source), so that an owner who
 * reads on from there sees it confirmed by the same record. left_us and what is counted of events that were
 * ahead are this process's alone. */
#include "transform/partition/internal.h"

#define GAPS_PER_STEP    8
#define SAMPLES_PER_STEP 4 /* where what lies between them is known from every eighth record only */
#define FEW_SAMPLES      3 /* of fewer no majority can be trusted against the daemon's clock */

/* ---- the front ---- */

static void end_run(struct rs_front *f)
{
    f->run_us = f->run_other_us = f->left_us = RS_TIME_NONE;
}

static void go_to(struct rs_front *f, int64_t time_us)
{
    f->at_us = time_us > f->at_us ? time_us : f->at_us;
    end_run(f);
}

static int64_t step_now(const struct rs_partition *p)
{
    int64_t gaps_us = GAPS_PER_STEP * rs_steady_gap(&p->steady);
    return gaps_us > p->plan->step_us ? gaps_us : p->plan->step_us;
}

/* How far from the daemon's clock its word still counts. */
static int64_t witness_reach(const struct rs_partition *p)
{
    int64_t future_us = p->plan->stream->max_future_us;
    return p->plan->step_us + (future_us == INT64_MAX ? 0 : future_us);
}

static bool about_now(const struct rs_partition *p, int64_t time_us)
{
    return p->wall_us != RS_TIME_NONE && time_us <= p->wall_us + witness_reach(p) &&
           time_us >= p->wall_us - witness_reach(p);
}

/* The group that speaks, by the finest of the groupings: false where the event is in none of those. */
static bool source_of(const struct rs_partition *p, uint32_t i, uint32_t *source)
{
    uint64_t passes = p->batch.judged[i].passes;
    for (uint32_t k = 0; k < p->plan->aggregate_count; k++) {
        if (passes >> k & 1 && p->plan->aggregates[k]->key == p->plan->finest_key) {
            *source = rs_batch_key(p, i, p->plan->finest_key)->hash;
            return true;
        }
    }
    return false;
}

/* The run is kept by two times, the first speaker's and the highest of all others: an event is confirmed when
 * both are there, and no more has to be known of it. Operators see the newest one. */
static void add_to_run(struct rs_partition *p, uint32_t i, int64_t offset)
{
    struct rs_front *f = &p->front;
    int64_t time_us = p->batch.judged[i].time_us;
    uint32_t source = 0;
    f->ahead++;
    f->ahead_offset = offset;
    f->ahead_time_us = time_us;
    f->ahead_of_us = f->at_us;
    if (!source_of(p, i, &source)) {
        return;
    }
    if (f->run_us == RS_TIME_NONE) {
        f->run_source = source;
    }
    int64_t *top = source == f->run_source ? &f->run_us : &f->run_other_us;
    *top = time_us > *top ? time_us : *top;
}

static void move_front(struct rs_partition *p, uint32_t i, int64_t offset)
{
    int64_t time_us = p->batch.judged[i].time_us;
    if (time_us - p->front.at_us <= p->plan->step_us || time_us - p->front.at_us <= step_now(p) ||
        about_now(p, time_us)) {
        go_to(&p->front, time_us);
    } else {
        add_to_run(p, i, offset);
    }
}

/* What the first events say is known better when there are more: as long as nothing was shown the front may
 * still go back. The daemon's clock bounds what one or two events alone can say. */
static void find_front(struct rs_partition *p)
{
    int64_t at_us = rs_steady_reach(&p->steady, step_now(p));
    int64_t bound_us = p->wall_us == RS_TIME_NONE ? INT64_MAX : p->wall_us + witness_reach(p);
    if (p->steady.count < FEW_SAMPLES && at_us > bound_us) {
        at_us = bound_us;
    }
    if (p->now_shown_us == RS_TIME_NONE || at_us > p->front.at_us) {
        p->front.at_us = at_us;
    }
}

static void front_goes_on(struct rs_partition *p, uint32_t i, const struct rs_record *record)
{
    if (p->steady.seen <= RS_STEADY_SAMPLES || p->front.at_us == RS_TIME_NONE) {
        find_front(p);
    }
    if (p->batch.judged[i].time_us > p->front.at_us) {
        move_front(p, i, record->offset);
    } else {
        end_run(&p->front);
    }
}

/* ---- an event's time ---- */

/* True: a check is due. */
static bool take_sample(struct rs_partition *p, int64_t time_us)
{
    enum rs_steady_move move = rs_steady_take(&p->steady, time_us);
    if (p->steady.seen > RS_STEADY_SAMPLES && rs_steady_median(&p->steady) > p->front.at_us) {
        int64_t samples_us = (int64_t)SAMPLES_PER_STEP * RS_STEADY_STRIDE * rs_steady_gap(&p->steady);
        int64_t step_us = samples_us > p->plan->step_us ? samples_us : p->plan->step_us;
        go_to(&p->front, rs_steady_reach(&p->steady, step_us));
    }
    if (p->expire_at_us == INT64_MAX) {
        return false;
    }
    if (p->expire_at_us == RS_TIME_NONE || move == RS_STEADY_DOWN) {
        int64_t step = rs_expire_step(p->plan->stream);
        int64_t next_us = rs_floor_to(p->steady.clock_us, step) + step;
        bool sooner = p->expire_at_us == RS_TIME_NONE || next_us < p->expire_at_us;
        p->expire_at_us = sooner ? next_us : p->expire_at_us;
    }
    return p->steady.clock_us >= p->expire_at_us;
}

bool rs_partition_pass_slowly(struct rs_partition *p, uint32_t i, const struct rs_record *record, bool sample)
{
    bool check = sample && take_sample(p, p->batch.judged[i].time_us);
    front_goes_on(p, i, record);
    return check;
}

/* ---- shown ---- */

void rs_partition_show(struct rs_partition *p, int64_t now_shown_us)
{
    if (now_shown_us > p->front.at_us) {
        p->front.at_us = now_shown_us;
    }
    if (p->front.at_us <= p->now_shown_us) {
        return;
    }
    p->now_shown_us = p->front.at_us;
    for (uint32_t i = 0; i < p->group_sets; i++) {
        rs_schedule_advance(&p->groups[i], rs_groups_delayed(&p->groups[i], p->now_shown_us));
    }
}

void rs_partition_show_front(struct rs_partition *p)
{
    if (p->front.at_us > p->now_shown_us) {
        rs_partition_show(p, p->front.at_us);
    }
}

void rs_partition_witness(struct rs_partition *p, int64_t wall_us)
{
    p->wall_us = wall_us;
}

static bool one_group(const struct rs_partition *p)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < p->group_sets; i++) {
        most = p->groups[i].count > most ? p->groups[i].count : most;
    }
    return most == 1;
}

static int64_t newest_of_run(const struct rs_front *f)
{
    int64_t newest_us = f->run_us > f->run_other_us ? f->run_us : f->run_other_us;
    return newest_us > f->left_us ? newest_us : f->left_us;
}

void rs_partition_rest(struct rs_partition *p, int64_t limit_us, bool alone)
{
    struct rs_front *f = &p->front;
    int64_t time_us = f->run_us < f->run_other_us ? f->run_us : f->run_other_us;
    if (alone && one_group(p)) {
        time_us = p->stream_time_us;
    }
    if (time_us != RS_TIME_NONE && time_us <= limit_us && time_us > f->at_us) {
        int64_t newest_us = newest_of_run(f);
        go_to(f, time_us);
        f->left_us = newest_us > time_us ? newest_us : RS_TIME_NONE;
    }
    rs_partition_show_front(p);
}

/* Of a recorded market day the last hours may be of one group alone: the others are owed their last windows.
 */
void rs_partition_unopposed(struct rs_partition *p, int64_t limit_us)
{
    int64_t newest_us = newest_of_run(&p->front);
    if (newest_us != RS_TIME_NONE && newest_us <= limit_us) {
        go_to(&p->front, newest_us);
    }
    rs_partition_show_front(p);
}
