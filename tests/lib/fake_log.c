#include "tests/lib/fake_log.h"

#include <stdlib.h>
#include <string.h>

#include "transform/statelog/record.h"

void fake_log_free(struct fake_log *log)
{
    for (int i = 0; i < FAKE_RECORDS_MAX; i++) {
        rs_buf_fini(&log->records[i]);
    }
}

void fake_io_init(struct fake_io *io, struct fake_log *log)
{
    *io = (struct fake_io){.log = log, .trimmed_to = -1};
}

void fake_io_free(struct fake_io *io)
{
    for (int i = 0; i < io->delayed_count; i++) {
        rs_buf_fini(&io->delayed[i]);
    }
}

void fake_fate(struct fake_io *io, enum fake_fate fate)
{
    if (io->fate_at == io->fate_count) {
        io->fate_at = io->fate_count = 0;
    }
    RS_ASSERT(io->fate_count < 32);
    io->fates[io->fate_count++] = fate;
}

static int64_t put(struct fake_log *log, struct rs_slice bytes)
{
    RS_ASSERT(log->end < FAKE_RECORDS_MAX);
    rs_buf_reset(&log->records[log->end]);
    rs_buf_put(&log->records[log->end], bytes.data, bytes.size);
    return log->end++;
}

void fake_log_rebuild(struct fake_log *log, const char *group, const char *stream, int32_t partition,
                      int64_t from)
{
    struct rs_buf bytes = {0};
    const struct rs_state_record record = {
        .kind = RS_RECORD_CLAIM,
        .identity = rs_state_identity(group, stream, partition),
        .claim = {.flags = RS_CLAIM_REBUILD, .from_offset = from},
    };
    (void)rs_state_record_write(&record, &bytes);
    RS_ASSERT(!bytes.failed);
    (void)put(log, rs_buf_slice(&bytes));
    rs_buf_fini(&bytes);
}

static struct rs_append_event *tell(struct fake_io *io, enum rs_append_event_kind kind)
{
    RS_ASSERT(io->event_first + io->event_count < FAKE_EVENTS_MAX);
    struct rs_append_event *event = &io->events[io->event_first + io->event_count++];
    *event =
        (struct rs_append_event){.kind = kind, .id = io->id, .offset = -1, .committed = io->log->committed};
    event->error = &io->error;
    return event;
}

static void acknowledge(struct fake_io *io, uint64_t cookie, int64_t offset)
{
    struct rs_append_event *event = tell(io, RS_APPEND_DONE);
    event->cookie = cookie;
    event->offset = offset;
}

void fake_land(struct fake_io *io)
{
    for (int i = 0; i < io->delayed_count; i++) {
        acknowledge(io, io->delayed_cookies[i], put(io->log, rs_buf_slice(&io->delayed[i])));
        rs_buf_fini(&io->delayed[i]);
    }
    io->delayed_count = 0;
}

static int fake_append(void *self, struct rs_partition_id id, struct rs_slice bytes, uint64_t cookie,
                       struct rs_error *error)
{
    struct fake_io *io = self;
    enum fake_fate fate = io->fate_at < io->fate_count ? io->fates[io->fate_at++] : FAKE_FINE;
    io->id = id;
    io->appends++;
    switch (fate) {
    case FAKE_FINE: acknowledge(io, cookie, put(io->log, bytes)); break;
    case FAKE_NO_OFFSET:
        (void)put(io->log, bytes);
        acknowledge(io, cookie, -1);
        break;
    case FAKE_LOST_ACK: (void)put(io->log, bytes); /* fall through */
    case FAKE_LOST_RECORD:
        (void)rs_fail(&io->error, RS_EBROKER, "the broker went away");
        tell(io, RS_APPEND_REFUSED)->cookie = cookie;
        break;
    case FAKE_DELAYED:
        RS_ASSERT(io->delayed_count < 32);
        rs_buf_put(&io->delayed[io->delayed_count], bytes.data, bytes.size);
        io->delayed_cookies[io->delayed_count++] = cookie;
        break;
    case FAKE_NO_ROOM: return rs_fail(error, RS_ELIMIT, "no room");
    }
    return 0;
}

static int fake_read(void *self, struct rs_partition_id id, int64_t until, struct rs_error *error)
{
    struct fake_io *io = self;
    (void)error;
    io->id = id;
    io->reads++;
    if (io->reads == io->trims_at_read) {
        io->log->first = io->log->end; /* by another instance, all of it */
    }
    if (io->read_broken) {
        io->read_broken = false;
        (void)rs_fail(&io->error, io->read_trimmed ? RS_ETRIMMED : RS_EBROKER,
                      "the log's head was trimmed away meanwhile");
        io->error.class = RS_CLASS_RETRY;
        (void)tell(io, RS_APPEND_BROKEN);
        return 0;
    }
    for (int64_t at = io->log->first; at <= until; at++) {
        struct rs_append_event *event = tell(io, RS_APPEND_RECORD);
        event->offset = at;
        event->bytes = rs_buf_slice(&io->log->records[at]);
    }
    struct rs_append_event *end = tell(io, RS_APPEND_END);
    end->offset = io->log->first;
    end->end = io->log->end;
    return 0;
}

static int fake_trim(void *self, struct rs_partition_id id, int64_t before, struct rs_error *error)
{
    struct fake_io *io = self;
    (void)error;
    io->id = id;
    io->trims++;
    if (io->trim_refused) {
        (void)rs_fail(&io->error, RS_EBROKER, "not authorized to delete records");
        (void)tell(io, RS_APPEND_TRIMMED);
        return 0;
    }
    io->trimmed_to = before;
    io->log->first = before > io->log->first ? before : io->log->first;
    tell(io, RS_APPEND_TRIMMED)->offset = io->log->first;
    return 0;
}

static void fake_forget(void *self, struct rs_partition_id id)
{
    struct fake_io *io = self;
    (void)id;
    io->event_first = io->event_count = 0;
}

static bool fake_take(void *self, uint32_t worker, struct rs_append_event *out)
{
    struct fake_io *io = self;
    (void)worker;
    if (io->event_count == 0) {
        io->event_first = 0;
        return false;
    }
    *out = io->events[io->event_first++];
    io->event_count--;
    return true;
}

static int fake_wake_fd(void *self, uint32_t worker)
{
    (void)self;
    (void)worker;
    return -1;
}

static const struct rs_append_log_ops fake_ops = {
    .append = fake_append,
    .read = fake_read,
    .trim = fake_trim,
    .forget = fake_forget,
    .take = fake_take,
    .wake_fd = fake_wake_fd,
};

struct rs_append_log fake_io_table(struct fake_io *io)
{
    return (struct rs_append_log){.self = io, .ops = &fake_ops};
}
