/* cluster: several instances of the whole engine in virtual time, with everything around them simulated.
 * What runs is the product's: rs_worker, the engine, rs_durable_log. What they touch is played here from one
 * seed: the input and its group coordinator (sim_input.c), the state log's topic (sim_log.c), Redis
 * (sim_redis.c), dead letters and the processes themselves (sim_process.c). What happens to them is fate.c's
 * choice; whether it was right is oracle.c's, and nothing is judged by what the product says of itself.
 * Thread: one. Same seed, same run, to the last bit: no addresses, no machine clock, no hash order. */
#ifndef RS_TESTS_CLUSTER_H
#define RS_TESTS_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/fifo.h"
#include "base/source.h"
#include "base/view.h"
#include "sink/redis/script.h"
#include "tests/lib/random.h"
#include "tests/lib/virtual_clock.h"
#include "tests/sim/engine_model.h"
#include "transform/statelog/protocol.h"
#include "transform/worker/worker.h"

#define MS     INT64_C(1000)
#define SECOND INT64_C(1000000)
#define HOUR   (3600 * SECOND)

#define PARTITIONS_MAX 3
#define SEATS_MAX      4
#define PROCESSES_MAX  64
#define WORLDS         192 /* configurations; a process loads each once */

/* ---- things that will happen ---- */

struct sim;
struct process;
typedef void sim_fire(struct sim *sim, void *subject, uint64_t number);

struct timer {
    int64_t at_us;
    uint64_t order; /* of equal times: first set, first fired */
    sim_fire *fire;
    void *subject;
    uint64_t number;
};

/* ---- what may go wrong in a seed: 0 is never, n is once in n times ---- */

struct faults {
    int64_t refuse;       /* an append: refused, in the log or not */
    int64_t blind;        /* an append: acknowledged without an offset */
    int64_t repeat;       /* an append's acknowledgement comes twice */
    int64_t no_room;      /* append, or letter: no room now */
    int64_t slow;         /* any way through a network: up to seconds */
    int64_t trim_refused; /* refused, or done and the answer lost */
    int64_t cut;          /* a reply of Redis: the connection breaks */
    int64_t unanswered;   /* a batch is handed back without a result, written or not */
    bool leader, failover, wipe, pause, crash, stop, rebalance, letters_full, hours, forgetful, rebuild, away,
        clock, second_group;
};

/* ---- configuration ---- */

struct world {
    struct model_config config; /* of each stream */
    uint32_t stream_count;
    struct fixture fixture;
    const struct rs_aggregate_meta *metas;
    size_t meta_count;
};

/* ---- input (sim_input.c) ---- */

struct feed {
    struct tick_log log;
    struct tick *ticks; /* product NULL: cannot be read */
    int64_t *visible_us;
    size_t count;
    bool live;         /* its events are made when they become visible */
    bool *wrong;       /* by the producer whose clock is wrong, */
    int64_t wrong_us;  /* by so much; 0: there is none */
    int64_t committed; /* by the consumer group; -1: nothing */
    /* the coordinator's view */
    struct process *owner;
    int64_t free_us; /* given to nobody before */
};

/* ---- the state log's topic (sim_log.c) ---- */

struct log_record {
    uint8_t *bytes;
    size_t size;
};

struct topic {
    struct log_record *records; /* records[i] stands at offset i */
    int64_t first; /* those before it are deleted, until a broker comes back that has forgotten it */
    int64_t end, capacity;
    int64_t down_until_us; /* no leader until then */
    uint64_t bytes;        /* from first on */
    /* judged by the oracle as records land */
    uint8_t owner[16];
    bool owned;
    int64_t claim;
    const struct process *claimant; /* who appended it; NULL: a rebuild */
    uint64_t batch;                 /* number of the owner's last batch that counts */
    uint64_t chunks;                /* of the open batch, in order so far */
    uint64_t open_batch;
    int64_t open_first;               /* offset of its first chunk */
    int64_t sealed_next;              /* of the last seal that counts; -1: none */
    int64_t sealed_ever;              /* the largest, also of before a rebuild */
    int64_t rebuild_from;             /* where the input begins when nothing is sealed */
    int64_t sealed_at;                /* its offset in the log */
    int64_t sealed_shown;             /* its time shown */
    uint64_t seals, claims;           /* that count */
    uint64_t sweep_bytes, state_most; /* of the newest complete sweep; the largest since then */
    int64_t sweep_start;
};

/* ---- Redis (sim_redis.c) ---- */

/* Key and content of an entry: never changed, shared by copies of the store. */
struct blob {
    uint32_t holders;
    uint32_t key_size, size;
    uint8_t bytes[]; /* key, then encoded fields */
};

struct entry {
    enum rs_op_kind kind; /* VIEW or HISTORY */
    uint32_t aggregate;
    int64_t score; /* VIEW: of the index; HISTORY: window start */
    struct blob *blob;
    int64_t offset, shown_us; /* of the batch that wrote it */
    bool lost;                /* HISTORY: taken or turned back by a loss of the store */
    bool ghost;               /* brought back by a failover, or by a former owner after a loss */
};

struct shelf { /* what Redis holds of one partition */
    struct entry *entries;
    size_t count, capacity;
    bool fenced;
    struct rs_redis_fence fence;
    uint64_t token_seen; /* the largest that its fence ever had, in the store or in one that is lost */
};

struct store {
    struct shelf shelves[PARTITIONS_MAX];
};

#define COPIES_MAX 8

struct hashes {
    uint64_t *items;
    size_t count, capacity;
};

/* ---- one instance (sim_process.c) ---- */

struct append_node;
struct flight_node;
struct letter_node;

struct source_node { /* what the coordinator said */
    enum rs_source_event_kind kind;
    uint32_t partition;
    struct source_node *next;
};

RS_FIFO(source_nodes, source_node);

struct log_event_node { /* what the log answered */
    struct rs_append_event event;
    struct rs_error error;
    uint64_t interest; /* of the pipe when it was made */
    uint8_t *bytes;
    struct log_event_node *next;
};

RS_FIFO(log_event_nodes, log_event_node);

struct pipe { /* a process's side of one partition */
    /* input */
    bool assigned, reading;
    size_t at;
    /* state log */
    struct append_node *appends; /* oldest first, until answered and landed */
    uint64_t interest;           /* grows with each forget: events of before are dropped */
    bool reading_log, trimming;
    int64_t read_at, read_until, read_first, read_committed;
    /* witness */
    uint64_t token; /* 0: not claimed; offset 0 is the claim's of a new log, and then its seals are judged as
                       any */
    /* Redis */
    int64_t barrier;        /* told by Redis: nothing is to be published before; 0: none */
    uint32_t barrier_epoch; /* those that were told */
    uint64_t barrier_token;
};

struct process {
    struct sim *sim;
    uint32_t number;
    bool alive;    /* its worker exists */
    bool dying;    /* what it calls has no effect any more: the step will not return to the machine */
    bool paused;   /* not stepped */
    bool stopping; /* asked to end in order */
    bool member;   /* of the consumer group */
    bool expired;  /* the group has given it up; it does not know yet */
    int64_t paused_us, resume_us;
    int64_t due_us;
    int64_t steps_second; /* in which it has taken `steps` steps */
    uint32_t steps;
    int64_t fuse; /* calls to the outside until it dies; -1: none */
    struct rs_random owner_chance;
    struct rs_worker *worker;
    struct rs_durable_log *durable;
    struct rs_state_log durable_table;
    struct pipe pipes[PARTITIONS_MAX];
    struct source_nodes source_events;
    int64_t told_us;  /* when the coordinator's newest word arrives */
    uint32_t to_lose; /* partitions it does not yet know to have lost */
    uint32_t turn;
    bool run_lent;
    struct log_event_nodes log_events;
    uint8_t *log_lent;
    uint64_t append_number;
    struct rs_error log_error;
    struct flight_node *flights; /* submitted, oldest first */
    struct rs_view_batches finished;
    uint64_t generation, epoch; /* `epoch`: of the store it is connected to */
    uint64_t connection, flight_number, generation_seen;
    struct letter_node *letters; /* put, not acknowledged */
    uint64_t letter_number;
    int64_t letters_full_until_us;
};

/* ---- all ---- */

struct oracle_part; /* oracle.c */

struct sim {
    uint64_t seed;
    struct rs_random chance;
    struct rs_random group_chance; /* the second group's: seeds without one are as if there were none */
    bool failed, verbose, telling;
    bool healed;  /* nothing goes wrong any more */
    bool calm;    /* nothing ever does: the log has to stay small */
    bool windows; /* sessions, calendars and the newest events instead of windows of a fixed size */
    bool rebuilt;
    bool clock_jumped; /* the wall clock of all */
    char trouble[2048];
    const struct world *world;
    struct rs_clock_virtual clock;
    struct timer *timers;
    size_t timer_count, timer_capacity;
    uint64_t timer_order;
    struct faults faults;
    int64_t publish_every_us, commit_every_us;
    uint64_t sweep_floor;
    uint32_t batch_bytes, batches;
    uint64_t history_limit;
    int64_t leave_within_us;
    uint32_t partition_count, seat_count;
    int64_t session_us;
    int64_t input_ends_us, began_us;
    int64_t lazy_us; /* nobody is stepped more often: hours pass */
    struct feed feeds[PARTITIONS_MAX];
    struct topic topics[PARTITIONS_MAX];
    struct store store;
    uint64_t store_epoch;
    int64_t store_away_us; /* Redis cannot be reached until then */
    bool names_taken;      /* another consumer group has the aggregates' names */
    bool store_lost_once;
    struct store copies[COPIES_MAX];
    size_t copy_count;
    struct process *processes[PROCESSES_MAX]; /* all that ever were */
    uint32_t process_count;
    struct process *seats[SEATS_MAX];
    struct oracle_part *oracles[PARTITIONS_MAX];
    int64_t shown_end_us; /* when every window has ended and drained */
    struct {
        uint64_t steps, crashes, batches, seals, restores, claims, losses, trims;
    } stats;
};

/* Partitions of two streams are numbered together, in turn: what both streams call partition 0 are 0 and 1
 * here. */
static inline uint32_t place_of(const struct sim *sim, uint32_t stream, int32_t partition)
{
    return (uint32_t)partition * sim->world->stream_count + stream;
}

static inline uint32_t stream_of(const struct sim *sim, uint32_t place)
{
    return place % sim->world->stream_count;
}

static inline int32_t partition_of(const struct sim *sim, uint32_t place)
{
    return (int32_t)(place / sim->world->stream_count);
}

/* cluster_sim.c */
void sim_at(struct sim *sim, int64_t at_us, sim_fire *fire, void *subject, uint64_t number);
static inline int64_t sim_now(const struct sim *sim)
{
    return sim->clock.monotonic_us;
}
/* How long something takes through a network. */
int64_t sim_delay(struct sim *sim);
/* What was wrong first; later ones are only printed. */
void sim_wrong(struct sim *sim, const char *format, ...) RS_PRINTF(2, 3);
void sim_note(const struct sim *sim, const char *format, ...) RS_PRINTF(2, 3);
void *sim_alloc(size_t size); /* zeroed; never NULL */

/* workload.c */
const struct world *world_open(uint32_t number, bool windows); /* a process keeps to one of both */
void wall_clock_begin(struct sim *sim);
void world_yaml(const struct world *world, struct rs_buf *out);
void worlds_close(void);
void workload_make(struct sim *sim);
void workload_free(struct sim *sim);

/* fate.c */
void fate_draw(struct sim *sim);    /* which faults there are */
void fate_begin(struct sim *sim);   /* sets the first of them going */
int64_t fate_heal(struct sim *sim); /* returns when the last one is over */

/* sim_process.c */
struct process *process_start(struct sim *sim, uint32_t seat);
void process_step(struct process *p);
void process_wake(struct process *p);
void process_crash(struct process *p);
void process_pause(struct process *p, int64_t for_us);
void process_free(struct process *p);
/* Every call to the outside passes here; false: the process is dead and the call has no effect. */
bool process_acts(struct process *p);
struct rs_dead_letter_sink letters_table(struct process *p);

/* sim_input.c */
struct rs_source input_table(struct process *p);
void input_free(struct process *p);
int64_t input_end(const struct sim *sim, uint32_t partition); /* offset after the newest visible record */
void input_begin(struct sim *sim);
void coordinator_begin(struct sim *sim);
void coordinator_move(struct sim *sim); /* gives some partition to someone else */
/* Gives a partition from the process that has it to another and, by a second call, back: `from` and `to` say
 * who. False: there are no two that live and are not paused. */
struct away {
    uint32_t partition;
    struct process *from, *to;
};
bool coordinator_gives_away(struct sim *sim, struct away *away);
void coordinator_gives_back(struct sim *sim, const struct away *away);
/* Whether the newest claim of the partition's log is the process' and it runs. */
bool coordinator_obeyed(struct sim *sim, const struct process *p, uint32_t partition);
void coordinator_gone(struct process *p);
void coordinator_expire(struct process *p); /* its session ended while it was paused */
void coordinator_resumed(struct process *p);

/* sim_log.c */
struct rs_append_log log_table(struct process *p);
void log_process_dies(struct process *p);
void log_free(struct process *p);
void appends_free(struct process *p);
void topics_free(struct sim *sim);
uint64_t topic_identity(const struct sim *sim, uint32_t partition);
void topic_recalls(struct sim *sim, uint32_t partition);  /* records that were deleted are there again */
void topic_rebuilds(struct sim *sim, uint32_t partition); /* as rollstatd --rebuild does it */

/* sim_redis.c */
struct rs_view_sink redis_table(struct process *p);
static inline uint32_t place_of_batch(const struct sim *sim, const struct rs_view_batch *batch)
{
    return place_of(sim, batch->stream_name[1] == 'o', batch->partition); /* tocks */
}
void redis_free(struct process *p);
void flights_free(struct process *p);
void redis_copy(struct sim *sim);     /* the replica is as the store now */
void redis_failover(struct sim *sim); /* back to some copy */
void redis_wipe(struct sim *sim);
void redis_taken(struct sim *sim, bool taken); /* by another consumer group, or given over to ours */
void store_free(struct store *store);
struct entry *shelf_find(struct shelf *shelf, enum rs_op_kind kind, uint32_t aggregate, struct rs_slice key,
                         int64_t score);
static inline struct rs_slice entry_key(const struct entry *e)
{
    return rs_slice_of(e->blob->bytes, e->blob->key_size);
}
static inline struct rs_slice entry_fields(const struct entry *e)
{
    return rs_slice_of(e->blob->bytes + e->blob->key_size, e->blob->size - e->blob->key_size);
}

/* witness.c: between worker and durable log, to see what the worker is told */
struct rs_state_log witness_table(struct process *p);

/* oracle.c */
void oracle_begin(struct sim *sim);
void oracle_free(struct sim *sim);
/* A batch is about to be written by Redis. */
void oracle_batch(struct sim *sim, const struct rs_view_batch *batch);
/* The store is about to be replaced by an older copy, or an empty one. */
void oracle_loses(struct sim *sim, struct store *next);
/* A former owner, whom no fence held back after a loss, deletes an entry. */
void oracle_robbed(struct sim *sim, uint32_t partition, const struct entry *e);
/* A process submits a batch. */
void oracle_submits(struct process *p, const struct rs_view_batch *batch);
/* A record has landed in a state log. */
void oracle_landed(struct sim *sim, uint32_t partition, int64_t offset);
/* A worker is told that it owns a partition, or that it has committed. */
void oracle_claimed(struct sim *sim, uint32_t partition, uint64_t token, int64_t next_offset);
void oracle_committed(struct sim *sim, uint32_t partition, uint64_t token, int64_t next_offset);
/* The log's head is gone. */
void oracle_trimmed(struct sim *sim, uint32_t partition);
/* A process appends this record now. */
void oracle_appends(struct sim *sim, const struct process *p, uint32_t partition, struct rs_slice bytes);
void oracle_lettered(struct sim *sim, uint32_t partition, int64_t offset); /* a letter is in its topic */
bool oracle_settled(struct sim *sim); /* everything that has to come has come */
void oracle_end(struct sim *sim);

#endif
