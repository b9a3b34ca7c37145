/* decoder: messages of one stream in, values of the wanted fields out, whichever known schema wrote them.
 * The one way from a message's bytes to values: takes the framing off, finds the program of the writer schema
 * and runs it. The daemon judges every record with it, in `--replay` too, and the fuzzer runs the same code.
 * One program is compiled for each writer schema of the registry that resolves to the stream's own
 * (rs_program_resolve). Messages of the others are refused as `schema_incompatible`. Where the framing is
 * `auto` and a message that was taken for bare does not decode, but begins like a framed message with an
 * unknown id or fingerprint, the reason is `unknown_schema`: what the message names, not what its bytes would
 * be without a frame.
 * Thread: immutable; any number of threads may run it. */
#ifndef RS_SCHEMAS_DECODER_H
#define RS_SCHEMAS_DECODER_H

#include <stddef.h>

#include "base/error.h"
#include "base/reason.h"
#include "base/slice.h"
#include "schemas/frame.h"
#include "schemas/json_program.h"
#include "schemas/program.h"

struct rs_decoder;

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

#endif
