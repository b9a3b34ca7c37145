#include "schemas/decoder.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

struct writer {
    struct rs_program *program; /* NULL: refused */
    char *refusal;
};

struct rs_decoder {
    const struct rs_frame_registry *registry;
    enum rs_framing framing;
    size_t own;
    struct writer *writers; /* by number of the schema in the registry */
    size_t writer_count;
    struct rs_field_type *types;
    size_t count;
};

/* ---- does a writer's field suit ---- */

static bool same_symbols(const struct rs_schema *a, const struct rs_schema *b)
{
    if (a->symbol_count != b->symbol_count) {
        return false;
    }
    for (size_t i = 0; i < a->symbol_count; i++) {
        if (strcmp(a->symbols[i], b->symbols[i]) != 0) {
            return false;
        }
    }
    return true;
}

/* Texts are texts and numbers are numbers; what a number or text means must be the same. int and long, float
 * and double, and the units of a timestamp come out alike. */
static const char *difference(const struct rs_field_type *own, const struct rs_field_type *writer)
{
    const struct rs_schema *a = own->schema;
    const struct rs_schema *b = writer->schema;
    RS_ASSERT(a != NULL && b != NULL);
    if (own->kind != writer->kind || (a->kind == RS_AVRO_ENUM) != (b->kind == RS_AVRO_ENUM)) {
        return "is of another type";
    }
    if (writer->nullable && !own->nullable) {
        return "may be null";
    }
    if (a->kind == RS_AVRO_ENUM && !same_symbols(a, b)) {
        return "has other symbols";
    }
    if (own->kind == RS_VALUE_DECIMAL &&
        (own->scale != writer->scale || own->precision < writer->precision)) {
        return "has another scale or more digits";
    }
    if (own->kind == RS_VALUE_INT && a->logical != b->logical) {
        return "is of another logical type";
    }
    if (own->kind == RS_VALUE_BYTES && (a->kind != b->kind || a->logical != b->logical)) {
        return "is of another type";
    }
    return NULL;
}

/* Records of one name, whatever their namespaces, are versions of each other (Avro specification, "Schema
 * Resolution").
 */
static bool same_name(const struct rs_schema *a, const struct rs_schema *b)
{
    const char *a_dot = strrchr(a->name, '.');
    const char *b_dot = strrchr(b->name, '.');
    return strcmp(a_dot == NULL ? a->name : a_dot + 1, b_dot == NULL ? b->name : b_dot + 1) == 0;
}

static char *compare_types(const struct rs_decoder *decoder, const struct rs_schema *schema,
                           const char *const *paths, struct rs_error *error)
{
    const struct rs_schema *own = rs_frame_schema(decoder->registry, decoder->own);
    if (schema->kind != own->kind || (own->name != NULL && !same_name(own, schema))) {
        rs_fail(error, RS_ECONFIG, "it is not a version of %s",
                own->name != NULL ? own->name : rs_schema_kind_name(own->kind));
        return strdup(error->text);
    }
    for (size_t i = 0; i < decoder->count; i++) {
        struct rs_field_type type;
        if (rs_schema_field_type(schema, paths[i], &type, error) != RS_OK) {
            return strdup(error->text);
        }
        const char *fault = difference(&decoder->types[i], &type);
        if (fault != NULL) {
            rs_fail(error, RS_ECONFIG, "field '%.100s' %s", paths[i], fault);
            return strdup(error->text);
        }
    }
    return NULL;
}

/* ---- building ---- */

static int describe_own(struct rs_decoder *decoder, const char *const *paths, struct rs_error *error)
{
    decoder->types = calloc(decoder->count + 1, sizeof *decoder->types);
    decoder->writers = calloc(decoder->writer_count + 1, sizeof *decoder->writers);
    if (decoder->types == NULL || decoder->writers == NULL) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    const struct rs_schema *schema = rs_frame_schema(decoder->registry, decoder->own);
    int code = RS_OK;
    for (size_t i = 0; i < decoder->count && code == RS_OK; i++) {
        code = rs_schema_field_type(schema, paths[i], &decoder->types[i], error);
    }
    return code;
}

static int compile_writers(struct rs_decoder *decoder, const char *const *paths,
                           struct rs_program_limits limits, struct rs_error *error)
{
    int code = RS_OK;
    for (size_t i = 0; i < decoder->writer_count && code == RS_OK; i++) {
        const struct rs_schema *schema = rs_frame_schema(decoder->registry, i);
        struct writer *writer = &decoder->writers[i];
        error->code = RS_OK;
        writer->refusal = compare_types(decoder, schema, paths, error);
        if (error->code == RS_ENOMEM || (error->code != RS_OK && writer->refusal == NULL)) {
            return rs_fail(error, RS_ENOMEM, "out of memory");
        }
        if (writer->refusal == NULL) {
            code = rs_program_compile(schema, paths, decoder->count, limits, &writer->program, error);
        }
    }
    return code;
}

int rs_decoder_new(const struct rs_frame_registry *registry, enum rs_framing framing, size_t own,
                   const char *const *paths, size_t count, struct rs_program_limits limits,
                   struct rs_decoder **out, struct rs_error *error)
{
    struct rs_decoder *decoder = calloc(1, sizeof *decoder);
    if (decoder == NULL) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    *decoder = (struct rs_decoder){.registry = registry,
                                   .framing = framing,
                                   .own = own,
                                   .writer_count = rs_frame_schema_count(registry),
                                   .count = count};
    int code = describe_own(decoder, paths, error);
    if (code == RS_OK) {
        code = compile_writers(decoder, paths, limits, error);
    }
    if (code != RS_OK) {
        rs_decoder_free(&decoder);
        return code;
    }
    *out = decoder;
    return RS_OK;
}

void rs_decoder_free(struct rs_decoder **decoder)
{
    if (decoder == NULL || *decoder == NULL) {
        return;
    }
    for (size_t i = 0; (*decoder)->writers != NULL && i < (*decoder)->writer_count; i++) {
        rs_program_free(&(*decoder)->writers[i].program);
        free((*decoder)->writers[i].refusal);
    }
    free((*decoder)->writers);
    free((*decoder)->types);
    free(*decoder);
    *decoder = NULL;
}

/* ---- running ---- */

enum rs_reason rs_decoder_run(const struct rs_decoder *decoder, struct rs_slice message,
                              struct rs_value *values, size_t *at)
{
    size_t number = 0;
    struct rs_slice datum;
    enum rs_reason reason =
        rs_frame_split(decoder->registry, decoder->framing, decoder->own, message, &number, &datum);
    if (reason == RS_REASON_NONE && decoder->writers[number].program == NULL) {
        reason = RS_REASON_UNKNOWN_SCHEMA;
    }
    if (reason != RS_REASON_NONE) {
        if (at != NULL) {
            *at = 0;
        }
        return reason;
    }
    reason = rs_program_run(decoder->writers[number].program, datum, values, at);
    if (__builtin_expect(reason == RS_REASON_NONE, 1)) {
        return reason;
    }
    size_t prefix = message.size - datum.size;
    if (at != NULL) {
        *at += prefix;
    }
    bool guessed_bare = decoder->framing == RS_FRAMING_AUTO && prefix == 0;
    if (guessed_bare && rs_frame_looks_framed(decoder->registry, message)) {
        if (at != NULL) {
            *at = 0;
        }
        return RS_REASON_UNKNOWN_SCHEMA;
    }
    return reason;
}

const struct rs_field_type *rs_decoder_type(const struct rs_decoder *decoder, size_t slot)
{
    RS_ASSERT(slot < decoder->count);
    return &decoder->types[slot];
}

const char *rs_decoder_refusal(const struct rs_decoder *decoder, size_t writer)
{
    RS_ASSERT(writer < decoder->writer_count);
    return decoder->writers[writer].refusal;
}

const struct rs_program *rs_decoder_program(const struct rs_decoder *decoder)
{
    return decoder->writers[decoder->own].program;
}
