/* message: what is sent for an encoded event: the event itself, or, of a stream of JSON messages, the JSON that says
 * the same. That is read once by the stream's own reader before anybody else gets to see it.
 * Thread: one per maker. */
#ifndef RS_INGEST_ENCODE_MESSAGE_H
#define RS_INGEST_ENCODE_MESSAGE_H

#include "base/error.h"
#include "base/slice.h"
#include "ingest/encode/framing.h"
#include "schemas/stream.h"

struct rs_message_maker;

/* Borrows the stream.
 * Errors: RS_ENOMEM, and what compiling a reader of the stream comes to. */
RS_MUST_USE int rs_message_maker_new(const struct rs_stream *stream, const struct rs_framing_prefix *prefix,
                                     struct rs_message_maker **out, struct rs_error *error);
void rs_message_maker_free(struct rs_message_maker **maker);

/* `framed` is the prefix and the datum, which has passed the decoder. *out lives until the next call.
 * Errors: RS_ERECORD: JSON cannot say it as the stream declares, or the message is larger than the stream's
 * max_record_bytes; RS_ENOMEM. */
RS_MUST_USE int rs_message_make(struct rs_message_maker *maker, struct rs_slice framed, struct rs_slice *out,
                                struct rs_error *error);

#endif
