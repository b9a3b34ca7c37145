/* frame: how a message says which schema wrote it.
 *   bare           the datum alone: the stream's own schema
 *   confluent      00, 4-byte big-endian id, datum: id looked up in `schemas.ids`
 *   single-object  C3 01, 8-byte little-endian CRC-64-AVRO fingerprint, datum (Avro 1.11.1 specification)
 * `auto` decides for each message, in this order:
 *   1. it begins C3 01 with the fingerprint of a schema the registry knows: single-object
 *   2. it begins 00 with an id that `schemas.ids` knows: confluent
 *   3. else bare
 * So it is a function of the message and the configuration alone, and a replayed log decides alike. A bare
 * datum can be mistaken for 1 only by 8 bytes that are equal by chance, for 2 only where ids are configured
 * and the datum begins with a byte 00 (an empty string, a zero, a first branch): whoever has such data names
 * the framing.
 * Thread: the registry is immutable after loading. */
#ifndef RS_SCHEMAS_FRAME_H
#define RS_SCHEMAS_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/reason.h"
#include "base/slice.h"
#include "schemas/schema.h"

enum rs_framing { RS_FRAMING_AUTO, RS_FRAMING_BARE, RS_FRAMING_CONFLUENT, RS_FRAMING_SINGLE_OBJECT };

struct rs_frame_registry; /* ids and fingerprints of all known writer schemas */

/* Building. Schemas are borrowed and have to be the roots of their documents. */
RS_MUST_USE int rs_frame_registry_new(struct rs_frame_registry **out, struct rs_error *error);
void rs_frame_registry_free(struct rs_frame_registry **registry);
RS_MUST_USE int rs_frame_add(struct rs_frame_registry *registry, const struct rs_schema *schema,
                             size_t *number, struct rs_error *error);
/* RS_EINVAL: the id stands for another schema already. */
RS_MUST_USE int rs_frame_add_id(struct rs_frame_registry *registry, uint32_t id, size_t number,
                                struct rs_error *error);

struct rs_frame_options {
    enum rs_framing framing;
    bool header; /* CONFLUENT: the record's header names the schema, where it has one: decoder.h */
};

RS_MUST_USE int rs_framing_parse(const char *text, enum rs_framing *out);
const char *rs_framing_name(enum rs_framing framing);

/* Writer schemas known to the configuration, numbered from 0. Number of a stream's own schema, found by
 * fingerprint. */
size_t rs_frame_schema_count(const struct rs_frame_registry *registry);
const struct rs_schema *rs_frame_schema(const struct rs_frame_registry *registry, size_t number);

/* Splits `message`. *writer becomes the number of the writer schema: `own` for bare, and where a fingerprint
 * belongs to several schemas (it knows no logical types) and `own` is one of them. Reasons: FRAMING (not
 * framed as `framing` says), UNKNOWN_SCHEMA. */
enum rs_reason rs_frame_split(const struct rs_frame_registry *registry, enum rs_framing framing, size_t own,
                              struct rs_slice message, size_t *writer, struct rs_slice *datum);

/* Whether the message begins as one of framing confluent does; then its id, and what is behind it. */
bool rs_frame_confluent(struct rs_slice message, uint32_t *id, struct rs_slice *datum);

/* Whether a message that was taken for bare begins like a framed one whose schema is not known: C3 01 and 8
 * bytes, or, where ids are configured, 00 and 4 bytes. Then, if it does not decode either, that is the
 * likelier fault. */
bool rs_frame_looks_framed(const struct rs_frame_registry *registry, struct rs_slice message);

/* How a message that is framed or looks so names its schema: the id or the fingerprint. Bare: it begins
 * neither way. */
enum rs_framing rs_frame_named(struct rs_slice message, uint64_t *name);

/* Number of the schema with this id; SIZE_MAX if none. */
size_t rs_frame_find_id(const struct rs_frame_registry *registry, uint32_t id);

/* Writes the prefix of a message (at most 10 bytes; none for bare and auto); returns its length. `id` for
 * confluent. */
size_t rs_frame_prefix(enum rs_framing framing, uint32_t id, uint64_t crc64, uint8_t out[10]);

#endif
