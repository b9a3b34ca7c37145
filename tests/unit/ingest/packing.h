/* Packs texts for tests of what unpacks them. */
#ifndef RS_TESTS_INGEST_PACKING_H
#define RS_TESTS_INGEST_PACKING_H

#include "base/buf.h"
#include "ingest/read/unpack.h"

/* Appends one stream. */
void pack(enum rs_unpack_format format, const void *data, size_t size, struct rs_buf *out);

/* Makes the one stream in `xz` say that it needs a dictionary of 512 MiB. */
void pack_greedy_xz(struct rs_buf *xz);

#endif
