/* look: what became of a record, aggregate by aggregate, for who looks at events one by one. The event path counts
 * outcomes and keeps none.
 * Thread: the partition's. */
#ifndef RS_TRANSFORM_PARTITION_LOOK_H
#define RS_TRANSFORM_PARTITION_LOOK_H

#include "transform/partition/partition.h"

enum rs_look_what { RS_LOOK_APPLIED, RS_LOOK_LATE, RS_LOOK_FILTERED };

struct rs_look {
    uint32_t aggregate;
    enum rs_look_what what;
    int64_t
        late_us; /* LATE: since its last window had been final; of windows of the newest events, before the oldest of those; of upsert streams, before
                    the oldest period */
    int clause;  /* FILTERED: number of the pair of `where` that does not hold; -1: none */
};

/* For aggregate `number` of the stream's, of the record that the last rs_partition_apply took, which took one, and
 * found neither unacceptable nor a duplicate. False: there is no such aggregate. */
bool rs_partition_look(const struct rs_partition *p, uint32_t number, struct rs_look *out);
/* The time of its event; RS_TIME_NONE where it was not read. */
int64_t rs_partition_look_time(const struct rs_partition *p);

#endif
