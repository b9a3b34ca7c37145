/* kafka headers: the headers of a record that is a message of librdkafka.
 * Thread: the one that holds the message. */
#ifndef RS_BASE_KAFKA_HEADERS_H
#define RS_BASE_KAFKA_HEADERS_H

#include "base/record.h"

/* A rs_record_header of records whose origin is a message. librdkafka takes the headers apart when they are first
 * asked for, and keeps them with the message. */
bool rs_kafka_header(const struct rs_record *record, const char *name, struct rs_slice *out);

#endif
