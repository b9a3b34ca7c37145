#include "schemas/decoder.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct rs_decoder {
    struct rs_json_program *json; /* NULL: messages are Avro */
    const struct rs_frame_registry *registry;
    enum rs_framing framing;
    size_t own;
    struct rs_learned *learned; /* NULL: no registry */
    const char *const *paths;   /* of a decoder that learns */
    size_t path_count;
    struct rs_program_limits limits;
    size_t count;
    struct rs_program *programs[]; /* by number of the schema in the registry; NULL: it does not resolve */
};

/* ---- building ---- */

static int resolve(const struct rs_decoder *decoder, const struct rs_schema *writer, const char *const *paths,
                   struct rs_program **out, struct rs_error *error)
{
    return rs_program_resolve(writer, rs_frame_schema(decoder->registry, decoder->own), paths,
                              decoder->path_count, decoder->limits, out, error);
}

/* The program of schema number `writer`; it stays NULL where the schema does not resolve to the own one. */
static int compile_writer(struct rs_decoder *decoder, size_t writer, const char *const *paths,
                          struct rs_error *error)
{
    int code = resolve(decoder, rs_frame_schema(decoder->registry, writer), paths, &decoder->programs[writer],
                       error);
    return code == RS_ESCHEMA && writer != decoder->own ? 0 : code;
}

int rs_decoder_new(const struct rs_frame_registry *registry, enum rs_framing framing, size_t own,
                   const char *const *paths, size_t count, struct rs_program_limits limits,
                   struct rs_decoder **out, struct rs_error *error)
{
    size_t writers = rs_frame_schema_count(registry);
    RS_ASSERT(own < writers);
    struct rs_decoder *decoder = calloc(1, sizeof *decoder + writers * sizeof(struct rs_program *));
    if (!decoder) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    decoder->registry = registry;
    decoder->framing = framing;
    decoder->own = own;
    decoder->path_count = count;
    decoder->limits = limits;
    decoder->count = writers;
    int code = 0;
    for (size_t i = 0; i < writers && code == 0; i++) {
        code = compile_writer(decoder, i, paths, error);
    }
    if (code != 0) {
        rs_decoder_free(&decoder);
        return code;
    }
    *out = decoder;
    return 0;
}

int rs_decoder_new_json(const struct rs_schema *schema, enum rs_framing framing, const char *const *paths,
                        size_t count, struct rs_program_limits limits, const struct rs_json_options *options,
                        struct rs_decoder **out, struct rs_error *error)
{
    struct rs_decoder *decoder = calloc(1, sizeof *decoder);
    if (!decoder) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    decoder->framing = framing;
    int code = rs_json_program_compile(schema, paths, count, limits, options, &decoder->json, error);
    if (code != 0) {
        rs_decoder_free(&decoder);
        return code;
    }
    *out = decoder;
    return 0;
}

void rs_decoder_free(struct rs_decoder **decoder)
{
    if (!decoder || !*decoder) {
        return;
    }
    rs_json_program_free(&(*decoder)->json);
    rs_learned_free(&(*decoder)->learned);
    for (size_t i = 0; i < (*decoder)->count; i++) {
        rs_program_free(&(*decoder)->programs[i]);
    }
    free(*decoder);
    *decoder = NULL;
}

/* ---- running ---- */

/* Whether only a registry can know what the message names. */
static bool names_learned(const struct rs_decoder *decoder, struct rs_slice message)
{
    uint32_t id;
    struct rs_slice datum;
    return decoder->learned && rs_frame_confluent(message, &id, &datum);
}

/* A message that was refused behind a prefix of `prefix` bytes. */
static __attribute__((noinline, cold)) enum rs_reason refused(const struct rs_decoder *decoder,
                                                              struct rs_slice message, size_t prefix,
                                                              enum rs_reason reason, size_t *at)
{
    bool guessed_bare = decoder->framing == RS_FRAMING_AUTO && prefix == 0;
    bool unknown = guessed_bare &&
                   (rs_frame_looks_framed(decoder->registry, message) || names_learned(decoder, message));
    if (at) {
        *at = unknown ? 0 : *at + prefix;
    }
    return unknown ? RS_REASON_UNKNOWN_SCHEMA : reason;
}

/* False: it is not framed as it has to be. */
static bool take_json(const struct rs_decoder *decoder, struct rs_slice message, struct rs_slice *json)
{
    uint32_t id; /* of a JSON schema, which nobody asks for */
    *json = message;
    bool framed = decoder->framing != RS_FRAMING_BARE && rs_frame_confluent(message, &id, json);
    return framed || decoder->framing != RS_FRAMING_CONFLUENT;
}

static enum rs_reason run_json(const struct rs_decoder *decoder, struct rs_slice message, uint8_t *text,
                               struct rs_value *values, size_t *at)
{
    struct rs_slice json;
    if (!take_json(decoder, message, &json)) {
        if (at) {
            *at = 0;
        }
        return RS_REASON_FRAMING;
    }
    enum rs_reason reason = rs_json_program_run(decoder->json, json, text, values, at);
    if (at) {
        *at += message.size - json.size;
    }
    return reason;
}

/* The program of an Avro message's writer and its datum; NULL: none, for `reason`. */
static inline const struct rs_program *program_of(const struct rs_decoder *decoder, struct rs_slice message,
                                                  struct rs_slice *datum, enum rs_reason *reason)
{
    size_t writer = 0;
    *reason = rs_frame_split(decoder->registry, decoder->framing, decoder->own, message, &writer, datum);
    const struct rs_program *program = *reason == RS_REASON_NONE ? decoder->programs[writer] : NULL;
    if (*reason == RS_REASON_NONE && !program) {
        *reason = RS_REASON_SCHEMA_INCOMPATIBLE;
    }
    return program;
}

enum rs_reason rs_decoder_run(const struct rs_decoder *decoder, struct rs_slice message, uint8_t *text,
                              struct rs_value *values, size_t *at)
{
    if (__builtin_expect(decoder->json != NULL, 0)) {
        return run_json(decoder, message, text, values, at);
    }
    struct rs_slice datum;
    enum rs_reason reason;
    const struct rs_program *program = program_of(decoder, message, &datum, &reason);
    if (!program) {
        if (at) {
            *at = 0;
        }
        return reason;
    }
    reason = rs_program_run(program, datum, values, at);
    return __builtin_expect(reason == RS_REASON_NONE, 1)
               ? reason
               : refused(decoder, message, message.size - datum.size, reason, at);
}

/* ---- learning ---- */

static int compile_learned(void *self, const struct rs_schema *writer, struct rs_program **out,
                           struct rs_error *error)
{
    const struct rs_decoder *decoder = self;

    return resolve(decoder, writer, decoder->paths, out, error);
}

int rs_decoder_learn(struct rs_decoder *decoder, const struct rs_registry_asker *asker,
                     const char *const *paths, const char *stream, struct rs_report report,
                     struct rs_error *error)
{
    const struct rs_learned_options options = {
        .asker = *asker,
        .compile = compile_learned,
        .self = decoder,
        .stream = stream,
        .report = report,
    };

    bool framed = decoder->framing == RS_FRAMING_AUTO || decoder->framing == RS_FRAMING_CONFLUENT;
    if (decoder->json || !framed) {
        return 0;
    }
    decoder->paths = paths;
    rs_learned_free(&decoder->learned); /* of a former registry, where the same engine is opened anew */
    return rs_learned_new(&options, &decoder->learned, error);
}

struct rs_learned *rs_decoder_learned(const struct rs_decoder *decoder)
{
    return decoder->learned;
}

/* `program` NULL: it does not resolve, or is refused for good. */
static inline enum rs_reason run_framed(const struct rs_program *program, struct rs_slice message,
                                        struct rs_slice datum, struct rs_value *values, size_t *at)
{
    enum rs_reason reason =
        program ? rs_program_run(program, datum, values, at) : RS_REASON_SCHEMA_INCOMPATIBLE;
    if (__builtin_expect(at != NULL, 0)) {
        *at = program ? *at + (message.size - datum.size) : 0;
    }
    return reason;
}

/* Of a message whose header names its schema; NULL: none, for `reason`. Nothing is guessed. */
static const struct rs_program *program_by_header(const struct rs_decoder *decoder,
                                                  struct rs_learned_table *table, enum rs_reason *reason)
{
    struct rs_registry_key key;
    const struct rs_program *program = NULL;
    *reason = RS_REASON_FRAMING;
    if (!rs_registry_key_read(table->header, &key)) {
        return NULL;
    }
    size_t writer = key.by_guid ? SIZE_MAX : rs_frame_find_id(decoder->registry, key.id);
    if (writer != SIZE_MAX) {
        *reason = RS_REASON_SCHEMA_INCOMPATIBLE;
        return decoder->programs[writer];
    }
    switch (rs_learned_find_key(decoder->learned, table, &key, &program)) {
    case RS_LEARNED_KNOWN:
    case RS_LEARNED_REFUSED: *reason = RS_REASON_SCHEMA_INCOMPATIBLE; break;
    case RS_LEARNED_UNKNOWN: *reason = RS_REASON_UNKNOWN_SCHEMA; break;
    case RS_LEARNED_WAITS: *reason = RS_DECODER_WAITS; break;
    }
    return program;
}

static __attribute__((noinline)) enum rs_reason run_by_header(const struct rs_decoder *decoder,
                                                              struct rs_learned_table *table,
                                                              struct rs_slice message,
                                                              struct rs_value *values, size_t *at)
{
    enum rs_reason reason;
    const struct rs_program *program = program_by_header(decoder, table, &reason);
    if (program) {
        return rs_program_run(program, message, values, at);
    }
    if (at) {
        *at = 0;
    }
    return reason;
}

enum rs_reason rs_decoder_run_learning(const struct rs_decoder *decoder, struct rs_learned_table *table,
                                       struct rs_slice message, struct rs_value *values, size_t *at)
{
    uint32_t id;
    struct rs_slice datum;
    const struct rs_program *program = NULL;

    if (table->header.data) {
        return run_by_header(decoder, table, message, values, at);
    }
    if (!rs_frame_confluent(message, &id, &datum)) {
        return rs_decoder_run(decoder, message, NULL, values, at);
    }
    size_t writer = rs_frame_find_id(decoder->registry, id);
    if (writer != SIZE_MAX) {
        return run_framed(decoder->programs[writer], message, datum, values, at);
    }
    switch (rs_learned_find(decoder->learned, table, id, &program)) {
    case RS_LEARNED_KNOWN:
    case RS_LEARNED_REFUSED: return run_framed(program, message, datum, values, at);
    case RS_LEARNED_UNKNOWN:
        return rs_decoder_run(decoder, message, NULL, values, at); /* `auto`: it may be bare */
    case RS_LEARNED_WAITS: break;
    }
    return RS_DECODER_WAITS;
}

bool rs_decoder_key(const struct rs_learned_table *table, struct rs_slice message,
                    struct rs_registry_key *out)
{
    struct rs_slice datum;
    *out = (struct rs_registry_key){0};
    return table->header.data ? rs_registry_key_read(table->header, out)
                              : rs_frame_confluent(message, &out->id, &datum);
}

/* ---- looking into a message ---- */

struct visiting {
    const struct rs_program *program;
    const struct rs_decoder_visitor *visitor;
    size_t prefix;
    struct rs_buf json;
};

static void visit(void *self, const struct rs_visited *value)
{
    struct visiting *v = self;
    struct rs_place place = *value->place;
    place.at += v->prefix;
    rs_buf_reset(&v->json);
    if (rs_program_value_json(v->program, value, &v->json) == RS_REASON_NONE && !v->json.failed) {
        v->visitor->visit(v->visitor->self, &place, value->size, value->type, rs_buf_slice(&v->json));
    }
}

static bool named_by_header(const struct rs_decoder *decoder, const struct rs_learned_table *table)
{
    return table && decoder->learned && table->header.data;
}

/* As program_of, with what a registry told. */
static const struct rs_program *any_program_of(const struct rs_decoder *decoder,
                                               struct rs_learned_table *table, struct rs_slice message,
                                               struct rs_slice *datum, enum rs_reason *reason)
{
    uint32_t id;
    const struct rs_program *program = NULL;

    if (named_by_header(decoder, table)) {
        *datum = message;
        program = program_by_header(decoder, table, reason);
        *reason = program ? RS_REASON_NONE : *reason;
        return program;
    }
    if (!table || !decoder->learned || !rs_frame_confluent(message, &id, datum) ||
        rs_frame_find_id(decoder->registry, id) != SIZE_MAX) {
        return program_of(decoder, message, datum, reason);
    }
    switch (rs_learned_find(decoder->learned, table, id, &program)) {
    case RS_LEARNED_KNOWN: *reason = RS_REASON_NONE; break;
    case RS_LEARNED_REFUSED: *reason = RS_REASON_SCHEMA_INCOMPATIBLE; break;
    case RS_LEARNED_UNKNOWN: return program_of(decoder, message, datum, reason);
    case RS_LEARNED_WAITS: *reason = RS_DECODER_WAITS; break;
    }
    return program;
}

enum rs_reason rs_decoder_visit(const struct rs_decoder *decoder, struct rs_learned_table *table,
                                struct rs_slice message, const struct rs_decoder_visitor *visitor,
                                struct rs_place *place)
{
    enum rs_reason reason = RS_REASON_NONE;
    struct rs_slice datum;
    *place = (struct rs_place){0};
    const struct rs_program *program =
        decoder->json ? NULL : any_program_of(decoder, table, message, &datum, &reason);
    if (!program) {
        return reason;
    }
    struct visiting visiting = {
        .program = program, .visitor = visitor, .prefix = message.size - datum.size, .json = {0}};
    const struct rs_visitor each = {.visit = visit, .self = &visiting};
    reason = rs_program_visit(program, datum, visitor ? &each : NULL, place);
    rs_buf_fini(&visiting.json);
    if (reason != RS_REASON_NONE && !named_by_header(decoder, table) &&
        refused(decoder, message, visiting.prefix, reason, NULL) != reason) {
        *place = (struct rs_place){0};
        return RS_REASON_UNKNOWN_SCHEMA;
    }
    place->at += visiting.prefix;
    return reason;
}

enum rs_reason rs_decoder_place(const struct rs_decoder *decoder, struct rs_learned_table *table,
                                struct rs_slice message, uint8_t *text, struct rs_value *values,
                                struct rs_place *place)
{
    struct rs_slice json;
    if (!decoder->json) {
        return rs_decoder_visit(decoder, table, message, NULL, place);
    }
    *place = (struct rs_place){0};
    if (!take_json(decoder, message, &json)) {
        return RS_REASON_FRAMING;
    }
    enum rs_reason reason = rs_json_program_place(decoder->json, json, text, values, place);
    place->at += message.size - json.size;
    return reason;
}

bool rs_decoder_find_value(const struct rs_decoder *decoder, struct rs_learned_table *table,
                           struct rs_slice message, const char *path, size_t *at)
{
    enum rs_reason reason = RS_REASON_NONE;
    struct rs_slice datum;
    const struct rs_program *program =
        decoder->json ? NULL : any_program_of(decoder, table, message, &datum, &reason);
    bool found = program && rs_program_find_value(program, datum, path, at);
    *at += found ? message.size - datum.size : 0;
    return found;
}

void rs_decoder_schema_text(const struct rs_decoder *decoder, const struct rs_learned_table *table,
                            struct rs_slice message, enum rs_reason reason, char out[RS_DECODER_SCHEMA_MAX])
{
    struct rs_registry_key key;
    char text[RS_REGISTRY_KEY_TEXT];
    out[0] = '\0';
    if (named_by_header(decoder, table)) {
        if (rs_registry_key_read(table->header, &key)) {
            rs_registry_key_text(&key, text);
            (void)snprintf(out, RS_DECODER_SCHEMA_MAX, "confluent:%s", text);
        }
        return;
    }
    size_t writer = 0;
    struct rs_slice datum = message;
    uint64_t name = 0;
    enum rs_reason split = reason;
    bool framed = decoder->json && decoder->framing != RS_FRAMING_BARE &&
                  rs_frame_named(message, &name) == RS_FRAMING_CONFLUENT;
    if (!decoder->json) {
        split = rs_frame_split(decoder->registry, decoder->framing, decoder->own, message, &writer, &datum);
        bool asked = decoder->learned && rs_frame_named(message, &name) == RS_FRAMING_CONFLUENT;
        framed = message.size > datum.size || split == RS_REASON_UNKNOWN_SCHEMA || asked;
    }
    if (split == RS_REASON_FRAMING) {
        return;
    }
    if (!framed && reason != RS_REASON_UNKNOWN_SCHEMA) {
        (void)snprintf(out, RS_DECODER_SCHEMA_MAX, "bare");
        return;
    }
    enum rs_framing framing = rs_frame_named(message, &name);
    if (framing == RS_FRAMING_CONFLUENT) {
        (void)snprintf(out, RS_DECODER_SCHEMA_MAX, "confluent:%" PRIu64, name);
    } else if (framing == RS_FRAMING_SINGLE_OBJECT) {
        (void)snprintf(out, RS_DECODER_SCHEMA_MAX, "single-object:%016" PRIx64, name);
    }
}
