/* registry key: how a message names its schema: by a number, or by a GUID.
 * Confluent's serializers write the number in front of the message (00, 4 bytes, big-endian), or either into a header of
 * the record: 01 and the 16 bytes of the GUID; their deserializers read 00 and the number there, too.
 * Thread: any; a plain value. */
#ifndef RS_SCHEMAS_REGISTRY_KEY_H
#define RS_SCHEMAS_REGISTRY_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct rs_registry_key {
    bool by_guid;
    uint32_t id;
    uint8_t guid[16]; /* as in the header: big-endian */
};

#define RS_REGISTRY_KEY_TEXT 48

/* The header of a record that names the schema of its value. */
#define RS_REGISTRY_HEADER "__value_schema_id"

/* Reads the value of that header. False: it is none. */
bool rs_registry_key_read(struct rs_slice header, struct rs_registry_key *out);
/* What a hash table of keys may go by. */
uint32_t rs_registry_key_hash(const struct rs_registry_key *key);

bool rs_registry_key_equal(const struct rs_registry_key *a, const struct rs_registry_key *b);
/* "id-7", "guid-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx": the name of its file. */
void rs_registry_key_file(const struct rs_registry_key *key, char out[RS_REGISTRY_KEY_TEXT]);
/* "/schemas/ids/7", "/schemas/guids/xxxxxxxx-…". */
void rs_registry_key_path(const struct rs_registry_key *key, char out[2 * RS_REGISTRY_KEY_TEXT]);
/* "7", "xxxxxxxx-…" */
void rs_registry_key_text(const struct rs_registry_key *key, char out[RS_REGISTRY_KEY_TEXT]);
/* "id 7", "GUID xxxxxxxx-…": for people. */
void rs_registry_key_name(const struct rs_registry_key *key, char out[RS_REGISTRY_KEY_TEXT]);

#endif
