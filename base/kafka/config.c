#include "base/kafka/config.h"

#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#define ERRSTR_MAX 512

/* What is not the operator's to set: correctness rests on it. */
static const struct {
    const char *name;
    const char *why;
} owned[] = {
    {"group.id", "it is the root key \"group\""},
    {"enable.auto.commit", "offsets in Kafka are for lag monitoring only"},
    {"enable.auto.offset.store", "offsets in Kafka are for lag monitoring only"},
    {"auto.offset.reset", "records that retention took must not be skipped in silence"},
    {"partition.assignment.strategy", "partitions that stay must not pause while others move"},
    {"enable.partition.eof", "the end of a partition is known from its fetches"},
    {"group.protocol", "only \"classic\" is supported"},
    {"log.queue", "log lines go through rollstat's own log"},
    {"acks", "every event has to be on all in-sync replicas"},
    {"request.required.acks", "every event has to be on all in-sync replicas"},
    {"enable.idempotence", "a retry must not write an event twice"},
    {"transactional.id", "rollstat uses no transactions"},
    {"partitioner", "events of a group have to meet in one partition, whoever publishes them"},
};

static const char *owned_why(const char *name)
{
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++) {
        if (strcmp(owned[i].name, name) == 0) {
            return owned[i].why;
        }
    }
    return NULL;
}

/* librdkafka tells its names only by dumping a configuration: name, value, name, value; without aliases. */
static void complain_unknown(struct rs_config *config, const struct rs_config_node *where, const char *name)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    size_t count = 0;
    const char **dump = rd_kafka_conf_dump(conf, &count);
    const char **names = calloc(count / 2 + 2, sizeof *names);
    const char *nearest = NULL;

    if (names) {
        for (size_t i = 0; i + 1 < count; i += 2) {
            names[i / 2] = dump[i];
        }
        names[count / 2] = "bootstrap.servers";
        nearest = rs_nearest_name(name, names);
    }
    if (nearest) {
        rs_config_complain(config, where, "librdkafka knows no property \"%s\"; did you mean \"%s\"?", name,
                           nearest);
    } else {
        rs_config_complain(config, where, "librdkafka knows no property \"%s\"", name);
    }
    free(names);
    rd_kafka_conf_dump_free(dump, count);
    rd_kafka_conf_destroy(conf);
}

static void check_property(struct rs_config *config, const struct rs_config_node *key,
                           const struct rs_config_node *value, rd_kafka_conf_t *conf)
{
    const char *name = rs_config_text(key);
    const char *text = rs_config_text(value);
    char errstr[ERRSTR_MAX] = "";

    if (rs_config_faulty(key) || rs_config_faulty(value)) {
        return; /* complained about already */
    }
    if (!name || !text) {
        rs_config_complain(config, value, "kafka: a property is a name and one value");
        return;
    }
    const char *why = owned_why(name);
    if (why) {
        rs_config_complain(config, key, "kafka: \"%s\" is set by rollstat itself: %s", name, why);
        return;
    }
    rd_kafka_conf_res_t result = rd_kafka_conf_set(conf, name, text, errstr, sizeof errstr);
    if (result == RD_KAFKA_CONF_UNKNOWN) {
        complain_unknown(config, key, name);
    } else if (result != RD_KAFKA_CONF_OK) {
        rs_config_complain(config, value, "kafka: %s", errstr);
    }
}

void rs_kafka_config_check(struct rs_config *config, const struct rs_config_node *kafka)
{
    if (!kafka) {
        rs_config_complain(config, rs_config_root(config),
                           "\"kafka\" is missing: at least kafka: {bootstrap.servers: HOST:PORT} is needed");
        return;
    }
    if (rs_config_kind(kafka) != RS_CONFIG_MAPPING) {
        rs_config_complain(config, kafka, "kafka: must be a mapping of librdkafka properties");
        return;
    }
    if (!rs_config_get(kafka, "bootstrap.servers") && !rs_config_get(kafka, "metadata.broker.list")) {
        rs_config_complain(config, kafka, "kafka: \"bootstrap.servers\" is missing");
    }
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    for (size_t i = 0; i < rs_config_size(kafka); i++) {
        const struct rs_config_node *key = NULL;
        const struct rs_config_node *value = NULL;
        rs_config_pair(kafka, i, &key, &value);
        check_property(config, key, value, conf);
    }
    rd_kafka_conf_destroy(conf);
}

int rs_kafka_config_set(rd_kafka_conf_t *conf, const char *name, const char *value, struct rs_error *error)
{
    char errstr[ERRSTR_MAX] = "";

    if (rd_kafka_conf_set(conf, name, value, errstr, sizeof errstr) != RD_KAFKA_CONF_OK) {
        return rs_fail(error, RS_ECONFIG, "kafka: %s", errstr);
    }
    return 0;
}

int rs_kafka_config_set_all(rd_kafka_conf_t *conf, const char *const (*properties)[2], struct rs_error *error)
{
    int rc = 0;

    for (; rc == 0 && (*properties)[0]; properties++) {
        rc = rs_kafka_config_set(conf, (*properties)[0], (*properties)[1], error);
    }
    return rc;
}

bool rs_kafka_config_try(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char errstr[ERRSTR_MAX] = "";

    return rd_kafka_conf_set(conf, name, value, errstr, sizeof errstr) == RD_KAFKA_CONF_OK;
}

int rs_kafka_config_apply(const struct rs_config_node *kafka, rd_kafka_conf_t *conf, struct rs_error *error)
{
    /* Versions that know it tell brokers about the client, unless told not to. */
    (void)rs_kafka_config_try(conf, "enable.metrics.push", "false");
    for (size_t i = 0; kafka && i < rs_config_size(kafka); i++) {
        const struct rs_config_node *key = NULL;
        const struct rs_config_node *value = NULL;
        rs_config_pair(kafka, i, &key, &value);
        int rc = rs_kafka_config_set(conf, rs_config_text(key), rs_config_text(value), error);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

enum rs_log_level rs_kafka_log_level(const char *facility, int level)
{
    static const char *const quiet[] = {"FAIL", "ERROR", "REQTMOUT", "CONFWARN", "SSLCERTVRFY"};

    for (size_t i = 0; i < sizeof quiet / sizeof quiet[0]; i++) {
        if (strcmp(facility, quiet[i]) == 0) {
            return RS_LOG_DEBUG;
        }
    }
    return level <= LOG_ERR      ? RS_LOG_ERROR
           : level <= LOG_NOTICE ? RS_LOG_WARNING
           : level == LOG_INFO   ? RS_LOG_INFO
                                 : RS_LOG_DEBUG;
}
