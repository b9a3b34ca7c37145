#include "transform/partition/outcomes.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/unit.h"

#define SECOND_US   INT64_C(1000000)
#define LATE_LEAST  10 /* fewer late events are nothing to talk about */
#define REASONS_MAX 4  /* named in a line */

void rs_outcomes_reject(struct rs_outcomes *outcomes, enum rs_reason reason,
                        const struct rs_reject_example *example)
{
    outcomes->rejected[reason]++;
    outcomes->newest[reason] = *example;
}

void rs_outcomes_add(struct rs_outcomes *sum, const struct rs_outcomes *more)
{
    rs_accounting_add(&sum->events, &more->events);
    for (size_t i = 0; i < RS_REASON_COUNT; i++) {
        sum->rejected[i] += more->rejected[i];
        if (more->rejected[i] > 0) {
            sum->newest[i] = more->newest[i];
        }
    }
    for (size_t i = 0; i < RS_RULES_MAX; i++) {
        sum->rules[i] += more->rules[i];
    }
}

/* ---- the line ---- */

struct line {
    char *text;
    size_t size, used;
};

static void add(struct line *line, const char *format, ...) RS_PRINTF(2, 3);
static void add(struct line *line, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int more = vsnprintf(line->text + line->used, line->size - line->used, format, args);
    va_end(args);
    line->used += more < 0 ? 0 : (size_t)more;
    line->used = line->used < line->size ? line->used : line->size - 1;
}

/* The reason that is most frequent in the window among those below `limit`; NONE: no more. Ties: the first.
 */
static enum rs_reason most(const struct rs_outcome_watch *watch, const struct rs_outcomes *now,
                           uint64_t below, enum rs_reason after, uint64_t *count)
{
    enum rs_reason best = RS_REASON_NONE;

    *count = 0;
    for (unsigned i = RS_REASON_NONE + 1; i < RS_REASON_COUNT; i++) {
        uint64_t more = now->rejected[i] - watch->base.rejected[i];
        bool left = more < below || (more == below && i > (unsigned)after);
        if (left && more > *count) {
            *count = more;
            best = (enum rs_reason)i;
        }
    }
    return best;
}

/* Events from the future or the past are explained in numbers: how far away, and what is allowed, tell a clock
 * that is wrong from a unit that is. */
static void add_example(struct line *line, const struct rs_stream *stream, enum rs_reason reason,
                        const struct rs_reject_example *example)
{
    char away[RS_DURATION_TEXT_MAX];
    char limit[RS_DURATION_TEXT_MAX];

    add(line, "; for example partition %" PRId32 " offset %" PRId64 ": ", example->partition,
        example->offset);
    if (reason == RS_REASON_FUTURE || reason == RS_REASON_PAST) {
        bool future = reason == RS_REASON_FUTURE;
        int64_t away_us = example->event_us - example->record_us;
        away_us = future ? away_us : -away_us;
        rs_duration_format(away_us > SECOND_US ? away_us / SECOND_US * SECOND_US : away_us, away,
                           sizeof away);
        rs_duration_format(future ? stream->max_future_us : stream->max_past_us, limit, sizeof limit);
        add(line,
            "its %s is %s %s the record's Kafka time, and %s allows %s (is the producer's clock right, "
            "and the unit of its times?)",
            stream->time_path, away, future ? "after" : "before", future ? "max_future" : "max_past", limit);
    } else {
        add(line, "%s", example->text);
    }
}

/* The reasons from the most frequent on, and an example of the first. */
static void rejected_line(struct line *line, const struct rs_outcome_watch *watch,
                          const struct rs_stream *stream, const struct rs_outcomes *now)
{
    uint64_t count = 0;
    uint64_t below = UINT64_MAX;
    enum rs_reason reason = RS_REASON_NONE;
    enum rs_reason first = RS_REASON_NONE;

    for (int i = 0; i < REASONS_MAX; i++) {
        reason = most(watch, now, below, reason, &count);
        if (reason == RS_REASON_NONE) {
            break;
        }
        first = i == 0 ? reason : first;
        below = count;
        add(line, "%s%" PRIu64 " %s", i == 0 ? "" : ", ", count, rs_reason_name(reason));
    }
    if (first != RS_REASON_NONE) {
        add_example(line, stream, first, &now->newest[first]);
    }
    if (stream->dead_letters) {
        if (stream->several && !stream->dead_letter_named) {
            add(line, "; they are in the topics of its inputs with .dlq behind their names");
        } else {
            add(line, "; they are in topic %s", stream->dead_letter_topic);
        }
    }
}

/* What may be meant, but often is not. False: nothing of the kind. */
static bool other_line(struct line *line, const struct rs_stream *stream, const struct rs_accounting *more,
                       enum rs_log_level *level)
{
    char lateness[RS_DURATION_TEXT_MAX];

    *level = RS_LOG_INFO;
    if (more->late >= LATE_LEAST && more->late > more->consumed / 2) {
        rs_duration_format(stream->lateness_us, lateness, sizeof lateness);
        *level = RS_LOG_WARNING;
        add(line, "%" PRIu64 " of %" PRIu64 " records were late", more->late, more->consumed);
        if (!stream->upsert) {
            add(line, ": every window that could hold them is final (lateness: %s)", lateness);
        }
    } else if (more->filtered == more->consumed) {
        add(line, "all %" PRIu64 " records were filtered: no aggregate's `where` takes them", more->consumed);
    } else if (more->duplicate == more->consumed) {
        add(line, "all %" PRIu64 " records were duplicates: their %s came before, within `dedup`",
            more->consumed, stream->id_count == 1 ? stream->id_paths[0] : "ids");
    } else {
        return false;
    }
    return true;
}

static struct rs_accounting since_base(const struct rs_outcome_watch *watch, const struct rs_outcomes *now)
{
    const struct rs_accounting *base = &watch->base.events;

    return (struct rs_accounting){.consumed = now->events.consumed - base->consumed,
                                  .applied = now->events.applied - base->applied,
                                  .late = now->events.late - base->late,
                                  .duplicate = now->events.duplicate - base->duplicate,
                                  .rejected = now->events.rejected - base->rejected,
                                  .filtered = now->events.filtered - base->filtered};
}

/* May be meant, so it is said at ever longer intervals while it lasts. Once it was over, the next time
 * counts as the first again. */
static bool judge_others(struct rs_outcome_watch *watch, struct line *line, const struct rs_stream *stream,
                         const struct rs_accounting *more, int64_t now_us, enum rs_log_level *level)
{
    struct line probe = *line;

    if (!other_line(&probe, stream, more, level)) {
        watch->other_pause_us = watch->other_due_us = 0;
        return false;
    }
    if (now_us < watch->other_due_us) {
        return false;
    }
    *line = probe;
    int64_t pause_us = watch->other_pause_us == 0 ? RS_OUTCOME_EVERY_US : 2 * watch->other_pause_us;
    watch->other_pause_us = pause_us < RS_OUTCOME_REST_US ? pause_us : RS_OUTCOME_REST_US;
    watch->other_due_us = now_us + watch->other_pause_us;
    return true;
}

/* What is judged is a stretch of time that opens with its first records. Rejections are worth a line soon
 * after that; of all else only a whole stretch says something. Closed stretches are forgotten, and the
 * next opens with the next records. */
bool rs_outcomes_judge(struct rs_outcome_watch *watch, const struct rs_stream *stream,
                       const struct rs_outcomes *now, int64_t now_us, enum rs_log_level *level, char *text,
                       size_t size)
{
    struct line line = {.size = size};
    struct rs_accounting more = since_base(watch, now);
    bool worth_a_line = false;

    line.text = text;
    if (more.consumed > 0 && !watch->open) {
        watch->open = true;
        watch->since_us = now_us;
    }
    int64_t lasted_us = now_us - watch->since_us;
    if (!watch->open || lasted_us < RS_OUTCOME_FIRST_US) {
        return false;
    }
    add(&line, "stream %s: in the last %" PRId64 " s ", stream->name, lasted_us / SECOND_US);
    if (more.rejected > 0 && now_us >= watch->reject_due_us) {
        add(&line, "%" PRIu64 " of %" PRIu64 " records were rejected: ", more.rejected, more.consumed);
        rejected_line(&line, watch, stream, now);
        watch->reject_due_us = now_us + RS_OUTCOME_EVERY_US;
        *level = RS_LOG_WARNING;
        worth_a_line = true;
    } else if (lasted_us < RS_OUTCOME_EVERY_US) {
        return false;
    } else if (more.rejected == 0) {
        worth_a_line = judge_others(watch, &line, stream, &more, now_us, level);
    }
    watch->base = *now;
    watch->open = false;
    return worth_a_line;
}
