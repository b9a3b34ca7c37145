#include "sink/memory/store.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "sink/memory/group.h"
#include "sink/memory/print.h"
#include "sink/redis/script.h"

struct fence_entry {
    char *stream_name;
    int32_t partition;
    struct rs_redis_fence fence;
};

struct rs_memory_store {
    const char *prefix;
    const struct rs_aggregate_meta *metas;
    size_t meta_count;
    struct rs_memory_groups *groups; /* one table per aggregate */
    struct fence_entry *fences;
    size_t fence_count;
    struct rs_view_batches waiting;  /* while away */
    struct rs_view_batches finished; /* to be handed back */
    struct rs_buf json;              /* of rs_memory_store_history */
    uint64_t generation, batches, operations;
    const char *refusal; /* NULL: none */
    bool away, failed;
};

/* ---- fences ---- */

static struct fence_entry *find_fence(const struct rs_memory_store *store, const char *stream_name,
                                      int32_t partition)
{
    for (size_t i = 0; i < store->fence_count; i++) {
        struct fence_entry *entry = &store->fences[i];
        if (entry->partition == partition && strcmp(entry->stream_name, stream_name) == 0) {
            return entry;
        }
    }
    return NULL;
}

static void put_fence(struct rs_memory_store *store, const char *stream_name, int32_t partition,
                      struct rs_redis_fence fence)
{
    struct fence_entry *entry = find_fence(store, stream_name, partition);
    if (entry) {
        entry->fence = fence;
        return;
    }
    struct fence_entry *fences = realloc(store->fences, (store->fence_count + 1) * sizeof *fences);
    store->fences = fences ? fences : store->fences;
    char *name = strdup(stream_name);
    if (!fences || !name) {
        free(name);
        store->failed = true;
        return;
    }
    fences[store->fence_count++] =
        (struct fence_entry){.stream_name = name, .partition = partition, .fence = fence};
}

static void clear_fences(struct rs_memory_store *store)
{
    for (size_t i = 0; i < store->fence_count; i++) {
        free(store->fences[i].stream_name);
    }
    free(store->fences);
    store->fences = NULL;
    store->fence_count = 0;
}

/* As the script's fence(): judges, and takes the fence where it may. */
static enum rs_batch_result pass_fence(struct rs_memory_store *store, struct rs_view_batch *batch)
{
    const struct fence_entry *held = find_fence(store, batch->stream_name, batch->partition);
    struct rs_redis_fence mine = rs_redis_fence_of(batch);
    enum rs_batch_result result = rs_redis_fence_judge(held ? &held->fence : NULL, &mine);
    RS_ASSERT(result == RS_BATCH_APPLIED || held);
    if (held && rs_batch_hears_fence(batch, result)) {
        batch->fence_offset = held->fence.offset;
        batch->fence_now_shown_us = held->fence.now_shown_us;
    }
    if (result == RS_BATCH_BEHIND) {
        mine.offset = batch->fence_offset;
        mine.now_shown_us = batch->fence_now_shown_us;
    }
    if (result != RS_BATCH_FENCED) {
        put_fence(store, batch->stream_name, batch->partition, mine);
    }
    return result;
}

/* ---- operations; false: another partition owns the group ---- */

static bool apply_view(struct rs_memory_store *store, struct rs_memory_group *group, const struct rs_op *op,
                       int32_t partition)
{
    if (op->flags & RS_OP_FIRST) {
        if (group->owned && group->owner != partition) {
            return false;
        }
        group->owned = true;
        group->owner = partition;
    }
    store->failed |= !rs_memory_group_set_view(group, op->fields);
    group->indexed = true;
    group->score_ms = op->change_ms;
    return true;
}

static bool apply_history(struct rs_memory_store *store, struct rs_memory_group *group,
                          const struct rs_op *op, int32_t partition)
{
    if (group->owned && group->owner != partition) {
        return false;
    }
    if (op->flags & RS_OP_SESSION) {
        rs_memory_group_cut_history(group, op->score_ms, op->last_ms);
    }
    store->failed |= op->field_count && !rs_memory_group_put_history(group, op->score_ms, op->fields,
                                                                     store->metas[op->aggregate].history);
    return true;
}

static void apply_drop(struct rs_memory_group *group, int32_t partition)
{
    if (!group->owned || group->owner == partition) {
        rs_memory_group_clear(group);
    }
}

static bool apply_op(struct rs_memory_store *store, const struct rs_op *op, int32_t partition)
{
    RS_ASSERT(op->aggregate < store->meta_count);
    if (rs_redis_key_reserved(&store->metas[op->aggregate], op->key)) {
        return op->kind == RS_OP_DROP;
    }
    struct rs_memory_group *group = rs_memory_groups_at(&store->groups[op->aggregate], op->key);
    if (!group) {
        store->failed = true;
        return true;
    }
    switch (op->kind) {
    case RS_OP_VIEW: return apply_view(store, group, op, partition);
    case RS_OP_HISTORY: return apply_history(store, group, op, partition);
    case RS_OP_DROP: apply_drop(group, partition); break;
    }
    return true;
}

/* All in one piece. */
static void scan(const struct rs_memory_store *store, struct rs_view_batch *batch)
{
    const struct rs_memory_groups *groups = &store->groups[batch->scan_aggregate];
    rs_buf_reset(&batch->scanned);
    for (size_t i = 0; i < groups->capacity; i++) {
        const struct rs_memory_group *group = groups->slots[i];
        if (group && group->owned && group->owner == batch->partition) {
            rs_batch_scanned_put(batch, rs_slice_of(group->key, group->key_size));
        }
    }
    batch->scan_cursor = 0;
}

/* As write_batch.lua does it: the fence first, then the operations, of which a conflict stops none but
 * itself. */
static void apply_batch(struct rs_memory_store *store, struct rs_view_batch *batch)
{
    struct rs_op op;
    size_t cursor = 0;
    rs_buf_reset(&batch->conflicts);
    if (store->refusal) {
        rs_buf_reset(&batch->refusal);
        rs_buf_text(&batch->refusal, store->refusal);
        batch->result = RS_BATCH_REFUSED;
        return;
    }
    if (batch->scan) {
        batch->result = RS_BATCH_APPLIED;
        scan(store, batch);
        return;
    }
    batch->result = pass_fence(store, batch);
    store->batches += batch->result == RS_BATCH_APPLIED;
    for (uint32_t number = 0; batch->result == RS_BATCH_APPLIED && rs_batch_next(batch, &cursor, &op);
         number++) {
        store->operations++;
        if (!apply_op(store, &op, batch->partition)) {
            rs_buf_put(&batch->conflicts, &number, sizeof number);
        }
    }
    store->failed |= batch->conflicts.failed;
}

/* ---- the table ---- */

static void table_submit(void *self, struct rs_view_batch **batch)
{
    struct rs_memory_store *store = self;
    struct rs_view_batch *taken = *batch;
    *batch = NULL;
    if (store->away) {
        rs_view_batches_push(&store->waiting, taken);
        return;
    }
    apply_batch(store, taken);
    rs_view_batches_push(&store->finished, taken);
}

static struct rs_view_batch *table_finished(void *self, uint32_t worker)
{
    struct rs_memory_store *store = self;
    struct rs_view_batch *batch = store->finished.first;
    while (batch && batch->worker != worker) {
        batch = batch->next;
    }
    if (batch) {
        rs_view_batches_remove(&store->finished, batch);
    }
    return batch;
}

static uint64_t table_generation(void *self)
{
    const struct rs_memory_store *store = self;
    return store->generation;
}

static int table_wake_fd(void *self, uint32_t worker)
{
    (void)self;
    (void)worker;
    return -1;
}

static const struct rs_view_sink_ops table = {.submit = table_submit,
                                              .finished = table_finished,
                                              .generation = table_generation,
                                              .wake_fd = table_wake_fd};

struct rs_view_sink rs_memory_store_table(struct rs_memory_store *store)
{
    return (struct rs_view_sink){.self = store, .ops = &table};
}

/* ---- life ---- */

int rs_memory_store_new(const char *prefix, const struct rs_aggregate_meta *metas, size_t meta_count,
                        struct rs_memory_store **out, struct rs_error *error)
{
    struct rs_memory_store *store = calloc(1, sizeof *store);
    struct rs_memory_groups *groups = calloc(meta_count + 1, sizeof *groups);
    if (!store || !groups) {
        free(store);
        free(groups);
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    *store = (struct rs_memory_store){
        .prefix = prefix, .metas = metas, .meta_count = meta_count, .groups = groups, .generation = 1};
    *out = store;
    return 0;
}

static void clear_groups(struct rs_memory_store *store)
{
    for (size_t i = 0; i < store->meta_count; i++) {
        rs_memory_groups_fini(&store->groups[i]);
    }
}

void rs_memory_store_free(struct rs_memory_store **out)
{
    struct rs_memory_store *store = *out;
    if (!store) {
        return;
    }
    clear_groups(store);
    clear_fences(store);
    rs_view_batches_fini(&store->waiting);
    rs_view_batches_fini(&store->finished);
    rs_buf_fini(&store->json);
    free(store->groups);
    free(store);
    *out = NULL;
}

/* ---- what tests may do to it and ask of it ---- */

void rs_memory_store_set_away(struct rs_memory_store *store, bool away)
{
    store->away = away;
    struct rs_view_batch *batch = NULL;
    while (!away && (batch = rs_view_batches_pop(&store->waiting))) {
        table_submit(store, &batch);
    }
}

void rs_memory_store_set_refusal(struct rs_memory_store *store, const char *refusal)
{
    store->refusal = refusal;
}

void rs_memory_store_wipe(struct rs_memory_store *store)
{
    clear_groups(store);
    clear_fences(store);
    store->generation++;
}

void rs_memory_store_set_fence(struct rs_memory_store *store, const char *stream_name, int32_t partition,
                               uint64_t token, int64_t offset, int64_t now_shown_us)
{
    put_fence(store, stream_name, partition,
              (struct rs_redis_fence){.token = token, .offset = offset, .now_shown_us = now_shown_us});
}

bool rs_memory_store_fence(const struct rs_memory_store *store, const char *stream_name, int32_t partition,
                           uint64_t *token, int64_t *offset, int64_t *now_shown_us)
{
    const struct fence_entry *entry = find_fence(store, stream_name, partition);
    if (!entry) {
        return false;
    }
    *token = entry->fence.token;
    *offset = entry->fence.offset;
    *now_shown_us = entry->fence.now_shown_us;
    return true;
}

static const struct rs_memory_group *find_group(const struct rs_memory_store *store, const char *aggregate,
                                                const char *key, const struct rs_aggregate_meta **meta)
{
    for (size_t i = 0; i < store->meta_count; i++) {
        if (strcmp(store->metas[i].name, aggregate) == 0) {
            *meta = &store->metas[i];
            return rs_memory_groups_find(&store->groups[i], rs_slice_text(key));
        }
    }
    return NULL;
}

struct rs_slice rs_memory_store_field(const struct rs_memory_store *store, const char *aggregate,
                                      const char *key, const char *name)
{
    const struct rs_aggregate_meta *meta = NULL;
    const struct rs_memory_group *group = find_group(store, aggregate, key, &meta);
    struct rs_op_field field;
    size_t cursor = 0;
    if (!group || !group->view) {
        return rs_slice_of(NULL, 0);
    }
    struct rs_op op = {.fields = rs_slice_of(group->view, group->view_size)};
    while (rs_op_field_next(&op, &cursor, &field)) {
        if (strcmp(meta->fields[field.field], name) == 0) {
            return field.text;
        }
    }
    return rs_slice_of(NULL, 0);
}

struct rs_slice rs_memory_store_history(struct rs_memory_store *store, const char *aggregate, const char *key,
                                        int64_t score_ms)
{
    const struct rs_aggregate_meta *meta = NULL;
    const struct rs_memory_group *group = find_group(store, aggregate, key, &meta);
    const struct rs_memory_member *member = group ? rs_memory_group_member(group, score_ms) : NULL;
    if (!member) {
        return rs_slice_of(NULL, 0);
    }
    struct rs_op op = {.fields = rs_slice_of(member->fields, member->size)};
    rs_buf_reset(&store->json);
    rs_redis_history_json(&store->json, meta, &op);
    return rs_buf_slice(&store->json);
}

void rs_memory_store_counts(const struct rs_memory_store *store, struct rs_memory_store_counts *out)
{
    *out = (struct rs_memory_store_counts){.batches = store->batches, .operations = store->operations};
    for (size_t i = 0; i < store->meta_count; i++) {
        for (size_t slot = 0; slot < store->groups[i].capacity; slot++) {
            const struct rs_memory_group *group = store->groups[i].slots[slot];
            out->hashes += group && group->view;
            out->history_members += group ? group->count : 0;
        }
    }
}

bool rs_memory_store_failed(const struct rs_memory_store *store)
{
    return store->failed;
}

int rs_memory_store_print(const struct rs_memory_store *store, FILE *out, struct rs_error *error)
{
    if (store->failed) {
        return rs_fail(error, RS_ENOMEM, "out of memory while applying views");
    }
    struct rs_memory_print print = {.prefix = store->prefix,
                                    .metas = store->metas,
                                    .meta_count = store->meta_count,
                                    .groups = store->groups};
    return rs_memory_print(&print, out, error);
}
