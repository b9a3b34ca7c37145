#include "schemas/frame.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define CONFLUENT_SIZE     5
#define SINGLE_OBJECT_SIZE 10

struct entry {
    const struct rs_schema *schema;
    uint64_t crc64;
};

struct id {
    uint32_t id;
    size_t number;
};

struct rs_frame_registry {
    struct entry *entries;
    size_t count;
    struct id *ids; /* ascending */
    size_t id_count;
};

static const char *const framing_names[] = {"auto", "bare", "confluent", "single-object"};

int rs_framing_parse(const char *text, enum rs_framing *out)
{
    for (size_t i = 0; i < sizeof framing_names / sizeof framing_names[0]; i++) {
        if (strcmp(text, framing_names[i]) == 0) {
            *out = (enum rs_framing)i;
            return 0;
        }
    }
    return RS_EINVAL;
}

const char *rs_framing_name(enum rs_framing framing)
{
    return framing_names[framing];
}

/* ---- building ---- */

int rs_frame_registry_new(struct rs_frame_registry **out, struct rs_error *error)
{
    *out = calloc(1, sizeof **out);
    return !*out ? rs_fail(error, RS_ENOMEM, "out of memory") : 0;
}

void rs_frame_registry_free(struct rs_frame_registry **registry)
{
    if (!registry || !*registry) {
        return;
    }
    free((*registry)->entries);
    free((*registry)->ids);
    free(*registry);
    *registry = NULL;
}

int rs_frame_add(struct rs_frame_registry *registry, const struct rs_schema *schema, size_t *number,
                 struct rs_error *error)
{
    struct entry *grown = realloc(registry->entries, (registry->count + 1) * sizeof *grown);
    if (!grown) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    registry->entries = grown;
    grown[registry->count] = (struct entry){.schema = schema, .crc64 = rs_schema_crc64(schema)};
    *number = registry->count++;
    return 0;
}

/* Where `id` is or would have to be. */
static size_t id_position(const struct rs_frame_registry *registry, uint32_t id)
{
    size_t from = 0;
    size_t to = registry->id_count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (registry->ids[middle].id < id) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

int rs_frame_add_id(struct rs_frame_registry *registry, uint32_t id, size_t number, struct rs_error *error)
{
    size_t at = id_position(registry, id);
    if (at < registry->id_count && registry->ids[at].id == id) {
        return registry->ids[at].number == number
                   ? 0
                   : rs_fail(error, RS_EINVAL, "id %u stands for two schemas", (unsigned)id);
    }
    struct id *grown = realloc(registry->ids, (registry->id_count + 1) * sizeof *grown);
    if (!grown) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    registry->ids = grown;
    memmove(grown + at + 1, grown + at, (registry->id_count - at) * sizeof *grown);
    grown[at] = (struct id){.id = id, .number = number};
    registry->id_count++;
    return 0;
}

/* ---- looking up ---- */

size_t rs_frame_schema_count(const struct rs_frame_registry *registry)
{
    return registry->count;
}

const struct rs_schema *rs_frame_schema(const struct rs_frame_registry *registry, size_t number)
{
    RS_ASSERT(number < registry->count);
    return registry->entries[number].schema;
}

/* A configuration knows a handful of schemas: a walk over them costs less than a table would. */
static size_t find_crc64(const struct rs_frame_registry *registry, uint64_t crc64)
{
    for (size_t i = 0; i < registry->count; i++) {
        if (registry->entries[i].crc64 == crc64) {
            return i;
        }
    }
    return SIZE_MAX;
}

size_t rs_frame_find_id(const struct rs_frame_registry *registry, uint32_t id)
{
    size_t at = id_position(registry, id);
    return at < registry->id_count && registry->ids[at].id == id ? registry->ids[at].number : SIZE_MAX;
}

static size_t find_fingerprint(const struct rs_frame_registry *registry, size_t own, uint64_t crc64)
{
    RS_ASSERT(own < registry->count);
    return registry->entries[own].crc64 == crc64 ? own : find_crc64(registry, crc64);
}

/* ---- messages ---- */

static bool begins_single_object(struct rs_slice message)
{
    return message.size >= SINGLE_OBJECT_SIZE && message.data[0] == 0xc3 && message.data[1] == 0x01;
}

static bool begins_confluent(struct rs_slice message)
{
    return message.size >= CONFLUENT_SIZE && message.data[0] == 0;
}

static uint64_t named_fingerprint(struct rs_slice message)
{
    uint64_t crc64;
    memcpy(&crc64, message.data + 2, sizeof crc64);
    return le64toh(crc64);
}

static uint32_t named_id(struct rs_slice message)
{
    uint32_t id;
    memcpy(&id, message.data + 1, sizeof id);
    return be32toh(id);
}

bool rs_frame_confluent(struct rs_slice message, uint32_t *id, struct rs_slice *datum)
{
    if (!begins_confluent(message)) {
        return false;
    }
    *id = named_id(message);
    *datum = rs_slice_of(message.data + CONFLUENT_SIZE, message.size - CONFLUENT_SIZE);
    return true;
}

static size_t single_object_writer(const struct rs_frame_registry *registry, size_t own,
                                   struct rs_slice message)
{
    return find_fingerprint(registry, own, named_fingerprint(message));
}

static size_t confluent_writer(const struct rs_frame_registry *registry, struct rs_slice message)
{
    return rs_frame_find_id(registry, named_id(message));
}

static enum rs_reason framed(size_t found, struct rs_slice message, size_t prefix, size_t *writer,
                             struct rs_slice *datum)
{
    if (found == SIZE_MAX) {
        return RS_REASON_UNKNOWN_SCHEMA;
    }
    *writer = found;
    *datum = prefix == 0 ? message : rs_slice_of(message.data + prefix, message.size - prefix);
    return RS_REASON_NONE;
}

static enum rs_reason split_auto(const struct rs_frame_registry *registry, size_t own,
                                 struct rs_slice message, size_t *writer, struct rs_slice *datum)
{
    if (begins_single_object(message)) {
        size_t found = single_object_writer(registry, own, message);
        if (found != SIZE_MAX) {
            return framed(found, message, SINGLE_OBJECT_SIZE, writer, datum);
        }
    } else if (registry->id_count > 0 && begins_confluent(message)) {
        size_t found = confluent_writer(registry, message);
        if (found != SIZE_MAX) {
            return framed(found, message, CONFLUENT_SIZE, writer, datum);
        }
    }
    return framed(own, message, 0, writer, datum);
}

enum rs_reason rs_frame_split(const struct rs_frame_registry *registry, enum rs_framing framing, size_t own,
                              struct rs_slice message, size_t *writer, struct rs_slice *datum)
{
    switch (framing) {
    case RS_FRAMING_AUTO: return split_auto(registry, own, message, writer, datum);
    case RS_FRAMING_CONFLUENT:
        return !begins_confluent(message)
                   ? RS_REASON_FRAMING
                   : framed(confluent_writer(registry, message), message, CONFLUENT_SIZE, writer, datum);
    case RS_FRAMING_SINGLE_OBJECT:
        return !begins_single_object(message) ? RS_REASON_FRAMING
                                              : framed(single_object_writer(registry, own, message), message,
                                                       SINGLE_OBJECT_SIZE, writer, datum);
    default: return framed(own, message, 0, writer, datum);
    }
}

bool rs_frame_looks_framed(const struct rs_frame_registry *registry, struct rs_slice message)
{
    return begins_single_object(message) || (registry->id_count > 0 && begins_confluent(message));
}

enum rs_framing rs_frame_named(struct rs_slice message, uint64_t *name)
{
    if (begins_single_object(message)) {
        *name = named_fingerprint(message);
        return RS_FRAMING_SINGLE_OBJECT;
    }
    if (begins_confluent(message)) {
        *name = named_id(message);
        return RS_FRAMING_CONFLUENT;
    }
    return RS_FRAMING_BARE;
}

size_t rs_frame_prefix(enum rs_framing framing, uint32_t id, uint64_t crc64, uint8_t out[10])
{
    if (framing == RS_FRAMING_CONFLUENT) {
        uint32_t wire = htobe32(id);
        out[0] = 0;
        memcpy(out + 1, &wire, sizeof wire);
        return CONFLUENT_SIZE;
    }
    if (framing == RS_FRAMING_SINGLE_OBJECT) {
        uint64_t wire = htole64(crc64);
        out[0] = 0xc3;
        out[1] = 0x01;
        memcpy(out + 2, &wire, sizeof wire);
        return SINGLE_OBJECT_SIZE;
    }
    return 0;
}
