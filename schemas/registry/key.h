/* registry key: how a message names its schema: by a number, or by a GUID.
 * Thread: any; a plain value. */
#ifndef RS_SCHEMAS_REGISTRY_KEY_H
#define RS_SCHEMAS_REGISTRY_KEY_H

#include <stdbool.h>
#include <stdint.h>

struct rs_registry_key {
    bool by_guid;
    uint32_t id;
    uint8_t guid[16]; /* as in the header: big-endian */
};

#define RS_REGISTRY_KEY_TEXT 48

bool rs_registry_key_equal(const struct rs_registry_key *a, const struct rs_registry_key *b);
/* "id-7", "guid-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx": the name of its file. */
void rs_registry_key_file(const struct rs_registry_key *key, char out[RS_REGISTRY_KEY_TEXT]);
/* "/schemas/ids/7", "/schemas/guids/xxxxxxxx-…". */
void rs_registry_key_path(const struct rs_registry_key *key, char out[2 * RS_REGISTRY_KEY_TEXT]);
/* "id 7", "GUID xxxxxxxx-…": for people. */
void rs_registry_key_name(const struct rs_registry_key *key, char out[RS_REGISTRY_KEY_TEXT]);

#endif
