/* worker_fixture: a worker between a log in memory and a store in memory, in virtual time.
 * Dead letters can be full, claims refused or delayed, the store away, wiped or owned by another. */
#ifndef RS_TESTS_WORKER_FIXTURE_H
#define RS_TESTS_WORKER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "sink/memory/store.h"
#include "tests/lib/kept_reports.h"
#include "tests/lib/memory_source.h"
#include "tests/lib/virtual_clock.h"
#include "transform/worker/worker.h"

#define MS      INT64_C(1000)
#define SECOND  INT64_C(1000000)
#define MINUTE  (60 * SECOND)
#define WALL_US (INT64_C(1700000000) * SECOND)
#define T0                                                                                                   \
    (INT64_C(1600000020) * SECOND) /* start of a minute; event times have nothing to do with the wall */

struct letters {
    bool full;
    int count;
    int64_t acknowledged;
    enum rs_reason last;
    char field[32]; /* of that one; empty: none */
    int64_t byte;
};

/* What the store holds of partition 0. */
struct fence {
    uint64_t token;
    int64_t offset, shown_us;
};

struct slow_log {
    struct rs_state_log inner;
    bool refuse, delay;
    int claims, releases;
};

struct kept_log; /* worker_log_fixture.h */

struct fixture {
    struct rs_config *config;
    struct rs_streams *streams;
    struct rs_engine *engine;
    struct rs_clock_virtual clock;
    struct rs_memory_source *source;
    struct rs_memory_store *store;
    struct rs_memory_log *memory_log;
    struct slow_log log;
    struct rs_state_log other_log; /* in place of it; ops NULL: none */
    struct kept_log *kept;         /* NULL: there is none */
    struct letters letters;
    struct rs_worker *worker;
    struct rs_error error;
    struct kept_reports reports;
};

struct one_partition {
    int32_t partition;
    struct rs_worker_partition_status status;
    size_t count;
    enum rs_waiting waiting;
    uint64_t waits;
};

#define OK(call)                                                                                             \
    do {                                                                                                     \
        if ((call) != 0) {                                                                                   \
            fail_msg("%s", f->error.text);                                                                   \
        }                                                                                                    \
    } while (0)

int setup(void **state);
int teardown(void **state);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

void open_worker(struct fixture *f, int64_t publish_every_us, uint64_t history_limit);
void append(struct fixture *f, int32_t partition, int64_t at_us, const char *name, int64_t quantity);
/* With a time at which it came to Kafka. */
void append_arrived(struct fixture *f, int32_t partition, int64_t at_us, const char *name, int64_t quantity,
                    int64_t arrived_us);
void append_bad(struct fixture *f, int32_t partition); /* an event that breaks a rule */
void assign(struct fixture *f, int32_t partition);
void tell(struct fixture *f, enum rs_source_event_kind kind, int32_t partition);

/* A worker that publishes at once, with partition 0. */
void begin(struct fixture *f);
/* And one event of group "a" with the quantity 1 at T0, `us` ago. */
void begin_with_one(struct fixture *f, int64_t us);

/* Steps as often as the worker asks for, until `us` have passed; time moves at most 100 ms at once. */
void run_for(struct fixture *f, int64_t us);
/* The newest snapshot, 250 ms later. */
struct one_partition look(struct fixture *f, int32_t partition);

void assert_field(struct fixture *f, const char *aggregate, const char *key, const char *field,
                  const char *expected);
struct rs_memory_store_counts counts_of(const struct fixture *f);
struct fence fence_of(const struct fixture *f);
void move_fence(struct fixture *f, uint64_t token); /* the rest of it stays */
bool has_history(struct fixture *f, const char *key, int64_t start_us);

#endif
