/* check: what rollstatd would reject of an event whatever else it holds: one without a time, or whose time no
 * calendar has; of an upsert stream one without a version. What the schema allows and the stream does not is found
 * before it is sent. The stream's rules are not looked at: they belong to who counts.
 * Thread: any may check; the object is immutable once made. */
#ifndef RS_INGEST_PUBLISH_CHECK_H
#define RS_INGEST_PUBLISH_CHECK_H

#include "base/error.h"
#include "base/slice.h"
#include "schemas/program.h"
#include "schemas/stream.h"

struct rs_check {
    const struct rs_stream *stream;
    struct rs_program *program;
    int time, version; /* of the values that it gives; -1: of the record, or none */
};

/* Borrows the stream.
 * Errors: those of compiling its paths. */
RS_MUST_USE int rs_check_init(struct rs_check *check, const struct rs_stream *stream, struct rs_error *error);
void rs_check_fini(struct rs_check *check);

/* A bare datum that has passed the decoder. RS_ERECORD: the text names the field, and the reason that rollstatd
 * would give. */
RS_MUST_USE int rs_check_event(const struct rs_check *check, struct rs_slice datum, struct rs_error *error);

#endif
