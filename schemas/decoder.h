/* decoder: messages of one stream in, values of the wanted fields out, whichever known schema wrote them.
 * Takes the framing off, finds the program of the writer schema and runs it. One program is compiled per
 * writer schema of the registry that is a record of the same name and whose fields suit: every wanted field
 * is there with the type it has in the stream's own schema (a decimal may have fewer digits, and a field that
 * is nullable in the stream's schema need not be in the writer's). Messages of other writer schemas are
 * refused as `unknown_schema`. Where framing is `auto` and a message that was taken for bare does not decode,
 * but begins like a framed message with an unknown id or fingerprint, the reason is `unknown_schema` rather
 * than what the bytes looked like.
 * Thread: immutable; any number of threads may run it. */
#ifndef RS_SCHEMAS_DECODER_H
#define RS_SCHEMAS_DECODER_H

#include <stddef.h>

#include "base/error.h"
#include "base/reason.h"
#include "base/slice.h"
#include "schemas/frame.h"
#include "schemas/program.h"

struct rs_decoder;

/* `own`: number of the stream's own schema in the registry (rs_stream.writer). The registry must outlive the
 * decoder.
 * Errors: as rs_program_compile for the own schema. */
RS_MUST_USE int rs_decoder_new(const struct rs_frame_registry *registry, enum rs_framing framing, size_t own,
                               const char *const *paths, size_t count, struct rs_program_limits limits,
                               struct rs_decoder **out, struct rs_error *error);
void rs_decoder_free(struct rs_decoder **decoder);

/* As rs_program_run; `at` counts from the first byte of the message, its framing included. */
enum rs_reason rs_decoder_run(const struct rs_decoder *decoder, struct rs_slice message,
                              struct rs_value *values, size_t *at);

/* Type of slot number `slot` in the stream's own schema. */
const struct rs_field_type *rs_decoder_type(const struct rs_decoder *decoder, size_t slot);

/* Why messages of writer schema `writer` are refused; NULL when they are accepted. */
const char *rs_decoder_refusal(const struct rs_decoder *decoder, size_t writer);

/* Program of the stream's own schema, for explain. */
const struct rs_program *rs_decoder_program(const struct rs_decoder *decoder);

#endif
