/* snappy: unpacking of raw Snappy data (google/snappy, format_description.txt), for container files.
 * Own code, because the format is small and the system's library is C++ and would be one more dependency.
 * Thread: any. */
#ifndef RS_INGEST_READ_SNAPPY_H
#define RS_INGEST_READ_SNAPPY_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"

/* Replaces `out` by the unpacked data; false: the data is damaged, longer than `limit` when unpacked, or out
 * of memory (out->failed tells). */
bool rs_snappy_unpack(struct rs_slice packed, size_t limit, struct rs_buf *out);

#endif
