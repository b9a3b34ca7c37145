/* container_extent: where a value ends, for records of which a container file does not say their length.
 * Thread: any; nothing is kept. */
#ifndef RS_INGEST_READ_CONTAINER_EXTENT_H
#define RS_INGEST_READ_CONTAINER_EXTENT_H

#include "base/slice.h"
#include "schemas/schema.h"

/* Length of the first value in `bytes`; -1: they do not begin with a whole one. Only what decides the length
 * is looked at. */
long rs_container_extent(const struct rs_schema *type, struct rs_slice bytes);

#endif
