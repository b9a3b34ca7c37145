/* record_field: what the Kafka record around an event says of itself, under names that stand wherever the name of a
 * field of the event may.
 *   $topic        string
 *   $partition    int
 *   $offset       long
 *   $timestamp    timestamp, null where the record has none
 *   $key          string, null where the record has no key
 *   $header.NAME  string, null where the record has no such header, or it has no value; the last of that name counts
 * Thread: any; constants. */
#ifndef RS_SCHEMAS_RECORD_FIELD_H
#define RS_SCHEMAS_RECORD_FIELD_H

#include <stdbool.h>

#include "base/error.h"
#include "schemas/program.h"

enum rs_record_field {
    RS_RECORD_TOPIC,
    RS_RECORD_PARTITION,
    RS_RECORD_OFFSET,
    RS_RECORD_TIMESTAMP,
    RS_RECORD_KEY,
    RS_RECORD_HEADER,
};

/* Whether `path` is of the record and none of the event; *header (of HEADER) is its name, a part of `path`. */
bool rs_record_field_find(const char *path, enum rs_record_field *field, const char **header);
/* The same, where nobody asks which. */
bool rs_record_field_is(const char *path);

/* As rs_schema_field_type, where `path` may also be of the record.
 * Errors (RS_ECONFIG): also a name that the record and the schema both have. */
RS_MUST_USE int rs_event_field_type(const struct rs_schema *schema, const char *path,
                                    struct rs_field_type *out, struct rs_error *error);

#endif
