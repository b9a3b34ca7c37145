/* state topic: what a topic has to be in which state is kept: its name, the settings that it is made with, and what is
 * wrong with those of one that is there.
 * Thread: any; plain values. */
#ifndef RS_TRANSFORM_STATELOG_STATE_TOPIC_H
#define RS_TRANSFORM_STATELOG_STATE_TOPIC_H

#include <stddef.h>

#include "base/error.h"
#include "schemas/stream.h"

#define RS_STATE_TOPIC_NAME_MAX (4 * RS_TOPIC_NAME_MAX)

/* The largest record: a chunk of 512 KiB and what surrounds it. Topics have to take it. */
#define RS_LOG_RECORD_MAX ((size_t)544 * 1024)
/* What that takes in Kafka, at most: the least max.message.bytes of a topic. */
#define RS_LOG_MESSAGE_MAX (RS_LOG_RECORD_MAX + 4096)
/* max.message.bytes of topics that are made, whatever the broker's own limit is. */
#define RS_LOG_MESSAGE_BYTES "1048576"

/* "<group>.state.<input>". */
void rs_state_topic_name(const struct rs_streams *streams, const struct rs_stream *stream,
                         char out[RS_STATE_TOPIC_NAME_MAX]);

/* Name and value, up to {NULL, NULL}. */
extern const char *const rs_state_topic_settings[][2];

/* What is wrong, and the settings that mend it; empty to begin with. */
struct rs_state_topic_faults {
    char text[512], mend[256];
    size_t text_size, mend_size;
};

/* A rs_kafka_take_setting: one setting; `faults` is a struct rs_state_topic_faults. A setting that is never
 * judged, as the broker does not list it, is taken to be right. */
void rs_state_topic_judge(void *faults, const char *name, const char *value);
/* 0, or RS_ECONFIG with all faults in one message and one command that mends them. */
RS_MUST_USE int rs_state_topic_fit(const char *topic, const struct rs_state_topic_faults *faults,
                                   struct rs_error *error);

#endif
