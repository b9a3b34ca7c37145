/* Writers of two consumer groups that want the same partition and the same names in one real redis-server, under
 * seeds. All they send passes a gate, which lets one command through at a time, of whichever connection chance
 * names; in between, connections are cut with an answer lost, names are taken over by the operator's command, and
 * keys get values of another type. After every EXEC and every script it is looked at what has changed:
 *
 *   the fence of a group never goes back, and no value does;
 *   what changed is the batch that the fence names, in whole, by the group that owns the names;
 *   what a writer says it has written is there.
 *
 * Threads, sockets and the server have times of their own: a seed tells what chance said, and nearly always the
 * same story again. --seed S tells it. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sink/redis/names.h"
#include "sink/redis/writer.h"
#include "tests/lib/random.h"
#include "tests/sim/gates.h"

#define KEYS        24
#define WRITERS     3 /* two of group g, one of group h */
#define BATCHES     4096
#define STEPS       2500
#define SECOND      INT64_C(1000000)
#define FINISH_US   (60 * SECOND)
#define OUTSTANDING 3

static const char *const fields[] = {"token", "offset", "window_start", "events", "revision"};
static const struct rs_aggregate_meta meta = {.name = "t1m",
                                              .stream = "trades",
                                              .history = 3,
                                              .fields = fields,
                                              .field_count = 5,
                                              .stat_count = 2,
                                              .grouped = true,
                                              .json = "{}"};

struct stamp {
    uint64_t token;
    int64_t offset;
};

struct sim;

struct actor {
    struct sim *sim;
    struct rs_redis_writer *writer;
    uint32_t number;
    uint64_t token; /* 0: does not claim to own the partition */
    bool first;     /* nothing of this token is acknowledged yet */
    int outstanding;
    pthread_mutex_t lock;
    struct rs_view_batches finished;
};

struct sim {
    uint64_t seed;
    bool verbose;
    struct rs_random chance;
    int port;
    pid_t pid;
    char directory[64];
    redisContext *redis;
    struct rs_redis_config behind, direct; /* the gate; the server */
    struct actor actors[WRITERS];
    struct gates gates;
    uint64_t tokens;
    int64_t offset; /* highest submitted */
    struct {
        struct stamp stamp;
        uint32_t mask;
    } batches[BATCHES];
    size_t batch_count;
    struct stamp keys[KEYS], fences[2];
    bool strays[KEYS];
    size_t stray_since[KEYS]; /* batches submitted before */
    uint64_t applied, execs, nils, scripts, cuts;
    char failure[256];
};

static void note(const struct sim *sim, const char *format, ...) RS_PRINTF(2, 3);
static void note(const struct sim *sim, const char *format, ...)
{
    va_list args;
    if (sim->verbose) {
        va_start(args, format);
        vprintf(format, args);
        va_end(args);
        putchar('\n');
    }
}

static void wrong(struct sim *sim, const char *format, ...) RS_PRINTF(2, 3);
static void wrong(struct sim *sim, const char *format, ...)
{
    va_list args;
    if (sim->failure[0] == '\0') {
        va_start(args, format);
        vsnprintf(sim->failure, sizeof sim->failure, format, args);
        va_end(args);
    }
}

static void need(bool good, const char *what)
{
    if (!good) {
        perror(what);
        abort();
    }
}

/* Tokens of group h are odd, those of group g even. */
static int group_of(uint64_t token)
{
    return (int)(token & 1);
}

static int compare(struct stamp a, struct stamp b)
{
    if (a.token != b.token) {
        return a.token < b.token ? -1 : 1;
    }
    return (a.offset > b.offset) - (a.offset < b.offset);
}

/* ---- the writers ---- */

static bool host_cluster(void *self, char out[RS_REDIS_CLUSTER_MAX])
{
    (void)self;
    (void)snprintf(out, RS_REDIS_CLUSTER_MAX, "c");
    return true;
}

static uint64_t host_number(void *self)
{
    (void)self;
    return 1;
}

static void host_lost(void *self, uint64_t generation, const char *how)
{
    (void)self;
    (void)generation;
    (void)how;
}

static void host_gone(void *self, uint64_t generation, uint64_t seen)
{
    (void)self;
    (void)generation;
    (void)seen;
}

static void host_counted(void *self, uint64_t evicted)
{
    (void)self;
    (void)evicted;
}

static void host_restarted(void *self)
{
    (void)self;
}

static void host_finished(void *self, struct rs_view_batch *batch)
{
    struct actor *actor = self;
    pthread_mutex_lock(&actor->lock);
    rs_view_batches_push(&actor->finished, batch);
    pthread_mutex_unlock(&actor->lock);
}

static void start_actor(struct sim *sim, uint32_t number)
{
    struct actor *actor = &sim->actors[number];
    struct rs_error error;
    *actor = (struct actor){.sim = sim, .number = number};
    pthread_mutex_init(&actor->lock, NULL);
    const struct rs_redis_writer_host host = {.self = actor,
                                              .config = &sim->behind,
                                              .metas = &meta,
                                              .meta_count = 1,
                                              .clock = rs_clock_system(),
                                              .group = number == WRITERS - 1 ? "h" : "g",
                                              .cluster = host_cluster,
                                              .generation = host_number,
                                              .lost = host_lost,
                                              .gone = host_gone,
                                              .counted = host_counted,
                                              .restarted = host_restarted,
                                              .evicted = host_number,
                                              .finished = host_finished};
    need(rs_redis_writer_start(&host, 1, &actor->writer, &error) == 0, "writer");
}

static void put_field(struct rs_view_batch *batch, uint32_t field, uint64_t value)
{
    char text[24];
    rs_batch_field(batch, field, text, (size_t)snprintf(text, sizeof text, "%" PRIu64, value));
}

static void put_key(struct rs_view_batch *batch, unsigned key, uint32_t flags, bool history)
{
    char text[8];
    struct rs_slice name = rs_slice_of(text, (size_t)snprintf(text, sizeof text, "k%u", key));
    rs_batch_view_begin(batch, 0, flags, name);
    put_field(batch, 0, batch->token);
    put_field(batch, 1, (uint64_t)batch->offset);
    rs_batch_end(batch, batch->offset);
    if (history) {
        rs_batch_history_begin(batch, 0, name, batch->offset * 1000);
        put_field(batch, 2, (uint64_t)batch->offset * 1000);
        rs_batch_end(batch, 0);
    }
}

/* The offset grows with the token, as claims and the log have it, or stands where another's stood. */
static void submit(struct actor *actor, uint32_t mask)
{
    struct sim *sim = actor->sim;
    struct rs_view_batch *batch = rs_view_batch_new();
    need(batch != NULL, "memory");
    sim->offset += rs_random_one_in(&sim->chance, 4) ? 0 : 1;
    batch->stream_name = batch->topic = "trades";
    batch->token = actor->token;
    batch->offset = sim->offset;
    batch->now_shown_us = (int64_t)sim->batch_count;
    for (unsigned key = 0; key < KEYS; key++) {
        if (mask >> key & 1) {
            put_key(batch, key, actor->first ? RS_OP_FIRST : 0, rs_random_one_in(&sim->chance, 6));
        }
    }
    need(sim->batch_count < BATCHES, "batches");
    /* Of equal stamps the masks are one: nobody can tell which batch it was. */
    sim->batches[sim->batch_count].stamp = (struct stamp){batch->token, batch->offset};
    sim->batches[sim->batch_count++].mask = mask;
    actor->outstanding++;
    note(sim, "writer %u submits %" PRIu64 ":%" PRId64 " %06x", actor->number, batch->token, batch->offset,
         mask);
    rs_redis_writer_submit(actor->writer, batch);
}

static void claim(struct actor *actor)
{
    struct sim *sim = actor->sim;
    sim->tokens++;
    actor->token = 2 * sim->tokens + (actor->number == WRITERS - 1);
    actor->first = true;
    note(sim, "writer %u claims: token %" PRIu64, actor->number, actor->token);
}

static uint32_t some_keys(struct sim *sim)
{
    uint32_t mask = (uint32_t)rs_random_next(&sim->chance) & ((1u << KEYS) - 1);
    return rs_random_one_in(&sim->chance, 2) ? mask : (1u << KEYS) - 1;
}

/* ---- what Redis holds ---- */

static struct stamp read_stamp(const redisReply *reply, bool *there)
{
    struct stamp stamp = {0, 0};
    *there = reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 && reply->element[0]->str &&
             reply->element[1]->str;
    if (*there) {
        stamp.token = strtoull(reply->element[0]->str, NULL, 10);
        stamp.offset = strtoll(reply->element[1]->str, NULL, 10);
    }
    return stamp;
}

static redisReply *ask(struct sim *sim, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = redisvCommand(sim->redis, format, args);
    va_end(args);
    need(reply != NULL, "redis-server");
    return reply;
}

static void look_at_fence(struct sim *sim, int group)
{
    redisReply *reply = ask(sim, "GET rs:fence:%s:trades:0", group ? "h" : "g");
    struct stamp stamp = {0, 0};
    if (reply->type == REDIS_REPLY_STRING) {
        char *rest;
        stamp.token = strtoull(reply->str, &rest, 10);
        stamp.offset = strtoll(rest + 1, NULL, 10);
    }
    freeReplyObject(reply);
    if (compare(stamp, sim->fences[group]) < 0) {
        wrong(sim, "the fence of group %d went back from %" PRIu64 ":%" PRId64 " to %" PRIu64 ":%" PRId64,
              group, sim->fences[group].token, sim->fences[group].offset, stamp.token, stamp.offset);
    }
    sim->fences[group] = stamp;
}

static bool is_owner(struct sim *sim, uint64_t token)
{
    redisReply *reply = ask(sim, "HGET rs:owners:t1m %%owner");
    bool good = reply->type == REDIS_REPLY_STRING && strcmp(reply->str, group_of(token) ? "h:c" : "g:c") == 0;
    freeReplyObject(reply);
    return good;
}

static void look_at_change(struct sim *sim, unsigned key, struct stamp stamp)
{
    struct stamp before = sim->keys[key];
    if (group_of(before.token) == group_of(stamp.token) && compare(stamp, before) < 0) {
        wrong(sim, "k%u went back from %" PRIu64 ":%" PRId64 " to %" PRIu64 ":%" PRId64, key, before.token,
              before.offset, stamp.token, stamp.offset);
    }
    if (compare(stamp, sim->fences[group_of(stamp.token)]) != 0) {
        wrong(sim, "k%u was written by %" PRIu64 ":%" PRId64 ", which is not in the fence", key, stamp.token,
              stamp.offset);
    }
    if (!is_owner(sim, stamp.token)) {
        wrong(sim, "k%u was written by %" PRIu64 ":%" PRId64 ", whose group does not own the names", key,
              stamp.token, stamp.offset);
    }
}

/* Some batch of this stamp is there in whole, where it changed anything. */
static void look_at_whole(struct sim *sim, struct stamp stamp, uint32_t held)
{
    bool whole = false;
    for (size_t i = 0; i < sim->batch_count; i++) {
        uint32_t mask = sim->batches[i].mask;
        whole |= compare(sim->batches[i].stamp, stamp) == 0 && (held & mask) == mask;
    }
    if (!whole) {
        wrong(sim, "of %" PRIu64 ":%" PRId64 " a part was written", stamp.token, stamp.offset);
    }
}

static void look(struct sim *sim)
{
    struct stamp now[KEYS];
    struct stamp newest = {0, 0};
    uint32_t held = 0;
    look_at_fence(sim, 0);
    look_at_fence(sim, 1);
    for (unsigned key = 0; key < KEYS; key++) {
        bool there;
        redisReply *reply = ask(sim, "HMGET rs:t1m:k%u token offset", key);
        now[key] = read_stamp(reply, &there);
        freeReplyObject(reply);
        if (!there) {
            held |= sim->strays[key] ? 1u << key : 0;
            now[key] = sim->keys[key];
            continue;
        }
        sim->strays[key] = false;
        if (compare(now[key], sim->keys[key]) != 0) {
            newest = now[key];
            look_at_change(sim, key, now[key]);
        }
        sim->keys[key] = now[key];
    }
    for (unsigned key = 0; newest.token && key < KEYS; key++) {
        held |= compare(now[key], newest) == 0 ? 1u << key : 0;
    }
    if (newest.token) {
        look_at_whole(sim, newest, held);
    }
}

/* ---- what the writers say ---- */

static void look_at_finished(struct sim *sim, struct actor *actor, const struct rs_view_batch *batch)
{
    struct rs_op op;
    size_t cursor = 0;
    struct stamp stamp = {batch->token, batch->offset};
    note(sim, "writer %u: %" PRIu64 ":%" PRId64 " is %d", actor->number, batch->token, batch->offset,
         batch->result);
    if (batch->result == RS_BATCH_FENCED && batch->token == actor->token) {
        actor->token = 0;
    }
    if (batch->result != RS_BATCH_APPLIED) {
        return;
    }
    sim->applied++;
    actor->first &= batch->token != actor->token;
    while (rs_batch_next(batch, &cursor, &op)) {
        unsigned key = (unsigned)strtoul((const char *)op.key.data + 1, NULL, 10);
        bool same = group_of(sim->keys[key].token) == group_of(stamp.token);
        if (op.kind == RS_OP_VIEW && sim->strays[key] &&
            batch->now_shown_us >= (int64_t)sim->stray_since[key]) {
            wrong(sim, "k%u of %" PRIu64 ":%" PRId64 " was acknowledged and has another type", key,
                  stamp.token, stamp.offset);
        }
        if (op.kind == RS_OP_VIEW && same && !sim->strays[key] && compare(sim->keys[key], stamp) < 0) {
            wrong(sim, "k%u of %" PRIu64 ":%" PRId64 " was acknowledged and is not there", key, stamp.token,
                  stamp.offset);
        }
    }
}

static void collect(struct sim *sim)
{
    for (uint32_t i = 0; i < WRITERS; i++) {
        struct actor *actor = &sim->actors[i];
        struct rs_view_batches finished = {0};
        pthread_mutex_lock(&actor->lock);
        rs_view_batches_append(&finished, &actor->finished);
        pthread_mutex_unlock(&actor->lock);
        for (struct rs_view_batch *batch; (batch = rs_view_batches_pop(&finished));) {
            actor->outstanding--;
            look_at_finished(sim, actor, batch);
            rs_view_batch_free(&batch);
        }
    }
}

/* ---- the gate ---- */

/* False: nobody has anything to say. */
static bool pass_one(struct sim *sim)
{
    struct waiting next;
    if (!gates_choose(&sim->gates, &sim->chance, &next)) {
        return false;
    }
    bool exec = strncmp(next.name, "EXEC", 4) == 0;
    bool script = strncmp(next.name, "EVALSHA", 7) == 0;
    bool cut = (exec || script) && rs_random_one_in(&sim->chance, 60);
    note(sim, "connection %d: %.*s%s", next.gate, (int)strcspn(next.name, "\r"), next.name,
         cut ? ", and its answer is lost" : "");
    sim->nils += gates_pass(&sim->gates, &next, !cut) == REDIS_REPLY_NIL;
    sim->execs += exec;
    sim->scripts += script;
    sim->cuts += cut;
    if (exec || script) {
        look(sim);
    }
    return true;
}

/* ---- one seed ---- */

/* The operator's command removes the fences of the group that gets the names: its own former owners are gone by
 * then. Those of the other group may be at work. */
static void give_names(struct sim *sim, bool h)
{
    uint64_t fences;
    struct rs_error error;
    uint32_t from = h ? WRITERS - 1 : 0;
    uint32_t to = h ? WRITERS : WRITERS - 1;
    for (uint32_t i = from; i < to; i++) {
        if (sim->actors[i].outstanding > 0) {
            return;
        }
    }
    note(sim, "the operator gives the names to group %s", h ? "h" : "g");
    need(rs_redis_take_over(&sim->direct, h ? "h" : "g", &meta, 1, &fences, &error) == 0, "take over");
    sim->fences[h] = (struct stamp){0, 0};
    for (uint32_t i = from; i < to; i++) {
        sim->actors[i].token = 0;
    }
    claim(&sim->actors[from]);
}

static void disturb(struct sim *sim)
{
    unsigned key = (unsigned)rs_random_below(&sim->chance, KEYS);
    struct actor *actor = &sim->actors[rs_random_below(&sim->chance, WRITERS)];
    if (rs_random_one_in(&sim->chance, 600)) {
        claim(actor);
    } else if (rs_random_one_in(&sim->chance, 300)) {
        give_names(sim, rs_random_one_in(&sim->chance, 2));
    } else if (rs_random_one_in(&sim->chance, 600)) {
        note(sim, "k%u gets another type", key);
        freeReplyObject(ask(sim, "SET rs:t1m:k%u stray", key));
        sim->strays[key] = true;
        sim->stray_since[key] = sim->batch_count;
    } else if (actor->token && actor->outstanding < OUTSTANDING && rs_random_one_in(&sim->chance, 12)) {
        submit(actor, some_keys(sim));
    }
}

static int outstanding(const struct sim *sim)
{
    int count = 0;
    for (uint32_t i = 0; i < WRITERS; i++) {
        count += sim->actors[i].outstanding;
    }
    return count;
}

/* Whoever submitted is answered. */
static void finish(struct sim *sim)
{
    int64_t end = rs_clock_mono(rs_clock_system()) + FINISH_US;
    while (sim->failure[0] == '\0' && outstanding(sim) > 0) {
        gates_let_in(&sim->gates, pass_one(sim) ? 0 : 1);
        collect(sim);
        if (rs_clock_mono(rs_clock_system()) > end) {
            wrong(sim, "a batch was not answered");
        }
    }
}

/* The last owner's last batch is seen in whole: nothing stays of what went wrong before. */
static void finish_well(struct sim *sim)
{
    finish(sim);
    if (sim->failure[0] == '\0') {
        give_names(sim, false);
        for (int i = 0; i < 3; i++) { /* the first by the script, the last in a transaction */
            submit(&sim->actors[0], (1u << KEYS) - 1);
            finish(sim);
        }
    }
    for (unsigned key = 0; key < KEYS; key++) {
        if (sim->failure[0] == '\0' && (sim->strays[key] || sim->keys[key].token != sim->actors[0].token ||
                                        sim->keys[key].offset != sim->offset)) {
            wrong(sim, "k%u does not hold what was written last", key);
        }
    }
}

static void begin_seed(struct sim *sim)
{
    sim->tokens = 0;
    sim->offset = 0;
    sim->batch_count = 0;
    memset(sim->keys, 0, sizeof sim->keys);
    memset(sim->fences, 0, sizeof sim->fences);
    memset(sim->strays, 0, sizeof sim->strays);
    sim->failure[0] = '\0';
    freeReplyObject(ask(sim, "FLUSHALL"));
    for (uint32_t i = 0; i < WRITERS; i++) {
        start_actor(sim, i);
    }
    claim(&sim->actors[0]);
}

static void end_seed(struct sim *sim)
{
    for (uint32_t i = 0; i < WRITERS; i++) {
        rs_redis_writer_stop(sim->actors[i].writer, 0);
    }
    gates_shut(&sim->gates);
    for (uint32_t i = 0; i < WRITERS; i++) {
        rs_redis_writer_join(sim->actors[i].writer);
        rs_redis_writer_free(&sim->actors[i].writer);
        rs_view_batches_fini(&sim->actors[i].finished);
        pthread_mutex_destroy(&sim->actors[i].lock);
    }
    gates_shut(&sim->gates);
}

static bool run_seed(struct sim *sim, uint64_t seed)
{
    sim->seed = seed;
    sim->chance.state = seed;
    begin_seed(sim);
    for (int step = 0; step < STEPS && sim->failure[0] == '\0'; step++) {
        disturb(sim);
        gates_let_in(&sim->gates, 0);
        if (!pass_one(sim)) {
            gates_let_in(&sim->gates, 1);
        }
        collect(sim);
    }
    if (sim->failure[0] == '\0') {
        finish_well(sim);
    }
    end_seed(sim);
    return sim->failure[0] == '\0';
}

/* ---- the program ---- */

static bool start_server(struct sim *sim)
{
    char port[16];
    char log[96];
    int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    need(bind(probe, (struct sockaddr *)&address, sizeof address) == 0 &&
             getsockname(probe, (struct sockaddr *)&address, &size) == 0,
         "bind");
    close(probe);
    sim->port = ntohs(address.sin_port);
    (void)snprintf(sim->directory, sizeof sim->directory, "/tmp/rs-writers-XXXXXX");
    need(mkdtemp(sim->directory) != NULL, "mkdtemp");
    (void)snprintf(port, sizeof port, "%d", sim->port);
    (void)snprintf(log, sizeof log, "%s/log", sim->directory);
    sim->pid = fork();
    if (sim->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execlp("redis-server", "redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "",
               "--appendonly", "no", "--dir", sim->directory, "--logfile", log, (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 6000; i++) {
        struct timeval timeout = {.tv_sec = 10};
        sim->redis = redisConnectWithTimeout("127.0.0.1", sim->port, timeout);
        if (sim->redis && !sim->redis->err) {
            return true;
        }
        redisFree(sim->redis);
        sim->redis = NULL;
        if (waitpid(sim->pid, NULL, WNOHANG) != 0) {
            return false;
        }
        (void)poll(NULL, 0, 10);
    }
    return false;
}

static void start_gate(struct sim *sim)
{
    gates_open(&sim->gates, sim->port);
    rs_redis_config_default(&sim->direct);
    (void)snprintf(sim->direct.address.host, sizeof sim->direct.address.host, "127.0.0.1");
    sim->direct.timeout_us = sim->direct.connect_timeout_us = FINISH_US;
    sim->behind = sim->direct;
    sim->direct.address.port = sim->port;
    sim->behind.address.port = sim->gates.port;
}

static void stop_server(struct sim *sim)
{
    char log[96];
    (void)snprintf(log, sizeof log, "%s/log", sim->directory);
    redisFree(sim->redis);
    kill(sim->pid, SIGKILL);
    waitpid(sim->pid, NULL, 0);
    unlink(log);
    rmdir(sim->directory);
    gates_close(&sim->gates);
}

int main(int argc, char **argv)
{
    static struct sim sim;
    uint64_t first = 1;
    uint64_t seeds = 20;
    uint64_t done = 0;
    bool good = true;
    for (int i = 1; i + 1 < argc; i += 2) {
        uint64_t number = strtoull(argv[i + 1], NULL, 10);
        first = strcmp(argv[i], "--from") == 0 || strcmp(argv[i], "--seed") == 0 ? number : first;
        seeds = strcmp(argv[i], "--seeds") == 0 ? number : strcmp(argv[i], "--seed") == 0 ? 1 : seeds;
        sim.verbose |= strcmp(argv[i], "--seed") == 0;
    }
    signal(SIGPIPE, SIG_IGN);
    if (!start_server(&sim)) {
        const char *ci = getenv("CI");
        fprintf(stderr, "writers_sim: there is no redis-server that starts\n");
        return ci && strcmp(ci, "true") == 0 ? 2 : 77;
    }
    start_gate(&sim);
    for (; done < seeds && good; done++) {
        good = run_seed(&sim, first + done);
    }
    if (!good) {
        printf("writers_sim: seed %" PRIu64 ": %s\nreproduce with --seed %" PRIu64 "\n", sim.seed,
               sim.failure, sim.seed);
    }
    printf("writers_sim: %" PRIu64 " seeds from %" PRIu64 ": %" PRIu64 " batches written, %" PRIu64
           " transactions, %" PRIu64 " answers of nothing, %" PRIu64 " scripts, %" PRIu64 " answers lost\n",
           done, first, sim.applied, sim.execs, sim.nils, sim.scripts, sim.cuts);
    stop_server(&sim);
    return good ? 0 : 1;
}
