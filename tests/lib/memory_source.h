/* memory source: a log in arrays, for tests and wherever records are at hand.
 * It behaves like the Kafka source as seen by workers: partitions are assigned and revoked when told to,
 * records come in runs from the offset that was started with, in the order in which partitions were assigned.
 * Thread: one for everything.
 * Owns:   copies of all records. */
#ifndef RS_TESTS_LIB_MEMORY_SOURCE_H
#define RS_TESTS_LIB_MEMORY_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/source.h"

struct rs_memory_source;

/* `run`: records handed out at once, at most. */
RS_MUST_USE int rs_memory_source_new(uint32_t workers, size_t run, struct rs_memory_source **out,
                                     struct rs_error *error);
void rs_memory_source_free(struct rs_memory_source **source);
struct rs_source rs_memory_source_table(struct rs_memory_source *source);

/* Appends to the log of a partition, owned or not; `key` and `value` with data NULL are none. The offset is
 * the log's next one plus `skip` (gaps are what compaction and transaction markers leave). */
RS_MUST_USE int rs_memory_source_append(struct rs_memory_source *source, uint32_t stream, int32_t partition,
                                        const struct rs_record *record, int64_t skip, struct rs_error *error);

/* The log grows by so many records that do not come: an open transaction holds them back. Those appended
 * later come behind them. */
void rs_memory_source_withhold(struct rs_memory_source *source, uint32_t stream, int32_t partition,
                               int64_t count);

/* What a group coordinator would do. Errors: RS_ENOMEM. */
RS_MUST_USE int rs_memory_source_assign(struct rs_memory_source *source, uint32_t worker, uint32_t stream,
                                        int32_t partition, struct rs_error *error);
RS_MUST_USE int rs_memory_source_tell(struct rs_memory_source *source, enum rs_source_event_kind kind,
                                      uint32_t stream, int32_t partition, const struct rs_error *why,
                                      struct rs_error *error);

/* What the worker has answered. */
bool rs_memory_source_owned(const struct rs_memory_source *source, uint32_t stream, int32_t partition);
int64_t rs_memory_source_started(const struct rs_memory_source *source, uint32_t stream, int32_t partition);
int64_t rs_memory_source_committed(const struct rs_memory_source *source, uint32_t stream, int32_t partition);
/* Records handed out since the last assignment. */
uint64_t rs_memory_source_taken(const struct rs_memory_source *source, uint32_t stream, int32_t partition);

#endif
