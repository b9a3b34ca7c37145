/* letter: one pending dead letter, and the order in which letters of a partition are acknowledged.
 * Thread: the caller's lock. Owns: key, value and headers. */
#ifndef RS_SINK_LETTER_H
#define RS_SINK_LETTER_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/dead_letter.h"
#include "base/error.h"

struct rs_letter {
    uint32_t stream;
    int32_t partition;
    int64_t offset;
    rd_kafka_headers_t *headers;
    uint8_t *bytes; /* key, then value */
    size_t key_size, value_size;
    bool has_key, has_value;
    bool alone;     /* was refused for its size among others: to be sent when nothing else is in flight */
    bool was_alone; /* was sent so */
    bool dropped;   /* the value was too large and is left out */
    struct rs_letter *older, *newer; /* pending letters of the partition, by offset */
    struct rs_letter *next;          /* waiting to be sent */
};

/* Copies the letter, with the headers that say what is wrong. NULL: out of memory. */
struct rs_letter *rs_letter_new(const struct rs_dead_letter *from, const char *input_topic);
void rs_letter_free(struct rs_letter *letter);
size_t rs_letter_bytes(const struct rs_letter *letter); /* what it counts for in memory */
/* Leaves the value out and says so in a header. False: out of memory, unchanged. */
bool rs_letter_drop_value(struct rs_letter *letter);

/* Pending letters of one partition. */
struct rs_letter_line {
    uint32_t stream;
    int32_t partition;
    struct rs_letter *oldest, *newest;
};
struct rs_letter_lines {
    struct rs_letter_line *items;
    size_t count, capacity;
};
void rs_letter_lines_fini(struct rs_letter_lines *lines); /* frees the letters too */
/* False: out of memory. */
bool rs_letter_lines_add(struct rs_letter_lines *lines, struct rs_letter *letter);
void rs_letter_lines_remove(struct rs_letter_lines *lines, struct rs_letter *letter);
/* Smallest pending offset; INT64_MAX: none. */
int64_t rs_letter_lines_oldest(const struct rs_letter_lines *lines, uint32_t stream, int32_t partition);

#endif
