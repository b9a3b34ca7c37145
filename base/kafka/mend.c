#include "base/kafka/mend.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ACLS                                                                                                 \
    "; grant the right with: kafka-acls.sh --bootstrap-server HOST:PORT --add --allow-principal User:NAME"

/* An idempotent producer that may not do so is refused by the cluster, not by the topic, and the right is
 * not called Write there. */
void rs_kafka_mend_right(rd_kafka_resp_err_t code, const char *operation, const char *name, char *out,
                         size_t size)
{
    out[0] = '\0';
    switch (code) {
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        (void)snprintf(out, size, ACLS " --operation %s --topic %s", operation, name);
        break;
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
        (void)snprintf(out, size, ACLS " --operation %s --group %s", operation, name);
        break;
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
        (void)snprintf(out, size, ACLS " --operation %s --cluster",
                       strcmp(operation, "Write") == 0 ? "IdempotentWrite" : operation);
        break;
    default: break;
    }
}

static void add(char *out, size_t size, const char *text)
{
    size_t used = strlen(out);

    (void)snprintf(out + used, size - used, "%s", text);
}

void rs_kafka_mend_topic(const struct rs_kafka_new_topic *topic, char *out, size_t size)
{
    char part[160];

    (void)snprintf(out, size,
                   "kafka-topics.sh --bootstrap-server HOST:PORT --create --topic %s --partitions %" PRId32,
                   topic->name, topic->partitions > 0 ? topic->partitions : 1);
    if (topic->replication_factor > 0) {
        (void)snprintf(part, sizeof part, " --replication-factor %" PRId32, topic->replication_factor);
        add(out, size, part);
    }
    for (const char *const(*pair)[2] = topic->settings; (*pair)[0]; pair++) {
        (void)snprintf(part, sizeof part, " --config %s=%s", (*pair)[0], (*pair)[1]);
        add(out, size, part);
    }
}

void rs_kafka_mend_settings(const char *topic, const char *settings, char *out, size_t size)
{
    (void)snprintf(
        out, size,
        "kafka-configs.sh --bootstrap-server HOST:PORT --alter --entity-type topics --entity-name %s "
        "--add-config %s",
        topic, settings);
}

void rs_kafka_mend_partitions(const char *topic, int32_t partitions, char *out, size_t size)
{
    (void)snprintf(out, size,
                   "kafka-topics.sh --bootstrap-server HOST:PORT --alter --topic %s --partitions %" PRId32,
                   topic, partitions);
}
