/* memory store: what Redis would hold, without Redis: for --replay, for tests and for simulation.
 * Judges and applies batches as write_batch.lua does: fence, owners, hashes, history with its trim, index. It
 * can be told to be away, to forget everything, or to hold a larger fence.
 * Thread: one. submit applies at once, and `finished` hands the batch back on the next call.
 * Owns: copies of what was written.
 * Cost: a view O(its bytes); a history member O(log n) when it is the newest. */
#ifndef RS_SINK_MEMORY_STORE_H
#define RS_SINK_MEMORY_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "base/view.h"

struct rs_memory_store;

/* Borrows prefix and metas. */
RS_MUST_USE int rs_memory_store_new(const char *prefix, const struct rs_aggregate_meta *metas,
                                    size_t meta_count, struct rs_memory_store **out, struct rs_error *error);
void rs_memory_store_free(struct rs_memory_store **store);
struct rs_view_sink rs_memory_store_table(struct rs_memory_store *store);

/* Away: batches are kept and applied in order when it is back. */
void rs_memory_store_set_away(struct rs_memory_store *store, bool away);
/* The names are another consumer group's from now on, as `refusal` says (borrowed); NULL: no longer. */
void rs_memory_store_set_refusal(struct rs_memory_store *store, const char *refusal);
/* As FLUSHALL: everything is gone, and the generation grows. */
void rs_memory_store_wipe(struct rs_memory_store *store);
/* Another instance, or an earlier life of this one, has written up to here. */
void rs_memory_store_set_fence(struct rs_memory_store *store, const char *stream_name, int32_t partition,
                               uint64_t token, int64_t offset, int64_t now_shown_us);
/* False: there is none. */
bool rs_memory_store_fence(const struct rs_memory_store *store, const char *stream_name, int32_t partition,
                           uint64_t *token, int64_t *offset, int64_t *now_shown_us);

/* A field of a hash as text; size 0 with data NULL: no such key or field. Valid until the next batch. */
struct rs_slice rs_memory_store_field(const struct rs_memory_store *store, const char *aggregate,
                                      const char *key, const char *field);
/* The history member with this score (window start in ms); data NULL: none. Valid until the next batch. */
struct rs_slice rs_memory_store_history(struct rs_memory_store *store, const char *aggregate, const char *key,
                                        int64_t score_ms);
struct rs_memory_store_counts {
    uint64_t hashes, history_members, batches, operations;
};
void rs_memory_store_counts(const struct rs_memory_store *store, struct rs_memory_store_counts *out);
/* Memory ran out while applying: what it holds is incomplete. */
bool rs_memory_store_failed(const struct rs_memory_store *store);

/* NDJSON sorted bytewise by key: hashes, histories, indexes and <prefix>:meta, but no fences or owners.
 * RS_EIO, RS_ENOMEM. */
RS_MUST_USE int rs_memory_store_print(const struct rs_memory_store *store, FILE *out, struct rs_error *error);

#endif
