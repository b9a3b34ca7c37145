/* decoder: messages of one stream in, values of the wanted fields out, whichever known schema wrote them.
 * The one way from a message's bytes to values: takes the framing off, finds the program of the writer schema
 * and runs it. The daemon judges every record with it, in `--replay` too, and the fuzzer runs the same code.
 * One program is compiled for each writer schema of the registry that resolves to the stream's own
 * (rs_program_resolve). Messages of the others are refused as `schema_incompatible`. Where the framing is
 * `auto` and a message that was taken for bare does not decode, but begins like a framed message with an
 * unknown id or fingerprint, the reason is `unknown_schema`: what the message names, not what its bytes would
 * be without a frame.
 * Where there is a schema registry, ids that `schemas.ids` has not are learned from it: rs_decoder_learn.
 * Thread: immutable once it learns; any number of threads may run it. */
#ifndef RS_SCHEMAS_DECODER_H
#define RS_SCHEMAS_DECODER_H

#include <stddef.h>

#include "base/error.h"
#include "base/reason.h"
#include "base/slice.h"
#include "schemas/frame.h"
#include "schemas/json_program.h"
#include "schemas/learned.h"
#include "schemas/program.h"
#include "schemas/program_place.h"

struct rs_decoder;

/* Sees each value of a message that has no values in it: its place, size in bytes, type, and the text that
 * rs_program_json makes of it. */
struct rs_decoder_visitor {
    void (*visit)(void *self, const struct rs_place *place, size_t size, const struct rs_schema *type,
                  struct rs_slice json);
    void *self;
};

/* `own`: number of the stream's own schema in the registry (rs_stream.writer). The registry must outlive the
 * decoder; the paths need not.
 * Errors: as rs_program_compile of the own schema. */
RS_MUST_USE int rs_decoder_new(const struct rs_frame_registry *registry, enum rs_framing framing, size_t own,
                               const char *const *paths, size_t count, struct rs_program_limits limits,
                               struct rs_decoder **out, struct rs_error *error);
/* The same for a stream of JSON messages, which `schema` describes. `framing`: bare; confluent, a 00 and the id of
 * a JSON schema, which is not asked for; auto takes such a prefix off where there is one, as no JSON begins with
 * a 00. */
RS_MUST_USE int rs_decoder_new_json(const struct rs_schema *schema, enum rs_framing framing,
                                    const char *const *paths, size_t count, struct rs_program_limits limits,
                                    const struct rs_json_options *options, struct rs_decoder **out,
                                    struct rs_error *error);
void rs_decoder_free(struct rs_decoder **decoder);

/* As rs_program_run, or rs_json_program_run with its `text` (NULL: no JSON); `at` counts from the first byte of the message, its framing included, and is 0 where the
 * framing or the writer schema is what is wrong. */
enum rs_reason rs_decoder_run(const struct rs_decoder *decoder, struct rs_slice message, uint8_t *text,
                              struct rs_value *values, size_t *at);

/* ---- with a registry ---- */

/* From now on ids are asked for. `paths` as in rs_decoder_new; they outlive the decoder, as `stream` does, which
 * is the name of the stream for reports. Nothing changes where the framing has no ids, or messages are JSON. RS_ENOMEM. */
RS_MUST_USE int rs_decoder_learn(struct rs_decoder *decoder, const struct rs_registry_asker *asker,
                                 const char *const *paths, const char *stream, struct rs_report report,
                                 struct rs_error *error);
/* NULL: it does not learn. */
struct rs_learned *rs_decoder_learned(const struct rs_decoder *decoder);

/* No reason to refuse a message: its schema is being asked for, and it has to be run again later. */
#define RS_DECODER_WAITS ((enum rs_reason)RS_REASON_COUNT)

/* As rs_decoder_run, of a decoder that learns. Where table->header names the schema, the whole message is its datum;
 * a header that is none is RS_REASON_FRAMING. RS_DECODER_WAITS: what rs_decoder_key says is asked for. A schema that
 * does not resolve, or that the registry has and that is not to be read, is RS_REASON_SCHEMA_INCOMPATIBLE; an id that
 * the registry says it does not have is as one that `schemas.ids` has not. `at` may be NULL. */
enum rs_reason rs_decoder_run_learning(const struct rs_decoder *decoder, struct rs_learned_table *table,
                                       struct rs_slice message, struct rs_value *values, size_t *at);
/* What a message, or its header, names for a registry. False: nothing. */
bool rs_decoder_key(const struct rs_learned_table *table, struct rs_slice message,
                    struct rs_registry_key *out);

/* ---- of a message that somebody looks into ---- */

/* As rs_program_visit, with every place counted from the first byte of the message. Where the framing or the
 * writer schema is what is wrong, the place is the message. `table`: of a decoder that learns, whose schemas are
 * then read too, or RS_DECODER_WAITS; NULL: the configuration's alone. Of JSON nothing is visited: NONE. */
enum rs_reason rs_decoder_visit(const struct rs_decoder *decoder, struct rs_learned_table *table,
                                struct rs_slice message, const struct rs_decoder_visitor *visitor,
                                struct rs_place *place);
/* Where a message is not acceptable, Avro or JSON; `text` and `values` as for rs_decoder_run. */
enum rs_reason rs_decoder_place(const struct rs_decoder *decoder, struct rs_learned_table *table,
                                struct rs_slice message, uint8_t *text, struct rs_value *values,
                                struct rs_place *place);
/* As rs_program_find_value, from the first byte of the message. */
bool rs_decoder_find_value(const struct rs_decoder *decoder, struct rs_learned_table *table,
                           struct rs_slice message, const char *path, size_t *at);

/* What a message, or its header in `table` (NULL: not looked at), says of its writer's schema: "confluent:42",
 * "confluent:" and a GUID, "single-object:5a1e64b8f1d8e5e5" (the
 * fingerprint, as rollstat-schema prints it) or "bare". `reason` is rs_decoder_run's: a message that is refused
 * for what it names is one that names it. Empty: it is not framed as the stream's messages are. */
#define RS_DECODER_SCHEMA_MAX 64
void rs_decoder_schema_text(const struct rs_decoder *decoder, const struct rs_learned_table *table,
                            struct rs_slice message, enum rs_reason reason, char out[RS_DECODER_SCHEMA_MAX]);

#endif
