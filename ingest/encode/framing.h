/* framing: the prefix that this publisher puts before each datum of a stream.
 * Thread: any. */
#ifndef RS_INGEST_ENCODE_FRAMING_H
#define RS_INGEST_ENCODE_FRAMING_H

#include "base/error.h"
#include "schemas/stream.h"

struct rs_framing_prefix {
    uint8_t bytes[10];
    size_t size;
};

/* `text`: bare, confluent:ID or single-object; NULL: what the stream's configuration says, bare where it
 * leaves it open.
 * Errors: RS_EUSAGE; confluent needs the id that the registry gave the schema. */
RS_MUST_USE int rs_framing_prefix_of(const struct rs_stream *stream, const char *text,
                                     struct rs_framing_prefix *out, struct rs_error *error);

#endif
