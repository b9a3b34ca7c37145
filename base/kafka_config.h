/* kafka config: the `kafka` section of a configuration, handed to librdkafka as it is.
 * Shared by every client the programs open (input consumer, publisher, dead letters). A property that
 * librdkafka does not know, or a value it refuses, is a complaint at its place; so is a property that
 * rollstat sets itself. Thread: one. */
#ifndef RS_BASE_KAFKA_CONFIG_H
#define RS_BASE_KAFKA_CONFIG_H

#include <librdkafka/rdkafka.h>

#include "base/config.h"
#include "base/error.h"

/* Complains about what is wrong in `kafka` (NULL: the section is missing). */
void rs_kafka_config_check(struct rs_config *config, const struct rs_config_node *kafka);

/* Sets every property of a checked section. Errors: RS_ECONFIG. */
RS_MUST_USE int rs_kafka_config_apply(const struct rs_config_node *kafka, rd_kafka_conf_t *conf,
                                      struct rs_error *error);

/* One property of our own. Errors: RS_ECONFIG. */
RS_MUST_USE int rs_kafka_config_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                                    struct rs_error *error);
/* One property that only some versions of librdkafka know: false where it is not known. */
bool rs_kafka_config_try(rd_kafka_conf_t *conf, const char *name, const char *value);

#endif
