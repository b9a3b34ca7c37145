#include "schemas/decoder.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

struct rs_decoder {
    struct rs_json_program *json; /* NULL: messages are Avro */
    const struct rs_frame_registry *registry;
    enum rs_framing framing;
    size_t own;
    size_t count;
    struct rs_program *programs[]; /* by number of the schema in the registry; NULL: it does not fit */
};

/* ---- does a writer's schema fit ---- */

static void put_type(const struct rs_field_type *type, struct rs_buf *out)
{
    const struct rs_schema *schema = type->schema;
    const char *logical = rs_schema_logical_name(schema->logical);
    rs_buf_text(out, logical ? logical : rs_schema_kind_name(schema->kind));
    if (type->kind == RS_VALUE_DECIMAL) {
        rs_buf_printf(out, "(%d, %d)", type->precision, type->scale);
    }
    rs_buf_text(out, type->nullable ? " or null" : "");
}

static int differs(const char *path, const struct rs_field_type *writer, const struct rs_field_type *own,
                   struct rs_error *error)
{
    struct rs_buf types = {0};
    put_type(writer, &types);
    rs_buf_text(&types, ", not ");
    put_type(own, &types);
    int code = types.failed ? rs_fail(error, RS_ENOMEM, "out of memory")
                            : rs_fail(error, RS_ECONFIG, "its field '%s' is %.*s", path, (int)types.size,
                                      (const char *)types.data);
    rs_buf_fini(&types);
    return code;
}

static int compare_types(const char *path, const struct rs_field_type *writer,
                         const struct rs_field_type *own, struct rs_error *error)
{
    if (writer->kind != own->kind || writer->scale != own->scale || writer->precision != own->precision ||
        writer->nullable != own->nullable || writer->schema->kind != own->schema->kind ||
        writer->schema->logical != own->schema->logical) {
        return differs(path, writer, own, error);
    }
    return rs_schema_same_symbols(writer->schema, own->schema)
               ? 0
               : rs_fail(error, RS_ECONFIG, "its field '%s' has other symbols", path);
}

static const char *shown_name(const struct rs_schema *schema)
{
    return schema->name ? schema->name : rs_schema_kind_name(schema->kind);
}

int rs_decoder_fits(const struct rs_schema *own, const struct rs_schema *writer, const char *const *paths,
                    size_t count, struct rs_error *error)
{
    if (!own->name || !writer->name || strcmp(own->name, writer->name) != 0) {
        return rs_fail(error, RS_ECONFIG, "it is %s, not %s", shown_name(writer), shown_name(own));
    }
    int code = 0;
    for (size_t i = 0; i < count && code == 0; i++) {
        struct rs_field_type type;
        struct rs_field_type wanted;
        code = rs_schema_field_type(writer, paths[i], &type, error);
        if (code == 0) {
            code = rs_schema_field_type(own, paths[i], &wanted, error);
        }
        if (code == 0) {
            code = compare_types(paths[i], &type, &wanted, error);
        }
    }
    return code;
}

/* ---- building ---- */

/* The program of schema number `writer`; it stays NULL where the schema does not fit. */
static int compile_writer(struct rs_decoder *decoder, size_t writer, const char *const *paths, size_t count,
                          struct rs_program_limits limits, struct rs_error *error)
{
    const struct rs_schema *schema = rs_frame_schema(decoder->registry, writer);
    if (writer != decoder->own) {
        int code =
            rs_decoder_fits(rs_frame_schema(decoder->registry, decoder->own), schema, paths, count, error);
        if (code != 0) {
            return code == RS_ECONFIG ? 0 : code;
        }
    }
    return rs_program_compile(schema, paths, count, limits, &decoder->programs[writer], error);
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
    decoder->count = writers;
    int code = 0;
    for (size_t i = 0; i < writers && code == 0; i++) {
        code = compile_writer(decoder, i, paths, count, limits, error);
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
    for (size_t i = 0; i < (*decoder)->count; i++) {
        rs_program_free(&(*decoder)->programs[i]);
    }
    free(*decoder);
    *decoder = NULL;
}

/* ---- running ---- */

/* A message that was refused behind a prefix of `prefix` bytes. */
static __attribute__((noinline, cold)) enum rs_reason refused(const struct rs_decoder *decoder,
                                                              struct rs_slice message, size_t prefix,
                                                              enum rs_reason reason, size_t *at)
{
    bool guessed_bare = decoder->framing == RS_FRAMING_AUTO && prefix == 0;
    bool unknown = guessed_bare && rs_frame_looks_framed(decoder->registry, message);
    if (at) {
        *at = unknown ? 0 : *at + prefix;
    }
    return unknown ? RS_REASON_UNKNOWN_SCHEMA : reason;
}

#define ID_PREFIX 5 /* 00 and an id of four bytes */

static enum rs_reason run_json(const struct rs_decoder *decoder, struct rs_slice message, uint8_t *text,
                               struct rs_value *values, size_t *at)
{
    bool framed = message.size >= ID_PREFIX && message.data[0] == 0;
    size_t prefix = framed && decoder->framing != RS_FRAMING_BARE ? ID_PREFIX : 0;
    if (!framed && decoder->framing == RS_FRAMING_CONFLUENT) {
        if (at) {
            *at = 0;
        }
        return RS_REASON_FRAMING;
    }
    const struct rs_slice json = rs_slice_of(message.data + prefix, message.size - prefix);
    enum rs_reason reason = rs_json_program_run(decoder->json, json, text, values, at);
    if (at) {
        *at += prefix;
    }
    return reason;
}

enum rs_reason rs_decoder_run(const struct rs_decoder *decoder, struct rs_slice message, uint8_t *text,
                              struct rs_value *values, size_t *at)
{
    if (__builtin_expect(decoder->json != NULL, 0)) {
        return run_json(decoder, message, text, values, at);
    }
    size_t writer = 0;
    struct rs_slice datum;
    enum rs_reason reason =
        rs_frame_split(decoder->registry, decoder->framing, decoder->own, message, &writer, &datum);
    if (reason == RS_REASON_NONE && !decoder->programs[writer]) {
        reason = RS_REASON_UNKNOWN_SCHEMA;
    }
    if (reason != RS_REASON_NONE) {
        if (at) {
            *at = 0;
        }
        return reason;
    }
    reason = rs_program_run(decoder->programs[writer], datum, values, at);
    return __builtin_expect(reason == RS_REASON_NONE, 1)
               ? reason
               : refused(decoder, message, message.size - datum.size, reason, at);
}
