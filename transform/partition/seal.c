#include "transform/partition/seal.h"

#include <string.h>

#include "transform/group/bytes.h"
#include "transform/group/changes.h"
#include "transform/partition/internal.h"

#define STEP_GROUPS    256                /* written in a step, */
#define STEP_BYTES     ((size_t)64 << 10) /* unless so much comes together before */
#define SWEEP_SLOTS    400000             /* looked at when a batch begins, at most */
#define SWEEP_IDS      16384              /* the same for ids */
#define GONE_PER_ENTRY 4096u
#define KEPT_BYTES     ((size_t)256 << 10)
#define CLOSE_UP_BYTES ((size_t)256 << 10)

void rs_partition_seal_enable(struct rs_partition *p, int64_t next_offset)
{
    p->next_offset = next_offset;
    p->sealing.enabled = true;
    p->sealing.ids_sealed = p->dedup.first_number;
    for (uint32_t i = 0; i < p->group_sets; i++) {
        p->groups[i].unsealed.gather_flag = RS_GROUP_CHANGED_EVEN;
        p->groups[i].unsealed.chunks = &p->sealing.chunks;
    }
}

/* ---- the head ---- */

static void put_aggregate(const struct rs_groups *gs, struct rs_buf *out)
{
    rs_form_key(rs_slice_text(gs->aggregate->name), out);
    rs_write_u64(out, gs->aggregate->fingerprint);
    rs_write_i64(out, gs->since.offset);
    rs_write_i64(out, gs->since.time_us);
    const uint64_t counts[] = {gs->since.consumed, gs->since.duplicate, gs->since.rejected, gs->applied,
                               gs->late,           gs->filtered,        gs->limited,        gs->not_finite};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        rs_write_u64(out, counts[i]);
    }
    rs_write_i64(out, gs->gone.forgotten_newest_us);
    rs_write_u64(out, gs->gone.forgotten);
}

static void put_times(const struct rs_partition *p, struct rs_buf *out)
{
    rs_dedup_save_time(&p->dedup, out);
    rs_steady_save(&p->steady, out);
    rs_write_i64(out, p->expire_at_us);
    rs_write_u64(out, p->expire_checked);
    rs_write_i64(out, p->front.run_us);
    rs_write_i64(out, p->front.run_other_us);
    rs_write_u32(out, p->front.run_source);
}

static void put_head(struct rs_partition *p)
{
    struct rs_buf *out = &p->sealing.head;
    rs_buf_reset(out);
    rs_write_u32(out, RS_HEAD_FORMAT);
    rs_write_u64(out, p->rejected_early);
    rs_write_u64(out, p->expired);
    rs_write_u64(out, p->dedup.first_number);
    rs_write_u32(out, p->dedup.count);
    put_times(p, out);
    rs_write_u32(out, p->group_sets);
    for (uint32_t i = 0; i < p->group_sets; i++) {
        put_aggregate(&p->groups[i], out);
    }
}

/* ---- beginning ---- */

/* Estimate: only the pace of a sweep hangs on it. */
static uint64_t group_bytes(const struct rs_groups *gs, const struct rs_group *g)
{
    const struct rs_unsealed *u = &gs->unsealed;
    uint64_t panes = gs->count ? gs->pane_count / gs->count : 0;
    return u->whole_count ? u->whole_bytes / u->whole_count
                          : 64 + g->key_size + (panes + 1) * (24 + gs->aggregate->pane_size / 2);
}

static void mark(struct rs_groups *gs, uint32_t number, struct rs_group *g)
{
    struct rs_unsealed *u = &gs->unsealed;
    if (!(g->flags & u->write_flag)) {
        u->failed = !rs_changed_push(&u->writing, number) || u->failed;
    }
    g->flags = (uint16_t)(g->flags | RS_GROUP_WHOLE | u->write_flag);
}

/* The next slice of groups will be written whole, be they changed or not. */
static void mark_slice(struct rs_partition *p, uint64_t slice_bytes)
{
    struct rs_seal_batch *s = &p->sealing;
    uint32_t looked = 0;
    uint64_t bytes = 0;
    while (s->sweep_set < p->group_sets && bytes < slice_bytes && looked++ < SWEEP_SLOTS) {
        struct rs_groups *gs = &p->groups[s->sweep_set];
        if (s->sweep_at >= gs->groups.touched) {
            s->sweep_set++;
            s->sweep_at = 0;
            continue;
        }
        uint32_t number = s->sweep_at++;
        struct rs_group *g = rs_group_at(gs, number);
        if (rs_groups_live(gs, number)) {
            bytes += g->flags & gs->unsealed.write_flag ? 0 : group_bytes(gs, g);
            mark(gs, number, g);
        }
    }
}

/* Ids leave in the order of their arrival, so that those a batch tells are a range. */
static void put_ids(struct rs_partition *p, uint64_t from, uint64_t to)
{
    struct rs_buf *out = &p->sealing.chunks.out;
    from = from < p->dedup.first_number ? p->dedup.first_number : from;
    while (from < to) {
        uint64_t count = to - from < 2048 ? to - from : 2048;
        size_t begun = rs_entry_begin(out, RS_ENTRY_IDS);
        rs_write_u64(out, from);
        rs_write_u32(out, (uint32_t)count);
        rs_dedup_write(&p->dedup, from, (uint32_t)count, out);
        rs_entry_end(out, begun);
        rs_chunks_cut(&p->sealing.chunks, RS_CHUNK_BYTES);
        from += count;
    }
}

static void write_ids(struct rs_partition *p, uint64_t slice_bytes)
{
    struct rs_seal_batch *s = &p->sealing;
    uint64_t end = p->dedup.first_number + p->dedup.count;
    put_ids(p, s->ids_sealed, end);
    s->ids_sealed = end;
    if (slice_bytes && s->sweep_id < s->sweep_ids_end) {
        s->sweep_id = s->sweep_id > p->dedup.first_number ? s->sweep_id : p->dedup.first_number;
        uint64_t to = s->sweep_id + SWEEP_IDS;
        to = to < s->sweep_ids_end ? to : s->sweep_ids_end;
        put_ids(p, s->sweep_id, to);
        s->sweep_id = to;
    }
}

/* Before all groups: one that is back under the key of another that went is written after it. Where memory ran
 * out while they were noted, the last may not be whole: then none is read, and the batch fails. */
static void write_drops(struct rs_partition *p, struct rs_unsealed *u)
{
    struct rs_reader reader = {.rest = rs_buf_slice(&u->drops)};
    while (!u->drops.failed && reader.rest.size) {
        struct rs_slice kind = rs_read_bytes(&reader, 1);
        uint32_t size = rs_read_u32(&reader);
        (void)rs_read_bytes(&reader, size);
        RS_ASSERT(!reader.failed);
        rs_buf_put(&p->sealing.chunks.out, kind.data, 1 + sizeof size + size);
        rs_chunks_cut(&p->sealing.chunks, RS_CHUNK_BYTES);
    }
    rs_buf_reset(&u->drops);
}

static void turn_lists(struct rs_unsealed *u)
{
    struct rs_changed writing = u->writing;
    u->writing = u->gathering;
    u->gathering = writing;
    u->gathering.count = 0;
    u->written = 0;
    u->write_flag = u->gather_flag;
    u->gather_flag ^= RS_GROUP_CHANGED_BOTH;
}

/* All dropped groups: the log before the sweep will be cut off. */
static void write_gone(struct rs_partition *p, const struct rs_groups *gs)
{
    for (uint32_t from = 0; from < gs->gone.count; from += GONE_PER_ENTRY) {
        uint32_t left = gs->gone.count - from;
        rs_groups_put_gone(gs, gs->gone.heap + from, left < GONE_PER_ENTRY ? left : GONE_PER_ENTRY,
                           &p->sealing.chunks.out);
        rs_chunks_cut(&p->sealing.chunks, RS_CHUNK_BYTES);
    }
}

/* All before the sweep will be cut off, so it begins with all dropped groups, and goes through all groups
 * and the ids that earlier batches told; newer ids are told anyway. */
static void sweep(struct rs_partition *p, struct rs_state_plan plan)
{
    struct rs_seal_batch *s = &p->sealing;
    if (plan.sweep_begins) {
        s->sweeping = true;
        s->sweep_set = 0;
        s->sweep_at = 0;
        s->sweep_id = p->dedup.first_number;
        s->sweep_ids_end = s->ids_sealed;
        for (uint32_t i = 0; i < p->group_sets; i++) {
            write_gone(p, &p->groups[i]);
        }
    }
    if (s->sweeping && plan.slice_bytes) {
        mark_slice(p, plan.slice_bytes);
    }
}

/* What is written as of now and not group by group is written here: the seal, its head, drops, ids, and with
 * a new sweep all dropped groups. Groups follow step by step; how far the sweep comes with this batch is
 * decided here too. */
void rs_partition_seal_begin(struct rs_partition *p, struct rs_state_plan plan)
{
    struct rs_seal_batch *s = &p->sealing;
    RS_ASSERT(s->enabled && !s->chunks.open);
    s->chunks.open = true;
    s->set = 0;
    rs_partition_show_front(p);
    s->seal = (struct rs_seal){.next_offset = p->next_offset,
                               .stream_time_us = p->stream_time_us,
                               .now_shown_us = p->now_shown_us,
                               .events = p->events};
    for (uint32_t i = 0; i < p->group_sets; i++) {
        turn_lists(&p->groups[i].unsealed);
        write_drops(p, &p->groups[i].unsealed);
    }
    put_head(p);
    sweep(p, plan);
    write_ids(p, s->sweeping ? plan.slice_bytes : 0);
    s->sweep_ends = s->sweeping && s->sweep_set == p->group_sets && s->sweep_id >= s->sweep_ids_end;
    s->sweeping = s->sweeping && !s->sweep_ends;
}

/* ---- step by step ---- */

/* True: the list is at its end. */
static bool write_some(struct rs_partition *p, struct rs_groups *gs)
{
    struct rs_unsealed *u = &gs->unsealed;
    size_t before = p->sealing.chunks.out.size;
    for (uint32_t i = 0; i < STEP_GROUPS && p->sealing.chunks.out.size - before < STEP_BYTES; i++) {
        if (u->written == u->writing.count) {
            u->write_flag = 0;
            return true;
        }
        uint32_t number = u->writing.numbers[u->written++];
        if (rs_group_at(gs, number)->flags & u->write_flag) { /* else it was written early */
            rs_groups_write(gs, number);
        }
    }
    return false;
}

static bool failed(const struct rs_partition *p)
{
    bool failed = p->sealing.chunks.out.failed || p->sealing.chunks.cuts.failed || p->sealing.head.failed;
    for (uint32_t i = 0; i < p->group_sets; i++) {
        failed = failed || p->groups[i].unsealed.failed;
    }
    return failed;
}

static bool ready(const struct rs_chunks *s, struct rs_slice *chunk)
{
    size_t end = 0;
    if (s->cut * sizeof end >= s->cuts.size) {
        return false;
    }
    memcpy(&end, s->cuts.data + s->cut * sizeof end, sizeof end);
    *chunk = rs_slice_of(s->out.data + s->taken, end - s->taken);
    return true;
}

/* Chunks that are ready go before anything more is written: what waits in memory stays small where the log
 * takes it, and grows with early writes alone where it does not. */
enum rs_seal_step rs_partition_seal_step(struct rs_partition *p, struct rs_slice *chunk)
{
    struct rs_seal_batch *s = &p->sealing;
    RS_ASSERT(s->chunks.open);
    if (failed(p)) {
        return RS_SEAL_FAILED;
    }
    if (ready(&s->chunks, chunk)) {
        return RS_SEAL_CHUNK;
    }
    if (s->set < p->group_sets) {
        s->set += write_some(p, &p->groups[s->set]) ? 1 : 0;
        return RS_SEAL_WORKING;
    }
    if (s->chunks.out.size > s->chunks.taken) {
        rs_chunks_cut(&s->chunks, 1);
        return failed(p) ? RS_SEAL_FAILED : RS_SEAL_WORKING;
    }
    return RS_SEAL_COMPLETE;
}

/* What was taken makes room, so that `out` does not grow with the whole batch where groups are written early
 * all the time. No more is moved than was taken since the last time. */
static void close_up(struct rs_chunks *s)
{
    size_t left = s->out.size - s->taken;
    size_t cuts = s->cuts.size / sizeof left - s->cut;
    if (s->taken < CLOSE_UP_BYTES || left > s->taken) {
        return;
    }
    memmove(s->out.data, s->out.data + s->taken, left);
    s->out.size = left;
    for (size_t i = 0; i < cuts; i++) {
        size_t end;
        memcpy(&end, s->cuts.data + (s->cut + i) * sizeof end, sizeof end);
        end -= s->taken;
        memcpy(s->cuts.data + i * sizeof end, &end, sizeof end);
    }
    s->cuts.size = cuts * sizeof left;
    s->taken = 0;
    s->cut = 0;
}

/* The log has copied the chunk. What a rush of early writes took of memory is given back when nothing
 * waits. */
void rs_partition_seal_taken(struct rs_partition *p)
{
    struct rs_chunks *s = &p->sealing.chunks;
    struct rs_slice chunk;
    RS_ASSERT(ready(s, &chunk));
    s->taken += chunk.size;
    s->cut++;
    if (s->taken == s->out.size) {
        if (s->out.capacity > KEPT_BYTES) {
            rs_buf_fini(&s->out); /* a rush is over */
        }
        rs_buf_reset(&s->out);
        rs_buf_reset(&s->cuts);
        s->taken = 0;
        s->cut = 0;
    }
    close_up(s);
}

bool rs_partition_seal_ready(const struct rs_partition *p)
{
    struct rs_slice chunk;
    return ready(&p->sealing.chunks, &chunk);
}

size_t rs_partition_seal_backlog(const struct rs_partition *p)
{
    return p->sealing.chunks.out.size - p->sealing.chunks.taken;
}

void rs_partition_seal_end(struct rs_partition *p, struct rs_seal *seal, struct rs_slice *head,
                           bool *sweep_ends)
{
    struct rs_seal_batch *s = &p->sealing;
    RS_ASSERT(s->chunks.open && s->set == p->group_sets && s->chunks.out.size == 0);
    *seal = s->seal;
    *head = rs_buf_slice(&s->head);
    *sweep_ends = s->sweep_ends;
    s->sweep_ends = false;
    s->chunks.open = false;
}
