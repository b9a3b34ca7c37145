/* Parsing Canonical Form and fingerprints. The form is written piece by piece to a receiver, so that a
 * fingerprint needs no memory and cannot fail. Names, symbols and keys are plain ASCII after parsing: nothing
 * needs escaping. */
#include <inttypes.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <string.h>

#include "schemas/schema.h"

/* Avro specification, "Schema Fingerprints": the value for no bytes at all. */
#define CRC64_EMPTY UINT64_C(0xc15d213aa4d7a795)

struct receiver {
    void (*put)(void *self, const void *data, size_t size);
    void *self;
};

static void put(const struct receiver *to, const char *text)
{
    to->put(to->self, text, strlen(text));
}

static void put_type(const struct receiver *to, const struct rs_schema *type, const struct rs_schema *owner,
                     size_t part);

static void put_named_head(const struct receiver *to, const struct rs_schema *type)
{
    RS_ASSERT(type->name != NULL);
    put(to, "{\"name\":\"");
    put(to, type->name);
    put(to, "\",\"type\":\"");
    put(to, rs_schema_kind_name(type->kind));
    put(to, "\"");
}

static void put_record(const struct receiver *to, const struct rs_schema *type)
{
    put_named_head(to, type);
    put(to, ",\"fields\":[");
    for (size_t i = 0; i < type->field_count; i++) {
        put(to, i == 0 ? "{\"name\":\"" : ",{\"name\":\"");
        put(to, type->fields[i].name);
        put(to, "\",\"type\":");
        put_type(to, type->fields[i].type, type, i);
        put(to, "}");
    }
    put(to, "]}");
}

static void put_enum(const struct receiver *to, const struct rs_schema *type)
{
    put_named_head(to, type);
    put(to, ",\"symbols\":[");
    for (size_t i = 0; i < type->symbol_count; i++) {
        put(to, i == 0 ? "\"" : ",\"");
        put(to, type->symbols[i]);
        put(to, "\"");
    }
    put(to, "]}");
}

static void put_fixed(const struct receiver *to, const struct rs_schema *type)
{
    char size[32];
    snprintf(size, sizeof size, "%zu", type->fixed_size);
    put_named_head(to, type);
    put(to, ",\"size\":");
    put(to, size);
    put(to, "}");
}

static void put_union(const struct receiver *to, const struct rs_schema *type)
{
    put(to, "[");
    for (size_t i = 0; i < type->branch_count; i++) {
        put(to, i == 0 ? "" : ",");
        put_type(to, type->branches[i], type, i);
    }
    put(to, "]");
}

static void put_quoted(const struct receiver *to, const char *text)
{
    put(to, "\"");
    put(to, text);
    put(to, "\"");
}

static void put_items(const struct receiver *to, const struct rs_schema *type)
{
    put(to, type->kind == RS_AVRO_MAP ? "{\"type\":\"map\",\"values\":" : "{\"type\":\"array\",\"items\":");
    put_type(to, type->items, type, 0);
    put(to, "}");
}

/* Recursion follows definitions, which RS_SCHEMA_DEPTH_MAX bounds. */
static void put_type(const struct receiver *to, const struct rs_schema *type, const struct rs_schema *owner,
                     size_t part)
{
    if (type->name && (type->definer != owner || type->definer_part != part)) {
        put_quoted(to, type->name);
        return;
    }
    switch (type->kind) {
    case RS_AVRO_RECORD: put_record(to, type); break;
    case RS_AVRO_ENUM: put_enum(to, type); break;
    case RS_AVRO_FIXED: put_fixed(to, type); break;
    case RS_AVRO_UNION: put_union(to, type); break;
    case RS_AVRO_ARRAY:
    case RS_AVRO_MAP: put_items(to, type); break;
    default: put_quoted(to, rs_schema_kind_name(type->kind)); break;
    }
}

static void put_to_buf(void *self, const void *data, size_t size)
{
    rs_buf_put(self, data, size);
}

void rs_schema_canonical(const struct rs_schema *schema, struct rs_buf *out)
{
    put_type(&(struct receiver){put_to_buf, out}, schema, NULL, 0);
}

/* The specification's table-driven loop without the table: a schema is fingerprinted once. */
static void put_to_crc(void *self, const void *data, size_t size)
{
    uint64_t *crc = self;
    const uint8_t *bytes = data;
    for (size_t i = 0; i < size; i++) {
        *crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            *crc = *crc >> 1 ^ ((*crc & 1) != 0 ? CRC64_EMPTY : 0);
        }
    }
}

uint64_t rs_schema_crc64(const struct rs_schema *schema)
{
    uint64_t crc = CRC64_EMPTY;
    put_type(&(struct receiver){put_to_crc, &crc}, schema, NULL, 0);
    return crc;
}

static void put_to_sha(void *self, const void *data, size_t size)
{
    sha256_update(self, size, data);
}

void rs_schema_sha256(const struct rs_schema *schema, uint8_t out[32])
{
    struct sha256_ctx sha;
    sha256_init(&sha);
    put_type(&(struct receiver){put_to_sha, &sha}, schema, NULL, 0);
    sha256_digest(&sha, SHA256_DIGEST_SIZE, out);
}
