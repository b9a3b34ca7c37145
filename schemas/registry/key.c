#include "schemas/registry/key.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

#define GUID_TEXT 37

static void guid_text(const uint8_t guid[16], char out[GUID_TEXT])
{
    size_t used = 0;

    for (size_t i = 0; i < 16; i++) {
        bool dash = i == 4 || i == 6 || i == 8 || i == 10;
        used += (size_t)snprintf(out + used, GUID_TEXT - used, "%s%02x", dash ? "-" : "", guid[i]);
    }
}

bool rs_registry_key_read(struct rs_slice header, struct rs_registry_key *out)
{
    uint32_t id;

    *out = (struct rs_registry_key){0};
    if (header.size == 1 + sizeof out->guid && header.data[0] == 1) {
        out->by_guid = true;
        memcpy(out->guid, header.data + 1, sizeof out->guid);
        return true;
    }
    if (header.size == 1 + sizeof id && header.data[0] == 0) {
        memcpy(&id, header.data + 1, sizeof id);
        out->id = be32toh(id);
        return true;
    }
    return false;
}

uint32_t rs_registry_key_hash(const struct rs_registry_key *key)
{
    uint32_t hash = key->id;

    if (key->by_guid) {
        memcpy(&hash, key->guid, sizeof hash);
    }
    return hash;
}

bool rs_registry_key_equal(const struct rs_registry_key *a, const struct rs_registry_key *b)
{
    return a->by_guid == b->by_guid &&
           (a->by_guid ? memcmp(a->guid, b->guid, sizeof a->guid) == 0 : a->id == b->id);
}

static void put(const struct rs_registry_key *key, const char *before_id, const char *before_guid, char *out,
                size_t size)
{
    char guid[GUID_TEXT];

    if (key->by_guid) {
        guid_text(key->guid, guid);
        (void)snprintf(out, size, "%s%s", before_guid, guid);
    } else {
        (void)snprintf(out, size, "%s%u", before_id, (unsigned)key->id);
    }
}

void rs_registry_key_file(const struct rs_registry_key *key, char out[RS_REGISTRY_KEY_TEXT])
{
    put(key, "id-", "guid-", out, RS_REGISTRY_KEY_TEXT);
}

void rs_registry_key_path(const struct rs_registry_key *key, char out[2 * RS_REGISTRY_KEY_TEXT])
{
    put(key, "/schemas/ids/", "/schemas/guids/", out, 2 * (size_t)RS_REGISTRY_KEY_TEXT);
}

void rs_registry_key_name(const struct rs_registry_key *key, char out[RS_REGISTRY_KEY_TEXT])
{
    put(key, "id ", "GUID ", out, RS_REGISTRY_KEY_TEXT);
}

void rs_registry_key_text(const struct rs_registry_key *key, char out[RS_REGISTRY_KEY_TEXT])
{
    put(key, "", "", out, RS_REGISTRY_KEY_TEXT);
}
