/* kafka_member: Kafka sources on librdkafka's mock cluster, each with what came out of it. One thread plays the control
 * thread and all workers.
 * Thread: one. Every function asserts (cmocka): call them on the test's thread.
 * Invariant: of each partition every record is the one after that before it, from where reading began. */
#ifndef RS_TESTS_KAFKA_MEMBER_H
#define RS_TESTS_KAFKA_MEMBER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <string.h>

#include "base/config/config.h"
#include "ingest/kafka/internal.h"
#include "ingest/kafka/source.h"
#include "tests/lib/mock_kafka.h"

#define PATIENCE_US (60 * INT64_C(1000000))
#define WORKERS     2
#define PARTITIONS  4
#define OFFSETS_MAX 512

struct seen {
    bool assigned, reading;
    uint32_t worker;
    int assignments, revocations, stops;
    int64_t offsets[OFFSETS_MAX];
    int count;
    int64_t next; /* offset that has to come next: the mock's logs have no gaps */
};

struct member {
    struct rs_stream stream;
    struct rs_streams streams;
    struct rs_kafka_source *source;
    int64_t start;
    bool keep_revoked; /* read on what is revoked */
    bool keep_held;    /* do not release runs */
    bool took[WORKERS];
    struct seen seen[PARTITIONS];
    char log[8192];
    char stop_text[RS_ERROR_TEXT_MAX];
};

extern struct rs_mock_kafka mock; /* where the members are */

/* The mock waits 3 s for a group's first members, so the members of all tests are opened together, at the start. */
void open_cluster(const char *const topics[], size_t count);
void close_cluster(void);

void open_member(struct member *member, const char *name, const char *topic, int64_t start);
void produce(const char *topic, int32_t partition, int count);

/* What a worker does. */
void start(struct member *member, int32_t partition, int64_t offset);
void let_go(struct member *member, int32_t partition);
void on_records(struct member *member, const struct rs_source_event *event);
void on_event(struct member *member, uint32_t worker, const struct rs_source_event *event);
void pump(struct member *member); /* all that there is; NULL: nobody */

int assigned_count(const struct member *member);
int records_count(const struct member *member);
void assert_offsets(const struct seen *seen, int64_t from, int count);

/* Pumps one or two members until the condition holds. */
#define PUMP_UNTIL(condition, a, b)                                                                          \
    do {                                                                                                     \
        int64_t until = rs_clock_mono(rs_clock_system()) + PATIENCE_US;                                      \
        while (!(condition) && rs_clock_mono(rs_clock_system()) < until) {                                   \
            pump(a);                                                                                         \
            pump(b);                                                                                         \
            (void)poll(NULL, 0, 2);                                                                          \
        }                                                                                                    \
        assert_true(condition);                                                                              \
    } while (0)

#define NOBODY ((struct member *)NULL)

#endif
