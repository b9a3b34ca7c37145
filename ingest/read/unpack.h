/* unpack: packed bytes to plain ones, in the formats that files and the blocks of container files have.
 * A few bytes may become any number, so what comes out goes into room that the caller gives piece by piece.
 * Thread: one per object.
 * Limits: RS_UNPACK_MEMORY_MAX bytes for what a stream refers back to. */
#ifndef RS_INGEST_READ_UNPACK_H
#define RS_INGEST_READ_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

/* What the zstd program reads without being asked for more; xz -9 takes half of it. */
#define RS_UNPACK_MEMORY_LOG2 27
#define RS_UNPACK_MEMORY_MAX  (1u << RS_UNPACK_MEMORY_LOG2)

enum rs_unpack_format {
    RS_UNPACK_NONE = 0,
    RS_UNPACK_GZIP,
    RS_UNPACK_DEFLATE, /* without any wrapper (RFC 1951) */
    RS_UNPACK_ZSTD,
    RS_UNPACK_BZIP2,
    RS_UNPACK_XZ,
};
const char *rs_unpack_name(enum rs_unpack_format format);

enum rs_unpack_result {
    RS_UNPACK_GOING, /* the input is used up, or the room is */
    RS_UNPACK_ENDED, /* the stream is at its end; what is left of the input does not belong to it */
    RS_UNPACK_DAMAGED,
    RS_UNPACK_GREEDY, /* the stream wants more than RS_UNPACK_MEMORY_MAX */
    RS_UNPACK_NO_MEMORY,
};

struct rs_unpack;

/* NULL: out of memory. */
struct rs_unpack *rs_unpack_new(enum rs_unpack_format format);
void rs_unpack_free(struct rs_unpack **unpack);
/* Another stream of the format begins. false: out of memory. */
RS_MUST_USE bool rs_unpack_restart(struct rs_unpack *unpack);

/* Takes from the front of *in, and writes *made bytes to `out`, at most `room`. When nothing is taken and
 * nothing made, the stream needs more input. */
RS_MUST_USE enum rs_unpack_result rs_unpack_run(struct rs_unpack *unpack, struct rs_slice *in, uint8_t *out,
                                                size_t room, size_t *made);

#endif
