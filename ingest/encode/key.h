/* key: the Kafka key of an event: the text of its key fields, joined as a group's key is (base/view.h), so
 * that events of one group meet in one partition. Running it over a datum also checks the datum, since the
 * fields are extracted by the decoder itself.
 * Thread: one per maker. */
#ifndef RS_INGEST_ENCODE_KEY_H
#define RS_INGEST_ENCODE_KEY_H

#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"
#include "schemas/stream.h"

struct rs_key_maker;

/* `fields` is "a,b" and overrides the stream's own; NULL: those. With no fields at all keys are empty.
 * Errors: RS_EUSAGE: no such field, or of a type that makes no key (float and double without a declared
 * scale, bytes, fixed, array, map, timestamps); RS_ENOMEM. */
RS_MUST_USE int rs_key_maker_new(const struct rs_stream *stream, const char *fields,
                                 struct rs_key_maker **out, struct rs_error *error);
void rs_key_maker_free(struct rs_key_maker **maker);

/* Key of a bare datum, valid until the next call; data NULL where there are no fields. RS_ERECORD: not a
 * valid datum, or a number that its declared scale has no decimal for. */
RS_MUST_USE int rs_key_make(struct rs_key_maker *maker, struct rs_slice datum, struct rs_slice *out,
                            struct rs_error *error);

#endif
