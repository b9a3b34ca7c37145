/* fake log: a log io in memory that several instances share, for tests of the state log's protocol. What
 * happens to an append is told beforehand; acknowledgements wait until they are taken. One partition of one
 * stream. Thread: one. */
#ifndef RS_TESTS_FAKE_LOG_H
#define RS_TESTS_FAKE_LOG_H

#include "base/buf.h"
#include "transform/statelog/append_log.h"

#define FAKE_RECORDS_MAX 512
#define FAKE_EVENTS_MAX  1024

/* What Kafka holds. */
struct fake_log {
    struct rs_buf records[FAKE_RECORDS_MAX];
    int64_t first, end;
    int64_t committed; /* of the group, -1: none */
};

/* What becomes of the next append. */
enum fake_fate {
    FAKE_FINE,
    FAKE_NO_OFFSET,   /* in the log, acknowledged without an offset */
    FAKE_LOST_ACK,    /* in the log, but refused to the appender */
    FAKE_LOST_RECORD, /* refused, and not in the log */
    FAKE_DELAYED,     /* lands, and is acknowledged, when fake_land is called */
    FAKE_NO_ROOM,
};

struct fake_io {
    struct fake_log *log;
    enum fake_fate fates[32];
    int fate_count, fate_at;
    bool trim_refused, read_broken; /* the next ones */
    bool read_trimmed;              /* broken because a later owner trimmed the claim away */
    struct rs_append_event events[FAKE_EVENTS_MAX];
    int event_first, event_count;
    struct rs_buf delayed[32];
    uint64_t delayed_cookies[32];
    int delayed_count;
    struct rs_partition_id id;
    struct rs_error error;
    int trims, reads, appends;
    int trims_at_read; /* before this reading another instance trims the whole log; 0: never */
    int64_t trimmed_to;
};

void fake_log_free(struct fake_log *log);
/* The record of `rollstatd --rebuild`: what comes before it is void, input is read from this offset on. */
void fake_log_rebuild(struct fake_log *log, const char *group, const char *stream, int32_t partition,
                      int64_t from);
void fake_io_init(struct fake_io *io, struct fake_log *log);
void fake_io_free(struct fake_io *io);
struct rs_append_log fake_io_table(struct fake_io *io);
void fake_fate(struct fake_io *io, enum fake_fate fate);
/* Delayed appends reach the log now. */
void fake_land(struct fake_io *io);

#endif
