/* The state log's topic and each process's way to it.
 * What Kafka promises is kept: the appends of one process and partition land in order, and of those under way
 * together a later one never lands without the earlier ones. All else is chance: how late they land, even
 * after their process died or was told that they failed, and what the process hears of it. */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/cluster.h"

enum fate { FATE_GOOD, FATE_BLIND, FATE_REFUSED_LANDS, FATE_REFUSED_LOST };

struct append_node {
    uint64_t cookie, interest;
    uint8_t *bytes;
    size_t size;
    enum fate fate;
    bool landed, answered;
    bool frozen;               /* still in the process's memory while that is paused */
    uint64_t number, given_up; /* answered until then */
    int64_t land_us, answer_us, offset;
    struct append_node *next;
};

uint64_t topic_identity(const struct sim *sim, uint32_t partition)
{
    return rs_state_identity("test", stream_of(sim, partition) ? "tocks" : "ticks",
                             partition_of(sim, partition));
}

static uint32_t place(const struct process *p, struct rs_partition_id id)
{
    return place_of(p->sim, id.stream, id.partition);
}

/* ---- what a process hears ---- */

static struct log_event_node *event_new(struct process *p, enum rs_append_event_kind kind, uint32_t partition)
{
    struct log_event_node *node = sim_alloc(sizeof *node);
    node->event = (struct rs_append_event){
        .kind = kind,
        .id = {.stream = stream_of(p->sim, partition), .partition = partition_of(p->sim, partition)},
        .offset = -1,
        .committed = -1};
    node->interest = p->pipes[partition].interest;
    return node;
}

static void event_fail(struct log_event_node *node, const char *what)
{
    (void)rs_fail(&node->error, RS_EBROKER, "%s", what);
    node->event.error = &node->error;
}

static void event_post(struct process *p, struct log_event_node *node)
{
    if (!p->alive) {
        free(node->bytes);
        free(node);
        return;
    }
    log_event_nodes_push(&p->log_events, node);
    process_wake(p);
}

/* ---- landing ---- */

static void store_record(struct sim *sim, uint32_t partition, const uint8_t *bytes, size_t size)
{
    struct topic *t = &sim->topics[partition];
    if (t->end == t->capacity) {
        t->capacity = t->capacity ? t->capacity * 2 : 256;
        t->records = realloc(t->records, (size_t)t->capacity * sizeof *t->records);
        if (!t->records) {
            abort();
        }
    }
    struct log_record *record = &t->records[t->end++];
    record->bytes = sim_alloc(size + 1);
    record->size = size;
    memcpy(record->bytes, bytes, size);
    t->bytes += size;
    oracle_landed(sim, partition, t->end - 1);
}

static void append_free(struct pipe *pipe, struct append_node *node)
{
    struct append_node **link = &pipe->appends;
    while (*link != node) {
        link = &(*link)->next;
    }
    *link = node->next;
    free(node->bytes);
    free(node);
}

static bool lands(const struct append_node *node)
{
    return node->fate != FATE_REFUSED_LOST && !node->landed;
}

/* `e` was given up before `node` was appended, through another producer: it may be overtaken. */
static bool astray(const struct append_node *e, const struct append_node *node)
{
    return e->frozen && e->number <= node->given_up;
}

static struct append_node *append_find(struct pipe *pipe, uint64_t number)
{
    struct append_node *node = pipe->appends;
    while (node && node->number != number) {
        node = node->next;
    }
    return node;
}

/* A broker notes a trim now and then only: one that falls comes back with what stood before, from anywhere.
 */
void topic_recalls(struct sim *sim, uint32_t partition)
{
    struct topic *t = &sim->topics[partition];
    int64_t most = t->first < 40 || rs_random_one_in(&sim->chance, 4) ? t->first : 40;
    int64_t back = rs_random_between(&sim->chance, 0, most);
    for (; back > 0; back--) {
        t->bytes += t->records[--t->first].size;
    }
    sim_note(sim, "partition %u of the state log begins at %lld again", partition, (long long)t->first);
    oracle_trimmed(sim, partition);
}

static void recall(struct sim *sim, void *subject, uint64_t partition)
{
    (void)subject;
    if (!sim->healed) {
        topic_recalls(sim, (uint32_t)partition);
    }
}

/* Others trim its claim away meanwhile, and a broker that falls may give it back before it goes on. */
static void claimant_sleeps(struct sim *sim, struct process *p, uint32_t partition)
{
    int64_t for_us = rs_random_between(&sim->chance, 1, 8) * SECOND;
    process_pause(p, for_us);
    if (rs_random_one_in(&sim->chance, 2)) {
        sim_at(sim, sim_now(sim) + for_us - rs_random_between(&sim->chance, 1, 500) * MS, recall, NULL,
               partition);
    }
}

static void land(struct sim *sim, void *subject, uint64_t tag)
{
    struct process *p = subject;
    uint32_t partition = (uint32_t)(tag & 255);
    struct pipe *pipe = &p->pipes[partition];
    const struct topic *t = &sim->topics[partition];
    struct append_node *node = append_find(pipe, tag >> 8);
    if (!node || !lands(node)) {
        return;
    }
    int64_t again = 0;
    for (struct append_node *e = pipe->appends; e != node; e = e->next) {
        again = lands(e) && !astray(e, node) ? e->land_us + 1 : again;
    }
    if (again == 0 && p->paused && p->alive && node->frozen) {
        again = p->resume_us +
                rs_random_between(&sim->chance, 0, 50) * MS; /* it was still in the process's own memory */
    }
    if (again == 0 && t->down_until_us > sim_now(sim)) {
        again = t->down_until_us + rs_random_between(&sim->chance, 0, 20) * MS;
    }
    if (again != 0) {
        node->land_us = again > sim_now(sim) ? again : sim_now(sim) + 1;
        sim_at(sim, node->land_us, land, p, tag);
        return;
    }
    node->landed = true;
    node->offset = t->end;
    store_record(sim, partition, node->bytes, node->size);
    if (t->claim == node->offset) {
        sim->topics[partition].claimant = p;
        if (sim->faults.forgetful && sim->faults.pause && rs_random_one_in(&sim->chance, 4)) {
            claimant_sleeps(sim, p, partition);
        }
    }
    if (node->answered) {
        append_free(pipe, node);
    }
}

/* ---- answering ---- */

static void answer_one(struct process *p, uint32_t partition, struct append_node *node, bool refused)
{
    struct pipe *pipe = &p->pipes[partition];
    struct log_event_node *event = event_new(p, refused ? RS_APPEND_REFUSED : RS_APPEND_DONE, partition);
    event->event.cookie = node->cookie;
    event->interest = node->interest;
    if (refused) {
        event_fail(event, "topic test.state.ticks: the append timed out");
    } else if (node->fate == FATE_GOOD) {
        event->event.offset = node->offset;
    }
    event_post(p, event);
    node->answered = true;
    if (node->landed || node->fate == FATE_REFUSED_LOST) {
        append_free(pipe, node);
    }
}

/* All that were under way behind a refused one are refused too. */
static void refuse_from(struct process *p, uint32_t partition, struct append_node *node)
{
    while (node) {
        struct append_node *next = node->next;
        if (!node->answered) {
            answer_one(p, partition, node, true);
        }
        node = next;
    }
}

static void answer(struct sim *sim, void *subject, uint64_t tag)
{
    struct process *p = subject;
    uint32_t partition = (uint32_t)(tag & 255);
    struct append_node *node = append_find(&p->pipes[partition], tag >> 8);
    if (!node || node->answered) {
        return;
    }
    bool refused = node->fate == FATE_REFUSED_LANDS || node->fate == FATE_REFUSED_LOST;
    int64_t again = !refused && !node->landed ? node->land_us + 1 : 0;
    for (struct append_node *e = p->pipes[partition].appends; e != node; e = e->next) {
        again = !e->answered ? e->answer_us + 1 : again;
    }
    if (again != 0) {
        node->answer_us = again > sim_now(sim) ? again : sim_now(sim) + 1;
        sim_at(sim, node->answer_us, answer, p, tag);
        return;
    }
    if (refused) {
        refuse_from(p, partition, node);
        return;
    }
    if (rs_random_one_in(&sim->chance, sim->faults.repeat)) {
        struct log_event_node *event = event_new(p, RS_APPEND_DONE, partition);
        event->event.cookie = node->cookie;
        event->event.offset = node->offset;
        event->interest = node->interest;
        event_post(p, event);
    }
    answer_one(p, partition, node, false);
}

/* ---- what happens to the topic itself ---- */

void topic_rebuilds(struct sim *sim, uint32_t partition)
{
    struct rs_buf bytes = {0};
    struct rs_state_record record = {
        .kind = RS_RECORD_CLAIM,
        .identity = topic_identity(sim, partition),
        .claim = {.flags = RS_CLAIM_REBUILD,
                  .from_offset = rs_random_one_in(&sim->chance, 2) ? 0 : RS_OFFSET_BEGINNING},
    };
    const uint64_t words[2] = {rs_random_next(&sim->chance), rs_random_next(&sim->chance)};
    memcpy(record.owner.bytes, words, sizeof words);
    (void)rs_state_record_write(&record, &bytes);
    sim_note(sim, "partition %u is to be rebuilt", partition);
    sim->rebuilt = true;
    sim->topics[partition].rebuild_from = record.claim.from_offset;
    store_record(sim, partition, bytes.data, bytes.size);
    rs_buf_fini(&bytes);
}

/* ---- append ---- */

static enum fate draw_fate(struct sim *sim, uint32_t partition)
{
    bool down = sim->topics[partition].down_until_us > sim_now(sim);
    if (rs_random_one_in(&sim->chance, sim->faults.refuse) || (down && rs_random_one_in(&sim->chance, 2))) {
        return rs_random_one_in(&sim->chance, 2) ? FATE_REFUSED_LOST : FATE_REFUSED_LANDS;
    }
    return rs_random_one_in(&sim->chance, sim->faults.blind) ? FATE_BLIND : FATE_GOOD;
}

static int log_append(void *self, struct rs_partition_id id, struct rs_slice bytes, uint64_t cookie,
                      struct rs_error *error)
{
    struct process *p = self;
    struct sim *sim = p->sim;
    uint32_t partition = place(p, id);
    struct pipe *pipe = &p->pipes[partition];
    if (!process_acts(p)) {
        return 0;
    }
    if (rs_random_one_in(&sim->chance, sim->faults.no_room)) {
        return rs_fail(error, RS_ELIMIT, "no room");
    }
    oracle_appends(sim, p, partition, bytes);
    struct append_node *node = sim_alloc(sizeof *node);
    struct append_node **link = &pipe->appends;
    node->fate = draw_fate(sim, partition);
    node->land_us = sim_now(sim) + sim_delay(sim);
    node->answer_us = node->land_us + sim_delay(sim);
    for (; *link; link = &(*link)->next) {
        const struct append_node *e = *link;
        node->given_up = e->answered ? e->number : node->given_up;
        node->fate = e->fate == FATE_REFUSED_LOST && !e->answered ? FATE_REFUSED_LOST : node->fate;
        node->land_us = e->land_us > node->land_us && !astray(e, node) ? e->land_us : node->land_us;
        node->answer_us = e->answer_us > node->answer_us ? e->answer_us : node->answer_us;
    }
    node->number = ++p->append_number;
    node->cookie = cookie;
    node->interest = pipe->interest;
    node->bytes = sim_alloc(bytes.size + 1);
    node->size = bytes.size;
    node->frozen = rs_random_one_in(&sim->chance, 2);
    memcpy(node->bytes, bytes.data, bytes.size);
    *link = node;
    sim_note(sim, "process %u partition %u: append %llu kind %d, fate %d", p->number, partition,
             (unsigned long long)cookie, bytes.data[4], node->fate);
    if (node->fate != FATE_REFUSED_LOST) {
        sim_at(sim, node->land_us, land, p, node->number << 8 | partition);
    }
    sim_at(sim, node->answer_us, answer, p, node->number << 8 | partition);
    return 0;
}

/* ---- read ---- */

static void read_ends(struct process *p, uint32_t partition)
{
    struct pipe *pipe = &p->pipes[partition];
    struct log_event_node *event = event_new(p, RS_APPEND_END, partition);
    event->event.offset = pipe->read_first;
    event->event.committed = pipe->read_committed;
    event->event.end = p->sim->topics[partition].end;
    pipe->reading_log = false;
    event_post(p, event);
}

/* The answer about the log's end: what others may have committed on account of later records is not for this
 * reading to judge. */
static void hear_end(struct sim *sim, void *subject, uint64_t tag)
{
    struct process *p = subject;
    struct pipe *pipe = &p->pipes[tag & 255];
    if (pipe->interest != tag >> 8 || !p->alive) {
        return;
    }
    if (sim->topics[tag & 255].end > pipe->read_until + 1) {
        pipe->read_committed = -1;
    }
    read_ends(p, (uint32_t)(tag & 255));
}

static void hear_committed(struct sim *sim, void *subject, uint64_t tag)
{
    struct process *p = subject;
    struct pipe *pipe = &p->pipes[tag & 255];
    if (pipe->interest == tag >> 8 && p->alive) {
        pipe->read_committed = sim->feeds[tag & 255].committed;
        sim_at(sim, sim_now(sim) + sim_delay(sim), hear_end, p, tag);
    }
}

static void read_some(struct sim *sim, void *subject, uint64_t tag)
{
    struct process *p = subject;
    uint32_t partition = (uint32_t)(tag & 255);
    struct pipe *pipe = &p->pipes[partition];
    const struct topic *t = &sim->topics[partition];
    if (pipe->interest != tag >> 8 || !p->alive) {
        return;
    }
    if (pipe->read_at < t->first || (t->down_until_us > sim_now(sim) && rs_random_one_in(&sim->chance, 2))) {
        struct log_event_node *event = event_new(p, RS_APPEND_BROKEN, partition);
        event_fail(event, "topic test.state.ticks: cannot read on");
        pipe->reading_log = false;
        event_post(p, event);
        return;
    }
    for (int64_t n = rs_random_between(&sim->chance, 1, 40); n > 0 && pipe->read_at <= pipe->read_until;
         n--) {
        const struct log_record *record = &t->records[pipe->read_at];
        struct log_event_node *event = event_new(p, RS_APPEND_RECORD, partition);
        event->event.offset = pipe->read_at++;
        event->bytes = sim_alloc(record->size + 1);
        memcpy(event->bytes, record->bytes, record->size);
        event->event.bytes = rs_slice_of(event->bytes, record->size);
        event_post(p, event);
    }
    if (pipe->read_at <= pipe->read_until) {
        sim_at(sim, sim_now(sim) + sim_delay(sim), read_some, p, tag);
        return;
    }
    pipe->read_committed = -1;
    if (pipe->read_first == 0) {
        sim_at(sim, sim_now(sim) + sim_delay(sim), hear_committed, p, tag);
    } else {
        read_ends(p, partition);
    }
}

static void read_begin(struct sim *sim, void *subject, uint64_t tag)
{
    struct process *p = subject;
    struct pipe *pipe = &p->pipes[tag & 255];
    const struct topic *t = &sim->topics[tag & 255];
    if (pipe->interest == tag >> 8 && p->alive) {
        pipe->read_first = pipe->read_at = t->first;
        pipe->read_until = pipe->read_until < t->end - 1 ? pipe->read_until : t->end - 1;
        read_some(sim, p, tag);
    }
}

static int log_read(void *self, struct rs_partition_id id, int64_t until, struct rs_error *error)
{
    struct process *p = self;
    uint32_t partition = place(p, id);
    struct pipe *pipe = &p->pipes[partition];
    (void)error;
    if (!process_acts(p)) {
        return 0;
    }
    if (pipe->reading_log) {
        sim_wrong(p->sim, "process %u reads the log of partition %u twice at once", p->number, partition);
    }
    pipe->reading_log = true;
    pipe->read_until = until;
    sim_at(p->sim, sim_now(p->sim) + sim_delay(p->sim), read_begin, p, pipe->interest << 8 | partition);
    return 0;
}

/* ---- trim ---- */

/* `tag`: offset, interest, partition. */
static void trim_now(struct sim *sim, void *subject, uint64_t tag)
{
    struct process *p = subject;
    uint32_t partition = (uint32_t)(tag & 255);
    int64_t before = (int64_t)(tag >> 32);
    struct pipe *pipe = &p->pipes[partition];
    struct topic *t = &sim->topics[partition];
    bool refused = rs_random_one_in(&sim->chance, sim->faults.trim_refused);
    bool done = !refused || rs_random_one_in(&sim->chance, 3);
    if (done && before > t->first) {
        for (; t->first < before && t->first < t->end; t->first++) {
            t->bytes -= t->records[t->first].size;
        }
        sim->stats.trims++;
        sim_note(sim, "process %u partition %u: trimmed to %lld", p->number, partition, (long long)before);
        oracle_trimmed(sim, partition);
    }
    if (pipe->interest != (tag >> 8 & 0xFFFFFF)) {
        return;
    }
    struct log_event_node *event = event_new(p, RS_APPEND_TRIMMED, partition);
    if (refused) {
        event_fail(event, "topic test.state.ticks: not authorized");
    } else {
        event->event.offset = t->first;
    }
    pipe->trimming = false;
    event_post(p, event);
}

static int log_trim(void *self, struct rs_partition_id id, int64_t before, struct rs_error *error)
{
    struct process *p = self;
    struct sim *sim = p->sim;
    uint32_t partition = place(p, id);
    struct pipe *pipe = &p->pipes[partition];
    (void)error;
    if (!process_acts(p)) {
        return 0;
    }
    if (pipe->trimming || before < 0 || before > sim->topics[partition].end) {
        sim_wrong(sim, "process %u partition %u: trim to %lld%s", p->number, partition, (long long)before,
                  pipe->trimming ? " while another is under way" : " outside of the log");
        return 0;
    }
    pipe->trimming = true;
    sim_at(sim, sim_now(sim) + sim_delay(sim), trim_now, p,
           (uint64_t)before << 32 | pipe->interest << 8 | partition);
    return 0;
}

/* ---- the rest of the table ---- */

static void log_forget(void *self, struct rs_partition_id id)
{
    struct process *p = self;
    uint32_t partition = place(p, id);
    struct pipe *pipe = &p->pipes[partition];
    pipe->interest++;
    pipe->reading_log = false;
    pipe->trimming = false;
}

static bool log_take(void *self, uint32_t worker, struct rs_append_event *out)
{
    struct process *p = self;
    (void)worker;
    free(p->log_lent);
    p->log_lent = NULL;
    struct log_event_node *node = NULL;
    while (!p->dying && (node = log_event_nodes_pop(&p->log_events))) {
        bool wanted = node->interest == p->pipes[place(p, node->event.id)].interest;
        *out = node->event;
        p->log_error = node->error;
        out->error = node->event.error ? &p->log_error : NULL;
        p->log_lent = node->bytes;
        free(node);
        if (wanted) {
            return true;
        }
        free(p->log_lent);
        p->log_lent = NULL;
    }
    return false;
}

static int log_wake_fd(void *self, uint32_t worker)
{
    (void)self;
    (void)worker;
    return 0;
}

static const struct rs_append_log_ops log_ops = {
    .append = log_append,
    .read = log_read,
    .trim = log_trim,
    .forget = log_forget,
    .take = log_take,
    .wake_fd = log_wake_fd,
};

struct rs_append_log log_table(struct process *p)
{
    return (struct rs_append_log){.self = p, .ops = &log_ops};
}

/* ---- ends ---- */

/* What had left the process lands all the same; what had not is gone, from some record on. */
void log_process_dies(struct process *p)
{
    for (uint32_t i = 0; i < p->sim->partition_count; i++) {
        bool gone = false;
        for (struct append_node *e = p->pipes[i].appends; e; e = e->next) {
            gone = gone || (lands(e) && rs_random_one_in(&p->sim->chance, 3));
            e->fate = gone && !e->landed ? FATE_REFUSED_LOST : e->fate;
        }
    }
}

void log_free(struct process *p)
{
    struct log_event_node *node = NULL;
    while ((node = log_event_nodes_pop(&p->log_events))) {
        free(node->bytes);
        free(node);
    }
    free(p->log_lent);
    p->log_lent = NULL;
}

void appends_free(struct process *p)
{
    for (uint32_t i = 0; i < PARTITIONS_MAX; i++) {
        while (p->pipes[i].appends) {
            append_free(&p->pipes[i], p->pipes[i].appends);
        }
    }
}

void topics_free(struct sim *sim)
{
    for (uint32_t i = 0; i < PARTITIONS_MAX; i++) {
        struct topic *t = &sim->topics[i];
        for (int64_t at = 0; at < t->end; at++) {
            free(t->records[at].bytes);
        }
        free(t->records);
    }
}
