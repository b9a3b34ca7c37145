/* ahead: rows whose event time lies further ahead of now than the stream's max_future allows. They are
 * published all the same, since it is the record's Kafka time that decides; but with the time of publishing
 * for that, which is the usual case, rollstatd will reject each of them, and whoever publishes should hear of
 * it here.
 * Thread: one.
 * Owns: a decode program. */
#ifndef RS_INGEST_PUBLISH_AHEAD_H
#define RS_INGEST_PUBLISH_AHEAD_H

#include "base/error.h"
#include "base/slice.h"
#include "schemas/program.h"
#include "schemas/stream.h"

struct rs_ahead {
    const struct rs_stream *stream;
    struct rs_program *program; /* NULL: the stream has no such limit */
    uint64_t rows, count;       /* looked at; ahead */
    int64_t most_us;            /* the furthest of them */
};

/* Borrows the stream.
 * Errors: RS_ESCHEMA, RS_ENOMEM. */
RS_MUST_USE int rs_ahead_init(struct rs_ahead *ahead, const struct rs_stream *stream, struct rs_error *error);
void rs_ahead_fini(struct rs_ahead *ahead);

/* True: the first one that is ahead; `text` says so. */
bool rs_ahead_look(struct rs_ahead *ahead, struct rs_slice datum, int64_t now_us, char *text, size_t size);
/* True: there were some; `text` says how many. */
bool rs_ahead_summary(const struct rs_ahead *ahead, char *text, size_t size);

#endif
