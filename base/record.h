/* record: one Kafka record as the stages pass it on.
 * The bytes are borrowed from the source until the batch is released.
 * Thread: whoever holds the batch. */
#ifndef RS_BASE_RECORD_H
#define RS_BASE_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define RS_TIME_NONE INT64_MIN

struct rs_record;
/* The last header of this name; no data: there is none, or it has no value. Lives as long as the record. False:
 * the headers cannot be read. */
typedef bool rs_record_header(const struct rs_record *record, const char *name, struct rs_slice *out);

struct rs_record {
    struct rs_slice key;   /* data NULL: no key */
    struct rs_slice value; /* data NULL: a tombstone */
    int64_t offset;
    int64_t timestamp_us; /* Kafka's, in microseconds; RS_TIME_NONE: none, the event's own time stands in */
    void *origin;         /* the source's handle, for dead letters; NULL outside Kafka */
    rs_record_header *header; /* NULL: it has none */
};

#endif
