/* partition state: the whole state of a partition as bytes and back, so that tests compare two states and
 * begin from one. Equal states give equal bytes whatever the insertion order. The bytes of groups, panes and
 * registers are those of the state log.
 * Thread: the partition's. */
#ifndef RS_TESTS_LIB_PARTITION_STATE_H
#define RS_TESTS_LIB_PARTITION_STATE_H

#include "base/buf.h"
#include "base/reader.h"
#include "transform/partition/dedup.h"
#include "transform/partition/partition.h"

void rs_partition_save(const struct rs_partition *p, struct rs_buf *out);
/* Into a partition that has seen nothing. RS_ESTATE, RS_ENOMEM. */
RS_MUST_USE int rs_partition_load(struct rs_partition *fresh, struct rs_slice bytes, struct rs_error *error);

/* The part that the list of ids has in it. */
void rs_dedup_save(const struct rs_dedup *d, struct rs_buf *out);
RS_MUST_USE int rs_dedup_load(struct rs_dedup *d, struct rs_reader *reader, struct rs_error *error);

#endif
