/* magic: what a file is by its first bytes: packed text, which is unpacked, or something that has no rows to read.
 * Thread: any. */
#ifndef RS_INGEST_READ_MAGIC_H
#define RS_INGEST_READ_MAGIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ingest/read/unpack.h"

struct rs_magic {
    enum rs_unpack_format packed;
    const char *foreign; /* what it is, and how its rows can be had; NULL: nothing that is known */
};

/* true: *out is decided; false: the next byte may decide it. */
bool rs_magic_find(const uint8_t *data, size_t size, struct rs_magic *out);

#endif
