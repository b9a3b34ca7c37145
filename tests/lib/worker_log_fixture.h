/* worker_log_fixture: the worker of worker_fixture with a durable state log, which another instance shares.
 * Thread: one. */
#ifndef RS_TESTS_WORKER_LOG_FIXTURE_H
#define RS_TESTS_WORKER_LOG_FIXTURE_H

#include "tests/lib/fake_log.h"
#include "tests/lib/worker_fixture.h"
#include "transform/statelog/protocol.h"

struct kept_log {
    struct fake_log shared;
    struct fake_io io, other_io;
    struct rs_durable_log *durable, *other; /* the worker's; another instance's */
};

int setup_log(void **state);
int teardown_log(void **state);
#define LOG_TEST(name) cmocka_unit_test_setup_teardown(name, setup_log, teardown_log)

/* The process is gone, with all that was under way; another begins. */
void crash(struct fixture *f);
/* The other instance claims partition 0; its token. */
uint64_t claim_elsewhere(struct fixture *f);
/* As `rollstatd --rebuild` does. */
void ask_for_a_rebuild(struct fixture *f, int64_t from);

#endif
