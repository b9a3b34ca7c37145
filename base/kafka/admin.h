/* kafka admin: requests to make and to change things at a broker, whose answers come to a queue.
 * Thread: any; nothing is kept. Nothing here waits. */
#ifndef RS_BASE_KAFKA_ADMIN_H
#define RS_BASE_KAFKA_ADMIN_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

/* An answer comes within this time, be it that there was none. */
#define RS_KAFKA_ADMIN_MS 10000

/* The caller's, to be destroyed once the request was made; `opaque` is the answer's. */
rd_kafka_AdminOptions_t *rs_kafka_admin_options(rd_kafka_t *client, rd_kafka_admin_op_t operation,
                                                void *opaque);

struct rs_kafka_new_topic {
    const char *name;
    int32_t partitions;               /* -1: the broker's default */
    int32_t replication_factor;       /* -1: the same */
    const char *const (*settings)[2]; /* name and value, up to {NULL, NULL} */
    bool only_judged;                 /* the broker says whether it would make it */
};

/* False: librdkafka refuses the name or a number, and no answer will come. The settings are part of the
 * request, so that the topic never has the broker's defaults. */
bool rs_kafka_topic_make(rd_kafka_t *client, const struct rs_kafka_new_topic *topic,
                         rd_kafka_queue_t *answers, void *opaque);

/* What a request to make or to grow one topic came to; `event` NULL: nobody answered in time. *why says it in
 * words, for as long as the event lives. */
rd_kafka_resp_err_t rs_kafka_topic_answer(rd_kafka_event_t *event, const char **why);

/* Asks for all settings of a topic. */
void rs_kafka_topic_describe(rd_kafka_t *client, const char *topic, rd_kafka_queue_t *answers, void *opaque);

/* Hands the settings of the one topic that was asked about to `take`, a value that is not told as "". `event` NULL:
 * nobody answered in time. */
typedef void rs_kafka_take_setting(void *ctx, const char *name, const char *value);
rd_kafka_resp_err_t rs_kafka_settings_answer(rd_kafka_event_t *event, rs_kafka_take_setting *take, void *ctx);

#endif
