#!/usr/bin/env python3
"""Errors planted in the product, one at a time: the simulation has to catch every one.

    tests/sim/mutants.py [--seeds N] [--jobs J] [--dir DIR] [--list] [NAME...]

Each is an edit of the sources, made in a copy of them in DIR (default build/mutants), built there, and run over seeds
until one fails. Prints what was planted and which seed caught it. An edit that no longer fits the sources is a
failure. Exit: 0 all were caught, 1 some were not, 2 the copy does not build as it is."""
import argparse
import os
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
NOT_SOURCES = ("build", "__pycache__")
SEEDS = 20000  # a mutant that lives longer is not caught
# Caught by engine_sim: only there do events come between the steps of a batch, and clocks go so wrong.
ENGINE = ("written-late", "expiry-by-stream-time", "median-of-the-wrong-side", "steady-time-not-restored", "gone-not-restored",
          "coarse-rule-for-all", "ids-by-record-time", "ids-blocked-by-a-wrong-clock",
          "shown-by-one-group", "shown-by-all-groups", "check-at-every-record")
# Caught by engine_sim where windows are sessions.
SESSIONS = ("joined-stays-in-history", "history-not-filled-again", "stale-goes-last", "final-too-early",
            "final-sessions-leave")
# Caught by cluster_sim with --windows: sessions, calendars, the newest events, statistics with a state of their own.
WINDOWS = ("restored-session-beside-what-it-was", "oldest-of-the-newest-not-restored", "part-lost-in-a-join", "long-day-late-after-24-hours",
           "break-counts-as-open")
# Caught by writers_sim: commands that come between those of a transaction.
WRITERS = ("fence-not-watched", "names-not-watched", "fence-not-awaited", "owner-not-awaited", "nothing-taken-for-written",
           "wrong-type-left")

# Those that live long, and the seed that caught each when this was written: it is tried first. Where
# a change of the engine has moved it, the hunt from seed 1 on costs what it did without; so these need no care.
CAUGHT_BY = {"successor-not-held-back": 3681, "gone-not-restored": 1479, "limits-behind-the-fence": 577,
             "sweep-without-end": 429, "slow-claimant-stops": 238, "believed-at-rest": 207, "coarse-rule-for-all": 156,
             "listens-once": 154, "long-day-late-after-24-hours": 16, "refused-counts-as-written": 133, "drop-repeated": 124}

# name: (what it does, [(file, text, instead)]). How the text is broken into lines does not matter.
MUTANTS = {
    "restored-session-beside-what-it-was": ("a session that is restored leaves those that it has grown over", [(
        "transform/group/group.c", "while (node->newer != RS_NONE && rs_node_at(gs, node->newer)->start_us < end_us) {",
        "while (node->newer != RS_NONE && rs_node_at(gs, node->newer)->start_us < node->start_us) {\n        (void)end_us;")]),
    "oldest-of-the-newest-not-restored": ("after a restart the newest events do not know which of them is the oldest", [(
        "transform/group/last.c", "memcpy(e, event, gs->last.event_size); inserted(gs, g);",
        "memcpy(e, event, gs->last.event_size);\n    if (g->count > gs->aggregate->window.last) {\n        drop_oldest(gs, g);\n    }")]),
    "part-lost-in-a-join": ("a session that is joined leaves behind what quantiles keep", [(
        "transform/pane/parts.c", "for (size_t i = 0; i < into->layout->part_count; i++) {",
        "for (size_t i = 1; i < into->layout->part_count; i++) {")]),
    "long-day-late-after-24-hours": ("an event of the 25th hour of a day is late", [(
        "transform/group/group.c", ": rs_window_last_end(w, time_us) <= clock_us - gs->lateness_us;",
        ": (w->by_calendar ? rs_window_slice(w, time_us) + w->size_us : rs_window_last_end(w, time_us)) <=\n"
        "                                        clock_us - gs->lateness_us;")]),
    "break-counts-as-open": ("the break between two sessions counts as trading", [(
        "base/time/sessions.c", "return (struct rs_session_span){closed_us, open_us, false};",
        "return (struct rs_session_span){closed_us, open_us, i > 0};")]),
    "joined-stays-in-history": ("a session that was joined stays in history", [(
        "transform/group/group.c", "node->flags |= RS_NODE_STALE; g->flags", "g->flags"), (
        "transform/partition/show.c", "rs_batch_session_begin(s->batch, gs->aggregate->index, s->key, rs_floor_ms(node->start_us), "
        "rs_floor_ms(rs_pane_newest_us(node->pane)));",
        "rs_batch_session_begin(s->batch, gs->aggregate->index, s->key, rs_floor_ms(node->start_us),\n"
        "                           rs_floor_ms(node->start_us));")]),
    "history-not-filled-again": ("what history kept in place of joined sessions does not come back", [(
        "transform/group/group.c", "g->history_from = from < g->history_from ? from : g->history_from;", "(void)from;\n(void)g;")]),
    "stale-goes-last": ("history is filled again before what is stale has gone", [(
        "transform/partition/emit.c", "unsigned stale = emit_stale(&s, number, g); if (ended) {"
        " put |= emit_history(&s, number, g, budget, put == 0); } put |= stale;",
        "if (ended) {\n        put |= emit_history(&s, number, g, budget, put == 0);\n    }\n    put |= emit_stale(&s, number, g);")]),
    "final-too-early": ("a session leaves while an event may still join it", [(
        "transform/group/group.h", "return rs_session_end(gs, node) + gs->aggregate->window.size_us;", "return rs_session_end(gs, node);")]),
    "final-sessions-leave": ("final sessions leave though history may need them again", [(
        "transform/group/group.c", "uint64_t behind = rs_groups_sessions(gs) ? gs->aggregate->history : 0;", "uint64_t behind = 0;")]),
    "fence-not-watched": ("a transaction does not watch its fence", [(
        "sink/redis/piece.c", "    put_fence(piecer, piece->batch, out);\n    rs_redis_put_words(out, &piece->reads);",
        "    put_groups(piecer, out);\n    rs_redis_put_words(out, &piece->reads);")]),
    "names-not-watched": ("a transaction does not watch whose the names are", [(
        "sink/redis/piece.c", "    rs_redis_put_text(out, \"WATCH\");\n    put_groups(piecer, out);",
        "    rs_redis_put_text(out, \"WATCH\");\n    put_fence(piecer, piece->batch, out);")]),
    "fence-not-awaited": ("a transaction begins whatever the fence behind its watch says", [(
        "sink/redis/piece.c", "           rs_redis_fence_compare(&found, held) == 0 && found.token == mine.token &&\n"
        "           rs_redis_fence_judge(&found, &mine) == RS_BATCH_APPLIED;",
        "           (rs_redis_fence_compare(&found, held) == 0 || mine.token > 0);")]),
    "owner-not-awaited": ("a transaction begins whoever owns the names", [(
        "sink/redis/piece.c", "        return are_ours(piecer, piece, answer);",
        "        return are_ours(piecer, piece, answer) || piece->batch;"),
        ("sink/redis/piece.c", "        return answer->type == REDIS_REPLY_ARRAY && answer->elements == 1 &&\n"
         "               is_text(answer->element[0], rs_buf_slice(&piecer->cluster));", "        return true;")]),
    "nothing-taken-for-written": ("EXEC's answer that it wrote nothing is not looked at", [(
        "sink/redis/native.c", "    if (reply->type == REDIS_REPLY_NIL) {\n        return redo(w);\n    }",
        "    if (reply->type == REDIS_REPLY_NIL) {\n        native->busy = false;\n        native->batch = NULL;\n"
        "        rs_redis_writer_settle(\n            w, batch, native->last,\n"
        "            &(struct rs_redis_answer){.result = RS_BATCH_APPLIED, .found = true, .fence = entry->fence});\n"
        "        return true;\n    }")]),
    "wrong-type-left": ("a value of another type that a transaction met is left", [(
        "sink/redis/native.c", "    if (wrong) {\n        return redo(w);\n    }", "")]),
    "offset-committed-first": ("the group's offset is committed before the seal is in the log", [(
        "transform/worker/commit.c",
        "    owned->commit_retry_us = worker->now_us;\n    if (!balanced",
        "    owned->commit_retry_us = worker->now_us;\n"
        "    worker->options.source.ops->committed(worker->options.source.self, owned->stream->index,\n"
        "                                          owned->partition, owned->next_offset);\n    if (!balanced")]),
    "increments": ("Redis adds what it is sent to what it holds, as INCR would, and does not replace it", [(
        "tests/sim/sim_redis.c",
        "    bool lost = e && e->lost;\n    if (e) {\n        blob_drop(e->blob);",
        "    bool lost = e && e->lost;\n    struct rs_buf sum = {0};\n    struct rs_op both = *op;\n"
        "    if (e) {\n        rs_buf_put(&sum, entry_fields(e).data, entry_fields(e).size);\n"
        "        rs_buf_put(&sum, op->fields.data, op->fields.size);\n"
        "        both.fields = rs_buf_slice(&sum);\n        op = &both;\n        blob_drop(e->blob);")]),
    "no-fence": ("Redis takes whatever comes, whoever sent it", [(
        "sink/redis/script.c", "    if (!held) {\n        return RS_BATCH_APPLIED;",
        "    if (!held || mine) {\n        return RS_BATCH_APPLIED;")]),
    "fence-without-offset": ("the fence refuses smaller tokens, but no older offsets", [(
        "sink/redis/script.c", "    if (mine->offset < held->offset ||", "    if (held->token == 0 ||")]),
    "no-seal-check": ("a batch counts although its seal is not there", [(
        "transform/statelog/reader.c",
        "    if (r->open) {\n        return r->open_batch == batch",
        "    if (r->open && r->open_batch != batch) {\n        r->open_batch = batch;\n        return 0;\n    }\n"
        "    if (r->open) {\n        return r->open_batch == batch"),
        ("transform/statelog/reader.c", "    close_batch(r);\n    forget_payloads(r);\n    r->sealed_batch = 0;",
         "    r->sealed_batch = 0;"),
        ("transform/statelog/reader.c", "    if (seal->chunks != r->open_chunks) {", "    if (seal->chunks > 1u << 30) {"),
        ("transform/statelog/reader.c", "    if (!r->headless && seal->checksum != r->open_sum) {",
         "    if (r->headless && seal->checksum != r->open_sum) {"),
        ("transform/statelog/reader.c", "    if (rc == 0 && chunk->sequence != r->open_chunks) {",
         "    if (rc == 0 && chunk->sequence > 1u << 30) {")]),
    "trim-too-far": ("the log is trimmed to the end of a sweep and not to its beginning", [(
        "transform/statelog/protocol.c", "    owner->trim_to = owner->sealing_sweep;", "    owner->trim_to = owner->next;")]),
    "trim-unverified": ("the log is trimmed when the seal that ends a sweep is sent, not when it is acknowledged", [(
        "transform/statelog/protocol.c", "        owner->sealing_sweep = record.seal.sweep_start;",
        "        owner->sealing_sweep = record.seal.sweep_start;\n        if (owner->sealing_sweep >= 0 && !owner->trimming) {\n"
        "            owner->trimming = log->options.io.ops->trim(log->options.io.self, owner->id,\n"
        "                                                       owner->sealing_sweep, error) == 0;\n        }")]),
    "never-trimmed": ("a complete sweep is not followed by a trim", [(
        "transform/statelog/protocol.c", "    owner->trim_to = owner->sealing_sweep;", "    owner->trim_to = -1;")]),
    "sweep-without-end": ("a sweep begins again and again before it has come to its end", [(
        "transform/statelog/protocol.c", "if (!owner->sweeping && grown >= floor && grown >= GROWTH * owner->live_bytes) {",
        "if (grown >= floor && grown >= GROWTH * owner->live_bytes) {")]),
    "watermark-not-restored": ("a group's clock is not restored", [(
        "transform/partition/restore.c", "    g->clock_us = rs_read_i64(&f->reader);",
        "    (void)rs_read_i64(&f->reader);\n    g->clock_us = 0;")]),
    "stream-time-not-restored": ("stream time is not restored", [(
        "transform/partition/restore.c", "    p->stream_time_us = seal->stream_time_us;",
        "    p->stream_time_us = RS_TIME_NONE;")]),
    "expiry-by-stream-time": ("groups expire by the highest event time", [(
        "transform/partition/expire.c", "    int64_t oldest_us = p->steady.clock_us - p->plan->stream->expire_us;",
        "    int64_t oldest_us = p->stream_time_us - p->plan->stream->expire_us;")]),
    "median-of-the-wrong-side": ("of an even number of times the upper one in the middle is taken", [(
        "transform/partition/steady.c", "    return s->count ? sorted(s)[(s->count - 1) / 2] : RS_TIME_NONE;",
        "    return s->count ? sorted(s)[s->count / 2] : RS_TIME_NONE;")]),
    "steady-time-not-restored": ("the steady time is not restored", [(
        "transform/partition/restore.c", "    rc = rc == 0 ? rs_steady_load(&p->steady, reader, error) : rc;",
        "    rc = rc == 0 ? rs_steady_load(&p->steady, reader, error) : rc;\n    rs_steady_init(&p->steady);")]),
    "gone-not-restored": ("the table of dropped groups is forgotten when the state is restored", [(
        "transform/partition/restore.c", "        rs_gone_put(gone, entry);", "")]),
    "coarse-rule-for-all": ("an unknown group is judged by the newest group that was ever dropped", [(
        "transform/group/gone.c", "    return place == RS_NONE ? g->forgotten_newest_us : g->heap[place].newest_us;",
        "    int64_t newest = g->forgotten_newest_us;\n    for (uint32_t i = 0; i < g->count; i++) {\n"
        "        newest = g->heap[i].newest_us > newest ? g->heap[i].newest_us : newest;\n    }\n"
        "    return place == RS_NONE ? newest : g->heap[place].newest_us;")]),
    "ids-by-record-time": ("the horizon of ids follows each record's time", [(
        "transform/partition/dedup.c", "    return clock_us < d->steady.clock_us - d->horizon_us;",
        "    return clock_us < d->ring[(d->first + d->count - 1) & (d->capacity - 1)].time_us - d->horizon_us;")]),
    "ids-blocked-by-a-wrong-clock": ("ids are kept until their own records' times are over", [(
        "transform/partition/dedup.c", ".id = *id, .time_us = timestamp_us > clock_us ? timestamp_us : clock_us, .clock_us = clock_us};",
        ".id = *id, .time_us = timestamp_us > clock_us ? timestamp_us : clock_us,\n"
        "        .clock_us = timestamp_us > clock_us ? timestamp_us : clock_us};")]),
    "shown-by-one-group": ("shown time jumps on one group's word", [(
        "transform/partition/times.c", "        add_to_run(p, i, offset);", "        add_to_run(p, i, offset);\n        go_to(&p->front, time_us);")]),
    "shown-by-all-groups": ("a group's own clock does not count for its own windows", [(
        "transform/partition/internal.h", "    int64_t now_us = group->clock_us > p->now_shown_us ? group->clock_us : p->now_shown_us;",
        "    int64_t now_us = group->clock_us > INT64_MAX - 1 ? group->clock_us : p->now_shown_us;")]),
    "check-at-every-record": ("groups are looked through however few records have come", [(
        "transform/partition/expire.c", "    return p->events.consumed >= p->expire_checked &&\n"
        "           (p->events.consumed - p->expire_checked) * GROUPS_PER_RECORD >= groups;",
        "    return p->events.consumed >= p->expire_checked || groups == 0;")]),
    "believed-at-rest": ("at the end of the input, times far beyond the daemon's own clock are believed", [(
        "transform/worker/input.c", "    rs_partition_rest(owned->state, limit_us, true);",
        "    rs_partition_rest(owned->state, limit_us > 0 ? INT64_MAX : 0, true);")]),
    "idle-time-stands-still": ("a partition without input shows no time pass", [(
        "transform/worker/input.c", "    int64_t shown_us = status.now_shown_us + elapsed;",
        "    int64_t shown_us = status.now_shown_us + elapsed * 0;")]),
    "pane-resurrected": ("panes that had left come back when the state is restored", [(
        "transform/partition/restore.c", "        rs_group_remove_before(f->gs, number, oldest_us);", "")]),
    "late-pane-not-told": ("a batch overlooks panes that changed behind the newest ones", [(
        "transform/group/group.c", "        g->flags |= RS_GROUP_SCATTERED;", "        (void)g;")]),
    "claim-not-awaited": ("the log is read before the claim stands in it: what came just before it is missed", [(
        "transform/statelog/protocol.c", "    if (event->offset > owner->token) {\n        return over(owner, RS_STATE_LOST, out);",
        "    if (event->offset > owner->token + (1 << 30)) {\n        return over(owner, RS_STATE_LOST, out);"),
        ("transform/statelog/protocol.c", "        rc = log->options.io.ops->read(log->options.io.self, owner->id, offset, &error);",
         "        rc = log->options.io.ops->read(log->options.io.self, owner->id, offset > 2 ? offset - 2 : offset, &error);"),
        ("transform/statelog/protocol.c", "rs_state_reader_end(owner->reader, event->offset, owner->token + 1, error);",
         "rs_state_reader_end(owner->reader, event->offset, owner->token > 2 ? owner->token - 1 : owner->token + 1, error);"),
        ("transform/statelog/protocol.c", "    if (reading->claim != owner->token || ", "    if (reading->claim > owner->token && ")]),
    "contiguity-not-checked": ("gaps between acknowledged offsets are not looked at", [(
        "transform/statelog/protocol.c", "    bool gap = event->offset > owner->next;", "    bool gap = event->offset < owner->next;")]),
    "gap-means-nothing": ("a gap is looked at, but another claim in it is overlooked", [(
        "transform/statelog/protocol.c", "    if (reading.claim != owner->token ||\n        memcmp(&reading.owner, &owner->signature, "
        "sizeof owner->signature) != 0) {", "    if (reading.claim == INT64_MAX) {"),
        ("transform/statelog/protocol.c", "    if (owner->superseded || event->offset > owner->token) {",
         "    if (owner->doubted && (owner->superseded || event->offset > owner->token)) {")]),
    "dead-letter-after-seal": ("the seal does not wait for the dead letters it covers", [(
        "transform/worker/commit.c", "    if (!dead_letters_done(worker, owned, owned->seal.next_offset)) {",
        "    if (!dead_letters_done(worker, owned, 0)) {")]),
    "stale-partial-sweep": ("a sweep that begins anew goes on where the one before had come to", [(
        "transform/partition/seal.c", "        s->sweeping = true;\n        s->sweep_set = 0;\n        s->sweep_at = 0;",
        "        s->sweep_set = s->sweeping ? s->sweep_set : 0;\n        s->sweep_at = s->sweeping ? s->sweep_at : 0;\n"
        "        s->sweeping = true;")]),
    "sweep-over-a-gap": ("a sweep goes on over a gap in its owner's offsets", [(
        "transform/statelog/protocol.c", "    owner->sweeping = false;\n    owner->sweep_start = owner->sealing_sweep = -1;\n", "")]),
    "wrong-take-over-offset": ("the input begins one record behind the seal", [(
        "transform/worker/claim.c",
        "    if (source->ops->start(source->self, owned->stream->index, owned->partition, event->seal.next_offset,",
        "    if (source->ops->start(source->self, owned->stream->index, owned->partition,\n"
        "                           event->seal.next_offset + (event->sealed && event->seal.next_offset > 5),")]),
    "history-left-early": ("a window's panes leave before Redis has acknowledged its member", [(
        "transform/group/group.c", "    int64_t pending = rs_group_pending(gs, number);\n    if (gs->aggregate->fill",
        "    int64_t pending = rs_group_at(gs, number)->history_from;\n    if (gs->aggregate->fill")]),
    "drop-not-told": ("a batch does not say which groups went", [(
        "transform/group/changes.c", "    if (u->gather_flag) {\n        put_key(gs, group, RS_ENTRY_DROPPED, &u->drops);",
        "    if (u->gather_flag == UINT16_MAX) {\n        put_key(gs, group, RS_ENTRY_DROPPED, &u->drops);")]),
    "drop-repeated": ("a deletion that was done is asked for again by the next sweep", [(
        "transform/group/changes.c", "(g->flags & (RS_GROUP_WHOLE | RS_GROUP_CLEARED)) == RS_GROUP_WHOLE", "g->flags & RS_GROUP_WHOLE")]),
    "given-back-not-listened": ("who gets a partition back does not ask the log whether another has claimed it meanwhile", [(
        "transform/worker/leave.c", "    owned->kept_us = worker->now_us;",
        "    owned->kept_us = worker ? 0 : 1;"),
        ("transform/worker/leave.c", "    owned->kept_reclaims = 0;\n    owned->commit_silent_us = worker->now_us;",
         "    owned->kept_reclaims = 0;")]),
    "given-back-not-claimed": ("who gets a partition back that another has claimed waits before claiming it again", [(
        "transform/worker/lose.c", "    owned->kept_reclaims++;\n    return 0;", "    return RS_WORKER_RECLAIM_US;")]),
    "slow-claimant-stops": ("a claimant that finds damage does not look whether a later owner has made the log its own", [(
        "transform/statelog/protocol.c", "event->end > owner->token + 1 &&", "event->end > owner->token + (1 << 30) &&")]),
    "listens-once": ("who gets a partition back asks the log once, and hears of a claim under way only much later", [(
        "transform/worker/commit.c", "    return revoked || rs_worker_partition_kept_lately(worker, owned);",
        "    (void)worker;\n    return revoked;")]),
    "successor-not-held-back": ("a group that came back is published before its former keys are deleted", [(
        "transform/group/groups.c", "        g->flags |= RS_GROUP_AWAITS;", "        (void)g;")]),
    "fence-not-waited-for": ("a new owner publishes before it has passed the offset in Redis' fence", [(
        "transform/worker/owned.c", "owned->touched && owned->next_offset >= owned->quiet_until;", "owned->touched;"),
        ("sink/redis/script.c", "    if (mine->offset < held->offset ||", "    if (held->token == 0 ||")]),
    "others-names-written": ("Redis takes a batch although its names are another consumer group's", [(
        "tests/sim/sim_redis.c", "    if (sim->names_taken) {", "    if (sim->names_taken && batch->op_count == 0) {")]),
    "refused-counts-as-written": ("what was refused since the names are another consumer group's counts as published", [(
        "transform/partition/emit.c", "    bool applied = batch->result == RS_BATCH_APPLIED;",
        "    bool applied = batch->result == RS_BATCH_APPLIED || batch->result == RS_BATCH_REFUSED;")]),
    "others-values-stay": ("who gets the names writes only what changes over another consumer group's values", [(
        "transform/worker/publish.c", "        owned->refused = false;\n        rs_partition_republish(owned->state);",
        "        owned->refused = false;")]),
    "receipts-of-before": ("answers to batches of an earlier ownership are taken for one's own", [(
        "transform/worker/publish.c", "        if (owned && owned->epoch == batch->epoch) {",
        "        if (owned && (owned->epoch == batch->epoch || owned->in_flight > 0)) {")]),
    "written-late": ("a group that changes while a batch is open is told as it is after the change", [(
        "transform/group/groups.h", "    if (group->flags & gs->unsealed.write_flag) {",
        "    if (group->flags & gs->unsealed.write_flag & RS_GROUP_DROPPED) {")]),
    "ids-not-restored": ("ids of the deduplication are not restored", [(
        "transform/partition/restore.c", "        int rc = rs_dedup_restore(&p->dedup, &restoring->ids[i].entry, error);",
        "        struct rs_dedup_entry entry = restoring->ids[i].entry;\n        entry.id.low++;\n"
        "        int rc = rs_dedup_restore(&p->dedup, &entry, error);")]),
    "loss-not-repaired": ("after a loss of Redis only what changes is written again", [(
        "transform/worker/publish.c",
        "            rs_partition_republish(owned->state);\n            rs_worker_partition_want_scan(worker, owned);\n"
        "            owned->touched = true;",
        "            rs_worker_partition_want_scan(worker, owned);\n            owned->touched = true;")]),
    "limits-behind-the-fence": ("input that has to reach the fence waits for history that cannot leave before", [(
        "transform/worker/wait.c", "    return owned->next_offset < owned->quiet_until;", "    return !owned;")]),
    "no-rest": ("a worker without a free batch tries again and again", [(
        "transform/worker/worker.c", "    if (!worker->starved) {\n        due = earlier(due, rs_worker_partition_ask_due(owned));",
        "    if (worker) {\n        due = earlier(due, rs_worker_partition_ask_due(owned));")]),
    "idle-owner-asks-nothing": ("an owner without input never looks whether it still is one", [(
        "transform/worker/publish.c", "|| worker->now_us >= rs_worker_partition_ask_due(owned);", ";")]),
    "shown-time-steps-back": ("a new owner does not go on from the time its predecessor had shown", [(
        "transform/worker/publish.c", "        rs_partition_show(owned->state, owned->quiet_shown_us);", ""),
        ("sink/redis/script.c", "        (mine->offset == held->offset && mine->now_shown_us < held->now_shown_us)) {",
         "        held->token == 0) {")]),
}


def sync(source, target):
    """Copies what differs, so that a second run builds only that, and removes what is no more."""
    kept = set()
    for folder, below, names in os.walk(source):
        below[:] = [name for name in below if name not in NOT_SOURCES and not name.startswith(".")]
        place = os.path.join(target, os.path.relpath(folder, source))
        os.makedirs(place, exist_ok=True)
        for name in names:
            copy(os.path.join(folder, name), os.path.join(place, name))
            kept.add(os.path.normpath(os.path.join(place, name)))
    for folder, below, names in os.walk(target):
        below[:] = [name for name in below if name not in NOT_SOURCES]
        for path in (os.path.normpath(os.path.join(folder, name)) for name in names):
            if path not in kept:
                os.remove(path)


def copy(source, target):
    with open(source, "rb") as file:
        wanted = file.read()
    if os.path.exists(target):
        with open(target, "rb") as file:
            if file.read() == wanted:
                return
    shutil.copyfile(source, target)


class Copy:
    """The sources, to be spoilt."""

    def __init__(self, directory, root=ROOT):
        self.root = root
        # Configured as build/release is, in a place like its own: so ccache has all that no error is planted in. Warnings
        # are errors for that; one that an edit brings is seen at once.
        self.source = os.path.abspath(os.path.join(directory, "source"))
        self.build = os.path.join(self.source, "build", "release")
        sync(root, self.source)
        self._run(["cmake", "--preset", "release", "-DRS_WERROR=ON"])
        self.make()

    def _run(self, argv):
        done = subprocess.run(argv, cwd=self.source, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(argv)}:\n{done.stdout[-4000:]}")

    def make(self, program="cluster_sim"):
        self._run(["cmake", "--build", self.build, "--target", program])
        return os.path.join(self.build, "tests", program)

    def plant(self, edits):
        for name, text, instead in edits:
            path = os.path.join(self.source, name)
            with open(path, encoding="utf-8") as file:
                content = file.read()
            places = list(re.finditer(r"\s+".join(map(re.escape, text.split())), content))
            if len(places) != 1:
                raise RuntimeError(f"the edit does not fit {name} any more: {len(places)} times in it is\n{text}")
            with open(path, "w", encoding="utf-8") as file:
                file.write(content[:places[0].start()] + instead + content[places[0].end():])

    def restore(self, edits):
        for name, _, _ in edits:
            copy(os.path.join(self.root, name), os.path.join(self.source, name))


def begin(program, first, size, options=()):
    return subprocess.Popen([program, *options, "--from", str(first), "--seeds", str(size)], text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT)


def hunt(program, seeds, jobs, likely=None, options=()):
    """(seed, what it saw), or None. Jobs take turns at short ranges; the lowest seed of a round counts."""
    if likely:
        process = begin(program, likely, 1, options)
        text, _ = process.communicate()
        if process.returncode != 0:
            return caught(process.returncode, text, likely)
    size = 20
    first = 1
    while first <= seeds:
        running = []
        for _ in range(jobs):
            running.append(begin(program, first, size, options))
            first += size
        answers = [(process, process.communicate()[0]) for process in running]
        for process, text in answers:
            if process.returncode != 0:
                return caught(process.returncode, text, first)
        size = min(size * 2, 500)
    return None


def caught(status, text, before):
    told = re.search(r"_sim: seed (\d+)(?: at [0-9.]+ s)?: (.*)", text)
    if told:
        return int(told.group(1)), told.group(2)
    return before, f"it ended with {status}: " + (text.strip().splitlines() or ["no output"])[-1]


def run(names=None, seeds=SEEDS, jobs=2, directory=None, say=print):
    """{name: (seed, text), None (not caught) or an error text}"""
    copy_of = Copy(directory or os.path.join(ROOT, "build", "mutants"))
    results = {}
    for name in names or MUTANTS:
        results[name] = run_one(copy_of, name, seeds, jobs)
        say(line_of(name, results[name]))
    return results


def program_of(name):
    return "engine_sim" if name in ENGINE + SESSIONS else "writers_sim" if name in WRITERS else "cluster_sim"


def options_of(name):
    return ["--sessions"] if name in SESSIONS else ["--windows"] if name in WINDOWS else []


def run_one(copy_of, name, seeds=SEEDS, jobs=2):
    _, edits = MUTANTS[name]
    try:
        copy_of.plant(edits)
        return hunt(copy_of.make(program_of(name)), seeds, jobs, CAUGHT_BY.get(name), options_of(name))
    except RuntimeError as error:
        return str(error)
    finally:
        copy_of.restore(edits)


def line_of(name, result):
    what = MUTANTS[name][0]
    if result is None:
        return f"{name}: NOT CAUGHT: {what}"
    if isinstance(result, str):
        return f"{name}: not run: {result}"
    return f"{name}: caught by seed {result[0]}: {what}\n    {result[1][:160]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--dir")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in MUTANTS]
    if unknown:
        parser.error(f"no mutant is called {unknown[0]}; see --list")
    if options.list:
        for name, (what, _) in MUTANTS.items():
            print(f"{name}: {what}")
        return 0
    began = time.monotonic()
    try:
        results = run(options.names, options.seeds, options.jobs, options.dir)
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 2
    survivors = [name for name, result in results.items() if not isinstance(result, tuple)]
    print(f"{len(results) - len(survivors)} of {len(results)} mutants caught in {time.monotonic() - began:.0f} s")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
