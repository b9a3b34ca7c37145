/* sha256: SHA-256 (FIPS 180-4), for schema fingerprints only; nothing secret goes through it.
 * Thread: a state belongs to its caller. */
#ifndef RS_SCHEMAS_SHA256_H
#define RS_SCHEMAS_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct rs_sha256 {
    uint32_t state[8];
    uint64_t size;
    uint8_t block[64]; /* the last size % 64 bytes */
};

void rs_sha256_init(struct rs_sha256 *sha);
void rs_sha256_update(struct rs_sha256 *sha, const void *data, size_t size);
void rs_sha256_final(struct rs_sha256 *sha, uint8_t out[32]);

#endif
