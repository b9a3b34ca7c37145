/* outcomes: what this process did with the records of a stream, and when an operator has to hear of it.
 * Not state: what is read again after a restart is counted again, so that each number only grows.
 * A stream that takes nothing of what arrives looks like one that nothing arrives on; the line that tells
 * them apart names the reasons, how many, and one record, without any of its bytes.
 * Thread: the caller's; the worker adds, others see copies. */
#ifndef RS_TRANSFORM_PARTITION_OUTCOMES_H
#define RS_TRANSFORM_PARTITION_OUTCOMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "base/reason.h"
#include "schemas/stream.h"
#include "transform/plan/accounting.h"
#include "transform/plan/rules.h"

/* Of one stream since the process began. */
struct rs_reject_example {
    int32_t partition;
    int64_t offset;
    int64_t event_us, record_us; /* of a record from the future */
    const char *text;            /* what is wrong; lives as long as the engine */
};
struct rs_outcomes {
    struct rs_accounting events;
    uint64_t rejected[RS_REASON_COUNT];
    struct rs_reject_example newest[RS_REASON_COUNT];
    uint64_t rules[RS_RULES_MAX]; /* records that a rule did not hold for, whatever became of them */
};

void rs_outcomes_reject(struct rs_outcomes *outcomes, enum rs_reason reason,
                        const struct rs_reject_example *example);
void rs_outcomes_add(struct rs_outcomes *sum, const struct rs_outcomes *more);

/* Of one stream; zero at first. */
struct rs_outcome_watch {
    struct rs_outcomes base; /* when the window began */
    bool open;               /* something came since */
    int64_t since_us;        /* then; monotonic */
    int64_t reject_due_us;   /* not told before; other lines: */
    int64_t other_due_us, other_pause_us;
};

#define RS_OUTCOME_FIRST_US (5 * INT64_C(1000000))  /* from the first record to the first line, */
#define RS_OUTCOME_EVERY_US (60 * INT64_C(1000000)) /* and between lines */
#define RS_OUTCOME_REST_US  (3600 * INT64_C(1000000))

/* True: `text` is to be logged. Rejected records are told each minute; that most are late, or all filtered or
 * duplicates, may be meant, and is told less and less often, down to once an hour. */
bool rs_outcomes_judge(struct rs_outcome_watch *watch, const struct rs_stream *stream,
                       const struct rs_outcomes *now, int64_t now_us, enum rs_log_level *level, char *text,
                       size_t size);

#endif
