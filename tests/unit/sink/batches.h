/* batches: short ways for tests to fill them. Failures are asserted. */
#ifndef RS_TEST_BATCHES_H
#define RS_TEST_BATCHES_H

#include "base/view.h"

/* Fields of both aggregates: trades volume window_start window_end event_time events revision. */
extern const struct rs_aggregate_meta
    test_metas[3]; /* "t1m" with 3 windows of history, "total" of one group, "tally" */

struct rs_view_batch *new_batch(int32_t partition, uint64_t token, int64_t offset, int64_t shown_us);
/* Values by field number, NULL-terminated; "" is absent. */
void put_view(struct rs_view_batch *batch, uint32_t aggregate, uint32_t flags, const char *key,
              const char *const *values, int64_t change_ms);
/* One window of aggregate 0: window_start, events and revision 0. */
void put_history(struct rs_view_batch *batch, const char *key, int64_t score_ms, const char *events);
/* events NULL: the session has not ended. */
void put_session(struct rs_view_batch *batch, const char *key, int64_t score_ms, int64_t last_ms,
                 const char *events);

#endif
