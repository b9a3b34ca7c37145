/* kafka config: the `kafka` section of a configuration, handed to librdkafka as it is.
 * Shared by every client the programs open (input consumer, publisher, dead letters). A property that
 * librdkafka does not know, or a value it refuses, is a complaint at its place; so is a property that
 * rollstat sets itself.
 * Thread: one. */
#ifndef RS_BASE_KAFKA_CONFIG_H
#define RS_BASE_KAFKA_CONFIG_H

#include <librdkafka/rdkafka.h>

#include "base/config/config.h"
#include "base/error.h"
#include "base/log.h"

/* Complains about what is wrong in `kafka` (NULL: the section is missing). */
void rs_kafka_config_check(struct rs_config *config, const struct rs_config_node *kafka);

/* Sets every property of a checked section (NULL: it has none), and what all clients do alike.
 * Errors: RS_ECONFIG. */
RS_MUST_USE int rs_kafka_config_apply(const struct rs_config_node *kafka, rd_kafka_conf_t *conf,
                                      struct rs_error *error);

/* One property of our own.
 * Errors: RS_ECONFIG. */
RS_MUST_USE int rs_kafka_config_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                                    struct rs_error *error);
/* Properties of our own: pairs of name and value, up to {NULL, NULL}.
 * Errors: RS_ECONFIG. */
RS_MUST_USE int rs_kafka_config_set_all(rd_kafka_conf_t *conf, const char *const (*properties)[2],
                                        struct rs_error *error);
/* One property that only some versions of librdkafka know: false where it is not known. */
bool rs_kafka_config_try(rd_kafka_conf_t *conf, const char *name, const char *value);

/* Level of a line that librdkafka logs with one of syslog's levels. What happens to connections is DEBUG:
 * each attempt of each client says it several times, and a program that tells it does so once, in words of
 * its own. So are warnings about properties that concern only consumers, or only producers: the `kafka`
 * section serves all. */
enum rs_log_level rs_kafka_log_level(const char *facility, int level);

#endif
