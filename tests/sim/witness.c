/* Between the worker and its durable log: passes everything on, and compares what the worker is told with
 * what the log really holds. */
#include <stdlib.h>

#include "tests/sim/cluster.h"

static int witness_claim(void *self, struct rs_partition_id id, int64_t start, struct rs_error *error)
{
    struct process *p = self;
    p->pipes[place_of(p->sim, id.stream, id.partition)].token = 0;
    return p->durable_table.ops->claim(p->durable_table.self, id, start, error);
}

static struct rs_state_plan witness_plan(void *self, struct rs_partition_id id)
{
    struct process *p = self;
    return p->durable_table.ops->plan(p->durable_table.self, id);
}

static int witness_chunk(void *self, struct rs_partition_id id, struct rs_slice bytes, struct rs_error *error)
{
    struct process *p = self;
    return p->durable_table.ops->chunk(p->durable_table.self, id, bytes, error);
}

static int witness_seal(void *self, struct rs_partition_id id, const struct rs_seal *seal,
                        struct rs_slice head, bool sweep_ends, struct rs_error *error)
{
    struct process *p = self;
    return p->durable_table.ops->seal(p->durable_table.self, id, seal, head, sweep_ends, error);
}

static void witness_release(void *self, struct rs_partition_id id)
{
    struct process *p = self;
    p->pipes[place_of(p->sim, id.stream, id.partition)].token = 0;
    p->durable_table.ops->release(p->durable_table.self, id);
}

static void see(struct process *p, const struct rs_state_event *event)
{
    struct sim *sim = p->sim;
    uint32_t partition = place_of(sim, event->id.stream, event->id.partition);
    switch (event->kind) {
    case RS_STATE_CLAIMED:
        p->pipes[partition].token = event->token;
        sim_note(sim, "process %u partition %u: claimed, token %llu, input from %lld", p->number, partition,
                 (unsigned long long)event->token, (long long)event->seal.next_offset);
        oracle_claimed(sim, partition, event->token, event->seal.next_offset);
        break;
    case RS_STATE_COMMITTED:
        sim_note(sim, "process %u partition %u: committed %lld", p->number, partition,
                 (long long)event->seal.next_offset);
        oracle_committed(sim, partition, p->pipes[partition].token, event->seal.next_offset);
        break;
    case RS_STATE_MORE: break;
    case RS_STATE_FAILED:
        /* One whose claim is no longer the newest may find that the log has no state for it: what it would
         * need was trimmed, and comes later. The group is about to take the partition from it. */
        sim_note(sim, "process %u partition %u: failed", p->number, partition);
        if ((int64_t)event->token == sim->topics[partition].claim) {
            sim_wrong(sim, "process %u partition %u: the state log failed: %s", p->number, partition,
                      event->error->text);
        }
        break;
    case RS_STATE_LOST:
    case RS_STATE_UNSURE:
        sim_note(sim, "process %u partition %u: %s", p->number, partition,
                 event->kind == RS_STATE_LOST ? "lost" : "unsure");
        p->pipes[partition].token = 0;
        break;
    case RS_STATE_VOID:
    case RS_STATE_BATCH:
    case RS_STATE_CHUNK: break;
    }
}

static bool witness_take(void *self, uint32_t worker, struct rs_state_event *out)
{
    struct process *p = self;
    if (p->dying || !p->durable_table.ops->take(p->durable_table.self, worker, out)) {
        return false;
    }
    see(p, out);
    return true;
}

static bool witness_status(void *self, struct rs_partition_id id, struct rs_state_log_status *out)
{
    struct process *p = self;
    return p->durable_table.ops->status(p->durable_table.self, id, out);
}

static int witness_wake_fd(void *self, uint32_t worker)
{
    (void)self;
    (void)worker;
    return 0;
}

static const struct rs_state_log_ops witness_ops = {
    .claim = witness_claim,
    .plan = witness_plan,
    .chunk = witness_chunk,
    .seal = witness_seal,
    .release = witness_release,
    .take = witness_take,
    .status = witness_status,
    .wake_fd = witness_wake_fd,
};

struct rs_state_log witness_table(struct process *p)
{
    p->durable_table = rs_durable_log_table(p->durable);
    return (struct rs_state_log){.self = p, .ops = &witness_ops};
}
