/* dead letter: where records go that are not acceptable, so that the next good one is processed.
 * Thread: `put` on the worker's thread; the rest says. */
#ifndef RS_BASE_DEAD_LETTER_H
#define RS_BASE_DEAD_LETTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/reason.h"
#include "base/record.h"

struct rs_dead_letter {
    uint32_t stream;
    int32_t partition;
    const struct rs_record *record;
    enum rs_reason reason;
    const char *text; /* what is wrong, for people; no payload bytes */
    /* Where, as far as it is known; NULL and -1: not. Names of the schema and the configuration, no payload. */
    const char *rule;        /* that does not hold: "price: gt 0" */
    const char *rule_reason; /* that it is configured with */
    const char *field;       /* path of the field: "venue.codes[3]" */
    const char *
        schema; /* what is named as its writer's: "confluent:42", "confluent:GUID", "single-object:…", "bare" */
    int64_t byte; /* of the value, its framing included, from 0 */
};

/* Headers of a dead letter, after those of the original. */
#define RS_LETTER_REASON      "rollstat.reason" /* the first of ours */
#define RS_LETTER_TEXT        "rollstat.text"
#define RS_LETTER_TOPIC       "rollstat.topic"
#define RS_LETTER_PARTITION   "rollstat.partition"
#define RS_LETTER_OFFSET      "rollstat.offset"
#define RS_LETTER_TIME        "rollstat.time"
#define RS_LETTER_RULE        "rollstat.rule"
#define RS_LETTER_RULE_REASON "rollstat.rule_reason"
#define RS_LETTER_FIELD       "rollstat.field"
#define RS_LETTER_BYTE        "rollstat.byte"
#define RS_LETTER_SCHEMA      "rollstat.schema"
/* What is left out of a letter that its topic does not take as a whole. */
#define RS_LETTER_VALUE_DROPPED   "rollstat.value_dropped"
#define RS_LETTER_KEY_CUT         "rollstat.key_cut"
#define RS_LETTER_HEADERS_CUT     "rollstat.headers_cut"
#define RS_LETTER_HEADERS_DROPPED "rollstat.headers_dropped"

struct rs_dead_letter_ops {
    /* Copies what it needs. false: no room now, keep the record, take nothing further of this partition, try
     * again. */
    bool (*put)(void *self, const struct rs_dead_letter *letter);
    /* Every letter of the partition with an offset below the returned one is acknowledged (INT64_MAX: none
     * pending). */
    int64_t (*acknowledged)(void *self, uint32_t stream, int32_t partition);
};

struct rs_dead_letter_sink {
    void *self;
    const struct rs_dead_letter_ops *ops;
};

#endif
