#include "base/kafka/admin.h"

#define ERRSTR_MAX 256

/* Where a broker has something to do before it answers it may take half as long as we wait: it gives up first,
 * and we hear why. */
static bool takes_time(rd_kafka_admin_op_t operation)
{
    return operation == RD_KAFKA_ADMIN_OP_CREATETOPICS || operation == RD_KAFKA_ADMIN_OP_CREATEPARTITIONS;
}

rd_kafka_AdminOptions_t *rs_kafka_admin_options(rd_kafka_t *client, rd_kafka_admin_op_t operation,
                                                void *opaque)
{
    char text[ERRSTR_MAX];
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(client, operation);

    (void)rd_kafka_AdminOptions_set_request_timeout(options, RS_KAFKA_ADMIN_MS, text, sizeof text);
    if (takes_time(operation)) {
        (void)rd_kafka_AdminOptions_set_operation_timeout(options, RS_KAFKA_ADMIN_MS / 2, text, sizeof text);
    }
    rd_kafka_AdminOptions_set_opaque(options, opaque);
    return options;
}

bool rs_kafka_topic_make(rd_kafka_t *client, const struct rs_kafka_new_topic *topic,
                         rd_kafka_queue_t *answers, void *opaque)
{
    char text[ERRSTR_MAX];
    rd_kafka_NewTopic_t *fresh =
        rd_kafka_NewTopic_new(topic->name, topic->partitions, topic->replication_factor, text, sizeof text);

    if (!fresh) {
        return false;
    }
    for (const char *const(*pair)[2] = topic->settings; (*pair)[0]; pair++) {
        (void)rd_kafka_NewTopic_set_config(fresh, (*pair)[0], (*pair)[1]);
    }
    rd_kafka_AdminOptions_t *options = rs_kafka_admin_options(client, RD_KAFKA_ADMIN_OP_CREATETOPICS, opaque);
    if (topic->only_judged) {
        (void)rd_kafka_AdminOptions_set_validate_only(options, 1, text, sizeof text);
    }
    rd_kafka_CreateTopics(client, &fresh, 1, options, answers);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_NewTopic_destroy(fresh);
    return true;
}

static const rd_kafka_topic_result_t **topic_results(rd_kafka_event_t *event, size_t *count)
{
    const rd_kafka_CreateTopics_result_t *made = rd_kafka_event_CreateTopics_result(event);

    *count = 0;
    if (made) {
        return rd_kafka_CreateTopics_result_topics(made, count);
    }
    const rd_kafka_CreatePartitions_result_t *grown = rd_kafka_event_CreatePartitions_result(event);
    return grown ? rd_kafka_CreatePartitions_result_topics(grown, count) : NULL;
}

rd_kafka_resp_err_t rs_kafka_topic_answer(rd_kafka_event_t *event, const char **why)
{
    size_t count = 0;
    rd_kafka_resp_err_t code = !event ? RD_KAFKA_RESP_ERR__TIMED_OUT : rd_kafka_event_error(event);

    *why = !event ? NULL : rd_kafka_event_error_string(event);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        const rd_kafka_topic_result_t **topics = topic_results(event, &count);
        code = count == 1 ? rd_kafka_topic_result_error(topics[0]) : RD_KAFKA_RESP_ERR__FAIL;
        *why = count == 1 ? rd_kafka_topic_result_error_string(topics[0]) : NULL;
    }
    if (!*why) {
        *why = rd_kafka_err2str(code);
    }
    return code;
}

void rs_kafka_topic_describe(rd_kafka_t *client, const char *topic, rd_kafka_queue_t *answers, void *opaque)
{
    rd_kafka_ConfigResource_t *resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    rd_kafka_AdminOptions_t *options =
        rs_kafka_admin_options(client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, opaque);

    rd_kafka_DescribeConfigs(client, &resource, 1, options, answers);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_ConfigResource_destroy(resource);
}

/* Two things may have failed: the request, or the one topic that it asks about. */
rd_kafka_resp_err_t rs_kafka_settings_answer(rd_kafka_event_t *event, rs_kafka_take_setting *take, void *ctx)
{
    size_t count = 0;
    rd_kafka_resp_err_t code = !event ? RD_KAFKA_RESP_ERR__TIMED_OUT : rd_kafka_event_error(event);

    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return code;
    }
    const rd_kafka_ConfigResource_t **found =
        rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event), &count);
    code = count == 1 ? rd_kafka_ConfigResource_error(found[0]) : RD_KAFKA_RESP_ERR__FAIL;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return code;
    }
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(found[0], &count);
    for (size_t i = 0; i < count; i++) {
        const char *value = rd_kafka_ConfigEntry_value(entries[i]);
        take(ctx, rd_kafka_ConfigEntry_name(entries[i]), !value ? "" : value);
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}
