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
};

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
