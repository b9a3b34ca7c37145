#include "tests/lib/worker_log_fixture.h"

#include <stdlib.h>

static struct rs_durable_log *open_log(struct fixture *f, struct fake_io *io)
{
    struct rs_durable_log *log = NULL;

    fake_io_init(io, &f->kept->shared);
    const struct rs_durable_log_options options = {
        .workers = 1,
        .io = fake_io_table(io),
        .streams = f->streams,
        .clock = &f->clock.clock,
    };
    OK(rs_durable_log_new(&options, &log, &f->error));
    return log;
}

static void open_own_log(struct fixture *f)
{
    f->kept->durable = open_log(f, &f->kept->io);
    f->other_log = rs_durable_log_table(f->kept->durable);
}

int setup_log(void **state)
{
    int rc = setup(state);
    struct fixture *f = *state;

    f->kept = calloc(1, sizeof *f->kept);
    assert_non_null(f->kept);
    f->kept->shared.committed = -1;
    open_own_log(f);
    f->kept->other = open_log(f, &f->kept->other_io);
    return rc;
}

int teardown_log(void **state)
{
    struct kept_log *kept = ((struct fixture *)*state)->kept;
    int rc = teardown(state);

    rs_durable_log_free(&kept->durable);
    rs_durable_log_free(&kept->other);
    fake_io_free(&kept->io);
    fake_io_free(&kept->other_io);
    fake_log_free(&kept->shared);
    free(kept);
    return rc;
}

void crash(struct fixture *f)
{
    rs_worker_free(&f->worker);
    rs_durable_log_free(&f->kept->durable);
    fake_io_free(&f->kept->io);
    open_own_log(f);
    OK(rs_memory_source_tell(f->source, RS_SOURCE_REVOKED, 0, 0, NULL, &f->error));
    struct rs_source table = rs_memory_source_table(f->source);
    struct rs_source_event event;
    while (table.ops->take(table.self, 0, &event)) {
        if (event.kind == RS_SOURCE_RECORDS) {
            table.ops->release(table.self, 0);
        } else if (event.kind == RS_SOURCE_REVOKED) {
            table.ops->done(table.self, 0, 0);
        }
    }
    begin(f);
}

void ask_for_a_rebuild(struct fixture *f, int64_t from)
{
    fake_log_rebuild(&f->kept->shared, f->streams->group, f->streams->items[0].name, 0, from);
}

uint64_t claim_elsewhere(struct fixture *f)
{
    struct rs_state_log table = rs_durable_log_table(f->kept->other);
    struct rs_state_event event;
    uint64_t token = 0;

    OK(table.ops->claim(table.self, (struct rs_partition_id){0, 0, 0}, -1, &f->error));
    while (table.ops->take(table.self, 0, &event)) {
        token = event.kind == RS_STATE_CLAIMED ? event.token : token;
    }
    assert_true(token > 0);
    return token;
}
