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

/* "kafka-configs.sh … --alter … --add-config SETTINGS", which are "name=value", separated by commas. */
void rs_kafka_mend_settings(const char *topic, const char *settings, char *out, size_t size);
/* "kafka-topics.sh … --alter … --partitions N" */
void rs_kafka_mend_partitions(const char *topic, int32_t partitions, char *out, size_t size);

/* "kafka-topics.sh … --create …" with all that the topic would be made with. Partitions of the broker's choice are
 * said as 1. */
void rs_kafka_mend_topic(const struct rs_kafka_new_topic *topic, char *out, size_t size);

#endif
