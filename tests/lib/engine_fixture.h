/* engine_fixture: a configuration, an engine and encoded events for tests of transform.
 * The schema is one record with a field of every kind the engine treats differently; its Avro encoder is
 * written out here, so that these tests lean on nothing they do not test. */
#ifndef RS_TESTS_ENGINE_FIXTURE_H
#define RS_TESTS_ENGINE_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/config/config.h"
#include "base/record.h"
#include "base/view.h"
#include "schemas/stream.h"
#include "transform/partition/partition.h"

struct fixture {
    char directory[64];
    struct rs_config *config;
    struct rs_streams *streams;
    struct rs_engine *engine;
    struct rs_buf complaints; /* zero-terminated text when loading failed */
};

/* `yaml`: streams and aggregates; group and schemas are put in front. schema: tick.avsc. True: loaded. */
bool fixture_open(struct fixture *f, const char *yaml);
void fixture_close(struct fixture *f);

struct tick {
    const char *id;      /* NULL: null */
    const char *market;  /* NULL: null */
    const char *product; /* NULL: "" */
    int side;            /* BUY SELL UNKNOWN */
    bool no_time;
    int64_t at_us;
    bool no_price;
    int64_t price; /* hundredths */
    int64_t quantity;
    double ratio;
    int32_t day;
    bool open;
    __int128 big; /* ten-thousandths */
    bool no_revision;
    int64_t revision;
    int64_t paid; /* hundredths, never null */
};

/* Appends one encoded tick; returns its size. */
size_t tick_encode(const struct tick *tick, struct rs_buf *out);

/* Emits all that is to be shown, in batches of `bytes`, and settles it as applied; `batch` is used again and again.
 * Returns the operations. For programs that measure: it allocates nothing. */
uint64_t partition_emit_all(struct rs_partition *p, struct rs_view_batch *batch, size_t bytes);

/* Encoded events as records with offsets 0, 1, 2, …; timestamps RS_TIME_NONE. */
struct tick_log {
    struct rs_buf bytes;
    struct rs_record *records;
    size_t *starts; /* in bytes, until tick_log_seal */
    size_t count, capacity;
};
void tick_log_add(struct tick_log *log, const struct tick *tick);
void tick_log_add_bytes(struct tick_log *log, const void *bytes, size_t size);
/* Records point into the bytes from here on; nothing may be added any more. */
const struct rs_record *tick_log_seal(struct tick_log *log);
void tick_log_free(struct tick_log *log);

/* Emits everything, settles it as applied, and hands each operation to `see` (may be NULL). */
typedef void view_seen(void *ctx, const struct rs_aggregate_meta *meta, const struct rs_op *op);
void partition_drain(const struct fixture *f, struct rs_partition *p, view_seen *see, void *ctx);

/* "NAME=VALUE NAME=VALUE" of an operation's fields, zero-terminated. */
void op_text(const struct rs_aggregate_meta *meta, const struct rs_op *op, struct rs_buf *out);

#endif
