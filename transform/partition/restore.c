#include <inttypes.h>
#include <stdlib.h>

#include "transform/group/bytes.h"
#include "transform/partition/internal.h"
#include "transform/partition/seal.h"

void rs_restoring_fini(struct rs_restoring *restoring)
{
    free(restoring->sets);
    free(restoring->known);
    free(restoring->ids);
    rs_buf_fini(&restoring->removed);
    *restoring = (struct rs_restoring){0};
}

static int no_memory(struct rs_error *error)
{
    return rs_fail(error, RS_ENOMEM, "out of memory");
}

static int damaged(struct rs_error *error, const char *what)
{
    return rs_fail(error, RS_ESTATE, "stored state: %s is damaged", what);
}

/* ---- the head ---- */

static struct rs_groups *groups_named(struct rs_partition *p, struct rs_slice name, uint32_t *position)
{
    for (uint32_t i = 0; i < p->group_sets; i++) {
        if (rs_slice_equal(name, rs_slice_text(p->groups[i].aggregate->name))) {
            *position = i;
            return &p->groups[i];
        }
    }
    return NULL;
}

static void read_counts(struct rs_groups *gs, struct rs_reader *reader, uint32_t format)
{
    gs->since.offset = rs_read_i64(reader);
    gs->since.time_us = rs_read_i64(reader);
    uint64_t *counts[] = {&gs->since.consumed, &gs->since.duplicate, &gs->since.rejected, &gs->applied,
                          &gs->late,           &gs->filtered,        &gs->limited,        &gs->not_finite};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        *counts[i] = rs_read_u64(reader);
    }
    gs->gone.forgotten_newest_us = rs_read_i64(reader);
    gs->gone.forgotten = format > 1 ? rs_read_u64(reader) : 0;
}

static int refuse_changed(const struct rs_groups *gs, struct rs_error *error)
{
    return rs_fail(
        error, RS_ESTATE,
        "aggregate %s was changed in a way that its stored state does not allow (window, group fields, "
        "statistics, scale, history from none to some, or the order in which aggregates of the stream name "
        "their "
        "fields for the first time). Either take the change back, or give it a new "
        "name, which begins empty, or read the input again",
        gs->aggregate->name);
}

/* What is stored of an aggregate that is not configured any more is read all the same, into nothing,
 * because the next aggregate stands behind it. Its entries in the chunks are passed by (`sets`). */
static int read_aggregate(struct rs_partition *p, struct rs_reader *reader, uint32_t number,
                          struct rs_error *error)
{
    struct rs_restoring *restoring = &p->restoring;
    struct rs_groups passed_by = {0};
    uint32_t position = 0;
    uint32_t size = rs_read_u32(reader);
    struct rs_slice name = rs_read_bytes(reader, size);
    uint64_t fingerprint = rs_read_u64(reader);
    if (reader->failed) {
        return damaged(error, "the list of aggregates");
    }
    struct rs_groups *gs = groups_named(p, name, &position);
    restoring->sets[number] = gs ? (int32_t)position : -1;
    if (gs && fingerprint !=
                  (restoring->format < 3 ? gs->aggregate->former_fingerprint : gs->aggregate->fingerprint)) {
        return refuse_changed(gs, error);
    }
    if (gs) {
        restoring->known[position] = true;
    } else {
        rs_buf_text(&restoring->removed, restoring->removed.size ? ", " : "");
        rs_buf_put(&restoring->removed, name.data, name.size);
    }
    read_counts(gs ? gs : &passed_by, reader, restoring->format);
    return 0;
}

static int make_room(struct rs_partition *p, uint32_t sets, struct rs_error *error)
{
    struct rs_restoring *restoring = &p->restoring;
    if (!restoring->known) {
        restoring->known = calloc(p->group_sets + 1, sizeof *restoring->known);
    }
    int32_t *grown = realloc(restoring->sets, (sets + 1) * sizeof *grown);
    if (grown) {
        restoring->sets = grown;
        restoring->set_count = sets;
    }
    return grown && restoring->known ? 0 : no_memory(error);
}

/* An aggregate that was taken out of the configuration and came back later begins anew. */
static int forget_missing(struct rs_partition *p, struct rs_error *error)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < p->group_sets; i++) {
        struct rs_groups *gs = &p->groups[i];
        if (!p->restoring.known[i] && (gs->groups.touched > 0 || gs->gone.count > 0)) {
            const struct rs_aggregate *aggregate = gs->aggregate;
            rs_groups_fini(gs);
            rc = rs_groups_init(gs, aggregate, error);
        }
    }
    return rc;
}

/* A check that was set stays set: a partition that expires again after it did not begins with the next one.
 */
static void set_expiry(struct rs_partition *p, int64_t at_us, uint64_t checked)
{
    if (p->expire_at_us != INT64_MAX) {
        p->expire_at_us = rs_form_plausible(at_us) ? at_us : RS_TIME_NONE;
    }
    p->expire_checked = checked <= (uint64_t)INT64_MAX ? checked : 0;
}

/* Format 1 had no times of records, only the clock of its ids; restore_times says what follows from that. */
static int read_times(struct rs_partition *p, struct rs_reader *reader, struct rs_error *error)
{
    if (p->restoring.format == 1) {
        p->dedup.steady.clock_us = rs_read_i64(reader);
    }
    p->restoring.first_id = rs_read_u64(reader);
    p->restoring.ids_live = rs_read_u32(reader);
    if (p->restoring.format == 1) {
        return 0;
    }
    int rc = rs_dedup_load_time(&p->dedup, reader, error);
    rc = rc == 0 ? rs_steady_load(&p->steady, reader, error) : rc;
    int64_t expire_at_us = rs_read_i64(reader);
    set_expiry(p, expire_at_us, rs_read_u64(reader));
    p->front.run_us = rs_read_i64(reader);
    p->front.run_other_us = rs_read_i64(reader);
    p->front.run_source = rs_read_u32(reader);
    return rc;
}

/* Every batch of the log has a head, and each is the whole truth about what it holds: it replaces that of
 * the batch before, also which aggregates there are. */
int rs_partition_restore_batch(struct rs_partition *fresh, struct rs_slice head, struct rs_error *error)
{
    struct rs_reader reader = {.rest = head};
    uint32_t format = rs_read_u32(&reader);
    if (format < RS_HEAD_FORMAT_OLDEST || format > RS_HEAD_FORMAT) {
        return rs_fail(error, RS_ESTATE,
                       "stored state has format %" PRIu32 ", and this version reads %d to %d", format,
                       RS_HEAD_FORMAT_OLDEST, RS_HEAD_FORMAT);
    }
    fresh->restoring.format = format;
    fresh->rejected_early = rs_read_u64(&reader);
    fresh->expired = rs_read_u64(&reader);
    int rc = read_times(fresh, &reader, error);
    if (rc < 0) {
        return rc;
    }
    uint32_t sets = rs_read_u32(&reader);
    if (reader.failed || sets > RS_STREAM_AGGREGATES_MAX) {
        return damaged(error, "the head");
    }
    rc = make_room(fresh, sets, error);
    rs_buf_reset(&fresh->restoring.removed);
    for (uint32_t i = 0; rc == 0 && i < fresh->group_sets; i++) {
        fresh->restoring.known[i] = false;
    }
    for (uint32_t i = 0; rc == 0 && i < sets; i++) {
        rc = read_aggregate(fresh, &reader, i, error);
    }
    if (rc == 0 && (reader.failed || reader.rest.size)) {
        rc = damaged(error, "the head");
    }
    return rc == 0 ? forget_missing(fresh, error) : rc;
}

/* ---- groups ---- */

static uint32_t group_of(struct rs_form_reader *f, struct rs_slice key)
{
    uint32_t hash = rs_key_hash(key);
    uint32_t number = rs_groups_find(f->gs, hash, key);
    if (number == RS_NONE) {
        number = rs_groups_add(f->gs, hash, key);
        rs_group_at(f->gs, number)->flags &= (uint16_t)~RS_GROUP_FRESH;
    }
    return number;
}

/* Room is made pane by pane: while restoring, a failure may come at any point, since the partition is
 * thrown away then. */
static int put_pane(struct rs_form_reader *f, uint32_t number)
{
    int64_t start_us;
    uint32_t flags;
    int rc = rs_form_read_start(f, &start_us, &flags);
    if (rc < 0) {
        return rc;
    }
    if (!rs_slabs_reserve(&f->gs->panes, 1)) {
        return rs_form_no_memory(f);
    }
    struct rs_node *node = rs_group_replace(f->gs, number, start_us);
    node->flags = flags;
    rc = rs_form_read_pane(f, node);
    if (rc == 0 && rs_groups_sessions(f->gs) && !rs_session_restored(f->gs, number, node)) {
        rc = rs_form_damaged(f, "a session");
    }
    return rc;
}

static int put_register(struct rs_form_reader *f, uint32_t number)
{
    struct rs_upsert_group *g = (struct rs_upsert_group *)rs_group_at(f->gs, number);
    uint64_t room[sizeof(struct rs_register) / sizeof(uint64_t) + (size_t)2 * RS_REGISTER_INPUTS_MAX];
    struct rs_register *r = (struct rs_register *)(void *)room;
    int rc = rs_form_read_register(f, r);
    if (rc < 0) {
        return rc;
    }
    if (!rs_upsert_reserve(f->gs, number)) {
        return rs_form_no_memory(f);
    }
    rs_upsert_restore(f->gs, g, r);
    return 0;
}

/* In the order of their keys, and no more than there can be. */
static int put_events(struct rs_form_reader *f, uint32_t number, uint32_t count)
{
    struct rs_last_event *e = malloc(f->gs->last.event_size);
    struct rs_last_event before = {0};
    int rc = e ? 0 : rs_form_no_memory(f);
    if (rc == 0 && count > f->gs->aggregate->window.last) {
        rc = rs_form_damaged(f, "the number of a group's events");
    }
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        rc = rs_form_read_event(f, e);
        if (rc == 0 && i > 0 &&
            (e->time_us < before.time_us || (e->time_us == before.time_us && e->order <= before.order))) {
            rc = rs_form_damaged(f, "the order of a group's events");
        }
        if (rc == 0 && !rs_last_reserve(f->gs, 1)) {
            rc = rs_form_no_memory(f);
        }
        if (rc == 0) {
            before = *e;
            rs_last_restore(f->gs, number, e);
        }
    }
    free(e);
    return rc;
}

static void take_away(struct rs_groups *gs, uint32_t number)
{
    if (gs->aggregate->upsert) {
        rs_upsert_clear(gs, (struct rs_upsert_group *)rs_group_at(gs, number));
    } else {
        rs_group_clear(gs, number);
    }
}

static int put_content(struct rs_form_reader *f, uint32_t number, uint32_t count, int64_t oldest_us)
{
    bool upsert = f->gs->aggregate->upsert;
    int rc = 0;
    if (f->gs->last.capacity) { /* which events are gone follows from those that are there */
        return put_events(f, number, count);
    }
    for (uint32_t i = 0; rc == 0 && i < count && !f->reader.failed; i++) {
        rc = upsert ? put_register(f, number) : put_pane(f, number);
    }
    if (rc == 0 && upsert) {
        rs_upsert_remove_before(f->gs, (struct rs_upsert_group *)rs_group_at(f->gs, number), oldest_us);
    } else if (rc == 0) {
        rs_group_remove_before(f->gs, number, oldest_us);
    }
    return rc;
}

static bool plausible_head(const struct rs_group *g, int64_t gone_newest, int64_t oldest_us)
{
    return rs_form_plausible(g->clock_us) && rs_form_plausible(oldest_us) &&
           (g->history_from == RS_WINDOW_NEVER || rs_form_plausible(g->history_from)) &&
           (gone_newest == RS_TIME_NONE || rs_form_plausible(gone_newest));
}

/* CHANGED: what is there stays but for what the entry says. The head is as of this batch, the panes before
 * `oldest` had left by then. WHOLE begins with nothing, as what the log has under the key may be
 * another's. */
static int read_group(struct rs_form_reader *f, bool whole)
{
    bool sliding = !f->gs->aggregate->upsert && f->gs->aggregate->window.kind == RS_WINDOW_SLIDING;
    struct rs_slice key;
    int rc = rs_form_read_key(f, &key);
    if (rc < 0) {
        return rc;
    }
    uint32_t number = group_of(f, key);
    struct rs_group *g = rs_group_at(f->gs, number);
    if (whole) {
        take_away(f->gs, number);
    }
    g->clock_us = rs_read_i64(&f->reader);
    g->history_from = rs_read_i64(&f->reader);
    int64_t gone_newest = rs_read_i64(&f->reader);
    int64_t oldest_us = rs_read_i64(&f->reader);
    uint32_t count = rs_read_u32(&f->reader);
    if (f->reader.failed || !plausible_head(g, gone_newest, oldest_us)) {
        return rs_form_damaged(f, "the head of a group");
    }
    rc = put_content(f, number, count, oldest_us);
    if (sliding) {
        rs_sliding_at(f->gs, number)->gone_newest = gone_newest;
    }
    return rc == 0 && f->reader.failed ? rs_form_damaged(f, "a group") : rc;
}

static int read_dropped(struct rs_form_reader *f)
{
    struct rs_slice key;
    int rc = rs_form_read_key(f, &key);
    if (rc == 0) {
        rs_groups_drop(f->gs, group_of(f, key));
    }
    return rc;
}

static int read_cleared(struct rs_form_reader *f)
{
    struct rs_slice key;
    int rc = rs_form_read_key(f, &key);
    if (rc == 0) {
        rs_groups_cleared(f->gs, rs_key_hash(key), key);
    }
    return rc;
}

/* A former group stands beside the one that has its key now. */
static int read_delete(struct rs_form_reader *f)
{
    struct rs_slice key;
    int rc = rs_form_read_key(f, &key);
    if (rc == 0) {
        uint32_t hash = rs_key_hash(key);
        uint32_t back = rs_groups_find(f->gs, hash, key);
        rs_groups_drop(f->gs, rs_groups_add(f->gs, hash, key));
        if (back != RS_NONE) {
            rs_group_at(f->gs, back)->flags |= RS_GROUP_AWAITS;
        }
    }
    return rc;
}

/* ---- ids ---- */

static int by_number(const void *a, const void *b)
{
    uint64_t x = ((const struct rs_restored_id *)a)->number;
    uint64_t y = ((const struct rs_restored_id *)b)->number;
    return (x > y) - (x < y);
}

/* Sorted, each once, those that are forgotten left out. */
static void tidy_ids(struct rs_restoring *restoring)
{
    size_t kept = 0;
    if (restoring->id_count == 0) {
        return;
    }
    qsort(restoring->ids, restoring->id_count, sizeof *restoring->ids, by_number);
    for (size_t i = 0; i < restoring->id_count; i++) {
        uint64_t number = restoring->ids[i].number;
        if (number >= restoring->first_id && (kept == 0 || restoring->ids[kept - 1].number != number)) {
            restoring->ids[kept++] = restoring->ids[i];
        }
    }
    restoring->id_count = kept;
}

/* Sweeps tell the same ids again and again: before memory grows, doubles and forgotten ones go. It grows only
 * where that did not free half of it, or every call would sort for little. */
static bool ids_room(struct rs_restoring *restoring, size_t more)
{
    if (restoring->id_capacity - restoring->id_count >= more) {
        return true;
    }
    tidy_ids(restoring);
    if (restoring->id_capacity - restoring->id_count >= more + restoring->id_capacity / 2) {
        return true;
    }
    size_t capacity = restoring->id_capacity * 2 + more;
    struct rs_restored_id *grown = realloc(restoring->ids, capacity * sizeof *grown);
    if (!grown) {
        return false;
    }
    restoring->ids = grown;
    restoring->id_capacity = capacity;
    return true;
}

/* What was forgotten stands in the head. */
static int read_gone(struct rs_form_reader *f)
{
    struct rs_gone *gone = &f->gs->gone;
    struct rs_gone head = *gone;
    while (!f->reader.failed && f->reader.rest.size) {
        struct rs_gone_entry entry = {.hash = rs_read_u64(&f->reader)};
        entry.newest_us = rs_read_i64(&f->reader);
        if (f->reader.failed || !rs_form_plausible(entry.newest_us)) {
            return rs_form_damaged(f, "a dropped group");
        }
        if (!rs_gone_reserve(gone, (uint64_t)gone->count + 1)) {
            return rs_form_no_memory(f);
        }
        rs_gone_put(gone, entry);
    }
    gone->forgotten = head.forgotten;
    gone->forgotten_newest_us = head.forgotten_newest_us;
    return 0;
}

/* In format 1 an id had its clock alone. */
static int read_ids(struct rs_restoring *restoring, struct rs_reader *reader, struct rs_error *error)
{
    size_t words = restoring->format == 1 ? 3 : 4;
    uint64_t number = rs_read_u64(reader);
    uint32_t count = rs_read_u32(reader);
    if (reader->failed || reader->rest.size != (size_t)count * words * sizeof(uint64_t)) {
        return damaged(error, "a list of ids");
    }
    if (!ids_room(restoring, count)) {
        return no_memory(error);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct rs_restored_id *id = &restoring->ids[restoring->id_count++];
        id->number = number + i;
        id->entry.id.low = rs_read_u64(reader);
        id->entry.id.high = rs_read_u64(reader);
        id->entry.time_us = rs_read_i64(reader);
        id->entry.clock_us = words == 3 ? id->entry.time_us : rs_read_i64(reader);
        if (!rs_form_plausible(id->entry.time_us) || !rs_form_plausible(id->entry.clock_us)) {
            return damaged(error, "a list of ids");
        }
    }
    return 0;
}

/* They are sorted by now, each once, none before the first that lives. So if the last has the number that
 * it must have, none between is missing. */
static int restore_ids(struct rs_partition *p, struct rs_error *error)
{
    struct rs_restoring *restoring = &p->restoring;
    tidy_ids(restoring);
    if (restoring->id_count < restoring->ids_live ||
        (restoring->ids_live &&
         restoring->ids[restoring->ids_live - 1].number != restoring->first_id + restoring->ids_live - 1)) {
        return rs_fail(error, RS_ESTATE, "stored state: ids of the deduplication are missing");
    }
    uint32_t more = restoring->ids_live > p->dedup.max ? restoring->ids_live - p->dedup.max : 0;
    rs_dedup_begin(&p->dedup, restoring->first_id, more); /* dedup_max was lowered: the newest ones stay */
    for (uint32_t i = more; i < restoring->ids_live; i++) {
        int rc = rs_dedup_restore(&p->dedup, &restoring->ids[i].entry, error);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

/* ---- chunks ---- */

/* `set` is a place in the head of this batch, not in the configuration of today. */
static int read_entry(struct rs_partition *p, char kind, struct rs_reader *reader, struct rs_error *error)
{
    if (kind == RS_ENTRY_IDS) {
        return read_ids(&p->restoring, reader, error);
    }
    uint32_t set = rs_read_u32(reader);
    if (reader->failed || set >= p->restoring.set_count) {
        return damaged(error, "an entry");
    }
    if (p->restoring.sets[set] < 0) {
        return 0; /* of an aggregate that is not configured any more */
    }
    struct rs_form_reader f = {.reader = *reader, .gs = &p->groups[p->restoring.sets[set]], .error = error};
    int rc = 0;
    switch (kind) {
    case RS_ENTRY_CHANGED:
    case RS_ENTRY_WHOLE: rc = read_group(&f, kind == RS_ENTRY_WHOLE); break;
    case RS_ENTRY_DROPPED: rc = read_dropped(&f); break;
    case RS_ENTRY_DELETE: rc = read_delete(&f); break;
    case RS_ENTRY_CLEARED: rc = read_cleared(&f); break;
    case RS_ENTRY_GONE: rc = read_gone(&f); break;
    default: return damaged(error, "the kind of an entry");
    }
    return rc == 0 && f.reader.rest.size ? damaged(error, "the length of an entry") : rc;
}

int rs_partition_restore_chunk(struct rs_partition *fresh, struct rs_slice chunk, struct rs_error *error)
{
    struct rs_reader reader = {.rest = chunk};
    int rc = 0;
    while (rc == 0 && reader.rest.size) {
        struct rs_slice kind = rs_read_bytes(&reader, 1);
        uint32_t size = rs_read_u32(&reader);
        struct rs_reader entry = {.rest = rs_read_bytes(&reader, size)};
        if (reader.failed) {
            return damaged(error, "a chunk");
        }
        rc = read_entry(fresh, (char)kind.data[0], &entry, error);
    }
    return rc;
}

/* ---- the end ---- */

/* A group is made by its first event and dropped as a whole: an empty one means that an entry is missing. */
static int finish_groups(struct rs_groups *gs, struct rs_error *error)
{
    for (uint32_t i = 0; i < gs->groups.touched; i++) {
        const struct rs_group *g = rs_group_at(gs, i);
        if (!rs_groups_live(gs, i) || g->flags & RS_GROUP_DROPPED) {
            continue;
        }
        bool empty =
            gs->aggregate->upsert ? ((const struct rs_upsert_group *)g)->count == 0 : g->newest == RS_NONE;
        if (empty) {
            return rs_fail(error, RS_ESTATE, "stored state of aggregate %s: a group is empty",
                           gs->aggregate->name);
        }
        if (!gs->aggregate->upsert) {
            rs_group_restored(gs, i);
        }
    }
    return 0;
}

/* What the partition had counted by now is kept with the aggregate, so that its own sums begin at zero and
 * still add up. */
static void begin_empty(struct rs_partition *p, struct rs_groups *gs, struct rs_buf *notes)
{
    gs->since = (struct rs_since){.offset = p->next_offset,
                                  .time_us = p->stream_time_us,
                                  .consumed = p->events.consumed,
                                  .duplicate = p->events.duplicate,
                                  .rejected = p->rejected_early};
    gs->applied = gs->late = gs->filtered = gs->limited = gs->not_finite =
        0; /* it may have been there before */
    rs_gone_fini(&gs->gone);
    rs_gone_init(&gs->gone);
    rs_buf_printf(
        notes,
        "aggregate %s is new: in partition %" PRId32 " of stream %s it counts from offset %" PRId64
        " on; windows that hold earlier events are not complete. For all of them read the input again: "
        "rollstatd --rebuild\n",
        gs->aggregate->name, p->partition, rs_stream_label(p->input), p->next_offset);
}

static void note_changes(struct rs_partition *p, struct rs_buf *notes)
{
    for (uint32_t i = 0; i < p->group_sets; i++) {
        if (!p->restoring.known[i]) {
            begin_empty(p, &p->groups[i], notes);
        }
    }
    if (p->restoring.removed.size) {
        rs_buf_printf(notes,
                      "partition %" PRId32
                      " of stream %s: no longer configured, state dropped: %.*s; what of it is "
                      "in Redis stays there until it is deleted\n",
                      p->partition, rs_stream_label(p->input), (int)p->restoring.removed.size,
                      (const char *)p->restoring.removed.data);
    }
}

/* Format 1 has all groups and ids, and no times of its records: until there is a majority of new ones, no
 * few of them may have its groups dropped. Ids see to that themselves. */
static void restore_times(struct rs_partition *p, const struct rs_seal *seal)
{
    if (p->restoring.format == 1) {
        p->expire_checked = seal->events.consumed + RS_STEADY_SAMPLES;
    }
    p->stream_time_us = seal->stream_time_us;
    if (seal->now_shown_us != RS_TIME_NONE) {
        rs_partition_show(p, seal->now_shown_us);
    }
}

/* Times come after the groups, since showing time makes groups due. All is sent again, because what became
 * of the last owner's publications is not known. */
int rs_partition_restore_end(struct rs_partition *fresh, const struct rs_seal *seal, struct rs_buf *notes,
                             struct rs_error *error)
{
    RS_ASSERT(fresh->restoring.known && fresh->events.consumed == 0);
    fresh->next_offset = seal->next_offset;
    fresh->events = seal->events;
    int rc = restore_ids(fresh, error);
    for (uint32_t i = 0; rc == 0 && i < fresh->group_sets; i++) {
        rc = finish_groups(&fresh->groups[i], error);
    }
    if (rc < 0) {
        return rc;
    }
    restore_times(fresh, seal);
    note_changes(fresh, notes);
    rs_restoring_fini(&fresh->restoring);
    rs_partition_seal_enable(fresh, seal->next_offset);
    fresh->sealing.ids_sealed = fresh->dedup.first_number + fresh->dedup.count;
    rs_partition_republish(fresh);
    return 0;
}
