/* letter: one pending dead letter, and the order in which letters of a partition are acknowledged.
 * A letter that its topic does not take is cut until it fits: see rs_dead_letter_message_cut.
 * Thread: the caller's lock.
 * Owns: key, value and headers. */
#ifndef RS_SINK_DEADLETTER_MESSAGE_H
#define RS_SINK_DEADLETTER_MESSAGE_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/dead_letter.h"
#include "base/error.h"
#include "base/fifo.h"

struct rs_dead_letter_message {
    uint32_t stream;
    int32_t partition;
    int64_t offset;
    enum rs_reason reason;
    rd_kafka_headers_t *headers; /* the original's, then ours */
    size_t original_headers;     /* how many of them are the original's */
    uint8_t *bytes;              /* key, then value */
    size_t key_size, value_size; /* of the original */
    size_t key_left, value_left; /* what is sent of them */
    size_t memory;               /* what it counts for */
    bool has_key, has_value;
    bool alone;      /* was refused among others: to be sent when nothing else is in flight */
    bool was_alone;  /* was sent so */
    uint32_t rounds; /* how often it has been a dead letter of this topic before, as its headers say */
    bool cut;        /* something is left out */
    bool minimal;    /* nothing more can be left out */
    struct rs_dead_letter_message *older, *newer; /* pending letters of the partition, by offset */
    struct rs_dead_letter_message *next;          /* waiting to be sent */
};

RS_FIFO(rs_dead_letter_messages, rs_dead_letter_message);

/* Copies the letter, with the headers that say what is wrong. NULL: out of memory. */
struct rs_dead_letter_message *rs_dead_letter_message_new(const struct rs_dead_letter *from,
                                                          const char *input_topic);
void rs_dead_letter_message_free(struct rs_dead_letter_message *letter);

/* A record may come back as it was dead-lettered, to be tried again; one that comes back for ever is in a
 * ring that another group's streams close, which no configuration shows. */
#define RS_DEAD_LETTER_ROUNDS_MAX 3

/* Parts of the original that a cut leaves as they are. */
#define RS_DEAD_LETTER_KEY_KEPT    ((size_t)1024)
#define RS_DEAD_LETTER_HEADER_KEPT ((size_t)64)
#define RS_DEAD_LETTER_TEXT_KEPT   ((size_t)64)
/* A minimal dead letter without the topic's name takes at most so many bytes in Kafka. */
#define RS_DEAD_LETTER_MINIMAL_MAX ((size_t)512)

/* Leaves out what saves most: the value, the key past its first RS_DEAD_LETTER_KEY_KEPT bytes, or the
 * original headers' values past their first RS_DEAD_LETTER_HEADER_KEPT; at last all of the three, and the end
 * of the text. Headers say what is missing and how large it was: rollstat.value_dropped (bytes), .key_cut
 * (bytes), .headers_cut (bytes of all values), .headers_dropped (how many). At most four calls say true.
 * False: it is as small as it gets, or there is no memory; unchanged. */
bool rs_dead_letter_message_cut(struct rs_dead_letter_message *letter);

/* Pending dead letters of one partition. */
struct rs_dead_letter_line {
    uint32_t stream;
    int32_t partition;
    struct rs_dead_letter_message *oldest, *newest;
};
struct rs_dead_letter_lines {
    struct rs_dead_letter_line *items;
    size_t count, capacity;
};
void rs_dead_letter_lines_fini(struct rs_dead_letter_lines *lines); /* frees the letters too */
/* False: out of memory. */
bool rs_dead_letter_lines_add(struct rs_dead_letter_lines *lines, struct rs_dead_letter_message *letter);
void rs_dead_letter_lines_remove(struct rs_dead_letter_lines *lines, struct rs_dead_letter_message *letter);
/* Smallest pending offset; INT64_MAX: none. */
int64_t rs_dead_letter_lines_oldest(const struct rs_dead_letter_lines *lines, uint32_t stream,
                                    int32_t partition);

#endif
