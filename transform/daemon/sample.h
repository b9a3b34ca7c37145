/* sample: what a configuration would reject of a file, for --check --sample: how many rows for each rule and reason,
 * and where the first of them stand. No bytes of the rows.
 * Thread: one. */
#ifndef RS_TRANSFORM_DAEMON_SAMPLE_H
#define RS_TRANSFORM_DAEMON_SAMPLE_H

#include "ingest/read/row.h"
#include "transform/partition/outcomes.h"
#include "transform/plan/rules.h"

#define RS_SAMPLE_PLACES 5 /* shown of a rule or reason */

struct rs_sample_cause {
    uint64_t count;
    uint64_t lines[RS_SAMPLE_PLACES];
};

/* Zero at first. */
struct rs_sample {
    struct rs_outcomes now, seen; /* partitions count into the first */
    uint64_t rows, bad;
    struct rs_sample_cause reasons[RS_REASON_COUNT]; /* without those that a rule is behind */
    struct rs_sample_cause rules[RS_RULES_MAX];
};

/* A row that was applied: what has come of it is told by what is counted since the last one. */
void rs_sample_row(struct rs_sample *sample, const struct rs_rules *rules, const struct rs_row *row);
/* Prints all that was noted. Whether any row was rejected, or could not be read. */
bool rs_sample_print(const struct rs_sample *sample, const struct rs_stream *stream,
                     const struct rs_rules *rules);

#endif
