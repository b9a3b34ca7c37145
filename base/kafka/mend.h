/* kafka mend: what an operator has to do at a broker, as commands to copy.
 * Thread: any; nothing is kept. */
#ifndef RS_BASE_KAFKA_MEND_H
#define RS_BASE_KAFKA_MEND_H

#include <librdkafka/rdkafka.h>
#include <stddef.h>

#include "base/kafka/admin.h"

#define RS_KAFKA_MEND_MAX 640

/* "; grant the right with: kafka-acls.sh …" where the broker's error is a right that is missing for `operation` at the
 * topic or group `name`; else "". */
void rs_kafka_mend_right(rd_kafka_resp_err_t code, const char *operation, const char *name, char *out,
                         size_t size);

/* "kafka-topics.sh … --create …" with all that the topic would be made with. Partitions of the broker's choice are
 * said as 1. */
void rs_kafka_mend_topic(const struct rs_kafka_new_topic *topic, char *out, size_t size);

#endif
